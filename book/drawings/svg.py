"""Pieces of the drawings: lines, arrows and labels of SVG, and a file to put them in.

A drawing is at most 448 wide, so that its labels stay legible on a phone. What is
black has the color of the text around it, in the light and in the dark.
"""

import math
from pathlib import Path

BLUE, ORANGE, INK = "#2f7fd6", "#d2691e", "currentColor"


def text(x: float, y: float, label: str, anchor: str = "middle", color: str = INK,
         size: int = 14, extra: str = "") -> str:  # fmt: skip
    """Return a label; `anchor` says which of its points is at x: start, middle or end."""
    return (
        f'  <text x="{x:g}" y="{y:g}" text-anchor="{anchor}" fill="{color}" '
        f'font-size="{size}"{extra}>{label}</text>\n'
    )


def variable(name: str, index: object = "") -> str:
    """Return the letter of a variable, with an index below it, as a part of a label."""
    below = f'<tspan font-size="10" dy="4">{index}</tspan>' if index else ""
    return f'<tspan font-style="italic">{name}</tspan>{below}'


def line(x1: float, y1: float, x2: float, y2: float, color: str = INK, width: float = 1.5,
         dashes: str = "") -> str:  # fmt: skip
    """Return a straight line."""
    pattern = f' stroke-dasharray="{dashes}"' if dashes else ""
    return (
        f'  <line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f'stroke="{color}" stroke-width="{width:g}"{pattern}/>\n'
    )


def arrow(x1: float, y1: float, x2: float, y2: float, color: str = INK) -> str:
    """Return an arrow from (x1, y1) to (x2, y2)."""
    length = math.hypot(x2 - x1, y2 - y1)
    dx, dy = (x2 - x1) / length, (y2 - y1) / length
    left, right = ((x2 - 8 * dx - side * 4 * dy, y2 - 8 * dy + side * 4 * dx) for side in (1, -1))
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in ((x2, y2), left, right))
    shaft = line(x1, y1, x2 - 6 * dx, y2 - 6 * dy, color, 1.8)
    return f'{shaft}  <polygon points="{points}" fill="{color}"/>\n'


def box(x: float, y: float, width: float, height: float, label: str) -> str:
    """Return a labeled box."""
    return (
        f'  <rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6" '
        f'stroke="{INK}" stroke-width="1.5"/>\n'
    ) + text(x + width / 2, y + height / 2 + 5, label)


def dot(x: float, y: float, radius: float, color: str) -> str:
    """Return a filled circle."""
    return f'  <circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" fill="{color}"/>\n'


def save(name: str, width: int, height: int, title: str, pieces: str) -> None:
    """Write a drawing beside this file."""
    start = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="system-ui, sans-serif" '
        f'fill="none" color="currentColor">\n  <title>{title}</title>\n'
    )
    path = Path(__file__).parent / f"{name}.svg"
    path.write_text(f"{start}{pieces}</svg>\n", encoding="utf-8")
