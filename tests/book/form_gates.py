"""The form of a lesson of the second edition, as functions that return problems.

What a reader sees are drawings, prose and code that is concept or Keras. Plots,
measuring and claims are folded, under a label that says what is inside.
"""

import ast
import re
from html.parser import HTMLParser

import notebooks

FOLDED = {"hide-input", "hide-cell"}
#: A cell without any of these tags shows its code.
HIDDEN = FOLDED | {"remove-input", "remove-cell"}
MAX_WIDTH = 76
MAX_VISIBLE_LINES = 25
CLAIMS = range(8, 16)
MIN_FITS = 2
MIN_DRAWINGS = 2
MIN_ALT = 30
FIT = re.compile(r"\.fit\(\s*X_train\s*,\s*y_train\b")
PLUMBING = re.compile(
    r"\b(?:shuffled|in_order|reinitialize|steps_per_execution|RateTable|tuned_runs|sweep|Trainer"
    r"|paired_ratio|median_and_range|lru_cache|convert_to_tensor|clear_session|jit_compile"
    r"|vectorized_map|stateless_call|studies)\b|\bgc\.|\bfunctools\.|\bTQDM_|\bexperiments\."
)
CLAIM_CALLS = {"check", "check_bound", "check_results", "compare"}
#: The labels that MyST-NB gives to folded cells without one.
DEFAULT_LABEL = re.compile(r"Show code cell \w+|Show \{type\}")
DIRECTIVE = re.compile(
    r"^(?P<fence>:{3,}|`{3,})\{(?P<kind>figure|image)\}[ ]*(?P<path>\S+)\n"
    r"(?P<options>(?::[\w-]+:.*\n|---\n(?:.*\n)*?---\n)*)",
    re.M,
)
OPTION = re.compile(r"^:?(?P<key>[\w-]+):[ ]*(?P<value>.+)$", re.M)
PICTURE = re.compile(r"!\[(?P<alt>[^\]]*)\]\((?P<path>[^)\s]+)\)(?P<attributes>\{[^}]*\})?")
CODE = re.compile(r"^(`{3,})(?!\{).*?^\1$|`[^`\n]+`", re.M | re.S)


def tags(cell):
    return {*cell.metadata.get("tags", [])}


def visible_code(notebook):
    """Return the code cells whose code a reader sees, in order."""
    return [c for c in notebook.cells if c.cell_type == "code" and not HIDDEN & tags(c)]


def calls(cell):
    """Return the calls in a cell of code, each with the last part of its name."""
    for node in ast.walk(ast.parse(cell.source)):
        if isinstance(node, ast.Call):
            yield getattr(node.func, "attr", getattr(node.func, "id", "")), node


def claims(cell):
    return [call for name, call in calls(cell) if name in CLAIM_CALLS]


def find_wide_lines(notebook):
    """Visible code fits the column of the page."""
    return [
        f"a visible line of {len(line)} characters; {MAX_WIDTH} fit the page: {line.strip()[:50]!r}"
        for cell in visible_code(notebook)
        for line in cell.source.splitlines()
        if len(line) > MAX_WIDTH
    ]


def find_long_visible_cells(notebook):
    """A block of visible code is read at one go."""
    sizes = [(len(cell.source.splitlines()), cell) for cell in visible_code(notebook)]
    return [
        f"a visible cell of {size} lines, more than {MAX_VISIBLE_LINES}: {cell.source[:40]!r}"
        for size, cell in sizes
        if size > MAX_VISIBLE_LINES
    ]


def find_plumbing(notebook):
    """What only makes a run fast, fair or reproducible is folded."""
    return [
        f"plumbing in view, {match.group()!r}: fold it (hide-input), {cell.source[:40]!r}"
        for cell in visible_code(notebook)
        for match in PLUMBING.finditer(cell.source)
    ]


def find_visible_claims(notebook):
    """The code of a claim is folded; the page shows its sentence."""
    return [
        f"a claim in view: fold it (hide-input), {cell.source[:40]!r}"
        for cell in visible_code(notebook)
        if claims(cell)
    ]


def find_missing_fits(notebook):
    """A lesson calls Keras as a reader would."""
    found = sum(len(FIT.findall(cell.source)) for cell in visible_code(notebook))
    if found < MIN_FITS:
        return [f"{found} visible calls of fit(X_train, y_train, ...), fewer than {MIN_FITS}"]
    return []


def find_wrong_number_of_claims(notebook):
    """Few claims, each of them tight."""
    found = sum(len(claims(cell)) for cell in notebook.cells if cell.cell_type == "code")
    if found not in CLAIMS:
        return [f"{found} claims; a lesson has {CLAIMS.start} to {CLAIMS.stop - 1}"]
    return []


def find_unlabeled_folds(notebook):
    """A folded cell says what is inside, on the page and in JupyterLab."""
    problems = []
    for cell in notebook.cells:
        if cell.cell_type != "code" or not FOLDED & tags(cell):
            continue
        label = cell.metadata.get("mystnb", {}).get("code_prompt_show", "")
        if len(label.strip()) < 4 or DEFAULT_LABEL.search(label):
            problems.append(
                "a folded cell without a label that says what is inside "
                f"(mystnb.code_prompt_show): {cell.source[:40]!r}"
            )
        if not cell.metadata.get("jupyter", {}).get("source_hidden"):
            problems.append(f"open in JupyterLab (jupyter.source_hidden): {cell.source[:40]!r}")
    return problems


# --- Pictures ---------------------------------------------------------------


class _Images(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            self.found.append({key: value or "" for key, value in attrs})


def html_images(html):
    """Return the attributes of each ``<img>``."""
    parser = _Images()
    parser.feed(html)
    return parser.found


def markdown_images(text):
    """Return path, alt text, width and height of each image in Markdown, where they are given."""
    text = CODE.sub("", text + "\n")
    for found in DIRECTIVE.finditer(text):
        options = {m["key"]: m["value"].strip() for m in OPTION.finditer(found["options"])}
        yield {**options, "src": found["path"], "markdown": "yes"}
    for found in PICTURE.finditer(text):
        given = re.findall(r"([\w-]+)=\"?([^\s\"}]+)", found["attributes"] or "")
        yield {**dict(given), "src": found["path"], "alt": found["alt"], "markdown": "yes"}
    yield from html_images(text)


def images(notebook):
    """Return the images of text and HTML outputs; what Matplotlib draws is left to the build."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            yield from markdown_images(cell.source)
        for output in cell.get("outputs", []):
            yield from html_images(output.get("data", {}).get("text/html", ""))


def find_unsized_images(notebook, folder=notebooks.ROOT / "book"):
    """An image that has its place before it is there moves no text.

    The build measures the pictures that lie in the page itself, as an explorer's do, and the
    files of the book that Markdown shows. All others say their size.
    """
    return [
        f"an image without width and height: {image.get('src', '')[:40]}"
        for image in images(notebook)
        if not (image.get("width") and image.get("height"))
        if not image.get("src", "").startswith("data:")
        if not (image.get("markdown") and (folder / image["src"]).is_file())
    ]


def find_missing_drawings(notebook):
    """Drawings explain, and say in words what they show."""
    drawings = {i["src"]: i for i in images(notebook) if re.search(r"drawings/.+\.svg$", i["src"])}
    problems = [
        f"a drawing whose alt text has fewer than {MIN_ALT} characters: {path}"
        for path, image in drawings.items()
        if len(image.get("alt", "")) < MIN_ALT
    ]
    if len(drawings) < MIN_DRAWINGS:
        problems.append(f"{len(drawings)} drawings (drawings/*.svg), fewer than {MIN_DRAWINGS}")
    return problems


# --- Comparisons of methods -------------------------------------------------


def find_unguarded_comparisons(notebook):
    """A claim that one result is above another can trade their places: `check_results`.

    In a call of `check`, no ``<`` or ``>`` has different variables on its two sides,
    nor a difference of two variables on one.
    """
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    aside = {name for cell in cells for name in _imported_or_defined(cell)}
    problems = []
    for cell in cells:
        for name, call in calls(cell):
            if name == "check" and any(_compares(arg, aside) for arg in call.args[1:]):
                statement = ast.unparse(call.args[0])[:60]
                problems.append(f"a comparison of results that is no check_results: {statement}")
    return problems


def _imported_or_defined(cell):
    for node in ast.walk(ast.parse(cell.source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((alias.asname or alias.name).partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name


def _compares(condition, aside):
    for node in ast.walk(condition):
        if isinstance(node, ast.Compare):
            sides = [_variables(side, aside) for side in (node.left, *node.comparators)]
            pairs = zip(sides, sides[1:], node.ops, strict=False)
            if any(a and b and a != b and _orders(op) for a, b, op in pairs):
                return True
            if any(map(_orders, node.ops)) and _subtracts(node, aside):
                return True
    return False


def _orders(operator):
    return isinstance(operator, ast.Lt | ast.LtE | ast.Gt | ast.GtE)


def _subtracts(comparison, aside):
    """Tell whether a side is the plain difference of two variables; abs(a - b) is none."""
    for side in (comparison.left, *comparison.comparators):
        if isinstance(side, ast.BinOp) and isinstance(side.op, ast.Sub):
            left, right = (_variables(part, aside) for part in (side.left, side.right))
            if left and right and left != right:
                return True
    return False


def _variables(node, aside):
    """Return the variables of an expression; ``runs["a"]`` is one, apart from ``runs["b"]``."""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        if isinstance(node.slice.value, str):
            return {ast.unparse(node)}
        return _variables(node.value, aside)
    if isinstance(node, ast.Name):
        return set() if node.id in aside else {node.id}
    parts = ast.iter_child_nodes(node)
    if isinstance(node, ast.Call):
        own = [node.func.value] if isinstance(node.func, ast.Attribute) else []
        parts = [*own, *node.args]
    return set().union(*(_variables(part, aside) for part in parts))


#: For each page of the second edition that has code.
OF_PAGES = (
    find_wide_lines,
    find_long_visible_cells,
    find_plumbing,
    find_visible_claims,
    find_unlabeled_folds,
    find_unsized_images,
    find_unguarded_comparisons,
)
#: For each of its lessons.
ALL = (*OF_PAGES, find_missing_fits, find_wrong_number_of_claims, find_missing_drawings)
