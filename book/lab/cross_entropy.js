// Softmax and cross-entropy, with label smoothing.
//
//   p_k = e^(z_k) / Σ_j e^(z_j),   L = -Σ_k t_k ln p_k,   ∂L/∂z_k = p_k - t_k
//
// with the target t_k = 1 - s + s/K for the label and s/K for the K - 1 other classes.

import { exp, log } from "./elementary.js";

// The probabilities replace the logits `z`, of shape (rows, classes). Return the sum of the
// instances' losses and how many were right. If `delta` is given, it becomes ∂(mean loss)/∂z.
export function softmaxCrossEntropy(z, labels, rows, classes, smoothing, delta = null) {
  const other = smoothing / classes;
  let loss = 0;
  let right = 0;
  for (let i = 0; i < rows; i++) {
    const start = i * classes;
    let best = 0;
    for (let k = 1; k < classes; k++) if (z[start + k] > z[start + best]) best = k;
    const greatest = z[start + best];
    let sum = 0;
    for (let k = 0; k < classes; k++) sum += exp(z[start + k] - greatest);
    const logSum = log(sum) + greatest;
    if (best === labels[i]) right++;
    for (let k = 0; k < classes; k++) {
      const target = (k === labels[i] ? 1 - smoothing : 0) + other;
      const logit = z[start + k];
      if (target > 0) loss += target * (logSum - logit);
      const probability = exp(logit - logSum);
      z[start + k] = probability;
      if (delta) delta[start + k] = (probability - target) / rows;
    }
  }
  return { loss, right };
}
