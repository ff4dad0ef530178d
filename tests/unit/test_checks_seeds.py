"""Marking draws the cases from a secret seed: right must be right at every seed, and wrong wrong."""

import secrets

import numpy as np
import pytest

from course_lib.checks.calling import make_calls, run
from course_lib.checks.judging import Judging
from course_lib.checks.spec import exercise_ids, load_exercise

ANY = secrets.randbits(63)
SEEDS = [
    pytest.param(2**62 + 1, id="one"),
    pytest.param(7_205_759_403_792_793_199, id="two"),
    pytest.param(3_141_592_653_589_793_238, id="three"),
    pytest.param(ANY, id="any"),  # another one in each run; a failure says which
]
N_WRONG = 2


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", exercise_ids())
def test_right_is_right_and_wrong_is_wrong(name, seed):
    exercise = load_exercise(name)
    calls = make_calls.__wrapped__(exercise, seed)
    some = np.random.default_rng(seed).choice(len(exercise.wrong), N_WRONG, replace=False)
    for answer in {exercise.solution, *exercise.right}:
        judging = Judging(exercise, calls, run(answer, calls)[0])
        failing = [exercise.cases[case].name for case in sorted(judging.failing)]
        assert not failing, f"seed {seed}: {answer.__name__} fails {failing}"
    for convention in exercise.conventions:
        judging = Judging(exercise, calls, run(convention, calls)[0])
        assert judging.failing, f"seed {seed}: {convention.__name__} passes as ours"
    for answer in (exercise.wrong[i] for i in some):
        assert is_wrong(exercise, calls, answer), f"seed {seed}: {answer.__name__} passes"


def is_wrong(exercise, calls, answer):
    judging = Judging(exercise, calls, run(answer, calls)[0])
    as_elsewhere = any(judging.agreement(other) == judging.all_cases for other in exercise.conventions)
    return judging.failing and not as_elsewhere
