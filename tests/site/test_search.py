"""The site's own search, in a browser: the right lesson is among the first two."""

import urllib.parse

import browser
import pytest
import site_build
import yaml
from conftest import ROOT

#: What a student types, and the lessons that are right.
QUERIES = {
    "learning rate too high": ["learning_rate_schedules", "guidelines"],
    "dead relu": ["activations"],
    "freeze layers": ["transfer_learning"],
    "1cycle": ["learning_rate_schedules"],
    "nan loss": ["gradient_clipping"],
    "dropout at test time": ["mc_dropout", "dropout"],
    "he init": ["initialization"],
    "batchnorm small batch": ["batch_normalization"],
    "weight decay vs l2": ["l1_l2_early_stopping"],
    "uncertainty": ["mc_dropout"],
    "l2": ["l1_l2_early_stopping"],
}
DONE = "document.querySelector('#search-results h2')?.innerText === 'Search Results'"
FOUND = """[...document.querySelectorAll("#search-results li > a")].slice(0, 2).map(
    one => one.getAttribute("href").replace(/^book\\//, "").replace(/\\.html.*/, ""))"""


def search(page, site, words):
    page.goto(f"{site}/search.html?q={urllib.parse.quote(words)}")
    page.wait_for_function(DONE)


@pytest.mark.parametrize("words", QUERIES)
def test_the_right_lesson_is_among_the_first_two(chromium, site, words):
    with browser.new_page(chromium) as watched:
        search(watched.page, site, words)
        found = watched.page.evaluate(FOUND)
    assert set(found) & set(QUERIES[words]), found


def test_an_excerpt_is_text_and_not_the_contents(chromium, site):
    with browser.new_page(chromium) as watched:
        search(watched.page, site, "uncertainty")
        watched.page.wait_for_selector("#search-results p.context")
        excerpts = watched.page.locator("#search-results p.context").all_inner_texts()
    assert excerpts
    assert not [one for one in excerpts if "Contents" in one.split()]


def test_phrases_of_the_index_belong_to_pages():
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    assert {*config["sphinx"]["config"]["index_phrases"]} <= {*site_build.toc_pages()}
