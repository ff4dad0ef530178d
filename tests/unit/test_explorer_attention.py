"""The attention and sqrt_d explorers without a browser: first state, results, the reader's function."""

import base64
import json

import numpy as np
import pytest

from course_lib import by_hand
from course_lib.explorers import attention_explorer, sqrt_d_explorer
from course_lib.explorers.attention import distinct, starting_vectors

SENTENCE = "the cat slept because it was tired"


def arrays(explorer):
    return [np.array(part, float) for part in (explorer.queries, explorer.key_vectors, explorer.values)]


# -------------------------------------------------------------------- attention: state and results


def test_the_first_state_shows_the_point():
    explorer = attention_explorer("the cat slept because it was tired")
    assert explorer.line.startswith("'it' looks most at 'cat' (0.62); its output (")
    assert explorer.weights.shape == (7, 7) and explorer.output.shape == (7, 2)


@pytest.mark.parametrize(("d_head", "n"), [(2, 2), (2, 10), (8, 12), (64, 100)])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_seed_gives_the_chosen_query_a_clear_winner(d_head, n, seed):
    explorer = attention_explorer([f"w{i}" for i in range(n)], d_head=d_head, seed=seed)
    assert explorer.weights[explorer.query].argmax() == 1 % n or n == 2
    assert 0.35 < explorer.weights[explorer.query].max() < 0.9


def test_heads_look_for_different_keys():
    tokens = [f"w{i}" for i in range(40)]
    found = []
    for head in range(4):
        found.append(attention_explorer(tokens, d_head=64, n_heads=4, head=head).weights.argmax(axis=1))
    np.testing.assert_array_equal(found[1], np.maximum(np.arange(40) - 1, 0))
    np.testing.assert_array_equal(found[3][:-1], np.arange(39))
    assert (found[2] == 0).all()


@pytest.mark.parametrize("d_head", [2, 16])
@pytest.mark.parametrize(("scaled", "causal", "temperature"), [(True, False, 1.0), (False, True, 2.5)])
def test_results_are_by_hands_for_the_state(d_head, scaled, causal, temperature):
    explorer = attention_explorer(
        SENTENCE, d_head=d_head, n_heads=2, head=1, scaled=scaled, causal=causal, temperature=temperature
    )
    Q, K, V = (part[1] for part in arrays(explorer))
    scale = (d_head**-0.5 if scaled else 1.0) / temperature
    mask = np.tri(7, dtype=bool) if causal else None
    output, weights = by_hand.scaled_dot_product_attention(Q, K, V, mask=mask, scale=scale)
    np.testing.assert_allclose(explorer.weights, weights, atol=1e-12)
    np.testing.assert_allclose(explorer.output, output, atol=1e-12)
    with pytest.raises(ValueError, match="read-only"):
        explorer.weights[0, 0] = 1


def test_given_vectors_are_used_and_shapes_kept():
    keys = np.eye(2)
    explorer = attention_explorer(["a", "b"], queries=[[4, 0], [0, 4]], keys=keys, values=[[1, 0], [0, 1]])
    expected = by_hand.softmax(np.array([[4.0, 0], [0, 4]]) / np.sqrt(2))
    np.testing.assert_allclose(explorer.weights, expected)
    explorer.key_vectors = [[0, 1], [1, 0]]
    np.testing.assert_allclose(explorer.weights, expected[:, ::-1])
    with pytest.raises(ValueError, match=r"key_vectors must have shape \(1, 2, 2\)"):
        explorer.key_vectors = np.zeros((3, 2))
    with pytest.raises(ValueError, match="the keys of attention are key_vectors"):
        explorer.keys = [[0, 1], [1, 0]]
    assert explorer.key_vectors == [[[0, 1], [1, 0]]]


def test_values_of_another_size_are_drawn_as_a_map():
    explorer = attention_explorer(["a", "b", "c"], values=np.ones((3, 5)))
    assert explorer.output.shape == (3, 5)
    assert "queries" not in explorer.state()


def test_moving_a_value_moves_the_output_and_no_weight():
    explorer = attention_explorer()
    before = explorer.weights
    values = np.array(explorer.values)
    values[0, 1] += 2
    assert not explorer.solved
    explorer.values = values
    np.testing.assert_array_equal(explorer.weights, before)
    assert explorer.solved
    explorer = attention_explorer()
    explorer.queries = 2 * np.array(explorer.queries)
    assert not explorer.solved


def test_a_challenge_in_words():
    explorer = attention_explorer()
    explorer.challenge("make 'it' look at 'cat' with weight > 0.9")
    explorer.temperature = 0.9
    assert not explorer.solved
    explorer.temperature = 0.2
    assert explorer.solved
    with pytest.raises(ValueError, match="text names 'dog'"):
        explorer.challenge("make 'it' look at 'dog' with weight > 0.9")
    with pytest.raises(ValueError, match="condition is missing"):
        explorer.challenge("make it better")


def test_words_for_ties_masks_and_repeated_tokens():
    explorer = attention_explorer("the cat sat on the mat", preset="All alike")
    assert "'mat' looks at all 6 keys alike (0.17 each)" in explorer.line
    assert distinct(["the", "cat", "the"]) == ["the₁", "cat", "the₂"]
    explorer.causal, explorer.query = True, 0
    assert explorer.line.startswith("'the₁' may look only at itself (1.00); its output (")
    assert explorer.line.endswith("is the one value it sees.")


def test_the_presets_do_what_their_names_say():
    explorer = attention_explorer()
    explorer.load_state(explorer.presets()["Look at yourself"])
    assert (explorer.weights.argmax(axis=1) == np.arange(7)).all()
    explorer.load_state(explorer.presets()["All alike"])
    np.testing.assert_allclose(explorer.weights, 1 / 7)
    explorer.load_state(explorer.presets()["One takes all"])
    assert explorer.weights[explorer.query].max() > 0.98
    explorer.reset()
    weights, output = explorer.weights, explorer.output
    explorer.load_state(explorer.presets()["Same weights, other values"])
    np.testing.assert_array_equal(explorer.weights, weights)
    np.testing.assert_allclose(explorer.output, -output)


def test_the_guess_is_answered_by_the_first_state():
    for seed in range(20):
        explorer = attention_explorer(seed=seed)
        question = explorer.prediction()
        assert question["answer"] == explorer.names[explorer.weights[explorer.query].argmax()]
        assert "it" in question["choices"]  # the misconception that a query is its token's key


def test_the_still_of_512_tokens_stays_small():
    explorer = attention_explorer([f"w{i}" for i in range(512)], d_head=64, n_heads=12)
    svg = explorer.to_svg()
    assert svg == explorer.to_svg()
    assert len(svg) < 150_000
    assert "Each cell is the largest of 16 × 16 weights" in svg


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"text_or_tokens": ""}, "text_or_tokens must hold 1 to 512 words"),
        ({"text_or_tokens": ["a"] * 513}, "text_or_tokens must hold 1 to 512 words"),
        ({"text_or_tokens": [1, 2]}, "text_or_tokens must hold"),
        ({"d_head": 0}, "d_head must be a whole number from 1 to 1024; got 0"),
        ({"n_heads": 1.5}, "n_heads must be a whole number"),
        ({"temperature": 0}, "temperature must be a number from 0.1 to 10; got 0"),
        ({"causal": 1}, "causal must be True or False"),
        ({"query": 7}, "query must be from 0 to 6"),
        ({"head": 1}, "head must be from 0 to 0"),
        ({"keys": np.zeros((7, 3))}, r"keys must have shape \(7, 2\); got \(7, 3\)"),
        ({"values": np.zeros((6, 2))}, r"values must have shape \(7, d_v\); got \(6, 2\)"),
        ({"queries": np.full((7, 2), np.nan)}, "queries must be finite numbers"),
        ({"queries": "abc"}, "queries must be an array of numbers"),
        ({"attention": 3}, "attention must be a function"),
        ({"attention": max, "causal": True}, "your function decides"),
    ],
)
def test_bad_arguments_are_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        attention_explorer(**arguments)


# -------------------------------------------------------------------- attention: the reader's own function


def right(Q, K, V):
    return by_hand.scaled_dot_product_attention(Q, K, V)


def unscaled(Q, K, V):
    weights = by_hand.softmax(Q @ K.T)
    return weights @ V, weights


def divided_by_d(Q, K, V):
    weights = by_hand.softmax(Q @ K.T / Q.shape[-1])
    return weights @ V, weights


def over_queries(Q, K, V):
    weights = by_hand.softmax(Q @ K.T / np.sqrt(2), axis=0)
    return weights @ V, weights


def short(Q, K, V):
    weights = 0.71 * by_hand.softmax(Q @ K.T / np.sqrt(2))
    return weights @ V, weights


def mixes_keys(Q, K, V):
    weights = by_hand.softmax(Q @ K.T / np.sqrt(2))
    return weights @ K, weights


def sharpened(Q, K, V):
    weights = by_hand.softmax(Q @ K.T)
    weights[4] = np.eye(7)[0]
    return weights @ V, weights


def not_numbers(Q, K, V):
    output, weights = right(Q, K, V)
    return output * np.nan, weights


@pytest.mark.parametrize(
    ("attention", "remark"),
    [
        (right, "Your function agrees with by_hand."),
        (unscaled, "But these are the weights of scores not divided by the root of d."),
        (divided_by_d, "But these are the weights of scores divided by d, not by its root."),
        (over_queries, "it is the columns that sum to 1."),
        (short, "But your rows sum to 0.71, not 1."),
        (mixes_keys, "your output is not weights @ V"),
        (sharpened, "But your weight of 'the' for 'it' is 1.00; by_hand has 0.18."),
        (not_numbers, "Your function returns values that are not finite numbers."),
    ],
)
def test_an_own_function_is_shown_as_it_is_and_judged_in_words(attention, remark):
    explorer = attention_explorer(attention=attention)
    assert remark in explorer.line
    Q, K, V = (part[0] for part in arrays(explorer))
    output, weights = attention(Q, K, V)
    np.testing.assert_array_equal(explorer.weights, weights)
    np.testing.assert_array_equal(explorer.output, output)
    assert explorer.error == ""
    assert explorer.card["predict"] is None and explorer.card["python"] is True
    assert explorer.to_svg().startswith("<svg")


def test_the_own_functions_results_follow_a_drag_as_float32():
    explorer = attention_explorer(attention=unscaled)
    sent = explorer.results["weights"]
    explorer.queries = 0.5 * np.array(explorer.queries)
    now = explorer.results["weights"]
    assert now != sent
    numbers = np.frombuffer(now["data"], "<f4").reshape(now["shape"])
    np.testing.assert_allclose(numbers, explorer.weights, rtol=1e-6)


def raises(Q, K, V):
    raise RuntimeError("matmul went wrong")


@pytest.mark.parametrize(
    ("attention", "message"),
    [
        (raises, "RuntimeError: matmul went wrong"),
        (lambda Q, K, V: None, "your function returned nothing: is a `return` missing?"),
        (lambda Q, K, V: right(Q, K, V)[0], "it returned one array of shape (7, 2)"),
        (lambda Q, K, V: right(Q, K, V)[::-1], "returned (weights, output); expected (output, weights)"),
        (lambda Q, K, V: (V[:3], right(Q, K, V)[1]), "output must have shape (7, 2); your function returned"),
        (lambda Q, K, V: (V, np.ones(7)), "weights must have shape (7, 7)"),
        (lambda Q, K, V: ("a", "b"), "output and weights must be arrays of numbers"),
        (lambda Q, K: None, "TypeError"),
    ],
)
def test_what_an_own_function_raises_or_returns_amiss_is_the_cards_error(attention, message, tmp_path):
    explorer = attention_explorer(attention=attention)
    assert message in explorer.error
    assert message in explorer.line
    assert "This could not be computed" in explorer.to_svg()
    explorer.to_html(tmp_path / "x.html")
    with pytest.raises((ValueError, RuntimeError, TypeError)):
        _ = explorer.weights


def test_an_own_function_cannot_change_the_vectors():
    def careless(Q, K, V):
        Q *= 0
        return right(Q, K, V)

    explorer = attention_explorer(attention=careless)
    assert explorer.state()["queries"] == attention_explorer().state()["queries"]
    assert "your weight of" in explorer.line


def test_a_repaired_function_clears_the_error():
    broken = [True]

    def mended(Q, K, V):
        if broken[0]:
            raise RuntimeError("not yet")
        return right(Q, K, V)

    explorer = attention_explorer(attention=mended)
    assert "not yet" in explorer.error
    broken[0] = False
    explorer.query = 0
    assert explorer.error == "" and "agrees with by_hand" in explorer.line


# -------------------------------------------------------------------- sqrt_d


def test_the_root_of_d_is_not_cosmetic():
    explorer = sqrt_d_explorer(d=1024)
    assert explorer.scores_std == pytest.approx(32, rel=0.05)
    assert explorer.peak > 0.95 and explorer.entropy < 0.15
    raw = explorer.gradient
    explorer.scaled = True
    assert explorer.scores_std == pytest.approx(1, rel=0.05)
    assert explorer.entropy == pytest.approx(2.36, abs=0.05)
    assert explorer.gradient / raw > 5


def test_results_are_those_of_fresh_draws_computed_the_long_way():
    rng = np.random.default_rng(3)
    queries, keys = rng.standard_normal((64, 1, 1024)), rng.standard_normal((64, 16, 1024))
    explorer = sqrt_d_explorer(d=32, seed=3)
    scores = (queries[:, :, :32] * keys[:, :, :32]).sum(axis=-1)
    weights = by_hand.softmax(scores)
    sizes = [np.linalg.norm(np.diag(p) - np.outer(p, p)) for p in weights]
    assert explorer.scores_std == pytest.approx(scores.std(), rel=1e-6)
    assert explorer.peak == pytest.approx(weights.max(axis=1).mean(), rel=1e-5)
    assert explorer.gradient == pytest.approx(np.mean(sizes), rel=1e-5)
    assert explorer.entropy == pytest.approx(float(by_hand.entropy(weights).mean()), rel=1e-5)


def test_the_page_gets_few_bytes_and_the_same_scores():
    facts = sqrt_d_explorer(seed=5).card["facts"]
    assert len(json.dumps(facts)) < 70_000
    sent = np.frombuffer(base64.b64decode(facts["scores"]), "<f4").reshape(facts["sizes"])
    assert sent[6].astype(float).std() == pytest.approx(sqrt_d_explorer(seed=5).scores_std)


@pytest.mark.parametrize("seed", range(8))
def test_the_guess_holds_and_the_challenge_has_its_answer(seed):
    explorer = sqrt_d_explorer(d=1, seed=seed)
    solved_at = []
    for d in (2**i for i in range(1, 11)):
        explorer.solved = False
        explorer.d = d
        if explorer.solved:
            solved_at.append(d)
        if d == 64:
            assert explorer.peak > 0.7
    first = next(d for d in (2**i for i in range(11)) if sqrt_d_explorer(d=d, seed=seed).peak > 0.9)
    assert solved_at[0] == first


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"d": 3}, "d must be a power of two from 1 to 1024; got 3"),
        ({"d": 2048}, "d must be a whole number from 1 to 1024"),
        ({"scaled": "no"}, "scaled must be True or False"),
        ({"seed": -1}, "seed must be a whole number of at least 0"),
    ],
)
def test_bad_arguments_of_sqrt_d(arguments, words):
    with pytest.raises(ValueError, match=words):
        sqrt_d_explorer(**arguments)


def test_starting_vectors_depend_on_their_arguments_alone():
    tokens = SENTENCE.split()
    np.testing.assert_array_equal(starting_vectors(tokens, 2, 3, 7), starting_vectors(tokens, 2, 3, 7))
    assert (starting_vectors(tokens, 2, 1, 7) != starting_vectors(tokens, 2, 1, 8)).any()


# -------------------------------------------------------------------- a model's weights, given


def model_weights(*shape):
    return np.random.default_rng(0).dirichlet(np.ones(shape[-1]) * 0.3, shape[:-1])


def test_given_weights_are_shown_as_they_are():
    weights = model_weights(2, 3, 5, 5)
    explorer = attention_explorer("[CLS] a cat slept [SEP]", weights=weights, layer=1, head=2, query=4)
    np.testing.assert_allclose(explorer.weights, weights[1, 2], atol=1e-5)
    assert explorer.state() == {"query": 4, "head": 2, "layer": 1}
    assert explorer.line.startswith("'[SEP]' looks most at ")
    assert explorer.line.endswith(" in layer 2, head 3.")
    assert explorer.as_python() == (
        "attention_explorer(text_or_tokens='[CLS] a cat slept [SEP]', weights=weights, head=2, layer=1)"
    )


@pytest.mark.parametrize("shape", [(5, 5), (3, 5, 5), (1, 3, 5, 5)])
def test_one_map_one_layer_or_several(shape):
    weights = model_weights(*shape)
    explorer = attention_explorer(list("abcde"), weights=weights)
    np.testing.assert_allclose(explorer.weights, weights.reshape(-1, 5, 5)[0], atol=1e-5)
    assert explorer.line.endswith("." if len(shape) == 2 else " in head 1.")


def test_causal_weights_are_told_from_others():
    causal = np.tril(model_weights(4, 4))
    assert attention_explorer("a b c d", weights=causal / causal.sum(1, keepdims=True)).causal
    assert not attention_explorer("a b c d", weights=model_weights(4, 4)).causal


def test_the_challenge_of_given_weights_can_be_solved():
    weights = model_weights(3, 4, 6, 6)
    explorer = attention_explorer(list("abcdef"), weights=weights)
    layer, head, query, _ = np.unravel_index(weights.argmax(), weights.shape)
    explorer.load_state({"layer": int(layer), "head": int(head), "query": int(query)})
    assert explorer.solved


def test_layers_of_given_weights_by_preset():
    weights = model_weights(6, 12, 8, 8)
    explorer = attention_explorer(list("abcdefgh"), weights=weights)
    for changes in explorer.presets().values():
        explorer.load_state(changes)
        assert explorer.to_svg() == explorer.to_svg() and "nan" not in explorer.to_svg()
    assert {"First layer", "Last layer", "Sharpest head", "Widest head"} <= set(explorer.presets())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"weights": np.ones((3, 3)) / 3}, r"weights must have shape \(2, 2\), .*got \(3, 3\)"),
        ({"weights": np.ones(2)}, "weights must have shape"),
        ({"weights": np.full((2, 2), 2.0)}, "weights must be from 0 to 1; got 2 to 2"),
        ({"weights": np.full((2, 2), np.nan)}, "weights must be from 0 to 1"),
        ({"weights": "abc"}, "weights must be numbers"),
        ({"weights": np.ones((65, 2, 2)) / 2}, "weights may hold 5,000,000 numbers, 64 heads"),
        ({"weights": np.ones((2, 2)) / 2, "causal": True}, "with weights= nothing is computed"),
        ({"weights": np.ones((2, 2)) / 2, "keys": np.ones((2, 2))}, "with weights= nothing is computed"),
        ({"weights": np.ones((2, 2)) / 2, "layer": 1}, "layer must be from 0 to 0; got 1"),
        ({"layer": 1}, "layer needs weights= of several layers"),
    ],
)
def test_bad_given_weights_are_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        attention_explorer("a b", **arguments)
