"""The check engine: every kind of answer gets its status, its sentence and leaves nothing behind."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
import warnings

import numpy as np
import pytest

from course_lib import journal
from course_lib.by_hand import scaled_dot_product_attention, similarity, softmax
from course_lib.checks import Case, Exercise, Hunt, check, compare, engine, hint, hunt, solution
from course_lib.checks.calling import Deadline, Hung, as_array, make_calls, run, watchdog
from course_lib.checks.engine import judge_answer
from course_lib.checks.spec import load_exercise
from course_lib.checks.verdict import CaseResult, Verdict, rich

SIMILARITY = load_exercise("similarity")
SOFTMAX = load_exercise("softmax")
ATTENTION = load_exercise("scaled_dot_product_attention")


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    monkeypatch.setattr(engine, "_hints_given", {})


def judged(function, exercise=SIMILARITY, seconds=10.0):
    return judge_answer(exercise, function, seconds)


# ------------------------------------------------------------------ not attempted


def raises_not_implemented(q, K):
    """Docstring."""
    raise NotImplementedError


def dots(q, K): ...


def only_docstring(q, K):
    """Docstring."""


def only_pass(q, K):
    pass


def returns_dots(q, K):
    return ...


@pytest.mark.parametrize("stub", [raises_not_implemented, dots, only_docstring, only_pass, returns_dots])
def test_stubs_are_not_attempted(stub):
    verdict = judged(stub)
    assert (verdict.status, verdict.score, verdict.misconception, verdict.cases) == (
        "not attempted",
        0.0,
        None,
        (),
    )
    assert f'check({stub.__name__}, "similarity")' in verdict.message


def test_a_changed_body_without_return_is_wrong():
    def answer(q, K):
        dot = K @ q
        dot + 1

    verdict = judged(answer)
    assert (verdict.status, verdict.misconception, verdict.score) == ("wrong", "type", 0.0)
    assert verdict.message.startswith("Nothing was returned: is a `return` missing?")


def test_an_explicit_none_is_wrong_too():
    def answer(q, K):
        return None

    assert "is a `return` missing?" in judged(answer).message


# ------------------------------------------------------------------ raised, hung, type, shape


def test_raised_says_error_line_and_input():
    def answer(q, K):
        dot = K @ q
        return dot, undefined_name

    verdict = judged(answer)
    assert verdict.misconception == "raised"
    assert (
        "NameError: name 'undefined_name' is not defined (line 3: `return dot, undefined_name"
        in verdict.message
    )
    assert "`similarity(q=[3, 4], K=[[4, 3]])`" in verdict.message


@pytest.mark.parametrize("leave", [sys.exit, lambda: sys.exit(3), quit])
def test_exit_is_caught(leave):
    verdict = judged(lambda q, K: leave())
    assert verdict.misconception == "raised"
    assert "SystemExit" in verdict.message


def test_keyboard_interrupt_stops_the_check_and_gives_a_verdict():
    calls = []

    def answer(q, K):
        calls.append(1)
        raise KeyboardInterrupt

    verdict = judged(answer)
    assert "stopped from the keyboard" in verdict.message
    assert len(calls) == 1


def test_endless_recursion_is_raised():
    def answer(q, K):
        return answer(q, K)

    assert "RecursionError" in judged(answer).message


def test_hanging_answer_is_interrupted():
    def answer(q, K):
        while True:
            pass

    start = time.monotonic()
    verdict = judged(answer, seconds=0.3)
    assert time.monotonic() - start < 2
    assert (verdict.status, verdict.misconception) == ("wrong", "hung")
    assert "does a loop never end? (line " in verdict.message


def test_answer_that_swallows_the_interrupt_is_hung():
    def answer(q, K):
        with contextlib.suppress(BaseException):
            time.sleep(30)
        return similarity(q, K)

    assert judged(answer, seconds=0.3).misconception == "hung"


def test_watchdog_outside_the_main_thread():
    verdicts = []

    def answer(q, K):
        while True:
            pass

    thread = threading.Thread(target=lambda: verdicts.append(judged(answer, seconds=0.3)))
    thread.start()
    thread.join(10)
    assert [verdict.misconception for verdict in verdicts] == ["hung"]


@pytest.mark.parametrize("in_thread", [False, True])
def test_a_slow_import_does_not_count_as_hanging(tmp_path, monkeypatch, in_thread):
    (tmp_path / f"slow_module_{in_thread}.py").write_text(
        "import time\nfor _ in range(60): time.sleep(0.01)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    verdicts = []

    def answer(q, K):
        __import__(f"slow_module_{in_thread}")
        return similarity(q, K)

    def look():
        verdicts.append(judged(answer, seconds=0.25))

    thread = threading.Thread(target=look)
    if in_thread:
        thread.start()
        thread.join(10)
    else:
        look()
    assert verdicts[0].status == "right", verdicts[0]


def test_an_import_that_never_ends_is_interrupted(tmp_path, monkeypatch):
    (tmp_path / "endless_module.py").write_text("import time\nwhile True: time.sleep(0.01)\n")
    monkeypatch.syspath_prepend(tmp_path)

    def answer(q, K):
        __import__("endless_module")

        return endless_module

    assert judged(answer, seconds=0.02).misconception == "hung"


def test_watchdog_gives_back_the_signal_handler_and_timer():
    before = signal.getsignal(signal.SIGALRM)
    with pytest.raises(Hung), watchdog(Deadline(0.05)):
        time.sleep(5)
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (lambda q, K: K @ q, "a single array of shape (5,) came"),
        (lambda q, K: (K @ q, None), "a tuple with None in it came"),
        (lambda q, K: ("a", "b"), "does not form arrays of numbers came"),
        (lambda q, K: "text", "a value of type str came"),
        (lambda q, K: {"dot": 1}, "a value of type dict came"),
        (lambda q, K: (K @ q + 0j, K @ q), "does not form arrays of numbers came"),
        (lambda q, K: ([[1, 2], [3]], 2), "does not form arrays of numbers came"),
        (lambda q, K: (1, 2, 3), "a sequence of length 3 came"),
        (lambda q, K: similarity, "the function 'similarity' itself, not its result came"),
        (lambda q, K: (x for x in q), "a value of type generator came"),
    ],
)
def test_wrong_type_is_said(returned, said):
    verdict = judged(returned)
    assert verdict.misconception == "type"
    assert said in verdict.message
    assert "(dot, cos) is expected" in verdict.message


def test_fractions_lost_to_an_integer_dtype():
    def answer(q, K):
        dot, cos = similarity(q, K)
        return dot, np.round(cos).astype(int)

    verdict = judged(answer)
    assert verdict.misconception == "type"
    assert "cos has dtype int64, which holds no fractions: cos is [1], expected [0.96]" in verdict.message


def test_shape_is_said_with_named_axes():
    def answer(Q, K, V):
        output, weights = scaled_dot_product_attention(Q, K, V)
        return output + 1, weights.swapaxes(-1, -2)

    verdict = judged(answer, ATTENTION)
    assert verdict.misconception == "shape"
    assert "weights: axes (n_q, n_k) = (3, 5) expected, yours is (5, 3): transposed?" in verdict.message


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda cos: cos[:, None], "yours is (5, 1): an axis of length 1 is left over"),
        (lambda cos: cos.sum(), "yours is (): the axis n is missing, was it summed over?"),
        (lambda cos: cos[:1], "yours is (1,): the axis n has shrunk to length 1"),
        (lambda cos: np.ones((3, 5)), "yours is (3, 5), which looks like axes (d, n)"),
    ],
)
def test_other_shapes_are_explained(change, said):
    def answer(q, K):
        dot, cos = similarity(q, K)
        return dot, change(cos)

    assert said in judged(answer).message


def test_lists_of_any_length_are_shown_whole():
    verdict = judged(lambda tokens, pair, new: tokens[:1], load_exercise("merge_pair"))
    assert verdict.misconception == "shape"
    assert "merged is [a], expected [a, b]. This was on `merge_pair(" in verdict.message


def test_one_text_in_place_of_a_list():
    verdict = judged(lambda word, merges: word, load_exercise("bpe_encode"))
    assert "tokens: a list is expected, one text came, 'ab'" in verdict.message


def test_a_list_around_a_number_is_a_matter_of_shape():
    exercise = load_exercise("weighted_average")
    verdict = judged(lambda values, weights: [np.average(values, weights=weights)], exercise)
    assert "a single number expected, yours is (1,): an axis of length 1 is left over" in verdict.message


def test_a_pair_where_one_array_is_expected():
    verdict = judged(lambda x, axis=-1: (softmax(x, axis), x), SOFTMAX)
    assert verdict.misconception == "type"
    assert "One array is expected (weights), but 2 came, of shapes" in verdict.message


# ------------------------------------------------------------------ what counts as right


def test_lists_tensors_objects_and_other_precisions_are_accepted():
    torch = pytest.importorskip("torch")

    def as_tensors(q, K):
        dot, cos = similarity(q, K)
        return torch.tensor(dot), torch.tensor(cos, requires_grad=cos.dtype.kind == "f")

    accepted = [
        lambda q, K: [list(part) for part in similarity(q, K)],
        lambda q, K: tuple([float(x) for x in part] for part in similarity(q, K)),
        lambda q, K: np.stack(similarity(q, K)),
        lambda q, K: tuple(part.astype(object) for part in similarity(q, K)),
        lambda q, K: tuple(np.float32(part) for part in similarity(q, K)),
        as_tensors,
    ]
    for answer in accepted:
        assert judged(answer).status == "right"


def test_bfloat16_tensor_becomes_an_array():
    torch = pytest.importorskip("torch")
    assert as_array(torch.ones(2, dtype=torch.bfloat16)).tolist() == [1.0, 1.0]


def test_every_case_is_tried_in_both_precisions():
    seen = []

    def answer(x, axis=-1):
        seen.append(x.dtype.name)
        return softmax(x, axis)

    assert judged(answer, SOFTMAX).status == "right"
    assert {"float64", "float32", "int64"} <= set(seen)
    assert seen.count("float32") == len(SOFTMAX.cases) - 1


def test_fault_in_float32_alone_is_found():
    def answer(x, axis=-1):
        return softmax(x, axis) if x.dtype == np.float64 else softmax(x + x, axis)

    verdict = judged(answer, SOFTMAX)
    assert verdict.status == "wrong"
    assert "in float32" in verdict.message


def test_score_is_the_weighted_share():
    def answer(x, axis=-1):
        if x.dtype.kind in "iu":
            return np.zeros(x.shape) + 0.1
        return softmax(x, axis)

    total = sum(case.weight for case in SOFTMAX.cases)
    assert judged(answer, SOFTMAX).score == pytest.approx((total - 1) / total)


# ------------------------------------------------------------------ recognising


def test_most_of_the_failing_cases_explained_is_offered_as_a_likeness():
    def answer(Q, K, V):
        scale = 0.9 if Q.ndim == 4 else 1.0
        return scaled_dot_product_attention(Q, K, V, scale=scale)

    verdict = judged(answer, ATTENTION)
    assert verdict.misconception == "no_scale"
    assert "This looks like a known slip: The scores are not divided by sqrt(d)" in verdict.message


@pytest.mark.parametrize(("right_on_3", "misconception"), [(False, "tripled"), (True, None)])
def test_a_stored_answer_that_fails_where_this_one_is_right_is_not_offered(right_on_3, misconception):
    def tripled(x):
        """You triple."""
        return 3 * x

    def answer(x):
        return {3.0: 2 if right_on_3 else 3, 4.0: 5}.get(float(x[0]), 3) * x

    def case(number):
        return Case(f"{number}", lambda rng: (np.array([float(number)]),))

    cases = [case(number) for number in (1, 2, 3, 4, 5, 6)]
    verdict = judged(answer, toy(cases=cases, wrong=[tripled]))
    assert verdict.misconception == misconception
    assert ("known slip: You triple." in verdict.message) == (not right_on_3)


def test_one_failing_case_proves_no_stored_answer():
    def answer(q, K):
        dot, cos = similarity(q, K)
        return (dot, cos + 1) if not q.any() else (dot, cos)

    verdict = judged(answer)
    assert sum(not case.ok for case in verdict.cases) == 1
    assert "known slip" not in verdict.message


def test_nothing_is_offered_when_too_little_is_explained():
    def answer(Q, K, V):
        return scaled_dot_product_attention(Q, K, V, scale=0.123)

    verdict = judged(answer, ATTENTION)
    assert verdict.misconception is None
    assert "output is [[" in verdict.message
    assert "expected [[" in verdict.message


def test_half_an_explanation_is_not_offered():
    def answer(Q, K, V):
        return scaled_dot_product_attention(Q, K, V, scale=1.0 if Q.ndim == 2 else 0.3)

    agreed = engine.judge(ATTENTION, calls := make_calls(ATTENTION), run(answer, calls)[0])
    failing = [case for case in agreed.cases if not case.ok]
    assert len(failing) >= 9
    assert agreed.misconception is None


def test_changed_argument_is_said():
    def answer(q, K):
        result = similarity(q, K)
        q *= 2
        return result

    verdict = judged(answer)
    assert (verdict.status, verdict.misconception) == ("wrong", "changed in place")
    assert verdict.message.startswith("The caller's q changed in place: work on a copy.")


def test_state_kept_between_calls_is_said():
    count = []

    def answer(q, K):
        count.append(1)
        dot, cos = similarity(q, K)
        return (dot, cos) if len(count) < 20 else (dot + 1, cos)

    verdict = judged(answer)
    assert verdict.misconception == "second call"


def test_random_answers_are_said_to_be_random():
    def answer(q, K):
        dot, cos = similarity(q, K)
        return dot, cos + 0.01 * np.random.normal(size=cos.shape)

    assert "another result: random, or something is kept" in judged(answer).message


def test_results_kept_by_shape_are_not_called_an_ignored_argument():
    kept = {}

    def answer(x, axis=-1):
        return kept.setdefault((x.shape, axis), softmax(x, axis))

    verdict = judged(answer, SOFTMAX)
    assert verdict.misconception == "second call"
    assert "Another `x` gave the result of an earlier call again" in verdict.message


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (np.divide, "`/=` works in place and changes it for the caller too, write `weights = weights / ...`"),
        (
            np.subtract,
            "`-=` works in place and changes it for the caller too, write `weights = weights - ...`",
        ),
    ],
)
def test_a_step_in_place_is_named_by_its_operator(step, said):
    def answer(values, weights):
        right = float(values @ weights / weights.sum())
        step(weights, 1.5, out=weights)
        return right

    verdict = judged(answer, load_exercise("weighted_average"))
    assert verdict.misconception == "changed in place"
    assert verdict.message.startswith("The caller's weights changed in place")
    assert said in verdict.message


def test_a_list_that_contains_itself_is_a_matter_of_type():
    def answer(x, axis=-1):
        rows = []
        rows.append(rows)
        return rows

    assert judged(answer, SOFTMAX).misconception == "type"


def test_rows_that_are_floats_are_refused():
    nearest = load_exercise("nearest")
    right = nearest.solution
    verdict = judged(lambda q, K, k: [float(row) for row in right(q, K, k)], nearest)
    assert "rows has dtype float64: rows are whole numbers, so that `K[rows]` works" in verdict.message
    assert judged(lambda q, K, k: [int(row) for row in right(q, K, k)], nearest).status == "right"


def test_nan_is_said():
    verdict = judged(lambda q, K: (K @ q, K @ q * np.nan))
    assert verdict.misconception == "nan"
    assert "There is nan in the result" in verdict.message


def test_broken_property_is_said():
    verdict = judged(lambda x, axis=-1: softmax(x, axis) * 1.1, SOFTMAX)
    assert verdict.misconception == "sums_to_one"
    assert "must sum to 1" in verdict.message


def test_nan_behind_a_broken_property_is_named_first():
    def answer(Q, K, V):
        lengths = np.linalg.norm(Q, axis=-1, keepdims=True)
        return scaled_dot_product_attention(Q / lengths, K, V)

    assert judged(answer, ATTENTION).misconception == "nan"


def test_an_argument_that_does_not_matter_there_is_not_called_ignored():
    def scaled(x, factor=2):
        return x * factor

    case = Case("factor is the default", lambda rng: (np.array([1.0, 2.0]),), {"factor": 2})
    exercise = toy(cases=[case], reference=scaled)
    assert judged(lambda x, factor=2: x * factor + 1, exercise).misconception is None


def test_ignored_argument_is_said():
    def answer(Q, K, V):
        _, weights = scaled_dot_product_attention(Q * 0 + 0.3, K, V)
        return weights @ V, weights

    verdict = judged(answer, ATTENTION)
    assert verdict.misconception == "ignored"
    assert "`Q` is ignored" in verdict.message


def test_first_differing_element_has_named_axes():
    def answer(Q, K, V):
        output, weights = scaled_dot_product_attention(Q, K, V)
        if Q.ndim == 4:
            output[1, 2, 3, 5] += 0.5
        return output, weights

    verdict = judged(answer, ATTENTION)
    assert "output[B=1, H=2, n_q=3, d_v=5] is" in next(case.seen for case in verdict.cases if not case.ok)


def toy(**more):
    """An exercise on one number."""

    def double(x):
        if x[0] < 0:
            raise ValueError("negative")
        return 2 * x

    settings = dict(
        id="double",
        contract="double(x)",
        minutes=1,
        difficulty=1,
        points=1,
        arguments={"x": ("n",)},
        outputs={"y": ("n",)},
        reference=double,
        solution=double,
        wrong=[],
        right=[double],
        hints=["a", "b", "c"],
        cases=[
            Case("two", lambda rng: (np.array([1.0, 2.0]),)),
            Case("negative", lambda rng: (np.array([-1.0]),)),
        ],
    )
    return Exercise(**(settings | more))


def test_floats_are_not_taken_for_a_stored_answer_of_whole_numbers():
    def again_otherwise(x):
        """You double, and add 1 to large numbers."""
        return 2 * x + (x > 5)

    exercise = toy(
        whole={"y": "counts are whole"},
        reference=lambda x: 2 * x.astype(int),
        cases=[Case("two", lambda rng: (np.array([1, 2]),)), Case("six", lambda rng: (np.array([3, 6]),))],
        wrong=[again_otherwise],
    )
    assert judged(lambda x: 2 * x + (x > 5), exercise).misconception == "again_otherwise"
    verdict = judged(lambda x: 2.0 * x + (x > 5), exercise)
    assert verdict.misconception == "type"
    assert "counts are whole" in verdict.message


def test_convention_keeps_its_score_and_is_not_called_wrong():
    def tripled(x):
        """Right elsewhere: here we double."""
        if x[0] < 0:
            raise ValueError
        return 3 * x

    verdict = judged(tripled, toy(conventions=[tripled]))
    assert (verdict.status, verdict.score, verdict.misconception) == ("other convention", 1.0, "tripled")
    assert verdict.message.startswith("Right elsewhere: here we double.")
    assert "wrong" not in str(verdict).lower()
    assert all(case.ok for case in verdict.cases)


def test_input_that_must_raise():
    verdict = judged(lambda x: 2 * x, toy())
    assert (verdict.status, verdict.misconception, verdict.score) == ("wrong", "raised", 0.5)
    assert "should raise ValueError here: it returned [-2]" in verdict.message


def gives_back(outcome):
    """An answer to `toy` whose negative input ends in `outcome`: raised if it is a class, else returned."""

    def answer(x):
        if x[0] >= 0:
            return 2 * x
        if isinstance(outcome, type):
            raise outcome("no")
        return outcome

    return answer


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (TypeError, "here: a TypeError came."),
        (None, "here: it returned None."),
        (ValueError("no"), "here: a ValueError (returned: write `raise` instead) came."),
    ],
)
def test_what_came_in_place_of_the_exception_is_said(outcome, said):
    assert said in judged(gives_back(outcome), toy()).message


def test_a_subclass_of_the_exception_counts():
    class NegativeError(ValueError):
        pass

    assert judged(gives_back(NegativeError), toy()).status == "right"


# ------------------------------------------------------------------ nothing leaks


def test_a_megabyte_of_prints_is_cut_and_said(capsys):
    def answer(q, K):
        print("<b>" * 350_000)
        print("to stderr", file=sys.stderr)
        return similarity(q, K)

    verdict = judged(answer)
    assert verdict.status == "right"
    assert "characters were printed" in verdict.printed
    assert len(verdict.printed) < 500
    assert len(str(verdict)) < 1000
    assert "<b>" not in verdict._repr_html_()
    assert capsys.readouterr() == ("", "")


def test_prints_of_the_first_call_alone_are_shown():
    def answer(q, K):
        print("shape", K.shape)
        return similarity(q, K)

    assert judged(answer).printed.startswith("shape (5, 3)\n... (")


def test_global_state_is_as_before():
    def answer(q, K):
        np.random.seed(0)
        random.seed(0)
        np.set_printoptions(precision=1)
        np.seterr(all="raise")
        os.chdir("/")
        warnings.simplefilter("error")
        return similarity(q, K)

    np.random.seed(5)
    random.seed(5)
    expected = np.random.rand(), random.random()
    np.random.seed(5)
    random.seed(5)
    options, errors, filters = np.get_printoptions(), np.geterr(), list(warnings.filters)
    before = os.getcwd()
    assert judged(answer).status == "right"
    assert os.getcwd() == before
    assert (np.random.rand(), random.random()) == expected
    assert (np.get_printoptions(), np.geterr(), warnings.filters) == (options, errors, filters)


def test_warnings_of_an_answer_do_not_show():
    def answer(q, K):
        warnings.warn("look at me", stacklevel=1)
        return similarity(q, K)

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        assert judged(answer).status == "right"
    assert not seen


def test_checking_numpy_exercises_does_not_import_torch():
    code = (
        "import sys; from course_lib.checks import check, hint, solution, hunt;"
        "from course_lib.by_hand import softmax; assert check(softmax).score == 1;"
        "check(lambda x, axis=-1: x, 'softmax');"
        "assert 'torch' not in sys.modules; assert 'matplotlib' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ)


def test_the_calls_serialise_and_depend_on_the_seed_alone():
    one, two, other = make_calls(SOFTMAX), make_calls(SOFTMAX), make_calls(SOFTMAX, seed=1)
    assert all(np.array_equal(a.args[0], b.args[0]) for a, b in zip(one, two, strict=True))
    assert not np.array_equal(one[0].args[0], other[0].args[0])
    assert all(isinstance(arg, np.ndarray) for call in one for arg in call.args)


@pytest.mark.parametrize("exercise", [SIMILARITY, SOFTMAX, ATTENTION], ids=lambda e: e.id)
@pytest.mark.parametrize("seed", range(1, 13))
def test_right_answers_stay_right_with_other_seeds(exercise, seed):
    calls = make_calls(exercise, seed)
    for right in exercise.right:
        assert engine.judge(exercise, calls, *run(right, calls)).status == "right"


# ------------------------------------------------------------------ check, hint, solution, hunt


def test_check_finds_the_exercise_by_name_and_notes_the_outcome():
    assert check(softmax).status == "right"
    assert journal.read()["exercises"]["softmax"]["status"] == "right"
    assert check(lambda q, K: similarity(q, K), "similarity").status == "right"


@pytest.mark.parametrize(
    "call", [lambda: hint("sofmax"), lambda: solution("sofmax"), lambda: check(max, "sofmax")]
)
def test_unknown_exercise_names_the_nearest(call):
    with pytest.raises(KeyError, match="no exercise is called 'sofmax'; nearest: softmax"):
        call()


def test_unknown_exercise_with_no_near_one_lists_all():
    with pytest.raises(KeyError, match="there are: weighted_average, "):
        hint("zzzz")


def test_check_of_a_name_in_quotes_says_what_to_pass():
    with pytest.raises(TypeError, match=r"check\(softmax\); str came"):
        check("softmax")


def test_check_of_a_function_without_a_name_says_how_to_name_it():
    with pytest.raises(KeyError, match=r'goes in as check\(fn, "softmax"\)'):
        check(lambda x, axis=-1: x)


def test_check_with_a_function_in_place_of_the_name():
    with pytest.raises(TypeError, match=r'by its name, as in check\(fn, "softmax"\); function came'):
        check(softmax, softmax)


def test_hints_go_one_further_each_time():
    shown = [hint("softmax") for _ in range(4)]
    assert [note.title for note in shown] == [f"softmax: hint {i} of 3" for i in (1, 2, 3, 3)]
    assert [note.text for note in shown[:3]] == list(SOFTMAX.hints)
    assert hint("softmax", level=2).text == SOFTMAX.hints[1]
    assert hint(softmax).title == "softmax: hint 3 of 3"


def test_hints_of_a_hunt():
    assert hint("03_scale").title == "03_scale: hint 1 of 3"


@pytest.mark.parametrize("level", [0, 4])
def test_hint_level_out_of_range(level):
    with pytest.raises(ValueError, match="levels 1 to 3"):
        hint("softmax", level=level)


def test_solution_asks_to_try_first():
    assert "Try first" in solution("softmax").text
    check(lambda x, axis=-1: x, "softmax")
    shown = solution("softmax")
    assert shown.code.startswith("def softmax(x, axis=-1):")
    namespace = {"np": np}
    exec(shown.code, namespace)
    assert check(namespace["softmax"]).status == "right"


def test_a_stub_does_not_open_the_solution():
    check(raises_not_implemented, "similarity")
    assert "Try first" in solution("similarity").text


def test_unknown_hunt():
    with pytest.raises(KeyError, match="no hunt is called '99_scale'"):
        hunt("99_scale")


HUNT = Hunt(
    id="toy",
    contract="sum",
    arguments={"x": ("n",)},
    outputs={"total": ()},
    broken=lambda x: x[:3].sum(),
    right=lambda x: x.sum(),
    faults={"first": ("stops early", "It begins at the start."), "sign": ("sign", "No sign.")},
    fault="first",
    explanation="It stops after three.",
    example=(np.arange(5.0),),
    dull=(np.arange(3.0),),
    hints=("a", "b", "c"),
)


@pytest.mark.parametrize(
    ("example", "fault", "status", "score", "said"),
    [
        ((np.arange(5.0),), "first", "right", 1.0, "on your example the broken total is 3, expected 10"),
        ((np.arange(5.0),), "sign", "wrong", 0.5, "No sign."),
        ((np.arange(3.0),), "first", "wrong", 0.0, "Both give the same on your example"),
        ((np.arange(3.0),), "sign", "wrong", 0.0, "Both give the same"),
        (np.arange(3.0), "first", "wrong", 0.0, "must be a tuple of 1 arrays"),
        (("text",), "first", "wrong", 0.0, "arrays of numbers"),
        (([1, 2, 3, np.nan],), "first", "wrong", 0.0, "nan or inf"),
        (([1, 2, 3, 4],), "first", "right", 1.0, "Caught"),
        (None, "first", "not attempted", 0.0, "Put an input"),
    ],
)
def test_hunt(example, fault, status, score, said):
    verdict = HUNT.submit(example, fault=fault)
    assert (verdict.status, verdict.score) == (status, score)
    assert said in verdict.message
    if status != "not attempted":
        assert journal.read()["exercises"]["toy"]["score"] == score


def test_hunt_with_an_unknown_fault_names_the_choices():
    verdict = HUNT.submit((np.arange(5.0),), fault="frist")
    assert (verdict.status, verdict.score, verdict.misconception) == ("wrong", 0.0, "fault")
    assert verdict.message == "No fault is called `frist`. Choose one of `first`, `sign`."


def test_hunt_takes_the_whole_line_of_the_list_as_the_fault():
    assert HUNT.submit((np.arange(5.0),), fault="first: stops early").status == "right"


@pytest.mark.parametrize("fault", [(), (None,), (5,)])
def test_hunt_without_a_fault_says_what_it_takes(fault):
    with pytest.raises(TypeError, match='fault takes a name from the list, as in fault="first"; '):
        HUNT.submit((np.arange(5.0),), *fault)


def test_hunt_names_missing_axes_and_numbers_of_no_use():
    scale = hunt("03_scale")
    flat = scale.submit((np.ones(3), np.ones(3), np.ones(5)), fault="root_of_d_v")
    assert flat.message == "Q needs axes (n_q, d); yours has shape (3,)."
    for size in (1e-6, 1e3):
        Q, K, V = scale.example
        verdict = scale.submit((Q * size, K * size, V), fault="root_of_d_v")
        assert (verdict.score, "Use numbers near 1" in verdict.message) == (0.0, True)
    assert "Use numbers" not in scale.submit(scale.dull, fault="root_of_d_v").message


def test_solution_of_a_hunt_names_the_fault_after_a_try():
    assert "Try first: hand in an example" in solution("03_scale").text
    hunt("03_scale").submit(hunt("03_scale").dull, fault="no_scale")
    assert solution("03_scale").text.startswith("`root_of_d_v`: the scores are divided by the root of d_v")


# ------------------------------------------------------------------ how it looks


def test_verdict_as_plain_text_shows_failing_cases_and_is_no_wall():
    cases = tuple(CaseResult(f"case {i}", i == 0, "x is 1, expected 2") for i in range(7))
    verdict = Verdict("softmax", "wrong", 0.5, "A sentence.", None, cases)
    lines = ["✗ softmax: wrong, 1 of 7 cases right", "A sentence."]
    lines += [f"  ✗ case {i}: x is 1, expected 2" for i in (1, 2, 3, 4)] + ["  ... and 2 cases more"]
    assert str(verdict) == repr(verdict) == "\n".join(lines)


def test_verdict_as_html_folds_all_cases_away():
    shown = judged(lambda q, K: (K @ q, K @ q))._repr_html_()
    assert shown.count("<tr") == len(SIMILARITY.cases) + 1
    assert shown.index("<details") < shown.index("<table")
    assert "--jp-error-color1" in shown


def test_what_an_answer_says_is_escaped_in_html():
    def answer(q, K):
        raise ValueError("<script>alert(1)</script> `<b>`")

    shown = judged(answer)._repr_html_()
    assert "<script>" not in shown
    assert "<b>" not in shown
    assert "&lt;script&gt;" in shown


def test_numbers_get_as_many_digits_as_it_takes_to_tell_them_apart():
    assert compare.pair(np.array(0.12341), np.array(0.98761)) == "0.1234, expected 0.9876"
    assert compare.pair(np.array(1.00004), np.array(1.00009)) == "1.00004, expected 1.00009"


def test_rich_turns_backticks_into_code():
    assert rich("use `a < b`").startswith("use <code")
    assert "a &lt; b</code>" in rich("use `a < b`")


def test_a_stub_of_another_name_is_sent_to_the_call_that_was_made():
    def mine(values, weights):
        return ...

    assert 'check(mine, "weighted_average")' in check(mine, "weighted_average").message
