"""Attention without the n_q x n_k matrix: online softmax over blocks of keys (lesson 24)."""

import numpy as np
from jaxtyping import Float

from course_lib.by_hand.attention import attention_scores


def tiled_attention(
    Q: Float[np.ndarray, "... n_q d"],
    K: Float[np.ndarray, "... n_k d"],
    V: Float[np.ndarray, "... n_k d_v"],
    block: int,
    causal: bool = False,
) -> tuple[Float[np.ndarray, "... n_q d_v"], Float[np.ndarray, "... n_q"]]:
    """Scaled dot-product attention that sees `block` keys at a time: output (..., n_q, d_v), lse (..., n_q).

    For each query it carries the largest score so far, the sum of exponentials and the mix of values; when
    the largest score grows, what was summed shrinks by exp(old - new). The last block may be shorter. lse is
    the log-sum-exp of the scaled scores: weight (i, j) is exp(score[i, j] - lse[i]). With `causal` queries
    are the last n_q positions; one that sees no key gets zeros and lse -inf. Raises ValueError if block < 1.
    Source: Milakov and Gimelshein 2018, algorithm 3; Dao et al. 2022, FlashAttention, algorithm 1.
    """
    if block < 1:
        raise ValueError(f"block must be at least 1 key; got {block}")
    if K.shape[-2] != V.shape[-2]:
        raise ValueError(f"K and V must hold one row per key; got K {K.shape} and V {V.shape}")
    peak = np.full(Q.shape[:-1], -np.inf, Q.dtype)
    total = np.zeros_like(peak)
    output = np.zeros((*Q.shape[:-1], V.shape[-1]), Q.dtype)
    for first in range(0, K.shape[-2], block):
        scores = _block_scores(Q, K, first, block, causal)
        new_peak = np.maximum(peak, scores.max(axis=-1))
        reference = _finite(new_peak)
        exponentials = np.exp(scores - reference[..., None])
        shrink = np.exp(peak - reference)
        total = total * shrink + exponentials.sum(axis=-1)
        output = output * shrink[..., None] + exponentials @ V[..., first : first + block, :]
        peak = new_peak
    total = np.where(total == 0, 1, total)  # a query that saw nothing keeps zeros, and peak -inf is its lse
    return output / total[..., None], peak + np.log(total)


def tiled_attention_backward(
    Q: Float[np.ndarray, "... n_q d"],
    K: Float[np.ndarray, "... n_k d"],
    V: Float[np.ndarray, "... n_k d_v"],
    output: Float[np.ndarray, "... n_q d_v"],
    lse: Float[np.ndarray, "... n_q"],
    d_output: Float[np.ndarray, "... n_q d_v"],
    block: int,
    causal: bool = False,
) -> tuple[Float[np.ndarray, "... n_q d"], Float[np.ndarray, "... n_k d"], Float[np.ndarray, "... n_k d_v"]]:
    """Gradients (dQ, dK, dV): each block's weights are made again from lse instead of being kept.

    Softmax's backward needs sum(p * dp) over the whole row; it equals the dot product of output and d_output.
    Source: Dao et al. 2022, FlashAttention, appendix B.2 and algorithm 4.
    """
    dQ, dK, dV = np.zeros_like(Q), np.zeros_like(K), np.zeros_like(V)
    mean = (output * d_output).sum(axis=-1, keepdims=True)
    for first in range(0, K.shape[-2], block):
        part = np.s_[..., first : first + block, :]
        weights = np.exp(_block_scores(Q, K, first, block, causal) - _finite(lse)[..., None])
        d_weights = d_output @ np.swapaxes(V[part], -1, -2)
        d_scores = weights * (d_weights - mean) * Q.shape[-1] ** -0.5
        dQ += d_scores @ K[part]
        dK[part] = np.swapaxes(d_scores, -1, -2) @ Q
        dV[part] = np.swapaxes(weights, -1, -2) @ d_output
    return dQ, dK, dV


def _block_scores(Q: np.ndarray, K: np.ndarray, first: int, block: int, causal: bool) -> np.ndarray:
    """Scores of all queries with the keys of one block, (..., n_q, block); -inf for keys in the future."""
    n_q, n_k = Q.shape[-2], K.shape[-2]
    scores = attention_scores(Q, K[..., first : first + block, :])
    if causal:
        keys = first + np.arange(scores.shape[-1])
        scores = np.where(keys <= np.arange(n_q)[:, None] + n_k - n_q, scores, -np.inf)
    return scores


def _finite(peak: np.ndarray) -> np.ndarray:
    """0 in place of -inf: nothing minus nothing would be nan."""
    return np.where(np.isneginf(peak), 0, peak)
