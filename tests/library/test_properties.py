"""Laws that hold for any input: activations, initializers, signals, norms, optimizers."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from properties import arrays, matrices
from scipy.optimize import approx_fprime

from ch11lib import activations as act
from ch11lib import batch_normalization as bn
from ch11lib import data_parallel as parallel
from ch11lib import gradient_clipping as clip
from ch11lib import initialization as init
from ch11lib import max_norm as mx
from ch11lib import optimizers as opt
from ch11lib import surfaces
from ch11lib import vanishing_gradients as van

SEEDS = st.integers(0, 2**32 - 1)
POSITIVE = st.floats(1e-3, 1e3)
LOWEST = {
    "sigmoid": 0, "tanh": -1, "relu": 0, "leaky_relu": -np.inf, "elu": -1,
    "selu": -1.7581, "gelu": -0.17, "silu": -0.2785, "mish": -0.3089,
}  # fmt: skip
RISING = ["sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu"]


@given(name=st.sampled_from(sorted(act.ACTIVATIONS)), z=arrays())
def test_activation(name, z):
    activation, before = act.get(name), z.copy()
    for function in (activation, activation.derivative):
        value = function(z)
        assert value.shape == z.shape
        assert value.dtype == z.dtype
        assert np.isfinite(value).all()
    assert (activation(z) >= LOWEST[name] - 1e-3).all()
    np.testing.assert_array_equal(z, before)
    if name in RISING:
        assert (np.diff(activation(np.sort(z.ravel()))) >= 0).all()


@given(name=st.sampled_from(sorted(act.ACTIVATIONS)), z=st.floats(-8, 8))
def test_derivative_is_the_slope(name, z):
    assume(abs(z) > 1e-3)  # the kink
    slope = (act.get(name)(z + 1e-6) - act.get(name)(z - 1e-6)) / 2e-6
    assert act.get(name).derivative(z) == pytest.approx(slope, abs=1e-6)


@given(scale=st.floats(1, 3), alpha=st.floats(1, 3))
def test_selus_constants_are_the_only_ones_that_keep_mean_and_variance(scale, alpha):
    def moments(alpha, scale):
        z = van.ZETA
        value = np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0))) * scale
        return value @ van.WEIGHT, value**2 @ van.WEIGHT

    right = act.selu_constants()
    assert moments(*right) == pytest.approx((0, 1), abs=1e-9)
    assume(abs(alpha - right[0]) + abs(scale - right[1]) > 1e-3)
    assert moments(alpha, scale) != pytest.approx((0, 1), abs=1e-6)


SHAPES = st.lists(st.integers(1, 6), min_size=2, max_size=4).map(tuple)


@given(shape=SHAPES)
def test_fans_count_the_weights(shape):
    fan_in, fan_out = init.fans(shape)
    assert fan_in * shape[-1] == fan_out * shape[-2] == math.prod(shape)


@given(
    name=st.sampled_from(sorted(init.INITIALIZERS)), n=st.integers(2, 60), out=st.integers(2, 60),
    seed=SEEDS,
)  # fmt: skip
def test_samples_have_the_variance_of_their_name(name, n, out, seed):
    fans = {"g": (n + out) / 2, "h": n / 2, "l": n}
    rngs = [np.random.default_rng(seed + i) for i in range(60)]
    draws = [init.initialize(name, (n, out), rng=rng) for rng in rngs]
    assert {(w.shape, w.dtype.name) for w in draws} == {((n, out), "float32")}
    w, target = np.stack(draws).astype(float), 1 / fans[name[0]]
    spread = 6 * math.sqrt(2 / w.size)  # six deviations of a variance (4th moment at most normal's)
    assert abs(w.var() / target - 1) < spread
    again = init.initialize(name, (n, out), rng=np.random.default_rng(seed))
    np.testing.assert_array_equal(draws[0], again)


@given(cut=st.floats(0.05, 8))
def test_a_wider_cut_leaves_more_of_the_variance(cut):
    assert 0 < init.truncated_normal_std(cut) < init.truncated_normal_std(cut + 0.1) <= 1


@given(
    depth=st.integers(1, 5), width=st.integers(1, 8), sigma=st.floats(0, 3), seed=SEEDS,
    name=st.sampled_from(sorted(act.ACTIVATIONS)), rows=st.integers(1, 5),
)  # fmt: skip
def test_signals_have_a_value_per_layer(depth, width, sigma, seed, name, rows):
    rng = np.random.default_rng(seed)
    weights = van.normal_weights(depth, width, sigma, rng=rng)
    assert [w.shape for w in weights] == [(width, width)] * depth
    signals = van.propagate(rng.normal(size=(rows, width)), weights, act.get(name), rng=rng)
    assert [a.shape for a in signals.activations] == [(rows, width)] * depth
    for values in (signals.mean, signals.std, signals.z_rms, signals.gradient_std):
        assert values.shape == (depth,)
    assert (signals.z_rms >= 0).all()
    assert (signals.gradient_std >= 0).all()


@given(depth=st.integers(1, 6), sigma=st.floats(0.1, 3), q0=st.floats(0.01, 10))
def test_mean_field_of_relu_halves(depth, sigma, q0):
    """He et al. (2015): each ReLU layer multiplies the second moment by sigma**2 / 2."""
    q, chi = van.mean_field(depth, act.get("relu"), sigma, q0=q0)
    expected = sigma**2 * q0 * (sigma**2 / 2) ** np.arange(depth)
    np.testing.assert_allclose(q, expected, rtol=1e-6)
    np.testing.assert_allclose(chi, sigma**2 / 2, rtol=1e-6)


@given(X=matrices(3), upstream=matrices(3), momentum=st.floats(0, 0.999))
def test_batch_normalization(X, upstream, momentum):
    layer = bn.BatchNormalization(3, momentum)
    variance = X.var(axis=0)
    normalized = layer(X, training=True)
    np.testing.assert_allclose(normalized.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(normalized.var(axis=0), variance / (variance + 1e-3), atol=1e-6)
    np.testing.assert_allclose(layer.moving_mean, (1 - momentum) * X.mean(axis=0), atol=1e-9)
    upstream = np.resize(upstream, X.shape)
    gradients = layer.gradients(X, upstream)
    np.testing.assert_allclose(gradients.X.sum(axis=0), 0, atol=1e-6)  # a shift changes nothing
    np.testing.assert_allclose(gradients.beta, upstream.sum(axis=0))


@given(X=matrices(3), kernel=arrays((3, 2), -3, 3), bias=arrays((2,), -3, 3), seed=SEEDS)
def test_a_folded_layer_does_what_both_did(X, kernel, bias, seed):
    layer, rng = bn.BatchNormalization(2), np.random.default_rng(seed)
    layer.gamma, layer.beta, layer.moving_mean = rng.normal(size=(3, 2))
    layer.moving_variance = rng.uniform(0.1, 2, 2)
    W, b = bn.fold(kernel, bias, layer)
    np.testing.assert_allclose(X @ W + b, layer(X @ kernel + bias), atol=1e-3)


GRADIENTS = st.lists(arrays(dtypes=(np.float64,)), min_size=1, max_size=3)


@given(gradients=GRADIENTS, threshold=POSITIVE)
def test_clipping(gradients, threshold):
    whole = np.concatenate([g.ravel() for g in gradients])
    assert clip.global_norm(gradients) == pytest.approx(np.linalg.norm(whole))
    by_value, by_norm, by_all = (
        f(gradients, threshold) for f in (clip.clipvalue, clip.clipnorm, clip.global_clipnorm)
    )
    assert all(np.abs(g).max() <= threshold for g in by_value)
    assert all(np.linalg.norm(g) <= threshold * (1 + 1e-9) for g in by_norm)
    assert clip.global_norm(by_all) <= threshold * (1 + 1e-9)
    for f, once in zip((clip.clipvalue, clip.clipnorm), (by_value, by_norm), strict=True):
        for twice, one, given_ in zip(f(once, threshold), once, gradients, strict=True):
            np.testing.assert_allclose(twice, one)
            assert (one * given_ >= 0).all(), "no sign turns"
    if np.linalg.norm(whole) > threshold:
        short = np.concatenate([g.ravel() for g in by_all])
        np.testing.assert_allclose(short, whole * threshold / np.linalg.norm(whole), atol=1e-9)


@given(w=st.floats(-8, 8), b=st.floats(-4, 4), steps=st.integers(1, 6))
def test_cliffs_gradient_is_its_slope(w, b, steps):
    value = clip.cliff(w, b, steps)
    slopes = approx_fprime([w, b], lambda at: float(clip.cliff(*at, steps).loss), 1e-7)
    assert (float(value.dw), float(value.db)) == pytest.approx(tuple(slopes), rel=1e-3, abs=1e-4)


@given(w=st.floats(-6, 6), b=st.floats(-3, 3), rate=st.floats(0.01, 2), threshold=POSITIVE)
def test_no_clipped_step_is_longer_than_rate_times_threshold(w, b, rate, threshold):
    path = clip.descend((w, b), rate, threshold, n_steps=5)
    assert path.shape == (6, 2)
    assert (np.linalg.norm(np.diff(path, axis=0), axis=1) <= rate * threshold + 1e-9).all()


@given(w=matrices(), limit=POSITIVE, axis=st.sampled_from([0, 1, (0, 1)]))
def test_max_norm(w, limit, axis):
    before, after = mx.column_norms(w, axis), mx.column_norms(mx.max_norm(w, limit, axis), axis)
    np.testing.assert_allclose(before, np.sqrt((w**2).sum(axis=axis)))
    assert (after <= limit * (1 + 1e-9)).all()
    short = before <= limit
    np.testing.assert_allclose(np.asarray(after)[short], np.asarray(before)[short], atol=1e-6)


@given(name=st.sampled_from(sorted(opt.RULES)), theta=arrays((3,)), g=arrays((3,)), seed=SEEDS)
def test_rule(name, theta, g, seed):
    rule = opt.RULES[name]()
    state = rule.init(theta)
    still, _ = rule.step(theta, np.zeros(3), state)
    if name != "AdamW":
        np.testing.assert_array_equal(still, theta)
    moved, after = rule.step(theta, g, state)
    assert moved.shape == theta.shape
    assert ((moved - still) * g <= 0).all(), "the first step goes downhill"
    assert after["t"] == 1
    assert state["t"] == 0
    signs = np.random.default_rng(seed).choice([-1, 1], 3)
    mirrored, _ = rule.step(signs * theta, signs * g, rule.init(theta))
    np.testing.assert_allclose(mirrored, signs * moved)


@given(beta=st.floats(0, 0.9999), step=st.integers(1, 10**6))
def test_bias_correction_falls_to_one(beta, step):
    assert opt.bias_correction(beta, step) >= opt.bias_correction(beta, step + 1) >= 1


@given(name=st.sampled_from(sorted(surfaces.SURFACES)), x=st.floats(-2, 2), y=st.floats(-1.5, 1.5))
def test_surface(name, x, y):
    surface = surfaces.SURFACES[name]
    slope = approx_fprime([x, y], lambda at: float(surface.value(at)), 1e-7)
    np.testing.assert_allclose(surface.gradient((x, y)), slope, atol=1e-2, rtol=1e-3)
    for minimum in surface.minima:
        assert surface.value((x, y)) >= surface.value(minimum) - 1e-12
        path = surfaces.minimize(opt.SGD(0.001), surface.gradient, minimum, 3)
        np.testing.assert_allclose(path, [minimum] * 4, atol=1e-12)


@given(gradients=matrices(low=-5, high=5, min_rows=1))
def test_ring_is_a_mean_and_sends_less_than_two_each(gradients):
    ring = parallel.ring_average(gradients)
    mean = np.broadcast_to(gradients.mean(axis=0), gradients.shape)
    np.testing.assert_allclose(ring.averages, mean, atol=1e-12)
    k, n = gradients.shape
    assert ring.sent.sum() == 2 * (k - 1) * n


@given(k=st.integers(1, 100), batch=POSITIVE, weights=POSITIVE, speed=POSITIVE, bandwidth=POSITIVE)
def test_no_number_of_devices_beats_its_own_number(k, batch, weights, speed, bandwidth):
    alone, shared = parallel.step_seconds([1, k], batch, weights, speed, bandwidth)
    assert shared >= alone / k * (1 - 1e-12)
    assert parallel.step_seconds(k, batch, weights, speed, 2 * bandwidth) <= shared
