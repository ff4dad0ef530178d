"""Exact attention in tiles: no array of n_q x n_k numbers is ever held (lesson 24)."""

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.transformer.attention import causal_mask


def tiled_attention(
    Q: Float[Tensor, "*batch n_q d"],
    K: Float[Tensor, "*batch n_k d"],
    V: Float[Tensor, "*batch n_k d_v"],
    block: int = 160,
    causal: bool = False,
) -> tuple[Float[Tensor, "*batch n_q d_v"], Float[Tensor, "*batch n_q"]]:
    """softmax(Q K^T / sqrt(d)) V computed block by block, and the log-sum-exp of each query's scores.

    Shapes: Q (..., n_q, d), K (..., n_k, d), V (..., n_k, d_v) -> output (..., n_q, d_v), lse (..., n_q).
    The last block may be shorter. With `causal` the queries are the last n_q positions, and blocks that lie
    wholly in the future are left out. Raises ValueError for a block below 1.
    Source: Milakov and Gimelshein 2018 (online softmax); Dao et al. 2022, FlashAttention, algorithm 1.
    """
    if block < 1:
        raise ValueError(f"block must be at least 1; got {block}")
    n_q, n_k = Q.shape[-2], K.shape[-2]
    rows = []
    for i in range(0, n_q, block):
        q = Q[..., i : i + block, :] * Q.shape[-1] ** -0.5
        seen = max(n_k - n_q + i + q.shape[-2], 0) if causal else n_k  # by the last query of this block
        rows.append(_one_row_of_tiles(q, K[..., :seen, :], V[..., :seen, :], block, causal))
    outputs, sums = zip(*rows, strict=True)
    return torch.cat(outputs, dim=-2), torch.cat(sums, dim=-1)


def _one_row_of_tiles(q: Tensor, K: Tensor, V: Tensor, block: int, causal: bool) -> tuple[Tensor, Tensor]:
    """One block of queries over all blocks of the keys it sees, by the online softmax."""
    n_q, n_k = q.shape[-2], K.shape[-2]
    peak = q.new_full((*q.shape[:-1], 1), torch.finfo(q.dtype).min)
    total, context = torch.zeros_like(peak), q.new_zeros(*q.shape[:-1], V.shape[-1])
    for j in range(0, n_k, block):
        scores = q @ K[..., j : j + block, :].transpose(-2, -1)
        if causal and j + block > n_k - n_q:  # the tile reaches beyond the first query here
            wall = causal_mask(n_q, n_k, q.device)[:, j : j + block]
            scores = scores.masked_fill(~wall, -torch.inf)
        new_peak = torch.maximum(peak, scores.amax(dim=-1, keepdim=True))
        shrink = (peak - new_peak).exp()  # what was summed so far was relative to the old peak
        weights = (scores - new_peak).exp()
        total = total * shrink + weights.sum(dim=-1, keepdim=True)
        context = context * shrink + weights @ V[..., j : j + block, :]
        peak = new_peak
    return context / total.clamp_min(torch.finfo(q.dtype).tiny), (peak + total.log()).squeeze(-1)
