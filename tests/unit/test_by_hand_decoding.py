"""Decoding by hand: what is drawn from, the draws, and the steps of a beam search."""

import math

import numpy as np
import pytest

from course_lib import by_hand


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, [0.1, 0.4, 0.3, 0.2]),
        ({"temperature": 0}, [0, 1, 0, 0]),
        ({"temperature": 0.5}, np.array([1, 16, 9, 4]) / 30),
        ({"top_k": 2}, np.array([0, 4, 3, 0]) / 7),
        ({"top_p": 0.7}, np.array([0, 4, 3, 0]) / 7),  # 0.4 + 0.3 reaches 0.7, however it is rounded
        ({"top_p": 0.71}, np.array([0, 4, 3, 2]) / 9),
        ({"top_p": 0.01}, [0, 1, 0, 0]),
    ],
)
def test_next_token_distribution(arguments, expected):
    p = by_hand.next_token_distribution(np.log([0.1, 0.4, 0.3, 0.2]), **arguments)
    np.testing.assert_allclose(p, expected, atol=1e-12)


def test_of_equals_the_lower_index_is_kept():
    np.testing.assert_array_equal(by_hand.next_token_distribution(np.zeros(3), top_k=1), [1, 0, 0])


@pytest.mark.parametrize(
    "arguments", [{"temperature": -1}, {"top_k": 0}, {"top_p": 0}, {"top_p": 1.1}, {"temperature": math.inf}]
)
def test_arguments_out_of_range(arguments):
    with pytest.raises(ValueError, match="must be"):
        by_hand.next_token_distribution(np.zeros(3), **arguments)


def test_logits_without_a_maximum():
    with pytest.raises(ValueError, match="finite maximum"):
        by_hand.next_token_distribution(np.array([-np.inf, -np.inf]))


def test_the_numbers_are_spread_evenly():
    """Chi-square over 20 bins, and lag-1 correlation, over seeds: as of uniform numbers."""
    chi, lag = [], []
    for seed in range(200):
        u = by_hand.uniform_draws(seed, 1000)
        assert ((u >= 0) & (u < 1)).all()
        chi.append(((np.histogram(u, 20, (0, 1))[0] - 50) ** 2 / 50).sum())
        lag.append(np.corrcoef(u[:-1], u[1:])[0, 1])
    assert 18 < np.mean(chi) < 20 and 5.2 < np.std(chi) < 7.2  # 19 and the root of 38
    assert abs(np.mean(lag)) < 0.007
    assert len({by_hand.uniform_draws(seed, 1)[0] for seed in range(1000)}) == 1000
    np.testing.assert_array_equal(by_hand.uniform_draws(3, 5), by_hand.uniform_draws(3, 9)[:5])


def test_draws_follow_the_probabilities():
    p = np.array([0.5, 0.0, 0.2, 0.3])
    drawn = by_hand.draw_tokens(p, by_hand.uniform_draws(0, 20_000))
    np.testing.assert_allclose(np.bincount(drawn, minlength=4) / 20_000, p, atol=0.01)
    assert by_hand.draw_tokens(np.array([1.0, 0.0]), np.array([1 - 2**-32]))[0] == 0
    np.testing.assert_array_equal(by_hand.draw_tokens(2 * p, np.array([0.4, 0.6])), [0, 2])


def test_the_steps_hold_all_candidates_best_first():
    tree = {("",): {"a": -1.0, "b": -2.0}, ("", "a"): {"c": -3.0, ".": -0.5}, ("", "b"): {".": -0.1}}
    steps = by_hand.beam_steps(lambda prefix: tree.get(prefix, {}), "", ".", 1, 3)
    assert steps == [
        [(("a",), -1.0, True), (("b",), -2.0, False)],
        [(("a", "."), -1.5, True), (("a", "c"), -4.0, False)],
    ]
    assert by_hand.beam_search(lambda prefix: tree.get(prefix, {}), "", ".", 1, 3, 0) == (["a", "."], -1.5)


def test_nothing_to_choose_from():
    with pytest.raises(ValueError, match="at least one token"):
        by_hand.beam_search(lambda prefix: {}, 0, 1, 2, 3, 0)
    with pytest.raises(ValueError, match="must be at least 1"):
        by_hand.beam_steps(lambda prefix: {}, 0, 1, 0, 3)
