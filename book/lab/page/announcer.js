// Sentences for screen readers: one per epoch, but not more than one in five seconds.

import { element } from "./dom.js";

const BETWEEN = 5000;

export function createAnnouncer() {
  const node = element("div", { class: "visually-hidden", role: "status", "aria-live": "polite" });
  let last = -Infinity;
  return {
    node,
    // A sentence that another may overtake, or one that must be heard.
    say(text, must = false) {
      const now = performance.now();
      if (!must && now - last < BETWEEN) return;
      last = now;
      node.textContent = text;
    },
  };
}
