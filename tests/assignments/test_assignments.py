"""The assignments: released without a secret, and graded as their teacher would."""

import functools
import re

import assignments
import gates
import graded
import in_process
import nbformat
import notebooks
import pytest
from conftest import ROOT
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


def test_solution_gets_full_marks(name):
    assert in_process.lost(graded.source(name)) == set()


def test_untouched_stub_gets_nothing(released, name):
    source = graded.source(name)
    stub = in_process.with_answers_of(released, source)
    assert in_process.lost(stub) == {*graded.points(source)}


def test_common_mistakes_lose_exactly_what_they_should(name):
    """Mistakes in different answers share a submission: none costs the others' points."""
    wrong = {}
    assert len(graded.mistakes(name)) >= 5
    for group in graded.apart(name):
        listed = {test for mistake in group for test in mistake["loses"]}
        lost = in_process.lost(functools.reduce(graded.with_mistake, group, graded.source(name)))
        if lost != listed:
            wrong["; ".join(mistake["mistake"] for mistake in group)] = sorted(lost ^ listed)
    assert wrong == {}


def test_nbgrader_gives_the_points_that_it_should(course):
    """With its kernels and its gradebook; the other assignments follow in the weekly tests."""
    assert graded.autograde(course, "optimizers") == {}


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


def test_sources_name_no_machine(name):
    text = nbformat.writes(graded.source(name))
    assert not gates.MACHINE_PATH.findall(text)
    assert graded.source(name).metadata["kernelspec"] == notebooks.KERNELSPEC


def test_page_names_every_assignment():
    text = (ROOT / "book" / "graded_assignments.md").read_text(encoding="utf-8")
    assert {*re.findall(r'href="assignments/(\w+)\.ipynb"', text)} == {*NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_page_names_the_minutes_that_the_assignment_names(name):
    page = (ROOT / "book" / "graded_assignments.md").read_text(encoding="utf-8")
    (minutes,) = re.findall(rf"assignments/{name}\.ipynb.*\| (\d+) \|", page)
    assert f"{minutes} minutes" in graded.source(name).cells[0].source
