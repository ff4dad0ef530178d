"""Bad input and unusual sizes and types of attention, positions and blocks."""

import pytest
import torch

from course_lib.transformer.attention import (
    KVCache,
    MultiHeadAttention,
    additive_attention,
    scaled_dot_product_attention,
)
from course_lib.transformer.blocks import BlockConfig, Decoder, Encoder, FeedForward
from course_lib.transformer.positions import LearnedPositions, alibi_slopes, rotate, sinusoidal_positions

SMALL = BlockConfig(d_model=8, n_heads=2, d_hidden=12)


def zeros(*shape):
    return torch.zeros(*shape)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: scaled_dot_product_attention(zeros(2, 3), zeros(2, 4), zeros(2, 4)), "agree in d"),
        (lambda: scaled_dot_product_attention(zeros(2, 3), zeros(4, 3), zeros(5, 3)), "K and V in n_k"),
        (lambda: MultiHeadAttention(10, 3), "n_heads must divide d_model; got n_heads 3, d_model 10"),
        (lambda: MultiHeadAttention(8, 0), "n_heads must divide d_model"),
        (lambda: MultiHeadAttention(8, 4, 3), "n_groups must divide n_heads; got n_groups 3, n_heads 4"),
        (lambda: LearnedPositions(4, 8)(zeros(1, 5, 8)), "reaches 5 positions; max_n, the learnt ones, is 4"),
        (lambda: LearnedPositions(4, 8)(zeros(1, 1, 8), start=4), "reaches 5 positions"),
        (lambda: sinusoidal_positions(3, 5), "d must be even"),
        (lambda: rotate(zeros(1, 3, 5)), "d must be even"),
        (lambda: MultiHeadAttention(6, 2, rotary=True)(zeros(1, 2, 6)), "d must be even"),
        (lambda: FeedForward(4, 8, "tanh"), "activation must be one of relu, gelu"),
        (lambda: Encoder(BlockConfig(norm="batch")), "norm must be 'layer' or 'rms'; got 'batch'"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("mask", torch.ones(2, 5), r"mask must be bool, True where a key may be attended; got torch.float32"),
        ("mask", torch.ones(3, 3, dtype=torch.bool), r"mask must broadcast .* \(..., 2, 5\); got \(3, 3\)"),
        ("bias", torch.zeros(4), r"bias must broadcast to .*; got \(4,\)"),
    ],
)
def test_masks_and_biases_that_do_not_fit(name, given, words, fused):
    Q, K = zeros(1, 2, 4), zeros(1, 5, 4)
    with pytest.raises(ValueError, match=words):
        scaled_dot_product_attention(Q, K, K, **{name: given}, fused=fused)


def test_additive_attention_names_a_bad_mask():
    Q, W = zeros(1, 2, 4), zeros(3, 4)
    with pytest.raises(ValueError, match="mask must be bool"):
        additive_attention(Q, Q, Q, W, W, zeros(3), torch.ones(2, 2))


@pytest.mark.parametrize("pre_norm", [False, True])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize(("B", "n"), [(1, 1), (3, 1), (1, 5)])
def test_types_and_small_sizes(dtype, B, n, pre_norm):
    config = BlockConfig(d_model=8, n_heads=4, n_groups=2, rotary=True, pre_norm=pre_norm)
    encoder, decoder = Encoder(config).to(dtype), Decoder(config).to(dtype)
    x = torch.randn(B, n, 8, dtype=dtype)
    memory = encoder(x, torch.ones(B, 1, n, dtype=torch.bool))
    out = decoder(x, memory)
    assert out.dtype == dtype and out.shape == (B, n, 8) and out.isfinite().all()


@pytest.mark.parametrize("return_weights", [False, True])
def test_all_padding_gives_numbers_and_gradients(return_weights):
    encoder, x = Encoder(SMALL), torch.randn(2, 3, 8, requires_grad=True)
    mask = torch.tensor([[True, True, False], [False, False, False]])[:, None]
    out = encoder(x, mask, return_weights=return_weights)
    out, weights = out if return_weights else (out, [])
    out.sum().backward()
    assert out.isfinite().all() and x.grad.isfinite().all()
    assert all((w[1] == 0).all() for w in weights)


def test_empty_cache_and_its_selection():
    cache = KVCache()
    cache.select(torch.tensor([0]))
    assert len(cache) == 0
    K = torch.arange(6.0).view(3, 1, 2, 1)
    cache.extend(K, -K)
    cache.select(torch.tensor([2, 0]))
    assert cache.K.flatten().tolist() == [4, 5, 0, 1] and len(cache) == 2
    assert torch.equal(cache.V, -cache.K)


def test_arguments_are_left_alone():
    Q, mask, bias = torch.randn(2, 3, 4), torch.ones(3, 3, dtype=torch.bool), torch.randn(3, 3)
    before = [each.clone() for each in (Q, mask, bias)]
    scaled_dot_product_attention(Q, Q, Q, mask, bias, causal=True)
    scaled_dot_product_attention(Q, Q, Q, mask, bias, causal=True, fused=True)
    assert all(torch.equal(a, b) for a, b in zip(before, (Q, mask, bias), strict=True))


def test_slopes_of_the_paper():
    assert alibi_slopes(8).tolist() == [2.0**-h for h in range(1, 9)]
