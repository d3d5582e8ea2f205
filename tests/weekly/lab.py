"""A real JupyterLab server, driven by Chromium: what a runner on Binder has before them."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import nbformat
import psutil
import runner

VIEW = "application/vnd.jupyter.widget-view+json"
SETTINGS = {
    # All cells are on the page, also those out of sight.
    "@jupyterlab/notebook-extension/tracker.jupyterlab-settings": {"windowingMode": "none"},
    "@jupyterlab/apputils-extension/notification.jupyterlab-settings": {"fetchNews": "false"},
}
OPTIONS = [
    "--no-browser",
    "--allow-root",
    "--ip=127.0.0.1",
    "--IdentityProvider.token=",
    "--ServerApp.port_retries=0",
    "--ServerApp.disable_check_xsrf=True",  # the tests end kernels by the API
    "--LabApp.news_url=None",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
]


@contextlib.contextmanager
def serve(folder, home):
    """Start JupyterLab on a folder; yield its address and its process.

    Its kernels are as `make` prepares them.
    """
    profile = home / "ipython" / "profile_default"
    profile.mkdir(parents=True)
    (profile / "ipython_kernel_config.py").write_text(runner.CONFIG)
    for name, values in SETTINGS.items():
        path = home / "settings" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "HOME": str(home),
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
    }
    for name in ("PYTEST_CURRENT_TEST", "TQDM_DISABLE"):  # with progress bars, as a runner has it
        environment.pop(name, None)
    log = home / "lab.log"
    with log.open("w") as file:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", f"--port={port}", *OPTIONS],
            cwd=folder,
            env=environment,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(f"{url}/api/status", timeout=2)
                break
            except OSError:
                assert server.poll() is None, log.read_text()
                time.sleep(0.5)
        yield url, psutil.Process(server.pid)
    finally:
        server.terminate()
        server.wait(20)


class Memory(threading.Thread):
    """Watch what a process and its children hold together, shared pages counted once."""

    def __init__(self, process):
        super().__init__(daemon=True)
        self.process, self.peak, self.done = process, 0, threading.Event()

    def run(self):
        while not self.done.wait(1):
            with contextlib.suppress(psutil.Error):
                family = [self.process, *self.process.children(recursive=True)]
                held = sum(_held(one) for one in family)
                self.peak = max(self.peak, held)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *error):
        self.done.set()
        self.join()


def _held(process):
    try:
        usage = process.memory_full_info()
    except psutil.Error:
        return 0
    return getattr(usage, "pss", usage.uss)


class Notebook:
    """A notebook that is open in JupyterLab.

    It waits in the browser's way: requests that a test watches stand still while Python sleeps.
    """

    def __init__(self, page, url, path):
        self.page, self.url, self.path = page, url, path
        page.goto(f"{url}/lab/tree/{path.name}?reset")
        page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=60_000)
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)

    def kernel(self):
        """Return the state of the only kernel: "idle" or "busy"."""
        with urllib.request.urlopen(f"{self.url}/api/kernels", timeout=10) as answer:
            (kernel,) = json.load(answer)
        return kernel["execution_state"]

    def run_all(self, seconds):
        """Choose *Run All Cells* in the menu and wait for the last one; return the saved cells."""
        self._choose("Run", "Run All Cells")
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            quiet = 0
            while quiet < 3 and time.monotonic() < end:
                self.page.wait_for_timeout(1000)
                quiet = quiet + 1 if self.kernel() == "idle" else 0
            if not self.page.locator(".jp-InputPrompt", has_text="*").count():
                return self.save()
        raise TimeoutError(f"{self.path.name} was not finished after {seconds} s")

    def _choose(self, menu, item):
        self.page.get_by_role("menuitem", name=menu, exact=True).click()
        self.page.locator(f".lm-Menu-item:has-text('{item}')").first.click()

    def save(self):
        """Save as a user does, and return the code cells as they are on disk."""
        before = self.path.stat().st_mtime_ns
        self._choose("File", "Save Notebook")
        for _ in range(300):
            if self.path.stat().st_mtime_ns != before:
                break
            self.page.wait_for_timeout(100)
        else:
            raise TimeoutError(f"{self.path.name} was not saved")
        self.page.wait_for_timeout(500)  # until the file is whole
        notebook = nbformat.read(self.path, as_version=4)
        return [cell for cell in notebook.cells if cell.cell_type == "code"]

    def explorers(self):
        """Return the live explorers on the page."""
        return self.page.locator(".jp-OutputArea-output .jupyter-widgets.widget-vbox:has(img)")

    def move(self, explorer):
        """Move the first control of an explorer; return its picture's sentence before and after."""
        image = explorer.locator("img").first
        image.scroll_into_view_if_needed()
        first = image.get_attribute("alt")
        handle = explorer.locator(".noUi-handle").first
        if handle.count():
            handle.focus()
            moves = [lambda: self.page.keyboard.press("ArrowRight")]
            moves += [lambda: self.page.keyboard.press("ArrowLeft")] * 2  # from the last value
        else:
            moves = [explorer.locator("button:not(.mod-active)").first.click]
        for move in moves:
            move()
            for _ in range(100):
                assert not explorer.locator("[role=alert]").count(), explorer.inner_text()
                if image.get_attribute("alt") != first:
                    return first, image.get_attribute("alt")
                self.page.wait_for_timeout(100)
        return first, first


def errors(cells):
    """Return the names of what went wrong in saved cells."""
    return [
        f"{output.ename}: {output.evalue}"
        for cell in cells
        for output in cell.outputs
        if output.output_type == "error"
    ]


def notes(cells):
    """Return what stands on stderr below saved cells."""
    return [out.text for cell in cells for out in cell.outputs if out.get("name") == "stderr"]


def views(cells):
    """Return how many outputs of saved cells are live explorers."""
    return sum(VIEW in output.get("data", {}) for cell in cells for output in cell.outputs)


def end_kernels(url):
    """Shut down all kernels of a server."""
    with urllib.request.urlopen(f"{url}/api/sessions", timeout=10) as answer:
        sessions = json.load(answer)
    for session in sessions:
        request = urllib.request.Request(f"{url}/api/sessions/{session['id']}", method="DELETE")
        urllib.request.urlopen(request, timeout=30)
