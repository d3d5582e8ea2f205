"""pytest plugin: every notebook that nbval runs keeps its budget.

After the last cell of a notebook an extra test compares the processor time of its
kernel and the peak memory with the limits of the course. The kernel could not have
more than `sandbox.KERNEL_BYTES` of data in any case.

Processor time, since a clock on the wall also counts what else the machine is doing.
A lesson of the second edition takes at most 60 s on two cores. That is no more than
120 s of processor time, which is what is tested; 80 s are what to aim at, because
training keeps the second core busy for only a third of the time.
"""

import os
import re
import time
from pathlib import Path
from queue import Empty

import nbval.kernel
import notebooks
import psutil
import pytest
import sandbox
from nbval.plugin import IPyNbCell

#: Seconds of processor time and bytes for a lesson of the second edition, and for the others.
#: How much a process keeps depends a little on the machine's pages; Binder has 2 GiB.
#: The aim is 1.2 GB; TensorFlow alone takes 0.8, and the peak varies by 0.15 between two runs.
LIMITS = {True: (120.0, 1.45 * 2**30), False: (240.0, 1.45 * 2**30)}
START = nbval.kernel.start_new_kernel


def limits(name: str) -> tuple[float, float]:
    """Return the limits for a page, in seconds and bytes."""
    seconds, size = LIMITS[name in notebooks.SECOND_EDITION]
    return (
        float(os.environ.get("CH11_MAX_SECONDS", seconds)),
        float(os.environ.get("CH11_MAX_BYTES", size)),
    )


def processor_seconds(pid: int) -> float:
    """Return the processor time of a process so far, with that of its ended children."""
    return sum(psutil.Process(pid).cpu_times()[:4])


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
        seconds, peak = usage["seconds"], usage["bytes"]
        max_seconds, max_bytes = limits(self.path.stem)
        if seconds > max_seconds:
            pytest.fail(
                f"{self.parent.name} took {seconds:.1f} s of processor time; "
                f"the limit is {max_seconds:g} s",
                pytrace=False,
            )
        if peak > max_bytes:
            pytest.fail(
                f"{self.parent.name} peaked at {peak / 1e9:.2f} GB; "
                f"the limit is {max_bytes / 1e9:.2f} GB",
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
        pid = item.parent.kernel.km.provisioner.pid
        if not usage["cells"]:
            sandbox.bound_memory(pid)
            watch(item.parent.kernel)
            usage["start"] = processor_seconds(pid)
        start = time.perf_counter()
        try:
            return (yield)
        finally:
            usage["cells"] += 1
            usage["wall"] += time.perf_counter() - start
            if pid and psutil.pid_exists(pid):
                usage["seconds"] = processor_seconds(pid) - usage["start"]
                usage["bytes"] = max(usage["bytes"], peak_memory(pid))
