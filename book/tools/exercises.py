"""A Sphinx extension: exercises that read well where no Sphinx is.

In a source, an exercise and its solution are headings, so that GitHub, JupyterLab and Colab
show them as they are:

    ### Exercise: By hand

    Add the two numbers.

    #### Solution

    They make three.

An exercise ends at its solution; a solution ends at the next heading, and may hold cells of
code. `to_directives` makes of them the boxes of sphinx-exercise before Sphinx reads a page.
`to_headings` is the way back: a lesson may be written with the directives, and is stored with
headings (see `notebooks.normalize`).
"""

import json
import re
from typing import Any

__all__ = ["EXERCISE", "SOLUTION", "setup", "to_directives", "to_headings"]

#: The headings of an exercise (its beginning) and of a solution.
EXERCISE = "### Exercise: "
SOLUTION = "#### Solution"

#: What of a text is code, which is left alone.
CODE = re.compile(r"^(?P<fence>`{3,}|~{3,})(?!\{).*?^(?P=fence)[ ]*$", re.M | re.S)
DIRECTIVE = re.compile(
    r"^(?P<fence>:{3,})\{(?P<kind>exercise|solution)\} (?P<words>[^\n]*)\n"
    r"(?::(?:label|class): [^\n]*\n)*(?P<body>.*?)\n?^(?P=fence)[ ]*$",
    re.M | re.S,
)
START = re.compile(r"^(:{3,})\{solution-start\} .*\n(?::class: .*\n)*\1[ ]*$", re.M)
END = re.compile(r"^(:{3,})\{solution-end\}[ ]*\n\1[ ]*$", re.M)
HEADING = re.compile(r"#{1,3} ")


def to_headings(text: str) -> str:
    """Return a cell or a page with its exercises and solutions as headings.

    Raises
    ------
    ValueError
        If text follows the end of a solution: as a part of it, it would be folded.
    """
    for end in END.finditer(text):
        behind = text[end.end() :].strip()
        if behind and not re.match(r"#|:{3,}\{exercise\}", behind):
            raise ValueError(f"behind a solution stands {behind[:40]!r}: begin with a heading")
    plain = DIRECTIVE.sub(_heading, END.sub("", START.sub(SOLUTION, text)))
    return re.sub(r"\n{3,}", "\n\n", plain).strip("\n") if plain != text else text


def _heading(found: re.Match[str]) -> str:
    head = EXERCISE + found["words"] if found["kind"] == "exercise" else SOLUTION
    return f"{head}\n\n{found['body'].strip()}\n"


def to_directives(texts: list[str], page: str) -> list[str]:
    """Return the cells of a page with its exercises and solutions as directives.

    Parameters
    ----------
    texts : list of str
        The page's text, cell by cell. A solution that is open at its end stays so: give an
        empty cell at last if that is not a text.
    page : str
        Its name, for the labels.

    Raises
    ------
    ValueError
        If a solution stands below no exercise, or two exercises have the same title.
    """
    label, labels, in_solution, made = "", set[str](), False, []
    for number, text in enumerate(texts):
        lines, in_exercise, code = list[str](), False, _lines_of_code(text)
        for place, line in enumerate(text.split("\n")):
            if place not in code and (HEADING.match(line) or line == SOLUTION):
                lines += ["::::::", ""] * in_exercise
                lines += [":::{solution-end}", ":::", ""] * in_solution
                in_exercise = in_solution = False
                if line.startswith(EXERCISE):
                    title = line.removeprefix(EXERCISE)
                    label = f"{page}-{re.sub('[^a-z0-9]+', '-', title.lower()).strip('-')}"
                    if label in labels:
                        raise ValueError(f"{page} has two exercises {title!r}")
                    labels.add(label)
                    in_exercise = True
                    line = f"::::::{{exercise}} {title}\n:label: {label}"
                elif line == SOLUTION:
                    if not label:
                        raise ValueError(f"{page} has a solution below no exercise")
                    in_solution = True
                    line = f":::{{solution-start}} {label}\n:class: dropdown\n:::"
                    label = ""
            lines.append(line)
        lines += ["::::::"] * in_exercise
        if in_solution and number == len(texts) - 1:
            lines += ["", ":::{solution-end}", ":::"]
        made.append("\n".join(lines))
    return made


def _lines_of_code(text: str) -> set[int]:
    numbers = set[int]()
    for found in CODE.finditer(text):
        first = text.count("\n", 0, found.start())
        numbers |= {*range(first, first + found[0].count("\n") + 1)}
    return numbers


def read(app: Any, page: str, source: list[str]) -> None:
    """Change a page before Sphinx reads it."""
    if EXERCISE not in source[0]:
        return
    name = page.rpartition("/")[2]
    if not app.env.doc2path(page).endswith(".ipynb"):
        (source[0],) = to_directives([source[0]], name)
        return
    notebook = json.loads(source[0])
    cells = notebook["cells"]
    if cells[-1]["cell_type"] != "markdown":  # to end a solution in
        cells.append({"id": "end", "cell_type": "markdown", "metadata": {}, "source": ""})
    text = [cell for cell in cells if cell["cell_type"] == "markdown"]
    texts = to_directives(["".join(cell["source"]) for cell in text], name)
    for cell, changed in zip(text, texts, strict=True):
        cell["source"] = changed
    source[0] = json.dumps(notebook)


def setup(app: Any) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.connect("source-read", read)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
