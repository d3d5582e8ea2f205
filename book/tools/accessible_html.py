"""A Sphinx extension: what the HTML lacks for screen readers, keyboards and slow lines.

- Docutils gives each entry of a bibliography the role ``doc-biblioentry``, which
  ARIA has deprecated; in a list it must be a list item.
- The theme puts tables that are too wide for a phone into a box that scrolls. A
  keyboard scrolls it only if it can have the focus.
- The theme's button that unfolds a part of the table of contents has no name.
- The links of headings to themselves are no stops of the Tab key: the contents have them.
- Exercises and solutions share one id each, which nobody uses: it goes.
- A page with the name of the site has it once in its title.
- Pictures are loaded when the reader comes near them, but for the first of a page.
- The one page of the builder ``singlehtml`` sets its formulas, though Sphinx looks for
  them on the first page only; and its links stay on the page, and find their target
  though chapters use a name more than once.
"""

import re
from collections import Counter
from typing import Any

from docutils import nodes
from sphinx import addnodes

__all__ = ["setup"]


MENDED = {
    'class="headerlink" href=': 'class="headerlink" tabindex="-1" href=',
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
    if context.get("title") == context.get("docstitle"):
        context["docstitle"] = ""
    if generate := context.get("generate_toctree_html"):

        def named(kind: str, *arguments: Any, **options: Any) -> Any:
            html = generate(kind, *arguments, **options)
            return html if kind == "raw" else str(html).replace("<summary>", TOGGLE)

        context["generate_toctree_html"] = named


def _skip(app: Any, what: str, name: str, found: Any, skip: bool, options: Any) -> bool | None:
    """Leave out the fields of named tuples: their class describes them."""
    return True if str(getattr(found, "__doc__", "")).startswith("Alias for field") else None


def _join_names(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """``:ivar a, b:`` would be an attribute b of the type "a,"."""
    field = re.compile(r"^:(?:ivar|vartype) \w+(?:, \w+)+:")
    lines[:] = [field.sub(lambda found: found[0].replace(", ", ","), line) for line in lines]


def _drop_shared_ids(app: Any, tree: Any, page: str) -> None:
    for section in tree.findall(nodes.section):
        if section["ids"] in (["exercise-content"], ["solution-content"]):
            section["classes"] += section["ids"]
            section["ids"] = []


def _load_late(app: Any, tree: Any, page: str) -> None:
    for image in list(tree.findall(nodes.image))[1:]:
        image["loading"] = "lazy"


def _link_inside(app: Any, tree: Any, page: str) -> None:
    """Sphinx would link to a page by the name of the first, and to the first of equal ids."""
    if app.builder.name != "singlehtml":
        return
    bearers: dict[tuple[str, str], Any] = {}
    count: Counter[str] = Counter()
    for node in tree.findall(nodes.Element):
        count.update(node.get("ids", []))
    for file in tree.findall(addnodes.start_of_file):
        for node in file.findall(nodes.Element):
            bearers |= {(file["docname"], name): node for name in node.get("ids", [])}

    def own(file: str, name: str) -> str:
        """Return a name that only the bearer of `name` in `file` has."""
        node = bearers.get((file, name))
        if count[name] == 1 or node is None:
            return name
        if f"{file}-{name}" not in node["ids"]:
            node["ids"].append(f"{file}-{name}")
        return f"{file}-{name}"

    for file in tree.findall(addnodes.start_of_file):
        for link in file.findall(nodes.reference):
            if found := re.fullmatch(r"#document-(.+)#(.+)", link.get("refuri", "")):
                link["refuri"] = f"#{own(*found.groups())}"
            elif "refid" in link:
                link["refid"] = own(file["docname"], link["refid"])


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
    app.connect("autodoc-process-docstring", _join_names, priority=600)  # after napoleon
    app.connect("doctree-resolved", _drop_shared_ids)
    app.connect("doctree-resolved", _load_late)
    app.connect("doctree-resolved", _link_inside)
    app.connect("builder-inited", _whole_book)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
