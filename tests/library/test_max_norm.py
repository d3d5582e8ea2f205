"""Max-norm does what Keras's constraint does, after every training step."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ch11lib import max_norm as mn

CASES = [((7, 5), 0), ((7, 5), 1), ((3, 3, 4, 6), (0, 1, 2)), ((3, 2, 4), [0, -1])]
matrices = arrays(
    float, (4, 3), elements=st.floats(-100, 100).filter(lambda x: x == 0 or abs(x) > 1e-3)
)


@pytest.mark.parametrize(("shape", "axis"), CASES)
@pytest.mark.parametrize("max_value", [0.3, 2.0, 50.0])
def test_equals_keras(shape, axis, max_value, rng):
    import keras

    w = rng.normal(size=shape).astype(np.float32)
    w[0] *= 20
    w[..., 0] = 0
    ours = mn.max_norm(w, max_value, axis)
    assert ours.dtype == np.float32
    theirs = keras.constraints.MaxNorm(max_value, axis)(keras.ops.convert_to_tensor(w))
    np.testing.assert_allclose(ours, np.asarray(theirs), rtol=1e-6, atol=1e-9)


def test_epsilon_is_that_of_keras():
    """It shows where a vector is about as short as epsilon."""
    import keras

    w = np.float32([[1e-7, 3.0], [0.0, 4.0]])
    assert keras.config.epsilon() == mn.EPSILON
    ours = mn.max_norm(w, 1.0)
    theirs = keras.constraints.MaxNorm(1.0)(keras.ops.convert_to_tensor(w))
    np.testing.assert_allclose(ours, np.asarray(theirs), rtol=1e-6)
    np.testing.assert_allclose(ours, [[5e-8, 0.6], [0, 0.8]], rtol=1e-6)


@given(w=matrices, max_value=st.floats(0.01, 1000))
def test_shortens_but_never_turns_or_lengthens(w, max_value):
    once = mn.max_norm(w, max_value)
    before, after = np.linalg.norm(w, axis=0), np.linalg.norm(once, axis=0)
    assert (after <= np.minimum(before, max_value)).all()
    np.testing.assert_allclose(after, np.minimum(before, max_value), rtol=2e-4)
    np.testing.assert_allclose(once * before, w * after, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(mn.max_norm(once, max_value), once, rtol=2e-4)


@pytest.mark.parametrize(("shape", "axis"), CASES)
def test_column_norms_equal_numpys(shape, axis, rng):
    w = rng.normal(size=shape)
    axes = axis if isinstance(axis, int) else tuple(a % len(shape) for a in axis)
    others = [i for i in range(len(shape)) if i not in np.atleast_1d(axes)]
    flat = np.transpose(w, [*others, *np.atleast_1d(axes)]).reshape(*(shape[i] for i in others), -1)
    np.testing.assert_allclose(mn.column_norms(w, axis), np.linalg.norm(flat, axis=-1))


def test_integers_become_floats():
    np.testing.assert_allclose(mn.max_norm([[3], [4]], 1), [[0.6], [0.8]], rtol=1e-6)


def test_constraint_holds_after_every_training_step(rng):
    """In a fit whose steps alone would make the norms grow beyond the limit."""
    import keras

    def largest_norms(limit):
        keras.utils.set_random_seed(0)
        conv, dense = {}, {}
        if limit is not None:
            conv["kernel_constraint"] = keras.constraints.MaxNorm(limit, axis=[0, 1, 2])
            dense["kernel_constraint"] = keras.constraints.MaxNorm(limit)
        kl = keras.layers
        model = keras.Sequential([keras.Input((6, 6, 1)), kl.Conv2D(3, 3, **conv), kl.Flatten()])
        model.add(kl.Dense(4, "softmax", **dense))
        model.compile(keras.optimizers.SGD(1.0), "sparse_categorical_crossentropy")
        seen = []

        class Watch(keras.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                seen.append([norms.max() for norms in mn.kernel_norms(model)])

        X, y = rng.normal(size=(64, 6, 6, 1)), rng.integers(0, 4, 64)
        model.fit(X, y, batch_size=8, epochs=2, verbose=0, callbacks=[Watch()])
        return np.array(seen)

    limited = largest_norms(0.8)
    assert limited.shape == (16, 2)
    assert (limited <= 0.8 * (1 + 1e-6)).all()
    assert (limited.max(axis=0) > 0.799).all()
    assert (largest_norms(None)[-1] > 1).all()


def test_kernel_norms_of_a_model():
    import keras

    kl = keras.layers
    model = keras.Sequential([keras.Input((5, 5, 2)), kl.Conv2D(3, 2), kl.Flatten(), kl.Dense(4)])
    conv, dense = mn.kernel_norms(model)
    kernels = [layer.get_weights()[0] for layer in (model.layers[0], model.layers[2])]
    np.testing.assert_allclose(conv, np.linalg.norm(kernels[0].reshape(8, 3), axis=0), rtol=1e-6)
    np.testing.assert_allclose(dense, np.linalg.norm(kernels[1], axis=0), rtol=1e-6)
    assert (conv.shape, dense.shape) == ((3,), (4,))


def empty():
    import keras

    return keras.Sequential([keras.Input((3,)), keras.layers.Dropout(0.1)])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mn.max_norm([[1.0]], 0), "max_value is 0"),
        (lambda: mn.max_norm([[1.0]], math.nan), "max_value is nan"),
        (lambda: mn.max_norm([[1.0]], 1, axis=2), "axis is 2"),
        (lambda: mn.column_norms([[1.0]], axis=(0, -3)), r"axis is \(0, -3\)"),
        (lambda: mn.column_norms([[1.0]], axis=()), r"axis is \(\)"),
        (lambda: mn.kernel_norms(empty()), "has no layer with a kernel"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
