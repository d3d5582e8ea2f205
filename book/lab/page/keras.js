// "Copy as Keras": the plain program that trains the same network on the same images.
//
// It draws other random numbers than the page. From the same start weights, and with batches in
// the same order, it computes the same numbers; a test runs such programs.

const number = (value) => {
  const text = String(value);
  return /^-?\d+$/.test(text) ? text : text.replace(/^(-?\d)e/, "$1.0e").replace("e+", "e");
};

const named = (pairs) => pairs.filter(([, value]) => value !== null).map(([name, value]) => `${name}=${value}`);

// name(arguments), on one line if it fits into 76 characters, else one argument per line.
function call(before, parts, after, indent) {
  const space = " ".repeat(indent);
  const line = `${space}${before}(${parts.join(", ")})${after}`;
  if (line.length <= 76) return [line];
  return [
    `${space}${before}(`,
    ...parts.map((part) => `${space}    ${part},`),
    `${space})${after}`,
  ];
}

function kernelArguments({ l1, l2, max_norm }) {
  const penalties = [l1 > 0 ? `l1=${number(l1)}` : null, l2 > 0 ? `l2=${number(l2)}` : null];
  const given = penalties.filter(Boolean).join(", ");
  return named([
    ["kernel_regularizer", given ? `keras.regularizers.L1L2(${given})` : null],
    ["kernel_constraint", max_norm > 0 ? `keras.constraints.MaxNorm(${number(max_norm)})` : null],
  ]);
}

function initializer({ initializer: name, sigma }) {
  if (name === "normal") return `keras.initializers.RandomNormal(stddev=${number(sigma)})`;
  return `"${name}"`;
}

// The small layers of one hidden layer, each as [name, arguments].
function hiddenLayer(settings) {
  const { width, activation, normalization, dropout, bn_momentum } = settings;
  const alone = normalization === "none" || normalization === "batch_after";
  const dense = [
    String(width),
    ...(alone ? [`activation="${activation}"`] : []),
    ...(normalization === "batch_before" ? ["use_bias=False"] : []),
    `kernel_initializer=${initializer(settings)}`,
    ...kernelArguments(settings),
  ];
  const batch = ["BatchNormalization", bn_momentum === 0.99 ? [] : [`momentum=${number(bn_momentum)}`]];
  const layers = [["Dense", dense]];
  if (normalization === "batch_before") layers.push(batch);
  if (normalization === "layer") layers.push(["LayerNormalization", []]);
  if (!alone) layers.push(["Activation", [`"${activation}"`]]);
  if (normalization === "batch_after") layers.push(batch);
  if (dropout > 0) layers.push([settings.alpha_dropout ? "AlphaDropout" : "Dropout", [number(dropout)]]);
  return layers;
}

function sequential(settings) {
  const output = ["10", 'activation="softmax"', ...kernelArguments(settings)];
  return [
    "model = keras.Sequential()",
    "model.add(keras.Input(shape=(28, 28)))",
    "model.add(keras.layers.Flatten())",
    `for _ in range(${settings.depth}):`,
    ...hiddenLayer(settings).flatMap(([name, parts]) => added(`keras.layers.${name}`, parts, 4)),
    ...added("keras.layers.Dense", output, 0),
  ];
}

function added(layer, parts, indent) {
  const space = " ".repeat(indent);
  const line = `${space}model.add(${layer}(${parts.join(", ")}))`;
  if (line.length <= 76) return [line];
  return [
    `${space}model.add(`,
    ...call(layer, parts, "", indent + 4),
    `${space})`,
  ];
}

// With skip connections the layers are called one by one.
function functional(settings) {
  const output = ["10", 'activation="softmax"', ...kernelArguments(settings)];
  return [
    "inputs = keras.Input(shape=(28, 28))",
    "x = keras.layers.Flatten()(inputs)",
    `for layer in range(${settings.depth}):`,
    "    skipped = x",
    ...hiddenLayer(settings).flatMap(([name, parts]) => call(`x = keras.layers.${name}`, parts, "(x)", 4)),
    "    if layer > 0:  # the first hidden layer has another input size",
    "        x = keras.layers.add([skipped, x])",
    ...call("outputs = keras.layers.Dense", output, "(x)", 0),
    "model = keras.Model(inputs, outputs)",
  ];
}

// The learning rate: lines that come first, and what the optimizer gets.
function schedule(settings, stepsPerEpoch) {
  const rate = number(settings.learning_rate);
  const total = stepsPerEpoch * settings.epochs;
  const schedules = "schedule = keras.optimizers.schedules.";
  const { decay_rate, warmup, final_rate } = settings;
  switch (settings.schedule) {
    case "exponential": {
      const steps = `decay_steps=${number(settings.decay_epochs * stepsPerEpoch)}`;
      const parts = [rate, steps, `decay_rate=${number(decay_rate)}`];
      return call(`${schedules}ExponentialDecay`, parts, "", 0);
    }
    case "piecewise": {
      const drops = [settings.drop_1, settings.drop_2].map((share) => Math.round(share * total));
      const rates = [1, decay_rate, decay_rate ** 2];
      const values = rates.map((factor) => number(Number((settings.learning_rate * factor).toPrecision(12))));
      const parts = [`[${drops.join(", ")}]`, `[${values.join(", ")}]`];
      return call(`${schedules}PiecewiseConstantDecay`, parts, "", 0);
    }
    case "cosine": {
      const rising = Math.round(warmup * total);
      const parts = [
        rising ? "0.0" : rate,
        `decay_steps=${Math.max(total - rising, 1)}`,
        ...(final_rate ? [`alpha=${number(final_rate)}`] : []),
        ...(rising ? [`warmup_target=${rate}`, `warmup_steps=${rising}`] : []),
      ];
      return call(`${schedules}CosineDecay`, parts, "", 0);
    }
    case "one_cycle": {
      const rise = settings.rise === 0.3 ? [] : [`pct_start=${number(settings.rise)}`];
      return call("schedule = OneCycle", [rate, `total_steps=${total}`, ...rise], "", 0);
    }
    default:
      return [];
  }
}

const OPTIMIZERS = {
  sgd: "SGD",
  momentum: "SGD",
  nesterov: "SGD",
  adagrad: "Adagrad",
  rmsprop: "RMSprop",
  adam: "Adam",
  adamw: "AdamW",
  nadam: "Nadam",
};

const CLIPS = { value: "clipvalue", norm: "clipnorm", global_norm: "global_clipnorm" };

// Whether the momentum goes through the cycle, too.
const cyclesMomentum = ({ schedule: kind, optimizer: name }) =>
  kind === "one_cycle" && (name === "momentum" || name === "nesterov");

function optimizer(settings) {
  const { optimizer: name, clip, clip_at, momentum, cycle_momentum } = settings;
  const rate = settings.schedule === "constant" ? number(settings.learning_rate) : "schedule";
  const hasMomentum = name === "momentum" || name === "nesterov";
  const cycles = cyclesMomentum(settings);
  const parts = named([
    ["learning_rate", rate],
    ["momentum", hasMomentum && !cycles ? number(momentum) : null],
    ["base_momentum", cycles ? number(cycle_momentum) : null],
    ["max_momentum", cycles ? number(momentum) : null],
    ["nesterov", name === "nesterov" ? "True" : null],
    ["weight_decay", name === "adamw" ? number(settings.weight_decay) : null],
    [CLIPS[clip], clip === "none" ? null : number(clip_at)],
  ]);
  const maker = cycles ? "OneCycleSGD" : `keras.optimizers.${OPTIMIZERS[name]}`;
  return call(`optimizer = ${maker}`, parts, "", 0);
}

function imports(settings) {
  if (settings.schedule !== "one_cycle") return ["import keras"];
  const names = cyclesMomentum(settings) ? "OneCycle, OneCycleSGD" : "OneCycle";
  return [
    "import keras",
    "",
    `from ch11lib.one_cycle import ${names}  # this course's package`,
  ];
}

// `changes`: learning rates set by hand, [{step, rate}]; they are told in a comment.
export function program(settings, { nTrain, nValid }, changes = []) {
  const count = Math.min(settings.images, nTrain);
  const stepsPerEpoch = Math.ceil(count / settings.batch_size);
  const smooth = settings.label_smoothing > 0;
  const stops = settings.patience > 0;
  const rate = schedule(settings, stepsPerEpoch);
  const lines = [
    ...imports(settings),
    "",
    `keras.utils.set_random_seed(${settings.seed})`,
    "",
    "# The images of the Lab: the first of Fashion-MNIST, with 16 grey levels.",
    "(X, y), _ = keras.datasets.fashion_mnist.load_data()",
    `X = (X[:${55000 + nValid}] / 17).round() * 17`,
    `X_train, y_train = X[:${count}], y[:${count}]`,
    `X_valid, y_valid = X[55000:], y[55000:${55000 + nValid}]`,
    "mean, std = X_train.mean(), X_train.std()",
    "X_train, X_valid = (X_train - mean) / std, (X_valid - mean) / std",
    ...(smooth
      ? [
          "y_train = keras.utils.to_categorical(y_train, 10)",
          "y_valid = keras.utils.to_categorical(y_valid, 10)",
        ]
      : []),
    "",
    ...(settings.skip ? functional(settings) : sequential(settings)),
    "",
    ...rate,
    ...optimizer(settings),
    ...(smooth
      ? call(
          "loss = keras.losses.CategoricalCrossentropy",
          [`label_smoothing=${number(settings.label_smoothing)}`],
          "",
          0,
        )
      : ['loss = "sparse_categorical_crossentropy"']),
    'model.compile(loss=loss, optimizer=optimizer, metrics=["accuracy"])',
    ...(stops
      ? [
          "early_stopping = keras.callbacks.EarlyStopping(",
          `    patience=${settings.patience}, restore_best_weights=True`,
          ")",
        ]
      : []),
    ...changes.map(
      ({ step, rate: value }) => `# By hand: the learning rate became ${number(value)} after step ${step}.`,
    ),
    "history = model.fit(",
    `    X_train, y_train, epochs=${settings.epochs}, batch_size=${settings.batch_size},`,
    `    validation_data=(X_valid, y_valid)${stops ? ", callbacks=[early_stopping]," : ","}`,
    ")",
  ];
  return `${lines.join("\n")}\n`;
}
