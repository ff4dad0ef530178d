"""Every family of explorers that the tests must see: its factory, and random arguments for it."""

import numpy as np

from course_lib import explorers


def dot_product_arguments(rng):
    query, key = rng.uniform(-3, 3, (2, 2)).round(1).tolist()
    return {"query": query, "key": key}


def softmax_arguments(rng):
    n = int(rng.integers(3, 9))
    return {
        "scores": rng.uniform(-10, 10, n).round(1).tolist(),
        "temperature": round(float(rng.uniform(0.1, 10)), 2),
        "shift": round(float(rng.uniform(-10, 10)), 1),
        "chosen": int(rng.integers(n)),
    }


def attention_arguments(rng):
    """Planes in half of the cases, maps of more tokens or dimensions in the others."""
    n = int(rng.integers(1, 11)) if rng.random() < 0.5 else int(rng.integers(11, 17))
    n_heads, d_head = int(rng.integers(1, 4)), int(rng.choice([2, 2, 3, 16]))
    tied = np.tile([1.0, 0.0], (n_heads, n, 1)) * np.where(np.arange(n) == n - 1, -1, 1)[:, None]
    return {
        "text_or_tokens": rng.choice(["the", "cat", "it", "sat", "on", "a", "mat"], n).tolist(),
        "d_head": d_head,
        "n_heads": n_heads,
        "keys": tied if d_head == 2 and rng.random() < 0.3 else None,  # the first of equal weights is named
        "seed": int(rng.integers(1000)),
        "temperature": round(float(rng.uniform(0.1, 10)), 2),
        "scaled": bool(rng.integers(2)),
        "causal": bool(rng.integers(2)),
        "query": int(rng.integers(n)),
        "head": int(rng.integers(n_heads)),
    }


def sqrt_d_arguments(rng):
    return {"d": 2 ** int(rng.integers(11)), "scaled": bool(rng.integers(2)), "seed": int(rng.integers(20))}


# One line per family: factory, random arguments.
FAMILIES = {
    "attention": (explorers.attention_explorer, attention_arguments),
    "dot_product": (explorers.dot_product_explorer, dot_product_arguments),
    "softmax": (explorers.softmax_explorer, softmax_arguments),
    "sqrt_d": (explorers.sqrt_d_explorer, sqrt_d_arguments),
}
