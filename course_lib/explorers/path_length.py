"""How far a word has to travel: many hops of a recurrent network, one hop of attention, and the cost.

The recurrent network is the simplest that can remember: each step keeps the share `gate` of its state. A
trained GRU or LSTM sets that share by unit and by step, and can hold it near 1 where it must remember.
"""

from collections.abc import Mapping
from typing import ClassVar

import traitlets

from course_lib import by_hand
from course_lib.explorers import still
from course_lib.explorers.base import Explorer, Flag, Number
from course_lib.palette import GRID, KEY, QUERY, QUIET

WINDOWS = (6, 12, 25, 60, 100)  # how many hops the picture has room for
ASKED_DISTANCE, ASKED_GATE = 50, 0.9


class MisfitError(traitlets.TraitError, ValueError):
    """Two traits that do not fit each other; traitlets then takes the change back."""


class PathLengthExplorer(Explorer):
    """How many steps back the wanted token stands, what a step keeps, and the sizes n and d of the layer."""

    FAMILY = "path_length"
    TITLE = "How far does a word have to travel?"
    CHALLENGE: ClassVar = (
        "Make the recurrent network the better one: at least 0.3 of the signal after 100 hops, "
        "with fewer operations than attention.",
        "signal >= 0.3 and hops > 99.5 and ratio < 1",
    )
    PRESETS: ClassVar = {
        "Far away": {"distance": 50, "gate": 0.9, "n": 100, "d_model": 512},
        "Next door": {"distance": 4, "gate": 0.95, "n": 100, "d_model": 512},
        "A gate near 1": {"distance": 100, "gate": 0.99, "n": 128, "d_model": 512},
        "A very long text": {"distance": 10, "gate": 0.95, "n": 10_000, "d_model": 64},
    }

    distance = Number(50, low=1, high=100, whole=True).tag(sync=True, state=True)
    gate = Number(0.9, low=0, high=1).tag(sync=True, state=True)
    n = Number(100, low=2, high=10_000, whole=True).tag(sync=True, state=True)
    d_model = Number(512, low=8, high=4096, whole=True).tag(sync=True, state=True)
    backward = Flag(False).tag(sync=True, state=True)

    @traitlets.validate("distance", "n")
    def _both_tokens_are_there(self, proposal):
        sizes = {"distance": self.distance, "n": self.n, proposal["trait"].name: proposal["value"]}
        if sizes["distance"] >= sizes["n"]:
            raise MisfitError(
                f"distance must be less than n, the tokens; got {sizes['distance']} and {sizes['n']}"
            )
        return proposal["value"]

    # -- results

    @property
    def signal(self) -> float:
        """What the recurrent network has left of the signal (or of the gradient): gate ** distance."""
        return self.compute()["signal"]

    @property
    def steps(self) -> tuple[int, int]:
        """Steps that must come one after another: recurrent network, attention."""
        results = self.compute()
        return results["steps_recurrent"], results["steps_attention"]

    @property
    def operations(self) -> tuple[int, int]:
        """Operations of one layer, leading term: recurrent network, attention."""
        results = self.compute()
        return results["operations_recurrent"], results["operations_attention"]

    def compute(self) -> dict:
        signals = by_hand.signal_left(self.gate, self.distance)
        costs = by_hand.layer_costs(self.n, self.d_model)
        (steps, operations), (its_steps, its_operations) = costs["recurrent"], costs["attention"]
        return {
            "hops": self.distance,
            "signal": float(signals[-1]),
            "signals": signals,
            "equal_share": 1 / self.n,
            "steps_recurrent": steps,
            "steps_attention": its_steps,
            "operations_recurrent": operations,
            "operations_attention": its_operations,
            "ratio": operations / its_operations,
        }

    # -- words

    def words(self, results: Mapping) -> str:
        hops, left = self.distance, share(results["signal"]) if results["signal"] else "nothing"
        way = "of the gradient gets back" if self.backward else "of the signal arrives"
        recurrent, attention = results["operations_recurrent"], results["operations_attention"]
        return (
            f"Recurrent network: {that_keep(hops, self.gate)}, {left} {way}; attention: 1 hop. "
            f"{self.n:,} tokens: {self.n:,} steps one after another against 1, "
            f"{amount(recurrent)} operations against {amount(attention)}."
        )

    # -- card

    def prediction(self) -> dict:
        left = by_hand.signal_left(ASKED_GATE, ASKED_DISTANCE)[-1]
        near_one = by_hand.signal_left(0.99, ASKED_DISTANCE)[-1]
        why = (
            f"The shares multiply: 0.9 × 0.9 × ..., 50 times, is {share(left)}. "
            f"(A gate of 0.99 would leave {share(near_one)}: it is the gate that decides.)"
        )
        return {
            "question": "A recurrent network keeps 0.9 of its state at each step. "
            "The word it needs was read 50 steps ago. How much of that word is left in the state?",
            "choices": ["About 0.9", "About 0.5", "Less than 0.01"],
            "answer": "Less than 0.01",
            "right": why,
            "wrong": {
                "About 0.9": f"That is what one step leaves. {why}",
                "About 0.5": f"That is what 7 steps leave. {why}",
            },
            "then": {
                "distance": ASKED_DISTANCE,
                "gate": ASKED_GATE,
                "n": max(self.n, 100),
                "backward": False,
            },
        }

    # -- still picture

    def still(self, results: Mapping) -> str:
        left, right, base, row = 90.0, 560.0, 136.0, 158.0
        hop = (right - left) / window(self.distance)
        end = left + hop * self.distance
        hops = f"{self.distance} {'hop' if self.distance == 1 else 'hops'}"
        signals = results["signals"][::-1] if self.backward else results["signals"]
        width = min(26.0, 0.7 * hop)
        parts = [
            still.text(20, 14, f"Recurrent network: {hops}, one after another", bold=True),
            *(still.bar(left + hop * k - width / 2, base, width, 100 * float(s), KEY)
              for k, s in enumerate(signals) if s > 0.002),
            still.line(left - 14, base, right, base, GRID),
            still.line(left, row, end, row, QUIET),
            *(still.element("circle", cx=left + hop * k, cy=row, r=1.8, fill=QUIET)
              for k in range(1, self.distance)),
        ]  # fmt: skip
        said = f"{share(results['signal'])} {'gets back' if self.backward else 'arrives'}"
        tall = 100 * results["signal"]
        if self.backward:
            parts.append(still.text(left - 10 - width / 2, min(base - 6, base - tall + 12), said, "end"))
            parts.append(still.text(end + 6 + width / 2, base - 88, "1", bold=True))
        else:
            parts.append(still.text(end + 6 + width / 2, min(base - 6, base - tall + 12), said, bold=True))
            parts.append(still.text(left - 6 - width / 2, base - 88, "1", "end", bold=True))
        tip = left if self.backward else end
        parts += [
            still.element("path", d=f"M{left:.2f} {row + 16}C{left:.2f} {row + 66} {end:.2f} {row + 66} "
                          f"{end:.2f} {row + 16}", fill="none", stroke=KEY, stroke_width=3),
            still.element("polygon", points=f"{tip:.2f},{row + 8} {tip - 5:.2f},{row + 20} "
                          f"{tip + 5:.2f},{row + 20}", fill=KEY),
            still.element("circle", cx=left, cy=row, r=6, fill=KEY),
            still.element("circle", cx=end, cy=row, r=6, fill=QUERY),
            still.text(left - 12, row + 4, "the word", "end"),
            still.text(end + 12, row + 4, "asks"),
            still.text(20, row + 78, "Attention: 1 hop, at any distance", bold=True),
        ]  # fmt: skip
        parts += self._still_costs(20, row + 116, "Steps one after another", "steps", results)
        parts += self._still_costs(360, row + 116, "Operations of one layer", "operations", results)
        return still.picture(680, int(row) + 176, self.TITLE, self.words(results), *parts)

    def _still_costs(self, x: float, y: float, title: str, what: str, results: Mapping) -> list[str]:
        costs = {kind: results[f"{what}_{kind}"] for kind in ("recurrent", "attention")}
        parts = [still.text(x, y, title, bold=True)]
        for i, (kind, cost) in enumerate(costs.items()):
            at, length = y + 22 + 22 * i, max(1.0, 110 * cost / max(costs.values()))
            parts.append(still.text(x, at, kind))
            parts.append(still.rect(x + 76, at - 11, length, 13, QUIET))
            parts.append(still.text(x + 82 + length, at, amount(cost)))
        return parts


def window(distance: int) -> int:
    """How many hops the picture has room for."""
    return next((w for w in WINDOWS if w >= 1.1 * distance), WINDOWS[-1])


def that_keep(hops: int, gate: float) -> str:
    return f"1 hop that keeps {kept(gate)}" if hops == 1 else f"{hops} hops that keep {kept(gate)} each"


def kept(gate: float) -> str:
    """The gate with two digits, or with as many as tell it from 1."""
    return still.num(gate, 2 if gate == 1 or gate < 0.995 else 4)


def share(value: float) -> str:
    """A share with two digits, small ones with one that counts; below 0.001 as a power of ten."""
    if value == 0 or value >= 0.001:
        return still.num(value, 2 if value >= 0.01 else 3) if value else "0"
    digit, exponent = f"{value:.0e}".split("e")
    raised = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{digit}·10{raised}"


def amount(value: int) -> str:
    """A number of things as one says it: 100, 65,536, 26.2 million."""
    for size, name in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if value >= size:
            return f"{still.num(value / size, 1)} {name}"
    return f"{value:,}"


def path_length_explorer(
    distance: int = 50,
    gate: float = 0.9,
    n: int = 100,
    d_model: int = 512,
    backward: bool = False,
    preset: str | None = None,
    predict: bool = True,
) -> PathLengthExplorer:
    """Put two tokens `distance` steps apart (1 to 100): many hops of a recurrent network, one of attention.

    `gate` is the share of its state that the recurrent network keeps per step, n the number of tokens,
    d_model the numbers per token, `backward` shows the gradient on its way back instead of the signal.
    Results: .signal (gate ** distance), .steps and .operations, pairs (recurrent network, attention).
    ValueError names the argument. Source: Vaswani et al. 2017, Attention Is All You Need, table 1.
    """
    return PathLengthExplorer(
        distance=distance, gate=gate, n=n, d_model=d_model, backward=backward, preset=preset, predict=predict
    )
