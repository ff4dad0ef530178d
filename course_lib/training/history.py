"""What happened in a training, kept for plots and for the training replay."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file


class History:
    """The course of a training as NumPy arrays.

    `steps`, `loss` and `lr` have one entry per step. `scores[name]` (n_scores,) belongs to `score_steps`,
    `maps[name]` (n_maps, ...) to `map_steps`; step 0 is the model before any learning.
    """

    def __init__(self) -> None:
        self.interrupted = False
        self._rows: dict[str, list] = {"loss": [], "lr": [], "score_steps": [], "map_steps": []}

    def __len__(self) -> int:
        return len(self._rows["loss"])

    def __repr__(self) -> str:
        return f"History(steps={len(self)}, scores={list(self.scores)}, maps={list(self.maps)})"

    @property
    def steps(self) -> np.ndarray:
        """1 ... number of steps done."""
        return np.arange(1, len(self) + 1)

    @property
    def loss(self) -> np.ndarray:
        """The loss of each step, before its update."""
        return np.array(self._rows["loss"], dtype=np.float64)

    @property
    def lr(self) -> np.ndarray:
        """The learning rate of each step."""
        return np.array(self._rows["lr"], dtype=np.float64)

    @property
    def score_steps(self) -> np.ndarray:
        """After how many steps each score was taken."""
        return np.array(self._rows["score_steps"], dtype=np.int64)

    @property
    def map_steps(self) -> np.ndarray:
        """After how many steps each map was taken."""
        return np.array(self._rows["map_steps"], dtype=np.int64)

    @property
    def scores(self) -> dict[str, np.ndarray]:
        """What `evaluate` returned, by name."""
        return self._named("scores/")

    @property
    def maps(self) -> dict[str, np.ndarray]:
        """What `record` returned, by name: attention maps over the training."""
        return self._named("maps/")

    def _named(self, kind: str) -> dict[str, np.ndarray]:
        return {name: np.stack(rows) for name, rows in self._rows_of(kind).items()}

    def _rows_of(self, kind: str) -> dict[str, list]:
        return {key.removeprefix(kind): rows for key, rows in self._rows.items() if key.startswith(kind)}

    def add_step(self, loss: float, lr: float) -> None:
        """Note one step."""
        self._rows["loss"].append(loss)
        self._rows["lr"].append(lr)

    def add_scores(self, scores: Mapping[str, float]) -> None:
        """Note scores of the model as it is now; every time the same names."""
        values = {name: np.array(score, np.float64) for name, score in scores.items()}
        self._add("score_steps", "scores/", values)

    def add_maps(self, maps: Mapping[str, ArrayLike]) -> None:
        """Note maps of the model as it is now; every time the same names and shapes."""
        self._add("map_steps", "maps/", {name: np.asarray(m).copy() for name, m in maps.items()})

    def _add(self, when: str, kind: str, values: dict[str, np.ndarray]) -> None:
        expected = {name: rows[0].shape for name, rows in self._rows_of(kind).items()}
        got = {name: value.shape for name, value in values.items()}
        if expected and expected != got:
            raise ValueError(
                f"{kind[:-1]} must have the same names and shapes each time, {expected}; got {got}"
            )
        for name, value in values.items():
            self._rows.setdefault(kind + name, []).append(value)
        self._rows[when].append(len(self))

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything in one flat dict of arrays, which `from_arrays` reads."""
        named = {f"scores/{name}": values for name, values in self.scores.items()}
        named |= {f"maps/{name}": values for name, values in self.maps.items()}
        whole = {name: getattr(self, name) for name in ("loss", "lr", "score_steps", "map_steps")}
        return whole | named | {"interrupted": np.array(self.interrupted)}

    def rounded(self, digits: int = 4, map_digits: int = 3) -> dict[str, list]:
        """Everything in one flat dict of rounded lists, for a file; as arrays `from_arrays` reads it."""
        return {
            name: np.round(
                values.astype(np.float64), map_digits if name.startswith("maps/") else digits
            ).tolist()
            for name, values in self.arrays().items()
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "History":
        """The inverse of `arrays`. Raises ValueError where a part is missing."""
        history = cls()
        missing = {*history._rows, "interrupted"} - set(arrays)
        if missing:
            raise ValueError(f"arrays must be those of a History; it lacks {sorted(missing)}")
        history._rows = {key: list(values) for key, values in arrays.items() if key != "interrupted"}
        history.interrupted = bool(arrays["interrupted"])
        return history

    def save(self, path: str | Path) -> None:
        """Write it to a safetensors file."""
        save_file({key: np.ascontiguousarray(values) for key, values in self.arrays().items()}, path)

    @classmethod
    def load(cls, path: str | Path) -> "History":
        """Read what `save` wrote. Raises ValueError for another or a broken file."""
        try:
            return cls.from_arrays(load_file(path))
        except SafetensorError as error:
            raise ValueError(f"path must be a saved History; {path} is not: {error}") from error
