"""Attention one can touch: queries, keys and values as points, the map of weights, the output they mix.

Up to 10 tokens in 2 dimensions are drawn as planes with everything to drag; more of either as a map.
"""

import base64
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import traitlets

from course_lib import by_hand
from course_lib.explorers import still
from course_lib.explorers.base import Explorer, Flag, Number, Numbers, Place, fits
from course_lib.palette import GRID, INK, KEY, QUERY, QUIET, VALUE

DEFAULT_TEXT = "the cat slept because it was tired"
NAMES = ("queries", "key_vectors", "values")  # `keys` is a name that every widget keeps for itself
MOST_TOKENS, MOST_IN_PLANE, MOST_HEADS = 512, 10, 64
MOST_WEIGHTS = 5_000_000  # of a model, over all layers and heads
FULL = 65_535  # a weight of 1 among given weights
KEY_RADIUS, VALUE_RADIUS = 2.7, 1.7
VALUE_CENTRE = np.array([1.1, 0.7])  # off the origin, so that the mean of the values is not nothing
START_WEIGHT = 0.62  # what the chosen query gives to the key that it looks for, in the first state
TASK = re.compile(
    r"make '(.+?)' look at '(.+?)' with (?:a )?weight (>=|<=|>|<|above|below) ([0-9.]+)", re.IGNORECASE
)


# ------------------------------------------------------------------ tokens and the vectors of the first state


def split(text_or_tokens: str | Sequence[str]) -> list[str]:
    """A text is cut at its spaces; a list of tokens stays as it is. ValueError for none or too many."""
    tokens = text_or_tokens.split() if isinstance(text_or_tokens, str) else list(text_or_tokens)
    if not 1 <= len(tokens) <= MOST_TOKENS or not all(isinstance(token, str) for token in tokens):
        raise ValueError(
            f"text_or_tokens must hold 1 to {MOST_TOKENS} words; got {len(tokens)}: {tokens!r:.60}"
        )
    return tokens


def distinct(tokens: list[str]) -> list[str]:
    """Names of the tokens: those that occur more than once get a small number (the₁ ... the₂)."""
    total, seen, names = Counter(tokens), Counter(), []
    for token in tokens:
        seen[token] += 1
        number = str(seen[token]).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))
        names.append(token + number if total[token] > 1 else token)
    return names


def first_look(tokens: list[str]) -> tuple[int, int]:
    """The query shown first and the key that it finds: 'it' and 'cat', else the last and the second."""
    n = len(tokens)
    query = tokens.index("it") if "it" in tokens else n - 1
    key = tokens.index("cat") if "cat" in tokens else min(1, n - 1)
    return query, key if key != query else 0


def wanted_keys(tokens: list[str], n_heads: int, rng: np.random.Generator) -> np.ndarray:
    """The key each query looks for, (n_heads, n): by head a random one, the one before, the first, itself."""
    n = len(tokens)
    position = np.arange(n)
    wanted = np.empty((n_heads, n), int)
    for head in range(n_heads):
        other = (position + rng.integers(1, max(n, 2), n)) % n
        if n > MOST_IN_PLANE:  # a few keys that many look for, as in trained heads: stripes in the map
            other = rng.choice(rng.choice(n, round(n**0.5), replace=False), n)
        wanted[head] = [other, np.maximum(position - 1, 0), np.zeros(n, int), position][head % 4]
    query, key = first_look(tokens)
    wanted[0, query] = key
    return wanted


def on_circle(n: int, radius: float, rng: np.random.Generator) -> np.ndarray:
    """n points (n, 2) in random order on a circle, nearly evenly spaced so that their labels keep apart."""
    angle = (rng.permutation(n) + rng.uniform(-0.15, 0.15, n)) * 2 * np.pi / n + rng.uniform(0, 2 * np.pi)
    length = radius * rng.uniform(0.95, 1.05, n)
    return np.stack([length * np.cos(angle), length * np.sin(angle)], axis=1)


def plane_head(wanted: np.ndarray, shares: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Queries, keys, values (n, 2) of one head: query i points at key wanted[i] and gives it shares[i]."""
    n = len(wanted)
    keys, values = on_circle(n, KEY_RADIUS, rng), on_circle(n, VALUE_RADIUS, rng) + VALUE_CENTRE
    turn = rng.uniform(-0.2, 0.2, n) * 2 * np.pi / n
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    direction = np.einsum("abn,nb->na", rotation, keys[wanted]) / KEY_RADIUS
    low, high = np.zeros(n), np.full(n, 3.0)
    for _ in range(30):
        middle = (low + high) / 2
        _, weights = by_hand.scaled_dot_product_attention(direction * middle[:, None], keys, values)
        short = weights[np.arange(n), wanted] < shares
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return [direction * high[:, None], keys, values]


def long_head(wanted: np.ndarray, shares: np.ndarray, d: int, rng: np.random.Generator) -> list[np.ndarray]:
    """The same for d dimensions: keys of one length in random directions; query i is a multiple of its key.

    The wanted key scores c sqrt(d), the others have variance c^2, so the weight is near shares[i] where
    c sqrt(d) - c^2 / 2 = log(n - 1) + log(share / (1 - share)); the smaller root is taken.
    """
    n = len(wanted)
    keys, values = rng.standard_normal((2, n, d))
    keys *= np.sqrt(d) / np.linalg.norm(keys, axis=1, keepdims=True)
    odds = np.log(max(n - 1, 1)) + np.log(shares / (1 - shares))
    c = np.sqrt(d) - np.sqrt(np.maximum(d - 2 * odds, 0))
    return [keys[wanted] * c[:, None], keys, values]


def starting_vectors(tokens: list[str], d_head: int, n_heads: int, seed: int) -> np.ndarray:
    """Queries, keys and values of the first state (3, n_heads, n, d_head), the same for the same arguments.

    Each query is aimed at one key, so the map has a pattern; the query shown first gives its key 0.62.
    """
    rng = np.random.default_rng(seed)
    wanted = wanted_keys(tokens, n_heads, rng)
    shares = rng.uniform(0.45, 0.75, wanted.shape)
    shares[:, first_look(tokens)[0]] = START_WEIGHT
    heads = [
        plane_head(w, p, rng) if d_head == 2 else long_head(w, p, d_head, rng)
        for w, p in zip(wanted, shares, strict=True)
    ]
    return np.round(np.swapaxes(np.array(heads), 0, 1), 2 if d_head == 2 else 4) + 0.0


# ------------------------------------------------------------------ the reader's own function


def checked(returned: object, n: int, d_v: int) -> tuple[np.ndarray, np.ndarray]:
    """Output (n, d_v) and weights (n, n) that an own function returned; ValueError says what is wrong."""
    if returned is None:
        raise ValueError("your function returned nothing: is a `return` missing?")
    if not isinstance(returned, (tuple, list)) or len(returned) != 2:
        raise ValueError(f"your function must return (output, weights); it returned {description(returned)}")
    try:
        output, weights = (np.asarray(part, dtype=float) for part in returned)
    except (TypeError, ValueError):
        raise ValueError(
            f"output and weights must be arrays of numbers; got {description(returned)}"
        ) from None
    if output.shape == (n, n) and weights.shape == (n, d_v) and n != d_v:
        raise ValueError("your function returned (weights, output); expected (output, weights)")
    for name, part, wanted in (("output", output, f"({n}, {d_v})"), ("weights", weights, f"({n}, {n})")):
        if str(part.shape) != wanted:
            raise ValueError(f"{name} must have shape {wanted}; your function returned shape {part.shape}")
    return output, weights


def description(value: object) -> str:
    """What a value is, in few words."""
    if isinstance(value, np.ndarray):
        return f"one array of shape {value.shape}"
    return f"{type(value).__name__}" + (f" of {len(value)}" if isinstance(value, (tuple, list)) else "")


def remark_on(
    output: np.ndarray, weights: np.ndarray, vectors: Sequence[np.ndarray], names: list[str]
) -> str:
    """How an own function's results differ from by_hand's, in one sentence."""
    Q, K, V = vectors
    expected_output, expected = by_hand.scaled_dot_product_attention(Q, K, V)

    def close(a, b):
        return np.allclose(a, b, rtol=1e-4, atol=1e-5)

    rows, columns = weights.sum(axis=1), weights.sum(axis=0)
    worst = int(np.argmax(np.abs(rows - 1)))
    if not (np.isfinite(weights).all() and np.isfinite(output).all()):
        return "Your function returns values that are not finite numbers."
    if not close(rows, 1):
        along = ": it is the columns that sum to 1" if close(columns, 1) else ""
        each = "your rows sum" if np.ptp(rows) < 0.005 else f"your row '{names[worst]}' sums"
        return f"But {each} to {still.num(rows[worst])}, not 1{along}."
    if not close(weights, expected):
        for scale, what in (
            (1.0, "not divided by the root of d"),
            (1 / Q.shape[-1], "divided by d, not by its root"),
        ):
            if close(weights, by_hand.softmax(by_hand.attention_scores(Q, K, scale))):
                return f"But these are the weights of scores {what}."
        i, j = np.unravel_index(np.argmax(np.abs(weights - expected)), weights.shape)
        got, right = still.num(weights[i, j]), still.num(expected[i, j])
        return f"But your weight of '{names[j]}' for '{names[i]}' is {got}; by_hand has {right}."
    if not close(output, expected_output):
        off = still.num(np.abs(output - expected_output).max())
        return (
            f"Your weights agree with by_hand, but your output is not weights @ V: it is off by up to {off}."
        )
    return "Your function agrees with by_hand."


# ------------------------------------------------------------------ the explorers


class Vectors(Numbers):
    """Vectors (n_heads, n, d); (n, d) is taken as one head. Their shape stays as it was made."""

    def validate(self, owner, value):
        try:
            array = np.asarray(value, dtype=float)
            value = array[None] if array.ndim == 2 else array
        except (TypeError, ValueError):
            pass  # the check that follows says what is wrong
        array = np.asarray(super().validate(owner, value))
        wanted = owner.shapes[self.name]
        if not all(map(fits, array.shape, wanted)):
            raise ValueError(f"{self.name} must have shape {wanted} (heads, tokens, size); got {array.shape}")
        return array.tolist()


class AttentionExplorer(Explorer):
    """What all pictures share: the chosen query and head, the map of weights, the words."""

    FAMILY = "attention"
    TITLE = "Which key does the query find?"

    query = Number(0, low=0, high=MOST_TOKENS - 1, whole=True).tag(sync=True, state=True)
    head = Number(0, low=0, high=MOST_HEADS - 1, whole=True).tag(sync=True, state=True)

    def __init__(self, tokens: list[str], n_heads: int, **more):
        self.tokens, self.names, self._n_heads = tokens, distinct(tokens), n_heads
        super().__init__(**more)

    def _check_initial(self) -> None:
        if self.query >= len(self.tokens):
            raise ValueError(
                f"query must be from 0 to {len(self.tokens) - 1}, one of the tokens; got {self.query}"
            )
        if self.head >= self._n_heads:
            raise ValueError(f"head must be from 0 to {self._n_heads - 1}; got {self.head}")
        self._asked = self._first_question()

    def _first_question(self) -> dict | None:
        return self._question(self.compute())

    @traitlets.validate("keys")
    def _no_vectors(self, proposal):
        if not all(isinstance(name, str) for name in proposal["value"]):
            raise ValueError("keys is the widget's own list of names; the keys of attention are key_vectors")
        return proposal["value"]

    # -- results

    @property
    def weights(self) -> np.ndarray:
        """Weights (n, n) of the chosen head, rows are queries; read-only; the own function's if any."""
        return frozen(self.compute()["weights"])

    @property
    def _row(self) -> int:
        return min(self.query, len(self.tokens) - 1)

    # -- words

    def prediction(self) -> dict | None:
        return self._asked

    def facts(self) -> dict:
        return {"names": self.names, "tokens": self.tokens, "n_heads": self._n_heads}

    def words(self, results: Mapping) -> str:
        weights = results["weights"][self._row]
        allowed = self._row + 1 if self.causal else len(weights)
        top = low = 0
        for j in range(1, allowed):
            top = j if weights[j] > weights[top] else top
            low = j if weights[j] < weights[low] else low
        name = self.names[self._row]
        if allowed == 1:
            said = f"'{name}' may look only at itself ({still.num(weights[0])})"
        elif weights[top] - weights[low] < 0.005 and allowed <= 100:
            said = f"'{name}' looks at all {allowed} keys alike ({still.num(weights[top])} each)"
        else:
            said = f"'{name}' looks most at '{self.names[top]}' ({still.num(weights[top])})"
        remark = f" {results['remark']}" if "remark" in results else ""
        return f"{said}{self._about_output(results, allowed)}{remark}"

    def _about_output(self, results: Mapping, allowed: int) -> str:
        raise NotImplementedError

    def condition_for(self, text: str) -> str | None:
        match = TASK.fullmatch(text.strip().rstrip("."))
        if not match:
            return None
        query, key, sign, bound = match.groups()
        for name in (query, key):
            if name not in [*self.names, *self.tokens]:
                raise ValueError(f"text names '{name}'; the tokens are {', '.join(self.names[:20])}")
        i, j = ((self.names if name in self.names else self.tokens).index(name) for name in (query, key))
        return f"weights[{i}][{j}] { {'above': '>', 'below': '<'}.get(sign.lower(), sign) } {bound}"

    def _question(self, results: Mapping) -> dict | None:
        raise NotImplementedError


class AttentionOfVectors(AttentionExplorer):
    """Weights and output from queries, keys and values; what changes them is at hand."""

    scaled = Flag(True).tag(sync=True, state=True)
    causal = Flag(False).tag(sync=True, state=True)
    temperature = Number(1.0, low=0.1, high=10.0).tag(sync=True, state=True)

    def __init__(
        self, tokens: list[str], shape: tuple, attention: Callable | None, predict: bool = True, **more
    ):
        n_heads, _, self._d_head, self._d_v = shape
        self._attention = attention
        super().__init__(
            tokens, n_heads, predict=predict and attention is None, python=attention is not None, **more
        )

    @property
    def output(self) -> np.ndarray:
        """Output (n, d_v) of the chosen head, one row per query; read-only."""
        return frozen(self.compute()["output"])

    def head_vectors(self, vectors: Sequence | None = None) -> list[np.ndarray]:
        """Queries, keys and values (n, d) of the chosen head."""
        vectors = vectors or (self.queries, self.key_vectors, self.values)
        head = min(self.head, self._n_heads - 1)
        return [np.array(part[head], dtype=float) for part in vectors]

    def attend(self, Q: np.ndarray, K: np.ndarray, V: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Output and weights for the present controls, or what the own function returns for these vectors."""
        if self._attention is not None:
            return checked(self._attention(Q.copy(), K.copy(), V.copy()), len(Q), V.shape[-1])
        scale = (Q.shape[-1] ** -0.5 if self.scaled else 1.0) / self.temperature
        mask = np.tri(len(Q), dtype=bool) if self.causal else None
        return by_hand.scaled_dot_product_attention(Q, K, V, mask=mask, scale=scale)

    def compute(self) -> dict:
        vectors = self.head_vectors()
        output, weights = self.attend(*vectors)
        results = {"weights": weights, "output": output, "largest": float(weights[self._row].max())}
        if self._attention is not None:
            results["remark"] = remark_on(output, weights, vectors, self.names)
        return results

    def _first_question(self) -> dict | None:
        return super()._first_question() if self._attention is None else None

    def facts(self) -> dict:
        own = self._attention is not None
        return {**super().facts(), "d_head": self._d_head, "d_v": self._d_v, "own": own}

    def _about_output(self, results: Mapping, allowed: int) -> str:
        shares = "the one value it sees" if allowed == 1 else f"{allowed} values mixed in these shares"
        return f"; its output is {shares}."


class AttentionPlanes(AttentionOfVectors):
    """Up to 10 tokens in two dimensions: everything can be dragged."""

    queries = Vectors(np.zeros((1, 1, 2)), shape=(None, None, 2)).tag(sync=True, state=True)
    key_vectors = Vectors(np.zeros((1, 1, 2)), shape=(None, None, 2)).tag(
        sync=True, state=True, argument="keys"
    )
    values = Vectors(np.zeros((1, 1, 2)), shape=(None, None, 2)).tag(sync=True, state=True)

    def __init__(self, tokens, vectors, defaults, **more):
        self.shapes = {name: np.shape(array) for name, array in vectors.items()}
        self._defaults = {name: np.asarray(array).tolist() for name, array in defaults.items()}
        n_heads, n, d = self.shapes["key_vectors"]
        if more["attention"] is None:
            self.CHALLENGE = (
                "Move the output without changing any weight.",
                "output_moved > 0.5 and weights_moved < 0.001",
            )
        super().__init__(tokens, (n_heads, n, d, 2), **vectors, **more)

    def _card(self, *given) -> dict:
        card = super()._card(*given)
        return {
            **card,
            "defaults": {**card["defaults"], **self._defaults, "query": first_look(self.tokens)[0]},
        }

    def compute(self) -> dict:
        results = super().compute()
        start = self.head_vectors([self._start[name] for name in NAMES])
        output, weights = self.attend(*start)
        return {
            **results,
            "weights_moved": float(np.abs(results["weights"] - weights).max()),
            "output_moved": float(np.linalg.norm((results["output"] - output)[self._row])),
        }

    def facts(self) -> dict:
        reach = {
            "reach": max(np.abs(self._start["queries"]).max(), np.abs(self._start["key_vectors"]).max()),
            "value_reach": np.abs(self._start["values"]).max(),
        }
        start = {name: self._start[name] for name in NAMES}
        return {**super().facts(), **{k: max(1.0, 1.3 * float(v)) for k, v in reach.items()}, "start": start}

    def presets(self) -> dict[str, dict]:
        given = self._start if hasattr(self, "_start") else self.state()
        Q, K, V = (np.array(given[name]) for name in NAMES)
        plain = {name: given[name] for name in NAMES}
        if self._attention is None:
            plain |= {"scaled": True, "causal": False, "temperature": 1.0}
        length = np.maximum(np.linalg.norm(K, axis=-1, keepdims=True), 1e-9)
        itself = K / length * np.linalg.norm(Q, axis=-1, keepdims=True).mean()
        query = min(given["query"], len(self.tokens) - 1)
        found = int(self._start_weights(given)[query].argmax())
        return {
            f"'{self.names[query]}' looks at '{self.names[found]}'": {**plain, "query": query},
            "All alike": {**plain, "queries": np.zeros_like(Q).tolist()},
            "Look at yourself": {**plain, "queries": np.round(itself, 2).tolist()},
            **({} if self._attention else {"One takes all": {**plain, "temperature": 0.2}}),
            "Same weights, other values": {**plain, "values": (-V + 0.0).tolist()},
        }

    def _start_weights(self, given: Mapping) -> np.ndarray:
        Q, K, V = self.head_vectors([given[name] for name in NAMES])
        return by_hand.scaled_dot_product_attention(Q, K, V)[1]

    def _about_output(self, results: Mapping, allowed: int) -> str:
        at = ", ".join(still.num(v, 1) for v in results["output"][self._row])
        shares = "the one value it sees" if allowed == 1 else "all values mixed in these shares"
        return f"; its output ({at}) is {shares}."

    def _question(self, results: Mapping) -> dict | None:
        row, me = results["weights"][self._row], self._row
        best = int(row.argmax())
        Q, K, _ = self.head_vectors()
        near = sorted((j for j in range(len(row)) if j not in (best, me)),
                      key=lambda j: np.linalg.norm(K[j] - Q[me]))  # fmt: skip
        others = [j for j in (me, *near) if j != best][:2]
        if not others or row[best] - row[others].max() < 0.02:
            return None
        name = self.names
        own = (
            "A query is not the key of its own token: the two are different vectors. "
            f"The key of '{name[me]}' gets {still.num(row[me])}; "
            f"'{name[best]}' lies furthest along the query: {still.num(row[best])}."
        )
        far = "'{}' gets {}. What counts is how far a key lies along the query, and '{}' lies furthest: {}."
        wrong = {
            name[j]: far.format(name[j], still.num(row[j]), name[best], still.num(row[best])) for j in others
        }
        if me in others:
            wrong[name[me]] = own
        return {
            "question": f"The arrow is the query of '{name[me]}', the points are keys. "
            "Which key gets the largest weight?",
            "choices": [name[j] for j in sorted([best, *others])],
            "answer": name[best],
            "right": f"'{name[best]}' lies furthest along the query: {still.num(row[best])}. "
            f"The key of '{name[me]}' itself is another vector.",
            "wrong": wrong,
        }

    def still(self, results: Mapping) -> str:
        parts = [*self._still_query(results), *self._still_values(results), *self._still_map(results)]
        height = 300 + 24 * len(self.tokens) + 40
        return still.picture(680, height, self.TITLE, self.words(results), *parts)

    def _still_query(self, results: Mapping) -> list[str]:
        Q, K, _ = self.head_vectors()
        row, unit = results["weights"][self._row], 125 / self.facts()["reach"]
        parts = [still.text(20, 14, "The query meets the keys", bold=True), *_still_axes(20)]
        for name, (x, y), weight in zip(self.names, K, row, strict=True):
            px, py = 150 + x * unit, 155 - y * unit
            size = 5 + 16 * float(np.sqrt(np.clip(np.nan_to_num(weight), 0, 1)))
            parts.append(still.element("circle", cx=px, cy=py, r=size, fill=KEY, fill_opacity="0.2"))
            parts.append(still.element("circle", cx=px, cy=py, r=5, fill=KEY))
            parts.append(still.text(px, py - size - 3, name, "middle"))
        x, y = Q[self._row]
        return [*parts, still.arrow(150, 155, 150 + x * unit, 155 - y * unit, QUERY, 3)]

    def _still_values(self, results: Mapping) -> list[str]:
        _, _, V = self.head_vectors()
        row, unit = results["weights"][self._row], 125 / self.facts()["value_reach"]
        x, y = np.nan_to_num(results["output"][self._row])
        tip = 490 + x * unit, 155 - y * unit
        parts = [still.text(360, 14, "The output mixes the values", bold=True), *_still_axes(360)]
        for name, (vx, vy), weight in zip(self.names, V, row, strict=True):
            px, py = 490 + vx * unit, 155 - vy * unit
            width = 8 * float(np.clip(np.nan_to_num(weight), 0, 1))
            parts.append(still.line(*tip, px, py, VALUE, width) if width > 0.05 else "")
            parts.append(still.rect(px - 5, py - 5, 10, 10, VALUE) + still.text(px, py - 9, name, "middle"))
        return [*parts, still.arrow(490, 155, *tip, VALUE, 4)]

    def _still_map(self, results: Mapping) -> list[str]:
        n = len(self.tokens)
        mask = np.tri(n, dtype=bool) if self.causal else None
        weights = np.nan_to_num(results["weights"]).tolist()
        left, top, width = 130, 322, min(530, 75 * n)
        return [
            still.heat_map(weights, left, top, width, 24 * n, self.names, self.names, mask),
            still.element("rect", x=left, y=top + 24 * self._row, width=width, height=24, fill="none",
                          stroke=QUERY, stroke_width=2),
        ]  # fmt: skip


class AttentionMap(AttentionOfVectors):
    """Many tokens or more than two dimensions: the map is the picture, the vectors stay as given."""

    def __init__(self, tokens, vectors, defaults, **more):
        # Rounded to float32, as the page gets them, so that both sides compute from the same numbers.
        parts = {name: frozen(np.asarray(array, dtype="<f4")) for name, array in vectors.items()}
        self.queries, self.key_vectors, self.values = (parts[name] for name in NAMES)
        n_heads, n, d = self.key_vectors.shape
        if more["attention"] is None and n > 1:
            self.CHALLENGE = (
                "Find a setting in which the chosen query gives one key more than 0.95.",
                "largest > 0.95",
            )
        super().__init__(tokens, (n_heads, n, d, self.values.shape[-1]), **more)

    def _card(self, *given) -> dict:
        card = super()._card(*given)
        return {**card, "defaults": {**card["defaults"], "query": first_look(self.tokens)[0]}}

    def presets(self) -> dict[str, dict]:
        if self._attention is not None:
            return {}
        plain = {"temperature": 1.0, "scaled": True, "causal": False}
        return {
            "Plain": plain,
            "Nearly alike": {**plain, "temperature": 5.0},
            "One takes all": {**plain, "temperature": 0.2},
            "No look ahead": {**plain, "causal": True},
        }

    def facts(self) -> dict:
        parts = {name: getattr(self, name) for name in NAMES}
        sent = (
            {}
            if self._attention is not None
            else {name: base64.b64encode(a.tobytes()).decode() for name, a in parts.items()}
        )
        return {**super().facts(), **sent}

    def _question(self, results: Mapping) -> dict | None:
        return map_question(self, results)

    def still(self, results: Mapping) -> str:
        return map_still(self, results)


class AttentionWeights(AttentionExplorer):
    """A model's weights, all layers and heads: nothing is computed here, one looks."""

    layer = Place(0).tag(sync=True, state=True)

    def __init__(self, tokens: list[str], maps: np.ndarray, **more):
        self.maps = frozen(maps)
        self.counts = {"layer": len(maps)}
        self.causal = len(tokens) > 1 and not np.triu(maps, 1).any()
        top = maps.max() / FULL
        most = math.floor(20 * top - 1e-6) / 20
        where = "query and key" if maps.shape[:2] == (1, 1) else "head, query and key"
        if len(tokens) > 1:
            self.CHALLENGE = (f"Find a {where} with a weight above {most:g}.", f"largest > {most:g}")
        super().__init__(tokens, maps.shape[1], **more)

    def _card(self, *given) -> dict:
        card = super()._card(*given)
        return {**card, "defaults": {**card["defaults"], "query": first_look(self.tokens)[0]}}

    def compute(self) -> dict:
        weights = self.maps[self.layer, self.head] / FULL
        return {"weights": weights, "largest": float(weights[self._row].max())}

    def facts(self) -> dict:
        sent = base64.b64encode(self.maps.astype("<u2").tobytes()).decode()
        return {**super().facts(), "n_layers": len(self.maps), "causal": self.causal, "weights": sent}

    def presets(self) -> dict[str, dict]:
        n_layers, n_heads, n, _ = self.maps.shape
        presets = {"First query": {"query": 0}, "Last query": {"query": n - 1}}
        if n_layers > 1:
            presets |= {"First layer": {"layer": 0}, "Last layer": {"layer": n_layers - 1}}
        if n_layers * n_heads > 1:
            tops = self.maps.max(axis=-1).mean(axis=-1)
            for name, at in (("Sharpest head", tops.argmax()), ("Widest head", tops.argmin())):
                layer, head = (int(k) for k in np.unravel_index(at, tops.shape))
                presets[name] = {"layer": layer, "head": head}
        return presets

    def _about_output(self, results: Mapping, allowed: int) -> str:
        layer = f"layer {self.layer + 1}, " if len(self.maps) > 1 else ""
        return f" in {layer}head {self.head + 1}." if len(self.maps) * self._n_heads > 1 else "."

    def _question(self, results: Mapping) -> dict | None:
        return map_question(self, results)

    def still(self, results: Mapping) -> str:
        return map_still(self, results)


def map_question(explorer: AttentionExplorer, results: Mapping) -> dict | None:
    """How much the largest share holds, where that is worth a guess."""
    n, me = len(explorer.tokens), explorer.names[explorer._row]
    most, best = results["largest"], explorer.names[int(results["weights"][explorer._row].argmax())]
    if n < 5 or abs(most - 0.4) < 0.05:
        return None
    choices = [f"{still.num(1 / n, 3 if n > 99 else 2)}, an equal share", "About 0.2", "More than 0.4"]
    answer = choices[2] if most > 0.4 else choices[1] if most > 2 / n else choices[0]
    said = f"'{best}' gets {still.num(most)}. Softmax turns differences of scores into ratios of weights"
    return {
        "question": f"'{me}' spreads a weight of 1 over {n} keys. How much does the largest share hold?",
        "choices": choices,
        "answer": answer,
        "right": f"{said}, so one long dot product outweighs many short ones.",
        "wrong": {choice: f"{said}: what decides is how far the best stands above the rest."
                  for choice in choices if choice != answer},
    }  # fmt: skip


def map_still(explorer: AttentionExplorer, results: Mapping) -> str:
    """A map of up to 32 x 32 cells and the keys that the chosen query finds."""
    n = len(explorer.tokens)
    step = -(-n // 32)
    weights = np.nan_to_num(results["weights"])
    blocks = np.array(
        [[weights[i : i + step, j : j + step].max() for j in range(0, n, step)] for i in range(0, n, step)]
    )
    mask = np.tri(len(blocks), dtype=bool) if explorer.causal else None
    most = max(float(blocks.max()), 1e-9)
    few = len(blocks) <= MOST_IN_PLANE
    shown = blocks if few else np.sqrt(np.maximum(blocks, 0) / most)
    rows = [explorer.names[i] if n <= 32 else "" for i in range(0, n, step)]
    at = 20 + 380 / len(blocks) * (explorer._row // step)
    note = "" if step == 1 else f"Each cell is the largest of {step} × {step} weights. "
    parts = [
        still.heat_map(shown.tolist(), 130, 20, 380, 380, rows, rows if few else (), mask),
        still.element(
            "rect",
            x=130,
            y=at,
            width=380,
            height=380 / len(blocks),
            fill="none",
            stroke=QUERY,
            stroke_width=2,
        ),
        still.text(130, 420, f"{note}Darkest: {still.num(1 if few else most)}", colour=QUIET),
    ]
    row = results["weights"][explorer._row]
    for place, j in enumerate(np.argsort(-np.nan_to_num(row), kind="stable")[: min(8, n)]):
        y, length = 50 + 44 * place, float(np.clip(np.nan_to_num(row[j]), 0, 1))
        parts.append(still.text(530, y, f"{explorer.names[j]} {still.num(row[j])}", colour=INK))
        parts.append(still.rect(530, y + 6, 130, 10, GRID) + still.rect(530, y + 6, 130 * length, 10, KEY))
    return still.picture(680, 432, explorer.TITLE, explorer.words(results), *parts)


def frozen(array: np.ndarray) -> np.ndarray:
    """The array, read-only."""
    array = np.asarray(array)
    array.flags.writeable = False
    return array


def _still_axes(left: float) -> list[str]:
    return [still.line(left, 155, left + 260, 155, GRID), still.line(left + 130, 25, left + 130, 285, GRID)]


# ------------------------------------------------------------------ the factory


def given_vectors(given: Mapping, defaults: Mapping) -> dict[str, np.ndarray]:
    """The vectors asked for, (n_heads, n, d) each; else the defaults. ValueError on a misfit."""
    vectors = {}
    for name, default in defaults.items():
        value, said = given[name], name.replace("key_vectors", "keys")
        try:
            array = default if value is None else np.asarray(value, dtype=float)
        except (TypeError, ValueError):
            raise ValueError(f"{said} must be an array of numbers; got {value!r:.60}") from None
        array = array[None] if array.ndim == 2 else array
        free = None if name == "values" else default.shape[2]
        if array.ndim != 3 or not all(map(fits, array.shape, (*default.shape[:2], free))):
            wanted = f"({default.shape[1]}, {'d_v' if free is None else free})"
            heads = f" for each of {default.shape[0]} heads" if default.shape[0] > 1 else ""
            raise ValueError(f"{said} must have shape {wanted}{heads}; got {np.shape(value)}")
        if not np.isfinite(array).all():
            raise ValueError(f"{said} must be finite numbers; got nan or infinity")
        vectors[name] = array
    return vectors


def given_weights(weights: object, tokens: list[str]) -> np.ndarray:
    """A model's weights (n_layers, n_heads, n, n) as whole numbers, 65,535 for a weight of 1."""
    try:
        maps = np.asarray(weights, dtype=np.float32)
    except (TypeError, ValueError, RuntimeError) as error:  # RuntimeError: a tensor that tracks gradients
        raise ValueError(f"weights must be numbers (n_layers, n_heads, n, n); {str(error)[:120]}") from None
    n, given = len(tokens), maps.shape
    maps = maps.reshape((1,) * (4 - maps.ndim) + given) if 2 <= maps.ndim <= 4 else maps
    if maps.ndim != 4 or maps.shape[2:] != (n, n) or 0 in maps.shape:
        raise ValueError(
            f"weights must have shape ({n}, {n}), (n_heads, {n}, {n}) or (n_layers, n_heads, {n}, {n}); "
            f"got {given}"
        )
    if maps.size > MOST_WEIGHTS or maps.shape[1] > MOST_HEADS:
        raise ValueError(
            f"weights may hold {MOST_WEIGHTS:,} numbers, {MOST_HEADS} heads: give fewer layers; got {given}"
        )
    if not ((maps >= -1e-6) & (maps <= 1 + 1e-6)).all():
        raise ValueError(f"weights must be from 0 to 1; got {maps.min():.3g} to {maps.max():.3g}")
    return np.rint(maps.clip(0, 1) * FULL).astype(np.uint16)


def whole(name: str, value: object, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not low <= value <= high:
        raise ValueError(f"{name} must be a whole number from {low} to {high}; got {value!r}")
    return int(value)


def attention_explorer(
    text_or_tokens: str | Sequence[str] = DEFAULT_TEXT,
    d_head: int = 2,
    n_heads: int = 1,
    seed: int = 0,
    temperature: float = 1.0,
    scaled: bool = True,
    causal: bool = False,
    queries=None,
    keys=None,
    values=None,
    attention: Callable | None = None,
    query: int | None = None,
    head: int = 0,
    preset: str | None = None,
    predict: bool = True,
    weights=None,
    layer: int = 0,
) -> AttentionExplorer:
    """Drag queries, keys and values of a sentence; see the weights and the output they mix.

    Vectors are (n, d_head), or (n_heads, n, d_head); values may have a size d_v of their own. Those not
    given are made from `seed` so that each query finds a key. `query` and `head` are the chosen ones. With
    `attention`, a function with the contract of scaled_dot_product_attention, all results are that
    function's, right or wrong.
    With `weights` (n, n), (n_heads, n, n) or (n_layers, n_heads, n, n), such as those of a trained model,
    the map shows these as they are; `layer` and `head` are the chosen ones. Up to 512 tokens x 12 heads of
    one layer, or 6 layers x 12 heads of 256 tokens; masked cells are hatched where all after the query are 0.
    Results: .weights (n, n), .output (n, d_v) of the chosen head. ValueError names the argument.
    Source: Vaswani et al. 2017, Attention Is All You Need, equation 1.
    """  # fmt: skip
    tokens = split(text_or_tokens)
    fixed = {} if text_or_tokens == DEFAULT_TEXT else {"text_or_tokens": repr(text_or_tokens)}
    query = first_look(tokens)[0] if query is None else query
    shared = {"query": query, "head": head, "preset": preset, "predict": predict}
    if weights is not None:
        others = (queries, keys, values, attention)
        if any(other is not None for other in others) or causal or not scaled or temperature != 1.0:
            raise ValueError("with weights= nothing is computed: give text_or_tokens, layer, head and query")
        return AttentionWeights(
            tokens,
            given_weights(weights, tokens),
            layer=layer,
            fixed={**fixed, "weights": "weights"},
            **shared,
        )
    if layer != 0:
        raise ValueError(f"layer needs weights= of several layers; got layer {layer!r}")
    d_head, n_heads = whole("d_head", d_head, 1, 1024), whole("n_heads", n_heads, 1, 64)
    seed = whole("seed", seed, 0, 2**63)
    if attention is not None and not callable(attention):
        raise ValueError(
            f"attention must be a function (Q, K, V) -> (output, weights); got {attention!r:.60}"
        )
    if attention is not None and (causal or not scaled or temperature != 1.0):
        raise ValueError(
            "with attention=, your function decides: leave causal, scaled and temperature as they are"
        )
    defaults = dict(zip(NAMES, starting_vectors(tokens, d_head, n_heads, seed), strict=True))
    vectors = given_vectors({"queries": queries, "key_vectors": keys, "values": values}, defaults)
    planes = len(tokens) <= MOST_IN_PLANE and d_head == 2 and vectors["values"].shape[2] == 2
    fixed |= {
        k: v
        for k, v, usual in (("d_head", d_head, 2), ("n_heads", n_heads, 1), ("seed", seed, 0))
        if v != usual
    }
    if attention is not None:
        fixed["attention"] = getattr(attention, "__name__", "attention")
    kind = AttentionPlanes if planes else AttentionMap
    return kind(
        tokens, vectors, defaults, attention=attention, fixed=fixed,
        temperature=temperature, scaled=scaled, causal=causal, **shared,
    )  # fmt: skip
