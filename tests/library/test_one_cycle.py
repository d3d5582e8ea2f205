"""In Keras's trainings the schedules are exact, and the optimizer cycles its momentum."""

import json

import numpy as np
import pytest
from conftest import ROOT

from ch11lib import learning_rate_schedules as lrs
from ch11lib.one_cycle import OneCycle, OneCycleSGD

REFERENCE = json.loads(
    (ROOT / "tests/library/data/one_cycle_reference.json").read_text(encoding="utf-8")
)


def train(optimizer, X, y, epochs=1, path=None, callbacks=(), **compile_options):
    """Train the least-squares model y ≈ X w, from w = 0, in batches of 4.

    Returns learning rate, momentum and new w of each step. With a path, the
    model is saved there after the first epoch, and loaded.
    """
    import keras

    class Record(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            given = self.model.optimizer
            before.append([float(given.learning_rate), float(getattr(given, "momentum", 0))])

        def on_train_batch_end(self, batch, logs=None):
            after.append(self.model.get_weights()[0].ravel())

    before, after = [], []
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False)])
    model.compile(optimizer, "mse", **compile_options)
    model.set_weights([np.zeros((2, 1))])
    fit = {"batch_size": 4, "shuffle": False, "verbose": 0, "callbacks": [Record(), *callbacks]}
    if path is not None:
        model.fit(X, y, **fit)
        model.save(path)
        model, epochs = keras.models.load_model(path), epochs - 1
    model.fit(X, y, epochs=epochs, **fit)
    return *np.array(before).T, np.array(after)


def test_boundaries_lie_between_epochs(rng):
    """In a training by Keras, the rate changes with the first step of an epoch."""
    import keras

    edges = lrs.boundaries([1, 3], lrs.steps_per_epoch(10, 4), total_epochs=4)
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay(edges, [0.3, 0.2, 0.1])
    X = rng.normal(size=(10, 2))
    rates, _, _ = train(keras.optimizers.SGD(schedule), X, X[:, :1], epochs=4)
    np.testing.assert_allclose(rates, 3 * [0.3] + 6 * [0.2] + 3 * [0.1], rtol=1e-6)
    ours = lrs.piecewise_constant(np.arange(12), edges, [0.3, 0.2, 0.1])
    np.testing.assert_allclose(ours, rates, rtol=1e-6)


def test_schedule_works_with_any_optimizer_and_is_saved(rng, tmp_path):
    import keras

    schedule = OneCycle(0.01, 30, 0.4, "linear", 10.0, 100.0, three_phase=True)
    X = rng.normal(size=(40, 2))
    path = tmp_path / "model.keras"
    rates, _, _ = train(keras.optimizers.Nadam(schedule), X, X[:, :1], epochs=3, path=path)
    expected = lrs.one_cycle(np.arange(30), **schedule.get_config())
    np.testing.assert_allclose(rates, expected, rtol=1e-5)
    again = keras.optimizers.schedules.deserialize(keras.optimizers.schedules.serialize(schedule))
    assert again.get_config() == schedule.get_config()


def test_keras_ignores_a_momentum_that_a_callback_sets(rng):
    """The reason for the optimizer: SGD reads its momentum when the step is traced."""
    import keras

    class Drop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.optimizer.momentum = 0.9 if epoch == 0 else 0.0

    def weights(*callbacks, **options):
        optimizer = keras.optimizers.SGD(0.01, momentum=0.9)
        return train(optimizer, X, X[:, :1], 3, callbacks=callbacks, **options)[2][-1]

    X = rng.normal(size=(20, 2))
    np.testing.assert_array_equal(weights(Drop()), weights())
    assert np.abs(weights(Drop(), run_eagerly=True) - weights()).max() > 0.01


def run_by_hand(rates, momenta, nesterov=None, every=1):
    """Keras's rule on PyTorch's problem, the mean of (X w − y)², in double precision.

    `nesterov` holds the momenta with which Nesterov's variant looks ahead.
    """
    X, y = np.array(REFERENCE["X"]), np.array(REFERENCE["y"])
    v, w, path = np.zeros(2), np.zeros(2), []
    for t in range(0, len(rates), every):
        step = rates[t] * 2 / len(X) * X.T @ (X @ w - y)
        v = momenta[t] * v - step
        w = w + (v if nesterov is None else nesterov[t] * v - step)
        path.append(w)
    return np.array(path)


@pytest.fixture
def problem():
    """PyTorch's problem in two equal epochs; the rates and momenta of its cycle."""
    case = REFERENCE["sgd_case"]
    steps = np.arange(case["total_steps"])
    X = np.tile(REFERENCE["X"], (len(steps) // 2, 1))
    y = np.tile(REFERENCE["y"], len(steps) // 2)[:, None]
    rates = lrs.one_cycle(steps, REFERENCE["sgd_max_learning_rate"], **case)
    return X, y, rates, lrs.one_cycle_momentum(steps, **case)


def one_cycle_sgd(**options):
    schedule = OneCycle(REFERENCE["sgd_max_learning_rate"], **REFERENCE["sgd_case"])
    return OneCycleSGD(schedule, **options)


@pytest.mark.parametrize("nesterov", [False, True])
def test_optimizer_follows_its_rule(problem, nesterov, tmp_path):
    """Compiled, eager, several steps at once, saved and loaded in the middle."""
    X, y, rates, momenta = problem
    expected = run_by_hand(rates, momenta, momenta if nesterov else None)
    for options in ({}, {"run_eagerly": True}, {"path": tmp_path / "model.keras"}):
        optimizer = one_cycle_sgd(nesterov=nesterov)
        seen_rates, seen_momenta, weights = train(optimizer, X, y, epochs=2, **options)
        np.testing.assert_allclose(weights, expected, atol=1e-5)
        np.testing.assert_allclose(seen_rates, rates, rtol=1e-5)
        np.testing.assert_allclose(seen_momenta, momenta, rtol=1e-6)
    *_, weights = train(one_cycle_sgd(nesterov=nesterov), X, y, epochs=2, steps_per_execution=5)
    np.testing.assert_allclose(weights, expected[4::5], atol=1e-5)
    for constant in (0.85, 0.9, 0.95):
        same = np.full(len(rates), constant)
        other = run_by_hand(rates, same, same if nesterov else None)
        assert np.abs(other - expected).max() > 0.05


def test_accumulated_gradients_use_rate_and_momentum_of_the_same_step(problem):
    """Keras takes the learning rate from the number of batches, not of updates."""
    X, y, rates, momenta = problem
    *_, weights = train(one_cycle_sgd(gradient_accumulation_steps=2), X, y, epochs=2)
    expected = run_by_hand(rates[1:], momenta[1:], every=2)
    np.testing.assert_allclose(weights[1::2], expected, atol=1e-5)


def test_pytorchs_rule_is_kerass_with_another_momentum(problem):
    """μ_t η_t / η_(t−1), above 1 while the learning rate rises fast."""
    _, _, rates, momenta = problem
    scaled = momenta * rates / np.concatenate([[1.0], rates[:-1]])
    assert scaled[1] > 1 > momenta[1]
    for name, ahead in {"weights": None, "weights_nesterov": momenta}.items():
        stored = np.array(REFERENCE[name])
        np.testing.assert_allclose(run_by_hand(rates, scaled, ahead), stored, rtol=1e-9)
        assert np.abs(run_by_hand(rates, momenta, ahead) - stored).max() > 0.05


def test_constant_cycle_is_kerass_sgd(problem):
    """Factors of 1 leave rate and momentum alone."""
    import keras

    X, y, _, _ = problem
    schedule = OneCycle(0.05, 40, div_factor=1, final_div_factor=1)
    for nesterov in (False, True):
        options = {"nesterov": nesterov, "clipnorm": 0.5, "weight_decay": 0.01}
        ours = OneCycleSGD(schedule, 0.9, 0.9, **options)
        theirs = keras.optimizers.SGD(0.05, momentum=0.9, **options)
        np.testing.assert_allclose(train(ours, X, y)[2], train(theirs, X, y)[2], atol=1e-6)


def test_building_again_changes_nothing():
    import keras

    optimizer, variables = one_cycle_sgd(), [keras.Variable([1.0, 2.0])]
    optimizer.build(variables)
    before = optimizer.variables
    optimizer.build(variables)
    assert all(a is b for a, b in zip(before, optimizer.variables, strict=True))


def test_saved_models_load_in_another_process(run_python, tmp_path, problem):
    """Keras finds the classes once one of them was imported, and says so before."""
    X, y, rates, _ = problem
    train(one_cycle_sgd(base_momentum=0.7), X, y, path=tmp_path / "model.keras")
    code = """
import sys, keras
try:
    keras.models.load_model(sys.argv[1])
except TypeError as error:
    print(str(error).split(".")[0])
import ch11lib.one_cycle
loaded = keras.models.load_model(sys.argv[1]).optimizer
print(type(loaded).__name__, loaded.base_momentum, float(loaded.learning_rate))
"""
    first, second = run_python("-c", code, str(tmp_path / "model.keras")).stdout.splitlines()
    assert first == "Could not locate class 'OneCycleSGD'"
    name, momentum, rate = second.split()
    assert (name, momentum) == ("OneCycleSGD", "0.7")
    assert float(rate) == pytest.approx(rates[len(rates) // 2], rel=1e-5)
