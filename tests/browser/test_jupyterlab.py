"""Each family once in a real JupyterLab: run, move, read, compare with Python; no cell comes or goes."""

import json

import nbformat
from explorer_families import FAMILIES

CELLS = [
    "from course_lib.explorers import {family}_explorer\nex = {family}_explorer()",
    "ex",
    "import json; print(json.dumps(ex.state()), ex.line, sep='\\n')",
]


def notebook(lab, family):
    """A notebook with the explorer in its second cell and its reading in the third."""
    cells = [nbformat.v4.new_code_cell(text.format(family=family)) for text in CELLS]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), lab.folder / f"{family}.ipynb")
    return f"{family}.ipynb"


def read(lab, page):
    """What Python has after running the last cell again: state and line."""
    lab.command(page, "notebook:deselect-all")
    page.locator(".jp-Notebook .jp-Cell").nth(2).locator(".cm-content").click()
    lab.command(page, "notebook:run-cell")
    page.wait_for_timeout(300)
    lab.wait_idle(page)
    page.wait_for_timeout(300)
    state, line = (
        page.locator(".jp-Notebook .jp-Cell")
        .nth(2)
        .locator(".jp-OutputArea-output")
        .inner_text()
        .split("\n")[:2]
    )
    return json.loads(state), line


def test_an_explorer_in_jupyterlab(jupyterlab, family):
    page = jupyterlab.open(notebook(jupyterlab, family))
    trouble = []
    page.on("pageerror", lambda error: trouble.append(str(error)))
    outside = []
    page.on(
        "request",
        lambda r: None if r.url.startswith((jupyterlab.address, "data:", "blob:")) else outside.append(r.url),
    )
    jupyterlab.run_all(page)
    card = page.locator(".cx")
    card.wait_for()
    card.get_by_role("button", name="Skip the guess").click()

    explorer = FAMILIES[family][0]()
    assert page.locator(".cx-line").inner_text() == explorer.line
    assert read(jupyterlab, page) == (explorer.state(), explorer.line)

    # Move with the keys and with a preset: Python must have what the page shows.
    mover = card.locator("input[type=range]:visible, [role=slider]").first
    mover.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    page.wait_for_timeout(500)
    state, line = read(jupyterlab, page)
    assert state != explorer.state()
    assert line == page.locator(".cx-line").inner_text()
    card.locator(".cx-presets button").first.click()
    page.wait_for_timeout(700)
    assert read(jupyterlab, page)[1] == page.locator(".cx-line").inner_text()

    # JupyterLab's one-letter commands must not reach the notebook from any control.
    cells = page.locator(".jp-Notebook .jp-Cell")
    controls = card.locator("button:visible:enabled, input:visible, select:visible, [tabindex='0']")
    for i in range(controls.count()):
        if i >= controls.count():  # a letter chose another option of a list, and some controls went
            break
        controls.nth(i).focus()
        for key in ("a", "d", "d", "b"):
            page.keyboard.press(key)
        assert cells.count() == len(CELLS), controls.nth(i).evaluate("e => e.outerHTML")
    assert trouble == []
    assert outside == []
    page.close()
