"""A Sphinx extension: drawings are part of the page, so that they follow its colors.

A ``{figure}`` or image of an SVG file in book/drawings/ is put into the page itself:
``currentColor`` is then the color of the text, in the light and in the dark. The
file keeps its caption, number and name. Its text alternative is ``:alt:``.

A ``<style>`` in the file is for programs that show it as a picture of its own, such
as JupyterLab; on a page it would style everything else, too, and is left out.
"""

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

__all__ = ["inline_svg", "setup"]

FOLDER = "drawings"
SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
ElementTree.register_namespace("", SVG)
ElementTree.register_namespace("xlink", XLINK)


def inline_svg(text: str, name: str, alt: str, style: str = "") -> str:
    """Return the SVG drawing `text` as a part of an HTML page.

    Parameters
    ----------
    text : str
        The content of the file. It needs a ``viewBox``.
    name : str
        Put before each id, since a page may hold several drawings.
    alt : str
        What is to be seen, for readers who cannot see it.
    style : str
        CSS for the drawing as a whole.

    Raises
    ------
    ValueError
        If `text` has no viewBox of four numbers.
    """
    root = ElementTree.fromstring(text)
    try:
        _, _, width, height = map(float, re.split(r"[\s,]+", root.get("viewBox", "").strip()))
    except ValueError:
        raise ValueError(
            f"viewBox of {name} is {root.get('viewBox')!r}; it must be four numbers"
        ) from None
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{{{SVG}}}style", f"{{{SVG}}}title"):
                parent.remove(child)
        for key, value in parent.attrib.items():
            if key == "id":
                parent.set(key, f"{name}-{value}")
            elif key in ("href", f"{{{XLINK}}}href") and value.startswith("#"):
                parent.set(key, f"#{name}-{value[1:]}")
            else:
                parent.set(key, re.sub(r"url\(#", f"url(#{name}-", value))
    shown = re.match(r"[\d.]+", root.get("width", "")), re.match(r"[\d.]+", root.get("height", ""))
    if "%" not in root.get("width", "%") and all(shown):
        width, height = (float(found[0]) for found in shown if found)
    root.attrib |= {"role": "img", "aria-label": alt, "class": "drawing"}
    root.attrib |= {"width": f"{width:g}", "height": f"{height:g}", "focusable": "false"}
    if style:
        root.set("style", style)
    return ElementTree.tostring(root, encoding="unicode")


def _put_in(app: Any, tree: Any, page: str) -> None:
    if app.builder.format != "html":
        return
    from docutils import nodes  # not where lessons are run: `inline_svg` needs no Sphinx
    from sphinx.util import logging

    for image in list(tree.findall(nodes.image)):
        path = Path(image["uri"])
        if path.suffix != ".svg" or path.parent.name != FOLDER:
            continue
        text = (Path(app.srcdir) / path).read_text(encoding="utf-8")
        style = f"width: {image['width']}" if "width" in image else ""
        if not image.get("alt", "").strip():
            logging.getLogger(__name__).warning("%s has no :alt:", path, location=image)
        svg = nodes.raw("", inline_svg(text, path.stem, image.get("alt", ""), style), format="html")
        image.replace_self(svg)


def setup(app: Any) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.connect("doctree-resolved", _put_in)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
