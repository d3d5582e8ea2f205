"""A Sphinx extension: the Lab's scripts and images, and the list of its experiments.

The page `book/lab` gets one script, joined from the modules of `book/lab` (see
`lab_build`), and a style sheet. They and the images are put into `_static/lab/`. Another
page has neither; the landing page has a button that fetches them.

In the text of the page the line ``{lab-experiments}`` becomes the list of `presets.json`,
and ``{lab-challenges}`` that of the folder `challenges`.

A lesson opens an experiment by a link of MyST, ``[twenty layers](lab.md#preset-NAME)``, and
a challenge by ``lab.md#challenge-ID``. A name that there is not is a warning, and so an
error. The places of these names are at the Lab itself, since a browser scrolls to them.
"""

import itertools
import re
import shutil
from html import escape
from pathlib import Path
from typing import Any

import lab_build

__all__ = ["anchors", "experiments", "page_script", "plain", "setup"]

PAGE = "book/lab"
#: A figure here, of the class ``lab-here``, gets a button that trains the experiment it links.
LANDING_PAGE = "book/intro"
MARK = "{lab-experiments}"
CHALLENGES_MARK = "{lab-challenges}"
ROOT = '<div id="lab">'
START = """(() => {
  const own = document.currentScript.src;
  Lab.open(new URL("data.js", own).href);
})();
"""


def experiments() -> str:
    """Return the list of experiments as HTML, those of a lesson below its title."""
    lessons = []
    for lesson, presets in itertools.groupby(lab_build.presets(), lambda one: one["lesson"]):
        own = list(presets)
        items = [
            f'<li><a href="#preset-{escape(one["name"])}">{escape(one["title"])}</a>. '
            f"{escape(one['sentence'])}</li>\n"
            for one in own
        ]
        link = f'<a href="{escape(lesson)}.html">{escape(own[0]["lesson_title"])}</a>'
        lessons.append(f"<li>{link}\n<ul>\n{''.join(items)}</ul></li>\n")
    return f'<ul class="lab-experiments">\n{"".join(lessons)}</ul>\n'


def challenges() -> str:
    """Return the list of challenges as HTML."""
    items = [
        f'<li><a href="#challenge-{escape(challenge["id"])}">{escape(challenge["title"])}</a>. '
        f"{escape(challenge['text'])} "
        f'(<a href="{escape(challenge["lesson"])}.html">lesson</a>)</li>'
        for challenge in lab_build.challenges()
    ]
    return '<ol class="lab-experiments">\n' + "\n".join(items) + "\n</ol>\n"


def anchors() -> dict[str, str]:
    """Return the names that a link may have behind ``lab.md#``, and their titles."""
    return {
        **{f"preset-{one['name']}": one["title"] for one in lab_build.presets()},
        **{f"challenge-{one['id']}": one["title"] for one in lab_build.challenges()},
    }


def places() -> str:
    """Return an empty element for each name that a link may have."""
    return "".join(f'<span id="{escape(name)}"></span>' for name in anchors())


def plain() -> str:
    """Return the page in plain Markdown, for JupyterLab: what the Lab is, and its lists.

    A link of a lesson leads here where no website is, and no page can run the Lab's script.
    """
    text = (lab_build.LAB.parent / "lab.md").read_text(encoding="utf-8")
    text = re.sub(r"\A---\n.*?\n---\n+", "", text, flags=re.S)
    text = re.sub(r'<a href="#[^"]*">([^<]*)</a>', r"**\1**", text)
    for mark, entries, words in (
        (MARK, lab_build.presets(), "sentence"),
        (CHALLENGES_MARK, lab_build.challenges(), "text"),
    ):
        items = [
            f"- **{one['title']}** ([lesson]({one['lesson']}.ipynb)). {one[words]}"
            for one in entries
        ]
        text = text.replace(mark, "\n".join(items))
    return text


def page_script() -> str:
    """Return the script of the page, which starts itself."""
    return lab_build.page_script() + START


def _fill(app: Any, page: str, source: list[str]) -> None:
    if page == PAGE:
        source[0] = source[0].replace(MARK, experiments())
        source[0] = source[0].replace(CHALLENGES_MARK, challenges())
        source[0] = source[0].replace(ROOT, f"<div>{places()}</div>\n{ROOT}")


def _name_places(app: Any, env: Any) -> None:
    """Tell MyST the places of the page, which it would only know of headings."""
    if PAGE in env.all_docs:
        slugs = env.metadata[PAGE].setdefault("myst_slugs", {})
        slugs |= {name: (0, name, title) for name, title in anchors().items()}


def _add(app: Any, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    if page == PAGE:
        app.add_css_file("lab/lab.css")
        app.add_js_file("lab/lab.js", loading_method="defer")
    elif page == LANDING_PAGE and PAGE in app.env.all_docs:
        app.add_js_file("lab/invitation.js", loading_method="defer")


def _write(app: Any) -> None:
    """Make the files before Sphinx names them by their content."""
    if app.builder.format != "html" or not (Path(app.srcdir) / f"{PAGE}.md").is_file():
        return
    folder = Path(app.outdir) / "_static" / "lab"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "lab.js").write_text(page_script(), encoding="utf-8")
    for name in ("page/lab.css", "page/invitation.js", "data.js"):
        shutil.copy(lab_build.LAB / name, folder)


def setup(app: Any) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.connect("builder-inited", _write)
    app.connect("source-read", _fill)
    app.connect("env-updated", _name_places)
    app.connect("html-page-context", _add)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
