"""Parts of the Lab's page, each by itself: images, address, sentence, program, saved trainings."""

import ast
import json
import os
import subprocess
import sys

import browser
import lab_build
import make_data
import numpy as np
import pytest
from conftest import ROOT
from scipy import stats

from ch11lib import experiments

PARTS = {
    "Trainer": "trainer.js",
    "Settings": "settings.js",
    "Images": "page/data.js",
    "Address": "page/address.js",
    "Compare": "page/compare.js",
    "Keras": "page/keras.js",
    "Saved": "page/saved.js",
    "Seeds": "page/seeds.js",
    "Words": "page/words.js",
}
PRESETS = json.loads((lab_build.LAB / "presets.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def parts(chromium):
    """A page with the parts and the images; its `evaluate` runs JavaScript."""
    with browser.new_page(chromium) as watched:
        page = watched.page
        page.set_default_timeout(240_000)
        page.goto("about:blank")
        for name, module in PARTS.items():
            page.add_script_tag(content=f"{lab_build.join(module, name)}\nwindow.{name} = {name};")
        page.add_script_tag(content=(lab_build.LAB / "data.js").read_text(encoding="utf-8"))
        page.evaluate("async () => { window.data = await Images.unpack(LAB_DATA); }")
        page.evaluate("presets => { window.presets = presets; }", PRESETS)
        yield page
        watched.assert_clean()


def test_the_images_are_those_of_fashion_mnist(parts):
    levels, labels = make_data.images_and_labels()
    pixels = parts.evaluate("Array.from(data.images)")
    assert np.array_equal(np.array(pixels), levels.ravel() * 17)
    assert parts.evaluate("Array.from(data.labels)") == labels.tolist()
    assert parts.evaluate("[data.nTrain, data.nValid, data.classes.length]") == [2000, 500, 10]
    assert (lab_build.LAB / "data.js").stat().st_size <= 700_000


def test_images_that_were_changed_are_refused(parts):
    assert "unchanged" in parts.evaluate(
        "Images.unpack({...LAB_DATA, sum: 1}).then(() => '', error => error.message)"
    )


READ = "hash => Address.read(hash, presets)"


def changed(settings):
    """Return what differs from the defaults; `settings` are those of the page."""
    return {key: value for key, value in settings[0].items() if value != settings[1][key]}


def read(page, hash):
    found = page.evaluate(READ, hash)
    defaults = page.evaluate("Settings.normalize({}).settings")
    sides = [found[side] and changed((found[side], defaults)) for side in "AB"]
    return *sides, found["problems"]


@pytest.mark.parametrize(
    ("A", "B", "hash"),
    [
        ({}, None, ""),
        ({"depth": 20, "activation": "selu"}, None, "depth=20&activation=selu"),
        ({"skip": True}, {"skip": True}, "skip=true&compare=true"),
        ({"depth": 2}, {"depth": 2, "clip": "norm"}, "depth=2&b.clip=norm"),
        ({"learning_rate": 1e-6}, {}, "learning_rate=0.000001&b.learning_rate=0.01"),
    ],
)
def test_settings_go_into_the_address_and_come_back(parts, A, B, hash):
    written = parts.evaluate(
        "([A, B]) => Address.write(Settings.normalize(A).settings,"
        " B && Settings.normalize(B).settings)",
        [A, B],
    )
    assert written == hash
    if hash:
        assert read(parts, f"#{hash}") == (A, B, [])


@pytest.mark.parametrize("hash", ["", "#train-a-network", "#main-content"])
def test_a_place_on_the_page_is_no_setting(parts, hash):
    assert parts.evaluate(READ, hash) is None


@pytest.mark.parametrize(
    ("hash", "A", "words"),
    [
        ("#depth=900", {"depth": 50}, "depth is"),
        ("#depth=abc", {}, "depth is"),
        ("#activation=<img src=x>", {}, "one of sigmoid"),
        ("#color=red", {}, "no setting"),
        ("#__proto__=1", {}, "no setting"),
        ("#%E0%A4%A=3", {}, "can't be read"),
        ("#preset-nothing", {}, "no experiment"),
        ("#compare=perhaps", {}, "compare is"),
        ("#b.width=-3", {}, "B: width is"),
    ],
)
def test_a_bad_address_is_named_and_mended(parts, hash, A, words):
    found, _, problems = read(parts, hash)
    assert found == A
    assert any(words in problem for problem in problems), problems


def test_what_b_cannot_have_is_as_in_a(parts):
    A, B, problems = read(parts, "#depth=20&activation=selu&b.activation=rellu&b.depth=x&b.width=9")
    assert A == {"depth": 20, "activation": "selu"}
    assert B == {**A, "width": 9}
    assert [problem[:3] for problem in problems] == ["B: ", "B: "]
    assert '"selu" is taken' in problems[1] and "20 is taken" in problems[0]


def test_the_sentence_is_that_of_the_library(parts):
    rng = np.random.default_rng(1)
    for n in (2, 3, 5, 8):
        for shift in (0, 0.01, 0.3):
            a, b = rng.uniform(0.4, 0.6, n), rng.uniform(0.4, 0.6, n) + shift
            given = [a.tolist(), b.tolist()]
            ours = parts.evaluate("([a, b]) => Compare.compare('A', a, 'B', b).sentence", given)
            assert ours == str(experiments.compare("A", a, "B", b))
    for a, b in (([np.nan, 0.5, 0.6], [0.4, 0.3, 0.2]), ([np.nan, 0.5], [0.4, 0.3])):
        values = [[None if np.isnan(x) else x for x in row] for row in (a, b)]
        ours = parts.evaluate(
            "([a, b]) => Compare.compare('A', a.map(x => x ?? NaN), 'B', b).sentence", values
        )
        assert ours == str(experiments.compare("A", a, "B", b))


TINY = {"images": 96, "batch_size": 96, "width": 12, "depth": 3, "epochs": 3}
PROGRAMS = {
    "defaults": {},
    "everything": {
        **{"initializer": "normal", "normalization": "batch_before", "skip": True},
        **{"bn_momentum": 0.9, "l1": 1e-4, "l2": 1e-3, "max_norm": 2, "label_smoothing": 0.1},
        **{"optimizer": "adamw", "learning_rate": 0.01, "clip": "global_norm", "clip_at": 0.5},
        **{"schedule": "cosine", "warmup": 0.4, "activation": "gelu"},
    },
    "1cycle": {"optimizer": "nesterov", "schedule": "one_cycle", "rise": 0.5},
    "piecewise": {"normalization": "layer", "schedule": "piecewise", "optimizer": "rmsprop"},
    "exponential": {"normalization": "batch_after", "schedule": "exponential", "l2": 0.01},
    "early": {"activation": "leaky_relu", "patience": 2, "clip": "value", "optimizer": "nadam"},
}
TRAIN = """settings => {
    const trainer = Trainer.createTrainer(settings, data);
    const start = trainer.exportWeights().map(({shape, values}) => [shape, Array.from(values)]);
    while (!trainer.done) trainer.steps(1);
    return {start, history: trainer.history, program: Keras.program(trainer.settings, data)};
}"""
#: Runs programs as they are, but for two things: the images come from ch11lib, since Keras
#: would download them, and the start weights from the page.
RUNNER = """
import json, sys
import keras, numpy as np
from ch11lib import datasets
data = datasets.load_fashion_mnist()
whole = np.concatenate([data.X_train, data.X_valid]), np.concatenate([data.y_train, data.y_valid])
keras.datasets.fashion_mnist.load_data = lambda: (whole, (data.X_test, data.y_test))
results = {}
for name, case in json.load(sys.stdin).items():
    space = {"start": [np.array(v, "float32").reshape(shape) for shape, v in case["start"]]}
    before, fit = case["program"].split("history = model.fit(")
    exec(before, space)
    results[name] = []
    for _ in range(case.get("times", 1)):
        exec("model.set_weights(start)\\nhistory = model.fit(" + fit, space)
        results[name].append(space["history"].history)
print("RESULTS" + json.dumps(results))
"""


TIMES = 60
DROPOUT = {**TINY, "width": 30, "depth": 2, "learning_rate": 0.1}
DROPPED = {
    "dropout": {**DROPOUT, "dropout": 0.3},
    "alpha dropout": {
        **{**DROPOUT, "dropout": 0.2, "alpha_dropout": True, "learning_rate": 0.03},
        **{"activation": "selu", "initializer": "lecun_normal"},
    },
    "a bit more dropout": {**DROPOUT, "dropout": 0.4},
}
WITH_OTHER_MASKS = """([settings, times]) => {
    const first = Trainer.createTrainer(settings, data);
    const start = first.exportWeights().map(({shape, values}) => [shape, Array.from(values)]);
    const ends = Array.from({length: times}, (_, seed) => {
        const trainer = Trainer.createTrainer({...settings, seed}, data);
        trainer.importWeights(start.map(([, values]) => values));
        while (!trainer.done) trainer.steps(1);
        return trainer.history.at(-1);
    });
    return {start, ends, times, program: Keras.program(first.settings, data)};
}"""


@pytest.fixture(scope="module")
def run_programs(parts):
    """What the page computes, and what `fit` says each time; both by the name of a case."""
    cases = {name: parts.evaluate(TRAIN, {**TINY, **more}) for name, more in PROGRAMS.items()}
    for name, settings in DROPPED.items():
        cases[name] = parts.evaluate(WITH_OTHER_MASKS, [settings, TIMES])
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-c", RUNNER],
        input=json.dumps(cases),
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return cases, json.loads(done.stdout.split("RESULTS")[1])


def test_the_programs_compute_what_the_page_computes(run_programs):
    """From the same start weights; one batch holds all images, so that their order is nothing."""
    cases, results = run_programs
    for name in PROGRAMS:
        case = cases[name]
        for key in ("loss", "accuracy", "val_loss", "val_accuracy"):
            ours = [log[key] for log in case["history"]]
            (theirs,) = results[name]
            assert len(ours) == len(theirs[key])
            assert ours == pytest.approx(theirs[key], rel=2e-4, abs=2e-5), (name, key)


def test_programs_with_dropout_end_as_the_page_does_in_distribution(run_programs):
    """From the same start weights, each time with other masks: only these are random."""
    cases, results = run_programs

    def p_value(ours, theirs, key):
        ends = [history[key][-1] for history in results[theirs]]
        assert len(ends) == len(set(ends)) == TIMES, "other masks each time"
        return stats.ks_2samp([log[key] for log in cases[ours]["ends"]], ends).pvalue

    for key in ("loss", "val_loss"):
        assert p_value("dropout", "dropout", key) > 0.01
        assert p_value("alpha dropout", "alpha dropout", key) > 0.01
    assert p_value("a bit more dropout", "dropout", "loss") < 1e-6, "it would be noticed"


def test_programs_are_plain_and_narrow(parts):
    settings = [{}, *PROGRAMS.values()]
    settings += [{"dropout": 0.3}, {"dropout": 0.1, "alpha_dropout": True, "max_norm": 1, "l1": 1}]
    settings += [{**preset["settings"], **preset.get("b", {})} for preset in PRESETS]
    for given in settings:
        text = parts.evaluate(
            "given => Keras.program(Settings.normalize(given).settings, data,"
            " [{step: 5, rate: 0.5}])",
            given,
        )
        ast.parse(text)
        assert max(map(len, text.splitlines())) <= 76, text
        assert ("Dropout(" in text) == ("dropout" in given)
        assert "# By hand: the learning rate became 0.5 after step 5." in text


def test_a_saved_training_comes_back(parts):
    side = """const log = {epoch: 1, loss: NaN, accuracy: 0.1, val_loss: Infinity,
        val_accuracy: 0.1, seconds: 1};
    const settings = Settings.normalize({depth: 7}).settings;
    const A = {settings, history: [log], reason: "not finite", rateChanges: [{step: 3, rate: 0.1}],
        seeds: [{seed: 42, history: [log], reason: null}]};"""
    same = parts.evaluate(
        f"""() => {{ {side}
        const back = Saved.fromText(Saved.toText({{A, B: null}}));
        const [log2] = back.A.history;
        return [back.problems, back.B, back.A.settings.depth, Number.isNaN(log2.loss),
            log2.val_loss === Infinity, back.A.reason, back.A.rateChanges, back.A.seeds.length];
        }}"""
    )
    assert same == [[], None, 7, True, True, "not finite", [{"step": 3, "rate": 0.1}], 1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not JSON"),
        ("[]", "not a saved training"),
        ('{"format": "lab-run", "version": 1, "A": 3}', "A is not an object"),
        ('{"format": "lab-run", "version": 1, "A": {"settings": {"depth": 99}}}', "depth is 99"),
        ('{"format": "lab-run", "version": 1, "A": {"history": [{"epoch": 1}]}}', "epoch 1"),
        ('{"format": "lab-run", "version": 1, "A": {"history": 3}}', "not a list"),
        ('{"format": "lab-run", "version": 9, "A": {}}', "another version"),
    ],
)
def test_a_damaged_file_is_named(parts, text, words):
    problems = parts.evaluate("text => Saved.fromText(text).problems", text)
    assert any(words in problem for problem in problems), problems


def test_early_stopping_counts_the_epoch_whose_weights_are_kept(parts):
    log = [{"val_loss": 2, "val_accuracy": 0.1}, {"val_loss": 1, "val_accuracy": 0.2}]
    log += [{"val_loss": 3, "val_accuracy": 0.3}]
    final = """([patience, reason, history]) =>
        Seeds.finalAccuracy({settings: {patience}, reason, history})"""
    assert parts.evaluate(final, [0, "finished", log]) == 0.3
    assert parts.evaluate(final, [1, "stopped early", log]) == 0.2
    assert np.isnan(parts.evaluate(final, [0, "not finite", log]))
