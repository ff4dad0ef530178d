"""From scores to tokens: what is drawn from, and what a beam search keeps (lessons 15, 17, 18)."""

from collections.abc import Callable, Hashable, Mapping

import numpy as np
from jaxtyping import Float

Tokens = tuple[Hashable, ...]
ROUNDING = 1e-9  # a mass that reaches top_p up to rounding reaches it


def next_token_distribution(
    logits: Float[np.ndarray, " n_vocab"],
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> Float[np.ndarray, " n_vocab"]:
    """The probabilities (n_vocab,) to draw the next token from, given logits (n_vocab,).

    In this order: logits / temperature; the `top_k` most likely tokens; the fewest most likely ones whose
    mass reaches `top_p`. What is left is scaled to sum 1. Of equally likely tokens the lower index counts as
    likelier. Temperature 0 takes the likeliest. Raises ValueError for arguments out of range.
    Source: top-k: Fan, Lewis and Dauphin 2018; top-p: Holtzman et al. 2020.

    >>> next_token_distribution(np.log([1.0, 3.0, 1.0]), top_k=2)
    array([0.25, 0.75, 0.  ])
    """
    _check(temperature, top_k, top_p)
    logits = np.asarray(logits, dtype=float)
    order = np.argsort(-logits, kind="stable")
    if not np.isfinite(logits[order[0]]):
        raise ValueError(f"logits must have a finite maximum; it is {logits[order[0]]}")
    if temperature == 0:
        return np.eye(len(logits))[order[0]]
    p = np.exp((logits[order] - logits[order[0]]) / temperature)
    if top_k is not None:
        p[top_k:] = 0
    p /= p.sum()
    if top_p is not None and top_p < 1:  # 1 keeps all, however the sum is rounded
        mass_before = np.concatenate([[0.0], np.cumsum(p)[:-1]])
        p[mass_before >= top_p - ROUNDING] = 0
        p /= p.sum()
    drawn_from = np.empty_like(p)
    drawn_from[order] = p
    return drawn_from


def _check(temperature: float, top_k: int | None, top_p: float | None) -> None:
    if not 0 <= temperature < float("inf"):
        raise ValueError(f"temperature must be 0 or a positive number; got {temperature}")
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k must be at least 1; got {top_k}")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"top_p must be above 0 and at most 1; got {top_p}")


def uniform_draws(seed: int, n: int) -> Float[np.ndarray, " n"]:
    """n numbers from 0 to 1 (1 left out) that look random; the same for a seed on every machine.

    Number i is a hash of seed and i: the last steps of MurmurHash3 on 32 bits (Appleby 2011).
    """
    x = np.arange(1, n + 1, dtype=np.uint64) * 0x9E3779B9 + np.uint64(seed % 2**32) * 0x7FEB352D
    x &= 0xFFFFFFFF
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        x = ((x ^ (x >> shift)) * factor) & 0xFFFFFFFF
    return (x ^ (x >> 16)) / 2**32


def draw_tokens(p: Float[np.ndarray, " n_vocab"], u: Float[np.ndarray, " n"]) -> np.ndarray:
    """Indices (n,): for each u from 0 to 1 the first token at which the running sum of p is above u.

    p (n_vocab,) may sum to something other than 1: then u counts parts of its sum.

    >>> draw_tokens(np.array([0.25, 0.0, 0.75]), np.array([0.1, 0.25, 0.9]))
    array([0, 2, 2])
    """
    edges = np.cumsum(p)
    last = np.flatnonzero(p)[-1]
    return np.minimum(np.searchsorted(edges, u * edges[-1], side="right"), last)


def beam_steps(
    logp: Callable[[Tokens], Mapping[Hashable, float]], bos: Hashable, eos: Hashable, beam: int, max_len: int
) -> list[list[tuple[Tokens, float, bool]]]:
    """All that a beam search looks at: per step, best first, (tokens without bos, log-probability, kept?).

    `logp` takes a prefix (bos first) and gives each possible next token its log-probability. Of equals the
    earlier candidate wins. What ends in `eos` is finished and gets no longer.
    """
    if beam < 1 or max_len < 1:
        raise ValueError(f"beam and max_len must be at least 1; got {beam} and {max_len}")
    live: list[tuple[Tokens, float]] = [((), 0.0)]
    steps = []
    for _ in range(max_len):
        longer = [
            ((*tokens, token), total + more)
            for tokens, total in live
            for token, more in logp((bos, *tokens)).items()
        ]
        longer.sort(key=lambda candidate: candidate[1], reverse=True)  # equals keep their order
        if not longer:
            break
        steps.append([(*candidate, i < beam) for i, candidate in enumerate(longer)])
        live = [candidate for candidate in longer[:beam] if candidate[0][-1] != eos]
    return steps


def beam_search(
    logp: Callable[[Tokens], Mapping[Hashable, float]],
    bos: Hashable,
    eos: Hashable,
    beam: int,
    max_len: int,
    alpha: float,
) -> tuple[list[Hashable], float]:
    """The best sequence that a beam of `beam` prefixes finds, and its score: log-probability / length**alpha.

    Arguments as in `beam_steps`; what is cut at `max_len` tokens competes as it is. Length and tokens count
    eos and not bos. Raises ValueError when `logp` offers nothing to choose from.
    Source: Graves 2012 (beam search); length as in Wu et al. 2016, section 7, without the 5.

    >>> beam_search(lambda prefix: {"a": -0.5, ".": -1.0}, "", ".", beam=2, max_len=2, alpha=0)
    (['.'], -1.0)
    """
    steps = beam_steps(logp, bos, eos, beam, max_len)
    kept = [(tokens, total) for step in steps for tokens, total, stays in step if stays]
    finished = [candidate for candidate in kept if candidate[0][-1] == eos]
    cut = [(tokens, total) for tokens, total in kept if tokens[-1] != eos and len(tokens) == max_len]
    ended = [(tokens, total / len(tokens) ** alpha) for tokens, total in finished + cut]
    if not ended:
        raise ValueError("logp must offer at least one token after some prefix of every length; it gave none")
    tokens, score = max(ended, key=lambda candidate: candidate[1])
    return list(tokens), score
