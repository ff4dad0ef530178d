"""What a student reads of a mark holds no input and no expected value, whatever was wrong."""

import re

import pytest

from course_lib.checks.calling import make_calls
from course_lib.checks.judging import judge
from course_lib.checks.spec import exercise_ids, load_exercise

SEED = 31_415_926_535_897
VALUE = re.compile(r", expected ([-\[\d'\"]|nan|inf|True|False)|`\w+\(\w+=")


@pytest.mark.parametrize("exercise_id", exercise_ids())
def test_a_verdict_without_values_has_none(exercise_id):
    exercise = load_exercise(exercise_id)
    calls = make_calls.__wrapped__(exercise, SEED)
    shown = 0
    for wrong in exercise.wrong[::6]:
        answers = calls.answers_of(wrong)
        hidden = judge(exercise, calls, answers, shown=False).message
        assert not VALUE.search(hidden), hidden
        assert hidden
        shown += bool(VALUE.search(judge(exercise, calls, answers).message))
    assert shown, "with values the same verdicts do show some, so the pattern finds them"


@pytest.mark.parametrize("exercise_id", exercise_ids())
def test_whether_values_are_shown_changes_no_verdict(exercise_id):
    exercise = load_exercise(exercise_id)
    calls = make_calls.__wrapped__(exercise, SEED)
    for wrong in exercise.wrong[::6]:
        answers = calls.answers_of(wrong)
        one, two = judge(exercise, calls, answers), judge(exercise, calls, answers, shown=False)
        assert (one.status, one.score, one.misconception) == (two.status, two.score, two.misconception)
