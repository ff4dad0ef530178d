"""Hunt 23_columns: a map of weights that is folded column by column."""

import numpy as np

from course_lib.by_hand import patch_shares
from course_lib.checks import Hunt


def broken(weights, box):
    side = round(len(weights) ** 0.5)
    return float(weights.reshape(side, side).T.reshape(-1) @ patch_shares(box, side, side))


def right(weights, box):
    side = round(len(weights) ** 0.5)
    return float(weights @ patch_shares(box, side, side))


UPPER_RIGHT = np.array([0.75, 0.25, 0.5, 0.5])

HUNT = Hunt(
    id="23_columns",
    contract=(
        "broken(weights, box) -> the part of the weights (N,), one for each patch of a square picture, row "
        "by row, that lies in the box (4,), centre x, centre y, width and height in shares of the picture."
    ),
    arguments={"weights": ("N",), "box": ("4",)},
    outputs={"inside": ()},
    broken=broken,
    right=right,
    faults={
        "column_by_column": ("the patches are counted column by column", ""),
        "from_below": (
            "the rows are counted from below",
            "Then a weight at the upper left would be sought at the lower left. Put one there: both agree.",
        ),
        "corners": (
            "the box is read as x0, y0, x1, y1",
            "Then boxes on the diagonal would differ too. Take (0.25, 0.25, 0.5, 0.5): both agree.",
        ),
        "whole_patches": (
            "a patch counts in full as soon as the box touches it",
            "Then a box inside one patch would hold its whole weight. With N = 1 both agree.",
        ),
        "divided_by_the_area": (
            "the weight is divided by the area of the box",
            "Then even weights would show it. With even weights both agree, whatever the box.",
        ),
        "first_patch_left_out": (
            "patch 0 is left out, as if it were a class token",
            "Then a weight on patch 0 would count nothing. Put one there: both agree.",
        ),
    },
    fault="column_by_column",
    explanation=(
        "An image is flattened row by row, so patch 1 is the one to the right of patch 0. Folded column by "
        "column it is the one below. The map is mirrored at the diagonal: sums, even looks and boxes on the "
        "diagonal agree. Words about digits side by side seem to look above or below."
    ),
    hints=[
        "With even weights both agree. So put all weight on one patch, and try several.",
        "With the weight on patch 0, or on the last one, both agree. And patch 1 of four?",
        "The weight on patch 1 of four, and a box over the upper right quarter: 1, or 0?",
    ],
    example=(np.array([0.0, 1.0, 0.0, 0.0]), UPPER_RIGHT),
    dull=(np.array([0.25, 0.25, 0.25, 0.25]), UPPER_RIGHT),
)
