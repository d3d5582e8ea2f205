"""Each number in the prose of a notebook is one that a cell prints, as a gate.

A number in a markdown cell, a caption or an alt text must be found

- in an output of the notebook: a print, a table, a claim, an explorer's text;
  rounded to the precision that the prose gives; 74.7% may be printed as 0.747;
- or as a number in code that the page shows: 20 layers, a learning rate of 0.01;
- or in the list ``given`` of its cell's metadata: constants and years, as written
  in the text (``"given": ["2010", "25"]``).

Formulas, code in backquotes, links, roles, names such as *float32* and the
numbers of lists are left out; so are 0, 1 and 2 with nothing behind them. Signs
are not compared. 10⁻¹² stands for all numbers of about that size.
"""

import ast
import math
import re
from dataclasses import dataclass
from html.parser import HTMLParser

from form_gates import visible_code

SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
POWERS = "[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺]+"
FRACTIONS = {"½": 0.5, "¼": 0.25, "¾": 0.75, "⅓": 1 / 3, "⅔": 2 / 3, "⅛": 0.125}
WORDS = {"thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
NUMBER = re.compile(
    rf"(?<![\w.])(?<![A-Za-z][-–])(?:10(?P<power>{POWERS})"
    r"|(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
    rf"(?:(?P<exponent>[eE][-+]?\d+)\b|\s?[×·]\s?10(?P<times>{POWERS}))?)"
    r"(?P<ordinal>st|nd|rd|th)?(?P<percent>\s?%)?"
    r"(?P<unit>\s+(?:thousand|million|billion|trillion)\b)?(?P<more>\s?(?:points?|times|×|x)\b)?"
)
#: What is no prose: code, formulas, comments, roles, links' targets, directives, numbered lists.
ASIDE = re.compile(
    r"^(?P<ticks>`{3,})(?!\{).*?^(?P=ticks)[ ]*$"
    r"|\$\$.*?\$\$(?:[ ]\([\w-]+\))?"
    r"|(?<!\\)\$[^$\n]+(?:\n[^$\n]+)*?\$"
    r"|<!--.*?-->"
    r"|\{[\w:.-]+\}`[^`]*`"
    r"|`[^`\n]+`"
    r"|(?<=\])\([^)\n]*\)(?:\{[^}\n]*\})?"
    r"|https?://\S+"
    r"|^(?::{3,}|`{3,})\{(?:figure|image|include|literalinclude)\}[^\n]*$"
    r"|^:(?!alt:)[\w-]+:[^\n]*$"
    r"|^\([\w-]+\)=[ ]*$|\[\^[\w-]+\]"
    r"|^[ ]*\d+[.)](?=\s)|^#+[ ]+\d+(?:\.\d+)*[.)]?(?=\s)"
    r"|\\begin\{(?P<env>\w+\*?)\}.*?\\end\{(?P=env)\}",
    re.M | re.S,
)
TAG = re.compile(r"<[^>]*>")
ALT = re.compile(r"\balt=\"([^\"]*)\"")


@dataclass(frozen=True)
class Number:
    """A number as a text writes it; `half` is half a unit of its last digit."""

    text: str
    value: float
    half: float
    percent: bool = False
    power: bool = False  # a power of ten: its size counts
    bare: bool = True  # nothing behind it

    def is_trivial(self):
        """Whether it is 0, 1 or 2 and no more than that."""
        return self.bare and self.text in {"0", "1", "2"}

    def is_printed_as(self, printed):
        """Whether it is the rounded value of a printed number."""
        candidates = [printed.value]
        if self.percent and not printed.percent:
            candidates.append(100 * printed.value)
        if printed.percent and not self.percent:
            candidates.append(printed.value / 100)
        if self.power:
            return any(v > 0 and abs(math.log10(v / self.value)) <= 0.5 for v in candidates)
        return any(abs(v - self.value) <= self.half * (1 + 1e-9) for v in candidates)


def numbers(text):
    """Return the numbers that a text holds."""
    found = []
    for match in NUMBER.finditer(text):
        if match["ordinal"]:
            continue
        shown = match.group().strip()
        factor = WORDS.get((match["unit"] or "").strip(), 1.0)
        if match["power"]:
            value = 10.0 ** int(match["power"].translate(SUPERSCRIPTS))
            found.append(Number(shown, value, 0.0, power=True, bare=False))
            continue
        digits = match["digits"].replace(",", "")
        exponent = match["exponent"] or "e0"
        if match["times"]:
            exponent = "e" + match["times"].translate(SUPERSCRIPTS)
        scale = float("1" + exponent) * factor
        last = 10.0 ** -len(digits.partition(".")[2])
        bare = not (match["percent"] or match["unit"] or match["more"])
        percent = bool(match["percent"])
        found.append(Number(shown, float(digits) * scale, last * scale / 2, percent, bare=bare))
    return found + [Number(c, FRACTIONS[c], 1e-3) for c in text if c in FRACTIONS]


def prose(markdown):
    """Return the words of a markdown cell, alt texts of images with them."""
    alts = " ".join(ALT.findall(markdown))
    return TAG.sub(" ", ASIDE.sub(" ", markdown)) + "\n" + alts


class _Text(HTMLParser):
    """The text of HTML: what is read, alt texts, and an explorer's texts for other settings."""

    def __init__(self):
        super().__init__()
        self.parts, self.skipped = [], False

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        script = tag == "script" and values.get("type") != "application/json"
        self.skipped = script or tag == "style"
        self.parts += [values[key] or "" for key in ("alt", "aria-label") if key in values]

    def handle_endtag(self, tag):
        self.skipped = False

    def handle_data(self, data):
        if not self.skipped:
            self.parts.append(re.sub(r'"[A-Za-z0-9+/=]{200,}"', '""', data))


def text_of_output(output):
    """Return what a reader reads of an output."""
    data = output.get("data", {})
    if html := data.get("text/html"):
        parser = _Text()
        parser.feed(html)
        return " ".join(parser.parts)
    plain = "" if "image/png" in data else data.get("text/plain", "")
    return output.get("text", "") + plain + data.get("text/markdown", "")


def printed_numbers(notebook):
    """Return the numbers that the cells print."""
    return [
        number
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        for number in numbers(text_of_output(output))
    ]


def shown_numbers(notebook):
    """Return the numbers in code that the page shows, with their exact values."""
    return [
        Number(str(node.value), abs(float(node.value)), 0.0)
        for cell in visible_code(notebook)
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.Constant) and type(node.value) in (int, float)
    ]


def texts_with_cells(notebook):
    """Return what words there are in the notebook, each with its cell and its place."""
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            yield cell, f"cell {index}", prose(cell.source)
        mystnb = cell.metadata.get("mystnb", {})
        captions = {"caption": mystnb.get("figure", {}).get("caption", "")}
        captions["alt text"] = mystnb.get("image", {}).get("alt", "")
        yield from ((cell, f"{kind} of cell {index}", prose(t)) for kind, t in captions.items())


def find_unprinted_numbers(notebook):
    """Return the numbers of prose, captions and alt texts that no cell prints."""
    known = printed_numbers(notebook) + shown_numbers(notebook)
    problems, used = [], {}
    for cell, place, text in texts_with_cells(notebook):
        given = [(one, number) for one in cell.metadata.get("given", []) for number in numbers(one)]
        used.setdefault(id(cell), set())
        for number in numbers(text):
            matching = {one for one, n in given if math.isclose(n.value, number.value)}
            used[id(cell)] |= matching
            if matching or number.is_trivial() or any(map(number.is_printed_as, known)):
                continue
            at = text.find(number.text)
            words = " ".join(text[max(0, at - 25) : at + len(number.text) + 15].split())
            problems.append(f"{place}: no cell prints {number.text} (…{words}…)")
    for index, cell in enumerate(notebook.cells):
        for one in cell.metadata.get("given", []):
            if one not in used.get(id(cell), set()):
                problems.append(f"cell {index}: given lists {one!r}, which its text does not hold")
    return problems
