"""Draw the three drawings of the lesson *Batch normalization*."""

from svg import BLUE, INK, ORANGE, arrow, box, line, save, text, variable


def rectangle(x: float, y: float, width: float, height: float, color: str, fill: str = "") -> str:
    """Return an outlined rectangle, filled with a thin veil of its color on request."""
    inside = f' fill="{color}" fill-opacity="{fill}"' if fill else ""
    return (
        f'  <rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="4" '
        f'stroke="{color}" stroke-width="2.4"{inside}/>\n'
    )


def columns() -> None:
    """Draw batch times features, with a column of batch and a row of layer normalization."""
    left, top, wide, high = 96, 60, 58, 34
    pieces = ""
    for row in range(5):
        for column in range(5):
            x, y = left + column * wide, top + row * high
            pieces += f'  <rect x="{x}" y="{y}" width="{wide}" height="{high}" '
            pieces += f'stroke="{INK}" stroke-width="0.6"/>\n'
    pieces += rectangle(left + wide, top, wide, 5 * high, BLUE, "0.22")
    pieces += rectangle(left, top + 3 * high, 5 * wide, high, ORANGE, "0.22")
    pieces += text(left + 2.5 * wide, 20, "features, one per unit of the layer")
    pieces += arrow(left, 34, left + 5 * wide, 34)
    pieces += text(88, top + 2.5 * high - 4, "images", "end")
    pieces += text(88, top + 2.5 * high + 12, "of the batch", "end", size=12)
    pieces += text(left, top + 5 * high + 22, "batch normalization", "start", BLUE)
    note = "one feature, all images"
    pieces += text(left, top + 5 * high + 38, note, "start", BLUE, size=12)
    pieces += text(left + 5 * wide, top + 5 * high + 22, "layer normalization", "end", ORANGE)
    note = "one image, all features"
    pieces += text(left + 5 * wide, top + 5 * high + 38, note, "end", ORANGE, size=12)
    save("batch_normalization_columns", 448, 280, "Columns and rows of a batch", pieces)


def paths() -> None:
    """Draw the way through the layer in training and in inference."""
    pieces = ""
    for x, title, color in ((58, "in training", BLUE), (390, "in inference", ORANGE)):
        pieces += text(x, 20, title, color=color, extra=' font-weight="600"')
    pieces += arrow(58, 250, 58, 202, BLUE) + text(58, 268, "a batch", color=BLUE)
    pieces += arrow(390, 250, 390, 202, ORANGE) + text(390, 268, "any input", color=ORANGE)
    standardize = f"({variable('x')} − μ) / σ"
    for x in (8, 340):
        pieces += box(x, 166, 100, 34, standardize) + box(x, 82, 100, 34, "γ · + β")
    for x, color in ((58, BLUE), (390, ORANGE)):
        pieces += arrow(x, 166, x, 118, color) + arrow(x, 82, x, 34, color)
    pieces += box(158, 166, 132, 34, "moving averages")
    pieces += arrow(110, 190, 156, 190, BLUE) + arrow(292, 183, 338, 183, ORANGE)
    pieces += text(132, 218, "μ, σ² of", color=BLUE, size=12)
    pieces += text(132, 232, "this batch", color=BLUE, size=12)
    pieces += text(314, 218, "stored", color=ORANGE, size=12)
    pieces += text(314, 232, "μ, σ²", color=ORANGE, size=12)
    pieces += text(224, 156, "move a little", size=12)
    pieces += text(224, 92, "γ, β: the same,") + text(224, 110, "trained by gradients")
    pieces += line(112, 98, 154, 98, dashes="2 4") + line(294, 98, 336, 98, dashes="2 4")
    save("batch_normalization_paths", 448, 276, "Training and inference", pieces)


def placement() -> None:
    """Draw the two places of a normalization in a layer."""
    pieces = ""
    rows = (
        (12, "before", (f"{variable('W')} {variable('a')}", "normalize", "φ"), 1),
        (76, "after", (f"{variable('W')} {variable('a')} + {variable('b')}", "φ", "normalize"), 2),
    )
    for y, title, labels, special in rows:
        pieces += text(8, y + 22, title, "start")
        for number, label in enumerate(labels):
            x = 92 + number * 116
            pieces += box(x, y, 92, 34, label)
            if number == special:
                pieces += rectangle(x, y, 92, 34, BLUE, "0.18")
            pieces += arrow(x - 24, y + 17, x - 2, y + 17)
        pieces += arrow(92 + 2 * 116 + 92, y + 17, 440, y + 17)
    save("batch_normalization_placement", 448, 122, "Before or after the activation", pieces)


columns()
paths()
placement()
