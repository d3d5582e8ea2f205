"""The Lab trains what Keras trains, number for number: `make_references.py` asked Keras."""

import json
from pathlib import Path

import numpy as np
import pytest
from engine_page import packed, unpacked

STORED = Path(__file__).with_name("references.npz")
with np.load(STORED) as opened:
    REFERENCES = {name: opened[name] for name in opened.files}
ABOUT = json.loads(str(REFERENCES.pop("about")))
CASES = ABOUT["cases"]
TOLERANCE = 1e-5

#: Train one case from Keras's weights, in its order and with its masks; return what it became.
TRAIN = """([entry, shared, useWasm]) => {
  const data = dataOf(shared.data);
  const orders = bytesOf(shared.orders);
  const { settings, change } = entry;
  const order = (epoch) => Uint32Array.from(orders.subarray((epoch - 1) * 60, epoch * 60));
  const bits = entry.masks ? bytesOf(entry.masks) : null;
  let at = 0;
  const mask = (n) =>
    Uint8Array.from({ length: n }, () => ((bits[at >> 3] >> (7 - (at++ & 7))) & 1));
  const trainer = Lab.createTrainer(settings, data, { useWasm, order, masks: () => mask });
  const start = floatsOf(entry.start);
  let from = 0;
  trainer.importWeights(
    trainer.exportWeights().map(({ values }) =>
      start.subarray(from, (from += values.length)),
    ),
  );
  if (change) {
    trainer.steps(change[0]);
    trainer.setLearningRate(change[1]);
  }
  trainer.steps(1);
  const first = trainer.layerStats();
  while (!trainer.done) trainer.steps(1000, false);
  return {
    kernel: trainer.kernel,
    weights: joined(trainer.copyWeights()),
    history: trainer.history,
    first,
    masksLeft: bits ? bits.length * 8 - at : 0,
    startLeft: start.length - from,
  };
}"""


@pytest.fixture(scope="module", params=["wasm", "plain"])
def trained(request, lab):
    """All cases, trained in the page with one of the two kernels."""
    shared = {
        "data": {
            "images": packed(REFERENCES["images"]),
            "labels": packed(REFERENCES["labels"]),
            "nTrain": 60,
            "nValid": 20,
        },
        "orders": packed(REFERENCES["orders"]),
    }
    results = {}
    for case, about in CASES.items():
        entry = {**about, "start": packed(REFERENCES[about["start"]])}
        if "masks" in about:
            entry["masks"] = packed(REFERENCES[about["masks"]])
        results[case] = lab.evaluate(TRAIN, [entry, shared, request.param == "wasm"])
        assert results[case]["kernel"] == request.param
    return results


def test_references_name_the_keras_of_the_course():
    import keras

    assert ABOUT["keras"] == keras.version()


@pytest.mark.parametrize("case", CASES)
def test_weights_are_those_of_keras(trained, case):
    result = trained[case]
    assert result["startLeft"] == 0
    assert 0 <= result["masksLeft"] < 8
    ours, theirs = unpacked(result["weights"]), REFERENCES[CASES[case]["end"]]
    start = REFERENCES[CASES[case]["start"]]
    assert np.abs(theirs - start).max() > 100 * TOLERANCE  # they did move
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("case", CASES)
def test_history_is_that_of_fit(trained, case):
    history = CASES[case]["history"]
    logs = trained[case]["history"]
    assert len(logs) == len(history["loss"])
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        ours = [log[name] for log in logs]
        np.testing.assert_allclose(ours, history[name], rtol=TOLERANCE, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("case", [case for case in CASES if "first" in CASES[case]])
def test_layers_show_what_keras_computes(trained, case):
    for name, values in CASES[case]["first"].items():
        ours = [layer[name] for layer in trained[case]["first"]]
        ours = ours[: len(values)]  # the output layer has no activation
        np.testing.assert_allclose(ours, values, rtol=1e-4, atol=1e-6, err_msg=name)


def test_every_option_has_a_case(lab):
    """Each choice of each setting is met, and each number is set to another than its default."""
    schema = lab.evaluate("LabSettings.schema")
    # What is random is tested by its statistics: test_lab_random.py.
    random = {"initializer", "sigma", "seed", "images"}
    met = [about["settings"] for about in CASES.values()]
    for entry in schema:
        key = entry["key"]
        if key in random:
            continue
        values = {settings[key] for settings in met if key in settings}
        if entry["kind"] == "choice":
            choices = {choice["value"] for choice in entry["choices"]}
            missing = choices - values - {entry["default"]}
            assert not missing, f"{key}: no case for {missing}"
        else:
            assert values - {entry["default"]}, f"{key}: no case"
