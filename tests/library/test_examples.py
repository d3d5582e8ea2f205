"""The examples in the docstrings of the package print what they say."""

import doctest
import importlib
import pkgutil

import pytest

import ch11lib

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE  # as in pyproject.toml
MODULES = [module.name for module in pkgutil.iter_modules(ch11lib.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_examples_print_what_they_say(name):
    """A failed one is shown with what it printed instead."""
    module = importlib.import_module(f"ch11lib.{name}")
    assert doctest.testmod(module, optionflags=FLAGS).failed == 0


def test_there_are_examples():
    finder = doctest.DocTestFinder(exclude_empty=True)
    modules = [importlib.import_module(f"ch11lib.{name}") for name in MODULES]
    found = [test.name for module in modules for test in finder.find(module) if test.examples]
    assert len(found) >= 50
