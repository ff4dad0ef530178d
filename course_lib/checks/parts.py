"""Parts of a layer out of plain weights: what exercises that do the wiring are handed (torch)."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace

import torch
from torch import Tensor

from course_lib.transformer.attention import scaled_dot_product_attention


def attention_part(W: Sequence[Tensor], name: str) -> Callable:
    """attend(q, k, v, mask) of one head; W are its three (d, d) for q, k, v, and `name` shows in errors."""

    def attend(q, k, v, mask=None):
        return scaled_dot_product_attention(q @ W[0], k @ W[1], v @ W[2], mask)[0]

    attend.__qualname__ = name
    return attend


def norm_part(gamma: Tensor) -> Callable:
    """A layer norm with this gamma and without beta."""

    def apply(x):
        centred = x - x.mean(-1, keepdim=True)
        return gamma * centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt()

    return apply


def feed_forward_part(W1: Tensor, W2: Tensor) -> Callable:
    """A feed-forward network without biases that bends with tanh."""
    return lambda x: torch.tanh(x @ W1) @ W2


def decoder_layer_parts(
    own: Sequence[Tensor], across: Sequence[Tensor], W1: Tensor, W2: Tensor, gammas: Sequence[Tensor]
) -> SimpleNamespace:
    """The parts of a decoder layer: both attentions, the feed-forward network, three norms."""
    return SimpleNamespace(
        self_attn=attention_part(own, "p.self_attn"),
        cross_attn=attention_part(across, "p.cross_attn"),
        ffn=feed_forward_part(W1, W2),
        norm1=norm_part(gammas[0]),
        norm2=norm_part(gammas[1]),
        norm3=norm_part(gammas[2]),
    )
