"""The sampling explorer, as a reader uses it."""

import numpy as np
import pytest

from course_lib.explorers import sampling_explorer


@pytest.fixture
def seen(harness):
    return harness(sampling_explorer(predict=False), width=960)


def python_line(seen, **arguments):
    """What Python says for the state that the page has."""
    again = sampling_explorer(predict=False, **arguments)
    script = "names => Object.fromEntries(names.map(name => [name, window.explorerModel.get(name)]))"
    again.load_state(seen.page.evaluate(script, again.state_names()))
    return again.line


def texts(seen):
    return seen.page.locator(".cx-picture text").all_text_contents()


def keys(seen, trait, key, times):
    seen.page.locator(f"[data-trait={trait}]").focus()
    for _ in range(times):
        seen.page.keyboard.press(key)
    seen.settle()


def press(seen, name):
    seen.page.get_by_role("button", name=name, exact=True).click()
    seen.settle()


def test_the_keys_move_the_temperature_down_to_greedy(seen):
    keys(seen, "temperature", "ArrowRight", 3)
    assert seen.get("temperature") == 1.15 and seen.line == python_line(seen)
    keys(seen, "temperature", "Home", 1)
    assert seen.get("temperature") == 0 and "0, greedy" in seen.card.inner_text()
    assert seen.line.startswith("Temperature 0 is greedy")
    assert texts(seen).count("cut") == 11 and seen.page.locator(".cx-masked").count() == 11


def test_cuts_are_hatched_and_go_back_to_all(seen):
    assert seen.page.locator(".cx-masked").count() == 0
    keys(seen, "top_k", "ArrowRight", 4)
    assert seen.get("top_k") == 8 and seen.page.locator(".cx-masked").count() == 4
    assert seen.line == python_line(seen)
    keys(seen, "top_k", "ArrowLeft", 4)
    assert seen.get("top_k") is None and seen.page.locator(".cx-masked").count() == 0
    keys(seen, "top_p", "ArrowRight", 2)
    assert seen.get("top_p") == 0.9 and seen.page.locator(".cx-masked").count() == 5
    assert seen.line == python_line(seen)


def test_draws_are_pythons_and_clear_takes_them_away(seen):
    assert "press Draw 1 or Draw 100" in texts(seen)
    press(seen, "Draw 1")
    press(seen, "Draw 100")
    assert seen.get("draws") == 101
    counts = sampling_explorer(draws=101).counts
    assert counts.sum() == 101 and all(str(c) in texts(seen) for c in counts)
    assert seen.line == python_line(seen) and "Of 101 draws" in seen.line
    press(seen, "Clear the draws")
    assert seen.get("draws") == 0 and "press Draw 1 or Draw 100" in texts(seen)


def test_the_tree_has_its_own_control_and_line(seen):
    seen.page.locator("[data-trait=view]").select_option("a tree of sentences")
    seen.settle()
    shown = {
        name: seen.page.locator(f"[data-trait={name}]").is_visible()
        for name in ("temperature", "top_k", "top_p", "beam")
    }
    assert shown == {"temperature": False, "top_k": False, "top_p": False, "beam": True}
    assert "'sat down.' (0.09" in seen.line and texts(seen).count("★") == 1
    dropped = texts(seen).count("×")
    keys(seen, "beam", "ArrowRight", 2)
    assert seen.get("beam") == 3 and seen.line == python_line(seen)
    assert seen.line.endswith("That is the best of all 14 sentences.")
    assert texts(seen).count("×") > dropped and "soundly" in texts(seen)


def test_three_even_tokens_solve_the_challenge(seen):
    keys(seen, "top_k", "ArrowRight", 9)
    assert seen.get("top_k") == 3 and seen.get("solved") is False
    keys(seen, "temperature", "End", 1)
    assert seen.get("solved") is True


def test_the_guess_hides_what_is_drawn_from(harness):
    seen = harness(sampling_explorer(), width=960)
    assert texts(seen).count("?") == 4 and "0.19" not in texts(seen)
    press(seen, "A more original one takes its place")
    assert seen.get("temperature") == 2 and "0.18" in texts(seen)
    assert "Every unlikely token gains" in seen.page.locator(".cx-verdict").inner_text()


def test_an_own_function_draws_in_the_page(harness):
    def mine(logits, temperature=1.0, top_k=None, top_p=None):
        return np.exp(logits) * 2

    seen = harness(sampling_explorer(distribution=mine, draws=100), width=960)
    assert "These probabilities sum to 2.00, not to 1." in seen.line
    assert seen.line == python_line(seen, distribution=mine) and "0.60" in texts(seen)
