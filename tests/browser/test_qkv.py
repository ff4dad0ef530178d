"""The qkv explorer, as a reader uses it."""

import pytest

from course_lib.explorers import qkv_explorer

PRINTED = ".cx-on-weak, .cx-on-strong"


@pytest.fixture
def seen(harness):
    return harness(qkv_explorer(predict=False), width=960)


def field(seen, name, row, column):
    return seen.page.locator(f"[data-trait='{name}[{row}][{column}]']")


def python_line(seen):
    """What Python says for the state that the page has."""
    again = qkv_explorer(predict=False)
    script = "names => Object.fromEntries(names.map(name => [name, window.explorerModel.get(name)]))"
    again.load_state(seen.page.evaluate(script, again.state_names()))
    return again.line


def printed(seen):
    return seen.page.locator(PRINTED).all_text_contents()


def texts(seen):
    return seen.page.locator(".cx-picture text").all_text_contents()


def test_typing_into_w_v_moves_the_output_and_no_weight(seen):
    before, weights = seen.line, printed(seen)
    assert weights == [f"{w:.2f}" for w in seen.explorer.weights.ravel()]
    field(seen, "W_V", 0, 0).fill("-1.25")
    assert seen.get("W_V") == [[-1.25, 1], [1, 0]]
    assert printed(seen) == weights
    assert seen.line == python_line(seen) != before
    assert texts(seen).count("as at the start") == 2
    assert any(text.startswith("moved by ") for text in texts(seen))
    assert seen.page.locator("select[data-trait=W_V]").input_value() == "own numbers"


def test_half_a_number_is_left_alone_until_the_field_is_left(seen):
    entry = field(seen, "W_K", 0, 1)
    entry.fill("")
    seen.page.keyboard.type("-")
    seen.settle()
    assert seen.get("W_K") == [[1, 0], [0, 1]]
    seen.page.keyboard.type("2.5")
    assert seen.get("W_K") == [[1, -2.5], [0, 1]]
    assert entry.input_value() == "-2.5"
    entry.fill("9")  # more than an entry may be
    assert seen.get("W_K") == [[1, 3], [0, 1]]
    entry.fill("")
    field(seen, "W_K", 0, 0).focus()
    seen.settle()
    assert entry.input_value() == "3"


def test_arrow_keys_step_an_entry(seen):
    entry = field(seen, "W_Q", 1, 1)
    entry.focus()
    for key in ("ArrowUp", "ArrowUp", "ArrowDown", "Shift+ArrowUp"):
        seen.page.keyboard.press(key)
    assert seen.get("W_Q") == [[0, -1], [1, 0.6]]
    assert entry.input_value() == "0.6"
    assert seen.line == python_line(seen)


def test_a_named_matrix_fills_its_fields(seen):
    seen.page.locator("select[data-trait=W_K]").select_option("quarter turn")
    assert seen.get("W_K") == [[0, -1], [1, 0]]
    assert [field(seen, "W_K", i, j).input_value() for i in (0, 1) for j in (0, 1)] == ["0", "-1", "1", "0"]
    assert "not as at the start" in texts(seen)
    assert seen.line == python_line(seen)


def test_turning_both_and_another_w_v_solve_the_challenge(seen):
    weights = printed(seen)
    seen.page.get_by_role("button", name="Turn queries and keys").click()
    assert seen.get("solved") is False
    assert printed(seen) == weights and "as at the start" in texts(seen)
    seen.page.locator("select[data-trait=W_V]").select_option("mirror")
    assert seen.get("solved") is True
    assert printed(seen) == weights


def test_dragging_a_token_and_moving_it_with_the_keys(seen):
    handle = seen.page.get_by_role("slider", name="Token 'cats'")
    box = handle.locator(".cx-hit").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    seen.page.mouse.move(x, y)
    seen.page.mouse.down()
    seen.page.mouse.move(x - 60, y + 40, steps=6)
    seen.page.mouse.up()
    vectors = seen.get("vectors")
    assert vectors[0][0] < 0 and vectors[1:] == qkv_explorer().vectors[1:]
    assert seen.line == python_line(seen)
    seen.page.keyboard.press("ArrowRight")
    assert seen.get("vectors")[0][0] == pytest.approx(vectors[0][0] + 0.1)


def test_a_row_of_the_map_chooses_who_asks(seen):
    box = seen.page.locator(".cx-pick").bounding_box()
    seen.page.mouse.click(box["x"] + 9, box["y"] + box["height"] * 2.5 / 3)
    assert seen.get("query") == 2
    assert seen.line == python_line(seen)
    assert "query of 'mice'" in texts(seen)
    seen.page.locator("[data-trait=query]").select_option("cats")
    assert seen.get("query") == 0


def test_the_guess_hides_the_weights_and_the_mixture(harness):
    seen = harness(qkv_explorer(), width=960)
    assert printed(seen) == [] and "output" not in texts(seen)
    assert texts(seen).count("?") == 1 + 3 + 1
    seen.page.get_by_role("button", name="Both", exact=True).click()
    seen.settle()
    assert "made of W_Q and W_K alone" in seen.page.locator(".cx-verdict").inner_text()
    assert seen.get("W_V") == [[1, 0], [0, 1]]
    assert texts(seen).count("as at the start") == 2


@pytest.mark.parametrize("width", [460, 640])
def test_four_tokens_and_large_entries_stay_in_the_picture(harness, width):
    explorer = qkv_explorer(
        "one two three four", W_Q=[[3, -3], [3, 3]], W_V=[[3, 3], [-3, 3]], predict=False,
        vectors=[[3, 3], [-3, 2], [0, 0], [1, -3]],
    )  # fmt: skip
    seen = harness(explorer, width=width)
    assert seen.line == explorer.line
    cut = seen.page.evaluate(
        """() => {
          const stage = document.querySelector('.cx-stage').getBoundingClientRect();
          return [...document.querySelectorAll('.cx-picture text, .cx-picture polygon')].filter((part) => {
            const box = part.getBoundingClientRect();
            return box.left < stage.left || box.right > stage.right || box.bottom > stage.bottom;
          }).map((part) => part.textContent);
        }"""
    )
    assert cut == []
