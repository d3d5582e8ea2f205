"""Monte Carlo dropout draws from the distribution over all masks, in every form of a model."""

import itertools
import math
import re

import keras
import numpy as np
import pytest
from keras import layers as kl
from scipy.stats import binomtest

from ch11lib import mc_dropout as mc
from ch11lib.uncertainty import mutual_information


def sequential(*layers, shape=(4,), dtype=None):
    return keras.Sequential([keras.Input(shape, dtype=dtype), *layers])


def functional(*layers, shape=(4,)):
    x = inputs = keras.Input(shape)
    for layer in layers:
        x = layer(x)
    return keras.Model(inputs, x * 2.0 - x)  # an operation that is no layer


class Subclassed(keras.Model):
    def __init__(self, layers):
        super().__init__()
        self.all = list(layers)

    def call(self, x):
        for layer in self.all:
            x = layer(x)
        return x


class Block(kl.Layer):
    """A layer of one's own with dropout inside, which hears of training from outside."""

    def __init__(self, *layers):
        super().__init__()
        self.chain = keras.Sequential(layers)

    def build(self, shape):
        self.chain.build(shape)

    def call(self, x):
        return self.chain(x)


class BooksMCDropout(kl.Dropout):
    """As a reader of Géron (2022), chapter 11, writes it."""

    def call(self, X):
        return super().call(X, training=True)


def plain(model, X):
    return model.predict_on_batch(X)


@pytest.mark.parametrize("name", ["Dropout", "AlphaDropout"])
@pytest.mark.parametrize("training", [None, False, True])
def test_layer_always_does_what_keras_does_in_training(name, training, rng):
    X = rng.normal(size=(5, 4)).astype(np.float32)
    ours = getattr(mc, f"MC{name}")(0.4, seed=5)(X, training=training)
    theirs = getattr(kl, name)(0.4, seed=5)(X, training=True)
    np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


def frozen(layer):
    """Such a layer may hold a batch normalization: it is at inference, then."""
    layer.trainable = False
    return layer


FORMS = {
    "sequential": lambda layers: sequential(*layers),
    "functional": lambda layers: functional(*layers),
    "nested": lambda layers: functional(layers[0], sequential(*layers[1:4], shape=(4,)), layers[4]),
    "own dropout": lambda layers: sequential(BooksMCDropout(0.4), *layers[1:]),
    "frozen": lambda layers: sequential(*layers[:2], frozen(Block(*layers[2:4])), layers[4]),
}


@pytest.mark.parametrize("form", FORMS)
def test_mean_and_variance_are_those_over_all_masks(form, rng):
    """All 2⁷ masks are gone through; batch normalization keeps to its moving averages."""
    first, norm, last = kl.Dense(3, "tanh"), kl.BatchNormalization(), kl.Dense(2, "softmax")
    layers = [kl.Dropout(0.4), first, norm, kl.Dropout(0.25), last]
    sequential(*layers)  # builds them
    for layer in (first, norm, last):
        layer.set_weights(
            [rng.uniform(0.2, 2, w.shape) - (w.ndim == 2) for w in layer.get_weights()]
        )
    X = rng.normal(size=(2, 4))
    (A, a), (gamma, beta, mean, variance), (B, b) = (x.get_weights() for x in (first, norm, last))
    outputs, weights = [], []
    for bits in itertools.product((0, 1), repeat=7):
        m, k = np.array(bits[:4]), np.array(bits[4:])
        h = np.tanh(X * m / 0.6 @ A + a)
        h = gamma * (h - mean) / np.sqrt(variance + norm.epsilon) + beta
        z = np.exp(h * k / 0.75 @ B + b)
        outputs.append(z / z.sum(axis=1, keepdims=True))
        weights.append(np.prod(np.where(m, 0.6, 0.4)) * np.prod(np.where(k, 0.75, 0.25)))
    expected = np.average(outputs, axis=0, weights=weights)
    std = np.sqrt(np.average((outputs - expected) ** 2, axis=0, weights=weights))

    model = FORMS[form](layers)
    before, answers = model.get_weights(), plain(model, X)
    drawn = mc.mc_predict(mc.to_mc(model), X, samples=4000)
    assert drawn.shape == (4000, 2, 2)
    assert drawn.dtype == np.float32
    assert np.abs((drawn.mean(axis=0) - expected) / std).max() < 4.5 / math.sqrt(4000)
    np.testing.assert_allclose(drawn.std(axis=0), std, rtol=0.05)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)
    if form != "own dropout":
        np.testing.assert_array_equal(plain(model, X), answers)


X_STEPS = np.random.default_rng(3).normal(size=(4, 3)).astype(np.float32)  # steps, channels


def attention(layer, *inputs):
    def build():
        x = keras.Input((4, 3))
        return keras.Model(x, layer()(*(i(x) for i in inputs)))

    return build


KINDS = {
    "SpatialDropout1D": lambda: sequential(kl.SpatialDropout1D(0.4), shape=(4, 3)),
    "GaussianDropout": lambda: sequential(kl.GaussianDropout(0.4), shape=(4, 3)),
    "AlphaDropout": lambda: sequential(kl.AlphaDropout(0.4), shape=(4, 3)),
    "noise_shape": lambda: sequential(kl.Dropout(0.4, noise_shape=(None, 1, 3)), shape=(4, 3)),
    "LSTM": lambda: sequential(kl.LSTM(2, dropout=0.4), shape=(4, 3)),
    "recurrent": lambda: sequential(kl.GRU(2, recurrent_dropout=0.4), shape=(4, 3)),
    "cells": lambda: sequential(kl.RNN([kl.LSTMCell(2, dropout=0.4)]), shape=(4, 3)),
    "Bidirectional": lambda: sequential(kl.Bidirectional(kl.GRU(2, dropout=0.4)), shape=(4, 3)),
    "TimeDistributed": lambda: sequential(kl.TimeDistributed(kl.Dropout(0.4)), shape=(4, 3)),
    "MultiHeadAttention": attention(
        lambda: kl.MultiHeadAttention(1, 2, dropout=0.4), lambda x: x, lambda x: x
    ),
    "Attention": attention(lambda: kl.Attention(dropout=0.4), lambda x: [x, x]),
    "Block": lambda: sequential(Block(kl.Dropout(0.4), kl.Dense(2)), shape=(4, 3)),
    "Subclassed": lambda: Subclassed([kl.Dense(2), kl.Dropout(0.4)]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_dropout_is_on(kind):
    """As in Keras's training mode, one draw for each of 2,000 equal rows."""
    model = KINDS[kind]()
    rows = np.repeat(X_STEPS[None], 2000, axis=0)
    theirs = np.asarray(model(rows, training=True))
    assert theirs.std(axis=0).max() > 0.01
    sampler = mc.to_mc(model)
    ours = mc.mc_predict(sampler, X_STEPS[None], samples=2000)[:, 0]
    error = np.sqrt((ours.var(axis=0) + theirs.var(axis=0)) / 2000) + 1e-6
    assert np.abs((ours.mean(axis=0) - theirs.mean(axis=0)) / error).max() < 4.5
    np.testing.assert_allclose(ours.std(axis=0), theirs.std(axis=0), rtol=0.25, atol=1e-4)
    again = mc.mc_predict(sampler, X_STEPS[None], samples=2000)[:, 0]
    np.testing.assert_array_equal(again, ours)


def test_noise_and_changes_of_images_stay_off():
    model = sequential(kl.RandomFlip(), kl.GaussianNoise(0.3), kl.Dropout(0.5), shape=(2, 2, 3))
    X = np.arange(1.0, 13).reshape(1, 2, 2, 3)
    assert set(np.unique(mc.mc_predict(mc.to_mc(model), X, 50) / X)) == {0.0, 2.0}
    for name in dir(kl):  # a new one of Keras is found here
        layer = getattr(kl, name)
        changes_images = "image_preprocessing" in getattr(layer, "__module__", "")
        if changes_images and re.search(r"\n +seed: ", layer.__doc__):
            assert issubclass(layer, mc.NOT_DROPOUT), name


def adapted(layer, data):
    layer.adapt(data)
    return layer


WORDS = np.array([["a b"], ["c"], ["b d"]])
NUMBERS = np.array([[1000.0], [1010.0], [990.0]])
PREPARED = {
    "Normalization": (lambda: adapted(kl.Normalization(), NUMBERS), NUMBERS, "float32"),
    "TextVectorization": (
        lambda: adapted(kl.TextVectorization(output_mode="tf_idf"), WORDS[:, 0]),
        WORDS,
        "string",
    ),
    "IntegerLookup": (
        lambda: kl.IntegerLookup(vocabulary=[7, 9]),
        np.array([[9], [7], [8]]),
        "int64",
    ),
    "Lambda": (lambda: kl.Lambda(lambda x: x / 255), NUMBERS, "float32"),
}


@pytest.mark.parametrize("name", PREPARED)
@pytest.mark.parametrize("rate", [0.0, 0.5])
def test_what_a_layer_has_learned_stays(name, rate):
    make, X, dtype = PREPARED[name]
    embed = [kl.Embedding(3, 2)] if name == "IntegerLookup" else []
    model = sequential(make(), *embed, kl.Dropout(rate), shape=(1,), dtype=dtype)
    expected = plain(model, X)
    assert expected.std() > 0
    drawn = mc.mc_predict(mc.to_mc(model), X, samples=1 if rate == 0 else 30)
    if rate == 0:
        np.testing.assert_array_equal(drawn[0], expected)
    else:
        assert np.isclose(drawn, 0).any()
        np.testing.assert_allclose(
            np.where(drawn == 0, 2 * expected, drawn),
            2 * np.tile(expected, (30, *[1] * expected.ndim)),
            rtol=1e-6,
        )


def test_layers_that_always_drop_need_no_to_mc():
    """Ours, and the one that readers of the book write."""
    for layer in (mc.MCDropout(0.5), BooksMCDropout(0.5)):
        model = sequential(layer)
        for sampler in (model, mc.to_mc(model)):
            assert set(np.unique(mc.mc_predict(sampler, np.ones((3, 4)), 20))) == {0.0, 2.0}
    model.compile("sgd", "mse", steps_per_execution=30)
    assert set(np.unique(mc.mc_predict(model, np.ones((3, 4)), 20))) == {0.0, 2.0}


def test_masks_are_independent_for_each_sample_instance_and_unit():
    """No two of the 300 × 20 × 10 masks' entries are tied, whatever batch they were made in."""
    drawn = mc.mc_predict(sequential(mc.MCDropout(0.2), shape=(10,)), np.ones((20, 10)), 300, 1500)
    np.testing.assert_allclose(np.unique(drawn), [0, 1.25])
    kept = drawn > 0
    assert binomtest(int(kept.sum()), kept.size, 0.8).pvalue > 1e-3
    for axis in range(3):
        rows = np.moveaxis(kept, axis, 0).reshape(kept.shape[axis], -1)
        pairs = np.corrcoef(rows)[np.triu_indices(len(rows), 1)]
        assert np.abs(pairs).max() < 5.5 / math.sqrt(rows.shape[1])
        assert pairs.std() == pytest.approx(1 / math.sqrt(rows.shape[1]), rel=0.25)


# How it is drawn


def test_the_seed_decides_and_nothing_else(rng):
    model, X = sequential(kl.Dropout(0.4), kl.Dense(3)), rng.normal(size=(5, 4))
    sampler = mc.to_mc(model)
    first = mc.mc_predict(sampler, X, samples=40, seed=3)
    keras.utils.set_random_seed(99)
    sampler(X)
    states = [v.numpy() for v in sampler.variables]
    np.testing.assert_array_equal(mc.mc_predict(sampler, X, samples=40, seed=3), first)
    np.testing.assert_array_equal(mc.mc_predict(mc.to_mc(model), X, samples=40, seed=3), first)
    assert np.abs(mc.mc_predict(sampler, X, samples=40, seed=4) - first).max() > 0.01
    for old, variable in zip(states, sampler.variables, strict=True):
        np.testing.assert_array_equal(variable.numpy(), old, "generators are set back")


@pytest.mark.parametrize("batch_size", [1, 7, 60, 1000])
def test_batch_size_bounds_the_rows_and_changes_no_instance(batch_size, rng, monkeypatch):
    model, X = sequential(mc.MCDropout(0.0), kl.Dense(2)), rng.normal(size=(7, 4))
    expected, run, sizes = plain(model, X), model.predict_on_batch, []
    monkeypatch.setattr(
        model, "predict_on_batch", lambda rows: sizes.append(len(rows)) or run(rows)
    )
    drawn = mc.mc_predict(model, X, samples=30, batch_size=batch_size)
    np.testing.assert_allclose(drawn, np.broadcast_to(expected, (30, 7, 2)), atol=1e-6)
    assert sum(sizes) == 7 * 30
    assert max(sizes) <= batch_size
    if batch_size > 30:
        assert len(sizes) == math.ceil(7 / (batch_size // 30))


@pytest.mark.parametrize("batch_size", [20, 120])
def test_reduce_sees_all_samples_of_each_instance(batch_size, rng):
    model, X = sequential(mc.MCDropout(0.4), kl.Dense(3, "softmax")), rng.normal(size=(11, 4))

    def median(p):
        p.sort(axis=0)  # it may change what it gets
        return p[len(p) // 2]

    everything = mc.mc_predict(model, X, 51, batch_size)
    for reduce, expected in (
        (lambda p: p.mean(axis=0), everything.mean(axis=0)),
        (mutual_information, mutual_information(everything)),
        (median, np.median(everything, axis=0)),
        (lambda p: mc.mc_predict(model, X[: p.shape[1]], 3) is None or p[0], everything[0]),
    ):
        reduced = mc.mc_predict(model, X, 51, batch_size, reduce=reduce)
        np.testing.assert_allclose(reduced, expected, atol=1e-6)


def test_inputs_of_variable_length(rng):
    model = sequential(kl.Dropout(0.4), kl.GlobalAveragePooling1D(), shape=(None, 3))
    for length in (2, 5):
        drawn = mc.mc_predict(mc.to_mc(model), rng.normal(size=(4, length, 3)), samples=6)
        assert drawn.shape == (6, 4, 3)
        assert (drawn.std(axis=0) > 0).all()


def test_masks_of_keras_reach_the_layers_behind():
    """A step that is masked counts for nothing, and an average leaves it out."""
    X = np.array([[1, 2, 0, 0], [2, 0, 0, 0]])
    layers = [kl.Embedding(3, 2, mask_zero=True), kl.LSTM(2, return_sequences=True)]
    model = sequential(*layers, kl.GlobalAveragePooling1D())
    wrapped = sequential(layers[0], mc.MCLayer(layers[1]), kl.GlobalAveragePooling1D())
    np.testing.assert_allclose(mc.mc_predict(wrapped, X, 2)[1], plain(model, X), rtol=1e-5)


# What to_mc returns


def test_weights_are_shared_and_nothing_else_changes(rng):
    def loss(y, p):  # of one's own, so Keras could not copy it
        return keras.ops.mean((y - p) ** 2)

    norm = kl.BatchNormalization()
    model = functional(kl.Dense(3), norm, kl.Dropout(0.5), kl.Dense(2))
    model.compile("adam", loss)
    norm.trainable = False
    sampler = mc.to_mc(model)
    model.set_weights([rng.uniform(1, 2, w.shape) for w in model.get_weights()])
    for ours, theirs in zip(sampler.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    X = rng.normal(size=(4, 4))
    assert not np.array_equal(plain(sampler, X), plain(sampler, X))
    np.testing.assert_array_equal(plain(model, X), plain(model, X))
    assert not norm.trainable
    assert model.compiled


def test_saved_and_loaded(tmp_path, rng):
    model = mc.to_mc(
        sequential(kl.LSTM(3, dropout=0.5), kl.Dropout(0.2), kl.AlphaDropout(0.1), shape=(4, 3))
    )
    X = rng.normal(size=(2, 4, 3))
    model.save(tmp_path / "mc.keras")
    loaded = keras.models.load_model(tmp_path / "mc.keras")
    kinds = [type(layer).__name__ for layer in loaded.layers[1:]]
    assert kinds == ["MCLayer", "MCDropout", "MCAlphaDropout"]
    np.testing.assert_array_equal(mc.mc_predict(loaded, X, 4), mc.mc_predict(model, X, 4))


def test_half_precision_stays_and_comes_back_as_float32(rng):
    lstm = kl.LSTM(3, dropout=0.5, dtype="mixed_float16")
    sampler = mc.to_mc(sequential(lstm, shape=(4, 3)))
    assert sampler.layers[-1].compute_dtype == "float16"
    assert mc.mc_predict(sampler, rng.normal(size=(2, 4, 3)), 4).dtype == np.float32


BACKEND = """
import keras, numpy as np
from keras import layers as kl
from ch11lib import mc_dropout as mc
dense = kl.Dense(3, kernel_initializer="ones")
model = keras.Sequential([
    keras.Input((4,)), kl.Normalization(mean=1.0, variance=4.0), dense, kl.BatchNormalization(),
    kl.Dropout(0.5)])
X = np.arange(8.0).reshape(2, 4)
sampler = mc.to_mc(model)
p, q, r = (mc.mc_predict(sampler, X, 50, seed=seed) for seed in (1, 1, 2))
assert np.array_equal(p, q) and not np.array_equal(p, r)
twice = 2 * model.predict(X, verbose=0)
assert np.allclose(p, np.where(p == 0, 0, twice), rtol=1e-5) and 0.3 < (p == 0).mean() < 0.7
print(keras.backend.backend())
"""


@pytest.mark.parametrize("name", ["jax", "numpy"])
def test_other_backends(name, run_python):
    done = run_python("-c", BACKEND, KERAS_BACKEND=name)
    assert done.stdout.strip() == name, done.stderr


def test_pytorch_is_refused_by_name(monkeypatch):
    """Its dropout in Keras draws from a generator of its own, whatever the seed."""
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(RuntimeError, match="backend is torch"):
        mc.mc_predict(sequential(mc.MCDropout(0.5)), np.ones((1, 4)))


# What is refused


def unbuilt():
    return keras.Sequential([kl.Dropout(0.5)])


def called(model):
    model(np.ones((1, 4)))
    return model


def with_norm():
    return kl.Dropout(0.5), kl.BatchNormalization(name="norm")


def two_inputs():
    a, b = keras.Input((4,)), keras.Input((4,))
    return keras.Model([a, b], mc.MCDropout(0.5)(a + b))


ROWS, STEPS, DROPS = np.ones((2, 4)), np.ones((2, 4, 3)), mc.MCDropout(0.5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: mc.mc_predict(sequential(DROPS), ROWS, samples=0),
            "samples is 0; it must be >= 1",
        ),
        (lambda: mc.mc_predict(sequential(DROPS), ROWS, samples=math.nan), "samples is nan"),
        (lambda: mc.mc_predict(sequential(DROPS), ROWS, batch_size=0), "batch_size is 0"),
        (lambda: mc.mc_predict(sequential(DROPS), ROWS, seed=-1), "seed is -1"),
        (lambda: mc.mc_predict(sequential(DROPS), ROWS[0]), r"X has shape \(4,\)"),
        (lambda: mc.mc_predict(sequential(DROPS), ROWS[:0]), r"X has shape \(0, 4\)"),
        (
            lambda: mc.mc_predict(sequential(DROPS), ROWS, reduce=np.mean),
            r"reduce returned shape \(\)",
        ),
        (lambda: mc.mc_predict(two_inputs(), ROWS), "one input and one output"),
        (lambda: mc.mc_predict(sequential(kl.Dense(2)), ROWS), "has no dropout"),
        (lambda: mc.mc_predict(sequential(kl.Dropout(0.5)), ROWS), "a Dropout that drops nothing"),
        (
            lambda: mc.mc_predict(sequential(DROPS, kl.GaussianDropout(0.1)), ROWS),
            "a GaussianDropout",
        ),
        (lambda: mc.mc_predict(sequential(kl.LSTM(2, dropout=0.1), shape=(4, 3)), STEPS), "LSTM"),
        (lambda: mc.mc_predict(sequential(Block(kl.Dropout(0.5))), ROWS), "a Block that drops"),
        (
            lambda: mc.mc_predict(called(Subclassed([kl.Dropout(0.5)])), ROWS),
            "a Dropout that drops",
        ),
        (lambda: mc.mc_predict(sequential(mc.MCDropout(0.5, (1, 4))), ROWS), "noise_shape is"),
        (lambda: mc.to_mc(sequential(kl.Dense(2))), "has no dropout"),
        (lambda: mc.to_mc(sequential(kl.LSTM(2), shape=(4, 3))), "has no dropout"),
        (lambda: mc.to_mc(sequential(kl.GaussianNoise(0.1))), "has no dropout"),
        (lambda: mc.to_mc(unbuilt()), "is not built"),
        (lambda: mc.to_mc(called(Subclassed(with_norm()))), "norm/moving_mean"),
        (lambda: mc.to_mc(sequential(Block(*with_norm()))), "a Block .*norm/moving_mean"),
    ],
)
def test_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
