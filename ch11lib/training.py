"""One way to train for a comparison: all learning rates and all seeds together. Keras.

A comparison trains one network again and again, with other learning rates and other random
numbers. `sweep` trains these copies side by side. It stacks their weights along a new first
axis, computes all gradients in one pass (`tensorflow.vectorized_map`) and lets a Keras
optimizer update the stack, where each copy has its own learning rate. Twelve small networks
then cost little more than two or three that are trained one after the other.
"""

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike, NDArray

from ch11lib import _checks
from ch11lib.experiments import progress

__all__ = ["Sweep", "sweep"]

Floats = NDArray[np.float64]
Pair = tuple[ArrayLike, ArrayLike]

# Their update of a weight looks at no other weight, so it may as well work on a stack.
ELEMENTWISE = [
    *(keras.optimizers.SGD, keras.optimizers.Adagrad, keras.optimizers.Adadelta),
    *(keras.optimizers.RMSprop, keras.optimizers.Adam, keras.optimizers.AdamW),
    *(keras.optimizers.Adamax, keras.optimizers.Nadam, keras.optimizers.Lion),
]
RECURRENT = (keras.layers.RNN, keras.layers.Bidirectional)
ACCURACY = {
    "sparse_categorical_crossentropy": keras.metrics.SparseCategoricalAccuracy,
    "binary_crossentropy": keras.metrics.BinaryAccuracy,
}


@dataclass(frozen=True)
class Sweep:
    """What `sweep` measured.

    Attributes
    ----------
    learning_rates : list of float
    seeds : list of int
    history : dict of str to ndarray, shape (n_rates, n_seeds, n_epochs)
        One array per metric: ``"loss"``, ``"val_loss"``, ``"accuracy"``, ``"val_accuracy"`` …
    weights : list of ndarray, each of shape (n_rates, n_seeds, ...), or None
        In the order of ``model.get_weights()``, after the last epoch.
    tuning : Sweep or None
        The same of the tuning seeds.
    best_by : str
        The metric that chooses the best learning rate.
    edge : str
        Why the best rate may lie at an end of the grid, or ``""``.

    Examples
    --------
    >>> tuned = Sweep([0.1, 1.0, 10.0], [7], {"loss": np.array([[[3.0]], [[1.0]], [[2.0]]])})
    >>> Sweep([1.0], [1, 2], {}, tuning=tuned, best_by="loss").best_rate
    1.0
    """

    learning_rates: list[float]
    seeds: list[int]
    history: dict[str, Floats]
    weights: list[NDArray[Any]] | None = None
    tuning: "Sweep | None" = None
    best_by: str = "val_accuracy"
    edge: str = ""

    @property
    def best_rate(self) -> float:
        """The learning rate with the best mean over the tuning seeds, after the last epoch.

        Higher is better, but lower if ``loss`` or ``error`` is part of the metric's name. A
        rate at which a copy ends with NaN comes last, and the first of equals wins.

        Raises
        ------
        ValueError
            If there are no tuning seeds, the metric was not measured, each rate diverged, or
            the best rate lies at an end of the grid and no reason allows that.
        """
        if len(self.learning_rates) == 1 and self.tuning is None:
            return self.learning_rates[0]
        if self.tuning is None:
            raise ValueError("tuning_seeds is empty; the best rate is chosen by seeds of its own")
        if self.best_by not in self.tuning.history:
            names = list(self.tuning.history)
            raise ValueError(f"best_by is {self.best_by!r}; it must be one of {names}")
        rates, ends = self.tuning.learning_rates, self.tuning.history[self.best_by][:, :, -1]
        sign = -1 if "loss" in self.best_by or "error" in self.best_by else 1
        scores = np.nan_to_num(sign * ends.mean(axis=1), nan=-np.inf, posinf=-np.inf)
        table = ", ".join(
            f"{rate:g}: {end:.4g}" for rate, end in zip(rates, ends.mean(1), strict=True)
        )
        if np.isneginf(scores).all():
            raise ValueError(f"learning_rates has no rate that works ({self.best_by} {table})")
        best = rates[int(scores.argmax())]
        if len(rates) > 1 and best in (min(rates), max(rates)) and not self.edge:
            raise ValueError(
                f"learning_rates has its best rate, {best:g}, at an end ({self.best_by} {table}); "
                "it must reach beyond, or give edge='allow: ...' with the reason"
            )
        return best

    def at(self, learning_rate: float, metric: str = "val_accuracy") -> Floats:
        """Return a metric at one learning rate, shape (n_seeds, n_epochs).

        Raises
        ------
        ValueError
            If this rate was not trained or this metric not measured.
        """
        if learning_rate not in self.learning_rates:
            raise ValueError(
                f"learning_rate is {learning_rate}; it must be one of {self.learning_rates}"
            )
        if metric not in self.history:
            raise ValueError(f"metric is {metric!r}; it must be one of {list(self.history)}")
        values: Floats = self.history[metric][self.learning_rates.index(learning_rate)]
        return values

    def best(self, metric: str = "val_accuracy") -> Floats:
        """Return a metric of the reported seeds at the best rate, shape (n_seeds, n_epochs)."""
        return self.at(self.best_rate, metric)


def sweep(
    build: Callable[[], Any],
    train: Pair,
    valid: Pair,
    *,
    optimizer: Callable[[], Any],
    learning_rates: Iterable[float],
    seeds: Iterable[int],
    epochs: int,
    batch_size: int = 128,
    tuning_seeds: Iterable[int] = (),
    only_best: bool = False,
    best_by: str = "val_accuracy",
    edge: str = "",
    schedule: ArrayLike | None = None,
    loss: Any = "sparse_categorical_crossentropy",
    metrics: Sequence[Any] = ("accuracy",),
    keep_weights: bool = False,
    together: bool = True,
    jit_compile: bool = False,
) -> Sweep:
    r"""Train a network at each learning rate with each seed, all copies at once.

    The seed of a copy sets its initial weights, its random layers (dropout) and the order of
    its batches: two copies with the same seed differ in the learning rate alone. For each
    epoch ``numpy.random.default_rng(seed)`` draws the next permutation of the instances, which
    is cut into batches; a last batch that is not full is left out. In each step,

    .. math:: \theta_k \leftarrow U(\theta_k, \nabla L_k(\theta_k), \eta_k s_t),
       \qquad k = 1, \dots, n_\text{rates} \cdot n_\text{seeds}

    with the optimizer's update U, the learning rate :math:`\eta_k` of copy k and the
    schedule's factor :math:`s_t` at step t. Up to rounding, each copy becomes what Keras's
    ``fit`` makes of it on the same batches.

    Parameters
    ----------
    build : callable
        Without arguments; returns a new model, not compiled. Layers must be made inside, and
        without seeds of their own.
    train, valid : pair of array_like
        ``(X, y)``, each with the instances along the first axis.
    optimizer : callable
        Without arguments; returns a new Keras optimizer, such as
        ``lambda: keras.optimizers.SGD(momentum=0.9)``. Its learning rate is replaced.
    learning_rates : iterable of float
        Each above 0.
    seeds : iterable of int
        Of the copies that are reported, from 0.
    epochs, batch_size : int
        At least 1; the batch size at most the number of training instances.
    tuning_seeds : iterable of int
        Other seeds, trained too. They choose `Sweep.best_rate`, so that the choice does not
        flatter the runs that are reported.
    only_best : bool
        Train the tuning seeds first, and the reported seeds at the best rate alone.
    best_by : str
        The metric that chooses, after the last epoch.
    edge : str
        By default, a best rate at an end of the grid is an error, because a better one may
        lie beyond. ``"allow: "`` and the reason permit it.
    schedule : array_like, shape (n_steps,) or (n_rates, n_steps), optional
        Factors of the learning rates, one for each of the
        ``epochs * (n_train // batch_size)`` steps. Default: 1.
    loss : str or keras.losses.Loss
    metrics : sequence
        Of names that Keras knows, ``keras.metrics.Metric`` or functions of
        ``(y_true, y_pred)``. Each is measured on the training batches (as ``fit`` does, while
        the weights change) and, as ``val_…``, on `valid` after each epoch.
    keep_weights : bool
        Whether to return the final weights.
    together : bool
        ``False`` calls ``fit`` for one copy after the other: slower, but it can train every
        Keras model.
    jit_compile : bool
        Whether XLA compiles the step. With twenty layers that took two seconds and made the
        steps a tenth faster on two cores; it draws other dropout masks than ``fit``.

    Returns
    -------
    Sweep

    Raises
    ------
    ValueError
        If an argument is out of range, `build` gives two seeds or two layers the same random
        numbers, the best rate lies at an end of the grid (with `only_best`, otherwise when
        `Sweep.best_rate` is read), or the network cannot be trained together (recurrent
        layers, a training step of its own, an optimizer that is not elementwise).

    Notes
    -----
    Source of the idea: the ``vmap`` of JAX and ``torch.func``, there called model ensembling.

    Examples
    --------
    >>> X, y = np.eye(4, dtype="float32"), np.arange(4)
    >>> line = lambda: keras.Sequential([keras.Input((4,)), keras.layers.Dense(4, "softmax")])
    >>> result = sweep(line, (X, y), (X, y), optimizer=keras.optimizers.SGD, batch_size=4,
    ...                learning_rates=[0.1, 1.0], seeds=[1, 2, 3], epochs=5)
    >>> result.history["val_loss"].shape
    (2, 3, 5)
    """
    rates, reported, tuning = list(learning_rates), list(seeds), list(tuning_seeds)
    for rate in rates:
        _checks.positive("learning_rates", rate)
    _checks.count("epochs", epochs)
    _checks.count("batch_size", batch_size)
    if not rates or len(set(rates)) < len(rates):
        raise ValueError(f"learning_rates is {rates}; it must hold different rates, at least one")
    every = tuning + reported
    if not reported or len(set(every)) < len(every) or min(every) < 0:
        raise ValueError(
            f"seeds is {reported} and tuning_seeds {tuning}; they must hold different numbers "
            "from 0, and seeds at least one"
        )
    if edge and not (edge.startswith("allow:") and edge[6:].strip()):
        raise ValueError(f"edge is {edge!r}; it must be 'allow: ' and the reason, or ''")
    if only_best and not tuning:
        raise ValueError("tuning_seeds is empty; with only_best it must hold at least one")
    task = _Task(build, train, valid, optimizer, loss, metrics, epochs, batch_size, jit_compile)
    run = task.train_together if together else task.train_one_by_one
    table = np.outer(rates, np.ones(task.steps)) * task.factors(schedule, len(rates))

    def trained(rows: list[int], seeds: list[int]) -> Sweep:
        history, weights = run(table[rows], seeds)
        kept = weights if keep_weights else None
        return Sweep([rates[i] for i in rows], seeds, history, kept, None, best_by, edge)

    grid = list(range(len(rates)))
    if only_best:
        tuned = trained(grid, tuning)
        best = replace(tuned, tuning=tuned).best_rate
        return replace(trained([rates.index(best)], reported), tuning=tuned)
    everything = trained(grid, every)
    found = _some_seeds(everything, slice(len(tuning), None))
    tuned = _some_seeds(everything, slice(len(tuning)))
    return replace(found, tuning=tuned if tuning else None)


def _some_seeds(found: Sweep, which: slice) -> Sweep:
    return replace(
        found,
        seeds=found.seeds[which],
        history={name: values[:, which] for name, values in found.history.items()},
        weights=found.weights and [w[:, which] for w in found.weights],
    )


class _Rates(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """Row t of a table is the learning rate, or one per copy, at step t."""

    def __init__(self, table: ArrayLike) -> None:
        self.table = tf.constant(table, tf.float32)

    def __call__(self, step: Any) -> Any:
        return tf.gather(self.table, step)


class _Task:
    """What the copies of a sweep have in common."""

    def __init__(
        self,
        build: Callable[[], Any],
        train: Pair,
        valid: Pair,
        optimizer: Callable[[], Any],
        loss: Any,
        metrics: Sequence[Any],
        epochs: int,
        batch_size: int,
        jit_compile: bool,
    ) -> None:
        self.build, self.epochs, self.jit_compile = build, epochs, jit_compile
        self.batch_size, self.optimizer = batch_size, optimizer
        self.X, self.y = (_tensor(values) for values in train)
        self.valid = tuple(_tensor(values) for values in valid)
        self.loss = keras.losses.get(loss)
        self.metrics = [_metric(metric, loss) for metric in metrics]
        self.n_batches = len(self.X) // batch_size
        if not self.n_batches:
            raise ValueError(f"batch_size is {batch_size}; there are {len(self.X)} instances")
        self.steps = epochs * self.n_batches

    def factors(self, schedule: ArrayLike | None, n_rates: int) -> NDArray[np.float64]:
        """Return the schedule, which multiplies the learning rates."""
        factors = np.ones(self.steps) if schedule is None else np.asarray(schedule, float)
        if factors.shape not in [(self.steps,), (n_rates, self.steps)]:
            raise ValueError(
                f"schedule has shape {factors.shape}; it must have "
                f"({self.steps},) or ({n_rates}, {self.steps})"
            )
        return factors

    def order(self, seed: int) -> NDArray[np.int32]:
        """Return the instances of each batch, shape (epochs, n_batches, batch_size)."""
        rng, n = np.random.default_rng(seed), self.n_batches * self.batch_size
        epochs = [rng.permutation(len(self.X))[:n] for _ in range(self.epochs)]
        return np.reshape(epochs, (self.epochs, self.n_batches, self.batch_size)).astype(np.int32)

    def models(self, seeds: Sequence[int]) -> list[Any]:
        """Build a model for each seed; Keras takes its random numbers from Python's."""
        before, models = random.getstate(), []
        for seed in seeds:
            random.seed(seed)
            models.append(self.build())
        random.setstate(before)
        numbers = [number for model in models for number in _seeds_of(model)]
        if len(set(numbers)) < len(numbers):
            raise ValueError(
                "build gives two layers or two seeds the same random numbers; make each "
                "layer and initializer inside build, and without a seed"
            )
        return models

    def train_one_by_one(
        self, table: Floats, seeds: Sequence[int]
    ) -> tuple[dict[str, Floats], list[NDArray[Any]]]:
        """Call `fit` for one copy after the other."""
        self.models(seeds)  # checks that they differ
        runs, weights = [], []
        pairs = [(rates, seed) for rates in table for seed in seeds]
        for rates, seed in progress(pairs, "copies"):
            (model,), optimizer = self.models([seed]), self.optimizer()
            optimizer.learning_rate = _Rates(rates)
            for metric in self.metrics:
                metric.reset_state()  # of the copy before
            model.compile(optimizer, self.loss, metrics=self.metrics)
            batches = tf.data.Dataset.from_tensor_slices(self.order(seed).reshape(self.steps, -1))
            batches = batches.map(lambda i: (tf.gather(self.X, i), tf.gather(self.y, i)))
            options = {"epochs": self.epochs, "steps_per_epoch": self.n_batches, "shuffle": False}
            runs.append(
                model.fit(batches, validation_data=self.valid, verbose=0, **options).history
            )
            weights.append(model.get_weights())
        grid = (len(table), len(seeds))
        history = {name: np.reshape([run[name] for run in runs], (*grid, -1)) for name in runs[0]}
        return history, [
            np.reshape(w, (*grid, *np.shape(w[0]))) for w in zip(*weights, strict=True)
        ]

    def train_together(
        self, table: Floats, seeds: Sequence[int]
    ) -> tuple[dict[str, Floats], list[NDArray[Any]]]:
        """Train all copies at once; copy k has rate k // n_seeds and seed k % n_seeds."""
        models = self.models(seeds)
        copies = _Copies(self, models, np.repeat(table, len(seeds), axis=0))
        orders = np.tile([self.order(seed) for seed in seeds], (len(table), 1, 1, 1))
        epochs = []
        for epoch in progress(range(self.epochs), "epochs"):
            measured = copies.train_epoch(orders[:, epoch])
            epochs.append(measured | copies.evaluate(*self.valid))
        grid = (len(table), len(seeds))
        history = {
            name: np.stack([one[name] for one in epochs], axis=-1).reshape(*grid, -1)
            for name in epochs[0]
        }
        return history, [np.reshape(w, (*grid, *w.shape[1:])) for w in copies.weights()]


class _Copies:
    """The copies of one network, stacked along a first axis."""

    def __init__(self, task: _Task, models: list[Any], table: Floats) -> None:
        _check_model(models[0])
        self.task, self.model, self.n = task, models[0], len(table)
        self.model(task.X[:1])  # an ordinary fault of the network shows here
        self.trainable = [self._stack(vs) for vs in _side_by_side(models, "trainable_variables")]
        self.shapes = [v.shape for v in self.model.trainable_variables]
        self.state = [self._stack(vs) for vs in _side_by_side(models, "non_trainable_variables")]
        self.metrics = [keras.metrics.Mean("loss"), *task.metrics]
        self.random = any(v.name == "seed_generator_state" for v in self.model.variables)
        self.optimizer, self.clip = _without_clipping(task.optimizer())
        self.optimizer.learning_rate = _Rates(table.T[:, :, None])
        for flat, variable in zip(self.trainable, self.model.trainable_variables, strict=True):
            flat.constraint = self._constraint(variable)
        self.optimizer.build(self.trainable)
        self._step = tf.function(self._train_step, autograph=False, jit_compile=task.jit_compile)
        self._test_step = tf.function(self._evaluate_step, autograph=False)

    def _stack(self, variables: Sequence[Any]) -> Any:
        """Return a variable with one row per copy; weights are laid flat, states are not.

        A flat weight has shape (copies, size), so that a column of learning rates suits it.
        """
        values = np.stack([variable.numpy() for variable in variables])
        values = np.tile(values, (self.n // len(variables), *[1] * (values.ndim - 1)))
        first = variables[0]
        values = values.reshape(self.n, -1) if first.trainable else values
        return keras.Variable(values, dtype=first.dtype, trainable=first.trainable, name=first.name)

    def _map(self, function: Callable[[Any], Any], stacks: Any, loop: bool = False) -> Any:
        """Apply a function to each copy in one pass; what TensorFlow cannot map, in a loop."""
        return tf.vectorized_map(function, stacks, fallback_to_while_loop=loop)

    def _constraint(self, variable: Any) -> Callable[[Any], Any] | None:
        if variable.constraint is None:
            return None

        def one(flat: Any) -> Any:
            return tf.reshape(variable.constraint(tf.reshape(flat, variable.shape)), [-1])

        return lambda stack: self._map(one, keras.ops.convert_to_tensor(stack))

    def _outputs(self, flat: Any, state: Any, X: Any, y: Any, training: bool) -> Any:
        """Return the loss of one copy, its predictions and its new state."""
        weights = [tf.reshape(w, shape) for w, shape in zip(flat, self.shapes, strict=True)]
        y_pred, state, penalties = self.model.stateless_call(
            weights, state, X, training=training, return_losses=True
        )
        return tf.reduce_mean(self.task.loss(y, y_pred)) + sum(penalties), y_pred, state

    def _train_step(self, batches: Any, measured: Any) -> Any:
        def one(copy: Any) -> Any:
            flat, state, batch = copy
            X, y = tf.gather(self.task.X, batch), tf.gather(self.task.y, batch)
            with tf.GradientTape() as tape:
                tape.watch(flat)
                loss, y_pred, state = self._outputs(flat, state, X, y, training=True)
            gradients = tape.gradient(loss, flat, unconnected_gradients="zero")
            return self.clip(gradients), state, (loss, y, y_pred)

        stacks = [v.value for v in self.trainable], [v.value for v in self.state], batches
        gradients, state, outcome = self._map(one, stacks, loop=self.random)  # dropout's masks
        self.optimizer.apply(gradients)
        for variable, value in zip(self.state, state, strict=True):
            variable.assign(value)
        return self._map(self._measure, (measured, *outcome), loop=True)

    def _evaluate_step(self, X: Any, y: Any, measured: Any) -> Any:
        def one(copy: Any) -> Any:
            flat, state = copy
            loss, y_pred, _ = self._outputs(flat, state, X, y, training=False)
            return loss, y_pred

        stacks = [v.value for v in self.trainable], [v.value for v in self.state]
        loss, y_pred = self._map(one, stacks)
        targets = tf.broadcast_to(y, (self.n, *y.shape))
        return self._map(self._measure, (measured, loss, targets, y_pred), loop=True)

    def _measure(self, copy: Any) -> Any:
        """Return the metrics' variables of one copy after one more batch."""
        (first, *others), loss, y, y_pred = copy
        size = tf.cast(tf.shape(y_pred)[0], loss.dtype)
        mean, *metrics = self.metrics
        return [mean.stateless_update_state(first, loss, sample_weight=size)] + [
            metric.stateless_update_state(variables, y, y_pred)
            for metric, variables in zip(metrics, others, strict=True)
        ]

    def _nothing_measured(self) -> Any:
        """Return the variables of the metrics for each copy, as before the first batch."""
        fresh = [metric.stateless_reset_state() for metric in self.metrics]
        return [[tf.stack([tf.convert_to_tensor(v)] * self.n) for v in vs] for vs in fresh]

    def _results(self, measured: Any, prefix: str) -> dict[str, Floats]:
        return {
            prefix + metric.name: np.array(
                [metric.stateless_result([v[k] for v in variables]) for k in range(self.n)], float
            )
            for metric, variables in zip(self.metrics, measured, strict=True)
        }

    def train_epoch(self, batches: NDArray[np.int32]) -> dict[str, Floats]:
        """Train with each copy's own batches, shape (copies, n_batches, batch_size)."""
        measured = self._nothing_measured()
        for i in range(batches.shape[1]):
            measured = self._called(self._step, tf.constant(batches[:, i]), measured)
        return self._results(measured, "")

    def evaluate(self, X: Any, y: Any, chunk: int = 1000) -> dict[str, Floats]:
        """Measure loss and metrics of each copy on the same instances."""
        measured = self._nothing_measured()
        for i in range(0, len(X), chunk):
            measured = self._called(self._test_step, X[i : i + chunk], y[i : i + chunk], measured)
        return self._results(measured, "val_")

    def _called(self, function: Any, *arguments: Any) -> Any:
        level = tf.get_logger().level
        tf.get_logger().setLevel("ERROR")  # of the masks that are drawn copy by copy
        try:
            return function(*arguments)
        except Exception as error:
            raise _refused(f"TensorFlow cannot map this network ({error})") from error
        finally:
            tf.get_logger().setLevel(level)

    def weights(self) -> list[NDArray[Any]]:
        """Return the weights of all copies in the order of ``model.get_weights()``."""
        self.optimizer.finalize_variable_values(self.trainable)
        variables = self.model.trainable_variables + self.model.non_trainable_variables
        copies = []
        for k in range(self.n):
            for variable, stack in zip(variables, self.trainable + self.state, strict=True):
                variable.assign(tf.reshape(stack[k], variable.shape))
            copies.append(self.model.get_weights())
        return [np.stack(ws) for ws in zip(*copies, strict=True)]


def _side_by_side(models: list[Any], kind: str) -> Any:
    return zip(*(getattr(model, kind) for model in models), strict=True)


def _tensor(values: ArrayLike) -> Any:
    array = np.asarray(values)
    return tf.constant(array.astype(keras.config.floatx()) if array.dtype.kind == "f" else array)


def _metric(metric: Any, loss: Any) -> Any:
    """Return a Keras metric; like Keras, take the accuracy that suits the loss."""
    if metric == "accuracy":
        name = loss if isinstance(loss, str) else loss.name
        return ACCURACY.get(name, keras.metrics.CategoricalAccuracy)(name="accuracy")
    if isinstance(metric, keras.metrics.Metric | str):
        return keras.metrics.get(metric)
    return keras.metrics.MeanMetricWrapper(metric, name=metric.__name__)


def _layers(model: Any) -> list[Any]:
    inner = getattr(model, "layers", [])
    return [*inner, *(deep for layer in inner for deep in _layers(layer))]


def _seeds_of(model: Any) -> list[int]:
    """Return the seeds of all initializers and random layers."""
    initializers = [
        value
        for layer in _layers(model)
        for value in vars(layer).values()
        if isinstance(value, keras.initializers.Initializer)
    ]
    seeds = [getattr(initializer, "seed", None) for initializer in initializers]
    states = [v for v in model.variables if v.name == "seed_generator_state"]
    return [s for s in seeds if isinstance(s, int)] + [int(state[0]) for state in states]


def _refused(reason: str) -> ValueError:
    return ValueError(f"{reason}; give together=False, and each copy is trained with fit")


def _check_model(model: Any) -> None:
    for method in ("train_step", "compute_loss"):
        if getattr(type(model), method) is not getattr(keras.Model, method):
            raise _refused(f"build returns a model with a {method} of its own")
    for layer in _layers(model):
        if isinstance(layer, RECURRENT):
            raise _refused(f"build returns a model with a recurrent layer ({layer.name})")


def _without_clipping(optimizer: Any) -> tuple[Any, Callable[[list[Any]], list[Any]]]:
    """Return the optimizer, which must not clip a stack, and a function that clips a copy."""
    if type(optimizer) not in ELEMENTWISE:
        raise _refused(f"optimizer is {type(optimizer).__name__}, which is not elementwise")
    if optimizer.gradient_accumulation_steps or optimizer.loss_scale_factor:
        raise _refused("optimizer accumulates gradients or scales the loss")
    value, norm, total = optimizer.clipvalue, optimizer.clipnorm, optimizer.global_clipnorm
    optimizer.clipvalue = optimizer.clipnorm = optimizer.global_clipnorm = None

    def clip(gradients: list[Any]) -> list[Any]:
        if value:
            return [tf.clip_by_value(g, -value, value) for g in gradients]
        if norm:
            return [tf.clip_by_norm(g, norm) for g in gradients]
        if total:
            norm_of_all = tf.sqrt(sum(tf.reduce_sum(g * g) for g in gradients))
            return [g * (total / tf.maximum(norm_of_all, total)) for g in gradients]
        return gradients

    return optimizer, clip
