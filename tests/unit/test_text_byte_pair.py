"""Byte pairs: merging, learning against a slow learner, exact round trips, special tokens, bad input."""

import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.text import BytePairTokenizer, bpe_encode, count_pairs, learn_merges, merge_pair, split_text

PROPERTY = settings(deadline=None, max_examples=100)
WORDS = st.dictionaries(
    st.binary(min_size=1, max_size=8).map(lambda b: bytes(c % 3 + 97 for c in b)), st.integers(1, 4)
)
TEXT = "She sells sea shells by the sea shore; the shells she sells are sea shells, I'm sure. 海の貝 🐚🐚" * 3
TOKENIZER = BytePairTokenizer.train(TEXT, 280, specials=("<|end|>", "<|end|>of"))
ANY_TEXT = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    st.lists(st.sampled_from(["sea", "shells", " ", "\n", "<|end|>", "of", "'ll", "é", "🐚", "\x1c"])).map(
        "".join
    ),
)


@PROPERTY
@given(st.text("ab", max_size=12), st.sampled_from(["aa", "ab", "ba"]))
def test_merging_is_replacing_from_the_left(text, pair):
    tokens = list(text)
    assert "".join(merge_pair(tokens, tuple(pair), "X")) == text.replace(pair, "X")
    assert tokens == list(text)


def test_merging_ids_and_longer_tokens():
    assert merge_pair((1, 1, 1, 2), (1, 1), 9) == [9, 1, 2]
    assert merge_pair(["ab", "c", "a", "bc"], ("ab", "c"), "abc") == ["abc", "a", "bc"]
    assert merge_pair([], ("a", "b"), "ab") == []


def test_pairs_are_counted_inside_words_only():
    assert count_pairs({("a", "a", "a"): 2, ("a",): 5, (): 1, ("b", "a"): 1}) == {
        ("a", "a"): 4,
        ("b", "a"): 1,
    }


def learn_slowly(words, n_tokens):
    """The definition: count everything afresh before each merge."""
    tokens = [bytes([byte]) for byte in range(256)]
    split = {word: tuple(bytes([byte]) for byte in word) for word in words}
    merges = []
    while len(tokens) < n_tokens:
        counts = Counter()
        for word, times in words.items():
            for i in range(len(split[word]) - 1):
                counts[split[word][i : i + 2]] += times
        if not counts or max(counts.values()) < 2:
            break
        best = min(counts, key=lambda pair: (-counts[pair], tokens.index(pair[0]), tokens.index(pair[1])))
        merges.append(best)
        if best[0] + best[1] not in tokens:
            tokens.append(best[0] + best[1])
        split = {word: tuple(merge_pair(parts, best, best[0] + best[1])) for word, parts in split.items()}
    return merges, split


@PROPERTY
@given(WORDS, st.integers(256, 275))
def test_learning_equals_the_slow_definition(words, n_tokens):
    merges, split = learn_slowly(words, n_tokens)
    assert learn_merges(words, n_tokens) == merges
    for word, parts in split.items():  # what training made of a word is what encoding makes of it
        letters = [bytes([byte]) for byte in word]
        assert bpe_encode(letters, merges) == list(parts)


def test_the_pair_learnt_first_is_merged_first():
    merges = [("b", "c"), ("a", "b"), ("a", "bc")]
    assert bpe_encode("abc", merges) == ["abc"]
    assert bpe_encode("abc", merges[1:]) == ["ab", "c"]
    assert bpe_encode("abab", merges) == ["ab", "ab"]
    assert bpe_encode("", merges) == []
    assert bpe_encode("abc", []) == ["a", "b", "c"]
    assert bpe_encode("abc", [["a", "b"], ["b", "c"], ["a", "b"]]) == ["ab", "c"]


@PROPERTY
@given(ANY_TEXT)
def test_words_are_the_text_again(text):
    assert "".join(split_text(text)) == text


@PROPERTY
@given(ANY_TEXT, st.booleans())
def test_round_trip_of_any_text(text, with_specials):
    ids = TOKENIZER.encode(text, with_specials)
    assert TOKENIZER.decode(ids) == text
    assert with_specials or all(i < len(TOKENIZER) - 2 for i in ids)


def test_every_byte_has_an_id_and_half_a_character_is_marked():
    assert TOKENIZER.tokens[:256] == [bytes([byte]) for byte in range(256)]
    assert TOKENIZER.decode("🐚".encode()[:2]) == "\N{REPLACEMENT CHARACTER}"
    assert TOKENIZER.decode([]) == ""
    assert TOKENIZER.encode("") == []


def test_special_tokens_come_last_and_only_when_asked_for():
    end, longer = TOKENIZER.specials.values()
    assert (end, longer) == (278, 279)
    assert len(TOKENIZER) == 280
    assert TOKENIZER.encode("<|end|>of<|end|>", with_specials=True) == [longer, end]
    assert end not in TOKENIZER.encode("<|end|>")
    across = BytePairTokenizer([(b"(", b"<")], ("<|end|>",))
    assert across.encode("(<|end|>")[0] == 256
    assert across.encode("(<|end|>", with_specials=True) == [ord("("), 257]
    assert TOKENIZER.decode([end, 65]) == "<|end|>A"


def test_training_ends_where_no_pair_comes_twice():
    tokenizer = BytePairTokenizer.train("ab ab cd", 1000, ("<|end|>",))
    assert tokenizer.merges == [(b"a", b"b")]
    assert len(tokenizer) == 258
    assert BytePairTokenizer.train("ab ab", 256).merges == []


def test_the_same_text_in_another_order_gives_the_same_merges():
    lines = ["low lower lowest", "new newer newest", "wide wider widest"]
    trained = [
        BytePairTokenizer.train(texts, 290).merges for texts in (lines, lines[::-1], lines[1:] + lines[:1])
    ]
    assert trained[0] == trained[1] == trained[2] != []


def test_two_ways_to_the_same_bytes_are_one_token():
    merges = [(b"a", b"b"), (b"b", b"c"), (b"ab", b"c"), (b"a", b"bc")]
    tokenizer = BytePairTokenizer(merges)
    assert len(tokenizer) == 256 + 3
    assert tokenizer.decode(tokenizer.encode("abc")) == "abc"


def test_files(tmp_path):
    TOKENIZER.save(tmp_path / "t.json")
    loaded = BytePairTokenizer.load(tmp_path / "t.json")
    assert (loaded.tokens, loaded.merges, loaded.specials) == (
        TOKENIZER.tokens,
        TOKENIZER.merges,
        TOKENIZER.specials,
    )
    assert loaded.encode(TEXT) == TOKENIZER.encode(TEXT)


@pytest.mark.parametrize(
    "merges", [5, [["a"]], [["a", "b", "c"]], [[1, 2]], ["ab c"], [["a", "bc"]], [["a", "東"]]]
)
def test_broken_files(tmp_path, merges):
    path = tmp_path / "t.json"
    path.write_text(json.dumps({"kind": "byte pairs", "merges": merges, "specials": []}), encoding="utf-8")
    with pytest.raises(ValueError):
        BytePairTokenizer.load(path)


def test_bad_input():
    with pytest.raises(ValueError, match=r"n_vocab must be at least 258.*got 257"):
        BytePairTokenizer.train("abc", 257, ("<|a|>", "<|b|>"))
    for empty in ([], [""], ""):
        with pytest.raises(ValueError, match="texts are empty"):
            BytePairTokenizer.train(empty, 300)
    with pytest.raises(ValueError, match=r"place 2 holds the surrogate '\\ud83d'"):
        TOKENIZER.encode("ab\ud83d")
    with pytest.raises(ValueError, match="surrogate"):
        BytePairTokenizer.train("\udc00", 300)
    with pytest.raises(TypeError, match="text must be a string; got bytes"):
        TOKENIZER.encode(b"ab")
    for wrong in (-1, 280):
        with pytest.raises(ValueError, match=r"0 \.\.\. 279"):
            TOKENIZER.decode([wrong])
    with pytest.raises(ValueError, match="specials"):
        BytePairTokenizer([], ("<|a|>", "<|a|>"))
    with pytest.raises(ValueError, match=r"merges.*\(b'a', b'bc'\)"):
        BytePairTokenizer([(b"a", b"bc")])
