"""Write one_cycle_reference.json: what PyTorch's OneCycleLR and SGD do.

With PyTorch installed (see make_torch_reference.py), run

    python tests/library/data/make_one_cycle_reference.py

and the file must not change, but for another version number.
"""

import json
import warnings
from pathlib import Path

import torch

MAX_LEARNING_RATE = 0.4
CASES = [
    {"total_steps": total_steps, "anneal_strategy": strategy, "three_phase": three_phase, **more}
    for strategy in ("cos", "linear")
    for three_phase in (False, True)
    for total_steps, more in [
        (40, {}),
        (37, {"pct_start": 0.45, "div_factor": 10.0, "final_div_factor": 50.0}),
        (30, {"pct_start": 0.5, "base_momentum": 0.5, "max_momentum": 0.9}),
        (2, {}),
        (1, {}),
        (20, {"pct_start": 0.0}),
    ]
]
# Least squares: the loss is the mean of (X w − y)²
X = [[1.0, 0.5], [-0.5, 2.0], [0.25, -1.0], [1.5, 1.0]]
Y = [1.0, -2.0, 0.5, 3.0]
SGD_CASE = {"total_steps": 40, "anneal_strategy": "linear", "three_phase": True}
SGD_MAX_LEARNING_RATE = 0.1


def cycle(optimizer, max_learning_rate, case):
    warnings.simplefilter("ignore")  # of the order of the first two calls
    return torch.optim.lr_scheduler.OneCycleLR(optimizer, max_learning_rate, **case)


def schedule(case):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0, momentum=0.9)
    scheduler = cycle(optimizer, MAX_LEARNING_RATE, case)
    rates, momenta = [], []
    for _ in range(case["total_steps"]):
        rates.append(optimizer.param_groups[0]["lr"])
        momenta.append(optimizer.param_groups[0]["momentum"])
        scheduler.step()
    return {"case": case, "learning_rate": rates, "momentum": momenta}


def train(nesterov):
    X_, y = torch.tensor(X, dtype=torch.float64), torch.tensor(Y, dtype=torch.float64)
    w = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=1.0, momentum=0.9, nesterov=nesterov)
    scheduler = cycle(optimizer, SGD_MAX_LEARNING_RATE, SGD_CASE)
    path = []
    for _ in range(SGD_CASE["total_steps"]):
        optimizer.zero_grad()
        ((X_ @ w - y) ** 2).mean().backward()
        optimizer.step()
        scheduler.step()
        path.append(w.tolist())
    return path


def main():
    reference = {
        "torch": torch.__version__.split("+")[0],
        "max_learning_rate": MAX_LEARNING_RATE,
        "schedules": [schedule(case) for case in CASES],
        "X": X,
        "y": Y,
        "sgd_max_learning_rate": SGD_MAX_LEARNING_RATE,
        "sgd_case": SGD_CASE,
        "weights": train(nesterov=False),
        "weights_nesterov": train(nesterov=True),
    }
    path = Path(__file__).with_name("one_cycle_reference.json")
    path.write_text(json.dumps(reference) + "\n")


if __name__ == "__main__":
    main()
