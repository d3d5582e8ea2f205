"""Learning-rate schedules: the learning rate as a function of the training step.

Lesson: *Learning-rate schedules*. NumPy only. Each function takes one step or an
array of steps, and returns as many learning rates. The first step is 0, which is
what ``optimizer.iterations`` of Keras is when the first batch is trained on.

The Keras halves are `ch11lib.one_cycle`, a schedule and an optimizer, and
`ch11lib.lr_finder`, the range test.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ch11lib import _checks

__all__ = [
    "boundaries",
    "cosine",
    "cosine_restarts",
    "exponential",
    "one_cycle",
    "one_cycle_momentum",
    "piecewise_constant",
    "power",
    "steps_per_epoch",
]

Array = NDArray[np.floating[Any]]


def _steps(step: ArrayLike) -> Array:
    """Return `step` as an array of floats, none of them below 0."""
    array = np.asarray(step, float)
    for number in (np.min(array, initial=0), np.max(array, initial=0)):  # NaN passes through both
        _checks.non_negative("step", float(number))
    return array


def steps_per_epoch(n_instances: int, batch_size: int) -> int:
    """Return the number of training steps in an epoch, ⌈n_instances / batch_size⌉.

    The last batch is a step, too, however small it is: 55,000 instances in
    batches of 32 make 1,719 steps, and 20 epochs 34,380. Rounding after the
    multiplication gives 34,375.

    Parameters
    ----------
    n_instances, batch_size : int
        At least 1.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If a number is below 1 or not an integer.

    Examples
    --------
    >>> steps_per_epoch(55_000, 32)
    1719
    """
    _checks.count("n_instances", n_instances)
    _checks.count("batch_size", batch_size)
    return -(-n_instances // batch_size)


def boundaries(
    epochs: Sequence[int], steps_per_epoch: int, total_epochs: int | None = None
) -> list[int]:
    """Return the boundaries for a value that changes after the given epochs.

    A boundary is the last step with the old value. Steps count from 0, so epoch
    e, counted from 1, ends with step e · steps_per_epoch − 1.

    Parameters
    ----------
    epochs : sequence of int
        Numbers of the epochs after which the value changes, increasing from 1 or more.
    steps_per_epoch : int
        At least 1.
    total_epochs : int, optional
        Length of the training. All `epochs` must then be below it, because a change
        at the end of the training is never seen.

    Returns
    -------
    list of int
        For `piecewise_constant`, or Keras's ``PiecewiseConstantDecay``.

    Raises
    ------
    ValueError
        If `epochs` does not increase from 1 or more, or does not stay below
        `total_epochs`; if `steps_per_epoch` is below 1.

    Examples
    --------
    >>> boundaries([5, 15], steps_per_epoch=100)
    [499, 1499]
    """
    _checks.count("steps_per_epoch", steps_per_epoch)
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
    ndarray of float64, of the shape of `step`

    Raises
    ------
    ValueError
        If an argument is out of range.

    Examples
    --------
    >>> power([0, 10, 20], initial=0.6, decay_steps=10)
    array([0.6, 0.3, 0.2])
    """
    _checks.positive("initial", initial)
    _checks.positive("decay_steps", decay_steps)
    _checks.positive("power", power)
    return np.asarray(initial / (1 + _steps(step) / decay_steps) ** power)


def exponential(
    step: ArrayLike, initial: float, decay_steps: float, decay_rate: float, staircase: bool = False
) -> Array:
    """Return initial · decay_rate^(step / decay_steps); Keras: ``ExponentialDecay``.

    Parameters
    ----------
    step : array_like
        At least 0.
    initial : float
        Learning rate at step 0, above 0.
    decay_steps : float
        Above 0.
    decay_rate : float
        Factor, above 0, by which the rate changes over each `decay_steps`.
    staircase : bool
        Change the rate only at the end of each `decay_steps`: the exponent is then
        ⌊step / decay_steps⌋.

    Returns
    -------
    ndarray of float64, of the shape of `step`

    Raises
    ------
    ValueError
        If an argument is out of range.

    Examples
    --------
    >>> exponential([0, 10, 20], initial=0.4, decay_steps=10, decay_rate=0.5)
    array([0.4, 0.2, 0.1])
    """
    _checks.positive("initial", initial)
    _checks.positive("decay_steps", decay_steps)
    _checks.positive("decay_rate", decay_rate)
    decays = _steps(step) / decay_steps
    return np.asarray(initial * decay_rate ** (np.floor(decays) if staircase else decays))


def piecewise_constant(
    step: ArrayLike, boundaries: Sequence[float], values: Sequence[float]
) -> Array:
    """Return the value of the interval that the step is in; Keras: ``PiecewiseConstantDecay``.

    The rate is values[0] up to and including step boundaries[0], then values[1] up
    to and including boundaries[1], and so on; the last value stays.

    Parameters
    ----------
    step : array_like
        At least 0.
    boundaries : sequence of float
        Increasing. The function `boundaries` makes them from epochs.
    values : sequence of float
        Learning rates, above 0; one more than boundaries.

    Returns
    -------
    ndarray of float64, of the shape of `step`

    Raises
    ------
    ValueError
        If boundaries do not increase, the number of values does not fit, or a
        number is out of range.

    Examples
    --------
    >>> piecewise_constant([0, 99, 100], boundaries=[99], values=[0.1, 0.01])
    array([0.1 , 0.1 , 0.01])
    """
    if not np.all(np.diff(boundaries) > 0):
        raise ValueError(f"boundaries is {list(boundaries)}; it must increase")
    if len(values) != len(boundaries) + 1:
        raise ValueError(f"values is {list(values)}; it must hold {len(boundaries) + 1} numbers")
    for value in values:
        _checks.positive("values", value)
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

    Without a warm-up, and with s = min(step / decay_steps, 1), the rate is
    initial · (α + (1 − α) (1 + cos π s) / 2). With a warm-up it first rises in a line
    from `initial` to `warmup_target` within `warmup_steps`; from there it falls along
    the same wave within `decay_steps`.

    Parameters
    ----------
    step : array_like
        At least 0.
    initial : float
        Learning rate at step 0, above 0; with a warm-up it may be 0.
    decay_steps : float
        Above 0. The warm-up is not counted.
    alpha : float
        α, from 0 to 1: the share of the highest rate that is left in the end.
    warmup_target : float, optional
        Learning rate at the end of the warm-up, above 0. Default: no warm-up.
    warmup_steps : int
        At least 0; 0 without `warmup_target`. Keras ignores them then.

    Returns
    -------
    ndarray of float64, of the shape of `step`

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Loshchilov and Hutter (2017), arXiv:1608.03983, equation 5.

    Examples
    --------
    >>> cosine([0, 5, 10, 15], initial=0.2, decay_steps=10)
    array([0.2, 0.1, 0. , 0. ])
    """
    _checks.positive("decay_steps", decay_steps)
    _checks.fraction("alpha", alpha)
    _checks.non_negative("warmup_steps", warmup_steps)
    if warmup_target is None:
        if warmup_steps:
            raise ValueError(f"warmup_steps is {warmup_steps}; it must be 0 without warmup_target")
        peak = _checks.positive("initial", initial)
    else:
        _checks.non_negative("initial", initial)
        peak = _checks.positive("warmup_target", warmup_target)
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
    """Return one half cosine wave after the other; Keras: ``CosineDecayRestarts``.

    Wave i = 0, 1, ... takes first_decay_steps · t_mul^i steps. With s, from 0 to 1,
    the share of it that is done, the rate is
    initial · (α + (1 − α) m_mul^i (1 + cos π s) / 2).

    Parameters
    ----------
    step : array_like
        At least 0.
    initial : float
        Learning rate at step 0, above 0.
    first_decay_steps : float
        Above 0.
    t_mul : float
        At least 1: how much longer each wave is than the one before.
    m_mul : float
        Above 0: how much higher each wave is than the one before.
    alpha : float
        α, from 0 to 1: the share of `initial` that each wave falls to.

    Returns
    -------
    ndarray of float64, of the shape of `step`

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Loshchilov and Hutter (2017), arXiv:1608.03983, section 3.

    Examples
    --------
    >>> cosine_restarts([0, 5, 10, 20], initial=0.2, first_decay_steps=10)
    array([0.2, 0.1, 0.2, 0.1])
    """
    _checks.positive("initial", initial)
    _checks.positive("first_decay_steps", first_decay_steps)
    _checks.at_least("t_mul", t_mul, 1)
    _checks.positive("m_mul", m_mul)
    _checks.fraction("alpha", alpha)
    step, starts = _steps(step), [0.0]
    while starts[-1] <= np.max(step, initial=0):
        starts.append(starts[-1] + first_decay_steps * t_mul ** (len(starts) - 1))
    wave = np.searchsorted(starts, step, side="right") - 1
    done = (step - np.take(starts, wave)) / (first_decay_steps * t_mul**wave)
    height = m_mul**wave * (1 + np.cos(np.pi * done)) / 2
    return np.asarray(initial * (alpha + (1 - alpha) * height))


def cycle_value(
    xp: Any,
    step: Any,
    values: tuple[float, float, float],
    total_steps: int,
    pct_start: float,
    anneal_strategy: str,
    three_phase: bool,
) -> Any:
    """Return a value that goes from start to peak to end in the phases of 1cycle.

    `xp` is the module that computes, numpy here and keras.ops in `ch11lib.one_cycle`,
    `step` one of its arrays, and `values` the start, peak and end.
    """
    _checks.count("total_steps", total_steps)
    _checks.one_of("anneal_strategy", anneal_strategy, ("cos", "linear"))
    _checks.fraction("pct_start", pct_start)
    if three_phase and pct_start > 0.5:
        raise ValueError(f"pct_start is {pct_start}; it must be from 0 to 0.5 with three phases")
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

    With T = total_steps the rate rises from max_learning_rate / div_factor at step 0
    to the maximum at step pct_start · T − 1. Then it falls, until step T − 1, to the
    1 / final_div_factor of where it began, and stays there. With `three_phase` it
    first returns, as fast as it rose, to where it began.

    Parameters
    ----------
    step : array_like
        At least 0.
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

    Returns
    -------
    ndarray of float64, of the shape of `step`

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Smith (2018), arXiv:1803.09820; his 1cycle is linear, with three phases. As
    in PyTorch, the phases end one step early: the maximum is at step
    pct_start · T − 1.

    Examples
    --------
    >>> one_cycle([0, 1, 2, 9], 0.1, total_steps=10, anneal_strategy="linear").round(4)
    array([0.004, 0.052, 0.1  , 0.   ])
    """
    _checks.positive("max_learning_rate", max_learning_rate)
    _checks.at_least("div_factor", div_factor, 1)
    _checks.at_least("final_div_factor", final_div_factor, 1)
    start = max_learning_rate / div_factor
    values = start, max_learning_rate, start / final_div_factor
    shape = total_steps, pct_start, anneal_strategy, three_phase
    return np.asarray(cycle_value(np, _steps(step), values, *shape))


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

    With T = total_steps the momentum falls from `max_momentum` at step 0 to
    `base_momentum` at step pct_start · T − 1 and rises again to `max_momentum`, until
    step T − 1, or with `three_phase` as fast as it fell.

    Parameters
    ----------
    step : array_like
        At least 0.
    total_steps : int
        T, at least 1: the steps of the whole training.
    base_momentum, max_momentum : float
        From 0 to 1.
    pct_start : float
        Share of the steps in which the momentum falls: from 0 to 1, with three
        phases to 0.5.
    anneal_strategy : {"cos", "linear"}
        Shape of each phase: half a cosine wave or a straight line.
    three_phase : bool

    Returns
    -------
    ndarray of float64, of the shape of `step`

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Smith (2018), arXiv:1803.09820, section 4.3.

    Examples
    --------
    >>> one_cycle_momentum([0, 1, 2, 9], total_steps=10, anneal_strategy="linear")
    array([0.95, 0.9 , 0.85, 0.95])
    """
    _checks.fraction("base_momentum", base_momentum)
    _checks.fraction("max_momentum", max_momentum)
    values = max_momentum, base_momentum, max_momentum
    shape = total_steps, pct_start, anneal_strategy, three_phase
    return np.asarray(cycle_value(np, _steps(step), values, *shape))
