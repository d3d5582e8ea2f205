"""Join the Lab's modules into plain scripts, and assemble its kernel.

The modules of `book/lab` are ES modules, each with one idea. A page that is opened from a
disk can't load modules or start a worker from a file, so the page gets one script, and in it,
as a string, the worker's script. `wasmtime` (of the group `test`) assembles `kernel.wat`; the
bytes are stored in `kernel_bytes.js`, so that building the book doesn't need it.

Run `python book/tools/lab_build.py` after a change of `kernel.wat`; a test compares.
"""

import base64
import json
import posixpath
import re
from pathlib import Path
from typing import Any

LAB = Path(__file__).resolve().parents[1] / "lab"
#: A page imports `WORKER_SOURCE` from this module, which is made here.
WORKER_MODULE = "worker_source.js"
#: And `PRESETS`, the list in presets.json, from this one.
PRESETS_MODULE = "presets_source.js"
#: And `CHALLENGES`, the files of challenges/ in order, from this one.
CHALLENGES_MODULE = "challenges_source.js"

IMPORT = re.compile(r'^import \{(?P<names>[^}]*)\} from "(?P<path>\.\.?/[\w./]+\.js)";\n', re.M)
EXPORT = re.compile(r"^export (?=(?:const|(?:async )?function|class) (?P<name>\w+))", re.M)
LEFT_OVER = re.compile(r"^(?:import|export)\b.*", re.M)


def source(name: str) -> str:
    """Return the text of a module of the Lab."""
    if name == WORKER_MODULE:
        return f"export const WORKER_SOURCE = {_quoted(worker_script())};\n"
    if name == PRESETS_MODULE:
        return f"export const PRESETS = JSON.parse({_quoted(json.dumps(presets()))});\n"
    if name == CHALLENGES_MODULE:
        return f"export const CHALLENGES = JSON.parse({_quoted(json.dumps(challenges()))});\n"
    return (LAB / name).read_text(encoding="utf-8")


def presets() -> list[dict[str, Any]]:
    """Return the experiments in the order of the lessons, each with the title of its own."""
    found: list[dict[str, Any]] = json.loads((LAB / "presets.json").read_text(encoding="utf-8"))
    return [{**preset, "lesson_title": _title(preset["lesson"])} for preset in found]


def _title(lesson: str) -> str:
    """Return the heading of a lesson, or its name where the book has no such lesson."""
    path = LAB.parent / f"{lesson}.ipynb"
    if not path.is_file():
        return lesson
    first = json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"]
    return "".join(first).partition("\n")[0].removeprefix("# ")


def challenges() -> list[dict[str, Any]]:
    """Return the challenges, in the order of their files' names."""
    paths = sorted((LAB / "challenges").glob("*.json"))
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def modules(entry: str) -> list[str]:
    """Return the names of `entry` and of all it imports, each behind those that it needs."""
    found: list[str] = []

    def visit(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise ValueError(f"modules import each other: {' -> '.join((*above, name))}")
        if name not in found:
            for match in IMPORT.finditer(source(name)):
                visit(_imported(match, name), (*above, name))
            found.append(name)

    visit(entry, ())
    return found


def join(entry: str, name: str) -> str:
    """Return one script that defines `name`, an object with all that `entry` exports."""
    parts = [f"/* Made of book/lab by lab_build.py. MIT licence. */\nconst {name} = (() => {{"]
    parts.append('"use strict";')
    parts += [_scope(module) for module in modules(entry)]
    return "\n".join([*parts, f"return {_variable(entry)};", "})();", ""])


def worker_script() -> str:
    """Return the whole script of the worker."""
    return join("worker.js", "LabWorker") + "LabWorker.serve();\n"


def page_script(entry: str = "page/page.js", name: str = "Lab") -> str:
    """Return the whole script of the page."""
    return join(entry, name)


def _scope(module: str) -> str:
    """Return a module as a function of its own: names of two modules don't meet."""
    text = source(module)
    exported = [match["name"] for match in EXPORT.finditer(text)]
    text = EXPORT.sub("", IMPORT.sub(lambda match: _taken(match, module), text))
    if left := LEFT_OVER.search(text):
        raise ValueError(f"{module}: cannot join {left[0]!r}")
    returned = ", ".join(exported)
    return f"const {_variable(module)} = (() => {{\n{text}return {{ {returned} }};\n}})();"


def _imported(match: re.Match[str], module: str) -> str:
    """Return the name of what `module` imports: paths are relative to its folder."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(module), match["path"]))


def _taken(match: re.Match[str], module: str) -> str:
    names = match["names"].replace(" as ", ": ")
    return f"const {{{names}}} = {_variable(_imported(match, module))};\n"


def _variable(module: str) -> str:
    return "$" + re.sub(r"\W", "_", module.removesuffix(".js"))


def _quoted(text: str) -> str:
    """Return a JavaScript string that may also stand within <script>."""
    return json.dumps(text, ensure_ascii=False).replace("</", "<\\/").replace("<!--", "<\\!--")


def assemble() -> bytes:
    """Return the WebAssembly module of `kernel.wat`."""
    import wasmtime

    return bytes(wasmtime.wat2wasm((LAB / "kernel.wat").read_text(encoding="utf-8")))


def stored_kernel() -> bytes:
    """Return the WebAssembly module that the scripts hold."""
    match = re.search(r'"(?P<base64>[^"]*)"', source("kernel_bytes.js"))
    assert match is not None
    return base64.b64decode(match["base64"])


def store_kernel() -> None:
    """Assemble `kernel.wat` and store its bytes as a module."""
    text = base64.b64encode(assemble()).decode("ascii")
    module = "// kernel.wat, assembled: made by book/tools/lab_build.py.\n"
    module += f'export const KERNEL_BASE64 =\n  "{text}";\n'
    (LAB / "kernel_bytes.js").write_text(module, encoding="utf-8")


if __name__ == "__main__":
    store_kernel()
    print(f"kernel.wat: {len(stored_kernel())} bytes")
