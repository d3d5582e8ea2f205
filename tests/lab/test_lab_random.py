"""Random numbers, initial weights and elementary functions of the Lab."""

import math
import re

import keras
import lab_build
import numpy as np
import pytest
from engine_page import unpacked
from scipy import special, stats

MASK = 0xFFFFFFFF


class Xoshiro:
    """xoshiro128** 1.1 and splitmix32, from the authors' description, in whole numbers."""

    def __init__(self, seed):
        self.s = []
        for _ in range(4):
            seed = (seed + 0x9E3779B9) & MASK
            z = seed
            z = ((z ^ (z >> 16)) * 0x21F0AAAD) & MASK
            z = ((z ^ (z >> 15)) * 0x735A2D97) & MASK
            self.s.append(z ^ (z >> 15))

    def next(self):
        s = self.s
        result = (self.rotate((s[1] * 5) & MASK, 7) * 9) & MASK
        shifted = (s[1] << 9) & MASK
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= shifted
        s[3] = self.rotate(s[3], 11)
        return result

    @staticmethod
    def rotate(x, k):
        return ((x << k) | (x >> (32 - k))) & MASK


def test_generator_is_xoshiro(lab):
    for seed in (0, 42, MASK):
        ours = lab.evaluate(
            "seed => { const r = new LabRandom.Random(seed);"
            "return Array.from({length: 200}, () => r.next()); }",
            seed,
        )
        theirs = Xoshiro(seed)
        assert ours == [theirs.next() for _ in range(200)]


def test_generator_gives_the_published_numbers(lab):
    """The first outputs from the state 1, 2, 3, 4, as other libraries' tests have them."""
    theirs = Xoshiro(0)
    theirs.s = [1, 2, 3, 4]
    expected = [11520, 0, 5927040, 70819200]
    assert [theirs.next() for _ in range(4)] == expected
    ours = lab.evaluate(
        "() => { const r = new LabRandom.Random(0); r.state.set([1, 2, 3, 4]);"
        "return Array.from({length: 4}, () => r.next()); }"
    )
    assert ours == expected


def test_streams_of_one_seed_differ(lab):
    drawn = lab.evaluate(
        "() => [0, 1, 2, 3].map((stream) => new LabRandom.Random(5, stream).next())"
    )
    assert len(set(drawn)) == 4


def test_normal_numbers_are_normal(lab):
    text = lab.evaluate(
        "() => { const r = new LabRandom.Random(1);"
        "return textOf(Float32Array.from({length: 50000}, () => r.normal())); }"
    )
    assert stats.kstest(unpacked(text), "norm").pvalue > 0.001


def test_permutations_are_uniform(lab):
    """Each of the 24 orders of four numbers is drawn as often as the others."""
    counts = lab.evaluate(
        "() => { const r = new LabRandom.Random(2); const counts = {};"
        "for (let i = 0; i < 24000; i++) {"
        "  const order = r.permutation(4).join(); counts[order] = (counts[order] ?? 0) + 1; }"
        "return counts; }"
    )
    assert len(counts) == 24
    assert stats.chisquare(list(counts.values())).pvalue > 0.001


SHAPE = (300, 200)
INITIALIZERS = {
    "normal": keras.initializers.RandomNormal(stddev=0.3, seed=1),
    "zeros": keras.initializers.Zeros(),
    "glorot_normal": keras.initializers.GlorotNormal(seed=1),
    "glorot_uniform": keras.initializers.GlorotUniform(seed=1),
    "he_normal": keras.initializers.HeNormal(seed=1),
    "he_uniform": keras.initializers.HeUniform(seed=1),
    "lecun_normal": keras.initializers.LecunNormal(seed=1),
    "lecun_uniform": keras.initializers.LecunUniform(seed=1),
}


def test_every_initializer_is_compared(lab):
    schema = lab.evaluate("LabSettings.schema")
    (entry,) = (entry for entry in schema if entry["key"] == "initializer")
    assert {choice["value"] for choice in entry["choices"]} == set(INITIALIZERS)


@pytest.mark.parametrize("name", INITIALIZERS)
def test_initial_weights_are_distributed_as_keras_draws_them(lab, name):
    text = lab.evaluate(
        "([name, inputs, units]) => { const w = new Float32Array(inputs * units);"
        "LabInitializers.initialize(w, inputs, units, name, 0.3, new LabRandom.Random(3, 1));"
        "return textOf(w); }",
        [name, *SHAPE],
    )
    ours = unpacked(text)
    theirs = np.ravel(INITIALIZERS[name](SHAPE))
    assert len(ours) == len(theirs)
    if name == "zeros":
        assert not ours.any()
        return
    assert stats.ks_2samp(ours, theirs).pvalue > 0.001  # the whole distribution
    assert ours.std() == pytest.approx(theirs.std(), rel=0.015)
    assert ours.mean() == pytest.approx(0, abs=5 * float(theirs.std()) / math.sqrt(ours.size))
    # Cut where Keras cuts; the plain normal distribution is not cut.
    ends = np.abs(ours).max() / np.abs(theirs).max()
    assert ends == pytest.approx(1, abs=0.2 if name == "normal" else 0.002)
    assert (np.abs(ours).max() > 3 * ours.std()) == (name == "normal")


def test_dropout_keeps_its_share(lab):
    share = lab.evaluate(
        "() => { const masks = LabDropout.randomMasks(0.3, new LabRandom.Random(4, 3));"
        "let kept = 0; for (let i = 0; i < 100; i++) for (const bit of masks(1000)) kept += bit;"
        "return kept / 100000; }"
    )
    assert share == pytest.approx(0.7, abs=5 * math.sqrt(0.21 / 100000))


def test_dropout_draws_new_masks_each_time(lab):
    first, second = lab.evaluate(
        "() => { const masks = LabDropout.randomMasks(0.5, new LabRandom.Random(4, 3));"
        "return [Array.from(masks(64)), Array.from(masks(64))]; }"
    )
    assert first != second


ELEMENTARY = {
    "exp": (np.exp, -700, 700),
    "log": (np.log, 1e-12, 50),
    "logistic": (special.expit, -40, 40),
    "tanh": (np.tanh, -20, 20),
    "expm1": (np.expm1, -30, 0),
}


@pytest.mark.parametrize("name", ELEMENTARY)
def test_elementary_functions(lab, name):
    function, low, high = ELEMENTARY[name]
    x = np.concatenate([np.linspace(low, high, 3001), np.linspace(low, high, 3001) / 1000])
    x = x[(x >= low) & (x <= high)]
    ours = lab.evaluate("([name, x]) => x.map((v) => LabElementary[name](v))", [name, x.tolist()])
    np.testing.assert_allclose([float(v) for v in ours], function(x), rtol=1e-10, atol=1e-300)


def test_cosine_and_power(lab):
    x = np.linspace(0, np.pi, 1001)
    ours = lab.evaluate("(x) => x.map(LabElementary.cos)", x.tolist())
    np.testing.assert_allclose(ours, np.cos(x), rtol=0, atol=1e-14)
    powers = lab.evaluate("(x) => x.map((v) => LabElementary.power(v, 1.7))", (x + 0.1).tolist())
    np.testing.assert_allclose(powers, (x + 0.1) ** 1.7, rtol=1e-11)


def test_normal_distribution(lab):
    z = np.concatenate([np.linspace(-9, 9, 2001), [0, 1e-9, np.inf, -np.inf]])
    ours = lab.evaluate(
        "(z) => z.map((v, i) => LabElementary.normalDistribution(v, "
        "LabElementary.exp(-v * v / 2) / Math.sqrt(2 * Math.PI)))",
        z.tolist(),
    )
    np.testing.assert_allclose(ours, special.ndtr(z), rtol=0, atol=2e-9)
    nan = lab.evaluate("() => LabElementary.normalDistribution(NaN, NaN)")
    assert math.isnan(nan)


def test_elementary_functions_at_their_ends(lab):
    values = lab.evaluate(
        "() => { const { exp, log, tanh, logistic } = LabElementary; return ["
        "exp(800), exp(-800), exp(NaN), log(0), log(-1), log(Infinity), log(5e-324), tanh(800),"
        "tanh(-800), tanh(NaN), logistic(-800), logistic(NaN)]; }"
    )
    nan = math.nan
    expected = [math.inf, 0, nan, -math.inf, nan, math.inf, math.log(5e-324), 1]
    expected += [-1, nan, 0, nan]
    np.testing.assert_allclose(values, expected)


#: What every browser computes alike (Math.sqrt is one instruction, rounded correctly).
EXACT = {"PI", "SQRT2", "abs", "ceil", "floor", "fround", "imul", "max", "min", "round", "sqrt"}


def test_engine_uses_no_function_that_browsers_round_differently():
    for name in lab_build.modules("worker.js"):
        code = re.sub(r"//.*", "", lab_build.source(name))
        used = set(re.findall(r"Math\.(\w+)", code))
        assert used <= EXACT, name
        assert "**" not in code, name
