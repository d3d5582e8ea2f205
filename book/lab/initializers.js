// Initial weights, as in keras.initializers.
//
// VarianceScaling: variance scale / fan, with fan_in inputs and fan_out units. Glorot: scale 1,
// fan = (fan_in + fan_out) / 2; He: scale 2, fan_in; LeCun: scale 1, fan_in. The normal ones are
// cut at two standard deviations, and widened so that the variance stays: σ = √(scale/fan) / 0.8796.
// The uniform ones go from -√(3 scale/fan) to +√(3 scale/fan).

const CUT_DEVIATION = 0.87962566103423978; // of N(0, 1), cut at -2 and 2

const FAMILIES = {
  glorot: { scale: 1, fan: (inputs, units) => (inputs + units) / 2 },
  he: { scale: 2, fan: (inputs) => inputs },
  lecun: { scale: 1, fan: (inputs) => inputs },
};

// Fill `weights`, a kernel of shape (inputs, units).
export function initialize(weights, inputs, units, name, sigma, random) {
  if (name === "zeros") return void weights.fill(0);
  if (name === "normal") {
    for (let i = 0; i < weights.length; i++) weights[i] = sigma * random.normal();
    return;
  }
  const [family, shape] = name.split("_");
  const { scale, fan } = FAMILIES[family];
  const variance = scale / Math.max(1, fan(inputs, units));
  if (shape === "normal") {
    const deviation = Math.sqrt(variance) / CUT_DEVIATION;
    for (let i = 0; i < weights.length; i++) weights[i] = deviation * random.truncatedNormal();
  } else {
    const limit = Math.sqrt(3 * variance);
    for (let i = 0; i < weights.length; i++) weights[i] = limit * (2 * random.uniform() - 1);
  }
}
