// One experiment on another page, such as the landing page: A and B, trained where the reader is.
//
// `place` holds a picture of the result. It gives way to two charts of the Lab, and to what
// the trainings say; the rest is on the Lab's own page, to which the text around it links.

import { normalize } from "../settings.js";
import { PRESETS } from "../presets_source.js";
import { createAnnouncer } from "./announcer.js";
import { createCurves } from "./curves.js";
import { loadData } from "./data.js";
import { button, element } from "./dom.js";
import { createLayers } from "./layers.js";
import { Run } from "./run.js";
import { statusOf } from "./words.js";

export async function show(place, name, dataAddress) {
  const preset = PRESETS.find((one) => one.name === name);
  const A = normalize(preset.settings).settings;
  const all = [["a", A], ["b", normalize(preset.b, A).settings]];
  const curves = createCurves();
  const layers = createLayers();
  const lines = all.map(([id]) => element("p", { class: `run-${id}` }, "The images are on their way."));
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
      const [id, label] = [all[i][0], all[i][0].toUpperCase()];
      return { id, name: label, history, layers: now, firstLayers, epochs: settings.epochs, depth: settings.depth };
    });
  function draw() {
    curves.draw(shown());
    layers.draw(shown());
    runs.forEach((run, i) => (lines[i].textContent = statusOf(run, all[i][0].toUpperCase())));
    again.disabled = !runs.every(({ over }) => over);
  }
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches; // then once per epoch
  let asked = false;
  function changed(run, what) {
    if (what === "done") announcer.say(statusOf(run, all[runs.indexOf(run)][0].toUpperCase()), true);
    if (asked || (calm && what === "layers")) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      draw();
    });
  }
  let data = null;
  function begin() {
    runs = all.map(([, settings]) => new Run(settings, data, changed));
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
