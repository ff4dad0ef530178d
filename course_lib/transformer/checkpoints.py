"""Weights in files: a model's tensors and a few words about them, in the safetensors format."""

import hashlib
import json
import os
from collections.abc import Mapping
from itertools import chain
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn


def save_checkpoint(path: str | Path, model: nn.Module, about: Mapping) -> None:
    """Write the model's weights, each once, and what is said `about` them (anything that JSON can hold).

    The file is complete or not there: it gets its name when it is whole. Weights are stored in the type they
    have; `copy.deepcopy(model).half()` makes a file of half the size.
    """
    path = Path(path)
    tensors = {name: tensor.detach().contiguous() for name, tensor in _named_tensors(model).items()}
    unfinished = path.with_name(path.name + ".unfinished")
    save_file(tensors, unfinished, metadata={"about": json.dumps(about)})
    os.replace(unfinished, path)


def load_checkpoint(path: str | Path, model: nn.Module, sha256: str | None = None) -> dict:
    """Fill the model with the weights of a file and return what the file says about them.

    The numbers are converted to the model's own type and device. Raises what `read_tensors` raises, and
    ValueError when names or sizes are not the model's; the model is then as before.
    """
    tensors, about = read_tensors(path, sha256)
    fill(model, tensors, str(path))
    return about


def read_tensors(path: str | Path, sha256: str | None = None) -> tuple[dict[str, Tensor], dict]:
    """The tensors of a safetensors file by name, and what the file says about them.

    Raises FileNotFoundError when there is no such file, ValueError when its SHA-256 is not the expected one,
    or when it is no safetensors file or only a part of one.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no checkpoint {path}")
    _check_hash(path, sha256)
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no iterator)
            about = json.loads((file.metadata() or {}).get("about", "{}"))
    except SafetensorError as error:
        raise ValueError(f"{path} is no safetensors file, or only a part of one: {error}") from error
    return tensors, about


def _check_hash(path: Path, expected: str | None) -> None:
    if expected is None:
        return
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != expected.lower():
        raise ValueError(f"{path} has the SHA-256 {found}; expected {expected}")


@torch.no_grad()
def fill(model: nn.Module, tensors: Mapping[str, Tensor], source: str) -> None:
    """Copy tensors into the model by name; `source` names them in errors.

    Raises ValueError, before anything is copied, when a name is missing or unknown or a size differs.
    """
    wanted = _named_tensors(model)
    for what, names in (("lacks", wanted.keys() - tensors.keys()), ("has", tensors.keys() - wanted.keys())):
        if names:
            end = "which the model needs" if what == "lacks" else "which the model does not have"
            raise ValueError(f"{source} {what} {_listed(sorted(names))}, {end}")
    for name, own in wanted.items():
        if own.shape != tensors[name].shape:
            came, expected = tuple(tensors[name].shape), tuple(own.shape)
            raise ValueError(f"{source}: {name} has the shape {came}; the model expects {expected}")
    for name, own in wanted.items():
        own.copy_(tensors[name])


def _listed(names: list[str]) -> str:
    """At most three names and how many more there are."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _named_tensors(model: nn.Module) -> dict[str, Tensor]:
    """The tensors of the model's state; one that two modules share comes once, under its first name."""
    first = {name for name, _ in chain(model.named_parameters(), model.named_buffers())}
    return {name: tensor for name, tensor in model.state_dict().items() if name in first}
