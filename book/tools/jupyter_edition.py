"""Make the edition of the lessons that JupyterLab shows.

    python book/tools/jupyter_edition.py --output FOLDER   # `make jupyter`
    python book/tools/jupyter_edition.py --in-place        # on Binder

JupyterLab knows nothing of Sphinx. So the text is turned into plain Markdown (see
`plain_markdown`): links lead to the notebooks, terms and references are words, captions
stand below their figures, and solutions are folded. The notebook names this Python as
JupyterLab does, so that opening it changes nothing.
"""

import argparse
import platform
import sys
from pathlib import Path
from typing import Any

import colab
import lab_page
import notebooks
import plain_markdown
import site_build

__all__ = ["edition"]

#: What JupyterLab writes into a notebook that it opens.
KERNELSPEC = {**notebooks.KERNELSPEC, "display_name": "Python 3 (ipykernel)"}
LANGUAGE = {
    "codemirror_mode": {"name": "ipython", "version": sys.version_info[0]},
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "nbconvert_exporter": "python",
    "pygments_lexer": f"ipython{sys.version_info[0]}",
    "version": platform.python_version(),
}


def edition(path: Path, texts: plain_markdown.Book) -> Any:
    """Return the notebook at `path` as JupyterLab shows it. Its outputs are kept."""
    made = colab.plain(path, texts)
    made.metadata["kernelspec"], made.metadata["language_info"] = KERNELSPEC, LANGUAGE
    return made


def main() -> None:
    """Write into the folder that the command line names, or over the lessons."""
    parser = argparse.ArgumentParser(description="Make the edition for JupyterLab.")
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--output", type=Path)
    place.add_argument("--in-place", action="store_true", help="for a machine that is thrown away")
    arguments = parser.parse_args()
    root = site_build.ROOT
    texts = plain_markdown.Book.read(root / "book", site="")
    if arguments.in_place:  # here are all files that the lessons read
        paths, folder = notebooks.toc_notebooks(), root / "book"
    else:
        paths = [root / f"{page}.ipynb" for page in colab.pages(root)]
        folder = arguments.output.resolve()
        folder.mkdir(parents=True, exist_ok=True)
    made = {folder / path.name: edition(path, texts) for path in paths}
    for path, notebook in made.items():
        if arguments.in_place or not path.exists():  # what a reader changed stays
            notebooks.write(path, notebook)
    (folder / "lab.md").write_text(lab_page.plain(), encoding="utf-8")  # lessons link it
    print(f"{len(made)} notebooks are in {folder}")


if __name__ == "__main__":
    main()
