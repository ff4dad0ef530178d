"""Exercise `nearest` (lesson 01): the rows of a table that point most nearly where the query points."""

import numpy as np

from course_lib import by_hand
from course_lib.checks import Case, Exercise
from course_lib.checks.forbids import BESIDE_NUMPY

# ---------------------------------------- a solution, and other right ways


def nearest(q, K, k):
    dot = K @ q
    lengths = np.linalg.norm(K, axis=1) * np.linalg.norm(q)
    cos = np.where(lengths > 0, dot / np.where(lengths > 0, lengths, 1), 0)
    return np.argsort(-cos, kind="stable")[:k]


def without_query_length(q, K, k):
    """Dividing by the query's length is no fault: it divides all cosines by the same number."""
    lengths = np.sqrt((K * K).sum(axis=1))
    lengths[lengths == 0] = 1
    return np.argsort(-(K @ q) / lengths, kind="stable")[:k]


def with_sorted(q, K, k):
    def cosine(row):
        lengths = float(row @ row) ** 0.5 * float(q @ q) ** 0.5
        return float(row @ q) / lengths if lengths else 0.0

    return sorted(range(len(K)), key=lambda i: cosine(K[i]), reverse=True)[:k]


def one_at_a_time(q, K, k):
    _, cos = by_hand.similarity(q, K)
    cos, found = np.array(cos), []
    for _ in range(k):
        found.append(int(np.argmax(cos)))
        cos[found[-1]] = -2
    return np.array(found)


# ---------------------------------------- stored wrong answers


def by_dot_product(q, K, k):
    """You rank by the dot product, so a long key beats a well-aimed one: divide each product by the length
    of its key.
    """
    return _best_first(K @ q)[:k]


def worst_first(q, K, k):
    """You sort upwards, so the keys that point away come first: sort by minus the cosine."""
    return np.argsort(_cos(q, K), kind="stable")[:k]


def best_last(q, K, k):
    """You took the right keys, but the best one comes last: turn the order round."""
    return _best_first(_cos(q, K))[:k][::-1]


def in_table_order(q, K, k):
    """You took the right keys, but in the order of the table: the best one must come first."""
    return np.sort(_best_first(_cos(q, K))[:k])


def skips_the_best(q, K, k):
    """You leave out the best key. That suits a word that finds itself in the table; here each key counts."""
    return _best_first(_cos(q, K))[1 : k + 1]


def one_too_many(q, K, k):
    """You return k + 1 keys: the slice [:k] holds k of them."""
    return _best_first(_cos(q, K))[: k + 1]


def all_of_them(q, K, k):
    """You return all keys in order: cut the list after the first k."""
    return _best_first(_cos(q, K))


def cosines_instead(q, K, k):
    """You return the k largest cosines: their places in the table are asked for, which is what `argsort`
    gives.
    """
    return np.sort(_cos(q, K))[::-1][:k]


def rows_instead(q, K, k):
    """You return the keys themselves: their places in the table are asked for, k whole numbers."""
    return K[_best_first(_cos(q, K))[:k]]


def ranks_instead(q, K, k):
    """You return the rank of the first k rows: the rows that hold the first k ranks are asked for."""
    return np.argsort(_best_first(_cos(q, K)), kind="stable")[:k]


def by_distance(q, K, k):
    """You rank by the distance between the tips, so a long key in the right direction loses: use the
    cosine.
    """
    return _best_first(-np.linalg.norm(K - q, axis=1))[:k]


def opposite_counts(q, K, k):
    """You drop the sign of the cosine, so a key that points away from the query counts as near."""
    return _best_first(np.abs(_cos(q, K)))[:k]


def no_square_root(q, K, k):
    """You divide by the squared length of each key, so short keys win: the length is the square root of
    that sum.
    """
    return _best_first(_divide(K @ q, (K**2).sum(axis=1)))[:k]


def length_along_the_wrong_axis(q, K, k):
    """You take the lengths along axis 0, one for each feature: each key is a row, so its length needs
    axis=1.
    """
    return _best_first(_divide(K, np.linalg.norm(K, axis=0)) @ q)[:k]


def ties_backwards(q, K, k):
    """Equal cosines come in reversed order: turning an upward sort round turns the ties round too. Sort
    minus the cosine.
    """
    return np.argsort(_cos(q, K), kind="stable")[::-1][:k]


def zero_key_last(q, K, k):
    """A zero key makes 0/0, and nan is sorted to the end: its cosine is 0, which beats a negative one."""
    return np.argsort(-(K @ q) / (np.linalg.norm(K, axis=1) * np.linalg.norm(q)), kind="stable")[:k]


def always_three(q, K, k):
    """You always return three keys, whatever k is: a number that fitted one example was left in."""
    return _best_first(_cos(q, K))[:3]


def counted_from_one(q, K, k):
    """You count the rows from 1: Python's rows begin at 0."""
    return _best_first(_cos(q, K))[:k] + 1


def changes_keys(q, K, k):
    """The caller's K is changed in place: work on a new array, as in `K = K / ...`
    in place of `K /= ...`."""
    best = _best_first(_cos(q, K))[:k]
    if K.dtype.kind == "f":
        K[:] = _divide(K, np.linalg.norm(K, axis=1, keepdims=True))
    return best


def _cos(q, K):
    return by_hand.similarity(q, K)[1]


def _best_first(values):
    return np.argsort(-values, kind="stable")


def _divide(a, b):
    return np.where(b == 0, 0.0, a / np.where(b == 0, 1, b))


def unsorted_partition(q, K, k):
    """`argpartition` finds the k best and leaves them in any order: the best must come first, so sort with
    `argsort`."""
    return np.argpartition(-_cos(q, K), k - 1)[:k]


def unstable_sort(q, K, k):
    """In a longer table `np.argsort` may shuffle equal cosines: ask for kind="stable", so that the lower row
    stays first."""
    return np.argsort(-_cos(q, K))[:k]


def rows_as_floats(q, K, k):
    """You return the rows as floats: they are used to look up, as in `K[rows]`, so they must be whole numbers
    (int)."""
    return _best_first(_cos(q, K))[:k].astype(float)


def nan_first(q, K, k):
    """A zero key makes 0/0, and nan comes first once the order is reversed: its cosine is 0, so catch length
    0."""
    cos = (K @ q) / (np.linalg.norm(K, axis=1) * np.linalg.norm(q))
    return np.argsort(cos, kind="stable")[::-1][:k]


def whole_cosines(q, K, k):
    """You cut the cosines to whole numbers, so nearly all become 0: keep their fractions and sort those."""
    return _best_first(_cos(q, K).astype(int))[:k]


def rounded_cosines(q, K, k):
    """You round the cosines before sorting: keys that differ a little then count as equal, so sort them as
    they are."""
    return _best_first(_cos(q, K).round(2))[:k]


# ---------------------------------------- properties and cases


def rows_of_the_table(seen):
    """The result holds k different row numbers, from 0 to n - 1."""
    for case in seen.values():
        rows, n = np.asarray(case.outputs["rows"]), len(case.inputs["K"])
        if len(set(rows.tolist())) != case.inputs["k"] or rows.min() < 0 or rows.max() >= n:
            return False
    return True


def length_of_keys_does_not_matter(seen):
    """Stretching keys without turning them must not change who is near."""
    short, long = seen["7 keys"], seen["the same keys, stretched"]
    return np.array_equal(short.outputs["rows"], long.outputs["rows"])


def seven_keys(stretch=1.0):
    draw = np.random.default_rng(11)  # one draw, so that cases can be compared
    return draw.normal(size=3), draw.normal(size=(7, 3)) * np.asarray(stretch).reshape(-1, 1), 5


def half_of_a_long_table(rng):
    """Long, because `argpartition` happens to sort short arrays; angles far enough apart for float32."""
    angles = 0.2 + 2 * rng.permutation(1000) / 1000
    return np.array([1.0, 0.0]), np.stack([np.cos(angles), np.sin(angles)], axis=1), 500


EXERCISE = Exercise(
    id="nearest",
    contract=(
        "nearest(q, K, k) -> rows; q (d,), K (n, d), rows (k,) whole numbers: the rows of K with the largest "
        "cosine to q, best first, ties by lower row. A zero key has cosine 0."
    ),
    minutes=10,
    difficulty=2,
    points=1,
    arguments={"q": ("d",), "K": ("n", "d"), "k": ()},
    outputs={"rows": ("k",)},
    whole={"rows": "rows are whole numbers, so that `K[rows]` works"},
    cases=[
        Case("7 keys", lambda rng: seven_keys(), weight=3),
        Case("the same keys, stretched", lambda rng: seven_keys((1, 9, 0.2, 4, 0.5, 2, 30))),
        Case(
            "the two best of 3",
            lambda rng: (np.array([1.0, 0.0]), np.array([[0.0, 1.0], [1.0, 1.0], [2.0, 0.0]]), 2),
        ),
        Case("one of 5", lambda rng: (rng.normal(size=2), rng.normal(size=(5, 2)), 1)),
        Case(
            "a longer key, less well aimed",
            lambda rng: (np.array([1.0, 1.0]), np.array([[0.0, 3.0], [1.0, 1.0]]), 1),
        ),
        Case(
            "the opposite direction",
            lambda rng: (np.array([1.0, 1.0]), np.array([[-2.0, -2.0], [2.0, 1.0]]), 1),
        ),
        Case(
            "ties",
            lambda rng: (np.array([1.0, 1.0]), np.array([[0.0, 2.0], [1.0, 0.0], [4.0, 0.0], [1.0, 1.0]]), 3),
        ),
        Case(
            "a zero key",
            lambda rng: (np.array([1.0, 2.0]), np.array([[-1.0, 0.0], [0.0, 0.0], [1.0, 1.0]]), 2),
        ),
        Case("all of them", lambda rng: (rng.normal(size=3), rng.normal(size=(5, 3)), 5)),
        Case("whole numbers", lambda rng: (np.array([2, 1]), np.array([[0, 5], [2, 1], [9, 0]]), 2)),
        Case("500 of 1000", half_of_a_long_table),
        Case(
            "many ties",
            lambda rng: (
                np.array([1.0, 0.0]),
                np.tile(np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 0.0]]), (20, 1)),
                50,
            ),
        ),
    ],
    reference=by_hand.nearest,
    solution=nearest,
    right=[nearest, without_query_length, with_sorted, one_at_a_time],
    wrong=[
        by_dot_product,
        worst_first,
        best_last,
        in_table_order,
        skips_the_best,
        one_too_many,
        all_of_them,
        cosines_instead,
        rows_instead,
        ranks_instead,
        by_distance,
        opposite_counts,
        no_square_root,
        length_along_the_wrong_axis,
        ties_backwards,
        zero_key_last,
        always_three,
        counted_from_one,
        changes_keys,
        unsorted_partition,
        unstable_sort,
        rows_as_floats,
        nan_first,
        whole_cosines,
        rounded_cosines,
    ],
    properties=[rows_of_the_table, length_of_keys_does_not_matter],
    hints=[
        "Which of the two numbers of `similarity` does not care how long a key is?",
        "`np.argsort` sorts upwards and returns places. What must you sort to get the largest cosine first?",
        '`_, cos = similarity(q, K)`, then `np.argsort(-cos, kind="stable")[:k]`; a zero key has cosine 0.',
    ],
    allows=["course_lib.by_hand.similarity"],
    forbids=BESIDE_NUMPY,
)
