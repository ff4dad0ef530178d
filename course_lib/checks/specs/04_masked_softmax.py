"""Exercise `masked_softmax` (lesson 04): weights over the keys that a query may attend."""

import numpy as np

from course_lib import by_hand
from course_lib.by_hand import softmax
from course_lib.checks import Case, Exercise
from course_lib.checks.forbids import BESIDE_NUMPY, SOFTMAX

# ------------------------------------------------------------------ a solution, and other right ways


def masked_softmax(scores, key_keep, causal):
    n_q, n_k = scores.shape[-2:]
    mask = np.broadcast_to(key_keep[:, None, :], scores.shape)
    if causal:
        mask = mask & np.tril(np.ones((n_q, n_k), bool), k=n_k - n_q)
    hidden = np.where(mask, scores, -np.inf)
    largest = hidden.max(axis=-1, keepdims=True)
    exponentials = np.exp(hidden - np.where(np.isinf(largest), 0, largest))
    total = exponentials.sum(axis=-1, keepdims=True)
    return exponentials / np.where(total == 0, 1, total)


def with_loops(scores, key_keep, causal):
    B, n_q, n_k = scores.shape
    weights = np.zeros(scores.shape)
    for b in range(B):
        for i in range(n_q):
            may = [j for j in range(n_k) if key_keep[b, j] and not (causal and j > i + n_k - n_q)]
            if may:
                weights[b, i, may] = softmax(scores[b, i, may])
    return weights


def with_positions(scores, key_keep, causal):
    n_q, n_k = scores.shape[-2:]
    mask = np.repeat(key_keep[:, None, :], n_q, axis=1)
    if causal:
        mask &= np.arange(n_k)[None, :] <= np.arange(n_k - n_q, n_k)[:, None]
    own = scores.copy()
    own[~mask] = -np.inf
    own -= own.max(axis=-1, keepdims=True)
    np.exp(own, out=own)
    own /= own.sum(axis=-1, keepdims=True)
    return np.nan_to_num(own, nan=0.0)


def with_a_bias(scores, key_keep, causal):
    bias = np.where(key_keep, 0.0, -np.inf)[:, None, :]
    if causal:
        n_q, n_k = scores.shape[-2:]
        bias = bias + np.triu(np.full((n_q, n_k), -np.inf), k=n_k - n_q + 1)
    shifted = scores + bias
    peak = np.nan_to_num(shifted.max(axis=-1, keepdims=True), neginf=0.0)
    powers = np.exp(shifted - peak)
    return powers / (powers.sum(axis=-1, keepdims=True) + 1e-30)


def mask_again_at_the_end(scores, key_keep, causal):
    mask = whole_mask(scores, key_keep, causal)
    weights = softmax(np.where(mask, scores, np.finfo(scores.dtype).min))
    return weights * mask


# ------------------------------------------------------------------ stored wrong answers


def past_only(scores, shift=0):
    n_q, n_k = scores.shape[-2:]
    return np.tril(np.ones((n_q, n_k), bool), k=n_k - n_q + shift)


def whole_mask(scores, key_keep, causal, shift=0):
    mask = np.broadcast_to(key_keep[:, None, :], scores.shape)
    return mask & past_only(scores, shift) if causal else mask


def hidden_softmax(scores, mask, fill=-np.inf):
    return softmax(np.where(mask, scores, fill))


def zeros_if_empty(weights, mask):
    return np.where(mask.any(axis=-1, keepdims=True), weights, 0.0)


def plain_softmax(x):
    exponentials = np.exp(x - x.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def mask_after_softmax(scores, key_keep, causal):
    """You set weights to 0 after the softmax, so the rows no longer sum to 1 and the hidden scores still
    count: hide the scores with -inf, then take the softmax."""
    return softmax(scores) * whole_mask(scores, key_keep, causal)


def hidden_scores_count_first(scores, key_keep, causal):
    """Hidden scores still set the scale before you divide: where one lies far above, all the others
    underflow to 0. Hide with -inf first, then take the largest score and the softmax."""
    weights = mask_after_softmax(scores, key_keep, causal)
    total = weights.sum(axis=-1, keepdims=True)
    return weights / np.where(total == 0, 1, total)


def renormalised_without_guard(scores, key_keep, causal):
    """You mask after the softmax and divide by what is left: where that is 0, 0/0 gives nan. Hide the scores
    with -inf before the softmax, and let an empty row be 0."""
    weights = mask_after_softmax(scores, key_keep, causal)
    return weights / weights.sum(axis=-1, keepdims=True)


def small_number_in_the_sum(scores, key_keep, causal):
    """You mask after the softmax and divide by what is left plus a small number: where a hidden score is
    large, little is left, and the small number takes over. Hide the scores first."""
    weights = mask_after_softmax(scores, key_keep, causal)
    return weights / (weights.sum(axis=-1, keepdims=True) + 1e-6)


def large_negative_number(scores, key_keep, causal):
    """An empty row is spread evenly over hidden keys, as a large negative number in place of -inf does: a
    query that may attend nothing gets a row of zeros."""
    return hidden_softmax(scores, whole_mask(scores, key_keep, causal), -1e9)


def adds_large_negative_number(scores, key_keep, causal):
    """You add a large negative number to the hidden scores: in an empty row all scores are moved alike, and
    softmax gives the hidden keys their weights back. Such a row must be zeros."""
    return softmax(scores + np.where(whole_mask(scores, key_keep, causal), 0.0, -1e9))


def fills_with_the_lowest_number(scores, key_keep, causal):
    """An empty row is spread evenly over hidden keys, because the lowest number of the dtype is a number
    still: all its scores are equal. A query that may attend nothing gets a row of zeros."""
    return hidden_softmax(scores, whole_mask(scores, key_keep, causal), np.finfo(scores.dtype).min)


def fills_with_minus_10000(scores, key_keep, causal):
    """A fill like -10000 is not low enough: where the real scores lie lower still, the hidden keys win. Use
    -np.inf, and zeros for an empty row."""
    return hidden_softmax(scores, whole_mask(scores, key_keep, causal), -1e4)


def adds_minus_10000(scores, key_keep, causal):
    """You add a number like -10000 to the hidden scores, which is not low enough: where the real scores lie
    lower still, the hidden keys win. Use -np.inf, and zeros for an empty row."""
    return softmax(scores + np.where(whole_mask(scores, key_keep, causal), 0.0, -1e4))


def fills_with_minus_10000_guarded(scores, key_keep, causal):
    """Your empty rows are right, but a fill like -10000 in place of a hidden score is not low enough: where
    the real scores lie lower still, the hidden keys win. Use -np.inf."""
    mask = whole_mask(scores, key_keep, causal)
    return zeros_if_empty(hidden_softmax(scores, mask, -1e4), mask)


def adds_minus_10000_guarded(scores, key_keep, causal):
    """Your empty rows are right, but adding a number like -10000 does not hide a score for certain: where the
    real scores lie lower still, the hidden keys win. Put -np.inf there with np.where."""
    return zeros_if_empty(adds_minus_10000(scores, key_keep, causal), whole_mask(scores, key_keep, causal))


def large_negative_number_guarded(scores, key_keep, causal):
    """Your empty rows are right, but a large negative number is not below every score: a real score of -2e9
    loses to -1e9, and the hidden key wins. Use -np.inf."""
    mask = whole_mask(scores, key_keep, causal)
    return zeros_if_empty(hidden_softmax(scores, mask, -1e9), mask)


def adds_large_negative_number_guarded(scores, key_keep, causal):
    """Your empty rows are right, but adding a large negative number does not hide a score for certain: real
    scores may lie lower still, and a hidden score of 2e9 stays on top. Put -np.inf there with np.where."""
    mask = whole_mask(scores, key_keep, causal)
    return zeros_if_empty(adds_large_negative_number(scores, key_keep, causal), mask)


def large_negative_number_masked_again(scores, key_keep, causal):
    """You hide with a large negative number and set the hidden weights to 0 once more: where the real scores
    lie below it, the hidden keys take the whole weight first, and zeros are left. Use -np.inf."""
    mask = whole_mask(scores, key_keep, causal)
    return hidden_softmax(scores, mask, -1e9) * mask


def adds_large_negative_number_masked_again(scores, key_keep, causal):
    """You add a large negative number and set the hidden weights to 0 once more: a hidden score that is still
    on top has taken the weight before. Put -np.inf there with np.where."""
    return adds_large_negative_number(scores, key_keep, causal) * whole_mask(scores, key_keep, causal)


def fills_with_minus_100(scores, key_keep, causal):
    """-100 is a score like any other: where the real scores lie near or below it, hidden keys get weight.
    Use -np.inf, and zeros for an empty row."""
    return hidden_softmax(scores, whole_mask(scores, key_keep, causal), -100.0)


def fills_with_minus_100_guarded(scores, key_keep, causal):
    """Your empty rows are right, but -100 is a score like any other: where the real scores lie near or below
    it, hidden keys get weight. Use -np.inf."""
    mask = whole_mask(scores, key_keep, causal)
    return zeros_if_empty(fills_with_minus_100(scores, key_keep, causal), mask)


def nan_in_an_empty_row(scores, key_keep, causal):
    """A query that may attend nothing gives nan: its largest score is -inf, and -inf minus -inf is nan.
    Treat an empty row apart, its weights are all 0."""
    return plain_softmax(np.where(whole_mask(scores, key_keep, causal), scores, -np.inf))


def guards_empty_sentences_only(scores, key_keep, causal):
    """You catch the example whose keys are all padding, and a row can be empty in another way: padding in
    front, and causal hides the rest. Look at each row of the whole mask."""
    weights = nan_in_an_empty_row(scores, key_keep, causal)
    return np.where(key_keep.any(axis=-1)[:, None, None], weights, 0.0)


def no_maximum(scores, key_keep, causal):
    """Large scores overflow, inf / inf is nan: subtract the largest score that may be attended before
    np.exp."""
    exponentials = np.exp(np.where(whole_mask(scores, key_keep, causal), scores, -np.inf))
    total = exponentials.sum(axis=-1, keepdims=True)
    return exponentials / np.where(total == 0, 1, total)


def no_maximum_and_no_guard(scores, key_keep, causal):
    """Two things give nan: large scores overflow, as the largest is not subtracted first, and an empty row is
    0/0. An empty row has weights 0."""
    exponentials = np.exp(np.where(whole_mask(scores, key_keep, causal), scores, -np.inf))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def one_maximum_for_all(scores, key_keep, causal):
    """You subtract the largest score of the whole array: a row far below it underflows to 0. Each row has its
    own maximum, axis=-1 with keepdims=True."""
    hidden = np.where(whole_mask(scores, key_keep, causal), scores, -np.inf)
    exponentials = np.exp(hidden - np.nan_to_num(hidden.max(), neginf=0.0))
    total = exponentials.sum(axis=-1, keepdims=True)
    return exponentials / np.where(total == 0, 1, total)


def both_masks_reversed(scores, key_keep, causal):
    """You hide what may be attended and keep the rest: True means "may be attended", so -inf goes where the
    mask is False."""
    return hidden_softmax(scores, ~whole_mask(scores, key_keep, causal))


def key_keep_reversed(scores, key_keep, causal):
    """You read key_keep as "hide this key": True means that the key is real and may be attended."""
    return hidden_softmax(scores, whole_mask(scores, ~key_keep, causal))


def sees_only_the_future(scores, key_keep, causal):
    """Your causal mask is turned round: a query sees its own position and later ones. It should see its own
    and earlier ones."""
    mask = np.broadcast_to(key_keep[:, None, :], scores.shape)
    return hidden_softmax(scores, mask & ~past_only(scores, -1) if causal else mask)


def triangle_of_the_future(scores, key_keep, causal):
    """You keep the triangle above the diagonal, which is the future: those are the scores to hide. Keep the
    others, the query's own position among them."""
    mask = np.broadcast_to(key_keep[:, None, :], scores.shape)
    return hidden_softmax(scores, mask & ~past_only(scores) if causal else mask)


def first_positions(scores, key_keep, causal):
    """Your causal mask starts in the upper left corner: with fewer queries than keys the queries are the LAST
    positions, so shift the diagonal by n_k - n_q."""
    mask = np.broadcast_to(key_keep[:, None, :], scores.shape)
    n_q, n_k = scores.shape[-2:]
    return hidden_softmax(scores, mask & np.tril(np.ones((n_q, n_k), bool)) if causal else mask)


def shifted_the_wrong_way(scores, key_keep, causal):
    """You shift the diagonal by n_q - n_k: the sign is turned round, the queries are the last positions, so
    it is k = n_k - n_q."""
    mask = np.broadcast_to(key_keep[:, None, :], scores.shape)
    n_q, n_k = scores.shape[-2:]
    return hidden_softmax(scores, mask & np.tril(np.ones((n_q, n_k), bool), n_q - n_k) if causal else mask)


def not_its_own_position(scores, key_keep, causal):
    """A query cannot see its own position here: up to its own position includes it, so compare with <= and
    not with <."""
    return hidden_softmax(scores, whole_mask(scores, key_keep, causal, shift=-1))


def one_position_ahead(scores, key_keep, causal):
    """A query sees one position ahead, the very token that it should predict: the diagonal is one too high.
    Its own position is the last that it may see."""
    return hidden_softmax(scores, whole_mask(scores, key_keep, causal, shift=1))


def ignores_causal(scores, key_keep, causal):
    """`causal` makes no difference: where it is True, a query must not see keys after its own position."""
    return hidden_softmax(scores, whole_mask(scores, key_keep, False))


def always_causal(scores, key_keep, causal):
    """The future is hidden even where `causal` is False: then all real keys may be attended."""
    return hidden_softmax(scores, whole_mask(scores, key_keep, True))


def causal_turned_round(scores, key_keep, causal):
    """You hide the future where `causal` is False and show it where it is True: the condition is turned
    round."""
    return hidden_softmax(scores, whole_mask(scores, key_keep, not causal))


def ignores_key_keep(scores, key_keep, causal):
    """Padding gets weight: where key_keep is False, the key is no word and must be hidden for every query."""
    return hidden_softmax(scores, whole_mask(scores, np.ones_like(key_keep), causal))


def key_keep_unless_causal(scores, key_keep, causal):
    """With `causal` you forget the padding: both masks hold together, mask = keep & causal."""
    keep = np.ones_like(key_keep) if causal else key_keep
    return hidden_softmax(scores, whole_mask(scores, keep, causal))


def either_mask_will_do(scores, key_keep, causal):
    """You join the two masks with "or": a key must be real AND not in the future, so join them with &."""
    mask = np.broadcast_to(key_keep[:, None, :], scores.shape)
    return hidden_softmax(scores, mask | past_only(scores) if causal else mask)


def hides_queries(scores, key_keep, causal):
    """You lay key_keep along the queries: it speaks of keys, the last axis of the scores, so write
    key_keep[:, None, :]."""
    mask = np.broadcast_to(key_keep[:, :, None], scores.shape)
    return hidden_softmax(scores, mask & past_only(scores) if causal else mask)


def hides_padded_queries_too(scores, key_keep, causal):
    """You empty the rows of padded queries as well: key_keep hides keys, and every query that may see a key
    gets weights. Rows of padding are left out later, in the loss."""
    rows = key_keep[:, -scores.shape[1] :, None]
    return hidden_softmax(scores, whole_mask(scores, key_keep, causal) & rows)


def hides_queries_at_the_end(scores, key_keep, causal):
    """You lay the last n_q entries of key_keep along the queries: key_keep speaks of keys, the last axis of
    the scores, so write key_keep[:, None, :]."""
    mask = np.broadcast_to(key_keep[:, -scores.shape[1] :, None], scores.shape)
    return hidden_softmax(scores, mask & past_only(scores) if causal else mask)


def no_new_axis(scores, key_keep, causal):
    """key_keep (B, n_k) meets the scores without an axis for the queries, so B lands on n_q: write
    key_keep[:, None, :], shape (B, 1, n_k)."""
    mask = np.broadcast_to(key_keep, scores.shape)
    return hidden_softmax(scores, mask & past_only(scores) if causal else mask)


def first_example_for_all(scores, key_keep, causal):
    """You use the padding of the first example for the whole batch: each example has its own row of
    key_keep."""
    return hidden_softmax(scores, whole_mask(scores, key_keep[:1], causal))


def multiplies_scores(scores, key_keep, causal):
    """You set the hidden scores to 0, and a score of 0 is no low score: exp(0) = 1. Set them to -np.inf."""
    return softmax(scores * whole_mask(scores, key_keep, causal))


def adds_the_mask(scores, key_keep, causal):
    """You add the mask to the scores, which lifts the real keys by 1 and hides none: use
    np.where(mask, scores, -np.inf)."""
    return softmax(scores + whole_mask(scores, key_keep, causal))


def zero_times_infinity(scores, key_keep, causal):
    """You multiply -inf by 0 where nothing is to be hidden, and that is nan: choose with
    np.where(mask, scores, -np.inf)."""
    return plain_softmax(scores + (1.0 - whole_mask(scores, key_keep, causal)) * -np.inf)


def zero_times_infinity_guarded(scores, key_keep, causal):
    """Your empty rows are right. In the others you multiply -inf by 0 where nothing is to be hidden, and that
    is nan: choose with np.where(mask, scores, -np.inf)."""
    weights = zero_times_infinity(scores, key_keep, causal)
    return zeros_if_empty(weights, whole_mask(scores, key_keep, causal))


def all_zeros(scores, key_keep, causal):
    """Every weight is 0. If np.nan_to_num stands in your function, it covers up a nan: (1 - mask) * -inf is
    0 * -inf where nothing is to be hidden, so choose with np.where(mask, scores, -np.inf)."""
    return np.zeros(scores.shape)


def minus_infinity_after_softmax(scores, key_keep, causal):
    """You write -inf into the weights: it belongs into the scores, before the softmax, which makes an exact 0
    of it."""
    return np.where(whole_mask(scores, key_keep, causal), softmax(scores), -np.inf)


def no_softmax(scores, key_keep, causal):
    """You return the hidden scores: the softmax over the keys is still to come."""
    return np.where(whole_mask(scores, key_keep, causal), scores, -np.inf)


def not_normalised(scores, key_keep, causal):
    """The exponentials are not divided by their sum: the weights of a query must sum to 1."""
    hidden = np.where(whole_mask(scores, key_keep, causal), scores, -np.inf)
    peak = np.nan_to_num(hidden.max(axis=-1, keepdims=True), neginf=0.0)
    return np.exp(hidden - peak)


def softmax_over_queries(scores, key_keep, causal):
    """Your softmax runs over the queries: for each query the weights over its keys sum to 1, so use
    axis=-1."""
    return softmax(np.where(whole_mask(scores, key_keep, causal), scores, -np.inf), axis=-2)


def softmax_over_the_batch(scores, key_keep, causal):
    """Your softmax runs along axis 0, the batch: the examples must not see each other, use axis=-1."""
    return softmax(np.where(whole_mask(scores, key_keep, causal), scores, -np.inf), axis=0)


def looks_at_itself_if_empty(scores, key_keep, causal):
    """You let a query see its own position although it is padding: an empty row stays empty, all its weights
    are 0."""
    n_q, n_k = scores.shape[-2:]
    mask = whole_mask(scores, key_keep, causal)
    own = np.eye(n_q, n_k, k=n_k - n_q, dtype=bool)
    return hidden_softmax(scores, mask | own & ~mask.any(axis=-1, keepdims=True))


def causal_looks_at_itself_if_empty(scores, key_keep, causal):
    """With causal=True you let a query whose row is empty see its own position, which is padding: an empty
    row stays empty, all its weights are 0."""
    looks = looks_at_itself_if_empty if causal else masked_softmax
    return looks(scores, key_keep, causal)


def causal_always_looks_at_itself(scores, key_keep, causal):
    """With causal=True every query sees its own position, real or not: a key that is padding stays hidden,
    from its own query too, so keep the diagonal only where key_keep is True."""
    n_q, n_k = scores.shape[-2:]
    mask = whole_mask(scores, key_keep, causal)
    own = np.eye(n_q, n_k, k=n_k - n_q, dtype=bool)
    return hidden_softmax(scores, mask | own if causal else mask)


def exponential_of_a_difference_of_logs(scores, key_keep, causal):
    """The formula exp(x - logsumexp(x)) is right on paper, and in float32 a large logsumexp has no digits
    left for its fraction: subtract the largest score, then divide the exponentials by their sum."""
    hidden = np.where(whole_mask(scores, key_keep, causal), scores, -np.inf)
    log_sum = np.logaddexp.reduce(hidden, axis=-1, keepdims=True)
    return np.exp(hidden - np.where(np.isinf(log_sum), 0, log_sum))


def changes_scores(scores, key_keep, causal):
    """The caller's scores are changed in place: `scores[~mask] = -np.inf` writes into them. Use np.where, or
    copy first."""
    scores[~whole_mask(scores, key_keep, causal)] = -np.inf
    return softmax(scores)


def changes_key_keep(scores, key_keep, causal):
    """The caller's key_keep is changed in place: the mask of the padding will be used again. Build a new
    array."""
    weights = masked_softmax(scores, key_keep, causal)
    key_keep[...] = True
    return weights


def overflows_and_adds_a_small_number(scores, key_keep, causal):
    """np.exp overflows for large scores, and inf / inf is nan: subtract each row's largest score that may be
    attended. The small number in the sum guards the empty row alone."""
    exponentials = np.exp(scores) * whole_mask(scores, key_keep, causal)
    return exponentials / (exponentials.sum(axis=-1, keepdims=True) + 1e-12)


def padding_after_softmax(scores, key_keep, causal):
    """You hide the future before the softmax and the padding after it: padding still counts in the sum, so
    hide both with -inf first."""
    shown = np.where(past_only(scores), scores, -np.inf) if causal else scores
    return softmax(shown) * key_keep[:, None, :]


def future_after_softmax(scores, key_keep, causal):
    """You hide the padding before the softmax and the future after it: the future still counts in the sum, so
    hide both with -inf first."""
    weights = hidden_softmax(scores, np.broadcast_to(key_keep[:, None, :], scores.shape))
    return weights * past_only(scores) if causal else weights


def largest_absolute_score(scores, key_keep, causal):
    """You subtract the largest absolute value: where all scores lie far below it every exponential is 0. Keep
    the sign."""
    mask = whole_mask(scores, key_keep, causal)
    peak = np.abs(np.where(mask, scores, 0)).max(axis=-1, keepdims=True)
    exponentials = np.exp(np.where(mask, scores, -np.inf) - peak)
    total = exponentials.sum(axis=-1, keepdims=True)
    return exponentials / np.where(total == 0, 1, total)


def largest_with_zeros_for_hidden(scores, key_keep, causal):
    """In the search for the largest score a 0 stands for each hidden one: where the real scores lie far below
    0, that 0 is subtracted and every exponential underflows. Put -np.inf there, before the maximum."""
    mask = whole_mask(scores, key_keep, causal)
    peak = np.where(mask, scores, 0).max(axis=-1, keepdims=True)
    exponentials = np.exp(np.where(mask, scores, -np.inf) - peak)
    total = exponentials.sum(axis=-1, keepdims=True)
    return exponentials / np.where(total == 0, 1, total)


def largest_or_zero(scores, key_keep, causal):
    """You subtract the largest score or 0, whichever is larger: where all real scores lie far below 0, every
    exponential underflows. Subtract the largest score, negative or not, and 0 in an empty row alone."""
    hidden = np.where(whole_mask(scores, key_keep, causal), scores, -np.inf)
    exponentials = np.exp(hidden - np.maximum(hidden.max(axis=-1, keepdims=True), 0))
    total = exponentials.sum(axis=-1, keepdims=True)
    return exponentials / np.where(total == 0, 1, total)


def maximum_over_queries(scores, key_keep, causal):
    """You take the largest score along axis 1, over the queries: each row needs its own, max(axis=-1,
    keepdims=True)."""
    hidden = np.where(whole_mask(scores, key_keep, causal), scores, -np.inf)
    exponentials = np.exp(hidden - hidden.max(axis=1, keepdims=True))
    return np.nan_to_num(exponentials / exponentials.sum(axis=-1, keepdims=True))


def divided_by_columns(scores, key_keep, causal):
    """You divide by the sum along axis 1, over the queries: the weights of one query sum to 1, so sum along
    axis -1."""
    exponentials = not_normalised(scores, key_keep, causal)
    total = exponentials.sum(axis=1, keepdims=True)
    return exponentials / np.where(total == 0, 1, total)


def scaled_again(scores, key_keep, causal):
    """You divide the scores by a root once more: they are scaled already, take them as they are."""
    return hidden_softmax(scores / np.sqrt(scores.shape[-1]), whole_mask(scores, key_keep, causal))


def logarithm_of_nearly_zero(scores, key_keep, causal):
    """log(mask + 1e-9) is -20.7, a low score and not minus infinity: where the real scores are lower, hidden
    keys win. Use -np.inf."""
    return softmax(scores + np.log(whole_mask(scores, key_keep, causal) + 1e-9))


def everything_empty_if_one_is(scores, key_keep, causal):
    """One empty row makes your whole result 0: only that row is 0, the others keep their weights."""
    weights = nan_in_an_empty_row(scores, key_keep, causal)
    return np.zeros_like(weights) if np.isnan(weights).any() else weights


def counts_the_words(scores, key_keep, causal):
    """You count the real keys and keep that many from the front: padding may stand anywhere, so use key_keep
    as it is."""
    from_front = np.arange(scores.shape[-1]) < key_keep.sum(axis=-1)[:, None]
    return hidden_softmax(scores, whole_mask(scores, from_front, causal))


def plus_infinity(scores, key_keep, causal):
    """You hide with +inf, the largest score of all: a hidden key needs the lowest, -np.inf."""
    return plain_softmax(np.where(whole_mask(scores, key_keep, causal), scores, np.inf))


# ------------------------------------------------------------------ properties and cases


def rows_sum_to_one_or_zero(seen):
    """Each row of weights must sum to 1, or to 0 where the query may attend nothing."""
    for case in seen.values():
        sums = case.outputs["weights"].sum(axis=-1)
        if not np.all(np.isclose(sums, 1, atol=1e-4) | np.isclose(sums, 0, atol=1e-6)):
            return False
    return True


def padding_gets_nothing(seen):
    """A key whose key_keep is False must get the weight 0 from every query. Usual causes: key_keep lies along
    the queries, a query may always see itself, or the number in place of -inf is not low enough."""
    return all(
        np.all(np.swapaxes(case.outputs["weights"], 1, 2)[~case.inputs["key_keep"]] == 0)
        for case in seen.values()
    )


def future_gets_nothing(seen):
    """With causal=True a key after the query's own position must get the weight 0."""
    return all(
        np.all(case.outputs["weights"][:, ~past_only(case.outputs["weights"])] == 0)
        for case in seen.values()
        if case.inputs["causal"]
    )


def hidden_scores_do_not_matter(seen):
    """Changing a score that is hidden must not change any weight."""
    here, there = seen["2 examples, 3 queries, 5 keys"], seen["the same, hidden scores changed"]
    return np.allclose(here.outputs["weights"], there.outputs["weights"], atol=1e-4)


KEEP = np.array([[True, True, True, True, False], [True, False, True, True, True]])


def drawn(hidden_by=0.0):
    scores = np.random.default_rng(7).normal(size=(2, 3, 5))  # one draw, so that cases can be compared
    shown = KEEP[:, None, :] & past_only(scores)
    return np.where(shown, scores, scores + hidden_by), KEEP.copy(), True


def row(*scores):
    return np.array([[scores]], dtype=float)


def keep(*real):
    return np.array([real], dtype=bool)


EXERCISE = Exercise(
    id="masked_softmax",
    contract=(
        "masked_softmax(scores, key_keep, causal) -> weights; scores (B, n_q, n_k), key_keep (B, n_k) bool, "
        "causal a bool, weights (B, n_q, n_k). The queries are the last n_q positions. A query that may "
        "attend nothing gets a row of zeros. n_q <= n_k; scores of any magnitude, float64 and float32."
    ),
    minutes=20,
    difficulty=3,
    points=3,
    arguments={"scores": ("B", "n_q", "n_k"), "key_keep": ("B", "n_k"), "causal": ()},
    outputs={"weights": ("B", "n_q", "n_k")},
    cases=[
        Case("2 examples, 3 queries, 5 keys", lambda rng: drawn(), weight=3),
        Case("the same, hidden scores changed", lambda rng: drawn(hidden_by=2.0)),
        Case("the same, not causal", lambda rng: (*drawn()[:2], False), weight=2),
        Case("the table of the lesson", lambda rng: (np.log([[[1.0, 2.0, 5.0]]]), keep(1, 1, 0), False)),
        Case(
            "causal, as many queries as keys", lambda rng: (rng.normal(size=(1, 3, 3)), keep(1, 1, 1), True)
        ),
        Case("causal, 2 queries at the end", lambda rng: (np.zeros((1, 2, 3)), keep(1, 1, 1), True)),
        Case("one of two keys is real", lambda rng: (row(2.0, 1.0), keep(1, 0), False)),
        Case("nothing but padding", lambda rng: (row(2.0, 1.0, 0.0), keep(0, 0, 0), False)),
        Case(
            "one example is empty",
            lambda rng: (rng.normal(size=(2, 2, 3)), np.array([[True, True, False], [False] * 3]), False),
        ),
        Case(
            "causal, padding in front",
            lambda rng: (rng.normal(size=(1, 4, 4)), keep(0, 0, 1, 1), True),
        ),
        Case(
            "causal, the first of two is padding",
            lambda rng: (np.array([[[1.0, 2.0], [3.0, 4.0]]]), keep(0, 1), True),
        ),
        Case(
            "as many examples as queries",
            lambda rng: (
                rng.normal(size=(3, 3, 5)),
                np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1], [1, 0, 1, 1, 0]], dtype=bool),
                False,
            ),
        ),
        Case(
            "all sizes equal",
            lambda rng: (
                rng.normal(size=(3, 3, 3)),
                np.array([[1, 1, 0], [1, 1, 1], [1, 0, 0]], dtype=bool),
                False,
            ),
        ),
        Case("a hidden score far above", lambda rng: (row(1000.0, 1.0, 2.0), keep(0, 1, 1), False)),
        Case("a hidden score 20 above", lambda rng: (row(20.0, 0.0, 0.0), keep(0, 1, 1), False)),
        Case(
            "a future score far above",
            lambda rng: (np.array([[[1.0, 1000.0], [2.0, 3.0]]]), keep(1, 1), True),
        ),
        Case("large scores", lambda rng: (row(1000.0, 1001.0), keep(1, 1), False)),
        Case(
            "rows far apart",
            lambda rng: (np.array([[[1000.0, 1001.0], [1.0, 2.0]]]), keep(1, 1), False),
        ),
        Case("real scores near -300", lambda rng: (row(-300.0, -301.0, 5.0), keep(1, 1, 0), False)),
        Case("real scores near -20000", lambda rng: (row(-20000.0, -20001.0, 5.0), keep(1, 1, 0), False)),
        Case("the same, nothing hidden", lambda rng: (row(-20000.0, -20001.0), keep(1, 1), False)),
        Case("one real score far below", lambda rng: (row(1.0, -2000.0, 5.0), keep(1, 1, 0), False)),
        Case("real scores of -2e9", lambda rng: (row(-2e9, -2e9, 5.0), keep(1, 1, 0), False)),
        Case("a hidden score of 2e9", lambda rng: (row(2e9, 1.0, 2.0), keep(0, 1, 1), False)),
    ],
    reference=by_hand.masked_softmax,
    solution=masked_softmax,
    right=[masked_softmax, with_loops, with_positions, with_a_bias, mask_again_at_the_end],
    wrong=[
        mask_after_softmax,
        hidden_scores_count_first,
        renormalised_without_guard,
        small_number_in_the_sum,
        large_negative_number,
        adds_large_negative_number,
        fills_with_the_lowest_number,
        fills_with_minus_10000,
        adds_minus_10000,
        fills_with_minus_10000_guarded,
        adds_minus_10000_guarded,
        large_negative_number_guarded,
        adds_large_negative_number_guarded,
        large_negative_number_masked_again,
        adds_large_negative_number_masked_again,
        fills_with_minus_100,
        fills_with_minus_100_guarded,
        nan_in_an_empty_row,
        guards_empty_sentences_only,
        no_maximum,
        no_maximum_and_no_guard,
        one_maximum_for_all,
        both_masks_reversed,
        key_keep_reversed,
        sees_only_the_future,
        triangle_of_the_future,
        first_positions,
        shifted_the_wrong_way,
        not_its_own_position,
        one_position_ahead,
        ignores_causal,
        always_causal,
        causal_turned_round,
        ignores_key_keep,
        key_keep_unless_causal,
        either_mask_will_do,
        hides_queries,
        hides_queries_at_the_end,
        hides_padded_queries_too,
        no_new_axis,
        first_example_for_all,
        multiplies_scores,
        adds_the_mask,
        zero_times_infinity,
        zero_times_infinity_guarded,
        all_zeros,
        minus_infinity_after_softmax,
        no_softmax,
        not_normalised,
        softmax_over_queries,
        softmax_over_the_batch,
        looks_at_itself_if_empty,
        causal_looks_at_itself_if_empty,
        causal_always_looks_at_itself,
        exponential_of_a_difference_of_logs,
        changes_scores,
        changes_key_keep,
        overflows_and_adds_a_small_number,
        padding_after_softmax,
        future_after_softmax,
        largest_absolute_score,
        largest_with_zeros_for_hidden,
        largest_or_zero,
        maximum_over_queries,
        divided_by_columns,
        scaled_again,
        logarithm_of_nearly_zero,
        everything_empty_if_one_is,
        counts_the_words,
        plus_infinity,
    ],
    properties=[
        padding_gets_nothing,
        future_gets_nothing,
        hidden_scores_do_not_matter,
        rows_sum_to_one_or_zero,
    ],
    hints=[
        "Build the mask (B, n_q, n_k) before you touch the scores. When may query i of example b see key j?",
        (
            "`key_keep[:, None, :]` is (B, 1, n_k) and fits every query. Query i stands at position "
            "i + n_k - n_q. Hide with -inf before the softmax, and ask what the largest score of an empty "
            "row is."
        ),
        (
            "`mask = key_keep[:, None, :] & np.tril(np.ones((n_q, n_k), bool), k=n_k - n_q)` if causal; "
            "`hidden = np.where(mask, scores, -np.inf)`; subtract each row's largest score, or 0 where it is "
            "-inf; divide by the sum, or by 1 where it is 0."
        ),
    ],
    forbids=(*SOFTMAX, *BESIDE_NUMPY),
)
