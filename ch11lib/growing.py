"""Training on several devices: what each of them sends, and what that costs.

Page: *Growing*. Every device holds all weights and takes an equal part of each
batch; then the gradients are averaged. `ring_average` does that as the
libraries do, in a ring, and counts; `step_seconds` says how long it takes.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Ring", "ring_average", "step_seconds"]

#: Multiplications and additions per weight and instance: 2 forward, 4 backward.
OPERATIONS = 6


class Ring(NamedTuple):
    """What `ring_average` returns.

    Attributes
    ----------
    averages : ndarray, shape (n_devices, n_values)
        What each device holds in the end: the same average, in each row.
    sent : ndarray of int, shape (n_devices,)
        How many values each device has sent.
    """

    averages: NDArray[np.floating[Any]]
    sent: NDArray[np.int64]


def ring_average(gradients: ArrayLike) -> Ring:
    """Average the gradients of devices that stand in a ring.

    The values are cut into as many chunks as there are devices. In the first
    half each device adds a chunk that it gets from the left to its own and passes the
    sum to the right, until each chunk is complete somewhere; in the second half
    the complete chunks go round. So each device sends :math:`2 (k - 1) / k` times the
    number of values, which no other way undercuts (Patarasuk and Yuan, 2009).

    Parameters
    ----------
    gradients : array_like, shape (n_devices, n_values)
        One row per device, at least one value.

    Returns
    -------
    Ring

    Raises
    ------
    ValueError
        If `gradients` is no matrix, or empty.
    """
    held = np.array(gradients, dtype=np.result_type(np.asarray(gradients), np.float32))
    if held.ndim != 2 or held.size == 0:
        raise ValueError(f"gradients has shape {held.shape}; it must be (n_devices, n_values)")
    k, n_values = held.shape
    chunks = np.array_split(np.arange(n_values), k)
    sent = np.zeros(k, np.int64)
    for step in range(2 * (k - 1)):
        adding = step < k - 1
        # All send at once, so all is read before anything is written.
        moving = [chunks[(device - step) % k] for device in range(k)]
        messages = [held[device, chunk].copy() for device, chunk in enumerate(moving)]
        for device, (chunk, message) in enumerate(zip(moving, messages, strict=True)):
            right = (device + 1) % k
            held[right, chunk] = message + (held[right, chunk] if adding else 0)
            sent[device] += len(chunk)
    return Ring(held / k, sent)


def step_seconds(
    n_devices: ArrayLike, batch_size: float, n_weights: float, speed: float, bandwidth: float
) -> NDArray[np.float64]:
    """Return the time of a training step of dense layers, shared among devices.

    Computing and sending do not overlap here, and a message takes no time to start: the
    first makes the result too large, the second too small.

    Parameters
    ----------
    n_devices : array_like of int
        At least 1 each.
    batch_size : float
        Instances per step, in all devices together; above 0.
    n_weights : float
        Above 0. Each is a number of 4 bytes.
    speed : float
        Of one device, in floating-point operations per second; above 0.
    bandwidth : float
        From each device to its neighbour, in bytes per second; above 0.

    Returns
    -------
    ndarray, shape of `n_devices`
        In seconds.

    Raises
    ------
    ValueError
        If an argument is out of its range.
    """
    k = np.asarray(n_devices, float)
    if not np.all((k >= 1) & np.isfinite(k)):
        raise ValueError(f"n_devices is {n_devices!r}; it must be >= 1")
    for name, value in (
        ("batch_size", batch_size),
        ("n_weights", n_weights),
        ("speed", speed),
        ("bandwidth", bandwidth),
    ):
        if not (0 < value < np.inf):
            raise ValueError(f"{name} is {value}; it must be positive and finite")
    computing = OPERATIONS * n_weights * batch_size / k / speed
    sending = 2 * (k - 1) / k * 4 * n_weights / bandwidth
    return np.asarray(computing + sending)
