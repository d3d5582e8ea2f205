"""How submissions are graded: two steps that replace steps of nbgrader's autograder.

`RestoreCells` builds the notebook anew from the cells that nbgrader stored when
the assignment was released, and takes only the answers from the submission.
`ExecuteApart` runs the answers in a kernel that can do little harm, and the
tests in another one, which calls the student's functions (`grading_calls`).

`book/assignments/nbgrader_config.py` switches them on.
"""

import ast
import contextlib
import json
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from grading_calls import free_names
from grading_kernels import Kernel, error_output
from grading_watch import adopt_orphans
from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.utils import is_grade, is_locked
from traitlets import Float, Integer

BIND = "import grading_calls; grading_calls.bind(globals(), {source!r}, _ch11_ask)"


@contextlib.contextmanager
def interrupted_by_sigterm() -> Iterator[None]:
    """Let SIGTERM do what Ctrl+C does: kernels end, and nbgrader removes what is half done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: Any) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def defined_names(source: str) -> set[str]:
    """Return the functions and classes that a cell defines."""
    with contextlib.suppress(SyntaxError):
        kinds = (ast.FunctionDef, ast.ClassDef)
        return {node.name for node in ast.parse(source).body if isinstance(node, kinds)}
    return set()


class RestoreCells(NbGraderPreprocessor):  # type: ignore[misc]
    """Rebuild a submission: released cells as stored, answers as submitted.

    An answer is found by its cell's id, or, where a tool has lost or changed
    the id, by the functions that it defines. Deleted, edited, renamed, moved or
    doubled test cells come back as they were. Cells that a student added stay
    behind the cell they followed.
    """

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Return the rebuilt notebook."""
        nbgrader = resources["nbgrader"]
        file = Path(resources["metadata"]["path"], f"{nbgrader['notebook']}.ipynb")
        if any(path.is_symlink() for path in (file, file.parent, file.parent.parent)):
            raise ValueError(f"{file} is a link: it may lead to someone else's answers")
        with Gradebook(nbgrader["db_url"]) as gradebook:
            stored = gradebook.find_notebook(nbgrader["notebook"], nbgrader["assignment"])
            points = {cell.name: cell.max_score for cell in stored.grade_cells}
            answers = {cell.name for cell in stored.solution_cells}
            released = [_rebuilt(cell, points, answers) for cell in stored.source_cells]
        submitted = _anchored(nb.cells, released)
        nb.cells = submitted.get("", [])
        for cell in released:
            name = cell.metadata.nbgrader["grade_id"]
            mine, *added = submitted.get(name, [None])
            if mine is not None and not is_locked(cell):
                cell.source = mine.source
                if cell.cell_type == "markdown" and mine.get("attachments"):
                    cell.attachments = mine.attachments
            nb.cells += [cell, *added]
        return nb, resources


def _rebuilt(stored: Any, points: dict[str, float], answers: set[str]) -> Any:
    metadata = {
        "schema_version": 3,
        "grade_id": stored.name,
        "cell_type": stored.cell_type,
        "checksum": stored.checksum,
        "locked": bool(stored.locked),
        "grade": stored.name in points,
        "solution": stored.name in answers,
        "task": False,
    }
    if stored.name in points:
        metadata["points"] = points[stored.name]
    make = getattr(nbformat.v4, f"new_{stored.cell_type}_cell")
    return make(stored.source, metadata={"nbgrader": metadata})


def _anchored(cells: list[Any], released: list[Any]) -> dict[str, list[Any]]:
    """Return each released cell's submitted one, followed by those that were added."""
    by_id: dict[str | None, Any] = {cell.metadata.nbgrader["grade_id"]: cell for cell in released}
    cells = [cell for cell in cells if isinstance(cell.get("source"), str)]
    ids = [_grade_id(cell) for cell in cells]
    open_names = {
        name: grade_id
        for grade_id, cell in by_id.items()
        if grade_id and grade_id not in ids and not is_locked(cell) and cell.cell_type == "code"
        for name in defined_names(cell.source)
    }
    found: dict[str, list[Any]] = {}
    anchor = ""
    for grade_id, cell in zip(ids, cells, strict=True):
        if grade_id not in by_id and cell.cell_type == "code":
            names = defined_names(cell.source) & set(open_names)
            grade_id = open_names[min(names)] if names else None
        if grade_id is not None and grade_id in by_id and grade_id not in found:
            anchor = grade_id
        elif grade_id in by_id and is_locked(by_id[grade_id]):
            continue
        cell.metadata = nbformat.from_dict({})
        found.setdefault(anchor, []).append(cell)
    return found


def _grade_id(cell: Any) -> str | None:
    with contextlib.suppress(AttributeError, KeyError, TypeError):
        grade_id = cell["metadata"]["nbgrader"]["grade_id"]
        return grade_id if isinstance(grade_id, str) else None
    return None


class ExecuteApart(NbGraderPreprocessor):  # type: ignore[misc]
    """Run answers and tests in two kernels; see the module's text."""

    cell_timeout = Float(60, help="seconds for one cell").tag(config=True)
    call_timeout = Float(20, help="seconds for one call of a function by a test").tag(config=True)
    total_timeout = Float(600, help="seconds for one notebook").tag(config=True)
    memory = Float(2 * 2**30, help="bytes of memory of a submission's processes").tag(config=True)
    processes = Integer(24, help="processes that a submission may have").tag(config=True)
    max_output = Integer(1_000_000, help="characters of output of one cell").tag(config=True)

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Execute all cells; a cell that could not be run holds an error."""
        adopt_orphans()
        self.deadline = time.monotonic() + self.total_timeout
        limits = {"memory": self.memory, "processes": self.processes, "cpu": self.total_timeout}
        self.done: list[str] = []
        self.given: list[str] = []
        self.space = 20 * self.max_output
        with interrupted_by_sigterm():
            return self._execute(nb, limits), resources

    def _execute(self, nb: Any, limits: dict[str, float]) -> Any:
        try:
            self.student = Kernel(limits, self.max_output)
            self.trusted = Kernel(limits, self.max_output, trusted=True)
            self.student.wait()
            self.trusted.wait()
            self._connect()
            late = 0
            for count, cell in enumerate((c for c in nb.cells if c.cell_type == "code"), 1):
                late += time.monotonic() > self.deadline
                cell.outputs, cell.execution_count = self._run(cell), count
            if late:
                seconds = f"{self.total_timeout:g} s"
                self.log.warning("Not run: the last %s cells, after %s", late, seconds)
        finally:
            for name in ("student", "trusted"):
                if kernel := self.__dict__.pop(name, None):
                    kernel.close()
        return nb

    def _connect(self) -> None:
        file = self.student.folder / "connection.json"
        connection = json.loads(file.read_text(encoding="utf-8"))
        outputs = self.trusted.run(
            f"import grading_calls; _ch11_ask = grading_calls.connect({connection!r}, "
            f"{self.call_timeout!r})",
            60,
        )
        if outputs and self.trusted.alive:
            raise RuntimeError(f"the trusted kernel does not start: {outputs}")

    def _run(self, cell: Any) -> list[Any]:
        if time.monotonic() > self.deadline:
            return [error_output("NotebookTimeout", f"more than {self.total_timeout:g} s")]
        if is_grade(cell) and is_locked(cell):
            return self._run_test(cell.source)
        outputs = self._run_answer(cell.source)
        if is_locked(cell):
            self.given.append(cell.source)
            return self._ask_trusted(cell.source)
        return outputs

    def _ask_trusted(self, source: str) -> list[Any]:
        outputs: list[Any] = self.trusted.run(source, self.cell_timeout)
        if not self.trusted.alive:
            self.log.warning("The kernel of the tests hung, and is started again")
            self.trusted.restart()
            self._connect()
            for given in self.given:
                self.trusted.run(given, self.cell_timeout)
        return outputs

    def _run_answer(self, source: str) -> list[Any]:
        outputs = self.student.run(source, self.cell_timeout)
        if self.student.alive:
            self.done.append(source)
        else:
            self._revive()
        self.space -= len(json.dumps(outputs))
        if self.space < 0:
            return [error_output("TooMuchOutput", "the notebook printed too much")]
        return outputs

    def _run_test(self, source: str) -> list[Any]:
        outputs: list[Any] = []
        if free_names(source):
            outputs = self._ask_trusted(BIND.format(source=source))
        if not outputs:
            outputs = self._ask_trusted(source)
        if any(output.output_type == "error" for output in outputs):
            if self.student.alive and not self.student.is_idle(1):
                self.student.interrupt()
            if not self.student.alive:
                self._revive()
        for output in outputs:
            if output.output_type == "stream":
                output.name = "stdout"  # for nbgrader, a warning on stderr is no points
        return outputs

    def _revive(self) -> None:
        """Start the student's kernel again with all cells but the one that ended it."""
        self.log.warning("The submission's kernel died: %s", self.student.reason())
        self.student.restart()
        self._connect()
        for source in self.done:
            if time.monotonic() < self.deadline and self.student.alive:
                self.student.run(source, self.cell_timeout)
