"""The range test records exact losses, finds known limits and leaves no trace."""

import math

import numpy as np
import pytest

from ch11lib.lr_finder import LRFinder, find_learning_rate
from ch11lib.one_cycle import OneCycle


def linear_model(n_features, optimizer=None, **compile_options):
    import keras

    model = keras.Sequential([keras.Input((n_features,)), keras.layers.Dense(1, use_bias=False)])
    model.compile(optimizer or keras.optimizers.SGD(0.1), "mse", **compile_options)
    model.set_weights([np.full((n_features, 1), 0.5)])
    return model


def deep_model(optimizer=None):
    """Return a model with every kind of state: random, and moved without gradients."""
    import keras

    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(8, "relu"), keras.layers.BatchNormalization()]
    last = [keras.layers.Dropout(0.3), keras.layers.Dense(3, "softmax")]
    model = keras.Sequential([keras.Input((4,)), *layers, *last])
    optimizer = optimizer or keras.optimizers.Adam(0.01, use_ema=True)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def state(model):
    return [np.array(v.numpy()) for v in (*model.variables, *model.optimizer.variables)]


@pytest.fixture
def labelled(rng):
    return rng.normal(size=(50, 4)).astype("float32"), rng.integers(0, 3, 50)


def test_losses_are_those_of_single_batches(rng):
    """SGD by hand in double precision, over epochs with a smaller last batch."""
    X, y = rng.normal(size=(10, 3)), rng.normal(size=(10, 1))
    finder = LRFinder(1e-3, 0.1, n_steps=8, smoothing=0.5, divergence_factor=1e9)
    fit = {"batch_size": 4, "epochs": 5, "shuffle": False, "verbose": 0}
    linear_model(3).fit(X, y, callbacks=[finder], **fit)
    w, losses, smoothed, mean = np.full((3, 1), 0.5), [], [], 0.0
    rates = [1e-3 * 100 ** (i / 7) for i in range(8)]
    for i, rate in enumerate(rates):
        batch = slice(4 * (i % 3), 4 * (i % 3) + 4)
        error = X[batch] @ w - y[batch]
        losses.append((error**2).mean())
        w = w - rate * 2 / len(error) * X[batch].T @ error
        mean = (mean + losses[-1]) / 2
        smoothed.append(mean / (1 - 0.5 ** (i + 1)))
    np.testing.assert_allclose(finder.learning_rates, rates)
    np.testing.assert_allclose(finder.losses, losses, rtol=1e-5)
    np.testing.assert_allclose(finder.smoothed, smoothed, rtol=1e-5)
    assert finder.diverged_at is None


def test_divergence_is_found_at_two_over_the_largest_eigenvalue(rng):
    """Every batch has the same X, hence the same Hessian, and noise of its own."""
    X, n_steps = rng.normal(size=(32, 5)), 600
    limit = 2 / np.linalg.eigvalsh(2 / 32 * X.T @ X).max()
    inputs = np.tile(X, (n_steps, 1))
    targets = inputs.sum(axis=1, keepdims=True) + 0.5 * rng.normal(size=(len(inputs), 1))
    finder = LRFinder(limit / 1e3, limit * 1e2, n_steps)
    linear_model(5).fit(inputs, targets, shuffle=False, verbose=0, callbacks=[finder])
    assert limit < finder.diverged_at < 1.5 * limit
    assert limit / 1e3 < finder.suggestion < limit / 2
    assert finder.learning_rates[-1] == finder.diverged_at


def test_suggestion_is_the_steepest_point_of_a_known_curve():
    """Of 1 − Φ((log η − log .01) / .5) it is .01, not in the first four steps or after the rise."""
    from scipy.stats import norm

    finder = LRFinder(1e-4, 1, n_steps=401, smoothing=0.75)
    finder.learning_rates = list(finder.rates)
    curve = 1 - norm.cdf(np.log(finder.rates) - math.log(0.01), scale=0.5)
    curve[:2] = [9, 5]
    finder.smoothed = [*curve[:350], *np.linspace(5, 0.5, 51)]
    assert finder.suggestion == pytest.approx(0.01, rel=1e-6)
    finder.smoothed = [*curve[:5], *np.linspace(2, 3, 396)]
    with pytest.raises(ValueError, match="the loss did not fall"):
        finder.suggestion  # noqa: B018


def test_suggestion_needs_a_falling_loss():
    with pytest.raises(ValueError, match="the loss did not fall"):
        LRFinder().suggestion  # noqa: B018


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_stops_at_losses_that_are_no_numbers(loss):
    """The second batch has one; it is not recorded."""
    model = linear_model(1)
    before = state(model)
    finder = LRFinder(1e-3, 1, n_steps=5)
    y = np.array([1.0, loss, 1.0, 1.0, 1.0])
    model.fit(np.ones((5, 1)), y, batch_size=1, shuffle=False, verbose=0, callbacks=[finder])
    assert finder.losses == [pytest.approx(0.25)]
    assert finder.diverged_at == finder.rates[1]
    for old, new in zip(before, state(model), strict=False):
        np.testing.assert_array_equal(old, new)


def test_negative_losses_may_fall_without_being_called_diverged(rng):
    import keras

    def loss(y, prediction):
        return keras.ops.mean(prediction, axis=-1) - 5

    model = linear_model(1)
    model.compile(keras.optimizers.SGD(0.1), loss)
    finder = find_learning_rate(
        model, np.ones((4, 1)), np.ones(4), 1, min_learning_rate=1e-3, max_learning_rate=1,
        n_steps=40, smoothing=0.5,
    )  # fmt: skip
    assert finder.diverged_at is None
    assert len(finder.losses) == 40
    assert finder.losses[-1] < finder.losses[0] < 0


def test_a_lucky_first_batch_is_not_judged():
    """Its loss of 0 would make every later one look diverged."""
    finder = LRFinder(1e-3, 0.1, n_steps=40, smoothing=0.8)
    y = np.array([0.5] + [1.5] * 39)
    fit = {"batch_size": 1, "shuffle": False, "verbose": 0}
    linear_model(1).fit(np.ones((40, 1)), y, callbacks=[finder], **fit)
    assert finder.losses[:2] == [0, pytest.approx(1)]
    assert finder.diverged_at is None
    assert len(finder.losses) == 40


def test_leaves_no_trace(labelled):
    """Weights, averages, random states, slots, counter and rate: later training is the same."""
    fit = {"batch_size": 16, "epochs": 2, "shuffle": False, "verbose": 0}
    tested, other = deep_model(), deep_model()
    for model in (tested, other):
        model.fit(*labelled, **fit)
    before = state(tested)
    finder = find_learning_rate(tested, *labelled, batch_size=16, n_steps=80)
    assert len(finder.losses) > 20
    for old, new in zip(before, state(tested), strict=True):
        np.testing.assert_array_equal(old, new)
    assert float(tested.optimizer.learning_rate) == pytest.approx(0.01)
    histories = [model.fit(*labelled, **fit).history for model in (tested, other)]
    assert histories[0] == histories[1]
    for ours, theirs in zip(state(tested), state(other), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_restores_a_model_that_was_never_trained(labelled):
    """The optimizer's slots, created by the test, are back at 0."""
    model = deep_model()
    weights = model.get_weights()
    find_learning_rate(model, *labelled, batch_size=16, n_steps=60)
    for old, new in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert int(model.optimizer.iterations) == 0


def test_restores_after_an_exception(labelled, monkeypatch):
    model, X, y = deep_model(), *labelled
    model.optimizer.build(model.trainable_variables)
    before = state(model)
    end = LRFinder.on_train_batch_end

    def interrupt(finder, batch, logs=None):
        end(finder, batch, logs)
        if batch == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(LRFinder, "on_train_batch_end", interrupt)
    with pytest.raises(KeyboardInterrupt):
        find_learning_rate(model, X, y, batch_size=8)
    for old, new in zip(before, state(model), strict=True):
        np.testing.assert_array_equal(old, new)
    finder = LRFinder()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y, batch_size=8, verbose=0, callbacks=[finder])
    assert any((a != b).any() for a, b in zip(before, state(model), strict=True))
    finder.restore()
    for old, new in zip(before, state(model), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_finder_can_be_used_again(labelled):
    """And what was trained after the first test stays trained."""
    model, finder = deep_model(), LRFinder(n_steps=5)
    fit = {"batch_size": 8, "shuffle": False, "verbose": 0}
    model.fit(*labelled, callbacks=[finder], **fit)
    losses = finder.losses
    model.fit(*labelled, callbacks=[finder], **fit)
    assert finder.losses == losses != []
    model.fit(*labelled, **fit)
    weights = model.get_weights()
    finder.restore()
    np.testing.assert_array_equal(weights[0], model.get_weights()[0])


@pytest.mark.parametrize("finder_first", [True, False])
def test_early_stopping_keeps_the_weights_from_before(rng, finder_first):
    """Whichever callback comes first: what it restores is the model before the test."""
    import keras

    X = rng.normal(size=(96, 4))
    model = linear_model(4)
    before = state(model)[0]
    stopping = keras.callbacks.EarlyStopping("loss", patience=3, restore_best_weights=True)
    callbacks = [LRFinder(n_steps=100), stopping]
    if not finder_first:
        callbacks.reverse()
    model.fit(X, X.sum(axis=1), epochs=50, verbose=0, callbacks=callbacks)
    assert len(callbacks[not finder_first].losses) > 10
    np.testing.assert_array_equal(state(model)[0], before)


def test_epochs_do_not_interrupt_the_test(labelled):
    """The same steps in one epoch and in ten give the same losses."""
    X, y = (np.repeat(array[:1], 40, axis=0) for array in labelled)
    losses = []
    for n in (40, 4):
        finder = LRFinder(1e-4, 0.1, n_steps=10)
        fit = {"batch_size": 4, "epochs": 10, "shuffle": False, "verbose": 0}
        deep_model().fit(X[:n], y[:n], callbacks=[finder], **fit)
        losses.append(finder.losses)
    assert len(losses[0]) == 10
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-6)


def test_a_data_set_alone(labelled):
    import tensorflow as tf

    data = tf.data.Dataset.from_tensor_slices(labelled).batch(16)
    model = deep_model()
    weights = model.get_weights()
    finder = find_learning_rate(model, data, None, n_steps=20, divergence_factor=1e9)
    assert len(finder.losses) == 20, "more than one pass"
    np.testing.assert_array_equal(weights[0], model.get_weights()[0])


def fit_with(optimizer=None, **compile_options):
    model = linear_model(1, optimizer, **compile_options)
    find_learning_rate(model, np.ones((4, 1)), np.ones(4))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda keras: LRFinder(0), "min_learning_rate is 0"),
        (lambda keras: LRFinder(1, 1), "max_learning_rate is 1; it must be finite and > 1"),
        (lambda keras: LRFinder(1, math.inf), "max_learning_rate is inf"),
        (lambda keras: LRFinder(n_steps=0), "n_steps is 0"),
        (lambda keras: LRFinder(smoothing=1), "smoothing is 1"),
        (lambda keras: LRFinder(smoothing=math.nan), "smoothing is nan"),
        (lambda keras: LRFinder(divergence_factor=0.5), "divergence_factor is 0.5"),
        (lambda keras: fit_with(steps_per_execution=4), "steps_per_execution is 4; it must be 1"),
        (lambda keras: fit_with(keras.optimizers.SGD(OneCycle(1, 1))), "is a schedule"),
        (lambda keras: fit_with(keras.optimizers.SGD(lambda: 0.1)), "or a function"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    import keras

    with pytest.raises(ValueError, match=message):
        call(keras)
