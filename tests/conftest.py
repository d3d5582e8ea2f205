"""Fixtures for all tests; budgets for all notebooks."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import browser
import hypothesis
import numpy as np
import pytest
import sandbox
from filelock import FileLock
from lab_fixtures import lab, small_data  # noqa: F401 (a second conftest would hide this one)
from notebook_budgets import NotebookBudgets
from timings_plugin import Timings

ROOT = Path(__file__).resolve().parents[1]
#: Where a process that a test starts finds the plugins of these tests and the tools.
PATHS = [str(ROOT / folder) for folder in ("tests", "tests/book", "book/tools")]


def pytest_configure(config):
    sandbox.pin_worker()
    sandbox.go_offline()
    os.environ["TQDM_DISABLE"] = "1"  # stored outputs have no progress bars
    hypothesis.settings.register_profile("the same everywhere", deadline=None, derandomize=True)
    hypothesis.settings.load_profile("the same everywhere")
    config.pluginmanager.register(NotebookBudgets(), "notebook_budgets")
    if "CH11_TIMES" in os.environ and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Timings(), "timings")


@pytest.fixture
def rng():
    """A seeded NumPy generator."""
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def chromium():
    """One browser per worker: Playwright allows no second one beside it."""
    with browser.open_browser() as opened:
        yield opened


@pytest.fixture(scope="session")
def torch_reference():
    """What PyTorch says, stored by tests/library/data/make_torch_reference.py."""
    path = ROOT / "tests" / "library" / "data" / "torch_reference.json"
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture
def run_python():
    """Run this Python in a process of its own and return what it printed."""

    def run(*arguments, **environment):
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment},
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=300,
            check=False,
        )

    return run


def build_site(root, output, repository=""):
    """Build the website of the course in `root`, as on GitHub if a repository is named."""
    command = [sys.executable, "book/tools/site_build.py", "--output", str(output)]
    environment = {**os.environ, "GITHUB_REPOSITORY": repository}
    return subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="session")
def html(tmp_path_factory):
    """Build the site once for all workers; return its folder.

    It is built from a copy whose assignments hold canaries: words in every
    solution, hidden test and mark scheme that must not come out.
    """
    import graded

    here = tmp_path_factory.getbasetemp()  # of this worker, if there are several
    shared = (here.parent if "PYTEST_XDIST_WORKER" in os.environ else here) / "site"
    with FileLock(f"{shared}.lock"):
        done = shared / "done"
        if not done.exists():
            shutil.rmtree(shared / "copy", ignore_errors=True)
            copy = graded.copy_course(shared / "copy")
            graded.plant_canaries(copy)
            result = build_site(copy, shared)
            assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
            done.touch()
    return shared / "_build" / "html"


@pytest.fixture(scope="session")
def site(html):
    """Serve the built site; return its address."""
    browser.require_browser()
    with browser.serve(html) as url:
        yield url
