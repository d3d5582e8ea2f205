// Five seeds: each setting is trained with five seeds in a row, A and B beside each other.

import { Run } from "./run.js";

export const COUNT = 5;

// The accuracy that a training ends with: NaN if it exploded. Early stopping takes back the
// weights of the epoch with the smallest validation loss, so that epoch counts.
export function finalAccuracy({ history, reason, settings }) {
  if (reason === "not finite" || !history.length) return NaN;
  if (!settings.patience) return history.at(-1).val_accuracy;
  return history.reduce((best, log) => (log.val_loss < best.val_loss ? log : best)).val_accuracy;
}

export class SeedRuns {
  // named: [[id, settings], ...]
  constructor(named, data, changed) {
    this.data = data;
    this.changed = changed;
    this.stopped = false;
    this.sides = named.map(([id, settings]) => ({ id, settings, finished: [], run: null }));
    this.sides.forEach((side) => this.next(side));
  }

  next(side) {
    const seed = (side.settings.seed + side.finished.length) % 4294967296;
    side.run = new Run({ ...side.settings, seed }, this.data, (run, what) => {
      if (run.over && !this.stopped) {
        run.stop();
        side.finished.push(run);
        if (side.finished.length < COUNT && run.state === "done") this.next(side);
      }
      this.changed(what);
    });
    side.run.start();
  }

  get done() {
    return this.sides.every(({ finished, run }) => finished.length === COUNT || run.state === "failed");
  }

  get busy() {
    return !this.stopped && !this.done;
  }

  side(id) {
    return this.sides.find((side) => side.id === id) ?? null;
  }

  stop() {
    this.stopped = true;
    this.sides.forEach(({ run }) => run.stop());
  }
}
