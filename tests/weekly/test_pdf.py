"""On paper: the PDF of a course. Each visit of a page looks at how a browser prints it."""

import os
import subprocess
import sys

import browser
import matplotlib.pyplot as plt
import pypdf
import pytest
from small_course import explorer_cell, small_course

from ch11lib.explore import explore
from ch11lib.plots import with_alt_text

MATH = """# A lesson

The variance is $\\sigma^2 = 2/n$, and

$$ \\operatorname{Var}(z) = n \\operatorname{Var}(w). $$

<details><summary>Is it?</summary>

A folded answer.

</details>

:::{dropdown} A derivation
Unfolded, too.
:::

:::{exercise} One
:label: one
What is it?
:::

:::{solution-start} one
:class: dropdown
:::
It is solved.

:::{solution-end}
:::
"""


def line(slope):
    fig, ax = plt.subplots(figsize=(3, 2))
    ax.axline((0, 0), slope=slope)
    return with_alt_text(fig, f"A line of slope {slope}.")


@pytest.fixture(scope="module")
def pdf(tmp_path_factory):
    """Print a small course with an explorer; return the PDF."""
    browser.require_browser()
    folder = tmp_path_factory.mktemp("print")
    link = "[to the end of this](#recap)"
    cells = [MATH, explorer_cell(explore(line, slope=[1, 2, 3])), f"{link}\n\n## Recap\n\nThe end."]
    more = f"# More\n\nAnother page, {link}.\n\n## Recap\n\nIts end."
    course = small_course(folder / "course", {"lesson": cells, "more": more})
    output = folder / "new" / "book.pdf"
    command = [sys.executable, "book/tools/pdf.py", "--output", str(output)]
    environment = {**os.environ, "GITHUB_REPOSITORY": "a-teacher/deep-nets"}
    done = subprocess.run(
        command, cwd=course, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert str(output) in done.stdout
    return pypdf.PdfReader(output)


def text_of(pdf):
    return " ".join(" ".join(page.extract_text() for page in pdf.pages).split())


def titles(outline):
    for entry in outline:
        yield from titles(entry) if isinstance(entry, list) else [entry.title]


def test_all_pages_are_in_it_and_in_its_outline(pdf):
    text = text_of(pdf)
    assert text.index("Welcome to it.") < text.index("The end.") < text.index("Another page,")
    assert {"A lesson", "Recap", "More"} <= {*titles(pdf.outline)}


def test_answers_are_open_and_the_explorer_says_where_it_moves(pdf):
    text = text_of(pdf)
    assert "A folded answer." in text
    assert "Unfolded, too." in text
    assert "It is solved." in text
    assert "A line of slope 1." in text
    address = "https://a-teacher.github.io/deep-nets/book/lesson.html"
    assert "Its controls work on the website: https://a-teacher" in text
    marks = [mark.get_object() for page in pdf.pages for mark in page.get("/Annots", [])]
    addresses = {mark["/A"]["/URI"] for mark in marks if "/URI" in mark.get("/A", {})}
    assert address in addresses
    assert not [one for one in addresses if one.startswith("file:")]
    assert "Run this cell to wake" not in text


def test_links_inside_lead_to_their_own_chapter(pdf):
    """Both pages have a section of the same name, and a link to their own."""
    pages = [" ".join(page.extract_text().split()) for page in pdf.pages]
    goals = {}
    for number, page in enumerate(pdf.pages):
        for mark in (one.get_object() for one in page.get("/Annots", [])):
            if "/Dest" in mark and "to the end of this" in pages[number]:
                found = pdf.named_destinations.get(str(mark["/Dest"]))
                goals.setdefault(number, set()).add(pdf.get_destination_page_number(found))
    (first, to_first), (second, to_second) = sorted(goals.items())
    assert min(to_first) >= first and max(to_first) < second
    assert min(to_second) >= second


def test_math_is_set_and_the_frame_is_there(pdf):
    assert "$" not in text_of(pdf)
    assert "operatorname" not in text_of(pdf)
    assert sum(len(page.images) for page in pdf.pages) >= 1


def test_without_a_browser_it_says_what_is_missing(run_python):
    nowhere = run_python("book/tools/pdf.py", PATH="", CH11_BROWSER="")
    assert nowhere.returncode != 0
    assert "needs Chromium or Chrome" in nowhere.stderr
