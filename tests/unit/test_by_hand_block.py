"""Layer norm, feed-forward and positions: what must hold, and what must be refused."""

import math

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
@given(n=sizes, d=st.integers(2, 9), shift=st.sampled_from([0.0, 5.0, 1e4]), stretch=st.floats(0.5, 9))
def test_layer_norm_forgets_shift_and_stretch(n, d, shift, stretch):
    x, gamma, beta = draw(n, d), draw(d, seed=1), draw(d, seed=2)
    plain = by_hand.layer_norm(x, np.ones(d), np.zeros(d), eps=0.0)
    np.testing.assert_allclose(plain.mean(axis=-1), 0, atol=1e-12)
    np.testing.assert_allclose((plain**2).mean(axis=-1), 1)
    moved = by_hand.layer_norm(stretch * x + shift, gamma, beta, eps=0.0)
    np.testing.assert_allclose(moved, gamma * plain + beta, atol=1e-7)


def test_layer_norm_of_a_constant_token_is_beta():
    beta = draw(4)
    x = np.full((2, 4), 3.0)
    np.testing.assert_allclose(by_hand.layer_norm(x, np.ones(4), beta), [beta, beta])
    assert all(np.isfinite(g).all() for g in by_hand.layer_norm_backward(x, np.ones(4), draw(2, 4)))


def test_feed_forward_treats_every_token_alike():
    W_1, b_1, W_2, b_2 = draw(7, 3), draw(7, seed=1), draw(3, 7, seed=2), draw(3, seed=3)
    x = draw(2, 5, 3, seed=4)
    output = by_hand.feed_forward(x, W_1, b_1, W_2, b_2)
    for b, i in np.ndindex(2, 5):
        np.testing.assert_allclose(output[b, i], by_hand.feed_forward(x[b, i], W_1, b_1, W_2, b_2))


@few
@given(n=sizes, pairs=sizes, start=st.integers(0, 999), base=st.sampled_from([10000, 20]))
def test_sinusoids_are_the_formula(n, pairs, start, base):
    d = 2 * pairs
    found = by_hand.sinusoidal_positions(n, d, start, base)
    for p, i in np.ndindex(n, pairs):
        angle = (start + p) / base ** (2 * i / d)
        assert found[p, 2 * i : 2 * i + 2].tolist() == pytest.approx([math.sin(angle), math.cos(angle)])


@few
@given(n=sizes, pairs=sizes, start=st.integers(0, 500), seed=st.integers(0, 99))
def test_rotate_keeps_lengths_and_scores_depend_on_the_distance(n, pairs, start, seed):
    Q, K = draw(n, 2 * pairs, seed=seed), draw(n, 2 * pairs, seed=seed + 1)
    rotated = by_hand.rotate(Q, start)
    np.testing.assert_allclose(np.linalg.norm(rotated, axis=-1), np.linalg.norm(Q, axis=-1))
    np.testing.assert_allclose(by_hand.rotate_backward(rotated, start), Q)
    np.testing.assert_allclose(rotated @ by_hand.rotate(K, start).T, by_hand.rotate(Q) @ by_hand.rotate(K).T)


@pytest.mark.parametrize("base", [10000, 20])
def test_rotate_turns_each_pair_by_its_own_angle(base):
    x, start = draw(2, 3, 6), 4
    found = by_hand.rotate(x, start, base)
    np.testing.assert_allclose(by_hand.rotate_backward(found, start, base), x)
    for b, p, i in np.ndindex(2, 3, 3):
        turned = complex(*x[b, p, 2 * i : 2 * i + 2]) * np.exp(1j * (start + p) / base ** (2 * i / 6))
        assert complex(*found[b, p, 2 * i : 2 * i + 2]) == pytest.approx(turned)


@pytest.mark.parametrize(
    "call",
    [
        lambda: by_hand.layer_norm(np.ones((2, 3)), np.ones(2), np.ones(3)),
        lambda: by_hand.layer_norm(np.ones((2, 3)), np.ones(3), np.ones(1)),
        lambda: by_hand.feed_forward(
            np.ones((2, 3)), np.ones((4, 2)), np.ones(4), np.ones((3, 4)), np.ones(3)
        ),
        lambda: by_hand.feed_forward(
            np.ones((2, 3)), np.ones((4, 3)), np.ones(4), np.ones((4, 3)), np.ones(3)
        ),
        lambda: by_hand.sinusoidal_positions(3, 5),
        lambda: by_hand.rotate(np.ones((2, 3))),
    ],
)
def test_sizes_that_do_not_fit_are_named(call):
    with pytest.raises(ValueError, match="got"):
        call()
