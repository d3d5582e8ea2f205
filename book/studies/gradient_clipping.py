"""Train a recurrent network with and without gradient clipping.

The network of the lesson *Gradient clipping* reads an image of Fashion-MNIST row by row:
64 recurrent ReLU units with Keras's default weights, then a softmax.

- "rows": SGD with momentum, 28 rows of 28 pixels, five thresholds for the global norm: none,
  1, and three percentiles of the gradient norms of the unclipped network at its best rate;
- "half_rows": the same, read as 56 halves of rows, without clipping and with the threshold 1;
- "adam": 28 rows, Adam without clipping and with the threshold 1.

Two seeds choose the best rate of each threshold, five others are reported, for "rows" also
at the rate 0.03. The copies of a comparison are trained together: their weights are stacked
along a first axis.
"""

import keras
import numpy as np
import tensorflow as tf

from ch11lib import datasets

UNITS, BATCH, TOGETHER = 64, 100, 10
RATES = [0.001, 0.003, 0.01, 0.03, 0.1]
ADAM_RATES = [0.0003, 0.001, 0.003, 0.01, 0.03]
TUNING, SEEDS = [11, 12], [1, 2, 3, 4, 5]
WATCHED = 0.03  # the rate whose norms are stored step by step


def initial_weights(seed, inputs):
    """Return what keras.layers.SimpleRNN and Dense start with."""
    glorot = keras.initializers.GlorotUniform
    return [
        glorot(seed)((inputs, UNITS)),
        keras.initializers.Orthogonal(seed=seed)((UNITS, UNITS)),
        np.zeros((1, UNITS), "float32"),
        glorot(seed + 100)((UNITS, 10)),
        np.zeros((1, 10), "float32"),
    ]


def logits(X, weights):
    """Return the outputs of all copies, shape (copies, images, 10), before the softmax."""
    kernel, recurrent, bias, out, out_bias = weights
    inputs = tf.einsum("kbtf,kfh->tkbh", X, kernel) + bias
    state = tf.zeros_like(inputs[0])
    for t in range(inputs.shape[0]):
        state = tf.nn.relu(inputs[t] + state @ recurrent)
    return state @ out + out_bias


class Stack:
    """Networks that are trained together, each with its own rate, threshold and seed."""

    def __init__(self, optimizer, data, epochs):
        (self.X, self.y), (self.X_valid, self.y_valid) = data
        self.epochs, self.optimizer = epochs, optimizer
        self.weights = [keras.Variable(w) for w in self._initial([0] * TOGETHER)]
        optimizer.build(self.weights)
        self.fresh = [np.array(v) for v in optimizer.variables]
        self.clipped = tf.function(self._clipped, jit_compile=True)
        self.step = tf.function(self._step)
        self.classes = tf.function(self._classes, jit_compile=True)

    def _initial(self, seeds):
        rows = [initial_weights(seed, self.X.shape[2]) for seed in seeds]
        return [np.stack(arrays) for arrays in zip(*rows, strict=True)]

    def _clipped(self, X, y, thresholds, weights):
        with tf.GradientTape() as tape:
            tape.watch(weights)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits(X, weights))
            loss = tf.reduce_sum(tf.reduce_mean(losses, axis=1))
        gradients = tape.gradient(loss, weights)
        norms = tf.sqrt(sum(tf.reduce_sum(g * g, [1, 2]) for g in gradients))
        scale = tf.minimum(1.0, thresholds / norms)[:, None, None]
        return norms, [g * scale for g in gradients]

    def _step(self, X, y, rates, thresholds):
        norms, gradients = self.clipped(X, y, thresholds, [w.value for w in self.weights])
        for gradient, weight in zip(gradients, self.weights, strict=True):
            self.optimizer.update_step(gradient, weight, rates[:, None, None])
        self.optimizer.iterations.assign_add(1)
        return norms

    def _classes(self, X, weights):
        return tf.argmax(logits(tf.repeat(X[None], TOGETHER, axis=0), weights), axis=-1)

    def _accuracy(self):
        weights = [w.value for w in self.weights]
        classes = [self.classes(part, weights).numpy() for part in np.split(self.X_valid, 5)]
        right = (np.concatenate(classes, axis=1) == self.y_valid).mean(axis=1)
        finite = np.all([np.isfinite(w).all(axis=(1, 2)) for w in weights], axis=0)
        return np.where(finite, right, np.nan)

    def train(self, copies):
        """Return accuracies (copies, epochs) and norms (copies, steps).

        A copy is a learning rate, a threshold and a seed.
        """
        found = []
        for start in range(0, len(copies), TOGETHER):
            chunk = copies[start : start + TOGETHER]
            padded = (chunk * TOGETHER)[:TOGETHER]
            found.append([values[: len(chunk)] for values in self._train(padded)])
        return [np.concatenate(parts) for parts in zip(*found, strict=True)]

    def _train(self, copies):
        rates, thresholds, seeds = zip(*copies, strict=True)
        start = self._initial(seeds) + self.fresh
        for variable, value in zip(self.weights + self.optimizer.variables, start, strict=True):
            variable.assign(value)
        numbers = tf.constant(rates, tf.float32), tf.constant(thresholds, tf.float32)
        orders, accuracies, norms = [np.random.default_rng(seed) for seed in seeds], [], []
        for _ in range(self.epochs):
            order = np.stack([rng.permutation(len(self.y)) for rng in orders])
            for i in range(0, len(self.y), BATCH):
                batch = order[:, i : i + BATCH]
                norms.append(self.step(self.X[batch], self.y[batch], *numbers).numpy())
            accuracies.append(self._accuracy())
        return np.array(accuracies).T, np.array(norms).T


def short(values):
    """Return numbers with three digits."""
    return [float(f"{value:.3g}") for value in values]


def grid(stack, rates, thresholds, seeds):
    """Return accuracies (thresholds, rates, seeds) at the end, the best rates, and all norms."""
    copies = [(rate, limit, seed) for limit in thresholds for rate in rates for seed in seeds]
    accuracies, norms = stack.train(copies)
    shape = len(thresholds), len(rates), len(seeds)
    ends = accuracies[:, -1].reshape(shape)
    best = np.nan_to_num(ends.mean(axis=2)).argmax(axis=1)
    return ends.round(4), [rates[i] for i in best], norms.reshape(*shape, -1)


def runs(stack, rates, thresholds, seeds):
    """Return accuracies, shares of clipped steps and norms, for each threshold at its rate."""
    pairs = list(zip(rates, thresholds, strict=True))
    accuracies, norms = stack.train([(rate, limit, s) for rate, limit in pairs for s in seeds])
    shape = len(pairs), len(seeds), -1
    accuracies, norms = accuracies.reshape(shape), norms.reshape(shape)
    clipped = np.mean(norms > np.array(thresholds)[:, None, None], axis=-1)
    return accuracies.round(4), clipped.round(4), norms


def measure(smoke=False):
    """Return the tuning, the runs at the best rates, and some norms step by step."""
    data = datasets.load_fashion_mnist()
    n_images, n_valid, epochs = (200, 100, 1) if smoke else (10_000, 5000, 5)
    X, X_valid = data.X_train[:10_000], data.X_valid[:n_valid]
    mean, std = X.mean(), X.std()
    X, X_valid = (((images - mean) / std).astype("float32") for images in (X, X_valid))
    X, y, y_valid = X[:n_images], data.y_train[:n_images].astype("int32"), data.y_valid[:n_valid]
    tuning, seeds = (TUNING[:1], SEEDS[:1]) if smoke else (TUNING, SEEDS)

    def stack(optimizer, pixels=28):
        parts = [images.reshape(len(images), -1, pixels) for images in (X, X_valid)]
        return Stack(optimizer, ((parts[0], y), (parts[1], y_valid)), epochs)

    def compare(stack, rates, thresholds):
        ends, best, _ = grid(stack, rates, thresholds, tuning)
        accuracies, clipped, _ = runs(stack, best, thresholds, seeds)
        return {
            "thresholds": thresholds,
            "rates": rates,
            "tuning": ends,
            "best_rates": best,
            "val_accuracy": accuracies,
            "clipped": clipped,
        }

    sgd = stack(keras.optimizers.SGD(momentum=0.9))
    free, [best_free], norms = grid(sgd, RATES, [np.inf], tuning)
    healthy = norms[0, RATES.index(best_free)]
    percentiles = short(np.nanpercentile(healthy, [50, 90, 99]))
    thresholds = [np.inf, 1.0, *percentiles]
    clipped, best, _ = grid(sgd, RATES, thresholds[1:], tuning)
    best = [best_free, *best]
    accuracies, clipped_share, _ = runs(sgd, best, thresholds, seeds)
    watched, watched_share, norms = runs(sgd, [WATCHED] * len(thresholds), thresholds, seeds)
    return {
        "rows": {
            "thresholds": thresholds,
            "rates": RATES,
            "tuning": np.concatenate([free, clipped]),
            "best_rates": best,
            "val_accuracy": accuracies,
            "clipped": clipped_share,
        },
        "watched": {
            "rate": WATCHED,
            "val_accuracy": watched,
            "clipped": watched_share,
            "norms": {
                "none": [short(run) for run in norms[0]],
                "99th percentile": [short(run) for run in norms[-1]],
            },
        },
        "half_rows": compare(
            stack(keras.optimizers.SGD(momentum=0.9), 14), RATES[:4], [np.inf, 1.0]
        ),
        "adam": compare(stack(keras.optimizers.Adam()), ADAM_RATES, [np.inf, 1.0]),
    }
