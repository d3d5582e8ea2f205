// One training: a worker of its own, and all that it has reported.
//
// The page asks with start, pause, steps, epoch, reset and setLearningRate, and gives `changed`,
// which is called after each report. The worker is made at the first wish.

import { WORKER_SOURCE } from "../worker_source.js";

const CHUNK = 20; // steps between two looks at what the reader wants

let workerAddress = null;
function newWorker() {
  // From a text, since a page on a disk can't start a worker from a file.
  workerAddress ??= URL.createObjectURL(new Blob([WORKER_SOURCE], { type: "text/javascript" }));
  return new Worker(workerAddress);
}

export class Run {
  constructor(settings, data, changed) {
    this.settings = settings; // with the learning rate of now
    this.data = data;
    this.changed = changed;
    this.worker = null;
    this.clear();
  }

  clear() {
    this.initial = this.settings; // as the training began
    this.state = "new"; // new, running, stepping, paused, done, failed, loaded
    this.history = [];
    this.layers = null;
    this.firstLayers = null;
    this.step = 0;
    this.goal = 0; // steps asked for
    this.stepsPerEpoch = null;
    this.totalSteps = null;
    this.parameters = null;
    this.learningRate = this.settings.learning_rate;
    this.batchLoss = null;
    this.reason = null;
    this.message = null;
    this.misclassified = [];
    this.rateChanges = [];
  }

  get busy() {
    return this.state === "running" || this.state === "stepping";
  }

  get over() {
    return ["done", "failed", "loaded"].includes(this.state);
  }

  post(message) {
    if (!this.worker) {
      this.worker = newWorker();
      this.worker.onmessage = ({ data }) => this.take(data);
      this.worker.onerror = (event) => {
        event.preventDefault();
        this.take({ type: "failed", message: event.message || "The worker stopped." });
      };
      const { images, labels, nTrain, nValid } = this.data;
      const data = { images, labels, nTrain, nValid };
      this.worker.postMessage({ type: "init", settings: this.settings, data });
    }
    this.worker.postMessage(message);
  }

  start() {
    if (this.over || this.state === "running") return;
    this.state = "running";
    this.post({ type: "run" });
  }

  pause() {
    if (!this.busy) return;
    this.state = "paused";
    this.post({ type: "pause" });
  }

  // Train so many steps; with Infinity to the end of the epoch. Long wishes are sent in parts.
  train(steps) {
    if (this.over || this.busy) return;
    this.state = "stepping";
    const perEpoch = Math.ceil(
      Math.min(this.settings.images, this.data.nTrain) / this.settings.batch_size,
    );
    this.goal = steps === Infinity ? this.step + perEpoch - (this.step % perEpoch) : this.step + steps;
    this.sendPart();
  }

  sendPart() {
    this.post({ type: "step", steps: Math.min(CHUNK, this.goal - this.step) });
  }

  setLearningRate(rate) {
    this.settings = { ...this.settings, learning_rate: rate };
    if (this.over) return;
    if (this.step > 0) {
      const earlier = this.rateChanges.filter(({ step }) => step !== this.step);
      this.rateChanges = [...earlier, { step: this.step, rate }];
    } else {
      this.initial = this.settings;
      this.learningRate = rate;
    }
    if (this.worker) this.worker.postMessage({ type: "setLearningRate", value: rate });
  }

  // Forget the training; a new one has the settings.
  reset(settings) {
    this.stop();
    this.settings = settings;
    this.clear();
  }

  stop() {
    this.worker?.terminate();
    this.worker = null;
  }

  take(message) {
    if (message.type === "ready") {
      this.stepsPerEpoch = message.stepsPerEpoch;
      this.totalSteps = message.totalSteps;
      this.parameters = message.parameters;
    } else if (message.type === "layers") {
      this.step = message.step;
      this.layers = message.layers;
      this.firstLayers ??= message.layers;
      this.learningRate = message.learningRate;
      this.batchLoss = message.loss;
      if (this.state === "stepping") {
        if (this.step < this.goal) this.sendPart();
        else this.state = "paused";
      }
    } else if (message.type === "epoch") {
      this.step = message.step;
      this.history = [...this.history, message.log];
    } else if (message.type === "done") {
      this.state = "done";
      this.step = message.step;
      this.reason = message.reason;
      this.misclassified = message.misclassified;
    } else if (message.type === "failed") {
      this.state = "failed";
      this.message = message.message;
      this.stop();
    }
    this.changed(this, message.type);
  }
}
