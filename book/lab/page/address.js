// The settings in the page's address: #depth=20&activation=sigmoid&b.activation=relu
//
// What equals its default is left out. "b." stands before what B has other than A, whose value
// is also taken for one of B that can't be used; compare=true
// says that there is a B, if it is equal to A. #preset-NAME stands for all that a preset sets.
// Any other address without "=" is a place on the page, and none of our business.

import { schema, normalize } from "../settings.js";

const AS_TEXT = (value) => encodeURIComponent(String(value));

function differences(settings, base, prefix) {
  return schema
    .filter(({ key }) => settings[key] !== base[key])
    .map(({ key }) => `${prefix}${key}=${AS_TEXT(settings[key])}`);
}

// Return the address for the settings A and B; B is null where there is only one.
export function write(A, B) {
  const parts = differences(A, normalize({}).settings, "");
  const others = B ? differences(B, A, "b.") : [];
  if (B && !others.length) others.push("compare=true");
  return [...parts, ...others].join("&");
}

function decode(text, problems) {
  try {
    return decodeURIComponent(text.replace(/\+/g, " "));
  } catch {
    problems.push(`The address has a part that can't be read: ${text.slice(0, 40)}`);
    return null;
  }
}

// Return {A, B, preset, problems}, or null if the address is not one of ours.
export function read(hash, presets) {
  const text = hash.replace(/^#/, "");
  const problems = [];
  if (text.startsWith("preset-")) {
    const name = decode(text.slice(7), problems) ?? "";
    const preset = presets.find((one) => one.name === name) ?? null;
    if (!preset) problems.push(`There is no experiment "${name.slice(0, 40)}".`);
    const A = normalize(preset?.settings).settings;
    const B = preset?.b ? normalize(preset.b, A).settings : null;
    return { A, B, preset, problems };
  }
  if (!text.includes("=")) return null;
  const a = Object.create(null);
  const b = Object.create(null);
  let compared = false;
  for (const part of text.split("&").filter(Boolean)) {
    const at = part.includes("=") ? part.indexOf("=") : part.length;
    const [key, value] = [part.slice(0, at), part.slice(at + 1)].map((one) => decode(one, problems));
    if (key === null || value === null) continue;
    if (key === "compare") {
      compared = value === "true";
      if (!compared && value !== "false") {
        problems.push(`compare is "${value.slice(0, 40)}"; it must be true or false. "false" is taken.`);
      }
    } else if (key.startsWith("b.")) b[key.slice(2)] = value;
    else a[key] = value;
  }
  const first = normalize({ ...a });
  const hasB = compared || Object.keys(b).length > 0;
  const second = hasB ? normalize({ ...b }, first.settings) : null;
  problems.push(...first.problems);
  problems.push(...(second?.problems ?? []).map((problem) => `B: ${problem}`));
  return { A: first.settings, B: second?.settings ?? null, preset: null, problems };
}
