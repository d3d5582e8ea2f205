"""The Keras half of `mc_dropout`: layers that drop at inference, too."""

from collections.abc import Iterator
from typing import Any

import keras
from keras import ops

from ch11lib.dropout import ALPHA_PRIME, alpha_dropout_constants

register = keras.saving.register_keras_serializable(package="ch11lib")


@register
class MCDropout(keras.layers.Dropout):  # type: ignore[misc]
    """A ``keras.layers.Dropout`` that also drops at inference."""

    def call(self, inputs: Any, training: Any = None, keep: Any = None) -> Any:
        """Drop, whatever `training` is; keep the units where `keep` is True, if given."""
        if keep is None:
            return super().call(inputs, training=True)
        return ops.where(keep, inputs * (1 / (1 - self.rate)), 0)


@register
class MCAlphaDropout(keras.layers.AlphaDropout):  # type: ignore[misc]
    """A ``keras.layers.AlphaDropout`` that also drops at inference."""

    def call(self, inputs: Any, training: Any = None, keep: Any = None) -> Any:
        """Drop, whatever `training` is; keep the units where `keep` is True, if given."""
        if keep is None:
            return super().call(inputs, training=True)
        a, b = alpha_dropout_constants(self.rate)
        return a * ops.where(keep, inputs, ALPHA_PRIME) + b


MC_LAYERS: dict[Any, Any] = {
    keras.layers.Dropout: MCDropout,
    keras.layers.AlphaDropout: MCAlphaDropout,
}


def leaves(model: Any) -> Iterator[Any]:
    """Yield the layers of a model, and of the models among them."""
    for layer in model.layers:
        yield from leaves(layer) if isinstance(layer, keras.Model) else (layer,)


def is_mc(layer: Any) -> bool:
    """Tell whether `layer` drops at inference, too."""
    return isinstance(layer, tuple(MC_LAYERS.values()))


def convert(model: Any) -> Any:
    """Return a copy of `model` that drops at inference, too."""

    def converted(layer: Any) -> Any:
        return MC_LAYERS.get(type(layer), type(layer)).from_config(layer.get_config())

    copy = keras.models.clone_model(model, clone_function=converted, recursive=True)
    copy.set_weights(model.get_weights())
    return copy
