"""Draw the three drawings of the lesson *Optimizers*."""

import math

from svg import BLUE, INK, ORANGE, arrow, box, dot, line, save, text, variable


def ellipses(x: float, y: float, angle: float) -> str:
    """Return the contours of a ravine around (x, y), its floor turned by an angle."""
    return "".join(
        f'  <ellipse cx="{x}" cy="{y}" rx="{3.2 * r}" ry="{r}" stroke="{INK}" stroke-width="1" '
        f'opacity="0.5" transform="rotate({angle} {x} {y})"/>\n'
        for r in (9, 19, 29)
    )


def ravine() -> None:
    """Draw the gradient and a step with a rate for each parameter, in two ravines."""
    pieces = ""
    for x, angle, title in ((112, 0, "along an axis"), (336, -45, "turned")):
        y, turn = 116, math.radians(angle)
        along, across = -76, -16
        px = x + along * math.cos(turn) - across * math.sin(turn)
        py = y + along * math.sin(turn) + across * math.cos(turn)
        pieces += text(x, 20, title, extra=' font-weight="600"') + ellipses(x, y, angle)
        pieces += line(x - 100, y, x + 100, y, width=0.8, dashes="2 4")
        pieces += line(x, y - 88, x, y + 84, width=0.8, dashes="2 4")
        pieces += text(x + 102, y - 6, variable("θ", 1), "end")
        pieces += text(x + 10, y - 78, variable("θ", 2), "start")
        # Across the floor the ravine is steep, along it nearly flat.
        down = 44
        gx, gy = (
            px + 5 * math.cos(turn) - down * math.sin(turn),
            py + 5 * math.sin(turn) + down * math.cos(turn),
        )
        pieces += arrow(px, py, gx, gy, ORANGE)
        if angle:
            # Both entries of the gradient are about equal: to divide them changes nothing.
            size = 62 / math.sqrt(2)
            sx, sy = math.copysign(size, gx - px), math.copysign(size, gy - py)
            pieces += arrow(px - 5, py + 5, px - 5 + sx, py + 5 + sy, BLUE)
        else:
            pieces += arrow(px, py, x - 6, y - 1.5, BLUE)
        pieces += dot(px, py, 4, INK) + dot(x, y, 3, INK)
    pieces += text(10, 232, "minus the gradient", "start", ORANGE)
    pieces += text(10, 252, "each entry divided by its usual size", "start", BLUE)
    save("optimizers_ravine", 448, 264, "A ravine along an axis, and one that is turned", pieces)


def nesterov() -> None:
    """Draw one step of momentum and of Nesterov's variant across the floor of a ravine."""
    pieces = ""
    for x, title, ahead in ((14, "momentum", False), (238, "Nesterov", True)):
        floor = 122
        pieces += text(x + 98, 20, title, extra=' font-weight="600"')
        for offset in (-70, -38, 38, 70):
            pieces += line(x, floor + offset, x + 196, floor + offset, width=0.7)
        pieces += line(x, floor, x + 196, floor, width=1.2, dashes="5 4")
        start, tip = (x + 24, floor - 50), (x + 118, floor + 30)
        pieces += arrow(*start, *tip, BLUE)
        pieces += text(x + 62, floor - 28, "β" + variable("m"), "start", BLUE)
        measured = tip if ahead else start
        end = (tip[0] + 8, tip[1] - 26) if ahead else (tip[0] + 8, tip[1] + 42)
        pieces += arrow(*tip, *end, ORANGE)
        pieces += text(end[0] + 6, (tip[1] + end[1]) / 2 + 6, "−η" + variable("g"), "start", ORANGE)
        radius = 7
        pieces += (
            f'  <circle cx="{measured[0]}" cy="{measured[1]}" r="{radius}" stroke="{ORANGE}" '
            'stroke-width="2"/>\n'
        )
        pieces += dot(*start, 3.5, INK) + dot(*end, 3.5, INK)
        pieces += text(start[0] - 10, start[1] - 10, variable("θ"), "start")
    pieces += text(14, 222, "○ where the gradient is measured", "start", ORANGE)
    pieces += text(14, 242, "dashed: the floor; the walls rise on both sides", "start", size=12)
    save("optimizers_nesterov", 448, 252, "Momentum and Nesterov's look-ahead", pieces)


def family() -> None:
    """Draw which idea each rule adds to which other."""
    pieces = box(8, 92, 66, 32, "SGD")
    pieces += box(128, 26, 96, 32, "momentum") + box(300, 26, 84, 32, "Nesterov")
    pieces += box(128, 158, 96, 32, "AdaGrad") + box(300, 158, 84, 32, "RMSProp")
    pieces += box(300, 92, 84, 32, "Adam")
    pieces += arrow(74, 98, 126, 50) + arrow(74, 118, 126, 166)
    pieces += arrow(224, 42, 298, 42) + arrow(224, 174, 298, 174)
    pieces += arrow(216, 60, 298, 98) + arrow(342, 158, 342, 126)
    pieces += text(94, 62, "velocity", "end", BLUE, 12) + text(94, 158, "divide", "end", BLUE, 12)
    pieces += text(261, 34, "look ahead", color=BLUE, size=12)
    pieces += text(261, 166, "forget", color=BLUE, size=12)
    pieces += box(76, 228, 80, 32, "Adamax") + box(182, 228, 80, 32, "AdamW")
    pieces += box(288, 228, 80, 32, "Nadam")
    pieces += line(384, 108, 420, 108) + line(420, 108, 420, 210) + line(420, 210, 116, 210)
    pieces += arrow(116, 210, 116, 227) + arrow(222, 210, 222, 227) + arrow(328, 210, 328, 227)
    pieces += text(116, 276, "largest", color=BLUE, size=12)
    pieces += text(222, 276, "decay outside", color=BLUE, size=12)
    pieces += text(328, 276, "look ahead", color=BLUE, size=12)
    save("optimizers_family", 448, 288, "What each optimizer adds to another", pieces)


ravine()
nesterov()
family()
