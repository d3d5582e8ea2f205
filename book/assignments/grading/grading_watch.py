"""What a submission's processes use, and the end of those that use too much."""

import contextlib
import ctypes
import os
import signal
import stat
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import psutil

#: Children of this process that are not a submission's; None: it adopts no orphans.
_children: set[psutil.Process] | None = None
#: Held while a kernel starts, so that none takes it for an orphan before it is known.
starting = threading.Lock()


class Watch:
    """End a kernel whose processes use too much memory or disk or are too many.

    Disk is measured apart: a submission can make that slow, and nothing else.
    """

    def __init__(self, pid: int, limits: dict[str, float], folder: Path):
        self.pid, self.limits, self.folder = pid, limits, folder
        self.reason = ""
        self._done = threading.Event()
        measures = (self._processes, self._files)
        self._threads = [
            threading.Thread(target=self._look, args=(measure,), daemon=True)
            for measure in measures
        ]

    def start(self) -> None:
        """Look ten times a second."""
        for thread in self._threads:
            thread.start()

    def _look(self, measure: Callable[[], str]) -> None:
        while not self._done.wait(0.1):
            if reason := measure():
                self.reason = self.reason or reason
                self._done.set()
                kill(self.pid)

    def _processes(self) -> str:
        tree, limit = family(self.pid), self.limits["memory"]
        if len(tree) > self.limits["processes"]:
            return f"more than {self.limits['processes']:.0f} processes"
        if sum(map(_resident, tree)) > limit:
            return f"more than {limit / 2**20:.0f} MiB of memory"
        return ""

    def _files(self) -> str:
        limit, most = self.limits["memory"], int(self.limits.get("files", 20_000))
        stored, count = _stored(self.folder, family(self.pid), most)
        if count > most:
            return f"more than {most:,} files, or folders that can't be read"
        if stored > limit:
            return f"more than {limit / 2**20:.0f} MiB in files"
        return ""

    def stop(self) -> None:
        """End the threads."""
        self._done.set()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()


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


def _stored(folder: Path, processes: list[psutil.Process], most: int) -> tuple[int, int]:
    """Return the bytes and the number of all files, also of deleted ones that are open.

    It counts no further than `most`. A folder that hides what it holds, because it is too
    deep or forbidden, counts as too many.
    """
    sizes: dict[tuple[int, int], int] = {}
    count, folders = 0, [str(folder), *(f"/proc/{process.pid}/fd" for process in processes)]
    while folders and count <= most:
        place = folders.pop()
        opened = place.startswith("/proc/")
        try:
            entries = os.scandir(place)
        except (FileNotFoundError, NotADirectoryError, ProcessLookupError):
            continue
        except OSError:
            count += 0 if opened else most + 1
            continue
        with entries, contextlib.suppress(OSError):
            for entry in entries:
                count += not opened
                if count > most:
                    break
                try:
                    status = os.stat(entry.path, follow_symlinks=opened)
                except FileNotFoundError:
                    continue
                except OSError:
                    count += 0 if opened else most + 1
                    continue
                if stat.S_ISDIR(status.st_mode) and not opened:
                    folders.append(entry.path)
                elif stat.S_ISREG(status.st_mode):
                    sizes[status.st_dev, status.st_ino] = 512 * status.st_blocks
    return sum(sizes.values()), count


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
