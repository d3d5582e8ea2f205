"""Laws that hold for any input: trees of advice, figures, explorers, claims."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from properties import matrices

from ch11lib import claims, experiments, explore, guidelines, plots


@given(st.data())
@settings(max_examples=10, deadline=None)
def test_every_path_leads_to_its_advice(data):
    path, advice = data.draw(st.sampled_from(list(guidelines.leaves())))
    assert guidelines.advise(path) == advice
    assert guidelines.plot_tree(guidelines.TREE, path).get_label()


@given(values=matrices(low=0.125), text=st.text(min_size=1))
@settings(max_examples=10, deadline=None)
def test_figures_show_what_they_are_given(values, text):
    assume(text.strip())
    open_before = plt.get_fignums()
    runs = plots.plot_runs({"a": values})
    np.testing.assert_allclose(runs.axes[0].lines[0].get_ydata(), np.median(values, axis=0))
    for figure in (
        plots.plot_learning_curves({"a": {"val_accuracy": values[0].tolist()}}),
        plots.plot_layer_statistics({"a": values[0]}),
    ):
        np.testing.assert_allclose(figure.axes[0].lines[0].get_ydata(), values[0])
    assert plots.with_alt_text(runs, text).get_label() == text
    assert plt.get_fignums() == open_before, "no figure is left to pyplot, which would keep it"


@given(n=st.integers(1, 4), m=st.integers(1, 3), start=st.integers(0, 3))
@settings(max_examples=5, deadline=None)
def test_an_explorer_has_a_frame_per_combination(n, m, start):
    def plot(a, b):
        return plots.with_alt_text(plt.figure(figsize=(1, 1)), f"a {a}, b {b}")

    values = list(range(n))
    first = explore.Parameter(values, start=values[start % n])
    made = explore.explore(plot, a=first, b=[f"v{i}" for i in range(m)])
    alts = [frame.alt for frame in made.frames]
    assert alts == [f"a {a}, b v{b}" for a in range(n) for b in range(m)]
    assert f'alt="a {start % n}, b v0"' in made.html


@given(statement=st.text(min_size=1), holds=st.booleans())
def test_a_claim_holds_or_raises(statement, holds):
    assume(statement.strip())
    if holds:
        claims.check(statement, True)
    else:
        with pytest.raises(claims.ClaimError):
            claims.check(statement, np.bool_(False))


@given(items=st.lists(st.integers()), label=st.none() | st.text())
def test_progress_gives_the_same_items(items, label):
    assert list(experiments.progress(items, label)) == items
    assert list(experiments.progress(iter(items), label)) == items
