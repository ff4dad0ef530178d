"""The frozen text of lesson 16, and that its sample has the ids of the `tokenizers` library."""

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from course_lib.data.lesson_text import load_lesson_text
from course_lib.text import BytePairTokenizer, WordTokenizer


@pytest.fixture(scope="module")
def text():
    return load_lesson_text()


@pytest.fixture(scope="module")
def ours(text):
    return BytePairTokenizer.train(text.train, text.sample_n_vocab)


def written(token: bytes) -> str:
    """The token in the letters of GPT-2's files: a byte that cannot be printed gets a letter from 256 on."""
    printed = {*range(33, 127), *range(161, 173), *range(174, 256)}
    rest = [byte for byte in range(256) if byte not in printed]
    return "".join(chr(byte if byte in printed else 256 + rest.index(byte)) for byte in token)


def test_the_text_is_frozen(text):
    assert (len(text.train), len(text.held_out), len(text.sample)) == (50_974, 9_098, 168)
    assert "headache" not in text.train and "headache" in text.held_out


def test_the_sample_has_the_ids_of_the_library(text, ours):
    theirs = Tokenizer(
        models.BPE(
            {written(token): i for token, i in ours.ids.items()},
            [(written(left), written(right)) for left, right in ours.merges],
        )
    )
    theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    assert theirs.encode(text.sample).ids == text.sample_ids == ours.encode(text.sample)
    assert theirs.encode(text.held_out).ids == ours.encode(text.held_out)


def test_folded_answers_of_the_lesson(text, ours):
    of_the_held_out = BytePairTokenizer.train(text.held_out, 1385)
    assert len(of_the_held_out) == 874 and len(of_the_held_out.encode(text.held_out)) == 2_659
    assert len(of_the_held_out.encode(text.train)) == 20_260 and len(ours.encode(text.train)) == 14_464
    words = WordTokenizer.from_texts(text.train, ("unk",))
    assert "<unk>" not in words.decode(words.encode("The small book is on the table"))
    assert "<unk>" in words.decode(words.encode("The dog sleeps under the old tree"))
