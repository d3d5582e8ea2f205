"""`make notebooks`: one normal form, whole files, stable bytes."""

import base64
import io
import signal
import subprocess
import sys
import time

import matplotlib.pyplot as plt
import nbformat
import notebooks
import numpy as np
import pytest
from conftest import ROOT
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

EXPLORER = """
import matplotlib.pyplot as plt
from ch11lib.explore import explore
from ch11lib.plots import with_alt_text

def line(slope):
    fig, ax = plt.subplots(figsize=(2, 1))
    ax.axline((0, 0), slope=slope)
    return with_alt_text(fig, f"A line of slope {slope}.")

explore(line, slope=[1, 2])
"""


def stored(path, *sources):
    nbformat.write(new_notebook(cells=[new_code_cell(source) for source in sources]), path)
    return path


def test_normal_form_has_nothing_that_differs_between_runs():
    noisy = new_notebook(
        metadata={"widgets": {"state": 1}, "language_info": {"name": "python", "version": "3.12.1"}}
    )
    noisy.cells = [new_markdown_cell("# A\n"), new_code_cell("1\n", execution_count=1)]
    noisy.cells[1].metadata = {"execution": {"iopub": "12:00"}, "tags": ["t"], "collapsed": True}
    view = "application/vnd.jupyter.widget-view+json"
    noisy.cells[1].outputs = [
        new_output("stream", name="stdout", text="a"),
        new_output("stream", name="stdout", text="b"),
        new_output(
            "display_data", {view: {"model_id": "12ab"}, "text/html": "x"}, metadata={"m": 1}
        ),
    ]
    clean = notebooks.normalize(noisy)
    assert clean.metadata == {
        "kernelspec": notebooks.KERNELSPEC,
        "language_info": {"name": "python"},
    }
    assert clean.cells[1].metadata == {"tags": ["t"]}
    assert [output.get("text") for output in clean.cells[1].outputs] == ["ab", None]
    assert clean.cells[1].outputs[1].data == {"text/html": "x"}
    assert clean.cells[0].source == "# A"
    again = notebooks.normalize(notebooks.normalize(noisy))
    assert nbformat.writes(again) == nbformat.writes(clean)


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("[](max_norm)", "[Max-norm regularization](max_norm.ipynb)"),
        ("{doc}`max_norm`", "[Max-norm regularization](max_norm.ipynb)"),
        ("{doc}`/book/api/dropout`", "[dropout](api/dropout.md)"),
        ("[it](max_norm#recap)", "[it](max_norm.ipynb#recap)"),
        ("[](glossary)", "[Glossary](glossary.md)"),
        ("[it](max_norm.ipynb)", "[it](max_norm.ipynb)"),
        ("[it](https://keras.io)", "[it](https://keras.io)"),
        ("[it](#max_norm)", "[it](#max_norm)"),
        ("[](nowhere)", "[](nowhere)"),
        ("`[](max_norm)` {term}`max_norm`", "`[](max_norm)` {term}`max_norm`"),
        ("```text\n[](max_norm)\n```", "```text\n[](max_norm)\n```"),
    ],
)
def test_links_lead_to_files_and_have_words(written, stored):
    """Without Sphinx, as on GitHub and in JupyterLab, nothing else does."""
    clean = notebooks.normalize(new_notebook(cells=[new_markdown_cell(written)]))
    assert clean.cells[0].source == stored


def test_normal_form_is_stored_without_executing(tmp_path, monkeypatch):
    cells = [new_markdown_cell("[](max_norm)"), new_code_cell("1 / 0")]
    (tmp_path / "book").mkdir()
    nbformat.write(new_notebook(cells=cells), tmp_path / "book" / "a.ipynb")
    (tmp_path / "book" / "max_norm.md").write_text("# Max-norm")
    monkeypatch.setattr(notebooks, "ROOT", tmp_path)
    monkeypatch.setattr("sys.argv", ["notebooks.py", "--normal-form", "a"])
    assert notebooks.main() == 0
    made = nbformat.read(tmp_path / "book" / "a.ipynb", as_version=4).cells
    assert made[0].source == "[Max-norm](max_norm.md)"
    assert made[1].source == "1 / 0" and made[1].outputs == []


def test_folded_cells_are_folded_in_jupyterlab_too():
    cell = new_code_cell("x = 1", metadata={"tags": ["hide-input"], "given": ["3"], "id": "a"})
    shown = new_code_cell("y = 2", metadata={"jupyter": {"source_hidden": True}})
    clean = notebooks.normalize(new_notebook(cells=[cell, shown])).cells
    assert clean[0].metadata == {
        "tags": ["hide-input"],
        "given": ["3"],
        "jupyter": {"source_hidden": True},
    }
    assert clean[1].metadata == {}


def test_plots_of_the_second_edition_have_twice_the_density(tmp_path, monkeypatch):
    """And their logical size beside them, the same at each run."""
    monkeypatch.setattr(notebooks, "SECOND_EDITION", {"sharp"})
    plot = (
        "import matplotlib.pyplot as plt\n"
        "fig = plt.figure(figsize=(3, 2), dpi=100)\nax = fig.add_axes((0, 0, 1, 1))\nplt.close(fig)"
    )
    shapes, sizes = {}, {}
    for name in ("sharp", "plain", "sharp"):
        path = stored(tmp_path / f"{name}.ipynb", f"{plot}\nfig")
        notebooks.execute(path)
        (output,) = nbformat.read(path, 4).cells[0].outputs
        if name in shapes:
            assert output.data["image/png"] == shapes[name], "the bytes are the same"
        shapes[name], sizes[name] = output.data["image/png"], output.metadata
    width, height = (
        int.from_bytes(base64.b64decode(shapes["sharp"])[i : i + 4], "big") for i in (16, 20)
    )
    assert sizes["sharp"] == {"image/png": {"width": width // 2, "height": height // 2}}
    assert sizes["plain"] == {}
    plain = int.from_bytes(base64.b64decode(shapes["plain"])[16:20], "big")
    assert abs(width - 2 * plain) <= 2


def test_pictures_have_a_palette():
    """Of 256 colors, and look as before; a second time nothing changes."""
    fig, ax = plt.subplots()
    ax.plot([0, 1, 0], label="a line")
    ax.legend()
    drawn = io.BytesIO()
    fig.savefig(drawn, transparent=True)
    plt.close(fig)
    png = base64.b64encode(drawn.getvalue()).decode()
    small = notebooks.with_palette(png)
    assert len(small) < 0.6 * len(png) and notebooks.with_palette(small) == small
    with Image.open(drawn) as before, Image.open(io.BytesIO(base64.b64decode(small))) as after:
        assert after.mode == "P"
        white = Image.new("RGBA", before.size, "white")
        seen = Image.alpha_composite(white, before.convert("RGBA")).convert("RGB")
        difference = np.abs(np.asarray(seen, int) - np.asarray(after.convert("RGB"), int))
    assert difference.max() < 32 and difference.mean() < 0.1


def test_cell_ids_are_stable_and_unique():
    cells = [new_code_cell("same"), new_code_cell("same"), new_markdown_cell("same")]
    ids = [cell.id for cell in notebooks.normalize(new_notebook(cells=cells)).cells]
    assert len(set(ids)) == 3
    assert ids == [cell.id for cell in notebooks.normalize(new_notebook(cells=cells)).cells]


def test_executing_twice_changes_no_byte(tmp_path):
    path = stored(tmp_path / "lesson.ipynb", EXPLORER, "print('done')")
    assert notebooks.execute(path) is True
    first = path.read_bytes()
    assert notebooks.execute(path) is False
    assert path.read_bytes() == first
    (output,) = nbformat.read(path, 4).cells[0].outputs
    assert set(output.data) == {"text/html", "text/plain"}, "the live edition is not stored"
    assert [p.name for p in tmp_path.iterdir()] == ["lesson.ipynb"], "no temporary file is left"


def test_measured_times_stay_until_asked_for(tmp_path):
    path = stored(tmp_path / "lesson.ipynb", "import time; print(time.perf_counter())")
    notebook = nbformat.read(path, 4)
    notebook.cells[0].metadata["tags"] = ["timing"]
    nbformat.write(notebook, path)
    assert notebooks.execute(path) is True
    assert notebooks.execute(path) is False
    assert notebooks.execute(path, timings=True) is True


def test_a_failing_cell_leaves_the_file_as_it_was(tmp_path):
    path = stored(tmp_path / "lesson.ipynb", "print('new')", "1 / 0")
    before = path.read_bytes()
    with pytest.raises(Exception, match="ZeroDivisionError"):
        notebooks.execute(path)
    assert path.read_bytes() == before


def hear_interrupts():
    """Undo what `nohup` and shells without job control do to their background jobs."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_an_interrupt_leaves_the_file_as_it_was(tmp_path):
    path = stored(tmp_path / "lesson.ipynb", "open('begun', 'w'); import time; time.sleep(600)")
    before = path.read_bytes()
    code = f"import notebooks, pathlib; notebooks.execute(pathlib.Path({str(path)!r}))"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT / "book" / "tools",
        stderr=subprocess.DEVNULL,
        preexec_fn=hear_interrupts,
    )
    while not (tmp_path / "begun").exists():
        assert process.poll() is None, "it ended before the interrupt"
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    process.wait(300)
    assert path.read_bytes() == before
    assert {p.name for p in tmp_path.iterdir()} == {"begun", "lesson.ipynb"}


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    path = stored(tmp_path / "lesson.ipynb", "1")
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(notebooks.os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        notebooks.execute(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["lesson.ipynb"]


def test_command_reports_each_notebook_and_fails_as_a_whole(tmp_path, monkeypatch, capsys):
    (tmp_path / "book").mkdir()
    stored(tmp_path / "book" / "good.ipynb", "1")
    stored(tmp_path / "book" / "bad.ipynb", "1 / 0")
    monkeypatch.setattr(notebooks, "ROOT", tmp_path)
    monkeypatch.setattr(sys, "argv", ["notebooks.py", "good", "bad"])
    assert notebooks.main() == 1
    captured = capsys.readouterr()
    assert "good.ipynb: changed" in captured.out
    assert "bad.ipynb: FAILED, file left as it was" in captured.err
    monkeypatch.setattr(sys, "argv", ["notebooks.py", "none"])
    with pytest.raises(SystemExit):
        notebooks.main()
    assert "no such notebook: none.ipynb" in capsys.readouterr().err


def test_the_notebooks_of_the_toc_are_found():
    names = [path.stem for path in notebooks.toc_notebooks()]
    assert names[:3] == ["intro", "vanishing_gradients", "initialization"]
    assert "what_it_costs" in names


@pytest.mark.parametrize(("failures", "message"), [(2, ""), (3, "died"), (1, "other")])
def test_a_kernel_that_lost_its_port_is_started_again(failures, message):
    calls = []

    def start(name):
        calls.append(name)
        if len(calls) <= failures:
            raise RuntimeError(
                "another error" if message == "other" else "Kernel died before replying"
            )
        return "kernel"

    again = notebooks.start_again(start)
    if message:
        with pytest.raises(RuntimeError, match=message):
            again("python3")
    else:
        assert again("python3") == "kernel"
    assert len(calls) == (1 if message == "other" else 3)


def test_a_notebook_whose_kernel_lost_its_port_is_executed(tmp_path, monkeypatch):
    run, calls = notebooks.run, []

    def unlucky(*arguments):
        calls.append(arguments)
        if len(calls) == 1:
            raise RuntimeError("Kernel died before replying to kernel_info")
        run(*arguments)

    monkeypatch.setattr(notebooks, "run", unlucky)
    path = tmp_path / "lesson.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("print(1)")]), path)
    assert notebooks.execute(path)
    assert nbformat.read(path, 4).cells[0].outputs[0].text == "1\n"
