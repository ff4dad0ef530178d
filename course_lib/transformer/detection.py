"""Object detection as a set: boxes, matching, and a detection Transformer (lesson 22).

A box is (centre x, centre y, width, height) as shares of the image, or its corners (x0, y0, x1, y1), x to the
right and y downwards. Source of the idea: Carion et al. 2020, End-to-End Object Detection with Transformers.
"""

from dataclasses import replace
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn

from course_lib.transformer.blocks import BlockConfig, DecoderLayer
from course_lib.transformer.vision import ImageEncoder


def corners(boxes: Float[Tensor, "*n 4"]) -> Float[Tensor, "*n 4"]:
    """Boxes (..., 4) as cx, cy, w, h to x0, y0, x1, y1.

    >>> corners(torch.tensor([0.5, 0.5, 1.0, 0.5]))
    tensor([0.0000, 0.2500, 1.0000, 0.7500])
    """
    centre, size = boxes.split(2, dim=-1)
    return torch.cat([centre - size / 2, centre + size / 2], dim=-1)


def area(boxes: Float[Tensor, "*n 4"]) -> Float[Tensor, "*n"]:
    """Areas (...) of boxes (..., 4) given as corners; 0 where a side is not positive."""
    return (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(dim=-1)


def overlap(a: Float[Tensor, "*#n 4"], b: Float[Tensor, "*#n 4"]) -> tuple[Tensor, Tensor]:
    """Areas of the intersection and of the union of a and b, pair by pair; (..., 4) as corners -> (...)."""
    inner = torch.cat([torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])], dim=-1)
    intersection = area(inner)
    return intersection, area(a) + area(b) - intersection


def box_iou(a: Float[Tensor, "*B n 4"], b: Float[Tensor, "*B m 4"]) -> Float[Tensor, "*B n m"]:
    """Intersection over union of every a with every b; empty boxes give 0.

    a (..., n, 4) and b (..., m, 4) as x0, y0, x1, y1 -> (..., n, m).

    >>> box_iou(torch.tensor([[0.0, 0, 2, 1]]), torch.tensor([[1.0, 0, 3, 1], [5, 5, 6, 6]]))
    tensor([[0.3333, 0.0000]])
    """
    intersection, union = overlap(a.unsqueeze(-2), b.unsqueeze(-3))
    return _share(intersection, union)


def generalised_iou(a: Float[Tensor, "*n 4"], b: Float[Tensor, "*n 4"]) -> Float[Tensor, "*n"]:
    """Intersection over union, less the share of the smallest box around both that neither covers.

    a and b (..., 4) as corners, pair by pair -> (...) from -1 to 1. Boxes far apart still have a slope.
    Source: Rezatofighi et al. 2019, Generalized Intersection over Union, algorithm 1.
    """
    intersection, union = overlap(a, b)
    hull = area(torch.cat([torch.minimum(a[..., :2], b[..., :2]), torch.maximum(a[..., 2:], b[..., 2:])], -1))
    return _share(intersection, union) - _share(hull - union, hull)


def _share(part: Tensor, whole: Tensor) -> Tensor:
    """part / whole, and 0 where the whole is empty, without nan in the gradients."""
    return part / whole.masked_fill(whole == 0, 1)


def match_cost(
    class_prob: Float[Tensor, "*B n_queries n_answers"],
    boxes: Float[Tensor, "*B n_queries 4"],
    labels: Int[Tensor, "*B n_targets"],
    targets: Float[Tensor, "*B n_targets 4"],
) -> Float[Tensor, "*B n_queries n_targets"]:
    """What it costs to make query i answer for object j: -p[label] + 5 * L1 - 2 * IoU.

    class_prob (..., n_queries, n_answers), n_answers = n_classes + 1; labels (..., n_targets); boxes
    (..., n_queries, 4) and targets (..., n_targets, 4) as cx, cy, w, h -> (..., n_queries, n_targets).
    Source: Carion et al. 2020, section 3.1, there with generalised IoU.
    """
    n_queries = class_prob.shape[-2]
    wanted = labels.unsqueeze(-2).expand(*labels.shape[:-1], n_queries, labels.shape[-1])
    distance = (boxes.unsqueeze(-2) - targets.unsqueeze(-3)).abs().sum(dim=-1)
    return -class_prob.gather(-1, wanted) + 5 * distance - 2 * box_iou(corners(boxes), corners(targets))


def match(cost: Float[Tensor, "n_queries n_targets"]) -> tuple[Int[Tensor, "n"], Int[Tensor, "n"]]:
    """The queries and the objects of the cheapest one-to-one pairing, which leaves no object out.

    cost (n_queries, n_targets) -> two lists of n_targets positions. Raises ValueError for more objects than
    queries, or a cost that is not finite. Source: Kuhn 1955 (the Hungarian method).

    >>> match(torch.tensor([[1.0, 5.0], [2.0, 1.0], [0.0, 3.0]]))
    (tensor([1, 2]), tensor([1, 0]))
    """
    n_queries, n_targets = cost.shape
    if n_targets > n_queries:
        raise ValueError(f"cost has more objects than queries to find them: {n_targets} > {n_queries}")
    if not cost.isfinite().all():
        raise ValueError("cost must be finite; got nan or inf")
    queries, objects = linear_sum_assignment(cost.detach().double().cpu().numpy())
    return torch.from_numpy(queries).to(cost.device), torch.from_numpy(objects).to(cost.device)


class Detections(NamedTuple):
    """What each query answers: logits (..., n_classes + 1), the last one "no object", and boxes (..., 4)."""

    logits: Float[Tensor, "*n n_answers"]
    boxes: Float[Tensor, "*n 4"]


def strongest_class(found: Detections) -> tuple[Int[Tensor, "*n"], Float[Tensor, "*n"]]:
    """The likeliest class of each query, "no object" aside, and its probability, (...) each."""
    score, label = found.logits.softmax(dim=-1)[..., :-1].max(dim=-1)
    return label, score


class Objects(NamedTuple):
    """What there is to find: labels (B, m), boxes (B, m, 4) as cx, cy, w, h; `keep` (B, m) where real."""

    labels: Int[Tensor, "B m"]
    boxes: Float[Tensor, "B m 4"]
    keep: Bool[Tensor, "B m"]


def set_loss(found: Detections, objects: Objects, no_object: float = 0.2) -> Float[Tensor, ""]:
    """Class + 5 * L1 + 2 * (1 - generalised IoU), each object against the query that was matched with it.

    Queries without an object should say "no object", which weighs `no_object` in the mean over the queries.
    Raises ValueError for labels out of range, boxes outside [0, 1] or more objects than queries.
    Source: Carion et al. 2020, section 3.1 and appendix A.2.
    """
    n_classes = found.logits.shape[-1] - 1
    check_objects(objects, n_images=len(found.logits), n_classes=n_classes)
    image, query, slot = match_images(found, objects)
    wanted = torch.full_like(found.logits[..., 0], n_classes, dtype=torch.long)
    wanted[image, query] = objects.labels[image, slot]
    weight = found.logits.new_ones(n_classes + 1)
    weight[-1] = no_object
    classes = F.cross_entropy(found.logits.flatten(0, 1), wanted.flatten(), weight)

    boxes, targets = found.boxes[image, query], objects.boxes[image, slot].to(found.boxes.dtype)
    distance = (boxes - targets).abs().sum()
    apart = (1 - generalised_iou(corners(boxes), corners(targets))).sum()
    return classes + (5 * distance + 2 * apart) / max(len(image), 1)


@torch.no_grad()
def match_images(found: Detections, objects: Objects) -> tuple[Tensor, Tensor, Tensor]:
    """For every object of the batch: its image, the query that is matched with it, and its slot."""
    costs = match_cost(found.logits.softmax(-1), found.boxes, objects.labels, objects.boxes).cpu()
    pairs = []
    for i, (cost, keep) in enumerate(zip(costs, objects.keep.cpu(), strict=True)):
        slots = keep.nonzero()[:, 0]
        queries, which = match(cost[:, slots])
        pairs.append(torch.stack([torch.full_like(queries, i), queries, slots[which]]))
    return tuple(torch.cat(pairs, dim=1).to(found.boxes.device))


def check_objects(objects: Objects, n_images: int, n_classes: int) -> None:
    """ValueError unless shapes agree, labels are 0 to n_classes - 1 and boxes lie in [0, 1]."""
    labels, boxes, keep = objects
    shape = (n_images, *labels.shape[1:])
    if keep.dtype != torch.bool or not shape == labels.shape == keep.shape == boxes.shape[:-1]:
        shapes = f"labels {tuple(labels.shape)}, boxes {tuple(boxes.shape)}, keep {tuple(keep.shape)}"
        expected = f"labels (B, m), boxes (B, m, 4), bool keep (B, m) for B {n_images}"
        raise ValueError(f"objects must be {expected}; got {shapes} of {keep.dtype}")
    if labels.numel() and not 0 <= labels.min() <= labels.max() < n_classes:
        raise ValueError(f"labels must be 0 to {n_classes - 1}; got {labels.min()} to {labels.max()}")
    if not ((boxes >= 0) & (boxes <= 1)).all():
        raise ValueError(f"boxes must be cx, cy, w, h in [0, 1]; got {boxes.min():.3g} to {boxes.max():.3g}")


def grid_centres(
    rows: int,
    columns: int,
    dtype: torch.dtype | None = None,
    device: torch.device | str | None = None,
) -> Float[Tensor, "n 2"]:
    """Centres (x, y) of the cells of a grid over the image, row by row, as shares of it.

    >>> grid_centres(1, 2)
    tensor([[0.2500, 0.5000],
            [0.7500, 0.5000]])
    """
    y = (torch.arange(rows, dtype=dtype, device=device) + 0.5) / rows
    x = (torch.arange(columns, dtype=dtype, device=device) + 0.5) / columns
    return torch.stack([x.repeat(rows), y.repeat_interleave(columns)], dim=-1)


class AnswerHead(nn.Module):
    """What a query found: a class, and a box whose centre is its place moved by a learnt offset."""

    def __init__(self, config: BlockConfig, n_classes: int) -> None:
        super().__init__()
        self.norm = config.new_norm()
        self.classes = nn.Linear(config.d_model, n_classes + 1)
        self.hidden, self.box = nn.Linear(config.d_model, config.d_model), nn.Linear(config.d_model, 4)

    def forward(
        self, y: Float[Tensor, "B n d_model"], place: Float[Tensor, "B n 2"]
    ) -> tuple[Detections, Float[Tensor, "B n 2"]]:
        """y (B, n, d_model) at places (B, n, 2), before the sigmoid -> detections, and the moved places."""
        h = self.norm(y)
        offset, size = self.box(F.relu(self.hidden(h))).split(2, dim=-1)
        moved = place + offset
        return Detections(self.classes(h), torch.cat([moved, size], dim=-1).sigmoid()), moved


class DetectionTransformer(nn.Module):
    """Queries ask the tokens of an image, layer by layer, and each answers with a class and a box.

    Each of the grid * grid queries starts at a learnt reference point and looks near it: the scores of its
    cross-attention lose alpha * squared distance. Every layer moves the point to the centre it answers.
    Without `reference_points` the queries are those of DETR, which have to learn where to look.
    Source: Carion et al. 2020, section 3.2; reference points: Zhu et al. 2021 (Deformable DETR), section 4;
    the bias: Gao et al. 2021 (Fast Convergence of DETR), section 3.2.
    """

    def __init__(
        self,
        n_classes: int,
        config: BlockConfig,
        n_encoder_layers: int = 1,
        grid: int = 3,
        reference_points: bool = True,
        channels: int = 1,
    ) -> None:
        super().__init__()
        self.image_encoder = ImageEncoder(replace(config, n_layers=n_encoder_layers), channels)
        self.layers = nn.ModuleList(DecoderLayer(config) for _ in range(config.n_layers))
        self.head = AnswerHead(config, n_classes)
        self.queries = nn.Parameter(torch.randn(grid**2, config.d_model))
        self.places = nn.Parameter(grid_centres(grid, grid).logit()) if reference_points else None
        self.alpha = nn.Parameter(torch.tensor(20.0)) if reference_points else None

    def forward(self, img: Float[Tensor, "B C img_h img_w"], return_weights: bool = False):
        """img (B, C, img_h, img_w) -> the detections of each layer, a list; the last are the answer.

        With `return_weights` also each layer's weights on the image, (B, n_heads, n_queries, n).
        """
        memory = self.image_encoder(img)
        y = self.queries.expand(len(img), -1, -1)
        start = torch.zeros_like(y[0, :, :2]) if self.places is None else self.places
        place = start.expand(len(img), -1, -1)
        answers, seen = [], []
        for layer in self.layers:
            bias = self.nearness(place, img)
            out = layer(y, memory, memory_bias=bias, causal=False, return_weights=return_weights)
            y, *weights = out if return_weights else (out,)
            answer, moved = self.head(y, place)
            place = place if self.places is None else moved.detach()
            answers.append(answer)
            seen += weights[1:]
        return (answers, seen) if return_weights else answers

    def nearness(self, place: Float[Tensor, "B n_queries 2"], img: Tensor) -> Tensor | None:
        """-alpha * squared distance from each place to each token, (B, 1, n_queries, n), if places count."""
        if self.alpha is None:
            return None
        rows, columns = (side // self.image_encoder.stride for side in img.shape[2:])
        centres = grid_centres(rows, columns, place.dtype, place.device)
        squared = (place.sigmoid().unsqueeze(-2) - centres).square().sum(dim=-1)
        return -self.alpha * squared.unsqueeze(1)


def detection_loss(answers: list[Detections], objects: Objects) -> Float[Tensor, ""]:
    """The sum of `set_loss` over the layers, so that every layer learns to answer."""
    return sum(set_loss(answer, objects) for answer in answers)
