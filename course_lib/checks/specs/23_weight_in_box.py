"""Exercise `weight_in_box` (lesson 23): how much of a map of weights lies in a box."""

import numpy as np

from course_lib.by_hand import patch_shares
from course_lib.checks import Case, Exercise

# ------------------------------------------------------------------ a solution, and other right ways


def weight_in_box(weights, box):
    rows, columns = weights.shape
    cx, cy, w, h = box

    def covered(low, high, n):
        edges = np.arange(n) / n
        return n * np.clip(np.minimum(high, edges + 1 / n) - np.maximum(low, edges), 0, None)

    down = covered(cy - h / 2, cy + h / 2, rows)
    across = covered(cx - w / 2, cx + w / 2, columns)
    return down @ weights @ across


def with_loops(weights, box):
    rows, columns = weights.shape
    x0, x1, y0, y1 = ends(box)
    total = 0.0
    for i in range(rows):
        for j in range(columns):
            width = min(x1 * columns, j + 1) - max(x0 * columns, j)
            height = min(y1 * rows, i + 1) - max(y0 * rows, i)
            if width > 0 and height > 0:
                total += width * height * weights[i, j]
    return total


def by_the_library(weights, box):
    return float(weights.reshape(-1) @ patch_shares(np.asarray(box, float), *weights.shape))


def by_running_sums(weights, box):
    """The weight up to a line, at both ends of the box and along both axes."""
    x0, x1, y0, y1 = ends(box)

    def up_to(table, place):
        whole = np.vstack([np.zeros((1, table.shape[1])), table.cumsum(axis=0)])
        at = np.clip(place, 0, 1) * len(table)
        low = min(int(at), len(table) - 1)
        return whole[low] + (at - low) * (whole[low + 1] - whole[low])

    band = (up_to(weights, y1) - up_to(weights, y0))[:, None]
    return (up_to(band, x1) - up_to(band, x0))[0]


# ------------------------------------------------------------------ stored wrong answers


def ends(box):
    cx, cy, w, h = box
    return cx - w / 2, cx + w / 2, cy - h / 2, cy + h / 2


def shares(box, rows, columns, change=lambda part: part):
    """How much of each row and each column lies in the box, (rows,) and (columns,)."""
    x0, x1, y0, y1 = ends(box)

    def covered(low, high, n):
        edges = np.arange(n) / n
        return change(n * np.clip(np.minimum(high, edges + 1 / n) - np.maximum(low, edges), 0, None))

    return covered(y0, y1, rows), covered(x0, x1, columns)


def corners_read(weights, box):
    """You read the box as x0, y0, x1, y1: it is centre x, centre y, width, height."""
    x0, y0, x1, y1 = box
    return weight_in_box(weights, ((x0 + x1) / 2, (y0 + y1) / 2, max(x1 - x0, 0), max(y1 - y0, 0)))


def corner_and_size(weights, box):
    """You take the first two numbers for the upper left corner: they are the centre, so the box begins half
    a width to the left of it."""
    cx, cy, w, h = box
    return weight_in_box(weights, (cx + w / 2, cy + h / 2, w, h))


def width_not_halved(weights, box):
    """You go a whole width to both sides of the centre: it is half a width each way."""
    cx, cy, w, h = box
    return weight_in_box(weights, (cx, cy, 2 * w, 2 * h))


def x_and_y_exchanged(weights, box):
    """You take x for the rows: the first axis of weights goes down, so rows belong to y."""
    cx, cy, w, h = box
    return weight_in_box(weights, (cy, cx, h, w))


def whole_patches(weights, box):
    """You count a patch in full as soon as the box touches it: count the share of it that lies in the box."""
    down, across = shares(box, *weights.shape, lambda part: (part > 1e-9).astype(float))
    return down @ weights @ across


def covered_patches_alone(weights, box):
    """You count only patches that lie in the box as a whole: those at its rim count by their share."""
    down, across = shares(box, *weights.shape, lambda part: (part > 1 - 1e-9).astype(float))
    return down @ weights @ across


def by_centres(weights, box):
    """You count a patch if its centre lies in the box: count the share of it that lies in the box."""
    x0, x1, y0, y1 = ends(box)
    rows, columns = weights.shape
    y, x = (np.arange(rows) + 0.5) / rows, (np.arange(columns) + 0.5) / columns
    return ((y >= y0) & (y <= y1)) @ weights @ ((x >= x0) & (x <= x1))


def per_area(weights, box):
    """You divide by the area of the box: the weight itself is asked for, up to 1."""
    area = box[2] * box[3]
    return weight_in_box(weights, box) / area if area else 0.0


def mean_in_box(weights, box):
    """You take a mean over the patches: add up."""
    return weight_in_box(weights, box) / weights.size


def over_an_even_look(weights, box):
    """You divide by what an even look would have: that is a good comparison, but the weight is asked for."""
    down, across = shares(box, *weights.shape)
    even = down.sum() * across.sum() / weights.size
    return weight_in_box(weights, box) / even if even else 0.0


def largest_in_box(weights, box):
    """You take the largest part: add up the parts of all patches."""
    down, across = shares(box, *weights.shape)
    return (down[:, None] * weights * across).max()


def area_alone(weights, box):
    """Your result is the area of the box in patches: each patch counts with its weight."""
    down, across = shares(box, *weights.shape)
    return down.sum() * across.sum()


def outside(weights, box):
    """You return what lies outside of the box: subtract from the whole, or add up the inside."""
    return weights.sum() - weight_in_box(weights, box)


def counted_from_below(weights, box):
    """Your rows count from below: y grows downward, row 0 is at the top."""
    return weight_in_box(weights[::-1], box)


def by_the_sides(weights, box):
    """You add the shares of rows and columns: a patch lies in the box with the product of the two."""
    down, across = shares(box, *weights.shape)
    return ((down[:, None] + across) / 2 * weights).sum()


def not_clipped(weights, box):
    """Patches that lie apart from the box count with a negative share in yours: clip each side at 0."""
    x0, x1, y0, y1 = ends(box)

    def covered(low, high, n):
        edges = np.arange(n) / n
        return n * (np.minimum(high, edges + 1 / n) - np.maximum(low, edges))

    rows, columns = weights.shape
    return covered(y0, y1, rows) @ weights @ covered(x0, x1, columns)


def square_pictures_alone(weights, box):
    """You take the number of rows for that of the columns as well: they may differ."""
    rows, columns = weights.shape
    edges = np.arange(columns) / rows
    x0, x1, _, _ = ends(box)
    down, _ = shares(box, rows, columns)
    across = rows * np.clip(np.minimum(x1, edges + 1 / rows) - np.maximum(x0, edges), 0, None)
    return down @ weights @ across


def changes_weights(weights, box):
    """The caller's weights are changed in place: multiply into a new array."""
    result = weight_in_box(weights, box)
    weights *= 0.5
    return result


# ------------------------------------------------------------------ the exercise


def drawn(rng, rows, columns, box):
    """A map of weights with sum 1 and a box."""
    weights = rng.random((rows, columns)) + 0.05
    return weights / weights.sum(), np.array(box)


EXERCISE = Exercise(
    id="weight_in_box",
    contract=(
        "weight_in_box(weights, box) -> a number: how much of the weights (rows, columns), one for each "
        "patch of a picture, lies in the box (4,), centre x, centre y, width and height in shares of the "
        "picture. A patch counts by the share of its area that lies in the box. y grows downward."
    ),
    minutes=12,
    difficulty=3,
    points=3,
    takes="numpy",
    arguments={"weights": ("rows", "columns"), "box": ("4",)},
    outputs={"inside": ()},
    cases=[
        Case("3 x 5 patches", lambda rng: drawn(rng, 3, 5, (0.43, 0.55, 0.37, 0.41)), weight=3),
        Case("7 x 2 patches", lambda rng: drawn(rng, 7, 2, (0.61, 0.29, 0.3, 0.47))),
        Case("a box inside one patch", lambda rng: drawn(rng, 3, 3, (0.49, 0.21, 0.11, 0.13))),
        Case("the whole picture", lambda rng: drawn(rng, 2, 3, (0.5, 0.5, 1.0, 1.0))),
        Case("a box that reaches beyond the picture", lambda rng: drawn(rng, 4, 5, (0.9, 0.1, 0.5, 0.6))),
        Case("whole patches", lambda rng: drawn(rng, 4, 4, (0.625, 0.25, 0.25, 0.5))),
        Case("a box without area", lambda rng: drawn(rng, 3, 4, (0.4, 0.4, 0.0, 0.2))),
        Case("one patch", lambda rng: drawn(rng, 1, 1, (0.3, 0.6, 0.2, 0.5))),
    ],
    reference=by_the_library,
    solution=weight_in_box,
    right=[weight_in_box, with_loops, by_the_library, by_running_sums],
    wrong=[
        corners_read,
        corner_and_size,
        width_not_halved,
        x_and_y_exchanged,
        whole_patches,
        covered_patches_alone,
        by_centres,
        per_area,
        mean_in_box,
        over_an_even_look,
        largest_in_box,
        area_alone,
        outside,
        counted_from_below,
        by_the_sides,
        not_clipped,
        square_pictures_alone,
        changes_weights,
    ],
    hints=[
        "Along one axis: patch i reaches from i / n to (i + 1) / n. How long is the part inside the box?",
        (
            "`np.minimum` of both right ends less `np.maximum` of both left ends, not below 0, times n: "
            "once for the rows, once for the columns."
        ),
        "With the shares `down` (rows,) and `across` (columns,): `return down @ weights @ across`.",
    ],
)
