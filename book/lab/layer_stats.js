// What one step shows of each layer.
//
//   gradientNorm    ‖∂L/∂W‖ of the kernel, penalties included, before clipping
//   activationMean, activationSd   of what the layer hands on, over the batch and its units
//   share           "saturated": outputs with a slope below 1% of the greatest one (sigmoid, tanh),
//                   or below 0.01 (elu, selu, gelu, silu); "dead": ReLU units with slope 0 for the
//                   whole batch; null for leaky ReLU and the output layer
//   updateRatio     ‖change of W‖ / ‖W‖ in this step; null if W is 0

import { GREATEST_SLOPE } from "./activations.js";

export function norm(values) {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] * values[i];
  return Math.sqrt(sum);
}

function meanAndDeviation(values, n) {
  let mean = 0;
  for (let i = 0; i < n; i++) mean += values[i];
  mean /= n;
  let square = 0;
  for (let i = 0; i < n; i++) square += (values[i] - mean) * (values[i] - mean);
  return [mean, Math.sqrt(square / n)];
}

function saturatedOrDead(activation, rows) {
  const { name, slopes, units } = activation;
  if (name === "leaky_relu") return [null, null];
  if (name === "relu") {
    let dead = 0;
    for (let j = 0; j < units; j++) {
      let alive = false;
      for (let i = 0; i < rows && !alive; i++) alive = slopes[i * units + j] !== 0;
      if (!alive) dead += 1;
    }
    return ["dead", dead / units];
  }
  const bound = 0.01 * (GREATEST_SLOPE[name] ?? 1);
  let saturated = 0;
  for (let i = 0; i < rows * units; i++) if (Math.abs(slopes[i]) < bound) saturated += 1;
  return ["saturated", saturated / (rows * units)];
}

// Call `before` between the backward pass and the step, `after` behind the step.
export class LayerStats {
  before(network, rows) {
    this.layers = network.blocks.map((block, index) => {
      const [mean, deviation] = meanAndDeviation(block.output, rows * block.units);
      const [shareKind, share] = block.activation
        ? saturatedOrDead(block.activation, rows)
        : [null, null];
      return {
        name: block.activation ? `hidden ${index + 1}` : "output",
        gradientNorm: norm(block.dense.parameters[0].gradient),
        activationMean: mean,
        activationSd: deviation,
        shareKind,
        share,
        updateRatio: null,
      };
    });
    this.kept = network.blocks.map((block) => block.dense.parameters[0].value.slice());
  }

  after(network) {
    network.blocks.forEach((block, index) => {
      const now = block.dense.parameters[0].value;
      const old = this.kept[index];
      const size = norm(old);
      for (let i = 0; i < old.length; i++) old[i] = now[i] - old[i];
      this.layers[index].updateRatio = size > 0 || size !== size ? norm(old) / size : null;
    });
    this.kept = null;
  }
}
