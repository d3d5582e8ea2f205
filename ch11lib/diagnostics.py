"""Look inside a network that trains: gradients, saturated units, sizes of the steps. Keras.

Lesson: *Vanishing and exploding gradients*, which builds each of these on the page.
"""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike, NDArray

from ch11lib import _checks

__all__ = ["Diagnostics", "diagnose", "gradient_norms", "saturated_share"]


def _layers_with_kernels(model: Any) -> list[Any]:
    layers = [layer for layer in model.layers if hasattr(layer, "kernel")]
    if not layers:
        raise ValueError(f"model is {model.name!r}; it must have a layer with a kernel")
    return layers


def gradient_norms(model: Any, X: ArrayLike, y: ArrayLike) -> dict[str, float]:
    r"""Return the norm of the loss gradient for the kernel of each layer.

    .. math:: \lVert \partial L / \partial W_l \rVert_2
       = \sqrt{\textstyle\sum_{ij} (\partial L / \partial W_{l,ij})^2}

    for the mean loss L of one batch, in training mode.

    Parameters
    ----------
    model : keras.Model
        Compiled, on the TensorFlow backend. Layers inside of nested models do not count.
    X : array_like, shape (n_instances, ...)
        One batch of inputs.
    y : array_like, shape (n_instances, ...)
        Its targets.

    Returns
    -------
    dict of str to float
        Layer name → norm, from input to output.

    Raises
    ------
    ValueError
        If the model is not compiled, or has no kernel.
    RuntimeError
        If Keras runs on another backend, whose gradients this does not read.

    Examples
    --------
    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, name="line")])
    >>> model.compile(loss="mse")
    >>> model.set_weights([np.array([[2.0]]), np.zeros(1)])
    >>> gradient_norms(model, [[1.0]], [[0.0]])  # L = w² at w = 2: L' = 2w
    {'line': 4.0}
    """
    if keras.backend.backend() != "tensorflow":
        raise RuntimeError(
            f"gradient_norms needs the TensorFlow backend, not {keras.backend.backend()!r}"
        )
    if not model.compiled:
        raise ValueError("model is not compiled; call model.compile(loss=...) first")
    layers = _layers_with_kernels(model)
    X, y = keras.ops.convert_to_tensor(X), keras.ops.convert_to_tensor(y)
    with tf.GradientTape() as tape:
        loss = model.compute_loss(x=X, y=y, y_pred=model(X, training=True))
    gradients = tape.gradient(loss, [layer.kernel.value for layer in layers])
    return {
        layer.name: float(tf.norm(gradient))
        for layer, gradient in zip(layers, gradients, strict=True)
    }


def saturated_share(outputs: ArrayLike, low: float = 0.05, high: float = 0.95) -> float:
    """Return the share of outputs that lie outside of the interval from `low` to `high`.

    Where a sigmoid's output is a, its slope is a (1 - a): below 0.05 and above 0.95 less
    than a fifth of the largest slope, 1/4, is left.

    Parameters
    ----------
    outputs : array_like, any shape
        Outputs of units, such as one of `ch11lib.models.hidden_outputs`.
    low, high : float
        `low` must be below `high`. For tanh -0.9 and 0.9 are the same points.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    ValueError
        If there are no outputs, or `low` is not below `high`.

    Examples
    --------
    >>> saturated_share([0.01, 0.5, 0.6, 0.99])
    0.5
    """
    values = np.asarray(outputs)
    if not values.size:
        raise ValueError("outputs is empty; it must hold at least one value")
    if not low < high:
        raise ValueError(f"low is {low}; it must be < high, which is {high}")
    return float(np.mean((values < low) | (values > high)))


class Diagnostics(keras.callbacks.Callback):  # type: ignore[misc]
    r"""Log gradient norms and update-to-weight ratios at the first step of each epoch.

    The update-to-weight ratio of a layer with the kernel W is

    .. math:: \lVert W_\text{after} - W_\text{before} \rVert_2 / \lVert W_\text{before} \rVert_2

    for one step. Around 1/1000 is healthy (Karpathy, notes of CS231n, *Neural Networks
    Part 3*). A kernel that is all zeros has the ratio infinity, or NaN if it stays there.

    Parameters
    ----------
    X, y : array_like
        The batch for which `gradient_norms` is computed, the same in all epochs.

    Attributes
    ----------
    norms : list of list of float
        Per epoch, the norm of each layer's gradient before its first step.
    ratios : list of list of float
        Per epoch, the update-to-weight ratio of each layer in its first step.

    Examples
    --------
    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    >>> model.compile(keras.optimizers.SGD(0.01), "mse")
    >>> model.set_weights([np.array([[2.0]])])
    >>> log = Diagnostics(np.ones((1, 1)), np.zeros((1, 1)))
    >>> _ = model.fit(np.ones((1, 1)), np.zeros((1, 1)), verbose=0, callbacks=[log])
    >>> [round(ratio, 4) for ratio in log.ratios[0]]  # 0.01 * 4 / 2
    [0.02]
    """

    def __init__(self, X: ArrayLike, y: ArrayLike) -> None:
        super().__init__()
        self.X, self.y = X, y
        self.norms: list[list[float]] = []
        self.ratios: list[list[float]] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Log the gradient norms; keep the kernels."""
        self.norms.append([*gradient_norms(self.model, self.X, self.y).values()])
        self.before = self._kernels()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Log the ratios of the first step."""
        if batch == 0:
            with np.errstate(divide="ignore", invalid="ignore"):
                self.ratios.append(
                    [
                        float(np.linalg.norm(now - before) / np.linalg.norm(before))
                        for now, before in zip(self._kernels(), self.before, strict=True)
                    ]
                )

    def _kernels(self) -> list[NDArray[Any]]:
        return [
            keras.ops.convert_to_numpy(layer.kernel) for layer in _layers_with_kernels(self.model)
        ]


def diagnose(
    first_loss: float, bottom_to_top: float, saturated: float, update: float, n_classes: int = 10
) -> str:
    """Say what four readings of a deep classifier mean.

    The rules, in the order in which they are asked, because each illness hides the next:

    - first loss not below 5 ln K: the signal explodes;
    - gradient at the bottom below 1/1000 or above 1000 of that at the top: it vanishes or
      explodes;
    - more than half of the outputs saturated: the units are asleep;
    - update-to-weight ratio below 1e-5: nothing moves, because the learning rate is too low
      or, behind ReLU, the weights are too small. There the norms of kernels stay level, since
      a gradient ∂L/∂W = δ aᵀ has the shrinking signal a as its other factor;
    - update-to-weight ratio of 1e-2 or more: the learning rate is too high.

    These limits are rules of thumb for dense networks with a softmax of K classes, and
    describe the first step only.

    Parameters
    ----------
    first_loss : float
        Mean cross-entropy before the first step; may be NaN.
    bottom_to_top : float
        Gradient norm of a layer near the input over that of one near the output, for
        kernels of the same shape.
    saturated : float
        `saturated_share` of the hidden outputs; 0 where units do not saturate.
    update : float
        Update-to-weight ratio of the first step, such as the median over the layers.
    n_classes : int
        K, at least 2.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If `saturated` is not from 0 to 1 or `n_classes` is below 2.

    Examples
    --------
    >>> diagnose(first_loss=2.31, bottom_to_top=5e-12, saturated=0.0, update=2e-10)
    'the gradient vanishes: larger weights, other units'
    """
    _checks.fraction("saturated", saturated)
    _checks.count("n_classes", n_classes, 2)
    if not first_loss < 5 * np.log(n_classes):
        return "the signal explodes: smaller weights, scaled inputs"
    if bottom_to_top < 1e-3:
        return "the gradient vanishes: larger weights, other units"
    if not bottom_to_top < 1e3:
        return "the gradient explodes: smaller weights"
    if saturated > 0.5:
        return "units saturate: smaller weights, other units"
    if update < 1e-5:
        return "nothing moves: larger learning rate or larger weights"
    if not update < 1e-2:
        return "learning rate too high"
    return "nothing to complain about"
