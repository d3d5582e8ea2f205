"""The update rules of Keras's optimizers, in NumPy and equal step for step.

Lesson: *Optimizers*. NumPy only. A rule is a frozen dataclass with Keras's
arguments and defaults. It changes nothing in place. What it keeps from step to
step, such as Adam's moving averages, is its *state*, a dictionary that is passed
along::

    rule = Adam(learning_rate=0.01)
    state = rule.init(theta)
    theta, state = rule.step(theta, gradient, state)

In the formulas θ are the parameters, g is the gradient and η the learning rate;
t counts the steps from 1. All operations are elementwise and in float64.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ch11lib import _checks

__all__ = [
    "RULES",
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Nadam",
    "RMSprop",
    "Rule",
    "bias_correction",
]

Array = NDArray[np.floating[Any]]
State = dict[str, Any]  # "t", the steps taken, and arrays of the shape of theta


_decay = partial(_checks.fraction, one=False)
#: How a hyperparameter is checked; those that are not listed must be positive.
CHECKS: dict[str, Callable[[str, float], float]] = {
    "momentum": _decay,
    "rho": _decay,
    "beta_1": _decay,
    "beta_2": _decay,
    "initial_accumulator_value": _checks.non_negative,
    "weight_decay": _checks.non_negative,
}


def bias_correction(beta: float, step: ArrayLike) -> Array:
    """Return 1 / (1 − βᵗ), which makes up for an average that began with 0.

    In the moving average m ← β m + (1 − β) g the weights (1 − β) βᵗ⁻ⁱ of the values
    i = 1 ... t sum to 1 − βᵗ only, so that m is too small at the start.

    Parameters
    ----------
    beta : float
        β, from 0 to below 1.
    step : array_like
        t, above 0; the first step is 1.

    Returns
    -------
    ndarray of float64, of the shape of `step`

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Kingma and Ba (2015), arXiv:1412.6980, section 3.

    Examples
    --------
    >>> bias_correction(0.9, [1, 2, 100]).round(2)
    array([10.  ,  5.26,  1.  ])
    """
    _decay("beta", beta)
    _checks.positive("step", float(np.min(step)))
    return np.asarray(1 / (1 - beta ** np.asarray(step, float)))


@dataclass(frozen=True)
class Rule(ABC):
    """What all rules share: a learning rate, `init` and `step`.

    A rule of its own defines `_update`, and `slots`, the names of the arrays that
    are kept from step to step.

    Parameters
    ----------
    learning_rate : float
        η, above 0.

    Raises
    ------
    ValueError
        If a hyperparameter is out of range: momentum, rho and the betas must be from
        0 to below 1, weight_decay and initial_accumulator_value at least 0, all
        others above 0, and all finite.

    Examples
    --------
    >>> rule = SGD(learning_rate=0.1)
    >>> rule.step(theta=[1.0], gradient=[2.0], state=rule.init([1.0]))[0]
    array([0.8])
    """

    learning_rate: float = 0.001
    slots: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not isinstance(value, bool):
                CHECKS.get(name, _checks.positive)(name, value)

    def init(self, theta: ArrayLike) -> State:
        """Return the state before the first step: t = 0, and zeros in each slot."""
        return {"t": 0, **{name: np.zeros(np.shape(theta)) for name in self.slots}}

    def step(self, theta: ArrayLike, gradient: ArrayLike, state: State) -> tuple[Array, State]:
        """Return θ and the state after one step; the arguments stay as they are.

        Parameters
        ----------
        theta, gradient : array_like, of the same shape
        state : dict
            From `init`, or from the step before.

        Returns
        -------
        theta : ndarray of float64
        state : dict

        Raises
        ------
        ValueError
            If the shapes differ.
        """
        theta, g = np.asarray(theta, float), np.asarray(gradient, float)
        if g.shape != theta.shape:
            raise ValueError(f"gradient has shape {g.shape}; it must be {theta.shape}, as theta")
        update, arrays = self._update(g, state["t"] + 1, state)
        return np.asarray(theta + update), {"t": state["t"] + 1, **arrays}

    @abstractmethod
    def _update(self, g: Array, t: int, state: State) -> tuple[Array, State]:
        """Return what step t adds to θ, and the new arrays of the slots."""


@dataclass(frozen=True)
class SGD(Rule):
    """Gradient descent, with momentum β and Nesterov's form of it on request.

    m ← β m − η g;  θ ← θ + m,  with `nesterov`  θ ← θ + β m − η g.

    Parameters
    ----------
    learning_rate : float
        η, above 0.
    momentum : float
        β, from 0 to below 1.
    nesterov : bool

    Raises
    ------
    ValueError
        If a number is out of range.

    Notes
    -----
    Sutskever et al. (2013) take the gradient where the momentum alone would lead:
    m ← β m − η g(θ' + β m), θ' ← θ' + m. Keras's θ is that point, θ = θ' + β m, as in
    Bengio, Boulanger-Lewandowski and Pascanu (2013), arXiv:1212.0901, section 3.5.
    PyTorch has η outside, b ← β b + g, θ ← θ − η b: the same until η changes.

    Examples
    --------
    >>> rule = SGD(learning_rate=0.1, momentum=0.9)
    >>> theta, state = rule.step([1.0], [1.0], rule.init([1.0]))
    >>> rule.step(theta, [1.0], state)[0]  # 0.9 less 0.1 by the gradient, 0.09 by momentum
    array([0.71])
    """

    learning_rate: float = 0.01
    momentum: float = 0.0
    nesterov: bool = False
    slots: ClassVar[tuple[str, ...]] = ("m",)

    def _update(self, g: Array, t: int, state: State) -> tuple[Array, State]:
        m = self.momentum * state["m"] - self.learning_rate * g
        return self.momentum * m - self.learning_rate * g if self.nesterov else m, {"m": m}


@dataclass(frozen=True)
class Adagrad(Rule):
    """Divide by the root of the sum of all squared gradients so far.

    v ← v + g²;  θ ← θ − η g / √(v₀ + v + ε),  v₀ being `initial_accumulator_value`.

    Parameters
    ----------
    learning_rate : float
        η, above 0.
    initial_accumulator_value : float
        v₀, at least 0.
    epsilon : float
        ε, above 0.

    Raises
    ------
    ValueError
        If a number is out of range.

    Notes
    -----
    Duchi, Hazan and Singer (2011), JMLR 12, figure 1, have η g / (ε + √v), with
    v₀ = 0, as PyTorch has.

    Examples
    --------
    >>> rule = Adagrad(learning_rate=0.1, initial_accumulator_value=0)
    >>> rule.step([1.0], [5.0], rule.init([1.0]))[0].round(6)  # a step of η, whatever g is
    array([0.9])
    """

    initial_accumulator_value: float = 0.1
    epsilon: float = 1e-7
    slots: ClassVar[tuple[str, ...]] = ("v",)

    def _update(self, g: Array, t: int, state: State) -> tuple[Array, State]:
        v = state["v"] + g**2
        root = np.sqrt(self.initial_accumulator_value + v + self.epsilon)
        return -self.learning_rate * g / root, {"v": v}


@dataclass(frozen=True)
class RMSprop(Rule):
    """Divide by the root of a moving average of the squared gradients.

    v ← ρ v + (1 − ρ) g²;  m ← β m + η g / √(v + ε);  θ ← θ − m,  β being `momentum`.
    If `centered`, a ← ρ a + (1 − ρ) g, and v − a² stands under the root for v.

    Parameters
    ----------
    learning_rate : float
        η, above 0.
    rho, momentum : float
        ρ and β, from 0 to below 1.
    epsilon : float
        ε, above 0.
    centered : bool

    Raises
    ------
    ValueError
        If a number is out of range.

    Notes
    -----
    Tieleman and Hinton (2012), lecture 6e. PyTorch adds ε to the root, √v + ε.
    Here √(v + ε) is at least 3e-4, so that small gradients make small steps.
    v − a², a variance, is kept from falling below 0 by rounding; Keras's may: NaN.

    Examples
    --------
    >>> rule = RMSprop(learning_rate=0.1, rho=0.75)
    >>> rule.step([1.0], [5.0], rule.init([1.0]))[0].round(6)  # v = g² / 4
    array([0.8])
    """

    rho: float = 0.9
    momentum: float = 0.0
    epsilon: float = 1e-7
    centered: bool = False
    slots: ClassVar[tuple[str, ...]] = ("m", "v", "a")

    def _update(self, g: Array, t: int, state: State) -> tuple[Array, State]:
        v = self.rho * state["v"] + (1 - self.rho) * g**2
        a = self.rho * state["a"] + (1 - self.rho) * g
        spread = np.maximum(v - a**2, 0) if self.centered else v
        m = self.momentum * state["m"] + self.learning_rate * g / np.sqrt(spread + self.epsilon)
        return -m, {"m": m, "v": v, "a": a}


@dataclass(frozen=True)
class Adam(Rule):
    """Momentum and RMSprop, as averages that are corrected for their start at 0.

    m ← β₁ m + (1 − β₁) g;  v ← β₂ v + (1 − β₂) g²;
    θ ← θ − η √(1 − β₂ᵗ) / (1 − β₁ᵗ) · m / (√v + ε).

    Parameters
    ----------
    learning_rate : float
        η, above 0.
    beta_1, beta_2 : float
        β₁ and β₂, from 0 to below 1.
    epsilon : float
        ε, above 0.

    Raises
    ------
    ValueError
        If a number is out of range.

    Notes
    -----
    Kingma and Ba (2015), arXiv:1412.6980, end of section 2. Their algorithm 1, and
    PyTorch, add ε to √v / √(1 − β₂ᵗ): our ε is then theirs times √(1 − β₂ᵗ).

    Examples
    --------
    >>> rule = Adam(learning_rate=0.1)
    >>> rule.step([1.0], [5.0], rule.init([1.0]))[0].round(6)  # the first step is η, too
    array([0.9])
    """

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7
    slots: ClassVar[tuple[str, ...]] = ("m", "v")

    def _moments(self, g: Array, state: State) -> State:
        m = self.beta_1 * state["m"] + (1 - self.beta_1) * g
        return {"m": m, "v": self.beta_2 * state["v"] + (1 - self.beta_2) * g**2}

    def _update(self, g: Array, t: int, state: State) -> tuple[Array, State]:
        new = self._moments(g, state)
        correction = bias_correction(self.beta_1, t) / np.sqrt(bias_correction(self.beta_2, t))
        alpha = self.learning_rate * correction
        return -alpha * new["m"] / (np.sqrt(new["v"]) + self.epsilon), new


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with decoupled weight decay λ.

    θ ← θ (1 − η λ), then Adam's step with the gradient g of the loss alone:
    m ← β₁ m + (1 − β₁) g;  v ← β₂ v + (1 − β₂) g²;
    θ ← θ − η √(1 − β₂ᵗ) / (1 − β₁ᵗ) · m / (√v + ε).

    Parameters
    ----------
    learning_rate : float
        η, above 0.
    beta_1, beta_2 : float
        β₁ and β₂, from 0 to below 1.
    epsilon : float
        ε, above 0.
    weight_decay : float
        λ, at least 0.

    Raises
    ------
    ValueError
        If a number is out of range.

    Notes
    -----
    Loshchilov and Hutter (2019), arXiv:1711.05101, algorithm 2: their λ is our η λ.

    Examples
    --------
    >>> rule = AdamW(learning_rate=0.1, weight_decay=0.5)
    >>> rule.step([1.0], [0.0], rule.init([1.0]))[0]  # no gradient, only decay
    array([0.95])
    """

    weight_decay: float = 0.004

    def step(self, theta: ArrayLike, gradient: ArrayLike, state: State) -> tuple[Array, State]:
        """Return θ and the state after the decay and Adam's step.

        Parameters
        ----------
        theta, gradient : array_like, of the same shape
        state : dict
            From `init`, or from the step before.

        Returns
        -------
        theta : ndarray of float64
        state : dict

        Raises
        ------
        ValueError
            If the shapes differ.
        """
        decayed = np.asarray(theta, float) * (1 - self.learning_rate * self.weight_decay)
        return super().step(decayed, gradient, state)


@dataclass(frozen=True)
class Adamax(Adam):
    """Adam with u, the largest of the fading gradients, in place of the root.

    m ← β₁ m + (1 − β₁) g;  u ← max(β₂ u, abs(g));
    θ ← θ − η / (1 − β₁ᵗ) · m / (u + ε).

    Parameters
    ----------
    learning_rate : float
        η, above 0.
    beta_1, beta_2 : float
        β₁ and β₂, from 0 to below 1.
    epsilon : float
        ε, above 0.

    Raises
    ------
    ValueError
        If a number is out of range.

    Notes
    -----
    Kingma and Ba (2015), arXiv:1412.6980, algorithm 2, which has no ε. PyTorch:
    u ← max(β₂ u, abs(g) + ε).

    Examples
    --------
    >>> rule = Adamax(learning_rate=0.1)
    >>> rule.step([1.0], [5.0], rule.init([1.0]))[0].round(6)
    array([0.9])
    """

    slots: ClassVar[tuple[str, ...]] = ("m", "u")

    def _update(self, g: Array, t: int, state: State) -> tuple[Array, State]:
        m = self.beta_1 * state["m"] + (1 - self.beta_1) * g
        u = np.maximum(self.beta_2 * state["u"], np.abs(g))
        alpha = self.learning_rate * bias_correction(self.beta_1, t)
        return -alpha * m / (u + self.epsilon), {"m": m, "u": u}


@dataclass(frozen=True)
class Nadam(Adam):
    """Adam with Nesterov's momentum, which grows from β₁ / 2 to β₁.

    m ← β₁ m + (1 − β₁) g;  v ← β₂ v + (1 − β₂) g²;
    μ_t = β₁ (1 − ½ · 0.96^(t d));  P_t = μ₁ μ₂ ⋯ μ_t;
    m̂ = μ_(t+1) m / (1 − P_(t+1)) + (1 − μ_t) g / (1 − P_t);
    θ ← θ − η m̂ / (√(v / (1 − β₂ᵗ)) + ε).

    Parameters
    ----------
    learning_rate : float
        η, above 0.
    beta_1, beta_2 : float
        β₁ and β₂, from 0 to below 1.
    epsilon : float
        ε, above 0.
    momentum_decay : float
        d, above 0.

    Raises
    ------
    ValueError
        If a number is out of range.

    Notes
    -----
    Dozat (2016) takes m with μ_t for β₁, and d = 0.004; PyTorch only the latter.
    Keras has no `momentum_decay`: d = 1. A large d, μ_t = β₁, makes Optax's Nadam.

    Examples
    --------
    >>> rule = Nadam(learning_rate=0.1)
    >>> rule.step([1.0], [5.0], rule.init([1.0]))[0].round(3)  # a step of 1.063 η
    array([0.894])
    """

    momentum_decay: float = 1.0

    def _mu(self, t: int) -> float:
        return float(self.beta_1 * (1 - 0.5 * 0.96 ** (t * self.momentum_decay)))

    def _update(self, g: Array, t: int, state: State) -> tuple[Array, State]:
        new, mu, mu_next = self._moments(g, state), self._mu(t), self._mu(t + 1)
        P = state.get("P", 1.0) * mu
        m_hat = mu_next * new["m"] / (1 - P * mu_next) + (1 - mu) * g / (1 - P)
        v_hat = new["v"] * bias_correction(self.beta_2, t)
        return -self.learning_rate * m_hat / (np.sqrt(v_hat) + self.epsilon), {**new, "P": P}


#: The seven rules by the name of their class.
#:
#: :meta hide-value:
RULES = {rule.__name__: rule for rule in (SGD, Adagrad, RMSprop, Adam, AdamW, Adamax, Nadam)}
