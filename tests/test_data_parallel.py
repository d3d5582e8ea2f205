"""Training beyond one device: the ring, its cost, and the builders on another backend."""

import json
import os
import socket
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT

from ch11lib import data_parallel

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


@pytest.mark.parametrize(("k", "n"), [(1, 5), (2, 7), (3, 9), (4, 3), (5, 100), (8, 1)])
def test_ring_leaves_the_mean_everywhere(rng, k, n):
    gradients = rng.normal(size=(k, n))
    ring = data_parallel.ring_average(gradients)
    np.testing.assert_allclose(ring.averages, np.tile(gradients.mean(axis=0), (k, 1)))


@pytest.mark.parametrize(("k", "n"), [(2, 8), (4, 1000), (5, 100)])
def test_ring_sends_what_the_paper_says(rng, k, n):
    """Patarasuk and Yuan (2009): no algorithm sends less than 2 (k - 1) / k per value."""
    ring = data_parallel.ring_average(rng.normal(size=(k, n)))
    assert ring.sent.tolist() == [2 * (k - 1) * n // k] * k


def test_ring_keeps_the_input_and_its_type(rng):
    gradients = rng.normal(size=(3, 4)).astype(np.float32)
    before = gradients.copy()
    assert data_parallel.ring_average(gradients).averages.dtype == np.float32
    np.testing.assert_array_equal(gradients, before)
    assert data_parallel.ring_average([[1, 2], [3, 4]]).averages.tolist() == [[2, 3], [2, 3]]


def test_step_seconds_by_hand():
    """One device computes 6 x 1e6 x 100 operations; two send a whole gradient each, once."""
    alone, two = data_parallel.step_seconds([1, 2], 100, 1e6, speed=1e9, bandwidth=1e8)
    assert alone == pytest.approx(0.6)
    assert two == pytest.approx(0.3 + 4e6 / 1e8)


def test_the_number_of_weights_does_not_matter():
    ratios = [
        np.divide(*data_parallel.step_seconds([1, 8], 256, weights, 1e12, 1e9))
        for weights in (1e3, 1e9)
    ]
    assert ratios[0] == pytest.approx(ratios[1])


def test_operations_are_those_of_a_dense_layer():
    """6 = 2 forward + 4 backward, as jax counts them in the compiled gradient of a product."""
    jax = pytest.importorskip("jax")
    n_inputs, units, batch = 64, 32, 16

    def loss(w, x):
        return ((x @ w) ** 2).sum()

    shapes = (np.ones((n_inputs, units), "float32"), np.ones((batch, n_inputs), "float32"))
    counted = jax.jit(jax.grad(loss, argnums=(0, 1))).lower(*shapes).compile().cost_analysis()
    expected = data_parallel.OPERATIONS * n_inputs * units * batch
    assert counted["flops"] == pytest.approx(expected, rel=0.05)


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


def test_page_shows_the_script_and_the_files_of_the_hub():
    page = (ROOT / "book" / "data_parallel.ipynb").read_text(encoding="utf-8")
    assert "{literalinclude} data_parallel/data_parallel.py" in page
    for path in (ROOT / "book" / "hub").rglob("*.*"):
        assert path.relative_to(ROOT / "book" / "hub").as_posix() in page
