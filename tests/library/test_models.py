"""Builders give the networks they promise."""

import keras
import numpy as np
import pytest

from ch11lib.models import build_mlp, hidden_outputs


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
        (lambda: hidden_outputs(build_mlp([]), np.zeros((1, 28, 28))), "no hidden layer"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
