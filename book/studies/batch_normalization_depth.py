"""Train shallow and deep networks without normalization, with it, and with skip connections.

For the lesson *Batch normalization*. ReLU layers of 50 units with He's weights: a first layer,
then pairs of layers. With skip connections the input of a pair is added before its second
ReLU, as in the blocks of He et al. (2015, arXiv:1512.03385, figure 2). 10,000 images, tuned
with two seeds; five others are reported. For the deep networks also the gradients' norms in
each layer, before training and after it.
"""

import random

import keras
import numpy as np
import tensorflow as tf

from ch11lib import datasets
from ch11lib.training import sweep

RATES = [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3]
KINDS = {"plain": (False, False), "bn": (True, False), "bn_skip": (True, True)}
SHALLOW, DEEP = 5, 41


def build(depth, normalize, skip):
    """Return a network of `depth` hidden layers, of which all but the first form pairs."""

    def weighted(x):
        x = keras.layers.Dense(50, use_bias=not normalize, kernel_initializer="he_normal")(x)
        return keras.layers.BatchNormalization(momentum=0.9)(x) if normalize else x

    inputs = keras.Input(shape=(28, 28))
    x = keras.layers.ReLU()(weighted(keras.layers.Flatten()(inputs)))
    for _ in range(depth // 2):
        below = x
        x = weighted(keras.layers.ReLU()(weighted(x)))
        x = keras.layers.ReLU()(keras.layers.Add()([below, x]) if skip else x)
    return keras.Model(inputs, keras.layers.Dense(10, "softmax")(x))


def gradient_norms(model, X, y):
    """Return the norm of the gradient of each hidden kernel, in training mode."""
    kernels = [layer.kernel for layer in model.layers if hasattr(layer, "kernel")][:-1]
    with tf.GradientTape() as tape:
        losses = keras.losses.sparse_categorical_crossentropy(y, model(X, training=True))
        loss = tf.reduce_mean(losses)
    return [float(f"{tf.norm(g):.3g}") for g in tape.gradient(loss, kernels)]


def measure(smoke=False):
    """Return curves at the best rates, and gradient norms of each layer and seed."""
    data = datasets.load_fashion_mnist()
    n_images = 256 if smoke else 10_000
    X, y = data.X_train[:n_images].astype("float32"), data.y_train[:n_images]
    mean, std = X.mean(), X.std()
    X = (X - mean) / std
    valid = (data.X_valid.astype("float32") - mean) / std, data.y_valid
    seeds = [1] if smoke else [1, 2, 3, 4, 5]
    networks = {}
    for kind, (normalize, skip) in KINDS.items():
        for depth in (SHALLOW, DEEP):
            rates = RATES if normalize and depth == DEEP else RATES[:-1]
            result = sweep(
                lambda d=depth, n=normalize, s=skip: build(d, n, s),
                (X, y),
                valid,
                optimizer=lambda: keras.optimizers.SGD(momentum=0.9),
                learning_rates=rates[2:4] if smoke else rates,
                seeds=seeds,
                tuning_seeds=[11] if smoke else [11, 12],
                epochs=1 if smoke else 15,
                only_best=True,
                jit_compile=not smoke,
                keep_weights=True,
                edge="allow: a quick run" if smoke else "",
            )
            found = {
                "best_rate": result.best_rate,
                "tuned_rates": rates,
                "tuning": np.round(result.tuning.history["val_accuracy"][:, :, -1], 4),
                "val_accuracy": np.round(result.best(), 4),
                "accuracy": np.round(result.best("accuracy"), 4),
            }
            if depth == DEEP:
                found["gradients_before"], found["gradients_after"] = [], []
                for number, seed in enumerate(seeds):
                    random.seed(seed)
                    model = build(depth, normalize, skip)
                    found["gradients_before"].append(gradient_norms(model, X[:500], y[:500]))
                    model.set_weights([w[0, number] for w in result.weights])
                    found["gradients_after"].append(gradient_norms(model, X[:500], y[:500]))
            networks[f"{kind}_{depth}"] = found
    return {"shallow": SHALLOW, "deep": DEEP, "networks": networks}
