"""nbgrader itself grades every assignment as `test_assignments` does in one process."""

import assignments
import graded
import pytest


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A copy of the teacher's folder with everything released."""
    course = graded.copy_course(tmp_path_factory.mktemp("course")) / "book" / "assignments"
    assignments.release(course / "release", course)
    return course


@pytest.mark.parametrize("name", [name for name in graded.NAMES if name != "optimizers"])
def test_nbgrader_gives_the_points_that_it_should(course, name):
    assert graded.autograde(course, name) == {}
