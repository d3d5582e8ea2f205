// What pulls at the kernels: ℓ1 and ℓ2 penalties, and max-norm.

// keras.regularizers.L1L2: the loss gains Σ l1 |w| + l2 w², the gradient l1 sign(w) + 2 l2 w.
export function penalty(kernels, l1, l2) {
  let sum = 0;
  if (l1 === 0 && l2 === 0) return sum;
  for (const { value } of kernels) {
    for (let i = 0; i < value.length; i++) {
      const w = value[i];
      sum += l1 * Math.abs(w) + l2 * w * w;
    }
  }
  return sum;
}

export function addPenaltyGradients(kernels, l1, l2) {
  if (l1 === 0 && l2 === 0) return;
  for (const { value, gradient } of kernels) {
    for (let i = 0; i < value.length; i++) {
      const w = value[i];
      gradient[i] += l1 * (w > 0 ? 1 : w < 0 ? -1 : 0) + 2 * l2 * w;
    }
  }
}

// keras.constraints.MaxNorm(limit, axis=0), after each step: the weights into a unit, a column of
// the kernel, are multiplied by min(norm, limit) / (norm + 1e-7).
export function limitNorms(kernels, limit) {
  if (limit === 0) return;
  for (const { value, shape } of kernels) {
    const [inputs, units] = shape;
    for (let j = 0; j < units; j++) {
      let square = 0;
      for (let i = 0; i < inputs; i++) square += value[i * units + j] * value[i * units + j];
      const norm = Math.sqrt(square);
      const factor = Math.min(norm, limit) / (norm + 1e-7);
      for (let i = 0; i < inputs; i++) value[i * units + j] *= factor;
    }
  }
}
