"""Make the edition of the lessons that opens on Google Colab.

    GITHUB_REPOSITORY=owner/name python book/tools/colab.py --output FOLDER

Colab opens one notebook of a repository, without the files beside it. So each
lesson gets a first cell that installs ``ch11lib`` from the same repository and
the same commit, and nothing that is there already; its text is turned into plain
Markdown (see `plain_markdown`); solutions are folded; and a folded cell is a form, which
shows its label in the place of its code. The workflow ``deploy.yml`` stores the
folder in the branch ``colab`` of the repository, where the website's buttons
look for it: a fork has its own.
"""

import argparse
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import exercises
import nbformat
import notebooks
import plain_markdown
import site_build

#: The branch that the buttons open.
BRANCH = "colab"

INSTALL = """\
# On Colab: install the course's package. What is there already stays as it is.
import importlib.util
import os
import sys

if importlib.util.find_spec("ch11lib") is None:
    !"{{sys.executable}}" -m pip list --format=freeze > installed.txt
    !"{{sys.executable}}" -m pip install --constraint installed.txt "{requirement}"
    importlib.invalidate_caches()
    import ch11lib

# TensorFlow's notes on the machine are no results: they are not shown below the cells.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if importlib.util.find_spec("tensorflow"):
    shown, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    import tensorflow

    os.dup2(shown, 2)"""

NOTE = """\
> **An edition for Colab**, made from [{title}]({page}). \
With the kernel that you start here its figures are live; on the website they move without one."""


def pages(root: Path = site_build.ROOT) -> list[str]:
    """Return the pages that run with the package alone: they read no file of the repository."""
    found = {path.relative_to(root).with_suffix("").as_posix(): path for path in _paths(root)}
    return [page for page, path in found.items() if "../" not in _code(path)]


def _paths(root: Path) -> list[Path]:
    paths = [root / f"{page}.ipynb" for page in site_build.toc_pages(root)]
    return [path for path in paths if path.is_file()]


def _code(path: Path) -> str:
    cells = nbformat.read(path, as_version=4).cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == "code")


def requirement(repository: str, commit: str = "main") -> str:
    """Return what pip installs: the package in a commit of a repository on GitHub."""
    return f"ch11lib @ https://github.com/{repository}/archive/{commit}.zip"


def edition(path: Path, install: str, site: str, texts: plain_markdown.Book) -> Any:
    """Return the notebook at `path` as Colab shows it.

    Parameters
    ----------
    path : Path
        A notebook of the book, stored executed. Its outputs are kept.
    install : str
        A requirement for pip, as `requirement` returns it.
    site : str
        Address of the website, with a slash at its end.
    texts : plain_markdown.Book
        The titles and references that the text links.

    Raises
    ------
    ValueError
        If the text holds MyST that `plain_markdown` does not know.
    """
    page = f"{site}book/{path.stem}.html"
    note = NOTE.format(title=texts.titles[path.stem], page=page)
    first = [
        nbformat.v4.new_markdown_cell(note),
        nbformat.v4.new_code_cell(INSTALL.format(requirement=install)),
    ]
    made = plain(path, texts, first)
    for cell in made.cells:
        if cell.cell_type == "code" and notebooks.FOLDED & {*cell.metadata.get("tags", [])}:
            label = cell.metadata.get("mystnb", {}).get("code_prompt_show", "Code")
            cell.metadata["cellView"] = "form"  # Colab shows the title alone
            cell.source = f"#@title {label}\n{cell.source}"
        if cell.source == exercises.SOLUTION:
            cell.metadata["id"] = cell.id  # by which Colab finds it
    folded = [cell.id for cell in made.cells if cell.source == exercises.SOLUTION]
    made.metadata["colab"] = {"collapsed_sections": folded}
    return made


def plain(path: Path, texts: plain_markdown.Book, first: Sequence[Any] = ()) -> Any:
    """Return the notebook at `path` in plain Markdown, behind the cells `first`.

    Captions of figures stand below them as text. The heading of a solution is a cell of its
    own: JupyterLab folds what follows it up to the next exercise.
    """
    source = nbformat.read(path, as_version=4)
    made = notebooks.normalize(nbformat.from_dict({**source, "cells": [*first, *source.cells]}))
    called = plain_markdown.numbers(made.cells)
    cells: list[Any] = []
    for cell in made.cells:
        if cell.cell_type == "markdown":
            cells += _split(cell, texts.plain(cell.source, called))
        else:
            cells.append(cell)
    made.cells = cells
    return _with_captions(made, called, texts)


def _split(cell: Any, text: str) -> list[Any]:
    """Return the cells of a text, split before each exercise and around each solution's head."""
    heads = rf"(?m)^(?={exercises.EXERCISE})|^({exercises.SOLUTION})$"
    parts = [part.strip("\n") for part in re.split(heads, text) if part]
    made = []
    for number, part in enumerate(filter(None, parts)):
        one = nbformat.v4.new_markdown_cell(part, metadata=dict(cell.metadata))
        one.id = f"{cell.id}-{number}" if number else cell.id  # the same each time
        if part == exercises.SOLUTION:
            one.metadata["jp-MarkdownHeadingCollapsed"] = True
        made.append(one)
    return made


def _with_captions(made: Any, called: dict[str, str], texts: plain_markdown.Book) -> Any:
    """Put the caption of each figure that a code cell draws below it."""
    cells = []
    for cell in made.cells:
        cells.append(cell)
        figure = cell.metadata.get("mystnb", {}).get("figure", {})
        if "caption" in figure:
            number = called.get(figure.get("name", ""), "")
            words = f"**{number}.** {figure['caption']}" if number else figure["caption"]
            cells.append(nbformat.v4.new_markdown_cell(texts.plain(words, called)))
            cells[-1].id = f"{cell.id}-caption"  # the same each time
    made.cells = cells
    return made


def write(output: Path, repository: str, commit: str, root: Path = site_build.ROOT) -> list[Path]:
    """Write the edition of every page into ``output/book``; return the notebooks."""
    site = site_build.site_url()
    texts = plain_markdown.Book.read(root / "book", site)
    made = []
    for page in pages(root):
        path = output / f"{page}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        install = requirement(repository, commit)
        notebooks.write(path, edition(root / f"{page}.ipynb", install, site, texts))
        made.append(path)
    return made


def main() -> None:
    """Write into the folder that the command line names."""
    parser = argparse.ArgumentParser(description="Make the edition for Colab.")
    parser.add_argument("--output", type=Path, required=True)
    output = parser.parse_args().output.resolve()
    repository = site_build.repository()
    if not repository:
        sys.exit("GITHUB_REPOSITORY is not set; it must be 'owner/name'")
    commit = os.environ.get("GITHUB_SHA", "main")
    if not re.fullmatch(r"[\w./-]+", commit):
        sys.exit(f"GITHUB_SHA is {commit!r}; it must be a commit or a branch")
    for path in write(output, repository, commit):
        print(path)


if __name__ == "__main__":
    main()
