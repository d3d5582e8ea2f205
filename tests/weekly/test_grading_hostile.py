"""Attacks on the grading: what a submission tries that solves nothing.

All are graded in one run, between two honest ones. Each keeps the second
function honest (2 points): a mistake or a crash in one answer costs no other one.
"""

import os
import socket
import tempfile
import threading

import psutil
import pytest
from grading_course import FULL, Course, answered, tiny
from grading_hostile_cells import CELLS
from grading_hostile_searches import SEARCHES, wins
from grading_sandbox import landlock_version

HONEST_REST = 2
#: What is fair for others: some sabotage their own kernel, where their second answer runs, too.
OTHER = {
    "time_bomb": (3,),
    **dict.fromkeys(("noise", "prints_in_function"), (FULL,)),
    **dict.fromkeys(("own_names", "no_builtins", "reply_no_status"), (0,)),
    "reply_sum": (0, HONEST_REST),
    **dict.fromkeys(("bad_messages", "reply_huge"), (0, HONEST_REST)),  # as their timing falls
}
MARK = "31415"


class Listener:
    """A server on loopback that counts who comes."""

    def __init__(self):
        self.visits = []
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.port = self.tcp.getsockname()[1]
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        threading.Thread(target=self.accept, daemon=True).start()
        threading.Thread(target=self.receive, daemon=True).start()

    def accept(self):
        while True:
            self.visits.append(self.tcp.accept()[1])

    def receive(self):
        while True:
            self.visits.append(self.udp.recvfrom(100)[1])


@pytest.fixture(scope="module")
def listener():
    return Listener()


@pytest.fixture(scope="module")
def course(tmp_path_factory, listener):
    made = Course(tmp_path_factory.mktemp("hostile") / "course")
    release = made.release(tiny())
    places = {"COURSE": repr(str(made.folder)), "PORT": str(listener.port), "MARK": MARK}
    for name, code in attacks().items():
        for word, value in places.items():
            code = code.replace(word, value)
        made.submit(name, answered(release, he=code))
    for name in ("a_honest", "m_honest", "z_honest"):
        made.submit(name, answered(release))
    return made.grade()


def attacks():
    return CELLS | {name: wins(code) for name, code in SEARCHES.items()}


@pytest.mark.parametrize("name", attacks())
def test_an_attack_gets_what_it_earns(course, name):
    fair = OTHER.get(name, (HONEST_REST,))
    if landlock_version() < 6 and name in SEARCHES:
        fair += (FULL,)
    assert course.points(name) in fair, (course.scores[name], course.graded(name))


@pytest.mark.parametrize("name", ["a_honest", "m_honest", "z_honest"])
def test_honest_submissions_beside_attacks_have_all_points(course, name):
    assert course.points(name) == FULL, (course.scores[name], course.log[-3000:])


def test_every_submission_is_graded(course):
    assert course.returncode == 0, course.log[-3000:]
    assert set(course.scores) == {*attacks(), "a_honest", "m_honest", "z_honest"}


def test_no_process_is_left(course):
    left = [p.info for p in psutil.process_iter(["cmdline"]) if MARK in str(p.info["cmdline"])]
    assert not left


def test_nothing_is_left_outside(course):
    assert not [path for path in course.root.rglob("*stolen*")]
    assert not [name for name in os.listdir(tempfile.gettempdir()) if "stolen" in name]
    assert not [name for name in os.listdir("/dev/shm") if "stolen" in name]


def test_no_connection_was_made(course, listener):
    """Without Landlock 4 there is no bound on connections: the teacher's page says so."""
    assert listener.visits == [] or landlock_version() < 4


def test_noise_does_not_reach_the_log(course):
    assert "NOISE" not in course.log
    assert len(course.log) < 1_000_000
