"""Exercise `chi_square` (lesson 15): do counted draws fit the probabilities?"""

import math

import numpy as np

from course_lib.checks import Case, Exercise

# ------------------------------------------------------------------ a solution, and other right ways


def chi_square(counts, p):
    counts, p = np.asarray(counts, dtype=float), np.asarray(p, dtype=float)
    expected = counts.sum() * p
    possible = p > 0
    if counts[~possible].any():
        return math.inf
    return float(((counts - expected)[possible] ** 2 / expected[possible]).sum())


def with_a_loop(counts, p):
    n, total = sum(int(count) for count in counts), 0.0
    for count, probability in zip(counts, p, strict=True):
        if probability > 0:
            total += (count - n * probability) ** 2 / (n * probability)
        elif count > 0:
            total = math.inf
    return total


def by_squares(counts, p):
    n = counts.sum()
    if np.any((p == 0) & (counts > 0)):
        return np.inf
    squares = counts.astype(float) ** 2
    return np.sum(squares / np.where(p > 0, n * p, 1)) - n  # multiplied out: sum O^2 / E - n


def with_nan_to_num(counts, p):
    expected = p * counts.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.square(counts - expected) / expected
    return np.where((counts == 0) & (p == 0), 0, terms).sum()


# ------------------------------------------------------------------ stored wrong answers


def terms(counts, p):
    """Seen, expected, and which of the tokens can come."""
    counts, expected = counts.astype(float), counts.sum() * p
    return counts, expected, p > 0


def finished(counts, p, values):
    """The sum over the tokens that can come; infinite where an impossible one came."""
    possible = p > 0
    return math.inf if counts[~possible].any() else float(values[possible].sum())


def divided_by_seen(counts, p):
    """You divide by the counts: divide by what was expected, n * p."""
    seen, expected, _ = terms(counts, p)
    return finished(counts, p, (seen - expected) ** 2 / np.maximum(seen, 1))


def not_squared(counts, p):
    """The differences are not squared, and add up to 0: square each one first."""
    seen, expected, _ = terms(counts, p)
    return finished(counts, p, (seen - expected) / np.where(p > 0, expected, 1))


def absolute(counts, p):
    """You take absolute differences: square them."""
    seen, expected, _ = terms(counts, p)
    return finished(counts, p, np.abs(seen - expected) / np.where(p > 0, expected, 1))


def not_divided(counts, p):
    """The squares are not divided: each is measured against its own expected count."""
    seen, expected, _ = terms(counts, p)
    return finished(counts, p, (seen - expected) ** 2)


def shares(counts, p):
    """You compare shares with probabilities, so the number of draws is lost: compare counts with n * p."""
    return finished(counts, p, (counts / counts.sum() - p) ** 2 / np.where(p > 0, p, 1))


def divided_by_variance(counts, p):
    """You divide by n p (1 - p), the variance of one count: here it is n p, which already makes up for the
    fact that the counts add up to n."""
    seen, expected, _ = terms(counts, p)
    return finished(counts, p, (seen - expected) ** 2 / np.where((p > 0) & (p < 1), expected * (1 - p), 1))


def root(counts, p):
    """You take the root at the end: the sum itself is asked for."""
    return math.sqrt(chi_square(counts, p))


def mean(counts, p):
    """You take the mean over the tokens: add the terms up."""
    return chi_square(counts, p) / len(p)


def by_freedom(counts, p):
    """You divide by the number of tokens less one: the sum itself is asked for, the comparison comes
    later."""
    return chi_square(counts, p) / max(len(p) - 1, 1)


def nan_at_zero(counts, p):
    """A token with probability 0 that never came makes 0 / 0, which is nan: it adds 0."""
    seen, expected, _ = terms(counts, p)
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(((seen - expected) ** 2 / expected).sum())


def impossible_ignored(counts, p):
    """A token with probability 0 came, and you leave it out: the draws cannot be from p, so return
    infinity."""
    seen, expected, possible = terms(counts, p)
    return float(((seen - expected)[possible] ** 2 / expected[possible]).sum())


def small_number_added(counts, p):
    """You add a small number to the expected counts: a probability of 0 needs a case of its own, infinite if
    the token came, else 0."""
    seen, expected, _ = terms(counts, p)
    return float(((seen - expected) ** 2 / (expected + 1e-3)).sum())


def uniform(counts, p):
    """You expect each token equally often: expect n * p."""
    expected = np.full(len(p), counts.sum() / len(p))
    return finished(counts, p, (counts - expected) ** 2 / expected)


def likelihood_ratio(counts, p):
    """You return 2 sum O ln(O / E), a related test: here it is the sum of (O - E)^2 / E."""
    seen, expected, _ = terms(counts, p)
    ratio = np.where((seen > 0) & (p > 0), seen / np.where(p > 0, expected, 1), 1)
    return finished(counts, p, 2 * seen * np.log(ratio))


def largest(counts, p):
    """You return the largest term alone: add them all up."""
    seen, expected, _ = terms(counts, p)
    values = (seen - expected) ** 2 / np.where(p > 0, expected, 1)
    return math.inf if counts[p == 0].any() else float(values.max())


def last_one_missing(counts, p):
    """The last token is left out of the sum: look whether a range ends one too early."""
    return finished(counts[:-1], p[:-1], (counts - counts.sum() * p)[:-1] ** 2 / (counts.sum() * p)[:-1])


# ------------------------------------------------------------------ the exercise


def never_negative(seen):
    """A sum of squares is never below 0."""
    return all(float(case.outputs["chi2"]) > -1e-4 for case in seen.values())


def eighths(*counts):
    return np.array(counts), np.array([1, 2, 5]) / 8


def drawn(rng, V, n):
    p = rng.dirichlet(np.ones(V) * 3)
    return rng.multinomial(n, p), p


def with_zero(came):
    return np.array([40, came, 30, 30]), np.array([0.4, 0.0, 0.4, 0.2])


EXERCISE = Exercise(
    id="chi_square",
    contract=(
        "chi_square(counts, p) -> chi2, the sum of (O - E)^2 / E with O the counts and E = n p, n the number "
        "of draws; counts and p (V,), NumPy. A token with p = 0 adds 0 if it never came, and makes the sum "
        "infinite if it came."
    ),
    minutes=8,
    difficulty=2,
    points=2,
    arguments={"counts": ("V",), "p": ("V",)},
    outputs={"chi2": ()},
    cases=[
        Case("by hand", lambda rng: eighths(12, 18, 50), weight=3),
        Case("as expected", lambda rng: eighths(10, 20, 50)),
        Case("one never came", lambda rng: eighths(0, 30, 50)),
        Case("7 tokens, 1,000 draws", lambda rng: drawn(rng, 7, 1000)),
        Case("two halves", lambda rng: (np.array([60, 40]), np.array([0.5, 0.5]))),
        Case("an impossible one that never came", lambda rng: with_zero(0), weight=2),
        Case("an impossible one that came", lambda rng: with_zero(1), weight=2),
        Case("a sure one", lambda rng: (np.array([9, 0]), np.array([1.0, 0.0]))),
        Case("another distribution", lambda rng: (np.array([50, 20, 10]), np.array([1, 2, 5]) / 8)),
        Case("11 tokens, 400 draws", lambda rng: drawn(rng, 11, 400)),
    ],
    reference=chi_square,
    solution=chi_square,
    right=[chi_square, with_a_loop, by_squares, with_nan_to_num],
    wrong=[
        divided_by_seen,
        not_squared,
        absolute,
        not_divided,
        shares,
        divided_by_variance,
        root,
        mean,
        by_freedom,
        nan_at_zero,
        impossible_ignored,
        small_number_added,
        uniform,
        likelihood_ratio,
        largest,
        last_one_missing,
    ],
    properties=[never_negative],
    hints=[
        "How often should each token come in n draws? And what is a difference of 5 worth, if 10 or if 1,000 "
        "were expected?",
        "`expected = counts.sum() * p`; the tokens with p = 0 need a case of their own, before you divide.",
        "`((counts - expected)[p > 0] ** 2 / expected[p > 0]).sum()`, infinity if `counts[p == 0].any()`.",
    ],
    forbids=["scipy.stats"],
)
