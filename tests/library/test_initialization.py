"""Initializers have Keras's and PyTorch's distributions."""

import math

import numpy as np
import pytest
from scipy.stats import ks_2samp, kstest, truncnorm, uniform

from ch11lib import initialization as init

NAMES = sorted(init.INITIALIZERS)


@pytest.mark.parametrize("name", NAMES)
def test_distribution_equals_keras(name, rng):
    """Two-sample Kolmogorov-Smirnov test against Keras's own draws."""
    import keras

    shape = (300, 200)
    ours = init.initialize(name, shape, rng=rng)
    keras_class = getattr(keras.initializers, name.title().replace("_", ""))
    theirs = np.asarray(keras_class(seed=7)(shape))
    assert ours.dtype == np.float32
    assert ours.shape == shape
    assert ks_2samp(ours.ravel(), theirs.ravel()).pvalue > 0.01
    assert np.abs(ours).max() == pytest.approx(np.abs(theirs).max(), rel=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_distribution_equals_pytorch(name, torch_reference, rng):
    """PyTorch does not truncate its normals: same variance, other tails."""
    stored = torch_reference["initializers"][name]
    fan_in, fan_out = torch_reference["fans"]
    ours = np.stack([init.initialize(name, (fan_in, fan_out), rng=rng) for _ in range(20)])
    assert ours.std() == pytest.approx(stored["std"], rel=3e-3)
    if name.endswith("uniform"):
        assert np.abs(ours).max() == pytest.approx(stored["largest"], rel=1e-4)
        levels = np.quantile(ours, np.linspace(0.05, 0.95, 7))
        np.testing.assert_allclose(levels, stored["quantiles"], atol=0.02 * ours.std())
    else:
        assert stored["largest"] > 4 * ours.std() > 2.3 * ours.std() > np.abs(ours).max()


@pytest.mark.parametrize("mode", ["fan_in", "fan_out", "fan_avg"])
@pytest.mark.parametrize("distribution", init.DISTRIBUTIONS)
def test_variance_scaling_equals_keras(mode, distribution, rng):
    """Any scale, mode and distribution, also for a convolution kernel."""
    import keras

    shape = (3, 5, 40, 60)
    ours = init.variance_scaling(shape, 2.5, mode, distribution, rng=rng)
    theirs = np.asarray(keras.initializers.VarianceScaling(2.5, mode, distribution, seed=3)(shape))
    assert ks_2samp(ours.ravel(), theirs.ravel()).pvalue > 0.01
    assert ours.std() == pytest.approx(theirs.std(), rel=0.02)
    assert ours.var() == pytest.approx(init.target_variance(shape, 2.5, mode), rel=0.03)
    assert abs(ours.mean()) < 5 * ours.std() / math.sqrt(ours.size)


def test_distributions_follow_their_laws(rng):
    shape = (400, 100)
    limit = math.sqrt(6 / 400)
    he_uniform = init.initialize("he_uniform", shape, rng=rng).ravel()
    assert kstest(he_uniform, uniform(-limit, 2 * limit).cdf).pvalue > 0.01
    std = math.sqrt(2 / 400) / truncnorm(-2, 2).std()
    he_normal = init.initialize("he_normal", shape, rng=rng).ravel()
    assert kstest(he_normal, truncnorm(-2, 2, scale=std).cdf).pvalue > 0.01


@pytest.mark.parametrize("shape", [(784, 300), (1, 1), (3, 3, 16, 32), (5, 8, 2), (2, 2, 2, 3, 4)])
def test_fans_equal_keras(shape):
    """Keras draws from ±sqrt(3 / fan): the largest of many values tells its fan."""
    import keras

    for fan, mode in zip(init.fans(shape), ("fan_in", "fan_out"), strict=True):
        largest = 0.0
        for seed in range(1 + 1000 // math.prod(shape)):
            draw = keras.initializers.VarianceScaling(1.0, mode, "uniform", seed=seed)
            largest = max(largest, np.abs(draw(shape)).max())
        assert 3 / largest**2 == pytest.approx(fan, rel=0.01)


def test_he_on_fan_avg_uniform_is_the_chapters_example(rng):
    """VarianceScaling(2, "fan_avg", "uniform"): r² = 3 · 2 / fan_avg."""
    W = init.variance_scaling((784, 300), 2.0, "fan_avg", "uniform", rng=rng)
    assert np.abs(W).max() == pytest.approx(math.sqrt(6 / 542), rel=1e-4)
    assert W.var() == pytest.approx(2 / 542, rel=0.01)


@pytest.mark.parametrize("cut", [0.5, 1.0, 2.0, 4.0])
def test_truncated_normal_std_equals_scipy(cut):
    assert init.truncated_normal_std(cut) == pytest.approx(truncnorm(-cut, cut).std(), rel=1e-9)


def test_same_generator_state_same_weights():
    first, second = (
        init.initialize("he_normal", (4, 3), rng=np.random.default_rng(5)) for _ in "ab"
    )
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda rng: init.initialize("xavier", (2, 2), rng=rng), "name is 'xavier'"),
        (lambda rng: init.fans((5,)), r"shape is \(5,\)"),
        (lambda rng: init.fans((5, 0)), r"shape is \(5, 0\)"),
        (lambda rng: init.variance_scaling((2, 2), 0, rng=rng), "scale is 0"),
        (lambda rng: init.variance_scaling((2, 2), math.nan, rng=rng), "scale is nan"),
        (lambda rng: init.variance_scaling((2, 2), 1, "fan", rng=rng), "mode is 'fan'"),
        (
            lambda rng: init.variance_scaling((2, 2), 1, "fan_in", "normal", rng=rng),
            "distribution is 'normal'",
        ),
        (lambda rng: init.truncated_normal_std(0), "cut is 0"),
    ],
)
def test_wrong_arguments_are_named(call, message, rng):
    with pytest.raises(ValueError, match=message):
        call(rng)
