// keras.layers.Dropout and keras.layers.AlphaDropout, for training only.
//
// Dropout:        y = x / (1 - p) where it is kept, 0 where it is dropped.
// Alpha dropout:  y = a x + b where it is kept, a α' + b where it is dropped, with α' = -λα of
//                 SELU, a = ((1 - p)(1 + p α'²))^(-1/2) and b = -a α' p: mean 0 and variance 1 stay.

const ALPHA = -1.6732632423543772 * 1.0507009873554805;

export class Dropout {
  // `masks(n)` returns n numbers, 1 to keep and 0 to drop.
  constructor(units, rate, alpha, masks) {
    this.units = units;
    this.masks = masks;
    this.parameters = [];
    this.factor = 1 / (1 - rate);
    this.dropped = 0;
    this.shift = 0;
    if (alpha) {
      this.factor = 1 / Math.sqrt((1 - rate) * (1 + rate * ALPHA * ALPHA));
      this.shift = -this.factor * ALPHA * rate;
      this.dropped = this.factor * ALPHA + this.shift;
    }
  }

  allocate() {}

  forward(x, rows, training) {
    if (!training) return x;
    const { factor, shift, dropped } = this;
    const n = rows * this.units;
    const mask = this.masks(n);
    for (let i = 0; i < n; i++) x[i] = mask[i] ? factor * x[i] + shift : dropped;
    this.mask = mask;
    return x;
  }

  backward(delta, rows) {
    const { factor, mask } = this;
    const n = rows * this.units;
    for (let i = 0; i < n; i++) delta[i] = mask[i] ? factor * delta[i] : 0;
    return delta;
  }
}

// Masks of a layer, drawn anew for each batch.
export function randomMasks(rate, random) {
  let mask = new Uint8Array(0);
  return (n) => {
    if (mask.length < n) mask = new Uint8Array(n);
    for (let i = 0; i < n; i++) mask[i] = random.uniform() >= rate ? 1 : 0;
    return mask;
  };
}
