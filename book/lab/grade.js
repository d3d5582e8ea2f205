// Grade one hand-in by running its trainings again: the entry of the program for teachers.

import {
  challengeProblems, forgery, fullPoints, medianValue, pointsFor, refusal, startingSettings, valueOf,
} from "./challenges.js";
import { createTrainer } from "./trainer.js";

export const problemsOf = challengeProblems;
export const start = startingSettings;
export const points = (challenge, values) => pointsFor(challenge, medianValue(challenge, values));

export function trainAll(challenge, settings, data) {
  return challenge.seeds.map((seed) => {
    const trainer = createTrainer({ ...settings, seed }, data);
    while (!trainer.done) trainer.steps(1000, false);
    return valueOf(challenge, trainer);
  });
}

// -> {points, of, median, reason}
export function grade(challenge, file, data) {
  const of = fullPoints(challenge);
  const refused = refusal(challenge, file);
  if (refused) return { points: 0, of, median: null, reason: refused };
  const values = trainAll(challenge, file.settings, data);
  const median = medianValue(challenge, values);
  const forged = forgery(challenge, file, values);
  if (forged) return { points: 0, of, median, reason: forged };
  const points = pointsFor(challenge, median);
  const reason = median === null ? "The trainings did not stay finite." : "";
  return { points, of, median, reason };
}
