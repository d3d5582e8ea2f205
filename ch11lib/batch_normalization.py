"""Batch normalization, forward and back. NumPy only.

Lesson: *Batch normalization*. `BatchNormalization` has the attributes and
defaults of ``keras.layers.BatchNormalization``, for inputs of shape
(n_instances, n_features).
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ch11lib import _checks

__all__ = ["BatchNormalization", "Gradients", "fold"]

Array = NDArray[np.floating[Any]]


class Gradients(NamedTuple):
    """Derivatives of a loss, as `BatchNormalization.gradients` returns them.

    Attributes
    ----------
    X : ndarray, shape (n_instances, n_features)
        With respect to the inputs.
    gamma, beta : ndarray, shape (n_features,)
        With respect to scale and shift.

    Examples
    --------
    >>> gradients = BatchNormalization(1).gradients([[1.0], [3.0]], [[1.0], [1.0]])
    >>> gradients.beta
    array([2.])
    """

    X: Array
    gamma: Array
    beta: Array


def _matrix(name: str, given: ArrayLike, n_features: int | None = None) -> Array:
    """Return `given` as a matrix of floats, of `n_features` columns if stated."""
    array = _checks.float_array(given)
    if array.ndim != 2 or array.size == 0 or n_features not in (None, array.shape[1]):
        columns = n_features or "n_features"
        raise ValueError(f"{name} has shape {array.shape}; it must be (n_instances, {columns})")
    return array


class BatchNormalization:
    """A layer that standardizes each feature over the batch.

    Training uses the mean μ and the variance σ² of the batch and moves the
    running averages towards them; inference uses the running averages::

        x̂ = (x − μ) / √(σ² + ε),    output = γ x̂ + β

    Parameters
    ----------
    n_features : int
        At least 1.
    momentum : float
        From 0 to below 1: the share of the old running average that stays.
    epsilon : float
        Above 0; keeps the root away from 0.

    Attributes
    ----------
    gamma, beta : ndarray, shape (n_features,)
        Scale and shift. Trained by gradient descent.
    moving_mean, moving_variance : ndarray, shape (n_features,)
        Running averages. Not trained: every call in training mode moves them.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Ioffe and Szegedy (2015), arXiv:1502.03167, algorithms 1 and 2. As in
    Keras, σ² divides by n, also in the running average; the paper multiplies
    the latter by n / (n − 1).

    Examples
    --------
    >>> layer = BatchNormalization(1)
    >>> layer([[1.0], [3.0]], training=True).round(2).ravel(), layer.moving_mean
    (array([-1.,  1.]), array([0.02]))
    """

    def __init__(self, n_features: int, momentum: float = 0.99, epsilon: float = 1e-3) -> None:
        self.n_features = _checks.count("n_features", n_features)
        self.momentum = _checks.fraction("momentum", momentum, one=False)
        self.epsilon = _checks.positive("epsilon", epsilon)
        self.gamma, self.beta = np.ones(n_features), np.zeros(n_features)
        self.moving_mean: Array = np.zeros(n_features)
        self.moving_variance: Array = np.ones(n_features)

    def __call__(self, X: ArrayLike, training: bool = False) -> Array:
        """Return γ x̂ + β; in training mode also move the running averages.

        Parameters
        ----------
        X : array_like, shape (n_instances, n_features)
        training : bool

        Returns
        -------
        ndarray, shape (n_instances, n_features)

        Raises
        ------
        ValueError
            If `X` has another number of dimensions or features.

        Examples
        --------
        >>> BatchNormalization(1, epsilon=1.0)([[2.0]])  # mean 0 and variance 1 to begin with
        array([[1.41421356]])
        """
        X = _matrix("X", X, self.n_features)
        mean, variance = self.moving_mean, self.moving_variance
        if training:
            mean, variance = X.mean(axis=0), X.var(axis=0)
            self.moving_mean = self._moved(self.moving_mean, mean)
            self.moving_variance = self._moved(self.moving_variance, variance)
        x_hat = (X - mean) / np.sqrt(variance + self.epsilon)
        return np.asarray(self.gamma * x_hat + self.beta)

    def _moved(self, average: Array, value: Array) -> Array:
        return self.momentum * average + (1 - self.momentum) * value

    def gradients(self, X: ArrayLike, upstream: ArrayLike) -> Gradients:
        """Return the gradients of the training pass.

        Every instance enters μ and σ², so each input's gradient depends on the
        whole batch.

        Parameters
        ----------
        X : array_like, shape (n_instances, n_features)
            The batch of the forward pass.
        upstream : array_like, of the same shape
            ∂L/∂output.

        Returns
        -------
        Gradients

        Raises
        ------
        ValueError
            If a shape is wrong.

        Notes
        -----
        With g = γ ∂L/∂output and means over the batch,
        ∂L/∂x = (g − mean(g) − x̂ mean(g x̂)) / √(σ² + ε), which is what
        the chain rule of Ioffe and Szegedy (2015), section 3, comes to.

        Examples
        --------
        >>> BatchNormalization(1).gradients([[1.0], [3.0]], [[1.0], [0.0]]).gamma.round(2)
        array([-1.])
        """
        X = _matrix("X", X, self.n_features)
        upstream = _matrix("upstream", upstream, self.n_features)
        if upstream.shape != X.shape:
            raise ValueError(
                f"upstream has shape {upstream.shape}; it must be {X.shape}, that of X"
            )
        root = np.sqrt(X.var(axis=0) + self.epsilon)
        x_hat = (X - X.mean(axis=0)) / root
        g = self.gamma * upstream
        dX = (g - g.mean(axis=0) - x_hat * (g * x_hat).mean(axis=0)) / root
        return Gradients(dX, (upstream * x_hat).sum(axis=0), upstream.sum(axis=0))


def fold(kernel: ArrayLike, bias: ArrayLike, layer: Any) -> tuple[Array, Array]:
    """Merge a batch normalization into the dense layer before it.

    In inference both are affine, and so is their composition: with
    s = γ / √(moving variance + ε) the new kernel is W s, the new bias
    (b − moving mean) s + β.

    Parameters
    ----------
    kernel : array_like, shape (n_inputs, n_features)
    bias : array_like, shape (n_features,)
        Zeros for a dense layer with ``use_bias=False``.
    layer : BatchNormalization or keras.layers.BatchNormalization
        Built, with scale and centre.

    Returns
    -------
    kernel, bias : ndarray
        Of one dense layer that does the work of both.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> layer = BatchNormalization(1, epsilon=1.0)  # divides by √2
    >>> fold([[1.0], [2.0]], [0.0], layer)[0].round(3)
    array([[0.707],
           [1.414]])
    """
    names = ("gamma", "beta", "moving_mean", "moving_variance")
    gamma, beta, mean, variance = (np.asarray(getattr(layer, name)) for name in names)
    W, b = _matrix("kernel", kernel, len(gamma)), np.asarray(bias)
    if b.shape != gamma.shape:
        raise ValueError(f"bias has shape {b.shape}; it must be {gamma.shape}")
    scale = gamma / np.sqrt(variance + layer.epsilon)
    return W * scale, (b - mean) * scale + beta
