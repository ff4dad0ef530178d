"""Vocabularies, and the two simplest tokenizers: characters, and words with punctuation (lesson 16)."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from operator import index
from pathlib import Path

from course_lib.text.files import load_json, save_json

SILENT = {"<pad>", "<bos>", "<eos>"}  # special tokens that are no part of the text
JOIN = "<join>"  # stands where two words meet without the space that one expects
WORDS = re.compile(r"\w+|[^\w\s]")
WORDS_AND_DIGITS = re.compile(r"\d|[^\W\d]+|[^\w\s]")


class Vocabulary:
    """Tokens and their ids, special tokens first: `tokens[i]` has the id i, `ids[token]` is the way back.

    `specials` are names such as "pad", "bos", "eos", "unk"; the token of "pad" is `<pad>`, its id `pad_id`.
    Raises ValueError where there is no token or one comes twice.

    >>> vocabulary = Vocabulary(["hot", "cold"], specials=("pad", "unk"))
    >>> vocabulary.encode(["cold", "warm"]), vocabulary.pad_id
    ([3, 1], 0)
    """

    def __init__(self, tokens: Iterable[str], specials: Sequence[str] = ()):
        self.specials = tuple(specials)
        self.tokens = [f"<{name}>" for name in self.specials] + list(tokens)
        self.ids = {token: i for i, token in enumerate(self.tokens)}
        if len(self.tokens) == len(self.specials):
            raise ValueError("a vocabulary needs at least one token; got none (is the text empty?)")
        if len(self.ids) < len(self.tokens):
            twice = [token for token, times in Counter(self.tokens).items() if times > 1]
            raise ValueError(f"each token must come once; these come twice: {twice[:5]}")

    @classmethod
    def from_tokens(
        cls, tokens: Iterable[str], specials: Sequence[str] = (), n_vocab: int | None = None
    ) -> "Vocabulary":
        """The distinct tokens, most frequent first, ties in order of the alphabet; at most `n_vocab` in all.

        Raises ValueError where nothing is left after the special tokens.
        """
        if n_vocab is not None and n_vocab <= len(specials):
            raise ValueError(f"n_vocab must be over {len(specials)}, the special tokens; got {n_vocab}")
        by_count = sorted(Counter(tokens).items(), key=lambda item: (-item[1], item[0]))
        kept = by_count if n_vocab is None else by_count[: n_vocab - len(specials)]
        return cls([token for token, _ in kept], specials)

    def __len__(self) -> int:
        return len(self.tokens)

    def encode(self, tokens: Iterable[str]) -> list[int]:
        """The id of each token; an unknown one gets `unk_id`, or ValueError where there is no "unk"."""
        if "unk" not in self.specials:
            return [self._id(token) for token in tokens]
        unk = self.unk_id
        return [self.ids.get(token, unk) for token in tokens]

    def decode(self, ids: Iterable[int]) -> list[str]:
        """The token of each id, special ones too; ValueError for an id out of range."""
        return [self.tokens[i] for i in checked_ids(ids, len(self))]

    @property
    def pad_id(self) -> int:
        """The id that fills short sequences up."""
        return self._id("<pad>")

    @property
    def bos_id(self) -> int:
        """The id at the beginning of a sequence."""
        return self._id("<bos>")

    @property
    def eos_id(self) -> int:
        """The id at the end of a sequence."""
        return self._id("<eos>")

    @property
    def unk_id(self) -> int:
        """The id of every unknown token."""
        return self._id("<unk>")

    def save(self, path: str | Path) -> None:
        """Write the vocabulary to a JSON file."""
        save_json(path, "vocabulary", **fields(self))

    @classmethod
    def load(cls, path: str | Path) -> "Vocabulary":
        """The vocabulary that `save` wrote; ValueError for any other file."""
        return restored(*load_json(path, "vocabulary", "tokens", "specials"))

    def _id(self, token: str) -> int:
        if token not in self.ids:
            near = get_close_matches(token, self.tokens, n=3)
            hint = f"; near ones: {', '.join(near)}" if near else ""
            raise ValueError(f"{token!r} is not among the {len(self)} tokens of the vocabulary{hint}")
        return self.ids[token]


class CharacterTokenizer:
    """One token per character; `decode(encode(text)) == text` where every character is known.

    >>> tokenizer = CharacterTokenizer.from_texts(["aab"])
    >>> tokenizer.encode("ba"), tokenizer.decode([0, 0])
    ([1, 0], 'aa')
    """

    def __init__(self, vocabulary: Vocabulary):
        self.vocabulary = vocabulary

    @classmethod
    def from_texts(
        cls, texts: str | Iterable[str], specials: Sequence[str] = (), n_vocab: int | None = None
    ) -> "CharacterTokenizer":
        """The tokenizer that knows the characters of `texts`, or the most frequent of them."""
        characters = (character for text in as_texts(texts) for character in text)
        return cls(Vocabulary.from_tokens(characters, specials, n_vocab))

    def __len__(self) -> int:
        return len(self.vocabulary)

    def encode(self, text: str) -> list[int]:
        """The ids of the characters; ValueError for an unknown one unless the vocabulary has "unk"."""
        return self.vocabulary.encode(checked_text(text))

    def decode(self, ids: Iterable[int]) -> str:
        """The text of `ids`, without pad, bos and eos; ValueError for an id out of range."""
        return "".join(token for token in self.vocabulary.decode(ids) if token not in SILENT)

    def save(self, path: str | Path) -> None:
        """Write the tokenizer to a JSON file."""
        save_json(path, "characters", **fields(self.vocabulary))

    @classmethod
    def load(cls, path: str | Path) -> "CharacterTokenizer":
        """The tokenizer that `save` wrote; ValueError for any other file."""
        return cls(restored(*load_json(path, "characters", "tokens", "specials")))


def split_words(text: str, digits: bool = False) -> list[str]:
    """Words and punctuation marks; `digits` makes each digit a token of its own.

    A single space where one expects it is not spelt out. What is unexpected is: other white space as
    one token per character, words that meet without a space as `<join>`. So `join_words` restores every text.

    >>> split_words("Don't go at 10:30, please.", digits=True)
    ['Don', "'", 't', 'go', 'at', '1', '0', ':', '3', '0', ',', 'please', '.']
    """
    tokens, left, end = [], "", 0
    for match in (WORDS_AND_DIGITS if digits else WORDS).finditer(text):
        gap = text[end : match.start()]
        if gap != expected_gap(left, match[0]):
            tokens += gap or [JOIN]
        tokens.append(match[0])
        left, end = match[0], match.end()
    return tokens + list(text[end:])


def join_words(tokens: Iterable[str]) -> str:
    """The text of tokens that `split_words` made: `join_words(split_words(text)) == text`, for every text."""
    text, left, gap = "", "", None
    for token in tokens:
        if token == JOIN or token.isspace():
            gap = (gap or "") + token.replace(JOIN, "")
        else:
            text += (expected_gap(left, token) if gap is None else gap) + token
            left, gap = token, None
    return text + (gap or "")


def expected_gap(left: str, right: str) -> str:
    """What one expects between two tokens of English, "" or " "; `left` is "" at the beginning."""
    closing, opening, binding = ".,;:!?%)]}…”»", "([{“«", "'’-/"
    is_number = right.isdigit() and (left.isdigit() or left in ".:")
    together = right in closing or left in opening or left in binding or right in binding or is_number
    return "" if together or not left else " "


class WordTokenizer:
    """One token per word or punctuation mark, with `digits` also one per digit (see `split_words`).

    `decode(encode(text)) == text` where every token is known; an unknown one comes back as `<unk>`. Made
    for languages that put spaces between words: in others a whole phrase is one word.

    >>> tokenizer = WordTokenizer.from_texts(["yes, we can"], specials=("unk",))
    >>> tokenizer.decode(tokenizer.encode("can we, John?"))
    'can we, <unk> <unk>'
    """

    def __init__(self, vocabulary: Vocabulary, digits: bool = False):
        self.vocabulary = vocabulary
        self.digits = digits

    @classmethod
    def from_texts(
        cls,
        texts: str | Iterable[str],
        specials: Sequence[str] = (),
        n_vocab: int | None = None,
        digits: bool = False,
    ) -> "WordTokenizer":
        """The tokenizer that knows the words of `texts`, or the most frequent of them."""
        words = (word for text in as_texts(texts) for word in split_words(text, digits))
        return cls(Vocabulary.from_tokens(words, specials, n_vocab), digits)

    def __len__(self) -> int:
        return len(self.vocabulary)

    def encode(self, text: str) -> list[int]:
        """The ids of the words; ValueError for an unknown one unless the vocabulary has "unk"."""
        return self.vocabulary.encode(split_words(checked_text(text), self.digits))

    def decode(self, ids: Iterable[int]) -> str:
        """The text of `ids`, without pad, bos and eos; ValueError for an id out of range."""
        return join_words(token for token in self.vocabulary.decode(ids) if token not in SILENT)

    def save(self, path: str | Path) -> None:
        """Write the tokenizer to a JSON file."""
        save_json(path, "words", digits=self.digits, **fields(self.vocabulary))

    @classmethod
    def load(cls, path: str | Path) -> "WordTokenizer":
        """The tokenizer that `save` wrote; ValueError for any other file."""
        digits, tokens, specials = load_json(path, "words", "digits", "tokens", "specials")
        return cls(restored(tokens, specials), digits)


def fields(vocabulary: Vocabulary) -> dict[str, list[str]]:
    """What a file keeps of a vocabulary: its tokens without the special ones, and the names of these."""
    n_specials = len(vocabulary.specials)
    return {"tokens": vocabulary.tokens[n_specials:], "specials": list(vocabulary.specials)}


def restored(tokens: list[str], specials: list[str]) -> Vocabulary:
    """The vocabulary of such fields; ValueError where they are no lists of strings."""
    for name, value in (("tokens", tokens), ("specials", specials)):
        if not isinstance(value, list) or not all(isinstance(token, str) for token in value):
            raise ValueError(f"{name} of a vocabulary must be a list of strings; got {value!r:.80}")
    return Vocabulary(tokens, specials)


def as_texts(texts: str | Iterable[str]) -> Iterable[str]:
    """Each text, checked; one string is one text (it would else be read letter by letter)."""
    return [texts] if isinstance(texts, str) else map(checked_text, texts)


def split_at(text: str, names: Iterable[str]) -> list[str]:
    """`text` cut before and after each of `names`; of two names that fit, the longer one is taken."""
    longest_first = sorted(names, key=len, reverse=True)
    if not longest_first:
        return [text]
    return [piece for piece in re.split(f"({'|'.join(map(re.escape, longest_first))})", text) if piece]


def checked_text(text: str) -> str:
    """`text`, or TypeError where it is no string."""
    if not isinstance(text, str):
        raise TypeError(f"text must be a string; got {type(text).__name__} {text!r:.60}")
    return text


def checked_ids(ids: Iterable[int], n_vocab: int) -> list[int]:
    """`ids` as a list of int; ValueError where one is not in 0 ... n_vocab - 1 (-1 is no token either)."""
    found = [index(i) for i in ids]
    if wrong := [i for i in found if not 0 <= i < n_vocab]:
        raise ValueError(f"ids must be in 0 ... {n_vocab - 1}; got {wrong[:5]}")
    return found
