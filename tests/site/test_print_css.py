"""A page that is printed from the browser."""


def test_a_dark_page_is_printed_light_and_is_dark_again(chromium, site):
    context = chromium.new_context(color_scheme="dark")
    page = context.new_page()
    page.goto(f"{site}/book/dropout.html", wait_until="networkidle")
    theme = "document.documentElement.dataset.theme"
    assert page.evaluate(theme) == "dark"
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert page.evaluate(theme) == "light"
    assert page.evaluate("getComputedStyle(document.body).color") != "rgb(206, 214, 221)"
    page.emulate_media(media="screen")
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(theme) == "dark"
    context.close()


def test_code_is_whole_on_paper(chromium, site):
    """No line of code runs over the edge of an A4 page."""
    context = chromium.new_context(viewport={"width": 700, "height": 1000})
    page = context.new_page()
    page.goto(f"{site}/book/optimizers.html", wait_until="networkidle")
    page.emulate_media(media="print")
    wide = "p => p.scrollWidth > p.clientWidth + 1"
    code = f"[...document.querySelectorAll('pre')].filter({wide}).length"
    assert page.evaluate(code) == 0
    context.close()
