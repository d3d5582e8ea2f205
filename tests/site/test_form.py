"""The form of a page: claims, folded code, tables, drawings, pictures, light and dark."""

import base64
import io
import itertools
import json
import re

import browser
import drawings
import finished_pages
import form
import matplotlib.pyplot as plt
import pytest
import yaml
from bs4 import BeautifulSoup
from conftest import ROOT, build_site
from nbformat.v4 import new_code_cell, new_output
from PIL import Image
from small_course import small_course

CLAIM = {"tags": ["margin", "hide-input"]}
TEXT = "The slope of the sigmoid is at most one quarter, because it is $s(1 - s)$. " * 4
SENTENCE = "A sigmoid's slope is never more than 1/4 < 1."
DRAWING = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 60">
<title>hover</title><style>* { color: red }</style>
<defs><marker id="head"><path d="M0 0L8 4L0 8z"/></marker></defs>
<path id="line" d="M10 30H290" stroke="currentColor" marker-end="url(#head)"/><use href="#line"/>
</svg>"""
FIGURE = """```{figure} drawings/chain.svg
:name: chain
:alt: An arrow from left to right.

A chain.
```

See {numref}`chain`."""
WIDE = "$$" + r"\frac{\partial a_{20}}{\partial a_{19}} \cdot " * 12 + "1$$"


def plot(dpi):
    """A PNG as base64: a red square on white."""
    figure = plt.figure(figsize=(2, 1), dpi=dpi)
    figure.add_artist(plt.Rectangle((0.25, 0.25), 0.5, 0.5, color="#d55e00"))
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=dpi)
    plt.close(figure)
    return base64.b64encode(file.getvalue()).decode()


def cell(source, *outputs, **metadata):
    return new_code_cell(source, outputs=list(outputs), metadata=metadata)


def printed(text):
    return new_output("stream", name="stdout", text=text)


def shown(kind, content, **metadata):
    return new_output("display_data", data={kind: content}, metadata={kind: metadata})


ALT = {"mystnb": {"image": {"alt": "A red square."}}}
TABLE = "<table><tr>" + "".join(f"<th>rate 0.{k:05}</th>" for k in range(14)) + "</tr></table>"
PAGE = [
    f"# A lesson\n\n## Claims\n\n{TEXT}",
    cell("check(SLOPE)", printed(f"✓ {SENTENCE}\n✓ A second claim.\n"), **CLAIM),
    f"{TEXT}\n\n## Folded",
    cell(
        "measure()",
        shown("text/html", TABLE),
        tags=["hide-input"],
        mystnb={"code_prompt_show": "How we measured"},
    ),
    f"## Pictures\n\n{FIGURE}",
    cell("draw()", shown("image/png", plot(110)), **ALT),
    cell("draw()", shown("image/png", plot(220)), **ALT),
    cell("draw()", shown("image/png", plot(300), width=150, height=75), **ALT),
    cell("draw()", shown("image/png", plot(110)), tags=["keep-colors"], **ALT),
    f"## Formulas\n\n{WIDE}\n\n" + f"{TEXT}\n\n" * 20 + "## Recap\n\n" + f"{TEXT}\n\n" * 20,
    cell("x = 1  # " + "long " * 40),
]


@pytest.fixture(scope="module")
def lesson(tmp_path_factory):
    """The folder of a small site with one lesson."""
    folder = tmp_path_factory.mktemp("form")
    course = small_course(folder / "course", {"lesson": PAGE})
    (course / "book" / "drawings").mkdir()
    (course / "book" / "drawings" / "chain.svg").write_text(DRAWING)
    built = build_site(course, folder)
    assert built.returncode == 0, built.stdout[-2000:] + built.stderr[-2000:]
    return folder / "_build" / "html"


@pytest.fixture(scope="module")
def soup(lesson):
    return BeautifulSoup((lesson / "book" / "lesson.html").read_text(), "html.parser")


@pytest.fixture(params=["light-1400", "dark-1400", "light-390"])
def page(chromium, lesson, request):
    scheme, width = request.param.split("-")
    context = chromium.new_context(
        viewport={"width": int(width), "height": 900},
        color_scheme=scheme,
        reduced_motion="reduce",
    )
    opened = context.new_page()
    watched = browser.Watched(opened)
    form.watch_shifts(opened)
    with browser.serve(lesson) as url:
        opened.goto(f"{url}/book/lesson.html", wait_until="load")
        opened.wait_for_function(form.IS_SET)
        yield opened
    watched.assert_clean()
    context.close()


def is_wide(page):
    return page.viewport_size["width"] > 1000


def is_dark(page):
    return page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")


def test_a_claim_is_a_note_with_its_code_folded(soup):
    (note,) = soup.select(".claims")
    assert note["role"] == "note"
    lines = [line.get_text() for line in note.select("li")]
    assert lines == [f"Checked: {SENTENCE}", "Checked: A second claim."]
    assert "✓" not in note.get_text(), "screen readers hear a word; the tick is drawn"
    assert note.select_one("details:not([open]) pre").get_text().strip() == "check(SLOPE)"
    assert note.summary.get_text() == "Show the code"
    assert "tag_margin" not in str(soup.select(".cell"))


def test_a_claim_stands_beside_its_paragraph_or_below_it(page):
    note = page.locator(".claims").bounding_box()
    text = page.locator(".claimed > p").bounding_box()
    if is_wide(page):
        assert note["x"] >= text["x"] + text["width"]
        assert abs(note["y"] - text["y"]) < 12
        assert note["x"] + note["width"] <= page.viewport_size["width"]
    else:
        assert note["y"] >= text["y"] + text["height"]
    page.locator(".claims summary").click()
    code = page.locator(".claims pre")
    code.wait_for(state="visible")
    assert code.bounding_box()["width"] > 300, "code is read in the column"


def test_a_folded_cell_says_what_is_inside(soup, page):
    summary = page.locator(".cell.tag_hide-input details.hide > summary")
    assert summary.inner_text().strip() == "How we measured"
    summary.click()
    page.locator(".cell.tag_hide-input .cell_input").wait_for(state="visible")
    assert summary.inner_text().strip() == "How we measured"
    folded = soup.select_one("details.hide > summary")
    assert not folded.get("aria-label"), "its text is its name"


def test_form_of_the_page(page):
    form.check_form(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    assert page.locator(form.LINKS).count() >= 5


@pytest.mark.parametrize("page", ["light-390"], indirect=True)
@pytest.mark.parametrize(
    ("html", "find"),
    [
        ("<img alt=x>", form.unsized_pictures),
        ("<div style='overflow: hidden'><table style='width: 3000px'><td>1</table></div>", "cut"),
    ],
)
def test_bad_form_is_found(page, html, find):
    page.evaluate(
        "html => document.querySelector('.bd-article').insertAdjacentHTML('afterbegin', html)", html
    )
    assert (form.cut_parts if find == "cut" else find)(page) != []


@pytest.mark.parametrize("page", ["light-1400"], indirect=True)
def test_a_page_that_jumps_is_found(page):
    """A picture that comes late pushes the text away, and a heading below it."""
    page.evaluate("""() => {
        const late = document.createElement("div");
        late.style.height = "400px";
        document.querySelector(".bd-article h1").before(late);
    }""")
    page.wait_for_function("ch11Shift > 0.05")
    page.evaluate("""() => {
        document.documentElement.style.overflowAnchor = "none";
        document.body.style.overflowAnchor = "none";
        let late = 0;
        addEventListener("scroll", () => {
            late += 300;
            document.querySelector(".bd-article h1").style.marginTop = `${late}px`;
        });
    }""")
    assert form.missed_headings(page) != []


def test_pictures_have_the_size_of_what_they_show(soup):
    sizes = [(image["width"], image["height"]) for image in soup.select(".cell_output img")]
    assert sizes == [("220", "110"), ("220", "110"), ("150", "75"), ("220", "110")]
    loading = [image.get("loading") for image in soup.select(".cell_output img")]
    assert loading[1:] == ["lazy"] * 3


@pytest.mark.parametrize("kind", ["png", "webp", "jpeg", "gif"])
def test_size_of_any_picture(tmp_path, kind):
    Image.new("RGB", (30, 20)).save(tmp_path / f"x.{kind}")
    content = (tmp_path / f"x.{kind}").read_bytes()
    inside = f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
    for source in (f"x.{kind}", inside):
        tag = f'<img alt="a > b" src="{source}">'
        expected = tag.replace("<img", '<img width="30" height="20"')
        assert finished_pages.finish(tag, tmp_path) == expected
        assert finished_pages.finish(expected, tmp_path) == expected


def test_size_of_an_svg_file(tmp_path):
    (tmp_path / "a.svg").write_text('<svg xmlns="x" viewBox="0 0 64 48.2"></svg>')
    (tmp_path / "b.svg").write_text('<?xml version="1.0"?><svg width="32px" height="24"></svg>')
    assert 'width="64" height="48"' in finished_pages.finish('<img src="a.svg">', tmp_path)
    assert 'width="32" height="24"' in finished_pages.finish('<img src="b.svg">', tmp_path)


def test_plots_keep_their_pixels_in_fewer_bytes(tmp_path):
    """PNG becomes lossless WebP, unless that is larger; every page shows the new file."""
    smooth = Image.linear_gradient("L").convert("RGB").resize((300, 300))
    smooth.save(tmp_path / "plot.png", compress_level=0)
    Image.new("1", (1, 1)).save(tmp_path / "other.webp")
    assert finished_pages.shrink_pictures(tmp_path) == {"plot.png": "plot.webp"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.webp", "plot.webp"]
    with Image.open(tmp_path / "plot.webp") as stored:
        assert stored.convert("RGB").tobytes() == smooth.tobytes()


def test_a_drawing_is_part_of_the_page(soup, page):
    (drawing,) = soup.select("figure svg.drawing")
    assert drawing["role"] == "img"
    assert drawing["aria-label"] == "An arrow from left to right."
    assert (drawing["width"], drawing["height"]) == ("300", "60")
    assert drawing.select_one("#chain-line")["marker-end"] == "url(#chain-head)"
    assert drawing.use["href"] == "#chain-line"
    assert not drawing.select("style, title")
    assert "Fig. 1" in soup.figcaption.get_text()
    color = "getComputedStyle(document.querySelector('{}')).{}"
    stroke = page.evaluate(color.format("#chain-line", "stroke"))
    assert stroke == page.evaluate(color.format("figure", "color"))
    assert (sum(map(int, re.findall(r"\d+", stroke)[:3])) > 380) == is_dark(page)


@pytest.mark.parametrize("box", ["", 'viewBox="0 0 10"', 'viewBox="a b c d"'])
def test_a_drawing_needs_a_viewbox(box):
    with pytest.raises(ValueError, match=r"viewBox of chain is .*four numbers"):
        drawings.inline_svg(f'<svg xmlns="http://www.w3.org/2000/svg" {box}/>', "chain", "x")


def test_plots_do_not_glare_in_the_dark(page):
    """The ground of a plot is the page's, its colors keep their hue; a photograph stays."""
    pictures = page.locator(".cell_output img")
    for number, picture in enumerate(pictures.all()):
        picture.scroll_into_view_if_needed()
        page.wait_for_function("one => one.complete", arg=picture.element_handle())
        image = Image.open(io.BytesIO(picture.screenshot())).convert("RGB")
        ground = image.getpixel((5, 5))
        red, green, blue = image.getpixel((image.width // 2, image.height // 2))
        assert red > green > blue, "orange on white, orange on black"
        if is_dark(page) and number < 3:
            assert max(ground) < 40
        elif is_dark(page):
            assert 180 < min(ground) < 240, "a photograph is only less bright"
        else:
            assert ground == (255, 255, 255)


def test_the_site_is_small(html):
    """15 MB, with the fonts of formulas and their licence."""
    files = [path for path in html.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 15e6
    math = html / "_static" / "mathjax"
    assert "Apache License" in (math / "LICENSE").read_text()
    assert {path.suffix for path in math.rglob("*") if path.is_file()} == {".woff", ""}


def test_no_page_waits_for_a_script_that_draws_icons(html):
    pages = [path for path in html.rglob("*.html") if "_static" not in path.parts]
    assert len(pages) > 20
    for path in pages:
        assert not re.search(r"<script[^>]*fontawesome", path.read_text()), path
    assert not list(html.glob("_static/vendor/fontawesome/*/js/*.js"))


def workflows():
    folder = ROOT / ".github" / "workflows"
    return {path.name: yaml.safe_load(path.read_text()) for path in folder.glob("*.yml")}


def ancestors(jobs, name):
    """Return all jobs that `name` waits for."""
    needs = jobs[name].get("needs", [])
    needs = [needs] if isinstance(needs, str) else needs
    return {*needs, *itertools.chain.from_iterable(ancestors(jobs, one) for one in needs)}


def test_the_website_waits_for_the_tests():
    found = workflows()
    deploy = found["deploy.yml"]
    trigger = deploy[True]  # YAML's "on"
    assert list(trigger) == ["workflow_run"]
    assert trigger["workflow_run"]["workflows"] == [found["ci.yml"]["name"]] == ["CI"]
    assert trigger["workflow_run"]["branches"] == ["main"]
    assert trigger["workflow_run"]["types"] == ["completed"]
    jobs = deploy["jobs"]
    for name, job in jobs.items():
        if not job.get("needs"):
            assert "workflow_run.conclusion == 'success'" in job["if"], name
            assert "workflow_run.event == 'push'" in job["if"], name
        for step in job["steps"]:
            if "checkout" in step.get("uses", ""):
                assert "workflow_run.head_sha" in step["with"]["ref"], "what was tested"
    assert any("bash .ci/run" in json.dumps(job) for job in found["ci.yml"]["jobs"].values())


def test_a_release_carries_the_tested_site():
    release = workflows()["release.yml"]
    assert release[True]["release"]["types"] == ["published"]
    jobs = release["jobs"]
    (writer,) = [name for name, job in jobs.items() if "write" in job["permissions"].values()]
    assert "gh release upload" in json.dumps(jobs[writer])
    assert "site.zip" in json.dumps(jobs[writer])
    assert ancestors(jobs, writer) == {"test", "site"}
    assert "bash .ci/run" in json.dumps(jobs["test"])


def test_what_may_write_runs_no_code_of_the_course():
    for name, workflow in workflows().items():
        for title, job in workflow["jobs"].items():
            allowed = job.get("permissions", workflow.get("permissions"))
            if name in ("deploy.yml", "release.yml"):
                assert workflow["permissions"] == {}, name
                assert job["permissions"], f"{name}: {title}"
            if allowed and "write" in allowed.values():
                commands = " ".join(step.get("run", "") for step in job["steps"])
                assert not re.search(r"\b(make|python|pip|bash)\b", commands), f"{name}: {title}"
