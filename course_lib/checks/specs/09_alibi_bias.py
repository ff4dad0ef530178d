"""Exercise `alibi_bias` (lesson 09): the further away a key, the more is taken off its score."""

import math

import numpy as np
import torch

from course_lib.checks import Case, Exercise
from course_lib.transformer import positions

# ------------------------------------------------------------------ a solution, and other right ways


def alibi_bias(n_heads, n_q, n_k):
    slopes = 2.0 ** (-8 * torch.arange(1, n_heads + 1) / n_heads)
    query = torch.arange(n_k - n_q, n_k)[:, None]  # the queries are the last n_q positions
    distance = query - torch.arange(n_k)
    bias = -slopes[:, None, None] * distance
    return bias.masked_fill(distance < 0, -torch.inf)


def with_loops(n_heads, n_q, n_k):
    bias = torch.zeros(n_heads, n_q, n_k, dtype=torch.float64)
    for h in range(n_heads):
        for i in range(n_q):
            for j in range(n_k):
                distance = i + n_k - n_q - j
                bias[h, i, j] = -distance * 2 ** (-8 * (h + 1) / n_heads) if distance >= 0 else -math.inf
    return bias


def with_powers(n_heads, n_q, n_k):
    ratio = 2 ** (-8 / n_heads)
    slopes = torch.tensor([ratio**h for h in range(1, n_heads + 1)])
    distance = torch.arange(n_k).flip(0) - torch.arange(n_q).flip(0)[:, None]
    future = torch.ones(n_q, n_k, dtype=torch.bool).triu(n_k - n_q + 1)
    return torch.where(future, -torch.inf, torch.einsum("h,qk->hqk", slopes, -distance.float()))


def with_numpy(n_heads, n_q, n_k):
    slopes = np.exp2(-8 * np.arange(1, n_heads + 1) / n_heads)
    distance = np.subtract.outer(np.arange(n_q) + n_k - n_q, np.arange(n_k))
    return [np.where(distance < 0, -np.inf, -slope * distance) for slope in slopes]


# ------------------------------------------------------------------ stored wrong answers


def distances(n_q, n_k, first=None):
    """How far key j lies before query i; `first` is the position of the first query."""
    first = n_k - n_q if first is None else first
    return torch.arange(first, first + n_q)[:, None] - torch.arange(n_k)


def biased(slopes, distance, sign=-1.0):
    """Slope times distance, -inf at later keys."""
    bias = sign * torch.as_tensor(slopes, dtype=torch.float64)[:, None, None] * distance
    return bias.masked_fill(distance < 0, -torch.inf)


def slopes_of(n_heads, power=-8.0):
    return 2.0 ** (power * torch.arange(1, n_heads + 1, dtype=torch.float64) / n_heads)


def sign_lost(n_heads, n_q, n_k):
    """Your bias is positive and favours far keys: the further away, the more is taken off."""
    return biased(slopes_of(n_heads), distances(n_q, n_k), sign=1.0)


def heads_from_0(n_heads, n_q, n_k):
    """Your heads are counted from 0, so the first slope is 1: count from 1, the first is 2^(-8/n_heads)."""
    return biased(2.0 ** (-8 * torch.arange(n_heads) / n_heads), distances(n_q, n_k))


def heads_reversed(n_heads, n_q, n_k):
    """Your slopes stand in the wrong order: the first head has the steepest, the last one 2^-8."""
    return biased(slopes_of(n_heads).flip(0), distances(n_q, n_k))


def one_slope_for_all(n_heads, n_q, n_k):
    """All your heads have the same slope: head h, counted from 1, has 2^(-8h/n_heads)."""
    return biased(slopes_of(n_heads)[:1].expand(n_heads), distances(n_q, n_k))


def slopes_for_8_heads(n_heads, n_q, n_k):
    """Your slopes are 2^-h, right for 8 heads: for n_heads it is 2^(-8h/n_heads)."""
    return biased(2.0 ** -torch.arange(1.0, n_heads + 1), distances(n_q, n_k))


def slopes_grow(n_heads, n_q, n_k):
    """Your slopes are above 1: the exponent -8h/n_heads is negative."""
    return biased(slopes_of(n_heads, 8.0), distances(n_q, n_k))


def slopes_in_equal_steps(n_heads, n_q, n_k):
    """Your slopes fall in equal steps: each is the one before times the same factor, 2^(-8/n_heads)."""
    return biased(torch.arange(n_heads, 0, -1) / n_heads, distances(n_q, n_k))


def base_e(n_heads, n_q, n_k):
    """Your slopes are powers of e: they are powers of 2."""
    return biased(torch.exp(-8 * torch.arange(1, n_heads + 1) / n_heads), distances(n_q, n_k))


def no_slope(n_heads, n_q, n_k):
    """Your bias is the distance itself: each head multiplies it by its slope."""
    return biased(torch.ones(n_heads), distances(n_q, n_k))


def queries_first(n_heads, n_q, n_k):
    """Your queries are the first n_q positions: they are the last, so query i stands at i + n_k - n_q."""
    return biased(slopes_of(n_heads), distances(n_q, n_k, first=0))


def distance_from_1(n_heads, n_q, n_k):
    """Your distance of a token to itself is 1: it is 0, so its bias is 0 too."""
    distance = distances(n_q, n_k)
    return biased(slopes_of(n_heads), distance + (distance >= 0).long())


def future_open(n_heads, n_q, n_k):
    """Your bias lets a query see later keys: they get -inf."""
    return -slopes_of(n_heads)[:, None, None] * distances(n_q, n_k).clamp(min=0)


def future_favoured(n_heads, n_q, n_k):
    """Later keys get a positive bias from their negative distance: they get -inf."""
    return -slopes_of(n_heads)[:, None, None] * distances(n_q, n_k)


def future_as_far_as_the_past(n_heads, n_q, n_k):
    """You take the absolute distance, so later keys are seen too: they get -inf."""
    return -slopes_of(n_heads)[:, None, None] * distances(n_q, n_k).abs()


def future_not_far_enough(n_heads, n_q, n_k):
    """Your later keys get a large negative number: the contract says -inf, so that none is ever too near."""
    return biased(slopes_of(n_heads), distances(n_q, n_k)).clamp(min=-1e9)


def itself_hidden(n_heads, n_q, n_k):
    """You hide each token from itself: a key at the query's own position has distance 0 and bias 0."""
    distance = distances(n_q, n_k)
    return biased(slopes_of(n_heads), distance).masked_fill(distance == 0, -torch.inf)


def past_hidden(n_heads, n_q, n_k):
    """You hide the past and let the future be seen: -inf belongs to keys after the query."""
    distance = distances(n_q, n_k)
    return (slopes_of(n_heads)[:, None, None] * distance).masked_fill(distance > 0, -torch.inf)


def distance_squared(n_heads, n_q, n_k):
    """Your bias grows with the square of the distance: it is linear, slope times distance."""
    distance = distances(n_q, n_k)
    return biased(slopes_of(n_heads), distance * distance.abs())


def distances_in_shares(n_heads, n_q, n_k):
    """You divide the distance by n_k: a bias that depends on the length cannot reach beyond the trained
    one."""
    return biased(slopes_of(n_heads), distances(n_q, n_k) / n_k)


def keys_ask(n_heads, n_q, n_k):
    """Your axes are (n_heads, n_k, n_q): rows belong to the queries."""
    return alibi_bias(n_heads, n_q, n_k).transpose(1, 2)


def heads_last(n_heads, n_q, n_k):
    """Your heads are the last axis: they are the first, (n_heads, n_q, n_k)."""
    return alibi_bias(n_heads, n_q, n_k).permute(1, 2, 0)


def nan_on_the_diagonal(n_heads, n_q, n_k):
    """You multiply -inf by 0, which is nan: use masked_fill or torch.where."""
    distance = distances(n_q, n_k)
    bias = -slopes_of(n_heads)[:, None, None] * distance.clamp(min=0)
    return bias + (distance < 0) * -torch.inf


def mask_counts_from_0(n_heads, n_q, n_k):
    """Your distances are right, your mask is not: `tril` with no offset puts the queries first. They are the
    last, so write `tril(n_k - n_q)`, or hide where the distance is negative."""
    bias = -slopes_of(n_heads)[:, None, None] * distances(n_q, n_k).abs()
    return bias.masked_fill(~torch.ones(n_q, n_k, dtype=torch.bool).tril(), -torch.inf)


def distances_count_from_0(n_heads, n_q, n_k):
    """Your mask is right, your distances are not: query i stands at i + n_k - n_q, not at i."""
    bias = -slopes_of(n_heads)[:, None, None] * distances(n_q, n_k, first=0).abs()
    return bias.masked_fill(distances(n_q, n_k) < 0, -torch.inf)


def one_too_far(n_heads, n_q, n_k):
    """Your queries stand one position too far: the first is at n_k - n_q, the last at n_k - 1."""
    return biased(slopes_of(n_heads), distances(n_q, n_k, first=n_k - n_q + 1))


def one_too_early(n_heads, n_q, n_k):
    """Your queries stand one position too early: the first is at n_k - n_q, the last at n_k - 1."""
    return biased(slopes_of(n_heads), distances(n_q, n_k, first=n_k - n_q - 1))


def everything_else_hidden(n_heads, n_q, n_k):
    """Your mask is the wrong way round and hides the key at the query too: -inf belongs to later keys
    alone."""
    distance = distances(n_q, n_k)
    return (slopes_of(n_heads)[:, None, None] * distance).masked_fill(distance >= 0, -torch.inf)


def exponent_divided_whole(n_heads, n_q, n_k):
    """You divide 8 by n_heads with `//`, which drops the rest: the exponent -8h/n_heads may be a
    fraction."""
    return biased(2.0 ** (-(8 // n_heads) * torch.arange(1.0, n_heads + 1)), distances(n_q, n_k))


def exponent_rounded_down(n_heads, n_q, n_k):
    """You divide the whole exponent with `//`, which rounds it: -8h/n_heads may be a fraction."""
    return biased(2.0 ** (-8 * torch.arange(1, n_heads + 1) // n_heads).double(), distances(n_q, n_k))


def slope_of_each_head_alone(n_heads, n_q, n_k):
    """Your slopes are 2^(-8/h): the number of the head multiplies, 2^(-8h/n_heads)."""
    return biased(2.0 ** (-8 / torch.arange(1.0, n_heads + 1)), distances(n_q, n_k))


def slopes_one_over_h(n_heads, n_q, n_k):
    """Your slopes are 1/h: each is the one before times the same factor, 2^(-8/n_heads)."""
    return biased(1 / torch.arange(1.0, n_heads + 1), distances(n_q, n_k))


def future_at_the_lowest_number(n_heads, n_q, n_k):
    """Your later keys get the lowest finite number: the contract says -inf, which no sum can bring back."""
    bias = biased(slopes_of(n_heads), distances(n_q, n_k))
    return bias.clamp(min=torch.finfo(torch.float32).min)


def factors_in_place_of_sums(n_heads, n_q, n_k):
    """You return exp(bias), a factor for the weights: the bias is added to the scores, before the softmax."""
    return biased(slopes_of(n_heads), distances(n_q, n_k)).exp()


def always_square(n_heads, n_q, n_k):
    """You make a row for every key: only the last n_q positions ask."""
    return biased(slopes_of(n_heads), distances(n_k, n_k))


def four_heads(n_heads, n_q, n_k):
    """Your number of heads is fixed at 4: take it from n_heads."""
    return biased(slopes_of(4), distances(n_q, n_k))


def power_before_product(n_heads, n_q, n_k):
    """You write `2 ** -8 * h / n_heads`, and the power is taken first: put brackets round the exponent."""
    return biased(2.0**-8 * torch.arange(1, n_heads + 1) / n_heads, distances(n_q, n_k))


def distance_turned_round(n_heads, n_q, n_k):
    """Your distance is key minus query, negative for earlier keys, and these you hide: take query minus
    key."""
    return biased(slopes_of(n_heads), -distances(n_q, n_k), sign=1.0)


def exponent_cut(n_heads, n_q, n_k):
    """You make the exponent whole with `int`: -8h/n_heads may be a fraction."""
    return biased(2.0 ** torch.trunc(-8 * torch.arange(1, n_heads + 1) / n_heads), distances(n_q, n_k))


# ------------------------------------------------------------------ right elsewhere


def slopes_interpolated(n_heads, n_q, n_k):
    """Your slopes follow the published code, which takes those of the next power of 2 below and fills up from
    the one above; here 2^(-8h/n_heads) holds for every n_heads."""

    def published(n):
        if math.log2(n).is_integer():
            return slopes_of(n).tolist()
        below = 2 ** math.floor(math.log2(n))
        return published(below) + published(2 * below)[0::2][: n - below]

    return biased(published(n_heads), distances(n_q, n_k))


def counted_from_the_first_key(n_heads, n_q, n_k):
    """Your bias grows with the position of the key, as in the published code: the softmax of a row is the
    same, as it differs by one number; here the key at the query has bias 0."""
    bias = slopes_of(n_heads)[:, None, None] * torch.arange(n_k).expand(n_q, n_k)
    return bias.masked_fill(distances(n_q, n_k) < 0, -torch.inf)


def counted_from_the_last_key(n_heads, n_q, n_k):
    """Your bias is 0 at the last key, for all queries: the softmax of a row is the same, as it differs by one
    number; here the key at the query has bias 0."""
    bias = slopes_of(n_heads)[:, None, None] * (torch.arange(n_k) - n_k + 1).expand(n_q, n_k)
    return bias.masked_fill(distances(n_q, n_k) < 0, -torch.inf)


# ------------------------------------------------------------------ the exercise


def zero_at_the_query(seen):
    """The key at the query's own position has bias 0."""
    return all(
        np.allclose(np.diagonal(case.outputs["bias"], case.inputs["n_k"] - case.inputs["n_q"], 1, 2), 0)
        for case in seen.values()
    )


def long_text(rng):
    return int(rng.integers(3, 13)), int(rng.integers(3, 12)), int(rng.integers(12, 70))


EXERCISE = Exercise(
    id="alibi_bias",
    contract=(
        "alibi_bias(n_heads, n_q, n_k) -> bias (n_heads, n_q, n_k); -slope * distance for keys at or "
        "before the query, -inf after it; the slope of head h, counted from 1, is 2^(-8h/n_heads); the "
        "queries are the last n_q positions."
    ),
    minutes=15,
    difficulty=2,
    points=2,
    takes="torch",
    arguments={"n_heads": (), "n_q": (), "n_k": ()},
    outputs={"bias": ("n_heads", "n_q", "n_k")},
    cases=[
        Case("4 heads, 3 queries, 5 keys", lambda rng: (4, 3, 5), weight=3),
        Case("8 heads, as many queries as keys", lambda rng: (8, 5, 5)),
        Case("one head, 2 tokens", lambda rng: (1, 2, 2)),
        Case("one query at the end", lambda rng: (2, 1, 3)),
        Case("3 heads", lambda rng: (3, 2, 7)),
        Case("12 heads", lambda rng: (12, 2, 3)),
        Case("a single token", lambda rng: (2, 1, 1)),
        Case("2 heads, 2 queries, 3 keys", lambda rng: (2, 2, 3)),
        Case("a long text", long_text),
        Case("another long text", long_text),
    ],
    reference=positions.alibi_bias,
    solution=alibi_bias,
    right=[alibi_bias, with_loops, with_powers, with_numpy],
    wrong=[
        sign_lost,
        heads_from_0,
        heads_reversed,
        one_slope_for_all,
        slopes_for_8_heads,
        slopes_grow,
        slopes_in_equal_steps,
        base_e,
        no_slope,
        queries_first,
        distance_from_1,
        future_open,
        future_favoured,
        future_as_far_as_the_past,
        future_not_far_enough,
        itself_hidden,
        past_hidden,
        distance_squared,
        distances_in_shares,
        keys_ask,
        heads_last,
        nan_on_the_diagonal,
        mask_counts_from_0,
        distances_count_from_0,
        one_too_far,
        one_too_early,
        everything_else_hidden,
        exponent_divided_whole,
        exponent_rounded_down,
        slope_of_each_head_alone,
        slopes_one_over_h,
        future_at_the_lowest_number,
        factors_in_place_of_sums,
        always_square,
        four_heads,
        power_before_product,
        distance_turned_round,
        exponent_cut,
    ],
    conventions=[
        slopes_interpolated,
        counted_from_the_first_key,
        counted_from_the_last_key,
    ],
    properties=[zero_at_the_query],
    hints=[
        "Where does query i stand when there are more keys than queries? How far is key j from there?",
        (
            "`torch.arange(n_k - n_q, n_k)[:, None] - torch.arange(n_k)` is the distance, negative for "
            "later keys. The slopes are n_heads numbers: which axes do they need?"
        ),
        (
            "`slopes = 2.0 ** (-8 * torch.arange(1, n_heads + 1) / n_heads)`; "
            "`(-slopes[:, None, None] * distance).masked_fill(distance < 0, -torch.inf)`."
        ),
    ],
)
