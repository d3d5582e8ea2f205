"""Every stored notebook of the book passes every gate."""

import re

import gates
import nbformat
import notebooks
import pytest

OTHERS = {"intro", "what_it_costs", "data_parallel"}  # notebooks that are no lessons
NOTEBOOKS = notebooks.toc_notebooks()
LESSONS = [path for path in NOTEBOOKS if path.stem not in OTHERS]


@pytest.fixture(scope="module", params=NOTEBOOKS, ids=lambda path: path.stem)
def page(request):
    return request.param, nbformat.read(request.param, as_version=4)


@pytest.fixture(scope="module", params=LESSONS, ids=lambda path: path.stem)
def lesson(request):
    return request.param, nbformat.read(request.param, as_version=4)


def test_there_are_lessons():
    assert len(LESSONS) >= 15
    assert {path.stem for path in NOTEBOOKS} > OTHERS, "each page named here is there"


@pytest.mark.parametrize("gate", gates.OF_PAGES, ids=lambda gate: gate.__name__)
def test_gate(page, gate):
    assert gate(page[1]) == []


def test_complete(lesson):
    assert gates.complete(lesson[1]) == []


def test_light(page):
    path, notebook = page
    assert gates.light(notebook, path.stat().st_size) == []


def test_stored_in_normal_form(page):
    """`make notebooks` would change no byte but results."""
    path, notebook = page
    normal = notebooks.normalize(notebook)
    text = nbformat.writes(normal, version=nbformat.NO_CONVERT) + "\n"
    assert path.read_text(encoding="utf-8") == text, f"{path.name}: run 'make notebooks'"


def test_lesson_module_and_test_share_a_name(lesson):
    path = lesson[0]
    root = path.parents[1]
    assert (root / "ch11lib" / f"{path.stem}.py").exists()
    assert (root / "tests" / "library" / f"test_{path.stem}.py").exists()


def test_each_exercise_of_the_chapter_has_an_answer_that_a_lesson_shows():
    text = (notebooks.ROOT / "book" / "chapter_exercises.md").read_text(encoding="utf-8")
    asked = re.findall(r"^:::\{exercise\} \S.*\n:label: (\S+)$", text, re.MULTILINE)
    answers = re.findall(r"^:::\{solution\} (\S+)\n:class: dropdown\n(.*?)^:::$", text, re.M | re.S)
    assert len(asked) == 7
    assert [label for label, _ in answers] == asked
    for label, answer in answers:
        shown = re.findall(r"\]\((\w+)\.ipynb#\S+\)", answer)
        assert shown and {*shown} <= {path.stem for path in LESSONS}, label


def test_math_text_has_no_backslash():
    """MathJax without its text macros would show the backslash of ``fan\\_in``."""
    book = notebooks.ROOT / "book"
    for path in [*book.glob("*.md"), *book.glob("*.ipynb")]:
        text = path.read_text(encoding="utf-8").replace("\\\\", "\\")
        assert not re.findall(r"\\text\{[^}]*\\_[^}]*\}", text), path.name
