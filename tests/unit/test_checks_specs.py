"""Every exercise and every hunt of `specs/`: wrong answers named, right ones accepted, the stub not
attempted."""

import inspect
import itertools
import re

import numpy as np
import pytest

from course_lib.checks.calling import make_calls, run
from course_lib.checks.engine import judge_answer
from course_lib.checks.hunts import hunt
from course_lib.checks.judging import Judging
from course_lib.checks.spec import exercise_ids, hunt_ids, load_exercise, sentence

EXERCISES = exercise_ids()
WRONG = [(name, i) for name in EXERCISES for i in range(len(load_exercise(name).wrong))]
RIGHT = [(name, i) for name in EXERCISES for i in range(len(load_exercise(name).right))]
CONVENTIONS = [(name, i) for name in EXERCISES for i in range(len(load_exercise(name).conventions))]
BELITTLING = re.compile(r"\b(just|simply|obviously|clearly|trivial|trivially|easy|easily)\b", re.IGNORECASE)


def label(param):
    return str(param)


@pytest.mark.parametrize(("name", "i"), WRONG, ids=label)
def test_wrong_answer_is_named_with_its_own_sentence(name, i):
    exercise = load_exercise(name)
    stored = exercise.wrong[i]
    verdict = judge_answer(exercise, stored)
    assert (verdict.status, verdict.misconception) == ("wrong", stored.__name__)
    assert verdict.score < 1
    assert sentence(stored) in verdict.message
    assert "This looks like" not in verdict.message
    said = re.split(r"(?<=[.?]) ", verdict.message)
    assert len(said) == len(set(said)), "the same sentence twice"


@pytest.mark.parametrize(("name", "i"), RIGHT, ids=label)
def test_right_answer_is_accepted(name, i):
    exercise = load_exercise(name)
    verdict = judge_answer(exercise, exercise.right[i])
    assert (verdict.status, verdict.score) == ("right", 1.0), verdict


@pytest.mark.parametrize(("name", "i"), CONVENTIONS, ids=label)
def test_convention_keeps_its_score(name, i):
    exercise = load_exercise(name)
    verdict = judge_answer(exercise, exercise.conventions[i])
    assert (verdict.status, verdict.score) == ("other convention", 1.0)
    assert sentence(exercise.conventions[i]) in verdict.message


@pytest.mark.parametrize("name", EXERCISES)
def test_solution_and_reference_are_right(name):
    exercise = load_exercise(name)
    assert judge_answer(exercise, exercise.solution).status == "right"
    assert judge_answer(exercise, exercise.reference).status == "right"
    assert exercise.solution.__name__ == name


@pytest.mark.parametrize("name", EXERCISES)
def test_stub_is_not_attempted(name):
    exercise = load_exercise(name)

    def stub(*args, **options):
        raise NotImplementedError

    assert judge_answer(exercise, stub).status == "not attempted"
    if exercise.parameters:
        assert judge_answer(exercise, class_stub()).status == "not attempted"


def class_stub():
    """A class as `exercises/` has it."""
    torch = pytest.importorskip("torch")

    class Stub(torch.nn.Module):
        def __init__(self, *sizes):
            super().__init__()
            raise NotImplementedError

        def forward(self, *inputs):
            raise NotImplementedError

    return Stub


@pytest.mark.parametrize("name", EXERCISES)
def test_no_two_stored_answers_agree_on_all_cases(name):
    exercise = load_exercise(name)
    calls = make_calls(exercise)
    stored = [*exercise.wrong, *exercise.conventions]
    answers = [run(function, calls)[0] for function in stored]
    judgings = [Judging(exercise, calls, given) for given in answers]
    alike = [
        (stored[i].__name__, stored[k].__name__)
        for i, k in itertools.combinations(range(len(stored)), 2)
        if judgings[i].agreement_with(answers[k]) == judgings[i].all_cases
    ]
    assert not alike, f"a case is missing that tells these apart: {alike}"


def written(answer):
    """What tells two answers apart, whatever they are called."""
    methods = (
        [m for m in vars(answer).values() if inspect.isfunction(m)] if inspect.isclass(answer) else [answer]
    )
    return tuple(method.__code__.co_code for method in methods)


@pytest.mark.parametrize("name", EXERCISES)
def test_exercise_is_complete(name):
    exercise = load_exercise(name)
    assert exercise.id == name
    assert len(exercise.wrong) >= 8
    assert len(exercise.right) >= 3
    assert len({written(f) for f in exercise.right}) >= 3, "right variants must be written differently"
    assert len(exercise.hints) == 3
    assert len(exercise.cases) >= 4
    assert 1 <= exercise.difficulty <= 5
    assert exercise.minutes > 0
    assert exercise.points > 0
    assert exercise.contract.startswith(f"{name}(")
    names = [f.__name__ for f in [*exercise.wrong, *exercise.conventions, *exercise.properties]]
    assert len(set(names)) == len(names)
    case_names = [case.name for case in exercise.cases]
    assert len(set(case_names)) == len(case_names)


@pytest.mark.parametrize("name", EXERCISES)
def test_sentences_are_a_tutors(name):
    exercise = load_exercise(name)
    for function in [*exercise.wrong, *exercise.conventions, *exercise.properties]:
        text = sentence(function)
        assert text.endswith("."), f"{function.__name__} has no sentence"
        assert not BELITTLING.search(text), text
        assert len(text.split()) <= 45, f"{function.__name__}: too long for one thought"
    assert not any(BELITTLING.search(text) for text in exercise.hints)


@pytest.mark.parametrize("name", EXERCISES)
def test_properties_hold_for_the_reference(name):
    exercise = load_exercise(name)
    calls = make_calls(exercise)
    judge = Judging(exercise, calls, run(exercise.reference, calls)[0])
    assert all(judge.holds(prop) for prop in exercise.properties)


@pytest.mark.parametrize("name", EXERCISES)
def test_every_case_catches_something(name):
    exercise = load_exercise(name)
    calls = make_calls(exercise)
    caught = set()
    for wrong in exercise.wrong:
        caught |= Judging(exercise, calls, run(wrong, calls)[0]).failing
    idle = [case.name for k, case in enumerate(exercise.cases) if k not in caught]
    assert not idle, f"cases that no stored wrong answer fails: {idle}"


@pytest.mark.parametrize("name", EXERCISES)
def test_checking_is_quick_and_repeats_itself(name):
    exercise = load_exercise(name)
    one, two = (judge_answer(exercise, exercise.wrong[0]) for _ in range(2))
    assert str(one) == str(two)
    assert one._repr_html_() == two._repr_html_()


@pytest.mark.parametrize("name", hunt_ids())
def test_hunt_accepts_its_example_and_names_each_wrong_choice(name, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    this = hunt(name)
    assert this.id == name
    assert this.fault in this.faults
    assert len(this.faults) >= 3
    assert len(this.hints) == 3
    assert this.submit(this.example, fault=this.fault).status == "right"
    dull = this.submit(this.dull, fault=this.fault)
    assert (dull.status, dull.misconception) == ("wrong", "example")
    for other in set(this.faults) - {this.fault}:
        verdict = this.submit(this.example, fault=other)
        assert verdict.status == "wrong"
        assert this.faults[other][1] in verdict.message
    before = [np.array(part) for part in this.example]
    assert all(np.array_equal(a, b) for a, b in zip(before, this.example, strict=True))
    assert this.submit(None, fault=this.fault).status == "not attempted"
