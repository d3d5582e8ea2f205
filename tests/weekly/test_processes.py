"""Training in two processes, and the builders on another backend."""

import json
import os
import socket
import subprocess
import sys

import numpy as np
from conftest import ROOT

SCRIPT = ROOT / "book" / "data_parallel" / "data_parallel.py"
BUILDERS = """
import keras, numpy as np
from ch11lib import deep_network_project, guidelines, mc_dropout, models, unsupervised_pretraining
from ch11lib.one_cycle import OneCycle
assert keras.backend.backend() == "jax"
X, y = np.random.default_rng(0).random((64, 28, 28), "float32"), np.arange(64) % 10
built = {"mlp": models.build_mlp([20] * 3, "relu", "he_normal")}
for name, choice in guidelines.CONFIGURATIONS.items():
    built[name] = guidelines.build(choice, [20] * 2)
for name, part in deep_network_project.PARTS.items():
    built[name] = deep_network_project.build(part)
for name, model in built.items():
    rate = OneCycle(0.01, 4)
    model.compile(keras.optimizers.SGD(rate), "sparse_categorical_crossentropy")
    loss = model.fit(X, y, batch_size=16, verbose=0).history["loss"][0]
    assert np.isfinite(loss), name
with_dropout = next(m for m in built.values() if any("dropout" in x.name for x in m.layers))
dropped = mc_dropout.to_mc(with_dropout)
assert dropped.predict(X, verbose=0).shape == (64, 10)
drawn = [mc_dropout.mc_predict(dropped, X[:6], samples=9, seed=seed) for seed in (1, 1, 2)]
assert np.array_equal(drawn[0], drawn[1]) and not np.array_equal(drawn[0], drawn[2])
np.testing.assert_allclose(drawn[0].sum(axis=-1), 1, rtol=1e-5)
print(len(built))
"""


def start(*options):
    command = [sys.executable, str(SCRIPT), "--images", "1280", "--epochs", "2", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process):
    try:
        said, complaint = process.communicate(timeout=240)
    finally:
        process.kill()
    assert process.returncode == 0, complaint[-2000:]
    assert "UserWarning" not in complaint
    return json.loads(said.splitlines()[-1])


def test_two_processes_train_as_one_does():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        coordinator = f"127.0.0.1:{free.getsockname()[1]}"
    both = ("--float", "float64", "--processes", "2", "--coordinator", coordinator)
    alone = finish(start("--float", "float64"))
    first, second = [start(*both, "--process", str(i)) for i in range(2)]
    losses = [finish(first), finish(second)]
    assert losses[0] == losses[1]
    np.testing.assert_allclose(losses[0], alone, rtol=1e-12)
    assert losses[0][1] < losses[0][0] - 0.1, "it learns"


def test_builders_train_on_jax():
    done = subprocess.run(
        [sys.executable, "-c", BUILDERS],
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout.split()[-1]) >= 10
