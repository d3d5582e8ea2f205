"""What every lesson costs: time, memory, size, frames.

Each notebook is executed once, cold, on all cores, with nothing else running; the
frames of its explorers are timed in its own kernel. With the names of lessons
only these are measured and nothing is stored.
"""

import json
import sys
import time
from pathlib import Path

import machine
import nbformat
import psutil
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / folder) for folder in ("book/tools", "tests", "tests/book")]

import notebook_budgets  # noqa: E402
import notebooks  # noqa: E402

WATCH = """
import time as _time
from ch11lib import explore as _explore
_frames, _draw = [], _explore.Explorer.draw
def _timed(self, values):
    start = _time.perf_counter()
    try:
        return _draw(self, values)
    finally:
        _frames.append(_time.perf_counter() - start)
_explore.Explorer.draw = _timed
"""
TELL = "import json as _json; print(_json.dumps(_frames))"


class Measured(NotebookClient):
    """A client that reads the kernel's usage before it is shut down."""

    usage = (0.0, 0)

    async def _async_cleanup_kernel(self):
        pid = self.km.provisioner.pid
        times = psutil.Process(pid).cpu_times()
        self.usage = times.user + times.system, notebook_budgets.peak_memory(pid)
        await super()._async_cleanup_kernel()


def measure(path):
    """Return wall and processor seconds, peak bytes, and the seconds of each frame."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(WATCH))
    notebook.cells.append(nbformat.v4.new_code_cell(TELL))
    client = Measured(
        notebook,
        timeout=600,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
        extra_arguments=["--IPKernelApp.capture_fd_output=False", "--log-level=40"],
    )
    start = time.perf_counter()
    client.execute()
    wall = time.perf_counter() - start
    cpu, peak = client.usage
    frames = json.loads(notebook.cells[-1].outputs[0].text)
    page = ROOT / "_build" / "html" / "book" / f"{path.stem}.html"
    return {
        "wall": wall,
        "cpu": cpu,
        "peak": peak,
        "frames": frames,
        "notebook": path.stat().st_size,
        "page": page.stat().st_size if page.exists() else None,
    }


def main():
    names = sys.argv[1:]
    lessons = [p for p in notebooks.toc_notebooks() if (ROOT / "ch11lib" / f"{p.stem}.py").exists()]
    paths = [path for path in lessons if path.stem in names or not names]
    print(f"{'lesson':24}{'wall s':>8}{'CPU s':>8}{'peak MB':>9}{'ipynb kB':>10}{'frames':>8}")
    results, failed = {}, []
    for path in paths:
        try:
            results[path.stem] = m = measure(path)
        except CellExecutionError as error:  # a claim that does not hold here, say
            failed.append(path.stem)
            print(f"{path.stem}: {error}", flush=True)
            continue
        print(
            f"{path.stem:24}{m['wall']:8.0f}{m['cpu']:8.0f}{m['peak'] / 1e6:9.0f}"
            f"{m['notebook'] / 1e3:10.0f}{len(m['frames']):8}",
            flush=True,
        )
    print(f"{'all':24}{sum(m['wall'] for m in results.values()):8.0f}")
    if failed:
        sys.exit(f"nothing is stored; failed: {', '.join(failed)}")
    if not names:
        machine.store("lessons", lessons=results)


if __name__ == "__main__":
    main()
