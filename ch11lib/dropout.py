"""Dropout and alpha dropout, and the ensemble that dropout averages. NumPy only.

Lesson: *Dropout*. Both functions do what the layers of ``keras.layers`` do
during training; at inference neither does anything.
"""

import itertools
import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ch11lib import _checks
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


def _rate(rate: float) -> float:
    """Return `rate` if something is left after dropping that share."""
    return _checks.fraction("rate", rate, one=False)


def _kept(X: Array, rate: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return a mask of the shape of `X` that is True with probability 1 − rate."""
    return rng.random(X.shape, np.float32) >= _rate(rate)


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
    ndarray of float32 or float64, of the shape of `X`

    Raises
    ------
    ValueError
        If `rate` is out of range.

    Notes
    -----
    Hinton et al. (2012), arXiv:1207.0580, and Srivastava et al. (2014), JMLR
    15, who scale the weights at inference instead.

    Examples
    --------
    >>> dropout([1.0, 1.0, 1.0, 1.0], 0.5, np.random.default_rng(0))
    array([2., 2., 2., 0.])
    """
    X = _checks.float_array(X)
    mask = _kept(X, rate, rng)
    return np.asarray(X * mask / X.dtype.type(1 - rate))


def std_after_dropout(rate: float, mean: float = 0.0, std: float = 1.0) -> float:
    """Return the standard deviation of a random variable after `dropout`.

    Parameters
    ----------
    rate : float
        From 0 to below 1.
    mean, std : float
        Of the variable before; `std` at least 0.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If `rate` or `std` is out of range.

    Notes
    -----
    Dropout keeps the mean μ and divides the second moment σ² + μ² by
    q = 1 − rate, so the variance becomes (σ² + μ²) / q − μ².

    Examples
    --------
    >>> round(std_after_dropout(0.5, mean=1.0, std=0.0), 3)
    1.0
    """
    _rate(rate)
    _checks.non_negative("std", std)
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

    Examples
    --------
    >>> a, b = alpha_dropout_constants(0.1)
    >>> round(a, 3), round(b, 3)
    (0.921, 0.162)
    """
    q = 1 - _rate(rate)
    a = (q + ALPHA_PRIME**2 * q * (1 - q)) ** -0.5
    return a, -a * (1 - q) * ALPHA_PRIME


def alpha_dropout(X: ArrayLike, rate: float, rng: np.random.Generator) -> Array:
    """Set each value to α′ with probability `rate`, then map x to a x + b.

    Keeps mean 0 and variance 1, which SELU needs.

    Parameters
    ----------
    X : array_like
        Of any shape.
    rate : float
        Probability of dropping, from 0 to below 1.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of float32 or float64, of the shape of `X`

    Raises
    ------
    ValueError
        If `rate` is out of range.

    Notes
    -----
    α′ = −1.7581 is SELU's limit at −∞, `ALPHA_PRIME`; a and b are those of
    `alpha_dropout_constants`. Klambauer et al. (2017), arXiv:1706.02515, section
    "New dropout technique".

    Examples
    --------
    >>> alpha_dropout([0.0, 0.0, 0.0, 0.0], 0.5, np.random.default_rng(0)).round(3)
    array([ 0.779,  0.779,  0.779, -0.779])
    """
    X = _checks.float_array(X)
    mask = _kept(X, rate, rng)
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
    One pass is exact for a linear `function` with the arithmetic mean, and for a softmax
    of a linear function with the geometric one (Hinton et al. 2012); in all
    other cases an approximation.

    Examples
    --------
    >>> average_over_masks(lambda x: x**2, [1.0], rate=0.5)  # 0 or 2, squared
    array([2.])
    """
    _rate(rate)
    _checks.one_of("mean", mean, ("arithmetic", "geometric"))
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
