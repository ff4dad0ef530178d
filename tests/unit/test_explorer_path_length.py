"""The path_length explorer without a browser: what is left after many hops, the cost, n and the distance."""

import numpy as np
import pytest

from course_lib import by_hand
from course_lib.explorers import path_length_explorer
from course_lib.explorers.path_length import amount, kept, share


def run(gate, inputs):
    """States of the simplest recurrent network: h = gate * h + x."""
    h, states = 0.0, []
    for x in inputs:
        h = gate * h + x
        states.append(h)
    return np.array(states)


@pytest.mark.parametrize("gate", [0.0, 0.3, 0.9, 0.99, 1.0])
def test_the_signal_is_what_a_network_has_left_of_one_word(gate):
    inputs = np.zeros(21)
    inputs[0] = 1
    np.testing.assert_allclose(by_hand.signal_left(gate, 20), run(gate, inputs), atol=1e-15)


@pytest.mark.parametrize("gate", [0.3, 0.9, 1.0])
def test_the_gradient_reaches_as_far_as_the_signal(gate):
    inputs = np.random.default_rng(0).standard_normal(13)
    gradient = by_hand.finite_difference(lambda x: run(gate, x)[-1], inputs)
    np.testing.assert_allclose(gradient[::-1], by_hand.signal_left(gate, 12), atol=1e-8)


def test_costs_are_those_of_the_papers_table():
    assert by_hand.layer_costs(7, 5) == {"recurrent": (7, 7 * 25), "attention": (1, 49 * 5)}
    for n, d in ((64, 64), (512, 512)):
        costs = by_hand.layer_costs(n, d)
        assert costs["recurrent"][1] == costs["attention"][1]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: by_hand.signal_left(1.1, 3), "gate must be from 0 to 1"),
        (lambda: by_hand.signal_left(0.5, -1), "hops at least 0"),
        (lambda: by_hand.layer_costs(0, 4), "n and d must be at least 1"),
    ],
)
def test_by_hand_names_what_it_cannot_use(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_results_are_by_hands():
    explorer = path_length_explorer(distance=12, gate=0.8, n=300, d_model=64)
    assert explorer.signal == pytest.approx(0.8**12)
    assert explorer.steps == (300, 1)
    assert explorer.operations == (300 * 64**2, 300**2 * 64)
    assert explorer.compute()["signals"].shape == (13,)


def test_the_presets_show_both_sides():
    seen = {}
    for name in path_length_explorer().presets():
        explorer = path_length_explorer(preset=name)
        recurrent, attention = explorer.operations
        seen[name] = (explorer.signal, recurrent / attention)
    assert seen["Far away"][0] < 0.01
    assert seen["Next door"][0] > 0.8
    assert seen["A gate near 1"][0] > 0.3
    assert seen["A very long text"][0] > 0.5 and seen["A very long text"][1] < 0.01


def test_the_challenge_wants_a_gate_near_1_and_a_long_text():
    explorer = path_length_explorer()
    for preset in explorer.presets().values():
        explorer.load_state(preset)
    explorer.load_state({"distance": 100, "gate": 0.98, "n": 10_000, "d_model": 64})
    assert not explorer.solved
    explorer.gate = 0.99
    assert explorer.solved


def test_the_guess_is_answered_by_the_state_it_leads_to():
    explorer = path_length_explorer(distance=3, n=4)
    question = explorer.prediction()
    explorer.load_state(question["then"])
    assert explorer.signal < 0.01
    assert share(explorer.signal) == "0.005" and "is 0.005." in question["right"]
    assert round(0.9**7, 1) == 0.5  # what the wrong guess is told
    assert "would leave 0.61:" in question["right"]


def test_a_distance_that_does_not_fit_changes_nothing():
    explorer = path_length_explorer(distance=30, n=31)
    with pytest.raises(ValueError, match="distance must be less than n"):
        explorer.distance = 31
    with pytest.raises(ValueError, match="distance must be less than n"):
        explorer.n = 30
    assert (explorer.distance, explorer.n) == (30, 31)
    explorer.load_state({"distance": 60, "n": 61})
    explorer.load_state({"n": 2, "distance": 1})
    assert (explorer.distance, explorer.n) == (1, 2)


def test_the_line_says_it_in_words():
    assert path_length_explorer().line == (
        "Recurrent network: 50 hops that keep 0.90 each, 0.005 of the signal arrives; attention: 1 hop. "
        "100 tokens: 100 steps one after another against 1, 26.2 million operations against 5.1 million."
    )
    line = path_length_explorer(distance=1, gate=0, n=2, d_model=8, backward=True).line
    assert line.startswith("Recurrent network: 1 hop that keeps 0.00, nothing of the gradient gets back;")
    assert line.endswith("2 steps one after another against 1, 128 operations against 32.")


@pytest.mark.parametrize(
    ("value", "words"),
    [(1.0, "1.00"), (0.005, "0.005"), (0.0, "0"), (0.5**50, "9·10⁻¹⁶"), (9.6e-5, "1·10⁻⁴"), (0.01, "0.01")],
)
def test_shares_are_rounded_as_one_says_them(value, words):
    assert share(value) == words


def test_gates_and_amounts_in_words():
    assert [kept(g) for g in (0.5, 0.99, 0.9995, 1.0)] == ["0.50", "0.99", "0.9995", "1.00"]
    assert [amount(v) for v in (7, 65_536, 26_214_400, 6_400_000_000, 10**12)] == [
        "7",
        "65,536",
        "26.2 million",
        "6.4 billion",
        "1.0 trillion",
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"distance": 0}, "distance must be a whole number from 1 to 100"),
        ({"distance": 40, "n": 40}, "distance must be less than n"),
        ({"gate": 1.2}, "gate must be a number from 0 to 1"),
        ({"n": 20_000}, "n must be a whole number from 2"),
        ({"d_model": 4}, "d_model must be a whole number from 8"),
        ({"backward": 1}, "backward must be True or False"),
    ],
)
def test_bad_arguments_are_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        path_length_explorer(**arguments)
