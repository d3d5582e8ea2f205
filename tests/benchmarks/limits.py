"""How near training comes to the machine's own limit.

The limit is the product of two large float32 matrices, measured in the same
process. A training step needs three products per layer (two for the first, whose
input needs no gradient).
"""

import time
from itertools import pairwise

import machine
import numpy as np
import tensorflow as tf

from ch11lib import datasets
from ch11lib.models import build_mlp

SIDES = (784, 300, 100, 10)


def best(run, repeats=5):
    """Return the shortest of several times, in seconds, after a first call."""
    run()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def gemm_peak(n=2048, products=8):
    """Return the GFLOP/s of a large matrix product."""
    a, b = (tf.random.normal((n, n)) for _ in range(2))

    @tf.function
    def multiply():
        c = a
        for _ in range(products):
            c = tf.matmul(c, b) * 1e-2
        return c

    return 2 * n**3 * products / best(lambda: multiply().numpy()) / 1e9


def products(sides):
    """Return the multiplications and additions of one image through dense layers."""
    return [2 * a * b for a, b in pairwise(sides)]


def training(batch_size):
    """Return the GFLOP/s of `fit`, one execution per epoch."""
    data = datasets.load_fashion_mnist()
    n_steps = 50_000 // batch_size
    n = n_steps * batch_size
    X, y = data.X_train[:n].astype("float32") / 255, data.y_train[:n]
    model = build_mlp(SIDES[1:-1])
    model.compile("sgd", "sparse_categorical_crossentropy", steps_per_execution=n_steps)
    forward = products(SIDES)
    flop = n * (3 * sum(forward) - forward[0])
    return flop / best(lambda: model.fit(X, y, batch_size, verbose=0, shuffle=False), 3) / 1e9


def main():
    peak = gemm_peak()
    loops = {str(size): training(size) for size in (32, 128, 512, 2048)}
    peaks = [peak, gemm_peak()]  # once more: has the machine changed meanwhile?
    print(f"peak {peaks} GFLOP/s, training {loops}", flush=True)
    machine.store("limits", peak=float(np.max(peaks)), peaks=peaks, training=loops)


if __name__ == "__main__":
    main()
