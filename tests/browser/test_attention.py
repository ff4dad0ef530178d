"""The attention explorer, as a reader uses it."""

import time

import nbformat
import numpy as np
import pytest

from course_lib import by_hand
from course_lib.explorers import attention_explorer

LARGE = [f"w{i}" for i in range(512)]


@pytest.fixture
def seen(harness):
    return harness(attention_explorer(predict=False), width=960)


def slider(seen, name):
    return seen.page.get_by_role("slider", name=name, exact=True)


def drag(seen, handle, dx, dy):
    box = handle.locator(".cx-hit").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    seen.page.mouse.move(x, y)
    seen.page.mouse.down()
    seen.page.mouse.move(x + dx, y + dy, steps=6)
    seen.page.mouse.up()
    seen.settle()


def python_line(seen):
    """What Python says for the state that the page has."""
    again = attention_explorer(predict=False)
    again.load_state({name: seen.get(name) for name in again.state_names()})
    return again.line


def test_dragging_the_query_changes_where_it_looks(seen):
    before = seen.line
    drag(seen, slider(seen, "Query of 'it'"), -140, -20)
    assert seen.line != before
    assert seen.line == python_line(seen)
    assert seen.get("queries")[0][4] != attention_explorer().queries[0][4]
    assert seen.get("key_vectors") == attention_explorer().key_vectors


def test_dragging_a_key_changes_its_weight_and_no_query(seen):
    drag(seen, slider(seen, "Key of 'cat'"), -80, 0)
    assert "'cat'" not in seen.line
    assert seen.line == python_line(seen)
    assert seen.get("queries") == attention_explorer().queries


def test_dragging_a_value_solves_the_challenge_and_leaves_the_map(seen):
    weights = seen.page.locator(".cx-on-weak, .cx-on-strong").all_text_contents()
    assert len(weights) == 49
    drag(seen, slider(seen, "Value of 'cat'"), 60, 60)
    assert seen.page.locator(".cx-on-weak, .cx-on-strong").all_text_contents() == weights
    assert seen.line == python_line(seen)
    assert seen.get("solved") is True


def test_turning_the_query_does_not_solve_it(seen):
    drag(seen, slider(seen, "Query of 'it'"), -140, -20)
    assert seen.get("solved") is False


def test_the_mask_hatches_the_future_and_prints_nothing_there(seen):
    seen.page.locator("[data-trait=causal]").check()
    seen.settle()
    assert seen.page.locator(".cx-masked").count() == 21
    assert seen.page.locator(".cx-on-weak, .cx-on-strong").count() == 28
    seen.page.locator("[data-trait=query]").select_option("the")
    seen.settle()
    assert seen.line.startswith("'the' may look only at itself (1.00)")


def test_pressing_a_row_of_the_map_chooses_its_query(seen):
    box = seen.page.locator(".cx-pick").bounding_box()
    seen.page.mouse.click(box["x"] + 10, box["y"] + box["height"] * 6.5 / 7)
    assert seen.get("query") == 6
    assert seen.line.startswith("'tired' looks")
    assert slider(seen, "Query of 'tired'").count() == 1


def test_the_guess_hides_weights_and_output(harness):
    seen = harness(attention_explorer(), width=960)
    texts = seen.page.locator(".cx-picture text").all_text_contents()
    assert "?" in texts and "output" not in texts
    assert not any(text.replace(".", "").isdigit() for text in texts)
    seen.page.get_by_role("button", name="it", exact=True).click()
    seen.settle()
    assert "A query is not the key of its own token" in seen.page.locator(".cx-verdict").inner_text()
    assert "output" in seen.page.locator(".cx-picture text").all_text_contents()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("n", [16, 64, 256])
def test_many_tokens_are_a_map(harness, theme, n):
    explorer = attention_explorer([f"w{i}" for i in range(n)], d_head=16, n_heads=2, predict=False)
    seen = harness(explorer, theme=theme, width=640)
    assert seen.line == explorer.line
    row = slider(seen, "Chosen query")
    row.focus()
    for _ in range(3):
        seen.page.keyboard.press("ArrowUp")
    assert seen.get("query") == n - 4
    seen.page.locator("[data-trait=head]").select_option("2")
    seen.settle()
    explorer.query, explorer.head = n - 4, 1
    assert seen.line == explorer.line
    assert seen.line.startswith(f"'w{n - 4}' looks most at 'w{n - 5}'")
    if n > 32:
        colours = seen.page.evaluate(
            """() => {
              const c = document.querySelector('canvas');
              const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
              return [c.width, new Set(Array.from({ length: d.length / 4 }, (_, i) => d[4 * i])).size];
            }"""
        )
        assert colours[0] == n and colours[1] > 20


def test_512_tokens_and_12_heads_open_in_time(harness):
    explorer = attention_explorer(LARGE, d_head=64, n_heads=12, predict=False)
    begin = time.perf_counter()
    seen = harness(explorer, width=960)
    seen.page.wait_for_selector("canvas")
    assert time.perf_counter() - begin < 4  # 2 s on a quiet machine, doubled for a busy one
    assert seen.line == explorer.line


def test_an_own_function_shows_its_numbers_and_no_control_that_it_decides(harness):
    def over_queries(Q, K, V):
        weights = by_hand.softmax(Q @ K.T / np.sqrt(2), axis=0)
        return weights @ V, weights

    explorer = attention_explorer(attention=over_queries)
    seen = harness(explorer, width=960)
    assert seen.line == explorer.line
    assert seen.line.endswith("it is the columns that sum to 1.")
    shown = seen.page.locator(".cx-on-weak, .cx-on-strong").all_text_contents()
    assert shown == [f"{w:.2f}" for w in explorer.weights.ravel()]
    for trait in ("scaled", "causal", "temperature", "head"):
        assert not seen.page.locator(f"[data-trait={trait}]").is_visible()


def test_an_own_function_that_raises_shows_its_message(harness):
    def broken(Q, K, V):
        raise RuntimeError("shapes (7,2) and (7,2) not aligned")

    seen = harness(attention_explorer(attention=broken))
    assert "shapes (7,2) and (7,2) not aligned" in seen.page.locator(".cx-error").inner_text()
    assert not seen.page.locator(".cx-picture").first.is_visible()


OWN = """import numpy as np
from course_lib.explorers import attention_explorer
def mine(Q, K, V):
    if Q[4, 0] < -1: raise RuntimeError("too far to the left")
    weights = np.exp(Q @ K.T); weights /= weights.sum(axis=1, keepdims=True)
    return weights @ V, weights
ex = attention_explorer(attention=mine)
ex"""


def test_an_own_function_follows_a_drag_in_jupyterlab(jupyterlab):
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    cells = [nbformat.v4.new_code_cell(OWN)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), jupyterlab.folder / "own.ipynb")
    page = jupyterlab.open("own.ipynb")
    jupyterlab.run_all(page)
    line = page.locator(".cx-line")
    line.wait_for()
    first = line.inner_text()
    assert "not divided by the root of d" in first
    query = page.get_by_role("slider", name="Query of 'it'")
    query.focus()
    for _ in range(6):
        page.keyboard.press("ArrowDown")
    page.wait_for_function("before => document.querySelector('.cx-line').innerText !== before", arg=first)
    for _ in range(6):
        page.keyboard.press("Shift+ArrowLeft")
    page.wait_for_selector(".cx-error:visible")
    assert "RuntimeError: too far to the left" in page.locator(".cx-error").inner_text()
    page.locator(".cx").get_by_role("button", name="Reset").click()
    page.wait_for_selector(".cx-picture:visible")
    page.wait_for_function("before => document.querySelector('.cx-line').innerText === before", arg=first)
    page.close()


def test_presses_within_one_frame_all_count(harness):
    seen = harness(attention_explorer(predict=False))
    before = seen.get("queries")
    seen.page.get_by_role("slider", name="Query of 'it'").evaluate(
        """node => { for (let i = 0; i < 6; i++)
             node.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowDown", bubbles: true })); }"""
    )
    moved = [
        (old[1], new[1]) for old, new in zip(before[0], seen.get("queries")[0], strict=True) if new != old
    ]
    assert len(moved) == 1
    assert moved[0][0] - moved[0][1] == pytest.approx(0.6, abs=0.02)


# -------------------------------------------------------------------- a model's weights


def test_layers_and_heads_of_given_weights(harness):
    tokens = "[CLS] the cat sat on the mat because it was tired . [SEP]".split()
    weights = np.random.default_rng(0).dirichlet(np.ones(13) * 0.2, (6, 12, 13))
    explorer = attention_explorer(tokens, weights=weights, predict=False)
    seen = harness(explorer, width=960)
    for trait in ("scaled", "causal", "temperature"):
        assert seen.page.locator(f"[data-trait={trait}]").count() == 0
    seen.page.locator("[data-trait=layer]").select_option(label="4")
    seen.page.locator("[data-trait=head]").select_option(label="12")
    seen.settle()
    explorer.load_state({"layer": 3, "head": 11})
    assert seen.line == explorer.line and seen.line.endswith("in layer 4, head 12.")
    texts = seen.page.locator(".cx-picture text").all_text_contents()
    assert "Weights of layer 4 of 6, head 12 of 12" in texts


def test_given_weights_of_512_tokens_and_12_heads_open_in_time(harness):
    weights = np.random.default_rng(0).dirichlet(np.full(512, 0.1), (12, 512))
    explorer = attention_explorer(LARGE, weights=weights, predict=False)
    started = time.perf_counter()
    seen = harness(explorer, width=960)
    assert time.perf_counter() - started < 4  # 2 s on a quiet machine, doubled for a busy one
    assert seen.line == explorer.line
    seen.page.locator("[data-trait=head]").select_option(label="7")
    seen.settle()
    explorer.head = 6
    assert seen.line == explorer.line
