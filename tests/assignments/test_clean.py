"""What is left of a submission that is cleaned: text, pictures, and honest Markdown as it was."""

import base64
import io

import nbformat
import pytest
from grading_clean import NOT_SHOWN, clean, clean_file, to_html
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

HONEST = [
    "Half is lost: $a < b$ and $$\\sqrt{2/n}$$, so `a<b>c` & *more*.",
    "# Title\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n\n```python\nx = 1 < 2\n```",
    "a<br>H<sub>2</sub>O <b>bold</b>\n\n<details><summary>a</summary>b</details>",
    "[Keras](https://keras.io) <https://keras.io> mail me: <me@example.org>",
    "- [ ] open\n- [x] done\n\n> quoted\n\n1. one\n2. two",
    "`<script>alert(1)</script>`\n\n```html\n<img src=x onerror=alert(1)>\n```",
]
HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)></svg>",
    "<iframe src='data:text/html,x'></iframe>",
    "<style>* {display: none}</style>",
    "<meta http-equiv=refresh content='0; url=https://example.org'>",
    "<form action='https://example.org'><input></form>",
    "<p style='position: fixed'>x</p>",
    "<p class='full-credit navbar-fixed-top' id='test'>x</p>",
    "[x](javascript:alert(1))",
    "[x](java&#115;cript:alert(1))",
    "[x](data:text/html;base64,AAAA)",
    "[next](/formgrader/submissions/x/next)",
    "![x](https://example.org/x.png)",
    "```mermaid\n<img src=x onerror=alert(1)>\n```",
    "![x](attachment:missing.png)",
    "````\n<b>\n```\n<script>alert(1)</script>",
]
PICTURE = io.BytesIO()
Image.new("RGB", (2, 2)).save(PICTURE, "PNG")
PNG = base64.b64encode(PICTURE.getvalue()).decode()


def cleaned(*cells):
    notebook = new_notebook()
    notebook.cells = list(cells)
    return clean(notebook).cells


@pytest.mark.parametrize("source", HONEST)
def test_honest_markdown_stays_as_it_is(source):
    (cell,) = cleaned(new_markdown_cell(source))
    assert cell.source == source


@pytest.mark.parametrize("source", HOSTILE)
def test_hostile_markdown_is_shown_as_its_source(source):
    (cell,) = cleaned(new_markdown_cell(source))
    if cell.source != source:
        assert NOT_SHOWN in cell.source and source in cell.source
    page = to_html(cell.source)
    for word in ("<script", "<img", "<svg", "<iframe", "<style", "<meta", "<form", "<p ", "<a "):
        assert word not in page


@pytest.mark.parametrize("source", HOSTILE)
def test_a_page_is_dead_though_its_cell_was_not_cleaned(source):
    page = to_html(source).replace('<pre class="mermaid">', "<pre>")
    for word in ("<script", "<svg", "<iframe", "<style", "<meta", "<form", "onerror=alert(1)>x"):
        assert word not in page
    for word in (" src=", " href=", " style=", " id=", " class=", "<img src=x onerror"):
        assert word not in page.replace("&lt;img src=x", "")


def test_formulas_become_mathml_and_no_other_markup():
    page = to_html(r"$\sqrt{2}$ $\text{<img src=x onerror=alert(1)>}$ $\href{javascript:x}{y}$")
    assert "<msqrt>" in page and "<mtext>&lt;img" in page
    assert "<img" not in page and "<a" not in page


def test_of_outputs_text_and_pictures_are_kept():
    data = {"text/html": "<b>x</b>", "text/plain": "\x1b[31mred\x1b[0m\x07", "image/png": PNG}
    kept = [
        new_output("display_data", data, metadata={"image/png": {"width": "1 onerror=alert(1)"}}),
        new_output("execute_result", {"application/javascript": "alert(1)"}),
        new_output("display_data", {"image/png": "AAAA", "image/svg+xml": "<svg/>"}),
        new_output("stream", name="stdout", text="50 %\r\x1b]8;;http://x\x1b\\link"),
        new_output("error", ename="E", evalue="\x1b[0mno", traceback=["\x1b[31mline"]),
    ]
    kept.append(nbformat.from_dict({"output_type": "unknown", "data": "x"}))
    cell = new_code_cell("1")
    cell.outputs = kept
    outputs = cleaned(cell)[0].outputs
    assert outputs[0].data == {"text/plain": "red", "image/png": PNG}
    assert outputs[0].metadata == {}
    assert outputs[1].data == {"text/plain": "[not shown: application/javascript]"}
    assert outputs[2].data == {"text/plain": "[not shown: image/png, image/svg+xml]"}
    assert "\x1b" not in outputs[3].text and outputs[3].text.startswith("50 %\r")
    assert (outputs[4].evalue, outputs[4].traceback) == ("no", ["line"])
    assert len(outputs) == 5


def test_attachments_that_are_pictures_stay():
    attachments = {
        "a.png": {"image/png": PNG, 'image/png" onerror="alert(1)': PNG},
        "b.svg": {"image/svg+xml": PNG},
    }
    (cell,) = cleaned(new_markdown_cell("![a](attachment:a.png)", attachments=attachments))
    assert cell.attachments == {"a.png": {"image/png": PNG}}
    assert f"data:image/png;base64,{PNG}" in to_html(cell.source, cell.attachments)


def test_metadata_ids_and_counts_can_hold_no_markup():
    evil = '"><script>alert(1)</script>'
    cell, raw = new_code_cell("1"), nbformat.v4.new_raw_cell(evil)
    cell.update(id=evil, execution_count=evil)
    cell.metadata.update(tags=[evil], nbgrader={"grade_id": evil, "points": evil})
    notebook = new_notebook(metadata={"widgets": {"x": evil}})
    other = nbformat.from_dict({"cell_type": evil, "source": "x", "metadata": {}})
    notebook.cells = [cell, raw, other]
    notebook["more"] = evil
    text = nbformat.writes(clean(notebook))
    assert text.count("<script>") == 1  # the raw cell's, shown as source
    assert notebook.cells[1].cell_type == "markdown" and NOT_SHOWN in notebook.cells[1].source


def test_marks_of_nbgrader_stay():
    marks = {"grade_id": "test-he", "grade": True, "points": 2, "locked": True, "solution": False}
    (cell,) = cleaned(new_code_cell("1", metadata={"nbgrader": marks, "deletable": False}))
    assert cell.metadata == {"nbgrader": {**marks, "checksum": ""}}


def test_a_file_is_cleaned_whatever_its_mode_and_keeps_its_time(tmp_path):
    path = tmp_path / "ada.ipynb"
    nbformat.write(new_notebook(cells=[new_markdown_cell(HOSTILE[0])]), path)
    path.chmod(0o444)
    when = path.stat().st_mtime
    assert clean_file(path) and path.stat().st_mtime == when
    assert NOT_SHOWN in nbformat.read(path, as_version=4).cells[0].source
    path.unlink()
    path.write_text("no notebook")
    assert not clean_file(path) and path.read_text() == "no notebook"
