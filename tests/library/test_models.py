"""Builders give the networks they promise."""

from itertools import pairwise

import keras
import numpy as np
import pytest

from ch11lib.models import build_mlp, hidden_outputs
from ch11lib.unsupervised_pretraining import build_autoencoder


def test_chapter_network_has_266610_parameters():
    """784·300 + 300 + 300·100 + 100 + 100·10 + 10, as the chapter prints."""
    assert build_mlp([300, 100]).count_params() == 266_610


def test_layers_and_activations():
    model = build_mlp([8, 4], "selu", "lecun_normal", n_classes=3, input_shape=(5, 2))
    assert isinstance(model, keras.Sequential)
    assert model.output_shape == (None, 3)
    _, first, second, last = model.layers
    assert [first.units, second.units] == [8, 4]
    assert first.activation is keras.activations.selu
    assert last.activation is keras.activations.softmax
    assert isinstance(first.kernel_initializer, keras.initializers.LecunNormal)
    assert isinstance(last.kernel_initializer, keras.initializers.GlorotUniform)


def test_layers_with_weights_are_not_shared():
    model = build_mlp([4, 4], keras.layers.PReLU, input_shape=(3,))
    slopes = [layer for layer in model.layers if isinstance(layer, keras.layers.PReLU)]
    assert len(slopes) == 2
    assert slopes[0] is not slopes[1]


@pytest.mark.parametrize("initializer", ["he_normal", keras.initializers.HeNormal()])
def test_every_layer_draws_its_own_weights(initializer):
    model = build_mlp([6, 6, 6], "relu", initializer, input_shape=(6,))
    kernels = [np.asarray(layer.kernel) for layer in model.layers[1:-1]]
    assert not np.allclose(kernels[0], kernels[1])
    assert not np.allclose(kernels[1], kernels[2])


def same_weights(layers):
    kernels = [np.asarray(layer.kernel) for layer in layers if hasattr(layer, "kernel")]
    return [bool(np.allclose(a, b)) for a, b in pairwise(kernels)]


@pytest.mark.parametrize("normalization", [None, "batch"])
@pytest.mark.parametrize("kind", ["HeNormal", "GlorotUniform", "RandomNormal"])
def test_one_initializer_object_is_safe_here_and_a_trap_in_keras(kind, normalization):
    """Keras seeds an object once: Dense layers that share it start alike."""
    one = getattr(keras.initializers, kind)()
    dense = [keras.layers.Dense(6, kernel_initializer=one) for _ in range(3)]
    keras.Sequential([keras.Input((6,)), *dense])
    assert same_weights(dense) == [True, True], "the trap is gone: builders may be simpler"
    for layers in (
        build_mlp([6, 6, 6], "relu", one, input_shape=(6,), normalization=normalization),
        build_autoencoder([6, 6, 6], "relu", one, input_shape=(6,)),
    ):
        assert same_weights(layers.layers[1:-1]) == [False, False]


def test_an_initializer_with_a_seed_is_refused():
    for seed in (7, keras.random.SeedGenerator(7)):
        with pytest.raises(ValueError, match="kernel_initializer is a HeNormal with a seed"):
            build_mlp([6, 6], "relu", keras.initializers.HeNormal(seed=seed), input_shape=(6,))
    build_mlp([6, 6], "relu", keras.initializers.Constant(0.1))  # has none


def kinds(model):
    return [type(layer).__name__ for layer in model.layers]


def test_normalization_and_dropout_stand_where_they_should():
    """Dense without the bias that the normalization would undo, then the activation."""
    model = build_mlp([4], "silu", n_classes=3, normalization="batch", dropout=0.5)
    order = ["Flatten", "Dense", "BatchNormalization", "Activation", "Dropout", "Dense"]
    assert kinds(model) == order
    assert not model.layers[1].use_bias
    assert model.layers[3].activation is keras.activations.silu
    assert kinds(build_mlp([4], "selu", dropout=0.5))[1:-1] == ["Dense", "AlphaDropout"]
    own = build_mlp([4], keras.layers.PReLU, normalization="batch")
    assert kinds(own)[1:-1] == ["Dense", "BatchNormalization", "PReLU"]
    assert kinds(build_mlp([4], "selu"))[1:-1] == ["Dense"]


def test_it_trains_as_the_layers_written_out(rng):
    """The same seeds, a few steps: the builder adds nothing and leaves nothing out."""
    layers = keras.layers
    written = keras.Sequential([keras.Input((5,)), layers.Flatten()])
    for _ in range(2):
        written.add(layers.Dense(6, kernel_initializer="he_normal", use_bias=False))
        written.add(layers.BatchNormalization())
        written.add(layers.Activation("relu"))
    written.add(layers.Dense(3, "softmax"))
    built = build_mlp([6, 6], "relu", "he_normal", 3, (5,), normalization="batch")
    built.set_weights(written.get_weights())
    X, y = rng.normal(size=(30, 5)).astype("float32"), np.arange(30) % 3
    for model in (written, built):
        model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
        model.fit(X, y, batch_size=10, epochs=2, shuffle=False, verbose=0)
    for ours, theirs in zip(built.get_weights(), written.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_hidden_outputs_are_the_layers_own():
    keras.utils.set_random_seed(0)
    model = build_mlp([4, 3], "tanh", input_shape=(5,), n_classes=2)
    X = np.random.default_rng(0).standard_normal((7, 5)).astype(np.float32)
    first, second = hidden_outputs(model, X)
    W1, b1, W2, b2 = (np.asarray(w) for w in model.get_weights()[:4])
    np.testing.assert_allclose(first, np.tanh(X @ W1 + b1), atol=1e-6)
    np.testing.assert_allclose(second, np.tanh(first @ W2 + b2), atol=1e-6)
    assert len(hidden_outputs(build_mlp([4], input_shape=(5,)), X)) == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: build_mlp([100, 0]), r"hidden is \[100, 0\]"),
        (lambda: build_mlp([5], n_classes=1), "n_classes is 1"),
        (lambda: build_mlp([5], normalization="group"), "normalization is 'group'"),
        (lambda: build_mlp([5], dropout=1.0), r"dropout is 1.0; .* \(1 excluded\)"),
        (lambda: build_mlp([], kernel_initializer="he"), "initializer"),
        (lambda: hidden_outputs(build_mlp([]), np.zeros((1, 28, 28))), "no hidden layer"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
