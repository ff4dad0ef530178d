"""Hunt 18_groups: query heads that read their groups in the wrong order."""

import numpy as np

from course_lib.checks import Hunt


def weigh(Q, K, V):
    """Each head's weighted mean of its values: Q (H, d), K (H, n, d), V (H, n, d_v)."""
    scores = np.einsum("hd,hnd->hn", Q, K) / np.sqrt(Q.shape[1])
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.einsum("hn,hnv->hv", powers / powers.sum(axis=1, keepdims=True), V)


def broken(Q, K, V):
    share = len(Q) // len(K)
    return weigh(Q, np.tile(K, (share, 1, 1)), np.tile(V, (share, 1, 1)))


def right(Q, K, V):
    share = len(Q) // len(K)
    return weigh(Q, np.repeat(K, share, axis=0), np.repeat(V, share, axis=0))


V = np.array([[[1.0]], [[2.0]]])

HUNT = Hunt(
    id="18_groups",
    contract=(
        "broken(Q, K, V) -> context (H, d_v) should be grouped-query attention of one token: Q (H, d), "
        "a query for each head; K (G, n, d) and V (G, n, d_v), the cache; H a multiple of G. Head h reads "
        "group h // (H // G)."
    ),
    arguments={"Q": ("H", "d"), "K": ("G", "n", "d"), "V": ("G", "n", "d_v")},
    outputs={"context": ("H", "d_v")},
    broken=broken,
    right=right,
    faults={
        "groups_in_turn": ("head h reads group h % G: the groups are dealt out in turn", ""),
        "first_group_for_all": (
            "all heads read group 0",
            "Then changing the last group would change nothing. It does.",
        ),
        "newest_left_out": (
            "the newest token of the cache is not read",
            "Then one head and one group would show it.",
        ),
        "heads_averaged": (
            "the heads of a group share one output, their mean",
            "Then one group for several heads with different queries would show it.",
        ),
        "scale_missing": (
            "the scores are not divided by the root of d",
            "Then one head with d = 4 would show it.",
        ),
        "values_shared_alone": (
            "the values are shared in the right order, the keys are not",
            "Then with one token, whose weight is 1, nothing would show. Try one token and two groups.",
        ),
    },
    fault="groups_in_turn",
    explanation=(
        "The groups are tiled, 0 1 0 1, in place of 0 0 1 1. With one group for all (multi-query) and with a "
        "group for each head (multi-head) both orders are the same, so these two tests cannot fail."
    ),
    hints=[
        "It agrees with one group for all heads, and with a group for each. What lies between?",
        "Take 4 heads, 2 groups and one token: each head then returns the value of its group.",
        "Head 1 should read group 0. Which one does it read?",
    ],
    example=(np.zeros((4, 1)), np.zeros((2, 1, 1)), V),
    dull=(np.zeros((2, 1)), np.zeros((2, 1, 1)), V),
)
