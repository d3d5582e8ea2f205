"""The package as a whole: light to import, typed, formatted."""

import ast
import re
import subprocess
import sys
from importlib.metadata import requires

import pytest
from conftest import ROOT

import ch11lib


def test_import_is_light(run_python):
    """Neither Keras nor TensorFlow comes along, nor what else takes long to import."""
    code = (
        "import ch11lib, sys; "
        "heavy = {'keras', 'tensorflow', 'matplotlib', 'ipywidgets', 'numpy', 'scipy'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert run_python("-c", code).stdout.strip() == "[]"


#: How a module's docstring says which it is.
NUMPY, KERAS = r"NumPy (and Matplotlib )?only[.;]", r"[.*] Keras\.(\s|$)"


def modules(kind):
    """Return the modules whose docstring says that they are of this kind."""
    found = {}
    for path in sorted((ROOT / "ch11lib").glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if re.search(kind, ast.get_docstring(tree)):
            found[path.stem] = tree
    assert found
    return found


def test_each_module_says_what_it_needs():
    files = {path.stem for path in (ROOT / "ch11lib").glob("*.py")} - {"__init__"}
    assert files - modules(NUMPY).keys() - modules(KERAS).keys() == set()
    assert modules(NUMPY).keys() & modules(KERAS).keys() == set()


def test_modules_of_numpy_import_neither_keras_nor_tensorflow(run_python):
    code = (
        "import importlib, sys\n"
        f"for name in {sorted(modules(NUMPY))}:\n"
        "    importlib.import_module(f'ch11lib.{name}')\n"
        "    if found := {'keras', 'tensorflow', 'jax', 'torch'} & set(sys.modules):\n"
        "        sys.exit(f'{name} imports {sorted(found)}')"
    )
    done = run_python("-c", code)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", modules(KERAS))
def test_modules_of_keras_import_it_at_their_top_and_nowhere_else(name):
    tree = modules(KERAS)[name]
    at_the_top = {id(node) for node in tree.body}
    imports = [
        node
        for node in ast.walk(tree)
        for alias in getattr(node, "names", [])
        if isinstance(node, ast.Import) and alias.name == "keras"
    ]
    assert [id(node) in at_the_top for node in imports] == [True]


def test_unknown_submodule_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'lessons'"):
        ch11lib.lessons  # noqa: B018
    assert set(ch11lib.__all__) <= set(dir(ch11lib))


def test_installing_the_package_never_replaces_tensorflow_or_numpy():
    """No TensorFlow among the requirements, and nothing pinned."""
    required = [r for r in requires("ch11lib") if "extra" not in r]
    assert not any(r.startswith("tensorflow") for r in required)
    assert not any("==" in r or "<" in r or "~=" in r for r in required)


@pytest.mark.parametrize(
    "command",
    [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]],
    ids=["lint", "format", "types"],
)
def test_code_is_clean(command):
    result = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_requirements_are_a_complete_lock():
    """Every line pins one version, and no line names an index or a path."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert len(pins) > 100
    for pin in pins:
        assert "==" in pin, pin
        assert not any(word in pin for word in ("://", "--", "file:", "@")), pin


def test_lock_covers_what_pyproject_asks_for():
    """Whoever adds a requirement must compile the lock again."""
    import tomllib

    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    with open(ROOT / "pyproject.toml", "rb") as file:
        project = tomllib.load(file)
    wanted = project["project"]["dependencies"] + [
        requirement
        for group in project["dependency-groups"].values()
        for requirement in group
        if isinstance(requirement, str)  # not another group
    ]
    locked = {}
    for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines():
        if "==" in line and not line.startswith("#"):
            pin = Requirement(line)
            locked.setdefault(canonicalize_name(pin.name), []).append(
                next(iter(pin.specifier)).version
            )
    for text in wanted:
        requirement = Requirement(text)
        versions = locked.get(canonicalize_name(requirement.name), [])
        assert versions, f"{requirement.name} is not in requirements.txt: run 'make lock'"
        for version in versions:
            assert requirement.specifier.contains(version, prereleases=True), f"{text}: {version}"
