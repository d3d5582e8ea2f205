"""The project's parts are those of the exercise, and train alike on both data sets."""

import os

import keras
import numpy as np
import pytest

from ch11lib import datasets
from ch11lib import deep_network_project as project
from ch11lib.learning_rate_schedules import one_cycle

PARTS = project.PARTS
SHAPE = (32, 32, 3)


def made_up(n=64, shape=SHAPE, seed=0):
    """A small data set of noise, with the shape of CIFAR-10."""
    rng = np.random.default_rng(seed)
    X = rng.integers(256, size=(n, *shape), dtype=np.uint8)
    y = np.arange(n, dtype=np.uint8) % 10
    return datasets.Dataset(X, y, X[:32], y[:32], X[32:], y[32:], ())


def kinds(model):
    return [type(layer).__name__ for layer in model.layers]


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("shape", [(28, 28), SHAPE], ids=str)
def test_twenty_layers_of_100_units(name, shape):
    part, model = PARTS[name], project.build(PARTS[name], shape)
    dense = [layer for layer in model.layers if type(layer).__name__ == "Dense"]
    assert [layer.units for layer in dense] == [100] * 20 + [10]
    assert dense[0].kernel.shape == (np.prod(shape), 100)
    wanted = {"he_normal": "HeNormal", "lecun_normal": "LecunNormal"}[part.initializer]
    assert {type(layer.kernel_initializer).__name__ for layer in dense[:-1]} == {wanted}
    assert [layer.use_bias for layer in dense] == [not part.normalized] * 20 + [True]
    assert kinds(model).count("BatchNormalization") == 20 * part.normalized
    own = "Activation" if part.normalized else "Dense"
    activations = [layer for layer in model.layers[:-1] if type(layer).__name__ == own]
    assert [layer.activation.__name__ for layer in activations] == [part.activation] * 20
    weights = [np.asarray(layer.kernel) for layer in dense[1:3]]
    assert not np.allclose(*weights), "layers must not share their initial weights"


def test_parts_are_those_of_the_exercise():
    assert list(PARTS) == list("bcdef")
    start = {"b": ("silu", "he_normal", 2), "d": ("selu", "lecun_normal", 1)}
    for name, (activation, initializer, n_times_variance) in start.items():
        assert PARTS[name] == project.Part(activation, initializer)
        kernels = [np.asarray(x.kernel) for x in project.build(PARTS[name]).layers if x.weights]
        assert np.mean(np.square(kernels[1:-1])) * 100 == pytest.approx(n_times_variance, rel=0.05)
    assert PARTS["c"] == PARTS["b"]._replace(normalized=True)
    assert PARTS["e"] == PARTS["d"]._replace(alpha_dropout=0.1)
    assert PARTS["f"] == PARTS["d"]._replace(optimizer="sgd", schedule="1cycle")
    assert kinds(project.build(PARTS["e"]))[-2:] == ["AlphaDropout", "Dense"]
    assert kinds(project.build(PARTS["c"]))[1:4] == ["Dense", "BatchNormalization", "Activation"]


@pytest.mark.parametrize("name", ["c", "e", "f"])
def test_a_step_on_the_shape_of_cifar10(name):
    trainer = project.Trainer(PARTS[name], SHAPE, 1, 1, 1, batch_size=16)
    training = trainer.run(project.prepare(made_up(), 40), 0.001, seed=1)
    assert np.isfinite(training.history["val_loss"]).all()
    fresh = project.build(PARTS[name], SHAPE)
    fresh.set_weights(training.weights)
    assert fresh.output_shape == (None, 10)


def test_scale_is_that_of_the_training_images():
    data = made_up()
    task, raw = project.prepare(data, 40), project.prepare(data, 40, standardized=False)
    scaled = np.asarray(task.scaled(np.asarray(task.X)))
    assert scaled.mean() == pytest.approx(0, abs=1e-4)
    assert scaled.std() == pytest.approx(1, abs=1e-4)
    np.testing.assert_allclose(raw.valid[0], data.X_valid, rtol=1e-5)
    np.testing.assert_allclose(task.valid[0], task.scaled(data.X_valid))
    assert np.asarray(task.X).dtype == np.uint8


@pytest.fixture(scope="module")
def trainer():
    return project.Trainer(PARTS["f"], (2, 2), n_epochs=6, steps_per_epoch=2, batch_size=8)


def test_the_same_seed_trains_the_same_network(trainer):
    task = project.prepare(made_up(shape=(2, 2)), 40)
    first, again, other = (trainer.run(task, 0.01, seed) for seed in (1, 1, 2))
    np.testing.assert_allclose(first.history["val_loss"], again.history["val_loss"], rtol=1e-4)
    assert first.history["val_loss"][0] != pytest.approx(other.history["val_loss"][0], rel=1e-4)


def test_weights_kept_are_those_of_the_best_epoch(trainer):
    task = project.prepare(made_up(shape=(2, 2)), 40)
    for seed in range(4):  # with a rate so high that the last epoch is not the best
        training = trainer.run(task, 0.05, seed)
        trainer.model.set_weights(training.weights)
        loss, accuracy = trainer.model.evaluate(*task.valid, verbose=0)
        assert loss == pytest.approx(min(training.history["val_loss"]), rel=1e-3)
        assert accuracy == pytest.approx(training.accuracy)
        assert len(training.history["loss"]) == 6, "1cycle runs to its end"


def test_rates_are_constant_or_one_cycle(trainer, monkeypatch):
    task = project.prepare(made_up(shape=(2, 2)), 40)
    trainer.run(task, 0.01, 0)
    np.testing.assert_allclose(trainer.table.rates, one_cycle(np.arange(12), 0.01, 12), rtol=1e-4)
    monkeypatch.setattr(trainer, "part", trainer.part._replace(schedule="constant"))
    monkeypatch.setattr(trainer, "patience", 1)
    training = trainer.run(task, 0.1, 0)
    np.testing.assert_allclose(trainer.table.rates, 0.1, rtol=1e-6)
    assert training.stop.stopped
    assert training.stop.last_epoch - training.stop.best_epoch == 1
    assert len(training.history["val_loss"]) == training.stop.last_epoch + 1


def test_steps_until_an_accuracy():
    training = project.Training({"val_accuracy": [0.1, 0.5, 0.4, 0.8]}, None, [], 0.0)
    assert project.steps_to_reach(training, 0.5, 10) == 20
    assert project.steps_to_reach(training, 0.6, 10) == 40
    assert project.steps_to_reach(training, 0.9, 10) == float("inf")


def archive(n=datasets.N_VALID * 10):
    """What ``keras.datasets.cifar10.load_data`` returns, with a mark on two images."""
    X, X_test = np.zeros((n, *SHAPE), np.uint8), np.zeros((10_000, *SHAPE), np.uint8)
    X[datasets.N_VALID], X[0] = 7, 5
    return (X, np.full((n, 1), 3, np.uint8)), (X_test, np.ones((10_000, 1), np.uint8))


def test_cifar10_is_split_as_in_the_older_notebooks(monkeypatch):
    monkeypatch.setattr(keras.datasets.cifar10, "load_data", archive)
    data = project.load("cifar10")
    assert data.X_train.shape == (45_000, *SHAPE)
    assert data.X_valid.shape == (5_000, *SHAPE)
    assert (data.X_train[0] == 7).all()
    assert (data.X_valid[0] == 5).all()
    assert data.y_train.shape == (45_000,)
    assert set(data.y_test) == {1}
    assert data.class_names[3] == "cat"


def test_an_incomplete_archive_is_refused(monkeypatch):
    monkeypatch.setattr(keras.datasets.cifar10, "load_data", lambda: archive(40_000))
    with pytest.raises(datasets.UnreachableDataError, match=r"\(40000, 32, 32, 3\).*Delete"):
        project.load("cifar10")


REFUSED = """
from ch11lib import datasets, deep_network_project as project
try:
    project.load("cifar10")
except datasets.UnreachableDataError as error:
    print(error)
"""


def test_a_refused_network_is_told_with_the_cure_and_leaves_no_file(run_python, tmp_path):
    refused = dict.fromkeys(["http_proxy", "https_proxy", "HTTPS_PROXY"], "http://127.0.0.1:9")
    refused |= {"no_proxy": "", "NO_PROXY": "", "KERAS_HOME": str(tmp_path)}
    told = run_python("-c", REFUSED, **refused).stdout
    assert "could not be fetched" in told
    assert "Set DATA = 'fashion_mnist'" in told
    assert not [file for _, _, files in os.walk(tmp_path / "datasets") for file in files]


def test_the_default_is_bundled():
    assert project.load("fashion_mnist") is datasets.load_fashion_mnist()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: project.load("mnist"), "name is 'mnist'; it must be one of 'fash"),
        (lambda: project.build(PARTS["b"], n_classes=1), "n_classes is 1"),
        (lambda: project.build(PARTS["b"]._replace(alpha_dropout=1.0)), "alpha_dropout is 1.0"),
        (lambda: project.Trainer(PARTS["b"]._replace(optimizer="lion")), "optimizer is 'lion'"),
        (lambda: project.Trainer(PARTS["b"]._replace(schedule="step")), "schedule is 'step'"),
        (lambda: project.prepare(made_up(), 65), "size is 65"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
