"""Make data.js, the images of the Lab: the first 2,000 to train on, the first 500 to validate.

    python book/lab/make_data.py

A page that is opened from a disk cannot fetch a file, but it can load a script: so the
images are one, which sets LAB_DATA. They are Fashion-MNIST's with 16 grey levels instead
of 256, level = round(x / 17), side by side in one lossless WebP picture, 50 in a row.
"""

import base64
import io
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ch11lib import datasets

PATH = Path(__file__).with_name("data.js")
N_TRAIN, N_VALID, COLUMNS, SIZE, LEVELS = 2000, 500, 50, 28, 16


def images_and_labels() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the grey levels from 0 to 15, of shape (2500, 28, 28), and the labels."""
    (X_train, y_train), (X_valid, y_valid), _ = datasets.load_fashion_mnist()
    images = np.concatenate([X_train[:N_TRAIN], X_valid[:N_VALID]])
    levels = np.round(images / (255 / (LEVELS - 1))).astype(np.uint8)
    return levels, np.concatenate([y_train[:N_TRAIN], y_valid[:N_VALID]])


def picture(levels: NDArray[np.uint8]) -> bytes:
    """Return all images in one lossless WebP picture."""
    rows = len(levels) // COLUMNS
    tiles = (levels * (255 // (LEVELS - 1))).reshape(rows, COLUMNS, SIZE, SIZE)
    grey = Image.fromarray(tiles.swapaxes(1, 2).reshape(rows * SIZE, COLUMNS * SIZE))
    file = io.BytesIO()
    grey.convert("RGB").save(file, "WEBP", lossless=True, quality=100, method=6)
    return file.getvalue()


def main() -> None:
    """Write the file."""
    levels, labels = images_and_labels()
    data = {
        "source": "Fashion-MNIST, (c) 2017 Zalando SE, MIT licence",
        "size": SIZE,
        "columns": COLUMNS,
        "levels": LEVELS,
        "training": N_TRAIN,
        "validation": N_VALID,
        "classes": datasets.CLASS_NAMES,
        "labels": "".join(map(str, labels)),
        "sum": int(levels.sum()),
        "webp": base64.b64encode(picture(levels)).decode(),
    }
    PATH.write_text(f"window.LAB_DATA = {json.dumps(data)};\n", encoding="utf-8")
    print(f"{PATH.name}: {PATH.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
