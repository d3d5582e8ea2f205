"""Turn the book's MyST into the Markdown that Colab and others render.

Roles become words and links to the website, exercises and solutions headings in
bold. What is not known raises an error, so that no new directive slips through.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat
from pybtex.database import Entry, parse_file

__all__ = ["Book"]

#: Code in fences, formulas, roles, code in backquotes, links: whichever comes first.
PARTS = re.compile(
    r"^```[^{].*?^```$"
    r"|\$\$.*?\$\$(?P<label> \([\w-]+\)$)?"
    r"|\{(?P<role>[a-z:]+)\}`(?P<content>[^`]+)`"
    r"|`[^`\n]+`"
    r"|(?<!!)\[(?P<text>[^\]\n]*)\]\((?P<target>[^)\s:]+)\)",
    re.M | re.S,
)
FENCE = re.compile(r"^:::\{([a-z-]+)\} ?(.*)$")
OPTION = re.compile(r"^:[a-z-]+:")


def title(path: Path) -> str:
    """Return the first heading of a page."""
    if path.suffix == ".ipynb":
        text = nbformat.read(path, as_version=4).cells[0].source
    else:
        text = path.read_text(encoding="utf-8")
    found = re.search(r"^# (.+)$", text, re.M)
    if not found:
        raise ValueError(f"{path} has no heading")
    return found[1]


def authors(entry: Entry) -> str:
    """Return the last names as a text cites them: one, two, or one et al."""
    names = [" ".join(person.last_names) for person in entry.persons["author"]]
    names = [name.strip("{}") for name in names]
    return names[0] + " et al." if len(names) > 2 else " and ".join(names)


@dataclass
class Book:
    """What the text of a book refers to.

    Attributes
    ----------
    site : str
        Address of the website, with a slash at its end.
    titles : dict of str to str
        Page, without folder and ending → its title.
    references : dict of str to Entry
        The bibliography.
    """

    site: str
    titles: dict[str, str]
    references: dict[str, Entry]

    @classmethod
    def read(cls, folder: Path, site: str) -> "Book":
        """Return the book whose pages and ``references.bib`` are in `folder`."""
        paths = [*folder.glob("*.ipynb"), *folder.glob("*.md")]
        entries = parse_file(str(folder / "references.bib")).entries
        return cls(site, {path.stem: title(path) for path in paths}, dict(entries))

    def plain(self, text: str, page: str) -> str:
        """Return `text` without MyST.

        Parameters
        ----------
        text : str
            A cell or a page.
        page : str
            Address of the page that holds it; links to its numbered parts go there.

        Raises
        ------
        ValueError
            If a role, a directive or a link is not known.
        """
        plain = PARTS.sub(lambda found: self._part(found, page), _without_fences(text))
        return re.sub(r"\n{3,}", "\n\n", plain).strip("\n")

    def _part(self, found: re.Match[str], page: str) -> str:
        if found["role"]:
            return self._role(found["role"], found["content"], page)
        if found["target"]:
            return self._link(found["text"], found["target"])
        return found[0].removesuffix(found["label"] or "")

    def _link(self, text: str, target: str) -> str:
        name, _, anchor = target.partition("#")
        stem = name.removesuffix(".md")
        if stem and stem not in self.titles and not stem.startswith("api/"):
            raise ValueError(f"the link {target!r} leads to no page")
        address = f"{self.site}book/{stem}.html" if stem else ""
        return f"[{text or self.titles[stem]}]({address}{'#' + anchor if anchor else ''})"

    def _role(self, role: str, content: str, page: str) -> str:
        words = content.partition("<")[0].strip()
        if role == "term":
            return words
        if role == "doc":
            return self._link("", content)
        if role in ("eq", "numref"):
            kind = "table" if content.startswith("tbl-") else "figure"
            kind = "equation" if role == "eq" else kind
            anchor = f"equation-{content}" if role == "eq" else content
            return f"[the {kind}]({page}#{anchor})"
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
        address = f"{self.site}book/bibliography.html"
        return "; ".join(f"[{words}]({address})" for words in cited)


def _without_fences(text: str) -> str:
    """Return `text` with exercises, solutions and drop-downs as headings in bold."""
    lines: list[str] = []
    options = False
    for line in text.split("\n"):
        if fence := FENCE.match(line):
            lines += _heading(fence[1], fence[2])
            options = True
        elif line.startswith(":::"):
            options = False
        elif not (options and OPTION.match(line)):
            options = False
            lines.append(line)
    return "\n".join(lines)


def _heading(directive: str, words: str) -> list[str]:
    headings = {
        "exercise": f"**Exercise: {words}**",
        "solution-start": "**Solution**",
        "solution-end": "",
        "dropdown": f"**{words}**",
        "table": f"**{words}**",
    }
    if directive not in headings:
        raise ValueError(f"the directive {directive!r} is not known")
    return ["", headings[directive], ""]
