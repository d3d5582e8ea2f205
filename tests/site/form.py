"""Checks of a page's form, for a Playwright page that is open: see test_form.py."""

SHIFTS = """() => {
    window.ch11Shift = 0;
    new PerformanceObserver(list => list.getEntries().forEach(entry => {
        if (!entry.hadRecentInput) window.ch11Shift += entry.value;
    })).observe({type: "layout-shift", buffered: true});
}"""
IS_SET = """() => [...document.querySelectorAll(".math")]
    .every(one => one.querySelector("mjx-container"))"""
LINKS = '.bd-sidebar-secondary nav a[href^="#"]'
MISSED = """async links => {
    const frame = () => new Promise(next => requestAnimationFrame(next));
    const missed = [];
    // Scrolling at once or smoothly, as the reader wants; it has ended when nothing moves.
    const frames = matchMedia("(prefers-reduced-motion: reduce)").matches ? 3 : 20;
    for (const link of document.querySelectorAll(links)) {
        const target = document.getElementById(decodeURIComponent(link.hash.slice(1)));
        if (!target) continue;
        scrollTo({top: 0, behavior: "instant"});
        await frame();
        await frame();
        const still = new Promise(done => {
            let last = -1, same = 0;
            const look = () => {
                same = scrollY === last ? same + 1 : 0;
                last = scrollY;
                same > frames ? done() : requestAnimationFrame(look);
            };
            requestAnimationFrame(look);
        });
        link.click();
        await still;
        const top = target.getBoundingClientRect().top;
        const atEnd = scrollY + innerHeight >= document.documentElement.scrollHeight - 2;
        if ((top < -2 || top > 80) && !(atEnd && top > 0)) missed.push([link.hash, top]);
    }
    return missed;
}"""
UNSIZED = """() => [...document.querySelectorAll(".bd-article :is(img, svg.drawing)")]
    .filter(one => !(one.getAttribute("width") > 0 && one.getAttribute("height") > 0))
    .map(one => one.outerHTML.slice(0, 200))"""
CUT = """() => [...document.querySelectorAll(
        ".bd-article :is(mjx-container, table, .highlight pre, img, svg.drawing)")]
    .filter(one => one.checkVisibility() && one.getBoundingClientRect().right > innerWidth + 1)
    .filter(one => {
        for (let box = one; box && !box.matches(".bd-article"); box = box.parentElement)
            if (["auto", "scroll"].includes(getComputedStyle(box).overflowX)
                && box.getBoundingClientRect().right <= innerWidth + 1) return false;
        return true;
    })
    .map(one => one.outerHTML.slice(0, 200))"""
MAX_SHIFT = 0.05


def watch_shifts(page):
    """Count layout shifts from the start: call it before the page is opened."""
    page.add_init_script(f"({SHIFTS})()")


def layout_shift(page):
    """Return the shift of all that moved without the reader's doing."""
    page.wait_for_function(IS_SET)
    return page.evaluate("ch11Shift")


def missed_headings(page):
    """Click each entry of the page's contents; return those that miss their heading, and where."""
    page.wait_for_function(IS_SET)
    return page.evaluate(MISSED, LINKS)


def unsized_pictures(page):
    """Return the pictures without width and height."""
    return page.evaluate(UNSIZED)


def cut_parts(page):
    """Return formulas, tables, code and pictures that go beyond the window and don't scroll."""
    page.wait_for_function(IS_SET)
    return page.evaluate(CUT)


def check_form(page):
    """Assert all of the above; the page was opened after `watch_shifts`."""
    assert layout_shift(page) <= MAX_SHIFT
    assert unsized_pictures(page) == []
    assert cut_parts(page) == []
    assert missed_headings(page) == []
