"""A widget that is alive with a kernel and without one.

`explore` shows a figure with a control for each parameter. The one object
carries two editions. With a kernel (JupyterLab, Binder, Colab, VS Code) an
ipywidgets control calls the plotting function again. On a static page a
self-contained ``<figure>`` with native HTML controls switches between frames
that were drawn beforehand: no kernel, no network, no third-party script.
"""

import gc
import inspect
import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from ch11lib._explore_html import PREFIX, Control, Value, static_html, webp

__all__ = ["Explorer", "Parameter", "explore"]

MAX_FRAMES = 400
MAX_PARAMETERS = 3
Plot = Callable[..., Figure]


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
        Value shown first. Default: the first.
    """

    values: Iterable[Value]
    label: str = ""
    unit: str = ""
    start: Value | None = None


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
    texts = tuple(_text(v, parameter.unit) for v in values)
    if len(set(texts)) < len(texts):
        raise ValueError(f"{name} shows a value twice in {list(texts)}; make them distinct")
    label = parameter.label or name.replace("_", " ").capitalize()
    start = 0
    if parameter.start is not None:
        if parameter.start not in values:
            raise ValueError(f"start of {name} is {parameter.start!r}; it must be one of {values}")
        start = values.index(parameter.start)
    return Control(name, label, values, texts, start)


def _text(value: Value, unit: str) -> str:
    """Return the value as its control shows it."""
    shown = value if isinstance(value, str) else f"{value:.4g}".replace("-", "\N{MINUS SIGN}")
    return f"{shown}\N{NO-BREAK SPACE}{unit}" if unit else shown


class Explorer:
    """What `explore` returns; showing it in a cell shows the widget."""

    def __init__(self, plot: Plot, controls: list[Control]) -> None:
        self._plot = plot
        self.controls = controls
        self.frames: list[tuple[str, str]] = []
        for values in itertools.product(*(control.values for control in controls)):
            self.frames.append(self.draw(values))
        gc.collect()  # a closed figure is a cycle that holds its pixels

    def draw(self, values: Iterable[Value]) -> tuple[str, str]:
        """Call the plot for `values`; return (base64 of the WebP image, alt text)."""
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
        return webp(figure), alt

    @property
    def html(self) -> str:
        """The edition for pages without a kernel."""
        start = 0
        for control in self.controls:
            start = start * len(control.values) + control.start
        return static_html(self.controls, self.frames, start)

    def widget(self) -> Any:
        """Return the live edition, an ``ipywidgets.VBox`` that recomputes."""
        import ipywidgets

        view = ipywidgets.HTML()
        inputs = [_control_widget(control) for control in self.controls]

        def update(_: object = None) -> None:
            try:
                image, alt = self.draw([control.value for control in inputs])
            except (TypeError, ValueError) as error:
                view.value = f"<p role='alert'>{escape(str(error))}</p>"
                return
            view.value = (
                f'<img src="{PREFIX}{image}" alt="{escape(alt)}" style="max-width:100%">'
                f'<p role="status">{escape(alt)}</p>'
            )

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
        from IPython.core.getipython import get_ipython

        if hasattr(get_ipython(), "kernel"):
            bundle.update(self.widget()._repr_mimebundle_() or {})
            bundle["text/plain"] = repr(self)
        return bundle


def _control_widget(control: Control) -> Any:
    """Return the ipywidgets control."""
    import ipywidgets

    options = list(zip(control.texts, control.values, strict=True))
    kind = ipywidgets.SelectionSlider if control.is_slider else ipywidgets.ToggleButtons
    return kind(
        options=options,
        value=control.values[control.start],
        description=control.label,
        style={"description_width": "initial"},
        layout={"width": "auto", "max_width": "36rem"},
    )


def explore(plot: Plot, /, **parameters: Any) -> Explorer:
    """Show the figure that `plot` draws, with a control for each parameter.

    Parameters
    ----------
    plot : callable
        Called with one value per parameter, by keyword. Returns a matplotlib
        figure whose alt text was set by `ch11lib.plots.with_alt_text`.
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
        value or label twice; if `plot` raises or its figure has no description.
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
    n_frames = int(np.prod([len(control.values) for control in controls]))
    if n_frames > MAX_FRAMES:
        raise ValueError(
            f"the values combine to {n_frames} frames; at most {MAX_FRAMES} fit a page. "
            "Give fewer values"
        )
    return Explorer(plot, controls)
