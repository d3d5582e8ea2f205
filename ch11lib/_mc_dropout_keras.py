"""The Keras half of `mc_dropout`: its layers, and passes under many masks.

Such passes cost little more than their matrix products, because

- what lies before the first dropout is computed once per instance;
- the masks are inputs of a compiled model, made of cheap 16-bit random numbers;
- a Dense layer behind the first dropout multiplies only what is not 0 anyway:
  half of the pixels of a Fashion-MNIST image.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from weakref import WeakKeyDictionary

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike, NDArray

from ch11lib.dropout import ALPHA_PRIME, alpha_dropout_constants

register = keras.saving.register_keras_serializable(package="ch11lib")
PICKING = 32  # picking an instance's weights takes as long as so many masks
MOST_WEIGHTS = 2**20  # picked per instance; 4 MB
Pass = tuple[Any, list[NDArray[Any]]]


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


def random_masks(rng: np.random.Generator, shape: Sequence[int], rate: float) -> NDArray[np.bool_]:
    """Return booleans that are False with probability `rate`, rounded to 1/65536."""
    size = math.prod(shape)
    words = rng.integers(2**64, size=-(-size // 4), dtype=np.uint64)
    return (words.view(np.uint16)[:size] >= round(rate * 2**16)).reshape(shape)


class DroppedDense(keras.layers.Layer):  # type: ignore[misc]
    """A dropout with the Dense layer behind it, for the inputs that are not 0."""

    def __init__(self, dropout: Any, dense: Any) -> None:
        super().__init__()
        self.dropout, self.dense = dropout, dense

    def call(self, values: Any, columns: Any, keep: Any) -> Any:
        """Return a row per instance and mask.

        `values` and `columns`, of shape (b, n), are n inputs of each of b
        instances and their numbers; `keep` has shape (b, samples, n).
        """
        kernel = ops.take(self.dense.kernel, columns, axis=0)  # (b, n, units)
        z = ops.matmul(self.dropout(values[:, None], keep=keep), kernel)
        z = ops.reshape(z, (-1, self.dense.units))
        return self.dense.activation(z + self.dense.bias if self.dense.use_bias else z)


def chained(inputs: list[Any], x: Any, layers: Sequence[Any]) -> Any:
    """Return a model of `inputs` and a mask for each dropout in `layers`, which follow `x`."""
    masks: list[Any] = []
    for layer in layers:
        if is_mc(layer):
            masks.append(keras.Input(x.shape[1:], dtype="bool"))
            x = layer(x, keep=masks[-1])
        else:
            x = layer(x)
    model = keras.Model([*inputs, *masks], x)
    model.compile(jit_compile=False)  # XLA would compile anew for every number of columns
    return model


class Chain:
    """A Sequential model, split before its first dropout."""

    def __init__(self, model: Any) -> None:
        layers, given = model.layers, model.inputs[0]
        cut = next(i for i, layer in enumerate(layers) if is_mc(layer))
        start = keras.Input(given.shape[1:], dtype=given.dtype)
        self.head = chained([start], start, layers[:cut])
        features = keras.Input(self.head.output.shape[1:], dtype=self.head.output.dtype)
        self.tail = chained([features], features, layers[cut:])
        shapes = [mask.shape[1:] for mask in self.tail.inputs[1:]]
        rates = [layer.rate for layer in layers if is_mc(layer)]
        self.drops = list(zip(shapes, rates, strict=True))
        self.dense = self.by_columns = None
        dropout, *later = layers[cut:]
        if (
            isinstance(dropout, MCDropout)
            and len(features.shape) == 2
            and later
            and type(later[0]) is keras.layers.Dense
        ):
            self.dense = later[0]
            few = [keras.Input((None,)), keras.Input((None,), dtype="int32")]
            few.append(keras.Input((None, None), dtype="bool"))
            self.by_columns = chained(few, DroppedDense(dropout, self.dense)(*few), later[1:])

    def features(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return what the first dropout gets."""
        return np.asarray(self.head.predict_on_batch([X]))

    def _columns_pay(self, n: int, n_features: int, samples: int) -> bool:
        """Tell whether picking the weights of n columns for each instance saves time."""
        if self.dense is None or n * self.dense.units > MOST_WEIGHTS:
            return False
        return n * (samples + PICKING) < n_features * samples

    def prepare(self, x: NDArray[Any], samples: int, rng: np.random.Generator) -> Pass:
        """Return the model to run for `samples` masks of each row of features, and its inputs."""
        rows = len(x) * samples
        n = max(1, int(np.count_nonzero(x.reshape(len(x), -1), axis=1).max()))
        (shape, rate), *later = self.drops
        masks = [random_masks(rng, (rows, *s), r) for s, r in later]
        if not self._columns_pay(n, x.shape[-1], samples):
            keep = random_masks(rng, (rows, *shape), rate)
            return self.tail, [np.repeat(x, samples, axis=0), keep, *masks]
        columns = np.argsort(x == 0, axis=1, kind="stable")[:, :n].astype(np.int32)
        keep = random_masks(rng, (len(x), samples, n), rate)
        return self.by_columns, [np.take_along_axis(x, columns, axis=1), columns, keep, *masks]


class AnyModel:
    """A model of any other form: the layers draw their masks themselves."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.states = [v for v in model.variables if v.name == "seed_generator_state"]

    def features(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return `X`: where the first dropout is, only the model knows."""
        return X

    def prepare(self, x: NDArray[Any], samples: int, rng: np.random.Generator) -> Pass:
        """Return what to call, and its inputs."""
        return self, [rng.integers(2**31, size=len(self.states)), np.repeat(x, samples, axis=0)]

    def predict_on_batch(self, inputs: list[NDArray[Any]]) -> Any:
        """Seed the layers, then run the model."""
        for state, seed in zip(self.states, inputs[0], strict=True):
            state.assign([seed, 0])
        return self.model.predict_on_batch(inputs[1])


CHAINS: WeakKeyDictionary[Any, tuple[list[Any], Chain]] = WeakKeyDictionary()


def sampler(model: Any) -> Chain | AnyModel:
    """Return what runs `model`; a chain is built once, as compiling it takes time.

    Raises
    ------
    ValueError
        If nothing in `model` drops at inference.
    """
    layers = list(leaves(model))
    drops = [layer for layer in layers if is_mc(layer)]
    if not drops:
        raise ValueError(f"model {model.name!r} has no MCDropout layer; give to_mc(model)")
    plain = all(d in model.layers and d.noise_shape is None and d.rate < 1 for d in drops)
    if not (type(model) is keras.Sequential and model.built and plain):
        return AnyModel(model)
    if None in model.inputs[0].shape[1:]:
        return AnyModel(model)
    form = [(layer, getattr(layer, "rate", None)) for layer in layers]
    if model not in CHAINS or CHAINS[model][0] != form:
        CHAINS[model] = form, Chain(model)
    return CHAINS[model][1]


WORKER = ThreadPoolExecutor(1)  # for all calls: what one thread frees, another may not use


def ahead(items: Iterator[Any]) -> Iterator[Any]:
    """Yield `items`, making each while the one before it is in use."""
    upcoming = WORKER.submit(next, items, None)
    while (item := upcoming.result()) is not None:
        upcoming = WORKER.submit(next, items, None)
        yield item


def blocks(
    sampler: Chain | AnyModel, X: NDArray[Any], samples: int, batch_size: int, seed: int
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.float32]]]:
    """Yield the numbers of some instances and all predictions for them, until all are done."""
    rng = np.random.Generator(np.random.SFC64(seed))
    b = max(1, batch_size // samples)
    for start in range(0, len(X), batch_size):
        features = sampler.features(X[start : start + batch_size])
        # Sorted, so that the instances of a block have about as many inputs other than 0.
        counts = np.count_nonzero(features.reshape(len(features), -1), axis=1)
        order = np.argsort(counts, kind="stable")
        parts = np.split(order, range(b, len(order), b))
        passes = ((part, *sampler.prepare(features[part], samples, rng)) for part in parts)
        for part, model, inputs in ahead(passes):
            rows = np.asarray(model.predict_on_batch(inputs), np.float32)
            yield part + start, rows.reshape(len(part), samples, *rows.shape[1:]).swapaxes(0, 1)


def predict(
    sampler: Chain | AnyModel,
    X: NDArray[Any],
    samples: int,
    batch_size: int,
    seed: int,
    reduce: Callable[[NDArray[np.float32]], ArrayLike] | None,
) -> NDArray[Any]:
    """Return all predictions, or what `reduce` makes of them; see `mc_dropout.mc_predict`."""
    result: Any = None
    for part, predictions in blocks(sampler, X, samples, batch_size, seed):
        values = np.asarray(reduce(predictions)) if reduce else predictions
        axis = 0 if reduce else 1
        if values.shape[axis : axis + 1] != part.shape:
            raise ValueError(f"reduce returned shape {values.shape}; it must be ({len(part)}, ...)")
        if result is None:
            shape = (*values.shape[:axis], len(X), *values.shape[axis + 1 :])
            result = np.empty(shape, values.dtype)
        result[(slice(None),) * axis + (part,)] = values
    return np.asarray(result)
