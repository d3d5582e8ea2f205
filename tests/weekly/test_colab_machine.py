"""Every lesson on a machine like Colab's, where TensorFlow, Keras and ipywidgets are there already.

The first cell of the edition adds `ch11lib` and leaves the rest as it is. The
machine is a virtual environment with Colab's own versions (data/colab-2026-08.txt)
and, if there is one here, Colab's Python 3.13; uv fills it from the package registry.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import browser
import colab
import plain_markdown
import pytest
import uv
from conftest import ROOT
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

PINS = Path(__file__).parent / "data" / "colab-2026-08.txt"
#: TensorFlow 2.20 is the first for it. Without it here, the Python of the tests runs instead.
PYTHON = "3.13"
NEEDS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOWEST = [need.replace(">=", "==") for need in NEEDS["dependencies"]]
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def colab_has(*names):
    """Return Colab's pins of these packages; of all, without names."""
    lines = PINS.read_text(encoding="utf-8").splitlines()
    pins = {line.partition("==")[0]: line for line in lines if not line.startswith("#")}
    return [pins[name] for name in names] if names else [*pins.values()]


#: TensorFlow 2.18 is the lowest that every lesson has been run with.
TENSORFLOW = ["tensorflow==2.18.0", "tensorboard==2.18.0", "ml_dtypes==0.4.1"]
KERNEL = colab_has("ipykernel", "ipython", "pip", "setuptools")
MACHINES = {
    "colab": colab_has(),
    "lowest": [*TENSORFLOW, *LOWEST, *KERNEL, *colab_has("scikit-learn", "protobuf")],
    "bare": [*colab_has("keras", "numpy", "scipy", "matplotlib"), *KERNEL],
    "too old": ["keras==3.4.1", *KERNEL],
}


def environment():
    """Return the variables of a process that may use the network, as Colab may."""
    return {
        k: v
        for k, v in os.environ.items()
        if k not in ("PYTHONPATH", "VIRTUAL_ENV", "TQDM_DISABLE")
    }


def run(*command, cwd=ROOT):
    return subprocess.run(
        command, cwd=cwd, env=environment(), capture_output=True, text=True, check=False
    )


def python_of(name):
    """Return the Python that a machine is made with: Colab's, if it is here."""
    if name == "lowest":
        return sys.executable  # TensorFlow 2.18 has no edition for Colab's
    found = run(uv.find_uv_bin(), "python", "find", "--no-project", "--no-python-downloads", PYTHON)
    return found.stdout.strip() if found.returncode == 0 else sys.executable


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """Return a function that makes a machine with packages; it returns its Python."""

    def make(name):
        folder = tmp_path_factory.mktemp(name)
        python = folder / "bin" / "python"
        command = ["venv", "--quiet", "--clear", "--python", python_of(name), folder]
        made = run(uv.find_uv_bin(), *command)
        assert made.returncode == 0, made.stderr
        filled = run(uv.find_uv_bin(), "pip", "install", "--python", python, *MACHINES[name])
        if re.search("dns error|error sending request|Failed to fetch", filled.stderr):
            browser.skip_or_fail("no package registry was reached")
        assert filled.returncode == 0, filled.stderr
        return python

    return make


def versions(python):
    """Return the packages of a machine and their versions."""
    listed = run(python, "-m", "pip", "list", "--format=freeze").stdout.split()
    return dict(line.split("==") for line in listed)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """Return the address of a copy of the package, in the place of GitHub's."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("ch11lib", "pyproject.toml", "README.md", "LICENSE"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    return folder.as_uri()


def opened(checkout, page, cells=None):
    """Return a page of the edition whose first cell installs the copy; its first `cells`."""
    texts = plain_markdown.Book.read(ROOT / "book", "https://example.org/")
    notebook = colab.edition(ROOT / f"{page}.ipynb", f"ch11lib @ {checkout}", texts.site, texts)
    notebook.cells = notebook.cells[:cells]
    return notebook


def execute(notebook, python, folder):
    """Execute a notebook with a machine's kernel, in a folder that holds nothing else."""
    specs = folder / "kernels" / "colab"
    specs.mkdir(parents=True)
    command = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": command, "display_name": "Colab", "language": "python"}
    (specs / "kernel.json").write_text(json.dumps(spec))
    manager = AsyncKernelManager(
        kernel_name="colab",
        kernel_spec_manager=KernelSpecManager(kernel_dirs=[str(specs.parent)]),
    )
    content = folder / "content"
    content.mkdir()
    client = NotebookClient(
        notebook,
        km=manager,
        timeout=1800,
        store_widget_state=False,
        resources={"metadata": {"path": str(content)}},
        extra_arguments=["--IPKernelApp.capture_fd_output=False", "--log-level=40"],
    )
    client.owns_km = True  # it ends the kernel, too
    client.execute(env=environment())


def explorers(notebook):
    """Return what shows an explorer: its two editions, by their types."""
    outputs = [out for cell in notebook.cells for out in cell.get("outputs", [])]
    shown = [out.data for out in outputs if "data" in out]
    return [data for data in shown if 'class="ch11-explore' in "".join(data.get("text/html", ""))]


@pytest.fixture(scope="module")
def at_colab(machine, checkout, tmp_path_factory):
    """Return Colab's machine once the first cell has run, and its packages before that."""
    python = machine("colab")
    before = versions(python)
    execute(opened(checkout, "book/intro", cells=2), python, tmp_path_factory.mktemp("first"))
    return python, before


def test_machine_has_what_colab_has(at_colab):
    _, before = at_colab
    there = {name.replace("-", "_"): version for name, version in before.items()}
    pins = dict(pin.split("==") for pin in colab_has())
    assert {name: there[name.replace("-", "_")] for name in pins} == pins


def test_first_cell_adds_the_package_and_leaves_the_rest(at_colab):
    python, before = at_colab
    after = versions(python)
    assert after.pop("ch11lib") == NEEDS["version"]
    assert after == before, "nothing but the package came, went or changed"


@pytest.mark.parametrize("page", colab.pages())
def test_lesson(at_colab, checkout, tmp_path, page):
    python, _ = at_colab
    stored = len(explorers(opened(checkout, page)))
    notebook = opened(checkout, page)
    execute(notebook, python, tmp_path)
    live = [data for data in explorers(notebook) if WIDGET_VIEW in data]
    assert len(live) == stored, "each explorer has its live edition"


def test_a_lesson_runs_with_the_lowest_versions(machine, checkout, tmp_path):
    python = machine("lowest")
    before = versions(python)
    execute(opened(checkout, "book/transfer_learning"), python, tmp_path)
    after = versions(python)
    assert after.pop("ch11lib") == NEEDS["version"]
    assert after == before
    for need in ("keras", "numpy", "scipy", "matplotlib", "ipywidgets"):
        assert f"{need}=={after[need]}".startswith(
            next(pin for pin in LOWEST if pin.startswith(f"{need}=="))
        )


def test_only_what_is_missing_is_installed(machine, checkout, tmp_path):
    python = machine("bare")
    before = versions(python)
    execute(opened(checkout, "book/intro", cells=2), python, tmp_path)
    after = versions(python)
    assert {"ch11lib", "ipywidgets", "tqdm"} <= {*after} - {*before}
    assert {name: after[name] for name in before} == before


def test_an_older_keras_is_left_alone_and_named(machine, checkout, tmp_path):
    python = machine("too old")
    before = versions(python)
    notebook = opened(checkout, "book/intro", cells=2)
    with pytest.raises(CellExecutionError, match="No module named 'ch11lib'"):
        execute(notebook, python, tmp_path)
    assert versions(python) == before
    said = "".join(output.get("text", "") for output in notebook.cells[1].outputs)
    assert "ch11lib" in said and "keras==3.4.1" in said, said
