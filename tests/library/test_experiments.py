"""Comparisons tune apart, repeat with seeds, and tell their spread."""

import time

import keras
import numpy as np
import pytest

from ch11lib.experiments import (
    RateTable,
    paired_ratio,
    reinitialize,
    spread,
    tuned_runs,
)
from ch11lib.models import build_mlp


def test_tuned_runs_picks_the_best_rate_with_a_seed_of_its_own():
    calls = []

    def run(rate, seed):
        calls.append((rate, seed))
        return [0.0, -abs(rate - 0.1) + seed / 100]

    tuned = tuned_runs(run, [0.01, 0.1, 1.0], seeds=[4, 5])
    assert calls == [(0.01, 0), (0.1, 0), (1.0, 0), (0.1, 4), (0.1, 5)]
    assert tuned.learning_rate == 0.1
    assert tuned.tried == pytest.approx({0.01: -0.09, 0.1: 0.0, 1.0: -0.9})
    np.testing.assert_allclose(tuned.results, [[0, 0.04], [0, 0.05]])


def test_a_nan_is_the_worst_rate():
    tuned = tuned_runs(lambda rate, seed: [np.nan if rate > 1 else -5.0], [10, 0.1], [1])
    assert tuned.learning_rate == 0.1


def test_spread():
    assert spread([0.5, 0.25, 1.0]) == "0.500 (0.250 to 1.000, 3 runs)"
    assert spread(np.array([[2.0]]), digits=1) == "2.0 (2.0 to 2.0, 1 runs)"


def small_model(optimizer):
    model = build_mlp([6], input_shape=(4,), n_classes=3)
    model.compile(loss="sparse_categorical_crossentropy", optimizer=optimizer)
    return model


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam", "adagrad", "nadam"])
def test_reinitialized_model_trains_like_a_new_one(name, rng):
    """Same loss curve to the digit, for optimizers with and without slots."""
    X = rng.standard_normal((60, 4)).astype(np.float32)
    y = rng.integers(0, 3, 60)

    def optimizer():
        return {
            "sgd": lambda: keras.optimizers.SGD(0.1),
            "momentum": lambda: keras.optimizers.SGD(0.1, momentum=0.9),
            "adam": lambda: keras.optimizers.Adam(0.1),
            "adagrad": lambda: keras.optimizers.Adagrad(0.1),
            "nadam": lambda: keras.optimizers.Nadam(0.1),
        }[name]()

    def losses(model):
        return model.fit(X, y, batch_size=20, epochs=3, verbose=0).history["loss"]

    used = small_model(optimizer())
    used.fit(X, y, epochs=2, verbose=0)
    reinitialize(used, seed=7)
    keras.utils.set_random_seed(7)
    reference = small_model(optimizer())
    start = [np.asarray(w) for w in used.get_weights()]
    reference.set_weights(start)
    keras.utils.set_random_seed(8)
    first = losses(used)
    keras.utils.set_random_seed(8)
    np.testing.assert_allclose(first, losses(reference), rtol=1e-6)

    reinitialize(used, seed=7)
    for again, before in zip(used.get_weights(), start, strict=True):
        np.testing.assert_array_equal(again, before)
    reinitialize(used, seed=9, learning_rate=0.025)
    assert float(used.optimizer.learning_rate) == pytest.approx(0.025)
    assert not np.allclose(used.get_weights()[0], start[0])


def test_networks_with_noise_train_alike_whenever_they_were_built():
    """The random state of a dropout layer is no weight: set_weights leaves it."""
    X, y = np.ones((60, 4), np.float32), np.arange(60) % 3
    losses = []
    for _ in range(2):  # built without a seed
        noisy = [keras.layers.Dropout(0.5), keras.layers.GaussianNoise(0.3)]
        model = keras.Sequential([keras.Input((4,)), *noisy, keras.layers.Dense(3, "softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy")
        for _ in range(2):  # and used before
            reinitialize(model, seed=7)
            losses.append(model.fit(X, y, epochs=3, verbose=0, shuffle=False).history["loss"])
    assert losses == [losses[0]] * 4


def test_a_fresh_start_shuffles_as_after_set_random_seed(rng):
    """Keras takes the order of arrays from TensorFlow's seed."""
    X, y = rng.standard_normal((60, 4)).astype(np.float32), rng.integers(0, 3, 60)
    model, losses = small_model("sgd"), []
    for seeded_by_keras in (False, True, False):
        reinitialize(model, seed=7)
        if seeded_by_keras:
            keras.utils.set_random_seed(7)
        fit = model.fit(X, y, batch_size=20, epochs=3, verbose=0)
        losses.append(fit.history["loss"])
    assert losses[0] == losses[1] == losses[2]


def test_paired_ratio_measures_a_known_ratio(monkeypatch):
    """On a clock that the two functions move: no machine is too busy for it."""
    clock = [0.0]

    def takes(seconds):
        return lambda: clock.__setitem__(0, clock[0] + seconds)

    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    ratios = paired_ratio(takes(0.75), takes(0.25), repeats=5)
    np.testing.assert_allclose(ratios, [3.0] * 5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tuned_runs(lambda r, s: [1], [], [1]), "learning_rates is empty"),
        (lambda: tuned_runs(lambda r, s: [1], [1], []), r"seeds is \[\]"),
        (lambda: tuned_runs(lambda r, s: [1], [1], [1, 1]), r"seeds is \[1, 1\]"),
        (lambda: tuned_runs(lambda r, s: [1], [1], [0, 1]), "other than 0"),
        (lambda: tuned_runs(lambda r, s: [1] * (s + 1), [1], [1, 2]), "they must agree"),
        (lambda: spread([]), "values is empty"),
        (lambda: paired_ratio(int, int, 2), "repeats is 2"),
        (lambda: reinitialize(build_mlp([2]), 1), "not compiled"),
        (lambda: reinitialize(small_model("sgd"), 1, learning_rate=0.0), "learning_rate is 0.0"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_rate_table_is_followed_step_for_step_and_can_be_filled_anew():
    """The compiled training step reads the rates of now."""
    table, one = RateTable(np.zeros(6)), np.ones((1, 1), "float32")
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile(keras.optimizers.SGD(table), loss=lambda y, p: p)  # a gradient of 1
    for rates in ([0.5, 0.25, 0.125], [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]):
        table.assign(rates)
        model.set_weights([one])
        model.optimizer.iterations.assign(0)
        for total in np.cumsum(rates):
            model.train_on_batch(one, one)
            assert 1 - model.get_weights()[0].item() == pytest.approx(total, rel=1e-6)
    table.assign([3.0, 7.0])
    assert [float(table(step)) for step in (0, 1, 2, 5, 99)] == [3, 7, 7, 7, 7]


def test_rate_table_survives_serialization():
    table = RateTable([1.0, 2.0, 3.0])
    table.assign([4.0, 5.0])
    again = keras.optimizers.schedules.deserialize(keras.optimizers.schedules.serialize(table))
    assert [float(again(step)) for step in range(3)] == [4, 5, 5]


@pytest.mark.parametrize("rates", [[], 0.1, [[0.1, 0.2]]])
def test_rate_table_wants_one_row(rates):
    with pytest.raises(ValueError, match=r"rates has shape .*; it must be one row"):
        RateTable(rates)


def test_rate_table_has_its_size():
    with pytest.raises(ValueError, match="rates has 3 entries; the table has room for 2"):
        RateTable([1, 2]).assign([1, 2, 3])


SLOW_LOOP = """
import time
from ch11lib.experiments import progress
assert list(progress(iter(range(3)))) == [0, 1, 2]
for item in progress(["a", "b", "c"], "letters"):
    time.sleep(1.1)
print("done", end="")
"""


def test_progress_comes_after_two_seconds_and_goes(run_python):
    said = run_python("-c", SLOW_LOOP, TQDM_DISABLE="").stdout
    assert "letters:" in said and "2/3" in said
    assert said.splitlines()[-1].endswith("done")
    assert said.splitlines()[-2].strip() == "", "the bar is wiped out at the end"


def test_no_progress_where_outputs_are_stored(run_python):
    assert run_python("-c", SLOW_LOOP, TQDM_DISABLE="1").stdout == "done"
