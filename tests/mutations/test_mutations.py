"""The list of faults fits the code, each fault changes it, and results are stored for all."""

import json
from pathlib import Path

import pytest
import run
from conftest import ROOT

ENTRIES = run.mutations()


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: f"{e['module']}: {e['breaks']}")
def test_fault_can_be_made(entry):
    compile(run.mutated(entry), entry["module"], "exec")
    assert run.unit_tests(entry["module"])
    assert (ROOT / "book" / f"{entry['lesson']}.ipynb").exists()


def test_there_are_many_and_all_were_tried():
    """After a change of the list or the code, `make mutants` tries them again."""
    results = json.loads(run.RESULTS.read_text(encoding="utf-8"))
    keys = ("module", "lesson", "breaks")
    assert len(ENTRIES) >= 40
    assert [[r[k] for k in keys] for r in results] == [[e[k] for k in keys] for e in ENTRIES]
    assert [r["breaks"] for r in results if not r["unit"]] == [], "each is caught by a unit test"
    assert sum(bool(r["claim"] or r["cell"]) for r in results) >= 0.9 * len(results)


def test_code_that_has_changed_is_told(tmp_path):
    (tmp_path / "ch11lib").mkdir()
    Path(tmp_path / "ch11lib" / "claims.py").write_text("pass\n", encoding="utf-8")
    with pytest.raises(ValueError, match="0 times"):
        run.mutated({"module": "claims", "old": "if not condition:", "new": ""}, tmp_path)
