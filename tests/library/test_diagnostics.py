"""The readings of a training, against finite differences and closed forms."""

import keras
import numpy as np
import pytest

from ch11lib import diagnostics, models


def test_gradient_norms_equal_finite_differences(rng):
    """Move the kernel along its gradient: the loss must rise by norm · step."""
    keras.utils.set_random_seed(1)
    model = models.build_mlp([6, 5], "tanh", input_shape=(4,), n_classes=3)
    model.compile(loss="sparse_categorical_crossentropy")
    X = rng.standard_normal((20, 4)).astype(np.float32)
    y = rng.integers(0, 3, 20)
    norms = diagnostics.gradient_norms(model, X, y)
    dense = [layer for layer in model.layers if hasattr(layer, "kernel")]
    assert list(norms) == [layer.name for layer in dense]

    def loss():
        p = np.asarray(model(X), np.float64)
        return -np.log(p[np.arange(20), y]).mean()

    layer, h = dense[0], 1e-2
    W = np.asarray(layer.kernel).copy()
    gradient = np.zeros_like(W)
    for i in np.ndindex(W.shape):
        values = []
        for sign in (1, -1):
            moved = W.copy()
            moved[i] += sign * h
            layer.kernel.assign(moved)
            values.append(loss())
        gradient[i] = (values[0] - values[1]) / (2 * h)
    assert norms[layer.name] == pytest.approx(np.linalg.norm(gradient), rel=1e-3)


def test_gradient_norms_explains_what_it_needs(monkeypatch):
    model = models.build_mlp([2], input_shape=(2,))
    X, y = np.zeros((1, 2)), np.zeros(1)
    with pytest.raises(ValueError, match="not compiled"):
        diagnostics.gradient_norms(model, X, y)
    flat = keras.Sequential([keras.Input((2,)), keras.layers.Softmax()])
    flat.compile(loss="sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match="must have a layer with a kernel"):
        diagnostics.gradient_norms(flat, X, y)
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(RuntimeError, match="TensorFlow backend, not 'jax'"):
        diagnostics.gradient_norms(model, X, y)


def test_ratios_are_the_rate_times_the_norms_in_the_first_step_of_gradient_descent(rng):
    keras.utils.set_random_seed(1)
    model = models.build_mlp([6, 5], "tanh", input_shape=(4,), n_classes=3)
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    X = rng.standard_normal((20, 4)).astype(np.float32)
    y = rng.integers(0, 3, 20)
    sizes = [np.linalg.norm(layer.kernel) for layer in model.layers if hasattr(layer, "kernel")]
    log = diagnostics.Diagnostics(X, y)
    model.fit(X, y, batch_size=20, epochs=3, verbose=0, callbacks=[log])
    assert np.shape(log.norms) == np.shape(log.ratios) == (3, 3)
    np.testing.assert_allclose(log.ratios[0], 0.1 * np.divide(log.norms[0], sizes), rtol=1e-4)
    after = diagnostics.gradient_norms(model, X, y)
    assert log.norms[0] != log.norms[1] != [*after.values()]


def test_a_kernel_of_zeros_has_no_finite_ratio():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, kernel_initializer="zeros")])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    X, y = np.eye(2), np.ones((2, 1))
    log = diagnostics.Diagnostics(X, y)
    model.fit(X, y, verbose=0, callbacks=[log])
    assert log.ratios == [[np.inf]]


def test_saturated_share_counts_both_ends():
    assert diagnostics.saturated_share([[0.01, 0.5], [0.94, 0.96]]) == 0.5
    assert diagnostics.saturated_share([-0.95, 0.0, 0.2, 0.3], -0.9, 0.9) == 0.25
    a = 1 / (1 + np.exp(-np.linspace(-8, 8, 1001)))
    slope = a * (1 - a)
    assert diagnostics.saturated_share(a) == np.mean(slope < 0.05 * 0.95)


@pytest.mark.parametrize(
    ("readings", "words"),
    [
        ((2.4, 1.0, 0.0, 1e-3), "nothing to complain"),
        ((7e9, 0.4, 0.0, 1e6), "signal explodes"),
        ((np.nan, np.nan, 0.0, np.nan), "signal explodes"),
        ((2.4, 5e-12, 0.0, 2e-10), "gradient vanishes"),
        ((2.4, 1e9, 0.0, 1e-3), "gradient explodes"),
        ((2.4, np.nan, 0.0, 1e-3), "gradient explodes"),
        ((2.6, 0.08, 0.7, 1e-5), "units saturate"),
        ((2.4, 1.0, 0.0, 1e-7), "nothing moves"),
        ((2.4, 1.0, 0.0, 0.3), "rate too high"),
        ((2.4, 1.0, 0.0, np.nan), "rate too high"),
    ],
)
def test_each_illness_has_its_words(readings, words):
    assert words in diagnostics.diagnose(*readings)


def test_the_loss_of_guessing_depends_on_the_number_of_classes():
    assert "explodes" in diagnostics.diagnose(15.0, 1.0, 0.0, 1e-3, n_classes=10)
    assert "complain" in diagnostics.diagnose(15.0, 1.0, 0.0, 1e-3, n_classes=100)


def test_small_weights_behind_relu_are_no_low_learning_rate_alone():
    """Kernel norms stay level there, so the words name both causes."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((100, 50)).astype("float32"), rng.integers(0, 10, 100)
    small = keras.initializers.VarianceScaling(2 / 4)
    model = models.build_mlp([50] * 20, "relu", small, input_shape=(50,))
    model.compile(keras.optimizers.SGD(0.01), "sparse_categorical_crossentropy")
    loss = model.evaluate(X, y, verbose=0)
    log = diagnostics.Diagnostics(X, y)
    model.fit(X, y, batch_size=100, verbose=0, callbacks=[log])
    ratio = log.norms[0][1] / log.norms[0][19]
    assert 0.1 < ratio < 10
    words = diagnostics.diagnose(loss, ratio, 0.0, np.median(log.ratios[0]))
    assert "larger weights" in words


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: diagnostics.saturated_share([]), "outputs is empty"),
        (lambda: diagnostics.saturated_share([1], 0.9, 0.1), "low is 0.9; it must be < high"),
        (lambda: diagnostics.diagnose(2, 1, 1.5, 1e-3), "saturated is 1.5"),
        (lambda: diagnostics.diagnose(2, 1, 0.5, 1e-3, 1), "n_classes is 1"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
