"""Training for a comparison: `sweep` against a fresh model and `fit` for each copy.

Twelve trainings, four learning rates with three seeds each, five epochs of 10,000 images in
batches of 128. Each way has a process of its own, one right after the other, and counts
building, tracing and validating; importing and reading the images do not count. The number of
pairs can be given: `python tests/benchmarks/sweep.py 3`.
"""

import json
import os
import resource
import subprocess
import sys
import time

import machine

ROOT = machine.RESULTS.parents[2]
DEPTHS = (3, 20)
RATES, SEEDS, EPOCHS, BATCH = [0.01, 0.03, 0.1, 0.3], [1, 2, 3], 5, 128


def measure(way, depth):
    """Train twelve times; return seconds, peak bytes and the median validation accuracy."""
    import keras
    import numpy as np

    from ch11lib import datasets
    from ch11lib.models import build_mlp
    from ch11lib.training import sweep

    data = datasets.load_fashion_mnist()
    train = data.X_train[:10_000].astype("float32") / 255, data.y_train[:10_000]
    valid = data.X_valid.astype("float32") / 255, data.y_valid

    def build():
        return build_mlp([100] * depth, kernel_initializer="he_normal")

    def fresh(rate, seed):
        keras.utils.set_random_seed(seed)
        model = build()
        loss = "sparse_categorical_crossentropy"
        model.compile(keras.optimizers.SGD(rate), loss, metrics=["accuracy"])
        options = {"epochs": EPOCHS, "batch_size": BATCH, "validation_data": valid, "verbose": 0}
        return model.fit(*train, **options).history["val_accuracy"][-1]

    start, start_cpu = time.perf_counter(), time.process_time()
    if way == "together":
        found = sweep(
            build, train, valid, optimizer=keras.optimizers.SGD, learning_rates=RATES,
            seeds=SEEDS, epochs=EPOCHS, batch_size=BATCH,
        )  # fmt: skip
        ends = found.history["val_accuracy"][:, :, -1]
    else:
        ends = [fresh(rate, seed) for rate in RATES for seed in SEEDS]
    return {
        "seconds": time.perf_counter() - start,
        "cpu": time.process_time() - start_cpu,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "accuracy": float(np.median(ends)),
    }


def in_own_process(way, depth):
    """Call `measure` in a new process."""
    command = [sys.executable, __file__, way, str(depth)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TQDM_DISABLE": "1"}
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def main(pairs=3):
    results = {}
    for depth in DEPTHS:
        rows = [[in_own_process(way, depth) for way in ("fresh", "together")] for _ in range(pairs)]
        results[str(depth)] = {
            key: [[one[key] for one in row] for row in rows]
            for key in ("seconds", "cpu", "peak", "accuracy")
        }
        for row in rows:
            fresh, together = (one["seconds"] for one in row)
            print(f"{depth} layers: {fresh:.1f} s, together {together:.1f} s: "
                  f"{fresh / together:.1f} times as fast; together {row[1]['peak'] / 1e6:.0f} MB",
                  flush=True)  # fmt: skip
    machine.store("sweep", depths=results)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))
    else:
        main(*(int(number) for number in sys.argv[1:]))
