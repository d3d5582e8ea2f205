"""Collect what learning platforms and browsers make of a file's name.

    python grading_collect.py schedules --class-list class.csv

calls `nbgrader zip_collect`, and says at the end who is collected, what is doubtful and who
is missing. The two plugins do the work; `book/assignments/nbgrader_config.py` switches them
on. They know, for an assignment *schedules*:

- ``ada_schedules.ipynb``, also ``Ada_Schedules (1).ipynb`` and ``ada/schedules.ipynb``;
- Moodle's ``Ada Lovelace_123_assignsubmission_file_schedules.ipynb`` and its folders
  ``Ada Lovelace_123_assignsubmission_file/``;
- Canvas's ``lovelaceada_123_456_schedules-1.ipynb``, also with ``_LATE``.

Of several files of one student the newest counts. What names nobody is not collected,
and the log says so. Nothing of an archive leaves the folder that it is extracted to.
"""

import argparse
import csv
import os
import re
import shutil
import stat
import tarfile
import time
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import IO, Any, NamedTuple

from grading_clean import clean_file
from nbgrader.plugins import ExtractorPlugin, FileNameCollectorPlugin

__all__ = ["Collect", "Extract", "Found", "report", "student_and_copy"]


class Found(NamedTuple):
    """A file, whose it is ("" if nobody knows), when it was made, and what is wrong with it."""

    file: str
    student: str = ""
    when: datetime = datetime.min
    doubt: str = ""


#: What the plugins have met since the program started.
found_files: list[Found] = []

ARCHIVE = re.compile(r"\.(zip|tar|tar\.gz|tgz)$", re.I)
LARGEST = 50 * 2**20  # bytes of one notebook
COPY = r"(?P<copy>(?:[ _-]*(?:\(\d+\)|-\d+|copy|\d+))*)"
MOODLE = re.compile(r"^(?P<name>.+?)_(?P<number>\d+)_assignsubmission_file_?$")
CANVAS = re.compile(r"^(?P<name>[^_]+)(?:_LATE)?_(?P<number>\d+)_\d+$")


def student_and_copy(words: str, assignment: str) -> tuple[str, int] | None:
    """Return whose notebook a name without its ending says it is, and which copy.

    The student is empty where the name is that of the assignment alone. Other names
    give None.
    """
    known = re.escape(assignment).replace("_", "[ _-]")
    found = re.match(rf"^(?:(?P<who>.*?)[ _-]+)?{known}{COPY}$", words, re.I)
    if not found:
        return None
    numbers = re.findall(r"\d+", found["copy"])
    return identifier(found["who"] or ""), int(numbers[-1][:6]) if numbers else 0


def identifier(who: str) -> str:
    """Return the name of a student as nbgrader uses it: letters, digits, dots and hyphens."""
    who = unicodedata.normalize("NFC", who)
    if found := MOODLE.match(who) or CANVAS.match(who):
        who = f"{found['name']}-{found['number']}"
    return re.sub(r"[^\w.]+", "-", who).strip("-_.")


class Extract(ExtractorPlugin):  # type: ignore[misc]
    """Copy notebooks, and those of archives, with their times; refuse what leads elsewhere."""

    def extract(self, archive_path: str, extracted_path: str) -> None:
        """Fill `extracted_path`; an archive becomes a folder of its name."""
        source, target = Path(archive_path), Path(extracted_path)
        for path in sorted(source.rglob("*")):
            if path.is_symlink():
                self._refuse("a link", path)
            elif path.is_file() and ARCHIVE.search(path.name):
                self._unpack(path, target / path.relative_to(source))
            elif path.is_file() and path.suffix.lower() != ".ipynb":
                self._refuse("no notebook", path)
            elif path.is_file():
                to = target / path.relative_to(source)
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, to)
        for path in target.rglob("*"):
            if path.suffix.lower() == ".ipynb" and path.is_file():
                clean_file(path)  # what came in stays as it was in the folder `archive`

    def _refuse(self, why: str, file: object) -> None:
        self.log.error("Not collected, %s: %s", why, file)
        found_files.append(Found(str(file), doubt=why))

    def _unpack(self, archive: Path, folder: Path, depth: int = 2) -> None:
        try:
            for name, when, size, file in _members(archive):
                place = PurePosixPath(name.replace("\\", "/"))
                if file is None or place.is_absolute() or ".." in place.parts:
                    self._refuse("it leads elsewhere", f"{name} in {archive}")
                    continue
                inner = bool(ARCHIVE.search(place.name)) and depth > 1
                if place.suffix.lower() != ".ipynb" and not inner:
                    if not {"__MACOSX", ".ipynb_checkpoints"} & {*place.parts}:
                        self._refuse("no notebook", f"{name} in {archive}")
                    continue
                if size > LARGEST:
                    self._refuse("too large", f"{name} in {archive}")
                    continue
                to = folder / place
                to.parent.mkdir(parents=True, exist_ok=True)
                with file, open(to, "wb") as copy:
                    shutil.copyfileobj(file, copy)
                os.utime(to, (when, when))
                if inner:
                    kept = to.rename(to.with_name(f"{to.name}.archive"))
                    self._unpack_inner(kept, to, depth)
        except Exception as error:  # whatever it is, the other archives are collected
            self._refuse("no archive that can be read", f"{archive} ({error!r:.200})")

    def _unpack_inner(self, kept: Path, folder: Path, depth: int) -> None:
        self._unpack(kept, folder, depth - 1)
        kept.unlink()


def _members(archive: Path) -> Iterator[tuple[str, float, int, IO[bytes] | None]]:
    """Yield name, time, size and content of an archive's files; no content for a link."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            for info in opened.infolist():
                link = stat.S_ISLNK(info.external_attr >> 16)
                when = time.mktime((*info.date_time, 0, 0, -1))
                if not info.is_dir():
                    content = None if link else opened.open(info)
                    yield info.filename, when, info.file_size, content
        return
    with tarfile.open(archive) as tar:
        for member in tar:
            if not member.isdir():
                content = tar.extractfile(member) if member.isreg() else None
                yield member.name, member.mtime, member.size, content


class Collect(FileNameCollectorPlugin):  # type: ignore[misc]
    """Find the student of a file by its name, or by the name of its folder."""

    def collect(self, submitted_file: str) -> dict[str, Any] | None:
        """Return student, notebook and time; None for what is not to be collected."""
        path = Path(submitted_file)
        if path.suffix.lower() != ".ipynb" or path.name.startswith("."):
            return None
        if ".ipynb_checkpoints" in path.parts or "__MACOSX" in path.parts:
            return None
        assignment: str = self.parent.coursedir.assignment_id
        place = path.parts[len(path.parts) - path.parts[::-1].index("extracted") :]
        found = student_and_copy(path.name[: -len(".ipynb")], assignment)
        if found is None:
            self._doubt(f"not a name of {assignment}:", place)
            return None
        student, copy = found
        for folder in place[-2::-1]:
            student = student or _of_folder(folder, assignment)
        if not student:
            self._doubt("whose is it?", place)
            return None
        when = datetime.fromtimestamp(path.stat().st_mtime, UTC).replace(tzinfo=None)
        when = when.replace(microsecond=0) + timedelta(microseconds=copy)  # of equal age: (2)
        found_files.append(Found("/".join(place), student, when))
        return {"student_id": student, "file_id": assignment, "timestamp": when}

    def _doubt(self, why: str, place: Iterable[str]) -> None:
        file = "/".join(place)
        self.log.warning("DOUBTFUL, %s %s", why, file)
        found_files.append(Found(file, doubt=why))


def _of_folder(name: str, assignment: str) -> str:
    """Return the student of a folder; an archive's name is one only with the assignment's."""
    if ARCHIVE.search(name):
        found = student_and_copy(ARCHIVE.sub("", name), assignment)
        return found[0] if found and "_" in name else ""
    found = student_and_copy(name, assignment)
    return found[0] if found else identifier(name)


def report(files: Iterable[Found], class_list: Iterable[list[str]] = ()) -> str:
    """Return three lists: who is collected, what is doubtful, who is missing.

    Parameters
    ----------
    files : iterable of Found
        What was met, in the order in which it was.
    class_list : iterable of list of str, optional
        A row for each student: names, numbers and addresses in any order.
    """
    files, rows = list(files), [row for row in class_list if "".join(row).strip()]
    of: dict[str, list[Found]] = {}
    for file in sorted((one for one in files if one.student), key=lambda one: one.when):
        of.setdefault(file.student, []).append(file)
    collected = [
        f"{student}  {mine[-1].when:%Y-%m-%d %H:%M}  {mine[-1].file}"
        + "".join(f"; older, not used: {one.file}" for one in mine[:-1])
        for student, mine in sorted(of.items())
    ]
    doubtful = [f"{one.doubt.rstrip(':')}: {one.file}" for one in files if one.doubt]
    known = {name: student for student in of for name in _forms(student)}
    for student in sorted(of):
        if known[(letters := _letters(student))] != student:
            doubtful.append(f"one student? {student}, {known[letters]}")
    present = [_present(row, known) for row in rows]
    if rows:
        met = {_letters(student) for student in present}
        strangers = [student for student in sorted(of) if _letters(student) not in met]
        doubtful += [f"not on the class list: {student}" for student in strangers]
    missing = [", ".join(row) for row, found in zip(rows, present, strict=True) if not found]
    parts = {"Collected": collected, "Doubtful": doubtful}
    if rows:
        parts["Missing"] = missing
    return "\n".join(
        line
        for title, lines in parts.items()
        for line in [f"{title}: {len(lines)}", *(f"  {_printable(one)}" for one in lines)]
    )


def _letters(name: str) -> str:
    """Return a name's letters, in one case, without the number that a platform adds."""
    name = re.sub(r"-\d+$", "", identifier(name))
    return re.sub(r"[\W_]+", "", name).casefold()


def _forms(name: str) -> set[str]:
    """Return what a name may have become: Canvas writes the family name first."""
    words = re.split(r"[\W_]+", re.sub(r"-\d+$", "", identifier(name)))
    return {_letters(name), _letters("".join(words[-1:] + words[:-1]))} - {""}


def _present(row: list[str], known: dict[str, str]) -> str:
    """Return the student of a row of the class list; "" if there is none."""
    whole = [cell for cell in row if cell.strip()]
    pairs = [f"{first} {second}" for first in whole for second in whole if first != second]
    names = [form for name in (*whole, *pairs) for form in _forms(name.split("@")[0])]
    return next((known[name] for name in names if name in known), "")


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def read_class_list(path: Path) -> list[list[str]]:
    """Return the rows of a class list: a name on each line, or columns with their titles."""
    text = path.read_text(encoding="utf-8-sig")
    with_titles = re.search("[,;\t]", text.partition("\n")[0])
    separator = with_titles[0] if with_titles else ","
    rows = list(csv.reader(text.splitlines(), delimiter=separator))
    return rows[1:] if with_titles else rows


def main() -> None:
    """Collect an assignment and print the lists."""
    parser = argparse.ArgumentParser(description="Collect what students have handed in.")
    parser.add_argument("assignment")
    parser.add_argument("--class-list", type=Path, help="a name on each line, or a CSV file")
    options = parser.parse_args()
    class_list = read_class_list(options.class_list) if options.class_list else []
    from nbgrader.apps import ZipCollectApp

    app = ZipCollectApp.instance()
    app.initialize([options.assignment, "--force", "--log-level=ERROR"])
    app.start()
    import grading_collect  # the one that nbgrader's configuration has imported

    print(report(grading_collect.found_files, class_list))


if __name__ == "__main__":
    main()
