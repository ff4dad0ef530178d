"""From answers to a verdict. Works on plain arrays, wherever the answer was called."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from course_lib.checks import compare
from course_lib.checks.calling import Answer, Calls
from course_lib.checks.spec import Exercise, Seen, sentence
from course_lib.checks.verdict import CaseResult, Verdict

NOTHING = "Nothing was returned: is a `return` missing?"
NAN = "There is nan in the result: 0/0, 0 * inf, inf - inf or the logarithm of a negative number makes it."
INFINITE = "There is inf in the result: a number grew too large, or something was divided by 0."
HIDDEN = "There is -inf where a number belongs: something is hidden that should be seen."
SECOND_CALL = (
    "A second call with the same input gave another result: random, or something is kept between calls."
)
KEPT = "Another `{}` gave the result of an earlier call again: something is kept between the calls."
MODE = "In eval mode the result is another one: nothing here may depend on `.train()` and `.eval()`."
USED = "A module that has answered another call before gives another result: it keeps something in `self`."
UNREACHED = (
    "No gradient reaches `{}`, so training could not change it: is it unused, or is a `.detach()`, `.data`, "
    "`no_grad` or a new tensor in the way?"
)
NAN_GRADIENT = (
    "The values are right, but the gradient of `{}` is not finite, and one step of training would spoil the "
    "weights: give a query with nothing to attend to finite scores, and set its row to 0 afterwards."
)
NUMBERS = "The shapes are right, the numbers are not: follow the smallest input that differs by hand."
LIKELY = 2 / 3
DECIDING = ("float64", "float32", "again", "reused", "eval")


def judge(
    exercise: Exercise,
    calls: Calls,
    answers: Sequence[Answer],
    printed: str = "",
    name: str = "",
    shown: bool = True,
) -> Verdict:
    """The verdict on the answers to these calls; `name` as in `not_attempted`.

    With `shown` False it holds no input and no expected value, but the case's name and shapes.
    """
    if all(answer.kind == "ellipsis" or answer.error == "NotImplementedError" for answer in answers):
        return not_attempted(exercise, name)
    return Judging(exercise, calls, answers, shown).verdict(printed)


def not_attempted(exercise: Exercise, name: str = "") -> Verdict:
    """The fixed verdict on a stub; `name` is the function's own, where that is not the exercise's id."""
    call = f'check({name}, "{exercise.id}")' if name not in ("", exercise.id) else f"check({exercise.id})"
    text = f'Write the body, then run `{call}` again. Stuck? `hint("{exercise.id}")`.'
    return Verdict(exercise.id, "not attempted", 0.0, text)


class Judging:
    """Everything known about one set of answers.

    The methods stand in the order in which a fault is recognised. Calls are named by their index; `order`
    holds those that decide about cases, the smallest input first: a fault is easiest to see there.
    """

    def __init__(
        self, exercise: Exercise, calls: Calls, answers: Sequence[Answer], shown: bool = True
    ) -> None:
        self.exercise, self.calls, self.answers = exercise, calls, answers
        self.shown = shown
        self.say = compare.pair if shown else compare.without_values
        self.names = list(exercise.outputs)
        self.all_cases = set(range(len(exercise.cases)))
        self.expected = calls.answers_of(exercise.reference)
        deciding = (i for i, call in enumerate(calls) if call.purpose in DECIDING)
        self.order = sorted(deciding, key=lambda i: (compare.size_of(calls[i]), i))
        gradients = [gradient for answer in answers for gradient in answer.gradients.items()]
        self.reached = {name for name, how in gradients if how == "reached"}
        self.hard = {i: self._hard_fault(i) for i in self.order}
        self.faults = {i: self.hard[i] or self._soft_fault(i) for i in self.order}
        self.faulty = [i for i in self.order if self.faults[i]]
        self.failing = {calls[i].case for i in self.faulty}

    def verdict(self, printed: str = "") -> Verdict:
        """Right, another convention, or wrong with the best thing that can be said."""
        name, cases = self.exercise.id, self._case_results()
        if not self.failing:
            praise = f"All {len(cases)} cases agree, the awkward ones too."
            return Verdict(name, "right", 1.0, praise, None, cases, printed)
        for convention in self.exercise.conventions:
            if self.agreement(convention) == self.all_cases:
                cases = tuple(CaseResult(case.name, True, "right, in the other convention") for case in cases)
                said = self._with_evidence(sentence(convention), self._clearest())
                return Verdict(name, "other convention", 1.0, said, convention.__name__, cases, printed)
        misconception, message = self._diagnosis()
        return Verdict(name, "wrong", self._score(), message, misconception, cases, printed)

    def _score(self) -> float:
        weights = np.array([case.weight for case in self.exercise.cases])
        good = np.array([index not in self.failing for index in range(len(weights))])
        return float(weights[good].sum() / weights.sum())

    def _case_results(self) -> tuple[CaseResult, ...]:
        first_fault = {}
        for i in self.faulty:
            first_fault.setdefault(self.calls[i].case, self.faults[i][1])
        return tuple(
            CaseResult(case.name, index not in first_fault, first_fault.get(index, "as expected"))
            for index, case in enumerate(self.exercise.cases)
        )

    def _diagnosis(self) -> tuple[str | None, str]:
        """The id of the misconception and the message."""
        stored, full = self._closest_stored()
        kind, hard = self._clearest_hard_fault()
        if full:
            said = sentence(stored)
            return stored.__name__, f"{hard} {said}" if hard else self._with_evidence(said, self._clearest())
        if kind:
            return self._refused_in_place() or (kind, hard)
        if stored:
            said = f"This looks like a known slip: {sentence(stored)}"
            return stored.__name__, self._with_evidence(said, self._clearest())
        return self._broken_property() or (None, self._with_evidence(NUMBERS, self.faulty[0]))

    def tolerance(self, i: int) -> tuple[float, float]:
        """Relative and absolute tolerance of one call."""
        case, exercise = self.exercise.cases[self.calls[i].case], self.exercise
        rtol = exercise.rtol if case.rtol is None else case.rtol
        return rtol, exercise.atol if case.atol is None else case.atol

    # (1) raised, hung, wrong type or shape

    def _hard_fault(self, i: int) -> tuple[str, str] | None:
        answer, expected = self.answers[i], self.expected[i]
        if answer.kind == "hung":
            return "hung", f"did not come back within the time limit: does a loop never end?{answer.text}"
        if answer.kind == "stopped":
            return "hung", f"was stopped from the keyboard{answer.text}"
        if answer.kind == "not run":
            return "hung", "not run"
        if expected.kind == "raised":
            if expected.error in answer.lineage:
                return None
            return "raised", f"should raise {expected.error} here: {self._came_instead(i)}"
        if answer.kind == "raised":
            said = compare.explain_error(answer, self.calls[i], self.exercise)
            return "raised", f"raised {answer.error}{': ' if said else ''}{said}"
        if answer.kind == "nothing":
            return "type", NOTHING
        if answer.kind == "ellipsis":
            return "type", "`...` was returned"
        if answer.kind == "module":
            return "parameters", answer.text
        return self._type_or_shape_fault(i)

    def _came_instead(self, i: int) -> str:
        answer = self.answers[i]
        if answer.kind == "raised":
            return f"{'an' if answer.error[:1] in 'AEIOU' else 'a'} {answer.error} came"
        if answer.kind == "value":
            return f"it returned {', '.join(compare.show_short(part) for part in answer.arrays())}"
        known = {"nothing": "it returned None", "module": "a module was built"}
        return known.get(answer.kind, f"{answer.text or answer.kind} came")

    def _type_or_shape_fault(self, i: int) -> tuple[str, str] | None:
        right, got = self._right(i), self._outputs(i)
        if isinstance(got, str):
            return "type", got
        if not self._measure(i):
            return self._output_fault(i, got, right)
        for (name, axes), mine, wanted in zip(self.exercise.outputs.items(), got, right, strict=True):
            fault = compare.shape_fault(name, mine, wanted, axes, self.calls[i], self.exercise, self.say)
            if fault:
                return "shape", fault
        return None

    def _output_fault(self, i: int, got: tuple, right: tuple) -> tuple[str, str] | None:
        for (name, axes), mine, wanted in zip(self.exercise.outputs.items(), got, right, strict=True):
            fault = compare.shape_fault(name, mine, wanted, axes, self.calls[i], self.exercise, self.say)
            if fault:
                return "shape", fault
            if mine.size and wanted.size and (mine.dtype.kind == "U") != (wanted.dtype.kind == "U"):
                return "type", f"{name} is {self.say(mine, wanted)}"
            said = compare.difference([mine], [wanted], {name: axes}, *self.tolerance(i), self.say)
            if said and compare.lost_fractions(mine, wanted):
                return "type", f"{name} has dtype {mine.dtype}, which holds no fractions: {said}"
            if not said and name in self.exercise.whole and mine.dtype.kind not in "iu":
                return "type", f"{name} has dtype {mine.dtype}: {self.exercise.whole[name]}"
        return None

    def _clearest_hard_fault(self) -> tuple[str | None, str]:
        found = [i for i in self.order if self.hard[i] and self.hard[i][1] != "not run"]
        if not found:
            return None, ""
        kind, said = self.hard[found[0]]
        if kind == "shape" or any(word in said for word in ("axes", "shape", "sequence")):
            # axes can be told apart where their lengths differ; of equal ones the smallest stays first
            found.sort(key=lambda i: compare.lengths_shared(self.calls[i], self.exercise))
        i = found[0]
        kind, said = self.hard[i]
        who = "Your module " if self.exercise.parameters else "Your function "
        subject = who if kind in ("raised", "hung") else ""
        stop = "" if said.endswith((".", "?")) else "."
        return kind, f"{subject}{said}{stop} This was on {self._call_text(i)}."

    # values

    def _right(self, i: int) -> tuple[np.ndarray, ...]:
        value = self.expected[i].value
        if len(self.names) > 1:
            return value
        return (np.array(value),)  # a list is one array here

    def _outputs(self, i: int) -> tuple[np.ndarray, ...] | str:
        return compare.outputs_of(self.answers[i], self._right(i), self.names)

    def _measure(self, i: int) -> Callable | None:
        return self.exercise.cases[self.calls[i].case].measure

    def _measured(self, i: int, outputs: tuple[np.ndarray, ...]) -> dict[str, np.ndarray]:
        """The statistics of one call's outputs by name."""
        numbers = self._measure(i)(Seen(self._inputs(i), dict(zip(self.names, outputs, strict=True))))
        return {name: np.asarray(number, dtype=float) for name, number in numbers.items()}

    def _inputs(self, i: int) -> dict[str, object]:
        call = self.calls[i]
        return dict(zip(self.exercise.arguments, call.args, strict=False)) | dict(call.options)

    def _difference(self, i: int) -> str:
        got, right = self._outputs(i), self._right(i)
        if not self._measure(i):
            return compare.difference(got, right, self.exercise.outputs, *self.tolerance(i), self.say)
        if self.calls[i].purpose == "again" and not all(map(np.array_equal, got, self._outputs(0))):
            return "the same generator gave other random choices"
        mine, wanted = self._measured(i, got), self._measured(i, right)
        axes = {name: () for name in wanted}
        return compare.difference(
            list(mine.values()), list(wanted.values()), axes, *self.tolerance(i), self.say
        )

    def _soft_fault(self, i: int) -> tuple[str, str] | None:
        if self.expected[i].kind == "raised":
            return None
        said = self._difference(i)
        if said:
            return "value", said
        if self.answers[i].changed:
            return "changed", self._changed(i)
        name, how = self._lost_gradient(i)
        return ("gradient", f"the gradient of {name} is {how}") if name else None

    def _lost_gradient(self, i: int) -> tuple[str, str]:
        """A parameter that the gradient should reach and does not, and what its gradient is; ("", "") if
        there is none."""
        how = {"none": "None", "zero": "all zeros", "rounding": "all zeros"}
        mine = self.answers[i].gradients
        for name in self._lost(self.answers[i], i):
            said = how.get(mine.get(name), "not finite")
            # zeros here that are numbers elsewhere come from a saturated softmax
            if said != "all zeros" or name not in self.reached:
                return name, said
        return "", ""

    def _changed(self, i: int) -> str:
        names = [list(self.exercise.arguments)[k] for k in self.answers[i].changed]
        return f"the caller's {' and '.join(names)} changed in place"

    # (2) stored wrong answers

    def agreement(self, stored: Callable) -> set[int]:
        """The cases on which a stored answer does what this answer did, in all calls."""
        return self.agreement_with(self.calls.answers_of(stored))

    def agreement_with(self, answers: Sequence[Answer]) -> set[int]:
        """The cases on which these answers to the same calls are alike in all calls."""
        return self.all_cases - {self.calls[i].case for i in self.order if not self._alike(i, answers[i])}

    def _alike(self, i: int, other: Answer) -> bool:
        mine = self.answers[i]
        if self.expected[i].kind == "raised" and self.expected[i].error in mine.lineage:
            return self.expected[i].error in other.lineage
        if mine.kind != other.kind or mine.error != other.error or mine.changed != other.changed:
            return False
        if mine.kind != "value" or self.expected[i].kind != "value":
            return mine.text == other.text or mine.kind == "raised"
        if self._lost(mine, i) != self._lost(other, i):
            return False
        a, b = (compare.outputs_of(answer, self._right(i), self.names) for answer in (mine, other))
        if isinstance(a, str) or isinstance(b, str):
            return a == b
        if self._not_whole(a) != self._not_whole(b):
            return False
        if self._measure(i) and [x.shape for x in a] == [x.shape for x in b]:
            a, b = (tuple(self._measured(i, part).values()) for part in (a, b))
        return all(compare.same(x, y, *self.tolerance(i)) for x, y in zip(a, b, strict=True))

    def _not_whole(self, outputs: tuple[np.ndarray, ...]) -> list[str]:
        """The outputs that must have an integer dtype and have another."""
        pairs = zip(self.names, outputs, strict=True)
        return [name for name, part in pairs if name in self.exercise.whole and part.dtype.kind not in "iu"]

    def _lost(self, answer: Answer, i: int) -> list[str]:
        enough = {"reached": ("reached",), "rounding": ("reached", "rounding", "zero")}
        wanted = self.expected[i].gradients.items()
        return [
            name for name, how in wanted if how in enough and answer.gradients.get(name) not in enough[how]
        ]

    def _closest_stored(self) -> tuple[Callable | None, bool]:
        """The stored answer to name, and whether it agrees on all cases.

        One that fails where this answer is right is refuted, so one failing case alone proves nothing.
        """
        best, share = None, LIKELY
        for stored in self.exercise.wrong:
            agreed = self.agreement(stored)
            if agreed == self.all_cases:
                return stored, True
            explained = len(agreed & self.failing) / len(self.failing)
            if agreed >= self.all_cases - self.failing and explained >= share:
                best, share = stored, np.nextafter(explained, 1)
        return best, False

    # (3) properties

    def _broken_property(self) -> tuple[str, str] | None:
        for i in self.order:
            if self.answers[i].changed:
                said = self._changed(i).replace("the", "The", 1)
                return "changed in place", f"{said}: work on a copy. Seen on {self._call_text(i)}."
        smallest = self.faulty[0]
        if self._not_finite(smallest):
            return self._not_finite(smallest)
        if self._second_call_differs():
            return "second call", SECOND_CALL
        if self._gradient_is_lost():
            return self._gradient_is_lost()
        for purpose, said in (("eval", MODE), ("reused", USED)):
            if all(self.calls[i].purpose == purpose for i in self.faulty):
                return purpose, self._with_evidence(said, smallest)
        ignored, plain = self._ignored_argument()
        if ignored and plain not in self.faulty:  # right where it was asked first
            return "second call", self._with_evidence(KEPT.format(ignored), smallest)
        for prop in self.exercise.properties:
            if not self.holds(prop):
                i = self._where_it_fails(prop)
                return self._not_finite(i) or (prop.__name__, self._with_evidence(sentence(prop), i))
        if ignored:
            said = f"The argument `{ignored}` is ignored: changing it changes nothing."
            return "ignored", self._with_evidence(said, smallest)
        return None

    def _gradient_is_lost(self) -> tuple[str, str] | None:
        for i in self.order:
            name, how = self._lost_gradient(i)
            # zeros where the values differ are most often the slope of the wrong values
            if how == "None" or (how == "all zeros" and self.faults[i][0] == "gradient"):
                return "gradient", self._with_evidence(UNREACHED.format(name), i)
        if all(self.faults[i][0] == "gradient" for i in self.faulty):
            i = self.faulty[0]
            return "gradient", self._with_evidence(NAN_GRADIENT.format(self._lost_gradient(i)[0]), i)
        return None

    def _refused_in_place(self) -> tuple[str, str] | None:
        """The change in place, if NumPy refused the same step on whole numbers and nothing else failed."""
        hard = [i for i in self.order if self.hard[i]]
        changed = [i for i in self.order if self.answers[i].changed]
        if not changed or not all(compare.is_casting(self.answers[i]) for i in hard):
            return None
        i = changed[0]
        name = list(self.exercise.arguments)[self.answers[i].changed[0]]
        step, instead = compare.casting_step(self.answers[hard[0]], name)
        said = f"{self._changed(i)}: {step} changes it for the caller too, write {instead}"
        return "changed in place", f"{said.replace('the', 'The', 1)}. Seen on {self._call_text(i)}."

    def _not_finite(self, i: int) -> tuple[str, str] | None:
        for misconception, said, is_bad in (("nan", NAN, np.isnan), ("inf", INFINITE, np.isinf)):
            pairs = zip(self._outputs(i), self._right(i), strict=True)
            numbers = [(mine, right) for mine, right in pairs if mine.dtype.kind == "f" == right.dtype.kind]
            bad = [(mine[is_bad(mine) & ~is_bad(right)], right) for mine, right in numbers]
            if any(len(wrong) for wrong, _ in bad):
                # -inf among right -inf is a mask in the wrong place, not a number that grew
                hides = all(np.all(wrong == -np.inf) and np.any(np.isneginf(right)) for wrong, right in bad)
                return misconception, self._with_evidence(HIDDEN if hides else said, i)
        return None

    def _second_call_differs(self) -> bool:
        purposes = [call.purpose for call in self.calls]
        again = purposes.index("again")
        if self._measure(0):
            return not all(map(np.array_equal, self._outputs(0), self._outputs(again)))
        return not self._alike(0, replace(self.answers[again], gradients=self.answers[0].gradients))

    def holds(self, prop: Callable[[dict[str, Seen]], bool]) -> bool:
        """Whether a property holds for the answer, over all cases."""
        return bool(prop(self._seen()))

    def _seen(self) -> dict[str, Seen]:
        seen = {}
        for i, call in enumerate(self.calls):
            if call.purpose == "float64" and self.expected[i].kind == "value":
                outputs = dict(zip(self.names, self._outputs(i), strict=True))
                seen[self.exercise.cases[call.case].name] = Seen(self._inputs(i), outputs)
        return seen

    def _where_it_fails(self, prop: Callable[[dict[str, Seen]], bool]) -> int:
        """The smallest faulty call that shows a property failing: alone, or as one of the cases that it
        compares."""
        seen = self._seen()
        for i in self.faulty:
            name = self.exercise.cases[self.calls[i].case].name
            try:
                if not prop({name: seen[name]}):
                    return i
            except KeyError:  # the property compares named cases
                if _needs(prop, seen, name):
                    return i
        return self.faulty[0]

    def _ignored_argument(self) -> tuple[str, int]:
        """An argument whose change changes nothing (or ""), and the call with which that was compared."""
        for i, call in enumerate(self.calls):
            if call.purpose in DECIDING:
                continue
            plain = next(k for k, other in enumerate(self.calls) if other.case == call.case)
            matters = not _same_answer(self.expected[plain], self.expected[i], self.tolerance(i))
            if matters and _same_answer(self.answers[plain], self.answers[i], (0.0, 0.0)):
                return call.purpose, plain
        return "", -1

    # (4) the first differing element, and the input on which it shows

    def _clearest(self) -> int:
        """The smallest faulty call; a lost gradient is shown only where no value differs."""
        return next((i for i in self.faulty if self.faults[i][0] != "gradient"), self.faulty[0])

    def _with_evidence(self, text: str, i: int) -> str:
        return f"{text} On {self._call_text(i)}: {self.faults[i][1]}.".strip()

    def _call_text(self, i: int) -> str:
        if self.hard[i] and self.hard[i][0] == "parameters":
            return compare.constructor_text(self.exercise, self.calls[i])
        name = self.exercise.cases[self.calls[i].case].name
        return compare.call_text(self.exercise, self.calls[i], name, typed=self.shown)


def _needs(prop: Callable[[dict[str, Seen]], bool], seen: dict[str, Seen], name: str) -> bool:
    try:
        prop({other: case for other, case in seen.items() if other != name})
    except KeyError:
        return True
    return False


def _same_answer(one: Answer, other: Answer, tolerance: tuple[float, float]) -> bool:
    if one.kind != "value" or other.kind != "value":
        return False
    a, b = one.arrays(), other.arrays()
    return len(a) == len(b) and all(compare.same(x, y, *tolerance) for x, y in zip(a, b, strict=True))
