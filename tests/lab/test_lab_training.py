"""The Lab's trainer: the same seed gives the same bytes; explosions, stops, weights, the worker."""

import hashlib
import math

import lab_build
import numpy as np
import pytest
from engine_page import packed, unpacked

TRAIN = """([settings, data, options]) => {
  const trainer = Lab.createTrainer(settings, dataOf(data), options);
  const { chunk = 1000, watch = false } = options;
  const start = joined(trainer.copyWeights());
  while (!trainer.done) trainer.steps(chunk, watch);
  const { kernel, reason, step, history } = trainer;
  for (const log of history) delete log.seconds;
  return { kernel, reason, step, history, start, weights: joined(trainer.copyWeights()),
           wrong: trainer.misclassified(5), layers: trainer.layerStats() };
}"""
SMALL = {"depth": 3, "width": 20, "images": 240, "epochs": 3, "seed": 7}
EVERYTHING = {
    **SMALL,
    "activation": "gelu",
    "initializer": "he_normal",
    "normalization": "batch_before",
    "dropout": 0.2,
    "skip": True,
    "optimizer": "nadam",
    "schedule": "one_cycle",
    "l2": 1e-4,
    "label_smoothing": 0.1,
    "clip": "global_norm",
}
FORMS = {
    "plain": SMALL,
    "everything": EVERYTHING,
    "sigmoid": {**SMALL, "activation": "sigmoid", "initializer": "glorot_normal"},
    "selu": {**SMALL, "activation": "selu", "initializer": "lecun_normal", "dropout": 0.1,
             "alpha_dropout": True, "optimizer": "momentum", "schedule": "cosine"},
    "silu": {**SMALL, "activation": "silu", "normalization": "layer", "optimizer": "adamw",
             "schedule": "exponential", "max_norm": 1.0, "width": 7},
    "tanh": {**SMALL, "activation": "tanh", "normalization": "batch_after",
             "optimizer": "rmsprop", "learning_rate": 0.001, "batch_size": 1},
}  # fmt: skip
#: Of start and final weights. They may change only with a note to the readers of shared links.
DIGESTS = {
    "plain": "f33dd9fdfb29ba49",
    "everything": "f2704eed4f3d3808",
    "sigmoid": "311a33b2924ddaa9",
    "selu": "db6bc101adf118a2",
    "silu": "7259f59fd38878d6",
    "tanh": "3e7508861afe9fef",
}


@pytest.fixture(scope="module")
def train(lab, small_data):
    """Train in the page to the end."""
    return lambda settings, data=small_data, **options: lab.evaluate(
        TRAIN, [settings, data, options]
    )


@pytest.mark.parametrize("form", FORMS)
def test_same_seed_same_bytes(train, form):
    """Whichever kernel, however the steps are cut, watched or not; and as stored here."""
    first = train(FORMS[form])
    assert first["kernel"] == "wasm"
    assert np.isfinite(unpacked(first["weights"])).all()
    plain = train(FORMS[form], useWasm=False)
    assert plain["kernel"] == "plain"
    watched = train(FORMS[form], chunk=3, watch=True)
    for other in (train(FORMS[form]), plain, watched):
        for name in ("start", "weights", "history", "wrong", "step"):
            assert other[name] == first[name]
    digest = hashlib.sha256((first["start"] + first["weights"]).encode()).hexdigest()[:16]
    assert digest == DIGESTS[form]


def test_other_seed_other_bytes(train):
    first, second = train(SMALL), train({**SMALL, "seed": 8})
    assert first["start"] != second["start"]
    assert first["weights"] != second["weights"]


def test_dropout_changes_neither_start_nor_order(lab, train, small_data):
    assert train(SMALL)["start"] == train({**SMALL, "dropout": 0.5})["start"]
    orders = lab.evaluate(
        """([settings, data]) => [0, 0.5].map((dropout) => {
          const trainer = Lab.createTrainer({ ...settings, dropout }, dataOf(data));
          trainer.steps(9);
          return Array.from(trainer.numbers);
        })""",
        [SMALL, small_data],
    )
    assert orders[0] == orders[1]
    assert sorted(orders[0]) == list(range(240))


def test_initializer_is_that_of_the_hidden_layers(lab, small_data):
    """The output layer keeps Glorot uniform, all biases begin at 0."""
    weights = lab.evaluate(
        """([settings, data]) => Lab.createTrainer(settings, dataOf(data)).exportWeights()
             .map(({ name, values }) => [name, textOf(values)])""",
        [{**SMALL, "depth": 2, "width": 90, "initializer": "he_normal"}, small_data],
    )
    assert [name for name, _ in weights] == ["kernel", "bias"] * 3
    first, bias, second, _, output, last_bias = (unpacked(values) for _, values in weights)
    assert not bias.any()
    assert not last_bias.any()
    assert first.std() == pytest.approx(math.sqrt(2 / 36), rel=0.05)
    assert second.std() == pytest.approx(math.sqrt(2 / 90), rel=0.05)
    limit = math.sqrt(6 / 100)
    assert 0.95 * limit < np.abs(output).max() <= limit
    zeros = lab.evaluate(
        """([settings, data]) => Lab.createTrainer(settings, dataOf(data)).exportWeights()
             .map(({ values }) => values.some((value) => value !== 0))""",
        [{**SMALL, "depth": 2, "initializer": "zeros"}, small_data],
    )
    assert zeros == [False, False, False, False, True, False]


def test_it_learns(train):
    result = train({**SMALL, "epochs": 10, "optimizer": "adam"})
    assert result["history"][-1]["val_accuracy"] > 0.9
    assert result["reason"] == "finished"
    assert result["step"] == 80


@pytest.mark.parametrize(("depth", "width", "batch_size"), [(50, 3, 512), (1, 1, 1), (2, 300, 33)])
def test_ends_of_the_ranges(train, depth, width, batch_size):
    settings = {**SMALL, "depth": depth, "width": width, "batch_size": batch_size, "epochs": 1}
    first = train(settings)
    assert first["reason"] == "finished"
    assert first["weights"] == train(settings, useWasm=False)["weights"]


def test_more_images_than_there_are(train):
    assert train({**SMALL, "images": 60000})["step"] == train(SMALL)["step"]


def test_explosion_is_shown_as_one(train):
    result = train({**SMALL, "learning_rate": 100, "initializer": "normal", "sigma": 10})
    assert result["reason"] == "not finite"
    assert not math.isfinite(result["history"][-1]["loss"])
    assert len(result["history"]) < SMALL["epochs"]


def test_what_vanishes_ends_as_zero(train):
    """Never in the numbers below 1e-38, in which many processors are slow."""
    settings = {
        **SMALL,
        "depth": 50,
        "activation": "sigmoid",
        "initializer": "normal",
        "sigma": 0.01,
        "epochs": 1,
    }
    first = train(settings, watch=True)
    norms = [layer["gradientNorm"] for layer in first["layers"]]
    assert norms[0] == 0
    assert norms[-1] > 0.01
    assert 0 < min(norm for norm in norms if norm > 0) < 1e-25
    assert first["weights"] == train(settings, useWasm=False)["weights"]


def test_without_simd_it_trains_in_plain_javascript(lab, train):
    lab.evaluate(
        "() => { window.kept = WebAssembly.validate; WebAssembly.validate = () => false; }"
    )
    try:
        plain = train(SMALL)
    finally:
        lab.evaluate("() => { WebAssembly.validate = window.kept; }")
    assert plain["kernel"] == "plain"
    assert train(SMALL)["kernel"] == "wasm"
    assert plain["weights"] == train(SMALL)["weights"]


def test_images_of_one_grey(train, small_data):
    grey = {**small_data, "images": packed(np.full(300 * 36, 9, np.uint8))}
    assert math.isfinite(train(SMALL, grey)["history"][-1]["loss"])


def test_misclassified_are_the_surest_errors(lab, small_data):
    settings = {**SMALL, "epochs": 1}
    everything = lab.evaluate(
        """([settings, data]) => {
          const trainer = Lab.createTrainer(settings, dataOf(data));
          trainer.steps(8);
          return [trainer.misclassified(60), trainer.misclassified(3), trainer.epochLog()];
        }""",
        [settings, small_data],
    )
    wrong, three, log = everything
    assert wrong[:3] == three
    assert len(wrong) == round(60 * (1 - log["val_accuracy"]))
    sure = [item["probability"] for item in wrong]
    assert sure == sorted(sure, reverse=True)
    assert all(item["label"] == (240 + item["index"]) % 10 for item in wrong)
    assert all(item["label"] != item["predicted"] for item in wrong)


def test_weights_come_out_and_go_in(lab, small_data):
    names, same, message = lab.evaluate(
        """([settings, data]) => {
          const make = (more) => Lab.createTrainer({ ...settings, ...more }, dataOf(data));
          const [trainer, other] = [make({}), make({ seed: 9 })];
          trainer.steps(5);
          const weights = JSON.parse(JSON.stringify(trainer.exportWeights().map(
            (weight) => ({ ...weight, values: Array.from(weight.values) }))));
          other.importWeights(weights);
          let message = null;
          try {
            make({ width: 21 }).importWeights(weights);
          } catch (error) {
            message = error.message;
          }
          return [weights.map(({ name, shape }) => [name, shape]),
                  joined(trainer.copyWeights()) === joined(other.copyWeights()), message];
        }""",
        [{**SMALL, "depth": 1, "normalization": "batch_after"}, small_data],
    )
    assert names == [
        ["kernel", [36, 20]], ["bias", [20]], ["gamma", [20]], ["beta", [20]],
        ["moving_mean", [20]], ["moving_variance", [20]], ["kernel", [20, 10]], ["bias", [10]],
    ]  # fmt: skip
    assert same
    assert message == "These weights are of another network."


def test_damaged_data_are_refused(lab, small_data):
    make = """([data]) => {
      try {
        Lab.createTrainer({}, dataOf(data));
      } catch (error) {
        return error.message;
      }
    }"""
    short = {**small_data, "labels": packed(np.zeros(299, np.uint8))}
    assert "299 labels; 300 images were promised" in lab.evaluate(make, [short])
    eleven = {**small_data, "labels": packed(np.full(300, 10, np.uint8))}
    assert lab.evaluate(make, [eleven]) == "A label is 10; labels go from 0 to 9."
    assert "at least one" in lab.evaluate(make, [{**small_data, "nValid": 0}])


# The worker, in a page that was opened from a file


@pytest.fixture(scope="module")
def worker_page(chromium, small_data, tmp_path_factory):
    """A page from a disk that can start workers; `talk` collects what they say."""
    import browser
    from engine_page import HELPERS

    script = lab_build.join("worker_source.js", "LabSource")
    page_file = tmp_path_factory.mktemp("worker") / "page.html"
    page_file.write_text(
        f"""<!DOCTYPE html><html lang="en"><title>Worker</title><script>{script}</script>
<script>{HELPERS}
function talk() {{
  const source = new Blob([LabSource.WORKER_SOURCE], {{ type: "text/javascript" }});
  const worker = new Worker(URL.createObjectURL(source));
  const said = [];
  const waiting = [];
  worker.onmessage = ({{ data }}) => {{
    said.push(data);
    for (const waits of waiting.splice(0)) waits();
  }};
  return {{
    said,
    send: (type, content = {{}}) => worker.postMessage({{ type, ...content }}),
    // The next message of a type, after those that were taken.
    async take(type) {{
      for (;;) {{
        const at = said.findIndex((message) => message.type === type);
        if (at >= 0) return said.splice(0, at + 1).at(-1);
        await new Promise((resolve) => waiting.push(resolve));
      }}
    }},
    end: () => worker.terminate(),
  }};
}}
</script>""",
        encoding="utf-8",
    )
    with browser.new_page(chromium) as watched:
        watched.page.goto(page_file.as_uri())
        yield watched.page
        watched.assert_clean()


def test_worker_trains_to_the_same_weights(worker_page, train, small_data):
    ready, stepped, layers, epochs, done, weights = worker_page.evaluate(
        """async ([settings, data]) => {
          const worker = talk();
          worker.send("init", { settings, data: dataOf(data) });
          const ready = await worker.take("ready");
          worker.send("step", { steps: 3 });
          const layers = await worker.take("layers");
          worker.send("run");
          const done = (async () => {
            const epochs = [];
            for (let i = 0; i < settings.epochs; i++) epochs.push(await worker.take("epoch"));
            return [epochs, await worker.take("done")];
          })();
          const [epochs, end] = await done;
          worker.send("weights");
          const { weights } = await worker.take("weights");
          worker.end();
          return [ready, layers.step, layers.layers, epochs, end,
                  joined(weights.map(({ values }) => values))];
        }""",
        [{**SMALL, "depth": "3", "nonsense": 1}, small_data],
    )
    alone = train(SMALL)
    assert ready["kernel"] == "wasm"
    assert ready["problems"] == ['There is no setting "nonsense".']
    assert (ready["stepsPerEpoch"], ready["totalSteps"], ready["images"]) == (8, 24, 240)
    assert ready["parameters"] == 36 * 20 + 20 + 2 * (20 * 20 + 20) + 20 * 10 + 10
    assert stepped == 3
    assert [layer["name"] for layer in layers] == ["hidden 1", "hidden 2", "hidden 3", "output"]
    assert weights == alone["weights"]
    assert [epoch["step"] for epoch in epochs] == [8, 16, 24]
    assert done["reason"] == "finished"
    assert len(done["history"]) == 3
    assert done["misclassified"] == train(SMALL)["wrong"] or len(done["misclassified"]) <= 12


def test_worker_pauses_and_changes_the_rate_at_once(worker_page, small_data):
    paused, silent, rate, again, reset = worker_page.evaluate(
        """async ([settings, data]) => {
          const worker = talk();
          worker.send("init", { settings, data: dataOf(data) });
          const { totalSteps } = await worker.take("ready");
          worker.send("run");
          await worker.take("layers");
          worker.send("pause");
          const paused = await worker.take("paused");
          // What else the worker does comes before its answer to the next message.
          worker.said.length = 0;
          worker.send("misclassified", { count: 1 });
          await worker.take("misclassified");
          const silent = worker.said.length === 0;
          worker.send("setLearningRate", { value: 0.0625 });
          worker.send("step");
          const layers = await worker.take("layers");
          const again = layers.step === paused.step + 1 && paused.step < totalSteps;
          worker.send("run");
          worker.send("reset");
          await worker.take("ready");
          worker.send("step");
          const reset = await worker.take("layers");
          worker.end();
          return [paused.step, silent, layers.learningRate, again, reset.step];
        }""",
        [{**SMALL, "depth": 20, "width": 100, "epochs": 200}, small_data],
    )
    assert paused > 0
    assert silent
    assert rate == 0.0625
    assert again
    assert reset == 1


def test_worker_says_what_failed_and_goes_on(worker_page, small_data):
    messages = worker_page.evaluate(
        """async ([settings, data]) => {
          const worker = talk();
          const messages = [];
          worker.send("run");
          messages.push((await worker.take("failed")).message);
          worker.send("init", { settings, data: { ...dataOf(data), nTrain: 5 } });
          messages.push((await worker.take("failed")).message);
          worker.send("init", { settings, data: dataOf(data) });
          await worker.take("ready");
          worker.send("constructor");
          messages.push((await worker.take("failed")).message);
          worker.send("weights", { weights: [[1, 2]] });
          messages.push((await worker.take("failed")).message);
          worker.send("step");
          messages.push((await worker.take("layers")).step);
          worker.end();
          return messages;
        }""",
        [SMALL, small_data],
    )
    assert messages[0] == "The worker was not initialized."
    assert "were promised" in messages[1]
    assert messages[2] == 'The worker knows no message "constructor".'
    assert messages[3] == "These weights are of another network."
    assert messages[4] == 1
