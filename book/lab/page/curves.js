// Loss and accuracy by epoch: of the two trainings, or of five seeds with their median and band.

import { createChart } from "./chart.js";
import { median } from "./compare.js";
import { percent, short } from "./numbers.js";

const MEASURES = [
  { key: "loss", title: "Loss", format: short },
  { key: "accuracy", title: "Accuracy", format: percent },
];

// The loss of an exploding network needs the logarithm; 2.3 is that of a guess.
const LARGE_LOSS = 20;

function lastWords(name, history, { key, format }) {
  const last = history.at(-1);
  if (!last) return `${name} has not finished an epoch.`;
  const [training, validation] = [last[key], last[`val_${key}`]].map(format);
  return `${name} after epoch ${last.epoch}: training ${training}, validation ${validation}.`;
}

// Of each epoch that all have reached: [epoch, smallest, median, greatest].
export function spread(histories, key) {
  const epochs = Math.min(...histories.map((history) => history.length));
  return Array.from({ length: Math.max(epochs, 0) }, (_, i) => {
    const values = histories.map((history) => history[i][key]).filter(Number.isFinite);
    if (!values.length) return [i + 1, NaN, NaN, NaN];
    return [i + 1, Math.min(...values), median(values), Math.max(...values)];
  });
}

function singleSeries({ id, history }, key) {
  const points = (name) => history.map((log) => [log.epoch, log[name]]);
  return [
    { run: id, style: "dashed", points: points(key) },
    { run: id, style: "solid", points: points(`val_${key}`) },
  ];
}

function seedSeries({ id, histories }, key) {
  const rows = spread(histories, `val_${key}`);
  const band = rows.filter(([, low]) => Number.isFinite(low)).map(([x, low, , high]) => [x, low, high]);
  return [{ run: id, style: "solid", points: rows.map(([x, , middle]) => [x, middle]), band }];
}

function seedWords({ name, histories }, { key, format }) {
  const rows = spread(histories, `val_${key}`);
  if (!rows.length) return `${name} has not finished an epoch with ${histories.length} seeds.`;
  const [epoch, low, middle, high] = rows.at(-1);
  return (
    `${name} after epoch ${epoch}, ${histories.length} seeds: median ${format(middle)} ` +
    `on validation, from ${format(low)} to ${format(high)}.`
  );
}

export function createCurves() {
  const charts = MEASURES.map((measure) => ({ ...measure, ...createChart(measure.title, "epoch") }));
  return {
    nodes: charts.map(({ node }) => node),
    // runs: [{id, name, history, epochs}] or, of several seeds, [{id, name, histories, epochs}].
    draw(runs) {
      const to = Math.max(...runs.map(({ epochs }) => epochs), 2);
      for (const chart of charts) {
        const series = runs.flatMap((run) =>
          run.histories?.length ? seedSeries(run, chart.key) : singleSeries(run, chart.key),
        );
        const label = runs
          .map((run) => (run.histories?.length ? seedWords(run, chart) : lastWords(run.name, run.history, chart)))
          .join(" ");
        const isLoss = chart.key === "loss";
        const most = Math.max(0, ...series.flatMap(({ points }) => points.map(([, y]) => y)).filter(Number.isFinite));
        const log = isLoss && most > LARGE_LOSS;
        const bounds = isLoss
          ? { low: log ? -1 : 0, high: log ? undefined : Math.max(most, 2.5) }
          : { low: 0, high: 1 };
        chart.draw({ series, from: 1, to, log, ...bounds, format: isLoss ? short : (y) => `${Math.round(100 * y)}%`, label });
      }
    },
    redraw: () => charts.forEach((chart) => chart.redraw()),
  };
}
