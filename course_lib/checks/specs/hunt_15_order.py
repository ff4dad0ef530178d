"""Hunt 15_order: a sampler that cuts with top-p first and applies the temperature afterwards."""

import numpy as np

from course_lib.checks import Hunt


def broken(logits, temperature, top_p):
    kept = np.where(nucleus(spread(logits), top_p), logits, -np.inf)
    return spread(kept / temperature)


def right(logits, temperature, top_p):
    p = spread(logits / temperature)
    p = np.where(nucleus(p, top_p), p, 0)
    return p / p.sum()


def spread(scores):
    sizes = np.exp(scores - scores.max())
    return sizes / sizes.sum()


def nucleus(p, top_p):
    """The smallest set of the likeliest whose mass reaches top_p, as True and False."""
    order = np.argsort(-p, kind="stable")
    before = np.cumsum(p[order]) - p[order]
    keep = np.zeros(len(p), dtype=bool)
    keep[order[before < top_p - 1e-9]] = True
    return keep


HUNT = Hunt(
    id="15_order",
    contract=(
        "broken(logits, temperature, top_p) -> p should be next_token_distribution without top-k; logits and "
        "p (V,), temperature above 0, top_p in (0, 1]."
    ),
    arguments={"logits": ("V",), "temperature": (), "top_p": ()},
    outputs={"p": ("V",)},
    broken=broken,
    right=right,
    faults={
        "temperature_last": ("top-p cuts the distribution of temperature 1, then the temperature acts", ""),
        "temperature_multiplied": (
            "the logits are multiplied by the temperature",
            "Then top_p = 1 would show it at temperature 2.",
        ),
        "temperature_on_probabilities": (
            "the probabilities are divided by the temperature and scaled to sum 1",
            "Then the temperature would change nothing at all. With top_p = 1 it does.",
        ),
        "crossing_token_out": (
            "the token whose mass crosses top_p is left out",
            "Then temperature 1 would show it, with any top_p below 1 that cuts.",
        ),
        "not_scaled": (
            "what is left after the cut is not scaled to sum 1",
            "Then the sum would show it. Here it is 1.",
        ),
        "threshold": (
            "each token stays whose own probability is at least 1 - top_p",
            "Then temperature 1 would show it: of eight equal tokens, top_p = 0.5 would keep none.",
        ),
    },
    fault="temperature_last",
    explanation=(
        "At temperature 1 the order does not matter, and without a cut neither. A test that varies one "
        "setting at a time passes. With both, a high temperature keeps too few tokens, a low one too many."
    ),
    hints=[
        "Try temperature 1 with several top_p, then top_p = 1 with several temperatures. What is left?",
        "Vary both at once: a temperature of 2 or more, and a top_p that cuts. Count the tokens that stay.",
        "The number of tokens that stay does not change with the temperature. When was it decided?",
    ],
    example=(np.array([2.0, 1.0, 0.0, -1.0]), 2.0, 0.8),
    dull=(np.array([2.0, 1.0, 0.0, -1.0]), 1.0, 0.8),
)
