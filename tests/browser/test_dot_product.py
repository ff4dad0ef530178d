"""The dot product explorer, as a reader uses it."""

import pytest

from course_lib.explorers import dot_product_explorer


@pytest.fixture
def seen(harness):
    return harness(dot_product_explorer(predict=False), width=960)


def drag(seen, name, right, up):
    """Drags an arrow by so many units of the plane."""
    box = seen.page.get_by_role("slider", name=name, exact=True).locator(".cx-hit").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    unit = 392 / 8.7
    seen.page.mouse.move(x, y)
    seen.page.mouse.down()
    seen.page.mouse.move(x + right * unit, y - up * unit, steps=5)
    seen.page.mouse.up()


def test_dragging_the_query_moves_it_in_the_plane(seen):
    drag(seen, "query", 1, -2)
    assert seen.get("query") == pytest.approx([3, -1])
    assert seen.line == dot_product_explorer(query=(3, -1)).line


def test_arrow_keys_move_by_a_tenth_and_shift_by_five(seen):
    seen.page.get_by_role("slider", name="key", exact=True).focus()
    seen.page.keyboard.press("ArrowLeft")
    seen.page.keyboard.press("Shift+ArrowUp")
    assert seen.get("key") == pytest.approx([0.9, 2.5])


def test_an_arrow_stays_within_reach(seen):
    drag(seen, "key", 9, 0)
    x, y = seen.get("key")
    assert (x**2 + y**2) ** 0.5 == pytest.approx(4, abs=0.1)


def test_length_and_direction_are_apart(seen):
    """The length slider keeps the cosine; the direction slider keeps the length."""
    cosine = seen.page.get_by_text("angle 37°").first
    seen.page.locator("[data-trait=length]").focus()
    seen.page.keyboard.press("ArrowRight")
    seen.settle()
    assert cosine.is_visible()
    seen.page.locator("[data-trait=heading]").focus()
    length = sum(v * v for v in seen.get("key"))
    for _ in range(2):
        seen.page.keyboard.press("ArrowRight")
    assert sum(v * v for v in seen.get("key")) == pytest.approx(length, abs=0.01)
    assert "angle 38°" in seen.line


def test_the_challenge_needs_a_small_angle_and_short_arrows(seen):
    drag(seen, "key", 1.4, -1)
    assert seen.get("solved") is False
    drag(seen, "key", -2.1, -0.9)
    assert seen.get("solved") is True, seen.line


def test_no_length_has_words(harness):
    seen = harness(dot_product_explorer(key=(0, 0), predict=False))
    assert seen.line == "The key has no length: the product is 0.00, and there is no angle."
