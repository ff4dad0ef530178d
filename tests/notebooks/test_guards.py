"""Guards on every committed notebook: what nbval cannot see, or would silently let pass."""

import re

import pytest
import stored
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course_lib.authoring.convert import solution_region
from course_lib.authoring.sources import ROOT, exercise_paths, lesson_paths, read_source
from course_lib.checks.words import ANSWER
from course_lib.grading.texts import questions

EVERY = pytest.mark.parametrize("path", stored.paths(), ids=stored.name)
GUARDS = [
    stored.not_executed,
    stored.errors,
    stored.badly_ignored,
    stored.machine_traces,
    stored.widget_state,
]


@EVERY
@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.__name__)
def test_guard(guard, path):
    assert guard(stored.read(path)) == []


@EVERY
def test_links_lead_somewhere(path):
    assert stored.broken_links(stored.read(path), path.parent) == []


def test_every_source_has_its_notebooks():
    missing = [p.stem for p in lesson_paths() if not (ROOT / "notebooks" / f"{p.stem}.ipynb").exists()]
    missing += [
        f"{folder}/{p.stem}"
        for p in exercise_paths()
        for folder in ("exercises", "solutions")
        if not (ROOT / folder / f"{p.stem}.ipynb").exists()
    ]
    assert missing == []


@pytest.mark.parametrize("path", stored.paths("exercises"), ids=stored.name)
def test_untouched_exercises_are_not_attempted(path):
    answers = stored.verdicts(stored.read(path))
    assert answers, "an exercise notebook needs a check"
    assert [answer for answer in answers if "not attempted" not in answer[1]] == []


@pytest.mark.parametrize("path", stored.paths("solutions"), ids=stored.name)
def test_solutions_are_right(path):
    answers = stored.verdicts(stored.read(path))
    assert answers, "a solution notebook needs a check"
    assert [answer for answer in answers if not answer[1].endswith(": right")] == []


@pytest.mark.parametrize("path", stored.paths("solutions"), ids=stored.name)
def test_every_exercise_of_the_header_is_checked(path):
    notebook = stored.read(path)
    code = "\n".join(cell.source for _, cell in stored.code_cells(notebook))
    assert [
        n
        for n in notebook.metadata["course"]["exercises"]
        if f"check({n}" not in code and f'"{n}"' not in code
    ] == []


@pytest.mark.parametrize("source", exercise_paths(), ids=lambda path: path.stem)
def test_exercises_and_solutions_differ_only_in_the_regions(source):
    blank = stored.read(ROOT / "exercises" / f"{source.stem}.ipynb")
    filled = stored.read(ROOT / "solutions" / f"{source.stem}.ipynb")
    assert [cell.id for cell in blank.cells] == [cell.id for cell in filled.cells]
    assert blank.metadata == filled.metadata
    cells = read_source(source).cells
    for cell, empty, full in zip(cells, blank.cells[1:], filled.cells[1:], strict=True):
        assert empty.source == solution_region(cell.source, False, source.name)
        assert full.source == solution_region(cell.source, True, source.name)


@pytest.mark.parametrize("source", exercise_paths(), ids=lambda path: path.stem)
def test_one_question_at_the_end_is_answered_in_words(source):
    blank = stored.read(ROOT / "exercises" / f"{source.stem}.ipynb")
    filled = stored.read(ROOT / "solutions" / f"{source.stem}.ipynb")
    [asked] = questions(blank)
    assert [asked] == questions(filled)
    assert asked.id.startswith(source.stem[:3])
    assert re.match(r"## (\d\. )?In your own words \(5 min\)\n", asked.prompt)
    assert f"| In your own words | words | 5 | {asked.points:g} |" in blank.cells[0].source
    assert ANSWER.match(blank.cells[-1].source)[3] == ""
    answer = ANSWER.match(filled.cells[-1].source)[3]
    assert 2 <= len(re.findall(r"[.?!](?=\s|$)", answer)) <= 4, "a model answer has two to four sentences"
    assert f"`{asked.id}`" in (ROOT / "instructor" / f"{source.stem}.md").read_text(encoding="utf-8")


def test_no_two_questions_in_words_share_an_id():
    ids = [one.id for path in stored.paths("exercises") for one in questions(stored.read(path))]
    assert len(ids) == len(set(ids))


# Each guard must stop what it is there for.


def one(source="x", count=1, outputs=(), **metadata):
    return new_notebook(
        cells=[new_code_cell(source, execution_count=count, outputs=list(outputs), metadata=metadata)]
    )


RAISED = new_output("error", ename="ValueError", evalue="no", traceback=[])
TIMED = {"tags": ["nbval-ignore-output"]}
BAD = [
    (stored.not_executed, one(count=None), "has the count None, expected 1"),
    (stored.not_executed, one(count=2), "has the count 2, expected 1"),
    (stored.errors, one(outputs=[RAISED]), "raised an error"),
    (stored.errors, one(tags=["raises-exception"]), "raised nothing"),
    (stored.badly_ignored, one(**TIMED), "without a reason"),
    (stored.badly_ignored, new_notebook(cells=one(**TIMED, reason="time").cells * 3), "3 cells are ignored"),
    (
        stored.machine_traces,
        one(outputs=[new_output("stream", text="<f at 0x7f1234567890>")]),
        "0x7f1234567890",
    ),
    (stored.machine_traces, one(outputs=[new_output("stream", text="read /home/someone/x")]), "/home/s"),
    (
        stored.machine_traces,
        one(outputs=[new_output("display_data", {"text/plain": "ipykernel_7/1.py"})]),
        "ipykernel_7",
    ),
    (stored.widget_state, new_notebook(metadata={"widgets": {}}), "widget state"),
    (stored.widget_state, one(execution={"iopub.status.busy": "now"}), "timings"),
]


@pytest.mark.parametrize(("guard", "notebook", "words"), BAD)
def test_a_guard_stops_a_bad_notebook(guard, notebook, words):
    assert words in "\n".join(guard(notebook))


def test_a_guard_lets_a_good_notebook_pass():
    fine = one(outputs=[new_output("stream", text="weights (3, 4): and/or 0.5/home")])
    raising = one(outputs=[RAISED], tags=["raises-exception"])
    assert [guard(notebook) for guard in GUARDS for notebook in (fine, raising)] == [[]] * 2 * len(GUARDS)


def test_a_broken_link_is_found(tmp_path):
    notebook = new_notebook(cells=[new_markdown_cell("[a](nowhere.ipynb) [b](#None) [c](/etc/x)")])
    assert len(stored.broken_links(notebook, tmp_path)) == 3


def test_a_verdict_is_read_from_the_output():
    shown = new_output("display_data", {"text/plain": "✗ softmax: wrong\nThe scale."})
    assert stored.verdicts(one("check(softmax)", outputs=[shown])) == [(1, "✗ softmax: wrong")]
    assert stored.verdicts(one("check(softmax)")) == [(1, "nothing")]
    assert stored.verdicts(one("hint('softmax')", outputs=[shown])) == []
