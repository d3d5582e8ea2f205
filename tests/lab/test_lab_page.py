"""The Lab's page as a reader uses it: from a file on a disk, in a browser.

The page is put together here from its own parts: the text that the script replaces, the style
sheet and the script. tests/site visits it as a page of the website.
"""

import json
import shutil

import browser
import lab_build
import lab_page
import pytest
import visits

SMALL = "depth=2&width=10&images=64&batch_size=16&epochs=3"
PAGE = """<!doctype html><html lang="en" data-theme="light"><title>The Lab</title>
<link rel="stylesheet" href="lab.css"><main><h1>The Lab</h1><h2>Train a network</h2>
<div id="lab"><p>Needs JavaScript.</p></div></main><script src="lab.js"></script></html>"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The address of the page on the disk."""
    folder = tmp_path_factory.mktemp("lab")
    (folder / "lab.html").write_text(PAGE, encoding="utf-8")
    (folder / "lab.js").write_text(lab_page.page_script(), encoding="utf-8")
    shutil.copy(lab_build.LAB / "page" / "lab.css", folder)
    shutil.copy(lab_build.LAB / "data.js", folder)
    return (folder / "lab.html").as_uri()


@pytest.fixture
def open_lab(chromium, address):
    """Return a function that opens the page with settings; nothing may go wrong in it."""
    opened = []

    def open_it(hash=SMALL, **options):
        context = browser.new_page(chromium, **options)
        watched = context.__enter__()
        opened.append((context, watched))
        watched.page.set_default_timeout(visits.PATIENCE)
        watched.page.goto(f"{address}#{hash}")
        watched.page.wait_for_function("window.labPage")
        return watched.page

    yield open_it
    for context, watched in opened:
        watched.assert_clean()
        context.__exit__(None, None, None)


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def finish(page):
    page.wait_for_function("labPage.ids.every(id => labPage.runs[id].over)")
    page.evaluate(visits.NEXT_FRAME)


def status(page, side="a"):
    return page.locator(f"#lab p.run-{side}").inner_text()


def test_a_training_from_start_to_end(open_lab):
    page = open_lab()
    assert "ready to start" in status(page)
    press(page, "Start")
    finish(page)
    assert "finished after epoch 3" in status(page)
    charts = page.locator("#lab svg.lab-chart")
    assert charts.count() == 6
    for chart in charts.all():
        assert chart.locator("g.solid path.line").get_attribute("d").startswith("M")
    assert "training" in charts.nth(1).get_attribute("aria-label")
    assert 1 <= page.locator("#lab .lab-mistakes li").count() <= 12
    assert "finished" in page.locator("#lab [role=status][aria-live]").inner_text()
    press(page, "Start again")
    finish(page)
    press(page, "Reset")
    assert "ready to start" in status(page)
    assert page.locator("#lab .lab-mistakes li").count() == 0


def test_steps_epochs_and_pause(open_lab):
    page = open_lab("depth=20&batch_size=16&epochs=200")  # it does not end before it is paused
    press(page, "One step")
    page.wait_for_function("labPage.runs.a.state === 'paused'")
    assert page.evaluate("labPage.runs.a.step") == 1
    press(page, "One epoch")
    page.wait_for_function("labPage.runs.a.state === 'paused' && labPage.runs.a.step === 125")
    page.wait_for_function("labPage.runs.a.history.length === 1")
    press(page, "Start")
    page.wait_for_function("labPage.runs.a.history.length >= 2")
    press(page, "Pause")
    assert page.evaluate("labPage.runs.a.state") == "paused"
    press(page, "Start")
    page.wait_for_function("labPage.runs.a.history.length >= 3")
    press(page, "Reset")
    assert page.evaluate("[labPage.runs.a.state, labPage.runs.a.step]") == ["new", 0]


def test_the_learning_rate_changes_while_it_trains(open_lab):
    page = open_lab()
    press(page, "One epoch")
    page.wait_for_function("labPage.runs.a.history.length === 1")
    field = page.get_by_label("Learning rate", exact=True)
    field.fill("0.5")
    field.press("Enter")
    assert page.evaluate("labPage.runs.a.step") == 4, "the training goes on"
    assert "learning_rate=0.5" in page.url
    press(page, "One step")
    page.wait_for_function("labPage.runs.a.learningRate === 0.5")
    field = page.get_by_label("Hidden layers", exact=True)
    field.fill("4")
    field.press("Enter")
    assert page.evaluate("labPage.runs.a.step") == 0, "another network starts anew"


def test_two_settings_side_by_side(open_lab):
    page = open_lab(f"{SMALL}&b.initializer=zeros")
    press(page, "Start")
    finish(page)
    assert status(page).startswith("A finished")
    assert status(page, "b").startswith("B finished")
    losses = page.evaluate("labPage.ids.map(id => labPage.runs[id].history.at(-1).loss)")
    assert losses[0] < losses[1]
    page.get_by_label("B", exact=True).check()
    assert page.get_by_label("Initializer", exact=True).input_value() == "zeros"
    assert page.get_by_text("A has Glorot uniform").count() == 1


def test_the_same_seed_gives_both_the_same(open_lab):
    page = open_lab(f"{SMALL}&compare=true")
    press(page, "Start")
    finish(page)
    histories = page.evaluate(
        "labPage.ids.map(id => labPage.runs[id].history.map(log => [log.loss, log.val_loss]))"
    )
    assert histories[0] == histories[1]


def test_five_seeds_and_their_sentence(open_lab):
    page = open_lab(f"{SMALL}&learning_rate=0.1&b.initializer=zeros")
    press(page, "Five seeds")
    page.wait_for_function("labPage.seeds?.done")
    page.evaluate(visits.NEXT_FRAME)
    verdict = page.locator("#lab .lab-verdict").inner_text()
    assert verdict.startswith("A ends ")
    assert verdict.endswith("5 seeds): above.")
    assert status(page).count("%") == 6, "the median and five values"
    assert page.locator("#lab svg path.band").count() == 4
    assert page.get_by_text("the line is the median of the seeds").is_visible()
    assert not page.get_by_text("A: training", exact=True).is_visible(), "it is not drawn"


def test_an_explosion_is_shown_as_one(open_lab):
    page = open_lab(f"{SMALL}&learning_rate=100&initializer=normal&sigma=5&depth=8")
    press(page, "Start")
    finish(page)
    assert "exploded" in status(page)
    assert "NaN" in status(page)
    shares = page.locator("#lab svg.lab-chart").nth(4)
    assert "0%" not in shares.get_attribute("aria-label"), "nobody knows what is dead"
    assert page.locator("#lab svg path.cross").count() > 0


def test_nothing_of_an_address_is_executed(open_lab):
    page = open_lab("activation=<img src=x onerror=alert(1)>&depth=99&<b>=1&images=50000")
    problems = page.locator("#lab .lab-problems")
    assert "depth is" in problems.inner_text()
    assert "the page has 2000" in problems.inner_text()
    assert problems.locator("img, b").count() == 0
    assert problems.locator("li").count() == 4
    assert page.get_by_label("Hidden layers", exact=True).input_value() == "50"


def test_a_bad_number_is_named_beside_its_field(open_lab):
    page = open_lab()
    field = page.get_by_label("Units per layer", exact=True)
    field.fill("1000")
    field.press("Enter")
    assert field.input_value() == "300"
    assert "it must be" in page.locator("#lab-width-problem").inner_text()
    assert "width=300" in page.url


def test_experiments_stand_below_their_lessons(open_lab):
    page = open_lab()
    label = "optgroup[label='Batch normalization'] option"
    assert page.locator(f"#lab-preset {label}").count() == 3


def test_an_experiment_sets_everything(open_lab):
    page = open_lab("preset-clipping")
    assert page.evaluate("labPage.settings.b.clip") == "global_norm"
    assert page.locator("#lab .lab-sentence").is_visible()
    page.get_by_label("Experiment:").select_option("twenty_sigmoid")
    assert page.url.endswith("#preset-twenty_sigmoid")
    assert page.evaluate("labPage.settings.b") is None


def test_save_and_load(open_lab, tmp_path):
    page = open_lab()
    press(page, "Start")
    finish(page)
    with page.expect_download() as download:
        press(page, "Save this training")
    path = tmp_path / "run.json"
    download.value.save_as(path)
    saved = json.loads(path.read_text(encoding="utf-8"))
    assert len(saved["A"]["history"]) == 3
    press(page, "Reset")
    page.get_by_label("Load one:").set_input_files(path)
    page.wait_for_function("labPage.runs.a.state === 'loaded'")
    assert "from a file, finished after epoch 3" in status(page)
    path.write_text("{")
    page.get_by_label("Load one:").set_input_files(path)
    page.locator("#lab .lab-problems li").wait_for()
    assert "not JSON" in page.locator("#lab .lab-problems").inner_text()


def test_the_program_is_shown_and_the_tables_on_request(open_lab):
    page = open_lab()
    press(page, "One epoch")
    page.wait_for_function("labPage.runs.a.history.length === 1")
    for title in ("Table of the layers", "Table of the epochs", "Copy as Keras"):
        page.get_by_text(title, exact=True).click()
    page.wait_for_function("document.querySelectorAll('#lab table').length === 2")
    assert page.locator("#lab table").first.locator("tbody tr").count() == 3
    page.wait_for_function("document.querySelector('#lab pre').textContent.includes('.fit(')")


@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (390, "dark")])
def test_everyone_can_use_it(open_lab, width, scheme):
    """Axe finds nothing, with all parts open after a training, and nothing is too wide."""
    page = open_lab(f"{SMALL}&b.depth=3&b.width=-1", width=width, motion="reduce")
    page.evaluate(f"document.documentElement.dataset.theme = '{scheme}'")
    press(page, "Start")
    finish(page)
    page.evaluate("document.querySelectorAll('details').forEach(one => (one.open = true))")
    page.wait_for_function("document.querySelectorAll('#lab table').length === 4")
    assert visits.overflow(page) == []
    assert visits.axe(page) == []


#: Selects that are narrower than the longest of their choices, and the arrow beside it, need.
CUT_CHOICES = """() => [...document.querySelectorAll("#lab select")].filter(one => {
    const wide = one.cloneNode(true);
    wide.style.cssText = "position: absolute; width: max-content; max-width: none";
    wide.removeAttribute("id");
    one.after(wide);
    const needed = wide.getBoundingClientRect().width;
    wide.remove();
    return needed > one.getBoundingClientRect().width + 1;
}).map(one => one.id)"""


@pytest.mark.parametrize("width", [390, 700, 1300])
def test_no_choice_is_cut(open_lab, width):
    page = open_lab("optimizer=nesterov&schedule=cosine&clip=norm", width=width)
    page.evaluate("document.querySelectorAll('#lab details').forEach(one => (one.open = true))")
    assert page.evaluate(CUT_CHOICES) == []


def test_a_chart_of_one_known_layer_names_it_once(open_lab):
    page = open_lab("depth=3&width=10&images=64&initializer=zeros")
    press(page, "One step")
    page.wait_for_function("labPage.runs.a.state === 'paused'")
    page.evaluate(visits.NEXT_FRAME)
    label = page.locator("#lab svg.lab-chart").nth(5).get_attribute("aria-label")
    assert label.count("output") == 1, label


def test_with_the_keyboard(open_lab):
    page = open_lab()
    page.get_by_label("Experiment:").focus()
    for _ in range(2):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Start"
    page.keyboard.press("Enter")
    finish(page)


def test_the_page_answers_while_it_trains(open_lab):
    """The training has its own thread: a click between two epochs is answered before the next."""
    page = open_lab("preset-fifty_selu")
    press(page, "Start")
    page.wait_for_function("labPage.runs.a.step > 0")
    page.get_by_label("Compare two settings, A | B").check()
    assert page.evaluate("labPage.runs.a.step") == 0
    assert "compare=true" in page.url


def test_its_size():
    assert len(lab_page.page_script().encode()) < 400_000
