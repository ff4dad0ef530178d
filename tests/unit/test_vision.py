"""Images, detection and captions: properties, and answers to bad input."""

import copy
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.transformer.blocks import BlockConfig, zero_outputs
from course_lib.transformer.captioning import CaptionTransformer
from course_lib.transformer.detection import (
    Detections,
    DetectionTransformer,
    Objects,
    box_iou,
    corners,
    detection_loss,
    generalised_iou,
    match,
    set_loss,
    strongest_class,
)
from course_lib.transformer.vision import (
    ImageEncoder,
    PatchEmbedding,
    VisionTransformer,
    cut_patches,
    patch_embedding,
    sine_positions_2d,
)

CONFIG = BlockConfig(d_model=16, n_heads=2, d_hidden=32, n_layers=2, bias=False)
DTYPES = [torch.float64, torch.bfloat16]


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def captioner():
    return CaptionTransformer(ImageEncoder(replace(CONFIG, n_layers=1)), 7, CONFIG, max_n=5).eval()


def detector(**changes):
    return DetectionTransformer(3, CONFIG, grid=2, **changes).eval()


def answers(B=2, n_queries=4, n_classes=3):
    return Detections(torch.randn(B, n_queries, n_classes + 1), torch.rand(B, n_queries, 4))


def objects(labels, boxes=None, keep=None):
    labels = torch.tensor(labels)
    boxes = torch.full((*labels.shape, 4), 0.5) if boxes is None else torch.tensor(boxes)
    return Objects(labels, boxes, torch.ones_like(labels, dtype=torch.bool) if keep is None else keep)


# What holds


def test_patches_put_back_are_the_image():
    img = torch.rand(2, 3, 6, 4)
    patches = cut_patches(img, 2).view(2, 3, 2, 3, 2, 2)  # (B, rows, columns, C, P, P)
    back = patches.permute(0, 3, 1, 4, 2, 5).reshape(2, 3, 6, 4)
    assert torch.equal(back, img)


def shuffled_patches(img, P, order):
    patches = cut_patches(img, P)[:, order]
    B, C, img_h, img_w = img.shape
    grid = patches.view(B, img_h // P, img_w // P, C, P, P)
    return grid.permute(0, 3, 1, 4, 2, 5).reshape(img.shape)


@pytest.mark.parametrize("class_token", [True, False])
def test_without_positions_an_image_is_a_bag_of_patches(class_token):
    img = torch.rand(2, 1, 8, 8, dtype=torch.float64)
    moved = shuffled_patches(img, 2, torch.randperm(16))
    bag = VisionTransformer((1, 8, 8), 2, 10, CONFIG, False, class_token).double()
    placed = VisionTransformer((1, 8, 8), 2, 10, CONFIG, True, class_token).double()
    torch.testing.assert_close(bag(img), bag(moved), atol=1e-10, rtol=0)
    assert (placed(img) - placed(moved)).abs().max() > 1e-3


def test_class_token_and_positions_are_optional():
    img, W, b = torch.rand(1, 1, 4, 4), torch.rand(4, 5), torch.rand(5)
    assert patch_embedding(img, 2, W, b).shape == (1, 4, 5)
    assert VisionTransformer((1, 8, 8), 2, 10, CONFIG).embed(torch.rand(1, 1, 8, 8)).shape == (1, 17, 16)
    assert "embed.class_token" not in dict(
        VisionTransformer((1, 8, 8), 2, 10, CONFIG, class_token=False).named_parameters()
    )


box = st.tuples(*[st.floats(0.05, 1)] * 4).map(lambda b: torch.tensor(b, dtype=torch.float64))


@settings(deadline=None, max_examples=25)
@given(box, box, st.floats(0.1, 10), st.floats(-3, 3))
def test_overlap_is_symmetric_and_knows_no_scale(a, b, scale, shift):
    a, b = corners(a)[None], corners(b)[None]
    iou, giou = box_iou(a, b), generalised_iou(a, b)
    torch.testing.assert_close(iou, box_iou(b, a))
    torch.testing.assert_close(giou, generalised_iou(b, a))
    torch.testing.assert_close(box_iou(a * scale + shift, b * scale + shift), iou, atol=1e-9, rtol=0)
    assert -1 <= giou <= iou[0] + 1e-12 <= 1 + 2e-12
    torch.testing.assert_close(box_iou(a, a), torch.ones(1, 1, dtype=torch.float64))


def test_empty_boxes_overlap_nothing_and_have_finite_gradients():
    empty = torch.tensor([[1.0, 1, 1, 1], [3, 3, 1, 1], [2, 0, 2, 5]], requires_grad=True)
    whole = torch.tensor([[0.0, 0, 4, 4]])
    assert box_iou(empty, whole).tolist() == [[0], [0], [0]]
    assert box_iou(empty, empty).eq(0).all()
    assert generalised_iou(empty[:1], empty[:1]).item() == 0
    (box_iou(empty, empty).sum() + generalised_iou(empty, whole).sum()).backward()
    assert empty.grad.isfinite().all()


def test_generalised_iou_tells_near_from_far():
    a = torch.tensor([0.0, 0, 1, 1])
    near, far = torch.tensor([2.0, 0, 3, 1]), torch.tensor([9.0, 0, 10, 1])
    assert generalised_iou(a, far) < generalised_iou(a, near) < 0


def test_loss_is_small_for_the_right_answer_in_any_order():
    targets = torch.tensor([[[0.3, 0.3, 0.2, 0.2], [0.7, 0.7, 0.2, 0.4]]])
    wanted = Objects(torch.tensor([[2, 0]]), targets, torch.tensor([[True, True]]))
    boxes = torch.cat([targets.flip(1), torch.full((1, 2, 4), 0.5)], dim=1)
    logits = torch.full((1, 4, 4), -20.0)
    logits[0, range(4), [0, 2, 3, 3]] = 20
    assert set_loss(Detections(logits, boxes), wanted) < 1e-6
    wrong = Detections(logits.flip(1), boxes)
    assert set_loss(wrong, wanted) > 1
    order = torch.tensor([3, 1, 0, 2])
    torch.testing.assert_close(
        set_loss(Detections(logits.flip(1)[:, order], boxes[:, order]), wanted), set_loss(wrong, wanted)
    )


def test_padded_slots_change_nothing():
    found = answers(B=1)
    two = objects([[1, 2]], [[[0.2, 0.2, 0.1, 0.1], [0.6, 0.6, 0.3, 0.3]]])
    keep = torch.tensor([[True, False, True, False]])
    padded = Objects(
        torch.tensor([[1, 0, 2, 0]]),
        two.boxes[:, [0, 0, 1, 1]] * torch.tensor([[[1.0], [0], [1], [0]]]),
        keep,
    )
    torch.testing.assert_close(set_loss(found, two), set_loss(found, padded))


@pytest.mark.parametrize("slots", [0, 2])
def test_images_without_an_object(slots):
    found = Detections(torch.randn(2, 4, 4, requires_grad=True), torch.rand(2, 4, 4, requires_grad=True))
    nothing = Objects(
        torch.zeros(2, slots, dtype=torch.long),
        torch.zeros(2, slots, 4),
        torch.zeros(2, slots, dtype=torch.bool),
    )
    loss = set_loss(found, nothing)
    torch.testing.assert_close(loss, -found.logits.log_softmax(-1)[..., -1].mean())
    loss.backward()
    assert found.logits.grad.isfinite().all() and found.boxes.grad.eq(0).all()


def test_each_image_is_judged_by_itself():
    found, wanted = answers(B=2), objects([[0, 1], [2, 2]], torch.rand(2, 2, 4).tolist())
    both = detector()(torch.rand(2, 1, 8, 8))
    order = torch.tensor([1, 0])
    turned = [Detections(a.logits[order], a.boxes[order]) for a in both]
    swapped = Objects(*(part[order] for part in wanted))
    torch.testing.assert_close(detection_loss(both, wanted), detection_loss(turned, swapped))
    assert set_loss(found, wanted) != set_loss(found, swapped)


def test_every_layer_has_to_answer():
    first, last, wanted = answers(), answers(), objects([[0, 1], [2, 2]])
    expected = set_loss(first, wanted) + set_loss(last, wanted)
    torch.testing.assert_close(detection_loss([first, last], wanted), expected)


def test_strongest_class_is_never_no_object():
    logits = torch.tensor([[[0.0, 1, 9], [2, 0, -9]]])
    label, score = strongest_class(Detections(logits, torch.rand(1, 2, 4)))
    assert label.tolist() == [[1, 0]]
    torch.testing.assert_close(score, logits.softmax(-1)[..., [1, 0]].diagonal(dim1=1, dim2=2))


def test_reference_points_hold_the_look():
    """With a strong bias each query sees only the quarter around its own point, at the first layer."""
    model = detector()
    with torch.no_grad():
        model.alpha.fill_(1000)
    img = torch.rand(1, 1, 32, 32)
    _, seen = model(img, return_weights=True)
    weights = seen[0][0].mean(dim=0).view(2, 2, 8, 8)  # (row and column of the query, rows, columns)
    for row in range(2):
        for column in range(2):
            quarter = weights[row, column][4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
            assert quarter.sum() > 0.99


@pytest.mark.parametrize("reference_points", [True, False])
def test_every_parameter_of_the_detector_learns(reference_points):
    model = detector(reference_points=reference_points)
    detection_loss(model(torch.rand(2, 1, 16, 16)), objects([[0, 1], [2, 2]])).backward()
    still = [name for name, p in model.named_parameters() if p.grad is None or p.grad.abs().max() == 0]
    assert still == []


def test_detector_of_the_lesson_has_the_stated_size():
    config = BlockConfig(d_model=64, n_heads=4, d_hidden=128, n_layers=2, bias=False)
    model = DetectionTransformer(10, config)
    found = model(torch.rand(1, 1, 32, 32))
    assert len(found) == 2 and found[-1].logits.shape == (1, 9, 11) and found[-1].boxes.shape == (1, 9, 4)
    assert 190_000 < sum(p.numel() for p in model.parameters()) < 200_000


def test_captions_do_not_see_the_words_to_come():
    model, img = captioner().double(), torch.rand(1, 1, 8, 8, dtype=torch.float64)
    first, second = torch.tensor([[1, 2, 3, 4]]), torch.tensor([[1, 2, 6, 0]])
    assert torch.equal(model(img, first)[:, :2], model(img, second)[:, :2])
    assert not torch.equal(model(img, first)[:, 2], model(img, second)[:, 2])
    assert not torch.allclose(model(img, first), model(1 - img, first))


def test_weights_say_where_each_word_looked():
    model, img = captioner(), torch.rand(2, 1, 8, 12)
    keep = torch.tensor([[True] * 6, [True, False, True, False, True, False]])
    logits, seen = model.decode(torch.tensor([[1, 2], [3, 4]]), model.encode(img, keep), keep, None, True)
    assert logits.shape == (2, 2, 7) and len(seen) == 2
    for weights in seen:
        assert weights.shape == (2, 2, 2, 6)
        torch.testing.assert_close(weights.sum(dim=-1), torch.ones(2, 2, 2))
        assert weights[1, :, :, 1::2].eq(0).all()


def test_closed_tokens_are_seen_by_no_other():
    keep = torch.tensor([[True, True, False, True]])
    _, seen = ImageEncoder(CONFIG)(torch.rand(1, 1, 8, 8), keep, return_weights=True)
    assert all(weights[..., 2].eq(0).all() and weights[..., 3].gt(0).all() for weights in seen)


def test_captioner_starts_from_the_eyes_of_a_detector():
    found = DetectionTransformer(3, CONFIG)
    model = CaptionTransformer(copy.deepcopy(found.image_encoder), 7, CONFIG, max_n=5)
    img, keep = torch.rand(1, 1, 8, 12), torch.tensor([[True, True, False, True, True, False]])
    where = sine_positions_2d(2, 3, 16)
    torch.testing.assert_close(model.encode(img), found.image_encoder(img) + where)
    torch.testing.assert_close(model.encode(img, keep), found.image_encoder(img, keep) + where)
    assert not torch.allclose(model.encode(img, keep), model.encode(img))


@pytest.mark.parametrize(
    "build",
    [lambda: VisionTransformer((1, 8, 8), 2, 10, CONFIG), detector, captioner],
    ids=["vit", "detr", "say"],
)
def test_saved_models_load(build):
    first, second = build().eval(), build().eval()
    zero_outputs(first)
    second.load_state_dict(first.state_dict())
    arguments = (torch.rand(1, 1, 8, 8),)
    if isinstance(first, CaptionTransformer):
        arguments += (torch.tensor([[1, 2]]),)
    for a, b in zip(first(*arguments), second(*arguments), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("B", [1, 3])
def test_types_and_small_batches(dtype, B):
    img = torch.rand(B, 1, 8, 8).to(dtype)
    assert VisionTransformer((1, 8, 8), 8, 10, CONFIG).to(dtype)(img).dtype == dtype
    found = detector().to(dtype)(img)
    assert found[-1].logits.dtype == found[-1].boxes.dtype == dtype
    loss = detection_loss(found, objects([[0, 1]] * B))
    loss.backward()
    assert loss.dtype == dtype and loss.isfinite()
    words = torch.tensor([[1]] * B)
    nothing = torch.zeros(B, 4, dtype=torch.bool)
    model = captioner().to(dtype)
    assert model(img, words).dtype == dtype
    assert model.decode(words, model.encode(img, nothing), nothing).isfinite().all()


# What is refused


@pytest.mark.parametrize("P", [3, 0, -2])
def test_patches_must_divide_the_image(P):
    with pytest.raises(ValueError, match=rf"P must divide .* P {P}, image 8 x 8"):
        patch_embedding(torch.rand(1, 1, 8, 8), P, torch.rand(9, 4), torch.rand(4), None, None)
    with pytest.raises(ValueError, match="P must divide"):
        PatchEmbedding((1, 8, 8), P, 4)


@pytest.mark.parametrize("shape", [(1, 8, 8), (0, 1, 8, 8), (1, 2, 8, 8), (1, 1, 8, 6)])
def test_images_of_another_size(shape):
    with pytest.raises(ValueError, match=r"img must be \(B, 1, 8, 8\) with B at least 1; got"):
        VisionTransformer((1, 8, 8), 2, 10, CONFIG)(torch.rand(shape))


@pytest.mark.parametrize("shape", [(8, 8), (0, 1, 8, 8), (1, 3, 8, 8)])
@pytest.mark.parametrize("build", [detector, captioner])
def test_images_of_another_kind(build, shape):
    model = build()
    look = model.encode if isinstance(model, CaptionTransformer) else model
    with pytest.raises(ValueError, match=r"img must be \(B, 1, any, any\)"):
        look(torch.rand(shape))
    with pytest.raises(ValueError, match=r"P must divide .* P 4, image 8 x 10"):
        look(torch.rand(1, 1, 8, 10))


def test_positions_need_four_features():
    with pytest.raises(ValueError, match=r"d must be a multiple of 4.*got d 6"):
        sine_positions_2d(2, 2, 6)


@pytest.mark.parametrize("label", [-1, 3])
def test_labels_out_of_range(label):
    with pytest.raises(ValueError, match="labels must be 0 to 2; got"):
        set_loss(answers(), objects([[0, label], [1, 1]]))


@pytest.mark.parametrize("box", [[0.5, 0.5, -0.1, 0.2], [1.2, 0.5, 0.1, 0.1], [float("nan"), 0.5, 0.1, 0.1]])
def test_boxes_out_of_range(box):
    with pytest.raises(ValueError, match=r"boxes must be cx, cy, w, h in \[0, 1\]"):
        set_loss(answers(B=1), objects([[0]], [[box]]))


def test_more_objects_than_queries():
    with pytest.raises(ValueError, match=r"more objects than queries.*5 > 4"):
        set_loss(answers(B=1), objects([[0] * 5]))
    with pytest.raises(ValueError, match=r"more objects than queries.*3 > 2"):
        match(torch.rand(2, 3))


def test_costs_must_be_finite():
    with pytest.raises(ValueError, match="cost must be finite"):
        match(torch.tensor([[0.0], [float("nan")]]))


def test_objects_of_other_shapes():
    good = objects([[0, 1]])
    for bad in (good._replace(keep=good.keep.long()), good._replace(labels=good.labels[:, :1])):
        with pytest.raises(ValueError, match="objects must be labels"):
            set_loss(answers(B=1), bad)
    with pytest.raises(ValueError, match=r"for B 2; got labels \(1, 2\)"):
        set_loss(answers(B=2), good)


def test_captions_too_long_or_of_unknown_words():
    model, img = captioner(), torch.rand(1, 1, 8, 8)
    with pytest.raises(ValueError, match="6 tokens"):
        model(img, torch.zeros(1, 6, dtype=torch.long))
    with pytest.raises(ValueError, match="from 0 to 6; got 7"):
        model(img, torch.tensor([[1, 7]]))
