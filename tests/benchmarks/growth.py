"""How time grows: training with width, depth and data, an explorer with its frames."""

import machine
import matplotlib.pyplot as plt
import numpy as np
from limits import best

from ch11lib import datasets, explore, plots
from ch11lib.models import build_mlp


def seconds(hidden, n_images=12_800, batch_size=128):
    """Return the time of one epoch in one execution, in seconds."""
    data = datasets.load_fashion_mnist()
    X, y = data.X_train[:n_images].astype("float32") / 255, data.y_train[:n_images]
    model = build_mlp(hidden)
    steps = -(-n_images // batch_size)
    model.compile("sgd", "sparse_categorical_crossentropy", steps_per_execution=steps)
    return best(lambda: model.fit(X, y, batch_size, verbose=0, shuffle=False), 3)


def frames(n):
    """Return the time that an explorer takes to draw `n` frames, in seconds."""

    def plot(value):
        figure, axes = plt.subplots()
        axes.plot(np.linspace(0, value, 200))
        return plots.with_alt_text(figure, f"A line up to {value}.")

    return best(lambda: explore.explore(plot, value=list(range(1, n + 1))), 3)


def main():
    sweeps = {
        "width": {w: seconds([w, w]) for w in (100, 200, 400, 800, 1200)},
        "depth": {d: seconds([100] * d) for d in (2, 5, 10, 20, 40)},
        "images": {n: seconds([300, 100], n) for n in (6_400, 12_800, 25_600, 51_200)},
        "frames": {n: frames(n) for n in (1, 5, 10, 20, 40)},
    }
    for name, sweep in sweeps.items():
        print(name, {k: round(v, 3) for k, v in sweep.items()}, flush=True)
    machine.store("growth", **sweeps)


if __name__ == "__main__":
    main()
