"""The explorer: its checks, and its two editions outside a browser."""

import base64
import io
import json
import re

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
import pytest
from IPython.core import getipython
from PIL import Image

from ch11lib.explore import Explorer, Parameter, explore
from ch11lib.plots import with_alt_text


def line(slope=1.0, kind="line", shift=0.0):
    fig, ax = plt.subplots(figsize=(4, 2))
    x = np.linspace(-1, 1)
    ax.plot(x, slope * (x if kind == "line" else x**2) + shift)
    ax.set_ylim(-3, 3)
    return with_alt_text(fig, f"A {kind} of slope {slope:g}, shifted by {shift:g}.")


def payload(explorer):
    found = re.search(r'<script type="application/json">(.*?)</script>', explorer.html, re.S)
    return json.loads(found.group(1))


def test_every_combination_has_its_frame_and_alt_text():
    explorer = explore(line, slope=[1, 2], kind=["line", "parabola"], shift=[-0.5, 0, 0.5])
    data = payload(explorer)
    assert len(data["frames"]) == len(data["alts"]) == 12
    assert data["texts"] == [["1", "2"], ["line", "parabola"], ["−0.5", "0", "0.5"]]
    assert data["alts"][0] == "A line of slope 1, shifted by -0.5."
    assert data["alts"][1 * 6 + 1 * 3 + 2] == "A parabola of slope 2, shifted by 0.5."
    assert len(set(data["frames"])) == 12


def test_frames_are_lossless_webp_small_and_of_twice_the_density():
    explorer = explore(line, slope=[-1, 0, 1])
    for frame in payload(explorer)["frames"]:
        raw = base64.b64decode(frame)
        assert raw[8:16] == b"WEBPVP8L", "VP8L is the lossless codec"
        assert len(raw) < 12_000
        assert Image.open(io.BytesIO(raw)).size == (880, 440)
    assert 'width="440" height="220"' in re.search("<img[^>]*>", explorer.html).group()
    assert 'width="440" height="220"' in explorer.widget().children[-1].value
    assert 'class="ch11-explore ch11-explore-dense"' in explorer.html


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([128, 512, 2048, 32768], ["128", "512", "2048", "32768"]),
        ([55000, 55001], ["55000", "55001"]),
        ([1, 1.00001], ["1", "1.00001"]),
        (np.linspace(0, 1, 11)[[0, 3, 6]], ["0", "0.3", "0.6"]),
        (np.sqrt([0.5, 2.0, 200.0]), ["0.7071", "1.414", "14.14"]),
        ([-1e-5, 1e-5, 3e8], ["−1e−05", "1e−05", "3e+08"]),
    ],
)
def test_numbers_are_shown_whole_and_apart(values, texts):
    control = explore(lambda slope: line(), slope=values).controls[0]
    assert list(control.texts) == texts


@pytest.mark.parametrize(
    ("values", "start", "index"),
    [
        (np.linspace(0, 1, 11), 0.3, 3),
        (np.float32([0.1, 0.2, 0.7]), 0.7, 2),
        (np.arange(-1, 1.05, 0.1), 0, 10),
        ([55000, 55001], 55001, 1),
        ([1e-12, 1e-11], 1e-11, 1),
    ],
)
def test_starts_at_a_number_up_to_rounding(values, start, index):
    assert (
        explore(lambda slope: line(), slope=Parameter(values, start=start)).controls[0].start
        == index
    )


def test_starts_where_asked():
    explorer = explore(line, slope=Parameter([1, 2, 4], start=2), kind=["line", "parabola"])
    html = explorer.html
    assert '<figcaption role="status">A line of slope 2, shifted by 0.</figcaption>' in html
    assert 'alt="A line of slope 2, shifted by 0."' in html
    assert 'value="1" aria-label="Slope" aria-valuetext="2"' in html


def test_labels_units_and_numpy_values():
    explorer = explore(line, slope=Parameter(np.float32([0.5, 1]), label="Rise & run", unit="m"))
    assert "Rise &amp; run: <output>0.5\N{NO-BREAK SPACE}m</output>" in explorer.html
    assert explorer.controls[0].values == (0.5, 1.0)
    assert type(explorer.controls[0].values[0]) is float


def test_nothing_in_the_alt_text_can_break_the_page():
    def plot(n):
        fig, _ = plt.subplots()
        return with_alt_text(fig, f'</script><b>"{n}"</b> & more')

    explorer = explore(plot, n=[1, 2])
    assert payload(explorer)["alts"][1] == '</script><b>"2"</b> & more'
    assert "<b>" not in explorer.html.replace(r"<\/script><b>", "")


def test_same_call_same_bytes():
    assert explore(line, slope=[1, 2]).html == explore(line, slope=[1, 2]).html


def test_figures_are_closed():
    open_before = plt.get_fignums()
    explore(line, slope=[1, 2])
    assert plt.get_fignums() == open_before


def test_without_a_kernel_only_the_static_edition():
    bundle = explore(line, slope=[1, 2])._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}
    assert bundle["text/plain"] == "Explorer of Slope: 2 frames"


def test_with_a_kernel_both_editions(monkeypatch):
    class Shell:
        kernel = object()

    monkeypatch.setattr(getipython, "get_ipython", Shell)
    bundle = explore(line, slope=[1, 2])._repr_mimebundle_(include=None, exclude=None)
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert 'class="ch11-explore ' in bundle["text/html"]


def test_live_control_recomputes():
    calls = []

    def plot(slope, kind):
        calls.append((slope, kind))
        return line(slope, kind)

    box = explore(plot, slope=Parameter([1, 2, 3], start=2), kind=["line", "parabola"]).widget()
    slider, buttons, view = box.children
    assert isinstance(slider, ipywidgets.SelectionSlider)
    assert isinstance(buttons, ipywidgets.ToggleButtons)
    assert slider.value == 2
    before, calls[:] = view.value, []
    slider.value = 3
    buttons.value = "parabola"
    assert calls == [(3, "line"), (3, "parabola")]
    assert view.value != before
    assert 'alt="A parabola of slope 3, shifted by 0."' in view.value


def test_live_control_shows_an_error_and_goes_on():
    broken = []

    def plot(slope):
        if broken:
            raise RuntimeError("no <b>luck</b>")
        return line(slope)

    slider, view = explore(plot, slope=[1, 2]).widget().children
    broken.append(1)
    slider.value = 2
    assert "role='alert'" in view.value
    assert "no &lt;b&gt;luck&lt;/b&gt;" in view.value
    broken.clear()
    slider.value = 1
    assert "slope 1" in view.value


def no_description(slope):
    return plt.figure()


def growing_figure(slope):
    return with_alt_text(plt.figure(figsize=(slope, 1)), "An empty figure.")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: explore("line", slope=[1]), TypeError, "plot is 'line'"),
        (lambda: explore(line), ValueError, "got 0 parameters"),
        (lambda: explore(dict, a=[1], b=[1], c=[1], d=[1]), ValueError, "got 4 parameters"),
        (lambda: explore(line, tilt=[1]), TypeError, r"does not take the parameters \['tilt'\]"),
        (lambda: explore(lambda a, b: line(), a=[1]), TypeError, "missing a required argument"),
        (lambda: explore(line, slope=[]), ValueError, "slope has no values"),
        (lambda: explore(line, slope="steep"), TypeError, "slope is 'steep'; give a list"),
        (lambda: explore(line, slope=3), TypeError, "slope is 3; give a list"),
        (lambda: explore(line, slope=[1, "2"]), TypeError, "all numbers or all strings"),
        (lambda: explore(line, slope=[True, False]), TypeError, "all numbers or all strings"),
        (lambda: explore(line, slope=[1, np.nan]), ValueError, "must be finite"),
        (lambda: explore(line, slope=[1, 1.0]), ValueError, "has a value twice"),
        (lambda: explore(line, slope=Parameter([1], start=2)), ValueError, "start of slope is 2"),
        (
            lambda: explore(line, slope=Parameter([1], start="1")),
            ValueError,
            "start of slope is '1'",
        ),
        (
            lambda: explore(line, slope=Parameter([1, 2], start=1.1)),
            ValueError,
            "start of slope is 1.1",
        ),
        (
            lambda: explore(growing_figure, slope=[1, 2]),
            ValueError,
            r"\(220, 110\) pixels, the first \(110, 110\)",
        ),
        (
            lambda: explore(line, slope=Parameter([1], "A"), shift=Parameter([1], "A")),
            ValueError,
            "two parameters share a label",
        ),
        (
            lambda: explore(line, slope=range(21), shift=range(20)),
            ValueError,
            "420 frames; at most 400",
        ),
        (
            lambda: explore(lambda slope: None, slope=[1]),
            TypeError,
            "returned NoneType for slope=1",
        ),
        (lambda: explore(lambda slope: 1 / slope, slope=[0]), ValueError, "ZeroDivisionError"),
        (lambda: explore(no_description, slope=[1]), ValueError, "has no description"),
    ],
)
def test_bad_input_says_what_to_change(call, error, message):
    with pytest.raises(error, match=message):
        call()
    plt.close("all")


def test_400_frames_are_allowed():
    def plot(a, b):
        fig = plt.figure(figsize=(0.2, 0.2))
        return with_alt_text(fig, f"{a} {b}")

    assert isinstance(explore(plot, a=range(20), b=range(20)), Explorer)
