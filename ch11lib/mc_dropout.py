"""Monte Carlo dropout: a network that answers differently each time it is asked. Keras.

Lesson: *Monte Carlo dropout*. Gal and Ghahramani, "Dropout as a Bayesian
approximation" (2016), arXiv:1506.02142: leave dropout on at inference, and
predict many times; the mean is the prediction, and the spread says how much of
it depends on which units happen to be there.

Its backend is TensorFlow, JAX or NumPy. With
PyTorch the layers and `to_mc` work, but `mc_predict` does not: there Keras's
dropout follows no seed. How uncertain the predictions are is measured by
`ch11lib.uncertainty`.
"""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
from keras import layers as kl
from numpy.typing import ArrayLike, NDArray

__all__ = ["MCAlphaDropout", "MCDropout", "MCLayer", "mc_predict", "to_mc"]

register = keras.saving.register_keras_serializable(package="ch11lib")

DROPOUT = (kl.Dropout, kl.AlphaDropout, kl.GaussianDropout)
#: Layers that are random in training but drop nothing: noise, and changes of images.
NOT_DROPOUT = (
    kl.GaussianNoise,
    kl.AugMix,
    kl.CutMix,
    kl.MixUp,
    kl.Pipeline,
    kl.Solarization,
    *(getattr(kl, name) for name in dir(kl) if name.startswith("Rand")),
)


@register
class MCDropout(kl.Dropout):  # type: ignore[misc]
    """A ``keras.layers.Dropout`` that drops at inference, too.

    Each value is set to 0 with probability `rate`, and else divided by
    1 − `rate`, whether the layer is told that it is training or not.

    Parameters
    ----------
    rate, noise_shape, seed
        Those of ``keras.layers.Dropout``.

    Examples
    --------
    >>> layer = MCDropout(0.5, seed=0)
    >>> sorted(set(np.asarray(layer(np.ones(100), training=False)).tolist()))
    [0.0, 2.0]
    """

    def call(self, inputs: Any, training: Any = None) -> Any:
        """Drop, whatever `training` is."""
        return super().call(inputs, training=True)


@register
class MCAlphaDropout(kl.AlphaDropout):  # type: ignore[misc]
    """A ``keras.layers.AlphaDropout`` that drops at inference, too.

    Each value is set to α′ = −1.7581, where SELU saturates, with probability
    `rate`; then all are scaled and shifted so that standardized inputs keep
    their mean and variance (Klambauer et al. 2017, arXiv:1706.02515).

    Parameters
    ----------
    rate, noise_shape, seed
        Those of ``keras.layers.AlphaDropout``.

    Examples
    --------
    >>> layer = MCAlphaDropout(0.5, seed=0)
    >>> len(set(np.asarray(layer(np.ones(100), training=False)).tolist()))
    2
    """

    def call(self, inputs: Any, training: Any = None) -> Any:
        """Drop, whatever `training` is."""
        return super().call(inputs, training=True)


@register
class MCLayer(kl.Wrapper):  # type: ignore[misc]
    """A layer of any kind that works at inference as it does in training.

    `to_mc` puts it around each layer that has dropout inside, such as an LSTM
    or an attention.

    Parameters
    ----------
    layer : keras.Layer
        Shared with the models that it belongs to, weights and all.

    Examples
    --------
    >>> layer = MCLayer(keras.layers.SpatialDropout1D(0.5, seed=0))
    >>> np.unique(layer(np.ones((1, 2, 100))), axis=1).shape  # both steps lose the same
    (1, 1, 100)
    """

    def __init__(self, layer: Any, **options: Any) -> None:
        super().__init__(layer, **{"name": layer.name, "dtype": layer.dtype_policy, **options})
        self.supports_masking = layer.supports_masking

    def call(self, inputs: Any, *others: Any, **options: Any) -> Any:
        """Call the layer in training mode, whatever the mode is."""
        return self.layer(inputs, *others, **{**options, "training": True})

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """Return the mask that the layer passes on."""
        return self.layer.compute_mask(inputs, previous_mask)


ALWAYS_ON = (MCDropout, MCAlphaDropout, MCLayer)


def random_states(layer: Any) -> list[Any]:
    """Return the states of all random generators in a layer or model."""
    weights = {id(v) for v in getattr(layer, "weights", [])}
    states = {id(v): v for v in getattr(layer, "variables", []) if id(v) not in weights}
    return list(states.values())


def can_drop(layer: Any) -> bool:
    """Tell whether a layer that is told that it is training may draw masks."""
    if isinstance(layer, kl.RNN):  # LSTM and its kin have a generator in any case
        rates = [getattr(layer, name, 1) for name in ("dropout", "recurrent_dropout")]
        return any(rates)
    return bool(random_states(layer)) and not isinstance(layer, NOT_DROPOUT)


def leaves(model: Any) -> Iterator[Any]:
    """Yield the layers of a model, and of the models among them."""
    for layer in model.layers:
        yield from leaves(layer) if isinstance(layer, keras.Model) else (layer,)


def check_masks(model: Any) -> None:
    """Raise unless each layer of `model` that can drop has done so, in each row by itself.

    For layers of your own that is seen by their random generators, whose states
    have been set to (seed, 0); those of Keras would count on without dropping.
    """
    layers = list(leaves(model))
    if not any(can_drop(layer) or isinstance(layer, ALWAYS_ON) for layer in layers):
        raise ValueError(f"model {model.name!r} has no dropout; give to_mc(a model with dropout)")
    for layer in filter(can_drop, layers):
        kind = f"model has {layer.name!r}, a {type(layer).__name__}"
        counts = [state.numpy()[1] for state in random_states(layer)]
        own = type(layer).__module__.split(".")[0] == "keras"
        if not isinstance(layer, ALWAYS_ON) and (own or 0 in counts):
            raise ValueError(f"{kind} that drops nothing at inference; give to_mc(model)")
        shape = getattr(layer, "noise_shape", None)
        if shape and shape[0] is not None:
            raise ValueError(f"{kind} whose noise_shape is {shape}; it must begin with None")


def always_on(layer: Any) -> Any:
    """Return what stands for `layer` in a model of `to_mc`: itself, unless it drops."""
    if isinstance(layer, ALWAYS_ON):
        return layer
    for plain, dropping in ((kl.Dropout, MCDropout), (kl.AlphaDropout, MCAlphaDropout)):
        if type(layer) is plain:
            return dropping.from_config(layer.get_config())
    if hasattr(layer, "inputs"):  # a model made of layers that can be seen
        chain = isinstance(layer, keras.Sequential)
        ends = (layer.inputs[0], layer.outputs[0]) if chain else (layer.input, layer.output)
        graph = keras.Model(*ends, name=layer.name)
        if type(layer).call in (keras.Sequential.call, type(graph).call):
            return keras.models.clone_model(graph, clone_function=always_on)
    if not can_drop(layer):
        return layer
    if layer.trainable and layer.non_trainable_weights:
        names = ", ".join(w.path for w in layer.non_trainable_weights)
        raise ValueError(
            f"model has {layer.name!r}, a {type(layer).__name__} with dropout inside; to_mc can "
            f"only call all of it in training mode, which may change {names}"
        )
    return MCLayer(layer)


def to_mc(model: Any) -> Any:
    """Return a model that drops at inference, and shares all weights with `model`.

    Each Dropout becomes an `MCDropout`, each AlphaDropout an `MCAlphaDropout`,
    and any other layer that drops (SpatialDropout, GaussianDropout, an LSTM or
    an attention with dropout, TimeDistributed, a layer of your own) is put into
    an `MCLayer`; also in models inside the model. All other layers are the
    model's own and work as at inference: a batch normalization uses its moving
    averages and does not move them, as it would in ``model(X, training=True)``.
    Noise and random changes of images stay off, too.

    Parameters
    ----------
    model : keras.Model
        Built. It is left as it is. A model of a class of your own is seen as
        one layer: all of it is called in training mode.

    Returns
    -------
    keras.Model
        Not compiled. If `model` is trained further, so is this one.

    Raises
    ------
    ValueError
        If `model` is not built, has no dropout, or has dropout and weights that
        training mode may change (a batch normalization) in one layer of your own.

    Examples
    --------
    >>> plain = keras.Sequential([keras.Input((9,)), kl.Dense(4), kl.Dropout(0.2)])
    >>> [type(layer).__name__ for layer in to_mc(plain).layers]
    ['InputLayer', 'Dense', 'MCDropout']
    """
    if not model.built:
        raise ValueError(f"model {model.name!r} is not built; give it an Input or call it first")
    if not any(can_drop(layer) or isinstance(layer, DROPOUT) for layer in leaves(model)):
        raise ValueError(f"model {model.name!r} has no dropout")
    sampler = always_on(model)
    return sampler if isinstance(sampler, keras.Model) else keras.Sequential([sampler])


def mc_predict(
    model: Any,
    X: ArrayLike,
    samples: int = 100,
    batch_size: int = 2000,
    seed: int = 0,
    reduce: Callable[[NDArray[np.float32]], ArrayLike] | None = None,
) -> NDArray[Any]:
    """Predict many times, with new masks for each instance and each sample.

    Draw p_t(x) for t = 1, …, `samples`, each with a mask of its own. Their mean
    over t estimates the average over all masks, with a standard error of
    s / √`samples`, where s is the standard deviation of one draw.

    Parameters
    ----------
    model : keras.Model
        From `to_mc`, or with layers that drop at inference, such as `MCDropout`;
        of one input and one output, of any form that Keras can call.
    X : array_like, shape (n, ...)
        At least one instance.
    samples : int
        Predictions per instance; at least 1.
    batch_size : int
        Rows computed at once, a row being one instance under one mask; at
        least 1. It bounds the memory.
    seed : int
        At least 0. The same arguments, this one and `batch_size` included,
        give the same result, whatever was computed before.
    reduce : callable, optional
        Takes all predictions for some instances, of shape (samples, b, ...),
        and returns an array of shape (b, ...), such as their mean or
        `uncertainty.mutual_information`. With it, the predictions are not kept.

    Returns
    -------
    ndarray of float32, shape (samples, n, ...)
        Or what `reduce` returns, for all n instances.

    Raises
    ------
    ValueError
        If an argument is out of range, `model` drops nothing at inference, or
        its masks are the same for all rows of a batch.
    RuntimeError
        If the backend of Keras is PyTorch, whose dropout follows no seed.

    Notes
    -----
    Each instance is repeated, and the rows go through Keras's compiled
    ``predict_on_batch``. Afterwards the random generators of the layers are set
    back to where they were. A layer that draws from Keras's global generator
    does not follow `seed`.

    References
    ----------
    Gal and Ghahramani (2016), arXiv:1506.02142, equation 6.

    Examples
    --------
    >>> model = keras.Sequential([keras.Input((1,)), MCDropout(0.5)])
    >>> mc_predict(model, [[1.0], [3.0]], samples=1000).mean(axis=0).round().tolist()
    [[1.0], [3.0]]
    """
    for name, number, least in (
        ("samples", samples, 1),
        ("batch_size", batch_size, 1),
        ("seed", seed, 0),
    ):
        if not number >= least:
            raise ValueError(f"{name} is {number}; it must be >= {least}")
    if keras.backend.backend() == "torch":
        raise RuntimeError("backend is torch; it must be tensorflow, jax or numpy to follow seed")
    X = np.asarray(X)
    expected = (None, *X.shape[1:])
    if hasattr(model, "inputs"):
        expected = model.inputs[0].shape
        if len(model.inputs) + len(model.outputs) > 2:
            raise ValueError(f"model {model.name!r} must have one input and one output")
    if X.ndim != len(expected) or len(X) == 0:
        raise ValueError(f"X has shape {X.shape}; it must be {expected}, with at least one row")
    states = random_states(model)
    before = [state.numpy() for state in states]
    seeds = np.random.default_rng(seed).integers(2**31, size=len(states))
    step, parts = max(1, batch_size // samples), list[NDArray[Any]]()
    try:
        for state, number in zip(states, seeds, strict=True):
            state.assign([number, 0])
        for part in (X[start : start + step] for start in range(0, len(X), step)):
            rows = np.repeat(np.arange(len(part)), samples)
            batches = [rows[i : i + batch_size] for i in range(0, len(rows), batch_size)]
            flat = np.concatenate([model.predict_on_batch(part[batch]) for batch in batches])
            if not parts:
                check_masks(model)
            p = flat.astype(np.float32).reshape(len(part), samples, *flat.shape[1:]).swapaxes(0, 1)
            parts.append(p if reduce is None else np.asarray(reduce(p)))
            if reduce and parts[-1].shape[:1] != part.shape[:1]:
                shape = parts[-1].shape
                raise ValueError(f"reduce returned shape {shape}; it must be ({len(part)}, ...)")
    finally:
        for state, value in zip(states, before, strict=True):
            state.assign(value)
    return np.concatenate(parts, axis=1 if reduce is None else 0)
