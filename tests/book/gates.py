"""What every stored notebook must fulfil, as functions that return problems.

An empty list means that all is well. test_book.py applies them to the notebooks of
the book, `make lesson` to one; test_gates.py shows that each of them bites.
"""

import ast
import re
import statistics
import symtable
from html.parser import HTMLParser

import exercises
import form_gates
import number_gates
from notebooks import SECOND_EDITION

#: Pages with code that are no lessons.
NOT_LESSONS = {"intro", "what_it_costs", "data_parallel"}

MAX_NOTEBOOK_BYTES = 1_000_000
MAX_PAGE_BYTES = 1_500_000
MAX_CELL_LINES = 15
MEDIAN_CELL_LINES = 6
MIN_CLAIMS = 5
MIN_EXERCISES = 2
DEPRECATED = re.compile(
    r"input_shape\s*=\s*[\[(]28|LeakyReLU\([^)]*alpha|\.h5\b|[(,]\s*lr\s*=|[(,]\s*decay\s*=|tf\.keras"
)
CLAIM = re.compile(r"\b(?:check|check_bound|check_results|compare)\(")
MACHINE_PATH = re.compile(r"(?<![\w./])/(?:work|root|home|tmp|Users|private|opt|usr)/\w")
REQUIRED_HEADINGS = (
    "## What goes wrong in practice",
    "## Recap",
    "## Check yourself",
    "## Exercises",
)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def text_of(notebook):
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def outputs(notebook):
    for cell in code_cells(notebook):
        for output in cell.outputs:
            yield cell, output


def find_unexecuted_cells(notebook):
    """nbval does not compare a cell without execution count: none may lack it."""
    counts = [cell.execution_count for cell in code_cells(notebook)]
    if counts != list(range(1, len(counts) + 1)):
        return [f"execution counts are {counts}: run 'make notebooks'"]
    return []


def find_warnings(notebook):
    """No warnings, no errors, no machine's path in what readers see."""
    problems = []
    for cell, output in outputs(notebook):
        start = cell.source[:40]
        if output.output_type == "error":
            problems.append(f"stored error {output.ename} in {start!r}")
        if output.get("name") == "stderr":
            problems.append(f"stored stderr {output.text[:80]!r} in {start!r}")
        plain = output.get("text", "") + output.get("data", {}).get("text/plain", "")
        if "WARNING" in plain or "Warning:" in plain:
            problems.append(f"a warning in the output of {start!r}")
        if MACHINE_PATH.search(plain):
            problems.append(f"a machine's path in the output of {start!r}")
    for cell in notebook.cells:
        if MACHINE_PATH.search(cell.source):
            problems.append(f"a machine's path in {cell.source[:40]!r}")
    return problems


def find_missing_descriptions(notebook):
    """Every picture has alt text, every explorer has it for each frame."""
    problems = []
    for cell, output in outputs(notebook):
        data = output.get("data", {})
        start = cell.source[:40]
        if "image/png" in data or "image/svg+xml" in data:
            alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
            if len(alt) < 30:
                problems.append(f"a figure without alt text (mystnb.image.alt) in {start!r}")
        if "application/vnd.jupyter.widget-view+json" in data:
            problems.append(f"a stored widget view, dead without its kernel, in {start!r}")
        if "text/html" in data:
            problems += [f"{problem} in {start!r}" for problem in _images(data["text/html"])]
        elif data.get("text/plain", "").startswith(("interactive(", "VBox(", "HBox(")):
            problems.append(f"a widget with no static edition in {start!r}")
    return problems


class _ImageParser(HTMLParser):
    def __init__(self):
        super().__init__()
        self.problems = []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if tag == "img" and not (values.get("alt") or "").strip():
            self.problems.append("an <img> without alt text")
        if tag in ("img", "script", "link", "iframe"):
            url = values.get("src") or values.get("href") or ""
            if url.startswith(("http:", "https:", "//")):
                self.problems.append(f"a request to another host, {url}")


def _images(html):
    parser = _ImageParser()
    parser.feed(html)
    return parser.problems


def find_size_problems(notebook, size):
    """At most 1 MB, and no widget state of a kernel that is gone."""
    problems = []
    if size > MAX_NOTEBOOK_BYTES:
        problems.append(f"{size / 1e6:.2f} MB; the limit is {MAX_NOTEBOOK_BYTES / 1e6} MB")
    if notebook.metadata.get("widgets"):
        problems.append("stored widget state")
    return problems


def find_long_cells(notebook):
    """Short cells, prose before each."""
    problems = []
    lines = [len(cell.source.splitlines()) for cell in code_cells(notebook)]
    if lines and statistics.median(lines) > MEDIAN_CELL_LINES:
        problems.append(f"the median code cell has {statistics.median(lines)} lines")
    return problems + [f"a code cell of {n} lines" for n in lines if n > MAX_CELL_LINES]


def find_old_code(notebook):
    """Nothing deprecated, no line that even a wide screen cuts."""
    problems = []
    for cell in code_cells(notebook):
        if match := DEPRECATED.search(cell.source):
            problems.append(f"deprecated: {match.group()!r}")
        long = [line for line in cell.source.splitlines() if len(line) > 100]
        if long:
            problems.append(f"a line of {len(long[0])} characters: {long[0][:40]!r}")
    return problems


def find_unguarded_outputs(notebook):
    """Numbers that are not compared have a claim soon after them."""
    cells = code_cells(notebook)
    return [
        f"no claim guards {cell.source[:40]!r}"
        for i, cell in enumerate(cells)
        if "nbval-ignore-output" in cell.metadata.get("tags", [])
        and "check(" not in "".join(later.source for later in cells[i : i + 6])
    ]


def find_skipped_claims(notebook):
    """Each cell is executed, and each claim is compared."""
    problems = []
    for cell in code_cells(notebook):
        tags = cell.metadata.get("tags", [])
        if "nbval-skip" in tags or "NBVAL_SKIP" in cell.source:
            problems.append(f"a skipped cell {cell.source[:40]!r}")
        if "nbval-ignore-output" in tags and CLAIM.search(cell.source):
            problems.append(f"claims in a cell whose output is not compared {cell.source[:40]!r}")
    return problems


def find_rebound_names(notebook):
    """After *Run All*, a live explorer still finds the names that its function reads.

    A name that a later cell binds again would mean something else by then.
    """
    cells = [symtable.symtable(cell.source, "cell", "exec") for cell in code_cells(notebook)]
    bound, reads, imported = {}, {}, {}
    for number, (cell, source) in enumerate(zip(cells, code_cells(notebook), strict=True)):
        imports = _imports(source.source)
        for name in (one.get_name() for one in cell.get_symbols() if _binds(one)):
            if name not in imports or imported.setdefault(name, imports[name]) != imports[name]:
                bound.setdefault(name, []).append(number)
        for function in cell.get_children():
            reads.setdefault(function.get_name(), set()).update(_globals_of(function))
    problems = []
    for number, cell in enumerate(code_cells(notebook)):
        for name in re.findall(r"\bexplore\((\w+)", cell.source):
            for used in sorted(_closure(name, reads)):
                if any(later > number for later in bound.get(used, [])):
                    problems.append(f"the explorer of {name} reads {used}, bound again below it")
    return problems


def _imports(source):
    """Return what the names that a cell imports stand for: the same again changes nothing."""
    return {
        alias.asname or alias.name.partition(".")[0]: (getattr(node, "module", ""), alias.name)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }


def _binds(symbol):
    return symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()


def _globals_of(function):
    found = {one.get_name() for one in function.get_symbols() if one.is_global()}
    return found.union(*map(_globals_of, function.get_children()))


def _closure(name, reads):
    """Return a function's name and all global names that it reads, also by others."""
    seen, new = set(), {name}
    while new:
        seen |= new
        new = set().union(*(reads.get(one, set()) for one in new)) - seen
    return seen


def find_few_claims(notebook):
    """A lesson of the first edition has many."""
    claims = sum(cell.source.count("check(") for cell in code_cells(notebook))
    return [f"{claims} claims; a lesson has at least {MIN_CLAIMS}"] if claims < MIN_CLAIMS else []


def find_missing_parts(notebook):
    """The parts that every lesson has, from aims to exercises."""
    text = text_of(notebook)
    problems = [f"no section {heading!r}" for heading in REQUIRED_HEADINGS if heading not in text]
    for word in ("**Aims.**", "**Time**", "**You need**"):
        if word not in text[:2500]:
            problems.append(f"no {word} at the beginning")
    if not any(
        "ch11-explore" in output.get("data", {}).get("text/html", "")
        for _, output in outputs(notebook)
    ):
        problems.append("no explorer")
    heads = re.findall(rf"^(?:{exercises.EXERCISE}.+|{exercises.SOLUTION})$", text, re.M)
    asked, solved = heads[::2], {*heads[1::2]}
    if len(asked) < MIN_EXERCISES or exercises.SOLUTION in asked or solved != {exercises.SOLUTION}:
        problems.append(f"exercises and solutions do not pair up: {heads}")
    if text.count("<details>") < 6:
        problems.append("the quiz has fewer than two questions of three answers")
    if "{cite:" not in text or "{term}" not in text:
        problems.append("no citation, or no link to the glossary")
    words = len(re.sub(r"\$\$.*?\$\$|`[^`]*`", " ", text, flags=re.S).split())
    if words > 30 * 150:
        problems.append(f"{words} words are more than 30 minutes of reading")
    return problems


#: For each page with code; `find_size_problems` also needs the size of its file.
OF_PAGES = (
    find_unexecuted_cells,
    find_warnings,
    find_missing_descriptions,
    find_old_code,
    find_skipped_claims,
    find_rebound_names,
)
#: For pages that are not rewritten yet, and for their lessons.
FIRST_EDITION = (find_long_cells, find_unguarded_outputs)


def gates_of(name):
    """Return the gates for the page of that name."""
    lesson = name not in NOT_LESSONS
    gates = OF_PAGES + (find_missing_parts,) * lesson
    if name not in SECOND_EDITION:
        return gates + FIRST_EDITION + (find_few_claims,) * lesson
    form = form_gates.ALL if lesson else form_gates.OF_PAGES
    return (*gates, *form, number_gates.find_unprinted_numbers)
