"""Exercise `soft_look_up` (lesson 03): one query asks, all values answer."""

import numpy as np

from course_lib import by_hand
from course_lib.checks import Case, Exercise
from course_lib.checks.forbids import BESIDE_NUMPY, SOFTMAX


def reference(query, keys, values):
    return by_hand.scaled_dot_product_attention(
        np.asarray(query)[None], np.asarray(keys), np.asarray(values)
    )[0][0]


# ------------------------------------------------------------------------ a solution, and other right ways


def soft_look_up(query, keys, values):
    scores = keys @ query / np.sqrt(len(query))  # 1. scores
    exponentials = np.exp(scores - scores.max())
    weights = exponentials / exponentials.sum()  # 2. weights
    return weights @ values  # 3. mix


def with_loops(query, keys, values):
    scores = [
        sum(float(a) * float(b) for a, b in zip(query, key, strict=True)) / len(query) ** 0.5 for key in keys
    ]
    exponentials = [float(np.exp(score - max(scores))) for score in scores]
    context = [0.0] * len(values[0])
    for exponential, value in zip(exponentials, values, strict=True):
        context = [
            c + exponential / sum(exponentials) * float(v) for c, v in zip(context, value, strict=True)
        ]
    return context


def with_einsum(query, keys, values):
    scores = np.einsum("d,jd->j", query, keys) * len(query) ** -0.5
    return np.einsum("j,jv->v", by_hand.softmax(scores), values)


def divides_at_the_end(query, keys, values):
    scores = keys @ (query / np.sqrt(query.size))
    exponentials = np.exp(scores - np.max(scores))
    return (exponentials[:, None] * values).sum(axis=0) / exponentials.sum()


# ------------------------------------------------------------------------ stored wrong answers


def _softmax_mix(scores, values):
    return by_hand.softmax(scores) @ values


def _scores(query, keys):
    return keys @ query / np.sqrt(len(query))


def best_value_only(query, keys, values):
    """You return the value of the best key alone, which is a hard look-up: mix all values, each with its
    weight.
    """
    return values[_scores(query, keys).argmax()] * 1.0


def plain_mean(query, keys, values):
    """You average the values evenly, so the query has no say: weigh them with the softmax of the scores."""
    return values.mean(axis=0)


def weights_are_the_output(query, keys, values):
    """You return the weights: they say how much of each value to take, and the mix `weights @ values` is
    still to come.
    """
    return by_hand.softmax(_scores(query, keys))


def no_scale(query, keys, values):
    """The scale is missing: divide the scores by the root of d, the size of the query, before the softmax."""
    return _softmax_mix(keys @ query, values)


def divides_by_d(query, keys, values):
    """You divide the scores by d: the root of d brings their spread back to 1, d itself makes all keys
    nearly alike.
    """
    return _softmax_mix(keys @ query / len(query), values)


def multiplies_by_root(query, keys, values):
    """You multiply the scores by the root of d, which makes the choice harder: divide by it."""
    return _softmax_mix(keys @ query * np.sqrt(len(query)), values)


def root_of_n_k(query, keys, values):
    """You divide by the root of the number of keys: the scale comes from d, the length of the query."""
    return _softmax_mix(keys @ query / np.sqrt(len(keys)), values)


def scaled_after_softmax(query, keys, values):
    """You divide by the root of d after the softmax, so the weights no longer sum to 1: scale the scores
    before it.
    """
    return _softmax_mix(keys @ query, values) / np.sqrt(len(query))


def not_normalised(query, keys, values):
    """Your weights do not sum to 1: divide the exponentials by their sum."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.exp(_scores(query, keys)) @ values


def overflows(query, keys, values):
    """Large scores overflow, inf / inf is nan: subtract the largest score before np.exp, the weights stay
    the same.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        exponentials = np.exp(_scores(query, keys))
        return (exponentials / exponentials.sum()) @ values


def scores_as_weights(query, keys, values):
    """You mix the values with the raw scores: they can be negative and do not sum to 1, so softmax comes
    between.
    """
    return _scores(query, keys) @ values


def divides_by_the_sum_of_scores(query, keys, values):
    """You divide the scores by their sum: that gives negative shares and depends on the zero of the scores;
    use the exponential first.
    """
    scores = _scores(query, keys)
    return scores / (scores.sum() or 1) @ values


def cosine_scores(query, keys, values):
    """You compare by cosine: the scores here are dot products divided by the root of d, so long keys count
    more.
    """
    lengths = np.linalg.norm(keys, axis=1) * np.linalg.norm(query)
    dots = keys @ query
    return _softmax_mix(np.divide(dots, lengths, out=np.zeros(len(dots)), where=lengths > 0), values)


def distance_scores(query, keys, values):
    """You compare by distance: the score is the dot product of query and key, divided by the root of d."""
    return _softmax_mix(-((keys - query) ** 2).sum(axis=1) / np.sqrt(len(query)), values)


def averaged_again(query, keys, values):
    """You divide by the number of keys once more: the weights sum to 1 already, so their sum of values is
    the mean.
    """
    return soft_look_up(query, keys, values) / len(keys)


def farthest_first(query, keys, values):
    """Your scores have the wrong sign, so the least alike key counts most: a larger dot product must give a
    larger weight.
    """
    return _softmax_mix(-_scores(query, keys), values)


def keeps_a_query_axis(query, keys, values):
    """You return shape (1, d_v), one row for the single query: the context of one query is (d_v,), so take
    row 0.
    """
    return soft_look_up(query, keys, values)[None]


def softmax_of_values(query, keys, values):
    """You apply softmax to the values as well: values are handed over as they are, only the scores go
    through softmax.
    """
    return by_hand.softmax(_scores(query, keys)) @ by_hand.softmax(values, axis=0)


def changes_keys(query, keys, values):
    """The caller's keys are changed in place: work on a new array, as in `keys = keys / ...`
    in place of `keys /=
    ...`."""
    context = soft_look_up(query, keys, values)
    if keys.dtype.kind == "f":
        keys /= np.sqrt(len(query))
    return context


def root_of_d_v(query, keys, values):
    """You divide by the root of d_v, the width of the values: the scale comes from d, the length of the
    query."""
    return _softmax_mix(keys @ query / np.sqrt(values.shape[1]), values)


def whole_root(query, keys, values):
    """You cut the root of d to a whole number: the root of 7 is 2.6458, so leave the `int` out."""
    return _softmax_mix(keys @ query / int(np.sqrt(len(query))), values)


def base_2(query, keys, values):
    """You use powers of 2: softmax takes powers of e, np.exp."""
    return _softmax_mix(_scores(query, keys) * np.log(2), values)


def plain_distance(query, keys, values):
    """You compare by the distance itself, root included: the score is the dot product of query and key,
    divided by the root of d."""
    return _softmax_mix(-np.linalg.norm(keys - query, axis=1) / np.sqrt(len(query)), values)


def subtracts_mean(query, keys, values):
    """You subtract the mean score: a score far above it still overflows in np.exp, so subtract the
    largest."""
    scores = _scores(query, keys)
    exponentials = np.exp(scores - scores.mean())
    return exponentials / exponentials.sum() @ values


def subtracts_minimum(query, keys, values):
    """You subtract the smallest score: the others then lie above 0 and overflow in np.exp, so subtract the
    largest."""
    scores = _scores(query, keys)
    exponentials = np.exp(scores - scores.min())
    return exponentials / exponentials.sum() @ values


def subtracts_largest_absolute(query, keys, values):
    """You subtract the largest absolute value: where all scores lie far below it every exponential is 0.
    Keep the sign."""
    scores = _scores(query, keys)
    exponentials = np.exp(scores - np.abs(scores).max())
    return exponentials / exponentials.sum() @ values


def clips_scores(query, keys, values):
    """You cut the scores off against overflow: two large ones then look equal. Subtract the largest
    instead."""
    exponentials = np.exp(np.clip(_scores(query, keys), -50, 50))
    return exponentials / exponentials.sum() @ values


def clips_at_700(query, keys, values):
    """You cut the scores off where np.exp would overflow: two larger ones then look equal. Subtract the
    largest instead."""
    exponentials = np.exp(np.clip(_scores(query, keys), -700, 700))
    return exponentials / exponentials.sum() @ values


def epsilon_in_sum(query, keys, values):
    """The number you add to the sum leaves the weights short of 1: after subtracting the largest score the
    sum is at least 1."""
    scores = _scores(query, keys)
    exponentials = np.exp(scores - scores.max())
    return exponentials / (exponentials.sum() + 1e-3) @ values


def mixes_the_keys(query, keys, values):
    """You mix the keys: they are only compared with the query, what is mixed are the values."""
    return by_hand.softmax(_scores(query, keys)) @ keys


def values_not_added(query, keys, values):
    """You return each value times its weight, one row a key: add the rows up along axis 0."""
    return by_hand.softmax(_scores(query, keys))[:, None] * values


def added_along_axis_1(query, keys, values):
    """You add up along axis 1, within each value: add along axis 0, over the keys."""
    return (by_hand.softmax(_scores(query, keys))[:, None] * values).sum(axis=1)


def cosines_unguarded(query, keys, values):
    """You compare by cosine, and a zero vector then gives nan: the scores are dot products divided by the
    root of d alone."""
    return _softmax_mix(keys @ query / np.linalg.norm(query) / np.linalg.norm(keys, axis=1), values)


# ------------------------------------------------------------------------ properties and cases


def order_does_not_matter(seen):
    """Shuffling the keys together with their values must not change the context."""
    here, shuffled = seen["5 keys"], seen["the same keys in another order"]
    return np.allclose(here.outputs["context"], shuffled.outputs["context"], rtol=1e-4, atol=1e-5)


def stays_among_the_values(seen):
    """The context is a mean: no entry may lie above the largest or below the smallest value of its column."""
    for case in seen.values():
        values, context = np.asarray(case.inputs["values"]), np.asarray(case.outputs["context"])
        slack = 1e-4 * (1 + np.abs(values).max())
        if np.any(context > values.max(axis=0) + slack) or np.any(context < values.min(axis=0) - slack):
            return False
    return True


def drawn(order=(0, 1, 2, 3, 4)):
    draw = np.random.default_rng(11)  # one draw, so that cases can be compared
    query, keys, values = draw.normal(size=3), draw.normal(size=(5, 3)), draw.normal(size=(5, 7))
    return query, keys[list(order)], values[list(order)]


def one_each():
    return np.array([[1.0], [2.0], [4.0]])


def by_the_table():
    step = np.sqrt(2) * np.log(2)
    return (
        np.array([1.0, 0.0]),
        np.array([[step, 0.0], [0.0, step], [0.0, 0.0]]),
        np.array([[8.0, 0.0], [0.0, 8.0], [8.0, 8.0]]),
    )


EXERCISE = Exercise(
    id="soft_look_up",
    contract=(
        "soft_look_up(query, keys, values) -> context; query (d,), keys (n_k, d), values (n_k, d_v), "
        "context (d_v,)."
    ),
    minutes=8,
    difficulty=2,
    points=1,
    arguments={"query": ("d",), "keys": ("n_k", "d"), "values": ("n_k", "d_v")},
    outputs={"context": ("d_v",)},
    cases=[
        Case("5 keys", lambda rng: drawn(), weight=3),
        Case("the table of the lesson", lambda rng: by_the_table()),
        Case("the same keys in another order", lambda rng: drawn((3, 0, 4, 1, 2))),
        Case(
            "as many keys as features",
            lambda rng: (rng.normal(size=3), rng.normal(size=(3, 3)), rng.normal(size=(3, 3))),
        ),
        Case(
            "a zero query",
            lambda rng: (np.zeros(2), np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[0.0], [4.0]])),
        ),
        Case(
            "two keys, one value each",
            lambda rng: (np.array([1.0]), np.array([[2.0], [1.0]]), np.array([[10.0], [20.0]])),
        ),
        Case(
            "one key", lambda rng: (rng.normal(size=2), rng.normal(size=(1, 2)), np.array([[3.0, -1.0, 2.0]]))
        ),
        Case(
            "very large scores",
            lambda rng: (np.array([1e3, 0.0]), np.array([[2.0, 1.0], [1.0, 2.0]]), np.array([[1.0], [5.0]])),
        ),
        Case(
            "whole numbers",
            lambda rng: (np.array([1, 0]), np.array([[1, 2], [0, 3]]), np.array([[4, 0, 1], [0, 8, 1]])),
        ),
        Case(
            "7 features", lambda rng: (rng.normal(size=7), rng.normal(size=(5, 7)), rng.normal(size=(5, 2)))
        ),
        Case(
            "one score far above the others",
            lambda rng: (np.array([4000.0, 0.0]), np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]]), one_each()),
        ),
        Case(
            "one score far below the others",
            lambda rng: (
                np.array([-4000.0, 0.0]),
                np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]]),
                one_each(),
            ),
        ),
        Case(
            "scores 1000 apart",
            lambda rng: (np.array([1000.0]), np.array([[1.0], [0.0]]), np.array([[1.0], [5.0]])),
        ),
        Case(
            "scores near 100",
            lambda rng: (np.array([100.0]), np.array([[1.0], [1.01]]), np.array([[1.0], [5.0]])),
        ),
        Case(
            "scores far below 0",
            lambda rng: (np.array([-1000.0]), np.array([[2.0], [2.001]]), np.array([[1.0], [5.0]])),
        ),
    ],
    reference=reference,
    solution=soft_look_up,
    right=[soft_look_up, with_loops, with_einsum, divides_at_the_end],
    wrong=[
        best_value_only,
        plain_mean,
        weights_are_the_output,
        no_scale,
        divides_by_d,
        multiplies_by_root,
        root_of_n_k,
        scaled_after_softmax,
        not_normalised,
        overflows,
        scores_as_weights,
        divides_by_the_sum_of_scores,
        cosine_scores,
        distance_scores,
        averaged_again,
        farthest_first,
        keeps_a_query_axis,
        softmax_of_values,
        changes_keys,
        root_of_d_v,
        whole_root,
        base_2,
        plain_distance,
        subtracts_mean,
        subtracts_minimum,
        subtracts_largest_absolute,
        clips_scores,
        clips_at_700,
        epsilon_in_sum,
        mixes_the_keys,
        values_not_added,
        added_along_axis_1,
        cosines_unguarded,
    ],
    properties=[stays_among_the_values, order_does_not_matter],
    hints=[
        "Say the three steps: scores, weights, mix. What is the shape after each of them?",
        (
            "Scores: one dot product for each key, `keys @ query`, then the scale. Weights: softmax; "
            "subtract the largest score first. Mix: which product of (n_k,) and (n_k, d_v) gives (d_v,)?"
        ),
        (
            "`scores = keys @ query / np.sqrt(len(query))`, `weights = np.exp(scores - scores.max())`, "
            "divide them by their sum, `return weights @ values`."
        ),
    ],
    forbids=(*SOFTMAX, *BESIDE_NUMPY),
)
