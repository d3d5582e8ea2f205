"""Builders of the plain dense networks that the lessons train. Keras.

They return ordinary ``keras.Sequential`` models; nothing is hidden in them.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ch11lib import _checks

__all__ = ["build_mlp", "hidden_layers", "hidden_outputs"]


def _fresh(given: Any) -> keras.initializers.Initializer:
    """Return a new initializer, so that no two layers draw the same weights.

    Keras seeds an initializer when it is made. One object in several layers
    therefore gives them equal weights, whether or not it got a seed by hand.
    """
    if isinstance(given, str):
        return keras.initializers.get(given)
    if given.get_config().get("seed") is not None:
        raise ValueError(
            f"kernel_initializer is a {type(given).__name__} with a seed; it must have none, "
            "or all layers of one shape would start with the same weights"
        )
    return given.clone()


def hidden_layers(
    hidden: Sequence[int],
    activation: str | Callable[[], Any] = "relu",
    kernel_initializer: Any = "glorot_uniform",
    normalization: str | None = None,
    dropout: float = 0.0,
) -> list[keras.layers.Layer]:
    """Return the hidden layers of a dense network, from the input to the output.

    Each entry of `hidden` becomes Dense → normalization → activation → dropout.
    A name of an activation is part of the Dense layer if nothing stands between.

    Parameters
    ----------
    hidden : sequence of int
        Units of each hidden layer.
    activation : str or callable
        A name that Keras knows, or a function without arguments that returns a
        new layer, such as ``keras.layers.PReLU``: layers with weights of their
        own must not be shared between hidden layers.
    kernel_initializer : str or keras.initializers.Initializer
        An object must have no seed; each layer gets a new one of its kind.
    normalization : None or "batch"
        Batch normalization before each activation; the Dense layer then has no
        bias, because the normalization would subtract it again.
    dropout : float
        Rate behind each hidden layer, from 0 to below 1: alpha dropout if the
        activation is ``"selu"``, else dropout. No layer for 0.

    Returns
    -------
    list of keras.layers.Layer
        New layers, not built.

    Raises
    ------
    ValueError
        If an argument is none of those allowed.

    Examples
    --------
    >>> [type(layer).__name__ for layer in hidden_layers([8], "silu", normalization="batch")]
    ['Dense', 'BatchNormalization', 'Activation']
    """
    if any(units < 1 for units in hidden):
        raise ValueError(f"hidden is {list(hidden)}; it must have at least one unit per layer")
    _checks.one_of("normalization", normalization, (None, "batch"))
    _checks.fraction("dropout", dropout, one=False)
    drop = keras.layers.AlphaDropout if activation == "selu" else keras.layers.Dropout
    inline = isinstance(activation, str) and normalization is None
    layers = []
    for units in hidden:
        dense = keras.layers.Dense(
            units,
            activation if inline else None,
            use_bias=normalization is None,
            kernel_initializer=_fresh(kernel_initializer),
        )
        layers.append(dense)
        if normalization is not None:
            layers.append(keras.layers.BatchNormalization())
        if callable(activation):
            layers.append(activation())
        elif not inline:
            layers.append(keras.layers.Activation(activation))
        if dropout > 0:
            layers.append(drop(dropout))
    return layers


def build_mlp(
    hidden: Sequence[int],
    activation: str | Callable[[], Any] = "relu",
    kernel_initializer: Any = "glorot_uniform",
    n_classes: int = 10,
    input_shape: Sequence[int] = (28, 28),
    normalization: str | None = None,
    dropout: float = 0.0,
) -> keras.Sequential:
    """Return Flatten → the hidden layers → Dense with softmax.

    Parameters
    ----------
    hidden : sequence of int
        Units of each hidden layer, e.g. ``[300, 100]`` or ``[100] * 20``.
    activation : str or callable
        Of the hidden layers: a name that Keras knows, or a function without
        arguments that returns a new layer, such as ``keras.layers.PReLU``.
    kernel_initializer : str or keras.initializers.Initializer
        Of the hidden layers; an object must have no seed. The output layer keeps
        Keras's default, Glorot uniform, which suits a softmax.
    n_classes : int
        At least 2.
    input_shape : sequence of int
        Shape of one instance.
    normalization : None or "batch"
        Batch normalization before each activation, and then no bias.
    dropout : float
        Rate behind each hidden layer, from 0 to below 1: alpha dropout if the
        activation is ``"selu"``, else dropout.

    Returns
    -------
    keras.Sequential
        Built, not compiled. For float32 images of shape ``(n, *input_shape)`` it
        returns probabilities of shape (n, n_classes).

    Raises
    ------
    ValueError
        If an argument is none of those allowed.

    Examples
    --------
    >>> model = build_mlp([300, 100])
    >>> model.count_params() == 784 * 300 + 300 + 300 * 100 + 100 + 100 * 10 + 10
    True
    """
    _checks.count("n_classes", n_classes, minimum=2)
    keras.initializers.get(kernel_initializer)  # refuses a name that Keras does not know
    return keras.Sequential(
        [
            keras.Input(tuple(input_shape)),
            keras.layers.Flatten(),
            *hidden_layers(hidden, activation, kernel_initializer, normalization, dropout),
            keras.layers.Dense(n_classes, "softmax"),
        ]
    )


def hidden_outputs(model: keras.Model, X: ArrayLike) -> list[NDArray[np.float32]]:
    """Return what each hidden layer outputs for `X`, in inference mode.

    Parameters
    ----------
    model : keras.Sequential
        Flatten first, then the hidden layers, the output layer last.
    X : array_like, shape (n_instances, ...)

    Returns
    -------
    list of ndarray, each of shape (n_instances, units)
        One per layer between the first and the last.

    Raises
    ------
    ValueError
        If there is no layer between the first and the last.

    Examples
    --------
    >>> model = build_mlp([5, 4], input_shape=(3,))
    >>> [outputs.shape for outputs in hidden_outputs(model, np.ones((2, 3)))]
    [(2, 5), (2, 4)]
    """
    if len(model.layers) < 3:
        raise ValueError(f"model {model.name!r} has no hidden layer")
    # Layer by layer: a keras.Model with these outputs takes 40 MB more.
    outputs = [keras.ops.convert_to_tensor(X)]
    for layer in model.layers[:-1]:
        outputs.append(layer(outputs[-1]))
    return [keras.ops.convert_to_numpy(a) for a in outputs[2:]]
