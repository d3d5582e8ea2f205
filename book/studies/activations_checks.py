"""Ask two further questions about the ranking of activation functions.

For the lesson *Activation functions*, on the networks of the study `activations`:

- "longer": twenty layers of SELU and ReLU, at the rate that 12 epochs chose, for 30 epochs;
- "sigmoid": three sigmoid layers at higher learning rates than the ranking tried.
"""

import keras
import numpy as np

from ch11lib import datasets, studies
from ch11lib.training import sweep

LONGER = {"selu": "lecun_normal", "relu": "he_normal"}


def build(depth, activation, initializer):
    """Return `depth` hidden layers of 50 units, each with an initializer of its own."""
    model = keras.Sequential([keras.Input(shape=(28, 28)), keras.layers.Flatten()])
    for _ in range(depth):
        weights = keras.initializers.get(initializer)
        model.add(keras.layers.Dense(50, activation, kernel_initializer=weights))
    model.add(keras.layers.Dense(10, "softmax"))
    return model


def measure(smoke=False):
    """Return the ends of the trainings."""
    data = datasets.load_fashion_mnist()
    n_images = 256 if smoke else 10_000
    X, y = data.X_train[:n_images].astype("float32"), data.y_train[:n_images]
    mean, std = X.mean(), X.std()
    X = (X - mean) / std
    valid = (data.X_valid.astype("float32") - mean) / std, data.y_valid
    depth = 3 if smoke else 20

    def trained(network, rates, epochs, tuning=(11, 12)):
        epochs = 1 if smoke else epochs
        steps = epochs * (n_images // 128)
        result = sweep(
            lambda: build(*network),
            (X, y),
            valid,
            optimizer=lambda: keras.optimizers.SGD(momentum=0.9),
            learning_rates=rates,
            seeds=[1] if smoke else [1, 2, 3, 4, 5],
            tuning_seeds=tuning,
            epochs=epochs,
            schedule=1 - np.arange(steps) / steps,
            only_best=bool(tuning),
            jit_compile=not smoke,
            edge="allow: a quick run" if smoke else "",
        )
        return {
            "best_rate": result.best_rate,
            "rates": rates,
            "tuning": np.round(result.tuning.history["val_accuracy"][:, :, -1], 4)
            if tuning
            else [],
            "val_accuracy": np.round(result.best()[:, -1], 4),
            "accuracy": np.round(result.best("accuracy")[:, -1], 4),
        }

    chosen = studies.load("activations")["depths"]["20"]
    return {
        "longer": {
            name: trained((depth, name, LONGER[name]), [chosen[name]["best_rate"]], 30, ())
            for name in list(LONGER)[: 1 if smoke else None]
        },
        "sigmoid": trained((3, "sigmoid", "glorot_uniform"), [0.1, 0.3, 1.0, 3.0], 12),
    }
