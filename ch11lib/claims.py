"""Statements of the book that a machine has checked.

NumPy only. A lesson says in words only what one of these functions has confirmed or
a citation covers. The printed line is compared on every test run, so a claim can
neither fail silently nor vanish from the page.
"""

import itertools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

__all__ = ["ClaimError", "check", "check_bound", "check_results"]


class ClaimError(AssertionError):
    """A statement of the book turned out to be false, or to say too little.

    Examples
    --------
    >>> check("Two is more than three.", 2 > 3)
    Traceback (most recent call last):
    ch11lib.claims.ClaimError: ✗ Two is more than three.
    """


def check(statement: str, condition: Any) -> None:
    """Print `statement` with a tick if `condition` is true, raise otherwise.

    For facts: a law, a shape, a limit. What compares results of methods is a
    case for `check_results`.

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
    condition = _truth(condition)
    if not condition:
        raise ClaimError(f"✗ {statement}")
    print(f"✓ {statement}")


def check_results(
    statement: str,
    holds: Callable[..., Any],
    *,
    interchangeable: Iterable[str] = (),
    **results: Any,
) -> None:
    """Check a statement about results, and that it fails when two of them trade places.

    A statement that stays true when the results of two methods trade places says
    nothing about which is which: "within 3 points" hides who is ahead.

    Parameters
    ----------
    statement : str
        A full sentence, as the reader will see it.
    holds : callable
        Takes the results by name and returns one boolean.
    interchangeable : iterable of str
        Names that the statement treats alike, such as those of two methods
        that it says are both worse than a third. These do not trade places
        with each other, but still with all others.
    **results : any
        The results of each method, under the names that `holds` uses; two at least.

    Raises
    ------
    ClaimError
        If `holds` is false, or still true with two of the results exchanged.
    TypeError
        If `holds` is not callable, or does not return a single boolean.
    ValueError
        If there are fewer than two results, or `interchangeable` names none of them.

    Examples
    --------
    >>> check_results(
    ...     "ReLU ends above sigmoid with every seed.",
    ...     lambda relu, sigmoid: min(relu) > max(sigmoid),
    ...     relu=[0.78, 0.79], sigmoid=[0.09, 0.10],
    ... )
    ✓ ReLU ends above sigmoid with every seed.
    """
    if not callable(holds):
        raise TypeError(f"holds must be a function of the results, not {type(holds).__name__}")
    if len(results) < 2:
        raise ValueError(
            f"results has the names {[*results]}; it must have two or more that can trade places"
        )
    alike = {*interchangeable}
    if not alike <= {*results}:
        raise ValueError(f"interchangeable is {sorted(alike)}; it must hold names of {[*results]}")
    condition = _truth(holds(**results))
    for one, other in itertools.combinations(results, 2):
        traded = {**results, one: results[other], other: results[one]}
        if condition and not {one, other} <= alike and _truth(holds(**traded)):
            raise ClaimError(f"✗ {statement} This survives when {one} and {other} trade places.")
    check(statement, condition)


def check_bound(
    statement: str, measured: float, bound: float, null: float = 0.0, *, log: bool = False
) -> None:
    """Check a bound that a statement gives, and that it is not too loose.

    The bound must lie between the value that would mean *no effect* and the
    measured value, at half of the way or farther:
    ``|measured - null| <= 2 |bound - null|``. "Below 50%" is no statement about
    an accuracy of 9% where guessing gives 10%.

    Parameters
    ----------
    statement : str
        A full sentence, as the reader will see it.
    measured : float
        The measured value; of several the one closest to the bound.
    bound : float
        The value that the statement names.
    null : float
        What would be measured if there were no effect: the accuracy of guessing,
        a difference of 0, a ratio of 1.
    log : bool
        Compare logarithms, as is right for ratios and powers of ten; then all
        three must be positive.

    Raises
    ------
    ClaimError
        If the measured value does not reach the bound, or the bound is less
        than half the way from `null`.
    ValueError
        If a value is not finite, or not positive although `log` is true.

    Examples
    --------
    >>> check_bound("ReLU ends above 70% (guessing: 10%).", measured=0.777, bound=0.7, null=0.1)
    ✓ ReLU ends above 70% (guessing: 10%).
    """
    values = {"measured": measured, "bound": bound, "null": null}
    for name, value in values.items():
        if not np.isfinite(value) or (log and value <= 0):
            wanted = "positive and finite, since log is true" if log else "finite"
            raise ValueError(f"{name} is {value}; it must be {wanted}")
    scaled = {name: float(np.log(v)) if log else float(v) for name, v in values.items()}
    effect, named = (scaled[name] - scaled["null"] for name in ("measured", "bound"))
    if not (0 < named <= effect or effect <= named < 0):
        raise ClaimError(f"✗ {statement} The bound {bound:g} is not between {null:g}, which would "
                         f"mean no effect, and the measured {measured:g}.")  # fmt: skip
    if abs(effect) > 2 * abs(named):
        raise ClaimError(f"✗ {statement} The bound {bound:g} is too loose: it is less than half of "
                         f"the way from {null:g} to the measured {measured:g}.")  # fmt: skip
    check(statement, True)


def _truth(condition: Any) -> bool:
    """Return `condition` if it is a single boolean, raise otherwise."""
    if not isinstance(condition, bool | np.bool_):
        raise TypeError(
            f"condition must be one boolean, not {type(condition).__name__}; "
            "reduce an array with .all() or .any(), and compare a number"
        )
    return bool(condition)
