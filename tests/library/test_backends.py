"""What the page of the API says of other backends of Keras."""

import pytest

#: A network, images, and what runs on them. One process, since Keras takes a while to import.
ON_JAX = """
import keras
import numpy as np
from ch11lib import mc_dropout, models, one_cycle, unsupervised_pretraining

X, y = np.random.default_rng(0).random((64, 4)).astype("float32"), np.arange(64) % 3
dropout, answer = keras.layers.Dropout(0.5), keras.layers.Dense(3, "softmax")
model = keras.Sequential([keras.Input((4,)), dropout, answer])

samples = mc_dropout.mc_predict(mc_dropout.to_mc(model), X, 5)
assert samples.shape == (5, 64, 3) and samples.std(axis=0).max() > 0.01
first, *_ = models.hidden_outputs(models.build_mlp([5], input_shape=(4,), n_classes=3), X)
assert first.shape == (64, 5)
((kernel, _),) = unsupervised_pretraining.greedy_autoencoder(X, [3], epochs=1)
assert kernel.shape == (4, 3)
sgd = one_cycle.OneCycleSGD(one_cycle.OneCycle(0.1, 20))
model.compile(sgd, "sparse_categorical_crossentropy")
assert model.fit(X, y, epochs=2, verbose=0).history["loss"][1] > 0
print(keras.backend.backend())
"""


def test_what_runs_on_jax(run_python):
    pytest.importorskip("jax")
    done = run_python("-c", ON_JAX, KERAS_BACKEND="jax")
    assert done.stdout == "jax\n", done.stderr[-1000:]
