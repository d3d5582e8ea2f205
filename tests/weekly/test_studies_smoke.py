"""Each study still runs, and with few steps it gives what it gave when it was measured."""

import json

import pytest
import studies

SCRIPTS = studies.scripts()


@pytest.mark.parametrize("name", SCRIPTS)
def test_study_runs(name):
    quick = studies.measure(name, smoke=True)
    stored = json.loads(studies.stored_path(name).read_text(encoding="utf-8"))
    assert [*quick["results"]] == [*stored["results"]]
    assert studies.same(quick["quick"], stored["quick"])
