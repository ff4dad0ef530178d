"""Exercise `encoder_layer` (lesson 12): the wiring of one encoder layer, as the paper of 2017 has it."""

from types import SimpleNamespace

import numpy as np
import torch

from course_lib.checks import Case, Exercise, Made
from course_lib.checks.parts import attention_part, feed_forward_part, norm_part
from course_lib.transformer.attention import scaled_dot_product_attention
from course_lib.transformer.blocks import residual_block

# ------------------------------------------------------------------ a solution, and other right ways


def encoder_layer(x, keep, p):
    mask = keep.unsqueeze(1)
    x = p.norm1(x + p.self_attn(x, x, x, mask))
    return p.norm2(x + p.ffn(x))


def with_names(x, keep, p):
    context = p.self_attn(q=x, k=x, v=x, mask=keep[:, None, :])
    hidden = p.norm1(context + x)
    return p.norm2(p.ffn(hidden) + hidden)


def with_view(x, keep, p):
    B, n, _ = x.shape
    steps = [
        (p.norm1, lambda h: p.self_attn(h, h, h, keep.view(B, 1, n))),
        (p.norm2, p.ffn),
    ]
    for norm, sublayer in steps:
        x = norm(torch.add(x, sublayer(x)))
    return x


def by_the_library(x, keep, p):
    x = residual_block(x, lambda h: p.self_attn(h, h, h, keep.unsqueeze(-2)), p.norm1, pre=False)
    return residual_block(x, p.ffn, p.norm2, pre=False)


# ------------------------------------------------------------------ stored wrong answers


def attended(x, keep, p):
    """The context of self-attention, as it should be."""
    return p.self_attn(x, x, x, keep.unsqueeze(1))


def second_half(x, p):
    """Feed-forward, residual, norm."""
    return p.norm2(x + p.ffn(x))


def pre_norm(x, keep, p):
    """You norm before each sublayer and leave the sum without: that is pre-norm. The layer of 2017 norms the
    sum, norm(x + sublayer(x))."""
    x = x + attended(p.norm1(x), keep, p)
    return x + p.ffn(p.norm2(x))


def no_first_residual(x, keep, p):
    """x is missing from your first sum: norm1 takes x plus what self-attention gives."""
    return second_half(p.norm1(attended(x, keep, p)), p)


def no_second_residual(x, keep, p):
    """The second sum is missing: norm2 takes its input plus what the feed-forward gives."""
    return p.norm2(p.ffn(p.norm1(x + attended(x, keep, p))))


def no_residuals(x, keep, p):
    """Both ways past a sublayer are missing: each norm takes x plus what the sublayer gives."""
    return p.norm2(p.ffn(p.norm1(attended(x, keep, p))))


def x_from_the_start(x, keep, p):
    """Your second sum adds the layer's first input: it adds what came out of norm1."""
    hidden = p.norm1(x + attended(x, keep, p))
    return p.norm2(x + p.ffn(hidden))


def ffn_reads_the_start(x, keep, p):
    """Your feed-forward reads the layer's first input: it reads what came out of norm1."""
    hidden = p.norm1(x + attended(x, keep, p))
    return p.norm2(hidden + p.ffn(x))


def both_at_once(x, keep, p):
    """You add attention and feed-forward side by side: the feed-forward comes after, and reads the first
    result."""
    return p.norm2(x + attended(x, keep, p) + p.ffn(x))


def ffn_first(x, keep, p):
    """Your feed-forward comes before the attention: first self-attention, then feed-forward."""
    hidden = p.norm1(x + p.ffn(x))
    return p.norm2(hidden + attended(hidden, keep, p))


def norms_exchanged(x, keep, p):
    """The two norms are exchanged: norm1 follows self-attention, norm2 the feed-forward."""
    hidden = p.norm2(x + attended(x, keep, p))
    return p.norm1(hidden + p.ffn(hidden))


def norm1_twice(x, keep, p):
    """You use norm1 for both sums: the second has norm2, with weights of its own."""
    hidden = p.norm1(x + attended(x, keep, p))
    return p.norm1(hidden + p.ffn(hidden))


def no_norms(x, keep, p):
    """Neither norm is used: each sum goes through its norm."""
    hidden = x + attended(x, keep, p)
    return hidden + p.ffn(hidden)


def no_norm1(x, keep, p):
    """norm1 is missing: the first sum goes through it before the feed-forward reads it."""
    return second_half(x + attended(x, keep, p), p)


def no_norm2(x, keep, p):
    """norm2 is missing: the second sum goes through it."""
    hidden = p.norm1(x + attended(x, keep, p))
    return hidden + p.ffn(hidden)


def norm_on_the_sublayer(x, keep, p):
    """You norm what the sublayer gives and add x afterwards: the norm takes the sum, x included."""
    x = x + p.norm1(attended(x, keep, p))
    return x + p.norm2(p.ffn(x))


def no_ffn(x, keep, p):
    """The feed-forward is missing: it is the second sublayer."""
    return p.norm2(p.norm1(x + attended(x, keep, p)))


def no_attention(x, keep, p):
    """Self-attention is missing: it is the first sublayer."""
    return second_half(p.norm1(x), p)


def keep_ignored(x, keep, p):
    """You let every token see the padding: pass keep as the mask, with shape (B, 1, n)."""
    return second_half(p.norm1(x + p.self_attn(x, x, x, None)), p)


def keep_turned_round(x, keep, p):
    """Your mask is turned round: True in keep is a real token, True in a mask may be attended."""
    return encoder_layer(x, ~keep, p)


def keep_on_the_queries(x, keep, p):
    """Your mask has shape (B, n, 1) and hides queries: the keys are hidden, so (B, 1, n)."""
    return second_half(p.norm1(x + p.self_attn(x, x, x, keep.unsqueeze(-1))), p)


def first_keep_for_all(x, keep, p):
    """Every sentence gets the first one's mask: each has its own row of keep."""
    return encoder_layer(x, keep[:1].expand_as(keep), p)


def padding_to_zero(x, keep, p):
    """You set the padded tokens to 0 at the end: only their keys are hidden, their own output stays."""
    return encoder_layer(x, keep, p) * keep.unsqueeze(-1)


def padding_to_zero_before(x, keep, p):
    """You set padded tokens to 0 in place of masking them: a key of zeros still gets some weight."""
    hidden = x * keep.unsqueeze(-1)
    return second_half(p.norm1(x + p.self_attn(x, hidden, hidden, None)), p)


def causal_too(x, keep, p):
    """Your encoder hides the future: it reads the sentence in both directions, only padding is hidden."""
    n = x.shape[1]
    wall = torch.ones(n, n, dtype=torch.bool).tril()
    return second_half(p.norm1(x + p.self_attn(x, x, x, keep.unsqueeze(1) & wall)), p)


def changes_x(x, keep, p):
    """The caller's x is changed in place: write `x = x + ...`, not `x += ...`."""
    with torch.no_grad():
        x += attended(x, keep, p)
    return second_half(p.norm1(x), p)


def keep_without_an_axis(x, keep, p):
    """Your mask is keep itself, (B, n), which is read as (queries, keys) of every sentence: give it an axis
    for the queries, (B, 1, n)."""
    return second_half(p.norm1(x + p.self_attn(x, x, x, keep)), p)


def keep_with_two_axes(x, keep, p):
    """Your mask has one axis too many, (B, 1, 1, n): p.self_attn splits no heads off here, so (B, 1, n)."""
    return second_half(p.norm1(x + p.self_attn(x, x, x, keep[:, None, None, :])), p)


def first_of_the_output(x, keep, p):
    """You take [0] of what p.self_attn gives: it gives the output alone, no tuple, so [0] is the first
    sentence."""
    return second_half(p.norm1(x + attended(x, keep, p)[0]), p)


def queries_hidden_too(x, keep, p):
    """Your mask hides padded queries as well as padded keys: the keys alone, (B, 1, n); what padding asks
    does no harm."""
    mask = keep.unsqueeze(1) & keep.unsqueeze(2)
    return second_half(p.norm1(x + p.self_attn(x, x, x, mask)), p)


def all_padding_to_zero_before(x, keep, p):
    """You set padded tokens to 0 in queries, keys and values and mask nothing: a key of zeros still gets some
    weight."""
    hidden = x * keep.unsqueeze(-1)
    return second_half(p.norm1(x + p.self_attn(hidden, hidden, hidden, None)), p)


def one_mask_for_all(x, keep, p):
    """You make one mask for all sentences, of the places that are real in each: every sentence has its own
    row of keep."""
    return encoder_layer(x, keep.all(0).expand_as(keep), p)


def ffn_reads_before_the_norm(x, keep, p):
    """Your feed-forward reads the sum before norm1: it reads what came out of norm1."""
    total = x + attended(x, keep, p)
    return p.norm2(p.norm1(total) + p.ffn(total))


def norms_everywhere(x, keep, p):
    """You norm before each sublayer and after the sum as well: the layer of 2017 norms the sum alone."""
    x = p.norm1(x + attended(p.norm1(x), keep, p))
    return p.norm2(x + p.ffn(p.norm2(x)))


def only_queries_normed(x, keep, p):
    """You norm before the sublayers, and of self-attention the queries alone: the layer of 2017 norms the
    sum, norm(x + sublayer(x))."""
    x = x + p.self_attn(p.norm1(x), x, x, keep.unsqueeze(1))
    return x + p.ffn(p.norm2(x))


def x_in_both_sums(x, keep, p):
    """Your second sum adds the layer's first input too: it adds what came out of norm1 and nothing else."""
    hidden = p.norm1(x + attended(x, keep, p))
    return p.norm2(x + hidden + p.ffn(hidden))


# ------------------------------------------------------------------ the exercise


def padding_does_not_matter(seen):
    """A padded token changes the outputs of real ones: no query may see it."""
    one, other = (seen[name].outputs["y"] for name in ("usual", "other padding"))
    real = seen["usual"].inputs["keep"]
    return np.allclose(one[real], other[real], rtol=1e-4, atol=1e-5)


def layer(Wq, Wk, Wv, W1, W2, g1, g2):
    """The parts of an encoder layer out of plain weights."""

    return SimpleNamespace(
        self_attn=attention_part((Wq, Wk, Wv), "p.self_attn"),
        ffn=feed_forward_part(W1, W2),
        norm1=norm_part(g1),
        norm2=norm_part(g2),
    )


def parts(rng, d=5, d_ff=7):
    squares = (rng.normal(size=(d, d)) for _ in range(3))
    gammas = (1 + rng.random(d), 2 + rng.random(d))
    return Made(layer, *squares, rng.normal(size=(d, d_ff)), rng.normal(size=(d_ff, d)), *gammas)


def self_attn_is_the_mean__norm1_subtracts_1__ffn_doubles__norm2_halves():
    """Two features, norms without roots: what comes out can be followed on paper."""

    def self_attn(q, k, v, mask=None):
        return scaled_dot_product_attention(0 * q, k, v, mask)[0]

    self_attn.__qualname__ = "p.self_attn"
    return SimpleNamespace(
        self_attn=self_attn, ffn=lambda x: 2 * x, norm1=lambda x: x - 1, norm2=lambda x: x / 2
    )


KEEP = np.array([[True, True, True, False], [True, False, False, False], [True, True, True, True]])


def usual(padding=1.0):
    """Always the same 3 sentences of 4 places; `padding` stretches what stands at the padded ones."""
    rng = np.random.default_rng(12)
    x = rng.normal(size=(3, 4, 5))
    x[~KEEP] *= padding
    return x, KEEP, parts(rng)


EXERCISE = Exercise(
    id="encoder_layer",
    contract=(
        "encoder_layer(x, keep, p) -> y; x and y (B, n, d), keep (B, n) bool, True for real tokens. Parts: "
        "p.self_attn(q, k, v, mask), p.ffn, p.norm1, p.norm2. Post-norm as in 2017; the mask has shape "
        "(B, 1, n)."
    ),
    minutes=12,
    difficulty=2,
    points=2,
    takes="torch",
    arguments={"x": ("B", "n", "d"), "keep": ("B", "n"), "p": ()},
    outputs={"y": ("B", "n", "d")},
    cases=[
        Case("usual", lambda rng: usual(), weight=3),
        Case("other padding", lambda rng: usual(padding=-4.0)),
        Case(
            "by hand",
            lambda rng: (
                np.array([[[1.0, 2.0], [3.0, 5.0]]]),
                np.array([[True, True]]),
                Made(self_attn_is_the_mean__norm1_subtracts_1__ffn_doubles__norm2_halves),
            ),
        ),
        Case(
            "by hand, second token padded",
            lambda rng: (
                np.array([[[1.0, 2.0], [3.0, 5.0]]]),
                np.array([[True, False]]),
                Made(self_attn_is_the_mean__norm1_subtracts_1__ffn_doubles__norm2_halves),
            ),
        ),
        Case("one token", lambda rng: (rng.normal(size=(2, 1, 5)), np.ones((2, 1), bool), parts(rng))),
        Case(
            "all sizes equal", lambda rng: (rng.normal(size=(5, 5, 5)), rng.random((5, 5)) < 0.7, parts(rng))
        ),
        Case(
            "a sentence of padding alone",
            lambda rng: (rng.normal(size=(2, 3, 5)), np.array([[True] * 3, [False] * 3]), parts(rng)),
        ),
    ],
    reference=by_the_library,
    solution=encoder_layer,
    right=[encoder_layer, with_names, with_view, by_the_library],
    wrong=[
        pre_norm,
        no_first_residual,
        no_second_residual,
        no_residuals,
        x_from_the_start,
        ffn_reads_the_start,
        both_at_once,
        ffn_first,
        norms_exchanged,
        norm1_twice,
        no_norms,
        no_norm1,
        no_norm2,
        norm_on_the_sublayer,
        no_ffn,
        no_attention,
        keep_ignored,
        keep_turned_round,
        keep_on_the_queries,
        first_keep_for_all,
        padding_to_zero,
        padding_to_zero_before,
        causal_too,
        changes_x,
        keep_without_an_axis,
        keep_with_two_axes,
        first_of_the_output,
        queries_hidden_too,
        all_padding_to_zero_before,
        one_mask_for_all,
        ffn_reads_before_the_norm,
        norms_everywhere,
        only_queries_normed,
        x_in_both_sums,
    ],
    properties=[padding_does_not_matter],
    hints=[
        "Two sublayers, each in a residual block. Does the norm of 2017 stand before it or around the sum?",
        "Self-attention: queries, keys and values are all x. `keep` (B, n) needs an axis for the queries.",
        "`x = p.norm1(x + p.self_attn(x, x, x, keep.unsqueeze(1)))`, then the same with p.ffn and p.norm2.",
    ],
)
