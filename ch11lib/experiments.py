"""Comparisons over several seeds, with their spread.

One run says little: another seed may turn a ranking round. These helpers
repeat a run, collect its results and say how far they scatter.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["best_setting", "over_seeds", "paired_ratio", "reinitialize", "spread"]


def over_seeds(
    run: Callable[[int], Sequence[float] | float], seeds: Iterable[int]
) -> NDArray[np.float64]:
    """Call `run` once per seed and stack what it returns.

    Before each call the random generators of Python, NumPy and the Keras
    backend are seeded, and afterwards Keras's global state is cleared, so a
    result depends on its seed alone, not on the runs before it.

    Parameters
    ----------
    run : callable
        Takes the seed, returns a number or a sequence of fixed length.
    seeds : iterable of int

    Returns
    -------
    ndarray, shape (n_seeds,) or (n_seeds, n_values)

    Raises
    ------
    ValueError
        If there are no seeds, one comes twice, or the lengths differ.
    """
    import keras

    listed = list(seeds)
    if not listed or len(set(listed)) < len(listed):
        raise ValueError(f"seeds is {listed}; it must hold at least one seed, none twice")
    results = []
    for seed in listed:
        keras.utils.set_random_seed(seed)
        results.append(np.asarray(run(seed), dtype=float))
        keras.backend.clear_session()
    if len({result.shape for result in results}) > 1:
        raise ValueError(f"run returned shapes {[r.shape for r in results]}; they must agree")
    return np.stack(results)


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


def best_setting(results: Mapping[float, ArrayLike]) -> float:
    """Return the setting, such as a learning rate, whose median result is highest.

    A NaN counts as the worst result, and the first of equals wins.

    Raises
    ------
    ValueError
        If `results` is empty or every result is NaN.
    """
    medians = {
        setting: float(np.median(np.nan_to_num(np.asarray(values, float), nan=-np.inf)))
        for setting, values in results.items()
    }
    if not medians or max(medians.values()) == -np.inf:
        raise ValueError(f"results is {dict(results)}; it needs one setting with a finite median")
    return max(medians, key=lambda setting: medians[setting])


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
    for i in range(repeats):
        start = perf_counter()
        first()
        middle = perf_counter()
        second()
        ratios[i] = (middle - start) / (perf_counter() - middle)
    return ratios


def reinitialize(model: Any, seed: int, learning_rate: float | None = None) -> None:
    """Give a compiled model new random weights and a fresh optimizer.

    It then trains as a newly built model would, but Keras does not trace the
    training step again, which for small experiments takes longer than the
    training.

    Parameters
    ----------
    model : keras.Model
        Compiled; every layer's initializers must have been given without seeds.
    seed : int
        Passed to ``keras.utils.set_random_seed``.
    learning_rate : float, optional
        Above 0. Default: unchanged.

    Raises
    ------
    ValueError
        If the model is not compiled or `learning_rate` is not positive.
    """
    import keras

    if not getattr(model, "compiled", False):
        raise ValueError("model is not compiled; call model.compile(...) first")
    if learning_rate is not None and not learning_rate > 0:
        raise ValueError(f"learning_rate is {learning_rate}; it must be > 0")
    keras.utils.set_random_seed(seed)
    model.set_weights(keras.models.clone_model(model).get_weights())
    optimizer = model.optimizer
    rate = learning_rate or float(optimizer.learning_rate)
    optimizer.build(model.trainable_variables)
    for variable in optimizer.variables:
        variable.assign(keras.ops.zeros_like(variable))
    optimizer.learning_rate = rate
