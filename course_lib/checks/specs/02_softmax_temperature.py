"""Exercise `softmax_temperature` (lesson 02): a choice made harder or softer."""

import math

import numpy as np

from course_lib import by_hand
from course_lib.checks import Case, Exercise
from course_lib.checks.forbids import BESIDE_NUMPY, SOFTMAX

# ------------------------------------------------------------------------ a solution, and other right ways


def softmax_temperature(x, temperature):
    x = np.asarray(x, dtype=float)
    if temperature < 0:
        raise ValueError(f"temperature must not be negative; got {temperature}")
    if temperature == 0:
        return np.eye(x.shape[-1])[x.argmax(axis=-1)]
    shifted = x - x.max(axis=-1, keepdims=True)
    exponentials = np.exp(shifted / temperature)
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def reference(x, temperature):
    if temperature < 0:
        raise ValueError(f"temperature must not be negative; got {temperature}")
    return _hard(x) if temperature == 0 else by_hand.softmax(x / temperature)


def with_loops(x, temperature):
    if temperature < 0:
        raise ValueError("negative temperature")
    if np.ndim(x) > 1:
        return np.array([with_loops(row, temperature) for row in x])
    scores = [float(score) for score in x]
    best = max(scores)
    if temperature == 0:
        return [float(i == scores.index(best)) for i in range(len(scores))]
    exponentials = [math.exp((score - best) / temperature) for score in scores]
    return [exponential / sum(exponentials) for exponential in exponentials]


def by_logarithms(x, temperature):
    if temperature < 0:
        raise ValueError("negative temperature")
    if temperature == 0:
        weights = np.zeros(x.shape)
        np.put_along_axis(weights, x.argmax(-1)[..., None], 1.0, -1)
        return weights
    scaled = x / temperature
    return np.exp(scaled - np.logaddexp.reduce(scaled, axis=-1, keepdims=True))


def last_axis_in_front(x, temperature):
    if temperature < 0:
        raise ValueError("negative temperature")
    if temperature == 0:
        return _hard(x)
    columns = np.moveaxis(np.array(x, dtype=float) / temperature, -1, 0)
    columns = np.exp(columns - columns.max(0))
    return np.moveaxis(columns / columns.sum(0), 0, -1)


def _hard(x):
    return np.eye(x.shape[-1])[x.argmax(axis=-1)]


# ------------------------------------------------------------------------ another convention


def ties_share(x, temperature):
    """At temperature 0 you share the weight among equal best scores, which is the limit of small
    temperatures; here the first of them gets it all, as in decoding (lesson 15)."""
    if temperature != 0:
        return reference(x, temperature)
    best = x == x.max(axis=-1, keepdims=True)
    return best / best.sum(axis=-1, keepdims=True)


# ------------------------------------------------------------------------ stored wrong answers


def multiplies(x, temperature):
    """You multiply the scores by the temperature: then hot makes the choice harder, so divide instead."""
    return _guarded(x, temperature, lambda: by_hand.softmax(x * temperature))


def ignores_temperature(x, temperature):
    """The temperature only decides the special cases: the scores must be divided by it before the
    exponential."""
    return _guarded(x, temperature, lambda: by_hand.softmax(x))


def divides_weights(x, temperature):
    """You divide the finished weights by the temperature, so they no longer sum to 1: divide the scores,
    before exp."""
    return _guarded(x, temperature, lambda: by_hand.softmax(x) / temperature)


def no_shift(x, temperature):
    """Large scores, or ordinary ones at a low temperature, overflow to inf: subtract the largest of each row
    before exp."""
    return _guarded(x, temperature, lambda: _normalise(np.exp(x / temperature)))


def shift_of_undivided_scores(x, temperature):
    """You subtract the largest undivided score from the divided ones, so exp can still overflow: shift first,
    then divide."""
    return _guarded(x, temperature, lambda: _normalise(np.exp(x / temperature - _peak(x))))


def shift_by_whole_maximum(x, temperature):
    """You subtract the maximum of the whole array: a row far below it loses all its exponentials, so shift
    per row."""
    return _guarded(x, temperature, lambda: _normalise(np.exp((x - x.max()) / temperature)))


def shift_by_mean(x, temperature):
    """You subtract the mean of the row: the best score stays above 0 and can still overflow, so subtract the
    largest."""
    return _guarded(x, temperature, lambda: _normalise(np.exp((x - x.mean(-1, keepdims=True)) / temperature)))


def nan_at_zero(x, temperature):
    """Temperature 0 makes you divide by 0: treat it as its own case, all weight on the first largest
    score."""
    if temperature < 0:
        raise ValueError
    return _normalise(np.exp((x - _peak(x)) / np.float64(temperature)))


def zero_means_one(x, temperature):
    """You treat temperature 0 as if it were 1: towards 0 the choice hardens, so all weight goes to the
    largest score."""
    return _guarded(x, temperature or 1, lambda: by_hand.softmax(x / (temperature or 1)))


def zero_is_uniform(x, temperature):
    """At temperature 0 you share evenly: that is what an infinite temperature does; 0 puts all weight on the
    largest."""
    return np.full(x.shape, 1 / x.shape[-1]) if temperature == 0 else reference(x, temperature)


def last_of_ties(x, temperature):
    """At temperature 0 and with equal best scores you choose the last of them: our contract says the
    first."""
    if temperature != 0:
        return reference(x, temperature)
    return _hard(x[..., ::-1])[..., ::-1]


def one_winner_for_all_rows(x, temperature):
    """At temperature 0 you mark the largest score of the whole array: each row has its own choice."""
    if temperature != 0:
        return reference(x, temperature)
    weights = np.zeros(x.size)
    weights[x.argmax()] = 1
    return weights.reshape(x.shape)


def index_at_zero(x, temperature):
    """At temperature 0 you return the position of the best: weights are asked for, 1 at that position and 0
    elsewhere."""
    return x.argmax(axis=-1) if temperature == 0 else reference(x, temperature)


def negative_accepted(x, temperature):
    """A negative temperature turns the order round without a word: raise a ValueError for it."""
    return _hard(x) if temperature == 0 else by_hand.softmax(x / temperature)


def zero_refused(x, temperature):
    """You raise an error at temperature 0 as well: only negative ones are refused, 0 is the hard choice."""
    if temperature <= 0:
        raise ValueError
    return by_hand.softmax(x / temperature)


def clipped_temperature(x, temperature):
    """You do not let the temperature go below 0.01, so lower ones come out too soft: use the value as it
    is."""
    return _guarded(x, temperature, lambda: by_hand.softmax(x / max(temperature, 0.01)))


def first_axis(x, temperature):
    """You work down axis 0: each row along the last axis is one choice, and must sum to 1."""
    if temperature < 0:
        raise ValueError
    if temperature == 0:
        return np.moveaxis(_hard(np.moveaxis(x, 0, -1)), -1, 0)
    return by_hand.softmax(x / temperature, axis=0)


def whole_array(x, temperature):
    """All rows share one sum: each row is a choice of its own, so sum along the last axis with
    keepdims=True."""
    return _guarded(
        x, temperature, lambda: by_hand.softmax((x / temperature).ravel(), axis=0).reshape(x.shape)
    )


def no_keepdims(x, temperature):
    """The sums lie along the wrong axis: without keepdims=True a square table is divided by the sums of other
    rows."""

    def weights():
        exponentials = np.exp((x - _peak(x)) / temperature)
        return exponentials / exponentials.sum(axis=-1)

    return _guarded(x, temperature, weights)


def changes_scores(x, temperature):
    """The caller's x is changed in place: work on a new array, as in `x = x / temperature`
    in place of `x /=
    temperature`."""
    result = reference(x, temperature)
    if x.dtype.kind == "f" and temperature not in (0, 1):
        x /= temperature
    return result


def _guarded(x, temperature, weights):
    """The right special cases around a wrong ordinary one."""
    if temperature < 0:
        raise ValueError
    return _hard(x) if temperature == 0 else weights()


def _peak(x):
    return x.max(axis=-1, keepdims=True)


def _normalise(exponentials):
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def root_of_temperature(x, temperature):
    """You divide by the root of the temperature: divide by the temperature itself."""
    return _guarded(x, temperature, lambda: by_hand.softmax(x / np.sqrt(temperature)))


def small_is_hard(x, temperature):
    """You make the hard choice at every small temperature: close scores still share there, only 0 itself is
    hard."""
    return _guarded(x, temperature, lambda: _hard(x) if temperature < 0.01 else reference(x, temperature))


def below_one_is_hard(x, temperature):
    """You make the hard choice at every temperature below 1: only 0 itself is hard."""
    return _guarded(x, temperature, lambda: _hard(x) if temperature < 1 else reference(x, temperature))


def clipped_at_a_tenth(x, temperature):
    """You do not let the temperature go below 0.1: lower ones come out too soft, so use the value as it
    is."""
    return _guarded(x, temperature, lambda: by_hand.softmax(x / max(temperature, 0.1)))


def powers_not_normalised(x, temperature):
    """Weights to the power 1/T no longer sum to 1: divide them by their sum again, or divide the scores
    instead."""
    return _guarded(x, temperature, lambda: by_hand.softmax(x) ** (1 / temperature))


def every_tie_wins(x, temperature):
    """At temperature 0 each of several equal best scores gets weight 1: by our contract only the first
    does."""
    return (x == _peak(x)) * 1.0 if temperature == 0 else reference(x, temperature)


def winners_of_all_rows(x, temperature):
    """At temperature 0 each row gets the winners of all rows: `w[..., best] = 1` marks whole columns. Use
    `np.eye(n)[best]`."""
    weights = reference(x, temperature)
    if temperature == 0:
        weights[..., x.argmax(axis=-1)] = 1
    return weights


def hot_refused(x, temperature):
    """You refuse high temperatures: only negative ones are an error, however hot the others are."""
    if temperature > 10:
        raise ValueError
    return reference(x, temperature)


def whole_temperature(x, temperature):
    """You cut the temperature to a whole number: 1.5 then counts as 1, so use the value as it is."""
    whole = int(temperature) if temperature >= 1 else temperature
    return _guarded(x, temperature, lambda: by_hand.softmax(x / whole))


def fraction_dropped(x, temperature):
    """You divide with `//`, which drops the fraction of each score: write `/`."""
    return _guarded(x, temperature, lambda: by_hand.softmax(x // temperature))


# ------------------------------------------------------------------------ properties and cases


def rows_sum_to_one(seen):
    """The weights of each row must sum to 1."""
    return all(np.allclose(case.outputs["weights"].sum(-1), 1, atol=1e-4) for case in seen.values())


def no_negative_weight(seen):
    """No weight may be negative."""
    return all(np.all(case.outputs["weights"] >= 0) for case in seen.values())


def constant_does_not_matter(seen):
    """The same scores 1000 higher must give the same weights."""
    return np.allclose(
        seen["low scores"].outputs["weights"], seen["scores near 1000"].outputs["weights"], atol=1e-4
    )


def ordinary(rng):
    return rng.normal(size=(2, 5)), rng.uniform(0.3, 0.8)


EXERCISE = Exercise(
    id="softmax_temperature",
    contract=(
        "softmax_temperature(x, temperature) -> weights; x (..., n), weights (..., n) along the last axis. "
        "Temperature 0: weight 1 for the first largest score. Negative: ValueError."
    ),
    minutes=8,
    difficulty=2,
    points=1,
    arguments={"x": ("...", "n"), "temperature": ()},
    outputs={"weights": ("...", "n")},
    cases=[
        Case("2 rows of 5", ordinary, weight=3),
        Case("by hand", lambda rng: (np.log([1.0, 2.0, 5.0]), 0.5)),
        Case("hot", lambda rng: (np.array([3.0, 1.0, -2.0]), 10.0)),
        Case("low scores", lambda rng: (np.array([0.0, 1.0, 2.0]), 0.5)),
        Case("scores near 1000", lambda rng: (np.array([1000.0, 1001.0, 1002.0]), 0.5)),
        Case("a tiny temperature", lambda rng: (np.array([0.0, 1.0, 0.999]), 0.001)),
        Case("rows far apart", lambda rng: (np.array([[0.0, 1.0, 2.0], [1000.0, 1001.0, 1002.0]]), 1.0)),
        Case("one score of -inf", lambda rng: (np.array([2.0, -np.inf, 1.0]), 2.0)),
        Case("temperature 0", lambda rng: (np.array([1.0, 3.0, 2.0]), 0.0)),
        Case("temperature 0 and two equal", lambda rng: (np.array([1.0, 3.0, 3.0]), 0.0)),
        Case("temperature 0 and two rows", lambda rng: (np.array([[4.0, 1.0, 2.0], [5.0, 7.0, 6.0]]), 0.0)),
        Case("a negative temperature", lambda rng: (np.array([1.0, 2.0]), -1.0)),
        Case("one score", lambda rng: (np.array([7.0]), 3.0)),
        Case("whole numbers", lambda rng: (np.array([1, 2, 3]), 2)),
        Case("a square table", lambda rng: (rng.normal(size=(3, 3)), 0.7)),
        Case("3 axes", lambda rng: (rng.normal(size=(2, 3, 5)), 1.5)),
        Case("very hot", lambda rng: (np.array([3.0, 1.0, -2.0]), 100.0)),
    ],
    reference=reference,
    solution=softmax_temperature,
    right=[softmax_temperature, with_loops, by_logarithms, last_axis_in_front],
    wrong=[
        multiplies,
        ignores_temperature,
        divides_weights,
        no_shift,
        shift_of_undivided_scores,
        shift_by_whole_maximum,
        shift_by_mean,
        nan_at_zero,
        zero_means_one,
        zero_is_uniform,
        last_of_ties,
        one_winner_for_all_rows,
        index_at_zero,
        negative_accepted,
        zero_refused,
        clipped_temperature,
        first_axis,
        whole_array,
        no_keepdims,
        changes_scores,
        root_of_temperature,
        small_is_hard,
        below_one_is_hard,
        clipped_at_a_tenth,
        powers_not_normalised,
        every_tie_wins,
        winners_of_all_rows,
        hot_refused,
        whole_temperature,
        fraction_dropped,
    ],
    conventions=[ties_share],
    properties=[rows_sum_to_one, no_negative_weight, constant_does_not_matter],
    hints=[
        (
            "Doubling the scores made the choice harder. Which temperature does that, and which one does "
            "nothing?"
        ),
        (
            "Shift first, so that the largest score is 0, and divide by the temperature after that. What is "
            "left to say for 0 and below?"
        ),
        (
            "`np.exp((x - x.max(axis=-1, keepdims=True)) / temperature)`, then normalise; at 0: "
            "`np.eye(n)[x.argmax(axis=-1)]`."
        ),
    ],
    forbids=(*SOFTMAX, *BESIDE_NUMPY),
)
