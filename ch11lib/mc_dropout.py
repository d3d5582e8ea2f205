"""Monte Carlo dropout: many predictions under random masks, and how sure they are.

Lesson: *Monte Carlo dropout*. Gal and Ghahramani (2016), arXiv:1506.02142:
a network whose dropout stays on at inference gives another prediction each
time; their mean predicts, their spread tells what the network does not know.

`MCDropout` and `MCAlphaDropout` are the layers of ``keras.layers`` that drop
at inference, too. They are made, and Keras imported, on first use.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import entr

if TYPE_CHECKING:
    from ch11lib._mc_dropout_keras import MCAlphaDropout, MCDropout

__all__ = [
    "MCAlphaDropout",
    "MCDropout",
    "Reliability",
    "expected_calibration_error",
    "mc_predict",
    "mutual_information",
    "nll",
    "predictive_entropy",
    "reliability",
    "to_mc",
]

Array = NDArray[np.floating[Any]]


def __getattr__(name: str) -> Any:
    """Import a Keras layer on first use."""
    if name in ("MCAlphaDropout", "MCDropout"):
        from ch11lib import _mc_dropout_keras

        return getattr(_mc_dropout_keras, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def to_mc(model: Any) -> Any:
    """Return a copy of a model whose dropout stays on at inference.

    Every Dropout becomes an `MCDropout`, every AlphaDropout an
    `MCAlphaDropout`, also in models inside the model. All else stays as it is:
    a batch normalization still uses its moving averages and does not move
    them, as it would in ``model(X, training=True)``.

    Parameters
    ----------
    model : keras.Model
        Sequential or functional, and built. It is left as it is.

    Returns
    -------
    keras.Model
        With weights of its own, equal to those of `model`.

    Raises
    ------
    ValueError
        If `model` is not built or has no such layer.
    """
    from ch11lib import _mc_dropout_keras

    if not model.built:
        raise ValueError(f"model {model.name!r} is not built; give it an Input or call it first")
    if not any(type(x) in _mc_dropout_keras.MC_LAYERS for x in _mc_dropout_keras.leaves(model)):
        raise ValueError(f"model {model.name!r} has no Dropout or AlphaDropout layer")
    return _mc_dropout_keras.convert(model)


def mc_predict(
    model: Any,
    X: ArrayLike,
    samples: int = 100,
    batch_size: int | None = None,
    seed: int = 0,
    reduce: Callable[[NDArray[np.float32]], ArrayLike] | None = None,
) -> Array:
    """Predict many times, with new masks for each instance and each sample.

    Parameters
    ----------
    model : keras.Model
        From `to_mc`, or with such layers; of one input and one output.
    X : array_like, shape (n, ...)
        At least one instance.
    samples : int
        Predictions per instance; at least 1.
    batch_size : int, optional
        Rows computed at once, a row being one instance under one mask; at
        least 1. All samples of an instance are computed at once even if they
        are more. Bounds the memory. By default so many that the largest output
        of a layer takes 4 MB; 4000 if the model is no plain chain of layers.
    seed : int
        At least 0. The same arguments, this one and `batch_size` included,
        give the same result, whatever was computed before.
    reduce : callable, optional
        Takes all predictions for some instances, of shape (samples, b, ...),
        and returns an array of shape (b, ...), such as their mean or
        `mutual_information`. With it, the predictions are not kept.

    Returns
    -------
    ndarray of float32, shape (samples, n, ...)
        Or what `reduce` returns, for all n instances.

    Raises
    ------
    ValueError
        If an argument is out of range or `model` drops nothing at inference.

    Notes
    -----
    A Sequential model is run part by part, see the module
    ``_mc_dropout_predict``; there a rate is rounded to a multiple of 2⁻¹⁶.
    Meanwhile NumPy multiplies with one thread. Calls from several threads take
    turns.
    """
    for name, number, least in (
        ("samples", samples, 1),
        ("batch_size", 1 if batch_size is None else batch_size, 1),
        ("seed", seed, 0),
    ):
        if not number >= least:
            raise ValueError(f"{name} is {number}; it must be >= {least}")
    X = np.asarray(X)
    if X.ndim < 2 or len(X) == 0:
        raise ValueError(f"X has shape {X.shape}; it must be (n >= 1, ...)")
    from ch11lib._mc_dropout_predict import predict, sampler

    return predict(sampler(model), X, samples, batch_size, seed, reduce)


def _checked(probabilities: ArrayLike) -> Array:
    """Return `probabilities` as an array of shape (samples, n, classes)."""
    array = np.asarray(probabilities)
    if not np.issubdtype(array.dtype, np.floating) or array.ndim != 3 or array.size == 0:
        raise ValueError(
            f"probabilities has shape {array.shape} and dtype {array.dtype}; "
            "it must be (samples, n, classes), of floats"
        )
    if not (np.all(array >= 0) and np.allclose(array.sum(axis=-1), 1, atol=1e-3)):
        raise ValueError("probabilities holds negative numbers, or sums other than 1")
    return array


def _labels(y: ArrayLike, probabilities: Array) -> NDArray[np.integer[Any]]:
    """Return `y` as an array of class numbers, one per instance."""
    labels = np.asarray(y)
    _, n, classes = probabilities.shape
    if labels.shape != (n,) or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"y has shape {labels.shape} and dtype {labels.dtype}; it must be ({n},), of integers"
        )
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(
            f"y holds {labels.min()} to {labels.max()}; it must hold 0 to {classes - 1}"
        )
    return labels


def predictive_entropy(probabilities: ArrayLike) -> Array:
    """Return the entropy of the mean prediction, in nats: all uncertainty.

    Parameters
    ----------
    probabilities : array_like of float, shape (samples, n, classes)

    Returns
    -------
    ndarray, shape (n,)
        From 0 to log(classes).

    Raises
    ------
    ValueError
        If `probabilities` has another shape or does not hold probabilities.
    """
    return np.asarray(entr(_checked(probabilities).mean(axis=0)).sum(axis=-1))


def mutual_information(probabilities: ArrayLike) -> Array:
    """Return how much the samples disagree, in nats: the model's own uncertainty.

    It is the entropy of the mean minus the mean of the entropies. What remains
    of the predictive entropy, that mean, is there even when all samples agree.

    Parameters, returns and errors as in `predictive_entropy`.

    Notes
    -----
    Between prediction and weights; the BALD score of Houlsby et al. (2011),
    arXiv:1112.5745, equation 2. Never negative, by Jensen's inequality.
    """
    array = _checked(probabilities)
    mean_entropy = entr(array).sum(axis=-1).mean(axis=0)
    return np.asarray(np.maximum(predictive_entropy(array) - mean_entropy, 0))


def nll(probabilities: ArrayLike, y: ArrayLike) -> float:
    """Return the mean negative log-likelihood of the mean prediction, in nats.

    Parameters
    ----------
    probabilities : array_like of float, shape (samples, n, classes)
        For a single prediction of shape (n, classes), ``[prediction]``.
    y : array_like of int, shape (n,)
        The classes.

    Raises
    ------
    ValueError
        If an argument has another shape or holds other values.

    Notes
    -----
    As in scikit-learn's ``log_loss``, a probability below the spacing of
    floats at 1 counts as that spacing, so that the result is finite.
    """
    array = _checked(probabilities)
    mean = array.mean(axis=0)
    of_class = mean[np.arange(len(mean)), _labels(y, array)]
    return float(-np.log(np.maximum(of_class, np.finfo(array.dtype).eps)).mean())


class Reliability(NamedTuple):
    """What a reliability diagram shows; one entry per bin of confidence.

    Attributes
    ----------
    confidence, accuracy : ndarray, shape (n_bins,)
        Mean of the highest probabilities in the bin, and the share of them
        that is right; NaN in an empty bin.
    counts : ndarray of int, shape (n_bins,)
    """

    confidence: Array
    accuracy: Array
    counts: NDArray[np.intp]


def reliability(probabilities: ArrayLike, y: ArrayLike, n_bins: int = 15) -> Reliability:
    """Compare how sure the mean prediction is with how often it is right.

    Parameters
    ----------
    probabilities, y
        As in `nll`.
    n_bins : int
        Bins of equal width over (0, 1], each with its upper end; at least 1.

    Returns
    -------
    Reliability

    Raises
    ------
    ValueError
        If an argument is out of range.
    """
    if not n_bins >= 1:
        raise ValueError(f"n_bins is {n_bins}; it must be >= 1")
    array = _checked(probabilities)
    mean = array.mean(axis=0, dtype=float)
    confidence, right = mean.max(axis=-1), mean.argmax(axis=-1) == _labels(y, array)
    bins = np.searchsorted(np.linspace(0, 1, n_bins + 1)[1:-1], confidence)
    counts = np.bincount(bins, minlength=n_bins)
    with np.errstate(invalid="ignore"):  # 0 / 0 in an empty bin
        mean_confidence = np.bincount(bins, confidence, n_bins) / counts
        return Reliability(mean_confidence, np.bincount(bins, right, n_bins) / counts, counts)


def expected_calibration_error(probabilities: ArrayLike, y: ArrayLike, n_bins: int = 15) -> float:
    """Return the mean of abs(accuracy − confidence) over the bins, weighted by their counts.

    Parameters and errors as in `reliability`.

    Notes
    -----
    Guo et al. (2017), arXiv:1706.04599, equation 3.
    """
    bins = reliability(probabilities, y, n_bins)
    gaps = np.nan_to_num(np.abs(bins.accuracy - bins.confidence))
    return float(gaps @ bins.counts / bins.counts.sum())
