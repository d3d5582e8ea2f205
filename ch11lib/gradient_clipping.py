"""Gradient clipping by value, by norm and by global norm. NumPy only.

Lesson: *Gradient clipping*. The three functions are named as the arguments of
every Keras optimizer. A gradient is a list of arrays, one per variable; None
stands for a variable that the loss does not depend on.

The cliff is the error surface of figure 6 in Pascanu, Mikolov and Bengio
(2013), "On the difficulty of training recurrent neural networks": one
recurrent unit, x_t = w σ(x_(t−1)) + b, and the loss (σ(x_50) − 0.7)².
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from ch11lib import _checks

__all__ = [
    "Cliff",
    "clipnorm",
    "clipvalue",
    "cliff",
    "descend",
    "global_clipnorm",
    "global_norm",
]

Array = NDArray[np.floating[Any]]
Gradients = Sequence[ArrayLike | None]
Clipped = list[Array | None]
START, TARGET = 0.5, 0.7  # x_0, and the value that σ(x_50) should have


def _arrays(gradients: Gradients) -> Clipped:
    """Return the gradients as arrays of float64, None as None."""
    return [None if g is None else np.asarray(g, float) for g in gradients]


def _factor(norm: float, threshold: float) -> float:
    """Return what a gradient of this norm is multiplied by; NaN if the norm is NaN."""
    return 1.0 if norm <= threshold else threshold / norm


def global_norm(gradients: Gradients) -> float:
    """Return the Euclidean norm of all gradients laid end to end, √(Σ g²).

    Parameters
    ----------
    gradients : sequence of array_like or None
        One per variable, of any shapes.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If there is no array among the gradients.

    Examples
    --------
    >>> global_norm([[3.0], None, [[4.0]]])
    5.0
    """
    arrays = [g for g in _arrays(gradients) if g is not None]
    if not arrays:
        raise ValueError("gradients is empty; give one array per variable")
    return math.sqrt(sum(float(np.sum(g**2)) for g in arrays))


def clipvalue(gradients: Gradients, threshold: float) -> Clipped:
    """Cut every single entry to [−threshold, threshold].

    Parameters
    ----------
    gradients : sequence of array_like or None
        One per variable, of any shapes.
    threshold : float
        Above 0; ``math.inf`` clips nothing.

    Returns
    -------
    list of ndarray of float64, or None where the gradient is None
        Of the same shapes. NaN stays NaN.

    Raises
    ------
    ValueError
        If `threshold` is not positive.

    Notes
    -----
    Changes the direction of the gradient as soon as it cuts an entry, unless
    all entries are cut in proportion.

    Examples
    --------
    >>> clipvalue([[3.0, 4.0], None], threshold=1.0)
    [array([1., 1.]), None]
    """
    _checks.positive("threshold", threshold, infinity=True)
    return [None if g is None else np.clip(g, -threshold, threshold) for g in _arrays(gradients)]


def clipnorm(gradients: Gradients, threshold: float) -> Clipped:
    """Shorten each variable's gradient by itself to a norm of at most `threshold`.

    A gradient g becomes g · min(1, threshold / ‖g‖).

    Parameters
    ----------
    gradients : sequence of array_like or None
        One per variable, of any shapes.
    threshold : float
        Above 0; ``math.inf`` clips nothing.

    Returns
    -------
    list of ndarray of float64, or None where the gradient is None
        Of the same shapes. An array that holds NaN becomes NaN as a whole, as in Keras.

    Raises
    ------
    ValueError
        If `threshold` is not positive.

    Notes
    -----
    Keeps the direction within each variable, but not that of the whole
    gradient: a long part is shortened, a short part beside it is not.

    Examples
    --------
    >>> clipnorm([[3.0, 4.0], [0.1]], threshold=1.0)
    [array([0.6, 0.8]), array([0.1])]
    """
    _checks.positive("threshold", threshold, infinity=True)
    return [
        None if g is None else g * _factor(float(np.linalg.norm(g)), threshold)
        for g in _arrays(gradients)
    ]


def global_clipnorm(gradients: Gradients, threshold: float) -> Clipped:
    """Shorten the whole gradient to a norm of at most `threshold`.

    All arrays are multiplied by min(1, threshold / ‖g‖), where ‖g‖ is the
    `global_norm`.

    Parameters
    ----------
    gradients : sequence of array_like or None
        One per variable, of any shapes.
    threshold : float
        Above 0; ``math.inf`` clips nothing.

    Returns
    -------
    list of ndarray of float64, or None where the gradient is None
        Of the same shapes. If the norm is NaN or infinite, all become NaN, as in Keras.

    Raises
    ------
    ValueError
        If `threshold` is not positive, or there is no array among the gradients.

    Notes
    -----
    Keeps the direction. Pascanu, Mikolov and Bengio (2013), algorithm 1.

    Examples
    --------
    >>> global_clipnorm([[3.0], None, [4.0]], threshold=1.0)
    [array([0.6]), None, array([0.8])]
    """
    _checks.positive("threshold", threshold, infinity=True)
    norm = global_norm(gradients)
    factor = _factor(norm, threshold) if math.isfinite(norm) else math.nan
    return [None if g is None else g * factor for g in _arrays(gradients)]


class Cliff(NamedTuple):
    """What `cliff` returns; each array has the broadcast shape of w and b.

    Attributes
    ----------
    loss : ndarray
        (σ(x_T) − 0.7)².
    dw, db : ndarray
        ∂loss/∂w and ∂loss/∂b.

    Examples
    --------
    >>> cliff(w=[0.0, 6.0], b=0.0).dw.round(3)
    array([-0.05 ,  0.002])
    """

    loss: Array
    dw: Array
    db: Array


def cliff(w: ArrayLike, b: ArrayLike, steps: int = 50) -> Cliff:
    """Return loss and gradient of the one-unit recurrent network.

    From x_0 = 0.5 on, x_t = w σ(x_(t−1)) + b; the loss is (σ(x_T) − 0.7)².

    Parameters
    ----------
    w, b : array_like
        Recurrent weight and bias; they are broadcast.
    steps : int
        T, how often the unit feeds itself; at least 1.

    Returns
    -------
    Cliff

    Raises
    ------
    ValueError
        If `steps` is below 1.

    Notes
    -----
    The derivatives follow the same recursion as x: with s = σ(x),
    ∂x_t/∂w = s + w s (1 − s) ∂x_(t−1)/∂w, and likewise for b with 1 for s.

    Examples
    --------
    >>> cliff([0.0, 5.0], -2.0).loss.round(3)
    array([0.337, 0.056])
    """
    _checks.count("steps", steps)
    w, b = np.broadcast_arrays(np.asarray(w, float), np.asarray(b, float))
    x, dw, db = np.full(w.shape, START), np.zeros(w.shape), np.zeros(w.shape)
    for _ in range(steps):
        s = expit(x)
        slope = w * s * (1 - s)
        x, dw, db = w * s + b, s + slope * dw, 1 + slope * db
    s = expit(x)
    outer = 2 * (s - TARGET) * s * (1 - s)
    return Cliff((s - TARGET) ** 2, outer * dw, outer * db)


def descend(
    start: tuple[float, float],
    learning_rate: float,
    threshold: float = math.inf,
    n_steps: int = 80,
) -> Array:
    """Walk down the cliff by gradient descent with clipping by global norm.

    Parameters
    ----------
    start : tuple of float
        First (w, b).
    learning_rate : float
        Above 0.
    threshold : float
        Above 0; infinity, the default, clips nothing.
    n_steps : int
        At least 1.

    Returns
    -------
    ndarray, shape (n_steps + 1, 2)
        The points (w, b), the start first.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Examples
    --------
    >>> descend((0.0, 0.0), learning_rate=1.0, n_steps=1).round(3)
    array([[0.  , 0.  ],
           [0.05, 0.1 ]])
    """
    _checks.positive("learning_rate", learning_rate)
    _checks.positive("threshold", threshold, infinity=True)
    path = [np.asarray(start, float)]
    for _ in range(_checks.count("n_steps", n_steps)):
        _, dw, db = cliff(*path[-1])
        gradient = np.array([dw, db])
        step = gradient * _factor(global_norm([gradient]), threshold)
        path.append(path[-1] - learning_rate * step)
    return np.stack(path)
