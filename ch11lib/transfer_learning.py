"""Reusing the lower layers of a trained network. Keras.

Lesson: *Transfer learning*. The networks are those of `ch11lib.models.build_mlp`:
``keras.Sequential``, Flatten first, then hidden Dense layers, the output last.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from ch11lib import _checks

__all__ = ["copy_layers", "error_ratio", "reuse_layers", "shared_layers"]


def _hidden(model: Any) -> list[Any]:
    """Return the layers between Flatten and the output."""
    return list(model.layers[1:-1])


def reuse_layers(source: Any, n_reused: int, n_classes: int) -> Any:
    """Return a network for a new task that starts with layers of `source`.

    Nothing is shared: the layers are clones, the lowest `n_reused` of them with
    the weights of `source`, the others with fresh ones. The output layer is new.

    Parameters
    ----------
    source : keras.Sequential
        Trained; Flatten first, output last.
    n_reused : int
        From 0 to the number of hidden layers.
    n_classes : int
        Of the new task, at least 2.

    Returns
    -------
    keras.Sequential
        Built, not compiled, every layer trainable.

    Raises
    ------
    ValueError
        If a number is out of range.

    Examples
    --------
    >>> from ch11lib.models import build_mlp
    >>> source = build_mlp([30, 20], n_classes=8)
    >>> model = reuse_layers(source, n_reused=1, n_classes=2)
    >>> bool((model.layers[1].get_weights()[0] == source.layers[1].get_weights()[0]).all())
    True
    """
    _checks.count("n_reused", n_reused, 0, len(_hidden(source)))
    _checks.count("n_classes", n_classes, minimum=2)
    clone = keras.models.clone_model(source)
    for layer in clone.layers:
        layer.trainable = True
    model = keras.Sequential([keras.Input(source.input_shape[1:]), *clone.layers[:-1]])
    model.add(keras.layers.Dense(n_classes, "softmax"))
    copy_layers(source, model, n_reused)
    return model


def copy_layers(source: Any, target: Any, n_layers: int) -> None:
    """Copy the weights of the lowest hidden layers from one network to another.

    Parameters
    ----------
    source, target : keras.Sequential
        With hidden layers of the same shapes.
    n_layers : int
        From 0 to the number of hidden layers of the smaller network.

    Raises
    ------
    ValueError
        If `n_layers` is out of range, or shapes differ (from Keras).

    Examples
    --------
    >>> from ch11lib.models import build_mlp
    >>> copy_layers(build_mlp([30, 20], n_classes=8), build_mlp([30]), n_layers=1)
    """
    pairs = list(zip(_hidden(source), _hidden(target), strict=False))
    _checks.count("n_layers", n_layers, 0, len(pairs))
    for from_layer, to_layer in pairs[:n_layers]:
        to_layer.set_weights(from_layer.get_weights())


def shared_layers(first: Any, second: Any) -> list[str]:
    """Return the names of layers that two models have in common as objects.

    Training one of the models changes these layers in the other one, too.

    Parameters
    ----------
    first, second : keras.Model

    Returns
    -------
    list of str
        In the order of `first`.

    Examples
    --------
    >>> dense = keras.layers.Dense(4, name="hidden")
    >>> shared_layers(keras.Sequential([dense]), keras.Sequential([dense]))
    ['hidden']
    """
    return [layer.name for layer in first.layers if any(layer is other for other in second.layers)]


def error_ratio(accuracies: Sequence[float], baseline: Sequence[float]) -> float:
    """Return the mean error rate of `accuracies` over that of `baseline`.

    Below 1 means fewer errors. Errors are compared, not accuracies: from .97
    to .99 is two points, but a third of the errors.

    Parameters
    ----------
    accuracies, baseline : sequence of float
        From 0 to 1, one per run.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If a value is outside of [0, 1], a sequence is empty, or the baseline
        makes no error.

    Examples
    --------
    >>> round(error_ratio([0.99], baseline=[0.97]), 3)
    0.333
    """
    for name, values in {"accuracies": accuracies, "baseline": baseline}.items():
        array = np.asarray(values, float)
        if array.size == 0 or not ((array >= 0) & (array <= 1)).all():
            raise ValueError(f"{name} is {values}; it must hold values from 0 to 1, at least one")
    errors = 1 - float(np.mean(baseline))
    if errors == 0:
        raise ValueError("baseline makes no error; a ratio to it does not exist")
    return (1 - float(np.mean(accuracies))) / errors
