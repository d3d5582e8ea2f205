"""A widget that is alive with a kernel and without one.

NumPy and Matplotlib only; the live controls are those of ipywidgets, 7.7 (on Colab) or
8. `explore` shows a figure with a control for each parameter, in two editions. With a
kernel (JupyterLab, Binder, Colab, VS Code) an ipywidgets control calls the plotting
function again. On a static page a self-contained ``<figure>`` with native HTML controls
switches between frames that were drawn beforehand: no kernel, no network, no
third-party script. Its style and script are in assets/.
"""

import base64
import inspect
import io
import itertools
import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
from IPython.core import getipython
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

__all__ = ["Explorer", "Parameter", "explore"]

ASSETS = Path(__file__).parent / "assets"
STYLE = (ASSETS / "explore.css").read_text(encoding="utf-8").strip()
SCRIPT = (ASSETS / "explore.js").read_text(encoding="utf-8").strip()
PREFIX = "data:image/webp;base64,"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
DPI = 110  # of the page: a figure of 6.4 inches is 704 pixels wide
DENSITY = 2  # pixels of a frame for each pixel of the page, for screens that show both
COLORS = 32
MAX_FRAMES = 400
MAX_PARAMETERS = 3
Plot = Callable[..., Figure]
Value = float | int | str


@dataclass(frozen=True)
class Parameter:
    """The values that one control offers, and how it shows them.

    Parameters
    ----------
    values : iterable of float or of str
        At least one, all different. Numbers become a slider, strings a group
        of buttons.
    label : str, optional
        Default: the name of the argument, underscores as blanks.
    unit : str
        Shown behind the value.
    start : float or str, optional
        Value shown first: one of `values`, numbers up to rounding. Default: the first.

    Examples
    --------
    >>> slider = Parameter(np.linspace(0, 1, 11), label="Rate", start=0.3)
    >>> slider.start
    0.3
    """

    values: Iterable[Value]
    label: str = ""
    unit: str = ""
    start: Value | None = None


@dataclass(frozen=True)
class Control:
    """One control: the values, their texts, the index shown first."""

    name: str
    label: str
    values: tuple[Value, ...]
    texts: tuple[str, ...]
    start: int

    @property
    def is_slider(self) -> bool:
        """Whether the values are numbers."""
        return not isinstance(self.values[0], str)

    def html(self) -> str:
        """Return the native HTML control."""
        label = escape(self.label)
        if self.is_slider:
            text = escape(self.texts[self.start])
            return (
                f'<div class="control"><label>{label}: <output>{text}</output>'
                f'<input type="range" min="0" max="{len(self.values) - 1}" step="1" '
                f'value="{self.start}" aria-label="{label}" aria-valuetext="{text}">'
                "</label></div>"
            )
        choices = "".join(
            f'<label class="choice"><input type="radio" name="{escape(self.name)}"'
            f"{' checked' if i == self.start else ''}>{escape(text)}</label>"
            for i, text in enumerate(self.texts)
        )
        return f'<fieldset class="control"><legend>{label}</legend>{choices}</fieldset>'

    def widget(self) -> Any:
        """Return the ipywidgets control."""
        kind = ipywidgets.SelectionSlider if self.is_slider else ipywidgets.ToggleButtons
        return kind(
            options=list(zip(self.texts, self.values, strict=True)),
            value=self.values[self.start],
            description=self.label,
            style={"description_width": "initial"},
            layout={"width": "auto", "max_width": "36rem"},
        )


class Frame(NamedTuple):
    """One picture: base64 of a WebP image, its size on the page in pixels, its alt text."""

    image: str
    size: tuple[int, int]
    alt: str

    def html(self) -> str:
        """Return the ``<img>``."""
        width, height = self.size
        source = f'src="{PREFIX}{self.image}" width="{width}" height="{height}"'
        return f'<img {source} alt="{escape(self.alt)}" style="max-width:100%;height:auto">'


def _control(name: str, given: Any) -> Control:
    """Check what was given for parameter `name`."""
    if isinstance(given, str) or not isinstance(given, Parameter | Iterable):
        raise TypeError(
            f"{name} is {given!r}; give a list or array of its values, or a Parameter(...)"
        )
    parameter = given if isinstance(given, Parameter) else Parameter(given)
    raw = list(parameter.values)
    values = tuple(v.item() if isinstance(v, np.generic) else v for v in raw)
    if not values:
        raise ValueError(f"{name} has no values; give at least one")
    is_text = [isinstance(v, str) for v in values]
    is_number = [isinstance(v, int | float) and not isinstance(v, bool) for v in values]
    if not (all(is_text) or all(is_number)):
        raise TypeError(f"{name} has values {raw}; they must be all numbers or all strings")
    if all(is_number) and not np.isfinite(np.array(values, float)).all():
        raise ValueError(f"{name} has values {raw}; they must be finite")
    if len(set(values)) < len(values):
        raise ValueError(f"{name} has a value twice in {raw}; make them distinct")
    start = 0 if parameter.start is None else _index(values, parameter.start)
    if start is None:
        raise ValueError(f"start of {name} is {parameter.start!r}; it must be one of {values}")
    shown = [str(v) for v in values] if all(is_text) else _numbers(values)
    texts = tuple(f"{s}\N{NO-BREAK SPACE}{parameter.unit}" if parameter.unit else s for s in shown)
    label = parameter.label or name.replace("_", " ").capitalize()
    return Control(name, label, values, texts, start)


def _index(values: tuple[Any, ...], start: Any) -> int | None:
    """Return where `start` is among `values`, numbers up to rounding; else None."""
    if start in values:
        return values.index(start)
    if isinstance(start, str) or isinstance(values[0], str):
        return None
    nearest = min(values, key=lambda value: abs(value - start))
    rounding = 1e-9 * max(abs(value) for value in values)
    near = math.isclose(nearest, start, rel_tol=1e-6, abs_tol=rounding)
    return values.index(nearest) if near else None


def _numbers(values: tuple[Any, ...]) -> list[str]:
    """Return numbers as text: four digits, or as many as tell all of them apart."""
    for digits in range(4, 18):
        texts = [
            f"{value:.0f}" if value == round(value) and abs(value) < 1e7 else f"{value:.{digits}g}"
            for value in values
        ]
        if len(set(texts)) == len(values):
            break
    return [text.replace("-", "\N{MINUS SIGN}") for text in texts]


def _webp(figure: Figure) -> str:
    """Return `figure` as base64 of a WebP image of twice the density.

    The compression is lossless. A palette of 32 colors beforehand shares the
    hundreds of grey steps along each line's edge, which halves the size.
    """
    png, compressed = io.BytesIO(), io.BytesIO()
    figure.savefig(png, format="png", dpi=DENSITY * DPI)
    FigureCanvasAgg(figure)  # an empty canvas takes the place of one with 4 MB of pixels
    image = Image.open(png).convert("RGB")
    image = image.quantize(COLORS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    image.convert("RGB").save(compressed, "webp", lossless=True, quality=50)
    return base64.b64encode(compressed.getvalue()).decode("ascii")


class Explorer:
    """What `explore` returns; showing it in a cell shows the widget.

    Parameters
    ----------
    plot : callable
        Called with a value for each control, by keyword; returns a described figure.
    controls : list of Control
        Made by `explore`, which also checks them.

    Attributes
    ----------
    controls : list of Control
    frames : list of Frame
        One for each combination of values; that of the last control changes fastest.

    Raises
    ------
    TypeError
        If `plot` does not return a figure.
    ValueError
        If `plot` raises, or a figure has no alt text or another size than the first.

    Examples
    --------
    >>> from ch11lib.plots import with_alt_text
    >>> def plot(n):
    ...     return with_alt_text(plt.figure(figsize=(n, 1)), f"{n} inches.")
    >>> explore(plot, n=[2])
    Explorer of N: 1 frames
    """

    def __init__(self, plot: Plot, controls: list[Control]) -> None:
        self._plot = plot
        self.controls = controls
        self.frames: list[Frame] = []
        for values in itertools.product(*(control.values for control in controls)):
            frame = self.draw(values)
            first = self.frames[0] if self.frames else frame
            if frame.size != first.size:
                raise ValueError(
                    f"the figure for {values} has {frame.size} pixels, the first {first.size}; "
                    "give all the same figsize, or the page jumps"
                )
            self.frames.append(frame)

    def draw(self, values: Iterable[Value]) -> Frame:
        """Call the plot for `values`, one for each control, and return its frame."""
        arguments = {c.name: v for c, v in zip(self.controls, values, strict=True)}
        call = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
        try:
            figure = self._plot(**arguments)
        except Exception as error:
            raise ValueError(
                f"plot raised {type(error).__name__} for {call}: {error}. "
                "Make it work for every value, or leave this one out"
            ) from error
        if not isinstance(figure, Figure):
            raise TypeError(
                f"plot returned {type(figure).__name__} for {call}; "
                "end it with 'return with_alt_text(fig, ...)', a matplotlib Figure"
            )
        plt.close(figure)
        alt = str(figure.get_label()).strip()
        if not alt:
            raise ValueError(
                f"the figure for {call} has no description; say what is to be seen with "
                "ch11lib.plots.with_alt_text(fig, 'The curve ...')"
            )
        width, height = (round(DPI * float(side)) for side in figure.get_size_inches())
        return Frame(_webp(figure), (width, height), alt)

    @property
    def html(self) -> str:
        """The edition for pages without a kernel."""
        start = 0
        for control in self.controls:
            start = start * len(control.values) + control.start
        data = {
            "prefix": PREFIX,
            "texts": [control.texts for control in self.controls],
            "alts": [frame.alt for frame in self.frames],
            "frames": [frame.image for frame in self.frames],
        }
        payload = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
        payload = payload.replace("</", r"<\/")  # nothing may close the script early
        controls = "".join(control.html() for control in self.controls)
        return (
            f'<figure class="ch11-explore ch11-explore-dense"><style>{STYLE}</style>'
            f'<div class="controls">{controls}</div>'
            f"{self.frames[start].html()}"
            f'<figcaption role="status">{escape(self.frames[start].alt)}</figcaption>'
            '<p class="asleep">Run this cell to wake the controls.</p>'
            f'<script type="application/json">{payload}</script>'
            f"<script>{SCRIPT}</script></figure>"
        )

    def widget(self) -> Any:
        """Return the live edition, an ``ipywidgets.VBox`` that recomputes."""
        view = ipywidgets.HTML()
        inputs = [control.widget() for control in self.controls]

        def update(_: object = None) -> None:
            try:
                frame = self.draw([control.value for control in inputs])
            except (TypeError, ValueError) as error:
                view.value = f"<p role='alert'>{escape(str(error))}</p>"
                return
            view.value = f'{frame.html()}<p role="status">{escape(frame.alt)}</p>'

        for control in inputs:
            control.observe(update, "value")
        update()
        return ipywidgets.VBox([*inputs, view])

    def __repr__(self) -> str:
        return (
            f"Explorer of {' × '.join(c.label for c in self.controls)}: {len(self.frames)} frames"
        )

    def _repr_mimebundle_(self, **_: object) -> Mapping[str, Any]:
        """Return both editions; each front end takes the one it can show."""
        bundle: dict[str, Any] = {"text/plain": repr(self), "text/html": self.html}
        if hasattr(getipython.get_ipython(), "kernel"):
            # What a widget shows of itself differs between ipywidgets 7 and 8; this is in both.
            model = self.widget().model_id
            bundle[WIDGET_VIEW] = {"version_major": 2, "version_minor": 0, "model_id": model}
        return bundle


def explore(plot: Plot, /, **parameters: Any) -> Explorer:
    """Show the figure that `plot` draws, with a control for each parameter.

    Parameters
    ----------
    plot : callable
        Called with one value per parameter, by keyword. Returns a matplotlib
        figure whose alt text was set by `ch11lib.plots.with_alt_text`, always of the
        same size.
    **parameters : iterable of float, iterable of str, or Parameter
        One to three, named as the arguments of `plot`; at most 400
        combinations in all. A slider shows numbers, buttons show strings.

    Returns
    -------
    Explorer
        Displays itself as the last expression of a cell.

    Raises
    ------
    TypeError
        If `plot` is not callable, lacks an argument, or returns no figure; if
        values are neither all numbers nor all strings.
    ValueError
        If there are no parameters or too many, no values or too many frames, a
        value or label twice; if `plot` raises, or its figure has no alt text or
        another size than the first.

    Examples
    --------
    >>> from ch11lib.plots import with_alt_text
    >>> def plot(slope):
    ...     fig, ax = plt.subplots(figsize=(2, 1))
    ...     ax.plot([0, 1], [0, slope])
    ...     return with_alt_text(fig, f"A line of slope {slope}.")
    >>> explore(plot, slope=[1, 2, 4])
    Explorer of Slope: 3 frames
    """
    if not callable(plot):
        raise TypeError(f"plot is {plot!r}; it must be a function that returns a figure")
    if not 1 <= len(parameters) <= MAX_PARAMETERS:
        raise ValueError(
            f"explore got {len(parameters)} parameters; it takes 1 to {MAX_PARAMETERS}"
        )
    try:
        inspect.signature(plot).bind(**parameters)
    except TypeError as error:
        raise TypeError(f"plot does not take the parameters {list(parameters)}: {error}") from None
    controls = [_control(name, given) for name, given in parameters.items()]
    labels = [control.label for control in controls]
    if len(set(labels)) < len(labels):
        raise ValueError(f"two parameters share a label in {labels}; name them differently")
    n_frames = math.prod(len(control.values) for control in controls)
    if n_frames > MAX_FRAMES:
        raise ValueError(
            f"the values combine to {n_frames} frames; at most {MAX_FRAMES} fit a page. "
            "Give fewer values"
        )
    return Explorer(plot, controls)
