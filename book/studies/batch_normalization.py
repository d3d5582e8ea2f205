"""Train deep and shallow networks with batch normalization and without it.

For the lesson *Batch normalization*, on 10,000 images:

- "sigmoid": the twenty sigmoid layers of *Vanishing and exploding gradients*, which guess at
  each learning rate, with normalization between the weights and the sigmoid;
- "placement": five ReLU layers, normalized before the activation, after it and not at all;
- "window": the same five layers, normalized before or not at all, over deviations of the
  weights and learning rates;
- "along": the loss at several steps along the gradient while such a network trains
  (Santurkar et al., 2018, arXiv:1805.11604, figure 4a).

The first two are tuned with two seeds, and five others are reported.
"""

import random

import keras
import numpy as np
import tensorflow as tf

from ch11lib import datasets
from ch11lib.training import sweep

DEVIATIONS, WINDOW_RATES = [0.02, 0.1, 0.5], [0.01, 0.1, 1.0]
RATES = {
    "sigmoid": [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1],
    "before": [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1],
    "after": [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1],
    "none": [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1],
}
STEP, FACTORS = 0.1, [0.5, 1.0, 2.0, 3.0, 4.0]


def build(depth, activation, placement, initializer):
    """Return hidden layers of 100 units, normalized before or after the activation or not."""
    model = keras.Sequential([keras.Input(shape=(28, 28)), keras.layers.Flatten()])
    for _ in range(depth):
        weights = keras.initializers.get(initializer)
        bias = placement != "before"
        model.add(keras.layers.Dense(100, use_bias=bias, kernel_initializer=weights))
        if placement == "before":
            model.add(keras.layers.BatchNormalization(momentum=0.9))
        model.add(keras.layers.Activation(activation))
        if placement == "after":
            model.add(keras.layers.BatchNormalization(momentum=0.9))
    model.add(keras.layers.Dense(10, "softmax"))
    return model


def normal(deviation):
    """Return an initializer in a form of which each layer makes its own."""
    return {"class_name": "RandomNormal", "config": {"stddev": deviation}}


def along_the_gradient(model, X, y, steps, seed):
    """Return the loss of each training batch after steps of several lengths, (steps, factors)."""
    weights = [v.value for v in model.trainable_variables]
    state = [v.value for v in model.non_trainable_variables]

    @tf.function
    def step(weights, state, images, labels):
        def loss(weights):
            outputs, new = model.stateless_call(weights, state, images, training=True)
            losses = keras.losses.sparse_categorical_crossentropy(labels, outputs)
            return tf.reduce_mean(losses), new

        with tf.GradientTape() as tape:
            tape.watch(weights)
            value, new = loss(weights)
        gradients = tape.gradient(value, weights)
        moved = [
            [w - factor * STEP * g for w, g in zip(weights, gradients, strict=True)]
            for factor in FACTORS
        ]
        return value, [loss(there)[0] for there in moved], moved[FACTORS.index(1.0)], new

    batches, start, losses = np.random.default_rng(seed), [], []
    for _ in range(steps):
        batch = batches.choice(len(X), 128, replace=False)
        value, there, weights, state = step(weights, state, X[batch], y[batch])
        start.append(float(value))
        losses.append([float(value) for value in there])
    return np.round(start, 3), np.round(losses, 3)


def measure(smoke=False):
    """Return curves at the best rates, the window's accuracies and the losses of the steps."""
    data = datasets.load_fashion_mnist()
    n_images = 256 if smoke else 10_000
    X, y = data.X_train[:n_images].astype("float32"), data.y_train[:n_images]
    mean, std = X.mean(), X.std()
    X = (X - mean) / std
    valid = (data.X_valid.astype("float32") - mean) / std, data.y_valid
    seeds = [1] if smoke else [1, 2, 3, 4, 5]

    def tuned(name, epochs, *network):
        result = sweep(
            lambda: build(*network),
            (X, y),
            valid,
            optimizer=lambda: keras.optimizers.SGD(momentum=0.9),
            learning_rates=RATES[name][1:4] if smoke else RATES[name],
            seeds=seeds,
            tuning_seeds=[11] if smoke else [11, 12],
            epochs=1 if smoke else epochs,
            only_best=True,
            jit_compile=not smoke,
            edge="allow: a quick run" if smoke else "",
        )
        return {
            "best_rate": result.best_rate,
            "tuned_rates": result.learning_rates if smoke else RATES[name],
            "tuning": np.round(result.tuning.history["val_accuracy"][:, :, -1], 4),
            "val_accuracy": np.round(result.best(), 4),
            "accuracy": np.round(result.best("accuracy"), 4),
        }

    def window(placement, deviation):
        result = sweep(
            lambda: build(5, "relu", placement, normal(deviation)),
            (X, y),
            valid,
            optimizer=keras.optimizers.SGD,
            learning_rates=WINDOW_RATES,
            seeds=seeds,
            epochs=1 if smoke else 4,
            jit_compile=not smoke,
        )
        return np.round(result.history["val_accuracy"][:, :, -1], 4)  # (rates, seeds)

    def along(placement, seed):
        random.seed(seed)
        model = build(5, "relu", placement, normal(0.1))
        start, losses = along_the_gradient(model, X, y, 3 if smoke else 150, seed)
        return {"start": start, "losses": losses}

    sigmoid = tuned("sigmoid", 12, 20, "sigmoid", "before", "glorot_uniform")
    placement = {
        name: tuned(name, 15, 5, "relu", name, "he_normal") for name in ("before", "after", "none")
    }
    return {
        "sigmoid": sigmoid,
        "placement": placement,
        "deviations": DEVIATIONS,
        "rates": WINDOW_RATES,
        "window": {
            name: [window(name, deviation) for deviation in DEVIATIONS]
            for name in ("none", "before")
        },
        "step": STEP,
        "factors": FACTORS,
        "along": {name: [along(name, seed) for seed in seeds] for name in ("none", "before")},
    }
