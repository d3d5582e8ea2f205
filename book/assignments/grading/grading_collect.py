"""Collect what learning platforms and browsers make of a file's name.

`nbgrader zip_collect` calls these two plugins; `book/assignments/nbgrader_config.py`
switches them on. They know, for an assignment *schedules*:

- ``ada_schedules.ipynb``, also ``Ada_Schedules (1).ipynb`` and ``ada/schedules.ipynb``;
- Moodle's ``Ada Lovelace_123_assignsubmission_file_schedules.ipynb`` and its folders
  ``Ada Lovelace_123_assignsubmission_file/``;
- Canvas's ``lovelaceada_123_456_schedules-1.ipynb``, also with ``_LATE``.

Of several files of one student the newest counts. What names nobody is not collected,
and the log says so. Nothing of an archive leaves the folder that it is extracted to.
"""

import os
import re
import shutil
import stat
import tarfile
import time
import unicodedata
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import IO, Any

from grading_clean import clean_file
from nbgrader.plugins import ExtractorPlugin, FileNameCollectorPlugin

__all__ = ["Collect", "Extract", "student_and_copy"]

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
                self.log.error("Not collected, a link: %s", path)
            elif path.is_file() and ARCHIVE.search(path.name):
                self._unpack(path, target / path.relative_to(source))
            elif path.is_file():
                to = target / path.relative_to(source)
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, to)
        for path in target.rglob("*"):
            if path.suffix.lower() == ".ipynb" and path.is_file():
                clean_file(path)  # what came in stays as it was in the folder `archive`

    def _unpack(self, archive: Path, folder: Path, depth: int = 2) -> None:
        try:
            for name, when, size, file in _members(archive):
                place = PurePosixPath(name.replace("\\", "/"))
                if file is None or place.is_absolute() or ".." in place.parts:
                    self.log.error("Not collected, it leads elsewhere: %s in %s", name, archive)
                    continue
                inner = bool(ARCHIVE.search(place.name)) and depth > 1
                if place.suffix.lower() != ".ipynb" and not inner:
                    continue
                if size > LARGEST:
                    self.log.error("Not collected, too large: %s in %s", name, archive)
                    continue
                to = folder / place
                to.parent.mkdir(parents=True, exist_ok=True)
                with file, open(to, "wb") as copy:
                    shutil.copyfileobj(file, copy)
                os.utime(to, (when, when))
                if inner:
                    kept = to.rename(to.with_name(f"{to.name}.archive"))
                    self._unpack_inner(kept, to, depth)
        except (OSError, EOFError, RuntimeError, tarfile.TarError, zipfile.BadZipFile) as error:
            self.log.error("Not collected, no archive that can be read: %s (%s)", archive, error)

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
        assignment: str = self.parent.coursedir.assignment_id
        place = path.parts[len(path.parts) - path.parts[::-1].index("extracted") :]
        found = student_and_copy(path.name[: -len(".ipynb")], assignment)
        if found is None:
            self.log.warning("DOUBTFUL, not a name of %s: %s", assignment, "/".join(place))
            return None
        student, copy = found
        for folder in place[-2::-1]:
            student = student or _of_folder(folder, assignment)
        if not student:
            self.log.warning("DOUBTFUL, whose is it? %s", "/".join(place))
            return None
        when = datetime.fromtimestamp(path.stat().st_mtime, UTC).replace(tzinfo=None)
        when = when.replace(microsecond=0) + timedelta(microseconds=copy)  # of equal age: (2)
        return {"student_id": student, "file_id": assignment, "timestamp": when}


def _of_folder(name: str, assignment: str) -> str:
    """Return the student of a folder; an archive's name is one only with the assignment's."""
    if ARCHIVE.search(name):
        found = student_and_copy(ARCHIVE.sub("", name), assignment)
        return found[0] if found and "_" in name else ""
    found = student_and_copy(name, assignment)
    return found[0] if found else identifier(name)
