"""Train nine activation functions at three depths, each at its own best learning rate.

The ranking of the lesson *Activation functions*: networks of 3, 10 and 20 hidden
layers of 50 units, each function with the initializer that fits it, gradient
descent with momentum 0.9 and a learning rate that falls in a straight line to
zero over 12 epochs of 10,000 images. Two seeds choose the best of six rates from
0.001 to 0.3; at that rate five others are reported.
"""

import keras
import numpy as np

from ch11lib import datasets
from ch11lib.training import sweep

RATES = [1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1]
FUNCTIONS = {
    "sigmoid": "glorot_uniform",
    "tanh": "glorot_uniform",
    "relu": "he_normal",
    "leaky_relu": "he_normal",
    "elu": "he_normal",
    "selu": "lecun_normal",
    "gelu": "he_normal",
    "silu": "he_normal",
    "mish": "he_normal",
}
DEPTHS = [3, 10, 20]


def build(depth, activation):
    """Return `depth` hidden layers of 50 units, each with an initializer of its own."""
    model = keras.Sequential([keras.Input(shape=(28, 28)), keras.layers.Flatten()])
    for _ in range(depth):
        weights = keras.initializers.get(FUNCTIONS[activation])
        model.add(keras.layers.Dense(50, activation, kernel_initializer=weights))
    model.add(keras.layers.Dense(10, "softmax"))
    return model


def images(smoke):
    """Return standardized images to train on and to validate."""
    data = datasets.load_fashion_mnist()
    n_images = 256 if smoke else 10_000
    X, y = data.X_train[:n_images].astype("float32"), data.y_train[:n_images]
    mean, std = X.mean(), X.std()
    return ((X - mean) / std, y), ((data.X_valid.astype("float32") - mean) / std, data.y_valid)


def measure(smoke=False):
    """Return the curves of each function and depth at the best rate, and the ends at all."""
    train, valid = images(smoke)
    epochs = 1 if smoke else 12
    steps = epochs * (len(train[0]) // 128)
    schedule = 1 - np.arange(steps) / steps
    depths = {}
    for depth in DEPTHS[:1] if smoke else DEPTHS:
        depths[str(depth)] = {}
        for name in ["relu"] if smoke else FUNCTIONS:
            result = sweep(
                lambda d=depth, n=name: build(d, n),
                train,
                valid,
                optimizer=lambda: keras.optimizers.SGD(momentum=0.9),
                learning_rates=RATES[2:5] if smoke else RATES,
                seeds=[1] if smoke else [1, 2, 3, 4, 5],
                tuning_seeds=[11] if smoke else [11, 12],
                epochs=epochs,
                schedule=schedule,
                only_best=True,
                jit_compile=not smoke,
                edge="allow: the ends are stored, and no network loses the results of others",
            )
            depths[str(depth)][name] = {
                "best_rate": result.best_rate,
                "tuning": result.tuning.history["val_accuracy"][:, :, -1].round(4),
                "val_accuracy": result.best().round(4),
                "accuracy": result.best("accuracy").round(4),
            }
    return {"rates": RATES, "depths": depths}
