"""Pairs of answers that resemble each other: winnowed hashes of token runs, looked up in an inverted index.

Schleimer, Wilkerson and Aiken 2003, "Winnowing: local algorithms for document fingerprinting": of the hashes
of all runs of `RUN` tokens the smallest of each `WINDOW` in a row is kept, so two texts with a common run of
RUN + WINDOW - 1 tokens share a kept hash.
"""

import ast
import builtins
import hashlib
import inspect
import io
import keyword
import textwrap
import tokenize
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import combinations, islice

from course_lib.checks.spec import Exercise
from course_lib.grading.records import Marked

RUN, WINDOW = 8, 4
LONGEST = 20_000  # tokens of an answer that are looked at
SHORTEST = 16  # kept hashes of an answer below which likeness says nothing: 4 or 5 lines
ALIKE = 0.7  # share of the shorter answer's kept hashes that the other one has too
FEW = 10  # a hash is common knowledge when more than this many students have it, and
COMMON = 0.25  # more than this share of those who answered
FIXED = {*dir(builtins), *keyword.kwlist}
DROPPED = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER}


def fingerprint(source: str, starter: Sequence[str] = ()) -> tuple[int, ...]:
    """The kept hashes of an answer without those of any run in a `starter` text; () if it is no Python."""
    given = set().union(*(runs_given(text) for text in starter))
    return tuple(sorted(set(winnow(run_hashes(tokens(source)))) - given))


def given_texts(exercise: Exercise) -> list[str]:
    """What anybody may have read of an exercise: its solution and the other right answers that are stored."""
    answers = dict.fromkeys([exercise.solution, *exercise.right])
    return [textwrap.dedent(inspect.getsource(answer)) for answer in answers]


@lru_cache(maxsize=1000)
def runs_given(text: str) -> frozenset[int]:
    """All hashes of a starter text, worked out once for a class."""
    return frozenset(run_hashes(tokens(text)))


def tokens(source: str) -> list[str]:
    """The tokens of a program with own names as one symbol; no comments, docstrings or annotations.

    Names of Python itself, and those of a library as in `np.exp`, are kept: nobody can rename them.
    """
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = Bare().visit(ast.parse(source))
        text = io.StringIO(ast.unparse(tree))
        found = list(islice(tokenize.generate_tokens(text.readline), LONGEST))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    own = own_names(tree)
    befores = ["", *(token.string for token in found)]
    return [
        symbol(token, before == "." and token.string not in own)
        for token, before in zip(found, befores, strict=False)
        if token.type not in DROPPED
    ]


def own_names(tree: ast.AST) -> set[str]:
    """Names that the program gives: attributes it sets, functions and methods it defines."""
    nodes = list(ast.walk(tree))
    attributes = {n.attr for n in nodes if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store)}
    return attributes | {n.name for n in nodes if isinstance(n, ast.FunctionDef)}


class Bare(ast.NodeTransformer):
    """Takes away what does nothing: docstrings, lone constants, `pass`, annotations, words in f-strings."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return None if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_Pass(self, node: ast.Pass) -> None:
        return None

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return ast.copy_location(ast.Constant(""), node)


def symbol(token: tokenize.TokenInfo, is_library: bool) -> str:
    """What a token counts as; `is_library` tells a name that stands behind a dot and is not the author's."""
    if token.type == tokenize.STRING:
        return "''"
    if token.type == tokenize.INDENT:
        return "indent"
    is_fixed = is_library or token.string in FIXED
    return token.string if is_fixed or token.type != tokenize.NAME else "name"


def run_hashes(words: Sequence[str]) -> list[int]:
    """A hash of each run of RUN tokens, the same in every process."""
    return [hash_of(words[i : i + RUN]) for i in range(len(words) - RUN + 1)]


def hash_of(words: Sequence[str]) -> int:
    """48 bits: short in JSON, and exact in programs that read every number as a float."""
    return int.from_bytes(hashlib.blake2b(" ".join(words).encode(), digest_size=6).digest())


def winnow(hashes: Sequence[int]) -> list[int]:
    """The smallest hash of each WINDOW in a row."""
    return [min(hashes[i : i + WINDOW]) for i in range(max(len(hashes) - WINDOW, 0) + 1) if hashes]


def similar_pairs(marked: Sequence[Marked]) -> list[tuple[str, str, str, float]]:
    """(exercise, student, student, share) of answers that resemble each other, the most alike first.

    The share is that of the shorter answer's kept hashes. Of several attempts of a student the one most like
    counts. What many students of a class have in common is left out first.
    """
    prints = defaultdict(set)
    for number, one in enumerate(marked):
        for mark in one.marks:
            prints[mark.exercise].add((one.student, number, mark.fingerprint))
    found = [pair for exercise, answers in prints.items() for pair in pairs_of(exercise, answers)]
    return sorted(found, key=lambda pair: (-pair[3], *pair[:3]))


def pairs_of(
    exercise: str, answers: Iterable[tuple[str, int, tuple[int, ...]]]
) -> list[tuple[str, str, str, float]]:
    """The pairs of one exercise; an answer is (student, number of its submission, kept hashes)."""
    rare = without_common([(student, number, set(kept)) for student, number, kept in answers])
    sizes = {(student, number): len(kept) for student, number, kept in rare}
    holders = defaultdict(list)
    for student, number, kept in rare:
        for value in kept:
            holders[value].append((student, number))
    shared = Counter(pair for owners in holders.values() for pair in combinations(sorted(owners), 2))
    best: dict[tuple[str, str], float] = {}
    for (one, other), count in shared.items():
        share = count / min(sizes[one], sizes[other])
        if one[0] != other[0] and share >= ALIKE:
            pair = (one[0], other[0])
            best[pair] = max(share, best.get(pair, 0.0))
    return [(exercise, *pair, share) for pair, share in best.items()]


def without_common(answers: list[tuple[str, int, set[int]]]) -> list[tuple[str, int, set[int]]]:
    """The answers without the hashes of common knowledge, and only those that are still long enough."""
    students = defaultdict(set)
    for student, _, kept in answers:
        for value in kept:
            students[value].add(student)
    limit = max(FEW, COMMON * len({student for student, _, _ in answers}))
    common = {value for value, owners in students.items() if len(owners) > limit}
    left = [(student, number, kept - common) for student, number, kept in answers]
    return [answer for answer in left if len(answer[2]) >= SHORTEST]
