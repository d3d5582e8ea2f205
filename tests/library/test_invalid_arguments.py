"""Every public function refuses what it cannot use, and names the argument."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ch11lib import activations as act
from ch11lib import batch_normalization as bn
from ch11lib import data_parallel as parallel
from ch11lib import dropout as drop
from ch11lib import experiments as exp
from ch11lib import gradient_clipping as clip
from ch11lib import initialization as init
from ch11lib import l1_l2_early_stopping as l1l2
from ch11lib import learning_rate_schedules as lrs
from ch11lib import max_norm as mx
from ch11lib import optimizers as opt
from ch11lib import plots
from ch11lib import uncertainty as unc
from ch11lib import unsupervised_pretraining as pre
from ch11lib import vanishing_gradients as van

BEYOND = st.sampled_from([float("nan"), float("inf"), float("-inf")])
NEGATIVE = st.floats(max_value=-1e-6, allow_infinity=False) | BEYOND
NOT_POSITIVE = st.just(0.0) | NEGATIVE
NO_THRESHOLD = NOT_POSITIVE.filter(lambda threshold: threshold != np.inf)  # which clips nothing
NOT_A_RATE = NEGATIVE | st.floats(min_value=1)
NOT_A_SHARE = NEGATIVE | st.floats(min_value=1 + 1e-6)
NOT_A_COUNT = st.integers(max_value=0)
WORD = st.text(min_size=1).map(lambda text: f"no such {text}")
NO_MATRIX = st.sampled_from([(), (3,), (0, 3), (2, 3, 4)]).map(np.ones)
RNG = np.random.default_rng(0)
RELU, ONES = act.get("relu"), np.ones((2, 3))
P, Y = np.full((2, 3, 4), 0.25), np.array([0, 1, 2])
NO_PROBABILITIES = st.sampled_from([P[0], P.astype(int), P * 2, P - 0.5, P[:0]])
NO_LABELS = st.sampled_from([Y[:2], Y + 0.5, Y + 2, Y - 1, Y[:, None]])
CYCLE = {"step": 0, "max_learning_rate": 1.0, "total_steps": 10}
COSINE = {"step": 0, "initial": 1.0, "decay_steps": 5}
RESTARTS = {"step": 0, "initial": 1.0, "first_decay_steps": 5}
EXPONENTIAL = {"step": 0, "initial": 1.0, "decay_steps": 5, "decay_rate": 0.5}
STEP = {"n_devices": 2, "batch_size": 1, "n_weights": 1, "speed": 1, "bandwidth": 1}
TUNED = {"run": lambda rate, seed: [rate], "learning_rates": [1.0], "seeds": [1]}

#: function: (arguments that are right, {argument: what is wrong})
TABLE = {
    act.leaky_relu: ({"z": 1.0}, {"negative_slope": NEGATIVE}),
    act.elu: ({"z": 1.0}, {"alpha": NOT_POSITIVE}),
    act.silu: ({"z": 1.0}, {"beta": NOT_POSITIVE}),
    act.get: ({}, {"name": WORD}),
    init.fans: ({}, {"shape": st.sampled_from([(), (3,), (0, 2), (2, -1)])}),
    init.truncated_normal_std: ({}, {"cut": NOT_POSITIVE}),
    init.variance_scaling: (
        {"shape": (2, 2), "rng": RNG},
        {"scale": NOT_POSITIVE, "mode": WORD, "distribution": WORD},
    ),
    init.initialize: ({"shape": (2, 2), "rng": RNG}, {"name": WORD}),
    van.normal_weights: (
        {"depth": 2, "width": 2, "sigma_w": 1.0, "rng": RNG},
        {"depth": NOT_A_COUNT, "width": NOT_A_COUNT, "sigma_w": NEGATIVE},
    ),
    van.propagate: (
        {"X": ONES, "weights": [np.eye(3)], "activation": RELU, "rng": RNG},
        {"X": st.sampled_from([ONES.T, ONES[0]]), "weights": st.just([])},
    ),
    van.mean_field: (
        {"depth": 2, "activation": RELU, "sigma_w": 1.0},
        {"depth": NOT_A_COUNT, "sigma_w": NEGATIVE, "sigma_b": NEGATIVE, "q0": NOT_POSITIVE},
    ),
    bn.BatchNormalization: (
        {"n_features": 3},
        {"n_features": NOT_A_COUNT, "momentum": NOT_A_RATE, "epsilon": NOT_POSITIVE},
    ),
    bn.fold: (
        {"kernel": np.ones((2, 3)), "bias": np.ones(3), "layer": bn.BatchNormalization(3)},
        {"kernel": NO_MATRIX},
    ),
    clip.clipvalue: ({"gradients": [ONES]}, {"threshold": NO_THRESHOLD}),
    clip.clipnorm: ({"gradients": [ONES]}, {"threshold": NO_THRESHOLD}),
    clip.global_clipnorm: ({"gradients": [ONES]}, {"threshold": NO_THRESHOLD}),
    clip.cliff: ({"w": 1.0, "b": 0.0}, {"steps": NOT_A_COUNT}),
    clip.descend: (
        {"start": (0.0, 0.0), "learning_rate": 0.1, "n_steps": 2},
        {"learning_rate": NOT_POSITIVE, "n_steps": NOT_A_COUNT},
    ),
    parallel.ring_average: ({"gradients": ONES}, {
        "gradients": st.sampled_from([ONES[0], np.ones((0, 3)), np.ones((2, 3, 4))]),
    }),
    parallel.step_seconds: (STEP, {
        "n_devices": NOT_A_COUNT,
        **dict.fromkeys(("batch_size", "n_weights", "speed", "bandwidth"), NOT_POSITIVE),
    }),
    mx.max_norm: ({"w": ONES, "max_value": 1.0}, {
        "max_value": st.floats(max_value=0) | st.just(float("nan")),
        "axis": st.sampled_from([2, -3, (), (0, 5)]),
    }),
    mx.column_norms: ({"w": ONES}, {"axis": st.sampled_from([2, -3, (), (0, 5)])}),
    opt.SGD: ({}, {"learning_rate": NOT_POSITIVE, "momentum": NOT_A_RATE}),
    opt.Adagrad: ({}, {"initial_accumulator_value": NEGATIVE, "epsilon": NOT_POSITIVE}),
    opt.RMSprop: ({}, {"rho": NOT_A_RATE, "momentum": NOT_A_RATE, "epsilon": NOT_POSITIVE}),
    opt.Adam: ({}, {"beta_1": NOT_A_RATE, "beta_2": NOT_A_RATE, "epsilon": NOT_POSITIVE}),
    opt.AdamW: ({}, {"weight_decay": NEGATIVE}),
    opt.Adamax: ({}, {"beta_1": NOT_A_RATE}),
    opt.Nadam: ({}, {"beta_2": NOT_A_RATE, "momentum_decay": NOT_POSITIVE}),
    opt.bias_correction: ({"beta": 0.9, "step": 1}, {"beta": NOT_A_RATE, "step": NOT_A_COUNT}),
    lrs.steps_per_epoch: (
        {"n_instances": 5, "batch_size": 2},
        {"n_instances": NOT_A_COUNT, "batch_size": NOT_A_COUNT},
    ),
    lrs.boundaries: (
        {"epochs": [1, 2], "steps_per_epoch": 5},
        {"steps_per_epoch": NOT_A_COUNT, "epochs": st.sampled_from([[2, 1], [0], [1, 1]])},
    ),
    lrs.power: (COSINE, dict.fromkeys(("initial", "decay_steps", "power"), NOT_POSITIVE)),
    lrs.exponential: (
        EXPONENTIAL,
        {**dict.fromkeys(("initial", "decay_steps", "decay_rate"), NOT_POSITIVE), "step": NEGATIVE},
    ),
    lrs.piecewise_constant: (
        {"step": 0, "boundaries": [3], "values": [1.0, 0.5]},
        {"values": st.sampled_from([[1.0], [1.0, -0.5]]), "step": NEGATIVE},
    ),
    lrs.cosine: (COSINE, {
        "initial": NEGATIVE, "decay_steps": NOT_POSITIVE, "alpha": NOT_A_SHARE,
        "warmup_target": NOT_POSITIVE, "warmup_steps": NEGATIVE,
    }),
    lrs.cosine_restarts: (RESTARTS, {
        "initial": NOT_POSITIVE, "first_decay_steps": NOT_POSITIVE, "m_mul": NOT_POSITIVE,
        "t_mul": st.floats(max_value=0.99), "alpha": NOT_A_SHARE,
    }),
    lrs.one_cycle: (CYCLE, {
        "max_learning_rate": NOT_POSITIVE, "total_steps": NOT_A_COUNT, "pct_start": NOT_A_SHARE,
        "anneal_strategy": WORD, "div_factor": st.floats(max_value=0.99), "step": NEGATIVE,
        "final_div_factor": st.floats(max_value=0.99),
    }),
    lrs.one_cycle_momentum: ({"step": 0, "total_steps": 10}, {
        "total_steps": NOT_A_COUNT, "base_momentum": NOT_A_SHARE, "max_momentum": NOT_A_SHARE,
    }),
    l1l2.penalty: ({"weights": ONES}, {"l1": NEGATIVE, "l2": NEGATIVE}),
    l1l2.soft_threshold: ({"x": ONES, "threshold": 1.0}, {"threshold": NEGATIVE}),
    l1l2.quadratic_minimum: ({"hessian": np.eye(2), "center": np.ones(2)}, {
        "hessian": st.sampled_from([ONES, -np.eye(2), np.array([[1, 2], [0, 1]]), np.eye(3)]),
        "l1": NEGATIVE, "l2": NEGATIVE,
    }),
    l1l2.sparsity: ({"weights": [ONES]}, {"weights": st.just([]), "threshold": NEGATIVE}),
    l1l2.early_stop: ({"losses": [1.0], "patience": 1}, {
        "losses": st.just([]), "patience": NEGATIVE, "min_delta": NEGATIVE,
    }),
    drop.dropout: ({"X": ONES, "rng": RNG}, {"rate": NOT_A_RATE}),
    drop.alpha_dropout: ({"X": ONES, "rng": RNG}, {"rate": NOT_A_RATE}),
    drop.alpha_dropout_constants: ({}, {"rate": NOT_A_RATE}),
    drop.std_after_dropout: ({"rate": 0.5}, {
        "rate": NOT_A_RATE, "std": st.floats(max_value=-1e-6) | st.just(float("nan")),
    }),
    drop.average_over_masks: ({"function": np.exp, "x": np.ones(2), "rate": 0.5}, {
        "rate": NOT_A_RATE, "mean": WORD, "x": st.sampled_from([ONES, np.ones(0), np.ones(17)]),
    }),
    unc.predictive_entropy: ({}, {"probabilities": NO_PROBABILITIES}),
    unc.mutual_information: ({}, {"probabilities": NO_PROBABILITIES}),
    unc.nll: ({"probabilities": P, "y": Y}, {"probabilities": NO_PROBABILITIES, "y": NO_LABELS}),
    unc.reliability: ({"probabilities": P, "y": Y}, {"y": NO_LABELS, "n_bins": NOT_A_COUNT}),
    unc.expected_calibration_error: (
        {"probabilities": P, "y": Y}, {"y": NO_LABELS, "n_bins": NOT_A_COUNT},
    ),
    exp.tuned_runs: (TUNED, {"learning_rates": st.just([]), "seeds": st.just([])}),
    exp.median_and_range: ({}, {"values": st.just([])}),
    exp.paired_ratio: ({"first": list, "second": list}, {"repeats": NOT_A_COUNT}),
    plots.plot_runs: ({}, {"runs": st.sampled_from([{}, {"a": [1.0]}, {"a": []}])}),
    plots.plot_learning_curves: ({"histories": {"a": {"loss": [1.0]}}}, {
        "histories": st.just({}), "metric": WORD,
    }),
    plots.plot_layer_statistics: ({}, {"statistics": st.sampled_from([{}, {"a": [0.0]}])}),
    pre.rotate: ({}, {"X": st.sampled_from([np.ones(3), np.ones((2, 3, 4))])}),
    pre.corrupt: ({"X": ONES}, {"fraction": NOT_A_SHARE}),
}  # fmt: skip
CASES = [(f, name) for f, (_, wrong) in TABLE.items() for name in wrong]


@pytest.mark.parametrize(
    ("function", "name"), CASES, ids=[f"{f.__name__}-{name}" for f, name in CASES]
)
@given(data=st.data())
@settings(max_examples=20, deadline=None)
def test_a_wrong_argument_is_refused_by_name(function, name, data):
    right, wrong = TABLE[function]
    arguments = {**right, name: data.draw(wrong[name])}
    with pytest.raises(ValueError, match=rf"\b{name}\b"):
        function(**arguments)


def test_right_arguments_are_taken():
    """Else the refusals above could have another cause."""
    fill = {
        act.get: {"name": "elu"},
        init.fans: {"shape": (2, 3)},
        init.initialize: {"name": "he_normal"}, clip.clipvalue: {"threshold": 1.0},
        clip.clipnorm: {"threshold": 1.0}, clip.global_clipnorm: {"threshold": 1.0},
        drop.dropout: {"rate": 0.5},
        drop.alpha_dropout: {"rate": 0.5}, drop.alpha_dropout_constants: {"rate": 0.5},
        unc.predictive_entropy: {"probabilities": P}, unc.mutual_information: {"probabilities": P},
        exp.median_and_range: {"values": [1.0]}, plots.plot_runs: {"runs": {"a": ONES}},
        plots.plot_learning_curves: {"metric": "loss"}, pre.rotate: {"X": np.ones((2, 3, 3))},
        plots.plot_layer_statistics: {"statistics": {"a": [1.0]}}, pre.corrupt: {"fraction": 0.5},
    }  # fmt: skip
    for function, (right, _) in TABLE.items():
        function(**right, **fill.get(function, {}))
