"""A teacher follows the page: release, collect, autograde, feedback, grades."""

import csv
import os
import re
import shutil
import subprocess
import sys

import graded
import nbformat
import pytest
from conftest import ROOT

PAGE = ROOT / "book" / "teaching.md"
NAME = "optimizers"


def commands():
    """Return the page's shell blocks, in order."""
    return re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)


def make_venv(folder):
    """Make what `make install` leaves behind, with the Python that runs these tests."""
    (folder / "bin").mkdir(parents=True)
    for name, arguments in {"python": "", "nbgrader": "-m nbgrader"}.items():
        program = folder / "bin" / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
        program.chmod(0o755)
    (folder / ".ready").touch()


@pytest.fixture(scope="module")
def followed(tmp_path_factory):
    """Run every block of the page in one shell; two students hand in between two of them."""
    root = graded.copy_course(tmp_path_factory.mktemp("clone of a teacher"))
    for name in ("Makefile", "requirements.txt", "pyproject.toml"):
        shutil.copy2(ROOT / name, root)  # with its time: nothing is installed again
    make_venv(root / ".venv")
    course = root / "book" / "assignments"
    handed_in = root / "handed in"
    handed_in.mkdir()
    solution = graded.source(NAME)
    nbformat.write(solution, handed_in / f"ada_{NAME}.ipynb")
    mistake = graded.mistakes(NAME)[0]
    nbformat.write(graded.with_mistake(solution, mistake), handed_in / f"ben_{NAME}.ipynb")
    script = ["set -e"]
    for block in commands():
        script.append(block)
        if f"downloaded/{NAME}/archive" in block:
            script.append(f"cp '{handed_in}'/*.ipynb downloaded/{NAME}/archive/")
    result = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=root,
        env={**os.environ, "MAKEFLAGS": ""},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-4000:]
    return course


def test_page_has_the_commands():
    text = "\n".join(commands())
    for command in ("make assignments", "collect", "autograde", "generate_feedback", "export"):
        assert command in text


def test_all_assignments_are_released(followed):
    for name in graded.NAMES:
        assert (followed / "release" / name / f"{name}.ipynb").is_file()


def test_submissions_are_collected_and_graded(followed):
    full = graded.points(graded.source(NAME))
    ada, ben = (graded.scores(followed, NAME, student) for student in ("ada", "ben"))
    assert {test: ada[test] for test in full} == full
    lost = {test for test in full if ben[test] != full[test]}
    assert lost == set(graded.mistakes(NAME)[0]["loses"])


def test_feedback_tells_a_student_the_points_and_what_is_wrong(followed):
    page = (followed / "feedback" / "ben" / NAME / f"{NAME}.html").read_text(encoding="utf-8")
    assert "AssertionError" in page
    assert re.search(r"Score: [\d.]+ / [\d.]+", page)


def test_grades_are_in_the_table(followed):
    with open(followed / "grades.csv", encoding="utf-8", newline="") as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file) if row["assignment"] == NAME}
    source = graded.source(NAME)
    total = sum(graded.points(source).values())
    full = graded.points(source)
    lost = sum(full[test] for test in graded.mistakes(NAME)[0]["loses"])
    assert float(rows["ada"]["score"]) == total
    assert float(rows["ben"]["score"]) == total - lost
