"""The static edition of the explorer in headless Chromium."""

import browser
import matplotlib.pyplot as plt
import numpy as np
import pytest

from ch11lib.explore import Parameter, explore
from ch11lib.plots import with_alt_text

PAGE = "<!doctype html><html lang='en'><meta charset='utf-8'><title>t</title><body>{}</body></html>"


def curve(power, sign="plus", shift=0.0):
    fig, ax = plt.subplots(figsize=(4, 2))
    x = np.linspace(0, 1)
    ax.plot(x, (1 if sign == "plus" else -1) * x**power + shift)
    ax.set_ylim(-2, 2)
    return with_alt_text(fig, f"x to the power {power:g}, {sign}, shifted by {shift:g}.")


@pytest.fixture
def page(chromium, tmp_path):
    """A page with two explorers that share parameter names, and one that is equal."""
    first = explore(
        curve,
        power=Parameter([1, 2, 3, 4], label="Power", unit="(no unit)", start=2),
        sign=["plus", "minus"],
        shift=[-1, 0, 1],
    )
    second = explore(curve, power=[1, 2], sign=["plus", "minus"])
    path = tmp_path / "page.html"
    path.write_text(PAGE.format(first.html + second.html + second.html), encoding="utf-8")
    context = chromium.new_context(viewport={"width": 390, "height": 800}, has_touch=True)
    watched = browser.Watched(context.new_page())
    watched.page.goto(path.as_uri())
    yield watched.page
    watched.assert_clean()
    context.close()


def shown(figure):
    image = figure.locator("img")
    assert figure.locator("figcaption").inner_text() == image.get_attribute("alt")
    return image.get_attribute("src"), image.get_attribute("alt")


def test_initial_values(page):
    figure = page.locator("figure.ch11-explore").first
    assert shown(figure)[1] == "x to the power 2, plus, shifted by -1."
    assert figure.locator("output").first.inner_text() == "2\N{NO-BREAK SPACE}(no unit)"
    assert not figure.locator(".asleep").is_visible()


def test_arrow_keys_move_every_slider(page):
    figure = page.locator("figure.ch11-explore").first
    for k, label in enumerate(["Power", "Shift"]):
        slider = figure.get_by_role("slider", name=label)
        slider.focus()
        before = shown(figure)
        text, spoken = (
            figure.locator("output").nth(k).inner_text(),
            slider.get_attribute("aria-valuetext"),
        )
        page.keyboard.press("ArrowRight")
        after = shown(figure)
        assert before[0] != after[0]
        assert before[1] != after[1]
        assert figure.locator("output").nth(k).inner_text() != text
        assert slider.get_attribute("aria-valuetext") != spoken
        page.keyboard.press("ArrowLeft")
        assert shown(figure) == before
    page.keyboard.press("End")
    assert shown(figure)[1] == "x to the power 2, plus, shifted by 1."


def test_every_frame_is_reached(page):
    figure = page.locator("figure.ch11-explore").first
    seen = set()
    for sign in ("plus", "minus"):
        figure.get_by_label(sign, exact=True).check()
        for power in range(4):
            figure.get_by_role("slider", name="Power").fill(str(power))
            for shift in range(3):
                figure.get_by_role("slider", name="Shift").fill(str(shift))
                source, alt = shown(figure)
                assert alt == f"x to the power {power + 1}, {sign}, shifted by {shift - 1}."
                seen.add(source)
    assert len(seen) == 24


def test_mouse_and_touch(page):
    figure = page.locator("figure.ch11-explore").first
    slider = figure.get_by_role("slider", name="Power")
    box = slider.bounding_box()
    page.mouse.click(box["x"] + box["width"] - 3, box["y"] + box["height"] / 2)
    assert "power 4" in shown(figure)[1]
    page.touchscreen.tap(box["x"] + 3, box["y"] + box["height"] / 2)
    assert "power 1" in shown(figure)[1]
    assert box["height"] >= 24, "WCAG 2.2 asks for targets of 24 pixels"


def test_buttons_with_the_keyboard(page):
    figure = page.locator("figure.ch11-explore").first
    figure.get_by_label("plus", exact=True).focus()
    page.keyboard.press("ArrowDown")
    assert "minus" in shown(figure)[1]
    assert figure.get_by_role("group", name="Sign").count() == 1


def test_explorers_do_not_disturb_each_other(page):
    figures = page.locator("figure.ch11-explore")
    before = [shown(figures.nth(k)) for k in range(3)]
    figures.nth(1).get_by_label("minus", exact=True).check()
    figures.nth(1).get_by_role("slider", name="Power").fill("1")
    assert shown(figures.nth(1))[1] == "x to the power 2, minus, shifted by 0."
    assert [shown(figures.nth(k)) for k in (0, 2)] == [before[0], before[2]]
    assert figures.nth(2).get_by_label("plus", exact=True).is_checked()


def test_no_sideways_scrolling_on_a_phone(page):
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_picture_is_decoded(page):
    image = page.locator("figure.ch11-explore img").first
    assert image.evaluate("i => i.complete && i.naturalWidth") == 880, "twice the density"
    width, height = image.evaluate("i => [i.clientWidth, i.clientHeight]")
    assert 200 < width <= 440 and abs(width - 2 * height) <= 1, "its shape, whatever the screen"


def test_without_javascript_the_first_frame_is_there(chromium, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(PAGE.format(explore(curve, power=[1, 2]).html), encoding="utf-8")
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(path.as_uri())
    assert page.locator("img").get_attribute("alt") == "x to the power 1, plus, shifted by 0."
    assert page.locator(".asleep").is_visible()
    context.close()
