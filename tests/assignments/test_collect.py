"""Collecting: the names that Moodle, Canvas and browsers give, and what lies in archives."""

import io
import os
import tarfile
import unicodedata
import zipfile
from datetime import datetime

import pytest
from grading_collect import Found, read_class_list, report, student_and_copy
from grading_course import Course

NAMES = {
    "ada_schedules": ("ada", 0),
    "ada_schedules (1)": ("ada", 1),
    "ada_schedules-2": ("ada", 2),
    "Ada_Schedules": ("Ada", 0),
    "ada_l._schedules": ("ada_l", 0),
    "Ada Lovelace_schedules": ("Ada-Lovelace", 0),
    "-rf_schedules": ("rf", 0),
    "Jürgen Groß_schedules": ("Jürgen-Groß", 0),
    "Ada Lovelace_123_assignsubmission_file_schedules": ("Ada-Lovelace-123", 0),
    "lovelaceada_123_456_schedules-1": ("lovelaceada-123", 1),
    "lovelaceada_LATE_123_456_schedules": ("lovelaceada-123", 0),
    "schedules": ("", 0),
    "schedules (3)": ("", 3),
    "ada_optimizers": None,
    "myschedules": None,
}
OLD, NEW = 1_700_000_000, 1_700_100_000


@pytest.mark.parametrize("words", NAMES)
def test_names(words):
    assert student_and_copy(words, "schedules") == NAMES[words]


def test_a_name_in_two_unicode_forms_is_one_student():
    forms = [unicodedata.normalize(form, "José_schedules") for form in ("NFC", "NFD")]
    assert forms[0] != forms[1]
    assert {student_and_copy(form, "schedules") for form in forms} == {("José", 0)}


def test_underscores_of_an_assignment_may_have_become_something_else():
    assert student_and_copy("ada_Signal Propagation", "signal_propagation") == ("ada", 0)


@pytest.fixture(scope="module")
def collected(tmp_path_factory):
    """Collect a folder that has everything; return nbgrader's log and who got which text."""
    course = Course(tmp_path_factory.mktemp("class"), assignment="schedules")
    (course.folder / "release" / "schedules").mkdir(parents=True)
    (course.folder / "release" / "schedules" / "schedules.ipynb").write_text("{}")
    archive = course.folder / "downloaded" / "schedules" / "archive"
    archive.mkdir(parents=True)

    def put(name, text, when=OLD):
        path = archive / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        os.utime(path, (when, when))

    put("ada_schedules.ipynb", "old")
    put("ada_schedules (1).ipynb", "new", NEW)
    put("ben_schedules.ipynb", "new", NEW)
    put("ben_schedules (1).ipynb", "old")
    put("eve_schedules.ipynb", "first")
    put("eve_schedules (2).ipynb", "second")  # of the same time
    put(unicodedata.normalize("NFC", "José_schedules.ipynb"), "old")
    put(unicodedata.normalize("NFD", "José_schedules.ipynb"), "new", NEW)
    put("carl/schedules.ipynb", "folder")
    put("schedules.ipynb", "whose?")
    put("dora_optimizers.ipynb", "another")
    put("notes.txt", "no notebook")
    (archive / "link_schedules.ipynb").symlink_to("/etc/passwd")
    with zipfile.ZipFile(archive / "moodle.zip", "w") as made:
        made.writestr("Kim Lee_11_assignsubmission_file_schedules.ipynb", "flat")
        made.writestr("Kim Lee_12_assignsubmission_file/schedules.ipynb", "folder")
        made.writestr("../../../outside_schedules.ipynb", "outside")
        inner = io.BytesIO()
        with zipfile.ZipFile(inner, "w") as own:
            own.writestr("schedules.ipynb", "inner")
        made.writestr("Kim Lee_13_assignsubmission_file/work.zip", inner.getvalue())
    with tarfile.open(archive / "canvas.tar.gz", "w:gz") as made:
        for name, text in {
            "leekim_14_99_schedules-1.ipynb": b"canvas",
            "/tmp/absolute_schedules.ipynb": b"outside",
        }.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(text), OLD
            made.addfile(info, io.BytesIO(text))
        link = tarfile.TarInfo("mallory_schedules.ipynb")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        made.addfile(link)
    (archive / "broken.zip").write_bytes(b"PK no archive")
    done = course.nbgrader("zip_collect", "schedules", "--force")
    assert done.returncode == 0, done.stderr[-3000:]
    submitted = course.folder / "submitted"
    found = {
        folder.name: (folder / "schedules" / "schedules.ipynb").read_text()
        for folder in submitted.iterdir()
    }
    return done.stderr, found


def test_each_student_is_there_once_with_the_newest_file(collected):
    assert collected[1] == {
        "ada": "new",
        "ben": "new",
        "eve": "second",
        "José": "new",
        "carl": "folder",
        "Kim-Lee-11": "flat",
        "Kim-Lee-12": "folder",
        "Kim-Lee-13": "inner",
        "leekim-14": "canvas",
    }


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("DOUBTFUL, whose is it?", "schedules.ipynb"),
        ("DOUBTFUL, not a name of schedules:", "dora_optimizers.ipynb"),
        ("Not collected, a link:", "link_schedules.ipynb"),
        ("Not collected, it leads elsewhere:", "../../../outside_schedules.ipynb"),
        ("Not collected, it leads elsewhere:", "/tmp/absolute_schedules.ipynb"),
        ("Not collected, it leads elsewhere:", "mallory_schedules.ipynb"),
        ("Not collected, no archive that can be read:", "broken.zip"),
    ],
)
def test_what_is_not_collected_is_named(collected, said, name):
    lines = [line for line in collected[0].splitlines() if said in line]
    assert any(name in line for line in lines), collected[0][-3000:]


def found(file, student="", day=1, doubt=""):
    return Found(file, student, datetime(2026, 1, day), doubt)


def test_the_report_names_who_is_collected_doubtful_and_missing():
    files = [
        found("ada_schedules.ipynb", "ada", 1),
        found("ada_schedules-1.ipynb", "ada", 2),
        found("x", "Kim-Lee-12"),
        found("y", "lovelaceada-77"),
        found("z", "eve"),
        found("my\x1b[31m.ipynb", doubt="whose is it?"),
    ]
    rows = [["ada", "Ada B."], ["12", "Kim", "Lee"], ["Ada Lovelace", "al@x.org"], ["Bob", "Moe"]]
    assert report(files, rows).splitlines() == [
        "Collected: 4",
        "  Kim-Lee-12  2026-01-01 00:00  x",
        "  ada  2026-01-02 00:00  ada_schedules-1.ipynb; older, not used: ada_schedules.ipynb",
        "  eve  2026-01-01 00:00  z",
        "  lovelaceada-77  2026-01-01 00:00  y",
        "Doubtful: 2",
        "  whose is it?: my?[31m.ipynb",
        "  not on the class list: eve",
        "Missing: 1",
        "  Bob, Moe",
    ]


def test_two_spellings_of_a_student_are_doubtful():
    lines = report([found("a", "Ada"), found("b", "ada")]).splitlines()
    assert "  one student? Ada, ada" in lines and "Missing" not in "".join(lines)


def test_a_class_list_is_lines_or_columns(tmp_path):
    path = tmp_path / "class.csv"
    path.write_text("\ufeffAda Lovelace\nJürgen Groß\n", encoding="utf-8")
    assert read_class_list(path) == [["Ada Lovelace"], ["Jürgen Groß"]]
    path.write_text('First;Last;"ID number"\nAda;"Lovelace; B.";77\n', encoding="utf-8")
    assert read_class_list(path) == [["Ada", "Lovelace; B.", "77"]]
