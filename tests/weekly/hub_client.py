"""A hub on this computer, and its people in their browsers: what the tests of the hub share."""

import contextlib
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import requests
from conftest import ROOT
from traitlets.config.loader import PyFileConfigLoader

CONFIG = ROOT / "book" / "hub"
PASSWORD = "a password of the class"


def free_ports(count):
    """Return ports that nobody uses now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def wait_for(what, condition, process, seconds=300):
    """Return the first true value of a condition; fail with its name if none comes."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            raise AssertionError(f"the hub ended before {what}")
        with contextlib.suppress(requests.ConnectionError, requests.Timeout):
            if value := condition():
                return value
        time.sleep(0.5)
    raise AssertionError(f"no {what} after {seconds} s")


def environment(folder, students, **more):
    """Make the folders of a hub for one Unix user; return the settings for it."""
    for name in ("homes", "exchange", "state"):
        (folder / name).mkdir(exist_ok=True)
    (folder / "exchange").chmod(0o1777)
    (folder / "students.txt").write_text("\n".join(students), "utf-8")
    proxy = Path(sys.executable).with_name("configurable-http-proxy")
    settings = {
        "AUTHENTICATOR": "shared-password",
        "PASSWORD": PASSWORD,
        "SPAWNER": "simple",
        "HOMES": folder / "homes",
        "CLONE": folder / "homes" / "teacher" / "course",
        "EXCHANGE": folder / "exchange",
        "STATE": folder / "state",
        "STUDENTS": folder / "students.txt",
        # The proxy in Python; it would break off a request of more than 20 s.
        "PROXY": f"'{proxy}' --proxy-timeout 300000",
        "PORTS": " ".join(map(str, free_ports(3))),
        **more,
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("JUPYTER")}
    return kept | {f"CH11_HUB_{name}": str(value) for name, value in settings.items()}


@contextlib.contextmanager
def running_hub(folder, students, **settings):
    """Start a hub; yield its address and process; end all that it started, show its log."""
    env = environment(folder, students, **settings)
    port = env["CH11_HUB_PORTS"].split()[0]
    log = folder / "hub.log"
    command = [sys.executable, "-m", "jupyterhub", "--config", str(CONFIG / "jupyterhub_config.py")]
    with open(log, "w", encoding="utf-8") as file:
        process = subprocess.Popen(
            command, cwd=folder, env=env, stdout=file, stderr=subprocess.STDOUT
        )
    try:
        url = f"http://127.0.0.1:{port}"
        health = f"{url}/hub/health"
        wait_for("answer of the hub", lambda: requests.get(health, timeout=60).ok, process)
        yield url, process
    finally:
        end(process, folder)
        print(log.read_text("utf-8", errors="replace")[-20000:])  # pytest shows it on failure


def started_for(folder):
    """Return the running processes that a hub of this folder has started, and itself."""
    found = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            variables = process.environ()
            if variables.get("CH11_HUB_EXCHANGE") == str(folder / "exchange"):
                found[process] = variables
    return found


def end(process, folder):
    """End a hub, politely at first, and whatever is left of it, also if it has died."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(15)
    left = [*started_for(folder)]
    for one in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
    psutil.wait_procs(left, 10)
    process.wait(10)


def server_environment(folder, name):
    """Return the environment of the running server of a user."""
    variables = started_for(folder).values()
    return next(mine for mine in variables if mine.get("JUPYTERHUB_USER") == name)


def load(name):
    """Load a configuration file of the hub with the settings of this process."""
    return PyFileConfigLoader(name, path=str(CONFIG)).load_config()


class Person:
    """Someone in a browser, with cookies and the tokens that forged requests lack."""

    def __init__(self, hub, name):
        self.url, self.process = hub
        self.name, self.session = name, requests.Session()

    def token(self, part):
        """Return the token of a part of the site, if it has given one."""
        cookies = self.session.cookies
        return next((c.value for c in cookies if (c.name, c.path) == ("_xsrf", part)), "")

    def request(self, method, path, timeout=300, **arguments):
        """Ask for a path as a page of that part of the site does."""
        part = re.match(r"/hub/|/user/[^/]+/", path)[0]
        headers = {"X-XSRFToken": self.token(part)}
        return self.session.request(
            method, self.url + path, headers=headers, timeout=timeout, **arguments
        )

    def log_in(self, password=PASSWORD):
        """Send the form of the hub; return the answer."""
        self.session.get(f"{self.url}/hub/login", timeout=120)
        form = {"username": self.name, "password": password, "_xsrf": self.token("/hub/")}
        next_page = {"next": "/hub/home"}
        return self.session.post(f"{self.url}/hub/login", data=form, params=next_page, timeout=120)

    def start_server(self, homes):
        """Start this person's server and open it."""
        config = homes / self.name / ".jupyter" / "jupyter_server_config.py"
        config.parent.mkdir(parents=True)
        config.write_text("c.ServerApp.allow_root = True\n", "utf-8")  # if root runs the tests
        path = f"/hub/api/users/{self.name}"
        answer = self.request("POST", f"{path}/server", json={})
        assert answer.status_code in (201, 202), answer.text
        wait_for(
            f"server of {self.name}",
            lambda: self.request("GET", path).json()["servers"].get("", {}).get("ready"),
            self.process,
        )
        answer = self.open(self.name)
        assert answer.ok, answer.text

    def open(self, owner, page="lab"):
        """Open a page of someone's server as a browser does, through the hub's permission."""
        answer = self.session.get(f"{self.url}/user/{owner}/{page}", timeout=120)
        if answer.ok and "/oauth2/authorize" in answer.url:  # "may this server know you?"
            scopes = re.findall(r'name="scopes"[^>]*value="([^"]+)"', answer.text)
            form = {"_xsrf": self.token("/hub/"), "scopes": scopes}
            answer = self.session.post(answer.url, data=form, timeout=120)
        return answer

    def api(self, method, path, owner=None, **arguments):
        """Ask a server, by default one's own; return the answer as data."""
        answer = self.request(method, f"/user/{owner or self.name}/{path}", **arguments)
        assert answer.ok, (path, answer.status_code, answer.text)
        return answer.json()

    def grade(self, path, method="POST"):
        """Press a button of the formgrader; return what it says."""
        said = self.api(method, f"formgrader/api/{path}", "teacher")
        if method == "POST":
            assert said["success"], said
        return said
