"""The hand-written functions and PyTorch's agree in float64, forward and gradients."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from course_lib import by_hand
from course_lib.by_hand import reversal
from course_lib.transformer import attention, blocks, positions

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


def same_gradients(output, parts, backward):
    """What `backward` gives for a random gradient of the output is what autograd puts into `parts`."""
    d_output = torch.randn(output.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(9))
    output.backward(d_output)
    for found, tensor in zip(backward(d_output.numpy()), parts, strict=True):
        np.testing.assert_allclose(found, tensor.grad, atol=ATOL)


MASKS = {
    "none": None,
    "causal": torch.ones(3, 5, dtype=torch.bool).tril(2),
    "padding": torch.tensor([[True] * 3 + [False] * 2, [True] * 5])[:, None].expand(2, 3, 5),
    "nothing left": torch.tensor([[True] * 5, [False] * 5, [False, True] * 2 + [True]]),
    "all padding": torch.zeros(2, 3, 5, dtype=torch.bool),
}
masks = pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)


def as_array(mask):
    return None if mask is None else mask.numpy()


def weights_of(scores, mask):
    """Softmax over what is allowed, from its definition; rows with nothing allowed are zero."""
    exponentials = scores.exp() if mask is None else scores.exp() * mask
    return exponentials / exponentials.sum(-1, keepdim=True).clamp_min(1e-300)


@masks
def test_masked_attention(mask):
    Q, K, V = parts = tensors((2, 3, 7), (2, 5, 7), (2, 5, 11))
    expected = F.scaled_dot_product_attention(Q, K, V, attn_mask=mask)
    output, _ = by_hand.scaled_dot_product_attention(*arrays(*parts), as_array(mask))
    np.testing.assert_allclose(output, expected.detach(), atol=ATOL)
    same_gradients(
        weights_of(Q @ K.mT / 7**0.5, mask) @ V,
        parts,
        lambda d: by_hand.scaled_dot_product_attention_backward(*arrays(*parts), d, as_array(mask)),
    )


@masks
def test_additive_attention(mask):
    Q, K, V, Wq, Wk, v = parts = tensors((2, 3, 7), (2, 5, 4), (2, 5, 11), (6, 7), (6, 4), (6,))
    hidden = torch.tanh(F.linear(Q, Wq)[:, :, None] + F.linear(K, Wk)[:, None])
    expected = weights_of(hidden @ v, mask)
    output, weights = by_hand.additive_attention(*arrays(*parts), as_array(mask))
    np.testing.assert_allclose(weights, expected.detach(), atol=ATOL)
    np.testing.assert_allclose(output, (expected @ V).detach(), atol=ATOL)
    same_gradients(
        expected @ V,
        parts,
        lambda d: by_hand.additive_attention_backward(*arrays(*parts), d, as_array(mask)),
    )


@pytest.mark.parametrize("causal", [False, True])
def test_masked_softmax(causal):
    (scores,) = tensors((2, 3, 5))
    keep = torch.tensor([[False, True, True, True, False], [True] * 5])
    mask = keep[:, None] & (MASKS["causal"] if causal else True)
    expected = scores.masked_fill(~mask, -torch.inf).softmax(-1)
    weights = by_hand.masked_softmax(scores.detach().numpy(), keep.numpy(), causal)
    np.testing.assert_allclose(weights, expected.detach(), atol=ATOL)
    same_gradients(expected, [scores], lambda d: [by_hand.softmax_backward(d, weights)])


@pytest.mark.parametrize("eps", [1e-5, 0.3])
def test_layer_norm(eps):
    x, gamma, beta = parts = tensors((2, 3, 7), (7,), (7,))
    expected = F.layer_norm(x, (7,), gamma, beta, eps)
    np.testing.assert_allclose(by_hand.layer_norm(*arrays(*parts), eps), expected.detach(), atol=ATOL)
    same_gradients(expected, parts, lambda d: by_hand.layer_norm_backward(*arrays(x, gamma), d, eps))


def test_feed_forward():
    x, W_1, b_1, W_2, b_2 = parts = tensors((2, 3, 5), (11, 5), (11,), (5, 11), (5,))
    expected = F.linear(F.linear(x, W_1, b_1).relu(), W_2, b_2)
    np.testing.assert_allclose(by_hand.feed_forward(*arrays(*parts)), expected.detach(), atol=ATOL)
    same_gradients(expected, parts, lambda d: by_hand.feed_forward_backward(*arrays(*parts[:4]), d))


def test_rotate():
    (x,) = tensors((2, 3, 5, 6))
    start = 4
    angles = torch.arange(start, start + 5)[:, None] / 10000 ** (torch.arange(3, dtype=torch.float64) / 3)
    turn = torch.polar(torch.ones_like(angles), angles)  # a pair is a complex number
    expected = torch.view_as_real(torch.view_as_complex(x.reshape(2, 3, 5, 3, 2)) * turn).reshape(x.shape)
    np.testing.assert_allclose(by_hand.rotate(*arrays(x), start), expected.detach(), atol=ATOL)
    same_gradients(expected, [x], lambda d: [by_hand.rotate_backward(d, start)])


@pytest.mark.parametrize("n_q, n_k", [(5, 5), (3, 5), (5, 3)])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("block", [1, 2, 8])
def test_tiled_attention(n_q, n_k, causal, block):
    Q, K, V = parts = tensors((2, n_q, 7), (2, n_k, 7), (2, n_k, 11))
    mask = torch.ones(n_q, n_k, dtype=torch.bool).tril(n_k - n_q) if causal else None
    expected = F.scaled_dot_product_attention(Q, K, V, attn_mask=mask)
    scores = Q @ K.mT / 7**0.5
    lse_expected = (scores if mask is None else scores.masked_fill(~mask, -torch.inf)).logsumexp(-1)
    output, lse = by_hand.tiled_attention(*arrays(*parts), block, causal)
    np.testing.assert_allclose(output, expected.detach(), atol=ATOL)
    np.testing.assert_allclose(lse, lse_expected.detach(), atol=ATOL)
    same_gradients(
        weights_of(scores, mask) @ V,
        parts,
        lambda d: by_hand.tiled_attention_backward(*arrays(*parts), output, lse, d, block, causal),
    )


@pytest.mark.parametrize("kind", ["tables", "projections"])
def test_reversal_step(kind):
    tokens = torch.randint(4, (3, 5), generator=torch.Generator().manual_seed(1))
    one_hot, target = F.one_hot(tokens, 4).double(), tokens.flip(1)
    if kind == "tables":
        parts = dict(zip("QK", tensors((5, 6), (5, 6)), strict=True))
        chances = F.scaled_dot_product_attention(
            parts["Q"].expand(3, 5, 6), parts["K"].expand(3, 5, 6), one_hot
        )
        loss = -chances.gather(-1, target[..., None]).log().mean()
    else:
        parts = dict(
            zip(reversal.NAMES, tensors((4, 6), (5, 6), (6, 6), (6, 6), (6, 6), (4, 6)), strict=True)
        )
        x = parts["tokens"][tokens] + parts["positions"]
        context = F.scaled_dot_product_attention(*(F.linear(x, parts[f"W_{name}"]) for name in "QKV"))
        loss = F.cross_entropy(F.linear(context, parts["W_O"]).mT, target)
    loss.backward()
    step = getattr(reversal, f"{kind}_step")
    found, gradients, _, _ = step(
        {name: part.detach().numpy() for name, part in parts.items()}, one_hot.numpy()
    )
    assert found == pytest.approx(loss.item(), abs=ATOL)
    for name, part in parts.items():
        np.testing.assert_allclose(gradients[name], part.grad, atol=ATOL)


def test_adam():
    (x,) = tensors((3, 4))
    ours, update = {"x": x.detach().numpy().copy()}, reversal.Adam(0.1)
    torchs = torch.optim.Adam([x], lr=0.1, betas=(0.9, 0.95), eps=1e-8)
    for step in range(5):
        gradient = np.sin(ours["x"] + step)
        update(ours, {"x": gradient})
        x.grad = (x.detach() + step).sin()
        torchs.step()
    np.testing.assert_allclose(ours["x"], x.detach(), atol=ATOL)


def test_the_torch_library_computes_the_same():
    x, gamma, beta = tensors((2, 5, 6), (6,), (6,))
    np.testing.assert_array_equal(by_hand.causal_mask(3, 5), attention.causal_mask(3, 5))
    np.testing.assert_allclose(
        by_hand.sinusoidal_positions(5, 6, 3),
        positions.sinusoidal_positions(5, 6, 3, torch.float64),
        atol=ATOL,
    )
    np.testing.assert_allclose(by_hand.rotate(*arrays(x), 3), positions.rotate(x, 3).detach(), atol=ATOL)
    np.testing.assert_allclose(
        by_hand.layer_norm(*arrays(x, gamma, beta), 1e-5),
        blocks.layer_norm(x, gamma, beta, 1e-5).detach(),
        atol=ATOL,
    )
    parts = tensors((2, 3, 7), (2, 5, 4), (2, 5, 11), (6, 7), (6, 4), (6,))
    for found, expected in zip(
        by_hand.additive_attention(*arrays(*parts), as_array(MASKS["nothing left"])),
        attention.additive_attention(*parts, MASKS["nothing left"]),
        strict=True,
    ):
        np.testing.assert_allclose(found, expected.detach(), atol=ATOL)
