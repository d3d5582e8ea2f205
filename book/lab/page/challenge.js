// The panel of a challenge: what may be chosen, what must come out, how far it is, and a file to
// hand in. The rules themselves are in ../challenges.js, which the grading program uses, too.

import { schema } from "../settings.js";
import {
  brokenRules, fullPoints, handIn, levelText, MEASURES, medianValue, pointsFor, reaches, valueOf,
} from "../challenges.js";
import { button, element } from "./dom.js";

const shown = (challenge, value) =>
  value === null
    ? "no result"
    : challenge.measure === "val_loss" ? value.toFixed(3) : `${(100 * value).toFixed(1)}%`;

const fileName = (challenge, name) => {
  const plain = name.normalize("NFKD").replace(/[^A-Za-z0-9]+/g, "_").replace(/^_+|_+$/g, "");
  return `${challenge.id}-${plain.slice(0, 60) || "hand_in"}.json`;
};

function download(name, content) {
  const text = `${JSON.stringify(content, null, 1)}\n`;
  const link = element("a", {
    href: URL.createObjectURL(new Blob([text], { type: "application/json" })),
    download: name,
  });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// The values of the seeds that are finished: of SeedRuns, or none.
export const valuesOf = (challenge, seeds) =>
  (seeds?.side("a")?.finished ?? []).map((run) => valueOf(challenge, run));

// What came out, in a sentence; "" before all seeds are finished.
export function resultOf(challenge, seeds) {
  const values = valuesOf(challenge, seeds);
  if (!seeds || seeds.busy || values.length < challenge.seeds.length) return "";
  const median = medianValue(challenge, values);
  const list = values.map((value) => shown(challenge, value)).join(", ");
  const points = `${pointsFor(challenge, median)} of ${fullPoints(challenge)} points`;
  if (median === null) return `${list}: most trainings did not stay finite. ${points}.`;
  return `${list}; the median is ${shown(challenge, median)}: ${points}.`;
}

// tryIt and leave are called by the panel's buttons.
export function createChallenge(tryIt, leave) {
  const title = element("h3", { tabindex: -1 });
  const text = element("p", {});
  const rules = element("p", {});
  const levels = element("ul", { class: "lab-levels" });
  const broken = element("ul", { role: "alert" });
  const result = element("p", { class: "lab-result" });
  const start = button("", tryIt, { class: "lab-main" });
  const name = element("input", { type: "text", id: "lab-name", autocomplete: "name", maxlength: 200 });
  const hand = button("Hand in", () => {
    const values = valuesOf(current.challenge, current.seeds);
    const results = current.challenge.seeds.map((seed, i) => ({ seed, value: values[i] }));
    const { challenge, settings } = current;
    download(fileName(challenge, name.value), handIn(challenge, name.value.trim(), settings, results));
  });
  const note = element("p", {}, "Enter your name first. Hand in stores a small file with your name, the settings and the results. Give it to your teacher, who runs the same trainings again.");
  let current = null;
  name.addEventListener("input", () => show(current.challenge, current.settings, current.seeds));
  const node = element(
    "section",
    { class: "lab-challenge", "aria-label": "Challenge", hidden: true },
    title,
    text,
    rules,
    levels,
    broken,
    element("div", { class: "lab-row" }, start, button("Leave the challenge", leave)),
    result,
    element("div", { class: "lab-row" }, element("label", { for: "lab-name" }, "Your name: "), name, hand),
    note,
  );

  function show(challenge, settings, seeds) {
    current = { challenge, settings, seeds };
    node.hidden = !challenge;
    if (!challenge) return;
    const values = valuesOf(challenge, seeds);
    const finished = resultOf(challenge, seeds);
    const median = finished ? medianValue(challenge, values) : null;
    const labels = schema.filter(({ key }) => Object.hasOwn(challenge.free, key)).map(({ label }) => label);
    const wrong = brokenRules(challenge, settings);
    title.textContent = `Challenge: ${challenge.title}`;
    text.textContent = challenge.text;
    rules.textContent =
      `You may choose: ${labels.join(", ")}. What counts is the ${MEASURES[challenge.measure]} ` +
      `after the last epoch, as the median of ${challenge.seeds.length} seeds. ` +
      "Start, above, tries your settings with one seed, which does not count.";
    const items = challenge.levels.map((level) => {
      const points = `${level.points} ${level.points === 1 ? "point" : "points"}: ${levelText(level)}`;
      return element("li", {}, finished && reaches(level, median) ? `${points} ✓ reached` : points);
    });
    levels.replaceChildren(...items);
    broken.replaceChildren(...wrong.map((problem) => element("li", {}, problem)));
    start.textContent = seeds?.busy ? "Stop" : `Train with seeds ${challenge.seeds.join(", ")}`;
    start.disabled = wrong.length > 0;
    result.textContent = seeds?.busy
      ? `Seed ${values.length + 1} of ${challenge.seeds.length} is at work.`
      : finished || "Not tried with these settings yet.";
    hand.disabled = !finished || !name.value.trim();
  }

  return { node, show, title };
}
