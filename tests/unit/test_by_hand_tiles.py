"""Tiled attention is attention for any block; rollout and prefix matching agree with slow loops."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib import by_hand

sizes = st.integers(1, 7)
few = settings(deadline=None, max_examples=25)


def draw(*shape, seed=0, spread=1.0):
    return np.random.default_rng(seed).normal(scale=spread, size=shape)


@few
@given(
    n_q=sizes,
    n_k=sizes,
    block=st.integers(1, 9),
    causal=st.booleans(),
    spread=st.sampled_from([1.0, 100.0]),
    seed=st.integers(0, 99),
)
def test_any_block_gives_attention(n_q, n_k, block, causal, spread, seed):
    Q, K, V = draw(n_q, 3, seed=seed, spread=spread), draw(n_k, 3, seed=seed + 1), draw(n_k, 5, seed=seed + 2)
    mask = by_hand.causal_mask(n_q, n_k) if causal else np.ones((n_q, n_k), bool)
    expected, _ = by_hand.scaled_dot_product_attention(Q, K, V, mask)
    output, lse = by_hand.tiled_attention(Q, K, V, block, causal)
    np.testing.assert_allclose(output, expected, atol=1e-12)
    scores = np.where(mask, by_hand.attention_scores(Q, K), -np.inf)
    np.testing.assert_allclose(lse, by_hand.log_sum_exp(scores))
    d_output = draw(n_q, 5, seed=seed + 3)
    tiled = by_hand.tiled_attention_backward(Q, K, V, output, lse, d_output, block, causal)
    whole = by_hand.scaled_dot_product_attention_backward(Q, K, V, d_output, mask)
    for one, other in zip(tiled, whole, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-10)


def test_scores_of_a_thousand_do_not_overflow():
    Q, K, V = np.full((1, 1), 1000.0), np.array([[-5.0], [1.0], [7.0], [7.0]]), np.arange(4.0)[:, None]
    with np.errstate(over="raise", invalid="raise"):
        output, lse = by_hand.tiled_attention(Q, K, V, block=1)
    assert output.tolist() == [[2.5]] and lse == pytest.approx([7000 + np.log(2)])


def test_queries_that_see_no_key_get_zeros_and_no_warning():
    with np.errstate(all="raise", under="ignore"):
        output, lse = by_hand.tiled_attention(draw(4, 3), draw(2, 3), draw(2, 5), block=1, causal=True)
        gradients = by_hand.tiled_attention_backward(
            draw(4, 3), draw(2, 3), draw(2, 5), output, lse, draw(4, 5), block=1, causal=True
        )
    assert not output[:2].any() and np.isneginf(lse[:2]).all() and np.isfinite(lse[2:]).all()
    assert not gradients[0][:2].any() and all(np.isfinite(gradient).all() for gradient in gradients)


@pytest.mark.parametrize("causal", [False, True])
def test_memory_grows_with_the_block_not_with_the_square(causal):
    n, block = 1024, 32
    Q, K, V = draw(n, 4), draw(n, 4), draw(n, 4)
    tracemalloc.start()
    by_hand.tiled_attention(Q, K, V, block, causal)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < n * n * 8 / 4


@few
@given(n_layers=sizes, n_heads=sizes, n=sizes, seed=st.integers(0, 99))
def test_rollout_is_the_product_over_layers(n_layers, n_heads, n, seed):
    A = by_hand.softmax(draw(n_layers, n_heads, n, n, seed=seed))
    rollout = by_hand.attention_rollout(A)
    token = draw(n, seed=seed)
    carried = token  # one number per token, layer by layer
    for layer in A:
        carried = 0.5 * carried + 0.5 * np.mean([head @ carried for head in layer], axis=0)
    np.testing.assert_allclose(rollout @ token, carried, atol=1e-12)
    np.testing.assert_allclose(rollout.sum(axis=1), 1)


def slow_prefix_matching(A, tokens):
    found = []
    for i, token in enumerate(tokens):
        earlier = [j for j in range(i) if tokens[j] == token]
        if earlier and earlier[-1] + 1 != i:
            found.append(A[:, i, earlier[-1] + 1])
    return np.mean(found, axis=0) if found else np.zeros(len(A))


@few
@given(tokens=st.lists(st.sampled_from("abc"), min_size=1, max_size=9), n_heads=sizes)
def test_prefix_matching_agrees_with_a_slow_loop(tokens, n_heads):
    A = by_hand.softmax(draw(n_heads, len(tokens), len(tokens)))
    np.testing.assert_allclose(by_hand.prefix_matching_score(A, tokens), slow_prefix_matching(A, tokens))


def test_prefix_matching_of_a_perfect_induction_head_is_one():
    tokens = np.tile(np.arange(5), 3)
    perfect = np.zeros((15, 15))
    perfect[np.arange(5, 15), np.arange(1, 11)] = 1
    A = np.stack([perfect, np.eye(15)])
    assert by_hand.prefix_matching_score(A, tokens).tolist() == [1, 0]
    assert by_hand.prefix_matching_score(A[:, :5, :5], tokens[:5]).tolist() == [0, 0]


@pytest.mark.parametrize(
    "call",
    [
        lambda: by_hand.tiled_attention(np.ones((2, 3)), np.ones((2, 3)), np.ones((2, 3)), block=0),
        lambda: by_hand.tiled_attention(np.ones((2, 3)), np.ones((2, 4)), np.ones((2, 3)), block=1),
        lambda: by_hand.tiled_attention(np.ones((2, 3)), np.ones((2, 3)), np.ones((3, 3)), block=1),
        lambda: by_hand.attention_rollout(np.ones((2, 3, 3))),
        lambda: by_hand.attention_rollout(np.ones((1, 2, 3, 4))),
        lambda: by_hand.prefix_matching_score(np.ones((2, 3, 3)), ["a", "b"]),
        lambda: by_hand.prefix_matching_score(np.ones((3, 3)), ["a", "b", "c"]),
    ],
)
def test_sizes_that_do_not_fit_are_named(call):
    with pytest.raises(ValueError, match="got"):
        call()
