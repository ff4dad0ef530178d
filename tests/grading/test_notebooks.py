"""The course's own notebooks: solutions get full marks at a fresh seed, blank ones are not attempted."""

import secrets
from pathlib import Path

import pytest

from course_lib.grading.marking import Marker, lessons
from course_lib.grading.records import GRADED, Submission
from course_lib.grading.sandbox import Sandbox
from tests.grading import needs

pytestmark = needs.bubblewrap
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def marker():
    with Sandbox() as sandbox:
        yield Marker(secrets.randbits(63), sandbox)


def marks_of(marker, folder, lesson):
    content = (ROOT / folder / f"{lesson}.ipynb").read_bytes()
    marked = marker.mark(Submission("ada", lesson, "", lesson, content))
    assert not marked.problem and not marked.notes
    return marked.marks


@pytest.mark.parametrize("lesson", lessons())
def test_a_solution_notebook_gets_full_marks(marker, lesson):
    marks = marks_of(marker, "solutions", lesson)
    assert marks, "the lesson has exercises"
    for mark in marks:
        assert (mark.status, mark.score, mark.flags) == (GRADED, 1.0, ()), (marker.seed, mark)


@pytest.mark.parametrize("lesson", lessons())
def test_a_blank_notebook_is_not_attempted(marker, lesson):
    for mark in marks_of(marker, "exercises", lesson):
        assert (mark.status, mark.score, mark.verdict) == (GRADED, 0.0, "not attempted")
