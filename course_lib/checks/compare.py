"""Comparing what came with what was expected, and saying in words how they differ."""

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import product

import numpy as np

from course_lib.checks.calling import Answer, Call
from course_lib.checks.given import Made, arrays_in
from course_lib.checks.spec import Exercise

SMALL = 12
TYPED = 16  # numbers in a call that is shown as one would type it
OPERATORS = {"divide": "/", "true_divide": "/", "subtract": "-", "add": "+", "multiply": "*", "power": "**"}


def outputs_of(
    answer: Answer, expected: Sequence[np.ndarray], names: Sequence[str]
) -> tuple[np.ndarray, ...] | str:
    """The answer's arrays, one for each expected one, or a sentence that says why they are not there."""
    value = answer.value
    if answer.kind == "odd":
        return f"{_wanted(names)}, but {answer.text} came"
    if len(names) == 1:
        return _single(value, expected[0], names)
    if isinstance(value, np.ndarray):
        if value.ndim and [part.shape for part in value] == [part.shape for part in expected]:
            return tuple(value)
        return f"{_wanted(names)}, but a single array of shape {value.shape} came"
    if len(value) != len(names):
        return f"{_wanted(names)}, but a sequence of length {len(value)} came"
    return value


def _single(value: np.ndarray | tuple, expected: np.ndarray, names: Sequence[str]) -> tuple[np.ndarray] | str:
    if not isinstance(value, tuple):
        return (value,)
    if len({part.shape for part in value}) == 1:
        stacked = np.stack(value)
        # a pair of arrays is a list of rows only when it has the shape of the result
        if stacked.shape == expected.shape or value[0].ndim < max(expected.ndim, 1):
            return (stacked,)
    shapes = " and ".join(str(part.shape) for part in value)
    return f"{_wanted(names)}, but {len(value)} came, of shapes {shapes}"


def _wanted(names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"One array is expected ({names[0]})"
    return f"A tuple ({', '.join(names)}) is expected"


def same(got: np.ndarray, expected: np.ndarray, rtol: float, atol: float) -> bool:
    """Equal shape and values; nan equals nan (that is how two wrong answers can agree)."""
    if got.shape != expected.shape:
        return False
    if "U" in (got.dtype.kind, expected.dtype.kind):
        return np.array_equal(got, expected)
    with np.errstate(all="ignore"):
        return bool(np.allclose(got, expected, rtol=rtol, atol=atol, equal_nan=True))


def lost_fractions(got: np.ndarray, expected: np.ndarray) -> bool:
    """True if an array of whole numbers came in which fractions were cut off or rounded away."""
    if got.dtype.kind not in "iu":
        return False
    whole = np.array_equal(expected, np.round(expected))
    return not whole and (np.array_equal(got, np.trunc(expected)) or np.array_equal(got, np.round(expected)))


def axis_names(axes: Sequence[str], ndim: int) -> list[str]:
    """One name for each axis of an array; "..." becomes B, or B and H (B and n before the
    features alone), or axis 0, axis 1, ... ."""
    if "..." not in axes:
        return list(axes) if len(axes) == ndim else [f"axis {i}" for i in range(ndim)]
    extra = ndim - (len(axes) - 1)
    second = "n" if list(axes) == ["...", "d"] else "H"
    leading = {1: ["B"], 2: ["B", second]}.get(extra, [f"axis {i}" for i in range(extra)])
    named = list(axes[1:])
    return leading + named if named else [f"axis {i}" for i in range(ndim)]


def shape_fault(
    name: str,
    got: np.ndarray,
    expected: np.ndarray,
    axes: Sequence[str],
    call: Call,
    exercise: Exercise,
    say: Callable[[np.ndarray, np.ndarray], str],
) -> str:
    """What is wrong with a shape, with named axes and a guess at the cause; "" if nothing is.

    `say` puts got and expected into words: `pair` or `without_values`.
    """
    if got.shape == expected.shape:
        return ""
    if got.ndim == expected.ndim == 1 and _any_length(axes, exercise) and got.size + expected.size <= TYPED:
        return f"{name} is {say(got, expected)}"
    if got.ndim == 0 and got.dtype.kind == "U":
        return f"{name}: a list is expected, one text came, {got.item()!r}"
    names = axis_names(axes, expected.ndim)
    wanted = f"axes ({', '.join(names)}) = {expected.shape} expected" if names else "a single number expected"
    guess = _shape_guess(got.shape, expected.shape, names, axis_lengths(call, exercise))
    return f"{name}: {wanted}, yours is {got.shape}{guess}"


def _any_length(axes: Sequence[str], exercise: Exercise) -> bool:
    """Whether an output is a list whose length no input says."""
    return not any(set(axes) & {*given, "..."} for given in exercise.arguments.values())


def _shape_guess(got: tuple, expected: tuple, names: list[str], lengths: dict[int, set[str]]) -> str:
    if len(got) > 1 and len(got) == len(expected) and sorted(got) == sorted(expected):
        return ": transposed?"
    if [n for n in got if n != 1] == [n for n in expected if n != 1]:
        return ": an axis of length 1 is " + ("left over" if len(got) > len(expected) else "missing")
    for i, name in enumerate(names):
        if got == expected[:i] + expected[i + 1 :]:
            return f": the {_axis(name)} is missing, was it summed over?"
        if got == (*expected[:i], 1, *expected[i + 1 :]):
            return f": the {_axis(name)} has shrunk to length 1, was it summed over?"
    known = [axis_of_length(n, lengths) for n in got]
    return f", which looks like axes ({', '.join(known)})" if known and all(known) else ""


def axis_of_length(length: int, lengths: dict[int, set[str]]) -> str:
    """The name of the one axis that has this length, or ""."""
    names = lengths.get(length, set())
    return min(names) if len(names) == 1 else ""


def explain_error(answer: Answer, call: Call, exercise: Exercise) -> str:
    """The text of an exception, in words of the course where NumPy's own would puzzle."""
    text, line = answer.text, ""
    if " (line " in text:
        text, line = text.split(" (line ", 1)
        line = f" (line {line}"
    matmul = re.match(r"matmul: .*\(size (\d+) is different from (\d+)\)", text)
    lengths = axis_lengths(call, exercise)
    if matmul:
        text = _inner_axes(matmul.group(2), matmul.group(1), lengths)
    text = _explain_torch(text, lengths)
    if is_casting(answer):
        step, instead = casting_step(answer)
        text = f"{step} cannot put fractions into whole numbers, write {instead}"
    return text + line


def _inner_axes(left: str, right: str, lengths: dict[int, set[str]]) -> str:
    left, right = (f"{n} ({axis_of_length(int(n), lengths) or 'length'})" for n in (left, right))
    return f"the inner axes of the matrix product differ, {left} on the left and {right} on the right"


def _explain_torch(text: str, lengths: dict[int, set[str]]) -> str:
    product_ = re.search(r"shapes cannot be multiplied \(\d+x(\d+) and (\d+)x\d+\)", text)
    batched = re.search(r"batch2 tensor to be: \[\d+, (\d+)\] but got: \[\d+, (\d+)\]", text)
    if product_ or batched:
        return _inner_axes(*(product_ or batched).groups(), lengths)
    sizes = re.search(
        r"tensor a \((\d+)\) must match the size of tensor b \((\d+)\) at .* dimension (\d+)", text
    )
    if sizes:
        a, b = (f"{n} ({axis_of_length(int(n), lengths) or 'length'})" for n in sizes.groups()[:2])
        return f"two tensors do not fit: axis {sizes.group(3)} has length {a} in one, {b} in the other"
    if re.search(r"same dtype|expected scalar type|match query dtype", text):
        return f"two tensors differ in precision, make new ones with the dtype of the input: {text}"
    if "before Module.__init__() call" in text:
        return f"{text}: write `super().__init__()` as the first line of `__init__`"
    if "modified by an inplace operation" in text:
        return (
            "the gradient cannot be computed: a tensor that it needs was changed in place "
            "(`+=`, `[...] =` or a method that ends in `_`)"
        )
    return text


def is_casting(answer: Answer) -> bool:
    """True if a step in place failed because the array holds whole numbers."""
    return answer.text.startswith("Cannot cast ufunc")


def casting_step(answer: Answer, name: str = "x") -> tuple[str, str]:
    """The step in place on the array `name` that NumPy refused, and what to write instead."""
    operator = OPERATORS.get(answer.text.split("'")[1], "")
    if not operator:
        return "a step in place (`out=`)", "its result to a new array"
    return f"`{operator}=` works in place and", f"`{name} = {name} {operator} ...`"


def _axis(name: str) -> str:
    return name if name.startswith("axis ") else f"axis {name}"


def axis_lengths(call: Call, exercise: Exercise) -> dict[int, set[str]]:
    """From length to the names of the axes that have it."""
    names: dict[int, set[str]] = {}
    sizes = {axis for axes in exercise.parameters.values() for axis in axes}
    for (name, axes), arg in zip(exercise.arguments.items(), call.args, strict=False):
        if name in sizes and isinstance(arg, int):
            names.setdefault(arg, set()).add(name)
        if isinstance(arg, np.ndarray) and (len(axes) == arg.ndim or "..." in axes):
            for size, name in zip(arg.shape, axis_names(axes, arg.ndim), strict=True):
                names.setdefault(size, set()).add(name)
    return names


def lengths_shared(call: Call, exercise: Exercise) -> int:
    """How many axes cannot be told by their length: a shape fault is clearest where this is 0."""
    lengths = axis_lengths(call, exercise)
    return sum(len(names) for size, names in lengths.items() if size == 1 or len(names) > 1)


def difference(
    got: Sequence[np.ndarray],
    expected: Sequence[np.ndarray],
    outputs: Mapping[str, Sequence[str]],
    rtol: float,
    atol: float,
    say: Callable[[np.ndarray, np.ndarray], str],
) -> str:
    """The first output that differs, in words: whole if it is small, else its first differing element.

    `say` puts got and expected into words: `pair` or `without_values`.
    """
    for (name, axes), mine, right in zip(outputs.items(), got, expected, strict=True):
        if same(mine, right, rtol, atol):
            continue
        if right.size <= (SMALL if right.ndim < 2 else SMALL // 2) and right.ndim < 3:
            return f"{name} is {say(mine, right)}"
        index = first_difference(mine, right, rtol, atol)
        place = ", ".join(f"{n}={i}" for n, i in zip(axis_names(axes, right.ndim), index, strict=True))
        return f"{name}[{place}] is {say(mine[index], right[index])}"
    return ""


def first_difference(got: np.ndarray, expected: np.ndarray, rtol: float, atol: float) -> tuple[int, ...]:
    """Index of the first element that differs."""
    for index in product(*(range(n) for n in expected.shape)):
        if not same(np.asarray(got[index]), np.asarray(expected[index]), rtol, atol):
            return index
    return ()


def pair(got: np.ndarray, expected: np.ndarray) -> str:
    """`got, expected ...` with as many digits as it takes to see the difference."""
    for digits in (4, 6, 9, 17):
        mine, right = show(got, digits), show(expected, digits)
        if mine != right:
            break
    return f"{mine}, expected {right}"


def without_values(got: np.ndarray, expected: np.ndarray) -> str:
    """What may be said of the two where nobody may read off the expected one."""
    return "not what is expected"


def show(value: object, digits: int = 4) -> str:
    """A number or a small array, short and independent of NumPy's print options."""
    array = np.asarray(value)
    if array.ndim:
        return "[" + ", ".join(show(part, digits) for part in array) + "]"
    number = array.item()
    if isinstance(number, float) and number.is_integer() and abs(number) < 1e6:
        number = int(number)
    return f"{number:.{digits}g}" if isinstance(number, float) else str(number)


def show_short(array: np.ndarray) -> str:
    """An array whole if it is small, else its shape."""
    return show(array) if array.size <= SMALL else f"an array of shape {array.shape}"


def call_text(exercise: Exercise, call: Call, case_name: str, typed: bool = True) -> str:
    """The call as one would type it if it is small and may be `typed`, else its case's name and shapes."""
    arguments = list(zip(exercise.arguments, call.args, strict=False))
    options = [f"{key}={show_any(value)}" for key, value in call.options.items()]
    how = [*_HOW.get(call.purpose, ())]
    if typed and size_of(call) <= TYPED:
        shown = [f"{name}={show_any(arg)}" for name, arg in arguments] + options
        n_init = exercise.n_init
        typed = ", ".join(shown[:n_init]) + ")(" + ", ".join(shown[n_init:]) if n_init else ", ".join(shown)
        return " ".join([f"`{exercise.id}({typed})`{_weights_text(call)}", *(f"in {word}" for word in how)])
    shapes = [f"{name} {_shape_text(arg)}" for name, arg in arguments if _has_shape(arg)]
    return f"the case “{case_name}” ({', '.join(shapes + options + how)})"


def constructor_text(exercise: Exercise, call: Call) -> str:
    """How the module of a call was made."""
    sizes = zip(exercise.arguments, call.args[: exercise.n_init], strict=False)
    return f"`{exercise.id}({', '.join(f'{name}={show_any(size)}' for name, size in sizes)})`"


_HOW = {"float32": ("float32",), "reused": ("a second call",), "eval": ("eval mode",)}


def _weights_text(call: Call) -> str:
    """The weights of a module that the case sets, as far as they can be read."""
    if not call.build or not call.build.shown:
        return ""
    weights = call.build.weights
    if sum(weights[name].size for name in call.build.shown) > 2 * SMALL:
        return ""
    return " with " + ", ".join(f"{name} = {show(weights[name])}" for name in call.build.shown)


def _has_shape(arg: object) -> bool:
    return isinstance(arg, np.ndarray) or (isinstance(arg, int) and not isinstance(arg, bool))


def _shape_text(arg: np.ndarray | int) -> str:
    return str(arg.shape if isinstance(arg, np.ndarray) else arg)


def show_any(value: object) -> str:
    """An argument as one would type it."""
    if isinstance(value, tuple) and arrays_in(value):
        return "(" + ", ".join(show_any(part) for part in value) + ")"
    return show(value) if isinstance(value, np.ndarray | int | float) else repr(value)


def size_of(call: Call) -> int:
    """How many numbers go into a call."""
    return sum(_size(arg) for arg in call.args)


def _size(arg: object) -> int:
    if isinstance(arg, Made | dict):
        return sum(array.size for array in arrays_in(arg))
    if isinstance(arg, tuple | list):
        return sum(_size(part) for part in arg)
    return np.asarray(arg).size
