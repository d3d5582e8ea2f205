"""Copies that train together become what Keras makes of each on its own."""

import random

import keras
import numpy as np
import pytest
from keras import layers

from ch11lib.training import Sweep, sweep

RNG = np.random.default_rng(0)
X = RNG.standard_normal((30, 4)).astype(np.float32)
Y = RNG.integers(0, 3, 30)
SGD = keras.optimizers.SGD
OPTIMIZERS = {
    "sgd": SGD,
    "momentum": lambda: SGD(momentum=0.9),
    "nesterov": lambda: SGD(momentum=0.9, nesterov=True),
    "adagrad": keras.optimizers.Adagrad,
    "rmsprop": keras.optimizers.RMSprop,
    "adam": keras.optimizers.Adam,
    "adamax": keras.optimizers.Adamax,
    "nadam": keras.optimizers.Nadam,
    "lion": keras.optimizers.Lion,
    "clipvalue": lambda: SGD(momentum=0.9, clipvalue=0.02),
    "clipnorm": lambda: SGD(momentum=0.9, clipnorm=0.1),
    "global_clipnorm": lambda: SGD(momentum=0.9, global_clipnorm=0.1),
    "averages": lambda: SGD(use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=3),
}
NETWORKS = {
    "normalized": lambda: [
        layers.Dense(5),
        layers.BatchNormalization(momentum=0.8),
        layers.LayerNormalization(),
    ],
    "dropout": lambda: [layers.Dense(8, "relu"), layers.Dropout(0.4)],
    "alpha dropout": lambda: [layers.Dense(8, "selu"), layers.AlphaDropout(0.4)],
    "penalized": lambda: [
        layers.Dense(5, "tanh", kernel_regularizer=keras.regularizers.L1L2(0.02, 0.1)),
        layers.ActivityRegularization(l2=0.1),
    ],
    "max-norm": lambda: [layers.Dense(5, "tanh", kernel_constraint=keras.constraints.MaxNorm(0.8))],
}


def network(hidden=()):
    return keras.Sequential([keras.Input((4,)), *hidden, layers.Dense(3, "softmax")])


def adamw():
    optimizer = keras.optimizers.AdamW(weight_decay=0.3)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return optimizer


def trained_alone(build, optimizer, rates, seed, epochs=4, batch_size=6):
    """Train one copy batch by batch; return its weights and last batches' mean loss."""
    random.seed(seed)
    model, order = build(), np.random.default_rng(seed)
    model.compile(optimizer, "sparse_categorical_crossentropy", run_eagerly=True)
    rates = iter(np.broadcast_to(rates, epochs * len(X) // batch_size))
    for _ in range(epochs):
        permutation, losses = order.permutation(len(X)), []
        for i in range(0, len(X), batch_size):
            batch = permutation[i : i + batch_size]
            optimizer.learning_rate = float(next(rates))
            model.reset_metrics()
            losses.append(model.train_on_batch(X[batch], Y[batch]))
    optimizer.finalize_variable_values(model.trainable_variables)  # as fit does
    return model.get_weights(), np.mean(losses)


def check_copies(build, optimizer, rates=(0.03, 0.3), schedule=None):
    """Compare two of four copies with Keras, after 20 steps of 6 instances."""
    found = sweep(
        build, (X, Y), (X, Y), optimizer=optimizer, learning_rates=rates, seeds=[3, 4],
        epochs=4, batch_size=6, schedule=schedule, keep_weights=True,
    )  # fmt: skip
    assert found.history["loss"].shape == (2, 2, 4)
    factors = np.ones(20) if schedule is None else np.asarray(schedule)
    for i, j in [(0, 1), (1, 0)]:
        row = rates[i] * (factors[i] if factors.ndim == 2 else factors)
        weights, loss = trained_alone(build, optimizer(), row, seed=[3, 4][j])
        for mine, theirs in zip(found.weights, weights, strict=True):
            np.testing.assert_allclose(mine[i, j], theirs, rtol=2e-5, atol=2e-6)
        np.testing.assert_allclose(found.history["loss"][i, j, -1], loss, rtol=1e-5)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_copy_equals_keras_with(name):
    rates = (0.003, 0.03) if name in ("rmsprop", "adam", "adamax", "nadam", "lion") else (0.03, 0.3)
    check_copies(network, OPTIMIZERS[name], rates)


def test_weight_decay_spares_what_is_excluded():
    check_copies(network, adamw, (0.003, 0.03))


@pytest.mark.parametrize("name", NETWORKS)
def test_each_copy_equals_keras_in_a_network_that_is(name):
    """Dropout has the same masks, because each copy has Keras's state of its seed."""
    check_copies(lambda: network(NETWORKS[name]()), lambda: SGD(momentum=0.9))


@pytest.mark.parametrize("shape", [(20,), (2, 20)])
def test_a_schedule_multiplies_each_learning_rate(shape, rng):
    check_copies(network, lambda: SGD(momentum=0.9), schedule=rng.uniform(0.1, 1, shape))


def test_one_after_the_other_gives_the_same_result():
    """`fit` measures the same metrics, on more instances than are evaluated at once, too."""
    many = np.resize(X, (1003, 4)), np.resize(Y, 1003)

    def confidence(y_true, y_pred):
        return keras.ops.max(y_pred, axis=-1)

    both = [
        sweep(
            lambda: network([layers.Dense(4, "relu"), layers.BatchNormalization()]),
            (X, Y), many, optimizer=SGD, learning_rates=[0.1, 0.5], seeds=[1], epochs=3,
            batch_size=8, metrics=["accuracy", "SparseTopKCategoricalAccuracy", confidence],
            keep_weights=True, together=together, tuning_seeds=[0], edge="allow: two rates",
        )
        for together in (True, False)
    ]  # fmt: skip
    assert len(both[0].history) == 8 and both[0].best_rate == both[1].best_rate
    for part in (both, [one.tuning for one in both]):
        for name in both[0].history:
            assert part[0].history[name].shape == (2, 1, 3)
            np.testing.assert_allclose(part[0].history[name], part[1].history[name], atol=1e-5)
        for mine, theirs in zip(part[0].weights, part[1].weights, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-6)


def test_a_seed_means_the_same_weights_and_batches_at_each_rate():
    """At rates near zero only the seed is left; a copy that diverges disturbs no other."""
    found = sweep(
        lambda: network([layers.Dense(4, "relu"), layers.Dense(4, "relu")]), (X, Y), (X, Y),
        optimizer=SGD, learning_rates=[1e-20, 1e-19, 1e30], seeds=[1, 2], epochs=3, batch_size=8,
    )  # fmt: skip
    loss = found.history["loss"]
    np.testing.assert_array_equal(loss[0], loss[1])
    assert not np.isclose(loss[0, 0], loss[0, 1]).any()
    assert len(np.unique(loss[0, 0])) == 3, "each epoch leaves out other instances"
    assert not np.isfinite(found.history["val_loss"][2]).any()


def test_only_best_trains_the_reported_seeds_at_one_rate():
    options = {"optimizer": SGD, "learning_rates": [0.1, 0.5, 1e30], "epochs": 2, "batch_size": 10}
    options |= {"tuning_seeds": [0], "seeds": [1, 2], "best_by": "val_loss"}
    grid, best = (sweep(network, (X, Y), (X, Y), only_best=b, **options) for b in (False, True))
    assert best.learning_rates == [0.5] == [grid.best_rate]
    assert best.history["loss"].shape == (1, 2, 2)
    np.testing.assert_allclose(best.best("val_loss"), grid.best("val_loss"), rtol=1e-5)
    np.testing.assert_allclose(best.tuning.history["loss"], grid.tuning.history["loss"], rtol=1e-5)


def found_with(ends, metric="val_accuracy", edge=""):
    """Return a sweep whose tuning seeds ended so, one row per rate 0.1, 1 and 10."""
    history = {metric: np.asarray(ends, float)[:, :, None]}
    tuning = Sweep([0.1, 1.0, 10.0], [0], history)
    return Sweep([0.1, 1.0, 10.0], [1], {}, tuning=tuning, best_by=metric, edge=edge)


def test_the_best_rate_has_the_best_mean_and_nan_is_the_worst():
    assert found_with([[0.5, 0.5], [0.6, 0.5], [0.9, np.nan]]).best_rate == 1
    assert found_with([[2.5, 2.5], [2.6, 2.3], [2.9, -np.nan]], "val_loss").best_rate == 1
    assert found_with([[2.0], [1.0], [np.inf]], "val_mean_squared_error").best_rate == 1


def test_a_best_rate_at_an_end_of_the_grid_is_an_error():
    for ends in ([[0.9], [0.8], [0.7]], [[0.7], [0.8], [0.9]]):
        with pytest.raises(ValueError, match=r"at an end .*0.1: 0.[79], 1: 0.8, 10: 0.[79]"):
            _ = found_with(ends).best_rate
        allowed = found_with(ends, edge="allow: the chapter's rate")
        assert allowed.best_rate in (0.1, 10)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: found_with([[np.nan]] * 3).best_rate, "no rate that works"),
        (lambda: Sweep([1.0, 2.0], [1], {}).best_rate, "tuning_seeds is empty"),
        (lambda: found_with([[1]] * 3).at(2.0), r"learning_rate is 2.0; .* \[0.1, 1.0, 10.0\]"),
        (lambda: found_with([[1]] * 3).tuning.at(1.0, "auc"), "metric is 'auc'; .*val_accuracy"),
    ],
)
def test_what_a_sweep_does_not_hold_is_an_error(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_metric_that_chooses_must_be_measured():
    found = found_with([[1], [2], [1]])
    with pytest.raises(ValueError, match=r"best_by is 'auc'; it must be one of \['val_accuracy'\]"):
        _ = Sweep([1.0], [1], {}, tuning=found.tuning, best_by="auc").best_rate


class OwnStep(keras.Sequential):
    """A training step of its own."""

    def train_step(self, data):
        return super().train_step(data)


INITIALIZER = keras.initializers.HeNormal()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learning_rates": []}, r"learning_rates is \[\]"),
        ({"learning_rates": [0.1, 0.1]}, "different rates"),
        ({"learning_rates": [0.0]}, "learning_rates is 0.0; it must be finite and > 0"),
        ({"seeds": []}, r"seeds is \[\]"),
        ({"seeds": [1, 1]}, r"seeds is \[1, 1\]"),
        ({"seeds": [-1]}, r"seeds is \[-1\]"),
        ({"tuning_seeds": [1]}, r"tuning_seeds \[1\]; they must hold different numbers"),
        ({"epochs": 0}, "epochs is 0; it must be >= 1"),
        ({"batch_size": 0}, "batch_size is 0; it must be >= 1"),
        ({"batch_size": 31}, "batch_size is 31; there are 30 instances"),
        ({"edge": "allow"}, "edge is 'allow'; it must be 'allow: ' and the reason"),
        ({"only_best": True}, "tuning_seeds is empty"),
        ({"schedule": [1.0, 1.0]}, r"schedule has shape \(2,\); it must have \(5,\) or \(1, 5\)"),
        ({"build": lambda: network([layers.Dense(2, kernel_initializer=INITIALIZER)])},
         "same random numbers"),
        ({"build": lambda: network([layers.Dropout(0.5, seed=1)])}, "same random numbers"),
        ({"build": lambda: network([layers.Reshape((4, 1)), layers.LSTM(2)])},
         r"recurrent layer \(lstm.*together=False"),
        ({"build": lambda: OwnStep(network().layers)}, "train_step of its own.*together=False"),
        ({"optimizer": keras.optimizers.Muon}, "Muon, which is not elementwise.*together=False"),
        ({"optimizer": lambda: SGD(gradient_accumulation_steps=2)}, "accumulates.*together=False"),
        ({"build": lambda: network([layers.Lambda(np.asarray, output_shape=(4,))])}, "NumPy|numpy"),
    ],
)  # fmt: skip
def test_wrong_arguments_and_what_cannot_be_mapped_are_named(changes, message):
    arguments = {"build": network, "train": (X, Y), "valid": (X, Y), "optimizer": SGD}
    arguments |= {"learning_rates": [0.1], "seeds": [1, 2], "epochs": 1, "batch_size": 6}
    with pytest.raises(ValueError, match=message):
        sweep(**arguments | changes)


def test_keras_takes_its_random_numbers_from_python():
    """`sweep` relies on it; it keeps what TensorFlow has prepared."""
    models = []
    for seed in (random.seed, keras.utils.set_random_seed):
        seed(7)
        models.append(network([layers.Dense(4), layers.Dropout(0.5)]))
    for mine, theirs in zip(models[0].variables, models[1].variables, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_random_numbers_go_on_as_if_nothing_had_been():
    random.seed(5)
    expected = random.random()
    random.seed(5)
    sweep(network, (X, Y), (X, Y), optimizer=SGD, learning_rates=[1], seeds=[1], epochs=1,
          batch_size=30)  # fmt: skip
    assert random.random() == expected
