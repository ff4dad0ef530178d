"""`check`, `hint` and `solution`: from an answer to what a tutor would say about it."""

import ast
import inspect
import textwrap
from collections.abc import Callable

from course_lib import journal
from course_lib.checks.calling import SECONDS, make_calls, run
from course_lib.checks.hunts import hunt
from course_lib.checks.judging import judge, not_attempted
from course_lib.checks.spec import Exercise, exercise_ids, hunt_ids, load_exercise, unknown
from course_lib.checks.verdict import Note, Verdict

EMPTY = ("super().__init__()", "raise NotImplementedError", "raise NotImplementedError()")
_hints_given: dict[str, int] = {}


def check(answer: Callable, exercise_id: str | None = None, *, seconds: float = SECONDS) -> Verdict:
    """Judge an answer to the exercise of its name (or of `exercise_id`) and note the outcome in the journal.

    Never raises because of the answer. Raises KeyError for an unknown exercise and TypeError if `answer` is
    not a function.
    """
    if not callable(answer):
        came = type(answer).__name__
        raise TypeError(f"check takes the function itself, as in check(softmax); {came} came")
    if type(answer).__name__ in exercise_ids():
        name = type(answer).__name__
        raise TypeError(f"check takes the class itself, as in check({name}); an object made from it came")
    if not isinstance(exercise_id, str | None):
        came = type(exercise_id).__name__
        raise TypeError(f'the exercise goes in by its name, as in check(fn, "softmax"); {came} came')
    exercise = load_exercise(_wanted(answer) if exercise_id is None else exercise_id)
    verdict = judge_answer(exercise, answer, seconds)
    journal.record_check(exercise.id, verdict.status, verdict.score)
    return verdict


def hint(exercise_id: str | Callable, level: int | None = None) -> Note:
    """The next hint (a question; where to look; nearly the line), or the one of this level, 1 to 3.

    Takes the id of an exercise or a hunt. Raises KeyError for an unknown one, ValueError for another level.
    """
    name = _name(exercise_id)
    hints = hunt(name).hints if name in hunt_ids() else load_exercise(name).hints
    if level is not None and level not in range(1, len(hints) + 1):
        raise ValueError(f"level is {level!r}; hints have the levels 1 to {len(hints)}")
    given = _hints_given.get(name, 0)
    chosen = level or min(given + 1, len(hints))
    _hints_given[name] = max(chosen, given)
    return Note(f"{name}: hint {chosen} of {len(hints)}", hints[chosen - 1])


def solution(exercise_id: str | Callable) -> Note:
    """The source of the solution (of a hunt: the fault); asks to try first if it was never attempted."""
    name = _name(exercise_id)
    is_hunt = name in hunt_ids()
    exercise = hunt(name) if is_hunt else load_exercise(name)
    if name not in journal.read()["exercises"]:
        step = (
            f'hand in an example with `hunt("{name}").submit(...)`'
            if is_hunt
            else f"write it and run `check({name})`"
        )
        return Note(f"{name}: not attempted yet", f'Try first: {step}, or ask `hint("{name}")`.')
    if is_hunt:
        return Note(
            f"{name}: the fault",
            f"`{exercise.fault}`: {exercise.faults[exercise.fault][0]}. {exercise.explanation}",
        )
    if exercise.solution is None:
        return Note(f"{name}: no solution here", "This copy of the course came without solutions.")
    return Note(f"{name}: a solution", "", inspect.getsource(exercise.solution).strip())


def _wanted(answer: Callable) -> str:
    name = _name(answer)
    if name not in exercise_ids():
        said = unknown("exercise", name, exercise_ids())
        raise KeyError(f'{said}; a function of another name goes in as check(fn, "softmax")')
    return name


def _name(exercise: str | Callable) -> str:
    return exercise if isinstance(exercise, str) else getattr(exercise, "__name__", repr(exercise))


def judge_answer(exercise: Exercise, function: Callable, seconds: float = SECONDS) -> Verdict:
    """Run an answer on all calls of an exercise and judge it."""
    name = _name(function)
    if has_empty_body(function):
        return not_attempted(exercise, name)
    calls = make_calls(exercise)
    answers, printed = run(function, calls, seconds)
    return judge(exercise, calls, answers, printed, name)


def has_empty_body(function: Callable) -> bool:
    """True if the body of a function, or of all methods of a class, is empty.

    A docstring, `...`, `pass` and NotImplementedError count as nothing, and so does the call of the parent's
    constructor. False where there is no source.
    """
    if isinstance(function, type):
        methods = [method for method in vars(function).values() if inspect.isfunction(method)]
        return bool(methods) and all(has_empty_body(method) for method in methods)
    try:
        node = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    except (OSError, TypeError, SyntaxError):
        return False
    return does_nothing(node)


def does_nothing(definition: ast.stmt) -> bool:
    """Whether a definition in a syntax tree is empty in the sense of `has_empty_body`."""
    if isinstance(definition, ast.ClassDef):
        methods = [part for part in definition.body if isinstance(part, ast.FunctionDef)]
        return bool(methods) and all(map(does_nothing, methods))
    return isinstance(definition, ast.FunctionDef) and all(map(_is_empty, definition.body))


def _is_empty(statement: ast.stmt) -> bool:
    is_constant = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return is_constant or isinstance(statement, ast.Pass) or ast.unparse(statement) in EMPTY
