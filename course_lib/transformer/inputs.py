"""What models are given: token ids and the mask of real tokens, checked in one place."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


def check_ids(name: str, ids: Tensor, n_vocab: int) -> None:
    """Raise ValueError unless `ids` are (B, n), both at least 1, and all of them from 0 to n_vocab - 1."""
    if ids.ndim != 2 or ids.numel() == 0:
        raise ValueError(f"{name} must be ids (B, n), both at least 1; got the shape {tuple(ids.shape)}")
    lowest, highest = (int(end) for end in ids.aminmax())
    if lowest < 0 or highest >= n_vocab:
        wrong = lowest if lowest < 0 else highest
        raise ValueError(f"{name} must hold ids from 0 to {n_vocab - 1}; got {wrong}")


def check_keep(keep: Tensor | None, tokens: Tensor) -> None:
    """Raise ValueError unless `keep` is None or bool (B, n), True for real ones of the tokens (B, n, ...)."""
    if keep is not None and (keep.dtype != torch.bool or keep.shape != tokens.shape[:2]):
        came, expected = f"{keep.dtype} {tuple(keep.shape)}", tuple(tokens.shape[:2])
        raise ValueError(f"keep must be bool (B, n) = {expected}, True for real tokens; got {came}")


def embed(
    ids: Int[Tensor, "B n"], table: nn.Embedding, start: int, max_n: int
) -> Float[Tensor, "B n d_model"]:
    """The embeddings (B, n, d_model) of ids (B, n) that stand at positions start ... start + n - 1.

    Raises ValueError for no ids at all, for an unknown one and for more than max_n positions.
    """
    check_ids("ids", ids, table.num_embeddings)
    n = start + ids.shape[1]
    if n > max_n:
        raise ValueError(f"the sequence has {n} tokens; max_n, the most that the model reads, is {max_n}")
    return table(ids)
