"""Activations equal Keras's and PyTorch's; SELU's constants are derived."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from ch11lib import activations
from ch11lib.activations import ACTIVATIONS, get, selu_constants

NAMES = sorted(ACTIVATIONS)
Z = np.concatenate([np.linspace(-30, 30, 2001), [-1e4, 1e4, -0.0, 0.0, np.inf, -np.inf, np.nan]])
# Both frameworks compute -inf · 0 = NaN where these have the limit 0.
MISSING_LIMITS = {"gelu", "silu", "mish"}


def keras_function(name):
    import keras

    if name == "gelu":
        return lambda z: keras.activations.gelu(z, approximate=False)
    if name == "leaky_relu":
        return lambda z: keras.activations.leaky_relu(z, negative_slope=0.3)
    return keras.activations.get(name)


@pytest.mark.parametrize("name", NAMES)
def test_value_equals_keras(name):
    theirs = np.asarray(keras_function(name)(Z.astype(np.float32)))
    ours = get(name)(Z.astype(np.float32))
    assert ours.dtype == np.float32
    known = np.isnan(theirs) & ~np.isnan(Z) if name in MISSING_LIMITS else np.zeros(Z.shape, bool)
    assert set(np.abs(Z[known])) <= {np.inf}, "Keras may be NaN at infinity only"
    np.testing.assert_allclose(ours[~known], theirs[~known], rtol=3e-6, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_derivative_equals_keras(name):
    import tensorflow as tf

    z = tf.constant(Z[np.isfinite(Z) & (Z != 0)].astype(np.float32))
    with tf.GradientTape() as tape:
        tape.watch(z)
        value = keras_function(name)(z)
    theirs = tape.gradient(value, z).numpy()
    np.testing.assert_allclose(get(name).derivative(z.numpy()), theirs, rtol=2e-5, atol=3e-6)


@pytest.mark.parametrize("name", NAMES)
def test_value_and_derivative_equal_pytorch(name, torch_reference):
    """Also at 0, where both take the derivative from the left, and at ±1e4."""
    z = np.array([float(point) for point in torch_reference["points"]])
    stored = torch_reference["activations"][name]
    for kind, ours in {"value": get(name)(z), "derivative": get(name).derivative(z)}.items():
        theirs = np.array(stored[kind], float)
        finite = np.isfinite(z)
        np.testing.assert_allclose(ours[finite], theirs[finite], rtol=1e-9, atol=1e-12)
        # Beyond: NaN stays NaN (PyTorch gives ReLU a slope there), and where
        # PyTorch has NaN at an infinity, ours is the limit tested below.
        assert np.isnan(ours[np.isnan(z)]).all()
        ends = np.isinf(z) & ~np.isnan(theirs)
        np.testing.assert_allclose(ours[ends], theirs[ends], rtol=1e-12)
        assert ends.sum() == 2 or name in MISSING_LIMITS


LIMITS = {  # (value at -inf, slope at -inf, slope at +inf)
    "sigmoid": (0, 0, 0),
    "tanh": (-1, 0, 0),
    "relu": (0, 0, 1),
    "leaky_relu": (-np.inf, 0.3, 1),
    "elu": (-1, 0, 1),
    "selu": (-1.0507009873554805 * 1.6732632423543772, 0, 1.0507009873554805),
    "gelu": (0, 0, 1),
    "silu": (0, 0, 1),
    "mish": (0, 0, 1),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_limits_and_nan(name, dtype):
    activation = get(name)
    low, slope_low, slope_high = LIMITS[name]
    ends = np.array([-np.inf, np.inf], dtype)
    with np.errstate(all="raise", under="ignore"):
        np.testing.assert_allclose(activation(ends)[0], low, rtol=1e-6)
        np.testing.assert_allclose(activation.derivative(ends), [slope_low, slope_high], rtol=1e-6)
        np.testing.assert_allclose(activation.derivative(dtype(1e30)), slope_high, rtol=1e-6)
    assert activation(ends)[1] == (1 if name in ("sigmoid", "tanh") else np.inf)
    assert np.isnan(activation(dtype(np.nan)))
    assert np.isnan(activation.derivative(dtype(np.nan)))


@pytest.mark.parametrize("name", NAMES)
def test_derivative_is_the_slope(name):
    """Central differences, away from the kinks."""
    z = np.linspace(-6, 6, 402)
    h = 1e-6
    slope = (get(name)(z + h) - get(name)(z - h)) / (2 * h)
    np.testing.assert_allclose(get(name).derivative(z), slope, atol=1e-8)


@pytest.mark.parametrize("name", NAMES)
def test_dtypes_and_shapes(name):
    for dtype in (np.float32, np.float64):
        z = np.ones((2, 3, 4), dtype)
        assert get(name)(z).dtype == get(name).derivative(z).dtype == dtype
        assert get(name)(z).shape == get(name).derivative(z).shape == (2, 3, 4)
    assert get(name)([1, 2]).dtype == np.float64
    assert get(name)(np.float16(1)).dtype == np.float64


@pytest.mark.parametrize(("name", "value"), [("alpha", 0.5), ("negative_slope", 0.01)])
def test_parameters_reach_value_and_derivative(name, value):
    function = {"alpha": "elu", "negative_slope": "leaky_relu"}[name]
    bound = get(function, **{name: value})
    import keras

    keras_value = getattr(keras.activations, function)(np.float32([-2.0]), value)
    np.testing.assert_allclose(bound([-2.0]), np.asarray(keras_value), rtol=1e-6)
    assert bound.derivative([-1e-9])[0] == pytest.approx(value)
    assert bound.derivative([1e-9])[0] == 1


@pytest.mark.parametrize("beta", [0.5, 3.0])
def test_silu_with_beta_equals_keras_silu_rescaled(beta):
    """z·σ(βz) = silu(βz)/β, and its slope is silu's slope at βz."""
    import keras

    z = np.linspace(-5, 5, 101)
    theirs = np.asarray(keras.activations.silu((beta * z).astype(np.float32))) / beta
    np.testing.assert_allclose(get("silu", beta=beta)(z), theirs, atol=1e-5)
    slope = np.gradient(get("silu", beta=beta)(z), z)
    np.testing.assert_allclose(get("silu", beta=beta).derivative(z)[1:-1], slope[1:-1], atol=0.02)


def test_selu_constants_equal_kerass():
    """Keras's layer, applied to ±1, shows its constants."""
    import keras

    alpha, scale = selu_constants()
    high, low = np.asarray(keras.activations.selu(np.float32([1, -1e4])))
    assert scale == pytest.approx(high, rel=1e-6)
    assert alpha * scale == pytest.approx(-low, rel=1e-6)


def test_selu_keeps_mean_0_and_variance_1():
    """The fixed point, by SciPy's quadrature instead of our closed form."""
    moments = [
        quad(lambda z, k=k: float(activations.selu(z)) ** k * norm.pdf(z), -12, 0)[0]
        + quad(lambda z, k=k: float(activations.selu(z)) ** k * norm.pdf(z), 0, 12)[0]
        for k in (1, 2)
    ]
    np.testing.assert_allclose(moments, [0, 1], atol=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: get("swiss"), "name is 'swiss'"),
        (lambda: get("relu", alpha=1.0), "relu has no parameter"),
        (lambda: get("elu", alpha=0.0), "alpha is 0.0"),
        (lambda: get("elu", alpha=float("nan")), "alpha is nan"),
        (lambda: get("silu", beta=-1.0), "beta is -1.0"),
        (lambda: activations.silu_derivative(0, beta=0), "beta is 0"),
        (lambda: activations.elu_derivative(0, alpha=-1), "alpha is -1"),
        (lambda: get("leaky_relu", negative_slope=-0.1), "negative_slope is -0.1"),
        (lambda: activations.leaky_relu_derivative(0, np.inf), "negative_slope is inf"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
