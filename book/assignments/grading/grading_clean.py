"""Make a submission dead: whoever opens it sees text and pictures, and nothing runs.

The page of a notebook belongs to its reader: a script in it acts with the reader's rights.
So of outputs only text, PNG and JPEG are kept, and metadata and the state of widgets are
dropped. Markdown stays as it is, unless it holds what `bleach`, the sanitizer of nbconvert,
takes out: then its source is shown. Files that are collected are cleaned, submissions before
and after they run, and once more all that a page shows (`grading_pages`).
"""

import base64
import contextlib
import html
import io
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import bleach
import nbformat
from bs4 import BeautifulSoup
from docutils.utils.math.latex2mathml import tex2mathml
from nbconvert.filters import strip_ansi
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbgrader.preprocessors import NbGraderPreprocessor
from PIL import Image

__all__ = ["Clean", "clean", "clean_file", "clean_text", "to_html"]

LONGEST = 100_000  # characters of Markdown that are rendered
LARGEST = 25_000_000  # pixels of a picture
PICTURES = {"image/png": "PNG", "image/jpeg": "JPEG"}
#: What nbgrader writes into a cell, with the kind of its value.
MARKS: dict[str, Any] = {
    **dict.fromkeys(("grade_id", "cell_type", "checksum"), str),
    **dict.fromkeys(("grade", "locked", "solution", "task"), bool),
    **dict.fromkeys(("points", "schema_version"), (int, float)),
}
#: What an answer in Markdown may hold.
TAGS = set(
    re.findall(
        r"\w+",
        """a abbr b blockquote br caption code dd del details div dl dt em figcaption figure
        h1 h2 h3 h4 h5 h6 hr i img ins kbd li ol p pre q s samp small span strong sub summary
        sup table tbody td tfoot th thead tr u ul var""",
    )
)
PLAIN = {"abbr", "align", "alt", "colspan", "height", "rowspan", "start", "title", "width"}
MATHML = set(
    re.findall(
        r"\w+",
        """math mrow mi mn mo mtext mspace msub msup msubsup mfrac msqrt mroot munder mover
        munderover mtable mtr mtd mstyle mpadded mphantom menclose merror""",
    )
)
MATH_ATTRIBUTES = {"display", "mathvariant", "stretchy", "accent", "columnalign", "width"}
NOT_SHOWN = "This cell is not shown as a page: your browser could run or load what it holds."
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def clean_text(text: str) -> str:
    """Return a text without ANSI codes, control characters and halves of characters."""
    text = CONTROLS.sub("", strip_ansi(text))
    return text.encode("utf-8", "replace").decode()


class _Renderer(IPythonRenderer):  # type: ignore[misc]
    """Formulas are marked, and become MathML after the page is sanitized."""

    def inline_math(self, body: str) -> str:
        return f'<code class="math">{html.escape(body)}</code>'

    def block_math(self, body: str) -> str:
        return f'<code class="display">{html.escape(body)}</code>'

    def latex_environment(self, name: str, body: str) -> str:
        return self.block_math(f"\\begin{{{name}}}{body}\\end{{{name}}}")

    def task_list_item(self, text: str, checked: bool = False) -> str:
        return f"<li>{'☑' if checked else '☐'} {text}</li>"


def _allowed(tag: str, name: str, value: str) -> bool:
    if name == "class":  # of highlighted code and of formulas
        return re.fullmatch("highlight|math|display|[a-z][a-z0-9]{0,2}", value) is not None
    if (tag, name) == ("a", "href"):
        return value.startswith(("https://", "http://", "mailto:", "#"))
    if (tag, name) == ("img", "src"):
        return value.startswith(("data:image/png;base64,", "data:image/jpeg;base64,"))
    return name in PLAIN


def _rendered(source: str, attachments: Any) -> str:
    renderer = _Renderer(escape=False, attachments=attachments, exclude_anchor_links=True)
    page = str(MarkdownWithMath(renderer=renderer).render(source))
    return re.sub(r'style="text-align: ?(left|center|right);?"', r'align="\1"', page)


def _sanitized(page: str) -> str:
    protocols = ["http", "https", "mailto", "data"]
    return str(bleach.clean(page, tags=TAGS, attributes=_allowed, protocols=protocols, strip=True))


def to_html(source: str, attachments: Any = None) -> str:
    """Return Markdown as HTML in which nothing runs and nothing is loaded."""
    try:
        page = _sanitized(_rendered(source[:LONGEST], attachments or {}))
    except Exception:  # what can't be rendered is shown
        page = f"<pre>{html.escape(source[:LONGEST])}</pre>"
    return re.sub(r'<code class="(math|display)">([^<]*)</code>', _formula, page)


def _formula(found: re.Match[str]) -> str:
    """Return a formula as MathML, or as it was written where that can't be."""
    tex = html.unescape(found[2])
    with contextlib.suppress(Exception):
        root = ElementTree.fromstring(tex2mathml(tex[:2000], as_block=found[1] == "display"))
        for element in root.iter():
            element.tag = element.tag.split("}")[-1]
            element.attrib = {n: v for n, v in element.attrib.items() if n in MATH_ATTRIBUTES}
        if {element.tag for element in root.iter()} <= MATHML:
            return ElementTree.tostring(root, encoding="unicode")
    mark = "$$" if found[1] == "display" else "$"
    return f"<code>{html.escape(mark + tex + mark)}</code>"


def _shape(page: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the elements of a page; headings have ids that nobody needs."""
    elements = BeautifulSoup(page, "html.parser").find_all(True)
    return [
        (one.name, {n: v for n, v in one.attrs.items() if n != "id" or one.name[0] != "h"})
        for one in elements
    ]


def _shown_as_source(source: str) -> str:
    """Return Markdown that shows a text, whatever it holds."""
    ticks = max(map(len, re.findall("`+", source)), default=2) + 1
    fence = "`" * max(ticks, 3)
    return f"*{NOT_SHOWN}*\n\n{fence}\n{source}\n{fence}"


def _clean_markdown(cell: Any) -> None:
    kept = {name: _pictures(data) for name, data in dict(cell.get("attachments") or {}).items()}
    kept = {name: data for name, data in kept.items() if data}
    cell.pop("attachments", None)
    try:
        long = len(cell.source) > LONGEST
        page = "" if long else _rendered(cell.source, kept)
        if long or _shape(page) != _shape(_sanitized(page)):
            cell.source = _shown_as_source(cell.source)
        elif kept:
            cell.attachments = nbformat.from_dict(kept)
    except Exception:  # a picture that is missing, or what breaks the renderer
        cell.source = _shown_as_source(cell.source)


def _pictures(data: Any) -> dict[str, str]:
    """Return those pictures of an output or an attachment that are what they claim to be."""
    found = {}
    for kind, name in PICTURES.items():
        with contextlib.suppress(Exception):
            content = base64.b64decode(data[kind])
            with Image.open(io.BytesIO(content), formats=[name]) as picture:
                if picture.width * picture.height <= LARGEST:
                    found[kind] = base64.b64encode(content).decode()
    return found


def _clean_output(output: Any) -> Any | None:
    """Return text and pictures of an output, made anew; None for what can't be read."""
    kind, new = output.get("output_type"), nbformat.v4.new_output
    if kind == "stream":
        name = "stderr" if output.get("name") == "stderr" else "stdout"
        return new("stream", name=name, text=clean_text(str(output.get("text", ""))))
    if kind == "error":
        lines = [clean_text(str(line)) for line in output.get("traceback") or []]
        name, value = (clean_text(str(output.get(part, ""))) for part in ("ename", "evalue"))
        return new("error", ename=name, evalue=value, traceback=lines)
    if kind not in ("display_data", "execute_result"):
        return None
    data = dict(output.get("data") or {})
    kept: dict[str, str] = _pictures(data)
    if isinstance(data.get("text/plain"), str):
        kept["text/plain"] = clean_text(data["text/plain"])
    if not kept:
        kinds = ", ".join(sorted(clean_text(str(kind))[:40] for kind in data))
        kept["text/plain"] = f"[not shown: {kinds}]"
    return new(kind, kept)


def _marks(cell: Any) -> dict[str, Any]:
    """Return what nbgrader wrote into a cell, if it could have."""
    marks: Any = (cell.get("metadata") or {}).get("nbgrader")
    if not isinstance(marks, dict):
        return {}
    kept = {n: v for n, v in marks.items() if n in MARKS and isinstance(v, MARKS[n])}
    if not re.fullmatch(r"[\w.-]+", str(kept.get("grade_id", ""))):
        return {}
    kept["checksum"] = re.sub(r"\W", "", kept.get("checksum", ""))
    return {"nbgrader": kept}


def clean(notebook: Any) -> Any:
    """Make a notebook dead, in place, and return it: format 4.5, ids that are valid."""
    cells = []
    for cell in notebook.cells:
        if not isinstance(cell.get("source"), str):
            continue
        marks = _marks(cell)
        kind = str(cell.get("cell_type"))
        if kind == "raw" and not marks:
            kind = "markdown"
            cell.source = _shown_as_source(cell.source)
        if kind not in ("code", "markdown", "raw"):
            continue
        made = getattr(nbformat.v4, f"new_{kind}_cell")(clean_text(cell.source), metadata=marks)
        if kind == "code":
            outputs = map(_clean_output, _dicts(cell.get("outputs")))
            made.outputs = [output for output in outputs if output]
            count = cell.get("execution_count")
            made.execution_count = count if isinstance(count, int) else None
        elif kind == "markdown":
            made.attachments = cell.get("attachments")
            _clean_markdown(made)
        cells.append(made)
    notebook.clear()
    notebook.update(nbformat.v4.new_notebook(cells=cells))
    return notebook


def _dicts(items: Any) -> Iterable[Any]:
    return (item for item in items or [] if isinstance(item, dict))


def clean_file(path: Path) -> bool:
    """Make the notebook in a file dead; tell whether it is one. Other files stay."""
    try:
        text = path.read_bytes().decode("utf-8", errors="replace")
        cleaned = nbformat.writes(clean(nbformat.reads(text, as_version=4)))
    except Exception:  # no notebook: the autograder names it
        return False
    when = path.stat().st_mtime
    path.unlink()  # it may be read-only
    path.write_text(cleaned + "\n", encoding="utf-8")
    os.utime(path, (when, when))
    return True


class Clean(NbGraderPreprocessor):  # type: ignore[misc]
    """Make a submission dead, before it runs and after."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Return the notebook without what could run."""
        kernel = nb.metadata.get("kernelspec")
        clean(nb)
        if kernel:
            nb.metadata["kernelspec"] = kernel
        return nb, resources
