// A line chart: whole numbers below, a linear or logarithmic axis at the left.
//
//   const chart = createChart("Loss", "epoch");
//   chart.draw({series, from, to, log, low, high, format, label});
//
// A series is {run: "a" | "b", style: "solid" | "dashed" | "faint", points: [[x, y], ...],
// band: [[x, low, high], ...]}. What is not a number stands as a cross at the upper edge, so
// that an explosion is to be seen where it happens. `label` is the chart in words.

import { element, svg } from "./dom.js";
import { powerOfTen, short } from "./numbers.js";

const HEIGHT = 190;
const MARGIN = { left: 44, right: 10, top: 10, bottom: 34 };

// Up to six round numbers from low to high.
export function roundTicks(low, high, most = 6) {
  const rough = (high - low) / (most - 1) || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough * 0.999);
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i++) {
    ticks.push(Number((i * step).toPrecision(12)));
  }
  return ticks;
}

// Powers of ten, given as exponents, not more than six.
export function decades(low, high) {
  const step = Math.max(1, Math.ceil((high - low) / 5));
  const ticks = [];
  for (let exponent = Math.ceil(low / step) * step; exponent <= high; exponent += step) {
    ticks.push(exponent);
  }
  return ticks;
}

function limits(values, { log, low, high }) {
  const usable = values.filter((value) => Number.isFinite(value) && (!log || value > 0));
  if (log) {
    const exponents = usable.map((value) => Math.log10(value));
    const smallest = Math.floor(Math.min(...exponents, low ?? 0));
    const greatest = Math.ceil(Math.max(...exponents, high ?? 0));
    return [smallest, Math.max(greatest, smallest + 1)];
  }
  const smallest = low ?? Math.min(0, ...usable);
  const greatest = high ?? Math.max(...usable, smallest);
  return [smallest, greatest > smallest ? greatest : smallest + 1];
}

function marker(run, x, y) {
  if (run === "b") return svg("rect", { x: x - 3, y: y - 3, width: 6, height: 6, class: "mark" });
  return svg("circle", { cx: x, cy: y, r: 3, class: "mark" });
}

function cross(x, y) {
  const d = `M${x - 4},${y - 4}l8,8m0,-8l-8,8`;
  return svg("path", { d, class: "cross" });
}

// A path through the points, with gaps where there is none.
function pathOf(points) {
  let pen = "M";
  return points
    .map((point) => {
      if (!point) {
        pen = "M";
        return "";
      }
      const text = `${pen}${point[0].toFixed(1)},${point[1].toFixed(1)}`;
      pen = "L";
      return text;
    })
    .join("");
}

export function createChart(title, xTitle, note = "") {
  const picture = svg("svg", { role: "img", class: "lab-chart", "aria-label": title });
  const unit = element("span", { class: "lab-unit" });
  const node = element(
    "figure",
    { class: "lab-figure" },
    element("figcaption", {}, element("strong", {}, title), " ", element("span", { class: "lab-note" }, note, " "), unit),
    picture,
  );
  let last = null;

  function draw(content) {
    last = content;
    const { series, from, to, log = false, format = short, label = "" } = content;
    const width = Math.max(picture.clientWidth || 300, 200);
    const values = series.flatMap(({ points, band = [] }) => [
      ...points.map(([, y]) => y),
      ...band.flatMap(([, low, high]) => [low, high]),
    ]);
    const [bottom, top] = limits(values, content);
    const across = (x) =>
      MARGIN.left + ((x - from) / Math.max(to - from, 1)) * (width - MARGIN.left - MARGIN.right);
    const room = HEIGHT - MARGIN.top - MARGIN.bottom;
    const up = (y) => {
      const place = log ? (y > 0 ? Math.log10(y) : bottom) : y;
      const share = (Math.min(Math.max(place, bottom), top) - bottom) / (top - bottom);
      return HEIGHT - MARGIN.bottom - share * room;
    };
    const parts = [];
    for (const tick of log ? decades(bottom, top) : roundTicks(bottom, top)) {
      const y = HEIGHT - MARGIN.bottom - ((tick - bottom) / (top - bottom)) * room;
      parts.push(svg("line", { x1: MARGIN.left, x2: width - MARGIN.right, y1: y, y2: y, class: "grid" }));
      const text = log ? powerOfTen(tick) : format(tick);
      parts.push(svg("text", { x: MARGIN.left - 6, y: y + 4, "text-anchor": "end" }, text));
    }
    const ticks = roundTicks(from, to, width > 400 ? 11 : 6).filter(Number.isInteger);
    for (const tick of ticks) {
      parts.push(
        svg("text", { x: across(tick), y: HEIGHT - MARGIN.bottom + 15, "text-anchor": "middle" }, String(tick)),
      );
    }
    const middle = (MARGIN.left + width - MARGIN.right) / 2;
    parts.push(svg("text", { x: middle, y: HEIGHT - 3, "text-anchor": "middle" }, xTitle));
    for (const { run, style, points, band = [] } of series) {
      const shape = [];
      if (band.length) {
        const upper = band.map(([x, , high]) => [across(x), up(high)]);
        const lower = band.map(([x, low]) => [across(x), up(low)]).reverse();
        shape.push(svg("path", { d: `${pathOf([...upper, ...lower])}Z`, class: "band" }));
      }
      const places = points.map(([x, y]) =>
        y === null || y === undefined || !Number.isFinite(y) ? null : [across(x), up(y)],
      );
      shape.push(svg("path", { d: pathOf(places), class: "line" }));
      if (style === "solid") {
        const few = places.length <= 30 ? places : places.slice(-1);
        few.forEach((place) => place && shape.push(marker(run, ...place)));
      }
      points.forEach(([x, y]) => {
        if (typeof y === "number" && !Number.isFinite(y)) shape.push(cross(across(x), MARGIN.top + 5));
      });
      parts.push(svg("g", { class: `run-${run} ${style}` }, ...shape));
    }
    picture.setAttribute("width", width);
    picture.setAttribute("height", HEIGHT);
    picture.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    picture.setAttribute("aria-label", `${title}. ${label}`);
    unit.textContent = log ? "(logarithmic)" : "";
    picture.replaceChildren(...parts);
  }

  const redraw = () => last && draw(last);
  return { node, draw, redraw };
}
