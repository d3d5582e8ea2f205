"""The class for Keras of `ch11lib.experiments`, which loads it."""

from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike, NDArray


@keras.saving.register_keras_serializable(package="ch11lib")
class RateTable(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """A learning-rate schedule whose rates can be replaced.

    Keras compiles a schedule into the training step. One that reads its rates
    from a variable serves every schedule without compiling again.

    Parameters
    ----------
    rates : array_like of float, shape (n_steps,)
        One rate per step, at least one. After the last step its rate stays.

    Raises
    ------
    ValueError
        If there are no rates, or not in one row.
    """

    def __init__(self, rates: ArrayLike) -> None:
        self.rates = keras.Variable(_row(rates), trainable=False)

    def assign(self, rates: ArrayLike) -> None:
        """Take other rates, at most as many as at first; the last one stays.

        Raises
        ------
        ValueError
            If there are none or too many, or not in one row.
        """
        row, n_steps = _row(rates), self.rates.shape[0]
        if len(row) > n_steps:
            raise ValueError(f"rates has {len(row)} entries; the table has room for {n_steps}")
        self.rates.assign(np.pad(row, (0, n_steps - len(row)), mode="edge"))

    def __call__(self, step: Any) -> Any:
        """Return the learning rate at `step`, a scalar tensor."""
        last = self.rates.shape[0] - 1
        return ops.take(self.rates, ops.minimum(ops.cast(step, "int32"), last))

    def get_config(self) -> dict[str, Any]:
        """Return the argument, with the rates of now."""
        return {"rates": ops.convert_to_numpy(self.rates).tolist()}


def _row(rates: ArrayLike) -> NDArray[np.float32]:
    row = np.asarray(rates, np.float32)
    if row.ndim != 1 or not len(row):
        raise ValueError(f"rates has shape {row.shape}; it must be one row, not empty")
    return row
