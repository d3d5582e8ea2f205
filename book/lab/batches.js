// The images, standardized, and the order in which they come.
//
// As ch11lib.datasets.standardize: (x - μ) / σ with one mean and one standard deviation, over all
// pixels of the chosen training images. A pixel has one of 256 values, so that a table does it.

const CLASSES = 10;

export class Images {
  // data: {images: Uint8Array, labels: Uint8Array, nTrain, nValid}, the training images first.
  constructor(data, chosen) {
    const count = data.nTrain + data.nValid;
    if (!(data.nTrain > 0 && data.nValid > 0)) {
      throw new Error("The data need at least one training and one validation image.");
    }
    if (data.labels.length !== count || data.images.length % count !== 0) {
      throw new Error(
        `The data have ${data.images.length} pixels and ${data.labels.length} labels; ` +
          `${count} images were promised.`,
      );
    }
    const wrong = data.labels.find((label) => label >= CLASSES);
    if (wrong !== undefined) {
      throw new Error(`A label is ${wrong}; labels go from 0 to ${CLASSES - 1}.`);
    }
    this.pixels = data.images.length / count;
    this.images = data.images;
    this.labels = data.labels;
    this.nTrain = Math.min(chosen, data.nTrain);
    this.nValid = data.nValid;
    this.validFrom = data.nTrain;
    this.classes = CLASSES;
    this.table = standardized(data.images.subarray(0, this.nTrain * this.pixels));
  }

  // Write the images with the given numbers into `input`, row by row, their labels into `labels`.
  gather(numbers, input, labels) {
    const { pixels, images, table } = this;
    let at = 0;
    for (let i = 0; i < numbers.length; i++) {
      const from = numbers[i] * pixels;
      for (let j = 0; j < pixels; j++) input[at++] = table[images[from + j]];
      labels[i] = this.labels[numbers[i]];
    }
  }
}

function standardized(bytes) {
  const counts = new Float64Array(256);
  for (let i = 0; i < bytes.length; i++) counts[bytes[i]] += 1;
  let sum = 0;
  for (let value = 0; value < 256; value++) sum += counts[value] * value;
  const mean = sum / bytes.length;
  let square = 0;
  for (let value = 0; value < 256; value++) {
    square += counts[value] * (value - mean) * (value - mean);
  }
  const deviation = Math.sqrt(square / bytes.length) || 1; // images of one grey are only shifted
  const [center, scale] = [Math.fround(mean), Math.fround(deviation)];
  const shifted = Float32Array.from({ length: 256 }, (_, value) => value - center);
  return shifted.map((value) => value / scale);
}
