"""Exercise 8 of the chapter: one deep network, trained in six ways on equal terms. Keras.

Project: *A deep network, six ways*. The network has twenty hidden layers of 100
units. The parts of the exercise are `PARTS`; each is trained on the same
images, with the same budget of steps, by a `Trainer`.
"""

import gc
from collections.abc import Sequence
from time import perf_counter
from typing import Any, NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray

from ch11lib import _checks
from ch11lib.datasets import Dataset, load_cifar10, load_fashion_mnist, subset
from ch11lib.experiments import RateTable, reinitialize
from ch11lib.l1_l2_early_stopping import EarlyStop, early_stop
from ch11lib.learning_rate_schedules import one_cycle
from ch11lib.models import hidden_layers
from ch11lib.pipelines import batches, in_order

__all__ = [
    "DATASETS",
    "HIDDEN",
    "PARTS",
    "Part",
    "Task",
    "Trainer",
    "Training",
    "build",
    "load",
    "prepare",
    "steps_to_reach",
]

#: What `load` knows.
DATASETS = ("fashion_mnist", "cifar10")
#: Units of each hidden layer: twenty layers of 100.
HIDDEN = (100,) * 20
OPTIMIZERS = ("nadam", "sgd")
SCHEDULES = ("constant", "1cycle")


class Part(NamedTuple):
    """One way to build and train the network.

    Attributes
    ----------
    activation, initializer : str
        Of the hidden layers, as Keras names them.
    normalized : bool
        Whether batch normalization precedes each activation.
    alpha_dropout : float
        Rate of one alpha dropout layer before the output; 0 for none.
    optimizer : str
        "nadam", or "sgd" with momentum 0.9.
    schedule : str
        "constant" with early stopping, or "1cycle", which runs to its end.

    Examples
    --------
    >>> Part(normalized=True).optimizer
    'nadam'
    """

    activation: str = "silu"
    initializer: str = "he_normal"
    normalized: bool = False
    alpha_dropout: float = 0.0
    optimizer: str = "nadam"
    schedule: str = "constant"


SELU = Part("selu", "lecun_normal")
#: The parts b to f of the exercise; part a is the network of b before its training.
PARTS = {
    "b": Part(),
    "c": Part(normalized=True),
    "d": SELU,
    "e": SELU._replace(alpha_dropout=0.1),
    "f": SELU._replace(optimizer="sgd", schedule="1cycle"),
}


def load(name: str) -> Dataset:
    """Return the data set `name`.

    Parameters
    ----------
    name : str
        One of `DATASETS`. Fashion MNIST comes with the package; CIFAR-10 is
        fetched on first use.

    Returns
    -------
    ch11lib.datasets.Dataset

    Raises
    ------
    ValueError
        If there is none of that name.
    ch11lib.datasets.UnreachableDataError
        If CIFAR-10 is not on this machine and cannot be fetched.

    Examples
    --------
    >>> load("fashion_mnist").X_train.shape
    (55000, 28, 28)
    """
    _checks.one_of("name", name, DATASETS)
    return load_cifar10() if name == "cifar10" else load_fashion_mnist()


class Task(NamedTuple):
    """Images as the trainings take them: (byte / 255 − shift) / scale.

    Attributes
    ----------
    X, y : tensor
        The training images, as bytes, and their classes.
    valid : tuple of tensor
        Scaled validation images and their classes.
    shift, scale : float

    Examples
    --------
    >>> task = Task(X=None, y=None, valid=(None, None), shift=0.5, scale=0.5)
    >>> np.asarray(task.scaled(np.uint8([0, 255])))
    array([-1.,  1.], dtype=float32)
    """

    X: Any
    y: Any
    valid: tuple[Any, Any]
    shift: float
    scale: float

    def scaled(self, X: NDArray[np.uint8]) -> Any:
        """Return images as the network takes them, a float32 tensor."""
        return (keras.ops.cast(X, "float32") / 255 - self.shift) / self.scale


def prepare(data: Dataset, n_images: int, seed: int = 42, standardized: bool = True) -> Task:
    """Draw training images, and scale all images by their mean and deviation.

    Parameters
    ----------
    data : ch11lib.datasets.Dataset
    n_images : int
        For training, drawn by `ch11lib.datasets.subset`.
    seed : int
        Of the draw.
    standardized : bool
        Whether to subtract the mean of the training pixels and divide by their
        standard deviation, one number each. Otherwise pixels are 0 to 255.

    Returns
    -------
    Task

    Raises
    ------
    ValueError
        If there are fewer images.

    Examples
    --------
    >>> task = prepare(load("fashion_mnist"), n_images=1000)
    >>> task.X.shape, round(task.shift, 2), round(task.scale, 2)
    (TensorShape([1000, 28, 28]), 0.29, 0.35)
    """
    X, y = subset(data.X_train, data.y_train, n_images, seed)
    shift, scale = (float(X.mean()) / 255, float(X.std()) / 255) if standardized else (0.0, 1 / 255)
    tensor = keras.ops.convert_to_tensor
    task = Task(tensor(X), tensor(y), (None, None), shift, scale)
    return task._replace(valid=(task.scaled(data.X_valid), tensor(data.y_valid)))


def build(part: Part, input_shape: Sequence[int] = (28, 28), n_classes: int = 10) -> Any:
    """Return the network of a part.

    Parameters
    ----------
    part : Part
    input_shape : sequence of int
        Shape of one image.
    n_classes : int
        At least 2.

    Returns
    -------
    keras.Sequential
        Built, not compiled.

    Raises
    ------
    ValueError
        If a number is out of range.

    Examples
    --------
    >>> len(build(PARTS["c"]).layers) == 1 + 20 * 3 + 1
    True
    """
    _checks.count("n_classes", n_classes, minimum=2)
    _checks.fraction("alpha_dropout", part.alpha_dropout, one=False)
    normalization = "batch" if part.normalized else None
    layers = hidden_layers(HIDDEN, part.activation, part.initializer, normalization)
    if part.alpha_dropout:
        layers.append(keras.layers.AlphaDropout(part.alpha_dropout))
    return keras.Sequential(
        [
            keras.Input(tuple(input_shape)),
            keras.layers.Flatten(),
            *layers,
            keras.layers.Dense(n_classes, "softmax"),
        ]
    )


class Training(NamedTuple):
    """What came of one training.

    Attributes
    ----------
    history : dict of str to list of float
        As Keras returns it, one value per epoch.
    stop : EarlyStop
        The best and the last epoch, from 0.
    weights : list of ndarray
        Those of the best epoch.
    seconds_per_step : float
        With the evaluations; the first training also compiles.

    Examples
    --------
    >>> stop = EarlyStop(best_epoch=1, last_epoch=2, stopped=False)
    >>> Training({"val_accuracy": [0.5, 0.8, 0.7]}, stop, [], 0.01).accuracy
    0.8
    """

    history: dict[str, list[float]]
    stop: EarlyStop
    weights: list[Any]
    seconds_per_step: float

    @property
    def accuracy(self) -> float:
        """Validation accuracy of the best epoch."""
        return self.history["val_accuracy"][self.stop.best_epoch]


class Trainer:
    """A compiled network, trained again and again from new weights.

    Parameters
    ----------
    part : Part
    input_shape : sequence of int
    n_epochs, steps_per_epoch : int
        The budget; an "epoch" here is the stretch between two evaluations.
    patience : int
        Epochs without a lower validation loss before the training ends.
    batch_size : int

    Raises
    ------
    ValueError
        If `part` names an unknown optimizer or schedule.

    Examples
    --------
    >>> trainer = Trainer(PARTS["f"], n_epochs=1, steps_per_epoch=1)
    >>> task = prepare(load("fashion_mnist"), n_images=200)
    >>> len(trainer.run(task, rate=0.01, seed=1).history["val_accuracy"])
    1
    """

    def __init__(
        self,
        part: Part,
        input_shape: Sequence[int] = (28, 28),
        n_epochs: int = 10,
        steps_per_epoch: int = 40,
        patience: int = 3,
        batch_size: int = 128,
    ) -> None:
        _checks.one_of("optimizer", part.optimizer, OPTIMIZERS)
        _checks.one_of("schedule", part.schedule, SCHEDULES)
        gc.unfreeze()  # or the network before this one would never be freed
        keras.utils.clear_session()
        self.part, self.n_epochs, self.steps_per_epoch = part, n_epochs, steps_per_epoch
        self.patience, self.batch_size = patience, batch_size
        self.table = RateTable(np.zeros(n_epochs * steps_per_epoch))
        self.model = build(part, input_shape)
        optimizer = (
            keras.optimizers.Nadam(self.table)
            if part.optimizer == "nadam"
            else keras.optimizers.SGD(self.table, momentum=0.9)
        )
        loss, metrics = "sparse_categorical_crossentropy", ["accuracy"]
        self.model.compile(optimizer, loss, metrics=metrics, steps_per_execution=steps_per_epoch)

    def run(self, task: Task, rate: float, seed: int) -> Training:
        """Train from new weights and keep the best ones.

        Parameters
        ----------
        task : Task
        rate : float
            The constant learning rate, or the highest one of 1cycle.
        seed : int
            Of the weights, the order of the images and the dropout.

        Returns
        -------
        Training
        """
        n_steps, cycle = self.n_epochs * self.steps_per_epoch, self.part.schedule == "1cycle"
        reinitialize(self.model, seed)
        steps = np.arange(n_steps)
        self.table.assign(one_cycle(steps, rate, n_steps) if cycle else np.full(n_steps, rate))
        feed = batches(task.X, task.y, n_steps, self.batch_size, seed)
        patience = self.n_epochs if cycle else self.patience
        start = perf_counter()
        history = self.model.fit(
            feed.map(lambda X, y: ((X - task.shift) / task.scale, y)),
            epochs=self.n_epochs,
            steps_per_epoch=self.steps_per_epoch,
            validation_data=in_order(*task.valid, 2500),
            callbacks=[keras.callbacks.EarlyStopping(patience=patience, restore_best_weights=True)],
            verbose=0,
            shuffle=False,
        ).history
        seconds = perf_counter() - start
        stop = early_stop(history["val_loss"], patience)
        n_trained = self.steps_per_epoch * (stop.last_epoch + 1)
        return Training(history, stop, self.model.get_weights(), seconds / n_trained)


def steps_to_reach(training: Training, accuracy: float, steps_per_epoch: int) -> float:
    """Return the steps until a validation accuracy is first reached, or infinity.

    Parameters
    ----------
    training : Training
    accuracy : float
        To be reached or surpassed.
    steps_per_epoch : int
        Steps between two evaluations.

    Returns
    -------
    float

    Examples
    --------
    >>> training = Training({"val_accuracy": [0.5, 0.8, 0.7]}, None, [], 0.01)
    >>> steps_to_reach(training, 0.6, steps_per_epoch=40)
    80.0
    """
    reached = np.flatnonzero(np.array(training.history["val_accuracy"]) >= accuracy)
    return float(steps_per_epoch * (reached[0] + 1)) if len(reached) else float("inf")
