"""Exercise `general_scores` (lesson 07): Luong's bilinear score, a matrix between query and key."""

import torch

from course_lib.checks import Case, Exercise

# ------------------------------------------------------------------ a solution, and other right ways


def general_scores(Q, K, W):
    return Q @ W @ K.transpose(-1, -2)


def with_einsum(Q, K, W):
    return torch.einsum("bqd,de,bke->bqk", Q, W, K)


def keys_first(Q, K, W):
    projected = torch.nn.functional.linear(K, W)  # (B, n_k, d_q): each key times W^T
    return torch.bmm(Q, projected.mT)


def with_loops(Q, K, W):
    return torch.stack(
        [
            torch.stack([torch.stack([query @ W @ key for key in keys]) for query in queries])
            for queries, keys in zip(Q, K, strict=True)
        ]
    )


# ------------------------------------------------------------------ stored wrong answers


def w_ignored(Q, K, W):
    """W plays no part, and your score is the plain dot product: put W between query and key, q W k."""
    width = min(Q.shape[-1], K.shape[-1])
    return Q[..., :width] @ K[..., :width].mT


def w_transposed(Q, K, W):
    """W is turned round. It works where d_q = d_k and gives other numbers: feature a of the query meets
    feature b of the key with W[a, b]."""
    turned = W.T if W.shape[0] == W.shape[1] else W
    return Q @ turned @ K.mT


def scaled(Q, K, W):
    """You divide by the square root of a width: W can learn any scale itself, so this score has none."""
    return general_scores(Q, K, W) / K.shape[-1] ** 0.5


def scaled_by_query(Q, K, W):
    """You divide by the square root of d_q: W can learn any scale itself, so this score has none."""
    return general_scores(Q, K, W) / Q.shape[-1] ** 0.5


def softmax_taken(Q, K, W):
    """You return weights. The scores are asked for, before any softmax."""
    return general_scores(Q, K, W).softmax(-1)


def turned(Q, K, W):
    """Your table is turned round: rows belong to the queries, columns to the keys, so (B, n_q, n_k)."""
    return general_scores(Q, K, W).mT


def view_in_place_of_transpose(Q, K, W):
    """You made the table with keys first and then reshaped it: a view does not turn a table round, use
    transpose."""
    return general_scores(Q, K, W).mT.reshape(len(Q), Q.shape[1], K.shape[1])


def tanh_added(Q, K, W):
    """You bend the score with tanh: this one is bilinear, q W k and nothing else."""
    return torch.tanh(general_scores(Q, K, W))


def cosine(Q, K, W):
    """You divide by the lengths of query and key: that makes a cosine, and the bilinear score has no such
    division."""
    lengths = Q.norm(dim=-1)[:, :, None] * K.norm(dim=-1)[:, None]
    return general_scores(Q, K, W) / lengths.clamp(min=1e-12)


def first_example_for_all(Q, K, W):
    """All examples get the scores of the first: each example has queries and keys of its own."""
    scores = general_scores(Q, K, W)
    return scores[:1].expand_as(scores)


def batch_mixed(Q, K, W):
    """The keys of one example meet the queries of another: the batch axis must stay the same on both
    sides."""
    return general_scores(Q, K.flip(0), W)


def first_query_for_all(Q, K, W):
    """All rows are those of the first query: keep the axis n_q."""
    scores = general_scores(Q, K, W)
    return scores[:, :1].expand_as(scores)


def entry_by_entry(Q, K, W):
    """W is used on its diagonal alone: it is a whole matrix, and every feature of the query may meet every
    feature of the key."""
    width = min(W.shape)
    return (Q[..., :width] * W.diagonal()) @ K[..., :width].mT


def added(Q, K, W):
    """You add projected query and key. That is the additive score without its tanh: here they are
    multiplied."""
    return (Q @ W).sum(-1)[:, :, None] + K.sum(-1)[:, None]


def negative(Q, K, W):
    """All signs are turned round: a good match must have a large score."""
    return -general_scores(Q, K, W)


def mean_of_products(Q, K, W):
    """You take the mean over the features of the key: the product is a sum."""
    return general_scores(Q, K, W) / K.shape[-1]


def changes_queries(Q, K, W):
    """The caller's Q is changed in place: make a new tensor."""
    scores = general_scores(Q, K, W)
    Q *= 2
    return scores


# ------------------------------------------------------------------ the exercise


def linear_in_the_query(seen):
    """Twice the query must give twice the score: nothing may bend in this score."""
    once, twice = (seen[name].outputs["scores"] for name in ("a query", "twice that query"))
    return once.shape == twice.shape and abs(twice - 2 * once).max() < 1e-3


def drawn(rng, n_q, n_k, d_q, d_k, batch=2):
    return rng.normal(size=(batch, n_q, d_q)), rng.normal(size=(batch, n_k, d_k)), rng.normal(size=(d_q, d_k))


def small(rng, factor=1.0):
    query = [[[1.0 * factor, -2.0 * factor]]]
    keys = [[[0.5, 1.0, 0.0], [2.0, 0.0, -1.0]]]
    return tuple(map(_array, (query, keys, [[1.0, 0.0, 2.0], [0.0, 3.0, 1.0]])))


def _array(numbers):
    return torch.tensor(numbers, dtype=torch.float64).numpy()


EXERCISE = Exercise(
    id="general_scores",
    contract=(
        "general_scores(Q, K, W) -> scores; Q (B, n_q, d_q), K (B, n_k, d_k), W (d_q, d_k), scores "
        "(B, n_q, n_k). score[i, j] = q_i W k_j, without scale and before any softmax."
    ),
    minutes=6,
    difficulty=2,
    points=1,
    takes="torch",
    arguments={"Q": ("B", "n_q", "d_q"), "K": ("B", "n_k", "d_k"), "W": ("d_q", "d_k")},
    outputs={"scores": ("B", "n_q", "n_k")},
    cases=[
        Case("2 examples, 3 queries, 5 keys", lambda rng: drawn(rng, 3, 5, 4, 7), weight=3),
        Case("a query", small),
        Case("twice that query", lambda rng: small(rng, 2.0)),
        Case("one width for both", lambda rng: drawn(rng, 2, 3, 5, 5)),
        Case("all sizes equal", lambda rng: drawn(rng, 3, 3, 3, 3, batch=3)),
        Case("a single key", lambda rng: drawn(rng, 3, 1, 2, 5)),
        Case("large scores", lambda rng: tuple(30 * part for part in drawn(rng, 2, 3, 2, 4))),
    ],
    reference=with_einsum,
    solution=general_scores,
    right=[general_scores, with_einsum, keys_first, with_loops],
    wrong=[
        w_ignored,
        w_transposed,
        scaled,
        scaled_by_query,
        softmax_taken,
        turned,
        view_in_place_of_transpose,
        tanh_added,
        cosine,
        first_example_for_all,
        batch_mixed,
        first_query_for_all,
        entry_by_entry,
        added,
        negative,
        mean_of_products,
        changes_queries,
    ],
    properties=[linear_in_the_query],
    hints=[
        "Q is (B, n_q, d_q), W is (d_q, d_k). What shape has their product, and what must it meet next?",
        "Turn round the last two axes of K alone: the batch axis stays in front.",
        "`Q @ W @ K.transpose(-1, -2)`.",
    ],
)
