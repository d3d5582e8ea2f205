"""A hundred eager passes over 10,000 images, stacked, against `mc_predict`, in pairs.

first_edition.json holds such pairs for the sampler that the course had up to the
commit named there. They were measured in one process with those of mc_predict.json,
loop, old and new in turn; the old code is no longer here, so they are not measured again.
"""

import keras
import machine
import numpy as np
from seed import REPEATS, pairs, scaled

from ch11lib import datasets, mc_dropout


def main(samples=100):
    X = scaled(datasets.load_fashion_mnist().X_test)
    drop, dense = keras.layers.Dropout, keras.layers.Dense
    model = keras.Sequential(
        [keras.Input((28, 28)), keras.layers.Flatten(), drop(0.2), dense(100, "relu"), drop(0.2),
         dense(10, "softmax")]
    )  # fmt: skip
    sampler = mc_dropout.to_mc(model)

    def theirs():
        return np.stack([np.asarray(model(X, training=True)) for _ in range(samples)])

    def ours():
        return mc_dropout.mc_predict(sampler, X, samples)

    theirs(), ours()
    rows = pairs(theirs, ours, REPEATS, new_session=False)
    seconds = [[time for time, _ in row] for row in rows]
    machine.store("mc_predict", seconds=seconds, ratios=[a / b for a, b in seconds])


if __name__ == "__main__":
    main()
