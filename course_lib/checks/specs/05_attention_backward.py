"""Exercise `attention_backward` (lesson 05): the gradients of scaled dot-product attention."""

import numpy as np

from course_lib import by_hand
from course_lib.by_hand import finite_difference, softmax, softmax_backward
from course_lib.checks import Case, Exercise
from course_lib.checks.forbids import BESIDE_NUMPY

# ------------------------------------------------------------------ a solution, and other right ways


def attention_backward(Q, K, V, dO):
    scale = 1 / np.sqrt(Q.shape[-1])
    scores = Q @ K.T * scale
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = weights / weights.sum(axis=-1, keepdims=True)
    dV = weights.T @ dO
    d_weights = dO @ V.T
    mean = (weights * d_weights).sum(axis=-1, keepdims=True)
    d_scores = weights * (d_weights - mean)
    dQ = d_scores @ K * scale
    dK = d_scores.T @ Q * scale
    return dQ, dK, dV


def with_output(Q, K, V, dO):
    d = Q.shape[-1]
    weights = softmax(np.einsum("qd,kd->qk", Q, K) / d**0.5)
    output = np.einsum("qk,kv->qv", weights, V)
    mean = np.einsum("qv,qv->q", dO, output)
    d_scores = weights * (np.einsum("qv,kv->qk", dO, V) - mean[:, None]) / d**0.5
    dQ, dK = np.einsum("qk,kd->qd", d_scores, K), np.einsum("qk,qd->kd", d_scores, Q)
    return dQ, dK, np.einsum("qk,qv->kv", weights, dO)


def with_loops(Q, K, V, dO):
    dQ, dK, dV = np.zeros(Q.shape), np.zeros(K.shape), np.zeros(V.shape)
    root = np.sqrt(Q.shape[1])
    for i in range(len(Q)):
        w = softmax(np.array([Q[i] @ key for key in K], dtype=float) / root)
        slopes = [dO[i] @ value for value in V]
        mean = sum(a * b for a, b in zip(w, slopes, strict=True))
        for j in range(len(K)):
            ds = w[j] * (slopes[j] - mean) / root
            dV[j] += w[j] * dO[i]
            dQ[i] += ds * K[j]
            dK[j] += ds * Q[i]
    return dQ, dK, dV


def with_jacobians(Q, K, V, dO):
    root = Q.shape[-1] ** 0.5
    weights = softmax(Q @ K.T / root)
    jacobians = np.array([np.diag(w) - np.outer(w, w) for w in weights])
    d_scores = (jacobians @ (dO @ V.T)[:, :, None])[:, :, 0]
    return [d_scores @ (K / root), d_scores.T @ (Q / root), weights.T @ dO]


def by_nudging(Q, K, V, dO):
    def loss(q, k, v):
        return float((softmax(q @ k.T / np.sqrt(Q.shape[-1])) @ v * dO).sum())

    return (
        finite_difference(lambda x: loss(x, K, V), Q),
        finite_difference(lambda x: loss(Q, x, V), K),
        finite_difference(lambda x: loss(Q, K, x), V),
    )


# ------------------------------------------------------------------ stored wrong answers


def passed(Q, K, V, dO, scale=None, back=None, through=softmax_backward):
    """The backward pass with another scale forward, another one backward, or another step through softmax."""
    scale = Q.shape[-1] ** -0.5 if scale is None else scale
    weights = softmax(Q @ K.T * scale)
    d_scores = through(dO @ V.T, weights) * (scale if back is None else back)
    return d_scores @ K, d_scores.T @ Q, weights.T @ dO


def scale_forgotten_backward(Q, K, V, dO):
    """dQ and dK lack the division by sqrt(d): the scores were divided by it, so their slopes for Q and K are
    too."""
    return passed(Q, K, V, dO, back=1.0)


def no_scale(Q, K, V, dO):
    """The scale is missing everywhere: the scores are Q K^T / sqrt(d), and dQ and dK are divided by sqrt(d)
    too."""
    return passed(Q, K, V, dO, scale=1.0)


def scale_forgotten_forward(Q, K, V, dO):
    """The weights are made from scores without the scale: divide Q K^T by sqrt(d) before the softmax."""
    return passed(Q, K, V, dO, scale=1.0, back=Q.shape[-1] ** -0.5)


def scale_twice(Q, K, V, dO):
    """dQ and dK are divided by d, or by sqrt(d) twice: divide by sqrt(d) once, in d_scores or in the two
    products."""
    return passed(Q, K, V, dO, back=1 / Q.shape[-1])


def scale_inverted(Q, K, V, dO):
    """You multiply dQ and dK by sqrt(d): the scores were divided by it, so their gradients are too."""
    return passed(Q, K, V, dO, back=Q.shape[-1] ** 0.5)


def scale_by_d(Q, K, V, dO):
    """You scale by 1 / d, forward and backward: it is 1 / sqrt(d)."""
    return passed(Q, K, V, dO, scale=1 / Q.shape[-1])


def scale_multiplied(Q, K, V, dO):
    """You multiply by sqrt(d), forward and backward: the scores are divided by it."""
    return passed(Q, K, V, dO, scale=Q.shape[-1] ** 0.5)


def sqrt_of_d_v(Q, K, V, dO):
    """You take the scale from the width of the values: d is the width of queries and keys, `Q.shape[-1]`."""
    return passed(Q, K, V, dO, scale=V.shape[-1] ** -0.5)


def sqrt_of_n_q(Q, K, V, dO):
    """You take the scale from the number of queries, `len(Q)`: d is the width of a query, `Q.shape[-1]`."""
    return passed(Q, K, V, dO, scale=len(Q) ** -0.5)


def sqrt_of_n_k(Q, K, V, dO):
    """You take the scale from the number of keys: d is the width of a query, `Q.shape[-1]`."""
    return passed(Q, K, V, dO, scale=len(K) ** -0.5)


def scale_in_dq_only(Q, K, V, dO):
    """dK lacks the division by sqrt(d): the scale lies between the scores and both, so divide d_scores
    once."""
    dQ, dK, dV = attention_backward(Q, K, V, dO)
    return dQ, dK * np.sqrt(Q.shape[-1]), dV


def scale_in_dk_only(Q, K, V, dO):
    """dQ lacks the division by sqrt(d): the scale lies between the scores and both, so divide d_scores
    once."""
    dQ, dK, dV = attention_backward(Q, K, V, dO)
    return dQ * np.sqrt(Q.shape[-1]), dK, dV


def scale_on_dv_too(Q, K, V, dO):
    """dV is divided by sqrt(d) as well: the scale belongs to the scores, and V meets the weights."""
    dQ, dK, dV = attention_backward(Q, K, V, dO)
    return dQ, dK, dV / np.sqrt(Q.shape[-1])


def diagonal_only(Q, K, V, dO):
    """For the softmax you use p (1 - p) alone: each score moves the other weights too, so subtract the
    weighted mean, p * (g - sum(p * g))."""
    return passed(Q, K, V, dO, through=lambda g, p: p * (1 - p) * g)


def mean_forgotten(Q, K, V, dO):
    """In the step through softmax the weighted mean is missing: it is weights * (d_weights - mean)."""
    return passed(Q, K, V, dO, through=lambda g, p: p * g)


def softmax_skipped(Q, K, V, dO):
    """You use d_weights as d_scores: between them lies the softmax, weights * (d_weights - mean)."""
    return passed(Q, K, V, dO, through=lambda g, p: g)


def weights_in_front_forgotten(Q, K, V, dO):
    """You subtract the weighted mean, and the weights in front are missing: weights * (d_weights - mean)."""
    return passed(Q, K, V, dO, through=lambda g, p: g - (p * g).sum(-1, keepdims=True))


def plain_mean(Q, K, V, dO):
    """You subtract the plain mean of d_weights: it is the mean weighted with the attention weights."""
    return passed(Q, K, V, dO, through=lambda g, p: p * (g - g.mean(-1, keepdims=True)))


def plain_sum(Q, K, V, dO):
    """You subtract the sum of d_weights without the weights: multiply each by its weight before you sum."""
    return passed(Q, K, V, dO, through=lambda g, p: p * (g - g.sum(-1, keepdims=True)))


def mean_of_products(Q, K, V, dO):
    """You take `.mean()` of weights * d_weights: the weights already sum to 1, so use `.sum()`."""
    return passed(Q, K, V, dO, through=lambda g, p: p * (g - (p * g).mean(-1, keepdims=True)))


def plus_mean(Q, K, V, dO):
    """You add the weighted mean in the step through softmax: it is subtracted."""
    return passed(Q, K, V, dO, through=lambda g, p: p * (g + (p * g).sum(-1, keepdims=True)))


def brackets_missing(Q, K, V, dO):
    """You subtract the mean from weights * d_weights: the brackets are missing, weights * (d_weights -
    mean)."""
    return passed(Q, K, V, dO, through=lambda g, p: p * g - (p * g).sum(-1, keepdims=True))


def sum_over_queries(Q, K, V, dO):
    """The weighted mean is summed down the queries: each row is one softmax, so sum over the
    keys, axis=-1."""
    return passed(Q, K, V, dO, through=lambda g, p: p * (g - (p * g).sum(0, keepdims=True)))


def sum_over_everything(Q, K, V, dO):
    """One mean is taken over all queries together: each row has its own, so sum with axis=-1,
    keepdims=True."""
    return passed(Q, K, V, dO, through=lambda g, p: p * (g - (p * g).sum()))


def softmax_over_queries(Q, K, V, dO):
    """Your softmax runs over the queries: for each query the weights over the keys sum to 1, axis=-1."""
    weights = softmax(Q @ K.T / np.sqrt(Q.shape[-1]), axis=0)
    d_scores = softmax_backward((dO @ V.T).T, weights.T).T / np.sqrt(Q.shape[-1])
    return d_scores @ K, d_scores.T @ Q, weights.T @ dO


def no_weights(Q, K, V, dO):
    """You use the scores where the weights belong: put the scores through softmax first."""
    scores = Q @ K.T / np.sqrt(Q.shape[-1])
    d_scores = softmax_backward(dO @ V.T, scores) / np.sqrt(Q.shape[-1])
    return d_scores @ K, d_scores.T @ Q, scores.T @ dO


def dv_from_scores(Q, K, V, dO):
    """dV is made from the scores: the values are mixed with the weights, so dV = weights^T dO."""
    dQ, dK, _ = attention_backward(Q, K, V, dO)
    return dQ, dK, (Q @ K.T / np.sqrt(Q.shape[-1])).T @ dO


def dv_from_d_scores(Q, K, V, dO):
    """dV is made from d_scores: a value meets the weights themselves, so dV = weights^T dO."""
    dQ, dK, _ = attention_backward(Q, K, V, dO)
    return dQ, dK, (_d_scores(Q, K, V, dO) * np.sqrt(Q.shape[-1])).T @ dO


def target_for_do(Q, K, V, dO):
    """You take dO for a target and go back from output - dO: dO is already the slope of the loss."""
    return attention_backward(Q, K, V, softmax(Q @ K.T / np.sqrt(Q.shape[-1])) @ V - dO)


def linear_attention(Q, K, V, dO):
    """You go back through O = Q K^T V / sqrt(d), without any softmax: put it between the scores and the
    mix."""
    scale = Q.shape[-1] ** -0.5
    d_scores = dO @ V.T * scale
    return d_scores @ K, d_scores.T @ Q, (Q @ K.T * scale).T @ dO


def unstable(Q, K, V, dO):
    """Large scores overflow to nan: subtract each row's largest score before `np.exp`."""
    scores = Q @ K.T / np.sqrt(Q.shape[-1])
    weights = np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)
    d_scores = softmax_backward(dO @ V.T, weights) / np.sqrt(Q.shape[-1])
    return d_scores @ K, d_scores.T @ Q, weights.T @ dO


def dq_and_dk_swapped(Q, K, V, dO):
    """dQ and dK are in each other's place: return (dQ, dK, dV)."""
    dQ, dK, dV = attention_backward(Q, K, V, dO)
    return dK, dQ, dV


def dv_first(Q, K, V, dO):
    """The order is (dQ, dK, dV): you return dV first, as it was computed."""
    dQ, dK, dV = attention_backward(Q, K, V, dO)
    return dV, dQ, dK


def dv_then_dk(Q, K, V, dO):
    """The order is (dQ, dK, dV): in yours the last two have changed places."""
    dQ, dK, dV = attention_backward(Q, K, V, dO)
    return dQ, dV, dK


def dk_not_transposed(Q, K, V, dO):
    """For dK the slopes of the scores must be turned round: dK = d_scores^T Q. Without it the sizes fit by
    luck only."""
    dQ, _, dV = attention_backward(Q, K, V, dO)
    return dQ, _d_scores(Q, K, V, dO) @ Q, dV


def dq_transposed(Q, K, V, dO):
    """For dQ the slopes of the scores must not be turned round: dQ = d_scores K."""
    _, dK, dV = attention_backward(Q, K, V, dO)
    return _d_scores(Q, K, V, dO).T @ K, dK, dV


def both_transposed_wrongly(Q, K, V, dO):
    """The transpose is in the wrong one: dQ = d_scores K and dK = d_scores^T Q."""
    d_scores = _d_scores(Q, K, V, dO)
    return d_scores.T @ K, d_scores @ Q, attention_backward(Q, K, V, dO)[2]


def dq_with_q(Q, K, V, dO):
    """Queries and keys are exchanged: the slope for a query is made of keys, dQ = d_scores K and dK =
    d_scores^T Q."""
    d_scores = _d_scores(Q, K, V, dO)
    return d_scores @ Q, d_scores.T @ K, attention_backward(Q, K, V, dO)[2]


def dv_not_transposed(Q, K, V, dO):
    """For dV the weights must be turned round: value j collects from all queries, dV = weights^T dO."""
    dQ, dK, _ = attention_backward(Q, K, V, dO)
    return dQ, dK, softmax(Q @ K.T / np.sqrt(Q.shape[-1])) @ dO


def dv_from_v(Q, K, V, dO):
    """dV is made with V: a value's slope is its weight times dO, and V itself does not occur in it."""
    dQ, dK, _ = attention_backward(Q, K, V, dO)
    weights = softmax(Q @ K.T / np.sqrt(Q.shape[-1]))
    return dQ, dK, weights.T @ (weights @ V)


def v_not_transposed(Q, K, V, dO):
    """In d_weights V must be turned round: weight [i, j] is judged by dO[i] times V[j], so dO V^T."""
    return _with_d_weights(Q, K, V, dO, dO @ V)


def d_weights_without_v(Q, K, V, dO):
    """V is missing in d_weights: a weight is judged by its value, d_weights = dO V^T."""
    return _with_d_weights(Q, K, V, dO, dO)


def slopes_of_one(Q, K, V, dO):
    """You take all slopes of the output as 1: use the dO that comes in."""
    return attention_backward(Q, K, V, np.ones_like(dO))


def weights_judged_by_ones(Q, K, V, dO):
    """d_weights takes every slope of the output as 1: a weight is judged by its value times the dO that comes
    in, d_weights = dO V^T."""
    return _with_d_weights(Q, K, V, dO, np.ones_like(dO) @ V.T)


def hides_the_future(Q, K, V, dO):
    """You hide the keys after each query's own position: there is no mask here, each query sees all keys."""
    n_q, n_k = len(Q), len(K)
    future = ~np.tril(np.ones((n_q, n_k), bool), k=max(n_k - n_q, 0))
    return _with_weights(Q, K, V, dO, softmax(np.where(future, -np.inf, Q @ K.T * Q.shape[-1] ** -0.5)))


def output_for_do(Q, K, V, dO):
    """You use the output in place of its gradient: dO comes in as the fourth argument."""
    return attention_backward(Q, K, V, softmax(Q @ K.T / np.sqrt(Q.shape[-1])) @ V)


def mean_over_queries(Q, K, V, dO):
    """You divide by the number of queries: what comes through several queries is added, a mean belongs to
    the loss."""
    return tuple(g / len(Q) for g in attention_backward(Q, K, V, dO))


def keys_get_a_mean(Q, K, V, dO):
    """dK and dV are divided by the number of queries: what comes through several queries is added, not
    averaged."""
    dQ, dK, dV = attention_backward(Q, K, V, dO)
    return dQ, dK / len(Q), dV / len(Q)


def negative(Q, K, V, dO):
    """All signs are turned round: return the gradient, the minus belongs to the step of gradient descent."""
    return tuple(-g for g in attention_backward(Q, K, V, dO))


def negative_scores(Q, K, V, dO):
    """dQ and dK have the wrong sign: in the softmax it is slope minus mean, not mean minus slope."""
    dQ, dK, dV = attention_backward(Q, K, V, dO)
    return -dQ, -dK, dV


def gives_d_scores_back(Q, K, V, dO):
    """The values get no gradient: dV = weights^T dO."""
    dQ, dK, dV = attention_backward(Q, K, V, dO)
    return dQ, dK, np.zeros(dV.shape)


def stops_at_values(Q, K, V, dO):
    """Queries and keys get no gradient: go on from d_weights = dO V^T through the softmax to d_scores."""
    dQ, dK, dV = attention_backward(Q, K, V, dO)
    return np.zeros(dQ.shape), np.zeros(dK.shape), dV


def clipped(Q, K, V, dO):
    """You cut the gradients off at 1: return them as they are, clipping is a matter of training."""
    return tuple(np.clip(g, -1, 1) for g in attention_backward(Q, K, V, dO))


def keepdims_missing(Q, K, V, dO):
    """The means lie along the wrong axis: with keepdims=True each row gets its own."""
    return passed(Q, K, V, dO, through=lambda g, p: p * (g - (p * g).sum(-1)))


def scores_in_softmax_step(Q, K, V, dO):
    """You take the scores through the step back where the weights belong: weights * (d_weights - mean)."""
    dQ, dK, _ = no_weights(Q, K, V, dO)
    return dQ, dK, attention_backward(Q, K, V, dO)[2]


def softmax_over_everything(Q, K, V, dO):
    """Your weights sum to 1 over all queries together: each query has its own row that sums to 1."""
    weights = np.exp(Q @ K.T / np.sqrt(Q.shape[-1]))
    return _with_weights(Q, K, V, dO, weights / weights.sum())


def not_normalised(Q, K, V, dO):
    """Your weights do not sum to 1: divide the exponentials by the sum of their row."""
    return _with_weights(Q, K, V, dO, np.exp(Q @ K.T / np.sqrt(Q.shape[-1])))


def log_softmax(Q, K, V, dO):
    """This goes back through the logarithm of softmax: for the weights it is weights * (d_weights - mean)."""
    return passed(Q, K, V, dO, through=lambda g, p: g - p * g.sum(-1, keepdims=True))


def through_softmax_twice(Q, K, V, dO):
    """You go back through the softmax twice: once leads from the weights to the scores."""
    return passed(Q, K, V, dO, through=lambda g, p: softmax_backward(softmax_backward(g, p), p))


def weight_times_sum(Q, K, V, dO):
    """You subtract each weight times the plain sum: subtract one number per row, the sum of weights *
    d_weights."""
    return passed(Q, K, V, dO, through=lambda g, p: p * (g - p * g.sum(-1, keepdims=True)))


def slopes_from_output(Q, K, V, dO):
    """d_weights is made from the output: it is made from its gradient, d_weights = dO V^T."""
    output = softmax(Q @ K.T / np.sqrt(Q.shape[-1])) @ V
    return _with_d_weights(Q, K, V, dO, output @ V.T)


def scale_twice_in_dq(Q, K, V, dO):
    """dQ is divided by sqrt(d) once more than dK: scale d_scores or the two products, not both."""
    dQ, dK, dV = attention_backward(Q, K, V, dO)
    return dQ / np.sqrt(Q.shape[-1]), dK, dV


def scale_twice_in_dk(Q, K, V, dO):
    """dK is divided by sqrt(d) once more than dQ: scale d_scores or the two products, not both."""
    dQ, dK, dV = attention_backward(Q, K, V, dO)
    return dQ, dK / np.sqrt(Q.shape[-1]), dV


def dk_of_last_query(Q, K, V, dO):
    """dK holds what came through the last query alone: add up over the queries, with += in a loop."""
    dQ, _, dV = attention_backward(Q, K, V, dO)
    return dQ, np.outer(_d_scores(Q, K, V, dO)[-1], Q[-1]), dV


def dv_of_last_query(Q, K, V, dO):
    """dV holds what came through the last query alone: add up over the queries, with += in a loop."""
    dQ, dK, _ = attention_backward(Q, K, V, dO)
    return dQ, dK, np.outer(softmax(Q @ K.T / np.sqrt(Q.shape[-1]))[-1], dO[-1])


def keys_of_last_query(Q, K, V, dO):
    """dK and dV hold what came through the last query alone: add up over the queries, with += in a loop."""
    return (
        attention_backward(Q, K, V, dO)[0],
        dk_of_last_query(Q, K, V, dO)[1],
        dv_of_last_query(Q, K, V, dO)[2],
    )


def whole_numbers_kept(Q, K, V, dO):
    """Your results keep the whole numbers of the input and lose their fractions: make float arrays for
    them."""
    gradients = attention_backward(Q, K, V, dO)
    return tuple(g.astype(x.dtype) for g, x in zip(gradients, (Q, K, V), strict=True))


def changes_do(Q, K, V, dO):
    """The caller's dO is changed in place: work on a new array."""
    result = attention_backward(Q, K, V, dO)
    if dO.dtype.kind == "f":
        dO *= 0.5
    return result


def _d_scores(Q, K, V, dO):
    scale = Q.shape[-1] ** -0.5
    return softmax_backward(dO @ V.T, softmax(Q @ K.T * scale)) * scale


def _with_weights(Q, K, V, dO, weights):
    d_scores = softmax_backward(dO @ V.T, weights) / np.sqrt(Q.shape[-1])
    return d_scores @ K, d_scores.T @ Q, weights.T @ dO


def _with_d_weights(Q, K, V, dO, d_weights):
    scale = Q.shape[-1] ** -0.5
    weights = softmax(Q @ K.T * scale)
    d_scores = weights * (d_weights - (weights * d_weights).sum(-1, keepdims=True)) * scale
    return d_scores @ K, d_scores.T @ Q, weights.T @ dO


# ------------------------------------------------------------------ properties and cases


def one_key_gets_everything(seen):
    """With a single key its weight is 1 whatever the scores are, so dQ and dK must be 0 there."""
    outputs = seen["one key"].outputs
    return np.allclose(outputs["dQ"], 0, atol=1e-5) and np.allclose(outputs["dK"], 0, atol=1e-5)


def values_share_the_slopes(seen):
    """Each query's weights sum to 1, so dV summed over the values must equal dO summed over the queries."""
    return all(
        np.allclose(c.outputs["dV"].sum(0), c.inputs["dO"].sum(0), rtol=1e-3, atol=1e-3)
        for c in seen.values()
        if c.outputs["dV"].shape == c.inputs["V"].shape
    )


def queries_and_keys_balance(seen):
    """Q and K enter as a product, so growing Q by a share acts as growing K: sum(Q dQ) must equal
    sum(K dK)."""
    return all(
        np.isclose(
            (c.inputs["Q"] * c.outputs["dQ"]).sum(), (c.inputs["K"] * c.outputs["dK"]).sum(), 1e-3, 1e-3
        )
        for c in seen.values()
        if c.outputs["dQ"].shape == c.inputs["Q"].shape and c.outputs["dK"].shape == c.inputs["K"].shape
    )


STEP = np.sqrt(2) * np.log(2)


def drawn(rng, n_q, n_k, d, d_v):
    shapes = (n_q, d), (n_k, d), (n_k, d_v), (n_q, d_v)
    return tuple(rng.normal(size=shape) for shape in shapes)


def large(*sizes):
    """Always the same: all scores are too large for exp, and no two so close that float32 may fail."""
    Q, K, V, dO = drawn(np.random.default_rng(1), *sizes)
    return 60 * abs(Q), 60 * abs(K), V, dO


EXERCISE = Exercise(
    id="attention_backward",
    contract=(
        "attention_backward(Q, K, V, dO) -> (dQ, dK, dV) for O = softmax(Q K^T / sqrt(d)) V; Q (n_q, d), K "
        "(n_k, d), V (n_k, d_v), dO (n_q, d_v) the gradient of the loss for O; each gradient has the shape of"
        " its array. Scores of any size must work, and arrays of whole numbers (their gradients are floats)."
    ),
    minutes=25,
    difficulty=4,
    points=3,
    arguments={"Q": ("n_q", "d"), "K": ("n_k", "d"), "V": ("n_k", "d_v"), "dO": ("n_q", "d_v")},
    outputs={"dQ": ("n_q", "d"), "dK": ("n_k", "d"), "dV": ("n_k", "d_v")},
    cases=[
        Case("n_q, n_k, d, d_v = 3, 5, 2, 7", lambda rng: drawn(rng, 3, 5, 2, 7), weight=3),
        Case(
            "by hand",
            lambda rng: (
                np.array([[1.0, 0.0]]),
                np.array([[STEP, 0.0], [0.0, STEP], [0.0, 0.0]]),
                np.array([[8.0, 0.0], [0.0, 8.0], [8.0, 8.0]]),
                np.array([[1.0, 0.0]]),
            ),
        ),
        Case(
            "two keys",
            lambda rng: (
                np.array([[1.0, 2.0]]),
                np.array([[0.5, 0.0], [0.0, 0.5]]),
                np.array([[3.0], [1.0]]),
                np.array([[2.0]]),
            ),
        ),
        Case("all sizes 4", lambda rng: drawn(rng, 4, 4, 4, 4)),
        Case("one query", lambda rng: drawn(rng, 1, 3, 5, 2)),
        Case("one key", lambda rng: drawn(rng, 3, 1, 2, 5)),
        Case("d = 1", lambda rng: drawn(rng, 2, 3, 1, 5)),
        Case("scores in the thousands", lambda rng: large(2, 3, 5, 7)),
        Case(
            "steep slopes",
            lambda rng: (*drawn(rng, 2, 3, 5, 7)[:3], 1e3 * rng.normal(size=(2, 7))),
            atol=0.01,  # slopes in the thousands cancel, and float32 has seven digits of them
        ),
        Case(
            "whole numbers",
            lambda rng: (
                np.array([[1, 0], [0, 2]]),
                np.array([[1, 1], [0, 1], [2, 0]]),
                np.array([[3], [1], [2]]),
                np.array([[1], [-1]]),
            ),
        ),
    ],
    reference=by_hand.scaled_dot_product_attention_backward,
    solution=attention_backward,
    right=[attention_backward, with_output, with_loops, with_jacobians, by_nudging],
    wrong=[
        scale_forgotten_backward,
        no_scale,
        scale_forgotten_forward,
        scale_twice,
        scale_inverted,
        scale_by_d,
        scale_multiplied,
        sqrt_of_d_v,
        sqrt_of_n_q,
        sqrt_of_n_k,
        scale_in_dq_only,
        scale_in_dk_only,
        scale_on_dv_too,
        diagonal_only,
        mean_forgotten,
        softmax_skipped,
        weights_in_front_forgotten,
        plain_mean,
        plain_sum,
        mean_of_products,
        plus_mean,
        brackets_missing,
        sum_over_queries,
        sum_over_everything,
        softmax_over_queries,
        no_weights,
        dv_from_scores,
        dv_from_d_scores,
        target_for_do,
        linear_attention,
        unstable,
        dq_and_dk_swapped,
        dv_first,
        dv_then_dk,
        dk_not_transposed,
        dq_transposed,
        both_transposed_wrongly,
        dq_with_q,
        dv_not_transposed,
        dv_from_v,
        v_not_transposed,
        d_weights_without_v,
        slopes_of_one,
        weights_judged_by_ones,
        hides_the_future,
        output_for_do,
        mean_over_queries,
        keys_get_a_mean,
        negative,
        negative_scores,
        gives_d_scores_back,
        stops_at_values,
        clipped,
        keepdims_missing,
        scores_in_softmax_step,
        softmax_over_everything,
        not_normalised,
        log_softmax,
        through_softmax_twice,
        weight_times_sum,
        slopes_from_output,
        scale_twice_in_dq,
        scale_twice_in_dk,
        dk_of_last_query,
        dv_of_last_query,
        keys_of_last_query,
        whole_numbers_kept,
        changes_do,
    ],
    properties=[one_key_gets_everything, values_share_the_slopes, queries_and_keys_balance],
    hints=[
        (
            "Which shape must each of the three gradients have? And which array does a number of V, of the "
            "weights, of the scores touch next?"
        ),
        (
            "Go back in five steps: values, weights, scores, queries, keys. Through the softmax it is the "
            "weights times (d_weights minus its weighted mean in each row). Where did the scale stand?"
        ),
        (
            "`dV = weights.T @ dO`; `d_weights = dO @ V.T`; d_scores by the step through softmax, divided by "
            "sqrt(d); `dQ = d_scores @ K`; for dK turn d_scores round."
        ),
    ],
    forbids=BESIDE_NUMPY,
)
