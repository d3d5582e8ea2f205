"""Modules become one script."""

import lab_build
import pytest


@pytest.fixture
def modules(monkeypatch, tmp_path):
    """A folder of modules in place of the Lab's own."""
    monkeypatch.setattr(lab_build, "LAB", tmp_path)

    def write(**texts):
        for name, text in texts.items():
            (tmp_path / f"{name}.js").write_text(text, encoding="utf-8")

    return write


def test_modules_come_behind_what_they_need(modules):
    modules(
        a='import { b } from "./b.js";\nimport { c } from "./c.js";\nexport const a = b + c;\n',
        b='import { c } from "./c.js";\nexport const b = 2 * c;\n',
        c="export const c = 3;\n",
    )
    assert lab_build.modules("a.js") == ["c.js", "b.js", "a.js"]


def test_names_of_two_modules_do_not_meet(modules, lab):
    modules(
        a='import { b, double as twice } from "./b.js";\nconst hidden = 1;\n'
        "export function a() {\n  return [hidden, b, twice(b)];\n}\n",
        b="const hidden = 7;\nexport const b = hidden;\nexport const double = (x) => 2 * x;\n",
    )
    script = lab_build.join("a.js", "Made")
    assert lab.evaluate(f"() => {{ {script} return Made.a(); }}") == [1, 7, 14]
    assert lab.evaluate(f"() => {{ {script} return Object.keys(Made); }}") == ["a"]


def test_modules_that_import_each_other_are_named(modules):
    modules(
        a='import { b } from "./b.js";\nexport const a = 1;\n',
        b='import { a } from "./a.js";\nexport const b = 1;\n',
    )
    with pytest.raises(ValueError, match=r"a\.js -> b\.js -> a\.js"):
        lab_build.modules("a.js")


@pytest.mark.parametrize(
    "text", ["export default 3;\n", 'import x from "./y.js";\n', "export { x };\n"]
)
def test_what_cannot_be_joined_is_named(modules, text):
    modules(a=text)
    with pytest.raises(ValueError, match=r"a\.js: cannot join"):
        lab_build.join("a.js", "Made")


def test_source_of_the_worker_survives_in_a_page(lab):
    """Within <script>, neither an end tag nor a comment may stand in a string."""
    script = lab_build.join("worker_source.js", "Made")
    assert "</" not in script
    assert "<!--" not in script
    source = lab.evaluate(f"() => {{ {script} return Made.WORKER_SOURCE; }}")
    assert source == lab_build.worker_script()


def test_engine_names_no_other_host_and_no_other_script():
    script = lab_build.worker_script()
    for word in ("http:", "https:", "//cdn", "importScripts", "eval(", "Function(", "fetch("):
        assert word not in script
