"""A Sphinx extension: the words by which students look for a lesson.

The setting ``index_phrases`` gives phrases for pages. Each becomes an entry of the
book's index, which the site's search knows, and a keyword of the page.
"""

from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform

__all__ = ["setup"]


class AddPhrases(SphinxTransform):
    """Put the phrases of a page behind its title."""

    default_priority = 500  # before Sphinx collects the entries of the index

    def apply(self, **_: Any) -> None:
        """Add the entries."""
        phrases = self.config.index_phrases.get(self.env.docname, [])
        sections = list(self.document.findall(nodes.section))
        if not phrases or not sections:
            return
        top = sections[0]
        entries = [("single", phrase, top["ids"][0], "main", None) for phrase in phrases]
        top.insert(1, addnodes.index(entries=entries))
        top.insert(1, nodes.meta(name="keywords", content=", ".join(phrases)))


def setup(app: Any) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.add_config_value("index_phrases", {}, "env")
    app.add_transform(AddPhrases)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
