"""Watch the units of four sigmoid layers while they learn, as Glorot and Bengio did.

Their figure 2 (2010) shows mean and deviation of the outputs of each hidden layer
of a network with four sigmoid layers, weights U(-1/√n, 1/√n), trained by gradient
descent on batches of 10. Here: 200 units per layer, 10,000 images of Fashion-MNIST
with pixels from 0 to 1, learning rate 0.3, outputs for 300 test images. Instead of
mean and deviation, which would leave the interval from 0 to 1, the study keeps the
median and the middle 80% of all units and images.
"""

import keras
import numpy as np

from ch11lib import datasets
from ch11lib.experiments import progress

SEEDS = [1, 2, 3, 4, 5]
EPOCHS = 40


def build():
    """Return four layers of 200 sigmoid units with the paper's weights."""
    model = keras.Sequential([keras.Input(shape=(28, 28)), keras.layers.Flatten()])
    for _ in range(4):
        weights = keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")
        model.add(keras.layers.Dense(200, "sigmoid", kernel_initializer=weights))
    model.add(keras.layers.Dense(10, "softmax"))
    model.compile(
        loss="sparse_categorical_crossentropy",
        optimizer=keras.optimizers.SGD(0.3),
        metrics=["accuracy"],
    )
    return model


def quantiles(model, X):
    """Return the 10%, 50% and 90% quantiles of each hidden layer, shape (4, 3)."""
    found = []
    for layer in model.layers[:-1]:
        X = layer(X)
        found.append(np.quantile(X, [0.1, 0.5, 0.9]))
    return np.array(found[1:])


def watch(seed, X, y, watched, epochs):
    """Train one network; return its quantiles and its accuracy after each epoch."""
    keras.utils.set_random_seed(seed)
    model = build()
    seen = [quantiles(model, watched)]
    callback = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(quantiles(model, watched))
    )
    history = model.fit(X, y, batch_size=10, epochs=epochs, verbose=0, callbacks=[callback])
    return np.array(seen), np.array(history.history["accuracy"])


def first(condition):
    """Return the first index at which `condition` holds, -1 if it never does."""
    return int(np.argmax(condition)) if np.any(condition) else -1


def measure(smoke=False):
    """Train with each seed; say when layer 4 falls, returns, and when the network learns."""
    data = datasets.load_fashion_mnist()
    n_images, epochs = (100, 2) if smoke else (10_000, EPOCHS)
    X = data.X_train[:n_images].astype("float32") / 255
    y = data.y_train[:n_images]
    watched = data.X_test[:300].astype("float32") / 255
    seeds = SEEDS[:1] if smoke else SEEDS
    runs = [watch(seed, X, y, watched, epochs) for seed in progress(seeds, "seeds")]
    falls, returns, learns, others = [], [], [], []
    for seen, accuracy in runs:
        width = seen[:, 3, 2] - seen[:, 3, 0]  # of layer 4: 10% to 90%
        fall = first(seen[:, 3, 1] < 0.05)
        falls.append(fall)
        returns.append(fall + first(width[fall:] > 0.2))
        learns.append(first(accuracy > 0.5) + 1)  # accuracy[0] is that of epoch 1
        others.append(seen[: returns[-1], :3, 1].min())
    shown = runs[0][0]
    return {
        "seeds": seeds,
        "low": shown[:, :, 0],
        "median": shown[:, :, 1],
        "high": shown[:, :, 2],
        "accuracy": [accuracy for _, accuracy in runs],
        "falls": falls,
        "returns": returns,
        "learns": learns,
        "others": others,
    }
