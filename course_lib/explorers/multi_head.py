"""Heads at equal width: one question asks six parcels, two of them wanted; or the heads of a real model.

Each parcel is 8 numbers: 4 of content, its place j, j squared, 0 and 1. All matrices are 8 x 8 however many
heads share them. For each head W_Q makes the query a constant and W_K the key 2 s p j - s j^2: the score
s p^2 - s (j - p)^2 is largest at the place p where the head is aimed. W_V picks content, W_O changes nothing.
"""

import base64
import operator
from collections.abc import Mapping, Sequence

import numpy as np
import traitlets

from course_lib import by_hand
from course_lib.explorers import still
from course_lib.explorers.attention import distinct, frozen
from course_lib.explorers.base import Explorer, Number
from course_lib.palette import GRID, INK, QUERY, QUIET, VALUE

PARCELS = "cABdef"  # the names of the six; A and B are wanted
CONTENTS = np.array(
    [[2, 1, -2, 1], [3, -1, 2, 1], [-1, 3, 1, -2], [1, -2, -1, 3], [-2, 1, 1, 2], [1, 2, -2, -1]], float
)
WANTED = (1, 2)  # places of A and B
SHARPNESS = 8.0  # the s of the module's first lines: a head aimed at a parcel gives it 0.999
D_MODEL = 8
NUMBERS_OF_HEADS = (1, 2, 4, 8)
MOST_HEADS, MOST_TOKENS, MOST_NUMBERS = 16, 64, 256


# ------------------------------------------------------------------ the hand-set example


def aims(n_heads: int, aimed: Sequence = ()) -> np.ndarray:
    """The place (n_heads,) at which each head is aimed: one between A and B; of several, half at each."""
    half = np.arange(n_heads) < n_heads / 2
    places = np.where(half, *WANTED).astype(float) if n_heads > 1 else np.array([sum(WANTED) / 2])
    for head, place in aimed:
        if head < n_heads:
            places[head] = place
    return places


def parcels() -> np.ndarray:
    """The six parcels (6, 8): content, place, place squared, 0, 1."""
    place = np.arange(len(PARCELS), dtype=float)
    return np.column_stack([CONTENTS, place, place**2, np.zeros_like(place), np.ones_like(place)])


def matrices(places: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """W_Q, W_K, W_V, W_O, each (8, 8), for heads that are aimed at these places; x W^T makes queries."""
    d_head = D_MODEL // len(places)
    W_Q, W_K, W_V = np.zeros((3, D_MODEL, D_MODEL))
    for head, place in enumerate(places):
        W_Q[head * d_head, 7] = d_head**0.5
        W_K[head * d_head, 4:6] = 2 * SHARPNESS * place, -SHARPNESS
    W_V[np.arange(D_MODEL), np.arange(D_MODEL) % 4] = 1
    return W_Q, W_K, W_V, np.eye(D_MODEL)


def split_heads(x: np.ndarray, n_heads: int) -> np.ndarray:
    """(n, d_model) -> (n_heads, n, d_head)."""
    return np.swapaxes(x.reshape(len(x), n_heads, -1), 0, 1)


def fetch(places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The heads' weights (n_heads, 1, 6) and values (n_heads, 6, d_head) for one question."""
    question, X = np.eye(D_MODEL)[[7]], parcels()
    Q, K, V = (
        split_heads(x @ W.T, len(places)) for x, W in zip((question, X, X), matrices(places)[:3], strict=True)
    )
    _, weights = by_hand.scaled_dot_product_attention(Q, K, V)
    return weights, V


# ------------------------------------------------------------------ traits


class HeadCount(Number):
    """1, 2, 4 or 8; with given weights, as many as these have."""

    def validate(self, owner, value):
        value = super().validate(owner, value)
        allowed = NUMBERS_OF_HEADS if owner.given is None else (len(owner.given[0]),)
        if value not in allowed:
            raise ValueError(f"n_heads must be {' or '.join(map(str, allowed))}; got {value}")
        return value


class Heads(traitlets.TraitType):
    """Indices of heads, each once and in order; those beyond the present number of heads wait."""

    def validate(self, owner, value):
        most = NUMBERS_OF_HEADS[-1] if owner.given is None else len(owner.given[0])
        try:
            heads = sorted({operator.index(head) for head in value})
        except TypeError:
            heads = [-1]
        if not all(0 <= head < most for head in heads):
            raise ValueError(f"{self.name} must list heads from 0 to {most - 1}; got {value!r:.60}")
        return heads


class Aims(traitlets.TraitType):
    """Where single heads are aimed: [head, place from 0 to 5]; given twice, the last counts."""

    def validate(self, owner, value):
        try:
            aimed = {operator.index(head): float(place) for head, place in value}
        except (TypeError, ValueError):
            aimed = {-1: 0.0}
        if owner.given is not None and aimed:
            raise ValueError(f"{self.name} moves the heads of the example; given weights stay as they are")
        last = len(PARCELS) - 1
        if not all(0 <= head < NUMBERS_OF_HEADS[-1] and 0 <= p <= last for head, p in aimed.items()):
            raise ValueError(
                f"{self.name} must list (head from 0 to 7, place from 0 to {last}); got {value!r:.60}"
            )
        return [[head, place] for head, place in sorted(aimed.items())]


class Row(Number):
    """The index of a query."""

    def validate(self, owner, value):
        value, high = super().validate(owner, value), owner.n_queries - 1
        if value > high:
            raise ValueError(f"{self.name} must be from 0 to {high}, by the rows of weights; got {value}")
        return value


# ------------------------------------------------------------------ the explorer


class MultiHeadExplorer(Explorer):
    """How many heads share d_model numbers, which of them are off, and what they bring together."""

    FAMILY = "multi_head"
    TITLE = "What does a second head change?"

    n_heads = HeadCount(1, low=1, high=MOST_HEADS, whole=True).tag(sync=True, state=True)
    aimed = Aims([]).tag(sync=True, state=True)
    off = Heads([]).tag(sync=True, state=True)
    query = Row(0, low=0, whole=True).tag(sync=True, state=True)

    def __init__(self, given: tuple | None, rows: list[str], columns: list[str], **more):
        self.given, self._rows, self._columns = given, rows, columns
        self.n_queries = 1 if given is None else given[0].shape[1]
        if given is None:
            self.CHALLENGE = (
                "With four heads or more, let the whole of B arrive, and nothing of A.",
                "n_heads > 3.5 and miss[1] < 0.01 and brought[0] < 0.01",
            )
        else:
            self.TITLE = "What does each head look at?"
            top = float(given[0].max())
            if len(given[0]) > 1:
                self.CHALLENGE = (
                    "From one query, one head gives a token more weight than any other head ever does. "
                    "Choose that query, and leave only that head on.",
                    f"heads_on < 1.5 and peak > {top - 1e-5:.6f}",
                )
        super().__init__(**more)

    def _card(self, *given) -> dict:
        card = super()._card(*given)
        usual = {"n_heads": 1 if self.given is None else len(self.given[0])}
        return {**card, "defaults": {**card["defaults"], **usual}}

    # -- results

    @property
    def weights(self) -> np.ndarray:
        """Weights (n_heads, n_q, n_k) of all heads, those switched off included."""
        return frozen(self.compute()["weights"])

    @property
    def slices(self) -> np.ndarray:
        """What each head brings for the chosen query (n_heads, d_head); 0 where it is off."""
        return frozen(self.compute()["slices"])

    @property
    def output(self) -> np.ndarray:
        """The slices one after another (d_model,)."""
        return frozen(self.compute()["output"])

    @property
    def parameters(self) -> int:
        """Numbers in W_Q, W_K, W_V and W_O together, without biases: 4 d_model^2."""
        return self.compute()["parameters"]

    def compute(self) -> dict:
        if self.given is None:
            weights, values = fetch(aims(self.n_heads, self.aimed))
        else:
            weights, values = self.given
        H = len(weights)
        on = np.array([head not in self.off for head in range(H)])
        peak = float(weights[on, self.query].max(initial=0))
        results = {"n_heads": H, "weights": weights, "heads_on": int(on.sum()), "peak": peak}
        if values is None:
            return results
        slices = np.where(on[:, None], np.einsum("hk,hkd->hd", weights[:, self.query], values), 0.0)
        output = slices.ravel()
        d_model = len(output)
        results |= {"slices": slices, "output": output, "parameters": 4 * d_model**2}
        if self.given is None:
            halves, wanted = output.reshape(2, 4), CONTENTS[list(WANTED)]
            results["miss"] = np.abs(halves - wanted).mean(axis=1)
            results["brought"] = np.abs(halves).mean(axis=1)
            results["error"] = float(((halves - wanted) ** 2).mean())
        return results

    # -- words

    def words(self, results: Mapping) -> str:
        H, off = results["n_heads"], results["n_heads"] - results["heads_on"]
        gone = f", {off} switched off" if off else ""
        if "output" not in results:
            return f"{self._looks(results)}; {H} {'head' if H == 1 else 'heads'}{gone}."
        d = len(results["output"]) // H
        said = f"{H} {'head' if H == 1 else 'heads'} of {d} {'number' if d == 1 else 'numbers'}{gone}"
        count = f"4 × {H * d} × {H * d} = {results['parameters']:,} parameters, with any number of heads."
        if self.given is not None:
            return f"{self._looks(results)}; {said}. {count}"
        parts = [arrival(name, results["miss"][i], results["brought"][i]) for i, name in enumerate("AB")]
        return f"{said}: {parts[0]}, {parts[1]}. {count}"

    def _looks(self, results: Mapping) -> str:
        rows = results["weights"][:4, self.query]
        looks = [f"head {h} {'looks most ' if h == 0 else ''}at '{self._columns[int(row.argmax())]}' "
                 f"({still.num(row.max())})" for h, row in enumerate(rows)]  # fmt: skip
        return f"'{self._rows[self.query]}': {', '.join(looks)}{' ...' if results['n_heads'] > 4 else ''}"

    # -- card

    def presets(self) -> dict[str, dict]:
        if self.given is not None:
            others = list(range(1, len(self.given[0])))
            return {"All heads": {"off": []}, "Only the first": {"off": others}}
        plain = {"n_heads": 1, "aimed": [], "off": []}
        return {
            "One head": plain,
            "One head, aimed at A": {**plain, "aimed": [[0, 1.0]]},
            "Two heads": {**plain, "n_heads": 2},
            "Two heads, both at A": {**plain, "n_heads": 2, "aimed": [[1, 1.0]]},
            "Eight heads": {**plain, "n_heads": 8},
        }

    def prediction(self) -> dict | None:
        if self.given is not None:
            return self._question_about_looks()
        why = (
            "The 8 numbers are shared out, not multiplied: two heads get 4 columns each of the same "
            "matrices. What the second head adds is a second mixture: now A and B both arrive."
        )
        return {
            "question": "W_Q, W_K, W_V and W_O hold 256 numbers for one head of 8 numbers. "
            "How many do they hold for two heads at the same d_model of 8?",
            "choices": ["Twice as many: 512", "As many: 256", "Half as many: 128"],
            "answer": "As many: 256",
            "right": why,
            "wrong": {
                "Twice as many: 512": f"That would be two heads of 8 numbers, and 16 at the end. {why}",
                "Half as many: 128": f"Each head is half as wide, but there are two. {why}",
            },
            "then": self.presets()["Two heads"],
        }

    def _question_about_looks(self) -> dict | None:
        """How many tokens the heads of a model find for the chosen query."""
        rows = self.given[0][:, self.query]
        H, found = len(rows), len(set(rows.argmax(axis=1).tolist()))
        if H < 2 or rows.shape[1] < 3:
            return None
        choices = ["All at the same one", "Some share one", "Each at another one"]
        answer = choices[0] if found == 1 else choices[2] if found == H else choices[1]
        if H == 2:
            choices.pop(1)
        seen = f"The {H} heads find {found} {'token' if found == 1 else 'different tokens'} here"
        return {
            "question": f"This model has {H} heads. At which tokens do they look most, "
            f"seen from '{self._rows[self.query]}'?",
            "choices": choices,
            "answer": answer,
            "right": f"{seen}. Nothing but training decides: heads may differ, and may repeat each other.",
            "wrong": {c: f"{seen}: nothing makes heads differ, or agree, but training."
                      for c in choices if c != answer},
        }  # fmt: skip

    def facts(self) -> dict:
        shared = {"rows": self._rows, "columns": self._columns}
        if self.given is None:
            return {**shared, "contents": CONTENTS.tolist(), "wanted": list(WANTED), "sharpness": SHARPNESS}
        weights, values = self.given
        return {
            **shared,
            "sizes": [*weights.shape, 0 if values is None else values.shape[2]],
            "weights": encoded(weights),
            "values": None if values is None else encoded(values),
        }

    # -- still picture

    def still(self, results: Mapping) -> str:
        H, weights = results["n_heads"], results["weights"]
        left, width, gap = 20.0, 640.0, 14.0
        aside = 0.0 if self.given is None else 80.0  # room for the names of the rows
        per_row = H if self.given is None or H <= 4 else 4
        column = (width - aside - gap * (per_row - 1)) / per_row
        n, m = weights.shape[1:]
        cell = min((column - (30 if per_row < 8 else 0)) / m, 40.0 if n == 1 else 190 / max(n, m))
        high = cell * n if n > 1 else 26.0
        parts = []
        for head in range(H):
            x = left + aside + (column + gap) * (head % per_row)
            x += 0 if aside else (column - cell * m) / 2
            y = 30 + (high + 50) * (head // per_row)
            parts.append(still.text(x, y - 16, f"head {head}", bold=True))
            if not aside:
                parts += [still.text(x + (j + 0.5) * cell, y + 10, name, "middle", QUIET, size=12)
                          for j, name in enumerate(self._columns)]  # fmt: skip
            shown = weights[head].tolist()
            mask = np.zeros((n, m), bool) if head in self.off else None
            rows = self._rows if aside and head % per_row == 0 and high >= 12 * n else ()
            parts.append(still.heat_map(shown, x, y + 16, cell * m, high, [r[:11] for r in rows], (), mask))
            if aside:
                at = y + 16 + high / n * self.query
                parts.append(still.element("rect", x=x, y=at, width=cell * m, height=high / n, fill="none",
                                           stroke=QUERY, stroke_width=2))  # fmt: skip
        y = 30 + (high + 50) * -(-H // per_row) + 10
        if "output" in results:
            parts += self._still_slices(results, left, width, y)
            y += 170
        return still.picture(680, int(y), self.TITLE, self.words(results), *parts)

    def _still_slices(self, results: Mapping, left: float, width: float, y: float) -> list[str]:
        output, H = results["output"], results["n_heads"]
        d_head, gap = len(output) // H, 14.0
        reach = max(1e-9, float(np.abs(output).max()), 3.0 if self.given is None else 0.0)
        base, unit = y + 70, 48 / reach
        column = (width - gap * (H - 1)) / H
        parts = [still.text(left, y + 4, f"Together: {len(output)} numbers", bold=True)]
        for head in set(self.off) & set(range(H)):
            parts.append(still.hatch(left + (column + gap) * head, base - 48, column, 96))
        for i, value in enumerate(output):
            x = left + (column + gap) * (i // d_head) + column / d_head * (i % d_head)
            step = column / d_head
            parts.append(still.bar(x + 0.2 * step, base, 0.6 * step, unit * float(value), VALUE))
            if self.given is None:
                wanted = CONTENTS[WANTED[i // 4], i % 4]
                at = base - unit * wanted
                parts.append(still.line(x + 0.1 * step, at, x + 0.9 * step, at, INK, 2.5))
        for head in range(H):
            x = left + (column + gap) * head
            parts.append(still.line(x, base, x + column, base, GRID))
        if self.given is None:
            said = "Bold lines: what is wanted, first the 4 numbers of A, then the 4 of B"
            parts.append(still.text(left, base + 72, said, colour=QUIET))
        return parts


def arrival(name: str, miss: float, brought: float) -> str:
    """What became of a parcel, in words."""
    if brought < 0.005:
        return f"nothing arrives for {name}"
    if miss < 0.005:
        return f"{name} arrives whole"
    return f"{name} is off by {still.num(miss)} on average"


def encoded(values: np.ndarray) -> str:
    return base64.b64encode(values.astype("<f4").tobytes()).decode()


# ------------------------------------------------------------------ the factory


def given_heads(weights: object, values: object) -> tuple[np.ndarray, np.ndarray | None]:
    """Weights (n_heads, n_q, n_k) and values (n_heads, n_k, d_head) as float32 kept them; or ValueError."""
    try:
        w = np.asarray(weights, dtype=float)
        v = None if values is None else np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise ValueError("weights and values must be arrays of numbers") from None
    if w.ndim != 3 or 0 in w.shape or len(w) > MOST_HEADS or max(w.shape[1:]) > MOST_TOKENS:
        raise ValueError(
            f"weights must have shape (n_heads, n, n), at most {MOST_HEADS} heads and {MOST_TOKENS} tokens; "
            f"got {w.shape}"
        )
    if not np.isfinite(w).all() or w.min() < -1e-6 or w.max() > 1 + 1e-6:
        raise ValueError(f"weights must be from 0 to 1; got {w.min():.3g} to {w.max():.3g}")
    if v is not None and (v.ndim != 3 or v.shape[:2] != (w.shape[0], w.shape[2]) or v.shape[2] == 0):
        raise ValueError(f"values must have shape ({w.shape[0]}, {w.shape[2]}, d_head); got {v.shape}")
    if v is not None and (not np.isfinite(v).all() or v.shape[0] * v.shape[2] > MOST_NUMBERS):
        raise ValueError(f"values must be finite, at most {MOST_NUMBERS} numbers for all heads together")
    w, v = (None if a is None else a.astype("<f4").astype(float) for a in (w, v))
    return w, v


def named(name: str, given: str | Sequence[str] | None, n: int) -> list[str]:
    if given is None:
        return [str(i + 1) for i in range(n)]
    words = given.split() if isinstance(given, str) else [str(word) for word in given]
    if len(words) != n:
        raise ValueError(f"{name} must name the {n} {name} of the weights; got {len(words)}")
    return distinct(words)


def multi_head_explorer(
    n_heads: int | None = None,
    aimed: Sequence[tuple[int, float]] = (),
    off: Sequence[int] = (),
    weights=None,
    values=None,
    rows: str | Sequence[str] | None = None,
    columns: str | Sequence[str] | None = None,
    query: int = 0,
    preset: str | None = None,
    predict: bool = True,
) -> MultiHeadExplorer:
    """Share 8 numbers among 1, 2, 4 or 8 heads that fetch two of six parcels; switch heads off.

    `aimed` holds (head, place from 0 to 5), places being those of c A B d e f; `off` lists heads. Or the
    heads of a real model: `weights` (n_heads, n, n) and, where the concatenation is to be shown, `values`
    (n_heads, n, d_head), with names of `rows` and `columns` (columns are named as the rows by default) and
    the index of a `query`. Results: .weights, .slices (n_heads, d_head), .output (d_model,), .parameters.
    Copied Python names the arrays weights and values. ValueError names the argument.
    Source: Vaswani et al. 2017, Attention Is All You Need, section 3.2.2.
    """
    fixed: dict[str, object] = {}
    if weights is None:
        if values is not None or rows is not None or columns is not None:
            raise ValueError("values, rows and columns need weights, the maps of a model's heads")
        given, row_names, column_names = None, ["question"], list(PARCELS)
    else:
        given = given_heads(weights, values)
        H, n, m = given[0].shape
        row_names = named("rows", rows, n)
        column_names = named("columns", rows if columns is None and n == m else columns, m)
        n_heads = H if n_heads is None else n_heads
        fixed = {"weights": "weights"} | ({} if values is None else {"values": "values"})
        fixed |= {k: repr(w.split() if isinstance(w, str) else [str(v) for v in w])
                  for k, w in (("rows", rows), ("columns", columns)) if w is not None}  # fmt: skip
    return MultiHeadExplorer(
        given, row_names, column_names, fixed=fixed, predict=predict, preset=preset,
        n_heads=1 if n_heads is None else n_heads, aimed=list(aimed), off=list(off), query=query,
    )  # fmt: skip
