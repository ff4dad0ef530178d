"""Plain data as bytes, between the marking process and a worker: numbers, text, arrays; never pickle."""

import sys
from collections.abc import Callable

import msgpack
import numpy as np

from course_lib.checks.calling import Answer, Call
from course_lib.checks.given import Made

ARRAY, WORDS, TUPLE, MADE, NAMED = 1, 2, 3, 4, 5
KINDS = "biuf"
LONGEST_TEXT = 2000
LIMIT = 64 * 2**20  # bytes of an answer


class WireError(ValueError):
    """The bytes are not what the other side may send."""


def pack(value: object) -> bytes:
    """Bytes of a value: numbers, text, lists, tuples, dicts, arrays of numbers or words, Made, callables."""
    return msgpack.packb(value, default=_extension, strict_types=True, unicode_errors="replace")


def _extension(value: object) -> msgpack.ExtType:
    if isinstance(value, Made):
        # by its name: the worker makes it from source that it is sent
        return msgpack.ExtType(MADE, pack([*place_of(value.factory), list(value.parts)]))
    if isinstance(value, tuple):
        return msgpack.ExtType(TUPLE, pack(list(value)))
    if isinstance(value, np.generic):
        value = np.asarray(value)
    if isinstance(value, np.ndarray) and value.dtype.kind == "U":
        return msgpack.ExtType(WORDS, pack([list(value.shape), value.ravel().tolist()]))
    if isinstance(value, np.ndarray) and value.dtype.kind in KINDS:
        content = np.ascontiguousarray(value, value.dtype.newbyteorder("<"))
        return msgpack.ExtType(ARRAY, pack([content.dtype.str, list(value.shape), content.tobytes()]))
    if callable(value):
        return msgpack.ExtType(NAMED, pack(list(place_of(value))))
    raise WireError(f"a {type(value).__name__} cannot be sent")


def place_of(value: Callable) -> tuple[str, str]:
    """The module and the name under which a callable stands at top level; WireError if it stands nowhere."""
    module = getattr(value, "__module__", "")
    for name, there in vars(sys.modules[module]).items():
        if there is value:
            return module, name
    raise WireError(f"{value!r} has no name in {module}")


def unpack(data: bytes, find: Callable[[str, str], Callable] | None = None) -> object:
    """The value again. `find` turns the module and name of a factory into the factory; without it no `Made`
    may come. Raises WireError for anything that `pack` does not write."""

    def extension(code: int, content: bytes) -> object:
        parts = unpack(content, find)
        if code == TUPLE:
            return tuple(parts)
        if code == ARRAY:
            return _array(*parts)
        if code == WORDS:
            return _words(*parts)
        if code == MADE and find:
            module, name, made_of = parts
            return Made(find(module, name), *made_of)
        if code == NAMED and find:
            return find(*parts)
        raise WireError(f"unknown kind {code}")

    try:
        return msgpack.unpackb(data, ext_hook=extension, strict_map_key=False)
    except WireError:
        raise
    except (ValueError, TypeError, AttributeError, RecursionError, OverflowError, MemoryError) as error:
        raise WireError(f"not readable: {type(error).__name__}") from error


def _array(dtype: str, shape: list[int], content: bytes) -> np.ndarray:
    kind = np.dtype(dtype)
    if kind.kind not in KINDS:
        raise WireError(f"arrays of {dtype} are not taken")
    return np.frombuffer(content, kind).reshape(shape).copy()


def _words(shape: list[int], words: list[str]) -> np.ndarray:
    if not all(isinstance(word, str) for word in words):
        raise WireError("words are text")
    return np.array(words, dtype=str).reshape(shape)


def pack_calls(calls: list[Call]) -> bytes:
    """The calls of an exercise for a worker."""
    return pack([{**vars(call), "build": call.build and vars(call.build)} for call in calls])


def unpack_calls(data: bytes, find: Callable[[str, str], Callable]) -> list[Call]:
    """The calls again, in the worker."""
    return [_call(fields) for fields in unpack(data, find)]


def _call(fields: dict) -> Call:
    if fields["build"]:
        from course_lib.checks.modules import Build

        fields["build"] = Build(**fields["build"])
    return Call(**fields)


def plain_answer(answer: Answer) -> dict:
    """An answer as plain data."""
    return {**vars(answer), "gradients": dict(answer.gradients)}


KINDS_OF_ANSWER = (
    "value", "nothing", "ellipsis", "odd", "module", "raised", "hung", "stopped", "not run",
)  # fmt: skip


def checked_answer(data: object) -> Answer:
    """An answer that came out of a worker; WireError unless each field is of its kind.

    The worker may be in the hands of a submission: what comes is taken as data, cut to length.
    """
    if not isinstance(data, dict) or data.get("kind") not in KINDS_OF_ANSWER:
        raise WireError("an answer has a kind")
    value = data.get("value")
    if data["kind"] == "value":
        parts = value if isinstance(value, tuple) else (value,)
        if not parts or not all(isinstance(part, np.ndarray) for part in parts):
            raise WireError("a value is made of arrays")
    changed, gradients = data.get("changed", ()), data.get("gradients", {})
    if not isinstance(changed, tuple) or not all(type(i) is int and 0 <= i < 100 for i in changed):
        raise WireError("changed arguments are positions")
    if not isinstance(gradients, dict) or not all(map(_is_text, [*gradients, *gradients.values()])):
        raise WireError("gradients are words by name")
    lineage = data.get("lineage", ())
    if not isinstance(lineage, tuple) or not all(map(_is_text, lineage)):
        raise WireError("a lineage is made of names")
    return Answer(
        data["kind"],
        value if data["kind"] == "value" else None,
        checked_text(data.get("error", "")),
        checked_text(data.get("text", "")),
        lineage,
        changed,
        gradients,
    )


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST_TEXT


def checked_text(value: object) -> str:
    """Text that came out of a worker, cut to length; WireError for anything else."""
    if not isinstance(value, str):
        raise WireError("text is text")
    return value[:LONGEST_TEXT]


def checked_pair(value: object) -> tuple[str, str]:
    """A pair of texts that came out of a worker."""
    if not isinstance(value, tuple) or len(value) != 2:
        raise WireError("a pair has two parts")
    return checked_text(value[0]), checked_text(value[1])
