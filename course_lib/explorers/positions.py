"""Where a token stands: sinusoids, a learned table, rotary turns, ALiBi's bias, or nothing at all.

One position and one pair (2i, 2i+1) of the table are followed: its hand, its products by distance; a sentence
in which two words trade places says whether attention takes notice. Nothing is masked, so ALiBi's bias counts
the distance in both directions.
"""

import base64
import math
from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from typing import ClassVar

import numpy as np
import traitlets

from course_lib import by_hand
from course_lib.explorers import still
from course_lib.explorers.attention import distinct, frozen, whole
from course_lib.explorers.base import Explorer, Number
from course_lib.palette import GRID, INK, KEY, QUERY, QUIET, VALUE

SCHEMES = ("sinusoidal", "learned", "rotary", "alibi", "none")
MOST_D, MOST_N, N_HEADS = 48, 64, 8
SENTENCE = ["the", "dog", "bites", "the", "man"]
SWAP = (1, 4)  # the two words that trade places
QUERY_WORD, KEY_WORD = 2, 1  # whose score rotary is shown for: 'bites' asks, 'dog' answers


class Even(Number):
    """An even number."""

    def validate(self, owner, value):
        value = super().validate(owner, value)
        if value % 2:
            raise ValueError(f"{self.name} must be even, as positions live in pairs; got {value}")
        return value


class Scheme(traitlets.TraitType):
    """One of the ways to say where a token stands."""

    def validate(self, owner, value):
        if value not in SCHEMES:
            raise ValueError(f"{self.name} must be one of {', '.join(map(repr, SCHEMES))}; got {value!r}")
        return value


@cache
def numbers(seed: int) -> dict[str, np.ndarray]:
    """Random float32 numbers of the largest sizes; a smaller d takes the first ones.

    table (64, 48) learned positions, words (4, 48) without place, W_Q and W_K (48, 48).
    """
    rng = np.random.default_rng(seed)
    shapes = {"table": (MOST_N, MOST_D), "words": (4, MOST_D), "W_Q": (MOST_D,) * 2, "W_K": (MOST_D,) * 2}
    drawn = {name: rng.standard_normal(shape).astype("<f4") for name, shape in shapes.items()}
    for array in drawn.values():
        array.flags.writeable = False
    return drawn


class PositionsExplorer(Explorer):
    """A scheme, a position and a pair to follow, the base of the frequencies, the sizes."""

    FAMILY = "positions"
    TITLE = "Does attention know where a word stands?"
    CHALLENGE: ClassVar = (
        "Find a base and a pair whose hand turns just once in 24 positions.",
        "wavelength > 23.5 and wavelength < 24.5",
    )

    scheme = Scheme("sinusoidal").tag(sync=True, state=True)
    position = Number(12, low=0, high=MOST_N - 1, whole=True).tag(sync=True, state=True)
    pair = Number(3, low=0, high=MOST_D // 2 - 1, whole=True).tag(sync=True, state=True)
    head = Number(3, low=1, high=N_HEADS, whole=True).tag(sync=True, state=True)
    base = Number(10000, low=2, high=1_000_000).tag(sync=True, state=True)
    d = Even(32, low=4, high=MOST_D, whole=True).tag(sync=True, state=True)
    n = Number(48, low=8, high=MOST_N, whole=True).tag(sync=True, state=True)

    def __init__(self, length: int, seed: int, **more):
        self.length, self._numbers = length, numbers(seed)
        super().__init__(**more)

    def _check_initial(self) -> None:
        for name, high, of in (
            ("position", self.n - 1, f"n = {self.n}"),
            ("pair", self.d // 2 - 1, f"d = {self.d}"),
        ):
            if getattr(self, name) > high:
                raise ValueError(f"{name} must be from 0 to {high} for {of}; got {getattr(self, name)}")

    # A smaller n or d can leave the position or the pair outside: then the last one counts.

    @property
    def at(self) -> tuple[int, int]:
        """The position and the pair that are followed."""
        return min(self.position, self.n - 1), min(self.pair, self.d // 2 - 1)

    # -- results

    @property
    def table(self) -> np.ndarray:
        """What the scheme gives to each position, rows are positions.

        Added to the tokens (n, d): sinusoidal, learned (only the rows that the table has), none (zeros).
        rotary: what its turns make of the vector (1, 0, 1, 0, ...). alibi: the chosen head's bias (n, n).
        """
        return frozen(self.compute()["table"])

    @property
    def by_distance(self) -> np.ndarray:
        """Product, score or bias of the chosen position with each position that there is (rows,)."""
        return frozen(self.compute()["by_distance"])

    @property
    def moved(self) -> np.ndarray:
        """How far the output of each word (5,) moved when 'dog' and 'man' traded places."""
        return frozen(self.compute()["moved"])

    @property
    def wavelength(self) -> float:
        """After how many positions the hand of the chosen pair has turned once; 0 without hands."""
        return self.compute()["wavelength"]

    def slope(self) -> float:
        """What ALiBi's chosen head takes off the score per position of distance."""
        return 2.0 ** (-8 * self.head / N_HEADS)

    def rows(self, n: int) -> np.ndarray:
        """The table of the first n positions, as far as there is one."""
        if self.scheme == "sinusoidal":
            return by_hand.sinusoidal_positions(n, self.d, base=self.base)
        if self.scheme == "learned":
            return self._numbers["table"][: min(n, self.length), : self.d].astype(float)
        if self.scheme == "rotary":
            return by_hand.rotate(np.tile([1.0, 0.0], (n, self.d // 2)), base=self.base)
        if self.scheme == "alibi":
            return -self.slope() * np.abs(np.arange(n)[:, None] - np.arange(n))
        return np.zeros((n, self.d))

    def queries_keys(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Queries and keys (n, d) of tokens (n, d), by random matrices."""
        W_Q, W_K = (self._numbers[name][: self.d, : self.d].astype(float) for name in ("W_Q", "W_K"))
        return X @ W_Q.T / math.sqrt(self.d), X @ W_K.T / math.sqrt(self.d)

    def words_of(self, order: list[int]) -> np.ndarray:
        """The vectors (5, d) of the sentence's words in an order; both 'the' have the same."""
        kinds = [sorted(set(SENTENCE)).index(SENTENCE[i]) for i in order]
        return self._numbers["words"][kinds, : self.d].astype(float)

    def products(self, table: np.ndarray) -> np.ndarray:
        """Product, score or bias of each position with each (rows, rows)."""
        if self.scheme == "alibi":
            return table
        if self.scheme == "rotary":
            q, k = self.queries_keys(self.words_of([QUERY_WORD, KEY_WORD]))
            Q, K = (np.tile(x, (len(table), 1)) for x in (q[0], k[1]))
            return by_hand.attention_scores(
                by_hand.rotate(Q, base=self.base), by_hand.rotate(K, base=self.base)
            )
        return table @ table.T

    def attend(self, order: list[int]) -> np.ndarray:
        """Outputs (5, d) of attention over the sentence in an order, its first word at position 0."""
        X, n = self.words_of(order), len(order)
        X = X + self.rows(n) if self.scheme in ("sinusoidal", "learned") else X
        Q, K = self.queries_keys(X)
        if self.scheme == "rotary":
            Q, K = by_hand.rotate(Q, base=self.base), by_hand.rotate(K, base=self.base)
        scores = by_hand.attention_scores(Q, K)
        scores = scores + self.rows(n) if self.scheme == "alibi" else scores
        return by_hand.softmax(scores) @ X

    def compute(self) -> dict:
        p, pair = self.at
        table = self.rows(self.n)
        products = self.products(table)
        turning = self.scheme in ("sinusoidal", "rotary")
        rate = self.base ** (-2 * pair / self.d)
        here = p < len(table)
        moved = self.swapped()
        return {
            "table": table,
            "by_distance": products[p] if here else np.zeros(0),
            "spread": spread_of(products),
            "wavelength": 2 * math.pi / rate if turning else 0.0,
            "degrees": math.degrees(p * rate) % 360 if turning else 0.0,
            "hand": table[p, 2 * pair : 2 * pair + 2]
            if here and self.scheme not in ("alibi", "none")
            else np.zeros(0),
            "moved": moved,
            "changed": int((moved > 0).sum()),
        }

    def swapped(self) -> np.ndarray:
        """How far each word's output (5,) moved when two words of the sentence traded places."""
        order = list(range(len(SENTENCE)))
        before = self.attend(order)
        order[SWAP[0]], order[SWAP[1]] = SWAP[1], SWAP[0]
        after = self.attend(order)[order]  # back at the word's old row; the swap undoes itself
        moved = np.linalg.norm(after - before, axis=1)
        moved[moved < 1e-9] = 0.0
        return moved

    # -- words

    def words(self, results: Mapping) -> str:
        return f"{self._about_place(results)} {self._about_swap(results)}"

    def _about_place(self, results: Mapping) -> str:
        p, pair = self.at
        everywhere = "at one distance the {} is the same everywhere."
        if self.scheme == "none":
            return "Without positions every row is the same: nothing says where a word stands."
        if self.scheme == "alibi":
            return (
                f"Head {self.head} of {N_HEADS} takes {still.num(self.slope(), 3)} off the score "
                f"per position; {everywhere.format('bias')}"
            )
        if self.scheme == "learned":
            if p >= len(results["table"]):
                return f"Position {p} has no row: the learned table ends at {self.length - 1}."
            return (
                f"Row {p} of the table, not yet learned, follows no rule: at one distance products differ "
                f"by up to {still.num(results['spread'], 1)}."
            )
        product = "score of one query and one key" if self.scheme == "rotary" else "product"
        return (
            f"The hand of pair {pair} turns once in {spoken(results['wavelength'])} positions; "
            f"{everywhere.format(product)}"
        )

    def _about_swap(self, results: Mapping) -> str:
        n, changed = len(results["moved"]), results["changed"]
        swap = " and ".join(f"'{SENTENCE[i]}'" for i in SWAP)
        if not changed:
            return f"When {swap} trade places, their outputs go with them and no output changes."
        return f"When {swap} trade places, {changed} of {n} outputs change."

    # -- card

    def presets(self) -> dict[str, dict]:
        start = self._start if hasattr(self, "_start") else self.state()
        n, d = start["n"], start["d"]
        slow = min(d // 2 - 1, max(1, round(d * 0.25)))
        clock = {"scheme": "sinusoidal", "base": 10000}
        return {
            "Fast hand": {**clock, "pair": 0},
            "Slow hand": {**clock, "pair": slow},
            "No positions": {"scheme": "none"},
            "Rotary": {"scheme": "rotary", "base": 10000, "pair": min(1, d // 2 - 1)},
            "ALiBi": {"scheme": "alibi"},
            "Learned": {"scheme": "learned", "position": n - 1, "n": n},
        }

    def prediction(self) -> dict:
        why = (
            "Attention mixes all words by scores of pairs, and a sum knows no order: "
            "each output goes with its word and keeps every number."
        )
        return {
            "question": "Attention gets no positions. 'the dog bites the man' becomes "
            "'the man bites the dog'. What happens to the output of 'bites'?",
            "choices": ["It changes, as the meaning does", "It stays the same", "It changes a little"],
            "answer": "It stays the same",
            "right": why,
            "wrong": {
                "It changes, as the meaning does": f"{why} What the words mean together cannot be told.",
                "It changes a little": f"{why} Not even a little is left of the order.",
            },
            "then": {"scheme": "none"},
        }

    def facts(self) -> dict:
        packed = {name: base64.b64encode(part.tobytes()).decode() for name, part in self._numbers.items()}
        return {
            **packed, "length": self.length, "sentence": SENTENCE, "names": distinct(SENTENCE),
            "kinds": [sorted(set(SENTENCE)).index(word) for word in SENTENCE], "swap": list(SWAP),
            "asked": [QUERY_WORD, KEY_WORD], "n_heads": N_HEADS, "most_d": MOST_D,
        }  # fmt: skip

    # -- still picture

    def still(self, results: Mapping) -> str:
        parts = [*self._still_table(results), *self._still_curve(results), *self._still_swap(results)]
        return still.picture(680, 330, self.TITLE, self.words(results), *parts)

    def _still_table(self, results: Mapping) -> list[str]:
        p, pair = self.at
        table = shades(self.scheme, results["table"])
        n, m, have = self.n, table.shape[1], len(table)
        left, top, width, height = 30, 26, 300, 288
        cw, ch = width / m, height / n
        parts = [still.text(left, 14, self.table_title(), bold=True)]
        parts += painted(table, left, top, cw, ch)
        if have < n:
            parts.append(still.hatch(left, top + ch * have, width, ch * (n - have)))
        parts.append(outline(left, top + ch * p, width, ch, QUERY))
        parts.append(still.text(left - 6, top + ch * (p + 0.5) + 4, str(p), "end"))
        if self.scheme not in ("alibi", "none"):
            parts.append(outline(left + 2 * cw * pair, top, 2 * cw, height, INK))
        return parts

    def table_title(self) -> str:
        return {
            "sinusoidal": "Added to the token: n rows of d numbers",
            "learned": "A table to be learned, still random",
            "rotary": "The vector (1, 0, 1, 0, …), turned",
            "alibi": f"Bias of head {self.head}: position by position",
            "none": "No positions: nothing is added",
        }[self.scheme]

    def curve_title(self) -> str:
        p, _ = self.at
        return {
            "rotary": "Score of one query and one key, by distance",
            "alibi": "Bias, by distance",
        }.get(self.scheme, f"Product with position {p}, by distance")

    def _still_curve(self, results: Mapping) -> list[str]:
        p, _ = self.at
        curve = results["by_distance"]
        parts = [still.text(370, 14, self.curve_title(), bold=True)]
        if not len(curve):
            return [*parts, still.text(370, 80, f"Position {p} has no row.", colour=QUIET)]
        low, high = min(0.0, float(curve.min())), max(0.0, float(curve.max()))
        unit, step = 108 / max(high - low, 1e-9), 290 / (2 * self.n - 2)
        base = 32 + high * unit
        parts += [still.line(370, base, 660, base, GRID), still.line(515, 26, 515, 146, GRID)]
        points = " ".join(f"{515 + step * (j - p):.1f},{base - v * unit:.1f}" for j, v in enumerate(curve))
        parts.append(still.element("polyline", points=points, fill="none", stroke=KEY, stroke_width=2))
        parts.append(still.element("circle", cx=515.0, cy=float(base - curve[p] * unit), r=4, fill=QUERY))
        return parts

    def _still_swap(self, results: Mapping) -> list[str]:
        parts = [still.text(370, 186, "Output moved when two words swapped", bold=True)]
        after = list(range(len(SENTENCE)))
        after[SWAP[0]], after[SWAP[1]] = SWAP[1], SWAP[0]
        most = max(float(results["moved"].max()), 1e-9)
        for place, word in enumerate(after):
            x, moved = 400 + 58 * place, float(results["moved"][word])
            parts.append(still.text(x, 214, SENTENCE[place], "middle", colour=QUIET))
            parts.append(still.text(x, 238, SENTENCE[word], "middle", bold=place in SWAP))
            parts.append(still.text(x, 316, still.num(moved) if moved else "0", "middle"))
            parts.append(still.bar(x - 14, 300, 28, 46 * moved / most, VALUE) if moved else "")
        return [*parts, still.line(370, 300, 660, 300, QUIET)]


def spread_of(products: np.ndarray) -> float:
    """The largest difference between two entries of (n, n) that stand equally far apart."""
    n = len(products)
    gaps = [np.ptp(np.diagonal(products, k)) for k in range(1 - n, n)]
    spread = float(max(gaps))
    return 0.0 if spread < 1e-9 else spread


def spoken(x: float) -> str:
    """A number of positions as a person would say it."""
    if x < 10:
        return still.num(x, 1)
    if x < 1000:
        return still.num(x, 0)
    step = 10 ** (math.floor(math.log10(x)) - 1)
    return f"{math.floor(x / step + 0.5) * step:,}"


def shades(scheme: str, table: np.ndarray) -> np.ndarray:
    """The table as numbers from 0 to 1 for the ramp."""
    if scheme == "alibi":
        return 1 + table / max(float(-table.min()), 1e-9)
    reach = 2.5 if scheme == "learned" else 1.0
    return np.clip((table + reach) / (2 * reach), 0, 1)


def painted(shade: np.ndarray, left: float, top: float, cw: float, ch: float) -> list[str]:
    """Cells of the shades in 9 steps, one path per step; equal cells below each other are one."""
    steps = np.round(shade * 8).astype(int)
    paths: dict[int, list[str]] = {}
    for j, column in enumerate(steps.T):
        ends = [0, *(np.flatnonzero(np.diff(column)) + 1).tolist(), len(column)]
        for a, b in pairwise(ends):
            at = f"M{left + j * cw:.1f} {top + a * ch:.1f}h{cw:.1f}v{(b - a) * ch:.1f}h-{cw:.1f}z"
            paths.setdefault(int(column[a]), []).append(at)
    return [still.element("path", d="".join(paths[s]), fill=still.ramp(s / 8)) for s in sorted(paths)]


def outline(x: float, y: float, width: float, height: float, colour: str) -> str:
    return still.element(
        "rect", x=float(x), y=float(y), width=float(width), height=float(height),
        fill="none", stroke=colour, stroke_width=2,
    )  # fmt: skip


# ------------------------------------------------------------------ the factory


def positions_explorer(
    scheme: str = "sinusoidal",
    position: int = 12,
    pair: int = 3,
    head: int = 3,
    base: float = 10000,
    d: int = 32,
    n: int = 48,
    length: int = 32,
    seed: int = 0,
    preset: str | None = None,
    predict: bool = True,
) -> PositionsExplorer:
    """Follow a position and a pair (2i, 2i+1); see stripes, hand, products by distance and the shuffle test.

    `scheme` is "sinusoidal", "learned", "rotary", "alibi" or "none"; `base` sets the frequencies base^(-2i/d)
    of d (4 to 48) numbers, `head` is ALiBi's, of 8. The learned table is as before training, random
    from `seed`, and has `length` rows for n (8 to 64) positions.
    Results: .table, .by_distance, .wavelength, .moved (5,), how far outputs move when two words trade places.
    ValueError names the argument. Sources: Vaswani et al. 2017, section 3.5; Su et al. 2021, section 3.2;
    Press, Smith and Lewis 2022, section 3.
    """
    length, seed = whole("length", length, len(SENTENCE), MOST_N), whole("seed", seed, 0, 2**63)
    fixed = {name: v for name, v, usual in (("length", length, 32), ("seed", seed, 0)) if v != usual}
    return PositionsExplorer(
        length, seed, fixed=fixed, predict=predict, preset=preset,
        scheme=scheme, position=position, pair=pair, head=head, base=base, d=d, n=n,
    )  # fmt: skip
