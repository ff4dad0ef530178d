"""Which keys a query may see: padding and the future (lesson 04). True means "may be attended"."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from course_lib.by_hand.normalise import softmax


def causal_mask(n_q: int, n_k: int) -> Bool[np.ndarray, "n_q n_k"]:
    """True where a key is not later than its query, shape (n_q, n_k); the queries are the LAST n_q positions.

    Source: Vaswani et al. 2017, section 3.2.3.

    >>> causal_mask(2, 3)
    array([[ True,  True, False],
           [ True,  True,  True]])
    """
    position_of_query = np.arange(n_q)[:, None] + n_k - n_q
    return np.arange(n_k) <= position_of_query


def padding_mask(lengths: Int[np.ndarray, " B"] | Sequence[int], n: int) -> Bool[np.ndarray, "B n"]:
    """True at the real tokens of B sentences that were padded at the end to n tokens: `keep`, shape (B, n).

    Raises ValueError where a length is negative or larger than n.

    >>> padding_mask([2, 3], 3)
    array([[ True,  True, False],
           [ True,  True,  True]])
    """
    lengths = np.asarray(lengths)
    if np.any(lengths < 0) or np.any(lengths > n):
        raise ValueError(f"lengths must lie between 0 and n = {n}; got {lengths.tolist()}")
    return np.arange(n) < lengths[:, None]


def hide(
    scores: Float[np.ndarray, "... n_q n_k"], mask: Bool[np.ndarray, "..."]
) -> Float[np.ndarray, "... n_q n_k"]:
    """The scores, with -inf where the mask is False, so that softmax gives exactly 0 there.

    `mask` broadcasts to the scores, (..., n_q, n_k). Raises ValueError where it is not boolean or does not
    fit: an additive mask of 0 and -inf, or one of the opposite meaning in integers, would be read wrongly.
    """
    mask = np.asarray(mask)
    if mask.dtype != bool:
        raise ValueError(f"mask must be boolean, True for 'may be attended'; got dtype {mask.dtype}")
    sizes = zip(reversed(mask.shape), reversed(scores.shape), strict=False)
    if mask.ndim > scores.ndim or any(size not in (1, expected) for size, expected in sizes):
        raise ValueError(f"mask must broadcast to the scores {scores.shape}; got mask {mask.shape}")
    return np.where(mask, scores, -np.inf)


def masked_softmax(
    scores: Float[np.ndarray, "... n_q n_k"], key_keep: Bool[np.ndarray, "... n_k"], causal: bool
) -> Float[np.ndarray, "... n_q n_k"]:
    """Weights over the keys that are real and, if `causal`, not later than the query.

    Shapes: scores (B, n_q, n_k), key_keep (B, n_k) with True at real tokens -> weights (B, n_q, n_k); the
    queries are the last n_q positions. A query that may attend nothing gets an all-zero row. The mask comes
    before softmax: after it, rows would not sum to 1. The backward pass is `softmax_backward`, which gives
    a hidden score the gradient 0 because its weight is 0. Source: Vaswani et al. 2017, section 3.2.3.

    >>> masked_softmax(np.zeros((1, 2, 3)), np.array([[False, True, True]]), causal=True)
    array([[[0. , 1. , 0. ],
            [0. , 0.5, 0.5]]])
    """
    mask = np.asarray(key_keep)[..., None, :]
    if causal:
        mask = mask & causal_mask(*scores.shape[-2:])
    return softmax(hide(scores, mask))
