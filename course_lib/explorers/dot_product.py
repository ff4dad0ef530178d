"""Two arrows and what their dot product measures: length, direction and sign."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from course_lib import by_hand
from course_lib.explorers import still
from course_lib.explorers.base import Explorer, Numbers
from course_lib.palette import GRID, INK, KEY, QUERY, QUIET

SHADOW = "#F3C4A3"  # the query's colour, pale


class DotProductExplorer(Explorer):
    """A query and a key in the plane; their dot product, cosine, angle and projection."""

    FAMILY = "dot_product"
    TITLE = "How far does the query reach along the key?"
    PRESETS: ClassVar = {
        "Right angle": {"query": [2.0, 1.0], "key": [-1.5, 3.0]},
        "Opposite": {"query": [2.0, 1.0], "key": [-2.0, -1.0]},
        "Same direction, short key": {"query": [2.0, 1.0], "key": [0.8, 0.4]},
        "Wide angle, long key": {"query": [2.0, 1.0], "key": [0.7, 3.9]},
    }
    CHALLENGE = (
        "Bring the arrows within 20° of each other, and still keep the product between 0 and 1.",
        "angle < 20 and dot > 0 and dot < 1",
    )

    query = Numbers((2.0, 1.0), shape=(2,), low=-4, high=4).tag(sync=True, state=True)
    key = Numbers((1.0, 2.0), shape=(2,), low=-4, high=4).tag(sync=True, state=True)

    @property
    def dot(self) -> float:
        """The dot product of query and key."""
        return self.compute()["dot"]

    @property
    def cosine(self) -> float:
        """Cosine of the angle between them, from -1 to 1; 0 where one has no length."""
        return self.compute()["cosine"]

    @property
    def angle(self) -> float:
        """The angle between them in degrees, from 0 to 180; 90 where one has no length."""
        return self.compute()["angle"]

    @property
    def projection(self) -> np.ndarray:
        """The part of the query that lies along the key, a vector (2,)."""
        return self.compute()["projection"]

    @property
    def shadow(self) -> float:
        """Signed length of the projection: negative where the query points away from the key."""
        return self.compute()["shadow"]

    def prediction(self) -> dict:
        return {
            "question": "Make the key half as long and leave its direction. What do product and cosine do?",
            "choices": ["Only the product halves", "Both halve", "Neither changes"],
            "answer": "Only the product halves",
            "right": "The product counts the lengths; the cosine is what is left when both are divided out.",
            "wrong": {
                "Both halve": "The product did halve. The cosine looks at the angle alone.",
                "Neither changes": "The cosine is the same. But the product is no angle: lengths count.",
            },
            "then": {"key": [round(x / 2, 2) for x in self.key]},
        }

    def compute(self) -> dict:
        query, key = np.asarray(self.query), np.asarray(self.key)
        dots, cosines = by_hand.similarity(query, key[None])
        dot, cosine, length = float(dots[0]), float(np.clip(cosines[0], -1, 1)), float(np.hypot(*key))
        return {
            "dot": dot,
            "cosine": cosine,
            "angle": float(np.degrees(np.arccos(cosine))),
            "projection": by_hand.projection(query, key),
            "shadow": dot / length if length else 0.0,
            "key_length": length,
        }

    def words(self, results: Mapping) -> str:
        if not any(self.query) or not any(self.key):
            name = "key" if any(self.query) else "query"
            return f"The {name} has no length: the product is 0.00, and there is no angle."
        dot, shadow = results["dot"], results["shadow"]
        product = f"{still.num(shadow)} × {still.num(results['key_length'])} = {still.num(dot)}"
        if abs(dot) < 0.005:
            first = "Nothing of the query lies along the key: the product is 0.00."
        elif dot > 0:
            first = f"The query reaches {still.num(shadow)} along the key: product {product}."
        else:
            first = f"The query points away from the key, {still.num(shadow)} along it: product {product}."
        return f"{first} Cosine {still.num(results['cosine'])}, angle {still.num(results['angle'], 0)}°."

    def still(self, results: Mapping) -> str:
        unit, cx, cy = 38.0, 230.0, 170.0

        def at(x: float, y: float) -> tuple[float, float]:
            return cx + unit * x, cy - unit * y

        parts = []
        for v in range(-5, 6):
            parts.append(still.line(cx + v * unit, 10, cx + v * unit, 330, GRID))
        for v in range(-4, 5):
            parts.append(still.line(30, cy + v * unit, 430, cy + v * unit, GRID))
        parts += [still.line(30, cy, 430, cy), still.line(cx, 10, cx, 330)]
        foot = at(*results["projection"])
        parts.append(still.line(*at(*self.query), *foot, QUIET, dashed=True))
        parts.append(still.line(cx, cy, *foot, SHADOW, width=7.0))
        for name, colour, tip in (("key", KEY, self.key), ("query", QUERY, self.query)):
            parts.append(still.arrow(cx, cy, *at(*tip), colour))
            x, y = at(*(v + 0.3 * np.sign(v) for v in tip))
            parts.append(still.text(x, y + 4, name, "start" if tip[0] >= 0 else "end", colour, bold=True))
        for y, name, value, scale in (
            (90, "dot product", results["dot"], 16),
            (190, "cosine", results["cosine"], 1),
        ):
            length = max(-90.0, min(90.0, 90 * value / scale))
            parts.append(still.text(470, y, name, colour=QUIET))
            parts.append(still.text(470, y + 24, still.num(value), bold=True, size=20))
            parts.append(still.rect(560 + min(length, 0), y + 36, abs(length), 10, INK))
            parts.append(still.line(560, y + 32, 560, y + 50))
        parts.append(still.text(470, 266, f"angle {still.num(results['angle'], 0)}°"))
        return still.picture(680, 336, self.TITLE, self.words(results), *parts)


def dot_product_explorer(
    query: Sequence[float] = (2.0, 1.0),
    key: Sequence[float] = (1.0, 2.0),
    preset: str | None = None,
    predict: bool = True,
) -> DotProductExplorer:
    """Drag a query and a key, each (x, y) with coordinates from -4 to 4; see product, cosine and projection.

    Results: .dot, .cosine, .angle in degrees, .projection (2,), .shadow (its signed length). predict=False
    leaves the guess out. Raises ValueError that names the argument.
    Source: Strang 2016, Introduction to Linear Algebra, sections 1.2 and 4.2.
    """
    return DotProductExplorer(query=query, key=key, preset=preset, predict=predict)
