"""Hunt 03_scale: an attention whose scale is taken from the wrong place."""

import numpy as np

from course_lib.by_hand import scaled_dot_product_attention
from course_lib.checks import Hunt


def broken(Q, K, V):
    output, weights = scaled_dot_product_attention(Q, K, V, scale=V.shape[-1] ** -0.5)
    return output, weights


def right(Q, K, V):
    return scaled_dot_product_attention(Q, K, V)


Q = np.array([[2.0, 1.0]])
K = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
V = np.array([[1.0], [2.0], [4.0]])

HUNT = Hunt(
    id="03_scale",
    contract=(
        "broken(Q, K, V) -> (output, weights) should be scaled dot-product attention; Q (n_q, d), K (n_k,"
        " d), V (n_k, d_v)."
    ),
    arguments={"Q": ("n_q", "d"), "K": ("n_k", "d"), "V": ("n_k", "d_v")},
    outputs={"output": ("n_q", "d_v"), "weights": ("n_q", "n_k")},
    broken=broken,
    right=right,
    faults={
        "no_scale": (
            "the scores are not divided at all",
            (
                "Without any scale the size of V could not matter; try the same Q and K with a V of "
                "another width."
            ),
        ),
        "divides_by_d": (
            "the scores are divided by d and not by its root",
            "Division by d would show for every d above 1; find a d above 1 at which this function is right.",
        ),
        "root_of_n_k": (
            "the scores are divided by the root of the number of keys",
            (
                "Change the number of keys and leave the other sizes alone: the ratio of two weights does"
                " not follow it."
            ),
        ),
        "root_of_n_q": (
            "the scores are divided by the root of the number of queries",
            "Ask with one query, then with the same one among others: its weights do not change.",
        ),
        "root_of_d_v": (
            "the scores are divided by the root of d_v, the width of the values",
            "",
        ),
        "wrong_axis": (
            "softmax runs over the queries",
            "Look at the rows of the weights: each sums to 1, so softmax runs over the keys.",
        ),
    },
    fault="root_of_d_v",
    explanation=(
        "The scale is the root of the values' width. In most models d_v equals d, so it hides until "
        "someone makes the values wider or narrower."
    ),
    hints=[
        (
            "The name says scale. From which sizes could a scale be taken by mistake? List them: n_q, "
            "n_k, d, d_v."
        ),
        (
            "Change one size at a time and leave the others equal. At which change do the weights move "
            "although they should not?"
        ),
        (
            "Give the values one column more or less than the keys have: d_v different from d. Widen V "
            "alone and watch the weights."
        ),
    ],
    example=(Q, K, V),
    dull=(Q, K, np.array([[1.0, 0.0], [2.0, 5.0], [4.0, 1.0]])),
)
