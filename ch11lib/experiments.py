"""From results of several seeds to sentences, and helpers that repeat a run. Keras.

One run says little: another seed may turn a ranking round. `compare` says in fixed words
what the seeds support, `median_and_range` how far they scatter.
"""

import gc
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Literal, NamedTuple, TypeVar, cast

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit  # quantiles of Student's t
from tqdm import tqdm

from ch11lib import _checks

__all__ = [
    "Comparison",
    "RateTable",
    "TunedRuns",
    "compare",
    "median_and_range",
    "paired_ratio",
    "progress",
    "reinitialize",
    "set_random_seed",
    "tuned_runs",
]

T = TypeVar("T")


@dataclass(frozen=True)
class Comparison:
    """What `compare` found; printed, it is a sentence.

    Attributes
    ----------
    first, second : str
        The names of the methods.
    difference, low, high : float
        First minus second, its mean and its confidence interval, in `unit`; with the unit
        ``"times"`` first divided by second. NaN if fewer than two pairs of seeds are left.
    n : int
        The pairs of seeds that were compared.
    unit : str
        ``"points"``, ``"times"``, another unit or ``""``.
    diverged : tuple of int
        With how many seeds the first and the second method ended with NaN or infinity. These
        pairs are left out, and the sentence says so.
    verb : str
    digits : int
    confidence : float

    Examples
    --------
    >>> result = compare("ReLU", [0.78, 0.79, 0.77], "sigmoid", [0.10, 0.10, 0.09])
    >>> result.above, result.below, result.told_apart, result.verdict
    (True, False, True, 'above')
    """

    first: str
    second: str
    difference: float
    low: float
    high: float
    n: int
    unit: str
    diverged: tuple[int, int]
    verb: str
    digits: int
    confidence: float

    @property
    def above(self) -> bool:
        """Whether the whole interval lies above no difference."""
        return self.low > (self.unit == "times")

    @property
    def below(self) -> bool:
        """Whether the whole interval lies below no difference."""
        return self.high < (self.unit == "times")

    @property
    def told_apart(self) -> bool:
        """Whether the interval leaves out no difference."""
        return self.above or self.below

    @property
    def verdict(self) -> Literal["above", "below", "not told apart"]:
        """One of ``"above"``, ``"below"`` and ``"not told apart"``."""
        return "above" if self.above else "below" if self.below else "not told apart"

    def __str__(self) -> str:
        lost = [
            f"{name} diverged with {count}"
            for name, count in zip((self.first, self.second), self.diverged, strict=True)
            if count
        ]
        seeds = "; ".join([f"{self.n} seed{'s' * (self.n != 1)}", *lost])
        if self.n < 2:
            return f"{self.first} and {self.second} ({seeds}): {self.verdict}."
        if self.unit == "times":
            found = f"at {self._shown(self.difference)} times {self.second}"
        else:
            side = "below" if self.difference < 0 else "above"
            size = f"{self._shown(abs(self.difference))} {self.unit}".rstrip()
            found = f"{size} {side} {self.second}"
        interval = (
            f"{self.confidence:.0%} interval {self._shown(self.low)} to {self._shown(self.high)}"
        )
        return f"{self.first} {self.verb} {found} ({interval}, {seeds}): {self.verdict}."

    def _shown(self, value: float) -> str:
        return f"{round(value, self.digits) + 0.0:.{self.digits}f}".replace("-", "−")


def compare(
    first: str,
    a: ArrayLike,
    second: str,
    b: ArrayLike,
    *,
    unit: str = "points",
    verb: str = "ends",
    digits: int | None = None,
    confidence: float = 0.95,
) -> Comparison:
    r"""Compare two methods over the same seeds; printed, the result is a sentence.

    The mean of the n paired differences :math:`d_i = a_i - b_i`, with Student's interval

    .. math:: \bar d \pm t_{n-1,\,(1 + c) / 2} \; s / \sqrt n

    of the confidence c, where s is the standard deviation of the differences. Pairing takes
    out what a seed does to both methods. The verdict is *above* or *below* if the interval
    leaves out 0, else *not told apart*; it says which is larger, not which is better.

    Parameters
    ----------
    first, second : str
        The names of the methods.
    a, b : array_like of float, shape (n_seeds,)
        Their results, seed by seed in the same order, at least two. A pair in which one is
        NaN or infinite, because that run diverged, is left out and told.
    unit : str
        ``"points"`` shows shares such as accuracies, which must be from 0 to 1, in percentage
        points. ``"times"`` compares the ratios a / b of positive values (a geometric mean,
        Student's interval of the logarithms). Any other unit is shown as it is: ``"s"``, or
        ``""`` for a loss.
    verb : str
        Such as ``"ends"`` or ``"starts"``.
    digits : int, optional
        After the point. Default: 1 for points, 2 for ratios, otherwise 3.
    confidence : float
        Above 0 and below 1.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        If the arrays are not two rows of the same length, at least 2, or hold values that the
        unit excludes.

    Notes
    -----
    Source: Student, The probable error of a mean, Biometrika 6 (1908).

    Examples
    --------
    >>> print(compare("SELU", [0.81, 0.84, 0.82], "ReLU", [0.82, 0.80, 0.81]))
    SELU ends 1.3 points above ReLU (95% interval −4.9 to 7.6, 3 seeds): not told apart.
    """
    one, other = np.asarray(a, float), np.asarray(b, float)
    if one.ndim != 1 or one.shape != other.shape or len(one) < 2:
        raise ValueError(
            f"a has shape {one.shape} and b {other.shape}; they must be rows of one value per "
            "seed, for the same two seeds or more"
        )
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; it must be from 0 to 1 (both excluded)")
    finite = np.isfinite(one) & np.isfinite(other)
    for name, values in (("a", one), ("b", other)):
        ended = values[np.isfinite(values)]
        if unit == "points" and ((ended < 0) | (ended > 1)).any():
            raise ValueError(f"{name} is {values}; for the unit 'points' it must be from 0 to 1")
        if unit == "times" and (ended <= 0).any():
            raise ValueError(f"{name} is {values}; for the unit 'times' it must be > 0")
    kept = one[finite], other[finite]
    differences = np.log(kept[0] / kept[1]) if unit == "times" else kept[0] - kept[1]
    low, mean, high = _interval(differences * (100 if unit == "points" else 1), confidence)
    if unit == "times":
        low, mean, high = np.exp([low, mean, high])
    if digits is None:
        digits = {"points": 1, "times": 2}.get(unit, 3)
    diverged = int((~np.isfinite(one)).sum()), int((~np.isfinite(other)).sum())
    return Comparison(
        *(first, second, float(mean), float(low), float(high), int(finite.sum())),
        *(unit, diverged, verb, _checks.count("digits", digits, 0), confidence),
    )


def _interval(values: NDArray[np.float64], confidence: float) -> tuple[float, float, float]:
    """Return the mean between the two ends of Student's interval, or NaN of fewer than two."""
    if len(values) < 2:
        return np.nan, np.nan, np.nan
    quantile = stdtrit(len(values) - 1, (1 + confidence) / 2)
    half = float(quantile * values.std(ddof=1) / np.sqrt(len(values)))
    mean = float(values.mean())
    return mean - half, mean, mean + half


class TunedRuns(NamedTuple):
    """What `tuned_runs` found.

    Attributes
    ----------
    learning_rate : float
        The best of the grid.
    tried : dict of float to float
        Learning rate → last value of the tuning run.
    results : ndarray, shape (n_seeds, n_values)
        One row per seed, at the best learning rate.
    """

    learning_rate: float
    tried: dict[float, float]
    results: NDArray[np.float64]


def progress(items: Iterable[T], label: str | None = None) -> Iterable[T]:
    """Go through `items`, and show how far it is.

    The bar comes after two seconds and goes with the last item. It is tqdm's, and
    does not come at all where the environment variable ``TQDM_DISABLE`` is set, as it
    is where the notebooks of the course are stored and compared.

    Parameters
    ----------
    items : iterable
    label : str, optional
        What stands before the bar.

    Returns
    -------
    iterable
        The same items.

    Examples
    --------
    >>> sum(progress([1, 2, 3], "numbers"))
    6
    """
    bar = tqdm(items, label, leave=False, delay=2, file=sys.stdout, ncols=72)
    return cast(Iterable[T], bar)


def tuned_runs(
    run: Callable[[float, int], Sequence[float]],
    learning_rates: Iterable[float],
    seeds: Iterable[int],
    tuning_seed: int = 0,
) -> TunedRuns:
    """Pick the best learning rate, then repeat the run with other seeds.

    A method is compared with others at its own best learning rate. That is
    chosen with a seed of its own, so that the choice does not flatter the runs
    which are reported.

    Parameters
    ----------
    run : callable
        Takes a learning rate and a seed; returns one value per epoch, such as
        the validation accuracy. The last one counts, higher is better, and a
        NaN is the worst.
    learning_rates : iterable of float
        The grid. The first of equals wins.
    seeds : iterable of int
        For the reported runs, without `tuning_seed`.
    tuning_seed : int

    Returns
    -------
    TunedRuns

    Raises
    ------
    ValueError
        If the grid or `seeds` is empty, a seed comes twice or is the tuning
        seed, or the runs differ in length.
    """
    rates, listed = list(learning_rates), list(seeds)
    if not rates:
        raise ValueError("learning_rates is empty; give at least one")
    if not listed or len({*listed, tuning_seed}) < len(listed) + 1:
        raise ValueError(f"seeds is {listed}; it must hold seeds other than {tuning_seed}, once")
    tried = {rate: float(run(rate, tuning_seed)[-1]) for rate in progress(rates, "rates")}
    best = max(rates, key=lambda rate: np.nan_to_num(tried[rate], nan=-np.inf))
    results = [np.asarray(run(best, seed), float) for seed in progress(listed, "seeds")]
    if len({result.shape for result in results}) > 1:
        raise ValueError(f"run returned shapes {[r.shape for r in results]}; they must agree")
    return TunedRuns(best, tried, np.stack(results))


def median_and_range(values: ArrayLike, digits: int = 3) -> str:
    """Return ``"median (lowest to highest, n runs)"``.

    Parameters
    ----------
    values : array_like of float
        One value per run, at least one.
    digits : int
        After the point.

    Raises
    ------
    ValueError
        If there are no values.

    Examples
    --------
    >>> median_and_range([0.812, 0.801, 0.806])
    '0.806 (0.801 to 0.812, 3 runs)'
    """
    array = np.asarray(values, float).ravel()
    if array.size == 0:
        raise ValueError("values is empty; give at least one")
    low, middle, high = (f"{v:.{digits}f}" for v in np.quantile(array, [0, 0.5, 1]))
    return f"{middle} ({low} to {high}, {array.size} run{'s' * (array.size > 1)})"


def paired_ratio(
    first: Callable[[], object], second: Callable[[], object], repeats: int = 7
) -> NDArray[np.float64]:
    """Time two functions alternately and return the ratios first / second.

    Pairing cancels what changes slowly on a machine (clock, other programs),
    so a ratio travels between machines where seconds do not.

    Parameters
    ----------
    first, second : callable
        Without arguments. Each is called once before the clock runs.
    repeats : int
        At least 3.

    Returns
    -------
    ndarray, shape (repeats,)

    Raises
    ------
    ValueError
        If `repeats` is below 3.

    Examples
    --------
    >>> ratios = paired_ratio(lambda: sum(range(100_000)), lambda: sum(range(1_000)))
    >>> bool(np.median(ratios) > 1)
    True
    """
    if repeats < 3:
        raise ValueError(f"repeats is {repeats}; it must be >= 3")
    first(), second()
    ratios = np.empty(repeats)
    for i in progress(range(repeats), "pairs"):
        start = perf_counter()
        first()
        middle = perf_counter()
        second()
        ratios[i] = (middle - start) / (perf_counter() - middle)
    return ratios


def set_random_seed(seed: int) -> None:
    """Seed Python, NumPy, Keras and TensorFlow: ``keras.utils.set_random_seed``.

    Parameters
    ----------
    seed : int
        From 0 to 2³² − 1.
    """
    keras.utils.set_random_seed(seed)


def _seed_and_keep_kernels(seed: int) -> None:
    """Seed as `set_random_seed` does, for all but what is drawn from ``tf.random`` itself.

    For operations that count how often they drew, TensorFlow empties its cache of kernels
    at each seed, and with it all functions that were placed and optimized: the next step and
    the next evaluation take that time again, 0.2 s for two layers, 0.7 s for fifty. Keras's
    layers keep their random states in variables (`reinitialize` sets these anew), so nothing
    of theirs hangs on that cache.
    """
    from tensorflow.python import pywrap_tfe as native

    name = "TFE_ContextClearCaches"
    clear = getattr(native, name, None)  # an inner name: without it, this is only slower
    if clear is not None:
        setattr(native, name, lambda context: None)
    try:
        keras.utils.set_random_seed(seed)
    finally:
        if clear is not None:
            setattr(native, name, clear)


_started: list[int] = []  # the identity of the model that `reinitialize` last had


def _random_states(model: Any) -> list[Any]:
    return [v for v in model.variables if v.name == "seed_generator_state"]


def reinitialize(model: Any, seed: int, learning_rate: float | None = None) -> None:
    """Give a compiled model new random weights, random states and a fresh optimizer.

    It then trains as a newly built model would, but Keras does not trace the
    training step again, which for small experiments takes longer than the
    training. What you draw from ``tf.random`` yourself need not start again.

    Parameters
    ----------
    model : keras.Model
        Compiled; every layer's initializers must have been given without seeds.
    seed : int
        Passed to `set_random_seed`.
    learning_rate : float, optional
        Above 0. Default: unchanged.

    Raises
    ------
    ValueError
        If the model is not compiled or `learning_rate` is not positive.
    """
    start = perf_counter()
    gc.collect()  # earlier calls of fit leave copies of their data in cycles
    if perf_counter() - start > 0.05 and not gc.get_freeze_count():
        gc.freeze()  # what the imports made stays; searching it takes 0.2 s each time
    if not getattr(model, "compiled", False):
        raise ValueError("model is not compiled; call model.compile(...) first")
    if learning_rate is not None and not learning_rate > 0:
        raise ValueError(f"learning_rate is {learning_rate}; it must be > 0")
    if _started[-1:] == [id(model)]:
        _seed_and_keep_kernels(seed)
    else:  # another model's turn: what was kept for the last one takes memory
        keras.utils.set_random_seed(seed)
        _started[:] = [id(model)]
    clone = keras.models.clone_model(model)
    model.set_weights(clone.get_weights())
    for state, initial in zip(_random_states(model), _random_states(clone), strict=True):
        state.assign(initial)  # of dropout and noise layers: these are no weights
    optimizer = model.optimizer
    fresh = type(optimizer).from_config(optimizer.get_config())
    for old in (optimizer, fresh):
        old.build(model.trainable_variables)
    for variable, initial in zip(optimizer.variables, fresh.variables, strict=True):
        variable.assign(initial)  # not always zeros: Adagrad begins with 0.1, Nadam with 1
    if learning_rate is not None:
        optimizer.learning_rate = learning_rate


@keras.saving.register_keras_serializable(package="ch11lib")
class RateTable(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """A learning-rate schedule whose rates can be replaced.

    Keras compiles a schedule into the training step. One that reads its rates
    from a variable serves every schedule without compiling again.

    Parameters
    ----------
    rates : array_like of float, shape (n_steps,)
        One rate per step, at least one. After the last step its rate stays.

    Raises
    ------
    ValueError
        If there are no rates, or not in one row.
    """

    def __init__(self, rates: ArrayLike) -> None:
        self.rates = keras.Variable(_row(rates), trainable=False)

    def assign(self, rates: ArrayLike) -> None:
        """Take other rates, at most as many as at first; the last one stays.

        Raises
        ------
        ValueError
            If there are none or too many, or not in one row.
        """
        row, n_steps = _row(rates), self.rates.shape[0]
        if len(row) > n_steps:
            raise ValueError(f"rates has {len(row)} entries; the table has room for {n_steps}")
        self.rates.assign(np.pad(row, (0, n_steps - len(row)), mode="edge"))

    def __call__(self, step: Any) -> Any:
        """Return the learning rate at `step`, a scalar tensor."""
        last = self.rates.shape[0] - 1
        return ops.take(self.rates, ops.minimum(ops.cast(step, "int32"), last))

    def get_config(self) -> dict[str, Any]:
        """Return the argument, with the rates of now."""
        return {"rates": ops.convert_to_numpy(self.rates).tolist()}


def _row(rates: ArrayLike) -> NDArray[np.float32]:
    row = np.asarray(rates, np.float32)
    if row.ndim != 1 or not len(row):
        raise ValueError(f"rates has shape {row.shape}; it must be one row, not empty")
    return row
