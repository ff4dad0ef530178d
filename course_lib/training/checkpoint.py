"""A training in a safetensors file, to go on with later."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from course_lib.training.history import History
from course_lib.training.recipe import Recipe
from course_lib.transformer.checkpoints import read_tensors

Generator = torch.Generator | np.random.Generator


@dataclass
class Run:
    """Everything that changes during a training, and so everything that a checkpoint holds."""

    model: nn.Module
    optimisers: Sequence[torch.optim.Optimizer]
    generators: Sequence[Generator]
    history: History
    best_score: float = -np.inf
    best_weights: dict[str, Tensor] | None = None


def save_run(path: str | Path, run: Run, recipe: Recipe) -> None:
    """Write a training to a safetensors file, so that it can be resumed as if it had not stopped."""
    tensors = _prefixed("model/", run.model.state_dict()) | _prefixed("best/", run.best_weights or {})
    tensors |= _prefixed("history/", {k: torch.tensor(v) for k, v in run.history.arrays().items()})
    for i, optimiser in enumerate(run.optimisers):
        for number, state in optimiser.state_dict()["state"].items():
            tensors |= _prefixed(f"optimiser/{i}/{number}/", state)
    tensors["generator/torch"] = torch.get_rng_state()  # dropout draws from it
    about = {"recipe": asdict(recipe), "best_score": run.best_score, "generators": {}}
    about["optimisers"] = _kinds(run.optimisers)
    for i, generator in enumerate(run.generators):
        if isinstance(generator, torch.Generator):
            tensors[f"generator/{i}"] = generator.get_state()
        else:
            about["generators"][str(i)] = generator.bit_generator.state
    own = {name: tensor.detach().clone() for name, tensor in tensors.items()}  # shared ones apart
    unfinished = f"{path}.unfinished"
    save_file(own, unfinished, {"about": json.dumps(about, default=np.ndarray.tolist)})
    os.replace(unfinished, path)  # a save that breaks off leaves the earlier file whole


def load_run(path: str | Path, run: Run, recipe: Recipe) -> None:
    """Bring a training into the state that `save_run` wrote.

    Raises FileNotFoundError, or ValueError for a broken file, another model, recipe or other generators.
    """
    tensors, about = read_tensors(path)
    if "recipe" not in about:
        raise ValueError(f"{path} is no checkpoint of a training")
    _check_recipe(about["recipe"], recipe, path)
    try:
        run.model.load_state_dict(_below("model/", tensors))
    except RuntimeError as error:
        raise ValueError(f"{path} is the training of another model: {error}") from error
    run.history = History.from_arrays({k: v.numpy() for k, v in _below("history/", tensors).items()})
    run.best_score, run.best_weights = about["best_score"], _below("best/", tensors) or None
    if about["optimisers"] != _kinds(run.optimisers):
        there, here = about["optimisers"], _kinds(run.optimisers)
        raise ValueError(f"optimisers must be those of the checkpoint {path}: {there} there, {here} here")
    for i, optimiser in enumerate(run.optimisers):
        _fill_optimiser(optimiser, _below(f"optimiser/{i}/", tensors))
    _fill_generators(run.generators, _below("generator/", tensors), about["generators"], path)


def _check_recipe(stored: dict, recipe: Recipe, path: str | Path) -> None:
    given = json.loads(json.dumps(asdict(recipe)))  # tuples become lists, as in the file
    other = [name for name in given if stored.get(name) != given[name]]
    if other:
        both = ", ".join(f"{name} {stored.get(name)} there, {given[name]} here" for name in other)
        raise ValueError(f"recipe must be that of the checkpoint {path}: {both}")


def _kinds(optimisers: Sequence[torch.optim.Optimizer]) -> list[str]:
    """What each is called and how many tensors each of its groups learns."""
    return [f"{type(o).__name__} {[len(group['params']) for group in o.param_groups]}" for o in optimisers]


def _fill_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    numbers = {key.split("/")[0] for key in tensors}
    state = {int(number): _below(f"{number}/", tensors) for number in numbers}
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def _fill_generators(
    generators: Sequence[Generator], torch_states: Mapping[str, Tensor], numpy_states: dict, path: str | Path
) -> None:
    there = len(torch_states) - 1 + len(numpy_states)
    if there != len(generators):
        raise ValueError(f"generators must be the {there} of the checkpoint {path}; got {len(generators)}")
    torch.set_rng_state(torch_states["torch"])
    for i, generator in enumerate(generators):
        known = torch_states if isinstance(generator, torch.Generator) else numpy_states
        if str(i) not in known:
            raise ValueError(f"generators[{i}] is of another kind in {path}; got {type(generator).__name__}")
        if isinstance(generator, torch.Generator):
            generator.set_state(known[str(i)])
        else:
            generator.bit_generator.state = known[str(i)]


def _prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {prefix + name: tensor for name, tensor in tensors.items()}


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
