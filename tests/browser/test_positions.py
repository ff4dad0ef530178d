"""The positions explorer, as a reader uses it."""

import pytest

from course_lib.explorers import positions_explorer
from course_lib.explorers.still import num


@pytest.fixture
def seen(harness):
    return harness(positions_explorer(predict=False), width=960)


def python_line(seen):
    """What Python says for the state that the page has."""
    again = positions_explorer(predict=False)
    script = "names => Object.fromEntries(names.map(name => [name, window.explorerModel.get(name)]))"
    again.load_state(seen.page.evaluate(script, again.state_names()))
    return again.line


def texts(seen):
    return seen.page.locator(".cx-picture text").all_text_contents()


def choose(seen, scheme):
    seen.page.locator("[data-trait=scheme]").select_option(scheme)
    seen.settle()


def test_pressing_and_dragging_over_the_table_follows_another_row_and_pair(seen):
    box = seen.page.locator(".cx-pick").bounding_box()

    def spot(row, column):
        return box["x"] + box["width"] * (column + 0.5) / 32, box["y"] + box["height"] * (row + 0.5) / 48

    seen.page.mouse.move(*spot(30, 9))
    seen.page.mouse.down()
    assert (seen.get("position"), seen.get("pair")) == (30, 4)
    seen.page.mouse.move(*spot(7, 2), steps=5)
    seen.page.mouse.up()
    assert (seen.get("position"), seen.get("pair")) == (7, 1)
    assert "pair 1" in texts(seen) and "The hand of pair 1" in texts(seen)
    assert seen.line == python_line(seen)


def test_the_keys_move_the_position_and_the_hand(seen):
    before = seen.page.locator(".cx-picture .cx-arrow line").get_attribute("x2")
    seen.page.locator("[data-trait=position]").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft"):
        seen.page.keyboard.press(key)
    assert seen.get("position") == 13
    assert seen.page.locator(".cx-picture .cx-arrow line").get_attribute("x2") != before
    sine, cosine = positions_explorer(position=13).compute()["hand"]
    assert f"sin {num(sine)}, cos {num(cosine)}; once round in 35" in texts(seen)


def test_each_scheme_has_its_own_controls_picture_and_line(seen):
    controls = {
        "sinusoids": {"pair", "base", "d"},
        "learned": {"pair", "d"},
        "rotary": {"pair", "base", "d"},
        "ALiBi": {"head"},
        "none": set(),
    }
    titles = {
        "rotary": "What rotary makes of (1, 0, 1, 0, …)",
        "ALiBi": "Each head has its slope",
        "none": "No hand",
    }
    for scheme, wanted in controls.items():
        choose(seen, scheme)
        shown = {
            name
            for name in ("pair", "head", "base", "d")
            if seen.page.locator(f"[data-trait={name}]").is_visible()
        }
        assert shown == wanted
        assert titles.get(scheme, "pair 3") in texts(seen)
        assert seen.line == python_line(seen)


def test_the_shuffle_test_prints_what_moved(seen):
    order = [0, 4, 2, 3, 1]
    for scheme, name in (("sinusoidal", "sinusoids"), ("alibi", "ALiBi")):
        choose(seen, name)
        moved = positions_explorer(scheme).moved[order]
        assert all(f"{far:.2f}" in texts(seen) for far in moved)
    choose(seen, "none")
    assert texts(seen).count("0") >= 5
    assert seen.line.endswith("no output changes.")


def test_a_table_ends_and_the_rest_is_hatched(seen):
    assert seen.page.locator(".cx-masked").count() == 0
    seen.page.get_by_role("button", name="Learned").click()
    seen.settle()
    assert seen.page.locator(".cx-masked").count() == 1
    assert "no row after position 31" in texts(seen)
    assert texts(seen).count("position 47 has no row") == 2
    assert seen.line == python_line(seen) and seen.line.startswith("Position 47 has no row")
    seen.page.locator("[data-trait=n]").focus()
    for _ in range(16):
        seen.page.keyboard.press("ArrowLeft")
    assert seen.get("n") == 32 and seen.page.locator(".cx-masked").count() == 0
    assert seen.line == python_line(seen) and seen.line.startswith("Row 31 of the table")


def test_smaller_sizes_keep_sliders_and_marks_inside(seen):
    seen.page.locator("[data-trait=d]").focus()
    seen.page.keyboard.press("Home")
    assert seen.get("d") == 4
    assert "pair 1" in texts(seen)
    pair = seen.page.locator("[data-trait=pair]")
    assert (pair.get_attribute("max"), pair.input_value()) == ("1", "1")
    assert seen.line == python_line(seen)
    pair.focus()
    seen.page.keyboard.press("ArrowLeft")
    assert seen.get("pair") == 0


def test_a_base_solves_the_challenge(seen):
    seen.page.locator("[data-trait=pair]").focus()
    seen.page.keyboard.press("ArrowLeft")
    assert seen.get("pair") == 2 and seen.get("solved") is False
    seen.page.locator("[data-trait=base]").focus()
    for _ in range(33):
        seen.page.keyboard.press("ArrowRight")
    assert seen.get("solved") is True
    assert "once round in 24" in " ".join(texts(seen))


def test_the_guess_hides_what_moved(harness):
    seen = harness(positions_explorer(), width=960)
    assert "?" in texts(seen) and num(seen.explorer.moved[2]) not in texts(seen)
    seen.page.get_by_role("button", name="It changes a little").click()
    seen.settle()
    assert "a sum knows no order" in seen.page.locator(".cx-verdict").inner_text()
    assert seen.get("scheme") == "none" and texts(seen).count("0") >= 5


def test_a_move_is_painted_within_a_frame_or_two(harness):
    """Everything is computed again on a move, at the largest sizes."""
    seen = harness(positions_explorer("learned", d=48, n=64, length=64, predict=False), width=960)
    took = seen.page.evaluate(
        """() => {
          const model = window.explorerModel, times = [];
          const state = Object.fromEntries(model.get('card').state.map((name) => [name, model.get(name)]));
          for (let i = 0; i < 20; i++) {
            const begin = performance.now();
            window.explorerFamily.compute({ ...state, position: i }, model.get('card').facts);
            times.push(performance.now() - begin);
          }
          return times.sort((a, b) => a - b)[10];
        }"""
    )
    assert took < 17
