"""Formulas are in the pages, set, and no script is needed to see or to hear them."""

import re
from xml.etree import ElementTree

import browser
import formulas
import pytest
from sphinx.errors import SphinxError

PAGE = '<head></head><p>An <span class="math notranslate nohighlight">\\({}\\)</span> inside.</p>'


@pytest.fixture(scope="module")
def typesetter():
    with formulas.Typesetter() as opened:
        yield opened


def mathml(page):
    return ElementTree.fromstring(re.search(r"<math.*?</math>", page, re.DOTALL)[0])


def tags(element):
    return [one.tag.split("}")[1] for one in element.iter()]


def test_a_formula_is_set_and_can_be_heard(typesetter):
    page = formulas.typeset_page(PAGE.format(r"\frac{a}{b} &lt; 1"), typesetter, "fonts")
    assert page.count("<mjx-container") == 1
    assert tags(mathml(page)) == ["math", "mfrac", "mi", "mi", "mo", "mn"]
    assert "".join(mathml(page).itertext()) == "ab<1"
    assert re.search(r"<mjx-math[^>]* aria-hidden", page), "else it is heard twice"
    assert 'url("fonts/MathJax_Math-Italic.woff")' in page.split("</head>")[0]


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ("\\[a = b\\]", "a=b"),
        (
            '<span class="eqno">(1)<a href="#">#</a></span>'
            "\\[\\begin{split}a\\\\\nb\\end{split}\\]",
            "ab",
        ),
        ("\\begin{align}a &amp;= b\\end{align}", "a=b"),
    ],
)
def test_formulas_that_stand_alone(typesetter, inside, expected):
    page = f'<head></head><div class="math notranslate nohighlight" id="e">\n{inside}</div>'
    page = formulas.typeset_page(page, typesetter, "fonts")
    assert re.search(r'<mjx-container[^>]* display="true"', page)
    assert "".join(mathml(page).itertext()) == expected
    assert page.count("eqno") == inside.count("eqno")


def test_wrong_tex_stops_the_build(typesetter):
    with pytest.raises(SphinxError, match=r"can't set '\\\\frac\{a'"):
        formulas.typeset_page(PAGE.format(r"\frac{a"), typesetter, "fonts")


def test_a_page_without_formulas_stays(typesetter):
    assert formulas.typeset_page("<head></head><p>None.</p>", typesetter, "x").count("<style") == 0
    script = '<script defer src="https://cdn.example/npm/mathjax@3/es5/tex-mml-chtml.js"></script>'
    assert formulas.typeset_page(f"<head>{script}</head>", typesetter, "x") == "<head></head>"


def test_no_page_has_tex_or_a_script_that_sets_it(html):
    found = 0
    for path in html.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"<script[^>]*mathjax|window\.MathJax", text), path.name
        places = re.findall(r'<(?:span|div) class="math ', text)
        assert len(places) == text.count("<mjx-container") == text.count("</math>"), path.name
        found += len(places)
    assert found > 500


def test_formulas_are_there_without_scripts(chromium, site):
    """What is not folded has a size, and fonts draw it."""
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{site}/book/glossary.html", wait_until="networkidle")
    widths = [one.bounding_box()["width"] for one in page.locator("mjx-container").all()]
    assert len(widths) > 5 and min(widths) > 3
    assert any(url.endswith("MathJax_Math-Italic.woff") for url in asked)
    context.close()


def test_a_wide_formula_scrolls_with_keys(chromium, site):
    with browser.new_page(chromium, 390) as watched:
        watched.page.goto(f"{site}/book/batch_normalization.html", wait_until="load")
        boxes = watched.page.evaluate("""[...document.querySelectorAll("mjx-container, .math")]
            .filter(one => one.clientWidth && one.checkVisibility())
            .map(one => [one.scrollWidth > one.clientWidth, one.tabIndex === 0])""")
    assert boxes and all(is_wide == is_stop for is_wide, is_stop in boxes)
