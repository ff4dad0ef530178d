"""Every backward pass derived by hand agrees with finite differences, for every argument."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib import by_hand
from course_lib.by_hand import reversal

sizes = st.integers(1, 4)
few = settings(deadline=None, max_examples=25)


def draw(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def draws(*shapes, seed=0):
    return [draw(*shape, seed=100 * seed + i) for i, shape in enumerate(shapes)]


def agree(forward, arrays, backward):
    """What `backward` gives for the loss sum(output * d_output) are the finite differences of that loss."""
    d_output = draw(*forward(*arrays).shape, seed=77)
    found = backward(d_output)
    assert len(found) == len(arrays)
    for i, gradient in enumerate(found):
        expected = by_hand.finite_difference(
            lambda x, i=i: (forward(*arrays[:i], x, *arrays[i + 1 :]) * d_output).sum(), arrays[i]
        )
        assert gradient.shape == arrays[i].shape
        np.testing.assert_allclose(gradient, expected, atol=1e-7, rtol=1e-6)


@few
@given(n_q=sizes, n_k=sizes, d_q=sizes, d_k=sizes, h=sizes, seed=st.integers(0, 9), masked=st.booleans())
def test_additive_attention(n_q, n_k, d_q, d_k, h, seed, masked):
    B, d_v = 2, 3
    shapes = (B, n_q, d_q), (B, n_k, d_k), (B, n_k, d_v), (h, d_q), (h, d_k), (h,)
    arrays = draws(*shapes, seed=seed)
    mask = draw(B, n_q, n_k, seed=seed) > 0 if masked else None
    agree(
        lambda *a: by_hand.additive_attention(*a, mask)[0],
        arrays,
        lambda d_output: by_hand.additive_attention_backward(*arrays, d_output, mask),
    )


@few
@given(leading=st.lists(sizes, max_size=2), d=st.integers(2, 5), seed=st.integers(0, 9))
def test_layer_norm(leading, d, seed):
    x, gamma, beta = draws((*leading, d), (d,), (d,), seed=seed)
    eps = 0.1  # a large one, so that it shows and two close numbers do no harm
    agree(
        lambda *a: by_hand.layer_norm(*a, eps),
        [x, gamma, beta],
        lambda d_output: by_hand.layer_norm_backward(x, gamma, d_output, eps),
    )


@few
@given(leading=st.lists(sizes, max_size=2), d_model=sizes, d_hidden=sizes, seed=st.integers(0, 9))
def test_feed_forward(leading, d_model, d_hidden, seed):
    shapes = (*leading, d_model), (d_hidden, d_model), (d_hidden,), (d_model, d_hidden), (d_model,)
    arrays = draws(*shapes, seed=seed)
    agree(
        by_hand.feed_forward,
        arrays,
        lambda d_output: by_hand.feed_forward_backward(*arrays[:4], d_output),
    )


@few
@given(leading=st.lists(sizes, max_size=2), d_in=sizes, d_out=sizes)
def test_linear(leading, d_in, d_out):
    x, W = draws((*leading, d_in), (d_out, d_in))
    agree(lambda x, W: x @ W.T, [x, W], lambda d_output: by_hand.linear_backward(x, W, d_output))


@few
@given(leading=st.lists(sizes, max_size=2), n=sizes, pairs=sizes, start=st.integers(0, 50))
def test_rotate(leading, n, pairs, start):
    x = draw(*leading, n, 2 * pairs)
    agree(
        lambda x: by_hand.rotate(x, start),
        [x],
        lambda d_output: (by_hand.rotate_backward(d_output, start),),
    )


@few
@given(n_q=sizes, n_k=sizes, block=sizes, causal=st.booleans(), seed=st.integers(0, 9))
def test_tiled_attention(n_q, n_k, block, causal, seed):
    arrays = draws((2, n_q, 3), (2, n_k, 3), (2, n_k, 5), seed=seed)
    output, lse = by_hand.tiled_attention(*arrays, block, causal)
    agree(
        lambda *a: by_hand.tiled_attention(*a, block, causal)[0],
        arrays,
        lambda d_output: by_hand.tiled_attention_backward(*arrays, output, lse, d_output, block, causal),
    )


@few
@given(causal=st.booleans(), seed=st.integers(0, 9))
def test_masked_softmax(causal, seed):
    scores, keep = draw(2, 3, 5, seed=seed), draw(2, 5, seed=seed) > 0
    weights = by_hand.masked_softmax(scores, keep, causal)
    agree(
        lambda scores: by_hand.masked_softmax(scores, keep, causal),
        [scores],
        lambda d_weights: (by_hand.softmax_backward(d_weights, weights),),
    )


@pytest.mark.parametrize("attention", ["scaled_dot_product_attention", "additive_attention"])
def test_a_query_that_may_attend_nothing_has_no_gradient(attention):
    arrays = draws((2, 3), (4, 3), (4, 5), *[(2, 3), (2, 3), (2,)] * (attention == "additive_attention"))
    mask = np.array([[True] * 4, [False] * 4])
    backward = getattr(by_hand, f"{attention}_backward")
    for all_padding in (mask, np.zeros((2, 4), bool)):
        gradients = backward(*arrays, draw(2, 5), mask=all_padding)
        assert all(np.isfinite(gradient).all() for gradient in gradients)
        assert not gradients[0][1].any()
    assert not any(gradient.any() for gradient in gradients)


@pytest.mark.parametrize("learn", [reversal.learn_tables, reversal.learn_projections])
def test_reversal(learn):
    parameters = learn(n=3, d=2, n_vocab=4, B=2, steps=4).parameters
    step = reversal.tables_step if learn is reversal.learn_tables else reversal.projections_step
    one_hot = np.eye(4)[np.array([[0, 1, 1], [3, 2, 0]])]
    _, gradients, _, _ = step(parameters, one_hot)
    assert gradients.keys() == parameters.keys()
    for name, gradient in gradients.items():
        expected = by_hand.finite_difference(
            lambda x, name=name: step({**parameters, name: x}, one_hot)[0], parameters[name]
        )
        np.testing.assert_allclose(gradient, expected, atol=1e-7)
