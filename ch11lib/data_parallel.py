"""Training on several devices: what each of them sends, and what that costs.

Page: *Scaling up*. NumPy only. Every device holds all weights and takes an equal
part of each batch; then the gradients are averaged. `ring_average` does that as
the libraries do, in a ring, and counts; `step_seconds` says how long a step takes.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ch11lib import _checks

__all__ = ["Ring", "ring_average", "step_seconds"]

#: Multiplications and additions per weight and instance: 2 forward, 4 backward.
OPERATIONS = 6
BYTES = 4  # of a weight in float32


class Ring(NamedTuple):
    """What `ring_average` returns.

    Attributes
    ----------
    averages : ndarray, shape (n_devices, n_values)
        What each device holds in the end: the same average, in each row.
    sent : ndarray of int, shape (n_devices,)
        How many values each device has sent.

    Examples
    --------
    >>> Ring(averages=np.zeros((2, 5)), sent=np.array([5, 5])).sent
    array([5, 5])
    """

    averages: NDArray[np.floating[Any]]
    sent: NDArray[np.int64]


def ring_average(gradients: ArrayLike) -> Ring:
    """Average the gradients of devices that stand in a ring.

    The values are cut into as many chunks as there are devices, k. In the first
    half of the 2 (k − 1) steps each device adds a chunk that it gets from the left
    to its own and passes the sum to the right, until each chunk is complete on one
    device; in the second half the complete chunks go round. So each device sends
    :math:`2 (k - 1) / k` times the number of values, and no other way sends less.

    Parameters
    ----------
    gradients : array_like, shape (n_devices, n_values)
        One row per device, at least one value. The sums are made in float32 or,
        if `gradients` has a larger type, in that.

    Returns
    -------
    Ring

    Raises
    ------
    ValueError
        If `gradients` has not two dimensions, or no value.

    Notes
    -----
    Patarasuk and Yuan (2009), Journal of Parallel and Distributed Computing 69,
    117-124: the algorithm, and the proof that it sends as little as possible.

    Examples
    --------
    >>> ring_average([[1.0, 2.0], [3.0, 6.0]]).averages
    array([[2., 4.],
           [2., 4.]])
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

    With k devices, a batch of B instances and W weights of 4 bytes it is
    6 W B / (k · speed) for computing, forward and backward, and
    2 (k − 1) / k · 4 W / bandwidth for averaging the gradients in a ring.
    Computing and sending do not overlap here, which makes the result too large,
    and a message takes no time to start, which makes it too small.

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
        From each device to its neighbor, in bytes per second; above 0.

    Returns
    -------
    ndarray of float64, shape of `n_devices`
        In seconds.

    Raises
    ------
    ValueError
        If a number of devices is below 1, or another argument is not finite and
        above 0.

    Notes
    -----
    The volume that is sent is that of `ring_average`; Patarasuk and Yuan (2009).

    Examples
    --------
    >>> step_seconds([1, 2], 100, n_weights=1e6, speed=1e9, bandwidth=1e8).round(2)
    array([0.6 , 0.34])
    """
    for device_count in np.ravel(n_devices):
        _checks.at_least("n_devices", device_count, 1)
    _checks.positive("batch_size", batch_size)
    _checks.positive("n_weights", n_weights)
    _checks.positive("speed", speed)
    _checks.positive("bandwidth", bandwidth)
    k = np.asarray(n_devices, float)
    computing = OPERATIONS * n_weights * batch_size / k / speed
    sending = 2 * (k - 1) / k * BYTES * n_weights / bandwidth
    return np.asarray(computing + sending)
