"""Checks of arguments, in one place. NumPy only.

Each function takes the name of an argument and its value. It returns the value
if it is allowed; otherwise it raises an error that names the argument, its
value and what is allowed, such as
``ValueError: rate is 1.5; it must be from 0 to 1 (1 excluded)``.
"""

import math
from collections.abc import Collection
from numbers import Integral
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

T = TypeVar("T")


def _wrong(name: str, value: object, allowed: str) -> ValueError:
    return ValueError(f"{name} is {value}; it must be {allowed}")


def finite(name: str, value: float) -> float:
    """Return `value` if it is neither NaN nor infinite."""
    if not math.isfinite(value):
        raise _wrong(name, value, "finite")
    return value


def positive(name: str, value: float, infinity: bool = False) -> float:
    """Return `value` if it is above 0; infinity only if `infinity` says so."""
    if not (value > 0 and (infinity or math.isfinite(value))):
        raise _wrong(name, value, "> 0" if infinity else "finite and > 0")
    return value


def non_negative(name: str, value: float) -> float:
    """Return `value` if it is finite and not below 0."""
    return at_least(name, value, 0)


def at_least(name: str, value: float, minimum: float) -> float:
    """Return `value` if it is finite and not below `minimum`."""
    if not (math.isfinite(value) and value >= minimum):
        raise _wrong(name, value, f"finite and >= {minimum}")
    return value


def fraction(name: str, value: float, one: bool = True) -> float:
    """Return `value` if it is from 0 to 1; without the 1 if `one` is False."""
    if not (0 <= value <= 1) or (value == 1 and not one):
        raise _wrong(name, value, "from 0 to 1" if one else "from 0 to 1 (1 excluded)")
    return value


def count(name: str, value: int, minimum: int = 1, maximum: int | None = None) -> int:
    """Return `value` if it is an integer from `minimum` to `maximum`."""
    allowed = f">= {minimum}" if maximum is None else f"from {minimum} to {maximum}"
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise _wrong(name, repr(value), f"an integer {allowed}")
    if value < minimum or (maximum is not None and value > maximum):
        raise _wrong(name, value, allowed)
    return int(value)


def one_of(name: str, value: T, allowed: Collection[T]) -> T:
    """Return `value` if it is among `allowed`, whose order the message keeps."""
    if value not in allowed:
        raise _wrong(name, repr(value), f"one of {', '.join(map(repr, allowed))}")
    return value


def float_array(value: ArrayLike) -> NDArray[np.floating[Any]]:
    """Return `value` as an array of float32 or float64; other types become float64."""
    array = np.asarray(value)
    keep = array.dtype in (np.float32, np.float64)
    return array if keep else array.astype(np.float64)
