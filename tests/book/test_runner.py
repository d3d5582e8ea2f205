"""A runner's kernel: below a cell stands what the cell writes, and nothing else."""

import json
import os
import re
import subprocess
import sysconfig
import venv

import colab
import nbformat
import pytest
from conftest import ROOT
from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpecManager

#: The first thing that TensorFlow computes makes it look for GPUs.
COMPUTE = "import keras\nprint(float(keras.ops.sum(keras.ops.ones(3))))"


@pytest.fixture
def machine(tmp_path):
    """Make a fresh environment with the packages of this one, and a fresh home."""
    folder = tmp_path / "environment"
    venv.create(folder, with_pip=False, symlinks=True)
    paths = [str(ROOT), sysconfig.get_path("purelib")]
    packages = sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)})
    with open(os.path.join(packages, "course.pth"), "w", encoding="utf-8") as file:
        file.write("\n".join(paths))
    home = tmp_path / "home"
    home.mkdir()
    kept = {"PATH": os.environ["PATH"], "HOME": str(home)}
    return folder / "bin" / "python", kept | {"JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime")}


def written(machine, tmp_path, sources):
    """Run sources in one kernel of a machine; return what they write to stdout and to stderr."""
    python, environment = machine
    spec = {
        "argv": [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "A runner's",
        "language": "python",
    }
    specs = tmp_path / "kernels" / "runner"
    specs.mkdir(parents=True)
    (specs / "kernel.json").write_text(json.dumps(spec))
    found = KernelSpecManager(kernel_dirs=[str(specs.parent)])
    manager = KernelManager(kernel_name="runner", kernel_spec_manager=found)
    manager.start_kernel(env=environment, cwd=str(tmp_path))
    client = manager.client()
    texts = {"stdout": "", "stderr": ""}

    def note(message):
        content = message["content"]
        if message["msg_type"] == "stream":
            texts[content["name"]] += content["text"]
        assert message["msg_type"] != "error", content

    try:
        client.start_channels()
        client.wait_for_ready(timeout=300)
        for source in sources:
            client.execute_interactive(source, output_hook=note, timeout=600)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    return texts


def first_cell(page):
    cells = nbformat.read(ROOT / "book" / f"{page}.ipynb", as_version=4).cells
    return next(cell.source for cell in cells if cell.cell_type == "code")


def test_first_cells_write_nothing_to_stderr(machine, tmp_path):
    python, environment = machine
    done = subprocess.run(
        [python, ROOT / "book" / "tools" / "runner.py"], env=environment, check=False
    )
    assert done.returncode == 0
    texts = written(machine, tmp_path, [first_cell("dropout"), COMPUTE])
    assert texts["stderr"] == ""
    assert texts["stdout"].endswith("3.0\n"), "what Python prints is still there"


def test_a_kernel_that_is_not_prepared_shows_the_notes(machine, tmp_path):
    """Otherwise the test above could not fail."""
    texts = written(machine, tmp_path, [COMPUTE])
    assert "absl" in texts["stderr"]


def test_colab_has_no_notes_either(machine, tmp_path):
    """Its kernels are not ours: the first cell sees to it."""
    install = colab.INSTALL.format(requirement="ch11lib")
    texts = written(machine, tmp_path, [install, first_cell("dropout"), COMPUTE])
    assert texts == {"stdout": "3.0\n", "stderr": ""}


@pytest.mark.parametrize("path", ["Makefile", ".binder/postBuild", "README.md", "book/howto.md"])
def test_who_sets_up_an_environment_prepares_it(path):
    text = (ROOT / path).read_text(encoding="utf-8")
    assert re.search(r"book/tools/runner\.py", text), path
