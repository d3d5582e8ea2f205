"""A page in which the Lab's engine runs, for all tests of a file."""

import browser
import lab_build
import numpy as np
import pytest
from engine_page import HELPERS, PARTS, packed


@pytest.fixture(scope="module")
def lab(chromium):
    """A page with the engine; its `evaluate` runs JavaScript."""
    with browser.new_page(chromium) as watched:
        watched.page.goto("about:blank")
        for name, module in PARTS.items():
            # A `const` of one script tag is not seen by `evaluate` of Playwright.
            watched.page.add_script_tag(
                content=f"{lab_build.join(module, name)}\nwindow.{name} = {name};"
            )
        watched.page.add_script_tag(content=HELPERS)
        yield watched.page
        watched.assert_clean()


@pytest.fixture(scope="session")
def small_data():
    """240 training and 60 validation images of 6 × 6 pixels: class k has a bright spot at k."""
    rng = np.random.default_rng(3)
    labels = (np.arange(300) % 10).astype(np.uint8)
    images = rng.integers(0, 100, (300, 36)).astype(np.uint8)
    images[np.arange(300), 3 * labels] += 150
    return {"images": packed(images), "labels": packed(labels), "nTrain": 240, "nValid": 60}
