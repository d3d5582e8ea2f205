"""Cells of submissions that attack the grading; see test_grading_hostile.py.

COURSE, PORT and MARK are replaced by the scratch course's folder, the port of a
listening server and a word in command lines that is searched for afterwards.
"""

RIGHT = "def he_std(fan_in):\n    return np.sqrt(2 / fan_in)\n"
WRONG = "\ndef he_std(fan_in):\n    return 12.0\n"


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
    "reply_sum": _reply("'+'.join('1' * 3_000_000)"),
    "exception_huge": "def he_std(fan_in):\n    raise ValueError('x' * 90 * 10**6)",
    "many_files": """
for n in range(10**6):
    open(f"file{n}", "w").close()
""",
    "deep_folders": """
import os, time
for n in range(2000):
    os.mkdir("x" * 90)
    os.chdir("x" * 90)
time.sleep(60)
""",
    "shared_memory": WRONG
    + """
import mmap
hog = mmap.mmap(-1, 3 * 2**30)
hog.write(b"x" * len(hog))
""",
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
print("x" * 10**7)
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
get_ipython().set_next_input("assert 1 + 1 == 2", replace=True)
get_ipython().payload_manager.write_payload({"source": "ask_exit", "keepkernel": False})
""",
}
