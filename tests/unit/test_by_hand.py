"""What the lessons derive holds: properties, gradients by finite differences, clear errors."""

import doctest
import importlib
import pkgutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib import by_hand

MODULES = [f"course_lib.by_hand.{module.name}" for module in pkgutil.iter_modules(by_hand.__path__)]
sizes = st.integers(1, 7)


def draw(*shape, seed=0, spread=1.0):
    return np.random.default_rng(seed).normal(scale=spread, size=shape)


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_hold(name):
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert failed == 0


@given(n=sizes, d=sizes, seed=st.integers(0, 99))
def test_similarity_is_length_times_length_times_cosine(n, d, seed):
    q, K = draw(d, seed=seed), draw(n, d, seed=seed + 1)
    dot, cos = by_hand.similarity(q, K)
    np.testing.assert_allclose(dot, cos * np.linalg.norm(q) * np.linalg.norm(K, axis=1))
    assert np.all(np.abs(cos) <= 1 + 1e-12)
    np.testing.assert_allclose(by_hand.similarity(3 * q, K)[1], cos)


def test_zero_vector_has_cosine_zero():
    assert by_hand.similarity(np.zeros(3), draw(2, 3))[1].tolist() == [0, 0]
    assert by_hand.similarity(np.ones(2), np.array([[0, 0], [1, 1]]))[1] == pytest.approx([0, 1])


@given(d=sizes, seed=st.integers(0, 99))
def test_projection_leaves_a_rest_at_right_angles(d, seed):
    a, b = draw(d, seed=seed), draw(d, seed=seed + 1)
    along = by_hand.projection(a, b)
    assert (a - along) @ b == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(by_hand.projection(along, b), along)


def test_nearest_is_best_first_and_breaks_ties_by_index():
    K = np.array([[0.0, 1.0], [2.0, 0.0], [5.0, 0.0], [-1.0, 0.0]])
    assert by_hand.nearest(np.array([1.0, 0.0]), K, 3).tolist() == [1, 2, 0]


@given(
    shape=st.lists(sizes, min_size=1, max_size=4),
    seed=st.integers(0, 99),
    spread=st.sampled_from([1, 1e3, 1e5]),
)
def test_softmax_gives_distributions_and_ignores_a_shift(shape, seed, spread):
    x = draw(*shape, seed=seed, spread=spread)
    for axis in range(-len(shape), len(shape)):
        weights = by_hand.softmax(x, axis)
        assert weights.shape == x.shape
        assert np.all(weights >= 0)
        np.testing.assert_allclose(weights.sum(axis), 1)
        np.testing.assert_allclose(by_hand.softmax(x + 5, axis), weights, rtol=1e-6, atol=1e-12)


def test_softmax_of_minus_infinity():
    x = np.array([[0.0, -np.inf], [-np.inf, -np.inf]])
    assert by_hand.softmax(x).tolist() == [[1, 0], [0, 0]]
    assert by_hand.softmax(np.array([1, 1])).tolist() == [0.5, 0.5]


@settings(deadline=None)
@given(n=sizes, seed=st.integers(0, 20))
def test_softmax_backward_agrees_with_finite_differences(n, seed):
    x, d_weights = draw(2, n, seed=seed), draw(2, n, seed=seed + 1)
    expected = by_hand.finite_difference(lambda x: (by_hand.softmax(x) * d_weights).sum(), x)
    np.testing.assert_allclose(by_hand.softmax_backward(d_weights, by_hand.softmax(x)), expected, atol=1e-8)


@given(n=sizes, seed=st.integers(0, 99))
def test_entropy_lies_between_certain_and_uniform(n, seed):
    p = by_hand.softmax(draw(n, seed=seed))
    assert -1e-12 <= by_hand.entropy(p) <= np.log(n) + 1e-12
    assert by_hand.entropy(np.eye(n)[0]) == 0
    assert by_hand.entropy(np.full(n, 1 / n)) == pytest.approx(np.log(n))


def test_log_sum_exp_is_stable():
    x = np.array([[1000.0, 1000.0], [-2000.0, -2000.0], [-np.inf, -np.inf]])
    assert by_hand.log_sum_exp(x) == pytest.approx([1000 + np.log(2), -2000 + np.log(2), -np.inf])


@settings(deadline=None)
@given(n_q=sizes, n_k=sizes, d=sizes, d_v=sizes, seed=st.integers(0, 20), masked=st.booleans())
def test_attention_backward_agrees_with_finite_differences(n_q, n_k, d, d_v, seed, masked):
    Q, K, V = draw(n_q, d, seed=seed), draw(n_k, d, seed=seed + 1), draw(n_k, d_v, seed=seed + 2)
    d_output = draw(n_q, d_v, seed=seed + 3)
    mask = draw(n_q, n_k, seed=seed + 4) > 0 if masked else None

    def loss(Q, K, V):
        return (by_hand.scaled_dot_product_attention(Q, K, V, mask)[0] * d_output).sum()

    found = by_hand.scaled_dot_product_attention_backward(Q, K, V, d_output, mask)
    expected = (
        by_hand.finite_difference(lambda x: loss(x, K, V), Q),
        by_hand.finite_difference(lambda x: loss(Q, x, V), K),
        by_hand.finite_difference(lambda x: loss(Q, K, x), V),
    )
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-7)


def test_permuting_keys_with_their_values_changes_nothing():
    Q, K, V = draw(3, 4), draw(5, 4, seed=1), draw(5, 7, seed=2)
    order = np.array([3, 0, 4, 1, 2])
    output, weights = by_hand.scaled_dot_product_attention(Q, K, V)
    moved, moved_weights = by_hand.scaled_dot_product_attention(Q, K[order], V[order])
    np.testing.assert_allclose(moved, output)
    np.testing.assert_allclose(moved_weights, weights[:, order])


def test_a_query_that_may_attend_nothing_gets_zeros():
    mask = np.array([[True, False], [False, False]])
    output, weights = by_hand.scaled_dot_product_attention(draw(2, 3), draw(2, 3), draw(2, 4), mask)
    assert weights[1].tolist() == [0, 0]
    assert output[1].tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(
    "call",
    [
        lambda: by_hand.similarity(np.ones(3), np.ones((2, 4))),
        lambda: by_hand.projection(np.ones(3), np.ones(4)),
        lambda: by_hand.nearest(np.ones(2), np.ones((3, 2)), 4),
        lambda: by_hand.attention_scores(np.ones((2, 3)), np.ones((2, 4))),
        lambda: by_hand.scaled_dot_product_attention(np.ones((2, 3)), np.ones((5, 3)), np.ones((4, 3))),
        lambda: by_hand.softmax_backward(np.ones(2), np.ones(3)),
    ],
)
def test_sizes_that_do_not_fit_are_named(call):
    with pytest.raises(ValueError, match="got"):
        call()
