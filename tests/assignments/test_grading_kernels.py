"""The kernels of the grading start, also at the second try."""

import os
import signal
import subprocess
import sys

import grading
import grading_kernels
import pytest

LIMITS = {"memory": 2**31, "processes": 40, "cpu": 60}


@pytest.fixture(params=[False, True], ids=["submission", "tests"])
def kernel(request):
    made = grading_kernels.Kernel(LIMITS, trusted=request.param)
    yield made
    made.close()


def test_a_kernel_that_dies_at_its_start_is_started_again(kernel):
    first = kernel.pid
    os.kill(first, signal.SIGKILL)
    kernel.wait()
    assert kernel.pid != first
    assert kernel.run("print(6 * 7)", 30)[0].text == "42\n"


def test_a_kernel_that_never_starts_is_an_error(kernel):
    os.kill(kernel.pid, signal.SIGKILL)
    with pytest.raises(RuntimeError, match="Kernel died"):
        kernel.wait(tries=1)


def test_a_kernel_ends_no_process_of_the_one_that_uses_it():
    """Only `adopt_orphans` makes its caller's other children a submission's."""
    command = [sys.executable, "-c", "input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as neighbour:
        grading_kernels.Kernel(LIMITS).close()
        assert neighbour.poll() is None
        neighbour.communicate(b"\n")
    assert neighbour.returncode == 0


def test_a_folder_is_removed_however_deep(tmp_path):
    folder = tmp_path / "deep"
    folder.mkdir()
    program = "import os\nfor n in range(1500):\n    os.mkdir('x' * 90); os.chdir('x' * 90)"
    subprocess.run([sys.executable, "-c", program], cwd=folder, check=True)
    grading_kernels.remove(folder)
    assert not folder.exists()


class Hanging:
    """A kernel that is ended in its first cell, as one that hangs is."""

    def __init__(self):
        self.alive, self.ran = True, []

    def run(self, source, timeout):
        self.ran.append(source)
        self.alive = source != "hang"
        return []

    def restart(self):
        self.alive = True
        self.ran.append("restart")


def test_a_kernel_of_tests_that_hung_is_started_again(monkeypatch):
    step = grading.ExecuteApart()
    step.trusted, step.given = Hanging(), ["import numpy as np"]
    monkeypatch.setattr(step, "_connect", lambda: step.trusted.ran.append("connect"))
    step._ask_trusted("hang")
    step._ask_trusted("next test")
    expected = ["hang", "restart", "connect", "import numpy as np", "next test"]
    assert step.trusted.ran == expected
