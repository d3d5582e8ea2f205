// Random numbers: the same for the same seed in every browser.
//
// xoshiro128** 1.1 of Blackman and Vigna (2018), seeded by splitmix32. Whole numbers of 32 bits
// only, so that nothing depends on the machine. A network draws from three streams, one for the
// initial weights, one for the order of the images, one for dropout: switching dropout on leaves
// the initial weights and the batches as they are.

import { log } from "./elementary.js";

export const STREAMS = { weights: 1, order: 2, dropout: 3 };

export class Random {
  constructor(seed, stream = 0) {
    let state = (seed ^ Math.imul(stream, 0x9e3779b9)) >>> 0;
    const splitmix = () => {
      state = (state + 0x9e3779b9) >>> 0;
      let z = state;
      z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      return (z ^ (z >>> 15)) >>> 0;
    };
    this.state = Uint32Array.from([splitmix(), splitmix(), splitmix(), splitmix()]);
    this.spare = null;
  }

  // A whole number from 0 to 2³² - 1.
  next() {
    const s = this.state;
    const five = Math.imul(s[1], 5);
    const result = Math.imul((five << 7) | (five >>> 25), 9) >>> 0;
    const shifted = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = (s[3] << 11) | (s[3] >>> 21);
    return result;
  }

  // A number from 0 to below 1.
  uniform() {
    return this.next() / 4294967296;
  }

  // A whole number from 0 to n - 1, all equally likely: numbers of the last, incomplete round
  // of n are drawn again.
  below(n) {
    const limit = 4294967296 - (4294967296 % n);
    let drawn;
    do drawn = this.next();
    while (drawn >= limit);
    return drawn % n;
  }

  // From N(0, 1), by Marsaglia's polar method: for a point (u, v) in the unit circle with
  // s = u² + v², both u and v times √(-2 ln s / s) are normal.
  normal() {
    if (this.spare !== null) {
      const spare = this.spare;
      this.spare = null;
      return spare;
    }
    let u, v, s;
    do {
      u = 2 * this.uniform() - 1;
      v = 2 * this.uniform() - 1;
      s = u * u + v * v;
    } while (s >= 1 || s === 0);
    const scale = Math.sqrt((-2 * log(s)) / s);
    this.spare = v * scale;
    return u * scale;
  }

  // From N(0, 1) between -2 and 2: what lies outside is drawn again.
  truncatedNormal() {
    let drawn;
    do drawn = this.normal();
    while (Math.abs(drawn) > 2);
    return drawn;
  }

  // The numbers 0 ... n - 1 in random order (Fisher and Yates).
  permutation(n) {
    const order = Uint32Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const kept = order[i];
      order[i] = order[j];
      order[j] = kept;
    }
    return order;
  }
}
