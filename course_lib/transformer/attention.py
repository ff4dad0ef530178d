"""Attention: scaled dot product, additive, self-, cross-, multi-head and grouped-query (lessons 03-10, 18).

In every mask True means "may be attended". A query that may attend nothing gets zero weights and a zero
context. With causal attention the queries are the last n_q of the n_k positions.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from course_lib.transformer.positions import rotate


def causal_mask(n_q: int, n_k: int, device: torch.device | str | None = None) -> Bool[Tensor, "{n_q} {n_k}"]:
    """Who may see whom when nobody may look ahead, shape (n_q, n_k): the queries are the last n_q positions.

    >>> causal_mask(2, 3)
    tensor([[ True,  True, False],
            [ True,  True,  True]])
    """
    return torch.ones(n_q, n_k, dtype=torch.bool, device=device).tril(n_k - n_q)


def masked_softmax(
    scores: Float[Tensor, "*batch n_q n_k"], mask: Bool[Tensor, "..."] | None = None
) -> Float[Tensor, "*batch n_q n_k"]:
    """Softmax over the keys that `mask` allows; the others get exactly 0, and so does an empty row.

    `mask` broadcasts to the scores (..., n_q, n_k). Masked scores become the lowest finite number, not -inf:
    an empty row then has no nan, in its weights or its gradients, and is set to zero afterwards.
    """
    if mask is None:
        return scores.softmax(dim=-1)
    weights = scores.masked_fill(~mask, torch.finfo(scores.dtype).min).softmax(dim=-1)
    return weights if mask.any(dim=-1).all() else weights.masked_fill(~mask, 0)


def scaled_dot_product_attention(
    Q: Float[Tensor, "*#batch n_q d"],
    K: Float[Tensor, "*#batch n_k d"],
    V: Float[Tensor, "*#batch n_k d_v"],
    mask: Bool[Tensor, "..."] | None = None,
    bias: Float[Tensor, "..."] | None = None,
    scale: float | None = None,
    causal: bool = False,
    fused: bool = False,
) -> tuple[Float[Tensor, "*batch n_q d_v"], Float[Tensor, "*batch n_q n_k"] | None]:
    """Each query's weighted mean of the values, softmax(Q K^T * scale + bias) V, and the weights.

    Shapes: Q (..., n_q, d), K (..., n_k, d), V (..., n_k, d_v) -> output (..., n_q, d_v), weights
    (..., n_q, n_k). `mask` (bool) and `bias` broadcast to the weights; `causal` forbids keys after the query.
    `scale` None means 1 / sqrt(d). With `fused` torch's own kernel computes the same output without ever
    holding the weights, which come back as None. Raises ValueError where shapes or types do not fit.
    Source: Vaswani et al. 2017, Attention Is All You Need, equation 1.
    """
    if Q.shape[-1] != K.shape[-1] or K.shape[-2] != V.shape[-2]:
        shapes = f"Q {tuple(Q.shape)}, K {tuple(K.shape)}, V {tuple(V.shape)}"
        raise ValueError(f"Q and K must agree in d, K and V in n_k (the axis before the last); got {shapes}")
    bias = None if bias is None else bias.to(Q.dtype)
    if fused and causal and mask is None and bias is None and Q.shape[-2] == K.shape[-2]:
        return F.scaled_dot_product_attention(Q, K, V, scale=scale, is_causal=True), None
    mask = _allowed(Q.shape[-2], K.shape[-2], mask, bias, causal, Q.device)
    if fused:
        return _fused_attention(Q, K, V, mask, bias, scale), None
    scale = Q.shape[-1] ** -0.5 if scale is None else scale
    scores = Q * scale @ K.transpose(-2, -1)  # d numbers a query to scale, not n_k
    weights = masked_softmax(scores if bias is None else scores + bias, mask)
    return weights @ V, weights


def _allowed(
    n_q: int, n_k: int, mask: Tensor | None, bias: Tensor | None, causal: bool, device: torch.device
) -> Tensor | None:
    """One mask of what `mask`, a bias of -inf and `causal` forbid, or None where everything is allowed."""
    if mask is not None:
        _check_fits("mask", mask, n_q, n_k)
        if mask.dtype != torch.bool:
            raise ValueError(f"mask must be bool, True where a key may be attended; got {mask.dtype}")
    if bias is not None:
        _check_fits("bias", bias, n_q, n_k)
        open_ = bias > -torch.inf
        mask = open_ if mask is None else mask & open_
    if causal and n_q > 1:  # a single query is the last position: it sees every key
        wall = causal_mask(n_q, n_k, device)
        mask = wall if mask is None else mask & wall
    return mask


def _check_fits(name: str, given: Tensor, n_q: int, n_k: int) -> None:
    fits = given.ndim >= 1 and given.shape[-1] in (1, n_k) and (given.ndim < 2 or given.shape[-2] in (1, n_q))
    if not fits:
        raise ValueError(
            f"{name} must broadcast to (..., n_q, n_k) = (..., {n_q}, {n_k}); got {tuple(given.shape)}"
        )


def _fused_attention(
    Q: Tensor, K: Tensor, V: Tensor, mask: Tensor | None, bias: Tensor | None, scale: float | None
) -> Tensor:
    """torch's kernel, which takes one thing to add or to close: a bias carries the mask as -inf."""
    closed = mask if bias is None else bias.masked_fill(~mask, -torch.inf)
    return F.scaled_dot_product_attention(Q, K, V, attn_mask=closed, scale=scale)


def additive_attention(
    Q: Float[Tensor, "B n_q d_q"],
    K: Float[Tensor, "B n_k d_k"],
    V: Float[Tensor, "B n_k d_v"],
    Wq: Float[Tensor, "h d_q"],
    Wk: Float[Tensor, "h d_k"],
    v: Float[Tensor, "h"],
    mask: Bool[Tensor, "..."] | None = None,
) -> tuple[Float[Tensor, "B n_q d_v"], Float[Tensor, "B n_q n_k"]]:
    """Attention whose scores a small network computes: score[i, j] = v . tanh(Wq q_i + Wk k_j).

    Shapes: Q (B, n_q, d_q), K (B, n_k, d_k), V (B, n_k, d_v), Wq (h, d_q), Wk (h, d_k), v (h,) -> output
    (B, n_q, d_v), weights (B, n_q, n_k). Queries and keys may differ in width.
    Source: Bahdanau, Cho and Bengio 2015, section 3.1 and appendix A.1.2.
    """
    mask = _allowed(Q.shape[-2], K.shape[-2], mask, None, causal=False, device=Q.device)
    hidden = torch.tanh((Q @ Wq.T).unsqueeze(-2) + (K @ Wk.T).unsqueeze(-3))  # (B, n_q, n_k, h)
    weights = masked_softmax(hidden @ v, mask)
    return weights @ V, weights


class KVCache:
    """The keys and values of the tokens seen so far, each (B, n_groups, n, d_head); empty at first."""

    def __init__(self) -> None:
        self.K: Tensor | None = None
        self.V: Tensor | None = None

    def __len__(self) -> int:
        return 0 if self.K is None else self.K.shape[-2]

    def extend(self, K: Tensor, V: Tensor) -> tuple[Tensor, Tensor]:
        """Append the keys and values of new tokens; returns all of them."""
        if self.K is not None:
            K, V = torch.cat([self.K, K], dim=-2), torch.cat([self.V, V], dim=-2)
        self.K, self.V = K, V
        return K, V

    def select(self, rows: Int[Tensor, "rows"]) -> None:
        """Keep these rows of the batch, in this order: what beam search does with its prefixes."""
        if self.K is not None:
            self.K, self.V = self.K[rows], self.V[rows]


class SelfAttention(nn.Module):
    """One head that a sequence turns on itself: queries, keys and values all come from x.

    Source: Vaswani et al. 2017, section 3.2.3; the name: Cheng, Dong and Lapata 2016 (intra-attention).
    """

    def __init__(self, d_model: int, d_head: int) -> None:
        super().__init__()
        self.W_q = nn.Linear(d_model, d_head, bias=False)
        self.W_k = nn.Linear(d_model, d_head, bias=False)
        self.W_v = nn.Linear(d_model, d_head, bias=False)

    def forward(
        self,
        x: Float[Tensor, "B n d_model"],
        mask: Bool[Tensor, "..."] | None = None,
        causal: bool = False,
        return_weights: bool = False,
    ):
        """x (B, n, d_model) -> (B, n, d_head), and the weights (B, n, n) if asked for."""
        output, weights = scaled_dot_product_attention(
            self.W_q(x), self.W_k(x), self.W_v(x), mask, causal=causal, fused=not return_weights
        )
        return (output, weights) if return_weights else output


class CrossAttention(nn.Module):
    """One head with which a decoder asks an encoder: queries from one, keys and values from the other.

    Source: Vaswani et al. 2017, section 3.2.3 ("encoder-decoder attention").
    """

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.W_q = nn.Linear(d_model, d_model, bias=False)
        self.W_k = nn.Linear(d_model, d_model, bias=False)
        self.W_v = nn.Linear(d_model, d_model, bias=False)

    def forward(
        self,
        decoder: Float[Tensor, "B n_q d_model"],
        encoder: Float[Tensor, "B n_k d_model"],
        keep: Bool[Tensor, "B n_k"] | None = None,
        return_weights: bool = False,
    ):
        """(B, n_q, d_model) asks (B, n_k, d_model), of which `keep` are real tokens -> (B, n_q, d_model)."""
        mask = None if keep is None else keep.unsqueeze(-2)
        output, weights = scaled_dot_product_attention(
            self.W_q(decoder), self.W_k(encoder), self.W_v(encoder), mask, fused=not return_weights
        )
        return (output, weights) if return_weights else output


def split_heads(x: Float[Tensor, "B n d"], n_heads: int) -> Float[Tensor, "B {n_heads} n d_head"]:
    """(B, n, n_heads * d_head) -> (B, n_heads, n, d_head): head h takes features h*d_head to (h+1)*d_head."""
    B, n, d = x.shape
    return x.view(B, n, n_heads, d // n_heads).transpose(1, 2)


def merge_heads(x: Float[Tensor, "B H n d_head"]) -> Float[Tensor, "B n d"]:
    """(B, n_heads, n, d_head) -> (B, n, n_heads * d_head), the inverse of `split_heads`."""
    return x.transpose(1, 2).flatten(2)


def project_together(x: Float[Tensor, "B n d_model"], *maps: nn.Linear) -> tuple[Tensor, ...]:
    """What several linear maps make of the same x (B, n, d_model), by one product with all their weights.

    The numbers are those of one map after the other; a training step takes 1 to 3 % less time.
    """
    weight = torch.cat([each.weight for each in maps])
    bias = None if maps[0].bias is None else torch.cat([each.bias for each in maps])
    return F.linear(x, weight, bias).split([each.out_features for each in maps], dim=-1)


class MultiHeadAttention(nn.Module):
    """Several attentions side by side, each on its own slice of d_model, mixed by an output projection.

    `n_groups` heads of keys and values serve all query heads: None means one each, 1 is multi-query
    attention. `rotary` turns queries and keys by their position (for self-attention).
    Raises ValueError where n_heads does not divide d_model or n_groups does not divide n_heads.
    Source: Vaswani et al. 2017, section 3.2.2; Shazeer 2019 (multi-query); Ainslie et al. 2023 (groups).
    """

    def __init__(
        self,
        d_model: int,
        n_heads: int,
        n_groups: int | None = None,
        bias: bool = True,
        rotary: bool = False,
    ) -> None:
        super().__init__()
        n_groups = n_heads if n_groups is None else n_groups
        if n_heads < 1 or d_model % n_heads:
            raise ValueError(f"n_heads must divide d_model; got n_heads {n_heads}, d_model {d_model}")
        if n_groups < 1 or n_heads % n_groups:
            raise ValueError(f"n_groups must divide n_heads; got n_groups {n_groups}, n_heads {n_heads}")
        d_head = d_model // n_heads
        self.n_heads, self.n_groups, self.rotary = n_heads, n_groups, rotary
        self.W_q = nn.Linear(d_model, d_model, bias)
        self.W_k = nn.Linear(d_model, n_groups * d_head, bias)
        self.W_v = nn.Linear(d_model, n_groups * d_head, bias)
        self.W_o = nn.Linear(d_model, d_model, bias)

    def forward(
        self,
        q: Float[Tensor, "B n_q d_model"],
        k: Float[Tensor, "B n_k d_model"] | None = None,
        v: Float[Tensor, "B n_k d_model"] | None = None,
        mask: Bool[Tensor, "..."] | None = None,
        bias: Float[Tensor, "..."] | None = None,
        causal: bool = False,
        cache: KVCache | None = None,
        return_weights: bool = False,
    ):
        """q (B, n_q, d_model) asks k and v (B, n_k, d_model) -> (B, n_q, d_model).

        k None means self-attention, v None the same as k. `mask` (bool) broadcasts to (B, n_q, n_k), `bias`
        to (B, n_heads, n_q, n_k). With a cache, k and v are those of new tokens and join the earlier ones.
        With `return_weights` also the weights (B, n_heads, n_q, n_k).
        """
        k = q if k is None else k
        v = k if v is None else v
        if q is k is v:
            Q, K, V = project_together(q, self.W_q, self.W_k, self.W_v)
        else:
            Q, K, V = self.W_q(q), self.W_k(k), self.W_v(v)
        K, V = self._heads(K, V, start=0 if cache is None else len(cache))
        if cache is not None:
            K, V = cache.extend(K, V)
        return self._attend(Q, K, V, mask, bias, causal, return_weights)

    def keys_values(self, memory: Float[Tensor, "B n_k d_model"]) -> tuple[Tensor, Tensor]:
        """Keys and values (B, n_groups, n_k, d_head) of tokens (B, n_k, d_model), to be used many times."""
        return self._heads(*project_together(memory, self.W_k, self.W_v), start=0)

    def attend(
        self,
        q: Float[Tensor, "B n_q d_model"],
        K: Float[Tensor, "B G n_k d_head"],
        V: Float[Tensor, "B G n_k d_head"],
        mask: Bool[Tensor, "..."] | None = None,
        bias: Float[Tensor, "..."] | None = None,
        causal: bool = False,
        return_weights: bool = False,
    ):
        """As `forward`, for the result of `keys_values`."""
        return self._attend(self.W_q(q), K, V, mask, bias, causal, return_weights)

    def _heads(self, K: Tensor, V: Tensor, start: int) -> tuple[Tensor, Tensor]:
        """Projected keys and values of tokens from position `start` on, as (B, n_groups, n_k, d_head)."""
        K, V = split_heads(K, self.n_groups), split_heads(V, self.n_groups)
        return (rotate(K, start) if self.rotary else K), V

    def _attend(
        self,
        Q: Float[Tensor, "B n_q d_model"],
        K: Float[Tensor, "B G n_k d_head"],
        V: Float[Tensor, "B G n_k d_head"],
        mask: Bool[Tensor, "..."] | None,
        bias: Float[Tensor, "..."] | None,
        causal: bool,
        return_weights: bool,
    ):
        Q = split_heads(Q, self.n_heads)
        if self.rotary:
            Q = rotate(Q, start=K.shape[-2] - Q.shape[-2])  # the queries are the last positions
        if self.n_groups < self.n_heads:
            K, V = (x.repeat_interleave(self.n_heads // self.n_groups, dim=1) for x in (K, V))
        if mask is not None:
            mask = mask.unsqueeze(-3) if mask.ndim > 2 else mask  # one mask for all heads
        output, weights = scaled_dot_product_attention(
            Q, K, V, mask, bias, causal=causal, fused=not return_weights
        )
        output = self.W_o(merge_heads(output))
        return (output, weights) if return_weights else output
