"""A visit calls each fault by its name, and only that; a slow machine is no fault."""

import random

import browser
import matplotlib.pyplot as plt
import pytest
import visits

from ch11lib.explore import explore
from ch11lib.plots import with_alt_text

PICTURE = "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' width='40' height='40'/>"
TEXT = "<p>Layers, one above the other, learn in small steps.</p>"
#: A page as the theme makes them, small, with one of everything that a visit looks at.
SOUND = f"""<!doctype html>
<html lang="en" data-theme="light">
<head><meta charset="utf-8"><title>A page</title>
<script>
const root = document.documentElement, dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => {{ root.dataset.theme = dark.matches ? "dark" : "light"; }};
dark.addEventListener("change", follow);
follow();
let before;
addEventListener("beforeprint", () => {{
  before = root.dataset.theme;
  root.dataset.theme = "light";
}});
addEventListener("afterprint", () => {{ root.dataset.theme = before; }});
</script>
<style>
html {{ color: #222; background: #fff; overflow-anchor: none; }}
html[data-theme="dark"] {{ color: #ddd; background: #111; }}
html[data-theme="dark"] a {{ color: #9cf; }}
html[data-theme="dark"] figure.ch11-explore {{ color: inherit; background: none; }}
html[data-theme="dark"] figure.ch11-explore img {{ filter: invert(1) !important; }}
nav {{ padding: 2em; }}
pre {{ overflow-x: auto; }}
@media print {{ pre {{ white-space: pre-wrap; }} }}
</style></head>
<body><a href="#main-content">Skip to the text</a>
<nav class="bd-sidebar-secondary bd-toc-nav"><nav><a href="#end">The end</a></nav></nav>
<main id="main-content" class="bd-article"><h1>A page</h1>
<p><a href="#end">A link</a>, and a formula: <span class="math"><mjx-container>x</mjx-container>
</span></p>
<img src="{PICTURE}" alt="A square." width="40" height="40">
EXPLORER
<details><summary>Is it?</summary>{TEXT}<pre tabindex="0">{"code " * 60}</pre></details>
{TEXT * 90}<h2 id="end">The end</h2>{TEXT * 90}
</main></body></html>"""

WIDE, PHONE = "wide", "phone"
#: What a fault is called, the mode in which it is found, what is replaced, and by what.
FAULTS = [
    ("console", PHONE, "</main>", "</main><script>console.error('oh')</script>"),
    ("console", PHONE, "</main>", "</main><script>nowhere()</script>"),
    (
        "other host, console",
        PHONE,
        "</main>",
        "<script>fetch('http://192.0.2.1/').catch(() => 0)</script></main>",
    ),
    ("alt text", WIDE, 'alt="A square."', 'alt="_images/square.png"'),
    ("alt text, axe", WIDE, 'alt="A square."', ""),
    ("axe", WIDE, "<h1>", "<input><h1>"),
    ("axe", WIDE, "color: #ddd", "color: #444"),  # in the dark alone
    ("axe", PHONE, "nav {", "p { color: #bbb; } nav {"),  # in the light alone
    ("axe", WIDE, "code code", "<span class='k' style='color: #444'>code</span>"),
    ("overflow", PHONE, "<h2", "<div style='width: 420px'>wide</div><h2"),
    ("overflow", PHONE, "<summary>Is it?</summary>", "<summary>?</summary>" + "wide" * 40),
    ("explorers", PHONE, "image.src = ", "image.title = "),
    ("math", PHONE, "<mjx-container>x</mjx-container>", "$x$"),
    ("math", PHONE, "<mjx-container>x<", "<mjx-container><mjx-merror>x</mjx-merror><"),
    ("color scheme", PHONE, "follow();", ""),
    ("color scheme", WIDE, 'dark.addEventListener("change", follow);', ""),
    (
        "headings, unsized pictures",
        WIDE,
        "<h2",
        "<img src='late.svg' alt='A tall one.' loading='lazy'><h2",
    ),
    ("headings", WIDE, '<h2 id="end">', '<h2 id="end" style="scroll-margin-top: 400px">'),
    ("unsized pictures", PHONE, ' width="40" height="40"', ""),
    ("cut parts, overflow", PHONE, "<h2", "<table style='width: 420px'><td>wide</td></table><h2"),
    (
        "fonts, console",
        WIDE,
        "nav {",
        "@font-face { font-family: A; src: url(none); } h1 { font-family: A; } nav {",
    ),
    (
        "motion",
        WIDE,
        "nav {",
        "@keyframes a { to { left: 0 } } h1 { animation: a 1s infinite; } nav {",
    ),
    ("motion", PHONE, "nav {", "html { scroll-behavior: smooth; } nav {"),
    ("paper", WIDE, "white-space: pre-wrap", ""),
    ("paper", WIDE, 'root.dataset.theme = "light"', ""),
    ("paper", WIDE, "root.dataset.theme = before", ""),
    ("pictures", WIDE, PICTURE, "data:image/png;base64,AAAA"),
    ("glare", PHONE, "filter: invert(1) !important", ""),
    ("skip link", WIDE, "<body>", "<body><a href='#end'>Before</a><br><br>"),
    ("skip link", WIDE, 'main id="main-content"', "main"),
]


def line(slope, sign):
    fig, ax = plt.subplots(figsize=(2, 1))
    ax.axline((0, 0), slope=slope if sign == "plus" else -slope)
    return with_alt_text(fig, f"A line of slope {sign} {slope}.")


@pytest.fixture(scope="module")
def sound():
    return SOUND.replace("EXPLORER", explore(line, slope=[1, 2], sign=["plus", "minus"]).html)


@pytest.fixture
def store(tmp_path):
    """Store a page beside a tall picture; return its address."""

    def store(text):
        (tmp_path / "late.svg").write_text(
            '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="1000"/>'
        )
        (tmp_path / "page.html").write_text(text, encoding="utf-8")
        return (tmp_path / "page.html").as_uri()

    return store


@pytest.mark.parametrize("mode", visits.MODES)
def test_a_sound_page_has_no_problem(chromium, sound, store, mode):
    assert visits.visit(chromium, store(sound), visits.MODES[mode]) == []


@pytest.mark.parametrize(("names", "mode", "old", "new"), FAULTS)
def test_a_fault_has_its_name(chromium, sound, store, names, mode, old, new):
    assert old in sound
    problems = visits.visit(chromium, store(sound.replace(old, new)), visits.MODES[mode])
    assert {problem.split(": ")[0] for problem in problems} == {*names.split(", ")}, problems


def test_a_page_that_sends_much_is_found(chromium, sound, tmp_path):
    noise = random.Random(0).randbytes(visits.MAX_SENT).hex()  # gzip halves it
    (tmp_path / "much.js").write_text(f"/*{noise}*/")
    heavy = sound.replace("</main>", "</main><script src='much.js'></script>")
    (tmp_path / "page.html").write_text(heavy, encoding="utf-8")
    with browser.serve(tmp_path) as url:
        problems = visits.visit(chromium, f"{url}/page.html", visits.MODES[WIDE])
    assert [problem.split(": ")[0] for problem in problems] == ["sent"], problems


def test_code_that_no_key_can_scroll(chromium, sound, store):
    with browser.new_page(chromium) as watched:
        visits.load(watched.page, store(sound.replace('<pre tabindex="0">', "<pre>")))
        watched.page.set_default_timeout(500)  # nothing will mend it
        (problem,) = visits.open_all(watched.page)
    assert problem.startswith("<pre>code")


def test_a_slow_machine_is_no_fault(chromium, sound, store):
    """The page is still being read when its network has been idle for a second."""
    late = sound.replace("<h1>A page</h1>", f"<h1>A page</h1>{TEXT * 20_000}")
    with browser.new_page(chromium) as watched:
        slow = watched.page.context.new_cdp_session(watched.page)
        slow.send("Emulation.setCPUThrottlingRate", {"rate": 20})
        visits.load(watched.page, store(late))
        assert watched.page.locator("figure.ch11-explore[data-ready]").count() == 1
        assert visits.math(watched.page) == []
