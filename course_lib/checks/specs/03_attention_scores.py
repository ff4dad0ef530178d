"""Exercise `attention_scores` (lesson 03): every query against every key, scaled."""

import numpy as np

from course_lib import by_hand
from course_lib.checks import Case, Exercise
from course_lib.checks.forbids import BESIDE_NUMPY

# ------------------------------------------------------------------------ a solution, and other right ways


def attention_scores(Q, K):
    d = Q.shape[-1]
    return Q @ np.swapaxes(K, -1, -2) / np.sqrt(d)


def with_einsum(Q, K):
    return np.einsum("...id,...jd->...ij", Q, K) * K.shape[-1] ** -0.5


def with_broadcasting(Q, K):
    products = Q[..., :, None, :] * K[..., None, :, :]
    return products.sum(-1) / np.sqrt(products.shape[-1])


def both_sides_by_the_fourth_root(Q, K):
    root = Q.shape[-1] ** 0.25
    return np.matmul(Q / root, np.moveaxis(K / root, -1, -2))


def with_loops(Q, K):
    Q, K = np.asarray(Q, dtype=float), np.asarray(K, dtype=float)
    if Q.ndim > 2:
        return np.stack([with_loops(q, k) for q, k in zip(Q, K, strict=True)])
    return [[sum(a * b for a, b in zip(q, k, strict=True)) / len(q) ** 0.5 for k in K] for q in Q]


# ------------------------------------------------------------------------ stored wrong answers


def no_scale(Q, K):
    """The dot products are right, the scale is missing: divide them by the root of d, the last size of Q."""
    return Q @ np.swapaxes(K, -1, -2)


def divides_by_d(Q, K):
    """You divide by d: the standard deviation of a dot product is the root of d, so divide by np.sqrt(d)."""
    return no_scale(Q, K) / Q.shape[-1]


def multiplies_by_root(Q, K):
    """You multiply by the root of d, which makes large scores larger still: divide by it."""
    return no_scale(Q, K) * np.sqrt(Q.shape[-1])


def root_of_n_k(Q, K):
    """You divide by the root of the number of keys: the scale comes from d, the last axis of Q, not from
    n_k.
    """
    return no_scale(Q, K) / np.sqrt(K.shape[-2])


def root_of_n_q(Q, K):
    """You divide by the root of the number of queries: the scale comes from d, the last axis of Q, not from
    n_q.
    """
    return no_scale(Q, K) / np.sqrt(Q.shape[-2])


def first_size_of_q(Q, K):
    """You take d from len(Q), which is the first axis, the batch or the queries: d is the last axis,
    Q.shape[-1].
    """
    return no_scale(Q, K) / np.sqrt(len(Q))


def root_of_all_products(Q, K):
    """You take the root of the scores and not of d: the dot products themselves stay as they are."""
    dots = no_scale(Q, K)
    return np.sign(dots) * np.sqrt(np.abs(dots))


def always_eight(Q, K):
    """You divide by 8, which is the root of 64: that fits d = 64 alone, so compute it from Q.shape[-1]."""
    return no_scale(Q, K) / 8


def rows_are_keys(Q, K):
    """Your rows are keys and your columns queries: row i of the scores belongs to query i, so Q comes
    first."""
    return np.swapaxes(attention_scores(Q, K), -1, -2)


def keys_reshaped(Q, K):
    """You reshape K where it must be transposed: reshape keeps the order of the numbers and mixes the keys
    up.
    """
    K_wrong = np.reshape(K, (*K.shape[:-2], K.shape[-1], K.shape[-2]))
    return Q @ K_wrong / np.sqrt(Q.shape[-1])


def already_weights(Q, K):
    """You return weights, softmax is already applied: the scores are what comes before it."""
    return by_hand.softmax(attention_scores(Q, K))


def cosines(Q, K):
    """You divide by the lengths of the vectors, which gives cosines: the score keeps the lengths, only the
    root of d divides.
    """
    lengths = np.linalg.norm(Q, axis=-1)[..., :, None] * np.linalg.norm(K, axis=-1)[..., None, :]
    return np.divide(no_scale(Q, K), lengths, out=np.zeros(lengths.shape), where=lengths > 0)


def distances(Q, K):
    """You measure distances between queries and keys: the score is their dot product, divided by the root of
    d.
    """
    return -((Q[..., :, None, :] - K[..., None, :, :]) ** 2).sum(-1) / np.sqrt(Q.shape[-1])


def made_unit_variance(Q, K):
    """You divide by the spread of these very scores: the scale is the root of d whatever the numbers, or a
    query would depend on its neighbours.
    """
    dots = no_scale(Q, K)
    return dots / (dots.std() or 1)


def absolute(Q, K):
    """You drop the sign: a key that points away from the query must have a negative score."""
    return np.abs(attention_scores(Q, K))


def maximum_subtracted(Q, K):
    """You subtract the largest score of each row: softmax does that for itself, the scores stay as they
    are."""
    scores = attention_scores(Q, K)
    return scores - scores.max(-1, keepdims=True)


def whole_numbers(Q, K):
    """Whole-number input stays whole in your result, so the fractions are lost: divide with / and keep
    floats.
    """
    return attention_scores(Q, K).astype(np.result_type(Q, K))


def changes_queries(Q, K):
    """The caller's Q is changed in place: work on a new array, as in `Q = Q / ...`
    in place of `Q /= ...`."""
    scores = attention_scores(Q, K)
    if Q.dtype.kind == "f":
        Q /= np.sqrt(Q.shape[-1])
    return scores


def root_of_axis_1(Q, K):
    """You take d from axis 1, which is the last one for a single head alone: d is always the last axis,
    Q.shape[-1]."""
    return no_scale(Q, K) / np.sqrt(Q.shape[1])


def root_of_all_numbers(Q, K):
    """You take the root of Q.size, all numbers in Q: d is the length of one query, Q.shape[-1]."""
    return no_scale(Q, K) / np.sqrt(Q.size)


def divided_by_d_and_2(Q, K):
    """`Q @ K^T / d ** 1/2` divides by d and then by 2, for powers come first: write `d ** 0.5` or
    np.sqrt(d)."""
    return no_scale(Q, K) / Q.shape[-1] / 2


def divided_by_half_of_d(Q, K):
    """You divide by d / 2: the root of d is `np.sqrt(d)`, or `d ** 0.5`."""
    return no_scale(Q, K) / (Q.shape[-1] / 2)


def fourth_root(Q, K):
    """You divide by the fourth root of d once: divide by the root of d, or Q and K each by the fourth
    root."""
    return no_scale(Q, K) / Q.shape[-1] ** 0.25


def always_two(Q, K):
    """You divide by 2, which is the root of 4: that fits d = 4 alone, so compute it from Q.shape[-1]."""
    return no_scale(Q, K) / 2


def whole_root(Q, K):
    """You cut the root of d to a whole number: the root of 7 is 2.6458, so leave the `int` out."""
    return no_scale(Q, K) / int(np.sqrt(Q.shape[-1]))


def fraction_dropped(Q, K):
    """The scores lose their fractions: divide with `/`, not `//`."""
    return no_scale(Q, K) // np.sqrt(Q.shape[-1])


def clipped(Q, K):
    """You cut the scores off at 50: a large score must stay large, softmax can deal with it."""
    return np.clip(attention_scores(Q, K), -50, 50)


def causal(Q, K):
    """You set the scores with j > i to -inf: no mask is asked for, every query meets every key."""
    scores = attention_scores(Q, K)
    return np.where(np.tri(*scores.shape[-2:], dtype=bool), scores, -np.inf)


def every_batch_with_every(Q, K):
    """`np.dot` pairs every example with every other one: `@` keeps the examples of a batch apart."""
    return np.dot(Q, np.swapaxes(K, -1, -2)) / np.sqrt(Q.shape[-1])


# ------------------------------------------------------------------------ properties and cases


def twice_the_query(seen):
    """A query twice as long must have scores twice as large."""
    once, twice = seen["3 queries, 5 keys"], seen["queries twice as long"]
    return np.allclose(2 * np.asarray(once.outputs["scores"]), twice.outputs["scores"], rtol=1e-4, atol=1e-5)


def drawn(times=1.0):
    draw = np.random.default_rng(5)  # one draw, so that cases can be compared
    return draw.normal(size=(3, 7)) * times, draw.normal(size=(5, 7))


EXERCISE = Exercise(
    id="attention_scores",
    contract=(
        "attention_scores(Q, K) -> scores; Q (..., n_q, d), K (..., n_k, d), scores (..., n_q, n_k): dot "
        "products divided by the root of d."
    ),
    minutes=8,
    difficulty=2,
    points=1,
    arguments={"Q": ("...", "n_q", "d"), "K": ("...", "n_k", "d")},
    outputs={"scores": ("...", "n_q", "n_k")},
    cases=[
        Case("3 queries, 5 keys", lambda rng: drawn(), weight=2),
        Case(
            "by hand",
            lambda rng: (
                np.array([[1.0, 2.0, 0.0, 1.0]]),
                np.array([[3.0, 1.0, 5.0, 1.0], [-2.0, 0.0, 1.0, 0.0]]),
            ),
        ),
        Case("queries twice as long", lambda rng: drawn(times=2.0)),
        Case("a batch", lambda rng: (rng.normal(size=(2, 3, 7)), rng.normal(size=(2, 5, 7))), weight=2),
        Case("batch and heads", lambda rng: (rng.normal(size=(2, 3, 5, 11)), rng.normal(size=(2, 3, 7, 11)))),
        Case("all sizes equal", lambda rng: (rng.normal(size=(4, 4, 4)), rng.normal(size=(4, 4, 4)))),
        Case("one query, one key, d = 1", lambda rng: (np.array([[3.0]]), np.array([[2.0]]))),
        Case("a zero query", lambda rng: (np.zeros((1, 3)), rng.normal(size=(2, 3)))),
        Case(
            "large numbers",
            lambda rng: (1e3 * rng.uniform(0.2, 2, size=(2, 3)), 1e3 * rng.uniform(0.2, 2, size=(5, 3))),
        ),
        Case("whole numbers", lambda rng: (np.array([[1, 2, 3]]), np.array([[4, 0, 1], [2, 2, 1]]))),
    ],
    reference=by_hand.attention_scores,
    solution=attention_scores,
    right=[attention_scores, with_einsum, with_broadcasting, both_sides_by_the_fourth_root, with_loops],
    wrong=[
        no_scale,
        divides_by_d,
        multiplies_by_root,
        root_of_n_k,
        root_of_n_q,
        first_size_of_q,
        root_of_all_products,
        always_eight,
        rows_are_keys,
        keys_reshaped,
        already_weights,
        cosines,
        distances,
        made_unit_variance,
        absolute,
        maximum_subtracted,
        whole_numbers,
        changes_queries,
        root_of_axis_1,
        root_of_all_numbers,
        divided_by_d_and_2,
        divided_by_half_of_d,
        fourth_root,
        always_two,
        whole_root,
        fraction_dropped,
        clipped,
        causal,
        every_batch_with_every,
    ],
    properties=[twice_the_query],
    hints=[
        "Which two axes of K must change places so that (..., n_q, d) meets (..., d, n_k)?",
        (
            "`K.T` turns all axes round, a batch too. `np.swapaxes(K, -1, -2)` turns the last two. Then "
            "the scale: from which axis does d come?"
        ),
        "`Q @ np.swapaxes(K, -1, -2)`, divided by `np.sqrt(Q.shape[-1])`.",
    ],
    forbids=BESIDE_NUMPY,
)
