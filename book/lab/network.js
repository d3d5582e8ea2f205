// The network of the settings: hidden layers, each made of small ones, and the output layer.
//
// A hidden layer with a skip returns x + F(x); backward, ∂L/∂x = Δ + (∂F/∂x)ᵀ Δ.

import { Activation } from "./activations.js";
import { Dense } from "./dense.js";
import { Dropout } from "./dropout.js";
import { initialize } from "./initializers.js";
import { BatchNormalization, LayerNormalization } from "./normalization.js";

function hiddenLayer(settings, inputs, masks) {
  const { width, normalization, dropout } = settings;
  const dense = new Dense(inputs, width, { useBias: normalization !== "batch_before" });
  const activation = new Activation(settings.activation, width);
  const layers = [dense, activation];
  const batch = new BatchNormalization(width, settings.bn_momentum);
  if (normalization === "batch_before") layers.splice(1, 0, batch);
  if (normalization === "batch_after") layers.push(batch);
  if (normalization === "layer") layers.splice(1, 0, new LayerNormalization(width));
  if (dropout > 0) layers.push(new Dropout(width, dropout, settings.alpha_dropout, masks));
  return { layers, dense, activation, units: width };
}

export class Network {
  // `masks(i)` returns the source of dropout masks of hidden layer i.
  constructor(settings, inputs, classes, masks) {
    this.settings = settings;
    this.inputs = inputs;
    this.classes = classes;
    this.blocks = [];
    for (let i = 0; i < settings.depth; i++) {
      const block = hiddenLayer(settings, i === 0 ? inputs : settings.width, masks(i));
      block.skip = settings.skip && i > 0;
      this.blocks.push(block);
    }
    const output = new Dense(settings.width, classes);
    this.blocks.push({ layers: [output], dense: output, activation: null, units: classes });
    this.layers = this.blocks.flatMap((block) => block.layers);
    this.parameters = this.layers.flatMap((layer) => layer.parameters);
    this.kernels = this.parameters.filter((parameter) => parameter.isKernel);
    // As in model.get_weights(): of each layer what is trained, then what is not.
    this.weights = this.layers.flatMap(({ parameters, statistics = [] }) => [
      ...parameters,
      ...statistics,
    ]);
  }

  // Make room for batches of `rows` instances.
  allocate(kernel, rows) {
    const widest = Math.max(this.settings.width, this.classes);
    this.input = kernel.alloc(rows * this.inputs);
    this.deltas = [kernel.alloc(rows * widest), kernel.alloc(rows * widest)];
    this.transposed = kernel.alloc(this.settings.width * widest);
    this.kept = this.settings.skip ? new Float32Array(rows * widest) : null;
    for (const layer of this.layers) layer.allocate(kernel, rows);
  }

  initialize(random) {
    const { initializer, sigma } = this.settings;
    for (const { dense, activation } of this.blocks) {
      const name = activation ? initializer : "glorot_uniform";
      initialize(dense.parameters[0].value, dense.inputs, dense.units, name, sigma, random);
    }
  }

  // From `input` to the logits.
  forward(rows, training) {
    let x = this.input;
    for (const block of this.blocks) {
      let y = x;
      for (const layer of block.layers) y = layer.forward(y, rows, training);
      if (block.skip) {
        const n = rows * block.units;
        for (let i = 0; i < n; i++) y[i] += x[i];
      }
      block.output = y;
      x = y;
    }
    return x;
  }

  // From ∂L/∂logits in deltas[0] to the gradients of all parameters.
  backward(rows) {
    let [delta, other] = this.deltas;
    for (let b = this.blocks.length - 1; b >= 0; b--) {
      const { layers, skip, units } = this.blocks[b];
      const n = rows * units;
      if (skip) for (let i = 0; i < n; i++) this.kept[i] = delta[i];
      for (let l = layers.length - 1; l > 0; l--) layers[l].backward(delta, rows);
      layers[0].backward(delta, rows, b === 0 ? null : other, this.transposed);
      [delta, other] = [other, delta];
      if (skip) for (let i = 0; i < n; i++) delta[i] += this.kept[i];
    }
  }
}
