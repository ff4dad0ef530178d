"""Every exercise has cases whose right results nobody can know before the secret seed is drawn."""

import secrets

import pytest

from course_lib.checks.spec import exercise_ids, load_exercise
from course_lib.grading.marking import Paper

SEED = secrets.randbits(63)


@pytest.mark.parametrize("name", exercise_ids())
def test_at_least_two_cases_depend_on_the_seed(name):
    drawn = Paper(load_exercise(name), SEED).drawn
    assert len(drawn) >= 2, f"seed {SEED}: only {drawn}"


@pytest.mark.parametrize(
    ("name", "case"),
    [
        ("box_iou", "usual"),
        ("causal_mask", "3 queries, 5 keys"),
        ("grouped_query_attention", "large numbers"),
    ],
)
def test_a_case_that_is_always_the_same_does_not(name, case):
    paper = Paper(load_exercise(name), SEED)
    assert case not in [paper.exercise.cases[i].name for i in paper.drawn]
