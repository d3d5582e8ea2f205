"""The bundled data are Fashion-MNIST, and every damage is told with its cure."""

import gzip
import hashlib
import struct

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from ch11lib import datasets
from ch11lib.data import build_fashion_mnist as builder


@pytest.fixture
def data():
    return datasets.load_fashion_mnist()


def test_shapes_types_and_split(data):
    assert data.X_train.shape == (55_000, 28, 28)
    assert data.X_valid.shape == (5_000, 28, 28)
    assert data.X_test.shape == (10_000, 28, 28)
    for part in ("train", "valid", "test"):
        X, y = getattr(data, f"X_{part}"), getattr(data, f"y_{part}")
        assert X.dtype == y.dtype == np.uint8
        assert len(X) == len(y)
        assert set(np.unique(y)) == set(range(10))
    assert data.class_names == datasets.CLASS_NAMES
    assert len(data.class_names) == 10


def test_data_are_zalandos(data):
    """Facts published in the paper and on Keras's page, not taken from our file."""
    full = np.concatenate([data.X_train, data.X_valid])
    labels = np.concatenate([data.y_train, data.y_valid])
    assert np.bincount(labels).tolist() == [6_000] * 10
    assert np.bincount(data.y_test).tolist() == [1_000] * 10
    assert labels[:10].tolist() == [9, 0, 0, 3, 0, 2, 7, 2, 5, 5]
    assert data.y_test[:10].tolist() == [9, 2, 1, 1, 6, 1, 4, 6, 5, 7]
    assert full.mean() / 255 == pytest.approx(0.2860, abs=5e-5)  # widely used constants
    assert full.std() / 255 == pytest.approx(0.3530, abs=5e-5)


def test_data_are_read_only_and_shared(data):
    with pytest.raises(ValueError, match="read-only"):
        data.X_train[0, 0, 0] = 1
    assert datasets.load_fashion_mnist() is data
    assert data.X_train.base is data.X_valid.base, "one copy in memory"


@pytest.fixture
def data_file(tmp_path, monkeypatch):
    """A copy of the data file that may be damaged."""
    copy = tmp_path / "fashion_mnist.npz"
    copy.write_bytes(datasets.DATA_FILE.read_bytes())
    monkeypatch.setattr(datasets, "DATA_FILE", copy)
    datasets.load_fashion_mnist.cache_clear()
    yield copy
    datasets.load_fashion_mnist.cache_clear()


def flip_bit(path):
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)


DAMAGES = {
    "missing": lambda path: path.unlink(),
    "damaged: 1,000,000 bytes": lambda path: path.write_bytes(path.read_bytes()[:1_000_000]),
    "damaged: 0 bytes": lambda path: path.write_bytes(b""),
    "damaged: 30,8": flip_bit,
    "damaged: 9 bytes": lambda path: path.write_bytes(b"not a zip"),
    "cannot be read": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("message", DAMAGES)
def test_damage_names_file_and_cure(data_file, message):
    DAMAGES[message](data_file)
    with pytest.raises(datasets.DataFileError) as caught:
        datasets.load_fashion_mnist()
    text = str(caught.value)
    assert message in text
    assert str(data_file) in text
    assert "git checkout" in text


def test_unreadable_file(data_file, monkeypatch):
    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(data_file), "read_bytes", refuse)
    with pytest.raises(datasets.DataFileError, match=r"Permission denied.*Check its permissions"):
        datasets.load_fashion_mnist()


def test_undamaged_copy_loads(data_file):
    assert len(datasets.load_fashion_mnist().X_train) == 55_000


def idx(array):
    header = struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    return gzip.compress(header + array.tobytes())


def test_builder_rebuilds_the_data(data, tmp_path, monkeypatch):
    """From IDX files, as Zalando publishes them."""
    monkeypatch.setattr(builder, "TARGET", tmp_path / "fashion_mnist.npz")
    X = np.concatenate([data.X_train, data.X_valid])
    y = np.concatenate([data.y_train, data.y_valid])
    for prefix, images, labels in (("train", X, y), ("t10k", data.X_test, data.y_test)):
        (tmp_path / f"{prefix}-images-idx3-ubyte.gz").write_bytes(idx(images))
        (tmp_path / f"{prefix}-labels-idx1-ubyte.gz").write_bytes(idx(labels))
    builder.main(tmp_path)
    with np.load(tmp_path / "fashion_mnist.npz") as archive:
        np.testing.assert_array_equal(archive["X_train"], X)
        np.testing.assert_array_equal(archive["y_test"], data.y_test)


def test_builder_refuses_other_files(tmp_path):
    (tmp_path / "x.gz").write_bytes(gzip.compress(b"\x00\x00\x0d\x01rest"))
    with pytest.raises(ValueError, match="not an IDX file"):
        builder.read_idx(tmp_path / "x.gz")


def test_stated_hash_is_the_files():
    assert hashlib.sha256(datasets.DATA_FILE.read_bytes()).hexdigest() == datasets.SHA256


@pytest.mark.parametrize("size", [1, 7, 10, 200, 9_999])
def test_subset_is_stratified_like_scikit_learns(data, size):
    X, y = datasets.subset(data.X_test, data.y_test, size, seed=3)
    assert X.shape == (size, 28, 28)
    counts = np.bincount(y, minlength=10)
    assert np.ptp(counts) <= 1
    if 10 <= size <= 9_990:
        theirs, _ = train_test_split(data.y_test, train_size=size, stratify=data.y_test)
        assert sorted(counts) == sorted(np.bincount(theirs, minlength=10))


def test_subset_keeps_unequal_shares(rng):
    y = np.repeat([0, 1, 2], [700, 200, 100])
    _, drawn = datasets.subset(np.arange(1000), y, 50, seed=0)
    assert np.bincount(drawn).tolist() == [35, 10, 5]


def test_subset_draws_images_with_their_labels_once():
    X, y = np.arange(1000), np.arange(1000) % 10
    drawn, labels = datasets.subset(X, y, 400, seed=1)
    assert len(set(drawn)) == 400
    np.testing.assert_array_equal(drawn % 10, labels)
    assert not np.array_equal(labels, np.sort(labels)), "the order is random"


def test_subset_depends_on_the_seed_alone():
    X, y = np.arange(1000), np.arange(1000) % 10
    first, again, other = (datasets.subset(X, y, 50, seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_standardize_equals_scikit_learn(data):
    from sklearn.preprocessing import StandardScaler

    X, V = data.X_train[:500], data.X_valid[:100]
    ours, valid = datasets.standardize(X, V)
    scaler = StandardScaler().fit(X.reshape(-1, 1).astype(float))
    assert ours.dtype == valid.dtype == np.float32
    np.testing.assert_allclose(valid.ravel(), scaler.transform(V.reshape(-1, 1))[:, 0], atol=1e-4)
    assert ours.mean() == pytest.approx(0, abs=1e-4)
    assert ours.std() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    ("name", "classes"),
    [
        ("bag_boot", ("Bag", "Ankle boot")),
        ("sandal_shirt", ("Sandal", "Shirt")),
        ("tshirt_pullover", ("T-shirt/top", "Pullover")),
    ],
)
def test_transfer_tasks(data, name, classes):
    A, B = datasets.transfer_tasks(name)
    assert B.class_names == classes
    assert len(A.class_names) == 8
    assert not set(A.class_names) & set(B.class_names)
    assert len(A.y_test) == 8_000
    assert len(B.y_test) == 2_000
    assert set(np.unique(A.y_train)) == set(range(8))
    assert set(np.unique(B.y_train)) == {0, 1}
    for task in (A, B):  # the new number of a class belongs to the old images
        label = data.class_names.index(task.class_names[1])
        np.testing.assert_array_equal(
            task.X_test[task.y_test == 1], data.X_test[data.y_test == label]
        )


def test_few_labels(data):
    _, B = datasets.transfer_tasks("sandal_shirt", n_labels=200, seed=1)
    assert np.bincount(B.y_train).tolist() == [100, 100]
    assert len(B.y_test) == 2_000, "only the training labels are few"
    _, other = datasets.transfer_tasks("sandal_shirt", n_labels=200, seed=2)
    assert not np.array_equal(B.X_train, other.X_train)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda d: datasets.subset(d.X_test, d.y_test, 0, seed=0), "size is 0"),
        (lambda d: datasets.subset(d.X_test, d.y_test, 10_001, seed=0), "size is 10001"),
        (lambda d: datasets.subset(d.X_test, d.y_train, 5, seed=0), "X has 10000 rows"),
        (lambda d: datasets.transfer_tasks("cats"), "name is 'cats'"),
        (lambda d: datasets.transfer_tasks("bag_boot", n_labels=1), "n_labels is 1"),
        (lambda d: datasets.transfer_tasks("bag_boot", n_labels=10**6), "n_labels is 1000000"),
        (lambda d: datasets.standardize(d.X_test[:1] * 0), "X_train has only the value 0"),
    ],
)
def test_wrong_arguments_are_named(data, call, message):
    with pytest.raises(ValueError, match=message):
        call(data)


def test_a_dataset_unpacks_into_three_pairs():
    data = datasets.load_fashion_mnist()
    (X_train, y_train), (X_valid, y_valid), (X_test, y_test) = data
    assert X_train is data.X_train and y_train is data.y_train
    assert X_valid is data.X_valid and y_valid is data.y_valid
    assert X_test is data.X_test and y_test is data.y_test
