"""The multi_head explorer without a browser: what one head cannot bring, what several can, and the count."""

import numpy as np
import pytest

from course_lib import by_hand
from course_lib.explorers import multi_head, multi_head_explorer

A, B = multi_head.CONTENTS[list(multi_head.WANTED)]
rng = np.random.default_rng(0)
WEIGHTS, VALUES = rng.dirichlet(np.ones(5), (3, 4)), rng.standard_normal((3, 5, 2))


@pytest.mark.parametrize("n_heads", multi_head.NUMBERS_OF_HEADS)
def test_the_example_is_multi_head_attention_with_its_matrices(n_heads):
    places = multi_head.aims(n_heads, [(0, 3.2)])
    W_Q, W_K, W_V, W_O = multi_head.matrices(places)
    assert W_Q.shape == W_K.shape == W_V.shape == W_O.shape == (8, 8)
    question, X, d = np.eye(8)[7], multi_head.parcels(), 8 // n_heads
    concatenation = []
    for head in range(n_heads):
        part = slice(head * d, (head + 1) * d)
        scores = (X @ W_K[part].T) @ (W_Q[part] @ question) / np.sqrt(d)
        concatenation.extend(by_hand.softmax(scores) @ (X @ W_V[part].T))
    explorer = multi_head_explorer(n_heads=n_heads, aimed=[(0, 3.2)])
    np.testing.assert_allclose(explorer.output, W_O @ np.array(concatenation), atol=1e-12)
    assert explorer.slices.shape == (n_heads, d)


def test_one_head_can_only_mix():
    explorer = multi_head_explorer()
    np.testing.assert_allclose(explorer.output, np.tile((A + B) / 2, 2), atol=1e-3)
    errors = []
    for place in np.linspace(0, 5, 51):
        explorer.aimed = [(0, place)]
        errors.append(explorer.compute()["error"])
    assert min(errors) > 2.6  # nowhere do both arrive: the best is halfway, ((A - B) / 2)^2 on average
    assert min(errors) == pytest.approx(((A - B) ** 2).mean() / 4, abs=0.01)


@pytest.mark.parametrize("n_heads", [2, 4, 8])
def test_more_heads_fetch_both(n_heads):
    explorer = multi_head_explorer(n_heads=n_heads)
    np.testing.assert_allclose(explorer.output, [*A, *B], atol=0.01)
    assert "A arrives whole, B arrives whole" in explorer.line


def test_two_heads_that_look_alike_are_one_head():
    alike = multi_head_explorer(preset="Two heads, both at A")
    one = multi_head_explorer(preset="One head, aimed at A")
    np.testing.assert_allclose(alike.output, one.output)


def test_the_parameters_are_as_many_with_any_number_of_heads():
    for n_heads in multi_head.NUMBERS_OF_HEADS:
        explorer = multi_head_explorer(n_heads=n_heads)
        counted = sum(W.size for W in multi_head.matrices(multi_head.aims(n_heads)))
        assert explorer.parameters == counted == 256
        assert explorer.line.endswith("4 × 8 × 8 = 256 parameters, with any number of heads.")


def test_a_head_that_is_off_brings_nothing_and_the_others_stay():
    on, off = multi_head_explorer(n_heads=4), multi_head_explorer(n_heads=4, off=[2, 1, 1])
    assert off.off == [1, 2]
    assert not off.slices[[1, 2]].any()
    np.testing.assert_array_equal(off.slices[[0, 3]], on.slices[[0, 3]])
    np.testing.assert_array_equal(off.weights, on.weights)
    assert "4 heads of 2 numbers, 2 switched off: A is off by 0.75 on average" in off.line


def test_heads_beyond_the_present_number_wait():
    explorer = multi_head_explorer(n_heads=8, off=[6, 7], aimed=[(5, 0)])
    explorer.n_heads = 2
    assert explorer.compute()["heads_on"] == 2
    assert explorer.line == multi_head_explorer(n_heads=2).line


def test_the_challenge_is_solved_by_switching_off_the_heads_at_a():
    explorer = multi_head_explorer()
    for preset in explorer.presets().values():
        explorer.load_state(preset)
    explorer.load_state({"n_heads": 4, "off": [0], "aimed": []})
    assert not explorer.solved
    explorer.off = [0, 1]
    assert explorer.solved
    assert "nothing arrives for A, B arrives whole" in explorer.line


def test_the_guess_is_answered_by_the_state_it_leads_to():
    explorer = multi_head_explorer()
    question = explorer.prediction()
    explorer.load_state(question["then"])
    assert explorer.n_heads == 2 and question["answer"] == f"As many: {explorer.parameters}"


def test_a_models_heads_are_shown_as_they_are():
    explorer = multi_head_explorer(
        weights=WEIGHTS, values=VALUES, rows="a b c d", columns="k l m n n", query=2
    )
    np.testing.assert_allclose(explorer.weights, WEIGHTS, atol=1e-7)
    np.testing.assert_allclose(
        explorer.output, np.einsum("hk,hkd->hd", WEIGHTS[:, 2], VALUES).ravel(), atol=1e-6
    )
    assert explorer.parameters == 4 * 6**2
    best = "klmnn"[WEIGHTS[0, 2].argmax()]
    assert explorer.line.startswith(f"'c': head 0 looks most at '{best}")
    explorer.off = [0]
    assert not explorer.output[:2].any() and explorer.output[2:].all()


def test_a_models_question_is_answered_from_its_maps():
    same, other = np.zeros((3, 1, 4)), np.zeros((3, 1, 4))
    same[:, 0, 1], other[range(3), 0, range(3)] = 1, 1
    some = np.concatenate([same[:2], other[2:]])
    for weights, answer in ((same, "All at the same one"), (some, "Some share one")):
        question = multi_head_explorer(weights=weights).prediction()
        assert question["answer"] == answer and set(question["wrong"]) == set(question["choices"]) - {answer}
    question = multi_head_explorer(weights=other[:2]).prediction()
    assert question["choices"] == ["All at the same one", "Each at another one"]
    assert question["answer"] == "Each at another one"
    assert multi_head_explorer(weights=same[:1]).prediction() is None


def test_a_models_challenge_wants_its_clearest_look():
    head, query, _ = np.unravel_index(WEIGHTS.argmax(), WEIGHTS.shape)
    explorer = multi_head_explorer(weights=WEIGHTS)
    for other in range(4):
        explorer.load_state({"query": other, "off": [(head + 1) % 3]})
    explorer.off = sorted({0, 1, 2} - {int(head)})
    assert explorer.solved is bool(query == 3)
    explorer.query = int(query)
    assert explorer.solved


def test_maps_alone_have_no_output_and_no_count():
    explorer = multi_head_explorer(weights=WEIGHTS[..., :4], rows="a b c d")
    assert set(explorer.compute()) == {"n_heads", "weights", "heads_on", "peak"}
    assert explorer.line.endswith("; 3 heads.")
    assert explorer.to_svg() == explorer.to_svg()


def test_copied_python_names_the_arrays():
    explorer = multi_head_explorer(weights=WEIGHTS, values=VALUES, rows="a b c d", off=[1], query=3)
    code = explorer.as_python()
    assert code.startswith(
        "multi_head_explorer(weights=weights, values=values, rows=['a', 'b', 'c', 'd'], off=(1,)"
    )
    names = {"multi_head_explorer": multi_head_explorer, "weights": WEIGHTS, "values": VALUES}
    assert eval(code, names).line == explorer.line
    assert multi_head_explorer(n_heads=2, aimed=[(1, 1)]).as_python() == (
        "multi_head_explorer(n_heads=2, aimed=((1, 1),))"
    )


def test_results_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        multi_head_explorer().output[0] = 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"n_heads": 3}, "n_heads must be 1 or 2 or 4 or 8; got 3"),
        ({"n_heads": 2, "weights": WEIGHTS}, "n_heads must be 3; got 2"),
        ({"off": [8]}, "off must list heads from 0 to 7"),
        ({"off": [3], "weights": WEIGHTS}, "off must list heads from 0 to 2"),
        ({"off": 3.5}, "'float' object is not iterable"),
        ({"off": ["x"]}, "off must list heads"),
        ({"aimed": [(0, 5.5)]}, "aimed must list"),
        ({"aimed": [(8, 1)]}, "aimed must list"),
        ({"aimed": [(0, 1)], "weights": WEIGHTS}, "given weights stay as they are"),
        ({"query": 1}, "query must be from 0 to 0"),
        ({"weights": WEIGHTS, "query": 4}, "query must be from 0 to 3"),
        ({"values": VALUES}, "need weights"),
        ({"weights": WEIGHTS[0]}, r"weights must have shape \(n_heads, n, n\)"),
        ({"weights": WEIGHTS * 2}, "weights must be from 0 to 1"),
        ({"weights": "abc"}, "must be arrays of numbers"),
        ({"weights": WEIGHTS, "values": VALUES[:2]}, r"values must have shape \(3, 5, d_head\)"),
        ({"weights": WEIGHTS, "rows": "a b"}, "rows must name the 4 rows"),
    ],
)
def test_bad_arguments_are_named(arguments, words):
    with pytest.raises((ValueError, TypeError), match=words):
        multi_head_explorer(**arguments)
