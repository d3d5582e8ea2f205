"""The explorers of the built pages: sharp, legible on a phone, files that come in time."""

import base64
import io
import json
import re

import browser
import explorers
import pytest
import site_build
import visits
from conftest import ROOT
from notebooks import SECOND_EDITION
from PIL import Image

PAGES = [
    page
    for page in site_build.toc_pages()
    if (ROOT / f"{page}.ipynb").exists()
    and "ch11-explore" in (ROOT / f"{page}.ipynb").read_text(encoding="utf-8")
]
#: Frames of these lessons have one pixel for one of the page until they are executed again.
SOFT = {
    "data_parallel",
    "deep_network_project",
    "dropout",
    "guidelines",
    "l1_l2_early_stopping",
    "learning_rate_schedules",
    "max_norm",
    "mc_dropout",
    "optimizers",
    "transfer_learning",
    "unsupervised_pretraining",
}
#: Pixels of the page in a point of a figure's text.
POINT = 110 / 72
SMALLEST = 9.0
PICTURES = """[...document.querySelectorAll("figure.ch11-explore img")].map(one => [
    one.getBoundingClientRect().width, one.getAttribute("width"), one.naturalWidth])"""


def text_size(page):
    """Return the smallest size of text, in points, that the figures of a lesson may have."""
    name = page.split("/")[1]
    sources = [(ROOT / "ch11lib" / "course.mplstyle").read_text(encoding="utf-8")]
    notebook = json.loads((ROOT / f"{page}.ipynb").read_text(encoding="utf-8"))
    sources += ["".join(cell["source"]) for cell in notebook["cells"]]
    if (module := ROOT / "ch11lib" / f"{name}.py").exists():
        sources.append(module.read_text(encoding="utf-8"))
    text = "\n".join(sources)
    assert not re.search(r"size\s*[=:]\s*[\"']?(?:x+-)?small", text), "sizes are numbers"
    return min(map(float, re.findall(r"(?:fontsize|labelsize|font\.size)\s*[=:]\s*([\d.]+)", text)))


def too_small(page, name):
    """Return the pictures in which a label has less than nine pixels."""
    page.evaluate(visits.LOAD_PICTURES)
    sizes = [
        shown / int(width) * text_size(name) * POINT for shown, width, _ in page.evaluate(PICTURES)
    ]
    assert sizes
    return [f"{size:.1f} px" for size in sizes if size < SMALLEST]


@pytest.mark.parametrize("name", PAGES)
def test_labels_are_legible_on_a_phone(chromium, site, name):
    """All frames of an explorer have one size, which `explore` sees to."""
    with browser.new_page(chromium, 390) as watched:
        visits.load(watched.page, f"{site}/{name}.html")
        assert too_small(watched.page, name) == []
        watched.page.add_style_tag(
            content=".bd-article .ch11-explore .picture img[width] { width: 12rem !important; }"
        )
        assert too_small(watched.page, name) != [], "a picture that is too small is found"


@pytest.mark.parametrize("name", PAGES)
def test_frames_are_sharp(html, name):
    """Each has two pixels for one of the page, or is known to be soft."""
    found = 0
    text = (html / f"{name}.html").read_text(encoding="utf-8")
    for figure in re.findall(r'<figure class="ch11-explore.*?</figure>', text, re.DOTALL):
        data = json.loads(explorers.DATA.search(figure)[1])
        width = int(re.search(r'<img[^>]* width="(\d+)"', figure)[1])
        for frame in data["frames"]:
            found += 1
            with Image.open(html / "book" / data["prefix"] / frame) as image:
                is_sharp = image.width == 2 * width
            assert is_sharp or name.split("/")[1] in SOFT - SECOND_EDITION, frame
    assert found


def explorer(*colors):
    """An explorer as it is stored, with a picture of each color."""
    frames = []
    for color in colors:
        file = io.BytesIO()
        Image.new("RGB", (4, 2), color).save(file, "webp", lossless=True)
        frames.append(base64.b64encode(file.getvalue()).decode())
    prefix = "data:image/webp;base64,"
    data = json.dumps({"prefix": prefix, "frames": frames, "alts": [r"<\/"]}).replace("\\\\", "\\")
    return (
        f'<figure class="ch11-explore"><img src="{prefix}{frames[0]}" alt="">'
        f'<script type="application/json">{data}</script></figure>'
    )


def test_frames_become_files(tmp_path):
    placed = explorers.with_files(explorer("red", "blue", "red"), tmp_path, "../_images/")
    data = json.loads(explorers.DATA.search(placed)[1])
    assert data["prefix"] == "../_images/"
    assert data["frames"][0] == data["frames"][2] != data["frames"][1]
    assert f'src="../_images/{data["frames"][0]}"' in placed
    assert "base64" not in placed and "</" not in explorers.DATA.search(placed)[1]
    assert {path.name for path in tmp_path.iterdir()} == {*data["frames"]}
    with Image.open(tmp_path / data["frames"][1]) as image:
        assert image.convert("RGB").getpixel((0, 0)) == (0, 0, 255)


def test_frames_come_when_the_explorer_is_near(chromium, site):
    """Not before it is seen; then all, before a control is moved."""
    with browser.new_page(chromium, 390) as watched:
        page, asked = watched.page, []
        page.on("request", lambda request: asked.append(request.url.rsplit("/", 1)[1]))
        visits.load(page, f"{site}/book/vanishing_gradients.html")
        figure = page.locator("figure.ch11-explore").last
        data = figure.locator("script[type='application/json']").text_content()
        frames = {*json.loads(data)["frames"]}
        assert len(frames - {*asked}) > 10
        with page.expect_event("requestfinished", lambda _: frames <= {*asked}):
            figure.scroll_into_view_if_needed()
        watched.assert_clean()
