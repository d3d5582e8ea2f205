// The images: data.js sets LAB_DATA, one WebP picture with all of them and a string of labels.
//
// The picture is drawn on a canvas and read back. A browser that protects its readers may
// change the last bits of what is read; the images have 16 grey levels, so that rounding to
// the nearest one gives them back as they were. Their sum tells whether that worked.

// Load a script; a page that is opened from a disk can do that, but can't fetch a file.
function loadScript(address) {
  return new Promise((done, fail) => {
    const script = document.createElement("script");
    script.src = address;
    script.onload = done;
    script.onerror = () => fail(new Error("The images (data.js) could not be loaded."));
    document.head.append(script);
  });
}

async function pixelsOf(base64) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const picture = await createImageBitmap(new Blob([bytes], { type: "image/webp" }));
  const canvas = document.createElement("canvas");
  canvas.width = picture.width;
  canvas.height = picture.height;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(picture, 0, 0);
  return context.getImageData(0, 0, picture.width, picture.height);
}

// Return {images, labels, nTrain, nValid, size, classes}: grey levels from 0 to 255, image by image.
export async function unpack({ size, columns, levels, training, validation, labels, classes, sum, webp }) {
  const { data, width } = await pixelsOf(webp);
  const count = training + validation;
  const images = new Uint8Array(count * size * size);
  const distance = 255 / (levels - 1);
  let found = 0;
  for (let i = 0, at = 0; i < count; i++) {
    const top = Math.floor(i / columns) * size;
    const left = (i % columns) * size;
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++, at++) {
        const level = Math.round(data[4 * ((top + y) * width + left + x)] / distance);
        found += level;
        images[at] = level * distance;
      }
    }
  }
  if (found !== sum) throw new Error("This browser does not give the images back unchanged.");
  const digits = Uint8Array.from(labels, Number);
  return { images, labels: digits, nTrain: training, nValid: validation, size, classes };
}

export async function loadData(address) {
  await loadScript(address);
  return unpack(window.LAB_DATA);
}
