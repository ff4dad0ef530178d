"""The qkv explorer without a browser: what each matrix moves, and what it leaves alone."""

import numpy as np
import pytest

from course_lib import by_hand
from course_lib.explorers import qkv_explorer

TURN = np.array([[0.0, -1.0], [1.0, 0.0]])
ANY = np.array([[0.5, -1.5], [2.0, 0.25]])


def test_results_are_by_hands_attention_of_the_projections():
    explorer = qkv_explorer(W_Q=ANY, W_K=TURN, W_V=-ANY, query=0)
    X = np.array(explorer.vectors)
    Q, K, V = X @ ANY.T, X @ TURN.T, -X @ ANY.T
    output, weights = by_hand.scaled_dot_product_attention(Q, K, V)
    for name, expected in {
        "queries": Q,
        "key_vectors": K,
        "values": V,
        "output": output,
        "weights": weights,
    }.items():
        np.testing.assert_allclose(getattr(explorer, name), expected, atol=1e-15)


def test_a_matrix_acts_on_columns_as_nn_linear_does():
    explorer = qkv_explorer(W_Q=[[0, 1], [0, 0]], vectors=[[2, 3], [0, 1], [1, 0]])
    np.testing.assert_array_equal(explorer.queries, [[3, 0], [1, 0], [0, 0]])


def test_w_v_moves_the_output_and_no_weight():
    explorer = qkv_explorer()
    weights = explorer.weights
    explorer.W_V = ANY
    np.testing.assert_array_equal(explorer.weights, weights)
    assert explorer.compute()["weights_moved"] == 0 and explorer.compute()["output_moved"] > 0.5
    explorer.W_V = np.zeros((2, 2))
    np.testing.assert_array_equal(explorer.weights, weights)
    assert not explorer.output.any()
    assert explorer.line.endswith("(0.75), but its output is 0: the values it mixes give nothing.")


def test_the_map_does_not_say_what_is_copied():
    explorer = qkv_explorer()
    assert explorer.line.startswith(
        "'chase' looks most at 'cats' (0.75), but its output (1.08, 0.44) points most along"
    )
    assert explorer.line.endswith("along the token 'chase'.")
    explorer.W_V = np.eye(2)
    assert ", and its output" in explorer.line and explorer.line.endswith("along the token 'cats'.")


def test_w_q_and_w_k_count_only_together():
    explorer = qkv_explorer(W_Q=ANY, W_K=ANY.T)
    weights, output, product = explorer.weights, explorer.output, explorer.product
    np.testing.assert_allclose(product, ANY.T @ ANY.T)
    X = np.array(explorer.vectors)
    np.testing.assert_allclose(weights, by_hand.softmax(X @ product @ X.T / np.sqrt(2)))
    explorer.load_state({"W_Q": TURN @ ANY, "W_K": TURN @ ANY.T})
    np.testing.assert_allclose(explorer.weights, weights, atol=1e-15)
    np.testing.assert_allclose(explorer.output, output, atol=1e-15)
    assert explorer.compute()["keys_moved"] > 0.5 and explorer.compute()["weights_moved"] < 1e-12
    explorer.load_state({"W_Q": ANY * 1.25, "W_K": ANY.T * 0.8})
    np.testing.assert_allclose(explorer.product, product)
    explorer.W_K = ANY.T
    assert np.abs(explorer.weights - weights).max() > 0.03


def test_no_query_looks_at_all_alike():
    explorer = qkv_explorer(preset="W_Q = 0")
    np.testing.assert_allclose(explorer.weights, 1 / 3)
    np.testing.assert_allclose(explorer.output, [explorer.values.mean(axis=0)] * 3)
    assert explorer.line.startswith("'chase' looks at all 3 tokens alike (0.33 each)")


def test_no_preset_alone_solves_the_challenge_two_together_do():
    explorer = qkv_explorer()
    for changes in explorer.presets().values():
        explorer.load_state(changes)
        explorer.reset()
    assert not explorer.solved
    explorer.load_state(explorer.presets()["Turn queries and keys"])
    assert not explorer.solved
    explorer.W_V = np.eye(2)
    assert explorer.solved


@pytest.mark.parametrize("given", [{}, {"W_V": np.eye(2), "query": 0}, {"text_or_tokens": "a b"}])
def test_the_guess_is_true_of_the_state_it_leads_to(given):
    explorer = qkv_explorer(**given)
    question = explorer.prediction()
    explorer.load_state(question["then"])
    results = explorer.compute()
    assert results["weights_moved"] == 0 and results["output_moved"] > 0.5
    assert f"moves by {results['output_moved']:.2f}" in question["right"]
    assert f"keeps {results['largest']:.2f}" in question["right"]


def test_dragging_a_token_moves_what_is_made_of_it():
    explorer = qkv_explorer(query=0)
    before = explorer.compute()
    explorer.vectors = [*explorer.vectors[:2], [1.0, 1.0]]
    after = explorer.compute()
    for name in ("queries", "key_vectors", "values"):
        changed = (before[name] != after[name]).any(axis=1)
        np.testing.assert_array_equal(changed, [False, False, True])
    assert after["product_moved"] == 0


def test_copied_python_keeps_everything():
    explorer = qkv_explorer(["a b", "c"], query=0, W_Q=ANY, vectors=[[1, 2], [0.5, -1]])
    copy = eval(explorer.as_python(), {"qkv_explorer": qkv_explorer})
    assert copy.state() == explorer.state() and copy.tokens == ["a b", "c"]
    assert qkv_explorer().as_python() == "qkv_explorer()"
    assert qkv_explorer("one two three four").as_python().count("=") == 1


def test_results_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        qkv_explorer().product[0, 0] = 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"text_or_tokens": "alone"}, "text_or_tokens must hold 2 to 4 words; got 1"),
        ({"text_or_tokens": "a b c d e"}, "text_or_tokens must hold 2 to 4 words; got 5"),
        ({"query": 3}, "query must be from 0 to 2; got 3"),
        ({"W_Q": np.eye(3)}, r"W_Q must have shape \(2, 2\)"),
        ({"W_K": [[4, 0], [0, 1]]}, "W_K must have shape .* from -3 to 3"),
        ({"W_V": "identity"}, "W_V must have shape"),
        ({"vectors": [[1, 2]]}, "vectors must have shape"),
        ({"vectors": [[1, 2], [3, 1]]}, "vectors must hold one vector for each of the 3 tokens"),
    ],
)
def test_bad_arguments_are_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        qkv_explorer(**arguments)
