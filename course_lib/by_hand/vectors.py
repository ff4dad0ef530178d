"""Dot products and what they measure (lesson 01)."""

import numpy as np
from jaxtyping import Float, Int, Real


def similarity(
    q: Real[np.ndarray, " d"], K: Real[np.ndarray, "n d"]
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Compare one query with every key: dot products and cosines.

    q has shape (d,), K (n, d); both results have shape (n,). Cosines lie in [-1, 1]; a zero vector has
    cosine 0 with everything. Raises ValueError where the sizes do not fit.
    Source: Manning, Raghavan and Schütze 2008, Introduction to Information Retrieval, section 6.3.

    >>> similarity(np.array([3.0, 4.0]), np.array([[3.0, 4.0], [0.0, 2.0]]))
    (array([25.,  8.]), array([1. , 0.8]))
    """
    q, K = np.asarray(q), np.asarray(K)
    if q.ndim != 1 or K.ndim != 2 or K.shape[1] != q.shape[0]:
        raise ValueError(f"q must have shape (d,) and K (n, d); got q {q.shape} and K {K.shape}")
    dot = K @ q
    lengths = np.linalg.norm(K, axis=1) * np.linalg.norm(q)
    cos = np.divide(dot, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    return dot, cos


def projection(a: Real[np.ndarray, " d"], b: Real[np.ndarray, " d"]) -> Float[np.ndarray, " d"]:
    """The part of a that lies along b, a vector of shape (d,): (a . b / b . b) b; zeros where b is zero.

    Source: Strang 2016, Introduction to Linear Algebra, section 4.2.

    >>> projection(np.array([2.0, 1.0]), np.array([4.0, 0.0]))
    array([2., 0.])
    """
    a, b = np.asarray(a), np.asarray(b)
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(f"a and b must both have shape (d,); got a {a.shape} and b {b.shape}")
    squared_length = b @ b
    if squared_length == 0:
        return np.zeros_like(b, dtype=np.result_type(a, b, np.float32))
    return (a @ b) / squared_length * b


def nearest(q: Real[np.ndarray, " d"], K: Real[np.ndarray, "n d"], k: int) -> Int[np.ndarray, " k"]:
    """Indices (k,) of the k rows of K (n, d) with the largest cosine to q (d,), best first.

    Ties go to the lower index. Raises ValueError unless 1 <= k <= n.
    """
    n = len(K)
    if not 1 <= k <= n:
        raise ValueError(f"k must be between 1 and the number of keys n = {n}; got k = {k}")
    _, cos = similarity(q, K)
    return np.argsort(-cos, kind="stable")[:k]
