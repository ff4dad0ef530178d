"""Hunt 20_left: a mean over the first tokens, as many as are real."""

import numpy as np

from course_lib.checks import Hunt


def mean_of(x, keep):
    return (x * keep[..., None]).sum(axis=1) / keep.sum(axis=1, keepdims=True)


def broken(x, keep):
    first = np.arange(x.shape[1]) < keep.sum(axis=1, keepdims=True)  # (B, n)
    return mean_of(x, first)


def right(x, keep):
    return mean_of(x, keep != 0)


HUNT = Hunt(
    id="20_left",
    contract=(
        "broken(x, keep) -> pooled should be the mean of each sentence's real tokens; x (B, n, d) and keep "
        "(B, n), 1 at real tokens and 0 at padding; pooled (B, d). Every sentence has a real token."
    ),
    arguments={"x": ("B", "n", "d"), "keep": ("B", "n")},
    outputs={"pooled": ("B", "d")},
    broken=broken,
    right=right,
    faults={
        "padding_in_the_sum": (
            "padding is in the sum",
            "Then one sentence with padding behind its tokens would show it, if the padding is not 0.",
        ),
        "divided_by_all_places": (
            "the sum is divided by n in place of the number of real tokens",
            "Then one sentence with padding behind its tokens would show it.",
        ),
        "padding_thought_behind": (
            "it takes the first tokens, as many as are real: padding is thought to stand behind",
            "",
        ),
        "first_token_left_out": (
            "the first token, [CLS], does not count",
            "Then a sentence without any padding would show it.",
        ),
        "one_number_for_all": (
            "every sentence is divided by the first one's number of tokens",
            "Then two sentences of different length, padding behind, would show it.",
        ),
        "one_keep_for_all": (
            "every sentence gets the first one's keep",
            "Then two sentences of different length, padding behind, would show it.",
        ),
    },
    fault="padding_thought_behind",
    explanation=(
        "It counts the real tokens and averages so many from the front. That is right as long as padding "
        "stands behind, as BERT's tokenizers put it. Models that write are padded in front, so that the last "
        "token is a real one: there it averages padding, and leaves real tokens out."
    ),
    hints=[
        "Try a batch as the lesson makes it: all is right. What did all these batches have in common?",
        "It never asks *where* keep is 1. What does it ask?",
        "One sentence, two places: `keep = [[0, 1]]`.",
    ],
    example=(np.array([[[9.0], [1.0]]]), np.array([[0, 1]])),
    dull=(np.array([[[1.0], [3.0], [9.0]]]), np.array([[1, 1, 0]])),
)
