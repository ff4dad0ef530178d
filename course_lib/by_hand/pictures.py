"""Pictures cut into patches, and boxes in pictures (lessons 21 to 23)."""

import numpy as np
from jaxtyping import Float, Int

from course_lib.by_hand.attention import scaled_dot_product_attention

SHARPNESS = 8.0  # factor of the cosines in `patch_similarity`


def cut_patches(image: Float[np.ndarray, "img_h img_w"], P: int) -> Float[np.ndarray, "N {P}*{P}"]:
    """One grey image (img_h, img_w) as rows of P x P patches, (N, P * P), row by row from the top left.

    Raises ValueError where P does not divide img_h or img_w.
    Source: Dosovitskiy et al. 2021, An Image is Worth 16x16 Words, section 3.1.

    >>> cut_patches(np.arange(8.0).reshape(2, 4), 2)
    array([[0., 1., 4., 5.],
           [2., 3., 6., 7.]])
    """
    img_h, img_w = image.shape
    if P < 1 or img_h % P or img_w % P:
        raise ValueError(f"P must divide the image's height and width; got P {P}, image {img_h} x {img_w}")
    rows = image.reshape(img_h // P, P, img_w // P, P)
    return rows.swapaxes(1, 2).reshape(-1, P * P)


def patch_similarity(image: Float[np.ndarray, "img_h img_w"], P: int) -> Float[np.ndarray, "N N"]:
    """Weights (N, N) of attention without a model: every patch looks for patches with pixels like its own.

    The mean patch is taken off and each patch gets length 1; queries and keys are the patches themselves, so
    the scores are cosines, here times 8. No position enters. ValueError where P does not divide the image.

    >>> patch_similarity(np.array([[1.0, 0.0, 1.0, 0.0]]), 1).round(2)
    array([[0.5, 0. , 0.5, 0. ],
           [0. , 0.5, 0. , 0.5],
           [0.5, 0. , 0.5, 0. ],
           [0. , 0.5, 0. , 0.5]])
    """
    patches = cut_patches(image, P)
    patches = patches - patches.mean(axis=0)
    lengths = np.linalg.norm(patches, axis=1, keepdims=True)
    alike = np.divide(patches, lengths, out=np.zeros_like(patches), where=lengths > 1e-9)
    return scaled_dot_product_attention(alike, alike, alike, scale=SHARPNESS)[1]


def corners(boxes: Float[np.ndarray, "*n 4"]) -> Float[np.ndarray, "*n 4"]:
    """Boxes (..., 4) as centre x, centre y, width, height to x0, y0, x1, y1.

    >>> corners(np.array([0.5, 0.5, 1.0, 0.5]))
    array([0.  , 0.25, 1.  , 0.75])
    """
    centre, size = boxes[..., :2], boxes[..., 2:]
    return np.concatenate([centre - size / 2, centre + size / 2], axis=-1)


def box_iou(a: Float[np.ndarray, "n 4"], b: Float[np.ndarray, "m 4"]) -> Float[np.ndarray, "n m"]:
    """Intersection over union of every a with every b; empty boxes give 0.

    a (n, 4) and b (m, 4) as x0, y0, x1, y1 -> (n, m).

    >>> box_iou(np.array([[0.0, 0, 2, 1]]), np.array([[1.0, 0, 3, 1], [5, 5, 6, 6]])).round(2)
    array([[0.33, 0.  ]])
    """
    a, b = a[:, None], b[None]
    inner = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    intersection = inner.clip(min=0).prod(axis=-1)
    area_a, area_b = ((box[..., 2:] - box[..., :2]).clip(min=0).prod(axis=-1) for box in (a, b))
    union = area_a + area_b - intersection
    return np.divide(intersection, union, out=np.zeros_like(union), where=union > 0)


def match_cost(
    class_prob: Float[np.ndarray, "n_queries n_answers"],
    boxes: Float[np.ndarray, "n_queries 4"],
    labels: Int[np.ndarray, " n_targets"],
    targets: Float[np.ndarray, "n_targets 4"],
) -> Float[np.ndarray, "n_queries n_targets"]:
    """What it costs to make query i answer for object j: -p[label] + 5 * L1 - 2 * IoU.

    class_prob (n_queries, n_answers), the last answer "no object"; labels (n_targets,); boxes (n_queries, 4)
    and targets (n_targets, 4) as centre x, centre y, width, height -> (n_queries, n_targets).
    Source: Carion et al. 2020, section 3.1, there with generalised IoU.

    >>> match_cost(np.array([[0.75, 0.25]]), np.ones((1, 4)), np.array([0]), np.ones((1, 4)))
    array([[-2.75]])
    """
    distance = np.abs(boxes[:, None] - targets[None]).sum(axis=-1)
    return -class_prob[:, labels] + 5 * distance - 2 * box_iou(corners(boxes), corners(targets))


def patch_shares(boxes: Float[np.ndarray, "*n 4"], rows: int, columns: int) -> Float[np.ndarray, "*n N"]:
    """How much of each patch lies in each box: boxes (..., 4) as centre x, centre y, width, height.

    The picture is cut into rows * columns patches, row by row; the result is (..., rows * columns), 0 to 1.
    Weights times these shares give the weight that falls into a box.

    >>> patch_shares(np.array([0.25, 0.5, 0.5, 1.0]), 1, 4)
    array([1., 1., 0., 0.])
    """

    def covered(start, end, n):
        edges = np.arange(n) / n
        shared = np.minimum(end[..., None], edges + 1 / n) - np.maximum(start[..., None], edges)
        return (n * shared).clip(0, 1)

    x0, y0, x1, y1 = np.moveaxis(corners(boxes), -1, 0)
    down, across = covered(y0, y1, rows), covered(x0, x1, columns)
    return (down[..., :, None] * across[..., None, :]).reshape(*boxes.shape[:-1], rows * columns)
