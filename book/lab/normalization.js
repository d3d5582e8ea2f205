// keras.layers.BatchNormalization and keras.layers.LayerNormalization.
//
//   x̂ = (x - μ) / √(σ² + ε),   y = γ x̂ + β,   ε = 0.001
//
// μ and σ² (divided by n, not n - 1) are those of a unit over the batch, or of an instance over the
// units. With Δ = ∂L/∂y and G = γ Δ, and means over the same batch or units:
//
//   ∂L/∂x = (G - mean(G) - x̂ mean(G x̂)) / √(σ² + ε),   ∂L/∂γ = Σ Δ x̂,   ∂L/∂β = Σ Δ

const EPSILON = 1e-3;

const square = (x) => x * x;

function scaleAndShift(units) {
  return [
    { name: "gamma", shape: [units], initial: 1 },
    { name: "beta", shape: [units], initial: 0 },
  ];
}

function allocateParameters(kernel, parameters) {
  for (const parameter of parameters) {
    parameter.value = kernel.alloc(parameter.shape[0]).fill(parameter.initial);
    parameter.gradient = kernel.alloc(parameter.shape[0]);
  }
}

function sumGradients(layer, delta, rows) {
  const { units, normalized } = layer;
  const [gamma, beta] = layer.parameters;
  gamma.gradient.fill(0);
  beta.gradient.fill(0);
  for (let i = 0, at = 0; i < rows; i++) {
    for (let j = 0; j < units; j++, at++) {
      gamma.gradient[j] += delta[at] * normalized[at];
      beta.gradient[j] += delta[at];
    }
  }
}

export class BatchNormalization {
  constructor(units, momentum) {
    this.units = units;
    this.momentum = momentum;
    this.parameters = scaleAndShift(units);
    // Moving averages, for validation: new = momentum · old + (1 - momentum) · batch.
    this.statistics = [
      { name: "moving_mean", shape: [units], initial: 0 },
      { name: "moving_variance", shape: [units], initial: 1 },
    ];
  }

  allocate(kernel, rows) {
    allocateParameters(kernel, [...this.parameters, ...this.statistics]);
    this.normalized = new Float32Array(rows * this.units);
    this.inverse = new Float64Array(this.units);
  }

  forward(x, rows, training) {
    const { units, normalized, inverse, momentum } = this;
    const [gamma, beta] = this.parameters.map((parameter) => parameter.value);
    const [movingMean, movingVariance] = this.statistics.map((statistic) => statistic.value);
    for (let j = 0; j < units; j++) {
      let mean = movingMean[j];
      let variance = movingVariance[j];
      if (training) {
        mean = 0;
        for (let i = 0; i < rows; i++) mean += x[i * units + j];
        mean /= rows;
        variance = 0;
        for (let i = 0; i < rows; i++) variance += square(x[i * units + j] - mean);
        variance /= rows;
        movingMean[j] = momentum * movingMean[j] + (1 - momentum) * mean;
        movingVariance[j] = momentum * movingVariance[j] + (1 - momentum) * variance;
      }
      inverse[j] = 1 / Math.sqrt(variance + EPSILON);
      for (let i = 0, at = j; i < rows; i++, at += units) {
        normalized[at] = (x[at] - mean) * inverse[j];
        x[at] = gamma[j] * normalized[at] + beta[j];
      }
    }
    return x;
  }

  backward(delta, rows) {
    const { units, normalized, inverse } = this;
    const [gamma, beta] = this.parameters;
    sumGradients(this, delta, rows);
    for (let j = 0; j < units; j++) {
      const factor = gamma.value[j] * inverse[j];
      const mean = beta.gradient[j] / rows;
      const along = gamma.gradient[j] / rows;
      for (let i = 0, at = j; i < rows; i++, at += units) {
        delta[at] = factor * (delta[at] - mean - normalized[at] * along);
      }
    }
    return delta;
  }
}

export class LayerNormalization {
  constructor(units) {
    this.units = units;
    this.parameters = scaleAndShift(units);
  }

  allocate(kernel, rows) {
    allocateParameters(kernel, this.parameters);
    this.normalized = new Float32Array(rows * this.units);
    this.inverse = new Float64Array(rows);
  }

  forward(x, rows) {
    const { units, normalized, inverse } = this;
    const [gamma, beta] = this.parameters.map((parameter) => parameter.value);
    for (let i = 0; i < rows; i++) {
      const start = i * units;
      let mean = 0;
      for (let j = 0; j < units; j++) mean += x[start + j];
      mean /= units;
      let variance = 0;
      for (let j = 0; j < units; j++) variance += square(x[start + j] - mean);
      variance /= units;
      inverse[i] = 1 / Math.sqrt(variance + EPSILON);
      for (let j = 0; j < units; j++) {
        normalized[start + j] = (x[start + j] - mean) * inverse[i];
        x[start + j] = gamma[j] * normalized[start + j] + beta[j];
      }
    }
    return x;
  }

  backward(delta, rows) {
    const { units, normalized, inverse } = this;
    const gamma = this.parameters[0].value;
    sumGradients(this, delta, rows);
    for (let i = 0; i < rows; i++) {
      const start = i * units;
      let mean = 0;
      let along = 0;
      for (let j = 0; j < units; j++) {
        const g = gamma[j] * delta[start + j];
        mean += g;
        along += g * normalized[start + j];
      }
      mean /= units;
      along /= units;
      for (let j = 0; j < units; j++) {
        const g = gamma[j] * delta[start + j];
        delta[start + j] = (g - mean - normalized[start + j] * along) * inverse[i];
      }
    }
    return delta;
  }
}
