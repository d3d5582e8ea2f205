"""Headless Chromium for tests, with every host but this machine blocked."""

import contextlib
import functools
import os
import re
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


#: An address on this machine, or in the page itself.
HERE = r"http://(127\.0\.0\.1|localhost):|file:|data:|blob:"
ELSEWHERE = re.compile(rf"^(?!{HERE})")
#: Chromium does not load a font before it is needed if the page comes from a disk, says
#: so, and loads it when it is needed.
PRELOADED_FROM_DISK = re.compile(r"file:\S+/webfonts/\S+\.woff")


class Watched:
    """A page, what it asked other hosts for, and what its console complained of."""

    def __init__(self, page):
        self.page = page
        self.foreign = []
        self.console = []
        page.route(ELSEWHERE, self._refuse)
        page.on("console", self._log)
        page.on("pageerror", lambda error: self.console.append(str(error)))

    def _refuse(self, route):
        self.foreign.append(route.request.url)
        route.abort()

    def _log(self, message):
        line = f"{message.text} ({message.location.get('url', '')})"
        if message.type in ("error", "warning") and not PRELOADED_FROM_DISK.search(line):
            self.console.append(line)

    def assert_clean(self):
        assert self.foreign == [], "the page asked another host"
        assert self.console == [], "the console complained"


def open_browser():
    """Start Chromium; stop it afterwards."""
    return chromium.open_browser(require_browser())


@contextlib.contextmanager
def new_page(chromium, width=1200, scheme="light", motion="no-preference"):
    """Open a page like the window of a new reader; yield it `Watched`; close it."""
    context = chromium.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion=motion
    )
    try:
        yield Watched(context.new_page())
    finally:
        context.close()


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
