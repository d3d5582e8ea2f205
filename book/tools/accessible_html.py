"""A Sphinx extension: what the HTML lacks for screen readers and keyboards.

- Docutils gives each entry of a bibliography the role ``doc-biblioentry``, which
  ARIA has deprecated; in a list it must be a list item.
- The theme puts tables that are too wide for a phone into a box that scrolls. A
  keyboard scrolls it only if it can have the focus.
"""

from typing import Any

__all__ = ["setup"]


MENDED = {
    'role="doc-biblioentry"': 'role="listitem"',
    '<div class="pst-scrollable-table-container">': (
        '<div class="pst-scrollable-table-container" tabindex="0" role="region" aria-label="Table">'
    ),
}


def _mend(app: Any, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    for old, new in MENDED.items():
        if "body" in context:
            context["body"] = context["body"].replace(old, new)


def setup(app: Any) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.connect("html-page-context", _mend)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
