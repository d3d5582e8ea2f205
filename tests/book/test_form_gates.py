"""The gates of the second edition bite: each fault, put into a sound lesson, is found."""

import form_gates
import gates
import lesson
import nbformat
import notebooks
import number_gates
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

FIT = """history = model.fit(
    X_train, y_train, epochs=5, batch_size=128,
    validation_data=(X_valid, y_valid),
)"""
DRAWING = """:::{{figure}} drawings/{}.svg
:width: 448
:height: 244
:alt: {}

The chain of factors.
:::"""
TEXT = """## A network that learns

{cite:t}`glorot2010` saw it in 2010. After 5 epochs the network ends at 78.4%, and
about one image in 5 is wrong. The gradient is about 10⁻¹² at $l = 17$, `x = 99`.

1. The second is 3.14 times as large, see [the page](page7.md#section-77).

![A line that rises from left to right.](images/line.png){width=300 height=200}
"""
ALT = "Units in a row, with a factor of 0.25 at each link."
CHECK = """check("The accuracy is 0.784.", accuracy == 0.784)
check_results("A is above B.", lambda a, b: a > b, a=runs["A"], b=runs["B"])
"""
PRINTED = "accuracy 0.7841\n  3.1416 times, slope 0.25\n✓ a billion, 3.1e-12\n"
FILE = "_static/course.css"  # any that is there
EXPLORER = '<img src="data:x" alt="A line of slope 4." width="640" height="260">'


def sound():
    """Return a small lesson that passes every gate of the second edition."""
    folded = {
        "tags": ["hide-input"],
        "mystnb": {
            "code_prompt_show": "Claims",
            "figure": {"caption": "Median of 0.78."},
            "image": {"alt": "A curve that ends at 78% after 5 epochs."},
        },
    }
    cells = [
        new_markdown_cell(TEXT, metadata={"given": ["2010"]}),
        new_markdown_cell(DRAWING.format("chain", ALT)),
        new_markdown_cell(DRAWING.format("units", ALT)),
        new_code_cell(FIT),
        new_code_cell(FIT),
        new_code_cell(CHECK * 4, metadata=folded),
        new_code_cell("explore(line)"),
    ]
    cells[5].outputs = [new_output("stream", name="stdout", text=PRINTED)]
    cells[6].outputs = [new_output("display_data", {"text/html": EXPLORER})]
    return notebooks.normalize(new_notebook(cells=cells))


def problems(notebook):
    every = (*form_gates.ALL, number_gates.find_unprinted_numbers)
    return [problem for gate in every for problem in gate(notebook)]


def test_a_sound_lesson_passes():
    assert problems(sound()) == []


def test_each_listed_page_has_these_gates(monkeypatch):
    monkeypatch.setattr(gates, "SECOND_EDITION", {"intro", "new"})
    assert {*form_gates.ALL, number_gates.find_unprinted_numbers} < {*gates.gates_of("new")}
    assert form_gates.find_plumbing in gates.gates_of("intro")
    assert form_gates.find_missing_fits not in gates.gates_of("intro"), "it is no lesson"
    assert form_gates.find_plumbing not in gates.gates_of("old")
    assert gates.find_long_cells in gates.gates_of("old")
    assert gates.find_long_cells not in gates.gates_of("new")


def code(source, number=3):
    return lambda nb: nb.cells[number].update(source=nb.cells[number].source + "\n" + source)


def swap(number, old, new):
    def change(nb):
        assert old in nb.cells[number].source
        nb.cells[number].source = nb.cells[number].source.replace(old, new)

    return change


def html(source):
    return lambda nb: nb.cells[6].outputs[0].data.update({"text/html": source})


FAULTS = {
    "a visible line of 77 characters": code("x = " + "1" * 73),
    "a visible cell of 26 lines": code("x = 1\n" * 22),
    "plumbing in view, 'shuffled'": code("fit(shuffled(X_train, y_train))"),
    "plumbing in view, 'steps_per_execution'": code("compile(steps_per_execution=79)"),
    "plumbing in view, 'gc.'": code("gc.collect()"),
    "plumbing in view, 'lru_cache'": code("@lru_cache\ndef f(): pass"),
    "plumbing in view, 'convert_to_tensor'": code("keras.ops.convert_to_tensor(X)"),
    "plumbing in view, 'sweep'": code("from ch11lib.training import sweep"),
    "a claim in view": code("claims.check('One is one.', 1 == 1)"),
    "1 visible calls of fit": swap(3, "X_train, y_train", "train"),
    "7 claims": swap(5, CHECK * 2, CHECK + 'check("It is 1.", x == 1)\n'),
    "16 claims": code(CHECK * 4, 5),
    "without a label": lambda nb: nb.cells[5].metadata.mystnb.pop("code_prompt_show"),
    "without a label that says": lambda nb: nb.cells[5].metadata.mystnb.update(
        code_prompt_show="Show code cell source"
    ),
    "open in JupyterLab": lambda nb: nb.cells[5].metadata.pop("jupyter"),
    "height: drawings/chain": swap(1, ":height: 244\n", ""),
    "height: images/line.png": swap(0, "{width=300 height=200}", ""),
    "height: images/line.png ": swap(0, "{width=300 height=200}", "{width=300}"),
    "height: raw.png": code('<img src="raw.png" alt="A line.">', 0),
    "height: i.png": code("```{image} i.png\n:alt: A line.\n```", 0),
    "height: a.png": html('<img src="a.png" alt="A line of slope 4." height="260">'),
    "1 drawings": swap(2, "drawings/units.svg", "drawings/units.png"),
    "drawing whose alt text": swap(1, ALT, "A chain."),
    "no check_results: 'Both": code("check('Both.', runs['A'] > runs['B'])", 5),
    "no check_results: 'Above": code("check('Above.', np.median(a) > b.max() + 0.1)", 5),
    "no check_results: 'Ahead": code("check('Ahead.', a.mean() - b.mean() > 0.1)", 5),
    "cell 0: no cell prints 80.4%": swap(0, "78.4%", "80.4%"),
    "cell 0: no cell prints 78.5%": swap(0, "78.4%", "78.5%"),  # at the prose's precision
    "cell 0: no cell prints 2010": lambda nb: nb.cells[0].metadata.pop("given"),
    "cell 0: no cell prints 3.15 times": swap(0, "3.14", "3.15"),
    "cell 0: no cell prints 10⁻¹⁵": swap(0, "10⁻¹²", "10⁻¹⁵"),
    "cell 0: no cell prints 10,000": code("We take 10,000 images.", 0),
    "cell 0: no cell prints 3 million": code("It has 3 million weights.", 0),
    "cell 0: no cell prints 2 points": code("It is 2 points above.", 0),
    "cell 1: no cell prints 0.35": swap(1, "0.25", "0.35"),  # the alt text of a drawing
    "caption of cell 5: no cell prints 0.79": lambda nb: nb.cells[5].metadata.mystnb.figure.update(
        caption="Median of 0.79."
    ),
    "alt text of cell 5: no cell prints 77%": lambda nb: nb.cells[5].metadata.mystnb.image.update(
        alt="It ends at 77%."
    ),
    "given lists '2011'": lambda nb: nb.cells[0].metadata.update(given=["2010", "2011"]),
}


@pytest.mark.parametrize("expected", FAULTS)
def test_fault_is_found(expected):
    notebook = sound()
    FAULTS[expected](notebook)
    found = problems(notebook)
    assert len(found) == 1 and expected.strip() in found[0], found


@pytest.mark.parametrize(
    "change",
    [
        code("x = " + "1" * 72),  # 76 characters
        code("keras.utils.set_random_seed(42)"),
        code("check('Close.', abs(a - b).max() < 0.1)", 5),  # a law against a measurement
        code("check('Equal.', a == b)", 5),
        code("check('Allclose.', np.allclose(a, b))", 5),
        code("check('Last.', a[-1] > a[0])", 5),
        code("check('All.', all(v > 0.1 for v in a))", 5),
        code("```{image} i.png\n:width: 10px\n:height: 10px\n```", 0),
        html('<img src="data:image/webp;base64,xx" alt="A line of slope 4.">'),
        lambda nb: nb.cells[0].update(  # a file of the book is measured by the build
            source=TEXT.replace("{width=300 height=200}", "").replace("images/line.png", FILE)
        ),
        code("![A line.](not_shown.png) in code: `x`".replace("![", "`![").replace(")", ")`"), 0),
    ],
)
def test_what_is_allowed_is_not_found(change):
    notebook = sound()
    change(notebook)
    assert problems(notebook) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("74.7% of 10,000", ["74.7%", "10,000"]),
        ("0.3–0.5, −0.6 and .817", ["0.3", "0.5", "0.6", ".817"]),
        ("3.5 billion, 3 × 10⁻⁵, 1e-3", ["3.5 billion", "3 × 10⁻⁵", "1e-3"]),
        ("float32, ResNet-50, conv2d, the 9th, v2.1", []),
        ("28 × 28 images, 50ms", ["28", "28", "50"]),
        ("$x = 17$, $$y = 18$$, `z = 19`, {cite:p}`glorot2010`", []),
        ("$$\na = 3\n$$ (eq-4)", []),
        ("[page 5](lesson6.md#part-7) <a href='8'>9</a> https://a.org/10", ["5", "9"]),
        ("3. third\n## 4. Fourth\n(vg-5)=\n[^6]", []),
        ("```python\nx = 7\n```\n8", ["8"]),
        ("### Exercise: Draw 3 of them\n\nAnd 5.", ["3", "5"]),
        (":::{figure} drawings/a5.svg\n:width: 448\n:alt: A chain of 6.\n:::", ["6"]),
        ('<img src="a7.png" alt="A line of slope 8." width="9">', ["8"]),
        ("a quarter, ¼", ["¼"]),
    ],
)
def test_numbers_of_prose(text, expected):
    found = [number.text for number in number_gates.numbers(number_gates.prose(text))]
    assert found == expected


@pytest.mark.parametrize(
    ("said", "printed", "same"),
    [
        ("75%", "0.747", True),
        ("74.7%", "0.747", True),
        ("74.8%", "0.747", False),
        ("0.75", "74.7%", True),
        ("5 times", "4.6", True),
        ("5 times", "4.4", False),
        ("4.60", "4.6", True),
        ("10,000", "10000", True),
        ("10,000", "9999", False),
        ("3.5 billion", "3486784401", True),
        ("3.4 billion", "3486784401", False),
        ("10⁻¹²", "2.4e-12", True),
        ("10⁻¹²", "2.4e-11", False),
        ("3 × 10⁻⁵", "2.8e-05", True),
        ("¼", "0.25", True),
    ],
)
def test_numbers_are_compared_at_the_precision_of_the_prose(said, printed, same):
    (one,), (other,) = number_gates.numbers(said), number_gates.numbers(printed)
    assert one.is_printed_as(other) is same


def test_numbers_in_the_script_and_the_style_of_an_explorer_do_not_count():
    """Those of the frames that it does not show at first do."""
    source = (
        '<figure><style>.a { width: 31px }</style><img src="data:x32" alt="Slope 33.">'
        '<script type="application/json">{"alts": ["Slope 34."]}</script>'
        "<script>let a = 35</script><p>36</p></figure>"
    )
    text = number_gates.text_of_output(nbformat.from_dict({"data": {"text/html": source}}))
    assert [number.text for number in number_gates.numbers(text)] == ["33", "34", "36"]


def test_visible_code_runs_as_a_script():
    notebook = sound()
    notebook.cells[3].source = "import matplotlib\nx = [1]"
    notebook.cells[4].source = "assert matplotlib.get_backend().lower() == 'agg'\nassert x == [1]"
    notebook.cells[5].source = "1 / 0"  # folded
    notebook.cells[6].source = "assert __name__ == '__main__'"
    assert lesson.run_visible_code(notebook) == []
    notebook.cells[4].metadata["tags"] = ["hide-input"]
    notebook.cells[4].source = "y = 1"
    notebook.cells[6].source = "print(y)"
    (problem,) = lesson.run_visible_code(notebook)
    assert "NameError: name 'y' is not defined" in problem


def test_images_of_the_built_page_have_a_size():
    page = '<img src="a.png" width="3" height="2"><img src="b.png" width="3">'
    (problem,) = lesson.find_unsized_images(page)
    assert problem.endswith("on the built page: b.png")


def test_executions_that_differ_are_found():
    one, other = sound(), sound()
    assert lesson.find_differences(one, other) == []
    other.cells[5].outputs[0].text = PRINTED.replace("0.7841", "0.7842")
    (problem,) = lesson.find_differences(one, other)
    assert "'accuracy 0.7841' and 'accuracy 0.7842'" in problem
    other.cells[5].metadata["tags"] = one.cells[5].metadata["tags"] = ["nbval-ignore-output"]
    assert lesson.find_differences(one, other) == []
