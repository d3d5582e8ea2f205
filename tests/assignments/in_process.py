"""Grade a notebook in this process: a second where nbgrader takes half a minute.

The answers run in one namespace and the tests in another. What goes between the two
is encoded and decoded as between the two kernels of real grading (`grading_calls`).
Left out is what the kernels are for: limits of time and memory, and safety.
"""

import contextlib

import graded
import grading_calls
import matplotlib.pyplot as plt
import nbformat


def lost(notebook):
    """Return the names of the test cells that a notebook with its tests fails."""
    student, trusted, failed = {"__name__": "__main__"}, {"__name__": "__main__"}, set()

    def ask(name, call):
        if name not in student:
            raise KeyError(name)
        try:
            return grading_calls.answer(student, name, call)
        except Exception as error:
            text = f"{name} raised {type(error).__name__}: {error}"
            raise grading_calls.RemoteError(text) from None

    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        kind = graded.kind(cell)
        if kind == "test":
            try:
                grading_calls.bind(trusted, cell.source, ask)
                exec(cell.source, trusted)
            except Exception:
                failed.add(cell.metadata.nbgrader["grade_id"])
            continue
        with contextlib.suppress(Exception):  # the next cell runs all the same
            exec(cell.source, student)
        if kind == "locked":
            exec(cell.source, trusted)
    plt.close("all")
    return failed


def with_answers_of(released, source):
    """Return the source, which has all tests, with the answers of a released notebook."""
    copy = nbformat.from_dict(source)
    answers = {
        cell.metadata.nbgrader["grade_id"]: cell.source
        for cell in released.cells
        if graded.kind(cell) == "solve"
    }
    for cell in copy.cells:
        if graded.kind(cell) == "solve":
            cell.source = answers[cell.metadata.nbgrader["grade_id"]]
    return copy
