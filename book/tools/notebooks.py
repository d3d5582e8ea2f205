"""Execute every notebook of the book and store it in one normal form.

    python book/tools/notebooks.py              # all pages of _toc.yml
    python book/tools/notebooks.py mc_dropout   # one

Run twice, it changes no byte: each notebook has one core for itself, cells have
stable ids, and nothing is stored that differs between two runs (times, widget
ids, kernel versions). Cells tagged "timing" print measured times; they are
executed, but keep the output they have unless --timings is given. A notebook is
replaced only when its execution succeeded, in one step.
"""

import argparse
import base64
import contextlib
import hashlib
import io
import itertools
import os
import re
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import determinism
import exercises
import nbformat
import psutil
import yaml
from nbclient import NotebookClient
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
KERNELSPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}
KEPT_CELL_METADATA = {"tags", "mystnb", "given"}
FOLDED = {"hide-input", "hide-cell"}
#: The pages in the form of the second edition: see the gates in the tests. Their plots are
#: stored at twice the density.
SECOND_EDITION = {
    "activations",
    "batch_normalization",
    "gradient_clipping",
    "initialization",
    "intro",
    "optimizers",
    "vanishing_gradients",
}
#: Instructions to the kernel. TensorFlow's C++ hardware notes go to the terminal, not into outputs.
KERNEL = ["--IPKernelApp.capture_fd_output=False", "--log-level=40"]
SHARP = ["--InlineBackend.figure_formats=retina"]
#: A link to a page by its name alone, which only Sphinx can follow; code is left alone.
LINK = re.compile(
    r"\{doc\}`(?P<doc>[\w/#-]+)`"
    r"|^```[^{].*?^```$|`[^`\n]+`"
    r"|(?<!!)\[(?P<text>[^\]\n]*)\]\((?P<target>[\w/-]+(?:#[\w-]*)?)\)",
    re.M | re.S,
)
T = TypeVar("T")


def toc_notebooks() -> list[Path]:
    """Return the notebooks that ``_toc.yml`` lists, in order, the landing page first."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    pages = [chapter["file"] for part in toc["parts"] for chapter in part["chapters"]]
    paths = [ROOT / f"{page}.ipynb" for page in [toc["root"], *pages]]
    return [path for path in paths if path.exists()]


def normalize(notebook: Any) -> Any:
    """Return a copy of `notebook` without anything that differs between runs."""
    clean = nbformat.v4.new_notebook(metadata={"kernelspec": KERNELSPEC})
    clean.metadata["language_info"] = {"name": "python"}
    cells = [nbformat.from_dict(cell) for cell in notebook.cells]
    for cell in cells:
        if cell.cell_type == "markdown":
            cell.source = LINK.sub(_link_to_file, exercises.to_headings(cell.source.strip("\n")))
    kept = (cell for cell in cells if cell.source or cell.cell_type != "markdown")
    for number, cell in enumerate(kept):
        cell.metadata = {k: v for k, v in cell.metadata.items() if k in KEPT_CELL_METADATA}
        if FOLDED & {*cell.metadata.get("tags", [])}:
            cell.metadata["jupyter"] = {"source_hidden": True}  # folded in JupyterLab, too
        cell.id = hashlib.sha256(f"{number} {cell.cell_type}".encode()).hexdigest()[:8]
        cell.source = cell.source.strip("\n")
        if cell.cell_type == "code":
            cell.outputs = _merge_streams(cell.outputs)
        clean.cells.append(cell)
    return clean


def _link_to_file(found: re.Match[str]) -> str:
    """Return a link to a page as one that also works, and reads well, without Sphinx."""
    target = found["doc"] or found["target"] or ""
    name, hash, anchor = target.partition("#")
    files = [ROOT / "book" / f"{name.removeprefix('/book/')}{end}" for end in (".ipynb", ".md")]
    for path in filter(Path.is_file, files):
        text = found["text"] or page_title(path)
        return f"[{text}]({path.relative_to(ROOT / 'book').as_posix()}{hash}{anchor})"
    return found[0]


def page_title(path: Path) -> str:
    """Return the first heading of a page."""
    if path.suffix == ".ipynb":
        text = nbformat.read(path, as_version=4).cells[0].source
    else:
        text = path.read_text(encoding="utf-8")
    found = re.search(r"^# (.+)$", text, re.M)
    if not found:
        raise ValueError(f"{path} has no heading")
    return found[1]


def _merge_streams(outputs: list[Any]) -> list[Any]:
    """Join neighbouring prints and drop the live edition of widgets."""
    merged: list[Any] = []
    for output in outputs:
        if output.output_type in ("display_data", "execute_result"):
            output.data.pop(WIDGET_VIEW, None)
            output.metadata = _logical_size(output.metadata)
            if "image/png" in output.data:
                output.data["image/png"] = with_palette(output.data["image/png"])
        last = merged[-1] if merged else None
        if last and output.output_type == "stream" and output.get("name") == last.get("name"):
            last.text += output.text
        else:
            merged.append(output)
    return merged


def _logical_size(metadata: Any) -> dict[str, Any]:
    """Keep the width and height at which a picture of twice the density is shown."""
    size = metadata.get("image/png", {})
    return {"image/png": dict(size)} if {*size} == {"width", "height"} else {}


def with_palette(png: str) -> str:
    """Return a picture, as base64, with a palette of 256 colors: half of the bytes.

    A plot has few colors; most of them are shades along the edge of a line. What is no
    picture stays as it is.
    """
    try:
        image = Image.open(io.BytesIO(base64.b64decode(png)))
    except (ValueError, OSError):
        return png
    if image.mode == "P":
        return png
    drawn = image.convert("RGBA")
    flat = Image.alpha_composite(Image.new("RGBA", drawn.size, "white"), drawn).convert("RGB")
    small = io.BytesIO()
    flat.quantize(256, dither=Image.Dither.NONE).save(small, "png", optimize=True)
    return base64.b64encode(small.getvalue()).decode("ascii")


def start_again(start: Callable[..., T], attempts: int = 3) -> Callable[..., T]:
    """Return `start`, called again if the kernel that it starts dies before it says anything.

    A kernel chooses its ports first and takes them later; another process may be faster.
    """

    def starts(*arguments: Any, **options: Any) -> T:
        for left in reversed(range(attempts)):
            try:
                return start(*arguments, **options)
            except RuntimeError as error:
                if not left or "died before replying" not in str(error):
                    raise
        raise ValueError(f"attempts must be at least 1, not {attempts}")

    return starts


def run(notebook: Any, folder: Path, sharp: bool = False) -> None:
    """Execute the cells in place; store plots at twice the density if `sharp`."""
    client = NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        store_widget_state=False,
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
        extra_arguments=KERNEL + SHARP * sharp,
    )
    client.execute()


def execute(path: Path, timings: bool = False, home: Path | None = None) -> bool:
    """Execute the notebook at `path` in place; return whether its file changed.

    `home` is the folder in which the kernel runs, if it is not that of the file.
    """
    notebook = nbformat.read(path, as_version=4)
    kept = {
        number: cell.outputs
        for number, cell in enumerate(notebook.cells)
        if "timing" in cell.metadata.get("tags", []) and cell.outputs and not timings
    }
    start_again(run)(notebook, home or path.parent, path.stem in SECOND_EDITION)
    for number, outputs in kept.items():
        notebook.cells[number].outputs = outputs
    return write(path, normalize(notebook))


def write(path: Path, notebook: Any) -> bool:
    """Replace `path` in one step if its content changes; return whether it did."""
    nbformat.validate(notebook)
    text = nbformat.writes(notebook, version=nbformat.NO_CONVERT) + "\n"
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    return True


def main() -> int:
    """Execute what the command line names; return the number of failures."""
    parser = argparse.ArgumentParser(description="Execute and normalize notebooks.")
    parser.add_argument("names", nargs="*", help="lesson names; default: all")
    parser.add_argument("--jobs", type=int, default=2, help="notebooks at a time")
    parser.add_argument("--normal-form", action="store_true", help="store without executing")
    parser.add_argument("--timings", action="store_true", help="store new measured times, too")
    arguments = parser.parse_args()
    paths = [ROOT / "book" / f"{name}.ipynb" for name in arguments.names] or toc_notebooks()
    if missing := [path.name for path in paths if not path.exists()]:
        parser.error(f"no such notebook: {', '.join(missing)}")
    if arguments.normal_form:
        for path in paths:
            changed = write(path, normalize(nbformat.read(path, as_version=4)))
            print(f"{path.name}: {'changed' if changed else 'unchanged'}")
        return 0
    failures = 0
    determinism.pin_instruction_set()
    os.environ["TQDM_DISABLE"] = "1"  # a bar that has gone leaves its traces in an output
    numbers = itertools.count()
    pool = ThreadPoolExecutor(
        arguments.jobs, initializer=lambda: determinism.pin_to_core(next(numbers))
    )
    futures = [(path, pool.submit(execute, path, arguments.timings)) for path in paths]
    try:
        for path, future in futures:
            try:
                changed = future.result()
                print(f"{path.name}: {'changed' if changed else 'unchanged'}", flush=True)
            except Exception as error:  # report each notebook, then fail as a whole
                failures += 1
                print(f"{path.name}: FAILED, file left as it was\n{error}", file=sys.stderr)
    except KeyboardInterrupt:
        stop_kernels()
        sys.stderr.write("Interrupted; every notebook is whole, as it was or executed anew.\n")
        sys.stderr.flush()
        os._exit(130)  # the threads wait for kernels that are gone
    return failures


def stop_kernels() -> None:
    """End every process that this one started."""
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()


if __name__ == "__main__":
    sys.exit(main())
