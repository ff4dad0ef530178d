"""The chain from a text source to an executed notebook, on small sources in a temporary folder."""

import base64
import io
import json
import shutil
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image

from course_lib.authoring import build as build_module
from course_lib.authoring.build import build, first_difference
from course_lib.authoring.contents import refresh
from course_lib.authoring.convert import solution_region
from course_lib.authoring.execute import WIDGET_VIEW, keep_pictures, scrub
from course_lib.authoring.sources import SourceError, read_source
from course_lib.journal import record_opened

LESSON = """# ---
# jupyter:
#   course:
#     title: {title}
#     question: What is it?
#     minutes: 10
#     short_path: 4
#     needs: []
#     objectives: [compute, read]
#     terms: []
# ---

# %%
import os
print(os.path.basename(os.getcwd()), os.environ["OMP_NUM_THREADS"])

# %% [markdown]
# ## First part (4 min, short path)
#
# Here it begins.

# %%
{code}

# %% [markdown]
# ## Second part (6 min)
"""

EXERCISE = """# ---
# jupyter:
#   course:
#     lesson: 00_start
#     exercises: []
# ---

# %%
def double(x):
    \"\"\"Twice x.\"\"\"
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION


# %%
guess = None
### BEGIN SOLUTION
guess = 3
### END SOLUTION

# %% [markdown]
# ## In your own words (5 min)
#
# Why three?

# %% [markdown]
# <!-- answer: 00_three points: 2 --> Your answer:
# ### BEGIN SOLUTION
# It is odd.
# ### END SOLUTION
"""


@pytest.fixture
def course(tmp_path):
    """A course of two lessons and one exercise, not built yet."""
    for folder in ("lessons", "exercises"):
        (tmp_path / "sources" / folder).mkdir(parents=True)
    write_lesson(tmp_path, "00_start", "Begin")
    write_lesson(tmp_path, "01_next", "Go on")
    (tmp_path / "sources" / "exercises" / "00_start.py").write_text(EXERCISE)
    return tmp_path


@pytest.fixture
def no_kernel(monkeypatch):
    """Build without a kernel: quick, for what does not depend on outputs. Lists what was executed."""
    executed = []

    def pretend(notebook, folder):
        executed.append(folder.name)
        for count, cell in enumerate((c for c in notebook.cells if c.cell_type == "code"), 1):
            cell.execution_count = count
        return notebook

    monkeypatch.setattr(build_module, "execute", pretend)
    return executed


def write_lesson(root, name, title, code="x = 1\nprint(x)"):
    (root / "sources" / "lessons" / f"{name}.py").write_text(LESSON.format(title=title, code=code))


def notebook(root, name, folder="notebooks"):
    return nbformat.read(root / folder / f"{name}.ipynb", as_version=4)


def test_a_lesson_is_executed_in_its_folder_with_one_thread(course):
    assert build("00", root=course) == 0
    first = next(c for c in notebook(course, "00_start").cells if c.cell_type == "code")
    assert first.outputs[0].text == "notebooks 1\n"
    assert first.execution_count == 1


def test_two_builds_give_the_same_bytes(course):
    write_lesson(course, "00_start", "Begin", "import ipywidgets\nipywidgets.IntSlider()")
    build("00_start", root=course)
    path = course / "notebooks" / "00_start.ipynb"
    first = path.read_bytes()
    path.unlink()
    build("00_start", root=course)
    assert path.read_bytes() == first
    assert b"widget-view" not in first
    assert b'"version": "3.' not in first


def test_only_what_changed_is_built_again(course, no_kernel, capsys):
    build(root=course)
    no_kernel.clear()
    assert build(root=course) == 0
    assert no_kernel == []
    write_lesson(course, "01_next", "Go on", "x = 2")
    build(root=course)
    assert "building notebooks/01_next.ipynb" in capsys.readouterr().out
    assert no_kernel == ["notebooks"]


def test_a_new_title_rebuilds_the_neighbour_that_links_to_it(course, no_kernel, capsys):
    build(root=course)
    write_lesson(course, "01_next", "Another title")
    capsys.readouterr()
    build(root=course)
    out = capsys.readouterr().out
    assert "notebooks/00_start.ipynb" in out
    assert "notebooks/contents.ipynb" in out


def test_a_changed_question_rebuilds_its_lesson(course, no_kernel):
    build(root=course)
    no_kernel.clear()
    questions = course / "course_lib" / "predictions" / "00_start.toml"
    questions.parent.mkdir(parents=True)
    questions.write_text('[a]\nquestion = "?"\n')
    build(root=course)
    assert no_kernel == ["notebooks"]


def test_check_names_what_differs_and_what_to_run(course, no_kernel, capsys):
    build(root=course)
    assert build(check=True, root=course) == 0
    write_lesson(course, "01_next", "Go on", "x = 2")
    before = (course / "notebooks" / "01_next.ipynb").read_bytes()
    capsys.readouterr()
    assert build(check=True, root=course) == 1
    assert capsys.readouterr().out == (
        "notebooks/01_next.ipynb: cell 4 differs in its source: `x = 2`; "
        "run: python course.py build 01_next\n"
    )
    assert (course / "notebooks" / "01_next.ipynb").read_bytes() == before


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda root: (root / "solutions" / "00_start.ipynb").unlink(), "not built yet"),
        (lambda root: (root / "notebooks" / "pictures" / "where_01.svg").unlink(), "where_01.svg"),
        (lambda root: (root / "notebooks" / "09_old.ipynb").write_text("{}"), "no source gives it"),
        (lambda root: (root / "notebooks" / "00_start.ipynb").write_text("{"), "not a readable notebook"),
        (lambda root: edit(root, lambda nb: nb.cells[1].update(id="abcdef")), "cell 2 differs in its id"),
        (lambda root: edit(root, lambda nb: nb.cells.pop()), "5 cells are committed, the source gives 6"),
        (lambda root: edit(root, lambda nb: nb.metadata.update(widgets={})), "metadata differ in widgets"),
    ],
)
def test_check_sees_every_kind_of_difference(course, no_kernel, capsys, spoil, words):
    build(root=course)
    spoil(course)
    assert build(check=True, root=course) == 1
    assert words in capsys.readouterr().out


def edit(root, change):
    path = root / "notebooks" / "00_start.ipynb"
    changed = nbformat.read(path, as_version=4)
    change(changed)
    nbformat.write(changed, path)


def test_outputs_are_not_compared(course, no_kernel):
    build(root=course)
    edit(course, lambda nb: nb.cells[1].outputs.append(new_output("stream", text="other")))
    assert build(check=True, root=course) == 0


def test_a_syntax_error_is_named_with_its_line_and_nothing_is_overwritten(course, no_kernel, capsys):
    build(root=course)
    path = course / "notebooks" / "01_next.ipynb"
    before = path.read_bytes()
    write_lesson(course, "01_next", "Go on", "x = (1")
    assert build(root=course) == 1
    out = capsys.readouterr().out
    assert "01_next.py, line 23: '(' was never closed: 'x = (1'" in out
    assert path.read_bytes() == before


def test_a_broken_neighbour_does_not_stop_a_build(course, no_kernel):
    write_lesson(course, "01_next", "Go on", "x = (1")
    assert build("00", root=course) == 0


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("x = 1\n1 / 0", "cell 4, `x = 1`, raised ZeroDivisionError: division by zero"),
        ("import os; os._exit(3)", "cell 4, `import os; os._exit(3)`, ended the kernel"),
    ],
)
def test_a_failing_cell_is_named_and_the_old_notebook_stays(course, capsys, code, words):
    build("01", root=course)
    path = course / "notebooks" / "01_next.ipynb"
    before = path.read_bytes()
    write_lesson(course, "01_next", "Go on", code)
    assert build(root=course, selection="01_next") == 1
    assert words in capsys.readouterr().out
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir() if p.name.endswith(".new")] == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("#     minutes: 10\n", "", "the header lacks minutes"),
        ("#     terms: []\n", "#     terms: []\n#     colour: red\n", "the header has colour, known are"),
        ("needs: []", "needs: 00_start", "`needs` in the header must be a list"),
        ("#   course:\n", "#   other:\n", "no `jupyter: course:` block"),
        ("title: Begin", "title: [", "the header cannot be read"),
    ],
)
def test_a_broken_header_is_named(course, old, new, words):
    path = course / "sources" / "lessons" / "00_start.py"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(SourceError, match=r"00_start\.py"):
        read_source(path)
    try:
        read_source(path)
    except SourceError as error:
        assert words in str(error)


def test_an_unknown_selection_names_what_there_is(course, capsys):
    assert build("77", root=course) == 1
    assert capsys.readouterr().out == "No source is called '77'. Known: 00_start, 01_next, contents.\n"


def test_ids_move_only_in_the_section_that_was_edited(course, no_kernel):
    build(root=course)
    before = [cell.id for cell in notebook(course, "00_start").cells]
    write_lesson(course, "00_start", "Begin", "x = 1\n\n# %%\ny = 2")
    build(root=course)
    after = [cell.id for cell in notebook(course, "00_start").cells]
    assert [cell_id for cell_id in after if cell_id not in before] == [after[4]]
    assert len(set(after)) == len(after)


def test_exercises_and_solutions_differ_only_in_the_regions(course, no_kernel):
    build(root=course)
    blank, filled = notebook(course, "00_start", "exercises"), notebook(course, "00_start", "solutions")
    assert blank.metadata == filled.metadata
    assert blank.cells[1].source == 'def double(x):\n    """Twice x."""\n    raise NotImplementedError'
    assert filled.cells[1].source == 'def double(x):\n    """Twice x."""\n    return 2 * x'
    assert blank.cells[2].source == "guess = None"
    assert filled.cells[2].source == "guess = None\nguess = 3"
    assert blank.cells[4].source == "<!-- answer: 00_three points: 2 --> Your answer:"
    assert filled.cells[4].source == blank.cells[4].source + "\nIt is odd."
    assert blank.cells[0] == filled.cells[0]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("### BEGIN SOLUTION\nx = 1", "BEGIN SOLUTION without an ### END"),
        ("x = 1\n### END SOLUTION", "END SOLUTION without a ### BEGIN"),
        ("### BEGIN SOLUTION\n### BEGIN SOLUTION\n### END SOLUTION", "inside another solution region"),
    ],
)
def test_unbalanced_marks_are_named(code, words):
    with pytest.raises(SourceError, match=r"01\.py, cell 3"):
        solution_region(code, True, "01.py, cell 3")
    with pytest.raises(SourceError, match=words):
        solution_region(code, False, "01.py, cell 3")


def test_the_title_cell_says_what_the_header_says(course, no_kernel):
    build(root=course)
    title = notebook(course, "00_start").cells[0].source
    assert "# 0. Begin" in title
    assert "> **What is it?**" in title
    assert "- compute\n- read" in title
    assert "10 minutes, 4 by the short path" in title
    assert (
        "**[First part](#First-part-(4-min,-short-path)) 4** · [Second part](#Second-part-(6-min)) 6" in title
    )
    assert "[1. Go on →](01_next.ipynb)" in title
    assert "[Exercises](../exercises/00_start.ipynb)" in title
    assert "(pictures/where_00.svg)" in title
    assert "[← 0. Begin](00_start.ipynb)" in notebook(course, "01_next").cells[-1].source


def test_a_question_in_words_is_listed_with_its_minutes_and_points(course, no_kernel):
    path = course / "sources" / "exercises" / "00_start.py"
    path.write_text(path.read_text().replace("exercises: []", "exercises: [softmax]"))
    build("00_start", root=course)
    rows = notebook(course, "00_start", "exercises").cells[0].source.splitlines()[-2:]
    assert rows[0].startswith("| `softmax` | ")
    assert rows[1] == "| In your own words | words | 5 | 2 |"


def test_a_widget_view_gives_way_to_its_still_picture():
    view = {"model_id": "abc", "version_major": 2, "version_minor": 0}
    both = new_output("display_data", {WIDGET_VIEW: view, "image/svg+xml": "<svg/>", "text/plain": "still"})
    alone = new_output("display_data", {WIDGET_VIEW: view})
    cell = new_code_cell("w", outputs=[both, alone])
    built = scrub(
        new_notebook(
            cells=[cell], metadata={"widgets": {}, "language_info": {"name": "python", "version": "3"}}
        )
    )
    assert set(built.cells[0].outputs[0].data) == {"image/svg+xml", "text/plain"}
    assert set(built.cells[0].outputs[1].data) == {WIDGET_VIEW}
    assert built.metadata == {"language_info": {"name": "python"}}


def picture(shade, noise=0):
    pixels = np.full((40, 60, 3), shade, dtype=np.uint8)
    pixels[0, :noise] = 255 - shade
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG", compress_level=noise % 9)
    return base64.b64encode(buffer.getvalue()).decode()


def drawn(png, source="plot()", text="Figure: a line"):
    output = new_output("display_data", {"image/png": png, "text/plain": text})
    return new_notebook(cells=[new_code_cell(source, outputs=[output], id="one")])


@pytest.mark.parametrize(
    ("new", "kept"),
    [
        (drawn(picture(10, noise=3)), True),  # the edge of a letter
        (drawn(picture(200)), False),  # other data from a cell above
        (drawn(picture(10, noise=3), source="plot(2)"), False),
        (drawn(picture(10, noise=3), text="Figure: two lines"), False),
    ],
)
def test_a_stored_picture_is_kept_only_where_it_shows_the_same(new, kept):
    old = drawn(picture(10))
    stored = old.cells[0].outputs[0].data["image/png"]
    keep_pictures(new, old)
    assert (new.cells[0].outputs[0].data["image/png"] == stored) is kept


def test_first_difference_of_equal_notebooks_is_none():
    assert first_difference(drawn("a"), drawn("b")) is None


@pytest.fixture
def contents(course, no_kernel, monkeypatch):
    build("contents", root=course)
    monkeypatch.setenv("COURSE_HOME", str(course / "home"))
    return course / "notebooks" / "contents.ipynb"


def test_refresh_puts_the_readers_progress_on_the_contents_page(contents):
    record_opened("00_start")
    assert refresh(contents) is True
    page = nbformat.read(contents, as_version=4)
    cell = next(c for c in page.cells if c.cell_type == "code")
    assert "00_start" in cell.outputs[0].data["text/plain"]
    nbformat.validate(page)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"cells": []}', '{"cells": [{}]}', '{"cells": 3}'])
def test_refresh_leaves_a_broken_page_alone(contents, text):
    contents.write_text(text)
    assert refresh(contents) is False
    assert contents.read_text() == text


def test_refresh_of_a_missing_page(tmp_path):
    assert refresh(tmp_path / "contents.ipynb") is False


def test_contents_lists_only_lessons_that_exist(contents):
    page = " ".join(
        c["source"] if isinstance(c["source"], str) else "".join(c["source"]) for c in load(contents)
    )
    assert "[1. Go on](01_next.ipynb)" in page
    assert "Part I. Attention by hand" in page
    assert "Part II." not in page


def load(path):
    return json.loads(path.read_text())["cells"]


def test_the_glossary_needs_definition_and_lesson(course, no_kernel, capsys):
    (course / "sources" / "glossary.toml").write_text('["vector"]\ndefinition = "A list."\n')
    assert build("glossary", root=course) == 1
    assert "the entry 'vector' lacks lesson" in capsys.readouterr().out
    (course / "sources" / "glossary.toml").write_text(
        '["vector"]\ndefinition = "A list."\nlesson = "00_start"\n'
    )
    assert build("glossary", root=course) == 0
    cells = notebook(course, "glossary").cells
    assert cells[1].source == "## V\n\n**vector.** A list. *[Lesson 0](00_start.ipynb)*"


def test_an_interrupted_write_leaves_the_old_file(course, no_kernel, monkeypatch):
    build("00", root=course)
    path = course / "notebooks" / "00_start.ipynb"
    before = path.read_bytes()
    shutil.copy(path, course / "copy")
    write_lesson(course, "00_start", "Begin", "x = 3")

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(build_module, "os", SimpleNamespace(replace=stop, getpid=lambda: 1))
    with pytest.raises(KeyboardInterrupt):
        build("00", root=course)
    assert path.read_bytes() == before
