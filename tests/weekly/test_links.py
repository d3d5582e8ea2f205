"""`make links` lists every address on another site, and fails for one that is not there."""

import subprocess
import sys

import browser
import pytest
from small_course import small_course


def check_links(course):
    command = [sys.executable, "book/tools/site_build.py", "--builder", "linkcheck"]
    return subprocess.run(command, cwd=course, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("gone", [False, True])
def test_links_are_listed_and_a_broken_one_fails(tmp_path, gone):
    other = tmp_path / "another site"
    other.mkdir()
    (other / "there.html").write_text("<p>There.</p>")
    with browser.serve(other) as url:
        text = f"# A page\n\n[One]({url}/there.html)"
        text += f" and [two]({url}/gone.html)." if gone else "."
        course = small_course(tmp_path / "course", {"page": text})
        done = check_links(course)
    listed = done.stdout.splitlines()
    assert [line for line in listed if line.startswith("working") and "/there.html" in line]
    broken = [line for line in listed if line.startswith("broken")]
    assert len(broken) == gone
    assert done.returncode == gone
    if gone:
        assert "/gone.html" in broken[0] and "page" in broken[0]
        assert "Links to other sites: 2, broken: 1" in done.stderr
    else:
        assert "Links to other sites: 1, broken: 0" in listed[-1]
