"""What stands at the door: the README's numbers, the licenses, the workflows, the forms."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import assignments
import gates
import notebooks
import pdf
import pytest
import site_build
import yaml
from conftest import ROOT

TEXTS = {
    name: (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "CONTRIBUTING.md")
}
README = TEXTS["README.md"]
HOWTO = (ROOT / "book" / "howto.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
LESSONS = [path.stem for path in notebooks.toc_notebooks() if path.stem not in gates.NOT_LESSONS]
WORKFLOWS = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in (ROOT / ".github" / "workflows").glob("*.yml")
}


def number(pattern, text):
    (found,) = {*re.findall(pattern, text)}
    return found


# Numbers


def test_number_and_names_of_the_lessons():
    assert int(number(r"## The (\d+) lessons", README)) == len(LESSONS)
    assert re.findall(r"\]\(book/(\w+)\.ipynb\)", README) == LESSONS


def test_number_of_assignments():
    words = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    stated = number(r"(\w+) graded assignments", README)
    assert words.index(stated) == len(assignments.names())


def test_minutes_of_a_lesson():
    """Each measured time rounds to a number of minutes that the README names."""
    low, high = map(int, *re.findall(r"runs in (\d) to (\d) minutes", README))
    stored = (ROOT / "tests" / "benchmarks" / "results" / "lessons.json").read_text()
    measured = {k: v["wall"] / 60 for k, v in json.loads(stored)["lessons"].items() if k in LESSONS}
    assert len(measured) == len(LESSONS)
    assert {low, high} == {round(min(measured.values())), round(max(measured.values()))}


def test_number_of_mutations():
    made = yaml.safe_load((ROOT / "tests" / "mutations" / "mutations.yaml").read_text())
    for text in (TEXTS["CONTRIBUTING.md"], MAKEFILE):
        assert int(number(r"in (\d+) places", text)) == len(made)


@pytest.mark.skipif(sys.platform != "linux", reason="the packages of Linux are counted")
def test_size_of_the_environment():
    """Of what the lock installs, to half a gigabyte."""
    files = (path for path in Path(sys.prefix).rglob("*") if not path.is_symlink())
    size = sum(path.stat().st_size for path in files if path.is_file()) / 1e9
    stated = float(number(r"about ([\d.]+) GB of disk", README))
    assert abs(size - stated) < 0.5
    assert float(number(r"about ([\d.]+) GB of disk", HOWTO)) == stated


def test_minutes_of_make_test():
    stated = number(r"make test .*\((\d+) minutes\)", README)
    assert stated == number(
        r"^test: .*\((\d+) minutes\)", re.sub(r"(?m)^(?!test:).*\n", "", MAKEFILE)
    )


# Commands, links, words


def test_each_command_is_one_and_each_is_described():
    targets = {*re.findall(r"^([a-z-]+):.* ## ", MAKEFILE, re.M)}
    named = {*re.findall(r"(?m)(?:`|^)make ([a-z][a-z-]+)", "\n".join(TEXTS.values()))}
    assert named == targets


@pytest.mark.parametrize("name", TEXTS)
def test_links_lead_to_files(name):
    links = re.findall(r'(?:\]\(|src=")([\w./-]+)(?=[)"])', TEXTS[name])
    here = [link for link in links if not link.startswith("../../")]
    assert here and [link for link in here if not (ROOT / link).exists()] == []
    pages = {link.split("/")[2] for link in links if link.startswith("../../")}
    assert pages <= {"actions", "deployments", "tree"}, "of GitHub, beside the files"
    assert [
        found
        for found in re.findall(r"workflows/(\w+)\.yml", TEXTS[name])
        if found not in WORKFLOWS
    ] == []


@pytest.mark.parametrize("name", TEXTS)
def test_no_placeholder_is_left(name):
    assert (
        re.findall(
            r"TODO|FIXME|XXX|<[a-z-]+>|OWNER|YOUR[-_ ]|your-|example\.(?:org|com)", TEXTS[name]
        )
        == []
    )


def test_clone_of_the_readme_works(tmp_path):
    """With the address on standard input, as a reader types it."""
    (clone,) = re.findall(r"^read -p .*git clone.*$", README, re.M)
    subprocess.run(["git", "init", "--quiet", "--bare", tmp_path / "there.git"], check=True)
    done = subprocess.run(
        ["bash", "-c", f"{clone} && pwd"],
        input=f"{tmp_path / 'there.git'}\n",
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("/deep-networks")


# Licenses and citation


def test_license_names_each_folder_and_whom_to_name():
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("no checkout of Git")
    files = [Path(name) for name in listed.stdout.split("\0") if name]
    top = {path.parts[0] for path in files if len(path.parts) > 1}
    inner = {
        "/".join(path.parts[:2])
        for path in files
        if path.parts[0] == "book" and len(path.parts) > 2
    }
    assert [folder for folder in sorted(top | inner) if f"{folder}/" not in text] == []
    for whom in ("the authors of Training Deep Neural Networks", "Zalando SE", "MathJax"):
        assert whom in text


def test_citation():
    import tomllib

    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {"cff-version", "title", "message", "authors"} <= {*cited}, "the format asks for these"
    assert cited["title"] == "Training Deep Neural Networks"
    assert str(cited["version"]) == project["version"]
    assert cited["license"] == ["MIT", "CC-BY-4.0"]
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    version, date = re.search(r"^## (\S+), (unreleased|\d{4}-\d\d-\d\d)$", changes, re.M).groups()
    assert version == project["version"]
    assert str(cited.get("date-released", "unreleased")) == date


# What GitHub reads


@pytest.mark.parametrize("name", ["fault", "mistake"])
def test_forms_for_issues(name):
    form = yaml.safe_load((ROOT / ".github" / "ISSUE_TEMPLATE" / f"{name}.yml").read_text())
    assert {"name", "description", "body"} <= {*form}, "GitHub refuses a form without these"
    ids = [field["id"] for field in form["body"]]
    assert len(ids) == len({*ids})
    assert all(field["attributes"]["label"] for field in form["body"])


@pytest.mark.parametrize("name", WORKFLOWS)
def test_no_job_may_more_than_it_must(name):
    """Who writes, runs nothing of the course, neither its packages nor its code."""
    workflow = WORKFLOWS[name]
    assert workflow["permissions"] in ({}, {"contents": "read"})
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"]
        rights = job.get("permissions", workflow["permissions"])
        commands = " ".join(step.get("run", "") for step in job["steps"])
        if "write" in rights.values():
            assert not re.search(r"make|python|pip|\.ci/run", commands), commands
        else:
            assert rights == {"contents": "read"}


def test_website_is_deployed_after_the_tests_and_of_what_they_tested():
    deploy = WORKFLOWS["deploy"]
    trigger = deploy[True]["workflow_run"]  # YAML reads "on" as true
    assert {*deploy[True]} == {"workflow_run"}
    assert trigger["workflows"] == [WORKFLOWS["CI" if "CI" in WORKFLOWS else "ci"]["name"]]
    assert (trigger["types"], trigger["branches"]) == (["completed"], ["main"])
    first = [job for job in deploy["jobs"].values() if "needs" not in job]
    assert all("conclusion == 'success'" in job["if"] for job in first)
    checkouts = [
        step["with"]["ref"]
        for job in deploy["jobs"].values()
        for step in job["steps"]
        if step.get("uses", "").startswith("actions/checkout")
    ]
    assert {*checkouts} == {"${{ github.event.workflow_run.head_sha }}"}


def test_website_is_deployed_once_its_buttons_lead_somewhere():
    """The buttons for Colab open the branch that another job stores."""
    assert {*WORKFLOWS["deploy"]["jobs"]["deploy"]["needs"]} == {"build", "colab-branch"}


def test_release_attaches_what_is_built(tmp_path):
    """The commands of the workflow, with the site's folder in place of a built one."""
    jobs = WORKFLOWS["release"]["jobs"]
    steps = jobs["site"]["steps"]
    commands = [step["run"] for step in steps if "run" in step]
    (upload,) = [step["with"] for step in steps if "upload-artifact" in step.get("uses", "")]
    (zipping,) = [command for command in commands if "zip" in command]
    assert commands.index("make book") < commands.index(zipping)
    assert re.search(r"^book: .*\n\t.*site_build\.py$", MAKEFILE, re.M)
    assert re.search(r"^pdf: .*\n\t.*pdf\.py$", MAKEFILE, re.M) and "make pdf" in commands
    page = tmp_path / "_build" / "html" / "book" / "lab.html"
    page.parent.mkdir(parents=True)
    page.write_text("<title>Lab</title>")
    if shutil.which("zip"):
        subprocess.run(["bash", "-c", zipping], cwd=tmp_path, check=True)
    else:  # the rest of the test needs no program
        shutil.make_archive(tmp_path / "_build" / "site", "zip", tmp_path / "_build" / "html")
    with zipfile.ZipFile(tmp_path / "_build" / "site.zip") as site:
        assert "book/lab.html" in site.namelist()
    made = {"_build/site.zip", str(pdf.OUTPUT.relative_to(ROOT))}
    assert {*upload["path"].split()} == made
    assert upload["if-no-files-found"] == "error"
    download, attach = jobs["attach"]["steps"]
    assert download["with"]["name"] == upload["name"]
    attached = re.search(r'upload "\$TAG" (.*?) --', attach["run"])[1].split()
    assert {*attached} == {Path(name).name for name in made}
    assert all(name in README for name in ("site.zip", "PDF"))


def test_dependabot_holds_jupyter_book_below_2():
    updates = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text())["updates"]
    systems = {update["package-ecosystem"]: update for update in updates}
    assert {*systems} == {"pip", "github-actions"}
    held = {rule["dependency-name"]: rule["versions"] for rule in systems["pip"]["ignore"]}
    assert held["jupyter-book"] == [">=2"]
    site_build.check_version("1.0.4.post1")
    with pytest.raises(SystemExit):
        site_build.check_version("2.0.0")
