"""The mask explorer, as a reader uses it."""

import pytest

from course_lib.explorers import mask_explorer

TEXTS = ".cx-on-weak, .cx-on-strong"


@pytest.fixture
def seen(harness):
    return harness(mask_explorer(predict=False), width=960)


def cell(seen, query, key):
    return seen.page.locator(f'[data-cell="{query},{key}"]')


def middle(seen, query, key):
    box = cell(seen, query, key).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def choose(seen, preset):
    seen.page.get_by_role("button", name=preset, exact=True).click()
    seen.settle()


def python_line(seen):
    """What Python says for the state that the page has."""
    again = mask_explorer(predict=False)
    again.load_state({name: seen.get(name) for name in again.state_names()})
    return again.line


def texts(seen):
    return seen.page.locator(".cx-picture text").all_text_contents()


def test_hidden_cells_are_hatched_and_the_others_print_their_weights(seen):
    assert seen.page.locator("[data-cell] .cx-masked").count() == 15
    printed = seen.page.locator(TEXTS).all_text_contents()
    weights, mask = seen.explorer.weights, seen.explorer.mask
    assert printed == [f"{w:.2f}" for w in weights[mask]]
    assert texts(seen).count("1.00") == 6 + printed.count("1.00")


def test_a_press_turns_a_cell_over_and_back(seen):
    seen.page.mouse.click(*middle(seen, 1, 5))
    assert seen.get("painted") == [[1, 5, 1]]
    assert cell(seen, 1, 5).get_attribute("aria-pressed") == "true"
    assert seen.page.locator("[data-cell] .cx-masked").count() == 14
    assert seen.line == python_line(seen)
    seen.page.mouse.click(*middle(seen, 3, 0))
    assert seen.get("painted") == [[1, 5, 1], [3, 0, 0]]
    seen.page.mouse.click(*middle(seen, 1, 5))
    assert seen.get("painted") == [[3, 0, 0]]  # (1, 5) is as the rules have it: not painted


def test_a_drag_gives_every_cell_the_first_ones_state(seen):
    seen.page.mouse.move(*middle(seen, 4, 1))
    seen.page.mouse.down()
    for key in (0, 1, 2, 3, 4, 5):  # 5 is hidden already and stays so
        seen.page.mouse.move(*middle(seen, 4, key), steps=3)
    seen.page.mouse.up()
    assert seen.get("painted") == [[4, key, 0] for key in range(5)]
    assert "'the₂' may look at nothing: its weights and its output are all 0." in seen.line
    assert "empty" in texts(seen)
    seen.page.get_by_role("button", name="Clear paint").click()
    assert seen.get("painted") == []
    assert seen.page.get_by_role("button", name="Clear paint").is_disabled()


def test_arrows_walk_the_grid_and_the_space_bar_paints(seen):
    focusable = seen.page.locator("[data-cell][tabindex='0']")
    assert focusable.count() == 1
    focusable.focus()
    for key in ("ArrowUp", "ArrowDown", "ArrowRight", "ArrowRight", "Space"):
        seen.page.keyboard.press(key)
    assert seen.get("painted") == [[1, 2, 1]]
    assert seen.page.evaluate("document.activeElement.dataset.cell") == "1,2"
    assert focusable.count() == 1 and focusable.get_attribute("data-cell") == "1,2"
    assert focusable.get_attribute("aria-label").startswith("'cat' looks at 'sat', weight 0.")
    seen.page.keyboard.press("Enter")
    assert seen.get("painted") == []


def test_the_late_mask_shows_what_it_threw_away(seen):
    choose(seen, "Mask after softmax")
    struck = seen.page.locator("[data-cell] text[text-decoration]").all_text_contents()
    explorer = mask_explorer(after=True)
    results = explorer.compute()
    assert struck == [f"{w:.2f}" for w in results["unmasked"][~results["mask"]]]
    assert f"{explorer.row_sums[1]:.2f}" in texts(seen)
    assert seen.line.endswith("not to 1.")


def test_a_replaced_token_is_named_and_leaks_are_marked(seen):
    choose(seen, "A leak")
    assert texts(seen).count("leak") == 1
    assert "'mat' is now 'dog'" in texts(seen)
    assert seen.line.endswith(
        "1 through a leak ('cat' by " + f"{mask_explorer(preset='A leak').moved[1]:.2f})."
    )
    choose(seen, "Causal")
    assert "leak" not in texts(seen)


def test_the_late_mask_with_a_replaced_token_solves_the_challenge(seen):
    choose(seen, "A leak")
    assert seen.get("solved") is False
    choose(seen, "Mask after softmax")
    assert seen.get("solved") is False
    seen.page.locator("[data-trait=changed]").select_option("mat")
    assert seen.get("solved") is True
    assert texts(seen).count("leak") == 5


def test_a_challenge_can_ask_for_a_cell(harness):
    explorer = mask_explorer(predict=False)
    explorer.challenge("Let 'the' see 'cat'.", "mask[0][1] > 0.5")
    seen = harness(explorer, width=960)
    seen.page.mouse.click(*middle(seen, 0, 2))
    assert seen.get("solved") is False
    seen.page.mouse.click(*middle(seen, 0, 1))
    assert seen.get("solved") is True


def test_padding_and_window_by_their_sliders(seen):
    for trait, times in (("real", 2), ("window", 3)):
        seen.page.locator(f"[data-trait={trait}]").focus()
        for _ in range(times):
            seen.page.keyboard.press("ArrowRight")
    assert (seen.get("real"), seen.get("window")) == (4, 3)
    assert {"pad₁", "pad₂"} <= set(texts(seen))
    assert "pad₂" in seen.page.locator("[data-trait=changed]").inner_text()
    assert seen.line == python_line(seen)


def test_the_guess_hides_weights_and_sums_and_nothing_can_be_painted(harness):
    seen = harness(mask_explorer(), width=960)
    assert texts(seen).count("?") == 21 + 6
    assert not any(text.replace(".", "").isdigit() for text in texts(seen))
    assert seen.page.locator("[data-cell]").count() == 0
    seen.page.get_by_role("button", name="1, as in every row").click()
    seen.settle()
    assert "nothing shares them out again" in seen.page.locator(".cx-verdict").inner_text()
    assert seen.get("after") is True
    assert "but after softmax" in seen.line


@pytest.mark.parametrize("changed", [None, 4])
@pytest.mark.parametrize("width", [460, 640])
def test_eight_tokens_fit_a_narrow_page(harness, width, changed):
    text = "we wait for it because trains are late"
    explorer = mask_explorer(text, after=True, changed=changed, predict=False)
    seen = harness(explorer, width=width)
    assert len(seen.page.locator(TEXTS).all_text_contents()) == (36 if width == 640 else 0)
    assert seen.line == explorer.line
    cut = seen.page.evaluate(
        """() => {
          const stage = document.querySelector('.cx-stage').getBoundingClientRect();
          return [...document.querySelectorAll('.cx-picture text')].filter((text) => {
            const box = text.getBoundingClientRect();
            return box.left < stage.left || box.right > stage.right;
          }).map((text) => text.textContent);
        }"""
    )
    assert cut == []
