"""The training_replay explorer, as a reader uses it."""

import nbformat
import pytest

from course_lib.by_hand.reversal import learn_tables
from course_lib.explorers import training_replay_explorer
from course_lib.explorers.base import Explorer

LIVE = """card => { window.explorerModel.set('card', card); }"""


def again(rate):
    return learn_tables(learning_rate=rate)


def with_retraining(**more):
    replay = learn_tables()
    return training_replay_explorer(
        replay.losses,
        replay.maps,
        replay.accuracies,
        retrain=again,
        learning_rate=5.0,
        predict=False,
        **more,
    )


def wait_for(seen, step):
    """Until the page is at this step, and no longer than 20 seconds."""
    for _ in range(400):
        if seen.page.evaluate("window.explorerModel.get('step')") == step:
            return
        seen.page.wait_for_timeout(50)
    pytest.fail(f"never came to step {step}")


@pytest.fixture
def live(harness, monkeypatch):
    """The page as a notebook with a kernel shows it; `trained()` does what Python does with a new rate."""
    explorer = with_retraining()
    monkeypatch.setattr(explorer, "to_html", lambda path: Explorer.to_html(explorer, path), raising=False)
    seen = harness(explorer, width=960)

    def trained():
        explorer.load_state({name: seen.get(name) for name in explorer.state_names()})
        seen.page.evaluate(LIVE, explorer.card)
        seen.settle()

    seen.trained = trained
    return seen


@pytest.fixture
def seen(harness):
    return harness(training_replay_explorer(predict=False), width=960)


def test_the_slider_goes_through_the_steps_by_key(seen):
    seen.page.locator("[data-trait=step]").focus()
    for step in (1, 2, 3):
        seen.page.keyboard.press("ArrowRight")
        assert seen.get("step") == step
        assert seen.line == training_replay_explorer(step=step).line


def test_play_runs_to_the_end_and_starts_again(seen):
    button = seen.page.locator(".cx-play")
    button.click()
    assert button.inner_text() == "Pause"
    wait_for(seen, 24)
    seen.page.wait_for_timeout(600)
    assert button.inner_text() == "Play"
    assert seen.line == training_replay_explorer(step=24).line
    assert seen.get("solved") is False
    button.click()
    wait_for(seen, 2)
    button.click()
    stopped = seen.get("step")
    seen.page.wait_for_timeout(600)
    assert seen.get("step") == stopped and button.inner_text() == "Play"


def test_moving_the_step_stops_the_film(seen):
    seen.page.locator(".cx-play").click()
    wait_for(seen, 2)
    seen.page.get_by_role("button", name="End", exact=True).click()
    seen.page.wait_for_timeout(600)
    assert seen.get("step") == 24
    assert seen.page.locator(".cx-play").inner_text() == "Play"


def test_with_reduced_motion_a_press_is_one_step(harness):
    seen = harness(training_replay_explorer(predict=False, step=23), reduced_motion="reduce")
    button = seen.page.get_by_role("button", name="Next step")
    for step in (24, 0, 1):
        button.click()
        seen.page.wait_for_timeout(400)
        assert seen.get("step") == step


def test_a_press_on_the_map_chooses_the_row_and_on_the_curve_the_step(seen):
    areas = seen.page.locator(".cx-pick")
    box = areas.nth(0).bounding_box()
    seen.page.mouse.click(box["x"] + 10, box["y"] + box["height"] * 6.5 / 8)
    assert seen.get("query") == 6
    box = areas.nth(1).bounding_box()
    seen.page.mouse.click(box["x"] + box["width"] / 2 + 2, box["y"] + 20)
    assert seen.get("step") == 12
    assert seen.line == training_replay_explorer(step=12, query=6).line


def test_the_challenge_is_the_last_row_at_its_step(seen):
    seen.page.locator("[data-trait=query]").select_option(index=0)
    slider = seen.page.locator("[data-trait=step]")
    slider.focus()
    for _ in range(6):
        seen.page.keyboard.press("ArrowRight")
    assert seen.get("solved") is False
    seen.page.keyboard.press("ArrowRight")
    assert seen.get("solved") is True


def test_the_guess_hides_the_map(harness):
    seen = harness(training_replay_explorer())
    texts = seen.page.locator(".cx-picture text").all_text_contents()
    assert texts.count("?") == 1 and "0.67" not in texts
    seen.page.get_by_role("button", name="Equal weights everywhere").click()
    seen.settle()
    assert "2 of 8 rows" in seen.page.locator(".cx-verdict").inner_text()
    assert "0.67" in seen.page.locator(".cx-picture text").all_text_contents()


# -------------------------------------------------------------------- training again


def test_without_a_kernel_the_rate_cannot_be_moved(harness):
    seen = harness(with_retraining())
    assert seen.page.locator("[data-trait=learning_rate]").count() == 0
    assert seen.page.get_by_role("button", name="Too large a rate").count() == 0
    assert seen.line.startswith("Learning rate 5, step 0 of 24")


def test_a_new_rate_says_that_it_trains_and_then_shows_the_run(live):
    live.page.locator("[data-trait=learning_rate]").focus()
    live.page.keyboard.press("ArrowLeft")
    assert live.get("learning_rate") == 3
    assert live.line == "Training again at learning rate 3 …"
    live.trained()
    assert live.line == live.explorer.line
    assert live.line.startswith("Learning rate 3, step 0 of 24")


def test_a_run_that_diverges_is_hatched_and_said(live):
    live.page.get_by_role("button", name="Too large a rate").click()
    live.trained()
    assert live.line == live.explorer.line
    assert "the run diverged (no finite loss from step 2 on)" in live.line
    assert live.page.locator(".cx-masked").count() > 64
    assert "NaN" not in live.page.locator(".cx-picture").inner_html()


def test_a_pinned_run_stays_when_another_is_trained(live):
    live.page.get_by_role("button", name="End", exact=True).click()
    live.page.get_by_role("button", name="Pin").click()
    live.settle()
    before = live.page.locator(".cx-picture").nth(0).inner_html()
    live.page.locator("[data-trait=learning_rate]").focus()
    for _ in range(5):
        live.page.keyboard.press("ArrowLeft")
    live.trained()
    assert live.page.locator(".cx-picture").nth(0).inner_html() == before
    assert live.page.locator(".cx-picture").nth(1).inner_html() != before
    assert "Learning rate 5" in live.page.locator(".cx-caption").nth(0).inner_text()


# -------------------------------------------------------------------- with a kernel

CELLS = [
    "from course_lib.by_hand.reversal import learn_tables\n"
    "from course_lib.explorers import training_replay_explorer\n"
    "def again(rate):\n"
    "    if rate == 2: raise RuntimeError('no such rate')\n"
    "    return learn_tables(learning_rate=rate)\n"
    "run = again(5.0)\n"
    "ex = training_replay_explorer(run.losses, run.maps, run.accuracies, retrain=again, learning_rate=5.0)",
    "ex",
    "print(ex.line)",
]


def test_the_kernel_trains_again_when_the_rate_moves(jupyterlab):
    cells = [nbformat.v4.new_code_cell(text) for text in CELLS]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(
        nbformat.v4.new_notebook(cells=cells, metadata=kernel), jupyterlab.folder / "retrain.ipynb"
    )
    page = jupyterlab.open("retrain.ipynb")
    jupyterlab.run_all(page)
    page.get_by_role("button", name="Skip the guess").click()
    line = page.locator(".cx-line")
    slider = page.locator("[data-trait=learning_rate]")
    slider.focus()
    for rate in ("3", "2", "1.5"):
        page.keyboard.press("ArrowLeft")
        if rate == "2":
            page.get_by_role("alert").get_by_text("RuntimeError: no such rate").wait_for()
        else:
            page.locator(".cx-line", has_text=f"Learning rate {rate}, step 0 of 24").wait_for()
    page.get_by_role("button", name="Too large a rate").click()
    page.locator(".cx-line", has_text="Learning rate 100, step 24 of 24: the run diverged").wait_for()
    said = line.inner_text()
    reading = page.locator(".jp-Notebook .jp-Cell").nth(2)
    reading.locator(".cm-content").click()
    jupyterlab.command(page, "notebook:run-cell")
    reading.locator(".jp-OutputArea-output", has_text="Learning rate 100").wait_for()
    assert reading.locator(".jp-OutputArea-output").inner_text().strip() == said
    page.get_by_role("button", name="Reset").click()
    page.locator(".cx-line", has_text="Learning rate 5, step 0 of 24").wait_for()
    assert not page.get_by_role("alert").is_visible()
    page.close()
