"""Figures show the numbers they were given, and carry alt text."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from ch11lib import plots


@pytest.fixture(autouse=True)
def course_style():
    open_before = plt.get_fignums()
    with plt.style.context("ch11lib.course"):
        yield
    assert plt.get_fignums() == open_before, "a figure left open would be shown twice in a notebook"


def test_describe_sets_the_alt_text_and_closes():
    figure = plt.figure()
    assert plots.with_alt_text(figure, "A line.") is figure
    assert figure.get_label() == "A line."


def test_learning_curves():
    histories = {"a": {"loss": [3.0, 2.0]}, "b": {"loss": [4.0, 1.0, 0.5]}}
    (axes,) = plots.plot_learning_curves(histories, "loss").axes
    curves = [(line.get_label(), *line.get_data()) for line in axes.lines]
    assert [label for label, _, _ in curves] == ["a", "b"]
    np.testing.assert_array_equal(curves[1][1], [1, 2, 3])
    np.testing.assert_array_equal(curves[1][2], [4.0, 1.0, 0.5])
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", "loss")
    assert axes.get_legend() is not None


def test_runs_show_median_and_range():
    values = np.array([[1.0, 5.0], [2.0, 9.0], [6.0, 7.0]])
    (axes,) = plots.plot_runs({"m": values}, x=[10, 20], xlabel="step", ylabel="loss").axes
    np.testing.assert_array_equal(axes.lines[0].get_data(), [[10, 20], [2.0, 7.0]])
    band = axes.collections[0].get_paths()[0].vertices
    assert band[:, 1].min() == 1.0
    assert band[:, 1].max() == 9.0
    assert axes.get_legend() is None, "one curve needs no legend"


def test_layer_statistics():
    (axes,) = plots.plot_layer_statistics({"g": [1.0, 0.1, 0.01]}, ylabel="norm").axes
    np.testing.assert_array_equal(axes.lines[0].get_data(), [[1, 2, 3], [1.0, 0.1, 0.01]])
    assert axes.get_yscale() == "log"
    (axes,) = plots.plot_layer_statistics({"g": [1.0, 0.0]}, log=False).axes
    assert axes.get_yscale() == "linear"


def test_lines_differ_without_colour():
    """The style gives each line its own dashes, for a grey print."""
    styles = [entry["linestyle"] for entry in plt.rcParams["axes.prop_cycle"]]
    assert len(styles) == len({str(style) for style in styles}) >= 6


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plots.with_alt_text(Figure(), " "), "text is ' '"),
        (lambda: plots.plot_learning_curves({}), "histories is empty"),
        (lambda: plots.plot_learning_curves({"a": {"loss": [1]}}, "auc"), "metric is 'auc'"),
        (lambda: plots.plot_runs({}), "runs is empty"),
        (lambda: plots.plot_runs({"a": []}), r"runs\['a'\] has no values"),
        (lambda: plots.plot_runs({"a": [1.0, 2.0]}), r"runs\['a'\] has shape \(2,\)"),
        (lambda: plots.plot_runs({"a": [[1.0, 2.0]]}, x=[1]), "x has 1 points"),
        (lambda: plots.plot_layer_statistics({"a": [1.0, 0.0]}), "set log=False"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_describe_wants_a_figure():
    with pytest.raises(TypeError, match="figure is a str"):
        plots.with_alt_text("figure", "A line.")
