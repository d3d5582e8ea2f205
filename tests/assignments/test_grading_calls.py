"""What crosses between the kernels of the grading: data, and nothing else."""

import base64
import io
import json

import assignments
import grading_calls
import numpy as np
import pytest
from grading_calls import Remote, RemoteError, bind, decode, encode, free_names
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

NUMBERS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**80), 2**80),
    st.floats(allow_nan=False),
    st.complex_numbers(allow_nan=False),
    st.text(),
)
DATA = st.recursive(
    NUMBERS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(st.text() | st.integers(), inner, max_size=4),
        st.dictionaries(st.sampled_from(["npy", "tuple", "dict", "keras", "complex"]), inner),
    ),
    max_leaves=12,
)


@given(DATA)
def test_data_crosses_unchanged(value):
    back = decode(json.loads(json.dumps(encode(value))))
    assert back == value
    assert repr(back) == repr(value)  # True is not 1, a tuple is not a list


KINDS = arrays.scalar_dtypes().filter(lambda dtype: dtype.kind not in "Mm")


@given(arrays.arrays(KINDS, arrays.array_shapes(min_dims=0, min_side=0)))
def test_arrays_cross_unchanged(array):
    back = decode(json.loads(json.dumps(encode(array))))
    assert back.dtype == array.dtype and back.shape == array.shape
    assert back.tobytes() == array.tobytes()


@pytest.mark.parametrize(
    "value", [np.float64(0.1), np.float32(0.1), np.int64(3), np.bool_(True), np.complex64(1j)]
)
def test_numbers_of_numpy_keep_their_type(value):
    back = decode(encode(value))
    assert type(back) is type(value) and back == value


def test_a_model_crosses_with_its_weights():
    keras = pytest.importorskip("keras")
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    back = decode(json.loads(json.dumps(encode(model))))
    x = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(back.predict(x, verbose=0), model.predict(x, verbose=0))


PATCHED = """
import json, keras, numpy as np
from grading_calls import encode
class Cheat(keras.layers.Dense):
    def call(self, inputs):
        return 0 * super().call(inputs) + 7
kinds = {"patched": keras.layers.Dense, "own": Cheat}
if KIND == "patched":
    keras.layers.Dense.call = Cheat.call = lambda self, inputs: 0 * inputs[:, :2] + 7
kinds["lambda"] = lambda units: keras.layers.Lambda(lambda x: 0 * x + 7, output_shape=(3,))
model = keras.Sequential([keras.Input((3,)), kinds[KIND](2)])
if KIND == "patched":
    model.set_weights([np.eye(3, 2), np.zeros(2)])
print("<" + json.dumps(encode(model)) + ">")
"""


def crossed(run_python, kind):
    """Return what arrives of a model whose process has changed Keras."""
    folder = str(assignments.COURSE / "grading")
    out = run_python("-c", PATCHED.replace("KIND", repr(kind)), PYTHONPATH=folder).stdout
    return decode(json.loads(out[out.index("<") + 1 : out.rindex(">")]))


def test_a_patched_keras_stays_where_it_is(run_python):
    back = crossed(run_python, "patched")
    x = np.arange(6.0).reshape(2, 3)
    np.testing.assert_allclose(back.predict(x, verbose=0), x[:, :2])


@pytest.mark.parametrize("kind", ["own", "lambda"])
def test_a_model_with_code_of_its_own_is_refused(run_python, kind):
    with pytest.raises((ValueError, TypeError), match=r"Cheat|Lambda|lambda"):
        crossed(run_python, kind)


@pytest.mark.parametrize(
    "value", [object(), len, {1, 2}, b"bytes", np.array([object()], dtype=object), np]
)
def test_only_data_crosses(value):
    with pytest.raises(TypeError, match="can't be handed to the tests"):
        encode(value)


def test_pickled_arrays_are_refused():
    file = io.BytesIO()
    np.save(file, np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle"):
        decode({"npy": base64.b64encode(file.getvalue()).decode()})


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("assert f(2) == g", {"f", "g"}),
        ("import f\nf(2)", set()),
        ("x = f(1)\nx + len([])", {"f"}),
        ("for i in range(3):\n    assert f(i)", {"f"}),
        ("def t(a):\n    return a + f(b)\nt(1)", {"f", "b"}),
        ("[f(y) for y in z]", {"f", "z"}),
        ("lambda q: q + w", {"w"}),
        ("class C:\n    v = k\n    def m(self):\n        return n", {"k", "n"}),
        ("this is no program", set()),
    ],
)
def test_names_that_a_test_needs_from_the_submission(source, names):
    assert free_names(source) == names


def asking(namespace):
    """Return what `connect` returns, without a kernel between."""

    def ask(name, call):
        return grading_calls.answer(namespace, name, call)

    return ask


def test_bind_gives_functions_and_copies():
    mine = {"np": np}
    bind(mine, "np.sum(double(data))", asking({"double": lambda a: 2 * a, "data": [1, 2], "np": 0}))
    assert isinstance(mine["double"], Remote)
    assert mine["double"](4) == 8 and mine["data"] == [1, 2]
    assert mine["np"] is np


def test_bind_takes_a_copy_anew_and_leaves_what_is_missing():
    mine, theirs = {}, {"data": 1}
    bind(mine, "data", asking(theirs))
    theirs["data"] = 2
    bind(mine, "data, missing", asking(theirs))
    assert mine["data"] == 2 and "missing" not in mine


@pytest.mark.parametrize("result", [[], np.zeros((0, 3)), [1, []], {"a": np.array([])}, ()])
def test_an_empty_result_is_an_error(result):
    """`np.allclose` of an empty array with anything is true."""
    with pytest.raises(RemoteError, match="returned something empty"):
        Remote("f", asking({"f": lambda: result}))()


@pytest.mark.parametrize("text", ["", "7", "[1]", '["data", {"npy": "?"}]', "[" * 100_000])
def test_an_answer_that_makes_no_sense_is_an_error(text):
    with pytest.raises(RemoteError, match="can't be read"):
        Remote("f", lambda name, call: text)()


def reply(text):
    return {"status": "ok", "data": {"text/plain": text}}


def test_a_reply_is_a_string_and_no_program():
    assert (
        grading_calls._answered("f", {"user_expressions": {"answer": reply(r"'a\'\\b'")}})
        == "a'\\b"
    )
    for text in ("+".join("1" * 3_000_000), "'a' 'b'", "'a' * 3", "'\\'", "[" * 100_000, "''\n''"):
        with pytest.raises(RemoteError, match="can't be read"):
            grading_calls._answered("f", {"user_expressions": {"answer": reply(text)}})


def test_a_huge_exception_is_cut():
    content = {"status": "error", "ename": "E" * 10**6, "evalue": "x" * 10**7}
    with pytest.raises(RemoteError) as caught:
        grading_calls._answered("f", {"user_expressions": {"answer": content}})
    assert len(str(caught.value)) < 3000
