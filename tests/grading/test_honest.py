"""Honest but unusual notebooks get full marks, whatever else stands in them."""

import pytest

from course_lib.grading.marking import Marker
from course_lib.grading.records import GRADED, Submission
from course_lib.grading.sandbox import Sandbox
from tests.grading import needs
from tests.grading.honest import HONEST
from tests.grading.notebooks import notebook

pytestmark = needs.bubblewrap


@pytest.fixture(scope="module", params=[True, False], ids=["warm", "one process each"])
def marker(request):
    with Sandbox(warm=request.param) as sandbox:
        yield Marker(77_777_777_777, sandbox)


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_notebook_gets_full_marks(marker, name, count):
    if not marker.sandbox.warm and list(HONEST).index(name) % 10:
        pytest.skip("every tenth is enough where each starts a process of its own")
    lesson, exercise, cells = HONEST[name]
    marked = marker.mark(Submission("ada", lesson, "", f"{name}.ipynb", notebook(*cells)))
    [mark] = [mark for mark in marked.marks if mark.exercise == exercise]
    found = mark.status, mark.score, mark.flags
    count("honest", found != (GRADED, 1.0, ()))
    assert found == (GRADED, 1.0, ()), mark.message


def test_there_are_enough():
    assert len(HONEST) >= 40
