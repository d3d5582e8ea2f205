"""The package as a whole: light to import, typed, formatted."""

import subprocess
import sys
from importlib.metadata import requires

import pytest
from conftest import ROOT

import ch11lib


def test_import_is_light(run_python):
    """At most 0.3 s, and neither Keras nor TensorFlow (nor matplotlib) comes along."""
    code = (
        "import time; start = time.perf_counter(); import ch11lib; "
        "seconds = time.perf_counter() - start; import sys; "
        "heavy = {'keras', 'tensorflow', 'matplotlib', 'ipywidgets', 'scipy'} & set(sys.modules); "
        "print(seconds <= 0.3, sorted(heavy))"
    )
    assert run_python("-c", code).stdout.strip() == "True []"


USES_KERAS = {"mc_dropout"}


@pytest.mark.parametrize("name", [n for n in ch11lib.__all__ if n not in USES_KERAS])
def test_no_submodule_imports_keras_or_tensorflow(run_python, name):
    code = (
        f"import ch11lib; ch11lib.{name}; import sys; "
        "print(sorted({'keras', 'tensorflow', 'jax', 'torch'} & set(sys.modules)))"
    )
    assert run_python("-c", code).stdout.strip() == "[]"


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
        requirement for group in project["dependency-groups"].values() for requirement in group
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
