"""Scaled dot-product attention (lesson 03; its gradients are derived in lesson 05)."""

import numpy as np
from jaxtyping import Bool, Float

from course_lib.by_hand.masks import hide
from course_lib.by_hand.normalise import softmax, softmax_backward


def attention_scores(
    Q: Float[np.ndarray, "... n_q d"], K: Float[np.ndarray, "... n_k d"], scale: float | None = None
) -> Float[np.ndarray, "... n_q n_k"]:
    """Scaled dot products of every query with every key: Q K^T * scale, shape (..., n_q, n_k).

    Q has shape (..., n_q, d), K (..., n_k, d). `scale` None means 1 / sqrt(d), which keeps scores of
    unit-variance vectors at variance 1 (Vaswani et al. 2017, section 3.2.1, footnote 4).
    Raises ValueError where queries and keys differ in d.
    """
    if Q.shape[-1] != K.shape[-1]:
        raise ValueError(f"Q and K must agree in their last axis d; got Q {Q.shape} and K {K.shape}")
    scale = Q.shape[-1] ** -0.5 if scale is None else scale
    return Q @ np.swapaxes(K, -1, -2) * scale


def scaled_dot_product_attention(
    Q: Float[np.ndarray, "... n_q d"],
    K: Float[np.ndarray, "... n_k d"],
    V: Float[np.ndarray, "... n_k d_v"],
    mask: Bool[np.ndarray, "..."] | None = None,
    scale: float | None = None,
) -> tuple[Float[np.ndarray, "... n_q d_v"], Float[np.ndarray, "... n_q n_k"]]:
    """Each query's weighted mean of the values: softmax(Q K^T / sqrt(d)) V, and the weights.

    Shapes: Q (..., n_q, d), K (..., n_k, d), V (..., n_k, d_v) -> output (..., n_q, d_v), weights
    (..., n_q, n_k). `mask` broadcasts to the weights; True means "may be attended"; a query that may attend
    nothing gets an all-zero row. Raises ValueError where shapes do not fit.
    Source: Vaswani et al. 2017, Attention Is All You Need, equation 1.

    >>> Q, K, V = np.zeros((1, 2)), np.ones((2, 2)), np.array([[0.0], [4.0]])
    >>> scaled_dot_product_attention(Q, K, V)
    (array([[2.]]), array([[0.5, 0.5]]))
    """
    if K.shape[-2] != V.shape[-2]:
        raise ValueError(f"K and V must hold one row per key; got K {K.shape} and V {V.shape}")
    scores = attention_scores(Q, K, scale)
    if mask is not None:
        scores = hide(scores, mask)
    weights = softmax(scores)
    return weights @ V, weights


def scaled_dot_product_attention_backward(
    Q: Float[np.ndarray, "... n_q d"],
    K: Float[np.ndarray, "... n_k d"],
    V: Float[np.ndarray, "... n_k d_v"],
    d_output: Float[np.ndarray, "... n_q d_v"],
    mask: Bool[np.ndarray, "..."] | None = None,
    scale: float | None = None,
) -> tuple[Float[np.ndarray, "... n_q d"], Float[np.ndarray, "... n_k d"], Float[np.ndarray, "... n_k d_v"]]:
    """Gradients (dQ, dK, dV) of a loss whose gradient for the attention's output is `d_output`.

    Arguments and shapes as in `scaled_dot_product_attention`; each gradient has the shape of its array.
    """
    scale = Q.shape[-1] ** -0.5 if scale is None else scale
    _, weights = scaled_dot_product_attention(Q, K, V, mask, scale)
    d_weights = d_output @ np.swapaxes(V, -1, -2)
    d_scores = softmax_backward(d_weights, weights) * scale
    dQ = d_scores @ K
    dK = np.swapaxes(d_scores, -1, -2) @ Q
    dV = np.swapaxes(weights, -1, -2) @ d_output
    return dQ, dK, dV
