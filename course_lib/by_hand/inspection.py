"""What one can read from attention maps, and what not (lesson 25)."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Shaped


def attention_rollout(A: Float[np.ndarray, "n_layers H n n"]) -> Float[np.ndarray, "n n"]:
    """How much of each input token reaches each position through all layers, if attention were all there is.

    A (n_layers, H, n, n) holds the weights, first layer first. A layer mixes 0.5 A + 0.5 I, with A the mean
    over heads and I the residual path; the layers multiply, R = A_last ... A_first, shape (n, n). Raises
    ValueError for another shape. Source: Abnar and Zuidema 2020, Quantifying Attention Flow, section 3.

    >>> attention_rollout(np.array([[[[1.0, 0.0], [1.0, 0.0]]]]))
    array([[1. , 0. ],
           [0.5, 0.5]])
    """
    if A.ndim != 4 or A.shape[2] != A.shape[3]:
        raise ValueError(f"A must have shape (n_layers, H, n, n); got {A.shape}")
    rollout = np.eye(A.shape[-1], dtype=A.dtype)
    for layer in A.mean(axis=1):
        rollout = (layer + np.eye(len(layer), dtype=A.dtype)) / 2 @ rollout
    return rollout


def prefix_matching_score(
    A: Float[np.ndarray, "H n n"], tokens: Shaped[np.ndarray, " n"] | Sequence
) -> Float[np.ndarray, " H"]:
    """How strongly each head looks from a repeated token to what FOLLOWED its previous occurrence, in [0, 1].

    A (H, n, n) holds the weights, tokens (n,) the text; the mean over all repeated tokens, shape (H,). One
    that stands right after its previous occurrence is left out: what followed is the token itself. Without
    any pair the score is 0. Raises ValueError where A and tokens do not fit.
    Source: Olsson et al. 2022, In-context Learning and Induction Heads, "prefix matching".

    >>> A = np.zeros((1, 4, 4))
    >>> A[0, 2, 1] = 0.9
    >>> prefix_matching_score(A, ["a", "b", "a", "c"])
    array([0.9])
    """
    tokens = np.asarray(tokens).tolist()
    if A.ndim != 3 or A.shape[1:] != (len(tokens), len(tokens)):
        raise ValueError(f"A must have shape (H, n, n) for n = {len(tokens)} tokens; got {A.shape}")
    last_seen, pairs = {}, []
    for position, token in enumerate(tokens):
        if token in last_seen and last_seen[token] + 1 != position:
            pairs.append((position, last_seen[token] + 1))
        last_seen[token] = position
    if not pairs:
        return np.zeros(len(A), A.dtype)
    rows, columns = zip(*pairs, strict=True)
    return A[:, rows, columns].mean(axis=1)
