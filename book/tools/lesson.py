"""Check one lesson, in about two minutes.

    python book/tools/lesson.py vanishing_gradients

Executes the notebook twice, side by side, and stores it in normal form; compares
the two, and their time and memory with the budget; applies every gate of its page;
runs the code that the page shows as a script, without a notebook; asks whether the
studies fit their code; builds the website's page. Prints what is wrong, and fails
if anything is.
"""

import argparse
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import determinism
import nbformat
import notebooks
import studies

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "book")]
PICTURE = re.compile(r"data:image/\w+;base64,[A-Za-z0-9+/=]+|[A-Za-z0-9+/=]{400,}")
ANSI = re.compile(r"\x1b\[[0-9;]*m")
SPHINX = re.compile(r"\b(?:WARNING|ERROR): (?!All log messages)")  # that is TensorFlow's
NOT_COMPARED = {"nbval-ignore-output", "timing"}
HANGS = 900  # seconds after which a script is taken to hang


def visible_script(notebook: Any) -> str:
    """Return the code that the page shows, in order, as the text of a script."""
    form_gates = importlib.import_module("form_gates")
    return "\n\n".join(cell.source for cell in form_gates.visible_code(notebook)) + "\n"


def run_visible_code(notebook: Any) -> list[str]:
    """Return why the code that the page shows does not run as a script."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "lesson.py"
        script.write_text(visible_script(notebook), encoding="utf-8")
        paths = [str(ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
        environment = {
            **os.environ,
            "MPLBACKEND": "Agg",
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        }
        command = [sys.executable, "-W", "ignore::UserWarning", str(script)]
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                timeout=HANGS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return [f"the visible code, run as a script, did not end within {HANGS} s"]
    if done.returncode:
        last = "\n".join(done.stderr.strip().splitlines()[-4:])
        return [f"the visible code does not run as a script:\n{last}"]
    return []


def executed(path: Path, folder: Path) -> Any:
    """Execute a copy of the notebook at `path`; return it in normal form."""
    copy = folder / path.name
    copy.write_bytes(path.read_bytes())
    notebooks.execute(copy, home=path.parent)
    return nbformat.read(copy, as_version=4)


def find_broken_budgets(name: str) -> list[str]:
    """Return which budgets the two executions, the only children so far, have exceeded.

    On Windows, which keeps no account of ended children, none.
    """
    if importlib.util.find_spec("resource") is None:
        return []
    import resource

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = (used.ru_utime + used.ru_stime) / 2
    peak = used.ru_maxrss * (1024 if sys.platform == "linux" else 1)
    max_seconds, max_bytes = importlib.import_module("notebook_budgets").limits(name)
    print(f"{name}: {seconds:.0f} s of processor time, {peak / 1e9:.2f} GB", flush=True)
    found = []
    if seconds > max_seconds:
        found.append(f"{seconds:.0f} s of processor time; the limit is {max_seconds:g} s")
    if peak > max_bytes:
        found.append(f"a peak of {peak / 1e9:.2f} GB; the limit is {max_bytes / 1e9:.2f} GB")
    return found


def find_differences(one: Any, other: Any) -> list[str]:
    """Return where two executions of a notebook print different things; pictures may differ."""
    problems = []
    for number, (a, b) in enumerate(zip(one.cells, other.cells, strict=True)):
        if a.cell_type != "code" or NOT_COMPARED & {*a.metadata.get("tags", [])}:
            continue
        first, second = (_printed(cell) for cell in (a, b))
        if first != second:
            lines = zip(first.splitlines(), second.splitlines(), strict=False)
            differing = next((pair for pair in lines if pair[0] != pair[1]), (first, second))
            shown = " and ".join(repr(line[:80]) for line in differing)
            problems.append(f"cell {number} prints two things in two executions: {shown}")
    return problems


def _printed(cell: Any) -> str:
    parts = []
    for output in cell.outputs:
        data = {k: v for k, v in output.get("data", {}).items() if k != "image/png"}
        parts.append(output.get("text", "") + "\n".join(f"{k}: {v}" for k, v in data.items()))
    return PICTURE.sub("PICTURE", "\n".join(parts))


def find_unsized_images(page: str) -> list[str]:
    """Return the images of a built page that have no width or no height."""
    images = importlib.import_module("form_gates").html_images(page)
    return [
        f"an image without width and height on the built page: {image.get('src', '')[:40]}"
        for image in images
        if not (image.get("width") and image.get("height"))
    ]


def page_problems(name: str) -> list[str]:
    """Build the website, as far as it has changed; return the warnings about this page."""
    command = [sys.executable, str(Path(__file__).parent / "site_build.py")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if not done.returncode:
        page = ROOT / "_build" / "html" / "book" / f"{name}.html"
        return find_unsized_images(page.read_text(encoding="utf-8"))
    text = ANSI.sub("", done.stdout + done.stderr)
    found = [line for line in text.splitlines() if SPHINX.search(line)]
    return [f"the page is not built: {line}" for line in found or text.splitlines()[-5:]]


def check(name: str) -> list[str]:
    """Return everything that is wrong with the lesson."""
    gates = importlib.import_module("gates")
    path = ROOT / "book" / f"{name}.ipynb"
    cores = iter(range(2))
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        pool = ThreadPoolExecutor(2, initializer=lambda: determinism.pin_to_core(next(cores)))
        print(f"{path.name}: is executed, twice side by side", flush=True)
        runs = [pool.submit(executed, path, Path(folder)) for folder in (first, second)]
        try:
            one, other = [run.result() for run in runs]
        except Exception as error:
            text = ANSI.sub("", str(error)).strip()
            return [f"the notebook does not run; its file is left as it was:\n{text}"]
    changed = notebooks.write(path, one)
    print(f"{path.name}: {'changed' if changed else 'unchanged'}", flush=True)
    problems = find_broken_budgets(name) + find_differences(one, other)
    for gate in gates.gates_of(name):
        problems += gate(one)
    problems += gates.find_size_problems(one, path.stat().st_size)
    problems += studies.problems(ROOT)
    with ThreadPoolExecutor(2) as pool:
        built = pool.submit(page_problems, name)
        if name in gates.SECOND_EDITION:
            print("The code that the page shows runs as a script", flush=True)
            problems += run_visible_code(one)
        print("The page is built", flush=True)
        problems += built.result()
    return problems


def main() -> int:
    """Check the lesson that the command line names; return 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description="Check one lesson.")
    parser.add_argument("name", help="a notebook in book/, without .ipynb")
    name = parser.parse_args().name
    if not (ROOT / "book" / f"{name}.ipynb").exists():
        parser.error(f"no such notebook: {name}.ipynb")
    determinism.pin_instruction_set()
    os.environ["TQDM_DISABLE"] = "1"
    start = time.perf_counter()
    problems = check(name)
    for problem in problems:
        print(f"✗ {problem}")
    seconds = time.perf_counter() - start
    count = f"{len(problems)} problem" + "s" * (len(problems) > 1)
    verdict = count if problems else "all is well"
    print(f"{name}: {verdict}, {seconds:.0f} s")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
