"""Hunt 19_asked: a loss of masked words that asks at the masks alone."""

import numpy as np

from course_lib.checks import Hunt

MASK_ID = 1


def mean_bits(p, asked):
    """The mean of -log2 p over the places that are asked for; 0 where there is none."""
    return -np.log2(p[asked]).sum() / max(asked.sum(), 1)


def broken(p, reads, labels):
    return mean_bits(p, reads == MASK_ID)


def right(p, reads, labels):
    return mean_bits(p, labels != -100)


P = np.array([0.5, 0.25, 0.125])

HUNT = Hunt(
    id="19_asked",
    contract=(
        "broken(p, reads, labels) -> bits, a number, should be the loss of a masked language model: the mean "
        "of -log2 p over the chosen places, 0 where there is none. p (n,), above 0: what the model gives the "
        "right token; reads (n,): the ids that it read, 1 is [MASK]; labels (n,): the right token where the "
        "place was chosen, else -100."
    ),
    arguments={"p": ("n",), "reads": ("n",), "labels": ("n",)},
    outputs={"bits": ()},
    broken=broken,
    right=right,
    faults={
        "masks_alone": ("it counts only where [MASK] is read", ""),
        "all_places": (
            "it counts all places",
            "Then a place with the label -100 would matter. Change p there: nothing moves.",
        ),
        "changed_alone": (
            "it counts chosen places where what is read differs from the label",
            "Then a random word that was put in would count. Change p at such a place: nothing moves.",
        ),
        "divided_by_n": (
            "it divides by all places, not by the chosen ones",
            "Then one mask among three places would show it. There both agree.",
        ),
        "first_alone": (
            "it counts the first chosen place only",
            "Then two masks would show it. With masks alone both agree.",
        ),
        "left_alone_only": (
            "it counts chosen places that were left as they were",
            "Then a mask would not count. Change p at a mask: the loss moves.",
        ),
    },
    fault="masks_alone",
    explanation=(
        "It looks for [MASK] in what was read. The tenth that is replaced and the tenth that is left alone "
        "are chosen too, and are never asked for: the model learns neither trust nor doubt, as if there were "
        "masks alone. Eight of ten chosen places are right, so the loss looks as it should."
    ),
    hints=[
        "With masks at all chosen places both agree. What else may stand at a chosen place?",
        "Leave a chosen word as it is, or put in another word. Does p count there?",
        "Only where `reads` is 1 does p count, whatever the label says.",
    ],
    example=(P, np.array([1, 5, 7]), np.array([4, 5, -100])),
    dull=(P, np.array([1, 5, 7]), np.array([4, -100, -100])),
)
