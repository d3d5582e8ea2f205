"""The edition for JupyterLab in JupyterLab, as `make jupyter` opens it."""

import browser
import jupyter_edition
import lab
import notebooks
import plain_markdown
import pytest
from conftest import ROOT

READERS = ROOT / "book" / "hub" / "readers"


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """Serve the edition of one lesson; yield its path and the address."""
    browser.require_browser()
    folder = tmp_path_factory.mktemp("lessons")
    texts = plain_markdown.Book.read(ROOT / "book", site="")
    path = folder / "dropout.ipynb"
    notebooks.write(path, jupyter_edition.edition(ROOT / "book" / "dropout.ipynb", texts))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_CONFIG_PATH", str(READERS))
        with lab.serve(folder, tmp_path_factory.mktemp("home")) as (url, _):
            yield path, url


def test_a_lesson_opens_unchanged_and_folded(opened, chromium):
    path, url = opened
    before = path.read_bytes()
    watched = browser.Watched(chromium.new_page())
    notebook = lab.Notebook(watched.page, url, path)
    page = notebook.page
    page.get_by_role("heading", name="Exercise: Dropout as a penalty").wait_for()
    heads = page.locator(".jp-MarkdownCell", has_text="Solution").filter(
        has=page.get_by_role("heading", level=4)
    )
    assert heads.count() == 2
    hidden = page.locator(".jp-MarkdownCell", has_text="ReLU without bias is homogeneous")
    assert hidden.count() and not hidden.first.is_visible()
    assert page.locator(".jp-MarkdownOutput strong", has_text="Figure 1.").is_visible()
    links = page.locator(".jp-MarkdownOutput a", has_text="Activation functions")
    assert links.first.is_visible()
    menus = page.locator(".lm-MenuBar-itemLabel").all_inner_texts()
    assert "File" in menus and "Nbgrader" not in menus
    assert page.locator("[title*=Nbgrader], [title*='Create Assignment']").count() == 0
    assert page.get_by_text("Validate", exact=True).count() == 0
    assert page.locator(".jp-mod-dirty").count() == 0
    notebook.save()
    assert path.read_bytes() == before
    assert watched.foreign == []
