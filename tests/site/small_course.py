"""A course of few pages with the tools and the settings of the real one."""

import shutil

import nbformat
from conftest import ROOT
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output


def small_course(folder, pages):
    """Make a course in `folder`; `pages` are names and texts, or lists of outputs with HTML."""
    book = folder / "book"
    book.mkdir(parents=True)
    for name in ("tools", "_static", "assignments"):
        shutil.copytree(ROOT / "book" / name, book / name)
    (book / "references.bib").write_bytes((ROOT / "book" / "references.bib").read_bytes())
    (folder / "_config.yml").write_bytes((ROOT / "_config.yml").read_bytes())
    toc = "format: jb-book\nroot: book/intro\nparts:\n  - chapters:\n"
    (folder / "_toc.yml").write_text(toc + "".join(f"    - file: book/{name}\n" for name in pages))
    (book / "intro.md").write_text("# A course\n\nWelcome to it.\n")
    for name, cells in pages.items():
        cells = [cells] if isinstance(cells, str) else cells
        made = [new_markdown_cell(c) if isinstance(c, str) else c for c in cells]
        notebook = new_notebook(cells=made, metadata={"language_info": {"name": "python"}})
        nbformat.write(notebook, book / f"{name}.ipynb")
    return folder


def explorer_cell(explorer):
    """Return an executed cell that shows the static edition of an explorer."""
    bundle = {"text/html": explorer.html, "text/plain": "An explorer"}
    shown = new_output("execute_result", bundle, execution_count=1)
    return new_code_cell("explore(line)", execution_count=1, outputs=[shown])
