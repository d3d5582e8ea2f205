"""The Lab's engine in Chromium against Keras's `fit`: seconds for an epoch, on one core.

10,000 images, 784-100×10-10, ReLU, SGD, batches of 32; then other depths, widths, batch sizes
and options. Each network is trained in both, one right after the other, for four epochs; the
first one, in which Keras traces and the browser compiles, doesn't count. Both are kept on the same
core, and compared by processor time: what else runs there matters little. The number of epochs can
be given: `python tests/benchmarks/lab_engine.py 6`.
"""

import os
import sys
import time

import machine
import psutil

ROOT = machine.RESULTS.parents[2]
sys.path += [str(ROOT / folder) for folder in ("", "book/tools", "tests/site", "tests/lab")]
IMAGES = 10_000
BASE = {"depth": 10, "width": 100, "batch_size": 32, "initializer": "he_normal"}
NETWORKS = [
    {},
    *({"depth": depth} for depth in (1, 3, 20, 50)),
    *({"width": width} for width in (30, 300)),
    *({"batch_size": size} for size in (8, 128, 512)),
    {"activation": "gelu"},
    {"optimizer": "adam", "learning_rate": 0.001},
    {"normalization": "batch_before"},
]


def keras_seconds(settings, X, y, epochs):
    """Return wall and processor time of an epoch of `fit`, without the first one."""
    import keras

    from ch11lib.models import build_mlp

    class Clock(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            ends.append((time.perf_counter(), time.process_time()))

    ends = []
    model = build_mlp(
        [settings["width"]] * settings["depth"],
        settings.get("activation", "relu"),
        settings["initializer"],
        normalization="batch" if "normalization" in settings else None,
    )
    adam = settings.get("optimizer") == "adam"
    optimizer = keras.optimizers.Adam if adam else keras.optimizers.SGD
    model.compile(
        optimizer(settings["learning_rate"]),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    size = settings["batch_size"]
    model.fit(X, y, batch_size=size, epochs=epochs, callbacks=[Clock()], verbose=0)
    return per_epoch(ends[0], ends[-1], epochs)


def lab_seconds(page, settings, epochs, use_wasm=True):
    """Return wall and processor time of an epoch in the page, without the first one."""
    kernel = page.evaluate(
        """([settings, useWasm]) => {
          window.trainer = Lab.createTrainer(settings, window.data, { useWasm });
          trainer.steps(trainer.stepsPerEpoch);
          return trainer.kernel;
        }""",
        [{**settings, "images": IMAGES, "epochs": epochs}, use_wasm],
    )
    assert kernel == ("wasm" if use_wasm else "plain")
    start = time.perf_counter(), browser_time()
    page.evaluate("() => { while (!trainer.done) trainer.steps(1000); }")
    return per_epoch(start, (time.perf_counter(), browser_time()), epochs)


def browser_time():
    """Return the processor time of all that this process started, in seconds."""
    times = [child.cpu_times() for child in psutil.Process().children(recursive=True)]
    return sum(one.user + one.system for one in times)


def per_epoch(start, end, epochs):
    """Return the wall and the processor time of all epochs but the first, for one."""
    return [(b - a) / (epochs - 1) for a, b in zip(start, end, strict=True)]


def main(epochs=4):
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # the browser inherits it
    import browser
    import lab_build
    from engine_page import HELPERS, packed

    from ch11lib import datasets

    (X, y), _, _ = datasets.load_fashion_mnist()
    (standardized,) = datasets.standardize(X[:IMAGES])
    data = {"images": packed(X[: IMAGES + 100]), "labels": packed(y[: IMAGES + 100])}
    rows = []
    with browser.open_browser() as opened, browser.new_page(opened) as watched:
        page = watched.page
        page.goto("about:blank")
        page.add_script_tag(content=lab_build.join("trainer.js", "Lab") + "window.Lab = Lab;")
        page.add_script_tag(content=HELPERS)
        page.evaluate(
            "(data) => { window.data = dataOf(data); }", {**data, "nTrain": IMAGES, "nValid": 100}
        )
        for change in NETWORKS:
            settings = {"learning_rate": 0.01, **BASE, **change}
            theirs = keras_seconds(settings, standardized, y[:IMAGES], epochs)
            ours = lab_seconds(page, settings, epochs)
            row = {"settings": change, "keras": theirs, "lab": ours, "ratio": ours[1] / theirs[1]}
            if not change:
                row["plain"] = lab_seconds(page, settings, 2, use_wasm=False)
            rows.append(row)
            print(
                f"{change!s:45} Keras {theirs[1]:6.2f} s  Lab {ours[1]:6.2f} s"
                f"  ratio {row['ratio']:.2f}  (wall {theirs[0]:.2f} and {ours[0]:.2f} s)",
                flush=True,
            )
    print(f"without SIMD: {rows[0]['plain'][1]:.2f} s")

    machine.store("lab_engine", epochs=epochs, images=IMAGES, base=BASE, rows=rows)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
