"""Companion package of the course *Training Deep Neural Networks*.

Each submodule carries the name of the lesson that introduces it; the shared
ones are `datasets`, `pipelines`, `plots`, `explore`, `claims`, `models`,
`experiments`, `training`, `studies` and `uncertainty`.
Submodules load on first use, so ``import ch11lib`` is instant and imports
neither Keras nor TensorFlow.
"""

import importlib
import os
from types import ModuleType

__version__ = "0.1.0"
__all__ = [
    "activations",
    "batch_normalization",
    "claims",
    "data_parallel",
    "datasets",
    "deep_network_project",
    "diagnostics",
    "dropout",
    "experiments",
    "explore",
    "gradient_clipping",
    "guidelines",
    "initialization",
    "l1_l2_early_stopping",
    "learning_rate_schedules",
    "lr_finder",
    "max_norm",
    "mc_dropout",
    "models",
    "one_cycle",
    "optimizers",
    "pipelines",
    "plots",
    "studies",
    "surfaces",
    "training",
    "transfer_learning",
    "uncertainty",
    "unsupervised_pretraining",
    "vanishing_gradients",
]

# TensorFlow logs hardware notes to stderr when it is first imported. A reader
# who wants them sets the variable before importing ch11lib.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def __getattr__(name: str) -> ModuleType:
    """Import the submodule `name` on first use."""
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module 'ch11lib' has no attribute {name!r}; it has {__all__}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
