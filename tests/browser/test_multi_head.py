"""The multi_head explorer, as a reader uses it."""

import numpy as np
import pytest

from course_lib.explorers import multi_head_explorer

CUT = """() => {
  const stage = document.querySelector('.cx-stage').getBoundingClientRect();
  return [...document.querySelectorAll('.cx-picture text')].filter((text) => {
    const box = text.getBoundingClientRect();
    return box.left < stage.left - 1 || box.right > stage.right + 1 || box.top < stage.top;
  }).map((text) => text.textContent);
}"""


@pytest.fixture
def seen(harness):
    return harness(multi_head_explorer(predict=False), width=960)


def model():
    """Four heads over six tokens, as a model would hand them over."""
    rng = np.random.default_rng(0)
    weights, values = rng.dirichlet(np.ones(6), (4, 6)), rng.normal(size=(4, 6, 16))
    rows = "the cat slept because it was"
    return multi_head_explorer(weights=weights, values=values, rows=rows, query=4, predict=False)


def python_line(seen):
    """What Python says for the state that the page has."""
    again = multi_head_explorer(predict=False)
    again.load_state({name: seen.get(name) for name in again.state_names()})
    return again.line


def texts(seen):
    return seen.page.locator(".cx-picture text").all_text_contents()


def choose(seen, preset):
    seen.page.get_by_role("button", name=preset, exact=True).click()
    seen.settle()


def head(seen, i):
    return seen.page.locator(f"[data-head='{i}']")


def test_aiming_one_head_brings_one_parcel_or_the_other_never_both(seen):
    knob = seen.page.get_by_role("slider", name="Aim of head 0")
    for dx, whole, missed in ((-23, "A whole", "B off by 3.00"), (46, "B whole", "A off by 3.00")):
        box = knob.locator(".cx-hit").bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        seen.page.mouse.move(x, y)
        seen.page.mouse.down()
        seen.page.mouse.move(x + dx, y, steps=4)
        seen.page.mouse.up()
        seen.settle()
        assert {whole, missed} <= set(texts(seen))
        assert seen.line == python_line(seen)
    assert seen.get("aimed") == [[0, 2]]


def test_arrow_keys_aim_and_a_button_aims_as_before(seen):
    choose(seen, "Two heads")
    seen.page.get_by_role("slider", name="Aim of head 1").focus()
    for key in ("ArrowLeft", "Shift+ArrowLeft", "ArrowUp"):
        seen.page.keyboard.press(key)
    assert seen.get("aimed") == [[1, 1.5]]
    assert seen.line == python_line(seen)
    seen.page.get_by_role("button", name="Aim as before").click()
    assert seen.get("aimed") == []


def test_the_slider_changes_the_heads_and_not_the_parameters(seen):
    slider = seen.page.locator("[data-trait=n_heads]")
    slider.focus()
    for count in (2, 4, 8):
        seen.page.keyboard.press("ArrowRight")
        assert seen.get("n_heads") == count
        assert seen.page.locator("[data-head]").count() == count
        assert "4 × 8 × 8 = 256 parameters" in texts(seen)
        assert {"A whole", "B whole"} <= set(texts(seen))
        assert seen.line == multi_head_explorer(n_heads=count).line


def test_a_head_is_switched_off_by_mouse_and_keyboard_and_hatched(seen):
    choose(seen, "Eight heads")
    hatched = seen.page.locator(".cx-picture .cx-masked")
    head(seen, 0).click()
    assert seen.get("off") == [0]
    assert head(seen, 0).get_attribute("aria-pressed") == "false"
    assert hatched.count() == 6 + 1 + 4  # its weights, its slice, its part of four matrices
    head(seen, 1).focus()
    seen.page.keyboard.press("Space")
    assert seen.get("off") == [0, 1]
    seen.page.keyboard.press("Enter")
    assert seen.get("off") == [0]
    assert "A off by 0.75" in texts(seen)
    assert seen.line == python_line(seen)
    seen.page.get_by_role("button", name="All heads on").click()
    assert seen.get("off") == [] and hatched.count() == 0


def test_the_challenge_is_solved_by_the_heads_that_are_off(seen):
    for preset in seen.explorer.presets():
        choose(seen, preset)
    for i in range(4):
        assert seen.get("solved") is False
        head(seen, i).click()
    assert seen.get("solved") is True
    assert "nothing for A" in texts(seen) and "B whole" in texts(seen)


def test_the_guess_hides_the_count_and_keeps_the_hands_off(harness):
    seen = harness(multi_head_explorer(), width=640)
    assert "?" in texts(seen) and not any("256" in text for text in texts(seen))
    assert seen.page.locator(".cx-handle, [data-head]").count() == 0
    seen.page.get_by_role("button", name="Twice as many: 512").click()
    seen.settle()
    assert "shared out, not multiplied" in seen.page.locator(".cx-verdict").inner_text()
    assert seen.get("n_heads") == 2


def test_a_models_heads_can_be_read_and_switched_off(harness):
    seen = harness(model(), width=960)
    assert seen.line == seen.explorer.line
    seen.page.locator("[data-trait=query]").select_option("cat")
    head(seen, 2).click()
    assert (seen.get("query"), seen.get("off")) == (1, [2])
    seen.explorer.load_state({"query": 1, "off": [2]})
    assert seen.line == seen.explorer.line
    assert seen.page.locator(".cx-picture .cx-masked").count() == 36 + 1
    box = seen.page.locator(".cx-pick").first.bounding_box()
    seen.page.mouse.click(box["x"] + 3, box["y"] + box["height"] - 3)
    assert seen.get("query") == 5


@pytest.mark.parametrize("width", [460, 640])
def test_nothing_is_cut_at_the_edges(harness, width):
    for explorer in (model(), multi_head_explorer(n_heads=8, off=[1], predict=False)):
        assert harness(explorer, width=width).page.evaluate(CUT) == []
