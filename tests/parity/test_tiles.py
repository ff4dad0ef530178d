"""Attention in tiles beside attention at once, in float64."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.transformer.attention import scaled_dot_product_attention
from course_lib.transformer.tiles import tiled_attention

EXACT = {"rtol": 1e-9, "atol": 1e-9}


@settings(deadline=None, max_examples=50)
@given(
    n_q=st.integers(1, 9),
    n_k=st.integers(1, 9),
    block=st.integers(1, 10),
    causal=st.booleans(),
    large=st.booleans(),
)
def test_any_sizes(n_q, n_k, block, causal, large):
    Q, K, V = (torch.randn(2, 3, n, d) * (30 if large else 1) for n, d in ((n_q, 4), (n_k, 4), (n_k, 5)))
    [each.requires_grad_() for each in (Q, K, V)]
    output, lse = tiled_attention(Q, K, V, block, causal)
    expected, _ = scaled_dot_product_attention(Q, K, V, causal=causal)
    torch.testing.assert_close(output, expected, **EXACT)
    weights = torch.randn(output.shape)
    ours = torch.autograd.grad((output * weights).sum(), (Q, K, V))
    torch.testing.assert_close(ours, torch.autograd.grad((expected * weights).sum(), (Q, K, V)), **EXACT)
    scores = Q @ K.mT / 2
    if causal:
        scores = scores.masked_fill(torch.ones(n_q, n_k).tril(n_k - n_q) == 0, -torch.inf)
    some = scores.isfinite().any(-1)
    torch.testing.assert_close(lse[some], scores.logsumexp(-1)[some], **EXACT)


def test_block_below_one():
    with pytest.raises(ValueError, match="block must be at least 1; got 0"):
        tiled_attention(*torch.zeros(3, 2, 4), block=0)
