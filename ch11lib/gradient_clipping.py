"""Gradient clipping by value, by norm and by global norm. Keras.

Lesson: *Gradient clipping*. The three functions are named as the arguments of
every Keras optimizer, and written in NumPy. A gradient is a list of arrays, one
per variable; None stands for a variable that the loss does not depend on.
`train_and_record` trains a Keras model on TensorFlow.

The cliff is the error surface of figure 6 in Pascanu, Mikolov and Bengio
(2013), "On the difficulty of training recurrent neural networks": one
recurrent unit, x_t = w σ(x_(t−1)) + b, and the loss (σ(x_50) − 0.7)².
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from ch11lib import _checks

__all__ = [
    "Cliff",
    "Norms",
    "clipnorm",
    "clipvalue",
    "cliff",
    "descend",
    "global_clipnorm",
    "global_norm",
    "train_and_record",
]

Array = NDArray[np.floating[Any]]
Gradients = Sequence[ArrayLike | None]
Clipped = list[Array | None]
START, TARGET = 0.5, 0.7  # x_0, and the value that σ(x_50) should have


def _arrays(gradients: Gradients) -> Clipped:
    """Return the gradients as arrays of float64, None as None."""
    return [None if g is None else np.asarray(g, float) for g in gradients]


def _factor(norm: float, threshold: float) -> float:
    """Return what a gradient of this norm is multiplied by; NaN if the norm is NaN."""
    return 1.0 if norm <= threshold else threshold / norm


def global_norm(gradients: Gradients) -> float:
    """Return the Euclidean norm of all gradients laid end to end, √(Σ g²).

    Parameters
    ----------
    gradients : sequence of array_like or None
        One per variable, of any shapes.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If there is no array among the gradients.

    Examples
    --------
    >>> global_norm([[3.0], None, [[4.0]]])
    5.0
    """
    arrays = [g for g in _arrays(gradients) if g is not None]
    if not arrays:
        raise ValueError("gradients is empty; give one array per variable")
    return math.sqrt(sum(float(np.sum(g**2)) for g in arrays))


def clipvalue(gradients: Gradients, threshold: float) -> Clipped:
    """Cut every single entry to [−threshold, threshold].

    Parameters
    ----------
    gradients : sequence of array_like or None
        One per variable, of any shapes.
    threshold : float
        Above 0; ``math.inf`` clips nothing.

    Returns
    -------
    list of ndarray of float64, or None where the gradient is None
        Of the same shapes. NaN stays NaN.

    Raises
    ------
    ValueError
        If `threshold` is not positive.

    Notes
    -----
    Changes the direction of the gradient as soon as it cuts an entry, unless
    all entries are cut in proportion.

    Examples
    --------
    >>> clipvalue([[3.0, 4.0], None], threshold=1.0)
    [array([1., 1.]), None]
    """
    _checks.positive("threshold", threshold, infinity=True)
    return [None if g is None else np.clip(g, -threshold, threshold) for g in _arrays(gradients)]


def clipnorm(gradients: Gradients, threshold: float) -> Clipped:
    """Shorten each variable's gradient by itself to a norm of at most `threshold`.

    A gradient g becomes g · min(1, threshold / ‖g‖).

    Parameters
    ----------
    gradients : sequence of array_like or None
        One per variable, of any shapes.
    threshold : float
        Above 0; ``math.inf`` clips nothing.

    Returns
    -------
    list of ndarray of float64, or None where the gradient is None
        Of the same shapes. An array that holds NaN becomes NaN as a whole, as in Keras.

    Raises
    ------
    ValueError
        If `threshold` is not positive.

    Notes
    -----
    Keeps the direction within each variable, but not that of the whole
    gradient: a long part is shortened, a short part beside it is not.

    Examples
    --------
    >>> clipnorm([[3.0, 4.0], [0.1]], threshold=1.0)
    [array([0.6, 0.8]), array([0.1])]
    """
    _checks.positive("threshold", threshold, infinity=True)
    return [
        None if g is None else g * _factor(float(np.linalg.norm(g)), threshold)
        for g in _arrays(gradients)
    ]


def global_clipnorm(gradients: Gradients, threshold: float) -> Clipped:
    """Shorten the whole gradient to a norm of at most `threshold`.

    All arrays are multiplied by min(1, threshold / ‖g‖), where ‖g‖ is the
    `global_norm`.

    Parameters
    ----------
    gradients : sequence of array_like or None
        One per variable, of any shapes.
    threshold : float
        Above 0; ``math.inf`` clips nothing.

    Returns
    -------
    list of ndarray of float64, or None where the gradient is None
        Of the same shapes. If the norm is NaN or infinite, all become NaN, as in Keras.

    Raises
    ------
    ValueError
        If `threshold` is not positive, or there is no array among the gradients.

    Notes
    -----
    Keeps the direction. Pascanu, Mikolov and Bengio (2013), algorithm 1.

    Examples
    --------
    >>> global_clipnorm([[3.0], None, [4.0]], threshold=1.0)
    [array([0.6]), None, array([0.8])]
    """
    _checks.positive("threshold", threshold, infinity=True)
    norm = global_norm(gradients)
    factor = _factor(norm, threshold) if math.isfinite(norm) else math.nan
    return [None if g is None else g * factor for g in _arrays(gradients)]


class Cliff(NamedTuple):
    """What `cliff` returns; each array has the broadcast shape of w and b.

    Attributes
    ----------
    loss : ndarray
        (σ(x_T) − 0.7)².
    dw, db : ndarray
        ∂loss/∂w and ∂loss/∂b.

    Examples
    --------
    >>> cliff(w=[0.0, 6.0], b=0.0).dw.round(3)
    array([-0.05 ,  0.002])
    """

    loss: Array
    dw: Array
    db: Array


def cliff(w: ArrayLike, b: ArrayLike, steps: int = 50) -> Cliff:
    """Return loss and gradient of the one-unit recurrent network.

    From x_0 = 0.5 on, x_t = w σ(x_(t−1)) + b; the loss is (σ(x_T) − 0.7)².

    Parameters
    ----------
    w, b : array_like
        Recurrent weight and bias; they are broadcast.
    steps : int
        T, how often the unit feeds itself; at least 1.

    Returns
    -------
    Cliff

    Raises
    ------
    ValueError
        If `steps` is below 1.

    Notes
    -----
    The derivatives follow the same recursion as x: with s = σ(x),
    ∂x_t/∂w = s + w s (1 − s) ∂x_(t−1)/∂w, and likewise for b with 1 for s.

    Examples
    --------
    >>> cliff([0.0, 5.0], -2.0).loss.round(3)
    array([0.337, 0.056])
    """
    _checks.count("steps", steps)
    w, b = np.broadcast_arrays(np.asarray(w, float), np.asarray(b, float))
    x, dw, db = np.full(w.shape, START), np.zeros(w.shape), np.zeros(w.shape)
    for _ in range(steps):
        s = expit(x)
        slope = w * s * (1 - s)
        x, dw, db = w * s + b, s + slope * dw, 1 + slope * db
    s = expit(x)
    outer = 2 * (s - TARGET) * s * (1 - s)
    return Cliff((s - TARGET) ** 2, outer * dw, outer * db)


def descend(
    start: tuple[float, float],
    learning_rate: float,
    threshold: float = math.inf,
    n_steps: int = 80,
) -> Array:
    """Walk down the cliff by gradient descent with clipping by global norm.

    Parameters
    ----------
    start : tuple of float
        First (w, b).
    learning_rate : float
        Above 0.
    threshold : float
        Above 0; infinity, the default, clips nothing.
    n_steps : int
        At least 1.

    Returns
    -------
    ndarray, shape (n_steps + 1, 2)
        The points (w, b), the start first.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Examples
    --------
    >>> descend((0.0, 0.0), learning_rate=1.0, n_steps=1).round(3)
    array([[0.  , 0.  ],
           [0.05, 0.1 ]])
    """
    _checks.positive("learning_rate", learning_rate)
    _checks.positive("threshold", threshold, infinity=True)
    path = [np.asarray(start, float)]
    for _ in range(_checks.count("n_steps", n_steps)):
        _, dw, db = cliff(*path[-1])
        gradient = np.array([dw, db])
        step = gradient * _factor(global_norm([gradient]), threshold)
        path.append(path[-1] - learning_rate * step)
    return np.stack(path)


class Norms(NamedTuple):
    """What `train_and_record` saw; one entry per training step.

    Attributes
    ----------
    loss, norm : ndarray, shape (n_steps,)
        Loss of the batch, and global norm of its gradient before clipping.

    Examples
    --------
    >>> Norms(loss=np.array([2.3]), norm=np.array([0.7])).norm.max()
    np.float64(0.7)
    """

    loss: Array
    norm: Array


def train_and_record(
    model: keras.Model, X: Any, y: Any, batch_size: int, epochs: int = 1, seed: int = 0
) -> Norms:
    """Train a compiled Keras model and record each batch's gradient norm.

    Does what ``model.fit`` does, the optimizer's clipping and the loss scaling
    of mixed precision included, step by step with TensorFlow's gradient tape.

    Parameters
    ----------
    model : keras.Model
        Compiled with a sparse categorical cross-entropy, in its usual order of
        outputs; its optimizer is used.
    X, y : array_like, shapes (n, ...) and (n,)
    batch_size, epochs : int
        At least 1.
    seed : int
        Of the order of the instances.

    Returns
    -------
    Norms
        With mixed precision the first norms can be NaN: the optimizer leaves
        these steps out, and halves its scale of the loss until they fit.

    Raises
    ------
    ValueError
        If `model` is not compiled, or a number is below 1.

    Examples
    --------
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, "softmax")])
    >>> model.compile("sgd", "sparse_categorical_crossentropy")
    >>> train_and_record(model, np.eye(2), np.array([0, 2]), batch_size=1, epochs=5).norm.shape
    (10,)
    """
    _checks.count("batch_size", batch_size)
    _checks.count("epochs", epochs)
    if not getattr(model, "compiled", False):
        raise ValueError("model is not compiled; call model.compile(...) first")
    optimizer = model.optimizer

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def step(X_batch: Any, y_batch: Any) -> Any:
        scale = optimizer.scale_loss(1.0)  # not 1 with mixed precision; apply divides by it
        with tf.GradientTape() as tape:
            loss = model.compute_loss(y=y_batch, y_pred=model(X_batch, training=True))
            scaled = optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, [v.value for v in model.trainable_variables])
        norm = tf.linalg.global_norm(gradients) / scale
        optimizer.apply(gradients, model.trainable_variables)
        return loss, norm

    data = tf.data.Dataset.from_tensor_slices((X, y)).shuffle(
        len(y), seed=seed, reshuffle_each_iteration=True
    )
    optimizer.build(model.trainable_variables)
    rows = [step(*batch) for batch in data.batch(batch_size).repeat(epochs)]
    loss, norm = np.array(rows, dtype=float).T
    return Norms(loss, norm)
