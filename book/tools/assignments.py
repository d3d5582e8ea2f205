"""Release the graded assignments: the student edition, without solutions.

    python book/tools/assignments.py              # make assignments
    python book/tools/assignments.py --output F   # copies for the website; no gradebook

The first form is nbgrader's ``generate_assignment`` for every folder of
``book/assignments/source``. It also stores the released cells in
``book/assignments/gradebook.db``, from which autograding restores them.
"""

import argparse
import logging
import shutil
import sys
import tempfile
from pathlib import Path

from nbgrader.apps import NbGrader
from nbgrader.converters import GenerateAssignment
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

ROOT = Path(__file__).resolve().parents[2]
COURSE = ROOT / "book" / "assignments"


def names(course: Path = COURSE) -> list[str]:
    """Return the assignments of a course: the folders with a notebook of that name."""
    paths = sorted((course / "source").iterdir())
    return [path.name for path in paths if (path / f"{path.name}.ipynb").is_file()]


def release(output: Path, course: Path = COURSE, gradebook: Path | None = None) -> list[Path]:
    """Write the student edition of every assignment; return the notebooks.

    Parameters
    ----------
    output : Path
        Folder that gets ``NAME/NAME.ipynb``.
    course : Path
        Folder with ``source`` and ``nbgrader_config.py``.
    gradebook : Path, optional
        Database that gets the released cells; default: ``gradebook.db`` of the course.

    Raises
    ------
    RuntimeError
        If a notebook can't be released. The message says which.
    """
    config = Config(PyFileConfigLoader("nbgrader_config.py", path=str(course)).load_config())
    config.CourseDirectory.root = str(course)
    config.CourseDirectory.release_directory = str(output)
    config.GenerateAssignment.force = True
    config.CourseDirectory.db_url = f"sqlite:///{gradebook or course / 'gradebook.db'}"
    made = []
    for name in names(course):
        config.CourseDirectory.assignment_id = name
        application = NbGrader(config=config)  # nbgrader's settings of logging
        application.log.setLevel(logging.ERROR)
        converter = GenerateAssignment(
            coursedir=CourseDirectory(config=config), config=config, parent=application
        )
        try:
            converter.start()
        except Exception as error:
            raise RuntimeError(f"{name} was not released: {error}") from error
        made.append(output / name / f"{name}.ipynb")
    return made


def publish(folder: Path, course: Path = COURSE) -> list[Path]:
    """Put the released notebooks, and nothing else, into `folder`; return them."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        made = release(Path(scratch) / "release", course, Path(scratch) / "gradebook.db")
        return [Path(shutil.copy(path, folder)) for path in made]


def main() -> None:
    """Release into the course's folder or into the one that is named."""
    parser = argparse.ArgumentParser(description="Release the student edition.")
    parser.add_argument("--output", type=Path, help="a folder for the notebooks alone")
    folder = parser.parse_args().output
    made = publish(folder.resolve()) if folder else release(COURSE / "release")
    if not made:
        sys.exit("There is no assignment in book/assignments/source.")
    for path in made:
        print(path)


if __name__ == "__main__":
    main()
