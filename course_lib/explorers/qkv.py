"""Three matrices make queries, keys and values of the same tokens; attention mixes the values.

Tokens are vectors of 2 numbers. A matrix W acts on a column: q = W_Q x, as nn.Linear does (X @ W.T for rows).
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from course_lib import by_hand
from course_lib.explorers import still
from course_lib.explorers.attention import distinct, frozen, split
from course_lib.explorers.base import Explorer, Number, Numbers
from course_lib.palette import GRID, KEY, QUERY, QUIET, VALUE

DEFAULT_TEXT = "cats chase mice"
MOST_TOKENS, REACH, ENTRY = 4, 3.0, 3.0  # largest entries of a token and of a matrix
DEFAULT_VECTORS = ((0.3, 1.4), (1.6, 0.6), (-0.9, -1.1), (0.6, -1.5))
NAMED = {
    "identity": ((1.0, 0.0), (0.0, 1.0)),
    "swap": ((0.0, 1.0), (1.0, 0.0)),
    "quarter turn": ((0.0, -1.0), (1.0, 0.0)),
    "mirror": ((1.0, 0.0), (0.0, -1.0)),
    "zero": ((0.0, 0.0), (0.0, 0.0)),
}
SPANS = (2.4, 3.6, 5.4, 8.0, 12.0, 19.0)  # half widths of a plane


class TokenVectors(Numbers):
    """One vector of 2 numbers per token."""

    def validate(self, owner, value):
        value = super().validate(owner, value)
        if len(value) != len(owner.tokens):
            raise ValueError(f"{self.name} must hold one vector for each of the {len(owner.tokens)} tokens")
        return value


def matrix(name: str) -> Numbers:
    """The trait of a 2 x 2 matrix that starts as the named one."""
    return Numbers(NAMED[name], shape=(2, 2), low=-ENTRY, high=ENTRY).tag(sync=True, state=True)


class QKVExplorer(Explorer):
    """2 to 4 tokens, the entries of W_Q, W_K and W_V, and the token that asks."""

    FAMILY = "qkv"
    TITLE = "What does each of the three matrices decide?"
    CHALLENGE: ClassVar = (
        "Move every key, and the output too, without changing any weight.",
        "keys_moved > 0.5 and output_moved > 0.5 and weights_moved < 0.005",
    )

    query = Number(1, low=0, high=MOST_TOKENS - 1, whole=True).tag(sync=True, state=True)
    W_Q = matrix("quarter turn")
    W_K = matrix("identity")
    W_V = matrix("swap")
    vectors = TokenVectors(
        DEFAULT_VECTORS[:3], shape=((2, MOST_TOKENS), 2), low=-REACH, high=REACH
    ).tag(sync=True, state=True)  # fmt: skip

    def __init__(self, tokens: list[str], **more):
        self.tokens, self.names = tokens, distinct(tokens)
        super().__init__(**more)

    def _check_initial(self) -> None:
        if self.query >= len(self.tokens):
            raise ValueError(f"query must be from 0 to {len(self.tokens) - 1}; got {self.query}")

    def _card(self, *given) -> dict:
        card = super()._card(*given)
        vectors = [list(vector) for vector in DEFAULT_VECTORS[: len(self.tokens)]]
        return {**card, "defaults": {**card["defaults"], "vectors": vectors}}

    # -- results

    @property
    def queries(self) -> np.ndarray:
        """Queries (n, 2), one row per token: vectors @ W_Q.T."""
        return frozen(self.compute()["queries"])

    @property
    def key_vectors(self) -> np.ndarray:
        """Keys (n, 2); `keys` is a name that every widget keeps for itself."""
        return frozen(self.compute()["key_vectors"])

    @property
    def values(self) -> np.ndarray:
        """Values (n, 2)."""
        return frozen(self.compute()["values"])

    @property
    def weights(self) -> np.ndarray:
        """Weights (n, n), rows are queries: softmax(Q K^T / sqrt(2))."""
        return frozen(self.compute()["weights"])

    @property
    def output(self) -> np.ndarray:
        """Output (n, 2), one row per token: weights @ values."""
        return frozen(self.compute()["output"])

    @property
    def product(self) -> np.ndarray:
        """W_Q^T W_K (2, 2): all that the scores x_i^T W_Q^T W_K x_j see of the two."""
        return frozen(self.compute()["product"])

    def attend(self, state: Mapping) -> dict:
        """Queries, keys, values, weights, output and product of a state."""
        X, W_Q, W_K, W_V = (np.array(state[name]) for name in ("vectors", "W_Q", "W_K", "W_V"))
        Q, K, V = X @ W_Q.T, X @ W_K.T, X @ W_V.T
        output, weights = by_hand.scaled_dot_product_attention(Q, K, V)
        product = W_Q.T @ W_K
        return {
            "queries": Q, "key_vectors": K, "values": V,
            "weights": weights, "output": output, "product": product,
        }  # fmt: skip

    def compute(self) -> dict:
        now, before = self.attend(self.state()), self.attend(self._start)
        moved = np.linalg.norm(now["output"] - before["output"], axis=1)
        return {
            **now,
            "largest": float(now["weights"][self._row].max()),
            "weights_moved": float(np.abs(now["weights"] - before["weights"]).max()),
            "output_moved": float(moved[self._row]),
            "keys_moved": float(np.linalg.norm(now["key_vectors"] - before["key_vectors"], axis=1).min()),
            "product_moved": float(np.abs(now["product"] - before["product"]).max()),
        }

    @property
    def _row(self) -> int:
        return min(self.query, len(self.tokens) - 1)

    # -- words

    def words(self, results: Mapping) -> str:
        row, names = results["weights"][self._row], self.names
        name = names[self._row]
        top = int(np.argmax(row > row.max() - 1e-9))
        alike = row.max() - row.min() < 0.005
        if alike:
            said = f"'{name}' looks at all {len(row)} tokens alike ({still.num(row[top])} each)"
        else:
            found = "itself" if top == self._row else f"'{names[top]}'"
            said = f"'{name}' looks most at {found} ({still.num(row[top])})"
        output = results["output"][self._row]
        near = nearest_token(output, np.array(self.vectors))
        if near is None:
            return f"{said}, but its output is 0: the values it mixes give nothing."
        joint = "; its" if alike else ", and its" if near == top else ", but its"
        at = ", ".join(shown(v) for v in output)
        return f"{said}{joint} output ({at}) points most along the token '{names[near]}'."

    # -- card

    def presets(self) -> dict[str, dict]:
        start = self._start if hasattr(self, "_start") else self.state()
        given = {name: start[name] for name in ("W_Q", "W_K", "W_V")}
        turn = np.array(NAMED["quarter turn"])
        turned = {name: (turn @ np.array(start[name]) + 0.0).tolist() for name in ("W_Q", "W_K")}
        one, zero = NAMED["identity"], NAMED["zero"]
        return {
            "All identity": {"W_Q": rows(one), "W_K": rows(one), "W_V": rows(one)},
            "Turn queries and keys": {**given, **turned},
            "W_V = identity": {**given, "W_V": rows(one)},
            "W_V = 0": {**given, "W_V": rows(zero)},
            "W_Q = 0": {**given, "W_Q": rows(zero)},
        }

    def prediction(self) -> dict:
        then = next(name for name in ("identity", "quarter turn") if rows(NAMED[name]) != self._start["W_V"])
        now = self.attend(self._start)
        after = self.attend({**self._start, "W_V": NAMED[then]})
        name, top = self.names[self._row], self.names[int(now["weights"][self._row].argmax())]
        far = shown(float(np.linalg.norm(after["output"][self._row] - now["output"][self._row])))
        share = shown(float(now["weights"][self._row].max()))
        why = (
            f"The weights are made of W_Q and W_K alone: '{top}' keeps {share}. "
            f"W_V decides what is handed over: the output moves by {far}."
        )
        article = "the identity" if then == "identity" else "a quarter turn"
        return {
            "question": f"W_Q and W_K stay as they are, and W_V becomes {article}. "
            f"What changes for '{name}': how it weighs the tokens, or its output?",
            "choices": ["Its weights", "Its output", "Both"],
            "answer": "Its output",
            "right": why,
            "wrong": {"Its weights": why, "Both": why},
            "then": {"W_V": rows(NAMED[then])},
        }

    def facts(self) -> dict:
        return {
            "names": self.names, "start": self._start, "named": {name: rows(w) for name, w in NAMED.items()},
            "spans": list(SPANS), "reach": REACH, "entry": ENTRY,
        }  # fmt: skip

    # -- still picture

    def still(self, results: Mapping) -> str:
        X, row = np.array(self.vectors), results["weights"][self._row]
        me, name = self._row, self.names[self._row]
        arrows = [
            (*x, word, QUIET, 3.0 if i == me else 2.0)
            for i, (x, word) in enumerate(zip(X, self.names, strict=True))
        ]
        asked = [
            (*k, f"{word} {still.num(w)}", KEY, 2.0)
            for k, word, w in zip(results["key_vectors"], self.names, row, strict=True)
        ]
        asked.append((*results["queries"][me], f"query of {name}", QUERY, 3.0))
        mixed = [(*v, word, VALUE, 1.5) for v, word in zip(results["values"], self.names, strict=True)]
        mixed += [(*results["output"][me], "output", VALUE, 4.0)]
        parts = [
            *_still_plane(20, "Tokens x", arrows),
            *_still_plane(240, "Queries W_Q x, keys W_K x", asked),
            *_still_plane(460, "Values W_V x and output", mixed),
        ]
        n = len(X)
        cell = 140 / n
        parts.append(
            still.heat_map(results["weights"].tolist(), 300, 254, 140, 24 * n, self.names, self.names)
            if cell >= 35 else ""
        )  # fmt: skip
        parts.append(
            still.element(
                "rect",
                x=300,
                y=254 + 24 * me,
                width=140,
                height=24,
                fill="none",
                stroke=QUERY,
                stroke_width=2,
            )
        )
        for i, (label, w) in enumerate((("W_Q", self.W_Q), ("W_K", self.W_K), ("W_V", self.W_V))):
            parts += _still_matrix(20 + 82 * i if i < 2 else 490, 254, label, w, (QUERY, KEY, VALUE)[i])
        return still.picture(680, 262 + 24 * n, self.TITLE, self.words(results), *parts)


def rows(matrix: Sequence[Sequence[float]]) -> list[list[float]]:
    return [list(row) for row in matrix]


def shown(x: float) -> str:
    """A result with 2 decimals, as the page says it: noise of the last digits is taken off first."""
    return still.num(round(float(x), 9))


def nearest_token(vector: np.ndarray, tokens: np.ndarray) -> int | None:
    """The token (n, 2) whose direction is nearest to the vector's; None for a vector without length."""
    if np.linalg.norm(vector) < 0.005:
        return None
    cosines = np.where(tokens.any(axis=1), by_hand.similarity(vector, tokens)[1], -2.0)
    return int(np.argmax(cosines > cosines.max() - 1e-9))


def span_for(vectors: np.ndarray) -> float:
    """The half width of a plane in which all the vectors (n, 2) fit."""
    far = float(np.abs(vectors).max()) * 1.08
    return next((span for span in SPANS if span >= far), SPANS[-1])


def _still_plane(left: float, title: str, arrows: list[tuple]) -> list[str]:
    """Arrows (x, y, label, colour, width) from the middle of a plane of 200 x 200."""
    unit = 100 / span_for(np.array([arrow[:2] for arrow in arrows]))
    cx, cy = left + 100, 124
    parts = [still.text(left, 14, title, bold=True)]
    parts += [still.line(left, cy, left + 200, cy, GRID), still.line(cx, 24, cx, 224, GRID)]
    taken: list[tuple[float, float, float]] = []
    for x, y, word, colour, width in arrows:
        px, py = cx + x * unit, cy - y * unit
        parts.append(still.arrow(cx, cy, px, py, colour, width))
        long = 7.5 * len(word)
        start = min(max(px - (long if x < -0.1 else 0), left), left + 200 - long)
        py, step = (py - 6, -14) if y >= 0 else (py + 15, 14)
        while any(abs(py - b) < 13 and start < a + w and a < start + long for a, b, w in taken):
            py += step
        taken.append((start, py, long))
        parts.append(still.text(start, py, word))
    return parts


def _still_matrix(left: float, top: float, name: str, matrix: Sequence, colour: str) -> list[str]:
    parts = [still.text(left, top + 12, name, bold=True, colour=colour)]
    for i, row in enumerate(matrix):
        parts += [
            still.text(left + 26 + 36 * j, top + 34 + 20 * i, plain_number(v), "end")
            for j, v in enumerate(row)
        ]
    return parts


def plain_number(x: float) -> str:
    return still.num(x, 0 if float(x).is_integer() else 2)


# ------------------------------------------------------------------ the factory


def qkv_explorer(
    text_or_tokens: str | Sequence[str] = DEFAULT_TEXT,
    vectors=None,
    W_Q=NAMED["quarter turn"],
    W_K=NAMED["identity"],
    W_V=NAMED["swap"],
    query: int = 1,
    preset: str | None = None,
    predict: bool = True,
) -> QKVExplorer:
    """Change W_Q, W_K, W_V (2, 2); see queries, keys, values of 2 to 4 tokens, the weights and the mixture.

    `vectors` (n, 2) are the tokens, entries from -3 to 3 as in the matrices; `query` is the index of the
    token that asks. A matrix acts on a column, q = W_Q x, so rows of vectors are multiplied by W.T.
    Results: .queries, .key_vectors, .values (n, 2), .weights (n, n), .output (n, 2), .product = W_Q^T W_K.
    ValueError names the argument. Source: Vaswani et al. 2017, section 3.2.
    """
    tokens = split(text_or_tokens)
    if not 2 <= len(tokens) <= MOST_TOKENS:
        raise ValueError(f"text_or_tokens must hold 2 to {MOST_TOKENS} words; got {len(tokens)}")
    fixed = {} if text_or_tokens == DEFAULT_TEXT else {"text_or_tokens": repr(tokens)}
    vectors = DEFAULT_VECTORS[: len(tokens)] if vectors is None else vectors
    return QKVExplorer(
        tokens, fixed=fixed, predict=predict, preset=preset,
        query=query, W_Q=W_Q, W_K=W_K, W_V=W_V, vectors=vectors,
    )  # fmt: skip
