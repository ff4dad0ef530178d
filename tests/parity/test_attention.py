"""Attention of the library beside torch's own, and beside slow loops, in float64."""

import pytest
import torch
import torch.nn.functional as F
from einops import rearrange
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import TypeCheckError
from torch import nn

from course_lib.transformer.attention import (
    CrossAttention,
    KVCache,
    MultiHeadAttention,
    SelfAttention,
    additive_attention,
    causal_mask,
    masked_softmax,
    scaled_dot_product_attention,
    split_heads,
)
from course_lib.transformer.positions import ALiBi, RelativeBias

EXACT = {"rtol": 1e-9, "atol": 1e-9}
sizes = st.integers(1, 5)


def close(ours, theirs):
    torch.testing.assert_close(ours, theirs, **EXACT)


def gradients(output, inputs):
    """Gradients of an uneven sum of the output: one that no symmetry can hide a fault in."""
    weights = torch.arange(1.0, output.numel() + 1).view_as(output) / output.numel()
    return torch.autograd.grad((output * weights).sum(), inputs)


def draw(*shape):
    return torch.randn(*shape, requires_grad=True)


def some_mask(*shape):
    """A mask that leaves every query at least one key."""
    mask = torch.rand(*shape) > 0.4
    mask[..., 0] = True
    return mask


@settings(deadline=None, max_examples=25)
@given(B=sizes, H=sizes, n_q=sizes, n_k=sizes, d=sizes, d_v=sizes, masked=st.booleans(), fused=st.booleans())
def test_scaled_dot_product_attention(B, H, n_q, n_k, d, d_v, masked, fused):
    Q, K, V = draw(B, H, n_q, d), draw(B, H, n_k, d), draw(B, H, n_k, d_v)
    mask = some_mask(B, 1, n_q, n_k) if masked else None
    ours, _ = scaled_dot_product_attention(Q, K, V, mask, fused=fused)
    theirs = F.scaled_dot_product_attention(Q, K, V, attn_mask=mask)
    close(ours, theirs)
    close(gradients(ours, (Q, K, V)), gradients(theirs, (Q, K, V)))


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize(("n_q", "n_k"), [(4, 4), (2, 5), (1, 6)])
def test_causal_and_bias_beside_a_float_mask(n_q, n_k, fused):
    Q, K, V, bias = draw(2, 3, n_q, 4), draw(2, 3, n_k, 4), draw(2, 3, n_k, 5), draw(3, n_q, n_k)
    ours, _ = scaled_dot_product_attention(Q, K, V, bias=bias, causal=True, scale=0.3, fused=fused)
    wall = torch.full((n_q, n_k), -torch.inf).triu(n_k - n_q + 1)
    theirs = F.scaled_dot_product_attention(Q, K, V, attn_mask=bias + wall, scale=0.3)
    close(ours, theirs)
    close(gradients(ours, (Q, K, V, bias)), gradients(theirs, (Q, K, V, bias)))


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize(("n_q", "n_k"), [(4, 4), (2, 5)])
def test_causal_and_padding_together(n_q, n_k, fused):
    Q, K, V = draw(2, n_q, 4), draw(2, n_k, 4), draw(2, n_k, 5)
    keep = torch.ones(2, 1, n_k, dtype=torch.bool)
    keep[1, 0, 1] = False
    ours, _ = scaled_dot_product_attention(Q, K, V, keep, causal=True, fused=fused)
    both = keep & torch.ones(n_q, n_k, dtype=torch.bool).tril(n_k - n_q)
    close(ours, F.scaled_dot_product_attention(Q, K, V, attn_mask=both))


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("with_bias", [False, True])
def test_query_with_nothing_to_attend_is_zero(fused, with_bias):
    Q, K, V = draw(2, 3, 4), draw(2, 5, 4), draw(2, 5, 6)
    mask = some_mask(2, 3, 5)
    mask[1, 2] = False
    bias = draw(3, 5) if with_bias else None
    output, _ = scaled_dot_product_attention(Q, K, V, mask, bias, fused=fused)
    assert (output[1, 2] == 0).all() and (output[0] != 0).all()
    found = gradients(output, (Q, K, V))
    assert all(each.isfinite().all() for each in found)
    assert (found[0][1, 2] == 0).all()


def test_weights_are_those_of_softmax():
    scores, mask = draw(2, 3, 4), some_mask(2, 3, 4)
    expected = scores.masked_fill(~mask, -torch.inf).softmax(dim=-1)
    close(masked_softmax(scores, mask), expected)
    close(gradients(masked_softmax(scores, mask), scores), gradients(expected, scores))


def test_gradients_by_finite_differences():
    Q, K, V, bias = draw(2, 3, 4), draw(2, 5, 4), draw(2, 5, 3), draw(3, 5)
    mask = some_mask(3, 5)
    assert torch.autograd.gradcheck(
        lambda *given: scaled_dot_product_attention(*given[:3], mask, given[3])[0], (Q, K, V, bias)
    )


def slow_additive(Q, K, V, Wq, Wk, v, mask):
    outputs = torch.zeros(len(Q), Q.shape[1], V.shape[-1])
    for b in range(len(Q)):
        for i in range(Q.shape[1]):
            seen = [j for j in range(K.shape[1]) if mask[b, i, j]]
            scores = torch.stack([v @ torch.tanh(Wq @ Q[b, i] + Wk @ K[b, j]) for j in seen])
            outputs[b, i] = sum(w * V[b, j] for w, j in zip(scores.softmax(0), seen, strict=True))
    return outputs


def test_additive_attention_beside_a_slow_loop():
    shapes = (2, 3, 4), (2, 5, 6), (2, 5, 7), (8, 4), (8, 6), (8,)
    given_ = [draw(*shape) for shape in shapes]
    mask = some_mask(2, 3, 5)
    ours, weights = additive_attention(*given_, mask)
    theirs = slow_additive(*given_, mask)
    close(ours, theirs)
    close(weights.sum(-1), torch.ones(2, 3))
    close(gradients(ours, given_), gradients(theirs, given_))


def copy_to_torch(ours: MultiHeadAttention, theirs: nn.MultiheadAttention) -> None:
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([ours.W_q.weight, ours.W_k.weight, ours.W_v.weight]))
        theirs.in_proj_bias.copy_(torch.cat([ours.W_q.bias, ours.W_k.bias, ours.W_v.bias]))
        theirs.out_proj.load_state_dict(ours.W_o.state_dict())


def copy_from_torch(theirs: nn.MultiheadAttention, ours: MultiHeadAttention) -> None:
    with torch.no_grad():
        for i, layer in enumerate((ours.W_q, ours.W_k, ours.W_v)):
            layer.weight.copy_(theirs.in_proj_weight.chunk(3)[i])
            layer.bias.copy_(theirs.in_proj_bias.chunk(3)[i])
        ours.W_o.load_state_dict(theirs.out_proj.state_dict())


@settings(deadline=None, max_examples=25)
@given(B=sizes, n_q=sizes, n_k=sizes, H=st.integers(1, 4), d_head=sizes, back=st.booleans())
def test_multi_head_attention(B, n_q, n_k, H, d_head, back):
    ours, theirs = MultiHeadAttention(H * d_head, H), nn.MultiheadAttention(H * d_head, H, batch_first=True)
    copy_from_torch(theirs, ours) if back else copy_to_torch(ours, theirs)
    q, k, v = draw(B, n_q, H * d_head), draw(B, n_k, H * d_head), draw(B, n_k, H * d_head)
    keep, rule = some_mask(B, n_k), some_mask(n_q, n_k)
    mask = keep[:, None] & rule
    mask[..., 0] = True
    keep[:, 0] = rule[:, 0] = True
    output, weights = ours(q, k, v, mask, return_weights=True)
    expected, mean_weights = theirs(q, k, v, key_padding_mask=~keep, attn_mask=~rule)
    close(output, expected)
    close(weights.mean(dim=1), mean_weights)
    close(ours(q, k, v, mask), expected)
    *ours_inputs, dW_q, dW_k, dW_v = gradients(
        output, (q, k, v, ours.W_q.weight, ours.W_k.weight, ours.W_v.weight)
    )
    *their_inputs, their_weight = gradients(expected, (q, k, v, theirs.in_proj_weight))
    close(ours_inputs, their_inputs)
    close(torch.cat([dW_q, dW_k, dW_v]), their_weight)


def test_heads_are_slices():
    x = torch.randn(2, 3, 8)
    close(split_heads(x, 4), rearrange(x, "B n (H d) -> B H n d", H=4))


@pytest.mark.parametrize("n_groups", [1, 2, 4])
@pytest.mark.parametrize("rotary", [False, True])
def test_groups_beside_a_slow_loop(n_groups, rotary):
    """Each query head on its own, with the keys and values of its group."""
    model = MultiHeadAttention(16, 4, n_groups)
    x = draw(2, 5, 16)
    Q, K, V = (
        split_heads(model.W_q(x), 4),
        split_heads(model.W_k(x), n_groups),
        split_heads(model.W_v(x), n_groups),
    )
    heads = [
        F.scaled_dot_product_attention(
            Q[:, h], K[:, h * n_groups // 4], V[:, h * n_groups // 4], is_causal=True
        )
        for h in range(4)
    ]
    expected = model.W_o(torch.cat(heads, dim=-1))
    close(model(x, causal=True), expected)
    close(gradients(model(x, causal=True), x), gradients(expected, x))


@settings(deadline=None, max_examples=25)
@given(
    chunks=st.lists(st.integers(1, 4), min_size=1, max_size=5),
    n_groups=st.sampled_from([1, 2, 4]),
    rotary=st.booleans(),
)
def test_cached_is_uncached_for_any_chunks(chunks, n_groups, rotary):
    model, x = MultiHeadAttention(16, 4, n_groups, rotary=rotary), torch.randn(2, sum(chunks), 16)
    cache = KVCache()
    pieces = [model(piece, causal=True, cache=cache) for piece in x.split(chunks, dim=1)]
    close(torch.cat(pieces, dim=1), model(x, causal=True))
    assert len(cache) == sum(chunks) and cache.K.shape == (2, n_groups, sum(chunks), 4)


@pytest.mark.parametrize("scheme", [ALiBi(2), RelativeBias(2, 3)])
def test_cached_is_uncached_with_a_score_bias(scheme):
    scheme = scheme.double()
    if isinstance(scheme, RelativeBias):
        nn.init.normal_(scheme.table)
    model, x, cache = MultiHeadAttention(6, 2), torch.randn(1, 7, 6), KVCache()
    pieces, seen = [], 0
    for piece in x.split(3, dim=1):
        seen += piece.shape[1]
        pieces.append(model(piece, bias=scheme(piece.shape[1], seen), causal=True, cache=cache))
    close(torch.cat(pieces, dim=1), model(x, bias=scheme(7, 7), causal=True))


def test_the_future_does_not_matter():
    model, x = MultiHeadAttention(8, 2, rotary=True), torch.randn(2, 6, 8)
    changed = x.clone()
    changed[:, 4:] = torch.randn(2, 2, 8)
    for causal, same in ((True, True), (False, False)):
        before, after = model(x, causal=causal)[:, :4], model(changed, causal=causal)[:, :4]
        assert torch.equal(before, after) is same


@pytest.mark.parametrize("model", [MultiHeadAttention(8, 2), SelfAttention(8, 3)])
def test_shuffled_input_gives_shuffled_output(model):
    model, x = model.double(), torch.randn(2, 6, 8)
    order = torch.randperm(6)
    close(model(x[:, order]), model(x)[:, order])


def test_order_of_the_keys_does_not_matter():
    model, order = CrossAttention(8), torch.randperm(6)
    asking, asked, keep = torch.randn(2, 3, 8), torch.randn(2, 6, 8), some_mask(2, 6)
    output, weights = model(asking, asked, keep, return_weights=True)
    close(weights.masked_fill(keep[:, None], 0), torch.zeros(2, 3, 6))
    close(model(asking, asked, keep), output)
    shuffled, moved = model(asking, asked[:, order], keep[:, order], return_weights=True)
    close(shuffled, output)
    close(moved, weights[..., order])


@settings(deadline=None, max_examples=25)
@given(n_q=sizes, n_k=sizes)
def test_causal_mask_row_by_row(n_q, n_k):
    mask = causal_mask(n_q, n_k)
    for i in range(n_q):
        assert [j for j in range(n_k) if mask[i, j]] == [j for j in range(n_k) if j <= n_k - n_q + i]


def test_shapes_are_checked_here():
    with pytest.raises(TypeCheckError):
        SelfAttention(8, 4)(torch.zeros(3, 8))
