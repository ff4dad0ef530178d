"""Exercise `weighted_average` (lesson 00): mend a planted mistake."""

import numpy as np

from course_lib.checks import Case, Exercise

# ------------------------------------------------------------------ a solution, and other right ways


def weighted_average(values, weights):
    return np.sum(values * weights) / np.sum(weights)


def with_a_loop(values, weights):
    total, share = 0.0, 0.0
    for value, weight in zip(values, weights, strict=True):
        total += value * weight
        share += weight
    return total / share


def as_a_dot_product(values, weights):
    return float(weights @ values) / weights.sum()


def shares_first(values, weights):
    shares = np.asarray(weights, dtype=float) / sum(weights)
    return np.dot(shares, values)


# ------------------------------------------------------------------ stored wrong answers


def divides_by_count(values, weights):
    """You divide by how many values there are: divide by the sum of the weights, because a weight of 3 counts
    three times."""
    return np.sum(values * weights) / len(values)


def plain_mean(values, weights):
    """This is the plain mean: the weights must count, so multiply each value by its weight first."""
    return np.mean(values)


def sum_only(values, weights):
    """You stop at the sum of value times weight: divide it by the sum of the weights."""
    return np.sum(values * weights)


def divides_by_values(values, weights):
    """You divide by the sum of the values: divide by the sum of the weights."""
    return np.sum(values * weights) / np.sum(values)


def divides_by_largest(values, weights):
    """You divide by the largest weight: divide by the sum of all weights."""
    return np.sum(values * weights) / np.max(weights)


def weights_of_whole_numbers(values, weights):
    """The result loses its fraction: divide with `/`, not `//`, and leave out `int(...)`."""
    return np.sum(values * weights) // np.sum(weights)


def divides_twice(values, weights):
    """You divide by the sum of the weights twice: once is enough."""
    return np.sum(values * weights) / np.sum(weights) ** 2


def product_of_sums(values, weights):
    """You add up first and multiply then: multiply each value by its own weight, then add up."""
    return np.sum(values) * np.sum(weights) / (len(values) * np.sum(weights) ** 2)


def shares_not_added(values, weights):
    """You return one number for each value: add the shares up, with np.sum."""
    return values * weights / np.sum(weights)


def order_turned(values, weights):
    """Value and weight are paired in opposite order: the first weight belongs to the first value."""
    return weighted_average(values, weights[::-1])


def changes_weights(values, weights):
    """The caller's weights are changed in place: work on a new array, as in `weights = weights / ...`
    in place of `weights /= ...`."""
    result = weighted_average(values, weights)
    if weights.dtype.kind == "f":
        weights /= np.sum(weights)
    return result


def returns_inside_the_loop(values, weights):
    """Only the first value counts: the `return` stands inside the loop, so move it behind the loop."""
    return values[0] * weights[0] / weights[0]


def starts_at_1(values, weights):
    """The first value is left out: the range starts at 1, and Python counts from 0."""
    return weighted_average(values[1:], weights[1:])


def stops_one_early(values, weights):
    """The last value is left out: `range(n - 1)` ends one too early, `range(n)` reaches the last."""
    return weighted_average(values[:-1], weights[:-1])


def total_starts_anew(values, weights):
    """Only the last product is left: the total is set to 0 inside the loop, so move that line in front of
    it."""
    return values[-1] * weights[-1] / np.sum(weights)


def softmax_of_weights(values, weights):
    """You put the weights through an exponential first: a weight of 3 must count three times, so use it as it
    is."""
    powers = np.exp(weights - np.max(weights))
    return np.sum(values * powers) / np.sum(powers)


def whole_weights(values, weights):
    """You cut the weights to whole numbers: a weight of 0.25 counts a quarter, so keep its fraction."""
    return np.sum(values * weights.astype(int)) / np.sum(weights.astype(int))


def rounds(values, weights):
    """You round the result to 4 decimals: that spoils small numbers. Return it whole; printing may round."""
    return np.round(weighted_average(values, weights), 4)


def rounds_to_2(values, weights):
    """You round the result to 2 decimals: return it whole; printing may round."""
    return np.round(weighted_average(values, weights), 2)


def epsilon(values, weights):
    """The tiny number you add to the sum of the weights spoils small weights: their sum is above 0, so divide
    by it alone."""
    return np.sum(values * weights) / (np.sum(weights) + 1e-5)


def large_epsilon(values, weights):
    """The number you add to the sum of the weights makes every average too small: divide by the sum alone."""
    return np.sum(values * weights) / (np.sum(weights) + 1e-3)


# ------------------------------------------------------------------ properties


def between_smallest_and_largest(seen):
    """An average lies between the smallest and the largest value."""
    return all(
        c.inputs["values"].min() - 1e-4 <= c.outputs["average"] <= c.inputs["values"].max() + 1e-4
        for c in seen.values()
    )


EXERCISE = Exercise(
    id="weighted_average",
    contract="weighted_average(values, weights) -> number; values (n,), weights (n,) not negative, any sum.",
    minutes=4,
    difficulty=1,
    points=1,
    arguments={"values": ("n",), "weights": ("n",)},
    outputs={"average": ()},
    cases=[
        Case("5 values", lambda rng: (rng.normal(size=5) * 3, rng.uniform(0.1, 2, size=5)), weight=2),
        Case(
            "2 values, the second counts three times",
            lambda rng: (np.array([4.0, 8.0]), np.array([1.0, 3.0])),
        ),
        Case("weights that sum to 1", lambda rng: (np.array([2.0, 6.0]), np.array([0.25, 0.75]))),
        Case("a weight of 0", lambda rng: (np.array([5.0, -100.0, 7.0]), np.array([1.0, 0.0, 1.0]))),
        Case("whole numbers", lambda rng: (np.array([1, 2]), np.array([1, 3]))),
        Case("large weights", lambda rng: (np.array([1.0, 2.0]), np.array([3000.0, 1000.0]))),
        Case(
            "very small numbers",
            lambda rng: (np.array([1.5e-4, 3.1e-4]), np.array([2e-4, 3e-4])),
            atol=0.0,
        ),
        Case("11 values", lambda rng: (rng.normal(size=11) * 5, rng.uniform(0.1, 2, size=11))),
    ],
    reference=weighted_average,
    solution=weighted_average,
    right=[weighted_average, with_a_loop, as_a_dot_product, shares_first],
    wrong=[
        divides_by_count,
        plain_mean,
        sum_only,
        divides_by_values,
        divides_by_largest,
        weights_of_whole_numbers,
        divides_twice,
        product_of_sums,
        shares_not_added,
        order_turned,
        changes_weights,
        returns_inside_the_loop,
        starts_at_1,
        stops_one_early,
        total_starts_anew,
        softmax_of_weights,
        whole_weights,
        rounds,
        rounds_to_2,
        epsilon,
        large_epsilon,
    ],
    properties=[between_smallest_and_largest],
    hints=[
        "If every value were 10, what should come out? What comes out when the weights are 1 and 3?",
        "Look at what you divide by: it must be 1 + 3 here, not the number of values.",
        "Divide by `np.sum(weights)`.",
    ],
    forbids=["numpy.average"],
)
