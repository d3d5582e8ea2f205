"""A Sphinx extension: explorers as a page needs them.

A notebook stores an explorer that stands alone: its style is inside, and a note says
that the controls wake when the cell is run. On a page no cell can be run: the note says
what is true, and only where scripts are off. The style is one file for all pages, the
caption comes last, as HTML demands, and the picture has a box in which it can scroll
where a phone would make its labels too small to read.

A page's own text should not wait for pictures that are seen when a control is moved: they
become files beside the page, which course.js asks for when the explorer is near.
"""

import base64
import hashlib
import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.util.osutil import relative_uri

__all__ = ["for_a_page", "setup", "with_files"]

ASLEEP = '<p class="asleep">Run this cell to wake the controls.</p>'
NO_SCRIPT = (
    "<noscript><p>The controls need JavaScript, which is switched off: this is one of their "
    "pictures.</p></noscript>"
)
DATA = re.compile(r'<script type="application/json">(.*?)</script>', re.DOTALL)
BOX = '<div class="picture" role="group" aria-label="Picture">'


def for_a_page(explorer: str) -> str:
    """Return the HTML of an explorer, as a notebook stores it, for a page."""
    explorer = re.sub("<style>.*?</style>", "", explorer, flags=re.DOTALL)
    explorer = explorer.replace(ASLEEP, NO_SCRIPT)
    explorer = re.sub(r"<img [^>]*>", lambda image: f"{BOX}{image[0]}</div>", explorer, count=1)
    caption, script = "", ""
    if found := re.search("<figcaption.*?</figcaption>", explorer, flags=re.DOTALL):
        caption, explorer = found[0], explorer.replace(found[0], "", 1)
    if found := re.search("<script>.*?</script>", explorer, flags=re.DOTALL):
        script, explorer = found[0], explorer.replace(found[0], "", 1)
    return explorer.replace("</figure>", f"{caption}</figure>{script}")


def with_files(explorer: str, folder: Path, address: str) -> str:
    """Store the pictures of an explorer as files of `folder`; return its HTML with their names.

    Parameters
    ----------
    explorer : str
    folder : Path
    address : str
        The folder, seen from the page, with a slash at its end.
    """
    found = DATA.search(explorer)
    if not found:
        return explorer
    data = json.loads(found[1].replace(r"<\/", "</"))
    names = {}
    for frame in data["frames"]:
        content = base64.b64decode(frame)
        names[frame] = f"{hashlib.sha256(content).hexdigest()[:20]}.webp"
        (folder / names[frame]).write_bytes(content)
    explorer = re.sub(
        f'src="{data["prefix"]}([^"]*)"', lambda it: f'src="{address}{names[it[1]]}"', explorer
    )
    data |= {"prefix": address, "frames": [names[frame] for frame in data["frames"]]}
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("</", r"<\/")
    return explorer.replace(found[1], text)


def _place(app: Any, tree: Any, page: str) -> None:
    folder = Path(app.outdir) / "_images"
    address = f"{relative_uri(app.builder.get_target_uri(page), '_images')}/"
    for raw in tree.findall(nodes.raw):
        if raw.astext().startswith('<figure class="ch11-explore'):
            explorer = for_a_page(raw.astext())
            if app.builder.format == "html":
                folder.mkdir(parents=True, exist_ok=True)
                explorer = with_files(explorer, folder, address)
            raw.children[:] = [nodes.Text(explorer)]


def _add_style(app: Any) -> None:
    app.config.html_static_path.append(str(files("ch11lib") / "assets"))
    app.add_css_file("explore.css", priority=700)  # before course.css


def setup(app: Any) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.connect("doctree-resolved", _place)
    app.connect("builder-inited", _add_style)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
