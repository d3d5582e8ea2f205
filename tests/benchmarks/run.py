"""Measure what the course costs: `make bench`. The results are stored as data.

Takes more than an hour on two cores, with nothing else running; each part can be run
alone: `python tests/benchmarks/seed.py`. At the end the page *What it costs* is
executed with the new results. Its old sentences are not tested before that.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PARTS = (
    "limits",
    "seed",
    "sweep",
    "mc_predict",
    "lab_engine",
    "growth",
    "startup",
    "lessons",
)


def main():
    times = ROOT / "tests" / "benchmarks" / "results" / "tests.json"
    book = [sys.executable, "book/tools/site_build.py"]
    parts = [[sys.executable, f"tests/benchmarks/{part}.py"] for part in PARTS]
    tests = [sys.executable, "-m", "pytest", "--deselect", "book/what_it_costs.ipynb"]
    page = [sys.executable, "book/tools/notebooks.py", "what_it_costs"]
    for command in [book, *parts, tests, page]:
        print(" ".join(command[1:]), flush=True)
        environment = {**os.environ, "CH11_TIMES": str(times)} if command is tests else None
        subprocess.run(command, cwd=ROOT, check=True, env=environment)


if __name__ == "__main__":
    main()
