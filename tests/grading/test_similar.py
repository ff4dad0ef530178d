"""Likeness of answers: disguised copies are found, answers that somebody found alone are not named."""

import ast
import inspect
import itertools
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from functools import cache

import pytest
from marked_class import marked_class, student_ids, submission, tasks

from course_lib.checks.spec import exercise_ids, load_exercise
from course_lib.grading import similar
from course_lib.grading.records import GRADED, Mark
from course_lib.grading.similar import ALIKE, SHORTEST, fingerprint, similar_pairs

[COPIED] = [
    inspect.getsource(answer)
    for answer in load_exercise("masked_softmax").right
    if answer.__name__ == "with_positions"
]
DISGUISED = """
# all my own work
def masked_softmax(s, keep: "array", future) -> "array":
    a, b = s.shape[-2:]

    allowed = np.repeat(keep[:, None, :], a, axis=1)  # one row a query
    if (future):
        "here the future goes"
        allowed &= (np.arange(b)[None, :]
                    <= np.arange(b - a, b)[:, None])
    result = s.copy()
    result[~allowed] = -np.inf
    result -= result.max(axis=-1, keepdims=True)
    np.exp(result, out=result)
    result /= result.sum(axis=-1, keepdims=True)  # normalise
    return np.nan_to_num(result, nan=0.0)
"""


@cache
def stored():
    """For each exercise its right answers, as sources that were written in different ways."""
    found = {name: load_exercise(name).right for name in exercise_ids()}
    return {
        name: [textwrap.dedent(inspect.getsource(one)) for one in answers] for name, answers in found.items()
    }


def stub(source):
    """The head of an answer with an empty body: what a starter holds."""
    tree = ast.parse(source)
    tree.body[0].body = ast.parse("raise NotImplementedError").body
    return ast.unparse(tree)


class Renamed(ast.NodeTransformer):
    """Gives every name that the answer binds another one."""

    def __init__(self):
        self.new = {}

    def visit_arg(self, node):
        node.arg = self.new.setdefault(node.arg, f"other_{len(self.new)}")
        return node

    def visit_Name(self, node):
        if isinstance(node.ctx, ast.Store):
            self.new.setdefault(node.id, f"other_{len(self.new)}")
        node.id = self.new.get(node.id, node.id)
        return node


def pair_of(one, other, starter=()):
    return similar_pairs([handed_in("ann", one, starter), handed_in("bob", other, starter)])


def handed_in(student, source, starter=()):
    mark = Mark("masked_softmax", 3, GRADED, 1.0, "right", fingerprint=fingerprint(source, starter))
    return submission(student, "04_masks", [mark])


def test_a_copy_is_found_through_names_comments_layout_and_annotations():
    [(exercise, one, other, share)] = pair_of(COPIED, DISGUISED)
    assert (exercise, one, other, share) == ("masked_softmax", "ann", "bob", 1.0)


@pytest.mark.parametrize("exercise", exercise_ids())
def test_renaming_changes_no_fingerprint(exercise):
    for source in stored()[exercise]:
        assert fingerprint(ast.unparse(Renamed().visit(ast.parse(source)))) == fingerprint(source)


def test_a_copy_with_lines_put_between_is_found():
    """Two lines put into every stored answer that is long enough: nine of ten are still found."""
    found = []
    for source in itertools.chain(*stored().values()):
        kept = fingerprint(source, [stub(source)])
        if len(kept) >= SHORTEST:
            padded = set(fingerprint(with_padding(source), [stub(source)]))
            found.append(len(padded & set(kept)) / min(len(padded), len(kept)) >= ALIKE)
    assert len(found) > 150
    assert sum(found) / len(found) > 0.9


def with_padding(source):
    tree = ast.parse(source)
    top = tree.body[0]
    body = top.body if isinstance(top, ast.FunctionDef) else top.body[-1].body
    body.insert(len(body) // 2, ast.parse("unused = len([1, 2, 3])").body[0])
    body.insert(0, ast.parse("counter = 0").body[0])
    return ast.unparse(tree)


@pytest.mark.parametrize("exercise", exercise_ids())
def test_right_answers_found_in_different_ways_make_no_pair(exercise):
    prints = [fingerprint(source, [stub(source)]) for source in stored()[exercise]]
    found = [
        submission(f"s{i}", "04_masks", [Mark(exercise, 1, GRADED, 1.0, "right", fingerprint=kept)])
        for i, kept in enumerate(prints)
    ]
    assert similar_pairs(found) == []


def test_short_answers_make_no_pair():
    short = "def perplexity(p):\n    return np.exp(-np.mean(np.log(p)))\n"
    mask = "def causal_mask(n_q, n_k):\n    return np.arange(n_k) <= np.arange(n_q)[:, None] + n_k - n_q\n"
    assert pair_of(short, short) == [] and pair_of(mask, mask) == []


def test_what_the_starter_holds_counts_for_nothing():
    assert fingerprint(COPIED, [DISGUISED]) == ()
    assert pair_of(COPIED, DISGUISED, [COPIED]) == []


@pytest.mark.parametrize("exercise", exercise_ids())
def test_the_stored_answers_count_for_nothing(exercise):
    given = similar.given_texts(load_exercise(exercise))
    assert {fingerprint(source, given) for source in stored()[exercise]} == {()}


def test_what_many_have_in_common_is_left_out():
    class_ = [handed_in(f"s{number:02d}", COPIED) for number in range(40)]
    assert similar_pairs(class_) == []
    assert len(similar_pairs(class_[:3])) == 3


def test_attempts_of_one_student_are_no_pair_and_the_likest_counts():
    own = handed_in("ann", COPIED)
    assert similar_pairs([own, own]) == []
    half = replace(own, marks=(replace(own.marks[0], fingerprint=own.marks[0].fingerprint[:-4]),))
    [(_, _, _, share)] = similar_pairs([half, own, handed_in("bob", COPIED)])
    assert share == 1.0


@pytest.mark.parametrize(
    "source",
    ["", "def f(:", "\x00", "x = " + "(" * 5000 + ")" * 5000, "-" * 100_000 + "1", "9" * 5000, "\ud800"],
)
def test_what_is_no_python_has_no_fingerprint(source):
    assert fingerprint(source) == ()


def test_a_huge_answer_is_cut():
    kept = fingerprint("\n".join(f"x{i} = {i}" for i in range(50_000)))
    assert len(kept) <= similar.LONGEST


def test_hashes_are_the_same_in_every_process():
    code = f"from course_lib.grading.similar import fingerprint; print(fingerprint({COPIED!r}))"
    seen = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    }
    assert seen == {f"{fingerprint(COPIED)}\n"}


def test_a_large_class_takes_seconds():
    asked = tasks(23, 3)
    class_ = marked_class(student_ids(300), asked)
    copied = [mark.fingerprint for mark in class_[0].marks]
    class_[23] = replace(
        class_[23],
        marks=tuple(replace(m, fingerprint=f) for m, f in zip(class_[23].marks, copied, strict=True)),
    )
    start = time.process_time()
    found = similar_pairs(class_)
    assert time.process_time() - start < 10
    assert {pair[1:3] for pair in found} == {("s0000", "s0001")}
