"""Penalties equal Keras's, penalized minima scikit-learn's, stopping its callback."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize, minimize_scalar
from sklearn.linear_model import ElasticNet, Lasso, Ridge

from ch11lib import l1_l2_early_stopping as ll

H2, C2 = np.array([[2.0, 0.6], [0.6, 0.8]]), np.array([1.0, 0.5])


@pytest.mark.parametrize(("l1", "l2"), [(0, 0), (0.01, 0), (0, 0.02), (0.3, 0.1)])
def test_penalty_equals_keras(l1, l2, rng):
    import keras

    w = rng.normal(size=(7, 5)).astype(np.float32)
    expected = float(keras.regularizers.L1L2(l1, l2)(keras.ops.convert_to_tensor(w)))
    assert ll.penalty(w, l1, l2) == pytest.approx(expected, rel=1e-5)


@given(x=st.floats(-5, 5), threshold=st.floats(0, 3))
def test_soft_threshold_is_the_proximal_operator(x, threshold):
    """By brute force: no w gives a lower ½ (w − x)² + threshold |w|."""

    def objective(w):
        return (w - x) ** 2 / 2 + threshold * abs(w)

    (ours,) = ll.soft_threshold([x], threshold)
    found = minimize_scalar(objective, bounds=(-6, 6), method="bounded", options={"xatol": 1e-9})
    assert objective(ours) <= min(found.fun, objective(0.0)) + 1e-12
    assert ours == pytest.approx(found.x, abs=1e-3)


def test_soft_threshold_keeps_the_shape_and_sets_to_zero():
    np.testing.assert_array_equal(ll.soft_threshold([[3, -3], [1, -0.5]], 1), [[2, -2], [0, 0]])


def regression(rng, n=200, n_features=6):
    X = rng.normal(size=(n, n_features)) @ rng.normal(size=(n_features, n_features))
    y = X @ np.array([3.0, 0, 0, -2.0, 0.05, 0]) + rng.normal(size=n)
    return X, y, np.linalg.lstsq(X, y, rcond=None)[0]


@pytest.mark.parametrize("alpha", [0.01, 3.0, 200.0])
def test_l2_minimum_equals_ridge(alpha, rng):
    X, y, center = regression(rng)
    expected = Ridge(alpha, fit_intercept=False).fit(X, y).coef_
    ours = ll.quadratic_minimum(2 * X.T @ X, center, l2=alpha)
    np.testing.assert_allclose(ours, expected, rtol=1e-8)
    assert (ours != 0).all()


@pytest.mark.parametrize("alpha", [0.01, 0.3, 2.0, 50.0])
@pytest.mark.parametrize("l1_ratio", [1.0, 0.6])
def test_l1_minimum_equals_lasso_and_elastic_net(alpha, l1_ratio, rng):
    X, y, center = regression(rng)
    options = {"fit_intercept": False, "tol": 1e-12, "max_iter": 100_000}
    net = (
        ElasticNet(alpha, l1_ratio=l1_ratio, **options) if l1_ratio < 1 else Lasso(alpha, **options)
    )
    expected = net.fit(X, y).coef_
    ours = ll.quadratic_minimum(
        X.T @ X / len(y), center, l1=alpha * l1_ratio, l2=alpha * (1 - l1_ratio) / 2
    )
    np.testing.assert_allclose(ours, expected, atol=1e-6)
    np.testing.assert_array_equal(ours == 0, np.abs(expected) < 1e-9)


@settings(deadline=None, max_examples=30)
@given(
    angle=st.floats(0, math.pi),
    curvature=st.floats(0.05, 1),
    center=st.tuples(st.floats(-2, 2), st.floats(-2, 2)),
    l1=st.floats(0, 2),
    l2=st.floats(0, 2),
)
def test_no_other_point_is_lower(angle, curvature, center, l1, l2):
    """In the plane, by a search that needs no gradient."""
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    H = turn @ np.diag([1.0, curvature]) @ turn.T

    def loss(w):
        return (w - center) @ H @ (w - center) / 2 + ll.penalty(w, l1, l2)

    ours = ll.quadratic_minimum(H, center, l1, l2)
    search = minimize(loss, center, method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-12})
    assert loss(ours) <= search.fun + 1e-9


def test_closed_forms():
    np.testing.assert_allclose(ll.quadratic_minimum(H2, C2), C2)
    np.testing.assert_allclose(
        ll.quadratic_minimum(H2, C2, l2=0.5), np.linalg.inv(H2 + np.eye(2)) @ H2 @ C2
    )
    np.testing.assert_allclose(ll.quadratic_minimum(np.eye(2), [1.0, 0.2], l1=0.3), [0.7, 0])
    largest = np.abs(H2 @ C2).max()  # from this l1 on, 0 is the minimum
    assert ll.quadratic_minimum(H2, C2, l1=largest * 0.999).any()
    assert not ll.quadratic_minimum(H2, C2, l1=largest).any()


def test_sparsity_counts():
    weights = [np.array([[0.0, 0.1], [-0.2, 0.0]]), np.array([0.1, -0.1])]
    assert ll.sparsity(weights) == pytest.approx(2 / 6)
    assert ll.sparsity(weights, 0.1) == pytest.approx(5 / 6)
    assert ll.sparsity([[1.0], []], 0.5) == 0


def test_prune_sets_kernels_only(rng):
    import keras

    keras.utils.set_random_seed(0)
    kl = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            kl.Conv2D(4, 3, bias_initializer=keras.initializers.Constant(0.01)),
            kl.BatchNormalization(gamma_initializer=keras.initializers.Constant(0.01)),
            kl.Flatten(),
            kl.Dense(3, bias_initializer=keras.initializers.Constant(0.01)),
        ]
    )
    before = model.get_weights()
    names = [variable.name for variable in model.weights]
    share = ll.prune(model, 0.05)
    kernels = []
    for name, old, new in zip(names, before, model.get_weights(), strict=True):
        if name == "kernel":
            np.testing.assert_array_equal(new, np.where(np.abs(old) <= 0.05, 0, old))
            kernels.append(old)
        else:
            np.testing.assert_array_equal(new, old)
    assert len(kernels) == 2
    assert share == pytest.approx(ll.sparsity(kernels, 0.05))
    assert 0.1 < share < 0.9
    assert ll.prune(model, 0) == share
    model.layers[-1].kernel.assign(np.full(model.layers[-1].kernel.shape, -0.25))
    ll.prune(model, 0.25)
    assert not np.asarray(model.layers[-1].kernel).any()


def by_callback(losses, patience, min_delta):
    """Drive Keras's callback through made-up losses."""
    import keras

    class Model:
        stop_training = False
        epoch = -1

        def get_weights(self):
            return self.epoch

        def set_weights(self, epoch):
            self.restored = epoch

    model = Model()
    callback = keras.callbacks.EarlyStopping(
        patience=patience, min_delta=min_delta, mode="min", restore_best_weights=True
    )
    callback.set_model(model)
    callback.on_train_begin()
    for model.epoch, loss in enumerate(losses):
        callback.on_epoch_end(model.epoch, {"val_loss": loss})
        if model.stop_training:
            break
    callback.on_train_end()
    assert callback.best_epoch == model.restored
    return callback.best_epoch, model.epoch, model.stop_training


numbers = st.sampled_from([*np.arange(0, 2, 0.25).tolist(), math.nan, math.inf])


@settings(deadline=None, max_examples=60)
@given(
    losses=st.lists(numbers, min_size=1, max_size=10),
    patience=st.integers(0, 4),
    min_delta=st.sampled_from([0.0, 0.25, 0.6]),
)
def test_early_stop_equals_the_callback(losses, patience, min_delta):
    assert ll.early_stop(losses, patience, min_delta) == by_callback(losses, patience, min_delta)


def test_early_stop_by_hand():
    losses = [5, 4, 4.5, 3, 3.5, 3.2, 3.1, 1]
    assert ll.early_stop(losses, 1) == (1, 2, True)
    assert ll.early_stop(losses, 0) == (1, 2, True)
    assert ll.early_stop(losses, 3) == (3, 6, True)
    assert ll.early_stop(losses, 4) == (7, 7, False)
    assert ll.early_stop([math.nan, 1, 1], 2) == (0, 2, True)


def test_restored_weights_are_those_of_the_best_epoch(rng):
    """In a real fit whose validation loss rises again."""
    import keras

    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((30,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.01), "mse")
    w = rng.normal(size=(30, 1))
    X, X_valid = rng.normal(size=(20, 30)), rng.normal(size=(100, 30))
    y, y_valid = X @ w + 5 * rng.normal(size=(20, 1)), X_valid @ w
    stopping = keras.callbacks.EarlyStopping(patience=5, restore_best_weights=True)
    history = model.fit(
        X, y, epochs=300, validation_data=(X_valid, y_valid), callbacks=[stopping], verbose=0
    ).history["val_loss"]
    stop = ll.early_stop(history, 5)
    assert stop == (stopping.best_epoch, len(history) - 1, True)
    assert model.evaluate(X_valid, y_valid, verbose=0) == pytest.approx(history[stop.best_epoch])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ll.penalty([1.0], l1=-1), "l1 is -1"),
        (lambda: ll.penalty([1.0], l2=math.nan), "l2 is nan"),
        (lambda: ll.soft_threshold([1.0], -0.1), "threshold is -0.1"),
        (lambda: ll.quadratic_minimum(H2, C2, l1=math.inf), "l1 is inf"),
        (lambda: ll.quadratic_minimum(H2, [1.0]), r"shapes \(2, 2\) and \(1,\)"),
        (lambda: ll.quadratic_minimum(-H2, C2), "hessian is not symmetric and positive"),
        (lambda: ll.quadratic_minimum([[2, 1], [0, 2]], C2), "hessian is not symmetric"),
        (lambda: ll.quadratic_minimum(H2, [1.0, math.nan]), "center not finite"),
        (
            lambda: ll.quadratic_minimum([[1, 1 - 1e-9], [1 - 1e-9, 1]], [1, -1], l1=1e-9),
            "hessian has condition number",
        ),
        (lambda: ll.sparsity([[]]), "weights is empty"),
        (lambda: ll.sparsity([[1.0]], -1), "threshold is -1"),
        (lambda: ll.prune(None, math.nan), "threshold is nan"),
        (lambda: ll.prune(no_kernels(), 0.1), "has no kernels"),
        (lambda: ll.early_stop([], 1), "losses is empty"),
        (lambda: ll.early_stop([1.0], -1), "patience is -1"),
        (lambda: ll.early_stop([1.0], 1, math.nan), "min_delta is nan"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def no_kernels():
    import keras

    return keras.Sequential([keras.Input((3,)), keras.layers.LayerNormalization()])
