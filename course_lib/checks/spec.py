"""What one exercise is made of, and how the files of `specs/` are found."""

import difflib
import importlib.util
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np

SPECS = Path(__file__).parent / "specs"


@dataclass(frozen=True)
class Case:
    """One input of an exercise.

    `inputs` draws the positional arguments (a tuple of arrays, numbers, lists and `Made`) from a seeded
    generator, `options` go by keyword. Of a module the first arguments are those of its constructor;
    `weights` sets some of its parameters by name, the others are drawn.
    A case that the reference answers with an exception must raise the same exception in an answer.
    `rtol` and `atol` replace the exercise's own, e.g. atol 0.0 where zeros must be exact.
    `measure` (a `Seen` -> dict of numbers, name first) replaces the outputs of random answers by statistics.
    With `times` the answer is called so often with the same arguments, a generator among them going on; its
    outputs are stacked along a new first axis.
    """

    name: str
    inputs: Callable[[np.random.Generator], tuple]
    options: Mapping[str, object] = field(default_factory=dict)
    weight: float = 1.0
    weights: Mapping[str, object] = field(default_factory=dict)
    measure: "Callable[[Seen], Mapping[str, float]] | None" = None
    rtol: float | None = None
    atol: float | None = None
    times: int = 1


@dataclass(frozen=True, eq=False)  # an exercise is equal to itself alone, so it can be a key
class Exercise:
    """One exercise: its contract, cases, stored answers and hints.

    `arguments` and `outputs` map names to axis names; "..." stands for any leading axes.
    Wrong answers, conventions and properties are functions: the name is the id, the docstring the sentence.
    A property gets a dict from case name to `Seen` and returns True where it holds.
    `whole` names the outputs that must have an integer dtype, and says why.
    `takes` is "numpy" or "torch": what the arrays of the cases become before they go in. `gives` is "numbers"
    or "text". An exercise with `parameters` (names to axes, which are names of constructor arguments) asks
    for an nn.Module; its first `n_init` arguments go to the constructor, the rest to the call.
    For marking: `allows` are names of the course's library that an answer may use, e.g.
    "course_lib.by_hand.similarity", `forbids` library calls that would be the answer itself, e.g.
    "torch.nn.LayerNorm" (see `course_lib.grading.forbidden`).
    In a released copy `solution` is None and `right` is empty.
    """

    id: str
    contract: str
    minutes: int
    difficulty: int
    points: int
    arguments: Mapping[str, tuple[str, ...]]
    outputs: Mapping[str, tuple[str, ...]]
    cases: Sequence[Case]
    reference: Callable
    solution: Callable | None
    wrong: Sequence[Callable]
    right: Sequence[Callable]
    hints: Sequence[str]
    conventions: Sequence[Callable] = ()
    properties: Sequence[Callable] = ()
    whole: Mapping[str, str] = field(default_factory=dict)
    takes: str = "numpy"
    gives: str = "numbers"
    parameters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    n_init: int = 0
    rtol: float = 1e-4
    atol: float = 1e-5
    allows: Sequence[str] = ()
    forbids: Sequence[str] = ()


@dataclass(frozen=True)
class Seen:
    """What one case gave: its inputs and the answer's outputs, both by name."""

    inputs: Mapping[str, object]
    outputs: Mapping[str, np.ndarray]


def sentence(function: Callable) -> str:
    """The docstring of a stored answer or property, on one line."""
    return " ".join((function.__doc__ or "").split())


def exercise_ids() -> list[str]:
    """Ids of all exercises, in the order of the lessons."""
    return [path.stem[3:] for path in sorted(SPECS.glob("[0-9][0-9]_*.py"))]


def hunt_ids() -> list[str]:
    """Ids of all mutant hunts, in the order of the lessons."""
    return [path.stem.removeprefix("hunt_") for path in sorted(SPECS.glob("hunt_*.py"))]


def load_exercise(exercise_id: str) -> Exercise:
    """The exercise of this id; KeyError with the nearest ids if there is none."""
    if exercise_id not in exercise_ids():
        raise KeyError(unknown("exercise", exercise_id, exercise_ids()))
    [path] = SPECS.glob(f"[0-9][0-9]_{exercise_id}.py")
    return load_file(path).EXERCISE


def unknown(kind: str, wanted: str, known: list[str]) -> str:
    """The message for an id that does not exist."""
    near = difflib.get_close_matches(wanted, known, n=3, cutoff=0.5)
    there = f"nearest: {', '.join(near)}" if near else f"there are: {', '.join(known)}"
    return f"no {kind} is called {wanted!r}; {there}"


@cache
def load_file(path: Path) -> ModuleType:
    """Import one file of `specs/` (their names begin with a digit, so `import` cannot)."""
    found = importlib.util.spec_from_file_location(f"course_lib.checks.specs.{path.stem}", path)
    module = importlib.util.module_from_spec(found)
    sys.modules[found.name] = module  # without it `inspect` finds no source of a class
    found.loader.exec_module(module)
    return module
