"""From a submission to its marks. Everything that knows a right answer happens here, on the trusted side."""

import ast
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from course_lib.checks.calling import Answer, Call, Calls, make_calls, run
from course_lib.checks.compare import same
from course_lib.checks.engine import does_nothing
from course_lib.checks.judging import judge, not_attempted
from course_lib.checks.spec import SPECS, Exercise, load_exercise
from course_lib.checks.verdict import Verdict
from course_lib.grading import forbidden, wire
from course_lib.grading.extract import ROOT, trimmed
from course_lib.grading.reading import Notebook, ReadingError, read_notebook
from course_lib.grading.records import FLAGGED, GRADED, REFUSED, Mark, Marked, Submission
from course_lib.grading.sandbox import Outcome, Sandbox
from course_lib.grading.similar import fingerprint, given_texts

TABLE = (
    "Only cases whose inputs never change are right, and none of those that are drawn anew: "
    "that is no solution yet."
)
ENOUGH = 2  # drawn cases of an exercise
TRIES, STEP = 20, 101  # seeds that are tried to have them, and how far apart they are
OTHER_SEEDS = 8  # with which a seed is compared, to see which cases it changes
ENDS = {
    "killed": "It did not come back within {seconds:g} s: does a loop never end?",
    "signal": "Its process was ended by the system: too much memory, or a call that leaves Python.",
    "exit": "Its process ended before it had answered: does it call `exit`, or reach for what is not there?",
    "flood": "It sent back more than {limit} MB.",
}


def lessons() -> dict[str, list[str]]:
    """From each lesson's name to the ids of its exercises."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / "exercises").glob("[0-9][0-9]_*.ipynb")):
        found[path.stem] = [spec.stem[3:] for spec in sorted(SPECS.glob(f"{path.stem[:2]}_*.py"))]
    return found


def contract_version() -> str:
    """A short hash of all contracts and of what judges them: equal hashes mark alike."""
    digest = hashlib.sha256()
    for path in sorted(SPECS.parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


@dataclass(frozen=True, eq=False)
class Paper:
    """One exercise as it is put to a class: its calls, drawn from the secret seed, and what they need."""

    exercise: Exercise
    seed: int

    @cached_property
    def own_seed(self) -> int:
        """The secret seed, or the first one after it at which enough cases are drawn anew."""
        tries = (self.seed + STEP * k for k in range(TRIES))
        return next((seed for seed in tries if len(drawn_at(self.exercise, seed)) >= ENOUGH), self.seed)

    @cached_property
    def calls(self) -> Calls:
        """The calls of the seed; what stored answers give to them is worked out once."""
        return make_calls.__wrapped__(self.exercise, self.own_seed)

    @cached_property
    def packed(self) -> bytes:
        """The calls as bytes."""
        return wire.pack_calls(self.calls)

    @cached_property
    def modules(self) -> dict[str, str]:
        """Sources of the factories that make arguments, and of what the exercise allows from the library."""
        sources: dict[str, str] = {}
        for name in [*sorted(_named(self.calls)), *self.exercise.allows]:
            module, _, attribute = name.rpartition(".")
            if module.startswith("course_lib."):
                for imported, source in trimmed(module, [attribute]).items():
                    sources[imported] = merged(sources.get(imported, ""), source)
        return sources

    @cached_property
    def drawn(self) -> set[int]:
        """The cases that are drawn anew."""
        return drawn_at(self.exercise, self.own_seed)

    @cached_property
    def given(self) -> list[str]:
        """Sources of right answers that anybody may have read: to resemble them is no sign of copying."""
        return given_texts(self.exercise)

    @cached_property
    def forbidden(self) -> tuple[str, ...]:
        """Names that an answer may not use."""
        return (*forbidden.EVERYWHERE, *self.exercise.forbids)


def drawn_at(exercise: Exercise, seed: int) -> set[int]:
    """The cases whose right result at a seed is another one than at each of some other seeds."""
    mine = _results(exercise, seed)
    others = [_results(exercise, seed + 1 + k) for k in range(OTHER_SEEDS)]
    known = {case for other in others for case in mine if _alike(exercise, other[case], mine[case])}
    return set(mine) - known


def _results(exercise: Exercise, seed: int) -> dict[int, Answer]:
    """What the reference gives to each case at a seed."""
    plain = [call for call in make_calls.__wrapped__(exercise, seed) if call.purpose == "float64"]
    answers, _ = run(exercise.reference, plain)
    return {call.case: answer for call, answer in zip(plain, answers, strict=True)}


def _alike(exercise: Exercise, one: Answer, other: Answer) -> bool:
    if one.kind != "value" or other.kind != "value":
        return (one.kind, one.error) == (other.kind, other.error)
    pairs = zip(one.arrays(), other.arrays(), strict=True)
    return all(same(a, b, exercise.rtol, exercise.atol) for a, b in pairs)


def _named(calls: Sequence[Call]) -> set[str]:
    """Dotted names of the factories and other callables among the arguments of all calls."""
    found = set()

    def note(module: str, name: str) -> Callable:
        found.add(f"{module}.{name}")
        return note

    wire.unpack(wire.pack_calls(calls), note)
    return found


def merged(one: str, other: str) -> str:
    """Two trimmed sources of one module: each statement once."""
    statements = dict.fromkeys(map(ast.unparse, [*ast.parse(one).body, *ast.parse(other).body]))
    return "\n".join(statements) + "\n"


@dataclass
class Marker:
    """Marks submissions, one after the other, with one worker."""

    seed: int
    sandbox: Sandbox
    papers: dict[str, Paper] = field(default_factory=dict)

    def mark(self, submission: Submission) -> Marked:
        """The marks of a submission, one for each exercise of its lesson. Never raises because of it."""
        try:
            if submission.problem:
                raise ReadingError(submission.problem)
            notebook = read_notebook(submission.content)
            marks = tuple(self.mark_exercise(self.paper(name), notebook) for name in ids_of(submission))
        except ReadingError as error:
            return refusal(submission, str(error))
        except (RecursionError, MemoryError, ValueError) as error:
            return refusal(submission, f"it could not be judged ({type(error).__name__})")
        return Marked(*about(submission), marks, notes=tuple(notebook.notes), texts=notebook.texts)

    def paper(self, name: str) -> Paper:
        """The exercise of this id with the secret calls."""
        if name not in self.papers:
            self.papers[name] = Paper(load_exercise(name), self.seed)
        return self.papers[name]

    def mark_exercise(self, paper: Paper, notebook: Notebook) -> Mark:
        """The mark of one exercise."""
        exercise = paper.exercise
        source = notebook.source_for(exercise.id)
        if not source:
            return self.absent(exercise, notebook)
        if is_stub(source, exercise.id):
            return of_verdict(exercise, not_attempted(exercise))
        began = time.monotonic()
        outcome = self.sandbox.run(exercise.id, source, paper.packed, paper.modules, paper.forbidden)
        used = forbidden.names_in(source, paper.forbidden, exercise.allows)
        flags = tuple(dict.fromkeys([*used, *outcome.flags]))
        mark = self.judged(paper, outcome, time.monotonic() - began, fingerprint(source, paper.given))
        return flagged(mark, flags) if flags and mark.verdict != "not attempted" else mark

    @staticmethod
    def absent(exercise: Exercise, notebook: Notebook) -> Mark:
        """The mark where no definition was found: its cell may be no Python."""
        for text, note in notebook.broken:
            if f"def {exercise.id}(" in text or f"class {exercise.id}(" in text:
                verdict = Verdict(
                    exercise.id, "wrong", 0.0, f"The cell with `{exercise.id}` is no Python: {note}."
                )
                return of_verdict(exercise, verdict)
        said = f"`{exercise.id}` is not in the notebook."
        return of_verdict(exercise, Verdict(exercise.id, "not attempted", 0.0, said))

    def judged(self, paper: Paper, outcome: Outcome, seconds: float, hashes: tuple[int, ...]) -> Mark:
        """The mark for what a worker sent back."""
        exercise = paper.exercise
        if outcome.end == "lost":
            return refused(exercise.id, "The worker was lost; mark this submission again.")
        if outcome.undefined is not None:
            return undefined(exercise, outcome.undefined)
        if outcome.answers is None or len(outcome.answers) != len(paper.calls):
            said = ENDS.get(outcome.end, ENDS["exit"]).format(
                seconds=self.sandbox.seconds, limit=wire.LIMIT // 2**20
            )
            verdict = Verdict(exercise.id, "wrong", 0.0, said, "hung" if outcome.end == "killed" else "ended")
        else:
            verdict = judge(exercise, paper.calls, outcome.answers, shown=False)
        return of_verdict(exercise, without_table(verdict, paper), hashes, seconds)


def ids_of(submission: Submission) -> list[str]:
    """The exercises of a submission's lesson."""
    return lessons().get(submission.lesson, [])


def about(submission: Submission) -> tuple[str, str, str, str, str]:
    """Whose it is, which lesson, when, from where, and its digest."""
    digest = hashlib.sha256(submission.content).hexdigest()
    return submission.student, submission.lesson, submission.when, submission.source, digest


def refusal(submission: Submission, why: str) -> Marked:
    """A submission that could not be judged as a whole: nothing in it scores 0, all of it waits."""
    said = f"{submission.source}: {why}"
    marks = tuple(refused(name, said) for name in ids_of(submission))
    return Marked(*about(submission), marks, problem=said)


def without_table(verdict: Verdict, paper: Paper) -> Verdict:
    """Points for cases that anybody can look up count only beside a drawn one that is right."""
    right = {i for i, case in enumerate(verdict.cases) if case.ok}
    if not right or right & paper.drawn:
        return verdict
    return Verdict(
        verdict.exercise,
        verdict.status,
        0.0,
        f"{verdict.message} {TABLE}",
        verdict.misconception,
        verdict.cases,
    )


def is_stub(source: str, name: str) -> bool:
    """Whether the last definition of this name has no body but a docstring, `pass` or NotImplementedError."""
    nodes = [
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name
    ]
    return bool(nodes) and does_nothing(nodes[-1])


def undefined(exercise: Exercise, failures: Sequence[tuple[str, str]]) -> Mark:
    """The mark of an answer that could not be defined: by its own fault, or for want of a package."""
    error, text = failures[0] if failures else ("NameError", "nothing defines it")
    if error == "ModuleNotFoundError":
        return refused(exercise.id, f"It imports what marking does not have: {text}.")
    said = f"`{exercise.id}` could not be defined: {error}: {text}."
    return of_verdict(exercise, Verdict(exercise.id, "wrong", 0.0, said, "raised"))


def of_verdict(
    exercise: Exercise, verdict: Verdict, hashes: tuple[int, ...] = (), seconds: float = 0.0
) -> Mark:
    """A verdict as a mark."""
    cases = tuple((case.name, case.ok) for case in verdict.cases)
    said = verdict.status, verdict.message, verdict.misconception
    return Mark(
        exercise.id, exercise.points, GRADED, verdict.score, *said, cases, (), hashes, round(seconds, 3)
    )


def refused(name: str, why: str) -> Mark:
    """The mark of what could not be judged."""
    return Mark(name, load_exercise(name).points, REFUSED, message=why)


def flagged(mark: Mark, flags: tuple[str, ...]) -> Mark:
    """The same mark, its points withheld."""
    fields: Mapping = {**vars(mark), "status": FLAGGED, "flags": flags}
    return Mark(**fields)
