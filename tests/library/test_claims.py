"""A claim passes only if it is one true boolean."""

import numpy as np
import pytest

from ch11lib.claims import ClaimError, check


def test_true_claim_is_printed(capsys):
    check("Water is wet.", True)
    check("Two is two.", np.bool_(True))
    assert capsys.readouterr().out == "✓ Water is wet.\n✓ Two is two.\n"


@pytest.mark.parametrize("condition", [False, np.bool_(False), float("nan") < 1, 1 > 2])
def test_false_claim_raises_with_its_statement(condition, capsys):
    with pytest.raises(ClaimError, match="The moon is green"):
        check("The moon is green.", condition)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "condition",
    [
        1,
        0,
        None,
        "yes",
        float("nan"),
        [True],
        [],
        (),
        np.array(True),
        np.array([True]),
        np.array([]),
    ],
)
def test_nothing_but_a_boolean_counts(condition):
    """Truthy objects, a NaN and one-element arrays must not pass by accident."""
    with pytest.raises(TypeError, match="condition must be one boolean"):
        check("This is true.", condition)


def test_claim_needs_a_statement():
    with pytest.raises(ValueError, match="statement"):
        check("  ", True)
    with pytest.raises(TypeError, match="statement"):
        check(True, "The arguments are swapped.")


def test_claims_survive_python_O(run_python):
    """`assert` vanishes under -O; a claim must not."""
    code = "from ch11lib.claims import check; check('False is true.', False)"
    result = run_python("-O", "-c", code)
    assert result.returncode == 1
    assert "ClaimError: ✗ False is true." in result.stderr
