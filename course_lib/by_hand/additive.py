"""Additive attention: the score is a small network, not a dot product (lesson 07)."""

import numpy as np
from jaxtyping import Bool, Float

from course_lib.by_hand.layers import linear_backward
from course_lib.by_hand.masks import hide
from course_lib.by_hand.normalise import softmax, softmax_backward


def additive_attention(
    Q: Float[np.ndarray, "... n_q d_q"],
    K: Float[np.ndarray, "... n_k d_k"],
    V: Float[np.ndarray, "... n_k d_v"],
    Wq: Float[np.ndarray, "h d_q"],
    Wk: Float[np.ndarray, "h d_k"],
    v: Float[np.ndarray, " h"],
    mask: Bool[np.ndarray, "..."] | None = None,
) -> tuple[Float[np.ndarray, "... n_q d_v"], Float[np.ndarray, "... n_q n_k"]]:
    """Each query's weighted mean of the values, and the weights; score[i, j] = v . tanh(Wq q_i + Wk k_j).

    Shapes: Q (..., n_q, d_q), K (..., n_k, d_k), V (..., n_k, d_v), Wq (h, d_q), Wk (h, d_k), v (h,) ->
    output (..., n_q, d_v), weights (..., n_q, n_k). `mask` broadcasts to the weights; True means "may be
    attended"; a query that may attend nothing gets zeros. Raises ValueError where shapes do not fit.
    Source: Bahdanau, Cho and Bengio 2015, appendix A.1.2 (there W_a, U_a, v_a).

    >>> Q, K, V = np.zeros((1, 1)), np.array([[0.0], [9.0]]), np.array([[1.0], [4.0]])
    >>> additive_attention(Q, K, V, np.ones((1, 1)), np.ones((1, 1)), np.array([np.log(2)]))[0].round(4)
    array([[3.]])
    """
    h, d_q, d_k = len(v), Q.shape[-1], K.shape[-1]
    if Wq.shape != (h, d_q) or Wk.shape != (h, d_k):
        raise ValueError(f"Wq must be ({h}, {d_q}) and Wk ({h}, {d_k}); got Wq {Wq.shape} and Wk {Wk.shape}")
    if K.shape[-2] != V.shape[-2]:
        raise ValueError(f"K and V must hold one row per key; got K {K.shape} and V {V.shape}")
    scores = _hidden(Q, K, Wq, Wk) @ v
    if mask is not None:
        scores = hide(scores, mask)
    weights = softmax(scores)
    return weights @ V, weights


def additive_attention_backward(
    Q: Float[np.ndarray, "... n_q d_q"],
    K: Float[np.ndarray, "... n_k d_k"],
    V: Float[np.ndarray, "... n_k d_v"],
    Wq: Float[np.ndarray, "h d_q"],
    Wk: Float[np.ndarray, "h d_k"],
    v: Float[np.ndarray, " h"],
    d_output: Float[np.ndarray, "... n_q d_v"],
    mask: Bool[np.ndarray, "..."] | None = None,
) -> tuple[
    Float[np.ndarray, "... n_q d_q"],
    Float[np.ndarray, "... n_k d_k"],
    Float[np.ndarray, "... n_k d_v"],
    Float[np.ndarray, "h d_q"],
    Float[np.ndarray, "h d_k"],
    Float[np.ndarray, " h"],
]:
    """Gradients (dQ, dK, dV, dWq, dWk, dv) of a loss whose gradient for the output is `d_output`.

    Each has the shape of its array; the leading axes of Q, K and V must be equal. tanh' = 1 - tanh^2; the
    hidden layer of the pair (i, j) is a sum, so query i collects the gradients of its row and key j those of
    its column.
    """
    hidden = _hidden(Q, K, Wq, Wk)
    _, weights = additive_attention(Q, K, V, Wq, Wk, v, mask)
    d_weights = d_output @ np.swapaxes(V, -1, -2)
    d_scores = softmax_backward(d_weights, weights)[..., None]  # (..., n_q, n_k, 1)
    d_hidden = d_scores * v * (1 - hidden**2)  # (..., n_q, n_k, h)
    dQ, dWq = linear_backward(Q, Wq, d_hidden.sum(axis=-2))
    dK, dWk = linear_backward(K, Wk, d_hidden.sum(axis=-3))
    dV = np.swapaxes(weights, -1, -2) @ d_output
    dv = (d_scores * hidden).sum(axis=tuple(range(hidden.ndim - 1)))
    return dQ, dK, dV, dWq, dWk, dv


def _hidden(Q: np.ndarray, K: np.ndarray, Wq: np.ndarray, Wk: np.ndarray) -> np.ndarray:
    """tanh(Wq q_i + Wk k_j) for every pair, (..., n_q, n_k, h)."""
    return np.tanh((Q @ Wq.T)[..., :, None, :] + (K @ Wk.T)[..., None, :, :])
