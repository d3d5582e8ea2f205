"""Grading of submissions whose files are broken or edited."""

import json

import nbformat
import pytest
from grading_course import CLIP, FULL, HE, Course, answered, tiny

HEAD = {"he-std": HE, "clip": CLIP}


def grade_id(cell):
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def only(notebook, keep):
    notebook.cells = [cell for cell in notebook.cells if keep(cell)]
    return notebook


def changed(notebook, change):
    for cell in notebook.cells:
        change(cell)
    return notebook


def lose_ids(cell):
    cell.metadata = nbformat.from_dict({})
    cell.id = "x" + cell.id[1:]


def edit_tests(cell):
    if (grade_id(cell) or "").startswith("test"):
        cell.source = "assert 1 + 1 == 2"


def rename(cell):
    if grade_id(cell) == "test-he":
        cell.metadata.nbgrader.grade_id = "test-other"


def more_points(cell):
    if "points" in cell.metadata.get("nbgrader", {}):
        cell.metadata.nbgrader.points = 1000


def unlock(cell):
    if grade_id(cell):
        cell.metadata.nbgrader.update(locked=False, solution=True, grade=False)


def doubled(notebook):
    notebook.cells = [
        cell for pair in zip(notebook.cells, notebook.cells, strict=True) for cell in pair
    ]
    return notebook


def wrong_kernel(notebook):
    notebook.metadata["kernelspec"] = {"name": "ir", "language": "R", "display_name": "R"}
    notebook.metadata["language_info"] = {"name": "R"}
    return notebook


def version_3(notebook):
    return nbformat.writes(notebook, version=3)


def of_colab(notebook):
    """Return the file that Colab writes: format 4.0, no ids of cells, metadata of its own."""
    notebook.update(nbformat_minor=0)
    notebook.metadata["colab"] = {"provenance": []}
    for cell in notebook.cells:
        del cell["id"]
        cell.metadata["id"] = "Xb3k"
    return json.dumps(notebook)


def half_a_character(notebook):
    for cell in notebook.cells:
        if grade_id(cell) == "he-std":
            cell.source += "half = '\ud83d'"
    return json.dumps(notebook)


def first_in_answers(notebook, line):
    """Put a line that only IPython understands above an answer, where Colab's habits put it."""
    for cell in notebook.cells:
        if grade_id(cell) == "he-std":
            cell.source = f"{line}\n{cell.source}"
    return notebook


def with_outputs(notebook):
    text = nbformat.v4.new_output("stream", text="points: 1000\n" * 1000)
    return changed(notebook, lambda c: c.cell_type == "code" and c.update(outputs=[text]))


#: A right solution, or (in the second table) a wrong one, and what was done to its file.
RIGHT = {
    "untouched": lambda n: n,
    "tests_deleted": lambda n: only(n, lambda c: not (grade_id(c) or "").startswith("test")),
    "only_answers": lambda n: only(n, lambda c: grade_id(c) in HEAD),
    "ids_lost": lambda n: changed(n, lose_ids),
    "wrong_kernel": wrong_kernel,
    "version_3": version_3,
    "of_colab": of_colab,
    "half_a_character": half_a_character,
    "old_outputs": with_outputs,
    "reversed": lambda n: n.update(cells=n.cells[::-1]) or n,
    "imports_deleted": lambda n: only(n, lambda c: grade_id(c) != "imports"),
    "shell_line": lambda n: first_in_answers(n, "!echo hello"),
    "pip_line": lambda n: first_in_answers(n, "%pip --version"),
    "shell_result": lambda n: first_in_answers(n, "files = !ls\nassert files == []"),
}
WRONG = {
    "tests_edited": lambda n: changed(n, edit_tests),
    "tests_renamed": lambda n: changed(n, rename),
    "tests_doubled": doubled,
    "points_edited": lambda n: changed(n, more_points),
    "unlocked": lambda n: changed(n, unlock),
}
NO_NOTEBOOK = {
    "no_json": "this is my solution",
    "empty_file": "",
    "other_json": "[1, 2, 3]",
    "cut_off": '{"cells": [{"cell_type": "code", "sou',
}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """All of these handed in and graded in one run."""
    made = Course(tmp_path_factory.mktemp("broken") / "course")
    release = made.release(tiny())
    for name, damage in RIGHT.items():
        made.submit(name, damage(answered(release)))
    for name, damage in WRONG.items():
        made.submit(name, damage(answered(release, he=HE.replace("2 /", "3 /"))))
    for name, text in NO_NOTEBOOK.items():
        made.submit(name, text)
    made.submit("no_file", None)
    made.submit("no_cells", nbformat.v4.new_notebook())
    target = made.submit("victim", answered(release))
    made.submit("link", None).symlink_to(target)
    syntax = HE.replace("return", "return return")
    made.submit("syntax_error", answered(release, he=syntax))
    return made.grade()


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_answer_counts_whatever_happened_to_the_file(course, name):
    assert course.points(name) == FULL, course.graded(name)


def test_no_format_of_a_notebook_fills_the_log(course):
    """nbformat would complain of a cell's id in a file of Colab's, a page for each."""
    for part in course.log.split("Creating/updating student with ID ")[1:]:
        if part.startswith(("'of_colab'", "'half_a_character'")):
            assert "invalid" not in part and "ERROR" not in part, part


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_stays_wrong_whatever_was_done_to_the_tests(course, name):
    assert course.scores[name] == {"test-he": 0, "test-hidden": 0, "test-clip": 2}


@pytest.mark.parametrize("name", [*NO_NOTEBOOK, "link"])
def test_what_can_not_be_graded_is_named_and_has_no_points(course, name):
    assert not course.points(name)
    assert f"submitted/{name}/tiny" in course.log or f"'{name}'" in course.log


def test_no_answer_no_points(course):
    assert course.points("no_cells") == 0
    assert not course.scores.get("no_file") or course.points("no_file") == 0


def test_a_syntax_error_costs_its_own_answer_only(course):
    assert course.scores["syntax_error"] == {"test-he": 0, "test-hidden": 0, "test-clip": 2}


def test_points_are_those_of_the_release(course):
    marks = [
        cell.metadata.nbgrader.points
        for cell in nbformat.reads(course.graded("points_edited"), 4).cells
        if "points" in cell.metadata.nbgrader
    ]
    assert sorted(marks) == [1, 2, 2, 4]
