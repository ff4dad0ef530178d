"""Honest but unusual notebooks get full marks, whatever else stands in them."""

import pytest

from course_lib.grading.marking import Marker
from course_lib.grading.records import GRADED, Submission
from course_lib.grading.sandbox import Sandbox
from tests.grading import needs
from tests.grading.honest import HONEST
from tests.grading.notebooks import notebook

pytestmark = needs.bubblewrap


@pytest.fixture(scope="module")
def warm():
    with Sandbox() as sandbox:
        yield Marker(77_777_777_777, sandbox)


@pytest.fixture(scope="module")
def one_each():
    """A marker that starts a process for each exercise: slow, so it gets every tenth notebook."""
    with Sandbox(warm=False) as sandbox:
        yield Marker(77_777_777_777, sandbox)


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_notebook_gets_full_marks(warm, name, count):
    gets_full_marks(warm, name, count)


@pytest.mark.parametrize("name", list(HONEST)[::10])
def test_it_does_so_where_each_exercise_starts_a_process(one_each, name, count):
    gets_full_marks(one_each, name, count)


def gets_full_marks(marker, name, count):
    lesson, exercise, cells = HONEST[name]
    marked = marker.mark(Submission("ada", lesson, "", f"{name}.ipynb", notebook(*cells)))
    [mark] = [mark for mark in marked.marks if mark.exercise == exercise]
    found = mark.status, mark.score, mark.flags
    count("honest", found != (GRADED, 1.0, ()))
    assert found == (GRADED, 1.0, ()), mark.message


def test_there_are_enough():
    assert len(HONEST) >= 40
