// Optimizers: from gradients to new weights, as keras.optimizers with their defaults.
//
// For each variable w with gradient g, learning rate η, step t = 1, 2, ...; ε = 1e-7. All slots
// begin at 0, but AdaGrad's at 0.1. Slots are kept in float32, as everything that lasts.

const EPSILON = 1e-7;
const BETA_1 = 0.9;
const BETA_2 = 0.999;

const power = (base, t) => {
  let result = 1;
  for (let i = 0; i < t; i++) result *= base;
  return Math.fround(result);
};

const rules = {
  // w ← w - η g
  sgd: {
    update: (w, g, slots, { rate, kernel }) => kernel.sgd(w, g, rate),
  },
  // v ← μ v - η g,  w ← w + v
  momentum: {
    slots: [0],
    update: (w, g, [v], { rate, momentum, kernel }) => kernel.momentum(w, g, v, rate, momentum),
  },
  // v ← μ v - η g,  w ← w + μ v - η g
  nesterov: {
    slots: [0],
    update: (w, g, [v], { rate, momentum, kernel }) => kernel.nesterov(w, g, v, rate, momentum),
  },
  // s ← s + g²,  w ← w - η g / √(s + ε)
  adagrad: {
    slots: [0.1],
    update(w, g, [s], { rate }) {
      for (let i = 0; i < w.length; i++) {
        s[i] += g[i] * g[i];
        w[i] -= (rate * g[i]) / Math.sqrt(s[i] + EPSILON);
      }
    },
  },
  // s ← 0.9 s + 0.1 g²,  w ← w - η g / √(s + ε)
  rmsprop: {
    slots: [0],
    update(w, g, [s], { rate }) {
      for (let i = 0; i < w.length; i++) {
        s[i] = 0.9 * s[i] + 0.1 * g[i] * g[i];
        w[i] -= (rate * g[i]) / Math.sqrt(s[i] + EPSILON);
      }
    },
  },
  // m ← m + (1 - β₁)(g - m),  v ← v + (1 - β₂)(g² - v),
  // w ← w - η √(1 - β₂ᵗ) / (1 - β₁ᵗ) · m / (√v + ε)
  adam: {
    slots: [0, 0],
    update(w, g, [m, v], { rate, t, kernel }) {
      const b1 = power(Math.fround(BETA_1), t);
      const b2 = power(Math.fround(BETA_2), t);
      const alpha = (rate * Math.sqrt(1 - b2)) / (1 - b1);
      kernel.adam(w, g, m, v, alpha, 1 - BETA_1, 1 - BETA_2, EPSILON);
    },
  },
  // m and v as Adam; u_t = β₁ (1 - 0.96ᵗ / 2), U_t = u_1 u_2 ... u_t;
  // m̂ = u_(t+1) m / (1 - U_(t+1)) + (1 - u_t) g / (1 - U_t),  v̂ = v / (1 - β₂ᵗ),
  // w ← w - η m̂ / (√v̂ + ε)
  nadam: {
    slots: [0, 0],
    update(w, g, [m, v], { rate, t }) {
      const u = (step) => BETA_1 * (1 - 0.5 * power(0.96, step));
      let product = 1;
      for (let step = 1; step <= t; step++) product *= u(step);
      const old = u(t + 1) / (1 - product * u(t + 1));
      const fresh = (1 - u(t)) / (1 - product);
      const correction = 1 - power(Math.fround(BETA_2), t);
      for (let i = 0; i < w.length; i++) {
        m[i] += (1 - BETA_1) * (g[i] - m[i]);
        v[i] += (1 - BETA_2) * (g[i] * g[i] - v[i]);
        const mHat = old * m[i] + fresh * g[i];
        w[i] -= (rate * mHat) / (Math.sqrt(v[i] / correction) + EPSILON);
      }
    },
  },
};
// AdamW: Adam, after w ← w - η λ w (below).
rules.adamw = rules.adam;

export class Optimizer {
  // `parameters`: array of {shape, value, gradient}.
  constructor(name, parameters, weightDecay) {
    this.rule = rules[name];
    this.parameters = parameters;
    this.weightDecay = name === "adamw" ? weightDecay : 0;
    this.t = 0;
  }

  allocate(kernel) {
    this.kernel = kernel;
    this.slots = this.parameters.map(({ shape }) =>
      (this.rule.slots ?? []).map((initial) => {
        const slot = kernel.alloc(shape.reduce((a, b) => a * b));
        return slot.fill(initial);
      }),
    );
  }

  step(rate, momentum) {
    this.t += 1;
    const now = { rate, momentum, t: this.t, kernel: this.kernel };
    const keep = 1 - rate * this.weightDecay;
    this.parameters.forEach(({ value, gradient }, index) => {
      if (keep !== 1) for (let i = 0; i < value.length; i++) value[i] *= keep;
      this.rule.update(value, gradient, this.slots[index], now);
    });
  }
}
