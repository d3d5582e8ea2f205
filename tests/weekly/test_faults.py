"""When the machine fails: a clear error, and nothing half-written."""

import ctypes
import os
import resource
import shutil
import signal
import subprocess
import sys
import time

import nbformat
import pytest
from conftest import PATHS, ROOT
from nbformat.v4 import new_code_cell, new_notebook
from test_notebooks import EXPLORER, hear_interrupts

TOOLS = ("notebooks.py", "determinism.py")
NBVAL = ["-m", "pytest", "--nbval", "--nbval-current-env", "-o", "addopts=", "-q"]
BUDGETS = """
from notebook_budgets import NotebookBudgets

def pytest_configure(config):
    config.pluginmanager.register(NotebookBudgets())
"""
linux = pytest.mark.skipif(sys.platform != "linux", reason="made with Linux's own means")


@pytest.fixture
def course(tmp_path):
    """A course with one lesson; blanks and umlauts are in its path."""
    root = tmp_path / "Kurs für alle"
    (root / "book" / "tools").mkdir(parents=True)
    for name in TOOLS:
        shutil.copy(ROOT / "book" / "tools" / name, root / "book" / "tools")
    return root


def lesson(course, *sources):
    path = course / "book" / "lesson.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(source) for source in sources]), path)
    return path


def start(course, *arguments, **options):
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
    command = [sys.executable, str(course / "book" / "tools" / "notebooks.py"), *arguments]
    options.setdefault("preexec_fn", hear_interrupts)
    return subprocess.Popen(command, cwd=course, **options)


def left_in(course):
    return sorted(path.name for path in (course / "book").iterdir())


def no_privileges():
    """Make file permissions hold for root, too: drop CAP_DAC_OVERRIDE (capabilities(7))."""
    if os.geteuid() == 0:
        ctypes.CDLL(None).prctl(24, 1, 0, 0, 0)


def write_protected(folder):
    for path in [folder, *folder.rglob("*")]:
        path.chmod(path.stat().st_mode & ~0o222)


@linux
def test_a_read_only_checkout_is_told_and_stays_as_it_is(course):
    path = lesson(course, "print('new')")
    before = path.read_bytes()
    write_protected(course)
    process = start(course, "lesson", preexec_fn=no_privileges)
    errors = process.communicate(timeout=600)[1]
    assert process.returncode == 1
    assert "lesson.ipynb: FAILED, file left as it was" in errors
    assert "Permission denied" in errors
    assert path.read_bytes() == before


@linux
def test_a_lesson_runs_from_a_read_only_checkout_and_home(course, tmp_path):
    """As on a hub that mounts the course read-only: training needs no file."""
    home = tmp_path / "home"
    home.mkdir()
    code = (
        "import keras, numpy as np; from ch11lib import models, datasets, claims; "
        "data = datasets.load_fashion_mnist(); model = models.build_mlp([8]); "
        "model.compile('sgd', 'sparse_categorical_crossentropy'); "
        "model.fit(data.X_train[:64] / 255, data.y_train[:64], verbose=0); "
        "import matplotlib.pyplot as plt; plt.style.use('ch11lib.course'); "
        "claims.check('It runs.', True)"
    )
    write_protected(course)
    write_protected(home)
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=course,
        env={**os.environ, "HOME": str(home)},
        preexec_fn=no_privileges,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stdout == "✓ It runs.\n", result.stderr[-2000:]
    assert not list(home.iterdir())


@linux
def test_a_full_disk_is_told_and_leaves_the_file_as_it_was(course):
    """Files of this process may not grow beyond 200 kB, and the lesson needs more."""
    path = lesson(course, "print('x' * 300_000)")
    before = path.read_bytes()
    limit = (200_000, 200_000)
    process = start(
        course, "lesson", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    )
    errors = process.communicate(timeout=600)[1]
    assert process.returncode == 1
    assert "lesson.ipynb: FAILED, file left as it was" in errors
    assert "File too large" in errors
    assert path.read_bytes() == before
    assert left_in(course) == ["lesson.ipynb", "tools"]


@pytest.mark.parametrize("how", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_an_interrupted_execution_leaves_the_notebook_whole(course, how):
    path = lesson(course, "open('begun', 'w').close()", "import time; time.sleep(600)")
    before = path.read_bytes()
    process = start(course, "lesson")
    while not (course / "book" / "begun").exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    process.send_signal(getattr(signal, how))
    process.communicate(timeout=600)
    assert process.returncode == {"SIGINT": 130, "SIGTERM": -15, "SIGKILL": -9}[how]
    assert path.read_bytes() == before
    assert left_in(course) == ["begun", "lesson.ipynb", "tools"]


def test_two_executions_at_once_leave_one_whole_notebook(course):
    path = lesson(course, EXPLORER, "print('done')")
    both = [start(course, "lesson") for _ in range(2)]
    for process in both:
        output, errors = process.communicate(timeout=600)
        assert process.returncode == 0, errors
        assert output.startswith("lesson.ipynb: ")
    whole = path.read_bytes()
    assert nbformat.read(path, 4).cells[1].outputs[0].text == "done\n"
    assert start(course, "lesson").communicate(timeout=600)[0] == "lesson.ipynb: unchanged\n"
    assert path.read_bytes() == whole
    assert left_in(course) == ["lesson.ipynb", "tools"]


FOREIGN = [
    {"LC_ALL": "C", "LANG": "C", "TZ": "Pacific/Apia"},
    {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "TZ": "Asia/Kathmandu"},
    {"LC_ALL": "tr_TR.UTF-8", "LANGUAGE": "tr", "TZ": "America/St_Johns"},
]


@pytest.mark.parametrize("settings", FOREIGN, ids=lambda settings: settings["LC_ALL"])
def test_locale_and_time_zone_change_no_byte(course, settings):
    claim = "from ch11lib.claims import check\ncheck('η ≤ 1 ✓', 'i'.upper() == 'I')"
    if settings["LC_ALL"] == "POSIX" and not str(ROOT).isascii():
        pytest.skip("Python without UTF-8 finds no package that is installed in such a folder")
    path = lesson(course, EXPLORER, claim, "print(f'{1234.5:.2f}', '√2·10⁻³')")
    assert start(course, "lesson").wait(600) == 0
    here = path.read_bytes()
    process = start(course, "lesson", env={**os.environ, **settings})
    output, errors = process.communicate(timeout=600)
    assert output == "lesson.ipynb: unchanged\n", errors
    assert path.read_bytes() == here


def test_a_killed_kernel_fails_the_lesson(course):
    killed = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    path = lesson(course, "1", killed, "print('after')")
    (course / "conftest.py").write_text(BUDGETS, encoding="utf-8")
    result = subprocess.run(
        [sys.executable, *NBVAL, str(path)],
        cwd=course,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(PATHS)},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert result.returncode == 1, result.stdout
    assert "The kernel died while it ran this cell" in result.stdout
    assert result.stdout.startswith(".FF"), "the cells after it fail at once, too"
