"""Gradients by finite differences: the referee for every gradient derived by hand."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float


def finite_difference(
    f: Callable[[np.ndarray], float], x: Float[np.ndarray, "..."], step: float = 1e-5
) -> Float[np.ndarray, "..."]:
    """Gradient of the number f(x) for every entry of x, by central differences; shape of x, in float64.

    The error shrinks with step squared until rounding takes over (Press et al. 2007, Numerical Recipes, 5.7).
    """
    x = np.array(x, dtype=float)
    gradient = np.empty_like(x)
    for index in np.ndindex(x.shape):
        middle = x[index]
        x[index] = middle + step
        above = f(x)
        x[index] = middle - step
        below = f(x)
        x[index] = middle
        gradient[index] = (above - below) / (2 * step)
    return gradient
