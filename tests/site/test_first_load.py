"""What a page sends before it is whole: all requests, gzipped as GitHub Pages does."""

import gzip

import browser
import pytest

#: Bytes of all requests of a page without explorers; a page with formulas
#: also sends MathJax and its fonts.
PLAIN, WITH_FORMULAS = 500_000, 650_000
LIMITS = {"corrections": PLAIN, "api/dropout": PLAIN, "glossary": WITH_FORMULAS}
ALREADY_SMALL = (".woff", ".woff2", ".png", ".webp")


def sent(chromium, address):
    """Return the bytes that each request of a page takes on the line."""
    sizes = {}

    def note(response):
        body = response.body()
        is_small = response.url.split("?")[0].endswith(ALREADY_SMALL)
        sizes[response.url] = len(body if is_small else gzip.compress(body, 6))

    with browser.new_page(chromium, 390) as watched:
        responses = []
        watched.page.on("response", lambda response: responses.append(response))
        watched.page.goto(address, wait_until="networkidle")
        for response in responses:
            note(response)
    return sizes


@pytest.mark.parametrize("page", LIMITS)
def test_a_page_without_explorers_is_light(chromium, site, page):
    sizes = sent(chromium, f"{site}/book/{page}.html")
    assert len(sizes) > 10
    assert sum(sizes.values()) < LIMITS[page], sorted(sizes.items(), key=lambda one: one[1])[-5:]
