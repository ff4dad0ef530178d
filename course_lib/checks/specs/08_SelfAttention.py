"""Exercise `SelfAttention` (lesson 08): one head that a sequence turns on itself."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from course_lib.checks import Case, Exercise
from course_lib.transformer import attention

# ------------------------------------------------------------------ a solution, and other right ways


class SelfAttention(nn.Module):
    def __init__(self, d_model, d_head):
        super().__init__()
        self.W_q = nn.Linear(d_model, d_head, bias=False)
        self.W_k = nn.Linear(d_model, d_head, bias=False)
        self.W_v = nn.Linear(d_model, d_head, bias=False)

    def forward(self, x, causal=False):
        queries, keys, values = self.W_q(x), self.W_k(x), self.W_v(x)
        scores = queries @ keys.transpose(-2, -1) / queries.shape[-1] ** 0.5
        if causal:
            n = x.shape[1]
            allowed = torch.ones(n, n, dtype=torch.bool).tril()
            scores = scores.masked_fill(~allowed, -torch.inf)
        return scores.softmax(dim=-1) @ values


class WithTorchsOwn(SelfAttention):
    def forward(self, x, causal=False):
        return F.scaled_dot_product_attention(self.W_q(x), self.W_k(x), self.W_v(x), is_causal=causal)


class WithLoops(SelfAttention):
    def forward(self, x, causal=False):
        contexts = []
        for tokens in x:
            queries, keys, values = self.W_q(tokens), self.W_k(tokens), self.W_v(tokens)
            for i, query in enumerate(queries):
                seen = i + 1 if causal else len(tokens)
                scores = torch.stack([query @ key for key in keys[:seen]]) / math.sqrt(len(query))
                contexts.append((scores.softmax(0)[:, None] * values[:seen]).sum(0))
        return torch.stack(contexts).view(*x.shape[:2], -1)


class WithEinsum(nn.Module):
    def __init__(self, d_model, d_head):
        super().__init__()
        self.d_head = d_head
        for name in ("W_q", "W_k", "W_v"):
            setattr(self, name, nn.Linear(d_model, d_head, bias=False))

    def forward(self, x, causal=False):
        queries = torch.einsum("bnd,hd->bnh", x, self.W_q.weight) * self.d_head**-0.5
        keys = torch.einsum("bnd,hd->bnh", x, self.W_k.weight)
        scores = torch.einsum("bqh,bkh->bqk", queries, keys)
        if causal:
            n = x.size(1)
            scores += torch.full((n, n), float("-inf"), dtype=x.dtype).triu(1)
        return torch.einsum("bqk,bkh->bqh", torch.softmax(scores, 2), self.W_v(x))


# ------------------------------------------------------------------ stored wrong answers


class Steps(SelfAttention):
    """The solution in steps, each of which a wrong answer can replace."""

    def forward(self, x, causal=False):
        weights = self.weigh(self.hide(self.score(self.W_q(x), self.W_k(x)), causal))
        return self.read(weights, x)

    def score(self, queries, keys):
        return queries @ keys.transpose(-2, -1) / queries.shape[-1] ** 0.5

    def hide(self, scores, causal):
        return scores.masked_fill(~self.allowed(scores.shape[-1]), -torch.inf) if causal else scores

    def allowed(self, n):
        return torch.ones(n, n, dtype=torch.bool).tril()

    def weigh(self, scores):
        return scores.softmax(dim=-1)

    def read(self, weights, x):
        return weights @ self.W_v(x)


class no_scale(Steps):
    """You do not divide the scores by the square root of d_head."""

    def score(self, queries, keys):
        return queries @ keys.transpose(-2, -1)


class scaled_by_d_model(Steps):
    """You divide by the square root of d_model: queries and keys have d_head features, so take that."""

    def score(self, queries, keys):
        return queries @ keys.transpose(-2, -1) / self.W_q.in_features**0.5


class no_root(Steps):
    """You divide the scores by d_head: take its square root."""

    def score(self, queries, keys):
        return queries @ keys.transpose(-2, -1) / queries.shape[-1]


class scaled_by_length(Steps):
    """You divide by the square root of the number of tokens: the scale comes from the features, d_head."""

    def score(self, queries, keys):
        return queries @ keys.transpose(-2, -1) / queries.shape[-2] ** 0.5


class keys_ask(Steps):
    """Your table of scores is turned round: rows belong to the queries, so write queries @ keys, the latter
    transposed."""

    def score(self, queries, keys):
        return super().score(keys, queries)


class one_projection_for_both(Steps):
    """You use W_q for the keys as well: the keys have a projection of their own, W_k."""

    def score(self, queries, keys):
        return super().score(queries, queries)


class without_queries(Steps):
    """You use W_k for the queries as well: the queries have a projection of their own, W_q."""

    def score(self, queries, keys):
        return super().score(keys, keys)


class not_projected(Steps):
    """You compare the tokens as they came: queries are W_q(x), keys W_k(x)."""

    def forward(self, x, causal=False):
        return self.read(self.weigh(self.hide(self.score(x, x), causal)), x)


class softmax_over_queries(Steps):
    """Your softmax runs over the queries: the weights of one query over all keys must sum to 1, so dim=-1."""

    def weigh(self, scores):
        return scores.softmax(dim=1).nan_to_num()


class softmax_over_the_batch(Steps):
    """Your softmax runs over the batch, axis 0: every example is on its own, so dim=-1."""

    def weigh(self, scores):
        return scores.softmax(dim=0).nan_to_num()


class no_softmax(Steps):
    """You use the scores as weights: softmax over the keys makes weights of them."""

    def hide(self, scores, causal):
        return scores * self.allowed(scores.shape[-1]) if causal else scores

    def weigh(self, scores):
        return scores


class no_maximum(Steps):
    """Your own softmax overflows for large scores: subtract the largest first, or use softmax of torch."""

    def weigh(self, scores):
        return scores.exp() / scores.exp().sum(-1, keepdim=True)


class tokens_read(Steps):
    """You take the weighted mean of the tokens: of the values W_v(x) it must be."""

    def read(self, weights, x):
        return weights @ x


class keys_read(Steps):
    """You take the weighted mean of the keys: what is read are the values, W_v(x)."""

    def read(self, weights, x):
        return weights @ self.W_k(x)


class weights_turned(Steps):
    """Your weights are transposed before they meet the values: row i holds what query i gives to each key."""

    def read(self, weights, x):
        return weights.transpose(-2, -1) @ self.W_v(x)


class values_alone(Steps):
    """Each token gets its own value back: multiply the weights and the values."""

    def read(self, weights, x):
        return self.W_v(x)


class residual_added(Steps):
    """You add the values to the output: a residual connection belongs to a later lesson, here it is the
    weighted mean alone."""

    def read(self, weights, x):
        return weights @ self.W_v(x) + self.W_v(x)


class ignores_causal(Steps):
    """You take no notice of `causal`: with causal=True, token i may attend only to tokens 0 ... i."""

    def hide(self, scores, causal):
        return scores


class always_causal(Steps):
    """You hide the future always: without causal=True every token may attend to all others."""

    def hide(self, scores, causal):
        return super().hide(scores, True)


class causal_turned_round(Steps):
    """Your `causal` is the wrong way round: causal=True hides the later tokens, causal=False nothing."""

    def hide(self, scores, causal):
        return super().hide(scores, not causal)


class sees_only_the_future(Steps):
    """Your mask hides the past: token i may attend to 0 ... i, the lower triangle with its diagonal."""

    def allowed(self, n):
        return torch.ones(n, n, dtype=torch.bool).triu()


class one_ahead(Steps):
    """Your mask lets each token see the next one: the lower triangle ends on the diagonal, `tril()`."""

    def allowed(self, n):
        return torch.ones(n, n, dtype=torch.bool).tril(1)


class not_itself(Steps):
    """Your mask hides each token from itself: the diagonal belongs to what may be seen, and without it the
    first token sees nothing."""

    def allowed(self, n):
        return torch.ones(n, n, dtype=torch.bool).tril(-1)


class mask_after_softmax(SelfAttention):
    """You set the future to 0 after the softmax, so the rest no longer sums to 1: hide the scores before it,
    with -inf."""

    def forward(self, x, causal=False):
        weights = (self.W_q(x) @ self.W_k(x).mT / self.W_q.out_features**0.5).softmax(-1)
        return (weights.tril() if causal else weights) @ self.W_v(x)


class future_scores_zero(Steps):
    """You set the scores of the future to 0: the softmax gives exp(0) = 1 to them. Hide them with -inf."""

    def hide(self, scores, causal):
        return scores.tril() if causal else scores


class fills_with_minus_10(Steps):
    """The number that hides a score is too near: the future shows through. Use -inf."""

    def hide(self, scores, causal):
        return scores.masked_fill(~self.allowed(scores.shape[-1]), -10.0) if causal else scores


class first_mask_kept(Steps):
    """You keep the mask of the first call: a sequence of another length needs its own. Make it in every call,
    from the length of x."""

    def allowed(self, n):
        if not hasattr(self, "mask"):
            self.mask = super().allowed(n)
        return self.mask


class first_keys_kept(Steps):
    """You keep the keys of the first call in `self`: a module holds parameters, what it computes belongs in
    local names."""

    def score(self, queries, keys):
        if not hasattr(self, "keys"):
            self.keys = keys
        return super().score(queries, self.keys if self.keys.shape == keys.shape else keys)


class across_the_batch(SelfAttention):
    """Your tokens attend to those of other examples: keep the batch axis, and transpose the last two axes of
    the keys."""

    def forward(self, x, causal=False):
        flat = super().forward(x.reshape(1, -1, x.shape[-1]), causal)
        return flat.reshape(*x.shape[:2], -1)


class dropout(Steps):
    """You drop weights at random: dropout is not asked for, every call must give the same."""

    def weigh(self, scores):
        return F.dropout(scores.softmax(-1), 0.1, self.training)


class weights_detached(Steps):
    """The output is right, but the weights are detached: no gradient reaches W_q and W_k, so they would never
    learn."""

    def weigh(self, scores):
        return scores.softmax(-1).detach()


class everything_detached(SelfAttention):
    """The output is right, but cut off from its parameters: without `no_grad`, `.detach()` and `.data` the
    gradient reaches them."""

    def forward(self, x, causal=False):
        return super().forward(x, causal).detach()


class with_weights(Steps):
    """You return the weights too: the output alone is asked for here."""

    def read(self, weights, x):
        return weights @ self.W_v(x), weights


class weights_alone(Steps):
    """You return the weights: multiply them by the values W_v(x)."""

    def read(self, weights, x):
        return weights


class changes_x(SelfAttention):
    """The caller's x is changed in place: `x -= ...` writes into it. Write `x = x - ...`."""

    def forward(self, x, causal=False):
        output = super().forward(x, causal)
        x -= x.mean(dim=-1, keepdim=True)
        return output


class scaled_by_8(Steps):
    """You divide by 8 always, right for 64 features: the scale is the square root of this d_head."""

    def score(self, queries, keys):
        return queries @ keys.transpose(-2, -1) / 8


class scaled_after_softmax(Steps):
    """You divide the weights, after the softmax: divide the scores, before it, or a row no longer sums
    to 1."""

    def score(self, queries, keys):
        self.root = queries.shape[-1] ** 0.5
        return queries @ keys.transpose(-2, -1)

    def weigh(self, scores):
        return scores.softmax(dim=-1) / self.root


class first_example_alone(SelfAttention):
    """Every example gets the output of the first: axis 0 is the batch, keep it."""

    def forward(self, x, causal=False):
        return super().forward(x[:1], causal).expand(len(x), -1, -1)


class minus_10_added(Steps):
    """You take 10 off the scores of the future: they are smaller then, not hidden. Use -inf."""

    def hide(self, scores, causal):
        return scores - 10.0 * ~self.allowed(scores.shape[-1]) if causal else scores


class mask_too_short(Steps):
    """Your mask has a fixed size, and this sequence is longer: make it in every call, from the
    length of x."""

    def allowed(self, n):
        return super().allowed(16)[:n, :n]


class batch_turned_too(Steps):
    """`.T` turns all axes round, the batch too: exchange the last two alone, with `transpose(1, 2)`."""

    def score(self, queries, keys):
        return queries @ keys.permute(2, 1, 0) / queries.shape[-1] ** 0.5


class mask_multiplied(Steps):
    """You multiply the scores by the mask of ones and -inf: -inf times a negative score is +inf. Use
    masked_fill, or add -inf."""

    def hide(self, scores, causal):
        if not causal:
            return scores
        factors = torch.ones_like(scores[0]).masked_fill(~self.allowed(scores.shape[-1]), -torch.inf)
        return scores * factors


class multiplied_by_root(Steps):
    """You multiply the scores by the square root of d_head: divide by it."""

    def score(self, queries, keys):
        return queries @ keys.transpose(-2, -1) * queries.shape[-1] ** 0.5


class weights_minus_inf(SelfAttention):
    """You write -inf into the weights, after the softmax: write it into the scores, before it."""

    def forward(self, x, causal=False):
        weights = (self.W_q(x) @ self.W_k(x).mT / self.W_q.out_features**0.5).softmax(-1)
        if causal:
            weights = weights.masked_fill(~torch.ones_like(weights[0]).tril().bool(), -torch.inf)
        return weights @ self.W_v(x)


class values_by_the_keys_layer(Steps):
    """You exchange W_k and W_v: keys are W_k(x), values W_v(x)."""

    def forward(self, x, causal=False):
        weights = self.weigh(self.hide(self.score(self.W_q(x), self.W_v(x)), causal))
        return weights @ self.W_k(x)


# ------------------------------------------------------------------ the exercise


def past_alone_matters(seen):
    """With causal=True a later token must not change the output of an earlier one."""
    before, after = (seen[name].outputs["output"] for name in ("causal", "causal, last token changed"))
    return np.allclose(before[:, :-1], after[:, :-1], atol=1e-4)


def order_of_the_tokens_moves_along(seen):
    """Turn the tokens round and the outputs must turn round with them, as nothing here knows a position."""
    there = seen["2 examples, 5 tokens"].outputs["output"]
    back = seen["the same, turned round"].outputs["output"]
    return np.allclose(there[:, ::-1], back, atol=1e-4)


def tokens(changed=0.0, back=False, size=1.0):
    """The same 2 x 5 tokens of 6 features in every case that draws them."""
    x = size * np.random.default_rng(8).normal(size=(2, 5, 6))
    x[:, -1] += changed
    return x[:, ::-1].copy() if back else x


FIXED = {
    f"W_{name}.weight": np.random.default_rng(seed).normal(size=(3, 6)) / 6**0.5
    for seed, name in enumerate("qkv")
}
IDENTITY = {f"W_{name}.weight": np.eye(2) for name in "qkv"}
ONES = {"W_q.weight": [[1.0]], "W_k.weight": [[1.0]], "W_v.weight": [[2.0]]}


EXERCISE = Exercise(
    id="SelfAttention",
    contract=(
        "SelfAttention(d_model, d_head), an nn.Module; W_q, W_k, W_v = nn.Linear(d_model, d_head, "
        "bias=False); forward(x, causal=False): x (B, n, d_model) -> output (B, n, d_head). Causal: token i "
        "attends to 0 ... i."
    ),
    minutes=25,
    difficulty=2,
    points=3,
    takes="torch",
    arguments={"d_model": (), "d_head": (), "x": ("B", "n", "d_model")},
    outputs={"output": ("B", "n", "d_head")},
    parameters={f"W_{name}.weight": ("d_head", "d_model") for name in "qkv"},
    n_init=2,
    cases=[
        Case("2 examples, 5 tokens", lambda rng: (6, 3, tokens()), weights=FIXED, weight=3),
        Case("the same, turned round", lambda rng: (6, 3, tokens(back=True)), weights=FIXED),
        Case("causal", lambda rng: (6, 3, tokens()), {"causal": True}, weights=FIXED, weight=2),
        Case("causal, last token changed", lambda rng: (6, 3, tokens(2.0)), {"causal": True}, weights=FIXED),
        Case("4 tokens, causal", lambda rng: (6, 3, rng.normal(size=(3, 4, 6))), {"causal": True}),
        Case("by hand", lambda rng: (1, 1, np.array([[[1.0], [2.0]]])), weights=ONES),
        Case(
            "by hand, causal", lambda rng: (1, 1, np.array([[[1.0], [2.0]]])), {"causal": True}, weights=ONES
        ),
        Case("two arrows", lambda rng: (2, 2, np.array([[[1.0, 0.0], [0.0, 2.0]]])), weights=IDENTITY),
        Case("130 tokens, causal", lambda rng: (6, 3, rng.normal(size=(1, 130, 6))), {"causal": True}),
        Case("one token", lambda rng: (5, 7, rng.normal(size=(2, 1, 5)))),
        Case("all sizes equal", lambda rng: (3, 3, rng.normal(size=(3, 3, 3)))),
        Case("large tokens", lambda rng: (6, 3, tokens(size=100.0)), weights=FIXED),
        Case("large tokens, causal", lambda rng: (6, 3, tokens(size=30.0)), {"causal": True}, weights=FIXED),
    ],
    reference=attention.SelfAttention,
    solution=SelfAttention,
    right=[SelfAttention, WithTorchsOwn, WithLoops, WithEinsum],
    wrong=[
        no_scale,
        scaled_by_d_model,
        no_root,
        scaled_by_length,
        keys_ask,
        one_projection_for_both,
        without_queries,
        not_projected,
        softmax_over_queries,
        softmax_over_the_batch,
        no_softmax,
        no_maximum,
        tokens_read,
        keys_read,
        weights_turned,
        values_alone,
        residual_added,
        ignores_causal,
        always_causal,
        causal_turned_round,
        sees_only_the_future,
        one_ahead,
        not_itself,
        mask_after_softmax,
        future_scores_zero,
        fills_with_minus_10,
        first_mask_kept,
        first_keys_kept,
        across_the_batch,
        dropout,
        weights_detached,
        everything_detached,
        with_weights,
        weights_alone,
        changes_x,
        scaled_by_8,
        scaled_after_softmax,
        first_example_alone,
        minus_10_added,
        mask_too_short,
        batch_turned_too,
        mask_multiplied,
        multiplied_by_root,
        weights_minus_inf,
        values_by_the_keys_layer,
    ],
    properties=[past_alone_matters, order_of_the_tokens_moves_along],
    hints=[
        "Three projections of the same x: which of them asks, which answers, which is read?",
        (
            "`self.W_q(x)`, `self.W_k(x)` and `self.W_v(x)` are (B, n, d_head). Transpose the last two axes "
            "of the keys alone. By what do you divide, and which scores does `causal` hide?"
        ),
        (
            "`scores = queries @ keys.transpose(-2, -1) / d_head**0.5`; if causal, "
            "`scores.masked_fill(~torch.ones(n, n, dtype=torch.bool).tril(), -torch.inf)`; softmax(dim=-1) "
            "times the values."
        ),
    ],
)
