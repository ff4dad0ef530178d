"""What every explorer must do, seen in a page without Jupyter."""

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from explorer_families import FAMILIES

FOCUSABLE = ".cx button:visible, .cx input:visible, .cx select:visible, .cx [tabindex='0']"

CLIPPED = """() => {
  const card = document.querySelector('.cx').getBoundingClientRect();
  const outside = (node) => {
    const box = node.getBoundingClientRect();
    return box.width && (box.left < card.left || box.right > card.right || box.bottom > card.bottom);
  };
  const parts = [...document.querySelectorAll('.cx text, .cx label, .cx button, .cx p')];
  const wide = document.documentElement.scrollWidth > innerWidth ? ['the page scrolls sideways'] : [];
  return wide.concat(parts.filter(outside).map((node) => node.textContent));
}"""
COVERED = """() => {
  const texts = [...document.querySelectorAll('.cx-picture text')].filter((node) => node.textContent);
  const boxes = texts.map((node) => [node.textContent, node.getBoundingClientRect()]);
  const pairs = boxes.flatMap(([s, a], i) => boxes.slice(0, i).map(([t, b]) => [s, a, t, b]));
  const shared = (a, b, from, to) => Math.min(a[to], b[to]) - Math.max(a[from], b[from]);
  const covers = (a, b) => shared(a, b, 'left', 'right') > 2 && shared(a, b, 'top', 'bottom') > 4;
  return pairs.filter(([s, a, t, b]) => covers(a, b))
    .map(([s, a, t]) => s + ' / ' + t);
}"""
LINES = """(cases) => cases.map(([state, facts]) => {
  const family = window.explorerFamily;
  return family.line(state, family.compute(state, facts), facts);
})"""
FRAMES = """async (name) => {
  const seen = new Set();
  [...document.querySelectorAll('.cx-presets button')].find((b) => b.textContent === name).click();
  const until = performance.now() + 200;
  while (performance.now() < until) {
    await new Promise(requestAnimationFrame);
    seen.add(document.querySelector('.cx-picture').innerHTML);
  }
  return seen.size;
}"""


def make(family, **arguments):
    return FAMILIES[family][0](**arguments)


def state_of(seen) -> dict:
    """All state traits of the page, read at once: an explorer may have many."""
    seen.settle()
    script = "names => Object.fromEntries(names.map(name => [name, window.explorerModel.get(name)]))"
    return seen.page.evaluate(script, seen.explorer.state_names())


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [460, 640, 960])
def test_nothing_is_clipped_and_axe_finds_nothing(harness, family, theme, width):
    seen = harness(make(family), theme=theme, width=width)
    for step in (lambda: None, seen.skip_guess, lambda: seen.page.get_by_role("button", name="Pin").click()):
        step()
        seen.settle()
        assert seen.page.evaluate(CLIPPED) == []
        report = Axe().run(seen.page, context=".cx")
        assert report.violations_count == 0, report.generate_report()


def test_labels_do_not_cover_each_other(harness, family):
    for width in (640, 960):
        seen = harness(make(family, predict=False), width=width)
        for preset in seen.explorer.presets():
            seen.page.get_by_role("button", name=preset, exact=True).click()
            seen.settle()
            assert seen.page.evaluate(COVERED) == [], f"{preset} at {width}"


def test_the_guess_comes_first_and_is_remembered(harness, family):
    explorer = make(family)
    seen = harness(explorer)
    assert seen.line == "Guess first: the answer appears when you choose."
    assert not seen.page.locator(".cx-controls").is_visible()
    wrong = next(
        choice for choice in explorer.prediction()["choices"] if choice != explorer.prediction()["answer"]
    )
    seen.page.get_by_role("button", name=wrong, exact=True).focus()
    seen.page.keyboard.press("Enter")
    seen.settle()
    assert explorer.prediction()["wrong"][wrong] in seen.page.locator(".cx-verdict").inner_text()
    assert seen.page.evaluate("document.activeElement.className").startswith("cx-verdict")
    assert seen.get("guess") == wrong
    explorer.guess = wrong
    again = harness(explorer)
    assert again.line == explorer.line


def test_the_line_is_pythons_line_in_every_preset(harness, family):
    explorer = make(family, predict=False)
    seen = harness(explorer)
    assert seen.line == explorer.line
    for preset, changes in explorer.presets().items():
        seen.page.get_by_role("button", name=preset, exact=True).click()
        explorer.load_state(changes)
        assert state_of(seen) == explorer.state()
        assert seen.line == explorer.line


def test_every_control_works_by_keyboard(harness, family):
    """Each focusable control can be reached with Tab, and each slider moves with the arrow keys."""
    seen = harness(make(family, predict=False))
    wanted = seen.page.locator(FOCUSABLE).count()
    seen.page.locator("body").press("Tab")
    reached = set()
    for _ in range(wanted + 2):
        node = "e = document.activeElement"
        index = seen.page.evaluate(
            f"([...document.querySelectorAll({FOCUSABLE.replace(':visible', '')!r})].indexOf({node}))"
        )
        if index < 0:
            break
        reached.add(index)
        assert seen.page.evaluate(f"{node}, e.dataset.lmSuppressShortcuts") == "true"
        is_slider = seen.page.evaluate(f"{node}, e.getAttribute('role') === 'slider' || e.type === 'range'")
        if is_slider:
            before = state_of(seen)
            for key in ("ArrowRight", "ArrowUp"):
                seen.page.keyboard.press(key)
            assert state_of(seen) != before, seen.page.evaluate(f"{node}, e.outerHTML")
            before = state_of(seen)
            for key in ("ArrowLeft", "ArrowDown"):
                seen.page.keyboard.press(key)
            assert state_of(seen) != before, seen.page.evaluate(f"{node}, e.outerHTML")
            assert seen.page.evaluate(f"{node}, e.getAttribute('aria-valuetext')")
        seen.page.keyboard.press("Tab")
    enabled = seen.page.locator(FOCUSABLE.replace(":visible", ":visible:enabled")).count()
    assert len(reached) >= enabled


def test_every_handle_can_be_dragged(harness, family):
    seen = harness(make(family, predict=False))
    for i in range(seen.page.locator(".cx-handle").count()):
        handle = seen.page.locator(".cx-handle").nth(i)
        box = handle.locator(".cx-hit").bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        before = state_of(seen)
        seen.page.mouse.move(x, y)
        seen.page.mouse.down()
        seen.page.mouse.move(x - 12, y + 24, steps=4)
        seen.page.mouse.up()
        assert state_of(seen) != before, handle.get_attribute("aria-label")


def test_reset_copy_and_pin(harness, family):
    explorer = make(family, predict=False)
    seen = harness(explorer)
    start = state_of(seen)
    name, changes = next(iter(explorer.presets().items()))
    seen.page.get_by_role("button", name="Pin").click()
    seen.page.get_by_role("button", name=name, exact=True).click()
    seen.settle()
    assert seen.page.locator(".cx-picture").count() == 2
    assert explorer.line in seen.page.locator(".cx-caption").first.inner_text()
    seen.page.get_by_role("button", name="Copy as Python").click()
    explorer.load_state(changes)
    copied = seen.card.get_attribute("data-copied")
    assert copied == explorer.as_python()
    seen.page.get_by_role("button", name="Reset").click()
    assert state_of(seen) == start
    seen.page.get_by_role("button", name="Unpin").click()
    seen.settle()
    assert seen.page.locator(".cx-picture").count() == 1


def test_a_challenge_is_solved_in_the_page(harness, family):
    """Not solved by itself; solved without a kernel by the first change after which its condition holds."""
    explorer = make(family, predict=False)
    name = next(name for name, value in explorer.compute().items() if not getattr(value, "shape", ()))
    explorer.challenge("Change anything.", f"{name} > -1e9")
    seen = harness(explorer)
    assert seen.page.locator(".cx-challenge").inner_text() == "Challenge. Change anything."
    assert seen.get("solved") is False
    for preset in explorer.presets():
        seen.page.get_by_role("button", name=preset, exact=True).click()
        seen.settle()
    assert seen.page.locator(".cx-challenge").inner_text().startswith("✓ Solved.")
    assert seen.get("solved") is True


def test_an_error_shows_its_message_in_the_card(harness, family):
    explorer = make(family, predict=False)
    explorer.error = "ValueError: K must have 2 columns; got 3"
    seen = harness(explorer)
    assert "K must have 2 columns" in seen.page.get_by_role("alert").inner_text()
    assert not seen.page.locator(".cx-picture").is_visible()


def test_reduced_motion_is_respected(harness, family):
    explorer = make(family, predict=False)
    seen = harness(explorer, reduced_motion="reduce")
    values = seen.page.evaluate(FRAMES, next(iter(explorer.presets())))
    assert values <= 2


def test_the_pages_maths_is_pythons_in_chromium_too(harness, family):
    make_one, arguments = FAMILIES[family]
    rng = np.random.default_rng(1)
    explorers = [make_one(**arguments(rng), predict=False) for _ in range(200)]
    cases = [[e.state(), e.card["facts"]] for e in explorers]
    assert harness(explorers[0]).page.evaluate(LINES, cases) == [e.line for e in explorers]
