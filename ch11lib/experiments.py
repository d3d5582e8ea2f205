"""Comparisons over several seeds, with their spread.

One run says little: another seed may turn a ranking round. These helpers
repeat a run, collect its results and say how far they scatter.
"""

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from ch11lib._experiments_keras import RateTable

__all__ = [
    "RateTable",
    "TunedRuns",
    "paired_ratio",
    "progress",
    "reinitialize",
    "set_random_seed",
    "spread",
    "tuned_runs",
]

T = TypeVar("T")


def __getattr__(name: str) -> Any:
    """Import Keras, and with it `RateTable`, on first use."""
    if name == "RateTable":
        from ch11lib._experiments_keras import RateTable

        return RateTable
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


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
    """
    from tqdm import tqdm

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


def spread(values: ArrayLike, digits: int = 3) -> str:
    """Return ``"median (lowest to highest, n runs)"``.

    Raises
    ------
    ValueError
        If there are no values.
    """
    array = np.asarray(values, float).ravel()
    if array.size == 0:
        raise ValueError("values is empty; give at least one")
    low, middle, high = (f"{v:.{digits}f}" for v in np.quantile(array, [0, 0.5, 1]))
    return f"{middle} ({low} to {high}, {array.size} runs)"


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
    """
    from time import perf_counter

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
    """Seed everything, and keep what TensorFlow has made ready to run.

    ``keras.utils.set_random_seed`` does the first. For operations that count how often
    they drew, TensorFlow then also empties its cache of kernels, and with it all functions
    that were placed and optimized: the next step and the next evaluation take that time
    again, 0.2 s for two layers, 0.7 s for fifty. Keras's layers keep their random states
    in variables (`reinitialize` sets these anew), so nothing of theirs hangs on that cache.

    Parameters
    ----------
    seed : int
    """
    import keras
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
    training.

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
    import gc
    from time import perf_counter

    import keras

    start = perf_counter()
    gc.collect()  # earlier calls of fit leave copies of their data in cycles
    if perf_counter() - start > 0.05 and not gc.get_freeze_count():
        gc.freeze()  # what the imports made stays; searching it takes 0.2 s each time
    if not getattr(model, "compiled", False):
        raise ValueError("model is not compiled; call model.compile(...) first")
    if learning_rate is not None and not learning_rate > 0:
        raise ValueError(f"learning_rate is {learning_rate}; it must be > 0")
    if _started[-1:] == [id(model)]:
        set_random_seed(seed)
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
