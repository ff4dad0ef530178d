"""Exercise `padding_mask` (lesson 04): which tokens of a padded batch are real."""

import numpy as np

from course_lib import by_hand
from course_lib.checks import Case, Exercise
from course_lib.checks.forbids import BESIDE_NUMPY

# ------------------------------------------------------------------ a solution, and other right ways


def padding_mask(lengths, n):
    if np.any(lengths > n):
        raise ValueError("a sentence is longer than n")
    return np.arange(n) < lengths[:, None]


def with_lists(lengths, n):
    if max(lengths) > n:
        raise ValueError
    return [[True] * int(length) + [False] * (n - int(length)) for length in lengths]


def one_row_at_a_time(lengths, n):
    keep = np.zeros((len(lengths), n), dtype=bool)
    for row, length in zip(keep, lengths, strict=True):
        if length > n:
            raise ValueError(f"length {length} does not fit n = {n}")
        row[:length] = True
    return keep


def with_a_triangle(lengths, n):
    triangle = np.tril(np.ones((n + 1, n), dtype=bool), k=-1)
    if lengths.max() > n:
        raise ValueError("too long")
    return triangle[lengths]


# ------------------------------------------------------------------ stored wrong answers


def checked(lengths, n):
    if np.any(lengths > n):
        raise ValueError("a sentence is longer than n")
    return np.asarray(lengths)[:, None]


def true_means_padding(lengths, n):
    """Your True marks the padding: in this course True means "may be attended", so the real tokens."""
    return np.arange(n) >= checked(lengths, n)


def one_too_many(lengths, n):
    """Each sentence keeps one token too many: positions count from 0, so the real ones are below the
    length."""
    return np.arange(n) <= checked(lengths, n)


def one_too_few(lengths, n):
    """Each sentence loses its last word: positions 0 to length - 1 are real."""
    return np.arange(n) < checked(lengths, n) - 1


def padding_in_front(lengths, n):
    """Your padding stands in front: here sentences start at position 0 and the padding is at the end."""
    return np.arange(n) >= n - checked(lengths, n)


def only_the_last_word(lengths, n):
    """You mark the last word of each sentence alone: all words before it are real as well."""
    return np.arange(n) == checked(lengths, n) - 1


def longest_for_all(lengths, n):
    """Every sentence gets the length of the longest: each has its own, so compare with lengths[:, None]."""
    return np.arange(n) < np.full_like(checked(lengths, n), lengths.max())


def shortest_for_all(lengths, n):
    """Every sentence is cut to the shortest: each has its own length, so compare with lengths[:, None]."""
    return np.arange(n) < np.full_like(checked(lengths, n), lengths.min())


def cut_at_the_longest(lengths, n):
    """The mask is as wide as the longest sentence: it must have n columns, as many as the scores have
    keys."""
    checked(lengths, n)
    return np.arange(lengths.max()) < lengths[:, None]


def sentences_as_columns(lengths, n):
    """Rows are sentences, columns positions, shape (B, n): yours is the other way round."""
    return padding_mask(lengths, n).T


def square_masks(lengths, n):
    """You return a mask for queries and keys, (B, n, n): key_keep has one row a sentence, (B, n). The axis
    for the queries comes later."""
    keep = padding_mask(lengths, n)
    return keep[:, :, None] & keep[:, None, :]


def with_a_query_axis(lengths, n):
    """You have added the axis for the queries already, (B, 1, n): return (B, n), masked_softmax adds the
    axis."""
    return padding_mask(lengths, n)[:, None, :]


def infinities(lengths, n):
    """You return 0 and -inf, numbers to be added: here a mask is boolean, True at the real tokens."""
    return np.where(padding_mask(lengths, n), 0.0, -np.inf)


def positions(lengths, n):
    """You return positions: return True or False for each, the result of a comparison."""
    return np.where(padding_mask(lengths, n), np.arange(n) + 1, 0)


def everything_is_real(lengths, n):
    """Nothing is marked as padding: a position from the length on is False."""
    checked(lengths, n)
    return np.ones((len(lengths), n), bool)


def too_long_is_cut(lengths, n):
    """A sentence longer than n is cut without a word: its last words would vanish from the batch. Raise a
    ValueError."""
    return np.arange(n) < lengths[:, None]


def full_length_is_refused(lengths, n):
    """A sentence of length n fits exactly: refuse only those with more than n tokens."""
    if np.any(lengths >= n):
        raise ValueError("too long")
    return np.arange(n) < lengths[:, None]


def asserts(lengths, n):
    """You stop with an AssertionError: a caller's mistake is told by `raise ValueError(...)`, which stays
    there when Python runs without asserts."""
    assert np.all(lengths <= n)
    return np.arange(n) < lengths[:, None]


# ------------------------------------------------------------------ properties and cases


def as_many_as_the_length(seen):
    """The number of True in a row must be the length of its sentence."""
    return all(
        np.array_equal(np.asarray(case.outputs["keep"]).sum(axis=-1), case.inputs["lengths"])
        for case in seen.values()
    )


def drawn(rng, B):
    n = int(rng.integers(20, 60))
    return rng.integers(1, n, size=B), n


EXERCISE = Exercise(
    id="padding_mask",
    contract=(
        "padding_mask(lengths, n) -> keep (B, n) bool; lengths (B,) whole numbers; True at the first "
        "lengths[b] positions of row b. ValueError if a length is larger than n."
    ),
    minutes=6,
    difficulty=1,
    points=1,
    arguments={"lengths": ("B",), "n": ()},
    outputs={"keep": ("B", "n")},
    cases=[
        Case("lengths 2, 5, 3 in 7", lambda rng: (np.array([2, 5, 3]), 7), weight=3),
        Case("the longest fills its row", lambda rng: (np.array([1, 3]), 3)),
        Case("one sentence", lambda rng: (np.array([2]), 5)),
        Case("an empty sentence", lambda rng: (np.array([0, 2]), 4)),
        Case("as many sentences as positions", lambda rng: (np.array([1, 3, 2]), 4)),
        Case("a square", lambda rng: (np.array([2, 1]), 2)),
        Case("a sentence that does not fit", lambda rng: (np.array([2, 4]), 3)),
        Case("11 sentences", lambda rng: drawn(rng, 11)),
        Case("23 sentences", lambda rng: drawn(rng, 23)),
    ],
    reference=by_hand.padding_mask,
    solution=padding_mask,
    right=[padding_mask, with_lists, one_row_at_a_time, with_a_triangle],
    wrong=[
        true_means_padding,
        one_too_many,
        one_too_few,
        padding_in_front,
        only_the_last_word,
        longest_for_all,
        shortest_for_all,
        cut_at_the_longest,
        sentences_as_columns,
        square_masks,
        with_a_query_axis,
        infinities,
        positions,
        everything_is_real,
        too_long_is_cut,
        full_length_is_refused,
        asserts,
    ],
    properties=[as_many_as_the_length],
    hints=[
        "A sentence has 3 tokens. At which positions, counted from 0, do they stand?",
        (
            "`np.arange(n)` is a row of positions (n,), `lengths[:, None]` a column (B, 1). What does a "
            "comparison of the two give? And what must happen before, if a length is larger than n?"
        ),
        "`if np.any(lengths > n): raise ValueError(...)`, then `return np.arange(n) < lengths[:, None]`.",
    ],
    forbids=BESIDE_NUMPY,
)
