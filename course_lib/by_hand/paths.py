"""What is left of a signal after many steps of a recurrent network, and what a layer costs (lesson 06)."""

import numpy as np
from jaxtyping import Float


def signal_left(gate: float, hops: int) -> Float[np.ndarray, "hops+1"]:
    """What is left of a signal after 0, 1, ..., hops steps that keep the share `gate` of the state each.

    Entry k is gate^k, and at the same time the gradient dh_t / dh_s of states t - s = k steps apart.
    Raises ValueError where gate is not from 0 to 1 or hops is negative.
    Source: Hochreiter and Schmidhuber 1997, Long Short-Term Memory, section 3.1.

    >>> signal_left(0.5, 3)
    array([1.   , 0.5  , 0.25 , 0.125])
    """
    if not 0 <= gate <= 1 or hops < 0:
        raise ValueError(f"gate must be from 0 to 1 and hops at least 0; got gate {gate} and hops {hops}")
    return float(gate) ** np.arange(hops + 1)


def layer_costs(n: int, d: int) -> dict[str, tuple[int, int]]:
    """Cost of one layer over n tokens of d numbers: kind -> (steps one after another, operations).

    Operations are the leading term: a recurrent layer multiplies each state by a (d, d) matrix, n d^2;
    attention multiplies each query with each key, n^2 d.
    Source: Vaswani et al. 2017, Attention Is All You Need, table 1.

    >>> layer_costs(100, 512)
    {'recurrent': (100, 26214400), 'attention': (1, 5120000)}
    """
    if n < 1 or d < 1:
        raise ValueError(f"n and d must be at least 1; got n {n} and d {d}")
    return {"recurrent": (n, n * d**2), "attention": (1, n**2 * d)}
