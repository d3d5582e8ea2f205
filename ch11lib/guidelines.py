"""Which remedy when: default configurations, and a tree of questions. Keras.

Lesson: *Guidelines*. The configurations are those of the book's summary
tables, in a form that can be trained. The tree leads from what one sees in a
training to the lesson that helps.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import keras
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from ch11lib import _checks
from ch11lib.models import build_mlp
from ch11lib.plots import with_alt_text

__all__ = [
    "CONFIGURATIONS",
    "TREE",
    "Advice",
    "Configuration",
    "Question",
    "advise",
    "build",
    "build_optimizer",
    "leaves",
    "plot_tree",
]

NORMALIZATIONS = {"none": None, "batch": "batch"}  # as `build_mlp` takes them
OPTIMIZERS = ("momentum", "nesterov", "adamw", "nadam")


class Configuration(NamedTuple):
    """What a table of defaults says about a dense network.

    Attributes
    ----------
    initializer : str
        Of the hidden kernels, as Keras names it.
    activation : str
        Of the hidden layers, as Keras names it.
    normalization : str
        "none", or "batch" for batch normalization before the activation.
    optimizer : str
        "momentum", "nesterov" (both SGD with momentum 0.9), "adamw" or "nadam".
    dropout : float
        Rate behind each hidden layer; alpha dropout if the activation is SELU.

    Examples
    --------
    >>> Configuration("he_normal", "relu", dropout=0.2).optimizer
    'momentum'
    """

    initializer: str
    activation: str
    normalization: str = "none"
    optimizer: str = "momentum"
    dropout: float = 0.0


#: Tables 11-3 and 11-4 of Géron (2019) and (2022). "shallow" and "deep" are the
#: two columns that the tables keep in words such as "batch norm if deep".
CONFIGURATIONS: dict[str, Configuration] = {
    "2nd edition, shallow": Configuration("he_normal", "elu"),
    "2nd edition, deep": Configuration("he_normal", "elu", "batch"),
    "2nd edition, self-normalizing": Configuration("lecun_normal", "selu"),
    "3rd edition, shallow": Configuration("he_normal", "relu", "none", "nesterov"),
    "3rd edition, deep": Configuration("he_normal", "silu", "batch", "nesterov"),
    "3rd edition, self-normalizing": Configuration("lecun_normal", "selu", "none", "nesterov"),
}


def build(
    configuration: Configuration,
    hidden: Sequence[int],
    n_classes: int = 10,
    input_shape: Sequence[int] = (28, 28),
) -> Any:
    """Return the dense network that a configuration describes.

    Parameters
    ----------
    configuration : Configuration
    hidden : sequence of int
        Units of each hidden layer.
    n_classes : int
        At least 2.
    input_shape : sequence of int
        Shape of one instance. The inputs should be standardized.

    Returns
    -------
    keras.Sequential
        Built, not compiled, by `ch11lib.models.build_mlp`: Flatten, then for each
        hidden layer Dense, normalization, activation, dropout; then Dense with
        softmax, with Keras's default initializer.

    Raises
    ------
    ValueError
        If a layer has no units, there are fewer than two classes, or the
        normalization or dropout rate is none of those allowed.

    Examples
    --------
    >>> model = build(CONFIGURATIONS["3rd edition, deep"], hidden=[50] * 3)
    >>> [type(layer).__name__ for layer in model.layers[1:4]]
    ['Dense', 'BatchNormalization', 'Activation']
    """
    if len(hidden) == 0:
        raise ValueError("hidden is empty; it must have at least one layer")
    _checks.one_of("normalization", configuration.normalization, NORMALIZATIONS)
    return build_mlp(
        hidden,
        configuration.activation,
        configuration.initializer,
        n_classes,
        input_shape,
        NORMALIZATIONS[configuration.normalization],
        configuration.dropout,
    )


def build_optimizer(configuration: Configuration, learning_rate: Any) -> Any:
    """Return the optimizer that a configuration names.

    Parameters
    ----------
    configuration : Configuration
    learning_rate : float or keras.optimizers.schedules.LearningRateSchedule

    Returns
    -------
    keras.optimizers.Optimizer

    Raises
    ------
    ValueError
        If the optimizer is none of those allowed.

    Examples
    --------
    >>> optimizer = build_optimizer(CONFIGURATIONS["3rd edition, shallow"], 0.1)
    >>> optimizer.momentum, optimizer.nesterov
    (0.9, True)
    """
    name = _checks.one_of("optimizer", configuration.optimizer, OPTIMIZERS)
    if name == "adamw":
        return keras.optimizers.AdamW(learning_rate)
    if name == "nadam":
        return keras.optimizers.Nadam(learning_rate)
    return keras.optimizers.SGD(learning_rate, momentum=0.9, nesterov=name == "nesterov")


class Advice(NamedTuple):
    """A leaf of the tree: what to do, and the lessons that say how.

    Attributes
    ----------
    text : str
    lessons : tuple of str
        File names in ``book``, without ending.

    Examples
    --------
    >>> TREE.yes.yes.lessons
    ('learning_rate_schedules',)
    """

    text: str
    lessons: tuple[str, ...]


class Question(NamedTuple):
    """A node of the tree, with a branch for each answer.

    Attributes
    ----------
    name : str
        Key of the answer in `advise`.
    text : str
        Can be answered with yes or no.
    yes, no : Question or Advice
        What follows from either answer.

    Examples
    --------
    >>> TREE.text
    'Does the training loss fall?'
    """

    name: str
    text: str
    yes: "Question | Advice"
    no: "Question | Advice"


#: The course in questions; see `advise` and `plot_tree`.
TREE = Question(
    "falls",
    "Does the training loss fall?",
    no=Question(
        "explodes",
        "Does it explode, or become nan?",
        yes=Advice(
            "Scale the inputs, check the weights, lower the rate, clip the gradients.",
            ("initialization", "gradient_clipping"),
        ),
        no=Question(
            "vanishes",
            "Are the gradients of the first layers tiny?",
            yes=Advice(
                "Change activation and initializer; normalize.",
                ("vanishing_gradients", "initialization", "activations", "batch_normalization"),
            ),
            no=Advice("Find a learning rate by a range test.", ("learning_rate_schedules",)),
        ),
    ),
    yes=Question(
        "jitters",
        "Does it jump about at the end, at a constant rate?",
        yes=Advice("Let the rate fall: 1cycle or cosine.", ("learning_rate_schedules",)),
        no=Question(
            "slow",
            "Does it fall more slowly than you can wait?",
            yes=Advice(
                "Tune the rate, then the optimizer; normalize; take fewer layers.",
                ("optimizers", "batch_normalization"),
            ),
            no=Question(
                "gap",
                "Is the validation loss far above the training loss?",
                yes=Question(
                    "related",
                    "Are there more data, of this task, a related one, or without labels?",
                    yes=Advice(
                        "Train on them, or start from a network that was.",
                        ("transfer_learning", "unsupervised_pretraining"),
                    ),
                    no=Advice(
                        "Stop early; then a penalty or dropout, tuned.",
                        ("l1_l2_early_stopping", "dropout", "max_norm"),
                    ),
                ),
                no=Question(
                    "doubt",
                    "Must the network say when it does not know?",
                    yes=Advice("Sample with dropout left on, and test it.", ("mc_dropout",)),
                    no=Advice("Train longer, or a larger network, on more data.", ("guidelines",)),
                ),
            ),
        ),
    ),
)


def advise(answers: Mapping[str, bool], tree: Question = TREE) -> Advice:
    """Walk down the tree to the advice that fits the answers.

    Parameters
    ----------
    answers : mapping of str to bool
        Name of a question → answer. Questions off the path need none.
    tree : Question

    Returns
    -------
    Advice

    Raises
    ------
    ValueError
        If a question on the path has no answer.

    Examples
    --------
    >>> advise({"falls": False, "explodes": True}).lessons
    ('initialization', 'gradient_clipping')
    """
    node: Question | Advice = tree
    while isinstance(node, Question):
        if node.name not in answers:
            raise ValueError(f"answers has no {node.name!r}; it must say: {node.text}")
        node = node.yes if answers[node.name] else node.no
    return node


def _branches(tree: Question) -> list[tuple[bool, Question | Advice]]:
    """Return (answer, branch) for both answers, the branch with fewer leaves first."""
    both = [(True, tree.yes), (False, tree.no)]
    return sorted(both, key=lambda pair: sum(1 for _ in leaves(pair[1])))


def leaves(tree: Question | Advice = TREE) -> Iterator[tuple[dict[str, bool], Advice]]:
    """Yield each leaf with the answers that lead to it, from the top of `plot_tree`.

    Parameters
    ----------
    tree : Question or Advice

    Yields
    ------
    answers : dict of str to bool
        What `advise` needs to arrive at this leaf.
    advice : Advice

    Examples
    --------
    >>> next(leaves())[0]
    {'falls': False, 'explodes': True}
    """
    if isinstance(tree, Advice):
        yield {}, tree
        return
    for answer, branch in _branches(tree):
        for path, advice in leaves(branch):
            yield {tree.name: answer, **path}, advice


def plot_tree(tree: Question, answers: Mapping[str, bool] | None = None) -> Figure:
    """Draw a tree of questions, one row for each, and the path that `answers` takes.

    Parameters
    ----------
    tree : Question
    answers : mapping of str to bool, optional
        Name of a question → answer. The path is drawn boldly as far as they reach.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> plot_tree(TREE, {"falls": False}).get_label()
    'A tree of questions about a training, with an advice at each end.'
    """
    answers = answers or {}
    fig, ax = plt.subplots(figsize=(6.4, 0.3 * (2 * sum(1 for _ in leaves(tree)) - 1)))
    row = 0

    def draw(node: Question | Advice, depth: int, bold: bool) -> int:
        nonlocal row
        here, row = row, row + 1
        style: dict[str, Any] = {"color": "C1" if bold else "0.35", "va": "center"}
        weight = "bold" if bold else "normal"
        if isinstance(node, Advice):
            ax.text(depth, -here, f"→ {node.text}", fontsize=8, weight=weight, **style)
            return here
        ax.text(depth, -here, node.text, fontsize=8, weight=weight, **style)
        for answer, branch in _branches(node):
            on = bold and answers.get(node.name) is answer
            color, width = ("C1", 2.0) if on else ("0.6", 0.8)
            child = draw(branch, depth + 1, on)
            ax.plot([depth + 0.15] * 2, [-here - 0.4, -child], "-", color=color, linewidth=width)
            ax.plot([depth + 0.15, depth + 0.9], [-child] * 2, "-", color=color, linewidth=width)
            ax.text(
                depth + 0.5,
                -child + 0.12,
                "yes" if answer else "no",
                fontsize=7,
                ha="center",
                color=color,
            )
        return here

    draw(tree, 0, bool(answers))
    ax.set(xlim=(-0.1, 11), ylim=(0.6 - row, 0.6))
    ax.axis("off")
    return with_alt_text(fig, "A tree of questions about a training, with an advice at each end.")
