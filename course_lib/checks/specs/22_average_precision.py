"""Exercise `average_precision` (lesson 22): one number for how good detections are."""

import numpy as np

from course_lib import metrics
from course_lib.checks import Case, Exercise

# ------------------------------------------------------------------ a solution, and other right ways


def average_precision(scores, hits, n_targets):
    hits = hits[np.argsort(-scores, kind="stable")]
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return envelope[hits].sum() / n_targets


def with_loops(scores, hits, n_targets):
    order = sorted(range(len(scores)), key=lambda i: -scores[i])
    found, precisions, recalls = 0, [], []
    for rank, i in enumerate(order, start=1):
        found += bool(hits[i])
        precisions.append(found / rank)
        recalls.append(found / n_targets)
    area, before = 0.0, 0.0
    for rank, recall in enumerate(recalls):
        area += (recall - before) * max(precisions[rank:])
        before = recall
    return area


def as_much_code_does(scores, hits, n_targets):
    hits = hits[np.argsort(-scores, kind="stable")]
    true, false = np.cumsum(hits), np.cumsum(~hits)
    recall = np.concatenate([[0.0], true / n_targets, [1.0]])
    precision = np.concatenate([[0.0], true / np.maximum(true + false, 1), [0.0]])
    for i in range(len(precision) - 2, -1, -1):
        precision[i] = max(precision[i], precision[i + 1])
    steps = np.flatnonzero(recall[1:] != recall[:-1])
    return np.sum((recall[steps + 1] - recall[steps]) * precision[steps + 1])


def by_the_library(scores, hits, n_targets):
    """Every detection in an image of its own, where its target lies or none; missed targets in others."""
    found = np.concatenate([np.ones(len(hits), bool), np.zeros(n_targets - hits.sum(), bool)])
    there = np.concatenate([hits, np.ones(n_targets - hits.sum(), bool)])
    boxes, labels = np.tile([0.5, 0.5, 1, 1], (len(found), 1, 1)), np.zeros((len(found), 1), int)
    sure = np.zeros(len(found))
    sure[: len(scores)] = scores
    predictions = metrics.Boxes(boxes, labels, found[:, None], sure[:, None])
    return metrics.average_precision(predictions, metrics.Boxes(boxes, labels, there[:, None])).mean


# ------------------------------------------------------------------ stored wrong answers


def in_order(scores, hits):
    """Hits, the surest detection first."""
    return hits[np.argsort(-scores, kind="stable")]


def precision_of(hits):
    return np.cumsum(hits) / np.arange(1, len(hits) + 1)


def envelope_of(precision):
    return np.maximum.accumulate(precision[::-1])[::-1]


def not_sorted(scores, hits, n_targets):
    """You take the detections as they come: sort them by score first, the surest one first."""
    return envelope_of(precision_of(hits))[hits].sum() / n_targets


def sorted_upwards(scores, hits, n_targets):
    """You begin with the least sure detection: argsort sorts upwards, so take argsort(-scores)."""
    return average_precision(-scores, hits, n_targets)


def ties_turned_round(scores, hits, n_targets):
    """Among equal scores your order is turned round, as argsort()[::-1] does: the earlier one comes first,
    argsort(-scores, kind="stable")."""
    hits = hits[np.argsort(scores, kind="stable")[::-1]]
    return envelope_of(precision_of(hits))[hits].sum() / n_targets


def hits_first_among_ties(scores, hits, n_targets):
    """Among equal scores you put hits first, which flatters: they stay in the order in which they came."""
    order = np.lexsort((~hits, -scores))
    return average_precision(-np.arange(len(hits), dtype=float), hits[order], n_targets)


def ties_together(scores, hits, n_targets):
    """You take equal scores as one step: here each detection is a step of its own, in the order in which they
    came."""
    precision, area = precision_of(in_order(scores, hits)), 0.0
    sure = np.sort(scores)[::-1]
    last = [i for i in range(len(sure)) if i + 1 == len(sure) or sure[i + 1] != sure[i]]
    for k, i in enumerate(last):
        above = sure[i]
        area += hits[scores == above].sum() * max(precision[j] for j in last[k:])
    return area / n_targets


def envelope_from_the_left(scores, hits, n_targets):
    """Your envelope runs from the left: the best precision at this recall or a higher one counts, so
    accumulate from the right end."""
    hits = in_order(scores, hits)
    return np.maximum.accumulate(precision_of(hits))[hits].sum() / n_targets


def envelope_turned_once(scores, hits, n_targets):
    """You turn the precision round for the envelope and do not turn it back: [::-1] before and after."""
    hits = in_order(scores, hits)
    return np.maximum.accumulate(precision_of(hits)[::-1])[hits].sum() / n_targets


def next_precision_alone(scores, hits, n_targets):
    """You compare each precision with the next one alone: the best of all that follow counts."""
    hits = in_order(scores, hits)
    precision = precision_of(hits)
    later = np.append(precision[1:], 0.0)
    return np.maximum(precision, later)[hits].sum() / n_targets


def strictly_later(scores, hits, n_targets):
    """You take the best precision of the later places without the present one: it counts too."""
    hits = in_order(scores, hits)
    later = np.append(envelope_of(precision_of(hits))[1:], 0.0)
    return later[hits].sum() / n_targets


def divided_by_hits(scores, hits, n_targets):
    """You divide by the number of hits: a target that nobody found lowers the recall, so divide by
    n_targets."""
    return average_precision(scores, hits, max(hits.sum(), 1))


def divided_by_detections(scores, hits, n_targets):
    """You divide by the number of detections: each hit raises the recall by 1 / n_targets."""
    return average_precision(scores, hits, max(len(hits), 1))


def not_divided(scores, hits, n_targets):
    """You do not divide by n_targets: a hit raises the recall by 1 / n_targets."""
    return average_precision(scores, hits, 1)


def mean_over_all_places(scores, hits, n_targets):
    """You average the precision over all detections: only a hit raises the recall, so count the precision
    where one is."""
    hits = in_order(scores, hits)
    return envelope_of(precision_of(hits)).mean() if len(hits) else 0.0


def sum_over_all_places(scores, hits, n_targets):
    """You add up the precision at every detection: only a hit raises the recall, so a false alarm adds
    nothing."""
    return envelope_of(precision_of(in_order(scores, hits))).sum() / n_targets


def final_precision(scores, hits, n_targets):
    """You return the precision of all detections, whatever their scores: the area is asked for."""
    return hits.mean() if len(hits) else 0.0


def final_recall(scores, hits, n_targets):
    """You return the recall of all detections: the area under precision against recall is asked for."""
    return hits.sum() / n_targets


def precision_times_recall(scores, hits, n_targets):
    """You multiply the precision at the end with the recall at the end: add up one precision for each hit."""
    return hits.mean() * hits.sum() / n_targets if len(hits) else 0.0


def best_f1(scores, hits, n_targets):
    """You return the best F1, one point of the curve: the area under all of it is asked for."""
    found = np.cumsum(in_order(scores, hits))
    f1 = 2 * found / (np.arange(1, len(found) + 1) + n_targets)
    return f1.max() if len(f1) else 0.0


def precision_from_zero(scores, hits, n_targets):
    """You divide by the rank counted from 0: after the first detection one has been made, so arange(1, k +
    1)."""
    hits = in_order(scores, hits)
    precision = np.cumsum(hits) / np.maximum(np.arange(len(hits)), 1)
    return envelope_of(precision)[hits].sum() / n_targets


def precision_one_late(scores, hits, n_targets):
    """Your precision counts one detection too many: after the first one has been made, arange(1, k + 1)."""
    hits = in_order(scores, hits)
    precision = np.cumsum(hits) / np.arange(2, len(hits) + 2)
    return envelope_of(precision)[hits].sum() / n_targets


def precision_over_targets(scores, hits, n_targets):
    """You divide the hits so far by n_targets, which is the recall: the precision divides by the detections
    so far."""
    hits = in_order(scores, hits)
    recall = np.cumsum(hits) / n_targets
    return envelope_of(recall)[hits].sum() / n_targets


def hits_against_misses(scores, hits, n_targets):
    """You divide hits by false alarms: the precision divides by all detections so far, hits and false
    alarms."""
    hits = in_order(scores, hits)
    ratio = np.cumsum(hits) / np.maximum(np.cumsum(~hits), 1)
    return envelope_of(ratio)[hits].sum() / n_targets


def trapezoids(scores, hits, n_targets):
    """You join the points of the curve with straight lines: the envelope is a staircase, a hit adds its
    precision times 1 / n_targets."""
    hits = in_order(scores, hits)
    precision, recall = precision_of(hits), np.cumsum(hits) / n_targets
    return np.trapezoid(precision, recall) if len(hits) else 0.0


def trapezoids_from_zero(scores, hits, n_targets):
    """You draw straight lines from (0, 1) on: the envelope is a staircase, a hit adds its precision times 1 /
    n_targets."""
    hits = in_order(scores, hits)
    precision, recall = precision_of(hits), np.cumsum(hits) / n_targets
    return np.trapezoid(np.append(1.0, precision), np.append(0.0, recall))


def first_step_lost(scores, hits, n_targets):
    """The first hit adds nothing in yours, as with np.diff or trapezoids alone: the curve begins at recall 0,
    so put a 0 in front."""
    hits = in_order(scores, hits)
    envelope, recall = envelope_of(precision_of(hits)), np.cumsum(hits) / n_targets
    return (np.diff(recall) * envelope[1:]).sum()


def area_under_roc(scores, hits, n_targets):
    """You compute the area under the ROC curve, hits against false alarms: here precision stands against
    recall."""
    right, wrong = scores[hits], scores[~hits]
    if not len(right) or not len(wrong):
        return 0.0
    return (right[:, None] > wrong[None]).mean()


def sure_ones_alone(scores, hits, n_targets):
    """You leave out detections below 0.5: all of them count, the score only sorts them."""
    return average_precision(scores[scores >= 0.5], hits[scores >= 0.5], n_targets)


def weighted_by_scores(scores, hits, n_targets):
    """Your scores count as weights: they only sort the detections, a hit is a hit."""
    order = np.argsort(-scores, kind="stable")
    precision = np.cumsum((scores * hits)[order]) / np.cumsum(scores[order])
    return envelope_of(precision)[hits[order]].sum() / n_targets


def as_many_as_targets(scores, hits, n_targets):
    """You stop after n_targets detections: later hits raise the recall too."""
    hits = in_order(scores, hits)[:n_targets]
    return envelope_of(precision_of(hits))[hits].sum() / n_targets


def stops_at_the_first_miss(scores, hits, n_targets):
    """You stop at the first false alarm: it lowers the precision, and later hits still count."""
    hits = in_order(scores, hits)
    until = np.cumprod(hits).astype(bool)
    return until.sum() / n_targets


def nan_without_detections(scores, hits, n_targets):
    """No detection gives nan in yours: nothing was found, so it is 0."""
    return average_precision(scores, hits, n_targets) if len(hits) else np.nan


def one_without_detections(scores, hits, n_targets):
    """No detection gives 1 in yours: nothing was found, so it is 0."""
    return average_precision(scores, hits, n_targets) if len(hits) else 1.0


def breaks_without_detections(scores, hits, n_targets):
    """No detection breaks your function: nothing was found, so it is 0."""
    hits = in_order(scores, hits)
    precision, area, best = precision_of(hits), 0.0, precision_of(hits)[-1]
    for place in reversed(range(len(hits))):
        best = max(best, precision[place])
        area += best * hits[place]
    return area / n_targets


def in_percent(scores, hits, n_targets):
    """You return percent: a number from 0 to 1 is asked for."""
    return 100 * average_precision(scores, hits, n_targets)


def all_heights(scores, hits, n_targets):
    """You return the parts of the sum: add them up."""
    hits = in_order(scores, hits)
    return envelope_of(precision_of(hits)) * hits / n_targets


def sorts_scores_in_place(scores, hits, n_targets):
    """The caller's scores are changed in place: sort a copy, or take argsort."""
    area = average_precision(scores, hits, n_targets)
    scores[::-1].sort()
    return area


def scores_sorted_alone(scores, hits, n_targets):
    """You sort the scores and leave the hits where they are: sort the hits in the order of the scores,
    hits[np.argsort(-scores)]."""
    order = np.argsort(np.argsort(-scores, kind="stable"), kind="stable")
    hits = hits[order]
    return envelope_of(precision_of(hits))[hits].sum() / n_targets


def mean_precision_of_hits(scores, hits, n_targets):
    """You average the precision at the hits: targets that nobody found count too, so divide by n_targets, and
    take the envelope."""
    hits = in_order(scores, hits)
    return precision_of(hits)[hits].mean()


def precision_by_detections(scores, hits, n_targets):
    """You divide the sum of the precisions by the number of detections: divide by n_targets, and take the
    envelope."""
    hits = in_order(scores, hits)
    return precision_of(hits)[hits].sum() / len(hits)


def best_precision(scores, hits, n_targets):
    """You take one precision, the best: every hit adds the best from that hit on."""
    precision = precision_of(in_order(scores, hits))
    return precision.max(initial=0.0) / n_targets


def with_end_points(scores, hits, n_targets):
    """Recall, precision, 0 and 1 at both ends."""
    hits = in_order(scores, hits)
    recall = np.concatenate([[0.0], np.cumsum(hits) / n_targets, [1.0]])
    return recall, envelope_of(np.concatenate([[1.0], precision_of(hits), [0.0]]))


def trapezoid_to_the_end(scores, hits, n_targets):
    """Your last trapezoid runs down to recall 1, where nobody has found anything: the envelope is a
    staircase, and ends with the last hit."""
    recall, precision = with_end_points(scores, hits, n_targets)
    return np.trapezoid(precision, recall)


def steps_from_the_left(scores, hits, n_targets):
    """A step of the recall gets the precision at its left end, so the last one reaches to recall 1: the
    precision at its right end counts, precision[1:]."""
    recall, precision = with_end_points(scores, hits, n_targets)
    return (np.diff(recall) * precision[:-1]).sum()


def flat_to_the_end(scores, hits, n_targets):
    """You go on with the last precision up to recall 1: what is never found adds nothing."""
    hits = in_order(scores, hits)
    if not len(hits):
        return 0.0
    missing = 1 - hits.sum() / n_targets
    return envelope_of(precision_of(hits))[hits].sum() / n_targets + missing * hits.mean()


def divided_by_missed(scores, hits, n_targets):
    """You divide by the targets that were not found: divide by all of them, n_targets."""
    return average_precision(scores, hits, max(n_targets - hits.sum(), 1))


def precision_at_all_places(scores, hits, n_targets):
    """You add up the precision at every detection: only a hit raises the recall, and it counts with the best
    precision from there on."""
    return precision_of(in_order(scores, hits)).sum() / n_targets


# ------------------------------------------------------------------ right elsewhere


def without_envelope(scores, hits, n_targets):
    """You take the precision at each hit as it is, as search engines and scikit-learn do; here it is the
    envelope, the best precision at that recall or a higher one."""
    hits = in_order(scores, hits)
    return precision_of(hits)[hits].sum() / n_targets


def on_a_grid(scores, hits, n_targets, points):
    hits = in_order(scores, hits)
    precision, recall = precision_of(hits), np.cumsum(hits) / n_targets
    grid = np.linspace(0, 1, points)
    return np.mean([np.max(precision[recall >= at - 1e-12], initial=0.0) for at in grid])


def at_11_recalls(scores, hits, n_targets):
    """You average over 11 recalls, as PASCAL VOC did up to 2009; here every hit is a step of the curve."""
    return on_a_grid(scores, hits, n_targets, 11)


def at_101_recalls(scores, hits, n_targets):
    """You average over 101 recalls, as COCO does; here every hit is a step of the curve."""
    return on_a_grid(scores, hits, n_targets, 101)


# ------------------------------------------------------------------ the exercise


def only_the_order_matters(seen):
    """Other scores in the same order change your result: scores only sort the detections."""
    one, other = (seen[name].outputs["AP"] for name in ("usual", "usual, scores squared"))
    return np.isclose(one, other, rtol=1e-4, atol=1e-5)


SCORES = np.array([0.31, 0.92, 0.55, 0.78, 0.12, 0.66, 0.43, 0.87])
HITS = np.array([True, True, True, False, False, False, True, False])


def detections(scores, hits, n_targets):
    return np.array(scores, dtype=float), np.array(hits, dtype=bool), n_targets


def drawn(rng, k, n_hits):
    return rng.normal(size=k), rng.permutation(k) < n_hits, n_hits + int(rng.integers(1, 9))


EXERCISE = Exercise(
    id="average_precision",
    contract=(
        "average_precision(scores, hits, n_targets) -> AP, one number; scores (k,), hits (k,) bool, True "
        "where a detection found a target of its own, of n_targets >= 1. Detections count by falling score, "
        "equal ones as they came; AP is the sum over the hits of the best precision from that hit on, "
        "divided by n_targets. No detection gives 0."
    ),
    minutes=20,
    difficulty=3,
    points=3,
    takes="numpy",
    arguments={"scores": ("k",), "hits": ("k",), "n_targets": ()},
    outputs={"AP": ()},
    cases=[
        Case("usual", lambda rng: (SCORES, HITS, 5), weight=3),
        Case("usual, scores squared", lambda rng: (SCORES**2, HITS, 5)),
        Case("more found than missed", lambda rng: (SCORES[::-1].copy(), ~HITS, 4)),
        Case("by hand, a miss first", lambda rng: detections([0.9, 0.8], [False, True], 1)),
        Case("by hand, a miss between", lambda rng: detections([0.9, 0.8, 0.7], [True, False, True], 2)),
        Case("by hand, one target not found", lambda rng: detections([0.6, 0.7], [True, True], 3)),
        Case("equal scores", lambda rng: detections([0.5, 0.5, 0.5, 0.9], [False, True, True, False], 2)),
        Case("equal scores, a hit first", lambda rng: detections([0.5, 0.5, 0.2, 0.5], [1, 0, 1, 0], 3)),
        Case(
            "three misses, then hits", lambda rng: detections([6, 5, 4, 3, 2, 1, 0], [0, 0, 0, 1, 1, 1, 0], 3)
        ),
        Case("no detection", lambda rng: detections([], [], 3)),
        Case("no hit", lambda rng: detections([0.9, 0.3], [False, False], 2)),
        Case("everything found", lambda rng: detections([0.2, 0.9, 0.4], [True, True, True], 3)),
        Case("unsure and negative scores", lambda rng: detections([-3, -1, -2, 0.1], [1, 0, 1, 1], 4)),
        Case("40 detections", lambda rng: drawn(rng, 40, 16)),
        Case("23 detections", lambda rng: drawn(rng, 23, 9)),
    ],
    reference=by_the_library,
    solution=average_precision,
    right=[average_precision, with_loops, as_much_code_does, by_the_library],
    wrong=[
        not_sorted,
        sorted_upwards,
        ties_turned_round,
        hits_first_among_ties,
        ties_together,
        envelope_from_the_left,
        envelope_turned_once,
        next_precision_alone,
        strictly_later,
        divided_by_hits,
        divided_by_detections,
        not_divided,
        mean_over_all_places,
        sum_over_all_places,
        final_precision,
        final_recall,
        precision_times_recall,
        best_f1,
        precision_from_zero,
        precision_one_late,
        precision_over_targets,
        hits_against_misses,
        trapezoids,
        trapezoids_from_zero,
        first_step_lost,
        area_under_roc,
        sure_ones_alone,
        weighted_by_scores,
        as_many_as_targets,
        stops_at_the_first_miss,
        nan_without_detections,
        one_without_detections,
        breaks_without_detections,
        in_percent,
        all_heights,
        sorts_scores_in_place,
        scores_sorted_alone,
        divided_by_missed,
        precision_at_all_places,
        mean_precision_of_hits,
        precision_by_detections,
        best_precision,
        with_end_points,
        trapezoid_to_the_end,
        steps_from_the_left,
        flat_to_the_end,
    ],
    conventions=[without_envelope, at_11_recalls, at_101_recalls],
    properties=[only_the_order_matters],
    hints=[
        (
            "After the k surest detections: how many of them are hits, and by how much did the recall grow "
            "with the last one?"
        ),
        (
            '`argsort(-scores, kind="stable")` sorts; `cumsum(hits)` over the rank is the precision; '
            "`np.maximum.accumulate` on the reversed precision gives the best from each place on."
        ),
        "`envelope = np.maximum.accumulate(precision[::-1])[::-1]`, then `envelope[hits].sum() / n_targets`.",
    ],
    forbids=["sklearn.metrics", "torchmetrics"],
)
