"""The ways from the course into the Lab: links of the lessons, and the landing page."""

import re

import browser
import notebooks
import pytest
import visits
from gates import NOT_LESSONS

LINKED = re.compile(r"\]\(lab\.md#preset-(\w+)\)")
LESSONS = {
    path.stem: LINKED.findall(path.read_text(encoding="utf-8"))
    for path in notebooks.toc_notebooks()
    if path.stem not in NOT_LESSONS
}
LANDING = "book/intro.html"


@pytest.mark.parametrize("lesson", [name for name, links in LESSONS.items() if links])
def test_a_click_in_a_lesson_opens_the_experiment_which_trains(chromium, site, lesson):
    name = LESSONS[lesson][0]
    with browser.new_page(chromium) as watched:
        page = watched.page
        visits.load(page, f"{site}/book/{lesson}.html")
        page.locator(f'main a[href="lab.html#preset-{name}"]').first.click()
        page.wait_for_function("window.labPage")
        assert page.evaluate("labPage.preset.name") == name
        assert page.locator("#lab .lab-sentence").is_visible()
        start = page.get_by_role("button", name="Start", exact=True)
        assert 0 <= start.bounding_box()["y"] < 900, "a click leads to the Lab itself"
        start.click()
        page.wait_for_function("labPage.ids.every(id => labPage.runs[id].step > 0)")
        watched.assert_clean()


def test_the_landing_page_trains_when_asked_and_fetches_nothing_before(chromium, site):
    with browser.new_page(chromium, width=390, motion="reduce") as watched:
        page, asked = watched.page, []
        page.on("request", lambda request: asked.append(request.url))
        visits.load(page, f"{site}/{LANDING}")
        heavy = [url for url in asked if re.search(r"/lab/(lab|data)\.", url)]
        assert heavy == [], "a phone on a slow line has not asked for them"
        button = page.get_by_role("button", name="Train both")
        box = button.bounding_box()
        assert box["y"] + box["height"] < 844, "on the first screen of a phone"
        button.press("Enter")
        lines = page.locator("#lab p")
        for i, (name, end) in enumerate([("A (Sigmoid", r"9\.6%"), ("B (ReLU", r"72\.4%")]):
            lines.nth(i).filter(has_text=re.compile(rf"finished after epoch 10.* {end}")).wait_for()
            assert lines.nth(i).inner_text().startswith(name)
        assert page.locator("#lab svg.lab-chart g.solid path.line").count() == 4
        assert visits.overflow(page) == []
        assert visits.axe(page) == []
        page.get_by_role("button", name="Again", exact=True).click()
        lines.nth(1).filter(has_text="finished after epoch 10").wait_for()
        page.get_by_role("link", name="Train them in the Lab").click()
        page.wait_for_function("window.labPage?.preset?.name === 'two_words'")
        watched.assert_clean()
