"""Train one network in several processes, on one machine or on several.

    python data_parallel.py --processes 2 --process 0 --coordinator 127.0.0.1:12345
    python data_parallel.py --processes 2 --process 1 --coordinator 127.0.0.1:12345

Start it once on each machine, with its number; process 0 runs on the
coordinator. Every process prints the loss of each epoch. All print the same.
"""

import argparse
import json
import os

os.environ["KERAS_BACKEND"] = "jax"  # before Keras is imported
os.environ.setdefault("JAX_PLATFORMS", "cpu")  # on GPUs, set it to "cuda"

parser = argparse.ArgumentParser()
parser.add_argument("--processes", type=int, default=1)
parser.add_argument("--process", type=int, default=0)
parser.add_argument("--coordinator", default="127.0.0.1:12345")
parser.add_argument("--float", default="float32", choices=["float32", "float64"])
parser.add_argument("--epochs", type=int, default=2)
parser.add_argument("--images", type=int, default=6400)
options = parser.parse_args()

import jax

jax.config.update("jax_enable_x64", options.float == "float64")
if options.processes > 1:
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(options.coordinator, options.processes, options.process)

import keras
import tensorflow as tf  # only for tf.data

from ch11lib.datasets import load_fashion_mnist
from ch11lib.models import build_mlp

keras.config.set_floatx(options.float)
keras.distribution.set_distribution(keras.distribution.DataParallel())
keras.utils.set_random_seed(1)  # the same first weights everywhere

data = load_fashion_mnist()
X = data.X_train[: options.images].astype(options.float) / 255
batches = tf.data.Dataset.from_tensor_slices((X, data.y_train[: options.images])).batch(128)

model = build_mlp([100] * 5, "relu", "he_normal")
model.compile(keras.optimizers.SGD(0.01, momentum=0.9), "sparse_categorical_crossentropy")
steps = len(batches)
fit = model.fit(
    batches.repeat(), epochs=options.epochs, steps_per_epoch=steps, shuffle=False, verbose=0
)
print(json.dumps(fit.history["loss"]))
