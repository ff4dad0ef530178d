"""The encoder_decoder explorer without a browser: rows, columns, the wall, a function that translates."""

import json

import numpy as np
import pytest

from course_lib import by_hand
from course_lib.explorers import encoder_decoder_explorer
from course_lib.explorers.encoder_decoder import CROSS, SELF_WEIGHTS, crossing, in_quotes, prefixes, tokens_of

RNG = np.random.default_rng(0)
DATE, ISO = "4 July 1987", "1987-07-04"


def date_weights():
    """Each character of the ISO date gives 0.9 to the one it copies; the dashes look everywhere alike."""
    weights = np.full((10, 11), 0.01)
    for t, j in enumerate([7, 8, 9, 10, None, 2, 3, None, 0, 0]):
        weights[t] = 1 / 11 if j is None else weights[t]
        if j is not None:
            weights[t, j] = 0.9
    return weights


def copying(text):
    """Writes the words of the text backwards, each looking at its own."""
    words = text.split()
    if "?" in text:
        raise LookupError("no such word")
    return words[::-1], np.eye(len(words))[::-1]


# -------------------------------------------------------------------- results


@pytest.mark.parametrize("head", [0, 1])
def test_results_are_the_weights_that_were_given(head):
    explorer = encoder_decoder_explorer(head=head)
    cross, own = np.array(CROSS)[head], np.array(SELF_WEIGHTS)[head]
    for t in range(6):
        explorer.load_state({"step": t, "chosen": 3})
        np.testing.assert_allclose(explorer.weights, cross[t], atol=1e-7)
        np.testing.assert_allclose(explorer.own, own[t, : t + 1], atol=1e-7)
        np.testing.assert_allclose(explorer.column, cross[: t + 1, 3], atol=1e-7)
        assert explorer.entropy == pytest.approx(float(by_hand.entropy(cross[t])), abs=1e-6)
    with pytest.raises(ValueError, match="read-only"):
        explorer.weights[0] = 1


def test_the_examples_weights_sum_to_one_and_are_causal():
    np.testing.assert_allclose(np.sum(CROSS, axis=-1), 1)
    np.testing.assert_allclose(np.sum(SELF_WEIGHTS, axis=-1), 1)
    assert not np.triu(SELF_WEIGHTS, 1).any()


def test_what_is_not_given_is_none():
    explorer = encoder_decoder_explorer(DATE, ISO, date_weights())
    assert explorer.own is None and explorer.column is None


def test_a_tensor_is_taken_and_one_that_tracks_gradients_is_refused_in_words():
    torch = pytest.importorskip("torch")
    weights = torch.tensor(date_weights())
    np.testing.assert_allclose(
        encoder_decoder_explorer(DATE, ISO, weights, step=0).weights, weights[0], atol=1e-6
    )
    with pytest.raises(ValueError, match=r"cross must be numbers .*requires grad"):
        encoder_decoder_explorer(DATE, ISO, weights.requires_grad_())


# -------------------------------------------------------------------- words


def test_the_line_says_what_is_written_where_it_looks_and_what_is_hidden():
    explorer = encoder_decoder_explorer(step=2)
    assert explorer.line == (
        "Step 3 of 6, head 1 of 2: 'the black' is written; to write 'cat', the decoder looks most at 'chat' "
        "(0.84); the 3 tokens after it are hidden. Back in its own tokens it looks most at 'black' (0.75)."
    )
    explorer.load_state({"step": 0, "chosen": 1})
    assert explorer.line.startswith("Step 1 of 6, head 1 of 2: nothing is written; to write 'the',")
    assert "looks most at the start symbol (1.00). So far 'chat' got most from 'the' (0.07)." in explorer.line
    explorer.step = 4
    assert "the token after it is hidden." in explorer.line
    explorer.step = 5
    assert "hidden" not in explorer.line


def test_no_later_token_is_named_before_its_step():
    explorer = encoder_decoder_explorer(chosen=4)
    for t in range(6):
        explorer.step = t
        later = ("the", "black", "cat", "does", "not", "sleep")[t + 1 :]
        for text in (explorer.line, explorer.to_svg()):
            assert not any(f"'{word}'" in text or f">{word}<" in text for word in later)


def test_characters_are_joined_and_repeated_ones_have_their_place():
    explorer = encoder_decoder_explorer(DATE, ISO, date_weights(), step=5)
    assert explorer.line == (
        "Step 6 of 10: '1987-' is written; to write '0' (place 6), the decoder looks most at 'J' (0.90); "
        "the 4 tokens after it are hidden."
    )
    explorer.step = 4
    assert "looks at all 11 source tokens alike (0.09 each)" in explorer.line
    assert in_quotes(["a", " ", "a"]) == ["'a' (place 1)", "'␣'", "'a' (place 3)"]
    assert prefixes(list("ab c")) == ["''", "'a'", "'ab'", "'ab '"]
    assert prefixes(["word"] * 12)[-1] == "'…" + " ".join(["word"] * 11)[-39:] + "'"


def test_a_row_that_does_not_sum_to_one_is_said():
    explorer = encoder_decoder_explorer("a b", "c", [[0.5, 0.2]])
    assert "'a' (0.50), and the row sums to 0.70, not to 1." in explorer.line


# -------------------------------------------------------------------- guess and challenge


def test_the_guess_is_about_the_step_where_the_order_crosses():
    assert crossing(np.array(CROSS)[0]) == 2
    question = encoder_decoder_explorer().prediction()
    assert question["question"].startswith("The decoder has written 'the black'. It writes 'cat' next.")
    assert question["answer"] == "'chat'" and "'noir'" in question["wrong"]
    assert "same place in its row, 3," in question["wrong"]["'noir'"]


def test_the_guess_follows_the_step_and_is_left_out_where_there_is_nothing_to_ask():
    assert (
        encoder_decoder_explorer(step=0)
        .prediction()["question"]
        .startswith("The decoder has written nothing yet. It writes 'the' next.")
    )
    even = encoder_decoder_explorer("a b c d", "x", [[0.22, 0.26, 0.28, 0.24]])
    assert even.prediction()["answer"] == "All 4 source tokens alike"
    assert encoder_decoder_explorer("a b", "c", [[0.9, 0.1]]).prediction() is None
    assert encoder_decoder_explorer("a b c", "d", [[0.45, 0.45, 0.1]]).prediction() is None


def test_the_challenge_is_the_widest_row_of_all_heads():
    explorer = encoder_decoder_explorer()
    entropies = by_hand.entropy(np.array(CROSS))
    head, step = np.unravel_index(entropies.argmax(), entropies.shape)
    for t in range(6):  # the widest of head 1 is not the widest
        explorer.step = t
    assert not explorer.solved
    explorer.head = int(head)
    assert not explorer.solved
    explorer.step = int(step)
    assert explorer.solved


def test_there_is_no_challenge_where_all_rows_are_alike():
    assert encoder_decoder_explorer("a b", "c d", [[1, 0], [0, 1]]).card["challenge"] == ""
    assert (
        encoder_decoder_explorer(DATE, ISO, date_weights()).card["challenge"].startswith("Find the step who")
    )


# -------------------------------------------------------------------- texts into tokens


def test_a_text_is_cut_as_the_weights_ask():
    assert tokens_of("source", "a bc d", 3, 9) == ["a", "bc", "d"]
    assert tokens_of("source", "a bc d", 6, 9) == list("a bc d")
    with pytest.raises(ValueError, match="source has 3 words and 6 characters, but the weights are for 4"):
        tokens_of("source", "a bc d", 4, 9)


def test_copied_python_names_the_weights():
    explorer = encoder_decoder_explorer("a b", "c d", np.eye(2), np.eye(2), step=0, chosen=1)
    copied = explorer.as_python()
    assert copied == (
        "encoder_decoder_explorer(source=['a', 'b'], target=['c', 'd'], cross=cross, "
        "self_weights=self_weights, step=0, chosen=1)"
    )
    names = {
        "encoder_decoder_explorer": encoder_decoder_explorer,
        "cross": np.eye(2),
        "self_weights": np.eye(2),
    }
    assert eval(copied, names).line == explorer.line


# -------------------------------------------------------------------- a function that translates


def test_another_text_is_translated_once_and_sent():
    seen = []
    explorer = encoder_decoder_explorer("a b c", translate=lambda text: seen.append(text) or copying(text))
    assert explorer.weights.tolist() == [1, 0, 0] and explorer.step == 2
    explorer.chosen = 2
    before = explorer.card["facts"]
    explorer.text = "x y"
    assert seen == ["a b c", "x y"]
    assert explorer.card["facts"]["source"] == ["x", "y"] and explorer.card["facts"]["target"] == ["y", "x"]
    assert (explorer.step, explorer.chosen) == (1, None)  # fitted to the shorter one
    explorer.load_state({"text": "one two three four", "step": 3})
    assert explorer.line.startswith("Step 4 of 4: 'four three two' is written; to write 'one',")
    explorer.reset()
    assert explorer.card["facts"] == before
    assert seen == ["a b c", "x y", "one two three four"]


def test_moving_the_step_sends_no_weights():
    explorer = encoder_decoder_explorer("a b c", translate=copying)
    card = explorer.card
    explorer.step = 0
    assert explorer.card is card


@pytest.mark.parametrize(
    ("translate", "words"),
    [
        (copying, "LookupError: no such word"),
        (lambda text: ["x"] if "?" in text else copying(text), "translate must return"),
        (lambda text: ("b a", np.eye(5 if "?" in text else 2)), "the weights are for 5"),
        (
            lambda text: copying(text) if "?" not in text else ("a b", 9 * np.eye(2)),
            "from 0 to 1; got 0 to 9",
        ),
        (lambda text: (text, np.ones((2, 2, 2)) / 2) if "?" in text else copying(text), "number of heads, 1"),
    ],
)
def test_what_translate_does_wrong_stands_in_the_card_until_the_text_is_another(translate, words):
    explorer = encoder_decoder_explorer("a b", translate=translate)
    explorer.text = "? ?"
    assert words in explorer.error
    assert explorer.line.startswith("No picture:")
    assert "could not be computed" in explorer.to_svg()
    explorer.text = "a b"
    assert explorer.error == ""
    assert explorer.line.startswith("Step 2 of 2")


def test_a_function_may_cut_the_source_into_its_own_tokens():
    def translate(text):
        return ["out"], np.full((1, len(pieces(text))), 1 / len(pieces(text)))

    def pieces(text):
        return [piece for word in text.split() for piece in (word[:2], word[2:]) if piece]

    explorer = encoder_decoder_explorer("abcd ef", translate=translate, tokenize=pieces)
    assert explorer.card["facts"]["source"] == ["ab", "cd", "ef"]
    assert explorer.as_python() == (
        'encoder_decoder_explorer(translate=translate, tokenize=pieces, source="abcd ef")'
    )
    names = {"translate": translate, "pieces": pieces, "encoder_decoder_explorer": encoder_decoder_explorer}
    assert eval(explorer.as_python(), names).line == explorer.line


def test_the_page_without_a_kernel_asks_for_no_other_translation(tmp_path):
    explorer = encoder_decoder_explorer("a b c", translate=copying)
    explorer.text = "one two"
    page = explorer.to_html(tmp_path / "x.html").read_text(encoding="utf-8")
    model = json.loads(page.split('id="model">')[1].split("</script>")[0].replace("<\\/", "</"))
    assert model["card"]["facts"]["field"] == "no kernel"
    assert model["card"]["start"]["text"] == "one two" and model["card"]["predict"] is None
    assert all(changes["text"] == "one two" for changes in model["card"]["presets"].values())
    assert explorer.card["facts"]["field"] == "live"


# -------------------------------------------------------------------- what does not fit


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"source": None}, "source, target and cross belong together; source is missing"),
        ({"cross": [1, 2]}, r"cross must have shape \(n_target, n_source\)"),
        ({"cross": "abc"}, "cross must be numbers"),
        ({"cross": [[np.nan, 1], [0, 1]]}, "cross must be finite"),
        ({"cross": [[2, 0], [0, 1]]}, "cross must hold weights from 0 to 1; got 0 to 2"),
        ({"source": ["a"]}, "source must name the 2 tokens of the weights; got 1"),
        ({"target": ["a"] * 3}, "target must name the 2 tokens"),
        ({"source": "a" * 65, "cross": np.ones((2, 65)) / 65}, "source may hold up to 64 tokens; got 65"),
        ({"self_weights": np.eye(3)}, r"self_weights must have shape \(1, 2, 2\); got \(1, 3, 3\)"),
        ({"self_weights": [[0.5, 0.5], [0, 1]]}, "self_weights must be causal: row 0 gives 0.50 to column 1"),
        ({"step": 2}, "step must be from 0 to 1; got 2"),
        ({"head": 1}, "head must be from 0 to 0; got 1"),
        ({"head": "x"}, "head must be a whole number"),
        ({"chosen": 2}, "chosen must be from 0 to 1"),
        ({"tokenize": str.split}, "tokenize needs translate"),
        ({"translate": 3}, "translate must be a function of the source text; got 3"),
        ({"translate": copying}, "leave them out"),
        (
            {"translate": copying, "target": None, "cross": None, "source": ["a"]},
            "source must be a text of 1 to",
        ),
        (
            {"translate": copying, "target": None, "cross": None, "source": " "},
            "source must be a text of 1 to",
        ),
    ],
)
def test_bad_arguments_are_named(change, words):
    arguments = {"source": "a b", "target": "c d", "cross": np.eye(2), **change}
    with pytest.raises(ValueError, match=words):
        encoder_decoder_explorer(**arguments)


def test_a_text_without_a_function_is_refused():
    with pytest.raises(ValueError, match="text needs translate"):
        encoder_decoder_explorer().text = "hello"


def test_the_still_of_the_largest_map_stays_small_and_whole():
    n, m = 40, 64
    explorer = encoder_decoder_explorer([f"word{i}" for i in range(m)], [f"out{i}" for i in range(n)],
                                        RNG.dirichlet(np.ones(m), n), step=20)  # fmt: skip
    svg = explorer.to_svg()
    assert len(svg) < 400_000 and "nan" not in svg
    assert ">out21<" not in svg
