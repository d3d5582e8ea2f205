"""The starting notebook's own configurations against the course's way, in pairs.

The baselines are written anew from the settings of that notebook (SGD at 1e-3,
batches of 32, `fit` as it comes). Each pair runs in one process, one after the
other, and both build, compile and train their network in the time that counts.
"""

import time

import keras
import machine
import numpy as np

from ch11lib import datasets
from ch11lib import transfer_learning as tl
from ch11lib.experiments import reinitialize
from ch11lib.models import build_mlp
from ch11lib.one_cycle import OneCycle
from ch11lib.pipelines import batches, in_order, shuffled

REPEATS = 5
LOSS = "sparse_categorical_crossentropy"


def scaled(X):
    return X.astype("float32") / 255


def network(n_classes):
    return build_mlp([300, 100], kernel_initializer="he_normal", n_classes=n_classes)


def accuracy(model, X, y):
    return model.evaluate(X, y, batch_size=1000, verbose=0)[1]


def as_given(model, X, y, epochs, learning_rate=1e-3):
    """Train as the starting notebook does."""
    model.compile(keras.optimizers.SGD(learning_rate), LOSS, metrics=["accuracy"])
    model.fit(X, y, epochs=epochs, verbose=0)


def with_one_cycle(model, X, y, n_steps, peak=0.1):
    """Train as the course does: larger batches, momentum, 1cycle, one execution."""
    optimizer = keras.optimizers.SGD(OneCycle(peak, n_steps), momentum=0.9)
    model.compile(optimizer, LOSS, metrics=["accuracy"], steps_per_execution=n_steps)
    model.fit(batches(X, y, n_steps, 128), verbose=0, shuffle=False)


def pairs(first, second, repeats=REPEATS, new_session=True):
    """Time two functions in turn; return seconds and results, one pair a row.

    If `new_session`, each begins without what TensorFlow kept from the one before.
    """
    rows = []
    for seed in range(repeats):
        row = []
        for run in (first, second):
            if new_session:
                keras.utils.clear_session()
                keras.utils.set_random_seed(seed)
            start = time.perf_counter()
            model = run()
            row.append((time.perf_counter() - start, model))
        rows.append(row)
    return rows


def compare(name, first, second, score, repeats=REPEATS, new_session=True):
    """Return seconds, scores and ratios of the pairs, medians printed."""
    rows = pairs(first, second, repeats, new_session)
    seconds = [[time for time, _ in row] for row in rows]
    scores = [[score(model) for _, model in row] for row in rows]
    ratios = [a / b for a, b in seconds]
    print(f"{name}: {np.median(ratios):.1f} times as fast ({min(ratios):.1f} to {max(ratios):.1f})")
    print(f"   scores {np.median(scores, axis=0)}", flush=True)
    return {"seconds": seconds, "scores": scores, "ratios": ratios}


def model_A(n_steps=250):
    """Eight classes, ten epochs; ours stops when it is as good."""
    A, _ = datasets.transfer_tasks("bag_boot")
    X, valid = scaled(A.X_train), scaled(A.X_valid)

    def theirs():
        model = network(8)
        as_given(model, X, A.y_train, epochs=10)
        return model

    def ours():
        model = network(8)
        with_one_cycle(model, A.X_train, A.y_train, n_steps)
        return model

    return compare("A", theirs, ours, lambda model: accuracy(model, valid, A.y_valid))


def model_B(n_steps=100):
    """Bag or boot: reused layers, frozen for 4 epochs, free for 16; ours from scratch."""
    A, B = datasets.transfer_tasks("bag_boot")
    X, test = scaled(B.X_train), scaled(B.X_test)
    source = network(8)
    as_given(source, scaled(A.X_train), A.y_train, epochs=10)

    def theirs():
        model = tl.reuse_layers(source, 2, 2)
        for epochs, trainable, rate in [(4, False, 1e-3), (16, True, 1e-4)]:
            for layer in model.layers[:-1]:
                layer.trainable = trainable
            as_given(model, X, B.y_train, epochs, rate)
        return model

    def ours():
        model = network(2)
        with_one_cycle(model, B.X_train, B.y_train, n_steps)
        return model

    return compare("B", theirs, ours, lambda model: accuracy(model, test, B.y_test))


def fit():
    """One epoch of `fit` at batch size 32, the batches in their given order: equal losses."""
    data = datasets.load_fashion_mnist()
    X, y = scaled(data.X_train[:-24]), data.y_train[:-24]  # 1,718 whole batches
    n_steps = len(y) // 32
    models = {}
    for steps in (1, n_steps):
        keras.utils.set_random_seed(1)
        models[steps] = network(10)
        models[steps].compile(keras.optimizers.SGD(1e-3), LOSS, steps_per_execution=steps)

    def one_epoch(steps):
        model = models[steps]
        keras.utils.set_random_seed(1)
        model.set_weights(network(10).get_weights())
        return model.fit(X, y, batch_size=32, shuffle=False, verbose=0).history["loss"][0]

    one_epoch(1), one_epoch(n_steps)
    return compare("fit", lambda: one_epoch(1), lambda: one_epoch(n_steps), float)


def started_anew():
    """Three epochs of 10,000 images from new weights, as comparisons repeat them: equal losses."""
    data = datasets.load_fashion_mnist()
    images, y = datasets.subset(data.X_train, data.y_train, size=10_000, seed=42)
    X, X_valid = map(keras.ops.convert_to_tensor, datasets.standardize(images, data.X_valid))
    valid = in_order(X_valid, data.y_valid, 1000)
    model = build_mlp([100, 100], kernel_initializer="he_normal")
    model.compile(keras.optimizers.Adam(1e-3), LOSS, steps_per_execution=50)

    def theirs():
        reinitialize(model, 1)
        keras.utils.set_random_seed(1)
        return model.fit(X, y, batch_size=100, epochs=3, validation_data=(X_valid, data.y_valid),
                         validation_batch_size=1000, verbose=0).history  # fmt: skip

    def ours():
        reinitialize(model, 1)
        batches = shuffled(X, y, 100)
        return model.fit(batches, epochs=3, shuffle=False, validation_data=valid, verbose=0).history

    def losses(history):
        return [*history["loss"], *history["val_loss"]]

    theirs(), ours()
    return compare("started anew", theirs, ours, losses, new_session=False)


def main():
    results = {f.__name__: f() for f in (model_A, model_B, fit, started_anew)}
    machine.store("seed", **results)


if __name__ == "__main__":
    main()
