"""Laws of the functions that build, copy and train networks; few examples, each is slow."""

import random
from itertools import pairwise

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_properties import SEEDS

from ch11lib import (
    datasets,
    diagnostics,
    experiments,
    guidelines,
    lr_finder,
    models,
    one_cycle,
    pipelines,
)
from ch11lib import deep_network_project as project
from ch11lib import l1_l2_early_stopping as l1l2
from ch11lib import learning_rate_schedules as lrs
from ch11lib import max_norm as mx
from ch11lib import mc_dropout as mc
from ch11lib import transfer_learning as transfer
from ch11lib import unsupervised_pretraining as pre

HIDDEN = st.lists(st.integers(1, 6), min_size=1, max_size=3)
few = settings(max_examples=5, deadline=None)


def data(n, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((n, 4, 2), np.float32), rng.integers(classes, size=n)


def mlp(hidden, classes=3):
    model = models.build_mlp(hidden, n_classes=classes, input_shape=(4, 2))
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    return model


@given(hidden=HIDDEN, classes=st.integers(2, 5), n=st.integers(1, 5))
@few
def test_networks_have_the_layers_asked_for(hidden, classes, n):
    model, (X, y) = mlp(hidden, classes), data(n, classes)
    sides = [8, *hidden, classes]
    weights = sum((a + 1) * b for a, b in pairwise(sides))
    assert model.count_params() == weights
    assert [a.shape for a in models.hidden_outputs(model, X)] == [(n, units) for units in hidden]
    norms = diagnostics.gradient_norms(model, X, y)
    assert len(norms) == len(hidden) + 1
    assert all(norm >= 0 for norm in norms.values())


@given(hidden=HIDDEN, classes=st.integers(2, 5), share=st.floats(0, 1))
@few
def test_reused_layers_are_equal_and_not_shared(hidden, classes, share):
    source, n = mlp(hidden), round(share * len(hidden))
    model = transfer.reuse_layers(source, n, classes)
    assert model.output_shape == (None, classes)
    assert transfer.shared_layers(source, model) == []
    assert transfer.shared_layers(source, source) == [layer.name for layer in source.layers]
    for i in range(n):
        np.testing.assert_array_equal(source.layers[i + 1].kernel, model.layers[i + 1].kernel)
    transfer.copy_layers(source, model, len(hidden))
    for mine, its in zip(model.layers[1:-1], source.layers[1:-1], strict=True):
        np.testing.assert_array_equal(mine.kernel, its.kernel)


@given(
    n=st.integers(1, 20), size=st.integers(1, 8), steps=st.integers(1, 6), seed=st.integers(0, 9)
)
@few
def test_batches_go_round_evenly(n, size, steps, seed):
    X = np.arange(n, dtype=np.uint8)
    dealt = [(np.asarray(a), np.asarray(b)) for a, b in pipelines.batches(X, X, steps, size, seed)]
    assert len(dealt) == steps
    for images, labels in dealt:
        np.testing.assert_allclose(images, labels / np.float32(255), rtol=1e-6)
    counts = np.bincount(np.concatenate([labels for _, labels in dealt]), minlength=n)
    assert np.ptp(counts) <= 1


@given(n=st.integers(1, 20), size=st.integers(1, 25))
@few
def test_pipelines_give_each_row_once(n, size):
    rows = np.arange(n)
    for pipeline in (pipelines.in_order(rows, rows, size), pipelines.shuffled(rows, rows, size)):
        parts = list(pipelines.light(pipeline).as_numpy_iterator())
        assert [len(X) for X, _ in parts[:-1]] == [size] * (len(parts) - 1)
        assert all(np.array_equal(X, y) for X, y in parts)
        np.testing.assert_array_equal(np.sort(np.concatenate([y for _, y in parts])), rows)


@given(hidden=HIDDEN, seed=SEEDS)
@settings(max_examples=3, deadline=None)
def test_autoencoders_return_to_the_input(hidden, seed):
    assert pre.build_autoencoder(hidden, input_shape=(4, 2)).output_shape == (None, 8)
    weights = pre.greedy_autoencoder(data(16)[0], hidden, epochs=1, batch_size=8, seed=seed)
    assert [kernel.shape for kernel, _ in weights] == list(
        zip([8, *hidden[:-1]], hidden, strict=True)
    )


@given(hidden=HIDDEN, threshold=st.floats(0, 2))
@few
def test_pruned_networks(hidden, threshold):
    model = mlp(hidden)
    share = l1l2.prune(model, threshold)
    kernels = [np.asarray(layer.kernel) for layer in model.layers[1:]]
    assert share == pytest.approx(np.mean(np.concatenate([k.ravel() for k in kernels]) == 0))
    for norms, kernel in zip(mx.kernel_norms(model), kernels, strict=True):
        np.testing.assert_allclose(norms, np.linalg.norm(kernel, axis=0), rtol=1e-5)
        assert ((norms == 0) | (norms > threshold)).all()


@given(
    n=st.integers(1, 9), samples=st.integers(1, 7), seed=SEEDS, rate=st.floats(0.1, 0.8),
    kind=st.sampled_from(["Dropout", "AlphaDropout", "GaussianDropout"]),
)  # fmt: skip
@few
def test_monte_carlo_samples(n, samples, seed, rate, kind):
    drop = getattr(keras.layers, kind)(rate)
    model = keras.Sequential([keras.Input((6,)), drop, keras.layers.Dense(3, "softmax")])
    sampled = mc.to_mc(model)
    expected = "MCLayer" if kind == "GaussianDropout" else f"MC{kind}"
    assert type(sampled.layers[1]).__name__ == expected
    X = np.random.default_rng(seed).random((n, 6), np.float32)
    p = mc.mc_predict(sampled, X, samples, batch_size=4, seed=seed)
    assert p.shape == (samples, n, 3)
    np.testing.assert_allclose(p.sum(axis=-1), 1, atol=1e-5)
    np.testing.assert_array_equal(p, mc.mc_predict(sampled, X, samples, batch_size=4, seed=seed))


@given(n_steps=st.integers(2, 12), size=st.integers(1, 8))
@few
def test_the_finder_leaves_the_model_as_it_was(n_steps, size):
    model, (X, y) = mlp([3]), data(17)
    before = model.get_weights()
    options = {"n_steps": n_steps, "max_learning_rate": 0.1}
    finder = lr_finder.find_learning_rate(model, X, y, size, **options)
    np.testing.assert_allclose(finder.learning_rates, np.geomspace(1e-5, 0.1, n_steps))
    assert len(finder.losses) == len(finder.smoothed) == n_steps
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert float(model.optimizer.learning_rate) == pytest.approx(0.1)


@given(
    total=st.integers(5, 60), top=st.floats(1e-3, 1), three=st.booleans(), step=st.integers(0, 59)
)
@few
def test_keras_cycle_is_numpys(total, top, three, step):
    schedule = one_cycle.OneCycle(top, total, three_phase=three)
    step %= total
    expected = lrs.one_cycle(step, top, total, three_phase=three)
    assert float(schedule(step)) == pytest.approx(float(expected), rel=1e-4, abs=1e-7)
    again = one_cycle.OneCycle.from_config(schedule.get_config())
    assert again.get_config() == schedule.get_config()
    optimizer = one_cycle.OneCycleSGD(schedule)
    optimizer.build([keras.Variable([1.0])])
    optimizer.iterations.assign(step)
    momentum = lrs.one_cycle_momentum(step, total, three_phase=three)
    assert float(optimizer.momentum) == pytest.approx(float(momentum), rel=1e-4)


@given(rates=st.lists(st.floats(0.001, 1), min_size=1, max_size=6), seed=st.integers(0, 99))
@few
def test_table_and_fresh_start(rates, seed):
    table = experiments.RateTable(rates)
    read = [float(table(step)) for step in range(len(rates) + 2)]
    assert read == pytest.approx([*rates, rates[-1], rates[-1]], rel=1e-6)
    model, (X, y) = mlp([3]), data(8)
    runs = []
    for _ in range(2):
        experiments.reinitialize(model, seed, learning_rate=0.05)
        runs.append(model.fit(X, y, epochs=2, verbose=0).history["loss"])
    assert runs[0] == runs[1]
    experiments.set_random_seed(seed)
    drawn = random.random()
    keras.utils.set_random_seed(seed)
    assert drawn == random.random()
    assert float(model.optimizer.learning_rate) == pytest.approx(0.05)


@given(
    name=st.sampled_from(sorted(guidelines.CONFIGURATIONS)), hidden=HIDDEN, rate=st.floats(0, 0.5),
    part=st.sampled_from(sorted(project.PARTS)),
)  # fmt: skip
@few
def test_configurations_become_networks(name, hidden, rate, part):
    configuration = guidelines.CONFIGURATIONS[name]._replace(dropout=rate)
    model = guidelines.build(configuration, hidden, 3, (4, 2))
    kinds = [type(layer).__name__ for layer in model.layers]
    drop = "AlphaDropout" if configuration.activation == "selu" else "Dropout"
    assert kinds.count("Dense") == len(hidden) + 1
    assert kinds.count(drop) == (len(hidden) if rate else 0)
    assert kinds.count("BatchNormalization") == len(hidden) * (
        configuration.normalization == "batch"
    )
    optimizer = guidelines.build_optimizer(configuration, 0.5)
    assert float(optimizer.learning_rate) == 0.5
    network = project.build(project.PARTS[part], (4, 2), 3)
    assert sum(isinstance(layer, keras.layers.Dense) for layer in network.layers) == 21


@given(name=st.sampled_from(sorted(datasets.TRANSFER_TASKS)), n=st.integers(2, 40))
@settings(max_examples=3, deadline=None)
def test_tasks(name, n):
    whole = project.load("fashion_mnist")
    A, B = datasets.transfer_tasks(name, n)
    assert len(A.y_test) + len(B.y_test) == len(whole.y_test)
    assert len(B.y_train) == n
    task = project.prepare(B, n)
    scaled = np.asarray(task.scaled(B.X_train))
    assert (scaled.mean(), scaled.std()) == pytest.approx((0, 1), abs=1e-3)


REFUSED = {
    "hidden": lambda model: models.build_mlp([3, 0]),
    "n_classes": lambda model: models.build_mlp([3], n_classes=1),
    "n_reused": lambda model: transfer.reuse_layers(model, 9, 2),
    "n_layers": lambda model: transfer.copy_layers(model, model, 9),
    "y": lambda model: pipelines.in_order([1], [1, 2]),
    "n_steps": lambda model: pipelines.batches(*data(4), 0),
    "batch_size": lambda model: mc.mc_predict(model, np.ones((1, 8)), batch_size=0),
    "samples": lambda model: mc.mc_predict(model, np.ones((1, 8)), samples=0),
    "seed": lambda model: mc.mc_predict(model, np.ones((1, 8)), seed=-1),
    "X": lambda model: mc.mc_predict(model, np.ones(8)),
    "threshold": lambda model: l1l2.prune(model, -1),
    "model": lambda model: mc.to_mc(model),
    "max_learning_rate": lambda model: lr_finder.LRFinder(max_learning_rate=1e-9),
    "smoothing": lambda model: lr_finder.LRFinder(smoothing=1.0),
    "learning_rate": lambda model: one_cycle.OneCycleSGD(0.1),
    "total_steps": lambda model: one_cycle.OneCycle(0.1, 0),
    "rates": lambda model: experiments.RateTable([]),
    "name": lambda model: project.load("mnist"),
    "accuracies": lambda model: transfer.error_ratio([], [0.5]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_wrong_argument_is_refused_by_name(name):
    with pytest.raises(ValueError, match=rf"\b{name}\b"):
        REFUSED[name](mlp([3]))
