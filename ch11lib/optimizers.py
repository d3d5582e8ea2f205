"""The update rules of Keras's optimizers, in NumPy and equal step for step.

Lesson: *Optimizers*. A rule is a frozen dataclass with Keras's arguments and
defaults. It changes nothing in place; what it remembers is passed along::

    rule = Adam(learning_rate=0.01)
    state = rule.init(theta)
    theta, state = rule.step(theta, gradient, state)

In the formulas θ are the parameters, g is the gradient and η the learning rate;
t counts the steps from 1. All operations are elementwise and in float64.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ch11lib._surfaces import SURFACES, Surface, minimize, surface

__all__ = [
    "RULES",
    "SGD",
    "SURFACES",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Nadam",
    "RMSprop",
    "Rule",
    "Surface",
    "bias_correction",
    "minimize",
    "surface",
]

Array = NDArray[np.floating[Any]]
State = dict[str, Any]  # "t", the steps taken, and arrays of the shape of theta


def _check(name: str, value: float) -> None:
    """Raise unless `value` is in the range of the hyperparameter `name`."""
    if name in ("momentum", "rho", "beta", "beta_1", "beta_2"):
        allowed, right = "from 0 to below 1", 0 <= value < 1
    elif name in ("initial_accumulator_value", "weight_decay"):
        allowed, right = "finite and >= 0", 0 <= value < math.inf
    else:
        allowed, right = "finite and > 0", 0 < value < math.inf
    if not right:
        raise ValueError(f"{name} is {value}; it must be {allowed}")


def bias_correction(beta: float, step: ArrayLike) -> Array:
    """Return 1 / (1 − βᵗ), which makes up for an average that began with 0.

    In a moving average the weights (1 − β) βᵗ⁻ⁱ of the values i = 1 ... t sum to
    1 − βᵗ only. Kingma and Ba (2015), arXiv:1412.6980, section 3.

    Parameters
    ----------
    beta, step : float and array_like
        β from 0 to below 1, and t above 0.

    Raises
    ------
    ValueError
        If an argument is out of range.
    """
    _check("beta", beta)
    _check("step", float(np.min(step)))
    return np.asarray(1 / (1 - beta ** np.asarray(step, float)))


@dataclass(frozen=True)
class Rule(ABC):
    """What all rules share: a learning rate, `init` and `step`.

    Raises
    ------
    ValueError
        Unless momentum, rho and the betas are from 0 to below 1, weight_decay and
        initial_accumulator_value at least 0, the others above 0, and all are finite.
    """

    learning_rate: float = 0.001
    remembers: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not isinstance(value, bool):
                _check(name, value)

    def init(self, theta: ArrayLike) -> State:
        """Return the state before the first step: all that is remembered is 0."""
        return {"t": 0, **{name: np.zeros(np.shape(theta)) for name in self.remembers}}

    def step(self, theta: ArrayLike, gradient: ArrayLike, state: State) -> tuple[Array, State]:
        """Return θ and the state after one step; the arguments stay as they are.

        Parameters
        ----------
        theta, gradient : array_like, of the same shape
        state : dict
            From `init`, or from the step before.

        Raises
        ------
        ValueError
            If the shapes differ.
        """
        theta, g = np.asarray(theta, float), np.asarray(gradient, float)
        if g.shape != theta.shape:
            raise ValueError(f"gradient has shape {g.shape}; it must be {theta.shape}, as theta")
        change, arrays = self._change(g, state["t"] + 1, state)
        return np.asarray(theta + change), {"t": state["t"] + 1, **arrays}

    @abstractmethod
    def _change(self, g: Array, t: int, state: State) -> tuple[Array, State]:
        """Return what step t adds to θ, and the arrays to remember."""


@dataclass(frozen=True)
class SGD(Rule):
    """Gradient descent, with momentum β and Nesterov's form of it on request.

    m ← β m − η g;  θ ← θ + m,  with `nesterov`  θ ← θ + β m − η g.

    Notes
    -----
    Sutskever et al. (2013) take the gradient where the momentum alone would lead:
    m ← β m − η g(θ' + β m), θ' ← θ' + m. Keras's θ is that point, θ = θ' + β m.
    PyTorch has η outside, b ← β b + g, θ ← θ − η b: the same until η changes.
    """

    learning_rate: float = 0.01
    momentum: float = 0.0
    nesterov: bool = False
    remembers: ClassVar[tuple[str, ...]] = ("m",)

    def _change(self, g: Array, t: int, state: State) -> tuple[Array, State]:
        m = self.momentum * state["m"] - self.learning_rate * g
        return self.momentum * m - self.learning_rate * g if self.nesterov else m, {"m": m}

    def terminal_velocity(self, gradient: ArrayLike) -> Array:
        """Return η g / (1 − β), what a step comes to subtract in a constant gradient.

        The velocity −m loses the share 1 − β by friction at each step; at this
        velocity that is what the gradient adds. t steps from rest reach 1 − βᵗ of it.
        """
        return np.asarray(self.learning_rate * np.asarray(gradient, float) / (1 - self.momentum))


@dataclass(frozen=True)
class Adagrad(Rule):
    """Divide by the root of the sum of all squared gradients so far.

    v ← v + g²;  θ ← θ − η g / √(v₀ + v + ε),  v₀ being `initial_accumulator_value`.

    Notes
    -----
    Duchi, Hazan and Singer (2011), JMLR 12, figure 1, have η g / (ε + √v), with
    v₀ = 0, as PyTorch has.
    """

    initial_accumulator_value: float = 0.1
    epsilon: float = 1e-7
    remembers: ClassVar[tuple[str, ...]] = ("v",)

    def _change(self, g: Array, t: int, state: State) -> tuple[Array, State]:
        v = state["v"] + g**2
        root = np.sqrt(self.initial_accumulator_value + v + self.epsilon)
        return -self.learning_rate * g / root, {"v": v}


@dataclass(frozen=True)
class RMSprop(Rule):
    """Divide by the root of a moving average of the squared gradients.

    v ← ρ v + (1 − ρ) g²;  m ← β m + η g / √(v + ε);  θ ← θ − m,  β being `momentum`.
    If `centered`, a ← ρ a + (1 − ρ) g, and v − a² stands under the root for v.

    Notes
    -----
    Tieleman and Hinton (2012), lecture 6e. PyTorch adds ε to the root, √v + ε.
    Here √(v + ε) is at least 3e-4, so that small gradients make small steps.
    v − a², a variance, is kept from falling below 0 by rounding; Keras's may: NaN.
    """

    rho: float = 0.9
    momentum: float = 0.0
    epsilon: float = 1e-7
    centered: bool = False
    remembers: ClassVar[tuple[str, ...]] = ("m", "v", "a")

    def _change(self, g: Array, t: int, state: State) -> tuple[Array, State]:
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

    Notes
    -----
    Kingma and Ba (2015), arXiv:1412.6980, end of section 2. Their algorithm 1, and
    PyTorch, add ε to √v / √(1 − β₂ᵗ): our ε is then theirs times √(1 − β₂ᵗ).
    """

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7
    remembers: ClassVar[tuple[str, ...]] = ("m", "v")

    def _moments(self, g: Array, state: State) -> State:
        m = self.beta_1 * state["m"] + (1 - self.beta_1) * g
        return {"m": m, "v": self.beta_2 * state["v"] + (1 - self.beta_2) * g**2}

    def _change(self, g: Array, t: int, state: State) -> tuple[Array, State]:
        new = self._moments(g, state)
        correction = bias_correction(self.beta_1, t) / np.sqrt(bias_correction(self.beta_2, t))
        alpha = self.learning_rate * correction
        return -alpha * new["m"] / (np.sqrt(new["v"]) + self.epsilon), new


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with decoupled weight decay λ: θ ← θ − η λ θ, then Adam's step.

    Notes
    -----
    Loshchilov and Hutter (2019), arXiv:1711.05101, algorithm 2: their λ is our η λ.
    """

    weight_decay: float = 0.004

    def step(self, theta: ArrayLike, gradient: ArrayLike, state: State) -> tuple[Array, State]:
        """Return θ and the state after one step; see `Rule.step`."""
        decayed = np.asarray(theta, float) * (1 - self.learning_rate * self.weight_decay)
        return super().step(decayed, gradient, state)


@dataclass(frozen=True)
class Adamax(Adam):
    """Adam with u, the largest of the fading gradients, in place of the root.

    m as in Adam;  u ← max(β₂ u, abs(g));  θ ← θ − η / (1 − β₁ᵗ) · m / (u + ε).

    Notes
    -----
    Kingma and Ba (2015), algorithm 2, without ε. PyTorch: u ← max(β₂ u, abs(g) + ε).
    """

    remembers: ClassVar[tuple[str, ...]] = ("m", "u")

    def _change(self, g: Array, t: int, state: State) -> tuple[Array, State]:
        m = self.beta_1 * state["m"] + (1 - self.beta_1) * g
        u = np.maximum(self.beta_2 * state["u"], np.abs(g))
        alpha = self.learning_rate * bias_correction(self.beta_1, t)
        return -alpha * m / (u + self.epsilon), {"m": m, "u": u}


@dataclass(frozen=True)
class Nadam(Adam):
    """Adam with Nesterov's momentum, which grows from β₁ / 2 to β₁.

    m and v as in Adam;  μ_t = β₁ (1 − ½ · 0.96^(t d)),  P_t = μ₁ μ₂ ⋯ μ_t;
    m̂ = μ_(t+1) m / (1 − P_(t+1)) + (1 − μ_t) g / (1 − P_t);
    θ ← θ − η m̂ / (√(v / (1 − β₂ᵗ)) + ε).

    Notes
    -----
    Dozat (2016) takes m with μ_t for β₁, and d = 0.004; PyTorch only the latter.
    Keras has no `momentum_decay`: d = 1. A large d, μ_t = β₁, makes Optax's Nadam.
    """

    momentum_decay: float = 1.0

    def _mu(self, t: int) -> float:
        return float(self.beta_1 * (1 - 0.5 * 0.96 ** (t * self.momentum_decay)))

    def _change(self, g: Array, t: int, state: State) -> tuple[Array, State]:
        new, mu, mu_next = self._moments(g, state), self._mu(t), self._mu(t + 1)
        P = state.get("P", 1.0) * mu
        m_hat = mu_next * new["m"] / (1 - P * mu_next) + (1 - mu) * g / (1 - P)
        v_hat = new["v"] * bias_correction(self.beta_2, t)
        return -self.learning_rate * m_hat / (np.sqrt(v_hat) + self.epsilon), {**new, "P": P}


RULES = {rule.__name__: rule for rule in (SGD, Adagrad, RMSprop, Adam, AdamW, Adamax, Nadam)}
