"""The cost explorer, as a reader uses it."""

import pytest

from course_lib.explorers import cost_explorer


@pytest.fixture
def seen(harness):
    return harness(cost_explorer(predict=False), width=960)


def texts(seen):
    return seen.page.locator(".cx-picture text").all_text_contents()


def python_line(seen):
    """What Python says for the state that the page has."""
    again = cost_explorer(predict=False)
    again.load_state({name: seen.get(name) for name in again.state_names()})
    return again.line


def drag(seen, dx, dy=0):
    box = seen.page.get_by_role("slider", name="Length of the text").locator(".cx-hit").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    seen.page.mouse.move(x, y)
    seen.page.mouse.down()
    seen.page.mouse.move(x + dx, y + dy, steps=6)
    seen.page.mouse.up()


def test_the_length_can_be_dragged_along_the_curve(seen):
    drag(seen, -150)
    assert 1000 < seen.get("n") < 16_000
    assert seen.line == python_line(seen)
    drag(seen, 3000)  # to the end of the curve, which then shows more
    assert seen.get("n") > 4000 and seen.line == python_line(seen)
    drag(seen, -3000)
    assert seen.get("n") == 16


def test_the_largest_length_stays_reachable_and_legal(seen):
    seen.page.locator("[data-trait=n]").press("End")
    assert seen.get("n") == 262_144
    seen.page.get_by_role("slider", name="Length of the text").press("ArrowRight")
    assert seen.get("n") == 262_144
    drag(seen, 3000)
    assert seen.get("n") == 262_144
    assert seen.line == python_line(seen)


def test_sizes_follow_each_other_so_that_every_choice_fits(seen):
    for width in ("1,600", "64", "8,192", "768"):
        seen.page.locator("[data-trait=d_model]").select_option(label=width)
        d, heads, shared = (seen.get(name) for name in ("d_model", "n_heads", "n_kv_heads"))
        assert d % heads == 0 and heads == shared
        assert seen.line == python_line(seen)
    seen.page.locator("[data-trait=n_heads]").select_option(label="16")
    assert (seen.get("n_heads"), seen.get("n_kv_heads")) == (16, 16)
    seen.page.locator("[data-trait=n_kv_heads]").select_option(label="4 (GQA)")
    seen.page.locator("[data-trait=n_heads]").select_option(label="2")
    assert (seen.get("n_heads"), seen.get("n_kv_heads")) == (2, 2)
    assert seen.line == python_line(seen)


def test_sharing_keys_changes_the_cache_and_not_the_map(seen):
    assert {"6.4 GB", "604.0 MB"} <= set(texts(seen))
    seen.page.locator("[data-trait=n_kv_heads]").select_option(label="1 (MQA)")
    seen.settle()
    assert {"6.4 GB", "50.3 MB", "604.0 MB"} <= set(texts(seen))
    assert "now: 1 KV head" in texts(seen)


def test_the_crossing_is_marked_where_it_is_or_said_where_it_is_not(seen):
    assert "both parts equal at 4,608 tokens" in texts(seen)
    seen.page.get_by_role("button", name="GPT-2 small").click()
    seen.settle()
    assert "both parts equal at 4,608 tokens →" in texts(seen)


def test_the_challenge_needs_length_and_shared_keys(seen):
    for preset in seen.explorer.presets():
        seen.page.get_by_role("button", name=preset, exact=True).click()
        assert seen.get("solved") is False
    seen.page.get_by_role("button", name="Reset").click()
    seen.settle()
    seen.page.locator("[data-trait=n_kv_heads]").select_option(label="1 (MQA)")
    assert seen.get("solved") is False  # the cache of so long a text is still too large
    seen.page.locator("[data-trait=n]").fill("130")
    assert 5000 < seen.get("n") < 10_000 and seen.get("solved") is True


def test_the_guess_hides_every_number(harness):
    seen = harness(cost_explorer(), width=640)
    assert not any("MB" in text or "GB" in text or "illion" in text for text in texts(seen))
    assert seen.page.locator(".cx-handle").count() == 0
    seen.page.get_by_role("button", name="2 times").click()
    seen.settle()
    assert "holds for the KV cache" in seen.page.locator(".cx-verdict").inner_text()
    assert "6.4 GB" in texts(seen)


@pytest.mark.parametrize("width", [460, 640, 960])
def test_labels_stay_apart_at_every_length_and_size(harness, width):
    from test_bert_vs_gpt import OVER
    from test_kit import CLIPPED, COVERED

    for n in (16, 300, 4000, 17_000, 262_144):
        for sizes in ({}, {"d_model": 8192, "n_heads": 64, "n_kv_heads": 8, "n_layers": 128}):
            seen = harness(cost_explorer(n=n, **sizes, predict=False), width=width)
            for wrong in (OVER, CLIPPED, COVERED):
                assert seen.page.evaluate(wrong) == [], f"n {n}, {sizes}"
            seen.page.close()
