"""The schedules are Keras's and PyTorch's, at every step."""

import json
import math

import numpy as np
import pytest
from conftest import ROOT
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ch11lib import learning_rate_schedules as lrs
from ch11lib.one_cycle import OneCycle, OneCycleSGD

STEPS = np.arange(0, 60)
REFERENCE = json.loads(
    (ROOT / "tests/library/data/one_cycle_reference.json").read_text(encoding="utf-8")
)
CASES = REFERENCE["schedules"]
SHAPE = {"pct_start", "anneal_strategy", "three_phase", "total_steps"}
RATE = SHAPE | {"div_factor", "final_div_factor"}
MOMENTUM = SHAPE | {"base_momentum", "max_momentum"}
KERAS = [  # ours takes the same arguments
    ("InverseTimeDecay", lrs.power, (0.3, 7, 1.0), {}),
    ("ExponentialDecay", lrs.exponential, (0.3, 20, 0.1), {}),
    ("ExponentialDecay", lrs.exponential, (0.3, 20, 0.1, True), {}),
    ("PiecewiseConstantDecay", lrs.piecewise_constant, ([20, 40], [0.3, 0.2, 0.1]), {}),
    ("CosineDecay", lrs.cosine, (0.3, 50), {}),
    ("CosineDecay", lrs.cosine, (0.3, 50, 0.1), {}),
    ("CosineDecay", lrs.cosine, (0.0, 30, 0.2), {"warmup_target": 0.5, "warmup_steps": 15}),
    ("CosineDecay", lrs.cosine, (0.1, 30), {"warmup_target": 0.5, "warmup_steps": 15}),
    ("CosineDecay", lrs.cosine, (0.1, 30), {"warmup_target": 0.5}),
    ("CosineDecayRestarts", lrs.cosine_restarts, (0.3, 7), {}),
    ("CosineDecayRestarts", lrs.cosine_restarts, (0.3, 7, 1.5, 0.8, 0.1), {}),
    ("CosineDecayRestarts", lrs.cosine_restarts, (0.3, 7, 1.0, 0.8, 0.1), {}),
]


def only(names, case):
    return {name: value for name, value in case.items() if name in names}


@pytest.mark.parametrize(("name", "function", "arguments", "options"), KERAS)
def test_equals_keras_at_every_step(name, function, arguments, options):
    import keras

    schedule = getattr(keras.optimizers.schedules, name)(*arguments, **options)
    rates = function(STEPS, *arguments, **options)
    assert rates.dtype == float
    np.testing.assert_allclose(rates, [float(schedule(s)) for s in STEPS], rtol=1e-5, atol=1e-7)
    one_by_one = [function(int(s), *arguments, **options) for s in STEPS]
    np.testing.assert_allclose(one_by_one, rates, rtol=1e-12)
    matrix = function(STEPS.reshape(6, 10), *arguments, **options)
    np.testing.assert_array_equal(matrix, rates.reshape(6, 10))


def test_power_falls_to_fractions():
    """1/2, 1/3, 1/4 after one, two, three times decay_steps; with a power, of that."""
    np.testing.assert_allclose(lrs.power([0, 20, 40, 60], 6, 20), [6, 3, 2, 1.5])
    np.testing.assert_allclose(lrs.power([0, 20, 40, 60], 6, 20, 0.5) ** 2, [36, 18, 12, 9])


def test_steps_of_fashion_mnist():
    assert lrs.steps_per_epoch(55_000, 32) == 1_719
    assert 20 * lrs.steps_per_epoch(55_000, 32) == 34_380 != math.ceil(20 * 55_000 / 32)
    assert lrs.steps_per_epoch(64, 32) == 2


@pytest.mark.parametrize("stored", CASES, ids=lambda stored: str(list(stored["case"].values())))
def test_one_cycle_equals_pytorch_at_every_step(stored):
    """NumPy in double precision; the Keras schedule in float32, eager and compiled."""
    import tensorflow as tf

    case, maximum = stored["case"], REFERENCE["max_learning_rate"]
    steps = np.arange(case["total_steps"])
    rates = lrs.one_cycle(steps, maximum, **only(RATE, case))
    np.testing.assert_allclose(rates, stored["learning_rate"], rtol=1e-9)
    momenta = lrs.one_cycle_momentum(steps, **only(MOMENTUM, case))
    np.testing.assert_allclose(momenta, stored["momentum"], rtol=1e-9)
    later = len(steps) + np.arange(3)
    end = lrs.one_cycle(later, maximum, **only(RATE, case)) / maximum
    assert end * case.get("div_factor", 25) * case.get("final_div_factor", 1e4) == pytest.approx(1)
    last = case.get("max_momentum", 0.95)
    assert (lrs.one_cycle_momentum(later, **only(MOMENTUM, case)) == last).all()

    schedule = OneCycle(maximum, **only(RATE, case))
    expected = lrs.one_cycle(np.arange(len(steps) + 3), maximum, **only(RATE, case))
    compiled = tf.function(schedule)
    for step, rate in enumerate(expected):
        assert float(schedule(step)) == pytest.approx(rate, rel=1e-5)
        assert float(compiled(tf.constant(step, "int64"))) == pytest.approx(rate, rel=1e-5)


def test_one_cycle_without_a_rise_or_a_fall():
    """Where a phase takes no step at all; PyTorch divides by zero in the first case."""
    np.testing.assert_allclose(
        lrs.one_cycle(range(4), 1, 4, 0.25, "linear"), [1, 2 / 3, 1 / 3, 0], atol=1e-5
    )
    np.testing.assert_allclose(lrs.one_cycle([0, 3, 4], 1, 4, 1.0), [1 / 25, 1, 4e-6], rtol=1e-9)
    np.testing.assert_allclose(lrs.one_cycle_momentum([0, 3], 4, pct_start=0.25), [0.85, 0.95])


@settings(max_examples=100, deadline=None)
@given(
    total_steps=st.integers(1, 500),
    share=st.floats(0, 1),
    strategy=st.sampled_from(["cos", "linear"]),
    three_phase=st.booleans(),
    factor=st.floats(1, 1e12),
)
@example(total_steps=75, share=0.5, strategy="linear", three_phase=False, factor=3.0)
def test_one_cycle_stays_between_its_values(total_steps, share, strategy, three_phase, factor):
    """Never negative nor above the maximum; rate and momentum move against each other."""
    shape = (share / 2 if three_phase else share), strategy
    steps = np.arange(total_steps + 20)
    rates = lrs.one_cycle(steps, 0.4, total_steps, *shape, 25.0, factor, three_phase)
    assert rates.min() >= 0.4 / 25 / factor * (1 - 1e-9)
    assert rates.max() <= 0.4
    assert len(set(rates[total_steps:])) == 1
    momenta = lrs.one_cycle_momentum(steps, total_steps, 0.85, 0.95, *shape, three_phase)
    assert 0.85 <= momenta.min() <= momenta.max() <= 0.95
    top = shape[0] * total_steps - 1  # often between two steps; that one step has both slopes
    turns = (top, 2 * top) if three_phase else (top,)
    across = np.any([(steps[:-1] < turn) & (turn < steps[1:]) for turn in turns], axis=0)
    assert (np.diff(rates) * np.diff(momenta))[~across].max() <= 1e-15


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: lrs.steps_per_epoch(0, 1), "n_instances is 0"),
        (lambda: lrs.steps_per_epoch(1, 0), "batch_size is 0"),
        (lambda: lrs.boundaries([1], 0), "steps_per_epoch is 0"),
        (lambda: lrs.boundaries([0, 1], 5), r"epochs is \[0, 1\]; it must increase"),
        (lambda: lrs.boundaries([2, 2], 5), r"epochs is \[2, 2\]; it must increase"),
        (lambda: lrs.boundaries([2, 4], 5, 4), r"epochs is \[2, 4\]; it must be below 4"),
        (lambda: lrs.power(-1, 1, 1), "step is -1"),
        (lambda: lrs.power([0, math.nan], 1, 1), "step is nan"),
        (lambda: lrs.power(0, 0, 1), "initial is 0"),
        (lambda: lrs.power(0, math.inf, 1), "initial is inf"),
        (lambda: lrs.power(0, 1, math.nan), "decay_steps is nan"),
        (lambda: lrs.power(0, 1, 1, 0), "power is 0"),
        (lambda: lrs.exponential(0, 1, 1, -1), "decay_rate is -1"),
        (lambda: lrs.piecewise_constant(0, [2, 1], [1, 1, 1]), r"boundaries is \[2, 1\]"),
        (lambda: lrs.piecewise_constant(0, [1], [1]), r"values is \[1\]; it must hold 2"),
        (lambda: lrs.piecewise_constant(0, [1], [1, 0]), "values is 0"),
        (lambda: lrs.cosine(0, 0, 1), "initial is 0"),
        (lambda: lrs.cosine(0, -1, 1, warmup_target=1), "initial is -1"),
        (lambda: lrs.cosine(0, 1, 1, warmup_target=0), "warmup_target is 0"),
        (lambda: lrs.cosine(0, 1, 1, warmup_steps=5), "warmup_steps is 5; it must be 0 without"),
        (lambda: lrs.cosine(0, 1, 0), "decay_steps is 0"),
        (lambda: lrs.cosine(0, 1, 1, 1.5), "alpha is 1.5"),
        (lambda: lrs.cosine_restarts(0, 1, 0), "first_decay_steps is 0"),
        (lambda: lrs.cosine_restarts(0, 1, 1, 0.5), "t_mul is 0.5"),
        (lambda: lrs.cosine_restarts(0, 1, 1, m_mul=0), "m_mul is 0"),
        (lambda: lrs.cosine_restarts(0, 1, 1, alpha=-1), "alpha is -1"),
        (lambda: lrs.one_cycle(0, 0, 1), "max_learning_rate is 0"),
        (lambda: lrs.one_cycle(0, 1, 0), "total_steps is 0"),
        (lambda: lrs.one_cycle(0, 1, 1, 1.1), "pct_start is 1.1; it must be from 0 to 1"),
        (lambda: OneCycle(1, 1, 0.6, three_phase=True), "0.6; it must be from 0 to 0.5 with"),
        (lambda: OneCycle(1, 1, anneal_strategy="exp"), "anneal_strategy is 'exp'"),
        (lambda: OneCycle(1, 1, div_factor=0.5), "div_factor is 0.5"),
        (lambda: OneCycle(1, 1, final_div_factor=math.nan), "final_div_factor is nan"),
        (lambda: lrs.one_cycle_momentum(0, 1, base_momentum=-1), "base_momentum is -1"),
        (lambda: OneCycleSGD(OneCycle(1, 1), 0.8, math.nan), "max_momentum is nan"),
        (lambda: OneCycleSGD(0.1), "learning_rate is 0.1; it must be a OneCycle"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
