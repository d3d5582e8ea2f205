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
        (lambda _: tl.error_ratio([1.2], [0.5]), r"accuracies is \[1.2\]"),
        (lambda _: tl.error_ratio([], [0.5]), r"accuracies is \[\]"),
        (lambda _: tl.error_ratio([0.5], [1.0]), "baseline makes no error"),
    ],
)
def test_wrong_arguments_are_named(call, message, source):
    with pytest.raises(ValueError, match=message):
        call(source)
