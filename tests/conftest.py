"""Fixtures for all tests; budgets for all notebooks."""

import json
import os
import subprocess
import sys
from pathlib import Path

import browser
import numpy as np
import pytest
from notebook_budgets import NotebookBudgets

ROOT = Path(__file__).resolve().parents[1]


def pytest_configure(config):
    config.pluginmanager.register(NotebookBudgets(), "notebook_budgets")


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
    """What PyTorch says, stored by tests/data/make_torch_reference.py."""
    path = ROOT / "tests" / "data" / "torch_reference.json"
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
