"""Each public function and class has an example, and the examples are true."""

import doctest
import inspect

import pytest

import ch11lib

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE  # as in pyproject.toml


#: They go when the last lesson that uses them is rewritten.
GOING = {"RateTable", "TunedRuns", "reinitialize", "set_random_seed", "tuned_runs"}


def public(name):
    """Return the public functions and classes of a module by name."""
    module = getattr(ch11lib, name)
    things = {key: getattr(module, key) for key in module.__all__}
    return {k: t for k, t in things.items() if inspect.isfunction(t) or inspect.isclass(t)}


@pytest.mark.parametrize("name", ch11lib.__all__)
def test_examples_give_what_they_say(name):
    module = getattr(ch11lib, name)
    assert doctest.testmod(module, optionflags=FLAGS).failed == 0


@pytest.mark.parametrize("name", ch11lib.__all__)
def test_everything_public_has_an_example(name):
    texts = {key: thing.__doc__ or "" for key, thing in public(name).items()}
    assert {key for key, text in texts.items() if ">>> " not in text} <= GOING


@pytest.mark.parametrize("name", ch11lib.__all__)
def test_no_text_sends_its_reader_to_another_one(name):
    told = {key: " ".join((thing.__doc__ or "").split()) for key, thing in public(name).items()}
    referring = ("errors as in", "returns as in", "Parameters as in", "int As in", "float As in")
    assert [key for key, text in told.items() if any(words in text for words in referring)] == []
