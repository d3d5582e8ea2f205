"""A class on the hub of the page "Scaling up": two students and two teachers in their browsers.

One hub for all tests, without root and with one Unix user: what keeps people apart on a real
server, the Unix accounts, is tested by the modes of the exchange's folders only.
"""

import os
import pwd
import re
import stat
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import assignments
import graded
import hub_client
import nbformat
import pytest
from nbgrader.auth import Authenticator
from nbgrader.coursedir import CourseDirectory

NAME = "optimizers"
ASSIGNMENT = {"course_id": "ch11", "assignment_id": NAME}
HOMEWORK = f"ch11/{NAME}/{NAME}.ipynb"
MISTAKE = graded.mistakes(NAME)[0]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="JupyterHub needs Unix")


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """Start a hub and everyone's server; assistant uses the teacher's."""
    folder = tmp_path_factory.mktemp("hub")
    homes = folder / "homes"
    graded.plant_canaries(graded.copy_course(homes / "teacher" / "course"))
    with hub_client.running_hub(folder, ["ada", "ben"], TEACHERS="assistant") as address:
        people = [hub_client.Person(address, name) for name in ("teacher", "ada", "ben")]
        assistant = hub_client.Person(address, "assistant")
        answers = [person.log_in() for person in (*people, assistant)]
        assert all(answer.url.endswith("/hub/home") for answer in answers), answers
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda person: person.start_server(homes), people))
        teacher, ada, ben = people
        yield SimpleNamespace(
            address=address,
            folder=folder,
            exchange=folder / "exchange" / "ch11",
            course=homes / "teacher" / "course" / "book" / "assignments",
            teacher=teacher,
            assistant=assistant,
            ada=ada,
            ben=ben,
        )


@pytest.fixture(scope="module")
def released(hub):
    """Release the assignment; both students fetch it."""
    assert hub.ada.api("GET", "assignments", params={"course_id": "ch11"})["value"] == []
    hub.teacher.grade(f"assignment/{NAME}/assign")
    hub.teacher.grade(f"assignment/{NAME}/release")
    for student in (hub.ada, hub.ben):
        (listed,) = student.api("GET", "assignments", params={"course_id": "ch11"})["value"]
        assert (listed["assignment_id"], listed["status"]) == (NAME, "released")
        (listed,) = student.api("POST", "assignments/fetch", json=ASSIGNMENT)["value"]
        assert listed["status"] == "fetched"
        assert listed["notebooks"][0]["path"] == HOMEWORK
    return hub


@pytest.fixture(scope="module")
def submitted(released):
    """Each student changes the notebook and hands it in: one is right, one almost."""
    solution = graded.source(NAME)
    answers = {"ada": solution, "ben": graded.with_mistake(solution, MISTAKE)}
    for student in (released.ada, released.ben):
        released.fetched = student.api("GET", f"api/contents/{HOMEWORK}")["content"]
        model = {"type": "notebook", "content": answers[student.name]}
        student.api("PUT", f"api/contents/{HOMEWORK}", json=model)
        listed = student.api("POST", "assignments/submit", json=ASSIGNMENT)["value"]
        (handed_in,) = [entry for entry in listed if entry["status"] == "submitted"]
        assert handed_in["student_id"] == student.name
    return released


@pytest.fixture(scope="module")
def marked(submitted):
    """The teacher collects and grades; an assistant gives the feedback out."""
    forged = submitted.exchange / "inbound" / f"eve+{NAME}+2026-01-01 00:00:00.000000 UTC+x"
    forged.symlink_to(submitted.course / "source" / NAME)
    said = submitted.teacher.grade(f"assignment/{NAME}/collect")
    assert f"{forged} is a link to" in said["log"]
    begin = time.monotonic()
    for student in ("ada", "ben"):
        said = submitted.teacher.grade(f"submission/{NAME}/{student}/autograde")
        assert "preprocessor: ExecuteApart" in said["log"]  # the course's own settings
    print(f"autograding two submissions: {time.monotonic() - begin:.0f} s")
    assert submitted.assistant.open("teacher").ok
    submitted.assistant.grade(f"assignment/{NAME}/generate_feedback")
    submitted.assistant.grade(f"assignment/{NAME}/release_feedback")
    return submitted


def test_wrong_password_and_unknown_name_are_refused(hub):
    assert hub_client.Person(hub.address, "ada").log_in("another password").status_code == 403
    assert hub_client.Person(hub.address, "eve").log_in().status_code == 403


def test_student_reaches_no_formgrader(hub):
    own = hub.ada.request("GET", "/user/ada/formgrader/api/status")
    assert own.status_code == 404
    assert hub.ada.open("teacher", "formgrader").status_code == 403
    assert hub.ada.request("GET", "/user/teacher/formgrader/api/students").status_code == 403
    start = hub.ada.request("POST", "/hub/api/users/teacher/server", json={})
    assert start.status_code in (403, 404)


def test_student_reaches_no_other_student(hub):
    assert hub.ada.open("ben").status_code == 403
    assert hub.ada.request("GET", "/user/ben/api/contents/").status_code == 403
    assert hub.ada.request("GET", "/user/ben/assignments?course_id=ch11").status_code == 403


def test_assistant_reaches_the_formgrader_but_no_student(hub):
    assert hub.assistant.open("teacher", "formgrader").ok
    assert hub.assistant.open("ada").status_code == 403


def test_student_is_offered_the_assignments_and_nothing_of_the_teacher(hub):
    """A formgrader in the menu would stay blank for the teacher, too: it has its own tab."""

    def disabled(person):
        (listed,) = re.findall(r'"disabledExtensions": \[(.*?)\]', person.open(person.name).text)
        return {*re.findall(r'"@jupyter/nbgrader:([\w-]+)"', listed)}

    assert disabled(hub.ada) == {"course-list", "create-assignment", "formgrader"}
    assert disabled(hub.teacher) == {"course-list", "formgrader"}
    assert hub.teacher.open("teacher", "formgrader").ok


def test_limit_of_memory_is_set(hub):
    expected = {"teacher": 6 * 2**30, "ada": 2 * 2**30}
    for name, limit in expected.items():
        assert hub_client.server_environment(hub.folder, name)["MEM_LIMIT"] == str(limit)


def test_released_notebook_holds_no_solution(submitted):
    text = nbformat.writes(nbformat.from_dict(submitted.fetched))
    assert "raise NotImplementedError" in text
    source = (submitted.course / "source" / NAME / f"{NAME}.ipynb").read_text("utf-8")
    for word in graded.CANARIES.values():
        assert word in source and word not in text


def test_exchange_keeps_submissions_and_feedback_from_students(marked):
    modes = {
        name: stat.S_IMODE((marked.exchange / name).stat().st_mode)
        for name in ("inbound", "feedback")
    }
    assert modes["inbound"] & 0o44 == 0 and modes["feedback"] & 0o66 == 0, modes
    assert marked.exchange.stat().st_mode & 0o22 == 0


def test_student_sees_and_fetches_no_other_submission(marked):
    """Neither in the lists nor by a path out of the home."""
    listed = marked.ada.api("GET", "assignments", params={"course_id": "ch11"})["value"]
    assert {entry["student_id"] for entry in listed if entry["status"] == "submitted"} == {"ada"}
    (theirs,) = (marked.exchange / "inbound").glob("ben+*")
    for path in (f"../ben/{HOMEWORK}", f"../../exchange/ch11/inbound/{theirs.name}/{NAME}.ipynb"):
        assert (marked.folder / "homes" / "ada" / path).is_file()
        answer = marked.ada.request("POST", "/user/ada/api/contents/", json={"copy_from": path})
        assert answer.status_code in (400, 403, 404), path


def test_link_to_the_solution_is_not_collected(marked):
    collected = (marked.course / "submitted").glob("*/*")
    assert {path.parent.name for path in collected} == {"ada", "ben"}


def test_submission_belongs_to_its_owner_whatever_its_name(tmp_path, monkeypatch):
    settings = {"COURSE": "ch11", "ASSIGNMENTS": assignments.COURSE, "EXCHANGE": "/x"}
    for name, value in settings.items():
        monkeypatch.setenv(f"CH11_HUB_{name}", str(value))
    path = tmp_path / f"ada+{NAME}+2026-01-01 00:00:00.000000 UTC+x"
    path.symlink_to("/nowhere")
    collect = hub_client.load("nbgrader_config.py").ExchangeFactory.collect(
        coursedir=CourseDirectory(), authenticator=Authenticator()
    )
    owner = pwd.getpwuid(os.getuid()).pw_name
    assert collect._path_to_record(str(path))["username"] == owner


def test_scores_are_those_of_the_answers(marked):
    full = graded.points(graded.source(NAME))
    ada, ben = (graded.scores(marked.course, NAME, student) for student in ("ada", "ben"))
    assert {test: ada[test] for test in full} == full
    lost = {test for test in full if ben[test] != full[test]}
    assert lost == set(MISTAKE["loses"])
    assert all(ben[test] == 0 for test in lost)
    shown = {s["student"]: s["score"] for s in marked.teacher.grade(f"submissions/{NAME}", "GET")}
    total = sum(full.values())
    assert shown == {"ada": total, "ben": total - sum(full[test] for test in lost)}


def test_feedback_reaches_its_own_student_only(marked):
    full = graded.points(graded.source(NAME))
    scores = {"ada": sum(full.values())}
    scores["ben"] = scores["ada"] - sum(full[test] for test in MISTAKE["loses"])
    for student in (marked.ada, marked.ben):
        listed = student.api("POST", "assignments/fetch_feedback", json=ASSIGNMENT)["value"]
        (mine,) = [entry for entry in listed if entry["status"] == "submitted"]
        (submission,) = mine["submissions"]
        path = f"{submission['local_feedback_path']}/{NAME}.html"
        page = student.api("GET", f"api/contents/{path}?type=file")["content"]
        assert float(re.search(r"Score: ([\d.]+) / ", page)[1]) == scores[student.name]
        assert len([*(marked.folder / "homes" / student.name).rglob(f"{NAME}.html")]) == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"MEMORY": "much"}, "The setting MEMORY can't be 'much'"),
        ({"PORTS": "8000"}, "The setting PORTS can't be '8000'"),
        ({"TEACHERS": "ada"}, "Nobody may be a student and a teacher: ada."),
        ({"TEACHERS": "Tom_T"}, "'Tom_T' is no user name here"),
        ({"ADDRESS": "0.0.0.0"}, "use it on 127.0.0.1 only"),
        ({"EXCHANGE": "/nowhere"}, "The exchange /nowhere must be a folder of the mode 1777."),
        ({"STUDENTS": "/nowhere"}, "/nowhere is missing: write the user name of each student"),
    ],
)
def test_wrong_setting_of_the_hub_is_named(tmp_path, monkeypatch, settings, message):
    env = hub_client.environment(tmp_path, ["ada"], **settings)
    for name in filter(lambda name: name.startswith("CH11_HUB_"), env):
        monkeypatch.setenv(name, env[name])
    with pytest.raises(SystemExit, match=re.escape(message)):
        hub_client.load("jupyterhub_config.py")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "CH11_HUB_COURSE is not set"),
        ({"COURSE": "ch11", "ASSIGNMENTS": "/nowhere"}, "/nowhere has no nbgrader_config.py"),
        ({"COURSE": "ch12", "ASSIGNMENTS": assignments.COURSE}, "The hub's course is 'ch12'"),
    ],
)
def test_wrong_setting_of_nbgrader_is_named(monkeypatch, settings, message):
    monkeypatch.setenv("PATH", os.environ["PATH"])  # the course's settings change it
    for name, value in settings.items():
        monkeypatch.setenv(f"CH11_HUB_{name}", str(value))
    with pytest.raises(SystemExit, match=re.escape(message)):
        hub_client.load("nbgrader_config.py")
