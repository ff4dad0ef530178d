"""Mutant hunts: find an input on which a broken implementation differs, and name its fault."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from course_lib import journal
from course_lib.checks import compare
from course_lib.checks.calling import Call, run
from course_lib.checks.spec import SPECS, hunt_ids, load_file, unknown
from course_lib.checks.verdict import Verdict, card, rich

SAME = "Both give the same on your example, so it cannot tell them apart. What must an input have to show it?"
USE_NEAR_1 = "Use numbers near 1: tiny ones hide a difference, and huge ones leave one key all the weight."
NEAR_1 = 0.1, 10


@dataclass(frozen=True)
class Hunt:
    """One hunt: the broken and the right implementation, and the list of faults to choose from.

    `faults` maps ids to (what it would mean, the sentence for a wrong choice); `fault` is the right id.
    `example` is an input that shows the fault, `dull` one that does not (both for the tests);
    `differs_by` is how large a difference counts; `takes` is that of an exercise.
    """

    id: str
    contract: str
    arguments: Mapping[str, tuple[str, ...]]
    outputs: Mapping[str, tuple[str, ...]]
    broken: Callable
    right: Callable
    faults: Mapping[str, tuple[str, str]]
    fault: str
    explanation: str
    example: tuple
    dull: tuple
    hints: Sequence[str]
    differs_by: float = 1e-3
    takes: str = "numpy"

    def submit(self, example: tuple, fault: str | None = None) -> Verdict:
        """Judge an input (a tuple of arguments) on which the two differ, and the id of the fault.

        What follows a ":" in `fault` is left out. Raises TypeError unless `fault` is a string.
        """
        if not isinstance(fault, str):
            came = type(fault).__name__
            raise TypeError(
                f'fault takes a name from the list, as in fault="{next(iter(self.faults))}"; {came} came'
            )
        verdict = self._judge(example, fault.split(":")[0].strip())
        journal.record_check(self.id, verdict.status, verdict.score)
        return verdict

    def _judge(self, example: tuple, fault: str) -> Verdict:
        if example is None or example is Ellipsis:
            said = "Put an input in place of the example, then submit it."
            return Verdict(self.id, "not attempted", 0.0, said)
        if fault not in self.faults:
            choices = ", ".join(f"`{name}`" for name in self.faults)
            said = f"No fault is called `{fault}`. Choose one of {choices}."
            return Verdict(self.id, "wrong", 0.0, said, "fault")
        problem, seen = self._difference(example)
        if problem:
            return Verdict(self.id, "wrong", 0.0, problem, "example")
        if fault != self.fault:
            said = f"Your example shows the fault: {seen}. {self.faults[fault][1]}"
            return Verdict(self.id, "wrong", 0.5, said, fault)
        return Verdict(self.id, "right", 1.0, f"Caught: {seen}. {self.explanation}")

    def _difference(self, example: tuple) -> tuple[str, str]:
        """A problem with the example (or ""), and how the two differ on it."""
        names = list(self.arguments)
        if not isinstance(example, tuple | list) or len(example) != len(names):
            return f"The example must be a tuple of {len(names)} arrays: ({', '.join(names)}).", ""
        try:
            args = tuple(np.array(part, dtype=np.float64) for part in example)
        except (TypeError, ValueError):
            return f"The example must hold arrays of numbers: ({', '.join(names)}).", ""
        for (name, axes), arg in zip(self.arguments.items(), args, strict=True):
            if arg.ndim < len([axis for axis in axes if axis != "..."]):
                return f"{name} needs axes ({', '.join(axes)}); yours has shape {arg.shape}.", ""
        call = Call(0, "float64", args, {}, self.takes)
        [right], _ = run(self.right, [call])
        [broken], _ = run(self.broken, [call])
        shapes = ", ".join(f"{name} {arg.shape}" for name, arg in zip(names, args, strict=True))
        if right.kind != "value":
            return f"The right implementation cannot take this input ({shapes}): {right.text}", ""
        if not all(np.all(np.isfinite(part)) for part in right.arrays()):
            return "The right implementation gives nan or inf on this input: choose smaller numbers.", ""
        if broken.kind != "value":
            return "", f"the broken one raises {broken.error}"
        problem, seen = self._say_difference(broken.arrays(), right.arrays())
        largest = [np.abs(arg).max(initial=0) for arg in args]
        if problem and not (NEAR_1[0] <= min(largest) and max(largest) <= NEAR_1[1]):
            problem = f"{problem} {USE_NEAR_1}"
        return problem, seen

    def _say_difference(self, broken: tuple, right: tuple) -> tuple[str, str]:
        if len(broken) != len(right) or any(b.shape != r.shape for b, r in zip(broken, right, strict=True)):
            return "", "the broken one gives another shape"
        said = compare.difference(broken, right, self.outputs, 0.0, self.differs_by, compare.pair)
        if not said:
            return SAME, ""
        return "", f"on your example the broken {said}"

    def __str__(self) -> str:
        faults = [f"  {name}: {meaning}" for name, (meaning, _) in self.faults.items()]
        return "\n".join([f"Hunt {self.id}. {self.contract}", "Faults to choose from:", *faults])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        faults = "".join(
            f"<li>{rich(f'`{name}`: {meaning}')}</li>" for name, (meaning, _) in self.faults.items()
        )
        listed = f'<div style="margin-top:4px">Faults to choose from:</div><ul style="margin:0">{faults}</ul>'
        return card(f"Hunt {self.id}", f'<div style="margin-top:4px">{rich(self.contract)}</div>{listed}')


def hunt(hunt_id: str) -> Hunt:
    """The mutant hunt of this id; KeyError with the nearest ids if there is none."""
    if hunt_id not in hunt_ids():
        raise KeyError(unknown("hunt", hunt_id, hunt_ids()))
    return load_file(SPECS / f"hunt_{hunt_id}.py").HUNT
