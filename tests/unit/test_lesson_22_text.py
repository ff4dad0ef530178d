"""Lesson 22: what its folded answers and its teaching notes say of the shipped detector."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from course_lib.data.scenes import scenes
from course_lib.metrics import Boxes, average_precision
from course_lib.training import History
from course_lib.transformer.blocks import BlockConfig
from course_lib.transformer.checkpoints import load_checkpoint
from course_lib.transformer.detection import DetectionTransformer, box_iou, corners, strongest_class

FILES = Path(__file__).parents[2] / "course_lib" / "data" / "files"
ABOUT = json.loads((FILES / "22_detection.json").read_text(encoding="utf-8"))
CONFIG = BlockConfig(d_model=64, n_heads=4, d_hidden=128, n_layers=2, bias=False)


@pytest.fixture
def detector():
    model = DetectionTransformer(10, CONFIG).float()
    load_checkpoint(FILES / "22_detection.safetensors", model, ABOUT["sha256_of_the_table"])
    return model.eval()


def test_a_six_on_a_three_is_taken_for_one_four(detector):
    test = scenes(500, seed=22, split="test")
    assert test.labels[[1, 26], 0].tolist() == [3, 6]
    heap = np.maximum(test.images[1], test.images[26])
    with torch.no_grad():
        label, score = strongest_class(detector(torch.from_numpy(heap[None]))[-1])
    assert label[score >= 0.5].tolist() == [4]


def test_left_over_query_sees_the_digit_and_is_silent(detector):
    test = scenes(500, seed=22, split="test")
    with torch.no_grad():
        found = detector(torch.from_numpy(test.images[:1]))[-1]
    overlap = box_iou(corners(found.boxes[0]), corners(torch.from_numpy(test.boxes[0])))
    assert round(found.logits[0, 5].softmax(-1)[10].item(), 2) == 0.97
    assert round(overlap[5, 0].item(), 2) == 0.75


def ap50(model, data):
    with torch.no_grad():
        found = model(torch.from_numpy(data.images))[-1]
    labels, scores = strongest_class(found)
    return average_precision(Boxes(found.boxes, labels, None, scores), data).mean


def test_mirrored_points_cost_a_hundredth_and_a_grey_background_passes_the_make_task(detector):
    test = scenes(500, seed=22, split="test")
    as_shipped = ap50(detector, test)
    grey = replace(test, images=np.maximum(test.images, np.float32(0.05)))
    assert np.abs(grey.images - test.images).mean() < 0.06 and ap50(detector, grey) < 0.7
    with torch.no_grad():
        detector.places.copy_(detector.places.flip(1))
    assert 0.004 < as_shipped - ap50(detector, test) < 0.015


def test_when_the_curves_reach_one_half():
    compared = ABOUT["compared"]
    with_points = [half(compared["reference points"], curve) for curve in (0, 1, 2)]
    assert min(with_points) > 280 and max(with_points) < 341
    assert round(half(compared["plain queries, three times as long"], 0), -2) == 1400


def half(run, curve):
    return float(np.interp(0.5, run["AP50"][curve], run["looked_at"]))


def test_looks_at_which_watched_pictures_are_right():
    history = History.from_arrays({name: np.array(values) for name, values in ABOUT["history"].items()})
    watched = scenes(1000, seed=22, split="test")
    right = np.array([[faultless(history, watched, look, k) for look in range(26)] for k in range(4)])
    assert right.argmax(axis=1).tolist() == [17, 15, 10, 4]
    assert right[:, 25].tolist() == [True, True, False, False]
    assert all(not right[k, first:].all() for k, first in enumerate(right.argmax(axis=1)))


def faultless(history, watched, look, k):
    """As many answers with a score of 0.3 as digits, one on each, with its class."""
    probabilities = history.maps["probabilities"][look, k, :, :10]
    shown = probabilities.max(axis=-1) >= 0.3
    keep = watched.keep[k]
    boxes = torch.from_numpy(history.maps["boxes"][look, k, shown])
    overlap = box_iou(corners(boxes), corners(torch.from_numpy(watched.boxes[k, keep]).double()))
    if len(boxes) != keep.sum() or (overlap.amax(dim=0) < 0.5).any():
        return False
    said = probabilities[shown].argmax(axis=-1)[overlap.argmax(dim=0).numpy()]
    return bool((said == watched.labels[k, keep]).all())
