"""NumPy's batch normalization does what Keras's does, forward and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import approx_fprime

from ch11lib import batch_normalization as bn


def pair(n_features, rng, **options):
    """Return our layer and Keras's with the same random parameters."""
    import keras

    theirs = keras.layers.BatchNormalization(**options)
    theirs.build((None, n_features))
    ours = bn.BatchNormalization(n_features, **options)
    ours.gamma, ours.beta = rng.normal(size=(2, n_features))
    ours.moving_mean = rng.normal(size=n_features)
    ours.moving_variance = rng.uniform(0.5, 2, n_features)
    theirs.set_weights([ours.gamma, ours.beta, ours.moving_mean, ours.moving_variance])
    return ours, theirs


def test_defaults_equal_keras():
    import keras

    ours, theirs = bn.BatchNormalization(3), keras.layers.BatchNormalization()
    theirs.build((None, 3))
    assert (ours.momentum, ours.epsilon) == (theirs.momentum, theirs.epsilon)
    for name in ("gamma", "beta", "moving_mean", "moving_variance"):
        np.testing.assert_array_equal(getattr(ours, name), np.asarray(getattr(theirs, name)))


@pytest.mark.parametrize("n_instances", [1, 2, 5, 64])
@pytest.mark.parametrize("options", [{}, {"momentum": 0.7, "epsilon": 0.1}])
def test_training_pass_and_averages_equal_keras(n_instances, options, rng):
    """Over several batches of different shift and scale."""
    ours, theirs = pair(6, rng, **options)
    for step in range(5):
        X = rng.normal(step, 1 + step, (n_instances, 6)).astype(np.float32)
        np.testing.assert_allclose(
            ours(X, training=True), np.asarray(theirs(X, training=True)), rtol=1e-4, atol=1e-4
        )
        np.testing.assert_allclose(ours.moving_mean, np.asarray(theirs.moving_mean), rtol=1e-4)
        np.testing.assert_allclose(
            ours.moving_variance, np.asarray(theirs.moving_variance), rtol=1e-4
        )


def test_inference_pass_equals_keras_and_moves_nothing(rng):
    ours, theirs = pair(4, rng)
    X = rng.normal(3, 2, (10, 4)).astype(np.float32)
    before = ours.moving_mean.copy()
    np.testing.assert_allclose(ours(X), np.asarray(theirs(X)), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(ours.moving_mean, before)


@pytest.mark.parametrize("n_instances", [2, 3, 32])
def test_gradients_equal_tensorflow(n_instances, rng):
    import tensorflow as tf

    ours, theirs = pair(5, rng)
    X = rng.normal(1, 2, (n_instances, 5)).astype(np.float32)
    upstream = rng.normal(size=X.shape).astype(np.float32)
    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.reduce_sum(theirs(x, training=True) * upstream)
    expected = tape.gradient(loss, [x, theirs.gamma.value, theirs.beta.value])
    for got, want in zip(ours.gradients(X, upstream), expected, strict=True):
        np.testing.assert_allclose(got, want.numpy(), rtol=2e-3, atol=2e-4)


def test_gradients_equal_finite_differences(rng):
    layer, _ = pair(3, rng)
    X, upstream = rng.normal(size=(2, 7, 3))
    got = layer.gradients(X, upstream)

    def loss(values, name):
        if name == "X":
            return (layer(values.reshape(X.shape), training=True) * upstream).sum()
        old = getattr(layer, name)
        setattr(layer, name, values)
        result = (layer(X, training=True) * upstream).sum()
        setattr(layer, name, old)
        return result

    for name, at in {"X": X.ravel(), "gamma": layer.gamma, "beta": layer.beta}.items():
        numeric = approx_fprime(at.copy(), loss, 1e-6, name)
        np.testing.assert_allclose(getattr(got, name).ravel(), numeric, atol=1e-4)


def test_input_gradient_is_orthogonal_to_shift_and_scale(rng):
    """Shifting or scaling a whole feature changes nothing, so no gradient points there."""
    layer = bn.BatchNormalization(4, epsilon=1e-12)
    X, upstream = rng.normal(size=(2, 9, 4))
    dX = layer.gradients(X, upstream).X
    np.testing.assert_allclose(dX.sum(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose((dX * X).sum(axis=0), 0, atol=1e-9)


@given(
    shift=st.floats(-1e3, 1e3),
    scale=st.floats(0.1, 1e3),
    n_instances=st.integers(2, 40),
    seed=st.integers(0, 1000),
)
def test_output_does_not_depend_on_shift_and_scale(shift, scale, n_instances, seed):
    X = np.random.default_rng(seed).normal(size=(n_instances, 3))
    layer = bn.BatchNormalization(3, epsilon=1e-12)
    np.testing.assert_allclose(
        layer(shift + scale * X, training=True), layer(X, training=True), atol=1e-5
    )


@pytest.mark.parametrize("use_bias", [True, False])
def test_fold_equals_dense_then_keras_layer(use_bias, rng):
    import keras

    _, norm = pair(6, rng)
    dense = keras.layers.Dense(6, use_bias=use_bias, bias_initializer="normal")
    X = rng.normal(size=(20, 4)).astype(np.float32)
    expected = np.asarray(norm(dense(X)))
    bias = np.asarray(dense.bias) if use_bias else np.zeros(6)
    kernel, new_bias = bn.fold(np.asarray(dense.kernel), bias, norm)
    np.testing.assert_allclose(X @ kernel + new_bias, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bn.BatchNormalization(0), "n_features is 0"),
        (lambda: bn.BatchNormalization(2, momentum=1.0), "momentum is 1.0"),
        (lambda: bn.BatchNormalization(2, epsilon=0.0), "epsilon is 0.0"),
        (lambda: bn.BatchNormalization(2)(np.ones((3, 4))), r"X has shape \(3, 4\)"),
        (lambda: bn.BatchNormalization(2)(np.ones(2)), r"X has shape \(2,\)"),
        (
            lambda: bn.BatchNormalization(2).gradients(np.ones((3, 2)), np.ones((4, 2))),
            r"upstream has shape \(4, 2\)",
        ),
        (
            lambda: bn.fold(np.ones((2, 3)), np.ones(2), bn.BatchNormalization(3)),
            r"bias has shape \(2,\)",
        ),
        (
            lambda: bn.fold(np.ones((2, 3)), np.ones(2), bn.BatchNormalization(2)),
            r"kernel has shape \(2, 3\)",
        ),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
