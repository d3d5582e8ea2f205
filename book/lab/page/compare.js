// The sentence of ch11lib.experiments.compare: what several seeds say about two settings.
//
// The mean of the paired differences d = a - b and Student's interval d̄ ± t s / √n, in percentage
// points. "Above" or "below" if the interval leaves out 0, else "not told apart".

// ln Γ(x), by Lanczos' formula.
function logGamma(x) {
  const terms = [
    76.18009172947146, -86.50532032941677, 24.01409824083091, -1.231739572450155,
    0.1208650973866179e-2, -0.5395239384953e-5,
  ];
  const y = x + 5.5;
  let sum = 1.000000000190015;
  terms.forEach((term, i) => (sum += term / (x + 1 + i)));
  return (x + 0.5) * Math.log(y) - y + Math.log((2.5066282746310005 * sum) / x);
}

// Density of Student's t with n degrees of freedom.
const density = (t, n, factor) => factor * (1 + (t * t) / n) ** (-(n + 1) / 2);

// P(0 < T < t), by Simpson's rule.
function area(t, n) {
  const factor = Math.exp(logGamma((n + 1) / 2) - logGamma(n / 2)) / Math.sqrt(n * Math.PI);
  const parts = 4000;
  let sum = density(0, n, factor) + density(t, n, factor);
  for (let i = 1; i < parts; i++) sum += (i % 2 ? 4 : 2) * density((t * i) / parts, n, factor);
  return (sum * t) / parts / 3;
}

// The t with P(|T| < t) = confidence, by bisection.
export function quantile(n, confidence = 0.95) {
  let [low, high] = [0, 20];
  for (let i = 0; i < 50; i++) {
    const middle = (low + high) / 2;
    if (2 * area(middle, n) < confidence) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

const shown = (value) => {
  const text = value.toFixed(1).replace("-", "−");
  return text === "−0.0" ? "0.0" : text;
};

// `a` and `b`: shares such as accuracies, seed by seed; NaN or infinite where a run diverged.
// Return {verdict, difference, low, high, n, sentence}.
export function compare(first, a, second, b) {
  const lost = [[first, a], [second, b]]
    .map(([name, values]) => [name, values.filter((value) => !Number.isFinite(value)).length])
    .filter(([, count]) => count)
    .map(([name, count]) => `${name} diverged with ${count}`);
  const differences = a
    .map((value, i) => 100 * (value - b[i]))
    .filter((value) => Number.isFinite(value));
  const n = differences.length;
  const seeds = [`${n} seed${n === 1 ? "" : "s"}`, ...lost].join("; ");
  if (n < 2) {
    const verdict = "not told apart";
    return { verdict, n, sentence: `${first} and ${second} (${seeds}): ${verdict}.` };
  }
  const mean = differences.reduce((sum, value) => sum + value, 0) / n;
  const square = differences.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const half = (quantile(n - 1) * Math.sqrt(square / (n - 1))) / Math.sqrt(n);
  const [low, high] = [mean - half, mean + half];
  const verdict = low > 0 ? "above" : high < 0 ? "below" : "not told apart";
  const side = mean < 0 ? "below" : "above";
  const sentence =
    `${first} ends ${shown(Math.abs(mean))} points ${side} ${second} ` +
    `(95% interval ${shown(low)} to ${shown(high)}, ${seeds}): ${verdict}.`;
  return { verdict, difference: mean, low, high, n, sentence };
}

export function median(values) {
  const sorted = [...values].sort((x, y) => x - y);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
