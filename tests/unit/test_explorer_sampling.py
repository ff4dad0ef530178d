"""The sampling explorer without a browser: cuts, draws, an own function, the tree of a beam search."""

import math

import numpy as np
import pytest

from course_lib import by_hand
from course_lib.explorers import sampling_explorer
from course_lib.explorers.sampling import PROBABILITIES, TOKENS, TREE, rows_of, sentence

LOGITS = np.log(PROBABILITIES)


def logs(tree):
    return {prefix: {t: math.log(p) for t, p in row.items()} for prefix, row in tree.items()}


# -------------------------------------------------------------------- the next token


def test_the_examples_are_probabilities():
    assert sum(PROBABILITIES) == pytest.approx(1) and len(PROBABILITIES) == len(TOKENS)
    assert list(PROBABILITIES) == sorted(PROBABILITIES, reverse=True)
    for row in TREE.values():
        assert sum(row.values()) == pytest.approx(1)


def test_without_cuts_it_is_the_models_distribution():
    explorer = sampling_explorer()
    np.testing.assert_allclose(explorer.probabilities, PROBABILITIES)
    assert explorer.entropy == pytest.approx(float(by_hand.entropy(np.array(PROBABILITIES))))


def test_temperature_divides_the_logits_and_zero_takes_the_likeliest():
    hot = sampling_explorer(temperature=2).probabilities
    np.testing.assert_allclose(hot, by_hand.softmax(LOGITS / 2))
    assert (np.argsort(-hot) == np.arange(12)).all()
    greedy = sampling_explorer(temperature=0)
    np.testing.assert_array_equal(greedy.probabilities, np.eye(12)[0])
    assert greedy.line.startswith("Temperature 0 is greedy: 'mat' is taken every time.")


@pytest.mark.parametrize(("top_p", "kept"), [(0.3, 1), (0.5, 2), (0.51, 3), (0.9, 7), (0.95, 9), (1, 12)])
def test_top_p_keeps_the_fewest_that_reach_the_mass(top_p, kept):
    explorer = sampling_explorer(top_p=top_p)
    assert explorer.compute()["kept"] == kept
    np.testing.assert_allclose(
        explorer.probabilities[:kept], np.array(PROBABILITIES[:kept]) / sum(PROBABILITIES[:kept])
    )


def test_top_k_comes_before_top_p():
    explorer = sampling_explorer(top_k=3, top_p=0.5)
    assert explorer.compute()["kept"] == 2  # 0.30 / 0.63 is below a half
    assert sampling_explorer(top_p=0.48).compute()["kept"] == 2
    assert sampling_explorer(top_k=3, top_p=0.47).compute()["kept"] == 1


def test_logits_or_probabilities_in_any_order():
    given = [0.2, 0.5, 0.3]
    by_p, by_logits = sampling_explorer(given), sampling_explorer(np.log(given) + 7)
    np.testing.assert_allclose(by_p.probabilities, given)
    np.testing.assert_allclose(by_logits.probabilities, given)
    assert by_p.card["facts"]["order"] == [1, 2, 0]
    assert "'token 1' is still the likeliest" in by_p.line
    assert eval(by_p.as_python(), {"sampling_explorer": sampling_explorer}).line == by_p.line


# -------------------------------------------------------------------- draws


def test_draws_are_the_same_for_a_seed_and_more_of_them_keep_the_first():
    explorer = sampling_explorer(draws=100)
    counts = explorer.counts
    assert counts.sum() == 100 and (sampling_explorer(draws=100).counts == counts).all()
    explorer.draws = 1000
    assert (explorer.counts >= counts).all()
    assert (sampling_explorer(draws=100, seed=1).counts != counts).any()


def test_counts_come_closer_to_the_probabilities():
    gaps = [
        [sampling_explorer(draws=n, seed=seed).compute()["gap"] for seed in range(20)] for n in (100, 5000)
    ]
    assert np.mean(gaps[1]) < np.mean(gaps[0]) / 4  # by the root of 50, about 7


def test_what_is_cut_is_never_drawn():
    explorer = sampling_explorer(temperature=3, top_k=4, draws=5000)
    assert (explorer.counts[:4] > 0).all() and explorer.counts[4:].sum() == 0


def test_the_line_says_what_came():
    explorer = sampling_explorer(draws=1, seed=2)
    came = int(explorer.counts[0])
    assert explorer.line.endswith(f"Of 1 draw {came} gave 'mat'; 0.3 are expected.")


# -------------------------------------------------------------------- the challenge and the guess


def test_three_tokens_at_temperature_one_are_not_even_enough():
    explorer = sampling_explorer()
    explorer.top_k = 3
    assert not explorer.solved
    explorer.temperature = 3
    assert explorer.solved and explorer.entropy < math.log(3)


def test_the_guess_is_true_of_the_state_it_leads_to():
    explorer = sampling_explorer()
    question = explorer.prediction()
    explorer.load_state(question["then"])
    assert explorer.probabilities.argmax() == 0 and "'mat'" in question["question"]
    assert f"from 0.008 to {explorer.probabilities[-1]:.3f}" in question["right"]
    assert sampling_explorer([0.4, 0.4, 0.2]).prediction() is None


# -------------------------------------------------------------------- the reader's own function


def test_an_own_function_is_asked_and_its_errors_are_shown():
    def mine(logits, temperature=1.0, top_k=None, top_p=None):
        if temperature == 0:
            raise ZeroDivisionError("division by zero")
        return np.exp(logits / temperature)

    explorer = sampling_explorer(distribution=mine)
    assert explorer.results["probabilities"]["shape"] == [12]
    explorer.temperature = 2
    total = np.sqrt(PROBABILITIES).sum()
    assert explorer.line.endswith(f"These probabilities sum to {total:.2f}, not to 1.")
    explorer.temperature = 0
    assert explorer.error == "ZeroDivisionError: division by zero"
    assert explorer.line == "No picture: ZeroDivisionError: division by zero"
    assert "could not be computed" in explorer.to_svg()
    explorer.temperature = 1
    assert explorer.error == "" and explorer.as_python() == "sampling_explorer(distribution=mine)"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (None, "is a `return` missing"),
        ([0.5, 0.5], r"must return shape \(12,\); it returned \(2,\)"),
        ([-1.0] + [0.1] * 11, "must be finite, 0 or more"),
        ([0.0] * 12, "not all 0"),
        ("much", "must return 12 numbers; got str"),
    ],
)
def test_a_wrong_answer_says_what_is_wrong(answer, message):
    explorer = sampling_explorer(distribution=lambda *given: answer)
    with pytest.raises(ValueError, match=message):
        explorer.compute()
    assert explorer.error.startswith("ValueError: ")


def test_an_own_function_gets_the_logits_as_they_were_given():
    torch = pytest.importorskip("torch")
    from course_lib.decoding import next_token_distribution

    logits = torch.tensor([2.0, 1.0, 0.5, -1.0], dtype=torch.float64)
    explorer = sampling_explorer(logits, distribution=next_token_distribution, top_k=2, temperature=0.7)
    expected = by_hand.next_token_distribution(logits.numpy(), 0.7, 2)
    np.testing.assert_allclose(explorer.probabilities, expected)


# -------------------------------------------------------------------- the tree


def test_wider_beams_find_better_sentences_up_to_the_best():
    found, explorer = [], sampling_explorer(view="tree")
    for beam in range(1, 5):
        explorer.beam = beam
        tokens, score = by_hand.beam_search(
            lambda prefix: explorer.tree.next.get(prefix[1:], {}), "", ".", beam, 3, 0
        )
        assert explorer.search.best == tuple(tokens) and explorer.search.score == score
        found.append(sentence(tokens))
    assert found == ["sat down.", "chased mice.", "slept soundly.", "slept soundly."]
    assert explorer.tree.best == ("slept", "soundly", ".")
    assert math.exp(explorer.tree.score(explorer.tree.best)) == pytest.approx(0.28 * 0.9 * 0.9)


def test_the_line_says_where_the_best_was_lost():
    line = sampling_explorer(view="tree").line
    assert line.startswith("Beam 1, greedy, looks at 8 beginnings and ends with 'sat down.' (0.09")
    assert line.endswith("its beginning 'slept' was dropped at step 1.")
    assert sampling_explorer(view="tree", beam=3).line.endswith("That is the best of all 14 sentences.")


def test_an_own_tree_with_a_score_per_length():
    tree = logs({(): {"a": 0.5, "!": 0.5}, ("a",): {"b": 0.8, "!": 0.2}})
    short = sampling_explorer(logp=tree, eos="!", view="tree", beam=2)
    assert short.search.best == ("!",)
    long = sampling_explorer(logp=tree, eos="!", view="tree", beam=2, alpha=1.0)
    assert long.search.best == ("a", "b") and "'ab' (0.40, score −0.46)" in long.line
    assert long.as_python() == ('sampling_explorer(logp=logp, eos="!", alpha=1, view="tree", beam=2)')


def test_only_what_a_beam_can_keep_is_drawn():
    tree = logs({(): {f"w{i}": 1 / 20 for i in range(20)}})
    explorer = sampling_explorer(logp=tree, view="tree", beam=4)
    assert [node[1] for node in explorer.card["facts"]["tree"]["nodes"]] == ["w0", "w1", "w2", "w3"]
    assert "looks at 20 beginnings" in explorer.line


def test_parents_stand_amid_their_children():
    rows = rows_of([("a",), ("a", "x"), ("a", "y"), ("b",)])
    assert rows == {("a", "x"): 0, ("a", "y"): 1, ("b",): 2, ("a",): 0.5, (): 1.25}


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({}, "logp must be a dict from prefixes"),
        ({(): {"a": 0.5}}, "must be the log of a probability, at most 0; got 0.5"),
        ({(): {}}, "must be a dict token -> log-probability"),
        ({(): {".": -1.0}, ("b",): {"c": -1.0}}, r"logp has \('b',\), but no log-probability"),
        ({(): {"a": -1.0, "b": -1.0}, ("a",): {"c": -1.0}}, r"must say how \('b',\) goes on"),
        ({(): {".": -1.0}, (".",): {"a": -1.0}}, r"goes on after \('\.',\), which is finished"),
    ],
)
def test_a_wrong_tree_is_refused(tree, message):
    with pytest.raises(ValueError, match=message):
        sampling_explorer(logp=tree)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"temperature": -1}, "temperature must be a number from 0 to 3"),
        ({"top_k": 0}, "top_k must be a whole number of at least 1"),
        ({"top_k": 13}, "top_k must be from 1 to 12 or None; got 13"),
        ({"top_p": 0}, "top_p must be a number from 0.05 to 1"),
        ({"beam": 5}, "beam must be a whole number from 1 to 4"),
        ({"view": "x"}, "view must be one of 'next', 'tree'"),
        ({"tokens": ["a"]}, "tokens must be 12 different names"),
        ({"logits_or_probabilities": [1.0]}, "must be 2 to 32 finite numbers"),
        ({"logits_or_probabilities": [0.5, 0.5, 0.0]}, "probabilities must be above 0"),
        ({"logits_or_probabilities": "ab"}, "logits_or_probabilities must be numbers"),
        ({"distribution": 3}, "distribution must be a function"),
        ({"alpha": -1}, "alpha must be 0 or a positive number"),
        ({"seed": -1}, "seed must be a whole number"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        sampling_explorer(**arguments)
