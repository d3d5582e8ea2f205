"""Build the website and make sure that it is whole.

    python book/tools/site_build.py [--output FOLDER]

Fails if Jupyter Book is not 1.x, on any warning, if a page of _toc.yml has no
HTML file, or if an assignment can't be released. The student edition of the
assignments is put beside the pages.
"""

import argparse
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import assignments
import yaml

ROOT = Path(__file__).resolve().parents[2]


def toc_pages(root: Path = ROOT) -> list[str]:
    """Return every page that ``_toc.yml`` lists, the landing page first."""
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    chapters = [chapter for part in toc["parts"] for chapter in part["chapters"]]
    return [toc["root"]] + [
        page["file"] for chapter in chapters for page in [chapter, *chapter.get("sections", [])]
    ]


def check_version(installed: str) -> None:
    """Exit unless `installed` is Jupyter Book 1.x, which reads ``_config.yml``."""
    if not installed.startswith("1."):
        sys.exit(f"Jupyter Book {installed} is installed; the site needs 1.x: run 'make clean'")


def missing_pages(html: Path, root: Path = ROOT) -> list[str]:
    """Return the pages of the table of contents that have no HTML file."""
    return [page for page in toc_pages(root) if not (html / f"{page}.html").is_file()]


def main() -> None:
    """Build into the folder that the command line names."""
    parser = argparse.ArgumentParser(description="Build the website.")
    parser.add_argument("--output", type=Path, default=ROOT, help="folder that gets _build/html")
    output = parser.parse_args().output.resolve()
    check_version(version("jupyter-book"))
    command = [
        sys.executable,
        "-c",
        "from jupyter_book.cli.main import main; main()",
        "build",
        str(ROOT),
    ]
    command += ["-n", "-W", "--keep-going", "--path-output", str(output)]
    if subprocess.run(command, cwd=ROOT, check=False).returncode:
        sys.exit("The website was not built: see the warnings above.")
    html = output / "_build" / "html"
    if missing := missing_pages(html):
        sys.exit(f"Pages of _toc.yml without HTML: {', '.join(missing)}")
    assignments.publish(html / "book" / "assignments")
    print(f"The website is at {html / 'index.html'}")


if __name__ == "__main__":
    main()
