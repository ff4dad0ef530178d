"""The path_length explorer, as a reader uses it."""

import pytest

from course_lib.explorers import path_length_explorer

CUT = """() => {
  const stage = document.querySelector('.cx-stage').getBoundingClientRect();
  return [...document.querySelectorAll('.cx-picture text')].filter((text) => {
    const box = text.getBoundingClientRect();
    return box.left < stage.left - 1 || box.right > stage.right + 1 || box.top < stage.top;
  }).map((text) => text.textContent);
}"""


@pytest.fixture
def seen(harness):
    return harness(path_length_explorer(predict=False), width=960)


def python_line(seen):
    """What Python says for the state that the page has."""
    again = path_length_explorer(predict=False)
    again.load_state({name: seen.get(name) for name in again.state_names()})
    return again.line


def texts(seen):
    return seen.page.locator(".cx-picture text").all_text_contents()


def drag(seen, name, dx, dy):
    box = seen.page.get_by_role("slider", name=name).locator(".cx-hit").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    seen.page.mouse.move(x, y)
    seen.page.mouse.down()
    seen.page.mouse.move(x + dx, y + dy, steps=6)
    seen.page.mouse.up()


def test_the_token_that_asks_can_be_dragged_and_stays_among_the_tokens(seen):
    drag(seen, "Token that asks", -200, 0)
    near = seen.get("distance")
    assert near < 40 and seen.line == python_line(seen)
    drag(seen, "Token that asks", 2000, 0)  # to the end of the picture, which then shows more
    assert near < seen.get("distance") <= 60
    drag(seen, "Token that asks", -2000, 0)
    assert seen.get("distance") == 1
    assert "Recurrent network: 1 hop, one after another" in texts(seen)


def test_the_gate_can_be_dragged_on_the_second_bar(seen):
    drag(seen, "Share kept per hop", 0, 2000)
    assert seen.get("gate") == 0
    assert "nothing of the signal arrives" in seen.line
    drag(seen, "Share kept per hop", 0, -2000)
    assert seen.get("gate") == 1
    assert seen.page.locator(".cx-bar:not(.cx-plain)").count() == 51
    assert seen.line == python_line(seen)


def test_keys_move_both_handles_and_n_follows_the_distance(seen):
    seen.page.get_by_role("slider", name="Token that asks").focus()
    for _ in range(11):
        seen.page.keyboard.press("Shift+ArrowRight")
    assert (seen.get("distance"), seen.get("n")) == (100, 101)
    seen.page.keyboard.press("ArrowDown")
    assert (seen.get("distance"), seen.get("n")) == (99, 101)
    seen.page.get_by_role("slider", name="Share kept per hop").focus()
    seen.page.keyboard.press("ArrowUp")
    assert seen.get("gate") == 0.91
    assert seen.line == python_line(seen)


def test_fewer_tokens_bring_the_distance_down(seen):
    seen.page.locator("[data-trait=n]").fill("0")
    assert (seen.get("n"), seen.get("distance")) == (2, 1)
    assert seen.line == python_line(seen)


def test_the_gradient_goes_back_the_same_way(seen):
    assert "arrives" in texts(seen) and "0.005" in texts(seen)
    heights = seen.page.locator(".cx-bar:not(.cx-plain)")
    before = [box["x"] for box in (heights.first.bounding_box(), heights.last.bounding_box())]
    seen.page.locator("[data-trait=backward]").check()
    seen.settle()
    after = [box["x"] for box in (heights.first.bounding_box(), heights.last.bounding_box())]
    assert before[0] < before[1] and after[0] > after[1]
    assert "gets back" in texts(seen) and "0.005" in texts(seen)
    assert "0.005 of the gradient gets back" in seen.line


def test_the_challenge_is_solved_by_a_gate_near_1_in_a_long_text(seen):
    for preset in ("A gate near 1", "A very long text"):
        seen.page.get_by_role("button", name=preset, exact=True).click()
        assert seen.get("solved") is False
    seen.page.locator("[data-trait=distance]").fill("99")
    assert (seen.get("distance"), seen.get("solved")) == (100, False)
    seen.page.locator("[data-trait=gate]").fill("99")
    assert seen.get("solved") is True


def test_the_guess_hides_the_signal_and_keeps_the_hands_off(harness):
    seen = harness(path_length_explorer(), width=640)
    assert "?" in texts(seen) and "0.005" not in texts(seen)
    assert seen.page.locator(".cx-handle").count() == 0
    seen.page.get_by_role("button", name="About 0.5").click()
    seen.settle()
    assert "what 7 steps leave" in seen.page.locator(".cx-verdict").inner_text()
    assert "0.005" in texts(seen)


@pytest.mark.parametrize("width", [460, 640])
def test_nothing_is_cut_at_the_edges(harness, width):
    for backward in (False, True):
        explorer = path_length_explorer(distance=100, gate=0.8, n=10_000, backward=backward, predict=False)
        assert harness(explorer, width=width).page.evaluate(CUT) == []
