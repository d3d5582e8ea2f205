"""Features from images without labels: autoencoders and an auxiliary task. Keras.

Lesson: *Unsupervised pretraining*. What is trained here has the same hidden
layers as `ch11lib.models.build_mlp`, so that
`ch11lib.transfer_learning.copy_layers` carries them over.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ch11lib import _checks
from ch11lib.models import hidden_layers

__all__ = ["build_autoencoder", "corrupt", "greedy_autoencoder", "rotate"]


def build_autoencoder(
    hidden: Sequence[int],
    activation: str = "relu",
    kernel_initializer: Any = "he_normal",
    input_shape: Sequence[int] = (28, 28),
) -> Any:
    """Return Flatten → one Dense per entry of `hidden` → Dense back to all pixels.

    Parameters
    ----------
    hidden : sequence of int
        Units of each layer of the encoder; the last is the code.
    activation : str
        Of the encoder.
    kernel_initializer : str or keras.initializers.Initializer
        Of the encoder; an object must have no seed.
    input_shape : sequence of int
        Shape of one image.

    Returns
    -------
    keras.Sequential
        Built, not compiled. Its output has shape (n, pixels), with a sigmoid:
        pixels from 0 to 1 are its targets.

    Raises
    ------
    ValueError
        If `hidden` is empty or a layer has no units.

    Notes
    -----
    The decoder is one layer, whatever the depth of the encoder: only the
    encoder is reused, and what a shallow decoder can read from the code is
    what a classifier can read, too.

    Examples
    --------
    >>> build_autoencoder([200, 100]).output_shape
    (None, 784)
    """
    if len(hidden) == 0:
        raise ValueError("hidden is empty; it must have at least one layer")
    return keras.Sequential(
        [
            keras.Input(tuple(input_shape)),
            keras.layers.Flatten(),
            *hidden_layers(hidden, activation, kernel_initializer),
            keras.layers.Dense(int(np.prod(input_shape)), "sigmoid"),
        ]
    )


def greedy_autoencoder(
    X: ArrayLike,
    hidden: Sequence[int],
    activation: str = "sigmoid",
    epochs: int = 5,
    batch_size: int = 128,
    seed: int = 0,
) -> list[list[NDArray[np.float32]]]:
    """Train one autoencoder per layer, each on the codes of the one below.

    Parameters
    ----------
    X : array_like, shape (n, ...), values from 0 to 1
    hidden : sequence of int
        Units of each layer.
    activation : str
        Of the encoders. Codes must be in [0, 1] for the layer above: use
        ``"sigmoid"``, or another function with that range.
    epochs, batch_size : int
        Of each autoencoder; at least 1.
    seed : int
        Of weights and orders.

    Returns
    -------
    list of [kernel, bias]
        One pair per layer, to be given to ``layer.set_weights``.

    Raises
    ------
    ValueError
        If `hidden` has no or an empty layer, a number is below 1, or the data
        or codes leave [0, 1].

    Notes
    -----
    Bengio, Lamblin, Popovici and Larochelle (2006), with autoencoders in place
    of restricted Boltzmann machines.

    Examples
    --------
    >>> X = np.random.default_rng(0).random((20, 4, 4))
    >>> [kernel.shape for kernel, bias in greedy_autoencoder(X, [8, 5], epochs=1)]
    [(16, 8), (8, 5)]
    """
    _checks.count("epochs", epochs)
    _checks.count("batch_size", batch_size)
    if len(hidden) == 0:
        raise ValueError("hidden is empty; it must have at least one layer")
    keras.utils.set_random_seed(seed)
    codes, weights = np.asarray(X, np.float32).reshape(len(np.asarray(X)), -1), []
    for units in hidden:
        if codes.min() < 0 or codes.max() > 1:
            raise ValueError(
                f"values go from {codes.min():.2g} to {codes.max():.2g}; they must be in [0, 1]"
            )
        model = build_autoencoder([units], activation, "glorot_uniform", codes.shape[1:])
        steps = max(1, len(codes) // batch_size // 4)
        model.compile("adam", "binary_crossentropy", steps_per_execution=min(steps, 20))
        model.fit(codes, codes, batch_size=batch_size, epochs=epochs, verbose=0)
        encoder = model.layers[1]
        weights.append(encoder.get_weights())
        codes = keras.ops.convert_to_numpy(encoder(codes))
    return weights


def rotate(X: NDArray[Any], seed: int = 0) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    """Turn each image by a random multiple of 90°.

    Parameters
    ----------
    X : ndarray, shape (n, side, side)
        Square images.
    seed : int

    Returns
    -------
    X_rotated : ndarray, of the same shape and dtype
    quarter_turns : ndarray of uint8, shape (n,)
        Anticlockwise, 0 to 3: the labels of the task, which cost nothing.

    Raises
    ------
    ValueError
        If the images are not square.

    Notes
    -----
    Gidaris, Singh and Komodakis (2018), arXiv:1803.07728.

    Examples
    --------
    >>> X, turns = rotate(np.array([[[1, 2], [3, 4]]]), seed=1)
    >>> turns, X[0].tolist()
    (array([1], dtype=uint8), [[2, 4], [1, 3]])
    """
    X = np.asarray(X)
    if X.ndim != 3 or X.shape[1] != X.shape[2]:
        raise ValueError(f"X has shape {X.shape}; it must be (n, side, side)")
    turns = np.random.default_rng(seed).integers(0, 4, len(X)).astype(np.uint8)
    rotated = np.empty_like(X)
    for k in range(4):
        rotated[turns == k] = np.rot90(X[turns == k], k, axes=(1, 2))
    return rotated, turns


def corrupt(X: ArrayLike, fraction: float, seed: int = 0) -> NDArray[np.float32]:
    """Set a random fraction of all pixels to 0, as a denoising autoencoder's input.

    Parameters
    ----------
    X : array_like
        Of any shape.
    fraction : float
        From 0 to 1.
    seed : int

    Returns
    -------
    ndarray of float32, of the same shape

    Raises
    ------
    ValueError
        If `fraction` is out of range.

    Notes
    -----
    Masking noise of Vincent, Larochelle, Bengio and Manzagol (2008).

    Examples
    --------
    >>> corrupt([1.0, 1.0, 1.0, 1.0], fraction=0.5, seed=0)
    array([1., 0., 0., 0.], dtype=float32)
    """
    _checks.fraction("fraction", fraction)
    X = np.asarray(X, np.float32)
    return X * (np.random.default_rng(seed).random(X.shape) >= fraction)
