"""Random initial weights: the variance-scaling family, in NumPy.

Lesson: *Initialization*. The names, modes and distributions are those of
``keras.initializers``.
"""

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

__all__ = [
    "INITIALIZERS",
    "fans",
    "sample",
    "truncated_normal_std",
    "uniform_limit",
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

    Raises
    ------
    ValueError
        If there are fewer than two dimensions or one is not positive.
    """
    if len(shape) < 2 or any(n < 1 for n in shape):
        raise ValueError(f"shape is {shape}; it needs at least two dimensions, all >= 1")
    window = math.prod(shape[:-2])
    return shape[-2] * window, shape[-1] * window


def target_variance(shape: tuple[int, ...], scale: float, mode: Mode) -> float:
    """Return scale / fan, the variance that the weights shall have.

    Parameters
    ----------
    shape : tuple of int
        As in `fans`.
    scale : float
        1 for Glorot and LeCun, 2 for He.
    mode : {"fan_in", "fan_out", "fan_avg"}
        ``fan_avg`` is (fan_in + fan_out) / 2.

    Raises
    ------
    ValueError
        If `scale` is not positive and finite, or `mode` unknown.
    """
    if not (math.isfinite(scale) and scale > 0):
        raise ValueError(f"scale is {scale}; it must be finite and > 0")
    fan_in, fan_out = fans(shape)
    denominators = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}
    if mode not in denominators:
        raise ValueError(f"mode is {mode!r}; it must be one of {sorted(denominators)}")
    return scale / denominators[mode]


def uniform_limit(variance: float) -> float:
    """Return the r for which the uniform distribution on [−r, r] has `variance`.

    That variance is r²/3, so r = √(3·variance).

    Raises
    ------
    ValueError
        If `variance` is not positive and finite.
    """
    if not (math.isfinite(variance) and variance > 0):
        raise ValueError(f"variance is {variance}; it must be finite and > 0")
    return math.sqrt(3 * variance)


def truncated_normal_std(cut: float = 2.0) -> float:
    """Return the standard deviation of N(0, 1) truncated to [−cut, cut].

    It is √(1 − 2·cut·φ(cut) / (2Φ(cut) − 1)), 0.8796… for the cut at two
    deviations. An initializer divides by it so that the truncated weights have
    the variance asked for.

    Raises
    ------
    ValueError
        If `cut` is not positive and finite.
    """
    if not (math.isfinite(cut) and cut > 0):
        raise ValueError(f"cut is {cut}; it must be finite and > 0")
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
        As in `fans`.
    scale, mode
        As in `target_variance`.
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
    """
    if distribution not in DISTRIBUTIONS:
        raise ValueError(f"distribution is {distribution!r}; it must be one of {DISTRIBUTIONS}")
    variance = target_variance(shape, scale, mode)
    if distribution == "uniform":
        limit = uniform_limit(variance)
        return rng.uniform(-limit, limit, shape).astype(np.float32)
    std = math.sqrt(variance)
    if distribution == "untruncated_normal":
        return rng.normal(0, std, shape).astype(np.float32)
    std /= truncated_normal_std(2.0)
    quantiles = rng.uniform(ndtr(-2), ndtr(2), shape)  # inverse-transform sampling
    return np.asarray(std * ndtri(quantiles), np.float32)


def sample(name: str, shape: tuple[int, ...], *, rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw a kernel with a named initializer.

    Parameters
    ----------
    name : str
        A key of `INITIALIZERS`.
    shape : tuple of int
        As in `fans`.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of float32, of the given shape

    Raises
    ------
    ValueError
        If there is no such initializer, or `shape` is not a kernel's.
    """
    if name not in INITIALIZERS:
        raise ValueError(f"name is {name!r}; it must be one of {sorted(INITIALIZERS)}")
    return variance_scaling(shape, *INITIALIZERS[name], rng=rng)
