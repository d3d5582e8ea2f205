"""What a submission's processes use, and the end of those that use too much."""

import contextlib
import ctypes
import os
import signal
import stat
import sys
import threading
from pathlib import Path

import psutil

#: Children of this process that are not a submission's; None: it adopts no orphans.
_children: set[psutil.Process] | None = None
#: Held while a kernel starts, so that none takes it for an orphan before it is known.
starting = threading.Lock()


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
    tree = _orphans()
    with contextlib.suppress(psutil.NoSuchProcess):
        tree.append(psutil.Process(pid))
    for process in tree[:]:
        try:
            tree += process.children(recursive=True)
        except psutil.NoSuchProcess:
            continue
    return tree


def _orphans() -> list[psutil.Process]:
    with starting:
        if _children is None:
            return []
        return [child for child in psutil.Process().children() if child not in _children]


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


def register_child(pid: int) -> None:
    """Remember that a child of this process is not an orphan of a submission."""
    if _children is not None:
        _children.add(psutil.Process(pid))


def adopt_orphans() -> None:
    """Become the parent of processes whose parent ended, to find them later."""
    global _children
    _children = {*(_children or ()), *psutil.Process().children()}
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
