// Save and load: a training as a JSON file. JSON has no NaN, so what is not finite is a string.
//
//   {"format": "lab-run", "version": 1, "A": side, "B": side or null}
//   side: {settings, history, reason, rateChanges, seeds: [{seed, history, reason}, ...]}
//
// A file may be damaged or made by hand: what can't be used is named and left out.

import { normalize } from "../settings.js";

const KEYS = ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds"];
const REASONS = ["finished", "stopped early", "not finite"];
const NOT_FINITE = { NaN: NaN, Infinity: Infinity, "-Infinity": -Infinity };
const MOST_BYTES = 5e6;

export function toText(content) {
  const plain = (_, value) =>
    typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
  return `${JSON.stringify({ format: "lab-run", version: 1, ...content }, plain, 1)}\n`;
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

function numberFrom(value) {
  if (typeof value === "number") return value;
  return typeof value === "string" && Object.hasOwn(NOT_FINITE, value) ? NOT_FINITE[value] : null;
}

// The epochs up to the first one that can't be read.
function readHistory(given, where, problems) {
  if (!Array.isArray(given)) {
    if (given !== undefined) problems.push(`${where}: the history is not a list; it is left out.`);
    return [];
  }
  const history = [];
  for (const [i, entry] of given.slice(0, 200).entries()) {
    const log = isObject(entry) ? Object.fromEntries(KEYS.map((key) => [key, numberFrom(entry[key])])) : {};
    if (KEYS.some((key) => (log[key] ?? null) === null) || log.epoch !== i + 1) {
      problems.push(`${where}: epoch ${i + 1} of the history can't be read; it ends before.`);
      break;
    }
    history.push(log);
  }
  return history;
}

const readReason = (value) => (REASONS.includes(value) ? value : null);

function readSide(given, name, problems) {
  if (!isObject(given)) {
    problems.push(`${name} is not an object; it has the default settings.`);
    return { settings: normalize({}).settings, history: [], reason: null, rateChanges: [], seeds: [] };
  }
  const read = normalize(given.settings);
  problems.push(...read.problems.map((problem) => `${name}: ${problem}`));
  const changes = Array.isArray(given.rateChanges) ? given.rateChanges.slice(0, 1000) : [];
  const seeds = Array.isArray(given.seeds) ? given.seeds.slice(0, 5).filter(isObject) : [];
  return {
    settings: read.settings,
    history: readHistory(given.history, name, problems),
    reason: readReason(given.reason),
    rateChanges: changes
      .filter((change) => isObject(change) && Number.isFinite(change.step) && Number.isFinite(change.rate))
      .map(({ step, rate }) => ({ step, rate })),
    seeds: seeds.map((seed, i) => ({
      history: readHistory(seed.history, `${name}, seed ${i + 1}`, problems),
      reason: readReason(seed.reason),
    })),
  };
}

// Return {A, B, problems}; A is null if the text is no saved training at all.
export function fromText(text) {
  const problems = [];
  let content;
  try {
    if (text.length > MOST_BYTES) throw new Error(`it is longer than ${MOST_BYTES} characters`);
    content = JSON.parse(text);
  } catch (error) {
    return { A: null, B: null, problems: [`The file is not JSON (${error.message}).`] };
  }
  if (!isObject(content) || content.format !== "lab-run") {
    return { A: null, B: null, problems: ['The file is not a saved training: its format is not "lab-run".'] };
  }
  if (content.version !== 1) problems.push("The file is of another version; what is known is taken.");
  const A = readSide(content.A, "A", problems);
  const B = content.B === null || content.B === undefined ? null : readSide(content.B, "B", problems);
  return { A, B, problems };
}
