// Four pictures of the layers, from the first to the output layer, and the same as a table.

import { createChart } from "./chart.js";
import { table } from "./dom.js";
import { percent, short } from "./numbers.js";

const MEASURES = [
  {
    key: "gradientNorm",
    title: "Gradient norm",
    note: "of each layer's weights",
    bounds: { log: true, low: -4, high: 0 },
    format: short,
  },
  {
    key: "activationSd",
    title: "Spread of the outputs",
    note: "standard deviation over a batch",
    bounds: { log: true, low: -2, high: 1 },
    format: short,
  },
  {
    key: "share",
    title: "Saturated or dead",
    note: "share of the units",
    bounds: { low: 0, high: 1 },
    format: (y) => (Number.isFinite(y) ? `${Math.round(100 * y)}%` : short(y)),
  },
  {
    key: "updateRatio",
    title: "Update to weight ratio",
    note: "of the last step",
    bounds: { log: true, low: -6, high: -1 },
    format: short,
  },
];

function words(name, layers, { key, format }) {
  if (!layers) return `${name} has not made a step.`;
  const known = layers.filter((layer) => layer[key] !== null);
  if (!known.length) return `${name}: no layer has this number.`;
  const ends = known.length > 1 ? [known[0], known.at(-1)] : known;
  const values = ends.map((layer) => `${format(valueOf(layer, key))} in ${layer.name}`).join(", ");
  return `${name}: ${values}${known.length < layers.length && ends.length < 2 ? ", and no number for the others" : ""}.`;
}

// Of an exploded layer nothing can be said, also not that none of its units is dead.
const exploded = (layer) => !Number.isFinite(layer.activationSd);
const valueOf = (layer, key) => (layer[key] !== null && exploded(layer) ? NaN : layer[key]);
const points = (layers, key) => layers.map((layer, i) => [i + 1, valueOf(layer, key)]);

export function createLayers() {
  const charts = MEASURES.map((measure) => ({
    ...measure,
    ...createChart(measure.title, "layer", measure.note),
  }));
  return {
    nodes: charts.map(({ node }) => node),
    // runs: [{id, name, layers, firstLayers, depth}]; the first step stays as a faint line.
    draw(runs) {
      const to = Math.max(...runs.map(({ depth }) => depth + 1));
      for (const chart of charts) {
        const series = runs
          .filter(({ layers }) => layers)
          .flatMap(({ id, layers, firstLayers }) => [
            { run: id, style: "faint", points: points(firstLayers, chart.key) },
            { run: id, style: "solid", points: points(layers, chart.key) },
          ]);
        const label = runs.map(({ name, layers }) => words(name, layers, chart)).join(" ");
        chart.draw({ series, from: 1, to, ...chart.bounds, format: chart.format, label });
      }
    },
    redraw: () => charts.forEach((chart) => chart.redraw()),
  };
}

export function layersTable(name, step, layers) {
  const head = ["Layer", "Gradient norm", "Output: mean", "Output: spread", "Saturated or dead", "Update / weight"];
  const rows = layers.map((layer) => [
    layer.name,
    short(layer.gradientNorm),
    short(layer.activationMean),
    short(layer.activationSd),
    layer.share === null ? "–" : `${percent(valueOf(layer, "share"))} ${layer.shareKind}`,
    short(layer.updateRatio),
  ]);
  return table(`${name}: the layers after step ${step}`, head, rows);
}

export function epochsTable(name, history) {
  const head = ["Epoch", "Loss", "Accuracy", "Validation loss", "Validation accuracy", "Seconds"];
  const rows = history.map((log) => [
    String(log.epoch),
    short(log.loss),
    percent(log.accuracy),
    short(log.val_loss),
    percent(log.val_accuracy),
    log.seconds.toFixed(2),
  ]);
  return table(`${name}: the epochs`, head, rows);
}
