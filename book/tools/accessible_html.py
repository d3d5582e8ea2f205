"""A Sphinx extension: what the HTML lacks for screen readers, keyboards and slow lines.

- Docutils gives each entry of a bibliography the role ``doc-biblioentry``, which
  ARIA has deprecated; in a list it must be a list item.
- The theme puts tables that are too wide for a phone into a box that scrolls. A
  keyboard scrolls it only if it can have the focus.
- The theme's button that unfolds a part of the table of contents has no name.
- Pictures are loaded when the reader comes near them, but for the first of a page.
- The one page of the builder ``singlehtml`` sets its formulas, though Sphinx looks for
  them on the first page only.
"""

from typing import Any

from docutils import nodes

__all__ = ["setup"]


MENDED = {
    'role="doc-biblioentry"': 'role="listitem"',
    '<div class="pst-scrollable-table-container">': (
        '<div class="pst-scrollable-table-container" tabindex="0" role="region" aria-label="Table">'
    ),
}


TOGGLE = '<summary aria-label="Show or hide the pages below">'


def _mend(app: Any, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    for old, new in MENDED.items():
        if "body" in context:
            context["body"] = context["body"].replace(old, new)
    if generate := context.get("generate_toctree_html"):

        def named(kind: str, *arguments: Any, **options: Any) -> Any:
            html = generate(kind, *arguments, **options)
            return html if kind == "raw" else str(html).replace("<summary>", TOGGLE)

        context["generate_toctree_html"] = named


def _skip(app: Any, what: str, name: str, found: Any, skip: bool, options: Any) -> bool | None:
    """Leave out the fields of named tuples: their class describes them."""
    return True if str(getattr(found, "__doc__", "")).startswith("Alias for field") else None


def _load_late(app: Any, tree: Any, page: str) -> None:
    for image in list(tree.findall(nodes.image))[1:]:
        image["loading"] = "lazy"


def _whole_book(app: Any) -> None:
    """Sphinx drops the handlers for ``html`` once one extension has some for ``singlehtml``."""
    if app.builder.name == "singlehtml":
        app.set_html_assets_policy("always")
        handlers = app.registry.translation_handlers
        handlers["singlehtml"] = {**handlers["html"], **handlers.get("singlehtml", {})}


def setup(app: Any) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.connect("html-page-context", _mend, priority=900)  # after the theme
    app.connect("autodoc-skip-member", _skip)
    app.connect("doctree-resolved", _load_late)
    app.connect("builder-inited", _whole_book)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
