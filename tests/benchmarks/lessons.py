"""Measure every lesson: `make bench`.

Each notebook is executed once, cold, with nothing else running. Prints wall
time, processor time of the kernel, its peak memory, and the sizes of the
stored notebook and, if the site was built, of the page.
"""

import sys
import time
from pathlib import Path

import nbformat
import psutil
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "book" / "tools"), str(ROOT / "tests")]

import notebook_budgets  # noqa: E402
import notebooks  # noqa: E402


class Measured(NotebookClient):
    """A client that reads the kernel's usage before it is shut down."""

    usage = (0.0, 0)

    async def _async_cleanup_kernel(self):
        pid = self.km.provisioner.pid
        times = psutil.Process(pid).cpu_times()
        self.usage = times.user + times.system, notebook_budgets.peak_memory(pid)
        await super()._async_cleanup_kernel()


def measure(path):
    """Return (wall seconds, processor seconds, peak bytes)."""
    client = Measured(
        nbformat.read(path, as_version=4),
        timeout=600,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
        extra_arguments=["--IPKernelApp.capture_fd_output=False", "--log-level=40"],
    )
    start = time.perf_counter()
    client.execute()
    return time.perf_counter() - start, *client.usage


def main():
    print(f"{'lesson':24}{'wall s':>8}{'CPU s':>8}{'peak MB':>9}{'ipynb kB':>10}{'page kB':>9}")
    total = 0.0
    for path in notebooks.toc_notebooks():
        wall, cpu, peak = measure(path)
        total += wall
        page = ROOT / "_build" / "html" / "book" / f"{path.stem}.html"
        weight = f"{page.stat().st_size / 1e3:9.0f}" if page.exists() else f"{'-':>9}"
        size = path.stat().st_size / 1e3
        print(
            f"{path.stem:24}{wall:8.0f}{cpu:8.0f}{peak / 1e6:9.0f}{size:10.0f}{weight}", flush=True
        )
    print(f"{'all':24}{total:8.0f}")


if __name__ == "__main__":
    main()
