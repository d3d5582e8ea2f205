"""A lesson on machines like Colab's: TensorFlow, Keras and NumPy are there, in other versions.

The first cell of the edition adds `ch11lib` and leaves the rest as it is. The
machines are virtual environments with the lowest versions that the package allows and
with those of requirements.txt, which `make lock` makes the newest; uv fills them from
the package registry. So a new release elsewhere fails no test before it is locked.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib

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

LESSON = os.environ.get("CH11_COLAB_LESSON", "transfer_learning")
NEEDS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOWEST = [need.replace(">=", "==") for need in NEEDS["dependencies"]]
LOCK = ROOT / "requirements.txt"
LOCKED = [need.partition(">=")[0] for need in NEEDS["dependencies"]] + ["--constraint", str(LOCK)]
THERE = ["ipykernel", "pip", "scikit-learn", "setuptools>=77"]
#: TensorFlow 2.18 is the lowest that every lesson has been run with.
MACHINES = {
    "lowest": ["tensorflow==2.18.0", *LOWEST, *THERE],
    "locked": ["tensorflow", *LOCKED, *THERE],
    "bare": ["keras", "numpy", "scipy", "matplotlib", "ipykernel", "pip", "setuptools>=77",
             "--constraint", str(LOCK)],
    "too old": ["keras==3.4.1", "numpy==1.26.0", "ipykernel", "pip"],
}  # fmt: skip


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


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """Return a function that makes a machine with packages; it returns its Python."""

    def make(name):
        folder = tmp_path_factory.mktemp(name)
        python = folder / "bin" / "python"
        made = run(
            uv.find_uv_bin(), "venv", "--quiet", "--clear", "--python", sys.executable, folder
        )
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


def opened(checkout, page=LESSON):
    """Return a page of the edition whose first cell installs the copy."""
    texts = plain_markdown.Book.read(ROOT / "book", "https://example.org/")
    path = ROOT / "book" / f"{page}.ipynb"
    return colab.edition(path, f"ch11lib @ {checkout}", texts.site, texts)


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
        timeout=900,
        store_widget_state=False,
        resources={"metadata": {"path": str(content)}},
        extra_arguments=["--IPKernelApp.capture_fd_output=False", "--log-level=40"],
    )
    client.owns_km = True  # it ends the kernel, too
    client.execute(env=environment())


@pytest.mark.parametrize("name", ["lowest", "locked"])
def test_a_lesson_runs_and_leaves_what_is_installed(machine, checkout, tmp_path, name):
    python = machine(name)
    before = versions(python)
    execute(opened(checkout), python, tmp_path)
    after = versions(python)
    assert after.pop("ch11lib") == NEEDS["version"]
    assert after == before, "nothing but the package came, went or changed"
    if name == "lowest":
        for need in ("keras", "numpy", "scipy", "matplotlib", "ipywidgets"):
            assert f"{need}=={after[need]}".startswith(
                next(pin for pin in LOWEST if pin.startswith(f"{need}=="))
            )


def test_only_what_is_missing_is_installed(machine, checkout, tmp_path):
    python = machine("bare")
    before = versions(python)
    notebook = opened(checkout)
    notebook.cells = notebook.cells[:2]
    execute(notebook, python, tmp_path)
    after = versions(python)
    assert {"ch11lib", "ipywidgets", "tqdm"} <= {*after} - {*before}
    assert {name: after[name] for name in before} == before


def test_an_older_keras_is_left_alone_and_named(machine, checkout, tmp_path):
    python = machine("too old")
    before = versions(python)
    notebook = opened(checkout)
    with pytest.raises(CellExecutionError, match="No module named 'ch11lib'"):
        execute(notebook, python, tmp_path)
    assert versions(python) == before
    said = "".join(output.get("text", "") for output in notebook.cells[1].outputs)
    assert "ch11lib" in said and "keras==3.4.1" in said, said
