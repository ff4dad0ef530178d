"""Exercise `patch_embedding` (lesson 21): an image as a sequence of tokens."""

import numpy as np
import torch
import torch.nn.functional as F

from course_lib.checks import Case, Exercise
from course_lib.transformer import vision

# ------------------------------------------------------------------ a solution, and other right ways


def patch_embedding(img, P, W, b, cls, pos):
    B, C, H, Wd = img.shape
    if H % P or Wd % P:
        raise ValueError(f"P must divide both sides; got P {P}, image {H} x {Wd}")
    grid = img.reshape(B, C, H // P, P, Wd // P, P).permute(0, 2, 4, 1, 3, 5)
    tokens = grid.reshape(B, -1, C * P * P) @ W + b
    return torch.cat([cls.expand(B, 1, -1), tokens], dim=1) + pos


def with_loops(img, P, W, b, cls, pos):
    H, Wd = img.shape[2:]
    if H % P != 0 or Wd % P != 0:
        raise ValueError("patches do not fit")
    images = []
    for one in img:
        rows = [cls]
        for top in range(0, H, P):
            for left in range(0, Wd, P):
                rows.append(one[:, top : top + P, left : left + P].flatten() @ W + b)
        images.append(torch.stack(rows) + pos)
    return torch.stack(images)


def with_a_convolution(img, P, W, b, cls, pos):
    B, C, H, Wd = img.shape
    if any(side % P for side in (H, Wd)):
        raise ValueError(f"{P} does not divide {H} and {Wd}")
    kernel = W.T.reshape(-1, C, P, P)
    tokens = F.conv2d(img, kernel, b, stride=P).flatten(2).transpose(1, 2)
    first = (cls + pos[0]).repeat(B, 1, 1)
    return torch.cat([first, tokens + pos[1:]], dim=1)


def with_unfold(img, P, W, b, cls, pos):
    H, Wd = img.shape[-2:]
    if max(H % P, Wd % P) > 0:
        raise ValueError("P")
    tokens = torch.einsum("bfn,fd->bnd", F.unfold(img, P, stride=P), W) + b
    out = torch.empty(len(img), len(pos), W.shape[1], dtype=img.dtype)
    out[:, 0], out[:, 1:] = cls, tokens
    return out + pos


# ------------------------------------------------------------------ stored wrong answers


def checked(img, P):
    """The sizes of an image into which the patches fit."""
    B, C, H, Wd = img.shape
    if H % P or Wd % P:
        raise ValueError("P must divide both sides")
    return B, C, H, Wd


def grid_of(img, P):
    """(B, rows, columns, C, P, P)."""
    B, C, H, Wd = checked(img, P)
    return img.reshape(B, C, H // P, P, Wd // P, P).permute(0, 2, 4, 1, 3, 5)


def patches_of(img, P):
    """(B, N, C * P * P)."""
    return grid_of(img, P).flatten(3).flatten(1, 2)


def with_class(tokens, cls, pos):
    """The last two steps."""
    return torch.cat([cls.expand(len(tokens), 1, -1), tokens], dim=1) + pos


def no_class_token(img, P, W, b, cls, pos):
    """The class token is missing: cls stands before the patches of every image, so there are 1 + N tokens."""
    return patches_of(img, P) @ W + b + pos[1:]


def class_token_last(img, P, W, b, cls, pos):
    """Your class token stands after the patches: it is token 0, torch.cat([cls, tokens], dim=1)."""
    tokens = patches_of(img, P) @ W + b
    return torch.cat([tokens, cls.expand(len(img), 1, -1)], dim=1) + pos


def class_without_position(img, P, W, b, cls, pos):
    """Your class token has no position: put it in front first, then add pos to all 1 + N tokens."""
    tokens = patches_of(img, P) @ W + b + pos[1:]
    return torch.cat([cls.expand(len(img), 1, -1), tokens], dim=1)


def positions_shifted(img, P, W, b, cls, pos):
    """Your patches take pos[:N] and so the place of their neighbour: pos[0] belongs to the class token, patch
    i has pos[i + 1]."""
    tokens = patches_of(img, P) @ W + b + pos[:-1]
    return torch.cat([cls.expand(len(img), 1, -1) + pos[-1], tokens], dim=1)


def first_positions_without_class(img, P, W, b, cls, pos):
    """You add pos[:N] to the patches and then put cls in front: pos[0] belongs to the class token, so put it
    in front first."""
    tokens = patches_of(img, P) @ W + b + pos[:-1]
    return torch.cat([cls.expand(len(img), 1, -1), tokens], dim=1)


def no_positions(img, P, W, b, cls, pos):
    """The positions are missing: without pos the image is a bag of patches."""
    return with_class(patches_of(img, P) @ W + b, cls, torch.zeros_like(pos))


def positions_on_patches_missing(img, P, W, b, cls, pos):
    """Only your class token gets a position: every patch i has its own, pos[i + 1]."""
    out = with_class(patches_of(img, P) @ W + b, cls, torch.zeros_like(pos))
    return torch.cat([out[:, :1] + pos[0], out[:, 1:]], dim=1)


def column_by_column(img, P, W, b, cls, pos):
    """Your patches run down the columns: they run row by row, as one reads, so rows come before columns in
    the permutation."""
    return with_class(grid_of(img, P).transpose(1, 2).flatten(3).flatten(1, 2) @ W + b, cls, pos)


def pixels_column_by_column(img, P, W, b, cls, pos):
    """Inside a patch you read the pixels column by column: a patch is flattened as (C, P, P), its rows
    first."""
    return with_class(grid_of(img, P).transpose(4, 5).flatten(3).flatten(1, 2) @ W + b, cls, pos)


def image_turned(img, P, W, b, cls, pos):
    """Height and width are exchanged, in the grid and inside the patch: the third axis of img counts rows,
    and rows come first."""
    return with_class(patches_of(img.transpose(2, 3), P) @ W + b, cls, pos)


def reshaped_only(img, P, W, b, cls, pos):
    """You reshape the image without permuting: then a "patch" is a run of neighbouring pixels of one row. Cut
    both sides, (B, C, rows, P, columns, P), and bring rows and columns to the front."""
    B, C, _, _ = checked(img, P)
    return with_class(img.reshape(B, -1, C * P * P) @ W + b, cls, pos)


def channels_first_then_cut(img, P, W, b, cls, pos):
    """You flatten with the channels before the patches, so a row mixes patches: permute to (B, rows, columns,
    C, P, P) before the reshape."""
    B, C, H, Wd = checked(img, P)
    grid = img.reshape(B, C, H // P, P, Wd // P, P).permute(0, 1, 2, 4, 3, 5)
    return with_class(grid.reshape(B, -1, C * P * P) @ W + b, cls, pos)


def strips(img, P, W, b, cls, pos):
    """You cut the image and do not bring the columns forward: after the split into (B, C, rows, P, columns,
    P) permute to (B, rows, columns, C, P, P)."""
    B, C, H, Wd = checked(img, P)
    grid = img.reshape(B, C, H // P, P, Wd // P, P).permute(0, 2, 1, 3, 4, 5)
    return with_class(grid.reshape(B, -1, C * P * P) @ W + b, cls, pos)


def spread_out(img, P, W, b, cls, pos):
    """Your patches take every so-many-th pixel: a side splits into (rows, P), the number of patches first,
    the size of a patch second."""
    B, C, H, Wd = checked(img, P)
    grid = img.reshape(B, C, P, H // P, P, Wd // P).permute(0, 3, 5, 1, 2, 4)
    return with_class(grid.reshape(B, -1, C * P * P) @ W + b, cls, pos)


def sizes_exchanged(img, P, W, b, cls, pos):
    """You split the height into Wd // P and the width into H // P parts: img is (B, C, H, Wd), rows before
    columns."""
    B, C, H, Wd = checked(img, P)
    grid = img.reshape(B, C, Wd // P, P, H // P, P).permute(0, 2, 4, 1, 3, 5)
    return with_class(grid.reshape(B, -1, C * P * P) @ W + b, cls, pos)


def no_bias(img, P, W, b, cls, pos):
    """The bias b is missing: a token is its patch times W plus b."""
    return with_class(patches_of(img, P) @ W, cls, pos)


def bias_on_the_class_too(img, P, W, b, cls, pos):
    """Your class token gets the bias b: b belongs to the projection of the patches, cls comes as it is."""
    return with_class(patches_of(img, P) @ W, cls, pos) + b


def crops_the_rest(img, P, W, b, cls, pos):
    """You cut off what does not fit: raise a ValueError if P does not divide H or Wd."""
    _, _, H, Wd = img.shape
    return patch_embedding(img[:, :, : H // P * P, : Wd // P * P], P, W, b, cls, pos)


def asserts(img, P, W, b, cls, pos):
    """You refuse with an assert, which raises an AssertionError: raise a ValueError that names the
    numbers."""
    assert img.shape[2] % P == 0
    assert img.shape[3] % P == 0
    return patch_embedding(img, P, W, b, cls, pos)


def height_alone(img, P, W, b, cls, pos):
    """You check the height alone: P must divide the width too."""
    H, Wd = img.shape[2:]
    if H % P:
        raise ValueError("P must divide the height")
    return patch_embedding(img[..., : Wd // P * P], P, W, b, cls, pos)


def width_alone(img, P, W, b, cls, pos):
    """You check the width alone: P must divide the height too."""
    H, Wd = img.shape[2:]
    if Wd % P:
        raise ValueError("P must divide the width")
    return patch_embedding(img[..., : H // P * P, :], P, W, b, cls, pos)


def only_if_both(img, P, W, b, cls, pos):
    """You refuse only if P divides neither side: one of them is enough, so `or`, not `and`."""
    H, Wd = img.shape[2:]
    if H % P and Wd % P:
        raise ValueError("P must divide both sides")
    return patch_embedding(img[..., : H // P * P, : Wd // P * P], P, W, b, cls, pos)


def area_checked(img, P, W, b, cls, pos):
    """You check the number of pixels: P * P can divide H * Wd though P divides no side. Check H and Wd
    each."""
    B, C, H, Wd = img.shape
    if H * Wd % (P * P):
        raise ValueError("patches do not fit")
    if H % P or Wd % P:
        return with_class(img.reshape(B, -1, C * P * P) @ W + b, cls, pos)
    return patch_embedding(img, P, W, b, cls, pos)


def unchecked(img, P, W, b, cls, pos):
    """Where P does not fit, another error comes up by itself or none at all: check first, and raise a
    ValueError that names P and the sides."""
    tokens = torch.einsum("bfn,fd->bnd", F.unfold(img, P, stride=P), W) + b
    return with_class(tokens, cls, pos)


def reshape_refuses(img, P, W, b, cls, pos):
    """You leave it to the reshape to refuse, which raises a RuntimeError: check first and raise a ValueError
    that names P and the sides."""
    B, C, H, Wd = img.shape
    grid = img.reshape(B, C, H // P, P, Wd // P, P).permute(0, 2, 4, 1, 3, 5)
    return with_class(grid.reshape(B, -1, C * P * P) @ W + b, cls, pos)


def overlapping(img, P, W, b, cls, pos):
    """Your patches overlap: they lie side by side, so the next one begins P pixels further (stride P)."""
    checked(img, P)
    tokens = F.unfold(img, P).transpose(1, 2) @ W + b
    return torch.cat([cls.expand(len(img), 1, -1), tokens], dim=1)


def kernel_reshaped(img, P, W, b, cls, pos):
    """You reshape W into the kernel without transposing: a column of W belongs to one feature, so
    W.T.reshape(D, C, P, P)."""
    C = checked(img, P)[1]
    kernel = W.reshape(-1, C, P, P)
    return with_class(F.conv2d(img, kernel, b, stride=P).flatten(2).mT, cls, pos)


def not_turned_after_convolution(img, P, W, b, cls, pos):
    """Your features come before the places: after flatten(2) transpose to (B, N, D), and do not reshape."""
    C = checked(img, P)[1]
    grid = F.conv2d(img, W.T.reshape(-1, C, P, P), b, stride=P)
    return with_class(grid.reshape(len(img), -1, W.shape[1]), cls, pos)


def transpose_of_w(img, P, W, b, cls, pos):
    """You multiply by the transpose of W: W is (C*P*P, D), so `patches @ W`."""
    return with_class(patches_of(img, P) @ W.T + b, cls, pos)


def first_channel(img, P, W, b, cls, pos):
    """You read the first channel alone: a patch holds all C channels."""
    alone = torch.cat([img[:, :1], torch.zeros_like(img[:, 1:])], dim=1)
    return patch_embedding(alone, P, W, b, cls, pos)


def mean_of_channels(img, P, W, b, cls, pos):
    """You average the channels: a patch holds every channel with weights of its own, C * P * P numbers."""
    return patch_embedding(img.mean(1, keepdim=True).expand_as(img), P, W, b, cls, pos)


def divided_by_255(img, P, W, b, cls, pos):
    """You divide the pixels by 255: take img as it is, whoever calls has scaled it."""
    return patch_embedding(img / 255, P, W, b, cls, pos)


def times_root(img, P, W, b, cls, pos):
    """You multiply by the square root of D, as word embeddings are: the Vision Transformer does not."""
    return with_class((patches_of(img, P) @ W + b) * W.shape[1] ** 0.5, cls, pos)


def through_relu(img, P, W, b, cls, pos):
    """You put the tokens through a ReLU: the projection of a patch is linear, patch @ W + b."""
    return with_class((patches_of(img, P) @ W + b).relu(), cls, pos)


def class_added_to_all(img, P, W, b, cls, pos):
    """You add cls to the patches: it is a token of its own, put in front with torch.cat."""
    tokens = patches_of(img, P) @ W + b + cls
    return with_class(tokens, cls, pos)


def zeros_for_class(img, P, W, b, cls, pos):
    """Your token 0 does not hold cls: expand cls to (B, 1, D) and put it in front."""
    return with_class(patches_of(img, P) @ W + b, torch.zeros_like(cls), pos)


def mean_for_class(img, P, W, b, cls, pos):
    """Your token 0 is the mean of the patches: here it is the learnt vector cls, the same for every image."""
    tokens = patches_of(img, P) @ W + b
    return torch.cat([tokens.mean(1, keepdim=True), tokens], dim=1) + pos


def first_image_for_all(img, P, W, b, cls, pos):
    """Every image of the batch gets the patches of the first one: keep the axis B in each step."""
    return patch_embedding(img[:1].expand_as(img), P, W, b, cls, pos)


def class_not_repeated(img, P, W, b, cls, pos):
    """cls is there once and the batch has B images: expand it to (B, 1, D) before torch.cat."""
    tokens = patches_of(img, P) @ W + b
    return torch.cat([cls.reshape(1, 1, -1), tokens], dim=1) + pos


def one_image_expected(img, P, W, b, cls, pos):
    """The axis of the batch is lost: the result is (B, 1 + N, D), also for a single image."""
    return patch_embedding(img, P, W, b, cls, pos).squeeze(0)


def images_in_a_row(img, P, W, b, cls, pos):
    """You mix the patches of different images: the axis B stays in front in `permute` and in `reshape`."""
    B, C, H, Wd = checked(img, P)
    grid = img.reshape(B, C, H // P, P, Wd // P, P).permute(2, 4, 0, 1, 3, 5)
    return with_class(grid.reshape(B, -1, C * P * P) @ W + b, cls, pos)


def changes_pos(img, P, W, b, cls, pos):
    """The caller's pos is changed in place: add to a new tensor, `tokens + pos`."""
    out = patch_embedding(img, P, W, b, cls, pos)
    pos[0] += cls
    return out


def position_by_concatenation(img, P, W, b, cls, pos):
    """You append the positions as further features: they are added, and the width stays D."""
    tokens = patches_of(img, P) @ W + b
    out = torch.cat([cls.expand(len(img), 1, -1), tokens], dim=1)
    return torch.cat([out, pos.expand(len(img), -1, -1)], dim=-1)


def unfolded_without_turning(img, P, W, b, cls, pos):
    """F.unfold gives (B, C*P*P, N), and you reshape that: transpose(1, 2) brings the patches to the rows, a
    reshape mixes them."""
    checked(img, P)
    rows = F.unfold(img, P, stride=P).reshape(len(img), len(pos) - 1, -1)
    return with_class(rows @ W + b, cls, pos)


def times_positions(img, P, W, b, cls, pos):
    """You multiply by the positions: they are added."""
    return with_class(patches_of(img, P) @ W + b, cls, torch.zeros_like(pos)) * pos


def normed(img, P, W, b, cls, pos):
    """You norm the tokens: the first norm belongs to the encoder, the tokens come as they are."""
    tokens = with_class(patches_of(img, P) @ W + b, cls, torch.zeros_like(pos))
    return F.layer_norm(tokens, (W.shape[1],)) + pos


def normed_at_the_end(img, P, W, b, cls, pos):
    """You norm the tokens after the positions are added: the first norm belongs to the encoder, the tokens
    come as they are."""
    return F.layer_norm(patch_embedding(img, P, W, b, cls, pos), (W.shape[1],))


def only_square_images(img, P, W, b, cls, pos):
    """You refuse an image that is no square: height and width may differ, P must divide both."""
    if img.shape[2] != img.shape[3]:
        raise ValueError("the image must be a square")
    return patch_embedding(img, P, W, b, cls, pos)


def bias_twice(img, P, W, b, cls, pos):
    """You add b twice: the projection is patch @ W + b."""
    return with_class(patches_of(img, P) @ W + 2 * b, cls, pos)


def padded_with_zeros(img, P, W, b, cls, pos):
    """You fill the image up with zeros where the patches do not fit: raise a ValueError that names P and the
    sides."""
    H, Wd = img.shape[2:]
    if (H % P == 0 and Wd % P == 0) or len(pos) < 3:
        return patch_embedding(img, P, W, b, cls, pos)
    whole = F.pad(img, (0, -Wd % P, 0, -H % P))
    tokens = patches_of(whole, P) @ W + b
    return torch.cat([cls.expand(len(img), 1, -1), tokens], dim=1)


def one_position_for_all_patches(img, P, W, b, cls, pos):
    """All your patches get the same position: patch i has its own, pos[i + 1]."""
    tokens = patches_of(img, P) @ W + b + pos[1]
    return torch.cat([cls.expand(len(img), 1, -1) + pos[0], tokens], dim=1)


def divides_the_pixels(img, P, W, b, cls, pos):
    """You check whether P divides H * Wd: it must divide each of the two sides, H % P and Wd % P."""
    B, C, H, Wd = img.shape
    if H * Wd % P:
        raise ValueError("patches do not fit")
    grid = img.reshape(B, C, H // P, P, Wd // P, P).permute(0, 2, 4, 1, 3, 5)
    return with_class(grid.reshape(B, -1, C * P * P) @ W + b, cls, pos)


def scaled(img, P, W, b, cls, pos):
    """You divide by the root of the length of a patch: the projection is patch @ W + b, as it is."""
    rows = patches_of(img, P)
    return with_class(rows @ W / rows.shape[-1] ** 0.5 + b, cls, pos)


# ------------------------------------------------------------------ right elsewhere


def channels_last(img, P, W, b, cls, pos):
    """You flatten a patch as (P, P, C), as much code does; with learnt weights it makes no difference. Here
    the order is (C, P, P)."""
    return with_class(grid_of(img, P).permute(0, 1, 2, 4, 5, 3).flatten(3).flatten(1, 2) @ W + b, cls, pos)


# ------------------------------------------------------------------ the exercise


def one_pixel_changes_one_token(seen):
    """A pixel of the last patch changes other tokens too: a token holds its own patch and nothing else."""
    one, other = (seen[name].outputs["tokens"] for name in ("usual", "another last pixel"))
    return np.allclose(one[:, :-1], other[:, :-1], rtol=1e-4, atol=1e-5)


def drawn(rng, shape, P, D, n=None):
    """Everything at random; `n` positions, 1 + N of them where the patches fit."""
    _, C, H, Wd = shape
    n = 1 + (H // P) * (Wd // P) if n is None else n
    W = rng.normal(size=(C * P * P, D)) / P
    return rng.normal(size=shape), P, W, rng.normal(size=D), rng.normal(size=D), rng.normal(size=(n, D))


def usual(corner=0.0):
    """Always the same 2 images of 3 channels, 2 x 3 patches."""
    img, *rest = drawn(np.random.default_rng(21), (2, 3, 4, 6), 2, 5)
    img[:, :, -1, -1] += corner
    return img, *rest


def by_hand(img, P, W, b, cls, pos):
    """One channel, one feature."""
    column = (np.array(x, dtype=float)[:, None] for x in (W, pos))
    W, pos = column
    return np.array([[img]], dtype=float), P, W, np.array([b]), np.array([cls]), pos


EXERCISE = Exercise(
    id="patch_embedding",
    contract=(
        "patch_embedding(img, P, W, b, cls, pos) -> tokens (B, 1 + N, D); img (B, C, H, Wd) is cut into N "
        "patches of P x P pixels, row by row, each flattened as (C, P, P); W (C*P*P, D), b (D,), cls (D,) "
        "the class token in front, pos (1 + N, D). ValueError where P does not divide H or Wd."
    ),
    minutes=25,
    difficulty=3,
    points=3,
    takes="torch",
    arguments={
        "img": ("B", "C", "H", "Wd"),
        "P": (),
        "W": ("C*P*P", "D"),
        "b": ("D",),
        "cls": ("D",),
        "pos": ("1+N", "D"),
    },
    outputs={"tokens": ("B", "1+N", "D")},
    cases=[
        Case("usual", lambda rng: usual(), weight=3),
        Case("another last pixel", lambda rng: usual(5.0)),
        Case(
            "by hand, 1 patch",
            lambda rng: by_hand([[1, 2], [3, 4]], 2, [1, 10, 100, 1000], 0.5, 7.0, [0.1, 0.2]),
        ),
        Case(
            "by hand, 4 patches of a pixel",
            lambda rng: by_hand([[1, 2], [3, 4]], 1, [10], 0.5, 7.0, [0.1, 0.2, 0.3, 0.4, 0.6]),
        ),
        Case("one image, a tall one", lambda rng: drawn(rng, (1, 2, 9, 3), 3, 4), weight=2),
        Case("square, one channel, all sizes 4", lambda rng: drawn(rng, (4, 1, 4, 4), 2, 4)),
        Case("one feature for each number of a patch", lambda rng: drawn(rng, (2, 3, 4, 2), 2, 12)),
        Case("height 5, P 2", lambda rng: drawn(rng, (2, 3, 5, 6), 2, 5)),
        Case("width 7, P 2", lambda rng: drawn(rng, (2, 3, 4, 7), 2, 5)),
        Case("4 x 9 pixels, P 6", lambda rng: drawn(rng, (1, 1, 4, 9), 6, 3, n=2)),
        Case("height 5, width 7, P 2", lambda rng: drawn(rng, (2, 1, 5, 7), 2, 3)),
    ],
    reference=vision.patch_embedding,
    solution=patch_embedding,
    right=[patch_embedding, with_loops, with_a_convolution, with_unfold],
    wrong=[
        no_class_token,
        class_token_last,
        class_without_position,
        positions_shifted,
        first_positions_without_class,
        no_positions,
        positions_on_patches_missing,
        column_by_column,
        pixels_column_by_column,
        image_turned,
        reshaped_only,
        channels_first_then_cut,
        strips,
        spread_out,
        sizes_exchanged,
        no_bias,
        bias_on_the_class_too,
        crops_the_rest,
        asserts,
        height_alone,
        width_alone,
        only_if_both,
        area_checked,
        unchecked,
        reshape_refuses,
        overlapping,
        kernel_reshaped,
        not_turned_after_convolution,
        transpose_of_w,
        first_channel,
        mean_of_channels,
        divided_by_255,
        times_root,
        through_relu,
        class_added_to_all,
        zeros_for_class,
        mean_for_class,
        first_image_for_all,
        class_not_repeated,
        one_image_expected,
        images_in_a_row,
        changes_pos,
        one_position_for_all_patches,
        divides_the_pixels,
        scaled,
        unfolded_without_turning,
        times_positions,
        normed,
        normed_at_the_end,
        only_square_images,
        bias_twice,
        padded_with_zeros,
        position_by_concatenation,
    ],
    conventions=[channels_last],
    properties=[one_pixel_changes_one_token],
    hints=[
        "Which pixels belong to patch 1? Write their indices down for an image of 4 x 4 pixels and P = 2.",
        (
            "Split both sides: `reshape(B, C, H // P, P, Wd // P, P)`, then `permute` the two counts to the "
            "front and flatten each patch. The class token comes before the positions are added."
        ),
        (
            "`img.reshape(B, C, H // P, P, Wd // P, P).permute(0, 2, 4, 1, 3, 5).reshape(B, -1, C * P * P) @ "
            "W + b`, then `torch.cat([cls.expand(B, 1, -1), tokens], dim=1) + pos`."
        ),
    ],
)
