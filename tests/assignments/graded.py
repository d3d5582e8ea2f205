"""What the tests of the assignments share: a scratch course, canaries, mistakes."""

import functools
import re
import shutil
import subprocess
import sys
from pathlib import Path

import assignments
import nbformat
import yaml
from conftest import ROOT
from nbgrader.api import Gradebook

NAMES = assignments.names()
CANARIES = {"SOLUTION": "xqzsolution", "HIDDEN TESTS": "xqzhidden", "mark scheme": "xqzrubric"}
#: A busy machine costs no points; the limits themselves are tested with hostile submissions.
PATIENCE = [f"--ExecuteApart.{limit}_timeout=1800" for limit in ("cell", "call", "total")]
REGION = {
    "SOLUTION": r"### BEGIN SOLUTION",
    "HIDDEN TESTS": r"### BEGIN HIDDEN TESTS",
    "mark scheme": r"\*\*Mark scheme\*\*",
}


def source(name):
    """Return the teacher's notebook of an assignment."""
    path = assignments.COURSE / "source" / name / f"{name}.ipynb"
    return nbformat.read(path, as_version=4)


def kind(cell):
    """Return "solve", "test", "explain", "locked" or "" for a cell of a source."""
    data = cell.metadata.get("nbgrader", {})
    if data.get("solution"):
        return "explain" if data["grade"] else "solve"
    return "test" if data.get("grade") else "locked" if data.get("locked") else ""


def points(notebook, wanted="test"):
    """Return the points of each cell of a kind."""
    return {
        cell.metadata.nbgrader["grade_id"]: cell.metadata.nbgrader["points"]
        for cell in notebook.cells
        if kind(cell) == wanted
    }


def with_canaries(notebook):
    """Return a copy with a word in every secret region, and how many of each there are."""
    copy, counts = nbformat.from_dict(notebook), dict.fromkeys(CANARIES, 0)
    for cell in copy.cells:
        mark = "# " if cell.cell_type == "code" else ""
        for region, word in CANARIES.items():
            pattern = rf"(?m)^([ \t]*)({REGION[region]}.*)$"
            cell.source, n = re.subn(pattern, rf"\1\2\n\1{mark}{word}", cell.source)
            counts[region] += n
    return copy, counts


def copy_course(folder):
    """Make the part of the repository that builds the site and grades, in `folder`."""
    ignore = shutil.ignore_patterns("__pycache__", "release", "submitted", "autograded", "*.db*")
    shutil.copytree(ROOT / "book", folder / "book", ignore=ignore)
    shutil.copytree(ROOT / ".github", folder / ".github")  # texts that are no pages
    for path in (ROOT / "_config.yml", ROOT / "_toc.yml", *ROOT.glob("*.md")):
        shutil.copy(path, folder)
    return folder


def plant_canaries(folder):
    """Put a word into every secret region of the assignments of a copied course."""
    for name in NAMES:
        path = folder / "book" / "assignments" / "source" / name / f"{name}.ipynb"
        path.write_text(nbformat.writes(with_canaries(source(name))[0]), encoding="utf-8")


def mistakes(name):
    """Return the common mistakes in an assignment."""
    path = ROOT / "tests" / "assignments" / "common_mistakes" / f"{name}.yaml"
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def apart(name):
    """Return the mistakes in groups; those of a group are in different answers and tests."""
    groups = []
    for mistake in mistakes(name):
        touched = _touched(name, mistake)
        for group in groups:
            if not any(touched & _touched(name, other) for other in group):
                group.append(mistake)
                break
        else:
            groups.append([mistake])
    return groups


def _touched(name, mistake):
    """Return the answers that a mistake changes, and the tests that it loses."""
    answers = [cell for cell in source(name).cells if kind(cell) == "solve"]
    changed = {
        cell.metadata.nbgrader["grade_id"]
        for cell in answers
        if any(old in cell.source for old, new in mistake["replace"])
    }
    return changed | set(mistake["loses"])


def with_mistake(notebook, mistake):
    """Return the solution with a mistake put into its answers."""
    copy = nbformat.from_dict(notebook)
    answers = [cell for cell in copy.cells if kind(cell) == "solve"]
    for old, new in mistake["replace"]:
        found = [cell for cell in answers if old in cell.source]
        assert len(found) == 1 and found[0].source.count(old) == 1, (mistake["mistake"], old)
        found[0].source = found[0].source.replace(old, new)
    return copy


def nbgrader(course, *arguments, timeout=1200):
    """Run nbgrader in a course's folder."""
    return subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=course,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def submit(course, student, name, notebook):
    """Hand in a notebook; text is handed in as it is."""
    path = course / "submitted" / student / name / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = notebook if isinstance(notebook, str) else nbformat.writes(notebook)
    path.write_text(text, encoding="utf-8")
    return path


def scores(course, name, student):
    """Return the points that autograding gave to each test cell."""
    with Gradebook(f"sqlite:///{Path(course) / 'gradebook.db'}") as gradebook:
        (notebook,) = gradebook.find_submission(name, student).notebooks
        return {grade.cell.name: grade.auto_score for grade in notebook.grades}


def autograde(course, name):
    """Let nbgrader grade the solution, the untouched stub and all common mistakes at once.

    Return what was wrong: cells whose points are not what they should be, by submission.
    """
    solution = source(name)
    full, waiting = points(solution), dict.fromkeys(points(solution, "explain"))
    submit(course, "solution", name, solution)
    stub = submit(course, "stub", name, "")
    shutil.copy(course / "release" / name / f"{name}.ipynb", stub)
    expected = {"solution": full | waiting, "stub": dict.fromkeys([*full, *waiting], 0.0)}
    for number, group in enumerate(apart(name)):
        wrong = functools.reduce(with_mistake, group, solution)
        submit(course, f"mistakes{number}", name, wrong)
        listed = {test for mistake in group for test in mistake["loses"]}
        expected[f"mistakes{number}"] = {
            test: 0.0 if test in listed else full[test] for test in full
        } | waiting
    run = nbgrader(course, "autograde", name, *PATIENCE, timeout=7200)
    assert run.returncode == 0, run.stderr[-3000:]
    problems = {}
    for student, cells in expected.items():
        found = scores(course, name, student)
        wrong = {cell: found[cell] for cell, score in cells.items() if found[cell] != score}
        if wrong:
            problems[student] = wrong
    return problems
