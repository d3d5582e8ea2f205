"""Layers are copied, not shared; steps and errors are counted right."""

import numpy as np
import pytest
from sklearn.metrics import zero_one_loss

from ch11lib import transfer_learning as tl
from ch11lib.models import build_mlp, hidden_outputs


@pytest.fixture(scope="module")
def source():
    return build_mlp([5, 4, 3], input_shape=(2, 2), n_classes=8)


@pytest.mark.parametrize("n_reused", [0, 1, 2, 3])
def test_reused_layers_have_the_weights_and_others_do_not(source, n_reused):
    model = tl.reuse_layers(source, n_reused, n_classes=2)
    assert model.output_shape == (None, 2)
    assert tl.shared_layers(source, model) == []
    pairs = zip(source.layers[1:-1], model.layers[1:-1], strict=True)
    same = [np.array_equal(a.kernel, b.kernel) for a, b in pairs]
    assert same == [True] * n_reused + [False] * (3 - n_reused)
    assert all(layer.trainable for layer in model.layers)


def test_training_the_copy_leaves_the_source_alone(source, rng):
    before = source.get_weights()
    model = tl.reuse_layers(source, 3, n_classes=2)
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(rng.normal(size=(8, 2, 2)), np.arange(8) % 2, verbose=0)
    for old, new in zip(before, source.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_frozen_source_gives_a_trainable_copy(source):
    source.layers[1].trainable = False
    try:
        assert len(tl.reuse_layers(source, 3, 2).trainable_variables) == 8
    finally:
        source.layers[1].trainable = True


def test_reused_network_computes_the_same_hidden_outputs(source, rng):
    X = rng.normal(size=(6, 2, 2)).astype("float32")
    model = tl.reuse_layers(source, 3, n_classes=2)
    for ours, theirs in zip(hidden_outputs(model, X), hidden_outputs(source, X), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_shared_layers_finds_what_slicing_shares(source):
    import keras

    sharing = keras.Sequential([*source.layers[:-1], keras.layers.Dense(2)])
    assert tl.shared_layers(source, sharing) == [layer.name for layer in source.layers[:-1]]


def test_copy_layers_refuses_other_shapes(source):
    with pytest.raises(ValueError, match="shape"):
        tl.copy_layers(source, build_mlp([6, 4], input_shape=(2, 2)), 1)


def drawn(X, y, *arguments, **options):
    """Return the pixels and labels of all batches, each as one array."""
    import keras

    keras.utils.set_random_seed(0)
    pairs = list(tl.batches(X, y, *arguments, **options).as_numpy_iterator())
    return np.concatenate([p[0] for p in pairs]), np.concatenate([p[1] for p in pairs])


@pytest.mark.parametrize(("n", "n_steps"), [(10, 7), (32, 3), (50, 4), (200, 2)])
def test_each_instance_is_drawn_equally_often(n, n_steps):
    X, y = np.arange(n, dtype="uint8").reshape(n, 1, 1), np.arange(n)
    pixels, labels = drawn(X, y, n_steps, batch_size=16, seed=1)
    assert pixels.shape == (16 * n_steps, 1, 1) and labels.shape == (16 * n_steps,)
    np.testing.assert_allclose(pixels.ravel(), labels / 255, rtol=1e-6)
    assert pixels.dtype == np.float32
    counts = np.bincount(labels, minlength=n)
    assert counts.max() - counts.min() <= 1
    np.testing.assert_array_equal(labels, drawn(X, y, n_steps, batch_size=16, seed=1)[1])
    assert not np.array_equal(labels, drawn(X, y, n_steps, batch_size=16, seed=2)[1])


def test_batches_train_as_arrays_do():
    """One batch with all images: the order does not matter."""
    import keras

    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 256, (32, 2, 2), dtype="uint8"), np.arange(32) % 3
    first = build_mlp([4], n_classes=3, input_shape=(2, 2))
    second = keras.models.clone_model(first)
    second.set_weights(first.get_weights())
    for model in (first, second):
        model.compile(keras.optimizers.SGD(0.5), "sparse_categorical_crossentropy")
    first.fit(tl.batches(X, y, 3), verbose=0, shuffle=False)
    second.fit(X.astype("float32") / 255, y, epochs=3, verbose=0)
    for ours, theirs in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_batches_of_tensors_are_those_of_arrays():
    import keras

    X, y = np.arange(24, dtype="uint8").reshape(6, 2, 2), np.arange(6)
    tensors = map(keras.ops.convert_to_tensor, (X, y))
    for ours, theirs in zip(drawn(X, y, 4, 2), drawn(*tensors, 4, 2), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_error_ratio_equals_scikit_learns_losses(rng):
    y, first, second = rng.integers(0, 2, (3, 200))
    expected = zero_one_loss(y, first) / zero_one_loss(y, second)
    assert tl.error_ratio([(y == first).mean()], [(y == second).mean()]) == pytest.approx(expected)
    assert tl.error_ratio([0.99, 0.97], [0.96]) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: tl.reuse_layers(s, 4, 2), "n_reused is 4"),
        (lambda s: tl.reuse_layers(s, -1, 2), "n_reused is -1"),
        (lambda s: tl.reuse_layers(s, 1, 1), "n_classes is 1"),
        (lambda s: tl.copy_layers(s, s, 4), "n_layers is 4"),
        (lambda _: tl.batches([1], [1], 0), "n_steps is 0"),
        (lambda _: tl.batches([1], [1], 1, 0), "batch_size is 0"),
        (lambda _: tl.batches([1], [1, 2], 1), "X has 1 rows and y has 2"),
        (lambda _: tl.batches([], [], 1), "X has 0 rows"),
        (lambda _: tl.error_ratio([1.2], [0.5]), r"accuracies is \[1.2\]"),
        (lambda _: tl.error_ratio([], [0.5]), r"accuracies is \[\]"),
        (lambda _: tl.error_ratio([0.5], [1.0]), "baseline makes no error"),
    ],
)
def test_wrong_arguments_are_named(call, message, source):
    with pytest.raises(ValueError, match=message):
        call(source)
