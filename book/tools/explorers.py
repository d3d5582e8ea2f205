"""A Sphinx extension: explorers as a page needs them.

A notebook stores an explorer that stands alone: its style is inside, and a note says
that the controls wake when the cell is run. On a page no cell can be run: the note says
what is true, and only where scripts are off. The style is one file for all pages, the
caption comes last, as HTML demands, and the picture has a box in which it can scroll
where a phone would make its labels too small to read.
"""

import re
from importlib.resources import files
from typing import Any

from docutils import nodes

__all__ = ["for_a_page", "setup"]

ASLEEP = '<p class="asleep">Run this cell to wake the controls.</p>'
NO_SCRIPT = (
    "<noscript><p>The controls need JavaScript, which is switched off: this is one of their "
    "pictures.</p></noscript>"
)
BOX = '<div class="picture" tabindex="0" role="group" aria-label="Picture">'


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


def _place(app: Any, tree: Any, page: str) -> None:
    for raw in tree.findall(nodes.raw):
        if raw.astext().startswith('<figure class="ch11-explore'):
            raw.children[:] = [nodes.Text(for_a_page(raw.astext()))]


def _add_style(app: Any) -> None:
    app.config.html_static_path.append(str(files("ch11lib") / "assets"))
    app.add_css_file("explore.css", priority=700)  # before course.css


def setup(app: Any) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.connect("doctree-resolved", _place)
    app.connect("builder-inited", _add_style)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
