"""pytest plugin: every notebook that nbval runs keeps its budget.

After the last cell of a notebook an extra test compares the time its cells
took and the peak memory of its kernel with the limits of the course. The kernel
could not have more than `conditions.KERNEL_BYTES` of data in any case.
"""

import os
import re
import time
from pathlib import Path
from queue import Empty

import conditions
import psutil
import pytest
from nbval.plugin import IPyNbCell

#: The aim is 90 s on two cores; here a lesson has one core, of whatever machine.
MAX_SECONDS = float(os.environ.get("CH11_MAX_SECONDS", 240))
MAX_BYTES = float(os.environ.get("CH11_MAX_BYTES", 1.2 * 2**30))  # Binder counts GiB, too


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
        self.add_report_section("call", "budget", f"{usage}")
        assert usage["seconds"] <= MAX_SECONDS, (
            f"{self.parent.name} took {usage['seconds']:.0f} s; the limit is {MAX_SECONDS:.0f} s"
        )
        assert usage["bytes"] <= MAX_BYTES, (
            f"{self.parent.name} peaked at {usage['bytes'] / 2**30:.2f} GiB; "
            f"the limit is {MAX_BYTES / 2**30:.2f} GiB"
        )

    def reportinfo(self):
        return self.path, 0, f"{self.parent.name}: budget"


class NotebookBudgets:
    """Measure the cells and add the extra tests."""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items):
        counts = {}
        for item in items:
            if isinstance(item, IPyNbCell):
                counts[item.parent] = counts.get(item.parent, 0) + 1
        for notebook, cells in counts.items():
            notebook.usage = {"cells": 0, "seconds": 0.0, "bytes": 0}
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
            conditions.bound_memory(item.parent.kernel.km.provisioner.pid)
            watch(item.parent.kernel)
        start = time.perf_counter()
        try:
            return (yield)
        finally:
            usage["cells"] += 1
            usage["seconds"] += time.perf_counter() - start
            pid = item.parent.kernel.km.provisioner.pid
            if pid and psutil.pid_exists(pid):
                usage["bytes"] = max(usage["bytes"], peak_memory(pid))
