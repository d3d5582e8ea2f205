// Train the network of the settings on the images, step by step.
//
//   const trainer = createTrainer(settings, data, {useWasm});
//   trainer.steps(100);                the next 100 steps; fewer if the training ends
//   trainer.epochLog();                the last complete epoch, or null
//
// Steps, epochs and layers count from 1 in what is shown, steps from 0 in the schedules.

import { Images } from "./batches.js";
import { clipGradients } from "./clipping.js";
import { softmaxCrossEntropy } from "./cross_entropy.js";
import { randomMasks } from "./dropout.js";
import { EarlyStopping } from "./early_stopping.js";
import { withKernel } from "./kernel.js";
import { LayerStats } from "./layer_stats.js";
import { Network } from "./network.js";
import { Optimizer } from "./optimizers.js";
import { addPenaltyGradients, limitNorms, penalty } from "./penalties.js";
import { Random, STREAMS } from "./random.js";
import { momentumAt, rateFactor } from "./schedules.js";
import { normalize } from "./settings.js";

const clock = () => (typeof performance === "object" ? performance.now() : Date.now());

export class Trainer {
  // options, for tests: order(epoch) -> numbers of the training images in their order;
  // masks(hidden layer) -> source of dropout masks. See random.js and dropout.js for the usual.
  constructor(settings, data, { useWasm = true, order = null, masks = null } = {}) {
    this.settings = normalize(settings).settings;
    this.images = new Images(data, this.settings.images);
    const { seed, dropout, batch_size, optimizer, weight_decay, patience } = this.settings;
    const dropoutRandom = new Random(seed, STREAMS.dropout);
    const drawn = () => randomMasks(dropout, dropoutRandom);
    const { pixels, classes, nTrain } = this.images;
    this.network = new Network(this.settings, pixels, classes, masks ?? drawn);
    this.rows = Math.max(batch_size, 64); // validation takes at least 64 images at a time
    this.optimizer = new Optimizer(optimizer, this.network.parameters, weight_decay);
    const allocate = (kernel) => {
      this.network.allocate(kernel, this.rows);
      this.optimizer.allocate(kernel);
      return kernel.name;
    };
    this.kernel = withKernel(allocate, useWasm);
    this.network.initialize(new Random(seed, STREAMS.weights));
    this.orderRandom = new Random(seed, STREAMS.order);
    this.order = order ?? (() => this.orderRandom.permutation(nTrain));
    this.earlyStopping = new EarlyStopping(patience);
    this.labels = new Uint8Array(this.rows);
    this.stepsPerEpoch = Math.ceil(nTrain / batch_size);
    this.totalSteps = this.stepsPerEpoch * this.settings.epochs;
    this.step = 0;
    this.epoch = 1;
    this.history = [];
    this.stats = null;
    this.batchLoss = NaN;
    this.done = false;
    this.reason = null; // "finished", "stopped early" or "not finite", once it is done
    this.startEpoch();
  }

  startEpoch() {
    this.position = 0;
    this.lossSum = 0;
    this.right = 0;
    this.milliseconds = 0;
    this.numbers = null;
  }

  // Run `count` steps, and return how many were run. Layers are watched in the last one.
  steps(count, watch = true) {
    let run = 0;
    while (run < count && !this.done) {
      run += 1;
      this.oneStep(watch && (run === count || this.atLastBatch));
    }
    return run;
  }

  get atLastBatch() {
    return this.position + this.settings.batch_size >= this.images.nTrain;
  }

  get learningRate() {
    return this.settings.learning_rate * rateFactor(this.settings, this.step, this.stepsPerEpoch);
  }

  get momentum() {
    return momentumAt(this.settings, this.step, this.stepsPerEpoch);
  }

  // The rate that the schedule starts from or rises to; it acts from the next step on.
  setLearningRate(rate) {
    this.settings.learning_rate = normalize({ learning_rate: rate }).settings.learning_rate;
  }

  oneStep(watch) {
    const began = clock();
    const { network, settings, images } = this;
    const { l1, l2, label_smoothing, clip, clip_at, batch_size, max_norm } = settings;
    this.numbers ??= this.order(this.epoch);
    const batch = this.numbers.subarray(this.position, this.position + batch_size);
    const rows = batch.length;
    images.gather(batch, network.input, this.labels);
    const logits = network.forward(rows, true);
    const { loss, right } = softmaxCrossEntropy(
      logits,
      this.labels,
      rows,
      images.classes,
      label_smoothing,
      network.deltas[0],
    );
    this.batchLoss = loss / rows + penalty(network.kernels, l1, l2);
    network.backward(rows);
    addPenaltyGradients(network.kernels, l1, l2);
    const stats = watch ? new LayerStats() : null;
    if (watch) stats.before(network, rows);
    clipGradients(network.parameters.map((parameter) => parameter.gradient), clip, clip_at);
    this.optimizer.step(this.learningRate, this.momentum);
    limitNorms(network.kernels, max_norm);
    if (watch) {
      stats.after(network);
      this.stats = stats.layers;
    }
    this.lossSum += this.batchLoss * rows;
    this.right += right;
    this.position += rows;
    this.step += 1;
    this.milliseconds += clock() - began;
    if (this.position >= images.nTrain) this.endEpoch();
  }

  endEpoch() {
    const { nTrain } = this.images;
    const valid = this.evaluate();
    const log = {
      epoch: this.epoch,
      loss: this.lossSum / nTrain,
      accuracy: this.right / nTrain,
      val_loss: valid.loss,
      val_accuracy: valid.accuracy,
      seconds: (this.milliseconds + valid.milliseconds) / 1000,
    };
    this.history.push(log);
    const stop = this.earlyStopping.stopAfter(this.epoch, log.val_loss, () => this.copyWeights());
    if (!Number.isFinite(log.loss)) this.finish("not finite");
    else if (stop) this.finish("stopped early");
    else if (this.epoch === this.settings.epochs) this.finish("finished");
    if (this.done) return;
    this.epoch += 1;
    this.startEpoch();
  }

  finish(reason) {
    this.done = true;
    this.reason = reason;
    if (this.earlyStopping.bestWeights) this.importWeights(this.earlyStopping.bestWeights);
  }

  // Loss and accuracy on the validation images. `each(number, probabilities)` sees every image.
  evaluate(each = null) {
    const began = clock();
    const { network, settings, images, labels } = this;
    const { nValid, validFrom, classes } = images;
    let lossSum = 0;
    let rightSum = 0;
    for (let from = 0; from < nValid; from += this.rows) {
      const rows = Math.min(this.rows, nValid - from);
      const numbers = Uint32Array.from({ length: rows }, (_, i) => validFrom + from + i);
      images.gather(numbers, network.input, labels);
      const logits = network.forward(rows, false);
      const { loss, right } = softmaxCrossEntropy(
        logits,
        labels,
        rows,
        classes,
        settings.label_smoothing,
      );
      lossSum += loss;
      rightSum += right;
      for (let i = 0; each && i < rows; i++) {
        each(from + i, logits.subarray(i * classes, (i + 1) * classes));
      }
    }
    return {
      loss: lossSum / nValid + penalty(network.kernels, settings.l1, settings.l2),
      accuracy: rightSum / nValid,
      milliseconds: clock() - began,
    };
  }

  // The log of the last complete epoch: {epoch, loss, accuracy, val_loss, val_accuracy, seconds}.
  // Training loss and accuracy are running means over the epoch, as `fit` prints them.
  epochLog() {
    return this.history.at(-1) ?? null;
  }

  // See layer_stats.js; null before the first watched step.
  layerStats() {
    return this.stats;
  }

  copyWeights() {
    return this.network.weights.map(({ value }) => value.slice());
  }

  // In the order of model.get_weights(): array of {name, shape, values}.
  exportWeights() {
    return this.network.weights.map(({ name, shape, value }) => ({
      name,
      shape: [...shape],
      values: value.slice(),
    }));
  }

  // Take what exportWeights returned, or arrays of numbers in the same order.
  importWeights(weights) {
    const { weights: own } = this.network;
    // Arrays have a method `values`, too: only an exported weight has a `shape`.
    const values = Array.from(weights, (given) => (given.shape ? given.values : given));
    const fits = own.every(({ value }, i) => values[i]?.length === value.length);
    if (!fits || values.length !== own.length) {
      throw new Error("These weights are of another network.");
    }
    own.forEach(({ value }, i) => value.set(values[i]));
  }

  // Up to `count` validation images with a wrong answer, the surest first:
  // {index (among the validation images), label, predicted, probability}.
  misclassified(count = 12) {
    const wrong = [];
    this.evaluate((index, probabilities) => {
      let predicted = 0;
      for (let k = 1; k < probabilities.length; k++) {
        if (probabilities[k] > probabilities[predicted]) predicted = k;
      }
      const label = this.images.labels[this.images.validFrom + index];
      if (predicted !== label) {
        wrong.push({ index, label, predicted, probability: probabilities[predicted] });
      }
    });
    return wrong.sort((a, b) => b.probability - a.probability || a.index - b.index).slice(0, count);
  }
}

export function createTrainer(settings, data, options = {}) {
  return new Trainer(settings, data, options);
}
