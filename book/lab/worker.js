// The Lab's worker: trains without stopping the page. One training at a time.
//
// From the page                                  to the page
//   {type: "init", settings, data, useWasm}      {type: "ready", problems, kernel, images,
//   {type: "reset", settings}  (same data)          stepsPerEpoch, totalSteps, parameters}
//   {type: "run"}                                {type: "layers", step, epoch, loss, learningRate,
//   {type: "step", steps}  then it waits            momentum, layers}  at most ten a second
//   {type: "pause"}                              {type: "paused", step}
//   {type: "setLearningRate", value}             {type: "epoch", step, log}
//   {type: "weights"}                            {type: "weights", weights}
//   {type: "weights", weights}  (take these)     {type: "weights", weights}
//   {type: "misclassified", count}               {type: "misclassified", items}
//                                                {type: "done", step, reason, history,
//                                                   misclassified}
//                                                {type: "failed", message}
//
// `loss` is that of the step's batch, `log` and `layers` are those of trainer.js. While it trains
// it looks for messages every 20 milliseconds, between two batches.

import { createTrainer } from "./trainer.js";
import { normalize } from "./settings.js";

const SLICE = 20;
const BETWEEN_LAYERS = 100;

let trainer = null;
let data = null;
let useWasm = true;
let running = false;
let scheduled = false;
let lastLayers = -Infinity;

const send = (type, content = {}) => self.postMessage({ type, ...content });

// A message to ourselves: behind those that wait, and sooner than a timer.
const next = new MessageChannel();
next.port1.onmessage = () => {
  scheduled = false;
  if (running) attempt(slice);
};
function continueSoon() {
  if (scheduled) return;
  scheduled = true;
  next.port2.postMessage(null);
}

function start(given) {
  const { settings, problems } = normalize(given);
  running = false;
  lastLayers = -Infinity;
  trainer = createTrainer(settings, data, { useWasm });
  const parameters = trainer.network.parameters.reduce((sum, { value }) => sum + value.length, 0);
  const { kernel, stepsPerEpoch, totalSteps } = trainer;
  const images = trainer.images.nTrain; // fewer than the setting if the data have fewer
  send("ready", { problems, kernel, images, stepsPerEpoch, totalSteps, parameters });
}

function sendLayers() {
  lastLayers = performance.now();
  const { step, batchLoss, learningRate, momentum, epoch } = trainer;
  const layers = trainer.layerStats();
  send("layers", { step, epoch, loss: batchLoss, learningRate, momentum, layers });
}

function train(steps, until = Infinity) {
  for (let i = 0; i < steps && !trainer.done; i++) {
    const epochs = trainer.history.length;
    const due =
      i === steps - 1 || (steps === Infinity && performance.now() - lastLayers >= BETWEEN_LAYERS);
    const last = trainer.atLastBatch;
    trainer.steps(1, due || last);
    if (due || last) sendLayers();
    if (trainer.history.length > epochs) {
      send("epoch", { step: trainer.step, log: trainer.epochLog() });
    }
    if (performance.now() >= until) break;
  }
  if (!trainer.done) return;
  running = false;
  const { step, reason, history } = trainer;
  send("done", { step, reason, history, misclassified: trainer.misclassified() });
}

function slice() {
  train(Infinity, performance.now() + SLICE);
  if (running) continueSoon();
}

const answers = {
  init(message) {
    data = message.data;
    useWasm = message.useWasm ?? true;
    start(message.settings);
  },
  reset: (message) => start(message.settings ?? trainer.settings),
  run() {
    running = !trainer.done;
    if (running) continueSoon();
  },
  step(message) {
    running = false;
    if (!trainer.done) train(message.steps ?? 1);
  },
  pause() {
    running = false;
    send("paused", { step: trainer.step });
  },
  setLearningRate: (message) => trainer.setLearningRate(message.value),
  weights(message) {
    if (message.weights) trainer.importWeights(message.weights);
    send("weights", { weights: trainer.exportWeights() });
  },
  misclassified(message) {
    send("misclassified", { items: trainer.misclassified(message.count) });
  },
};

function attempt(work) {
  try {
    work();
  } catch (error) {
    running = false;
    send("failed", { message: error.message });
  }
}

export function serve() {
  self.onmessage = ({ data: message }) => {
    attempt(() => {
      const answer = Object.hasOwn(answers, message.type) ? answers[message.type] : null;
      if (!answer) throw new Error(`The worker knows no message "${message.type}".`);
      if (!trainer && message.type !== "init") throw new Error("The worker was not initialized.");
      answer(message);
    });
  };
}
