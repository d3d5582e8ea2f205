"""`make mutants` for one fault."""

import run


def test_a_fault_is_caught_and_the_whole_code_is_not(tmp_path):
    """One fault for real: the copy is broken, caught, and whole again."""
    entry = next(e for e in run.mutations() if e["module"] == "claims")
    copy = run.course_copy(tmp_path / "course")
    assert run.by_unit_tests(copy, "claims") is None
    found = run.try_one(entry, copy, book=False)
    assert found["unit"].startswith("tests/library/test_claims.py::")
    assert run.by_unit_tests(copy, "claims") is None
