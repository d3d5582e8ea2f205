"""Exercise 8 of the chapter: one deep network, trained in six ways on equal terms.

Project: *A deep network, six ways*. The network has twenty hidden layers of 100
units. The parts of the exercise are `PARTS`; each is trained on the same
images, with the same budget of steps, by a `Trainer`.
"""

import gc
from collections.abc import Sequence
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ch11lib.datasets import Dataset, load_cifar10, load_fashion_mnist, subset
from ch11lib.experiments import reinitialize
from ch11lib.l1_l2_early_stopping import EarlyStop, best_epoch
from ch11lib.learning_rate_schedules import one_cycle
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
    "steps_to",
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
    """Return the data set `name`, one of `DATASETS`.

    Raises
    ------
    ValueError
        If there is none of that name.
    ch11lib.datasets.UnreachableDataError
        If CIFAR-10 is not on this machine and cannot be fetched.
    """
    if name not in DATASETS:
        raise ValueError(f"name is {name!r}; it must be in {DATASETS}")
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
    """

    X: Any
    y: Any
    valid: tuple[Any, Any]
    shift: float
    scale: float

    def scaled(self, X: NDArray[np.uint8]) -> Any:
        """Return images as the network takes them, a float32 tensor."""
        import keras

        return (keras.ops.cast(X, "float32") / 255 - self.shift) / self.scale


def prepare(data: Dataset, n_images: int, seed: int = 42, standardized: bool = True) -> Task:
    """Draw training images, by `ch11lib.datasets.subset`, and scale by them.

    If `standardized`, subtract the mean of the training pixels and divide by
    their standard deviation, one number each. Otherwise pixels are 0 to 255.
    """
    import keras

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
    """
    if n_classes < 2:
        raise ValueError(f"n_classes is {n_classes}; it must be >= 2")
    if not 0 <= part.alpha_dropout < 1:
        raise ValueError(f"alpha_dropout is {part.alpha_dropout}; it must be in [0, 1)")
    import keras

    layers = keras.layers
    model = keras.Sequential([keras.Input(tuple(input_shape)), layers.Flatten()])
    for units in HIDDEN:
        initializer = keras.initializers.get(part.initializer)
        model.add(layers.Dense(units, kernel_initializer=initializer, use_bias=not part.normalized))
        if part.normalized:
            model.add(layers.BatchNormalization())
        model.add(layers.Activation(part.activation))
    if part.alpha_dropout:
        model.add(layers.AlphaDropout(part.alpha_dropout))
    model.add(layers.Dense(n_classes, "softmax"))
    return model


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
        if part.optimizer not in OPTIMIZERS:
            raise ValueError(f"optimizer is {part.optimizer!r}; it must be in {OPTIMIZERS}")
        if part.schedule not in SCHEDULES:
            raise ValueError(f"schedule is {part.schedule!r}; it must be in {SCHEDULES}")
        import keras

        from ch11lib.experiments import RateTable

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
        """
        import keras

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
        stop = best_epoch(history["val_loss"], patience)
        n_trained = self.steps_per_epoch * (stop.last_epoch + 1)
        return Training(history, stop, self.model.get_weights(), seconds / n_trained)


def steps_to(training: Training, accuracy: float, steps_per_epoch: int) -> float:
    """Return the steps until a validation accuracy is first reached, or infinity."""
    reached = np.flatnonzero(np.array(training.history["val_accuracy"]) >= accuracy)
    return float(steps_per_epoch * (reached[0] + 1)) if len(reached) else float("inf")
