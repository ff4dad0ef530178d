"""Hunt 05_backward: a backward pass whose softmax takes one mean for all queries together."""

import numpy as np

from course_lib.by_hand import scaled_dot_product_attention_backward, softmax
from course_lib.checks import Hunt


def broken(Q, K, V, dO):
    scale = Q.shape[-1] ** -0.5
    weights = softmax(Q @ K.T * scale)
    d_weights = dO @ V.T
    d_scores = weights * (d_weights - (weights * d_weights).sum()) * scale
    return d_scores @ K, d_scores.T @ Q, weights.T @ dO


def right(Q, K, V, dO):
    return scaled_dot_product_attention_backward(Q, K, V, dO)


Q = np.array([[2.0, 1.0], [1.0, -1.0]])
K = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
V = np.array([[1.0], [2.0], [4.0]])
SLOPES = np.array([[1.0], [2.0]])

HUNT = Hunt(
    id="05_backward",
    contract=(
        "broken(Q, K, V, dO) -> (dQ, dK, dV) should be the gradients of scaled dot-product attention; Q "
        "(n_q, d), K (n_k, d), V (n_k, d_v), dO (n_q, d_v)."
    ),
    arguments={"Q": ("n_q", "d"), "K": ("n_k", "d"), "V": ("n_k", "d_v"), "dO": ("n_q", "d_v")},
    outputs={"dQ": ("n_q", "d"), "dK": ("n_k", "d"), "dV": ("n_k", "d_v")},
    broken=broken,
    right=right,
    faults={
        "scale_missing": (
            "dQ and dK are not divided by sqrt(d)",
            "Then a single query would show it for every d above 1; try one query with d = 4.",
        ),
        "diagonal_only": (
            "softmax is taken back by p (1 - p) alone",
            "Then a single query would show it; with one query and three keys this function is right.",
        ),
        "dK_not_transposed": (
            "dK is made without turning d_scores round",
            "Then n_q = 2 and n_k = 3 would raise an error; and dQ, which needs no transpose, is wrong too.",
        ),
        "one_mean_for_all": (
            "the weighted mean of the softmax step is taken over all queries together",
            "",
        ),
        "dV_from_scores": (
            "dV is made from the scores and not from the weights",
            "Look which of the three differ: dV is right here, and dQ and dK are not.",
        ),
        "sum_over_queries": (
            "the weighted mean is summed down the queries and not along the keys",
            "Then a single query would show it: summed down one row, each key would have a mean of its own.",
        ),
    },
    fault="one_mean_for_all",
    explanation=(
        "`.sum()` without an axis adds up all queries. With one query that is its own row, so the fault "
        "hides until a second query comes; each row is a softmax of its own and has its own mean."
    ),
    hints=[
        "Five steps lie between dO and the gradients. Which of the three differ? Which steps are then right?",
        "Compare one query with two. Does the gradient of the first one change when a second stands below?",
        "Each query needs its own mean. What does `.sum()` without an axis add up when there are two rows?",
    ],
    example=(Q, K, V, SLOPES),
    dull=(Q[:1], K, V, SLOPES[:1]),
)
