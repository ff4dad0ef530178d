"""Exercise `match_cost` (lesson 22): what it costs to let a query answer for an object."""

import numpy as np
import torch

from course_lib.checks import Case, Exercise
from course_lib.transformer import detection
from course_lib.transformer.detection import box_iou, corners, generalised_iou

# ------------------------------------------------------------------ a solution, and other right ways


def match_cost(class_prob, boxes, labels, targets):
    def to_corners(x):
        return torch.cat([x[:, :2] - x[:, 2:] / 2, x[:, :2] + x[:, 2:] / 2], dim=1)

    a, b = to_corners(boxes)[:, None], to_corners(targets)[None]
    sides = torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])
    inner = sides.clamp(min=0).prod(dim=-1)
    union = boxes[:, 2:].prod(dim=-1)[:, None] + targets[:, 2:].prod(dim=-1) - inner
    iou = torch.where(union > 0, inner / union, 0)
    distance = (boxes[:, None] - targets[None]).abs().sum(dim=-1)
    return -class_prob[:, labels] + 5 * distance - 2 * iou


def with_loops(class_prob, boxes, labels, targets):
    cost = torch.zeros(len(boxes), len(targets), dtype=boxes.dtype)
    for i, mine in enumerate(boxes):
        for j, wanted in enumerate(targets):
            low = torch.max(mine[:2] - mine[2:] / 2, wanted[:2] - wanted[2:] / 2)
            high = torch.min(mine[:2] + mine[2:] / 2, wanted[:2] + wanted[2:] / 2)
            width, height = (high - low).clamp(min=0).tolist()
            inner = width * height
            union = mine[2] * mine[3] + wanted[2] * wanted[3] - inner
            iou = inner / union if union > 0 else 0
            cost[i, j] = -class_prob[i, labels[j]] + 5 * (mine - wanted).abs().sum() - 2 * iou
    return cost


def with_torchs_own(class_prob, boxes, labels, targets):
    distance = torch.cdist(boxes, targets, p=1)
    iou = box_iou(corners(boxes), corners(targets))
    return 5 * distance - 2 * iou - class_prob.index_select(1, labels)


def with_one_hot(class_prob, boxes, labels, targets):
    chosen = torch.nn.functional.one_hot(labels, class_prob.shape[1]).to(class_prob.dtype)
    iou = box_iou(corners(boxes), corners(targets))
    return 5 * torch.cdist(boxes, targets, 1.0) - (class_prob @ chosen.T) - iou - iou


# ------------------------------------------------------------------ stored wrong answers


def p_of(class_prob, labels):
    return class_prob[:, labels]


def l1(boxes, targets):
    return (boxes[:, None] - targets[None]).abs().sum(-1)


def iou_of(boxes, targets):
    return box_iou(corners(boxes), corners(targets))


def summed(p, distance, iou):
    return -p + 5 * distance - 2 * iou


def no_class(class_prob, boxes, labels, targets):
    """The class is missing: a query that is sure of the target's label costs less, -p[label]."""
    return 5 * l1(boxes, targets) - 2 * iou_of(boxes, targets)


def no_distance(class_prob, boxes, labels, targets):
    """The L1 distance is missing: 5 times the sum of the four absolute differences."""
    return -p_of(class_prob, labels) - 2 * iou_of(boxes, targets)


def no_iou(class_prob, boxes, labels, targets):
    """The IoU is missing: take off 2 * IoU of the corners."""
    return -p_of(class_prob, labels) + 5 * l1(boxes, targets)


def class_sign(class_prob, boxes, labels, targets):
    """You add the probability: a likely label makes a pair cheaper, so take it off."""
    return summed(-p_of(class_prob, labels), l1(boxes, targets), iou_of(boxes, targets))


def iou_sign(class_prob, boxes, labels, targets):
    """You add the IoU: a large overlap makes a pair cheaper, so take it off."""
    return summed(p_of(class_prob, labels), l1(boxes, targets), -iou_of(boxes, targets))


def distance_sign(class_prob, boxes, labels, targets):
    """You take the distance off: boxes far apart make a pair dearer, so add it."""
    return summed(p_of(class_prob, labels), -l1(boxes, targets), iou_of(boxes, targets))


def all_signs(class_prob, boxes, labels, targets):
    """You return how well a pair fits: a cost is small where it fits well, so turn all signs round."""
    return -match_cost(class_prob, boxes, labels, targets)


def no_weights(class_prob, boxes, labels, targets):
    """The three parts have no weights: the distance counts 5 times, the IoU twice."""
    return -p_of(class_prob, labels) + l1(boxes, targets) - iou_of(boxes, targets)


def weights_exchanged(class_prob, boxes, labels, targets):
    """The weights are exchanged: 5 belongs to the L1 distance, 2 to the IoU."""
    return -p_of(class_prob, labels) + 2 * l1(boxes, targets) - 5 * iou_of(boxes, targets)


def distance_without_weight(class_prob, boxes, labels, targets):
    """The L1 distance has no weight: it counts 5 times."""
    return -p_of(class_prob, labels) + l1(boxes, targets) - 2 * iou_of(boxes, targets)


def iou_without_weight(class_prob, boxes, labels, targets):
    """The IoU has no weight: it counts twice."""
    return -p_of(class_prob, labels) + 5 * l1(boxes, targets) - iou_of(boxes, targets)


def mean_distance(class_prob, boxes, labels, targets):
    """Your distance is the mean over the four numbers: L1 is their sum, so .sum(-1)."""
    return summed(p_of(class_prob, labels), l1(boxes, targets) / 4, iou_of(boxes, targets))


def euclidean(class_prob, boxes, labels, targets):
    """You take the Euclidean distance (cdist does without p=1): L1 adds the absolute differences."""
    distance = (boxes[:, None] - targets[None]).square().sum(-1).sqrt()
    return summed(p_of(class_prob, labels), distance, iou_of(boxes, targets))


def squared(class_prob, boxes, labels, targets):
    """You square the differences: L1 adds their absolute values."""
    distance = (boxes[:, None] - targets[None]).square().sum(-1)
    return summed(p_of(class_prob, labels), distance, iou_of(boxes, targets))


def no_absolute_value(class_prob, boxes, labels, targets):
    """Your differences keep their signs and cancel each other: take abs() before you add them."""
    distance = (boxes[:, None] - targets[None]).sum(-1)
    return summed(p_of(class_prob, labels), distance, iou_of(boxes, targets))


def absolute_value_of_the_sum(class_prob, boxes, labels, targets):
    """You take the absolute value of the sum: take it of each difference, before you add them."""
    distance = (boxes[:, None] - targets[None]).sum(-1).abs()
    return summed(p_of(class_prob, labels), distance, iou_of(boxes, targets))


def distance_of_corners(class_prob, boxes, labels, targets):
    """Your L1 distance is that of the corners: it is taken over cx, cy, w, h, the corners are for the IoU."""
    return summed(p_of(class_prob, labels), l1(corners(boxes), corners(targets)), iou_of(boxes, targets))


def distance_of_centres(class_prob, boxes, labels, targets):
    """Your distance compares the centres alone: width and height count as well, all four numbers."""
    return summed(p_of(class_prob, labels), l1(boxes[:, :2], targets[:, :2]), iou_of(boxes, targets))


def largest_difference(class_prob, boxes, labels, targets):
    """You take the largest of the four differences: L1 is their sum."""
    distance = (boxes[:, None] - targets[None]).abs().amax(-1)
    return summed(p_of(class_prob, labels), distance, iou_of(boxes, targets))


def iou_without_corners(class_prob, boxes, labels, targets):
    """You give cx, cy, w, h to the IoU, which reads corners: turn them into x0, y0, x1, y1 first."""
    return summed(p_of(class_prob, labels), l1(boxes, targets), box_iou(boxes, targets))


def size_not_halved(class_prob, boxes, labels, targets):
    """Your corners lie a whole width from the centre: it is half the width and half the height."""
    a, b = (torch.cat([x[:, :2] - x[:, 2:], x[:, :2] + x[:, 2:]], dim=1) for x in (boxes, targets))
    return summed(p_of(class_prob, labels), l1(boxes, targets), box_iou(a, b))


def centre_as_corner(class_prob, boxes, labels, targets):
    """Your boxes begin at their centre: the corners are the centre less and plus half the size."""
    a, b = (torch.cat([x[:, :2], x[:, :2] + x[:, 2:]], dim=1) for x in (boxes, targets))
    return summed(p_of(class_prob, labels), l1(boxes, targets), box_iou(a, b))


def corners_cut(class_prob, boxes, labels, targets):
    """You cut the corners at the edge of the image: a box may stick out, take its corners as they are."""
    a, b = (corners(x).clamp(0, 1) for x in (boxes, targets))
    return summed(p_of(class_prob, labels), l1(boxes, targets), box_iou(a, b))


def iou_over_the_sum(class_prob, boxes, labels, targets):
    """Your IoU divides by the sum of the areas: the union counts the intersection once, so take it off."""
    iou = iou_of(boxes, targets)
    return summed(p_of(class_prob, labels), l1(boxes, targets), iou / (1 + iou))


def iou_without_clamp(class_prob, boxes, labels, targets):
    """Your boxes that lie apart overlap: clamp each side of the intersection at 0 before you multiply."""
    a, b = corners(boxes)[:, None], corners(targets)[None]
    inner = (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])).prod(-1)
    union = boxes[:, 2:].prod(-1)[:, None] + targets[:, 2:].prod(-1) - inner
    iou = torch.where(union != 0, inner / union, 0)
    return summed(p_of(class_prob, labels), l1(boxes, targets), iou)


def empty_boxes_nan(class_prob, boxes, labels, targets):
    """Two boxes without an area give 0 / 0: their IoU is 0, so guard the division."""
    a, b = corners(boxes)[:, None], corners(targets)[None]
    sides = torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])
    inner = sides.clamp(min=0).prod(-1)
    iou = inner / (boxes[:, 2:].prod(-1)[:, None] + targets[:, 2:].prod(-1) - inner)
    return summed(p_of(class_prob, labels), l1(boxes, targets), iou)


def one_class_late(class_prob, boxes, labels, targets):
    """You read the class one further, label + 1: "no object" is the last class, so the label is the index."""
    p = class_prob[:, (labels + 1).clamp(max=class_prob.shape[1] - 1)]
    return summed(p, l1(boxes, targets), iou_of(boxes, targets))


def one_class_early(class_prob, boxes, labels, targets):
    """You read the class one before, label - 1: labels count from 0."""
    return summed(p_of(class_prob, labels - 1), l1(boxes, targets), iou_of(boxes, targets))


def rows_by_label(class_prob, boxes, labels, targets):
    """You write class_prob[labels], which picks rows: rows are queries, so class_prob[:, labels]."""
    return summed(class_prob[labels], l1(boxes, targets), iou_of(boxes, targets))


def rows_by_label_turned(class_prob, boxes, labels, targets):
    """You write class_prob[labels].T, which picks rows and turns them: labels pick columns, so
    class_prob[:, labels]."""
    return summed(class_prob[labels].T, l1(boxes, targets), iou_of(boxes, targets))


def softmax_again(class_prob, boxes, labels, targets):
    """You take a softmax of the probabilities: class_prob has been through one, read it as it is."""
    return match_cost(class_prob.softmax(-1), boxes, labels, targets)


def log_probability(class_prob, boxes, labels, targets):
    """You take -log p, as the loss does: the cost has the probability itself, -p, which is of the size of the
    other parts."""
    return summed(p_of(class_prob, labels).log(), l1(boxes, targets), iou_of(boxes, targets))


def most_likely_class(class_prob, boxes, labels, targets):
    """You take the probability of the query's likeliest class: the one of the target's label counts."""
    p = class_prob.amax(-1, keepdim=True)
    return summed(p, l1(boxes, targets), iou_of(boxes, targets))


def hit_or_not(class_prob, boxes, labels, targets):
    """You ask whether the query's likeliest class is the label: take the probability of the label, which is
    finer than yes or no."""
    p = (class_prob.argmax(-1)[:, None] == labels[None]).to(class_prob.dtype)
    return summed(p, l1(boxes, targets), iou_of(boxes, targets))


def no_object_left_out(class_prob, boxes, labels, targets):
    """You leave "no object" out and make the rest sum to 1 again: read class_prob as it is."""
    rest = class_prob[:, :-1]
    return match_cost(rest / rest.sum(-1, keepdim=True), boxes, labels, targets)


def one_class_for_all(class_prob, boxes, labels, targets):
    """Every target gets the probability of the first label: each column has a label of its own."""
    return match_cost(class_prob, boxes, labels[:1].expand_as(labels), targets)


def transposed(class_prob, boxes, labels, targets):
    """Your rows are the targets: rows are queries, columns targets."""
    return match_cost(class_prob, boxes, labels, targets).T


def pair_by_pair(class_prob, boxes, labels, targets):
    """You compare query i with target i alone: every query with every target, so boxes[:, None] and
    targets[None]."""
    n = min(len(boxes), len(targets))
    return match_cost(class_prob[:n], boxes[:n], labels[:n], targets[:n]).diagonal()


def summed_over_targets(class_prob, boxes, labels, targets):
    """You add up over the targets: the table (n_queries, n_targets) is asked for."""
    return match_cost(class_prob, boxes, labels, targets).sum(1)


def matched_already(class_prob, boxes, labels, targets):
    """You return the cheapest query of each target: the table of all costs is asked for, the matching comes
    after."""
    return match_cost(class_prob, boxes, labels, targets).argmin(0)


def divided_by_targets(class_prob, boxes, labels, targets):
    """You divide by the number of targets: the cost of a pair does not depend on how many there are."""
    return match_cost(class_prob, boxes, labels, targets) / max(len(targets), 1)


def never_negative(class_prob, boxes, labels, targets):
    """You clamp the cost at 0: a good pair may cost less than nothing, or good pairs could not be told
    apart."""
    return match_cost(class_prob, boxes, labels, targets).clamp(min=0)


def changes_boxes(class_prob, boxes, labels, targets):
    """The caller's boxes are changed in place: make new tensors for the corners, with torch.cat or stack."""
    result = match_cost(class_prob, boxes, labels, targets)
    boxes[:, :2] -= boxes[:, 2:] / 2
    return result


def one_distance_for_all(class_prob, boxes, labels, targets):
    """You average the distance over all pairs, as F.l1_loss does by itself: each pair has its own, the sum
    over its four numbers."""
    distance = l1(boxes, targets).mean() / 4 if len(targets) else 0
    return summed(p_of(class_prob, labels), distance, iou_of(boxes, targets))


def smooth_distance(class_prob, boxes, labels, targets):
    """You take the smooth L1 distance, which squares small differences: L1 adds the absolute ones."""
    size = (boxes[:, None] - targets[None]).abs()
    distance = torch.where(size < 1, size.square() / 2, size - 0.5).sum(-1)
    return summed(p_of(class_prob, labels), distance, iou_of(boxes, targets))


def distance_of_sizes(class_prob, boxes, labels, targets):
    """Your distance compares width and height alone: the centres count as well, all four numbers."""
    return summed(p_of(class_prob, labels), l1(boxes[:, 2:], targets[:, 2:]), iou_of(boxes, targets))


def bracket_too_wide(class_prob, boxes, labels, targets):
    """Your 5 multiplies the IoU too: mind the brackets, 5 * L1 - 2 * IoU."""
    return -p_of(class_prob, labels) + 5 * (l1(boxes, targets) - 2 * iou_of(boxes, targets))


def five_for_all(class_prob, boxes, labels, targets):
    """You weigh all three parts: the class counts once, the distance 5 times, the IoU twice."""
    return 5 * (l1(boxes, targets) - p_of(class_prob, labels)) - 2 * iou_of(boxes, targets)


def box_signs(class_prob, boxes, labels, targets):
    """Both signs of the boxes are turned round: a distance makes a pair dearer, an overlap cheaper."""
    return summed(p_of(class_prob, labels), -l1(boxes, targets), -iou_of(boxes, targets))


def signs_of_class_and_iou(class_prob, boxes, labels, targets):
    """You add all three: a likely label and a large overlap make a pair cheaper, so take them off."""
    return summed(-p_of(class_prob, labels), l1(boxes, targets), -iou_of(boxes, targets))


def iou_turned(class_prob, boxes, labels, targets):
    """Your IoU has the targets in its rows: queries first, box_iou(corners(boxes), corners(targets))."""
    return summed(p_of(class_prob, labels), l1(boxes, targets), iou_of(targets, boxes))


def half_from_the_centre(class_prob, boxes, labels, targets):
    """Your boxes begin at their centre and end half a size further: the corners are the centre less and plus
    half the size."""
    a, b = (torch.cat([x[:, :2], x[:, :2] + x[:, 2:] / 2], dim=1) for x in (boxes, targets))
    return summed(p_of(class_prob, labels), l1(boxes, targets), box_iou(a, b))


def one_number(class_prob, boxes, labels, targets):
    """You return one number: the cost of every pair is asked for, (n_queries, n_targets)."""
    return match_cost(class_prob, boxes, labels, targets).mean()


def class_times_iou(class_prob, boxes, labels, targets):
    """You multiply the probability with the IoU: the three parts are added."""
    return 5 * l1(boxes, targets) - p_of(class_prob, labels) * iou_of(boxes, targets)


def log_iou(class_prob, boxes, labels, targets):
    """You take the logarithm of the IoU, -inf for boxes apart: take off 2 * IoU itself."""
    return -p_of(class_prob, labels) + 5 * l1(boxes, targets) - 2 * iou_of(boxes, targets).log()


def mean_distance_of_corners(class_prob, boxes, labels, targets):
    """Your distance is the mean over the corners: it is the sum over cx, cy, w, h."""
    distance = l1(corners(boxes), corners(targets)) / 4
    return summed(p_of(class_prob, labels), distance, iou_of(boxes, targets))


def weight_2_on_the_class(class_prob, boxes, labels, targets):
    """Your 2 stands at the class: it belongs to the IoU, the class counts once."""
    return -2 * p_of(class_prob, labels) + 5 * l1(boxes, targets) - iou_of(boxes, targets)


def softmax_over_queries(class_prob, boxes, labels, targets):
    """You make the queries' probabilities sum to 1: class_prob is read as it is, each row is a query's
    own."""
    return match_cost(class_prob.softmax(0), boxes, labels, targets)


def against_no_object(class_prob, boxes, labels, targets):
    """You compare the label with "no object": only the probability of the label counts."""
    p = p_of(class_prob, labels) - class_prob[:, -1:]
    return summed(p, l1(boxes, targets), iou_of(boxes, targets))


# ------------------------------------------------------------------ right elsewhere


def with_generalised_iou(class_prob, boxes, labels, targets):
    """You take the generalised IoU, as DETR does; here it is the plain one, which is 0 for boxes apart."""
    giou = generalised_iou(corners(boxes)[:, None], corners(targets)[None])
    return summed(p_of(class_prob, labels), l1(boxes, targets), giou)


def from_one_minus_p(class_prob, boxes, labels, targets):
    """You take 1 - p for the class: it adds 1 to every cost, so the matching is the same. Here it is -p."""
    return match_cost(class_prob, boxes, labels, targets) + 1


def from_one_minus_iou(class_prob, boxes, labels, targets):
    """You take 2 * (1 - IoU), as the loss does: it adds 2 to every cost, so the matching is the same. Here it
    is -2 * IoU."""
    return match_cost(class_prob, boxes, labels, targets) + 2


def from_one_minus_both(class_prob, boxes, labels, targets):
    """You take 1 - p and 2 * (1 - IoU): both add a constant to every cost, so the matching is the same. Here
    they are -p and -2 * IoU."""
    return match_cost(class_prob, boxes, labels, targets) + 3


def from_one_minus_generalised(class_prob, boxes, labels, targets):
    """You take 2 * (1 - generalised IoU), as the loss of DETR does; here it is -2 * IoU, the plain one."""
    return with_generalised_iou(class_prob, boxes, labels, targets) + 2


# ------------------------------------------------------------------ the exercise


def a_surer_query_costs_less(seen):
    """Where the label's probability goes from 0 to 1, the cost must fall by 1."""
    one, other = (seen[name].outputs["cost"] for name in ("by hand, the same box", "by hand, not the label"))
    return np.allclose(one + 1, other, rtol=1e-4, atol=1e-5)


def queries(rng, n_queries, labels, n_classes=4, spread=0.3):
    """Class probabilities and boxes, some of them near the targets."""
    class_prob = rng.dirichlet(np.ones(n_classes + 1), size=n_queries)
    labels = np.array(labels, dtype=np.int64)
    targets = np.concatenate(
        [rng.uniform(0.2, 0.8, (len(labels), 2)), rng.uniform(0.1, 0.5, (len(labels), 2))], axis=1
    )
    boxes = np.concatenate(
        [rng.uniform(0.2, 0.8, (n_queries, 2)), rng.uniform(0.1, 0.5, (n_queries, 2))], axis=1
    )
    near = min(n_queries, len(labels))
    boxes[:near] = targets[:near] + spread * rng.uniform(-0.1, 0.1, (near, 4))
    return class_prob, boxes, labels, targets


def pair(p, box, label, target):
    """One query, one target."""
    return np.array([p], float), np.array([box], float), np.array([label]), np.array([target], float)


SQUARE = [0.5, 0.5, 0.2, 0.2]

EXERCISE = Exercise(
    id="match_cost",
    contract=(
        "match_cost(class_prob, boxes, labels, targets) -> cost (n_queries, n_targets) = -p[label] + 5 * L1 "
        "- 2 * IoU; class_prob (n_queries, n_classes + 1), the last class is no object; labels (n_targets,); "
        "boxes (n_queries, 4) and targets (n_targets, 4) as cx, cy, w, h; L1 over these four, IoU over the "
        "corners (0 without an area)."
    ),
    minutes=20,
    difficulty=3,
    points=3,
    takes="torch",
    arguments={
        "class_prob": ("n_queries", "n_classes+1"),
        "boxes": ("n_queries", "4"),
        "labels": ("n_targets",),
        "targets": ("n_targets", "4"),
    },
    outputs={"cost": ("n_queries", "n_targets")},
    cases=[
        Case("7 queries, 3 targets", lambda rng: queries(rng, 7, [2, 0, 3]), weight=3),
        Case("2 targets of one class", lambda rng: queries(rng, 5, [1, 1])),
        Case("as many queries as targets", lambda rng: queries(rng, 3, [3, 1, 0])),
        Case("sizes all equal", lambda rng: queries(rng, 4, [0, 2, 1, 2], n_classes=3)),
        Case("by hand, the same box", lambda rng: pair([0, 1, 0], SQUARE, 1, SQUARE)),
        Case("by hand, not the label", lambda rng: pair([1, 0, 0], SQUARE, 1, SQUARE)),
        Case("by hand, half covered", lambda rng: pair([0.5, 0.3, 0.2], [0.6, 0.5, 0.2, 0.2], 0, SQUARE)),
        Case("apart along both axes", lambda rng: pair([0.1, 0.2, 0.7], [0.9, 0.1, 0.2, 0.1], 1, SQUARE)),
        Case("sticks out", lambda rng: pair([0.1, 0.2, 0.7], [0.9, 0.9, 0.4, 0.6], 0, [0.8, 0.8, 0.6, 0.5])),
        Case("no area", lambda rng: pair([0.1, 0.9], [0.5, 0.5, 0, 0.1], 0, [0.5, 0.4, 0, 0.2])),
        Case("large", lambda rng: pair([0.2, 0.8], [0.3, 0.3, 0.6, 0.5], 0, [0.35, 0.3, 0.7, 0.6])),
        Case("more targets than queries", lambda rng: queries(rng, 2, [0, 4, 1, 4, 2], n_classes=6)),
        Case("no target", lambda rng: queries(rng, 13, [])),
    ],
    reference=detection.match_cost,
    solution=match_cost,
    right=[match_cost, with_loops, with_torchs_own, with_one_hot],
    wrong=[
        no_class,
        no_distance,
        no_iou,
        class_sign,
        iou_sign,
        distance_sign,
        all_signs,
        no_weights,
        weights_exchanged,
        distance_without_weight,
        iou_without_weight,
        mean_distance,
        euclidean,
        squared,
        no_absolute_value,
        absolute_value_of_the_sum,
        distance_of_corners,
        distance_of_centres,
        largest_difference,
        iou_without_corners,
        size_not_halved,
        centre_as_corner,
        corners_cut,
        iou_over_the_sum,
        iou_without_clamp,
        empty_boxes_nan,
        one_class_late,
        one_class_early,
        rows_by_label,
        rows_by_label_turned,
        softmax_again,
        log_probability,
        most_likely_class,
        hit_or_not,
        no_object_left_out,
        one_class_for_all,
        transposed,
        pair_by_pair,
        summed_over_targets,
        matched_already,
        divided_by_targets,
        never_negative,
        changes_boxes,
        mean_distance_of_corners,
        weight_2_on_the_class,
        softmax_over_queries,
        against_no_object,
        one_distance_for_all,
        smooth_distance,
        distance_of_sizes,
        bracket_too_wide,
        five_for_all,
        box_signs,
        signs_of_class_and_iou,
        iou_turned,
        half_from_the_centre,
        one_number,
        class_times_iou,
        log_iou,
    ],
    conventions=[
        with_generalised_iou,
        from_one_minus_p,
        from_one_minus_iou,
        from_one_minus_both,
        from_one_minus_generalised,
    ],
    properties=[a_surer_query_costs_less],
    hints=[
        "Which of the three parts makes a good pair cheaper, and which makes a bad one dearer?",
        (
            "`class_prob[:, labels]` is (n_queries, n_targets) already; for the distance "
            "`boxes[:, None] - targets[None]`; `box_iou` reads corners, so turn both sets of boxes first."
        ),
        (
            "`-class_prob[:, labels] + 5 * (boxes[:, None] - targets[None]).abs().sum(-1) - 2 * "
            "box_iou(corners(boxes), corners(targets))`."
        ),
    ],
    allows=["course_lib.transformer.detection.corners", "course_lib.transformer.detection.box_iou"],
    forbids=["torchvision"],
)
