"""Write torch_reference.json: what PyTorch says of activations and initializers.

PyTorch is not in requirements.txt (its Linux wheels bring gigabytes of CUDA),
so the tests read these stored values. With PyTorch installed, run

    python tests/library/data/make_torch_reference.py

and the file must not change, but for another version number.
"""

import json
from pathlib import Path

import torch
from torch.nn import functional as F

POINTS = [-1e4, -20.0, -3.0, -1.0, -0.5, -1e-3, 0.0, 1e-3, 0.5, 1.0, 3.0, 20.0, 1e4]
SPECIAL = [float("-inf"), float("inf"), float("nan")]
ACTIVATIONS = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": F.relu,
    "leaky_relu": lambda z: F.leaky_relu(z, 0.3),
    "elu": F.elu,
    "selu": F.selu,
    "gelu": F.gelu,
    "silu": F.silu,
    "mish": F.mish,
}
FAN_IN, FAN_OUT = 400, 250
INITIALIZERS = {
    "glorot_uniform": torch.nn.init.xavier_uniform_,
    "glorot_normal": torch.nn.init.xavier_normal_,
    "he_uniform": lambda w: torch.nn.init.kaiming_uniform_(w, nonlinearity="relu"),
    "he_normal": lambda w: torch.nn.init.kaiming_normal_(w, nonlinearity="relu"),
    "lecun_uniform": lambda w: torch.nn.init.kaiming_uniform_(w, nonlinearity="linear"),
    "lecun_normal": lambda w: torch.nn.init.kaiming_normal_(w, nonlinearity="linear"),
}


def activation(function):
    z = torch.tensor(POINTS + SPECIAL, dtype=torch.float64, requires_grad=True)
    value = function(z)
    value.sum().backward()
    return {"value": value.tolist(), "derivative": z.grad.tolist()}


def initializer(function):
    torch.manual_seed(0)
    weights = torch.cat([function(torch.empty(FAN_OUT, FAN_IN)).flatten() for _ in range(20)])
    levels = torch.linspace(0.05, 0.95, 7)
    sample = weights[::10]
    return {
        "std": weights.std().item(),
        "largest": weights.abs().max().item(),
        "quantiles": torch.quantile(sample, levels).tolist(),
    }


def main():
    reference = {
        "torch": torch.__version__.split("+")[0],
        "points": POINTS + [str(z) for z in SPECIAL],
        "activations": {name: activation(f) for name, f in ACTIVATIONS.items()},
        "fans": [FAN_IN, FAN_OUT],
        "initializers": {name: initializer(f) for name, f in INITIALIZERS.items()},
    }
    text = json.dumps(reference, indent=1)
    Path(__file__).with_name("torch_reference.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
