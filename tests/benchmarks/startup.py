"""What importing, building and testing take."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import machine
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
IMPORTS = ("numpy", "ch11lib", "ch11lib.optimizers", "matplotlib.pyplot", "tensorflow", "keras")
TIME = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"


def import_times(name, repeats=5):
    """Return the seconds that fresh interpreters need for an import, after a first one."""
    command = [sys.executable, "-c", TIME.format(name)]
    options = {"capture_output": True, "text": True, "check": True}
    return [float(subprocess.run(command, **options).stdout) for _ in range(repeats + 1)][1:]


def book_times(repeats=3):
    """Return the seconds of whole builds of the website."""
    times = []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            command = [sys.executable, "book/tools/site_build.py", "--output", folder]
            subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
            times.append(time.perf_counter() - start)
    return times


def main():
    imports = {name: import_times(name) for name in IMPORTS}
    book = book_times()
    for name, times in {**imports, "book": book}.items():
        print(f"{name:24}{np.median(times):8.2f} s", flush=True)
    machine.store("startup", imports=imports, book=book)


if __name__ == "__main__":
    main()
