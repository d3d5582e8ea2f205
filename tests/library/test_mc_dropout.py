"""Monte Carlo dropout draws what ``model(X, training=True)`` draws."""

import gc
import math
import os
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

import numpy as np
import pytest
from scipy.stats import binomtest, ks_2samp
from threadpoolctl import threadpool_info, threadpool_limits

from ch11lib import _mc_dropout_predict
from ch11lib import mc_dropout as mc

SHAPE = (6, 6, 1)
KINDS = ["sparse", "dense", "convolution", "selu", "functional", "nested", "shared_mask"]


def build(kind):
    """Return a model of Keras's own dropout layers."""
    import keras
    from keras import layers as kl

    keras.utils.set_random_seed(1)
    body = {
        "convolution": [kl.Conv2D(3, 3, activation="relu"), kl.Flatten(), kl.Dropout(0.3)],
        "selu": [kl.Flatten(), kl.Dense(12, "selu"), kl.AlphaDropout(0.3)],
        "shared_mask": [kl.Dropout(0.3, noise_shape=(None, 1, 6, 1)), kl.Flatten()],
        "nested": [kl.Flatten(), keras.Sequential([kl.Dense(9, "relu"), kl.Dropout(0.3)])],
    }.get(kind, [kl.Flatten(), kl.Dropout(0.3)])
    top = [kl.Dense(12, "relu"), kl.BatchNormalization(), kl.Dropout(0.5), kl.Dense(3, "softmax")]
    model = keras.Sequential([keras.Input(SHAPE), *body, *top])
    if kind == "functional":
        model = keras.Model(model.inputs[0], model.outputs[0])
    noise = np.random.default_rng(2)  # else all biases, and the moving means, are 0
    model.set_weights([w + noise.uniform(0, 0.2, w.shape) for w in model.get_weights()])
    return model


def images(kind, n, rng):
    X = rng.normal(size=(n, *SHAPE)).astype(np.float32)
    return X * (rng.random(X.shape) < 0.4) if kind == "sparse" else X


@pytest.mark.parametrize("name", ["Dropout", "AlphaDropout"])
@pytest.mark.parametrize("training", [None, False, True])
def test_layer_always_does_what_keras_does_in_training(name, training, rng):
    import keras

    X = rng.normal(size=(5, 4)).astype(np.float32)
    ours = getattr(mc, f"MC{name}")(0.4, seed=5)(X, training=training)
    theirs = getattr(keras.layers, name)(0.4, seed=5)(X, training=True)
    np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


@pytest.mark.parametrize("kind", KINDS)
def test_distribution_equals_the_loop(kind, rng):
    """Without batch normalization in training mode: that would be another distribution."""
    import keras

    model, X = build(kind), images(kind, 7, rng)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    ours = mc.mc_predict(mc.to_mc(model), X, samples=1500, batch_size=4000)
    theirs = np.stack([np.asarray(model(X, training=True)) for _ in range(200)])
    assert ours.shape == (1500, 7, 3)
    assert ours.dtype == np.float32
    error = np.sqrt(ours.var(axis=0) / 1500 + theirs.var(axis=0) / 200)
    assert np.abs((ours.mean(axis=0) - theirs.mean(axis=0)) / error).max() < 4
    assert ks_2samp(ours, theirs).pvalue.min() > 1e-3  # for each instance and class


@pytest.mark.parametrize("kind", KINDS)
def test_same_seed_same_numbers(kind, rng):
    """Whatever was drawn before; and other numbers for another seed."""
    import keras

    model, X = mc.to_mc(build(kind)), images(kind, 5, rng)
    first = mc.mc_predict(model, X, samples=40, seed=3)
    other = mc.mc_predict(model, X, samples=40, seed=4)
    keras.utils.set_random_seed(99)
    model(X)
    np.testing.assert_array_equal(mc.mc_predict(model, X, samples=40, seed=3), first)
    assert np.abs(first - other).max() > 0.01


@pytest.mark.parametrize("kind", KINDS)
def test_rate_0_gives_the_plain_prediction_in_every_batch_size(kind, rng):
    model, X = build(kind), images(kind, 7, rng)
    for layer in [*model.layers, *getattr(model.layers[1], "layers", [])]:
        if hasattr(layer, "rate"):
            layer.rate = 0.0
    copy, expected = mc.to_mc(model), np.broadcast_to(np.asarray(model(X)), (90, 7, 3))
    for batch_size in (1, 180, 270, 1000):
        predictions = mc.mc_predict(copy, X, samples=90, batch_size=batch_size)
        np.testing.assert_allclose(predictions, expected, atol=2e-6)


def transparent(n_inputs, functional=False):
    """Return a model that outputs its masked inputs: they show the masks."""
    import keras

    dense = keras.layers.Dense(n_inputs, kernel_initializer="identity")
    model = keras.Sequential([keras.Input((n_inputs,)), keras.layers.Dropout(0.2), dense])
    return mc.to_mc(keras.Model(model.inputs[0], model.outputs[0]) if functional else model)


@pytest.mark.parametrize("way", ["by columns", "by rows", "functional"])
def test_masks_are_independent_for_each_sample_instance_and_unit(way, rng, monkeypatch):
    """No two of the 300 × 20 × 10 masks' entries are tied, whatever part they were made in."""
    monkeypatch.setattr(_mc_dropout_predict, "PART", 200)  # an instance each
    X = np.ones((20, 10 if way != "by columns" else 20), np.float32)
    if way == "by columns":
        X[np.arange(20)[:, None], rng.permuted(np.tile(np.arange(20), (20, 1)), axis=1)[:, 10:]] = 0
    model = transparent(X.shape[1], way == "functional")
    outputs = mc.mc_predict(model, X, samples=300, batch_size=1500)
    np.testing.assert_allclose(np.unique(outputs[:, X == 1]), [0, 1.25])
    assert not outputs[:, X == 0].any()
    kept = outputs[:, X == 1].reshape(300, 20, 10) > 0
    assert binomtest(int(kept.sum()), kept.size, 0.8).pvalue > 1e-3
    for axis in range(3):
        rows = np.moveaxis(kept, axis, 0).reshape(kept.shape[axis], -1)
        pairs = np.corrcoef(rows)[np.triu_indices(len(rows), 1)]
        assert np.abs(pairs).max() < 5.5 / math.sqrt(rows.shape[1])
        assert pairs.std() == pytest.approx(1 / math.sqrt(rows.shape[1]), rel=0.25)


def test_reduce_sees_all_samples_of_each_instance(rng):
    model, X = mc.to_mc(build("sparse")), images("sparse", 11, rng)
    options = {"samples": 50, "batch_size": 120, "seed": 2}
    everything = mc.mc_predict(model, X, **options)
    for function in (
        lambda p: p.mean(axis=0),
        lambda p: (p**2).mean(axis=0),
        mc.mutual_information,
    ):
        reduced = mc.mc_predict(model, X, **options, reduce=function)
        np.testing.assert_allclose(reduced, function(everything), atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_changed_rate_is_noticed(kind, rng):
    model, X = mc.to_mc(build(kind)), images(kind, 3, rng)
    assert mc.mc_predict(model, X, samples=20).std(axis=0).max() > 0.01
    for layer in _mc_dropout_predict.leaves(model):
        if isinstance(layer, (mc.MCDropout, mc.MCAlphaDropout)):
            layer.rate = 0.0
    assert mc.mc_predict(model, X, samples=20).std(axis=0).max() < 1e-6


def no_drop(layers, shape=(4,)):
    """Return a model of some layers, with a dropout of rate 0 where None stands."""
    import keras

    layers = [mc.MCDropout(0.0) if layer is None else layer for layer in layers]
    return keras.Sequential([keras.Input(shape), *layers])


def sign_changed(z):
    return -z


CHANGES = {
    "quantized": lambda dense: dense.quantize("int8"),
    "adapted": lambda dense: dense.enable_lora(2, lora_alpha=2),
    "other activation": lambda dense: setattr(dense, "activation", sign_changed),
    "no activation": lambda dense: setattr(dense, "activation", None),
    "trained": lambda dense: dense.set_weights([w[::-1] + 1 for w in dense.get_weights()]),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("which", [1, 3])
def test_a_changed_layer_is_noticed(change, which, rng):
    """The layer behind the first dropout, and a later one."""
    from keras import layers as kl

    model = no_drop([None, kl.Dense(5, "relu"), None, kl.Dense(3, "softmax")])
    X = rng.normal(size=(6, 4)).astype(np.float32)
    before = mc.mc_predict(model, X, 2)
    CHANGES[change](model.layers[which])
    if change == "adapted":
        model.layers[which].lora_kernel_b.assign(
            rng.normal(size=model.layers[which].lora_kernel_b.shape)
        )
    after = mc.mc_predict(model, X, 2)
    np.testing.assert_allclose(after[0], model(X), rtol=1e-4, atol=1e-5)
    assert change == "quantized" or np.abs(after - before).max() > 0.1


def test_masks_of_keras_reach_the_layers_behind(rng):
    """A step that is masked counts for nothing, and an average leaves it out."""
    from keras import layers as kl

    X = rng.integers(0, 3, size=(5, 6)).astype(np.float32)
    words = [kl.Embedding(3, 4, mask_zero=True), None, kl.GlobalAveragePooling1D(), kl.Dense(2)]
    steps = [kl.Masking(0.0), None, kl.LSTM(3), kl.Dense(2)]
    for model, inputs in ((no_drop(words, (6,)), X), (no_drop(steps, (6, 1)), X[..., None])):
        drawn = mc.mc_predict(model, inputs, samples=3)
        np.testing.assert_allclose(drawn[1], model(inputs), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("n_zeros", [0, 40])
def test_not_a_number_is_dropped_as_any_other(n_zeros, rng):
    """As in Keras: where it is kept, all of the sample's outputs are NaN, else none."""
    from keras import layers as kl

    X = np.pad(np.ones((3, 4), np.float32), [(0, 0), (0, n_zeros)])
    X[1, 2] = np.nan
    model = no_drop([mc.MCDropout(0.5), kl.Dense(2)], X.shape[1:])
    nan = np.isnan(mc.mc_predict(model, X, samples=400))
    assert not nan[:, [0, 2]].any()
    assert binomtest(int(nan[:, 1, 0].sum()), 400, 0.5).pvalue > 1e-3


def test_products_keep_the_precision_of_the_model(rng):
    """A model of 32 bits stays one, whatever the policy for new layers is by then."""
    import keras
    from keras import layers as kl

    model, X = no_drop([None, kl.Dense(3), kl.Dense(2)]), rng.normal(size=(5, 4)) * 1e5
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        drawn = mc.mc_predict(model, X, samples=2)
    finally:
        keras.config.set_dtype_policy(before)
    np.testing.assert_allclose(drawn[0], model(X), rtol=1e-5)


def test_dropouts_that_hide_follow_the_seed(rng):
    """In a model in the model, once more at the top; and in a wrapper."""
    import keras
    from keras import layers as kl

    drop = mc.MCDropout(0.4)
    twice = [drop, keras.Sequential([kl.Dense(4), drop]), kl.Dense(2)]
    wrapped = [mc.MCDropout(0.4), kl.Reshape((4, 1)), kl.TimeDistributed(mc.MCDropout(0.3))]
    for layers in (twice, wrapped):
        model, X = no_drop(layers), rng.normal(size=(3, 4)).astype(np.float32)
        first, again = (mc.mc_predict(model, X, samples=5, seed=2) for _ in range(2))
        np.testing.assert_array_equal(first, again)


def test_a_body_for_images_of_any_size(rng):
    import keras
    from keras import layers as kl

    image = keras.Input((None, None, 1))
    body = keras.Model(image, kl.Conv2D(3, 3)(image))
    for after in ([kl.GlobalAveragePooling2D(), None], [None, kl.GlobalAveragePooling2D()]):
        model, X = no_drop([body, *after, kl.Dense(2)], (6, 6, 1)), rng.normal(size=(3, 6, 6, 1))
        drawn = mc.mc_predict(model, X, samples=2)
        np.testing.assert_allclose(drawn[0], model(X), rtol=1e-4, atol=1e-6)


def test_inputs_of_variable_length(rng):
    import keras
    from keras import layers as kl

    middle = [kl.Dropout(0.4), kl.GlobalAveragePooling1D(), kl.Dense(2)]
    model = mc.to_mc(keras.Sequential([keras.Input((None, 3)), *middle]))
    for length in (2, 5):
        predictions = mc.mc_predict(model, rng.normal(size=(4, length, 3)), samples=6)
        assert predictions.shape == (6, 4, 2)
        assert (predictions.std(axis=0) > 0).all()


def test_all_calls_share_a_few_threads(rng, monkeypatch):
    """Each new one may leave 70 MB behind, in an arena of the allocator of its own."""
    threads, draw = set(), _mc_dropout_predict.random_masks

    def watched(*arguments):
        threads.add(threading.current_thread())
        return draw(*arguments)

    monkeypatch.setattr(_mc_dropout_predict, "random_masks", watched)
    model, X = mc.to_mc(build("sparse")), images("sparse", 30, rng)
    for reduce in (None, lambda p: mc.mc_predict(model, X[: p.shape[1]], 3).mean(axis=0)):
        mc.mc_predict(model, X, samples=3, batch_size=12, reduce=reduce)
    assert threading.current_thread() not in threads
    assert 1 <= len(threads) <= min(4, os.cpu_count())


def test_number_of_threads_does_not_change_the_numbers(rng, monkeypatch):
    monkeypatch.setattr(_mc_dropout_predict, "PART", 2000)  # many parts for them to share
    model, X = mc.to_mc(build("sparse")), images("sparse", 30, rng)
    results = []
    for n in (1, 3):
        with ThreadPoolExecutor(n) as workers:
            monkeypatch.setattr(_mc_dropout_predict, "WORKERS", workers)
            results.append(mc.mc_predict(model, X, samples=20))
    np.testing.assert_array_equal(*results)


def n_threads():
    return [x["num_threads"] for x in threadpool_info() if x["user_api"] == "blas"]


def test_leaves_numpy_its_threads(rng):
    """NumPy multiplies with one thread in the meantime, also if `reduce` fails."""
    model, X = mc.to_mc(build("sparse")), images("sparse", 4, rng)

    def reduce(p):
        assert set(n_threads()) == {1}
        raise InterruptedError

    with threadpool_limits(2, "blas"):
        before = n_threads()
        with pytest.raises(InterruptedError):
            mc.mc_predict(model, X, samples=3, reduce=reduce)
        assert n_threads() == before
        assert 2 in before


@pytest.mark.parametrize("kind", ["functional", "sparse"])
def test_calls_from_several_threads_take_turns(kind, rng):
    """Seeds hold, and NumPy has its threads afterwards."""
    model, X = mc.to_mc(build(kind)), images(kind, 4, rng)
    expected = [mc.mc_predict(model, X, 5, 5, seed) for seed in range(6)]
    order = []  # the seed of each batch

    def drawn(seed):
        def reduce(p):
            order.append(seed)
            return p.swapaxes(0, 1)

        return mc.mc_predict(model, X, 5, 5, seed, reduce).swapaxes(0, 1)

    before = n_threads()
    with ThreadPoolExecutor(3) as pool:
        np.testing.assert_array_equal(list(pool.map(drawn, range(6))), expected)
    assert n_threads() == before
    assert len(order) == 4 * 6
    assert len(list(groupby(order))) == 6, "four batches of a call come one after the other"


def test_few_passes_are_in_memory_at_once(rng, monkeypatch):
    """One is run while two are being made."""
    started, ran, start = [], [], _mc_dropout_predict.Chain.start

    def watched(*arguments):
        started.append(1)
        return start(*arguments)

    def reduce(p):
        ran.append(1)
        assert len(started) - len(ran) <= 2
        return p[0]

    monkeypatch.setattr(_mc_dropout_predict.Chain, "start", watched)
    model, X = mc.to_mc(build("sparse")), images("sparse", 12, rng)
    mc.mc_predict(model, X, samples=3, batch_size=3, reduce=reduce)
    assert len(started) == len(ran) == 12


def test_reduce_may_change_what_it_gets(rng):
    model, X = mc.to_mc(build("sparse")), images("sparse", 4, rng)

    def median(p):
        p.sort(axis=0)
        return p[len(p) // 2]

    drawn = mc.mc_predict(model, X, samples=9)
    np.testing.assert_array_equal(mc.mc_predict(model, X, 9, reduce=median), np.median(drawn, 0))


def test_without_a_batch_size_no_layer_puts_out_more_than_4_MB(rng, monkeypatch):
    samplers = {kind: _mc_dropout_predict.sampler(mc.to_mc(build(kind))) for kind in KINDS}
    assert samplers["sparse"].rows == 2**20 // 12  # of the first Dense layer
    assert samplers["selu"].rows == 2**20 // 12
    assert samplers["convolution"].instances == 2**20 // (4 * 4 * 3)
    assert samplers["shared_mask"].rows == samplers["functional"].rows == 4000
    monkeypatch.setattr(_mc_dropout_predict, "MOST_VALUES", 600)
    model, X = mc.to_mc(build("convolution")), images("convolution", 30, rng)
    sampler, seen = _mc_dropout_predict.sampler(model), []
    for name in ("head", "run"):
        step = getattr(sampler, name)
        monkeypatch.setattr(sampler, name, lambda x, f=step: seen.append(x[0]) or f(x))
    assert mc.mc_predict(model, X, samples=5).shape == (5, 30, 3)
    convolved, products = ([x for x in seen if x.ndim == n] for n in (4, 2))
    assert {len(x) for x in convolved} == {600 // 48, 6}  # 30 instances, 12 at once
    assert max(x.size for x in products) == 600


def test_model_is_freed(rng):
    model = mc.to_mc(build("sparse"))
    mc.mc_predict(model, images("sparse", 2, rng), samples=2)
    alive = weakref.ref(model)
    del model
    gc.collect()
    assert alive() is None


@pytest.mark.parametrize("kind", KINDS)
def test_copy_has_the_weights_and_leaves_the_model_alone(kind, rng):
    model, X = build(kind), images(kind, 4, rng)
    before = np.asarray(model(X))
    copy = mc.to_mc(model)
    for ours, theirs in zip(copy.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(np.asarray(model(X)), before)
    assert np.abs(np.asarray(copy(X)) - np.asarray(copy(X))).max() > 0


def test_moving_averages_stay_unlike_in_training_mode(rng):
    model, X = build("dense"), images("dense", 20, rng)
    copy = mc.to_mc(model)
    before = copy.get_weights()
    mc.mc_predict(copy, X, samples=5)
    copy(X), copy.predict(X, verbose=0)
    for old, new in zip(before, copy.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)
    model(X, training=True)
    moved = [not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)]
    assert sum(moved) == 2


@pytest.mark.parametrize("kind", ["dense", "selu"])
def test_saved_and_loaded(kind, tmp_path, rng):
    import keras

    model, X = mc.to_mc(build(kind)), images(kind, 3, rng)
    predictions = mc.mc_predict(model, X, samples=4)
    model.save(tmp_path / "mc.keras")
    loaded = keras.models.load_model(tmp_path / "mc.keras")
    assert [type(layer) for layer in loaded.layers] == [type(layer) for layer in model.layers]
    np.testing.assert_array_equal(mc.mc_predict(loaded, X, samples=4), predictions)


def test_takes_less_processor_time_than_the_loop(rng):
    """Some three times less; that time, unlike the clock's, leaves out other programs."""
    import keras
    from keras import layers as kl

    model = keras.Sequential([keras.Input((28, 28)), kl.Flatten()])
    for dense in (kl.Dense(300, "relu"), kl.Dense(100, "relu"), kl.Dense(10, "softmax")):
        model.add(kl.Dropout(0.2)), model.add(dense)
    X = rng.random((1000, 28, 28), np.float32) * (rng.random((1000, 28, 28)) < 0.5)
    copy = mc.to_mc(model)

    def cost(function):
        start = time.process_time()
        function()
        return time.process_time() - start

    def loop():
        return np.stack([model(X, training=True) for _ in range(30)])

    costs = [(cost(loop), cost(lambda: mc.mc_predict(copy, X, 30))) for _ in range(4)]
    loop_cost, our_cost = np.min(costs, axis=0)  # the first one compiles
    assert loop_cost / our_cost > 1.8


def test_import_brings_no_keras(run_python):
    code = "import sys; from ch11lib import mc_dropout as m; m.nll; print('keras' in sys.modules); "
    code += "print(m.MCDropout.__name__, m.MCAlphaDropout.__name__)"
    assert run_python("-c", code).stdout.split() == ["False", "MCDropout", "MCAlphaDropout"]
    with pytest.raises(AttributeError, match="no attribute 'Dropout'"):
        mc.Dropout  # noqa: B018


def plain(built=True):
    import keras

    inputs = [keras.Input((4,))] if built else []
    return keras.Sequential([*inputs, keras.layers.Dense(2)])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: mc.mc_predict(m, np.ones((2, 4)), samples=0), "samples is 0"),
        (lambda m: mc.mc_predict(m, np.ones((2, 4)), samples=math.nan), "samples is nan"),
        (lambda m: mc.mc_predict(m, np.ones((2, 4)), batch_size=0), "batch_size is 0"),
        (lambda m: mc.mc_predict(m, np.ones((2, 4)), seed=-1), "seed is -1"),
        (lambda m: mc.mc_predict(m, np.ones(4)), r"X has shape \(4,\)"),
        (lambda m: mc.mc_predict(m, np.ones((0, 4))), r"X has shape \(0, 4\)"),
        (
            lambda m: mc.mc_predict(m, np.ones((2, 4)), reduce=np.mean),
            r"reduce returned shape \(\)",
        ),
        (lambda m: mc.mc_predict(plain(), np.ones((2, 4))), "has no MCDropout layer"),
        (lambda m: mc.to_mc(plain()), "has no Dropout or AlphaDropout layer"),
        (lambda m: mc.to_mc(plain(built=False)), "is not built"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(transparent(4))
