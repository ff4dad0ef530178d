"""Exercise `decoder_layer` (lesson 12): the wiring of one decoder layer, as the paper of 2017 has it."""

from types import SimpleNamespace

import numpy as np
import torch

from course_lib.checks import Case, Exercise, Made
from course_lib.checks.parts import decoder_layer_parts
from course_lib.transformer.attention import causal_mask, scaled_dot_product_attention
from course_lib.transformer.blocks import residual_block

# ------------------------------------------------------------------ a solution, and other right ways


def decoder_layer(y, mem, tgt_keep, src_keep, p):
    m = y.shape[1]
    causal = torch.ones(m, m, dtype=torch.bool).tril()
    y = p.norm1(y + p.self_attn(y, y, y, tgt_keep.unsqueeze(1) & causal))
    y = p.norm2(y + p.cross_attn(y, mem, mem, src_keep.unsqueeze(1)))
    return p.norm3(y + p.ffn(y))


def with_positions(y, mem, tgt_keep, src_keep, p):
    place = torch.arange(y.shape[1])
    past = place[None, :] <= place[:, None]
    own = torch.logical_and(past[None], tgt_keep[:, None, :])
    first = p.norm1(p.self_attn(q=y, k=y, v=y, mask=own) + y)
    second = p.norm2(p.cross_attn(q=first, k=mem, v=mem, mask=src_keep[:, None, :]) + first)
    return p.norm3(p.ffn(second) + second)


def with_one_step(y, mem, tgt_keep, src_keep, p):
    (B, m, _), n = y.shape, mem.shape[1]
    own = ~torch.ones(B, m, m).triu(1).bool() & tgt_keep.view(B, 1, m)
    for norm, sublayer in (
        (p.norm1, lambda h: p.self_attn(h, h, h, own)),
        (p.norm2, lambda h: p.cross_attn(h, mem, mem, src_keep.view(B, 1, n).expand(B, m, n))),
        (p.norm3, p.ffn),
    ):
        y = norm(y + sublayer(y))
    return y


def by_the_library(y, mem, tgt_keep, src_keep, p):
    own = tgt_keep.unsqueeze(-2) & causal_mask(y.shape[1], y.shape[1])
    y = residual_block(y, lambda h: p.self_attn(h, h, h, own), p.norm1, pre=False)
    y = residual_block(y, lambda h: p.cross_attn(h, mem, mem, src_keep.unsqueeze(-2)), p.norm2, pre=False)
    return residual_block(y, p.ffn, p.norm3, pre=False)


# ------------------------------------------------------------------ stored wrong answers


def own_mask(tgt_keep):
    """Past and present places that hold real tokens, (B, m, m)."""
    m = tgt_keep.shape[1]
    return tgt_keep.unsqueeze(1) & torch.ones(m, m, dtype=torch.bool).tril()


def after_self(y, tgt_keep, p, mask=None):
    """The first third of the layer."""
    return p.norm1(y + p.self_attn(y, y, y, own_mask(tgt_keep) if mask is None else mask))


def after_cross(y, mem, src_keep, p, mask=None):
    """The second third."""
    return p.norm2(y + p.cross_attn(y, mem, mem, src_keep.unsqueeze(1) if mask is None else mask))


def after_ffn(y, p):
    """The last third."""
    return p.norm3(y + p.ffn(y))


def no_cross_attention(y, mem, tgt_keep, src_keep, p):
    """Cross-attention is missing: without it the decoder never reads the source. It is the second of three
    sublayers."""
    return after_ffn(after_self(y, tgt_keep, p), p)


def no_self_attention(y, mem, tgt_keep, src_keep, p):
    """Self-attention is missing: it is the first of three sublayers."""
    return after_ffn(after_cross(p.norm1(y), mem, src_keep, p), p)


def no_ffn(y, mem, tgt_keep, src_keep, p):
    """The feed-forward is missing: it is the third sublayer."""
    return p.norm3(after_cross(after_self(y, tgt_keep, p), mem, src_keep, p))


def cross_first(y, mem, tgt_keep, src_keep, p):
    """Cross-attention comes before self-attention in yours: first the target looks at itself, then at the
    source."""
    return after_ffn(after_self(after_cross(y, mem, src_keep, p), tgt_keep, p), p)


def ffn_before_cross(y, mem, tgt_keep, src_keep, p):
    """Your feed-forward comes before the cross-attention: it is the last of the three."""
    return after_cross(after_ffn(after_self(y, tgt_keep, p), p), mem, src_keep, p)


def sees_the_future(y, mem, tgt_keep, src_keep, p):
    """Your target sees its own future: self-attention needs the causal mask as well as tgt_keep."""
    first = after_self(y, tgt_keep, p, tgt_keep.unsqueeze(1).expand(-1, y.shape[1], -1))
    return after_ffn(after_cross(first, mem, src_keep, p), p)


def sees_the_future_alone(y, mem, tgt_keep, src_keep, p):
    """Your causal mask is turned round: place i sees itself and what stands before it, so tril, not triu."""
    mask = tgt_keep.unsqueeze(1) & torch.ones(y.shape[1], y.shape[1], dtype=torch.bool).triu()
    return after_ffn(after_cross(after_self(y, tgt_keep, p, mask), mem, src_keep, p), p)


def not_itself(y, mem, tgt_keep, src_keep, p):
    """Your causal mask hides the place itself: it sees its own token too, tril() without -1."""
    mask = tgt_keep.unsqueeze(1) & torch.ones(y.shape[1], y.shape[1], dtype=torch.bool).tril(-1)
    return after_ffn(after_cross(after_self(y, tgt_keep, p, mask), mem, src_keep, p), p)


def one_ahead(y, mem, tgt_keep, src_keep, p):
    """Your causal mask lets a place see the next token: the one it has to predict. tril() without +1."""
    mask = tgt_keep.unsqueeze(1) & torch.ones(y.shape[1], y.shape[1], dtype=torch.bool).tril(1)
    return after_ffn(after_cross(after_self(y, tgt_keep, p, mask), mem, src_keep, p), p)


def target_padding_ignored(y, mem, tgt_keep, src_keep, p):
    """tgt_keep is not used: self-attention sees real tokens alone, tgt_keep.unsqueeze(1) & causal."""
    return decoder_layer(y, mem, torch.ones_like(tgt_keep), src_keep, p)


def source_padding_ignored(y, mem, tgt_keep, src_keep, p):
    """src_keep is not used: cross-attention sees the real tokens of the source alone."""
    return decoder_layer(y, mem, tgt_keep, torch.ones_like(src_keep), p)


def either_mask(y, mem, tgt_keep, src_keep, p):
    """You join the two masks with `or`: a key must be in the past and a real token, so `&`."""
    mask = tgt_keep.unsqueeze(1) | torch.ones(y.shape[1], y.shape[1], dtype=torch.bool).tril()
    return after_ffn(after_cross(after_self(y, tgt_keep, p, mask), mem, src_keep, p), p)


def masks_turned_round(y, mem, tgt_keep, src_keep, p):
    """Your padding masks are turned round: True in keep is a real token, True in a mask may be attended."""
    return decoder_layer(y, mem, ~tgt_keep, ~src_keep, p)


def causal_over_the_source(y, mem, tgt_keep, src_keep, p):
    """Your cross-attention is causal: every target place may see the whole source, only its padding is
    hidden."""
    wall = torch.ones(y.shape[1], mem.shape[1], dtype=torch.bool).tril()
    mask = src_keep.unsqueeze(1) & wall
    return after_ffn(after_cross(after_self(y, tgt_keep, p), mem, src_keep, p, mask), p)


def memory_asks(y, mem, tgt_keep, src_keep, p):
    """Your keys and values come from the target in the second sublayer: the target asks, mem is asked and
    read."""
    first = after_self(y, tgt_keep, p)
    second = p.norm2(first + p.cross_attn(first, first, first, own_mask(tgt_keep)))
    return after_ffn(second, p)


def first_keep_for_all(y, mem, tgt_keep, src_keep, p):
    """Every example gets the first one's padding: each has its own row of tgt_keep and src_keep."""
    return decoder_layer(y, mem, tgt_keep[:1].expand_as(tgt_keep), src_keep[:1].expand_as(src_keep), p)


def asks_with_the_start(y, mem, tgt_keep, src_keep, p):
    """Your cross-attention asks with the layer's first input: the queries are what came out of norm1."""
    first = after_self(y, tgt_keep, p)
    second = p.norm2(first + p.cross_attn(y, mem, mem, src_keep.unsqueeze(1)))
    return after_ffn(second, p)


def adds_the_start(y, mem, tgt_keep, src_keep, p):
    """Your second sum adds the layer's first input: it adds what came out of norm1."""
    first = after_self(y, tgt_keep, p)
    return after_ffn(p.norm2(y + p.cross_attn(first, mem, mem, src_keep.unsqueeze(1))), p)


def side_by_side(y, mem, tgt_keep, src_keep, p):
    """You add both attentions side by side: cross-attention comes after, and asks with the first result."""
    both = p.self_attn(y, y, y, own_mask(tgt_keep)) + p.cross_attn(y, mem, mem, src_keep.unsqueeze(1))
    return after_ffn(p.norm2(p.norm1(y + both)), p)


def same_attention_twice(y, mem, tgt_keep, src_keep, p):
    """You use self_attn for both: the second sublayer is p.cross_attn, with weights of its own."""
    first = after_self(y, tgt_keep, p)
    return after_ffn(p.norm2(first + p.self_attn(first, mem, mem, src_keep.unsqueeze(1))), p)


def pre_norm(y, mem, tgt_keep, src_keep, p):
    """You norm before each sublayer: that is pre-norm. The layer of 2017 norms the sum,
    norm(y + sublayer(y))."""
    h = p.norm1(y)
    y = y + p.self_attn(h, h, h, own_mask(tgt_keep))
    y = y + p.cross_attn(p.norm2(y), mem, mem, src_keep.unsqueeze(1))
    return y + p.ffn(p.norm3(y))


def no_residuals(y, mem, tgt_keep, src_keep, p):
    """The ways past the sublayers are missing: each norm takes its input plus what the sublayer gives."""
    y = p.norm1(p.self_attn(y, y, y, own_mask(tgt_keep)))
    return p.norm3(p.ffn(p.norm2(p.cross_attn(y, mem, mem, src_keep.unsqueeze(1)))))


def no_cross_residual(y, mem, tgt_keep, src_keep, p):
    """The way past cross-attention is missing: norm2 takes its input plus what cross-attention gives."""
    y = after_self(y, tgt_keep, p)
    return after_ffn(p.norm2(p.cross_attn(y, mem, mem, src_keep.unsqueeze(1))), p)


def norms_exchanged(y, mem, tgt_keep, src_keep, p):
    """norm2 and norm3 are exchanged: norm2 follows cross-attention, norm3 the feed-forward."""
    return decoder_layer(
        y, mem, tgt_keep, src_keep, SimpleNamespace(**vars(p) | {"norm2": p.norm3, "norm3": p.norm2})
    )


def norm1_for_all(y, mem, tgt_keep, src_keep, p):
    """You use norm1 three times: each sum has a norm of its own, norm1, norm2, norm3."""
    return decoder_layer(
        y, mem, tgt_keep, src_keep, SimpleNamespace(**vars(p) | {"norm2": p.norm1, "norm3": p.norm1})
    )


def last_norm_missing(y, mem, tgt_keep, src_keep, p):
    """norm3 is missing: the last sum goes through it."""
    y = after_cross(after_self(y, tgt_keep, p), mem, src_keep, p)
    return y + p.ffn(y)


def padding_to_zero(y, mem, tgt_keep, src_keep, p):
    """You set the padded places of the output to 0: only their keys are hidden, their own output stays."""
    return decoder_layer(y, mem, tgt_keep, src_keep, p) * tgt_keep.unsqueeze(-1)


def changes_y(y, mem, tgt_keep, src_keep, p):
    """The caller's y is changed in place: write `y = y + ...`, not `y += ...`."""
    with torch.no_grad():
        y += p.self_attn(y, y, y, own_mask(tgt_keep))
    return after_ffn(after_cross(p.norm1(y), mem, src_keep, p), p)


def tgt_keep_over_the_source(y, mem, tgt_keep, src_keep, p):
    """Your cross-attention hides the padding of the target: its keys are the source, so
    src_keep.unsqueeze(1)."""
    first = after_self(y, tgt_keep, p)
    return after_ffn(after_cross(first, mem, src_keep, p, tgt_keep.unsqueeze(1)), p)


def keeps_exchanged(y, mem, tgt_keep, src_keep, p):
    """The two paddings are exchanged: tgt_keep is for self-attention over y, src_keep for cross-attention
    over mem."""
    m = y.shape[1]
    own = src_keep.unsqueeze(1) & torch.ones(m, m, dtype=torch.bool).tril()
    return after_ffn(after_cross(after_self(y, tgt_keep, p, own), mem, src_keep, p, tgt_keep.unsqueeze(1)), p)


def the_source_asks(y, mem, tgt_keep, src_keep, p):
    """In your cross-attention the source asks the target: the queries come from y, keys and values from
    mem."""
    first = after_self(y, tgt_keep, p)
    return after_ffn(p.norm2(first + p.cross_attn(mem, first, first, tgt_keep.unsqueeze(1))), p)


def values_from_the_target(y, mem, tgt_keep, src_keep, p):
    """In your cross-attention the keys are mem and the values y: both are mem, a key and its value belong
    together."""
    first = after_self(y, tgt_keep, p)
    return after_ffn(p.norm2(first + p.cross_attn(first, mem, first, src_keep.unsqueeze(1))), p)


def keys_from_the_target(y, mem, tgt_keep, src_keep, p):
    """In your cross-attention the keys are y and the values mem: both are mem, a key and its value belong
    together."""
    first = after_self(y, tgt_keep, p)
    return after_ffn(p.norm2(first + p.cross_attn(first, first, mem, tgt_keep.unsqueeze(1))), p)


def attentions_exchanged(y, mem, tgt_keep, src_keep, p):
    """The two attentions are exchanged: p.self_attn is for the target over itself, p.cross_attn for the
    source."""
    swapped = SimpleNamespace(**vars(p) | {"self_attn": p.cross_attn, "cross_attn": p.self_attn})
    return decoder_layer(y, mem, tgt_keep, src_keep, swapped)


def norm2_twice(y, mem, tgt_keep, src_keep, p):
    """You use norm2 for the last sum as well: it has norm3, with weights of its own."""
    return decoder_layer(y, mem, tgt_keep, src_keep, SimpleNamespace(**vars(p) | {"norm3": p.norm2}))


def norm1_missing(y, mem, tgt_keep, src_keep, p):
    """norm1 is missing: the first sum goes through it before cross-attention reads it."""
    y = y + p.self_attn(y, y, y, own_mask(tgt_keep))
    return after_ffn(after_cross(y, mem, src_keep, p), p)


def norm2_missing(y, mem, tgt_keep, src_keep, p):
    """norm2 is missing: the second sum goes through it before the feed-forward reads it."""
    y = after_self(y, tgt_keep, p)
    return after_ffn(y + p.cross_attn(y, mem, mem, src_keep.unsqueeze(1)), p)


def norms_on_the_sublayers(y, mem, tgt_keep, src_keep, p):
    """You norm what each sublayer gives and add afterwards: the norm takes the sum, y included."""
    y = y + p.norm1(p.self_attn(y, y, y, own_mask(tgt_keep)))
    y = y + p.norm2(p.cross_attn(y, mem, mem, src_keep.unsqueeze(1)))
    return y + p.norm3(p.ffn(y))


def memory_normed(y, mem, tgt_keep, src_keep, p):
    """You norm mem before it is read: it comes out of the encoder, which has normed it; read it as it is."""
    return after_ffn(after_cross(after_self(y, tgt_keep, p), p.norm2(mem), src_keep, p), p)


def keep_on_the_queries(y, mem, tgt_keep, src_keep, p):
    """Your self-attention hides queries, tgt_keep as (B, m, 1): the keys are hidden, (B, 1, m)."""
    mask = tgt_keep.unsqueeze(2) & torch.ones(y.shape[1], y.shape[1], dtype=torch.bool).tril()
    return after_ffn(after_cross(after_self(y, tgt_keep, p, mask), mem, src_keep, p), p)


def padded_queries_do_not_ask(y, mem, tgt_keep, src_keep, p):
    """Your cross-attention hides the source from padded target places too: what padding asks does no harm,
    hide the source's padding alone."""
    mask = src_keep.unsqueeze(1) & tgt_keep.unsqueeze(2)
    return after_ffn(after_cross(after_self(y, tgt_keep, p), mem, src_keep, p, mask), p)


def source_keep_without_an_axis(y, mem, tgt_keep, src_keep, p):
    """The mask of your cross-attention is src_keep itself, (B, n), which is read as (queries, keys): give it
    an axis for the queries, (B, 1, n)."""
    return after_ffn(after_cross(after_self(y, tgt_keep, p), mem, src_keep, p, src_keep), p)


def no_self_residual(y, mem, tgt_keep, src_keep, p):
    """The way past self-attention is missing: norm1 takes y plus what self-attention gives."""
    y = p.norm1(p.self_attn(y, y, y, own_mask(tgt_keep)))
    return after_ffn(after_cross(y, mem, src_keep, p), p)


def no_ffn_residual(y, mem, tgt_keep, src_keep, p):
    """The way past the feed-forward is missing: norm3 takes its input plus what the feed-forward gives."""
    return p.norm3(p.ffn(after_cross(after_self(y, tgt_keep, p), mem, src_keep, p)))


def cross_first_in_the_norms_order(y, mem, tgt_keep, src_keep, p):
    """Your cross-attention comes before self-attention: the target looks at itself first, with norm1, then at
    the source, with norm2."""
    y = p.norm1(y + p.cross_attn(y, mem, mem, src_keep.unsqueeze(1)))
    return after_ffn(p.norm2(y + p.self_attn(y, y, y, own_mask(tgt_keep))), p)


def whole_masks_turned_round(y, mem, tgt_keep, src_keep, p):
    """Your masks are turned round as a whole: True means that a key may be attended, so no `~` before
    them."""
    first = after_self(y, tgt_keep, p, ~own_mask(tgt_keep))
    return after_ffn(after_cross(first, mem, src_keep, p, ~src_keep.unsqueeze(1)), p)


def side_by_side_with_norm1(y, mem, tgt_keep, src_keep, p):
    """You add both attentions in one sum: there are three sums, and cross-attention asks with the first one's
    result."""
    both = p.self_attn(y, y, y, own_mask(tgt_keep)) + p.cross_attn(y, mem, mem, src_keep.unsqueeze(1))
    return after_ffn(p.norm1(y + both), p)


# ------------------------------------------------------------------ the exercise


def the_future_does_not_matter(seen):
    """A later target token changes an earlier output: in use it is not there yet, so nothing may see it."""
    one, other = (seen[name].outputs["out"] for name in ("usual", "last target token changed"))
    return np.allclose(one[:, :-1], other[:, :-1], rtol=1e-4, atol=1e-5)


def the_source_matters(seen):
    """Another source gives the same output: the decoder reads it through p.cross_attn."""
    one, other = (seen[name].outputs["out"] for name in ("usual", "another source"))
    return not np.allclose(one, other, rtol=1e-3, atol=1e-3)


def parts(rng, d=5, d_ff=7):
    gammas = np.arange(1, 4)[:, None] + rng.random((3, d))
    own, across = rng.normal(size=(2, 3, d, d))
    return Made(
        decoder_layer_parts, own, across, rng.normal(size=(d, d_ff)), rng.normal(size=(d_ff, d)), gammas
    )


TARGET_KEEP = np.array([[True, True, True, True], [True, True, False, False]])
SOURCE_KEEP = np.array([[True, True, False], [True, True, True]])


def usual(last=1.0, source=1.0):
    """Always the same 2 targets of 4 places and sources of 3."""
    rng = np.random.default_rng(5)
    y, mem = rng.normal(size=(2, 4, 5)), rng.normal(size=(2, 3, 5))
    y[:, -1] *= last
    return y, source * mem, TARGET_KEEP, SOURCE_KEEP, parts(rng)


def both_attn_are_the_mean__norm1_subtracts_1__norm2_halves__ffn_doubles__norm3_adds_1():
    """Two features, attention that takes the mean, norms without roots: to be followed on paper."""

    def attention(name):
        def attend(q, k, v, mask=None):
            return scaled_dot_product_attention(0 * q, k, v, mask)[0]

        attend.__qualname__ = name
        return attend

    return SimpleNamespace(
        self_attn=attention("p.self_attn"),
        cross_attn=attention("p.cross_attn"),
        ffn=lambda x: 2 * x,
        norm1=lambda x: x - 1,
        norm2=lambda x: x / 2,
        norm3=lambda x: x + 1,
    )


def by_hand(tgt_keep, src_keep):
    """Two target and two source tokens of one feature."""
    y, mem = np.array([[[1.0], [3.0]]]), np.array([[[2.0], [6.0]]])
    return (
        y,
        mem,
        np.array([tgt_keep]),
        np.array([src_keep]),
        Made(both_attn_are_the_mean__norm1_subtracts_1__norm2_halves__ffn_doubles__norm3_adds_1),
    )


def alone(rng, m, n):
    """One example without padding."""
    ones = (np.ones((1, size), bool) for size in (m, n))
    return rng.normal(size=(1, m, 5)), rng.normal(size=(1, n, 5)), *ones, parts(rng)


EXERCISE = Exercise(
    id="decoder_layer",
    contract=(
        "decoder_layer(y, mem, tgt_keep, src_keep, p) -> out; y and out (B, m, d), mem (B, n, d), tgt_keep "
        "(B, m), src_keep (B, n) bool, True for real tokens. Parts: p.self_attn and p.cross_attn, each (q, "
        "k, v, mask), p.ffn, p.norm1, p.norm2, p.norm3. Post-norm: causal self-attention, cross-attention to "
        "mem, p.ffn."
    ),
    minutes=20,
    difficulty=3,
    points=3,
    takes="torch",
    arguments={
        "y": ("B", "m", "d"),
        "mem": ("B", "n", "d"),
        "tgt_keep": ("B", "m"),
        "src_keep": ("B", "n"),
        "p": (),
    },
    outputs={"out": ("B", "m", "d")},
    cases=[
        Case("usual", lambda rng: usual(), weight=3),
        Case("last target token changed", lambda rng: usual(last=-5.0)),
        Case("another source", lambda rng: usual(source=-2.0)),
        Case("nothing padded", lambda rng: alone(rng, 4, 3)),
        Case("by hand", lambda rng: by_hand([True, True], [True, True])),
        Case("by hand, padded", lambda rng: by_hand([True, False], [True, False])),
        Case("one target token", lambda rng: alone(rng, 1, 3)),
        Case("one source token", lambda rng: alone(rng, 3, 1)),
        Case("as long as each other", lambda rng: alone(rng, 5, 5)),
        Case(
            "a source of padding alone",
            lambda rng: (
                *rng.normal(size=(2, 2, 3, 5)),
                np.ones((2, 3), bool),
                np.array([[True, True, False], [False] * 3]),
                parts(rng),
            ),
        ),
    ],
    reference=by_the_library,
    solution=decoder_layer,
    right=[decoder_layer, with_positions, with_one_step, by_the_library],
    wrong=[
        no_cross_attention,
        no_self_attention,
        no_ffn,
        cross_first,
        ffn_before_cross,
        sees_the_future,
        sees_the_future_alone,
        not_itself,
        one_ahead,
        target_padding_ignored,
        source_padding_ignored,
        either_mask,
        masks_turned_round,
        causal_over_the_source,
        memory_asks,
        first_keep_for_all,
        asks_with_the_start,
        adds_the_start,
        side_by_side,
        same_attention_twice,
        pre_norm,
        no_residuals,
        no_cross_residual,
        norms_exchanged,
        norm1_for_all,
        last_norm_missing,
        padding_to_zero,
        changes_y,
        tgt_keep_over_the_source,
        keeps_exchanged,
        the_source_asks,
        values_from_the_target,
        keys_from_the_target,
        attentions_exchanged,
        norm2_twice,
        norm1_missing,
        norm2_missing,
        norms_on_the_sublayers,
        memory_normed,
        keep_on_the_queries,
        padded_queries_do_not_ask,
        source_keep_without_an_axis,
        no_self_residual,
        no_ffn_residual,
        cross_first_in_the_norms_order,
        whole_masks_turned_round,
        side_by_side_with_norm1,
    ],
    properties=[the_future_does_not_matter, the_source_matters],
    hints=[
        "Three sublayers, each in a residual block. Who asks whom in the first, and who in the second?",
        (
            "Self-attention over y needs two masks at once: real tokens (B, 1, m) and the past (m, m), "
            "joined by `&`. Cross-attention: queries from y, keys and values from mem; hidden is the padding "
            "of the source alone."
        ),
        (
            "`y = p.norm1(y + p.self_attn(y, y, y, tgt_keep.unsqueeze(1) & causal))`, "
            "`y = p.norm2(y + p.cross_attn(y, mem, mem, src_keep.unsqueeze(1)))`, then p.ffn and p.norm3."
        ),
    ],
)
