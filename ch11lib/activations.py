"""Activation functions and their derivatives. NumPy only.

Lesson: *Activation functions*. Each function works elementwise on arrays of
any shape, keeps float32 and float64 (everything else becomes float64), passes
NaN through and returns its limit at ±∞. Where a function has a kink, its
derivative there is the one from the left, as in PyTorch.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, ndtr

from ch11lib import _checks
from ch11lib._checks import float_array

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "elu",
    "gelu",
    "get",
    "leaky_relu",
    "mish",
    "relu",
    "selu",
    "selu_constants",
    "sigmoid",
    "silu",
    "tanh",
]

Array = NDArray[np.floating[Any]]


def _times(z: Array, factor: Array) -> Array:
    """Return z · factor, with 0 where the factor is 0 although z is infinite."""
    return np.multiply(z, factor, out=np.zeros_like(z), where=factor != 0)


def sigmoid(z: ArrayLike) -> Array:
    """Logistic function, 1 / (1 + exp(−z)), with values from 0 to 1.

    Elementwise for `z` of any shape; float32 stays, other types become float64.

    Examples
    --------
    >>> sigmoid([-2, 0, 2]).round(3)
    array([0.119, 0.5  , 0.881])
    """
    return np.asarray(expit(float_array(z)))


def sigmoid_derivative(z: ArrayLike) -> Array:
    """σ(z)·σ(−z), at most 1/4."""
    z = float_array(z)
    return np.asarray(expit(z) * expit(-z))


def tanh(z: ArrayLike) -> Array:
    """Hyperbolic tangent, (exp(z) − exp(−z)) / (exp(z) + exp(−z)), from −1 to 1.

    Elementwise for `z` of any shape; float32 stays, other types become float64.

    Examples
    --------
    >>> tanh([-1, 0, 1]).round(3)
    array([-0.762,  0.   ,  0.762])
    """
    return np.asarray(np.tanh(float_array(z)))


def tanh_derivative(z: ArrayLike) -> Array:
    """1 − tanh²(z), written 4·σ(2z)·σ(−2z) to keep its digits in the tails."""
    return 4 * sigmoid_derivative(2 * float_array(z))


def relu(z: ArrayLike) -> Array:
    """Rectified linear unit, max(0, z).

    Elementwise for `z` of any shape; float32 stays, other types become float64.

    Notes
    -----
    Nair and Hinton (2010), "Rectified linear units improve restricted
    Boltzmann machines".

    Examples
    --------
    >>> relu([-2, 0, 3])
    array([0., 0., 3.])
    """
    return np.asarray(np.maximum(float_array(z), 0))


def relu_derivative(z: ArrayLike) -> Array:
    """1 where z > 0, else 0."""
    return leaky_relu_derivative(z, negative_slope=0.0)


def leaky_relu(z: ArrayLike, negative_slope: float = 0.3) -> Array:
    """Leaky ReLU: z where z > 0, else negative_slope · z.

    Parameters
    ----------
    z : array_like
        Of any shape.
    negative_slope : float
        At least 0. The default is that of ``keras.layers.LeakyReLU``.

    Returns
    -------
    ndarray of float32 or float64, of the shape of `z`

    Raises
    ------
    ValueError
        If `negative_slope` is negative or not finite.

    Notes
    -----
    PReLU is this function with a learned slope: He et al. (2015),
    arXiv:1502.01852, equation 1.

    Examples
    --------
    >>> leaky_relu([-2, 3], negative_slope=0.1)
    array([-0.2,  3. ])
    """
    _checks.non_negative("negative_slope", negative_slope)
    if negative_slope == 0:
        return relu(z)
    z = float_array(z)
    return np.where(z > 0, z, negative_slope * z)


def leaky_relu_derivative(z: ArrayLike, negative_slope: float = 0.3) -> Array:
    """1 where z > 0, else `negative_slope`."""
    _checks.non_negative("negative_slope", negative_slope)
    z = float_array(z)
    slope = np.where(z > 0, z.dtype.type(1), z.dtype.type(negative_slope))
    return np.where(np.isnan(z), z, slope)


def elu(z: ArrayLike, alpha: float = 1.0) -> Array:
    """Exponential linear unit: z where z > 0, else alpha · (exp(z) − 1).

    The slope jumps from alpha to 1 at z = 0, so the function is smooth only for
    alpha = 1.

    Parameters
    ----------
    z : array_like
        Of any shape.
    alpha : float
        Above 0; −alpha is the limit at −∞.

    Returns
    -------
    ndarray of float32 or float64, of the shape of `z`

    Raises
    ------
    ValueError
        If `alpha` is not positive and finite.

    Notes
    -----
    Clevert, Unterthiner and Hochreiter (2016), arXiv:1511.07289, section 3.

    Examples
    --------
    >>> elu([-1, 0, 2]).round(3)
    array([-0.632,  0.   ,  2.   ])
    """
    _checks.positive("alpha", alpha)
    z = float_array(z)
    return np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0)))


def elu_derivative(z: ArrayLike, alpha: float = 1.0) -> Array:
    """1 where z > 0, else alpha · exp(z)."""
    _checks.positive("alpha", alpha)
    z = float_array(z)
    return np.where(z > 0, z.dtype.type(1), alpha * np.exp(np.minimum(z, 0)))


def selu_constants() -> tuple[float, float]:
    """Return the α and λ that give SELU the fixed point (mean 0, variance 1).

    For z ~ N(0, 1) they make λ·ELU_α(z) have mean 0 and variance 1 exactly.
    With E₁ = E[exp(z); z < 0] and E₂ = E[exp(2z); z < 0], the mean vanishes for
    α = (2π)^(−1/2) / (1/2 − E₁), and λ is one over the root of the second
    moment 1/2 + α² (E₂ − 2E₁ + 1/2).

    Returns
    -------
    alpha, scale : float
        1.6732632… and 1.0507009….

    Notes
    -----
    Klambauer et al. (2017), arXiv:1706.02515, equation 14; the lesson derives
    both.

    Examples
    --------
    >>> alpha, scale = selu_constants()
    >>> round(alpha, 4), round(scale, 4)
    (1.6733, 1.0507)
    """
    E1 = math.exp(0.5) * math.erfc(1 / math.sqrt(2)) / 2
    E2 = math.exp(2.0) * math.erfc(math.sqrt(2)) / 2
    alpha = 1 / math.sqrt(2 * math.pi) / (0.5 - E1)
    second_moment = 0.5 + alpha**2 * (E2 - 2 * E1 + 0.5)
    return alpha, 1 / math.sqrt(second_moment)


SELU_ALPHA, SELU_SCALE = selu_constants()


def selu(z: ArrayLike) -> Array:
    """Scaled ELU: λz where z > 0, else λα·(exp(z) − 1), with fixed α and λ.

    Elementwise for `z` of any shape; float32 stays, other types become float64.

    Notes
    -----
    α = 1.6733 and λ = 1.0507 come from `selu_constants`. Klambauer et al.
    (2017), arXiv:1706.02515, equation 2.

    Examples
    --------
    >>> selu([-1, 0, 1]).round(3)
    array([-1.111,  0.   ,  1.051])
    """
    return SELU_SCALE * elu(z, SELU_ALPHA)


def selu_derivative(z: ArrayLike) -> Array:
    """λ where z > 0, else λ·α·exp(z)."""
    return SELU_SCALE * elu_derivative(z, SELU_ALPHA)


def gelu(z: ArrayLike) -> Array:
    """Gaussian error linear unit, z·Φ(z), with Φ the normal distribution function.

    Elementwise for `z` of any shape; float32 stays, other types become float64.

    Notes
    -----
    Hendrycks and Gimpel (2016), arXiv:1606.08415, section 2; exact, not the
    approximation by tanh.

    Examples
    --------
    >>> gelu([-1, 0, 1]).round(3)
    array([-0.159,  0.   ,  0.841])
    """
    z = float_array(z)
    return _times(z, np.asarray(ndtr(z)))


def gelu_derivative(z: ArrayLike) -> Array:
    """Φ(z) + z·φ(z), φ the standard normal density."""
    z = float_array(z)
    with np.errstate(over="ignore"):  # z² beyond float32 still gives a density of 0
        density = np.exp(-(z**2) / 2) / z.dtype.type(math.sqrt(2 * math.pi))
    return np.asarray(ndtr(z)) + _times(z, density)


def silu(z: ArrayLike, beta: float = 1.0) -> Array:
    """Sigmoid linear unit, z·σ(βz), also called Swish.

    Parameters
    ----------
    z : array_like
        Of any shape.
    beta : float
        Above 0. With β → ∞ it becomes ReLU, with β → 0 the line z / 2.

    Returns
    -------
    ndarray of float32 or float64, of the shape of `z`

    Raises
    ------
    ValueError
        If `beta` is not positive and finite.

    Notes
    -----
    Ramachandran, Zoph and Le (2017), arXiv:1710.05941.

    Examples
    --------
    >>> silu([-1, 0, 1]).round(3)
    array([-0.269,  0.   ,  0.731])
    """
    _checks.positive("beta", beta)
    z = float_array(z)
    return _times(z, sigmoid(beta * z))


def silu_derivative(z: ArrayLike, beta: float = 1.0) -> Array:
    """σ(βz) + βz·σ(βz)·σ(−βz)."""
    _checks.positive("beta", beta)
    z = beta * float_array(z)
    return sigmoid(z) + _times(z, sigmoid_derivative(z))


def _softplus(z: Array) -> Array:
    """log(1 + exp(z)) without overflow, and silent for NaN."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.logaddexp(z, 0), z.dtype)


def mish(z: ArrayLike) -> Array:
    """Mish, z·tanh(log(1 + exp(z))).

    Elementwise for `z` of any shape; float32 stays, other types become float64.

    Notes
    -----
    Misra (2020), arXiv:1908.08681.

    Examples
    --------
    >>> mish([-1, 0, 1]).round(3)
    array([-0.303,  0.   ,  0.865])
    """
    z = float_array(z)
    return _times(z, np.tanh(_softplus(z)))


def mish_derivative(z: ArrayLike) -> Array:
    """Return t + z·(1 − t²)·σ(z), where t = tanh(log(1 + exp(z)))."""
    z = float_array(z)
    softplus = _softplus(z)
    return np.tanh(softplus) + _times(z, tanh_derivative(softplus) * sigmoid(z))


@dataclass(frozen=True)
class Activation:
    """An activation function with its derivative, their parameters fixed.

    Attributes
    ----------
    name : str
        As Keras calls it.
    function, derivative : callable
        From an array of any shape to one of the same shape.

    Examples
    --------
    >>> ACTIVATIONS["relu"]([-1, 2])
    array([0., 2.])
    """

    name: str
    function: Callable[..., Array]
    derivative: Callable[..., Array]

    def __call__(self, z: ArrayLike) -> Array:
        """Return the value at `z`."""
        return self.function(z)


#: All activations by name, as `get` finds them.
ACTIVATIONS = {
    activation.name: activation
    for activation in (
        Activation("sigmoid", sigmoid, sigmoid_derivative),
        Activation("tanh", tanh, tanh_derivative),
        Activation("relu", relu, relu_derivative),
        Activation("leaky_relu", leaky_relu, leaky_relu_derivative),
        Activation("elu", elu, elu_derivative),
        Activation("selu", selu, selu_derivative),
        Activation("gelu", gelu, gelu_derivative),
        Activation("silu", silu, silu_derivative),
        Activation("mish", mish, mish_derivative),
    )
}
PARAMETERS = {"leaky_relu": {"negative_slope"}, "elu": {"alpha"}, "silu": {"beta"}}


def get(name: str, **parameters: float) -> Activation:
    """Return the activation called `name` as Keras calls it.

    Parameters
    ----------
    name : str
        A key of `ACTIVATIONS`.
    **parameters : float
        ``negative_slope`` for leaky ReLU, ``alpha`` for ELU, ``beta`` for SiLU.

    Returns
    -------
    Activation
        With its derivative, both with these parameters.

    Raises
    ------
    ValueError
        If there is no such activation, it has no such parameter, or the
        parameter's value is not allowed.

    Examples
    --------
    >>> leaky = get("leaky_relu", negative_slope=0.2)
    >>> leaky([-1.0, 1.0]), leaky.derivative([-1.0, 1.0])
    (array([-0.2,  1. ]), array([0.2, 1. ]))
    """
    activation = ACTIVATIONS[_checks.one_of("name", name, ACTIVATIONS)]
    allowed = PARAMETERS.get(name, set())
    if unknown := set(parameters) - allowed:
        raise ValueError(f"{name} has no parameter {sorted(unknown)}; it has {sorted(allowed)}")
    function = partial(activation.function, **parameters)
    function(0.0)  # validates the values now, not at first use
    return Activation(name, function, partial(activation.derivative, **parameters))
