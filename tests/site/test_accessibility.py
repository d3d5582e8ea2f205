"""Every page against WCAG 2.2 A and AA, as far as axe-core can tell, light and dark."""

import contextlib
from importlib.resources import files

import browser
import playwright.sync_api
import pytest
import site_build

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"]
RUN = """standards => axe.run(document, {
    runOnly: {type: "tag", values: standards}, resultTypes: ["violations"],
})"""
STILL = "*, *::before, *::after { transition: none !important; animation: none !important; }"
OPEN_ALL = """() => {
    document.querySelectorAll("details").forEach(one => { one.open = true; });
    document.querySelectorAll(".toggle-hidden button").forEach(one => one.click());
}"""
FOCUSABLE = """() => [...document.querySelectorAll("pre, .cell_output > .output")].every(
    one => one.tabIndex === 0 || one.scrollWidth <= one.clientWidth
)"""  # the theme looks at what is wide after a while
PAGES = [*site_build.toc_pages(), "search", "genindex"]
NO_ALT = "<html lang=en><title>A page</title><main><h1>One</h1><img src=x.png></main>"


@pytest.fixture(params=["dark-1200", "light-390"])
def page(chromium, request):
    scheme, width = request.param.split("-")
    size = {"width": int(width), "height": 900}
    context = chromium.new_context(viewport=size, color_scheme=scheme)
    yield context.new_page()
    context.close()


def violations(page):
    """Return what axe-core finds on a page: the rule, the element, what to do."""
    page.evaluate(AXE)
    return [
        (found["id"], node["html"][:200], node["failureSummary"][:300])
        for found in page.evaluate(RUN, STANDARDS)["violations"]
        for node in found["nodes"]
    ]


@pytest.mark.parametrize("name", PAGES)
def test_no_violation(page, site, name):
    """All answers of the quizzes and all solutions are open."""
    page.goto(f"{site}/{name}.html", wait_until="networkidle")
    page.add_style_tag(content=STILL)
    page.evaluate(OPEN_ALL)
    with contextlib.suppress(playwright.sync_api.TimeoutError):  # then axe-core tells more
        page.wait_for_function(FOCUSABLE, timeout=5000)
    assert violations(page) == []


def test_a_violation_is_found(page, tmp_path):
    (tmp_path / "bad.html").write_text(NO_ALT)
    with browser.serve(tmp_path) as url:
        page.goto(f"{url}/bad.html")
        assert [rule for rule, *_ in violations(page)] == ["image-alt"]
