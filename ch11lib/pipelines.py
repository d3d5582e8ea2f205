"""Batches as ``fit`` and ``evaluate`` make them from arrays, made once and with less around them.

Used by most lessons. Keras. Where an epoch takes a tenth of a second, preparing one takes
longer: Keras on TensorFlow builds a `tf.data` pipeline in every call, and TensorFlow watches
how fast it runs. Here it is built once, without that. The batches of `shuffled` and
`in_order`, and their order, are exactly those of ``fit`` and ``evaluate`` in Keras 3.15.
`batches` deals out a number of batches.
"""

from typing import Any

import keras
import tensorflow as tf
from numpy.typing import ArrayLike

from ch11lib import _checks

__all__ = ["batches", "in_order", "light", "shuffled"]


def light(pipeline: Any) -> Any:
    """Return a `tf.data.Dataset` that TensorFlow runs as it is.

    It is neither rewritten nor tuned while it runs, and no thread watches it.
    The elements stay what they are. That pays for short pipelines; a long one, with
    parallel steps whose number is to be found, is better left to TensorFlow.

    Parameters
    ----------
    pipeline : tf.data.Dataset

    Returns
    -------
    tf.data.Dataset
        With the same elements.

    Examples
    --------
    >>> [int(element) for element in light(tf.data.Dataset.range(3))]
    [0, 1, 2]
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    return pipeline.with_options(options)


def _tensors(X: ArrayLike, y: ArrayLike, batch_size: int) -> tuple[Any, Any]:
    """Check the arguments; return both as tensors, floating-point numbers in Keras's type.

    A tensor of that type is not copied.
    """
    _checks.count("batch_size", batch_size)
    inputs, labels = (
        tf.cast(array, keras.config.floatx()) if array.dtype.is_floating else array
        for array in map(tf.convert_to_tensor, (X, y))
    )
    if len(inputs) != len(labels) or len(labels) == 0:
        raise ValueError(
            f"X has {len(inputs)} rows and y has {len(labels)}; they must agree, above 0"
        )
    return inputs, labels


def _parts(rows: Any, batch_size: int) -> Any:
    """Return batches of `rows`, a tensor with a known number of them; the last may be smaller."""
    n = len(rows) if rows.shape[0] is None else rows.shape[0]
    whole = n // batch_size * batch_size
    parts = tf.data.Dataset.from_tensor_slices(
        tf.reshape(rows[:whole], (n // batch_size, batch_size, *rows.shape[1:]))
    )
    return parts if whole == n else parts.concatenate(tf.data.Dataset.from_tensors(rows[whole:]))


def shuffled(X: ArrayLike, y: ArrayLike, batch_size: int = 32) -> Any:
    """Return batches in random order, as ``fit`` makes them from arrays.

    Parameters
    ----------
    X : array_like, shape (n, ...)
    y : array_like, shape (n,)
        At least one row.
    batch_size : int
        At least 1.

    Returns
    -------
    tf.data.Dataset
        Of pairs: rows of `X`, shape (batch_size, ...), and of `y`, shape (batch_size,). The
        last pair may be shorter. The order comes from the seed that
        ``keras.utils.set_random_seed`` or `experiments.reinitialize` gave before the
        call: make it anew for each seed. After a seed each pass has the same order,
        here as in ``fit`` (Keras 3.15 on TensorFlow); without one, each has its own.

    Raises
    ------
    ValueError
        If `batch_size` is below 1, or lengths differ or are 0.

    Examples
    --------
    >>> [len(labels) for _, labels in shuffled([[1.0], [2.0], [3.0]], [1, 2, 3], batch_size=2)]
    [2, 1]
    """
    inputs, labels = _tensors(X, y, batch_size)

    def order(_: Any) -> Any:
        return tf.random.shuffle(tf.range(len(labels), dtype=tf.int64))

    numbers = tf.data.Dataset.range(1).map(order).flat_map(lambda row: _parts(row, batch_size))
    pairs = numbers.map(lambda i: (tf.gather(inputs, i), tf.gather(labels, i)))
    n_batches = -(-len(labels) // batch_size)  # flat_map forgets it, and fit would guess
    return light(pairs.apply(tf.data.experimental.assert_cardinality(n_batches)))


def in_order(X: ArrayLike, y: ArrayLike, batch_size: int = 32) -> Any:
    """Return the batches in the order of the rows, as ``evaluate`` makes them from arrays.

    Parameters
    ----------
    X : array_like, shape (n, ...)
    y : array_like, shape (n,)
        At least one row.
    batch_size : int
        At least 1.

    Returns
    -------
    tf.data.Dataset
        Of pairs: rows of `X`, shape (batch_size, ...), and of `y`, shape (batch_size,).
        The last pair may be shorter.

    Raises
    ------
    ValueError
        If `batch_size` is below 1, or lengths differ or are 0.

    Examples
    --------
    >>> [y.numpy().tolist() for _, y in in_order([[1.0], [2.0], [3.0]], [7, 8, 9], batch_size=2)]
    [[7, 8], [9]]
    """
    inputs, labels = _tensors(X, y, batch_size)
    return light(tf.data.Dataset.zip((_parts(inputs, batch_size), _parts(labels, batch_size))))


def batches(X: ArrayLike, y: ArrayLike, n_steps: int, batch_size: int = 32, seed: int = 0) -> Any:
    """Return a number of shuffled batches of images, as ``fit`` takes them.

    Few labels make short epochs. To compare label counts at an equal number of
    steps, the images come again in new random orders until there are `n_steps`
    batches. The pixels stay bytes until their batch is made.

    Parameters
    ----------
    X : array_like of int, shape (n, ...)
        Pixels from 0 to 255, not scaled yet.
    y : array_like of int, shape (n,)
    n_steps, batch_size : int
        At least 1.
    seed : int
        Of the orders. They also depend on ``keras.utils.set_random_seed``.

    Returns
    -------
    tf.data.Dataset
        Of `n_steps` pairs: pixels as float32 from 0 to 1, shape
        (batch_size, ...), and labels, shape (batch_size,).

    Raises
    ------
    ValueError
        If a number is below 1, lengths differ or are 0, or `X` holds
        floating-point numbers, which would be scaled a second time.

    Examples
    --------
    >>> [(X.shape[0], float(X[0, 0])) for X, _ in batches([[51], [51], [51]], [0, 1, 2], 2, 4)]
    [(4, 0.20000000298023224), (4, 0.20000000298023224)]
    """
    _checks.count("n_steps", n_steps)
    _checks.count("batch_size", batch_size)
    images, labels = tf.convert_to_tensor(X), tf.convert_to_tensor(y)  # no copy of a tensor
    if len(images) != len(labels) or len(labels) == 0:
        raise ValueError(
            f"X has {len(images)} rows and y has {len(labels)}; they must agree, above 0"
        )
    if images.dtype.is_floating:
        raise ValueError(f"X is of {images.dtype.name}; it must hold pixels as integers, 0 to 255")
    # Numbers are shuffled, not images: a buffer of images takes twice their memory.
    order = tf.data.Dataset.range(len(labels)).shuffle(len(labels), seed=seed).repeat()
    return light(
        order.batch(batch_size)
        .take(n_steps)
        .map(lambda i: (tf.cast(tf.gather(images, i), tf.float32) / 255, tf.gather(labels, i)))
    )
