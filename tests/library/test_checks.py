"""The checks of arguments: what passes comes back, what does not is named."""

import math

import numpy as np
import pytest

from ch11lib import _checks

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("check", "passing", "refused", "allowed"),
    [
        (_checks.finite, [0, -2.5, np.float32(3)], [NAN, INF, -INF], "finite"),
        (_checks.positive, [1e-300, 3], [0, -1, NAN, INF], "finite and > 0"),
        (_checks.non_negative, [0, 0.0, 7], [-1e-300, NAN, INF], "finite and >= 0"),
        (_checks.fraction, [0, 0.5, 1], [-0.1, 1.1, NAN, INF], "from 0 to 1"),
        (_checks.count, [1, np.int64(3)], [0, -1], ">= 1"),
        (_checks.count, [1], [1.0, 2.5, NAN, "3", True], "an integer >= 1"),
    ],
)
def test_a_value_comes_back_or_is_named_with_what_is_allowed(check, passing, refused, allowed):
    for value in passing:
        assert check("x", value) == value
    for value in refused:
        shown = repr(value) if allowed.startswith("an integer") else value
        with pytest.raises(ValueError) as caught:
            check("x", value)
        assert str(caught.value) == f"x is {shown}; it must be {allowed}"


def test_limits_of_a_range():
    assert _checks.positive("threshold", INF, infinity=True) == INF
    assert _checks.at_least("factor", 1, 1) == 1
    assert _checks.count("n", 0, minimum=0, maximum=2) == 0
    assert _checks.fraction("rate", 0.999, one=False) == 0.999
    for check, message in (
        (lambda: _checks.positive("threshold", 0, infinity=True), "threshold is 0; it must be > 0"),
        (lambda: _checks.positive("r", NAN, infinity=True), "r is nan; it must be > 0"),
        (lambda: _checks.at_least("factor", 0.9, 1), "factor is 0.9; it must be finite and >= 1"),
        (lambda: _checks.at_least("factor", INF, 1), "factor is inf; it must be finite and >= 1"),
        (lambda: _checks.count("n", 3, 0, 2), "n is 3; it must be from 0 to 2"),
        (lambda: _checks.count("n", -1, 0, 2), "n is -1; it must be from 0 to 2"),
        (
            lambda: _checks.fraction("rate", 1, one=False),
            "rate is 1; it must be from 0 to 1 (1 excluded)",
        ),
        (
            lambda: _checks.fraction("rate", 1.5, one=False),
            "rate is 1.5; it must be from 0 to 1 (1 excluded)",
        ),
    ):
        with pytest.raises(ValueError) as caught:
            check()
        assert str(caught.value) == message


def test_one_of_lists_what_there_is():
    assert _checks.one_of("mode", "b", {"a": 1, "b": 2}) == "b"
    with pytest.raises(ValueError) as caught:
        _checks.one_of("mode", "c", ("a", "b"))
    assert str(caught.value) == "mode is 'c'; it must be one of 'a', 'b'"


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (np.zeros(2, np.float32), np.float32),
        (np.zeros(2), np.float64),
        (np.zeros(2, np.float16), np.float64),
        ([1, 2], np.float64),
        (3, np.float64),
        (np.zeros(2, np.uint8), np.float64),
    ],
)
def test_arrays_are_of_single_or_double_precision(value, dtype):
    array = _checks.float_array(value)
    assert array.dtype == dtype
    np.testing.assert_array_equal(array, value)
