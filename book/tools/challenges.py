"""Grade what students hand in from the Lab, by running each training again.

    python book/tools/challenges.py FOLDER                 # make challenges FOLDER=...
    python book/tools/challenges.py FOLDER --output F.csv

Reads every ``*.json`` in the folder and its subfolders. A hand-in names a challenge of
`book/lab/challenges`, the settings that were chosen and the results; only the settings
count. They must keep to the challenge's rules, and the trainings are run again with them,
by the same code as in the page, in V8 (the JavaScript engine of Chromium, here without
network, files or page). Points follow from what comes out. If that is not what was
handed in, the file gets none, and the table says why. A damaged file, or one that takes
too long, does not stop the others.
"""

import argparse
import csv
import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lab_build
from py_mini_racer import MiniRacer
from py_mini_racer._exc import MiniRacerBaseException

LAB = Path(__file__).resolve().parents[1] / "lab"
COLUMNS = ("file", "name", "challenge", "points", "of", "median", "reason")
LARGEST = 100_000  # bytes; a hand-in has about two thousand
SECONDS = 120.0  # for all trainings of one file
MEMORY = 512 * 2**20  # bytes

#: What a page has, and V8 by itself has not. `atob` is used for the kernel's bytes.
PRELUDE = """
const atob = (text) => {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  let [bits, count, out] = [0, 0, ""];
  for (const letter of text.replace(/=+$/, "")) {
    bits = (bits << 6) | letters.indexOf(letter);
    count += 6;
    if (count >= 8) out += String.fromCharCode((bits >> (count -= 8)) & 255);
  }
  return out;
};
"""


def challenges() -> dict[str, Any]:
    """Return the challenges by their id."""
    return {challenge["id"]: challenge for challenge in lab_build.challenges()}


class Engine:
    """The Lab's engine with its images, in a V8 of its own.

    Use it in a ``with`` block, which ends V8's threads.

    Parameters
    ----------
    seconds : float
        Longest time of one call; then it raises `py_mini_racer.JSTimeoutException`.
    """

    def __init__(self, seconds: float = SECONDS) -> None:
        self.seconds = seconds
        self._v8: MiniRacer | None = None

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End V8; the next call starts it anew."""
        if self._v8 is not None:
            self._v8.close()
            self._v8 = None

    def call(self, function: str, *values: Any) -> Any:
        """Return what a function of `grade.js` returns, called with values and the images."""
        if self._v8 is None:
            self._v8 = self._start()
        arguments = ", ".join([*(json.dumps(value) for value in values), "DATA"])
        text = f"JSON.stringify(LabGrade.{function}({arguments}))"
        try:
            answer = self._v8.eval(text, timeout_sec=self.seconds, max_memory=MEMORY)
        except MiniRacerBaseException:
            self.close()
            raise
        return json.loads(str(answer))

    @staticmethod
    def _start() -> MiniRacer:
        sys.path.insert(0, str(LAB))
        make_data = importlib.import_module("make_data")
        levels, labels = make_data.images_and_labels()
        pixels = levels * (255 // (make_data.LEVELS - 1))
        v8 = MiniRacer()
        v8.eval(PRELUDE + lab_build.join("grade.js", "LabGrade"))
        v8.eval(
            f"const DATA = {{images: new Uint8Array({pixels.size}), "
            f"labels: new Uint8Array({labels.tolist()}), "
            f"nTrain: {make_data.N_TRAIN}, nValid: {make_data.N_VALID}}};"
        )
        memoryview(v8.eval("DATA.images.buffer"))[:] = pixels.tobytes()  # type: ignore[arg-type]
        return v8


def grade(path: Path, engine: Engine, known: dict[str, Any]) -> dict[str, Any]:
    """Return the row of one file.

    Parameters
    ----------
    path : Path
    engine : Engine
    known : dict
        Challenges by id.

    Returns
    -------
    dict
        With `COLUMNS` but "file". "points" is 0 and "reason" says why if the file is
        damaged, breaks the rules, takes too long, or claims another result than its own.
    """
    row: dict[str, Any] = dict.fromkeys(COLUMNS[1:], "")
    row["points"] = 0
    try:
        if path.stat().st_size > LARGEST:
            return row | {"reason": f"The file is larger than {LARGEST:,} bytes."}
        file = json.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return row | {"reason": "The file cannot be read as JSON."}
    if not isinstance(file, dict):
        return row | {"reason": "The file holds no hand-in of the Lab."}
    name, wanted = file.get("name"), file.get("challenge")
    row["name"] = name[:200] if isinstance(name, str) else ""
    if not isinstance(wanted, str) or wanted not in known:
        return row | {"reason": f"There is no challenge {str(wanted)[:60]!r}."}
    row["challenge"] = wanted
    try:
        row.update(engine.call("grade", known[wanted], file))
        return row
    except MiniRacerBaseException as error:
        what = type(error).__name__
        if "Timeout" in what:
            return row | {"reason": f"The trainings took more than {engine.seconds:g} seconds."}
        return row | {"reason": f"The trainings cannot be run ({what})."}


def hand_ins(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder that may be hand-ins; no link is followed."""
    for path in sorted(folder.rglob("*.json")):
        if path.is_file() and not path.is_symlink():
            yield path


def plain(value: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula."""
    if value is None:
        return ""
    if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"}:
        return "'" + value
    return value


def grade_folder(folder: Path, seconds: float = SECONDS) -> list[dict[str, Any]]:
    """Return a row, with all `COLUMNS`, for each file of a folder."""
    known, rows = challenges(), []
    with Engine(seconds) as engine:
        for path in hand_ins(folder):
            row = {"file": str(path.relative_to(folder)), **grade(path, engine, known)}
            print(
                f"{row['file']}: {row['points']} of {row['of'] or '?'} {row['reason']}", flush=True
            )
            rows.append(row)
    return rows


def main() -> int:
    """Grade the folder that was named, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--output", type=Path, help="default: grades.csv in the folder")
    arguments = parser.parse_args()
    if not arguments.folder.is_dir():
        parser.error(f"folder is {arguments.folder}; it must be a folder with hand-ins")
    rows = grade_folder(arguments.folder)
    output = arguments.output or arguments.folder / "grades.csv"
    with output.open("w", newline="", encoding="utf-8-sig") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        table.writerows({key: plain(value) for key, value in row.items()} for row in rows)
    print(f"{len(rows)} files, {output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
