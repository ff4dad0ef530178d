"""What an exercise allows and forbids: its own solution keeps to it, and the names exist."""

import ast
import importlib
import importlib.util
import inspect

import pytest

from course_lib.checks.spec import exercise_ids, load_exercise
from course_lib.grading.forbidden import EVERYWHERE, names_in

EXERCISES = exercise_ids()
SIMILARITY = "course_lib.by_hand.similarity"


def with_imports(function):
    """The source of a function below the imports of its file."""
    tree = ast.parse(inspect.getsource(inspect.getmodule(function)))
    imports = [line for line in tree.body if isinstance(line, ast.Import | ast.ImportFrom)]
    return "\n".join([*map(ast.unparse, imports), inspect.getsource(function)])


def used_by(exercise, function):
    return names_in(with_imports(function), [*EVERYWHERE, *exercise.forbids], exercise.allows)


@pytest.mark.parametrize("name", EXERCISES)
def test_solution_uses_no_forbidden_name(name):
    exercise = load_exercise(name)
    assert used_by(exercise, exercise.solution) == []


@pytest.mark.parametrize("name", EXERCISES)
def test_allowed_and_forbidden_names_exist(name):
    exercise = load_exercise(name)
    for dotted in [*exercise.allows, *exercise.forbids]:
        path = f"torch.Tensor{dotted}" if dotted.startswith(".") else dotted
        top = path.split(".")[0]
        if importlib.util.find_spec(top):
            assert found(path), dotted


def found(path):
    """The module, class or function of this dotted name."""
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError:
        owner, _, name = path.rpartition(".")
        return getattr(found(owner), name)


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("gru_step", "with_torchs_own"),
        ("layer_norm", "with_torchs_own"),
        ("smoothed_cross_entropy", "with_torchs_own"),
        ("corpus_bleu", "by_sacrebleu"),
        ("MultiHeadAttention", "WithTorchsOwn"),
        ("average_precision", "by_the_library"),
    ],
)
def test_the_librarys_answer_is_found(name, function):
    exercise = load_exercise(name)
    [answer] = [one for one in exercise.right if one.__name__ == function]
    assert used_by(exercise, answer)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from course_lib.by_hand import similarity\nsimilarity(q, K)", []),
        ("from course_lib import by_hand\nby_hand.similarity(q, K)", []),
        ("import course_lib\ncourse_lib.by_hand.similarity(q, K)", []),
        ("from course_lib import by_hand\nby_hand.nearest(q, K, 1)", ["course_lib.by_hand.nearest"]),
        ("from course_lib import by_hand as h\nm = h\nm.nearest(q, K, 1)", ["course_lib.by_hand"]),
    ],
)
def test_what_is_allowed_of_a_module_may_be_used_by_either_name(source, expected):
    assert names_in(source, EVERYWHERE, [SIMILARITY]) == expected
