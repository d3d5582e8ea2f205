"""The rules do what Keras's optimizers do, and PyTorch's where the two agree."""

import json
import math
from dataclasses import asdict, replace

import numpy as np
import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st

from ch11lib import optimizers as opt
from ch11lib import surfaces
from ch11lib.optimizers import SGD, Adagrad, Adam, Adamax, AdamW, Nadam, RMSprop

RULES = [
    SGD(),
    SGD(0.03, momentum=0.9),
    SGD(0.03, momentum=0.5, nesterov=True),
    SGD(0.03, nesterov=True),
    Adagrad(),
    Adagrad(0.5, initial_accumulator_value=0.0, epsilon=0.01),
    RMSprop(),
    RMSprop(0.03, rho=0.5, momentum=0.9, epsilon=0.01),
    RMSprop(0.03, rho=0.8, momentum=0.5, epsilon=0.01, centered=True),
    Adam(),
    Adam(0.03, beta_1=0.5, beta_2=0.9, epsilon=0.1),
    AdamW(),
    AdamW(0.03, beta_1=0.8, beta_2=0.99, epsilon=0.01, weight_decay=0.5),
    Adamax(),
    Adamax(0.03, beta_1=0.5, beta_2=0.9, epsilon=0.1),
    Nadam(),
    Nadam(0.03, beta_1=0.5, beta_2=0.9, epsilon=0.1),
]
NO = 1e-30  # as epsilon: where it stands does not matter
SHAPES = {(): "float64", (6, 3): "float64", (2, 3, 2): "float32"}


def walk(rule, start, gradients):
    """Return the parameters after every step, whatever they are."""
    theta, state, path = start, rule.init(start), []
    for gradient in gradients:
        theta, state = rule.step(theta, gradient, state)
        path.append(theta)
    return np.array(path)


def hyperparameters(rule):
    """Return those that Keras has, too."""
    return {name: value for name, value in asdict(rule).items() if name != "momentum_decay"}


def keras_walk(rule, starts, dtypes, steps):
    """Return what Keras's optimizer makes of several variables, one path for each."""
    import keras

    optimizer = getattr(keras.optimizers, type(rule).__name__)(**hyperparameters(rule))
    variables = [keras.Variable(s, dtype=dtype) for s, dtype in zip(starts, dtypes, strict=True)]
    paths = [[] for _ in starts]
    for gradients in steps:
        optimizer.apply(gradients, variables)
        for path, variable in zip(paths, variables, strict=True):
            path.append(np.asarray(variable).astype(float))
    return [np.array(path) for path in paths]


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_equals_keras(rule, rng):
    """For 100 steps of gradients of many sizes; in the matrix, rows are mostly 0.

    Keras's learning rate and 1 - beta_2 are float32 even for float64 weights.
    """
    starts, steps = [rng.normal(size=shape) for shape in SHAPES], []
    for t in range(100):
        steps.append([10 ** rng.uniform(-3, 1, s) * rng.normal(size=s) for s in SHAPES])
        steps[t][1][(np.arange(6) % 4 != t % 4) | (np.arange(6) == 5)] = 0
    theirs = keras_walk(rule, starts, SHAPES.values(), steps)
    for i, dtype in enumerate(SHAPES.values()):
        ours = walk(rule, starts[i], [gradients[i] for gradients in steps])
        rtol, rounding = {"float64": (2e-5, 0), "float32": (1e-4, 3e-5)}[dtype]
        far = np.abs(ours - starts[i]).max()  # errors of past steps stay
        atol = rtol * far + rounding
        np.testing.assert_allclose(ours - starts[i], theirs[i] - starts[i], rtol, atol)


def test_defaults_are_those_of_keras():
    import keras

    for name, rule in opt.RULES.items():
        config = getattr(keras.optimizers, name)().get_config()
        ours = hyperparameters(rule())
        assert ours == pytest.approx({key: config[key] for key in ours})


def keras_slices_walk(rule, indices, gradients):
    """Return Keras's path for the gradients of an embedding: rows and their numbers."""
    import tensorflow as tf

    slices = zip(gradients, indices, strict=True)
    steps = [[tf.IndexedSlices(values, rows, (6, 3))] for values, rows in slices]
    return keras_walk(rule, [np.ones((6, 3))], ["float64"], steps)[0]


def dense(indices, gradients):
    whole = np.zeros((len(gradients), 6, 3))
    for t, (rows, values) in enumerate(zip(indices, gradients, strict=True)):
        np.add.at(whole[t], rows, values)
    return whole


@pytest.mark.parametrize("rule", [*RULES[1:3], Adagrad(), RMSprop(), Adam(), AdamW(), Nadam()])
def test_rows_without_gradient_count_as_zeros_in_keras(rule, rng):
    indices = [rng.choice(5, 2, replace=False) for _ in range(40)]
    gradients = rng.normal(size=(40, 2, 3))
    ours = walk(rule, np.ones((6, 3)), dense(indices, gradients))
    theirs = keras_slices_walk(rule, indices, gradients)
    np.testing.assert_allclose(theirs, ours, rtol=1e-5, atol=1e-5)


def test_keras_squares_the_gradients_of_a_repeated_row_one_by_one():
    """Four times the same row: √4 times the first step, though Adam's is always η."""
    indices, gradients = [np.zeros(4, int)], np.full((1, 4, 3), 0.7)
    for rule, ours, theirs in [(Adam(0.125, epsilon=NO), 0.125, 0.25), (SGD(0.125), 0.35, 0.35)]:
        path = walk(rule, np.ones((6, 3)), dense(indices, gradients))
        np.testing.assert_allclose(1 - path[0, 0], ours, rtol=1e-5)
        path = keras_slices_walk(rule, indices, gradients)
        np.testing.assert_allclose(1 - path[0, 0], theirs, rtol=1e-5)


@pytest.fixture(scope="module")
def reference():
    """What PyTorch and Optax do, stored by tests/library/data/make_optimizers_reference.py."""
    path = ROOT / "tests" / "library" / "data" / "optimizers_reference.json"
    return {
        key: value if key == "paths" else np.array(value)
        for key, value in json.loads(path.read_text(encoding="utf-8")).items()
    }


SAME = {
    "sgd": SGD(0.1),
    "sgd_momentum": SGD(0.1, 0.9),
    "sgd_nesterov": SGD(0.1, 0.9, nesterov=True),
    "adagrad": Adagrad(0.1, epsilon=NO),
    "rmsprop": RMSprop(0.1, momentum=0.5, epsilon=NO),
    "adam": Adam(0.1, epsilon=NO),
    "adamw": AdamW(0.1, epsilon=NO, weight_decay=0.2),
    "adamax": Adamax(0.1, epsilon=NO),
    "nadam": Nadam(0.1, epsilon=0.05, momentum_decay=0.004),
    "nadam_fast": Nadam(0.1, epsilon=0.05),
    "optax_nadam": Nadam(0.1, epsilon=0.05, momentum_decay=1e9),
    "optax_adagrad": Adagrad(0.1, epsilon=0.05),
    "optax_rmsprop": RMSprop(0.1, rho=0.8, momentum=0.5, epsilon=0.05, centered=True),
}


@pytest.mark.parametrize("case", SAME)
def test_equals_pytorch_or_optax(case, reference):
    ours = walk(SAME[case], reference["start"], reference["gradients"])
    np.testing.assert_allclose(ours, reference["paths"][case], rtol=1e-7, atol=1e-8)


def test_pytorch_has_epsilon_elsewhere(reference):
    """Formulas for PyTorch's step, from our state, which does not depend on ε."""
    start, g, epsilon = reference["start"], reference["gradients"], 0.05

    def states(rule):
        state = rule.init(start)
        for gradient in g:
            _, state = rule.step(start, gradient, state)
            yield gradient, state

    adagrad = [-0.1 * x / (np.sqrt(s["v"]) + epsilon) for x, s in states(Adagrad())]
    rmsprop = [-0.1 * x / (np.sqrt(s["v"]) + epsilon) for x, s in states(RMSprop())]
    u, adamax = np.zeros(4), []
    for x, s in states(Adamax()):
        u = np.maximum(0.999 * u, np.abs(x) + epsilon)
        adamax.append(-0.1 / (1 - 0.9 ** s["t"]) * s["m"] / u)
    for case, changes in {"adagrad": adagrad, "rmsprop": rmsprop, "adamax": adamax}.items():
        expected = reference["paths"][f"{case}_epsilon"]
        np.testing.assert_allclose(start + np.cumsum(changes, axis=0), expected, rtol=1e-9)


def test_pytorchs_epsilon_of_adam_is_ours_over_a_root(reference):
    theta, state = reference["start"], Adam().init(reference["start"])
    for t, gradient in enumerate(reference["gradients"], start=1):
        rule = Adam(0.1, epsilon=0.05 * math.sqrt(1 - 0.999**t))
        theta, state = rule.step(theta, gradient, state)
    np.testing.assert_allclose(theta, reference["paths"]["adam_epsilon"][-1], rtol=1e-9)


def test_a_new_learning_rate_changes_pytorchs_velocity_at_once(reference):
    theta, rule, path = reference["start"], SGD(0.1, 0.9), []
    state = rule.init(theta)
    for t, gradient in enumerate(reference["gradients"]):
        if t == reference["drop"]:
            rule, state = replace(rule, learning_rate=0.01), {**state, "m": state["m"] / 10}
        theta, state = rule.step(theta, gradient, state)
        path.append(theta)
    np.testing.assert_allclose(path, reference["paths"]["sgd_drop"], rtol=1e-9)


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize(("momentum", "times"), [(0.0, 1), (0.5, 2), (0.9, 10), (0.99, 100)])
def test_momentum_in_a_constant_gradient(momentum, times, nesterov):
    """t steps from rest reach 1 - momentum**t of the velocity at which friction balances it."""
    rule, g = SGD(0.1, momentum, nesterov), np.array([3.0, -0.5])
    steps = np.diff(surfaces.minimize(rule, lambda _: g, np.zeros(2), 3000), axis=0)
    np.testing.assert_allclose(-steps[-1], times * 0.1 * g, rtol=1e-6)
    reached = 1 - momentum ** (12 if nesterov else 11)
    np.testing.assert_allclose(-steps[10], reached * times * 0.1 * g, rtol=1e-6)


@given(beta=st.floats(0, 0.999), t=st.integers(1, 50))
def test_bias_correction_makes_the_average_of_a_constant_exact(beta, t):
    weights = (1 - beta) * beta ** np.arange(t)[::-1]
    assert opt.bias_correction(beta, t) * weights.sum() == pytest.approx(1)
    assert opt.bias_correction(beta, [t, t + 1])[0] == pytest.approx(1 / (1 - beta**t))


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_step_is_pure(rule):
    theta, g, state = np.ones((2, 3)), np.full((2, 3), 0.5), rule.init(np.ones((2, 3)))
    (first, new), (again, _) = (rule.step(theta, g, state) for _ in "ab")
    np.testing.assert_array_equal(first, again)
    assert (theta == 1).all() and (g == 0.5).all() and state["t"] == 0 and new["t"] == 1
    assert all((state[name] == 0).all() for name in rule.slots)
    assert first.dtype == np.float64


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: SGD(0), "learning_rate is 0; it must be finite and > 0"),
        (lambda: SGD(math.nan), "learning_rate is nan"),
        (lambda: SGD(math.inf), "learning_rate is inf"),
        (lambda: SGD(0.1, momentum=1), "momentum is 1; it must be from 0 to 1 .1 excluded"),
        (lambda: SGD(0.1, momentum=-0.1), "momentum is -0.1"),
        (lambda: Adagrad(initial_accumulator_value=-1), "initial_accumulator_value is -1"),
        (lambda: Adagrad(epsilon=0), "epsilon is 0"),
        (lambda: RMSprop(rho=math.nan), "rho is nan"),
        (lambda: Adam(beta_1=1), "beta_1 is 1"),
        (lambda: Adam(beta_2=-1), "beta_2 is -1"),
        (lambda: AdamW(weight_decay=-1), "weight_decay is -1; it must be finite and >= 0"),
        (lambda: AdamW(weight_decay=math.inf), "weight_decay is inf"),
        (lambda: Nadam(momentum_decay=0), "momentum_decay is 0"),
        (lambda: opt.bias_correction(1, 1), "beta is 1"),
        (lambda: opt.bias_correction(0.9, [1, 0]), "step is 0"),
        (lambda: opt.bias_correction(0.9, [1, math.nan]), "step is nan"),
        (lambda: SGD().step(np.ones(2), 1, SGD().init(np.ones(2))), r"gradient has shape \(\)"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
