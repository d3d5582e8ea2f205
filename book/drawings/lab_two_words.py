"""Draw the experiment of the landing page, *Two words*, as the Lab trains it.

The accuracies are those of the Lab's seed 42, which a test trains again.
"""

from svg import BLUE, INK, ORANGE, dot, line, save, text

#: Accuracy on the validation images after each epoch.
A = (0.108, 0.108, 0.108, 0.108, 0.108, 0.096, 0.108, 0.096, 0.108, 0.096)
B = (0.406, 0.432, 0.348, 0.612, 0.704, 0.634, 0.726, 0.708, 0.712, 0.724)

LEFT, RIGHT, TOP, BOTTOM = 52, 436, 34, 186


def place(epoch: int, accuracy: float) -> tuple[float, float]:
    """Return where a value stands."""
    x = LEFT + 18 + (epoch - 1) * (RIGHT - LEFT - 30) / 9
    return x, BOTTOM - accuracy / 0.8 * (BOTTOM - TOP)


def curve(values: tuple[float, ...], color: str, square: bool = False) -> str:
    """Return a line with a mark at each epoch: a circle or a square, as in the Lab."""
    points = [place(epoch, value) for epoch, value in enumerate(values, start=1)]
    joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    pieces = f'  <polyline points="{joined}" stroke="{color}" stroke-width="2"/>\n'
    for x, y in points:
        if square:
            pieces += f'  <rect x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8" '
            pieces += f'fill="{color}"/>\n'
        else:
            pieces += dot(x, y, 4, color)
    return pieces


def two_words() -> None:
    """Draw both accuracies over the epochs."""
    pieces = text(4, 18, "accuracy on new images", "start")
    for share in (0, 0.2, 0.4, 0.6, 0.8):
        _, y = place(1, share)
        pieces += line(LEFT, y, RIGHT, y, INK, 0.4 if share else 1)
        pieces += text(LEFT - 6, y + 5, f"{share:.0%}", "end", size=13)
    for epoch in (1, 4, 7, 10):
        x, _ = place(epoch, 0)
        pieces += text(x, BOTTOM + 18, str(epoch), size=13)
    pieces += text((LEFT + RIGHT) / 2, BOTTOM + 36, "epoch")
    pieces += curve(A, BLUE) + curve(B, ORANGE, square=True)
    pieces += text(RIGHT - 4, place(1, 0.22)[1], "A: sigmoid, default weights", "end", BLUE)
    pieces += text(RIGHT - 4, place(1, 0.5)[1], "B: ReLU, He’s weights", "end", ORANGE)
    save("lab_two_words", 448, 228, "Two networks of twenty layers", pieces)


if __name__ == "__main__":
    two_words()
