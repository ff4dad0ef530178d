"""Fixtures of the browser tests: a browser, a bare page with a model in the page, a real JupyterLab."""

import os
from pathlib import Path

import lab
import pytest
from explorer_families import FAMILIES


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    for item in items:
        if here in Path(item.path).parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium; without one the tests skip, and fail where CI is set."""
    place = lab.chromium()
    if place is None:
        reason = "no Chromium or Chrome found: browser tests need one (Debian: apt install chromium)"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=place, headless=True, args=lab.SWITCHES)
        yield running
        running.close()


class Harness:
    """One explorer in a page without Jupyter."""

    def __init__(self, page, explorer, trouble):
        self.page, self.explorer, self.trouble = page, explorer, trouble
        self.card = page.locator(".cx")

    @property
    def line(self) -> str:
        return self.page.locator(".cx-line").inner_text()

    def get(self, trait: str):
        self.settle()
        return self.page.evaluate("name => window.explorerModel.get(name)", trait)

    def settle(self) -> None:
        """Waits for the motion of a click and the frame that paints it."""
        self.page.wait_for_timeout(220)

    def skip_guess(self) -> None:
        self.page.get_by_role("button", name="Skip the guess").click()
        self.settle()


@pytest.fixture
def harness(browser, tmp_path):
    """harness(explorer, theme="light", width=760) opens it; at the end no page may have complained."""
    opened = []

    def open_page(explorer, theme="light", width=760, **options):
        path = explorer.to_html(tmp_path / f"{len(opened)}.html")
        page = browser.new_page(viewport={"width": width, "height": 900}, **options)
        trouble = []
        page.on("console", lambda m: trouble.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda e: trouble.append(str(e)))
        page.on(
            "request", lambda r: trouble.append(r.url) if not r.url.startswith(("file:", "data:")) else None
        )
        page.goto(f"{path.as_uri()}#{theme}")
        page.wait_for_selector(".cx-line:not(:empty)")
        opened.append((page, trouble))
        return Harness(page, explorer, trouble)

    yield open_page
    troubles = [trouble for _, trouble in opened if trouble]
    for page, _ in opened:
        page.close()
    assert not troubles, f"console errors or requests off the page: {troubles}"


@pytest.fixture(scope="session")
def jupyterlab(browser, tmp_path_factory):
    """A real JupyterLab with its own folders, for all tests of the session."""
    with lab.jupyterlab(browser, tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture(params=sorted(FAMILIES))
def family(request):
    """Each family of explorers in turn."""
    return request.param
