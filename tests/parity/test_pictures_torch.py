"""Patches, boxes and costs: by hand and in torch agree to 1e-9."""

import numpy as np
import pytest
import torch

from course_lib import by_hand
from course_lib.transformer import detection, vision

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("P", [1, 2, 4])
def test_patches(P):
    image = RNG.uniform(size=(8, 12))
    torchs = vision.cut_patches(torch.from_numpy(image)[None, None], P)[0]
    np.testing.assert_array_equal(by_hand.cut_patches(image, P), torchs.numpy())


def test_corners_overlap_and_cost():
    boxes, targets = RNG.uniform(0, 1, (7, 4)), RNG.uniform(0, 1, (3, 4))
    boxes[0, 2:] = 0  # an empty box
    prob, labels = RNG.dirichlet(np.ones(5), 7), np.array([0, 3, 1])
    in_torch = [torch.from_numpy(each) for each in (prob, boxes, labels, targets)]
    mine, theirs = by_hand.corners(boxes), detection.corners(in_torch[1])
    np.testing.assert_allclose(mine, theirs.numpy(), atol=1e-12)
    overlap = detection.box_iou(theirs, detection.corners(in_torch[3]))
    np.testing.assert_allclose(by_hand.box_iou(mine, by_hand.corners(targets)), overlap.numpy(), atol=1e-9)
    cost = detection.match_cost(*in_torch)
    np.testing.assert_allclose(by_hand.match_cost(prob, boxes, labels, targets), cost.numpy(), atol=1e-9)
