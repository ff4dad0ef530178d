"""Exercise `scaled_dot_product_attention` (lesson 03): the soft look-up, whole."""

import numpy as np

from course_lib import by_hand
from course_lib.by_hand import softmax
from course_lib.checks import Case, Exercise
from course_lib.checks.forbids import BESIDE_NUMPY, SOFTMAX

# ------------------------------------------------------------------ a solution, and other right ways


def scaled_dot_product_attention(Q, K, V):
    scores = Q @ np.swapaxes(K, -1, -2) / np.sqrt(Q.shape[-1])
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = powers / powers.sum(axis=-1, keepdims=True)
    return weights @ V, weights


def with_einsum(Q, K, V):
    scores = np.einsum("...qd,...kd->...qk", Q, K) * K.shape[-1] ** -0.5
    weights = softmax(scores)
    return np.einsum("...qk,...kv->...qv", weights, V), weights


def with_loops(Q, K, V):
    if Q.ndim > 2:
        pairs = [with_loops(*one) for one in zip(Q, K, V, strict=True)]
        return np.stack([context for context, _ in pairs]), np.stack([weights for _, weights in pairs])
    contexts, rows = [], []
    for query in Q:
        scores = [sum(float(a) * float(b) for a, b in zip(query, key, strict=True)) for key in K]
        row = softmax(np.array(scores) / len(query) ** 0.5)
        contexts.append(sum(w * value for w, value in zip(row, V, strict=True)))
        rows.append(row)
    return np.array(contexts), np.array(rows)


def scaled_queries(Q, K, V):
    transposed = np.moveaxis(K, -1, -2)
    weights = np.matmul(Q / Q.shape[-1] ** 0.5, transposed)
    weights -= weights.max(-1)[..., None]
    np.exp(weights, out=weights)
    weights /= weights.sum(-1)[..., None]
    return [np.matmul(weights, V), weights]


def both_sides_scaled(Q, K, V):
    fourth_root = Q.shape[-1] ** 0.25
    weights = softmax((Q / fourth_root) @ np.swapaxes(K / fourth_root, -1, -2), axis=-1)
    return (weights[..., None] * V[..., None, :, :]).sum(-2), weights


# ------------------------------------------------------------------ stored wrong answers


def transpose(x):
    return np.swapaxes(x, -1, -2)


def look_up(scores, V):
    weights = softmax(scores)
    return weights @ V, weights


def no_scale(Q, K, V):
    """The scores are not divided by sqrt(d): divide before the softmax, or the weights grow too sharp with
    d."""
    return look_up(Q @ transpose(K), V)


def scale_by_d(Q, K, V):
    """You divide by d (or by sqrt(d) twice, once in Q and once in K): the scores spread like sqrt(d), so
    divide by it once."""
    return look_up(Q @ transpose(K) / Q.shape[-1], V)


def times_sqrt_d(Q, K, V):
    """You multiply by sqrt(d): divide by it. The scale makes the scores smaller, not larger."""
    return look_up(Q @ transpose(K) * np.sqrt(Q.shape[-1]), V)


def sqrt_of_d_v(Q, K, V):
    """You divide by sqrt(d_v): the dot products run over the features of queries and keys, so d is
    `Q.shape[-1]`."""
    return look_up(Q @ transpose(K) / np.sqrt(V.shape[-1]), V)


def sqrt_of_n_k(Q, K, V):
    """You divide by the square root of the number of keys: d is the length of a query, `Q.shape[-1]`."""
    return look_up(Q @ transpose(K) / np.sqrt(K.shape[-2]), V)


def sqrt_of_n_q(Q, K, V):
    """You divide by the square root of the number of queries: d is the last axis of Q, `Q.shape[-1]`."""
    return look_up(Q @ transpose(K) / np.sqrt(Q.shape[-2]), V)


def sqrt_of_first_axis(Q, K, V):
    """You take d from axis 0, which is the batch when there is one: d is the last axis, `Q.shape[-1]`."""
    return look_up(Q @ transpose(K) / np.sqrt(Q.shape[0]), V)


def sqrt_of_axis_1(Q, K, V):
    """You take d from axis 1, which is right for a single head alone: d is the last axis, `Q.shape[-1]`."""
    return look_up(Q @ transpose(K) / np.sqrt(Q.shape[1]), V)


def scale_after_softmax(Q, K, V):
    """You divide after the softmax, so the rows no longer sum to 1: scale the scores, then take the
    softmax."""
    weights = softmax(Q @ transpose(K)) / np.sqrt(Q.shape[-1])
    return weights @ V, weights


def scale_on_output(Q, K, V):
    """The scale lands on the output: divide the scores by sqrt(d), before the softmax."""
    weights = softmax(Q @ transpose(K))
    return weights @ V / np.sqrt(Q.shape[-1]), weights


def softmax_over_queries(Q, K, V):
    """Your softmax runs over the queries: for each query the weights over the keys sum to 1, so use
    axis=-1."""
    weights = softmax(Q @ transpose(K) / np.sqrt(Q.shape[-1]), axis=-2)
    return weights @ V, weights


def softmax_over_axis_1(Q, K, V):
    """Your softmax runs along axis 1, which holds the keys for a single head alone: the keys are the last
    axis, -1."""
    weights = softmax(Q @ transpose(K) / np.sqrt(Q.shape[-1]), axis=1)
    return weights @ V, weights


def softmax_over_axis_0(Q, K, V):
    """Your softmax runs along axis 0: for each query the weights over the keys sum to 1, so use axis=-1."""
    weights = softmax(Q @ transpose(K) / np.sqrt(Q.shape[-1]), axis=0)
    return weights @ V, weights


def softmax_over_everything(Q, K, V):
    """The softmax sums over all queries and keys together: each query has its own row of weights that sums to
    1."""
    scores = Q @ transpose(K) / np.sqrt(Q.shape[-1])
    powers = np.exp(scores - scores.max())
    weights = powers / powers.sum()
    return weights @ V, weights


def no_softmax(Q, K, V):
    """The softmax is missing: the scaled scores must become weights that sum to 1 before they meet the
    values."""
    scores = Q @ transpose(K) / np.sqrt(Q.shape[-1])
    return scores @ V, scores


def returns_scores(Q, K, V):
    """The output is right, but with it you return the scores: return the weights, after the softmax."""
    scores = Q @ transpose(K) / np.sqrt(Q.shape[-1])
    return softmax(scores) @ V, scores


def not_normalised(Q, K, V):
    """The exponentials are not divided by their sum, so the weights of a query do not sum to 1."""
    scores = Q @ transpose(K) / np.sqrt(Q.shape[-1])
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return weights @ V, weights


def not_stable(Q, K, V):
    """Large scores overflow in np.exp: subtract the largest score of each row first, or use your own
    softmax."""
    weights = np.exp(Q @ transpose(K) / np.sqrt(Q.shape[-1]))
    weights = weights / weights.sum(axis=-1, keepdims=True)
    return weights @ V, weights


def one_maximum_for_all(Q, K, V):
    """You subtract one maximum of all scores: a query whose scores lie far below gets 0/0. Take the maximum
    of each row."""
    scores = Q @ transpose(K) / np.sqrt(Q.shape[-1])
    weights = np.exp(scores - scores.max())
    weights = weights / weights.sum(axis=-1, keepdims=True)
    return weights @ V, weights


def values_before_softmax(Q, K, V):
    """You meet the values before the softmax: first the weights, softmax of the scores; then weights @ V."""
    scores = Q @ transpose(K) / np.sqrt(Q.shape[-1])
    return softmax(scores @ V), softmax(scores)


def swapped(Q, K, V):
    """You return (weights, output): the order asked for is (output, weights)."""
    output, weights = scaled_dot_product_attention(Q, K, V)
    return weights, output


def output_only(Q, K, V):
    """You return the output alone: return (output, weights), both are needed to look inside."""
    return scaled_dot_product_attention(Q, K, V)[0]


def weights_only(Q, K, V):
    """You return the weights alone: the output, weights @ V, comes first."""
    return scaled_dot_product_attention(Q, K, V)[1]


def keys_and_queries_exchanged(Q, K, V):
    """Queries and keys have changed places: the scores are Q K^T, one row for each query and one column for
    each key."""
    return look_up(K @ transpose(Q) / np.sqrt(Q.shape[-1]), V)


def weights_transposed(Q, K, V):
    """You return the weights transposed: their axes are (n_q, n_k), one row for each query."""
    output, weights = scaled_dot_product_attention(Q, K, V)
    return output, transpose(weights)


def all_axes_reversed(Q, K, V):
    """`K.T` turns all axes round, the batch too: swap the last two alone, with np.swapaxes(K, -1, -2)."""
    return look_up(Q @ K.T / np.sqrt(Q.shape[-1]), V)


def single_head_only(Q, K, V):
    """This works for one head alone: with a batch there are axes in front, so count axes from the end."""
    _, d = Q.shape
    return look_up(Q @ K.T / np.sqrt(d), V)


def first_of_batch(Q, K, V):
    """Every example of the batch is looked up in the keys and values of the first one: give each its own."""
    if Q.ndim == 2:
        return scaled_dot_product_attention(Q, K, V)
    return look_up(Q @ transpose(K[:1]) / np.sqrt(Q.shape[-1]), np.broadcast_to(V[:1], V.shape))


def keys_as_values(Q, K, V):
    """You mix the keys: scores come from queries and keys, but what is mixed are the values, weights @ V."""
    weights = softmax(Q @ transpose(K) / np.sqrt(Q.shape[-1]))
    return weights @ K, weights


def hard_look_up(Q, K, V):
    """You take the value of the best key alone: attention mixes all values by their weights."""
    weights = scaled_dot_product_attention(Q, K, V)[1]
    best = weights.argmax(-1)[..., None]
    return np.take_along_axis(V, best, axis=-2), weights


def mean_of_values(Q, K, V):
    """The output is divided by the number of keys: the weights sum to 1 already, so weights @ V is the
    mean."""
    output, weights = scaled_dot_product_attention(Q, K, V)
    return output / K.shape[-2], weights


def cosine_scores(Q, K, V):
    """You compare directions (cosines): here the score is the dot product divided by sqrt(d), lengths
    count."""
    lengths = np.linalg.norm(Q, axis=-1)[..., None] * np.linalg.norm(K, axis=-1)[..., None, :]
    return look_up(Q @ transpose(K) / np.where(lengths == 0, 1, lengths), V)


def sign_turned(Q, K, V):
    """The sign is turned: the key most like the query gets the smallest weight."""
    return look_up(-Q @ transpose(K) / np.sqrt(Q.shape[-1]), V)


def causal(Q, K, V):
    """You hide later keys from earlier queries: no mask is asked for, every query may attend to every key."""
    scores = Q @ transpose(K) / np.sqrt(Q.shape[-1])
    n_q, n_k = scores.shape[-2:]
    return look_up(np.where(np.tri(n_q, n_k, n_k - n_q, dtype=bool), scores, -np.inf), V)


def reshaped_keys(Q, K, V):
    """`reshape` does not transpose: it reads the same numbers in the same order. Use np.swapaxes(K, -1,
    -2)."""
    turned = K.reshape(*K.shape[:-2], K.shape[-1], K.shape[-2])
    return look_up(Q @ turned / np.sqrt(Q.shape[-1]), V)


def changes_queries(Q, K, V):
    """The caller's Q is changed in place: work on a new array, as in `Q = Q / ...`
    in place of `Q /= ...`."""
    result = scaled_dot_product_attention(Q, K, V)
    if Q.dtype.kind == "f":
        Q /= np.sqrt(Q.shape[-1])
    return result


def three_axes_only(Q, K, V):
    """This works for one batch axis alone: none or several may stand in front, so count axes from the end."""
    _, _, d = Q.shape
    return look_up(Q @ K.transpose(0, 2, 1) / np.sqrt(d), V)


def two_or_three_axes_only(Q, K, V):
    """This works for at most one axis in front: with heads there are two, so swap the last two, whatever
    stands before."""
    return look_up(Q @ (K.T if K.ndim == 2 else K.transpose(0, 2, 1)) / np.sqrt(Q.shape[-1]), V)


def output_not_normalised(Q, K, V):
    """Your weights sum to 1, but the output is mixed before you divide: mix the values by the weights you
    return."""
    scores = Q @ transpose(K) / np.sqrt(Q.shape[-1])
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return powers @ V, powers / powers.sum(-1, keepdims=True)


def keepdims_missing(Q, K, V):
    """The sum of each row loses its axis: pass keepdims=True, so that every row is divided by its own sum."""
    scores = Q @ transpose(K) / np.sqrt(Q.shape[-1])
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    weights = powers / powers.sum(-1)
    return weights @ V, weights


def divided_by_score_sum(Q, K, V):
    """You divide the scores by their sum, without np.exp: a negative score gives a negative weight. Use the
    softmax."""
    scores = Q @ transpose(K) / np.sqrt(Q.shape[-1])
    weights = scores / scores.sum(-1, keepdims=True)
    return weights @ V, weights


def half_of_d(Q, K, V):
    """You divide by d / 2: the root of d is `np.sqrt(d)`, or `d ** 0.5`."""
    return look_up(Q @ transpose(K) / (Q.shape[-1] / 2), V)


def scaled_values_too(Q, K, V):
    """You divide the values by sqrt(d) as well: the scale belongs to the scores alone, V stays as it is."""
    scores = Q @ transpose(K) / np.sqrt(Q.shape[-1])
    return softmax(scores) @ (V / np.sqrt(Q.shape[-1])), softmax(scores)


def squeezed(Q, K, V):
    """You drop axes of length 1 (squeeze): one query or one key is still an axis, so leave the shape as it
    is."""
    output, weights = scaled_dot_product_attention(Q, K, V)
    return output.squeeze(), weights.squeeze()


def subtracts_mean(Q, K, V):
    """You subtract the mean score of each row: a score far above it still overflows in np.exp, so subtract
    the largest."""
    scores = Q @ transpose(K) / np.sqrt(Q.shape[-1])
    return normalised(scores - scores.mean(-1, keepdims=True), V)


def subtracts_minimum(Q, K, V):
    """You subtract the smallest score of each row: the others lie above 0 and overflow in np.exp, so subtract
    the largest."""
    scores = Q @ transpose(K) / np.sqrt(Q.shape[-1])
    return normalised(scores - scores.min(-1, keepdims=True), V)


def subtracts_largest_absolute(Q, K, V):
    """You subtract the largest absolute value: where all scores lie far below it every exponential is 0.
    Keep the sign."""
    scores = Q @ transpose(K) / np.sqrt(Q.shape[-1])
    return normalised(scores - np.abs(scores).max(-1, keepdims=True), V)


def clips_scores(Q, K, V):
    """You cut the scores off at 50 against overflow: two large ones then look equal. Subtract the largest of
    each row."""
    return normalised(np.clip(Q @ transpose(K) / np.sqrt(Q.shape[-1]), -50, 50), V)


def clips_at_700(Q, K, V):
    """You cut the scores off where np.exp would overflow: two larger ones then look equal. Subtract the
    largest of each row."""
    return normalised(np.clip(Q @ transpose(K) / np.sqrt(Q.shape[-1]), -700, 700), V)


def hard_maximum(Q, K, V):
    """Your weights are 1 for the best key and 0 for the others: softmax is soft, every key keeps a share."""
    scores = Q @ transpose(K) / np.sqrt(Q.shape[-1])
    weights = np.eye(K.shape[-2])[scores.argmax(-1)]
    return weights @ V, weights


def softmax_twice(Q, K, V):
    """Softmax is applied twice, which flattens the weights: once is enough."""
    return look_up(softmax(Q @ transpose(K) / np.sqrt(Q.shape[-1])), V)


def base_2(Q, K, V):
    """You use powers of 2: softmax takes powers of e, np.exp."""
    return look_up(Q @ transpose(K) / np.sqrt(Q.shape[-1]) * np.log(2), V)


def divided_by_d_and_2(Q, K, V):
    """`Q @ K^T / d ** 1/2` divides by d and then by 2, for powers come first: write `d ** 0.5` or
    np.sqrt(d)."""
    return look_up(Q @ transpose(K) / Q.shape[-1] / 2, V)


def whole_root(Q, K, V):
    """You cut the root of d to a whole number: the root of 7 is 2.6458, so leave the `int` out."""
    return look_up(Q @ transpose(K) / int(np.sqrt(Q.shape[-1])), V)


def always_two(Q, K, V):
    """You divide by 2, which is the root of 4: that fits d = 4 alone, so compute it from Q.shape[-1]."""
    return look_up(Q @ transpose(K) / 2, V)


def fourth_root(Q, K, V):
    """You divide by the fourth root of d once: divide by the root of d, or Q and K each by the fourth
    root."""
    return look_up(Q @ transpose(K) / Q.shape[-1] ** 0.25, V)


def sum_over_everything(Q, K, V):
    """The sum runs over all rows, so only all weights together make 1: sum along axis -1 with
    keepdims=True."""
    scores = Q @ transpose(K) / np.sqrt(Q.shape[-1])
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return powers / powers.sum() @ V, powers / powers.sum()


def epsilon_in_sum(Q, K, V):
    """The number you add to the sum leaves the weights short of 1: after subtracting the largest score the
    sum is at least 1."""
    scores = Q @ transpose(K) / np.sqrt(Q.shape[-1])
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    weights = powers / (powers.sum(-1, keepdims=True) + 1e-3)
    return weights @ V, weights


def scores_mixed(Q, K, V):
    """The weights are right, but you mix the values by the scores: the output is weights @ V."""
    scores = Q @ transpose(K) / np.sqrt(Q.shape[-1])
    return scores @ V, softmax(scores)


def normalised(exponents, V):
    powers = np.exp(exponents)
    weights = powers / powers.sum(-1, keepdims=True)
    return weights @ V, weights


# ------------------------------------------------------------------ properties


def rows_sum_to_one(seen):
    """For each query the weights over the keys must sum to 1."""
    return all(np.allclose(case.outputs["weights"].sum(-1), 1, atol=1e-4) for case in seen.values())


def weights_not_negative(seen):
    """A weight is never negative."""
    return all(np.all(case.outputs["weights"] >= 0) for case in seen.values())


def output_is_weights_times_values(seen):
    """The output must be the values mixed by the weights that you return, weights @ V."""
    return all(
        np.allclose(c.outputs["weights"] @ c.inputs["V"], c.outputs["output"], rtol=1e-3, atol=1e-4)
        for c in seen.values()
    )


def order_of_keys_does_not_matter(seen):
    """Turning the keys and their values round together must not change the output."""
    here, there = seen["3 queries, 5 keys"], seen["the keys in another order"]
    return np.allclose(here.outputs["output"], there.outputs["output"], atol=1e-4)


def examples_do_not_mix(seen):
    """An example of the batch must give the same output alone as in company."""
    together, alone = seen["batch of 2"], seen["its first example alone"]
    return np.allclose(together.outputs["output"][0], alone.outputs["output"][0], atol=1e-4)


# ------------------------------------------------------------------ cases


def random(*leading, n_q=3, n_k=5, d=7, d_v=2, times=1.0):
    def inputs(rng):
        Q, K = rng.normal(size=(*leading, n_q, d)), rng.normal(size=(*leading, n_k, d))
        return Q * times, K * times, rng.normal(size=(*leading, n_k, d_v))

    return inputs


def fixed(*leading):
    """The same draw each time, so that cases can be compared."""
    return random(*leading)(np.random.default_rng(11))


def turned_round():
    Q, K, V = fixed()
    return Q, K[::-1].copy(), V[::-1].copy()


def first_alone():
    return tuple(part[:1] for part in fixed(2))


def tiny(query, dtype=float):
    keys, values = [[1, 0], [0, 3], [1, 1]], [[1], [5], [2]]
    return tuple(np.array(part, dtype=dtype) for part in ([query], keys, values))


def far_above_and_below():
    return np.array([[4e3, 0.0], [-4e3, 0.0]]), np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]]), np.eye(3)


def far_apart():
    return np.array([[3e3, 0.0], [-3e3, 0.0]]), np.array([[1.0, 0.0], [1.003, 0.0]]), np.eye(2)


EXERCISE = Exercise(
    id="scaled_dot_product_attention",
    contract=(
        "scaled_dot_product_attention(Q, K, V) -> (output, weights); "
        "Q (..., n_q, d), K (..., n_k, d), V (..., n_k, d_v); "
        "output (..., n_q, d_v), weights (..., n_q, n_k)."
    ),
    minutes=25,
    difficulty=3,
    points=5,
    arguments={"Q": ("...", "n_q", "d"), "K": ("...", "n_k", "d"), "V": ("...", "n_k", "d_v")},
    outputs={"output": ("...", "n_q", "d_v"), "weights": ("...", "n_q", "n_k")},
    cases=[
        Case("3 queries, 5 keys", lambda rng: fixed(), weight=3),
        Case("1 query, 3 keys", lambda rng: tiny([2, 1])),
        Case("the keys in another order", lambda rng: turned_round()),
        Case("batch of 2", lambda rng: fixed(2), weight=2),
        Case("its first example alone", lambda rng: first_alone()),
        Case("batch of 2, 3 heads", random(2, 3, n_q=5, n_k=7, d=11, d_v=13), weight=2),
        Case("as many queries as keys as features", random(2, n_q=2, n_k=2, d=2, d_v=2)),
        Case("a query of zeros", lambda rng: tiny([0, 0])),
        Case("scores near a hundred", random(n_q=2, times=10.0)),
        Case("rows of scores far apart", lambda rng: far_apart()),
        Case("one key", random(n_q=3, n_k=1, d=5)),
        Case("whole numbers", lambda rng: tiny([1, 1], dtype=int)),
        Case("one score far above or below the others", lambda rng: far_above_and_below()),
        Case("scores 1000 apart", lambda rng: (np.array([[1000.0]]), np.array([[1.0], [0.0]]), np.eye(2))),
        Case(
            "scores of 100 and 101", lambda rng: (np.array([[100.0]]), np.array([[1.0], [1.01]]), np.eye(2))
        ),
        Case("scores far below 0", lambda rng: (np.array([[-1e3]]), np.array([[2.0], [2.001]]), np.eye(2))),
    ],
    reference=by_hand.scaled_dot_product_attention,
    solution=scaled_dot_product_attention,
    right=[scaled_dot_product_attention, with_einsum, with_loops, scaled_queries, both_sides_scaled],
    wrong=[
        no_scale,
        scale_by_d,
        times_sqrt_d,
        sqrt_of_d_v,
        sqrt_of_n_k,
        sqrt_of_n_q,
        sqrt_of_first_axis,
        sqrt_of_axis_1,
        scale_after_softmax,
        scale_on_output,
        softmax_over_queries,
        softmax_over_axis_1,
        softmax_over_axis_0,
        softmax_over_everything,
        no_softmax,
        returns_scores,
        not_normalised,
        not_stable,
        one_maximum_for_all,
        values_before_softmax,
        swapped,
        output_only,
        weights_only,
        keys_and_queries_exchanged,
        weights_transposed,
        all_axes_reversed,
        single_head_only,
        first_of_batch,
        keys_as_values,
        hard_look_up,
        mean_of_values,
        cosine_scores,
        sign_turned,
        causal,
        reshaped_keys,
        changes_queries,
        three_axes_only,
        two_or_three_axes_only,
        output_not_normalised,
        divided_by_score_sum,
        keepdims_missing,
        half_of_d,
        scaled_values_too,
        squeezed,
        subtracts_mean,
        subtracts_minimum,
        subtracts_largest_absolute,
        clips_scores,
        clips_at_700,
        hard_maximum,
        softmax_twice,
        base_2,
        divided_by_d_and_2,
        whole_root,
        always_two,
        fourth_root,
        sum_over_everything,
        epsilon_in_sum,
        scores_mixed,
    ],
    properties=[
        rows_sum_to_one,
        weights_not_negative,
        output_is_weights_times_values,
        examples_do_not_mix,
        order_of_keys_does_not_matter,
    ],
    hints=[
        "Which two of Q, K and V meet first, and along which axis must the numbers that come out sum to 1?",
        (
            "With a batch, `K.T` turns too many axes: look at `np.swapaxes(K, -1, -2)`. And d is the "
            "last axis of Q."
        ),
        (
            "`scores = Q @ np.swapaxes(K, -1, -2) / np.sqrt(Q.shape[-1])`; softmax over axis -1; then "
            "`weights @ V`."
        ),
    ],
    forbids=(*SOFTMAX, *BESIDE_NUMPY),
)
