// The settings as a form, made from their schema: one group per fieldset.
//
// A number is taken when the reader leaves its field or presses Enter; what can't be taken is named
// below the field, and the nearest value stands in it. Settings without an effect are hidden.

import { schema, normalize, applies } from "../settings.js";
import { element } from "./dom.js";

const OPEN = ["Network", "Optimizer", "Training"];
// A slider beside the number, for the mouse; keyboards and screen readers have the number.
const SLIDERS = ["depth", "width", "learning_rate", "dropout", "epochs", "images"];
// A choice with more letters stands below its label, over the whole width.
const LONG = 13;
const LOGARITHMIC = { learning_rate: [-4, 1] };

function sliderFor(entry, limits) {
  const [low, high] = LOGARITHMIC[entry.key] ?? [entry.min, limits[entry.key] ?? entry.max];
  const fine = entry.kind === "int" ? 1 : (high - low) / 100;
  return element("input", {
    type: "range",
    min: low,
    max: entry.key === "epochs" ? 50 : high,
    step: fine,
    tabindex: -1,
    "aria-hidden": "true",
  });
}

const fromSlider = (key, value) =>
  LOGARITHMIC[key] ? Number((10 ** value).toPrecision(2)) : Number(value.toPrecision(6));
const toSlider = (key, value) => (LOGARITHMIC[key] ? Math.log10(value) : value);

// limits: {key: greatest value on this page}. changed(settings): what the reader wants, valid.
export function createForm(limits, changed) {
  let settings = normalize({}).settings;
  let other = null;
  let chosen = null; // in a challenge: {free, start}
  const fields = new Map();

  function wish(entry, value) {
    const asked = normalize({ ...settings, [entry.key]: value });
    let [problem = ""] = asked.problems;
    if (asked.settings[entry.key] > (limits[entry.key] ?? Infinity)) {
      asked.settings[entry.key] = limits[entry.key];
      problem = `The page has ${limits[entry.key]}; all are taken.`;
    }
    fields.get(entry.key).problem.textContent = problem;
    const isNew = schema.some(({ key }) => asked.settings[key] !== settings[key]);
    show(asked.settings, other);
    if (isNew) changed(asked.settings);
  }

  function fieldFor(entry) {
    const id = `lab-${entry.key}`;
    const problem = element("span", { class: "lab-problem", id: `${id}-problem`, role: "alert" });
    const describedBy = { id, "aria-describedby": problem.id };
    let input;
    let slider = null;
    if (entry.kind === "choice") {
      const options = entry.choices.map(({ value, label }) => element("option", { value }, label));
      input = element("select", { ...describedBy, onchange: () => wish(entry, input.value) }, ...options);
    } else if (entry.kind === "bool") {
      input = element("input", { ...describedBy, type: "checkbox", onchange: () => wish(entry, input.checked) });
    } else {
      input = element("input", {
        ...describedBy,
        type: "text",
        inputmode: entry.kind === "int" ? "numeric" : "decimal",
        autocomplete: "off",
        onchange: () => wish(entry, input.value.trim().replace(",", ".")),
      });
      if (SLIDERS.includes(entry.key)) {
        slider = sliderFor(entry, limits);
        slider.addEventListener("input", () => wish(entry, fromSlider(entry.key, Number(slider.value))));
      }
    }
    const before = element("span", { class: "lab-other" });
    const label = element("label", { for: id }, entry.label);
    const isLong = entry.choices?.some((choice) => choice.label.length > LONG) ? "long" : "";
    const row = element("div", { class: `lab-field ${entry.kind} ${isLong}` }, label, input, slider, before, problem);
    fields.set(entry.key, { row, input, slider, problem, before });
    return row;
  }

  const groups = [...new Set(schema.map(({ group }) => group))].map((group) => {
    const entries = schema.filter((entry) => entry.group === group);
    const count = element("span", { class: "lab-changed" });
    const node = element(
      "details",
      { class: "lab-group", open: OPEN.includes(group) },
      element("summary", {}, group, " ", count),
      ...entries.map(fieldFor),
    );
    return { node, entries, count };
  });

  const shownValue = (entry, value) =>
    entry.kind === "choice"
      ? entry.choices.find((choice) => choice.value === value).label
      : entry.kind === "bool"
        ? value ? "on" : "off"
        : String(value);

  // Whether the reader chose it: other than the default or, in a challenge, than its start.
  const isChanged = ({ key, default: usual }) =>
    chosen
      ? Object.hasOwn(chosen.free, key) && settings[key] !== chosen.start[key]
      : settings[key] !== usual;

  // Show `now`; where the other of A and B differs, say what it has: [name, settings].
  function show(now, beside = null) {
    settings = now;
    other = beside;
    for (const entry of schema) {
      const { row, input, slider, before } = fields.get(entry.key);
      if (entry.kind === "bool") input.checked = now[entry.key];
      else input.value = String(now[entry.key]);
      if (slider) slider.value = toSlider(entry.key, now[entry.key]);
      row.hidden = !applies(entry.key, now) || (entry.key === "alpha_dropout" && now.dropout === 0);
      const differs = beside && beside[1][entry.key] !== now[entry.key];
      before.textContent = differs ? `${beside[0]} has ${shownValue(entry, beside[1][entry.key])}` : "";
    }
    for (const { entries, count } of groups) {
      const changes = entries.filter((entry) => isChanged(entry) && applies(entry.key, now));
      count.textContent = changes.length ? `(${changes.length} changed)` : "";
    }
  }

  show(settings);
  const clearProblems = () => fields.forEach(({ problem }) => (problem.textContent = ""));
  // Only the settings in `free` of a challenge can be changed; with null, all can. `show` follows.
  function lock(free, start) {
    chosen = free && { free, start };
    for (const [key, { input, slider, row }] of fields) {
      const locked = free !== null && !Object.hasOwn(free, key);
      input.disabled = locked;
      if (slider) slider.disabled = locked;
      row.classList.toggle("locked", locked);
    }
  }

  // Open the groups with settings in `free`, and no others.
  function reveal(free) {
    for (const { node, entries } of groups) {
      node.open = entries.some(({ key }) => Object.hasOwn(free, key));
    }
  }

  return { nodes: groups.map(({ node }) => node), show, lock, reveal, clearProblems };
}
