"""Byte-pair encoding on bytes, as GPT-2 has it (lesson 16).

Sources: Sennrich, Haddow and Birch 2016, Neural Machine Translation of Rare Words with Subword Units, section
3.2 (the merges); Radford et al. 2019, Language Models are Unsupervised Multitask Learners, section 2.2 (on
bytes, and never across words).
"""

import re
import sys
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import cache
from heapq import heapify, heappop, heappush
from itertools import pairwise
from pathlib import Path

from course_lib.text.files import load_json, save_json
from course_lib.text.vocabulary import as_texts, checked_ids, checked_text, split_at

Pair = tuple[Hashable, Hashable]
BytePair = tuple[bytes, bytes]
N_BYTES = 256


def count_pairs(words: Mapping[tuple, int]) -> Counter[Pair]:
    """How often each pair of neighbours occurs in words (tuples of tokens) that occur so often.

    >>> count_pairs({("l", "o", "w"): 5, ("l", "o", "g"): 2})
    Counter({('l', 'o'): 7, ('o', 'w'): 5, ('o', 'g'): 2})
    """
    counts = Counter()
    for word, times in words.items():
        for pair in pairwise(word):
            counts[pair] += times
    return counts


def merge_pair(tokens: Sequence, pair: Pair, new: Hashable) -> list:
    """A new list in which each occurrence of `pair`, found from the left without overlap, became `new`.

    >>> merge_pair(["b", "a", "n", "a", "n", "a"], ("a", "n"), "an")
    ['b', 'an', 'an', 'a']
    """
    merged, i = [], 0
    while i < len(tokens):
        if tuple(tokens[i : i + 2]) == pair:
            merged.append(new)
            i += 2
        else:
            merged.append(tokens[i])
            i += 1
    return merged


def bpe_encode(word: Sequence, merges: Sequence[Pair] | Mapping[Pair, int]) -> list:
    """The tokens of `word` after all merges: at each step the present pair that was learnt first.

    `word` is a string, or a sequence of tokens that can be added; `merges` are pairs in the order in which
    they were learnt, or a dict from each pair to its rank.

    >>> bpe_encode("lower", [("l", "o"), ("e", "r"), ("lo", "w")])
    ['low', 'er']
    """
    ranks = merges if isinstance(merges, Mapping) else ranks_of(merges)
    tokens = list(word)
    while present := [pair for pair in pairwise(tokens) if pair in ranks]:
        first = min(present, key=ranks.__getitem__)
        tokens = merge_pair(tokens, first, first[0] + first[1])
    return tokens


def ranks_of(merges: Sequence[Pair]) -> dict[Pair, int]:
    """Each pair's place in the order of learning; the first place where a pair comes twice."""
    return {tuple(merges[rank]): rank for rank in reversed(range(len(merges)))}


def learn_merges(words: Mapping[bytes, int], n_tokens: int) -> list[BytePair]:
    """The merges that lead from the 256 bytes to `n_tokens` tokens, learnt from words that occur so often.

    Each merge takes the most frequent pair, of equally frequent ones the pair whose parts are the oldest
    tokens. It ends early when no pair occurs twice. Counts are changed only in the words that hold the pair.
    """
    return list(counted_merges(words, n_tokens))


def counted_merges(words: Mapping[bytes, int], n_tokens: int) -> dict[BytePair, int]:
    """The merges of `learn_merges` in order, each with how often its pair occurred when it was chosen.

    >>> counted_merges({b"low": 5, b"log": 2}, 258)
    {(b'l', b'o'): 7, (b'lo', b'w'): 5}
    """
    tokens = [bytes([byte]) for byte in range(N_BYTES)]
    corpus = _Corpus(words)
    merges = {}
    while len(tokens) < n_tokens and (pair := corpus.most_frequent()):
        left, right = tokens[pair[0]], tokens[pair[1]]
        merges[left, right] = corpus.counts[pair]
        corpus.merge(pair, len(tokens))
        tokens.append(left + right)
    return merges


class _Corpus:
    """Distinct words as tuples of ids, how often each pair occurs in them, and where."""

    def __init__(self, words: Mapping[bytes, int]):
        self.words = [tuple(word) for word in words]
        self.times = list(words.values())
        self.counts: Counter[tuple[int, int]] = Counter()
        self.where: defaultdict[tuple[int, int], set[int]] = defaultdict(set)
        for i in range(len(self.words)):
            self._count(i, +1)
        self.heap = [(-count, pair) for pair, count in self.counts.items()]
        heapify(self.heap)

    def most_frequent(self) -> tuple[int, int] | None:
        """The pair to merge next; None when no pair occurs twice."""
        while self.heap:
            count, pair = heappop(self.heap)
            if -count == self.counts[pair]:  # else outdated: a later entry has the new count
                return pair if -count > 1 else None
        return None

    def merge(self, pair: tuple[int, int], new: int) -> None:
        """Merge `pair` in every word that holds it."""
        changed = set()
        for i in list(self.where[pair]):
            changed |= self._count(i, -1)
            self.words[i] = tuple(merge_pair(self.words[i], pair, new))
            changed |= self._count(i, +1)
        for pair in changed:
            heappush(self.heap, (-self.counts[pair], pair))

    def _count(self, i: int, sign: int) -> set[tuple[int, int]]:
        """Add word i to the counts, or with sign -1 take it out; returns the pairs in it."""
        pairs = count_pairs({self.words[i]: self.times[i]})
        for pair, times in pairs.items():
            self.counts[pair] += sign * times
            (self.where[pair].add if sign > 0 else self.where[pair].discard)(i)
        return set(pairs)


@cache
def gpt2_pattern() -> re.Pattern:
    r"""GPT-2's regular expression, which cuts text into words before any pair is merged.

    A word is a short English ending ('ll), or letters, digits or other marks with the space before them, or
    white space. The standard library's `re` has no classes \p{L} and \p{N}, and its \s and \w are a little
    wider than Unicode's white space, letters and numbers, so the classes are put together here.
    """
    space = "\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
    characters = map(chr, range(sys.maxunicode + 1))
    number = "".join(c for c in characters if c.isnumeric() and not c.isalpha())  # ideographs are letters
    # \w is letters, numbers and the underscore
    return re.compile(
        rf"'(?:[sdmt]|ll|ve|re)| ?[^\W_{number}]+| ?[{number}]+| ?(?:[^\w{space}]|_)+"
        rf"|[{space}]+(?![^{space}])|[{space}]+"
    )


def split_text(text: str) -> list[str]:
    """The pieces inside which pairs are merged; put together they are the text again.

    >>> split_text("We'll see 25 cats!")
    ['We', "'ll", ' see', ' 25', ' cats', '!']
    """
    return gpt2_pattern().findall(text)


class BytePairTokenizer:
    """Byte-level byte-pair encoding: nothing is unknown, and `decode(encode(text)) == text` for any text.

    The ids: 0-255 are the bytes, then one per merge in the order of learning, then the special tokens.
    `tokens[i]` is the bytes of id i (of a special token, its name in UTF-8); `specials` maps names to ids.

    >>> tokenizer = BytePairTokenizer.train("low low lower", n_vocab=258)
    >>> [tokenizer.tokens[i] for i in tokenizer.encode("slow")]
    [b's', b'low']
    """

    def __init__(self, merges: Iterable[BytePair], specials: Sequence[str] = ()):
        self.merges = checked_merges(merges)
        self.ranks = ranks_of(self.merges)
        tokens = [bytes([byte]) for byte in range(N_BYTES)] + [left + right for left, right in self.merges]
        distinct = dict.fromkeys(tokens)  # merges of others may make the same bytes in two ways
        self.ids = {token: i for i, token in enumerate(distinct)}
        self.specials = {name: len(self.ids) + i for i, name in enumerate(specials)}
        self.tokens = [*self.ids, *(name.encode() for name in self.specials)]
        if len(self.specials) < len(specials) or "" in self.specials:
            raise ValueError(f"specials must be different names, none empty; got {list(specials)}")
        self._known: dict[str, list[int]] = {}

    @classmethod
    def train(
        cls, texts: str | Iterable[str], n_vocab: int, specials: Sequence[str] = ()
    ) -> "BytePairTokenizer":
        """Learn merges until there are `n_vocab` ids, special tokens included, or no pair occurs twice.

        Raises ValueError for empty texts and for an n_vocab that does not hold the bytes and special tokens.
        """
        n_tokens = n_vocab - len(specials)
        if n_tokens < N_BYTES:
            least = N_BYTES + len(specials)
            raise ValueError(f"n_vocab must be at least {least}, bytes and special tokens; got {n_vocab}")
        words = Counter(word for text in as_texts(texts) for word in split_text(checked_unicode(text)))
        if not words:
            raise ValueError("texts are empty: there is nothing to learn merges from")
        return cls(learn_merges({word.encode(): n for word, n in words.items()}, n_tokens), specials)

    def __len__(self) -> int:
        return len(self.tokens)

    def encode(self, text: str, with_specials: bool = False) -> list[int]:
        """The ids of `text`. Names of special tokens in it are plain text unless `with_specials`.

        Raises ValueError for half a surrogate pair, which no encoding of Unicode can hold.
        """
        checked_unicode(text)
        if not with_specials:
            return self._encode_plain(text)
        ids = []
        for piece in split_at(text, self.specials):
            ids += [self.specials[piece]] if piece in self.specials else self._encode_plain(piece)
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """The text of `ids`; the part of a character that was cut in two becomes U+FFFD.

        Raises ValueError for an id out of range.
        """
        return b"".join(self.tokens[i] for i in checked_ids(ids, len(self))).decode(errors="replace")

    def save(self, path: str | Path) -> None:
        """Write merges and special tokens to a JSON file; there, byte 65 is the character of number 65."""
        merges = [[part.decode("latin-1") for part in pair] for pair in self.merges]
        save_json(path, "byte pairs", merges=merges, specials=list(self.specials))

    @classmethod
    def load(cls, path: str | Path) -> "BytePairTokenizer":
        """The tokenizer that `save` wrote; ValueError for any other file."""
        merges, specials = load_json(path, "byte pairs", "merges", "specials")
        try:
            return cls([tuple(part.encode("latin-1") for part in pair) for pair in merges], specials)
        except (AttributeError, TypeError) as error:
            raise ValueError(f"{path} must hold pairs of strings as merges: {error}") from error

    def _encode_plain(self, text: str) -> list[int]:
        """The ids of a text without special tokens."""
        ids = []
        for word in split_text(text):
            ids += self._known.get(word) or self._encode_word(word)
        return ids

    def _encode_word(self, word: str) -> list[int]:
        """The ids of one piece of `split_text`; kept, since most words come again."""
        if len(self._known) == 100_000:  # memory stays bounded on endless text
            self._known.clear()
        letters = [bytes([byte]) for byte in word.encode()]
        self._known[word] = [self.ids[token] for token in bpe_encode(letters, self.ranks)]
        return self._known[word]


def checked_merges(merges: Iterable[BytePair]) -> list[BytePair]:
    """`merges` as a list of pairs; ValueError where a part was not made by an earlier merge."""
    checked, made = [], {bytes([byte]) for byte in range(N_BYTES)}
    for pair in merges:
        if len(pair) != 2 or not made.issuperset(pair):
            raise ValueError(f"merges must be pairs of bytes or of earlier merges; got {pair!r}")
        checked.append((pair[0], pair[1]))
        made.add(pair[0] + pair[1])
    return checked


def checked_unicode(text: str) -> str:
    """`text`, or ValueError where it holds half a surrogate pair (TypeError where it is no string)."""
    try:
        checked_text(text).encode()
    except UnicodeEncodeError as error:
        half = text[error.start]
        raise ValueError(
            f"text must be valid Unicode; place {error.start} holds the surrogate {half!a}"
        ) from None
    return text
