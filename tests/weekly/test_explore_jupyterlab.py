"""The live edition in a real JupyterLab, driven by Chromium: its slider recomputes."""

import shutil

import browser
import lab
import nbformat
import pytest
from conftest import ROOT
from nbformat.v4 import new_code_cell, new_notebook

PLOT = """
import matplotlib.pyplot as plt
from ch11lib.explore import explore
from ch11lib.plots import with_alt_text

calls = []

def line(slope, kind):
    calls.append(slope)
    fig, ax = plt.subplots(figsize=(4, 2))
    ax.axline((0, 0), slope=slope)
    return with_alt_text(fig, f"A {kind} of slope {slope}, drawn in call {len(calls)}.")

explore(line, slope=[1, 2, 3], kind=["line", "ray"])
"""


@pytest.fixture
def server(tmp_path):
    """Start JupyterLab on an empty folder; yield the folder and the address."""
    browser.require_browser()
    folder = tmp_path / "work"
    folder.mkdir()
    with lab.serve(folder, tmp_path / "home") as (url, _):
        yield folder, url


def test_live_slider_recomputes_with_the_kernel(server, chromium):
    folder, url = server
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    notebook = new_notebook(cells=[new_code_cell(PLOT)], metadata=kernel)
    nbformat.write(notebook, folder / "live.ipynb")
    watched = browser.Watched(chromium.new_page())
    page = lab.Notebook(watched.page, url, folder / "live.ipynb").page
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


def test_the_landing_page_runs_and_its_explorer_is_live(server, chromium):
    folder, url = server
    shutil.copy(ROOT / "book" / "intro.ipynb", folder)
    watched = browser.Watched(chromium.new_page())
    notebook = lab.Notebook(watched.page, url, folder / "intro.ipynb")
    cells = notebook.run_all(seconds=120)
    assert lab.errors(cells) == []
    assert lab.notes(cells) == []
    assert all(cell.execution_count for cell in cells)
    assert lab.views(cells) == notebook.explorers().count() == 1
    before, after = notebook.move(notebook.explorers().first)
    assert before and after and before != after
    assert watched.foreign == []
