"""Build the website and make sure that it is whole.

    python book/tools/site_build.py [--output FOLDER]

Fails if Jupyter Book is not 1.x, on any warning, if a page of _toc.yml has no
HTML file, or if an assignment can't be released. The student edition of the
assignments is put beside the pages.

Where GITHUB_REPOSITORY ("owner/name") is set, as on GitHub, the pages get the
address of that repository's website, and buttons that open its Binder and its
edition for Colab (see `colab`): a fork has its own. Elsewhere they get none.
"""

import argparse
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import site_files
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


def repository() -> str:
    """Return the repository on GitHub that the site is built for, or an empty text."""
    name = os.environ.get("GITHUB_REPOSITORY", "")
    if name and not re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        sys.exit(f"GITHUB_REPOSITORY is {name!r}; it must be 'owner/name', or not set at all")
    return name


def site_url() -> str:
    """Return the address that GitHub Pages gives the site, or an empty text."""
    owner, _, name = repository().lower().partition("/")
    if not owner:
        return ""
    folder = "" if name == f"{owner}.github.io" else f"{repository().partition('/')[2]}/"
    return f"https://{owner}.github.io/{folder}"


def configuration(root: Path = ROOT) -> dict[str, Any]:
    """Return ``_config.yml`` with the addresses of the repository, where one is known."""
    config: dict[str, Any] = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    extensions = config["sphinx"].get("local_extensions", {})  # relative to the file's folder
    config["sphinx"]["local_extensions"] = {k: str(root / v) for k, v in extensions.items()}
    if name := repository():
        settings = config["sphinx"]["config"]
        settings |= {"html_baseurl": site_url(), "ogp_site_url": site_url()}
        settings["ogp_social_cards"] = {"enable": True}
        settings["html_theme_options"] |= {
            "repository_url": f"https://github.com/{name}",
            "repository_branch": "main",
            "use_repository_button": True,
            "launch_buttons": {
                "notebook_interface": "jupyterlab",
                "binderhub_url": "https://mybinder.org",
                "colab_url": "https://colab.research.google.com",
            },
        }
    return config


def run(output: Path, builder: str = "html") -> None:
    """Let Jupyter Book build into ``output / "_build"``; exit at any warning."""
    check_version(version("jupyter-book"))
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "_config.yml"
        config.write_text(yaml.safe_dump(configuration()), encoding="utf-8")
        command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()"]
        command += ["build", str(ROOT), "--config", str(config), "--builder", builder]
        command += ["-n", "-W", "--keep-going", "--path-output", str(output)]
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            sys.exit("The book was not built: see the warnings above.")


def check_links() -> None:
    """Ask for every address on other sites, print the list, exit if one is not there."""
    with tempfile.TemporaryDirectory() as folder:
        with contextlib.suppress(SystemExit):  # the list says it better
            run(Path(folder), "linkcheck")
        (found,) = Path(folder).rglob("output.json")
        text = found.read_text(encoding="utf-8")
    asked = [json.loads(line) for line in text.splitlines()]
    asked = [link for link in asked if link["uri"].startswith("http")]
    links = sorted({(link["status"], link["uri"], link["filename"]) for link in asked})
    for status, address, page in links:
        print(f"{status:10} {address}  ({page})")
    broken = [address for status, address, _ in links if status in ("broken", "timeout")]
    total = f"Links to other sites: {len(links)}, broken: {len(broken)}"
    if broken:
        sys.exit(total + (": no network?" if len(broken) == len(links) else ""))
    print(total)


def main() -> None:
    """Build into the folder that the command line names."""
    parser = argparse.ArgumentParser(description="Build the website.")
    parser.add_argument("--output", type=Path, default=ROOT, help="folder that gets _build/html")
    parser.add_argument("--builder", default="html", choices=["html", "linkcheck"])
    arguments = parser.parse_args()
    output = arguments.output.resolve()
    if arguments.builder == "linkcheck":
        return check_links()
    run(output)
    html = output / "_build" / "html"
    if missing := missing_pages(html):
        sys.exit(f"Pages of _toc.yml without HTML: {', '.join(missing)}")
    import assignments  # needs nbgrader; the pages of the table of contents need none

    site_files.write(html, site_url(), toc_pages())
    assignments.publish(html / "book" / "assignments")
    print(f"The website is at {html / 'index.html'}")


if __name__ == "__main__":
    main()
