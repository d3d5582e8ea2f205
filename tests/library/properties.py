"""Which public function has a property test: `covers` collects, a test compares."""

import inspect

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import ch11lib

COVERED = set()


def covers(*objects):
    """Mark a test as the property test of these public functions and classes."""
    COVERED.update((thing.__module__, thing.__qualname__) for thing in objects)
    return lambda test: test


def public():
    """Return every public function and class of ch11lib with its name."""
    found = {}
    for module_name in ch11lib.__all__:
        module = getattr(ch11lib, module_name)
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.isfunction(thing) or inspect.isclass(thing):
                found[thing.__module__, thing.__qualname__] = thing
    return found


def arrays(shape=None, low=-50, high=50, dtypes=(np.float64, np.float32)):
    """Return a strategy for arrays of floats, by default of any shape up to 3 dimensions."""
    shape = shape if shape is not None else hnp.array_shapes(max_dims=3, max_side=6)
    dtype = st.sampled_from(dtypes)
    return dtype.flatmap(
        lambda kind: hnp.arrays(kind, shape, elements=st.floats(low, high, width=32))
    )


def matrices(columns=None, low=-50, high=50, min_rows=2):
    """Return a strategy for matrices of 64-bit floats."""
    rows = st.integers(min_rows, 8)
    sides = st.tuples(rows, st.just(columns) if columns else st.integers(1, 6))
    return sides.flatmap(lambda shape: arrays(shape, low, high, (np.float64,)))
