"""CIFAR-10, which Keras downloads: the only images of the course that are not bundled.

Project: *A deep network, six ways*, which takes them only on request.
"""

import numpy as np

from ch11lib.datasets import Dataset

CIFAR10_CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
CIFAR10_SHAPES = ((50_000, 32, 32, 3), (50_000, 1), (10_000, 32, 32, 3), (10_000, 1))
N_VALID = 5_000


class UnreachableDataError(RuntimeError):
    """The images are neither on this machine nor within its reach."""


def load_cifar10() -> Dataset:
    """Return CIFAR-10, which Keras downloads once and keeps: 170 MB.

    As in the older notebooks the first 5,000 of the 50,000 training images are
    the validation set; they are in random order.

    Returns
    -------
    Dataset
        Pixels as bytes, of shape (n, 32, 32, 3).

    Raises
    ------
    UnreachableDataError
        If the images cannot be fetched or what was fetched is not whole. The
        message says what to do.
    """
    import keras

    cure = "Set DATA = 'fashion_mnist', which needs no network, or try again later."
    try:
        (X, y), (X_test, y_test) = keras.datasets.cifar10.load_data()
    except Exception as error:  # Keras raises the bare class where the network fails
        raise UnreachableDataError(f"CIFAR-10 could not be fetched ({error}). {cure}") from error
    shapes = tuple(np.shape(array) for array in (X, y, X_test, y_test))
    if shapes != CIFAR10_SHAPES or X.dtype != np.uint8:
        raise UnreachableDataError(
            f"CIFAR-10 has shapes {shapes} and {X.dtype} where {CIFAR10_SHAPES} and uint8 were "
            f"expected. Delete what Keras keeps in datasets/cifar-10-batches-py-target*. {cure}"
        )
    y, y_test = (labels.ravel().astype(np.uint8) for labels in (y, y_test))
    return Dataset(
        X_train=X[N_VALID:],
        y_train=y[N_VALID:],
        X_valid=X[:N_VALID],
        y_valid=y[:N_VALID],
        X_test=X_test,
        y_test=y_test,
        class_names=CIFAR10_CLASSES,
    )
