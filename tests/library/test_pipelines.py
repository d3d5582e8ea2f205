"""The pipelines hold each row once, and Keras trains on them as on the same batches."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ch11lib import pipelines
from ch11lib.models import build_mlp


def data(rng, n):
    return rng.standard_normal((n, 4)).astype("float32"), rng.integers(0, 3, n)


def model_of(seed):
    keras.utils.set_random_seed(seed)
    model = build_mlp([5], n_classes=3, input_shape=(4,))
    model.compile(keras.optimizers.SGD(0.5), "sparse_categorical_crossentropy", metrics=["acc"])
    return model


@pytest.mark.parametrize(("n", "size"), [(12, 4), (13, 4), (3, 8), (8, 8), (5, 1)])
@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_fit_takes_the_batches_as_they_come(n, size, kind, rng):
    """Keras trains on the pipeline as it does on the same batches, one by one."""
    X, y = data(rng, n)
    keras.utils.set_random_seed(7)
    batches = pipelines.shuffled(X.astype(kind), y, size)
    assert len(batches) == -(-n // size)
    theirs, ours = model_of(1), model_of(1)
    for images, labels in batches.as_numpy_iterator():
        theirs.train_on_batch(images, labels)
    ours.fit(batches, epochs=1, shuffle=False, verbose=0)
    for mine, its in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("n", "size"), [(12, 4), (13, 4), (3, 8)])
@pytest.mark.parametrize("kind", ["float32", "float64", "uint8"])
def test_shuffled_keeps_images_and_labels_together(n, size, kind):
    rows = np.arange(n)
    X = np.stack([rows, rows], axis=1).astype(kind)
    parts = list(pipelines.shuffled(X, rows, size).as_numpy_iterator())
    assert [len(labels) for _, labels in parts] == [len(images) for images, _ in parts]
    images, labels = (np.concatenate(part) for part in zip(*parts, strict=True))
    np.testing.assert_array_equal(images, np.stack([labels, labels], axis=1))
    np.testing.assert_array_equal(np.sort(labels), rows)
    assert images.dtype == (np.uint8 if kind == "uint8" else np.float32)


def passes(pipeline):
    return [np.concatenate([y for _, y in pipeline.as_numpy_iterator()]) for _ in range(2)]


def test_the_order_is_that_of_the_seed():
    def orders(seed):
        keras.utils.set_random_seed(seed)
        return passes(pipelines.shuffled(np.zeros((40, 1)), np.arange(40), 7))

    first, second = orders(1)
    np.testing.assert_array_equal(np.sort(first), np.arange(40))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first, orders(1)[0])
    assert not np.array_equal(first, orders(2)[0])


def test_without_a_seed_each_pass_has_its_own_order():
    tf.random.set_seed(None)
    first, second = passes(pipelines.shuffled(np.zeros((40, 1)), np.arange(40), 7))
    np.testing.assert_array_equal(np.sort(second), np.arange(40))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize(("n", "size"), [(12, 4), (13, 4), (3, 8), (1, 1)])
def test_in_order_is_evaluated_as_arrays_are(n, size, rng):
    X, y = data(rng, n)
    model = model_of(2)
    pipeline = pipelines.in_order(X, y, size)
    for _ in range(2):
        theirs = model.evaluate(X, y, batch_size=size, verbose=0)
        assert model.evaluate(pipeline, verbose=0) == pytest.approx(theirs, rel=1e-5)
    parts = [labels.shape[0] for _, labels in pipeline]
    assert parts == [size] * (n // size) + ([n % size] if n % size else [])
    np.testing.assert_array_equal(np.concatenate([x for x, _ in pipeline.as_numpy_iterator()]), X)


def test_light_changes_options_and_no_element():
    pipeline = tf.data.Dataset.range(9).map(lambda i: 2 * i).batch(4)
    changed = pipelines.light(pipeline)
    assert [list(part) for part in changed.as_numpy_iterator()] == [
        list(part) for part in pipeline.as_numpy_iterator()
    ]
    later = changed.map(lambda part: part + 1)  # options hold for what is built upon it
    for each in (changed, later):
        assert each.options().autotune.enabled is False
        assert each.options().experimental_optimization.apply_default_optimizations is False
    assert pipeline.options().autotune.enabled is None


@pytest.mark.parametrize("make", [pipelines.shuffled, pipelines.in_order])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[1.0]], [1], 0), "batch_size is 0; it must be >= 1"),
        (([[1.0]], [1, 2]), "X has 1 rows and y has 2"),
        (([], []), "X has 0 rows"),
    ],
)
def test_wrong_arguments_are_named(make, arguments, message):
    with pytest.raises(ValueError, match=message):
        make(*arguments)


def drawn(X, y, *arguments, **options):
    """Return the pixels and labels of all batches, each as one array."""
    keras.utils.set_random_seed(0)
    pairs = list(pipelines.batches(X, y, *arguments, **options).as_numpy_iterator())
    return np.concatenate([p[0] for p in pairs]), np.concatenate([p[1] for p in pairs])


@pytest.mark.parametrize(("n", "n_steps"), [(10, 7), (32, 3), (50, 4), (200, 2)])
def test_each_instance_is_drawn_equally_often(n, n_steps):
    X, y = np.arange(n, dtype="uint8").reshape(n, 1, 1), np.arange(n)
    pixels, labels = drawn(X, y, n_steps, batch_size=16, seed=1)
    assert pixels.shape == (16 * n_steps, 1, 1) and labels.shape == (16 * n_steps,)
    np.testing.assert_allclose(pixels.ravel(), labels / 255, rtol=1e-6)
    assert pixels.dtype == np.float32
    counts = np.bincount(labels, minlength=n)
    assert counts.max() - counts.min() <= 1
    np.testing.assert_array_equal(labels, drawn(X, y, n_steps, batch_size=16, seed=1)[1])
    assert not np.array_equal(labels, drawn(X, y, n_steps, batch_size=16, seed=2)[1])


def test_batches_train_as_arrays_do():
    """One batch with all images: the order does not matter."""
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 256, (32, 2, 2), dtype="uint8"), np.arange(32) % 3
    first = build_mlp([4], n_classes=3, input_shape=(2, 2))
    second = keras.models.clone_model(first)
    second.set_weights(first.get_weights())
    for model in (first, second):
        model.compile(keras.optimizers.SGD(0.5), "sparse_categorical_crossentropy")
    first.fit(pipelines.batches(X, y, 3), verbose=0, shuffle=False)
    second.fit(X.astype("float32") / 255, y, epochs=3, verbose=0)
    for ours, theirs in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_batches_of_tensors_are_those_of_arrays():
    X, y = np.arange(24, dtype="uint8").reshape(6, 2, 2), np.arange(6)
    tensors = map(keras.ops.convert_to_tensor, (X, y))
    for ours, theirs in zip(drawn(X, y, 4, 2), drawn(*tensors, 4, 2), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1], [1], 0), "n_steps is 0"),
        (([1], [1], 1, 0), "batch_size is 0"),
        (([1], [1, 2], 1), "X has 1 rows and y has 2"),
        (([], [], 1), "X has 0 rows"),
        ((np.float32([[0.5]]), [1], 1), "X is of float32; it must hold pixels as integers"),
    ],
)
def test_wrong_arguments_of_batches_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        pipelines.batches(*arguments)
