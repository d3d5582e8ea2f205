// The Lab's page: settings, trainings and pictures, put together.
//
// There are one or two settings, A and B, each with a Run. A change of the learning rate goes to
// the running training; any other change makes both start anew, so that they stay comparable.

import { schema, normalize } from "../settings.js";
import { startingSettings } from "../challenges.js";
import { CHALLENGES } from "../challenges_source.js";
import { PRESETS } from "../presets_source.js";
import { read, write } from "./address.js";
import { createAnnouncer } from "./announcer.js";
import { createChallenge, resultOf } from "./challenge.js";
import { compare } from "./compare.js";
import { createCurves } from "./curves.js";
import { loadData } from "./data.js";
import { button, element } from "./dom.js";
import { createForm } from "./form.js";
import { program } from "./keras.js";
import { createLayers, epochsTable, layersTable } from "./layers.js";
import { mistakes } from "./mistakes.js";
import { Run } from "./run.js";
import { fromText, toText } from "./saved.js";
import { COUNT, finalAccuracy, SeedRuns } from "./seeds.js";
import { show as showSmall } from "./small.js";
import { epochLine, statusOf } from "./words.js";

const N_TRAIN = 2000; // as in data.js, which is not there yet when the page is shown
const N_VALID = 500;

const onlyRateDiffers = (one, other) =>
  schema.every(({ key }) => key === "learning_rate" || one[key] === other[key]);

export class Page {
  constructor(root, dataAddress) {
    this.root = root;
    this.dataAddress = dataAddress;
    this.data = null;
    this.settings = { a: normalize({}).settings, b: null };
    this.editing = "a";
    this.preset = null;
    this.challenge = null;
    this.runs = {};
    this.seeds = null;
    this.loaded = {}; // id -> what a file said of five seeds
    this.calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.scheduled = false;
    this.build();
    this.resetRuns();
    if (!this.openAddress()) this.showAll();
    addEventListener("hashchange", () => this.openAddress());
    new ResizeObserver(() => {
      this.curves.redraw();
      this.layers.redraw();
    }).observe(this.pictures);
  }

  // The parts of the page.

  build() {
    this.announcer = createAnnouncer();
    this.curves = createCurves();
    this.layers = createLayers();
    this.panel = createChallenge(() => this.tryChallenge(), () => this.leaveChallenge());
    this.form = createForm({ images: N_TRAIN }, (settings) => this.change(settings));
    this.problems = element("div", { class: "lab-problems", role: "alert" });
    this.status = { a: element("p", { class: "run-a" }), b: element("p", { class: "run-b" }) };
    this.verdict = element("p", { class: "lab-verdict" });
    this.mistakes = element("div", {});
    this.buildControls();
    this.buildTables();
    this.buildExports();
    const swatch = (run, style) => element("i", { class: `run-${run} ${style}`, "aria-hidden": "true" });
    const legend = (run, name) => [
      element("span", {}, swatch(run, "solid"), `${name}validation, layers now`),
      element("span", { class: "lab-single" }, swatch(run, "dashed"), `${name}training`),
      element("span", {}, swatch(run, "faint"), `${name}layers, first step`),
    ];
    this.legend = {
      a: element("div", { class: "lab-legend" }, ...legend("a", "")),
      both: element("div", { class: "lab-legend" }, ...legend("a", "A: "), ...legend("b", "B: ")),
    };
    this.seedLegend = element("p", { class: "lab-note" }, "Loss and accuracy: the line is the median of the seeds on validation, the band goes from the lowest to the highest.");
    this.pictures = element(
      "div",
      { class: "lab-pictures" },
      this.status.a,
      this.status.b,
      this.verdict,
      this.legend.a,
      this.legend.both,
      this.seedLegend,
      element("div", { class: "lab-charts" }, ...this.curves.nodes, ...this.layers.nodes),
      this.mistakes,
      this.tables,
      this.keras,
      this.files,
    );
    const side = element("div", { class: "lab-settings" }, this.sides, ...this.form.nodes);
    this.root.replaceChildren(
      this.controls,
      this.problems,
      this.panel.node,
      element("div", { class: "lab-columns" }, side, this.pictures),
      this.announcer.node,
    );
    if (matchMedia("(max-width: 700px)").matches) {
      for (const group of side.querySelectorAll("details")) group.open = false;
    }
  }

  buildControls() {
    this.start = button("Start", () => this.toggle(), { class: "lab-main" });
    this.oneStep = button("One step", () => this.train(1));
    this.oneEpoch = button("One epoch", () => this.train(Infinity));
    this.resetButton = button("Reset", () => this.reset());
    this.fiveSeeds = button("Five seeds", () => this.toggleSeeds());
    const lessons = [...new Set(PRESETS.map((one) => one.lesson_title))];
    const groups = lessons.map((lesson) =>
      element(
        "optgroup",
        { label: lesson },
        ...PRESETS.filter((one) => one.lesson_title === lesson).map(({ name, title }) => element("option", { value: name }, title)),
      ),
    );
    this.chooser = element(
      "select",
      { id: "lab-preset", onchange: () => this.choose(this.chooser.value) },
      element("option", { value: "" }, "your own settings"),
      ...groups,
    );
    this.sentence = element("p", { class: "lab-sentence" });
    this.compared = element("input", {
      type: "checkbox",
      id: "lab-compare",
      onchange: () => this.setCompared(this.compared.checked),
    });
    this.choices = element(
      "div",
      { class: "lab-row" },
      element("label", { for: "lab-preset" }, "Experiment: "),
      this.chooser,
      element("span", { class: "lab-check" }, this.compared, element("label", { for: "lab-compare" }, "Compare two settings, A | B")),
    );
    this.controls = element(
      "div",
      { class: "lab-controls" },
      this.choices,
      this.sentence,
      element(
        "div",
        { class: "lab-row", role: "group", "aria-label": "Training" },
        this.start,
        this.oneStep,
        this.oneEpoch,
        this.resetButton,
        this.fiveSeeds,
      ),
    );
    const choice = (id) => {
      const input = element("input", {
        type: "radio",
        name: "lab-side",
        id: `lab-side-${id}`,
        onchange: () => this.edit(id),
      });
      return [input, element("label", { for: input.id, class: `run-${id}` }, id.toUpperCase())];
    };
    this.sides = element(
      "fieldset",
      { class: "lab-sides" },
      element("legend", {}, "You see the settings of"),
      ...choice("a"),
      ...choice("b"),
    );
  }

  buildTables() {
    this.layersTable = element("div", { class: "lab-scroll", tabindex: 0, role: "region", "aria-label": "Table of the layers" });
    this.epochsTable = element("div", { class: "lab-scroll", tabindex: 0, role: "region", "aria-label": "Table of the epochs" });
    const folded = (title, content) => {
      const node = element("details", {}, element("summary", {}, title), content);
      node.addEventListener("toggle", () => this.showTables());
      return node;
    };
    this.layersFold = folded("Table of the layers", this.layersTable);
    this.epochsFold = folded("Table of the epochs", this.epochsTable);
    this.tables = element("div", {}, this.layersFold, this.epochsFold);
  }

  buildExports() {
    this.code = element("pre", { tabindex: 0, class: "lab-code", role: "region", "aria-label": "The program" });
    this.copied = element("span", { role: "status" });
    const name = element("span", {}, "");
    this.kerasName = name;
    this.keras = element(
      "details",
      {},
      element("summary", {}, "Copy as Keras", name),
      element("p", {}, "The plain program that trains the same network on the same images. It draws other random numbers than this page, so its results differ as those of another seed do."),
      element("p", {}, button("Copy the program", () => this.copy(this.code.textContent)), " "),
      this.code,
    );
    this.keras.addEventListener("toggle", () => this.showKeras());
    this.file = element("input", {
      type: "file",
      id: "lab-file",
      accept: ".json,application/json",
      onchange: () => this.load(),
    });
    this.files = element(
      "div",
      { class: "lab-row lab-files" },
      button("Copy a link to these settings", () => this.copy(location.href)),
      button("Save this training", () => this.save()),
      element("label", { for: "lab-file" }, "Load one: "),
      this.file,
      this.copied,
    );
  }

  // What the reader wants.

  get ids() {
    return this.settings.b ? ["a", "b"] : ["a"];
  }

  name(id) {
    return this.settings.b ? id.toUpperCase() : "The training";
  }

  // New settings of the side that is shown.
  change(settings) {
    const old = this.settings[this.editing];
    this.settings[this.editing] = settings;
    this.preset = null;
    this.writeAddress();
    const run = this.runs[this.editing];
    const several = this.seeds || Object.keys(this.loaded).length;
    if (onlyRateDiffers(old, settings) && !run.over && !several) {
      run.setLearningRate(settings.learning_rate);
    } else {
      const begun = this.ids.some((id) => this.runs[id]?.step > 0);
      this.resetRuns();
      if (begun) this.announcer.say("The settings changed: the training starts anew.", true);
    }
    this.showAll();
  }

  // Settings for both sides, from an address, a preset or a file.
  take(A, B, preset, problems) {
    this.settings = { a: this.limited(A, problems), b: B && this.limited(B, problems) };
    this.preset = preset;
    this.challenge = null;
    this.editing = "a";
    this.form.clearProblems();
    this.showProblems(problems);
    this.resetRuns();
  }

  limited(settings, problems) {
    if (settings.images <= N_TRAIN) return settings;
    problems.push(`images is ${settings.images}; the page has ${N_TRAIN}. All are taken.`);
    return { ...settings, images: N_TRAIN };
  }

  choose(name) {
    const preset = PRESETS.find((one) => one.name === name);
    if (!preset) return;
    const A = normalize(preset.settings).settings;
    const B = preset.b ? normalize(preset.b, A).settings : null;
    this.take(A, B, preset, []);
    this.writeAddress();
    this.showAll();
  }

  openAddress() {
    if (location.hash.startsWith("#challenge-")) return this.openChallenge(location.hash.slice(11));
    const found = read(location.hash, PRESETS);
    if (!found) return false;
    this.take(found.A, found.B, found.preset, found.problems);
    this.showAll();
    if (found.preset) this.root.scrollIntoView({ block: "start" });
    return true;
  }

  openChallenge(id) {
    const challenge = CHALLENGES.find((one) => one.id === id) ?? null;
    const problems = challenge ? [] : [`There is no challenge "${id.slice(0, 40)}".`];
    this.take(challenge ? startingSettings(challenge) : normalize({}).settings, null, null, problems);
    this.challenge = challenge;
    this.showAll();
    if (challenge) this.form.reveal(challenge.free);
    this.root.scrollIntoView({ block: "start" });
    if (challenge) this.panel.title.focus({ preventScroll: true });
    return true;
  }

  leaveChallenge() {
    this.challenge = null;
    this.resetRuns();
    this.writeAddress();
    this.showAll();
    this.start.focus();
  }

  async tryChallenge() {
    if (this.seeds?.busy) {
      this.seeds.stop();
      return this.showAll();
    }
    if (!(await this.ready())) return undefined;
    this.resetRuns();
    const { seeds } = this.challenge;
    const first = { ...this.settings.a, seed: seeds[0] };
    this.seeds = new SeedRuns([["a", first]], this.data, (what) => this.reportSeeds(what), seeds.length);
    return this.showAll();
  }

  writeAddress() {
    const { a, b } = this.settings;
    const named = this.challenge ? `challenge-${this.challenge.id}` : null;
    const text = named ?? (this.preset ? `preset-${this.preset.name}` : write(a, b));
    const target = text ? `#${text}` : `${location.pathname}${location.search}`;
    try {
      history.replaceState(null, "", target);
    } catch {
      location.replace(`#${text}`); // a page within another one may not change its history
    }
  }

  setCompared(wanted) {
    this.settings.b = wanted ? { ...this.settings.a } : null;
    this.editing = wanted ? "b" : "a";
    this.preset = null;
    this.writeAddress();
    this.resetRuns();
    this.showAll();
  }

  edit(id) {
    this.editing = id;
    this.form.clearProblems();
    this.showAll();
  }

  async ready() {
    this.loading ??= loadData(this.dataAddress);
    try {
      this.data ??= await this.loading;
      return true;
    } catch (error) {
      this.loading = null;
      this.showProblems([error.message]);
      return false;
    }
  }

  resetRuns() {
    this.dropSeeds();
    Object.values(this.runs).forEach((run) => run.stop());
    this.runs = {};
    for (const id of this.ids) this.runs[id] = this.newRun(this.settings[id], id);
  }

  newRun(settings, id) {
    return new Run(settings, this.data, (run, what) => {
      if (this.runs[id] === run) this.report(run, id, what);
    });
  }

  dropSeeds() {
    this.seeds?.stop();
    this.seeds = null;
    this.loaded = {};
  }

  get busy() {
    return this.ids.some((id) => this.runs[id].busy);
  }

  async toggle() {
    if (this.busy) {
      this.ids.forEach((id) => this.runs[id].pause());
      return this.showAll();
    }
    if (!(await this.ready())) return undefined;
    if (this.seeds || this.ids.every((id) => this.runs[id].over)) this.resetRuns();
    for (const id of this.ids) {
      this.runs[id].data = this.data;
      this.runs[id].start();
    }
    return this.showAll();
  }

  async train(steps) {
    if (this.busy || !(await this.ready())) return;
    if (this.seeds || this.ids.every((id) => this.runs[id].over)) this.resetRuns();
    for (const id of this.ids) {
      this.runs[id].data = this.data;
      this.runs[id].train(steps);
    }
    this.showAll();
  }

  reset() {
    this.showProblems([]);
    this.resetRuns();
    this.announcer.say("Reset.", true);
    this.showAll();
  }

  async toggleSeeds() {
    if (this.seeds?.busy) {
      this.seeds.stop();
      return this.showAll();
    }
    if (!(await this.ready())) return undefined;
    this.resetRuns();
    const named = this.ids.map((id) => [id, this.settings[id]]);
    this.seeds = new SeedRuns(named, this.data, (what) => this.reportSeeds(what));
    return this.showAll();
  }

  // What the trainings report.

  report(run, id, what) {
    if (what === "epoch" && run.state !== "done") this.announcer.say(epochLine(run, this.name(id)));
    if (what === "done" || what === "failed") {
      this.announcer.say(statusOf(run, this.name(id)), true);
      this.showButtons();
    }
    this.schedule(what);
  }

  reportSeeds(what) {
    if (this.seeds?.done && what === "done") {
      const words = this.challenge ? [resultOf(this.challenge, this.seeds)] : this.seedWords();
      this.announcer.say(words.join(" "), true);
      this.showButtons();
    }
    this.schedule(what);
  }

  // Pictures are drawn once per frame; for readers who want less motion, once per epoch.
  schedule(what) {
    if (this.scheduled || (this.calm && what === "layers" && this.busy)) return;
    this.scheduled = true;
    requestAnimationFrame(() => {
      this.scheduled = false;
      this.showTraining();
    });
  }

  // What is shown.

  showAll() {
    const other = this.editing === "a" ? "b" : "a";
    const beside = this.settings.b ? [other.toUpperCase(), this.settings[other]] : null;
    this.form.lock(this.challenge?.free ?? null, this.challenge && startingSettings(this.challenge));
    this.form.show(this.settings[this.editing], beside);
    this.sides.hidden = !this.settings.b;
    for (const id of ["a", "b"]) {
      this.sides.querySelector(`#lab-side-${id}`).checked = this.editing === id;
    }
    this.compared.checked = this.settings.b !== null;
    this.choices.hidden = this.challenge !== null;
    this.chooser.value = this.preset?.name ?? "";
    this.sentence.textContent = this.preset?.sentence ?? "";
    this.sentence.hidden = !this.preset;
    this.legend.a.hidden = this.settings.b !== null;
    this.legend.both.hidden = this.settings.b === null;
    this.showButtons();
    this.showTraining();
    this.showKeras();
  }

  showButtons() {
    const seeding = this.seeds?.busy ?? false;
    const over = this.ids.every((id) => this.runs[id].over);
    this.start.textContent = this.busy ? "Pause" : over ? "Start again" : "Start";
    this.start.disabled = seeding;
    this.oneStep.disabled = seeding || this.busy;
    this.oneEpoch.disabled = seeding || this.busy;
    this.fiveSeeds.textContent = seeding ? "Stop the five seeds" : "Five seeds";
    this.fiveSeeds.disabled = this.busy;
    this.fiveSeeds.hidden = this.challenge !== null;
    this.panel.show(this.challenge, this.settings.a, this.seeds);
  }

  showProblems(problems) {
    problems = [...new Set(problems)];
    const items = problems.slice(0, 10).map((problem) => element("li", {}, problem));
    if (problems.length > 10) items.push(element("li", {}, `and ${problems.length - 10} more`));
    const words = element("p", {}, "Not everything could be taken as it was:");
    this.problems.replaceChildren(...(items.length ? [words, element("ul", {}, ...items)] : []));
  }

  // The training of a side that is shown: its own, or that of the seed at work.
  shownRun(id) {
    return this.seeds?.side(id)?.run ?? this.runs[id];
  }

  // The finished trainings of a side with several seeds.
  finishedSeeds(id) {
    return this.seeds?.side(id)?.finished ?? this.loaded[id] ?? [];
  }

  showTraining() {
    const shown = this.ids.map((id) => {
      const run = this.shownRun(id);
      const histories = this.finishedSeeds(id).map(({ history }) => history).filter(({ length }) => length);
      const { history, layers, firstLayers, settings } = run;
      const { epochs, depth } = settings;
      return { id, name: this.name(id), run, history, histories, layers, firstLayers, epochs, depth };
    });
    this.curves.draw(shown);
    this.layers.draw(shown);
    const several = this.ids.some((id) => this.seeds || this.finishedSeeds(id).length);
    for (const id of ["a", "b"]) {
      const line = this.status[id];
      line.hidden = !this.settings[id];
      if (line.hidden) continue;
      line.textContent = several ? this.seedLine(id) : statusOf(this.runs[id], this.name(id));
    }
    this.verdict.textContent = several ? this.comparison() : "";
    this.verdict.hidden = !this.verdict.textContent;
    this.seedLegend.hidden = !several;
    for (const part of this.pictures.querySelectorAll(".lab-single")) part.hidden = several;
    this.showMistakes(several);
    this.showTables();
    if (!this.busy) this.showButtons();
  }

  seedLine(id) {
    const finished = this.finishedSeeds(id);
    const count = this.seeds?.count ?? COUNT;
    const values = finished.map(finalAccuracy);
    const list = values.map((value) => (Number.isFinite(value) ? `${(100 * value).toFixed(1)}%` : "exploded"));
    const name = this.settings.b ? id.toUpperCase() : this.challenge ? "The challenge" : "Five seeds";
    const state = this.seeds?.busy && finished.length < count ? ` Seed ${finished.length + 1} of ${count} is at work.` : "";
    if (!values.length) return `${name}: validation accuracy of ${count} seeds.${state}`;
    const usable = [...values].filter(Number.isFinite).sort((x, y) => x - y);
    const middle = usable.length ? `median ${(100 * usable[Math.floor(usable.length / 2)]).toFixed(1)}%, ` : "";
    return `${name}: ${middle}validation accuracy by seed ${list.join(", ")}.${state}`;
  }

  seedWords() {
    return [...this.ids.map((id) => this.seedLine(id)), this.comparison()].filter(Boolean);
  }

  // The sentence of `compare`, once both sides have all their seeds.
  comparison() {
    if (!this.settings.b) return "";
    const [a, b] = ["a", "b"].map((id) => this.finishedSeeds(id).map(finalAccuracy));
    const count = Math.min(a.length, b.length);
    if (count < 2 || this.seeds?.busy) return "";
    return compare("A", a.slice(0, count), "B", b.slice(0, count)).sentence;
  }

  showMistakes(several) {
    const shown = several ? [] : this.ids.filter((id) => this.runs[id].state === "done");
    const key = shown.map((id) => `${id}${this.runs[id].step}`).join();
    if (this.mistakesOf === key) return;
    this.mistakesOf = key;
    const parts = shown
      .filter((id) => this.runs[id].reason !== "not finite")
      .flatMap((id) => mistakes(this.settings.b ? id.toUpperCase() : "This network", this.runs[id].misclassified, this.data));
    this.mistakes.replaceChildren(...parts);
  }

  showTables() {
    const none = (words) => [element("p", {}, words)];
    if (this.layersFold.open) {
      const tables = this.ids
        .map((id) => [id, this.shownRun(id)])
        .filter(([, { layers }]) => layers)
        .map(([id, { step, layers }]) => layersTable(this.name(id), step, layers));
      this.layersTable.replaceChildren(...(tables.length ? tables : none("No step has been made.")));
    }
    if (this.epochsFold.open) {
      const tables = this.ids
        .map((id) => [id, this.shownRun(id)])
        .filter(([, { history }]) => history.length)
        .map(([id, { history }]) => epochsTable(this.name(id), history));
      this.epochsTable.replaceChildren(...(tables.length ? tables : none("No epoch is finished.")));
    }
  }

  showKeras() {
    this.kerasName.textContent = this.settings.b ? ` (${this.editing.toUpperCase()})` : "";
    if (!this.keras.open) return;
    const run = this.runs[this.editing];
    this.code.textContent = program(run.initial, { nTrain: N_TRAIN, nValid: N_VALID }, run.rateChanges);
  }

  // To and from elsewhere.

  async copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      this.copied.textContent = "Copied.";
    } catch {
      this.copied.textContent = "The browser does not let this page copy; select the text and copy it.";
    }
  }

  save() {
    const side = (id) => {
      const { initial: settings, history, reason, rateChanges } = this.runs[id];
      const seeds = this.finishedSeeds(id).map((run, i) => ({
        seed: settings.seed + i,
        history: run.history,
        reason: run.reason,
      }));
      return { settings, history, reason, rateChanges, seeds };
    };
    const text = toText({ A: side("a"), B: this.settings.b ? side("b") : null });
    const link = element("a", {
      href: URL.createObjectURL(new Blob([text], { type: "application/json" })),
      download: "lab-run.json",
    });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  async load() {
    const [file] = this.file.files;
    if (!file) return;
    const { A, B, problems } = fromText(await file.text());
    this.file.value = "";
    if (!A) return void this.showProblems(problems);
    this.take(A.settings, B?.settings ?? null, null, problems);
    for (const [id, side] of [["a", A], ["b", B]]) {
      if (!side) continue;
      const run = this.runs[id];
      if (side.history.length) Object.assign(run, { history: side.history, reason: side.reason, state: "loaded" });
      run.rateChanges = side.rateChanges;
      this.loaded[id] = side.seeds.map((seed) => ({ ...seed, settings: side.settings }));
    }
    this.writeAddress();
    this.showAll();
  }
}

// One experiment on another page.
export const show = showSmall;

export function open(dataAddress) {
  const root = document.getElementById("lab");
  if (root) window.labPage = new Page(root, dataAddress);
}
