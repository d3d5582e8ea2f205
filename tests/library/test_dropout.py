"""Both dropouts equal Keras's layers; the ensemble has closed forms."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import expit, softmax
from scipy.stats import binomtest, ks_2samp

from ch11lib import dropout as do
from ch11lib.activations import selu
from ch11lib.initialization import initialize

LAYERS = {"Dropout": do.dropout, "AlphaDropout": do.alpha_dropout}
RATES = [0.1, 0.2, 0.5, 0.9]
units = arrays(float, st.integers(1, 6), elements=st.floats(-3, 3))


def by_keras(name, X, rate):
    import keras

    return np.asarray(getattr(keras.layers, name)(rate, seed=3)(X, training=True))


@pytest.mark.parametrize("name", sorted(LAYERS))
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("value", [1.0, -0.7])
def test_two_values_of_a_constant_input_equal_keras(name, rate, value, rng):
    X = np.full((200, 50), value, np.float32)
    ours = LAYERS[name](X, rate, rng)
    values, counts = np.unique(ours, return_counts=True)
    assert ours.shape == X.shape
    assert ours.dtype == np.float32
    np.testing.assert_allclose(values, np.unique(by_keras(name, X, rate)), rtol=1e-6)
    kept = counts[0 if name == "Dropout" and value < 0 else 1]
    assert binomtest(int(kept), X.size, 1 - rate).pvalue > 1e-3


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_distribution_equals_keras(name, rng):
    X = rng.normal(size=(300, 200)).astype(np.float32)
    ours, theirs = LAYERS[name](X, 0.3, rng), by_keras(name, X, 0.3)
    assert ks_2samp(ours.ravel(), theirs.ravel()).pvalue > 0.01
    assert ours.mean() == pytest.approx(theirs.mean(), abs=0.02)
    assert ours.std() == pytest.approx(theirs.std(), abs=0.02)


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_rate_0_changes_nothing(name, rng):
    X = rng.normal(size=(5, 3))
    np.testing.assert_allclose(LAYERS[name](X, 0, rng), X, rtol=1e-12)
    assert LAYERS[name]([[1, 2]], 0, rng).dtype == np.float64


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_masks_are_independent(name, rng):
    """No correlation between instances, nor between units."""
    kept = LAYERS[name](np.ones((400, 400)), 0.3, rng) > 0.5
    for matrix in (kept, kept.T):
        correlations = np.corrcoef(matrix)[np.triu_indices(400, 1)]
        assert correlations.std() == pytest.approx(1 / 20, rel=0.03)
        assert abs(correlations.mean()) < 1e-3


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("mean", [0.0, 0.5, -2.0])
def test_mean_is_kept_and_std_grows_as_stated(rate, mean, rng):
    X = rng.normal(mean, 1.5, size=1_000_000)
    dropped = do.dropout(X, rate, rng)
    assert dropped.mean() == pytest.approx(mean, abs=5 * dropped.std() / 1000)
    assert dropped.std() == pytest.approx(do.std_after_dropout(rate, mean, 1.5), rel=0.01)


@pytest.mark.parametrize("rate", RATES)
def test_alpha_dropout_keeps_mean_and_variance(rate, rng):
    """Of a normal input, and of any other with mean 0 and variance 1."""
    for X in (rng.normal(size=1_000_000), rng.choice([-1.0, 1.0], 1_000_000)):
        dropped = do.alpha_dropout(X, rate, rng)
        assert dropped.mean() == pytest.approx(0, abs=0.006)
        assert dropped.std() == pytest.approx(1, abs=0.006)


def test_the_papers_constants():
    """Klambauer et al. (2017) state α′ = −1.7581."""
    assert pytest.approx(-1.7581, abs=5e-5) == do.ALPHA_PRIME
    assert do.alpha_dropout_constants(0.0) == (1.0, 0.0)


def test_the_inventorys_example(rng):
    """20 % dropout behind SELU: the std grows to about 1.12, with alpha dropout it stays 1."""
    kernel = initialize("lecun_normal", (500, 400), rng=rng)
    outputs = selu(rng.normal(size=(5000, 500)) @ kernel)
    assert outputs.std() == pytest.approx(1.0, abs=0.01)
    assert do.dropout(outputs, 0.2, rng).std() == pytest.approx(math.sqrt(1.25), abs=0.01)
    assert do.alpha_dropout(outputs, 0.2, rng).std() == pytest.approx(1.0, abs=0.01)
    assert do.std_after_dropout(0.2) == pytest.approx(1.1180, abs=5e-5)


@settings(deadline=None)
@given(x=units, rate=st.floats(0, 0.9), seed=st.integers(0, 99))
def test_ensemble_average_is_exact_where_theory_says_so(x, rate, seed):
    """Linear with the arithmetic mean, softmax with the geometric one."""
    rng = np.random.default_rng(seed)
    W, b = rng.normal(size=(len(x), 3)), rng.normal(size=3)
    linear = do.average_over_masks(lambda h: h @ W + b, x, rate)
    np.testing.assert_allclose(linear, x @ W + b, atol=1e-9)
    geometric = do.average_over_masks(lambda h: softmax(h @ W + b, axis=1), x, rate, "geometric")
    np.testing.assert_allclose(geometric, softmax(x @ W + b), atol=1e-9)


def test_halved_network_is_the_geometric_mean_of_all_masks(rng):
    """Hinton et al. (2012) as they put it: masks without division, then halved weights."""
    x, W, b = rng.normal(size=8), rng.normal(size=(8, 4)), rng.normal(size=4)
    product = np.ones(4)
    for number in range(256):
        mask = np.array([number >> i & 1 for i in range(8)])
        product *= softmax((mask * x) @ W + b) ** (1 / 256)
    halved = softmax(x @ (W / 2) + b)
    np.testing.assert_allclose(product / product.sum(), halved, rtol=1e-12)
    ours = do.average_over_masks(lambda h: softmax(h @ (W / 2) + b, axis=1), x, 0.5, "geometric")
    np.testing.assert_allclose(ours, halved, rtol=1e-12)


def test_arithmetic_mean_is_that_of_many_random_masks(rng):
    x, W = 2 * rng.normal(size=5), rng.normal(size=(5, 2))
    exact = do.average_over_masks(lambda h: expit(h @ W), x, 0.3)
    drawn = expit(do.dropout(np.tile(x, (200_000, 1)), 0.3, rng) @ W)
    np.testing.assert_allclose(exact, drawn.mean(axis=0), atol=0.005)
    assert np.abs(exact - expit(x @ W)).max() > 0.01  # weight scaling only approximates it


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda rng: do.dropout([1.0], 1, rng), "rate is 1"),
        (lambda rng: do.dropout([1.0], -0.1, rng), "rate is -0.1"),
        (lambda rng: do.alpha_dropout([1.0], math.nan, rng), "rate is nan"),
        (lambda rng: do.alpha_dropout_constants(1.5), "rate is 1.5"),
        (lambda rng: do.std_after_dropout(1), "rate is 1"),
        (lambda rng: do.std_after_dropout(0.5, std=math.nan), "std is nan"),
        (lambda rng: do.average_over_masks(abs, [1.0], 1), "rate is 1"),
        (lambda rng: do.average_over_masks(abs, [1.0], 0.5, "harmonic"), "mean is 'harmonic'"),
        (lambda rng: do.average_over_masks(abs, [], 0.5), r"x has shape \(0,\)"),
        (lambda rng: do.average_over_masks(abs, [1.0] * 17, 0.5), r"x has shape \(17,\)"),
        (lambda rng: do.average_over_masks(abs, [[1.0]], 0.5), r"x has shape \(1, 1\)"),
        (lambda rng: do.average_over_masks(abs, [1.0], 0.5, "geometric"), "function returned 0"),
    ],
)
def test_wrong_arguments_are_named(call, message, rng):
    with pytest.raises(ValueError, match=message):
        call(rng)
