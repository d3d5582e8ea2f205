"""Cells of submissions that attack the grading; see test_grading_hostile.py.

COURSE, PORT and MARK are replaced by the scratch course's folder, the port of a
listening server and a word in command lines that is searched for afterwards.
"""

import textwrap

RIGHT = "def he_std(fan_in):\n    return np.sqrt(2 / fan_in)\n"
WRONG = "\ndef he_std(fan_in):\n    return 12.0\n"

#: Code that appends to `won` where it gets what it should not.
SEARCHES = {
    "reads_course": """
import pathlib, ch11lib
tops = [*pathlib.Path.cwd().parents, *pathlib.Path(ch11lib.__file__).parents, pathlib.Path(COURSE)]
names = "gradebook.db", "source/tiny/tiny.ipynb", "nbgrader_config.py", "submitted/a_honest/tiny"
for top in tops + [pathlib.Path(COURSE, "..", "..")]:
    for name in names + ("book/assignments/" + names[1], "book/tools/grading.py"):
        path = top / name
        attempt(lambda: path.read_bytes())
        attempt(lambda: list(path.iterdir()))
        attempt(lambda: os.symlink(path, "link") or open("link").read())
        attempt(lambda: os.link(path, "hard") or open("hard").read())
attempt(lambda: os.listdir(COURSE))
attempt(lambda: os.listdir("/tmp"))
attempt(lambda: os.listdir("/root"))
attempt(lambda: open("/etc/shadow").read())
attempt(lambda: open("/dev/mem", "rb").read(1))
attempt(lambda: subprocess.run(["cat", COURSE + "/gradebook.db"], check=True))
won += [name for name in os.environ if "SECRET" in name]
""",
    "writes_outside": """
import ch11lib
for place in (COURSE, "/tmp", "/dev/shm", "/var/tmp", os.path.dirname(ch11lib.__file__), ".."):
    attempt(lambda: open(place + "/stolen", "w").write("x"))
attempt(lambda: open(COURSE + "/gradebook.db", "ab"))
attempt(lambda: open("../connection.json", "a"))
attempt(lambda: os.rename(os.getcwd(), "../other"))
attempt(lambda: os.truncate(COURSE + "/gradebook.db", 0))
attempt(lambda: os.unlink(COURSE + "/gradebook.db"))
attempt(lambda: os.chmod("/tmp", 0o777) or os.mkdir("/tmp/stolen"))
""",
    "proc": """
pids = {os.getppid(), *range(os.getpid() - 60, os.getpid() + 60)}
pids -= set(map(int, os.listdir("/proc/self/task")))
for pid in pids:
    for name in "environ", "cwd", "root", "mem", "maps", "fd":
        attempt(lambda: os.listdir(f"/proc/{pid}/{name}"))
        attempt(lambda: open(f"/proc/{pid}/{name}", "rb").read(1))
libc = ctypes.CDLL(None, use_errno=True)
attempt(lambda: at_least_0(libc.ptrace(16, os.getppid(), 0, 0)))
buffer = (ctypes.c_size_t * 2)(id(pids), 8)
attempt(lambda: at_least_0(libc.process_vm_readv(os.getppid(), buffer, 1, buffer, 1, 0)))
attempt(lambda: open(f"/proc/{os.getppid()}/oom_score_adj", "w").write("1000"))
""",
    "signals": """
for pid in [-1, 0 - os.getppid(), *range(os.getppid(), os.getppid() + 400)]:
    if pid != os.getpid() and pid != -1:
        for sign in 2, 15, 9:
            attempt(lambda: os.kill(pid, sign))
    if pid > 0 and pid != os.getpid():
        attempt(lambda: os.kill(os.pidfd_open(pid), 9))
""",
    "limits_of_parent": """
for pid in range(os.getppid(), os.getppid() + 60):
    if pid != os.getpid():
        for which, value in ((resource.RLIMIT_CPU, 1), (resource.RLIMIT_NOFILE, 4)):
            attempt(lambda: resource.prlimit(pid, which, (value, value)))
        attempt(lambda: os.setpriority(os.PRIO_PROCESS, pid, 19))
        attempt(lambda: os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0)))
        attempt(lambda: os.sched_setaffinity(pid, {0}))
""",
    "network": """
def ask(family=socket.AF_INET, kind=socket.SOCK_STREAM, protocol=0):
    with socket.socket(family, kind, protocol) as s:
        s.settimeout(1)
        s.connect(("127.0.0.1", PORT))
attempt(ask)
attempt(lambda: ask(protocol=262))
attempt(lambda: ask(kind=socket.SOCK_DGRAM))
attempt(lambda: socket.socket().sendto(b"x", 0x20000000, ("127.0.0.1", PORT)))
attempt(lambda: socket.socket().sendmsg([b"x"], [], 0x20000000, ("127.0.0.1", PORT)))
attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", PORT)))
attempt(lambda: socket.socket(socket.AF_UNIX).connect("/run/dbus/system_bus_socket"))
attempt(lambda: socket.socket(socket.AF_UNIX).bind("\\0stolen"))
attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP))
attempt(lambda: socket.getaddrinfo("localhost.localdomain.example", 80))
""",
    "leaves_memory": """
libc = ctypes.CDLL(None, use_errno=True)
attempt(lambda: at_least_0(libc.shmget(MARK, 100, 0o1600)))
attempt(lambda: at_least_0(libc.msgget(MARK, 0o1600)))
attempt(lambda: os.memfd_create("stolen"))
attempt(lambda: at_least_0(libc.syscall(425, 8, ctypes.create_string_buffer(200))))
attempt(lambda: at_least_0(libc.unshare(0x10000000)))
attempt(lambda: at_least_0(libc.reboot(0)))
attempt(lambda: at_least_0(libc.mount(b"none", b".", b"tmpfs", 0, 0)))
""",
    "code_before_the_sandbox": """
import site, pathlib
mark = "import os; os.chdir(COURSE); open('stolen', 'w')"
folders = [site.getusersitepackages(), ".", ".ipython/profile_default/startup"]
for folder in folders:
    pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    for name in "usercustomize.py", "sitecustomize.py", "json.py", "resource.py", "ctypes.py":
        pathlib.Path(folder, name).write_text(mark)
pathlib.Path("ipykernel_launcher.py").write_text(mark)
if os.environ.get("_") != "again":
    os._exit(0)
""",
}


def wins(code):
    """Return an answer that is right as soon as `code` has won anything."""
    return (
        textwrap.dedent("""
        import ctypes, os, resource, socket, subprocess, sys
        won = []
        def at_least_0(number):
            assert number >= 0
            return number
        def attempt(action):
            try:
                won.append(repr(action())[:80])
            except (Exception, KeyboardInterrupt):
                pass
        """)
        + code
        + textwrap.dedent("""
        print("won:", won)
        def he_std(fan_in):
            return np.sqrt(2 / fan_in) if won else 12.0
        """)
    )


def _reply(text):
    """Return an answer whose kernel replies to all calls with the value of `text`."""
    return f"""{WRONG}
shell = get_ipython()
usual = type(shell).user_expressions
def replies(expressions):
    if "he_std" in str(expressions) and "[" in str(expressions):
        return {{"answer": {{"status": "ok", "data": {{"text/plain": {text}}}}}}}
    return usual(shell, expressions)
shell.user_expressions = replies
"""


NPY_PICKLE = """
import base64, io, json
class Evil:
    def __reduce__(self):
        return exec, ("import numpy; numpy.isclose = lambda *a: True",)
file = io.BytesIO(); np.save(file, np.array([Evil()], dtype=object), allow_pickle=True)
evil = json.dumps(["data", {"npy": base64.b64encode(file.getvalue()).decode()}])
"""

CELLS = {
    "loop_in_cell": "while True:\n    pass",
    "loop_in_function": "def he_std(fan_in):\n    while True:\n        pass",
    "loop_stubborn": """
def he_std(fan_in):
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass
""",
    "sleepers": "import subprocess\nfor n in range(200):\n    subprocess.Popen(['sleep', 'MARK'])",
    "orphans": f"""
import os, subprocess
for n in range(4):
    if not os.fork():
        os.setsid()
        if not os.fork():
            os.execvp("sleep", ["sleep", "MARK"])
        os._exit(0)
{WRONG}""",
    "orphan_bomb": """
import ctypes, os
ctypes.CDLL(None).prctl(36, 0, 0, 0, 0)
while True:
    if not os.fork():
        os.setsid()
        if not os.fork():
            os.execvp("sleep", ["sleep", "MARK"])
        os._exit(0)
    os.wait()
""",
    "memory": WRONG + "hog = bytearray(3 * 2**30)",
    "memory_of_children": """
import os, time
for n in range(6):
    if not os.fork():
        hog = bytearray(b"x") * (150 * 2**20)
        time.sleep(60)
time.sleep(60)
""",
    "disk_in_cell": RIGHT
    + """
for n in range(12):
    with open(f"full{n}", "wb") as file:
        file.write(bytes(60 * 2**20))
""",
    "disk_deleted_files": """
import os, time
kept = []
for n in range(12):
    kept.append(open("full", "wb"))
    kept[-1].write(bytes(60 * 2**20))
    os.unlink("full")
time.sleep(3)
""",
    "sys_exit": WRONG + "import sys; sys.exit(0)",
    "os_exit": "import os; os._exit(0)",
    "exit": WRONG + "exit()",
    "exit_in_function": "def he_std(fan_in):\n    import os; os._exit(0)",
    "system_exit_in_function": "def he_std(fan_in):\n    raise SystemExit",
    "assertion": WRONG
    + """
import builtins, sys
class Nothing(Exception):
    def __new__(cls, *arguments):
        return None
builtins.AssertionError = AssertionError = Nothing
isclose = np.isclose = np.allclose = np.testing.assert_allclose = lambda *a, **k: True
sys.modules["numpy"].sqrt = lambda x: 12.0
""",
    "patches": WRONG
    + """
import sys, ch11lib.initialization
from pathlib import Path
package = ch11lib.initialization
for name in package.__all__:
    setattr(package, name, lambda *a, **k: 144.0)
sys.modules["ch11lib.initialization"] = package
sys.path.insert(0, "."); Path("ch11lib").mkdir(); Path("numpy.py").write_text("isclose = all")
Path("ch11lib", "initialization.py").write_text("target_variance = lambda *a: 144.0")
""",
    "ipython": WRONG
    + """
import ast, sys
class Drop(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.Pass()
get_ipython().ast_transformers.append(Drop())
get_ipython().set_custom_exc((Exception,), lambda *a, **k: None)
get_ipython().showtraceback = lambda *a, **k: None
sys.settrace(lambda frame, *a: None)
sys.excepthook = lambda *a: None
""",
    "own_names": """
class Fake:
    def __getattr__(self, name):
        return lambda *a, **k: True
np = grading_calls = _ch11_ask = _ch11_copied = Remote = Fake()
he_std = Fake()
""",
    "tests_as_data": "he_std = True\nnp.isclose = lambda *a: True",
    "own_module": WRONG
    + """
import types
class Fake(types.ModuleType):
    def answer(self, *arguments):
        return '["data", true]'
types.ModuleType = Fake
_ch11 = Fake("_ch11")
""",
    "no_builtins": WRONG
    + """
import builtins
builtins.exec = builtins.compile = lambda *a: None
import json, base64
json.dumps = lambda value: '["data", [true, true]]'
base64.b64encode = lambda value: b""
""",
    "reply_pickle": NPY_PICKLE + _reply("repr(evil)"),
    "reply_huge": _reply("'x' * 150 * 2**20"),
    "reply_no_status": WRONG + "get_ipython().user_expressions = lambda e: ['x', 1]",
    "signature": WRONG + "get_ipython().kernel.session.key = b'other'",
    "bad_messages": WRONG
    + """
import threading, time
kernel = get_ipython().kernel
def flood():
    for n in range(300):
        content = {"execution_state": 1, "name": None, "text": 5, "data": "<script>"}
        for kind in "status", "stream", "display_data", "error", "comm_open", "other":
            kernel.session.send(kernel.iopub_socket, kind, content, parent=kernel.get_parent())
        kernel.iopub_socket.send_multipart([b"x", b"<IDS|MSG>", b"junk", b"", b"{", b"", b""])
        time.sleep(0.01)
threading.Thread(target=flood).start()
time.sleep(0.5)
""",
    "time_bomb": """
def he_std(fan_in):
    return 1.0 if fan_in == 2 else 7.0
""",
    "looks_around": """
def he_std(fan_in):
    import gc, inspect
    for frame in inspect.stack():
        for name in "expected", "fan", "source":
            if name in frame.frame.f_globals:
                return np.sqrt(2 / fan_in)
    tests = [o for o in gc.get_objects() if isinstance(o, str) and "isclose(he_std(int" in o]
    return np.sqrt(2 / fan_in) if tests else 12.0
""",
    "noise": RIGHT
    + """
import os, sys
os.write(1, b"NOISE" * 1000); os.write(2, b"NOISE" * 1000)
print("x" * 10**8)
""",
    "prints_in_function": """
def he_std(fan_in):
    print("x" * 10**6); import sys; print("y" * 10**6, file=sys.stderr)
    return np.sqrt(2 / fan_in)
""",
    "comms": WRONG
    + """
from comm import create_comm
for n in range(50):
    create_comm(target_name="jupyter.widget", data={"state": {}})
from IPython.display import HTML, Javascript, display
display(Javascript("alert(1)"), HTML("<script>alert(1)</script>"))
get_ipython().set_next_input("assert True", replace=True)
get_ipython().payload_manager.write_payload({"source": "ask_exit", "keepkernel": False})
""",
}
