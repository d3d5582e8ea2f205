"""The stored trainings of *Guidelines* are those of their script, and it runs."""

import importlib.util
import json

import numpy as np
import pytest
from conftest import ROOT
from scipy import ndimage

from ch11lib import datasets, guidelines

SCRIPT = ROOT / "book" / "studies" / "long" / "guidelines.py"
SPEC = importlib.util.spec_from_file_location("guidelines_study", SCRIPT)
study = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(study)

STORED = json.loads((study.DATA / "dense_limit.json").read_text(encoding="utf-8"))


def test_results_are_stored_for_each_step_of_the_script():
    assert list(STORED["steps"]) == list(study.STEPS)
    for name, step in study.STEPS.items():
        result = STORED["steps"][name]
        assert {key: result[key] for key in step._fields} == step._asdict()
        assert result["steps"] == step.epochs * 55_000 // study.BATCH
        tried = {float(rate): accuracy for rate, accuracy in result["tried"].items()}
        assert list(tried) == list(study.RATES)
        assert tried[result["rate"]] == max(tried.values())
        for key in ("accuracy", "loss", "seconds"):
            assert len(result[key]) == len(study.SEEDS)
            assert min(result[key]) > 0


def test_stored_weights_are_as_good_as_their_results_say():
    """On all 5,000 validation images: float16 changes less than one in five hundred."""
    data = study.Study(images=10)
    model = guidelines.build(study.RELU_NORM, [study.STEPS[study.KEPT].units] * 3)
    n = len(model.get_weights())
    with np.load(study.DATA / "dense_limit.npz") as kept:
        assert len(kept.files) == n * len(study.SEEDS)
        for seed, accuracy in zip(
            study.SEEDS, STORED["steps"][study.KEPT]["accuracy"], strict=True
        ):
            model.set_weights([kept[f"{seed}_{i}"] for i in range(n)])
            right = np.asarray(model(data.X_valid)).argmax(axis=1) == data.y_valid
            assert right.mean() == pytest.approx(accuracy, abs=0.002)


def test_shift_is_scipys(rng):
    """All nine shifts come, each the same for the whole batch."""
    X = rng.normal(size=(4, 28, 28)).astype(np.float32)
    expected = {
        (i, j): ndimage.shift(X, (0, i, j), order=0, cval=-0.8)
        for i in (-1, 0, 1)
        for j in (-1, 0, 1)
    }
    seen = set()
    for _ in range(200):
        moved, y = study.shift(X, "labels", -0.8)
        equal = [move for move, image in expected.items() if np.array_equal(moved, image)]
        assert len(equal) == 1
        assert y == "labels"
        seen.update(equal)
    assert seen == set(expected)


def test_images_are_scaled_as_in_the_lesson():
    data = datasets.load_fashion_mnist()
    few = datasets.subset(data.X_train, data.y_train, size=10_000, seed=42)[0] / 255
    expected = (data.X_valid / 255 - few.mean()) / few.std()
    np.testing.assert_allclose(study.Study(images=10).X_valid, expected, atol=1e-5)


def test_script_trains_stores_and_keeps_what_was_there(tmp_path, monkeypatch):
    """A few steps of small networks: the shifted and the dropped, then one of them again."""
    small = {
        "dropout": study.Step(units=8, dropout=0.2, epochs=1),
        study.KEPT: study.Step(units=8, epochs=1, shifted=True),
    }
    monkeypatch.setattr(study, "STEPS", small)
    data = study.Study(images=1280)
    study.main([], tmp_path, data)
    first = json.loads((tmp_path / "dense_limit.json").read_text(encoding="utf-8"))
    assert list(first["steps"]) == list(small)
    assert [step["steps"] for step in first["steps"].values()] == [10, 10]
    with np.load(tmp_path / "dense_limit.npz") as kept:
        assert {kept[name].dtype for name in kept.files} == {np.dtype(np.float16)}
        assert kept["1_0"].shape == (784, 8)
        assert not np.array_equal(kept["1_0"], kept["2_0"])
    study.main(["dropout"], tmp_path, data)
    again = json.loads((tmp_path / "dense_limit.json").read_text(encoding="utf-8"))
    assert again["steps"][study.KEPT] == first["steps"][study.KEPT]
    assert again["steps"]["dropout"]["accuracy"] == first["steps"]["dropout"]["accuracy"]
