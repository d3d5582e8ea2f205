"""Random initial weights: the variance-scaling family. NumPy only.

Lesson: *Initialization*. The names, modes and distributions are those of
``keras.initializers``.
"""

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from ch11lib import _checks

__all__ = [
    "INITIALIZERS",
    "fans",
    "initialize",
    "truncated_normal_std",
    "variance_scaling",
]

Mode = Literal["fan_in", "fan_out", "fan_avg"]
Distribution = Literal["truncated_normal", "untruncated_normal", "uniform"]

#: Each named initializer as (scale, mode, distribution).
INITIALIZERS: dict[str, tuple[float, Mode, Distribution]] = {
    "glorot_normal": (1.0, "fan_avg", "truncated_normal"),
    "glorot_uniform": (1.0, "fan_avg", "uniform"),
    "he_normal": (2.0, "fan_in", "truncated_normal"),
    "he_uniform": (2.0, "fan_in", "uniform"),
    "lecun_normal": (1.0, "fan_in", "truncated_normal"),
    "lecun_uniform": (1.0, "fan_in", "uniform"),
}
DISTRIBUTIONS = ("truncated_normal", "untruncated_normal", "uniform")


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return (fan_in, fan_out) of a kernel in Keras's layout.

    Parameters
    ----------
    shape : tuple of int
        ``(inputs, units)`` of a Dense layer, or ``(*window, channels_in,
        channels_out)`` of a convolution, whose fans are the channels times the
        positions of the window.

    Returns
    -------
    fan_in, fan_out : int

    Raises
    ------
    ValueError
        If there are fewer than two dimensions or one is not positive.

    Examples
    --------
    >>> fans((784, 300)), fans((3, 3, 16, 32))
    ((784, 300), (144, 288))
    """
    if len(shape) < 2 or any(n < 1 for n in shape):
        raise ValueError(f"shape is {shape}; it needs at least two dimensions, all >= 1")
    window = math.prod(shape[:-2])
    return shape[-2] * window, shape[-1] * window


def target_variance(shape: tuple[int, ...], scale: float, mode: Mode) -> float:
    """Return scale / fan, the variance that the weights should have.

    Parameters
    ----------
    shape : tuple of int
        Of the kernel, in Keras's layout: see `fans`.
    scale : float
        1 for Glorot and LeCun, 2 for He.
    mode : {"fan_in", "fan_out", "fan_avg"}
        ``fan_avg`` is (fan_in + fan_out) / 2.

    Raises
    ------
    ValueError
        If `scale` is not positive and finite, or `mode` unknown.

    Examples
    --------
    >>> target_variance((784, 300), scale=2.0, mode="fan_in") == 2 / 784
    True
    """
    fan_in, fan_out = fans(shape)
    denominators = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}
    return (
        _checks.positive("scale", scale) / denominators[_checks.one_of("mode", mode, denominators)]
    )


def truncated_normal_std(cut: float = 2.0) -> float:
    """Return the standard deviation of N(0, 1) truncated to [−cut, cut].

    It is √(1 − 2·cut·φ(cut) / (2Φ(cut) − 1)), with φ and Φ the density and the
    distribution function of N(0, 1). An initializer divides by it so that the
    truncated weights have the variance asked for.

    Parameters
    ----------
    cut : float
        Above 0, in standard deviations.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If `cut` is not positive and finite.

    Examples
    --------
    >>> round(truncated_normal_std(2.0), 4)
    0.8796
    """
    _checks.positive("cut", cut)
    density = math.exp(-(cut**2) / 2) / math.sqrt(2 * math.pi)
    mass = math.erf(cut / math.sqrt(2))
    return math.sqrt(1 - 2 * cut * density / mass)


def variance_scaling(
    shape: tuple[int, ...],
    scale: float = 1.0,
    mode: Mode = "fan_in",
    distribution: Distribution = "truncated_normal",
    *,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Draw a kernel with mean 0 and variance scale / fan.

    Parameters
    ----------
    shape : tuple of int
        ``(inputs, units)`` of a Dense layer, or ``(*window, channels_in,
        channels_out)`` of a convolution.
    scale : float
        Above 0: 1 for Glorot and LeCun, 2 for He.
    mode : {"fan_in", "fan_out", "fan_avg"}
        Which of the `fans` to divide by; ``fan_avg`` is their mean.
    distribution : {"truncated_normal", "untruncated_normal", "uniform"}
        The first is cut at two of its own standard deviations and widened to
        have the variance asked for all the same, as Keras does.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of float32, of the given shape

    Raises
    ------
    ValueError
        If an argument is none of those allowed.

    Notes
    -----
    Glorot and Bengio (2010) for ``fan_avg``; He et al. (2015),
    arXiv:1502.01852, equation 10, for scale 2 with ``fan_in``.

    Examples
    --------
    >>> W = variance_scaling((500, 500), scale=2.0, rng=np.random.default_rng(0))
    >>> W.dtype, round(500 * float(W.var()), 2)
    (dtype('float32'), 2.0)
    """
    _checks.one_of("distribution", distribution, DISTRIBUTIONS)
    variance = target_variance(shape, scale, mode)
    if distribution == "uniform":
        limit = math.sqrt(3 * variance)  # the variance is limit² / 3
        return rng.uniform(-limit, limit, shape).astype(np.float32)
    std = math.sqrt(variance)
    if distribution == "untruncated_normal":
        return rng.normal(0, std, shape).astype(np.float32)
    std /= truncated_normal_std(2.0)
    quantiles = rng.uniform(ndtr(-2), ndtr(2), shape)  # inverse-transform sampling
    return np.asarray(std * ndtri(quantiles), np.float32)


def initialize(
    name: str, shape: tuple[int, ...], *, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Draw a kernel with a named initializer.

    Parameters
    ----------
    name : str
        A key of `INITIALIZERS`, such as ``"he_normal"``.
    shape : tuple of int
        ``(inputs, units)`` of a Dense layer, or ``(*window, channels_in,
        channels_out)`` of a convolution.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of float32, of the given shape

    Raises
    ------
    ValueError
        If there is no such initializer, or `shape` is not a kernel's.

    Notes
    -----
    The names are those of ``keras.initializers``; `variance_scaling` draws, with
    the scale, mode and distribution of the name.

    Examples
    --------
    >>> W = initialize("glorot_uniform", (300, 300), rng=np.random.default_rng(0))
    >>> W.shape, round(float(abs(W).max()), 4) == round(0.01**0.5, 4)  # √(6 / 600)
    ((300, 300), True)
    """
    _checks.one_of("name", name, INITIALIZERS)
    return variance_scaling(shape, *INITIALIZERS[name], rng=rng)
