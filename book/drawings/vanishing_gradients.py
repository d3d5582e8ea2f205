"""Draw the three drawings of the lesson *Vanishing and exploding gradients*."""

import itertools
import math
from fractions import Fraction

from svg import BLUE, INK, ORANGE, arrow, box, dot, line, save, text, variable


def chain() -> None:
    """Draw four sigmoid units in a row, and the gradient that each of them gets."""
    centers, pieces = [62, 170, 278, 386], ""
    for number, x in enumerate(centers, start=1):
        pieces += f'  <circle cx="{x}" cy="62" r="24" stroke="{INK}" stroke-width="1.5"/>\n'
        pieces += text(x, 67, "σ", size=18) + text(x, 24, f"unit {number}")
    pieces += arrow(8, 54, centers[0] - 26, 54, BLUE) + arrow(centers[-1] + 26, 54, 442, 54, BLUE)
    pieces += text(428, 44, "loss", color=BLUE, size=12)
    for number, (x, following) in enumerate(itertools.pairwise(centers), start=2):
        middle = (x + following) / 2
        pieces += arrow(x + 26, 54, following - 26, 54, BLUE)
        pieces += text(middle, 44, variable("w", number), color=BLUE)
        pieces += arrow(following - 26, 112, x + 26, 112, ORANGE)
        pieces += text(middle, 104, "× ¼ at most", color=ORANGE, size=12)
    for x, label in zip(centers, ("1/64", "1/16", "1/4", "1"), strict=True):
        height = max(72 * Fraction(label), 1.2)
        pieces += f'  <rect x="{x - 16}" y="{216 - float(height):.1f}" width="32" '
        pieces += f'height="{float(height):.1f}" fill="{ORANGE}"/>\n' + text(x, 234, label)
    pieces += line(20, 216, 428, 216, width=1)
    pieces += text(20, 152, "gradient that arrives", "start", ORANGE)
    pieces += text(20, 168, "(if each w is 1)", "start", size=12)
    save("vanishing_gradients_chain", 448, 244, "A chain of sigmoid units", pieces)


def units() -> None:
    """Draw the sigmoid with the tangents of a live and of a saturated unit."""

    def sigmoid(z: float) -> float:
        return 1 / (1 + math.exp(-z))

    def place(z: float, value: float) -> tuple[float, float]:
        return 30 + (z + 6) / 14 * 388, 190 - 156 * value

    curve = " ".join("{:.1f},{:.1f}".format(*place(z / 5, sigmoid(z / 5))) for z in range(-30, 41))
    pieces = line(30, 190, 418, 190, width=1) + line(30, 34, 418, 34, width=0.8, dashes="2 4")
    pieces += line(*place(0, -0.03), *place(0, 1.08), width=1, dashes="2 3")
    pieces += f'  <polyline points="{curve}" stroke="{BLUE}" stroke-width="2.6"/>\n'
    for z, half in ((0, 1.9), (5, 2.2)):
        value = sigmoid(z)
        slope = value * (1 - value)
        start, end = place(z - half, value - half * slope), place(z + half, value + half * slope)
        pieces += line(*start, *end, color=ORANGE, width=2.2) + dot(*place(z, value), 4.5, ORANGE)
    pieces += text(place(0, 0)[0] + 14, 132, "live: slope ¼", "start")
    pieces += text(place(5, 0)[0], 22, "saturated: slope 0.007")
    pieces += text(30, 26, "1", "start", size=12) + text(24, 194, "0", "end", size=12)
    pieces += text(place(0, 0)[0], 208, "0", size=12) + text(place(5, 0)[0], 208, "5", size=12)
    pieces += text(418, 208, "input " + variable("z"), "end")
    pieces += text(30, 178, f"output σ({variable('z')})", "start", BLUE)
    save("vanishing_gradients_units", 448, 216, "A live and a saturated sigmoid unit", pieces)


def two_ways() -> None:
    """Draw three layers, with the signal on its way up and the gradient on its way down."""
    pieces = ""
    for number, y in ((1, 176), (2, 106), (3, 36)):
        pieces += box(174, y, 100, 34, f"layer {number}")
    for y in (176, 106, 36):
        pieces += arrow(196, y, 196, max(y - 36, 12), BLUE)
        pieces += arrow(252, max(y - 36, 12), 252, y, ORANGE)
    pieces += arrow(196, 244, 196, 210, BLUE) + text(196, 260, "images", color=BLUE)
    pieces += text(152, 58, "signal", "end", BLUE, extra=' font-weight="600"')
    pieces += text(152, 118, f"multiply by {variable('W')},", "end", BLUE)
    pieces += text(152, 136, "then apply φ", "end", BLUE)
    pieces += text(152, 196, f"size √{variable('q')} of {variable('z')}", "end")
    pieces += text(296, 58, "gradient", "start", ORANGE, extra=' font-weight="600"')
    pieces += text(296, 118, f"multiply by {variable('W')}ᵀ,", "start", ORANGE)
    pieces += text(296, 136, f"then by φ′({variable('z')})", "start", ORANGE)
    pieces += text(296, 196, "factor √χ per layer", "start")
    save("vanishing_gradients_two_ways", 448, 268, "Signal up, gradient down", pieces)


chain()
units()
two_ways()
