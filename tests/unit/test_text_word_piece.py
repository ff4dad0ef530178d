"""WordPiece on a small vocabulary: pieces, special tokens, cutting, batches, bad input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.text import WordPieceTokenizer, split_basic, split_pieces

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
TOKENS = [*SPECIALS, "the", "cat", "un", "##believ", "##able", "##s", "a", "##a", "東", ",", "(", ")"]
TOKENIZER = WordPieceTokenizer(TOKENS)
PROPERTY = settings(deadline=None, max_examples=50)


def test_basic_tokenization():
    assert split_basic("  Ünïcödé\tÅNGSTRÖM\x00\u200b x ") == ["unicode", "angstrom", "x"]
    assert split_basic("don't—stop $5 東京x") == ["don", "'", "t", "—", "stop", "$", "5", "東", "京", "x"]
    assert split_basic("\ufffd\ud800 \u2028") == []


def test_longest_piece_first_or_unknown():
    assert split_pieces("unbelievable", TOKENIZER.ids) == ["un", "##believ", "##able"]
    assert split_pieces("unbelievabl", TOKENIZER.ids) == ["[UNK]"]
    assert split_pieces("a" * 100, TOKENIZER.ids) == ["a"] + ["##a"] * 99
    assert split_pieces("a" * 101, TOKENIZER.ids) == ["[UNK]"]


@PROPERTY
@given(st.text("abc", min_size=1, max_size=12), st.sets(st.text("abc", min_size=1, max_size=3)))
def test_pieces_are_the_word_again_and_each_is_the_longest(word, known):
    known = known | {"##" + piece for piece in known}
    pieces = split_pieces(word, known)
    if pieces == ["[UNK]"]:
        return
    bare = [piece.removeprefix("##") for piece in pieces]
    assert "".join(bare) == word
    assert [piece.startswith("##") for piece in pieces] == [False] + [True] * (len(pieces) - 1)
    start = 0
    for piece, letters in zip(pieces, bare, strict=True):
        longer = [word[start:end] for end in range(start + len(letters) + 1, len(word) + 1)]
        assert piece in known
        assert not any(("##" if start else "") + candidate in known for candidate in longer)
        start += len(letters)


def test_an_encoding_says_which_word_each_piece_belongs_to():
    found = TOKENIZER.encode("The unbelievable [MASK], dog")
    assert found.tokens == ["[CLS]", "the", "un", "##believ", "##able", "[MASK]", ",", "[UNK]", "[SEP]"]
    assert found.words == [None, 0, 1, 1, 1, 2, 3, 4, None]
    assert found.ids == [TOKENS.index(token) for token in found.tokens]
    assert found.type_ids == [0] * 9


def test_a_pair_is_told_apart_by_its_type():
    found = TOKENIZER.encode("cats", "a cat")
    assert found.tokens == ["[CLS]", "cat", "##s", "[SEP]", "a", "cat", "[SEP]"]
    assert found.type_ids == [0, 0, 0, 0, 1, 1, 1]
    assert found.words == [None, 0, 0, None, 0, 1, None]
    assert TOKENIZER.encode("", "").tokens == ["[CLS]", "[SEP]", "[SEP]"]


@PROPERTY
@given(st.integers(0, 12), st.integers(0, 12), st.integers(5, 30))
def test_cutting_keeps_as_much_as_fits_and_spares_the_shorter(n_first, n_second, max_length):
    found = TOKENIZER.encode("a " * n_first, "cat " * n_second, max_length)
    kept = found.tokens.count("a"), found.tokens.count("cat")
    assert len(found.ids) == min(n_first + n_second + 3, max_length)
    assert sum(kept) == len(found.ids) - 3
    assert min(kept) == min(n_first, n_second, (max_length - 3) // 2)
    alone = TOKENIZER.encode("a " * n_first, max_length=max_length)
    assert alone.tokens == ["[CLS]", *["a"] * min(n_first, max_length - 2), "[SEP]"]


def test_a_batch_is_filled_up():
    batch = TOKENIZER.encode_batch(["cats", "", "the cat"], ["a", "a a a", "a"])
    assert batch.ids.dtype == batch.type_ids.dtype == np.int64
    assert batch.keep.dtype == bool
    for row, (text, pair) in enumerate([("cats", "a"), ("", "a a a"), ("the cat", "a")]):
        single = TOKENIZER.encode(text, pair)
        n = len(single.ids)
        assert batch.ids[row].tolist() == single.ids + [TOKENIZER.pad_id] * (6 - n)
        assert batch.type_ids[row].tolist() == single.type_ids + [0] * (6 - n)
        assert batch.keep[row].tolist() == [True] * n + [False] * (6 - n)
    assert TOKENIZER.encode_batch("the cat").ids.tolist() == [TOKENIZER.encode("the cat").ids]
    assert TOKENIZER.encode_batch(["a a a a", "a"], max_length=4).ids.shape == (2, 4)


def test_decoding_is_readable():
    ids = TOKENIZER.encode("The UNBELIEVABLE cats, (a [MASK])").ids
    assert TOKENIZER.decode([*ids, TOKENIZER.pad_id]) == "the unbelievable cats, (a [MASK])"
    assert TOKENIZER.decode([TOKENS.index("##s")]) == "##s"


def test_special_ids():
    ids = (TOKENIZER.pad_id, TOKENIZER.unk_id, TOKENIZER.cls_id, TOKENIZER.sep_id, TOKENIZER.mask_id)
    assert ids == (0, 1, 2, 3, 4)


def test_bad_input():
    for least, pair in ((3, None), (5, "cat")):
        TOKENIZER.encode("cat", pair, max_length=least)
        with pytest.raises(ValueError, match=f"max_length must be at least {least}; got {least - 1}"):
            TOKENIZER.encode("cat", pair, max_length=least - 1)
    with pytest.raises(ValueError, match="got 0 and 0"):
        TOKENIZER.encode_batch([])
    with pytest.raises(ValueError, match="got 2 and 1"):
        TOKENIZER.encode_batch(["a", "a"], ["a"])
    with pytest.raises(TypeError, match="text must be a string; got NoneType"):
        TOKENIZER.encode(None)
    for wrong in (-1, len(TOKENIZER)):
        with pytest.raises(ValueError, match=r"0 \.\.\. 16"):
            TOKENIZER.decode([wrong])


def test_vocabulary_files(tmp_path):
    path = tmp_path / "vocab.txt"
    for end in ("", "\n", "\r\n"):
        path.write_bytes((end or "\n").join(TOKENS).encode() + end.encode())
        assert WordPieceTokenizer.from_file(path).tokens == TOKENS
    with pytest.raises(FileNotFoundError):
        WordPieceTokenizer.from_file(tmp_path / "other.txt")
    broken = {
        "lacks .MASK.": "\n".join(TOKENS[:4] + TOKENS[5:]).encode(),
        "once": "\n".join([*TOKENS, "cat"]).encode(),
        "empty": "\n".join([*TOKENS, "", "dog"]).encode(),
        "white space": "\n".join([*TOKENS, "two words"]).encode(),
        "vocab.txt": "\n".join(TOKENS).encode() + b"\n\xe9",
        "lacks": b"",
    }
    for message, content in broken.items():
        path.write_bytes(content)
        with pytest.raises(ValueError, match=message):
            WordPieceTokenizer.from_file(path)
