"""The book's tables can be trained, and the tree leads to every lesson."""

import re

import nbformat
import pytest
import yaml
from conftest import ROOT

from ch11lib import guidelines
from ch11lib.guidelines import CONFIGURATIONS, TREE, Configuration


def kinds(model):
    return [type(layer).__name__ for layer in model.layers]


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_configurations_are_built_as_the_tables_say(name):
    configuration = CONFIGURATIONS[name]
    model = guidelines.build(configuration, [30, 20])
    assert [w.shape for w in model.trainable_weights if len(w.shape) == 2] == [
        (784, 30),
        (30, 20),
        (20, 10),
    ]
    hidden = [layer for layer in model.layers if type(layer).__name__ == "Dense"][:-1]
    wanted = {"he_normal": "HeNormal", "lecun_normal": "LecunNormal"}[configuration.initializer]
    assert {type(layer.kernel_initializer).__name__ for layer in hidden} == {wanted}
    assert type(model.layers[-1].kernel_initializer).__name__ == "GlorotUniform"
    assert kinds(model).count("BatchNormalization") == 2 * ("deep" in name)
    own = "Activation" if configuration.normalization == "batch" else "Dense"
    activations = [layer for layer in model.layers[:-1] if type(layer).__name__ == own]
    assert [layer.activation.__name__ for layer in activations] == [configuration.activation] * 2
    optimizer = guidelines.build_optimizer(configuration, 0.1)
    assert (optimizer.momentum, optimizer.nesterov) == (0.9, "3rd" in name)


def test_layers_come_in_order_and_a_bias_only_without_normalization():
    batch = Configuration("he_normal", "relu", "batch", dropout=0.5)
    model = guidelines.build(batch, [4], n_classes=3, input_shape=(2, 2))
    order = ["Flatten", "Dense", "BatchNormalization", "Activation", "Dropout", "Dense"]
    assert kinds(model) == order
    assert not model.layers[1].use_bias
    assert model.output_shape == (None, 3)
    assert guidelines.build(Configuration("he_normal", "relu"), [4]).layers[1].use_bias


def test_selu_gets_alpha_dropout():
    selu = Configuration("lecun_normal", "selu", dropout=0.1)
    assert kinds(guidelines.build(selu, [4]))[2] == "AlphaDropout"


def test_layers_start_with_different_weights():
    model = guidelines.build(CONFIGURATIONS["2nd edition, deep"], [9, 9, 9])
    first, second = model.layers[4].kernel, model.layers[7].kernel
    assert float(abs(first - second).numpy().max()) > 0.1


@pytest.mark.parametrize("name", ["momentum", "nesterov", "adamw", "nadam"])
def test_optimizers_take_numbers_and_schedules(name):
    import keras

    configuration = Configuration("he_normal", "relu", optimizer=name)
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 100)
    assert float(guidelines.build_optimizer(configuration, 0.2).learning_rate) == pytest.approx(0.2)
    optimizer = guidelines.build_optimizer(configuration, schedule)
    assert float(optimizer.learning_rate) == pytest.approx(0.1)
    assert type(optimizer).__name__.lower() == {"momentum": "sgd", "nesterov": "sgd"}.get(
        name, name
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"normalization": "layer"}, "normalization is 'layer'"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"dropout": -0.1}, "dropout is -0.1"),
    ],
)
def test_bad_configurations(change, message):
    with pytest.raises(ValueError, match=message):
        guidelines.build(Configuration("he_normal", "relu")._replace(**change), [4])


def test_bad_arguments():
    plain = Configuration("he_normal", "relu")
    for hidden in ([], [4, 0]):
        with pytest.raises(ValueError, match="hidden is"):
            guidelines.build(plain, hidden)
    with pytest.raises(ValueError, match="n_classes is 1"):
        guidelines.build(plain, [4], n_classes=1)
    with pytest.raises(ValueError, match="optimizer is 'lion'"):
        guidelines.build_optimizer(plain._replace(optimizer="lion"), 0.1)


def test_every_leaf_is_reached_by_its_answers():
    paths = list(guidelines.leaves())
    assert len({advice.text for _, advice in paths}) == len(paths) == 9
    for answers, advice in paths:
        assert guidelines.advise(answers) is advice


def test_a_missing_answer_is_an_error_that_asks_the_question():
    with pytest.raises(ValueError, match="'vanishes'; it must say: Are the gradients"):
        guidelines.advise({"falls": False, "explodes": False})
    assert guidelines.advise({"falls": False, "explodes": True}).lessons[0] == "initialization"


#: Notebooks that no advice leads to.
OTHERS = {"deep_network_project", "what_it_costs", "data_parallel"}


def test_the_tree_leads_to_every_lesson_and_to_nothing_else():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    pages = [c["file"].removeprefix("book/") for part in toc["parts"] for c in part["chapters"]]
    lessons = {page for page in pages if (ROOT / "book" / f"{page}.ipynb").exists()}
    assert lessons > OTHERS, "each project named here is there"
    lessons -= OTHERS
    assert {name for _, advice in guidelines.leaves() for name in advice.lessons} == lessons


def test_the_lesson_links_what_the_tree_advises():
    """The table of the lesson has a row per leaf, with exactly its links."""
    notebook = nbformat.read(ROOT / "book" / "guidelines.ipynb", as_version=4)
    text = "\n".join(cell.source for cell in notebook.cells)
    for _, advice in guidelines.leaves():
        row = next(line for line in text.splitlines() if line.startswith(f"| {advice.text} |"))
        links = re.findall(r"\]\((\w+)(?:\.ipynb)?\)|\{doc\}`(?:[^<`]*<)?(\w+)>?`", row)
        linked = tuple(a or b for a, b in links)
        assert linked == tuple(name for name in advice.lessons if name != "guidelines")


def test_plot_draws_every_node_and_marks_the_path():
    answers, advice = list(guidelines.leaves())[5]
    texts = guidelines.plot_tree(TREE, answers).axes[0].texts
    bold = [text.get_text() for text in texts if text.get_weight() == "bold"]
    assert len([t for t in texts if t.get_text() not in ("yes", "no")]) == 17
    assert len(bold) == len(answers) + 1
    assert bold[-1] == f"→ {advice.text}"
    assert not [t for t in guidelines.plot_tree(TREE).axes[0].texts if t.get_weight() == "bold"]
