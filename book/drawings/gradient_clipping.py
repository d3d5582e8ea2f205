"""Draw the two drawings of the lesson *Gradient clipping*."""

import math

from svg import BLUE, INK, ORANGE, arrow, box, line, save, text, variable


def unrolled() -> None:
    """Draw a recurrent layer as a chain in time, with signal and gradient."""
    pieces, y = "", 74
    steps = ((58, "1"), (150, "2"), (242, "3"), (350, "28"))
    for x, step in steps:
        pieces += box(x - 23, y, 46, 34, "") + text(x, y + 20, variable("h", step))
        pieces += arrow(x, 172, x, y + 36, BLUE) + text(x, 190, f"row {step}")
        pieces += text(x + 6, 152, variable("U"), "start", BLUE)
    for left, right in ((81, 127), (173, 219)):
        pieces += arrow(left, y + 9, right - 2, y + 9, BLUE)
        pieces += text((left + right) / 2, y - 2, variable("W"), color=BLUE)
        pieces += arrow(right, y + 26, left + 2, y + 26, ORANGE)
        pieces += text((left + right) / 2, y + 45, f"× {variable('W')}ᵀ", color=ORANGE, size=12)
    pieces += arrow(265, y + 9, 284, y + 9, BLUE) + arrow(284, y + 26, 267, y + 26, ORANGE)
    pieces += text(296, y + 21, "…", size=18)
    pieces += arrow(308, y + 9, 325, y + 9, BLUE) + arrow(325, y + 26, 310, y + 26, ORANGE)
    pieces += arrow(342, y - 2, 342, 40, BLUE) + arrow(358, 40, 358, y - 2, ORANGE)
    pieces += text(350, 28, "ten classes, loss")
    pieces += text(8, 28, "signal", "start", BLUE, extra=' font-weight="600"')
    pieces += text(64, 28, "and", "start") + text(
        96, 28, "gradient", "start", ORANGE, extra=' font-weight="600"'
    )
    pieces += text(96, 46, "27 times the same matrix", "start", size=12)
    save("gradient_clipping_unrolled", 448, 200, "A recurrent layer, unrolled in time", pieces)


def outline(x: float, y: float, half: float, kind: str) -> str:
    """Return the box or the ball of a threshold around (x, y)."""
    style = f'stroke="{INK}" stroke-width="1.2" stroke-dasharray="3 3"/>\n'
    if kind == "box":
        return (
            f'  <rect x="{x - half:g}" y="{y - half:g}" width="{2 * half:g}" '
            f'height="{2 * half:g}" {style}'
        )
    return f'  <circle cx="{x:g}" cy="{y:g}" r="{half:g}" {style}'


def three_ways() -> None:
    """Draw a long and a short gradient, clipped by value, by norm and by global norm."""
    unit, pieces = 26, ""
    long, short = (2.0, 3.0), (0.6, 0.3)
    norm, together = math.hypot(*long), math.hypot(*long, *short)
    columns = (
        (74, "clipvalue", "box", (1.0, 1.0), short),
        (224, "clipnorm", "ball", tuple(v / norm for v in long), short),
        (374, "global_clipnorm", "", tuple(v / together for v in long),
         tuple(v / together for v in short)),
    )  # fmt: skip
    for x, name, kind, first, second in columns:
        pieces += text(x, 20, name, extra=' font-weight="600"')
        for (left, bottom), before, after in (
            ((x - 24, 132), long, first),
            ((x - 24, 218), short, second),
        ):
            if kind:
                pieces += outline(left, bottom, unit, kind)
            pieces += line(left, bottom, left + unit * before[0], bottom - unit * before[1],
                           width=1.2)  # fmt: skip
            pieces += thick_arrow(left, bottom, left + unit * after[0], bottom - unit * after[1])
    pieces += line(149, 34, 149, 250, width=0.5) + line(299, 34, 299, 250, width=0.5)
    for x, note, second in (
        (74, "is turned", "stays"),
        (224, "is shortened", "stays"),
        (374, "both are shortened", "by the same factor"),
    ):
        pieces += text(x, 178, note, size=12) + text(x, 264, second, size=12)
    save("gradient_clipping_three_ways", 448, 276, "Three ways to clip a gradient", pieces)


def thick_arrow(x1: float, y1: float, x2: float, y2: float) -> str:
    """Return an arrow in blue, with a small head where it is short."""
    length = math.hypot(x2 - x1, y2 - y1)
    dx, dy = (x2 - x1) / length, (y2 - y1) / length
    head = min(8.0, 0.6 * length)
    ends = [
        (x2 - head * dx - side * head / 2 * dy, y2 - head * dy + side * head / 2 * dx)
        for side in (1, -1)
    ]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in ((x2, y2), *ends))
    shaft = line(x1, y1, x2 - 0.8 * head * dx, y2 - 0.8 * head * dy, BLUE, 3)
    return f'{shaft}  <polygon points="{points}" fill="{BLUE}"/>\n'


unrolled()
three_ways()
