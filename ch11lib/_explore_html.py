"""The edition of an explorer that needs no kernel: one HTML figure.

Used by `ch11lib.explore`; the style and the script are in assets/.
"""

import base64
import io
import json
from dataclasses import dataclass
from html import escape
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

ASSETS = Path(__file__).parent / "assets"
STYLE = (ASSETS / "explore.css").read_text(encoding="utf-8").strip()
SCRIPT = (ASSETS / "explore.js").read_text(encoding="utf-8").strip()
PREFIX = "data:image/webp;base64,"
DPI = 110
COLOURS = 48
Value = float | int | str


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


def webp(figure: Figure) -> str:
    """Return `figure` as base64 of a WebP image.

    The compression is lossless. A palette of 48 colours beforehand shares the
    hundreds of grey steps along each line's edge, which halves the size.
    """
    png, compressed = io.BytesIO(), io.BytesIO()
    figure.savefig(png, format="png", dpi=DPI)
    image = Image.open(png).convert("RGB")
    image = image.quantize(COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    image.convert("RGB").save(compressed, "webp", lossless=True, quality=100)
    return base64.b64encode(compressed.getvalue()).decode("ascii")


def static_html(controls: list[Control], frames: list[tuple[str, str]], start: int) -> str:
    """Return the whole figure; `frames` holds (image, alt text), row-major."""
    image, alt = frames[start]
    data = {
        "prefix": PREFIX,
        "texts": [control.texts for control in controls],
        "alts": [alt for _, alt in frames],
        "frames": [image for image, _ in frames],
    }
    payload = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    payload = payload.replace("</", r"<\/")  # nothing may close the script early
    return (
        f'<figure class="ch11-explore"><style>{STYLE}</style>'
        f'<div class="controls">{"".join(control.html() for control in controls)}</div>'
        f'<img src="{PREFIX}{image}" alt="{escape(alt)}">'
        f'<figcaption role="status">{escape(alt)}</figcaption>'
        '<p class="asleep">Run this cell to wake the controls.</p>'
        f'<script type="application/json">{payload}</script>'
        f"<script>{SCRIPT}</script></figure>"
    )
