// keras.layers.Dense without an activation: Y = X W + b.
//
//   ∂L/∂W = Xᵀ Δ,   ∂L/∂b = Σ over the batch of Δ,   ∂L/∂X = Δ Wᵀ,   with Δ = ∂L/∂Y

export class Dense {
  constructor(inputs, units, { useBias = true } = {}) {
    this.inputs = inputs;
    this.units = units;
    const kernel = { name: "kernel", shape: [inputs, units], isKernel: true };
    const bias = { name: "bias", shape: [units] };
    this.parameters = useBias ? [kernel, bias] : [kernel];
  }

  allocate(kernel, rows) {
    this.kernel = kernel;
    for (const parameter of this.parameters) {
      const size = parameter.shape.reduce((a, b) => a * b);
      parameter.value = kernel.alloc(size);
      parameter.gradient = kernel.alloc(size);
    }
    this.output = kernel.alloc(rows * this.units);
  }

  forward(x, rows) {
    const { inputs, units, output } = this;
    const [weights, bias] = this.parameters;
    this.input = x;
    this.kernel.matmul(output, x, weights.value, rows, units, inputs, inputs, 1);
    if (bias) this.kernel.addBias(output, bias.value, rows, units);
    return output;
  }

  // Write ∂L/∂X into `below`, unless that is null (the first layer needs none). `transposed` is
  // room for Wᵀ.
  backward(delta, rows, below, transposed) {
    const { inputs, units } = this;
    const [weights, bias] = this.parameters;
    this.kernel.matmul(weights.gradient, this.input, delta, inputs, units, rows, 1, inputs);
    if (bias) {
      const g = bias.gradient.fill(0);
      for (let i = 0, at = 0; i < rows; i++) {
        for (let j = 0; j < units; j++, at++) g[j] += delta[at];
      }
    }
    if (below === null) return null;
    this.kernel.transpose(transposed, weights.value, inputs, units);
    this.kernel.matmul(below, delta, transposed, rows, inputs, units, units, 1);
    return below;
  }
}
