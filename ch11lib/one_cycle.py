"""1cycle for Keras: a learning rate, and on request a momentum, that go up and down once.

Lesson: *Learning-rate schedules*. Keras. The formulas in NumPy are `one_cycle` and
`one_cycle_momentum` of `ch11lib.learning_rate_schedules`. Import this module before
you load a model that was saved with one of its classes.
"""

from typing import Any

import keras
from keras import ops

from ch11lib import _checks
from ch11lib.learning_rate_schedules import cycle_value, one_cycle

__all__ = ["OneCycle", "OneCycleSGD"]


@keras.saving.register_keras_serializable(package="ch11lib")
class OneCycle(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """The learning rate of 1cycle, as a schedule for any Keras optimizer.

    With T = total_steps the rate rises from max_learning_rate / div_factor at step 0
    to the maximum at step pct_start · T − 1. Then it falls, until step T − 1, to the
    1 / final_div_factor of where it began, and stays there. With `three_phase` it
    first returns, as fast as it rose, to where it began. It computes in float32.

    Parameters
    ----------
    max_learning_rate : float
        Above 0.
    total_steps : int
        T, at least 1: the steps of the whole training.
    pct_start : float
        Share of the steps in which the rate rises: from 0 to 1, with three phases
        to 0.5.
    anneal_strategy : {"cos", "linear"}
        Shape of each phase: half a cosine wave or a straight line.
    div_factor, final_div_factor : float
        At least 1.
    three_phase : bool

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Smith (2018), arXiv:1803.09820; his 1cycle is linear, with three phases. The
    arguments and their defaults are those of PyTorch's ``OneCycleLR``.

    Examples
    --------
    >>> schedule = OneCycle(max_learning_rate=0.1, total_steps=10, anneal_strategy="linear")
    >>> [round(float(schedule(step)), 4) for step in (0, 1, 2, 9)]
    [0.004, 0.052, 0.1, 0.0]
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
        one_cycle(0, **self.get_config())  # validate now, not at the first step

    def __call__(self, step: Any) -> Any:
        """Return the learning rate at `step`, a scalar tensor of float32."""
        start = self.max_learning_rate / self.div_factor
        return self.cycle(step, start, self.max_learning_rate, start / self.final_div_factor)

    def cycle(self, step: Any, start: float, peak: float, end: float) -> Any:
        """Return another quantity that changes in the same phases, from start to peak to end."""
        return cycle_value(
            ops,
            ops.cast(step, "float32"),
            (start, peak, end),
            self.total_steps,
            self.pct_start,
            self.anneal_strategy,
            self.three_phase,
        )

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

    At step t, with momentum μ_t and learning rate η_t, for each weight w with
    gradient g and velocity v::

        v ← μ_t v − η_t g,    w ← w + v      (nesterov: w + μ_t v − η_t g)

    η_t is that of `OneCycle`. μ_t goes through the same phases from `max_momentum`
    to `base_momentum` and back: low where the learning rate is high.

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
        If `learning_rate` is not a OneCycle, or a momentum is out of range.

    Notes
    -----
    Smith (2018), arXiv:1803.09820, section 4.3. The rule is that of
    ``keras.optimizers.SGD``. PyTorch keeps the learning rate out of v:
    v ← μ_t v + g, w ← w − η_t v. The two are the same while η is constant. Where it
    changes, PyTorch's is Keras's with a momentum of μ_t η_t / η_(t−1).

    Examples
    --------
    >>> optimizer = OneCycleSGD(OneCycle(max_learning_rate=0.1, total_steps=10))
    >>> round(float(optimizer.learning_rate), 3), round(float(optimizer.momentum), 3)
    (0.004, 0.95)
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
        _checks.fraction("base_momentum", base_momentum)
        _checks.fraction("max_momentum", max_momentum)
        super().__init__(learning_rate=learning_rate, **options)
        self.schedule, self.nesterov = learning_rate, nesterov
        self.base_momentum, self.max_momentum = base_momentum, max_momentum

    @property
    def momentum(self) -> Any:
        """Momentum of the coming step.

        Where gradients are accumulated over k batches, Keras takes the learning rate from
        the number of batches, and `iterations` counts the updates: update i comes with
        batch k i + k − 1.
        """
        every, ends = self.gradient_accumulation_steps or 1, self.max_momentum
        step = self.iterations * every + every - 1
        return self.schedule.cycle(step, ends, self.base_momentum, ends)

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
