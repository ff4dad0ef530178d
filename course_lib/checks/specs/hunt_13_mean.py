"""Hunt 13_mean: a loss whose short sentences count more."""

import numpy as np

from course_lib.checks import Hunt


def broken(losses, keep):
    return ((losses * keep).sum(axis=1) / keep.sum(axis=1)).mean()


def right(losses, keep):
    return (losses * keep).sum() / keep.sum()


HUNT = Hunt(
    id="13_mean",
    contract=(
        "broken(losses, keep) -> loss should be the mean over the tokens that are kept; losses (B, n), keep "
        "(B, n) bool, True at real tokens, at least one in each sentence."
    ),
    arguments={"losses": ("B", "n"), "keep": ("B", "n")},
    outputs={"loss": ()},
    broken=broken,
    right=right,
    faults={
        "padding_counts": (
            "padded places are in the sum",
            "Then one sentence with padding would show it, if the loss there is not 0.",
        ),
        "divided_by_all": (
            "the sum is divided by all places, padded ones too",
            "Then one sentence with padding would show it.",
        ),
        "mean_of_means": (
            "each sentence is averaged first, then the sentences",
            "",
        ),
        "divided_by_sentences": (
            "the sum is divided by the number of sentences",
            "Then one sentence of two tokens would show it.",
        ),
        "longest_alone": (
            "only the longest sentence counts",
            "Then two sentences of one length would show it, if their losses differ.",
        ),
        "first_alone": (
            "only the first sentence counts",
            "Then two sentences of one length would show it, if their losses differ.",
        ),
    },
    fault="mean_of_means",
    explanation=(
        "Every sentence has the same weight, so a token of a short one counts more than a token of a long "
        "one. Where all are of one length, or all of one loss, nothing shows."
    ),
    hints=[
        "With one sentence, padded or not, all is right. What can differ between two?",
        "Two sentences may differ in their losses or in their lengths. Try each alone, then both.",
        "One real token of loss 3, and beside it a sentence of three tokens of loss 1.",
    ],
    example=(
        np.array([[3.0, 0.0, 0.0], [1.0, 1.0, 1.0]]),
        np.array([[True, False, False], [True, True, True]]),
    ),
    dull=(
        np.array([[3.0, 1.0, 9.0], [1.0, 5.0, 9.0]]),
        np.array([[True, True, False], [True, True, False]]),
    ),
)
