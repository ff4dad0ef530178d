"""Why scores are divided by the root of d: random queries and keys of 1 to 1,024 numbers."""

import base64
from collections.abc import Mapping
from functools import cache

import numpy as np

from course_lib import by_hand
from course_lib.explorers import still
from course_lib.explorers.base import Explorer, Flag, Number
from course_lib.palette import GRID, INK, KEY, QUIET

DIMENSIONS = [2**i for i in range(11)]
N_QUERIES, N_KEYS = 64, 16
BIN, EDGE = 4, 100  # the histogram's bins are 4 wide, the last ones hold everything beyond ±100


class PowerOfTwo(Number):
    """1, 2, 4, ... up to 1,024."""

    def validate(self, owner, value):
        value = super().validate(owner, value)
        if value not in DIMENSIONS:
            raise ValueError(f"{self.name} must be a power of two from 1 to 1024; got {value}")
        return value


@cache
def raw_scores(seed: int) -> np.ndarray:
    """Undivided dot products of 64 queries with 16 keys each for all 11 sizes d: (11, 64, 16), float32.

    All entries of all vectors are standard normal, drawn once; size d uses the first d of them.
    """
    rng = np.random.default_rng(seed)
    queries = rng.standard_normal((N_QUERIES, 1, DIMENSIONS[-1]))
    keys = rng.standard_normal((N_QUERIES, N_KEYS, DIMENSIONS[-1]))
    scores = [by_hand.attention_scores(queries[..., :d], keys[..., :d], scale=1.0)[:, 0] for d in DIMENSIONS]
    result = np.array(scores, dtype="<f4")
    result.flags.writeable = False
    return result


def measure(seed: int, d: int, scaled: bool) -> dict:
    """Results at one size: the scores' spread and what softmax makes of them, means over queries."""
    scores = raw_scores(seed)[DIMENSIONS.index(d)].astype(float) * (d**-0.5 if scaled else 1.0)
    weights = by_hand.softmax(scores)
    square = (N_QUERIES, N_KEYS, N_KEYS)
    one_hot, rows = np.broadcast_to(np.eye(N_KEYS), square), np.broadcast_to(weights[:, None], square)
    jacobian = by_hand.softmax_backward(one_hot, rows)
    return {
        "scores_std": float(scores.std()),
        "peak": float(weights.max(axis=1).mean()),
        "entropy": float(by_hand.entropy(weights).mean()),
        "gradient": float(np.linalg.norm(jacobian, axis=(1, 2)).mean()),
        "shares": -np.sort(-weights, axis=1).mean(axis=0),
        "histogram": histogram(scores),
    }


def histogram(scores: np.ndarray) -> np.ndarray:
    """How many scores fall in each bin around -100, -96, ..., 100 (a score between two bins goes up)."""
    bins = np.floor(np.clip(scores, -EDGE, EDGE) / BIN + 0.5).astype(int) + EDGE // BIN
    return np.bincount(bins.ravel(), minlength=2 * EDGE // BIN + 1)


@cache
def gradients(seed: int) -> dict[str, list[float]]:
    """The gradient at all 11 sizes, without and with the division."""
    return {
        name: [measure(seed, d, scaled)["gradient"] for d in DIMENSIONS]
        for name, scaled in {"plain": False, "scaled": True}.items()
    }


class SqrtDExplorer(Explorer):
    """The size d of random vectors and whether their scores are divided by its root."""

    FAMILY = "sqrt_d"
    TITLE = "What does the root of d do?"
    d = PowerOfTwo(64, low=1, high=1024, whole=True).tag(sync=True, state=True)
    scaled = Flag(False).tag(sync=True, state=True)

    def __init__(self, seed: int = 0, **state):
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
            raise ValueError(f"seed must be a whole number of at least 0; got {seed!r}")
        self._seed = int(seed)
        self.CHALLENGE = self._first_winner()
        super().__init__(fixed={"seed": self._seed} if seed else {}, **state)

    def _first_winner(self) -> tuple[str, str]:
        """The challenge: the smallest d with a mean peak above 0.9, told by its gradient."""
        peaks = [measure(self._seed, d, False)["peak"] for d in DIMENSIONS]
        at = next((i for i, peak in enumerate(peaks) if peak > 0.9), len(peaks) - 1)
        plain = gradients(self._seed)["plain"]
        limit = (plain[at] + plain[min(at + 1, len(plain) - 1)]) / 2
        text = (
            "Undivided, one key takes more than 0.9 of the weight from some d on. Find the smallest such d."
        )
        return text, f"peak > 0.9 and gradient > {limit:.4f}"

    def presets(self) -> dict[str, dict]:
        return {
            "Short vectors": {"d": 4, "scaled": False},
            "Long vectors": {"d": 1024, "scaled": False},
            "Long vectors, divided": {"d": 1024, "scaled": True},
        }

    def prediction(self) -> dict:
        why = (
            "A sum of 64 products spreads by √64 = 8, and e⁸ is about 3,000: "
            "the luckiest key takes almost everything."
        )
        return {
            "question": "A query meets 16 keys, all random, each 64 numbers of variance 1. "
            "Nothing is divided. How large is the largest of the 16 weights, on average?",
            "choices": ["About 0.06", "About 0.25", "Above 0.7"],
            "answer": "Above 0.7",
            "right": why,
            "wrong": {
                "About 0.06": f"That is an equal share, 1/16. {why}",
                "About 0.25": f"That is what remains after the division by √64. {why}",
            },
            "then": {"d": 64, "scaled": False},
        }

    @property
    def scores_std(self) -> float:
        """Standard deviation of the 1,024 scores."""
        return self.compute()["scores_std"]

    @property
    def peak(self) -> float:
        """The largest of the 16 weights, from 1/16 to 1, mean over 64 queries."""
        return self.compute()["peak"]

    @property
    def entropy(self) -> float:
        """Entropy of the weights in nats, from 0 to log(16), mean over 64 queries."""
        return self.compute()["entropy"]

    @property
    def gradient(self) -> float:
        """Frobenius norm of softmax's Jacobian (d weights / d scores), mean over 64 queries."""
        return self.compute()["gradient"]

    def facts(self) -> dict:
        return {
            "scores": base64.b64encode(raw_scores(self._seed).tobytes()).decode(),
            "sizes": [len(DIMENSIONS), N_QUERIES, N_KEYS],
            "gradients": gradients(self._seed),
        }

    def compute(self) -> dict:
        return measure(self._seed, self.d, self.scaled)

    def words(self, results: Mapping) -> str:
        return (
            f"d = {self.d}, {'divided by √d' if self.scaled else 'not scaled'}: "
            f"standard deviation of the scores {still.num(results['scores_std'], 1)}, "
            f"the largest weight {still.num(results['peak'])}, gradient {still.num(results['gradient'])}."
        )

    def still(self, results: Mapping) -> str:
        parts = [*_still_histogram(20, results), *_still_shares(250, results), *self._still_gradients(480)]
        return still.picture(680, 240, self.TITLE, self.words(results), *parts)

    def _still_gradients(self, x: float) -> list[str]:
        place = {d: (x + 17.0 * i) for i, d in enumerate(DIMENSIONS)}
        parts = [still.text(x, 14, "Gradient, by size d", bold=True), still.line(x, 205, x + 170, 205)]
        parts += [
            still.text(place[d], 222, str(d), "middle", QUIET, size=12) for d in (1, 4, 16, 64, 256, 1024)
        ]
        for name, values in gradients(self._seed).items():
            points = " ".join(
                f"{place[d]:.2f},{205 - 480 * v:.2f}" for d, v in zip(DIMENSIONS, values, strict=True)
            )
            bold = (name == "scaled") == self.scaled
            parts.append(still.element("polyline", points=points, fill="none", stroke=INK if bold else QUIET,
                                       stroke_width=2 if bold else 1))  # fmt: skip
        now = gradients(self._seed)["scaled" if self.scaled else "plain"][DIMENSIONS.index(self.d)]
        parts.append(still.element("circle", cx=place[self.d], cy=205 - 480 * now, r=5, fill=INK))
        parts.append(still.text(x + 170, 46, "divided", "end", INK if self.scaled else QUIET, self.scaled))
        parts.append(
            still.text(x, 190, "not divided", "start", QUIET if self.scaled else INK, not self.scaled)
        )
        return parts


def _still_histogram(x: float, results: Mapping) -> list[str]:
    counts = results["histogram"]
    width = 180 / len(counts)
    parts = [still.text(x, 14, "Scores", bold=True), still.line(x, 205, x + 180, 205)]
    parts += [still.rect(x + i * width, 205 - 160 * c / max(counts), width, 160 * c / max(counts), QUIET)
              for i, c in enumerate(counts) if c]  # fmt: skip
    parts += [
        still.text(x + 90 + 0.88 * v, 222, still.num(v, 0), "middle", QUIET, size=12) for v in (-100, 0, 100)
    ]
    return parts


def _still_shares(x: float, results: Mapping) -> list[str]:
    parts = [still.text(x, 14, "Weights, largest first", bold=True), still.line(x, 205, x + 192, 205)]
    parts.append(still.rect(x, 45, 192, 160, GRID))
    parts += [still.bar(x + 12 * i + 1, 205, 10, 160 * w, KEY) for i, w in enumerate(results["shares"])]
    parts.append(
        still.text(x + 16, 205 - 160 * min(results["peak"], 0.9) + 4, still.num(results["peak"]), bold=True)
    )
    return parts


def sqrt_d_explorer(
    d: int = 64, scaled: bool = False, seed: int = 0, preset: str | None = None, predict: bool = True
) -> SqrtDExplorer:
    """Change the size d (a power of two, 1 to 1024) of random vectors; see scores, weights and gradient.

    Results over 64 queries with 16 keys each: .scores_std, .peak, .entropy in nats, .gradient (norm of the
    Jacobian of softmax).
    The draws depend on `seed` alone. Raises ValueError that names the argument.
    Source: Vaswani et al. 2017, Attention Is All You Need, section 3.2.1, footnote 4.
    """
    return SqrtDExplorer(seed, d=d, scaled=scaled, preset=preset, predict=predict)
