"""Where a token stands: sinusoidal, learned, relative, rotary, ALiBi (lesson 09)."""

from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor, nn


def sinusoidal_positions(
    n: int,
    d: int,
    start: int = 0,
    dtype: torch.dtype | None = None,
    device: torch.device | str | None = None,
) -> Float[Tensor, "{n} {d}"]:
    """Positions start ... start + n - 1 as waves of d / 2 wavelengths, shape (n, d), d even.

    PE[p, 2i] = sin(p / 10000^(2i/d)), PE[p, 2i+1] = cos of the same angle. Raises ValueError for odd d.
    Source: Vaswani et al. 2017, section 3.5.
    """
    angles = _angles(n, d, start, device)
    waves = torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)
    return waves.to(torch.get_default_dtype() if dtype is None else dtype)


def _angles(n: int, d: int, start: int, device: torch.device | str | None) -> Float[Tensor, "n pairs"]:
    """p / 10000^(2i/d) for every position p and pair i, in float64: float32 loses digits at large p."""
    if d % 2:
        raise ValueError(f"d must be even, positions come in pairs of sine and cosine; got d {d}")
    p = torch.arange(start, start + n, dtype=torch.float64, device=device)
    pairs = torch.arange(0, d, 2, dtype=torch.float64, device=device)
    return torch.outer(p, 10000.0 ** (-pairs / d))


def rotate(x: Float[Tensor, "*batch n d_head"], start: int = 0) -> Float[Tensor, "*batch n d_head"]:
    """Turn each pair of features (2i, 2i+1) of position p by the angle p / 10000^(2i/d_head).

    x (..., n, d_head) holds queries or keys at positions start ... start + n - 1. The dot product of a turned
    query and a turned key depends on how far apart they are, not on where they stand.
    Source: Su et al. 2021, RoFormer, section 3.2.
    """
    cos, sin = _turns(x.shape[-2], x.shape[-1], start, x.dtype, x.device)
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1).flatten(-2)


@lru_cache(maxsize=256)
@torch.inference_mode(False)
def _turns(
    n: int, d: int, start: int, dtype: torch.dtype, device: torch.device
) -> tuple[Float[Tensor, "n pairs"], Float[Tensor, "n pairs"]]:
    """Cosine and sine of every angle, kept: each layer asks for the same ones, for queries and for keys."""
    angles = _angles(n, d, start, device)
    return angles.cos().to(dtype), angles.sin().to(dtype)


def alibi_slopes(n_heads: int) -> Float[Tensor, "{n_heads}"]:
    """Head h = 1 ... n_heads forgets with slope 2^(-8h/n_heads), shape (n_heads,).

    The formula is used for every n_heads; the published code interpolates where it is no power of 2.
    Source: Press, Smith and Lewis 2022, section 3.
    """
    return 2.0 ** (-8 * torch.arange(1, n_heads + 1, dtype=torch.get_default_dtype()) / n_heads)


def alibi_bias(
    n_heads: int, n_q: int, n_k: int, device: torch.device | str | None = None
) -> Float[Tensor, "{n_heads} {n_q} {n_k}"]:
    """What ALiBi adds to the scores, (n_heads, n_q, n_k): -slope * distance, -inf for keys after the query.

    The queries are the last n_q of the n_k positions.
    Source: Press, Smith and Lewis 2022, Train Short, Test Long, section 3.
    """
    return _alibi(alibi_slopes(n_heads).to(device), n_q, n_k)


def _alibi(slopes: Tensor, n_q: int, n_k: int) -> Tensor:
    distance = _distances(n_q, n_k, slopes.device)
    bias = -slopes[:, None, None] * distance
    return bias.masked_fill(distance < 0, -torch.inf)


def _distances(n_q: int, n_k: int, device: torch.device | str | None) -> Tensor:
    """How far key j lies before query i, (n_q, n_k); negative for keys after it."""
    return torch.arange(n_k - n_q, n_k, device=device)[:, None] - torch.arange(n_k, device=device)


class SinusoidalPositions(nn.Module):
    """Adds the waves of `sinusoidal_positions` to embeddings of any length."""

    def forward(self, x: Float[Tensor, "B n d_model"], start: int = 0) -> Float[Tensor, "B n d_model"]:
        """x (B, n, d_model) at positions start ... start + n - 1."""
        return x + sinusoidal_positions(x.shape[-2], x.shape[-1], start, x.dtype, x.device)


class LearnedPositions(nn.Module):
    """Adds a learnt vector per position, for at most `max_n` positions.

    Raises ValueError for a sequence that reaches beyond them. Source: Gehring et al. 2017, section 3.1.
    """

    def __init__(self, max_n: int, d_model: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(max_n, d_model))

    def forward(self, x: Float[Tensor, "B n d_model"], start: int = 0) -> Float[Tensor, "B n d_model"]:
        """x (B, n, d_model) at positions start ... start + n - 1."""
        end, max_n = start + x.shape[-2], len(self.table)
        if end > max_n:
            raise ValueError(f"the sequence reaches {end} positions; max_n, the learnt ones, is {max_n}")
        return x + self.table[start:end]


class RelativeBias(nn.Module):
    """A learnt number per head and distance, added to the scores; beyond `max_distance` all are alike.

    Source: Shaw, Uszkoreit and Vaswani 2018 (relative distances, clipped); Raffel et al. 2020, section 2.1
    (as a bias of the scores).
    """

    def __init__(self, n_heads: int, max_distance: int) -> None:
        super().__init__()
        self.max_distance = max_distance
        self.table = nn.Parameter(torch.zeros(n_heads, 2 * max_distance + 1))

    def forward(self, n_q: int, n_k: int) -> Float[Tensor, "H {n_q} {n_k}"]:
        """The bias (n_heads, n_q, n_k); the queries are the last n_q positions."""
        distance = _distances(n_q, n_k, self.table.device).clamp(-self.max_distance, self.max_distance)
        return self.table[:, distance + self.max_distance]


class ALiBi(nn.Module):
    """`alibi_bias` as a module: nothing is learnt, and keys after the query are closed."""

    def __init__(self, n_heads: int) -> None:
        super().__init__()
        self.register_buffer("slopes", alibi_slopes(n_heads), persistent=False)

    def forward(self, n_q: int, n_k: int) -> Float[Tensor, "H {n_q} {n_k}"]:
        """The bias (n_heads, n_q, n_k); the queries are the last n_q positions."""
        return _alibi(self.slopes, n_q, n_k)
