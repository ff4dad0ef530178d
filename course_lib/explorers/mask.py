"""Who may look at whom: a mask to paint, before softmax or (the mistake) after it.

Each token has a query, a key and a value of 2 numbers; padding is rows of zeros. One token can be replaced
by another word: an output that moves although the rules hide that token from it is a leak.
"""

import operator
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
import traitlets

from course_lib import by_hand
from course_lib.explorers import still
from course_lib.explorers.attention import distinct, frozen, split, starting_vectors, whole
from course_lib.explorers.base import Explorer, Flag, Number
from course_lib.palette import GRID, KEY, QUIET, VALUE

DEFAULT_TEXT = "the cat sat on the mat"
MOST_TOKENS = 8
OTHER_WORDS = ("dog", "sun", "tree")
STILL_ROW = 30  # height of a row of the still's map


# ------------------------------------------------------------------ traits that know the number of tokens


class OfTokens(Number):
    """A whole number up to the number of tokens less `short`; None where `optional`."""

    def __init__(self, default: int | None, low: int, short: int = 0, optional: bool = False):
        super().__init__(default, low=low, high=MOST_TOKENS, whole=True)
        self.short, self.optional = short, optional

    def validate(self, owner, value):
        if value is None and self.optional:
            return None
        value, high = super().validate(owner, value), len(owner.tokens) - self.short
        if value > high:
            raise ValueError(f"{self.name} must be from {self.low:g} to {high}, by the tokens; got {value}")
        return value


class Cells(traitlets.TraitType):
    """Cells painted by hand: [query, key, 1 = open or 0 = hidden]; given twice, the last counts."""

    def validate(self, owner, value):
        n, cells = len(owner.tokens), {}
        try:
            for i, j, allowed in value:
                cells[operator.index(i), operator.index(j)] = int(bool(allowed))
        except (TypeError, ValueError):
            cells = {(-1, -1): 0}
        if not all(0 <= i < n and 0 <= j < n for i, j in cells):
            raise ValueError(
                f"painted must list (query, key, 1 to open or 0 to hide), query and key from 0 to {n - 1}; "
                f"got {value!r:.80}"
            )
        return [[i, j, allowed] for (i, j), allowed in sorted(cells.items())]


# ------------------------------------------------------------------ the explorer


class MaskExplorer(Explorer):
    """2 to 8 tokens, the rules of a mask, cells painted over them, and a token that is replaced."""

    FAMILY = "mask"
    TITLE = "Who may look at whom?"
    CHALLENGE: ClassVar = (
        "Without opening a hidden cell, let a replaced token move an output that may not see it.",
        "leaks > 0.5 and opened < 0.5",
    )

    causal = Flag(True).tag(sync=True, state=True)
    real = OfTokens(MOST_TOKENS, low=1).tag(sync=True, state=True)
    window = OfTokens(0, low=0).tag(sync=True, state=True)
    after = Flag(False).tag(sync=True, state=True)
    changed = OfTokens(None, low=0, short=1, optional=True).tag(sync=True, state=True)
    painted = Cells([]).tag(sync=True, state=True)

    def __init__(self, tokens: list[str], seed: int, **more):
        self.tokens = tokens
        self.replacement = next((word for word in OTHER_WORDS if word not in tokens), "new")
        self._words = starting_vectors(tokens, 2, 1, seed)[:, 0]
        self._words[0] = np.round(self._words[0] / 2, 2) + 0.0  # softer weights: many shares can be read
        super().__init__(**more)

    def _card(self, *given) -> dict:
        card = super()._card(*given)
        return {**card, "defaults": {**card["defaults"], "real": len(self.tokens)}}

    # -- results

    @property
    def mask(self) -> np.ndarray:
        """The mask (n, n), rows are queries; True means "may be attended"; rules with the painted cells."""
        return frozen(self.compute()["mask"])

    @property
    def weights(self) -> np.ndarray:
        """Weights (n, n) of the sentence as it is now, with the replaced token in it."""
        return frozen(self.compute()["weights"])

    @property
    def row_sums(self) -> np.ndarray:
        """What each row of the weights sums to (n,): 1, 0 for an empty row, less than 1 for a late mask."""
        return frozen(self.compute()["row_sums"])

    @property
    def output(self) -> np.ndarray:
        """Output (n, 2), one row per query: weights @ values."""
        return frozen(self.compute()["output"])

    @property
    def moved(self) -> np.ndarray:
        """How far each output (n,) moved when the token `changed` was replaced; all 0 if none was."""
        return frozen(self.compute()["moved"])

    @property
    def leaks(self) -> int:
        """How many outputs moved although the rules hide the replaced token from them."""
        return self.compute()["leaks"]

    def rules(self) -> np.ndarray:
        """The mask (n, n) of padding, causal and window, without what was painted."""
        n = len(self.tokens)
        mask = np.tile(by_hand.padding_mask([self.real], n), (n, 1))
        if self.causal:
            mask &= by_hand.causal_mask(n, n)
        if self.window:
            mask &= np.abs(np.arange(n)[:, None] - np.arange(n)) < self.window
        return mask

    def vectors(self, changed: int | None) -> np.ndarray:
        """Queries, keys, values (3, n, 2): padding is zeros, the word `changed` is replaced by another."""
        vectors = self._words.copy()
        vectors[:, self.real :] = 0.0
        if changed is not None:
            vectors[:, changed] = -self._words[:, changed]
        return vectors

    def attend(self, vectors: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Weights before the mask, weights, output; the mask comes before softmax, or after it (wrong)."""
        Q, K, V = vectors
        scores = by_hand.attention_scores(Q, K)
        unmasked = by_hand.softmax(scores)
        late = np.where(mask, unmasked, 0.0)
        weights = late if self.after else by_hand.softmax(by_hand.hide(scores, mask))
        return unmasked, weights, weights @ V

    def compute(self) -> dict:
        rules = self.rules()
        mask = rules.copy()
        for i, j, allowed in self.painted:
            mask[i, j] = allowed
        _, _, before = self.attend(self.vectors(None), mask)
        unmasked, weights, output = self.attend(self.vectors(self.changed), mask)
        moved = np.linalg.norm(output - before, axis=1)
        moved[moved < 1e-12] = 0.0
        leaking = np.zeros(len(moved), bool)
        if self.changed is not None:
            leaking = (moved > 0) & ~rules[:, self.changed]
            leaking[self.changed] = False  # its own query is another one: it may move
        return {
            "mask": mask,
            "weights": weights,
            "row_sums": weights.sum(axis=1),
            "output": output,
            "moved": moved,
            "unmasked": unmasked,
            "leaking": leaking,
            "leaks": int(leaking.sum()),
            "opened": int((mask & ~rules).sum()),
            "lowest_sum": float(weights.sum(axis=1).min()),
        }

    # -- words

    def names_with(self, real: int) -> list[str]:
        """Names of the tokens of which the first `real` are words."""
        return distinct(self.tokens[:real] + ["pad"] * (len(self.tokens) - real))

    def words(self, results: Mapping) -> str:
        return f"{self._about_mask(results)}{self._about_change(results)}"

    def _about_mask(self, results: Mapping) -> str:
        mask, sums, names = results["mask"], results["row_sums"], self.names_with(self.real)
        n, hidden, filled = len(names), int((~mask).sum()), mask.any(axis=1)
        said = f"{hidden} of {n * n} cells are hidden" if hidden else "No cell is hidden"
        if self.after and hidden and filled.any() and sums[filled].min() < 0.995:
            low = first_near(np.where(filled, sums, 2.0), sums[filled].min())
            said += f", but after softmax: row '{names[low]}' sums to {still.num(sums[low])}, not to 1."
        elif filled.any():
            said += f"; every {'' if filled.all() else 'other '}row sums to 1."
        else:
            said += "."
        empty = [name for name, any_key in zip(names, filled, strict=True) if not any_key]
        if len(empty) == 1:
            said += f" '{empty[0]}' may look at nothing: its weights and its output are all 0."
        elif empty:
            said += f" {len(empty)} tokens may look at nothing: their weights and outputs are all 0."
        return said

    def _about_change(self, results: Mapping) -> str:
        if self.changed is None:
            return ""
        names, moved, leaks = self.names_with(self.real), results["moved"], results["leaks"]
        n, count = len(names), int((moved > 0).sum())
        said = f" '{names[self.changed]}' became '{self.replacement}': "
        said += f"{count or 'none'} of {n} outputs moved"
        if not leaks:
            return f"{said}{', no leak.' if count else '.'}"
        far = np.where(results["leaking"], moved, 0.0)
        worst = first_near(far, far.max())
        most = f"'{names[worst]}' by {still.num(moved[worst])}"
        return f"{said}, {leaks} through a leak ({most if leaks == 1 else 'most ' + most})."

    # -- card

    def presets(self) -> dict[str, dict]:
        n = len(self.tokens)
        plain = {"causal": True, "real": n, "window": 0, "after": False, "changed": n - 1, "painted": []}
        return {
            "Causal": plain,
            "Padding": {**plain, "causal": False, "real": max(1, n - 2)},
            "Window": {**plain, "window": min(3, n - 1), "changed": 0},
            "Mask after softmax": {**plain, "after": True, "changed": None},
            "A leak": {**plain, "painted": [[self._asked_row(), n - 1, 1]]},
        }

    def _asked_row(self) -> int:
        return 1 if len(self.tokens) > 2 else 0

    def prediction(self) -> dict:
        n, row = len(self.tokens), self._asked_row()
        name, left = self.names_with(n)[row], row + 1
        Q, K, _ = self._words
        kept = still.num(by_hand.softmax(by_hand.attention_scores(Q, K))[row, :left].sum())
        keys = "1 key" if left == 1 else f"{left} keys"
        answer = "The hidden scores decide: less than 1"
        why = f"Softmax has shared out 1 over all {n} keys; zeros set afterwards take their shares away"
        return {
            "question": f"A causal mask leaves '{name}' {keys} of {n}. Somebody applies it after softmax: "
            "the weights of later words are set to 0. What do the weights of its row then sum to?",
            "choices": ["1, as in every row", f"{left}/{n}, the share of keys left", answer],
            "answer": answer,
            "right": f"{why}. {kept} is left, and how much it is still depends on words that are hidden.",
            "wrong": {
                "1, as in every row": f"{why}, and nothing shares them out again: {kept} is left.",
                f"{left}/{n}, the share of keys left": "That would be so if all scores were equal. "
                f"{why}: {kept} is left, and the hidden scores decide about it.",
            },
            "then": self.presets()["Mask after softmax"],
        }

    def facts(self) -> dict:
        n = len(self.tokens)
        return {
            "names": [self.names_with(real) for real in range(n + 1)],
            "words": self._words.tolist(),
            "replacement": self.replacement,
            "reach": float(2 * np.linalg.norm(self._words[2], axis=1).max()),
        }

    # -- still picture

    def still(self, results: Mapping) -> str:
        names, n = self.names_with(self.real), len(self.tokens)
        if self.changed is not None:
            names[self.changed] = self.replacement
        left, width = 90, min(300.0, 60.0 * n)
        right, top, cell = left + width, 54, width / n
        turns = max(map(len, names)) * 7.3 > cell  # long names stand in two rows by turns
        parts = [
            still.text(left, 14, "Weights", bold=True),
            still.text(right + 24, 14, "Row sum", bold=True),
            still.text(right + 132, 14, "Output moved", bold=True),
            still.heat_map(results["weights"].tolist(), left, top, width, STILL_ROW * n, names, (),
                           results["mask"]),
        ]  # fmt: skip
        for j, name in enumerate(names):
            up = 20 if turns and j % 2 == 0 else 6
            parts.append(still.text(left + (j + 0.5) * cell, top - up, name, "middle"))
        for i in range(n):
            y = top + STILL_ROW * i
            parts += self._still_row(results, i, right, y, float(results["moved"][i]))
        return still.picture(680, top + STILL_ROW * n + 8, self.TITLE, self.words(results), *parts)

    def _still_row(self, results: Mapping, i: int, right: float, y: float, moved: float) -> list[str]:
        total = float(results["row_sums"][i])
        short = total < 0.995
        parts = [still.text(right + 24, y + 19, still.num(total), bold=short)]
        parts.append(still.hatch(right + 58, y + 10, 54, 10) if short else "")
        parts.append(still.rect(right + 58, y + 10, 54 * min(1.0, total), 10, KEY))
        if self.changed is None:
            return [*parts, still.text(right + 132, y + 19, "–", colour=QUIET)]
        length = 70 * moved / self.facts()["reach"]
        parts.append(still.text(right + 132, y + 19, still.num(moved) if moved else "0"))
        parts.append(still.rect(right + 166, y + 10, length, 10, VALUE) if moved else "")
        if results["leaking"][i]:
            parts.append(still.text(right + 172 + length, y + 19, "leak", bold=True))
        parts.append(still.line(right + 166, y + 6, right + 166, y + 24, GRID))
        return parts


def first_near(values: np.ndarray, wanted: float) -> int:
    """The first index whose value is the wanted one but for rounding."""
    return int(np.argmax(np.abs(values - wanted) < 1e-9))


# ------------------------------------------------------------------ the factory


def mask_explorer(
    text_or_tokens: str | Sequence[str] = DEFAULT_TEXT,
    causal: bool = True,
    real: int | None = None,
    window: int = 0,
    after: bool = False,
    changed: int | None = None,
    seed: int = 0,
    painted: Sequence[tuple[int, int, int]] = (),
    preset: str | None = None,
    predict: bool = True,
) -> MaskExplorer:
    """Paint a mask over 2 to 8 tokens; see weights, row sums and which outputs a replaced token moves.

    `real` is the number of real tokens (None: all; the rest is padding), `window` how many positions a token
    sees, itself included (0: all), `after` applies the mask after softmax, which is wrong, `changed` is the
    index of a token replaced by another word, `painted` holds (query, key, 1 to open or 0 to hide).
    Results: .mask (n, n), True means "may be attended", .weights (n, n), .row_sums (n,), .output (n, 2),
    .moved (n,), .leaks. ValueError names the argument. Source: Vaswani et al. 2017, section 3.2.3.
    """
    tokens = split(text_or_tokens)
    if not 2 <= len(tokens) <= MOST_TOKENS:
        raise ValueError(f"text_or_tokens must hold 2 to {MOST_TOKENS} words; got {len(tokens)}")
    seed = whole("seed", seed, 0, 2**63)
    fixed = {} if text_or_tokens == DEFAULT_TEXT else {"text_or_tokens": repr(tokens)}
    fixed |= {"seed": seed} if seed else {}
    return MaskExplorer(
        tokens, seed, fixed=fixed, predict=predict, preset=preset, causal=causal,
        real=len(tokens) if real is None else real, window=window, after=after, changed=changed,
        painted=painted,
    )  # fmt: skip
