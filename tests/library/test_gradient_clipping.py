"""Clipping does what Keras's optimizers and TensorFlow do."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import approx_fprime

from ch11lib import gradient_clipping as gc

CLIPS = {"clipvalue": gc.clipvalue, "clipnorm": gc.clipnorm, "global_clipnorm": gc.global_clipnorm}
THE_EXAMPLE = [np.array([3.0, 4.0]), np.array([0.3, 0.4])]
vectors = arrays(float, 4, elements=st.floats(-1e3, 1e3))


def keras_clipped(gradients, **option):
    """Return the step that SGD with learning rate 1 makes of the gradients."""
    import keras

    variables = [keras.Variable(np.zeros(np.shape(g), "float32")) for g in gradients]
    keras.optimizers.SGD(1.0, **option).apply(
        [keras.ops.convert_to_tensor(np.float32(g)) for g in gradients], variables
    )
    return [-np.asarray(v) for v in variables]


@pytest.mark.parametrize("name", sorted(CLIPS))
@pytest.mark.parametrize("threshold", [0.05, 1.0, 5.1, 100.0])
def test_equals_keras(name, threshold, rng):
    for gradients in (THE_EXAMPLE, [rng.normal(size=(3, 4)), rng.normal(size=5), np.zeros(2)]):
        expected = keras_clipped(gradients, **{name: threshold})
        for got, want in zip(CLIPS[name](gradients, threshold), expected, strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


INFINITE = [np.array([3.0, np.inf]), np.array([0.3, 0.4])]
NO_NUMBER = [np.array([3.0, np.nan]), np.array([0.3, 0.4])]


@pytest.mark.parametrize("name", sorted(CLIPS))
@pytest.mark.filterwarnings("ignore:invalid value")  # infinity times 0
@pytest.mark.parametrize("gradients", [NO_NUMBER, INFINITE], ids=["nan", "inf"])
def test_what_is_no_number_is_treated_as_in_keras(name, gradients):
    """By value and by norm it stays in its own array; by the global norm it spoils all."""
    expected = keras_clipped(gradients, **{name: 1.0})
    got = CLIPS[name](gradients, 1.0)
    np.testing.assert_allclose(got, expected, rtol=1e-6)
    assert np.isnan(got).any() == (name != "clipvalue" or gradients is NO_NUMBER)


@pytest.mark.parametrize("name", sorted(CLIPS))
def test_a_missing_gradient_stays_missing_and_counts_for_nothing(name):
    """Keras moves the other variable as if the first were not there."""
    import keras

    variables = [keras.Variable(np.zeros(2, "float32")) for _ in range(2)]
    given = [None, keras.ops.convert_to_tensor(np.float32([3, 4]))]
    with pytest.warns(UserWarning, match="Gradients do not exist"):
        keras.optimizers.SGD(1.0, **{name: 1.0}).apply(given, variables)
    first, second = CLIPS[name]([None, [3, 4]], 1)
    assert first is None
    np.testing.assert_allclose(second, -np.asarray(variables[1]), rtol=1e-6)
    assert gc.global_norm([None, [3, 4]]) == 5


def test_the_inventorys_example():
    """(3, 4) and (.3, .4) with threshold 1."""
    np.testing.assert_allclose(gc.clipvalue(THE_EXAMPLE, 1), [[1, 1], [0.3, 0.4]])
    np.testing.assert_allclose(gc.clipnorm(THE_EXAMPLE, 1), [[0.6, 0.8], [0.3, 0.4]])
    np.testing.assert_allclose(
        gc.global_clipnorm(THE_EXAMPLE, 1), [[0.597, 0.796], [0.0597, 0.0796]], atol=5e-4
    )


def test_global_norm_equals_tensorflow(rng):
    import tensorflow as tf

    gradients = [rng.normal(size=(3, 4)), rng.normal(size=7)]
    assert gc.global_norm(gradients) == pytest.approx(float(tf.linalg.global_norm(gradients)))


@given(first=vectors, second=vectors, threshold=st.floats(1e-3, 1e3))
def test_bounds_and_directions(first, second, threshold):
    gradients = [first, second]
    values = np.concatenate(gc.clipvalue(gradients, threshold))
    assert np.abs(values).max() <= threshold
    assert all(
        np.linalg.norm(g) <= threshold * (1 + 1e-9) for g in gc.clipnorm(gradients, threshold)
    )
    clipped = np.concatenate(gc.global_clipnorm(gradients, threshold))
    whole = np.concatenate(gradients)
    assert np.linalg.norm(clipped) <= threshold * (1 + 1e-9)
    assert clipped @ whole == pytest.approx(
        np.linalg.norm(clipped) * np.linalg.norm(whole), rel=1e-6, abs=1e-6
    )
    if np.linalg.norm(whole) <= threshold:
        np.testing.assert_array_equal(clipped, whole)


@pytest.mark.parametrize("point", [(2.0, -1.0), (5.0, -2.2), (6.0, -3.0), (0.5, 0.3)])
@pytest.mark.parametrize("steps", [1, 3, 50])
def test_cliff_gradient_equals_finite_differences(point, steps):
    loss, *gradient = gc.cliff(*point, steps=steps)
    numeric = approx_fprime(np.array(point), lambda p: float(gc.cliff(*p, steps=steps).loss), 1e-7)
    np.testing.assert_allclose(gradient, numeric, rtol=1e-3, atol=1e-5)
    x = 0.5
    for _ in range(steps):
        x = point[0] / (1 + math.exp(-x)) + point[1]
    assert loss == pytest.approx((1 / (1 + math.exp(-x)) - 0.7) ** 2)


def test_cliff_broadcasts():
    grid = gc.cliff(np.linspace(0, 6, 5)[:, None], np.linspace(-3, 0, 4))
    assert grid.loss.shape == grid.dw.shape == grid.db.shape == (5, 4)
    assert grid.loss[2, 1] == gc.cliff(3.0, -2.0).loss


def test_descent_takes_steps_of_limited_length():
    free = gc.descend((5.0, -2.5), 0.1, n_steps=20)
    short = gc.descend((5.0, -2.5), 0.1, threshold=0.5, n_steps=20)
    assert free.shape == (21, 2)
    _, dw, db = gc.cliff(5.0, -2.5)
    np.testing.assert_allclose(free[1], [5.0 - 0.1 * dw, -2.5 - 0.1 * db])
    assert np.linalg.norm(np.diff(short, axis=0), axis=1).max() <= 0.05 * (1 + 1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gc.clipvalue(THE_EXAMPLE, 0), "threshold is 0"),
        (lambda: gc.clipnorm(THE_EXAMPLE, -1), "threshold is -1"),
        (lambda: gc.global_clipnorm(THE_EXAMPLE, math.nan), "threshold is nan"),
        (lambda: gc.global_norm([]), "gradients is empty"),
        (lambda: gc.global_clipnorm([None], 1), "gradients is empty"),
        (lambda: gc.cliff(1, 1, steps=0), "steps is 0"),
        (lambda: gc.descend((1, 1), 0), "learning_rate is 0"),
        (lambda: gc.descend((1, 1), 1, n_steps=0), "n_steps is 0"),
        (lambda: gc.descend((1, 1), 1, threshold=0), "threshold is 0"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
