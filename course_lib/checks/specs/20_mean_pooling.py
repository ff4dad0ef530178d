"""Exercise `mean_pooling` (lesson 20): one vector for a sentence, the mean of its real tokens."""

import numpy as np
import torch

from course_lib.checks import Case, Exercise
from course_lib.transformer.bert import mean_pool

# ------------------------------------------------------------------ a solution, and other right ways


def mean_pooling(x, keep):
    total = (x * keep.unsqueeze(-1)).sum(dim=1)
    return total / keep.sum(dim=1, keepdim=True).clamp(min=1)


def sentence_by_sentence(x, keep):
    means = [
        row[kept].mean(dim=0) if kept.any() else torch.zeros_like(row[0])
        for row, kept in zip(x, keep, strict=True)
    ]
    return torch.stack(means)


def as_attention(x, keep):
    weights = keep.to(x.dtype)
    weights = weights / weights.sum(1, keepdim=True).clamp(min=1)
    return torch.einsum("bn,bnd->bd", weights, x)


def with_nan_replaced(x, keep):
    total = x.masked_fill(~keep[:, :, None], 0).sum(1)
    return torch.nan_to_num(total / keep.sum(1)[:, None], nan=0.0)


# ------------------------------------------------------------------ stored wrong answers


def kept_only(x, keep):
    """x with zeros in the place of padding."""
    return x * keep.unsqueeze(-1)


def counts(keep):
    return keep.sum(1, keepdim=True).clamp(min=1)


def padding_ignored(x, keep):
    """`keep` is not used: padding counts as well in your mean. Leave it out of the sum and of the number."""
    return x.mean(1)


def divided_by_all_places(x, keep):
    """You leave padding out of the sum and still divide by n: divide by the number of real tokens."""
    return kept_only(x, keep).mean(1)


def padding_in_the_sum(x, keep):
    """You divide by the number of real tokens, but padding is in the sum: set it to 0 first."""
    return x.sum(1) / counts(keep)


def nan_without_tokens(x, keep):
    """A sentence of padding alone gives 0 / 0, nan: by the contract it gives zeros. Divide by at least 1."""
    return kept_only(x, keep).sum(1) / keep.sum(1, keepdim=True)


def one_added(x, keep):
    """You add 1 to the number of tokens to avoid a division by 0, which makes every mean too small:
    clamp(min=1) changes the empty sentence alone."""
    return kept_only(x, keep).sum(1) / (keep.sum(1, keepdim=True) + 1)


def plain_mean_without_tokens(x, keep):
    """A sentence of padding alone gets the mean of its padding: by the contract it gives zeros."""
    empty = ~keep.any(1, keepdim=True)
    return mean_pooling(x, keep | empty)


def sum_alone(x, keep):
    """You return the sum: divide by the number of real tokens, or long sentences get long vectors."""
    return kept_only(x, keep).sum(1)


def turned_round(x, keep):
    """You average the padding: True in keep is a real token."""
    return mean_pooling(x, ~keep)


def over_the_batch(x, keep):
    """You average over the examples, axis 0: over the tokens, axis 1."""
    return kept_only(x, keep).sum(0) / keep.sum(0).unsqueeze(-1).clamp(min=1)


def over_the_features(x, keep):
    """You average over the features, the last axis: over the tokens, axis 1, so that d numbers stay."""
    return kept_only(x, keep).mean(-1)


def number_of_the_whole_batch(x, keep):
    """You divide by the number of real tokens of the whole batch: each sentence has a number of its own,
    keep.sum(dim=1)."""
    return kept_only(x, keep).sum(1) / keep.sum().clamp(min=1)


def one_vector_for_all(x, keep):
    """You average over all sentences at once: each has a vector of its own, (B, d)."""
    return x[keep].sum(0) / keep.sum().clamp(min=1)


def first_keep_for_all(x, keep):
    """Every sentence gets the first one's padding: each has its own row of keep."""
    return mean_pooling(x, keep[:1].expand_as(keep))


def cut_at_the_number(x, keep):
    """You average the first tokens, as many as are real: padding may stand in front, so look where keep is
    True."""
    n_real = keep.sum(1, keepdim=True)
    return mean_pooling(x, torch.arange(x.shape[1]) < n_real)


def first_token(x, keep):
    """You take the first token, [CLS] in BERT: here the mean of all real tokens is asked for."""
    return x[:, 0] * keep.any(1, keepdim=True)


def first_token_always(x, keep):
    """You take the first token whatever keep says: the mean of all real tokens is asked for."""
    return x[:, 0]


def last_real_token(x, keep):
    """You take the last real token: the mean of all real tokens is asked for."""
    last = (torch.arange(x.shape[1]) * keep).argmax(1)
    return x[torch.arange(len(x)), last] * keep.any(1, keepdim=True)


def largest(x, keep):
    """You take the largest number of each feature, which is max pooling: the mean is asked for."""
    return x.masked_fill(~keep.unsqueeze(-1), -torch.inf).amax(1).nan_to_num(neginf=0.0)


def zeros_left_out(x, keep):
    """You take numbers that are 0 for padding: a real token may have a feature of 0, count with keep."""
    kept = kept_only(x, keep)
    return kept.sum(1) / (kept != 0).sum(1).clamp(min=1)


def without_first_and_last(x, keep):
    """You leave out the first and the last place as if [CLS] and [SEP] stood there: every token with True in
    keep counts."""
    inner = keep.clone()
    inner[:, 0] = inner[:, -1] = False
    return mean_pooling(x, inner)


def normalised(x, keep):
    """Your vectors have length 1: that is a step after pooling. Return the mean itself."""
    return torch.nn.functional.normalize(mean_pooling(x, keep), dim=-1)


def root_of_the_number(x, keep):
    """You divide by the root of the number of tokens: a mean divides by the number."""
    return kept_only(x, keep).sum(1) / counts(keep) ** 0.5


def axis_left_over(x, keep):
    """Your result is (B, 1, d): the token axis goes away, so sum without keepdim."""
    return mean_pooling(x, keep).unsqueeze(1)


def tokens_stay(x, keep):
    """Your padding is 0, but the mean is missing: average over the tokens, (B, d)."""
    return kept_only(x, keep)


def keep_without_an_axis(x, keep):
    """`keep` is (B, n) and x is (B, n, d), so they line up wrongly: give keep an axis for the features,
    keep.unsqueeze(-1)."""
    return (x * keep).sum(1) / counts(keep)


def number_without_an_axis(x, keep):
    """The number of tokens is (B,) and the sum (B, d), so they line up wrongly: give it an axis,
    keep.sum(dim=1, keepdim=True)."""
    return kept_only(x, keep).sum(1) / keep.sum(1).clamp(min=1)


def changes_x(x, keep):
    """The caller's x is changed in place: write `x * keep.unsqueeze(-1)` into a new tensor, not `x[~keep] =
    0`."""
    x[~keep] = 0
    return x.sum(1) / counts(keep)


def softmax_of_keep(x, keep):
    """You take the softmax of keep, which gives padding some weight: weights are 1 / number for real tokens
    and 0 for padding."""
    return torch.einsum("bn,bnd->bd", keep.to(x.dtype).softmax(1), x)


def no_new_axis_at_all(x, keep):
    """Neither keep nor the number of tokens has an axis for the features: write keep.unsqueeze(-1) and
    keep.sum(dim=1, keepdim=True)."""
    return (x * keep).sum(1) / keep.sum(1).clamp(min=1)


def sum_with_an_axis_too_many(x, keep):
    """Your sum keeps the token axis, (B, 1, d), and meets the number (B, 1) wrongly: sum x without keepdim,
    the number with it."""
    return kept_only(x, keep).sum(1, keepdim=True) / counts(keep)


def real_tokens_reshaped(x, keep):
    """x[keep] is one long row of real tokens, and a view into B equal parts mixes the sentences: they have
    different lengths, so set padding to 0 and sum."""
    return x[keep].view(x.shape[0], -1, x.shape[2]).mean(1)


def one_vector_of_nothing_too(x, keep):
    """You average over all sentences at once, x[keep].mean(0): each has a vector of its own, (B, d)."""
    return x[keep].mean(0)


def summed_over_the_features(x, keep):
    """You sum over the features, the last axis: sum over the tokens, axis 1, so that d numbers stay."""
    return kept_only(x, keep).sum(-1) / counts(keep)


# ------------------------------------------------------------------ the exercise


def padding_does_not_matter(seen):
    """What stands at padded places changes your vectors: they are neither in the sum nor in the number."""
    one, other = (seen[name].outputs["pooled"] for name in ("3 sentences", "other numbers in the padding"))
    return np.allclose(one, other, rtol=1e-4, atol=1e-5)


def usual(padding=1.0):
    """Always the same 3 sentences of 5 places."""
    x = np.random.default_rng(20).normal(size=(3, 5, 7))
    keep = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1], [1, 0, 0, 0, 0]], bool)
    return np.where(keep[..., None], x, padding * x), keep


def by_hand(tokens, keep):
    """One sentence of one feature."""
    return lambda rng: (np.array(tokens, float).reshape(1, -1, 1), np.array([keep], bool))


def random(keep, d=3):
    return lambda rng: (rng.normal(size=(*np.shape(keep), d)), np.array(keep, bool))


EXERCISE = Exercise(
    id="mean_pooling",
    contract=(
        "mean_pooling(x, keep) -> pooled (B, d); x (B, n, d), keep (B, n) bool, True for real tokens. The "
        "mean of the real tokens of each example; an example of padding alone gives zeros."
    ),
    minutes=10,
    difficulty=2,
    points=2,
    takes="torch",
    arguments={"x": ("B", "n", "d"), "keep": ("B", "n")},
    outputs={"pooled": ("B", "d")},
    cases=[
        Case("3 sentences", lambda rng: usual(), weight=3),
        Case("other numbers in the padding", lambda rng: usual(-9.0)),
        Case("by hand: 1 and 3, then padding", by_hand([1, 3, 100], [1, 1, 0])),
        Case("by hand: 4 and 0", by_hand([4, 0], [1, 1])),
        Case("padding alone", by_hand([5, 7], [0, 0])),
        Case("one of two is padding alone", random([[1, 1, 0, 0], [0, 0, 0, 0]]), weight=2),
        Case("padding in front", random([[0, 0, 1, 1], [0, 1, 1, 1]])),
        Case("padding in between", random([[1, 0, 1, 1, 0]], 2)),
        Case("nothing padded", random(np.ones((2, 3)), 5)),
        Case("one token", random([[1], [1]], 4)),
        Case("all sizes equal", random([[1, 1, 0], [1, 0, 0], [1, 1, 1]], 3)),
    ],
    reference=mean_pool,
    solution=mean_pooling,
    right=[mean_pooling, sentence_by_sentence, as_attention, with_nan_replaced],
    wrong=[
        padding_ignored,
        divided_by_all_places,
        padding_in_the_sum,
        nan_without_tokens,
        one_added,
        plain_mean_without_tokens,
        sum_alone,
        turned_round,
        over_the_batch,
        over_the_features,
        number_of_the_whole_batch,
        one_vector_for_all,
        first_keep_for_all,
        cut_at_the_number,
        first_token,
        first_token_always,
        last_real_token,
        largest,
        zeros_left_out,
        without_first_and_last,
        normalised,
        root_of_the_number,
        axis_left_over,
        tokens_stay,
        keep_without_an_axis,
        number_without_an_axis,
        changes_x,
        softmax_of_keep,
        no_new_axis_at_all,
        sum_with_an_axis_too_many,
        real_tokens_reshaped,
        one_vector_of_nothing_too,
        summed_over_the_features,
    ],
    properties=[padding_does_not_matter],
    hints=[
        "Padding must stay out of two things. Which? And what is 0 / 0 for a sentence without a token?",
        "`x * keep.unsqueeze(-1)` sets padding to 0; `keep.sum(dim=1, keepdim=True)` counts the real tokens.",
        "`(x * keep.unsqueeze(-1)).sum(dim=1) / keep.sum(dim=1, keepdim=True).clamp(min=1)`.",
    ],
)
