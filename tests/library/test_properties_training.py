"""Laws that hold for any input: schedules, penalties, dropout, uncertainty, data."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from properties import arrays
from test_properties import POSITIVE, SEEDS

from ch11lib import datasets, experiments
from ch11lib import deep_network_project as project
from ch11lib import dropout as drop
from ch11lib import l1_l2_early_stopping as l1l2
from ch11lib import learning_rate_schedules as lrs
from ch11lib import transfer_learning as transfer
from ch11lib import uncertainty as unc
from ch11lib import unsupervised_pretraining as pre

STEPS = st.lists(st.integers(0, 300), min_size=1, max_size=20).map(sorted).map(np.array)
RATES = st.floats(0, 0.9)


@given(step=STEPS, initial=POSITIVE, decay=st.floats(1, 100), rate=st.floats(0.1, 0.99))
def test_power_and_exponential_fall(step, initial, decay, rate):
    for values in (
        lrs.power(step, initial, decay),
        lrs.exponential(step, initial, decay, rate),
        lrs.exponential(step, initial, decay, rate, staircase=True),
    ):
        assert values.shape == step.shape
        assert (np.diff(values) <= 0).all()
        assert (values > 0).all()
        assert (values <= initial * (1 + 1e-12)).all()
    assert lrs.power(decay, initial, decay) == pytest.approx(initial / 2)
    assert lrs.exponential(decay, initial, decay, rate) == pytest.approx(initial * rate)


@given(
    step=STEPS, initial=POSITIVE, decay=st.integers(1, 100), alpha=st.floats(0, 1),
    warmup=st.integers(0, 50), t_mul=st.floats(1, 3),
)  # fmt: skip
def test_cosines_stay_between_their_ends(step, initial, decay, alpha, warmup, t_mul):
    warm = lrs.cosine(step, 0.0, decay, alpha, initial, warmup)
    restarted = lrs.cosine_restarts(step, initial, decay, t_mul, alpha=alpha)
    for values in (warm, restarted):
        assert values.shape == step.shape
        assert (values <= initial * (1 + 1e-9)).all()
    assert (restarted >= alpha * initial * (1 - 1e-9)).all()
    assert lrs.cosine(warmup, 0.0, decay, alpha, initial, warmup) == pytest.approx(initial)
    assert lrs.cosine(warmup + decay, 0.0, decay, alpha, initial, warmup) == pytest.approx(
        alpha * initial
    )


@given(n=st.integers(1, 10**5), batch=st.integers(1, 512), epochs=st.sets(st.integers(1, 50)))
def test_epochs_become_steps(n, batch, epochs):
    steps = lrs.steps_per_epoch(n, batch)
    assert steps == math.ceil(n / batch)
    epochs = sorted(epochs)
    values = np.arange(1, len(epochs) + 2, dtype=float)
    edges = lrs.boundaries(epochs, steps)
    for i, epoch in enumerate(epochs):  # the first step of the next epoch has the next value
        assert lrs.piecewise_constant(epoch * steps - 1, edges, values) == i + 1
        assert lrs.piecewise_constant(epoch * steps, edges, values) == i + 2


@given(
    total=st.integers(10, 400), top=POSITIVE, pct=st.floats(0.1, 0.45), three=st.booleans(),
    strategy=st.sampled_from(["cos", "linear"]),
)  # fmt: skip
def test_one_cycle_rises_falls_and_never_jumps(total, top, pct, three, strategy):
    assume(pct * total >= 2)  # else it starts at its peak, or past it
    step = np.arange(total)
    options = {"pct_start": pct, "anneal_strategy": strategy, "three_phase": three}
    rates = lrs.one_cycle(step, top, total, **options)
    momentum = lrs.one_cycle_momentum(step, total, **options)
    assert (rates > 0).all()
    assert rates.max() <= top * (1 + 1e-9)
    assert rates[0] == pytest.approx(top / 25)
    assert rates[-1] == pytest.approx(top / 25e4)
    assert (np.sign(np.diff(rates)) != 0).sum() >= total - 3
    shortest = min(pct, 1 - 2 * pct if three else 1 - pct) * total - 1
    assert np.abs(np.diff(rates)).max() <= top * 1.6 / max(1, shortest)
    assert ((momentum >= 0.85 - 1e-9) & (momentum <= 0.95 + 1e-9)).all()


@given(w=arrays(dtypes=(np.float64,)), l1=st.floats(0, 5), l2=st.floats(0, 5), k=st.floats(0, 3))
def test_penalty_and_threshold(w, l1, l2, k):
    assert l1l2.penalty(k * w, l1, l2) == pytest.approx(
        k * l1l2.penalty(w, l1) + k**2 * l1l2.penalty(w, 0, l2)
    )
    shrunk = l1l2.soft_threshold(w, l1)
    assert ((shrunk == 0) == (np.abs(w) <= l1)).all()
    np.testing.assert_allclose(np.abs(w - shrunk), np.minimum(np.abs(w), l1), atol=1e-9)


@given(
    center=arrays((3,), -5, 5, (np.float64,)), l1=st.floats(0, 3), l2=st.floats(0, 3), seed=SEEDS
)
def test_nothing_near_the_minimum_is_lower(center, l1, l2, seed):
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(3, 3))
    H = A @ A.T + np.eye(3)

    def cost(w):
        return (w - center) @ H @ (w - center) / 2 + l1l2.penalty(w, l1, l2)

    w = l1l2.quadratic_minimum(H, center, l1, l2)
    for size in (1e-4, 1e-2, 1):
        assert cost(w) <= cost(w + size * rng.normal(size=3)) + 1e-9


@given(weights=st.lists(arrays(), min_size=1, max_size=3), threshold=st.floats(0, 60))
def test_sparsity_is_a_share(weights, threshold):
    flat = np.concatenate([w.ravel().astype(float) for w in weights])
    assert l1l2.sparsity(weights, threshold) == pytest.approx((abs(flat) <= threshold).mean())


@given(losses=st.lists(st.floats(-10, 10), min_size=1), patience=st.integers(0, 5))
def test_early_stopping_waits_as_long_as_it_says(losses, patience):
    best, last, stopped = l1l2.early_stop(losses, patience)
    assert losses[best] == min(losses[: last + 1])
    assert last - best <= max(patience, 1)
    assert stopped or last == len(losses) - 1


@given(X=arrays(), rate=RATES, seed=SEEDS)
def test_dropout_keeps_or_drops(X, rate, seed):
    dropped = drop.dropout(X, rate, np.random.default_rng(seed))
    alpha = drop.alpha_dropout(X, rate, np.random.default_rng(seed))
    assert dropped.shape == alpha.shape == X.shape
    assert dropped.dtype == alpha.dtype == X.dtype
    kept = dropped != 0
    np.testing.assert_allclose(dropped[kept], X[kept] / (1 - rate), rtol=1e-5)
    a, b = drop.alpha_dropout_constants(rate)
    values = np.stack([a * X + b, np.full_like(X, a * drop.ALPHA_PRIME + b)])
    assert (np.abs(values - alpha).min(axis=0) <= 1e-4).all()
    if rate == 0:
        np.testing.assert_array_equal(dropped, X)


@given(rate=RATES, mean=st.floats(-3, 3), std=st.floats(0, 3))
def test_moments_after_dropout(rate, mean, std):
    second = (std**2 + mean**2) / (1 - rate)
    assert drop.std_after_dropout(rate, mean, std) == pytest.approx(
        math.sqrt(max(second - mean**2, 0)), abs=1e-6
    )
    a, b = drop.alpha_dropout_constants(rate)  # N(0, 1) keeps its mean and variance
    q, d = 1 - rate, drop.ALPHA_PRIME
    assert a * rate * d + b == pytest.approx(0, abs=1e-9)
    assert a**2 * (q + rate * d**2 - (rate * d) ** 2) == pytest.approx(1)


@given(x=arrays((4,), -5, 5, (np.float64,)), rate=RATES, seed=SEEDS)
def test_the_average_of_a_linear_unit_is_its_output(x, rate, seed):
    """Srivastava et al. (2014), section 3: scaling is exact for linear units."""
    w = np.random.default_rng(seed).normal(size=(4, 2))
    np.testing.assert_allclose(drop.average_over_masks(lambda v: v @ w, x, rate), x @ w, atol=1e-9)


PROBABILITIES = st.tuples(st.integers(1, 4), st.integers(1, 6), st.integers(2, 4), SEEDS).map(
    lambda s: np.random.default_rng(s[3]).dirichlet([0.3] * s[2], s[:2])
)


@given(p=PROBABILITIES)
def test_information(p):
    entropy, information = unc.predictive_entropy(p), unc.mutual_information(p)
    assert entropy.shape == information.shape == p.shape[1:2]
    assert (entropy <= math.log(p.shape[2]) + 1e-9).all()
    assert (information >= 0).all()
    assert (information <= entropy + 1e-9).all()
    np.testing.assert_allclose(unc.mutual_information(np.repeat(p[:1], 3, axis=0)), 0, atol=1e-12)


@given(p=PROBABILITIES, seed=SEEDS, bins=st.integers(1, 20))
def test_calibration(p, seed, bins):
    y = np.random.default_rng(seed).integers(p.shape[2], size=p.shape[1])
    found = unc.reliability(p, y, bins)
    assert found.counts.sum() == p.shape[1]
    used = found.counts > 0
    accuracy = (p.mean(axis=0).argmax(axis=1) == y).mean()
    assert (found.accuracy[used] * found.counts[used]).sum() / len(y) == pytest.approx(accuracy)
    assert 0 <= unc.expected_calibration_error(p, y, bins) <= 1
    assert unc.nll(p, y) >= 0


@given(rates=st.lists(POSITIVE, min_size=1, max_size=6, unique=True), n=st.integers(1, 4))
def test_tuning_finds_the_best_rate(rates, n):
    tuned = experiments.tuned_runs(
        lambda rate, seed: [0, rate + seed / 1e9], rates, range(1, n + 1)
    )
    assert tuned.learning_rate == max(rates)
    assert tuned.results.shape == (n, 2)
    assert set(tuned.tried) == set(rates)


@given(values=arrays((5,), dtypes=(np.float64,)), repeats=st.integers(3, 5))
@settings(max_examples=25)
def test_median_and_ratio(values, repeats):
    middle, rest = experiments.median_and_range(values, 2).split(" (")
    assert float(middle) == pytest.approx(np.median(values), abs=0.006)
    assert rest.endswith("5 runs)")
    ratios = experiments.paired_ratio(lambda: sum(range(99)), lambda: None, repeats)
    assert ratios.shape == (repeats,)
    assert (ratios > 0).all()


@given(
    counts=st.lists(st.integers(1, 9), min_size=1, max_size=4), share=st.floats(0, 1), seed=SEEDS
)
def test_subset_and_scale(counts, share, seed):
    y = np.repeat(np.arange(len(counts), dtype=np.uint8), counts)
    X = np.arange(len(y), dtype=np.uint8).reshape(-1, 1, 1)
    size = max(1, round(share * len(y)))
    drawn, labels = datasets.subset(X, y, size, seed)
    assert len(set(drawn.ravel())) == size
    np.testing.assert_array_equal(y[drawn.ravel()], labels)
    wanted = size * np.array(counts) / len(y)
    assert (np.abs(np.bincount(labels, minlength=len(counts)) - wanted) < 1).all()
    assume(len(y) > 1)
    scaled, other = datasets.standardize(X, X[:1])
    assert scaled.dtype == np.float32
    assert (scaled.mean(), scaled.std()) == pytest.approx((0, 1), abs=1e-5)
    np.testing.assert_array_equal(other, scaled[:1])


@given(X=arrays((5, 4, 4), 0, 1, (np.float32,)), seed=SEEDS, share=st.floats(0, 0.9))
def test_turned_and_torn_images(X, seed, share):
    turned, turns = pre.rotate(X, seed)
    for image, original, k in zip(turned, X, turns, strict=True):
        np.testing.assert_array_equal(np.rot90(image, -int(k)), original)
    torn = pre.corrupt(X, share, seed)
    assert ((torn == X) | (torn == 0)).all()
    assert transfer.error_ratio([share], [share / 2]) == pytest.approx(
        (1 - share) / (1 - share / 2)
    )
    history = {"val_accuracy": X[:, 0, 0].tolist()}
    reached = project.steps_to_reach(SimpleNamespace(history=history), share, 10)
    expected = [i + 1 for i, a in enumerate(history["val_accuracy"]) if a >= share]
    assert reached == (10 * expected[0] if expected else math.inf)
