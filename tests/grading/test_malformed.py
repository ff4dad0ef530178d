"""A malformed file is named with its cause within a second, and never touches the submission behind it."""

import time

import pytest

from course_lib.grading.marking import Marker
from course_lib.grading.records import GRADED, REFUSED, Submission
from course_lib.grading.sandbox import Sandbox
from tests.grading.malformed import ANSWER, HARMLESS, IMPORT, LEFT_OUT, WHOLE
from tests.grading.malformed import REFUSED as NO_NOTEBOOKS
from tests.grading.needs import bubblewrap
from tests.grading.notebooks import notebook

pytestmark = bubblewrap
LONGEST = 1.0  # CPU seconds of the trusted process, whatever else the machine does


@pytest.fixture(scope="module")
def marker():
    with Sandbox() as sandbox:
        marker = Marker(77_777_777_777, sandbox)
        mark(marker, WHOLE)  # the cases are drawn once
        yield marker


def mark(marker, content):
    return marker.mark(Submission("ada", "04_masks", "", "ada/04_masks.ipynb", content))


def marked_in_time(marker, content):
    """The marks of a malformed file, within its time; the next submission is not touched by it."""
    for _ in range(3):  # another process beside it makes one slow now and then
        began = time.process_time()
        marked = mark(marker, content)
        seconds = time.process_time() - began
        if seconds < LONGEST:
            break
    assert seconds < LONGEST
    assert score_of(mark(marker, WHOLE)) == (GRADED, 1.0)
    return marked


def score_of(marked):
    [mark] = [mark for mark in marked.marks if mark.exercise == "padding_mask"]
    return mark.status, mark.score


@pytest.mark.parametrize("name", NO_NOTEBOOKS)
def test_what_is_no_notebook_is_refused_and_never_scores_0(marker, name, count):
    content, said = NO_NOTEBOOKS[name]
    marked = marked_in_time(marker, content)
    is_named = marked.problem.startswith("ada/04_masks.ipynb: ") and said in marked.problem
    count("malformed", not is_named)
    assert is_named, marked.problem
    assert len(marked.marks) == 3 and {mark.status for mark in marked.marks} == {REFUSED}


@pytest.mark.parametrize("name", LEFT_OUT)
def test_a_cell_that_cannot_be_used_costs_no_other_its_points(marker, name, count):
    code, said = LEFT_OUT[name]
    marked = marked_in_time(marker, notebook(IMPORT, code, ANSWER))
    assert score_of(marked) == (GRADED, 1.0)
    is_named = any("cell 2 was left out" in note and said in note for note in marked.notes)
    count("malformed", not is_named)
    assert is_named, marked.notes


@pytest.mark.parametrize("name", HARMLESS)
def test_a_strange_file_that_holds_an_answer_is_marked(marker, name):
    assert score_of(marked_in_time(marker, HARMLESS[name])) == (GRADED, 1.0)


@pytest.mark.parametrize("name", LEFT_OUT)
def test_an_answer_in_a_cell_that_cannot_be_used_is_told_why(marker, name):
    code, _ = LEFT_OUT[name]
    marked = marked_in_time(marker, notebook(IMPORT, f"{ANSWER}\n{code}"))
    [mark] = [mark for mark in marked.marks if mark.exercise == "padding_mask"]
    assert "cell 2" in mark.message and mark.score == 0.0


def test_there_are_enough():
    assert len(NO_NOTEBOOKS) + len(LEFT_OUT) + len(HARMLESS) >= 80
