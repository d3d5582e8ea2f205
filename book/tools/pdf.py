"""Print the whole book into one PDF with the installed Chromium.

    python book/tools/pdf.py [--output FILE]

Jupyter Book puts all pages into one; Chromium sets the mathematics and prints.
Answers and solutions are open; an explorer shows its first frame, and the address
of its page, where it can be moved, if `site_build.site_url` knows one.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import chromium
import site_build

OUTPUT = site_build.ROOT / "_build" / "training-deep-neural-networks.pdf"
OPEN_AND_TELL = """site => {
    document.querySelectorAll("details").forEach(one => { one.open = true; });
    document.querySelectorAll(".toggle-hidden").forEach(
        one => one.classList.remove("toggle-hidden"));
    document.querySelectorAll("img").forEach(one => { one.loading = "eager"; });
    const starts = [...document.querySelectorAll("[id^=document-]")];  // Sphinx marks each page
    document.querySelectorAll("figure.ch11-explore").forEach(one => {
        const note = document.createElement("p");
        note.textContent = "One of the frames of this figure. Its controls work on the website";
        const before = starts.filter(start =>
            start.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING);
        if (site && before.length) {
            const link = document.createElement("a");
            link.href = site + before.pop().id.slice("document-".length) + ".html";
            link.textContent = link.href;
            note.append(": ", link);
        } else {
            note.append(".");
        }
        one.append(note);
    });
    document.querySelectorAll("#jb-print-toc .caption").forEach(one => one.role = null);
    document.querySelectorAll("a[href]").forEach(one => {
        if (one.protocol === "file:" && one.pathname !== location.pathname)
            one.removeAttribute("href");  // a file beside the page: it isn't in the PDF
    });
}"""
ALL_IS_SET = """() => [...document.querySelectorAll(".math")].every(
        one => one.querySelector("mjx-container"))
    && [...document.images].every(one => one.complete)"""
FOOTER = (
    '<div style="width: 100%; font: 8pt sans-serif; color: #555; text-align: center">'
    '<span class="pageNumber"></span></div>'
)


def print_page(address: str, output: Path, browser: str, site: str = "") -> None:
    """Print the page at `address` into the file `output`."""
    with chromium.open_browser(browser) as opened:
        page = opened.new_page(color_scheme="light")
        page.goto(address, wait_until="load", timeout=120_000)
        page.emulate_media(media="print")
        page.evaluate(OPEN_AND_TELL, site)
        page.wait_for_function(ALL_IS_SET, timeout=120_000)
        margin = {"top": "16mm", "bottom": "18mm", "left": "16mm", "right": "16mm"}
        page.pdf(
            path=output,
            format="A4",
            margin=margin,
            scale=0.8,  # a line of code of 100 characters fits
            tagged=True,
            outline=True,
            print_background=True,
            display_header_footer=True,
            header_template="<span></span>",
            footer_template=FOOTER,
        )


def main() -> None:
    """Print into the file that the command line names."""
    parser = argparse.ArgumentParser(description="Print the book into one PDF.")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="the file to write")
    output = parser.parse_args().output.resolve()
    browser = chromium.find_browser()
    if browser is None:
        sys.exit("A PDF needs Chromium or Chrome. Install one, or set CH11_BROWSER to its path.")
    with tempfile.TemporaryDirectory() as folder:
        site_build.run(Path(folder), builder="singlehtml")
        html = Path(folder) / "_build" / "singlehtml"
        first = site_build.toc_pages()[0]
        # Sphinx writes addresses that count from this folder, wherever the first page is.
        whole = (html / f"{first}.html").rename(html / "whole.html")
        output.parent.mkdir(parents=True, exist_ok=True)
        print_page(whole.as_uri(), output, browser, site_build.site_url())
    print(f"The book is at {output}")


if __name__ == "__main__":
    main()
