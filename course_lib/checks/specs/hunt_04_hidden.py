"""Hunt 04_hidden: a mask that comes after the softmax, mended by dividing once more."""

import numpy as np

from course_lib.by_hand import hide, softmax
from course_lib.checks import Hunt


def broken(scores, keep):
    weights = softmax(scores) * (keep != 0)
    return weights / (weights.sum(axis=-1, keepdims=True) + 1e-6)


def right(scores, keep):
    return softmax(hide(scores, keep != 0))


KEEP = np.array([1.0, 1.0, 0.0])

HUNT = Hunt(
    id="04_hidden",
    contract=(
        "broken(scores, keep) -> weights should be the softmax over the keys that may be attended; scores "
        "(n_q, n_k), keep (n_k,) with True for a real key and False for padding, weights (n_q, n_k)."
    ),
    arguments={"scores": ("n_q", "n_k"), "keep": ("n_k",)},
    outputs={"weights": ("n_q", "n_k")},
    broken=broken,
    right=right,
    faults={
        "zero_score": (
            "a hidden key gets the score 0 and not minus infinity",
            "A score of 0 would give the hidden key some weight. Look at its column: it is exactly 0.",
        ),
        "rows_not_divided": (
            "hidden weights become 0, and the rest is left as it is",
            "Then the rows of an ordinary example would sum to less than 1. Add one up: it sums to 1.",
        ),
        "softmax_first": (
            "the softmax runs over all keys, and what the hidden ones got is shared out again afterwards",
            "",
        ),
        "mask_on_queries": (
            "keep hides queries and not keys",
            "Ask with a single query and one padded key: its row is not empty, so keys are what is hidden.",
        ),
        "true_means_hidden": (
            "keep is read the other way round",
            "Then the padded key alone would have weight. Look at its column: the weight is exactly 0.",
        ),
        "uniform_when_empty": (
            "a row without any real key is spread evenly",
            "Hide every key and look: the row is all zeros in both.",
        ),
    },
    fault="softmax_first",
    explanation=(
        "Softmax comes first, so a large hidden score takes nearly all the weight. What is left for the real "
        "keys is a crumb, and the small number against 0/0 is no longer small beside it."
    ),
    hints=[
        "The column of a hidden key is exactly 0 in both. What else can a hidden score still do?",
        "Leave the real scores and the mask as they are, and change the score of the hidden key alone.",
        "Raise the hidden key's score step by step, 0, 5, 10, and add up the row of the suspect each time.",
    ],
    example=(np.array([[1.0, 2.0, 10.0]]), KEEP),
    dull=(np.array([[1.0, 2.0, 0.5]]), KEEP),
)
