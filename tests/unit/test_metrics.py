"""Scores: what perfect, empty and half-right answers get; bad input is named."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import sacrebleu
from beartype import beartype
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import jaxtyped

from course_lib import by_hand, metrics
from course_lib.data.scenes import scenes
from course_lib.metrics import Boxes, average_precision

seeds = st.integers(0, 10_000)
some = settings(deadline=None, max_examples=25)
PHRASES = ["the 3 of May at noon", "in two weeks ' time", "Monday , the first day of the week"]


# -- tokens and sentences


def test_perplexity_of_a_fair_choice_is_the_number_of_choices():
    log_probs = np.full((2, 3, 7), -np.log(7))
    assert metrics.perplexity(metrics.mean_surprise(log_probs, np.zeros((2, 3), int))) == pytest.approx(7)


def test_only_kept_tokens_count():
    log_probs = np.log([[[0.5, 0.5], [0.9, 0.1]]])
    targets, keep = np.array([[0, 1]]), np.array([[True, False]])
    assert metrics.mean_surprise(log_probs, targets, keep) == pytest.approx(np.log(2))
    assert metrics.mean_surprise(log_probs, np.array([[0, -100]]), keep) == pytest.approx(np.log(2))
    predicted = np.array([[0, 0]])
    assert metrics.token_accuracy(predicted, targets) == 0.5
    assert metrics.token_accuracy(predicted, targets, keep) == 1
    assert metrics.exact_match(predicted, targets) == 0
    assert metrics.exact_match(predicted, targets, keep) == 1


def test_exact_match_of_lists():
    assert metrics.exact_match([[1, 2], [3]], [[1, 2], [3, 4]]) == 0.5
    assert metrics.exact_match([np.array([1, 2])], [[1, 2]]) == 1
    assert metrics.exact_match(["a", "b", "c", "d"], ["a", "b", "c", ""]) == 0.75


def test_bleu_and_chrf_are_those_of_sacrebleu():
    predicted = [PHRASES[0], "in two week", "Monday the first day of a week"]
    assert metrics.bleu(predicted, PHRASES) == sacrebleu.corpus_bleu(predicted, [PHRASES]).score
    assert metrics.chrf(predicted, PHRASES) == sacrebleu.corpus_chrf(predicted, [PHRASES]).score
    assert metrics.bleu(PHRASES, PHRASES) == pytest.approx(100)
    assert metrics.bleu(predicted, PHRASES) != metrics.bleu(predicted, PHRASES, tokenize="char")
    assert 0 < metrics.bleu(predicted, PHRASES) < 100
    signature = metrics.bleu(predicted, PHRASES).signature
    assert "tok:13a" in signature and sacrebleu.__version__ in signature
    assert "nc:6" in metrics.chrf(predicted, PHRASES).signature


# -- classes


def test_confusion_rows_are_the_truth():
    table = metrics.confusion_table(np.array([1, 1, 2]), np.array([0, 0, 2]), 3)
    assert table.tolist() == [[0, 2, 0], [0, 0, 0], [0, 0, 1]]


def test_standard_error_is_the_spread_of_many_measurements():
    measured = np.random.default_rng(0).binomial(50, 0.8, 20_000) / 50
    assert metrics.standard_error(0.8, 50) == pytest.approx(measured.std(), rel=0.02)


# -- detection


def truth(n=20, seed=0):
    """The targets of some scenes, and predictions that are all right."""
    drawn = scenes(n, seed)
    targets = Boxes(drawn.boxes, drawn.labels, drawn.keep)
    return targets, replace(targets, scores=np.random.default_rng(seed).random(drawn.keep.shape))


@some
@given(seeds)
def test_perfect_predictions_have_one_and_none_have_zero(seed):
    targets, perfect = truth(5, seed)
    for iou in (0.01, 0.5, 1.0):
        assert average_precision(perfect, targets, iou).mean == pytest.approx(1)
    assert average_precision(perfect, scenes(5, seed)).mean == 1, "the scenes themselves are targets"
    nothing = replace(perfect, keep=np.zeros_like(targets.keep))
    scores = average_precision(nothing, targets)
    assert scores.mean == 0 and set(scores.per_class) == set(targets.labels[targets.keep].tolist())
    empty = Boxes(np.zeros((5, 0, 4)), np.zeros((5, 0), int), np.zeros((5, 0), bool), np.zeros((5, 0)))
    assert average_precision(empty, targets).mean == 0
    assert np.isnan(average_precision(perfect, empty).mean)


def test_a_known_curve():
    """Three targets; right, wrong, right: precision 1 up to 1/3, 2/3 up to 2/3, nothing beyond."""
    box, far = [0.5, 0.5, 0.2, 0.2], [5.0, 5, 1, 1]
    targets = Boxes(
        np.array([[box, [0.1, 0.1, 0.1, 0.1], far]]), np.zeros((1, 3), int), np.ones((1, 3), bool)
    )
    found = replace(targets, boxes=np.array([[box, [9.0, 9, 1, 1], far]]), scores=np.array([[0.9, 0.8, 0.7]]))
    assert average_precision(found, targets).mean == pytest.approx((1 + 2 / 3) / 3)
    late = replace(found, scores=np.array([[0.7, 0.9, 0.8]]))  # wrong, right, right: the envelope is 2/3
    assert average_precision(late, targets).mean == pytest.approx(2 / 3 * 2 / 3)


def test_without_keep_all_boxes_are_there():
    targets, perfect = truth(3)
    everywhere = np.ones_like(targets.keep)
    assert average_precision(replace(perfect, keep=None), replace(targets, keep=None)) == average_precision(
        replace(perfect, keep=everywhere), replace(targets, keep=everywhere)
    )


def test_a_target_can_be_found_once():
    box = np.full((1, 1, 4), 0.5)
    target = Boxes(box, np.zeros((1, 1), int), np.ones((1, 1), bool))
    twice = Boxes(box.repeat(2, 1), np.zeros((1, 2), int), np.ones((1, 2), bool), np.array([[0.9, 0.8]]))
    near = Boxes(box.repeat(2, 1), np.zeros((1, 2), int), np.ones((1, 2), bool))
    assert average_precision(twice, target).mean == 1, "a false alarm after the last target costs nothing"
    assert average_precision(twice, near).mean == 1, "a second target in the same place is free"
    other_image = replace(
        target, boxes=box.repeat(2, 0), labels=np.zeros((2, 1), int), keep=np.ones((2, 1), bool)
    )
    lost = replace(other_image, keep=np.array([[True], [False]]), scores=np.ones((2, 1)))
    assert average_precision(lost, replace(other_image, keep=np.array([[False], [True]]))).mean == 0


def test_label_and_overlap_must_both_be_right():
    targets, perfect = truth()
    wrong_label = replace(perfect, labels=(targets.labels + 1) % 10)
    assert average_precision(wrong_label, targets).mean == 0
    moved = replace(perfect, boxes=targets.boxes + np.array([0, 0.2, 0, 0]) * targets.boxes[..., [3]])
    shift = (1 - 0.2) / (1 + 0.2)  # the IoU of a box and itself, a fifth of its height lower
    assert average_precision(moved, targets, iou=shift - 1e-6).mean == pytest.approx(1)
    assert average_precision(moved, targets, iou=shift + 1e-6).mean == 0


@some
@given(seeds)
def test_better_answers_never_score_less(seed):
    rng = np.random.default_rng(seed)
    targets, found = truth(6, seed)
    found.labels[:] = np.where(rng.random(found.labels.shape) < 0.5, found.labels, rng.integers(10))
    worse = average_precision(found, targets)
    image, slot = rng.integers(6), rng.integers(targets.keep.shape[1])
    right = (found.labels == targets.labels)[image, slot] and targets.keep[image, slot]
    changed = found.scores.copy()
    changed[image, slot] += 2 if right else -2  # surer of a right answer, or less sure of a wrong one
    assert average_precision(replace(found, scores=changed), targets).mean >= worse.mean - 1e-12
    stricter = [average_precision(found, targets, iou).mean for iou in (0.3, 0.6, 0.9)]
    assert stricter == sorted(stricter, reverse=True)
    doubled = replace(found, scores=np.exp(found.scores))
    assert average_precision(doubled, targets) == worse, "only the order of the scores counts"


def test_classes_without_targets_do_not_count():
    targets, perfect = truth()
    keep = targets.keep & (targets.labels < 3)
    scores = average_precision(perfect, replace(targets, keep=keep))
    assert set(scores.per_class) == set(targets.labels[keep].tolist()) and scores.mean == 1


# -- attention maps


@some
@given(seeds, st.integers(1, 5), st.integers(2, 9))
def test_attention_entropy(seed, n_q, n_k):
    rng = np.random.default_rng(seed)
    mask = rng.random((n_q, n_k)) < 0.6
    scores = np.where(mask, rng.standard_normal((2, n_q, n_k)), -np.inf)
    weights = by_hand.softmax(scores)
    nats = metrics.attention_entropy(weights, mask)
    n_keys = mask.sum(axis=1)
    assert np.all(nats >= 0) and np.all(nats <= np.log(np.maximum(n_keys, 1)) + 1e-12)
    relative = metrics.attention_entropy(weights, mask, relative=True)
    np.testing.assert_allclose(relative[:, n_keys > 1] * np.log(n_keys[n_keys > 1]), nats[:, n_keys > 1])
    assert not relative[:, n_keys < 2].any(), "one key or none: nothing to choose"
    even = mask / np.maximum(n_keys, 1)[:, None]
    np.testing.assert_allclose(metrics.attention_entropy(even, mask, relative=True), n_keys > 1)
    assert metrics.attention_entropy(np.eye(n_k)).max() == 0


def test_previous_token_score():
    before = np.eye(5, k=-1)
    before[0, 0] = 1
    even = np.tril(np.ones((5, 5))) / np.arange(1, 6)[:, None]
    scores = metrics.previous_token_score(np.stack([before, np.eye(5), even]))
    np.testing.assert_allclose(scores, [1, 0, np.mean([1 / 2, 1 / 3, 1 / 4, 1 / 5])])
    keep = np.array([True, True, True, False, False])
    np.testing.assert_allclose(metrics.previous_token_score(even, keep), (1 / 2 + 1 / 3) / 2)
    np.testing.assert_allclose(metrics.previous_token_score(even, ~keep), 1 / 5)
    assert metrics.previous_token_score(np.ones((2, 3, 1, 1))).tolist() == [[0] * 3] * 2


def test_rollout_and_prefix_matching_are_those_of_the_lesson():
    assert metrics.attention_rollout is by_hand.inspection.attention_rollout
    assert metrics.prefix_matching_score is by_hand.inspection.prefix_matching_score


# -- bad input


TARGETS, PERFECT = truth(2)


@pytest.mark.parametrize(
    "call, message",
    [
        (
            lambda: metrics.mean_surprise(np.zeros((2, 3, 4)), np.zeros((2, 2), int)),
            r"log_probs must be \(B, n",
        ),
        (
            lambda: metrics.mean_surprise(np.zeros((1, 1, 4)), np.array([[4]])),
            "targets must be from 0 to 3; got 4",
        ),
        (
            lambda: metrics.mean_surprise(np.zeros((1, 1, 4)), np.array([[-1]])),
            "targets must be from 0 to 3; got -1",
        ),
        (lambda: metrics.token_accuracy([1], [1], [False]), "keep leaves no token"),
        (lambda: metrics.token_accuracy([1], [1], [1]), "keep must be boolean"),
        (lambda: metrics.token_accuracy([1, 2], [1, 2], [True]), r"keep must be boolean of shape \(2,\)"),
        (lambda: metrics.token_accuracy([1, 2], [1]), r"one shape .* got \(2,\) and \(1,\)"),
        (lambda: metrics.token_accuracy([], []), "hold something"),
        (lambda: metrics.exact_match([], []), "at least one"),
        (lambda: metrics.exact_match(["a"], ["a", "b"]), "got 1 and 2"),
        (lambda: metrics.exact_match(["a"], ["a"], [True]), "keep is for arrays"),
        (lambda: metrics.bleu("a text", "a text"), "lists of texts"),
        (lambda: metrics.bleu([], []), "references must be as many"),
        (lambda: metrics.chrf(["a"], ["a", "b"]), "references must be as many"),
        (lambda: metrics.confusion_table([3], [0], 3), "predicted must be from 0 to 2; got 3 to 3"),
        (lambda: metrics.confusion_table([0], [-1], 3), "targets must be from 0 to 2; got -1"),
        (lambda: metrics.standard_error(80, 100), "accuracy must be from 0 to 1; got 80"),
        (lambda: metrics.standard_error(0.8, 0), "n_examples must be at least 1; got 0"),
        (lambda: average_precision(TARGETS, TARGETS), "predictions must have scores"),
        (lambda: average_precision(PERFECT, TARGETS, iou=50), "iou must be above 0 and at most 1; got 50"),
        (lambda: average_precision(PERFECT, truth(3)[0]), "as many images; got 2 and 3"),
        (
            lambda: average_precision(replace(PERFECT, scores=np.ones(2)), TARGETS),
            "scores of predictions must be",
        ),
        (
            lambda: average_precision(PERFECT, replace(TARGETS, keep=np.ones((2, 3)))),
            "keep of targets must be bool",
        ),
        (
            lambda: average_precision(PERFECT, replace(TARGETS, boxes=np.ones((2, 4)))),
            "boxes of targets must be",
        ),
        (lambda: metrics.attention_entropy(np.eye(2), np.ones((2, 2))), "mask must be boolean"),
        (lambda: metrics.attention_entropy(np.eye(2), np.ones((3, 3), bool)), "mask must broadcast"),
        (
            lambda: metrics.attention_entropy(np.eye(2), ~np.eye(2, dtype=bool)),
            "weights must be 0 where mask is False",
        ),
        (
            lambda: metrics.previous_token_score(np.ones((2, 3))),
            r"A must have shape \(..., n, n\); got \(2, 3\)",
        ),
        (lambda: metrics.previous_token_score(np.eye(3), np.ones(3)), "keep must be boolean"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_scores_are_light():
    code = (
        "import course_lib.metrics, sys; print({'torch', 'sacrebleu', 'sklearn', 'scipy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_shapes_are_as_written():
    def checked(name):
        return jaxtyped(typechecker=beartype)(getattr(metrics, name))

    checked("mean_surprise")(np.zeros((2, 3, 4)), np.zeros((2, 3), int))
    checked("confusion_table")(np.array([1]), np.array([1]), 2)
    checked("pairwise_iou")(np.ones((2, 3, 4)), np.ones((2, 5, 4)))
    checked("attention_entropy")(np.full((2, 3, 4), 1 / 4), relative=True)
    checked("previous_token_score")(np.ones((2, 3, 3)))
    checked("average_precision")(PERFECT, TARGETS)
    checked("_right")(np.array([0]), np.ones((1, 2)), np.ones((1, 2), bool), 0.5)
