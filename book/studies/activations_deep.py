"""Train fifty layers of SELU and of ReLU until they stop getting better.

For the lesson *Activation functions*: networks of 50 hidden layers of 50 units, SELU with
LeCun's weights and ReLU with He's, gradient descent with momentum 0.9 and a learning rate
that falls in a straight line to zero over 12 epochs of 10,000 images. In networks this deep a
run may fail by its random start alone, so three seeds, not two, are trained at each of four
rates; they choose the best rate, and five others are reported.
"""

import keras
import numpy as np

from ch11lib import datasets
from ch11lib.training import sweep

RATES = [0.001, 0.002, 0.004, 0.008]
FUNCTIONS = {"selu": "lecun_normal", "relu": "he_normal"}
DEPTH, EPOCHS = 50, 12


def build(depth, activation):
    """Return `depth` hidden layers of 50 units, each with an initializer of its own."""
    model = keras.Sequential([keras.Input(shape=(28, 28)), keras.layers.Flatten()])
    for _ in range(depth):
        weights = keras.initializers.get(FUNCTIONS[activation])
        model.add(keras.layers.Dense(50, activation, kernel_initializer=weights))
    model.add(keras.layers.Dense(10, "softmax"))
    return model


def measure(smoke=False):
    """Return the curves of both functions at the best rate, and the ends at all rates."""
    data = datasets.load_fashion_mnist()
    n_images = 256 if smoke else 10_000
    X, y = data.X_train[:n_images].astype("float32"), data.y_train[:n_images]
    mean, std = X.mean(), X.std()
    valid = (data.X_valid.astype("float32") - mean) / std, data.y_valid
    depth, epochs = (5, 1) if smoke else (DEPTH, EPOCHS)
    steps = epochs * (len(X) // 128)
    networks = {}
    for name in FUNCTIONS:
        result = sweep(
            lambda n=name: build(depth, n),
            ((X - mean) / std, y),
            valid,
            optimizer=lambda: keras.optimizers.SGD(momentum=0.9),
            learning_rates=RATES[1:] if smoke else RATES,
            seeds=[1] if smoke else [1, 2, 3, 4, 5],
            tuning_seeds=[11] if smoke else [11, 12, 13],
            epochs=epochs,
            schedule=1 - np.arange(steps) / steps,
            only_best=True,
            jit_compile=not smoke,
            edge="allow: the ends at all rates are stored, and the lesson shows them",
        )
        networks[name] = {
            "best_rate": result.best_rate,
            "tuning": np.round(result.tuning.history["val_accuracy"][:, :, -1], 4),
            "val_accuracy": np.round(result.best(), 4),
            "accuracy": np.round(result.best("accuracy"), 4),
        }
    return {"rates": RATES, "epochs": EPOCHS, "networks": networks}
