"""Scores against independent computations: torch, scikit-learn, and slow loops."""

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, precision_recall_curve

from course_lib import metrics
from course_lib.data.scenes import enlarge
from course_lib.metrics import Boxes

sizes = st.integers(1, 6)
seeds = st.integers(0, 10_000)
some = settings(deadline=None, max_examples=25)


@some
@given(seeds, sizes, sizes, sizes)
def test_perplexity_is_that_of_cross_entropy(seed, B, n, n_vocab):
    torch.manual_seed(seed)
    logits, targets = 5 * torch.randn(B, n, n_vocab), torch.randint(n_vocab, (B, n))
    keep = torch.rand(B, n) < 0.7
    keep[0, 0] = True
    loss = F.cross_entropy(logits[keep], targets[keep])
    mine = metrics.mean_surprise(logits.log_softmax(-1), targets, keep)
    assert mine == pytest.approx(loss.item(), abs=1e-9)
    assert metrics.perplexity(mine) == pytest.approx(loss.exp().item(), rel=1e-9)


def test_tensors_of_any_kind_are_taken():
    log_probs = torch.randn(2, 3, 5).log_softmax(-1).requires_grad_()
    targets = torch.tensor([[0, 1, 2], [3, 4, 0]])
    exact = metrics.mean_surprise(log_probs.detach().numpy(), targets.numpy())
    assert metrics.mean_surprise(log_probs, targets) == pytest.approx(exact, abs=1e-12)
    assert metrics.mean_surprise(log_probs.bfloat16(), targets) == pytest.approx(exact, rel=1e-2)
    weights = torch.randn(2, 3, 3).softmax(-1)
    mine = metrics.attention_entropy(weights, torch.ones(3, dtype=torch.bool))
    theirs = torch.distributions.Categorical(weights).entropy()
    np.testing.assert_allclose(mine, theirs, atol=1e-9)
    assert metrics.exact_match(targets, targets) == metrics.token_accuracy(targets, targets) == 1


@some
@given(seeds, st.integers(2, 9))
def test_confusion_is_that_of_scikit_learn(seed, n_classes):
    rng = np.random.default_rng(seed)
    predicted, targets = rng.integers(n_classes, size=(2, 30))
    theirs = confusion_matrix(targets, predicted, labels=range(n_classes))
    np.testing.assert_array_equal(metrics.confusion_table(predicted, targets, n_classes), theirs)


# -- average precision


def draw(seed, images=4, classes=3, targets=4, predictions=7):
    """Targets, and predictions of which many lie near a target, with scores that tie now and then."""
    rng = np.random.default_rng(seed)
    boxes = np.concatenate(
        [rng.random((images, targets, 2)), 0.2 + 0.2 * rng.random((images, targets, 2))], -1
    )
    labels, keep = rng.integers(classes, size=(images, targets)), rng.random((images, targets)) < 0.7
    copied = rng.integers(targets, size=(images, predictions))
    near = np.take_along_axis(boxes, copied[..., None], 1) + 0.04 * rng.standard_normal(
        (images, predictions, 4)
    )
    near[..., 2:] = np.abs(near[..., 2:])
    guess = np.where(
        rng.random(copied.shape) < 0.7,
        np.take_along_axis(labels, copied, 1),
        rng.integers(classes, size=copied.shape),
    )
    scores = rng.integers(1, 9, copied.shape) / 8
    return Boxes(near, guess, rng.random(copied.shape) < 0.9, scores), Boxes(boxes, labels, keep)


def slow_iou(a, b):
    """Overlap of two boxes given as centre and size."""
    sides = []
    for axis in (0, 1):
        low = max(a[axis] - a[axis + 2] / 2, b[axis] - b[axis + 2] / 2)
        high = min(a[axis] + a[axis + 2] / 2, b[axis] + b[axis + 2] / 2)
        sides.append(max(high - low, 0.0))
    shared = sides[0] * sides[1]
    total = a[2] * a[3] + b[2] * b[3] - shared
    return shared / total if total > 0 else 0.0


def slow_hits(predictions, targets, label, iou):
    """(score, right) of each prediction of a class in order, and the number of targets."""
    listed = [
        (-predictions.scores[i, s], i, s)
        for i, s in itertools.product(*map(range, predictions.keep.shape))
        if predictions.keep[i, s] and predictions.labels[i, s] == label
    ]
    wanted = {
        (i, t): targets.boxes[i, t]
        for i, t in itertools.product(*map(range, targets.keep.shape))
        if targets.keep[i, t] and targets.labels[i, t] == label
    }
    n_targets, hits = len(wanted), []
    for score, i, s in sorted(listed):
        overlaps = {key: slow_iou(predictions.boxes[i, s], box) for key, box in wanted.items() if key[0] == i}
        best = max(overlaps, key=overlaps.get, default=None)
        right = best is not None and overlaps[best] >= iou
        if right:
            del wanted[best]
        hits.append((-score, right))
    return hits, n_targets


def slow_average_precision(hits, n_targets):
    """For each recall 1/n, 2/n ... 1, the best precision among all cuts that reach it; their mean."""
    best = []
    for needed in range(1, n_targets + 1):
        precisions = []
        for cut in range(1, len(hits) + 1):
            found = sum(right for _, right in hits[:cut])
            if found >= needed:
                precisions.append(found / cut)
        best.append(max(precisions, default=0.0))
    return sum(best) / n_targets


@some
@given(seeds, st.sampled_from([0.3, 0.5, 0.75]), st.integers(1, 5), st.integers(1, 5))
def test_average_precision_is_that_of_a_slow_loop(seed, iou, images, classes):
    predictions, targets = draw(seed, images, classes)
    mine = metrics.average_precision(predictions, targets, iou)
    expected = {}
    for label in range(classes):
        hits, n_targets = slow_hits(predictions, targets, label, iou)
        if n_targets:
            expected[label] = slow_average_precision(hits, n_targets)
    assert mine.per_class == pytest.approx(expected, abs=1e-12)
    assert mine.mean == pytest.approx(np.mean(list(expected.values())) if expected else np.nan, nan_ok=True)


@some
@given(seeds)
def test_average_precision_is_the_area_under_scikit_learns_curve(seed):
    predictions, targets = draw(seed, classes=1)
    predictions.scores[:] = np.random.default_rng(seed).permutation(predictions.scores.size).reshape(4, 7) + 1
    hits, n_targets = slow_hits(predictions, targets, 0, 0.5)
    if not any(right for _, right in hits):
        return
    scores, right = zip(*hits, strict=True)
    precision, recall, _ = precision_recall_curve(right, scores)
    recall = recall * sum(right) / n_targets  # theirs does not know the targets that nobody found
    envelope = np.maximum.accumulate(precision[:-1])  # recall falls along their curve
    area = float(np.sum(-np.diff(recall) * envelope))
    assert metrics.average_precision(predictions, targets).mean == pytest.approx(area, abs=1e-12)


@some
@given(seeds)
def test_iou_is_that_of_a_slow_loop(seed):
    a, b = np.random.default_rng(seed).random((2, 5, 4))
    a[0, 2] = 0
    expected = [[slow_iou(one, other) for other in b] for one in a]
    np.testing.assert_allclose(metrics.pairwise_iou(a, b), expected, atol=1e-12)
    np.testing.assert_allclose(metrics.pairwise_iou(a, b), metrics.pairwise_iou(b, a).T)


@some
@given(seeds, st.integers(1, 9), st.integers(1, 9), st.integers(1, 20))
def test_enlarge_is_torchs_bilinear(seed, height, width, side):
    images = np.random.default_rng(seed).random((2, height, width))
    theirs = F.interpolate(
        torch.from_numpy(images)[:, None], (side, side), mode="bilinear", align_corners=False
    )
    np.testing.assert_allclose(enlarge(images, side), theirs[:, 0], atol=1e-12)
