"""What fine-tuning changed, in a small file: each matrix's change as a product of two thin ones (lesson 20).

Source: Eckart and Young 1936 (the best approximation of a rank); Hu et al. 2022, LoRA, section 4.1 (that the
changes of fine-tuning have a low rank; there they are learnt in this form, here cut down to it afterwards).
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

LEFT, RIGHT = ".left", ".right"


def low_rank_changes(
    before: Mapping[str, Tensor], after: Mapping[str, Tensor], rank: int
) -> dict[str, Tensor]:
    """What was added to each tensor that differs: matrices (m, n) as left (m, rank) and right (rank, n).

    Other tensors, and matrices too small to gain by it, are kept whole. Raises ValueError for a rank below 1
    and for names or shapes that differ.
    """
    if rank < 1:
        raise ValueError(f"rank must be at least 1; got {rank}")
    _check_same(before, after)
    changes: dict[str, Tensor] = {}
    for name, old in before.items():
        change = after[name] - old
        if not change.any():
            continue
        if change.ndim == 2 and rank * sum(change.shape) < change.numel():
            changes[name + LEFT], changes[name + RIGHT] = _factors(change, rank)
        else:
            changes[name] = change
    return changes


def _factors(change: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """The two thin matrices whose product is nearest to the change."""
    U, S, V = torch.linalg.svd(change, full_matrices=False)
    root = S[:rank].sqrt()
    return U[:, :rank] * root, root[:, None] * V[:rank]


@torch.no_grad()
def add_changes(model: nn.Module, changes: Mapping[str, Tensor]) -> None:
    """Add the changes of `low_rank_changes` to the model's tensors. Raises ValueError for unknown names."""
    own = model.state_dict()
    whole = {name for name in changes if not name.endswith((LEFT, RIGHT))}
    halved = {name.removesuffix(LEFT) for name in changes if name.endswith(LEFT)}
    if unknown := sorted((whole | halved) - own.keys()):
        raise ValueError(f"changes names what the model does not have: {', '.join(unknown[:3])}")
    for name in whole:
        own[name] += changes[name].to(own[name])
    for name in halved:
        own[name] += (changes[name + LEFT].to(own[name])) @ changes[name + RIGHT].to(own[name])


def _check_same(before: Mapping[str, Tensor], after: Mapping[str, Tensor]) -> None:
    if before.keys() != after.keys():
        raise ValueError(f"before and after differ in the names {sorted(before.keys() ^ after.keys())[:3]}")
    for name, old in before.items():
        if old.shape != after[name].shape:
            raise ValueError(f"{name} must keep its shape {tuple(old.shape)}; got {tuple(after[name].shape)}")
