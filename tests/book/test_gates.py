"""The gates bite: each fault, put into a sound notebook, is found."""

import subprocess
import sys

import gates
import nbformat
import notebook_budgets
import notebooks
import pytest
from conftest import PATHS, ROOT
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

TEXT = (
    """# Lesson

**Aims.** **Time** **You need** {cite:p}`x` {term}`y`

## What goes wrong in practice
## Recap
## Check yourself
"""
    + "<details><summary>Answer</summary></details>\n" * 6
)
EXERCISE = "### Exercise: {0}\n\nHow much is it?\n\n#### Solution\n\nOne."
ALT = {"image": {"alt": "A curve that rises from 0 to 1 and then stays level."}}


def sound():
    """Return a small lesson that passes every gate."""
    explorer = '<figure class="ch11-explore"><img src="data:x" alt="A line."></figure>'
    cells = [
        new_markdown_cell(TEXT),
        new_markdown_cell("## Exercises"),
        new_markdown_cell(EXERCISE.format("a")),
        new_markdown_cell(EXERCISE.format("b")),
        new_code_cell("explore(line)", execution_count=1),
        new_code_cell("plot()", execution_count=2, metadata={"mystnb": ALT}),
        new_code_cell("check('a', 1)\n" * 5, execution_count=3),
    ]
    cells[4].outputs = [new_output("execute_result", {"text/html": explorer}, execution_count=1)]
    cells[5].outputs = [new_output("execute_result", {"image/png": "x"}, execution_count=2)]
    return notebooks.normalize(new_notebook(cells=cells))


def problems(notebook, size=1000):
    found = gates.find_size_problems(notebook, size)
    for gate in gates.gates_of("a_lesson"):
        found += gate(notebook)
    return found


def test_a_sound_notebook_passes():
    assert problems(sound()) == []


def output(cell, kind="stream", **content):
    cell.outputs = [nbformat.from_dict({"output_type": kind, "metadata": {}, **content})]


FAULTS = {
    "execution counts": lambda nb: nb.cells[4].update(execution_count=None),
    "stored error": lambda nb: output(nb.cells[6], "error", ename="E", evalue="", traceback=[]),
    "stored stderr": lambda nb: output(nb.cells[6], name="stderr", text="Warning"),
    "a warning in the output": lambda nb: output(
        nb.cells[6], name="stdout", text="WARNING:tensorflow:5 out of the last 83 calls"
    ),
    "path in the output": lambda nb: output(nb.cells[6], name="stdout", text="in /home/me/x"),
    "path in": lambda nb: nb.cells[0].update(source=nb.cells[0].source + " see /root/course"),
    "bound again below it": lambda nb: (
        nb.cells[4].update(source="scale = 2\ndef line():\n    return scale\n\nexplore(line)"),
        nb.cells[5].update(source="scale = 3"),
    ),
    "without alt text (mystnb": lambda nb: nb.cells[5].update(metadata={}),
    "<img> without alt": lambda nb: output(
        nb.cells[4], "display_data", data={"text/html": '<img class="ch11-explore" src="data:x">'}
    ),
    "another host": lambda nb: output(
        nb.cells[6], "display_data", data={"text/html": '<script src="https://cdn.org/x.js">'}
    ),
    "widget view": lambda nb: output(
        nb.cells[6], "display_data", data={"application/vnd.jupyter.widget-view+json": {}}
    ),
    "no static edition": lambda nb: output(
        nb.cells[6], "display_data", data={"text/plain": "interactive(children=())"}
    ),
    "widget state": lambda nb: nb.metadata.update(widgets={"x": 1}),
    "deprecated: 'LeakyReLU(alpha": lambda nb: nb.cells[5].update(source="LeakyReLU(alpha=0.2)"),
    "deprecated: '.h5'": lambda nb: nb.cells[5].update(source="save('model.h5')"),
    "code cell of": lambda nb: nb.cells[5].update(source="x\n" * 40),
    "no claim guards": lambda nb: nb.cells[6].update(metadata={"tags": ["nbval-ignore-output"]}),
    "claims in a cell": lambda nb: nb.cells[6].update(metadata={"tags": ["nbval-ignore-output"]}),
    "a skipped cell": lambda nb: nb.cells[5].update(source="# NBVAL_SKIP\n1"),
    "4 claims": lambda nb: nb.cells[6].update(source="check('a', 1)\n" * 4),
    "no explorer": lambda nb: output(nb.cells[4], name="stdout", text="a"),
    "do not pair up": lambda nb: nb.cells[3].update(source="no exercise"),
    "no section '## Recap'": lambda nb: nb.cells[0].update(source=TEXT.replace("## Recap", "")),
    "no **Aims.**": lambda nb: nb.cells[0].update(source=TEXT.replace("**Aims.**", "")),
    "the quiz": lambda nb: nb.cells[0].update(source=TEXT.replace("<details>", "", 1)),
    "no citation": lambda nb: nb.cells[0].update(source=TEXT.replace("{cite:p}", "")),
    "minutes of reading": lambda nb: nb.cells[0].update(source=TEXT + "word " * 4800),
}


@pytest.mark.parametrize("expected", FAULTS)
def test_fault_is_found(expected):
    notebook = sound()
    if expected == "no claim guards":
        notebook.cells[6].source = "print(1)"
    FAULTS[expected](notebook)
    assert any(expected in problem for problem in problems(notebook)), problems(notebook)


def test_an_import_of_the_same_again_binds_nothing_anew():
    notebook = sound()
    notebook.cells[4].source = "import numpy as np\ndef line():\n    return np.e\n\nexplore(line)"
    notebook.cells[5].source = "import numpy as np"
    assert problems(notebook) == []
    notebook.cells[5].source = "import math as np"
    assert problems(notebook) == ["the explorer of line reads np, bound again below it"]


def test_heavy_notebook_is_found():
    assert problems(sound(), size=1_000_001) == ["1.00 MB; the limit is 1.0 MB"]


def run_nbval(folder, notebook, **environment):
    """Run nbval with our plugin on one notebook; return what pytest printed."""
    path = folder / "lesson.ipynb"
    nbformat.write(notebook, path)
    (folder / "conftest.py").write_text(
        f"import sys\nsys.path[:0] = {PATHS!r}\n"
        "from notebook_budgets import NotebookBudgets\n"
        "def pytest_configure(config):\n"
        "    config.pluginmanager.register(NotebookBudgets(), 'budgets')\n"
    )
    sanitize = ROOT / "tests" / "book" / "nbval_sanitize.cfg"
    command = [sys.executable, "-m", "pytest", "-p", "no:xdist", "-p", "no:cacheprovider", "-rs"]
    command += ["-c", "/dev/null", f"--rootdir={folder}", "--nbval", "--nbval-current-env"]
    command += [f"--nbval-sanitize-with={sanitize}", str(path)]
    import os

    environment = {**os.environ, **environment}
    environment.pop("PYTEST_ADDOPTS", None)
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env=environment, check=False
    )
    return done.stdout + done.stderr


def one_cell(source, stored):
    notebook = new_notebook(cells=[new_code_cell(source, execution_count=1)])
    notebook.cells[0].outputs = [new_output("stream", name="stdout", text=stored)] if stored else []
    return notebook


def test_nbval_compares_text(tmp_path):
    assert "2 passed" in run_nbval(tmp_path, one_cell("print(1 + 1)", "2\n"))
    assert "1 failed" in run_nbval(tmp_path, one_cell("print(1 + 1)", "3\n"))


def test_nbval_sees_a_claim_fail(tmp_path):
    source = "from ch11lib.claims import check\ncheck('One is two.', 1 == 2)"
    assert "ClaimError" in run_nbval(tmp_path, one_cell(source, "✓ One is two.\n"))


def test_nbval_compares_alt_texts_but_not_pictures(tmp_path):
    source = (
        'from IPython.display import HTML\nHTML(\'<img src="data:image/webp;base64,{}" alt="{}">\')'
    )

    def stored(picture, alt):
        notebook = one_cell(source.format("AAAA", "A line."), None)
        html = f'<img src="data:image/webp;base64,{picture}" alt="{alt}">'
        data = {"text/html": html, "text/plain": "<IPython.core.display.HTML object>"}
        notebook.cells[0].outputs = [new_output("execute_result", data, execution_count=1)]
        return notebook

    assert "2 passed" in run_nbval(tmp_path, stored("BBBB", "A line."))
    assert "1 failed" in run_nbval(tmp_path, stored("AAAA", "A circle."))


BUSY = "import time\nstart = time.process_time()\nwhile time.process_time() < start + 0.5: pass"


def test_slow_notebook_fails(tmp_path):
    notebook = one_cell(BUSY, None)
    assert "the limit is 0.4 s" in run_nbval(tmp_path, notebook, CH11_MAX_SECONDS="0.4")
    assert "2 passed" in run_nbval(tmp_path, notebook, CH11_MAX_SECONDS="20")


def test_waiting_for_a_busy_machine_does_not_count(tmp_path):
    notebook = one_cell("import time; time.sleep(3)", None)
    assert "2 passed" in run_nbval(tmp_path, notebook, CH11_MAX_SECONDS="1")


def test_lesson_of_the_second_edition_has_a_budget_of_its_own(monkeypatch):
    monkeypatch.setattr(notebook_budgets.notebooks, "SECOND_EDITION", {"new"})
    assert notebook_budgets.limits("new") == (120, 1.45 * 2**30)
    assert notebook_budgets.limits("old") == (240, 1.45 * 2**30)


def test_greedy_notebook_fails_though_it_frees_its_memory(tmp_path):
    notebook = one_cell("x = b'1' * 400_000_000; del x", None)
    assert "the limit is 0.30 GB" in run_nbval(tmp_path, notebook, CH11_MAX_BYTES="3e8")
    assert "2 passed" in run_nbval(tmp_path, notebook, CH11_MAX_BYTES="6e8")
