"""Exercise `softmax_backward` (lesson 02): from the gradient for the weights to that for the scores."""

import numpy as np

from course_lib import by_hand
from course_lib.checks import Case, Exercise
from course_lib.checks.forbids import BESIDE_NUMPY

# ------------------------------------------------------------------------ a solution, and other right ways


def softmax_backward(d_weights, weights):
    mean = (d_weights * weights).sum(axis=-1, keepdims=True)
    return weights * (d_weights - mean)


def with_loops(d_weights, weights):
    if np.ndim(weights) > 1:
        return np.array([with_loops(g, p) for g, p in zip(d_weights, weights, strict=True)])
    n = len(weights)
    return [sum(d_weights[i] * weights[i] * ((i == j) - weights[j]) for i in range(n)) for j in range(n)]


def with_jacobian(d_weights, weights):
    n = weights.shape[-1]
    jacobian = weights[..., None] * (np.eye(n) - weights[..., None, :])
    return np.einsum("...i,...ij->...j", d_weights, jacobian)


def two_terms(d_weights, weights):
    products = d_weights * weights
    return products - weights * products.sum(-1)[..., None]


def row_by_row(d_weights, weights):
    result = np.zeros(weights.shape)
    for index in np.ndindex(weights.shape[:-1]):
        p = weights[index]
        result[index] = (np.diag(p) - np.outer(p, p)) @ d_weights[index]
    return result


# ------------------------------------------------------------------------ stored wrong answers


def diagonal_only(d_weights, weights):
    """You use p (1 - p), the diagonal of the Jacobian, alone: each score moves the other weights too, by -p_i
    p_j."""
    return weights * (1 - weights) * d_weights


def mean_missing(d_weights, weights):
    """You multiply by the weight and stop: the weighted mean of the slopes has to be subtracted first."""
    return weights * d_weights


def weight_in_front_missing(d_weights, weights):
    """You subtract the weighted mean, and the factor p in front is missing: a small weight moves little."""
    return d_weights - _mean(d_weights, weights)


def plain_mean(d_weights, weights):
    """You subtract the plain mean of the slopes: it has to be the mean weighted with p."""
    return weights * (d_weights - d_weights.mean(axis=-1, keepdims=True))


def plain_sum(d_weights, weights):
    """You subtract the sum of the slopes without their weights: multiply each by its p before you sum."""
    return weights * (d_weights - d_weights.sum(axis=-1, keepdims=True))


def mean_of_products(d_weights, weights):
    """You take `.mean()` of p * g, which divides by n once too often: the weights already sum to 1, so use
    `.sum()`."""
    return weights * (d_weights - (weights * d_weights).mean(axis=-1, keepdims=True))


def plus(d_weights, weights):
    """You add the weighted mean, as if the Jacobian were diag(p) + p p^T: it is subtracted, for the others
    fall when one rises."""
    return weights * (d_weights + _mean(d_weights, weights))


def negative(d_weights, weights):
    """All signs are turned round: it is each slope minus the mean, and not the mean minus the slope."""
    return -by_hand.softmax_backward(d_weights, weights)


def whole_array(d_weights, weights):
    """You sum over all rows together: each row is a softmax of its own, so sum along the last axis with
    keepdims=True."""
    return weights * (d_weights - (weights * d_weights).sum())


def first_axis(d_weights, weights):
    """You sum down axis 0: the weights sum to 1 along the last axis, so the mean is taken along it too."""
    return weights * (d_weights - (weights * d_weights).sum(axis=0, keepdims=True))


def no_keepdims(d_weights, weights):
    """The means lie along the wrong axis: without keepdims=True a square table gets the means of other
    rows."""
    return weights * (d_weights - (weights * d_weights).sum(axis=-1))


def arguments_swapped(d_weights, weights):
    """You treat the first argument as the weights: the order is (d_weights, weights)."""
    return by_hand.softmax_backward(weights, d_weights)


def softmax_again(d_weights, weights):
    """You put the weights through softmax once more: they are the weights already, not the scores."""
    return by_hand.softmax_backward(d_weights, by_hand.softmax(weights))


def log_softmax(d_weights, weights):
    """This is the gradient through the logarithm of softmax: for the weights themselves it is p * (g - sum(p
    * g))."""
    return d_weights - weights * d_weights.sum(axis=-1, keepdims=True)


def weights_minus_target(d_weights, weights):
    """p minus target is the gradient of cross-entropy and softmax together: here any gradient for the weights
    may come in."""
    return weights - d_weights


def jacobian_itself(d_weights, weights):
    """You return the Jacobian, one table a row: multiply it by d_weights, so that one number per score is
    left."""
    return weights[..., None] * (np.eye(weights.shape[-1]) - weights[..., None, :])


def squared_weights_missing(d_weights, weights):
    """Your Jacobian is 1 - p p^T on its diagonal: the diagonal is p - p squared, so p stands alone there, not
    1."""
    return d_weights - weights * _mean(d_weights, weights)


def first_row_for_all(d_weights, weights):
    """You use the weights of the first row for every row: each row has a Jacobian of its own."""
    return by_hand.softmax_backward(d_weights, np.broadcast_to(_first_row(weights), weights.shape))


def changes_slopes(d_weights, weights):
    """The caller's d_weights is changed in place: work on a new array, as in `d_weights = d_weights - mean`
    in place of `-=`."""
    result = by_hand.softmax_backward(d_weights, weights)
    if d_weights.dtype.kind == "f":
        d_weights -= _mean(d_weights, weights)
    return result


def _mean(d_weights, weights):
    return (d_weights * weights).sum(axis=-1, keepdims=True)


def _first_row(weights):
    return weights.reshape(-1, weights.shape[-1])[0]


def divided_by_n(d_weights, weights):
    """You divide by the number of answers: the weighted mean is a sum already, so divide by nothing."""
    return by_hand.softmax_backward(d_weights, weights) / weights.shape[-1]


def divided_by_batch(d_weights, weights):
    """You divide by the number of rows: each row has a gradient of its own, and a mean over rows belongs to
    the loss."""
    return by_hand.softmax_backward(d_weights, weights) / (len(weights) if weights.ndim > 1 else 1)


def mean_not_weighted_again(d_weights, weights):
    """You subtract the mean from p * g: the brackets are missing, it is p * (g - mean)."""
    return weights * d_weights - _mean(d_weights, weights)


def weights_squared(d_weights, weights):
    """You multiply by p twice: it stands in front once, p * (g - mean)."""
    return weights * by_hand.softmax_backward(d_weights, weights)


def last_left_out(d_weights, weights):
    """The last answer is left out of the mean: look whether a range or a slice ends one too early."""
    return weights * (d_weights - _mean(d_weights[..., :-1], weights[..., :-1]))


def second_term_only(d_weights, weights):
    """You keep - p p^T and lose diag(p): each score also moves its own weight, so add p * g."""
    return -weights * _mean(d_weights, weights)


def cut_to_one(d_weights, weights):
    """You cut the gradient off at 1: return it as it is, clipping is a matter of training."""
    return np.clip(by_hand.softmax_backward(d_weights, weights), -1, 1)


# ------------------------------------------------------------------------ properties and cases


def rows_sum_to_zero(seen):
    """The gradient of each row must sum to 0: raising all scores together changes nothing."""
    return all(
        np.allclose(
            case.outputs["d_scores"].sum(-1), 0, atol=1e-3 * (1 + np.abs(case.inputs["d_weights"]).max())
        )
        for case in seen.values()
    )


def equal_slopes_give_nothing(seen):
    """Three equal slopes must give 0: the weights always sum to 1, so their sum has no gradient."""
    return np.allclose(seen["equal slopes"].outputs["d_scores"], 0, atol=1e-5)


def slopes_and_weights(rng, *shape):
    return rng.normal(size=shape), by_hand.softmax(rng.normal(size=shape))


EXERCISE = Exercise(
    id="softmax_backward",
    contract=(
        "softmax_backward(d_weights, weights) -> d_scores, all (..., n); each row along the last axis is "
        "one softmax, weights are its results, d_weights the gradient of the loss for them."
    ),
    minutes=10,
    difficulty=3,
    points=2,
    arguments={"d_weights": ("...", "n"), "weights": ("...", "n")},
    outputs={"d_scores": ("...", "n")},
    cases=[
        Case("2 rows of 5", lambda rng: slopes_and_weights(rng, 2, 5), weight=3),
        Case("by hand", lambda rng: (np.array([8.0, 0.0, 0.0]), np.array([1.0, 2.0, 5.0]) / 8)),
        Case("another slope", lambda rng: (np.array([0.0, 4.0, 8.0]), np.array([1.0, 2.0, 5.0]) / 8)),
        Case("equal slopes", lambda rng: (np.array([3.0, 3.0, 3.0]), np.array([1.0, 2.0, 5.0]) / 8)),
        Case("a saturated choice", lambda rng: (np.array([1.0, -2.0, 3.0]), np.array([1.0, 0.0, 0.0]))),
        Case("one answer", lambda rng: (np.array([2.0]), np.array([1.0]))),
        Case("whole numbers", lambda rng: (np.array([4, 0]), np.array([0.25, 0.75]))),
        Case(
            "steep slopes",
            lambda rng: tuple(a * b for a, b in zip(slopes_and_weights(rng, 7), (1e3, 1), strict=True)),
            atol=1e-3,
        ),
        Case("a square table", lambda rng: slopes_and_weights(rng, 3, 3)),
        Case("3 axes", lambda rng: slopes_and_weights(rng, 2, 3, 5)),
    ],
    reference=by_hand.softmax_backward,
    solution=softmax_backward,
    right=[softmax_backward, with_loops, with_jacobian, two_terms, row_by_row],
    wrong=[
        diagonal_only,
        mean_missing,
        weight_in_front_missing,
        plain_mean,
        plain_sum,
        mean_of_products,
        plus,
        negative,
        whole_array,
        first_axis,
        no_keepdims,
        arguments_swapped,
        softmax_again,
        log_softmax,
        weights_minus_target,
        jacobian_itself,
        squared_weights_missing,
        first_row_for_all,
        changes_slopes,
        divided_by_n,
        divided_by_batch,
        mean_not_weighted_again,
        weights_squared,
        last_left_out,
        second_term_only,
        cut_to_one,
    ],
    properties=[rows_sum_to_zero, equal_slopes_give_nothing],
    hints=[
        (
            "If all slopes of a row are equal, what must the gradient be? What do you subtract so that it "
            "comes out?"
        ),
        (
            "The Jacobian is diag(p) - p p^T. Multiply it by the slopes g on paper: the second term is p "
            "times one number, the sum of p * g."
        ),
        "`mean = (weights * d_weights).sum(axis=-1, keepdims=True)`, then `weights * (d_weights - mean)`.",
    ],
    forbids=BESIDE_NUMPY,
)
