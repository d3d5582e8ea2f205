"""The website: built without a warning, light, whole, and alive with no network."""

import itertools
import re
import shutil

import browser
import gates
import graded
import pytest
import site_build
from bs4 import BeautifulSoup
from conftest import ROOT, build_site

PAGES = site_build.toc_pages()
ALL_MATH_IS_SET = """[...document.querySelectorAll(".math")]
    .every(element => element.querySelector("mjx-container"))"""
EXPLORER_PAGES = [
    page
    for page in PAGES
    if (ROOT / f"{page}.ipynb").exists() and "ch11-explore" in (ROOT / f"{page}.ipynb").read_text()
]


def soup(html, page):
    return BeautifulSoup((html / f"{page}.html").read_text(encoding="utf-8"), "html.parser")


def page_bytes(html, page):
    """The page itself and every picture in it."""
    path = html / f"{page}.html"
    pictures = [image["src"] for image in soup(html, page).find_all("img", src=True)]
    files = [path.parent / source for source in pictures if not source.startswith("data:")]
    return sum(file.stat().st_size for file in [path, *files])


@pytest.mark.parametrize("page", PAGES)
def test_page_weight(html, page):
    size = page_bytes(html, page)
    assert size <= gates.MAX_PAGE_BYTES, f"{page} weighs {size / 1e6:.2f} MB"


def test_a_heavy_page_is_found(tmp_path):
    """Pictures count, whether they are in the page or beside it."""
    (tmp_path / "picture.png").write_bytes(b"x" * 900_000)
    inline = f'<img src="data:image/png;base64,{"x" * 700_000}">'
    (tmp_path / "heavy.html").write_text(f'<img src="picture.png">{inline}')
    assert page_bytes(tmp_path, "heavy") > gates.MAX_PAGE_BYTES


@pytest.mark.parametrize("page", PAGES)
def test_internal_links_and_anchors(html, page):
    here = (html / f"{page}.html").resolve()
    for link in soup(html, page).find_all("a", href=True):
        target, _, anchor = link["href"].partition("#")
        if re.match(r"^[a-z]+:", target):
            continue
        path = (here.parent / target).resolve() if target else here
        assert path.exists(), f"{page}: broken link {link['href']}"
        if anchor and path.suffix == ".html":
            text = path.read_text(encoding="utf-8")
            assert f'id="{anchor}"' in text, f"{page}: no anchor {link['href']}"


@pytest.mark.parametrize("page", PAGES)
def test_pictures_have_alt_text(html, page):
    for image in soup(html, page).find_all("img"):
        alt = image.get("alt", "")
        assert alt.strip(), f"{page}: {str(image)[:100]}"
        assert not alt.startswith(("../", "_images", "data:")), f"{page}: file name as alt text"


@pytest.mark.parametrize("page", PAGES)
def test_one_h1_and_headings_in_order(html, page):
    document = soup(html, page)
    document.find(id="jb-print-docs-body").decompose()  # for paper only
    levels = [int(heading.name[1]) for heading in document.select("main :is(h1, h2, h3, h4)")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in itertools.pairwise(levels)), levels


def test_no_sources_are_shipped(html):
    """Page sources would hand out the solutions of graded work."""
    assert not (html / "_sources").exists()
    found = {path.relative_to(html).as_posix() for path in html.rglob("*.ipynb")}
    assert found == {f"book/assignments/{name}.ipynb" for name in graded.NAMES}


def test_no_canary_leaves_the_assignments(html):
    """Pages, search index, inventory, released notebooks: no secret word in any file."""
    words = [word.encode() for word in graded.CANARIES.values()]
    leaks = [
        path
        for path in html.rglob("*")
        if path.is_file() and any(w in path.read_bytes() for w in words)
    ]
    assert leaks == []
    planted = (html.parents[1] / "copy" / "book" / "assignments" / "source").rglob("*.ipynb")
    assert all(all(w in path.read_bytes() for w in words) for path in planted)


def test_build_fails_on_a_warning_and_on_a_missing_page(tmp_path):
    """A copy of the book with a broken reference must not become a website."""
    copy = tmp_path / "course"
    shutil.copytree(ROOT / "book", copy / "book", ignore=shutil.ignore_patterns("*.ipynb"))
    shutil.copy(ROOT / "_config.yml", copy)
    toc = "format: jb-book\nroot: book/bibliography\nparts:\n  - chapters:\n    - file: {}\n"
    (copy / "_toc.yml").write_text(toc.format("book/page"))
    (copy / "book" / "page.md").write_text("# A page\n\nWell.\n")
    assert build_site(copy, tmp_path / "sound").returncode == 0
    (copy / "book" / "page.md").write_text("# A page\n\nSee {ref}`nowhere`.\n")
    assert build_site(copy, tmp_path / "warned").returncode != 0
    (copy / "_toc.yml").write_text(toc.format("book/none"))
    assert build_site(copy, tmp_path / "missing").returncode != 0


def test_pages_without_html_are_named(tmp_path):
    assert site_build.missing_pages(tmp_path) == PAGES


@pytest.mark.parametrize("installed", ["2.0.0", "0.15.1"])
def test_other_versions_of_jupyter_book_are_refused(installed):
    with pytest.raises(SystemExit, match=rf"Jupyter Book {installed}"):
        site_build.check_version(installed)


@pytest.fixture(params=["light-1200", "dark-390"])
def watched(chromium, request):
    scheme, width = request.param.split("-")
    context = chromium.new_context(
        viewport={"width": int(width), "height": 900}, color_scheme=scheme
    )
    yield browser.Watched(context.new_page())
    context.close()


@pytest.mark.parametrize("page", PAGES)
def test_page_in_a_browser(watched, site, page):
    """No other host, no complaint, math set, no sideways scrolling."""
    watched.page.goto(f"{site}/{page}.html", wait_until="networkidle")
    watched.page.wait_for_function(ALL_MATH_IS_SET)  # in folded answers, too
    assert watched.page.locator("mjx-merror").count() == 0
    width = watched.page.viewport_size["width"]
    assert watched.page.evaluate("document.documentElement.scrollWidth") <= width
    watched.assert_clean()


@pytest.mark.parametrize("page", EXPLORER_PAGES)
def test_every_explorer_moves_on_the_built_page(watched, site, page):
    watched.page.goto(f"{site}/{page}.html", wait_until="networkidle")
    figures = watched.page.locator("figure.ch11-explore")
    assert figures.count() >= 1
    for k in range(figures.count()):
        figure = figures.nth(k)
        for slider in figure.locator("input[type=range]").all():
            before = figure.locator("img").get_attribute("src")
            slider.focus()
            at_end = slider.input_value() == slider.get_attribute("max")
            watched.page.keyboard.press("ArrowLeft" if at_end else "ArrowRight")
            assert figure.locator("img").get_attribute("src") != before
        before = figure.locator("img").get_attribute("src")
        radios = figure.locator("input[type=radio]:not(:checked)")
        if radios.count():
            radios.first.check()
            assert figure.locator("img").get_attribute("src") != before
    watched.assert_clean()


def test_search_works_without_a_network(watched, site):
    watched.page.goto(f"{site}/search.html?q=saturates", wait_until="networkidle")
    watched.page.wait_for_selector("#search-results li")
    assert "Vanishing" in watched.page.locator("#search-results").inner_text()
    watched.assert_clean()


def test_site_opens_from_the_disk(watched, html):
    """Unzipped onto a stick, with no server at all."""
    watched.page.goto((html / "book" / "vanishing_gradients.html").as_uri())
    figure = watched.page.locator("figure.ch11-explore").first
    before = figure.locator("img").get_attribute("src")
    figure.locator("input[type=range]").first.press("ArrowRight")
    assert figure.locator("img").get_attribute("src") != before
    assert watched.foreign == []
