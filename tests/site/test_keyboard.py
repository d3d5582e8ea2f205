"""Everything on a page can be reached and used with the keyboard alone."""

import browser
import pytest
import site_build
import visits
from conftest import ROOT

#: One page of each template: landing page, lesson, exercises, prose, API.
PAGES = [
    "book/intro",
    "book/vanishing_gradients",
    "book/chapter_exercises",
    "book/glossary",
    "book/api/mc_dropout",
]
#: All that has a function and can be seen, and has not yet had the focus.
MISSED = """() => [...document.querySelectorAll(
        "a[href], button, input, select, textarea, summary, [tabindex='0']")]
    .filter(one => !one.disabled && one.tabIndex >= 0 && one.checkVisibility({
        checkVisibilityCSS: true, checkOpacity: true }) && !window.visited.has(one))
    .filter(one => one.type !== "radio" || one.checked)
    .map(one => one.outerHTML.slice(0, 150))"""
#: Where the focus is, whether it can be seen, and what a screen reader calls it.
FOCUS = """() => {
    const one = document.activeElement;
    window.visited ??= new Set();
    const again = window.visited.has(one);
    window.visited.add(one);
    const style = getComputedStyle(one);
    const seen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0
        || style.boxShadow !== "none";
    const name = one.ariaLabel || one.title || one.innerText?.trim()
        || one.labels?.[0]?.innerText || one.placeholder
        || one.querySelector?.("img[alt], svg")?.getAttribute("alt") || "";
    return {again, seen, name, html: one.outerHTML.slice(0, 150), body: one === document.body};
}"""


#: How many times one presses a key to get to the text, to the first code, and to each
#: stop in the text: from section to section by the second link of the page, or on from
#: the beginning of the text.
REACH = """() => {
    const stops = [...document.querySelectorAll(
            "a[href], button, input, select, textarea, summary, [tabindex='0']")]
        .filter(one => !one.disabled && one.tabIndex >= 0
            && one.checkVisibility({checkVisibilityCSS: true}))
        .filter(one => one.type !== "radio" || one.checked);
    const text = stops.filter(one => one.closest(".bd-article"));
    const isBefore = (one, other) => one.compareDocumentPosition(other) & 4;
    const sections = stops.filter(one => one.closest("#page-sections"))
        .map(link => document.getElementById(decodeURIComponent(link.hash.slice(1))));
    const keys = text.map((stop, before) => Math.min(2 + before + 1, ...sections.map(
        (section, number) => isBefore(section, stop)
            ? 3 + number + 2 + text.filter(
                one => isBefore(section, one) && !isBefore(stop, one)).length
            : Infinity)));
    const code = text.findIndex(one => one.matches(".copybtn, pre"));
    return {sections: sections.length, code: keys[code], most: Math.max(0, ...keys)};
}"""
MOST_KEYS, TO_CODE = 54, 25


@pytest.fixture
def page(chromium):
    with browser.new_page(chromium) as watched:
        yield watched.page
        watched.assert_clean()


@pytest.mark.parametrize("name", PAGES)
def test_tab_reaches_everything_and_shows_where_it_is(page, site, name):
    visits.load(page, f"{site}/{name}.html")
    page.evaluate("window.visited = new Set()")
    unseen, nameless = [], []
    for _ in range(1500):
        page.keyboard.press("Tab")
        focus = page.evaluate(FOCUS)
        if focus["again"] or focus["body"]:
            break
        if not focus["seen"]:
            unseen.append(focus["html"])
        if not focus["name"]:
            nameless.append(focus["html"])
    assert page.evaluate(MISSED) == []
    assert unseen == []
    assert nameless == []


LESSONS = [name for name in site_build.toc_pages() if (ROOT / f"{name}.ipynb").exists()]


def problems_of_reach(page):
    """Return what takes too many keys."""
    reach = page.evaluate(REACH)
    limits = {"code": TO_CODE, "most": MOST_KEYS}
    found = [f"{name}: {reach[name]} keys" for name in limits if reach[name] > limits[name]]
    return found if reach["sections"] else [*found, "no link leads to the sections"]


@pytest.mark.parametrize("name", LESSONS)
def test_each_place_of_a_lesson_is_few_keys_away(page, site, name):
    visits.load(page, f"{site}/{name}.html")
    assert problems_of_reach(page) == []


def test_the_sections_are_two_keys_away(page, site):
    """With the keys themselves: Tab, Tab, Enter, then each Tab is a section."""
    visits.load(page, f"{site}/book/vanishing_gradients.html")
    for key in ("Tab", "Tab", "Enter", "Tab", "Tab", "Tab"):
        page.keyboard.press(key)
    section = page.evaluate("document.activeElement.hash")
    assert page.evaluate("document.activeElement.closest('#page-sections') !== null")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate(
        """section => document.querySelector(section).compareDocumentPosition(
            document.activeElement) & 4""",
        section,
    )


def test_a_page_of_many_stops_is_found(page, site):
    """As it was: each formula a stop, and no link to the sections."""
    visits.load(page, f"{site}/book/vanishing_gradients.html")
    page.evaluate("document.querySelector('#page-sections').id = ''")
    page.evaluate("document.querySelectorAll('.math').forEach(one => { one.tabIndex = 0; })")
    assert [one.split(":")[0] for one in problems_of_reach(page)] == [
        "most",
        "no link leads to the sections",
    ]


def test_an_unreachable_button_is_found(page, tmp_path):
    (tmp_path / "bad.html").write_text(
        "<button>One</button><button tabindex=-1>Two</button>"
        "<a href='#' style='outline: none'></a>"
        "<div onfocus=\"document.querySelector('button').focus()\" tabindex=0></div>"
        "<button>Never</button>"
    )
    with browser.serve(tmp_path) as url:
        page.goto(f"{url}/bad.html")
        page.evaluate("window.visited = new Set()")
        seen = []
        for _ in range(3):
            page.keyboard.press("Tab")
            seen.append(page.evaluate(FOCUS))
        assert [focus["seen"] for focus in seen[:2]] == [True, False]
        assert seen[1]["name"] == ""
        assert any("Never" in html for html in page.evaluate(MISSED))


def test_quiz_opens_with_enter_and_with_space(page, site):
    visits.load(page, f"{site}/book/dropout.html")
    for index, key in enumerate(["Enter", "Space"]):
        answer = page.locator(".bd-article details:not(.toggle-details)").nth(index)
        answer.locator("summary").focus()
        page.keyboard.press(key)
        assert answer.get_attribute("open") is not None
        assert answer.locator("p").first.is_visible()
        page.keyboard.press(key)
        assert answer.get_attribute("open") is None


def test_solution_unfolds_with_enter_and_says_so(page, site):
    visits.load(page, f"{site}/book/dropout.html")
    button = page.locator(".solution .toggle-button, .solution.toggle button").first
    button.focus()
    before = button.get_attribute("aria-expanded"), button.inner_text()
    page.keyboard.press("Enter")
    after = button.get_attribute("aria-expanded"), button.inner_text()
    assert before != after


def test_explorer_choices_move_with_arrows_and_are_announced(page, site):
    visits.load(page, f"{site}/book/intro.html")
    figure = page.locator("figure.ch11-explore").first
    caption = figure.locator("figcaption[role=status]")
    before = caption.inner_text()
    figure.locator("input[type=radio]:checked").first.focus()
    page.keyboard.press("ArrowDown")
    assert caption.inner_text() != before
    assert figure.locator("img").get_attribute("alt") == caption.inner_text()


def test_search_with_the_keyboard_alone(page, site):
    """It needs no network: every other host is refused."""
    visits.load(page, f"{site}/book/intro.html")
    page.keyboard.press("Control+k")
    page.keyboard.type("saturates")
    page.keyboard.press("Enter")
    page.wait_for_selector("#search-results li a:has-text('Vanishing')")
    for _ in range(200):
        page.keyboard.press("Tab")
        if page.evaluate("!!document.activeElement.closest('#search-results li')"):
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**/book/*.html*")
    assert "search.html" not in page.url
