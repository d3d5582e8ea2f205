"""Turn the book's MyST into the Markdown that Colab, JupyterLab and others render.

Roles become words and links: to the website or, without its address, to the files.
A drawing is put into the text itself, since its file is not beside the notebook. Figures, tables
and equations are numbered within the notebook. What is not known raises an error, so that no
new directive slips through.
"""

import base64
import itertools
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import drawings
import notebooks
from pybtex.database import Entry, parse_file

__all__ = ["Book", "numbers"]

#: Code in fences, formulas, roles, code in backquotes, links: whichever comes first.
PARTS = re.compile(
    r"^```[^{].*?^```$"
    r"|\$\$(?P<formula>.*?)\$\$(?: \((?P<label>[\w-]+)\)$)?"
    r"|\{(?P<role>[\w:+-]+)\}`(?P<content>[^`]+)`"
    r"|`[^`\n]+`"
    r"|(?<!!)\[(?P<text>[^\]\n]*)\]\((?P<target>[^)\s:]+)\)",
    re.M | re.S,
)
FENCE = re.compile(r"^(?::{3,}|`{3,})\{([^}]+)\} ?(.*)$")
OPTION = re.compile(r"^:([a-z-]+): ?(.*)$")
#: What has a number, in the order of the text.
NUMBERED = re.compile(
    r"^:::\{(?P<kind>figure|table)\}.*\n(?::(?!name)[a-z-]+:.*\n)*:name: (?P<name>[\w-]+)$"
    r"|\$\$ \((?P<equation>[\w-]+)\)$",
    re.M,
)


def authors(entry: Entry) -> str:
    """Return the last names as a text cites them: one, two, or one et al."""
    names = [" ".join(person.last_names) for person in entry.persons["author"]]
    names = [name.strip("{}") for name in names]
    return names[0] + " et al." if len(names) > 2 else " and ".join(names)


def numbers(cells: Iterable[Any]) -> dict[str, str]:
    """Return what the labels of a notebook's cells are called, such as "Figure 1" or "(2)".

    Each kind is numbered from 1 on in the order of the cells. A figure is a drawing or what
    a code cell draws under a name.
    """
    counts: defaultdict[str, itertools.count[int]] = defaultdict(lambda: itertools.count(1))
    called = {}
    for cell in cells:
        if cell.cell_type == "code":
            if name := cell.metadata.get("mystnb", {}).get("figure", {}).get("name"):
                called[name] = f"Figure {next(counts['figure'])}"
            continue
        for found in NUMBERED.finditer(cell.source):
            if found["equation"]:
                called[found["equation"]] = f"({next(counts['equation'])})"
            else:
                kind = found["kind"]
                called[found["name"]] = f"{kind.title()} {next(counts[kind])}"
    return called


@dataclass
class Book:
    """What the text of a book refers to.

    Attributes
    ----------
    site : str
        Address of the website, with a slash at its end; empty for links to the files.
    titles : dict of str to str
        Page, without folder and ending → its title.
    references : dict of str to Entry
        The bibliography.
    folder : Path
        Where the drawings are found.
    """

    site: str
    titles: dict[str, str]
    references: dict[str, Entry]
    folder: Path

    @classmethod
    def read(cls, folder: Path, site: str) -> "Book":
        """Return the book whose pages and ``references.bib`` are in `folder`."""
        paths = [*folder.glob("*.ipynb"), *folder.glob("*.md")]
        entries = parse_file(str(folder / "references.bib")).entries
        return cls(
            site, {path.stem: notebooks.page_title(path) for path in paths}, dict(entries), folder
        )

    def plain(self, text: str, called: Mapping[str, str]) -> str:
        """Return `text` without MyST.

        Parameters
        ----------
        text : str
            A cell or a page.
        called : mapping of str to str
            Label → what it is called, as `numbers` returns it.

        Raises
        ------
        ValueError
            If a role, a directive or a link is not known.
        """
        code = re.compile(r"^(```)(?!\{)[^\n]*\n.*?^```$", re.M | re.S)
        parts = _outside(code, text)
        parts[::2] = [self._without_fences(part, called) for part in parts[::2]]
        plain = PARTS.sub(lambda found: self._part(found, called), "".join(parts))
        return re.sub(r"\n{3,}", "\n\n", plain).strip("\n")

    def _part(self, found: re.Match[str], called: Mapping[str, str]) -> str:
        if found["role"]:
            return self._role(found["role"], found["content"], called)
        if found["target"]:
            return self._link(found["text"], found["target"])
        if found["label"]:
            number = _called(found["label"], called).strip("()")
            return f"$${found['formula'].rstrip()} \\tag{{{number}}}\n$$"
        return found[0]

    def _link(self, text: str, target: str) -> str:
        name, _, anchor = target.partition("#")
        stem = name.removeprefix("/book/").removesuffix(".md").removesuffix(".ipynb")
        api = self.folder / f"{stem}.md"
        if stem and stem not in self.titles and not (stem.startswith("api/") and api.is_file()):
            raise ValueError(f"the link {target!r} leads to no page")
        if not text:
            text = self.titles[stem] if stem in self.titles else notebooks.page_title(api)
        address = self._address(stem) if stem else ""
        return f"[{text}]({address}{'#' + anchor if anchor else ''})"

    def _address(self, stem: str) -> str:
        if self.site:
            return f"{self.site}book/{stem}.html"
        return f"{stem}.ipynb" if (self.folder / f"{stem}.ipynb").is_file() else f"{stem}.md"

    def _role(self, role: str, content: str, called: Mapping[str, str]) -> str:
        words = content.partition("<")[0].strip()
        if role == "term":
            return words
        if role == "doc":
            return self._link("", content)
        if role in ("eq", "numref"):
            return _called(content, called)
        cite = {"cite:p": self._in_brackets, "cite:t": self._in_text}.get(role)
        if cite is None:
            raise ValueError(f"the role {role!r} is not known")
        return cite([key.strip() for key in content.split(",")])

    def _in_brackets(self, keys: list[str]) -> str:
        return f"({self._cited(keys, '{}, {}'.format)})"

    def _in_text(self, keys: list[str]) -> str:
        return self._cited(keys, "{} ({})".format)

    def _cited(self, keys: list[str], form: Callable[[str, str], str]) -> str:
        for key in keys:
            if key not in self.references:
                raise ValueError(f"{key!r} is not in the bibliography")
        entries = [self.references[key] for key in keys]
        cited = [form(authors(entry), entry.fields["year"]) for entry in entries]
        if not self.site:  # the page of references is made with the website
            return "; ".join(cited)
        return "; ".join(f"[{words}]({self._address('bibliography')})" for words in cited)

    def _without_fences(self, text: str, called: Mapping[str, str]) -> str:
        """Return `text` with drawings as images and bold titles for the other directives."""
        lines: list[str] = []
        rest = text.split("\n")
        while rest:
            line = rest.pop(0)
            if fence := FENCE.match(line):
                options = {}
                while rest and (option := OPTION.match(rest[0])):
                    options[option[1]] = option[2]
                    rest.pop(0)
                number = called.get(options.get("name", ""), "")
                if fence[1] == "figure":
                    lines += ["", self._image(fence[2], options), "", number and f"**{number}.**"]
                    while rest and not rest[0]:  # the caption follows its number
                        rest.pop(0)
                    if number and rest:
                        lines[-1] += f" {rest.pop(0)}"
                elif fence[1] == "literalinclude":
                    lines += self._included(fence[2], options)  # the fence ends it
                else:
                    words = f"{number}. {fence[2]}" if number else fence[2]
                    if fence[1] not in ("dropdown", "table"):
                        raise ValueError(f"the directive {fence[1]!r} is not known")
                    lines += ["", f"**{words}**", ""]
            elif not line.startswith(":::"):
                lines.append(line)
        return "\n".join(lines)

    def _included(self, name: str, options: Mapping[str, str]) -> list[str]:
        """Return a file from the line `start-at` on, as the beginning of a block of code."""
        lines = (self.folder / name).read_text(encoding="utf-8").rstrip().split("\n")
        start = options.get("start-at", "").strip('"')
        places = [number for number, line in enumerate(lines) if start in line]
        if not places or options.keys() - {"language", "start-at"}:
            raise ValueError(f"the options {options} of {name!r} are not known")
        return [f"```{options.get('language', '')}", *lines[places[0] :]]

    def _image(self, name: str, options: Mapping[str, str]) -> str:
        """Return a drawing of the book's folder as an image that holds the whole file."""
        if not (name.endswith(".svg") and (self.folder / name).is_file()):
            raise ValueError(f"the figure {name!r} is no drawing of the book")
        if not options.get("alt"):
            raise ValueError(f"the figure {name!r} has no :alt:")
        text = (self.folder / name).read_text(encoding="utf-8")
        paper = "color: black; background: white"  # legible on a dark page, too
        svg = drawings.inline_svg(text, Path(name).stem, options["alt"], paper)
        data = base64.b64encode(svg.encode()).decode()
        sizes = [
            f'{key}="{options[key].removesuffix("px")}" '
            for key in ("width", "height")
            if key in options
        ]
        alt = escape(options["alt"])
        return f'<img src="data:image/svg+xml;base64,{data}" {"".join(sizes)}alt="{alt}">'


def _called(label: str, called: Mapping[str, str]) -> str:
    if label not in called:
        raise ValueError(f"the label {label!r} is not in this notebook")
    return called[label]


def _outside(code: re.Pattern[str], text: str) -> list[str]:
    """Split `text` into what is outside of code (even places) and the code (odd places)."""
    parts, end = [], 0
    for found in code.finditer(text):
        parts += [text[end : found.start()], found[0]]
        end = found.end()
    return [*parts, text[end:]]
