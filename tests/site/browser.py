"""Headless Chromium for tests, with every host but this machine blocked."""

import contextlib
import functools
import os
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import chromium
import pytest


def skip_or_fail(message):
    """Skip what this machine can't do; fail instead in CI, where all must run."""
    if os.environ.get("CH11_REQUIRE_ALL"):
        pytest.fail(message)
    pytest.skip(message)


def require_browser():
    """Return the path of a browser; skip or fail without one."""
    path = chromium.find_browser()
    if path is None:
        skip_or_fail("no Chromium or Chrome found (set CH11_BROWSER to its path)")
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


def open_browser():
    """Start Chromium; stop it afterwards."""
    return chromium.open_browser(require_browser())


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
