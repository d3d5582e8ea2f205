"""A Sphinx extension: formulas are set when the book is built, not on each reader's machine.

Sphinx writes formulas as TeX, and MathJax's script, a quarter of a megabyte gzipped, turns
them into a page's text while somebody begins to read. The same program runs here, in V8
without a browser: a page gets MathJax's HTML, its style for the glyphs that it has, and
MathML for screen readers. Nothing moves, nothing waits, and scripts may be off.

The program is in mathjax/, its fonts are in _static/mathjax/.
"""

import html
import json
import re
from pathlib import Path
from typing import Any

from py_mini_racer import MiniRacer
from sphinx.errors import SphinxError

__all__ = ["Typesetter", "setup", "typeset_page"]

PROGRAM = Path(__file__).parent / "mathjax"
PARTS = [
    "core",
    "adaptors/liteDOM",
    "input/tex-full",
    "output/chtml",
    "output/chtml/fonts/tex",
    "a11y/assistive-mml",
]
START = """
const global = globalThis;
const console = {log() {}, warn() {}, error() {}};
var MathJax = {
  loader: {
    load: PARTS,
    paths: {mathjax: "mathjax"},
    require: (name) => (0, eval)(FILES[name.replace(/^mathjax\\/|\\.js$/g, "")]),
  },
  startup: {typeset: false},
  chtml: {fontURL: "FONTS"},
};
"""
#: Sets formulas, each with whether it stands alone; returns their HTML and their style.
SET = """(formulas) => {
  const page = MathJax.startup.adaptor;
  MathJax.startup.output.clearCache();
  const set = formulas.map(([tex, display]) => page.outerHTML(MathJax.tex2chtml(tex, {display})));
  return JSON.stringify([set, page.textContent(MathJax.chtmlStylesheet())]);
}"""
FORMULA = re.compile(
    r'(?P<start><(?P<tag>span|div) class="math [^>]*>\s*(?:<span class="eqno">.*?</span>(?=\\))?)'
    r"(?P<tex>\\[(\[].*?\\[)\]]|\\begin.*?)\s*(?P<end></(?P=tag)>)",
    re.S,
)
#: What Sphinx and MyST put into the page for MathJax.
SCRIPT = re.compile(
    r"\s*<script [^>]*mathjax[@/][^>]*></script>|\s*<script>window\.MathJax = .*?</script>"
)


class Typesetter:
    """MathJax in V8; it is closed with ``with``."""

    def __init__(self) -> None:
        self._v8 = MiniRacer()
        names = ["startup", *PARTS]
        files = {
            name: (PROGRAM / f"{name.replace('/', '-')}.js").read_text(encoding="utf-8")
            for name in names
        }
        given = f"const PARTS = {json.dumps(PARTS)}, FILES = {json.dumps(files)};"
        self._v8.eval(f"{given}{START}(0, eval)(FILES.startup); 0")

    def __enter__(self) -> "Typesetter":
        return self

    def __exit__(self, *_: object) -> None:
        self._v8.close()

    def __call__(self, formulas: list[tuple[str, bool]]) -> tuple[list[str], str]:
        """Return the HTML of each formula, and the style that all need.

        Parameters
        ----------
        formulas : list of tuple
            TeX without delimiters, and whether it stands alone.
        """
        found, style = json.loads(str(self._v8.eval(f"({SET})({json.dumps(formulas)})")))
        for (tex, _), made in zip(formulas, found, strict=True):
            if "<mjx-merror" in made:
                raise SphinxError(f"MathJax can't set {tex!r}")
        return found, style


def typeset_page(text: str, typesetter: Typesetter, fonts: str) -> str:
    """Return the HTML page `text` with its formulas set.

    Parameters
    ----------
    text : str
    typesetter : Typesetter
    fonts : str
        The folder of MathJax's fonts, seen from the page.
    """
    text = SCRIPT.sub("", text)
    places = list(FORMULA.finditer(text))
    if not places:
        return text
    formulas = []
    for place in places:
        tex = html.unescape(place["tex"])
        is_inline = tex.startswith(r"\(")
        formulas.append((tex if tex.startswith(r"\begin") else tex[2:-2], not is_inline))
    made, style = typesetter(formulas)
    pieces, last = [], 0
    for place, formula in zip(places, made, strict=True):
        pieces += [text[last : place.start()], place["start"], formula, place["end"]]
        last = place.end()
    text = "".join([*pieces, text[last:]])
    style = style.replace("FONTS", fonts)
    return text.replace("</head>", f"<style>{style}</style>\n</head>", 1)


def _typeset_all(app: Any, exception: Exception | None) -> None:
    if exception or app.builder.format != "html":
        return
    site = Path(app.outdir)
    with Typesetter() as typesetter:
        for path in sorted(site.rglob("*.html")):
            if path.is_relative_to(site / "_static"):
                continue
            up = "../" * (len(path.relative_to(site).parts) - 1)
            text = path.read_text(encoding="utf-8")
            new = typeset_page(text, typesetter, f"{up}_static/mathjax/fonts")
            if new != text:
                path.write_text(new, encoding="utf-8")


def setup(app: Any) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.connect("build-finished", _typeset_all, priority=800)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
