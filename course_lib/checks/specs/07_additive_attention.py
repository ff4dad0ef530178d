"""Exercise `additive_attention` (lesson 07): a small network computes the scores."""

import numpy as np
import torch

from course_lib.checks import Case, Exercise
from course_lib.transformer import attention

# ------------------------------------------------------------------ a solution, and other right ways


def additive_attention(Q, K, V, Wq, Wk, v):
    queries = Q @ Wq.T  # (B, n_q, h)
    keys = K @ Wk.T  # (B, n_k, h)
    hidden = torch.tanh(queries[:, :, None, :] + keys[:, None, :, :])  # (B, n_q, n_k, h)
    weights = torch.softmax(hidden @ v, dim=-1)
    return weights @ V, weights


def with_loops(Q, K, V, Wq, Wk, v):
    scores = torch.zeros(len(Q), Q.shape[1], K.shape[1], dtype=Q.dtype)
    for b in range(len(Q)):
        for i, query in enumerate(Q[b]):
            for j, key in enumerate(K[b]):
                scores[b, i, j] = v @ torch.tanh(Wq @ query + Wk @ key)
    weights = scores.softmax(2)
    return torch.bmm(weights, V), weights


def with_einsum(Q, K, V, Wq, Wk, v):
    queries = torch.einsum("bqd,hd->bqh", Q, Wq).unsqueeze(2)
    keys = torch.einsum("bkd,hd->bkh", K, Wk).unsqueeze(1)
    scores = torch.einsum("bqkh,h->bqk", torch.tanh(queries + keys), v)
    scores = scores - scores.amax(-1, keepdim=True)
    weights = scores.exp() / scores.exp().sum(-1, keepdim=True)
    return torch.einsum("bqk,bkv->bqv", weights, V), weights


def one_big_matrix(Q, K, V, Wq, Wk, v):
    n_q, n_k = Q.shape[1], K.shape[1]
    pairs = torch.cat(
        [Q.repeat_interleave(n_k, dim=1), K.repeat(1, n_q, 1)], dim=-1
    )  # every query beside every key
    scores = torch.tanh(pairs @ torch.cat([Wq, Wk], dim=1).T) @ v
    weights = torch.nn.functional.softmax(scores.view(-1, n_q, n_k), dim=-1)
    return [(weights @ V).numpy(), weights.numpy()]


# ------------------------------------------------------------------ stored wrong answers


def sums(Q, K, Wq, Wk):
    """Wq q_i + Wk k_j for every pair, (B, n_q, n_k, h)."""
    return (Q @ Wq.T)[:, :, None] + (K @ Wk.T)[:, None]


def read(scores, V, dim=-1):
    """Softmax and weighted mean."""
    weights = scores.softmax(dim)
    return weights @ V, weights


def swapped(Q, K, V, Wq, Wk, v):
    """You return (weights, output); the order asked for is (output, weights)."""
    output, weights = additive_attention(Q, K, V, Wq, Wk, v)
    return weights, output


def no_tanh(Q, K, V, Wq, Wk, v):
    """Nothing bends the sum: without tanh the query adds the same to all scores of its row, and softmax does
    not see it."""
    return read(sums(Q, K, Wq, Wk) @ v, V)


def tanh_after_v(Q, K, V, Wq, Wk, v):
    """You take tanh of the finished score: it belongs inside, before the product with v."""
    return read(torch.tanh(sums(Q, K, Wq, Wk) @ v), V)


def relu_in_place_of_tanh(Q, K, V, Wq, Wk, v):
    """You bend with relu: the score of this exercise has tanh."""
    return read(torch.relu(sums(Q, K, Wq, Wk)) @ v, V)


def sigmoid_in_place_of_tanh(Q, K, V, Wq, Wk, v):
    """You bend with a sigmoid: the score of this exercise has tanh, from -1 to 1."""
    return read(torch.sigmoid(sums(Q, K, Wq, Wk)) @ v, V)


def multiplied(Q, K, V, Wq, Wk, v):
    """You multiply query and key: the score is additive, so add Wq q and Wk k."""
    return read(torch.tanh((Q @ Wq.T)[:, :, None] * (K @ Wk.T)[:, None]) @ v, V)


def subtracted(Q, K, V, Wq, Wk, v):
    """You subtract the key from the query: add the two."""
    return read(torch.tanh((Q @ Wq.T)[:, :, None] - (K @ Wk.T)[:, None]) @ v, V)


def dot_product(Q, K, V, Wq, Wk, v):
    """Your score is the dot product of the projected query and key: here a network scores them,
    v . tanh(Wq q + Wk k)."""
    return read((Q @ Wq.T) @ (K @ Wk.T).transpose(1, 2), V)


def scaled(Q, K, V, Wq, Wk, v):
    """You divide by the square root of h: that scale belongs to the dot product, the additive score has
    none."""
    return read(torch.tanh(sums(Q, K, Wq, Wk)) @ v / len(v) ** 0.5, V)


def v_missing(Q, K, V, Wq, Wk, v):
    """You sum over the hidden features: each has its own weight in v, so take the product with v."""
    return read(torch.tanh(sums(Q, K, Wq, Wk)).sum(-1), V)


def mean_over_hidden(Q, K, V, Wq, Wk, v):
    """You take the mean over the hidden features: the product with v is a sum."""
    return read((torch.tanh(sums(Q, K, Wq, Wk)) * v).mean(-1), V)


def v_inside(Q, K, V, Wq, Wk, v):
    """You multiply by v inside the tanh: first tanh, then the product with v."""
    return read(torch.tanh(sums(Q, K, Wq, Wk) * v).sum(-1), V)


def softmax_over_queries(Q, K, V, Wq, Wk, v):
    """Your softmax runs over the queries: the weights of one query over all keys must sum to 1, so dim=-1."""
    return read(torch.tanh(sums(Q, K, Wq, Wk)) @ v, V, dim=1)


def softmax_over_the_batch(Q, K, V, Wq, Wk, v):
    """Your softmax runs over the batch, axis 0: each example is on its own, so dim=-1."""
    return read(torch.tanh(sums(Q, K, Wq, Wk)) @ v, V, dim=0)


def softmax_over_everything(Q, K, V, Wq, Wk, v):
    """Your softmax runs over queries and keys together: every query has weights of its own that sum to 1."""
    scores = torch.tanh(sums(Q, K, Wq, Wk)) @ v
    weights = scores.flatten(1).softmax(-1).view(scores.shape)
    return weights @ V, weights


def no_softmax(Q, K, V, Wq, Wk, v):
    """You use the scores as weights: softmax over the keys makes weights of them."""
    scores = torch.tanh(sums(Q, K, Wq, Wk)) @ v
    return scores @ V, scores


def scores_returned(Q, K, V, Wq, Wk, v):
    """Your output is right, but the second result holds the scores: return the weights, after the softmax."""
    scores = torch.tanh(sums(Q, K, Wq, Wk)) @ v
    return scores.softmax(-1) @ V, scores


def not_divided(Q, K, V, Wq, Wk, v):
    """Your weights are the exponentials, not yet divided by their sum."""
    weights = (torch.tanh(sums(Q, K, Wq, Wk)) @ v).exp()
    return weights @ V, weights


def no_maximum(Q, K, V, Wq, Wk, v):
    """Your own softmax overflows for large scores: subtract the largest first, or use torch.softmax."""
    weights = (torch.tanh(sums(Q, K, Wq, Wk)) @ v).exp()
    weights = weights / weights.sum(-1, keepdim=True)
    return weights @ V, weights


def queries_ignored(Q, K, V, Wq, Wk, v):
    """The query plays no part: every row of your weights is the same. Add Wq q_i inside the tanh, not
    outside."""
    return read(torch.tanh(sums(0 * Q, K, Wq, Wk)) @ v, V)


def one_query_for_all(Q, K, V, Wq, Wk, v):
    """Every query gets the weights of the first: give the queries an axis of their own before you add."""
    return read(torch.tanh(sums(Q[:, :1].expand_as(Q), K, Wq, Wk)) @ v, V)


def roles_exchanged(Q, K, V, Wq, Wk, v):
    """Query and key are exchanged in your sum: axis 1 belongs to the queries, axis 2 to the keys."""
    weights = (torch.tanh(sums(Q, K, Wq, Wk)) @ v).transpose(1, 2).softmax(-1)
    return weights @ Q, weights


def keys_read(Q, K, V, Wq, Wk, v):
    """You take the weighted mean of the keys: the weights come from the keys, what is read are the values."""
    return read(torch.tanh(sums(Q, K, Wq, Wk)) @ v, K)


def first_example_for_all(Q, K, V, Wq, Wk, v):
    """All examples get the weights of the first: each example has queries and keys of its own."""
    scores = torch.tanh(sums(Q, K, Wq, Wk)) @ v
    return read(scores[:1].expand_as(scores), V)


def best_value_alone(Q, K, V, Wq, Wk, v):
    """Your output is the largest weight's value alone: a weighted mean of all values is asked for."""
    _, weights = additive_attention(Q, K, V, Wq, Wk, v)
    best = weights.argmax(-1)
    return torch.stack([value[row] for value, row in zip(V, best, strict=True)]), weights


def changes_queries(Q, K, V, Wq, Wk, v):
    """The caller's Q is changed in place: make a new tensor, as in `Q = Q / 2` in place of `Q /= 2`."""
    result = additive_attention(Q, K, V, Wq, Wk, v)
    Q /= 2
    return result


def weighted_product(Q, K, V, Wq, Wk, v):
    """Your score is a product of the projected query and key, weighted by v: add the two, take tanh, and then
    the product with v."""
    return read((Q @ Wq.T * v) @ (K @ Wk.T).transpose(1, 2), V)


def scaled_by_d_k(Q, K, V, Wq, Wk, v):
    """You divide by the square root of d_k: that scale belongs to the dot product, the additive score has
    none."""
    return read(torch.tanh(sums(Q, K, Wq, Wk)) @ v / K.shape[-1] ** 0.5, V)


def scaled_by_d_q(Q, K, V, Wq, Wk, v):
    """You divide by the square root of d_q: that scale belongs to the dot product, the additive score has
    none."""
    return read(torch.tanh(sums(Q, K, Wq, Wk)) @ v / Q.shape[-1] ** 0.5, V)


def reshaped_in_place_of_transposed(Q, K, V, Wq, Wk, v):
    """Your table has a row for each key, and `reshape` does not turn it: exchange its axes with `transpose`,
    or give the queries axis 1 from the start."""
    scores = (torch.tanh(sums(Q, K, Wq, Wk)) @ v).transpose(1, 2)
    return read(scores.reshape(len(Q), Q.shape[1], K.shape[1]), V)


def pairs_mixed_up(Q, K, V, Wq, Wk, v):
    """You repeat queries and keys in the same rhythm, so not every query meets every key: one of them needs
    `repeat_interleave`, or both need an axis of their own."""
    n_q, n_k = Q.shape[1], K.shape[1]
    hidden = torch.tanh((Q @ Wq.T).repeat(1, n_k, 1) + (K @ Wk.T).repeat(1, n_q, 1))
    return read((hidden @ v).view(-1, n_q, n_k), V)


def mean_query_for_all(Q, K, V, Wq, Wk, v):
    """All your queries are one, their mean: each has a row of weights of its own."""
    return read(torch.tanh(sums(Q.mean(1, keepdim=True).expand_as(Q), K, Wq, Wk)) @ v, V)


def v_of_length_1(Q, K, V, Wq, Wk, v):
    """You divide v by its length: its size is learnt too, and says how sharply the query chooses."""
    return read(torch.tanh(sums(Q, K, Wq, Wk)) @ (v / v.norm()), V)


def each_token_its_partner(Q, K, V, Wq, Wk, v):
    """You add query i to key i alone: give both a new axis, `[:, :, None]` and `[:, None]`, so that every
    query meets every key."""
    return read(torch.tanh(Q @ Wq.T + K @ Wk.T) @ v, V)


def weights_exchanged(Q, K, V, Wq, Wk, v):
    """You multiply the queries by Wk and the keys by Wq: each has a matrix of its own."""
    return read(torch.tanh(sums(Q, K, Wk, Wq)) @ v, V)


def weights_turned_back(Q, K, V, Wq, Wk, v):
    """Your output is right, but the weights come with keys as rows: (B, n_q, n_k), a row for each query."""
    output, weights = additive_attention(Q, K, V, Wq, Wk, v)
    return output, weights.transpose(1, 2)


def not_turned_round(Q, K, V, Wq, Wk, v):
    """You write `Q @ Wq`: Wq is (h, d_q), so it must be turned round, as in `Q @ Wq.T`, and Wk too."""
    return read(torch.tanh((Q @ Wq)[:, :, None] + (K @ Wk)[:, None]) @ v, V)


def mean_over_keys(Q, K, V, Wq, Wk, v):
    """You take the mean over the weighted values: the weights sum to 1 already, so take the sum."""
    output, weights = additive_attention(Q, K, V, Wq, Wk, v)
    return output / V.shape[1], weights


# ------------------------------------------------------------------ the exercise


def rows_sum_to_one(seen):
    """The weights of a query over all keys must sum to 1."""
    return all(np.allclose(case.outputs["weights"].sum(-1), 1, atol=1e-4) for case in seen.values())


def drawn(rng, n_q, n_k, d_q, d_k, d_v, h, batch=2, size=1.0):
    """Queries, keys, values and weights of these sizes; `size` stretches v."""
    Q, K, V = (rng.normal(size=(batch, n, d)) for n, d in ((n_q, d_q), (n_k, d_k), (n_k, d_v)))
    return Q, K, V, rng.normal(size=(h, d_q)), rng.normal(size=(h, d_k)), size * rng.normal(size=h)


def by_hand(query, *keys):
    """One feature, one hidden feature, all weights 1; the values are the keys' numbers from 1 on."""
    one = np.ones((1, 1))
    values = np.arange(1.0, len(keys) + 1)
    return np.array([[[query]]]), np.array(keys).reshape(1, -1, 1), values.reshape(1, -1, 1), one, one, one[0]


EXERCISE = Exercise(
    id="additive_attention",
    contract=(
        "additive_attention(Q, K, V, Wq, Wk, v) -> (output, weights); Q (B, n_q, d_q), K (B, n_k, d_k), "
        "V (B, n_k, d_v), Wq (h, d_q), Wk (h, d_k), v (h,), output (B, n_q, d_v), weights (B, n_q, n_k). "
        "score[i, j] = v . tanh(Wq q_i + Wk k_j)."
    ),
    minutes=20,
    difficulty=3,
    points=2,
    takes="torch",
    arguments={
        "Q": ("B", "n_q", "d_q"),
        "K": ("B", "n_k", "d_k"),
        "V": ("B", "n_k", "d_v"),
        "Wq": ("h", "d_q"),
        "Wk": ("h", "d_k"),
        "v": ("h",),
    },
    outputs={"output": ("B", "n_q", "d_v"), "weights": ("B", "n_q", "n_k")},
    cases=[
        Case("2 examples, 3 queries, 5 keys", lambda rng: drawn(rng, 3, 5, 4, 6, 7, 11), weight=3),
        Case("by hand", lambda rng: by_hand(0.5, 1.0, -1.0)),
        Case("a single key", lambda rng: by_hand(0.5, 1.0)),
        Case("one query, two keys, one of them opposite", lambda rng: by_hand(1.0, -1.0, 2.0)),
        Case("all sizes equal", lambda rng: drawn(rng, 3, 3, 3, 3, 3, 3, batch=3)),
        Case("queries and keys of one width", lambda rng: drawn(rng, 2, 3, 5, 5, 5, 7)),
        Case("large scores", lambda rng: drawn(np.random.default_rng(1), 2, 3, 2, 2, 1, 5, size=1000.0)),
        Case(
            "large input",
            lambda rng: tuple(
                a * s for a, s in zip(drawn(rng, 2, 3, 2, 4, 1, 5), (300, 300, 1, 1, 1, 1), strict=True)
            ),
        ),
    ],
    reference=attention.additive_attention,
    solution=additive_attention,
    right=[additive_attention, with_loops, with_einsum, one_big_matrix],
    wrong=[
        swapped,
        no_tanh,
        tanh_after_v,
        relu_in_place_of_tanh,
        sigmoid_in_place_of_tanh,
        multiplied,
        subtracted,
        dot_product,
        scaled,
        v_missing,
        mean_over_hidden,
        v_inside,
        softmax_over_queries,
        softmax_over_the_batch,
        softmax_over_everything,
        no_softmax,
        scores_returned,
        not_divided,
        no_maximum,
        queries_ignored,
        one_query_for_all,
        roles_exchanged,
        keys_read,
        first_example_for_all,
        best_value_alone,
        changes_queries,
        weighted_product,
        scaled_by_d_k,
        scaled_by_d_q,
        reshaped_in_place_of_transposed,
        pairs_mixed_up,
        mean_query_for_all,
        v_of_length_1,
        each_token_its_partner,
        weights_exchanged,
        weights_turned_back,
        not_turned_round,
        mean_over_keys,
    ],
    properties=[rows_sum_to_one],
    hints=[
        "Every query meets every key. What shape has the table of all their sums, before v is used?",
        (
            "`Q @ Wq.T` is (B, n_q, h), `K @ Wk.T` is (B, n_k, h). New axes (`[:, :, None, :]` and "
            "`[:, None, :, :]`) let them add up to (B, n_q, n_k, h)."
        ),
        "`scores = torch.tanh(queries + keys) @ v`, then softmax over the last axis, then `weights @ V`.",
    ],
)
