"""Exercise `grouped_query_attention` (lesson 18): query heads share the keys and values of a group."""

import numpy as np
import torch

from course_lib.checks import Case, Exercise
from course_lib.transformer.attention import scaled_dot_product_attention

# ------------------------------------------------------------------ a solution, and other right ways


def grouped_query_attention(q, k, v, causal=False):
    share = q.shape[1] // k.shape[1]
    k, v = k.repeat_interleave(share, dim=1), v.repeat_interleave(share, dim=1)
    scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
    if not causal:
        return scores.softmax(dim=-1) @ v
    n, m = scores.shape[-2:]
    seen = torch.ones(n, m, dtype=torch.bool).tril(m - n)
    weights = scores.masked_fill(~seen, torch.finfo(scores.dtype).min).softmax(dim=-1)
    return (weights * seen) @ v


def with_an_axis_for_the_groups(q, k, v, causal=False):
    B, H, n, d = q.shape
    G, m = k.shape[1:3]
    scores = torch.einsum("bgsid,bgjd->bgsij", q.view(B, G, H // G, n, d) * d**-0.5, k)
    if causal:
        later = torch.arange(m)[None, :] > torch.arange(m - n, m)[:, None]
        scores = scores.masked_fill(later, -torch.inf)
    weights = scores.softmax(-1).nan_to_num()
    return torch.einsum("bgsij,bgjf->bgsif", weights, v).flatten(1, 2)


def head_by_head(q, k, v, causal=False):
    heads, (n, m) = [], (q.shape[2], k.shape[2])
    for h in range(q.shape[1]):
        g = h * k.shape[1] // q.shape[1]
        powers = q[:, h] @ k[:, g].transpose(1, 2) / np.sqrt(q.shape[-1])
        seen = torch.ones(n, m, dtype=torch.bool).tril(m - n if causal else m)
        highest = powers.masked_fill(~seen, -1e30).amax(-1, keepdim=True)
        powers = (powers - highest).masked_fill(~seen, -torch.inf).exp()
        heads.append(powers @ v[:, g] / powers.sum(-1, keepdim=True).clamp(min=1e-30))
    return torch.stack(heads, dim=1)


def by_the_library(q, k, v, causal=False):
    grouped = q.unflatten(1, (k.shape[1], -1))
    out, _ = scaled_dot_product_attention(grouped, k.unsqueeze(2), v.unsqueeze(2), causal=causal)
    return out.flatten(1, 2)


# ------------------------------------------------------------------ stored wrong answers


def interleaved(x, H):
    return x.repeat_interleave(H // x.shape[1], dim=1)


def tiled(x, H):
    return x.repeat(1, H // x.shape[1], 1, 1)


def lower(n, m, diagonal):
    return torch.ones(n, m, dtype=torch.bool).tril(diagonal)


def hidden(scores, seen):
    return scores.masked_fill(~seen, torch.finfo(scores.dtype).min).softmax(-1) * seen


STEPS = {
    "keys": interleaved,
    "values": interleaved,
    "compare": lambda q, k: q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5,
    "plain": lambda scores: scores.softmax(-1),
    "seen": lambda n, m: lower(n, m, m - n),
    "masked": hidden,
}


def solved(q, k, v, causal=False, **changes):
    """The solution in steps, each of which a wrong answer can replace."""
    do = STEPS | changes
    H, n = q.shape[1:3]
    scores = do["compare"](q, do["keys"](k, H))
    weights = do["masked"](scores, do["seen"](n, k.shape[2])) if causal else do["plain"](scores)
    return weights @ do["values"](v, H)


def groups_tiled(q, k, v, causal=False):
    """Your head h reads group h % G: neighbouring heads share, h // (H // G), so repeat_interleave, not
    repeat or expand in front."""
    return solved(q, k, v, causal, keys=tiled, values=tiled)


def values_tiled(q, k, v, causal=False):
    """You repeat keys and values in different orders: head h takes both from group h // (H // G)."""
    return solved(q, k, v, causal, values=tiled)


def keys_tiled(q, k, v, causal=False):
    """Your keys are repeated as a whole block, 0 1 0 1, your values one by one, 0 0 1 1: take
    repeat_interleave for both."""
    return solved(q, k, v, causal, keys=tiled)


def not_shared(q, k, v, causal=False):
    """You multiply H query heads by G heads of keys or values, which fits where G is 1 or H alone: repeat
    both, k and v, H // G times first."""
    return solved(q, k, v, causal, keys=lambda k, H: k, values=lambda v, H: v)


def first_group_for_all(q, k, v, causal=False):
    """All your heads read the first group, which is multi-query attention: head h reads group
    h // (H // G)."""
    return solved(q, k[:, :1], v[:, :1], causal)


def mean_of_the_groups(q, k, v, causal=False):
    """You average keys and values over the groups: each head reads one group, h // (H // G)."""
    return solved(q, k.mean(1, keepdim=True), v.mean(1, keepdim=True), causal)


def queries_averaged(q, k, v, causal=False):
    """You average the queries of a group: each of its heads asks for itself, only keys and values are
    shared."""
    H, G = q.shape[1], k.shape[1]
    mean = q.unflatten(1, (G, H // G)).mean(2)
    return solved(interleaved(mean, H), k, v, causal)


def heads_of_a_group_averaged(q, k, v, causal=False):
    """You average the outputs of a group: all H heads have an output of their own, (B, H, n, d)."""
    return solved(q, k, v, causal).unflatten(1, (k.shape[1], -1)).mean(2)


def group_h_div_g(q, k, v, causal=False):
    """You look up group h // G: a group has H // G heads, so head h reads group h // (H // G)."""
    of_head = torch.arange(q.shape[1]) // k.shape[1]
    return solved(q, k[:, of_head], v[:, of_head], causal)


def repeated_g_times(q, k, v, causal=False):
    """You repeat each group G times: it is shared by H // G heads."""
    return solved(
        q,
        k,
        v,
        causal,
        keys=lambda k, H: k.repeat_interleave(k.shape[1], dim=1),
        values=lambda v, H: v.repeat_interleave(v.shape[1], dim=1),
    )


def tokens_repeated(q, k, v, causal=False):
    """You repeat along axis 2, the tokens: the groups stand on axis 1."""
    share = q.shape[1] // k.shape[1]
    return solved(q, k.repeat_interleave(share, dim=2), v.repeat_interleave(share, dim=2), causal,
                  keys=lambda k, H: k, values=lambda v, H: v)  # fmt: skip


def groups_reversed(q, k, v, causal=False):
    """Your groups stand in reverse order: head 0 reads group 0."""
    return solved(q, k.flip(1), v.flip(1), causal)


def groups_left_apart(q, k, v, causal=False):
    """Your output is (B, G, H // G, n, d): merge the two axes to one of H heads, `flatten(1, 2)`."""
    return solved(q, k, v, causal).unflatten(1, (k.shape[1], -1))


def heads_merged(q, k, v, causal=False):
    """You merge the heads into (B, n, H * d): here they stay apart, (B, H, n, d)."""
    return solved(q, k, v, causal).transpose(1, 2).flatten(2)


def tokens_first(q, k, v, causal=False):
    """Your output is (B, n, H, d): the heads stand in front of the tokens, (B, H, n, d)."""
    return solved(q, k, v, causal).transpose(1, 2)


def weights_too(q, k, v, causal=False):
    """You return the weights as well: the output alone is asked for."""
    return solved(q, k, v, causal), (q @ interleaved(k, q.shape[1]).mT).softmax(-1)


def weights_alone(q, k, v, causal=False):
    """You return the weights: multiply them by the values."""
    n, m = q.shape[2], k.shape[2]
    return solved(q, k, torch.eye(m, dtype=v.dtype).expand(*k.shape[:2], m, m), causal and n > 0)


def not_scaled(q, k, v, causal=False):
    """The scores are not divided by the root of d."""
    return solved(q, k, v, causal, compare=lambda q, k: q @ k.transpose(-2, -1))


def root_forgotten(q, k, v, causal=False):
    """You divide the scores by d itself: divide by its root."""
    return solved(q, k, v, causal, compare=lambda q, k: q @ k.transpose(-2, -1) / q.shape[-1])


def scaled_by_all_heads(q, k, v, causal=False):
    """You divide by the root of H * d: a head compares d features, so divide by the root of d."""
    return solved(q, k, v, causal, compare=lambda q, k: q @ k.mT / (q.shape[-1] * q.shape[1]) ** 0.5)


def scaled_by_the_length(q, k, v, causal=False):
    """You divide by the root of the number of tokens: divide by that of the features, q.shape[-1]."""
    return solved(q, k, v, causal, compare=lambda q, k: q @ k.mT / k.shape[-2] ** 0.5)


def multiplied_by_the_root(q, k, v, causal=False):
    """You multiply the scores by the root of d: divide by it."""
    return solved(q, k, v, causal, compare=lambda q, k: q @ k.mT * q.shape[-1] ** 0.5)


def no_softmax(q, k, v, causal=False):
    """The softmax is missing: it makes weights of the scores."""
    return solved(q, k, v, causal, plain=lambda s: s, masked=lambda s, seen: s * seen)


def softmax_over_the_queries(q, k, v, causal=False):
    """Your softmax runs over the queries: each query shares its weight among the keys, dim=-1."""
    return solved(
        q,
        k,
        v,
        causal,
        plain=lambda s: s.softmax(-2),
        masked=lambda s, seen: s.masked_fill(~seen, -1e30).softmax(-2) * seen,
    )


def softmax_over_the_heads(q, k, v, causal=False):
    """Your softmax runs over the heads, axis 1: each query shares its weight among the keys, dim=-1."""
    return solved(
        q,
        k,
        v,
        causal,
        plain=lambda s: s.softmax(1),
        masked=lambda s, seen: s.masked_fill(~seen, -1e30).softmax(1) * seen,
    )


def keys_read(q, k, v, causal=False):
    """You average the keys: the weights are over the values, weights @ v."""
    return solved(q, k, k, causal)


def causal_ignored(q, k, v, causal=False):
    """`causal` is not used: with it a query sees no key after its own place."""
    return solved(q, k, v)


def always_causal(q, k, v, causal=False):
    """You hide the future even where `causal` is False: then every query sees every key."""
    return solved(q, k, v, True)


def causal_from_the_first_key(q, k, v, causal=False):
    """Your triangle begins at the first key, as is_causal=True has it too: the queries are the LAST n of the
    m places, so tril(m - n)."""
    return solved(q, k, v, causal, seen=lambda n, m: lower(n, m, 0))


def sees_one_ahead(q, k, v, causal=False):
    """Your queries see one key too many, the next one: the diagonal of the triangle is m - n."""
    return solved(q, k, v, causal, seen=lambda n, m: lower(n, m, m - n + 1))


def does_not_see_itself(q, k, v, causal=False):
    """Your queries do not see the key at their own place: the diagonal of the triangle is m - n."""
    return solved(q, k, v, causal, seen=lambda n, m: lower(n, m, m - n - 1))


def sees_the_future_alone(q, k, v, causal=False):
    """Your triangle is turned round: what stands after the query is hidden, what stands before it is seen."""
    return solved(q, k, v, causal, seen=lambda n, m: torch.ones(n, m, dtype=torch.bool).triu(m - n))


def square_triangle(q, k, v, causal=False):
    """Your triangle is (n, n), the scores are n by m: `torch.ones(n, m).tril(m - n)` fits both."""
    return solved(q, k, v, causal, seen=lambda n, m: lower(n, n, 0))


def hidden_after_the_softmax(q, k, v, causal=False):
    """You set weights to 0 after the softmax, so the rest no longer sums to 1: hide the scores before it."""
    return solved(q, k, v, causal, masked=lambda s, seen: s.softmax(-1) * seen)


def hidden_scores_zero(q, k, v, causal=False):
    """You set hidden scores to 0, which is a score like any other: -inf, or the lowest number, gets no
    weight."""
    return solved(q, k, v, causal, masked=lambda s, seen: (s * seen).softmax(-1))


def nan_in_an_empty_row(q, k, v, causal=False):
    """With more queries than keys the first see nothing, and all their scores are -inf: softmax makes nan of
    them. By our contract their output is 0."""
    return solved(q, k, v, causal, masked=lambda s, seen: s.masked_fill(~seen, -torch.inf).softmax(-1))


def even_in_an_empty_row(q, k, v, causal=False):
    """With more queries than keys the first see nothing, and you give them equal weights: by our contract
    their output is 0."""
    return solved(q, k, v, causal, masked=lambda s, seen: s.masked_fill(~seen, -1e30).softmax(-1))


def hides_with_minus_10(q, k, v, causal=False):
    """The number that hides a score is too near, or is added to a large score: the future shows through. Use
    -inf or the lowest number of the dtype."""
    return solved(q, k, v, causal, masked=lambda s, seen: s.masked_fill(~seen, -10.0).softmax(-1))


def overflows(q, k, v, causal=False):
    """Your own softmax overflows for large scores: use torch's, or subtract the largest first."""

    def powers(scores, seen=True):
        sizes = scores.exp() * seen
        return sizes / sizes.sum(-1, keepdim=True).clamp(min=1e-30)

    return solved(q, k, v, causal, plain=powers, masked=powers)


def maximum_of_hidden_scores(q, k, v, causal=False):
    """You take the maximum over hidden scores too: where one is far above, the others underflow to 0. Hide
    the scores first."""

    def masked(scores, seen):
        powers = (scores - scores.amax(-1, keepdim=True)).exp() * seen
        return powers / powers.sum(-1, keepdim=True).clamp(min=1e-30)

    return solved(q, k, v, causal, masked=masked)


def changes_q(q, k, v, causal=False):
    """The caller's q is changed in place: write `q = q / ...`, not `q /= ...`."""
    q /= q.shape[-1] ** 0.5
    return solved(q, k, v, causal, compare=lambda q, k: q @ k.transpose(-2, -1))


def heads_side_by_side(q, k, v, causal=False):
    """You put the heads side by side along the features: stack them on axis 1, (B, H, n, d)."""
    return torch.cat(solved(q, k, v, causal).split(1, dim=1), dim=-1)


def hides_itself_with_inf(q, k, v, causal=False):
    """Your triu hides the query's own place too, and where nothing is left you get nan: begin one further, at
    the diagonal m - n + 1."""

    def masked(scores, seen):
        return scores.masked_fill(torch.ones_like(seen).triu(), -torch.inf).softmax(-1)

    return solved(q, k, v, causal, masked=masked)


def large_number_added(q, k, v, causal=False):
    """With more queries than keys the first see nothing, and yet get weights, as the same large number is
    taken off all their scores: by our contract their output is 0."""
    return solved(q, k, v, causal, masked=lambda s, seen: (s - 1e9 * ~seen).softmax(-1))


def repeated_along_the_batch(q, k, v, causal=False):
    """You repeat along axis 0, the examples: the groups stand on axis 1, repeat_interleave(H // G, dim=1)."""
    share = q.shape[1] // k.shape[1]
    return solved(q, k, v, causal, keys=lambda k, H: k.repeat_interleave(share, dim=0),
                  values=lambda v, H: v.repeat_interleave(share, dim=0))  # fmt: skip


def repeated_flat(q, k, v, causal=False):
    """repeat_interleave without `dim` flattens the tensor: the groups stand on axis 1, dim=1."""
    share = q.shape[1] // k.shape[1]
    return solved(q, k, v, causal, keys=lambda k, H: k.repeat_interleave(share))


def group_average_for_each(q, k, v, causal=False):
    """All heads of a group give the same output in yours, their average: each head keeps its own."""
    H, G = q.shape[1], k.shape[1]
    return interleaved(solved(q, k, v, causal).unflatten(1, (G, H // G)).mean(2), H)


def mask_turned_round(q, k, v, causal=False):
    """Your mask is turned round: you hide what may be seen. Fill where the triangle is False,
    masked_fill(~seen, ...)."""
    return solved(q, k, v, causal, masked=lambda s, seen: s.masked_fill(seen, -1e9).softmax(-1))


def mask_turned_round_with_inf(q, k, v, causal=False):
    """Your mask is turned round, and a row that is hidden as a whole gives nan: fill where the triangle is
    False, masked_fill(~seen, ...)."""
    return solved(q, k, v, causal, masked=lambda s, seen: s.masked_fill(seen, -torch.inf).softmax(-1))


def scaled_by_the_heads(q, k, v, causal=False):
    """You divide by the root of the number of heads: divide by that of the features, q.shape[-1]."""
    return solved(q, k, v, causal, compare=lambda q, k: q @ k.mT / q.shape[1] ** 0.5)


def diagonal_n_minus_m(q, k, v, causal=False):
    """The diagonal of your triangle is n - m: it is m - n, so that the last query sees all m keys."""
    return solved(q, k, v, causal, seen=lambda n, m: lower(n, m, n - m))


def heads_strided(q, k, v, causal=False):
    """You pick every G-th head for a group and lay the groups one after the other: a group has neighbouring
    heads, q[:, g * share : (g + 1) * share]."""
    G = k.shape[1]
    order = torch.cat([torch.arange(g, q.shape[1], G) for g in range(G)])
    return solved(q[:, order], k, v, causal)


def queries_added_up(q, k, v, causal=False):
    """You add up the queries of a group: each of its heads asks for itself and has an output, (B, H, n,
    d)."""
    return solved(q.unflatten(1, (k.shape[1], -1)).sum(2), k, v, causal)


def from_the_first_key_unless_alone(q, k, v, causal=False):
    """Your triangle begins at the first key whenever there are several queries: they are the LAST n of the m
    places, so tril(m - n)."""
    return solved(q, k, v, causal, seen=lambda n, m: lower(n, m, 0 if n > 1 else m))


# ------------------------------------------------------------------ the exercise


def a_group_matters_to_its_heads_alone(seen):
    """Changing the last group must change the last H // G heads and no others."""
    one, other = (seen[name].outputs["out"] for name in ("6 heads, 2 groups", "another last group"))
    return np.allclose(one[:, :3], other[:, :3], atol=1e-5) and not np.allclose(one[:, 3:], other[:, 3:])


def random(H, G, n=3, m=5, B=2, d=7, size=1.0):
    def inputs(rng):
        k, v = rng.normal(size=(2, B, G, m, d))
        return size * rng.normal(size=(B, H, n, d)), size * k, v

    return inputs


LARGE = random(6, 2, size=30.0)


def usual(last=1.0):
    """Always the same 6 heads and 2 groups; the second group can be stretched."""
    rng = np.random.default_rng(18)
    q, (k, v) = rng.normal(size=(2, 6, 3, 7)), rng.normal(size=(2, 2, 2, 5, 7))
    k[:, 1] *= last
    v[:, 1] *= last
    return q, k, v


def by_hand(H, groups, n=1):
    """Queries of 0, so that each head takes the mean of its group's values; keys that matter to nobody."""

    def inputs(rng):
        v = np.array(groups, float)[None, :, :, None]
        return np.zeros((1, H, n, 1)), np.ones_like(v), v

    return inputs


CAUSAL = {"causal": True}

EXERCISE = Exercise(
    id="grouped_query_attention",
    contract=(
        "grouped_query_attention(q, k, v, causal=False) -> out (B, H, n, d); q (B, H, n, d), k and v (B, G, "
        "m, d), H a multiple of G. Query head h reads group h // (H // G). Causal: the queries are the LAST "
        "n of the m places; a query that sees no key gets zeros."
    ),
    minutes=20,
    difficulty=3,
    points=3,
    takes="torch",
    arguments={"q": ("B", "H", "n", "d"), "k": ("B", "G", "m", "d"), "v": ("B", "G", "m", "d")},
    outputs={"out": ("B", "H", "n", "d")},
    cases=[
        Case("6 heads, 2 groups", lambda rng: usual(), weight=3),
        Case("6 heads, 3 groups, causal", random(6, 3), CAUSAL, weight=2),
        Case("another last group", lambda rng: usual(-2.0)),
        Case("by hand, 4 heads, 2 groups", by_hand(4, [[1.0], [2.0]])),
        Case("by hand, causal", by_hand(2, [[1.0, 3.0, 8.0]], 2), CAUSAL),
        Case("one group for all (multi-query)", random(5, 1)),
        Case("a group for each head", random(3, 3)),
        Case("as many queries as keys, causal", random(4, 2, 5, 5), CAUSAL),
        Case("one query, causal", random(6, 2, 1, 4), CAUSAL),
        Case("more queries than keys, causal", random(4, 2, 5, 3), CAUSAL),
        Case("more queries than keys", random(4, 2, 5, 3)),
        Case("4 heads, 2 groups", random(4, 2)),
        Case("large numbers", lambda rng: LARGE(np.random.default_rng(1))),
        Case("large numbers, causal", lambda rng: LARGE(np.random.default_rng(2)), CAUSAL),
        Case("all sizes equal, causal", random(4, 4, 4, 4, 4, 4), CAUSAL),
    ],
    reference=by_the_library,
    solution=grouped_query_attention,
    right=[grouped_query_attention, with_an_axis_for_the_groups, head_by_head],
    wrong=[
        groups_tiled,
        values_tiled,
        keys_tiled,
        not_shared,
        first_group_for_all,
        mean_of_the_groups,
        queries_averaged,
        heads_of_a_group_averaged,
        group_h_div_g,
        repeated_g_times,
        tokens_repeated,
        groups_reversed,
        groups_left_apart,
        heads_merged,
        tokens_first,
        weights_too,
        weights_alone,
        not_scaled,
        root_forgotten,
        scaled_by_all_heads,
        scaled_by_the_length,
        multiplied_by_the_root,
        no_softmax,
        softmax_over_the_queries,
        softmax_over_the_heads,
        keys_read,
        causal_ignored,
        always_causal,
        causal_from_the_first_key,
        sees_one_ahead,
        does_not_see_itself,
        sees_the_future_alone,
        square_triangle,
        hidden_after_the_softmax,
        hidden_scores_zero,
        nan_in_an_empty_row,
        even_in_an_empty_row,
        hides_with_minus_10,
        overflows,
        maximum_of_hidden_scores,
        changes_q,
        heads_side_by_side,
        hides_itself_with_inf,
        large_number_added,
        repeated_along_the_batch,
        repeated_flat,
        group_average_for_each,
        mask_turned_round,
        mask_turned_round_with_inf,
        scaled_by_the_heads,
        diagonal_n_minus_m,
        heads_strided,
        queries_added_up,
        from_the_first_key_unless_alone,
    ],
    properties=[a_group_matters_to_its_heads_alone],
    hints=[
        "With 6 query heads and 2 groups: which heads read group 0? In which order must the groups stand?",
        (
            "`repeat_interleave(H // G, dim=1)` writes each group H // G times, one after the other; then it "
            "is attention as ever. The triangle is (n, m), and its last row is open."
        ),
        (
            "`seen = torch.ones(n, m, dtype=torch.bool).tril(m - n)`; fill the rest with "
            "`torch.finfo(scores.dtype).min`, softmax, and multiply the weights by `seen`."
        ),
    ],
)
