"""Exercise `entropy` (lesson 02): how undecided a choice is."""

import math

import numpy as np

from course_lib import by_hand
from course_lib.checks import Case, Exercise
from course_lib.checks.forbids import BESIDE_NUMPY

# ------------------------------------------------------------------------ a solution, and other right ways


def entropy(p):
    p = np.asarray(p, dtype=float)
    logs = np.log(np.where(p > 0, p, 1))
    return -(p * logs).sum(axis=-1)


def with_loops(p):
    if np.ndim(p) > 1:
        return [with_loops(row) for row in p]
    return sum(-float(q) * math.log(q) for q in p if q > 0)


def by_powers(p):
    return -np.log(np.power(p, p, dtype=float)).sum(-1)  # ln(p^p), and NumPy has 0^0 = 1


def nan_to_zero(p):
    return -np.nansum(p * np.log(p), axis=-1)


def in_bits_and_back(p):
    logs = np.log2(np.where(p == 0, 1, p))
    return -np.einsum("...n,...n->...", p.astype(float), logs) * np.log(2)


# ------------------------------------------------------------------------ another convention


def in_bits(p):
    """You use the logarithm to base 2, which gives bits and is usual in coding;
    here the natural one is used, which gives nats."""
    return by_hand.entropy(p) / np.log(2)


# ------------------------------------------------------------------------ stored wrong answers


def minus_missing(p):
    """The minus sign is missing: logarithms of weights are negative, and an entropy is never below 0."""
    return -by_hand.entropy(p)


def nan_at_zero(p):
    """A weight of 0 makes 0 * ln 0, which is nan: it has to add 0, so give the logarithm a 1 in its place."""
    return -(p * np.log(p)).sum(axis=-1)


def large_epsilon(p):
    """The small number you add inside the logarithm spoils the result: treat a weight of 0 as its own
    case."""
    return -(p * np.log(p + 1e-3)).sum(axis=-1)


def weights_missing(p):
    """You add up the logarithms alone: each one counts with its weight, p * ln p."""
    return -_logs(p).sum(axis=-1)


def mean_instead_of_sum(p):
    """You take the mean over the answers: the weights already do the averaging, so sum."""
    return by_hand.entropy(p) / p.shape[-1]


def whole_array(p):
    """You sum over all rows together: each row is a choice of its own, so sum along the last axis."""
    return -(p * _logs(p)).sum()


def first_axis(p):
    """You sum down axis 0: each row along the last axis is one choice and gets one number."""
    return by_hand.entropy(p, axis=0)


def axis_kept(p):
    """The summed axis is left over with length 1: leave keepdims out, one number a row is asked for."""
    return by_hand.entropy(p)[..., None]


def not_summed(p):
    """You return the terms before they are added: sum them along the last axis."""
    return -p * _logs(p)


def number_of_answers(p):
    """You return e to the entropy, the number of equally likely answers: the entropy itself is asked for."""
    return np.exp(by_hand.entropy(p))


def scaled_to_one(p):
    """You divide by ln n, so that the largest value is 1: here the entropy stays in nats, undivided."""
    return by_hand.entropy(p) / max(np.log(p.shape[-1]), 1e-12)


def base_ten(p):
    """You use the logarithm to base 10: nats need the natural one, `np.log`."""
    return by_hand.entropy(p) / np.log(10)


def gini(p):
    """You return 1 minus the sum of squares, which is another measure (Gini's): the entropy has p * ln p in
    place of p * p."""
    return 1 - (p**2).sum(axis=-1)


def most_likely_only(p):
    """You look at the largest weight alone: all of them count."""
    return -np.log(p.max(axis=-1))


def both_sides(p):
    """You also add (1 - p) ln(1 - p) for each weight: that belongs to n separate yes-or-no questions, not to
    one choice."""
    return by_hand.entropy(p) - ((1 - p) * _logs(1 - p)).sum(axis=-1)


def softmax_again(p):
    """You put the weights through softmax once more: they are weights already, so take their logarithm
    directly."""
    return by_hand.entropy(by_hand.softmax(p))


def log_of_one_plus(p):
    """You take ln(1 + p): that avoids the trouble at 0, and is another function. Use ln p where p is above
    0."""
    return -(p * np.log1p(p)).sum(axis=-1)


def last_answer_missing(p):
    """The last weight is left out of the sum: look whether a range ends one too early."""
    return by_hand.entropy(p[..., :-1])


def changes_weights(p):
    """Zeros in the caller's p are overwritten: use `np.where(p > 0, p, 1)`, which
    makes a new one."""
    result = by_hand.entropy(p)
    if p.dtype.kind == "f":
        p[p == 0] = 1
    return result


def _logs(p):
    return np.log(np.where(p > 0, p, 1))


def one_minus_largest(p):
    """You return 1 minus the largest weight: the entropy sums p * ln p over all of them."""
    return 1 - p.max(axis=-1)


def clipped(p):
    """You lift small weights to 0.001, and those add something of their own: a weight of 0 has to add exactly
    0."""
    q = np.clip(p, 1e-3, 1)
    return -(q * np.log(q)).sum(axis=-1)


def nan_of_the_sum(p):
    """One weight of 0 makes the sum nan, and you turn the whole of it into 0: mend each term before the
    sum."""
    return np.nan_to_num(-(p * np.log(p)).sum(axis=-1))


def epsilon(p):
    """The small number you add inside the logarithm shows in the result, even below 0 for a sure choice:
    treat 0 apart."""
    return -(p * np.log(p + 1e-5)).sum(axis=-1)


def variance(p):
    """You return the variance of the weights: it is 0 for equal weights, where the entropy is largest."""
    return p.var(axis=-1)


def small_weights_skipped(p):
    """You leave out weights below 0.01: each counts with p * ln p, and only 0 itself adds nothing."""
    return by_hand.entropy(np.where(p < 0.01, 0, p))


def mean_of_rows(p):
    """You return one mean for all rows: each row is a choice of its own and gets its own number."""
    return by_hand.entropy(p).mean()


# ------------------------------------------------------------------------ properties and cases


def never_negative(seen):
    """An entropy is never below 0."""
    return all(np.all(case.outputs["H"] > -1e-4) for case in seen.values())


def at_most_that_of_equal_weights(seen):
    """No choice among n answers has more entropy than ln n, that of n equal weights."""
    return all(np.all(c.outputs["H"] < np.log(c.inputs["p"].shape[-1]) + 1e-4) for c in seen.values())


EXERCISE = Exercise(
    id="entropy",
    contract="entropy(p) -> H in nats; p (..., n), H (...) along the last axis. A weight of 0 adds 0.",
    minutes=6,
    difficulty=1,
    points=1,
    arguments={"p": ("...", "n")},
    outputs={"H": ("...",)},
    cases=[
        Case("2 rows of 5", lambda rng: (rng.dirichlet(np.ones(5), size=2),), weight=3),
        Case("by hand", lambda rng: (np.array([1.0, 2.0, 5.0]) / 8,)),
        Case("two halves", lambda rng: (np.array([0.5, 0.5]),)),
        Case("a sure choice", lambda rng: (np.array([1.0, 0.0, 0.0]),)),
        Case("one weight of 0", lambda rng: (np.array([0.75, 0.0, 0.25]),)),
        Case("8 equal", lambda rng: (np.full(8, 1 / 8),)),
        Case("one answer", lambda rng: (np.array([1.0]),)),
        Case("whole numbers", lambda rng: (np.array([0, 1, 0]),)),
        Case("a square table", lambda rng: (rng.dirichlet(np.ones(3), size=3),)),
        Case("3 axes", lambda rng: (rng.dirichlet(np.ones(7), size=(2, 3)),)),
        Case("a small weight", lambda rng: (np.array([0.995, 0.005]),)),
    ],
    reference=by_hand.entropy,
    solution=entropy,
    right=[entropy, with_loops, by_powers, nan_to_zero, in_bits_and_back],
    wrong=[
        minus_missing,
        nan_at_zero,
        large_epsilon,
        weights_missing,
        mean_instead_of_sum,
        whole_array,
        first_axis,
        axis_kept,
        not_summed,
        number_of_answers,
        scaled_to_one,
        base_ten,
        gini,
        most_likely_only,
        both_sides,
        softmax_again,
        log_of_one_plus,
        last_answer_missing,
        changes_weights,
        one_minus_largest,
        clipped,
        nan_of_the_sum,
        epsilon,
        variance,
        small_weights_skipped,
        mean_of_rows,
    ],
    conventions=[in_bits],
    properties=[never_negative, at_most_that_of_equal_weights],
    hints=[
        "What does p ln p tend to when p tends to 0? And what does NumPy answer for `0 * np.log(0)`?",
        "Give the logarithm a harmless 1 where the weight is 0 (`np.where`); then sum along one axis only.",
        "`-(p * np.log(np.where(p > 0, p, 1))).sum(axis=-1)`",
    ],
    forbids=BESIDE_NUMPY,
)
