"""JupyterHub with nbgrader for one class on one Linux server; see "Scaling up" in the book.

Change a setting here, or set the environment variable of its name with CH11_HUB_ before it.
"""

import os
import re
import shlex
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def setting(name, default, form=".*"):
    """Return the environment's value of a setting, or the one of this file."""
    value = os.environ.get(f"CH11_HUB_{name}", str(default))
    if not re.fullmatch(form, value):
        sys.exit(f"The setting {name} can't be {value!r}: it has the form {form}.")
    return value


# Who: names of Unix accounts. GRADER owns the clone and has the formgrader.
COURSE = setting("COURSE", "ch11")  # course_id of book/assignments/nbgrader_config.py
GRADER = setting("GRADER", "teacher")
TEACHERS = setting("TEACHERS", "").split()  # others who grade, in the grader's server
STUDENTS = Path(setting("STUDENTS", HERE / "students.txt"))  # a file of names

# Where: the clone is the grader's alone; the exchange has the mode 1777.
CLONE = Path(setting("CLONE", f"/home/{GRADER}/course"))
EXCHANGE = Path(setting("EXCHANGE", "/srv/nbgrader/exchange"))
STATE = Path(setting("STATE", "/var/lib/ch11-hub"))

# How: "pam" asks for the Unix password. Only "systemd" enforces the limits of memory;
# "localprocess" only tells them to the server. "simple" is for tests: one Unix user for all.
AUTHENTICATOR = setting("AUTHENTICATOR", "pam")
PASSWORD = setting("PASSWORD", "")  # of everyone, with the authenticator "shared-password"
SPAWNER = setting("SPAWNER", "systemd")
HOMES = setting("HOMES", "")  # with the spawner "simple": the folder of all homes
MEMORY = setting("MEMORY", "2G", r"[\d.]+[MG]")
GRADER_MEMORY = setting("GRADER_MEMORY", "6G", r"[\d.]+[MG]")  # grading: twice 2 GiB
IDLE = setting("IDLE", 3600, r"\d+")  # seconds until an unused kernel or server ends

# Behind a web server with HTTPS, all of it listens on this computer alone.
ADDRESS = setting("ADDRESS", "127.0.0.1")
PORT, HUB_PORT, PROXY_PORT = setting("PORTS", "8000 8081 8001", r"\d+ \d+ \d+").split()
PROXY = setting("PROXY", "configurable-http-proxy")  # the command of the Node package

if not STUDENTS.is_file():
    sys.exit(f"{STUDENTS} is missing: write the user name of each student on a line of it.")
students, teachers = set(STUDENTS.read_text("utf-8").split()), {GRADER, *TEACHERS}
for name in sorted(students | teachers):
    if not re.fullmatch(r"[a-z][a-z0-9.-]*", name):
        sys.exit(f"{name!r} is no user name here: begin with a-z; then a-z, 0-9, dots, hyphens.")
if both := students & teachers:
    sys.exit(f"Nobody may be a student and a teacher: {', '.join(sorted(both))}.")
if SPAWNER == "simple" and ADDRESS != "127.0.0.1":
    sys.exit("The spawner 'simple' runs everyone as one Unix user: use it on 127.0.0.1 only.")
if SPAWNER == "systemd" and not Path("/run/systemd/system").is_dir():
    sys.exit("systemd does not run here: choose the spawner 'localprocess' (no limit of memory).")
if not EXCHANGE.is_dir() or EXCHANGE.stat().st_mode & 0o1777 != 0o1777:
    sys.exit(f"The exchange {EXCHANGE} must be a folder of the mode 1777.")

c = get_config()  # noqa: F821 - JupyterHub defines it
c.JupyterHub.bind_url = f"http://{ADDRESS}:{PORT}"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{HUB_PORT}"
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{PROXY_PORT}"
c.ConfigurableHTTPProxy.command = shlex.split(PROXY)
c.JupyterHub.db_url = f"sqlite:///{STATE / 'jupyterhub.sqlite'}"
c.JupyterHub.cookie_secret_file = str(STATE / "cookie_secret")
c.ConfigurableHTTPProxy.pid_file = str(STATE / "proxy.pid")

# Who is taken from the list can't log in again, although the hub knows the name.
c.JupyterHub.authenticator_class = AUTHENTICATOR
c.SharedPasswordAuthenticator.user_password = PASSWORD or None
c.Authenticator.allowed_users = students | teachers
c.Authenticator.allow_existing_users = False

# nbgrader asks the hub for these groups. Who leaves them here stays in them in the database.
c.JupyterHub.load_groups = {
    f"nbgrader-{COURSE}": {"users": sorted(students)},
    f"formgrade-{COURSE}": {"users": sorted(teachers)},
}
# Teachers may start and use the grader's server; who is no teacher now may not any longer.
scopes = [f"{scope}!user={GRADER}" for scope in ("access:servers", "servers", "read:users:name")]
c.JupyterHub.load_roles = [
    {"name": f"grade-{COURSE}", "users": sorted(teachers), "groups": [], "scopes": scopes}
]

c.JupyterHub.spawner_class = SPAWNER
c.Spawner.start_timeout = c.Spawner.http_timeout = 180  # when a whole class starts at once
c.SimpleLocalProcessSpawner.home_dir_template = f"{HOMES}/{{username}}"
c.SystemdSpawner.isolate_tmp = True
c.SystemdSpawner.disable_user_sudo = True
c.Spawner.cmd = [str(Path(sys.executable).with_name("jupyterhub-singleuser"))]
shared = {
    "JUPYTER_CONFIG_PATH": str(HERE),  # nbgrader_config.py and labconfig beside this file
    "CH11_HUB_COURSE": COURSE,
    "CH11_HUB_EXCHANGE": str(EXCHANGE),
}
of_grader = {
    "JUPYTER_CONFIG_PATH": f"{HERE / 'grader'}:{HERE}",  # with the sidebar "Create Assignment"
    "CH11_HUB_ASSIGNMENTS": str(CLONE / "book" / "assignments"),
    "PYTHONPATH": str(CLONE / "book" / "assignments" / "grading"),  # of grading_pages
}
if SPAWNER == "simple":
    shared["CH11_HUB_ONE_UNIX_USER"] = "yes"


def fit_to_user(spawner):
    """Give the formgrader, the clone and more memory to the grader's server alone."""
    grades = spawner.user.name == GRADER
    spawner.mem_limit = GRADER_MEMORY if grades else MEMORY
    spawner.environment = shared | (of_grader if grades else {})
    # The course's own formgrader runs nothing of a submission.
    enabled = {"nbgrader.server_extensions.course_list": False, "grading_pages": grades}
    enabled["nbgrader.server_extensions.formgrader"] = False
    spawner.args = [
        f"--ServerApp.jpserver_extensions={enabled}",
        f"--ServerApp.shutdown_no_activity_timeout={IDLE}",
        f"--MappingKernelManager.cull_idle_timeout={IDLE}",
    ]


c.Spawner.pre_spawn_hook = fit_to_user
