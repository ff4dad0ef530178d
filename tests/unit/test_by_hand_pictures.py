"""Patches and boxes by hand: numbers that can be checked on paper, and what is refused."""

import numpy as np
import pytest

from course_lib.by_hand import box_iou, corners, cut_patches, match_cost, patch_shares, patch_similarity

RNG = np.random.default_rng(0)


def test_patches_are_cut_row_by_row():
    image = np.arange(24.0).reshape(4, 6)
    patches = cut_patches(image, 2)
    assert patches.shape == (6, 4)
    np.testing.assert_array_equal(patches[4], [14, 15, 20, 21])


@pytest.mark.parametrize("P", [0, 3, 5])
def test_a_patch_that_does_not_divide_the_image_is_refused(P):
    with pytest.raises(ValueError, match="P must divide the image's height and width"):
        cut_patches(np.zeros((4, 6)), P)


def test_similar_patches_find_each_other_wherever_they_stand():
    image = np.zeros((4, 8))
    image[:2, :2] = image[2:, 6:] = [[1, 0], [0, 1]]
    weights = patch_similarity(image, 2)
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    np.testing.assert_allclose(weights[0, [0, 7]], weights[0].max())
    assert weights[0, 7] > 0.49


def test_an_image_of_one_grey_prefers_nothing():
    np.testing.assert_allclose(patch_similarity(np.full((4, 4), 0.3), 2), 1 / 4)


def test_overlap_of_boxes_on_paper():
    a = corners(np.array([[0.5, 0.5, 1, 1], [0.25, 0.5, 0.5, 1], [0.5, 0.5, 0, 0]]))
    b = corners(np.array([[0.75, 0.5, 0.5, 1]]))
    np.testing.assert_allclose(box_iou(a, b)[:, 0], [0.5, 0, 0])


def test_the_cost_of_a_pairing_on_paper():
    """-0.5 for the class, 5 * 0.5 for the distance, -2 * 0.5 for the overlap."""
    prob, box, target = (
        np.array([[0.2, 0.5, 0.3]]),
        np.array([[0.5, 0.5, 1, 1]]),
        np.array([[0.5, 0.5, 0.5, 1]]),
    )
    np.testing.assert_allclose(match_cost(prob, box, np.array([1]), target), [[-0.5 + 2.5 - 1.0]])


def test_shares_of_patches_add_up_to_the_boxs_area():
    boxes = np.concatenate([RNG.uniform(0.3, 0.7, (20, 2)), RNG.uniform(0, 0.6, (20, 2))], axis=1)
    shares = patch_shares(boxes, 4, 5)
    assert shares.shape == (20, 20)
    np.testing.assert_allclose(shares.sum(axis=1) / 20, boxes[:, 2] * boxes[:, 3])
    whole = patch_shares(np.array([0.5, 0.5, 1, 1]), 3, 3)
    np.testing.assert_array_equal(whole, np.ones(9))
