// keras.callbacks.EarlyStopping(patience=patience, restore_best_weights=True): it watches the
// validation loss.

export class EarlyStopping {
  constructor(patience) {
    this.patience = patience;
    this.best = NaN;
    this.bestWeights = null;
    this.wait = 0;
  }

  // Return whether to stop. `weights()` returns a copy of the weights.
  stopAfter(epoch, loss, weights) {
    if (this.patience === 0) return false;
    this.wait += 1;
    if (this.bestWeights === null || loss < this.best) {
      this.best = loss;
      this.bestWeights = weights();
      this.wait = 0;
      return false;
    }
    return this.wait >= this.patience && epoch > 1;
  }
}
