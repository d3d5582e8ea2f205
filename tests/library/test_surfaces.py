"""The surfaces of the optimizers' lesson, and walks down them."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import approx_fprime, minimize, rosen

from ch11lib import optimizers as opt
from ch11lib import surfaces
from ch11lib.surfaces import SURFACES

NAMES = sorted(SURFACES)
DOWN = {"ravine": 0.02, "saddle": 0.1, "rosenbrock": 1e-3, "beale": 0.002}
points = arrays(float, 2, elements=st.floats(-2, 2))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=30, deadline=None)
@given(point=points)
def test_gradient_equals_finite_differences(name, point):
    surface = SURFACES[name]
    numeric = approx_fprime(point, lambda p: float(surface.value(p)), 1e-7)
    np.testing.assert_allclose(surface.gradient(point), numeric, rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize("name", NAMES)
def test_minima(name):
    """The gradient is 0, no value around is lower, and SciPy finds one of them."""
    surface = SURFACES[name]
    around = np.random.default_rng(0).uniform(-1, 1, (2, 2000))
    for minimum in surface.minima:
        np.testing.assert_allclose(surface.gradient(minimum), 0, atol=1e-12)
        assert surface.value(minimum) == pytest.approx(surface.value(surface.minima[0]), abs=1e-12)
        assert (surface.value(np.array(minimum)[:, None] + around) > surface.value(minimum)).all()
    found = minimize(surface.value, surface.start, jac=surface.gradient, method="BFGS").x
    assert min(math.dist(found, minimum) for minimum in surface.minima) < 1e-4


@pytest.mark.parametrize("name", NAMES)
def test_a_grid_is_many_points(name):
    surface, x, y = SURFACES[name], np.linspace(-2, 2, 5), np.linspace(-1, 1, 3)[:, None]
    value, gradient = surface.value((x, y)), surface.gradient((x, y))
    assert value.shape == (3, 5) and gradient.shape == (2, 3, 5)
    np.testing.assert_allclose(value, surface.value(np.stack(np.meshgrid(x, y))))
    assert value[2, 1] == pytest.approx(surface.value((x[1], y[2, 0])))
    np.testing.assert_allclose(gradient[:, 2, 1], surface.gradient((x[1], y[2, 0])))


@pytest.mark.parametrize("name", NAMES)
def test_start_and_minima_are_in_the_picture(name):
    surface = SURFACES[name]
    for point in (surface.start, *surface.minima):
        assert all(low < z < high for z, (low, high) in zip(point, surface.limits, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_momentum_leads_from_the_start_to_a_minimum(name):
    surface = SURFACES[name]
    rule = opt.SGD(DOWN[name], momentum=0.9)
    path = surfaces.minimize(rule, surface.gradient, surface.start, 3000)
    assert min(math.dist(path[-1], minimum) for minimum in surface.minima) < 1e-3


def test_named_forms():
    """Condition number 50; a saddle point at 0; SciPy's Rosenbrock; Beale's 14.203125 at 0."""
    steps = np.array([approx_fprime([1, 1], SURFACES["ravine"].gradient, 1e-3)])
    assert np.linalg.cond(steps[0]) == pytest.approx(50)
    saddle = approx_fprime([0, 0], SURFACES["saddle"].gradient, 1e-6)
    np.testing.assert_allclose(np.linalg.eigvalsh(saddle), [-1, 1], atol=1e-5)
    assert SURFACES["rosenbrock"].value((0.3, 0.7)) == pytest.approx(rosen([0.3, 0.7]))
    assert SURFACES["beale"].value((0, 0)) == pytest.approx(14.203125)


@pytest.mark.parametrize(
    ("learning_rate", "factors"),
    [(0.01, (0.99, 0.5)), (0.02, (0.98, 0.0)), (0.041, (0.959, -1.05))],
)
def test_descent_on_the_ravine_is_geometric(learning_rate, factors):
    surface = SURFACES["ravine"]
    path = surfaces.minimize(opt.SGD(learning_rate), surface.gradient, surface.start, 20)
    expected = np.array(surface.start) * np.array(factors) ** np.arange(21)[:, None]
    np.testing.assert_allclose(path, expected, atol=1e-12)


def test_nesterov_is_sutskevers_look_ahead():
    slope = SURFACES["ravine"].gradient
    theta, m, ahead = np.array([-4.0, 1.0]), np.zeros(2), []
    for _ in range(30):
        m = 0.9 * m - 0.01 * slope(theta + 0.9 * m)
        theta = theta + m
        ahead.append(theta + 0.9 * m)
    path = surfaces.minimize(opt.SGD(0.01, 0.9, nesterov=True), slope, (-4.0, 1.0), 30)
    np.testing.assert_allclose(path[1:], ahead, rtol=1e-9)


def test_centered_rmsprop_survives_a_constant_gradient():
    """Rounding makes some of the variances, which go to 0, negative."""
    rule, g = opt.RMSprop(0.01, centered=True), 1e8 * np.linspace(1, 2, 50)
    assert np.isfinite(surfaces.minimize(rule, lambda _: g, np.zeros(50), 400)).all()


@pytest.mark.filterwarnings("error")
def test_divergence_is_silent():
    path = surfaces.minimize(opt.SGD(10.0), SURFACES["beale"].gradient, (3.0, 3.0), 20)
    assert path.shape == (21, 2) and not np.isfinite(path[-1]).any()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: surfaces.minimize(opt.SGD(), np.asarray, [1.0], 0), "n_steps is 0"),
        (lambda: surfaces.minimize(opt.SGD(), np.asarray, 1.0, 1), r"start has shape \(\)"),
        (lambda: surfaces.minimize(opt.SGD(), np.sum, [1.0, 1.0], 1), "gradient has shape"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
