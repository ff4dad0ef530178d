"""From scores to weights (lesson 02)."""

import numpy as np
from jaxtyping import Float, Shaped


def softmax(x: Shaped[np.ndarray, "..."], axis: int = -1) -> Float[np.ndarray, "..."]:
    """Positive weights that sum to 1 along `axis`; the shape stays.

    Subtracts the largest score of each row first, so that no exponential overflows. A score of -inf gets
    exactly 0; a row of nothing but -inf is all zeros. Integer input gives floats.
    Source: Bridle 1990; Goodfellow, Bengio and Courville 2016, Deep Learning, section 4.1 (overflow).

    >>> softmax(np.log([1.0, 2.0, 5.0]))
    array([0.125, 0.25 , 0.625])
    """
    x = np.asarray(x)
    if not np.issubdtype(x.dtype, np.floating):
        x = x.astype(float)
    peak = x.max(axis=axis, keepdims=True)
    exponentials = np.exp(x - np.where(np.isneginf(peak), 0, peak))
    total = exponentials.sum(axis=axis, keepdims=True)
    return exponentials / np.where(total == 0, 1, total)


def softmax_backward(
    d_weights: Float[np.ndarray, "..."], weights: Float[np.ndarray, "..."]
) -> Float[np.ndarray, "..."]:
    """Gradient of the loss for the scores, from that for the weights; last axis, all shapes equal.

    The Jacobian of one row is diag(p) - p p^T, so d_scores = p * (d_weights - sum(p * d_weights)).

    >>> softmax_backward(np.array([1.0, 0.0]), np.array([0.5, 0.5]))
    array([ 0.25, -0.25])
    """
    if np.shape(d_weights) != np.shape(weights):
        raise ValueError(
            f"d_weights and weights must have one shape; got {np.shape(d_weights)} and {np.shape(weights)}"
        )
    mean = (weights * d_weights).sum(axis=-1, keepdims=True)
    return weights * (d_weights - mean)


def log_sum_exp(x: Float[np.ndarray, "..."], axis: int = -1) -> Float[np.ndarray, "..."] | np.floating:
    """log(sum(exp(x))) along `axis`, which goes away; stable for scores of any size; -inf for a row of -inf.

    >>> round(float(log_sum_exp(np.array([1000.0, 1000.0]))), 4)
    1000.6931
    """
    x = np.asarray(x)
    peak = x.max(axis=axis, keepdims=True)
    peak = np.where(np.isneginf(peak), 0, peak)
    with np.errstate(divide="ignore"):
        logs = np.log(np.exp(x - peak).sum(axis=axis, keepdims=True))
    return (logs + peak).squeeze(axis)


def entropy(p: Float[np.ndarray, "..."], axis: int = -1) -> Float[np.ndarray, "..."] | np.floating:
    """Entropy of the distributions p along `axis`, in nats: 0 for a certain choice, log(n) for n equal ones.

    A probability of 0 adds nothing. Source: Shannon 1948, section 6.

    >>> round(float(entropy(np.array([0.5, 0.5]))), 4)
    0.6931
    """
    p = np.asarray(p)
    logs = np.log(p, out=np.zeros(p.shape, np.result_type(p, np.float32)), where=p > 0)
    return -(p * logs).sum(axis=axis) + 0.0  # a certain choice has 0, not -0
