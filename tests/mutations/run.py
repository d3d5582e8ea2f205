"""Break ch11lib in many places and see who notices: `make mutants`.

    python tests/mutations/run.py                    # all, results are stored
    python tests/mutations/run.py --missed           # those that somebody missed last time
    python tests/mutations/run.py --book no dropout  # unit tests of one module only

Each entry of mutations.yaml is put into a copy of the course. There the unit
tests of the module run until one fails, and the lesson is executed and compared
until a claim fails. `make test` says that both pass without faults; the unit tests
are tried once more. What caught a fault is stored in results.json: the failed
test; the failed claim; the cell whose output differs or that raised an error.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue

import yaml

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RESULTS = HERE / "results.json"
UNIT = ["-x", "-q", "--no-header", "-o", "addopts=", "-p", "no:cacheprovider"]
BOOK = [*UNIT[1:], "--nbval", "--nbval-current-env", "--nbval-cell-timeout=300", "-p", "one_claim"]
SANITIZE = "--nbval-sanitize-with=tests/book/nbval_sanitize.cfg"


def mutations():
    """Return the entries of mutations.yaml, each with its lesson."""
    entries = yaml.safe_load((HERE / "mutations.yaml").read_text(encoding="utf-8"))
    return [{"lesson": entry["module"], **entry} for entry in entries]


def mutated(entry, root=ROOT):
    """Return the source of the module with the fault."""
    source = (root / "ch11lib" / f"{entry['module']}.py").read_text(encoding="utf-8")
    if (count := source.count(entry["old"])) != 1:
        raise ValueError(f"{entry['module']} has {entry['old']!r} {count} times; it must be once")
    return source.replace(entry["old"], entry["new"])


def unit_tests(module):
    """Return the test files of a module, the one of its name first."""
    names = {
        "learning_rate_schedules": ["learning_rate_schedules", "one_cycle"],
    }
    stem = module.removeprefix("_").removesuffix("_keras").removesuffix("_masks")
    patterns = names.get(module, [stem, f"{stem}_*"])
    return [
        str(path.relative_to(ROOT))
        for pattern in patterns
        for path in sorted((ROOT / "tests" / "library").glob(f"test_{pattern}.py"))
    ]


def pytest_in(copy, *arguments):
    """Run pytest in a copy of the course; return its exit code and what it printed."""
    paths = [str(copy), str(copy / "tests" / "mutations")]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 1):
        raise RuntimeError(f"pytest stopped with {done.returncode}:\n{done.stdout[-3000:]}")
    return done.returncode, re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)


def by_unit_tests(copy, module):
    """Return the name of the first unit test that fails, or None."""
    code, text = pytest_in(copy, *UNIT, *unit_tests(module))
    return re.search(r"^(?:FAILED|ERROR) (\S+)", text, re.M).group(1) if code else None


def by_book(copy, lesson):
    """Return the first claim that fails and the first cell that nbval refuses, or None."""
    _, text = pytest_in(copy, *BOOK, SANITIZE, f"book/{lesson}.ipynb")
    claim = re.search(r"ClaimError: ✗ (.*)", text)
    cell = re.search(r"^FAILED \S+::(Cell \d+)", text, re.M)
    return claim and claim.group(1), cell and cell.group(1)


def try_one(entry, copy, book=True):
    """Return the entry with who caught it."""
    target = copy / "ch11lib" / f"{entry['module']}.py"
    whole = target.read_text(encoding="utf-8")
    try:
        target.write_text(mutated(entry), encoding="utf-8")
        claim, cell = by_book(copy, entry["lesson"]) if book else (None, None)
        unit = by_unit_tests(copy, entry["module"])
    finally:
        target.write_text(whole, encoding="utf-8")
    found = {key: entry[key] for key in ("module", "lesson", "breaks")}
    return {**found, "unit": unit, "claim": claim, "cell": cell}


def key(entry):
    """Return what tells a fault, or its result, from all others."""
    return entry["module"], entry["lesson"], entry["breaks"]


def caught(result):
    """Return whether both the unit tests and the book saw the fault."""
    return bool(result and result["unit"] and (result["claim"] or result["cell"]))


def baseline(free, module):
    """Return which unit test fails in the course as it is: none, or no result means anything."""
    copy = free.get()
    try:
        return module, by_unit_tests(copy, module)
    finally:
        free.put(copy)


def course_copy(folder):
    """Copy what the tests need."""
    ignore = shutil.ignore_patterns(".git", ".venv", "_build", ".*_cache", "__pycache__")
    return Path(shutil.copytree(ROOT, folder, ignore=ignore))


def summary(results):
    """Return the counts in one sentence."""
    caught = [sum(bool(r[key]) for r in results) for key in ("unit", "claim", "cell")]
    return (
        f"{len(results)} faults: {caught[0]} caught by unit tests, {caught[2]} by the book "
        f"(claims alone: {caught[1]})"
    )


def main():
    """Try the faults that the command line names; store the results if all were tried."""
    parser = argparse.ArgumentParser(description="Break ch11lib and see who notices.")
    parser.add_argument("modules", nargs="*", help="modules; default: all")
    parser.add_argument("--book", choices=("yes", "no"), default="yes", help="run the lessons, too")
    parser.add_argument("--missed", action="store_true", help="only what was missed last time")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    entries = [e for e in mutations() if not arguments.modules or e["module"] in arguments.modules]
    stored = {}
    if arguments.missed:
        stored = {key(r): r for r in json.loads(RESULTS.read_text(encoding="utf-8"))}
        entries = [e for e in entries if not caught(stored.get(key(e)))]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(arguments.jobs) as pool:
        free = Queue()
        for i in range(arguments.jobs):
            free.put(course_copy(Path(folder) / str(i)))

        if not arguments.modules:
            names = sorted({entry["module"] for entry in entries})
            for name, found in pool.map(lambda name: baseline(free, name), names):
                if found:
                    sys.exit(f"{found} fails without any fault in {name}")

        def run(entry):
            copy = free.get()
            try:
                found = try_one(entry, copy, arguments.book == "yes")
            finally:
                free.put(copy)
            print(json.dumps(found, ensure_ascii=False), flush=True)
            return found

        stored |= {key(result): result for result in pool.map(run, entries)}
    results = [stored[key(e)] for e in (mutations() if arguments.missed else entries)]
    print(summary(results))
    if not arguments.modules and arguments.book == "yes":
        text = json.dumps(results, indent=1, ensure_ascii=False) + "\n"
        RESULTS.write_text(text, encoding="utf-8")
    return sum(not r["unit"] for r in results)


if __name__ == "__main__":
    sys.exit(main())
