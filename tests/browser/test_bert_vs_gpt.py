"""The bert_vs_gpt explorer, as a reader uses it."""

import nbformat
import numpy as np
import pytest

from course_lib.explorers import bert_vs_gpt_explorer
from course_lib.explorers.bert_vs_gpt import TOY_TEXT

OVER = """() => {
  const stage = document.querySelector('.cx-stage').getBoundingClientRect();
  return [...document.querySelectorAll('.cx-picture text')].filter((text) => {
    const box = text.getBoundingClientRect();
    return box.left < stage.left - 1 || box.right > stage.right + 1 || box.top < stage.top;
  }).map((text) => text.textContent);
}"""


@pytest.fixture
def seen(harness):
    return harness(bert_vs_gpt_explorer(predict=False), width=960)


def picture(seen) -> list[str]:
    return seen.page.locator(".cx-picture text").all_text_contents()


def place_of(seen, text: str, which: int = 0) -> tuple[float, float]:
    box = seen.page.locator(".cx-picture text").get_by_text(text, exact=True).nth(which).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_every_position_says_what_python_says(seen):
    seen.page.locator("[data-trait=position]").fill("0")
    for position in range(9):
        assert seen.get("position") == position
        assert seen.line == bert_vs_gpt_explorer(position=position).line
        seen.page.locator("[data-trait=position]").press("ArrowRight")


def test_gpt_never_shows_a_later_word(seen):
    words = TOY_TEXT.split()
    for position in (2, 6, 8):
        seen.page.locator("[data-trait=position]").fill(str(position))
        seen.settle()
        rows = picture(seen)
        gpt = rows[rows.index("GPT") :][: rows[rows.index("GPT") :].index("BERT")]
        assert [t for t in gpt if t in words] == words[:position]
        assert "?" in gpt and "[MASK]" in rows
        assert seen.page.locator(".cx-masked").count() == (position < 8)


def test_a_press_on_a_token_hides_it_and_a_drag_goes_along_the_row(seen):
    seen.page.mouse.click(*place_of(seen, "are"))
    assert seen.get("position") == 6
    seen.page.mouse.down()
    seen.page.mouse.move(*place_of(seen, "near"), steps=5)
    seen.page.mouse.up()
    assert seen.get("position") == 3
    assert seen.line == bert_vs_gpt_explorer(position=3).line


def test_the_hidden_words_own_bar_is_marked(seen):
    assert seen.page.locator(".cx-bar.cx-query").count() == 2
    assert {"0.38", "0.10", "'cows' gets 0.38", "'cows' gets 0.10", "entropy 1.31 nats"} <= set(picture(seen))


def test_the_guess_hides_both_distributions(harness):
    seen = harness(bert_vs_gpt_explorer())
    shown = picture(seen)
    assert shown.count("?") == 3  # two panels and GPT's next token
    assert not any(text.startswith("0.") or "entropy" in text for text in shown)
    seen.page.get_by_role("button", name="GPT", exact=True).click()
    seen.settle()
    assert "never sees what comes later" in seen.page.locator(".cx-verdict").inner_text()
    assert "0.38" in picture(seen)


def test_the_challenge_is_solved_where_the_right_side_does_not_help(seen):
    for preset in seen.explorer.presets():
        seen.page.get_by_role("button", name=preset, exact=True).click()
        assert seen.get("solved") is False
    seen.page.get_by_role("button", name="Reset").click()
    seen.page.locator("[data-trait=position]").fill("7")
    assert seen.get("solved") is True


def test_without_a_kernel_the_field_is_shut_and_presets_still_work(seen):
    assert seen.page.get_by_role("textbox", name="Your sentence").is_disabled()
    assert "needs a running kernel" in seen.page.locator(".cx-controls").inner_text()
    seen.page.get_by_role("button", name="Other noun in front").click()
    seen.settle()
    assert "Token 6 of 9, 'mouse', is hidden." in seen.line


def test_no_field_where_there_are_only_arrays(harness):
    rows = np.random.default_rng(0).dirichlet(np.ones(3), (2, 2))
    seen = harness(bert_vs_gpt_explorer(["a", "b"], *rows, ["a", "b", "c"], predict=False))
    assert seen.page.locator("[data-trait=text]").count() == 0
    assert seen.line == seen.explorer.line


@pytest.mark.parametrize("width", [460, 640, 960])
def test_long_texts_stay_in_the_card(harness, width):
    from test_kit import CLIPPED, COVERED

    tokens = [f"word{i}" if i % 3 else f"averyverylongword{i}" for i in range(40)]
    rows = np.random.default_rng(0).dirichlet(np.ones(40) * 0.1, (2, 40))
    for position in (0, 20, 39):
        seen = harness(
            bert_vs_gpt_explorer(tokens, *rows, tokens, position=position, predict=False), width=width
        )
        for wrong in (OVER, CLIPPED, COVERED):
            assert seen.page.evaluate(wrong) == []
        assert seen.line == seen.explorer.line


CELLS = [
    "from course_lib.explorers import bert_vs_gpt_explorer\nex = bert_vs_gpt_explorer()",
    "ex",
    "print(ex.line)",
]


def test_the_kernel_asks_both_models_about_the_readers_sentence(jupyterlab):
    cells = [nbformat.v4.new_code_cell(text) for text in CELLS]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), jupyterlab.folder / "both.ipynb")
    page = jupyterlab.open("both.ipynb")
    jupyterlab.run_all(page)
    page.get_by_role("button", name="Skip the guess").click()
    field = page.get_by_role("textbox", name="Your sentence")
    field.fill("the old mice sing today .")
    field.press("Enter")
    page.locator(".cx-line", has_text="Token 1 of 6, 'the', is hidden.").wait_for()
    field.fill("the old fish sing today .")
    field.press("Enter")
    page.get_by_role("alert").get_by_text("'fish', which is not in the vocabulary").wait_for()
    page.get_by_role("button", name="Reset").click()
    page.locator(".cx-line", has_text="Token 3 of 9, 'cows', is hidden.").wait_for()
    page.close()
