// What a training does, in a sentence.

import { grouped, percent, short } from "./numbers.js";

const finite = (value) => typeof value === "number" && Number.isFinite(value);

function ended({ history, reason }) {
  const last = history.at(-1);
  const result = last
    ? `accuracy ${percent(last.accuracy)} in training, ${percent(last.val_accuracy)} on validation`
    : "no epoch was finished";
  if (reason === "not finite") {
    return (
      `exploded. In epoch ${last?.epoch ?? 1} the loss was ${short(last?.loss ?? NaN)}, ` +
      "and nothing can be learned from that."
    );
  }
  if (reason === "stopped early") return `stopped early after epoch ${last.epoch}: ${result}.`;
  return `finished after epoch ${last?.epoch ?? 0}: ${result}.`;
}

export function statusOf(run, name) {
  const { state, settings, step, history, batchLoss, learningRate, totalSteps, stepsPerEpoch } = run;
  if (state === "failed") return `${name} failed: ${run.message}`;
  if (state === "done") return `${name} ${ended(run)}`;
  if (state === "loaded") return `${name}, from a file, ${ended(run)}`;
  if (step === 0) return `${name}: ${run.busy ? "starting" : "ready to start"}.`;
  const epoch = Math.min(Math.floor(step / stepsPerEpoch) + 1, settings.epochs);
  const loss = finite(batchLoss) ? short(batchLoss) : `${short(batchLoss)} (it exploded)`;
  const last = history.at(-1);
  return (
    `${name}: epoch ${epoch} of ${settings.epochs}, step ${grouped(step)} of ${grouped(totalSteps)}, ` +
    `loss of this batch ${loss}, learning rate ${short(learningRate)}` +
    (last ? `, validation accuracy ${percent(last.val_accuracy)}.` : ".")
  );
}

// The line that a screen reader hears after an epoch.
export function epochLine({ history }, name) {
  const log = history.at(-1);
  return (
    `${name}, epoch ${log.epoch}: loss ${short(log.loss)}, accuracy ${percent(log.accuracy)}, ` +
    `validation ${percent(log.val_accuracy)}.`
  );
}
