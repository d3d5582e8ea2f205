"""Functions of two parameters, and the walk of an optimizer down them.

Lesson: *Optimizers*. NumPy only. `SURFACES` holds four losses that show where
optimizers differ; `minimize` walks down these or any other function by a rule of
`ch11lib.optimizers`, and returns the path.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import rosen, rosen_der

from ch11lib import _checks

__all__ = ["SURFACES", "Surface", "minimize"]

Array = NDArray[np.floating[Any]]
Point = tuple[float, float]
CONDITION_NUMBER = 50.0  # of the ravine: its curvatures are 1 along x and 50 along y


class UpdateRule(Protocol):
    """What `minimize` needs of a rule; all in `ch11lib.optimizers` have it."""

    def init(self, theta: ArrayLike) -> dict[str, Any]:
        """Return the state before the first step."""

    def step(
        self, theta: ArrayLike, gradient: ArrayLike, state: dict[str, Any]
    ) -> tuple[Array, dict[str, Any]]:
        """Return θ and the state after one step."""


def minimize(
    rule: UpdateRule,
    gradient_function: Callable[[Array], ArrayLike],
    start: ArrayLike,
    n_steps: int,
) -> Array:
    """Walk down a function and return the path.

    Step t takes the gradient at θ_(t−1) and lets the rule change θ:
    θ_t, state ← rule.step(θ_(t−1), ∇f(θ_(t−1)), state).

    Parameters
    ----------
    rule : ch11lib.optimizers.Rule
        Or any object with the methods `init` and `step` of one.
    gradient_function : callable
        Takes θ of shape (d,) and returns a gradient of this shape, as
        `Surface.gradient` does.
    start : array_like, shape (d,)
    n_steps : int
        At least 1.

    Returns
    -------
    ndarray of float64, shape (n_steps + 1, d)
        The start, and where each step led. A path that diverges ends in
        infinities and NaN, without a warning.

    Raises
    ------
    ValueError
        If `start` has another number of dimensions, `n_steps` is below 1, or a
        gradient has not the shape of `start`.

    Examples
    --------
    >>> from ch11lib.optimizers import SGD
    >>> minimize(SGD(learning_rate=0.25), lambda theta: 2 * theta, start=[8.0], n_steps=3)
    array([[8.],
           [4.],
           [2.],
           [1.]])
    """
    _checks.count("n_steps", n_steps)
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

    Examples
    --------
    >>> ravine = SURFACES["ravine"]
    >>> float(ravine.value((2.0, 1.0))), ravine.gradient((2.0, 1.0)).tolist()
    (27.0, [2.0, 50.0])
    """

    name: str
    value: Callable[[ArrayLike], Array]
    gradient: Callable[[ArrayLike], Array]
    minima: tuple[Point, ...]
    start: Point
    limits: tuple[Point, Point]


def _xy(point: Any) -> Array:
    """Return x and y of one point, or of each point of a grid, stacked."""
    x, y = point
    return np.stack(np.broadcast_arrays(np.asarray(x, float), np.asarray(y, float)))


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


#: The four surfaces by name: "ravine", an ill-conditioned quadratic; "saddle";
#: "rosenbrock" (Rosenbrock, 1960); and "beale" (Beale, 1958).
#:
#: :meta hide-value:
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
