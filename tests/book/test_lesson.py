"""`make lesson` says in words what is wrong with a lesson, and fails."""

import json
import subprocess
import sys

import gates
import lesson
import nbformat
import notebooks
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

FOLDED = {"tags": ["hide-input"], "mystnb": {"code_prompt_show": "Claims"}}
CLAIM = """from ch11lib import claims

claims.check_results(
    "A is above B.", lambda a, b: {}, a=[0.8, 0.9], b=[0.1, 0.2]
)"""
STUDY = '"""How much two methods differ."""\ndef measure(smoke=False):\n    return {"x": 1}\n'


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course whose one lesson has only the gates that these tests are about."""
    for folder in ("book/studies", "ch11lib/data/studies"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.setattr(lesson, "ROOT", tmp_path)
    monkeypatch.setattr(notebooks, "SECOND_EDITION", {"tiny"})
    monkeypatch.setattr(gates, "SECOND_EDITION", {"tiny"})
    parts = {gates.find_missing_parts, *gates.form_gates.ALL[-3:]}
    kept = tuple(gate for gate in gates.gates_of("tiny") if gate not in parts)
    monkeypatch.setattr(gates, "gates_of", lambda name: kept)
    monkeypatch.setattr(lesson, "page_problems", lambda name: [])
    monkeypatch.setattr("sys.argv", ["lesson.py", "tiny"])
    monkeypatch.setenv("CH11_MAX_SECONDS", "1e9")  # this process has other children, too
    monkeypatch.setenv("CH11_MAX_BYTES", "1e12")
    return tmp_path


def store(course, text="A lesson, with 0.9 in it.", code="print(0.9)", holds="min(a) > max(b)"):
    cells = [
        new_markdown_cell(text),
        new_code_cell(code),
        new_code_cell(CLAIM.format(holds), metadata=FOLDED),
    ]
    path = course / "book" / "tiny.ipynb"
    nbformat.write(new_notebook(cells=cells), path)
    return path


def test_sound_lesson_passes_and_is_stored(course, capsys):
    path = store(course)
    assert lesson.main() == 0
    printed = capsys.readouterr().out
    assert "✗" not in printed and "tiny: all is well" in printed
    cells = nbformat.read(path, as_version=4).cells
    assert [cell.outputs[0].text for cell in cells[1:]] == ["0.9\n", "✓ A is above B.\n"]
    assert cells[2].metadata.jupyter.source_hidden


def test_everything_that_is_wrong_is_said(course, capsys):
    script = course / "book" / "studies" / "two.py"
    script.write_text(STUDY)
    stored = course / "ch11lib" / "data" / "studies" / "two.json"
    stored.write_text(json.dumps({"digest": "of yesterday", "results": {}}))
    code = "import gc\n\ngc.collect()\nprint(" + "0" * 70 + ")\nprint(get_ipython() is not None)"
    store(course, text='Accuracy is 0.7. <img src="a.png" alt="A line.">', code=code)
    assert lesson.main() == 1
    printed = capsys.readouterr().out
    for problem in (
        "✗ a visible line of 77 characters; 76 fit the page",
        "✗ plumbing in view, 'gc.': fold it (hide-input)",
        "✗ cell 0: no cell prints 0.7 (…Accuracy is 0.7. A line.…)",
        "✗ an image without width and height: a.png",
        "✗ the study two is stale, its code has changed since: run 'make study NAME=two'",
        "✗ the visible code does not run as a script",
        "NameError: name 'get_ipython' is not defined",
        "tiny: 6 problems",
    ):
        assert problem in printed, printed


def test_claim_that_survives_when_methods_trade_places_fails(course, capsys):
    path = store(course, holds="abs(min(a) - max(b)) < 1")
    before = path.read_bytes()
    assert lesson.main() == 1
    printed = capsys.readouterr().out
    assert "ClaimError: ✗ A is above B. This survives when a and b trade places." in printed
    assert path.read_bytes() == before


def test_lesson_that_prints_something_else_each_time_fails(course, capsys):
    store(course, code="import uuid\n\nprint(0.9, uuid.uuid4())")
    assert lesson.main() == 1
    assert "✗ cell 1 prints two things in two executions: '0.9 " in capsys.readouterr().out


def test_budgets_are_those_of_the_tests(monkeypatch):
    monkeypatch.setenv("CH11_MAX_SECONDS", "0")
    monkeypatch.setenv("CH11_MAX_BYTES", "1e6")
    subprocess.run([sys.executable, "-c", "x = b'1' * 10_000_000"], check=True)
    seconds, peak = lesson.find_broken_budgets("tiny")
    assert "s of processor time; the limit is 0 s" in seconds
    assert "GB; the limit is 0.00 GB" in peak
    monkeypatch.setenv("CH11_MAX_SECONDS", "1e9")
    monkeypatch.setenv("CH11_MAX_BYTES", "1e12")
    assert lesson.find_broken_budgets("tiny") == []


def test_unknown_lesson_is_refused(course, capsys):
    with pytest.raises(SystemExit):
        lesson.main()
    assert "no such notebook: tiny.ipynb" in capsys.readouterr().err


def test_page_that_is_not_built_is_said(monkeypatch):
    done = type("Done", (), {"returncode": 1, "stderr": "", "stdout": "reading\nWARNING: x\n"})
    monkeypatch.setattr(lesson.subprocess, "run", lambda *_, **__: done)
    assert lesson.page_problems("tiny") == ["the page is not built: WARNING: x"]
