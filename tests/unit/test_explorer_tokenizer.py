"""The tokenizer explorer without a browser: cuts, traces, counts, the reader's own merges and texts."""

import numpy as np
import pytest

from course_lib.data.lesson_text import load_lesson_text
from course_lib.explorers import tokenizer_explorer
from course_lib.explorers.tokenizer import name, trace, whole_word
from course_lib.text import (
    BytePairTokenizer,
    bpe_encode,
    count_pairs,
    counted_merges,
    learn_merges,
    split_text,
)

SEA = {b"sea": 5, b"deal": 4, b"seal": 3, b"dear": 2}
PAPER = [("e", "a"), ("s", "ea"), ("d", "ea"), ("dea", "l"), ("sea", "l")]


@pytest.fixture(scope="module")
def lesson_tokenizer():
    return BytePairTokenizer.train(load_lesson_text().train, n_vocab=1385)


def test_the_example_is_what_lesson_16_learns(lesson_tokenizer):
    assert tokenizer_explorer().merges == lesson_tokenizer.merges


@pytest.mark.parametrize("n_merges", [0, 1, 37, 300, 1129])
@pytest.mark.parametrize("text", ["headache attention", "x = 12345, naïve 東京 🐚", "", " two  spaces\n"])
def test_the_cut_is_the_librarys(lesson_tokenizer, text, n_merges):
    explorer = tokenizer_explorer(text, n_merges=n_merges)
    library = BytePairTokenizer(lesson_tokenizer.merges[:n_merges])
    ids = library.encode(text)
    assert explorer.tokens == [library.tokens[i] for i in ids]
    results = explorer.compute()
    np.testing.assert_array_equal(results["ids"], ids)
    assert results["n_tokens"] == len(text.encode()) - (results["ranks"] < n_merges).sum()
    assert results["n_words"] == len(split_text(text))
    assert b"".join(explorer.tokens) == text.encode()


def test_merges_are_played_one_at_a_time():
    """Each merge shortens the text by as many tokens as `here` says."""
    explorer = tokenizer_explorer(
        "the theatre of the other", learn_from="the other theatre, the theory", n_vocab=270
    )
    lengths = []
    for n in range(len(explorer.merges) + 1):
        explorer.n_merges = n
        lengths.append(len(explorer.tokens))
        if n:
            assert lengths[-2] - lengths[-1] == explorer.compute()["here"]
    assert lengths[0] == 24 and lengths[-1] < 15


def test_counts_are_those_of_the_pair_when_it_was_chosen():
    counted = counted_merges(SEA, 256 + 5)
    assert list(counted.values()) == [14, 8, 6, 4, 3]
    assert list(counted) == learn_merges(SEA, 256 + 5) == [(a.encode(), b.encode()) for a, b in PAPER]
    first = next(iter(tokenizer_explorer(learn_from="low low lower", n_vocab=258).counts))
    assert first == count_pairs({tuple("low"): 1, tuple(" low"): 1, tuple(" lower"): 1})["l", "o"] == 3


def test_own_merges_as_strings_or_bytes():
    by_hand = tokenizer_explorer("dealer seas", merges=PAPER)
    assert by_hand.cut() == [[b"deal", b"e", b"r"], [b" ", b"sea", b"s"]]
    assert by_hand.counts is None and by_hand.n_merges == 5
    assert by_hand.line.endswith("Merge 5 joined 'sea' and 'l': 0 times here.")
    assert by_hand.as_python() == 'tokenizer_explorer(merges=merges, text="dealer seas")'


def test_an_own_tokenizer(lesson_tokenizer):
    explorer = tokenizer_explorer("headache", tokenizer=lesson_tokenizer)
    assert explorer.cut() == [[b"head", b"a", b"che"]] and explorer.n_merges == 1129
    assert "'headache' is 3: head|a|che" in explorer.line
    assert explorer.as_python() == 'tokenizer_explorer(tokenizer=tokenizer, text="headache")'
    explorer.n_merges = 0
    assert explorer.as_python() == 'tokenizer_explorer(tokenizer=tokenizer, text="headache", n_merges=0)'


def test_ranks_grow_along_a_trace(lesson_tokenizer):
    for word in set(split_text(load_lesson_text().held_out)):
        used = trace(word, lesson_tokenizer.ranks)
        assert used == sorted(used)
        assert len(lesson_tokenizer.encode(word)) == len(word.encode()) - len(used)


def test_parts_of_characters_are_shown_as_bytes():
    assert [name(b) for b in (b" a", b"\n", b"\xe6\x9d", "é".encode())] == ["␣a", "⏎", "E6 9D", "é"]
    assert "CE|9A|CE|B1" in tokenizer_explorer("Κα").line


def test_the_challenge_is_solved_by_the_fewest_merges(lesson_tokenizer):
    explorer = tokenizer_explorer()
    word, least = whole_word(explorer.text, lesson_tokenizer.ranks)
    assert word == " attention" and f"'{name(word.encode())}'" in explorer.card["challenge"]
    for n, whole in ((least - 1, False), (least, True)):
        explorer.n_merges = n
        library = BytePairTokenizer(lesson_tokenizer.merges[:n])
        assert (len(library.encode(word)) == 1) == whole == explorer.solved
    assert tokenizer_explorer("xq").card["challenge"] == ""


def test_the_guess_asks_for_what_is_true():
    explorer = tokenizer_explorer()
    question = explorer.prediction()
    words = split_text(explorer.text)
    whole = sum(len(bpe_encode([bytes([b]) for b in w.encode()], explorer.merges[:183])) == 1 for w in words)
    assert question["answer"] == f"{whole} of {len(words)}" and explorer.compute()["whole"] == whole
    assert tokenizer_explorer("a").prediction() is None


def test_a_text_without_characters_has_words_too():
    explorer = tokenizer_explorer("")
    assert explorer.line == "Type a text: it is cut as you write." and explorer.to_svg().startswith("<svg")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"text": "x" * 201}, "text must be a string of up to 200 characters"),
        ({"text": 5}, "text must be a string"),
        ({"text": "\ud800"}, "must be valid Unicode"),
        ({"n_merges": 1130}, "n_merges must be from 0 to 1129; got 1130"),
        ({"n_merges": -1}, "n_merges must be a whole number"),
        ({"merges": [("a", "bc")]}, "merges must be pairs of bytes or of earlier merges"),
        ({"merges": [("a", "b"), ("b", "c"), ("a", "bc"), ("ab", "c")]}, "two of them make the same"),
        ({"merges": [], "learn_from": "a"}, "give one of tokenizer, merges, learn_from"),
        ({"tokenizer": "gpt2"}, "tokenizer must be a BytePairTokenizer"),
        ({"n_vocab": 300}, "n_vocab needs learn_from"),
        ({"n_vocab": 3, "learn_from": "a"}, "n_vocab must be from 256"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        tokenizer_explorer(**arguments)
