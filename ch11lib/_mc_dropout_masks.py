"""Masks of Monte Carlo dropout, and products of what they leave, in NumPy.

NumPy lets go of Python's lock while it does such work, so threads can share it.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

PICKING = 32  # picking an instance's weights takes as long as so many masks
MOST_WEIGHTS = 2**20  # picked per instance; 4 MB


def generator(seed: int, start: int) -> np.random.Generator:
    """Return a fast generator for the instances from number `start` on."""
    return np.random.Generator(np.random.SFC64([seed, start]))


def random_masks(rng: np.random.Generator, shape: Sequence[int], rate: float) -> NDArray[np.bool_]:
    """Return booleans that are False with probability `rate`, rounded to 1/65536."""
    size = math.prod(shape)
    words = rng.integers(2**64, size=-(-size // 4), dtype=np.uint64)
    return (words.view(np.uint16)[:size] >= round(rate * 2**16)).reshape(shape)


def dropped_products(
    x: NDArray[np.float32], keep_rate: float, kernel: NDArray[np.float32], out: NDArray[np.float32],
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Fill `out`, of shape (b, samples, units), with products of dropped `x` and `kernel`.

    `x` has shape (b, n_features). If it pays, each instance gets a kernel of
    its own, with the rows that its values other than 0 need, multiplied by
    them: then masks of 0 and 1 remain to be multiplied.
    """
    samples, units = out.shape[1:]
    n = max(1, int(np.count_nonzero(x, axis=1).max()))
    x = x / np.float32(keep_rate)
    pays = n * units <= MOST_WEIGHTS and n * (samples + PICKING) < x.shape[1] * samples
    if not (pays and np.isfinite(x).all()):
        keep = random_masks(rng, (len(x), samples, x.shape[1]), 1 - keep_rate)
        dropped = np.where(keep, x[:, None], np.float32(0)).reshape(-1, x.shape[1])
        np.matmul(dropped, kernel, out=out.reshape(-1, units))
        return
    columns = np.argsort(x == 0, axis=1, kind="stable")[:, :n]
    kernels = kernel[columns]
    kernels *= np.take_along_axis(x, columns, axis=1)[..., None]
    keep = random_masks(rng, (len(x), samples, n), 1 - keep_rate)
    np.matmul(keep.astype(np.float32), kernels, out=out)
