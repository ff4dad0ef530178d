"""WordPiece as BERT reads it: MiniLM's vocabulary, the same ids as the published tokenizer (lessons 19, 20).

Sources: Devlin et al. 2019, BERT, section 3; Wu et al. 2016, Google's Neural Machine Translation System,
section 4.1 (the pieces, after Schuster and Nakajima 2012).
"""

import string
import unicodedata
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int

from course_lib.text.vocabulary import as_texts, checked_ids, checked_text, join_words, split_at

PAD, UNK, CLS, SEP, MASK = SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
LONGEST_WORD = 100  # characters; a longer word is [UNK], as in the published tokenizer
IDEOGRAPHS = (  # the ranges that BERT takes for Chinese: each such character is a word
    *((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F)),
    *((0x2B740, 0x2B81F), (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F)),
)


def basic_character(character: str) -> str:
    """What BERT makes of one decomposed character before it looks for pieces.

    Control and private characters and accents vanish, white space becomes a space, punctuation marks and
    ideographs stand alone, letters become lower case.
    """
    category = unicodedata.category(character)
    if character in "\t\n\r" or category[0] == "Z":
        return " "
    if category in ("Cc", "Cf", "Co", "Cs", "Mn") or character == "\N{REPLACEMENT CHARACTER}":
        return ""
    is_mark = category[0] == "P" or character in string.punctuation
    if is_mark or any(first <= ord(character) <= last for first, last in IDEOGRAPHS):
        return f" {character} "
    return character.lower()


class _BasicTable(dict):
    """A table for `str.translate` that fills itself: what each character becomes is found out once."""

    def __missing__(self, code: int) -> str:
        self[code] = basic_character(chr(code))
        return self[code]


BASIC = _BasicTable()


def split_basic(text: str) -> list[str]:
    """The words and marks of BERT's basic tokenization: lower case, no accents, no control characters.

    >>> split_basic("Déjà vu, 東京!")
    ['deja', 'vu', ',', '東', '京', '!']
    """
    return unicodedata.normalize("NFD", text).translate(BASIC).split()


def split_pieces(word: str, known: Container[str]) -> list[str]:
    """The longest known piece at the beginning, then again the longest; pieces after the first start with ##.

    A word that does not come out whole, or is longer than 100 characters, is [UNK].

    >>> split_pieces("playing", {"play", "pl", "##ing", "##ay"})
    ['play', '##ing']
    """
    pieces, start = [], 0
    while start < len(word) <= LONGEST_WORD:
        prefix = "##" if start else ""
        candidates = (prefix + word[start:end] for end in range(len(word), start, -1))
        piece = next((candidate for candidate in candidates if candidate in known), None)
        if piece is None:
            return [UNK]
        pieces.append(piece)
        start += len(piece) - len(prefix)
    return pieces or [UNK]


@dataclass(frozen=True)
class Encoding:
    """One text, or two, as BERT reads it: four lists of the same length n.

    `type_ids` are 0 in the first text and 1 in the second. `words` says which word of its text (from 0) each
    piece belongs to; None for [CLS] and [SEP] that were added.
    """

    ids: list[int]
    type_ids: list[int]
    tokens: list[str]
    words: list[int | None]


@dataclass(frozen=True)
class Batch:
    """B encodings filled up with [PAD] to one length n; True in `keep` means "is a real token"."""

    ids: Int[np.ndarray, "B n"]
    type_ids: Int[np.ndarray, "B n"]
    keep: Bool[np.ndarray, "B n"]


class WordPieceTokenizer:
    """Words cut into known pieces; a text's `[MASK]` and other special tokens stay whole.

    `tokens[i]` has the id i. Lower case and lost accents do not come back: `decode` is readable, not exact.
    Raises ValueError for a vocabulary with a token twice, an empty one, or a special token missing.
    """

    def __init__(self, tokens: Sequence[str]):
        self.tokens = list(tokens)
        self.ids = {token: i for i, token in enumerate(self.tokens)}
        if missing := [token for token in SPECIALS if token not in self.ids]:
            raise ValueError(f"the vocabulary of {len(self.tokens)} tokens lacks {', '.join(missing)}")
        if len(self.ids) < len(self.tokens) or any(token.split() != [token] for token in self.ids):
            raise ValueError("each token of the vocabulary must come once, without white space, not empty")
        self.pad_id, self.unk_id, self.cls_id, self.sep_id, self.mask_id = map(self.ids.get, SPECIALS)

    @classmethod
    def from_file(cls, path: str | Path) -> "WordPieceTokenizer":
        """The tokenizer of a `vocab.txt`, one token a line. ValueError where the file is broken."""
        try:
            lines = Path(path).read_text(encoding="utf-8").rstrip("\n").split("\n")
            return cls(lines)  # str.splitlines would also cut at tokens that count as line ends
        except ValueError as error:
            raise ValueError(f"{path} is no vocabulary of BERT: {error}") from error

    def __len__(self) -> int:
        return len(self.tokens)

    def split(self, text: str) -> list[list[str]]:
        """The words of `text`, each as its pieces; a special token in the text is a word of its own."""
        words = []
        for part in split_at(checked_text(text), SPECIALS):
            if part in SPECIALS:
                words.append([part])
            else:
                words += (split_pieces(word, self.ids) for word in split_basic(part))
        return words

    def encode(self, text: str, pair: str | None = None, max_length: int | None = None) -> Encoding:
        """[CLS] text [SEP], or [CLS] text [SEP] pair [SEP], cut to `max_length` tokens in all.

        The shorter text keeps up to half of the room. Raises ValueError for a `max_length` without room for
        one piece of each.
        """
        texts = [text] if pair is None else [text, pair]
        numbered = [[(piece, i) for i, word in enumerate(self.split(t)) for piece in word] for t in texts]
        if max_length is not None:
            room = max_length - 1 - len(texts)
            if room < len(texts):
                raise ValueError(f"max_length must be at least {1 + 2 * len(texts)}; got {max_length}")
            numbered = cut(numbered, room)
        marked, type_ids = [(CLS, None)], [0]
        for i, pieces in enumerate(numbered):
            marked += [*pieces, (SEP, None)]
            type_ids += [i] * (len(pieces) + 1)
        tokens, words = (list(column) for column in zip(*marked, strict=True))
        return Encoding([self.ids[token] for token in tokens], type_ids, tokens, words)

    def encode_batch(
        self,
        texts: str | Iterable[str],
        pairs: str | Iterable[str] | None = None,
        max_length: int | None = None,
    ) -> Batch:
        """Texts, or texts and their pairs, as arrays (B, n); n is the longest one's length.

        Raises ValueError for an empty batch and for another number of pairs than of texts.
        """
        texts = list(as_texts(texts))
        pairs = [None] * len(texts) if pairs is None else list(as_texts(pairs))
        if not texts or len(texts) != len(pairs):
            raise ValueError(f"a batch needs texts, and as many pairs; got {len(texts)} and {len(pairs)}")
        encodings = [self.encode(text, pair, max_length) for text, pair in zip(texts, pairs, strict=True)]
        lengths = np.array([[len(encoding.ids)] for encoding in encodings])
        keep = np.arange(lengths.max()) < lengths
        ids = np.full(keep.shape, self.pad_id, dtype=np.int64)
        ids[keep] = [i for encoding in encodings for i in encoding.ids]
        type_ids = np.zeros(keep.shape, dtype=np.int64)
        type_ids[keep] = [i for encoding in encodings for i in encoding.type_ids]
        return Batch(ids, type_ids, keep)

    def decode(self, ids: Iterable[int]) -> str:
        """Readable text without [PAD], [CLS], [SEP]; ValueError for an id out of range."""
        words: list[str] = []
        for token in (self.tokens[i] for i in checked_ids(ids, len(self))):
            if token.startswith("##") and words:
                words[-1] += token[2:]
            elif token not in (PAD, CLS, SEP):
                words.append(token)
        return join_words(words)


def cut(texts: list[list], room: int) -> list[list]:
    """One or two lists cut at the end to `room` items in all; the shorter one keeps up to half of it."""
    if len(texts) == 1:
        return [texts[0][:room]]
    lengths = [len(text) for text in texts]
    shorter = lengths.index(min(lengths))
    lengths[shorter] = min(lengths[shorter], room // 2)
    lengths[1 - shorter] = room - lengths[shorter]
    return [text[:length] for text, length in zip(texts, lengths, strict=True)]
