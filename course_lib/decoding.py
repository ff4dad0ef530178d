"""From probabilities to tokens: sampling, greedy and beam search (lessons 15, 17, 18).

The models are anything with the methods that are called here; nothing of the library is imported.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn


def next_token_distribution(
    logits: Float[Tensor, "*batch n_vocab"],
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float = 0.0,
) -> Float[Tensor, "*batch n_vocab"]:
    """The probabilities (..., n_vocab) to draw the next token from, given logits (..., n_vocab).

    In this order: logits / temperature; the `top_k` most likely tokens; the fewest most likely ones whose
    mass reaches `top_p`; those at least `min_p` times as likely as the likeliest. What is left is scaled to
    sum 1. Of equally likely tokens the lower index counts as likelier. Temperature 0 takes the likeliest.
    Raises ValueError for arguments out of range and for logits without a finite maximum.
    Source: top-k: Fan, Lewis and Dauphin 2018; top-p: Holtzman et al. 2020; min-p: Nguyen et al. 2024.

    >>> next_token_distribution(torch.tensor([1.0, 3.0, 1.0]).log(), top_k=2)
    tensor([0.2500, 0.7500, 0.0000])
    """
    _check_sampling(temperature, top_k, top_p, min_p)
    scores = logits.to(torch.promote_types(logits.dtype, torch.float32))  # bfloat16 cannot sum many tokens
    highest = scores.amax(dim=-1, keepdim=True)
    if not highest.isfinite().all():
        raise ValueError("logits must have a finite maximum in every row; one has none, or nan, or infinity")
    if temperature == 0:
        return F.one_hot(scores.argmax(dim=-1), scores.shape[-1]).to(logits.dtype)
    p = ((scores - highest) / temperature).softmax(dim=-1)
    if top_k is not None or top_p is not None:
        p = _most_likely(p, scores, top_k, top_p)
    p = p.masked_fill(p < min_p * p.amax(dim=-1, keepdim=True), 0)
    return (p / p.sum(dim=-1, keepdim=True)).to(logits.dtype)


def _most_likely(p: Tensor, scores: Tensor, top_k: int | None, top_p: float | None) -> Tensor:
    """The probabilities of the `top_k` most likely tokens, then of the fewest whose mass reaches `top_p`."""
    order = scores.argsort(dim=-1, descending=True, stable=True)  # of p, high temperatures would make ties
    p = p.gather(-1, order)
    if top_k is not None:
        p[..., top_k:] = 0
    if top_p is not None and top_p < 1:  # 1 keeps all, however the sum is rounded
        p = p / p.sum(dim=-1, keepdim=True)
        mass_before = F.pad(p.cumsum(dim=-1)[..., :-1], (1, 0))
        p = p.masked_fill(mass_before >= top_p, 0)
    return torch.zeros_like(p).scatter(-1, order, p)


def _check_sampling(temperature: float, top_k: int | None, top_p: float | None, min_p: float) -> None:
    if not 0 <= temperature < float("inf"):
        raise ValueError(f"temperature must be 0 or a positive number; got {temperature}")
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k must be at least 1; got {top_k}")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"top_p must be above 0 and at most 1; got {top_p}")
    if not 0 <= min_p <= 1:
        raise ValueError(f"min_p must be from 0 to 1; got {min_p}")


@torch.no_grad()
def generate(
    model: nn.Module,
    ids: Int[Tensor, "B n"],
    n_new: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float = 0.0,
    generator: torch.Generator | None = None,
    cached: bool = True,
) -> Int[Tensor, "B n_all"]:
    """ids (B, n) and `n_new` tokens after them, each drawn from `next_token_distribution`: (B, n + n_new).

    `model(ids, caches)` gives logits (B, n, n_vocab), as GPT does. It reads at most `model.max_n` tokens:
    of longer ids the last max_n, and whenever those are full, it starts afresh from the last max_n // 2
    (with a cache and without it alike). Dropout is off. Raises ValueError for n_new below 0.
    """
    if n_new < 0:
        raise ValueError(f"n_new must be at least 0; got {n_new}")
    start = max(0, ids.shape[1] - model.max_n)
    caches = model.new_caches() if cached else None
    with _evaluating(model):
        for _ in range(n_new):
            if ids.shape[1] - start > model.max_n:
                start = ids.shape[1] - max(1, model.max_n // 2)
                caches = model.new_caches() if cached else None
            unread = start + (len(caches[0]) if cached else 0)
            logits = model(ids[:, unread:], caches)[:, -1]
            p = next_token_distribution(logits, temperature, top_k, top_p, min_p)
            ids = torch.cat([ids, torch.multinomial(p, 1, generator=generator).to(ids.dtype)], dim=1)
    return ids


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Dropout off, and afterwards each module in the mode in which it was."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


def beam_search(
    logp: Callable[[tuple[int, ...]], Mapping[int, float]],
    bos: int,
    eos: int,
    beam: int,
    max_len: int,
    alpha: float,
) -> tuple[list[int], float]:
    """The best sequence that a beam of `beam` prefixes finds, and its score: log-probability / length**alpha.

    `logp` takes a prefix (bos first) and gives each possible next token its log-probability. A prefix that
    ends in `eos` is finished and leaves the beam; at most `max_len` tokens are made, and prefixes cut there
    compete as they are. Length and tokens count eos and not bos. Of equals the earlier candidate wins.
    Raises ValueError for a beam or max_len below 1, and when `logp` offers nothing to choose from.
    Source: Graves 2012 (beam search); length as in Wu et al. 2016, section 7, without the 5.
    """
    _check_beam(beam, max_len)
    live, finished = [((), 0.0)], []
    for _ in range(max_len):
        longer = [
            ((*tokens, token), total + more)
            for tokens, total in live
            for token, more in logp((bos, *tokens)).items()
        ]
        best = sorted(longer, key=lambda candidate: candidate[1], reverse=True)[:beam]  # equals keep order
        finished += [candidate for candidate in best if candidate[0][-1] == eos]
        live = [candidate for candidate in best if candidate[0][-1] != eos]
    if not finished + live:
        raise ValueError("logp must offer at least one token after some prefix of every length; it gave none")
    scored = [(tokens, total / len(tokens) ** alpha) for tokens, total in finished + live]
    tokens, score = max(scored, key=lambda candidate: candidate[1])
    return list(tokens), score


def _check_beam(beam: int, longest: int) -> None:
    if beam < 1:
        raise ValueError(f"beam must be at least 1; got {beam}")
    if longest < 1:
        raise ValueError(f"the longest output must have at least 1 token; got {longest}")


@torch.no_grad()
def translate(
    model: nn.Module,
    source: Tensor,
    keep: Bool[Tensor, "B n"] | None,
    bos: int,
    eos: int,
    max_n: int,
    beam: int = 1,
    alpha: float = 0.6,
) -> list[list[int]]:
    """What the model writes for each row of `source` (B, ...), as lists of ids without `bos` and `eos`.

    Beam search as in `beam_search`, for all rows at once and with caches; beam 1 is greedy. `model` has
    encode(source, keep), decode(ids, memory, keep, caches) -> logits, and new_caches(). At most `max_n`
    tokens are made, eos included. Raises ValueError for an empty batch and arguments out of range.
    """
    _check_beam(beam, max_n)
    if len(source) == 0:
        raise ValueError("source must hold at least one row; got an empty batch")
    with _evaluating(model):
        rows = torch.arange(len(source), device=source.device).repeat_interleave(beam)
        memory, caches = model.encode(source, keep)[rows], model.new_caches()
        keep = None if keep is None else keep[rows]
        beams = _Beams(len(source), beam, eos, max_n, alpha, source.device)
        last = torch.full_like(rows, bos)
        while not beams.done():
            logits = model.decode(last[:, None], memory, keep, caches)[:, -1]
            last, parents = beams.extend(logits)
            if beam > 1:
                for cache in caches:
                    cache.select(parents)
    return beams.best()


def _largest(x: Tensor, k: int) -> Tensor:
    """Where the k largest of each row stand, (B, k), largest first; of equals the first, unlike topk."""
    places = []
    for _ in range(k):
        places.append(x.argmax(dim=-1, keepdim=True))
        x = x.scatter(-1, places[-1], -torch.inf)
    return torch.cat(places, dim=-1)


class _Beams:
    """The prefixes of a batched beam search: places (B, beam), and the best finished one of each row."""

    def __init__(self, B: int, beam: int, eos: int, max_n: int, alpha: float, device: torch.device) -> None:
        if alpha < 0:
            raise ValueError(f"alpha must be at least 0; got {alpha}")
        self.eos, self.max_n, self.alpha = eos, max_n, alpha
        self.tokens = torch.empty(B, beam, 0, dtype=torch.long, device=device)
        self.sums = torch.full((B, beam), -torch.inf, device=device)  # -inf: nobody stands at this place
        self.sums[:, 0] = 0
        self.score, self.chosen = torch.full((B,), -torch.inf, device=device), [[] for _ in range(B)]

    def extend(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """One token more for each: its id and the row that it continues, both (B * beam,)."""
        B, beam = self.sums.shape
        logp = logits.to(torch.promote_types(logits.dtype, torch.float32)).log_softmax(dim=-1)
        totals = (self.sums.flatten()[:, None] + logp).view(B, -1)  # (B, beam * n_vocab)
        places = _largest(totals, beam)
        parent, token = places // logp.shape[-1], places % logp.shape[-1]
        kept = self.tokens.gather(1, parent[..., None].expand_as(self.tokens))
        self.tokens, self.sums = torch.cat([kept, token[..., None]], dim=-1), totals.gather(1, places)
        ended = token == self.eos
        self._keep_best(ended)
        self.sums = self.sums.masked_fill(ended, -torch.inf)
        return token.flatten(), (torch.arange(B, device=parent.device)[:, None] * beam + parent).flatten()

    def _keep_best(self, ended: Tensor) -> None:
        """Remember the best of the prefixes that `ended` (B, beam) where it beats what was there."""
        scores = self.sums / self.tokens.shape[-1] ** self.alpha
        score, place = scores.masked_fill(~ended, -torch.inf).max(dim=-1)
        for row in (score > self.score).nonzero().flatten().tolist():
            self.chosen[row] = self.tokens[row, place[row]].tolist()
        self.score = torch.maximum(self.score, score)

    def done(self) -> bool:
        """Whether max_n is reached, or no prefix could win even if its sum stayed as it is up to max_n."""
        hope = self.sums.amax(dim=-1) / self.max_n**self.alpha
        return self.tokens.shape[-1] == self.max_n or bool((hope <= self.score).all())

    def best(self) -> list[list[int]]:
        """The best tokens of each row without eos; prefixes cut at max_n compete as they are."""
        self._keep_best(self.sums > -torch.inf)
        return [tokens[:-1] if tokens[-1:] == [self.eos] else tokens for tokens in self.chosen]
