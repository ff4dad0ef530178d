"""The block explorer, as a reader uses it."""

import pytest

from course_lib.explorers import block_explorer

INSIDE = """() => {
  const stage = document.querySelector('.cx-stage').getBoundingClientRect();
  const out = (box) => box.right > stage.right + 1 || box.left < stage.left - 1
    || box.bottom > stage.bottom + 1;
  return [...document.querySelectorAll('.cx-picture text, .cx-picture rect, .cx-picture polyline')]
    .filter((node) => out(node.getBoundingClientRect())).map((node) => node.outerHTML);
}"""

SET = """(changes) => {
  for (const [name, value] of Object.entries(changes)) window.explorerModel.set(name, value);
}"""


def texts(seen) -> list[str]:
    return seen.page.locator(".cx-picture text").all_text_contents()


@pytest.fixture
def seen(harness):
    return harness(block_explorer(predict=False), width=960)


def test_parts_are_switched_one_by_one(seen):
    assert texts(seen).count("norm") == 0 and texts(seen).count("+") == 0
    for box in ("Residual", "Feed-forward"):
        seen.page.get_by_role("checkbox", name=box).focus()
        seen.page.keyboard.press("Space")
    seen.page.get_by_role("combobox", name="Norm").select_option(label="before each part")
    seen.settle()
    assert texts(seen).count("norm") == 2 and texts(seen).count("+") == 2
    assert seen.line == block_explorer(True, "pre", True).line
    assert seen.get("norm") == "pre"


def test_a_part_that_is_off_is_dashed(seen):
    dashed = ".cx-picture rect[style*='dasharray']"
    assert seen.page.locator(dashed).count() == 1
    seen.page.get_by_role("checkbox", name="Feed-forward").check()
    seen.settle()
    assert seen.page.locator(dashed).count() == 0


def test_blocks_are_stacked_by_key_and_the_numbers_follow(seen):
    slider = seen.page.locator("[data-trait=depth]")
    slider.focus()
    for depth in (13, 14, 15):
        seen.page.keyboard.press("ArrowRight")
        assert seen.get("depth") == depth
        assert seen.line == block_explorer(depth=depth).line
        assert f"× {depth}" in texts(seen)
    seen.page.keyboard.press("Home")
    seen.settle()
    assert seen.line == block_explorer(depth=1).line


def test_the_guess_hides_the_curves(harness):
    seen = harness(block_explorer(preset="Pre-norm"))
    assert texts(seen).count("?") == 3 and seen.page.locator(".cx-picture polyline").count() == 0
    seen.page.get_by_role("button", name="They become alike").click()
    seen.settle()
    assert "weighted mean over all tokens" in seen.page.locator(".cx-verdict").inner_text()
    assert seen.page.locator(".cx-picture polyline").count() == 3
    assert seen.line == block_explorer().line


def test_the_challenge_is_24_blocks_of_the_whole(seen):
    seen.page.get_by_role("button", name="Pre-norm").click()
    seen.settle()
    assert seen.get("solved") is False
    seen.page.locator("[data-trait=depth]").focus()
    seen.page.keyboard.press("End")
    assert seen.get("solved") is True


@pytest.mark.parametrize("width", [460, 640, 960])
def test_everything_stays_in_the_picture_in_every_setting(harness, width):
    seen = harness(block_explorer(predict=False), width=width)
    for depth in (1, 12, 24):
        for residual, norm, feed_forward in (
            (True, "none", True),
            (True, "pre", True),
            (True, "post", True),
            (False, "none", False),
        ):
            changes = {"residual": residual, "norm": norm, "feed_forward": feed_forward, "depth": depth}
            seen.page.evaluate(SET, changes)
            seen.settle()
            assert seen.page.evaluate(INSIDE) == []
            assert seen.line == block_explorer(**changes).line
