"""Stored results of comparisons that take minutes.

NumPy only. A headline comparison runs to a plateau, with several seeds, and does not fit into
a lesson. A script in ``book/studies`` measures it once; what it found is stored
in this package, so that a lesson finds it wherever the package is installed.
``make study NAME=...`` measures it again.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["load"]

FOLDER = Path(__file__).parent / "data" / "studies"


def load(name: str) -> dict[str, Any]:
    """Return what the study `name` measured.

    Parameters
    ----------
    name : str
        Name of its script in ``book/studies``, without ``.py``.

    Returns
    -------
    dict
        The values that the script's function ``measure`` returned. A list of
        numbers, or of lists of numbers of equal lengths, is an array of type
        float64, int64 or bool; ``nan`` and ``inf`` stay what they are. Two
        entries more say how they came about: ``seconds`` (float, the time that
        the study took) and ``versions`` (dict of the libraries' versions).

    Raises
    ------
    ValueError
        If there is no study of that name.

    Examples
    --------
    >>> load("atlantis")
    Traceback (most recent call last):
    ...
    ValueError: name is 'atlantis'; it must be one of ...
    """
    names = sorted(path.stem for path in FOLDER.glob("*.json"))
    if name not in names:
        raise ValueError(f"name is {name!r}; it must be one of {names}")
    stored = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    about = {key: stored[key] for key in ("seconds", "versions")}
    return {key: _arrays(value) for key, value in stored["results"].items()} | about


def _arrays(value: Any) -> Any:
    """Return `value` with its rectangular lists of numbers as arrays."""
    if isinstance(value, dict):
        return {key: _arrays(item) for key, item in value.items()}
    if not isinstance(value, list) or not value:
        return value
    items = [_arrays(item) for item in value]
    numbers = all(isinstance(item, bool | int | float | np.ndarray) for item in items)
    return np.array(items) if numbers and len({np.shape(item) for item in items}) == 1 else items
