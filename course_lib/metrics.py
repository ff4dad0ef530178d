"""Scores: how good an answer is, and what an attention map looks like.

Everything takes NumPy arrays or torch tensors and computes in NumPy; torch itself is not imported.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from course_lib.by_hand.inspection import attention_rollout, prefix_matching_score
from course_lib.by_hand.normalise import entropy

__all__ = [
    "AveragePrecision",
    "Boxes",
    "Score",
    "attention_entropy",
    "attention_rollout",
    "average_precision",
    "bleu",
    "chrf",
    "confusion_table",
    "exact_match",
    "mean_surprise",
    "pairwise_iou",
    "perplexity",
    "prefix_matching_score",
    "previous_token_score",
    "standard_error",
    "token_accuracy",
]


# ------------------------------------------------------------------------------------ tokens and sentences


def mean_surprise(
    log_probs: Float[Any, "B n n_vocab"], targets: Int[Any, "B n"], keep: Bool[Any, "B n"] | None = None
) -> float:
    """Mean of -log p(target) over the real tokens, in nats: cross-entropy without label smoothing.

    `log_probs` are natural logarithms of probabilities, as log_softmax gives them. ValueError for shapes that
    do not fit, a target that is no token, or no token to keep.
    """
    log_probs, targets = _array(log_probs), _array(targets)
    if log_probs.ndim != 3 or log_probs.shape[:2] != targets.shape:
        raise ValueError(
            f"log_probs must be (B, n, n_vocab) for targets {targets.shape}; got {log_probs.shape}"
        )
    keep = _keep(keep, targets.shape)
    kept = targets[keep]
    if kept.min() < 0 or kept.max() >= log_probs.shape[2]:
        raise ValueError(
            f"targets must be from 0 to {log_probs.shape[2] - 1}; got {kept.min()} to {kept.max()}"
        )
    return float(-log_probs[keep][np.arange(len(kept)), kept].mean())


def perplexity(mean_loss: float) -> float:
    """exp of the mean loss per token in nats: as unsure as a fair choice among that many tokens.

    Source: Jurafsky and Martin 2025, Speech and Language Processing, 3rd edition, section 3.3.

    >>> round(perplexity(mean_surprise(np.log(np.full((1, 2, 5), 0.2)), np.array([[3, 1]]))), 6)
    5.0
    """
    return float(np.exp(mean_loss))


def token_accuracy(
    predicted: Int[Any, "..."], targets: Int[Any, "..."], keep: Bool[Any, "..."] | None = None
) -> float:
    """Share of the kept tokens that are right; all three arguments have one shape.

    >>> token_accuracy(np.array([1, 2, 3]), np.array([1, 2, 0]), np.array([True, True, False]))
    1.0
    """
    predicted, targets = _same_shape(predicted, targets)
    return float((predicted == targets)[_keep(keep, targets.shape)].mean())


def exact_match(
    predicted: Sequence | Shaped[Any, "B n"],
    targets: Sequence | Shaped[Any, "B n"],
    keep: Bool[Any, "B n"] | None = None,
) -> float:
    """Share of the answers that are right from the first token to the last.

    Either two lists of texts or of token lists, or two arrays (B, n), of which `keep` says what counts.
    ValueError for lists of different length, none at all, or `keep` beside lists.

    >>> exact_match(["a three", "a one"], ["a three", "a two"])
    0.5
    """
    if hasattr(targets, "shape"):
        predicted, targets = _same_shape(predicted, targets)
        keep = _keep(keep, targets.shape)
        return float(((predicted == targets) | ~keep).all(axis=1).mean())
    if keep is not None:
        raise ValueError("keep is for arrays; lists of answers must come without padding")
    _same_length(predicted, targets, "targets")
    right = [list(answer) == list(target) for answer, target in zip(predicted, targets, strict=True)]
    return float(np.mean(right))


class Score(float):
    """A number that knows how it was measured: print `.signature` beside it, or nobody can compare it."""

    signature: str

    def __new__(cls, value: float, signature: str) -> "Score":
        score = super().__new__(cls, value)
        score.signature = signature
        return score


def bleu(predicted: Sequence[str], references: Sequence[str], tokenize: str = "13a") -> Score:
    """Corpus BLEU in 0 to 100, one reference per text: shared n-grams of 1 to 4 words, short texts punished.

    By sacrebleu (Post 2018); the measure is Papineni et al. 2002. The result's `.signature` names the
    settings. ValueError for lists of different length or none at all.
    """
    from sacrebleu.metrics import BLEU

    return _corpus_score(BLEU(tokenize=tokenize), predicted, references)


def chrf(predicted: Sequence[str], references: Sequence[str]) -> Score:
    """Corpus chrF in 0 to 100, one reference per text: F-score of shared runs of 1 to 6 characters.

    By sacrebleu; the measure is Popović 2015. Kinder than BLEU to a right word in a wrong form.
    ValueError for lists of different length or none at all.
    """
    from sacrebleu.metrics import CHRF

    return _corpus_score(CHRF(), predicted, references)


def _corpus_score(metric: Any, predicted: Sequence[str], references: Sequence[str]) -> Score:
    _same_length(predicted, references, "references")
    score = metric.corpus_score(list(predicted), [list(references)]).score
    return Score(score, metric.get_signature().format())


# ------------------------------------------------------------------------------------------------- classes


def confusion_table(
    predicted: Int[Any, "..."], targets: Int[Any, "..."], n_classes: int
) -> Int[np.ndarray, "n_classes n_classes"]:
    """How often class i (row) was taken for class j (column); ValueError for a label that is no class.

    >>> confusion_table(np.array([0, 1, 1]), np.array([0, 0, 1]), n_classes=2)
    array([[1, 1],
           [0, 1]])
    """
    predicted, targets = _same_shape(predicted, targets)
    for name, labels in (("predicted", predicted), ("targets", targets)):
        if labels.size and (labels.min() < 0 or labels.max() >= n_classes):
            raise ValueError(
                f"{name} must be from 0 to {n_classes - 1}; got {labels.min()} to {labels.max()}"
            )
    table = np.zeros((n_classes, n_classes), int)
    np.add.at(table, (targets.ravel(), predicted.ravel()), 1)
    return table


def standard_error(accuracy: float, n_examples: int) -> float:
    """How far an accuracy measured on n examples strays by chance: sqrt(p (1 - p) / n).

    Two scores nearer than about twice this are not known to differ. Too small near 0 and 1, where it gives 0.
    Source: Wasserman 2004, All of Statistics, section 6.3.

    >>> standard_error(0.8, 400)
    0.02
    """
    if not 0 <= accuracy <= 1:
        raise ValueError(f"accuracy must be from 0 to 1; got {accuracy}")
    if n_examples < 1:
        raise ValueError(f"n_examples must be at least 1; got {n_examples}")
    return float(np.sqrt(accuracy * (1 - accuracy) / n_examples))


# ----------------------------------------------------------------------------------------------- detection


@dataclass(frozen=True)
class Boxes:
    """The boxes of a batch of images: up to m in each, those with keep False are not there.

    Boxes are centre x, centre y, width, height, in any unit; without `keep` all are there; `scores` say how
    sure each prediction is.
    """

    boxes: Float[Any, "B m 4"]
    labels: Int[Any, "B m"]
    keep: Bool[Any, "B m"] | None = None
    scores: Float[Any, "B m"] | None = None


@dataclass(frozen=True)
class AveragePrecision:
    """The mean over the classes that occur among the targets (nan if none does), and each class's own."""

    mean: float
    per_class: dict[int, float]


def average_precision(predictions: Boxes, targets: Any, iou: float = 0.5) -> AveragePrecision:
    """Average precision of detections: the area under precision against recall, per class and in the mean.

    `targets` is a Boxes or another record with boxes, labels and keep, such as the Scenes of course_lib.data.

    Convention. Each class by itself, all images together: its predictions are taken in order of falling score
    (equal scores in order of image and slot). Each claims, of the targets of its class in its image that
    nobody has claimed, the one with the largest IoU; it is right if that is at least `iou`, else a false
    alarm, and the target stays free. Precision at a recall is the best that is reached at that recall or a
    higher one, and all points count (PASCAL VOC since 2010, Everingham et al. 2010; no grid of 11 or 101
    recalls). A class without targets has no average precision and is left out of the mean, whatever was
    predicted for it; a class with targets and no prediction has 0. iou=0.5 is what papers call AP50.

    ValueError for predictions without scores, shapes that do not fit, no image, or `iou` outside (0, 1].
    """
    predictions, targets = _checked_boxes(predictions, targets, iou)
    overlaps = pairwise_iou(predictions.boxes, targets.boxes)
    per_class = {}
    for label in np.unique(targets.labels[targets.keep]):
        wanted = targets.keep & (targets.labels == label)
        images, slots = np.nonzero(predictions.keep & (predictions.labels == label))
        order = np.argsort(-predictions.scores[images, slots], kind="stable")
        right = _right(images[order], overlaps[images[order], slots[order]], wanted, iou)
        per_class[int(label)] = _area(right, int(wanted.sum()))
    mean = float(np.mean(list(per_class.values()))) if per_class else float("nan")
    return AveragePrecision(mean, per_class)


def pairwise_iou(
    a: Float[np.ndarray, "*batch n 4"], b: Float[np.ndarray, "*batch m 4"]
) -> Float[np.ndarray, "*batch n m"]:
    """Intersection over union of each box of a with each of b, as centre x, centre y, width, height.

    Empty boxes (no width or no height) have 0 with everything.

    >>> pairwise_iou(np.array([[1.0, 1, 2, 2]]), np.array([[2.0, 1, 2, 2], [9, 9, 1, 1]]))
    array([[0.33333333, 0.        ]])
    """
    a, b = a[..., :, None, :], b[..., None, :, :]
    low = np.maximum(a[..., :2] - a[..., 2:] / 2, b[..., :2] - b[..., 2:] / 2)
    high = np.minimum(a[..., :2] + a[..., 2:] / 2, b[..., :2] + b[..., 2:] / 2)
    shared = np.maximum(high - low, 0).prod(axis=-1)
    union = a[..., 2:].prod(axis=-1) + b[..., 2:].prod(axis=-1) - shared
    return np.where(shared > 0, shared / np.where(union > 0, union, 1), 0.0)


def _right(
    images: Int[np.ndarray, " k"],
    overlaps: Float[np.ndarray, "k m"],
    wanted: Bool[np.ndarray, "B m"],
    iou: float,
) -> Bool[np.ndarray, " k"]:
    """Whether each of the k predictions of a class, the surest first, gets a wanted target of its image."""
    free = wanted.copy()
    right = np.zeros(len(images), bool)
    for place, (image, overlap) in enumerate(zip(images, overlaps, strict=True)):
        best = np.argmax(np.where(free[image], overlap, -1))
        right[place] = free[image, best] and overlap[best] >= iou
        free[image, best] &= not right[place]
    return right


def _area(right: np.ndarray, n_targets: int) -> float:
    """Area under the precision envelope; each right prediction raises the recall by 1 / n_targets."""
    precision = np.cumsum(right) / np.arange(1, len(right) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(envelope[right].sum() / n_targets)


def _checked_boxes(predictions: Boxes, targets: Any, iou: float) -> tuple[Boxes, Boxes]:
    """Both as NumPy arrays of fitting shapes, boxes in float64."""
    if not 0 < iou <= 1:
        raise ValueError(f"iou must be above 0 and at most 1; got {iou}")
    if predictions.scores is None:
        raise ValueError("predictions must have scores: average precision asks how sure each one is")
    predictions, targets = _checked(predictions, "predictions"), _checked(targets, "targets")
    if len(predictions.boxes) != len(targets.boxes):
        raise ValueError(
            f"predictions and targets must be of as many images; "
            f"got {len(predictions.boxes)} and {len(targets.boxes)}"
        )
    return predictions, targets


def _checked(given: Any, name: str) -> Boxes:
    boxes = _array(given.boxes).astype(float)
    if boxes.ndim != 3 or boxes.shape[2] != 4 or len(boxes) == 0:
        raise ValueError(f"boxes of {name} must be (B, m, 4) with B at least 1; got {boxes.shape}")
    fields = {"labels": given.labels, "keep": given.keep, "scores": getattr(given, "scores", None)}
    arrays = {field: _array(value) for field, value in fields.items() if value is not None}
    for field, array in arrays.items():
        if array.shape != boxes.shape[:2]:
            raise ValueError(f"{field} of {name} must be {boxes.shape[:2]}; got {array.shape}")
    keep = arrays.setdefault("keep", np.ones(boxes.shape[:2], bool))
    if keep.dtype != bool:
        raise ValueError(f"keep of {name} must be boolean; got {keep.dtype}")
    return Boxes(boxes, **arrays)


# ------------------------------------------------------------------------------------------ attention maps


def attention_entropy(
    weights: Float[Any, "*batch n_q n_k"], mask: Bool[Any, "..."] | None = None, relative: bool = False
) -> Float[np.ndarray, "*batch n_q"]:
    """How spread each query's attention is, in nats; 0 where it rests on one key, log n where on n alike.

    `relative` divides by the log of the number of keys that may be attended (`mask`, True: may; it broadcasts
    to the weights): 0 to 1 for sentences of any length. A query with one key, or none, has 0. ValueError for
    a mask that is not boolean or does not broadcast, or weight on a masked key.

    >>> attention_entropy(np.array([[0.5, 0.5, 0.0]]), np.array([True, True, False]), relative=True)
    array([1.])
    """
    weights = _array(weights)
    mask = _mask(mask, weights.shape)
    if np.any(weights[~mask] != 0):
        raise ValueError("weights must be 0 where mask is False; is it another mask, or upside down?")
    nats = entropy(weights)
    if not relative:
        return nats
    n_keys = mask.sum(axis=-1)
    return np.where(n_keys > 1, nats / np.log(np.maximum(n_keys, 2)), 0.0)


def previous_token_score(
    A: Float[Any, "*heads n n"], keep: Bool[Any, " n"] | None = None
) -> Float[Any, "*heads"]:
    """Mean weight from each position to the one before it, per head, in [0, 1]; the first position has none.

    `keep` (n,) leaves out pairs of which either is padding. No pair gives 0. ValueError if A is not square.
    """
    A = _array(A)
    if A.ndim < 2 or A.shape[-1] != A.shape[-2]:
        raise ValueError(f"A must have shape (..., n, n); got {A.shape}")
    keep = _keep(keep, A.shape[-1:], some=False)
    before = np.diagonal(A, offset=-1, axis1=-2, axis2=-1)[..., keep[1:] & keep[:-1]]
    return before.sum(axis=-1) / max(before.shape[-1], 1)


# ------------------------------------------------------------------------------------------------- helpers


def _array(x: Any) -> np.ndarray:
    """A NumPy array of a list, an array or a tensor (of any device, bfloat16 too)."""
    if hasattr(x, "detach"):
        x = x.detach().cpu()
        x = x.double() if x.is_floating_point() else x
    return np.asarray(x)


def _keep(keep: Any, shape: tuple[int, ...], some: bool = True) -> np.ndarray:
    """A mask of this shape, all True if none is given; ValueError if it is another thing or keeps nothing."""
    keep = np.ones(shape, bool) if keep is None else _array(keep)
    if keep.dtype != bool or keep.shape != shape:
        raise ValueError(f"keep must be boolean of shape {shape}; got {keep.dtype} of shape {keep.shape}")
    if some and not keep.any():
        raise ValueError("keep leaves no token to count")
    return keep


def _mask(mask: Any, shape: tuple[int, ...]) -> np.ndarray:
    """A mask that broadcasts to the weights, as large as they are; all True if none is given."""
    mask = np.ones(shape, bool) if mask is None else _array(mask)
    if mask.dtype != bool:
        raise ValueError(f"mask must be boolean, True where attention may go; got {mask.dtype}")
    try:
        return np.broadcast_to(mask, shape)
    except ValueError:
        raise ValueError(f"mask must broadcast to the weights {shape}; got {mask.shape}") from None


def _same_shape(predicted: Any, targets: Any) -> tuple[np.ndarray, np.ndarray]:
    predicted, targets = _array(predicted), _array(targets)
    if predicted.shape != targets.shape or targets.size == 0:
        raise ValueError(
            f"predicted and targets must have one shape and hold something; "
            f"got {predicted.shape} and {targets.shape}"
        )
    return predicted, targets


def _same_length(predicted: Sequence, others: Sequence, name: str) -> None:
    if isinstance(predicted, str) or isinstance(others, str):
        raise ValueError(f"predicted and {name} must be lists of texts; got one text")
    if len(predicted) != len(others) or len(predicted) == 0:
        raise ValueError(
            f"predicted and {name} must be as many, at least one; got {len(predicted)} and {len(others)}"
        )
