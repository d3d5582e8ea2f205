// One experiment on another page, such as the landing page: A and B, trained where the reader is.
//
// `place` holds a picture of the result. It gives way to two charts of the Lab, and to what
// the trainings say; the rest is on the Lab's own page, to which the text around it links.

import { normalize, schema } from "../settings.js";
import { PRESETS } from "../presets_source.js";
import { createAnnouncer } from "./announcer.js";
import { createCurves } from "./curves.js";
import { loadData } from "./data.js";
import { button, element } from "./dom.js";
import { createLayers } from "./layers.js";
import { Run } from "./run.js";
import { statusOf } from "./words.js";

// "A (Sigmoid, Glorot uniform)": in what the two differ.
function nameOf(id, settings, others) {
  const values = Object.keys(others).map((key) => {
    const { choices, label } = schema.find((entry) => entry.key === key);
    return choices?.find(({ value }) => value === settings[key]).label ?? `${label}: ${settings[key]}`;
  });
  return `${id.toUpperCase()} (${values.join(", ")})`;
}

export async function show(place, name, dataAddress) {
  const preset = PRESETS.find((one) => one.name === name);
  const A = normalize(preset.settings).settings;
  const all = [["a", A], ["b", normalize(preset.b, A).settings]].map(([id, settings]) => ({
    id,
    settings,
    name: nameOf(id, settings, preset.b),
  }));
  const curves = createCurves();
  const layers = createLayers();
  const lines = all.map(({ id, name: label }) => element("p", { class: `run-${id}` }, `${label}: the images are on their way.`));
  const announcer = createAnnouncer();
  const again = button("Again", () => begin(), { class: "lab-main", disabled: true });
  place.replaceChildren(
    element(
      "div",
      { id: "lab", class: "lab-small" },
      ...lines,
      element("div", { class: "lab-charts" }, curves.nodes[1], layers.nodes[0]),
      again,
      announcer.node,
    ),
  );
  let runs = [];
  const shown = () =>
    runs.map((run, i) => {
      const { history, layers: now, firstLayers, settings } = run;
      return { id: all[i].id, name: all[i].name, history, layers: now, firstLayers, epochs: settings.epochs, depth: settings.depth };
    });
  function draw() {
    curves.draw(shown());
    layers.draw(shown());
    runs.forEach((run, i) => (lines[i].textContent = statusOf(run, all[i].name)));
    again.disabled = !runs.every(({ over }) => over);
  }
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches; // then once per epoch
  let asked = false;
  function changed(run, what) {
    if (what === "done") announcer.say(statusOf(run, all[runs.indexOf(run)].name), true);
    if (asked || (calm && what === "layers")) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      draw();
    });
  }
  let data = null;
  function begin() {
    runs = all.map(({ settings }) => new Run(settings, data, changed));
    runs.forEach((run) => run.start());
    draw();
  }
  try {
    data = await loadData(dataAddress);
    begin();
  } catch (error) {
    lines[0].textContent = error.message;
    lines[1].textContent = "";
  }
}
