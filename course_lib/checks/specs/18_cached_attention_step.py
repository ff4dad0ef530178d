"""Exercise `cached_attention_step` (lesson 18): attention that keeps the keys and values of the past."""

from types import SimpleNamespace

import numpy as np
import torch

from course_lib.checks import Case, Exercise, Made
from course_lib.transformer.attention import scaled_dot_product_attention

# ------------------------------------------------------------------ a solution, and other right ways


def cached_attention_step(x_new, cache, p):
    B, m, d = x_new.shape
    past = 0 if cache is None else cache[0].shape[2]
    x = x_new + p.pos[past : past + m]
    Q, K, V = ((x @ W).view(B, m, p.h, d // p.h).transpose(1, 2) for W in (p.Wq, p.Wk, p.Wv))
    if cache is not None:
        K, V = torch.cat([cache[0], K], dim=2), torch.cat([cache[1], V], dim=2)
    scores = Q @ K.transpose(-2, -1) / (d // p.h) ** 0.5
    seen = torch.ones(m, past + m, dtype=torch.bool).tril(past)
    context = scores.masked_fill(~seen, -torch.inf).softmax(dim=-1) @ V
    return context.transpose(1, 2).reshape(B, m, d) @ p.Wo, (K, V)


def token_by_token(x_new, cache, p):
    B, m, d = x_new.shape
    K, V = cache or (x_new.new_zeros(B, p.h, 0, d // p.h) for _ in range(2))
    outputs = []
    for i in range(m):
        x = x_new[:, i] + p.pos[K.shape[2]]
        q, k, v = ((x @ W).reshape(B, p.h, 1, -1) for W in (p.Wq, p.Wk, p.Wv))
        K, V = torch.cat((K, k), 2), torch.cat((V, v), 2)
        weights = torch.softmax((q * k.shape[-1] ** -0.5 * K).sum(-1), dim=-1)
        outputs.append(torch.einsum("bhn,bhnf->bhf", weights, V).reshape(B, d) @ p.Wo)
    return torch.stack(outputs, dim=1), (K, V)


def with_torchs_own(x_new, cache, p):
    past = cache[0].shape[-2] if cache else 0
    place = past + torch.arange(x_new.shape[1])
    x = x_new + p.pos[place]
    q, k, v = (torch.stack((x @ W).chunk(p.h, dim=-1), dim=1) for W in (p.Wq, p.Wk, p.Wv))
    if cache:
        k, v = (torch.cat(pair, dim=-2) for pair in zip(cache, (k, v), strict=True))
    seen = torch.arange(k.shape[2]) <= place[:, None]
    heads = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=seen)
    return torch.cat(heads.unbind(dim=1), dim=-1) @ p.Wo, [k, v]


def by_the_library(x_new, cache, p):
    m, d = x_new.shape[1:]
    start = 0 if cache is None else cache[0].shape[2]
    x = x_new + p.pos[start : start + m]
    q, k, v = ((x @ W).unflatten(-1, (p.h, d // p.h)).transpose(1, 2) for W in (p.Wq, p.Wk, p.Wv))
    if cache is not None:
        k, v = torch.cat([cache[0], k], dim=2), torch.cat([cache[1], v], dim=2)
    heads, _ = scaled_dot_product_attention(q, k, v, causal=True)
    return heads.transpose(1, 2).flatten(2) @ p.Wo, (k, v)


# ------------------------------------------------------------------ stored wrong answers


def split(x, h):
    return x.unflatten(-1, (h, x.shape[-1] // h)).transpose(1, 2)


def merged(heads):
    return heads.transpose(1, 2).flatten(2)


def joined(old, new):
    return torch.cat([old, new], dim=2)


def lower(m, past, diagonal):
    return torch.ones(m, past + m, dtype=torch.bool).tril(diagonal)


STEPS = {
    "past": lambda cache: cache[0].shape[2],
    "place": lambda x, past, p: x + p.pos[past : past + x.shape[1]],
    "project": lambda x, p: (x @ p.Wq, x @ p.Wk, x @ p.Wv),
    "split": split,
    "join": lambda cache, K, V: (joined(cache[0], K), joined(cache[1], V)),
    "read": lambda K, V, m: (K, V),
    "compare": lambda Q, K: Q @ K.transpose(-2, -1) / Q.shape[-1] ** 0.5,
    "seen": lambda m, past: lower(m, past, past),
    "softmax": lambda scores, seen: scores.masked_fill(~seen, -torch.inf).softmax(-1),
    "merge": merged,
    "project_out": lambda x, p: x @ p.Wo,
    "kept": lambda cache, K, V, m: (K, V),
}


def solved(x_new, cache, p, **changes):
    """The solution in steps, each of which a wrong answer can replace."""
    do = STEPS | changes
    m = x_new.shape[1]
    past = 0 if cache is None else do["past"](cache)
    x = do["place"](x_new, past, p)
    Q, K, V = (do["split"](part, p.h) for part in do["project"](x, p))
    if cache is not None:
        K, V = do["join"](cache, K, V)
    keys, values = do["read"](K, V, m)
    scores = do["compare"](Q, keys)
    seen = do["seen"](m, keys.shape[2] - m)
    out = do["project_out"](do["merge"](do["softmax"](scores, seen) @ values), p)
    return out, do["kept"](cache, K, V, m)


def positions_from_zero(x_new, cache, p):
    """Your positions begin at 0 in every call: the first new token stands at place `past`, so add
    p.pos[past : past + m]."""
    return solved(x_new, cache, p, place=lambda x, past, p: x + p.pos[: x.shape[1]])


def no_positions(x_new, cache, p):
    """The positions are missing: add p.pos[past : past + m] to x_new before the projections."""
    return solved(x_new, cache, p, place=lambda x, past, p: x)


def one_position_for_all(x_new, cache, p):
    """All new tokens get the position `past`: they stand one after the other, p.pos[past : past + m]."""
    return solved(x_new, cache, p, place=lambda x, past, p: x + p.pos[past])


def position_one_too_high(x_new, cache, p):
    """Your positions are one too high when there is a past: `past` tokens stand at places 0 to
    past - 1, so the next place is `past`."""
    return solved(x_new, cache, p, place=lambda x, s, p: x + p.pos[s + bool(s) : s + bool(s) + x.shape[1]])


def position_one_too_low(x_new, cache, p):
    """Your positions are one too low: past - 1 belongs to the last cached token, the next place is `past`,
    counted from 0."""
    return solved(x_new, cache, p, place=lambda x, s, p: x + p.pos[torch.arange(x.shape[1]) + s - 1])


def positions_of_the_length(x_new, cache, p):
    """Your positions begin at past + m, behind the chunk: the first new token stands at `past`."""
    return solved(x_new, cache, p, place=lambda x, s, p: x + p.pos[s + x.shape[1] :][: x.shape[1]])


def heads_counted_as_past(x_new, cache, p):
    """You take the number of heads for the number of cached tokens: a cache is (B, H, past, d_head), so
    cache[0].shape[2]."""
    return solved(x_new, cache, p, past=lambda cache: cache[0].shape[1])


def two_counted_as_past(x_new, cache, p):
    """`len(cache)` is 2, for K and V: the number of cached tokens is cache[0].shape[2]."""
    return solved(x_new, cache, p, past=len)


def batch_counted_as_past(x_new, cache, p):
    """`len(cache[0])` is the number of examples: the number of cached tokens is cache[0].shape[2]."""
    return solved(x_new, cache, p, past=lambda cache: len(cache[0]))


def features_counted_as_past(x_new, cache, p):
    """You take the last axis of the cache, the features of a head, for the number of cached tokens: that is
    cache[0].shape[2]."""
    return solved(x_new, cache, p, past=lambda cache: cache[0].shape[-1])


def positions_for_queries_alone(x_new, cache, p):
    """Your positions reach the queries alone: keys and values are made of x_new with its positions too."""
    return solved(
        x_new,
        cache,
        p,
        place=lambda x, s, p: (x, x + p.pos[s : s + x.shape[1]]),
        project=lambda pair, p: (pair[1] @ p.Wq, pair[0] @ p.Wk, pair[0] @ p.Wv),
    )


def values_without_positions(x_new, cache, p):
    """Your values are made of x_new without positions: they are added once, before all three projections."""
    return solved(
        x_new,
        cache,
        p,
        place=lambda x, s, p: (x, x + p.pos[s : s + x.shape[1]]),
        project=lambda pair, p: (pair[1] @ p.Wq, pair[1] @ p.Wk, pair[0] @ p.Wv),
    )


def chunk_not_causal(x_new, cache, p):
    """Inside the chunk your tokens see each other's future: new token i sees the past and the new ones up to
    itself."""
    return solved(x_new, cache, p, seen=lambda m, past: torch.ones(m, past + m, dtype=torch.bool))


def causal_from_the_first_key(x_new, cache, p):
    """Your triangle begins at the first key, as is_causal=True has it too: the queries are the last m places,
    so tril(diagonal=past)."""
    return solved(x_new, cache, p, seen=lambda m, past: lower(m, past, 0))


def causal_without_a_past_alone(x_new, cache, p):
    """With a past you hide nothing: a chunk of several new tokens needs its triangle then as well."""
    return solved(x_new, cache, p, seen=lambda m, past: lower(m, past, m + past if cache is not None else 0))


def mask_of_the_chunk_alone(x_new, cache, p):
    """Your mask is (m, m), but the keys are past + m: `torch.ones(m, past + m).tril(past)` leaves the past
    open."""
    return solved(x_new, cache, p, seen=lambda m, past: lower(m, 0, 0))


def sees_one_ahead(x_new, cache, p):
    """Each of your new tokens sees the next one too: the diagonal of the triangle is `past`, not past + 1."""
    return solved(x_new, cache, p, seen=lambda m, past: lower(m, past, past + 1))


def does_not_see_itself(x_new, cache, p):
    """A new token of yours does not see itself, and the very first sees nothing: the diagonal of the triangle
    is `past`, not past - 1."""
    return solved(x_new, cache, p, seen=lambda m, past: lower(m, past, past - 1))


def sees_the_future_alone(x_new, cache, p):
    """Your triangle is turned round: hidden is what comes later, so masked_fill(~seen, -inf) with a lower
    triangle in `seen`."""
    upper = lambda m, past: torch.ones(m, past + m, dtype=torch.bool).triu(past)  # noqa: E731
    return solved(x_new, cache, p, seen=upper)


def past_forgotten(x_new, cache, p):
    """Your new tokens see the chunk alone: the keys and values are those of the cache and the new ones."""
    return solved(x_new, cache, p, read=lambda K, V, m: (K[:, :, -m:], V[:, :, -m:]))


def cache_ignored(x_new, cache, p):
    """The cache is not used: begin with its keys and values, append the new ones, and count positions
    from its length."""
    return solved(x_new, None, p)


def past_alone(x_new, cache, p):
    """Your new tokens attend to the cache alone: append their own keys and values first, then attend."""
    if cache is None:
        return solved(x_new, cache, p)
    return solved(
        x_new,
        cache,
        p,
        read=lambda K, V, m: (K[:, :, :-m], V[:, :, :-m]),
        seen=lambda m, rest: torch.ones(m, rest + m, dtype=torch.bool),
    )


def cache_not_extended(x_new, cache, p):
    """You return the cache as it came: the next call needs the new keys and values too, joined."""
    return solved(x_new, cache, p, kept=lambda cache, K, V, m: cache or (K, V))


def new_ones_cached_alone(x_new, cache, p):
    """Your new cache holds the chunk alone: the next call needs the old keys and values as well."""
    return solved(x_new, cache, p, kept=lambda cache, K, V, m: (K[:, :, -m:], V[:, :, -m:]))


def new_ones_in_front(x_new, cache, p):
    """You put the new keys and values in front of the old: append them, torch.cat([old, new], dim=2)."""
    return solved(x_new, cache, p, join=lambda cache, K, V: (joined(K, cache[0]), joined(V, cache[1])))


def joined_along_another_axis(x_new, cache, p):
    """You do not join along the tokens: they stand on axis 2 of (B, H, past, d_head), so dim=2."""
    return solved(
        x_new, cache, p, join=lambda c, K, V: (torch.cat([c[0], K], dim=1), torch.cat([c[1], V], dim=1))
    )


def joined_along_the_batch(x_new, cache, p):
    """You join along axis 0, the examples, as torch.cat does where no `dim` is given: tokens stand on axis
    2."""
    return solved(x_new, cache, p, join=lambda c, K, V: (torch.cat([c[0], K]), torch.cat([c[1], V])))


def values_not_joined(x_new, cache, p):
    """You append the new keys and forget the values: each key needs its value, both grow by m."""
    return solved(x_new, cache, p, join=lambda cache, K, V: (joined(cache[0], K), V))


def cache_exchanged(x_new, cache, p):
    """Your new cache is (V, K): it is (K, V), in the order in which it came."""
    return solved(x_new, cache, p, kept=lambda cache, K, V, m: (V, K))


def cached_before_the_split(x_new, cache, p):
    """Your cache holds (B, n, d): it holds the keys and values split into heads, (B, H, n, d_head)."""
    return solved(x_new, cache, p, kept=lambda cache, K, V, m: (merged(K), merged(V)))


def cache_demanded(x_new, cache, p):
    """You use the cache without asking whether there is one: in the first call it is None, and nothing is
    past."""
    past = cache[0].shape[2]
    return solved(x_new, cache, p, past=lambda cache: past)


def three_results(x_new, cache, p):
    """You return three results, out, K, V: the cache is one of them, `return out, (K, V)`."""
    out, (K, V) = solved(x_new, cache, p)
    return out, K, V


def output_alone(x_new, cache, p):
    """You return the output alone: the next step needs the cache, `return out, (K, V)`."""
    return solved(x_new, cache, p)[0]


def last_output_alone(x_new, cache, p):
    """You return the last token's output alone: each of the m new tokens has one, (B, m, d)."""
    out, kept = solved(x_new, cache, p)
    return out[:, -1:], kept


def not_scaled(x_new, cache, p):
    """The scores are not divided by the root of d_head."""
    return solved(x_new, cache, p, compare=lambda Q, K: Q @ K.transpose(-2, -1))


def scaled_by_d(x_new, cache, p):
    """You divide by the root of d: each head compares d_head = d / h features, so divide by the root of
    those."""
    return solved(x_new, cache, p, compare=lambda Q, K: Q @ K.mT / (Q.shape[-1] * Q.shape[1]) ** 0.5)


def root_forgotten(x_new, cache, p):
    """You divide the scores by d_head itself: divide by its root."""
    return solved(x_new, cache, p, compare=lambda Q, K: Q @ K.transpose(-2, -1) / Q.shape[-1])


def no_output_projection(x_new, cache, p):
    """The output projection is missing: the merged heads go through p.Wo."""
    return solved(x_new, cache, p, project_out=lambda x, p: x)


def weights_transposed(x_new, cache, p):
    """You multiply by the transposed matrices, as nn.Linear and F.linear do: here it is x @ W, also for
    p.Wo."""
    return solved(
        x_new,
        cache,
        p,
        project=lambda x, p: (x @ p.Wq.T, x @ p.Wk.T, x @ p.Wv.T),
        project_out=lambda x, p: x @ p.Wo.T,
    )


def one_head(x_new, cache, p):
    """You attend with a single head of d features: split into p.h heads of d // p.h features each."""
    if cache is not None:
        cache = tuple(merged(part).unsqueeze(1) for part in cache)
    keep = lambda cache, K, V, m: (split(K[:, 0], p.h), split(V[:, 0], p.h))  # noqa: E731
    return solved(x_new, cache, p, split=lambda x, h: x.unsqueeze(1), kept=keep)


def split_without_transpose(x_new, cache, p):
    """You view (B, m, d) as (B, h, m, d_head) at once, which mixes tokens with heads: view as (B, m, h,
    d_head), then transpose(1, 2)."""
    return solved(x_new, cache, p, split=lambda x, h: x.reshape(x.shape[0], h, x.shape[1], -1))


def merged_without_transpose(x_new, cache, p):
    """You reshape (B, h, m, d_head) to (B, m, d) at once, which mixes heads with tokens: transpose(1, 2)
    first."""
    return solved(x_new, cache, p, merge=lambda heads: heads.reshape(len(heads), heads.shape[2], -1))


def heads_interleaved(x_new, cache, p):
    """Your head i takes every h-th feature: it takes d_head neighbouring ones, view as (B, m, h, d_head)."""
    return solved(
        x_new, cache, p, split=lambda x, h: x.unflatten(-1, (x.shape[-1] // h, h)).permute(0, 3, 1, 2)
    )


def softmax_over_the_queries(x_new, cache, p):
    """Your softmax runs over the new tokens: each query shares its weight among the keys, dim=-1."""
    return solved(x_new, cache, p, softmax=lambda s, seen: s.masked_fill(~seen, -1e30).softmax(-2) * seen)


def hidden_after_the_softmax(x_new, cache, p):
    """You set weights to 0 after the softmax, so the rest no longer sums to 1: hide the scores before it."""
    return solved(x_new, cache, p, softmax=lambda scores, seen: scores.softmax(-1) * seen)


def hidden_scores_zero(x_new, cache, p):
    """You set hidden scores to 0, which is a score like any other: -inf gets the weight 0."""
    return solved(x_new, cache, p, softmax=lambda scores, seen: (scores * seen).softmax(-1))


def no_softmax(x_new, cache, p):
    """The softmax is missing: it turns the scores over the keys into weights that sum to 1."""
    return solved(x_new, cache, p, softmax=lambda scores, seen: scores * seen)


def keys_read(x_new, cache, p):
    """You average the keys: the weights are over the values, weights @ V."""
    return solved(x_new, cache, p, project=lambda x, p: (x @ p.Wq, x @ p.Wk, x @ p.Wk))


def queries_cached(x_new, cache, p):
    """Your keys are made with p.Wq: queries are x @ p.Wq, keys x @ p.Wk."""
    return solved(x_new, cache, p, project=lambda x, p: (x @ p.Wq, x @ p.Wq, x @ p.Wv))


def positioned_twice(x_new, cache, p):
    """You add the positions a second time, to the output: they are added to x_new, once."""
    out, kept = solved(x_new, cache, p)
    past = 0 if cache is None else cache[0].shape[2]
    return out + p.pos[past : past + x_new.shape[1]], kept


def residual_added(x_new, cache, p):
    """You add x_new to the output: the way past belongs to the block, here the attention alone is
    asked for."""
    out, kept = solved(x_new, cache, p)
    return x_new + out, kept


def changes_x(x_new, cache, p):
    """The caller's x_new is changed in place: write `x = x_new + ...`, not `x_new += ...`."""
    return solved(x_new, cache, p, place=lambda x, past, p: x.add_(p.pos[past : past + x.shape[1]]))


def written_for_no_cache(x_new, cache, p):
    """Your positions and your triangle both begin at 0, as without a cache: the new tokens stand behind the
    cached ones, at `past` and on."""
    return solved(
        x_new,
        cache,
        p,
        place=lambda x, past, p: x + p.pos[: x.shape[1]],
        seen=lambda m, past: lower(m, past, 0),
    )


def written_for_one_token(x_new, cache, p):
    """Your step fits one new token: of several, each has a position of its own, and none may see a later
    one."""
    return solved(
        x_new,
        cache,
        p,
        place=lambda x, past, p: x + p.pos[past],
        seen=lambda m, past: torch.ones(m, past + m, dtype=torch.bool),
    )


def positions_after_the_projections(x_new, cache, p):
    """You add the positions to queries, keys and values: they are added once, to x_new, before it is
    projected."""

    def project(x, p):
        past = 0 if cache is None else cache[0].shape[2]
        return tuple(x @ W + p.pos[past : past + x.shape[1]] for W in (p.Wq, p.Wk, p.Wv))

    return solved(x_new, cache, p, place=lambda x, past, p: x, project=project)


def output_weights_transposed(x_new, cache, p):
    """You multiply by p.Wo transposed, as nn.Linear and F.linear do: here it is x @ p.Wo."""
    return solved(x_new, cache, p, project_out=lambda x, p: x @ p.Wo.T)


def input_weights_transposed(x_new, cache, p):
    """You multiply by p.Wq, p.Wk and p.Wv transposed, as nn.Linear and F.linear do: here it is x @ W."""
    return solved(x_new, cache, p, project=lambda x, p: (x @ p.Wq.T, x @ p.Wk.T, x @ p.Wv.T))


def scaled_like_an_embedding(x_new, cache, p):
    """You multiply x_new by the root of d before you add positions, as an embedding layer of 2017 does: here
    x_new + p.pos[...] is asked for."""
    root = x_new.shape[-1] ** 0.5
    return solved(x_new, cache, p, place=lambda x, s, p: root * x + p.pos[s : s + x.shape[1]])


def mask_turned_round(x_new, cache, p):
    """Your mask is turned round: you hide what may be seen. Fill where the triangle is False,
    masked_fill(~seen, -inf)."""
    return solved(x_new, cache, p, softmax=lambda s, seen: s.masked_fill(seen, -1e9).softmax(-1))


def mask_turned_round_with_inf(x_new, cache, p):
    """Your mask is turned round, and a row that is hidden as a whole gives nan: fill where the triangle is
    False, masked_fill(~seen, -inf)."""
    return solved(x_new, cache, p, softmax=lambda s, seen: s.masked_fill(seen, -torch.inf).softmax(-1))


def wrong_axis_for_mask_too(x_new, cache, p):
    """Your mask does not fit the keys: the number of cached tokens is cache[0].shape[2], the third axis of
    (B, H, past, d_head)."""
    heads = 0 if cache is None else cache[0].shape[1]
    return solved(x_new, cache, p, past=lambda cache: heads, seen=lambda m, past: lower(m, heads, heads))


def past_not_scaled(x_new, cache, p):
    """Your scores against the cached keys are not scaled, those against the new ones are: divide all by the
    root of d_head."""
    m = x_new.shape[1]

    def compare(Q, K):
        root = Q.shape[-1] ** 0.5
        return torch.cat([Q @ K[:, :, :-m].mT, Q @ K[:, :, -m:].mT / root], dim=-1)

    return solved(x_new, cache, p, compare=compare)


def no_first_cache(x_new, cache, p):
    """Your first call returns None for the cache, so the second begins anew: return (K, V) there too."""
    out, kept = solved(x_new, cache, p)
    return out, None if cache is None else kept


def cached_with_tokens_first(x_new, cache, p):
    """You join before you exchange axes: the cache is (B, H, past, d_head), so split into heads, transpose(1,
    2), then append along axis 2."""
    return solved(
        x_new,
        cache,
        p,
        split=lambda x, h: x.unflatten(-1, (h, -1)),
        join=lambda c, K, V: (torch.cat([c[0], K], dim=1), torch.cat([c[1], V], dim=1)),
        read=lambda K, V, m: (K.transpose(1, 2), V.transpose(1, 2)),
        compare=lambda Q, K: Q.transpose(1, 2) @ K.mT / Q.shape[-1] ** 0.5,
    )


def diagonal_m(x_new, cache, p):
    """The diagonal of your triangle is m, the number of new tokens: it is `past`, so that the first new token
    sees all cached ones and itself."""
    return solved(x_new, cache, p, seen=lambda m, past: lower(m, past, m))


def keys_scaled_before_caching(x_new, cache, p):
    """You scale the keys before they are cached, and the cached ones are not scaled: divide the scores by the
    root of d_head, or the queries."""

    def project(x, p):
        return x @ p.Wq, x @ p.Wk / (x.shape[-1] // p.h) ** 0.5, x @ p.Wv

    return solved(x_new, cache, p, project=project, compare=lambda Q, K: Q @ K.mT)


def last_positions(x_new, cache, p):
    """You take the last rows of p.pos: the new tokens stand at `past` and on, p.pos[past : past + m]."""
    return solved(x_new, cache, p, place=lambda x, past, p: x + p.pos[-x.shape[1] :])


def positions_without_a_cache_alone(x_new, cache, p):
    """With a cache your new tokens get no positions: they need p.pos[past : past + m] in every call."""
    return solved(x_new, cache, p, place=lambda x, s, p: x + p.pos[: x.shape[1]] if cache is None else x)


# ------------------------------------------------------------------ the exercise


def the_same_as_all_at_once(seen):
    """Five tokens at once and the last two after three cached ones must give the same output at these two."""
    whole, rest = (seen[name].outputs["out"] for name in ("five at once", "the last two of these five"))
    return np.allclose(whole[:, 3:], rest, rtol=1e-4, atol=1e-4)


def p(Wq, Wk, Wv, Wo, pos, h):
    return SimpleNamespace(Wq=Wq, Wk=Wk, Wv=Wv, Wo=Wo, pos=pos, h=h)


def parts(rng, d=15, h=3, longest=17):
    return Made(p, *rng.normal(size=(4, d, d)) / d**0.5, rng.normal(size=(longest, d)), h)


def chunk(m, past, B=2, d=15, h=3, longest=17):
    """m new tokens after a cache of `past` tokens, or None without one."""

    def inputs(rng):
        cache = None if past is None else tuple(rng.normal(size=(2, B, h, past, d // h)))
        return rng.normal(size=(B, m, d)), cache, parts(rng, d, h, longest)

    return inputs


def five(first):
    """The same five tokens always; the first ones already cached."""
    rng = np.random.default_rng(18)
    x, parts_ = rng.normal(size=(1, 5, 6)), parts(rng, 6, 2, 5)
    given = [torch.tensor(part) if isinstance(part, np.ndarray) else part for part in parts_.parts]
    _, (K, V) = by_the_library(torch.tensor(x), None, p(*given))
    cache = (K[:, :, :first].numpy(), V[:, :, :first].numpy()) if first else None
    return x[:, first:], cache, parts_


def by_hand(x, K=None, V=None):
    """One head of one feature; position i is the number 10 i, values are doubled."""

    def inputs(rng):
        one = np.ones((1, 1))
        cache = None if K is None else tuple(np.array(part, float).reshape(1, 1, -1, 1) for part in (K, V))
        pos = np.array([[0.0], [10.0], [20.0], [30.0]])
        return np.array(x, float).reshape(1, -1, 1), cache, Made(p, 0 * one, one, 2 * one, one, pos, 1)

    return inputs


EXERCISE = Exercise(
    id="cached_attention_step",
    contract=(
        "cached_attention_step(x_new, cache, p) -> (out, cache'); x_new and out (B, m, d); cache None or (K, "
        "V), each (B, H, past, d_head), cache' the same with past + m. p.pos (max, d) is added at the "
        "ABSOLUTE position; p.Wq, p.Wk, p.Wv, p.Wo (d, d), used as x @ W; p.h heads. Causal inside the chunk."
    ),
    minutes=25,
    difficulty=4,
    points=4,
    takes="torch",
    arguments={"x_new": ("B", "m", "d"), "cache": (), "p": ()},
    outputs={"out": ("B", "m", "d"), "cache": ("K or V", "B", "H", "past+m", "d_head")},
    cases=[
        Case("4 new tokens after 7", chunk(4, 7), weight=3),
        Case("1 new token after 7", chunk(1, 7), weight=2),
        Case("4 tokens, no cache", chunk(4, None), weight=2),
        Case("1 token, no cache", chunk(1, None)),
        Case("4 tokens, an empty cache", chunk(4, 0)),
        Case("4 new tokens after 4", chunk(4, 4)),
        Case("by hand, no cache", by_hand([1.0])),
        Case("by hand, 1 after 1", by_hand([1.0], [1.0], [2.0])),
        Case("by hand, 2 after 1", by_hand([1.0, 3.0], [1.0], [2.0])),
        Case("five at once", lambda rng: five(0)),
        Case("the last two of these five", lambda rng: five(3)),
        Case("one head", chunk(3, 2, B=1, d=5, h=1)),
        Case("up to the last position", chunk(2, 3, B=1, d=6, h=2, longest=5)),
        Case("more new tokens than old", chunk(5, 2, B=3)),
    ],
    reference=by_the_library,
    solution=cached_attention_step,
    right=[cached_attention_step, token_by_token, with_torchs_own],
    wrong=[
        positions_from_zero,
        no_positions,
        one_position_for_all,
        position_one_too_high,
        position_one_too_low,
        positions_of_the_length,
        heads_counted_as_past,
        two_counted_as_past,
        batch_counted_as_past,
        features_counted_as_past,
        positions_for_queries_alone,
        values_without_positions,
        chunk_not_causal,
        causal_from_the_first_key,
        causal_without_a_past_alone,
        mask_of_the_chunk_alone,
        sees_one_ahead,
        does_not_see_itself,
        sees_the_future_alone,
        past_forgotten,
        cache_ignored,
        past_alone,
        cache_not_extended,
        new_ones_cached_alone,
        new_ones_in_front,
        joined_along_another_axis,
        joined_along_the_batch,
        values_not_joined,
        cache_exchanged,
        cached_before_the_split,
        cache_demanded,
        three_results,
        output_alone,
        last_output_alone,
        not_scaled,
        scaled_by_d,
        root_forgotten,
        no_output_projection,
        weights_transposed,
        one_head,
        split_without_transpose,
        merged_without_transpose,
        heads_interleaved,
        softmax_over_the_queries,
        hidden_after_the_softmax,
        hidden_scores_zero,
        no_softmax,
        keys_read,
        queries_cached,
        positioned_twice,
        residual_added,
        changes_x,
        written_for_no_cache,
        written_for_one_token,
        positions_after_the_projections,
        output_weights_transposed,
        input_weights_transposed,
        scaled_like_an_embedding,
        mask_turned_round,
        mask_turned_round_with_inf,
        wrong_axis_for_mask_too,
        past_not_scaled,
        no_first_cache,
        cached_with_tokens_first,
        diagonal_m,
        keys_scaled_before_caching,
        last_positions,
        positions_without_a_cache_alone,
    ],
    properties=[the_same_as_all_at_once],
    hints=[
        "At which places do the new tokens stand, and what may each of them see: which old ones, which new?",
        (
            "`past = 0 if cache is None else cache[0].shape[2]`. Add `p.pos[past : past + m]`, project, "
            "split into heads, append keys and values along the tokens. The mask is (m, past + m)."
        ),
        (
            "`torch.ones(m, past + m, dtype=torch.bool).tril(past)`: row i is open up to key past + i; hide "
            "the rest with -inf, then softmax over the keys."
        ),
    ],
)
