"""Kernels that run a submission: bounded in time, memory, output and processes."""

import contextlib
import ctypes
import json
import os
import queue
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import nbformat
import psutil
from grading_calls import small_context
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager
from nbformat.v4 import new_output, output_from_msg

TOOLS = Path(__file__).resolve().parent
ROOT = TOOLS.parents[1]
#: What a submission may read: Python, the system's libraries and the package.
READABLE = (
    *(sys.prefix, sys.base_prefix, sys.exec_prefix, str(ROOT / "ch11lib")),
    *("/usr", "/lib", "/lib64", "/bin", "/sys"),
    *(f"/proc/{name}" for name in ("self", "cpuinfo", "meminfo", "stat", "sys", "filesystems")),
    *(f"/dev/{name}" for name in ("null", "zero", "random", "urandom")),
    *(f"/etc/{name}" for name in ("alternatives", "fonts", "ssl", "ld.so.cache", "localtime")),
    *(f"/etc/{name}" for name in ("passwd", "group", "hosts", "nsswitch.conf", "mime.types")),
)
PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "SYSTEMROOT")


#: Children of this process that are not a submission's.
_ours: set[psutil.Process] = set()


class Watch(threading.Thread):
    """End a kernel whose processes use too much memory or disk or are too many."""

    def __init__(self, pid: int, limits: dict[str, float], folder: Path):
        super().__init__(daemon=True)
        self.pid, self.limits, self.folder = pid, limits, folder
        self.reason = ""
        self._done = threading.Event()

    def run(self) -> None:
        """Look ten times a second."""
        limit = self.limits["memory"]
        while not self._done.wait(0.1):
            tree = family(self.pid)
            if len(tree) > self.limits["processes"]:
                self.reason = f"more than {self.limits['processes']:.0f} processes"
            elif sum(map(_resident, tree)) > limit:
                self.reason = f"more than {limit / 2**20:.0f} MiB of memory"
            elif _stored(self.folder, tree) > limit:
                self.reason = f"more than {limit / 2**20:.0f} MiB in files"
            if self.reason:
                kill(self.pid)
                return

    def stop(self) -> None:
        """End the thread."""
        self._done.set()
        self.join()


def family(pid: int) -> list[psutil.Process]:
    """Return a process, all that it started, and orphans that this process adopted."""
    tree = [child for child in psutil.Process().children() if child not in _ours]
    with contextlib.suppress(psutil.NoSuchProcess):
        tree.append(psutil.Process(pid))
    for process in tree[:]:
        try:
            tree += process.children(recursive=True)
        except psutil.NoSuchProcess:
            continue
    return tree


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def _stored(folder: Path, processes: list[psutil.Process]) -> int:
    """Return the bytes of all files below a folder, and of deleted ones still open."""
    sizes: dict[tuple[int, int], int] = {}
    folders = [str(folder), *(f"/proc/{process.pid}/fd" for process in processes)]
    while folders:
        try:
            entries = list(os.scandir(place := folders.pop()))
        except OSError:
            continue
        for entry in entries:
            try:
                status = os.stat(entry.path, follow_symlinks=place.startswith("/proc/"))
            except OSError:
                continue
            if stat.S_ISDIR(status.st_mode) and not place.startswith("/proc/"):
                folders.append(entry.path)
            elif stat.S_ISREG(status.st_mode):
                sizes[status.st_dev, status.st_ino] = 512 * status.st_blocks
    return sum(sizes.values())


def kill(pid: int) -> None:
    """Kill a process and its family: all are stopped first, so that none starts another."""
    for _ in range(100):
        processes = family(pid)
        for sign in (signal.SIGSTOP, signal.SIGKILL):
            for process in processes:
                try:
                    process.send_signal(sign)
                except psutil.Error:
                    continue
        if not psutil.wait_procs(processes, timeout=1)[0]:
            return


def adopt_orphans() -> None:
    """Become the parent of processes whose parent ended, to find them later."""
    _ours.update(psutil.Process().children())
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


class Kernel:
    """A Python kernel in an empty folder of its own.

    Parameters
    ----------
    limits : dict
        ``memory`` (bytes, of all its processes; of all its files), ``processes``,
        ``cpu`` (seconds).
    output : int, optional
        Characters of output that one cell may produce.
    trusted : bool, optional
        Whether it runs tests: it may ask the submission's kernel then.
    """

    def __init__(
        self, limits: dict[str, float], output: int = 1_000_000, trusted: bool = False
    ) -> None:
        self.limits, self.output, self.trusted = limits, output, trusted
        self.watch: Watch | None = None
        self._folder = tempfile.TemporaryDirectory(
            prefix="ch11-grading-", ignore_cleanup_errors=True
        )
        self.folder = Path(self._folder.name).resolve()
        self.start()

    def start(self) -> None:
        """Start the kernel's process."""
        work = self.folder / "work"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(exist_ok=True)
        environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        environment |= {name: str(work) for name in ("HOME", "TMPDIR", "MPLCONFIGDIR")}
        environment |= {"IPYTHONDIR": str(work / ".ipython"), "KERAS_HOME": str(work / ".keras")}
        environment |= {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}
        environment |= {"PYTHONDONTWRITEBYTECODE": "1", "JUPYTER_RUNTIME_DIR": str(work)}
        if self.trusted:
            environment["PYTHONPATH"] = str(TOOLS)
        self.context = small_context()
        self.manager = KernelManager(
            context=self.context,
            kernel_name="graded",
            kernel_spec_manager=KernelSpecManager(
                kernel_dirs=[self._kernel_spec(work)], ensure_native_kernel=False
            ),
            connection_file=str(self.folder / "connection.json"),
        )
        nowhere = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.manager.start_kernel(cwd=str(work), env=environment, **nowhere)
        self.pid = int(self.manager.provisioner.pid)  # type: ignore[union-attr]
        _ours.add(psutil.Process(self.pid))
        if not self.trusted:
            self.watch = Watch(self.pid, self.limits, work)
            self.watch.start()
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def _kernel_spec(self, work: Path) -> str:
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        command += ["--HistoryManager.enabled=False", "--IPKernelApp.capture_fd_output=False"]
        readable = [*READABLE, str(self.folder / "connection.json")]
        settings = {
            "data": 2 * self.limits["memory"],
            "file": 64 * 2**20,
            "cpu": self.limits["cpu"],
            "connects": self.trusted,
            "readable": [*readable, str(TOOLS)] if self.trusted else readable,
            "writable": [str(work), "/dev/null"],
        }
        sandbox = [sys.executable, "-I", str(TOOLS / "grading_sandbox.py"), json.dumps(settings)]
        command = sandbox + command
        folder = self.folder / "kernels"
        (folder / "graded").mkdir(parents=True, exist_ok=True)
        spec = {"argv": command, "display_name": "graded", "language": "python"}
        (folder / "graded" / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
        return str(folder)

    @property
    def alive(self) -> bool:
        """Whether the process is there."""
        return bool(self.manager.is_alive())

    def run(self, code: str, timeout: float) -> list[Any]:
        """Execute `code` and return its outputs; what went wrong is the last of them."""
        with contextlib.suppress(Exception):
            while self.alive and self.client.get_iopub_msg(timeout=0.01):
                pass  # what calls of functions printed
        message = self.client.execute(code, allow_stdin=False)
        outputs: list[Any] = []
        size, deadline, trouble = 0, time.monotonic() + timeout, ""
        while not trouble:
            if time.monotonic() > deadline:
                trouble = f"CellTimeout: the cell took more than {timeout:g} s"
                break
            try:
                reply = self.client.get_iopub_msg(timeout=0.2)
                if reply["parent_header"].get("msg_id") != message:
                    continue
                kind, content = reply["msg_type"], reply["content"]
                if kind == "status" and content["execution_state"] == "idle":
                    return outputs
                if kind in ("stream", "display_data", "execute_result", "error"):
                    size += len(json.dumps(content))
                    if size > self.output:
                        trouble = f"TooMuchOutput: a cell may print {self.output:,} characters"
                    else:
                        _append(outputs, output_from_msg(reply))
            except queue.Empty:
                if not self.alive:
                    trouble = f"KernelDied: {self.reason()}"
            except Exception as error:  # a submission can send anything
                trouble = f"BadMessage: the kernel sent what can't be read ({error!r:.200})"
        outputs.append(error_output(*trouble.split(": ", 1)))
        if self.alive:
            self.calm()
        return outputs

    def reason(self) -> str:
        """Say why the kernel is not alive."""
        reason = self.watch.reason if self.watch else ""
        return f"it used {reason}" if reason else "the submission ended its own process"

    def calm(self, wait: float = 3) -> bool:
        """Interrupt what runs; kill what can't be interrupted. Tell whether it lives."""
        self.manager.interrupt_kernel()
        if self.is_idle(wait):
            return True
        kill(self.pid)
        return False

    def is_idle(self, wait: float) -> bool:
        """Tell whether the kernel answers within `wait` seconds."""
        message = self.client.execute("", silent=True, store_history=False)
        deadline = time.monotonic() + wait
        while time.monotonic() < deadline and self.alive:
            try:
                reply = self.client.get_shell_msg(timeout=0.2)
                if reply["parent_header"].get("msg_id") == message:
                    return True
            except queue.Empty:
                continue
            except Exception:  # a submission can send anything
                return False
        return False

    def stop(self) -> None:
        """End the process and all that it started."""
        if self.watch:
            self.watch.stop()
        self.client.stop_channels()
        kill(self.pid)
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()
        self.context.destroy(linger=0)

    def restart(self) -> None:
        """Begin anew in the same folder."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Stop and remove the folder."""
        self.stop()
        self._folder.cleanup()


def _append(outputs: list[Any], output: Any) -> None:
    last = outputs[-1] if outputs else None
    if last and output.output_type == "stream" == last.output_type and output.name == last.name:
        last.text += output.text
    else:
        outputs.append(output)


def error_output(name: str, text: str) -> nbformat.NotebookNode:
    """Return an output that says what went wrong, as a traceback would."""
    return new_output("error", ename=name, evalue=text, traceback=[f"{name}: {text}"])
