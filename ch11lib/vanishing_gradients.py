"""How signals and gradients grow or shrink through a deep stack of layers. NumPy only.

Lesson: *Vanishing and exploding gradients*. Two views of the same thing: `propagate`
measures a random network, and `mean_field` predicts it from one equation per layer.
`ch11lib.diagnostics` measures networks of Keras.

Notation: layer l computes z_l = a_(l−1) W_l + b_l and a_l = φ(z_l); weights
are N(0, σ_w²/fan_in), biases N(0, σ_b²), so that σ_w is comparable between
widths.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ch11lib import _checks
from ch11lib.activations import Activation

__all__ = [
    "MeanField",
    "Signals",
    "mean_field",
    "normal_weights",
    "propagate",
]

Array = NDArray[np.floating[Any]]

# Gauss-Legendre nodes on both sides of 0 separately, where activations have
# their kinks; the standard normal density beyond 10 is below 1e-22.
_NODES, _NODE_WEIGHTS = np.polynomial.legendre.leggauss(200)
_HALF = 5 * (_NODES + 1)
ZETA = np.concatenate([-_HALF, _HALF])
DENSITY = np.exp(-(ZETA**2) / 2) / math.sqrt(2 * math.pi)
WEIGHT = 5 * np.concatenate([_NODE_WEIGHTS, _NODE_WEIGHTS]) * DENSITY


@dataclass(frozen=True)
class Signals:
    """What `propagate` saw; entry l−1 of each array belongs to layer l.

    Attributes
    ----------
    activations : sequence of ndarray, each of shape (n_instances, width)
        The outputs a_l.
    mean, std : ndarray, shape (depth,)
        Mean and standard deviation of a_l over instances and units.
    z_rms : ndarray, shape (depth,)
        Root mean square of z_l, to compare with √q_l of `mean_field`.
    gradient_std : ndarray, shape (depth,)
        Root mean square of ∂L/∂z_l, for an L whose gradient with respect to
        the last activations is standard normal.

    Examples
    --------
    >>> from ch11lib import activations
    >>> rng = np.random.default_rng(0)
    >>> signals = propagate([[3.0, 4.0]], [np.eye(2)], activations.get("relu"), rng=rng)
    >>> signals.mean, signals.std
    (array([3.5]), array([0.5]))
    """

    activations: Sequence[Array]
    mean: Array
    std: Array
    z_rms: Array
    gradient_std: Array


class MeanField(NamedTuple):
    """Prediction of `mean_field`; entry l−1 belongs to layer l.

    Attributes
    ----------
    q : ndarray, shape (depth,)
        Variance of z_l.
    chi : ndarray, shape (depth,)
        Factor by which the variance of the gradient grows at layer l.

    Examples
    --------
    >>> from ch11lib import activations
    >>> mean_field(2, activations.get("relu"), sigma_w=2.0)
    MeanField(q=array([4., 8.]), chi=array([2., 2.]))
    """

    q: Array
    chi: Array


def normal_weights(
    depth: int, width: int, sigma_w: float, *, rng: np.random.Generator
) -> list[Array]:
    """Draw `depth` square kernels with entries N(0, sigma_w²/width).

    Parameters
    ----------
    depth, width : int
        At least 1.
    sigma_w : float
        Not negative. N(0, 1) weights in a layer of width n are sigma_w = √n.
    rng : numpy.random.Generator

    Returns
    -------
    list of ndarray of float64, each of shape (width, width)

    Raises
    ------
    ValueError
        If `depth` or `width` is below 1, or `sigma_w` negative.

    Examples
    --------
    >>> W, _ = normal_weights(2, 400, sigma_w=1.5, rng=np.random.default_rng(0))
    >>> round(float(W.std() * 400**0.5), 2)
    1.5
    """
    _checks.count("depth", depth)
    _checks.count("width", width)
    _checks.non_negative("sigma_w", sigma_w)
    std = sigma_w / math.sqrt(width)
    return [rng.normal(0, std, (width, width)) for _ in range(depth)]


def propagate(
    X: ArrayLike, weights: Sequence[Array], activation: Activation, *, rng: np.random.Generator
) -> Signals:
    """Send `X` forward through dense layers, and a random gradient back.

    Forward, z_l = a_(l−1) W_l and a_l = φ(z_l). Backward, δ_l = g_l ⊙ φ′(z_l) with
    g_(l−1) = δ_l W_lᵀ, where δ_l = ∂L/∂z_l and g_l = ∂L/∂a_l.

    Parameters
    ----------
    X : array_like, shape (n_instances, n_inputs)
    weights : sequence of ndarray
        The kernels W_1 … W_depth, each of shape (inputs, units); biases are 0.
    activation : Activation
        From `ch11lib.activations.get`.
    rng : numpy.random.Generator
        Draws the gradient at the top, ∂L/∂a_depth ~ N(0, 1).

    Returns
    -------
    Signals

    Raises
    ------
    ValueError
        If there are no weights, or the shapes do not fit.

    Examples
    --------
    >>> from ch11lib import activations
    >>> rng = np.random.default_rng(0)
    >>> weights = normal_weights(20, 100, sigma_w=1.0, rng=rng)
    >>> signals = propagate(np.ones((1, 100)), weights, activations.get("sigmoid"), rng=rng)
    >>> bool(signals.gradient_std[0] < 1e-10 * signals.gradient_std[-1])
    True
    """
    a: Array = np.asarray(X, dtype=np.float64)
    if not weights:
        raise ValueError("weights is empty; give at least one kernel")
    if a.ndim != 2 or a.shape[1] != weights[0].shape[0]:
        raise ValueError(
            f"X has shape {a.shape}; it must be (n_instances, {weights[0].shape[0]}) "
            "to fit the first kernel"
        )
    slopes: list[Array] = []
    outputs: list[Array] = []
    z_rms = np.empty(len(weights))
    for layer, W in enumerate(weights):
        z = a @ W
        a = activation(z)
        z_rms[layer] = np.sqrt(np.mean(z**2))
        slopes.append(activation.derivative(z))
        outputs.append(a)
    gradient: Array = rng.standard_normal(a.shape)
    gradient_std = np.empty(len(weights))
    for layer in reversed(range(len(weights))):
        delta = gradient * slopes[layer]
        gradient_std[layer] = np.sqrt(np.mean(delta**2))
        gradient = delta @ weights[layer].T
    return Signals(
        activations=outputs,
        mean=np.array([out.mean() for out in outputs]),
        std=np.array([out.std() for out in outputs]),
        z_rms=z_rms,
        gradient_std=gradient_std,
    )


def mean_field(
    depth: int,
    activation: Activation,
    sigma_w: float,
    sigma_b: float = 0.0,
    q0: float = 1.0,
) -> MeanField:
    """Predict variances layer by layer in the limit of infinite width.

    In that limit each z_l is normal with variance q_l, and

    * q_l = σ_w² E[φ(√q_(l−1) ζ)²] + σ_b²,
    * χ_l = σ_w² E[φ′(√q_l ζ)²], the factor by which the variance of the
      gradient grows when it passes layer l on its way back,

    with ζ ~ N(0, 1). Poole et al. (2016), arXiv:1606.05340, equation 3;
    Schoenholz et al. (2017), arXiv:1611.01232, equation 5.

    Parameters
    ----------
    depth : int
        Number of layers, at least 1.
    activation : Activation
    sigma_w, sigma_b : float
        Not negative.
    q0 : float
        Mean of the squared inputs, above 0; the first layer is linear in the
        inputs, so q_1 = σ_w² q0 + σ_b².

    Returns
    -------
    MeanField
        Arrays ``q`` and ``chi`` of float64, each of shape (depth,).

    Raises
    ------
    ValueError
        If `depth` is below 1, `q0` not positive, or a deviation negative.

    Examples
    --------
    >>> from ch11lib import activations
    >>> mean_field(3, activations.get("relu"), sigma_w=2**0.5).chi.round(6)
    array([1., 1., 1.])
    """
    _checks.count("depth", depth)
    _checks.positive("q0", q0)
    _checks.non_negative("sigma_w", sigma_w)
    _checks.non_negative("sigma_b", sigma_b)
    q, chi = np.empty(depth), np.empty(depth)
    second_moment = q0
    for layer in range(depth):
        q[layer] = sigma_w**2 * second_moment + sigma_b**2
        z = math.sqrt(q[layer]) * ZETA
        second_moment = float(activation(z) ** 2 @ WEIGHT)
        chi[layer] = sigma_w**2 * float(activation.derivative(z) ** 2 @ WEIGHT)
    return MeanField(q, chi)
