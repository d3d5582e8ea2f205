"""Write references.npz: what Keras makes of small networks with the Lab's settings.

    python tests/lab/make_references.py

Each case is a `fit` of five epochs on the same 60 images of 5 × 5 pixels, in batches of 16 (four
a step, the last of 12), from given weights, in a given order. The weights after 20 steps and the
history are stored, for dropout also the masks that Keras drew. The networks are built here from
Keras's own classes, and from `ch11lib.one_cycle`; no code of the Lab takes part.
"""

import json
import os
from pathlib import Path

os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import tensorflow as tf

from ch11lib import datasets
from ch11lib.one_cycle import OneCycle, OneCycleSGD

TARGET = Path(__file__).with_name("references.npz")
N_TRAIN, N_VALID, CLASSES = 60, 20, 10
BASE = {
    "depth": 3,
    "width": 16,
    "activation": "relu",
    "optimizer": "momentum",
    "learning_rate": 0.05,
    "batch_size": 16,
    "images": N_TRAIN,
    "epochs": 5,
}
ACTIVATIONS = ("sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", "silu")
OPTIMIZERS = {
    "sgd": {"learning_rate": 0.1},
    "momentum": {"momentum": 0.5},
    "nesterov": {},
    "adagrad": {"learning_rate": 0.05},
    "rmsprop": {"learning_rate": 0.003},
    "adam": {"learning_rate": 0.003},
    "adamw": {"learning_rate": 0.003, "weight_decay": 0.1},
    "nadam": {"learning_rate": 0.003},
}
CASES = {
    **{f"activation {name}": {"activation": name} for name in ACTIVATIONS},
    **{f"optimizer {name}": {"optimizer": name, **more} for name, more in OPTIMIZERS.items()},
    "normalization batch_before": {"normalization": "batch_before"},
    "normalization batch_after": {"normalization": "batch_after"},
    "normalization layer": {"normalization": "layer"},
    "bn_momentum": {"normalization": "batch_before", "bn_momentum": 0.8},
    "skip": {"skip": True},
    "skip, width of the input": {"skip": True, "width": 25, "depth": 2},
    "dropout": {"dropout": 0.3},
    "alpha_dropout": {"dropout": 0.2, "alpha_dropout": True, "activation": "selu"},
    "l1": {"l1": 0.002},
    "l2": {"l2": 0.01},
    "max_norm": {"max_norm": 1.0},
    "label_smoothing": {"label_smoothing": 0.2},
    "clip value": {"clip": "value", "clip_at": 0.02},
    "clip norm": {"clip": "norm", "clip_at": 0.3},
    "clip global_norm": {"clip": "global_norm", "clip_at": 0.5},
    "clip that does nothing": {"clip": "global_norm", "clip_at": 1000},
    "exponential": {"schedule": "exponential", "decay_rate": 0.3, "decay_epochs": 2},
    "piecewise": {"schedule": "piecewise", "decay_rate": 0.2, "drop_1": 0.4, "drop_2": 0.7},
    "cosine": {"schedule": "cosine"},
    "cosine, warm-up": {"schedule": "cosine", "warmup": 0.25, "final_rate": 0.2},
    "one_cycle": {"schedule": "one_cycle", "optimizer": "sgd", "learning_rate": 0.3},
    "one_cycle, momentum": {"schedule": "one_cycle", "learning_rate": 0.1, "rise": 0.45},
    "one_cycle, nesterov": {
        "schedule": "one_cycle",
        "optimizer": "nesterov",
        "momentum": 0.95,
        "cycle_momentum": 0.5,
    },
    "one_cycle, no rise": {"schedule": "one_cycle", "rise": 0.0},
    "depth 1": {"depth": 1},
    "depth 8": {"depth": 8, "width": 8},
    "width 5": {"width": 5},
    "width 1": {"width": 1, "activation": "tanh"},
    "batch_size 1": {"batch_size": 1, "epochs": 1, "learning_rate": 0.005},
    "batch_size 60": {"batch_size": 60, "epochs": 20},
    "patience": {"patience": 1, "learning_rate": 0.3, "epochs": 12},
    "a rate that is changed": {"change": [10, 0.005]},
    # Combinations
    "both penalties, max_norm, adamw": {
        "l1": 0.001,
        "l2": 0.002,
        "max_norm": 1.2,
        "optimizer": "adamw",
        "learning_rate": 0.003,
    },
    "adam, clip norm, cosine": {
        "optimizer": "adam",
        "learning_rate": 0.005,
        "clip": "norm",
        "clip_at": 0.2,
        "schedule": "cosine",
        "warmup": 0.2,
    },
    "skip, batch_before, dropout, silu": {
        "skip": True,
        "normalization": "batch_before",
        "dropout": 0.25,
        "activation": "silu",
    },
    "skip, batch_after, elu, nadam": {
        "skip": True,
        "normalization": "batch_after",
        "activation": "elu",
        "optimizer": "nadam",
        "learning_rate": 0.003,
    },
    "skip, layer, gelu, adamw, one_cycle": {
        "skip": True,
        "normalization": "layer",
        "activation": "gelu",
        "optimizer": "adamw",
        "weight_decay": 0.02,
        "schedule": "one_cycle",
        "learning_rate": 0.01,
    },
    "batch_after, dropout, l2, rmsprop": {
        "normalization": "batch_after",
        "dropout": 0.4,
        "l2": 0.001,
        "optimizer": "rmsprop",
        "learning_rate": 0.002,
        "activation": "leaky_relu",
    },
    "batch_before, clip value, exponential, nesterov": {
        "normalization": "batch_before",
        "bn_momentum": 0.9,
        "clip": "value",
        "clip_at": 0.05,
        "schedule": "exponential",
        "optimizer": "nesterov",
    },
    "layer, label_smoothing, adagrad, piecewise": {
        "normalization": "layer",
        "label_smoothing": 0.1,
        "optimizer": "adagrad",
        "schedule": "piecewise",
    },
    "alpha_dropout, selu, max_norm, global_norm": {
        "dropout": 0.1,
        "alpha_dropout": True,
        "activation": "selu",
        "max_norm": 1.5,
        "clip": "global_norm",
        "clip_at": 0.4,
    },
    "sigmoid, l1, label_smoothing, patience": {
        "activation": "sigmoid",
        "l1": 0.001,
        "label_smoothing": 0.3,
        "patience": 3,
        "learning_rate": 0.5,
    },
    "tanh, l2, clip norm, one_cycle, nesterov": {
        "activation": "tanh",
        "l2": 0.005,
        "clip": "norm",
        "clip_at": 0.5,
        "schedule": "one_cycle",
        "optimizer": "nesterov",
    },
    "batch_before, l2, patience, adam": {
        "normalization": "batch_before",
        "bn_momentum": 0.5,
        "l2": 0.003,
        "patience": 2,
        "optimizer": "adam",
        "learning_rate": 0.02,
    },
}
#: Cases whose first step is also stored layer by layer.
WATCHED = ("activation sigmoid", "activation relu", "activation selu", "l2")
DEFAULTS = {
    "normalization": "none",
    "bn_momentum": 0.99,
    "skip": False,
    "dropout": 0,
    "alpha_dropout": False,
    "l1": 0,
    "l2": 0,
    "max_norm": 0,
    "label_smoothing": 0,
    "momentum": 0.9,
    "weight_decay": 0.004,
    "clip": "none",
    "schedule": "constant",
    "decay_rate": 0.1,
    "decay_epochs": 10,
    "drop_1": 0.5,
    "drop_2": 0.75,
    "warmup": 0,
    "final_rate": 0,
    "rise": 0.3,
    "cycle_momentum": 0.85,
    "patience": 0,
}


def recording(layer_class):
    """Return the dropout layer `layer_class`, which also keeps its masks."""

    class Recording(layer_class):
        masks: list

        def call(self, inputs, training=False):
            if not training:
                return super().call(inputs, training=False)
            state = self.seed_generator.state.numpy()
            ones = np.asarray(super().call(tf.ones_like(inputs), training=True))
            self.masks.append(ones > 0.5)  # alpha dropout makes a negative number of 1
            self.seed_generator.state.assign(state)
            return super().call(inputs, training=True)

    return Recording


def build(settings):
    """Return the model, and its dropout layers."""
    layers, get = keras.layers, settings.get

    def dense(units, activation=None, use_bias=True):
        return layers.Dense(
            units,
            activation,
            use_bias=use_bias,
            kernel_regularizer=keras.regularizers.L1L2(get("l1"), get("l2")),
            kernel_constraint=keras.constraints.MaxNorm(get("max_norm"))
            if get("max_norm")
            else None,
        )

    inputs = x = keras.Input([25])
    dropouts = []
    for i in range(get("depth")):
        kind = get("normalization")
        y = dense(get("width"), use_bias=kind != "batch_before")(x)
        if kind == "batch_before":
            y = layers.BatchNormalization(momentum=get("bn_momentum"))(y)
        if kind == "layer":
            y = layers.LayerNormalization()(y)
        y = layers.Activation(get("activation"))(y)
        if kind == "batch_after":
            y = layers.BatchNormalization(momentum=get("bn_momentum"))(y)
        if get("dropout"):
            kept = layers.AlphaDropout if get("alpha_dropout") else layers.Dropout
            dropouts.append(recording(kept)(get("dropout"), seed=i))
            dropouts[-1].masks = []
            y = dropouts[-1](y)
        x = layers.add([x, y]) if get("skip") and i > 0 else y
    return keras.Model(inputs, dense(CLASSES, "softmax")(x)), dropouts


def learning_rate(settings):
    """Return what the optimizer gets as learning rate."""
    get, rate = settings.get, settings["learning_rate"]
    steps = -(-N_TRAIN // get("batch_size"))
    total = steps * get("epochs")
    schedules = keras.optimizers.schedules
    if get("schedule") == "exponential":
        return schedules.ExponentialDecay(rate, get("decay_epochs") * steps, get("decay_rate"))
    if get("schedule") == "piecewise":
        drops = [round(get("drop_1") * total), round(get("drop_2") * total)]
        factor = get("decay_rate")
        return schedules.PiecewiseConstantDecay(drops, [rate, rate * factor, rate * factor**2])
    if get("schedule") == "cosine":
        if warmup := round(get("warmup") * total):
            return schedules.CosineDecay(
                0.0, total - warmup, get("final_rate"), warmup_target=rate, warmup_steps=warmup
            )
        return schedules.CosineDecay(rate, total, get("final_rate"))
    if get("schedule") == "one_cycle":
        return OneCycle(rate, total, pct_start=get("rise"))
    return rate


def optimizer(settings):
    """Return the optimizer."""
    get, name = settings.get, settings["optimizer"]
    clip = {"value": "clipvalue", "norm": "clipnorm", "global_norm": "global_clipnorm"}
    options = {clip[get("clip")]: get("clip_at")} if get("clip") != "none" else {}
    rate = learning_rate(settings)
    if name in ("momentum", "nesterov"):
        nesterov = name == "nesterov"
        if get("schedule") == "one_cycle":
            return OneCycleSGD(
                rate, get("cycle_momentum"), get("momentum"), nesterov=nesterov, **options
            )
        return keras.optimizers.SGD(rate, get("momentum"), nesterov=nesterov, **options)
    if name == "adamw":
        return keras.optimizers.AdamW(rate, weight_decay=get("weight_decay"), **options)
    classes = {"sgd": "SGD", "adagrad": "Adagrad", "rmsprop": "RMSprop"}
    return getattr(keras.optimizers, classes.get(name, name.capitalize()))(rate, **options)


def flat(arrays):
    """Return all numbers of some arrays in one."""
    return np.concatenate([np.ravel(array) for array in arrays]).astype(np.float32)


def start_weights(model):
    """Return weights of the model's shapes: He for kernels, and nothing that is just 0 or 1."""
    rng = np.random.default_rng(7)
    start = []
    for variable in model.weights:
        noise = rng.normal(size=variable.shape)
        if variable.name == "kernel":
            start.append(noise * np.sqrt(2 / variable.shape[0]))
        elif "variance" in variable.path or variable.name == "gamma":
            start.append(1 + 0.1 * noise)
        else:
            start.append(0.1 * noise)
    return [array.astype(np.float32) for array in start]


def first_step(model, settings, X, y):
    """Return what one step on (X, y) shows of each layer, and its update ratios."""
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    acts = [layer for layer in model.layers if isinstance(layer, keras.layers.Activation)]
    watched = keras.Model(
        model.input, [*(a.input for a in acts), *(a.output for a in acts), model.output]
    )
    kernels = [layer.kernel.value for layer in dense]
    with tf.GradientTape() as tape:
        outputs = watched(X, training=True)
        loss = keras.losses.CategoricalCrossentropy()(y, outputs[-1]) + sum(model.losses)
    gradients = tape.gradient(loss, kernels)
    name, shares = settings["activation"], []
    for z in outputs[: len(acts)]:
        z = tf.constant(z)
        with tf.GradientTape() as tape:
            tape.watch(z)
            a = keras.activations.get(name)(z)
        slope = np.abs(tape.gradient(a, z))
        if name == "relu":
            shares.append(float((slope == 0).all(axis=0).mean()))
        else:
            shares.append(float((slope < {"sigmoid": 0.0025}.get(name, 0.01)).mean()))
    before = [np.asarray(kernel) for kernel in kernels]
    model.train_on_batch(X, y)
    after = [np.asarray(layer.kernel) for layer in dense]
    activations = [np.asarray(a) for a in outputs[len(acts) : 2 * len(acts)]]
    return {
        "gradientNorm": [float(np.linalg.norm(g)) for g in gradients],
        "activationMean": [float(a.mean()) for a in activations],
        "activationSd": [float(a.std()) for a in activations],
        "share": shares,
        "updateRatio": [
            float(np.linalg.norm(new - old) / np.linalg.norm(old))
            for old, new in zip(before, after, strict=True)
        ],
    }


def run(case, images, labels, orders):
    """Train one case; return its entry and its arrays."""
    settings = {**DEFAULTS, **BASE, **CASES[case]}
    X = np.concatenate(datasets.standardize(images[:N_TRAIN], images[N_TRAIN:])).reshape(-1, 25)
    Y = np.eye(CLASSES, dtype=np.float32)[labels]
    model, dropouts = build(settings)
    start = start_weights(model)
    model.set_weights(start)
    model.compile(
        optimizer(settings),
        keras.losses.CategoricalCrossentropy(label_smoothing=settings["label_smoothing"]),
        metrics=["accuracy"],
        run_eagerly=True,
    )
    size = settings["batch_size"]

    def batches():
        for order in orders:
            for at in range(0, N_TRAIN, size):
                yield X[order[at : at + size]], Y[order[at : at + size]]

    callbacks = []
    if settings["patience"]:
        callbacks.append(
            keras.callbacks.EarlyStopping(patience=settings["patience"], restore_best_weights=True)
        )
    if change := settings.get("change"):

        def set_rate(batch, logs=None):
            if int(model.optimizer.iterations) == change[0]:
                model.optimizer.learning_rate = change[1]

        callbacks.append(keras.callbacks.LambdaCallback(on_train_batch_begin=set_rate))
    entry = {}
    if case in WATCHED:
        first = orders[0][:size]
        entry["first"] = first_step(model, settings, X[first], Y[first])
        model.set_weights(start)
        model.compile(
            optimizer(settings),
            keras.losses.CategoricalCrossentropy(label_smoothing=settings["label_smoothing"]),
            metrics=["accuracy"],
            run_eagerly=True,
        )
    for layer in dropouts:
        layer.masks.clear()
    history = model.fit(
        batches(),
        steps_per_epoch=-(-N_TRAIN // size),
        epochs=settings["epochs"],
        validation_data=(X[N_TRAIN:], Y[N_TRAIN:]),
        callbacks=callbacks,
        verbose=0,
    ).history
    entry["settings"] = {**BASE, **CASES[case]}
    entry["change"] = entry["settings"].pop("change", None)
    entry["history"] = history
    arrays = {"start": flat(start), "end": flat(model.get_weights())}
    if dropouts:
        # Step by step, layer by layer within a step.
        steps = zip(*(layer.masks for layer in dropouts), strict=True)
        bits = np.concatenate([mask.ravel() for step in steps for mask in step])
        arrays["masks"] = np.packbits(bits)
    return entry, arrays


def main():
    """Make all references and store them."""
    (X, y), _, _ = datasets.load_fashion_mnist()
    images = np.ascontiguousarray(X[: N_TRAIN + N_VALID, 4::5, 4::5])
    labels = y[: N_TRAIN + N_VALID]
    rng = np.random.default_rng(1)
    orders = np.array([rng.permutation(N_TRAIN) for _ in range(20)], np.uint8)
    entries, stored, starts = {}, {"images": images, "labels": labels, "orders": orders}, {}
    for index, case in enumerate(CASES):
        keras.utils.set_random_seed(1)
        entry, arrays = run(case, images, labels, orders)
        # Networks of one form begin with the same weights: they are stored once.
        start = arrays.pop("start")
        entry["start"] = starts.setdefault(start.tobytes(), f"start_{len(starts)}")
        stored[entry["start"]] = start
        for name, array in arrays.items():
            entry[name] = f"{name}_{index}"
            stored[entry[name]] = array
        entries[case] = entry
        print(case, [round(loss, 3) for loss in entry["history"]["loss"]], flush=True)
    text = json.dumps({"keras": keras.version(), "cases": entries})
    np.savez_compressed(TARGET, about=np.array(text), **stored)
    print(f"{TARGET.name}: {TARGET.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
