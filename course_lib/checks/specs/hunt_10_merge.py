"""Hunt 10_merge: heads are put together without exchanging the axes back."""

import numpy as np

from course_lib.by_hand import scaled_dot_product_attention
from course_lib.checks import Hunt


def split(x, n_heads):
    return np.swapaxes(x.reshape(len(x), int(n_heads), -1), 0, 1)  # (n_heads, n, d_head)


def heads(Q, K, V, n_heads):
    parts = (split(x, n_heads) for x in (Q, K, V))
    return scaled_dot_product_attention(*parts)[0]  # (n_heads, n_q, d_head)


def broken(Q, K, V, n_heads):
    return heads(Q, K, V, n_heads).reshape(Q.shape)


def right(Q, K, V, n_heads):
    return np.swapaxes(heads(Q, K, V, n_heads), 0, 1).reshape(Q.shape)


Q = np.array([[1.0, 2.0], [3.0, -1.0]])
K = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
V = np.array([[1.0, 5.0], [2.0, -3.0], [4.0, 0.0]])

HUNT = Hunt(
    id="10_merge",
    contract=(
        "broken(Q, K, V, n_heads) -> output (n_q, d_model) should be multi-head attention of queries, keys "
        "and values that are projected already, the heads side by side, without W_o; Q (n_q, d_model), K and "
        "V (n_k, d_model)."
    ),
    arguments={
        "Q": ("n_q", "d_model"),
        "K": ("n_k", "d_model"),
        "V": ("n_k", "d_model"),
        "n_heads": (),
    },
    outputs={"output": ("n_q", "d_model")},
    broken=broken,
    right=right,
    faults={
        "scale_of_d_model": (
            "the scores are divided by the root of d_model, not of d_head",
            "Then one query and two heads would show it; with one query this function is right.",
        ),
        "one_head_only": (
            "the features are not split, one head does it all",
            "Then one query would show it: two heads have two rows of weights, and one head has one.",
        ),
        "split_without_transpose": (
            "keys and values are cut into stretches of the sequence",
            "Then one query would show it, for each head would see a part of the keys only.",
        ),
        "merged_without_transpose": (
            "the heads are put together without exchanging the axes of heads and queries back",
            "",
        ),
        "heads_in_reverse": (
            "the heads stand side by side in reverse order",
            "Then one query would show it: its features would come out in the wrong halves.",
        ),
        "softmax_over_queries": (
            "softmax runs over the queries and not over the keys",
            "Then one query would show it: each of its weights would be 1.",
        ),
    },
    fault="merged_without_transpose",
    explanation=(
        "(n_heads, n_q, d_head) is read row after row, so the first query gets what head 0 found for the "
        "first few queries. With one query, or with one head, there is nothing to exchange."
    ),
    hints=[
        "With one query all is right. Which steps see the queries side by side, and which see the keys?",
        "Take two queries, two heads of one feature. Where do the numbers of the right output stand?",
        "Attention gives (n_heads, n_q, d_head). Which order must the axes have before they are flattened?",
    ],
    example=(Q, K, V, 2),
    dull=(Q[:1], K, V, 2),
)
