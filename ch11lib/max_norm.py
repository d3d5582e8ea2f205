"""Max-norm regularization: no unit's incoming weights longer than a limit. NumPy only.

Lesson: *Max-norm*. `max_norm` does what ``keras.constraints.MaxNorm`` does to
a variable after every training step.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ch11lib import _checks

__all__ = ["column_norms", "kernel_norms", "max_norm"]

Array = NDArray[np.floating[Any]]
Axis = int | Sequence[int]
EPSILON = 1e-7  # keras.backend.epsilon(), unless someone has set another


def _squares(w: ArrayLike, axis: Axis) -> tuple[Array, Array]:
    """Return `w` as floats, and the sums of its squares over `axis`, which stays."""
    array = _checks.float_array(w)
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    if not axes or not all(-array.ndim <= a < array.ndim for a in axes):
        raise ValueError(f"axis is {axis}; it must name axes of w, which has {array.ndim}")
    return array, np.sum(array**2, axis=axes, keepdims=True)


def column_norms(w: ArrayLike, axis: Axis = 0) -> Array:
    """Return the Euclidean norm of each unit's incoming weights.

    Parameters
    ----------
    w : array_like
        A kernel.
    axis : int or sequence of int
        The axes over which to sum: 0 for a Dense kernel, of shape (inputs,
        units), and (0, 1, 2) for one of Conv2D, of shape (rows, columns,
        channels, filters).

    Returns
    -------
    ndarray
        Of the shape of `w` without `axis`: one norm per unit or filter.

    Raises
    ------
    ValueError
        If `w` has no such axis.

    Examples
    --------
    >>> column_norms([[3.0, 0.0], [4.0, 1.0]])  # two inputs, two units
    array([5., 1.])
    """
    _, squares = _squares(w, axis)
    return np.sqrt(np.squeeze(squares, axis if isinstance(axis, int) else tuple(axis)))


def max_norm(w: ArrayLike, max_value: float, axis: Axis = 0) -> Array:
    """Shorten each unit's incoming weights to a norm of at most `max_value`.

    Parameters
    ----------
    w : array_like
        A kernel.
    max_value : float
        r, above 0; infinity shortens nothing.
    axis : int or sequence of int
        The axes over which to sum: 0 for a Dense kernel, (0, 1, 2) for one of
        Conv2D.

    Returns
    -------
    ndarray of float, of the shape of `w`

    Raises
    ------
    ValueError
        If `max_value` is not positive or `w` has no such axis.

    Notes
    -----
    w ← w min(‖w‖, r) / (ε + ‖w‖) with Keras's ε = 10⁻⁷, which keeps 0 / 0
    away and shortens every vector a little, the short ones too. Srebro and
    Shraibman (2005); with dropout, Srivastava et al. (2014), section 5.1.

    Examples
    --------
    >>> max_norm([[3.0, 0.0], [4.0, 1.0]], max_value=2.0).round(3)
    array([[1.2, 0. ],
           [1.6, 1. ]])
    """
    _checks.positive("max_value", max_value, infinity=True)
    w, squares = _squares(w, axis)
    norms = np.sqrt(squares)
    return np.asarray(w * (np.minimum(norms, max_value) / (EPSILON + norms)))


def kernel_norms(model: Any) -> list[Array]:
    """Return the norms of the incoming weights of each unit, for each layer with a kernel.

    Parameters
    ----------
    model : keras.Model
        Built. Its kernels must have the units or filters last, as those of Dense
        and Conv2D layers have.

    Returns
    -------
    list of ndarray, each of shape (units,) or (filters,)

    Raises
    ------
    ValueError
        If there is no layer with a kernel.

    Examples
    --------
    >>> import keras
    >>> dense = keras.layers.Dense(2, kernel_initializer="ones")
    >>> kernel_norms(keras.Sequential([keras.Input((4,)), dense]))
    [array([2., 2.], dtype=float32)]
    """
    kernels = [np.asarray(layer.kernel) for layer in model.layers if hasattr(layer, "kernel")]
    if not kernels:
        raise ValueError(f"model {model.name!r} has no layer with a kernel")
    return [column_norms(kernel, tuple(range(kernel.ndim - 1))) for kernel in kernels]
