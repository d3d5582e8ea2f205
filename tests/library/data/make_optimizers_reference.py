"""Write optimizers_reference.json: the paths of PyTorch's and Optax's optimizers.

With PyTorch, JAX and Optax installed (see make_torch_reference.py), run

    python tests/library/data/make_optimizers_reference.py

and the file must not change, but for other version numbers. Each case names a
library's optimizer with its options; the tests know which rule it is.
"""

import json
import math
from pathlib import Path

import jax
import optax
import torch

jax.config.update("jax_enable_x64", True)

START = [1.0, -2.0, 0.5, 3.0]
# Of very different sizes; the last parameter has a gradient in every seventh step only.
GRADIENTS = [
    [
        round(math.sin(1.3 * t) + 0.3, 6),
        round(0.01 * math.cos(0.7 * t), 6),
        round(20 * math.sin(0.2 * t + 1), 6),
        round(math.cos(t), 6) if t % 7 == 3 else 0.0,
    ]
    for t in range(30)
]
DROP = 15  # steps until "drop" divides the learning rate by 10
TORCH = {
    "sgd": ("SGD", {"lr": 0.1}),
    "sgd_momentum": ("SGD", {"lr": 0.1, "momentum": 0.9}),
    "sgd_nesterov": ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    "sgd_drop": ("SGD", {"lr": 0.1, "momentum": 0.9}),
    "adagrad": ("Adagrad", {"lr": 0.1, "initial_accumulator_value": 0.1, "eps": 1e-15}),
    "adagrad_epsilon": ("Adagrad", {"lr": 0.1, "eps": 0.05}),
    "rmsprop": ("RMSprop", {"lr": 0.1, "alpha": 0.9, "momentum": 0.5, "eps": 1e-15}),
    "rmsprop_epsilon": ("RMSprop", {"lr": 0.1, "alpha": 0.9, "eps": 0.05}),
    "adam": ("Adam", {"lr": 0.1, "eps": 1e-15}),
    "adam_epsilon": ("Adam", {"lr": 0.1, "eps": 0.05}),
    "adamw": ("AdamW", {"lr": 0.1, "weight_decay": 0.2, "eps": 1e-15}),
    "adamax": ("Adamax", {"lr": 0.1, "eps": 1e-15}),
    "adamax_epsilon": ("Adamax", {"lr": 0.1, "eps": 0.05}),
    "nadam": ("NAdam", {"lr": 0.1, "momentum_decay": 0.004, "eps": 0.05}),
    "nadam_fast": ("NAdam", {"lr": 0.1, "momentum_decay": 1.0, "eps": 0.05}),
}
OPTAX = {
    "optax_nadam": ("nadam", {"learning_rate": 0.1, "eps": 0.05}),
    "optax_adagrad": ("adagrad", {"learning_rate": 0.1, "eps": 0.05}),
    "optax_rmsprop": (
        "rmsprop",
        {"learning_rate": 0.1, "decay": 0.8, "eps": 0.05, "centered": True, "momentum": 0.5},
    ),
}


def torch_path(case, name, options):
    theta = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    optimizer = getattr(torch.optim, name)([theta], **options)
    path = []
    for t, gradient in enumerate(GRADIENTS):
        if case == "sgd_drop" and t == DROP:
            optimizer.param_groups[0]["lr"] /= 10
        theta.grad = torch.tensor(gradient, dtype=torch.float64)
        optimizer.step()
        path.append(theta.tolist())
    return path


def optax_path(name, options):
    theta = jax.numpy.array(START)
    optimizer = getattr(optax, name)(**options)
    state, path = optimizer.init(theta), []
    for gradient in GRADIENTS:
        change, state = optimizer.update(jax.numpy.array(gradient), state, theta)
        theta = optax.apply_updates(theta, change)
        path.append(theta.tolist())
    return path


def main():
    paths = {case: torch_path(case, *optimizer) for case, optimizer in TORCH.items()}
    paths |= {case: optax_path(*optimizer) for case, optimizer in OPTAX.items()}
    rounded = {
        case: [[float(f"{x:.12g}") for x in theta] for theta in path]
        for case, path in paths.items()
    }
    reference = {
        "torch": torch.__version__.split("+")[0],
        "optax": optax.__version__,
        "start": START,
        "gradients": GRADIENTS,
        "drop": DROP,
        "paths": rounded,
    }
    path = Path(__file__).with_name("optimizers_reference.json")
    path.write_text(json.dumps(reference) + "\n")


if __name__ == "__main__":
    main()
