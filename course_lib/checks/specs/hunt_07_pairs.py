"""Hunt 07_pairs: the table of pairs is made keys first and then viewed, not turned, into queries first."""

import torch

from course_lib.checks import Hunt
from course_lib.transformer.attention import additive_attention


def broken(Q, K, V, Wq, Wk, v):
    B, n_q, n_k = len(Q), Q.shape[1], K.shape[1]
    hidden = torch.tanh((K @ Wk.T).unsqueeze(2) + (Q @ Wq.T).unsqueeze(1))  # (B, n_k, n_q, h)
    weights = (hidden @ v).reshape(B, n_q, n_k).softmax(dim=-1)
    return weights @ V, weights


def right(Q, K, V, Wq, Wk, v):
    return additive_attention(Q, K, V, Wq, Wk, v)


Q = torch.tensor([[[1.0], [-1.0]]]).numpy()
K = torch.tensor([[[1.0], [-1.0], [2.0]]]).numpy()
V = torch.tensor([[[1.0], [2.0], [4.0]]]).numpy()
W_Q = torch.tensor([[1.0], [-1.0]]).numpy()
W_K = torch.tensor([[1.0], [1.0]]).numpy()
V_SCORE = torch.tensor([2.0, -2.0]).numpy()

HUNT = Hunt(
    id="07_pairs",
    contract=(
        "broken(Q, K, V, Wq, Wk, v) -> (output, weights) should be additive attention; Q (B, n_q, d_q), "
        "K (B, n_k, d_k), V (B, n_k, d_v), Wq (h, d_q), Wk (h, d_k), v (h,)."
    ),
    arguments={
        "Q": ("B", "n_q", "d_q"),
        "K": ("B", "n_k", "d_k"),
        "V": ("B", "n_k", "d_v"),
        "Wq": ("h", "d_q"),
        "Wk": ("h", "d_k"),
        "v": ("h",),
    },
    outputs={"output": ("B", "n_q", "d_v"), "weights": ("B", "n_q", "n_k")},
    broken=broken,
    right=right,
    faults={
        "no_tanh": (
            "nothing bends the sum of query and key",
            "Then a single query would show it; with one query this function is right.",
        ),
        "softmax_over_queries": (
            "softmax runs over the queries",
            "Then a single query would get the weight 1 at every key, and each row would not sum to 1.",
        ),
        "v_missing": (
            "the hidden features are summed without v",
            "Then a single query would show it wherever v is not all ones.",
        ),
        "one_query_for_all": (
            "every query gets the weights of the first",
            "Then the rows of its weights would be equal. Print them.",
        ),
        "viewed_not_turned": (
            "the table of pairs is made keys first, and reshaped where it should be transposed",
            "",
        ),
        "keys_read": (
            "the output is the mean of the keys",
            "Then the weights would be right. Print both: here the weights differ too.",
        ),
    },
    fault="viewed_not_turned",
    explanation=(
        "`reshape` keeps the numbers in their order and cuts the row at other places. With one query or one "
        "key that is the same as turning round, so a decoder that asks one step at a time never sees it."
    ),
    hints=[
        "Which of n_q and n_k did the test hold at 1? Ask twice at once, with queries that differ.",
        "Write down the scores of two queries and three keys, keys first. Read the six numbers row by row.",
        "Which operation swaps two axes, and which only cuts the same row of numbers at other places?",
    ],
    example=(Q, K, V, W_Q, W_K, V_SCORE),
    dull=(Q[:, :1], K, V, W_Q, W_K, V_SCORE),
    takes="torch",
)
