"""A course in a scratch folder with a small assignment, graded by nbgrader itself."""

import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from conftest import ROOT
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.api import Gradebook

BOOK = ROOT / "book"
SMALLER = """
c.ExecuteApart.cell_timeout = {cell_timeout}
c.ExecuteApart.call_timeout = 2
c.ExecuteApart.total_timeout = 60
c.ExecuteApart.memory = {memory} * 2**20
c.ExecuteApart.processes = 12
c.ExecuteApart.max_output = 100_000
"""
HE = "def he_std(fan_in):\n    return np.sqrt(2 / fan_in)\n"
CLIP = "def clip(values, limit):\n    return np.clip(values, -limit, limit)\n"
FULL = 7


def cell(kind, name, source, points=None):
    """Return a cell as nbgrader marks it; `kind` is lock, solve, test or explain."""
    make = new_markdown_cell if kind == "explain" else new_code_cell
    marks = {
        "schema_version": 3,
        "grade_id": name,
        "task": False,
        "grade": points is not None,
        "solution": kind in ("solve", "explain"),
        "locked": kind in ("lock", "test"),
    }
    if points is not None:
        marks["points"] = points
    made = make(source, metadata={"nbgrader": marks})
    marks["cell_type"] = made.cell_type
    made.metadata.nbgrader = nbformat.from_dict(marks)
    return made


def solve(name, source):
    head, body = source.split("\n", 1)
    return cell("solve", name, f"{head}\n    ### BEGIN SOLUTION\n{body}    ### END SOLUTION")


def tiny():
    """Return the teacher's version of the assignment with 7 points of automatic tests."""
    hidden = """
### BEGIN HIDDEN TESTS
for fan in np.random.default_rng(7).integers(1, 900, 5):
    assert np.isclose(he_std(int(fan)), np.sqrt(2 / fan)), f"fan_in = {fan}"
assert np.allclose(he_std(8), 0.5)
from ch11lib.initialization import target_variance
assert np.isclose(he_std(30) ** 2, target_variance((30, 5), 2, "fan_in"))
### END HIDDEN TESTS"""
    tests = "values = np.linspace(-2, 2, 5)\nassert np.allclose(clip(values, 1), [-1, -1, 0, 1, 1])"
    return new_notebook(
        cells=[
            cell("lock", "imports", "import numpy as np"),
            solve("he-std", HE),
            cell("test", "test-he", "assert np.isclose(he_std(2), 1)", 1),
            cell("test", "test-hidden", hidden, 4),
            solve("clip", CLIP),
            cell("test", "test-clip", tests, 2),
            cell("explain", "why", "Why 2?", 2),
        ]
    )


def answered(release, he=HE, clip=CLIP):
    """Return a released notebook with answers."""
    notebook = nbformat.from_dict(release)
    for item in notebook.cells:
        name = item.metadata.nbgrader["grade_id"]
        item.source = {"he-std": he, "clip": clip, "why": "Half is lost."}.get(name, item.source)
    return notebook


def limit_process():
    """Bound nbgrader itself and all below it, should the bounds under test fail."""
    for which, value in (
        (resource.RLIMIT_DATA, 6 * 2**30),
        (resource.RLIMIT_FSIZE, 300 * 2**20),
        (resource.RLIMIT_CPU, 300),
    ):
        resource.setrlimit(which, (value, value))


@dataclass
class Course:
    """A scratch course; `scores` holds each student's automatic points by test cell."""

    root: Path
    assignment: str = "tiny"
    memory: int = 400
    cell_timeout: float = 4
    log: str = ""
    seconds: float = 0
    scores: dict = field(default_factory=dict)

    def __post_init__(self):
        self.folder = self.root / "book" / "assignments"
        self.folder.mkdir(parents=True)
        (self.folder / "grading").symlink_to(BOOK / "assignments" / "grading")
        settings = (BOOK / "assignments" / "nbgrader_config.py").read_text(encoding="utf-8")
        smaller = SMALLER.format(memory=self.memory, cell_timeout=self.cell_timeout)
        (self.folder / "nbgrader_config.py").write_text(settings + smaller, encoding="utf-8")

    def nbgrader(self, *arguments, seconds=300):
        """Run nbgrader in a process of its own."""
        program = [sys.executable, "-m", "nbgrader", *arguments]
        return subprocess.run(
            program,
            cwd=self.folder,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            preexec_fn=limit_process,
            env={**os.environ, "SECRET": "of the teacher"},
            check=False,
        )

    def release(self, notebook):
        """Store and release an assignment; return what students get."""
        path = Path(self.assignment) / f"{self.assignment}.ipynb"
        source = self.folder / "source" / path
        source.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, source)
        done = self.nbgrader("generate_assignment", self.assignment, "--force")
        assert done.returncode == 0, done.stderr
        return nbformat.read(self.folder / "release" / path, as_version=4)

    def submit(self, student, content):
        """Hand in a notebook, a text or (None) nothing."""
        folder = self.folder / "submitted" / student / self.assignment
        folder.mkdir(parents=True)
        path = folder / f"{self.assignment}.ipynb"
        if isinstance(content, str):
            path.write_text(content, encoding="utf-8")
        elif content is not None:
            path.write_text(nbformat.writes(content), encoding="utf-8")
        return path

    def grade(self):
        """Grade all that was handed in."""
        started = time.monotonic()
        done = self.nbgrader("autograde", self.assignment)
        self.log, self.returncode = done.stderr, done.returncode
        self.seconds = time.monotonic() - started
        with Gradebook(f"sqlite:///{self.folder}/gradebook.db") as gradebook:
            for submission in gradebook.assignment_submissions(self.assignment):
                self.scores[submission.student.id] = {
                    grade.cell.name: grade.auto_score
                    for notebook in submission.notebooks
                    for grade in notebook.grades
                    if grade.cell.cell_type == "code"
                }
        return self

    def points(self, student):
        """Return a student's points; None where grading failed."""
        scores = self.scores[student].values()
        return None if None in scores else sum(scores)

    def graded(self, student):
        """Return the graded notebook as text."""
        path = Path(student) / self.assignment / f"{self.assignment}.ipynb"
        return (self.folder / "autograded" / path).read_text(encoding="utf-8")
