"""What is around the text: ids, titles, explorers, the files beside the pages."""

import re
from collections import Counter
from xml.etree import ElementTree

import exercises
import explorers
import finished_pages
import matplotlib.pyplot as plt
import nbformat
import notebooks
import site_build
import site_files
from bs4 import BeautifulSoup

from ch11lib.explore import explore
from ch11lib.plots import with_alt_text

PAGES = site_build.toc_pages()


def read(path):
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def test_each_page_has_each_id_once_and_one_viewport_and_its_icon(html):
    for page in PAGES:
        document = read(html / f"{page}.html")
        ids = Counter(one["id"] for one in document.find_all(id=True))
        assert [name for name, count in ids.items() if count > 1] == [], page
        assert len(document.select("meta[name=viewport]")) == 1, page
        assert (html / page).parent.joinpath(document.select_one("link[rel=icon]")["href"]).exists()


def test_exercises_are_boxes_and_their_solutions_are_folded(html):
    """With all that belongs to a solution inside of it, its cells of code, too."""
    found = 0
    for path in notebooks.toc_notebooks():
        cells = nbformat.read(path, as_version=4).cells
        text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        document = read(html / "book" / f"{path.stem}.html")
        boxes, solutions = document.select("div.exercise"), document.select("div.solution")
        asked = re.findall(rf"^{exercises.EXERCISE}", text, re.M)
        assert len(boxes) == len(solutions) == len(asked), path.stem
        assert all("dropdown" in one["class"] for one in solutions), path.stem
        titles = " ".join(one.get_text() for one in document.select("h1, h2, h3, h4, .toc-entry"))
        assert not re.search("Exercise: |Solution", titles), path.stem
        last = max((n for n, cell in enumerate(cells) if cell.cell_type == "code"), default=0)
        if asked and "## " not in "".join(
            cell.source for cell in cells[last:] if cell.cell_type == "markdown"
        ):
            assert document.select("div.cell")[-1].find_parent("div", "solution"), path.stem
            found += 1
    assert found > 3


def test_the_landing_page_has_its_title_once(html):
    assert read(html / f"{PAGES[0]}.html").title.get_text() == "Training Deep Neural Networks"
    assert "Training Deep Neural Networks" in read(html / f"{PAGES[1]}.html").title.get_text()


def test_explorers_are_valid_and_true_without_scripts(html):
    found = 0
    for page in PAGES:
        for figure in read(html / f"{page}.html").select("figure.ch11-explore"):
            found += 1
            assert not figure.find("style")
            assert figure.find_all(recursive=False)[-1].name == "figcaption"
            assert "Run this cell" not in figure.get_text()
            assert "JavaScript" in figure.noscript.get_text()
    assert found > 10


def line(slope):
    fig, ax = plt.subplots(figsize=(2, 1))
    ax.axline((0, 0), slope=slope)
    return with_alt_text(fig, f"A line of slope {slope}.")


def test_an_explorer_keeps_all_but_its_style():
    stored = explore(line, slope=[1, 2]).html
    placed = explorers.for_a_page(stored)
    for tag in ("img", "input", "figcaption"):
        assert re.findall(f"<{tag}.*?>", placed) == re.findall(f"<{tag}.*?>", stored)
    assert len(re.findall("<script", placed)) == 2
    assert placed.index("</figure>") < placed.index("<script>")


def test_one_viewport_is_left(tmp_path):
    one = '<meta name="viewport" content="width=device-width"/>'
    assert finished_pages.finish(f"<head>{one}{one}<title>", tmp_path) == f"<head>{one}<title>"


def test_code_can_be_copied_and_outputs_cannot(chromium, site):
    page = chromium.new_page()
    page.goto(f"{site}/book/dropout.html")
    page.wait_for_selector(".copybtn")
    assert page.locator(".cell_input .copybtn").count() > 3
    assert page.locator(".cell_output .copybtn").count() == 0
    assert page.locator("a.headerlink:not([tabindex='-1'])").count() == 0
    page.close()


def test_the_site_begins_with_a_page_in_a_language(html):
    document = read(html / "index.html")
    assert (html / "index.html").read_text().startswith("<!DOCTYPE html>")
    assert document.html["lang"] == "en"
    assert document.title.get_text()
    assert (html / document.select_one("main a")["href"]).is_file()


def test_files_beside_the_pages(tmp_path):
    site_files.write(tmp_path, "", ["book/intro", "book/dropout"])
    assert not (tmp_path / "sitemap.xml").exists()
    assert "Sitemap" not in (tmp_path / "robots.txt").read_text()
    address = "https://somebody.example/course/"
    site_files.write(tmp_path, address, ["book/intro", "book/dropout"])
    places = [one.text for one in ElementTree.parse(tmp_path / "sitemap.xml").iter() if one.text]
    assert f"{address}book/dropout.html" in places
    assert f"Sitemap: {address}sitemap.xml" in (tmp_path / "robots.txt").read_text()
    links = read(tmp_path / "404.html").select("[href]")
    assert len(links) == 3
    assert all(link["href"].startswith(address) for link in links)
