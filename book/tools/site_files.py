"""The files of the site that are no pages of the book.

The first page of the site leads to the book, 404.html is shown where there is no page,
and robots.txt lets every search engine in. A sitemap needs full addresses: there is one
where the address of the site is known.
"""

from html import escape
from pathlib import Path

__all__ = ["write"]

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
{head}
<style>
body {{ max-width: 36rem; margin: 15vh auto; padding: 0 1rem;
  font: 1.1rem/1.6 system-ui, sans-serif; }}
</style>
</head>
<body>
<main>
<h1>{heading}</h1>
{text}
</main>
</body>
</html>
"""
NAME = "Training Deep Neural Networks"


def write(site: Path, address: str, pages: list[str]) -> None:
    """Write index.html, 404.html, robots.txt and, with an address, sitemap.xml.

    Parameters
    ----------
    site : Path
        The folder of the built site.
    address : str
        Where the site is published, with a slash at its end; empty if not known.
    pages : list of str
        The pages of the book, without ending; the first is the landing page.
    """
    first = f"{pages[0]}.html"
    icon = '<link rel="icon" href="{}_static/favicon.svg">'
    refresh = f'<meta http-equiv="refresh" content="0; url={first}">\n{icon.format("")}'
    text = f'<p>The course begins on its <a href="{first}">first page</a>.</p>'
    index = PAGE.format(title=NAME, head=refresh, heading=NAME, text=text)
    (site / "index.html").write_text(index, encoding="utf-8")

    # It is shown at addresses of any depth: only whole addresses lead out of it.
    base = escape(address or "/")
    text = (
        "<p>Nothing is at this address. The page may have got another name.</p>\n"
        f'<p><a href="{base}{first}">The course\'s first page</a> · '
        f'<a href="{base}search.html">Search the course</a></p>'
    )
    head = '<meta name="robots" content="noindex">\n' + icon.format(base)
    title = f"Page not found — {NAME}"
    missing = PAGE.format(title=title, head=head, heading="There is no such page", text=text)
    (site / "404.html").write_text(missing, encoding="utf-8")

    robots = "User-agent: *\nAllow: /\n"
    if address:
        entries = "".join(f"<url><loc>{base}{escape(page)}.html</loc></url>\n" for page in pages)
        (site / "sitemap.xml").write_text(
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{entries}</urlset>\n',
            encoding="utf-8",
        )
        robots += f"Sitemap: {address}sitemap.xml\n"
    (site / "robots.txt").write_text(robots, encoding="utf-8")
