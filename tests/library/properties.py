"""Strategies that the property tests share."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp


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
