"""Learning-rate schedules: the learning rate as a function of the training step.

Lesson: *Learning-rate schedules*. The functions are NumPy and take one step or
an array of steps. The first step is 0, which is what ``optimizer.iterations``
of Keras is when the first batch is trained on.

The classes for Keras load on first use: the schedule `OneCycle`, the optimizer
`OneCycleSGD` and the range test `LRFinder`, or `find_learning_rate` for short.
Import one of the first two before you load a model that was saved with it.
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from ch11lib._learning_rate_schedules_keras import (
        LRFinder,
        OneCycle,
        OneCycleSGD,
        find_learning_rate,
    )

__all__ = [
    "LRFinder",
    "OneCycle",
    "OneCycleSGD",
    "boundaries",
    "cosine",
    "cosine_restarts",
    "exponential",
    "find_learning_rate",
    "one_cycle",
    "one_cycle_momentum",
    "piecewise_constant",
    "power",
    "steps_per_epoch",
]

Array = NDArray[np.floating[Any]]
Shape = tuple[int, float, str, bool]  # total_steps, pct_start, anneal_strategy, three_phase
ALLOWED: dict[str, Callable[[Any], bool]] = {
    "finite and > 0": lambda value: 0 < value < math.inf,
    "finite and >= 0": lambda value: 0 <= value < math.inf,
    "finite and >= 1": lambda value: 1 <= value < math.inf,
    "from 0 to 1": lambda value: 0 <= value <= 1,
    "from 0 to 0.5 with three phases": lambda value: 0 <= value <= 0.5,
    "'cos' or 'linear'": lambda value: value in ("cos", "linear"),
}


def __getattr__(name: str) -> Any:
    """Import Keras, and with it the class `name`, on first use."""
    if name in __all__:  # all others are below, and found without this function
        from ch11lib import _learning_rate_schedules_keras

        return getattr(_learning_rate_schedules_keras, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _check(allowed: str, **values: float | str) -> None:
    """Raise unless every value is as `allowed`, a key of ALLOWED, says."""
    for name, value in values.items():
        if not ALLOWED[allowed](value):
            raise ValueError(f"{name} is {value!r}; it must be {allowed}")


def _steps(step: ArrayLike) -> Array:
    """Return `step` as an array of floats, none of them below 0."""
    array = np.asarray(step, float)
    for wrong in array[~((array >= 0) & np.isfinite(array))][:1]:
        _check("finite and >= 0", step=float(wrong))
    return array


def steps_per_epoch(n_instances: int, batch_size: int) -> int:
    """Return the number of training steps in an epoch, ⌈n_instances / batch_size⌉.

    The last batch is a step, too, however small it is: 55,000 instances in
    batches of 32 make 1,719 steps, and 20 epochs 34,380. Rounding after the
    multiplication gives 34,375.

    Raises
    ------
    ValueError
        If a number is below 1.
    """
    _check("finite and >= 1", n_instances=n_instances, batch_size=batch_size)
    return -(-n_instances // batch_size)


def boundaries(
    epochs: Sequence[int], steps_per_epoch: int, total_epochs: int | None = None
) -> list[int]:
    """Return the boundaries for a value that changes after the given epochs.

    A boundary is the last step with the old value. Steps count from 0, so epoch
    e, counted from 1, ends with step e · steps_per_epoch − 1.

    Raises
    ------
    ValueError
        If `epochs` does not increase, from 1 or more, or does not stay below
        `total_epochs`: a change at the end of the training is never seen.
    """
    _check("finite and >= 1", steps_per_epoch=steps_per_epoch)
    if any(np.diff([0, *epochs]) <= 0):
        raise ValueError(f"epochs is {list(epochs)}; it must increase, from 1 or more")
    if total_epochs is not None and max(epochs, default=0) >= total_epochs:
        raise ValueError(f"epochs is {list(epochs)}; it must be below {total_epochs}, the total")
    return [epoch * steps_per_epoch - 1 for epoch in epochs]


def power(step: ArrayLike, initial: float, decay_steps: float, power: float = 1) -> Array:
    """Return initial / (1 + step / decay_steps)^power.

    Parameters
    ----------
    step : array_like
        At least 0.
    initial : float
        Learning rate at step 0, above 0.
    decay_steps : float
        Above 0. For a power of 1 the rate has fallen to 1/2 after so many
        steps, to 1/3 after twice, to 1/4 after three times as many.
    power : float
        Above 0; for 1 this is ``keras.optimizers.schedules.InverseTimeDecay``.

    Returns
    -------
    ndarray of float, of the shape of `step`

    Raises
    ------
    ValueError
        If an argument is out of range.
    """
    _check("finite and > 0", initial=initial, decay_steps=decay_steps, power=power)
    return np.asarray(initial / (1 + _steps(step) / decay_steps) ** power)


def exponential(
    step: ArrayLike, initial: float, decay_steps: float, decay_rate: float, staircase: bool = False
) -> Array:
    """Return initial · decay_rate^(step / decay_steps); Keras: ``ExponentialDecay``.

    Parameters, returns and errors as in `power`. The rate changes by the factor
    `decay_rate`, above 0, over each `decay_steps`; with `staircase` at their end.
    """
    _check("finite and > 0", initial=initial, decay_steps=decay_steps, decay_rate=decay_rate)
    decays = _steps(step) / decay_steps
    return np.asarray(initial * decay_rate ** (np.floor(decays) if staircase else decays))


def piecewise_constant(
    step: ArrayLike, boundaries: Sequence[float], values: Sequence[float]
) -> Array:
    """Return one of `values`; Keras: ``PiecewiseConstantDecay``.

    Step, returns and errors as in `power`. The values, above 0, are one more
    than the increasing boundaries; a boundary is the last step of its value.
    """
    if not np.all(np.diff(boundaries) > 0):
        raise ValueError(f"boundaries is {list(boundaries)}; it must increase")
    if len(values) != len(boundaries) + 1:
        raise ValueError(f"values is {list(values)}; it must hold {len(boundaries) + 1} numbers")
    for value in values:
        _check("finite and > 0", values=value)
    return np.asarray(values, float)[np.searchsorted(boundaries, _steps(step), side="left")]


def cosine(
    step: ArrayLike,
    initial: float,
    decay_steps: float,
    alpha: float = 0.0,
    warmup_target: float | None = None,
    warmup_steps: int = 0,
) -> Array:
    """Return half a cosine wave, on request after a warm-up; Keras: ``CosineDecay``.

    Step, returns and errors as in `power`. With `warmup_target` the rate first
    rises in a line from `initial`, which may then be 0, to the target within
    `warmup_steps`. From there, or else from `initial`, it falls within
    `decay_steps` to the share `alpha`, from 0 to 1. Warm-up steps without a
    target, which Keras ignores, are an error. Loshchilov and Hutter (2017),
    arXiv:1608.03983, equation 5.
    """
    _check("finite and > 0", decay_steps=decay_steps)
    _check("from 0 to 1", alpha=alpha)
    _check("finite and >= 0", initial=initial, warmup_steps=warmup_steps)
    if warmup_target is None and warmup_steps:
        raise ValueError(f"warmup_steps is {warmup_steps}; it must be 0 without warmup_target")
    name, peak = ("initial", initial) if warmup_target is None else ("warmup_target", warmup_target)
    _check("finite and > 0", **{name: peak})
    step = _steps(step)
    done = np.clip((step - warmup_steps) / decay_steps, 0, 1)
    decay = peak * (alpha + (1 - alpha) * (1 + np.cos(np.pi * done)) / 2)
    warmup = initial + (peak - initial) * step / max(warmup_steps, 1)
    return np.where(step < warmup_steps, warmup, decay)


def cosine_restarts(
    step: ArrayLike,
    initial: float,
    first_decay_steps: float,
    t_mul: float = 2.0,
    m_mul: float = 1.0,
    alpha: float = 0.0,
) -> Array:
    """Return one cosine wave after the other; Keras: ``CosineDecayRestarts``.

    Step, returns and errors as in `power`. Wave i = 0, 1, ... takes
    first_decay_steps · t_mul^i steps, t_mul at least 1, and falls from
    initial · (α + (1 − α) m_mul^i), m_mul above 0, to the share `alpha`, from
    0 to 1, of `initial`. Loshchilov and Hutter (2017), arXiv:1608.03983, section 3.
    """
    _check("finite and > 0", initial=initial, first_decay_steps=first_decay_steps, m_mul=m_mul)
    _check("finite and >= 1", t_mul=t_mul)
    _check("from 0 to 1", alpha=alpha)
    step, starts = _steps(step), [0.0]
    while starts[-1] <= np.max(step, initial=0):
        starts.append(starts[-1] + first_decay_steps * t_mul ** (len(starts) - 1))
    wave = np.searchsorted(starts, step, side="right") - 1
    done = (step - np.take(starts, wave)) / (first_decay_steps * t_mul**wave)
    height = m_mul**wave * (1 + np.cos(np.pi * done)) / 2
    return np.asarray(initial * (alpha + (1 - alpha) * height))


def _cycle(xp: Any, step: Any, values: tuple[float, float, float], shape: Shape) -> Any:
    """Go from start to peak to end; `xp` is numpy or keras.ops, `step` one of its arrays."""
    total_steps, pct_start, anneal_strategy, three_phase = shape
    _check("finite and >= 1", total_steps=total_steps)
    _check("from 0 to 0.5 with three phases" if three_phase else "from 0 to 1", pct_start=pct_start)
    _check("'cos' or 'linear'", anneal_strategy=anneal_strategy)
    (start, peak, end), top = values, pct_start * total_steps - 1
    middle = [(2 * top, start)] if three_phase else []
    knots = [(0.0, start), (top, peak), *middle, (total_steps - 1.0, end)]
    result = end + 0 * step
    for (begin, first), (stop, last) in reversed(list(pairwise(knots))):
        if stop > begin:
            left = xp.clip((stop - step) / (stop - begin), 0, 1)
            share = left if anneal_strategy == "linear" else xp.sin(math.pi / 2 * left) ** 2
            result = xp.where(step <= stop, last + (first - last) * share, result)
    return result


def one_cycle(
    step: ArrayLike,
    max_learning_rate: float,
    total_steps: int,
    pct_start: float = 0.3,
    anneal_strategy: str = "cos",
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
    three_phase: bool = False,
) -> Array:
    """Return the learning rate of 1cycle; PyTorch: ``OneCycleLR``.

    Step, returns and errors as in `power`. The rate rises from
    max_learning_rate / div_factor to the maximum within the share `pct_start`
    of `total_steps`, then falls to the 1 / final_div_factor of where it began
    and stays there. With `three_phase` it first returns to where it began, as
    fast as it rose. `anneal_strategy` is "cos", half a cosine wave, or "linear".

    Notes
    -----
    Smith (2018), arXiv:1803.09820; his 1cycle is linear, with three phases. As
    in PyTorch, the phases end one step early: the maximum is at step
    pct_start · total_steps − 1.
    """
    _check("finite and > 0", max_learning_rate=max_learning_rate)
    _check("finite and >= 1", div_factor=div_factor, final_div_factor=final_div_factor)
    start = max_learning_rate / div_factor
    values = start, max_learning_rate, start / final_div_factor
    shape = total_steps, pct_start, anneal_strategy, three_phase
    return np.asarray(_cycle(np, _steps(step), values, shape))


def one_cycle_momentum(
    step: ArrayLike,
    total_steps: int,
    base_momentum: float = 0.85,
    max_momentum: float = 0.95,
    pct_start: float = 0.3,
    anneal_strategy: str = "cos",
    three_phase: bool = False,
) -> Array:
    """Return the momentum of 1cycle: low where the learning rate is high.

    As `one_cycle`, from `max_momentum` to `base_momentum` and back, 0 to 1.
    """
    _check("from 0 to 1", base_momentum=base_momentum, max_momentum=max_momentum)
    values = max_momentum, base_momentum, max_momentum
    shape = total_steps, pct_start, anneal_strategy, three_phase
    return np.asarray(_cycle(np, _steps(step), values, shape))
