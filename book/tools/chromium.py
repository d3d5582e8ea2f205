"""The Chromium or Chrome that is installed, without a window."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PATHS = ("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find_browser() -> str | None:
    """Return the path of an installed Chromium or Chrome, or None."""
    found = [os.environ.get("CH11_BROWSER"), *map(shutil.which, NAMES), *PATHS]
    return next((path for path in found if path and os.path.exists(path)), None)


@contextlib.contextmanager
def open_browser(path: str) -> Iterator[Any]:
    """Start the browser at `path`; stop it afterwards."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()
