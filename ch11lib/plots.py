"""Figures from results: learning curves, repeated runs, statistics per layer.

NumPy and Matplotlib only. Each function returns a ``matplotlib.figure.Figure`` that
it has closed in pyplot, so that a notebook shows it once, as the value of the cell.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

__all__ = [
    "plot_layer_statistics",
    "plot_learning_curves",
    "plot_runs",
    "with_alt_text",
]


def with_alt_text(figure: Figure, text: str) -> Figure:
    """Give `figure` its alt text, close it in pyplot and return it.

    A figure that is closed is not shown a second time at the end of the cell. It can
    still be displayed, saved and drawn on.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    text : str
        One or two sentences that say what is to be seen, for a reader who
        cannot see it.

    Returns
    -------
    matplotlib.figure.Figure
        The same figure, with `text` as its label.

    Raises
    ------
    TypeError
        If `figure` is not a matplotlib figure.
    ValueError
        If `text` is empty.

    Examples
    --------
    >>> figure = with_alt_text(plt.figure(), "An empty figure.")
    >>> figure.get_label(), plt.fignum_exists(figure.number)
    ('An empty figure.', False)
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

    Returns
    -------
    matplotlib.figure.Figure
        One curve for each history; whole epochs, from 1, on the horizontal axis.

    Raises
    ------
    ValueError
        If `histories` is empty or one lacks `metric`.

    Examples
    --------
    >>> figure = plot_learning_curves({"SGD": {"loss": [0.9, 0.5]}}, metric="loss")
    >>> figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()
    ('epoch', 'loss')
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

    Returns
    -------
    matplotlib.figure.Figure
        For each label a line through the medians over the seeds, and a band from the
        lowest to the highest value.

    Raises
    ------
    ValueError
        If `runs` is empty, an entry has not two dimensions, or `x` does not fit.

    Examples
    --------
    >>> figure = plot_runs({"SGD": [[0.5, 0.7], [0.6, 0.9], [0.1, 0.8]]})
    >>> figure.axes[0].lines[0].get_ydata()
    array([0.5, 0.8])
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

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If `statistics` is empty, or not positive although `log` is set.

    Examples
    --------
    >>> figure = plot_layer_statistics({"sigmoid": [1.0, 0.25, 0.0625]})
    >>> figure.axes[0].get_yscale()
    'log'
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
