"""Hunt 08_roles: a self-attention whose queries are made with W_k and whose keys are made with W_q."""

import numpy as np

from course_lib.by_hand import scaled_dot_product_attention
from course_lib.checks import Hunt


def broken(x, W_q, W_k, W_v):
    return scaled_dot_product_attention(x @ W_k.T, x @ W_q.T, x @ W_v.T)[0]


def right(x, W_q, W_k, W_v):
    return scaled_dot_product_attention(x @ W_q.T, x @ W_k.T, x @ W_v.T)[0]


X = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
W_Q, W_K, W_V = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]]), np.array([[1.0, 2.0]])

HUNT = Hunt(
    id="08_roles",
    contract=(
        "broken(x, W_q, W_k, W_v) -> output should be self-attention; x (n, d_model), W_q and W_k (d_head, "
        "d_model), W_v (d_v, d_model), output (n, d_v)."
    ),
    arguments={
        "x": ("n", "d_model"),
        "W_q": ("d_head", "d_model"),
        "W_k": ("d_head", "d_model"),
        "W_v": ("d_v", "d_model"),
    },
    outputs={"output": ("n", "d_v")},
    broken=broken,
    right=right,
    faults={
        "roles_exchanged": ("queries are made with W_k, and keys with W_q", ""),
        "one_for_both": (
            "queries and keys are both made with W_q",
            "Then W_k could not matter. Change W_k alone: the output moves.",
        ),
        "scale_missing": (
            "the scores are not divided by the root of d_head",
            "Then W_q = W_k would show it too, as soon as d_head is above 1. Try W_q = W_k with d_head = 4.",
        ),
        "softmax_over_queries": (
            "softmax runs over the queries, down the columns",
            "Then a row of weights would not sum to 1. Make all values 1: every output is 1 here.",
        ),
        "values_from_keys": (
            "the weighted mean is taken of the keys",
            "Then W_v could not matter. Double W_v: the output doubles here.",
        ),
        "x_as_queries": (
            "the tokens themselves are the queries, W_q is left out",
            "Then W_q could not matter, and d_head would have to be d_model. Change W_q alone and look.",
        ),
    },
    fault="roles_exchanged",
    explanation=(
        "The table of scores is transposed, so everybody looks at those who ask for them. With W_q = W_k "
        "it is symmetric and the fault hides. Training hides it as well: the matrices learn each "
        "other's part. It breaks when weights from elsewhere are loaded, so compare with a layer you trust."
    ),
    hints=[
        "Which of the three matrices matter? Change one at a time and see whether the output moves.",
        "Set W_q = W_k, with random tokens: both functions agree. What is special about the scores then?",
        "Let one token ask and offer nothing, another offer and ask nothing. Which one finds the other?",
    ],
    example=(X, W_Q, W_K, W_V),
    dull=(X, W_Q, W_Q, W_V),
)
