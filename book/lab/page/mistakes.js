// A few validation images that the trained network takes for something else, the surest first.

import { element } from "./dom.js";

const ENLARGED = 2;

function picture({ images, nTrain, size }, index, words) {
  const canvas = element("canvas", {
    width: size,
    height: size,
    role: "img",
    "aria-label": words,
    style: `width: ${ENLARGED * size}px; height: ${ENLARGED * size}px`,
  });
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(size, size);
  const from = (nTrain + index) * size * size;
  for (let i = 0; i < size * size; i++) {
    pixels.data.fill(255 - images[from + i], 4 * i, 4 * i + 3);
    pixels.data[4 * i + 3] = 255;
  }
  context.putImageData(pixels, 0, 0);
  return canvas;
}

// items: those of trainer.js, {index, label, predicted, probability}.
export function mistakes(name, items, data) {
  const heading = element("h3", { class: "lab-heading" }, `${name}: the surest mistakes`);
  if (!items.length) return [heading, element("p", {}, "It makes none on the validation images.")];
  const tiles = items.map(({ index, label, predicted, probability }) => {
    const [truth, taken] = [data.classes[label], data.classes[predicted]];
    const sure = `${Math.round(100 * probability)}%`;
    return element(
      "li",
      {},
      picture(data, index, `Image of the class ${truth}`),
      element("span", {}, truth),
      element("span", {}, `“${taken}”, ${sure}`),
    );
  });
  return [heading, element("ul", { class: "lab-mistakes" }, ...tiles)];
}
