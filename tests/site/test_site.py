"""The website as files: built without a warning, light, whole, and without a secret."""

import functools
import itertools
import json
import re
import shutil

import gates
import graded
import pytest
import site_build
from bs4 import BeautifulSoup
from conftest import ROOT, build_site

PAGES = site_build.toc_pages()


def weight(document, path):
    """The page itself and every picture in it, inline or beside it, also of explorers."""
    pictures = [image["src"] for image in document.find_all("img", src=True)]
    for data in document.select("figure.ch11-explore script[type='application/json']"):
        explorer = json.loads(data.string)
        pictures += [explorer["prefix"] + frame for frame in explorer["frames"]]
    files = {path.parent / source for source in pictures if not source.startswith("data:")}
    size = sum(file.stat().st_size for file in {path, *files})
    if size > gates.MAX_PAGE_BYTES:
        yield f"{size / 1e6:.2f} MB"


@functools.cache
def anchors(path):
    """Return all names on a page that a link can lead to."""
    return {*re.findall(r'\bid="([^"]+)"', path.read_text(encoding="utf-8"))}


def links(document, path):
    """Every link inside the site leads to a page, and to a place on it."""
    for link in document.find_all("a", href=True):
        target, _, anchor = link["href"].partition("#")
        if re.match(r"^[a-z]+:", target):
            continue
        goal = (path.parent / target).resolve() if target else path.resolve()
        if not goal.exists():
            yield f"no page {link['href']}"
        elif anchor and goal.suffix == ".html" and anchor not in anchors(goal):
            yield f"no place {link['href']}"


def headings(document, path):
    """One title, and no level left out below it."""
    for paper in document.find_all(id="jb-print-docs-body"):
        paper.decompose()
    levels = [int(heading.name[1]) for heading in document.select("main :is(h1, h2, h3, h4)")]
    if levels[:1] != [1] or levels.count(1) != 1:
        yield f"no title, or more than one: {levels}"
    if any(below > above + 1 for above, below in itertools.pairwise(levels)):
        yield f"a level is left out: {levels}"


def problems(path):
    """Return all that is wrong with a page, by its name; it is read once."""
    document = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
    return [
        f"{check.__name__}: {problem}"
        for check in (weight, links, headings)
        for problem in check(document, path)
    ]


@pytest.mark.parametrize("page", PAGES)
def test_page(html, page):
    assert problems(html / f"{page}.html") == []


SOUND = """<main><h1 id="top">A</h1><h2>B</h2>
<a href="#top">up</a><a href="page.html#top">up</a></main>"""


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("", "", ""),
        ("weight", "<h2>", '<img src="picture.png"><h2>'),
        ("weight", "<h2>", f'<img src="data:image/png;base64,{"x" * gates.MAX_PAGE_BYTES}"><h2>'),
        (
            "weight",
            "<h2>",
            '<figure class="ch11-explore"><script type="application/json">'
            '{"prefix": "pic", "frames": ["ture.png"]}</script></figure><h2>',
        ),
        ("links", "page.html#top", "other.html"),
        ("links", "page.html#top", "page.html#nowhere"),
        ("links", '"#top', '"#nowhere'),
        ("headings", "h2", "h3"),
        ("headings", "h2", "h1"),
        ("headings", "h1", "h2"),
    ],
)
def test_a_faulty_page_is_found(tmp_path, name, old, new):
    (tmp_path / "picture.png").write_bytes(b"x" * gates.MAX_PAGE_BYTES)
    path = tmp_path / "page.html"
    path.write_text(SOUND.replace(old, new) if old else SOUND)
    assert {problem.split(":")[0] for problem in problems(path)} == {name} - {""}


def test_every_explorer_of_a_notebook_is_on_its_page(html):
    notebooks = [page for page in PAGES if (ROOT / f"{page}.ipynb").exists()]
    stored, built = {}, {}
    for page in notebooks:
        notebook = (ROOT / f"{page}.ipynb").read_text(encoding="utf-8")
        stored[page] = len(re.findall(r'<figure class=\\"[^"]*ch11-explore', notebook))
        text = (html / f"{page}.html").read_text(encoding="utf-8")
        built[page] = len(re.findall(r'<figure class="[^"]*ch11-explore', text))
    assert built == stored
    assert sum(stored.values()) > 0


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
