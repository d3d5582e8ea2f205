"""How uncertain predictions are, and how well they know it. NumPy only.

Lesson: *Monte Carlo dropout*. All functions take the predicted probabilities of
several samples, of shape (samples, n, classes), as `mc_dropout.mc_predict`
returns them; a single prediction of shape (n, classes) is given as
``[prediction]``. Below, p_t is the prediction of sample t for one instance, p̄
the mean of all samples, and H[p] = −Σ_k p_k ln p_k the entropy in nats.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import entr

__all__ = [
    "Reliability",
    "expected_calibration_error",
    "mutual_information",
    "nll",
    "predictive_entropy",
    "reliability",
]

Array = NDArray[np.floating[Any]]


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
    """Return the entropy of the mean prediction, H[p̄]: all uncertainty, in nats.

    Parameters
    ----------
    probabilities : array_like of float, shape (samples, n, classes)

    Returns
    -------
    ndarray, shape (n,)
        From 0 to ln(classes).

    Raises
    ------
    ValueError
        If `probabilities` has another shape or does not hold probabilities.

    Examples
    --------
    >>> predictive_entropy([[[0.5, 0.5], [1.0, 0.0]]]).round(3).tolist()  # ln 2, and 0
    [0.693, 0.0]
    """
    return np.asarray(entr(_checked(probabilities).mean(axis=0)).sum(axis=-1))


def mutual_information(probabilities: ArrayLike) -> Array:
    """Return how much the samples disagree, H[p̄] − mean of H[p_t], in nats.

    It is the uncertainty that comes from the choice of the network. The rest of
    the predictive entropy is there even when all samples agree.

    Parameters
    ----------
    probabilities : array_like of float, shape (samples, n, classes)

    Returns
    -------
    ndarray, shape (n,)
        From 0 to `predictive_entropy`.

    Raises
    ------
    ValueError
        If `probabilities` has another shape or does not hold probabilities.

    Notes
    -----
    The mutual information of prediction and weights: the BALD score of Houlsby
    et al. (2011), arXiv:1112.5745, equation 2. Never negative, by Jensen's
    inequality; what rounding leaves below 0 is set to 0.

    Examples
    --------
    >>> mutual_information([[[1.0, 0.0]], [[0.0, 1.0]]]).round(3).tolist()  # ln 2
    [0.693]
    """
    array = _checked(probabilities)
    mean_entropy = entr(array).sum(axis=-1).mean(axis=0)
    return np.asarray(np.maximum(predictive_entropy(array) - mean_entropy, 0))


def nll(probabilities: ArrayLike, y: ArrayLike) -> float:
    """Return the negative log-likelihood of the mean prediction, −(1/n) Σ_i ln p̄_i(y_i), in nats.

    Parameters
    ----------
    probabilities : array_like of float, shape (samples, n, classes)
    y : array_like of int, shape (n,)
        The classes.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If an argument has another shape or holds other values.

    Notes
    -----
    Like scikit-learn's ``log_loss``, it counts a probability below the spacing
    of floats at 1 as that spacing, so that the result is finite.

    Examples
    --------
    >>> round(nll([[[0.25, 0.75]], [[0.75, 0.25]]], [1]), 3)  # -ln 0.5
    0.693
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

    Examples
    --------
    >>> reliability([[[0.9, 0.1], [0.9, 0.1]]], [0, 1], n_bins=2).accuracy
    array([nan, 0.5])
    """

    confidence: Array
    accuracy: Array
    counts: NDArray[np.intp]


def reliability(probabilities: ArrayLike, y: ArrayLike, n_bins: int = 15) -> Reliability:
    """Compare how sure the mean prediction is with how often it is right.

    The confidence of a prediction is its highest probability, max_k p̄_k.

    Parameters
    ----------
    probabilities : array_like of float, shape (samples, n, classes)
    y : array_like of int, shape (n,)
        The classes.
    n_bins : int
        Bins of equal width over (0, 1], each with its upper end; at least 1.

    Returns
    -------
    Reliability

    Raises
    ------
    ValueError
        If an argument has another shape or is out of range.

    Examples
    --------
    >>> bins = reliability([[[0.3, 0.7], [0.2, 0.8]]], [1, 0], n_bins=2)
    >>> bins.confidence[1].round(2).item(), bins.accuracy[1].item(), bins.counts.tolist()
    (0.75, 0.5, [0, 2])
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
    """Return the expected calibration error, Σ_b (n_b / n) · abs(accuracy_b − confidence_b).

    Parameters
    ----------
    probabilities : array_like of float, shape (samples, n, classes)
    y : array_like of int, shape (n,)
        The classes.
    n_bins : int
        Bins of equal width over (0, 1], each with its upper end; at least 1.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    ValueError
        If an argument has another shape or is out of range.

    Notes
    -----
    Guo et al. (2017), arXiv:1706.04599, equation 3.

    Examples
    --------
    >>> round(expected_calibration_error([[[0.3, 0.7], [0.2, 0.8]]], [1, 0], n_bins=2), 2)
    0.25
    """
    bins = reliability(probabilities, y, n_bins)
    gaps = np.nan_to_num(np.abs(bins.accuracy - bins.confidence))
    return float(gaps @ bins.counts / bins.counts.sum())
