"""Challenges of the Lab: fair, solvable, and graded by running them again."""

import csv
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import challenges
import lab_page
import pytest
from conftest import ROOT
from test_lab_page import address, finish, open_lab, press  # noqa: F401  (fixtures)

KNOWN = challenges.challenges()
#: Settings that earn all points, as a student might find them. They are not the only ones.
SOLUTIONS = {
    "twenty_layers": {
        "activation": "selu",
        "initializer": "lecun_normal",
        "learning_rate": 0.003,
    },
    "the_right_sigma": {"sigma": 0.19},  # √(2/50) is 0.2
    "fifty_layers": {"activation": "tanh", "initializer": "lecun_uniform"},
    "keep_the_sigmoids": {"normalization": "batch_before", "bn_momentum": 0.9},
    "too_fast": {"clip": "norm", "clip_at": 0.1},
    "two_epochs": {"optimizer": "nadam", "learning_rate": 0.001},
    "six_epochs": {"schedule": "one_cycle", "learning_rate": 0.03},
    "five_hundred_images": {"dropout": 0.5},
    "all_of_it": {
        "depth": 2,
        "activation": "relu",
        "initializer": "he_normal",
        "optimizer": "momentum",
        "schedule": "one_cycle",
        "learning_rate": 0.1,
        "normalization": "batch_before",
        "dropout": 0.3,
    },
}


class InItsThread:
    """An engine in a thread of its own: the browser's tests leave an event loop in ours."""

    def __init__(self, seconds):
        self.thread = ThreadPoolExecutor(max_workers=1)
        self.own = challenges.Engine(seconds)

    def __getattr__(self, name):
        return getattr(self.own, name)

    def call(self, *arguments):
        return self.thread.submit(self.own.call, *arguments).result()

    def close(self):
        self.thread.submit(self.own.close).result()
        self.thread.shutdown()


@pytest.fixture(scope="module")
def engine():
    with closing(InItsThread(seconds=300)) as engine:
        yield engine


def submission(engine, challenge, chosen, name="Ada"):
    """Return what the page would hand in."""
    settings = engine.call("start", challenge) | chosen
    values = engine.call("trainAll", challenge, settings)
    results = [
        {"seed": seed, "value": value}
        for seed, value in zip(challenge["seeds"], values, strict=True)
    ]
    return {
        "format": "lab hand-in 1",
        "challenge": challenge["id"],
        "name": name,
        "settings": settings,
        "results": results,
    }


def test_there_are_eight_and_each_has_a_solution():
    assert len(KNOWN) >= 8
    assert set(SOLUTIONS) == set(KNOWN)


@pytest.mark.parametrize("id", KNOWN)
def test_it_is_written_as_it_should_be(engine, id):
    assert engine.call("problemsOf", KNOWN[id]) == []
    assert (ROOT / "book" / f"{KNOWN[id]['lesson']}.ipynb").is_file()
    points = [level["points"] for level in KNOWN[id]["levels"]]
    bounds = [level.get("at_least", -level.get("at_most", 0)) for level in KNOWN[id]["levels"]]
    assert points == sorted(set(points)) and bounds == sorted(set(bounds))


@pytest.mark.parametrize("change", ["no levels", "fixed and free", "bad value", "gap in seeds"])
def test_a_faulty_one_is_found(engine, change):
    challenge = json.loads(json.dumps(KNOWN["two_epochs"]))
    if change == "no levels":
        challenge["levels"] = []
    elif change == "fixed and free":
        challenge["fixed"]["optimizer"] = "adam"
    elif change == "bad value":
        challenge["fixed"]["depth"] = 51
    else:
        challenge["seeds"] = [1, 2, 4]
    assert engine.call("problemsOf", challenge)


@pytest.mark.parametrize("id", KNOWN)
def test_the_start_does_not_earn_all_points_and_the_solution_does(engine, id):
    challenge = KNOWN[id]
    full = max(level["points"] for level in challenge["levels"])
    solved = submission(engine, challenge, SOLUTIONS[id])
    values = [result["value"] for result in solved["results"]]
    graded = engine.call("points", challenge, values)
    assert graded == full, values
    begun = [r["value"] for r in submission(engine, challenge, {})["results"]]
    assert engine.call("points", challenge, begun) < full, begun


@pytest.fixture(scope="module")
def honest(engine):
    return submission(engine, KNOWN["two_epochs"], SOLUTIONS["two_epochs"])


def test_a_hand_in_earns_its_points_twice_alike(engine, honest, tmp_path):
    path = tmp_path / "ada.json"
    path.write_text(json.dumps(honest), encoding="utf-8")
    first = challenges.grade(path, engine, KNOWN)
    assert first == challenges.grade(path, engine, KNOWN)
    assert (first["points"], first["of"], first["reason"]) == (3, 3, "")
    assert first["name"] == "Ada"


def changed(honest, **changes):
    return json.loads(json.dumps(honest)) | changes


REFUSED = {
    "another result": (
        lambda h: changed(h, results=[{"seed": s, "value": 0.99} for s in (1, 2, 3)]),
        "not 0.99 as handed in",
    ),
    "a text as result": (
        lambda h: changed(h, results=[{"seed": s, "value": "NaN"} for s in (1, 2, 3)]),
        "as handed in",
    ),
    "other seeds": (
        lambda h: changed(h, results=[{"seed": s, "value": 0.8} for s in (7, 8, 9)]),
        "seeds 1, 2, 3",
    ),
    "no results": (lambda h: changed(h, results=None), "seeds 1, 2, 3"),
    "more epochs": (
        lambda h: changed(h, settings=h["settings"] | {"epochs": 200}),
        "epochs is 200; in this challenge it is 2.",
    ),
    "a value out of range": (
        lambda h: changed(h, settings=h["settings"] | {"learning_rate": "1e9"}),
        "learning_rate",
    ),
    "an unknown setting": (
        lambda h: changed(h, settings=h["settings"] | {"__proto__x": 1}),
        "There is no setting",
    ),
    "code as settings": (lambda h: changed(h, settings="process.exit()"), "no settings"),
    "another challenge": (lambda h: changed(h, challenge="none"), "no challenge 'none'"),
    "another format": (lambda h: changed(h, format="lab hand-in 9"), "The format is"),
    "no name": (lambda h: changed(h, name="  "), "no usable name"),
    "a list": (lambda h: [h], "no hand-in"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_a_faulty_hand_in_gets_no_points_and_a_reason(engine, honest, tmp_path, fault):
    make, reason = REFUSED[fault]
    path = tmp_path / "file.json"
    path.write_text(json.dumps(make(honest)), encoding="utf-8")
    row = challenges.grade(path, engine, KNOWN)
    assert row["points"] == 0
    assert reason in row["reason"]


def test_what_takes_too_long_is_ended_and_the_next_file_is_graded(honest, tmp_path):
    path = tmp_path / "file.json"
    path.write_text(json.dumps(honest), encoding="utf-8")
    with closing(InItsThread(seconds=0.01)) as engine:
        row = challenges.grade(path, engine, KNOWN)
        assert (row["points"], row["reason"]) == (0, "The trainings took more than 0.01 seconds.")
        engine.own.seconds = 300
        assert challenges.grade(path, engine, KNOWN)["points"] == 3


def table_of(folder):
    """Return the rows of the table that the program writes for a folder."""
    command = [sys.executable, str(ROOT / "book" / "tools" / "challenges.py"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with (folder / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_one_damaged_file_does_not_stop_the_others(honest, tmp_path):
    """As a teacher does it: a folder in, a table out."""
    folder = tmp_path / "handed in"
    (folder / "ben").mkdir(parents=True)
    (folder / "a.json").write_text('{"format": ', encoding="utf-8")
    (folder / "b.json").write_bytes(b"\xff\xfe\x00")
    (folder / "c.json").write_text("[" * 50_000, encoding="utf-8")
    (folder / "d.json").write_text(" " * 200_000, encoding="utf-8")
    (folder / "e.json").symlink_to(ROOT / "pyproject.toml")
    named = changed(honest, name='=HYPERLINK("http://x")')
    (folder / "ben" / "two_epochs (1).json").write_text(json.dumps(named), encoding="utf-8-sig")
    rows = table_of(folder)
    assert [row["file"] for row in rows] == [
        "a.json", "b.json", "ben/two_epochs (1).json", "c.json", "d.json",
    ]  # fmt: skip
    good = rows.pop(2)
    assert (good["points"], good["of"], good["reason"]) == ("3", "3", "")
    assert good["name"] == '\'=HYPERLINK("http://x")'
    assert all(row["points"] == "0" and row["reason"] for row in rows)


def test_a_student_does_a_challenge_and_hands_it_in(open_lab, tmp_path):  # noqa: F811
    page = open_lab("challenge-two_epochs")
    panel = page.locator("#lab .lab-challenge")
    assert "Challenge: Two epochs" in panel.inner_text()
    assert page.locator("#lab-depth").is_disabled()
    hand = page.get_by_role("button", name="Hand in", exact=True)
    assert hand.is_disabled()
    page.locator("#lab-optimizer").select_option("nadam")
    page.locator("#lab-learning_rate").fill("0.001")
    page.locator("#lab-learning_rate").press("Enter")
    press(page, "Train with seeds 1, 2, 3")
    page.wait_for_function("labPage.seeds && labPage.seeds.done")
    page.get_by_text("3 of 3 points").first.wait_for()
    assert panel.inner_text().count("reached") == 3
    page.get_by_label("Your name:").fill("Zoë Ωmega")
    with page.expect_download() as download:
        hand.click()
    assert download.value.suggested_filename.startswith("two_epochs-Zoe")
    download.value.save_as(tmp_path / "file.json")
    (row,) = table_of(tmp_path)
    assert (row["points"], row["name"], row["reason"]) == ("3", "Zoë Ωmega", "")
    press(page, "Leave the challenge")
    assert panel.is_hidden() and page.locator("#lab-depth").is_enabled()


def test_only_what_the_student_may_choose_counts_as_changed(open_lab):  # noqa: F811
    page = open_lab("challenge-two_epochs")
    assert page.locator("#lab .lab-changed").all_inner_texts() == [""] * 5, "as it starts"
    page.locator("#lab-optimizer").select_option("nadam")
    changed = dict(
        zip(
            ["Network", "Regularization", "Optimizer", "Schedule", "Training"],
            page.locator("#lab .lab-changed").all_inner_texts(),
            strict=True,
        )
    )
    assert changed.pop("Optimizer") == "(1 changed)"
    assert set(changed.values()) == {""}
    press(page, "Leave the challenge")
    assert page.locator("#lab .lab-changed").nth(4).inner_text() == "(2 changed)"


def test_an_unknown_challenge_is_named(open_lab):  # noqa: F811
    page = open_lab("challenge-nothing<b>")
    assert "There is no challenge" in page.locator("#lab .lab-problems").inner_text()


def test_a_link_leads_to_the_lab_and_not_to_the_list():
    """An element with the id of the address would draw the browser to itself."""
    page = [(ROOT / "book" / "lab.md").read_text(encoding="utf-8")]
    lab_page._fill(None, lab_page.PAGE, page)
    before, _, after = page[0].partition(lab_page.ROOT)
    assert 'id="preset-twenty_sigmoid"' in before and 'id="challenge-two_epochs"' in before
    assert 'href="#preset-twenty_sigmoid"' in after and 'href="#challenge-two_epochs"' in after
    assert ' id="' not in after
