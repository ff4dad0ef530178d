"""A decoder that writes a target token by token: where each step looks in the source, and what it cannot see.

Step t writes target token t. It sees the whole source, a start symbol and the target tokens before t.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import traitlets

from course_lib import by_hand
from course_lib.explorers import still
from course_lib.explorers.base import Explorer, Place
from course_lib.explorers.training_replay import encoded
from course_lib.palette import KEY, QUERY, QUIET

MOST_SOURCE, MOST_TARGET, MOST_TEXT = 64, 40, 200
MOST_HEADS = 64
ALIKE = 0.005  # weights that differ by less print alike

# The example without arguments: our own words, the weights made by hand. Head 1 is the alignment; "does" has
# no French word of its own, "not" has two. Head 2 looks at the word that each one depends on.
SOURCE = ("le", "chat", "noir", "ne", "dort", "pas")
TARGET = ("the", "black", "cat", "does", "not", "sleep")
CROSS = (
    (
        (0.85, 0.07, 0.03, 0.02, 0.02, 0.01),
        (0.02, 0.12, 0.82, 0.01, 0.02, 0.01),
        (0.06, 0.84, 0.07, 0.01, 0.01, 0.01),
        (0.03, 0.08, 0.05, 0.27, 0.36, 0.21),
        (0.01, 0.01, 0.02, 0.40, 0.06, 0.50),
        (0.01, 0.03, 0.02, 0.05, 0.83, 0.06),
    ),
    (
        (0.20, 0.25, 0.16, 0.11, 0.17, 0.11),
        (0.10, 0.66, 0.14, 0.02, 0.06, 0.02),
        (0.55, 0.18, 0.12, 0.03, 0.10, 0.02),
        (0.02, 0.14, 0.03, 0.10, 0.62, 0.09),
        (0.02, 0.06, 0.02, 0.14, 0.64, 0.12),
        (0.03, 0.60, 0.08, 0.08, 0.12, 0.09),
    ),
)
SELF_WEIGHTS = (
    (
        (1, 0, 0, 0, 0, 0),
        (0.15, 0.85, 0, 0, 0, 0),
        (0.08, 0.17, 0.75, 0, 0, 0),
        (0.05, 0.08, 0.12, 0.75, 0, 0),
        (0.04, 0.04, 0.04, 0.18, 0.70, 0),
        (0.03, 0.03, 0.04, 0.10, 0.25, 0.55),
    ),
    (
        (1, 0, 0, 0, 0, 0),
        (0.40, 0.60, 0, 0, 0, 0),
        (0.14, 0.56, 0.30, 0, 0, 0),
        (0.10, 0.12, 0.14, 0.64, 0, 0),
        (0.06, 0.06, 0.08, 0.50, 0.30, 0),
        (0.05, 0.05, 0.06, 0.52, 0.20, 0.12),
    ),
)


# ------------------------------------------------------------------ one translation


@dataclass(frozen=True)
class Translation:
    """Tokens and weights as the page gets them: cross (n_heads, n, m), self_weights (n_heads, n, n)."""

    source: list[str]
    target: list[str]
    cross: np.ndarray
    self_weights: np.ndarray | None


def maps_of(name: str, values: object, wanted: str) -> np.ndarray:
    """The weights as (n_heads, rows, columns); a single map gets one head. ValueError names what is wrong."""
    try:
        maps = np.asarray(values, dtype=float)
    except (TypeError, ValueError, RuntimeError) as error:  # RuntimeError: a tensor that tracks gradients
        raise ValueError(f"{name} must be numbers {wanted}; {str(error)[:120]}") from None
    maps = maps[None] if maps.ndim == 2 else maps
    if maps.ndim != 3 or 0 in maps.shape or len(maps) > MOST_HEADS:
        raise ValueError(f"{name} must have shape {wanted}; got {np.shape(values)}")
    if not np.isfinite(maps).all():
        raise ValueError(f"{name} must be finite numbers; got nan or infinity")
    if maps.min() < -1e-6 or maps.max() > 1 + 1e-6:
        raise ValueError(f"{name} must hold weights from 0 to 1; got {maps.min():.3g} to {maps.max():.3g}")
    return maps


def tokens_of(name: str, given: object, count: int, most: int) -> list[str]:
    """The `count` tokens of a text (its words or its characters, whichever are as many) or of a list."""
    words = given.split() if isinstance(given, str) else list(given)  # type: ignore[call-overload]
    tokens = [str(word) for word in words]
    if isinstance(given, str) and len(tokens) != count:
        tokens = list(given)
        if len(tokens) != count:
            raise ValueError(
                f"{name} has {len(words)} words and {len(given)} characters, but the weights are for {count} "
                "tokens: give the tokens as a list"
            )
    if len(tokens) != count:
        raise ValueError(f"{name} must name the {count} tokens of the weights; got {len(tokens)}")
    if count > most:
        raise ValueError(f"{name} may hold up to {most} tokens; got {count}")
    return tokens


def checked(source, target, cross, self_weights, by: str = "") -> Translation:
    """The translation with its shapes checked. `by` says whose values they are."""
    maps = maps_of(f"{by}cross", cross, "(n_target, n_source) or (n_heads, n_target, n_source)")
    n_heads, n, m = maps.shape
    source = tokens_of("source", source, m, MOST_SOURCE)
    target = tokens_of(f"{by}target", target, n, MOST_TARGET)
    own = None
    if self_weights is not None:
        own = maps_of(f"{by}self_weights", self_weights, f"({n}, {n}) or ({n_heads}, {n}, {n})")
        if own.shape != (n_heads, n, n):
            raise ValueError(f"{by}self_weights must have shape {(n_heads, n, n)}; got {own.shape}")
        ahead = np.argwhere(np.triu(own, 1) > 1e-6)
        if len(ahead):
            head, i, j = ahead[0]
            raise ValueError(
                f"{by}self_weights must be causal: row {i} gives {own[head, i, j]:.2f} to column {j}, "
                "a token that is not written at that step"
            )
        own = own.astype("<f4")
    return Translation(source, target, maps.astype("<f4"), own)


def in_quotes(tokens: list[str]) -> list[str]:
    """Names for the line: in quotes, with their place where a token occurs more than once."""
    total = Counter(tokens)
    places = (f" (place {i + 1})" if total[t] > 1 else "" for i, t in enumerate(tokens))
    return [f"'{t.replace(' ', '␣')}'{place}" for t, place in zip(tokens, places, strict=True)]


def prefixes(target: list[str]) -> list[str]:
    """What is written before each step, in quotes; the end of it where it is long."""
    between = "" if all(len(token) == 1 for token in target) else " "
    texts = (between.join(target[:t]) for t in range(len(target)))
    return [f"'{text if len(text) <= 40 else '…' + text[-39:]}'" for text in texts]


def crossing(weights: np.ndarray) -> int:
    """The step (of one head, weights (n, m)) worth asking about: the order runs back, far from its place."""
    tops = weights.argmax(axis=1)
    steps = range(min(1, len(tops) - 1), len(tops))
    return max(steps, key=lambda t: (t > 0 and tops[t] < tops[t - 1], abs(int(tops[t]) - t), -t))


# ------------------------------------------------------------------ traits


class SourceText(traitlets.TraitType):
    """The text that `translate` gets; empty where there is no such function."""

    def validate(self, owner, value):
        if not isinstance(value, str):
            raise ValueError(f"source must be a text; got {value!r:.60}")
        if not owner.translates:
            if value:
                raise ValueError("text needs translate, a function from source text to target and weights")
            return value
        if not 0 < len(value.strip()) <= len(value) <= MOST_TEXT:
            raise ValueError(f"source must be a text of 1 to {MOST_TEXT} characters; got {value!r:.60}")
        return value


# ------------------------------------------------------------------ the explorer


class EncoderDecoderExplorer(Explorer):
    """The decoder's step, the head, a source token to ask who looked at it, and the text to translate."""

    FAMILY = "encoder_decoder"
    TITLE = "What does the decoder see at this step?"

    text = SourceText("").tag(sync=True, state=True, argument="source")
    step = Place().tag(sync=True, state=True)
    head = Place().tag(sync=True, state=True)
    chosen = Place(None, optional=True).tag(sync=True, state=True)

    def __init__(self, first: Translation, text: str, translate, tokenize, step: int | None, **more):
        self._translate, self._tokenize = translate, tokenize
        self._seen: dict[str, Translation | Exception] = {text: first}
        self._last = first
        head = more.get("head", 0)
        in_range = isinstance(head, (int, np.integer)) and 0 <= head < len(first.cross)
        self._usual_step = crossing(first.cross[head if in_range else 0])
        entropies = by_hand.entropy(first.cross.astype(float))
        if entropies.max() - entropies.min() > 1e-3:
            where = "the step" if len(first.cross) == 1 else "the step and the head"
            self.CHALLENGE = (
                f"Find {where} whose weights are spread most over the source.",
                "wider < 0.5",
            )
        super().__init__(text=text, step=self._usual_step if step is None else step, **more)

    # -- translations

    @property
    def translates(self) -> bool:
        """Whether the reader may write a source text of their own."""
        return self._translate is not None

    @property
    def shown(self) -> Translation:
        """The translation of the present text; raises what `translate` raised."""
        seen = self._look_up()
        if isinstance(seen, Exception):
            raise seen
        return seen

    @property
    def counts(self) -> dict[str, int]:
        """How many steps, heads and source tokens there are."""
        seen = self._look_up()
        n_heads, n, m = (self._last if isinstance(seen, Exception) else seen).cross.shape
        return {"step": n, "head": n_heads, "chosen": m}

    def _look_up(self) -> Translation | Exception:
        if self.text not in self._seen:
            try:
                self._seen[self.text] = translated(
                    self.text, self._translate, self._tokenize, len(self._last.cross)
                )
            except Exception as error:
                self._seen[self.text] = error
        seen = self._seen[self.text]
        if isinstance(seen, Translation):
            self._last = seen
        return seen

    def _changed(self, change=None) -> None:
        if self.translates:
            seen = self._look_up()
            if isinstance(seen, Exception):
                self.error = f"{type(seen).__name__}: {seen}"
                return
            with self.hold_sync():
                self.error = ""
                self.step = min(self.step, self.counts["step"] - 1)
                if self.chosen is not None and self.chosen >= self.counts["chosen"]:
                    self.chosen = None
                if self.card["facts"]["text"] != self.text:
                    self.card = {**self.card, "facts": self.facts()}
        self._judge()

    # -- results

    def compute(self) -> dict:
        shown, t, h = self.shown, self.step, self.head
        cross = shown.cross.astype(float)
        row = cross[h, t]
        entropies = by_hand.entropy(cross)
        return {
            "weights": row,
            "found": int(row.argmax()),
            "largest": float(row.max()),
            "total": float(row.sum()),
            "column": None if self.chosen is None else cross[h, : t + 1, self.chosen],
            "own": None if shown.self_weights is None else shown.self_weights[h, t, : t + 1].astype(float),
            "entropy": float(entropies[h, t]),
            "wider": int((entropies > entropies[h, t] + 1e-6).sum()),
        }

    @property
    def weights(self) -> np.ndarray:
        """Weights (n_source,) of the present step and head on the source tokens."""
        return read_only(self.compute()["weights"])

    @property
    def column(self) -> np.ndarray | None:
        """What the chosen source token got from each step so far (step + 1,); None if none is chosen."""
        return read_only(self.compute()["column"])

    @property
    def own(self) -> np.ndarray | None:
        """Weights (step + 1,) on the start symbol and the written target tokens; None if not given."""
        return read_only(self.compute()["own"])

    @property
    def entropy(self) -> float:
        """Entropy in nats of the present weights on the source."""
        return self.compute()["entropy"]

    # -- what the page knows

    def facts(self) -> dict:
        shown = self.shown
        return {
            "sizes": list(shown.cross.shape),
            "source": shown.source,
            "target": shown.target,
            "source_names": in_quotes(shown.source),
            "target_names": in_quotes(shown.target),
            "prefixes": prefixes(shown.target),
            "cross": encoded(shown.cross),
            "own": encoded(shown.self_weights),
            "text": self.text,
            "field": "live" if self.translates else None,
        }

    def _card(self, *given) -> dict:
        card = super()._card(*given)
        usual = {"step": self._usual_step, "text": None if self.translates else ""}
        return {**card, "defaults": {**card["defaults"], **usual}}

    def _page_card(self) -> dict:
        """The card of a page without a kernel: nothing in it needs another translation."""
        if not self.translates:
            return self.card
        facts = {**self.card["facts"], "field": "no kernel"}
        ask = self.card["predict"] if self.text == self._start["text"] else None
        return {**self.card, "facts": facts, "start": self.state(), "presets": self.presets(), "predict": ask}

    def presets(self) -> dict[str, dict]:
        shown = self.shown
        n = len(shown.target)
        head = min(getattr(self, "_start", {"head": self.head})["head"], len(shown.cross) - 1)
        weights = shown.cross[head]
        plain = {"text": self.text, "chosen": None}
        presets = {"First step": {**plain, "step": 0}}
        back = crossing(weights)
        if weights[back].argmax() < weights[back - 1].argmax() and back:
            presets["Where the order crosses"] = {**plain, "step": back, "head": head}
        if n > 1:
            presets["Last step"] = {**plain, "step": n - 1}
        # The source token that a second step needed most, too.
        shared = int(np.sort(weights, axis=0)[-2].argmax()) if n > 1 else 0
        asked = f"Who looked at {in_quotes(shown.source)[shared]}?"
        presets[asked] = {**plain, "step": n - 1, "head": head, "chosen": shared}
        return presets

    def prediction(self) -> dict | None:
        shown, t, h = self.shown, self._start["step"], self._start["head"]
        row = shown.cross[h, t].astype(float)
        m, names = len(row), in_quotes(shown.source)
        order = np.argsort(-row, kind="stable")
        if m < 3 or row[order[0]] - row[order[1]] < 0.02:
            return None
        top, same = int(order[0]), min(t, m - 1)
        other = same if same != top else int(order[1])
        alike = f"All {m} source tokens alike"
        choices = [*(names[j] for j in sorted((top, other))), alike]
        even = row[top] < 1.5 / m
        answer = alike if even else names[top]
        seen = f"{names[top]} gets {still.num(row[top])}, {names[other]} {still.num(row[other])}"
        reason = "The weights follow what is needed for this token, not the place in the row."
        there = (
            f"{names[other]} has the same place in its row, {same + 1}, and yet " if other == same else "But "
        )
        written = "nothing yet" if t == 0 else prefixes(shown.target)[t]
        who = f"does head {h + 1}" if len(shown.cross) > 1 else "does it"
        wrong = {
            names[other]: f"{there}{seen}. {reason}",
            names[top]: f"Hardly: {seen}, where equal shares would be {still.num(1 / m)}.",
            alike: f"It could, and then each would get {still.num(1 / m)}. But {seen}. {reason}",
        }
        return {
            "question": f"The decoder has written {written}. It writes {in_quotes(shown.target)[t]} next. "
            f"Where {who} look most?",
            "choices": choices,
            "answer": answer,
            "right": f"{seen}. {reason if not even else 'This step prefers nothing.'}",
            "wrong": {choice: wrong[choice] for choice in choices if choice != answer},
        }

    # -- words

    def words(self, results: Mapping) -> str:
        shown, t = self.shown, self.step
        n_heads, n, m = shown.cross.shape
        sources, targets = in_quotes(shown.source), in_quotes(shown.target)
        row = results["weights"]
        said = f"Step {t + 1} of {n}" + (f", head {self.head + 1} of {n_heads}" if n_heads > 1 else "")
        said += f": {prefixes(shown.target)[t] if t else 'nothing'} is written; to write {targets[t]}, "
        if m > 1 and row.max() - row.min() < ALIKE:
            said += f"the decoder looks at all {m} source tokens alike ({still.num(row[0])} each)"
        else:
            top = results["found"]
            said += f"the decoder looks most at {sources[top]} ({still.num(row[top])})"
        if abs(results["total"] - 1) > ALIKE:
            said += f", and the row sums to {still.num(results['total'])}, not to 1"
        later = n - 1 - t
        hidden = {0: "", 1: "; the token after it is hidden"}
        said += hidden.get(later, f"; the {later} tokens after it are hidden") + "."
        if results["own"] is not None:
            at = int(results["own"].argmax())
            own = still.num(results["own"][at])
            look = f"looks most at {targets[at - 1]}" if at else "looks most at the start symbol"
            said += f" Back in its own tokens it {look} ({own})."
        if results["column"] is not None:
            at = int(results["column"].argmax())
            got = still.num(results["column"][at])
            said += f" So far {sources[self.chosen]} got most from {targets[at]} ({got})."
        return said

    # -- still picture

    def still(self, results: Mapping) -> str:
        shown, t = self.shown, self.step
        _, n, m = shown.cross.shape
        source = [seen(token) for token in shown.source]
        target = [seen(token) for token in shown.target]
        beside = max(row_width(source), row_width(target)) <= 380
        width = 380.0 if beside else 640.0
        level = row_width(source) <= width
        top = 20.0 if level else 20.0 + 0.72 * max(map(len, source)) * 7.3
        below = top + 210
        lean = 0.0 if level else 0.65 * max(map(len, source)) * 7.3  # names that stand aslant lean out
        xs, _ = row_places(source, 20.0, width - lean)
        ys, widths = row_places(target, 20.0, width)
        parts = [still.text(20, 4, "The source, all in sight", colour=QUIET, size=12)]
        for token, x in zip(source, xs, strict=True):
            if level:
                parts.append(still.text(x, top + 14, token, "middle", KEY, bold=True))
            else:
                turn = f"translate({x + 4:.2f} {top + 14:.2f}) rotate(-50)"
                parts.append(still.element("text", still.escape(token), transform=turn, fill=KEY))
        parts += self._still_fan(results["weights"], xs, (top + 36, below), ys[t])
        turns = any(w < len(token) * 7.3 for w, token in zip(widths, target, strict=True))
        for i in range(t + 1):
            y = below + 18 + (22 if turns and i % 2 else 0)
            parts.append(still.text(ys[i], y, target[i], "middle", QUERY if i == t else still.INK, i == t))
        frame = len(target[t]) * 7.6 + 12
        parts.append(
            still.element("rect", x=ys[t] - frame / 2, y=y - 17, width=frame, height=24.0, rx=4, fill="none",
                          stroke=QUERY, stroke_width=2)
        )  # fmt: skip
        wall = ys[t] + max(widths[t], frame) / 2 + 6
        if t < n - 1:
            parts.append(still.hatch(wall, below - 20, 20 + width - wall, 66))
            parts.append(still.line(wall, below - 20, wall, below + 46, still.INK, 2.5))
        parts.append(
            still.text(20, below + 62, "Written so far; hatched: not yet written", colour=QUIET, size=12)
        )
        side = 200.0 if beside else 400.0
        left, up = (450.0, 40.0) if beside else (120.0, below + 110)
        cell = min(26.0, side / m)
        high = n * max(cell, 13.0)
        rows = [token if i <= t else "" for i, token in enumerate(target)]
        if max(map(len, rows)) > 7 and beside:
            rows = []
        head = f", head {self.head + 1}" if len(shown.cross) > 1 else ""
        row_high = high / n
        parts += [
            still.text(left, up - 22, f"All steps{head}", bold=True),
            still.heat_map(shown.cross[self.head].astype(float).tolist(), left, up, cell * m, high, rows),
            still.element("rect", x=left, y=up + t * row_high, width=cell * m, height=row_high, fill="none",
                          stroke=QUERY, stroke_width=2),
            still.text(left, up + high + 18, "row: step, column: source", colour=QUIET, size=12),
        ]  # fmt: skip
        height = max(below + 70, up + high + 26)
        return still.picture(680, math.ceil(height), self.TITLE, self.words(results), *parts)

    def _still_fan(self, row: np.ndarray, xs: list[float], ends: tuple[float, float], x: float) -> list[str]:
        """One band per source token, as wide as its weight, from the present target token up to it."""
        (top, bottom), whole = ends, 36.0
        parts, at, taken = [], x - whole * min(1.0, float(row.sum())) / 2, []
        middle = (top + bottom) / 2
        for j, w in enumerate(row.tolist()):
            wide = whole * w
            if w >= ALIKE:
                a, b = xs[j] - wide / 2, xs[j] + wide / 2
                p = f"M{a:.2f} {top:.2f}C{a:.2f} {middle:.2f} {at:.2f} {middle:.2f} {at:.2f} {bottom:.2f}"
                c = at + wide
                p += f"L{c:.2f} {bottom:.2f}C{c:.2f} {middle:.2f} {b:.2f} {middle:.2f} {b:.2f} {top:.2f}Z"
                parts.append(still.element("path", d=p, fill=KEY, fill_opacity="0.45"))
            at += wide
        for j in np.argsort(-row, kind="stable"):
            if row[j] >= ALIKE and all(abs(xs[j] - other) > 28 for other in taken):
                taken.append(xs[j])
                parts.append(still.text(xs[j], top - 4, still.num(row[j]), "middle", size=12))
        return parts


def seen(token: str) -> str:
    """The token as it is drawn: a space can be seen, a long word is cut."""
    token = token.replace(" ", "␣") or "∅"
    return token if len(token) <= 14 else token[:13] + "…"


def row_width(tokens: list[str]) -> float:
    """How wide the tokens are in one row of the still picture."""
    pad = 7.0 if all(len(token) == 1 for token in tokens) else 16.0
    return sum(len(token) * 7.3 + pad for token in tokens)


def row_places(tokens: list[str], left: float, width: float) -> tuple[list[float], list[float]]:
    """Middles and widths of the tokens in a row: by their length where they fit, else all alike."""
    pad = 7.0 if all(len(token) == 1 for token in tokens) else 16.0
    wide = [len(token) * 7.3 + pad for token in tokens]
    if sum(wide) > width:
        wide = [width / len(tokens)] * len(tokens)
    grow = min(width / sum(wide), 1.9)
    ends = left + np.cumsum([w * grow for w in wide])
    wide = [w * grow for w in wide]
    return [float(e - w / 2) for e, w in zip(ends, wide, strict=True)], wide


def read_only(array: np.ndarray | None) -> np.ndarray | None:
    if array is not None:
        array = np.asarray(array)
        array.flags.writeable = False
    return array


# ------------------------------------------------------------------ the factory


def translated(text: str, translate: Callable, tokenize: Callable | None, n_heads: int | None) -> Translation:
    """What `translate` makes of the text, checked; the number of heads must stay what it was."""
    answer = translate(text)
    if not isinstance(answer, (tuple, list)) or len(answer) not in (2, 3):
        raise ValueError(
            f"translate must return (target, cross) or (target, cross, self_weights); got {answer!r:.60}"
        )
    target, cross, own = (*answer, None)[:3]
    source = text if tokenize is None else list(tokenize(text))
    made = checked(source, target, cross, own, "translate's ")
    if n_heads is not None and len(made.cross) != n_heads:
        raise ValueError(f"translate must keep the number of heads, {n_heads}; got {len(made.cross)}")
    return made


def encoder_decoder_explorer(
    source: str | Sequence[str] | None = None,
    target: str | Sequence[str] | None = None,
    cross=None,
    self_weights=None,
    translate: Callable[[str], tuple] | None = None,
    tokenize: Callable[[str], Sequence[str]] | None = None,
    step: int | None = None,
    head: int = 0,
    chosen: int | None = None,
    preset: str | None = None,
    predict: bool = True,
) -> EncoderDecoderExplorer:
    """Step through a decoder: where it looks in the source, what it has written, what it cannot see.

    cross (n_target, n_source) or (n_heads, n_target, n_source): row t holds the weights with which target
    token t was written. self_weights (n_target, n_target) or (n_heads, n_target, n_target), causal: row t is
    the same step, column 0 the start symbol, column j target token j - 1. A text as source or target is cut
    into words or characters, whichever are as many as the weights. Without arguments: a French sentence and
    its English, weights made by hand.
    translate(text) -> (target, cross[, self_weights]) runs in Python for the source text, also for one that
    the reader writes; tokenize(text) gives the source tokens where they are neither words nor characters.
    `step` and `head` count from 0 (step None: where the order of the words crosses); `chosen` is a source
    token: who looked at it?
    Results: .weights (n_source,), .column, .own, .entropy. Copied Python names the weights cross and
    self_weights. ValueError names the argument. Source: Bahdanau et al. 2015, section 3.1 and figure 3.
    """
    if translate is not None:
        return from_function(source, target, cross, self_weights, translate, tokenize,
                             step=step, head=head, chosen=chosen, preset=preset, predict=predict)  # fmt: skip
    if tokenize is not None:
        raise ValueError("tokenize needs translate; without it give source as a list of tokens")
    given = {"source": source, "target": target, "cross": cross}
    missing = [name for name, value in given.items() if value is None]
    if 0 < len(missing) < 3 or (missing and self_weights is not None):
        raise ValueError(f"source, target and cross belong together; {', '.join(missing)} is missing")
    fixed: dict[str, object] = {}
    if missing:
        source, target, cross, self_weights = SOURCE, TARGET, CROSS, SELF_WEIGHTS
    first = checked(source, target, cross, self_weights)
    if not missing:
        fixed = {"source": repr(first.source), "target": repr(first.target), "cross": "cross"}
        fixed |= {} if self_weights is None else {"self_weights": "self_weights"}
    return EncoderDecoderExplorer(
        first, "", None, None, step, head=head, chosen=chosen, fixed=fixed, preset=preset, predict=predict
    )


def from_function(source, target, cross, self_weights, translate, tokenize, **more) -> EncoderDecoderExplorer:
    """The explorer that translates itself; the first text at once, and what that raises is raised."""
    for name, function in (("translate", translate), ("tokenize", tokenize)):
        if function is not None and not callable(function):
            raise ValueError(f"{name} must be a function of the source text; got {function!r:.60}")
    if not (target is None and cross is None and self_weights is None):
        raise ValueError("with translate, your function gives target and weights: leave them out")
    if not isinstance(source, str) or not 0 < len(source.strip()) <= len(source) <= MOST_TEXT:
        raise ValueError(f"source must be a text of 1 to {MOST_TEXT} characters; got {source!r:.60}")
    functions = {"translate": translate} | ({} if tokenize is None else {"tokenize": tokenize})
    names = {key: getattr(function, "__name__", key) for key, function in functions.items()}
    fixed = {key: name if name.isidentifier() else key for key, name in names.items()}
    first = translated(source, translate, tokenize, None)
    return EncoderDecoderExplorer(first, source, translate, tokenize, fixed=fixed, **more)
