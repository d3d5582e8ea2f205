"""Compare what a training step costs with nine activation functions.

For the lesson *Activation functions*: five layers of 100 units, epochs of 2,000 images. Each
epoch is timed in turn with one of ReLU. The time is that of the processor, not of the clock,
so that other programs on the machine count little.
"""

import time

import keras
import numpy as np

from ch11lib import datasets

NAMES = ["sigmoid", "tanh", "leaky_relu", "prelu", "elu", "selu", "gelu", "silu", "mish"]


def compiled(name):
    """Return five layers with this function, and PReLU with a slope for each unit."""
    model = keras.Sequential([keras.Input(shape=(28, 28)), keras.layers.Flatten()])
    for _ in range(5):
        model.add(keras.layers.Dense(100, kernel_initializer="he_normal"))
        own = keras.layers.PReLU() if name == "prelu" else keras.layers.Activation(name)
        model.add(own)
    model.add(keras.layers.Dense(10, "softmax"))
    model.compile(loss="sparse_categorical_crossentropy", optimizer="sgd")
    return model


def measure(smoke=False):
    """Return, for each function, the ratios of an epoch's processor time to that of ReLU."""
    data = datasets.load_fashion_mnist()
    n_images, repeats = (256, 1) if smoke else (2_000, 9)
    X, y = data.X_train[:n_images].astype("float32") / 255, data.y_train[:n_images]

    def seconds(model):
        start = time.process_time()
        model.fit(X, y, batch_size=128, verbose=0)
        return time.process_time() - start

    relu, ratios = compiled("relu"), {}
    seconds(relu)  # traces it
    for name in NAMES[: 1 if smoke else None]:
        model = compiled(name)
        seconds(model)
        ratios[name] = np.round([seconds(model) / seconds(relu) for _ in range(repeats)], 3)
    return {"ratios": ratios}
