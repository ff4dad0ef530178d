"""The sqrt_d explorer, as a reader uses it."""

import pytest

from course_lib.explorers import sqrt_d_explorer


@pytest.fixture
def seen(harness):
    return harness(sqrt_d_explorer(predict=False), width=960)


def test_the_slider_goes_through_the_powers_of_two(seen):
    size = seen.page.locator("[data-trait=d]")
    size.focus()
    met = []
    for _ in range(12):
        seen.page.keyboard.press("ArrowLeft")
    for _ in range(11):
        met.append(seen.get("d"))
        assert size.get_attribute("aria-valuetext") == f"d = {met[-1]}"
        assert seen.line == sqrt_d_explorer(d=met[-1]).line
        seen.page.keyboard.press("ArrowRight")
    assert met == [2**i for i in range(11)]


def test_dividing_brings_long_vectors_back(seen):
    seen.page.get_by_role("button", name="Long vectors", exact=True).click()
    seen.settle()
    assert seen.line == sqrt_d_explorer(d=1024).line
    assert "largest weight 0.97" in seen.line
    seen.page.locator("[data-trait=scaled]").check()
    seen.settle()
    assert seen.line == sqrt_d_explorer(d=1024, scaled=True).line
    assert "standard deviation of the scores 1.0" in seen.line


def test_the_challenge_is_solved_at_its_d_and_not_before(seen):
    size = seen.page.locator("[data-trait=d]")
    size.focus()
    seen.page.keyboard.press("ArrowLeft")
    seen.page.keyboard.press("ArrowRight")
    seen.settle()
    assert seen.get("solved") is False  # d = 64
    seen.page.locator("[data-trait=scaled]").check()
    seen.page.keyboard.press("ArrowRight")
    seen.settle()
    assert seen.get("solved") is False
    seen.page.locator("[data-trait=scaled]").uncheck()
    size.focus()
    seen.page.keyboard.press("ArrowRight")
    seen.settle()
    assert seen.get("d") == 128
    assert seen.get("solved") is True


def test_the_guess_hides_the_weights(harness):
    seen = harness(sqrt_d_explorer())
    texts = seen.page.locator(".cx-picture text").all_text_contents()
    assert texts.count("?") == 2 and "0.83" not in texts
    seen.page.get_by_role("button", name="About 0.06").click()
    seen.settle()
    assert "e⁸ is about 3,000" in seen.page.locator(".cx-verdict").inner_text()
    assert "0.83" in seen.page.locator(".cx-picture text").all_text_contents()
