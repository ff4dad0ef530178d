"""The softmax explorer, as a reader uses it."""

import pytest

from course_lib.explorers import softmax_explorer


@pytest.fixture
def seen(harness):
    return harness(softmax_explorer(predict=False), width=960)


def weights(seen):
    return seen.page.evaluate(
        "() => window.explorerFamily.compute(Object.fromEntries("
        "['scores', 'temperature', 'shift', 'chosen'].map(n => [n, window.explorerModel.get(n)]))).weights"
    )


def test_a_constant_changes_no_weight(seen):
    seen.page.locator("[data-trait=shift]").focus()
    for _ in range(20):
        seen.page.keyboard.press("ArrowRight")
    assert seen.get("shift") == pytest.approx(2)
    assert weights(seen) == pytest.approx(softmax_explorer().weights.tolist())
    assert "no weight has moved" in seen.line


def test_temperature_slider_reaches_both_ends_and_every_step_moves(seen):
    slider = seen.page.locator("[data-trait=temperature]")
    slider.focus()
    for key, end in (("ArrowLeft", 0.1), ("ArrowRight", 10)):
        last = seen.get("temperature")
        for _ in range(400):
            seen.page.keyboard.press(key)
        seen.settle()
        assert seen.get("temperature") == pytest.approx(end)
        assert seen.get("temperature") != last


def test_dragging_a_score_up_gives_it_the_weight_and_solves_the_challenge(seen):
    handle = seen.page.get_by_role("slider", name="score c")
    for _ in range(3):
        box = handle.locator(".cx-hit").bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        seen.page.mouse.move(x, y)
        seen.page.mouse.down()
        seen.page.mouse.move(x, y - 200, steps=8)
        seen.page.mouse.up()
        seen.settle()
    assert weights(seen)[2] > 0.9
    assert seen.get("solved") is True
    assert seen.line.startswith("‘c’ takes")


def test_the_scale_stands_still_under_the_pointer(seen):
    """While a score is dragged its tip stays under the pointer: no new scale meanwhile."""
    handle = seen.page.get_by_role("slider", name="score a")
    box = handle.locator(".cx-hit").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    seen.page.mouse.move(x, y)
    seen.page.mouse.down()
    for step in (10, 25, 40, 20):
        seen.page.mouse.move(x, y - step)
        seen.settle()
        now = handle.locator(".cx-hit").bounding_box()
        assert now["y"] + now["height"] / 2 == pytest.approx(y - step, abs=3)
    seen.page.mouse.up()


def test_scores_can_be_added_up_to_eight_and_taken_down_to_three(seen):
    more = seen.page.get_by_role("button", name="one more score")
    for n in range(4, 9):
        more.click()
        assert len(seen.get("scores")) == n
    assert more.is_disabled()
    fewer = seen.page.get_by_role("button", name="one score fewer")
    while fewer.is_enabled():
        fewer.click()
        seen.settle()
    assert len(seen.get("scores")) == 3


def test_pressing_a_name_chooses_whose_gradient_is_shown(seen):
    seen.page.get_by_role("button", name="gradient of b").focus()
    seen.page.keyboard.press("Enter")
    assert seen.get("chosen") == 1
    assert seen.page.get_by_text("of ‘b’").is_visible()
