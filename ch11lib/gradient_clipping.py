"""Gradient clipping by value, by norm and by global norm, in NumPy.

Lesson: *Gradient clipping*. The three functions are named as the arguments of
every Keras optimizer. A gradient is a list of arrays, one per variable.

The cliff is the error surface of figure 6 in Pascanu, Mikolov and Bengio
(2013), "On the difficulty of training recurrent neural networks": one
recurrent unit, x_t = w σ(x_(t−1)) + b, and the loss (σ(x_50) − 0.7)².
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

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
START, TARGET = 0.5, 0.7  # x_0, and the value that σ(x_50) shall have


def _check_threshold(name: str, value: float) -> None:
    """Raise unless `value` is positive; infinity means no clipping."""
    if not value > 0:
        raise ValueError(f"{name} is {value}; it must be > 0")


def _shorten(array: Array, norm: float, threshold: float) -> Array:
    """Return `array` times threshold / norm if norm exceeds the threshold."""
    return array * (threshold / norm) if norm > threshold else array


def global_norm(gradients: Sequence[ArrayLike]) -> float:
    """Return the Euclidean norm of all gradients laid end to end.

    Parameters
    ----------
    gradients : sequence of array_like
        One per variable, of any shapes.

    Raises
    ------
    ValueError
        If `gradients` is empty.
    """
    if len(gradients) == 0:
        raise ValueError("gradients is empty; give one array per variable")
    return math.sqrt(sum(float(np.sum(np.square(np.asarray(g, float)))) for g in gradients))


def clipvalue(gradients: Sequence[ArrayLike], threshold: float) -> list[Array]:
    """Cut every single entry to [−threshold, threshold].

    Parameters
    ----------
    gradients : sequence of array_like
    threshold : float
        Above 0; ``math.inf`` clips nothing.

    Returns
    -------
    list of ndarray of float, of the same shapes

    Raises
    ------
    ValueError
        If `threshold` is not positive.

    Notes
    -----
    Changes the direction of the gradient as soon as it cuts an entry, unless
    all entries are cut in proportion.
    """
    _check_threshold("threshold", threshold)
    return [np.clip(np.asarray(g, float), -threshold, threshold) for g in gradients]


def clipnorm(gradients: Sequence[ArrayLike], threshold: float) -> list[Array]:
    """Shorten each variable's gradient by itself to a norm of at most `threshold`.

    Parameters, returns and errors as in `clipvalue`.

    Notes
    -----
    Keeps the direction within each variable, but not that of the whole
    gradient: a long part is shortened, a short part beside it is not.
    """
    _check_threshold("threshold", threshold)
    arrays = [np.asarray(g, float) for g in gradients]
    return [_shorten(a, float(np.linalg.norm(a)), threshold) for a in arrays]


def global_clipnorm(gradients: Sequence[ArrayLike], threshold: float) -> list[Array]:
    """Shorten the whole gradient to a norm of at most `threshold`.

    Parameters, returns and errors as in `clipvalue`.

    Notes
    -----
    Keeps the direction. Pascanu, Mikolov and Bengio (2013), algorithm 1.
    """
    _check_threshold("threshold", threshold)
    norm = global_norm(gradients)
    return [_shorten(np.asarray(g, float), norm, threshold) for g in gradients]


class Cliff(NamedTuple):
    """The loss at (w, b) and its two derivatives, each of their broadcast shape."""

    loss: Array
    dw: Array
    db: Array


def cliff(w: ArrayLike, b: ArrayLike, steps: int = 50) -> Cliff:
    """Return loss and gradient of the one-unit recurrent network.

    Parameters
    ----------
    w, b : array_like
        Recurrent weight and bias; they are broadcast.
    steps : int
        How often the unit feeds itself; at least 1.

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
    """
    if steps < 1:
        raise ValueError(f"steps is {steps}; it must be >= 1")
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
    """
    if not 0 < learning_rate < math.inf:
        raise ValueError(f"learning_rate is {learning_rate}; it must be finite and > 0")
    if n_steps < 1:
        raise ValueError(f"n_steps is {n_steps}; it must be >= 1")
    _check_threshold("threshold", threshold)
    path = [np.asarray(start, float)]
    for _ in range(n_steps):
        _, dw, db = cliff(*path[-1])
        (step,) = global_clipnorm([np.array([dw, db])], threshold)
        path.append(path[-1] - learning_rate * step)
    return np.stack(path)


class Norms(NamedTuple):
    """What `train_and_record` saw; one entry per training step.

    Attributes
    ----------
    loss, norm : ndarray, shape (n_steps,)
        Loss of the batch, and global norm of its gradient before clipping.
    """

    loss: Array
    norm: Array


def train_and_record(
    model: Any, X: Any, y: Any, batch_size: int, epochs: int = 1, seed: int = 0
) -> Norms:
    """Train a compiled Keras model and record each batch's gradient norm.

    Does what ``model.fit`` does, the optimizer's clipping included, step by
    step with TensorFlow's gradient tape.

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

    Raises
    ------
    ValueError
        If `model` is not compiled, or a number is below 1.
    """
    for name, value in {"batch_size": batch_size, "epochs": epochs}.items():
        if value < 1:
            raise ValueError(f"{name} is {value}; it must be >= 1")
    if not getattr(model, "compiled", False):
        raise ValueError("model is not compiled; call model.compile(...) first")
    import tensorflow as tf

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def step(X_batch: Any, y_batch: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = model.compute_loss(y=y_batch, y_pred=model(X_batch, training=True))
        gradients = tape.gradient(loss, [v.value for v in model.trainable_variables])
        model.optimizer.apply(gradients, model.trainable_variables)
        return loss, tf.linalg.global_norm(gradients)

    data = tf.data.Dataset.from_tensor_slices((X, y)).shuffle(
        len(y), seed=seed, reshuffle_each_iteration=True
    )
    model.optimizer.build(model.trainable_variables)
    rows = [step(*batch) for batch in data.batch(batch_size).repeat(epochs)]
    loss, norm = np.array(rows, dtype=float).T
    return Norms(loss, norm)
