"""Train twenty layers with three kinds of units and weights, each at its own best rate.

The networks of the lesson *Vanishing and exploding gradients*: sigmoids with
Keras's default weights, ReLU with He's weights, sigmoids with weights from N(0, 1).
Each is trained with gradient descent and momentum 0.9 for 30 epochs of 10,000
images at nine learning rates from 0.0001 to 1 with two seeds, which choose the best
rate, and at that rate with five others, which are reported.
"""

import keras

from ch11lib import datasets
from ch11lib.training import sweep

RATES = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0]
NETWORKS = {
    "sigmoid": ("sigmoid", "glorot_uniform"),
    "relu": ("relu", "he_normal"),
    "normal": ("sigmoid", {"class_name": "RandomNormal", "config": {"stddev": 1.0}}),
}


def build(activation, initializer):
    """Return twenty hidden layers of 100 units, each with an initializer of its own."""
    model = keras.Sequential([keras.Input(shape=(28, 28)), keras.layers.Flatten()])
    for _ in range(20):
        weights = keras.initializers.get(initializer)
        model.add(keras.layers.Dense(100, activation, kernel_initializer=weights))
    model.add(keras.layers.Dense(10, "softmax"))
    return model


def measure(smoke=False):
    """Return the curves at each network's best rate, and the ends at all rates."""
    data = datasets.load_fashion_mnist()
    n_images, epochs = (256, 1) if smoke else (10_000, 30)
    X, y = data.X_train[:n_images].astype("float32"), data.y_train[:n_images]
    mean, std = X.mean(), X.std()
    valid = (data.X_valid.astype("float32") - mean) / std, data.y_valid
    networks = {}
    for name, (activation, initializer) in NETWORKS.items():
        result = sweep(
            lambda a=activation, i=initializer: build(a, i),
            ((X - mean) / std, y),
            valid,
            optimizer=lambda: keras.optimizers.SGD(momentum=0.9),
            learning_rates=RATES[4:7] if smoke else RATES,
            seeds=[1] if smoke else [1, 2, 3, 4, 5],
            tuning_seeds=[11] if smoke else [11, 12],
            epochs=epochs,
            only_best=True,
            jit_compile=not smoke,
            edge="allow: a network that guesses has no best rate"
            if smoke or name == "sigmoid"
            else "",
        )
        networks[name] = {
            "best_rate": result.best_rate,
            "tuning": result.tuning.history["val_accuracy"],
            "val_accuracy": result.best(),
            "loss": result.best("loss"),
        }
    return {"tuned_rates": RATES, "networks": networks}
