"""Settings come from addresses and files that anyone may have edited."""

import json

import pytest

NORMALIZE = "(text) => LabSettings.normalize(JSON.parse(text))"


@pytest.fixture(scope="module")
def normalize(lab):
    """What the page makes of an object."""
    return lambda given: lab.evaluate(NORMALIZE, json.dumps(given))


@pytest.fixture(scope="module")
def defaults(normalize):
    return normalize({})["settings"]


def test_schema_is_whole(lab, defaults):
    schema = lab.evaluate("LabSettings.schema")
    keys = [entry["key"] for entry in schema]
    assert len(keys) == len(set(keys)) == len(defaults)
    for entry in schema:
        assert set(entry) == {
            "key", "label", "group", "kind", "default", "min", "max", "choices", "when",
        }  # fmt: skip
        assert entry["label"] and entry["group"]
        if entry["kind"] in ("int", "float"):
            assert entry["min"] <= entry["default"] <= entry["max"]
        if entry["kind"] == "choice":
            assert entry["default"] in [choice["value"] for choice in entry["choices"]]
        by_key = {other["key"]: other for other in schema}
        for other, values in (entry["when"] or {}).items():
            allowed = {choice["value"] for choice in by_key[other]["choices"]}
            assert values and set(values) <= allowed


def test_defaults_and_whole_settings_have_no_problem(normalize, defaults):
    assert normalize({}) == {"settings": defaults, "problems": []}
    assert normalize(defaults) == {"settings": defaults, "problems": []}


def test_strings_are_read_as_they_stand_in_an_address(normalize, defaults):
    given = {key: str(value).lower() for key, value in defaults.items()}
    assert normalize(given) == {"settings": defaults, "problems": []}


@pytest.mark.parametrize(
    ("key", "value", "taken", "said"),
    [
        ("depth", 0, 1, "depth is 0; it must be a whole number from 1 to 50. 1 is taken."),
        ("depth", 999, 50, "depth is 999"),
        ("depth", 2.6, 3, "a whole number"),
        ("depth", "3.", 3, None),
        ("depth", "three", 3, 'depth is "three"'),
        ("depth", "", 3, 'depth is ""'),
        ("depth", None, 3, "depth is null"),
        ("depth", [4], 3, "depth is a list"),
        ("depth", True, 3, "depth is true"),
        ("learning_rate", -1, 1e-6, "a number from 0.000001 to 100"),
        ("learning_rate", "1e999", 100, '"1e999"'),
        ("learning_rate", "NaN", 0.01, '"NaN"'),
        ("activation", "ReLU", "relu", 'activation is "ReLU"; it must be one of sigmoid, tanh'),
        ("activation", "constructor", "relu", "must be one of"),
        ("activation", {"a": 1}, "relu", "must be one of"),
        ("skip", "yes", False, "true or false"),
        ("skip", 1, False, "true or false"),
        ("seed", 4294967296, 4294967295, "seed is 4294967296"),
        ("label_smoothing", 1, 0.9, "label_smoothing is 1"),
    ],
)
def test_a_bad_value_is_named_and_the_nearest_taken(normalize, defaults, key, value, taken, said):
    result = normalize({key: value})
    assert result["settings"] == {**defaults, key: taken}
    if said is None:
        assert result["problems"] == []
    else:
        (problem,) = result["problems"]
        assert said in problem
        assert key in problem


def test_unknown_settings_are_named(normalize, defaults):
    result = normalize({"deepth": 3, "__proto__": {"depth": 7}, "toString": 1})
    assert result["settings"] == defaults
    assert any('no setting "deepth"' in problem for problem in result["problems"])
    assert any('no setting "toString"' in problem for problem in result["problems"])


@pytest.mark.parametrize("given", [None, 7, "relu", [1, 2], True])
def test_what_is_no_object_gives_defaults(normalize, defaults, given):
    result = normalize(given)
    assert result["settings"] == defaults
    assert len(result["problems"]) == 1


@pytest.mark.parametrize(
    ("key", "value", "taken"),
    [
        ("activation", "rellu", "selu"),
        ("depth", "deep", 20),
        ("skip", "yes", True),
        ("width", 999, 300),
    ],
)
def test_what_cannot_be_used_is_as_in_the_base(lab, defaults, key, value, taken):
    """Nearest, if there is one; else what A has, for B. The sentence says which."""
    base = {**defaults, "activation": "selu", "depth": 20, "skip": True}
    given = [{key: value}, base]
    result = lab.evaluate("([given, base]) => LabSettings.normalize(given, base)", given)
    assert result["settings"] == {**base, key: taken}
    (problem,) = result["problems"]
    assert problem.endswith(f"{json.dumps(taken)} is taken.")


def test_long_values_are_cut_in_the_sentence(normalize):
    (problem,) = normalize({"activation": "x" * 10_000})["problems"]
    assert len(problem) < 300


def test_drops_come_in_order(normalize):
    result = normalize({"drop_1": 0.8, "drop_2": 0.2})
    assert result["settings"]["drop_2"] == 0.8
    assert "drop_2 is 0.2" in result["problems"][0]


def test_nothing_is_executed(lab):
    """An object's own methods aren't called, and no text is run."""
    ran = lab.evaluate(
        """() => {
          let ran = false;
          const run = () => { ran = true; return 3; };
          const trap = { toString: run, valueOf: run, toJSON: run };
          LabSettings.normalize({ depth: trap, activation: "ran = true", seed: "alert(1)" });
          return ran;
        }"""
    )
    assert ran is False


def test_odd_values_of_javascript(lab, defaults):
    result = lab.evaluate(
        """() => {
          const round = {}; round.round = round;
          const odd = [round, 10n, Symbol("s"), () => 3, undefined, NaN, Infinity];
          return odd.map((depth) => LabSettings.normalize({ depth }));
        }"""
    )
    for answer in result[:-1]:
        assert answer["settings"] == defaults
        assert len(answer["problems"]) == 1
    assert result[-1]["settings"]["depth"] == 50


def test_a_setting_applies_where_another_says_so(lab, defaults):
    applies = "([key, settings]) => LabSettings.applies(key, settings)"
    assert not lab.evaluate(applies, ["momentum", defaults])
    assert lab.evaluate(applies, ["momentum", {**defaults, "optimizer": "nesterov"}])
    cycle = {**defaults, "schedule": "one_cycle"}
    assert not lab.evaluate(applies, ["cycle_momentum", cycle])
    assert lab.evaluate(applies, ["cycle_momentum", {**cycle, "optimizer": "momentum"}])
    assert lab.evaluate(applies, ["depth", defaults])
