"""The hand-written functions and PyTorch's agree in float64, forward and gradients."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from course_lib import by_hand

ATOL = 1e-9


def tensors(*shapes, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [
        torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True) for shape in shapes
    ]


def arrays(*values):
    return [value.detach().numpy() for value in values]


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_softmax(axis):
    (x,) = tensors((2, 3, 5))
    np.testing.assert_allclose(
        by_hand.softmax(x.detach().numpy(), axis), F.softmax(x, axis).detach(), atol=ATOL
    )


def test_log_sum_exp_and_entropy():
    (x,) = tensors((4, 5))
    expected = torch.distributions.Categorical(logits=x).entropy()
    np.testing.assert_allclose(
        by_hand.entropy(by_hand.softmax(x.detach().numpy())), expected.detach(), atol=ATOL
    )
    np.testing.assert_allclose(
        by_hand.log_sum_exp(x.detach().numpy()), torch.logsumexp(x, -1).detach(), atol=ATOL
    )


def test_cosine():
    q, K = tensors((5,), (7, 5))
    _, cos = by_hand.similarity(*arrays(q, K))
    np.testing.assert_allclose(cos, F.cosine_similarity(q[None], K).detach(), atol=ATOL)


@pytest.mark.parametrize("masking", ["none", "causal", "padding"])
@pytest.mark.parametrize("scale", [None, 1.0])
def test_attention_forward_and_backward(masking, scale):
    Q, K, V = tensors((2, 5, 3), (2, 5, 3), (2, 5, 7))
    mask = {
        "none": None,
        "causal": torch.ones(5, 5, dtype=torch.bool).tril(),
        "padding": torch.tensor([[True] * 3 + [False] * 2, [True] * 5])[:, None, :].expand(2, 5, 5),
    }[masking]
    expected = F.scaled_dot_product_attention(Q, K, V, attn_mask=mask, scale=scale)
    d_output = torch.randn(expected.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(9))
    expected.backward(d_output)

    mask = None if mask is None else mask.numpy()
    output, _ = by_hand.scaled_dot_product_attention(*arrays(Q, K, V), mask, scale)
    gradients = by_hand.scaled_dot_product_attention_backward(*arrays(Q, K, V), d_output.numpy(), mask, scale)
    np.testing.assert_allclose(output, expected.detach(), atol=ATOL)
    for found, tensor in zip(gradients, (Q, K, V), strict=True):
        np.testing.assert_allclose(found, tensor.grad, atol=ATOL)
