"""Masks: who sees whom, what a hidden score may still do (nothing), and masks that must be refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib import by_hand

sizes = st.integers(1, 6)
few = settings(deadline=None, max_examples=25)


def draw(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


@few
@given(n_q=sizes, n_k=sizes)
def test_the_last_query_sees_all_and_each_one_before_it_one_key_less(n_q, n_k):
    mask = by_hand.causal_mask(n_q, n_k)
    for i in range(n_q):
        visible = max(0, n_k - (n_q - 1 - i))
        assert mask[i].tolist() == [True] * visible + [False] * (n_k - visible)


@few
@given(lengths=st.lists(st.integers(0, 5), min_size=1, max_size=4))
def test_padding_mask_counts_the_real_tokens(lengths):
    keep = by_hand.padding_mask(lengths, 5)
    assert keep.dtype == bool and keep.sum(axis=1).tolist() == lengths
    assert not (keep[:, 1:] & ~keep[:, :-1]).any()  # real tokens come first


@few
@given(B=sizes, n_q=sizes, n_k=sizes, causal=st.booleans(), seed=st.integers(0, 99))
def test_masked_softmax_is_softmax_of_what_is_left(B, n_q, n_k, causal, seed):
    scores, keep = draw(B, n_q, n_k, seed=seed), draw(B, n_k, seed=seed + 1) > 0
    weights = by_hand.masked_softmax(scores, keep, causal)
    for b, i in np.ndindex(B, n_q):
        allowed = [j for j in range(n_k) if keep[b, j] and (not causal or j <= i + n_k - n_q)]
        expected = np.zeros(n_k)
        if allowed:
            expected[allowed] = by_hand.softmax(scores[b, i, allowed])
        np.testing.assert_allclose(weights[b, i], expected, atol=1e-12)


@pytest.mark.parametrize("attention", [by_hand.scaled_dot_product_attention, by_hand.additive_attention])
def test_what_is_hidden_does_not_matter(attention):
    Q, K, V, *rest = (
        draw(2, 3, 3),
        draw(2, 5, 3, seed=1),
        draw(2, 5, 4, seed=2),
        draw(2, 3),
        draw(2, 3),
        draw(2),
    )
    rest = rest if attention is by_hand.additive_attention else []
    mask = by_hand.padding_mask([2, 4], 5)[:, None] & by_hand.causal_mask(3, 5)
    output, weights = attention(Q, K, V, *rest, mask=mask)
    hidden = ~mask.any(axis=1)[..., None]
    other, _ = attention(Q, np.where(hidden, 1e6, K), np.where(hidden, -1e6, V), *rest, mask=mask)
    assert hidden.any() and np.array_equal(output, other)
    assert not weights[~mask].any()
    np.testing.assert_allclose(weights.sum(axis=-1), mask.any(axis=-1))


def test_float32_stays_float32():
    x, ones = draw(2, 4).astype("float32"), np.ones(4, "float32")
    mask = np.array([[True, False], [False, False]])
    assert by_hand.scaled_dot_product_attention(x, x, x, mask)[0].dtype == "float32"
    assert by_hand.tiled_attention(x, x, x, 1, causal=True)[0].dtype == "float32"
    assert by_hand.rotate(x, 3).dtype == by_hand.layer_norm(x, ones, ones).dtype == "float32"
    assert by_hand.additive_attention(x, x, x, x, x, ones[:2], mask)[0].dtype == "float32"


@pytest.mark.parametrize(
    "mask",
    [
        np.eye(3, dtype=int),
        np.where(np.eye(3), 0.0, -np.inf),
        np.ones((3, 4), bool),
        np.ones((2, 3), bool),
        np.ones((4, 3, 3), bool),
    ],
)
def test_a_mask_of_another_kind_or_shape_is_refused(mask):
    x = draw(3, 3)
    for call in (
        lambda: by_hand.scaled_dot_product_attention(x, x, x, mask),
        lambda: by_hand.additive_attention(x, x, x, x, x, x[0], mask),
    ):
        with pytest.raises(ValueError, match=r"mask must .* got"):
            call()


@pytest.mark.parametrize(
    "call",
    [
        lambda: by_hand.padding_mask([2, 4], 3),
        lambda: by_hand.padding_mask([-1], 3),
        lambda: by_hand.masked_softmax(np.ones((2, 3, 5)), np.ones((2, 4), bool), causal=False),
        lambda: by_hand.masked_softmax(np.ones((2, 3, 5)), np.ones((2, 5), int), causal=False),
        lambda: by_hand.additive_attention(
            *[np.ones((2, 3))] * 3, np.ones((4, 2)), np.ones((4, 3)), np.ones(4)
        ),
        lambda: by_hand.additive_attention(
            *[np.ones((2, 3))] * 3, np.ones((4, 3)), np.ones((4, 2)), np.ones(4)
        ),
        lambda: by_hand.additive_attention(*[np.ones((2, 3))] * 5, np.ones(3)),
        lambda: by_hand.additive_attention(
            *[np.ones((2, 3))] * 2, np.ones((3, 3)), *[np.ones((2, 3))] * 2, np.ones(2)
        ),
    ],
)
def test_sizes_that_do_not_fit_are_named(call):
    with pytest.raises(ValueError, match="got"):
        call()
