"""Studies: stored results fit the code that they came from."""

import json
import subprocess
import sys
import types

import numpy as np
import pytest
import studies
from conftest import ROOT

import ch11lib.studies

SCRIPT = '''"""How much two methods differ."""

from ch11lib import training
from ch11lib.rates import grid as rates


def measure(smoke=False):
    """Train."""
    seeds = [1] if smoke else [1, 2, 3]
    return {"loss": [training.sweep(rate, seed) for rate in rates() for seed in seeds]}
'''
TRAINING = '''"""One way to train."""

from ch11lib.rates import SCALE, unit

STEPS = 3


def sweep(rate, seed):
    """Return a loss."""
    return _loss(rate) * seed * SCALE  # no more than that


def _loss(rate):
    from ch11lib import tables

    return tables.row(rate)[-1]


def unused(rate):
    return unit(rate)
'''
RATES = """SCALE = 2


def grid():
    return [0.1, 0.2]


def unit(rate):
    return rate
"""
TABLES = "def row(rate):\n    return [1.0, rate]\n"


@pytest.fixture
def course(tmp_path):
    """A course with one study that has not been measured yet."""
    for folder in ("book/studies", "ch11lib/data/studies"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "book" / "studies" / "two.py").write_text(SCRIPT)
    for name, text in {"training": TRAINING, "rates": RATES, "tables": TABLES}.items():
        (tmp_path / "ch11lib" / f"{name}.py").write_text(text)
    return tmp_path


def store(course, **results):
    script = studies.scripts(course)["two"]
    made = {"digest": studies.digest(script, course), "seconds": 1.5, "versions": {"numpy": "2"}}
    return studies.write("two", {**made, "results": results}, course)


def test_studies_of_the_book_fit_their_code():
    assert studies.problems() == []


def test_study_that_fits_its_code_passes(course):
    store(course, loss=[1.0])
    assert studies.problems(course) == []


def test_study_without_results_is_named(course):
    assert studies.problems(course) == ["the study two has no results: run 'make study NAME=two'"]


def test_results_without_study_are_named(course):
    store(course, loss=[1.0]).rename(course / "ch11lib" / "data" / "studies" / "three.json")
    assert "three.json has no script book/studies/three.py" in studies.problems(course)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("book/studies/two.py", "[1, 2, 3]", "[1, 2, 3, 4]"),
        ("ch11lib/training.py", "* seed", "+ seed"),
        ("ch11lib/training.py", "[-1]", "[0]"),  # in a private function
        ("ch11lib/rates.py", "SCALE = 2", "SCALE = 3"),  # a constant
        ("ch11lib/rates.py", "[0.1, 0.2]", "[0.1, 0.3]"),  # imported under another name
        ("ch11lib/tables.py", "[1.0, rate]", "[1.0, 2 * rate]"),  # imported in a function
    ],
)
def test_changed_code_makes_a_study_stale(course, name, old, new):
    store(course, loss=[1.0])
    path = course / name
    assert path.read_text().count(old) == 1
    path.write_text(path.read_text().replace(old, new))
    assert studies.problems(course) == [
        "the study two is stale, its code has changed since: run 'make study NAME=two'"
    ]


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("book/studies/two.py", "How much", "By how much"),
        ("book/studies/two.py", '    """Train."""\n', "    # training\n"),
        ("ch11lib/training.py", "  # no more than that", ""),
        ("ch11lib/training.py", '"""Return a loss."""', '"""Return the\n    loss."""'),
        ("ch11lib/training.py", "unit(rate)\n", "2 * unit(rate)\n"),  # a function it does not use
        ("ch11lib/training.py", "STEPS = 3", "STEPS = 4"),
        ("ch11lib/rates.py", "    return rate\n", "    return -rate\n"),
        ("ch11lib/rates.py", "[0.1, 0.2]", "[\n        0.1,\n        0.2,\n    ]"),
    ],
)
def test_what_does_not_count_leaves_a_study_fresh(course, name, old, new):
    store(course, loss=[1.0])
    path = course / name
    assert path.read_text().count(old) == 1
    path.write_text(path.read_text().replace(old, new))
    assert studies.problems(course) == []


def test_function_that_moves_to_another_module_leaves_a_study_fresh(course):
    store(course, loss=[1.0])
    (course / "ch11lib" / "rates.py").rename(course / "ch11lib" / "grids.py")
    for path in (course / "book" / "studies" / "two.py", course / "ch11lib" / "training.py"):
        path.write_text(path.read_text().replace("ch11lib.rates", "ch11lib.grids"))
    assert studies.problems(course) == []
    path = course / "ch11lib" / "grids.py"
    path.write_text(path.read_text().replace("[0.1, 0.2]", "[0.5]"))
    assert len(studies.problems(course)) == 1


@pytest.mark.parametrize(
    "use",
    [
        "import ch11lib\nrate = ch11lib.rates.grid()",
        "import ch11lib.rates\nrate = ch11lib.rates.grid()",
        "import ch11lib.rates as r\nrate = r.grid()",
        "from ch11lib import rates\nrate = rates.grid()",
        "from ch11lib.rates import grid\nrate = map(float, grid())",
        "from ch11lib.again import grid\nrate = grid()",
    ],
)
def test_each_way_of_importing_is_followed(course, use):
    (course / "ch11lib" / "again.py").write_text("from ch11lib.rates import grid\n")
    script = course / "book" / "studies" / "two.py"
    script.write_text(use + "\n")
    before = studies.digest(script, course)
    path = course / "ch11lib" / "rates.py"
    path.write_text(path.read_text().replace("[0.1, 0.2]", "[0.5]"))
    assert studies.digest(script, course) != before


def test_lists_of_numbers_come_back_as_arrays(course, monkeypatch):
    loss = [[0.5, float("nan")], [float("inf"), 1 / 3]]
    store(course, loss=loss, names=["a", "b"], ragged=[[1.0], [1.0, 2.0]], by={"a": [1, 2]})
    monkeypatch.setattr(ch11lib.studies, "FOLDER", course / "ch11lib" / "data" / "studies")
    loaded = ch11lib.studies.load("two")
    np.testing.assert_array_equal(loaded["loss"], np.array(loss))
    assert loaded["names"] == ["a", "b"]
    assert [one.tolist() for one in loaded["ragged"]] == [[1.0], [1.0, 2.0]]
    assert loaded["by"]["a"].dtype == np.int64
    assert (loaded["seconds"], loaded["versions"]) == (1.5, {"numpy": "2"})


def test_unknown_study_is_refused_with_those_that_there_are(course, monkeypatch):
    store(course, loss=[1.0])
    monkeypatch.setattr(ch11lib.studies, "FOLDER", course / "ch11lib" / "data" / "studies")
    with pytest.raises(ValueError, match=r"name is 'three'; it must be one of \['two'\]"):
        ch11lib.studies.load("three")
    with pytest.raises(ValueError, match="it must be one of"):
        ch11lib.studies.load("../studies/two")


def measured(course, body, smoke=False):
    text = f'"""A study."""\nimport numpy as np\ndef measure(smoke=False):\n    return {body}\n'
    (course / "book" / "studies" / "two.py").write_text(text)
    return studies.measure("two", smoke, course)


def test_measuring_records_how_it_came_about(course):
    made = measured(course, "{'x': np.float32(1 / 3), 'y': np.arange(2), 'smoke': smoke}", True)
    assert made["results"] == {"x": 0.333333, "y": [0, 1], "smoke": True} == made["quick"]
    assert made["digest"] == studies.digest(studies.scripts(course)["two"], course)
    assert {*made["versions"]} == {"keras", "numpy", "tensorflow"} and made["seconds"] >= 0
    path = studies.write("two", made, course)
    assert json.loads(path.read_text())["results"] == made["results"]
    assert studies.problems(course) == []


LIBRARY = """def double(x):
    return {} * x
"""


def test_change_that_does_not_matter_is_confirmed_by_a_quick_run(course, monkeypatch):
    def library(text):
        (course / "ch11lib" / "doubles.py").write_text(text)
        module = types.ModuleType("ch11lib.doubles")
        exec(text, module.__dict__)
        monkeypatch.setitem(sys.modules, "ch11lib.doubles", module)

    script = course / "book" / "studies" / "two.py"
    script.write_text(
        '"""A study."""\nfrom ch11lib.doubles import double\n'
        'def measure(smoke=False):\n    return {"x": double(1.0 if smoke else 5.0)}\n'
    )
    library(LIBRARY.format("2"))
    path = studies.write("two", studies.measure("two", root=course), course)
    results = json.loads(path.read_text())["results"]
    assert results == {"x": 10.0}

    library(LIBRARY.format("(1 + 1)"))
    assert len(studies.problems(course)) == 1
    studies.confirm("two", course)
    assert studies.problems(course) == []
    assert json.loads(path.read_text())["results"] == results

    library(LIBRARY.format("2.1"))
    with pytest.raises(ValueError, match="the quick run of two gives other numbers; measure it"):
        studies.confirm("two", course)
    assert len(studies.problems(course)) == 1

    script.write_text(script.read_text().replace("5.0", "6.0"))  # the quick run would not see it
    library(LIBRARY.format("2"))
    with pytest.raises(ValueError, match="the script of two has changed; measure it again"):
        studies.confirm("two", course)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({"a": [1.0, 2.0]}, {"a": [1.0004, 2.0]}, True),
        ({"a": [1.0, 2.0]}, {"a": [1.01, 2.0]}, False),
        ({"a": [1.0]}, {"a": [1.0, 1.0]}, False),
        ({"a": 1.0}, {"b": 1.0}, False),
        ({"a": float("nan")}, {"a": float("nan")}, True),
        ({"a": "relu", "b": 3}, {"a": "relu", "b": 4}, False),
    ],
)
def test_quick_runs_are_compared_as_numbers(one, other, expected):
    assert studies.same(one, other) is expected


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("[1]", "must return a dict"),
        ("{'seconds': 1}", "without the keys"),
        ("{'a': {'b': {1}}}", r"results\['a'\]\['b'\] is a set"),
    ],
)
def test_results_that_cannot_be_stored_are_refused(course, body, message):
    with pytest.raises(ValueError, match=message):
        measured(course, body)


def test_study_needs_a_docstring_and_a_measure(course):
    for text in ("def measure(smoke=False):\n    return {}\n", '"""A study."""\n'):
        (course / "book" / "studies" / "two.py").write_text(text)
        with pytest.raises(ValueError, match="must have a docstring and a function measure"):
            studies.measure("two", root=course)


def test_full_disk_leaves_the_stored_results(course, monkeypatch):
    path = store(course, loss=[1.0])
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(studies.os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        store(course, loss=[2.0])
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir()] == ["two.json"]


def command(course, *arguments):
    """Run the tool on a small course."""
    code = (
        "import pathlib, sys, studies; studies.ROOT = pathlib.Path(sys.argv.pop(1)); "
        "functions = (studies.scripts, studies.stored_path, studies.digest, studies.problems, "
        "studies.measure, studies.write, studies.confirm)\n"
        "for f in functions:\n    f.__defaults__ = (*f.__defaults__[:-1], studies.ROOT)\n"
        "sys.exit(studies.main())"
    )
    return subprocess.run(
        [sys.executable, "-c", code, str(course), *arguments],
        cwd=ROOT / "book" / "tools",
        capture_output=True,
        text=True,
        check=False,
    )


def test_command_measures_and_stores(course):
    body = '"""Add."""\ndef measure(smoke=False):\n    return {"x": 1 + smoke}\n'
    (course / "book" / "studies" / "two.py").write_text(body)
    done = command(course, "--smoke", "two")
    assert "two: Add.\ntwo: runs, 0 s; nothing is stored" in done.stdout, done.stderr
    assert not studies.stored_path("two", course).exists()
    done = command(course, "two")
    assert "two: 0 s, stored in ch11lib/data/studies/two.json" in done.stdout, done.stderr
    assert json.loads(studies.stored_path("two", course).read_text())["results"] == {"x": 1}
    done = command(course, "three")
    assert done.returncode == 2 and "no such study: three; there are ['two']" in done.stderr


def test_study_that_fails_leaves_its_file(course):
    path = store(course, x=1)
    before = path.read_bytes()
    body = '"""Divide."""\ndef measure(smoke=False):\n    return {"x": 1 / 0}\n'
    (course / "book" / "studies" / "two.py").write_text(body)
    done = command(course, "two")
    assert done.returncode and "ZeroDivisionError" in done.stderr
    assert path.read_bytes() == before
