"""A Sphinx extension: what the site's search knows beyond the words of each page.

- The setting ``index_terms`` gives pages the names that their subject goes by elsewhere.
  Each becomes an entry of the book's index, which the search knows.
- How often a page uses a word, which Sphinx's index does not say: the file
  ``search_counts.js``, for the page of the search alone. `search_scorer.js` ranks by both.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.search.en import SearchEnglish
from sphinx.transforms import SphinxTransform

__all__ = ["count_words", "setup"]

COUNTS = "search_counts.js"
#: What occurs less often on a page is there by the way: the index of Sphinx has it.
AT_LEAST = 3


class AddTerms(SphinxTransform):
    """Put the terms of a page behind its title."""

    default_priority = 500  # before Sphinx collects the entries of the index

    def apply(self, **_: Any) -> None:
        """Add the entries."""
        terms = self.config.index_terms.get(self.env.docname, [])
        sections = list(self.document.findall(nodes.section))
        if terms and sections:
            top = sections[0]
            # Without a place: the page itself, or the search would show it twice.
            entries = [("single", term, "", "main", None) for term in terms]
            top.insert(1, addnodes.index(entries=entries))


def count_words(document: nodes.document) -> dict[str, int]:
    """Return how often a page has each stem, of those that it has `AT_LEAST` so often."""
    language, counts = SearchEnglish({}), Counter[str]()
    for text in document.findall(nodes.Text):
        if not isinstance(text.parent, nodes.raw):
            words = map(str.lower, language.split(text.astext()))
            counts.update(language.stem(word) for word in words if language.word_filter(word))
    return {stem: count for stem, count in sorted(counts.items()) if count >= AT_LEAST}


def write_counts(app: Any, error: Exception | None) -> None:
    """Write the counts of all pages but the reference's."""
    if error is None and app.builder.format == "html":
        pages = sorted(page for page in app.env.found_docs if not page.startswith("book/api/"))
        counts = {page: count_words(app.env.get_doctree(page)) for page in pages}
        text = f"const SEARCH_COUNTS = {json.dumps(counts, separators=(',', ':'))};\n"
        (Path(app.outdir) / "_static" / COUNTS).write_text(text, encoding="utf-8")


def load_counts(app: Any, page: str, *_: Any) -> None:
    """Let the page of the search load the counts, before its own scripts."""
    if page == "search":
        app.add_js_file(COUNTS)


def setup(app: Any) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.add_config_value("index_terms", {}, "env")
    app.add_transform(AddTerms)
    app.connect("html-page-context", load_counts)
    app.connect("build-finished", write_counts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
