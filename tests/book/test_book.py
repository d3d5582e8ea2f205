"""Every stored notebook of the book passes every gate."""

import re

import exercises
import gates
import lesson as lesson_tool
import nbformat
import notebooks
import pytest

NOTEBOOKS = notebooks.toc_notebooks()
LESSONS = [path for path in NOTEBOOKS if path.stem not in gates.NOT_LESSONS]


@pytest.fixture(scope="module", params=NOTEBOOKS, ids=lambda path: path.stem)
def page(request):
    return request.param, nbformat.read(request.param, as_version=4)


@pytest.fixture(scope="module", params=LESSONS, ids=lambda path: path.stem)
def lesson(request):
    return request.param, nbformat.read(request.param, as_version=4)


def test_there_are_lessons():
    assert len(LESSONS) >= 15
    named = gates.NOT_LESSONS | gates.SECOND_EDITION
    assert {path.stem for path in NOTEBOOKS} > named, "each page named there is there"


@pytest.mark.parametrize(
    ("path", "gate"),
    [(path, gate) for path in NOTEBOOKS for gate in gates.gates_of(path.stem)],
    ids=lambda one: getattr(one, "stem", getattr(one, "__name__", None)),
)
def test_gate(path, gate):
    assert gate(nbformat.read(path, as_version=4)) == []


def test_size(page):
    path, notebook = page
    assert gates.find_size_problems(notebook, path.stat().st_size) == []


@pytest.mark.parametrize("name", sorted(gates.SECOND_EDITION))
def test_visible_code_runs_as_a_script(name):
    path = notebooks.ROOT / "book" / f"{name}.ipynb"
    assert lesson_tool.run_visible_code(nbformat.read(path, as_version=4)) == []


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
    _, *parts = re.split(rf"^{exercises.EXERCISE}", text, flags=re.M)
    assert len(parts) == 7
    for part in parts:
        asked, solution, answer = part.partition(f"\n{exercises.SOLUTION}\n")
        assert len(asked.split()) > 10 and solution, asked
        shown = re.findall(r"\]\((\w+)\.ipynb#\S+\)", answer)
        assert shown and {*shown} <= {path.stem for path in LESSONS}, asked


def test_math_text_has_no_backslash():
    """MathJax without its text macros would show the backslash of ``fan\\_in``."""
    book = notebooks.ROOT / "book"
    for path in [*book.glob("*.md"), *book.glob("*.ipynb")]:
        text = path.read_text(encoding="utf-8").replace("\\\\", "\\")
        assert not re.findall(r"\\text\{[^}]*\\_[^}]*\}", text), path.name
