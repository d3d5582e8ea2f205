"""Whoever stops the grader leaves nothing behind, and the next call grades the rest."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from grading_course import FULL, Course, answered, tiny

MARK = "27182"
LOOP = f"import subprocess, time\nsubprocess.Popen(['sleep', '{MARK}'])\ntime.sleep(600)"


def sleepers():
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if MARK in (process.info["cmdline"] or []):
            found.append(process)
    return found


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to catch")
@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_stopping_ends_all_and_the_submission_is_graded_later(tmp_path, sign):
    course = Course(tmp_path / "course", cell_timeout=300)
    release = course.release(tiny())
    course.submit("ada", answered(release, he=LOOP))
    own = tmp_path / "tmp"
    own.mkdir()
    command = [sys.executable, "-m", "nbgrader", "autograde", "tiny"]
    env = {**os.environ, "TMPDIR": str(own)}
    log = tmp_path / "log"
    with log.open("w") as file:
        grader = subprocess.Popen(command, cwd=course.folder, env=env, stderr=file)
    end = time.monotonic() + 120
    while not sleepers() and time.monotonic() < end:
        assert grader.poll() is None, log.read_text()
        time.sleep(0.2)
    assert sleepers() and list(own.glob("ch11-grading-*"))
    grader.send_signal(sign)
    assert grader.wait(60) != 0
    assert not sleepers() and not list(own.glob("ch11-grading-*"))
    assert not (course.folder / "autograded" / "ada" / "tiny").exists()
    path = course.folder / "submitted" / "ada" / "tiny" / "tiny.ipynb"
    path.unlink()
    path.parent.rmdir()
    course.submit("ada", answered(release))
    assert course.grade().points("ada") == FULL
