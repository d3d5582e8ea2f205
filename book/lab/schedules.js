// The learning rate at each step, as keras.optimizers.schedules (settings.js has the calls), and
// the momentum of 1cycle. Steps count from 0; there are `total` of them.

import { cos, power } from "./elementary.js";

// ch11lib.one_cycle: half a cosine wave up from `start` to `peak`, until step rise · total - 1,
// then one down to `end`, until step total - 1.
function oneCycle(step, total, rise, start, peak, end) {
  const top = rise * total - 1;
  const wave = (from, to, share) => to + ((from - to) / 2) * (1 + cos(Math.PI * share));
  if (top > 0 && step <= top) return wave(start, peak, step / top);
  if (step >= total - 1) return end;
  return wave(peak, end, (step - top) / (total - 1 - top));
}

// Return the learning rate as a share of settings.learning_rate.
export function rateFactor(settings, step, stepsPerEpoch) {
  const total = settings.epochs * stepsPerEpoch;
  switch (settings.schedule) {
    case "exponential":
      return power(settings.decay_rate, step / (settings.decay_epochs * stepsPerEpoch));
    case "piecewise": {
      const first = Math.round(settings.drop_1 * total);
      const second = Math.round(settings.drop_2 * total);
      if (step <= first) return 1;
      return settings.decay_rate * (step <= second ? 1 : settings.decay_rate);
    }
    case "cosine": {
      const warmup = Math.round(settings.warmup * total);
      if (step < warmup) return step / warmup;
      const share = Math.min((step - warmup) / Math.max(total - warmup, 1), 1);
      const wave = 0.5 * (1 + cos(Math.PI * share));
      return (1 - settings.final_rate) * wave + settings.final_rate;
    }
    case "one_cycle":
      return oneCycle(step, total, settings.rise, 1 / 25, 1, 1 / 25 / 1e4);
    default:
      return 1;
  }
}

// Return the momentum at a step: constant, but for 1cycle.
export function momentumAt(settings, step, stepsPerEpoch) {
  if (settings.schedule !== "one_cycle") return settings.momentum;
  const { rise, momentum, cycle_momentum } = settings;
  const total = settings.epochs * stepsPerEpoch;
  return oneCycle(step, total, rise, momentum, cycle_momentum, momentum);
}
