"""Figures from results: learning curves, statistics per layer, activations.

Each function returns a ``matplotlib.figure.Figure`` that no longer hangs on
pyplot, so a notebook shows it once, as the value of the cell.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from ch11lib.activations import Activation

__all__ = [
    "describe",
    "plot_activations",
    "plot_layer_statistics",
    "plot_learning_curves",
    "plot_runs",
]


def describe(figure: Figure, text: str) -> Figure:
    """Give `figure` its alt text, close it in pyplot and return it.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    text : str
        One or two sentences that say what is to be seen, for a reader who
        cannot see it.

    Raises
    ------
    TypeError
        If `figure` is no matplotlib figure.
    ValueError
        If `text` is empty.
    """
    if not isinstance(figure, Figure):
        raise TypeError(f"figure is a {type(figure).__name__}; it must be a matplotlib Figure")
    if not text.strip():
        raise ValueError(f"text is {text!r}; it must say what the figure shows")
    figure.set_label(text)
    plt.close(figure)
    return figure


def _check_curves(name: str, curves: Mapping[str, Any]) -> None:
    """Raise unless there is at least one curve with at least one value."""
    if not curves:
        raise ValueError(f"{name} is empty; give at least one curve")
    for label, values in curves.items():
        if np.size(values) == 0:
            raise ValueError(f"{name}[{label!r}] has no values")


def _finish(figure: Figure, axes: Axes, labels: tuple[str, str]) -> Figure:
    """Label the axes, add a legend where there are several curves, close."""
    axes.set(xlabel=labels[0], ylabel=labels[1])
    if len(axes.get_legend_handles_labels()[1]) > 1:
        axes.legend()
    plt.close(figure)
    return figure


def plot_learning_curves(
    histories: Mapping[str, Mapping[str, Sequence[float]]], metric: str = "val_accuracy"
) -> Figure:
    """Plot one metric of several trainings against the epoch.

    Parameters
    ----------
    histories : mapping of str to mapping
        Label → ``history.history`` of ``model.fit``.
    metric : str
        A key that every history has.

    Raises
    ------
    ValueError
        If `histories` is empty or one lacks `metric`.
    """
    _check_curves("histories", histories)
    for label, history in histories.items():
        if metric not in history:
            raise ValueError(f"metric is {metric!r}; {label!r} has only {sorted(history)}")
    figure, axes = plt.subplots()
    for label, history in histories.items():
        values = history[metric]
        axes.plot(np.arange(1, len(values) + 1), values, label=label)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return _finish(figure, axes, ("epoch", metric.replace("_", " ")))


def plot_runs(
    runs: Mapping[str, ArrayLike],
    x: ArrayLike | None = None,
    xlabel: str = "epoch",
    ylabel: str = "validation accuracy",
) -> Figure:
    """Plot the median of repeated runs with a band from the worst to the best.

    Parameters
    ----------
    runs : mapping of str to array_like, shape (n_seeds, n_points)
        Label → one row per seed.
    x : array_like, shape (n_points,), optional
        Default: 1, 2, 3, …
    xlabel, ylabel : str

    Raises
    ------
    ValueError
        If `runs` is empty, an entry has not two dimensions, or `x` does not fit.
    """
    _check_curves("runs", runs)
    arrays = {label: np.asarray(values, float) for label, values in runs.items()}
    for label, array in arrays.items():
        if array.ndim != 2:
            raise ValueError(
                f"runs[{label!r}] has shape {array.shape}; it must be (n_seeds, n_points)"
            )
        if x is not None and np.size(x) != array.shape[1]:
            raise ValueError(f"x has {np.size(x)} points and runs[{label!r}] {array.shape[1]}")
    figure, axes = plt.subplots()
    for label, array in arrays.items():
        points = np.arange(1, array.shape[1] + 1) if x is None else np.asarray(x)
        (line,) = axes.plot(points, np.median(array, axis=0), label=label)
        band = array.min(axis=0), array.max(axis=0)
        axes.fill_between(points, *band, alpha=0.2, color=line.get_color(), linewidth=0)
    return _finish(figure, axes, (xlabel, ylabel))


def plot_layer_statistics(
    statistics: Mapping[str, ArrayLike],
    ylabel: str = "standard deviation",
    log: bool = True,
) -> Figure:
    """Plot one number per layer, from the input side to the output side.

    Parameters
    ----------
    statistics : mapping of str to array_like, shape (n_layers,)
        Label → values of layer 1, 2, 3, …
    ylabel : str
    log : bool
        Logarithmic vertical axis, where equal factors are equal distances.

    Raises
    ------
    ValueError
        If `statistics` is empty, or not positive although `log` is set.
    """
    _check_curves("statistics", statistics)
    arrays = {label: np.asarray(values, float) for label, values in statistics.items()}
    for label, values in arrays.items():
        if log and not (values > 0).all():
            raise ValueError(f"statistics[{label!r}] has values <= 0; set log=False")
    figure, axes = plt.subplots()
    for label, values in arrays.items():
        axes.plot(np.arange(1, len(values) + 1), values, marker="o", label=label)
    if log:
        axes.set_yscale("log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return _finish(figure, axes, ("layer (1 is next to the input)", ylabel))


def plot_activations(
    activations: Iterable[Activation], limits: tuple[float, float] = (-4, 4)
) -> Figure:
    """Plot activation functions on the left and their derivatives on the right.

    Parameters
    ----------
    activations : iterable of Activation
        From `ch11lib.activations.get`.
    limits : tuple of float
        Smallest and largest z.

    Raises
    ------
    ValueError
        If there are none, or the limits are not in order.
    """
    listed = list(activations)
    if not listed:
        raise ValueError("activations is empty; give at least one")
    if not limits[0] < limits[1]:
        raise ValueError(f"limits is {limits}; the first must be below the second")
    z = np.linspace(*limits, 801)
    figure, (left, right) = plt.subplots(1, 2)
    for activation in listed:
        left.plot(z, activation(z), label=activation.name)
        right.plot(z, activation.derivative(z), label=activation.name)
    left.set(xlabel="z", title="value φ(z)")
    right.set(xlabel="z", title="derivative φ′(z)")
    left.legend()
    plt.close(figure)
    return figure
