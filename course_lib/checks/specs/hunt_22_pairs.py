"""Hunt 22_pairs: a matching in which the objects choose one after the other."""

import numpy as np
from scipy.optimize import linear_sum_assignment

from course_lib.checks import Hunt


def broken(cost):
    left, queries = cost.astype(float), []
    for j in range(cost.shape[1]):
        queries.append(int(left[:, j].argmin()))
        left[queries[-1]] = np.inf
    return np.array(queries)


def right(cost):
    queries, objects = linear_sum_assignment(cost)
    return queries[np.argsort(objects)]


HUNT = Hunt(
    id="22_pairs",
    contract=(
        "broken(cost) -> queries (m,) should be the matching of least total cost: queries[j] is the query "
        "that answers for object j, and no query answers for two; cost (n_queries, m), at least as many "
        "queries as objects."
    ),
    arguments={"cost": ("n_queries", "m")},
    outputs={"queries": ("m",)},
    broken=broken,
    right=right,
    faults={
        "one_after_the_other": ("object 0 takes its cheapest query, then object 1 of the rest, ...", ""),
        "cheapest_pair_first": (
            "the cheapest pair of the whole table is taken first, then the cheapest of what is left",
            "Then exchanging two columns would exchange two answers and change nothing else. Try it.",
        ),
        "each_for_itself": (
            "each object takes its cheapest query, even one that is taken already",
            "Then two objects with the same cheapest query would share it. Here they never do.",
        ),
        "largest_total": (
            "the total is made as large as possible",
            "Then a table that is 0 on the diagonal and 1 elsewhere would show it. It is answered right.",
        ),
        "queries_choose": (
            "query 0 takes its cheapest object, then query 1 of what is left, and so on",
            "Then the last queries would never answer where there are more queries than objects.",
        ),
        "first_queries": (
            "only the first m queries are considered",
            "Then a cheap query in the last row would be overlooked. It is found.",
        ),
    },
    fault="one_after_the_other",
    explanation=(
        "The result depends on the order in which the objects are written, and a set has none. With trained "
        "models it shows seldom: each object has one cheap query and all others are dear. At the start of a "
        "training it does, and the pairs then change with the order of the key."
    ),
    hints=[
        "Take 2 queries and 2 objects, and let both objects want the same query. Who gets it?",
        "Exchange the two columns of your table. A set has no order: the same pairs should come out.",
        "Object 0 always gets what it wants. What does that do to object 1?",
    ],
    example=(np.array([[1.0, 2.0], [2.0, 10.0]]),),
    dull=(np.array([[0.0, 5.0], [5.0, 0.0], [5.0, 5.0]]),),
)
