"""The lessons on a processor that adds up in another order: their sentences still hold.

Training amplifies the last digits, so a single run ends somewhere else there. A claim that
hangs on one is false on some reader's computer; here it raises an error.
"""

import platform

import nbformat
import notebooks
import pytest
from conftest import ROOT

#: The processors of 2008: half as many numbers at once as where the lessons are stored.
OLD = {
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "OPENBLAS_CORETYPE": "Nehalem",
    "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
}
LESSONS = [path.stem for path in notebooks.toc_notebooks() if path.stem in notebooks.SECOND_EDITION]
pytestmark = pytest.mark.skipif(
    platform.machine().lower() not in ("x86_64", "amd64"), reason="these are instructions of x86"
)
SUM = """
import keras, numpy as np
rng = np.random.default_rng(0)
a, b = (rng.standard_normal((300, 300)).astype("float32") for _ in range(2))
print(keras.ops.convert_to_numpy(keras.ops.matmul(a, b)).tobytes().hex())
"""


def text(notebook):
    """Return what the cells print, without pictures."""
    outputs = (output for cell in notebook.cells for output in cell.get("outputs", []))
    return [output.get("text") or output.get("data", {}).get("text/plain") for output in outputs]


def test_such_a_processor_ends_in_other_digits(run_python):
    """Otherwise the next test tests nothing."""
    assert run_python("-c", SUM).stdout != run_python("-c", SUM, **OLD).stdout


@pytest.mark.parametrize("name", LESSONS)
def test_claims_hold(name, monkeypatch):
    for variable, value in OLD.items():
        monkeypatch.setenv(variable, value)
    stored = nbformat.read(ROOT / "book" / f"{name}.ipynb", as_version=4)
    notebook = nbformat.from_dict(stored)
    notebooks.start_again(notebooks.run)(notebook, ROOT / "book")  # raises if a claim fails
    pairs = zip(text(stored), text(notebooks.normalize(notebook)), strict=True)
    print(f"{name}: {sum(one != other for one, other in pairs)} outputs have other digits")
