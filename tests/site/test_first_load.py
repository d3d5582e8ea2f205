"""What a page sends, and how soon its text is there on a slow line.

How many bytes the first look at any page takes is one of the checks of its visit (see
visits.sent); here are the pages that are not visited, and the clock.
"""

import contextlib
import functools
import gzip
import math
import random
import re
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import browser
import pytest
import site_build
import visits

#: The line of the issue that asked for this: 1.6 Mb/s, and 150 ms for each request.
SLOW = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": 1.6e6 / 8,
    "uploadThroughput": 1.6e6 / 8,
}
MOST, RATIO = 3000, 2.0
PAINT = """() => new Promise(done => new PerformanceObserver(
    list => done(list.getEntries().at(-1).startTime),
).observe({type: "largest-contentful-paint", buffered: true}))"""


class Zipped(SimpleHTTPRequestHandler):
    """Sends files as GitHub Pages does; ``?bare`` is a page without its scripts."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            return self.send_error(404)
        body, is_zipped = self.body(path, self.path.endswith("?bare"))
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        if is_zipped:
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @staticmethod
    @functools.cache
    def body(path, bare):
        body = path.read_bytes()
        if path.suffix in visits.ALREADY_SMALL:
            return body, False
        if bare:
            body = re.sub(rb"<script\b.*?</script>", b"", body, flags=re.S)
        return gzip.compress(body, 6), True


@contextlib.contextmanager
def serve_zipped(folder):
    """Serve `folder` on a free port, gzipped; yield the address."""
    handler = functools.partial(Zipped, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def largest_paint(chromium, address):
    """Return the milliseconds until the largest part of a phone's window is there."""
    with browser.new_page(chromium, 390) as watched:
        session = watched.page.context.new_cdp_session(watched.page)
        session.send("Network.enable")
        session.send("Network.emulateNetworkConditions", SLOW)
        watched.page.set_default_timeout(visits.PATIENCE)
        watched.page.goto(address, wait_until="networkidle")
        return watched.page.evaluate(PAINT)


def is_soon(chromium, address, tries=5):
    """Return whether a page's text is there soon, and the best times with and without scripts.

    Whatever else the machine does makes a time longer and never shorter: the best of a
    few tells most of the page itself. The line is slow by itself, also on a busy machine.
    """
    best, bare = math.inf, math.inf
    for _ in range(tries):
        best = min(best, largest_paint(chromium, address))
        bare = min(bare, largest_paint(chromium, f"{address}?bare"))
        if best < min(MOST, RATIO * bare):
            return True, best, bare
    return False, best, bare


@pytest.fixture(scope="module")
def zipped(html):
    with serve_zipped(html) as address:
        yield address


@pytest.mark.parametrize("page", ["intro", "optimizers", "glossary"])
def test_the_text_is_there_soon(chromium, zipped, page):
    soon, best, bare = is_soon(chromium, f"{zipped}/book/{page}.html")
    assert soon, f"{best:.0f} ms, without scripts {bare:.0f} ms"


def test_a_script_that_all_wait_for_is_found(chromium, html, tmp_path):
    """Half a megabyte before the text, as the icons once were."""
    for name in ("_static", "_images"):
        (tmp_path / name).symlink_to(html / name)
    (tmp_path / "book").mkdir()
    noise = random.Random(0).randbytes(375_000).hex()  # gzip halves it
    (tmp_path / "book" / "icons.js").write_text(f"/*{noise}*/")
    text = (html / "book" / "glossary.html").read_text(encoding="utf-8")
    text = text.replace("<head>", '<head><script src="icons.js"></script>', 1)
    (tmp_path / "book" / "glossary.html").write_text(text, encoding="utf-8")
    with serve_zipped(tmp_path) as address:
        soon, best, bare = is_soon(chromium, f"{address}/book/glossary.html", tries=1)
    assert not soon and best > bare


API = [page for page in site_build.toc_pages() if page.startswith("book/api/")]


def test_each_page_of_the_api_is_light(chromium, site, html):
    """They ask for the same files, and their own text: the longest stands for all."""
    longest = max(API, key=lambda page: len(gzip.compress((html / f"{page}.html").read_bytes())))
    with browser.new_page(chromium, 390) as watched:
        visits.watch_requests(watched.page)
        visits.load(watched.page, f"{site}/{longest}.html")
        assert visits.sent(watched.page) == []
