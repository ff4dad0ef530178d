"""Our tokenizers and the `tokenizers` library give the same ids on real text and on any Unicode."""

import json
import os
import pydoc_data.topics
import random
import string
import unicodedata
from collections import Counter
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import install_import_hook
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from course_lib.data.archives import MINILM, checked_path, is_present

with install_import_hook("course_lib.text", "beartype.beartype"):
    from course_lib.text import (
        BytePairTokenizer,
        WordPieceTokenizer,
        count_pairs,
        merge_pair,
        split_basic,
        split_text,
    )

TOPICS = list(pydoc_data.topics.topics.values())
FOREIGN = "çà et là, l'été ß 東京東京 🐚🐚 ٣٣ "
PROPERTY = settings(deadline=None, max_examples=50)
END = "<|end|>"


@cache
def assigned() -> list[str]:
    """The characters of the first two planes that both Python's and the library's Unicode tables know."""
    characters = [chr(code) for code in range(0x20000) if not 0xD800 <= code < 0xE000]
    known = pre_tokenizers.Split(Regex(r"\p{Cn}"), "removed").pre_tokenize_str("".join(characters))
    return [c for piece, _ in known for c in piece if unicodedata.category(c) != "Cn"]


# What the rules of both tokenizers are about, densely: endings, spaces, marks, digits, accents, case, planes
DENSE = [
    *"abAB12 '_-,.\n\t\r$²Ⅷ\x1c\x85\x00",
    "'ll",
    "'S",
    "  ",
    "é",
    "e\u0301",
    "ß",
    "İ",
    "Σ",
    "ς",
    "ﬁ",
    "한",
]
DENSE += ["\u00a0", "\u200b", "\u200d", "\ufeff", "\u2028", "\u3000", "٣", "一", "🐚", "👩🏽", "ā̤", "\ufffd"]
DENSE += [
    "the",
    "token",
    "izer",
    "##ing",
    "[MASK]",
    "[SEP",
    END,
    "¿",
    "—",
    "क्",
    "\u0307",
    "東",
    "㐀",
    "\ue000",
]


@cache
def random_texts() -> list[str]:
    """Some thousand short strings of any and of dense characters."""
    generator = random.Random(0)
    sources = (DENSE, assigned(), DENSE + assigned()[:2000])
    return ["".join(generator.choices(sources[i % 3], k=generator.randrange(30))) for i in range(3000)]


@cache
def any_text() -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(DENSE) | st.sampled_from(assigned()), max_size=30).map("".join)


# --- byte pairs ---


def visible() -> dict[int, str]:
    """The letter that GPT-2's files write for each byte: itself if printable, else one from 256 on."""
    printed = {*range(33, 127), *range(161, 173), *range(174, 256)}
    rest = [byte for byte in range(256) if byte not in printed]
    return {byte: chr(byte if byte in printed else 256 + rest.index(byte)) for byte in range(256)}


LETTERS = visible()


def written(token: bytes) -> str:
    return "".join(LETTERS[byte] for byte in token)


@cache
def byte_pairs() -> tuple[BytePairTokenizer, Tokenizer]:
    """A tokenizer of ours, and the library's with the same merges and ids."""
    ours = BytePairTokenizer.train([*TOPICS[::3], FOREIGN * 3], 900, (END,))
    vocabulary = {written(token): i for token, i in ours.ids.items()}
    merges = [(written(left), written(right)) for left, right in ours.merges]
    theirs = Tokenizer(models.BPE(vocabulary, merges))
    theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    theirs.decoder = decoders.ByteLevel()
    theirs.add_special_tokens([END])
    return ours, theirs


def test_the_letters_are_the_library_s():
    assert sorted(LETTERS.values()) == sorted(pre_tokenizers.ByteLevel.alphabet())


@PROPERTY
@given(st.data())
def test_byte_pairs_of_any_text(data):
    ours, theirs = byte_pairs()
    text = data.draw(any_text())
    ids = theirs.encode(text).ids
    assert ours.encode(text, with_specials=True) == ids
    assert ours.decode(ids) == theirs.decode(ids, skip_special_tokens=False) == text


def test_byte_pairs_of_random_texts():
    ours, theirs = byte_pairs()
    for text, found in zip(random_texts(), theirs.encode_batch(random_texts()), strict=True):
        assert ours.encode(text, with_specials=True) == found.ids
        assert ours.decode(found.ids) == text


def test_byte_pairs_of_real_text():
    ours, theirs = byte_pairs()
    for text, found in zip(TOPICS, theirs.encode_batch(TOPICS), strict=True):
        assert ours.encode(text) == found.ids
        assert ours.decode(found.ids) == text


def test_every_character_is_cut_as_by_the_regular_expression_of_gpt2():
    gpt2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
    cutter = pre_tokenizers.Split(Regex(gpt2), "isolated")
    assert len(assigned()) > 60_000
    text = "".join(f"a{c}1{c} {c}_" for c in assigned())
    assert split_text(text) == [piece for piece, _ in cutter.pre_tokenize_str(text)]


def trained_by_the_library(text: str, n_merges: int) -> list[tuple[str, str]]:
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    theirs = Tokenizer(models.BPE())
    theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    trainer = trainers.BpeTrainer(
        vocab_size=256 + n_merges, min_frequency=2, initial_alphabet=alphabet, show_progress=False
    )
    theirs.train_from_iterator([text], trainer)
    return [tuple(pair) for pair in json.loads(theirs.to_str())["model"]["merges"]]


def test_training_learns_the_same_merges():
    """Ties too: both take the oldest tokens, and among printable ASCII letters both have the same order."""
    words = " ".join(TOPICS).split()
    text = "\n".join(word for word in words if not set(word) - set(string.printable))
    ours = BytePairTokenizer.train(text, 256 + 800)
    assert [tuple(map(written, pair)) for pair in ours.merges] == trained_by_the_library(text, 800)


def test_training_on_any_text_agrees_up_to_ties():
    """With spaces the two order bytes differently; the library's merges must still be most frequent."""
    text = "".join(TOPICS)[:40_000] + FOREIGN * 20
    merges = trained_by_the_library(text, 100)
    words = {tuple(written(word.encode())): times for word, times in Counter(split_text(text)).items()}
    for pair in merges:
        counts = count_pairs(words)
        assert counts[pair] == max(counts.values()) > 1
        words = {tuple(merge_pair(word, pair, "".join(pair))): times for word, times in words.items()}


# --- WordPiece ---

needs_minilm = pytest.mark.skipif(
    not is_present(MINILM) and not os.environ.get("CI"),
    reason="MiniLM's vocabulary is not in the cache; `python course.py lab` fetches it",
)


@cache
def word_pieces() -> tuple[WordPieceTokenizer, Tokenizer]:
    theirs = Tokenizer.from_file(str(checked_path(MINILM, "tokenizer.json")))
    theirs.no_padding()
    theirs.no_truncation()
    return WordPieceTokenizer.from_file(checked_path(MINILM, "vocab.txt")), theirs


def library_words(text: str) -> list[str]:
    theirs = word_pieces()[1]
    return [word for word, _ in theirs.pre_tokenizer.pre_tokenize_str(theirs.normalizer.normalize_str(text))]


@cache
def changed_since() -> set[str]:
    """Characters that the library's older Unicode tables (about 2015) take for something else."""
    return {c for c in assigned() if split_basic(f"a{c}A {c}") != library_words(f"a{c}A {c}")}


def without_changed(text: str) -> str:
    return text.translate({ord(c): None for c in changed_since() & set(text)})


def assert_same(ours, theirs):
    assert ours.ids == theirs.ids
    assert ours.type_ids == theirs.type_ids
    assert ours.tokens == theirs.tokens
    assert ours.words == theirs.word_ids


@needs_minilm
def test_every_character_that_was_known_in_2015_is_treated_alike():
    assert len(changed_since()) < 0.02 * len(assigned())
    ordinary = {
        chr(code)
        for code in (*range(0x590), *range(0x2000, 0x2BFF), *range(0x2E80, 0xA63F), *range(0xAC00, 0xD7FF))
    }
    assert not changed_since() & ordinary


@needs_minilm
@PROPERTY
@given(st.data())
def test_word_pieces_of_any_text(data):
    ours, theirs = word_pieces()
    text, pair = without_changed(data.draw(any_text())), without_changed(data.draw(any_text()))
    assert_same(ours.encode(text), theirs.encode(text))
    assert_same(ours.encode(text, pair), theirs.encode(text, pair))


@needs_minilm
def test_word_pieces_of_random_texts():
    ours, theirs = word_pieces()
    texts = [without_changed(text) for text in random_texts()]
    for text, found in zip(texts, theirs.encode_batch(texts), strict=True):
        assert_same(ours.encode(text), found)


@needs_minilm
def test_word_pieces_of_real_text():
    ours, theirs = word_pieces()
    lines = [line for text in TOPICS for line in text.splitlines()][::2] + TOPICS[::4]
    assert len(lines) > 3000
    for line, found in zip(lines, theirs.encode_batch(lines), strict=True):
        assert_same(ours.encode(line), found)


@needs_minilm
@PROPERTY
@given(st.integers(0, 12), st.integers(0, 12), st.integers(5, 24))
def test_cutting(n_first, n_second, max_length):
    ours, theirs = word_pieces()
    text, pair = "token " * n_first, "unbelievable " * n_second
    theirs.enable_truncation(max_length)
    expected = theirs.encode(text), theirs.encode(text, pair)
    theirs.no_truncation()
    assert_same(ours.encode(text, max_length=max_length), expected[0])
    assert_same(ours.encode(text, pair, max_length), expected[1])


@needs_minilm
def test_batches():
    ours, theirs = word_pieces()
    texts = [text[:300] for text in TOPICS[:40]]
    theirs.enable_padding(pad_id=ours.pad_id)
    expected = theirs.encode_batch(texts)
    theirs.no_padding()
    batch = ours.encode_batch(texts)
    assert batch.ids.tolist() == [found.ids for found in expected]
    assert batch.type_ids.tolist() == [found.type_ids for found in expected]
    assert batch.keep.tolist() == [[bool(real) for real in found.attention_mask] for found in expected]
