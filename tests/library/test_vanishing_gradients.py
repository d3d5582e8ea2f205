"""Signals and gradients through deep stacks, against theory and Keras."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from ch11lib import activations, models
from ch11lib import vanishing_gradients as vg

NAMES = sorted(activations.ACTIVATIONS)


@pytest.mark.parametrize("name", NAMES)
def test_mean_field_equals_scipys_quadrature(name):
    activation = activations.get(name)
    prediction = vg.mean_field(3, activation, sigma_w=1.3, sigma_b=0.2, q0=0.7)
    second_moment = 0.7
    for layer in range(3):
        q = 1.3**2 * second_moment + 0.2**2
        std = math.sqrt(q)
        assert prediction.q[layer] == pytest.approx(q, rel=1e-7)

        def mean(function, std=std):
            halves = (-12, 0), (0, 12)
            return sum(
                quad(lambda t: float(function(std * t)) ** 2 * norm.pdf(t), *half, epsabs=1e-12)[0]
                for half in halves
            )

        second_moment = mean(activation)
        chi = 1.3**2 * mean(activation.derivative)
        assert prediction.chi[layer] == pytest.approx(chi, rel=1e-7)


def test_mean_field_of_relu_is_the_closed_form():
    """E[relu²] = q/2 and E[relu'²] = 1/2: He's factor 2 keeps both."""
    he = vg.mean_field(50, activations.get("relu"), sigma_w=math.sqrt(2), q0=3.0)
    np.testing.assert_allclose(he.q, 6.0, rtol=1e-9)
    np.testing.assert_allclose(he.chi, 1.0, rtol=1e-9)
    glorot = vg.mean_field(10, activations.get("relu"), sigma_w=1.0, q0=1.0)
    np.testing.assert_allclose(glorot.q, 0.5 ** np.arange(10), rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "sigma_w"), [("tanh", 1.5), ("relu", math.sqrt(2)), ("selu", 1.0)]
)
def test_simulation_follows_the_prediction(name, sigma_w, rng):
    depth, width = 10, 1000
    X = rng.standard_normal((50, width))
    weights = vg.normal_weights(depth, width, sigma_w, rng=rng)
    signals = vg.propagate(X, weights, activations.get(name), rng=rng)
    prediction = vg.mean_field(depth + 1, activations.get(name), sigma_w, q0=float((X**2).mean()))
    assert np.mean((X @ weights[0]) ** 2) == pytest.approx(prediction.q[0], rel=0.03)
    last = np.mean(signals.activations[-1] ** 2)
    assert last == pytest.approx(prediction.q[-1] / sigma_w**2, rel=0.15)
    growth = signals.gradient_std[0] ** 2 / signals.gradient_std[-1] ** 2
    assert growth == pytest.approx(np.prod(prediction.chi[: depth - 1]), rel=0.25)


@pytest.mark.parametrize("name", ["sigmoid", "relu", "elu"])
def test_propagate_equals_a_keras_network(name, rng):
    """Outputs and gradients of the same network, built from Keras layers."""
    import tensorflow as tf

    X = rng.standard_normal((7, 5)).astype(np.float32)
    weights = [rng.standard_normal(shape) for shape in ((5, 4), (4, 4), (4, 3))]
    ours = vg.propagate(X, weights, activations.get(name), rng=np.random.default_rng(1))
    upstream = np.random.default_rng(1).standard_normal((7, 3))
    model = models.build_mlp([4, 4, 3], name, n_classes=2, input_shape=(5,))
    dense = [layer for layer in model.layers if hasattr(layer, "kernel")][:-1]
    for layer, W in zip(dense, weights, strict=True):
        layer.kernel.assign(W)
    a, pre = tf.constant(X), []
    with tf.GradientTape() as tape:
        for layer in dense:
            z = tf.matmul(a, layer.kernel.value)
            tape.watch(z)
            pre.append(z)
            a = layer.activation(z)
        loss = tf.reduce_sum(a * upstream.astype(np.float32))
    np.testing.assert_allclose(ours.activations[-1], a.numpy(), atol=1e-5)
    deltas = [gradient.numpy() for gradient in tape.gradient(loss, pre)]
    theirs = [np.sqrt(np.mean(delta**2)) for delta in deltas]
    np.testing.assert_allclose(ours.gradient_std, theirs, rtol=1e-4)
    theirs = [np.sqrt(np.mean(z.numpy() ** 2)) for z in pre]
    np.testing.assert_allclose(ours.z_rms, theirs, rtol=1e-5)
    np.testing.assert_allclose(ours.mean, [out.mean() for out in ours.activations])
    np.testing.assert_allclose(ours.std, [out.std() for out in ours.activations])


def test_normal_weights_have_their_deviation(rng):
    weights = vg.normal_weights(3, 500, 2.0, rng=rng)
    assert [W.shape for W in weights] == [(500, 500)] * 3
    for W in weights:
        assert W.std() == pytest.approx(2 / math.sqrt(500), rel=0.01)
        assert abs(W.mean()) < 1e-3


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda rng: vg.normal_weights(0, 5, 1, rng=rng), "depth is 0"),
        (lambda rng: vg.normal_weights(5, 0, 1, rng=rng), "width is 0"),
        (lambda rng: vg.normal_weights(5, 5, -1, rng=rng), "sigma_w is -1"),
        (lambda rng: vg.mean_field(0, activations.get("tanh"), 1), "depth is 0"),
        (lambda rng: vg.mean_field(2, activations.get("tanh"), math.nan), "sigma_w is nan"),
        (lambda rng: vg.mean_field(2, activations.get("tanh"), 1, -1), "sigma_b is -1"),
        (lambda rng: vg.mean_field(2, activations.get("tanh"), 1, q0=0), "q0 is 0"),
        (
            lambda rng: vg.propagate(np.ones((1, 2)), [], activations.get("tanh"), rng=rng),
            "weights is empty",
        ),
        (
            lambda rng: vg.propagate(
                np.ones((1, 2)), [np.ones((3, 3))], activations.get("tanh"), rng=rng
            ),
            r"X has shape \(1, 2\)",
        ),
    ],
)
def test_wrong_arguments_are_named(call, message, rng):
    with pytest.raises(ValueError, match=message):
        call(rng)
