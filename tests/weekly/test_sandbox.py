"""All tests run as on a small machine: one core, common instructions, 2 GiB, no network."""

import json
import os
import platform
import socket
import sys

import nbformat
import psutil
import pytest
from conftest import PATHS, ROOT
from nbformat.v4 import new_code_cell, new_notebook

ELSEWHERE = "192.0.2.1"  # an address for documentation (RFC 5737): nobody's
CALLS = {
    "connect": f"socket.socket().connect(('{ELSEWHERE}', 9))",
    "connect_ex": f"socket.socket().connect_ex(('{ELSEWHERE}', 9))",
    "IPv6": "socket.socket(socket.AF_INET6).connect(('2001:db8::1', 9))",
    "datagram": f"socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('{ELSEWHERE}', 9))",
    "name": "socket.getaddrinfo('example.org', 80)",
    "old question": "socket.gethostbyname('example.org')",
    "urllib": "__import__('urllib.request').request.urlopen('http://example.org')",
    "keras": "__import__('keras').datasets.cifar10.load_data()",
}


@pytest.mark.parametrize("call", ["connect", "name", "urllib"])
def test_the_tests_themselves_are_offline(call):
    with pytest.raises(OSError, match="have no network"):
        exec(CALLS[call], {"socket": socket})


@pytest.mark.parametrize("call", CALLS)
def test_processes_of_the_tests_are_offline(run_python, tmp_path, call):
    home = {"KERAS_HOME": str(tmp_path), "TF_CPP_MIN_LOG_LEVEL": "3"}
    result = run_python("-c", f"import socket; {CALLS[call]}", **home)
    assert "have no network" in result.stderr, result
    assert result.returncode == 1


def test_this_machine_can_be_reached(run_python):
    code = (
        "import socket; s = socket.create_server(('127.0.0.1', 0)); "
        "socket.create_connection(('localhost', s.getsockname()[1])); print('reached')"
    )
    assert run_python("-c", code).stdout == "reached\n"


linux = pytest.mark.skipif(sys.platform != "linux", reason="a process chooses its core on Linux")
SHOW = "import os; {}; print(len(os.sched_getaffinity(0)))"


@linux
def test_a_worker_and_all_it_starts_have_one_core(run_python):
    paths = os.pathsep.join(PATHS)
    alone = "import sandbox; sandbox.pin_worker()"
    for worker in ("gw0", "gw1", "gw7"):
        environment = {"PYTHONPATH": paths, "PYTEST_XDIST_WORKER": worker}
        assert run_python("-c", SHOW.format(alone), **environment).stdout == "1\n"


x86 = pytest.mark.skipif(
    platform.machine().lower() not in ("x86_64", "amd64"), reason="AVX2 is an instruction of x86"
)
NUMPY = """
import numpy, scipy.linalg, threadpoolctl
found = {one["architecture"] for one in threadpoolctl.threadpool_info()}
print(found, numpy._core._multiarray_umath.__cpu_features__["X86_V4"])
"""


@x86
def test_numpy_and_scipy_use_the_common_instructions(run_python):
    assert run_python("-c", NUMPY).stdout == "{'Haswell'} False\n"


@x86
def test_tensorflow_uses_the_common_instructions(run_python):
    code = "import tensorflow as tf; a = tf.ones((64, 64)); print((a @ a)[0, 0])"
    printed = run_python("-c", code, ONEDNN_VERBOSE="1").stdout
    assert "info,cpu,isa:Intel AVX2\n" in printed


@x86
def test_a_choice_of_the_user_stays(run_python):
    code = (
        "import determinism, os; os.environ['ONEDNN_MAX_CPU_ISA'] = 'SSE41'; "
        "determinism.pin_instruction_set(); print(os.environ['ONEDNN_MAX_CPU_ISA'])"
    )
    assert run_python("-c", code, PYTHONPATH=str(ROOT / "book" / "tools")).stdout == "SSE41\n"


EXECUTE = """
import os, pathlib, sys
os.sched_setaffinity(0, range(os.cpu_count()))
import notebooks
notebooks.ROOT = pathlib.Path(sys.argv.pop(1))
notebooks.main()
assert len(os.sched_getaffinity(0)) == os.cpu_count(), "the process itself keeps its cores"
"""


@linux
def test_each_notebook_in_execution_has_one_core_of_its_own(run_python, tmp_path):
    (tmp_path / "book").mkdir()
    source = "import os, time; time.sleep(2); print(sorted(os.sched_getaffinity(0)))"
    paths = [tmp_path / "book" / f"{name}.ipynb" for name in ("a", "b")]
    for path in paths:
        nbformat.write(new_notebook(cells=[new_code_cell(source)]), path)
    arguments = ["-c", EXECUTE, str(tmp_path), "a", "b", "--jobs", "2"]
    result = run_python(*arguments, PYTHONPATH=str(ROOT / "book" / "tools"))
    assert result.returncode == 0, result.stderr
    used = [json.loads(nbformat.read(path, 4).cells[0].outputs[0].text) for path in paths]
    assert [len(cores) for cores in used] == [1, 1]
    assert used[0] != used[1] or os.cpu_count() == 1


@pytest.mark.skipif(not hasattr(psutil, "RLIMIT_DATA"), reason="memory is bounded on Linux only")
def test_a_process_has_two_gibibytes_and_no_more(run_python):
    code = (
        "import os, sandbox; sandbox.bound_memory(os.getpid()); "
        "kept = bytearray(3 * 2**29); print('small'); bytearray(2 * 2**30)"
    )
    result = run_python("-c", code, PYTHONPATH=os.pathsep.join(PATHS))
    assert result.stdout == "small\n"
    assert "MemoryError" in result.stderr
