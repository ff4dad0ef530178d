"""What stands beside attention in a Transformer block: matrix, layer norm, feed-forward (lesson 11).

Matrices have the shape (d_out, d_in) and are used as x W^T, as torch.nn.Linear keeps them.
"""

import numpy as np
from jaxtyping import Float


def linear_backward(
    x: Float[np.ndarray, "... d_in"],
    W: Float[np.ndarray, "d_out d_in"],
    d_output: Float[np.ndarray, "... d_out"],
) -> tuple[Float[np.ndarray, "... d_in"], Float[np.ndarray, "d_out d_in"]]:
    """Gradients (dx, dW) for x W^T: every row of x has used the same W, so their gradients for it add up.

    Source: Goodfellow, Bengio and Courville 2016, Deep Learning, section 6.5.6.

    >>> linear_backward(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]]), np.array([[10.0]]))
    (array([[30., 40.]]), array([[10., 20.]]))
    """
    rows, d_rows = x.reshape(-1, x.shape[-1]), d_output.reshape(-1, d_output.shape[-1])
    return d_output @ W, d_rows.T @ rows


def layer_norm(
    x: Float[np.ndarray, "... d"],
    gamma: Float[np.ndarray, " d"],
    beta: Float[np.ndarray, " d"],
    eps: float = 1e-5,
) -> Float[np.ndarray, "... d"]:
    """Each token brought to mean 0 and variance 1, then stretched and shifted: gamma * x_hat + beta.

    x_hat = (x - mean) / sqrt(variance + eps) over the last axis, with the variance that divides by d.
    Shapes: x (..., d), gamma and beta (d,). Raises ValueError where they do not fit.
    Source: Ba, Kiros and Hinton 2016, Layer Normalization, section 3.

    >>> layer_norm(np.array([[1.0, 3.0]]), np.array([2.0, 2.0]), np.array([0.0, 1.0]), eps=0.0)
    array([[-2.,  3.]])
    """
    if not gamma.shape == beta.shape == x.shape[-1:]:
        raise ValueError(f"gamma and beta must have shape {x.shape[-1:]}; got {gamma.shape} and {beta.shape}")
    x_hat, _ = _standardise(x, eps)
    return gamma * x_hat + beta


def layer_norm_backward(
    x: Float[np.ndarray, "... d"],
    gamma: Float[np.ndarray, " d"],
    d_output: Float[np.ndarray, "... d"],
    eps: float = 1e-5,
) -> tuple[Float[np.ndarray, "... d"], Float[np.ndarray, " d"], Float[np.ndarray, " d"]]:
    """Gradients (dx, d_gamma, d_beta) of `layer_norm`; beta itself is not needed.

    Neither a shift nor a stretch of x changes x_hat, so dx has no part along 1 and (but for eps) none along
    x_hat: dx = (d_x_hat - mean(d_x_hat) - x_hat mean(d_x_hat x_hat)) / sqrt(variance + eps).
    """
    x_hat, deviation = _standardise(x, eps)
    d_x_hat = gamma * d_output
    shift = d_x_hat.mean(axis=-1, keepdims=True)
    stretch = (d_x_hat * x_hat).mean(axis=-1, keepdims=True)
    dx = (d_x_hat - shift - x_hat * stretch) / deviation
    leading = tuple(range(x.ndim - 1))
    return dx, (d_output * x_hat).sum(axis=leading), d_output.sum(axis=leading)


def _standardise(x: np.ndarray, eps: float) -> tuple[np.ndarray, np.ndarray]:
    """x_hat (..., d) and sqrt(variance + eps) (..., 1)."""
    centred = x - x.mean(axis=-1, keepdims=True)
    deviation = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + eps)
    return centred / deviation, deviation


def feed_forward(
    x: Float[np.ndarray, "... d_model"],
    W_1: Float[np.ndarray, "d_hidden d_model"],
    b_1: Float[np.ndarray, " d_hidden"],
    W_2: Float[np.ndarray, "d_model d_hidden"],
    b_2: Float[np.ndarray, " d_model"],
) -> Float[np.ndarray, "... d_model"]:
    """The same two-layer network for each token: W_2 relu(W_1 x + b_1) + b_2.

    Shapes: x (..., d_model), W_1 (d_hidden, d_model), b_1 (d_hidden,), W_2 (d_model, d_hidden), b_2
    (d_model,). Raises ValueError where they do not fit. Source: Vaswani et al. 2017, equation 2.

    >>> W_1, W_2 = np.array([[1.0], [-1.0]]), np.array([[1.0, 5.0]])
    >>> feed_forward(np.array([[2.0]]), W_1, np.ones(2), W_2, np.zeros(1))
    array([[3.]])
    """
    d_model, d_hidden = x.shape[-1], len(b_1)
    if W_1.shape != (d_hidden, d_model) or W_2.shape != (len(b_2), d_hidden):
        raise ValueError(
            f"W_1 must be ({d_hidden}, {d_model}) and W_2 ({len(b_2)}, {d_hidden}) for x {x.shape}, "
            f"b_1 {b_1.shape}, b_2 {b_2.shape}; got W_1 {W_1.shape} and W_2 {W_2.shape}"
        )
    hidden = np.maximum(x @ W_1.T + b_1, 0)
    return hidden @ W_2.T + b_2


def feed_forward_backward(
    x: Float[np.ndarray, "... d_model"],
    W_1: Float[np.ndarray, "d_hidden d_model"],
    b_1: Float[np.ndarray, " d_hidden"],
    W_2: Float[np.ndarray, "d_model d_hidden"],
    d_output: Float[np.ndarray, "... d_model"],
) -> tuple[
    Float[np.ndarray, "... d_model"],
    Float[np.ndarray, "d_hidden d_model"],
    Float[np.ndarray, " d_hidden"],
    Float[np.ndarray, "d_model d_hidden"],
    Float[np.ndarray, " d_model"],
]:
    """Gradients (dx, dW_1, db_1, dW_2, db_2) of `feed_forward`; b_2 itself is not needed.

    relu lets a gradient through where its input was positive; at 0 it has none, as in torch.
    """
    hidden = np.maximum(x @ W_1.T + b_1, 0)
    d_hidden, dW_2 = linear_backward(hidden, W_2, d_output)
    d_hidden = d_hidden * (hidden > 0)
    dx, dW_1 = linear_backward(x, W_1, d_hidden)
    leading = tuple(range(x.ndim - 1))
    return dx, dW_1, d_hidden.sum(axis=leading), dW_2, d_output.sum(axis=leading)
