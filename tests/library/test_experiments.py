"""Comparisons tune apart, repeat with seeds, and tell their spread."""

import random

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from ch11lib import experiments
from ch11lib.experiments import (
    RateTable,
    compare,
    median_and_range,
    paired_ratio,
    reinitialize,
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


def test_median_and_range():
    assert median_and_range([0.5, 0.25, 1.0]) == "0.500 (0.250 to 1.000, 3 runs)"
    assert median_and_range(np.array([[2.0]]), digits=1) == "2.0 (2.0 to 2.0, 1 run)"


# Student's data of 1908: hours of sleep gained with two drugs by ten patients. R says
# t.test(paired = TRUE): mean 1.58, 95 percent interval 0.7001142 to 2.4598858.
DRUG_1 = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
DRUG_2 = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]


def test_compare_gives_students_interval_for_students_data():
    found = compare("drug 2", DRUG_2, "drug 1", DRUG_1, unit="h", verb="lies", digits=2)
    np.testing.assert_allclose([found.difference, found.n], [1.58, 10])
    np.testing.assert_allclose([found.low, found.high], [0.7001142, 2.4598858], rtol=1e-6)
    assert str(found) == (
        "drug 2 lies 1.58 h above drug 1 (95% interval 0.70 to 2.46, 10 seeds): above."
    )


@pytest.mark.parametrize("confidence", [0.5, 0.99])
def test_compare_agrees_with_scipy(confidence, rng):
    a, b = rng.uniform(0.4, 0.6, (2, 7))
    for unit, scale, x, y in [("points", 100, a, b), ("", 1, a, b), ("times", 1, *np.log([a, b]))]:
        test = scipy.stats.ttest_rel(scale * x, scale * y)
        ends = np.array(test.confidence_interval(confidence))
        found = compare("A", a, "B", b, unit=unit, confidence=confidence)
        expected = np.exp(ends) if unit == "times" else ends
        np.testing.assert_allclose([found.low, found.high], expected, rtol=1e-6)
        assert found.told_apart == (test.pvalue < 1 - confidence)


@pytest.mark.parametrize(
    ("a", "b", "options", "sentence"),
    [
        ([0.81, 0.84, 0.82], [0.82, 0.80, 0.81], {},
         "SELU ends 1.3 points above ReLU (95% interval −4.9 to 7.6, 3 seeds): not told apart."),
        ([0.2, 0.3, 0.2], [0.8, 0.8, 0.8], {"confidence": 0.9},
         "SELU ends 56.7 points below ReLU (90% interval −66.4 to −46.9, 3 seeds): below."),
        ([2.0, 4.4], [1.0, 2.2], {"unit": "times", "verb": "trains"},
         "SELU trains at 2.00 times ReLU (95% interval 2.00 to 2.00, 2 seeds): above."),
        ([0.5, 0.5], [1.0, 1.0], {"unit": ""},
         "SELU ends 0.500 below ReLU (95% interval −0.500 to −0.500, 2 seeds): below."),
        ([0.5, 0.6], [0.5, 0.6], {},
         "SELU ends 0.0 points above ReLU (95% interval 0.0 to 0.0, 2 seeds): not told apart."),
        ([0.3, np.nan, 0.3, 0.4], [0.1, 0.1, 0.2, np.inf], {"unit": "", "digits": 2},
         "SELU ends 0.15 above ReLU (95% interval −0.49 to 0.79, 2 seeds; SELU diverged with 1; "
         "ReLU diverged with 1): not told apart."),
        ([0.3, 0.2], [0.1, np.nan], {"unit": ""},
         "SELU and ReLU (1 seed; ReLU diverged with 1): not told apart."),
    ],
)  # fmt: skip
def test_a_comparison_is_a_sentence(a, b, options, sentence):
    assert str(compare("SELU", a, "ReLU", b, **options)) == sentence


@pytest.mark.parametrize("unit", ["points", "times", "h"])
def test_methods_that_trade_places_trade_verdicts(unit):
    low, high = [0.1, 0.15, 0.2], [0.6, 0.65, 0.75]
    one, other = compare("A", high, "B", low, unit=unit), compare("B", low, "A", high, unit=unit)
    assert (one.above, one.below, one.verdict) == (True, False, "above")
    assert (other.above, other.below, other.verdict) == (False, True, "below")
    assert one.told_apart and other.told_apart


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


def test_set_random_seed_starts_all_that_is_drawn_again():
    """Also what counts its own draws: TensorFlow's kernels."""

    def draws():
        tensor = [float(tf.random.uniform(())) for _ in range(2)]
        keras_own = float(keras.random.uniform(()))
        return (*tensor, keras_own, random.random(), np.random.random())  # noqa: NPY002

    drawn = []
    for seed_all in (experiments.set_random_seed, keras.utils.set_random_seed) * 2:
        seed_all(1)
        drawn.append(draws())
    assert drawn == [drawn[0]] * 4
    assert len({*drawn[0]}) == 5
    experiments.set_random_seed(2)
    assert not {*draws()} & {*drawn[0]}


def test_paired_ratio_measures_a_known_ratio(monkeypatch):
    """On a clock that the two functions move: no machine is too busy for it."""
    clock = [0.0]

    def takes(seconds):
        return lambda: clock.__setitem__(0, clock[0] + seconds)

    monkeypatch.setattr(experiments, "perf_counter", lambda: clock[0])
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
        (lambda: median_and_range([]), "values is empty"),
        (lambda: compare("A", [1], "B", [1]), r"a has shape \(1,\) and b \(1,\)"),
        (lambda: compare("A", [1, 0], "B", [1, 0, 1]), r"a has shape \(2,\) and b \(3,\)"),
        (lambda: compare("A", [[1, 0]], "B", [[1, 0]]), r"a has shape \(1, 2\)"),
        (lambda: compare("A", [1, 0], "B", [1, 2]), r"b is \[1. 2.\]; .* from 0 to 1"),
        (lambda: compare("A", [1, 0], "B", [1, 2], unit="times"), r"a is \[1. 0.\]; .* > 0"),
        (lambda: compare("A", [1, 0], "B", [1, 0], confidence=1), "confidence is 1"),
        (lambda: compare("A", [1, 0], "B", [1, 0], digits=-1), "digits is -1"),
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
