"""Each experiment of the Lab shows what its sentence says, with three seeds."""

import json
import re

import browser
import lab_build
import lab_two_words as drawn
import notebooks
import numpy as np
import pytest
from conftest import ROOT
from gates import NOT_LESSONS

PRESETS = json.loads((lab_build.LAB / "presets.json").read_text(encoding="utf-8"))
SEEDS = (42, 43, 44)
TRAIN = """([settings, more]) => {
    const trainer = Trainer.createTrainer({...settings, ...more}, data);
    trainer.steps(1);
    const first = trainer.layerStats();
    while (!trainer.done) trainer.steps(500);
    const {history, reason} = trainer;
    const mistakes = trainer.misclassified();
    return {first, history, reason, mistakes, layers: trainer.layerStats()};
}"""


class Training:
    """What the page found: `first` and `last` are the layers after the first and last step."""

    def __init__(self, found):
        self.first, self.last = found["first"], found["layers"]
        self.history, self.reason = found["history"], found["reason"]
        self.mistakes = [one["probability"] for one in found["mistakes"]]

    def of(self, name):
        return np.array([log[name] for log in self.history])

    @property
    def final(self):
        return self.history[-1]["val_accuracy"]

    @property
    def gap(self):
        return self.history[-1]["accuracy"] - self.final


def values(layers, name):
    return np.array([layer[name] for layer in layers])


def twenty_sigmoid(a, _):
    gradient = values(a.last, "gradientNorm")
    assert a.final < 0.2
    assert gradient[0] * 1e9 < gradient[-1]


def two_words(a, b):
    assert a.final < 0.2
    assert b.final > 0.65


def twenty_relu(a, _):
    gradient = values(a.last, "gradientNorm")
    assert a.final > 0.6
    assert gradient.max() < 30 * gradient.min()


def zeros(a, _):
    assert a.final < 0.2
    for layers in (a.first, a.last):
        assert (values(layers, "activationSd")[:-1] == 0).all()
        assert (values(layers, "gradientNorm") == 0).all()


def exploding(a, _):
    spread = values(a.first, "activationSd")[:-1]
    factor = (spread[-1] / spread[0]) ** (1 / (len(spread) - 1))
    assert 1.3 < factor < 1.5
    assert a.reason == "not finite"
    assert len(a.history) == 1


def fifty_selu(a, _):
    spread = values(a.last, "activationSd")[:-1]
    assert a.final > 0.6
    assert len(spread) == 50
    assert 0.6 < spread.min() <= spread.max() < 1.7


def dying_relu(a, b):
    assert values(a.last, "share")[0] > 0.6
    assert values(b.last, "share")[0] < 0.4


def batch_normalization(a, b):
    assert a.final < 0.2
    assert b.of("val_accuracy").max() > 0.7


def skip(a, b):
    assert a.final < 0.2
    assert values(a.first, "gradientNorm")[0] < 1e-20
    assert values(b.first, "gradientNorm")[0] > 0.01
    assert b.final > 0.65


def tiny_batches(a, b):
    assert a.of("val_accuracy").max() + 0.1 < b.of("val_accuracy").max()


def clipping(a, b):
    assert (a.reason, len(a.history)) == ("not finite", 1)
    assert b.final > 0.6


def optimizers(a, b):
    assert b.final > a.final + 0.02


def few_labels(a, b):
    assert a.history[-1]["accuracy"] == 1
    assert b.final > a.final + 0.08


def small_weights(a, b):
    assert a.final < 0.2
    assert b.final > 0.6


def momentum(a, b):
    assert b.final > a.final + 0.05


def two_rates(a, b):
    for loss in ("loss", "val_loss"):
        assert b.history[-1][loss] < a.history[-1][loss] - 0.05
    assert (a.of("loss")[:6] == b.of("loss")[:6]).all()


def one_cycle(a, b):
    assert b.history[-1]["val_loss"] < a.history[-1]["val_loss"] - 0.03


def l2(a, b):
    assert a.history[-1]["accuracy"] > 0.995
    assert b.history[-1]["accuracy"] < 0.97
    assert b.gap < a.gap - 0.02


def strong_penalty(a, b):
    assert a.history[-1]["accuracy"] > 0.8
    assert b.history[-1]["accuracy"] < 0.5


def early_stopping(a, _):
    assert a.reason == "stopped early"
    assert len(a.history) < 30
    assert a.of("val_loss").argmin() == len(a.history) - 6


def dropout(a, b):
    loss = a.of("val_loss")
    assert a.history[-1]["accuracy"] > 0.995
    assert loss[-1] > loss.min() + 0.05
    assert b.gap < a.gap - 0.04


def sure(a, b):
    loss, accuracy = a.of("val_loss"), a.of("val_accuracy")
    assert loss[-1] > 1.5 * loss.min()
    assert accuracy[-1] > accuracy[loss.argmin()] - 0.03
    assert b.history[-1]["val_loss"] < loss[-1] - 0.2
    assert max(b.mistakes) > 0.9


def label_smoothing(a, b):
    assert min(a.mistakes) > 0.99
    assert min(b.mistakes) < 0.8
    assert np.mean(b.mistakes) < 0.9


def max_norm(a, b):
    assert a.final < 0.2
    assert b.final > 0.75


def max_norm_constant(a, b):
    assert a.final < 0.6
    assert b.final > 0.75


def guidelines(a, b):
    assert a.final < 0.2
    assert b.final > 0.75


def project(a, b):
    assert b.history[-1]["val_loss"] < a.history[-1]["val_loss"] - 0.04


def large_batch(a, b):
    assert b.history[-1]["loss"] > 2 * a.history[-1]["loss"]


@pytest.fixture(scope="module")
def trained(chromium):
    """Train with one seed in a page; return a Training."""
    with browser.new_page(chromium) as watched:
        page = watched.page
        page.set_default_timeout(240_000)
        page.goto("about:blank")
        for name, module in {"Trainer": "trainer.js", "Images": "page/data.js"}.items():
            page.add_script_tag(content=f"{lab_build.join(module, name)}\nwindow.{name} = {name};")
        page.add_script_tag(content=(lab_build.LAB / "data.js").read_text(encoding="utf-8"))
        page.evaluate("async () => { window.data = await Images.unpack(LAB_DATA); }")
        yield lambda *settings: Training(page.evaluate(TRAIN, list(settings)))


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset["name"])
def test_an_experiment_shows_what_its_sentence_says(trained, preset):
    for seed in SEEDS:
        a = trained(preset["settings"], {"seed": seed})
        b = "b" in preset and trained(preset["settings"], {**preset["b"], "seed": seed})
        globals()[preset["name"]](a, b)


def test_the_drawing_of_the_landing_page_shows_what_is_trained(trained):
    (preset,) = [preset for preset in PRESETS if preset["name"] == "two_words"]
    for side, values in ({}, drawn.A), (preset["b"], drawn.B):
        found = trained(preset["settings"], side).of("val_accuracy")
        assert np.round(found, 3).tolist() == list(values)
        svg = (ROOT / "book" / "drawings" / "lab_two_words.svg").read_text(encoding="utf-8")
        points = [drawn.place(epoch, value) for epoch, value in enumerate(values, start=1)]
        assert " ".join(f"{x:.1f},{y:.1f}" for x, y in points) in svg


def test_sgd_keeps_up_with_adam_at_a_better_rate(trained):
    """As the experiment asks its reader to find out."""
    (preset,) = [preset for preset in PRESETS if preset["name"] == "optimizers"]
    slow = trained(preset["settings"], {})
    fast = trained(preset["settings"], {"learning_rate": 0.02})
    adam = trained(preset["settings"], preset["b"])
    assert slow.final < adam.final - 0.02
    assert fast.final > adam.final - 0.02


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset["name"])
def test_an_experiment_is_complete(preset):
    assert (ROOT / "book" / f"{preset['lesson']}.ipynb").is_file()
    assert preset["name"].isidentifier(), "it is part of an address and of a selector"
    assert {*preset} <= {"name", "title", "lesson", "sentence", "settings", "b"}


def test_every_lesson_opens_an_experiment():
    """A link names the experiment itself; the build fails if there is none of that name."""
    names = {preset["name"] for preset in PRESETS}
    lessons = {path.stem: path for path in notebooks.toc_notebooks()}
    linked = {
        lesson: set(re.findall(r"\]\(lab\.md#preset-(\w+)\)", path.read_text(encoding="utf-8")))
        for lesson, path in lessons.items()
        if lesson not in NOT_LESSONS
    }
    assert [lesson for lesson, found in linked.items() if not found & names] == []
    assert set().union(*linked.values()) <= names
    own = {preset["lesson"] for preset in PRESETS}
    assert set(linked) <= own, "each lesson has an experiment of its own"


def test_experiments_stand_in_the_order_of_the_lessons():
    order = [path.stem for path in notebooks.toc_notebooks()]
    places = [order.index(preset["lesson"]) for preset in PRESETS]
    assert places == sorted(places)


def test_settings_of_experiments_are_valid(lab):
    for preset in PRESETS:
        for settings in (preset["settings"], preset.get("b", {})):
            assert lab.evaluate("given => LabSettings.normalize(given).problems", settings) == []
