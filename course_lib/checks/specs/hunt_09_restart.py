"""Hunt 09_restart: rotary scores whose queries are counted from 0, though they are the last of the keys."""

import numpy as np

from course_lib.checks import Hunt
from course_lib.transformer.positions import rotate


def broken(Q, K):
    d = Q.shape[-1]
    return rotate(Q) @ rotate(K).transpose(-1, -2) / d**0.5


def right(Q, K):
    d = Q.shape[-1]
    first = K.shape[-2] - Q.shape[-2]  # where the first query stands
    return rotate(Q, first) @ rotate(K).transpose(-1, -2) / d**0.5


Q = np.array([[1.0, 0.0, 2.0, 1.0], [2.0, 1.0, 0.0, 1.0]])
K = np.array([[1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 2.0], [1.0, 1.0, -1.0, 0.0]])

HUNT = Hunt(
    id="09_restart",
    contract=(
        "broken(Q, K) -> scores (n_q, n_k) should be the scaled dot products of queries and keys after "
        "rotary positions; Q (n_q, d), K (n_k, d), d even. The keys stand at 0 ... n_k - 1, the queries are "
        "the last n_q of these positions."
    ),
    arguments={"Q": ("n_q", "d"), "K": ("n_k", "d")},
    outputs={"scores": ("n_q", "n_k")},
    broken=broken,
    right=right,
    faults={
        "keys_not_turned": (
            "the keys are left as they are, and the queries alone are turned",
            "Then two queries and two keys would show it too: key 1 has to be turned. Try them.",
        ),
        "keys_turned_back": (
            "the keys are turned the other way round",
            "Then two queries and two keys would show it too: angles would add up where they should cancel. "
            "Try them.",
        ),
        "queries_restart": ("the queries are counted from 0, wherever they stand", ""),
        "one_rate": (
            "all pairs turn at the same rate",
            "With d = 2 there is one pair, so this fault could not show there. Try d = 2, one query, two "
            "keys: they still differ.",
        ),
        "scale_missing": (
            "the scores are not divided by sqrt(d)",
            "Then one query and one key would show it. With as many queries as keys the two agree.",
        ),
        "positions_from_1": (
            "queries and keys are counted from 1",
            "No example could show that: a score depends on the distance alone, and both would be moved by "
            "one.",
        ),
    },
    fault="queries_restart",
    explanation=(
        "With as many queries as keys, the last n_q positions begin at 0, and nothing is wrong. With earlier "
        "keys before them they begin later: each query then asks from a place too far to the left."
    ),
    hints=[
        "Try as many queries as keys first. Then take the first query away: where does the other stand now?",
        "One query, three keys: which position does the query have? Which angle would it be turned by?",
        "Take 2 queries and 3 keys, d = 2. They stand at 1 and 2; which positions does the broken one use?",
    ],
    example=(Q, K),
    dull=(Q, K[:2]),
    takes="torch",
)
