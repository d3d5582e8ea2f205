"""The edition for Colab: its text, its first cell, its branch, and lessons that run there."""

import base64
import os
import re
import subprocess
from xml.etree import ElementTree

import colab
import nbformat
import plain_markdown
import pytest
import yaml
from bs4 import BeautifulSoup
from conftest import ROOT, build_site
from nbclient import NotebookClient
from small_course import small_course

FORK = "a-teacher/deep-nets"
SITE = "https://a-teacher.github.io/deep-nets/"
CALLED = {"eq-a": "(2)", "tbl-a": "Table 1", "fig-a": "Figure 3"}
CHAIN = "drawings/vanishing_gradients_chain.svg"
HUB = "hub/install.sh"
DETAILS = "<details><summary>Why?</summary>\n\nThe loss.\n</details>\n\nThe loss"
MYST = r"\{[a-z:-]+\}`|^:::|^```\{|^:[a-z-]+:|\[\]\(|\$\$ \(|\]\((?!https?://|#)"


@pytest.fixture(scope="module")
def edition(tmp_path_factory):
    """Make the edition of a fork as the workflow does; return its folder."""
    output = tmp_path_factory.mktemp("colab")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GITHUB_REPOSITORY", FORK)
        patch.setenv("GITHUB_SHA", "c0ffee")
        patch.setattr("sys.argv", ["colab.py", "--output", str(output)])
        colab.main()
    return output


@pytest.fixture(scope="module")
def book():
    return plain_markdown.Book.read(ROOT / "book", SITE)


def read(folder, page):
    return nbformat.read(folder / f"{page}.ipynb", as_version=4)


def test_pages_are_those_that_need_no_file_of_the_repository(edition):
    made = {path.relative_to(edition).with_suffix("").as_posix() for path in edition.rglob("*.*")}
    assert made == {*colab.pages()}
    assert {"book/dropout", "book/intro", "book/deep_network_project"} <= made
    assert "book/what_it_costs" not in made, "it reads the stored measurements"


@pytest.mark.parametrize("page", colab.pages())
def test_text_holds_no_myst(edition, page):
    prose = [c.source for c in read(edition, page).cells if c.cell_type == "markdown"]
    assert f"{SITE}{page}.html" in prose[0]
    assert re.findall(MYST, "\n".join(prose), re.M) == []


@pytest.mark.parametrize("page", colab.pages())
def test_code_and_outputs_are_those_of_the_lesson(edition, page):
    made, lesson = (
        [
            (re.sub(r"\A#@title .*\n", "", c.source), c.outputs)
            for c in read(folder, page).cells
            if c.cell_type == "code"
        ]
        for folder in (edition, ROOT)
    )
    assert made[1:] == lesson
    assert f'"ch11lib @ https://github.com/{FORK}/archive/c0ffee.zip"' in made[0][0]


def test_folded_cells_are_forms_that_say_what_is_inside(tmp_path, book):
    label = {"code_prompt_show": "How we measured"}
    cells = [
        nbformat.v4.new_markdown_cell("# Dropout"),
        nbformat.v4.new_code_cell("x = 1"),
        nbformat.v4.new_code_cell("y = 2", metadata={"tags": ["hide-input"], "mystnb": label}),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "dropout.ipynb")
    made = colab.edition(tmp_path / "dropout.ipynb", "ch11lib", SITE, book).cells
    assert made[-1].source == "#@title How we measured\ny = 2"
    assert made[-1].metadata["cellView"] == "form"
    assert made[-2].source == "x = 1" and "cellView" not in made[-2].metadata


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("a {term}`softmax`", "a softmax"),
        ("{term}`Self-normalization <self-normalization>`", "Self-normalization"),
        ("see [](max_norm)", f"see [Max-norm regularization]({SITE}book/max_norm.html)"),
        ("see {doc}`max_norm`.", f"see [Max-norm regularization]({SITE}book/max_norm.html)."),
        ("[it](max_norm.ipynb#why)", f"[it]({SITE}book/max_norm.html#why)"),
        ("[API](api/dropout.md#x)", f"[API]({SITE}book/api/dropout.html#x)"),
        ("{cite:t}`glorot2010`", f"[Glorot and Bengio (2010)]({SITE}book/bibliography.html)"),
        ("{cite:p}`gal2016`", f"([Gal and Ghahramani, 2016]({SITE}book/bibliography.html))"),
        ("{eq}`eq-a`", "(2)"),
        ("{numref}`tbl-a`", "Table 1"),
        ("{numref}`fig-a`", "Figure 3"),
        (
            ":::{table} Rows.\n:name: tbl-a\n\n| a |\n|---|\n:::",
            "**Table 1. Rows.**\n\n| a |\n|---|",
        ),
        ("$$\nx\n$$ (eq-a)", "$$\nx \\tag{2}\n$$"),
        ("$$\nx\n$$", "$$\nx\n$$"),
        (DETAILS.replace("loss", "{term}`loss`"), DETAILS),
        ("```text\n:::{note}\n:::\n```", "```text\n:::{note}\n:::\n```"),
        ("$$[](a)$$ and `[](a)`", "$$[](a)$$ and `[](a)`"),
        ("```python\n{term}`a`\n```", "```python\n{term}`a`\n```"),
        ("### Exercise: Why?\n\nSay {term}`loss`.", "### Exercise: Why?\n\nSay loss."),
        (
            f"```{{literalinclude}} {HUB}\n:language: bash\n:start-at: jupyterhub --config\n```",
            f"```bash\n{(ROOT / 'book' / HUB).read_text().splitlines()[-1]}\n```",
        ),
    ],
)
def test_plain_markdown(book, text, plain):
    found = book.plain(text, CALLED).strip("\n")
    assert found == plain


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (":::{note} a\n:::", "'note' is not known"),
        ("::::{grid} 2\n::::", "'grid' is not known"),
        ("```{literalinclude} hub/install.sh\n:lines: 1\n```", "of 'hub/install.sh' are not"),
        (":::{figure} a.png\n:alt: A\n:::", "'a.png' is no drawing"),
        (f":::{{figure}} {CHAIN}\n:name: fig-a\n:::", "has no :alt:"),
        ("{eq}`eq-b`", "'eq-b' is not in this notebook"),
        ("{prf:ref}`a`", "'prf:ref' is not known"),
        ("{any-role}`a`", "'any-role' is not known"),
        ("{ref}`a`", "'ref' is not known"),
        (":::{exercise} Why?\n:label: w\n:::", "'exercise' is not known"),
        ("[](nowhere)", "'nowhere' leads to no page"),
        ("{cite:p}`nobody1999`", "'nobody1999' is not in the bibliography"),
    ],
)
def test_what_is_not_known_is_an_error(book, text, message):
    with pytest.raises(ValueError, match=message):
        book.plain(text, CALLED)


def test_a_drawing_is_in_the_notebook_itself(book):
    text = f""":::{{figure}} {CHAIN}
:name: fig-a
:alt: Four units, "in a row".
:width: 448px
:height: 244px

A chain of {{term}}`units <unit>`, each times $w$.
:::

And on."""
    plain = book.plain(text, CALLED)
    image = BeautifulSoup(plain, "html.parser").img
    assert (image["alt"], image["width"], image["height"]) == (
        'Four units, "in a row".',
        "448",
        "244",
    )
    assert "\n\n**Figure 3.** A chain of units, each times $w$.\n\nAnd on." in plain
    kind, _, data = image["src"].partition(",")
    assert kind == "data:image/svg+xml;base64"
    svg = ElementTree.fromstring(base64.b64decode(data))
    assert svg.tag == "{http://www.w3.org/2000/svg}svg"
    assert svg.get("style") == "color: black; background: white"
    there = ElementTree.fromstring((ROOT / "book" / CHAIN).read_text())
    assert [*map(str.strip, svg.itertext())][-1] == [*map(str.strip, there.itertext())][-1]


def test_figures_tables_and_equations_are_numbered_in_order():
    drawing = ":::{figure} a.svg\n:alt: A\n:name: fig-a\n\nA.\n:::"
    named = {"mystnb": {"figure": {"caption": "B", "name": "fig-b"}}}
    cells = [
        nbformat.v4.new_markdown_cell("$$x$$ (eq-a)\n\n" + drawing),
        nbformat.v4.new_code_cell("", metadata=named),
        nbformat.v4.new_markdown_cell(":::{table} T\n:name: tbl-a\n:::\n\n$$y$$ (eq-b)"),
        nbformat.v4.new_markdown_cell(drawing.replace("fig-a", "fig-c")),
    ]
    assert plain_markdown.numbers(cells) == {
        "eq-a": "(1)",
        "fig-a": "Figure 1",
        "fig-b": "Figure 2",
        "tbl-a": "Table 1",
        "eq-b": "(2)",
        "fig-c": "Figure 3",
    }


def test_caption_of_a_plot_stands_below_it_and_forms_run(tmp_path, book):
    figure = {"caption": "It falls, see {numref}`fig-a`.", "name": "fig-a"}
    cells = [
        nbformat.v4.new_markdown_cell("# Dropout"),
        nbformat.v4.new_code_cell("x = 1"),
        nbformat.v4.new_code_cell(
            "import matplotlib.pyplot as plt\nplt.plot([x, 0])\nplt.show()",
            metadata={"tags": ["hide-input"], "mystnb": {"figure": figure}},
        ),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "dropout.ipynb")
    made = colab.edition(tmp_path / "dropout.ipynb", "ch11lib", SITE, book)
    nbformat.validate(made)
    assert made.cells[-1].source == "**Figure 1.** It falls, see Figure 1."
    assert made.cells[-2].source.startswith("#@title Code\n")
    NotebookClient(made, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert "image/png" in made.cells[-2].outputs[0].data


def test_a_fork_opens_its_own_edition(tmp_path):
    lesson, reads = "# A lesson\n\nLayers.", "# A page\n\nIt reads a file."
    course = small_course(tmp_path / "course", {"lesson": lesson, "reads": reads})
    path = course / "book" / "reads.ipynb"
    page = nbformat.read(path, as_version=4)
    page.cells.append(nbformat.v4.new_code_cell('open("../tests/a.json")'))
    nbformat.write(page, path)
    built = build_site(course, tmp_path / "out", repository=FORK)
    assert built.returncode == 0, built.stdout[-2000:] + built.stderr[-2000:]
    links = {}
    for name in ("lesson", "reads"):
        html = (tmp_path / "out" / "_build" / "html" / "book" / f"{name}.html").read_text()
        found = BeautifulSoup(html, "html.parser").find_all("a", href=True)
        links[name] = [a["href"] for a in found if re.search("colab|mybinder", a["href"])]
    address = f"https://colab.research.google.com/github/{FORK}/blob/{colab.BRANCH}"
    assert f"{address}/book/lesson.ipynb" in links["lesson"]
    assert any("mybinder.org" in link for link in links["reads"]), "Binder has all files"
    assert not any("colab" in link for link in links["reads"])


def test_workflow_stores_the_edition_in_its_branch(tmp_path):
    """Run the workflow's own command, with a repository on this disk in the place of GitHub."""
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "deploy.yml").read_text())
    job = workflow["jobs"]["colab-branch"]
    assert job["permissions"] == {"contents": "write"}
    (store,) = [step["run"] for step in job["steps"] if "run" in step]
    made = [step.get("run", "") for step in workflow["jobs"]["colab"]["steps"]]
    assert 'GITHUB_SHA="$TESTED" make colab' in made
    environment = {**os.environ, **job["env"], "TESTED": "c0ffee", "HOME": str(tmp_path)}

    def git(*arguments, folder=tmp_path):
        command = ["git", "-c", "init.defaultBranch=main", *arguments]
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    git("init", "--bare", "github")
    git("clone", str(tmp_path / "github"), "checkout")
    checkout = tmp_path / "checkout"
    (checkout / "README.md").write_text("a course")
    git("add", ".", folder=checkout)
    git("commit", "-m", "start", folder=checkout)
    for number in (1, 2):  # the second time over the first
        made = checkout / "_build" / "colab" / "book"
        made.mkdir(parents=True, exist_ok=True)
        (made / "lesson.ipynb").write_text(f"edition {number}")
        subprocess.run(["bash", "-e", "-c", store], cwd=checkout, env=environment, check=True)
    stored = tmp_path / "github"
    assert git("ls-tree", "-r", "--name-only", "colab", folder=stored) == "book/lesson.ipynb\n"
    assert git("show", "colab:book/lesson.ipynb", folder=stored) == "edition 2"
    assert git("status", "--short", "README.md", folder=checkout) == "", "the checkout stays"


@pytest.mark.parametrize(("name", "value"), [("REPOSITORY", ""), ("SHA", "a b")])
def test_wrong_settings_are_refused(monkeypatch, tmp_path, name, value):
    monkeypatch.setenv("GITHUB_REPOSITORY", FORK)
    monkeypatch.setenv(f"GITHUB_{name}", value)
    monkeypatch.setattr("sys.argv", ["colab.py", "--output", str(tmp_path)])
    with pytest.raises(SystemExit, match=f"GITHUB_{name} is"):
        colab.main()
