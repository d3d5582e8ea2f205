"""pytest plugin: every notebook that nbval runs keeps its budget.

After the last cell of a notebook an extra test compares the time its cells
took and the peak memory of its kernel with the limits of the course. The kernel
could not have more than `sandbox.KERNEL_BYTES` of data in any case.

The limit on time holds at the speed of the machine on which it was set. How much
slower this one is, or was just then, a fixed piece of work tells after each long cell.
"""

import os
import re
import time
from pathlib import Path
from queue import Empty

import nbval.kernel
import notebooks
import numpy as np
import psutil
import pytest
import sandbox
from nbval.plugin import IPyNbCell

#: The aim is 90 s on two cores; here a lesson has one core.
MAX_SECONDS = float(os.environ.get("CH11_MAX_SECONDS", 240))
#: The aim is 1.2 GB, as `make bench` measures it; how much more a process keeps depends on
#: the machine's pages and cores. Binder has 2 GiB.
MAX_BYTES = float(os.environ.get("CH11_MAX_BYTES", 1.35 * 2**30))

#: What `reference_work` takes on one core of the machine on which the limits were set.
REFERENCE_SECONDS = float(os.environ.get("CH11_REFERENCE_SECONDS", 0.03))
LONG_CELL = 2.0  # seconds
START = nbval.kernel.start_new_kernel


def reference_work() -> float:
    """Return the seconds that some arithmetic and a loop take.

    No products of matrices: the threads that NumPy has for them would share one core.
    """
    values = np.linspace(0, 1, 10_000, dtype=np.float32)
    start = time.perf_counter()
    for _ in range(1000):
        np.sqrt(values)
    sum(i * i for i in range(500_000))
    return time.perf_counter() - start


def slowness() -> float:
    """Return how many times as long as there this machine takes now; 1 if it is faster."""
    return max(1.0, min(reference_work() for _ in range(3)) / REFERENCE_SECONDS)


def peak_memory(pid: int) -> int:
    """Return the largest resident memory of a process so far, in bytes.

    Linux keeps it as VmHWM; elsewhere the current value has to do.
    """
    status = Path(f"/proc/{pid}/status")
    if status.exists():
        return 1024 * int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text()).group(1))
    return psutil.Process(pid).memory_info().rss


def watch(kernel):
    """Let nbval notice within a second that a kernel died; it would wait for the time limit."""
    get_message = kernel.get_message

    def patient(stream, timeout=None):
        end = time.monotonic() + (timeout or 0)
        while True:
            try:
                return get_message(stream, timeout=1)
            except Empty:
                if not kernel.is_alive():
                    pytest.fail("The kernel died while it ran this cell.", pytrace=False)
                if timeout is not None and time.monotonic() > end:
                    raise

    kernel.get_message = patient


class Budget(pytest.Item):
    """The extra test of one notebook."""

    def runtest(self):
        usage = self.parent.usage
        if usage["cells"] < self.cells:
            pytest.skip(f"only {usage['cells']} of {self.cells} cells were run")
        self.user_properties.append(("usage", usage))
        wall, seconds, peak = usage["wall"], usage["seconds"], usage["bytes"]
        if seconds > MAX_SECONDS:
            pytest.fail(
                f"{self.parent.name} took {wall:.0f} s on a machine that is {wall / seconds:.1f} "
                f"times slower than ours; the limit is {MAX_SECONDS:.0f} s on ours",
                pytrace=False,
            )
        if peak > MAX_BYTES:
            pytest.fail(
                f"{self.parent.name} peaked at {peak / 2**30:.2f} GiB; "
                f"the limit is {MAX_BYTES / 2**30:.2f} GiB",
                pytrace=False,
            )

    def reportinfo(self):
        return self.path, 0, f"{self.parent.name}: budget"


class NotebookBudgets:
    """Measure the cells and add the extra tests."""

    def __init__(self):
        nbval.kernel.start_new_kernel = notebooks.start_again(START)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items):
        counts = {}
        for item in items:
            if isinstance(item, IPyNbCell):
                counts[item.parent] = counts.get(item.parent, 0) + 1
        for notebook, cells in counts.items():
            notebook.usage = {"cells": 0, "wall": 0.0, "seconds": 0.0, "bytes": 0}
            budget = Budget.from_parent(notebook, name="Budget")
            budget.cells = cells
            last = max(i for i, item in enumerate(items) if item.parent is notebook)
            items.insert(last + 1, budget)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item):
        if not isinstance(item, IPyNbCell):
            return (yield)
        usage = item.parent.usage
        if not usage["cells"]:
            sandbox.bound_memory(item.parent.kernel.km.provisioner.pid)
            watch(item.parent.kernel)
        start = time.perf_counter()
        try:
            return (yield)
        finally:
            usage["cells"] += 1
            elapsed = time.perf_counter() - start
            usage["wall"] += elapsed
            usage["seconds"] += elapsed / (slowness() if elapsed > LONG_CELL else 1.0)
            pid = item.parent.kernel.km.provisioner.pid
            if pid and psutil.pid_exists(pid):
                usage["bytes"] = max(usage["bytes"], peak_memory(pid))
