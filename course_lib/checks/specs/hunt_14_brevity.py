"""Hunt 14_brevity: a brevity penalty that is taken text by text."""

import numpy as np

from course_lib.checks import Hunt


def broken(written, wanted):
    return np.exp(np.minimum(0, 1 - wanted / written)).mean()


def right(written, wanted):
    return np.exp(min(0, 1 - wanted.sum() / written.sum()))


HUNT = Hunt(
    id="14_brevity",
    contract=(
        "broken(written, wanted) -> penalty should be the brevity penalty of BLEU for a corpus of B texts; "
        "written (B,) and wanted (B,) are the numbers of words of candidates and references, all above 0."
    ),
    arguments={"written": ("B",), "wanted": ("B",)},
    outputs={"penalty": ()},
    broken=broken,
    right=right,
    faults={
        "ratio_turned_round": (
            "written / wanted stands where wanted / written should",
            "Then one text of 2 words in place of 4 would show it: 1 in place of exp(-1).",
        ),
        "not_cut_at_one": (
            "a text that is too long gets more than 1",
            "Then one text of 8 words in place of 4 would show it.",
        ),
        "mean_over_texts": ("each text gets its own penalty, and these are averaged", ""),
        "straight_line": (
            "the penalty is the ratio of the lengths, not its exponential",
            "Then one text of 2 words in place of 4 would show it: 1/2 in place of exp(-1).",
        ),
        "shortest_alone": (
            "only the text that lacks most counts",
            "Then written (4, 2) for wanted (4, 4) would give exp(-1). Try it.",
        ),
        "long_ones_punished": (
            "a text that is too long loses",
            "Then one text of 8 words in place of 4 would show it.",
        ),
    },
    fault="mean_over_texts",
    explanation=(
        "One text may be a word short and another a word long: the corpus has all its words, and BLEU does "
        "not punish it. Taken text by text, each short one is punished and no long one makes up for it. "
        "With a single text, or with texts that are all too long, nothing shows."
    ),
    hints=[
        "With one text, short or long, all is right. What can differ between two?",
        "Take two references of four words. Let one candidate be short and the other long.",
        "written (2, 6), wanted (4, 4): eight words in all on both sides.",
    ],
    example=(np.array([2.0, 6.0]), np.array([4.0, 4.0])),
    dull=(np.array([5.0, 6.0]), np.array([4.0, 4.0])),
)
