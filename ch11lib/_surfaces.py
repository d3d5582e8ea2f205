"""Functions of two parameters, and the walk down them.

Everything public here is also in `ch11lib.optimizers`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import rosen, rosen_der

if TYPE_CHECKING:
    from ch11lib.optimizers import Rule

__all__ = ["SURFACES", "Surface", "minimize", "surface"]

Array = NDArray[np.floating[Any]]
Point = tuple[float, float]
CONDITION_NUMBER = 50.0  # of the ravine: its curvatures are 1 along x and 50 along y


def minimize(
    rule: "Rule", gradient_function: Callable[[Array], ArrayLike], start: ArrayLike, n_steps: int
) -> Array:
    """Walk down a function and return the path.

    Parameters
    ----------
    rule : Rule
    gradient_function : callable
        Takes θ of shape (d,) and returns a gradient of this shape, as
        `Surface.gradient` does.
    start : array_like, shape (d,)
    n_steps : int
        At least 1.

    Returns
    -------
    ndarray, shape (n_steps + 1, d)
        The start, and where each step led. A path that diverges ends in
        infinities and NaN, without a warning.

    Raises
    ------
    ValueError
        If `start` has another number of dimensions, or `n_steps` is below 1.
    """
    if not n_steps >= 1:
        raise ValueError(f"n_steps is {n_steps}; it must be >= 1")
    theta = np.asarray(start, float)
    if theta.ndim != 1:
        raise ValueError(f"start has shape {theta.shape}; it must be (d,)")
    path, state = [theta], rule.init(theta)
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(n_steps):
            theta, state = rule.step(theta, gradient_function(theta), state)
            path.append(theta)
    return np.stack(path)


@dataclass(frozen=True)
class Surface:
    """A loss over the plane, with its gradient.

    Attributes
    ----------
    name : str
    value, gradient : callable
        Take a point (x, y): an array of shape (2,), or two arrays that
        broadcast together, such as the axes of a grid. They return arrays of
        the broadcast shape, the gradient with ∂/∂x and ∂/∂y stacked first.
    minima : tuple of (x, y)
        Every point where the value is lowest.
    start : (x, y)
        A place from which the way to a minimum is instructive.
    limits : ((x_low, x_high), (y_low, y_high))
        What a plot should show.
    """

    name: str
    value: Callable[[ArrayLike], Array]
    gradient: Callable[[ArrayLike], Array]
    minima: tuple[Point, ...]
    start: Point
    limits: tuple[Point, Point]


def _xy(point: Any) -> Array:
    """Return the coordinates of one point, or of each in a grid, as one array."""
    x, y = (np.asarray(coordinate, float) for coordinate in point)
    return np.stack(np.broadcast_arrays(x, y))


def _ravine(point: ArrayLike) -> Array:
    """½ (x² + 50 y²): steep across, nearly flat along."""
    x, y = _xy(point)
    return np.asarray((x**2 + CONDITION_NUMBER * y**2) / 2)


def _ravine_gradient(point: ArrayLike) -> Array:
    x, y = _xy(point)
    return np.stack([x, CONDITION_NUMBER * y])


def _saddle(point: ArrayLike) -> Array:
    """½ x² − ½ y² + ¼ y⁴: a saddle point at (0, 0) between two minima."""
    x, y = _xy(point)
    return np.asarray((x**2 - y**2) / 2 + y**4 / 4)


def _saddle_gradient(point: ArrayLike) -> Array:
    x, y = _xy(point)
    return np.stack([x, y**3 - y])


def _rosenbrock(point: ArrayLike) -> Array:
    """100 (y − x²)² + (1 − x)²: a curved valley with a flat floor."""
    return np.asarray(rosen(_xy(point)))


def _rosenbrock_gradient(point: ArrayLike) -> Array:
    xy = _xy(point)
    return np.asarray(rosen_der(xy.reshape(2, -1))).reshape(xy.shape)


BEALE = ((1, 1.5), (2, 2.25), (3, 2.625))


def _beale(point: ArrayLike) -> Array:
    """Σ_k (c_k − x + x y^k)², k = 1, 2, 3: plateaus between steep walls."""
    x, y = _xy(point)
    return np.asarray(sum((c - x + x * y**k) ** 2 for k, c in BEALE))


def _beale_gradient(point: ArrayLike) -> Array:
    x, y = _xy(point)
    parts = [2 * (c - x + x * y**k) * np.stack([y**k - 1, k * x * y ** (k - 1)]) for k, c in BEALE]
    return np.asarray(sum(parts))


SURFACES = {
    surface.name: surface
    for surface in (
        Surface("ravine", _ravine, _ravine_gradient, ((0, 0),), (-4.0, 1.0), ((-5, 5), (-2, 2))),
        Surface(
            "saddle",
            _saddle,
            _saddle_gradient,
            ((0, -1), (0, 1)),
            (1.5, 0.001),
            ((-2, 2), (-1.6, 1.6)),
        ),
        Surface(
            "rosenbrock",
            _rosenbrock,
            _rosenbrock_gradient,
            ((1, 1),),
            (-1.2, 1.0),
            ((-2, 2), (-1, 3)),
        ),
        Surface(
            "beale",
            _beale,
            _beale_gradient,
            ((3, 0.5),),
            (1.0, 1.5),
            ((-4.5, 4.5), (-4.5, 4.5)),
        ),
    )
}


def surface(name: str) -> Surface:
    """Return the surface called `name`.

    Parameters
    ----------
    name : str
        "ravine", an ill-conditioned quadratic; "saddle"; "rosenbrock"; or
        "beale".

    Raises
    ------
    ValueError
        If there is no such surface.
    """
    if name not in SURFACES:
        raise ValueError(f"name is {name!r}; it must be one of {sorted(SURFACES)}")
    return SURFACES[name]
