"""What goes into an answer: plain arrays and numbers, made afresh for each call in the kind that it takes."""

from collections.abc import Callable

import numpy as np


class Made:
    """An argument that is made anew for each call: a callable, an object with parts, a random generator.

    `factory` gets fresh copies of `parts`, arrays or, where the exercise takes tensors, tensors. They are
    compared after the call, so that a change in place of what the object holds is noticed.
    """

    def __init__(self, factory: Callable, *parts: object) -> None:
        self.factory, self.parts = factory, parts

    def __repr__(self) -> str:
        shown = (f"{part.shape}" if isinstance(part, np.ndarray) else repr(part) for part in self.parts)
        return f"{self.factory.__name__}({', '.join(shown)})"


def with_arrays(function: Callable, value: object) -> object:
    """The same value, new containers, with `function` applied to each array in it."""
    if isinstance(value, np.ndarray):
        return function(value)
    if isinstance(value, Made):
        return Made(value.factory, *(with_arrays(function, part) for part in value.parts))
    if isinstance(value, dict):
        return {key: with_arrays(function, part) for key, part in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(with_arrays(function, part) for part in value)
    return value


def arrays_in(value: object) -> list[np.ndarray]:
    """All arrays in an argument."""
    found: list[np.ndarray] = []
    with_arrays(found.append, value)
    return found


def fresh(value: object, takes: str) -> object:
    """A copy of an argument whose arrays have become what the exercise takes: "numpy" or "torch"."""
    return with_arrays(to_tensor if takes == "torch" else np.copy, value)


def to_tensor(array: np.ndarray) -> object:
    """A tensor with its own memory."""
    import torch

    return torch.tensor(array)


def made(value: object) -> object:
    """What the answer is handed: the argument itself, or the object that it says how to make."""
    return value.factory(*value.parts) if isinstance(value, Made) else value


def untouched(old: object, new: object) -> bool:
    """Whether an argument, as it was handed in, still is what it was made from."""
    if isinstance(old, np.ndarray):
        new = as_numpy(new)
        return old.shape == new.shape and old.dtype == new.dtype and old.tobytes() == new.tobytes()
    if isinstance(old, Made):
        return untouched(old.parts, new.parts)
    if isinstance(old, dict):
        return list(old) == list(new) and untouched(list(old.values()), list(new.values()))
    if isinstance(old, tuple | list):
        return len(old) == len(new) and all(untouched(a, b) for a, b in zip(old, new, strict=True))
    return old is new or old == new


def as_numpy(value: object) -> np.ndarray:
    """The array behind a tensor, or the array itself (without importing torch)."""
    if not hasattr(value, "detach"):
        return value
    value = value.detach().cpu()
    value = value.float() if "bfloat16" in str(value.dtype) else value
    return value.resolve_conj().resolve_neg().numpy()


def is_float(value: object) -> bool:
    """Whether a float64 array stands anywhere in an argument."""
    return any(array.dtype == np.float64 for array in arrays_in(value))


def as_float32(value: object) -> object:
    """The same argument in float32."""
    return with_arrays(lambda a: a.astype(np.float32) if a.dtype == np.float64 else a, value)


def other(value: object, rng: np.random.Generator) -> object:
    """Another value of the same kind, to see whether an argument matters."""
    if isinstance(value, Made):
        return Made(value.factory, *(other(part, rng) for part in value.parts))
    if isinstance(value, tuple):
        return tuple(other(part, rng) for part in value)
    if not isinstance(value, np.ndarray):
        return value
    if value.dtype == np.float64:
        return value + rng.normal(size=value.shape)
    return value[::-1].copy() if value.ndim else value
