"""Statements of the book that a machine has checked.

NumPy only. A lesson says in words only what `check` has confirmed or a citation covers.
The printed line is compared on every test run, so a claim can neither fail
silently nor vanish from the page.
"""

from typing import Any

import numpy as np

__all__ = ["ClaimError", "check"]


class ClaimError(AssertionError):
    """A statement of the book turned out to be false.

    Examples
    --------
    >>> check("Two is more than three.", 2 > 3)
    Traceback (most recent call last):
    ch11lib.claims.ClaimError: ✗ Two is more than three.
    """


def check(statement: str, condition: Any) -> None:
    """Print `statement` with a tick if `condition` is true, raise otherwise.

    Parameters
    ----------
    statement : str
        A full sentence, as the reader will see it.
    condition : bool or numpy.bool
        Whether it holds. Arrays, numbers, strings and ``None`` are refused: a
        non-empty list or a NaN is "true" in Python, and a claim must not pass
        by accident.

    Raises
    ------
    ClaimError
        If `condition` is false.
    TypeError
        If `statement` is not a string, or `condition` not a single boolean.
    ValueError
        If `statement` is empty.

    Examples
    --------
    >>> check("A sigmoid's slope is never more than one quarter.", 0.25 <= 1 / 4)
    ✓ A sigmoid's slope is never more than one quarter.
    """
    if not isinstance(statement, str):
        raise TypeError(f"statement must be a string, not {type(statement).__name__}")
    if not statement.strip():
        raise ValueError(f"statement is {statement!r}; it must say what is claimed")
    if not isinstance(condition, bool | np.bool_):
        raise TypeError(
            f"condition must be one boolean, not {type(condition).__name__}; "
            "reduce an array with .all() or .any(), and compare a number"
        )
    if not condition:
        raise ClaimError(f"✗ {statement}")
    print(f"✓ {statement}")
