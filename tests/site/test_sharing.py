"""What a shared link shows, and whose Binder a fork's pages open."""

import re
import tomllib

import pytest
import site_build
from bs4 import BeautifulSoup
from conftest import ROOT, build_site
from small_course import small_course

PAGES = site_build.toc_pages()
FORK = "a-teacher/deep-nets"
SITE = "https://a-teacher.github.io/deep-nets/"
TEXT = "# A lesson\n\nLayers, one above the other, learn in small steps."


def soup(path):
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def head(html, page):
    """Return the part of a page that is not shown; the rest need not be read."""
    text = (html / f"{page}.html").read_text(encoding="utf-8")
    return BeautifulSoup(text[: text.index("</head>")], "html.parser")


def meta(document, name):
    found = document.find_all("meta", attrs={"property": name}) + document.find_all(
        "meta", attrs={"name": name}
    )
    assert len(found) == 1, f"{name} is there {len(found)} times"
    return found[0]["content"]


def test_title_and_description(html):
    """Each page has its own, of a length that a preview shows."""
    titles, descriptions = [], []
    for page in PAGES:
        document = head(html, page)
        title, description = document.title.get_text(), meta(document, "description")
        assert title.endswith("Training Deep Neural Networks"), page
        assert meta(document, "og:title") in title, page
        assert 40 <= len(description) <= 203, f"{page}: {description}"
        assert description == meta(document, "og:description"), page
        titles.append(meta(document, "og:title"))
        descriptions.append(description)
    assert sorted({*titles}) == sorted(titles)
    assert sorted({*descriptions}) == sorted(descriptions)


def test_without_a_repository_no_button_is_dead(html):
    for page in PAGES:
        text = (html / f"{page}.html").read_text(encoding="utf-8")
        assert not re.findall(r'href="[^"]*(?:mybinder|colab\.research)[^"]*"', text), page
        assert "btn-launch" not in text and "btn-source-repository" not in text


def test_a_fork_opens_its_own_binder(tmp_path):
    course = small_course(tmp_path / "course", {"lesson": TEXT})
    built = build_site(course, tmp_path / "out", repository=FORK)
    assert built.returncode == 0, built.stdout[-2000:] + built.stderr[-2000:]
    document = soup(tmp_path / "out" / "_build" / "html" / "book" / "lesson.html")
    links = [a["href"] for a in document.find_all("a", href=True)]
    binder = [link for link in links if "mybinder.org" in link]
    assert binder and all(f"/gh/{FORK}/main" in link for link in binder)
    assert all("book/lesson.ipynb" in link for link in binder)
    assert f"https://github.com/{FORK}" in links
    assert meta(document, "og:url") == SITE + "book/lesson.html"
    card = meta(document, "og:image")
    assert card.startswith(SITE)
    assert (tmp_path / "out" / "_build" / "html" / card.removeprefix(SITE)).stat().st_size > 5_000


@pytest.mark.parametrize(
    ("repository", "address"),
    [
        ("", ""),
        (FORK, SITE),
        ("Teacher/teacher.github.io", "https://teacher.github.io/"),
        ("Teacher/Nets", "https://teacher.github.io/Nets/"),
    ],
)
def test_address_on_github_pages(monkeypatch, repository, address):
    monkeypatch.setenv("GITHUB_REPOSITORY", repository)
    assert site_build.site_url() == address


@pytest.mark.parametrize("wrong", ["nets", "a/b/c", "a b/c", "https://github.com/a/b"])
def test_a_wrong_repository_is_refused(monkeypatch, wrong):
    monkeypatch.setenv("GITHUB_REPOSITORY", wrong)
    with pytest.raises(SystemExit, match="must be 'owner/name'"):
        site_build.site_url()


def pins(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    found = (line.partition(" ;")[0] for line in lines if line and not line.startswith("#"))
    return dict(line.split("==") for line in found)


def test_binder_installs_what_a_runner_needs_as_locked():
    """repo2docker reads these three files; the versions are those that the tests run with."""
    binder = ROOT / ".binder"
    assert {path.name for path in binder.iterdir()} == {
        "runtime.txt",
        "requirements.txt",
        "postBuild",
    }
    assert (binder / "runtime.txt").read_text().strip() == "python-3.11"
    there = pins(binder / "requirements.txt")
    locked = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    for name, version in there.items():
        assert re.search(rf"^{re.escape(name)}=={re.escape(version)}( ;|$)", locked, re.M), name
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = project["dependency-groups"]["run"] + project["project"]["dependencies"]
    assert {re.match(r"[\w-]+", need)[0] for need in wanted} <= {*there}
    others = {"jax", "jaxlib", "jupyterhub", "nbgrader", "playwright", "sphinx", "jupyter-book"}
    assert others & {*there} == set(), "students need none of these, nor should see them"


def test_binder_prepares_kernels_and_lessons():
    build = ROOT / ".binder" / "postBuild"
    assert build.stat().st_mode & 0o111, "repo2docker runs it"
    commands = [line for line in build.read_text().splitlines() if line.startswith("python")]
    assert commands == [
        "python -m pip install --no-deps --no-build-isolation --editable .",
        "python book/tools/runner.py",
        "python book/tools/jupyter_edition.py --in-place",
    ]


def test_tools_of_binder_import_nothing_that_is_not_there(run_python):
    missing = ["nbgrader", "sphinx", "docutils", "jupyter_book", "playwright", "jax"]
    code = (
        "import sys\n"
        f"sys.modules.update(dict.fromkeys({missing}))\n"  # None: cannot be imported
        "sys.path.insert(0, 'book/tools')\n"
        "import jupyter_edition, runner"
    )
    done = run_python("-c", code)
    assert done.returncode == 0, done.stderr
