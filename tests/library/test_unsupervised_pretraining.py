"""Autoencoders reconstruct, rotations are those of SciPy, noise has its share."""

import numpy as np
import pytest
from scipy.ndimage import rotate as scipy_rotate
from sklearn.decomposition import PCA

from ch11lib import transfer_learning as tl
from ch11lib import unsupervised_pretraining as up
from ch11lib.models import build_mlp


@pytest.fixture(scope="module")
def images():
    """Points on a plane in pixel space, from 0 to 1."""
    rng = np.random.default_rng(0)
    basis = rng.uniform(0, 0.5, (2, 16))
    return (rng.uniform(0, 1, (300, 2)) @ basis).reshape(300, 4, 4).astype("float32")


def test_autoencoder_fits_build_mlp(images):
    encoder = up.build_autoencoder([6, 3], input_shape=(4, 4))
    assert encoder.output_shape == (None, 16)
    classifier = build_mlp([6, 3], input_shape=(4, 4))
    tl.copy_layers(encoder, classifier, 2)
    for ours, theirs in zip(encoder.layers[1:-1], classifier.layers[1:-1], strict=True):
        np.testing.assert_array_equal(ours.kernel, theirs.kernel)


def test_a_linear_autoencoder_comes_near_pca_and_never_beats_it(images):
    """PCA is the best linear reconstruction (Baldi and Hornik, 1989)."""
    import keras

    keras.utils.set_random_seed(0)
    flat = images.reshape(300, -1)
    model = up.build_autoencoder([2], "linear", "glorot_uniform", (4, 4))
    model.layers[-1].activation = keras.activations.linear
    model.compile(keras.optimizers.Adam(0.02), "mse", steps_per_execution=10)
    model.fit(images, flat, batch_size=30, epochs=150, verbose=0)
    pca = PCA(2).fit(flat)
    best = np.mean((pca.inverse_transform(pca.transform(flat)) - flat) ** 2)
    error = np.mean((model.predict(images, verbose=0) - flat) ** 2)
    assert best <= error + 1e-9
    assert error < 0.05 * flat.var()


def test_greedy_weights_fit_the_layers_and_reconstruct(images):
    weights = up.greedy_autoencoder(images, [8, 5], epochs=3, batch_size=30, seed=1)
    assert [w.shape for pair in weights for w in pair] == [(16, 8), (8,), (8, 5), (5,)]
    again = up.greedy_autoencoder(images, [8, 5], epochs=3, batch_size=30, seed=1)
    np.testing.assert_array_equal(weights[1][0], again[1][0])
    longer = up.greedy_autoencoder(images, [8], epochs=6, batch_size=30, seed=1)
    assert not np.array_equal(weights[0][0], longer[0][0])


def test_greedy_second_layer_depends_on_the_first_layers_codes(images):
    first = up.greedy_autoencoder(images, [8, 5], epochs=1, seed=1)
    other = up.greedy_autoencoder(images[::-1] * 0.5, [8, 5], epochs=1, seed=1)
    assert not np.array_equal(first[1][0], other[1][0])


def test_rotations_equal_scipy(rng):
    X = rng.integers(0, 256, (40, 5, 5)).astype(np.uint8)
    rotated, turns = up.rotate(X, seed=3)
    assert rotated.dtype == X.dtype
    assert set(turns) == {0, 1, 2, 3}
    for image, turned, k in zip(X, rotated, turns, strict=True):
        expected = scipy_rotate(image.astype(float), 90 * int(k), reshape=False, order=0)
        np.testing.assert_array_equal(turned, expected)
    np.testing.assert_array_equal(up.rotate(X, seed=3)[1], turns)


def test_rotations_are_equally_frequent(rng):
    counts = np.bincount(up.rotate(np.zeros((40_000, 1, 1)), seed=0)[1])
    np.testing.assert_allclose(counts, 10_000, atol=400)


@pytest.mark.parametrize("fraction", [0.0, 0.3, 1.0])
def test_corruption_zeroes_its_share_and_nothing_else(fraction):
    X = np.full((200, 100), 0.5)
    noisy = up.corrupt(X, fraction, seed=1)
    assert noisy.dtype == np.float32
    assert set(np.unique(noisy)) <= {0.0, 0.5}
    assert np.mean(noisy == 0) == pytest.approx(fraction, abs=0.02)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: up.build_autoencoder([]), "hidden is empty"),
        (lambda: up.build_autoencoder([3, 0]), r"hidden is \[3, 0\]"),
        (lambda: up.greedy_autoencoder([[0.5]], []), "hidden is empty"),
        (lambda: up.greedy_autoencoder([[0.5]], [2], epochs=0), "epochs is 0"),
        (lambda: up.greedy_autoencoder([[0.5]], [2], batch_size=0), "batch_size is 0"),
        (lambda: up.greedy_autoencoder([[255.0]], [2]), "values go from 2.6e"),
        (lambda: up.rotate(np.zeros((3, 2, 4))), r"X has shape \(3, 2, 4\)"),
        (lambda: up.corrupt([1.0], 1.5), "fraction is 1.5"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
