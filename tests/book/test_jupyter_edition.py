"""The edition for JupyterLab: it reads well without Sphinx, and nothing of it is lost."""

import re
import sys

import colab
import exercises
import jupyter_edition
import nbformat
import notebooks
import plain_markdown
import pytest
from conftest import ROOT

PATHS = {path.stem: path for path in notebooks.toc_notebooks()}
MYST = r"\{[a-z:-]+\}`|^:::|^```\{|\[\]\(|\$\$ \("


@pytest.fixture(scope="module")
def texts():
    return plain_markdown.Book.read(ROOT / "book", site="")


@pytest.fixture(scope="module")
def editions(texts):
    return {name: jupyter_edition.edition(path, texts) for name, path in PATHS.items()}


def prose(notebook):
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


@pytest.mark.parametrize("name", PATHS)
def test_text_holds_no_myst_and_links_lead_to_files(editions, name):
    text = prose(editions[name])
    assert re.findall(MYST, text, re.M) == []
    links = re.findall(r"(?<!!)\[[^\]\n]+\]\(([^)\s:#]+)(?:#[^)]*)?\)", text)
    assert links and not [link for link in links if not (ROOT / "book" / link).is_file()]


@pytest.mark.parametrize("name", PATHS)
def test_code_and_outputs_are_those_of_the_lesson(editions, name):
    made, lesson = (
        [(c.source, c.outputs) for c in notebook.cells if c.cell_type == "code"]
        for notebook in (editions[name], nbformat.read(PATHS[name], as_version=4))
    )
    assert made == lesson
    nbformat.validate(editions[name])


@pytest.mark.parametrize("name", PATHS)
def test_each_solution_is_folded_up_to_the_next_heading(editions, name):
    """JupyterLab and Colab hide what follows a folded heading until one of its rank."""
    lesson = prose(nbformat.read(PATHS[name], as_version=4))
    heads = [c for c in editions[name].cells if c.source == exercises.SOLUTION]
    assert len(heads) == len(re.findall(f"^{exercises.SOLUTION}$", lesson, re.M))
    assert all(head.metadata["jp-MarkdownHeadingCollapsed"] for head in heads)
    ranks = [len(found) for found in re.findall(r"^(#+) ", prose(editions[name]), re.M)]
    for place, cell in enumerate(editions[name].cells):
        if cell in heads:
            assert editions[name].cells[place + 1].source[:1] != "#", "something is folded"
    words = re.findall(r"^#+ .*", prose(editions[name]), re.M)
    after = [words[i + 1] for i, word in enumerate(words[:-1]) if word == exercises.SOLUTION]
    assert all(re.match(r"### Exercise: |#{1,3} ", word) for word in after), ranks


@pytest.mark.parametrize("name", PATHS)
def test_captions_stand_below_their_figures(editions, name):
    cells = editions[name].cells
    for place, cell in enumerate(cells):
        caption = cell.metadata.get("mystnb", {}).get("figure", {}).get("caption", "")
        if caption:
            below = cells[place + 1]
            assert below.cell_type == "markdown"
            assert below.source.partition("** ")[2].startswith(caption.split("{")[0].strip())


def test_colab_folds_the_same_cells(texts):
    made = colab.edition(PATHS["dropout"], "ch11lib", "https://example.org/", texts)
    heads = [c for c in made.cells if c.source == exercises.SOLUTION]
    assert heads and made.metadata["colab"]["collapsed_sections"] == [h.id for h in heads]
    assert [h.metadata["id"] for h in heads] == [h.id for h in heads]


def test_a_text_is_split_at_exercises_and_solutions(tmp_path, texts):
    text = (
        "# Dropout\n\nA.\n\n:::{exercise} One\n:label: o\n\nB.\n:::\n\n"
        ":::{solution-start} o\n:class: dropdown\n:::\n\nC."
    )
    cells = [nbformat.v4.new_markdown_cell(text), nbformat.v4.new_code_cell("x = 1")]
    cells += [nbformat.v4.new_markdown_cell(":::{solution-end}\n:::")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "dropout.ipynb")
    made = jupyter_edition.edition(tmp_path / "dropout.ipynb", texts)
    assert [cell.source for cell in made.cells] == [
        "# Dropout\n\nA.",
        "### Exercise: One\n\nB.",
        "#### Solution",
        "C.",
        "x = 1",
    ]
    again = jupyter_edition.edition(tmp_path / "dropout.ipynb", texts)
    assert [cell.id for cell in again.cells] == [cell.id for cell in made.cells]
    assert len({cell.id for cell in made.cells}) == len(made.cells)


def test_notebooks_are_written_into_a_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["jupyter_edition.py", "--output", str(tmp_path / "lessons")])
    jupyter_edition.main()
    made = {f"book/{path.stem}" for path in (tmp_path / "lessons").glob("*.ipynb")}
    assert made == {*colab.pages()}
    lab = (tmp_path / "lessons" / "lab.md").read_text(encoding="utf-8")
    assert "- **Twenty sigmoid layers** ([lesson](vanishing_gradients.ipynb)). After" in lab
    assert re.findall(r"^---$|\{lab-|<a ", lab, re.M) == [] and "<p>The Lab needs" in lab
    mine = tmp_path / "lessons" / "dropout.ipynb"
    mine.write_text("changed by a reader")
    jupyter_edition.main()
    assert mine.read_text() == "changed by a reader"
