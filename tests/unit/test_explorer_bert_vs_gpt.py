"""The bert_vs_gpt explorer without a browser: the toy grammar, what each model is given, arrays."""

import json

import numpy as np
import pytest

from course_lib import by_hand
from course_lib.explorers import bert_vs_gpt_explorer, toy_sentences
from course_lib.explorers.bert_vs_gpt import TOY_TEXT, window

TOKENS = TOY_TEXT.split()
WORDS = ["a", "b", "c"]
EVEN = np.full((2, 3), 1 / 3)
FIRST = np.eye(3)[[0, 0]]


def even(tokens, position):
    return np.full(3, 1 / 3)


# -------------------------------------------------------------------- the toy grammar


def test_the_toy_grammar_is_a_distribution_and_its_verbs_agree():
    words, rows, chances = toy_sentences.listed()
    assert chances.min() > 0 and chances.sum() == pytest.approx(1)
    assert len({tuple(row) for row in rows.tolist()}) == len(rows)
    plural = {noun[1] for noun in toy_sentences.NOUNS}
    singular = {noun[0] for noun in toy_sentences.NOUNS}
    verbs = {form: number for verb in toy_sentences.VERBS for number, form in enumerate(verb)}
    for row in rows[:: len(rows) // 500]:
        sentence = [words[i] for i in row if i >= 0]
        nouns = [word for word in sentence if word in plural | singular]
        subject = nouns[-1] if sentence[0] in toy_sentences.PLACES else nouns[0]
        verb = next(word for word in sentence if word in verbs)
        assert verbs[verb] == (subject in plural), sentence


def test_both_conditionals_are_counted_from_the_sentences():
    """The slow way: go through all sentences in plain Python."""
    words, rows, chances = toy_sentences.listed()
    sentences = [[words[i] for i in row if i >= 0] for row in rows]
    for at in range(len(TOKENS)):
        both, left = np.zeros(len(words)), np.zeros(len(words))
        for sentence, chance in zip(sentences, chances, strict=True):
            if len(sentence) > at and sentence[:at] == TOKENS[:at]:
                left[words.index(sentence[at])] += chance
                if sentence[at + 1 :] == TOKENS[at + 1 :]:
                    both[words.index(sentence[at])] += chance
        explorer = bert_vs_gpt_explorer(position=at)
        np.testing.assert_allclose(explorer.bert, both / both.sum(), atol=1e-12)
        np.testing.assert_allclose(explorer.gpt, left / left.sum(), atol=1e-12)
        assert explorer.distance == pytest.approx(np.abs(explorer.bert - explorer.gpt).sum() / 2, abs=1e-6)


def test_the_average_surprise_is_never_larger_with_both_sides():
    """Conditioning on more cannot raise the expected surprise; checked on the whole toy grammar's nouns."""
    words, rows, chances = toy_sentences.listed()
    left = by_hand.entropy(toy_sentences.left_only(["the", "hungry"], 2))
    given = rows[(rows[:, 0] == words.index("the")) & (rows[:, 1] == words.index("hungry"))]
    weights = chances[(rows[:, 0] == words.index("the")) & (rows[:, 1] == words.index("hungry"))]
    some = np.random.default_rng(0).choice(len(given), 150, p=weights / weights.sum())
    sentences = [[words[i] for i in given[k] if i >= 0] for k in some]
    both = [by_hand.entropy(toy_sentences.both_sides(sentence, 2)) for sentence in sentences]
    assert np.mean(both) < left


# -------------------------------------------------------------------- what each model is given


def test_bert_gets_the_masked_sentence_and_gpt_the_prefix():
    asked = {"bert": [], "gpt": []}

    def note(name):
        return lambda tokens, position: asked[name].append((list(tokens), position)) or even(tokens, position)

    bert_vs_gpt_explorer("a b c", note("bert"), note("gpt"), WORDS)
    assert asked["bert"] == [(["[MASK]", "b", "c"], 0), (["a", "[MASK]", "c"], 1), (["a", "b", "[MASK]"], 2)]
    assert asked["gpt"] == [([], 0), (["a"], 1), (["a", "b"], 2)]


def test_moving_asks_nobody_and_sends_no_card():
    count = []
    explorer = bert_vs_gpt_explorer("a b c", lambda *given: count.append(1) or even(*given), even, WORDS)
    card, before = explorer.card, len(count)
    explorer.position = 0
    assert explorer.card is card and len(count) == before
    with pytest.raises(ValueError, match="read-only"):
        explorer.bert[0] = 1


def test_another_sentence_is_asked_about_once_and_sent():
    explorer = bert_vs_gpt_explorer()
    explorer.text = "the old mice sing today ."
    assert set(explorer.card["facts"]["known"]) >= {TOY_TEXT, explorer.text}
    explorer.position = 5
    explorer.text = "the dog is tired ."
    assert explorer.position == 4
    explorer.reset()
    assert explorer.text == TOY_TEXT and explorer.position == 2
    assert explorer.as_python() == "bert_vs_gpt_explorer()"


def test_a_sentence_that_the_models_refuse_stands_in_the_card_until_it_is_another():
    explorer = bert_vs_gpt_explorer()
    explorer.text = "the the the"
    assert explorer.error.startswith("ValueError: the toy grammar has no sentence that fits")
    assert explorer.line.startswith("No picture:") and "could not be computed" in explorer.to_svg()
    explorer.text = "the fox is tired ."
    assert "'fox', which is not in the vocabulary" in explorer.error
    explorer.text = TOY_TEXT
    assert explorer.error == "" and explorer.line == bert_vs_gpt_explorer().line


# -------------------------------------------------------------------- words, guess, challenge


def test_the_first_state_is_decided_on_the_right():
    explorer = bert_vs_gpt_explorer()
    assert explorer.line == (
        "Token 3 of 9, 'cows', is hidden. BERT sees 2 tokens on the left and 6 on the right and says 'cows' "
        "(0.38), which is right. GPT sees 2 tokens on the left and says 'dog' (0.18); 'cows' gets 0.10."
    )
    question = explorer.prediction()
    assert question["answer"] == "BERT" and "never sees what comes later" in question["wrong"]["GPT"]


def test_nothing_on_the_right_is_said():
    explorer = bert_vs_gpt_explorer(position=8)
    assert explorer.line == (
        "Token 9 of 9, '.', is hidden. Both say '.' (1.00), which is right: no token stands on the right."
    )
    assert explorer.prediction()["answer"] == "Both alike"
    assert "hides nothing: no token follows" in explorer.prediction()["right"]
    explorer.position = 0
    assert "GPT sees no token and says 'the' (0.76)" in explorer.line


def test_the_challenge_is_a_word_where_the_right_side_does_not_help():
    explorer = bert_vs_gpt_explorer()
    for position in (4, 6, 0, 8):
        explorer.position = position
        assert not explorer.solved
    explorer.position = 7
    assert explorer.solved
    presets = bert_vs_gpt_explorer()
    for changes in presets.presets().values():
        presets.load_state(changes)
    assert not presets.solved


def test_other_models_get_a_challenge_that_can_be_solved_or_none():
    better = bert_vs_gpt_explorer(["a", "b"], np.eye(3)[[0, 1]], np.eye(3)[[2, 2]], WORDS, position=0)
    assert better.card["challenge"].startswith("Find another word that BERT guesses right")
    better.position = 1
    assert better.solved
    assert bert_vs_gpt_explorer(["a", "a"], FIRST, FIRST, WORDS).card["challenge"] == ""


# -------------------------------------------------------------------- arrays and copies


def test_arrays_are_shown_as_given_and_copied_by_name():
    bert, gpt = np.random.default_rng(0).dirichlet(np.ones(3), (2, 2))
    explorer = bert_vs_gpt_explorer(["a", "c"], bert, gpt, WORDS, position=1)
    np.testing.assert_allclose(explorer.bert, bert[1])
    np.testing.assert_allclose(explorer.gpt, gpt[1])
    copied = explorer.as_python()
    assert copied.startswith(
        "bert_vs_gpt_explorer(text=['a', 'c'], bert=bert, gpt=gpt, vocabulary=vocabulary"
    )
    names = {"bert_vs_gpt_explorer": bert_vs_gpt_explorer, "bert": bert, "gpt": gpt, "vocabulary": WORDS}
    assert eval(copied, names).line == explorer.line
    with pytest.raises(ValueError, match="another text needs functions"):
        explorer.text = "a c"


def test_tensors_are_taken():
    torch = pytest.importorskip("torch")
    explorer = bert_vs_gpt_explorer(["a", "b"], torch.tensor(EVEN), torch.tensor(EVEN), WORDS)
    np.testing.assert_allclose(explorer.bert, 1 / 3, atol=1e-6)


def test_copied_functions_keep_their_names_and_the_text():
    explorer = bert_vs_gpt_explorer(
        "abc", even, lambda *given: even(*given), WORDS, tokenize=list, position=0
    )
    assert explorer.as_python() == (
        'bert_vs_gpt_explorer(bert=even, gpt=gpt, vocabulary=vocabulary, tokenize=list, text="abc")'
    )


def test_the_page_without_a_kernel_keeps_the_presets_and_shuts_the_field(tmp_path):
    explorer = bert_vs_gpt_explorer()
    page = explorer.to_html(tmp_path / "x.html").read_text(encoding="utf-8")
    model = json.loads(page.split('id="model">')[1].split("</script>")[0].replace("<\\/", "</"))
    facts = model["card"]["facts"]
    assert facts["field"] == "no kernel" and explorer.card["facts"]["field"] == "live"
    assert {changes["text"] for changes in model["card"]["presets"].values()} <= set(facts["known"])


def test_long_texts_show_the_tokens_around_the_hidden_one():
    tokens = [f"word{i}" for i in range(64)]
    for at in (0, 31, 63):
        first, last = window(tokens, at, 560)
        assert 0 <= first <= at < last <= 64 and 5 <= last - first < 12
    rows = np.random.default_rng(0).dirichlet(np.ones(64), (2, 64))
    svg = bert_vs_gpt_explorer(tokens, *rows, tokens, position=31).to_svg()
    assert ">word30<" in svg and ">word60<" not in svg and "nan" not in svg


# -------------------------------------------------------------------- what does not fit


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"gpt": None}, "bert, gpt and vocabulary belong together; gpt is missing"),
        ({"text": None}, "text is missing"),
        ({"bert": even}, "must both be functions or both arrays"),
        ({"bert": EVEN[:1]}, r"bert must be probabilities of shape \(2, 3\); got shape \(1, 3\)"),
        ({"bert": "abc"}, "bert must be probabilities"),
        ({"gpt": EVEN * 2}, "gpt must be .* sum to 1; at position 0 they sum to 2"),
        ({"gpt": EVEN * np.nan}, "gpt must be .*from 0 to 1; got nan"),
        ({"vocabulary": ["a", "b", "b"]}, "vocabulary must name each word once"),
        ({"text": ["a", "x"]}, "text has 'x', which is not in the vocabulary"),
        ({"text": []}, "text must have 1 to 64 tokens; got 0"),
        ({"position": 2}, "position must be from 0 to 1; got 2"),
        ({"position": "x"}, "position must be a whole number"),
        ({"bert": even, "gpt": even, "text": " "}, "text must have 1 to 200 characters"),
        ({"bert": lambda *given: [0.5], "gpt": even, "text": "a b"}, "bert must return .* of the 3 words"),
        ({"tokenize": 3}, "tokenize must be a function of the text; got 3"),
    ],
)  # fmt: skip
def test_bad_arguments_are_named(change, words):
    arguments = {"text": ["a", "b"], "bert": EVEN, "gpt": EVEN, "vocabulary": WORDS, **change}
    with pytest.raises(ValueError, match=words):
        bert_vs_gpt_explorer(**arguments)
