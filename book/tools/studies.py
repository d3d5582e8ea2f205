"""Measure studies: comparisons that take minutes and are stored for the lessons.

    python book/tools/studies.py                # all
    python book/tools/studies.py dropout_rates  # one
    python book/tools/studies.py --smoke NAME   # a quick run that stores nothing
    python book/tools/studies.py --confirm NAME # the code changed, its results did not

A study is a script ``book/studies/NAME.py`` with a docstring that says what is
compared and a function ``measure(smoke=False)`` that returns a dict of numbers,
texts, lists, dicts and arrays; with ``smoke=True`` it takes few steps of one seed
and returns the same keys. The result goes to ``ch11lib/data/studies/NAME.json``
together with the seconds, the versions and a digest of the code that it came
from; `ch11lib.studies.load` reads it. If the code changes, a test names the study
to measure again. A study that fails leaves its file as it was.

The results of a quick run are stored, too. Where only ch11lib has changed, and in a
way that should not matter, such as a check of an argument, ``--confirm`` makes the
quick run again: if it gives the same numbers, the digest alone is replaced.

The code that counts is the script and, from there on, each function, class and
constant of ch11lib whose name it uses, as far down as they use others. Comments,
docstrings, the form of the text and the module in which a function stands do not count.
"""

import argparse
import ast
import hashlib
import json
import os
import runpy
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import determinism
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "ch11lib"
LIBRARIES = ("keras", "numpy", "tensorflow")
RESERVED = {"seconds", "versions"}
MAX_SECONDS = 15 * 60
Symbol = tuple[str, str]  # a module of ch11lib, a name in it


def scripts(root: Path = ROOT) -> dict[str, Path]:
    """Return the script of each study by its name."""
    return {path.stem: path for path in sorted((root / "book" / "studies").glob("*.py"))}


def stored_path(name: str, root: Path = ROOT) -> Path:
    """Return where the results of a study are stored."""
    return root / PACKAGE / "data" / "studies" / f"{name}.json"


# --- The digest -------------------------------------------------------------


def digest(script: Path, root: Path = ROOT) -> str:
    """Return a digest of the script and of all of ch11lib that it uses."""
    modules: dict[str, ast.Module] = {}
    tree = _parsed(script)
    parts = {("", script.stem): _canonical(tree)}
    waiting = set(_used(tree, _imports(tree)))
    while waiting:
        module, name = waiting.pop()
        path = root / PACKAGE / f"{module}.py"
        if (module, name) in parts or not path.exists():
            continue
        if module not in modules:
            modules[module] = _parsed(path)
        tree = modules[module]
        nodes = [node for node in tree.body if name in _defined(node)] or tree.body
        parts[module, name] = [_canonical(node) for node in nodes]
        imported = _imports(tree)
        known = imported | {own: (module, own) for node in tree.body for own in _defined(node)}
        waiting |= {imported[name]} if name in imported else set()  # handed on
        for node in nodes:
            waiting |= set(_used(node, known))
    text = repr(sorted((name, repr(part)) for (_, name), part in parts.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def script_digest(script: Path) -> str:
    """Return a digest of the script alone."""
    return hashlib.sha256(repr(_canonical(_parsed(script))).encode()).hexdigest()[:16]


def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _defined(node: ast.stmt) -> set[str]:
    """Return the names that a statement of a module defines."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
        return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and _is_target(n)}
    return set()


def _is_target(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Store)


def _imports(tree: ast.AST) -> dict[str, Symbol]:
    """Return what the names of ch11lib that a piece of code imports stand for.

    A module as a whole has an empty name.
    """
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PACKAGE):
            module = (node.module or "").removeprefix(PACKAGE).removeprefix(".")
            for alias in node.names:
                symbol = (module, alias.name) if module else (alias.name, "")
                found[alias.asname or alias.name] = symbol
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name == PACKAGE or alias.name.startswith(f"{PACKAGE}."):
                    module = alias.name.removeprefix(PACKAGE).removeprefix(".")
                    found[alias.asname or PACKAGE] = (module if alias.asname else "", "")
    return found


def _used(node: ast.AST, known: dict[str, Symbol]) -> Iterator[Symbol]:
    """Return what a piece of code uses of ch11lib."""
    known = known | _imports(node)
    for one in ast.walk(node):
        if isinstance(one, ast.Attribute):
            names = _chain(one)
            module, name = known.get(names[0], ("", "")) if names else ("", "")
            if names and names[0] in known and not name:
                rest = names[1:] if module else names[2:]
                module = module or names[1]
                if rest:
                    yield module, rest[0]
        elif isinstance(one, ast.Name) and one.id in known and known[one.id][1]:
            yield known[one.id]


def _chain(node: ast.AST) -> list[str]:
    """Return the names of ``a.b.c``, nothing for other expressions."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.insert(0, node.attr)
        node = node.value
    return [node.id, *names] if isinstance(node, ast.Name) else []


def _canonical(node: Any) -> Any:
    """Return a syntax tree as lists, without places, docstrings and empty fields.

    `ast.dump` would differ between versions of Python.
    """
    if isinstance(node, list):
        return [_canonical(item) for item in node if not _is_own_import(item)]
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = dict(ast.iter_fields(node))
    holds_text = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    if isinstance(node, holds_text) and ast.get_docstring(node, clean=False) is not None:
        fields["body"] = node.body[1:]
    kept = {key: value for key, value in fields.items() if value not in (None, [])}
    return [type(node).__name__, *((key, _canonical(value)) for key, value in kept.items())]


def _is_own_import(node: Any) -> bool:
    """Return whether this imports names of ch11lib: not where they stand counts, but what."""
    return isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PACKAGE)


def problems(root: Path = ROOT) -> list[str]:
    """Return what is wrong with the stored results, a sentence each."""
    found = []
    names = scripts(root)
    for name, script in names.items():
        path = stored_path(name, root)
        again = f"run 'make study NAME={name}'"
        if not path.exists():
            found.append(f"the study {name} has no results: {again}")
        elif json.loads(path.read_text(encoding="utf-8"))["digest"] != digest(script, root):
            found.append(f"the study {name} is stale, its code has changed since: {again}")
    for path in sorted(stored_path("x", root).parent.glob("*.json")):
        if path.stem not in names:
            found.append(f"{path.name} has no script book/studies/{path.stem}.py")
    return found


# --- Measuring --------------------------------------------------------------


def measure(name: str, smoke: bool = False, root: Path = ROOT) -> dict[str, Any]:
    """Run a study in this process; return what is to be stored.

    Raises
    ------
    ValueError
        If the script has no docstring or no ``measure``, or the result is not a
        dict that JSON can hold, or uses the names ``seconds`` or ``versions``.
    """
    script = scripts(root)[name]
    digests = {"digest": digest(script, root), "script": script_digest(script)}
    names = runpy.run_path(str(script))
    if not (names.get("__doc__") or "").strip() or not callable(names.get("measure")):
        raise ValueError(f"{script.name} must have a docstring and a function measure(smoke=False)")
    quick = _results(names["measure"](smoke=True))
    start = time.perf_counter()
    results = quick if smoke else _results(names["measure"](smoke=False))
    return {
        **digests,
        "seconds": round(time.perf_counter() - start, 1),
        "versions": {library: version(library) for library in LIBRARIES},
        "quick": quick,
        "results": results,
    }


def _results(results: Any) -> dict[str, Any]:
    if not isinstance(results, dict) or RESERVED & {*results}:
        raise ValueError(f"measure must return a dict without the keys {sorted(RESERVED)}")
    return {key: _plain(value, f"results[{key!r}]") for key, value in results.items()}


def confirm(name: str, root: Path = ROOT) -> None:
    """Store the digest of today's code if a quick run gives what it gave.

    Raises
    ------
    ValueError
        If the script itself has changed, or the quick run gives something else.
    """
    stored = json.loads(stored_path(name, root).read_text(encoding="utf-8"))
    again = f"measure it again: 'make study NAME={name}'"
    if stored.get("script") != script_digest(scripts(root)[name]):
        raise ValueError(f"the script of {name} has changed; {again}")
    made = measure(name, smoke=True, root=root)
    if not same(made["quick"], stored["quick"]):
        raise ValueError(f"the quick run of {name} gives other numbers; {again}")
    write(name, {**stored, "digest": made["digest"]}, root)


def same(one: Any, other: Any) -> bool:
    """Return whether two results are the same up to one part in a thousand."""
    if isinstance(one, dict) and isinstance(other, dict):
        return [*one] == [*other] and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return bool(np.isclose(one, other, rtol=1e-3, atol=1e-9, equal_nan=True))
    return bool(one == other)


def _plain(value: Any, where: str) -> Any:
    """Return `value` as JSON holds it, numbers with six significant digits."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(key): _plain(item, f"{where}[{key!r}]") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, where) for item in value]
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if value is None or isinstance(value, bool | int | str):
        return value
    raise ValueError(f"{where} is a {type(value).__name__}; JSON holds numbers, texts, lists")


def write(name: str, stored: dict[str, Any], root: Path = ROOT) -> Path:
    """Store what `measure` returned, in one step."""
    path = stored_path(name, root)
    path.parent.mkdir(parents=True, exist_ok=True)
    results = stored["results"].items()
    rows = [f"  {json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in results]
    head = [f" {json.dumps(k)}: {json.dumps(v)}" for k, v in stored.items() if k != "results"]
    text = "{\n" + ",\n".join([*head, ' "results": {\n' + ",\n".join(rows) + "\n }"]) + "\n}\n"
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    return path


def run(name: str, smoke: bool = False, confirmed: bool = False) -> None:
    """Measure one study and store it, unless it is a smoke run, or confirm what is stored."""
    text = (ast.get_docstring(_parsed(scripts()[name])) or "").partition("\n")[0]
    print(f"{name}: {text}", flush=True)
    if confirmed:
        confirm(name)
        print(f"{name}: a quick run gives what it gave; the stored results stay", flush=True)
        return
    stored = measure(name, smoke)
    if smoke:
        print(f"{name}: runs, {stored['seconds']:.0f} s; nothing is stored", flush=True)
        return
    path = write(name, stored)
    print(f"{name}: {stored['seconds']:.0f} s, stored in {path.relative_to(ROOT)}", flush=True)
    if stored["seconds"] > MAX_SECONDS:
        print(f"{name}: more than the {MAX_SECONDS // 60} minutes that a study may take on two "
              "cores", file=sys.stderr)  # fmt: skip


def main() -> int:
    """Measure what the command line names; return the number of failures."""
    parser = argparse.ArgumentParser(description="Measure the studies of the book.")
    parser.add_argument("names", nargs="*", help="names of studies; default: all")
    parser.add_argument("--smoke", action="store_true", help="a quick run that stores nothing")
    parser.add_argument("--confirm", action="store_true", help="see whether the results hold")
    arguments = parser.parse_args()
    if unknown := {*arguments.names} - {*scripts()}:
        parser.error(f"no such study: {', '.join(sorted(unknown))}; there are {[*scripts()]}")
    names = arguments.names or [*scripts()]
    determinism.pin_instruction_set()
    if len(names) == 1:
        run(names[0], arguments.smoke, arguments.confirm)
        return 0
    failures = 0
    for number, name in enumerate(names, start=1):  # each in a fresh process
        print(f"Study {number} of {len(names)}", flush=True)
        options = ["--smoke"] * arguments.smoke + ["--confirm"] * arguments.confirm
        command = [sys.executable, __file__, *options, name]
        if subprocess.run(command, check=False).returncode:
            failures += 1
            print(f"{name}: FAILED, file left as it was", file=sys.stderr)
    return failures


if __name__ == "__main__":
    sys.exit(main())
