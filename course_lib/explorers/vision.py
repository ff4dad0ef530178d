"""Attention over a picture: patches that look at patches, object queries with boxes, words that look."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import traitlets

from course_lib import by_hand
from course_lib.explorers import still
from course_lib.explorers.attention import frozen
from course_lib.explorers.base import Explorer, Number, Place
from course_lib.explorers.encoder_decoder import maps_of
from course_lib.explorers.pictures import (
    MOST_PATCHES,
    TIE,
    box_of,
    example_picture,
    found_at,
    frame,
    grid,
    head_map,
    heat,
    ink,
    numbers,
    patch_side,
    picture_of,
    seen_weights,
)
from course_lib.explorers.training_replay import encoded
from course_lib.palette import INK, KEY, QUERY, QUIET, VALUE

MOST_SIMILAR = 256  # patches without a model
MOST_QUERIES, MOST_TARGETS, MOST_WORDS = 36, 8, 12
START_QUERY = 13  # of the example: a patch of the upper arc
NO_OBJECT = "no object"


def object_names(labels: np.ndarray, classes: Sequence[str]) -> list[str]:
    return [classes[label] for label in labels]


# ------------------------------------------------------------------ what the three views share


class VisionExplorer(Explorer):
    """A picture, and the weights of one head or the mean of all."""

    FAMILY = "vision"
    VIEW = ""

    def __init__(self, image: np.ndarray, **more):
        self.image = frozen(image)
        super().__init__(**more)

    @property
    def weights(self) -> np.ndarray:
        """The weights that the picture shows, one row."""
        return frozen(self.compute()["weights"])

    def facts(self) -> dict:
        return {"view": self.VIEW, "size": list(self.image.shape), "image": encoded(self.image)}

    def patch_name(self, index: int, P: int) -> str:
        """A patch in words, counted from 1."""
        row, column = divmod(index, self.image.shape[1] // P)
        return f"patch {index + 1} in row {row + 1}, column {column + 1}"


# ------------------------------------------------------------------ patches


class PatchSize(Number):
    """A side that cuts the picture into whole patches; with given weights, theirs."""

    def validate(self, owner, value):
        value = super().validate(owner, value)
        if value not in owner.sizes:
            raise ValueError(f"patch must be {' or '.join(map(str, owner.sizes))}; got {value}")
        return value


class PatchExplorer(VisionExplorer):
    """The side of the patches, the patch (or class token) that asks, the head."""

    VIEW = "patches"
    TITLE = "Where does this patch look?"
    CHALLENGE = (
        "With 16 patches or more, find the patch that looks farthest: it has the largest mean distance.",
        "farther < 0.5 and tokens > 15.5",
    )

    patch = PatchSize(2, low=1, whole=True).tag(sync=True, state=True)
    query = Number(0, low=0, high=MOST_PATCHES, whole=True).tag(sync=True, state=True)
    head = Place(None, optional=True).tag(sync=True, state=True)

    def __init__(self, image, given: np.ndarray | None, sizes: list[int], usual: dict, patch, query, **more):
        self.given, self.sizes = given, sizes
        self.counts = {"head": 1 if given is None else len(given)}
        n_patches = image.size // usual["patch"] ** 2
        self.class_token = 0 if given is None else given.shape[1] - n_patches
        ink = by_hand.cut_patches(image.astype(float), usual["patch"]).sum(axis=1)
        fullest, emptiest = (int(at) + self.class_token for at in (ink.argmax(), ink.argmin()))
        self._usual, self._emptiest = {"query": fullest, **usual}, emptiest
        self._kept: dict = {}
        if n_patches < 16:
            self.CHALLENGE = None
        patch = usual["patch"] if patch is None else patch
        self._last = image.size // patch**2 + self.class_token - 1
        query = min(self._usual["query"], self._last) if query is None else query
        super().__init__(image, patch=patch, query=query, **more)

    def _check_initial(self) -> None:
        if self.query > self._last:
            raise ValueError(f"query must be from 0 to {self._last}, one of the tokens; got {self.query}")

    def _card(self, *given) -> dict:
        card = super()._card(*given)
        return {**card, "defaults": {**card["defaults"], **self._usual}}

    def _changed(self, change=None) -> None:
        self.query = min(self.query, len(self._map()) - 1)
        super()._changed(change)

    def _map(self) -> np.ndarray:
        """Weights (n_tokens, n_tokens) of the present patches and head."""
        key = (self.patch, self.head)
        if key not in self._kept:
            similar = self.given is None
            self._kept[key] = (
                by_hand.patch_similarity(self.image.astype(float), self.patch)
                if similar
                else head_map(self.given, self.head)
            )
        return self._kept[key]

    def _reaches(self) -> np.ndarray:
        """The mean distance in pixels (n_patches,) from each patch to what it looks at among the patches."""
        weights = self._map()[self.class_token :, self.class_token :]
        columns = self.image.shape[1] // self.patch
        down, across = np.divmod(np.arange(len(weights)), columns)
        apart = self.patch * np.hypot(down[:, None] - down, across[:, None] - across)
        total = weights.sum(axis=1)
        return np.divide((weights * apart).sum(axis=1), total, out=np.zeros_like(total), where=total > 0)

    @property
    def reach(self) -> float:
        """Mean distance in pixels from the chosen patch to what it looks at; 0 for the class token."""
        return self.compute()["reach"]

    def compute(self) -> dict:
        weights, reaches = self._map(), self._reaches()
        q = min(self.query, len(weights) - 1)
        row, at = weights[q], q - self.class_token
        return {
            "weights": row,
            "found": found_at(row),
            "largest": float(row.max()),
            "tokens": len(row),
            "reach": float(reaches[at]) if at >= 0 else 0.0,
            "farther": int((reaches > reaches[at] + TIE).sum()) if at >= 0 else len(reaches),
        }

    def facts(self) -> dict:
        sizes = None if self.given is None else list(self.given.shape)
        more = {"sizes": self.sizes, "class_token": self.class_token, "heads": self.counts["head"]}
        return {**super().facts(), **more, "shape": sizes, "weights": encoded(self.given)}

    def presets(self) -> dict[str, dict]:
        usual = self._usual
        presets = {
            "A patch of the stroke": dict(usual),
            "A patch of paper": {**usual, "query": self._emptiest},
        }
        if self.class_token:
            presets["The class token"] = {"query": 0}
        for name, P in (("Larger patches", 2 * usual["patch"]), ("Every pixel a token", 1)):
            if P in self.sizes and usual["patch"] > 1:
                presets[name] = {"patch": P, "query": self._same_place(P)}
        return presets

    def _same_place(self, P: int) -> int:
        """The patch of side P that holds the middle of the usual query."""
        img_w, before = self.image.shape[1], self._usual["patch"]
        row, column = divmod(self._usual["query"], img_w // before)
        y, x = row * before + before // 2, column * before + before // 2
        return y // P * (img_w // P) + x // P

    def prediction(self) -> dict | None:
        weights, P, c = self._map(), self.patch, self.class_token
        q = self._start["query"]
        columns = self.image.shape[1] // P
        if q < c or len(weights) - c < 9:
            return None
        row = weights[q, c:].copy()
        row[q - c] = -1
        down, across = np.divmod(np.arange(len(row)), columns)
        apart = np.maximum(abs(down - down[q - c]), abs(across - across[q - c]))
        near, far = (float(row[chosen].max(initial=0)) for chosen in (apart == 1, apart > 1))
        if abs(near - far) < 0.01:
            return None
        choices = ["A patch that touches it", "A patch farther away", "All patches alike"]
        even = max(near, far) < 1.5 / len(weights)
        answer = choices[2] if even else choices[0] if near > far else choices[1]
        seen = (
            f"The best patch that touches it gets {still.num(near)}, "
            f"the best one farther away {still.num(far)}."
        )
        reason = (
            "The scores compare pixels; how far apart two patches lie does not enter."
            if self.given is None
            else "Scores compare queries with keys; distance counts only through the positions in the tokens."
        )
        return {
            "question": "The framed patch is the query. Itself aside, which patch gets the most weight?",
            "choices": choices,
            "answer": answer,
            "right": f"{seen} {reason}",
            "wrong": {choice: f"{seen} {reason}" for choice in choices if choice != answer},
        }

    def words(self, results: Mapping) -> str:
        row, n, P = results["weights"], results["tokens"], self.patch
        q = min(self.query, n - 1)
        name = self._token_name(q)
        top, ties = results["found"], int((row >= results["largest"] - TIE).sum())
        if n == 1:
            said = "The only patch looks at itself (1.00)"
        elif results["largest"] - row.min() < 0.02 * results["largest"]:
            said = f"{name} looks at all {n} tokens alike ({still.num(row[q])} each)"
        elif ties > 1:
            said = f"{name} looks most at {ties} tokens alike ({still.num(row[top])} each)"
        elif top == q:
            others = np.delete(row, q)
            second = found_at(others)
            second += second >= q
            said = f"{name} looks most at itself ({still.num(row[q])}), then at "
            said += f"{lower(self._token_name(second))} ({still.num(row[second])})"
        else:
            said = f"{name} looks most at {lower(self._token_name(top))} ({still.num(row[top])})"
        if q >= self.class_token and n > 1:
            said += f"; on average {still.num(results['reach'], 1)} pixels away"
        many = "1 token, so 1 weight" if n == 1 else f"{n} tokens, so {n} × {n} = {n * n:,} weights"
        return f"{said}. {P} × {P} pixels make a patch: {many}."

    def _token_name(self, index: int) -> str:
        if index < self.class_token:
            return "The class token"
        name = self.patch_name(index - self.class_token, self.patch)
        return name[0].upper() + name[1:]

    def still(self, results: Mapping) -> str:
        P, c, row = self.patch, self.class_token, results["weights"]
        q, most = min(self.query, len(row) - 1), max(results["largest"], 1e-9)
        side = 300.0
        high = side * self.image.shape[0] / self.image.shape[1]
        parts = [
            still.text(20, 10, "Cut into patches", bold=True),
            still.text(350, 10, "Where the query looks", bold=True),
            *ink(self.image, 20, 20, side),
            *ink(self.image, 350, 20, side, faint=True),
            *heat(row[c:] / most, self.image.shape, P, 350, 20, side),
        ]
        unit = side / self.image.shape[1]
        for left in (20, 350):
            parts += grid(self.image.shape, P, left, 20, side)
            if q >= c:
                parts.append(frame(q - c, self.image.shape, P, left, 20, unit))
        base, step = 20 + high + 76, 630 / len(row)
        for k, weight in enumerate(row):
            parts.append(still.rect(20 + k * step, base - 46 * weight / most, max(step - 1, 0.6),
                                    46 * float(weight) / most, QUERY if k == q else KEY))  # fmt: skip
        parts.append(still.line(20, base, 650, base))
        note = f"The same weights in the order of the sequence; the largest is {still.num(most)}"
        parts.append(still.text(20, base + 18, note, colour=QUIET, size=12))
        return still.picture(680, math.ceil(base + 26), self.TITLE, self.words(results), *parts)


def lower(name: str) -> str:
    return name[0].lower() + name[1:]


def similar_sizes(size: tuple[int, int]) -> list[int]:
    """The sides that cut a picture into whole patches, at most 256 of them."""
    img_h, img_w = size
    sides = range(1, min(size) + 1)
    return [P for P in sides if img_h % P == 0 == img_w % P and img_h * img_w <= MOST_SIMILAR * P * P]


# ------------------------------------------------------------------ boxes


class Matched(traitlets.TraitType):
    """The query of each object, every one another."""

    def validate(self, owner, value):
        n, m = owner.cost.shape
        try:
            chosen = [int(i) for i in value]
        except (TypeError, ValueError):
            chosen = [-1]
        whole = len(chosen) == m == len(set(chosen)) and all(0 <= i < n for i in chosen)
        if not whole:
            raise ValueError(
                f"matched must list {m} queries, one per object, from 0 to {n - 1}; got {value!r:.60}"
            )
        return chosen


class BoxExplorer(VisionExplorer):
    """The object query, what counts as found, which query answers for which object."""

    VIEW = "boxes"
    TITLE = "Which object does this query answer for?"

    query = Place().tag(sync=True, state=True)
    threshold = Number(0.5, low=0.0, high=1.0).tag(sync=True, state=True)
    matched = Matched([]).tag(sync=True, state=True)
    head = Place(None, optional=True).tag(sync=True, state=True)

    def __init__(self, image, parts: Mapping, cost: np.ndarray, matched, query: int | None, **more):
        self.parts, self.cost = parts, frozen(cost)
        n = len(parts["boxes"])
        maps = parts["weights"]
        self.counts = {"query": n, "head": 1 if maps is None else len(maps)}
        costs = cost.astype(float)
        self._best = cheapest(costs)
        self._least = total_cost(costs, self._best)
        second = second_least(costs, self._best)
        if second is not None and second - self._least > 1e-3:
            self.CHALLENGE = (
                "Find the second cheapest matching: every object answered, and no other total but the "
                "least is lower.",
                f"excess > 0.0001 and excess < {second - self._least + 1e-4:.6f}",
            )
        self._usual = {"query": self._best[0] if self._best else 0, "matched": self._best}
        super().__init__(
            image,
            query=self._usual["query"] if query is None else query,
            matched=self._best if matched is None else list(matched),
            **more,
        )

    def _card(self, *given) -> dict:
        card = super()._card(*given)
        return {**card, "defaults": {**card["defaults"], **self._usual}}

    @property
    def total(self) -> float:
        """What the present matching costs."""
        return self.compute()["total"]

    def compute(self) -> dict:
        parts, q, costs = self.parts, self.query, self.cost.astype(float)
        prob = parts["class_prob"].astype(float)
        scores = prob[:, :-1].max(axis=1)
        overlaps = self._overlaps()
        total = total_cost(costs, self.matched)
        answers = self.matched.index(q) if q in self.matched else -1
        maps = parts["weights"]
        return {
            "weights": None if maps is None else head_map(maps, self.head)[q],
            "answer": int(prob[q].argmax()),
            "score": float(scores[q]),
            "shown": int((scores >= self.threshold).sum()),
            "object": answers,
            "iou": float(overlaps[q, answers]) if answers >= 0 else 0.0,
            "total": total,
            "least": self._least,
            "excess": max(0.0, total - self._least),
        }

    @property
    def weights(self) -> np.ndarray | None:
        """Where the chosen query looks (n_patches,); None if no maps were given."""
        row = self.compute()["weights"]
        return None if row is None else frozen(row)

    def _overlaps(self) -> np.ndarray:
        boxes, targets = (by_hand.corners(self.parts[name].astype(float)) for name in ("boxes", "targets"))
        return by_hand.box_iou(boxes, targets)

    def facts(self) -> dict:
        parts = self.parts
        given = {name: parts[name].tolist() for name in ("boxes", "class_prob", "targets")}
        maps = parts["weights"]
        return {
            **super().facts(),
            **given,
            "cost": self.cost.tolist(),
            "objects": object_names(parts["labels"], parts["classes"]),
            "classes": [*parts["classes"], NO_OBJECT],
            "places": None if parts["places"] is None else parts["places"].tolist(),
            "patch": parts["patch"],
            "heads": self.counts["head"],
            "shape": None if maps is None else list(maps.shape),
            "weights": encoded(maps),
            "least": self._least,
        }

    def presets(self) -> dict[str, dict]:
        best, usual = {"matched": self._best}, self._usual["query"]
        prob = self.parts["class_prob"]
        idle = [i for i in np.argsort(-prob[:, -1], kind="stable").tolist() if i not in self._best]
        presets = {"Least total": {**best, "query": usual, "threshold": 0.5}}
        if self.cost.shape[1] > 1:
            presets["Cheapest pair first"] = {"matched": greedy(self.cost.astype(float))}
            back = [*self._best[1:], self._best[0]]
            presets["Objects exchanged"] = {"matched": back}
        presets["All boxes"] = {**best, "threshold": 0.0}
        if idle:
            presets["A query without an object"] = {**best, "query": idle[0]}
        return presets

    def prediction(self) -> dict | None:
        n, m = self.cost.shape
        if not 0 < m < n:
            return None
        objects = "1 object" if m == 1 else f"{m} objects"
        rest = n - m
        choices = [f"Say “{NO_OBJECT}”", "Share an object with another query", "Split an object's box"]
        reason = (
            f"Each object is matched with one query, so {rest} of {n} are left over. "
            f"They are trained to say “{NO_OBJECT}”: so the model learns to find each object once."
        )
        return {
            "question": f"The picture holds {objects}, and {n} queries answer. "
            f"What should the other {rest} do?",
            "choices": choices,
            "answer": choices[0],
            "right": reason,
            "wrong": {choice: reason for choice in choices[1:]},
        }

    def words(self, results: Mapping) -> str:
        parts, q = self.parts, self.query
        classes = [*parts["classes"], NO_OBJECT]
        prob = float(parts["class_prob"][q][results["answer"]])
        said = f"Query {q + 1} says '{classes[results['answer']]}' ({still.num(prob)})"
        objects = object_names(parts["labels"], parts["classes"])
        if objects and results["object"] < 0:
            said += f"; no object is matched with it, so it should say '{NO_OBJECT}'"
        elif objects:
            j = results["object"]
            said += f"; it is matched with object {j + 1}, '{objects[j]}' (cost "
            said += f"{still.num(self.cost[q, j])}, overlap {still.num(results['iou'])})"
        n = len(parts["boxes"])
        said += f". {results['shown']} of {n} boxes reach the threshold {still.num(self.threshold)}."
        if not objects:
            return said
        total, least = still.num(results["total"]), still.num(results["least"])
        if results["excess"] < 1e-4:
            return f"{said} The matching costs {total}, the least there is."
        return f"{said} The matching costs {total}; the least is {least}."

    def still(self, results: Mapping) -> str:
        parts, side, q = self.parts, 300.0, self.query
        img_h, img_w = self.image.shape
        high = side * img_h / img_w
        drawn = [still.text(20, 10, "Boxes", bold=True)]
        drawn += ink(self.image, 20, 20, side, faint=results["weights"] is not None)
        if results["weights"] is not None:
            row = results["weights"] / max(results["weights"].max(), 1e-9)
            drawn += heat(row, self.image.shape, parts["patch"], 20, 20, side)
        scores = parts["class_prob"][:, :-1].max(axis=1)
        for box, name in zip(parts["targets"], object_names(parts["labels"], parts["classes"]), strict=True):
            drawn.append(box_of(box, 20, 20, side, high, VALUE, 1.5, "5 3"))
            left, top = 20 + (box[0] - box[2] / 2) * side, 16 + (box[1] - box[3] / 2) * high
            drawn.append(still.text(left, top, name, colour=VALUE, size=12))
        for i, box in enumerate(parts["boxes"]):
            if scores[i] >= self.threshold and i != q:
                drawn.append(box_of(box, 20, 20, side, high, QUIET, 1.5))
        drawn.append(box_of(parts["boxes"][q], 20, 20, side, high, QUERY, 2.5))
        n, m = self.cost.shape
        row_high = min(24.0, max(9.0, 280 / n))
        if m:
            shades, width = shaded(self.cost), min(60.0, 200 / m)
            drawn.append(still.text(350, 10, "Cost of each pairing", bold=True))
            for i in range(n):
                y = 40 + i * row_high
                if row_high >= 13 or i == q:
                    colour = QUERY if i == q else INK
                    drawn.append(still.text(430, y + row_high / 2 + 4, f"query {i + 1}", "end", colour))
                for j in range(m):
                    drawn += self._still_cell(i, j, shades, 440 + j * width, y, width, row_high)
            for j, name in enumerate(object_names(parts["labels"], parts["classes"])):
                drawn.append(still.text(440 + (j + 0.5) * width, 34, name[:9], "middle", VALUE))
        bottom = max(20 + high, 40 + n * row_high if m else 0) + 12
        return still.picture(680, math.ceil(bottom), self.TITLE, self.words(results), *drawn)

    def _still_cell(self, i, j, shades, x, y, width, height) -> list[str]:
        shade = float(shades[i, j])
        cell = [still.rect(x, y, width, height, still.ramp(shade))]
        if height >= 17 and width >= 40:
            colour = "#FFFFFF" if shade > 188 / 255 else "#000000"
            cell.append(
                still.text(x + width / 2, y + height / 2 + 4, still.num(self.cost[i, j]), "middle", colour)
            )
        if self.matched[j] == i:
            cell.append(still.element("rect", x=x + 1, y=y + 1, width=width - 2, height=height - 2,
                                      fill="none", stroke=INK, stroke_width=2))  # fmt: skip
        return cell


def cheapest(costs: np.ndarray) -> list[int]:
    """The query of each object in the one-to-one matching with the least total cost."""
    from scipy.optimize import linear_sum_assignment  # a third of a second: only where boxes are matched

    queries, objects = linear_sum_assignment(costs)
    return queries[np.argsort(objects)].tolist()


def total_cost(costs: np.ndarray, matched: list[int]) -> float:
    return float(sum(costs[i, j] for j, i in enumerate(matched)))


def second_least(costs: np.ndarray, best: list[int]) -> float | None:
    """The least total of the matchings that differ from the best one; None if there is none."""
    totals = []
    high = np.abs(costs).sum() + 1 if costs.size else 1.0
    for j, i in enumerate(best):
        without = costs.copy()
        without[i, j] = high
        other = cheapest(without)
        if other[j] != i:
            totals.append(total_cost(costs, other))
    return min(totals, default=None)


def greedy(costs: np.ndarray) -> list[int]:
    """The matching that takes the cheapest pair, then the cheapest of what is left, and so on."""
    left, matched = costs.copy(), [0] * costs.shape[1]
    for _ in matched:
        i, j = np.unravel_index(left.argmin(), left.shape)
        matched[j] = int(i)
        left[i], left[:, j] = np.inf, np.inf
    return matched


def shaded(costs: np.ndarray) -> np.ndarray:
    """Costs as shades, the cheapest 1 and the dearest 0."""
    low, high = float(costs.min()), float(costs.max())
    return (high - costs) / max(high - low, 1e-9)


# ------------------------------------------------------------------ the words of a caption


class CaptionExplorer(VisionExplorer):
    """The word that is written, and the head."""

    VIEW = "caption"
    TITLE = "Where does this word look?"

    word = Place().tag(sync=True, state=True)
    head = Place(None, optional=True).tag(sync=True, state=True)

    def __init__(self, image, words: list[str], maps: np.ndarray, patch: int, objects: Mapping, **more):
        self.caption, self.maps, self.patch, self.objects = words, frozen(maps), patch, objects
        self.counts = {"word": len(words), "head": len(maps)}
        spread = by_hand.entropy(maps.astype(float))
        if spread.size > 1 and spread.max() - spread.min() > 1e-3:
            where = "the word" if len(maps) == 1 else "the word and the head"
            self.CHALLENGE = (f"Find {where} with the narrowest look: the lowest entropy.", "narrower < 0.5")
        super().__init__(image, **more)

    def compute(self) -> dict:
        row = head_map(self.maps, self.head)[self.word]
        spread = by_hand.entropy(self.maps.astype(float))
        mine = float(by_hand.entropy(row))
        results = {
            "weights": row,
            "found": found_at(row),
            "largest": float(row.max()),
            "entropy": mine,
            "half": patches_for_half(row),
            "narrower": int((spread < mine - TIE).sum()),
        }
        if self.objects:
            results["inside"] = self._shares() @ row
        return results

    @property
    def inside(self) -> np.ndarray | None:
        """The share of the word's weight in each box (m,); None without boxes."""
        shares = self.compute().get("inside")
        return None if shares is None else frozen(shares)

    def _shares(self) -> np.ndarray:
        img_h, img_w = self.image.shape
        boxes = self.objects["targets"].astype(float)
        return by_hand.patch_shares(boxes, img_h // self.patch, img_w // self.patch)

    def facts(self) -> dict:
        given = self.objects
        boxes = None
        if given:
            shares = self._shares().tolist()
            names = object_names(given["labels"], given["classes"])
            boxes = {"targets": given["targets"].tolist(), "names": names, "shares": shares}
        return {
            **super().facts(),
            "words": self.caption,
            "patch": self.patch,
            "heads": len(self.maps),
            "shape": list(self.maps.shape),
            "weights": encoded(self.maps),
            "boxes": boxes,
        }

    def presets(self) -> dict[str, dict]:
        last = len(self.caption) - 1
        presets = {"First word": {"word": 0}}
        if last:
            presets["Last word"] = {"word": last}
        if len(self.maps) > 1:
            spread = by_hand.entropy(self.maps.astype(float)).mean(axis=1)
            presets["Mean of the heads"] = {"head": None}
            presets["The head that spreads most"] = {"head": int(spread.argmax())}
        return presets

    def prediction(self) -> dict | None:
        row = head_map(self.maps, self._start["head"])[self._start["word"]]
        n, half = len(row), patches_for_half(row)
        share = half / n
        if n < 16 or min(abs(share - 0.1), abs(share - 0.35)) < 0.01:
            return None
        choices = [f"Up to {n // 10}", f"About {round(n * 0.2)}", f"About {n // 2}"]
        answer = choices[0] if share < 0.1 else choices[1] if share < 0.35 else choices[2]
        seen = f"{half} of {n} patches hold half of it; alike, it would take {math.ceil(n / 2)}."
        return {
            "question": f"To write '{self.caption[self._start['word']]}' the decoder spreads a weight of 1 "
            f"over {n} patches. How many of them hold half of it?",
            "choices": choices,
            "answer": answer,
            "right": seen,
            "wrong": {choice: seen for choice in choices if choice != answer},
        }

    def words(self, results: Mapping) -> str:
        n, t, H = len(self.caption), self.word, len(self.maps)
        which = "" if H == 1 else f", mean of {H} heads" if self.head is None else f", head {self.head + 1}"
        row = results["weights"]
        said = f"Word {t + 1} of {n}{which}: to write '{self.caption[t]}' the decoder looks "
        if results["largest"] - row.min() < 0.02 * results["largest"]:
            said += f"at all {len(row)} patches alike ({still.num(row[0])} each)"
        else:
            top = results["found"]
            said += f"most at {self.patch_name(top, self.patch)} ({still.num(row[top])}); half of its weight "
            said += f"lies on {results['half']} of {len(row)} patches"
        if self.objects:
            names = object_names(self.objects["labels"], self.objects["classes"])
            shares = zip(names, results["inside"], strict=True)
            said += "; in the box of " + ", ".join(f"'{name}' {still.num(v)}" for name, v in shares)
        return f"{said}."

    def still(self, results: Mapping) -> str:
        img_h, img_w = self.image.shape
        side = 300.0
        high = side * img_h / img_w
        row = results["weights"] / max(results["largest"], 1e-9)
        heading = f"'{self.caption[self.word]}' looks here"
        parts = [still.text(20, 10, heading, bold=True), *ink(self.image, 20, 20, side, faint=True)]
        parts += heat(row, self.image.shape, self.patch, 20, 20, side)
        if self.objects:
            for box in self.objects["targets"]:
                parts.append(box_of(box, 20, 20, side, high, VALUE, 1.5, "5 3"))
        maps, small = head_map(self.maps, self.head), 94.0
        for t, word in enumerate(self.caption):
            left, top = 350 + (t % 3) * (small + 14), 20 + t // 3 * (small * img_h / img_w + 28)
            if t > self.word:
                parts.append(still.hatch(left, top, small, small * img_h / img_w))
                continue
            parts += ink(self.image, left, top, small, faint=True)
            parts += heat(maps[t] / max(maps[t].max(), 1e-9), self.image.shape, self.patch, left, top, small)
            colour = QUERY if t == self.word else INK
            below = top + small * img_h / img_w + 16
            parts.append(still.text(left + small / 2, below, word, "middle", colour, t == self.word))
        rows = math.ceil(len(self.caption) / 3)
        bottom = max(20 + high, 20 + rows * (small * img_h / img_w + 28)) + 12
        return still.picture(680, math.ceil(bottom), self.TITLE, self.words(results), *parts)


def patches_for_half(row: np.ndarray) -> int:
    """The fewest patches that hold half of the weight."""
    most_first = np.sort(row)[::-1].cumsum()
    return int((most_first < most_first[-1] / 2 - TIE).sum()) + 1


# ------------------------------------------------------------------ the factory


def vision_explorer(
    image=None,
    patch: int | None = None,
    weights=None,
    boxes=None,
    class_prob=None,
    targets=None,
    labels: Sequence[int] | None = None,
    classes: Sequence[str] | None = None,
    cost=None,
    matched: Sequence[int] | None = None,
    places=None,
    words: str | Sequence[str] | None = None,
    query: int | None = None,
    head: int | None = None,
    threshold: float = 0.5,
    word: int = 0,
    preset: str | None = None,
    predict: bool = True,
) -> VisionExplorer:
    """Attention over a picture, in three views: patches, object queries with boxes, words of a caption.

    image (img_h, img_w) or (1, img_h, img_w), from 0, paper, to 1, ink. Its patches have `patch` x `patch`
    pixels and are counted row by row; None finds the side from the weights. `head` None is the mean of all.

    1. Patches: weights (n, n) or (n_heads, n, n) for n patches, or one more where a class token comes first.
       Without weights every patch looks for patches with pixels like its own, and `patch` can be changed.
       `query` is the token that asks. Without any argument: a picture of our own.
    2. Boxes, where `boxes` is given: boxes (n_queries, 4) as centre x, centre y, width, height in shares of
       the picture, class_prob (n_queries, n_classes + 1), the last answer "no object". targets (m, 4) and
       labels (m,) are the objects; classes names the n_classes. cost (n_queries, m), else
       by_hand.match_cost; matched (m,) holds the query of each object, else the matching of least total.
       places (n_queries, 2) are reference points (x, y); weights (n_queries, n_patches) or
       (n_heads, n_queries, n_patches) show where each query looks. `query` is the chosen one; boxes below
       `threshold` are left out.
    3. A caption, where `words` is given (a text or a list): weights (n_words, n_patches) or
       (n_heads, n_words, n_patches), row t for the word t that was written. targets, labels and classes
       draw boxes and add up the weight in each. `word` is the present one.

    Results: .weights; .reach (patches); .total (boxes); .inside (caption). ValueError names the argument.
    Source: Dosovitskiy et al. 2021, figures 1 and 7; Carion et al. 2020, section 3.1; Xu et al. 2015, fig. 2.
    """
    shared = {"head": head, "preset": preset, "predict": predict}
    only_boxes = {"class_prob": class_prob, "cost": cost, "matched": matched, "places": places}
    given = [name for name, value in only_boxes.items() if value is not None]
    if boxes is None and given:
        raise ValueError(f"{given[0]} needs boxes")
    if boxes is not None and words is not None:
        raise ValueError("boxes and words are two views: give one of them (targets go with both)")
    if image is None and any(value is not None for value in (weights, boxes, words, targets)):
        raise ValueError("image is missing: the picture (img_h, img_w) that was looked at")
    example = image is None
    image = picture_of(example_picture() if example else image)
    fixed = {} if example else {"image": "image"}
    objects = {"targets": targets, "labels": labels, "classes": classes}
    if words is not None:
        caption = words.split() if isinstance(words, str) else [str(each) for each in words]
        return caption_view(image, patch, weights, caption, objects, fixed, word=word, **shared)
    if boxes is not None:
        parts = {"boxes": boxes, "class_prob": class_prob, **objects, "places": places}
        fixed |= {} if cost is None else {"cost": "cost"}
        return box_view(image, patch, weights, parts, cost, matched, query, fixed,
                        threshold=threshold, **shared)  # fmt: skip
    if any(value is not None for value in objects.values()):
        raise ValueError("targets, labels and classes go with boxes or with words")
    return patch_view(image, patch, weights, query, example, fixed, **shared)


def patch_view(image, patch, weights, query, example, fixed, **more) -> PatchExplorer:
    """The view of patches, with a model's weights or with those of similar pixels."""
    if weights is None:
        sizes = similar_sizes(image.shape)
        if not sizes:
            raise ValueError(f"image must, without weights, be cut into at most {MOST_SIMILAR} patches")
        side = next((P for P in sizes if image.size <= 64 * P * P), sizes[-1])
        usual = {"patch": side, **({"query": START_QUERY} if example else {})}
        if patch is not None and patch not in sizes:
            raise ValueError(f"patch must be {' or '.join(map(str, sizes))}; got {patch!r}")
        return PatchExplorer(image, None, sizes, usual, patch, query, fixed=fixed, **more)
    maps = maps_of("weights", weights, "(n, n) or (n_heads, n, n)")
    n = maps.shape[1]
    side = patch_side(image.shape, n, patch) or (n > 1 and patch_side(image.shape, n - 1, patch))
    if n != maps.shape[2] or not side:
        raise ValueError(
            "weights must be (n, n) or (n_heads, n, n) for n patches, or for a class token and n patches; "
            f"got {np.shape(weights)} for an image of {image.shape}"
        )
    fixed = {**fixed, "weights": "weights"}
    return PatchExplorer(image, maps.astype("<f4"), [side], {"patch": side}, None, query, fixed=fixed, **more)


def objects_of(targets, labels, classes, n_classes: int | None) -> dict:
    """Boxes (m, 4), labels (m,) and the names of the classes; empty without targets."""
    if (targets is None) != (labels is None):
        raise ValueError("targets and labels belong together: boxes (m, 4) and the class of each")
    targets = numbers("targets", np.zeros((0, 4)) if targets is None else targets, (None, 4), 0, 1)
    labels = np.asarray([] if labels is None else labels)
    if labels.shape != (len(targets),) or not np.all(labels == labels.astype(int)):
        raise ValueError(f"labels must be the {len(targets)} classes of targets; got {labels!r:.60}")
    labels = labels.astype(int)
    if n_classes is None:
        n_classes = int(labels.max(initial=0)) + 1 if classes is None else len(classes)
    names = [str(name) for name in (range(n_classes) if classes is None else classes)]
    if len(names) != n_classes:
        raise ValueError(f"classes must name the {n_classes} classes; got {len(names)}")
    if not all(0 <= label < n_classes for label in labels):
        raise ValueError(f"labels must be from 0 to {n_classes - 1}; got {labels.tolist()}")
    if len(targets) > MOST_TARGETS:
        raise ValueError(f"targets may hold up to {MOST_TARGETS} boxes; got {len(targets)}")
    return {"targets": targets, "labels": labels, "classes": names}


def box_view(image, patch, weights, given: Mapping, cost, matched, query, fixed, **more) -> BoxExplorer:
    """The view of object queries; `given` holds boxes, class_prob, targets, labels, classes, places."""
    boxes = numbers("boxes", given["boxes"], (None, 4), -1, 2)
    n = len(boxes)
    if not 1 <= n <= MOST_QUERIES:
        raise ValueError(f"boxes must hold 1 to {MOST_QUERIES} queries; got {n}")
    if given["class_prob"] is None:
        raise ValueError("class_prob is missing: the probabilities (n_queries, n_classes + 1) of each query")
    prob = numbers("class_prob", given["class_prob"], (n, None), 0, 1)
    if prob.shape[1] < 2:
        raise ValueError("class_prob must have a class and, last, no object; got one column")
    objects = objects_of(given["targets"], given["labels"], given["classes"], prob.shape[1] - 1)
    m = len(objects["targets"])
    if m > n:
        raise ValueError(f"targets must be at most as many as the {n} queries; got {m}")
    places, side = given["places"], None
    if places is not None:
        places = numbers("places", places, (n, 2), -1, 2)
    if weights is not None:
        weights, side = seen_weights("weights", weights, image.shape, patch, n, "queries")
    if cost is None:
        parts = (prob, boxes, objects["labels"], objects["targets"])
        cost = by_hand.match_cost(*(part.astype(float) if part.dtype == "f4" else part for part in parts))
    cost = numbers("cost", cost, (n, m), -1e6, 1e6)
    fixed = {**fixed, **{name: name for name, value in given.items() if value is not None}}
    fixed |= {} if weights is None else {"weights": "weights"}
    parts = {**objects, "boxes": boxes, "class_prob": prob, "places": places}
    parts |= {"weights": weights, "patch": side}
    return BoxExplorer(image, parts, cost, matched, query, fixed=fixed, **more)


def caption_view(image, patch, weights, words, given: Mapping, fixed, **more) -> CaptionExplorer:
    """The view of a caption; `given` holds targets, labels, classes."""
    if not 1 <= len(words) <= MOST_WORDS:
        raise ValueError(f"words must be 1 to {MOST_WORDS} words; got {len(words)}")
    if weights is None:
        raise ValueError("weights is missing: where each word looked, (n_words, n_patches)")
    maps, side = seen_weights("weights", weights, image.shape, patch, len(words), "words")
    objects = {} if given["targets"] is None else objects_of(*given.values(), None)
    fixed = {**fixed, "weights": "weights", "words": repr(words)}
    fixed |= {name: name for name, value in given.items() if value is not None}
    return CaptionExplorer(image, words, maps, side, objects, fixed=fixed, **more)
