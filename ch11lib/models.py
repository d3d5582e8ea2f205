"""Builders of the plain dense networks that the lessons train.

They return ordinary ``keras.Sequential`` models; nothing is hidden in them.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["build_mlp", "hidden_outputs"]


def build_mlp(
    hidden: Sequence[int],
    activation: str | Callable[[], Any] = "relu",
    kernel_initializer: Any = "glorot_uniform",
    n_classes: int = 10,
    input_shape: Sequence[int] = (28, 28),
) -> Any:
    """Return Flatten → one Dense per entry of `hidden` → Dense with softmax.

    Parameters
    ----------
    hidden : sequence of int
        Units of each hidden layer, e.g. ``[300, 100]`` or ``[100] * 20``.
    activation : str or callable
        A name that Keras knows, or a function without arguments that returns a
        new layer, such as ``keras.layers.PReLU``: layers with weights of their
        own must not be shared between hidden layers.
    kernel_initializer : str or keras.initializers.Initializer
        Of the hidden layers. The output layer keeps Keras's default, Glorot
        uniform, which suits a softmax.
    n_classes : int
        At least 2.
    input_shape : sequence of int
        Shape of one instance.

    Returns
    -------
    keras.Sequential
        Built, not compiled.

    Raises
    ------
    ValueError
        If a layer has no units, or there are fewer than two classes.
    """
    if any(units < 1 for units in hidden):
        raise ValueError(f"hidden is {list(hidden)}; every layer needs at least one unit")
    if n_classes < 2:
        raise ValueError(f"n_classes is {n_classes}; it must be >= 2")
    import keras

    # A string names one initializer; an object would hand its seed, and so the
    # same weights, to every layer.
    config = keras.initializers.serialize(keras.initializers.get(kernel_initializer))
    model = keras.Sequential([keras.Input(tuple(input_shape)), keras.layers.Flatten()])
    for units in hidden:
        initializer = keras.initializers.deserialize(config)
        if callable(activation):
            model.add(keras.layers.Dense(units, kernel_initializer=initializer))
            model.add(activation())
        else:
            model.add(keras.layers.Dense(units, activation, kernel_initializer=initializer))
    model.add(keras.layers.Dense(n_classes, "softmax"))
    return model


def hidden_outputs(model: Any, X: ArrayLike) -> list[NDArray[np.float32]]:
    """Return what each hidden layer outputs for `X`, in inference mode.

    Parameters
    ----------
    model : keras.Sequential
        As `build_mlp` returns it: Flatten first, the output layer last.
    X : array_like, shape (n_instances, ...)

    Returns
    -------
    list of ndarray, each of shape (n_instances, units)
        One per layer between the first and the last.

    Raises
    ------
    ValueError
        If there is no layer between the first and the last.
    """
    if len(model.layers) < 3:
        raise ValueError(f"model {model.name!r} has no hidden layer")
    import keras

    # Layer by layer: a keras.Model with these outputs takes 40 MB more.
    outputs = [keras.ops.convert_to_tensor(X)]
    for layer in model.layers[:-1]:
        outputs.append(layer(outputs[-1]))
    return [np.asarray(a) for a in outputs[2:]]
