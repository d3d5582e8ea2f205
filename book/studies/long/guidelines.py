"""Train dense networks for longer than a lesson can, and store what came of it.

    python book/studies/long/guidelines.py              # all steps: an hour of one core
    python book/studies/long/guidelines.py "300 units"  # one of them

The lesson *Guidelines* shows the results: ``ch11lib/data/dense_limit.json``, and
``dense_limit.npz`` beside it with the weights of one step's networks, as float16.
Each step changes one thing of another step. Its learning rate is chosen with
seed 0 on the validation images, then it is trained with seeds 1 to 3. No test
image is used. An hour is too long for ``make studies``, which leaves this folder out.
"""

import json
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from ch11lib import datasets, guidelines
from ch11lib.experiments import RateTable, reinitialize, tuned_runs
from ch11lib.learning_rate_schedules import one_cycle
from ch11lib.pipelines import batches

DATA = Path(__file__).resolve().parents[3] / "ch11lib" / "data"
RATES, SEEDS, BATCH = (0.03, 0.1, 0.3), (1, 2, 3), 128
RELU_NORM = guidelines.Configuration("he_normal", "relu", "batch")


class Step(NamedTuple):
    """One change: units of each of three layers, dropout rate, epochs, shifted images."""

    units: int = 300
    dropout: float = 0.0
    epochs: int = 15
    shifted: bool = False


STEPS = {
    "15 epochs": Step(units=100),
    "300 units": Step(),
    "600 units": Step(units=600),
    "30 epochs": Step(epochs=30),
    "dropout": Step(epochs=30, dropout=0.2),
    "shifted images": Step(epochs=30, shifted=True),
    "60 epochs, shifted": Step(epochs=60, shifted=True),
    "600 units, shifted": Step(units=600, epochs=30, shifted=True),
}
KEPT = "60 epochs, shifted"  # its weights are stored


def shift(X: Any, y: Any, black: float) -> tuple[Any, Any]:
    """Move a batch by up to one pixel along each axis; what comes in is black."""
    padded = tf.pad(X, [[0, 0], [1, 1], [1, 1]], constant_values=black)
    i, j = tf.unstack(tf.random.uniform((2,), 0, 3, tf.int32))
    return tf.slice(padded, [0, i, j], tf.shape(X)), y


class Study:
    """The images, and how a step is trained on them."""

    def __init__(self, images: int = 55_000) -> None:
        data = datasets.load_fashion_mnist()
        self.X, self.y = data.X_train[:images], data.y_train[:images]
        few, _ = datasets.subset(data.X_train, data.y_train, size=10_000, seed=42)
        self.mean, self.std = few.mean() / 255, few.std() / 255  # as in the lesson
        self.X_valid = (data.X_valid.astype("float32") / 255 - self.mean) / self.std
        self.y_valid = data.y_valid

    def run(self, step: Step, kept: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what came of a step; put the weights of seeds 1 to 3 into `kept`."""
        keras.utils.clear_session()
        n = max(4, step.epochs * len(self.X) // BATCH)
        configuration = RELU_NORM._replace(dropout=step.dropout)
        table, model = RateTable(np.zeros(n)), guidelines.build(configuration, [step.units] * 3)
        model.compile(
            guidelines.build_optimizer(configuration, table),
            "sparse_categorical_crossentropy",
            metrics=["accuracy"],
            steps_per_execution=max(1, min(100, n // 4)),
        )
        seconds, losses, seen = {}, {}, {}

        def train(rate: float, seed: int) -> list[float]:
            start = time.perf_counter()
            reinitialize(model, seed)
            tf.random.set_seed(seed)
            table.assign(one_cycle(np.arange(n), rate, n))
            feed = batches(self.X, self.y, n, BATCH, seed)
            feed = feed.map(lambda X, y: ((X - self.mean) / self.std, y))
            if step.shifted:
                feed = feed.map(lambda X, y: shift(X, y, -self.mean / self.std))
            seen[seed] = model.fit(feed, verbose=0, shuffle=False).history["accuracy"][-1]
            seconds[seed] = round(time.perf_counter() - start, 1)
            losses[seed], accuracy = model.evaluate(self.X_valid, self.y_valid, 1000, verbose=0)
            if kept is not None and seed in SEEDS:
                for i, weights in enumerate(model.get_weights()):
                    kept[f"{seed}_{i}"] = weights.astype(np.float16)
            print(step, rate, seed, accuracy, seconds[seed], flush=True)
            return [accuracy]

        found = tuned_runs(train, RATES, SEEDS)
        return {
            **step._asdict(),
            "steps": n,
            "rate": found.learning_rate,
            "tried": {str(rate): round(value, 4) for rate, value in found.tried.items()},
            "accuracy": found.results[:, -1].round(4).tolist(),
            "loss": [round(losses[seed], 4) for seed in SEEDS],
            "seconds": [seconds[seed] for seed in SEEDS],
        }


def main(names: list[str], folder: Path = DATA, study: Study | None = None) -> None:
    """Train the steps named, or all, and store the results with those of the others."""
    study = study or Study()
    file = folder / "dense_limit.json"
    for name in names or STEPS:
        kept: dict[str, Any] | None = {} if name == KEPT else None
        result = study.run(STEPS[name], kept)
        stored = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {"steps": {}}
        stored["steps"][name] = result
        stored["steps"] = {key: stored["steps"][key] for key in STEPS if key in stored["steps"]}
        stored["versions"] = {p: version(p) for p in ("tensorflow", "keras", "numpy")}
        stored["python"] = platform.python_version()
        file.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")
        if kept:
            np.savez_compressed(folder / "dense_limit.npz", **kept)


if __name__ == "__main__":
    main(sys.argv[1:])
