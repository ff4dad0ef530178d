"""Exercise `CrossAttention` (lesson 08): a decoder asks an encoder."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from course_lib.checks import Case, Exercise
from course_lib.transformer import attention


class Library(attention.CrossAttention):
    """The library's module, which returns the weights too when it is asked for them."""

    def forward(self, dec, enc, enc_keep=None):
        return super().forward(dec, enc, enc_keep, return_weights=True)


# ------------------------------------------------------------------ a solution, and other right ways


class CrossAttention(nn.Module):
    def __init__(self, d_model):
        super().__init__()
        self.W_q = nn.Linear(d_model, d_model, bias=False)
        self.W_k = nn.Linear(d_model, d_model, bias=False)
        self.W_v = nn.Linear(d_model, d_model, bias=False)

    def forward(self, dec, enc, enc_keep=None):
        queries, keys, values = self.W_q(dec), self.W_k(enc), self.W_v(enc)
        scores = queries @ keys.transpose(-2, -1) / queries.shape[-1] ** 0.5
        if enc_keep is not None:
            hidden = ~enc_keep[:, None, :]
            scores = scores.masked_fill(hidden, torch.finfo(scores.dtype).min)
            weights = scores.softmax(dim=-1).masked_fill(hidden, 0)
        else:
            weights = scores.softmax(dim=-1)
        return weights @ values, weights


class ByExponentials(CrossAttention):
    def forward(self, dec, enc, enc_keep=None):
        keep = torch.ones(enc.shape[:2], dtype=torch.bool) if enc_keep is None else enc_keep
        scores = torch.einsum("bqd,bkd->bqk", self.W_q(dec), self.W_k(enc)) * dec.shape[-1] ** -0.5
        keep = keep.unsqueeze(1).expand_as(scores)
        largest = scores.masked_fill(~keep, -1e30).amax(-1, keepdim=True)
        powers = torch.where(keep, scores - largest, -1e30).exp() * keep
        total = powers.sum(-1, keepdim=True)
        weights = powers / torch.where(total == 0, 1, total)
        return torch.einsum("bqk,bkd->bqd", weights, self.W_v(enc)), weights


class ExampleByExample(CrossAttention):
    def forward(self, dec, enc, enc_keep=None):
        outputs, tables = [], []
        for b in range(len(dec)):
            keep = torch.ones(enc.shape[1], dtype=torch.bool) if enc_keep is None else enc_keep[b]
            table = torch.zeros(dec.shape[1], enc.shape[1], dtype=dec.dtype)
            real = enc[b][keep]
            if len(real) > 0:
                scores = self.W_q(dec[b]) @ self.W_k(real).T / self.W_q.in_features**0.5
                table[:, keep] = scores.softmax(-1)
            outputs.append(table @ self.W_v(enc[b]))
            tables.append(table)
        return torch.stack(outputs), torch.stack(tables)


class NanReplaced(CrossAttention):
    def forward(self, dec, enc, enc_keep=None):
        scores = torch.bmm(self.W_q(dec), self.W_k(enc).mT) / dec.size(-1) ** 0.5
        if enc_keep is not None:  # masked_fill stops the gradient of an empty row, so its nan goes nowhere
            scores = scores.masked_fill(~enc_keep[:, None, :], -torch.inf)
        weights = F.softmax(scores, dim=2).nan_to_num()
        return [torch.bmm(weights, self.W_v(enc)), weights]


class EmptyRowsOpened(CrossAttention):
    def forward(self, dec, enc, enc_keep=None):
        scores = torch.bmm(self.W_q(dec), self.W_k(enc).mT) / dec.size(-1) ** 0.5
        if enc_keep is None:
            weights = F.softmax(scores, dim=2)
        else:
            empty = ~enc_keep.any(dim=1)[:, None, None]
            keep = enc_keep[:, None, :] | empty  # a softmax of something, thrown away below
            weights = F.softmax(scores.masked_fill(~keep, -torch.inf), dim=2)
            weights = torch.where(empty, 0.0, weights)
        return [torch.bmm(weights, self.W_v(enc)), weights]


# ------------------------------------------------------------------ stored wrong answers


class Steps(CrossAttention):
    """The solution in steps, each of which a wrong answer can replace."""

    def forward(self, dec, enc, enc_keep=None):
        scores = self.score(dec, enc)
        weights = scores.softmax(-1) if enc_keep is None else self.masked(scores, enc_keep[:, None, :])
        return self.read(weights, dec, enc)

    def score(self, dec, enc):
        return self.compare(self.W_q(dec), self.W_k(enc))

    def compare(self, queries, keys):
        return queries @ keys.transpose(-2, -1) / queries.shape[-1] ** 0.5

    def masked(self, scores, keep):
        return scores.masked_fill(~keep, torch.finfo(scores.dtype).min).softmax(-1).masked_fill(~keep, 0)

    def read(self, weights, dec, enc):
        return weights @ self.W_v(enc), weights


class encoder_asks(Steps):
    """Your encoder asks the decoder: the queries come from dec, keys and values from enc."""

    def forward(self, dec, enc, enc_keep=None):
        weights = self.compare(self.W_q(enc), self.W_k(dec)).softmax(-1)
        return weights @ self.W_v(dec), weights


class decoder_asks_itself(Steps):
    """Your decoder attends to itself: keys and values come from enc, only the queries from dec."""

    def forward(self, dec, enc, enc_keep=None):
        weights = self.compare(self.W_q(dec), self.W_k(dec)).softmax(-1)
        return weights @ self.W_v(dec), weights


class encoder_asks_itself(Steps):
    """Your encoder attends to itself: the queries come from dec."""

    def forward(self, dec, enc, enc_keep=None):
        return super().forward(enc, enc, enc_keep)


class swapped(Steps):
    """You return (weights, output); the order asked for is (output, weights)."""

    def read(self, weights, dec, enc):
        return weights, weights @ self.W_v(enc)


class output_alone(Steps):
    """You return the output alone: the weights (B, n_dec, n_enc) are asked for too."""

    def read(self, weights, dec, enc):
        return weights @ self.W_v(enc)


class no_scale(Steps):
    """You do not divide the scores by the square root of d_model."""

    def compare(self, queries, keys):
        return queries @ keys.transpose(-2, -1)


class no_root(Steps):
    """You divide the scores by d_model: take its square root."""

    def compare(self, queries, keys):
        return queries @ keys.transpose(-2, -1) / queries.shape[-1]


class scaled_by_length(Steps):
    """You divide by the square root of the number of keys: the scale comes from the features, d_model."""

    def compare(self, queries, keys):
        return queries @ keys.transpose(-2, -1) / keys.shape[-2] ** 0.5


class one_projection_for_both(Steps):
    """You use W_q for the keys as well: the keys have a projection of their own, W_k."""

    def score(self, dec, enc):
        return self.compare(self.W_q(dec), self.W_q(enc))


class projections_exchanged(Steps):
    """You project the decoder with W_k and the encoder with W_q: the one that asks goes through W_q."""

    def score(self, dec, enc):
        return self.compare(self.W_k(dec), self.W_q(enc))


class keys_read(Steps):
    """You take the weighted mean of the keys: what is read are the values, W_v(enc)."""

    def read(self, weights, dec, enc):
        return weights @ self.W_k(enc), weights


class memory_read(Steps):
    """You take the weighted mean of enc as it came: what is read are the values, W_v(enc)."""

    def read(self, weights, dec, enc):
        return weights @ enc, weights


class residual_added(Steps):
    """You add dec to the output: the residual connection belongs to a later lesson, here it is the weighted
    mean alone."""

    def read(self, weights, dec, enc):
        return weights @ self.W_v(enc) + dec, weights


class softmax_over_queries(Steps):
    """Your softmax runs over the decoder's tokens: the weights of one query over all keys must sum to 1, so
    dim=-1."""

    def forward(self, dec, enc, enc_keep=None):
        weights = self.score(dec, enc).softmax(1)
        if enc_keep is not None:
            weights = weights.masked_fill(~enc_keep[:, None, :], 0)
        return self.read(weights, dec, enc)


class no_softmax(Steps):
    """You use the scores as weights: softmax over the keys makes weights of them."""

    def forward(self, dec, enc, enc_keep=None):
        scores = self.score(dec, enc)
        if enc_keep is not None:
            scores = scores.masked_fill(~enc_keep[:, None, :], 0)
        return self.read(scores, dec, enc)


class no_maximum(Steps):
    """Your own softmax overflows for large scores: subtract the largest first, or use softmax of torch."""

    def forward(self, dec, enc, enc_keep=None):
        powers = self.score(dec, enc).exp()
        if enc_keep is not None:
            powers = powers * enc_keep[:, None, :]
        total = powers.sum(-1, keepdim=True)
        return self.read(powers / torch.where(total == 0, 1, total), dec, enc)


class keep_demanded(Steps):
    """Your `forward` cannot be called without enc_keep: give the argument its default, `enc_keep=None`."""

    def forward(self, dec, enc, enc_keep):
        return super().forward(dec, enc, enc_keep)


class ignores_keep(Steps):
    """You take no notice of enc_keep: where it is False stands padding, which gets weight 0."""

    def masked(self, scores, keep):
        return scores.softmax(-1)


class keep_reversed(Steps):
    """Your mask is the wrong way round: True in enc_keep means that a token may be attended."""

    def masked(self, scores, keep):
        return super().masked(scores, ~keep)


class mask_after_softmax(Steps):
    """You set the padding to 0 after the softmax, so the rest no longer sums to 1: hide the scores before."""

    def masked(self, scores, keep):
        return scores.softmax(-1) * keep


class padding_scores_zero(Steps):
    """You set the scores of padding to 0: the softmax gives exp(0) = 1 to them. Hide them with a very low
    number."""

    def masked(self, scores, keep):
        return (scores * keep).softmax(-1)


class nan_in_an_empty_row(Steps):
    """A sentence of nothing but padding gives nan: all its scores are -inf. By our contract its weights and
    its output are 0."""

    def masked(self, scores, keep):
        return scores.masked_fill(~keep, -torch.inf).softmax(-1)


class even_in_an_empty_row(Steps):
    """A sentence of nothing but padding gets equal weights, as all its scores are the same: by our contract
    they are 0."""

    def masked(self, scores, keep):
        return scores.masked_fill(~keep, torch.finfo(scores.dtype).min).softmax(-1)


class nan_in_the_gradient(Steps):
    """You add -inf and replace the nan of an empty row afterwards: the output is right, but the gradient is
    nan. Fill with a finite number and set the weights to 0 afterwards."""

    def masked(self, scores, keep):
        hidden = torch.zeros_like(scores).masked_fill(~keep, -torch.inf)
        return (scores + hidden).softmax(-1).nan_to_num()


class fills_with_minus_10(Steps):
    """The number that hides a score is too near: padding shows through. Use the lowest of the dtype."""

    def masked(self, scores, keep):
        return scores.masked_fill(~keep, -10.0).softmax(-1) * keep.any(-1, keepdim=True)


class first_example_for_all(Steps):
    """All examples get the mask of the first: each has padding of its own, so write enc_keep[:, None, :]."""

    def masked(self, scores, keep):
        return super().masked(scores, keep[:1])


class mask_without_new_axis(Steps):
    """Your enc_keep has no axis for the queries, so its examples line up with the queries: write
    enc_keep[:, None, :]."""

    def masked(self, scores, keep):
        return super().masked(scores, keep[:, 0, :])


class hides_queries(Steps):
    """Your mask hides rows: padding is a key, so False in enc_keep closes a column of the scores."""

    def masked(self, scores, keep):
        return super().masked(scores, keep.transpose(1, 2).expand_as(scores))


class padding_removed_from_values(Steps):
    """You set the padded tokens to 0 and attend to them: their score is then 0, not hidden, and takes weight
    away."""

    def forward(self, dec, enc, enc_keep=None):
        return super().forward(dec, enc if enc_keep is None else enc * enc_keep[:, :, None])


class causal_too(Steps):
    """You hide the later tokens of the encoder: the whole source is known, so only padding is hidden here."""

    def score(self, dec, enc):
        scores = super().score(dec, enc)
        return scores.masked_fill(~torch.ones(scores.shape[1:], dtype=torch.bool).tril(), -1e30)


class last_keep_kept(Steps):
    """You keep the mask of an earlier call: a module holds parameters, the mask belongs to one call."""

    def forward(self, dec, enc, enc_keep=None):
        fits = getattr(self, "keep", None) is not None and self.keep.shape == enc.shape[:2]
        self.keep = self.keep if fits and enc_keep is None else enc_keep
        return super().forward(dec, enc, self.keep)


class weights_detached(Steps):
    """The output is right, but the weights are detached: no gradient reaches W_q and W_k, so they would never
    learn."""

    def read(self, weights, dec, enc):
        return super().read(weights.detach(), dec, enc)


class changes_enc(Steps):
    """The caller's enc is changed in place, where padding stands: the next layer reads it again. Make a
    new tensor."""

    def forward(self, dec, enc, enc_keep=None):
        result = super().forward(dec, enc, enc_keep)
        if enc_keep is not None:
            enc[~enc_keep] = 0
        return result


class scores_returned(Steps):
    """Your output is right, but the second result holds the scores: return the weights, after the softmax."""

    def forward(self, dec, enc, enc_keep=None):
        output, _ = super().forward(dec, enc, enc_keep)
        return output, self.score(dec, enc)


class values_hidden_alone(Steps):
    """You set the values of padding to 0, but padding keeps its weight: hide the scores, so that the real
    tokens share all of it."""

    def forward(self, dec, enc, enc_keep=None):
        weights = self.score(dec, enc).softmax(-1)
        values = self.W_v(enc)
        return weights @ (values if enc_keep is None else values * enc_keep[:, :, None]), weights


class mask_added(Steps):
    """You add True and False to the scores, which counts as 1 and 0 and hides nothing: use masked_fill with
    a very low number where enc_keep is False."""

    def masked(self, scores, keep):
        return (scores + keep).softmax(-1)


class divided_by_zero(Steps):
    """You set the weights of padding to 0 and divide by the sum of the rest, which may be 0: hide the scores
    before the softmax, and set an empty row to 0."""

    def masked(self, scores, keep):
        weights = scores.softmax(-1) * keep
        return weights / weights.sum(-1, keepdim=True)


class maximum_of_hidden_scores(Steps):
    """You take the maximum over hidden scores too: where one of them is far above, the others underflow to 0.
    Hide the scores first, then subtract the maximum."""

    def masked(self, scores, keep):
        powers = (scores - scores.detach().amax(-1, keepdim=True)).exp() * keep
        return powers / powers.sum(-1, keepdim=True).clamp(min=1e-30)


class nan_in_the_weights(Steps):
    """You replace the nan of a sentence of nothing but padding in the output alone: the weights are returned
    too, and shall be 0."""

    def masked(self, scores, keep):
        return scores.masked_fill(~keep, -torch.inf).softmax(-1)

    def read(self, weights, dec, enc):
        return (weights @ self.W_v(enc)).nan_to_num(), weights


class all_or_nothing(Steps):
    """One empty sentence sets the whole batch to 0: each example has its own row in enc_keep, so ask
    `enc_keep.any(dim=1)` for each."""

    def masked(self, scores, keep):
        return super().masked(scores, keep) * keep.any(-1).all()


class reshaped_in_place_of_transposed(Steps):
    """You `reshape` or `view` the keys into the shape that fits, which mixes their numbers: exchange the axes
    with `transpose(1, 2)`."""

    def compare(self, queries, keys):
        turned = keys.reshape(keys.shape[0], keys.shape[2], keys.shape[1])
        return queries @ turned / queries.shape[-1] ** 0.5


class decoder_read(Steps):
    """You take the values from dec: what is read are the values of the encoder, W_v(enc)."""

    def read(self, weights, dec, enc):
        return weights @ self.W_v(dec), weights


class queries_masked_too(Steps):
    """You mask rows as well as columns: enc_keep speaks of the encoder's tokens, the keys, so write
    enc_keep[:, None, :] alone."""

    def masked(self, scores, keep):
        return super().masked(scores, keep & keep.transpose(1, 2))


class encoder_asks_masked(Steps):
    """Your encoder asks the decoder, and the mask fits no longer: queries come from dec, keys and values from
    enc."""

    def score(self, dec, enc):
        return super().score(enc, dec)

    def read(self, weights, dec, enc):
        return super().read(weights, enc, dec)


class decoder_asks_itself_masked(Steps):
    """Your decoder attends to itself, and the mask fits no longer: keys and values come from enc, only the
    queries from dec."""

    def forward(self, dec, enc, enc_keep=None):
        return super().forward(dec, dec, enc_keep)


class mask_in_columns(Steps):
    """Your new axis stands last, so the mask meets the queries: padding is a key, write
    enc_keep[:, None, :]."""

    def masked(self, scores, keep):
        return super().masked(scores, keep.transpose(1, 2))


class none_is_used(Steps):
    """You use enc_keep without asking whether it came: None means that nothing is hidden."""

    def forward(self, dec, enc, enc_keep=None):
        return self.read(self.masked(self.score(dec, enc), enc_keep[:, None, :]), dec, enc)


class batch_turned_too(Steps):
    """`.T` turns all axes round, the batch too: exchange the last two alone, with `transpose(1, 2)`."""

    def compare(self, queries, keys):
        return queries @ keys.permute(2, 1, 0) / queries.shape[-1] ** 0.5


class multiplied_by_root(Steps):
    """You multiply the scores by the square root of d_model: divide by it."""

    def compare(self, queries, keys):
        return queries @ keys.transpose(-2, -1) * queries.shape[-1] ** 0.5


class weights_minus_inf(Steps):
    """You write -inf into the weights, after the softmax: write it into the scores, before it."""

    def masked(self, scores, keep):
        return scores.softmax(-1).masked_fill(~keep, -torch.inf)


class values_by_the_keys_layer(Steps):
    """You exchange W_k and W_v: keys are W_k(enc), values W_v(enc)."""

    def score(self, dec, enc):
        return self.compare(self.W_q(dec), self.W_v(enc))

    def read(self, weights, dec, enc):
        return weights @ self.W_k(enc), weights


class large_number_added(Steps):
    """A sentence of nothing but padding still gets weights, as the same large number is taken off all its
    scores: by our contract they are 0."""

    def masked(self, scores, keep):
        return (scores - 1e9 * ~keep).softmax(-1)


# ------------------------------------------------------------------ the exercise


def rows_sum_to_one_or_zero(seen):
    """The weights of a query must sum to 1, or to 0 where the sentence is nothing but padding."""
    for case in seen.values():
        weights, keep = case.outputs["weights"], case.inputs.get("enc_keep")
        there = np.ones(len(weights)) if keep is None else keep.any(axis=1)
        if not np.allclose(weights.sum(-1), there[:, None], atol=1e-4):
            return False
    return True


def padding_gets_nothing(seen):
    """Where enc_keep is False, every weight must be 0."""
    for case in seen.values():
        keep = case.inputs.get("enc_keep")
        if keep is not None and np.any(case.outputs["weights"].swapaxes(1, 2)[~keep]):
            return False
    return True


def keep(*rows):
    return np.array(rows, dtype=bool)


def sentences(rng, batch, n_dec, n_enc, d, size=1.0):
    """dec and enc of these sizes."""
    return size * rng.normal(size=(batch, n_dec, d)), size * rng.normal(size=(batch, n_enc, d))


def words(*numbers):
    return np.array(numbers, dtype=float).reshape(1, -1, 1)


FIXED = {
    f"W_{name}.weight": np.random.default_rng(seed).normal(size=(7, 7)) / 7**0.5
    for seed, name in enumerate("qkv")
}
ONES = {"W_q.weight": [[1.0]], "W_k.weight": [[1.0]], "W_v.weight": [[2.0]]}

EXERCISE = Exercise(
    id="CrossAttention",
    contract=(
        "CrossAttention(d_model), an nn.Module; W_q, W_k, W_v = nn.Linear(d_model, d_model, bias=False); "
        "forward(dec, enc, enc_keep=None): dec (B, n_dec, d_model), enc (B, n_enc, d_model), enc_keep "
        "(B, n_enc) bool -> (output (B, n_dec, d_model), weights (B, n_dec, n_enc)). Nothing to "
        "attend to: zeros."
    ),
    minutes=25,
    difficulty=3,
    points=3,
    takes="torch",
    arguments={
        "d_model": (),
        "dec": ("B", "n_dec", "d_model"),
        "enc": ("B", "n_enc", "d_model"),
        "enc_keep": ("B", "n_enc"),
    },
    outputs={"output": ("B", "n_dec", "d_model"), "weights": ("B", "n_dec", "n_enc")},
    parameters={f"W_{name}.weight": ("d_model", "d_model") for name in "qkv"},
    n_init=1,
    cases=[
        Case(
            "2 examples, 3 ask 5",
            lambda rng: (7, *sentences(rng, 2, 3, 5, 7), keep([1, 1, 1, 0, 0], [1, 1, 1, 1, 0])),
            weight=3,
        ),
        Case("without padding", lambda rng: (7, *sentences(rng, 2, 3, 5, 7)), weight=2),
        Case("by hand", lambda rng: (1, words(1.0), words(1.0, 2.0), None), weights=ONES),
        Case("by hand, padding", lambda rng: (1, words(1.0), words(1.0, 2.0), keep([1, 0])), weights=ONES),
        Case("nothing but padding", lambda rng: (1, words(1.0), words(1.0, 2.0), keep([0, 0])), weights=ONES),
        Case(
            "one sentence is empty",
            lambda rng: (7, *sentences(rng, 2, 3, 5, 7), keep([1, 1, 0, 0, 0], [0, 0, 0, 0, 0])),
        ),
        Case(
            "padding in front",
            lambda rng: (5, *sentences(rng, 1, 2, 3, 5), keep([0, 1, 1])),
        ),
        Case(
            "all sizes equal",
            lambda rng: (3, *sentences(rng, 3, 3, 3, 3), keep([1, 1, 0], [1, 1, 1], [1, 0, 0])),
        ),
        Case(
            "large tokens",
            lambda rng: (
                7,
                *sentences(np.random.default_rng(1), 2, 3, 5, 7, 30.0),
                keep([1, 1, 1, 0, 0], [1, 1, 1, 1, 0]),
            ),
            weights=FIXED,
        ),
        Case("large scores", lambda rng: (1, words(40.0), words(40.0, 41.0), None), weights=ONES),
        Case(
            "a hidden score far above",
            lambda rng: (1, words(30.0), words(1.0, 30.0, -2.0), keep([1, 0, 1])),
            weights=ONES,
        ),
    ],
    reference=Library,
    solution=CrossAttention,
    right=[CrossAttention, ByExponentials, ExampleByExample, EmptyRowsOpened, NanReplaced],
    wrong=[
        encoder_asks,
        decoder_asks_itself,
        encoder_asks_itself,
        swapped,
        output_alone,
        no_scale,
        no_root,
        scaled_by_length,
        one_projection_for_both,
        projections_exchanged,
        keys_read,
        memory_read,
        residual_added,
        softmax_over_queries,
        no_softmax,
        no_maximum,
        keep_demanded,
        ignores_keep,
        keep_reversed,
        mask_after_softmax,
        padding_scores_zero,
        nan_in_an_empty_row,
        even_in_an_empty_row,
        nan_in_the_gradient,
        fills_with_minus_10,
        first_example_for_all,
        mask_without_new_axis,
        hides_queries,
        padding_removed_from_values,
        causal_too,
        last_keep_kept,
        weights_detached,
        changes_enc,
        scores_returned,
        values_hidden_alone,
        mask_added,
        divided_by_zero,
        maximum_of_hidden_scores,
        nan_in_the_weights,
        all_or_nothing,
        reshaped_in_place_of_transposed,
        decoder_read,
        queries_masked_too,
        encoder_asks_masked,
        decoder_asks_itself_masked,
        mask_in_columns,
        none_is_used,
        batch_turned_too,
        multiplied_by_root,
        weights_minus_inf,
        values_by_the_keys_layer,
        large_number_added,
    ],
    properties=[padding_gets_nothing, rows_sum_to_one_or_zero],
    hints=[
        "Two sequences, three projections: which of the sequences asks, and what does each projection read?",
        (
            "`self.W_q(dec)` is (B, n_dec, d_model), `self.W_k(enc)` and `self.W_v(enc)` are (B, n_enc, "
            "d_model). `enc_keep[:, None, :]` fits every query. What is the softmax of a "
            "row that is hidden as a whole?"
        ),
        (
            "Fill hidden scores with `torch.finfo(scores.dtype).min`, take the softmax over the last axis, "
            "then `weights.masked_fill(~enc_keep[:, None, :], 0)`; return `weights @ values, weights`."
        ),
    ],
)
