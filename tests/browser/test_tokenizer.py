"""The tokenizer explorer, as a reader uses it."""

import pytest

from course_lib.explorers import tokenizer_explorer


@pytest.fixture
def seen(harness):
    return harness(tokenizer_explorer(predict=False), width=960)


def python_line(seen):
    """What Python says for the state that the page has."""
    again = tokenizer_explorer(predict=False)
    script = "names => Object.fromEntries(names.map(name => [name, window.explorerModel.get(name)]))"
    again.load_state(seen.page.evaluate(script, again.state_names()))
    return again.line


def texts(seen):
    return seen.page.locator(".cx-picture text").all_text_contents()


def press(seen, name):
    seen.page.get_by_role("button", name=name, exact=True).click()
    seen.settle()


def write(seen, text):
    seen.page.locator("[data-trait=text]").fill(text)
    seen.settle()


def test_what_is_typed_is_cut_at_once(seen):
    field = seen.page.locator("[data-trait=text]")
    field.fill("")
    seen.settle()
    assert seen.line == "Type a text: it is cut as you write." == python_line(seen)
    field.press_sequentially("headaches 東")
    assert seen.get("text") == "headaches 東" and seen.line == python_line(seen)
    press(seen, "All merges")
    assert seen.get("text") == tokenizer_explorer().text
    write(seen, "headache")
    assert "'headache' is 3: head|a|che" in seen.line and {"head", "a", "che"} <= set(texts(seen))


def test_merges_are_played_one_at_a_time(seen):
    press(seen, "No merge")
    assert "No merge yet: single bytes" in texts(seen)
    press(seen, "Next merge")
    assert seen.get("n_merges") == 1 and "Merge 1 of 1,129" in texts(seen)
    assert seen.line == python_line(seen) and "'␣' and 't'" in seen.line
    press(seen, "Next in this text")
    assert seen.get("n_merges") == 2
    write(seen, "attention")
    press(seen, "Next in this text")
    explorer = tokenizer_explorer("attention", n_merges=seen.get("n_merges"))
    assert explorer.compute()["here"] == 1 and seen.line == python_line(seen)


def test_the_last_merge_is_marked_in_the_text(seen):
    assert seen.page.locator(".cx-picture rect.cx-query-wash").count() == 2  # in the text and in the panel
    assert texts(seen).count("␣words") == 2


def test_the_keys_move_by_one_merge_at_the_left_and_reach_the_end(seen):
    seen.page.locator("[data-trait=n_merges]").focus()
    seen.page.keyboard.press("End")
    assert seen.get("n_merges") == 1129
    press(seen, "No merge")
    seen.page.locator("[data-trait=n_merges]").focus()
    for wanted in (1, 2, 3):
        seen.page.keyboard.press("ArrowRight")
        assert seen.get("n_merges") == wanted


def test_pressing_the_curve_goes_there(seen):
    box = seen.page.locator(".cx-pick").bounding_box()
    seen.page.mouse.click(box["x"] + box["width"] - 1, box["y"] + 20)
    assert 1090 < seen.get("n_merges") <= 1129
    seen.page.mouse.click(box["x"] + 1, box["y"] + 20)
    assert seen.get("n_merges") == 0 and seen.line == python_line(seen)


def test_bytes_of_other_scripts_and_a_round_of_presets(seen):
    press(seen, "Another script")
    assert {"CE", "9A", "E6", "F0"} <= set(texts(seen)) and "29 tokens" in texts(seen)
    press(seen, "One word, three ways")
    assert seen.line == python_line(seen)


def test_the_challenge_wants_the_fewest(seen):
    press(seen, "All merges")
    assert seen.get("solved") is False
    press(seen, "No merge")
    write(seen, " attention")
    for _ in range(9):  # ten bytes become one token in nine merges or fewer
        if not seen.get("solved"):
            press(seen, "Next in this text")
    assert seen.get("solved") is True and seen.get("n_merges") == 472


def test_the_guess_hides_the_pieces(harness):
    seen = harness(tokenizer_explorer(), width=960)
    assert texts(seen).count("?") == 1 and "␣not" not in texts(seen)
    press(seen, "All of them")
    assert "Tokens are not words." in seen.page.locator(".cx-verdict").inner_text()
    assert "␣not" in texts(seen)


def test_the_longest_text_is_cut_within_a_frame(harness):
    seen = harness(tokenizer_explorer("attention headache " * 10 + "new words", predict=False), width=960)
    took = seen.page.evaluate(
        """() => {
          const model = window.explorerModel, times = [];
          for (let i = 0; i < 20; i++) {
            const begin = performance.now();
            const text = model.get('text').slice(0, 190) + i;
            window.explorerFamily.compute({ text, n_merges: 40 * i }, model.get('card').facts);
            times.push(performance.now() - begin);
          }
          return times.sort((a, b) => a - b)[10];
        }"""
    )
    assert took < 17
