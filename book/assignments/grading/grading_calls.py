"""Tests call a student's functions without living in the student's process.

A graded test runs in a kernel of its own, the *trusted* one. A name that the
test uses and that the trusted kernel does not know is looked up in the
student's kernel: a function becomes a `Remote`, anything else is copied. A call
sends its arguments as data and brings data back, never pickled objects. So
whatever a submission does to NumPy, Keras, `ch11lib` or the tests themselves,
it does to its own process, where nothing is compared.

What can be sent: None, bool, int, float, complex, str, list, tuple, dict,
NumPy arrays and numbers, tensors (they arrive as arrays), and Keras models made
of Keras's own layers (as a .keras file, loaded in safe mode).
"""

import ast
import base64
import builtins
import functools
import io
import json
import os
import re
import symtable
import sys
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["Remote", "RemoteError", "bind", "decode", "encode", "free_names"]


#: One string as Python writes it. What else a reply may hold can take hours to evaluate.
STRING = re.compile(r"""'(?:[^'\\\n]++|\\.)*+'|"(?:[^"\\\n]++|\\.)*+\"""")


def encode(value: Any) -> Any:
    """Return `value` as something that JSON can hold.

    Raises
    ------
    TypeError
        If the value is of a kind that can't be sent.
    """
    if value is None or (isinstance(value, (bool, int, float, str)) and not _is_numpy(value)):
        return value
    if isinstance(value, complex) and not _is_numpy(value):
        return {"complex": [value.real, value.imag]}
    if isinstance(value, list):
        return [encode(item) for item in value]
    if isinstance(value, tuple):
        return {"tuple": [encode(item) for item in value]}
    if isinstance(value, dict):
        return {"dict": [[encode(key), encode(item)] for key, item in value.items()]}
    keras = sys.modules.get("keras")
    if keras is not None and isinstance(value, keras.Model):
        return {"keras": _model_bytes(value)}
    if _is_numpy(value) or hasattr(value, "__array__"):
        array = np.asarray(value)
        if not array.dtype.hasobject:
            buffer = io.BytesIO()
            np.save(buffer, array, allow_pickle=False)
            scalar = isinstance(value, np.generic)
            return {"npy": base64.b64encode(buffer.getvalue()).decode(), "scalar": scalar}
    raise TypeError(
        f"a {type(value).__name__} can't be handed to the tests; "
        "use numbers, strings, arrays, lists, tuples, dictionaries or a Keras model"
    )


def _is_numpy(value: Any) -> bool:
    return isinstance(value, (np.ndarray, np.generic))


def _model_bytes(model: Any) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.keras")
        model.save(path)
        with open(path, "rb") as file:
            return base64.b64encode(file.read()).decode()


def decode(value: Any) -> Any:
    """Return what `encode` was given."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "npy" in value:
        data = io.BytesIO(base64.b64decode(value["npy"]))
        array = np.load(data, allow_pickle=False)
        return array[()] if value.get("scalar") else array
    if "tuple" in value:
        return tuple(decode(item) for item in value["tuple"])
    if "complex" in value:
        return complex(*value["complex"])
    if "keras" in value:
        import keras

        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "model.keras")
            with open(path, "wb") as file:
                file.write(base64.b64decode(value["keras"]))
            return keras.saving.load_model(path, compile=False, safe_mode=True)
    return {decode(key): decode(item) for key, item in value["dict"]}


def answer(namespace: dict[str, Any], name: str, call: str) -> str:
    """In the student's kernel: call a function or say what a name holds."""
    value = namespace[name]
    if call:
        arguments, keywords = decode(json.loads(call))
        return json.dumps(["data", encode(value(*arguments, **keywords))])
    if callable(value) and not hasattr(value, "layers"):
        return json.dumps(["function", None])
    return json.dumps(["data", encode(value)])


class RemoteError(RuntimeError):
    """The student's function failed, took too long or returned what can't be sent."""


class Remote:
    """A function that lives in the student's kernel."""

    def __init__(self, name: str, ask: Callable[[str, str], str]):
        self.__name__ = name
        self._ask = ask

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Call the function there and return its result as plain data here."""
        call = json.dumps(encode([list(arguments), keywords]))
        result = _read(self._ask(self.__name__, call))[1]
        if _has_nothing(result):
            raise RemoteError(f"{self.__name__} returned something empty")
        return result


def _has_nothing(value: Any) -> bool:
    """Tell of an empty array or list anywhere: it passes as close to any number."""
    if isinstance(value, dict):
        return any(map(_has_nothing, value.values()))
    if isinstance(value, (list, tuple)):
        return not value or any(map(_has_nothing, value))
    return isinstance(value, np.ndarray) and value.size == 0


def _read(text: str) -> tuple[str, Any]:
    try:
        kind, value = json.loads(text)
        return str(kind), decode(value)
    except Exception as error:
        raise RemoteError(f"the submission's answer can't be read: {error}") from None


def free_names(source: str) -> set[str]:
    """Return the global names that a cell uses before it defines them itself."""
    try:
        table = symtable.symtable(source, "cell", "exec")
    except SyntaxError:
        return set()
    assigned = {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()}
    used: set[str] = set()
    tables = [table]
    while tables:
        inner = tables.pop()
        tables += inner.get_children()
        used |= {
            s.get_name()
            for s in inner.get_symbols()
            if s.is_referenced() and (s.is_global() or inner is table)
        }
    return used - assigned - set(dir(builtins))


def bind(namespace: dict[str, Any], source: str, ask: Callable[[str, str], str]) -> None:
    """Define in `namespace` what `source` uses and only the student's kernel has."""
    for name in free_names(source):
        if name in namespace and not isinstance(namespace[name], Remote):
            if name not in namespace.setdefault("_ch11_copied", set()):
                continue
            del namespace[name]
        namespace.pop(name, None)
        try:
            kind, value = _read(ask(name, ""))
        except KeyError:
            continue  # the test will fail with a NameError that says the name
        if kind == "function":
            namespace[name] = Remote(name, ask)
        else:
            namespace[name] = value
            namespace.setdefault("_ch11_copied", set()).add(name)


@functools.cache
def small_context() -> Any:
    """Return a ZeroMQ context whose sockets hold few and no huge messages."""
    import zmq

    context: Any = zmq.Context()
    context.setsockopt(zmq.RCVHWM, 8)
    context.setsockopt(zmq.MAXMSGSIZE, 128 * 2**20)
    return context


def connect(connection: dict[str, Any], timeout: float) -> Callable[[str, str], str]:
    """Return the function that asks the student's kernel.

    Parameters
    ----------
    connection : dict
        What the connection file of the student's kernel holds.
    timeout : float
        Seconds for one call.
    """
    from jupyter_client.blocking.client import BlockingKernelClient

    client: Any = BlockingKernelClient(context=small_context())
    client.load_connection_info(connection)
    client.start_channels(shell=True, iopub=False, stdin=False, hb=False, control=False)
    with open(__file__, encoding="utf-8") as file:
        module = file.read()
    prepare = (
        "import types as _t; _ch11 = _t.ModuleType('_ch11'); "
        f"exec(compile({module!r}, 'grading_calls', 'exec'), _ch11.__dict__)"
    )

    def ask(name: str, call: str) -> str:
        expression = f"_ch11.answer(globals(), {name!r}, {call!r})"
        message = client.execute(
            prepare, silent=True, store_history=False, user_expressions={"answer": expression}
        )
        while True:
            try:
                reply = client.get_shell_msg(timeout=timeout)
            except Exception:
                raise RemoteError(f"{name}: no answer within {timeout:g} s") from None
            if reply["parent_header"].get("msg_id") == message:
                break
        return _answered(name, reply["content"])

    return ask


def _answered(name: str, content: Any) -> str:
    """Return the text that the student's kernel replied with, or raise what it says."""
    try:
        result = content.get("user_expressions", {}).get("answer", content)
        if result.get("status") == "ok":
            if not STRING.fullmatch(text := result["data"]["text/plain"]):
                raise ValueError("it is no string")
            return str(ast.literal_eval(text))
        kind, text = str(result.get("ename"))[:200], str(result.get("evalue"))[:2000]
    except Exception as error:
        raise RemoteError(f"{name}: the answer can't be read: {error!r:.200}") from None
    if kind == "KeyError" and text == repr(name):
        raise KeyError(name)
    raise RemoteError(f"{name} raised {kind}: {text}")
