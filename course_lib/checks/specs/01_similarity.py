"""Exercise `similarity` (lesson 01): one query against every key."""

import numpy as np

from course_lib import by_hand
from course_lib.checks import Case, Exercise
from course_lib.checks.forbids import BESIDE_NUMPY

# ------------------------------------------------------------------ a solution, and other right ways


def similarity(q, K):
    dot = K @ q
    lengths = np.linalg.norm(K, axis=1) * np.linalg.norm(q)
    cos = np.zeros(len(K))
    there = lengths > 0  # a zero vector has no direction: its cosine stays 0
    cos[there] = dot[there] / lengths[there]
    return dot, cos


def with_loops(q, K):
    dots, cosines = [], []
    for key in K:
        dot = sum(float(a) * float(b) for a, b in zip(q, key, strict=True))
        length = sum(float(a) ** 2 for a in q) ** 0.5 * sum(float(b) ** 2 for b in key) ** 0.5
        dots.append(dot)
        cosines.append(dot / length if length else 0.0)
    return dots, cosines


def with_einsum(q, K):
    dot = np.einsum("d,nd->n", q, K)
    lengths = np.sqrt(np.einsum("nd,nd->n", K, K) * np.einsum("d,d->", q, q))
    return dot, np.where(lengths == 0, 0.0, dot / np.where(lengths == 0, 1.0, lengths))


def unit_vectors_first(q, K):
    def unit(x):
        length = np.sqrt((x * x).sum(-1, keepdims=True))
        return np.nan_to_num(x / length)

    return K @ q, unit(K) @ unit(q)


# ------------------------------------------------------------------ stored wrong answers


def swapped(q, K):
    """You return (cos, dot); the order asked for is (dot, cos)."""
    dot, cos = similarity(q, K)
    return cos, dot


def only_key_length(q, K):
    """You divide by the length of the keys alone: a cosine divides by both lengths, of the query too."""
    dot = K @ q
    return dot, _divide(dot, np.linalg.norm(K, axis=1))


def only_query_length(q, K):
    """You divide by the length of the query alone: a cosine divides by both lengths, and each key has its
    own."""
    dot = K @ q
    return dot, _divide(dot, np.linalg.norm(q) * np.ones(len(K)))


def no_square_root(q, K):
    """You divide by the squared lengths: a length is the square root of the sum of squares."""
    dot = K @ q
    return dot, _divide(dot, (K**2).sum(1) * (q**2).sum())


def one_square_root_missing(q, K):
    """The query's length is right, but each key's is squared: take the square root for the keys as well."""
    dot = K @ q
    return dot, _divide(dot, (K**2).sum(1) * np.linalg.norm(q))


def sum_of_absolutes(q, K):
    """You measure length as the sum of absolute values: the length of an arrow is the root of the sum of
    squares."""
    dot = K @ q
    return dot, _divide(dot, np.abs(K).sum(1) * np.abs(q).sum())


def nan_at_zero(q, K):
    """A zero vector makes you divide 0 by 0, which gives nan: by our contract its cosine is 0 with
    everything."""
    dot = K @ q
    return dot, dot / (np.linalg.norm(K, axis=1) * np.linalg.norm(q))


def nan_at_zero_key_only_guarded_query(q, K):
    """A query of length 0 is caught, but a key of length 0 still gives nan: guard each key as well."""
    dot = K @ q
    if np.linalg.norm(q) == 0:
        return dot, np.zeros(len(K))
    return dot, dot / (np.linalg.norm(K, axis=1) * np.linalg.norm(q))


def nan_at_zero_query_only_guarded_key(q, K):
    """Keys of length 0 are caught, but a query of length 0 still gives nan: guard the query as well."""
    dot, lengths = K @ q, np.linalg.norm(K, axis=1)
    return dot, dot / (np.where(lengths == 0, 1, lengths) * np.linalg.norm(q))


def large_epsilon(q, K):
    """The small number you add to the lengths spoils the cosine of short vectors: treat length 0 as its own
    case."""
    dot = K @ q
    return dot, dot / (np.linalg.norm(K, axis=1) * np.linalg.norm(q) + 1e-3)


def epsilon(q, K):
    """The tiny number you add against 0/0 spoils the cosine of very short vectors: treat length 0 as its own
    case."""
    dot = K @ q
    return dot, dot / (np.linalg.norm(K, axis=1) * np.linalg.norm(q) + 1e-8)


def angle(q, K):
    """You return the angle in radians: the cosine itself is asked for, so leave the arccos out."""
    dot, cos = similarity(q, K)
    return dot, np.arccos(np.clip(cos, -1, 1))


def degrees(q, K):
    """You return the angle in degrees: the cosine itself is asked for, so leave the arccos out."""
    dot, cos = similarity(q, K)
    return dot, np.degrees(np.arccos(np.clip(cos, -1, 1)))


def absolute_cosine(q, K):
    """You drop the sign of the cosine: vectors that point away from each other have a negative one."""
    dot, cos = similarity(q, K)
    return dot, np.abs(cos)


def negatives_to_zero(q, K):
    """You set negative cosines to 0: opposite directions have cosine -1, and that must stay visible."""
    dot, cos = similarity(q, K)
    return dot, np.maximum(cos, 0)


def cosine_distance(q, K):
    """You return 1 - cos, a distance: the cosine itself is asked for, 1 for the same direction."""
    dot, cos = similarity(q, K)
    return dot, 1 - cos


def dot_of_unit_vectors_twice(q, K):
    """Both your results are cosines: the first one is the dot product of the vectors as they came, lengths
    included."""
    _, cos = similarity(q, K)
    return cos, cos


def no_division(q, K):
    """Both your results are dot products: the cosine is the dot product divided by both lengths."""
    dot = K @ q
    return dot, dot


def length_of_whole_table(q, K):
    """You divide by one length for the whole of K: each key has its own, so take the norm along axis 1."""
    dot = K @ q
    return dot, _divide(dot, np.linalg.norm(K) * np.linalg.norm(q) * np.ones(len(K)))


def largest_as_one(q, K):
    """You divide by the largest dot product: a cosine divides by the two lengths, and need not reach 1
    anywhere."""
    dot = K @ q
    return dot, _divide(dot, np.abs(dot).max() * np.ones(len(K)))


def products_not_summed(q, K):
    """You return the products before they are added: a dot product is their sum along axis 1, one number a
    key."""
    _, cos = similarity(q, K)
    return K * q, cos


def first_key_only(q, K):
    """Only the first key is compared: the `return` stands inside the loop, or an index 0 is left over."""
    dot, cos = similarity(q, K)
    return dot[:1], cos[:1]


def whole_numbers(q, K):
    """The result array takes its dtype from integer input, so the cosines lose their fractions: make it
    float."""
    dot, cos = similarity(q, K)
    return dot, cos.astype(K.dtype)


def changes_keys(q, K):
    """The caller's K is changed in place: work on a new array, as in `K = K / ...`
    in place of `K /=
    ...`."""
    dot, cos = similarity(q, K)
    if K.dtype.kind == "f":
        lengths = np.linalg.norm(K, axis=1, keepdims=True)
        K /= np.where(lengths == 0, 1, lengths)
    return dot, cos


def lengths_kept_as_column(q, K):
    """Your lengths form a column, so dividing gives a table (n, n): leave keepdims out, one length for each
    key."""
    dot = K @ q
    return dot, _divide(dot, np.linalg.norm(K, axis=1, keepdims=True) * np.linalg.norm(q))


def lengths_along_axis_0(q, K):
    """You take the lengths along axis 0, one for each feature: a key is a row of K, so its length needs
    axis=1."""
    dot = K @ q
    return dot, dot / (np.linalg.norm(K, axis=0) * np.linalg.norm(q))


def query_times_columns(q, K):
    """`q @ K` pairs the query with the columns of K: a key is a row, so write `K @ q`."""
    dot = q @ K
    return dot, dot / (np.linalg.norm(K, axis=1) * np.linalg.norm(q))


def lengths_added(q, K):
    """You divide by the sum of the two lengths: divide by their product."""
    dot = K @ q
    return dot, _divide(dot, np.linalg.norm(K, axis=1) + np.linalg.norm(q))


def one_zero_vector_spoils_all(q, K):
    """One zero vector makes you set every cosine to 0: the other keys still have theirs, so decide key by
    key."""
    dot, lengths = K @ q, np.linalg.norm(K, axis=1) * np.linalg.norm(q)
    return (dot, np.zeros(len(K))) if np.any(lengths == 0) else (dot, dot / lengths)


def zero_vector_is_alike(q, K):
    """You give a zero vector cosine 1: it has no direction at all, and by our contract its cosine is 0."""
    dot, cos = similarity(q, K)
    return dot, np.where(np.linalg.norm(K, axis=1) * np.linalg.norm(q) == 0, 1.0, cos)


def correlation(q, K):
    """You subtract the mean before you compare: that is a correlation. The cosine takes the vectors as they
    are."""
    _, cos = similarity(q - q.mean(), K - K.mean(axis=1, keepdims=True))
    return K @ q, cos


def _divide(a, b):
    return np.where(b == 0, 0.0, a / np.where(b == 0, 1, b))


def sum_is_not_length(q, K):
    """You take a vector for zero where its entries sum to 0, but [1, -1] is an arrow: test its length."""
    dot, cos = similarity(q, K)
    return dot, np.where(K.sum(1) * q.sum() == 0, 0.0, cos)


def sum_of_key_is_not_length(q, K):
    """You take a key for zero where its entries sum to 0, but [2, -2] is an arrow: test its length."""
    dot, cos = similarity(q, K)
    return dot, np.where(K.sum(1) == 0, 0.0, cos)


def zero_by_first(q, K):
    """You take a key for zero where its first entry is 0, but [0, 2] is an arrow: test its length."""
    dot, cos = similarity(q, K)
    return dot, np.where(K[:, 0] == 0, 0.0, cos)


def short_is_zero(q, K):
    """You take short vectors for zero: they have a direction too, so test for a length of exactly 0."""
    dot, cos = similarity(q, K)
    return dot, np.where(np.linalg.norm(K, axis=1) * np.linalg.norm(q) < 1e-3, 0.0, cos)


# ------------------------------------------------------------------ properties and cases


def cosines_within_one(seen):
    """A cosine lies between -1 and 1."""
    return all(np.all(np.abs(case.outputs["cos"]) <= 1.0001) for case in seen.values())


def length_does_not_matter(seen):
    """Making the query 10 times as long must not change a cosine."""
    short, long = seen["5 keys"], seen["the query 10 times as long"]
    return np.allclose(short.outputs["cos"], long.outputs["cos"], atol=1e-5)


def five_keys(times=1.0):
    draw = np.random.default_rng(7)  # one draw, so that cases can be compared
    return draw.normal(size=3) * times, draw.normal(size=(5, 3))


EXERCISE = Exercise(
    id="similarity",
    contract=(
        "similarity(q, K) -> (dot, cos); q (d,), K (n, d), both results (n,). "
        "A zero vector has cosine 0 with everything."
    ),
    minutes=12,
    difficulty=2,
    points=2,
    arguments={"q": ("d",), "K": ("n", "d")},
    outputs={"dot": ("n",), "cos": ("n",)},
    cases=[
        Case("5 keys", lambda rng: five_keys(), weight=3),
        Case("one key at an angle", lambda rng: (np.array([3.0, 4.0]), np.array([[4.0, 3.0]]))),
        Case("the query 10 times as long", lambda rng: five_keys(times=10.0)),
        Case(
            "the opposite direction", lambda rng: (np.array([1.0, 2.0]), np.array([[-2.0, -4.0], [2.0, 1.0]]))
        ),
        Case("a right angle", lambda rng: (np.array([1.0, 0.0]), np.array([[0.0, 2.0], [3.0, 0.0]]))),
        Case("a zero key", lambda rng: (np.array([3.0, 4.0]), np.array([[0.0, 0.0], [4.0, 3.0]]))),
        Case("a zero query", lambda rng: (np.zeros(2), np.array([[1.0, 2.0], [3.0, 4.0]]))),
        Case("very short vectors", lambda rng: (np.array([3e-4, 4e-4]), np.array([[4e-4, 3e-4]]))),
        Case(
            "very long vectors",
            lambda rng: (1e3 * rng.uniform(0.2, 2, size=3), 1e3 * rng.uniform(0.2, 2, size=(5, 3))),
        ),
        Case("whole numbers", lambda rng: (np.array([3, 4]), np.array([[4, 3], [0, 2]]))),
        Case("as many keys as features", lambda rng: (rng.normal(size=3), rng.normal(size=(3, 3)))),
        Case(
            "entries that sum to 0", lambda rng: (np.array([1.0, -1.0]), np.array([[2.0, -2.0], [3.0, 1.0]]))
        ),
    ],
    reference=by_hand.similarity,
    solution=similarity,
    right=[similarity, with_loops, with_einsum, unit_vectors_first],
    wrong=[
        swapped,
        only_key_length,
        only_query_length,
        no_square_root,
        one_square_root_missing,
        sum_of_absolutes,
        nan_at_zero,
        nan_at_zero_key_only_guarded_query,
        nan_at_zero_query_only_guarded_key,
        large_epsilon,
        epsilon,
        angle,
        degrees,
        absolute_cosine,
        negatives_to_zero,
        cosine_distance,
        dot_of_unit_vectors_twice,
        no_division,
        length_of_whole_table,
        largest_as_one,
        products_not_summed,
        first_key_only,
        whole_numbers,
        changes_keys,
        lengths_kept_as_column,
        lengths_along_axis_0,
        query_times_columns,
        lengths_added,
        one_zero_vector_spoils_all,
        zero_vector_is_alike,
        correlation,
        sum_is_not_length,
        sum_of_key_is_not_length,
        zero_by_first,
        short_is_zero,
    ],
    properties=[cosines_within_one, length_does_not_matter],
    hints=[
        (
            "Which result stays as it is when the query becomes ten times as long? What must be "
            "divided away for that?"
        ),
        (
            "All dot products at once are `K @ q`. Each key has its own length: look at `axis` in "
            "`np.linalg.norm`."
        ),
        "`lengths = np.linalg.norm(K, axis=1) * np.linalg.norm(q)`; divide where `lengths > 0`, elsewhere 0.",
    ],
    forbids=BESIDE_NUMPY,
)
