"""Batches as ``fit`` and ``evaluate`` make them from arrays, made once and with less around them.

Where an epoch takes a tenth of a second, preparing one takes longer: Keras builds a
`tf.data` pipeline in every call, and TensorFlow rewrites it and watches how fast it runs.
Here it is built without that. The batches, and their order, are the same to the bit.
"""

from typing import Any

from numpy.typing import ArrayLike

__all__ = ["in_order", "light", "shuffled"]


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
    """
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    return pipeline.with_options(options)


def _tensors(X: ArrayLike, y: ArrayLike, batch_size: int) -> tuple[Any, Any]:
    """Check the arguments; return both as tensors, numbers with a point as Keras has them.

    A tensor that is so already is not copied.
    """
    import keras
    import tensorflow as tf

    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; it must be >= 1")
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
    import tensorflow as tf

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
    """
    import tensorflow as tf

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
    """
    import tensorflow as tf

    inputs, labels = _tensors(X, y, batch_size)
    return light(tf.data.Dataset.zip((_parts(inputs, batch_size), _parts(labels, batch_size))))
