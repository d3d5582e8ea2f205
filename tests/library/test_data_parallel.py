"""Training beyond one device: the ring and its cost."""

import numpy as np
import pytest
from conftest import ROOT

from ch11lib import data_parallel


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


def test_page_shows_the_script_and_the_files_of_the_hub():
    page = (ROOT / "book" / "data_parallel.ipynb").read_text(encoding="utf-8")
    assert "{literalinclude} data_parallel/data_parallel.py" in page
    for path in (ROOT / "book" / "hub").rglob("*.*"):
        if "readers" in path.parts:
            continue  # of `make jupyter`: a hub has no use for it
        assert path.relative_to(ROOT / "book" / "hub").as_posix() in page
