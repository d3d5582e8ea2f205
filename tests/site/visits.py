"""One visit of a page: it is loaded once, and all that a browser can see is checked.

`visit` loads a page in one of the `MODES` and lets each of the `CHECKS` look at it; opens
all answers for the `CHECKS_OF_ALL_OPEN`; changes to the other color scheme for the
`CHECKS_OF_OTHER_SCHEME`. It returns all problems, each with the name of its check in
front. A new check is a function of a Playwright page that returns a list of texts, put
into one of the three lists; what it needs before the page is loaded is one of the
`PREPARATIONS`.

Nothing here waits for a time: a busy machine makes a visit longer, not wrong.
"""

import contextlib
import functools
import gzip
import io
import statistics
import weakref
from dataclasses import dataclass
from importlib.resources import files

import browser
import form
import playwright.sync_api
from PIL import Image

#: Milliseconds after which a condition is taken for one that never comes true.
PATIENCE = 240_000


@dataclass(frozen=True)
class Mode:
    """How a page is visited."""

    width: int
    scheme: str
    other_scheme: str
    motion: str


MODES = {
    "wide": Mode(1200, "light", "dark", "no-preference"),
    "phone": Mode(390, "dark", "light", "reduce"),
}

#: Playwright's "networkidle" is half a second without a request. On a busy machine it
#: comes while the page is still being read: there is no explorer yet, and no formula.
LOADED = """async () => {
    if (document.readyState !== "complete")
        await new Promise(done => addEventListener("load", done));
    await document.fonts.ready;
}"""
START = "(found => found.slice(0, 5).map(one => one.outerHTML.slice(0, 150)))"


def starts(page, elements):
    """Return the beginnings of the first elements of a JavaScript array."""
    return page.evaluate(f"{START}({elements})")


def every(selector):
    """Return JavaScript for the array of all elements that a selector finds."""
    return f"[...document.querySelectorAll({selector!r})]"


#: Bytes of the first look at a page, gzipped; pictures and explorers further down come later.
MAX_SENT = 500_000
ALREADY_SMALL = (".woff", ".woff2", ".png", ".webp")
_RESPONSES = weakref.WeakKeyDictionary()


def watch_requests(page):
    """Note what is sent: call it before the page is opened."""
    _RESPONSES[page] = []
    page.on("response", lambda response: _RESPONSES[page].append(response))


@functools.lru_cache(maxsize=256)
def on_the_line(body):
    """Return how many bytes a file takes, sent as GitHub Pages does."""
    return len(gzip.compress(body, 6))


def sizes(page):
    """Return the bytes of each file that was sent."""
    found = {}
    for response in list(_RESPONSES[page]):
        if response.url.startswith("http"):
            name, body = response.url.split("?")[0], response.body()
            found[name] = len(body) if name.endswith(ALREADY_SMALL) else on_the_line(body)
    return found


def sent(page):
    """The first look at a page takes few bytes."""
    found = sizes(page)
    if sum(found.values()) <= MAX_SENT:
        return []
    most = sorted(found.items(), key=lambda one: -one[1])[:3]
    return [f"{sum(found.values())} bytes, more than {MAX_SENT}: {most}"]


def color_scheme(page):
    """The page follows the scheme of the system."""
    found = page.evaluate("""[document.documentElement.dataset.theme,
        matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"]""")
    return [] if found[0] == found[1] else [f"the page is {found[0]}, the system {found[1]}"]


def math(page):
    """Every formula is set, also those in folded answers, and none has an error."""
    unset = f"{every('.math')}.filter(one => !one.querySelector('mjx-container'))"
    return [*starts(page, unset), *starts(page, every("mjx-merror"))]


def overflow(page):
    """The page as a whole does not scroll sideways."""
    width, most = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    if width <= most:
        return []
    wide = f"{every('body *')}.filter(one => one.getBoundingClientRect().right > innerWidth)"
    return [f"{width} pixels on {most}: {starts(page, wide)}"]


def alt_text(page):
    """Every picture has a text alternative that is not the name of its file."""
    name = r"/^\s*$|^(\.\.\/|_images|data:)|\.(png|svg|webp|jpe?g)$/"
    return starts(page, f"{every('img')}.filter(one => {name}.test(one.alt))")


def pictures(page):
    """Every picture can be shown, also those that are loaded late."""
    page.evaluate(LOAD_PICTURES)
    return starts(page, f"{every('img')}.filter(one => !one.naturalWidth)")


def fonts(page):
    """Every font that the page needs has been loaded: some are its icons."""
    broken = "[...document.fonts].filter(one => one.status === 'error')"
    return page.evaluate(f"{broken}.map(one => one.family)")


LOAD_PICTURES = """() => Promise.allSettled([...document.images].map(one => {
    one.loading = "eager";
    return one.decode();
}))"""


def layout_shift(page):
    """Nothing pushes the text away while one reads."""
    shift = page.evaluate("ch11Shift")
    return [f"{shift:.3f}, more than {form.MAX_SHIFT}"] if shift > form.MAX_SHIFT else []


def headings(page):
    """Each entry of the page's contents leads to its heading, not beside it."""
    page.add_style_tag(content="html { scroll-behavior: auto !important; }")
    missed = page.evaluate(form.MISSED, form.LINKS)
    return [f"{link} lands {top:.0f} pixels down" for link, top in missed]


def unsized_pictures(page):
    """Each picture says how large it is, before it is there."""
    return page.evaluate(form.UNSIZED)


def cut_parts(page):
    """No formula, table, code or picture is cut off by the edge of the window."""
    return page.evaluate(form.CUT)


def skip_link(page):
    """The first stop of the Tab key leads past the menus into the text."""
    page.keyboard.press("Tab")
    if page.evaluate("document.activeElement.hash") != "#main-content":
        return starts(page, "[document.activeElement]")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    if page.evaluate("!document.activeElement.closest('#main-content')"):
        return starts(page, "[document.activeElement]")
    return []


SHOWN = "figure => [...figure.querySelectorAll('img')].map(one => one.src).join()"


def explorers(page):
    """Every slider, and some choice of every group of buttons, changes the picture."""
    still = []
    for figure in page.locator("figure.ch11-explore").all():
        for control in figure.locator(".control").all():
            before = figure.evaluate(SHOWN)
            for key in control.locator("input").all():
                if key.get_attribute("type") == "radio":
                    key.check()
                else:
                    at_end = key.evaluate("one => one.value === one.max")
                    key.press("ArrowLeft" if at_end else "ArrowRight")
                if figure.evaluate(SHOWN) != before:
                    break
            else:
                still.append(f"no other picture by {control.inner_text()!r}")
    return still


def glare(page):
    """In the dark, no explorer is a white card."""
    if page.evaluate("document.documentElement.dataset.theme") != "dark":
        return []
    problems = []
    for figure in page.locator("figure.ch11-explore").all():
        image = Image.open(io.BytesIO(figure.locator("img").screenshot())).convert("L")
        ground = statistics.median(image.resize((40, 40)).tobytes())
        if ground > 100:
            problems.append(f"half of an explorer's picture is brighter than {ground:.0f} of 255")
    return problems


def motion(page):
    """Nothing moves by itself for more than five seconds, or smoothly for who asks for less."""
    long = "one instanceof CSSAnimation && one.effect.getComputedTiming().endTime > 5000"
    moving = f"document.getAnimations().filter(one => {long}).map(one => one.effect.target)"
    smooth = """[document.documentElement].filter(one =>
        matchMedia("(prefers-reduced-motion: reduce)").matches
        && getComputedStyle(one).scrollBehavior === "smooth")"""
    return [*starts(page, moving), *starts(page, smooth)]


def open_all(page):
    """Open all answers, solutions and folded cells, and see that keys can scroll them.

    What is too wide for its box must be able to have the focus. The theme sees to that
    a little later than the click.
    """
    page.evaluate(f"{every('details:not([open]) > summary')}.forEach(one => one.click())")
    page.evaluate(f"{every('.toggle-hidden button')}.forEach(one => one.click())")
    boxes = every("pre, .cell_output > .output")
    stuck = f"""{boxes}.filter(one => one.tabIndex !== 0 && one.scrollWidth > one.clientWidth
        && /auto|scroll/.test(getComputedStyle(one).overflowX))"""
    with contextlib.suppress(playwright.sync_api.TimeoutError):
        page.wait_for_function(f"!{stuck}.length")
    return starts(page, stuck)


AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"]
#: Words of code of one kind have one color: the first stands for all, which halves the time.
RUN_AXE = """async standards => {
    const seen = new Set(), repeated = [];
    for (const word of document.querySelectorAll("pre span[class]")) {
        const ground = getComputedStyle(word.closest("pre")).backgroundColor;
        if (word.childElementCount || ground.endsWith(", 0)")) continue;
        const kind = [word.className, getComputedStyle(word).color, ground].join();
        if (seen.has(kind)) repeated.push(word);
        seen.add(kind);
    }
    repeated.forEach(word => word.replaceWith(word.textContent));
    const options = {
        runOnly: {type: "tag", values: standards}, resultTypes: ["violations"], preload: false,
    };
    const {violations} = await axe.run(document, options);
    return violations.flatMap(({id, nodes}) => nodes.map(
        node => `${id}: ${node.html.slice(0, 200)} ${node.failureSummary.slice(0, 300)}`));
}"""
STILL = "*, *::before, *::after { transition: none !important; animation: none !important; }"


def axe(page):
    """WCAG 2.2 A and AA are met, as far as axe-core can tell."""
    page.add_style_tag(content=STILL)  # no color between two
    page.evaluate(AXE)
    return page.evaluate(RUN_AXE, STANDARDS)


def paper(page):
    """On paper the page is light and no code runs over the edge; then it is as before."""
    theme = "document.documentElement.dataset.theme"
    before, size = page.evaluate(theme), page.viewport_size
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 700, "height": 1000})
    wide = f"{every('pre')}.filter(one => one.scrollWidth > one.clientWidth + 1)"
    problems = starts(page, wide)
    ink = page.evaluate("getComputedStyle(document.body).color.match(/[0-9]+/g).map(Number)")
    if max(ink[:3]) > 100:
        problems.append(f"the text is printed in {ink}")
    page.set_viewport_size(size)
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    if (after := page.evaluate(theme)) != before:
        problems.append(f"the page was {before} and is {after} after printing")
    return problems


#: Before the page is loaded: functions of a Playwright page that let it note what happens.
PREPARATIONS = [form.watch_shifts, watch_requests]
#: On the page as it was loaded; the first needs a page that nobody has clicked on.
CHECKS = [
    sent,  # before a picture further down is asked for
    layout_shift,
    skip_link,
    color_scheme,
    math,
    fonts,
    overflow,
    motion,
    headings,  # from here on links jump
    unsized_pictures,
    cut_parts,
    pictures,
    alt_text,
    explorers,
    glare,
]
CHECKS_OF_ALL_OPEN = [open_all, overflow]
CHECKS_OF_OTHER_SCHEME = [color_scheme, axe, paper]

NEXT_FRAME = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


def load(page, address):
    """Go to an address and wait until the whole page is there, with its formulas."""
    page.set_default_timeout(PATIENCE)
    page.goto(address, wait_until="load")
    page.evaluate(LOADED)


def visit(chromium, address, mode):
    """Return all problems of the page at `address`: "name of the check: what is wrong"."""
    problems = []

    def look(page, checks):
        for check in checks:
            try:
                found = check(page)
            except playwright.sync_api.Error as error:
                found = [str(error)[:500]]
            name = check.__name__.replace("_", " ")
            problems.extend(f"{name}: {one}" for one in found)

    with browser.new_page(chromium, mode.width, mode.scheme, mode.motion) as watched:
        for prepare in PREPARATIONS:
            prepare(watched.page)
        load(watched.page, address)
        look(watched.page, CHECKS)
        look(watched.page, CHECKS_OF_ALL_OPEN)
        watched.page.emulate_media(color_scheme=mode.other_scheme)
        watched.page.evaluate(NEXT_FRAME)
        look(watched.page, CHECKS_OF_OTHER_SCHEME)
    problems += [f"other host: {one}" for one in watched.foreign]
    problems += [f"console: {one}" for one in watched.console]
    return list(dict.fromkeys(problems))
