"""Fashion-MNIST, bundled whole, with the splits and tasks of the course; CIFAR-10 on request.

NumPy only. Fashion-MNIST is that of Xiao, Rasul and Vollgraf (2017),
arXiv:1708.07747: 70,000 grey images of 28 × 28 pixels in ten classes, MIT licence.
It is never downloaded. The one function that needs a network is `load_cifar10`,
and it lets Keras fetch the images, so that Keras is imported there alone.
"""

import hashlib
import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ch11lib import _checks

__all__ = [
    "CLASS_NAMES",
    "DataFileError",
    "Dataset",
    "TRANSFER_TASKS",
    "TransferTasks",
    "UnreachableDataError",
    "load_cifar10",
    "load_fashion_mnist",
    "standardize",
    "subset",
    "transfer_tasks",
]

#: The ten classes of Fashion-MNIST, by label.
CLASS_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
#: Classes of task B; all other classes make up task A.
TRANSFER_TASKS = {"bag_boot": (8, 9), "sandal_shirt": (5, 6), "tshirt_pullover": (0, 2)}

DATA_FILE = Path(__file__).parent / "data" / "fashion_mnist.npz"
SHA256 = "063002653625f7c01815a5dcda78f6d9c531ea0fd1038ae5e533ab46c7f6075a"
N_VALID = 5_000
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

Images = NDArray[np.uint8]
Labels = NDArray[np.uint8]


class DataFileError(RuntimeError):
    """The bundled data file is missing, unreadable or damaged.

    Examples
    --------
    >>> raise DataFileError("The data file fashion_mnist.npz is missing.")
    Traceback (most recent call last):
    ch11lib.datasets.DataFileError: The data file fashion_mnist.npz is missing.
    """


class UnreachableDataError(RuntimeError):
    """The images of CIFAR-10 are neither on this machine nor within its reach.

    Examples
    --------
    >>> raise UnreachableDataError("CIFAR-10 could not be fetched.")
    Traceback (most recent call last):
    ch11lib.datasets.UnreachableDataError: CIFAR-10 could not be fetched.
    """


@dataclass(frozen=True)
class Dataset:
    """A training, a validation and a test set, which unpack as Keras's data sets do.

    Attributes
    ----------
    X_train, X_valid, X_test : ndarray of uint8, shape (n, 28, 28)
        Grey levels from 0 to 255, read-only. Scale them late and to float32:
        ``X.astype("float32") / 255``.
    y_train, y_valid, y_test : ndarray of uint8, shape (n,)
        Class numbers, indices into `class_names`.
    class_names : tuple of str

    Examples
    --------
    >>> data = load_fashion_mnist()
    >>> data.class_names[int(data.y_train[0])]
    'Ankle boot'
    """

    X_train: Images
    y_train: Labels
    X_valid: Images
    y_valid: Labels
    X_test: Images
    y_test: Labels
    class_names: tuple[str, ...]

    def __iter__(self) -> Iterator[tuple[Images, Labels]]:
        """Yield the pairs (X, y) of the training, the validation and the test set."""
        yield self.X_train, self.y_train
        yield self.X_valid, self.y_valid
        yield self.X_test, self.y_test


class TransferTasks(NamedTuple):
    """Task A, with many labels, and the related task B.

    Attributes
    ----------
    A, B : Dataset

    Examples
    --------
    >>> A, B = transfer_tasks("bag_boot")
    >>> B.class_names
    ('Bag', 'Ankle boot')
    """

    A: Dataset
    B: Dataset


def _read_verified() -> bytes:
    """Return the bytes of the data file after comparing their SHA-256."""
    cure = (
        f"Restore it with 'git checkout -- ch11lib/data/{DATA_FILE.name}', reinstall "
        "ch11lib, or rebuild it with ch11lib/data/build_fashion_mnist.py."
    )
    try:
        raw = DATA_FILE.read_bytes()
    except FileNotFoundError as error:
        raise DataFileError(f"The data file {DATA_FILE} is missing. {cure}") from error
    except OSError as error:
        raise DataFileError(
            f"The data file {DATA_FILE} cannot be read ({error.strerror}). "
            f"Check its permissions. {cure}"
        ) from error
    digest = hashlib.sha256(raw).hexdigest()
    if digest != SHA256:
        raise DataFileError(
            f"The data file {DATA_FILE} is damaged: {len(raw):,} bytes with SHA-256 "
            f"{digest[:12]}… where {SHA256[:12]}… was expected. {cure}"
        )
    return raw


@lru_cache(maxsize=1)
def load_fashion_mnist() -> Dataset:
    """Return Fashion-MNIST, split 55,000 / 5,000 / 10,000 as in the chapter.

    The last 5,000 of the 60,000 training images are the validation set. The
    arrays are views of one uint8 copy (55 MB); repeated calls return them again.

    Returns
    -------
    Dataset

    Raises
    ------
    DataFileError
        If the bundled file is missing, unreadable, truncated or altered. The
        message names the file and the cure.

    Examples
    --------
    >>> data = load_fashion_mnist()
    >>> data.X_train.shape, data.X_valid.shape, data.X_test.shape
    ((55000, 28, 28), (5000, 28, 28), (10000, 28, 28))
    """
    try:
        with np.load(io.BytesIO(_read_verified())) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (zipfile.BadZipFile, KeyError, ValueError) as error:  # pragma: no cover
        raise DataFileError(f"{DATA_FILE} is not a NumPy archive: {error}") from error
    for array in arrays.values():
        array.setflags(write=False)
    X, y = arrays["X_train"], arrays["y_train"]
    return Dataset(
        X_train=X[:-N_VALID],
        y_train=y[:-N_VALID],
        X_valid=X[-N_VALID:],
        y_valid=y[-N_VALID:],
        X_test=arrays["X_test"],
        y_test=arrays["y_test"],
        class_names=CLASS_NAMES,
    )


def standardize(X_train: Images, *others: Images) -> tuple[NDArray[np.float32], ...]:
    """Shift and scale all pixels so that the training set has mean 0, variance 1.

    Every array becomes (X − μ) / σ with two numbers, the mean μ and the standard
    deviation σ over all training pixels: the relations between pixels stay, and
    nothing of the validation or test images leaks into the scale.

    Parameters
    ----------
    X_train, *others : ndarray of uint8, shape (n, 28, 28)

    Returns
    -------
    tuple of ndarray of float32
        As many arrays as were given, of the same shapes.

    Raises
    ------
    ValueError
        If all pixels of `X_train` are equal.

    Examples
    --------
    >>> standardize(np.array([[0, 10]], np.uint8), np.array([[5, 15]], np.uint8))[1]
    array([[0., 2.]], dtype=float32)
    """
    mean, std = np.float32(X_train.mean()), np.float32(X_train.std())
    if std == 0:
        raise ValueError(f"X_train has only the value {mean}; it cannot be scaled to variance 1")
    return tuple((X.astype(np.float32) - mean) / std for X in (X_train, *others))


def subset(X: Images, y: Labels, size: int, seed: int) -> tuple[Images, Labels]:
    """Draw `size` images so that each class keeps its share.

    Class counts differ from the exact share by less than one (largest
    remainders are rounded up). The order is random.

    Parameters
    ----------
    X : ndarray, shape (n, ...)
    y : ndarray of int, shape (n,)
    size : int
        Number of images to draw, from 1 to n.
    seed : int
        The same seed draws the same images.

    Returns
    -------
    X_subset, y_subset : ndarray
        Copies, of length `size`.

    Raises
    ------
    ValueError
        If `size` is not between 1 and n, or X and y differ in length.

    Examples
    --------
    >>> X_subset, y_subset = subset(np.arange(8), np.array([0, 1] * 4), size=4, seed=0)
    >>> np.bincount(y_subset)
    array([2, 2])
    """
    if len(X) != len(y):
        raise ValueError(f"X has {len(X)} rows and y has {len(y)}; they must agree")
    _checks.count("size", size, maximum=len(y))
    rng = np.random.default_rng(seed)
    classes, counts = np.unique(y, return_counts=True)
    share = size * counts / len(y)
    take = np.floor(share).astype(int)
    missing = size - take.sum()
    take[np.argsort(take - share, kind="stable")[:missing]] += 1
    chosen = [
        rng.choice(np.flatnonzero(y == label), count, replace=False)
        for label, count in zip(classes, take, strict=True)
    ]
    index = rng.permutation(np.concatenate(chosen))
    return X[index], y[index]


def _restrict(X: Images, y: Labels, classes: Sequence[int]) -> tuple[Images, Labels]:
    """Keep the images of `classes` and number these from 0."""
    kept = np.isin(y, classes)
    return X[kept], np.searchsorted(classes, y[kept]).astype(np.uint8)


def _task(data: Dataset, classes: Sequence[int]) -> Dataset:
    """Return the part of `data` that shows `classes`, renumbered from 0."""
    X_train, y_train = _restrict(data.X_train, data.y_train, classes)
    X_valid, y_valid = _restrict(data.X_valid, data.y_valid, classes)
    X_test, y_test = _restrict(data.X_test, data.y_test, classes)
    names = tuple(data.class_names[c] for c in classes)
    return Dataset(X_train, y_train, X_valid, y_valid, X_test, y_test, names)


def transfer_tasks(name: str, n_labels: int | None = None, seed: int = 42) -> TransferTasks:
    """Return the two tasks of the transfer-learning lesson.

    Parameters
    ----------
    name : {"bag_boot", "sandal_shirt", "tshirt_pullover"}
        The two classes of task B; task A has the other eight, renumbered
        0 to 7. ``"bag_boot"`` is the split of the chapter's notebook.
    n_labels : int, optional
        Keep only so many training images of task B, drawn by `subset`. The
        chapter's few-label experiments use 200. Default: all.
    seed : int
        Used only with `n_labels`.

    Returns
    -------
    TransferTasks
        A named tuple ``(A, B)`` of `Dataset`.

    Raises
    ------
    ValueError
        If `name` is none of the three, or `n_labels` is out of range.

    Examples
    --------
    >>> A, B = transfer_tasks("sandal_shirt", n_labels=200)
    >>> len(A.class_names), len(B.y_train)
    (8, 200)
    """
    _checks.one_of("name", name, sorted(TRANSFER_TASKS))
    data = load_fashion_mnist()
    classes_B = TRANSFER_TASKS[name]
    classes_A = [c for c in range(10) if c not in classes_B]
    A, B = _task(data, classes_A), _task(data, classes_B)
    if n_labels is not None:
        _checks.count("n_labels", n_labels, minimum=2, maximum=len(B.y_train))
        X, y = subset(B.X_train, B.y_train, n_labels, seed)
        B = Dataset(X, y, B.X_valid, B.y_valid, B.X_test, B.y_test, B.class_names)
    return TransferTasks(A, B)


def load_cifar10() -> Dataset:
    """Return CIFAR-10, which Keras downloads once and keeps: 170 MB.

    The first 5,000 of the 50,000 training images, which are in random order, are the
    validation set; there are 45,000 / 5,000 / 10,000 images.

    Returns
    -------
    Dataset
        Pixels as uint8, of shape (n, 32, 32, 3).

    Raises
    ------
    UnreachableDataError
        If the images cannot be fetched or what was fetched is not whole. The
        message says what to do.

    Notes
    -----
    Krizhevsky (2009), Learning Multiple Layers of Features from Tiny Images.

    Examples
    --------
    >>> load_cifar10().X_train.shape  # doctest: +SKIP
    (45000, 32, 32, 3)
    """
    import keras  # here alone: the module is NumPy, and Keras only fetches the file

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
