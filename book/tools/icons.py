"""A Sphinx extension: of Font Awesome's 2,000 icons each reader gets those that are drawn.

The theme ships the fonts whole: 300 kB, half of it asked for by every page. Here each is
cut down to the icons that a page or a script names, and those that a style sheet draws,
and Font Awesome's style sheet to the rules of their names. The fonts become WOFF, which
needs no more than zlib.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fontTools import subset
from fontTools.ttLib import TTFont

__all__ = ["icons_of", "names_of", "setup", "shrink"]

FOLDER = "_static/vendor/fontawesome"
NAME = re.compile(r"\bfa-([a-z0-9-]+)")
RULE = re.compile(r'((?:\.fa-[\w-]+:{1,2}before,?)+)\{content:"\\([0-9a-f]+)"\}')
#: An icon in a style sheet, as a character for private use or as its number.
DRAWN = re.compile(r"[\ue000-\uf8ff]|\\([ef][0-9a-f]{3})\b")
SOURCES = re.compile(
    r'url\((?P<path>[^)]+)\.woff2\) format\("woff2"\),url\([^)]+\.ttf\) format\("truetype"\)'
)
IN_ADVANCE = re.compile(r'type="font/woff2"( [^>]*webfonts/fa-[\w-]+)\.woff2"')


def names_of(texts: Iterable[str]) -> set[str]:
    """Return the names of the icons in pages and scripts (and ``solid``, ``lg`` ...)."""
    return {name for text in texts for name in NAME.findall(text)}


def icons_of(style: str, names: set[str], others: Iterable[str]) -> set[int]:
    """Return the characters that are drawn.

    Parameters
    ----------
    style : str
        Font Awesome's own style sheet.
    names : set of str
        Icons that have an element.
    others : iterable of str
        All other style sheets.
    """
    named = {
        int(code, 16) for selectors, code in RULE.findall(style) if names & names_of([selectors])
    }
    drawn = {
        int(found[1], 16) if found[1] else ord(found[0])
        for text in others
        for found in DRAWN.finditer(text)
    }
    return named | drawn


def shrink(font: Path, icons: set[int]) -> Path:
    """Write those of `icons` that a TrueType font has as WOFF beside it; return the file."""
    small = TTFont(font)
    options = subset.Options(notdef_outline=True)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=icons & set(small.getBestCmap()))
    subsetter.subset(small)
    small.flavor = "woff"
    small.save(font.with_suffix(".woff"))
    return font.with_suffix(".woff")


def _own(site: Path, ending: str) -> list[Path]:
    """Return the files with an ending, without those of Font Awesome."""
    return [path for path in site.rglob(f"*.{ending}") if "fontawesome" not in path.parts]


def _shrink_all(app: Any, exception: Exception | None) -> None:
    if exception or app.builder.format != "html":
        return
    site = Path(app.outdir)
    texts = {
        path: path.read_text(encoding="utf-8")
        for ending in ("html", "js", "css")
        for path in _own(site, ending)
    }
    names = names_of(text for path, text in texts.items() if path.suffix != ".css")
    others = [text for path, text in texts.items() if path.suffix == ".css"]
    for sheet in site.glob(f"{FOLDER}/*/css/all.min.css"):
        style = sheet.read_text(encoding="utf-8")
        icons = icons_of(style, names, others)
        for font in sheet.parents[1].glob("webfonts/*.ttf"):
            shrink(font, icons)
            font.unlink()
            font.with_suffix(".woff2").unlink()
        style = RULE.sub(lambda rule: rule[0] if names & names_of([rule[1]]) else "", style)
        sheet.write_text(SOURCES.sub(r'url(\g<path>.woff) format("woff")', style), encoding="utf-8")
    for path, text in texts.items():
        if (
            path.suffix == ".html"
            and (new := IN_ADVANCE.sub(r'type="font/woff"\1.woff"', text)) != text
        ):
            path.write_text(new, encoding="utf-8")


def setup(app: Any) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.connect("build-finished", _shrink_all, priority=950)  # after the pages are finished
    return {"parallel_read_safe": True, "parallel_write_safe": True}
