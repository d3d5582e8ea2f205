"""The assignments: released without a secret, and graded as their teacher would."""

import functools
import re
import shutil

import assignments
import gates
import graded
import nbformat
import notebooks
import pytest
from graded import NAMES, kind

SECRETS = re.compile(r"### (BEGIN|END) |(?i:mark scheme)|xqz")


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A copy of the teacher's folder with everything released."""
    course = graded.copy_course(tmp_path_factory.mktemp("course")) / "book" / "assignments"
    assignments.release(course / "release", course)
    return course


@pytest.fixture(scope="module", params=NAMES)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def released(course, name):
    return nbformat.read(course / "release" / name / f"{name}.ipynb", as_version=4)


@pytest.fixture(scope="module")
def results(course, name):
    """Grade the solution, the untouched stub and all common mistakes at once."""
    solution = graded.source(name)
    graded.submit(course, "solution", name, solution)
    path = graded.submit(course, "stub", name, "")
    shutil.copy(course / "release" / name / f"{name}.ipynb", path)
    for number, group in enumerate(graded.apart(name)):
        wrong = functools.reduce(graded.with_mistake, group, solution)
        graded.submit(course, f"mistakes{number}", name, wrong)
    run = graded.nbgrader(course, "autograde", name)
    assert run.returncode == 0, run.stderr[-3000:]
    return lambda student: graded.scores(course, name, student)


def test_there_are_assignments():
    assert len(NAMES) >= 6


def test_source_is_complete(name):
    """Tasks, tests that can be seen and hidden ones, a question with its mark scheme."""
    notebook = graded.source(name)
    kinds = [kind(cell) for cell in notebook.cells]
    hidden = [cell for cell in notebook.cells if "### BEGIN HIDDEN TESTS" in cell.source]
    explained = [cell for cell in notebook.cells if kind(cell) == "explain"]
    assert kinds.count("solve") >= 4
    assert len(hidden) >= 4
    assert kinds.count("test") > len(hidden)
    assert explained and all("**Mark scheme**" in cell.source for cell in explained)
    assert all(kind(cell) == "test" for cell in hidden)
    for cell in notebook.cells:
        if kind(cell) == "solve":
            assert "### BEGIN SOLUTION" in cell.source and "### END SOLUTION" in cell.source
    ids = [c.metadata.nbgrader["grade_id"] for c in notebook.cells if "nbgrader" in c.metadata]
    assert len(ids) == len(set(ids))
    assert all(not cell.get("outputs") for cell in notebook.cells)


def test_text_names_goals_time_and_points(name):
    """The table of points adds up to what grading gives."""
    notebook = graded.source(name)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    total = sum({**graded.points(notebook), **graded.points(notebook, "explain")}.values())
    assert re.search(r"(?i)after this assignment you can", text)
    assert 30 <= int(re.search(r"(\d+)(?:\s*[–-]\s*\d+)? minutes", text).group(1)) <= 90
    assert re.search(rf"\b{total:g}\b", text), f"the text does not name the {total:g} points"
    pictures = re.findall(r"!\[([^\]]*)\]\(data:image/png", text)
    assert pictures and all(len(alt) > 30 for alt in pictures)


def test_release_holds_no_secret(course, released):
    text = nbformat.writes(released)
    assert not SECRETS.findall(text)
    assert "NotImplementedError" in text
    assert [c.cell_type for c in released.cells if "nbgrader" not in c.metadata] != ["code"]


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """What the website hands out, made from sources with a word in every secret region."""
    folder = tmp_path_factory.mktemp("canaries")
    copy = graded.copy_course(folder / "copy")
    graded.plant_canaries(copy)
    paths = assignments.publish(folder / "out", copy / "book" / "assignments")
    return {path.stem: path.read_text(encoding="utf-8") for path in paths}


def test_canaries_are_planted_and_none_is_released(name, published):
    """A word in every solution, hidden test and mark scheme: none comes out."""
    notebook, counts = graded.with_canaries(graded.source(name))
    for region in ("SOLUTION", "HIDDEN TESTS"):
        begun = sum(cell.source.count(f"### BEGIN {region}") for cell in notebook.cells)
        assert counts[region] == begun >= 1, region
    assert counts["mark scheme"] == len(graded.points(notebook, "explain"))
    assert not [word for word in graded.CANARIES.values() if word in published[name]]


def test_solution_gets_full_marks(results, name):
    assert {k: v for k, v in results("solution").items() if v is not None} == graded.points(
        graded.source(name)
    )


def test_untouched_stub_gets_nothing(results, name):
    scores = results("stub")
    assert set(scores.values()) == {0.0}
    assert {*graded.points(graded.source(name))} < {*scores}


def test_common_mistakes_lose_exactly_what_they_should(results, name):
    """Mistakes in different answers share a submission: none costs the others' points."""
    full, wrong = graded.points(graded.source(name)), {}
    assert len(graded.mistakes(name)) >= 5
    for number, group in enumerate(graded.apart(name)):
        listed = {test for mistake in group for test in mistake["loses"]}
        scores = results(f"mistakes{number}")
        lost = {test for test in full if scores[test] != full[test]}
        if lost != listed or any(scores[test] for test in lost):
            wrong["; ".join(mistake["mistake"] for mistake in group)] = sorted(lost ^ listed)
    assert wrong == {}


@pytest.mark.parametrize("name", NAMES)
def test_each_mistake_names_what_it_loses(name):
    full = graded.points(graded.source(name))
    assert all(m["loses"] and set(m["loses"]) <= set(full) for m in graded.mistakes(name))


def test_some_mistakes_pass_all_visible_tests(name):
    notebook = graded.source(name)
    hidden = {
        cell.metadata.nbgrader["grade_id"]
        for cell in notebook.cells
        if "### BEGIN HIDDEN TESTS" in cell.source
    }
    assert any(set(mistake["loses"]) <= hidden for mistake in graded.mistakes(name))


def test_manual_question_waits_for_the_teacher(results, name):
    manual = graded.points(graded.source(name), "explain")
    assert manual and all(results("solution")[cell] is None for cell in manual)


def test_sources_name_no_machine(name):
    text = nbformat.writes(graded.source(name))
    assert not gates.MACHINE_PATH.findall(text)
    assert graded.source(name).metadata["kernelspec"] == notebooks.KERNELSPEC
