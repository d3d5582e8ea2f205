"""Uncertainty and calibration equal SciPy, scikit-learn and closed forms."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import entropy
from sklearn.calibration import calibration_curve
from sklearn.metrics import log_loss

from ch11lib import uncertainty as unc

HALVES = np.full((1, 2, 2), 0.5)


@st.composite
def predictions(draw):
    """Probabilities of some samples, instances and classes, zeros among them."""
    shape = draw(st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(2, 5)))
    raw = draw(arrays(float, shape, elements=st.sampled_from([0.0, 0.1, 1.0, 5.0])))
    raw[..., 0] += 1e-3
    return raw / raw.sum(axis=-1, keepdims=True)


@given(probabilities=predictions())
def test_entropies_equal_scipy(probabilities):
    total = entropy(probabilities.mean(axis=0), axis=-1)
    own = total - entropy(probabilities, axis=-1).mean(axis=0)
    np.testing.assert_allclose(unc.predictive_entropy(probabilities), total, atol=1e-12)
    np.testing.assert_allclose(unc.mutual_information(probabilities), own, atol=1e-12)
    assert (unc.mutual_information(probabilities) >= 0).all()


def test_two_kinds_of_uncertainty():
    """All samples unsure in the same way, or each sure of something else."""
    unsure = np.full((2, 1, 2), 0.5)
    torn = np.array([[[1.0, 0.0]], [[0.0, 1.0]]])
    np.testing.assert_allclose(unc.predictive_entropy(unsure), math.log(2))
    np.testing.assert_allclose(unc.predictive_entropy(torn), math.log(2))
    np.testing.assert_allclose(unc.mutual_information(unsure), 0)
    np.testing.assert_allclose(unc.mutual_information(torn), math.log(2))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nll_equals_scikit_learn(dtype, rng):
    """Also where the class that came had probability 0."""
    probabilities = rng.dirichlet(np.full(4, 0.2), (10, 300)).astype(dtype)
    probabilities[:, 0] = [1, 0, 0, 0]
    y = rng.integers(0, 4, 300)
    y[0] = 2
    expected = log_loss(y, probabilities.mean(axis=0), labels=range(4))
    assert unc.nll(probabilities, y) == pytest.approx(expected, rel=1e-5)


def two_class_case(rng, temperature=1.0, n=200_000):
    """Return labels that follow the probabilities, and these sharpened by a temperature."""
    p = rng.uniform(0.02, 0.98, n)
    y = (rng.random(n) < p).astype(int)
    odds = (p / (1 - p)) ** (1 / temperature)
    return np.stack([1 / (1 + odds), odds / (1 + odds)], axis=-1)[None], y


@pytest.mark.parametrize("n_bins", [4, 15])
def test_reliability_equals_scikit_learn(n_bins, rng):
    """Its curve for the event "the prediction is right"; it leaves empty bins out."""
    probabilities, y = two_class_case(rng, 0.7, 3000)
    bins = unc.reliability(probabilities, y, n_bins)
    right = probabilities[0].argmax(axis=1) == y
    accuracy, confidence = calibration_curve(right, probabilities[0].max(axis=1), n_bins=n_bins)
    filled = bins.counts > 0
    np.testing.assert_allclose(bins.accuracy[filled], accuracy)
    np.testing.assert_allclose(bins.confidence[filled], confidence)
    assert np.isnan(bins.accuracy[~filled]).all()
    assert np.isnan(bins.confidence[~filled]).all()
    assert bins.counts.sum() == 3000
    assert len(bins.counts) == n_bins
    gaps = np.abs(accuracy - confidence) @ bins.counts[filled] / 3000
    assert unc.expected_calibration_error(probabilities, y, n_bins) == pytest.approx(gaps)


def test_calibration_error_of_known_cases(rng):
    calibrated = unc.expected_calibration_error(*two_class_case(rng))
    sharpened = unc.expected_calibration_error(*two_class_case(rng, 0.5))
    assert calibrated < 0.004 < 0.05 < sharpened
    certain = np.tile([0.0, 1.0], (3, 100, 1))  # says 100 %, is right in 70 %
    assert unc.expected_calibration_error(certain, [0] * 30 + [1] * 70) == pytest.approx(0.3)
    upper_end = np.array([[[0.2, 0.8]]])  # 0.8 belongs to the bin that ends there
    assert unc.reliability(upper_end, [1], 5).counts.tolist() == [0, 0, 0, 1, 0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: unc.predictive_entropy(np.ones((2, 2)) / 2), r"probabilities has shape \(2, 2\)"),
        (lambda: unc.nll(np.ones((1, 2, 1), int), [0, 0]), "dtype int64"),
        (lambda: unc.mutual_information(HALVES * 3), "sums other than 1"),
        (lambda: unc.mutual_information(HALVES * math.nan), "sums other than 1"),
        (lambda: unc.nll(np.array([[[1.5, -0.5]]]), [0]), "holds negative numbers"),
        (lambda: unc.nll(HALVES, [0]), r"y has shape \(1,\)"),
        (lambda: unc.nll(HALVES, [0.0, 1.0]), "dtype float64"),
        (lambda: unc.reliability(HALVES, [0, 2]), "y holds 0 to 2"),
        (lambda: unc.reliability(HALVES, [-1, 1]), "y holds -1 to 1"),
        (lambda: unc.reliability(HALVES, [0, 1], 0), "n_bins is 0"),
        (lambda: unc.expected_calibration_error(HALVES, [0, 1], math.nan), "n_bins is nan"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
