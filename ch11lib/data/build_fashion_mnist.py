"""Build ``fashion_mnist.npz`` from the four files that Zalando published.

The files come from Debian's package ``dataset-fashion-mnist`` (any Debian or
Ubuntu machine; no root needed)::

    apt-get download dataset-fashion-mnist
    dpkg-deb -x dataset-fashion-mnist_*.deb fashion
    python ch11lib/data/build_fashion_mnist.py fashion/usr/share/datasets/fashion-mnist

The same four files, byte for byte, are in Zalando's repository. The script
writes the archive beside itself and prints its SHA-256, which
``ch11lib.datasets`` compares on every load.
"""

import gzip
import hashlib
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

TARGET = Path(__file__).with_name("fashion_mnist.npz")
PARTS = {"train": ("train", 60_000), "test": ("t10k", 10_000)}


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Return the uint8 array stored in a gzipped IDX file.

    IDX is the format of the original MNIST files: two zero bytes, the type
    code (8 for unsigned bytes), the number of dimensions, each dimension as a
    big-endian 32-bit integer, then the values.
    """
    raw = gzip.decompress(path.read_bytes())
    zeros, type_code, ndim = struct.unpack(">HBB", raw[:4])
    if (zeros, type_code) != (0, 8):
        raise ValueError(f"{path} is not an IDX file of unsigned bytes")
    shape = struct.unpack(f">{ndim}I", raw[4 : 4 + 4 * ndim])
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * ndim).reshape(shape)


def main(folder: Path) -> None:
    arrays: dict[str, Any] = {}
    for part, (prefix, size) in PARTS.items():
        images = read_idx(folder / f"{prefix}-images-idx3-ubyte.gz")
        labels = read_idx(folder / f"{prefix}-labels-idx1-ubyte.gz")
        if images.shape != (size, 28, 28) or labels.shape != (size,):
            raise ValueError(f"{folder}: unexpected shapes {images.shape}, {labels.shape}")
        arrays[f"X_{part}"], arrays[f"y_{part}"] = images, labels
    np.savez_compressed(TARGET, **arrays)
    print(hashlib.sha256(TARGET.read_bytes()).hexdigest(), TARGET.name)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
