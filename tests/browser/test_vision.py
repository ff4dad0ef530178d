"""The vision explorer, as a reader uses it."""

import numpy as np
import pytest

from course_lib.explorers import vision_explorer

RNG = np.random.default_rng(0)
IMAGE = (RNG.uniform(0, 1, (16, 16)) * (RNG.random((16, 16)) < 0.4)).round(2)
TARGETS = [[0.25, 0.25, 0.4, 0.4], [0.7, 0.7, 0.4, 0.4], [0.75, 0.2, 0.2, 0.3]]
CLASSES = ["three", "seven", "eight"]
WORDS = "a three left of a seven".split()


def of_model(**more):
    weights = RNG.dirichlet(np.ones(17) * 0.3, (3, 17))
    return vision_explorer(IMAGE, weights=weights, predict=False, **more)


def of_boxes(**more):
    rng = np.random.default_rng(1)
    boxes = np.concatenate([rng.uniform(0.2, 0.8, (6, 2)), rng.uniform(0.1, 0.3, (6, 2))], axis=1)
    boxes[[4, 0, 2]] = np.array(TARGETS) + 0.02
    prob = np.full((6, 4), 0.1) + 0.6 * np.eye(4)[[1, 3, 2, 3, 0, 3]]
    return vision_explorer(IMAGE, boxes=boxes, class_prob=prob, targets=TARGETS, labels=[0, 1, 2],
                           classes=CLASSES, weights=rng.dirichlet(np.ones(16) * 0.3, (2, 6)),
                           places=rng.uniform(0.2, 0.8, (6, 2)), predict=False, **more)  # fmt: skip


def of_caption(**more):
    weights = np.random.default_rng(2).dirichlet(np.ones(64) * 0.1, (4, 6))
    return vision_explorer(IMAGE, weights=weights, words=WORDS, targets=TARGETS[:2], labels=[0, 1],
                           classes=CLASSES, predict=False, **more)  # fmt: skip


VIEWS = {"patches": vision_explorer, "model": of_model, "boxes": of_boxes, "caption": of_caption}


def texts(seen) -> list[str]:
    return seen.page.locator(".cx-picture text").all_text_contents()


def python_line(seen) -> str:
    """What Python says for the state that the page has."""
    again = seen.explorer
    again.load_state({name: seen.get(name) for name in again.state_names()})
    return again.line


# -------------------------------------------------------------------- patches


def test_a_press_on_the_picture_chooses_the_query(harness):
    seen = harness(vision_explorer(predict=False), width=960)
    box = seen.page.locator(".cx-press .cx-pick").bounding_box()
    seen.page.mouse.click(box["x"] + 0.9 * box["width"], box["y"] + 0.05 * box["height"])
    assert seen.get("query") == 7
    assert seen.line.startswith("Patch 8 in row 1, column 8 ") and seen.line == python_line(seen)


def test_arrow_keys_walk_over_the_picture_and_up_to_the_class_token(harness):
    seen = harness(of_model(query=6))
    grid = seen.page.get_by_role("slider", name="Query patch", exact=True)
    grid.focus()
    for key, query in (
        ("ArrowUp", 2),
        ("ArrowLeft", 1),
        ("ArrowLeft", 0),
        ("ArrowRight", 1),
        ("ArrowDown", 5),
    ):
        seen.page.keyboard.press(key)
        assert seen.get("query") == query
        assert seen.line == python_line(seen)


def test_the_patch_size_keeps_the_place(harness):
    seen = harness(vision_explorer(predict=False))
    size = seen.page.locator("[data-trait=patch]")
    size.focus()
    seen.page.keyboard.press("ArrowRight")
    assert (seen.get("patch"), seen.get("query")) == (4, 2)
    assert "16 × 16 = 256 weights" in seen.line and seen.line == python_line(seen)
    seen.page.keyboard.press("End")
    assert seen.line == python_line(seen) and seen.line.startswith("The only patch")


def test_the_guess_hides_where_the_patch_looks(harness):
    seen = harness(vision_explorer())
    assert not any(text.startswith("0.") for text in texts(seen))
    seen.page.get_by_role("button", name="A patch farther away").click()
    seen.settle()
    assert "right" in seen.page.locator(".cx-verdict").inner_text()
    assert "0.33" in texts(seen)


def test_every_head_and_the_mean(harness):
    seen = harness(of_model())
    head = seen.page.locator("[data-trait=head]")
    assert head.locator("option").all_text_contents() == ["mean of all", "1", "2", "3"]
    for index in (2, 0):
        head.select_option(index=index)
        seen.settle()
        assert seen.line == python_line(seen)


# -------------------------------------------------------------------- boxes


def test_pressing_a_cell_changes_the_matching_and_the_total_rises(harness):
    seen = harness(of_boxes(), width=900)
    least = seen.explorer.total
    assert seen.get("matched") == [4, 0, 2] and seen.line.endswith("the least there is.")
    table = seen.page.locator(".cx-picture .cx-pick").nth(0)
    box = table.bounding_box()
    seen.page.mouse.click(box["x"] + 0.5 / 3 * box["width"], box["y"] + 0.5 / 6 * box["height"])
    assert seen.get("matched") == [0, 4, 2] and seen.get("query") == 0
    assert seen.line == python_line(seen) and seen.explorer.total > least
    seen.page.get_by_role("button", name="Least total").click()
    seen.settle()
    assert seen.get("matched") == [4, 0, 2]


def test_the_matching_changes_by_keyboard_too(harness):
    seen = harness(of_boxes())
    seen.page.get_by_label("1: three").select_option(label="query 3")
    assert seen.get("matched") == [2, 0, 4]
    assert seen.line == python_line(seen)


def test_the_threshold_hides_boxes(harness):
    seen = harness(of_boxes(threshold=0.0))
    boxes = seen.page.locator(".cx-picture rect[style*='--cx-soft']")
    many = boxes.count()
    assert many == 5  # all but the chosen one
    seen.page.locator("[data-trait=threshold]").focus()
    seen.page.keyboard.press("End")
    seen.settle()
    assert boxes.count() == 0 and "0 of 6 boxes reach the threshold 1.00" in seen.line


# -------------------------------------------------------------------- captions


def test_words_are_written_one_by_one(harness):
    seen = harness(of_caption())
    for t in range(6):
        shown = texts(seen)
        assert WORDS[t] in shown and seen.page.locator(".cx-masked").count() == 5 - t
        assert seen.line == python_line(seen)
        seen.page.get_by_role("button", name="Write the next word").click()
        seen.settle()
    assert seen.get("word") == 5


def test_a_press_on_a_word_goes_there(harness):
    seen = harness(of_caption(word=5), width=900)
    seen.page.locator(".cx-picture text", has_text="left").first.scroll_into_view_if_needed()
    box = seen.page.locator(".cx-picture text", has_text="left").first.bounding_box()
    seen.page.mouse.click(box["x"] + 4, box["y"] + 4)
    assert seen.get("word") == 2


# -------------------------------------------------------------------- all views


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("width", [460, 640, 960])
def test_nothing_is_clipped_or_covered_in_any_view(harness, view, width):
    from axe_playwright_python.sync_playwright import Axe
    from test_kit import CLIPPED, COVERED

    seen = harness(VIEWS[view](), width=width, theme="dark" if width == 640 else "light")
    if view == "patches":
        seen.skip_guess()
    for preset in seen.explorer.presets():
        seen.page.get_by_role("button", name=preset, exact=True).click()
        seen.settle()
        assert seen.page.evaluate(CLIPPED) == [], preset
        assert seen.page.evaluate(COVERED) == [], preset
        assert seen.line == python_line(seen)
    report = Axe().run(seen.page, context=".cx")
    assert report.violations_count == 0, report.generate_report()


@pytest.mark.parametrize("view", ["model", "boxes", "caption"])
def test_reset_and_pin_in_every_view(harness, view):
    seen = harness(VIEWS[view](), width=960)
    start = seen.explorer.state()
    seen.page.get_by_role("button", name="Pin").click()
    seen.page.locator(".cx-presets button").last.click()
    seen.settle()
    assert seen.page.locator(".cx-picture").count() == 2
    seen.page.get_by_role("button", name="Reset").click()
    seen.settle()
    assert {name: seen.get(name) for name in start} == start
