"""Calling an answer: calls with plain arrays go in, plain arrays or a description of what happened come out.

Nothing here knows the right result, so a grader can run this half in another process.
"""

import contextlib
import ctypes
import io
import linecache
import random
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import pairwise
from types import CodeType, FrameType, FunctionType
from typing import TYPE_CHECKING

import numpy as np

from course_lib.checks.given import as_float32, as_numpy, fresh, is_float, made, other, untouched
from course_lib.checks.spec import Case, Exercise

if TYPE_CHECKING:
    from course_lib.checks.modules import Build

SECONDS = 10.0
LONGEST_IMPORT = 7  # times the limit
KEPT_PRINT = 300
UNFINISHED = ("hung", "stopped", "not run")
REUSED = 8  # cases that a used module is given, each after the case before it


@dataclass(frozen=True)
class Call:
    """One call of an answer.

    `case` is the index of its case; `purpose` is float64, float32, again, reused (after a call with another
    input), eval, or the argument that it replaces. `takes` and `gives` are those of the exercise; `build`
    says how a module is made, None for functions; `times` how often a function is called with them.
    """

    case: int
    purpose: str
    args: tuple
    options: Mapping[str, object]
    takes: str = "numpy"
    gives: str = "numbers"
    build: "Build | None" = None
    times: int = 1


@dataclass(frozen=True)
class Answer:
    """What one call gave.

    `kind` is value, nothing (None), ellipsis, odd (no numbers), module (not the one of the contract), raised,
    hung, stopped (from the keyboard) or not run; `value` is an array or a tuple of arrays; `error` is the
    name of the exception, `lineage` its classes by name (a name crosses to another process, a class need
    not); `text` says more; `changed` are the positions of the arguments that were changed in place;
    `gradients` says of each parameter of a module how its gradient is: reached, none, zero, nan or rounding.
    """

    kind: str
    value: np.ndarray | tuple[np.ndarray, ...] | None = None
    error: str = ""
    text: str = ""
    lineage: tuple[str, ...] = ()
    changed: tuple[int, ...] = ()
    gradients: Mapping[str, str] = field(default_factory=dict)

    def arrays(self) -> tuple[np.ndarray, ...]:
        """The value as a tuple of arrays."""
        return self.value if isinstance(self.value, tuple) else (self.value,)


class Hung(BaseException):
    """Raised inside an answer whose time is over."""


class Deadline:
    """The moment at which the time of an answer is over. Time spent importing does not count.

    The first `import torch` can take longer than an answer may, and an interrupted one is left half done.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.moment = time.monotonic() + seconds
        self.last = time.monotonic() + LONGEST_IMPORT * seconds
        self.was_importing = False
        self.interrupted = False

    def left(self) -> float:
        """Seconds that are left; never 0, which would switch a timer off."""
        return max(self.moment - time.monotonic(), 0.001)

    def must_stop(self, frame: FrameType | None) -> bool:
        """Whether an answer that stands in this frame must be interrupted now."""
        now = time.monotonic()
        if now < self.moment:
            return False
        is_importing = _is_importing(frame)
        if (is_importing or self.was_importing) and now < self.last:
            self.moment = now + (self.seconds / 10 if is_importing else self.seconds)
            self.was_importing = is_importing
            return False
        self.interrupted = True
        return True


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


class Calls(list):
    """The calls of a check; what the stored answers give to them is worked out once."""

    def __init__(self, calls: Iterable[Call]) -> None:
        super().__init__(calls)
        self.kept: dict[Callable, list[Answer]] = {}

    def answers_of(self, stored: Callable) -> list[Answer]:
        """The answers of a stored function or class to all calls."""
        if stored in self.kept:
            return self.kept[stored]
        answers, _ = run(stored, self)
        if not any(answer.kind in UNFINISHED for answer in answers):
            self.kept[stored] = answers
        return answers


@lru_cache(maxsize=8)
def make_calls(exercise: Exercise, seed: int = 0) -> Calls:
    """All calls of a check.

    Each case in both precisions, then the first case again, of modules also used ones and one in eval mode,
    then one call for each argument replaced.
    """
    calls = []
    for index, case in enumerate(exercise.cases):
        rng = np.random.default_rng([seed, index])
        args = case.inputs(rng)
        build = _build(exercise, case, args, rng)
        call = Call(index, "float64", args, case.options, exercise.takes, exercise.gives, build, case.times)
        calls.append(call)
        if is_float(args):
            calls.append(_in_float32(call))
    return Calls(calls + _repeated(calls) + _probes(exercise, calls, seed))


def _build(exercise: Exercise, case: Case, args: tuple, rng: np.random.Generator) -> "Build | None":
    if not exercise.parameters:
        return None
    from course_lib.checks.modules import Build  # torch, which only these exercises need

    sizes = dict(zip(exercise.arguments, args[: exercise.n_init], strict=False))
    weights = {}
    for name, axes in exercise.parameters.items():
        shape = [sizes[axis] for axis in axes]
        weights[name] = rng.normal(size=shape) / max(shape[-1], 4) ** 0.5
    weights |= {name: np.array(values, dtype=float) for name, values in case.weights.items()}
    return Build(exercise.n_init, weights, exercise.parameters, tuple(case.weights))


def _in_float32(call: Call) -> Call:
    build = call.build and replace(call.build, weights=as_float32(call.build.weights))
    return replace(call, purpose="float32", args=as_float32(call.args), build=build)


def _repeated(calls: Sequence[Call]) -> list[Call]:
    """The first case again; a module is then used, and once more in eval mode, and others after it."""
    first = calls[0]
    if not first.build:
        return [replace(first, purpose="again")]
    earlier = first.args, first.options
    used = replace(first, purpose="again", build=replace(first.build, before=earlier))
    still = replace(first, purpose="eval", build=replace(first.build, training=False))
    plain = [call for call in calls if call.purpose == "float64"]
    pairs = [(one, two) for one, two in pairwise(plain) if _same_sizes(one, two)]
    return [used, still, *(_reused(call, (one.args, one.options)) for one, call in pairs[:REUSED])]


def _same_sizes(one: Call, two: Call) -> bool:
    """Whether two cases have a module of the same sizes."""
    return one.args[: one.build.n_init] == two.args[: two.build.n_init]


def _reused(call: Call, earlier: tuple) -> Call:
    return replace(call, purpose="reused", build=replace(call.build, before=earlier))


def _probes(exercise: Exercise, calls: list[Call], seed: int) -> list[Call]:
    first = calls[0]
    rng = np.random.default_rng([seed, len(exercise.cases)])
    probes = []
    for position, (name, arg) in enumerate(zip(exercise.arguments, first.args, strict=False)):
        args = (*first.args[:position], other(arg, rng), *first.args[position + 1 :])
        probes.append(replace(first, purpose=name, args=args))
    probed = set()
    for call in calls:
        for name in sorted(set(call.options) - probed):
            rest = {key: value for key, value in call.options.items() if key != name}
            probes.append(replace(call, purpose=name, options=rest))
            probed.add(name)
    return probes


def run(function: Callable, calls: Sequence[Call], seconds: float = SECONDS) -> tuple[list[Answer], str]:
    """Answers to all calls, and what was printed meanwhile (cut). The limit holds for all calls together."""
    answers: list[Answer] = []
    printed = CappedText()
    deadline = Deadline(seconds)
    with _nothing_leaks(printed), _torch_kept(calls):
        for call in calls:
            if answers and answers[-1].kind in UNFINISHED:
                answers.append(Answer("not run"))
            else:
                answers.append(_run_one(function, call, deadline))
            printed.is_full = True
    return answers, printed.said()


def _torch_kept(calls: Sequence[Call]) -> contextlib.AbstractContextManager:
    if not any(call.takes == "torch" for call in calls):
        return contextlib.nullcontext()
    from course_lib.checks.modules import torch_as_before

    return torch_as_before()


def _run_one(function: Callable, call: Call, deadline: Deadline) -> Answer:
    given = fresh(call.args, call.takes)
    args = tuple(made(arg) for arg in given)
    options = {key: made(fresh(value, call.takes)) for key, value in call.options.items()}
    try:
        with watchdog(deadline):
            answer = _called(function, args, options, call)
        if deadline.interrupted:  # the answer swallowed the interrupt
            return Answer("hung")
    except Hung as hung:
        return Answer("hung", text=_where(function, hung))
    except KeyboardInterrupt as stop:
        return Answer("stopped", text=_where(function, stop))
    except BaseException as error:  # SystemExit too
        text = " ".join(str(error).split())
        lineage = tuple(parent.__name__ for parent in type(error).__mro__)
        if "WrongModuleError" in lineage:
            return Answer("module", text=text)
        text = f"{text[:200]}{_where(function, error)}"
        return Answer("raised", error=type(error).__name__, text=text, lineage=lineage)
    pairs = enumerate(zip(call.args, given, strict=True))
    return replace(answer, changed=tuple(i for i, (old, new) in pairs if not untouched(old, new)))


def _called(function: Callable, args: tuple, options: Mapping[str, object], call: Call) -> Answer:
    if call.build is None:
        return _stacked([_pack(function(*args, **options), call.gives) for _ in range(call.times)])
    from course_lib.checks.modules import run_module

    value, gradients = run_module(function, args, options, call.build, grad=call.purpose == "float64")
    return replace(_pack(value, call.gives), gradients=gradients)


def _stacked(answers: Sequence[Answer]) -> Answer:
    """The only answer itself; several as one, their arrays stacked, or the first that gave no value."""
    no_value = next((answer for answer in answers if answer.kind != "value"), None)
    if no_value or len(answers) == 1:
        return no_value or answers[0]
    try:
        parts = tuple(map(np.stack, zip(*(answer.arrays() for answer in answers), strict=True)))
    except ValueError:
        return Answer("odd", text="another shape in each call")
    return Answer("value", parts if isinstance(answers[0].value, tuple) else parts[0])


def _pack(value: object, gives: str) -> Answer:
    """Turn what was returned into plain arrays."""
    is_text = gives == "text"
    if value is None:
        return Answer("nothing")
    if value is Ellipsis:
        return Answer("ellipsis")
    try:
        if isinstance(value, tuple | list) and len(value) > 0:
            if any(part is None for part in value):
                return Answer("odd", text=f"a {type(value).__name__} with None in it")
            return Answer("value", tuple(as_array(part, is_text) for part in value))
        return Answer("value", as_array(value, is_text))
    except (TypeError, ValueError, RecursionError):  # the last from a list that contains itself
        return Answer("odd", text=_describe(value))


def as_array(value: object, is_text: bool = False) -> np.ndarray:
    """A fresh array of numbers from an array, a number, nested lists or a tensor (without importing torch).

    With `is_text` of words too. Raises TypeError or ValueError for anything else.
    """
    if hasattr(value, "detach"):
        value = as_numpy(value)
    elif isinstance(value, tuple | list):
        value = np.array([as_array(part, is_text) for part in value])
    array = np.array(value)
    if array.dtype.kind == "O":
        array = array.astype(np.float64)
    if array.dtype.kind not in ("biufU" if is_text else "biuf"):
        raise TypeError(f"numbers expected, {array.dtype} came")
    return array


def _describe(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of dtype {value.dtype}"
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} that does not form arrays of numbers"
    if callable(value):
        return f"the function {getattr(value, '__name__', '')!r} itself, not its result"
    if isinstance(value, BaseException):
        return f"a {type(value).__name__} (returned: write `raise` instead)"
    return f"a value of type {type(value).__name__}"


def _where(function: Callable, error: BaseException) -> str:
    """The line of the answer in which it happened, counted from its `def`; of a class with the method."""
    codes = {(code.co_filename, code.co_name): code for code in _codes(function)}
    frames = [f for f in traceback.extract_tb(error.__traceback__) if (f.filename, f.name) in codes]
    if not frames:
        return ""
    code = codes[frames[-1].filename, frames[-1].name]
    line = linecache.getline(frames[-1].filename, frames[-1].lineno).strip()
    inside = f" of {code.co_name}" if isinstance(function, type) else ""
    return f" (line {frames[-1].lineno - code.co_firstlineno + 1}{inside}: `{line}`)" if line else ""


def _codes(function: Callable) -> list[CodeType]:
    if isinstance(function, type):
        return [method.__code__ for method in vars(function).values() if isinstance(method, FunctionType)]
    return [function.__code__] if hasattr(function, "__code__") else []


class CappedText(io.TextIOBase):
    """Takes the place of stdout: keeps the first characters of the first call and counts the others."""

    def __init__(self) -> None:
        self.kept = ""
        self.count = 0
        self.is_full = False

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if not self.is_full:
            self.kept += text[: KEPT_PRINT - len(self.kept)]
            self.is_full = len(self.kept) == KEPT_PRINT
        self.count += len(text)
        return len(text)

    def said(self) -> str:
        """What was kept, and how much there was in all."""
        if self.count == len(self.kept):
            return self.kept
        return f"{self.kept.rstrip()}\n... ({self.count:,} characters were printed in all calls)"


@contextlib.contextmanager
def _nothing_leaks(printed: CappedText) -> Iterator[None]:
    """Keep prints, warnings, random states, NumPy settings and the working directory as they were."""
    numpy_state, python_state = np.random.get_state(), random.getstate()
    try:
        with (
            contextlib.redirect_stdout(printed),
            contextlib.redirect_stderr(printed),
            warnings.catch_warnings(),
            np.errstate(all="ignore"),
            np.printoptions(),
            contextlib.chdir("."),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        np.random.set_state(numpy_state)
        random.setstate(python_state)


def watchdog(deadline: Deadline) -> contextlib.AbstractContextManager:
    """Raise Hung in the block after the deadline: by a timer signal where there is one, else from a second
    thread."""
    in_main_thread = threading.current_thread() is threading.main_thread()
    return _by_signal(deadline) if in_main_thread and hasattr(signal, "setitimer") else _by_thread(deadline)


@contextlib.contextmanager
def _by_signal(deadline: Deadline) -> Iterator[None]:
    over = False

    def bark(signum: int, frame: FrameType | None) -> None:
        if not over and deadline.must_stop(frame):
            raise Hung

    before = signal.signal(signal.SIGALRM, bark)
    # repeated, because an answer with a bare `except:` swallows the first one
    signal.setitimer(signal.ITIMER_REAL, deadline.left(), 0.2)
    try:
        yield
    finally:
        over = True
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def _by_thread(deadline: Deadline) -> Iterator[None]:
    ident = threading.get_ident()
    thread = ctypes.c_ulong(ident)
    raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
    lock, over = threading.Lock(), threading.Event()

    def bark() -> None:
        while not over.wait(deadline.left()):
            with lock:
                if over.is_set():
                    return
                if deadline.must_stop(sys._current_frames().get(ident)):
                    raise_in(thread, ctypes.py_object(Hung))
                    return

    threading.Thread(target=bark, daemon=True).start()
    try:
        yield
    finally:
        with lock:
            over.set()
            raise_in(thread, None)
