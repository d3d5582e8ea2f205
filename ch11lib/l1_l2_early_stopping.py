"""ℓ1 and ℓ2 penalties, what they do to a minimum, and early stopping. NumPy only.

Lesson: *ℓ1, ℓ2 and early stopping*. The factors `l1` and `l2` are those of
``keras.regularizers.L1L2``: the penalty is l1 Σ|w| + l2 Σw², without a ½.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ch11lib import _checks

__all__ = [
    "EarlyStop",
    "early_stop",
    "penalty",
    "prune",
    "quadratic_minimum",
    "soft_threshold",
    "sparsity",
]

Array = NDArray[np.floating[Any]]
MOST_SWEEPS = 10_000


def penalty(weights: ArrayLike, l1: float = 0.0, l2: float = 0.0) -> float:
    """Return l1 Σ|w| + l2 Σw².

    Parameters
    ----------
    weights : array_like
        Of any shape; one layer's kernel, for example.
    l1, l2 : float
        At least 0.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If a factor is negative or not finite.

    Examples
    --------
    >>> penalty([3.0, -1.0], l1=0.1, l2=0.01)
    0.5
    """
    _checks.non_negative("l1", l1)
    _checks.non_negative("l2", l2)
    w = np.asarray(weights, float)
    return float(l1 * np.abs(w).sum() + l2 * (w**2).sum())


def soft_threshold(x: ArrayLike, threshold: float) -> Array:
    """Move each value towards 0 by `threshold`: sign(x) · max(abs(x) − threshold, 0).

    Parameters
    ----------
    x : array_like
        Of any shape.
    threshold : float
        At least 0.

    Returns
    -------
    ndarray of float, of the shape of `x`

    Raises
    ------
    ValueError
        If `threshold` is negative or not finite.

    Notes
    -----
    The proximal operator of the ℓ1 penalty: the w that minimizes
    ½ (w − x)² + threshold · abs(w). The ℓ2 penalty's, x / (1 + 2 l2), shrinks in
    proportion and never reaches 0.

    Examples
    --------
    >>> soft_threshold([3.0, -2.0, 0.5], threshold=1.0)
    array([ 2., -1.,  0.])
    """
    _checks.non_negative("threshold", threshold)
    x = np.asarray(x, float)
    return np.asarray(np.sign(x) * np.maximum(np.abs(x) - threshold, 0))


def quadratic_minimum(
    hessian: ArrayLike, center: ArrayLike, l1: float = 0.0, l2: float = 0.0
) -> Array:
    """Return where a penalized quadratic loss is lowest.

    The loss is ½ (w − c)ᵀ H (w − c) + l1 Σ|w| + l2 Σw².

    Parameters
    ----------
    hessian : array_like, shape (n, n)
        H, symmetric and positive definite.
    center : array_like, shape (n,)
        c, the minimum without penalty.
    l1, l2 : float
        At least 0.

    Returns
    -------
    ndarray, shape (n,)

    Raises
    ------
    ValueError
        If an argument is none of those allowed, or H is so close to singular
        that the descent does not come to rest.

    Notes
    -----
    For l1 = 0 the gradient vanishes at (H + 2 l2 I)⁻¹ H c. Otherwise by
    coordinate descent: with all other weights fixed, the best w_i is the
    soft-thresholded (Hc)_i − Σ_(j≠i) H_ij w_j, over H_ii + 2 l2. Friedman,
    Hastie and Tibshirani (2010), J. Stat. Softw. 33(1), equation 5.

    Examples
    --------
    >>> quadratic_minimum(np.eye(2), [1.0, 0.2], l1=0.3)  # ℓ1 sets small weights to 0
    array([0.7, 0. ])
    """
    _checks.non_negative("l1", l1)
    _checks.non_negative("l2", l2)
    H, c = np.asarray(hessian, float), np.asarray(center, float)
    if c.ndim != 1 or H.shape != (len(c), len(c)):
        raise ValueError(
            f"hessian and center have shapes {H.shape} and {c.shape}; they must be (n, n) and (n,)"
        )
    if not (np.isfinite(c).all() and np.allclose(H, H.T) and np.linalg.eigvalsh(H)[0] > 0):
        raise ValueError("hessian is not symmetric and positive definite, or center not finite")
    pull, penalized = H @ c, H + 2 * l2 * np.eye(len(c))
    w: Array = np.linalg.solve(penalized, pull)
    if l1 == 0:
        return w
    for _ in range(MOST_SWEEPS):
        before = w.copy()
        for i, curvature in enumerate(penalized.diagonal()):
            others = penalized[i] @ w - curvature * w[i]
            w[i] = soft_threshold(pull[i] - others, l1) / curvature
        if np.abs(w - before).max() <= 1e-12 * np.abs(c).max():
            return w
    raise ValueError(f"hessian has condition number {np.linalg.cond(H):.1e}; it must be lower")


def sparsity(weights: Sequence[ArrayLike], threshold: float = 0.0) -> float:
    """Return the share of weights w with abs(w) ≤ threshold.

    Parameters
    ----------
    weights : sequence of array_like
        One array per variable, of any shapes.
    threshold : float
        At least 0.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    ValueError
        If there are no weights, or `threshold` is negative or not finite.

    Examples
    --------
    >>> sparsity([[[0.0, 1.0], [-0.1, 2.0]], [0.0, 3.0]], threshold=0.1)
    0.5
    """
    _checks.non_negative("threshold", threshold)
    arrays = [np.abs(np.asarray(w, float)) for w in weights]
    size = sum(a.size for a in arrays)
    if size == 0:
        raise ValueError("weights is empty; give at least one number")
    return float(sum((a <= threshold).sum() for a in arrays) / size)


def prune(model: Any, threshold: float) -> float:
    """Set the small entries of a model's kernels to 0, in place.

    Biases and the weights of normalizations stay as they are.

    Parameters
    ----------
    model : keras.Model
        Built.
    threshold : float
        At least 0; entries w with abs(w) ≤ threshold become 0.

    Returns
    -------
    float
        Share of the kernels' entries that are 0 now.

    Raises
    ------
    ValueError
        If `threshold` is negative or not finite, or no weight is a kernel.

    Examples
    --------
    >>> import keras
    >>> dense = keras.layers.Dense(1, kernel_initializer=keras.initializers.Constant(0.1))
    >>> prune(keras.Sequential([keras.Input((3,)), dense]), threshold=0.2)
    1.0
    """
    _checks.non_negative("threshold", threshold)
    kernels = [variable for variable in model.weights if variable.name.endswith("kernel")]
    if not kernels:
        raise ValueError(f"model {model.name!r} has no kernels, or is not built")
    for kernel in kernels:
        values = np.asarray(kernel)
        kernel.assign(np.where(np.abs(values) <= threshold, 0, values))
    return sparsity([np.asarray(kernel) for kernel in kernels])


class EarlyStop(NamedTuple):
    """How a training with early stopping went.

    Attributes
    ----------
    best_epoch : int
        Epoch of the best loss, from 0; its weights are those to restore.
    last_epoch : int
        The last epoch trained, from 0.
    stopped : bool
        Whether the training ended for lack of improvement.

    Examples
    --------
    >>> EarlyStop(best_epoch=7, last_epoch=10, stopped=True).best_epoch
    7
    """

    best_epoch: int
    last_epoch: int
    stopped: bool


def early_stop(losses: Sequence[float], patience: int, min_delta: float = 0.0) -> EarlyStop:
    """Return where early stopping ends a training, and which epoch was best.

    Parameters
    ----------
    losses : sequence of float
        Validation loss of each epoch; what follows the stop is not looked at.
    patience : int
        Epochs without improvement after which to stop; at least 0. Keras stops
        for 0 and for 1 alike, after the first.
    min_delta : float
        A loss improves on the best if it is lower by more than this; at least 0.

    Returns
    -------
    EarlyStop

    Raises
    ------
    ValueError
        If there are no losses or a number is out of range.

    Notes
    -----
    The rules are those of ``keras.callbacks.EarlyStopping``: NaN improves on
    nothing, but if the first loss is NaN, nothing improves on it either.

    Examples
    --------
    >>> early_stop([0.9, 0.5, 0.6, 0.7, 0.1], patience=2)
    EarlyStop(best_epoch=1, last_epoch=3, stopped=True)
    """
    _checks.count("patience", patience, minimum=0)
    _checks.non_negative("min_delta", min_delta)
    if len(losses) == 0:
        raise ValueError("losses is empty; give at least one")
    best = 0
    for epoch in range(1, len(losses)):
        if losses[epoch] + min_delta < losses[best]:
            best = epoch
        elif epoch - best >= patience:
            return EarlyStop(best, epoch, True)
    return EarlyStop(best, len(losses) - 1, False)
