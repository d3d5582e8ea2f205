"""Cells of submissions that look for what they should not get; see test_grading_hostile.py.

COURSE, PORT and MARK are replaced as in `grading_hostile_cells`.
"""

import textwrap

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
