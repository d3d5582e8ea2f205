"""Train thirty ReLU layers with Glorot's and with He's weights, each to a plateau.

For the lesson *Initialization*, hidden layers of 100 units and uniform weights on 10,000
images, with gradient descent and momentum 0.9 ("glorot", "he") and with Adam
("glorot_adam", "he_adam"). Two seeds choose each network's learning rate, five others are
reported. Also the norm of the gradient of each kernel before the first step.
"""

import random

import keras
import numpy as np
import tensorflow as tf

from ch11lib import datasets
from ch11lib.training import sweep

ADAM_RATES = [0.0001, 0.0003, 0.001, 0.003, 0.01]
NETWORKS = {
    "glorot": ("glorot_uniform", "momentum", [0.001, 0.003, 0.01, 0.03, 0.1], 40),
    "he": ("he_uniform", "momentum", [0.0003, 0.001, 0.003, 0.01, 0.03], 40),
    "glorot_adam": ("glorot_uniform", "adam", ADAM_RATES, 20),
    "he_adam": ("he_uniform", "adam", ADAM_RATES, 20),
}
OPTIMIZERS = {"momentum": lambda: keras.optimizers.SGD(momentum=0.9), "adam": keras.optimizers.Adam}


def build(initializer):
    """Return thirty hidden layers of 100 ReLU units."""
    model = keras.Sequential([keras.Input(shape=(28, 28)), keras.layers.Flatten()])
    for _ in range(30):
        weights = keras.initializers.get(initializer)
        model.add(keras.layers.Dense(100, "relu", kernel_initializer=weights))
    model.add(keras.layers.Dense(10, "softmax"))
    return model


def gradient_norms(model, X, y):
    """Return the norm of the gradient of each hidden kernel."""
    kernels = [layer.kernel for layer in model.layers if hasattr(layer, "kernel")][:-1]
    with tf.GradientTape() as tape:
        losses = keras.losses.sparse_categorical_crossentropy(y, model(X))
        loss = tf.reduce_mean(losses)
    return [float(f"{tf.norm(g):.3g}") for g in tape.gradient(loss, kernels)]


def measure(smoke=False):
    """Return the curves of each network at its best rate, and the ends at all rates."""
    data = datasets.load_fashion_mnist()
    n_images = 256 if smoke else 10_000
    X, y = data.X_train[:n_images].astype("float32"), data.y_train[:n_images]
    mean, std = X.mean(), X.std()
    X = (X - mean) / std
    valid = (data.X_valid.astype("float32") - mean) / std, data.y_valid
    seeds, networks = [1] if smoke else [1, 2, 3, 4, 5], {}
    for name, (initializer, optimizer, rates, epochs) in NETWORKS.items():
        result = sweep(
            lambda i=initializer: build(i),
            (X, y),
            valid,
            optimizer=OPTIMIZERS[optimizer],
            learning_rates=rates[1:3] if smoke else rates,
            seeds=seeds,
            tuning_seeds=[11] if smoke else [11, 12],
            epochs=1 if smoke else epochs,
            only_best=True,
            jit_compile=not smoke,
            edge="allow: a quick run" if smoke else "",
        )
        networks[name] = {
            "best_rate": result.best_rate,
            "rates": rates,
            "tuning": np.round(result.tuning.history["val_accuracy"][:, :, -1], 4),
            "val_accuracy": np.round(result.best(), 4),
            "loss": np.round(result.best("loss"), 4),
        }
    for name in ("glorot", "he"):
        networks[name]["gradients"] = []
        for seed in seeds:
            random.seed(seed)
            norms = gradient_norms(build(NETWORKS[name][0]), X[:500], y[:500])
            networks[name]["gradients"].append(norms)
    return {"networks": networks}
