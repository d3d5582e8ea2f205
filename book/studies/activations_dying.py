"""Count the units that die in networks as a student might build them.

For the lesson *Activation functions*: hidden layers of 100 units with He's weights on
standardized images, trained for 3 epochs of 10,000 images by gradient descent with momentum
0.9, five seeds. Part "relu" varies the depth, the learning rate and the value at which the
biases start. Part "helps" takes ten layers and changes the function. A unit counts as dead
if it gives the same output for each of 2,000 training images.
"""

import random

import keras
import numpy as np

from ch11lib import activations, datasets
from ch11lib.training import sweep

SEEDS = [1, 2, 3, 4, 5]
DEPTHS, BIASES, RATES = [3, 10, 20], [0.0, -1.0], [0.01, 0.03, 0.1]
FUNCTIONS = ["relu", "leaky_relu", "elu", "gelu"]
KERAS_SLOPE = {"leaky_relu": {"negative_slope": 0.2}}  # what the name means in Keras


def build(depth, activation, bias):
    """Return `depth` hidden layers of 100 units whose biases start at `bias`."""
    model = keras.Sequential([keras.Input(shape=(28, 28)), keras.layers.Flatten()])
    for _ in range(depth):
        start = keras.initializers.Constant(bias)
        model.add(
            keras.layers.Dense(
                100, activation, kernel_initializer="he_normal", bias_initializer=start
            )
        )
    model.add(keras.layers.Dense(10, "softmax"))
    return model


def dead_share(weights, activation, X):
    """Return the share of dead units of each hidden layer, NaN for a network that diverged."""
    phi = activations.get(activation, **KERAS_SLOPE.get(activation, {}))
    outputs, shares = X.reshape(len(X), -1), []
    if not all(np.isfinite(values).all() for values in weights):
        return [np.nan] * (len(weights) // 2 - 1)
    for kernel, bias in zip(weights[:-2:2], weights[1:-2:2], strict=True):
        outputs = phi(outputs @ kernel + bias)
        shares.append((np.ptp(outputs, axis=0) == 0).mean())
    return shares


def measure(smoke=False):
    """Return dead shares per layer, fresh and trained, and the accuracies."""
    data = datasets.load_fashion_mnist()
    n_images = 256 if smoke else 10_000
    X, y = data.X_train[:n_images].astype("float32"), data.y_train[:n_images]
    mean, std = X.mean(), X.std()
    X = (X - mean) / std
    valid = (data.X_valid.astype("float32") - mean) / std, data.y_valid

    def network(depth, activation, bias):
        result = sweep(
            lambda: build(depth, activation, bias),
            (X, y),
            valid,
            optimizer=lambda: keras.optimizers.SGD(momentum=0.9),
            learning_rates=RATES,
            seeds=SEEDS[:1] if smoke else SEEDS,
            epochs=1 if smoke else 3,
            keep_weights=True,
            jit_compile=not smoke,
        )
        fresh = []
        for seed in result.seeds:
            random.seed(seed)
            fresh.append(
                dead_share(build(depth, activation, bias).get_weights(), activation, X[:2000])
            )
        trained = [
            [
                dead_share([w[rate, seed] for w in result.weights], activation, X[:2000])
                for seed in range(len(result.seeds))
            ]
            for rate in range(len(RATES))
        ]
        return {
            "fresh": np.round(fresh, 2),
            "trained": np.round(trained, 2),
            "val_accuracy": np.round(result.history["val_accuracy"][:, :, -1], 4),
        }

    depths, biases = (DEPTHS[:1], BIASES[:1]) if smoke else (DEPTHS, BIASES)
    return {
        "rates": RATES,
        "relu": {
            str(depth): {str(bias): network(depth, "relu", bias) for bias in biases}
            for depth in depths
        },
        "helps": {
            name: {str(bias): network(3 if smoke else 10, name, bias) for bias in biases}
            for name in FUNCTIONS[1 : 2 if smoke else None]
        },
    }
