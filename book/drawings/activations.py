"""Draw the three drawings of the lesson *Activation functions*."""

import math

from svg import BLUE, INK, ORANGE, arrow, dot, line, save, text, variable


def polyline(points: list[tuple[float, float]], color: str = INK, fill: str = "") -> str:
    """Return a line through points, or a filled area below it."""
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    if fill:
        return f'  <polygon points="{places}" fill="{color}" fill-opacity="{fill}"/>\n'
    return f'  <polyline points="{places}" stroke="{color}" stroke-width="2.6"/>\n'


def dead() -> None:
    """Draw a live ReLU unit, and a dead one for which z is negative for every image."""
    panels = (
        (112, "a live unit", [-3.0, -2.1, -1.2, -0.4, 0.5, 1.1, 1.9, 2.6], BLUE),
        (336, "a dead unit", [-3.4, -2.9, -2.5, -2.1, -1.7, -1.3, -0.9, -0.5], ORANGE),
    )
    pieces = ""
    for center, title, values, color in panels:

        def place(z: float, value: float = 0.0, center: float = center) -> tuple[float, float]:
            return center + 26 * z, 132 - 26 * value

        pieces += text(center, 20, title, color=color, extra=' font-weight="600"')
        pieces += line(*place(-3.8), *place(3.8), width=1)
        pieces += line(*place(0, -0.25), *place(0, 3.6), width=1, dashes="2 3")
        pieces += polyline([place(-3.8), place(0), place(3.4, 3.4)], INK)
        for z in values:
            pieces += dot(*place(z, max(z, 0)), 4.5, color)
        pieces += text(place(3.8)[0], 150, variable("z"), "end")
        pieces += text(place(0)[0], 150, "0", size=12)
    pieces += text(112, 182, "each image to the right of 0", size=12)
    pieces += text(112, 198, "sends a gradient to its weights", size=12)
    pieces += text(336, 182, "every image sees the slope 0:", size=12)
    pieces += text(336, 198, "no gradient, no change, no return", size=12)
    save("activations_dead", 448, 208, "A live and a dead ReLU unit", pieces)


def gate() -> None:
    """Draw GELU as z times the probability that a number from N(0, 1) is below z."""
    z = 0.8
    xs = [step / 20 for step in range(-60, 61)]

    def bell(x: float) -> tuple[float, float]:
        return 104 + 30 * x, 140 - 240 * math.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)

    below = [bell(x) for x in xs if x <= z]
    pieces = polyline([(below[0][0], 140), *below, (below[-1][0], 140)], BLUE, "0.3")
    pieces += polyline([bell(x) for x in xs], BLUE) + line(8, 140, 200, 140, width=1)
    pieces += line(bell(z)[0], 148, bell(z)[0], 30, width=1.2, dashes="3 3")
    pieces += text(bell(z)[0], 164, variable("z")) + text(88, 118, f"Φ({variable('z')})")
    pieces += text(104, 20, "chance to be kept", color=BLUE, extra=' font-weight="600"')
    pieces += text(104, 186, "blue area: how probable it is that", size=12)
    pieces += text(104, 202, "a number from N(0, 1) is below " + variable("z"), size=12)

    def place(x: float, value: float) -> tuple[float, float]:
        return 332 + 30 * x, 124 - 30 * value

    def gelu(x: float) -> float:
        return x * (1 + math.erf(x / math.sqrt(2))) / 2

    pieces += line(*place(-3.2, 0), *place(3.2, 0), width=1)
    pieces += line(*place(0, -0.3), *place(0, 3.1), width=1, dashes="2 3")
    pieces += line(*place(-3, 0), *place(0, 0), INK, 1.2, "5 3")
    pieces += line(*place(0, 0), *place(3, 3), INK, 1.2, "5 3")
    pieces += polyline([place(x, gelu(x)) for x in xs], ORANGE)
    pieces += text(332, 20, "average output", color=ORANGE, extra=' font-weight="600"')
    pieces += text(*place(-3, 1.2), f"GELU: {variable('z')} Φ({variable('z')})", "start", ORANGE)
    pieces += text(*place(0.75, -0.62), "dashed: ReLU", "start", size=12)
    pieces += text(*place(3.2, -0.62), variable("z"), "end")
    pieces += text(332, 186, "small negative values are", size=12)
    pieces += text(332, 202, "sometimes kept, not always cut", size=12)
    save("activations_gate", 448, 210, "GELU as a random gate", pieces)


def balance() -> None:
    """Draw SELU with the parts that lift small variances and cap large ones."""
    alpha, scale = 1.6733, 1.0507

    def selu(z: float) -> float:
        return scale * (z if z > 0 else alpha * (math.exp(z) - 1))

    def place(z: float, value: float) -> tuple[float, float]:
        return 244 + 40 * z, 128 - 34 * value

    xs = [step / 20 for step in range(-96, 61)]
    pieces = line(*place(-4.8, 0), *place(4, 0), width=1)
    pieces += line(*place(0, -2.1), *place(0, 3.3), width=1, dashes="2 3")
    pieces += line(*place(-2.1, -2.1), *place(3.1, 3.1), width=1, dashes="5 3")
    pieces += polyline([place(z, selu(z)) for z in xs], INK)
    near = [place(z, selu(z)) for z in xs if -0.5 <= z <= 0.5]
    far = [place(z, selu(z)) for z in xs if z <= -2.4]
    for part, color in ((near, BLUE), (far, ORANGE)):
        pieces += polyline(part, color).replace('"2.6"', '"6"')
    pieces += text(8, 30, "near 0: steeper than 1", "start", BLUE, extra=' font-weight="600"')
    pieces += text(8, 48, "small signals grow", "start", BLUE)
    pieces += arrow(150, 54, 232, 118, BLUE)
    pieces += text(8, 214, "far left: flat", "start", ORANGE, extra=' font-weight="600"')
    pieces += text(8, 232, "large signals are cut", "start", ORANGE)
    pieces += text(*place(3.2, 2.5), "slope 1.05", "start")
    pieces += text(*place(0.35, -0.9), "slope 1.76 just left of 0", "start", size=12)
    pieces += text(*place(0.35, -1.85), "dashed: slope 1", "start", size=12)
    pieces += text(*place(4, -0.4), variable("z"), "end")
    save("activations_balance", 448, 240, "Why SELU keeps the size of a signal", pieces)


dead()
gate()
balance()
