"""Each lesson in a real JupyterLab: formulas without error, pictures there, links inside the page alive."""

import shutil

import pytest

from course_lib.authoring.sources import ROOT

PAGES = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))

MATH_ERRORS = """() => [...document.querySelectorAll('mjx-container')]
    .filter(formula => formula.querySelector('mjx-merror, merror, [mathcolor="red"]'))
    .map(formula => formula.textContent)"""
RAW_MATH = r"""() => [...document.querySelectorAll('.jp-RenderedMarkdown')].flatMap(cell => {
    const copy = cell.cloneNode(true);
    copy.querySelectorAll('code, pre, mjx-container').forEach(node => node.remove());
    const unset = /\$[^$\n]{1,80}\$|\\(?:frac|sqrt|mathrm)\b/g;
    return [...copy.textContent.matchAll(unset)].map(match => match[0]);
})"""
BROKEN_PICTURES = """() => [...document.querySelectorAll('.jp-RenderedMarkdown img')]
    .filter(image => !image.complete || image.naturalWidth === 0).map(image => image.alt || image.src)"""
DEAD_ANCHORS = """() => {
    const known = new Set([...document.querySelectorAll('[id], [data-jupyter-id]')]
        .flatMap(node => [node.id, node.dataset.jupyterId]));
    return [...document.querySelectorAll('.jp-RenderedMarkdown a[href^="#"]')]
        .map(link => decodeURIComponent(link.getAttribute('href').slice(1))).filter(name => !known.has(name));
}"""


@pytest.fixture(scope="module")
def course_in_lab(jupyterlab):
    """The committed notebooks in the server's folder, with every cell drawn, not only those in sight."""
    for folder in ("notebooks", "exercises", "solutions"):
        shutil.copytree(ROOT / folder, jupyterlab.folder / folder, dirs_exist_ok=True)
    settings = jupyterlab.folder.parent / "settings" / "@jupyterlab" / "notebook-extension"
    settings.mkdir(parents=True, exist_ok=True)
    (settings / "tracker.jupyterlab-settings").write_text('{"windowingMode": "none"}')
    yield jupyterlab
    (settings / "tracker.jupyterlab-settings").unlink()


def rendered(page):
    """Wait until every Markdown cell is drawn and the formulas are set."""
    page.wait_for_function(
        "document.querySelectorAll('.jp-MarkdownCell').length > 0 &&"
        "[...document.querySelectorAll('.jp-MarkdownCell')]"
        ".every(cell => cell.querySelector('.jp-RenderedMarkdown'))",
        timeout=60_000,
    )
    page.wait_for_timeout(1500)


@pytest.mark.parametrize("name", PAGES)
def test_a_lesson_is_drawn_without_error(course_in_lab, name):
    page = course_in_lab.open(f"notebooks/{name}")
    try:
        rendered(page)
        assert page.evaluate(MATH_ERRORS) == []
        assert page.evaluate(RAW_MATH) == []
        assert page.evaluate(BROKEN_PICTURES) == []
        assert page.evaluate(DEAD_ANCHORS) == []
        assert page.locator("text=Error displaying widget").count() == 0
        assert page.locator("text=Jupyter news").count() == 0
    finally:
        page.close()


def test_the_search_for_errors_finds_them(course_in_lab):
    """A page with a wrong formula, a forgotten one, a missing picture and a dead link is not let through."""
    import nbformat

    text = "$a^b^c$ and $\\nosuchmacro{x}$\n\nforgotten: \\sqrt{2}"
    text += "\n\n![gone](pictures/none.svg) [dead](#nowhere)"
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text)], metadata=kernel)
    nbformat.write(notebook, course_in_lab.folder / "bad.ipynb")
    page = course_in_lab.open("bad.ipynb")
    try:
        rendered(page)
        assert len(page.evaluate(MATH_ERRORS)) == 2
        assert page.evaluate(RAW_MATH) == ["\\sqrt"]
        assert page.evaluate(BROKEN_PICTURES) == ["gone"]
        assert page.evaluate(DEAD_ANCHORS) == ["nowhere"]
    finally:
        page.close()
