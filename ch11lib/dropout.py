"""Dropout and alpha dropout, and the ensemble that dropout averages, in NumPy.

Lesson: *Dropout*. Both functions do what the layers of ``keras.layers`` do
during training; at inference neither does anything.
"""

import itertools
import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ch11lib.activations import SELU_ALPHA, SELU_SCALE

__all__ = [
    "ALPHA_PRIME",
    "alpha_dropout",
    "alpha_dropout_constants",
    "average_over_masks",
    "dropout",
    "std_after_dropout",
]

Array = NDArray[np.floating[Any]]
#: The value to which SELU saturates, α′ = −λα = −1.7581; alpha dropout sets
#: the dropped units to it.
ALPHA_PRIME = -SELU_SCALE * SELU_ALPHA
MOST_UNITS = 16  # 65,536 masks


def _check_rate(rate: float) -> None:
    """Raise unless something is left after dropping the share `rate`."""
    if not 0 <= rate < 1:
        raise ValueError(f"rate is {rate}; it must be from 0 to below 1")


def _kept(X: ArrayLike, rate: float, rng: np.random.Generator) -> tuple[Array, NDArray[np.bool_]]:
    """Return `X` as floats, and a mask that is True with probability 1 − rate."""
    _check_rate(rate)
    array = np.asarray(X)
    if not np.issubdtype(array.dtype, np.floating):
        array = array.astype(float)
    return array, rng.random(array.shape, np.float32) >= rate


def dropout(X: ArrayLike, rate: float, rng: np.random.Generator) -> Array:
    """Set each value to 0 with probability `rate`; divide the others by 1 − rate.

    The division keeps every unit's expected value, so that nothing has to be
    scaled at inference ("inverted dropout").

    Parameters
    ----------
    X : array_like
        Of any shape.
    rate : float
        Probability of dropping, from 0 to below 1.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of float, of the shape of `X`

    Raises
    ------
    ValueError
        If `rate` is out of range.

    Notes
    -----
    Hinton et al. (2012), arXiv:1207.0580, and Srivastava et al. (2014), JMLR
    15, who scale the weights at inference instead.
    """
    X, mask = _kept(X, rate, rng)
    return np.asarray(X * mask / X.dtype.type(1 - rate))


def std_after_dropout(rate: float, mean: float = 0.0, std: float = 1.0) -> float:
    """Return the standard deviation of a random variable after `dropout`.

    Parameters
    ----------
    rate : float
        From 0 to below 1.
    mean, std : float
        Of the variable before; `std` at least 0.

    Raises
    ------
    ValueError
        If `rate` or `std` is out of range.

    Notes
    -----
    Dropout keeps the mean μ and divides the second moment σ² + μ² by
    q = 1 − rate, so the variance becomes (σ² + μ²) / q − μ².
    """
    _check_rate(rate)
    if not std >= 0:
        raise ValueError(f"std is {std}; it must be >= 0")
    return math.sqrt((std**2 + mean**2) / (1 - rate) - mean**2)


def alpha_dropout_constants(rate: float) -> tuple[float, float]:
    """Return the a and b of alpha dropout's last step, x ↦ a x + b.

    Parameters
    ----------
    rate : float
        From 0 to below 1.

    Returns
    -------
    a, b : float

    Raises
    ------
    ValueError
        If `rate` is out of range.

    Notes
    -----
    Let x have mean 0 and variance 1 and be replaced by α′ with probability
    1 − q. The result has mean (1 − q) α′ and variance q + α′² q (1 − q); a and
    b bring them back to 0 and 1. Klambauer et al. (2017), arXiv:1706.02515,
    section "New dropout technique".
    """
    _check_rate(rate)
    q = 1 - rate
    a = (q + ALPHA_PRIME**2 * q * (1 - q)) ** -0.5
    return a, -a * (1 - q) * ALPHA_PRIME


def alpha_dropout(X: ArrayLike, rate: float, rng: np.random.Generator) -> Array:
    """Set each value to α′ with probability `rate`, then map x to a x + b.

    Keeps mean 0 and variance 1, which SELU needs.

    Parameters, returns and errors as in `dropout`.

    Notes
    -----
    Klambauer et al. (2017); a and b are those of `alpha_dropout_constants`.
    """
    X, mask = _kept(X, rate, rng)
    a, b = (X.dtype.type(constant) for constant in alpha_dropout_constants(rate))
    return np.asarray(a * np.where(mask, X, X.dtype.type(ALPHA_PRIME)) + b)


def average_over_masks(
    function: Callable[[Array], ArrayLike],
    x: ArrayLike,
    rate: float,
    mean: Literal["arithmetic", "geometric"] = "arithmetic",
) -> Array:
    """Average a network exactly over all 2ⁿ masks of its n dropped units.

    Without dropout the network computes ``function(x)``: one pass that stands
    for the whole ensemble, the weight-scaling approximation.

    Parameters
    ----------
    function : callable
        The part of the network behind the dropout. Takes an array of shape
        (2ⁿ, n) and returns one of shape (2ⁿ, n_outputs).
    x : array_like, shape (n,)
        What the n units output for one instance; 1 to 16 units.
    rate : float
        From 0 to below 1.
    mean : {"arithmetic", "geometric"}
        The second needs positive outputs, such as those of a softmax, and is
        scaled to sum 1.

    Returns
    -------
    ndarray, shape (n_outputs,)

    Raises
    ------
    ValueError
        If an argument is out of range, or a geometric mean meets an output
        that is not positive.

    Notes
    -----
    Exact for a linear `function` with the arithmetic mean, and for a softmax
    of a linear function with the geometric one (Hinton et al. 2012); in all
    other cases an approximation.
    """
    _check_rate(rate)
    if mean not in ("arithmetic", "geometric"):
        raise ValueError(f"mean is {mean!r}; it must be 'arithmetic' or 'geometric'")
    x = np.asarray(x, float)
    if x.ndim != 1 or not 1 <= len(x) <= MOST_UNITS:
        raise ValueError(f"x has shape {x.shape}; it must be (n,) with n from 1 to {MOST_UNITS}")
    masks = np.array(list(itertools.product((0.0, 1.0), repeat=len(x))))
    probability = np.where(masks, 1 - rate, rate).prod(axis=1)
    outputs = np.asarray(function(masks * x / (1 - rate)), float)
    if mean == "arithmetic":
        return np.asarray(probability @ outputs)
    if not (outputs > 0).all():
        raise ValueError(f"function returned {outputs.min()}; a geometric mean needs values > 0")
    product = np.exp(probability @ np.log(outputs))
    return np.asarray(product / product.sum())
