"""What all tests run in: a sandbox like a small Binder machine.

Each pytest worker has a core of its own, so that no lesson waits for another one
and none depends on the number of cores; all use the same instructions, so that none
depends on the processor. No process reaches another machine. The kernel of a lesson
gets no more than 2 GiB of memory.
"""

import os
import sys
from pathlib import Path

import determinism
import psutil

OFFLINE = Path(__file__).parent / "offline"
KERNEL_BYTES = 2 * 2**30


def pin_worker():
    """Keep this pytest worker, and all that it starts, on a core of its own."""
    determinism.pin_instruction_set()
    name = os.environ.get("PYTEST_XDIST_WORKER", "")
    if name.startswith("gw"):
        determinism.pin_to_core(int(name[2:]))


def go_offline():
    """Refuse the network here and in every Python that is started from here."""
    paths = [str(OFFLINE), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    os.environ["PYTHONPATH"] = os.pathsep.join(path for path in dict.fromkeys(paths) if path)
    if str(OFFLINE) not in sys.path:
        sys.path.append(str(OFFLINE))
        sys.modules.pop("sitecustomize", None)
        import sitecustomize  # noqa: F401


def bound_memory(pid, size=KERNEL_BYTES):
    """Bound the data that a running process may have (Linux), in bytes."""
    if hasattr(psutil, "RLIMIT_DATA"):
        psutil.Process(pid).rlimit(psutil.RLIMIT_DATA, (size, size))
