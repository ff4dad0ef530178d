"""Telling attention where a token stands: sinusoids and rotary positions (lesson 09)."""

import numpy as np
from jaxtyping import Float


def sinusoidal_positions(n: int, d: int, start: int = 0, base: float = 10000.0) -> Float[np.ndarray, "n d"]:
    """Sines and cosines of falling frequency for positions start ... start + n - 1, shape (n, d).

    PE[p, 2i] = sin(p / base^(2i/d)), PE[p, 2i+1] = cos of the same angle. Raises ValueError where d is odd.
    Source: Vaswani et al. 2017, section 3.5.

    >>> sinusoidal_positions(2, 2).round(3)
    array([[0.   , 1.   ],
           [0.841, 0.54 ]])
    """
    angles = _angles(n, d, start, base)
    positions = np.empty((n, d))
    positions[:, 0::2] = np.sin(angles)
    positions[:, 1::2] = np.cos(angles)
    return positions


def rotate(
    x: Float[np.ndarray, "... n d_head"], start: int = 0, base: float = 10000.0
) -> Float[np.ndarray, "... n d_head"]:
    """Rotary positions: the pair (2i, 2i+1) of position p is turned by the angle p / base^(2i/d_head).

    Used on queries and keys, it makes their dot product depend on the distance of their positions alone.
    The first token of x (..., n, d_head) has position `start`. Raises ValueError where d_head is odd.
    Source: Su et al. 2021, RoFormer, equation 34.

    >>> rotate(np.array([[1.0, 0.0], [1.0, 0.0]])).round(3)
    array([[1.   , 0.   ],
           [0.54 , 0.841]])
    """
    return _turn(x, _angles(*x.shape[-2:], start, base))


def rotate_backward(
    d_output: Float[np.ndarray, "... n d_head"], start: int = 0, base: float = 10000.0
) -> Float[np.ndarray, "... n d_head"]:
    """Gradient for x of `rotate`: the transpose of a rotation is the rotation the other way."""
    return _turn(d_output, -_angles(*d_output.shape[-2:], start, base))


def _angles(n: int, d: int, start: int, base: float) -> np.ndarray:
    """Position / base^(2i/d) in radians, (n, d / 2)."""
    if d % 2:
        raise ValueError(f"d must be even, as positions live in pairs; got d = {d}")
    frequencies = base ** (-np.arange(0, d, 2) / d)
    return np.arange(start, start + n)[:, None] * frequencies


def _turn(x: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Adjacent pairs of x (..., n, d) turned by angles (n, d / 2), in the precision of x."""
    cos, sin = np.cos(angles).astype(x.dtype), np.sin(angles).astype(x.dtype)
    even, odd = x[..., 0::2], x[..., 1::2]
    return np.stack([even * cos - odd * sin, even * sin + odd * cos], axis=-1).reshape(x.shape)
