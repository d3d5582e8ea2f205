"""The live edition in a real JupyterLab, driven by Chromium: its slider recomputes."""

import os
import socket
import subprocess
import sys
import time
import urllib.request

import browser
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

PLOT = """
import matplotlib.pyplot as plt
from ch11lib.explore import explore
from ch11lib.plots import describe

calls = []

def line(slope, kind):
    calls.append(slope)
    fig, ax = plt.subplots(figsize=(4, 2))
    ax.axline((0, 0), slope=slope)
    return describe(fig, f"A {kind} of slope {slope}, drawn in call {len(calls)}.")

explore(line, slope=[1, 2, 3], kind=["line", "ray"])
"""


@pytest.fixture
def lab(tmp_path):
    """Start JupyterLab on a folder with one notebook; yield the notebook's URL."""
    browser.require_browser()
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    notebook = new_notebook(cells=[new_code_cell(PLOT)], metadata=kernel)
    nbformat.write(notebook, tmp_path / "live.ipynb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "HOME": str(tmp_path), "JUPYTER_CONFIG_DIR": str(tmp_path / "c")}
    environment.pop("PYTEST_CURRENT_TEST", None)
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += [
        f"--port={port}",
        "--ip=127.0.0.1",
        "--IdentityProvider.token=",
        "--ServerApp.port_retries=0",
    ]
    command += [
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]
    log = tmp_path / "lab.log"
    with log.open("w") as file:
        server = subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=file, stderr=subprocess.STDOUT
        )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(f"{url}/api/status", timeout=2)
                break
            except OSError:
                assert server.poll() is None, log.read_text()
                time.sleep(0.5)
        yield f"{url}/lab/tree/live.ipynb?reset"
    finally:
        server.terminate()
        server.wait(20)


def test_live_slider_recomputes_with_the_kernel(lab, chromium):
    watched = browser.Watched(chromium.new_page())
    page = watched.page
    page.goto(lab)
    page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=60_000)
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)
    page.click(".jp-Notebook .jp-CodeCell .jp-InputArea-editor")
    page.keyboard.press("Shift+Enter")
    image = page.locator(".jp-OutputArea-output .jupyter-widgets img").first
    image.wait_for(timeout=60_000)
    first = image.get_attribute("alt")
    assert first == "A line of slope 1, drawn in call 7.", "six frames, then the live picture"
    assert page.locator("figure.ch11-explore").count() == 0, "the live edition wins"
    handle = page.locator(".noUi-handle").first
    handle.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("img[alt='A line of slope 2, drawn in call 8.']", timeout=20_000)
    page.get_by_role("button", name="ray").click()
    page.wait_for_selector("img[alt='A ray of slope 2, drawn in call 9.']", timeout=20_000)
    assert watched.foreign == []
