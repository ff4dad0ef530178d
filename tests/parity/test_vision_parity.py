"""Patches, boxes, matching and the vision models agree with torch's modules and slow, plain code."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from course_lib.transformer.blocks import BlockConfig
from course_lib.transformer.captioning import CaptionTransformer
from course_lib.transformer.detection import (
    Detections,
    DetectionTransformer,
    Objects,
    box_iou,
    corners,
    generalised_iou,
    match,
    match_cost,
    set_loss,
)
from course_lib.transformer.vision import (
    ImageEncoder,
    PatchEmbedding,
    VisionTransformer,
    patch_embedding,
    sine_positions_2d,
)

CONFIG = BlockConfig(d_model=16, n_heads=2, d_hidden=24, n_layers=2, bias=False)
TOLERANCE = {"atol": 1e-9, "rtol": 0}


def tensors(*shapes, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]


def random_model(build, seed=0):
    torch.manual_seed(seed)
    return build().eval()


@pytest.mark.parametrize(
    ("C", "img_h", "img_w", "P"), [(1, 8, 8, 2), (3, 6, 9, 3), (2, 4, 4, 4), (2, 3, 2, 1)]
)
def test_patches_are_a_convolution_with_stride(C, img_h, img_w, P):
    embed = random_model(lambda: PatchEmbedding((C, img_h, img_w), P, 5, positions=False, class_token=False))
    conv = nn.Conv2d(C, 5, kernel_size=P, stride=P).double()
    with torch.no_grad():
        conv.weight.copy_(embed.projection.weight.view(5, C, P, P))
        conv.bias.copy_(embed.projection.bias)
    ours, theirs = (tensors((2, C, img_h, img_w))[0].requires_grad_() for _ in range(2))
    tokens, expected = embed(ours), conv(theirs).flatten(2).mT
    torch.testing.assert_close(tokens, expected, **TOLERANCE)

    (upstream,) = tensors(expected.shape, seed=1)
    tokens.backward(upstream)
    expected.backward(upstream)
    torch.testing.assert_close(ours.grad, theirs.grad, **TOLERANCE)
    torch.testing.assert_close(embed.projection.weight.grad, conv.weight.grad.flatten(1), **TOLERANCE)


def test_patch_embedding_pixel_by_pixel():
    img, W, b, cls, pos = tensors((2, 3, 4, 6), (12, 5), (5,), (5,), (7, 5))
    found = patch_embedding(img, 2, W, b, cls, pos)
    assert found.shape == (2, 7, 5)
    torch.testing.assert_close(found[:, 0], (cls + pos[0]).expand(2, 5), **TOLERANCE)
    for B, row, column in itertools.product(range(2), range(2), range(3)):
        token = b + pos[1 + 3 * row + column]
        for feature, (c, y, x) in enumerate(itertools.product(range(3), range(2), range(2))):
            token = token + img[B, c, 2 * row + y, 2 * column + x] * W[feature]
        torch.testing.assert_close(found[B, 1 + 3 * row + column], token, **TOLERANCE)


def torch_encoder(encoder, config):
    """torch's own encoder with the weights of ours."""
    layer = nn.TransformerEncoderLayer(
        config.d_model, config.n_heads, config.d_hidden, 0.0, batch_first=True, norm_first=True
    )
    theirs = (
        nn.TransformerEncoder(layer, config.n_layers, nn.LayerNorm(config.d_model), False).double().eval()
    )
    with torch.no_grad():
        copy_norm(encoder.norm, theirs.norm)
        for mine, other in zip(encoder.layers, theirs.layers, strict=True):
            copy_attention(mine.self_attn, other.self_attn)
            copy_rest(mine, other, ("norm1", "norm2"))
    return theirs


def copy_attention(mine, other):
    other.in_proj_weight.copy_(torch.cat([mine.W_q.weight, mine.W_k.weight, mine.W_v.weight]))
    other.out_proj.weight.copy_(mine.W_o.weight)
    other.in_proj_bias.zero_()
    other.out_proj.bias.zero_()


def copy_rest(mine, other, norms):
    other.linear1.load_state_dict(mine.ffn.W_1.state_dict())
    other.linear2.load_state_dict(mine.ffn.W_2.state_dict())
    for name in norms:
        copy_norm(getattr(mine, name), getattr(other, name))


def copy_norm(mine, other):
    other.load_state_dict({"weight": mine.gamma, "bias": mine.beta})


@pytest.mark.parametrize("class_token", [True, False])
def test_vision_transformer_from_modules_of_torch(class_token):
    model = random_model(lambda: VisionTransformer((1, 8, 8), 2, 10, CONFIG, class_token=class_token))
    theirs = torch_encoder(model.encoder, CONFIG)
    conv = nn.Conv2d(1, 16, 2, 2).double()
    conv.load_state_dict(
        {"weight": model.embed.projection.weight.view(16, 1, 2, 2), "bias": model.embed.projection.bias}
    )
    (img,) = tensors((3, 1, 8, 8))
    x = conv(img).flatten(2).mT
    if class_token:
        x = torch.cat([model.embed.class_token.expand(3, 1, 16), x], dim=1)
    x = theirs(x + model.embed.positions)
    expected = model.head(x[:, 0] if class_token else x.mean(dim=1))
    torch.testing.assert_close(model(img), expected, **TOLERANCE)


def test_image_encoder_from_modules_of_torch():
    model = random_model(lambda: ImageEncoder(CONFIG, channels=2))
    (img,) = tensors((2, 2, 8, 12))
    stem = nn.Sequential(model.conv1, nn.ReLU(), model.conv2, nn.ReLU())
    x = stem(img)
    x = x + model.conv3(x).relu()
    positions = sine_positions_2d(2, 3, 16, torch.float64)
    expected = torch_encoder(model.encoder, CONFIG)(x.flatten(2).mT + positions)
    torch.testing.assert_close(model(img), expected, **TOLERANCE)


def test_sine_positions_of_each_cell():
    found = sine_positions_2d(3, 4, 8, torch.float64).view(3, 4, 8)
    for row, column, i in itertools.product(range(3), range(4), range(2)):
        wave = 10000 ** (-2 * i / 4)
        expected = [np.sin(row * wave), np.cos(row * wave), np.sin(column * wave), np.cos(column * wave)]
        here = found[row, column]
        np.testing.assert_allclose(here[[2 * i, 2 * i + 1, 4 + 2 * i, 5 + 2 * i]], expected, atol=1e-9)


def test_corners_of_a_box():
    boxes = torch.tensor([[0.5, 0.4, 0.2, 0.6], [2, 3, 4, 2]])
    expected = torch.tensor([[0.4, 0.1, 0.6, 0.7], [0, 2, 4, 4]])
    torch.testing.assert_close(corners(boxes), expected, **TOLERANCE)


def cells(box):
    """The unit cells inside a box with whole-number corners."""
    x0, y0, x1, y1 = box
    return {(x, y) for x in range(x0, x1) for y in range(y0, y1)}


def brute_force(a, b):
    """Intersection over union and its generalised form, by counting cells."""
    both, either = cells(a) & cells(b), cells(a) | cells(b)
    hull = cells((min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])))
    iou = len(both) / len(either) if either else 0.0
    return iou, iou - (len(hull) - len(either)) / len(hull) if hull else iou


whole_box = st.tuples(*[st.integers(0, 7)] * 4).map(
    lambda c: (min(c[0], c[2]), min(c[1], c[3]), max(c[0], c[2]), max(c[1], c[3]))
)


@settings(deadline=None, max_examples=100)
@given(st.lists(whole_box, min_size=1, max_size=4), st.lists(whole_box, min_size=1, max_size=4))
def test_overlap_by_counting_cells(a, b):
    a_boxes, b_boxes = (torch.tensor(boxes, dtype=torch.float64) for boxes in (a, b))
    expected = torch.tensor([[brute_force(x, y) for y in b] for x in a], dtype=torch.float64)
    torch.testing.assert_close(box_iou(a_boxes, b_boxes), expected[..., 0], **TOLERANCE)
    pairs = generalised_iou(a_boxes[:, None].expand(-1, len(b), 4), b_boxes.expand(len(a), -1, 4))
    torch.testing.assert_close(pairs, expected[..., 1], **TOLERANCE)


def test_match_cost_entry_by_entry():
    logits, raw, raw_targets = tensors((5, 4), (5, 4), (3, 4))
    class_prob, boxes, targets = logits.softmax(-1), raw.sigmoid(), raw_targets.sigmoid()
    labels = torch.tensor([2, 0, 2])
    found = match_cost(class_prob, boxes, labels, targets)
    for i, j in itertools.product(range(5), range(3)):
        distance = sum(abs(float(boxes[i, k] - targets[j, k])) for k in range(4))
        iou = float(box_iou(corners(boxes[i : i + 1]), corners(targets[j : j + 1])))
        expected = -float(class_prob[i, labels[j]]) + 5 * distance - 2 * iou
        assert float(found[i, j]) == pytest.approx(expected, abs=1e-9)


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 6), st.integers(0, 4), st.integers(0, 1000))
def test_match_is_the_cheapest_of_all_pairings(n_queries, n_targets, seed):
    n_targets = min(n_queries, n_targets)
    (cost,) = tensors((n_queries, n_targets), seed=seed)
    queries, objects = match(cost)
    assert sorted(objects.tolist()) == list(range(n_targets))
    assert len(set(queries.tolist())) == n_targets
    every_way = itertools.permutations(range(n_queries), n_targets)
    cheapest = min(sum(float(cost[q, t]) for t, q in enumerate(way)) for way in every_way)
    assert float(cost[queries, objects].sum()) == pytest.approx(cheapest, abs=1e-9)


def slow_set_loss(found, objects, no_object):
    """The loss, image by image, trying every pairing."""
    n_queries, n_classes = found.logits.shape[1], found.logits.shape[2] - 1
    surprise, weights, apart, n_objects = 0.0, 0.0, 0.0, 0
    for logits, boxes, labels, targets, keep in zip(*found, *objects, strict=True):
        labels, targets = labels[keep], targets[keep]
        cost = match_cost(logits.softmax(-1), boxes, labels, targets).detach()
        ways = itertools.permutations(range(n_queries), len(labels))
        best = min(ways, key=lambda way: sum(float(cost[q, t]) for t, q in enumerate(way)))
        for q in range(n_queries):
            wanted = int(labels[best.index(q)]) if q in best else n_classes
            weight = no_object if wanted == n_classes else 1.0
            surprise = surprise - weight * logits[q].log_softmax(-1)[wanted]
            weights += weight
        for t, q in enumerate(best):
            giou = generalised_iou(corners(boxes[q]), corners(targets[t]))
            apart = apart + 5 * F.l1_loss(boxes[q], targets[t], reduction="sum") + 2 * (1 - giou)
            n_objects += 1
    return surprise / weights + apart / max(n_objects, 1)


@pytest.mark.parametrize("no_object", [0.2, 1.0])
def test_set_loss_image_by_image(no_object):
    logits, raw, raw_targets = tensors((3, 4, 6), (3, 4, 4), (3, 3, 4))
    labels = torch.tensor([[1, 4, 0], [2, 0, 0], [0, 0, 0]])
    keep = torch.tensor([[True, True, True], [False, True, False], [False, False, False]])
    objects = Objects(labels, raw_targets.sigmoid(), keep)
    gradients = []
    for loss in (set_loss, slow_set_loss):
        leaves = [logits.clone().requires_grad_(), raw.clone().requires_grad_()]
        value = loss(Detections(leaves[0], leaves[1].sigmoid()), objects, no_object)
        value.backward()
        gradients.append([value.detach(), *(leaf.grad for leaf in leaves)])
    torch.testing.assert_close(*gradients, **TOLERANCE)


def slow_decoder_layer(layer, y, memory, bias):
    """A pre-norm decoder layer, not causal, with torch's attention, head by head through its own function."""

    def attention(module, q, k, bias):
        def heads(x):
            return x.unflatten(-1, (module.n_heads, -1)).transpose(1, 2)

        out = F.scaled_dot_product_attention(
            heads(module.W_q(q)), heads(module.W_k(k)), heads(module.W_v(k)), attn_mask=bias
        )
        return module.W_o(out.transpose(1, 2).flatten(2))

    def norm(module, x):
        return F.layer_norm(x, x.shape[-1:], module.gamma, module.beta, module.eps)

    h = norm(layer.norm1, y)
    y = y + attention(layer.self_attn, h, h, None)
    y = y + attention(layer.cross_attn, norm(layer.norm2, y), memory, bias)
    return y + layer.ffn.W_2(layer.ffn.W_1(norm(layer.norm3, y)).relu())


@pytest.mark.parametrize("reference_points", [True, False])
def test_detection_transformer_step_by_step(reference_points):
    model = random_model(lambda: DetectionTransformer(3, CONFIG, grid=2, reference_points=reference_points))
    (img,) = tensors((2, 1, 16, 8))
    memory = model.image_encoder(img)
    y, place = model.queries.expand(2, 4, 16), torch.zeros(2, 4, 2, dtype=torch.float64)
    if reference_points:
        quarters = torch.tensor([[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]], dtype=torch.float64)
        torch.testing.assert_close(model.places.sigmoid(), quarters, atol=1e-6, rtol=0)
        place = model.places.expand(2, 4, 2)
    for layer, answer in zip(model.layers, model(img), strict=True):
        bias = torch.zeros(2, 1, 4, 8, dtype=torch.float64)
        for B, q, row, column in itertools.product(range(2), range(4), range(4), range(2)):
            x, to_y = place[B, q].sigmoid()
            squared = (x - (column + 0.5) / 2) ** 2 + (to_y - (row + 0.5) / 4) ** 2
            bias[B, 0, q, 2 * row + column] = -20 * squared if reference_points else 0
        y = slow_decoder_layer(layer, y, memory, bias)
        h = F.layer_norm(y, (16,), model.head.norm.gamma, model.head.norm.beta)
        box = model.head.box(model.head.hidden(h).relu())
        box = torch.cat([box[..., :2] + place, box[..., 2:]], dim=-1)
        place = box[..., :2] if reference_points else place
        torch.testing.assert_close(answer.logits, model.head.classes(h), **TOLERANCE)
        torch.testing.assert_close(answer.boxes, box.sigmoid(), **TOLERANCE)


def test_caption_transformer_step_by_step():
    model = random_model(lambda: CaptionTransformer(ImageEncoder(replace(CONFIG, n_layers=1)), 7, CONFIG, 6))
    (img,) = tensors((2, 1, 8, 8))
    target = torch.tensor([[1, 3, 2, 6, 0], [4, 5, 5, 1, 2]])
    layer = nn.TransformerDecoderLayer(16, 2, 24, 0.0, batch_first=True, norm_first=True)
    theirs = nn.TransformerDecoder(layer, 2, nn.LayerNorm(16)).double().eval()
    with torch.no_grad():
        copy_norm(model.decoder.norm, theirs.norm)
        for mine, other in zip(model.decoder.layers, theirs.layers, strict=True):
            for attention, twin in (
                (mine.self_attn, other.self_attn),
                (mine.cross_attn, other.multihead_attn),
            ):
                parts = [attention.W_q.weight, attention.W_k.weight, attention.W_v.weight]
                twin.in_proj_weight.copy_(torch.cat(parts))
                twin.in_proj_bias.zero_()
                twin.out_proj.weight.copy_(attention.W_o.weight)
                twin.out_proj.bias.zero_()
            other.linear1.load_state_dict(mine.ffn.W_1.state_dict())
            other.linear2.load_state_dict(mine.ffn.W_2.state_dict())
            for name in ("norm1", "norm2", "norm3"):
                copy_norm(getattr(mine, name), getattr(other, name))
    y = model.embed(target) + model.positions.table[:5]
    future = torch.ones(5, 5, dtype=torch.bool).triu(1)
    expected = model.head(theirs(y, model.encode(img), tgt_mask=future))
    torch.testing.assert_close(model(img, target), expected, **TOLERANCE)


@pytest.mark.parametrize("chunks", [(1, 1, 1, 1, 1), (2, 3), (5,), (4, 1)])
def test_cached_captions_equal_uncached(chunks):
    model = random_model(lambda: CaptionTransformer(ImageEncoder(CONFIG), 7, CONFIG, 6))
    (img,) = tensors((2, 1, 8, 8))
    target = torch.tensor([[1, 3, 2, 6, 0], [4, 5, 5, 1, 2]])
    memory, caches = model.encode(img), model.new_caches()
    written = [model.decode(part, memory, caches=caches) for part in target.split(chunks, dim=1)]
    torch.testing.assert_close(torch.cat(written, dim=1), model(img, target), **TOLERANCE)
