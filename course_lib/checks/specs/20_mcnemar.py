"""Exercise `mcnemar` (lesson 20): is one of two models better, or is it the luck of these sentences?"""

import math

import numpy as np

from course_lib.checks import Case, Exercise

# ------------------------------------------------------------------ a solution, and other right ways


def mcnemar(right_a, right_b):
    b = int(np.sum(right_a & ~right_b))
    c = int(np.sum(~right_a & right_b))
    n = b + c
    tail = sum(math.comb(n, k) for k in range(min(b, c) + 1))
    return b, c, min(1.0, 2 * tail / 2**n)


def with_a_loop(right_a, right_b):
    pairs = list(zip(right_a, right_b, strict=True))
    b, c = sum(x and not y for x, y in pairs), sum(y and not x for x, y in pairs)
    row = [1]
    for _ in range(int(b + c)):
        row = [left + right for left, right in zip([0, *row], [*row, 0], strict=True)]
    return b, c, min(1.0, 2 * sum(row[: min(b, c) + 1]) / sum(row))


def by_logarithms(right_a, right_b):
    different = np.asarray(right_a) != np.asarray(right_b)
    n, b = different.sum(), (different & right_a).sum()
    low = min(b, n - b)
    terms = [
        math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) - n * math.log(2)
        for k in range(low + 1)
    ]
    return b, n - b, min(1.0, 2 * sum(map(math.exp, terms)))


def from_the_upper_end(right_a, right_b):
    table = np.array([[np.sum((right_a == i) & (right_b == j)) for j in (0, 1)] for i in (0, 1)])
    b, c = int(table[1, 0]), int(table[0, 1])
    tail = sum(math.comb(b + c, k) for k in range(max(b, c), b + c + 1)) / 2 ** (b + c)
    return np.array([b, c, min(1, 2 * tail)])[0], c, min(1, 2 * tail)


# ------------------------------------------------------------------ stored wrong answers


def counted(right_a, right_b):
    """Sentences that only the first, and only the second has right."""
    return int(np.sum(right_a & ~right_b)), int(np.sum(~right_a & right_b))


def low_tail(b, c):
    """The probability of at most min(b, c) heads in b + c tosses."""
    return sum(math.comb(b + c, k) for k in range(min(b, c) + 1)) / 2 ** (b + c)


def one_sided(right_a, right_b):
    """You count one end alone: a difference this large could have gone the other way too. Take twice the
    tail."""
    b, c = counted(right_a, right_b)
    return b, c, min(1.0, low_tail(b, c))


def not_cut_at_one(right_a, right_b):
    """Twice the tail passes 1 when b and c are equal: a probability ends at 1, take min(1, ...)."""
    b, c = counted(right_a, right_b)
    return b, c, 2 * low_tail(b, c)


def only_this_result(right_a, right_b):
    """You take the probability of this one result: what is asked for is this or anything further from
    half."""
    b, c = counted(right_a, right_b)
    return b, c, min(1.0, 2 * math.comb(b + c, b) / 2 ** (b + c))


def own_place_left_out(right_a, right_b):
    """Your sum ends before min(b, c): the result itself belongs to the tail, range(min(b, c) + 1)."""
    b, c = counted(right_a, right_b)
    return b, c, min(1.0, 2 * sum(math.comb(b + c, k) for k in range(min(b, c))) / 2 ** (b + c))


def over_all_sentences(right_a, right_b):
    """You toss a coin for every sentence: those on which both are right, or both wrong, say nothing about
    which is better. n is b + c."""
    b, c = counted(right_a, right_b)
    n = len(right_a)
    return b, c, min(1.0, 2 * sum(math.comb(n, k) for k in range(min(b, c) + 1)) / 2**n)


def all_right_answers(right_a, right_b):
    """You compare how many each has right in all: what both have right must cancel. Count what only one has
    right."""
    b, c = int(np.sum(right_a)), int(np.sum(right_b))
    return b, c, min(1.0, 2 * low_tail(b, c))


def wrong_and_right_exchanged(right_a, right_b):
    """b and c are exchanged: b counts what the first has right and the second wrong."""
    b, c = counted(right_a, right_b)
    return c, b, min(1.0, 2 * low_tail(b, c))


def from_the_chi_square(right_a, right_b):
    """You take the approximation by a chi-square, (b - c)^2 / (b + c): with few tosses it is off. Add up the
    coins."""
    b, c = counted(right_a, right_b)
    return b, c, math.erfc(abs(b - c) / math.sqrt(2 * max(b + c, 1)))


def with_the_correction(right_a, right_b):
    """You take the chi-square with the correction, (|b - c| - 1)^2 / (b + c): near, but the coins can be
    added up exactly."""
    b, c = counted(right_a, right_b)
    return b, c, math.erfc(max(abs(b - c) - 1, 0) / math.sqrt(2 * max(b + c, 1)))


def statistic_returned(right_a, right_b):
    """You return the statistic (b - c)^2 / (b + c): a probability is asked for."""
    b, c = counted(right_a, right_b)
    return b, c, (b - c) ** 2 / max(b + c, 1)


def unpaired(right_a, right_b):
    """You compare two shares as if the models had read different sentences: they read the same ones, so what
    both have right cancels."""
    b, c = counted(right_a, right_b)
    p, q, n = right_a.mean(), right_b.mean(), len(right_a)
    spread = math.sqrt((p * (1 - p) + q * (1 - q)) / n)
    return b, c, math.erfc(abs(p - q) / spread / math.sqrt(2)) if spread else 1.0


def complement(right_a, right_b):
    """You return 1 - p: p is the probability of such a difference if both were equally good, small where the
    difference is large."""
    b, c = counted(right_a, right_b)
    return b, c, 1 - min(1.0, 2 * low_tail(b, c))


def zero_without_difference(right_a, right_b):
    """No sentence tells the two apart, and you return p = 0: nothing speaks against equal models, so p is 1
    there."""
    b, c = counted(right_a, right_b)
    return b, c, min(1.0, 2 * low_tail(b, c)) if b + c else 0.0


def first_count_as_the_tail(right_a, right_b):
    """Your tail ends at b even where b is the larger: it ends at the smaller of b and c."""
    b, c = counted(right_a, right_b)
    return b, c, min(1.0, 2 * sum(math.comb(b + c, k) for k in range(b + 1)) / 2 ** (b + c))


# ------------------------------------------------------------------ the exercise


def is_probability(seen):
    """p is a probability, from 0 to 1."""
    return all(0 <= float(case.outputs["p"]) <= 1 for case in seen.values())


def answers(both, only_a, only_b, none):
    """Right or wrong of two models, so many sentences of each kind."""
    kinds = [(True, True)] * both + [(True, False)] * only_a + [(False, True)] * only_b
    table = np.array(kinds + [(False, False)] * none, dtype=bool).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def drawn(rng, n):
    return rng.random(n) < 0.8, rng.random(n) < 0.7


EXERCISE = Exercise(
    id="mcnemar",
    contract=(
        "mcnemar(right_a, right_b) -> (b, c, p); right_a and right_b bool (N,), NumPy, what two models have "
        "right on the same N sentences; b counts what only the first has right, c what only the second; p is "
        "the probability that b + c fair coins fall at least as unevenly, at most 1, and 1 for b + c = 0."
    ),
    minutes=10,
    difficulty=2,
    points=2,
    arguments={"right_a": ("N",), "right_b": ("N",)},
    outputs={"b": (), "c": (), "p": ()},
    cases=[
        Case("by hand", lambda rng: answers(5, 1, 7, 2), weight=3),
        Case("the other way", lambda rng: answers(3, 6, 2, 1), weight=2),
        Case("equal", lambda rng: answers(4, 3, 3, 2), weight=2),
        Case("one apart", lambda rng: answers(0, 3, 4, 5)),
        Case("nothing tells them apart", lambda rng: answers(4, 0, 0, 3)),
        Case("one side alone", lambda rng: answers(2, 5, 0, 0)),
        Case("97 sentences", lambda rng: drawn(rng, 97)),
        Case("211 sentences", lambda rng: drawn(rng, 211)),
    ],
    reference=mcnemar,
    solution=mcnemar,
    right=[mcnemar, with_a_loop, by_logarithms, from_the_upper_end],
    wrong=[
        one_sided,
        not_cut_at_one,
        only_this_result,
        own_place_left_out,
        over_all_sentences,
        all_right_answers,
        wrong_and_right_exchanged,
        from_the_chi_square,
        with_the_correction,
        statistic_returned,
        unpaired,
        complement,
        zero_without_difference,
        first_count_as_the_tail,
    ],
    properties=[is_probability],
    hints=[
        "On which sentences can you see which model is better? What would a fair coin do on these?",
        "n = b + c. The tail is the probability of 0, 1, ... up to min(b, c) heads in n tosses: `math.comb`. "
        "It may also fall the other way.",
        "`min(1.0, 2 * sum(math.comb(n, k) for k in range(min(b, c) + 1)) / 2**n)`.",
    ],
    forbids=["scipy.stats", "statsmodels"],
)
