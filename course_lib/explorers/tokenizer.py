"""A text cut by byte pairs: merges one at a time, the pieces, the length against the number of merges."""

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import pairwise

import numpy as np
import traitlets

from course_lib.explorers import still
from course_lib.explorers.base import Explorer, Number
from course_lib.explorers.training_replay import encoded
from course_lib.palette import GRID, INK, KEY, PAPER, QUERY, QUIET
from course_lib.text import BytePairTokenizer, bpe_encode, counted_merges, merge_pair, split_text
from course_lib.text.byte_pair import N_BYTES, BytePair, checked_merges, checked_unicode, ranks_of

TEXT = "Tokens are not words: a headache is cut in three, attention is not."
DEFAULT_VOCABULARY, DEFAULT_MERGES = 1385, 183
MOST_TEXT, MOST_MERGES, MOST_LEARNT = 200, 60_000, 5_000
LESSON_TEXT = "data/files/16_lesson_text.json"
WASH, QUERY_WASH = "#EAF4FB", "#FBEADF"


@cache
def lesson_merges() -> dict[BytePair, int]:
    """What lesson 16 learns from the text of lessons 00 to 04: its merges, with their counts."""
    stored = json.loads((files("course_lib") / LESSON_TEXT).read_text(encoding="utf-8"))
    return learnt(stored["train"], DEFAULT_VOCABULARY)


def learnt(texts: str | Iterable[str], n_vocab: int) -> dict[BytePair, int]:
    """Merges learnt from texts as BytePairTokenizer.train does, with their counts."""
    texts = [texts] if isinstance(texts, str) else texts
    words = Counter(word for text in texts for word in split_text(checked_unicode(text)))
    return counted_merges({word.encode(): n for word, n in words.items()}, n_vocab)


# ------------------------------------------------------------------ traits


class Text(traitlets.TraitType):
    """The text that is cut."""

    def validate(self, owner, value):
        if not isinstance(value, str) or len(value) > MOST_TEXT:
            raise ValueError(f"text must be a string of up to {MOST_TEXT} characters; got {value!r:.60}")
        return checked_unicode(value)


class Merges(Number):
    """How many merges are played, at most as many as there are."""

    def validate(self, owner, value):
        value = super().validate(owner, value)
        if value > len(owner.merges):
            raise ValueError(f"n_merges must be from 0 to {len(owner.merges)}; got {value}")
        return value


# ------------------------------------------------------------------ names


def name(token: bytes) -> str:
    """A token as it is shown: a space can be seen, a part of a character is its bytes."""
    try:
        text = token.decode()
    except UnicodeDecodeError:
        return " ".join(f"{byte:02X}" for byte in token)
    return text.replace(" ", "␣").replace("\n", "⏎").replace("\t", "⇥")


def counted(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"


# ------------------------------------------------------------------ the explorer


class TokenizerExplorer(Explorer):
    """The text to cut, and how many of the merges are played."""

    FAMILY = "tokenizer"
    TITLE = "What does the model read?"

    text = Text(TEXT).tag(sync=True, state=True)
    n_merges = Merges(0, low=0, whole=True).tag(sync=True, state=True)

    def __init__(self, merges: Sequence[BytePair], counts: list[int] | None, n_merges: int | None, **more):
        self.merges, self.counts = list(merges), counts
        self._ranks = ranks_of(self.merges)
        self._usual = min(DEFAULT_MERGES, len(self.merges)) if counts else len(self.merges)
        text = more.get("text", TEXT)
        word, least = whole_word(text if isinstance(text, str) else "", self._ranks)
        if word:
            self.CHALLENGE = (
                f"With how few merges is '{name(word.encode())}' one token? Find the number.",
                f"merges > {least - 0.5} and merges < {least + 0.5}",
            )
        super().__init__(n_merges=self._usual if n_merges is None else n_merges, **more)

    # -- results

    def cut(self) -> list[list[bytes]]:
        """The tokens of each word of the text (a word has the space before it)."""
        ranks = {pair: rank for pair, rank in self._ranks.items() if rank < self.n_merges}
        return [bpe_encode(letters(word), ranks) for word in split_text(self.text)]

    @property
    def tokens(self) -> list[bytes]:
        """The tokens of the text with the present number of merges."""
        return [token for word in self.cut() for token in word]

    def compute(self) -> dict:
        words = self.cut()
        ids = {left + right: N_BYTES + rank for rank, (left, right) in enumerate(self.merges)}
        tokens = [token for word in words for token in word]
        used = sorted(rank for word in split_text(self.text) for rank in trace(word, self._ranks))
        return {
            "merges": self.n_merges,
            "ids": np.array([ids.get(token, token[0]) for token in tokens], dtype=int),
            "ranks": np.array(used, dtype=int),
            "n_tokens": len(tokens),
            "n_characters": len(self.text),
            "n_words": len(words),
            "whole": sum(len(word) == 1 for word in words),
            "here": used.count(self.n_merges - 1),
        }

    # -- words

    def words(self, results: Mapping) -> str:
        if not self.text:
            return "Type a text: it is cut as you write."
        n, words = results["n_tokens"], self.cut()
        said = (
            f"{counted(self.n_merges, 'merge')}: {counted(n, 'token')} for "
            f"{counted(results['n_characters'], 'character')} in {counted(results['n_words'], 'word')} "
            "and marks. "
            f"{results['whole']:,} of them {'is' if results['whole'] == 1 else 'are'} one token"
        )
        longest = max(words, key=len)
        if len(longest) > 1:
            pieces = "|".join(map(name, longest))
            said += f"; '{name(b''.join(longest))}' is {len(longest)}: {shortened(pieces)}"
        return f"{said}.{self._about_merge(results)}"

    def _about_merge(self, results: Mapping) -> str:
        if not self.n_merges:
            return ""
        left, right = map(name, self.merges[self.n_merges - 1])
        count = self.counts[self.n_merges - 1] if self.counts else 0
        came = f"{counted(count, 'time')} where it was learnt, " if count else ""
        here = counted(results["here"], "time")
        return f" Merge {self.n_merges:,} joined '{left}' and '{right}': {came}{here} here."

    # -- card

    def presets(self) -> dict[str, dict]:
        most = len(self.merges)
        start = self._start["text"] if hasattr(self, "_start") else self.text
        return {
            "No merge": {"text": start, "n_merges": 0},
            "All merges": {"text": start, "n_merges": most},
            "Numbers": {"text": "In 2024: 12345 + 678 = 13023", "n_merges": most},
            "Another script": {"text": "Καλημέρα, 東京 🐚", "n_merges": most},
            "One word, three ways": {"text": "attention attention Attention", "n_merges": most},
        }

    def prediction(self) -> dict | None:
        words = self.cut()
        n, whole = len(words), sum(len(word) == 1 for word in words)
        if not 1 < whole < n - 1:
            return None
        longest = max(words, key=len)
        split = f"'{name(b''.join(longest))}' is {shortened('|'.join(map(name, longest)))}"
        why = f"Whole are the words that came often where the merges were learnt; {split}."
        return {
            "question": f"After {counted(self.n_merges, 'merge')}: how many of the {n} words and marks "
            "of this text are one token each?",
            "choices": ["All of them", f"{whole} of {n}", "None"],
            "answer": f"{whole} of {n}",
            "right": why,
            "wrong": {
                "All of them": f"Tokens are not words. {why}",
                "None": f"{whole} are: frequent pairs grow until a frequent word is one piece. {why}",
            },
        }

    def facts(self) -> dict:
        ids = {bytes([byte]): byte for byte in range(N_BYTES)}
        ids |= {left + right: N_BYTES + rank for rank, (left, right) in enumerate(self.merges)}
        pairs = np.array([[ids[left], ids[right]] for left, right in self.merges], dtype="<f4")
        counts = None if self.counts is None else np.array(self.counts, dtype="<f4")
        return {"pairs": encoded(pairs), "counts": encoded(counts), "most_text": MOST_TEXT}

    def _card(self, *given) -> dict:
        card = super()._card(*given)
        return {**card, "defaults": {**card["defaults"], "n_merges": self._usual}}

    # -- still picture

    def still(self, results: Mapping) -> str:
        parts, bottom = self._still_pieces()
        return still.picture(
            680,
            bottom + 190,
            self.TITLE,
            self.words(results),
            *parts,
            *self._still_curve(results, bottom + 30),
        )

    def _still_pieces(self) -> tuple[list[str], int]:
        last = b"".join(self.merges[self.n_merges - 1]) if self.n_merges else None
        parts, x, y = [], 20.0, 4.0
        for word in self.cut():
            for i, token in enumerate(word):
                wide = len(name(token)) * 8 + 10.0
                if x + wide > 660:
                    x, y = 20.0, y + 32
                new = token == last
                ground = QUERY_WASH if new else WASH if len(token) > 1 else PAPER
                parts.append(
                    still.element("rect", x=x, y=y, width=wide, height=24.0, rx=4, fill=ground,
                                  stroke=QUERY if new else KEY if len(token) > 1 else QUIET)
                )  # fmt: skip
                parts.append(still.text(x + wide / 2, y + 17, name(token), "middle", QUERY if new else INK))
                x += wide + (2 if i < len(word) - 1 else 8)
        return parts, int(y + 32)

    def _still_curve(self, results: Mapping, top: int) -> list[str]:
        n, most, n_bytes = len(self.merges), max(1, len(self.text.encode())), len(self.text.encode())
        left, right, base = 60, 570, top + 130  # labels stand to the right

        def spot(merges: int) -> tuple[float, float]:
            length = n_bytes - int(np.searchsorted(results["ranks"], merges))
            return left + (right - left) * math.log1p(merges) / math.log1p(
                max(n, 1)
            ), base - 120 * length / most

        corners = [spot(0)]
        for rank in sorted({*results["ranks"].tolist()}):
            corners += [(spot(rank + 1)[0], corners[-1][1]), spot(rank + 1)]
        corners.append(spot(n))
        parts = [still.line(left, base, right, base), still.line(left, base, left, base - 125, GRID)]
        parts.append(still.text(20, base - 143, "tokens of this text", colour=QUIET, size=12))
        parts.append(still.text(left - 8, base + 4, "0", "end", QUIET, size=12))
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
        parts.append(still.element("polyline", points=points, fill="none", stroke=KEY, stroke_width=2))
        above = top - 20.0
        for length, what in ((results["n_characters"], "character"), (results["n_words"], "word")):
            y = base - 120 * length / most
            parts.append(still.line(left, y, right, y, QUIET, dashed=True))
            if y - above >= 14:  # else the two labels would stand on each other
                parts.append(still.text(right + 8, y + 4, counted(length, what), colour=QUIET, size=12))
            above = y
        x, y = spot(self.n_merges)
        parts.append(still.element("circle", cx=x, cy=y, r=5, fill=QUERY))
        parts.append(still.text(x + 6, y - 9, counted(results["n_tokens"], "token"), colour=QUERY, bold=True))
        for merges in (m for m in (0, 10, 100, 1000, 10_000) if m <= n):
            parts.append(still.text(spot(merges)[0], base + 16, f"{merges:,}", "middle", QUIET, size=12))
        parts.append(still.text(right + 30, base + 16, "merges", colour=QUIET, size=12))
        return parts


def letters(word: str) -> list[bytes]:
    return [bytes([byte]) for byte in word.encode()]


def trace(word: str, ranks: Mapping[BytePair, int]) -> list[int]:
    """The ranks of the merges of a word, from its bytes on: once for each two tokens that became one."""
    tokens, used = letters(word), []
    while present := [pair for pair in pairwise(tokens) if pair in ranks]:
        first = min(present, key=ranks.__getitem__)
        merged = merge_pair(tokens, first, first[0] + first[1])
        used += [ranks[first]] * (len(tokens) - len(merged))
        tokens = merged
    return used


def whole_word(text: str, ranks: Mapping[BytePair, int]) -> tuple[str, int]:
    """The longest word of a text that all merges make one token, and how many it takes; else ("", 0)."""
    words = [
        word for word in split_text(text) if len(word) > 3 and len(bpe_encode(letters(word), ranks)) == 1
    ]
    longest = max(words, key=len, default="")
    return longest, 1 + max(trace(longest, ranks), default=-1)


def shortened(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"


# ------------------------------------------------------------------ the factory


def tokenizer_explorer(
    text: str = TEXT,
    tokenizer: BytePairTokenizer | None = None,
    merges: Sequence[tuple] | None = None,
    learn_from: str | Iterable[str] | None = None,
    n_vocab: int = DEFAULT_VOCABULARY,
    n_merges: int | None = None,
    preset: str | None = None,
    predict: bool = True,
) -> TokenizerExplorer:
    """Play byte-pair merges one at a time on a text of up to 200 characters; write your own text.

    The merges are those of a `tokenizer`, or a list of pairs (bytes or str) in the order of learning, or
    learnt from a text `learn_from` up to `n_vocab` tokens (then it is known how often each pair came).
    Without any: what lesson 16 learns from lessons 00 to 04. Words are cut as GPT-2 does. `n_merges` None
    plays all merges (of learnt ones the first 183).
    Results: .tokens (bytes), .cut() (tokens of each word), .merges. ValueError names the argument.
    Sources: Sennrich, Haddow and Birch 2016, section 3.2; Radford et al. 2019, section 2.2.
    """
    given = {"tokenizer": tokenizer, "merges": merges, "learn_from": learn_from}
    names = [key for key, value in given.items() if value is not None]
    if len(names) > 1:
        raise ValueError(f"give one of tokenizer, merges, learn_from; got {' and '.join(names)}")
    fixed: dict[str, object] = {key: key for key in names}
    if isinstance(n_vocab, bool) or not isinstance(n_vocab, int):
        raise ValueError(f"n_vocab must be a whole number; got {n_vocab!r}")
    if n_vocab != DEFAULT_VOCABULARY:
        if learn_from is None:
            raise ValueError("n_vocab needs learn_from, the text to learn merges from")
        fixed["n_vocab"] = n_vocab
    pairs, counts = merges_of(tokenizer, merges, learn_from, n_vocab)
    return TokenizerExplorer(pairs, counts, n_merges, fixed=fixed, preset=preset, predict=predict, text=text)


def merges_of(tokenizer, merges, learn_from, n_vocab: int) -> tuple[list[BytePair], list[int] | None]:
    """The merges and, where they are learnt here, how often each pair came; ValueError for others."""
    if tokenizer is None and merges is None:
        if not N_BYTES <= n_vocab <= N_BYTES + MOST_LEARNT:
            raise ValueError(f"n_vocab must be from {N_BYTES} to {N_BYTES + MOST_LEARNT}; got {n_vocab}")
        counts = lesson_merges() if learn_from is None else learnt(learn_from, n_vocab)
        return list(counts), list(counts.values())
    if tokenizer is not None:
        merges = getattr(tokenizer, "merges", None)
        if merges is None:
            raise ValueError(f"tokenizer must be a BytePairTokenizer; got {tokenizer!r:.60}")
    pairs = [tuple(p.encode() if isinstance(p, str) else p for p in pair) for pair in merges]
    if len(pairs) > MOST_MERGES:
        raise ValueError(f"merges may be up to {MOST_MERGES:,}; got {len(pairs):,}")
    pairs = checked_merges(pairs)
    if len({left + right for left, right in pairs}) < len(pairs):
        raise ValueError("merges must each make a new token: two of them make the same")
    return pairs, None
