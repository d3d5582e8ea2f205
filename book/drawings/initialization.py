"""Draw the three drawings of the lesson *Initialization*."""

from svg import BLUE, INK, ORANGE, arrow, box, line, save, text, variable


def circle(x: float, y: float, color: str = INK, width: float = 1.5) -> str:
    """Return the outline of a unit."""
    return f'  <circle cx="{x:g}" cy="{y:g}" r="13" stroke="{color}" stroke-width="{width:g}"/>\n'


def fans() -> None:
    """Draw one kernel twice: what a unit above collects, and what a unit below gets back."""
    below, above = [56, 100, 144, 188], [78, 122, 166]
    pieces = ""
    for left, color, title in ((26, BLUE, "on the way up"), (262, ORANGE, "on the way back")):
        right = left + 134
        pieces += text(left + 67, 20, title, color=color, extra=' font-weight="600"')
        for y in below:
            for other in above:
                pieces += line(left + 13, y, right - 13, other, width=0.4)
        for y in below:
            pieces += circle(left, y)
        for y in above:
            pieces += circle(right, y)
    for y in below:
        pieces += arrow(40, y, 146, 122 + (y - 122) * 0.12, BLUE)
    pieces += circle(160, 122, BLUE, 3)
    for y in above:
        pieces += arrow(382, y, 276, 100 + (y - 100) * 0.12, ORANGE)
    pieces += circle(262, 100, ORANGE, 3)
    pieces += text(93, 222, "4 terms reach a unit above:", color=BLUE, size=13)
    pieces += text(93, 240, "fan-in 4", color=BLUE, extra=' font-weight="600"')
    pieces += text(329, 222, "3 terms reach a unit below:", color=ORANGE, size=13)
    pieces += text(329, 240, "fan-out 3", color=ORANGE, extra=' font-weight="600"')
    save("initialization_fans", 448, 252, "Fan-in and fan-out of a kernel", pieces)


def twins() -> None:
    """Draw two hidden units with equal weights on both sides."""
    pieces = ""
    for y, label in ((66, "1"), (158, "2")):
        pieces += circle(40, y) + text(40, y + 5, variable("x", label), size=13)
        pieces += circle(224, y, BLUE, 2.6) + text(224, y + 5, variable("a"), color=BLUE)
    pieces += circle(392, 112) + text(392, 117, variable("y"))
    pieces += text(224, 24, "twins", color=BLUE, extra=' font-weight="600"')
    for unit in (66, 158):
        for source, color in ((66, INK), (158, ORANGE)):
            pieces += arrow(54, source, 210, unit - (unit - source) * 0.06, color)
        pieces += arrow(238, unit, 379, 112 + (unit - 112) * 0.14, BLUE)
        pieces += text(312, 80 if unit == 66 else 156, variable("u"), color=BLUE)
    for x, y, name, color in (
        (140, 58, "v", INK),
        (82, 104, "v", INK),
        (82, 130, "w", ORANGE),
        (140, 177, "w", ORANGE),
    ):
        pieces += text(x, y, variable(name), color=color)
    pieces += text(224, 206, "same weights in, so the same output;")
    pieces += text(224, 224, "same weight out, so the same gradient;")
    pieces += text(224, 242, "so the same step, and twins again")
    save("initialization_twins", 448, 254, "Twin units", pieces)


def block() -> None:
    """Draw a residual block whose second kernel starts at zero."""
    pieces = arrow(10, 112, 54, 112) + text(28, 100, variable("x"))
    pieces += line(54, 112, 54, 44, width=1.8) + line(54, 44, 352, 44, width=1.8)
    pieces += arrow(352, 44, 352, 98)
    pieces += text(200, 34, "skip connection: " + variable("x") + " itself")
    pieces += arrow(54, 112, 84, 112)
    pieces += box(86, 95, 62, 34, variable("W", 1)) + arrow(148, 112, 170, 112)
    pieces += box(172, 95, 62, 34, "ReLU") + arrow(234, 112, 256, 112)
    pieces += box(258, 95, 62, 34, variable("W", 2)) + arrow(320, 112, 338, 112)
    pieces += circle(352, 112) + text(352, 117, "+", size=16)
    pieces += arrow(366, 112, 440, 112)
    pieces += text(290, 152, "starts at zero:", color=ORANGE, size=13)
    pieces += text(290, 168, "the block adds nothing", color=ORANGE, size=13)
    pieces += text(118, 152, "He", color=BLUE, size=13)
    save("initialization_block", 448, 180, "A residual block", pieces)


fans()
twins()
block()
