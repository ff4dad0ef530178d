"""Answers that are classes: built, given the weights that the reference has too, and called.

The only file of this package that imports torch; it is imported when the first exercise needs it.
"""

import contextlib
import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.checks.given import fresh, made

NOISE = 1e-11  # a gradient that is smaller than this share of the largest one is rounding


@dataclass(frozen=True)
class Build:
    """How a module comes to be before the call that counts.

    The first `n_init` arguments go to the constructor. `weights` and `axes` map the parameters' names to
    values and axis names, `shown` are the names of the weights that the case itself sets. `before` is a call
    (arguments, options) that the same module has answered already.
    """

    n_init: int
    weights: Mapping[str, np.ndarray]
    axes: Mapping[str, tuple[str, ...]]
    shown: tuple[str, ...] = ()
    before: tuple[tuple, Mapping[str, object]] | None = None
    training: bool = True


class WrongModuleError(Exception):
    """The module is not what the contract says; the text says how."""


def run_module(
    answer: Callable, args: Sequence[object], options: Mapping[str, object], build: Build, grad: bool
) -> tuple[object, dict[str, str]]:
    """What a module returns and, with `grad`, whether the gradient reaches its parameters.

    The latter maps each name to "reached", "none", "zero", "nan" or "rounding" (what is left where the true
    gradient is 0, as of a bias of the keys: no softmax sees it).
    """
    module = answer(*args[: build.n_init])
    fault = _fault(module, build, getattr(answer, "__name__", "The class"))
    if fault:
        raise WrongModuleError(fault)
    _set_weights(module, build.weights)
    module.train()
    if build.before:
        earlier, settings = build.before
        module(*(made(fresh(arg, "torch")) for arg in earlier[build.n_init :]), **settings)
    module.train(build.training)
    value = module(*args[build.n_init :], **options)
    return value, _gradients(module, value, build) if grad else {}


def _set_weights(module: nn.Module, weights: Mapping[str, np.ndarray]) -> None:
    dtype = torch.float32 if any(w.dtype == np.float32 for w in weights.values()) else torch.float64
    module.to(dtype)
    with torch.no_grad():
        parameters = dict(module.named_parameters(remove_duplicate=False))
        for name, values in weights.items():
            parameters[name].copy_(torch.tensor(values))


def _fault(module: object, build: Build, name: str) -> str:
    """How a fresh module breaks the contract, or ""."""
    if not isinstance(module, nn.Module):
        return f"`{name}(...)` makes a {type(module).__name__}: it must be an nn.Module, as in " + (
            f"`class {name}(nn.Module):`"
        )
    if type(module).forward is nn.Module.forward:
        return "Your module has no method `forward`: is it misspelt, or does it stand outside the class?"
    parameters = _without_second_names(dict(module.named_parameters(remove_duplicate=False)), build)
    return (
        _missing(module, parameters, build)
        or _unexpected(parameters, build)
        or _misshaped(parameters, build)
        or _shared(parameters)
    )


def _without_second_names(parameters: dict[str, Tensor], build: Build) -> dict[str, Tensor]:
    """The parameters without other names of those that the contract names, as of layers put into a Sequential
    as well."""
    known = {id(parameters[name]) for name in build.weights if name in parameters}
    return {name: p for name, p in parameters.items() if name in build.weights or id(p) not in known}


def _missing(module: nn.Module, parameters: Mapping[str, Tensor], build: Build) -> str:
    missing = [name for name in build.weights if name not in parameters]
    if not missing:
        return ""
    name = missing[0]
    layer, _, part = name.rpartition(".")
    there = getattr(module, layer or name, None)
    if part == "bias" and f"{layer}.weight" in parameters:
        return f"The parameter `{name}` is missing: the contract gives `{layer}` a bias."
    if isinstance(there, Tensor | list | tuple | dict):
        kind = "tensor" if isinstance(there, Tensor) else type(there).__name__
        return (
            f"`{layer or name}` is a plain {kind}, so the module has no parameter `{name}`: "
            "nothing would train it. Use the layer that the contract names."
        )
    others = [found for found in parameters if found not in build.weights]
    wanted = f"The parameter `{name}` with axes ({', '.join(build.axes[name])}) is missing"
    near = _nearest(name, others)
    if near:
        return f"{wanted}: yours is called `{near}`. Weights are found by their names, so they must agree."
    if not parameters:
        return f"{wanted}: your module has no parameters at all. Assign each layer in `__init__`, to `self`."
    return f"{wanted}: your parameters are {_listed(parameters)}."


def _nearest(name: str, others: list[str]) -> str:
    def plain(text: str) -> str:
        return text.replace("_", "").lower()

    near = difflib.get_close_matches(plain(name), [plain(found) for found in others], n=1, cutoff=0.7)
    return next((found for found in others if plain(found) in near), "")


def _unexpected(parameters: Mapping[str, Tensor], build: Build) -> str:
    extra = [name for name in parameters if name not in build.weights]
    if not extra:
        return ""
    layer, _, part = extra[0].rpartition(".")
    if part == "bias" and f"{layer}.weight" in build.weights:
        return f"`{layer}` has a bias, the contract has none: write `bias=False`."
    return f"Your module has parameters that the contract does not have: {_listed(extra)}."


def _listed(names: Sequence[str]) -> str:
    shown = [f"`{name}`" for name in names]
    return ", ".join(shown[:8]) + (" ..." if len(shown) > 8 else "")


def _misshaped(parameters: Mapping[str, Tensor], build: Build) -> str:
    for name, wanted in build.weights.items():
        shape = tuple(parameters[name].shape)
        if shape != wanted.shape:
            swapped = ": nn.Linear takes the size of its input first" if shape == wanted.shape[::-1] else ""
            return (
                f"The parameter `{name}`: axes ({', '.join(build.axes[name])}) = {wanted.shape} expected, "
                f"yours is {shape}{swapped}."
            )
    return ""


def _shared(parameters: Mapping[str, Tensor]) -> str:
    owners: dict[int, str] = {}
    for name, parameter in parameters.items():
        first = owners.setdefault(id(parameter), name)
        if first != name:
            return f"`{first}` and `{name}` are one and the same parameter: make a layer of its own for each."
    return ""


def _gradients(module: nn.Module, value: object, build: Build) -> dict[str, str]:
    """Whether the gradient of a weighted sum of all outputs reaches each parameter."""
    parts = value if isinstance(value, tuple | list) else [value]
    parts = [part for part in parts if isinstance(part, Tensor) and part.requires_grad]
    if parts:
        # different weights, as a plain sum of weights that sum to 1 has no gradient
        sum(_uneven(part) @ part.flatten() for part in parts).backward()
    named = _without_second_names(dict(module.named_parameters(remove_duplicate=False)), build)
    sizes = [p.grad.abs().nan_to_num(0.0, 0.0).max().item() for p in named.values() if p.grad is not None]
    largest = max(sizes, default=0.0)
    return {name: _reached(parameter.grad, largest) for name, parameter in named.items()}


def _uneven(part: Tensor) -> Tensor:
    return torch.arange(1, part.numel() + 1, dtype=part.dtype).cos()


def _reached(grad: Tensor | None, largest: float) -> str:
    if grad is None:
        return "none"
    if not torch.isfinite(grad).all():
        return "nan"
    if not grad.any():
        return "zero"
    return "reached" if grad.abs().max() > NOISE * largest else "rounding"


@contextlib.contextmanager
def torch_as_before() -> Iterator[None]:
    """Begin with a fixed random state; give back random state, dtype and gradient mode afterwards."""
    state, dtype, mode = torch.get_rng_state(), torch.get_default_dtype(), torch.is_grad_enabled()
    torch.manual_seed(0)
    torch.set_grad_enabled(True)
    try:
        yield
    finally:
        torch.set_rng_state(state)
        torch.set_default_dtype(dtype)
        torch.set_grad_enabled(mode)
