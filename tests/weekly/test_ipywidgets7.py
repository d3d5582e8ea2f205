"""Explorers live with ipywidgets 7.7.1, which Colab ships, as well as with the one installed."""

import os
import subprocess
import sys
from importlib.metadata import version

import pytest
from conftest import ROOT
from jupyter_client.manager import start_new_kernel

CODE = """
import ipywidgets, matplotlib
matplotlib.use("agg")
import matplotlib.pyplot as plt
from ch11lib.explore import explore
from ch11lib.plots import with_alt_text

def line(slope, kind="a"):
    fig, ax = plt.subplots(figsize=(2, 1))
    ax.plot([0, slope])
    return with_alt_text(fig, f"Slope {slope}, kind {kind}.")

explorer = explore(line, slope=[1, 2, 3], kind=["a", "b"])
box = explorer.widget()
box.children[0].value, box.children[1].value = 2, "b"
print(ipywidgets.__version__)
print(box.children[-1].value.split("alt=")[1])
explorer
"""


@pytest.fixture(scope="module")
def seven(tmp_path_factory):
    """A folder with ipywidgets 7.7.1, which goes first on the path."""
    folder = tmp_path_factory.mktemp("ipywidgets7")
    wanted = ["ipywidgets==7.7.1", "widgetsnbextension~=3.6.0", "ipython_genutils"]
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target"]
    with_network = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    subprocess.run([*install, str(folder), *wanted], env=with_network, check=True)
    return str(folder)


def run(*path):
    """Execute CODE in a kernel with these folders first on its path."""
    before = [folder for folder in (os.environ.get("PYTHONPATH"),) if folder]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*path, str(ROOT), *before])}
    manager, client = start_new_kernel(env=environment)
    heard = []
    try:
        client.execute_interactive(CODE, output_hook=heard.append, timeout=300)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    contents = [(message["msg_type"], message["content"]) for message in heard]
    errors = ["\n".join(c["traceback"]) for kind, c in contents if kind == "error"]
    assert not errors, errors[0]
    opened = {c["comm_id"]: c["data"] for kind, c in contents if kind == "comm_open"}
    printed = "".join(c["text"] for kind, c in contents if kind == "stream")
    (shown,) = [c["data"] for kind, c in contents if kind == "execute_result"]
    return printed.splitlines(), opened, shown


@pytest.mark.parametrize("which", ["7.7.1", "installed"])
def test_explorer_is_alive_in_a_kernel(which, request):
    folders = [request.getfixturevalue("seven")] if which == "7.7.1" else []
    printed, opened, shown = run(*folders)
    assert printed[0] == (which if folders else version("ipywidgets"))
    assert printed[1].startswith('"Slope 2, kind b."'), "both controls draw anew"
    view = shown["application/vnd.jupyter.widget-view+json"]
    assert opened[view["model_id"]]["state"]["_model_name"] == "VBoxModel"
    assert 'class="ch11-explore' in shown["text/html"]
