"""The API pages: every public name is there, and lesson and page link each other."""

import importlib
import re

import pytest
from bs4 import BeautifulSoup
from conftest import ROOT

import ch11lib


def links(html, page):
    text = (html / "book" / f"{page}.html").read_text(encoding="utf-8")
    return {link["href"] for link in BeautifulSoup(text, "html.parser").select("article a[href]")}


@pytest.mark.parametrize("name", ch11lib.__all__)
def test_every_public_name_is_described(html, name):
    text = (html / "book" / "api" / f"{name}.html").read_text(encoding="utf-8")
    found = BeautifulSoup(text, "html.parser")
    for public in importlib.import_module(f"ch11lib.{name}").__all__:
        entry = found.find(id=f"ch11lib.{name}.{public}")
        assert entry is not None, f"{name}.{public} is missing"
        assert entry.find_next("dd").get_text(strip=True), f"{name}.{public} has no text"


@pytest.mark.parametrize("name", ch11lib.__all__)
def test_lesson_and_module_link_each_other(html, name):
    assert f"api/{name}.html" in links(html, "api")
    if (ROOT / "book" / f"{name}.ipynb").exists():
        assert f"../{name}.html" in links(html, f"api/{name}")
        assert f"api/{name}.html" in links(html, name)


def test_each_module_has_one_row():
    text = (ROOT / "book" / "api.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[(\w+)\]\(api/(\w+)\.md\) \| .+ \|$", text, re.M)
    assert rows == [(name, name) for name in sorted(ch11lib.__all__)]


def test_attributes_that_share_a_line_keep_their_names(html):
    """Sphinx would take the first name for the type of the second."""
    text = (html / "book" / "api" / "batch_normalization.html").read_text(encoding="utf-8")
    fields = [one.get_text() for one in BeautifulSoup(text, "html.parser").select("dd")]
    assert any("gamma,beta (ndarray" in field for field in fields)
