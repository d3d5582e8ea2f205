"""The website in a browser: every page on a wide screen and on a phone, light and dark."""

import pytest
import site_build
import visits

API = [page for page in site_build.toc_pages() if page.startswith("book/api/")]
#: The pages of the API have one template; three stand for all.
PAGES = [page for page in site_build.toc_pages() if page not in API]
PAGES += [*API[:: len(API) // 3 + 1], "search", "genindex"]


@pytest.mark.parametrize("mode", visits.MODES)
@pytest.mark.parametrize("page", PAGES)
def test_visit(chromium, site, page, mode):
    assert visits.visit(chromium, f"{site}/{page}.html", visits.MODES[mode]) == []


def test_a_page_works_from_the_disk(chromium, html):
    """Unzipped onto a stick, with no server at all."""
    path = html / "book" / "vanishing_gradients.html"
    assert visits.visit(chromium, path.as_uri(), visits.MODES["wide"]) == []
