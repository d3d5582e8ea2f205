"""Fonts of icons have the icons that are drawn, and no others."""

import re

import icons
import pytest
import site_build
from fontTools.ttLib import TTFont

#: Classes of Font Awesome that are no icons.
KINDS = {"solid", "regular", "brands", "lg", "fw", "solid-900"}


def missing(folder):
    """Return the icons that a page, a script or a style sheet shows and no font has."""
    (sheet,) = folder.glob("_static/vendor/fontawesome/*/css/all.min.css")
    style = sheet.read_text(encoding="utf-8")
    have = set()
    for font in sheet.parents[1].glob("webfonts/*.woff"):
        have |= set(TTFont(font).getBestCmap())
    rules = {
        name: int(code, 16)
        for selectors, code in icons.RULE.findall(style)
        for name in icons.names_of([selectors])
    }
    files = [path for path in folder.rglob("*") if "vendor" not in path.parts]
    texts = {path: path.read_text() for path in files if path.suffix in (".html", ".js", ".css")}
    # An icon has both a class of its kind and of its name.
    shown = {
        name
        for path, text in texts.items()
        if path.suffix != ".css"
        for names in re.findall(r"fa-(?:solid|regular|brands) ([^\"'`<>]*)", text)
        for name in icons.names_of([names])
    } - KINDS
    drawn = {
        int(found[1], 16) if found[1] else ord(found[0])
        for path, text in texts.items()
        if path.suffix == ".css"
        for found in icons.DRAWN.finditer(text)
    }
    lost = {name for name in shown if rules.get(name) not in have}
    return sorted(lost) + sorted(hex(one) for one in drawn - have), len(shown)


def test_each_icon_has_a_glyph(html):
    lost, count = missing(html)
    assert lost == []
    assert count > 8


@pytest.mark.parametrize(("page", "lost"), [("bars", []), ("rocket", ["rocket"])])
def test_an_icon_without_a_glyph_is_found(html, tmp_path, page, lost):
    for path in html.glob("_static/vendor/fontawesome/**/*"):
        if path.is_file():
            copy = tmp_path / path.relative_to(html)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    (tmp_path / "a.html").write_text(f'<i class="fa-solid fa-{page}"></i>')
    assert missing(tmp_path)[0] == lost


def test_only_woff_is_there_and_it_is_small(html):
    fonts = list(html.glob("_static/vendor/fontawesome/*/webfonts/*"))
    assert {path.suffix for path in fonts} == {".woff"}
    assert sum(path.stat().st_size for path in fonts) < 20_000
    asked = re.findall(
        r'href="([^"]*webfonts/[^"]*)"', (html / f"{site_build.toc_pages()[0]}.html").read_text()
    )
    assert len(asked) == 1
    assert (html / "book" / asked[0]).is_file()


def test_names_and_drawn_icons():
    style = '.fa-a:before{content:"\\f001"}.fa-b:before,.fa-c:before{content:"\\f002"}'
    assert icons.icons_of(style, {"c"}, ['x{content:"\\f303"}', 'y{content:"\uf107"}']) == {
        0xF002,
        0xF303,
        0xF107,
    }
    assert icons.icons_of(style, set(), [""]) == set()
