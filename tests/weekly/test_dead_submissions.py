"""What a teacher opens is dead: hostile submissions in Chromium, in formgrader and feedback.

Each wall is tried alone, with the others taken out; and all payloads but those that a browser
stops by itself run where there is no wall.
"""

import contextlib
import json
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import browser
import lab
import nbformat
import payloads
import pytest
from conftest import ROOT
from grading_course import Course, answered, tiny
from nbgrader.api import Gradebook

UNCLEANED = """
c.Autograde.sanitize_preprocessors.remove(Clean)
c.Autograde.autograde_preprocessors.remove(Clean)
"""
PLAIN_FEEDBACK = "\nfrom nbconvert.exporters import HTMLExporter\n" + (
    "c.GenerateFeedback.exporter_class = HTMLExporter\n"
)
POLICY_ALONE = """
import grading_pages
grading_pages.clean = lambda notebook: notebook
grading_pages.DeadPage.markdown2html = grading_pages.HTMLExporter.markdown2html
grading_pages.html = type("", (), {"escape": str})
"""
ALL = {*payloads.outputs(""), *payloads.markdown(""), "refresh", "name", *payloads.HARMLESS}
FIRES = ALL - payloads.HARMLESS
#: nbgrader's feedback names no student, and shows no output of this kind.
NOT_IN_FEEDBACK = {"name", "javascript"}
MOVE = """async () => {
  for (const one of document.querySelectorAll("details")) one.open = !one.open;
  for (const one of document.querySelectorAll("#notebook *")) {
    for (const kind of ["mouseover", "focus"]) one.dispatchEvent(new Event(kind));
    if (one.tagName === "A" && /^javascript:/.test(one.href)) {
      one.click();
      await new Promise((done) => setTimeout(done, 200));
    }
  }
}"""


ASKED = set()


class Asked(BaseHTTPRequestHandler):
    """Remember the names that payloads ask for."""

    def do_GET(self):
        ASKED.add(self.path.strip("/"))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture(scope="module")
def url():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Asked)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def graded(folder, url, more=""):
    """Return a course whose hostile submissions are graded with more settings."""
    course = Course(folder)
    settings = course.folder / "nbgrader_config.py"
    settings.write_text(settings.read_text("utf-8") + more, "utf-8")
    release = course.release(tiny())
    hostile = payloads.fill(answered(release), url)
    course.submit("all", json.dumps(payloads.stored(hostile, url)))
    course.submit("refresh", payloads.refreshing(answered(release), url))
    course.grade()
    assert course.returncode == 0, course.log[-3000:]
    with Gradebook(f"sqlite:///{course.folder}/gradebook.db") as gradebook:
        name = f"<img src=x onerror={payloads.asks(url, 'name')}>"
        gradebook.update_or_create_student("all", first_name="A", last_name=name)
    return course


@pytest.fixture(scope="module")
def uncleaned(tmp_path_factory, url):
    return graded(tmp_path_factory.mktemp("uncleaned"), url, UNCLEANED)


@pytest.fixture(scope="module")
def cleaned(tmp_path_factory, url):
    return graded(tmp_path_factory.mktemp("cleaned"), url)


@contextlib.contextmanager
def serving(course, home, settings):
    """Start JupyterLab in the course's folder; settings None: nbgrader's own formgrader."""
    path = course.folder / "jupyter_server_config.py"
    path.unlink(missing_ok=True)
    if settings is not None:
        shutil.copy(ROOT / "book" / "assignments" / path.name, path)
        path.write_text(path.read_text("utf-8") + settings, "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_CONFIG_PATH", str(course.folder))
        with lab.serve(course.folder, home) as (address, _):
            yield address


def opened(chromium, address):
    """Open a page, move and click; return what was asked for and what left this machine."""
    ASKED.clear()
    with browser.new_page(chromium) as watched:
        answer = watched.page.goto(address)
        assert answer is None or answer.ok, answer.status
        watched.page.wait_for_timeout(500)
        if watched.page.url == address:
            watched.page.evaluate(MOVE)
            watched.page.wait_for_timeout(1000)
        return set(ASKED), watched


def formgrader(chromium, course, home, settings):
    """Return all that was asked for by the pages of both submissions."""
    found, gradebook = set(), Gradebook(f"sqlite:///{course.folder}/gradebook.db")
    with serving(course, home, settings) as address, gradebook:
        for student in ("all", "refresh"):
            submission = gradebook.find_submission_notebook("tiny", "tiny", student)
            page = f"{address}/formgrader/submissions/{submission.id}/?index=0"
            names, watched = opened(chromium, page)
            found |= names
    return found, watched


def feedback(chromium, course, settings=""):
    path = course.folder / "nbgrader_config.py"
    before = path.read_text("utf-8")
    path.write_text(before + settings, "utf-8")
    done = course.nbgrader("generate_feedback", "tiny", "--force")
    path.write_text(before, "utf-8")
    assert done.returncode == 0, done.stderr[-3000:]
    found = set()
    for student in ("all", "refresh"):
        page = course.folder / "feedback" / student / "tiny" / "tiny.html"
        found |= opened(chromium, page.as_uri())[0]
    return found


def test_without_a_wall_all_of_it_runs_in_formgrader(chromium, uncleaned, tmp_path):
    assert formgrader(chromium, uncleaned, tmp_path, None)[0] == FIRES


def test_without_a_wall_all_of_it_runs_in_feedback(chromium, uncleaned):
    assert feedback(chromium, uncleaned, PLAIN_FEEDBACK) == FIRES - NOT_IN_FEEDBACK


def test_cleaned_submissions_are_dead_in_a_plain_formgrader(chromium, cleaned, tmp_path):
    assert formgrader(chromium, cleaned, tmp_path, None)[0] == {"name"}  # it is the teacher's


def test_cleaned_submissions_are_dead_in_plain_feedback(chromium, cleaned):
    assert feedback(chromium, cleaned, PLAIN_FEEDBACK) == set()


@pytest.mark.parametrize("settings", ["", POLICY_ALONE], ids=["pages", "policy_alone"])
def test_formgrader_is_dead_though_nothing_was_cleaned(chromium, uncleaned, tmp_path, settings):
    found, watched = formgrader(chromium, uncleaned, tmp_path, settings)
    assert found <= ({"refresh"} if settings else set())  # no policy stops a refresh
    assert watched.foreign == []


def test_feedback_is_dead_though_nothing_was_cleaned(chromium, uncleaned):
    assert feedback(chromium, uncleaned) == set()


def test_nothing_runs_where_a_raw_submission_is_opened_in_jupyterlab(chromium, uncleaned, tmp_path):
    with serving(uncleaned, tmp_path, "") as address, browser.new_page(chromium) as watched:
        ASKED.clear()
        path = uncleaned.folder / "submitted" / "all" / "tiny" / "tiny.ipynb"
        watched.page.goto(f"{address}/lab/tree/{path.relative_to(uncleaned.folder)}")
        shown = "(cells) => document.querySelectorAll('.jp-MarkdownCell').length > cells"
        watched.page.wait_for_function(shown, arg=3)
        watched.page.wait_for_timeout(5000)
    assert {"markdown_picture"} <= ASKED <= payloads.LOADS  # the page says so


def test_formgrader_still_works(chromium, cleaned, tmp_path):
    """Its own scripts run: the page shows and stores points."""
    with serving(cleaned, tmp_path, "") as address:
        with Gradebook(f"sqlite:///{cleaned.folder}/gradebook.db") as gradebook:
            submission = gradebook.find_submission_notebook("tiny", "tiny", "refresh").id
        with browser.new_page(chromium) as watched:
            page = watched.page
            for name in ("manage_assignments", "manage_students", "gradebook/tiny/tiny"):
                page.goto(f"{address}/formgrader/{name}")
                page.wait_for_selector("#main-table td a")
            page.click("#toggle_names")
            page.wait_for_selector(".name-shown:visible")
            page.goto(f"{address}/formgrader/submissions/{submission}/?index=0")
            page.wait_for_function("document.getElementById('test-he').placeholder !== ''")
            page.click(".name-hidden.glyphicon")
            page.wait_for_selector("a.name-shown:visible")
            with page.expect_response(lambda r: r.request.method == "PUT") as put:
                page.fill("#why", "1.5")
                page.keyboard.press("Tab")
            assert put.value.ok
            assert watched.foreign == []
            allowed = "inline event handler"  # jQuery tries what a browser can do
            assert [line for line in watched.console if allowed not in line] == []
    with Gradebook(f"sqlite:///{cleaned.folder}/gradebook.db") as gradebook:
        assert gradebook.find_grade("why", "tiny", "tiny", "refresh").manual_score == 1.5


def test_a_name_in_an_address_is_no_script(chromium, cleaned, tmp_path, url):
    with serving(cleaned, tmp_path, "") as address:
        code = payloads.asks(url, "address")
        page = f"{address}/formgrader/manage_students/%22;{code};%22%3Cimg src=x onerror={code}%3E"
        assert opened(chromium, page)[0] == set()


def test_collected_files_are_dead_and_the_evidence_stays(cleaned, url):
    archive = cleaned.folder / "downloaded" / "tiny" / "archive"
    archive.mkdir(parents=True)
    source = cleaned.folder / "submitted" / "all" / "tiny" / "tiny.ipynb"
    shutil.copy(source, archive / "eve_tiny.ipynb")
    done = cleaned.nbgrader("zip_collect", "tiny", "--force")
    assert done.returncode == 0, done.stderr[-3000:]
    collected = cleaned.folder / "submitted" / "eve" / "tiny" / "tiny.ipynb"
    notebook = nbformat.read(collected, as_version=4)
    assert notebook.metadata == {}
    kinds = {
        kind for cell in notebook.cells for out in cell.get("outputs", []) for kind in out.data
    }
    assert kinds <= {"text/plain", "image/png", "image/jpeg"}
    assert (archive / "eve_tiny.ipynb").read_bytes() == source.read_bytes()
