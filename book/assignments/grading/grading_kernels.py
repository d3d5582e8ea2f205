"""Kernels that run a submission: bounded in time, memory, output and processes."""

import contextlib
import importlib.util
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import nbformat
from grading_calls import small_context
from grading_watch import Watch, kill, register_child, starting
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager
from nbformat.v4 import new_output, output_from_msg

HERE = Path(__file__).resolve().parent
_SPEC = importlib.util.find_spec("ch11lib")
assert _SPEC is not None and _SPEC.origin is not None, "ch11lib is not installed"
PACKAGE = Path(_SPEC.origin).resolve().parent
#: What a submission may read: Python, the system's libraries and the package.
READABLE = (
    *(sys.prefix, sys.base_prefix, sys.exec_prefix, str(PACKAGE)),
    *("/usr", "/lib", "/lib64", "/bin", "/sys"),
    *(f"/proc/{name}" for name in ("self", "cpuinfo", "meminfo", "stat", "sys", "filesystems")),
    *(f"/dev/{name}" for name in ("null", "random", "urandom")),
    *(f"/etc/{name}" for name in ("alternatives", "fonts", "ssl", "ld.so.cache", "localtime")),
    *(f"/etc/{name}" for name in ("passwd", "group", "hosts", "nsswitch.conf", "mime.types")),
)
#: Run in each kernel first. `exit()` in a cell then ends nothing. A shell line runs without a
#: terminal, since the sandbox has none to give.
PREPARE = """
def _ch11_prepare(shell):
    import subprocess

    def system(command):
        done = subprocess.run(
            shell.var_expand(command, depth=1), shell=True, text=True, errors="replace",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        print(done.stdout, end="")
        shell.user_ns["_exit_code"] = done.returncode

    shell.system, shell.ask_exit = system, lambda: None

_ch11_prepare(get_ipython())
del _ch11_prepare
"""
PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "SYSTEMROOT")


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
        try:
            self.start()
        except BaseException:  # also a signal: nothing stays behind
            if self.__dict__.get("manager") and self.manager.has_kernel:
                self.manager.shutdown_kernel(now=True)
            self._remove_folder()
            raise

    def start(self) -> None:
        """Start the kernel's process."""
        work = self.folder / "work"
        remove(work)
        work.mkdir(exist_ok=True)
        environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        environment |= {name: str(work) for name in ("HOME", "TMPDIR", "MPLCONFIGDIR")}
        environment |= {"IPYTHONDIR": str(work / ".ipython"), "KERAS_HOME": str(work / ".keras")}
        environment |= {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}
        environment |= {"PYTHONDONTWRITEBYTECODE": "1", "JUPYTER_RUNTIME_DIR": str(work)}
        # There is no network: pip says so at once, and is content with what is installed.
        environment |= {"PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        if self.trusted:
            environment["PYTHONPATH"] = str(HERE)
        self.manager = KernelManager(
            context=small_context(),
            kernel_name="graded",
            kernel_spec_manager=KernelSpecManager(
                kernel_dirs=[self._kernel_spec(work)], ensure_native_kernel=False
            ),
            connection_file=str(self.folder / "connection.json"),
        )
        nowhere = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with starting:
            self.manager.start_kernel(cwd=str(work), env=environment, **nowhere)
            self.pid = int(self.manager.provisioner.pid)  # type: ignore[union-attr]
            register_child(self.pid)
        if not self.trusted:
            self.watch = Watch(self.pid, self.limits, work)
            self.watch.start()
        self.client = self.manager.client()
        self.client.start_channels()

    def wait(self, tries: int = 3) -> None:
        """Wait until the kernel can be used.

        A kernel that dies before its first cell is started again: another process may
        have taken one of the ports that were free when Jupyter chose them.
        """
        for left in reversed(range(tries)):
            try:
                self.client.wait_for_ready(timeout=60)
                break
            except RuntimeError:
                if not left:
                    raise
                self.stop()
                self.start()
        self.client.execute(PREPARE, silent=True)

    def _kernel_spec(self, work: Path) -> str:
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        command += ["--HistoryManager.enabled=False", "--IPKernelApp.capture_fd_output=False"]
        readable = [*READABLE, str(self.folder / "connection.json")]
        settings = {
            "data": 2 * self.limits["memory"],
            "file": 64 * 2**20,
            "cpu": self.limits["cpu"],
            "connects": self.trusted,
            "readable": [*readable, str(HERE)] if self.trusted else readable,
            "writable": [str(work), "/dev/null"],
        }
        sandbox = [sys.executable, "-I", str(HERE / "grading_sandbox.py"), json.dumps(settings)]
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
            self.interrupt()
        return outputs

    def reason(self) -> str:
        """Return why the kernel is not alive."""
        reason = self.watch.reason if self.watch else ""
        return f"it used {reason}" if reason else "the submission ended its own process"

    def interrupt(self, wait: float = 3) -> bool:
        """Interrupt what runs; kill what can't be interrupted. Return whether it lives."""
        self.manager.interrupt_kernel()
        if self.is_idle(wait):
            return True
        kill(self.pid)
        return False

    def is_idle(self, wait: float) -> bool:
        """Return whether the kernel answers within `wait` seconds."""
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

    def restart(self) -> None:
        """Begin anew in the same folder."""
        self.stop()
        self.start()
        self.wait()

    def close(self) -> None:
        """Stop and remove the folder."""
        self.stop()
        self._remove_folder()

    def _remove_folder(self) -> None:
        remove(self.folder)
        self._folder.cleanup()


def remove(folder: Path) -> None:
    """Remove a folder, however deep; Python's own way ends at a thousand levels."""
    if shutil.which("rm"):
        subprocess.run(["rm", "-rf", "--", folder], stderr=subprocess.DEVNULL, check=False)
    else:
        shutil.rmtree(folder, ignore_errors=True)


def _append(outputs: list[Any], output: Any) -> None:
    last = outputs[-1] if outputs else None
    if last and output.output_type == "stream" == last.output_type and output.name == last.name:
        last.text += output.text
    else:
        outputs.append(output)


def error_output(name: str, text: str) -> nbformat.NotebookNode:
    """Return an output that says what went wrong, as a traceback would."""
    return new_output("error", ename=name, evalue=text, traceback=[f"{name}: {text}"])
