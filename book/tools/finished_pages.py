"""A Sphinx extension: the last touch to each HTML page.

- Every picture gets the width and height that it will have, so that a page does not
  jump while pictures come in, and a link into it lands where it should. The size is
  read from the file, or from the picture in the page. Pictures of cells with more
  dots per inch than the course's own are sharp: they are shown at their logical size.
- Plots are stored as PNG; as lossless WebP they have the same pixels and half the bytes.
- The theme draws its icons with a font. The script that could draw them, too, is
  1.5 MB that every page would wait for: it goes.
- The theme asks for three fonts of icons in advance; two are of logos and of outlines,
  which the browser fetches by itself where a page has one.
- A second link before the menus leads to the contents of the page, which come last.
- Sphinx, docutils and the theme each say how wide a phone is: once is enough.
"""

import base64
import io
import re
from pathlib import Path
from typing import Any

from PIL import Image

__all__ = ["finish", "image_size", "setup", "shrink_pictures"]

DPI = 110  # figure.dpi of ch11lib/course.mplstyle
IMAGE = re.compile(r'<img\b(?:[^>"]|"[^"]*")*>')
ATTRIBUTE = re.compile(r'\s([\w-]+)="([^"]*)"')
ICON_SCRIPT = re.compile(r'\s*<script src="[^"]*vendor/fontawesome/[^"]*\.js[^"]*"></script>')
FONT_IN_ADVANCE = re.compile(r'\s*<link rel="preload" as="font"[^>]*/fa-(?:brands|regular)-[^>]*>')
PICTURE = re.compile(r"_images/([\w.-]+)")
VIEWPORT = re.compile(r'\s*<meta name="viewport" [^>]*>')
SECTIONS = '<nav class="bd-toc-nav page-toc">'
TO_SECTIONS = '<a class="to-sections" href="#page-sections">Skip to the sections of this page</a>'
UNUSED = [
    "_static/vendor/fontawesome/*/js/*",
    "_static/**/*.map",
    "_static/locales/**/*.*",  # the theme's words in other languages, for Sphinx
]


def image_size(content: bytes) -> tuple[int, int]:
    """Return the width and height in CSS pixels of a picture (not SVG).

    Parameters
    ----------
    content : bytes
        The file. A PNG of twice the course's dots per inch is half as wide.
    """
    with Image.open(io.BytesIO(content)) as image:
        density = max(1, round(image.info.get("dpi", (DPI,))[0] / DPI))
        return round(image.width / density), round(image.height / density)


def svg_size(text: str) -> tuple[int, int]:
    """Return the width and height of a drawing, by its attributes or its viewBox."""
    start = text[text.index("<svg") :].split(">")[0]
    given = [re.search(rf'\s{name}="([\d.]+)(?:px)?"', start) for name in ("width", "height")]
    if not all(given):
        given = [
            re.search(r'viewBox="[-\d.]+[\s,]+[-\d.]+[\s,]+([\d.]+)', start),
            re.search(r'viewBox="(?:[-\d.]+[\s,]+){3}([\d.]+)', start),
        ]
    width, height = (round(float(found[1])) for found in given if found)
    return width, height


def _sized(tag: str, folder: Path) -> str:
    """Return the tag of an image in a page of `folder`, with its size."""
    have = dict(ATTRIBUTE.findall(tag))
    if {"width", "height"} <= set(have):
        return tag
    # Metadata of an output gives pixels as a style, which would not shrink on a phone.
    pixels = re.fullmatch(
        r"(?:width: (\d+)(?:\.\d+)?(?:px)?;? ?|height: (\d+)(?:\.\d+)?(?:px)?;? ?){2}",
        have.get("style", "-"),
    )
    if pixels:
        tag, (width, height) = tag.replace(f' style="{have["style"]}"', ""), pixels.groups()
    elif (source := have["src"]).startswith("data:"):
        width, height = image_size(base64.b64decode(source.split(",", 1)[1]))
    elif source.split("?")[0].endswith(".svg"):
        width, height = svg_size((folder / source.split("?")[0]).read_text(encoding="utf-8"))
    elif re.match(r"[a-z]+:", source):
        return tag  # of another site
    else:
        width, height = image_size((folder / source.split("?")[0]).read_bytes())
    return tag.replace("<img", f'<img width="{width}" height="{height}"', 1)


def finish(text: str, folder: Path) -> str:
    """Return the HTML page `text`, which is stored in `folder`, as readers get it."""
    text = FONT_IN_ADVANCE.sub("", ICON_SCRIPT.sub("", text))
    if first := VIEWPORT.search(text):
        text = text[: first.end()] + VIEWPORT.sub("", text[first.end() :])
    if SECTIONS in text:
        text = text.replace("</a></div>", f"</a>{TO_SECTIONS}</div>", 1)
        text = text.replace(SECTIONS, f'<nav id="page-sections" tabindex="-1"{SECTIONS[4:]}', 1)
    return IMAGE.sub(lambda found: _sized(found[0], folder), text)


def shrink_pictures(folder: Path) -> dict[str, str]:
    """Make lossless WebP of the PNG files in `folder` where that is smaller; return new names."""
    renamed = {}
    for path in sorted(folder.glob("*.png")):
        content = io.BytesIO()
        with Image.open(path) as image:
            image.save(content, "WEBP", lossless=True, quality=80, method=4)
        if content.tell() < path.stat().st_size:
            path.with_suffix(".webp").write_bytes(content.getvalue())
            path.unlink()
            renamed[path.name] = path.with_suffix(".webp").name
    return renamed


def _finish_all(app: Any, exception: Exception | None) -> None:
    if exception or app.builder.format != "html":
        return
    site = Path(app.outdir)
    pages = [path for path in site.rglob("*.html") if not path.is_relative_to(site / "_static")]
    texts = {page: finish(page.read_text(encoding="utf-8"), page.parent) for page in pages}
    renamed = shrink_pictures(site / "_images")
    for page, text in texts.items():
        text = PICTURE.sub(lambda found: f"_images/{renamed.get(found[1], found[1])}", text)
        page.write_text(text, encoding="utf-8")
    for path in [path for pattern in UNUSED for path in site.glob(pattern)]:
        path.unlink()


def setup(app: Any) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.connect("build-finished", _finish_all, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
