"""Train networks with eleven optimizers, each at its own best learning rate.

For the lesson *Optimizers*. Each rate is chosen with two seeds; five others are reported.

- "networks": two hidden layers of 100 ReLU units, 15 epochs of 10,000 images, rates half a
  decade apart, chosen by the validation accuracy; and the time that a step of `fit` takes;
- "figure_1": a softmax regression with the protocol of Kingma and Ba (2015, arXiv:1412.6980,
  figure 1, left): batches of 128, 45 epochs, a small l2 penalty, learning rates that fall
  like 1/sqrt(t), and constant ones beside them, chosen by the training cost;
- "sparse": a logistic regression on 500 binary features, of which feature j is present with
  probability min(1/2, 3/j); and on the same inputs, rotated by a random orthogonal matrix.
  Chosen by the validation loss.
"""

import random
import time

import keras
import numpy as np

from ch11lib import datasets
from ch11lib.training import sweep

HALF_DECADES = [1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0, 3.0, 10.0]
K = keras.optimizers
OPTIMIZERS = {
    "SGD": K.SGD,
    "momentum": lambda: K.SGD(momentum=0.9),
    "Nesterov": lambda: K.SGD(momentum=0.9, nesterov=True),
    "Adagrad": K.Adagrad,
    "RMSprop": K.RMSprop,
    "Adam": K.Adam,
    "Adamax": K.Adamax,
    "Nadam": K.Nadam,
    "AdamW": K.AdamW,
    "Lion": K.Lion,
    "Muon": lambda: K.Muon(exclude_layers=["output"]),
}
#: The lowest rate of each, and how many from there.
GRIDS = {
    "SGD": (1e-3, 7),
    "momentum": (3e-4, 7),
    "Nesterov": (3e-4, 7),
    "Adagrad": (1e-3, 7),
    "RMSprop": (3e-5, 7),
    "Adam": (3e-5, 7),
    "Adamax": (1e-4, 7),
    "Nadam": (3e-5, 7),
    "AdamW": (3e-5, 7),
    "Lion": (1e-5, 7),
    "Muon": (1e-4, 5),
}
FIGURE_1 = {  # optimizer, whether the rate falls, grid
    "Adam": ("Adam", True, (1e-2, 6)),
    "Nesterov": ("Nesterov", True, (3e-2, 6)),
    "Adagrad": ("Adagrad", True, (3e-2, 6)),
    "Adam, constant": ("Adam", False, (1e-4, 6)),
    "Nesterov, constant": ("Nesterov", False, (1e-3, 6)),
    "Adagrad, constant": ("Adagrad", False, (1e-2, 6)),
}
SPARSE = {
    "SGD": (1e-2, 7),
    "Nesterov": (1e-3, 7),
    "Adagrad": (1e-2, 7),
    "Adam": (3e-4, 6),
}


def rates_of(grid):
    """Return half decades from a first one on."""
    start = HALF_DECADES.index(grid[0])
    return HALF_DECADES[start : start + grid[1]]


def network():
    """Return two hidden layers of 100 units."""
    return keras.Sequential(
        [
            keras.Input(shape=(28, 28)),
            keras.layers.Flatten(),
            keras.layers.Dense(100, "relu", kernel_initializer="he_normal"),
            keras.layers.Dense(100, "relu", kernel_initializer="he_normal"),
            keras.layers.Dense(10, "softmax", name="output"),
        ]
    )


def softmax_regression():
    """Return ten classes without a hidden layer, with an l2 penalty."""
    penalty = keras.regularizers.L2(1e-4)
    return keras.Sequential(
        [
            keras.Input(shape=(28, 28)),
            keras.layers.Flatten(),
            keras.layers.Dense(10, "softmax", kernel_regularizer=penalty),
        ]
    )


def linear():
    """Return two classes and 500 features; all weights begin at 0."""
    layer = keras.layers.Dense(2, "softmax", kernel_initializer="zeros")
    return keras.Sequential([keras.Input(shape=(500,)), layer])


def bags_of_words(n, rng, weights):
    """Return documents as rows of 0 and 1, and their labels."""
    probability = np.minimum(0.5, 3 / np.arange(1, 501))
    X = (rng.random((n, 500)) < probability).astype("float32")
    logit = (X - probability) @ weights
    return X, (rng.random(n) < 1 / (1 + np.exp(-logit))).astype("int64")


def milliseconds_per_step(X, y, epochs):
    """Return the median time of a training step of `fit`, in turns, by optimizer."""
    models = {}
    for name, optimizer in OPTIMIZERS.items():
        random.seed(1)
        models[name] = network()
        models[name].compile(optimizer(), "sparse_categorical_crossentropy")
        models[name].fit(X, y, batch_size=128, verbose=0)
    times = {name: [] for name in models}
    for _ in range(epochs):
        for name, model in models.items():
            start = time.perf_counter()
            model.fit(X, y, batch_size=128, verbose=0)
            times[name].append((time.perf_counter() - start) / -(-len(X) // 128))
    return {name: round(1000 * float(np.median(seconds)), 2) for name, seconds in times.items()}


def measure(smoke=False):
    """Return the curves at the best rates, the ends at all rates, and the times of a step."""
    data = datasets.load_fashion_mnist()
    n_images, n_valid = (256, 200) if smoke else (10_000, 5000)
    X, y = data.X_train[:n_images].astype("float32"), data.y_train[:n_images]
    V, v = data.X_valid[:n_valid].astype("float32"), data.y_valid[:n_valid]
    mean, std = X.mean(), X.std()

    def tuned(build, train, valid, name, grid, metrics, **options):
        rates = rates_of(grid)[1:4] if smoke else rates_of(grid)
        result = sweep(
            build,
            train,
            valid,
            optimizer=OPTIMIZERS[name],
            learning_rates=rates,
            seeds=[1] if smoke else [1, 2, 3, 4, 5],
            tuning_seeds=[11] if smoke else [11, 12],
            only_best=True,
            jit_compile=not smoke,
            together=name != "Muon",
            edge="allow: a quick run" if smoke else "",
            **options,
        )
        return {
            "best_rate": result.best_rate,
            "rates": rates,
            "tuning": {
                metric: np.round(result.tuning.history[metric][:, :, -1], 4) for metric in metrics
            },
            **{metric: np.round(result.best(metric), 4) for metric in metrics},
        }

    steps = (1 if smoke else 45) * (n_images // 128)
    figure_1 = {
        label: tuned(
            softmax_regression,
            (X / 255, y),
            (V[:1000] / 255, v[:1000]),
            name,
            grid,
            ("loss",),
            epochs=1 if smoke else 45,
            schedule=np.arange(1, steps + 1) ** -0.5 if falls else None,
            best_by="loss",
        )
        for label, (name, falls, grid) in FIGURE_1.items()
    }
    rng = np.random.default_rng(0)
    weights = rng.normal(size=500)
    words, labels = bags_of_words(n_images, rng, weights)
    new_words, new_labels = bags_of_words(n_valid, rng, weights)
    rotation = np.linalg.qr(rng.normal(size=(500, 500)))[0].astype("float32")
    sparse = {
        place: {
            name: tuned(
                linear,
                (words @ turn, labels),
                (new_words @ turn, new_labels),
                name,
                grid,
                ("val_loss", "val_accuracy"),
                epochs=1 if smoke else 10,
                best_by="val_loss",
            )
            for name, grid in SPARSE.items()
        }
        for place, turn in {"sparse": np.eye(500, dtype="float32"), "rotated": rotation}.items()
    }
    networks = {
        name: tuned(
            network,
            ((X - mean) / std, y),
            ((V - mean) / std, v),
            name,
            GRIDS[name],
            ("val_accuracy", "loss", "val_loss"),
            epochs=1 if smoke else 15,
        )
        for name in OPTIMIZERS
    }
    if smoke:  # a quick run compares numbers, and times would differ
        milliseconds = dict.fromkeys(OPTIMIZERS, 1.0)
    else:
        milliseconds = milliseconds_per_step((X - mean) / std, y, 7)
    return {
        "networks": networks,
        "milliseconds": milliseconds,
        "figure_1": figure_1,
        "words": float(words.sum(axis=1).mean()),
        "sparse": sparse,
    }
