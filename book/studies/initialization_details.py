"""Train networks that differ in one detail of their initial weights.

For the lesson *Initialization*, hidden ReLU layers of 100 units on 10,000 images, gradient
descent with momentum 0.9:

- "shape": ten layers whose weights have He's variance, from a uniform distribution, a normal
  one and a normal one that is cut at two standard deviations; also with He's weights in the
  output layer;
- "twins": thirty layers with He's weights, once with a kernel of its own for each layer and
  once with the kernel of the second layer in all layers above it, as they get it from one
  initializer object;
- "normalized": twenty layers with batch normalization and Glorot's or He's weights;
- "residual": a layer and ten blocks of two layers, each with a skip connection, whose
  last weights are He's or zero (Zhang et al., 2019, arXiv:1901.09321).

Two seeds choose each network's learning rate, five others are reported.
"""

import keras
import numpy as np

from ch11lib import datasets
from ch11lib.training import sweep

RATES = [0.001, 0.003, 0.01, 0.03, 0.1]
NORMAL = {
    "class_name": "VarianceScaling",
    "config": {"scale": 2.0, "mode": "fan_in", "distribution": "untruncated_normal"},
}


def hidden(initializer, **keywords):
    """Return a hidden layer with an initializer of its own."""
    weights = keras.initializers.get(initializer)
    return keras.layers.Dense(100, kernel_initializer=weights, **keywords)


def plain(depth, initializer, output="glorot_uniform"):
    """Return a plain stack of ReLU layers."""
    model = keras.Sequential([keras.Input(shape=(28, 28)), keras.layers.Flatten()])
    for _ in range(depth):
        model.add(hidden(initializer, activation="relu"))
    weights = keras.initializers.get(output)
    model.add(keras.layers.Dense(10, "softmax", kernel_initializer=weights))
    return model


def twins(depth, initializer):
    """Return the stack with the kernel of the second layer in each layer above it."""
    model = plain(depth, initializer)
    _, _, second, *others, _ = model.layers
    for layer in others:
        layer.kernel.assign(second.kernel)
    return model


def normalized(depth, initializer):
    """Return a stack with batch normalization before each ReLU."""
    model = keras.Sequential([keras.Input(shape=(28, 28)), keras.layers.Flatten()])
    for _ in range(depth):
        model.add(hidden(initializer, use_bias=False))
        model.add(keras.layers.BatchNormalization(momentum=0.9))
        model.add(keras.layers.ReLU())
    model.add(keras.layers.Dense(10, "softmax"))
    return model


def residual(blocks, last):
    """Return a layer and blocks x + W₂ relu(W₁ x), whose W₂ come from `last`."""
    inputs = keras.Input(shape=(28, 28))
    x = hidden("he_normal", activation="relu")(keras.layers.Flatten()(inputs))
    for _ in range(blocks):
        x = keras.layers.Add()([x, hidden(last)(hidden("he_normal", activation="relu")(x))])
    return keras.Model(inputs, keras.layers.Dense(10, "softmax")(x))


NETWORKS = {
    "residual_he": (residual, (10, "he_normal"), [1e-6, 1e-5, 1e-4, 1e-3], 10),
    "residual_zero": (residual, (10, "zeros"), RATES, 10),
    "uniform": (plain, (10, "he_uniform"), RATES, 12),
    "normal": (plain, (10, NORMAL), RATES, 12),
    "truncated": (plain, (10, "he_normal"), RATES, 12),
    "output": (plain, (10, "he_normal", "he_normal"), RATES, 12),
    "own_kernels": (plain, (30, "he_normal"), [0.0003, *RATES[:3]], 10),
    "one_kernel": (twins, (30, "he_normal"), [0.0003, *RATES[:3]], 10),
    "bn_glorot": (normalized, (20, "glorot_normal"), [*RATES[1:], 0.3], 8),
    "bn_he": (normalized, (20, "he_normal"), [*RATES[1:], 0.3], 8),
}


def measure(smoke=False):
    """Return the curves of each network at its best rate, and the ends at all rates."""
    data = datasets.load_fashion_mnist()
    n_images = 256 if smoke else 10_000
    X, y = data.X_train[:n_images].astype("float32"), data.y_train[:n_images]
    mean, std = X.mean(), X.std()
    valid = (data.X_valid.astype("float32") - mean) / std, data.y_valid
    networks = {}
    for name, (kind, arguments, rates, epochs) in NETWORKS.items():
        result = sweep(
            lambda k=kind, a=arguments: k(*a),
            ((X - mean) / std, y),
            valid,
            optimizer=lambda: keras.optimizers.SGD(momentum=0.9),
            learning_rates=rates[1:2] if smoke else rates,
            seeds=[1] if smoke else [1, 2, 3, 4, 5],
            tuning_seeds=[11] if smoke else [11, 12],
            epochs=1 if smoke else epochs,
            only_best=True,
            jit_compile=not smoke,
            edge="allow: a network that guesses has no best rate"
            if smoke or name in ("residual_he", "one_kernel")
            else "",
        )
        networks[name] = {
            "best_rate": result.best_rate,
            "rates": rates,
            "tuning": np.round(result.tuning.history["val_accuracy"][:, :, -1], 4),
            "val_accuracy": np.round(result.best(), 4),
            "loss": np.round(result.best("loss"), 4),
        }
    return {"networks": networks}
