"""Every stored notebook of the book passes every gate."""

import gates
import nbformat
import notebooks
import pytest

LESSONS = notebooks.toc_notebooks()


@pytest.fixture(scope="module", params=LESSONS, ids=lambda path: path.stem)
def lesson(request):
    return request.param, nbformat.read(request.param, as_version=4)


def test_there_are_lessons():
    assert len(LESSONS) >= 3


@pytest.mark.parametrize("gate", gates.ALL, ids=lambda gate: gate.__name__)
def test_gate(lesson, gate):
    assert gate(lesson[1]) == []


def test_light(lesson):
    path, notebook = lesson
    assert gates.light(notebook, path.stat().st_size) == []


def test_stored_in_normal_form(lesson):
    """`make notebooks` would change no byte but results."""
    path, notebook = lesson
    normal = notebooks.normalize(notebook)
    text = nbformat.writes(normal, version=nbformat.NO_CONVERT) + "\n"
    assert path.read_text(encoding="utf-8") == text, f"{path.name}: run 'make notebooks'"


def test_lesson_module_and_test_share_a_name(lesson):
    path = lesson[0]
    root = path.parents[1]
    assert (root / "ch11lib" / f"{path.stem}.py").exists()
    assert (root / "tests" / f"test_{path.stem}.py").exists()
