"""Exercises are headings in the sources, and boxes with folded solutions on the site."""

import json
from types import SimpleNamespace

import exercises
import nbformat
import notebooks
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

WRITTEN = """## Exercises

:::{exercise} By hand
:label: hand

Add the numbers.

```python
# Solution
### Exercise: code
```
:::

:::{solution-start} hand
:class: dropdown
:::

Like this:"""
AGAIN = """:::{solution-end}
:::

::::{exercise} *Why?*
:label: why

:::{figure} a.svg
:alt: A
:::
::::

:::{solution} why
:class: dropdown

So.
:::"""
STORED = """## Exercises

### Exercise: By hand

Add the numbers.

```python
# Solution
### Exercise: code
```

#### Solution

Like this:"""
STORED_AGAIN = """### Exercise: *Why?*

:::{figure} a.svg
:alt: A
:::

#### Solution

So."""
READ = """## Exercises

::::::{exercise} By hand
:label: sums-by-hand

Add the numbers.

```python
# Solution
### Exercise: code
```

::::::

:::{solution-start} sums-by-hand
:class: dropdown
:::

Like this:"""
READ_AGAIN = """:::{solution-end}
:::

::::::{exercise} *Why?*
:label: sums-why

:::{figure} a.svg
:alt: A
:::

::::::

:::{solution-start} sums-why
:class: dropdown
:::

So."""
END = ":::{solution-end}\n:::"


def test_a_lesson_is_stored_with_headings():
    cells = [WRITTEN, None, AGAIN, None, END]
    cells = [new_markdown_cell(one) if one else new_code_cell("1 + 2") for one in cells]
    stored = notebooks.normalize(new_notebook(cells=cells))
    assert [cell.source for cell in stored.cells] == [STORED, "1 + 2", STORED_AGAIN, "1 + 2"]
    assert notebooks.normalize(stored) == stored


def test_sphinx_reads_directives():
    cells = [new_markdown_cell(STORED), new_code_cell("1 + 2"), new_markdown_cell(STORED_AGAIN)]
    notebook = new_notebook(cells=[*cells, new_code_cell("3")])
    source = [nbformat.writes(notebook)]
    app = SimpleNamespace(env=SimpleNamespace(doc2path=lambda page: f"{page}.ipynb"))
    exercises.read(app, "book/sums", source)
    texts = ["".join(cell["source"]) for cell in json.loads(source[0])["cells"]]
    assert texts == [READ, "1 + 2", READ_AGAIN, "3", f"\n\n{END}"]


def test_a_page_without_cells_is_read_likewise():
    source = [f"{STORED_AGAIN}\n\n## More\n\nText."]
    app = SimpleNamespace(env=SimpleNamespace(doc2path=lambda page: f"{page}.md"))
    exercises.read(app, "book/sums", source)
    read = READ_AGAIN.removeprefix(f"{END}\n\n")
    assert source == [f"{read}\n\n{END}\n\n## More\n\nText."]


def test_a_page_without_exercises_is_left_alone():
    source = ["## Exercises\n\n#### Solution"]
    exercises.read(None, "book/sums", source)
    assert source == ["## Exercises\n\n#### Solution"]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["#### Solution"], "sums has a solution below no exercise"),
        (["### Exercise: A", "#### Solution\n\n#### Solution"], "below no exercise"),
        (["### Exercise: A", "### Exercise: A"], "sums has two exercises 'A'"),
    ],
)
def test_what_does_not_pair_up_is_an_error(texts, message):
    with pytest.raises(ValueError, match=message):
        exercises.to_directives(texts, "sums")


def test_text_behind_a_solution_is_not_taken_into_it():
    with pytest.raises(ValueError, match=r"behind a solution stands 'And on\.'"):
        exercises.to_headings(f"{END}\n\nAnd on.")
