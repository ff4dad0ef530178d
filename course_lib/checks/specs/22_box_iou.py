"""Exercise `box_iou` (lesson 22): how well boxes lie on each other."""

import numpy as np
import torch

from course_lib.checks import Case, Exercise
from course_lib.transformer import detection

# ------------------------------------------------------------------ a solution, and other right ways


def box_iou(a, b):
    low = torch.maximum(a[:, None, :2], b[None, :, :2])
    high = torch.minimum(a[:, None, 2:], b[None, :, 2:])
    inner = (high - low).clamp(min=0).prod(dim=-1)
    area_a = (a[:, 2:] - a[:, :2]).clamp(min=0).prod(dim=-1)
    area_b = (b[:, 2:] - b[:, :2]).clamp(min=0).prod(dim=-1)
    union = area_a[:, None] + area_b[None, :] - inner
    return torch.where(union > 0, inner / union, 0)


def with_loops(a, b):
    result = torch.zeros(len(a), len(b), dtype=a.dtype)
    for i, (ax0, ay0, ax1, ay1) in enumerate(a.tolist()):
        for j, (bx0, by0, bx1, by1) in enumerate(b.tolist()):
            width = min(ax1, bx1) - max(ax0, bx0)
            height = min(ay1, by1) - max(ay0, by0)
            if width > 0 and height > 0:
                both = (ax1 - ax0) * (ay1 - ay0) + (bx1 - bx0) * (by1 - by0)
                result[i, j] = width * height / (both - width * height)
    return result


def side_by_side(a, b):
    ax0, ay0, ax1, ay1 = a.unsqueeze(1).unbind(-1)
    bx0, by0, bx1, by1 = b.unsqueeze(0).unbind(-1)
    width = (torch.min(ax1, bx1) - torch.max(ax0, bx0)).relu()
    height = (torch.min(ay1, by1) - torch.max(ay0, by0)).relu()
    inner = width * height
    areas = (ax1 - ax0).relu() * (ay1 - ay0).relu() + (bx1 - bx0).relu() * (by1 - by0).relu()
    return (inner / (areas - inner)).nan_to_num(0)


def with_a_guarded_union(a, b):
    inner, union = inner_and_sum(a, b)
    return inner / (union - inner).clamp(min=1e-12)


# ------------------------------------------------------------------ stored wrong answers


def sides(a, b):
    """Sides of the intersections, (n, m, 2), negative where boxes lie apart."""
    return torch.minimum(a[:, None, 2:], b[None, :, 2:]) - torch.maximum(a[:, None, :2], b[None, :, :2])


def area(boxes):
    return (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(-1)


def inner_and_sum(a, b):
    """Intersections, and the sums of the two areas, (n, m) each."""
    return sides(a, b).clamp(min=0).prod(-1), area(a)[:, None] + area(b)[None, :]


def share(part, whole):
    """part / whole, and 0 where nothing is."""
    return torch.where(whole != 0, part / whole, 0)


def no_clamp(a, b):
    """Boxes that lie apart overlap in yours: a side of the intersection may come out negative, so
    clamp(min=0) each side before you multiply."""
    inner = sides(a, b).prod(-1)
    return share(inner, area(a)[:, None] + area(b)[None, :] - inner)


def clamp_after_the_product(a, b):
    """You clamp the product: two negative sides give a positive area. Clamp each side first, then
    multiply."""
    inner = sides(a, b).prod(-1).clamp(min=0)
    return share(inner, area(a)[:, None] + area(b)[None, :] - inner)


def width_clamped_alone(a, b):
    """You clamp the width alone: boxes above each other get a negative height. Clamp both sides."""
    width, height = sides(a, b).unbind(-1)
    inner = width.clamp(min=0) * height
    return share(inner, area(a)[:, None] + area(b)[None, :] - inner)


def height_clamped_alone(a, b):
    """You clamp the height alone: boxes beside each other get a negative width. Clamp both sides."""
    width, height = sides(a, b).unbind(-1)
    inner = width * height.clamp(min=0)
    return share(inner, area(a)[:, None] + area(b)[None, :] - inner)


def absolute_sides(a, b):
    """You take the absolute value of the sides: a negative side means that the boxes lie apart, so
    clamp(min=0)."""
    inner = sides(a, b).abs().prod(-1)
    return share(inner, area(a)[:, None] + area(b)[None, :] - inner)


def sum_for_union(a, b):
    """You divide by the sum of the two areas: it counts the intersection twice, so take it off once."""
    return share(*inner_and_sum(a, b))


def intersection_taken_off_twice(a, b):
    """You take the intersection off twice: the union is the sum of the areas less one intersection."""
    inner, both = inner_and_sum(a, b)
    return share(inner, both - 2 * inner)


def intersection_added(a, b):
    """You add the intersection to the two areas: it is in both already, so take it off once."""
    inner, both = inner_and_sum(a, b)
    return share(inner, both + inner)


def dice(a, b):
    """2 * intersection / (sum of areas) is the Dice score: the IoU is intersection / union."""
    inner, both = inner_and_sum(a, b)
    return share(2 * inner, both)


def by_the_smaller(a, b):
    """You divide by the smaller area: a small box inside a large one then gets 1. Divide by the union."""
    inner, _ = inner_and_sum(a, b)
    return share(inner, torch.minimum(area(a)[:, None], area(b)[None, :]))


def by_the_larger(a, b):
    """You divide by the larger area: divide by the union, the sum of the areas less the intersection."""
    inner, _ = inner_and_sum(a, b)
    return share(inner, torch.maximum(area(a)[:, None], area(b)[None, :]))


def by_area_of_a(a, b):
    """You divide by the area of a alone: divide by the union of both."""
    return share(inner_and_sum(a, b)[0], area(a)[:, None])


def by_area_of_b(a, b):
    """You divide by the area of b alone: divide by the union of both."""
    return share(inner_and_sum(a, b)[0], area(b)[None, :])


def hull_of(a, b):
    low = torch.minimum(a[:, None, :2], b[None, :, :2])
    return (torch.maximum(a[:, None, 2:], b[None, :, 2:]) - low).clamp(min=0).prod(-1)


def by_the_hull(a, b):
    """You divide by the smallest box around both, as the product of the shares along x and y does: the union
    is the sum of the areas less the intersection."""
    return share(inner_and_sum(a, b)[0], hull_of(a, b))


def hull_for_intersection(a, b):
    """Your inner box is the one around both: it begins at the larger x0 and y0, and ends at the smaller x1
    and y1."""
    inner = hull_of(a, b)
    return share(inner, area(a)[:, None] + area(b)[None, :] - inner)


def generalised(a, b):
    """That is the generalised IoU, which takes off the empty share of the box around both: here it is the
    plain one, 0 for boxes apart."""
    inner, both = inner_and_sum(a, b)
    hull = hull_of(a, b)
    return share(inner, both - inner) - share(hull - both + inner, hull)


def distance(a, b):
    """You return 1 - IoU, a distance: the IoU itself is asked for, 1 for a box and itself."""
    return 1 - box_iou(a, b)


def intersection_alone(a, b):
    """You return the area of the intersection: divide it by the union."""
    return inner_and_sum(a, b)[0]


def share_of_the_rest(a, b):
    """You return the other way round, union / intersection: the intersection is divided."""
    inner, both = inner_and_sum(a, b)
    return share(both - inner, inner)


def centres_and_sizes(a, b):
    """You read the boxes as centre, width and height: here they come as corners x0, y0, x1, y1."""
    return box_iou(*(torch.cat([x[:, :2] - x[:, 2:] / 2, x[:, :2] + x[:, 2:] / 2], dim=1) for x in (a, b)))


def corner_and_size(a, b):
    """You read the last two numbers as width and height: they are the second corner, x1 and y1."""
    return box_iou(*(torch.cat([x[:, :2], x[:, :2] + x[:, 2:]], dim=1) for x in (a, b)))


def last_two_as_sizes(a, b):
    """You take x1 * y1 for the area: the sides are x1 - x0 and y1 - y0."""
    inner = sides(a, b).clamp(min=0).prod(-1)
    return share(inner, a[:, 2:].prod(-1)[:, None] + b[:, 2:].prod(-1)[None, :] - inner)


def x_before_y(a, b):
    """You read the boxes as x0, x1, y0, y1: the order is x0, y0, x1, y1."""
    return box_iou(a[:, [0, 2, 1, 3]], b[:, [0, 2, 1, 3]])


def pair_by_pair(a, b):
    """You compare box i of a with box i of b alone: every a with every b, so give a an axis for b, a[:,
    None], and b one for a, b[None]."""
    n = min(len(a), len(b))
    return box_iou(a[:n], b[:n]).diagonal()


def pairs_spread_out(a, b):
    """Only the pairs i, i are filled: every a is compared with every b."""
    return box_iou(a, b) * torch.eye(len(a), len(b), dtype=a.dtype)


def transposed(a, b):
    """Your rows are the boxes of b: row i, column j is a[i] with b[j], so a gets its new axis behind,
    a[:, None]."""
    return box_iou(b, a)


def against_itself(a, b):
    """You compare the boxes of a with each other: the columns are the boxes of b."""
    return box_iou(a, a)


def areas_crossed(a, b):
    """Your areas stand on the wrong axes: those of a belong to the rows, area_a[:, None], those of b to the
    columns, area_b[None, :]."""
    inner = inner_and_sum(a, b)[0]
    return share(inner, area(a)[None, :] + area(b)[:, None] - inner)


def one_area_for_both(a, b):
    """You take the area of a twice: the union has the areas of a and of b."""
    inner = inner_and_sum(a, b)[0]
    return share(inner, 2 * area(a)[:, None] - inner)


def nan_for_empty(a, b):
    """Two empty boxes give 0 / 0, which is nan: by our contract empty boxes give 0."""
    inner, both = inner_and_sum(a, b)
    return inner / (both - inner)


def one_for_empty(a, b):
    """Two empty boxes give 1 in yours: by our contract empty boxes give 0 with everything."""
    inner, both = inner_and_sum(a, b)
    union = both - inner
    return torch.where(union > 0, inner / union, 1)


def small_number_added(a, b):
    """The small number that you add to the union makes the IoU of small boxes too small: replace the union by
    1 where it is 0."""
    inner, both = inner_and_sum(a, b)
    return inner / (both - inner + 1e-6)


def union_at_least_small(a, b):
    """You clamp the union too high, so small boxes come out too small: replace it where it is 0, and leave it
    otherwise."""
    inner, both = inner_and_sum(a, b)
    return inner / (both - inner).clamp(min=1e-3)


def union_at_least_one(a, b):
    """You clamp the union at 1: boxes in shares of the image have areas below 1. Replace it only where it is
    0."""
    inner, both = inner_and_sum(a, b)
    return inner / (both - inner).clamp(min=1)


def turned_boxes_have_area(a, b):
    """A box whose x1 lies before its x0 has an area in yours: a side that is not positive makes it empty, so
    clamp instead of abs."""
    turned = [torch.cat([x[:, :2].minimum(x[:, 2:]), x[:, :2].maximum(x[:, 2:])], dim=1) for x in (a, b)]
    return box_iou(*turned)


def widths_alone(a, b):
    """You compare the widths alone: the intersection is an area, width times height."""
    flat = [x.clone() for x in (a, b)]
    for x in flat:
        x[:, 1], x[:, 3] = 0, 1
    return box_iou(*flat)


def sum_of_sides(a, b):
    """You add width and height: an area is their product."""
    inner = sides(a, b).clamp(min=0).sum(-1)
    both = (a[:, 2:] - a[:, :2]).sum(-1)[:, None] + (b[:, 2:] - b[:, :2]).sum(-1)[None, :]
    return share(inner, both - inner)


def sum_of_overlapping_sides(a, b):
    """You add the sides of the intersection: its area is their product."""
    width, height = sides(a, b).clamp(min=0).unbind(-1)
    inner = (width + height) * (width > 0) * (height > 0)
    return share(inner, area(a)[:, None] + area(b)[None, :] - inner)


def shrunk(a, b):
    """You cut the boxes at 0 and 1: boxes may lie anywhere, in pixels as well."""
    return box_iou(a.clamp(0, 1), b.clamp(0, 1))


def best_alone(a, b):
    """You return the best IoU of each a: the whole table (n, m) is asked for."""
    return box_iou(a, b).amax(dim=1) if len(b) else box_iou(a, b)[:, 0:0].sum(1)


def yes_or_no(a, b):
    """You return whether the IoU reaches 1/2: the number itself is asked for."""
    return (box_iou(a, b) >= 0.5).to(a.dtype)


def changes_a(a, b):
    """The caller's boxes are changed in place: compute with new tensors."""
    result = box_iou(a, b)
    a[:, 2:] -= a[:, :2]
    return result


def root(a, b):
    """You take a root of the IoU: intersection / union is asked for as it is."""
    return box_iou(a, b).sqrt()


def product_of_areas(a, b):
    """You multiply the two areas: the union is their sum less the intersection."""
    inner = inner_and_sum(a, b)[0]
    return share(inner, area(a)[:, None] * area(b)[None, :] - inner)


def half_the_outline(a, b):
    """You add width and height for the area of a box: the area is their product."""
    inner = inner_and_sum(a, b)[0]
    around_a, around_b = ((x[:, 2:] - x[:, :2]).sum(-1) for x in (a, b))
    return share(inner, around_a[:, None] + around_b[None, :] - inner)


def one_flat_list(a, b):
    """Your result is one long list: give it the shape (n, m), a row for each box of a."""
    return box_iou(a, b).flatten()


def without_new_axes(a, b):
    """You compare a and b row by row, without an axis for the pairs: a[:, None] and b[None] broadcast to
    every pair, (n, m)."""
    high, low = torch.minimum(a[:, 2:], b[:, 2:]), torch.maximum(a[:, :2], b[:, :2])
    inner = (high - low).clamp(min=0).prod(-1)
    return share(inner, area(a) + area(b) - inner)


def geometric_mean(a, b):
    """You divide by the root of the product of the areas: divide by the union, their sum less the
    intersection."""
    return share(inner_and_sum(a, b)[0], (area(a)[:, None] * area(b)[None, :]).sqrt())


# ------------------------------------------------------------------ right elsewhere


def whole_pixels(a, b):
    """You count the last pixel in (x1 - x0 + 1), as older code for whole pixels does; here the sides are x1 -
    x0 and y1 - y0, as for shares of the image."""
    inner = (sides(a, b) + 1).clamp(min=0).prod(-1)
    area_a, area_b = ((x[:, 2:] - x[:, :2] + 1).clamp(min=0).prod(-1) for x in (a, b))
    return share(inner, area_a[:, None] + area_b[None, :] - inner)


# ------------------------------------------------------------------ the exercise


def turning_round_turns_the_table(seen):
    """IoU does not know which box comes first: exchanging a and b must transpose the table."""
    one, other = (seen[name].outputs["iou"] for name in ("usual", "a and b exchanged"))
    return np.allclose(one, other.T, rtol=1e-4, atol=1e-5)


def moving_changes_nothing(seen):
    """Moving and stretching all boxes alike must not change their IoU: it is a share of areas."""
    one, other = (seen[name].outputs["iou"] for name in ("usual", "in pixels"))
    return np.allclose(one, other, rtol=1e-3, atol=1e-4)


def usual(stretch=1.0, move=0.0):
    """The same 3 and 5 boxes: some overlap, one lies inside, some lie apart along one axis or both."""
    a = np.array([[0.1, 0.2, 0.5, 0.7], [0.3, 0.1, 0.9, 0.4], [0.6, 0.75, 0.95, 0.9]])
    b = np.array(
        [
            [0.2, 0.3, 0.4, 0.6],
            [0.3, 0.1, 0.9, 0.4],
            [0.55, 0.45, 0.8, 0.8],
            [0.0, 0.8, 0.3, 1.0],
            [0.25, 0.0, 0.6, 0.95],
        ]
    )
    return stretch * a + move, stretch * b + move


def boxes(*rows):
    return np.array(rows, dtype=float).reshape(-1, 4)


def drawn(rng, n, m):
    """Boxes of which many overlap."""
    low = rng.uniform(0, 0.5, size=(n + m, 2))
    corners = np.concatenate([low, low + rng.uniform(0.15, 0.5, size=(n + m, 2))], axis=1)
    return corners[:n], corners[n:]


EXERCISE = Exercise(
    id="box_iou",
    contract=(
        "box_iou(a, b) -> iou (n, m), intersection over union of every box of a with every box of b; a (n, "
        "4), b (m, 4) as corners x0, y0, x1, y1. A box with a side that is not positive is empty: it gives 0 "
        "with everything, never nan."
    ),
    minutes=18,
    difficulty=3,
    points=3,
    takes="torch",
    arguments={"a": ("n", "4"), "b": ("m", "4")},
    outputs={"iou": ("n", "m")},
    cases=[
        Case("usual", lambda rng: usual(), weight=3),
        Case("a and b exchanged", lambda rng: usual()[::-1]),
        Case("in pixels", lambda rng: usual(640.0, 32.0)),
        Case("by hand, a third", lambda rng: (boxes([0, 0, 2, 1]), boxes([1, 0, 3, 1]))),
        Case("by hand, one inside the other", lambda rng: (boxes([0, 0, 4, 2]), boxes([1, 1, 2, 2]))),
        Case("apart along both axes", lambda rng: (boxes([0, 0, 2, 1]), boxes([3, 2, 5, 5]))),
        Case("one beside the other", lambda rng: (boxes([0, 0, 2, 2]), boxes([3, 0, 4, 2]))),
        Case("one above the other", lambda rng: (boxes([0, 0, 2, 2]), boxes([0, 3, 2, 4]))),
        Case("an edge in common", lambda rng: (boxes([0, 0, 2, 2]), boxes([2, 0, 3, 2]))),
        Case("an empty box twice", lambda rng: (boxes([1, 1, 1, 1]), boxes([1, 1, 1, 1]))),
        Case("a line across a box", lambda rng: (boxes([0, 1, 2, 1]), boxes([0, 0, 2, 2]))),
        Case("a turned box", lambda rng: (boxes([2, 0, 0, 2]), boxes([0, 0, 2, 3]))),
        Case("negative coordinates", lambda rng: (boxes([-3, -2, 1, 2]), boxes([-1, -4, 3, 0]))),
        Case("small boxes", lambda rng: tuple(0.01 * x for x in usual()), rtol=0.01),
        Case("as many a as b", lambda rng: (usual()[0], usual()[1][:3])),
        Case("no box in b", lambda rng: (np.tile(usual()[0], (4, 1)), boxes())),
        Case("4 boxes and 6", lambda rng: drawn(rng, 4, 6)),
        Case("7 boxes and 5 in pixels", lambda rng: tuple(640 * boxes for boxes in drawn(rng, 7, 5))),
    ],
    reference=detection.box_iou,
    solution=box_iou,
    right=[box_iou, with_loops, side_by_side, with_a_guarded_union],
    wrong=[
        no_clamp,
        clamp_after_the_product,
        width_clamped_alone,
        height_clamped_alone,
        absolute_sides,
        sum_for_union,
        intersection_taken_off_twice,
        intersection_added,
        dice,
        by_the_smaller,
        by_the_larger,
        by_area_of_a,
        by_area_of_b,
        by_the_hull,
        hull_for_intersection,
        generalised,
        distance,
        intersection_alone,
        share_of_the_rest,
        centres_and_sizes,
        corner_and_size,
        last_two_as_sizes,
        x_before_y,
        pair_by_pair,
        pairs_spread_out,
        transposed,
        against_itself,
        areas_crossed,
        one_area_for_both,
        nan_for_empty,
        one_for_empty,
        small_number_added,
        union_at_least_small,
        union_at_least_one,
        turned_boxes_have_area,
        widths_alone,
        sum_of_sides,
        sum_of_overlapping_sides,
        shrunk,
        best_alone,
        yes_or_no,
        changes_a,
        geometric_mean,
        root,
        product_of_areas,
        half_the_outline,
        one_flat_list,
        without_new_axes,
    ],
    conventions=[whole_pixels],
    properties=[turning_round_turns_the_table, moving_changes_nothing],
    hints=[
        "Where does the common part of two boxes begin, where does it end? What if it ends before it begins?",
        (
            "Give a and b an axis for each other: `a[:, None, :2]` and `b[None, :, :2]` broadcast to (n, m, "
            "2). The larger of the lower corners, the smaller of the upper ones, and clamp their difference."
        ),
        (
            "`inner = (high - low).clamp(min=0).prod(-1)`, `union = area_a[:, None] + area_b - inner`, and "
            "`torch.where(union > 0, inner / union, 0)`."
        ),
    ],
    forbids=["torchvision"],
)
