// The settings of the Lab: one flat JSON object, the same in the page's address, in a saved
// run, in a challenge, and in what the worker receives.
//
//   schema     array of {key, label, group, kind, default, min, max, choices, when}
//              kind: "int" | "float" | "choice" | "bool"; min and max for numbers only, both
//              allowed; choices: array of {value, label}; when: null, or {key: [values], ...}:
//              the setting has an effect only if each key named has one of its values.
//   normalize  (anything, base) -> {settings, problems}: a complete object and one sentence for
//              each thing that was wrong. What is missing or can't be used is as in `base`, whole
//              settings; without one, it is the default. What is missing needs no sentence.
//              Strings are read as they stand in an address: "0.1", "true", "relu".
//   applies    (key, settings) -> whether the setting has an effect among the others.
//
// What the settings mean, in the words of Keras 3.15. The network:
//
//   Input(784), hidden layer 1 ... `depth`, Dense(10, "softmax")
//   hidden layer, normalization none:  Dense(width) -> activation -> dropout
//     batch_before:  Dense(width, use_bias=False) -> BatchNormalization -> activation -> dropout
//     batch_after:   Dense(width) -> activation -> BatchNormalization -> dropout
//     layer:         Dense(width) -> LayerNormalization -> activation -> dropout
//   skip: from the second hidden layer on, x -> add([x, hidden layer of x]). The first one has
//     another input size, unless width is the number of pixels; it never has a skip.
//   initializer: kernels of the hidden layers; the output layer keeps Glorot uniform, as in the
//     lessons. sigma: RandomNormal(stddev=sigma), not truncated.
//   leaky_relu has slope 0.2 (Keras's "leaky_relu"), elu alpha 1, gelu is the exact one.
//   dropout: Dropout(rate), or AlphaDropout(rate) if alpha_dropout.
//   l1, l2: kernel_regularizer=L1L2(l1, l2) and max_norm: kernel_constraint=MaxNorm(max_norm),
//     both of every Dense layer, the output layer too. 0 is off.
//   label_smoothing: CategoricalCrossentropy(label_smoothing=...), in validation, too.
// The optimizer: SGD (sgd; momentum; nesterov: momentum with nesterov=True), Adagrad, RMSprop,
//   Adam, AdamW, Nadam, each with Keras's defaults; weight_decay belongs to AdamW, which decays
//   every trainable weight.
//   clip: clipvalue=, clipnorm= (each variable by itself) or global_clipnorm= clip_at.
// The learning rate, with S = ceil(images / batch_size) steps an epoch and T = S * epochs:
//   exponential  ExponentialDecay(learning_rate, decay_epochs * S, decay_rate)
//   piecewise    PiecewiseConstantDecay([round(drop_1 * T), round(drop_2 * T)],
//                  [learning_rate, learning_rate * decay_rate, learning_rate * decay_rate ** 2])
//   cosine       with W = round(warmup * T): CosineDecay(0 if W else learning_rate, max(T - W, 1),
//                  alpha=final_rate, warmup_target=learning_rate if W else None, warmup_steps=W)
//   one_cycle    ch11lib.one_cycle.OneCycle(learning_rate, T, pct_start=rise); with momentum and
//                  nesterov OneCycleSGD(..., base_momentum=cycle_momentum, max_momentum=momentum)
// batch_size; images: the first so many training images of the data; epochs; seed;
// patience: EarlyStopping(patience=patience, restore_best_weights=True), 0 is off.

const named = (...pairs) => pairs.map(([value, label]) => ({ value, label }));

const setting = (group, key, label, kind, value, range = {}) => ({
  key,
  label,
  group,
  kind,
  default: value,
  min: null,
  max: null,
  choices: null,
  when: null,
  ...range,
});

const MOMENTUM = { optimizer: ["momentum", "nesterov"] };

export const schema = [
  setting("Network", "depth", "Hidden layers", "int", 3, { min: 1, max: 50 }),
  setting("Network", "width", "Units per layer", "int", 100, { min: 1, max: 300 }),
  setting("Network", "activation", "Activation", "choice", "relu", {
    choices: named(
      ["sigmoid", "Sigmoid"],
      ["tanh", "tanh"],
      ["relu", "ReLU"],
      ["leaky_relu", "Leaky ReLU"],
      ["elu", "ELU"],
      ["selu", "SELU"],
      ["gelu", "GELU"],
      ["silu", "SiLU"],
    ),
  }),
  setting("Network", "initializer", "Initializer", "choice", "glorot_uniform", {
    choices: named(
      ["normal", "Normal, N(0, σ)"],
      ["zeros", "Zeros"],
      ["glorot_normal", "Glorot normal"],
      ["glorot_uniform", "Glorot uniform"],
      ["he_normal", "He normal"],
      ["he_uniform", "He uniform"],
      ["lecun_normal", "LeCun normal"],
      ["lecun_uniform", "LeCun uniform"],
    ),
  }),
  setting("Network", "sigma", "σ of the normal distribution", "float", 0.05, {
    min: 0,
    max: 10,
    when: { initializer: ["normal"] },
  }),
  setting("Network", "normalization", "Normalization", "choice", "none", {
    choices: named(
      ["none", "None"],
      ["batch_before", "Batch, before the activation"],
      ["batch_after", "Batch, after the activation"],
      ["layer", "Layer, before the activation"],
    ),
  }),
  setting("Network", "bn_momentum", "Momentum of the moving averages", "float", 0.99, {
    min: 0,
    max: 0.9999,
    when: { normalization: ["batch_before", "batch_after"] },
  }),
  setting("Network", "skip", "Skip connections", "bool", false),

  setting("Regularization", "dropout", "Dropout rate", "float", 0, { min: 0, max: 0.9 }),
  setting("Regularization", "alpha_dropout", "Alpha dropout", "bool", false),
  setting("Regularization", "l1", "ℓ1 penalty", "float", 0, { min: 0, max: 1 }),
  setting("Regularization", "l2", "ℓ2 penalty", "float", 0, { min: 0, max: 1 }),
  setting("Regularization", "max_norm", "Max-norm (0: off)", "float", 0, { min: 0, max: 100 }),
  setting("Regularization", "label_smoothing", "Label smoothing", "float", 0, {
    min: 0,
    max: 0.9,
  }),
  setting("Regularization", "patience", "Early stopping: patience (0: off)", "int", 0, {
    min: 0,
    max: 100,
  }),

  setting("Optimizer", "optimizer", "Optimizer", "choice", "sgd", {
    choices: named(
      ["sgd", "SGD"],
      ["momentum", "SGD with momentum"],
      ["nesterov", "SGD with Nesterov momentum"],
      ["adagrad", "AdaGrad"],
      ["rmsprop", "RMSProp"],
      ["adam", "Adam"],
      ["adamw", "AdamW"],
      ["nadam", "Nadam"],
    ),
  }),
  setting("Optimizer", "learning_rate", "Learning rate", "float", 0.01, { min: 1e-6, max: 100 }),
  setting("Optimizer", "momentum", "Momentum", "float", 0.9, {
    min: 0,
    max: 0.999,
    when: MOMENTUM,
  }),
  setting("Optimizer", "weight_decay", "Weight decay", "float", 0.004, {
    min: 0,
    max: 1,
    when: { optimizer: ["adamw"] },
  }),
  setting("Optimizer", "clip", "Gradient clipping", "choice", "none", {
    choices: named(
      ["none", "None"],
      ["value", "By value"],
      ["norm", "By norm"],
      ["global_norm", "By global norm"],
    ),
  }),
  setting("Optimizer", "clip_at", "Clip at", "float", 1, {
    min: 1e-6,
    max: 1e6,
    when: { clip: ["value", "norm", "global_norm"] },
  }),

  setting("Schedule", "schedule", "Learning-rate schedule", "choice", "constant", {
    choices: named(
      ["constant", "Constant"],
      ["exponential", "Exponential"],
      ["piecewise", "Piecewise constant"],
      ["cosine", "Cosine, with warm-up"],
      ["one_cycle", "1cycle"],
    ),
  }),
  setting("Schedule", "decay_rate", "Factor", "float", 0.1, {
    min: 0.0001,
    max: 1,
    when: { schedule: ["exponential", "piecewise"] },
  }),
  setting("Schedule", "decay_epochs", "Epochs for one factor", "float", 10, {
    min: 0.1,
    max: 1000,
    when: { schedule: ["exponential"] },
  }),
  setting("Schedule", "drop_1", "First drop, share of the training", "float", 0.5, {
    min: 0,
    max: 1,
    when: { schedule: ["piecewise"] },
  }),
  setting("Schedule", "drop_2", "Second drop, share of the training", "float", 0.75, {
    min: 0,
    max: 1,
    when: { schedule: ["piecewise"] },
  }),
  setting("Schedule", "warmup", "Warm-up, share of the training", "float", 0, {
    min: 0,
    max: 0.9,
    when: { schedule: ["cosine"] },
  }),
  setting("Schedule", "final_rate", "Final rate, share of the highest", "float", 0, {
    min: 0,
    max: 1,
    when: { schedule: ["cosine"] },
  }),
  setting("Schedule", "rise", "Rise, share of the training", "float", 0.3, {
    min: 0,
    max: 1,
    when: { schedule: ["one_cycle"] },
  }),
  setting("Schedule", "cycle_momentum", "Momentum at the highest rate", "float", 0.85, {
    min: 0,
    max: 0.999,
    when: { schedule: ["one_cycle"], ...MOMENTUM },
  }),

  setting("Training", "batch_size", "Batch size", "int", 32, { min: 1, max: 512 }),
  setting("Training", "images", "Training images", "int", 2000, { min: 32, max: 60000 }),
  setting("Training", "epochs", "Epochs", "int", 10, { min: 1, max: 200 }),
  setting("Training", "seed", "Seed", "int", 42, { min: 0, max: 4294967295 }),
];

const shown = (value) => {
  if (typeof value === "string") {
    return `"${value.length > 40 ? `${value.slice(0, 40)}…` : value}"`;
  }
  if (Array.isArray(value)) return "a list";
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return value === null || value === undefined ? String(value) : `a value of type ${typeof value}`;
};

const numberFrom = (value) => {
  if (typeof value === "number") return value;
  if (typeof value === "string" && value.trim() !== "") return Number(value);
  return NaN;
};

function read(entry, value, otherwise) {
  const bad = (taken, wanted) => ({
    value: taken,
    problem: `${entry.key} is ${shown(value)}; it must be ${wanted}. ${shown(taken)} is taken.`,
  });
  if (entry.kind === "choice") {
    const values = entry.choices.map((choice) => choice.value);
    if (values.includes(value)) return { value };
    return bad(otherwise, `one of ${values.join(", ")}`);
  }
  if (entry.kind === "bool") {
    if (value === true || value === "true") return { value: true };
    if (value === false || value === "false") return { value: false };
    return bad(otherwise, "true or false");
  }
  const whole = entry.kind === "int";
  const wanted = `${whole ? "a whole number" : "a number"} from ${entry.min} to ${entry.max}`;
  const number = numberFrom(value);
  if (Number.isNaN(number)) return bad(otherwise, wanted);
  const inside = Math.min(Math.max(number, entry.min), entry.max);
  const nearest = whole ? Math.round(inside) : inside;
  return nearest === number ? { value: number === 0 ? 0 : number } : bad(nearest, wanted);
}

export function normalize(anything, base = {}) {
  const problems = [];
  const isObject =
    typeof anything === "object" && anything !== null && !Array.isArray(anything);
  if (!isObject && anything !== undefined) {
    problems.push(`The settings are ${shown(anything)}; they must be an object. All are defaults.`);
  }
  const given = isObject ? anything : {};
  const settings = {};
  for (const entry of schema) {
    const otherwise = base[entry.key] ?? entry.default;
    settings[entry.key] = otherwise;
    if (!Object.hasOwn(given, entry.key)) continue;
    const { value, problem } = read(entry, given[entry.key], otherwise);
    settings[entry.key] = value;
    if (problem) problems.push(problem);
  }
  for (const key of Object.keys(given)) {
    if (!Object.hasOwn(settings, key)) problems.push(`There is no setting ${shown(key)}.`);
  }
  if (settings.drop_2 < settings.drop_1) {
    problems.push(
      `drop_2 is ${settings.drop_2}; it must not be below drop_1. ${settings.drop_1} is taken.`,
    );
    settings.drop_2 = settings.drop_1;
  }
  return { settings, problems };
}

export function applies(key, settings) {
  const entry = schema.find((candidate) => candidate.key === key);
  return Object.entries(entry.when ?? {}).every(([other, values]) =>
    values.includes(settings[other]),
  );
}

export const LabSettings = { schema, normalize, applies };
