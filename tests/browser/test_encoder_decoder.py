"""The encoder_decoder explorer, as a reader uses it."""

import nbformat
import numpy as np
import pytest

from course_lib.explorers import encoder_decoder_explorer

LIVE = """card => { window.explorerModel.set('card', card); }"""
OVER = """() => {
  const stage = document.querySelector('.cx-stage').getBoundingClientRect();
  return [...document.querySelectorAll('.cx-picture text')]
    .filter((node) => node.getBoundingClientRect().right > stage.right + 1).map((node) => node.textContent);
}"""
WORDS = "the seven small dogs of my old neighbour were sleeping under our big green tree".split()
MOTS = "les sept petits chiens de mon vieux voisin dormaient sous notre grand arbre vert".split()


def backwards(text):
    """The words of the text in the opposite order, each looking at its own."""
    words = text.split()
    if "?" in text:
        raise LookupError(f"no word for {text}")
    return words[::-1], np.eye(len(words))[::-1]


def of_characters(**more):
    weights = np.random.default_rng(0).dirichlet(np.ones(20) * 0.2, 10)
    return encoder_decoder_explorer("on the 4 July 1987 !", "1987-07-04", weights, predict=False, **more)


def of_words(n, m, **more):
    rng = np.random.default_rng(1)
    own = np.tril(rng.uniform(0, 1, (4, n, n))) + 1e-3 * np.eye(n)
    source, target = (WORDS * 3)[:m], (MOTS * 3)[:n]
    cross = rng.dirichlet(np.ones(m) * 0.2, (4, n))
    return encoder_decoder_explorer(
        source, target, cross, own / own.sum(-1, keepdims=True), predict=False, **more
    )


def picture(seen) -> list[str]:
    return seen.page.locator(".cx-picture text").all_text_contents()


@pytest.fixture
def seen(harness):
    return harness(encoder_decoder_explorer(predict=False, step=0), width=960)


# -------------------------------------------------------------------- stepping


def test_write_the_next_goes_through_the_steps_and_no_later_word_can_be_read(seen):
    words = ["the", "black", "cat", "does", "not", "sleep"]
    for step in range(6):
        assert seen.get("step") == step
        assert seen.line == encoder_decoder_explorer(step=step).line
        shown = picture(seen)
        assert set(words[: step + 1]) <= set(shown)
        assert not set(words[step + 1 :]) & set(shown)
        seen.page.get_by_role("button", name="Write the next token").click()
    assert seen.get("step") == 5


def test_the_wall_is_hatched_until_the_last_step(seen):
    assert seen.page.locator(".cx-masked").count() == 2  # in the row and beside the map
    assert "5 tokens not yet written" in picture(seen)
    seen.page.get_by_role("button", name="Last step").click()
    seen.settle()
    assert seen.page.locator(".cx-masked").count() == 0


def test_weights_are_printed_at_source_and_own_tokens(seen):
    seen.page.locator("[data-trait=step]").focus()
    for _ in range(4):
        seen.page.keyboard.press("ArrowRight")
    seen.settle()
    assert {"0.40", "0.50", "0.70", "0.18"} <= set(picture(seen))
    seen.page.locator("[data-trait=head]").select_option(index=1)
    seen.settle()
    assert {"0.64", "0.14", "0.50", "0.30"} <= set(picture(seen))
    assert seen.line == encoder_decoder_explorer(step=4, head=1).line


# -------------------------------------------------------------------- pressing on things


def test_a_press_on_a_source_token_asks_who_looked_at_it(seen):
    seen.page.get_by_role("button", name="Last step").click()
    seen.settle()
    box = seen.page.locator(".cx-picture text", has_text="dort").first.bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    seen.page.mouse.click(*middle)
    assert seen.get("chosen") == 4
    assert "Who looked at 'dort'?" in picture(seen)
    assert seen.line == encoder_decoder_explorer(step=5, chosen=4).line
    seen.page.mouse.click(*middle)
    assert seen.get("chosen") is None


def test_the_column_holds_only_what_is_written(seen):
    seen.page.locator("[data-trait=chosen]").select_option(label="'chat'")
    seen.page.locator("[data-trait=step]").focus()
    seen.page.keyboard.press("ArrowRight")
    seen.settle()
    assert "0.12" in picture(seen) and "0.84" not in picture(seen)
    seen.page.keyboard.press("ArrowRight")
    seen.settle()
    assert "0.84" in picture(seen)


def test_a_press_on_a_row_of_the_map_or_a_written_token_goes_to_its_step(seen):
    box = seen.page.locator(".cx-pick").first.bounding_box()
    seen.page.mouse.click(box["x"] + 5, box["y"] + box["height"] * 4.5 / 6)
    assert seen.get("step") == 4
    box = seen.page.locator(".cx-picture text", has_text="black").first.bounding_box()
    seen.page.mouse.click(box["x"] + 5, box["y"] + 5)
    assert seen.get("step") == 1


def test_the_guess_hides_every_weight(harness):
    seen = harness(encoder_decoder_explorer())
    shown = picture(seen)
    assert shown.count("?") == 2 and not any(text.startswith("0.") for text in shown)
    assert "cat" in shown and "does" not in shown
    seen.page.get_by_role("button", name="'noir'").click()
    seen.settle()
    assert "the same place in its row" in seen.page.locator(".cx-verdict").inner_text()
    assert "0.84" in picture(seen)


def test_the_challenge_is_solved_by_the_widest_row(seen):
    seen.page.locator("[data-trait=step]").focus()
    for _ in range(5):
        seen.page.keyboard.press("ArrowRight")
    seen.page.locator("[data-trait=head]").select_option(index=1)
    assert seen.get("solved") is False
    seen.page.get_by_role("button", name="First step").click()
    seen.settle()
    assert seen.get("solved") is True


# -------------------------------------------------------------------- long rows


@pytest.mark.parametrize("width", [460, 640, 960])
def test_long_rows_stay_in_the_card_and_numbers_apart(harness, width):
    from test_kit import CLIPPED

    for explorer in (of_characters(step=6), of_words(12, 14, step=7), of_words(20, 40, step=13, head=2)):
        seen = harness(explorer, width=width)
        assert seen.page.evaluate(OVER) == [] and seen.page.evaluate(CLIPPED) == []
        assert seen.line == explorer.line
        numbers = [
            node.bounding_box()
            for node in seen.page.locator(".cx-picture text").all()
            if node.text_content().startswith("0.")
        ]
        for i, a in enumerate(numbers):
            for b in numbers[:i]:
                assert abs(a["y"] - b["y"]) > 8 or abs(a["x"] - b["x"]) > 24


# -------------------------------------------------------------------- the reader's own text


@pytest.fixture
def live(harness, monkeypatch):
    """The page as a notebook with a kernel shows it; `translated()` does what Python does with a new text."""
    explorer = encoder_decoder_explorer("le chat dort", translate=backwards, predict=False)
    monkeypatch.setattr(explorer, "_page_card", lambda: explorer.card, raising=False)
    seen = harness(explorer)

    def translated():
        explorer.load_state({name: seen.get(name) for name in explorer.state_names()})
        for name, value in (*explorer.state().items(), ("error", explorer.error)):
            seen.page.evaluate("([name, value]) => window.explorerModel.set(name, value)", [name, value])
        seen.page.evaluate(LIVE, explorer.card)
        seen.settle()

    seen.translated = translated
    return seen


def test_a_text_is_translated_and_the_controls_follow(live):
    field = live.page.get_by_role("textbox", name="Your source")
    field.fill("un deux trois quatre")
    field.press("Enter")
    assert live.get("text") == "un deux trois quatre"
    assert live.line == "Python is translating 'un deux trois quatre' …"
    live.translated()
    assert live.line == live.explorer.line
    assert live.line.startswith(
        "Step 1 of 4: nothing is written; to write 'quatre', the decoder looks most at"
    )
    assert live.page.locator("[data-trait=step]").get_attribute("max") == "3"
    options = live.page.locator("[data-trait=chosen] option").all_text_contents()
    assert options == ["–", "'un'", "'deux'", "'trois'", "'quatre'"]
    live.page.get_by_role("button", name="Reset").click()
    live.translated()
    assert live.line == live.explorer.line and "'le'" in live.line


def test_what_the_function_raises_stands_in_the_card(live):
    live.page.get_by_role("textbox", name="Your source").fill("quoi ?")
    live.page.get_by_role("button", name="Translate").click()
    live.translated()
    assert "LookupError: no word for quoi ?" in live.page.get_by_role("alert").inner_text()
    live.page.get_by_role("textbox", name="Your source").fill("un deux")
    live.page.get_by_role("button", name="Translate").click()
    live.translated()
    assert not live.page.get_by_role("alert").is_visible()
    assert live.line == live.explorer.line


def test_without_a_kernel_the_field_is_shut_and_says_why(harness):
    seen = harness(encoder_decoder_explorer("le chat dort", translate=backwards, predict=False))
    assert seen.page.get_by_role("textbox", name="Your source").is_disabled()
    assert seen.page.get_by_role("button", name="Translate").is_disabled()
    assert "needs a running kernel" in seen.page.locator(".cx-controls").inner_text()
    seen.page.get_by_role("button", name="First step").click()
    seen.settle()
    assert seen.line.startswith("Step 1 of 3")


def test_no_field_where_there_is_no_function(seen):
    assert seen.page.locator("[data-trait=text]").count() == 0


# -------------------------------------------------------------------- with a kernel

CELLS = [
    "import numpy as np\n"
    "from course_lib.explorers import encoder_decoder_explorer\n"
    "def backwards(text):\n"
    "    if '?' in text: raise LookupError('no such word')\n"
    "    words = text.split()\n"
    "    return words[::-1], np.eye(len(words))[::-1]\n"
    "ex = encoder_decoder_explorer('le chat dort', translate=backwards)",
    "ex",
    "print(ex.line)",
]


def test_the_kernel_translates_what_the_reader_writes(jupyterlab):
    cells = [nbformat.v4.new_code_cell(text) for text in CELLS]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), jupyterlab.folder / "own.ipynb")
    page = jupyterlab.open("own.ipynb")
    jupyterlab.run_all(page)
    page.get_by_role("button", name="Skip the guess").click()
    field = page.get_by_role("textbox", name="Your source")
    field.fill("a b d d")  # d d and a are commands of the notebook
    field.press("Enter")
    page.locator(".cx-line", has_text="Step 1 of 4: nothing is written; to write 'd' (place 1)").wait_for()
    field.fill("why ?")
    field.press("Enter")
    page.get_by_role("alert").get_by_text("LookupError: no such word").wait_for()
    field.fill("un deux")
    field.press("Enter")
    page.locator(".cx-line", has_text="Step 1 of 2: nothing is written; to write 'deux'").wait_for()
    page.locator("[data-trait=step]").focus()
    page.keyboard.press("ArrowRight")
    page.locator(".cx-line", has_text="Step 2 of 2: 'deux' is written; to write 'un'").wait_for()
    said = page.locator(".cx-line").inner_text()
    page.wait_for_timeout(300)
    reading = page.locator(".jp-Notebook .jp-Cell").nth(2)
    reading.locator(".cm-content").click()
    jupyterlab.command(page, "notebook:run-cell")
    reading.locator(".jp-OutputArea-output", has_text="Step 2 of 2").wait_for()
    assert reading.locator(".jp-OutputArea-output").inner_text().strip() == said
    assert page.locator(".jp-Notebook .jp-Cell").count() == len(CELLS)
    page.close()
