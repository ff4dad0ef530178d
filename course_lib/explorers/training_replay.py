"""A training run one can scrub through: the map of weights as it forms, the loss, other learning rates."""

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from course_lib.by_hand import reversal
from course_lib.explorers import still
from course_lib.explorers.base import Explorer, Number
from course_lib.palette import GRID, INK, QUERY, QUIET

MOST_WEIGHTS = 2_000_000  # 8 MB on the way to the page
STEADY = (1, 1.5, 2, 3, 5, 7)  # stops of the learning rate in each power of ten
TOO_LARGE = 20  # the preset multiplies the given rate by about this


# ------------------------------------------------------------------ a run


@dataclass(frozen=True)
class Run:
    """What was recorded, rounded to float32 as the page gets it; values of a diverged run may be nan.

    losses (S,), maps (S, n_heads, n, m), accuracies (S,) or None.
    """

    losses: np.ndarray
    maps: np.ndarray
    accuracies: np.ndarray | None

    @property
    def diverged(self) -> int | None:
        """The first step whose loss is not finite."""
        bad = np.flatnonzero(~np.isfinite(self.losses))
        return int(bad[0]) if len(bad) else None


def array(name: str, values: object, kind: str) -> np.ndarray:
    try:
        return np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be {kind}; got {values!r:.60}") from None


def checked(losses, maps, accuracies, by: str = "") -> Run:
    """The run as arrays; ValueError names what does not fit. `by` says whose values they are."""
    losses = array(f"{by}losses", losses, "numbers, one per step")
    maps = array(f"{by}maps", maps, "weights (steps, n, n) or (steps, heads, n, n)")
    if losses.ndim != 1 or len(losses) < 2:
        raise ValueError(f"{by}losses must have shape (steps,) with at least 2 steps; got {losses.shape}")
    if maps.ndim not in (3, 4) or len(maps) != len(losses) or 0 in maps.shape:
        wanted = f"({len(losses)}, n, n) or ({len(losses)}, heads, n, n)"
        raise ValueError(f"{by}maps must have shape {wanted}, one map per loss; got {maps.shape}")
    if maps.size > MOST_WEIGHTS:
        raise ValueError(f"{by}maps holds {maps.size:,} weights; keep fewer steps (at most {MOST_WEIGHTS:,})")
    seen = maps[np.isfinite(maps)]
    if len(seen) and (seen.min() < -1e-6 or seen.max() > 1 + 1e-6):
        raise ValueError(f"{by}maps must hold weights from 0 to 1; got {seen.min():.3g} to {seen.max():.3g}")
    if accuracies is not None:
        accuracies = array(f"{by}accuracies", accuracies, "shares from 0 to 1, one per step")
        if accuracies.shape != losses.shape or not ((accuracies >= 0) & (accuracies <= 1)).all():
            raise ValueError(f"{by}accuracies must be {len(losses)} shares from 0 to 1")
        accuracies = accuracies.astype("<f4")
    maps = maps[:, None] if maps.ndim == 3 else maps
    return Run(losses.astype("<f4"), maps.astype("<f4"), accuracies)


def looks_at(weights: np.ndarray) -> np.ndarray:
    """The column with the largest weight of each row (..., n, m) -> (..., n); -1 where one is not finite."""
    return np.where(np.isfinite(weights).all(axis=-1), weights.argmax(axis=-1), -1)


def settling(maps: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """The step (n_heads, n) from which on each row looks most at its goal; the number of steps if never."""
    there = (looks_at(maps) == goal) & (goal >= 0)
    stays = np.flip(np.logical_and.accumulate(np.flip(there, 0), axis=0), 0)
    return len(maps) - stays.sum(axis=0)


def rates_around(rate: float) -> list[float]:
    """The stops of the learning-rate slider: round numbers from a 100th to 100 times the given rate."""
    powers = range(int(np.floor(np.log10(rate))) - 3, int(np.floor(np.log10(rate))) + 4)
    round_numbers = {float(f"{m}e{k}") for m in STEADY for k in powers}
    return sorted({r for r in round_numbers if rate / 101 < r < rate * 101} | {rate})


def rate_words(rate: float) -> str:
    return np.format_float_positional(rate, trim="-")


def encoded(values: np.ndarray | None) -> str | None:
    return None if values is None else base64.b64encode(values.tobytes()).decode()


# ------------------------------------------------------------------ the explorer


class Index(Number):
    """A whole number below as many as the explorer counts of this kind."""

    def __init__(self):
        super().__init__(0, low=0, whole=True)

    def validate(self, owner, value):
        value = super().validate(owner, value)
        if value >= owner.counts[self.name]:
            raise ValueError(f"{self.name} must be from 0 to {owner.counts[self.name] - 1}; got {value}")
        return value


class TrainingReplayExplorer(Explorer):
    """The recorded step, the head, the row that the line speaks of, and the learning rate of a new run."""

    FAMILY = "training_replay"
    TITLE = "Who tells a head where to look?"
    step = Index().tag(sync=True, state=True)
    head = Index().tag(sync=True, state=True)
    query = Index().tag(sync=True, state=True)
    learning_rate = Number(1.0, low=1e-6, high=1e6).tag(sync=True, state=True, argument="at_rate")

    def __init__(
        self,
        given: Run,
        rows: Sequence[str] | None,
        columns: Sequence[str] | None,
        retrain: Callable[[float], Any] | None,
        given_rate: float | None,
        query: int | None,
        at_rate: float | None,
        goal: np.ndarray | None = None,
        **more,
    ):
        S, H, n, m = given.maps.shape
        self.counts = {"step": S, "head": H, "query": n}
        self._rows = labels("rows", rows, n)
        self._columns = labels("columns", columns, m)
        self._retrain, self._given_rate = retrain, given_rate
        self._runs = {given_rate: given}
        self._goal = looks_at(given.maps[-1]) if goal is None else goal
        settled = settling(given.maps, self._goal)[0]
        # By default not the row of the challenge: playing the run through must not solve it.
        self._usual_query = int(np.argmax(settled < settled.max()))
        self.CHALLENGE = (
            "One row is the last to find the place where the finished map has it look. "
            "Choose that row, and stop at the first step from which it keeps looking there most.",
            "last > 0 and since > -1 and since < 1",
        )
        rate = at_rate if at_rate is not None else given_rate if given_rate is not None else 1.0
        super().__init__(query=self._usual_query if query is None else query, learning_rate=rate, **more)

    # -- runs

    @property
    def run(self) -> Run:
        """The run at the present learning rate: the given one, or trained again once and kept."""
        if self.rate not in self._runs:
            self._runs[self.rate] = self._train(self.rate)
        return self._runs[self.rate]

    @property
    def rate(self) -> float | None:
        """Learning rate of the run that is shown, None where nobody said."""
        return self.learning_rate if self._retrain else self._given_rate

    def _train(self, rate: float) -> Run:
        with np.errstate(all="ignore"):  # a rate that is too large overflows; the picture says so
            seen = self._retrain(rate)
        for name in ("losses", "maps"):
            if not hasattr(seen, name):
                raise ValueError(
                    f"retrain must return an object with .losses and .maps; got {type(seen).__name__}"
                )
        given = self._runs[self._given_rate]
        accuracies = getattr(seen, "accuracies", None) if given.accuracies is not None else None
        run = checked(seen.losses, seen.maps, accuracies, "retrain's ")
        if run.maps.shape != given.maps.shape or (run.accuracies is None) != (given.accuracies is None):
            raise ValueError(
                f"retrain must record the same as the given run: maps {given.maps.shape} (steps, heads, n, n)"
                f"{'' if given.accuracies is None else ' and accuracies'}; got maps {run.maps.shape}"
            )
        return run

    def _changed(self, change=None) -> None:
        if self._retrain:
            try:
                _ = self.run
            except Exception as error:
                self.error = f"{type(error).__name__}: {error}"
                return
            with self.hold_sync():
                self.error = ""
                if self.card["facts"]["rate"] != self.learning_rate:
                    self.card = {**self.card, "facts": self.facts()}
        self._judge()

    # -- results

    def compute(self) -> dict:
        run = self.run
        weights = run.maps[self.step, self.head].astype(float)
        goal = self._goal[self.head]
        settled = settling(run.maps, self._goal)[self.head]
        results = {
            "step": self.step,
            "rate": float("nan") if self.rate is None else self.rate,
            "loss": float(run.losses[self.step]),
            "weights": weights,
            "found": int(((looks_at(weights) == goal) & (goal >= 0)).sum()),
            "since": int(self.step - settled[self.query]),
            "last": int(settled[self.query] == settled.max() < len(run.losses)),
            "losses": run.losses.astype(float),
        }
        if run.accuracies is not None:
            results["accuracy"] = float(run.accuracies[self.step])
            results["accuracies"] = run.accuracies.astype(float)
        return results

    @property
    def weights(self) -> np.ndarray:
        """Weights (n, m) of the chosen head at the chosen step, as float32 kept them; rows are queries."""
        weights = self.compute()["weights"]
        weights.flags.writeable = False
        return weights

    @property
    def loss(self) -> float:
        """Loss at the chosen step; nan or infinite where the run diverged."""
        return self.compute()["loss"]

    @property
    def accuracy(self) -> float | None:
        """Share that was right at the chosen step, None where none was recorded."""
        return self.compute().get("accuracy")

    # -- what the page knows

    def facts(self) -> dict:
        run = self.run
        return {
            "sizes": list(run.maps.shape),
            "losses": encoded(run.losses),
            "maps": encoded(run.maps),
            "accuracies": encoded(run.accuracies),
            "goal": self._goal.tolist(),
            "settled": settling(run.maps, self._goal).tolist(),
            "top": self._top(),
            "rows": self._rows,
            "columns": self._columns,
            "rate": self.rate,
            "rates": rates_around(self._given_rate) if self._retrain else None,
        }

    def _top(self) -> float:
        """The weight that is darkest: 1, or the largest of the given run where all are small."""
        maps = self._runs[self._given_rate].maps
        seen = maps[np.isfinite(maps)]
        top = float(seen.max()) if len(seen) else 1.0
        return top if 0 < top < 0.5 else 1.0

    def _card(self, *given) -> dict:
        card = super()._card(*given)
        usual = {"query": self._usual_query, "learning_rate": self._given_rate or 1.0}
        return {**card, "defaults": {**card["defaults"], **usual}}

    def presets(self) -> dict[str, dict]:
        last = self.counts["step"] - 1
        presets = {"Start": {"step": 0}, "Halfway": {"step": last // 2}, "End": {"step": last}}
        if self._retrain:
            rates = rates_around(self._given_rate)
            large = next(r for r in rates if r >= 0.99 * TOO_LARGE * self._given_rate)
            presets["Too large a rate"] = {"learning_rate": large, "step": last}
        return presets

    def prediction(self) -> dict | None:
        first = self._runs[self._given_rate].maps[0, self.head]
        n, m = first.shape
        if not np.isfinite(first).all() or n < 3 or m < 3:
            return None
        there = int((looks_at(first) == self._goal[self.head]).sum())
        mean = float(first.max(axis=1).mean())
        choices = ["The finished pattern, only fainter", "Equal weights everywhere", "Uneven, at random"]
        answer = choices[0] if there > 0.6 * n else choices[1] if mean < 1.5 / m else choices[2]
        seen = (
            f"At step 0, {there} of {n} rows look most where the finished map has them look; "
            f"a blind pick gives about {still.num(n / m, 0)}. "
            f"The largest weight of a row is {still.num(mean)} on average, an equal share {still.num(1 / m)}."
        )
        why = {
            choices[0]: "Then the pattern would be there before any training.",
            choices[1]: "Equal weights need equal scores.",
            choices[2]: "The weights come from the numbers it was started with.",
        }
        right = "Nobody put the pattern there: the gradient of the loss makes it, step by step."
        if answer == choices[0]:
            right = "This run started from a map that had its pattern already."
        return {
            "question": "A model is trained on its errors alone. What does its map of weights look like "
            "before the first step?",
            "choices": choices,
            "answer": answer,
            "right": f"{seen} {right}",
            "wrong": {choice: f"{why[choice]} {seen}" for choice in choices if choice != answer},
            "then": {"step": 0},
        }

    # -- words

    def words(self, results: Mapping) -> str:
        run = self.run
        rate = f"Learning rate {rate_words(self.rate)}, step" if self.rate else "Step"
        said = f"{rate} {self.step} of {self.counts['step'] - 1}: {self._about_loss(run, results)}"
        if "accuracy" in results and np.isfinite(results["loss"]):
            said += f", {still.num(100 * results['accuracy'], 0)} % right"
        within = f"in head {self.head + 1} " if self.counts["head"] > 1 else ""
        row = results["weights"][self.query]
        place = in_words("output place", self._rows[self.query])
        if not np.isfinite(row).all():
            return f"{said}; {within}the weights of {place} are not finite numbers."
        j = int(row.argmax())
        found = in_words("input place", self._columns[j])
        return (
            f"{said}; {within}{place} looks most at {found} ({still.num(row[j])}); "
            f"{results['found']} of {self.counts['query']} rows look most where the finished map does."
        )

    def _about_loss(self, run: Run, results: Mapping) -> str:
        loss = results["loss"]
        if not np.isfinite(loss):
            return f"the run diverged (no finite loss from step {run.diverged} on)"
        worse = " (more than at step 0)" if loss > run.losses[0] else ""
        return f"loss {still.num(loss)}{worse}"

    # -- outputs

    def to_html(self, path: str | Path) -> Path:
        """Writes one file that works offline; training again needs Python, so its slider is left out."""
        if not self._retrain:
            return super().to_html(path)
        state = {name: getattr(self, name) for name in ("step", "head", "query")}
        alone = TrainingReplayExplorer(
            self.run, self._rows, self._columns, None, self.rate, at_rate=None, goal=self._goal,
            predict=self.card["predict"] is not None, fixed=self._fixed_alone(), **state,
        )  # fmt: skip
        told = {name: self.card[name] for name in ("challenge", "tests")}
        alone.card = {**alone.card, **told}
        alone.guess, alone.solved, alone.error = self.guess, self.solved, self.error
        return super(TrainingReplayExplorer, alone).to_html(path)

    def _fixed_alone(self) -> dict:
        fixed = {name: value for name, value in self.card["fixed"].items() if name != "retrain"}
        return {**fixed, "learning_rate": rate_words(self.rate)}

    def still(self, results: Mapping) -> str:
        last = self.counts["step"] - 1
        middle = self.step if 0 < self.step < last else last // 2
        parts = [
            part
            for place, step in enumerate((0, middle, last))
            for part in self._still_map(30 + 220 * place, step)
        ]
        top = 250
        parts += self._still_curve(top, 90, "Loss", results["losses"], None)
        if "accuracies" in results:
            top += 140
            parts += self._still_curve(top, 60, "Share right", results["accuracies"], 1.0)
        height = top + (114 if "accuracies" in results else 144)
        return still.picture(680, height, self.TITLE, self.words(results), *parts)

    def _still_map(self, left: float, step: int) -> list[str]:
        weights = self.run.maps[step, self.head].astype(float)
        block = -(-max(weights.shape) // 24)
        if block > 1:  # the largest of each block of cells, so that the picture stays small
            tops = np.maximum.reduceat(weights, range(0, weights.shape[0], block), axis=0)
            weights = np.maximum.reduceat(tops, range(0, weights.shape[1], block), axis=1)
        n, m = weights.shape
        cell = 186 / max(n, m)
        shown = np.nan_to_num(weights) / self._top()
        words = f"Step {step}" + (f", head {self.head + 1}" if self.counts["head"] > 1 else "")
        marks = [still.text(left, 14, words, bold=True)]
        if block == 1 and max(map(len, self._rows)) < 3:
            marks += [still.text(left - 6, 30 + (i + 0.5) * cell + 4, self._rows[i], "end", QUIET, size=11)
                      for i in range(0, n, 1 if n <= 12 else 4)]  # fmt: skip
        return [
            *marks,
            still.heat_map(shown.tolist(), left, 30, cell * m, cell * n, mask=np.isfinite(weights)),
            still.element("rect", x=float(left), y=float(30 + self.query // block * cell), width=cell * m,
                          height=float(cell), fill="none", stroke=QUERY, stroke_width=2),
        ]  # fmt: skip

    def _still_curve(
        self, top: float, height: float, name: str, values: np.ndarray, most: float | None
    ) -> list[str]:
        seen = values[np.isfinite(values)]
        most = most or max(float(seen.max(initial=0)), 1e-9)
        last = len(values) - 1
        left, width, base = 70.0, 570.0, top + 24 + height

        def at(s):
            return left + width * s / last

        def up(value):
            return base - height * value / most

        parts = [still.text(left, top + 10, name, bold=True), still.line(left, base, left + width, base)]
        for value in (0, most):
            words = f"{100 * value:.0f} %" if name != "Loss" else still.num(value, 0 if value == 0 else 2)
            parts.append(still.text(left - 8, up(value) + 4, words, "end", QUIET, size=12))
        for finite, steps in stretches(values):
            if finite:
                points = " ".join(f"{at(s):.2f},{up(values[s]):.2f}" for s in steps)
                parts.append(
                    still.element("polyline", points=points, fill="none", stroke=INK, stroke_width=2)
                )
            else:
                start = at(max(0, steps[0] - 0.5))
                parts.append(still.hatch(start, base - height, at(steps[-1]) - start + 1e-3, height))
        parts.append(still.line(at(self.step), base - height, at(self.step), base, GRID, 2))
        if np.isfinite(values[self.step]):
            parts.append(still.element("circle", cx=at(self.step), cy=up(values[self.step]), r=5, fill=INK))
        if name != "Loss" or "accuracies" not in self.compute():
            for s in sorted({0, last // 2, last}):
                parts.append(still.text(at(s), base + 17, f"step {s}", "middle", QUIET, size=12))
        return parts


def stretches(values: np.ndarray) -> list[tuple[bool, list[int]]]:
    """Runs of neighbouring steps whose values are all finite, or all not."""
    parts: list[tuple[bool, list[int]]] = []
    for s, finite in enumerate(np.isfinite(values).tolist()):
        if not parts or parts[-1][0] != finite:
            parts.append((finite, []))
        parts[-1][1].append(s)
    return parts


def in_words(kind: str, name: str) -> str:
    """A place in words: numbers get a word in front, other names quotation marks."""
    return f"{kind} {name}" if re.fullmatch("[0-9]+", name) else f"'{name}'"


def labels(name: str, given: Sequence[str] | None, n: int) -> list[str]:
    """The names of rows or columns; 1, 2, ... where none are given."""
    if given is None:
        return [str(i + 1) for i in range(n)]
    words = given.split() if isinstance(given, str) else list(given)
    if len(words) != n:
        raise ValueError(f"{name} must name the {n} {name} of the maps; got {len(words)}: {words!r:.60}")
    return [str(word) for word in words]


# ------------------------------------------------------------------ the factory


def positive(name: str, rate: object) -> float:
    if isinstance(rate, bool) or not isinstance(rate, (int, float, np.number)) or not 1e-6 <= rate <= 1e6:
        raise ValueError(f"{name} must be a number from 0.000001 to 1000000; got {rate!r:.60}")
    return float(rate)


def training_replay_explorer(
    losses=None,
    maps=None,
    accuracies=None,
    rows: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    retrain: Callable[[float], Any] | None = None,
    learning_rate: float | None = None,
    step: int = 0,
    head: int = 0,
    query: int | None = None,
    at_rate: float | None = None,
    preset: str | None = None,
    predict: bool = True,
) -> TrainingReplayExplorer:
    """Scrub through a training run: see the maps of weights form beside the loss.

    losses (S,), maps (S, n, m) or (S, n_heads, n, m), accuracies (S,) shares from 0 to 1; entry s was
    recorded after s steps. Left out, they are those of by_hand.reversal.learn_tables(). rows and columns name
    the places. retrain(rate) trains again and returns an object with .losses, .maps, .accuracies of the same
    shapes; it needs learning_rate, the rate of the given run. at_rate is the rate to show first, query the
    chosen row. Results: .weights (n, m), .loss, .accuracy of the chosen step and head.
    Copied Python names the arrays as the arguments are called: losses, maps, accuracies (and retrain, where
    it has no name of its own). ValueError names the argument.
    """
    arrays = {"losses": losses, "maps": maps, "accuracies": accuracies}
    fixed: dict[str, object] = {name: name for name, value in arrays.items() if value is not None}
    if not fixed:
        replay = reversal.learn_tables()
        losses, maps, accuracies = replay.losses, replay.maps, replay.accuracies
    given = checked(losses, maps, accuracies)
    if retrain is not None and not callable(retrain):
        raise ValueError(f"retrain must be a function of the learning rate; got {retrain!r:.60}")
    if retrain is not None and learning_rate is None:
        raise ValueError("learning_rate must be given with retrain: it is the rate of the given run")
    if at_rate is not None and retrain is None:
        raise ValueError("at_rate needs retrain, a function that trains at that rate")
    fixed |= {k: repr([str(v) for v in (w.split() if isinstance(w, str) else w)])
              for k, w in (("rows", rows), ("columns", columns)) if w is not None}  # fmt: skip
    if retrain is not None:
        own = getattr(retrain, "__name__", "retrain")
        fixed["retrain"] = own if own.isidentifier() else "retrain"
    if learning_rate is not None:
        learning_rate = positive("learning_rate", learning_rate)
        fixed["learning_rate"] = rate_words(learning_rate)
    at_rate = None if at_rate is None else positive("at_rate", at_rate)
    return TrainingReplayExplorer(
        given, rows, columns, retrain, learning_rate, query, at_rate,
        step=step, head=head, fixed=fixed, preset=preset, predict=predict,
    )  # fmt: skip
