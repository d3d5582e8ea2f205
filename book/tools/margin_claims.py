"""A Sphinx extension: claims in the margin, and folded code that says what it is.

A code cell with the tags ``margin`` and ``hide-input`` that prints lines becomes a
note with one ✓ per line. On a wide screen it stands in the margin beside the
paragraph above its cell; on a phone and on paper it follows that paragraph. The code
that checks it is folded in the note.

The label of any other folded cell is its ``mystnb.code_prompt_show``. Only that one
is needed: an open cell has the same label unless ``code_prompt_hide`` gives another.
"""

from html import escape
from typing import Any

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

__all__ = ["setup"]

TICK = "✓"
TEXT = (nodes.paragraph, nodes.bullet_list, nodes.enumerated_list, nodes.math_block)


def _is_claim(node: Any) -> bool:
    """Tell whether `node` is a cell that shall be a note: two tags and printed lines."""
    return (
        isinstance(node, nodes.container)
        and {"tag_margin", "tag_hide-input"} <= set(node["classes"])
        and node.get("nb_element") == "cell_code"
        and [child.get("nb_element") for child in node] == ["cell_code_source", "cell_code_output"]
        and all("stream" in output["classes"] for output in node[1])
    )


def _note(cell: Any) -> list[Any]:
    """Return the nodes of the note that takes the place of `cell`."""
    lines = [line.strip() for line in cell[1].astext().splitlines() if line.strip()]
    items = "".join(
        f'<li><span class="visually-hidden">Checked: </span>{escape(line[1:].strip())}</li>'
        if line.startswith(TICK)
        else f'<li class="plain">{escape(line)}</li>'
        for line in lines
    )
    label = cell["prompt_show"].replace("{type}", "source")
    start = (
        f'<div class="margin claims" role="note"><ul>{items}</ul>'
        f'<details class="folded"><summary>{escape(label)}</summary>'
    )
    return [
        nodes.raw("", start, format="html"),
        cell[0],
        nodes.raw("", "</details></div>", format="html"),
    ]


class Claims(SphinxPostTransform):
    """Make notes of the cells with claims, each beside the paragraph above it."""

    default_priority = 150  # before myst-nb folds the code
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        """Change the page in place."""
        for cell in list(self.document.findall(_is_claim)):
            place, above = cell.parent, cell.parent.index(cell) - 1
            note = nodes.container(classes=["claimed"])
            note.extend(_note(cell))
            paragraph = place[above] if above >= 0 else None
            if isinstance(paragraph, TEXT):
                place.remove(cell)
                place.remove(paragraph)
                note.append(paragraph)
                place.insert(above, note)
            else:
                place.replace(cell, note)


class Labels(SphinxPostTransform):
    """Give folded cells one label, whether they are open or not."""

    default_priority = 140
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        """Change the page in place."""
        for cell in self.document.findall(nodes.container):
            own = cell.get("cell_metadata", {}).get("mystnb", {})
            if "hide_mode" in cell and "code_prompt_hide" not in own:
                cell["prompt_hide"] = cell["prompt_show"]


def _name(app: Any, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Let a screen reader say the label that is to be seen, instead of one for all."""
    if "body" in context:
        context["body"] = context["body"].replace(
            '<summary aria-label="Toggle hidden content">', "<summary>"
        )


def setup(app: Any) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.add_post_transform(Labels)
    app.add_post_transform(Claims)
    app.connect("html-page-context", _name)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
