"""What a text of n tokens costs a Transformer: multiplications, the weights map, the KV cache.

Published sizes: GPT-2 from Radford et al. 2019, Language Models are Unsupervised Multitask Learners, table 2
and section 2.3 (its heads from the released models: 12 and 25); Llama 2 from Touvron et al. 2023, Llama 2,
section 2.2 (4,096 tokens, grouped-query attention in the 70B model), with the sizes of the released models.
"""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import traitlets

from course_lib import by_hand
from course_lib.explorers import still
from course_lib.explorers.base import Explorer, Number
from course_lib.palette import GRID, KEY, QUERY, QUIET

WINDOWS = (320, 1280, 5120, 20_480, 81_920, 327_680)  # tokens that the curve has room for
MOST_TOKENS = 262_144
LONG, LIMIT = 16_384, 40  # tokens of the first state; megabytes of the challenge
SMALL = {"d_model": 768, "n_heads": 12, "n_layers": 12, "n_kv_heads": 12, "bytes_per_number": 2}


class SharesError(traitlets.TraitError, ValueError):
    """Heads that cannot be shared out evenly; traitlets then takes the change back."""


class OneOf(Number):
    """One of a few whole numbers."""

    def __init__(self, default: int, among: tuple[int, ...]):
        super().__init__(default, whole=True)
        self.among = among

    def validate(self, owner, value):
        value = super().validate(owner, value)
        if value not in self.among:
            raise ValueError(f"{self.name} must be one of {', '.join(map(str, self.among))}; got {value}")
        return value


class CostExplorer(Explorer):
    """The number of tokens, the sizes of the model, how many heads have own keys, bytes per number."""

    FAMILY = "cost"
    TITLE = "What does a longer text cost?"
    CHALLENGE: ClassVar = (
        f"Let the part that grows with n² be more than half of the work, the KV cache less than {LIMIT} MB.",
        f"share > 0.5 and cache_bytes < {LIMIT}e6",
    )
    PRESETS: ClassVar = {
        "A long text": {"n": LONG, **SMALL},
        "GPT-2 small": {"n": 1024, **SMALL},
        "GPT-2 XL": {"n": 1024, "d_model": 1600, "n_heads": 25, "n_layers": 48, "n_kv_heads": 25,
                     "bytes_per_number": 2},
        "Llama 2 7B": {"n": 4096, "d_model": 4096, "n_heads": 32, "n_layers": 32, "n_kv_heads": 32,
                       "bytes_per_number": 2},
        "Llama 2 70B": {"n": 4096, "d_model": 8192, "n_heads": 64, "n_layers": 80, "n_kv_heads": 8,
                        "bytes_per_number": 2},
    }  # fmt: skip

    n = Number(LONG, low=16, high=MOST_TOKENS, whole=True).tag(sync=True, state=True)
    d_model = Number(768, low=8, high=16_384, whole=True).tag(sync=True, state=True)
    n_heads = Number(12, low=1, high=128, whole=True).tag(sync=True, state=True)
    n_kv_heads = Number(12, low=1, high=128, whole=True).tag(sync=True, state=True)
    n_layers = Number(12, low=1, high=128, whole=True).tag(sync=True, state=True)
    bytes_per_number = OneOf(2, (1, 2, 4)).tag(sync=True, state=True)

    @traitlets.validate("d_model", "n_heads", "n_kv_heads")
    def _heads_share_evenly(self, proposal):
        sizes = {name: getattr(self, name) for name in ("d_model", "n_heads", "n_kv_heads")}
        sizes[proposal["trait"].name] = proposal["value"]
        try:
            by_hand.d_kv(**sizes)
        except ValueError as error:
            raise SharesError(str(error)) from None
        return proposal["value"]

    # -- results

    @property
    def sizes(self) -> dict[str, int]:
        """The sizes that the formulas of by_hand take."""
        return {"d_model": self.d_model, "n_heads": self.n_heads, "n_kv_heads": self.n_kv_heads}

    @property
    def multiplications(self) -> dict[str, int]:
        """Multiplications of all layers for a text of n tokens read at once, by part."""
        parts = by_hand.layer_multiplications(self.n, **self.sizes)
        return {name: self.n_layers * value for name, value in parts.items()}

    @property
    def memory(self) -> dict[str, int]:
        """Bytes of the weights map of one layer and of the KV cache of all layers."""
        results = self.compute()
        return {"map": int(results["map_bytes"]), "cache": int(results["cache_bytes"])}

    @property
    def writing(self) -> dict[str, int]:
        """Multiplications to write n tokens one by one, with and without a KV cache."""
        return {
            name: self.n_layers * by_hand.writing_multiplications(self.n, **self.sizes, cached=cached)
            for name, cached in (("cached", True), ("uncached", False))
        }

    def compute(self) -> dict:
        parts = self.multiplications
        total, writing = sum(parts.values()), self.writing
        twice = self.n_layers * sum(by_hand.layer_multiplications(2 * self.n, **self.sizes).values())
        stored = {"n_layers": self.n_layers, "bytes_per_number": self.bytes_per_number}
        heads = (self.n_heads, self.n_kv_heads, 1)
        caches = [
            by_hand.cache_bytes(self.n, self.d_model, self.n_heads, kv_heads, **stored) for kv_heads in heads
        ]
        return {
            "share": parts["attention"] / total,
            "attention": float(parts["attention"]),
            "per_token_work": float(parts["projections"] + parts["feed_forward"]),
            "total": float(total),
            "longer": twice / total,
            "equal": by_hand.equal_length(**self.sizes),
            "map_bytes": float(by_hand.map_bytes(self.n, self.n_heads, self.bytes_per_number)),
            "cache_bytes": float(caches[1]),
            "caches": np.array(caches, float),
            "cached": float(writing["cached"]),
            "uncached": float(writing["uncached"]),
            "saving": writing["uncached"] / writing["cached"],
        }

    # -- words

    def words(self, results: Mapping) -> str:
        return (
            f"{self.n:,} tokens: {amount(results['total'])} multiplications, {percent(results['share'])} of "
            f"them grow with n²; twice the tokens, {still.num(results['longer'], 1)} times the work. "
            f"Weights map {size(results['map_bytes'])} a layer, KV cache {size(results['cache_bytes'])}. "
            f"Writing them one by one takes {times(results['saving'])} the work without the cache."
        )

    # -- card

    def prediction(self) -> dict:
        one, two = (by_hand.map_bytes(n, SMALL["n_heads"]) for n in (LONG // 2, LONG))
        why = (
            f"The map has a row and a column for each token, so 2 × 2 = 4 times: {size(one)} a layer become "
            f"{size(two)}."
        )
        return {
            "question": f"A text gets twice as long, from {LONG // 2:,} to {LONG:,} tokens. "
            "How much more memory do the attention weights of a layer take?",
            "choices": ["As much", "2 times", "4 times", "8 times"],
            "answer": "4 times",
            "right": f"{why} The KV cache, one key and one value per token, only doubles.",
            "wrong": {
                "As much": f"That holds for the parameters, which do not depend on the length. {why}",
                "2 times": f"That holds for the KV cache, one key and one value per token. {why}",
                "8 times": f"That would be n³, which is in the work of writing without a cache. {why}",
            },
            "then": {"n": LONG, **SMALL},
        }

    # -- still picture

    def still(self, results: Mapping) -> str:
        left, top, wide, high = 90.0, 70.0, 300.0, 180.0
        most = window(self.n)
        work = [self._work(most * k / 40) for k in range(41)]
        tall = sum(work[-1])
        base = top + high
        xs = [left + wide * k / 40 for k in range(41)]
        lower = [base - high * linear / tall for linear, _ in work]
        upper = [base - high * (linear + square) / tall for linear, square in work]
        x, y = left + wide * self.n / most, base - high * results["total"] / tall
        reach = min(1.0, (base - top) / (base - y) * (x - left) / wide) * wide
        slope = (base - y) / (x - left)
        parts = [
            still.text(20, 12, "Multiplications to read n tokens at once", bold=True),
            still.rect(20, 24, 12, 12, KEY), still.text(38, 34, "between tokens, n²", size=12),
            still.rect(190, 24, 12, 12, QUIET), still.text(208, 34, "per token, n", size=12),
            still.text(20, 54, "dashed: a cost linear in n", colour=QUIET, size=12),
            area(xs, lower, [base] * 41, QUIET, "0.35"),
            area(xs, upper, lower, KEY, "0.55"),
            still.line(left, base, left + reach, base - slope * reach, still.INK, dashed=True),
            still.line(left, base, left + wide, base, QUIET),
            still.line(left, y, x, y, GRID), still.line(x, y, x, base, GRID),
            still.element("circle", cx=x, cy=y, r=5, fill=QUERY),
            still.text(left - 6, y + 4, amount(results["total"]), "end", size=12),
            still.text(x, base + 18, f"n = {self.n:,}", "middle", QUERY, bold=True),
            still.text(left, base + 38, self._equal(results), size=12),
        ]  # fmt: skip
        parts += self._still_bars(430, 12, "Memory", [
            ("map, 1 layer", results["map_bytes"], size(results["map_bytes"])),
            ("KV cache", results["cache_bytes"], size(results["cache_bytes"]))])  # fmt: skip
        caches = zip(self._kinds(), results["caches"].tolist(), strict=True)
        rows = [(kind, value, size(value)) for kind, value in caches]
        parts += self._still_bars(430, 112, "KV cache, keys shared by heads", rows)
        parts += self._still_bars(430, 234, "Writing n tokens one by one", [
            ("with KV cache", results["cached"], amount(results["cached"])),
            ("without", results["uncached"], amount(results["uncached"]))])  # fmt: skip
        return still.picture(680, 310, self.TITLE, self.words(results), *parts)

    def _work(self, n: float) -> tuple[float, float]:
        """Work that grows with n and with n², of all layers."""
        linear = n * self.n_layers * 2 * self.d_model * by_hand.equal_length(**self.sizes)
        return linear, 2 * n * n * self.d_model * self.n_layers

    def _kinds(self) -> list[str]:
        return [f"MHA, {self.n_heads}", f"now, {self.n_kv_heads}", "MQA, 1"]

    def _equal(self, results: Mapping) -> str:
        return f"both parts are equal at {results['equal']:,} tokens"

    def _still_bars(self, x: float, y: float, title: str, rows: list[tuple[str, float, str]]) -> list[str]:
        parts = [still.text(x, y, title, bold=True)]
        most = max(value for _, value, _ in rows)
        for i, (name, value, said) in enumerate(rows):
            at, length = y + 24 + 22 * i, max(1.0, 55 * value / most)
            parts.append(still.text(x, at, name, size=12))
            parts.append(still.rect(x + 100, at - 11, length, 13, QUIET))
            parts.append(still.text(x + 106 + length, at, said, size=12))
        return parts


def area(xs: list[float], upper: list[float], lower: list[float], colour: str, opacity: str) -> str:
    """The area between two curves."""
    there = [f"{x:.2f} {y:.2f}" for x, y in zip(xs, upper, strict=True)]
    back = [f"{x:.2f} {y:.2f}" for x, y in zip(reversed(xs), reversed(lower), strict=True)]
    return still.element("path", d=f"M{'L'.join([*there, *back])}Z", fill=colour, fill_opacity=opacity)


def window(n: int) -> int:
    """How many tokens the curve has room for."""
    return next(w for w in WINDOWS if w >= 1.2 * n)


def amount(value: float) -> str:
    """A number of multiplications as one says it; from a quadrillion on as a power of ten."""
    if value >= 1e15:
        digits, exponent = f"{value:.1e}".split("e")
        return f"{digits}·10{str(int(exponent)).translate(str.maketrans('0123456789', '⁰¹²³⁴⁵⁶⁷⁸⁹'))}"
    for unit, name in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if value >= unit:
            return f"{still.num(value / unit, 1)} {name}"
    return f"{int(value):,}"


def size(value: float) -> str:
    """Bytes in the unit in which they are few: 25.2 MB."""
    for unit, name in ((1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if value >= unit:
            return f"{still.num(value / unit, 1)} {name}"
    return f"{int(value)} bytes"


def percent(share: float) -> str:
    """A share in percent, with one digit where it is small."""
    return f"{still.num(100 * share, 0 if share >= 0.1 else 1)} %"


def times(factor: float) -> str:
    """A factor as one says it."""
    return f"{still.num(factor, 1)} times" if factor < 100 else f"{int(factor + 0.5):,} times"


def cost_explorer(
    n: int = LONG,
    d_model: int = 768,
    n_heads: int = 12,
    n_kv_heads: int | None = None,
    n_layers: int = 12,
    bytes_per_number: int = 2,
    preset: str | None = None,
    predict: bool = True,
) -> CostExplorer:
    """What n tokens cost a Transformer of these sizes: multiplications, weights map, KV cache.

    n_heads divides d_model, n_kv_heads (None: as many) divides n_heads: fewer are grouped-query attention, 1
    is multi-query attention. bytes_per_number is 1, 2 (16 bits) or 4 (32 bits).
    Results: .multiplications by part, .memory (map of one layer, cache of all) in bytes, .writing with and
    without a cache; the formulas stand in course_lib.by_hand.costs. Presets hold sizes of published models.
    ValueError names the argument. Sources: Vaswani et al. 2017, Attention Is All You Need, section 3; Shazeer
    2019, Fast Transformer Decoding; Ainslie et al. 2023, GQA.
    """
    return CostExplorer(
        n=n, d_model=d_model, n_heads=n_heads, n_kv_heads=n_heads if n_kv_heads is None else n_kv_heads,
        n_layers=n_layers, bytes_per_number=bytes_per_number, preset=preset, predict=predict,
    )  # fmt: skip
