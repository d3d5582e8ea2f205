"""Every lesson in JupyterLab, as a runner on Binder executes it: `make lab`.

One server with a copy of the book, Chromium in front of it, and 2 GiB for the
server and the kernel together. It takes half an hour, so `make test-all` does it with the
landing page only (`test_explore_jupyterlab`).
"""

import shutil

import browser
import lab
import pytest
import site_build
from conftest import ROOT

LESSONS = [page for page in site_build.toc_pages() if (ROOT / f"{page}.ipynb").is_file()]
LIMIT = 2 * 2**30
#: Two processes beside the kernel; the page says that this is too much for Binder.
LIMITS = {"book/data_parallel": 3 * 2**30}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    browser.require_browser()
    folder = tmp_path_factory.mktemp("binder")
    shutil.copytree(ROOT / "book", folder / "book")
    for path in (ROOT / "tests").rglob("results*"):  # that *What it costs* is drawn from
        copy = folder / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if path.is_dir() else shutil.copy)(path, copy)
    with lab.serve(folder / "book", tmp_path_factory.mktemp("home")) as (url, process):
        yield folder / "book", url, process


@pytest.mark.parametrize("page", LESSONS)
def test_lesson(server, chromium, page, record_property):
    folder, url, process = server
    watched = browser.Watched(chromium.new_page())
    path = folder / f"{page.split('/')[-1]}.ipynb"
    try:
        with lab.Memory(process) as memory:
            notebook = lab.Notebook(watched.page, url, path)
            cells = notebook.run_all(seconds=900)
            assert lab.errors(cells) == []
            assert lab.notes(cells) == []
            assert all(cell.execution_count for cell in cells)
            explorers = notebook.explorers()
            assert explorers.count() == lab.views(cells)
            for number in range(explorers.count()):
                before, after = notebook.move(explorers.nth(number))
                assert before and after and before != after, before
            prose = watched.page.locator(".jp-MarkdownOutput").all_inner_texts()
        print(f"{page}: {lab.views(cells)} explorers, peak {memory.peak / 2**30:.2f} GiB")
        assert memory.peak < LIMITS.get(page, LIMIT)
        assert not [text for text in prose if ":::" in text or "{term}" in text]
        assert watched.foreign == []
    finally:
        watched.page.close()
        lab.end_kernels(url)
