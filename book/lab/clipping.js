// Gradient clipping, as clipvalue, clipnorm and global_clipnorm of Keras's optimizers.
//
//   value        g ← min(max(g, -c), c), each number by itself
//   norm         g ← g · c / max(‖g‖, c), each variable by itself
//   global_norm  the same with one norm, over all variables

function squaredNorm(values) {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] * values[i];
  return sum;
}

function scale(values, factor) {
  if (factor === 1) return;
  for (let i = 0; i < values.length; i++) values[i] *= factor;
}

// `gradients` is an array of Float32Array; they are clipped in place.
export function clipGradients(gradients, clip, limit) {
  if (clip === "value") {
    for (const g of gradients) {
      for (let i = 0; i < g.length; i++) {
        if (g[i] > limit) g[i] = limit;
        else if (g[i] < -limit) g[i] = -limit;
      }
    }
  } else if (clip === "norm") {
    for (const g of gradients) scale(g, limit / Math.max(Math.sqrt(squaredNorm(g)), limit));
  } else if (clip === "global_norm") {
    let square = 0;
    for (const g of gradients) square += squaredNorm(g);
    // An infinite norm makes all gradients NaN, as in Keras: 0 · ∞ would hide an explosion.
    const factor = limit / Math.max(Math.sqrt(square), limit);
    for (const g of gradients) scale(g, Number.isFinite(square) ? factor : NaN);
  }
}
