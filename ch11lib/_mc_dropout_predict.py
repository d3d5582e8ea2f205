"""What `mc_predict` does: passes of a Keras model under many masks.

Such passes cost little more than their matrix products, because

- what lies before the first dropout is computed once per instance;
- masks are made of cheap 16-bit random numbers, a part on each core;
- a Dense layer behind the first dropout multiplies only what is not 0 anyway:
  half of the pixels of a Fashion-MNIST image. NumPy does it, also on each core;
- the layers behind are a compiled model that gets the rest of the masks, and
  runs while the cores make those of the next rows.
"""

import math
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import islice
from threading import RLock
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

from ch11lib._mc_dropout_keras import MC_LAYERS, MCDropout, is_mc, leaves
from ch11lib._mc_dropout_masks import dropped_products, generator, random_masks

MOST_VALUES = 2**20  # in an output of a layer, if no `batch_size` is given; 4 MB
PART = 2**21  # values that a worker makes at once; 8 MB
ROWS = 4000  # at once, of a model that is no chain


class Pass(NamedTuple):
    """What to run for some instances, once the work on its inputs is done."""

    run: Callable[[list[NDArray[Any]]], Any]
    inputs: list[NDArray[Any]]
    work: list[Future[None]]


class AfterProducts(keras.layers.Layer):  # type: ignore[misc]
    """What a Dense layer does with its matrix product."""

    def __init__(self, dense: Any) -> None:
        super().__init__(dtype=dense.dtype_policy)
        self.dense = dense

    def call(self, products: Any) -> Any:
        """Add the bias and apply the activation."""
        z = products + self.dense.bias if self.dense.use_bias else products
        return z if self.dense.activation is None else self.dense.activation(z)


def chained(x: Any, layers: Sequence[Any]) -> tuple[Any, int | None]:
    """Return a model of an input like `x` and a mask for each dropout in `layers`.

    And the number of values that the largest output of a layer has for one row;
    None if that depends on the input.
    """
    inputs, shapes = [keras.Input(x.shape[1:], dtype=x.dtype)], [x.shape[1:]]
    x = inputs[0]
    for layer in layers:
        if is_mc(layer):
            inputs.append(keras.Input(x.shape[1:], dtype="bool"))
            x = layer(x, keep=inputs[-1])
        else:
            x = layer(x)
        shapes.append(x.shape[1:])
    known = all(None not in shape for shape in shapes)
    return keras.Model(inputs, x), max(map(math.prod, shapes)) if known else None


def compiled(model: Any) -> Any:
    """Return `model` as a function that is traced once for any number of rows."""
    if keras.backend.backend() != "tensorflow":
        return model
    import tensorflow as tf

    specs = [tf.TensorSpec((None, *x.shape[1:]), x.dtype) for x in model.inputs]
    function = tf.function(lambda *inputs: model(list(inputs)))
    concrete = function.get_concrete_function(*specs)
    return lambda inputs: concrete(*map(tf.convert_to_tensor, inputs))


def rows_that_fit(largest: int, layers: Sequence[Any]) -> int:
    """Return how many rows make the largest output take `MOST_VALUES`; at most 4000 if hidden."""
    rows = max(1, MOST_VALUES // largest)
    nested = any(isinstance(layer, keras.Model) for layer in layers)
    return min(rows, ROWS) if nested else rows


class Chain:
    """A Sequential model, split before its first dropout, or behind the products after it."""

    def __init__(self, model: Any) -> None:
        layers = model.layers
        cut = next(i for i, layer in enumerate(layers) if is_mc(layer))
        self.head, before = chained(model.inputs[0], layers[:cut])
        x, self.dense = self.head.output, None
        rest, self.drop = layers[cut:], layers[cut]
        if isinstance(self.drop, MCDropout) and len(x.shape) == 2 and x.dtype == "float32":
            dense: Any = rest[1] if len(rest) > 1 else None
            if type(dense) is keras.layers.Dense and dense.dtype_policy.name == "float32":
                self.dense, x = dense, keras.KerasTensor((None, dense.units))
                rest = [AfterProducts(dense), *rest[2:]]
        self.tail, behind = chained(x, rest)
        self.known = before is not None and behind is not None
        if before is not None and behind is not None:
            self.instances = rows_that_fit(before, layers[:cut])
            self.rows = rows_that_fit(behind, rest)
        self.run = compiled(self.tail)
        shapes = [mask.shape[1:] for mask in self.tail.inputs[1:]]
        rates = [layer.rate for layer in rest if is_mc(layer)]
        self.drops = list(zip(shapes, rates, strict=True))

    def features(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return what the first dropout gets."""
        return np.asarray(self.head([X]))

    def start(self, x: NDArray[Any], samples: int, seed: int, start: int) -> Pass:
        """Let the workers make the inputs of a pass for `samples` masks of each row of `x`."""
        masks = [np.empty((len(x), samples, *shape), bool) for shape, _ in self.drops]
        made = sum(math.prod(shape) for shape, _ in self.drops) * samples
        kernel: Any = None
        if self.dense is None:
            first = np.repeat(x[:, None], samples, axis=1)
        else:
            kernel = np.asarray(ops.convert_to_tensor(self.dense.kernel))
            first = np.empty((len(x), samples, kernel.shape[1]), np.float32)
            made += int(np.count_nonzero(x, axis=1).max()) * (samples + kernel.shape[1])

        def fill(i: int, j: int) -> None:
            rng = generator(seed, start + i)
            if kernel is not None:
                dropped_products(x[i:j], 1 - self.drop.rate, kernel, first[i:j], rng)
            for mask, (shape, rate) in zip(masks, self.drops, strict=True):
                mask[i:j] = random_masks(rng, (j - i, samples, *shape), rate)

        step = max(1, PART // max(1, made))
        work = [WORKERS.submit(fill, i, min(i + step, len(x))) for i in range(0, len(x), step)]
        flat = [a.reshape(-1, *a.shape[2:]) for a in (first, *masks)]
        return Pass(self.run, flat, work)


class AnyModel:
    """A model of any other form: the layers draw their masks themselves."""

    instances = rows = ROWS

    def __init__(self, model: Any) -> None:
        self.model = model
        self.states = seed_states(model)

    def features(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return `X`: where the first dropout is, only the model knows."""
        return X

    def start(self, x: NDArray[Any], samples: int, seed: int, start: int) -> Pass:
        """Return what to run, and its inputs."""
        seeds = generator(seed, start).integers(2**31, size=len(self.states))
        return Pass(partial(self.run, samples=samples), [seeds, x], [])

    def run(self, inputs: list[NDArray[Any]], samples: int) -> Any:
        """Seed the layers, then run the model."""
        for state, seed in zip(self.states, inputs[0], strict=True):
            state.assign([seed, 0])
        return self.model.predict_on_batch(np.repeat(inputs[1], samples, axis=0))


def seed_states(model: Any) -> list[Any]:
    """Return the states of the random generators of all layers, however hidden."""
    return [v for v in model.variables if v.name == "seed_generator_state"]


def is_plain(model: Any, drops: Sequence[Any]) -> bool:
    """Tell whether a model is a chain of layers with all its dropouts, `drops`, in sight."""
    if not (type(model) is keras.Sequential and model.built):
        return False
    if None in model.inputs[0].shape[1:]:
        return False
    in_sight = [layer for layer in model.layers if is_mc(layer)]
    masking = (
        isinstance(x, keras.layers.Masking) or getattr(x, "mask_zero", False) for x in leaves(model)
    )
    return (
        in_sight == list(drops)
        and len(seed_states(model)) <= len(drops)  # none in a wrapper
        and all(type(d) in MC_LAYERS.values() for d in drops)
        and all(d.noise_shape is None and d.rate < 1 for d in drops)
        and not any(masking)  # a mask of Keras would not pass from head to tail
    )


def form(model: Any) -> list[Any]:
    """Return what must not change while a compiled form of the model is in use."""
    names = ("rate", "activation", "use_bias", "noise_shape", "lora_enabled", "quantization_mode")
    return [(layer, *(getattr(layer, name, None) for name in names)) for layer in leaves(model)]


CHAINS: WeakKeyDictionary[Any, tuple[list[Any], Chain | None]] = WeakKeyDictionary()


def sampler(model: Any) -> Chain | AnyModel:
    """Return what runs `model`; a chain is built once, as tracing it takes time.

    Raises
    ------
    ValueError
        If nothing in `model` drops at inference.
    """
    drops = [layer for layer in leaves(model) if is_mc(layer)]
    if not drops:
        raise ValueError(f"model {model.name!r} has no MCDropout layer; give to_mc(model)")
    now = form(model)
    if model not in CHAINS or CHAINS[model][0] != now:
        chain = Chain(model) if is_plain(model, drops) else None
        CHAINS[model] = now, chain if chain and chain.known else None
        model.predict_function = None  # Keras keeps one, with the old rates
    return CHAINS[model][1] or AnyModel(model)


#: A few for all calls: what one thread frees, another may not use.
WORKERS = ThreadPoolExecutor(min(4, os.cpu_count() or 1))
LIBRARIES = ThreadpoolController()
TURN = RLock()  # calls from several threads take turns: seeds and NumPy's threads are shared


def ahead(items: Iterator[Any], n: int = 2) -> Iterator[Any]:
    """Yield `items`, each when the next `n` have been made."""
    waiting = deque(islice(items, n + 1))
    while waiting:
        yield waiting.popleft()
        waiting.extend(islice(items, 1))


def started(
    sampler: Chain | AnyModel, X: NDArray[Any], samples: int, batch_size: int, seed: int
) -> Iterator[tuple[NDArray[np.intp], Pass]]:
    """Yield the numbers of some instances and the pass for them, until all are done."""
    b, n = max(1, batch_size // samples), min(batch_size, sampler.instances)
    for start in range(0, len(X), n):
        features = sampler.features(X[start : start + n])
        # Sorted, so that instances done together have about as many inputs other than 0.
        counts = np.count_nonzero(features.reshape(len(features), -1), axis=1)
        order = np.argsort(counts, kind="stable")
        for i in range(0, len(order), b):
            part = order[i : i + b]
            yield part + start, sampler.start(features[part], samples, seed, start + i)


def blocks(
    sampler: Chain | AnyModel, X: NDArray[Any], samples: int, batch_size: int, seed: int
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.float32]]]:
    """Yield the numbers of some instances and all predictions for them, until all are done."""
    for part, current in ahead(started(sampler, X, samples, batch_size, seed)):
        for future in current.work:
            future.result()
        rows = np.asarray(current.run(current.inputs), np.float32)
        yield part, rows.reshape(len(part), samples, *rows.shape[1:]).swapaxes(0, 1)


def predict(
    sampler: Chain | AnyModel,
    X: NDArray[Any],
    samples: int,
    batch_size: int | None,
    seed: int,
    reduce: Callable[[NDArray[np.float32]], ArrayLike] | None,
) -> NDArray[Any]:
    """Return all predictions, or what `reduce` makes of them; see `mc_dropout.mc_predict`."""
    result: Any = None
    with TURN, LIBRARIES.limit(limits=1, user_api="blas"):  # the workers share the cores
        for part, predictions in blocks(sampler, X, samples, batch_size or sampler.rows, seed):
            values = np.asarray(reduce(predictions.copy())) if reduce else predictions
            axis = 0 if reduce else 1
            if values.shape[axis : axis + 1] != part.shape:
                raise ValueError(
                    f"reduce returned shape {values.shape}; it must be ({len(part)}, ...)"
                )
            if result is None:
                shape = (*values.shape[:axis], len(X), *values.shape[axis + 1 :])
                result = np.empty(shape, values.dtype)
            result[(slice(None),) * axis + (part,)] = values
    return np.asarray(result)
