"""The learning-rate range test for Keras: raise the rate at each step and watch the loss.

Lesson: *Learning-rate schedules*. Keras. `find_learning_rate` runs the test on a
compiled model; `LRFinder` is the callback that does it.
"""

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from ch11lib import _checks

__all__ = ["LRFinder", "find_learning_rate"]


class LRFinder(keras.callbacks.Callback):  # type: ignore[misc]
    """Learning-rate range test, as a callback of ``fit``.

    Step i = 1 ... n_steps is made with the learning rate
    min_learning_rate · (max_learning_rate / min_learning_rate)^((i − 1) / (n_steps − 1)).
    The test stops the training after `n_steps`, at a loss that is not finite, or when
    the smoothed loss has risen to `divergence_factor` times its lowest. Then weights,
    random states, and the optimizer's variables are as they were before. At the end
    of each epoch, too: what other callbacks keep there is the model before the test.
    If ``fit`` ends with an exception, call `restore`.

    Parameters
    ----------
    min_learning_rate, max_learning_rate : float
        Of the first and of step `n_steps`; between them the rate grows by the
        same factor at each step. Above 0, and the second above the first.
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
    batch, because Keras's ``logs["loss"]`` is the mean since the last reset; so the
    history of this training says nothing.

    Examples
    --------
    >>> finder = LRFinder(min_learning_rate=0.01, max_learning_rate=1.0, n_steps=3)
    >>> [round(rate, 3) for rate in finder.rates]
    [0.01, 0.1, 1.0]
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
        _checks.positive("min_learning_rate", min_learning_rate)
        if not min_learning_rate < max_learning_rate < math.inf:
            allowed = f"finite and > {min_learning_rate}, the min_learning_rate"
            raise ValueError(f"max_learning_rate is {max_learning_rate}; it must be {allowed}")
        _checks.count("n_steps", n_steps)
        _checks.fraction("smoothing", smoothing, one=False)
        _checks.at_least("divergence_factor", divergence_factor, 1)
        self.smoothing, self.divergence_factor = smoothing, divergence_factor
        self.first = round(1 / (1 - smoothing))
        self.rates = np.geomspace(min_learning_rate, max_learning_rate, n_steps).tolist()
        self._variables: list[Any] = []
        self._before: list[Any] = []
        self._tested: list[Any] = []
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
        self._variables = [*model.variables, *optimizer.variables]
        self._before = self._tested = self._values()
        self._clear()
        try:
            optimizer.learning_rate = self.rates[0]
        except (AttributeError, TypeError) as error:
            raise ValueError(
                "learning_rate of the optimizer is a schedule or a function; it must be a number"
            ) from error

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Go on from where the last epoch ended."""
        self._assign(self._tested)

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

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Show other callbacks the model as it was: `EarlyStopping` keeps its weights here."""
        self._tested = self._values()
        self._assign(self._before)

    def on_train_end(self, logs: Any = None) -> None:
        """Undo the training."""
        self.restore()

    def restore(self) -> None:
        """Give model and optimizer the state from before the test, if not done yet."""
        if self._variables:
            self._assign(self._before)
        self._variables = []

    def _values(self) -> list[Any]:
        return [ops.copy(variable) for variable in self._variables]

    def _assign(self, values: list[Any]) -> None:
        for variable, value in zip(self._variables, values, strict=True):
            variable.assign(value)


def find_learning_rate(
    model: Any, X: Any, y: Any = None, batch_size: int | None = None, **options: Any
) -> LRFinder:
    """Train a compiled model with an `LRFinder`, for as long as it takes, and return it.

    Model and optimizer are as before afterwards, also after an exception.

    Parameters
    ----------
    model : keras.Model
        Compiled, with a learning rate that is a number.
    X, y, batch_size
        As ``model.fit`` takes them: arrays, or one data set that holds inputs and
        targets in batches, without `y` and `batch_size`.
    **options
        Arguments of `LRFinder`: `min_learning_rate`, `max_learning_rate`, `n_steps`,
        `smoothing`, `divergence_factor`.

    Returns
    -------
    LRFinder
        Its `suggestion` and `diverged_at` are what one looks for.

    Raises
    ------
    ValueError
        If an argument is out of range, the model takes several steps per execution,
        or its learning rate is a schedule.

    Notes
    -----
    Smith (2017), arXiv:1506.01186, section 3.3.

    Examples
    --------
    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> finder = find_learning_rate(model, np.ones((64, 1)), np.arange(64) % 2, batch_size=16)
    >>> finder.suggestion < finder.diverged_at < 10
    True
    """
    finder = LRFinder(**options)
    try:
        # There are as many epochs at most as steps: the finder stops the training.
        model.fit(X, y, batch_size, epochs=len(finder.rates), verbose=0, callbacks=[finder])
    finally:
        finder.restore()
    return finder
