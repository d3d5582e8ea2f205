"""The classes for Keras of `ch11lib.learning_rate_schedules`, which loads them.

Lesson: *Learning-rate schedules*.
"""

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from ch11lib import learning_rate_schedules as schedules


@keras.saving.register_keras_serializable(package="ch11lib")
class OneCycle(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """The function `one_cycle` as a schedule for any Keras optimizer.

    Parameters, errors and source as there, but for the step. Computes in float32.
    """

    def __init__(
        self,
        max_learning_rate: float,
        total_steps: int,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
    ) -> None:
        self.max_learning_rate, self.total_steps = max_learning_rate, total_steps
        self.pct_start, self.anneal_strategy = pct_start, anneal_strategy
        self.div_factor, self.final_div_factor = div_factor, final_div_factor
        self.three_phase = three_phase
        schedules.one_cycle(0, **self.get_config())  # a wrong value is told here

    def __call__(self, step: Any) -> Any:
        """Return the learning rate at `step`, a scalar tensor."""
        start = self.max_learning_rate / self.div_factor
        return self.cycle(step, start, self.max_learning_rate, start / self.final_div_factor)

    def cycle(self, step: Any, start: float, peak: float, end: float) -> Any:
        """Return any other quantity that changes in the same phases."""
        shape = self.total_steps, self.pct_start, self.anneal_strategy, self.three_phase
        return schedules._cycle(ops, ops.cast(step, "float32"), (start, peak, end), shape)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        return {
            "max_learning_rate": self.max_learning_rate,
            "total_steps": self.total_steps,
            "pct_start": self.pct_start,
            "anneal_strategy": self.anneal_strategy,
            "div_factor": self.div_factor,
            "final_div_factor": self.final_div_factor,
            "three_phase": self.three_phase,
        }


@keras.saving.register_keras_serializable(package="ch11lib")
class OneCycleSGD(keras.optimizers.Optimizer):  # type: ignore[misc]
    """SGD with 1cycle of the learning rate and of the momentum.

    Parameters
    ----------
    learning_rate : OneCycle
        Its phases are also those of the momentum.
    base_momentum, max_momentum : float
        From 0 to 1: momentum at the highest learning rate, and at both ends.
    nesterov : bool
    **options
        Of ``keras.optimizers.Optimizer``: `clipnorm`, `weight_decay` ...

    Attributes
    ----------
    momentum : scalar tensor
        That of the coming step. Read only.

    Raises
    ------
    ValueError
        If `learning_rate` is no OneCycle, or a momentum is out of range.

    Notes
    -----
    Smith (2018), arXiv:1803.09820, section 4.3. The rule is that of
    ``keras.optimizers.SGD``, with momentum μ_t and learning rate η_t at step t::

        v ← μ_t v − η_t g,    w ← w + v      (nesterov: w + μ_t v − η_t g)

    PyTorch keeps the learning rate out of v: v ← μ_t v + g, w ← w − η_t v. The
    two are the same while η is constant. Where it changes, PyTorch's is Keras's
    with a momentum of μ_t η_t / η_(t−1).
    """

    def __init__(
        self,
        learning_rate: OneCycle,
        base_momentum: float = 0.85,
        max_momentum: float = 0.95,
        nesterov: bool = False,
        **options: Any,
    ) -> None:
        if not isinstance(learning_rate, OneCycle):
            raise ValueError(f"learning_rate is {learning_rate!r}; it must be a OneCycle")
        schedules.one_cycle_momentum(
            0, 1, base_momentum, max_momentum
        )  # a wrong value is told here
        super().__init__(learning_rate=learning_rate, **options)
        self.schedule, self.nesterov = learning_rate, nesterov
        self.base_momentum, self.max_momentum = base_momentum, max_momentum

    @property
    def momentum(self) -> Any:
        """Momentum of the coming step, from the counter that the learning rate is from."""
        ends = self.max_momentum
        return self.schedule.cycle(self._iterations, ends, self.base_momentum, ends)

    def build(self, variables: Any) -> None:
        """Create one velocity v per variable."""
        if not self.built:
            super().build(variables)
            self.velocities = self.add_optimizer_variables(variables, "velocity")

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Change one variable and its velocity."""
        velocity = self.velocities[self._get_variable_index(variable)]
        momentum, rate = (ops.cast(x, variable.dtype) for x in (self.momentum, learning_rate))
        step = ops.multiply(ops.cast(gradient, variable.dtype), rate)
        self.assign(velocity, ops.subtract(ops.multiply(velocity, momentum), step))
        if self.nesterov:
            self.assign_add(variable, ops.subtract(ops.multiply(velocity, momentum), step))
        else:
            self.assign_add(variable, velocity)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, the schedule in its serialized form."""
        return {
            **super().get_config(),
            "base_momentum": self.base_momentum,
            "max_momentum": self.max_momentum,
            "nesterov": self.nesterov,
        }


class LRFinder(keras.callbacks.Callback):  # type: ignore[misc]
    """Learning-rate range test: raise the rate at each step and watch the loss.

    Stops the training after `n_steps`, at a loss that is not finite, or when the
    smoothed loss has risen to `divergence_factor` times its lowest. Then weights,
    random states, and the optimizer's variables are as they were before. If
    ``fit`` ends with an exception, call `restore`.

    Parameters
    ----------
    min_learning_rate, max_learning_rate : float
        Of the first and of step `n_steps`; between them the rate grows by the
        same factor at each step.
    n_steps : int
        At least 1; some 100 to 1,000 are usual.
    smoothing : float
        β, from 0 to below 1, of the moving average m ← β m + (1 − β) loss. The
        smoothed loss of step i, from 1, is m / (1 − β^i). It is not judged in
        the first 1 / (1 − β) steps, in which it rests on few losses.
    divergence_factor : float
        At least 1.

    Attributes
    ----------
    learning_rates, losses, smoothed : list of float
        One per step; the loss is that of its batch alone, before the step.
    diverged_at : float or None
        Learning rate at which the test stopped early; a tenth of it is often used.

    Raises
    ------
    ValueError
        If an argument is out of range. At the start of the training: if the
        model takes several steps per execution, or the optimizer's learning
        rate is a schedule.

    Notes
    -----
    Smith (2017), arXiv:1506.01186, section 3.3. Metrics are reset before each
    batch, as Keras's ``logs["loss"]`` is the mean since the last reset; so the
    history of this training says nothing.
    """

    def __init__(
        self,
        min_learning_rate: float = 1e-5,
        max_learning_rate: float = 10.0,
        n_steps: int = 300,
        smoothing: float = 0.98,
        divergence_factor: float = 2.0,
    ) -> None:
        super().__init__()
        schedules._check("finite and > 0", min_learning_rate=min_learning_rate)
        schedules._check("finite and >= 1", n_steps=n_steps, divergence_factor=divergence_factor)
        if not min_learning_rate < max_learning_rate < math.inf:
            allowed = f"finite and > {min_learning_rate}, the min_learning_rate"
            raise ValueError(f"max_learning_rate is {max_learning_rate}; it must be {allowed}")
        if not 0 <= smoothing < 1:
            raise ValueError(f"smoothing is {smoothing}; it must be from 0 to below 1")
        self.smoothing, self.divergence_factor = smoothing, divergence_factor
        self.first = round(1 / (1 - smoothing))
        self.rates = np.geomspace(min_learning_rate, max_learning_rate, n_steps).tolist()
        self._state: list[tuple[Any, Any]] = []
        self._clear()

    def _clear(self) -> None:
        self.learning_rates: list[float] = []
        self.losses: list[float] = []
        self.smoothed: list[float] = []
        self.diverged_at: float | None = None
        self._mean = 0.0

    @property
    def suggestion(self) -> float:
        """Learning rate at which the smoothed loss falls most steeply.

        That is where its derivative with respect to the logarithm of the
        learning rate is lowest, up to its minimum and, as above, without the
        first steps. A ValueError if the loss does not fall there.
        """
        n_falling = int(np.argmin([*self.smoothed[self.first :], math.inf]))
        if n_falling == 0:
            raise ValueError("the loss did not fall; test another range or take more steps")
        slopes = np.gradient(self.smoothed, np.log(self.learning_rates))[self.first :]
        return self.learning_rates[self.first + int(np.argmin(slopes[: n_falling + 1]))]

    def on_train_begin(self, logs: Any = None) -> None:
        """Check the model and keep its state."""
        model, optimizer = self.model, self.model.optimizer
        if model.steps_per_execution != 1:
            raise ValueError(
                f"steps_per_execution is {model.steps_per_execution}; it must be 1, because "
                "callbacks cannot change the learning rate or see the loss within an execution"
            )
        optimizer.build(model.trainable_variables)
        self._state = [(v, ops.copy(v)) for v in (*model.variables, *optimizer.variables)]
        self._clear()
        try:
            optimizer.learning_rate = self.rates[0]
        except (AttributeError, TypeError) as error:
            raise ValueError(
                "learning_rate of the optimizer is a schedule or a function; it must be a number"
            ) from error

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Set the learning rate; let the mean of the losses start afresh."""
        self.model.reset_metrics()
        self.model.optimizer.learning_rate = self.rates[len(self.losses)]

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Record the loss, if finite; stop when it diverged or the range is through."""
        loss, rate = float(logs["loss"]), self.rates[len(self.losses)]
        diverged = not math.isfinite(loss)
        if not diverged:
            self.losses.append(loss)
            self.learning_rates.append(rate)
            self._mean = self.smoothing * self._mean + (1 - self.smoothing) * loss
            self.smoothed.append(self._mean / (1 - self.smoothing ** len(self.losses)))
            lowest = min(self.smoothed[self.first :], default=math.inf)
            rise = self.smoothed[-1] - lowest  # the loss itself may be negative
            diverged = rise > (self.divergence_factor - 1) * abs(lowest)
        if diverged:
            self.diverged_at = rate
        if diverged or len(self.losses) == len(self.rates):
            self.model.stop_training = True

    def on_train_end(self, logs: Any = None) -> None:
        """Undo the training."""
        self.restore()

    def restore(self) -> None:
        """Give model and optimizer the state from before the test, if not done yet."""
        for variable, value in self._state:
            variable.assign(value)
        self._state = []


def find_learning_rate(
    model: Any, X: Any, y: Any, batch_size: int = 32, **options: Any
) -> LRFinder:
    """Train a compiled model with an `LRFinder`, for as long as it takes, and return it.

    Leaves model and optimizer as they were, also after an exception. `options`
    and errors are those of `LRFinder`.
    """
    finder = LRFinder(**options)
    epochs = -(-len(finder.rates) // schedules.steps_per_epoch(len(y), batch_size))
    try:
        model.fit(X, y, batch_size=batch_size, epochs=epochs, verbose=0, callbacks=[finder])
    finally:
        finder.restore()
    return finder
