"""Norms, feed-forward and residual blocks beside torch's, in float64. Layers and stacks: test_seq2seq.py."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from course_lib.transformer.blocks import (
    BlockConfig,
    Decoder,
    DecoderCache,
    Encoder,
    FeedForward,
    LayerNorm,
    RMSNorm,
    layer_norm,
    residual_block,
    rms_norm,
    zero_outputs,
)

EXACT = {"rtol": 1e-9, "atol": 1e-9}


def same(ours, theirs, inputs):
    weights = torch.randn(ours.shape)
    torch.testing.assert_close(ours, theirs, **EXACT)
    ours_grad = torch.autograd.grad((ours * weights).sum(), inputs)
    torch.testing.assert_close(ours_grad, torch.autograd.grad((theirs * weights).sum(), inputs), **EXACT)


@settings(deadline=None, max_examples=25)
@given(batch=st.lists(st.integers(1, 4), max_size=2), d=st.integers(2, 9), mean=st.sampled_from([0.0, 100.0]))
def test_norms(batch, d, mean):
    x = (torch.randn(*batch, d) + mean).requires_grad_()
    gamma, beta = torch.randn(d, requires_grad=True), torch.randn(d, requires_grad=True)
    module = LayerNorm(d)
    with torch.no_grad():
        module.gamma.copy_(gamma)
        module.beta.copy_(beta)
    same(layer_norm(x, gamma, beta), F.layer_norm(x, (d,), gamma, beta), (x, gamma, beta))
    same(layer_norm(x, gamma, beta), module(x), (x,))
    same(rms_norm(x, gamma), F.rms_norm(x, (d,), gamma, 1e-5), (x, gamma))
    same(rms_norm(x, torch.ones(d)), RMSNorm(d)(x), (x,))


@pytest.mark.parametrize(
    ("name", "theirs"),
    [("relu", nn.ReLU()), ("gelu", nn.GELU()), ("squared_relu", lambda x: torch.relu(x) ** 2)],
)
def test_feed_forward(name, theirs):
    ours, x = FeedForward(5, 7, name), torch.randn(2, 3, 5, requires_grad=True)
    same(ours(x), ours.W_2(theirs(ours.W_1(x))), (x, ours.W_1.weight, ours.W_2.bias))


def test_residual_block_in_both_orders():
    x, norm = torch.randn(2, 3, 4), LayerNorm(4)
    torch.testing.assert_close(residual_block(x, torch.tanh, norm, True), x + torch.tanh(norm(x)))
    torch.testing.assert_close(residual_block(x, torch.tanh, norm, False), norm(x + torch.tanh(x)))


@pytest.mark.parametrize("rotary", [False, True])
@pytest.mark.parametrize("pre_norm", [False, True])
def test_decoder_cached_is_uncached(pre_norm, rotary):
    config = BlockConfig(d_model=8, n_heads=2, d_hidden=12, pre_norm=pre_norm, rotary=rotary, n_groups=1)
    decoder, y, memory = Decoder(config), torch.randn(2, 7, 8), torch.randn(2, 5, 8)
    memory_mask = torch.tensor([[True] * 5, [True, True, False, False, False]])[:, None]
    caches = [DecoderCache() for _ in range(config.n_layers)]
    pieces = [decoder(piece, memory, memory_mask=memory_mask, caches=caches) for piece in y.split(3, dim=1)]
    torch.testing.assert_close(torch.cat(pieces, 1), decoder(y, memory, memory_mask=memory_mask), **EXACT)


def test_decoder_cannot_see_the_future_and_reads_the_memory():
    decoder = Decoder(BlockConfig(d_model=8, n_heads=2, d_hidden=12))
    y, memory = torch.randn(2, 6, 8), torch.randn(2, 5, 8)
    out, own, crossed = decoder(y, memory, return_weights=True)
    changed = torch.cat([y[:, :3], torch.randn(2, 3, 8)], dim=1)
    assert torch.equal(decoder(changed, memory)[:, :3], decoder(y, memory)[:, :3])
    assert not torch.allclose(decoder(y, torch.randn(2, 5, 8)), decoder(y, memory))
    torch.testing.assert_close(out, decoder(y, memory), **EXACT)
    assert [w.shape for w in own] == [(2, 2, 6, 6)] * 2 and [w.shape for w in crossed] == [(2, 2, 6, 5)] * 2
    for weights in [*own, *crossed]:
        torch.testing.assert_close(weights.sum(-1), torch.ones(weights.shape[:-1]), **EXACT)


@pytest.mark.parametrize("pre_norm", [False, True])
def test_padding_does_not_reach_real_tokens(pre_norm):
    encoder = Encoder(BlockConfig(d_model=8, n_heads=2, d_hidden=12, pre_norm=pre_norm))
    x = torch.randn(1, 6, 8)
    mask = torch.tensor([[True] * 4 + [False] * 2])[:, None]
    torch.testing.assert_close(encoder(x, mask)[:, :4], encoder(x[:, :4]), **EXACT)


def test_zero_outputs_make_a_pre_norm_stack_the_identity():
    encoder = Encoder(BlockConfig(d_model=8, n_heads=2, d_hidden=12, final_norm=False))
    x = torch.randn(2, 3, 8)
    assert not torch.equal(encoder(x), x)
    zero_outputs(encoder)
    assert torch.equal(encoder(x), x)
