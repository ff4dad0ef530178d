"""One word of a sentence is hidden: BERT guesses it from both sides, GPT from the words on the left.

The explorer hides the word itself: `bert` gets the sentence with [MASK] in its place, `gpt` the words before.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import traitlets

from course_lib import by_hand
from course_lib.explorers import still, toy_sentences
from course_lib.explorers.base import Explorer
from course_lib.explorers.encoder_decoder import Place, read_only, row_places, seen
from course_lib.explorers.toy_sentences import MASK
from course_lib.palette import INK, KEY, QUERY, QUIET

SHOWN = 6  # how many words of a distribution are drawn
MOST_TOKENS, MOST_TEXT = 64, 200
ALIKE = 0.005  # distributions that differ by less print alike
SURE = 0.9
TOY_TEXT, TOY_POSITION = "the hungry cows near the dog are tired .", 2
TOY_FRONT = "near the dogs the old mouse sings today ."
FILLS, WRITES = "fills a gap in a finished text", "writes what comes next"


# ------------------------------------------------------------------ one sentence, guessed everywhere


@dataclass(frozen=True)
class Guesses:
    """Tokens, both distributions (n, n_vocab) at every position, and the vocabulary."""

    tokens: list[str]
    bert: np.ndarray
    gpt: np.ndarray
    vocabulary: list[str]

    def own(self) -> np.ndarray:
        """Places of the tokens in the vocabulary."""
        index = {word: i for i, word in enumerate(self.vocabulary)}
        return np.array([index[token] for token in self.tokens])

    def summary(self) -> dict:
        """What the page shows of every position: the likeliest words, the hidden word's share, measures."""
        rows = np.arange(len(self.tokens))
        distance = 0.5 * np.abs(self.bert - self.gpt).sum(axis=1)
        made: dict = {"tokens": self.tokens, "distance": distance.round(6).tolist()}
        for name, chances in (("bert", self.bert), ("gpt", self.gpt)):
            top = np.argsort(-chances, axis=1, kind="stable")[:, :SHOWN]
            made[name] = {
                "words": [[self.vocabulary[i] for i in row] for row in top],
                "chances": np.take_along_axis(chances, top, axis=1).round(6).tolist(),
                "own": chances[rows, self.own()].round(6).tolist(),
                "right": (top[:, 0] == self.own()).astype(int).tolist(),
                "entropy": by_hand.entropy(chances).round(6).tolist(),
            }
        return made


def distributions(name: str, values: object, shape: tuple[int, int]) -> np.ndarray:
    """The probabilities as an array of this shape; ValueError says what is wrong with them."""
    wanted = f"{name} must be probabilities of shape {shape}"
    try:
        chances = np.asarray(values, dtype=float)
    except (TypeError, ValueError, RuntimeError) as error:  # RuntimeError: a tensor that tracks gradients
        raise ValueError(f"{wanted}; {str(error)[:120]}") from None
    if chances.shape != shape:
        raise ValueError(f"{wanted}; got shape {chances.shape}")
    if not np.isfinite(chances).all() or chances.min() < -1e-6 or chances.max() > 1 + 1e-6:
        raise ValueError(f"{wanted}, each from 0 to 1; got {chances.min():.3g} to {chances.max():.3g}")
    totals = chances.sum(axis=1)
    worst = int(np.abs(totals - 1).argmax())
    if abs(totals[worst] - 1) > 1e-3:
        raise ValueError(f"{wanted} that sum to 1; at position {worst} they sum to {totals[worst]:.4g}")
    return chances.clip(0, 1)


def guessed(tokens: list[str], bert, gpt, words: list[str]) -> Guesses:
    """Both distributions at every position, from functions of (tokens, position) or from arrays."""
    if not 1 <= len(tokens) <= MOST_TOKENS:
        raise ValueError(f"text must have 1 to {MOST_TOKENS} tokens; got {len(tokens)}")
    unknown = [token for token in tokens if token not in words]
    if unknown:
        raise ValueError(f"text has {quoted(unknown[0])}, which is not in the vocabulary")
    if callable(bert):
        masked = [[*tokens[:i], MASK, *tokens[i + 1 :]] for i in range(len(tokens))]
        bert = rows_of("bert", [bert(given, i) for i, given in enumerate(masked)], len(words))
        gpt = rows_of("gpt", [gpt(tokens[:i], i) for i in range(len(tokens))], len(words))
    shape = (len(tokens), len(words))
    return Guesses(tokens, distributions("bert", bert, shape), distributions("gpt", gpt, shape), words)


def rows_of(name: str, answers: list, n_vocab: int) -> list[np.ndarray]:
    """What a function gave at each position, one distribution each."""
    rows = []
    for answer in answers:
        try:
            row = np.asarray(answer, dtype=float)
        except (TypeError, ValueError, RuntimeError) as error:
            raise ValueError(f"{name} must return probabilities; {str(error)[:120]}") from None
        if row.shape != (n_vocab,):
            raise ValueError(
                f"{name} must return the probabilities of the {n_vocab} words of the vocabulary, shape "
                f"{(n_vocab,)}; got shape {row.shape}"
            )
        rows.append(row)
    return rows


def quoted(token: str) -> str:
    return f"'{token.replace(' ', '␣')}'"


def counted(n: int, side: str) -> str:
    return f"1 token {side}" if n == 1 else f"{n} tokens {side}"


# ------------------------------------------------------------------ traits


class SentenceText(traitlets.TraitType):
    """The sentence that both models get; empty where the explorer was made with fixed tokens."""

    def validate(self, owner, value):
        if not isinstance(value, str):
            raise ValueError(f"text must be a text; got {value!r:.60}")
        if not owner.asks:
            if value:
                raise ValueError("another text needs functions as bert and gpt, and a text to start with")
            return value
        if not 0 < len(value.strip()) <= len(value) <= MOST_TEXT:
            raise ValueError(f"text must have 1 to {MOST_TEXT} characters; got {value!r:.60}")
        return value


# ------------------------------------------------------------------ the explorer


class BertVsGptExplorer(Explorer):
    """The sentence and the position of the hidden word."""

    FAMILY = "bert_vs_gpt"
    TITLE = "Which words may the model see when it guesses this one?"

    text = SentenceText("").tag(sync=True, state=True)
    position = Place().tag(sync=True, state=True)

    def __init__(
        self, first: Guesses, text: str, ask: Callable | None, position: int | None, toy: bool, **more
    ):
        self._ask, self._toy = ask, toy
        self._known: dict[str, Guesses | Exception] = {text: first}
        self._last = first
        self._summaries: dict[str, dict] = {}
        self._usual = TOY_POSITION if toy and text == TOY_TEXT else telling(first)
        start = self._usual if position is None else position
        self.CHALLENGE = challenge_of(first, start)
        super().__init__(text=text, position=start, **more)

    # -- sentences

    @property
    def asks(self) -> bool:
        """Whether the reader may write a sentence of their own."""
        return self._ask is not None

    @property
    def shown(self) -> Guesses:
        """The guesses for the present text; raises what a model raised."""
        known = self._look_up(self.text)
        if isinstance(known, Exception):
            raise known
        return known

    @property
    def counts(self) -> dict[str, int]:
        """How many positions there are."""
        known = self._look_up(self.text)
        return {"position": len((self._last if isinstance(known, Exception) else known).tokens)}

    def _look_up(self, text: str) -> Guesses | Exception:
        if text not in self._known:
            try:
                self._known[text] = self._ask(text)  # type: ignore[misc]
            except Exception as error:
                self._known[text] = error
        known = self._known[text]
        if isinstance(known, Guesses):
            self._last = known
        return known

    def _summary(self, text: str) -> dict:
        if text not in self._summaries:
            known = self._look_up(text)
            if isinstance(known, Exception):
                raise known
            self._summaries[text] = known.summary()
        return self._summaries[text]

    def _changed(self, change=None) -> None:
        if self.asks:
            known = self._look_up(self.text)
            if isinstance(known, Exception):
                self.error = f"{type(known).__name__}: {known}"
                return
            with self.hold_sync():
                self.error = ""
                self.position = min(self.position, self.counts["position"] - 1)
                if self.text not in self.card["facts"]["known"]:
                    self.card = {**self.card, "facts": self.facts()}
        self._judge()

    # -- results

    def compute(self) -> dict:
        _ = self.shown
        at, known = self.position, self._summary(self.text)
        results = {"distance": known["distance"][at]}
        for name in ("bert", "gpt"):
            guess = known[name]
            results |= {
                name: np.array(guess["chances"][at]),
                f"{name}_own": guess["own"][at],
                f"{name}_right": guess["right"][at],
                f"{name}_entropy": guess["entropy"][at],
            }
        return results

    @property
    def bert(self) -> np.ndarray:
        """BERT's probabilities (n_vocab,) for the hidden word."""
        return read_only(self.shown.bert[self.position].copy())

    @property
    def gpt(self) -> np.ndarray:
        """GPT's probabilities (n_vocab,) for the hidden word."""
        return read_only(self.shown.gpt[self.position].copy())

    @property
    def distance(self) -> float:
        """Half the sum of the differences of both distributions: 0 alike, 1 nothing in common."""
        return self.compute()["distance"]

    # -- what the page knows

    def facts(self) -> dict:
        texts = {getattr(self, "_start", {"text": self.text})["text"], self.text}
        texts |= {changes["text"] for changes in self.presets().values()}
        return {
            "known": {text: self._summary(text) for text in sorted(texts)},
            "text": self.text,
            "field": "live" if self.asks else None,
        }

    def _card(self, *given) -> dict:
        card = super()._card(*given)
        usual = {"position": self._usual, "text": (TOY_TEXT if self._toy else None) if self.asks else ""}
        return {**card, "defaults": {**card["defaults"], **usual}}

    def _page_card(self) -> dict:
        """The card of a page without a kernel: no other sentence can be asked for."""
        if not self.asks:
            return self.card
        return {**self.card, "facts": {**self.card["facts"], "field": "no kernel"}}

    def presets(self) -> dict[str, dict]:
        if self._toy:
            return {
                "Decided on the right": {"text": TOY_TEXT, "position": TOY_POSITION},
                "Across the dog": {"text": TOY_TEXT, "position": 6},
                "Both are sure": {"text": TOY_TEXT, "position": 4},
                "Other noun in front": {"text": TOY_FRONT, "position": 5},
            }
        start = getattr(self, "_start", {"text": self.text})["text"]
        known = self._summary(start)
        n = len(known["tokens"])
        places = {
            "First token": 0,
            "Where they differ most": int(np.argmax(known["distance"])),
            "Where they differ least": int(np.argmin(known["distance"])),
            "Last token": n - 1,
        }
        return {name: {"text": start, "position": place} for name, place in places.items()}

    def prediction(self) -> dict:
        known, at = self._summary(self._start["text"]), self._start["position"]
        bert, gpt = known["bert"]["own"][at], known["gpt"]["own"][at]
        before, after = at, len(known["tokens"]) - 1 - at
        word = quoted(known["tokens"][at])
        answer = "Both alike" if abs(bert - gpt) < ALIKE else "BERT" if bert > gpt else "GPT"
        seen_ = (
            f"BERT gives it {still.num(bert)}, GPT {still.num(gpt)}. BERT sees {sides(before, after)}; "
            f"GPT's mask hides {counted(after, 'on the right') if after else 'nothing: no token follows'}."
        )
        wrong = {
            "BERT": f"BERT may see both sides, but that need not help. {seen_}",
            "GPT": f"GPT writes text, but it never sees what comes later. {seen_}",
            "Both alike": f"They do not get the same text. {seen_}",
        }
        return {
            "question": f"{word} is hidden. BERT gets the sentence with {MASK} in its place, "
            f"GPT the tokens before it. Which of the two gives {word} the larger probability?",
            "choices": list(wrong),
            "answer": answer,
            "right": seen_,
            "wrong": {choice: said for choice, said in wrong.items() if choice != answer},
        }

    # -- words

    def words(self, results: Mapping) -> str:
        known, at = self._summary(self.text), self.position
        n, word = len(known["tokens"]), quoted(known["tokens"][at])
        said = f"Token {at + 1} of {n}, {word}, is hidden."
        if results["distance"] < ALIKE:
            after = "no token stands on the right" if at == n - 1 else "the right side does not help here"
            return f"{said} Both say {self._guess('bert', known, at)}: {after}."
        return (
            f"{said} BERT sees {sides(at, n - 1 - at)} and says {self._guess('bert', known, at)}. "
            f"GPT sees {sides(at, 0)} and says {self._guess('gpt', known, at)}."
        )

    def _guess(self, name: str, known: dict, at: int) -> str:
        guess = known[name]
        top = f"{quoted(guess['words'][at][0])} ({still.num(guess['chances'][at][0])})"
        if guess["right"][at]:
            return f"{top}, which is right"
        return f"{top}; {quoted(known['tokens'][at])} gets {still.num(guess['own'][at])}"

    # -- still picture

    def still(self, results: Mapping) -> str:
        known, at = self._summary(self.text), self.position
        tokens = [seen(token) for token in known["tokens"]]
        first, last = window(tokens, at, 560)
        parts: list[str] = []
        for name, y in (("BERT", 50.0), ("GPT", 140.0)):
            parts.append(still.text(20, y + 18, name, bold=True))
            parts += self._still_row(name, y, tokens, first, last, at)
        for name, x, note in (("BERT", 20.0, FILLS), ("GPT", 360.0, WRITES)):
            parts.append(still.text(x, 214, name, bold=True))
            parts.append(still.text(x + 44, 214, note, colour=QUIET, size=12))
            parts += self._still_bars(x, 238, name.lower(), known, at)
        return still.picture(680, 238 + 22 * SHOWN + 46, self.TITLE, self.words(results), *parts)

    def _still_row(self, name: str, y: float, tokens: list[str], first: int, last: int, at: int) -> list[str]:
        hole = MASK if name == "BERT" else "?"
        shown = [hole if i == at else tokens[i] for i in range(first, last)]
        xs, widths = row_places([MASK if i == at else tokens[i] for i in range(first, last)], 80, 580)
        parts = []
        for i, (x, width, text) in enumerate(zip(xs, widths, shown, strict=True), first):
            if name == "GPT" and i > at:
                parts.append(still.hatch(x - width / 2 + 3, y, width - 6, 26))
                continue
            if i == at:
                place = {"x": x - width / 2 + 3, "y": y, "width": width - 6, "height": 26.0, "rx": 5}
                parts.append(still.element("rect", **place, fill="none", stroke=QUERY, stroke_width=2))
            parts.append(still.text(x, y + 18, text, "middle", QUERY if i == at else KEY, bold=True))
        asking = xs[at - first] if name == "BERT" or at == first else xs[at - 1 - first]
        for i in range(first, last):
            if i != at and (name == "BERT" or i < at - 1):
                high = y - 12 - min(26.0, 0.08 * abs(xs[i - first] - asking))
                path = f"M{asking:.2f} {y - 3:.2f}C{asking:.2f} {high:.2f} {xs[i - first]:.2f} {high:.2f} "
                parts.append(still.element("path", d=f"{path}{xs[i - first]:.2f} {y - 3:.2f}", fill="none",
                                           stroke=KEY, stroke_width=1.5))  # fmt: skip
        return parts

    def _still_bars(self, x: float, y: float, name: str, known: dict, at: int) -> list[str]:
        scale = max(0.25, known["bert"]["chances"][at][0], known["gpt"]["chances"][at][0])
        word, guess = known["tokens"][at], known[name]
        parts = []
        for i, (each, p) in enumerate(zip(guess["words"][at], guess["chances"][at], strict=True)):
            if p < ALIKE:
                continue
            mine, row = each == word, y + 22 * i
            parts.append(still.text(x + 84, row + 12, seen(each), "end", QUERY if mine else INK, mine))
            parts.append(still.rect(x + 92, row, max(1.0, 140 * p / scale), 16, QUERY if mine else KEY))
            parts.append(still.text(x + 98 + 140 * p / scale, row + 12, still.num(p), bold=mine, size=12))
        own, entropy = still.num(guess["own"][at]), still.num(guess["entropy"][at])
        said = f"entropy {entropy} nats; {quoted(word)} gets {own}"
        return [*parts, still.text(x, y + 22 * SHOWN + 16, said, colour=QUIET, size=12)]


def window(tokens: list[str], at: int, room: float) -> tuple[int, int]:
    """The tokens around `at` that fit into the room: from the first to before the last."""
    wide = [len(MASK if i == at else token) * 7.3 + 16 for i, token in enumerate(tokens)]
    first, last, used = at, at + 1, wide[at]
    grown = True
    while grown:
        grown = False
        if first > 0 and used + wide[first - 1] <= room:
            first, used, grown = first - 1, used + wide[first - 1], True
        if last < len(tokens) and used + wide[last] <= room:
            last, used, grown = last + 1, used + wide[last], True
    return first, last


def sides(before: int, after: int) -> str:
    """How many tokens are seen, and on which side."""
    if before and after:
        return f"{counted(before, 'on the left')} and {after} on the right"
    if not before and not after:
        return "no token"
    return counted(before, "on the left") if before else counted(after, "on the right")


def telling(guesses: Guesses) -> int:
    """The position where both distributions differ most."""
    return int(np.argmax(np.abs(guesses.bert - guesses.gpt).sum(axis=1).round(6)))


def challenge_of(guesses: Guesses, start: int) -> tuple[str, str] | None:
    """A task that can be solved in this sentence, away from the first position."""
    known = guesses.summary()
    alike = np.array(known["distance"]) < 0.01
    unsure = np.array([chances[0] for chances in known["bert"]["chances"]]) < SURE
    better = np.array(known["bert"]["right"]) > np.array(known["gpt"]["right"])
    elsewhere = np.arange(len(guesses.tokens)) != start
    if (alike & unsure & elsewhere).any():
        return (
            "Find a word that neither model is sure of (largest probability below 0.9) and on which both say "
            "the same: there the right side does not help.",
            f"distance < 0.01 and bert[0] < {SURE}",
        )
    if (better & elsewhere).any():
        return (
            "Find another word that BERT guesses right and GPT does not.",
            "bert_right > 0.5 and gpt_right < 0.5",
        )
    return None


# ------------------------------------------------------------------ the factory


def bert_vs_gpt_explorer(
    text: str | Sequence[str] | None = None,
    bert=None,
    gpt=None,
    vocabulary: Sequence[str] | None = None,
    tokenize: Callable[[str], Sequence[str]] | None = None,
    position: int | None = None,
    preset: str | None = None,
    predict: bool = True,
) -> BertVsGptExplorer:
    """Hide one word of a sentence: BERT guesses it from both sides, GPT from the words on its left.

    bert(tokens, position) and gpt(tokens, position) return probabilities (n_vocab,) over `vocabulary`, a list
    of words. bert gets all tokens, with [MASK] at `position`; gpt only those before it, none at position 0.
    They are asked about every position of the text at once, so moving needs no kernel; a text that the reader
    writes does. Or bert and gpt are arrays (n_positions, n_vocab), row i for token i. tokenize(text) cuts the
    text (else its words); a list of tokens is taken as it is. Without models: exact probabilities of a toy
    grammar, in which a verb agrees with its subject. `position` counts from 0 (None: where both differ most).
    Results: .bert, .gpt (n_vocab,), .distance (total variation). Copied Python names bert, gpt, vocabulary.
    ValueError names the argument. Sources: Devlin et al. 2019, BERT, sections 1 and 3.1; Radford et al. 2018,
    Improving Language Understanding by Generative Pre-Training, section 3.1.
    """
    given = {"bert": bert, "gpt": gpt, "vocabulary": vocabulary}
    missing = [name for name, value in given.items() if value is None]
    toy = len(missing) == 3
    if missing and not toy:
        raise ValueError(f"bert, gpt and vocabulary belong together; {', '.join(missing)} is missing")
    if toy:
        bert, gpt, vocabulary = toy_sentences.both_sides, toy_sentences.left_only, toy_sentences.vocabulary()
        text = TOY_TEXT if text is None else text
    elif text is None:
        raise ValueError("text is missing: bert and gpt guess the words of a text")
    if callable(bert) != callable(gpt):
        raise ValueError("bert and gpt must both be functions or both arrays")
    if tokenize is not None and not callable(tokenize):
        raise ValueError(f"tokenize must be a function of the text; got {tokenize!r:.60}")
    words = [str(word) for word in vocabulary]  # type: ignore[union-attr]
    if len(set(words)) != len(words):
        raise ValueError("vocabulary must name each word once")

    def ask(text: str) -> Guesses:
        tokens = text.split() if tokenize is None else [str(token) for token in tokenize(text)]
        return guessed(tokens, bert, gpt, words)

    live = isinstance(text, str) and callable(bert)
    if live and not 0 < len(text.strip()) <= len(text) <= MOST_TEXT:
        raise ValueError(f"text must have 1 to {MOST_TEXT} characters; got {text!r:.60}")
    first = ask(text) if isinstance(text, str) else guessed([str(token) for token in text], bert, gpt, words)
    fixed = {} if live else {"text": repr(first.tokens)}
    fixed |= {} if toy else {name: name_of(name, value) for name, value in given.items()}
    fixed |= {} if tokenize is None or not live else {"tokenize": name_of("tokenize", tokenize)}
    return BertVsGptExplorer(
        first, text if live else "", ask if live else None, position, toy and live,
        fixed=fixed, preset=preset, predict=predict,
    )  # fmt: skip


def name_of(argument: str, value: object) -> str:
    """The function's own name where it has one, else the argument's."""
    name = getattr(value, "__name__", argument)
    return name if name.isidentifier() else argument
