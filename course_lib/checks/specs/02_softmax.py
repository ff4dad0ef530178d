"""Exercise `softmax` (lesson 02): scores become weights that sum to 1."""

import numpy as np

from course_lib import by_hand
from course_lib.checks import Case, Exercise
from course_lib.checks.forbids import BESIDE_NUMPY, SOFTMAX

# ------------------------------------------------------------------ a solution, and other right ways


def softmax(x, axis=-1):
    shifted = x - x.max(axis=axis, keepdims=True)
    exponentials = np.exp(shifted)
    return exponentials / exponentials.sum(axis=axis, keepdims=True)


def by_log_sum_exp(x, axis=-1):
    x = np.asarray(x, dtype=float)
    peak = np.max(x, axis, keepdims=True)
    return np.exp(x - (peak + np.log(np.sum(np.exp(x - peak), axis, keepdims=True))))


def with_loops(x, axis=-1):
    rows = np.moveaxis(np.array(x, dtype=float), axis, -1)
    result = np.empty(rows.shape)
    for index in np.ndindex(rows.shape[:-1]):
        largest = max(rows[index])
        powers = [2.718281828459045 ** float(score - largest) for score in rows[index]]
        result[index] = [power / sum(powers) for power in powers]
    return np.moveaxis(result, -1, axis)


def along_the_axis(x, axis=-1):
    def of_one_row(row):
        row = np.exp(row - row.max())
        row /= row.sum()
        return row

    return np.apply_along_axis(of_one_row, axis, x.astype(float))


def with_transposes(x, axis=-1):
    moved = np.swapaxes(x, axis, 0)
    powers = np.exp(moved - np.amax(moved, 0))
    return np.swapaxes(powers / np.sum(powers, 0), 0, axis).tolist()


# ------------------------------------------------------------------ stored wrong answers


def axis_0_by_default(x, axis=0):
    """Without an `axis` you sum along axis 0: the default is the last axis, -1, so that each row sums to
    1."""
    return softmax(x, axis)


def ignores_axis(x, axis=-1):
    """You always work along the last axis: hand `axis` on to both `max` and `sum`."""
    return softmax(x)


def sum_ignores_axis(x, axis=-1):
    """The sum runs over the whole array, so all weights together make 1: sum along `axis`, with
    keepdims=True."""
    powers = np.exp(x - x.max(axis=axis, keepdims=True))
    return powers / powers.sum()


def over_everything(x, axis=-1):
    """Maximum and sum both run over the whole array: take them along `axis`, so that every row sums to 1."""
    powers = np.exp(x - x.max())
    return powers / powers.sum()


def no_maximum(x, axis=-1):
    """You do not subtract the largest score: np.exp overflows for large scores, and all very low ones give
    0/0."""
    powers = np.exp(x)
    return powers / powers.sum(axis=axis, keepdims=True)


def maximum_of_everything(x, axis=-1):
    """You subtract one maximum of the whole array: a row far below it underflows to 0/0, so take each row's
    own."""
    powers = np.exp(x - x.max())
    return powers / powers.sum(axis=axis, keepdims=True)


def maximum_along_last_axis(x, axis=-1):
    """The maximum is taken along the last axis whatever `axis` says: the scores that share a sum must share
    it."""
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


def sum_along_last_axis(x, axis=-1):
    """The maximum follows `axis`, but the sum is taken along the last axis: hand `axis` on to `sum` too."""
    powers = np.exp(x - x.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def subtracts_mean(x, axis=-1):
    """You subtract the mean: a score far above it still overflows. Subtract the maximum, so that no exponent
    is above 0."""
    powers = np.exp(x - x.mean(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


def subtracts_minimum(x, axis=-1):
    """You subtract the minimum: scores far apart still overflow, and -inf - (-inf) is nan. Subtract the
    maximum."""
    powers = np.exp(x - x.min(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


def subtracts_largest_absolute(x, axis=-1):
    """You subtract the largest absolute value: very low scores then underflow to 0/0. Subtract the maximum,
    with its sign."""
    powers = np.exp(x - np.abs(x).max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


def adds_maximum_back(x, axis=-1):
    """You multiply the exponentials by exp(max) again: the same factor cancels in the fraction, and here it
    overflows."""
    peak = x.max(axis=axis, keepdims=True)
    powers = np.exp(x - peak) * np.exp(peak)
    return powers / powers.sum(axis=axis, keepdims=True)


def clips_scores(x, axis=-1):
    """You cut the scores off at a limit against overflow: two large scores then look equal. Subtract the
    maximum."""
    return softmax(np.clip(x, -500, 500), axis)


def divides_by_maximum(x, axis=-1):
    """You divide the scores by their maximum: that changes their differences. Subtract it, which changes
    nothing."""
    powers = np.exp(x / x.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


def not_normalised(x, axis=-1):
    """The weights are not divided by their sum: after np.exp, divide so that they sum to 1."""
    return np.exp(x - x.max(axis=axis, keepdims=True))


def divides_by_largest(x, axis=-1):
    """You divide by the largest exponential: divide by the sum of them, so that the weights sum to 1."""
    powers = np.exp(x - x.max(axis=axis, keepdims=True))
    return np.sqrt(powers) / np.sqrt(powers).max(axis=axis, keepdims=True)


def divides_by_count(x, axis=-1):
    """You divide by the number of scores: divide by the sum of the exponentials."""
    powers = np.exp(x - x.max(axis=axis, keepdims=True))
    return powers / powers.mean(axis=axis, keepdims=True)


def euclidean_norm(x, axis=-1):
    """You divide by the Euclidean length: the weights must sum to 1, so divide by their plain sum."""
    powers = np.exp(x - x.max(axis=axis, keepdims=True))
    return powers / np.sqrt((powers**2).sum(axis=axis, keepdims=True))


def without_exponential(x, axis=-1):
    """The exponential is missing: you divide the scores themselves by their sum, which can be negative or
    0."""
    return x / x.sum(axis=axis, keepdims=True)


def without_exponential_shifted(x, axis=-1):
    """The exponential is missing: you shift the scores and divide by their sum. Take np.exp before
    dividing."""
    shifted = x - x.max(axis=axis, keepdims=True)
    return shifted / shifted.sum(axis=axis, keepdims=True)


def sign_turned(x, axis=-1):
    """The sign is turned: the largest score gets the smallest weight. It is exp(x - max), not exp(max -
    x)."""
    return softmax(-x, axis)


def base_2(x, axis=-1):
    """You use powers of 2: softmax takes powers of e, np.exp."""
    powers = 2.0 ** (x - x.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


def logarithm(x, axis=-1):
    """You return the logarithm of the weights: leave the log out, or take np.exp of it."""
    return np.log(softmax(x, axis))


def sigmoid(x, axis=-1):
    """You treat each score by itself (a sigmoid): softmax divides by a sum over all scores along `axis`."""
    return 1 / (1 + np.exp(-x))


def hard_maximum(x, axis=-1):
    """You give everything to the largest score: softmax is its soft form, and every finite score keeps a
    share."""
    best = (x == x.max(axis=axis, keepdims=True)).astype(float)
    return best / best.sum(axis=axis, keepdims=True)


def softmax_twice(x, axis=-1):
    """Softmax is applied twice, which flattens the weights: once is enough."""
    return softmax(softmax(x, axis), axis)


def keepdims_missing(x, axis=-1):
    """The maximum and the sum lose their axis: pass keepdims=True, so that they line up with the rows
    again."""
    powers = np.exp(x - x.max(axis=axis))
    return powers / powers.sum(axis=axis)


def keepdims_missing_in_sum(x, axis=-1):
    """The sum loses its axis: pass keepdims=True to it too, so that each row is divided by its own sum."""
    powers = np.exp(x - x.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis)


def whole_numbers(x, axis=-1):
    """The result array takes its dtype from integer input, so the weights are cut to 0 and 1: make it
    float."""
    return softmax(x, axis).astype(x.dtype)


def nan_at_minus_infinity(x, axis=-1):
    """A score of -inf turns into nan on the way (0 times inf, or inf - inf): it must end as a weight of
    exactly 0."""
    result = softmax(x, axis)
    return result + 0 * np.where(np.isinf(x), x, 0)


def minus_infinity_is_a_low_number(x, axis=-1):
    """You replace -inf by a low number, but scores can be lower still: only -inf itself is sure to end at
    0."""
    return softmax(np.where(np.isneginf(x), -1000.0, x), axis)


def epsilon_in_sum(x, axis=-1):
    """The number you add to the sum leaves the weights short of 1: after subtracting the maximum the sum is
    never 0."""
    powers = np.exp(x - x.max(axis=axis, keepdims=True))
    return powers / (powers.sum(axis=axis, keepdims=True) + 1e-3)


def changes_scores(x, axis=-1):
    """The caller's x is changed in place: work on a new array, as in `x = x - ...`
    in place of `x -= ...`."""
    if x.dtype.kind == "f":
        x -= x.max(axis=axis, keepdims=True)
    return softmax(x, axis)


def axis_1_by_default(x, axis=1):
    """Without an `axis` you sum along axis 1, which is the last one of a table alone: the default is -1."""
    return softmax(x, axis)


def always_axis_1(x, axis=-1):
    """Axis 1 is written into the body: hand `axis` on to both `max` and `sum` instead."""
    return softmax(x, 1)


def no_maximum_over_everything(x, axis=-1):
    """The sum runs over the whole array, and no maximum is subtracted: both belong to each row, along
    `axis`."""
    return np.exp(x) / np.sum(np.exp(x))


def standardised(x, axis=-1):
    """You divide by the standard deviation: that changes how sharp the weights are. Subtract the maximum, no
    more."""
    return softmax((x - x.mean(axis=axis, keepdims=True)) / x.std(axis=axis, keepdims=True), axis)


def nan_set_to_zero(x, axis=-1):
    """You replace nan by 0 after the overflow: the weights are lost by then. Subtract the maximum before
    np.exp."""
    return np.nan_to_num(no_maximum(x, axis))


def exponents_cut_off(x, axis=-1):
    """You cut the exponents off from below, so -inf keeps a tiny weight: np.exp(-inf) is exactly 0 by
    itself."""
    powers = np.exp(np.maximum(x - x.max(axis=axis, keepdims=True), -30))
    return powers / powers.sum(axis=axis, keepdims=True)


def minus_infinity_times_zero(x, axis=-1):
    """A step such as 0 * x turns -inf into nan, and the sum carries it through its row: add or multiply
    nothing before np.exp."""
    return softmax(x - 0.0 * x, axis)


def only_axis_0_or_last(x, axis=-1):
    """You treat axis 0 apart and take the last axis otherwise: an axis in the middle must work too, so hand
    `axis` on."""
    return softmax(x, 0) if axis == 0 else softmax(x)


def minus_infinity_is_zero(x, axis=-1):
    """You replace -inf by a score of 0, which is an ordinary score: leave it in, np.exp(-inf) is exactly
    0."""
    return softmax(np.where(np.isinf(x), 0.0, x), axis)


def minus_infinity_is_minus_ten(x, axis=-1):
    """You replace -inf by -10, so it keeps a small weight: leave it in, np.exp(-inf) is exactly 0."""
    return softmax(np.where(np.isneginf(x), -10.0, x), axis)


def floor_under_weights(x, axis=-1):
    """You lift every weight to a smallest value: a score of -inf must get exactly 0, so leave the weights as
    they are."""
    return np.maximum(softmax(x, axis), 1e-9)


def added_to_weights(x, axis=-1):
    """You add a tiny number to each weight: a score of -inf must get exactly 0, so add nothing."""
    return softmax(x, axis) + 1e-12


def clips_at_700(x, axis=-1):
    """You cut the scores off where np.exp would overflow: 1000 and 1001 then look equal. Subtract the
    maximum."""
    powers = np.exp(np.clip(x, -700, 700))
    return powers / powers.sum(axis=axis, keepdims=True)


def clips_at_50(x, axis=-1):
    """You cut the scores off at 50, so higher ones look equal: subtract the maximum, and no exponent is above
    0."""
    return softmax(np.clip(x, -50, 50), axis)


def divides_by_root_of_n(x, axis=-1):
    """You divide the scores by the root of their number: that scale belongs to attention, here no scale is
    asked for."""
    return softmax(x / np.sqrt(x.shape[-1]), axis)


def rounds(x, axis=-1):
    """You round the weights, so they no longer sum to 1: return them whole; printing may round."""
    return softmax(x, axis).round(3)


def small_epsilon_in_sum(x, axis=-1):
    """Even the small number you add to the sum leaves the weights short of 1: the sum is at least 1, so add
    nothing."""
    powers = np.exp(x - x.max(axis=axis, keepdims=True))
    return powers / (powers.sum(axis=axis, keepdims=True) + 1e-4)


# ------------------------------------------------------------------ properties


def sums_to_one(seen):
    """The weights along `axis` must sum to 1."""
    return all(
        np.allclose(c.outputs["weights"].sum(c.inputs.get("axis", -1)), 1, rtol=0, atol=1e-5)
        for c in seen.values()
    )


def not_negative(seen):
    """A weight is never negative."""
    return all(np.all(c.outputs["weights"] >= 0) for c in seen.values())


def order_is_kept(seen):
    """The largest score must get the largest weight."""
    case = seen["3 rows of 5"]
    return np.array_equal(case.outputs["weights"].argmax(-1), case.inputs["x"].argmax(-1))


inf = np.inf

EXERCISE = Exercise(
    id="softmax",
    contract=(
        "softmax(x, axis=-1) -> weights of the shape of x that sum to 1 along axis; stable, any axis; "
        "-inf gets exactly 0; integer input gives floats."
    ),
    minutes=15,
    difficulty=2,
    points=3,
    arguments={"x": ("...",)},
    outputs={"weights": ("...",)},
    cases=[
        Case("3 rows of 5", lambda rng: (rng.normal(size=(3, 5)) * 2,), weight=3),
        Case("2 scores", lambda rng: (np.array([1.0, 3.0]),)),
        Case("along axis 0", lambda rng: (np.array([[0.0, 1.0], [2.0, 5.0]]),), {"axis": 0}),
        Case(
            "the middle one of three axes", lambda rng: (rng.normal(size=(2, 3, 5)),), {"axis": 1}, weight=2
        ),
        Case("the last of three axes, by default", lambda rng: (rng.normal(size=(2, 3, 5)),)),
        Case(
            "the first of three axes, counted from the end",
            lambda rng: (rng.normal(size=(2, 3, 5)),),
            {"axis": -3},
        ),
        Case("3 rows of 3", lambda rng: (rng.normal(size=(3, 3)) * 2,)),
        Case("large scores", lambda rng: (np.array([1000.0, 1001.0]),)),
        Case("very low scores", lambda rng: (np.array([-1000.0, -1001.0]),)),
        Case("scores far apart", lambda rng: (np.array([1000.0, 0.0, 0.5]),)),
        Case("one score far above many", lambda rng: (np.array([2000.0, *np.zeros(6)]),)),
        Case("rows far apart", lambda rng: (np.array([[1000.0, 1001.0], [-1000.0, -999.0]]),)),
        Case(
            "rows far apart, along axis 0",
            lambda rng: (np.array([[0.0, 1000.0], [1.0, 1002.0]]),),
            {"axis": 0},
        ),
        Case("a score of -inf", lambda rng: (np.array([-inf, 0.0, 1.0]),), atol=0.0),
        Case("-inf beside very low scores", lambda rng: (np.array([-inf, -2000.0, -2001.0]),), atol=0.0),
        Case("whole numbers", lambda rng: (np.array([1, 2, 4]),)),
        Case("one score", lambda rng: (np.array([[3.0], [5.0]]),), rtol=1e-6, atol=0.0),
    ],
    reference=by_hand.softmax,
    solution=softmax,
    right=[softmax, by_log_sum_exp, with_loops, along_the_axis, with_transposes],
    wrong=[
        axis_0_by_default,
        ignores_axis,
        sum_ignores_axis,
        over_everything,
        no_maximum,
        maximum_of_everything,
        maximum_along_last_axis,
        sum_along_last_axis,
        subtracts_mean,
        subtracts_minimum,
        subtracts_largest_absolute,
        adds_maximum_back,
        clips_scores,
        divides_by_maximum,
        not_normalised,
        divides_by_largest,
        divides_by_count,
        euclidean_norm,
        without_exponential,
        without_exponential_shifted,
        sign_turned,
        base_2,
        logarithm,
        sigmoid,
        hard_maximum,
        softmax_twice,
        keepdims_missing,
        keepdims_missing_in_sum,
        whole_numbers,
        nan_at_minus_infinity,
        minus_infinity_is_a_low_number,
        epsilon_in_sum,
        changes_scores,
        axis_1_by_default,
        always_axis_1,
        no_maximum_over_everything,
        standardised,
        nan_set_to_zero,
        exponents_cut_off,
        minus_infinity_times_zero,
        only_axis_0_or_last,
        minus_infinity_is_zero,
        minus_infinity_is_minus_ten,
        floor_under_weights,
        added_to_weights,
        clips_at_700,
        clips_at_50,
        divides_by_root_of_n,
        rounds,
        small_epsilon_in_sum,
    ],
    properties=[sums_to_one, not_negative, order_is_kept],
    hints=[
        (
            "One number added to all scores of a row changes no weight. Which one makes every exponent "
            "0 or less?"
        ),
        "Look at `keepdims=True` in `max` and `sum`: without it they do not line up with the rows of `x`.",
        (
            "`powers = np.exp(x - x.max(axis=axis, keepdims=True))`; divide by `powers.sum(...)` along "
            "that axis."
        ),
    ],
    forbids=(*SOFTMAX, *BESIDE_NUMPY),
)
