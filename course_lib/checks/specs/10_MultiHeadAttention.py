"""Exercise `MultiHeadAttention` (lesson 10): several attentions side by side."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from course_lib.checks import Case, Exercise
from course_lib.transformer import attention


class Library(attention.MultiHeadAttention):
    """The library's module with the arguments of the exercise."""

    def __init__(self, d_model, n_heads):
        super().__init__(d_model, n_heads)

    def forward(self, q, k, v, mask=None):
        return super().forward(q, k, v, mask)


# ------------------------------------------------------------------ a solution, and other right ways


class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, n_heads):
        super().__init__()
        if d_model % n_heads != 0:
            raise ValueError(f"n_heads must divide d_model; got d_model {d_model}, n_heads {n_heads}")
        self.n_heads = n_heads
        self.W_q = nn.Linear(d_model, d_model)
        self.W_k = nn.Linear(d_model, d_model)
        self.W_v = nn.Linear(d_model, d_model)
        self.W_o = nn.Linear(d_model, d_model)

    def split(self, x):
        B, n, d = x.shape
        return x.view(B, n, self.n_heads, d // self.n_heads).transpose(1, 2)  # (B, H, n, d_head)

    def forward(self, q, k, v, mask=None):
        queries, keys, values = self.split(self.W_q(q)), self.split(self.W_k(k)), self.split(self.W_v(v))
        scores = queries @ keys.transpose(-2, -1) / queries.shape[-1] ** 0.5  # (B, H, n_q, n_k)
        if mask is None:
            weights = scores.softmax(dim=-1)
        else:
            hidden = ~mask if mask.ndim == 2 else ~mask.unsqueeze(1)  # one mask for all heads
            scores = scores.masked_fill(hidden, torch.finfo(scores.dtype).min)
            weights = scores.softmax(dim=-1).masked_fill(hidden, 0)
        context = weights @ values
        return self.W_o(context.transpose(1, 2).flatten(2))


class HeadByHead(MultiHeadAttention):
    def forward(self, q, k, v, mask=None):
        d_head = self.W_q.out_features // self.n_heads
        shape = (len(q), q.shape[1], k.shape[1])
        mask = torch.ones(shape, dtype=torch.bool) if mask is None else mask.expand(shape)
        contexts = []
        for h in range(self.n_heads):
            own = slice(h * d_head, (h + 1) * d_head)
            queries, keys, values = self.W_q(q)[..., own], self.W_k(k)[..., own], self.W_v(v)[..., own]
            scores = torch.bmm(queries, keys.mT) / d_head**0.5
            powers = torch.where(
                mask, scores - scores.detach().where(mask, -1e30).amax(-1, True), -1e30
            ).exp()
            powers = powers * mask
            contexts.append(powers / powers.sum(-1, True).clamp(min=1e-12) @ values)
        return self.W_o(torch.cat(contexts, dim=-1))


class WithEinsum(MultiHeadAttention):
    def forward(self, q, k, v, mask=None):
        queries, keys, values = (
            layer(x).unflatten(-1, (self.n_heads, -1))
            for layer, x in ((self.W_q, q), (self.W_k, k), (self.W_v, v))
        )
        scores = torch.einsum("bqhd,bkhd->bhqk", queries, keys) * queries.shape[-1] ** -0.5
        if mask is not None:
            mask = mask.expand(len(q), q.shape[1], k.shape[1])[:, None]
            scores = scores.masked_fill(~mask, -torch.inf)
            weights = torch.softmax(scores, -1).nan_to_num()
        else:
            weights = torch.softmax(scores, -1)
        return self.W_o(torch.einsum("bhqk,bkhd->bqhd", weights, values).reshape(q.shape))


class WithTorchsOwn(MultiHeadAttention):
    def forward(self, q, k, v, mask=None):
        mask = mask[:, None] if mask is not None and mask.dim() == 3 else mask
        parts = [self.split(self.W_q(q)), self.split(self.W_k(k)), self.split(self.W_v(v))]
        context = F.scaled_dot_product_attention(*parts, attn_mask=mask)
        return self.W_o(torch.cat(context.unbind(1), dim=-1))


class WithOwnSoftmax(MultiHeadAttention):
    def forward(self, q, k, v, mask=None):
        def split(layer, x):
            weight = layer.weight.view(self.n_heads, -1, x.shape[-1])
            return torch.einsum("bnm,hdm->bhnd", x, weight) + layer.bias.view(self.n_heads, 1, -1)

        queries, keys, values = split(self.W_q, q), split(self.W_k, k), split(self.W_v, v)
        scores = torch.einsum("bhqd,bhkd->bhqk", queries, keys) * queries.shape[-1] ** -0.5
        hidden = torch.zeros(1, 1, 1, dtype=torch.bool) if mask is None else ~mask
        hidden = hidden[:, None] if hidden.ndim == 3 else hidden
        scores = scores.masked_fill(hidden, -1e30)
        powers = (scores - scores.amax(-1, keepdim=True)).exp().masked_fill(hidden, 0)
        weights = powers / powers.sum(-1, keepdim=True).clamp(min=1e-20)
        return self.W_o(torch.einsum("bhqk,bhkd->bqhd", weights, values).flatten(-2))


# ------------------------------------------------------------------ stored wrong answers


class Steps(MultiHeadAttention):
    """The solution in steps, each of which a wrong answer can replace."""

    def forward(self, q, k, v, mask=None):
        queries, keys, values = self.projected(q, k, v)
        scores = self.compare(self.split(queries), self.split(keys))
        weights = scores.softmax(-1) if mask is None else self.masked(scores, self.for_heads(mask))
        return self.mix(self.merge(self.read(weights, self.split(values))))

    def projected(self, q, k, v):
        return self.W_q(q), self.W_k(k), self.W_v(v)

    def compare(self, queries, keys):
        return queries @ keys.transpose(-2, -1) / queries.shape[-1] ** 0.5

    def for_heads(self, mask):
        return mask if mask.ndim == 2 else mask.unsqueeze(1)

    def masked(self, scores, mask):
        return scores.masked_fill(~mask, torch.finfo(scores.dtype).min).softmax(-1).masked_fill(~mask, 0)

    def read(self, weights, values):
        return weights @ values

    def merge(self, x):
        return x.transpose(1, 2).flatten(2)

    def mix(self, x):
        return self.W_o(x)


class no_error(Steps):
    """You do not refuse a d_model that n_heads does not divide: raise a ValueError in `__init__`."""

    def __init__(self, d_model, n_heads):
        super().__init__(d_model, 1)
        self.n_heads = n_heads

    def split(self, x):
        d_head = x.shape[-1] // self.n_heads
        return super().split(x[..., : d_head * self.n_heads])

    def mix(self, x):
        return F.linear(x, self.W_o.weight[:, : x.shape[-1]], self.W_o.bias)


class asserts_in_place_of_raising(Steps):
    """You refuse with an assert, which raises an AssertionError: raise a ValueError that names the
    numbers."""

    def __init__(self, d_model, n_heads):
        assert d_model % n_heads == 0
        super().__init__(d_model, n_heads)


class one_head(Steps):
    """You attend with one head over all features: split queries, keys and values into n_heads parts first."""

    def split(self, x):
        return x.unsqueeze(1)


class heads_take_turns(Steps):
    """Your heads take every n_heads-th feature: head h owns the neighbours h*d_head to (h+1)*d_head, so the
    axis of the heads comes before d_head in `view`."""

    def split(self, x):
        return x.unflatten(-1, (-1, self.n_heads)).permute(0, 3, 1, 2)

    def merge(self, x):
        return x.permute(0, 2, 3, 1).flatten(2)


class cut_across_the_tokens(Steps):
    """Your `view` cuts the tokens, not the features: view as (B, n, n_heads, d_head), then exchange the axes
    n and n_heads."""

    def split(self, x):
        B, n, d = x.shape
        return x.reshape(B, self.n_heads, n, d // self.n_heads)

    def merge(self, x):
        B, H, n, d_head = x.shape
        return x.reshape(B, n, H * d_head)


class not_turned_back(Steps):
    """You put the heads together without exchanging the axes back: first transpose(1, 2), then flatten."""

    def merge(self, x):
        B, H, n, d_head = x.shape
        return x.reshape(B, n, H * d_head)


class merged_feature_by_feature(Steps):
    """You put the heads together feature by feature: the features of one head stay together, head after
    head."""

    def merge(self, x):
        return x.permute(0, 2, 3, 1).flatten(2)


class no_output_projection(Steps):
    """The output projection is missing: W_o mixes what the heads have found."""

    def mix(self, x):
        return x


class projected_twice(Steps):
    """You apply W_o twice: once, after the heads are put together."""

    def mix(self, x):
        return self.W_o(self.W_o(x))


class bias_of_output_lost(Steps):
    """The bias of W_o is missing: call the layer, `self.W_o(x)`, in place of a product with its weight."""

    def mix(self, x):
        return x @ self.W_o.weight.T


class no_bias_at_all(Steps):
    """You multiply by the weights and leave the biases of W_q, W_k and W_v out: call the layers."""

    def projected(self, q, k, v):
        layers = (self.W_q, self.W_k, self.W_v)
        return tuple(x @ layer.weight.T for layer, x in zip(layers, (q, k, v), strict=True))


class no_scale(Steps):
    """You do not divide the scores by the square root of d_head."""

    def compare(self, queries, keys):
        return queries @ keys.transpose(-2, -1)


class scaled_by_d_model(Steps):
    """You divide by the square root of d_model: each head compares d_head features, so take that."""

    def compare(self, queries, keys):
        return queries @ keys.transpose(-2, -1) / self.W_q.in_features**0.5


class no_root(Steps):
    """You divide the scores by d_head: take its square root."""

    def compare(self, queries, keys):
        return queries @ keys.transpose(-2, -1) / queries.shape[-1]


class scaled_by_heads(Steps):
    """You divide by the square root of the number of heads: the scale comes from the features, d_head."""

    def compare(self, queries, keys):
        return queries @ keys.transpose(-2, -1) / self.n_heads**0.5


class projections_exchanged(Steps):
    """You project queries with W_k and keys with W_q: the ones that ask go through W_q."""

    def projected(self, q, k, v):
        return self.W_k(q), self.W_q(k), self.W_v(v)


class self_attention_only(Steps):
    """You take keys and values from q: they come from k and v, which may be another sequence."""

    def forward(self, q, k, v, mask=None):
        return super().forward(q, q, q, None if mask is None or mask.shape[-1] != q.shape[1] else mask)


class keys_are_values(Steps):
    """Your values come from k: project v, which may differ."""

    def projected(self, q, k, v):
        return self.W_q(q), self.W_k(k), self.W_v(k)


class heads_attend_to_heads(Steps):
    """Your heads attend to each other within one token: exchange the axes n and n_heads before the
    product."""

    def forward(self, q, k, v, mask=None):
        queries, keys, values = (x.unflatten(-1, (self.n_heads, -1)) for x in self.projected(q, k, v))
        n = min(queries.shape[1], keys.shape[1])
        weights = self.compare(queries[:, :n], keys[:, :n]).softmax(-1)
        return self.mix((weights @ values[:, :n]).flatten(2))


class mean_of_heads(Steps):
    """All heads share their weights: each has its own, do not average them."""

    def read(self, weights, values):
        return weights.mean(1, keepdim=True) @ values


class softmax_over_queries(Steps):
    """Your softmax runs over the queries: the weights of one query over all keys must sum to 1, so dim=-1."""

    def forward(self, q, k, v, mask=None):
        queries, keys, values = self.projected(q, k, v)
        weights = self.compare(self.split(queries), self.split(keys)).softmax(-2)
        if mask is not None:
            weights = weights * self.for_heads(mask)
        return self.mix(self.merge(weights @ self.split(values)))


class softmax_over_heads(Steps):
    """Your softmax runs over the heads: in every head the weights of one query over all keys must sum to 1,
    so dim=-1."""

    def forward(self, q, k, v, mask=None):
        queries, keys, values = self.projected(q, k, v)
        weights = self.compare(self.split(queries), self.split(keys)).softmax(1)
        if mask is not None:
            weights = weights * self.for_heads(mask)
        return self.mix(self.merge(weights @ self.split(values)))


class mask_demanded(Steps):
    """Your `forward` cannot be called without a mask: give the argument its default, `mask=None`."""

    def forward(self, q, k, v, mask):
        return super().forward(q, k, v, mask)


class ignores_mask(Steps):
    """You take no notice of the mask: where it is False, the weight is 0."""

    def masked(self, scores, mask):
        return scores.softmax(-1)


class mask_reversed(Steps):
    """Your mask is the wrong way round: True means that a key may be attended."""

    def masked(self, scores, mask):
        return super().masked(scores, ~mask)


class mask_after_softmax(Steps):
    """You set hidden weights to 0 after the softmax, so the rest no longer sums to 1: hide the scores
    before."""

    def masked(self, scores, mask):
        return scores.softmax(-1) * mask


class hidden_scores_zero(Steps):
    """You set hidden scores to 0: the softmax gives exp(0) = 1 to them. Fill with a very low number."""

    def masked(self, scores, mask):
        return (scores * mask).softmax(-1)


class first_head_masked(Steps):
    """Only the first head is masked: one mask holds for all heads."""

    def masked(self, scores, mask):
        first = super().masked(scores, mask)[:, :1]
        return torch.cat([first, scores[:, 1:].softmax(-1)], dim=1)


class nan_in_an_empty_row(Steps):
    """A query that may attend to nothing gives nan: all its scores are -inf. By our contract its context is
    0, so the output is the bias of W_o."""

    def masked(self, scores, mask):
        return scores.masked_fill(~mask, -torch.inf).softmax(-1)


class even_in_an_empty_row(Steps):
    """A query that may attend to nothing gets equal weights: by our contract they are 0, so the output is the
    bias of W_o."""

    def masked(self, scores, mask):
        return scores.masked_fill(~mask, torch.finfo(scores.dtype).min).softmax(-1)


class no_bias_in_an_empty_row(Steps):
    """You set the output of a query that may attend to nothing to 0: its context is 0, and then comes W_o
    with its bias."""

    def forward(self, q, k, v, mask=None):
        output = super().forward(q, k, v, mask)
        return output if mask is None else output * mask.any(-1, keepdim=True)


class nan_in_the_gradient(Steps):
    """You add -inf and replace the nan of an empty row afterwards: the output is right, but the gradient is
    nan. Fill with a finite number and set the weights to 0 afterwards."""

    def masked(self, scores, mask):
        return (scores + torch.zeros_like(scores).masked_fill(~mask, -torch.inf)).softmax(-1).nan_to_num()


class mask_without_head_axis(Steps):
    """Your mask has no axis for the heads, so its examples line up with the heads: write mask.unsqueeze(1)
    where it has three axes."""

    def for_heads(self, mask):
        return mask


class head_axis_always(Steps):
    """You put the axis of the heads into every mask: one of shape (n_q, n_k) fits all heads as it is."""

    def for_heads(self, mask):
        return mask.unsqueeze(1)


class first_example_for_all(Steps):
    """All examples get the mask of the first: each has its own."""

    def for_heads(self, mask):
        return mask if mask.ndim == 2 else mask[0]


class dropout(Steps):
    """You drop weights at random: dropout is not asked for, every call must give the same."""

    def read(self, weights, values):
        return F.dropout(weights, 0.1, self.training) @ values


class keys_kept(Steps):
    """You keep the keys of an earlier call in `self`: a module holds parameters, what it computes belongs in
    local names."""

    def compare(self, queries, keys):
        kept = getattr(self, "keys", keys)
        self.keys = kept if kept.shape == keys.shape else keys
        return super().compare(queries, self.keys)


class weights_detached(Steps):
    """The output is right, but the weights are detached: no gradient reaches W_q and W_k, so they would never
    learn."""

    def read(self, weights, values):
        return weights.detach() @ values


class with_weights(Steps):
    """You return the weights too: the output alone is asked for here."""

    def forward(self, q, k, v, mask=None):
        return super().forward(q, k, v, mask), torch.zeros(len(q), q.shape[1], k.shape[1])


class changes_q(Steps):
    """The caller's q is changed in place: write `q = q / ...` in place of `q /= ...`."""

    def forward(self, q, k, v, mask=None):
        result = super().forward(q, k, v, mask)
        q /= self.n_heads
        return result


class one_head_small_scale(Steps):
    """You attend with one head over all features, at the scale of many: split queries, keys and values into
    n_heads parts first."""

    def forward(self, q, k, v, mask=None):
        queries, keys, values = (x.unsqueeze(1) for x in self.projected(q, k, v))
        scores = queries @ keys.transpose(-2, -1) * (self.n_heads / keys.shape[-1]) ** 0.5
        weights = scores.softmax(-1) if mask is None else self.masked(scores, self.for_heads(mask))
        return self.mix(self.merge(weights @ values))


class cut_across_the_tokens_on_the_way_in(Steps):
    """Your `view` on the way in cuts the tokens, not the features: view as (B, n, n_heads, d_head), then
    exchange the axes n and n_heads."""

    def split(self, x):
        B, n, d = x.shape
        return x.reshape(B, self.n_heads, n, d // self.n_heads)


class split_feature_by_feature(Steps):
    """You split feature by feature and put together head by head: head h owns the neighbours h*d_head to
    (h+1)*d_head, so the axis of the heads comes before d_head in `view`."""

    def split(self, x):
        return x.unflatten(-1, (-1, self.n_heads)).permute(0, 3, 1, 2)


class values_by_the_keys_layer(Steps):
    """You exchange W_k and W_v: keys are W_k(k), values W_v(v)."""

    def projected(self, q, k, v):
        return self.W_q(q), self.W_v(k), self.W_k(v)


class one_projection_for_both(Steps):
    """You use W_q for the keys as well: the keys have a projection of their own, W_k."""

    def projected(self, q, k, v):
        return self.W_q(q), self.W_q(k), self.W_v(v)


class mean_of_contexts(Steps):
    """You average what the heads have found: put their features side by side, each head keeps its own."""

    def merge(self, x):
        return x.mean(1).repeat(1, 1, self.n_heads)


class residual_added(Steps):
    """You add q to the output: the residual connection belongs to a later lesson."""

    def forward(self, q, k, v, mask=None):
        return super().forward(q, k, v, mask) + q


class scaled_by_length(Steps):
    """You divide by the square root of the number of keys: the scale comes from the features, d_head."""

    def compare(self, queries, keys):
        return queries @ keys.transpose(-2, -1) / keys.shape[-2] ** 0.5


class softmax_over_queries_masked(Steps):
    """Your softmax runs over the queries, axis -2: the weights of one query over all keys must sum to 1, so
    dim=-1."""

    def forward(self, q, k, v, mask=None):
        queries, keys, values = self.projected(q, k, v)
        scores = self.compare(self.split(queries), self.split(keys))
        if mask is not None:
            scores = scores.masked_fill(~self.for_heads(mask), -torch.inf)
        return self.mix(self.merge(scores.softmax(-2).nan_to_num() @ self.split(values)))


class mask_added(Steps):
    """You add True and False to the scores, which counts as 1 and 0 and hides nothing: use masked_fill with
    a very low number where the mask is False."""

    def masked(self, scores, mask):
        return (scores + mask).softmax(-1)


class nan_replaced_too_late(Steps):
    """You replace nan after W_o, which spreads it over the features and leaves its bias out: set the weights
    of an empty row to 0, before the values."""

    def forward(self, q, k, v, mask=None):
        return super().forward(q, k, v, mask).nan_to_num()

    def masked(self, scores, mask):
        return scores.masked_fill(~mask, -torch.inf).softmax(-1)


class masks_out_of_step(Steps):
    """You fold the heads into the batch, example by example, but repeat the mask as a whole: write
    `repeat_interleave(n_heads, dim=0)`, so that the heads of one example share its mask."""

    def masked(self, scores, mask):
        B, H, n_q, n_k = scores.shape
        own = mask.squeeze(1) if mask.ndim == 4 else mask
        tiled = own.expand(B, n_q, n_k).repeat(H, 1, 1).view(B, H, n_q, n_k)
        return super().masked(scores, tiled)


class two_head_axes(Steps):
    """You put two axes before every mask: one of three axes has its examples first and needs one for the
    heads alone, `mask.unsqueeze(1)`."""

    def for_heads(self, mask):
        return mask[None, None]


class every_mask_for_padding(Steps):
    """You take a mask of two axes for (B, n_k): it is (n_q, n_k), the same for all examples."""

    def for_heads(self, mask):
        return mask[:, None, None] if mask.ndim == 2 else mask.unsqueeze(1)


class length_of_queries_for_keys(Steps):
    """You cut k and v with the length of q: there may be more keys than queries, so take each length from its
    own tensor."""

    def forward(self, q, k, v, mask=None):
        queries, keys, values = (x.view(*q.shape) for x in self.projected(q, k, v))
        scores = self.compare(self.split(queries), self.split(keys))
        weights = scores.softmax(-1) if mask is None else self.masked(scores, self.for_heads(mask))
        return self.mix(self.merge(weights @ self.split(values)))


class not_contiguous(Steps):
    """After `transpose` the numbers no longer lie in order, and `view` refuses: write `reshape` or
    `flatten(2)`."""

    def merge(self, x):
        return x.transpose(1, 2).view(x.shape[0], x.shape[2], -1)


class rest_dropped(Steps):
    """You do not refuse a d_model that n_heads does not divide, and `view` fails later: raise a ValueError in
    `__init__`."""

    def __init__(self, d_model, n_heads):
        super().__init__(d_model, 1)
        self.n_heads = n_heads


class none_is_used(Steps):
    """You use the mask without asking whether it came: None means that nothing is hidden."""

    def forward(self, q, k, v, mask=None):
        queries, keys, values = self.projected(q, k, v)
        scores = self.compare(self.split(queries), self.split(keys))
        weights = self.masked(scores, self.for_heads(mask))
        return self.mix(self.merge(weights @ self.split(values)))


class multiplied_by_root(Steps):
    """You multiply the scores by the square root of d_head: divide by it."""

    def compare(self, queries, keys):
        return queries @ keys.transpose(-2, -1) * queries.shape[-1] ** 0.5


class weights_minus_inf(Steps):
    """You write -inf into the weights, after the softmax: write it into the scores, before it."""

    def masked(self, scores, mask):
        return scores.softmax(-1).masked_fill(~mask, -torch.inf)


class large_number_added(Steps):
    """A query that may attend to nothing still gets weights, as the same large number is taken off all its
    scores: by our contract they are 0."""

    def masked(self, scores, mask):
        return (scores - 1e9 * ~mask).softmax(-1)


class divided_by_zero(Steps):
    """You set hidden weights to 0 and divide by the sum of the rest, which may be 0: hide the scores before
    the softmax, and set an empty row to 0."""

    def masked(self, scores, mask):
        weights = scores.softmax(-1) * mask
        return weights / weights.sum(-1, keepdim=True)


class maximum_of_hidden_scores(Steps):
    """You take the maximum over hidden scores too: where one of them is far above, the others underflow to 0.
    Hide the scores first, then subtract the maximum."""

    def masked(self, scores, mask):
        powers = (scores - scores.detach().amax(-1, keepdim=True)).exp() * mask
        return powers / powers.sum(-1, keepdim=True).clamp(min=1e-30)


class causal_too(Steps):
    """You hide later keys on top of the mask: what may be seen, the mask alone says."""

    def compare(self, queries, keys):
        scores = super().compare(queries, keys)
        return scores.masked_fill(~torch.ones(scores.shape[2:], dtype=torch.bool).tril(), -1e30)


# ------------------------------------------------------------------ the exercise


def hidden_keys_do_not_matter(seen):
    """A key that the mask hides from every query must not change the output."""
    before, after = (seen[name].outputs["output"] for name in ("padding", "padding, other padded tokens"))
    return np.allclose(before, after, atol=1e-4)


def sequences(rng, batch, n_q, n_k, d, size=1.0):
    """q, k and v of these sizes."""
    return tuple(size * rng.normal(size=(batch, n, d)) for n in (n_q, n_k, n_k))


def open_to(*rows):
    return np.array(rows, dtype=bool)


def padded(changed=0.0):
    """The same tokens in both cases; `changed` is added where padding stands."""
    q, k, v = sequences(np.random.default_rng(10), 2, 3, 5, 12)
    mask = open_to([[1, 1, 1, 0, 0]], [[1, 1, 1, 1, 0]])
    hidden = ~mask.swapaxes(1, 2)
    return q, k + changed * hidden, v - changed * hidden, mask


FIXED = {
    f"W_{name}.{part}": np.random.default_rng([seed, len(part)]).normal(size=shape) / 12**0.5
    for seed, name in enumerate("qkvo")
    for part, shape in (("weight", (12, 12)), ("bias", (12,)))
}
IDENTITY = {f"W_{name}.weight": np.eye(2) for name in "qkvo"} | {
    f"W_{name}.bias": [0.0, 0.0] for name in "qkvo"
}
LOWER = np.tri(5, dtype=bool)

EXERCISE = Exercise(
    id="MultiHeadAttention",
    contract=(
        "MultiHeadAttention(d_model, n_heads), an nn.Module; W_q, W_k, W_v, W_o = nn.Linear(d_model, "
        "d_model); head h owns features [h*d_head, (h+1)*d_head); forward(q, k, v, mask=None): q (B, n_q, "
        "d_model), k and v (B, n_k, d_model), mask bool, broadcastable to (B, n_q, n_k) -> output (B, n_q, "
        "d_model). ValueError where n_heads does not divide d_model."
    ),
    minutes=40,
    difficulty=4,
    points=5,
    takes="torch",
    arguments={
        "d_model": (),
        "n_heads": (),
        "q": ("B", "n_q", "d_model"),
        "k": ("B", "n_k", "d_model"),
        "v": ("B", "n_k", "d_model"),
        "mask": ("...", "n_q", "n_k"),
    },
    outputs={"output": ("B", "n_q", "d_model")},
    parameters={f"W_{name}.weight": ("d_model", "d_model") for name in "qkvo"}
    | {f"W_{name}.bias": ("d_model",) for name in "qkvo"},
    n_init=2,
    cases=[
        Case("2 examples, 3 heads, 3 ask 5", lambda rng: (12, 3, *sequences(rng, 2, 3, 5, 12)), weight=3),
        Case("padding", lambda rng: (12, 3, *padded()), weights=FIXED, weight=2),
        Case("padding, other padded tokens", lambda rng: (12, 3, *padded(2.0)), weights=FIXED),
        Case(
            "a mask for every example",
            lambda rng: (12, 3, *sequences(rng, 2, 3, 5, 12), rng.random((2, 3, 5)) > 0.4),
        ),
        Case("causal, 5 tokens", lambda rng: (12, 3, *sequences(rng, 2, 5, 5, 12), LOWER)),
        Case(
            "as many heads as queries, one mask",
            lambda rng: (12, 3, *sequences(rng, 2, 3, 5, 12), LOWER[2:]),
        ),
        Case(
            "as many heads as examples, padding",
            lambda rng: (8, 2, *sequences(rng, 2, 3, 5, 8), open_to([[1, 1, 1, 0, 0]], [[1, 0, 1, 1, 1]])),
        ),
        Case(
            "by hand, 2 heads of 1 feature",
            lambda rng: (
                2,
                2,
                *(
                    np.array(x)[None]
                    for x in ([[1.0, 1.0]], [[1.0, 0.0], [0.0, 2.0]], [[1.0, 3.0], [5.0, 7.0]])
                ),
                None,
            ),
            weights=IDENTITY,
        ),
        Case(
            "one query may attend to nothing",
            lambda rng: (
                12,
                3,
                *sequences(rng, 2, 3, 5, 12),
                np.array([[True] * 5, [False] * 5, [True] * 5]),
            ),
        ),
        Case("one head", lambda rng: (5, 1, *sequences(rng, 2, 3, 4, 5), None)),
        Case("all sizes equal", lambda rng: (4, 4, *sequences(rng, 4, 4, 4, 4), None)),
        Case(
            "large tokens",
            lambda rng: (12, 3, *sequences(np.random.default_rng(1), 2, 3, 5, 12, 30.0), LOWER[2:]),
            weights=FIXED,
        ),
        Case("7 features, 3 heads", lambda rng: (7, 3, *sequences(rng, 1, 2, 2, 7), None)),
    ],
    reference=Library,
    solution=MultiHeadAttention,
    right=[MultiHeadAttention, HeadByHead, WithEinsum, WithTorchsOwn, WithOwnSoftmax],
    wrong=[
        no_error,
        asserts_in_place_of_raising,
        one_head,
        heads_take_turns,
        cut_across_the_tokens,
        not_turned_back,
        merged_feature_by_feature,
        no_output_projection,
        projected_twice,
        bias_of_output_lost,
        no_bias_at_all,
        no_scale,
        scaled_by_d_model,
        no_root,
        scaled_by_heads,
        projections_exchanged,
        self_attention_only,
        keys_are_values,
        heads_attend_to_heads,
        mean_of_heads,
        softmax_over_queries,
        softmax_over_heads,
        mask_demanded,
        ignores_mask,
        mask_reversed,
        mask_after_softmax,
        hidden_scores_zero,
        first_head_masked,
        nan_in_an_empty_row,
        even_in_an_empty_row,
        no_bias_in_an_empty_row,
        nan_in_the_gradient,
        mask_without_head_axis,
        head_axis_always,
        first_example_for_all,
        dropout,
        keys_kept,
        weights_detached,
        with_weights,
        changes_q,
        one_head_small_scale,
        cut_across_the_tokens_on_the_way_in,
        split_feature_by_feature,
        values_by_the_keys_layer,
        one_projection_for_both,
        mean_of_contexts,
        residual_added,
        scaled_by_length,
        softmax_over_queries_masked,
        mask_added,
        nan_replaced_too_late,
        masks_out_of_step,
        two_head_axes,
        every_mask_for_padding,
        length_of_queries_for_keys,
        not_contiguous,
        rest_dropped,
        none_is_used,
        multiplied_by_root,
        weights_minus_inf,
        large_number_added,
        divided_by_zero,
        maximum_of_hidden_scores,
        causal_too,
    ],
    properties=[hidden_keys_do_not_matter],
    hints=[
        "Which features belong to head 0, which to head 1? Which axis must stand last but one for attention?",
        (
            "`x.view(B, n, n_heads, d_head).transpose(1, 2)` splits, `.transpose(1, 2).flatten(2)` puts "
            "together. A mask of three axes needs one more for the heads: `mask.unsqueeze(1)`."
        ),
        (
            "`scores = queries @ keys.transpose(-2, -1) / d_head**0.5` is (B, n_heads, n_q, n_k); mask, "
            "softmax, `weights @ values`; put the heads together, then `self.W_o(...)`."
        ),
    ],
)
