"""A claim passes only if it is one true boolean."""

import numpy as np
import pytest

from ch11lib.claims import ClaimError, check, check_bound, check_results


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


RELU, SIGMOID, TANH = np.array([0.78, 0.80]), np.array([0.09, 0.10]), np.array([0.50, 0.55])


def test_claim_about_results_is_printed(capsys):
    check_results(
        "ReLU ends above sigmoid.",
        lambda relu, sigmoid: relu.min() > sigmoid.max(),
        relu=RELU,
        sigmoid=SIGMOID,
    )
    assert capsys.readouterr().out == "✓ ReLU ends above sigmoid.\n"


def test_false_claim_about_results_is_an_error():
    with pytest.raises(ClaimError, match=r"✗ Sigmoid ends above ReLU\.$"):
        check_results("Sigmoid ends above ReLU.", lambda a, b: a.min() > b.max(), a=SIGMOID, b=RELU)


def test_claim_that_survives_when_methods_trade_places_is_an_error(capsys):
    """Both were in the first edition: the sign is hidden, or one of the two is not compared."""
    message = "survives when relu and tanh trade places"
    with pytest.raises(ClaimError, match=message):
        check_results(
            "The two end within 30 points of each other.",
            lambda relu, tanh: abs(relu - tanh).max() < 0.31,
            relu=RELU,
            tanh=TANH,
        )
    with pytest.raises(ClaimError, match=message):
        check_results(
            "ReLU and tanh are both better than sigmoid.",
            lambda relu, tanh, sigmoid: min(relu.min(), tanh.min()) > sigmoid.max(),
            relu=RELU,
            tanh=TANH,
            sigmoid=SIGMOID,
        )
    assert capsys.readouterr().out == ""


def test_each_pair_trades_places(capsys):
    """Not only the first two: here only the last pair can."""
    with pytest.raises(ClaimError, match="survives when b and c trade places"):
        check_results("a < b, a < c.", lambda a, b, c: a < b and a < c, a=1, b=2, c=3)
    check_results("a < b < c.", lambda a, b, c: a < b < c, a=1, b=2, c=3)
    assert capsys.readouterr().out == "✓ a < b < c.\n"


def test_interchangeable_results_still_trade_places_with_the_others(capsys):
    alike = ("b", "c")
    results = {"a": 1, "b": 2, "c": 3}
    check_results("Low.", lambda a, b, c: a < min(b, c), interchangeable=alike, **results)
    assert capsys.readouterr().out == "✓ Low.\n"
    with pytest.raises(ClaimError, match="survives when a and b"):
        check_results("Low.", lambda a, b, c: min(a, b) < c, interchangeable=alike, **results)


def test_claim_about_results_needs_results():
    with pytest.raises(ValueError, match="two or more that can trade places"):
        check_results("One.", lambda a: a > 0, a=1)
    with pytest.raises(ValueError, match=r"interchangeable is \['d'\]"):
        check_results("d.", lambda a, b: a < b, interchangeable=["d"], a=1, b=2)
    with pytest.raises(TypeError, match="holds must be a function"):
        check_results("Value.", True, a=1, b=2)
    with pytest.raises(TypeError, match="condition must be one boolean"):
        check_results("Array.", lambda a, b: a > b, a=RELU, b=TANH)


@pytest.mark.parametrize(
    ("measured", "bound", "null", "log"),
    [
        (0.747, 0.70, 0.1, False),  # an accuracy, above guessing
        (-0.029, -0.02, 0.0, False),  # a difference, signed
        (2.0, 1.0, 0.0, False),  # just half of the way
        (3e-12, 1e-9, 1.0, True),  # a gradient that has vanished
        (100.0, 10.0, 1.0, True),
    ],
)
def test_tight_bound_passes(measured, bound, null, log, capsys):
    check_bound("Tight.", measured, bound, null, log=log)
    assert capsys.readouterr().out == "✓ Tight.\n"


@pytest.mark.parametrize(
    ("measured", "bound", "null", "log", "message"),
    [
        (0.747, 0.75, 0.1, False, "is not between"),  # not reached
        (0.747, 0.05, 0.1, False, "is not between"),  # the wrong side of guessing
        (0.747, 0.1, 0.1, False, "is not between"),  # says nothing
        (-0.029, 0.03, 0.0, False, "is not between"),  # "within 3 points" hides the sign
        (1.24, 2.5, 1.0, False, "is not between"),  # nothing could make it fail
        (0.747, 0.3, 0.1, False, "too loose"),
        (3e-12, 1e-3, 1.0, True, "too loose"),
        (3e-12, 1e-13, 1.0, True, "is not between"),
    ],
)
def test_loose_or_false_bound_is_an_error(measured, bound, null, log, message, capsys):
    with pytest.raises(ClaimError, match=message):
        check_bound("Bounded.", measured, bound, null, log=log)
    assert capsys.readouterr().out == ""


def test_bound_needs_numbers():
    with pytest.raises(ValueError, match="measured is nan; it must be finite"):
        check_bound("Lost.", float("nan"), 1.0)
    with pytest.raises(ValueError, match=r"null is 0\.0; it must be positive"):
        check_bound("Ratio.", 3.0, 2.0, log=True)
