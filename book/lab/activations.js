// Activation functions f(z) and their slopes f'(z), as in keras.activations.
//
// Each is a function (z) -> value that leaves the slope in `slope.now`: both share their
// exponentials. A slope at a corner is TensorFlow's: that of the left side.

import { exp, expm1, logistic, normalDistribution, tanh } from "./elementary.js";
import { TINY } from "./kernel.js";

const slope = { now: 0 };

const SELU_ALPHA = 1.6732632423543772;
const SELU_SCALE = 1.0507009873554805;
const NORMAL_DENSITY = 0.3989422804014327; // 1/√(2π)

function given(value, derivative) {
  slope.now = derivative;
  return value;
}

export const activations = {
  // σ(z) = 1 / (1 + e^-z),  σ' = σ (1 - σ)
  sigmoid: (z) => {
    const s = logistic(z);
    return given(s, s * (1 - s));
  },
  // tanh' = 1 - tanh²
  tanh: (z) => {
    const t = tanh(z);
    return given(t, 1 - t * t);
  },
  // max(z, 0) is the kernel's: so cheap that a call for each number would take longer.
  relu: null,
  // z for z > 0, else 0.2 z
  leaky_relu: (z) => (z > 0 ? given(z, 1) : given(0.2 * z, 0.2)),
  // z for z > 0, else e^z - 1
  elu: (z) => {
    if (z > 0) return given(z, 1);
    const e = expm1(z);
    return given(e, e + 1);
  },
  // λ z for z > 0, else λ α (e^z - 1)
  selu: (z) => {
    if (z > 0) return given(SELU_SCALE * z, SELU_SCALE);
    const e = expm1(z);
    return given(SELU_SCALE * SELU_ALPHA * e, SELU_SCALE * SELU_ALPHA * (e + 1));
  },
  // z Φ(z) with the normal distribution Φ and its density φ;  slope Φ + z φ
  gelu: (z) => {
    const density = NORMAL_DENSITY * exp(-0.5 * z * z);
    const below = normalDistribution(z, density);
    return given(z * below, below + z * density);
  },
  // z σ(z);  slope σ + z σ (1 - σ)
  silu: (z) => {
    const s = logistic(z);
    return given(z * s, s + z * s * (1 - s));
  },
};

// The greatest slope of the two functions that saturate on both sides.
export const GREATEST_SLOPE = { sigmoid: 0.25, tanh: 1 };

function each(apply, x, slopes, n) {
  for (let i = 0; i < n; i++) {
    const value = apply(x[i]);
    x[i] = Math.abs(value) < TINY ? 0 : value;
    slopes[i] = slope.now;
  }
}

export class Activation {
  constructor(name, units) {
    this.name = name;
    this.units = units;
    this.parameters = [];
  }

  allocate(kernel, rows) {
    this.kernel = kernel;
    this.slopes = kernel.alloc(rows * this.units);
  }

  // In place: x becomes f(x).
  forward(x, rows) {
    const n = rows * this.units;
    if (this.name === "relu") this.kernel.relu(x, this.slopes, n);
    else each(activations[this.name], x, this.slopes, n);
    return x;
  }

  // In place: ∂L/∂z = ∂L/∂f · f'(z).
  backward(delta, rows) {
    this.kernel.multiply(delta, this.slopes, rows * this.units);
    return delta;
  }
}
