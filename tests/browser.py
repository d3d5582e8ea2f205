"""Headless Chromium for tests, with every host but this machine blocked."""

import contextlib
import functools
import os
import shutil
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

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


def find_browser():
    """Return the path of an installed Chromium or Chrome, or None."""
    found = [os.environ.get("CH11_BROWSER"), *map(shutil.which, NAMES), *PATHS]
    return next((path for path in found if path and os.path.exists(path)), None)


def require_browser():
    """Skip without a browser; fail instead where CI requires one."""
    path = find_browser()
    if path is None:
        message = "no Chromium or Chrome found (set CH11_BROWSER to its path)"
        if os.environ.get("CH11_REQUIRE_BROWSER"):
            pytest.fail(message)
        pytest.skip(message)
    return path


class Watched:
    """A page, what it asked other hosts for, and what its console complained of."""

    def __init__(self, page):
        self.page = page
        self.foreign = []
        self.console = []
        page.route("**/*", self._route)
        page.on("console", self._log)
        page.on("pageerror", lambda error: self.console.append(str(error)))

    def _route(self, route):
        url = route.request.url
        if url.startswith(("http://127.0.0.1:", "http://localhost:", "file:", "data:", "blob:")):
            route.continue_()
        else:
            self.foreign.append(url)
            route.abort()

    def _log(self, message):
        if message.type in ("error", "warning"):
            self.console.append(f"{message.text} ({message.location.get('url', '')})")

    def assert_clean(self):
        assert self.foreign == [], "the page asked another host"
        assert self.console == [], "the console complained"


@contextlib.contextmanager
def open_browser():
    """Start Chromium; stop it afterwards."""
    path = require_browser()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serve(folder):
    """Serve `folder` on a free port of the loopback address; yield the URL."""
    handler = functools.partial(_QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
