"""The watch of the grading: what it counts, and that nothing hides from it."""

import os
import subprocess
import sys
import threading

import grading_sandbox
import grading_watch
import pytest

LIMITS = {"memory": 200 * 2**20, "processes": 5, "files": 200}
FILES = """
import os
for n in range(10**6):
    open(f"file{n}", "w").close()
"""
DEEP = """
import os, time
for level in range(30):  # deeper than a path can be long
    os.mkdir("deeper" * 40)
    os.chdir("deeper" * 40)
time.sleep(600)
"""
MANY = """
import subprocess, sys, time
children = [subprocess.Popen([sys.executable, "-c", "input()"]) for n in range(8)]
time.sleep(600)
"""
MEMORY = "hog = bytearray(b'x') * (300 * 2**20); input()"
ASLEEP = "import time; time.sleep(600)"


def watched(folder, program, limits=LIMITS):
    """Run a program in a folder until its watch ends it; return why."""
    with subprocess.Popen([sys.executable, "-c", program], cwd=folder) as process:
        watch = grading_watch.Watch(process.pid, limits, folder)
        watch.start()
        try:
            process.wait(60)
        finally:
            watch.stop()
            grading_watch.kill(process.pid)
    return watch.reason


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        (FILES, "more than 200 files, or folders that can't be read"),
        (DEEP, "more than 200 files, or folders that can't be read"),
        (MANY, "more than 5 processes"),
        (MEMORY, "more than 200 MiB of memory"),
    ],
    ids=["files", "deep", "many", "memory"],
)
def test_the_watch_ends_what_takes_too_much(tmp_path, program, reason):
    assert watched(tmp_path, program) == reason


@pytest.mark.skipif(os.getuid() == 0 if hasattr(os, "getuid") else True, reason="root reads all")
def test_a_folder_that_can_not_be_read_counts_as_too_many(tmp_path):
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0)
    assert grading_watch._stored(tmp_path, [], 200)[1] > 200
    hidden.chmod(0o700)


def test_no_measure_delays_another(tmp_path, monkeypatch):
    """Where counting files never ends, processes are counted all the same."""
    done = threading.Event()

    def endless(*_):
        done.wait()
        return 0, 0

    monkeypatch.setattr(grading_watch, "_stored", endless)
    timer = threading.Timer(50, done.set)
    timer.start()
    with subprocess.Popen([sys.executable, "-c", MANY], cwd=tmp_path) as process:
        watch = grading_watch.Watch(process.pid, LIMITS, tmp_path)
        watch.start()
        process.wait(60)
        timer.cancel()
        assert not done.is_set()
        done.set()
        watch.stop()
    assert watch.reason == "more than 5 processes"


SHARED = """
import mmap, sys
sys.path.insert(0, {folder!r})
import grading_sandbox
grading_sandbox.refuse_calls()
with open("own", "w+b") as file:
    file.truncate(4096)
    mmap.mmap(file.fileno(), 4096).close()
mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
print("private")
mmap.mmap(-1, 4096)
"""


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or os.uname().machine not in grading_sandbox._MACHINES,
    reason="seccomp is a part of Linux",
)
def test_memory_that_the_watch_would_not_see_is_refused(tmp_path):
    program = SHARED.format(folder=os.path.dirname(grading_sandbox.__file__))
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout == "private\n", done.stderr
    assert "Invalid argument" in done.stderr
