// A challenge: what is fixed, what may be chosen, and what must come out.
//
//   {id, title, lesson, text,
//    fixed: {key: value, ...}        settings that nobody may change,
//    free: {key: null | {min, max} | {choices: [...]}, ...}   settings to choose, with narrower
//                                    limits than usual, if any; all others keep their defaults
//    start: {key: value, ...}        where the free settings begin
//    seeds: [1, 2, 3],
//    measure: "val_accuracy" | "val_loss",   after the last epoch, median over the seeds
//    levels: [{points, at_least} | {points, at_most}, ...]   the highest that is reached counts}
//
// A hand-in: {format: "lab hand-in 1", challenge: id, name, settings, results: [{seed, value}]}.
// The page and the program that grades use the same functions.

import { normalize } from "./settings.js";

export const FORMAT = "lab hand-in 1";
export const MEASURES = { val_accuracy: "validation accuracy", val_loss: "validation loss" };
const TOLERANCE = 1e-3; // one validation image in 500 is 2e-3
const LONGEST_NAME = 200;

const isObject = (value) =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const quoted = (value) => {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
};

// The settings with which a challenge begins.
export function startingSettings(challenge) {
  return normalize({ ...challenge.start, ...challenge.fixed, seed: challenge.seeds[0] }).settings;
}

// One sentence for each setting that breaks the rules of the challenge.
export function brokenRules(challenge, settings) {
  const { settings: given, problems } = normalize(settings);
  const start = startingSettings(challenge);
  const broken = [...problems];
  for (const [key, value] of Object.entries(given)) {
    if (key === "seed") continue; // each seed of the challenge is run
    if (!Object.hasOwn(challenge.free, key)) {
      if (value !== start[key]) {
        broken.push(`${key} is ${quoted(value)}; in this challenge it is ${quoted(start[key])}.`);
      }
      continue;
    }
    const { min = -Infinity, max = Infinity, choices = null } = challenge.free[key] ?? {};
    if (choices && !choices.includes(value)) {
      broken.push(`${key} is ${quoted(value)}; it must be one of ${choices.join(", ")}.`);
    }
    if (typeof value === "number" && !(value >= min && value <= max)) {
      broken.push(`${key} is ${value}; it must be from ${min} to ${max}.`);
    }
  }
  return broken;
}

// What one training counts for: its last epoch. A training that broke off counts as nothing.
export function valueOf(challenge, trainer) {
  const log = trainer.history.at(-1);
  const value = log && trainer.reason !== "not finite" ? log[challenge.measure] : NaN;
  return Number.isFinite(value) ? value : null;
}

// The median; null, which is a training without result, is worse than every number.
export function medianValue(challenge, values) {
  const worst = challenge.measure === "val_loss" ? Infinity : -Infinity;
  const sorted = values.map((value) => value ?? worst).sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const median =
    sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return Number.isFinite(median) ? median : null;
}

export function reaches(level, value) {
  if (value === null) return false;
  return "at_least" in level ? value >= level.at_least : value <= level.at_most;
}

export function pointsFor(challenge, value) {
  const reached = challenge.levels.filter((level) => reaches(level, value));
  return Math.max(0, ...reached.map((level) => level.points));
}

export const fullPoints = (challenge) =>
  Math.max(...challenge.levels.map((level) => level.points));

// "at least 80%" or "at most 0.55".
export function levelText(level) {
  return "at_least" in level
    ? `at least ${Math.round(level.at_least * 1000) / 10}%`
    : `at most ${level.at_most}`;
}

export function handIn(challenge, name, settings, results) {
  return { format: FORMAT, challenge: challenge.id, name, settings, results };
}

// Why a file cannot be graded at all, or null.
export function refusal(challenge, file) {
  if (!isObject(file)) return "The file holds no hand-in of the Lab.";
  if (file.format !== FORMAT) return `The format is ${quoted(file.format)}, not "${FORMAT}".`;
  if (file.challenge !== challenge.id) {
    return `The hand-in is for the challenge ${quoted(file.challenge)}.`;
  }
  const named = typeof file.name === "string" && file.name.trim() !== "";
  if (!named || file.name.length > LONGEST_NAME) return "The hand-in has no usable name.";
  if (!isObject(file.settings)) return "The hand-in has no settings.";
  const broken = brokenRules(challenge, file.settings);
  if (broken.length) return broken.join(" ");
  const seeds = Array.isArray(file.results) ? file.results.map((result) => result?.seed) : [];
  if (seeds.join() !== challenge.seeds.join()) {
    return `The results must be those of the seeds ${challenge.seeds.join(", ")}.`;
  }
  return null;
}

// Why the values of a file are not those of its settings, or null.
export function forgery(challenge, file, values) {
  for (const [i, { seed, value }] of file.results.entries()) {
    const own = values[i];
    const same =
      own === null
        ? value === null
        : typeof value === "number" && Math.abs(value - own) <= TOLERANCE * Math.max(1, own);
    if (!same) {
      return (
        `With seed ${seed} these settings give ${own === null ? "no result" : own.toFixed(4)}, ` +
        `not ${quoted(value)} as handed in.`
      );
    }
  }
  return null;
}

// What is wrong with a challenge's file, in sentences.
export function challengeProblems(challenge) {
  if (!isObject(challenge)) return ["A challenge must be an object."];
  const problems = [];
  for (const key of ["id", "title", "lesson", "text"]) {
    if (typeof challenge[key] !== "string" || !challenge[key]) problems.push(`${key} is missing.`);
  }
  for (const key of ["fixed", "free", "start"]) {
    if (!isObject(challenge[key])) problems.push(`${key} must be an object.`);
  }
  if (problems.length) return problems;
  const { settings, problems: wrong } = normalize({ ...challenge.start, ...challenge.fixed });
  problems.push(...wrong);
  for (const key of Object.keys(challenge.free)) {
    if (!Object.hasOwn(settings, key)) problems.push(`There is no setting "${key}".`);
    if (Object.hasOwn(challenge.fixed, key)) problems.push(`${key} is both fixed and free.`);
  }
  for (const key of Object.keys(challenge.start)) {
    if (!Object.hasOwn(challenge.free, key)) problems.push(`${key} starts, but is not free.`);
  }
  if (!Object.hasOwn(MEASURES, challenge.measure)) problems.push("measure is unknown.");
  const seeds = challenge.seeds;
  if (!Array.isArray(seeds) || !seeds.length || !seeds.every(Number.isInteger)) {
    problems.push("seeds must be whole numbers.");
  } else if (seeds.some((seed, i) => i > 0 && seed !== seeds[i - 1] + 1)) {
    problems.push("seeds must follow one another.");
  }
  const bound = challenge.measure === "val_loss" ? "at_most" : "at_least";
  const levels = Array.isArray(challenge.levels) ? challenge.levels : [];
  const good = (level) => level?.points > 0 && Number.isFinite(level[bound]);
  if (!levels.length || !levels.every(good)) problems.push(`Each level needs points and ${bound}.`);
  if (!problems.length && brokenRules(challenge, settings).length) {
    problems.push("The start breaks the rules.");
  }
  return problems;
}
