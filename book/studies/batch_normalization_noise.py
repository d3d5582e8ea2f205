"""Vary the number of images from which a normalization takes its mean and its variance.

For the lesson *Batch normalization*. Two ReLU layers of 100 units.

- "ghost": all train with batches of 128, but each normalization splits a batch into ghost
  batches of a given size and standardizes each by itself (Hoffer et al., 2017,
  arXiv:1705.08741), so that the noise of the statistics is all that differs. 10,000 images,
  20 epochs; "train_accuracy" is measured after training, in inference mode.
- "batches": 400 steps with batches of a given size, with batch and layer normalization.

Every kind is tuned with two seeds; others, ten and five, are reported.
"""

import keras
import numpy as np
from keras import ops

from ch11lib import datasets
from ch11lib.training import sweep

GHOSTS, BATCHES, STEPS = [2, 4, 8, 16, 32, 128], [1, 2, 4, 16, 64], 400
GHOST_RATES = [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3]
BATCH_RATES = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3]


class GhostBatchNormalization(keras.layers.Layer):
    """Batch normalization with the statistics of groups of `size` instances."""

    def __init__(self, size):
        super().__init__()
        self.size = size

    def build(self, shape):
        """Make scale and shift, and the running averages."""
        n = shape[-1]
        self.gamma = self.add_weight(shape=(n,), initializer="ones")
        self.beta = self.add_weight(shape=(n,), initializer="zeros")
        self.mean = self.add_weight(shape=(n,), initializer="zeros", trainable=False)
        self.variance = self.add_weight(shape=(n,), initializer="ones", trainable=False)

    def call(self, X, training=False):
        """Standardize, scale and shift."""
        mean, variance = self.mean, self.variance
        groups = ops.reshape(X, (-1, self.size, X.shape[-1])) if training else X
        if training:
            mean, variance = ops.moments(groups, axes=1, keepdims=True)
            for average, value in ((self.mean, mean), (self.variance, variance)):
                average.assign(0.9 * average + 0.1 * ops.mean(value, axis=(0, 1)))
        standardized = (groups - mean) / ops.sqrt(variance + 1e-3)
        return self.gamma * ops.reshape(standardized, (-1, X.shape[-1])) + self.beta


def batch_norm():
    """Return a batch normalization whose averages follow in a few dozen steps."""
    return keras.layers.BatchNormalization(momentum=0.9)


def build(normalization):
    """Return two hidden layers, each with a new normalization before its ReLU."""
    model = keras.Sequential([keras.Input(shape=(28, 28)), keras.layers.Flatten()])
    for _ in range(2):
        model.add(keras.layers.Dense(100, use_bias=False, kernel_initializer="he_normal"))
        model.add(normalization())
        model.add(keras.layers.ReLU())
    model.add(keras.layers.Dense(10, "softmax"))
    return model


def measure(smoke=False):
    """Return the accuracies at the best rates."""
    data = datasets.load_fashion_mnist()
    X, y = data.X_train.astype("float32"), data.y_train
    mean, std = X[:10_000].mean(), X[:10_000].std()
    X = (X - mean) / std
    valid = (data.X_valid.astype("float32") - mean) / std, data.y_valid

    n_images, epochs, steps = (256, 1, 4) if smoke else (10_000, 20, STEPS)
    common = {
        "optimizer": lambda: keras.optimizers.SGD(momentum=0.9),
        "jit_compile": not smoke,
    }

    def ghosts(size):
        def network():
            return build(lambda: GhostBatchNormalization(size))

        images = X[:n_images], y[:n_images]
        result = sweep(
            *(network, images, valid),
            **common,
            seeds=[1] if smoke else [*range(1, 11)],
            learning_rates=GHOST_RATES[1:3] if smoke else GHOST_RATES,
            tuning_seeds=[11] if smoke else [11, 12],
            epochs=epochs,
            only_best=True,
            keep_weights=True,
            edge="allow: a quick run" if smoke else "",
        )
        model = network()
        model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        fitted = []
        for seed in range(result.weights[0].shape[1]):
            model.set_weights([w[0, seed] for w in result.weights])
            fitted.append(model.evaluate(*images, batch_size=1000, verbose=0)[1])
        return {
            "best_rate": result.best_rate,
            "tuning": np.round(result.tuning.history["val_accuracy"][:, :, -1], 4),
            "val_accuracy": np.round(result.best()[:, -1], 4),
            "train_accuracy": np.round(fitted, 4),
        }

    def batches(normalization, size):
        result = sweep(
            lambda: build(normalization),
            (X[: size * steps], y[: size * steps]),
            valid,
            **common,
            seeds=[1] if smoke else [1, 2, 3, 4, 5],
            learning_rates=BATCH_RATES[1:3] if smoke else BATCH_RATES,
            tuning_seeds=[11] if smoke else [11, 12],
            epochs=1,
            batch_size=size,
            only_best=True,
            edge="allow: a quick run, or batches of one, with which nothing is learned"
            if smoke or (normalization is batch_norm and size == 1)
            else "",
        )
        return {
            "best_rate": result.best_rate,
            "tuning": np.round(result.tuning.history["val_accuracy"][:, :, -1], 4),
            "val_accuracy": np.round(result.best()[:, -1], 4),
        }

    layers = {"batch": batch_norm, "layer": keras.layers.LayerNormalization}
    return {
        "sizes": GHOSTS,
        "ghost_rates": GHOST_RATES,
        "ghost": {str(size): ghosts(size) for size in GHOSTS},
        "steps": STEPS,
        "batch_sizes": BATCHES,
        "batch_rates": BATCH_RATES,
        "batches": {
            name: {str(size): batches(layer, size) for size in BATCHES}
            for name, layer in layers.items()
        },
    }
