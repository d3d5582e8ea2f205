"""Every lesson in JupyterLab, as a runner on Binder executes it: `make lab`.

One server with the edition of the book for JupyterLab, as Binder's postBuild makes it,
Chromium in front of it, and 2 GiB for the server and the kernel together. It takes half
an hour, so `make test-all` does it with the landing page only (`test_explore_jupyterlab`).
"""

import shutil

import browser
import jupyter_edition
import lab
import notebooks
import plain_markdown
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
    texts = plain_markdown.Book.read(ROOT / "book", site="")
    for path in notebooks.toc_notebooks():
        notebooks.write(folder / "book" / path.name, jupyter_edition.edition(path, texts))
    for path in (ROOT / "tests").rglob("results*"):  # that *What it costs* is drawn from
        copy = folder / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if path.is_dir() else shutil.copy)(path, copy)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_CONFIG_PATH", str(ROOT / "book" / "hub" / "readers"))
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
