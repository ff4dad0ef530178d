"""What scores become as weights: softmax with a temperature and a constant added to every score."""

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from course_lib import by_hand
from course_lib.explorers import still
from course_lib.explorers.base import Explorer, Number, Numbers
from course_lib.palette import GRID, INK, KEY, QUIET

LETTERS = "abcdefgh"


class SoftmaxExplorer(Explorer):
    """3 to 8 scores, a temperature and a constant; their weights, entropy and gradient."""

    FAMILY = "softmax"
    TITLE = "Which score takes the weight?"
    PREDICT: ClassVar = {
        "question": "Add 3 to every score. What happens to the weights?",
        "choices": ["They stay the same", "The largest gets more", "They become more equal"],
        "answer": "They stay the same",
        "right": "Only differences count: e³ stands in every term, above and below the line, and cancels.",
        "wrong": {
            "The largest gets more": "All moved by the same 3, so no difference changed.",
            "They become more equal": "The ratios of the scores did shrink, but softmax sees differences.",
        },
        "then": {"shift": 3.0},
    }
    CHALLENGE = ("Give the third score a weight above 0.9.", "weights[2] > 0.9")

    scores = Numbers((2.0, 1.0, 0.0), shape=((3, 8),), low=-10, high=10).tag(sync=True, state=True)
    temperature = Number(1.0, low=0.1, high=10).tag(sync=True, state=True)
    shift = Number(0.0, low=-10, high=10).tag(sync=True, state=True)
    chosen = Number(0, low=0, high=7, whole=True).tag(sync=True, state=True)

    def __init__(self, labels: Sequence[str] | None = None, **state):
        if labels is not None:
            labels = list(map(str, labels))
        self._labels = labels
        super().__init__(fixed={} if labels is None else {"labels": tuple(labels)}, **state)

    def _check_initial(self) -> None:
        n = len(self.scores)
        if self._labels is not None and len(self._labels) != n:
            raise ValueError(f"labels must name the {n} scores; got {len(self._labels)} labels")
        if self.chosen >= n:
            raise ValueError(f"chosen must be from 0 to {n - 1}, one of the {n} scores; got {self.chosen}")

    @property
    def labels(self) -> list[str]:
        """Names of the scores; scores added in the page go on with letters."""
        given = self._labels or []
        return [*given, *LETTERS[len(given) :]][: len(self.scores)]

    @property
    def weights(self) -> np.ndarray:
        """Weights (n,), positive, sum 1: softmax of (scores + shift) / temperature."""
        return self.compute()["weights"]

    @property
    def entropy(self) -> float:
        """Entropy of the weights in nats, from 0 to log(n)."""
        return self.compute()["entropy"]

    @property
    def gradient(self) -> np.ndarray:
        """How the chosen weight changes with each score (n,): one row of the Jacobian."""
        return self.compute()["gradient"]

    def presets(self) -> dict[str, dict]:
        scores = self._start["scores"] if hasattr(self, "_start") else self.scores
        given = {"scores": scores, "temperature": 1.0, "shift": 0.0}
        return {
            "Add 4 to all": {**given, "shift": 4.0},
            "Double all": {**given, "scores": [max(-10.0, min(10.0, 2 * x)) for x in scores]},
            "Cold": {**given, "temperature": 0.2},
            "Hot": {**given, "temperature": 5.0},
        }

    def facts(self) -> dict:
        return {"labels": [*(self._labels or []), *LETTERS[len(self._labels or []) :]]}

    def compute(self) -> dict:
        scaled = (np.asarray(self.scores) + self.shift) / self.temperature
        weights = by_hand.softmax(scaled)
        chosen = np.eye(len(weights))[min(self.chosen, len(weights) - 1)]
        return {
            "weights": weights,
            "entropy": float(by_hand.entropy(weights)),
            "gradient": by_hand.softmax_backward(chosen, weights) / self.temperature,
        }

    def words(self, results: Mapping) -> str:
        weights, n = results["weights"], len(results["weights"])
        top = int(np.argmax(weights))
        if weights.max() - weights.min() < 0.005:
            first = f"All {n} weigh the same: {still.num(1 / n)} each."
        else:
            first = f"‘{self.labels[top]}’ takes {still.num(weights[top])} of the weight."
        most = still.num(math.log(n))
        entropy = f"Entropy {still.num(results['entropy'])}, where 0 is one winner and {most} is all equal."
        moved = "higher" if self.shift > 0 else "lower"
        shift = (
            f" Every score is {still.num(abs(self.shift), 1)} {moved}, and no weight has moved."
            if self.shift
            else ""
        )
        return f"{first} {entropy}{shift}"

    def still(self, results: Mapping) -> str:
        n, labels = len(self.scores), self.labels
        shifted = [x + self.shift for x in self.scores]
        top, low = max(4.0, *shifted), min(0.0, *shifted)
        left, width, rows = 130, min(165, 520 / n), []
        base = 20 + 120 * top / (top - low)
        rows.append(still.text(20, 75, "scores", bold=True))
        rows.append(still.text(20, 235, "weights", bold=True) + still.text(20, 253, "sum to 1", colour=QUIET))
        rows.append(
            still.line(left, base, left + n * width, base) + still.line(left, 300, left + n * width, 300)
        )
        for i in range(n):
            x = left + (i + 0.2) * width
            middle, bar = left + (i + 0.5) * width, 0.6 * width
            length = 120 * shifted[i] / (top - low)
            weight = float(results["weights"][i])
            rows.append(still.bar(x, base, bar, length, QUIET))
            rows.append(still.text(middle, base - max(length, 0) - 6, still.num(shifted[i], 1), "middle"))
            rows.append(still.rect(x, 190, bar, 110, GRID) + still.bar(x, 300, bar, 110 * weight, KEY))
            rows.append(still.text(middle, 184, still.num(weight), "middle", INK, bold=True))
            rows.append(still.text(middle, 318, labels[i], "middle"))
        return still.picture(680, 326, self.TITLE, self.words(results), *rows)


def softmax_explorer(
    scores: Sequence[float] = (2.0, 1.0, 0.0),
    temperature: float = 1.0,
    shift: float = 0.0,
    labels: Sequence[str] | None = None,
    chosen: int = 0,
    preset: str | None = None,
    predict: bool = True,
) -> SoftmaxExplorer:
    """Drag 3 to 8 scores (-10 to 10); see their weights at a temperature (0.1 to 10), `shift` added to all.

    Results: .weights (n,), .entropy in nats, .gradient (n,) of the weight `chosen`. predict=False leaves
    the guess out. Raises ValueError that names the argument.
    Source: Goodfellow, Bengio and Courville 2016, Deep Learning, sections 4.1 and 6.2.2.
    """
    return SoftmaxExplorer(
        labels,
        scores=scores,
        temperature=temperature,
        shift=shift,
        chosen=chosen,
        preset=preset,
        predict=predict,
    )
