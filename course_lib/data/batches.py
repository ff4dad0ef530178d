"""From lists of token ids to the tensors that a model is trained on: padding, batches, shifting, masking.

True in `keep` means "is a real token". Randomness comes from the NumPy generator that is handed in.
"""

from collections.abc import Collection, Sequence

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor


def pad(
    sequences: Sequence[Sequence[int]], pad_id: int, device: torch.device | str | None = None
) -> tuple[Int[Tensor, "B n"], Bool[Tensor, "B n"]]:
    """Sequences of different lengths as one tensor of ids (B, n) and `keep` (B, n), False at the padding.

    n is the length of the longest sequence. Raises ValueError for an empty batch, for sequences that are
    all empty, and for ids that are no whole numbers from 0 on.

    >>> pad([[5, 6, 7], [8]], pad_id=0)[0].tolist()
    [[5, 6, 7], [8, 0, 0]]
    """
    rows = [_checked(sequence, f"sequences[{i}]") for i, sequence in enumerate(sequences)]
    n = max(map(len, rows), default=0)
    if n == 0:
        raise ValueError(
            f"sequences must hold at least one token; got {len(rows)} sequences, all of them empty"
        )
    ids = np.full((len(rows), n), pad_id, dtype=np.int64)
    lengths = np.array([len(row) for row in rows])
    keep = np.arange(n) < lengths[:, None]
    ids[keep] = np.concatenate(rows)
    return torch.from_numpy(ids).to(device), torch.from_numpy(keep).to(device)


def shift_right(
    target: Sequence[Sequence[int]], bos: int, eos: int, pad: int
) -> tuple[Int[Tensor, "B n"], Int[Tensor, "B n"]]:
    """What a decoder reads, (bos t1 .. tn pad ..), and what it must say, (t1 .. tn eos pad ..).

    Both are (B, L + 1), L the length of the longest target. Raises ValueError for an empty batch, ids that
    are no whole numbers from 0 on, and for a target that holds bos, eos or pad.

    >>> [ids.tolist() for ids in shift_right([[7, 8], [9]], bos=1, eos=2, pad=0)]
    [[[1, 7, 8], [1, 9, 0]], [[7, 8, 2], [9, 2, 0]]]
    """
    if len(target) == 0:
        raise ValueError("target must hold at least one sequence; got none")
    rows = [_checked(row, f"target[{i}]") for i, row in enumerate(target)]
    shape = len(rows), max(map(len, rows)) + 1
    inputs, labels = np.full(shape, pad, dtype=np.int64), np.full(shape, pad, dtype=np.int64)
    for i, row in enumerate(rows):
        if found := {bos, eos, pad} & set(row.tolist()):
            raise ValueError(f"target[{i}] must hold no special token; got {min(found)}")
        inputs[i, : len(row) + 1] = [bos, *row]
        labels[i, : len(row) + 1] = [*row, eos]
    return torch.from_numpy(inputs), torch.from_numpy(labels)


def batches_by_length(
    lengths: Sequence[int] | Int[np.ndarray, "N"],
    batch_size: int,
    rng: np.random.Generator,
    noise: float = 2.0,
) -> list[list[int]]:
    """One epoch: every item's index once, items of about one length together, batches in random order.

    Lengths are sorted after `noise` (in tokens) was added to each at random, so that batches differ from
    epoch to epoch. Raises ValueError when there is nothing to batch or batch_size is below 1.

    >>> sorted(map(sorted, batches_by_length([3, 9, 3, 9], 2, np.random.default_rng(0))))
    [[0, 2], [1, 3]]
    """
    lengths = np.asarray(lengths)
    if lengths.ndim != 1 or lengths.size == 0:
        raise ValueError(f"lengths must be one number per item, at least one; got shape {lengths.shape}")
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1; got {batch_size}")
    order = np.argsort(lengths + noise * rng.random(len(lengths)))
    batches = [order[start : start + batch_size].tolist() for start in range(0, len(order), batch_size)]
    return [batches[i] for i in rng.permutation(len(batches))]


def random_windows(
    ids: Sequence[int] | Int[np.ndarray, "N"], n: int, batch_size: int, rng: np.random.Generator
) -> tuple[Int[Tensor, "B n"], Int[Tensor, "B n"]]:
    """Pieces of n tokens (B, n) from random places of one long text, and the token after each of them (B, n).

    Raises ValueError when n or batch_size is below 1, or the text has fewer than n + 1 tokens.
    """
    text = _checked(ids, "ids")
    if n < 1 or batch_size < 1 or len(text) < n + 1:
        raise ValueError(
            "random_windows() needs n >= 1, batch_size >= 1 and at least n + 1 tokens; "
            f"got n={n}, batch_size={batch_size}, {len(text)} tokens"
        )
    starts = rng.integers(len(text) - n, size=(batch_size, 1))
    windows = torch.from_numpy(text[starts + np.arange(n + 1)])
    return windows[:, :-1].contiguous(), windows[:, 1:].contiguous()


def mask_tokens(
    ids: Int[np.ndarray, "*shape"],
    rng: np.random.Generator,
    mask_id: int,
    vocab: int,
    specials: Collection[int],
    rate: float = 0.15,
) -> tuple[Int[np.ndarray, "*shape"], Int[np.ndarray, "*shape"]]:
    """BERT's masking: the corrupted ids, and labels: the original where it is to be found, else -100.

    Every position that holds no special token is chosen with probability `rate`, on its own; of the chosen,
    80 % become `mask_id`, 10 % a random token that is no special (perhaps the same one), 10 % stay as they
    are. `vocab` is the number of tokens. Raises ValueError when `rate` is outside 0 to 1, an id outside 0 to
    vocab - 1, or every token special.

    Source: Devlin et al. 2019, section 3.1 and appendix A.1.
    """
    ids = np.asarray(ids)
    words = np.setdiff1d(np.arange(vocab), list(specials))
    if not 0 <= rate <= 1:
        raise ValueError(f"rate must be between 0 and 1; got {rate}")
    if not np.issubdtype(ids.dtype, np.integer) or (ids.size and not 0 <= ids.min() <= ids.max() < vocab):
        raise ValueError(f"ids must be whole numbers from 0 to vocab - 1 = {vocab - 1}; got {_range(ids)}")
    if len(words) == 0:
        raise ValueError(f"specials must leave a token to draw; got all {vocab}")
    chosen = (rng.random(ids.shape) < rate) & np.isin(ids, words)
    dice = rng.random(ids.shape)
    corrupted = np.where(chosen & (dice < 0.8), mask_id, ids)
    corrupted = np.where(chosen & (dice >= 0.9), rng.choice(words, ids.shape), corrupted)
    return corrupted, np.where(chosen, ids, -100)


def _checked(sequence: Sequence[int] | np.ndarray, name: str) -> np.ndarray:
    """The sequence as 64-bit integers; ValueError unless it is a row of whole numbers from 0 on."""
    ids = np.asarray(sequence)
    if ids.size == 0:
        return np.zeros(0, dtype=np.int64)
    if ids.ndim != 1 or not np.issubdtype(ids.dtype, np.integer) or ids.min() < 0:
        raise ValueError(f"{name} must be a list of ids, whole numbers from 0 on; got {_range(ids)}")
    return ids.astype(np.int64)


def _range(ids: np.ndarray) -> str:
    """The ids of a wrong array in a few words."""
    if ids.dtype.kind not in "iuf":
        return f"{ids.dtype} of shape {ids.shape}"
    return f"{ids.dtype} of shape {ids.shape} from {ids.min()} to {ids.max()}"
