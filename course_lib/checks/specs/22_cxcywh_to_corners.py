"""Exercise `cxcywh_to_corners` (lesson 22): from centre and size to the corners of a box."""

import numpy as np
import torch

from course_lib.checks import Case, Exercise
from course_lib.transformer import detection

# ------------------------------------------------------------------ a solution, and other right ways


def cxcywh_to_corners(boxes):
    cx, cy, w, h = boxes.unbind(dim=-1)
    return torch.stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], dim=-1)


def with_halves(boxes):
    centre, half = boxes[..., :2], 0.5 * boxes[..., 2:]
    return torch.cat([centre - half, centre + half], dim=-1)


def with_a_matrix(boxes):
    turn = torch.tensor(
        [[1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 1.0], [-0.5, 0.0, 0.5, 0.0], [0.0, -0.5, 0.0, 0.5]]
    )
    return boxes @ turn.to(boxes.dtype)


def with_a_filled_tensor(boxes):
    corners = torch.empty_like(boxes)
    corners[..., :2] = boxes[..., :2] - boxes[..., 2:] / 2
    corners[..., 2:] = corners[..., :2] + boxes[..., 2:]
    return corners


# ------------------------------------------------------------------ stored wrong answers


def size_not_halved(boxes):
    """Your corners lie a whole width and height from the centre: it is half of each, w / 2 and h / 2."""
    cx, cy, w, h = boxes.unbind(-1)
    return torch.stack([cx - w, cy - h, cx + w, cy + h], dim=-1)


def centre_as_corner(boxes):
    """You begin at the centre: the first corner is the centre less half the size."""
    cx, cy, w, h = boxes.unbind(-1)
    return torch.stack([cx, cy, cx + w, cy + h], dim=-1)


def half_from_the_centre(boxes):
    """Your first corner is the centre: it lies half the size before it, cx - w / 2 and cy - h / 2."""
    cx, cy, w, h = boxes.unbind(-1)
    return torch.stack([cx, cy, cx + w / 2, cy + h / 2], dim=-1)


def ends_at_the_centre(boxes):
    """Your second corner is the centre: half the size is added to the centre, cx + w / 2, not to the new x0
    and y0."""
    cx, cy, w, h = boxes.unbind(-1)
    return torch.stack([cx - w / 2, cy - h / 2, cx, cy], dim=-1)


def corners_exchanged(boxes):
    """The corners are exchanged: first the one with the smaller coordinates, centre less half the size."""
    return cxcywh_to_corners(boxes)[..., [2, 3, 0, 1]]


def x_before_y(boxes):
    """Your order is x0, x1, y0, y1: it is x0, y0, x1, y1."""
    return cxcywh_to_corners(boxes)[..., [0, 2, 1, 3]]


def y_first(boxes):
    """Your y stands before x: the order is x0, y0, x1, y1."""
    return cxcywh_to_corners(boxes)[..., [1, 0, 3, 2]]


def upwards(boxes):
    """Your y runs upwards: in an image it runs downwards, so y0 = cy - h / 2 is the upper edge."""
    return cxcywh_to_corners(boxes)[..., [0, 3, 2, 1]]


def sizes_crossed(boxes):
    """Width and height are exchanged: x goes with w, y with h."""
    return cxcywh_to_corners(boxes[..., [0, 1, 3, 2]])


def read_as_width_first(boxes):
    """You read w, h, cx, cy: the centre comes first, cx, cy, w, h."""
    return cxcywh_to_corners(boxes[..., [2, 3, 0, 1]])


def read_as_x_w_y_h(boxes):
    """You read cx, w, cy, h: the order is cx, cy, w, h."""
    return cxcywh_to_corners(boxes[..., [0, 2, 1, 3]])


def corner_and_size(boxes):
    """You return the first corner and the size: the last two are the second corner, centre plus half the
    size."""
    return torch.cat([cxcywh_to_corners(boxes)[..., :2], boxes[..., 2:]], dim=-1)


def backwards(boxes):
    """You go the other way, from corners to centre and size: here centre and size come in."""
    return torch.cat([(boxes[..., :2] + boxes[..., 2:]) / 2, boxes[..., 2:] - boxes[..., :2]], dim=-1)


def whole_numbers(boxes):
    """You halve with //, which cuts off the fraction: divide with /."""
    half = boxes[..., 2:] // 2
    return torch.cat([boxes[..., :2] - half, boxes[..., :2] + half], dim=-1)


def centre_halved(boxes):
    """You halve the centre as well: mind the brackets, cx - w / 2, not (cx - w) / 2."""
    centre, size = boxes[..., :2], boxes[..., 2:]
    return torch.cat([(centre - size) / 2, (centre + size) / 2], dim=-1)


def cut_at_the_edge(boxes):
    """You cut the corners at 0 and 1: a box may stick out of the image, or count in pixels."""
    return cxcywh_to_corners(boxes).clamp(0, 1)


def not_below_zero(boxes):
    """You cut the corners at 0: a box may stick out of the image at the left and above."""
    return cxcywh_to_corners(boxes).clamp(min=0)


def axis_first(boxes):
    """Your four numbers stand on the first axis: stack along the last one, dim=-1."""
    return cxcywh_to_corners(boxes).movedim(-1, 0)


def second_axis(boxes):
    """You look for the four numbers on axis 1, which works for (n, 4) alone: they stand on the last axis,
    boxes[..., 0]."""
    cx, cy, w, h = boxes[:, 0], boxes[:, 1], boxes[:, 2], boxes[:, 3]
    return torch.stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], dim=1)


def unpacked_along_the_first(boxes):
    """You unpack along the first axis, `cx, cy, w, h = boxes`: that gives boxes, not columns. Take
    boxes.unbind(-1)."""
    cx, cy, w, h = boxes
    return torch.stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], dim=-1)


def two_corners(boxes):
    """You return the corners as pairs, (..., 2, 2): join them to four numbers, (..., 4)."""
    return cxcywh_to_corners(boxes).unflatten(-1, (2, 2))


def all_four_corners(boxes):
    """You return all four corners: two opposite ones are enough, x0, y0, x1, y1."""
    x0, y0, x1, y1 = cxcywh_to_corners(boxes).unbind(-1)
    return torch.stack([x0, y0, x1, y0, x1, y1, x0, y1], dim=-1)


def changes_boxes(boxes):
    """The caller's boxes are changed in place: write to a new tensor, boxes.clone() or torch.stack."""
    boxes[..., :2] -= boxes[..., 2:] / 2
    boxes[..., 2:] += boxes[..., :2]
    return boxes


# ------------------------------------------------------------------ the exercise


def sides_are_kept(seen):
    """Your corners do not lie w and h apart: x1 - x0 must be w, and y1 - y0 must be h."""
    case = seen["5 boxes"]
    corners = case.outputs["corners"]
    return np.allclose(corners[:, 2:] - corners[:, :2], case.inputs["boxes"][:, 2:], atol=1e-5)


def boxes(*rows):
    return np.array(rows, dtype=float)


EXERCISE = Exercise(
    id="cxcywh_to_corners",
    contract=(
        "cxcywh_to_corners(boxes) -> corners (..., 4); boxes (..., 4) as cx, cy, w, h become x0, y0, x1, y1 "
        "with x0 = cx - w/2 and so on, also where they stick out of the image."
    ),
    minutes=6,
    difficulty=1,
    points=1,
    takes="torch",
    arguments={"boxes": ("...", "4")},
    outputs={"corners": ("...", "4")},
    cases=[
        Case("5 boxes", lambda rng: (rng.uniform(0.1, 0.9, (5, 4)),), weight=2),
        Case("2 images of 3 boxes", lambda rng: (rng.uniform(0.1, 0.9, (2, 3, 4)),)),
        Case("a single box", lambda rng: (boxes(0.5, 0.5, 1.0, 0.5),)),
        Case("4 boxes", lambda rng: (rng.uniform(0.1, 0.9, (4, 4)),)),
        Case("sticks out", lambda rng: (boxes([0.1, 0.9, 0.4, 0.6]),)),
        Case("in pixels, odd sides", lambda rng: (boxes([20.0, 12.0, 7.0, 5.0]),)),
        Case("no size", lambda rng: (boxes([0.3, 0.7, 0.0, 0.0]),)),
    ],
    reference=detection.corners,
    solution=cxcywh_to_corners,
    right=[cxcywh_to_corners, with_halves, with_a_matrix, with_a_filled_tensor],
    wrong=[
        size_not_halved,
        centre_as_corner,
        half_from_the_centre,
        ends_at_the_centre,
        corners_exchanged,
        x_before_y,
        y_first,
        upwards,
        sizes_crossed,
        read_as_width_first,
        read_as_x_w_y_h,
        corner_and_size,
        backwards,
        whole_numbers,
        centre_halved,
        cut_at_the_edge,
        not_below_zero,
        axis_first,
        second_axis,
        unpacked_along_the_first,
        two_corners,
        all_four_corners,
        changes_boxes,
    ],
    properties=[sides_are_kept],
    hints=[
        "How far from its centre does a box of width w begin, and how far from it does it end?",
        "`cx, cy, w, h = boxes.unbind(dim=-1)` works for any number of axes before the last one.",
        "`torch.stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], dim=-1)`.",
    ],
    forbids=["torchvision"],
)
