"""What the tests of the Lab share: the engine in a page, and how numbers travel there."""

import base64

import numpy as np

#: What the tests call, by the name of its object in the page.
PARTS = {
    "Lab": "trainer.js",
    "LabSettings": "settings.js",
    "LabRandom": "random.js",
    "LabInitializers": "initializers.js",
    "LabElementary": "elementary.js",
    "LabDropout": "dropout.js",
}
#: Bytes travel as base64; a training's data as {images, labels, nTrain, nValid}.
HELPERS = """
const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
const floatsOf = (text) => new Float32Array(bytesOf(text).buffer);
const textOf = (array) => {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  let letters = "";
  for (let i = 0; i < bytes.length; i += 8192) {
    letters += String.fromCharCode(...bytes.subarray(i, i + 8192));
  }
  return btoa(letters);
};
const joined = (arrays) => {
  const all = new Float32Array(arrays.reduce((sum, array) => sum + array.length, 0));
  let at = 0;
  for (const array of arrays) {
    all.set(array, at);
    at += array.length;
  }
  return textOf(all);
};
const dataOf = (given) => ({
  ...given,
  images: bytesOf(given.images),
  labels: bytesOf(given.labels),
});
"""


def packed(array):
    """Return the bytes of an array as base64."""
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")


def unpacked(text, dtype=np.float32):
    """Return an array of the bytes that the page sent."""
    return np.frombuffer(base64.b64decode(text), dtype)
