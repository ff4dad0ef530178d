"""Exercise `unpatchify` (lesson 21): from patches back to the image."""

import numpy as np
import torch
import torch.nn.functional as F

from course_lib.checks import Case, Exercise
from course_lib.transformer.vision import cut_patches

# ------------------------------------------------------------------ a solution, and other right ways


def unpatchify(patches, P, H, Wd):
    grid = patches.reshape(H // P, Wd // P, -1, P, P)
    return grid.permute(2, 0, 3, 1, 4).reshape(-1, H, Wd)


def with_loops(patches, P, H, Wd):
    C = patches.shape[1] // (P * P)
    img = torch.zeros(C, H, Wd, dtype=patches.dtype)
    for i, patch in enumerate(patches):
        top, left = i // (Wd // P) * P, i % (Wd // P) * P
        img[:, top : top + P, left : left + P] = patch.view(C, P, P)
    return img


def with_fold(patches, P, H, Wd):
    return F.fold(patches.T.unsqueeze(0), (H, Wd), kernel_size=P, stride=P).squeeze(0)


def with_rows_put_together(patches, P, H, Wd):
    tiles = [patch.reshape(-1, P, P) for patch in patches]
    across = Wd // P
    rows = [torch.cat(tiles[i : i + across], dim=2) for i in range(0, len(tiles), across)]
    return torch.cat(rows, dim=1)


def by_asking_where_each_pixel_went(patches, P, H, Wd):
    """The library cuts an image of place numbers, which says where each pixel went."""
    C = patches.shape[1] // (P * P)
    places = torch.arange(C * H * Wd, dtype=torch.float64).view(1, C, H, Wd)
    went = cut_patches(places, P).flatten().long()
    img = torch.empty(C * H * Wd, dtype=patches.dtype)
    img[went] = patches.flatten()
    return img.view(C, H, Wd)


# ------------------------------------------------------------------ stored wrong answers


def grid_of(patches, P, H, Wd):
    """(rows, columns, C, P, P)."""
    return patches.reshape(H // P, Wd // P, -1, P, P)


def reshaped_only(patches, P, H, Wd):
    """You reshape without permuting, which lays the patches one after the other: split into (rows, columns,
    C, P, P), permute, then reshape."""
    return patches.reshape(-1, H, Wd)


def column_by_column(patches, P, H, Wd):
    """You lay the patches down the columns: they come row by row, so the first axis splits into (rows,
    columns)."""
    grid = patches.reshape(Wd // P, H // P, -1, P, P)
    return grid.permute(2, 1, 3, 0, 4).reshape(-1, H, Wd)


def pixels_column_by_column(patches, P, H, Wd):
    """Inside a patch you exchange rows and columns: a patch is (C, P, P), its rows first."""
    return unpatchify(grid_of(patches, P, H, Wd).transpose(3, 4).reshape(patches.shape), P, H, Wd)


def image_turned(patches, P, H, Wd):
    """Your image is turned: rows come before columns, (C, H, Wd)."""
    return grid_of(patches, P, H, Wd).permute(2, 1, 4, 0, 3).reshape(-1, Wd, H)


def image_turned_and_reshaped(patches, P, H, Wd):
    """You permute to (C, columns, P, rows, P): the rows of patches and their pixel rows come first, (C, rows,
    P, columns, P)."""
    return grid_of(patches, P, H, Wd).permute(2, 1, 4, 0, 3).reshape(-1, H, Wd)


def columns_before_rows(patches, P, H, Wd):
    """Your permutation has columns where rows belong: the order is (C, rows, P, columns, P)."""
    return grid_of(patches, P, H, Wd).permute(2, 1, 3, 0, 4).reshape(-1, H, Wd)


def counts_side_by_side(patches, P, H, Wd):
    """You keep rows and columns of patches side by side: between them stand the pixel rows, (C, rows, P,
    columns, P)."""
    return grid_of(patches, P, H, Wd).permute(2, 0, 1, 3, 4).reshape(-1, H, Wd)


def pixels_before_patches(patches, P, H, Wd):
    """Your pixel rows come before the rows of patches: first which patch, then which pixel, (C, rows, P,
    columns, P)."""
    return grid_of(patches, P, H, Wd).permute(2, 3, 0, 4, 1).reshape(-1, H, Wd)


def channels_not_in_front(patches, P, H, Wd):
    """You leave the channels where they are: permute them to the front, (C, rows, P, columns, P)."""
    return grid_of(patches, P, H, Wd).permute(0, 3, 1, 4, 2).reshape(-1, H, Wd)


def channels_last_in_the_result(patches, P, H, Wd):
    """Your channels come last: the image is (C, H, Wd)."""
    return unpatchify(patches, P, H, Wd).permute(1, 2, 0)


def channels_between(patches, P, H, Wd):
    """You permute to (rows, C, P, columns, P): the channels come first, then the rows."""
    return grid_of(patches, P, H, Wd).permute(0, 2, 3, 1, 4).reshape(-1, H, Wd)


def first_channel(patches, P, H, Wd):
    """You put one channel together: there are C of them, the length of a patch divided by P * P."""
    return unpatchify(patches[:, : P * P], P, H, Wd)


def mean_of_channels(patches, P, H, Wd):
    """You average the channels: the image keeps all C."""
    return unpatchify(patches, P, H, Wd).mean(0)


def three_channels(patches, P, H, Wd):
    """You take 3 channels for granted: their number is the length of a patch divided by P * P."""
    return grid_of(patches, P, H, Wd).permute(2, 0, 3, 1, 4).reshape(3, H, Wd)


def channels_squeezed(patches, P, H, Wd):
    """A single channel loses its axis in yours: the image is (1, H, Wd) then."""
    return unpatchify(patches, P, H, Wd).squeeze()


def batch_axis_left(patches, P, H, Wd):
    """An axis of length 1 is left in front: one image is (C, H, Wd)."""
    return unpatchify(patches, P, H, Wd).unsqueeze(0)


def square_image(patches, P, H, Wd):
    """You take the image for a square of side H: the number of columns is Wd // P."""
    across = H // P
    grid = patches.reshape(across, -1, patches.shape[1] // (P * P), P, P)
    return grid.permute(2, 0, 3, 1, 4).reshape(-1, H, H)


def square_grid(patches, P, H, Wd):
    """You take the root of N for the rows and columns of patches: there are H // P rows and Wd // P
    columns."""
    side = int(len(patches) ** 0.5)
    grid = patches.reshape(side, side, -1, P, P)
    return grid.permute(2, 0, 3, 1, 4).reshape(-1, H, Wd)


def rows_from_the_width(patches, P, H, Wd):
    """In your loop a row holds H // P patches: it holds Wd // P, so row i // (Wd // P), column i % (Wd //
    P)."""
    C, down = patches.shape[1] // (P * P), H // P
    img = torch.zeros(C, H, Wd, dtype=patches.dtype)
    for i, patch in enumerate(patches):
        top, left = i // down * P, i % down * P
        if top < H and left < Wd:
            img[:, top : top + P, left : left + P] = patch.view(C, P, P)
    return img


def sides_exchanged(patches, P, H, Wd):
    """H and Wd are exchanged: H counts the rows, and comes before Wd."""
    return unpatchify(patches, P, Wd, H)


def upside_down(patches, P, H, Wd):
    """Your first patch lies at the bottom: the first row of patches is the top of the image."""
    return unpatchify(patches, P, H, Wd).flip(1)


def rows_of_patches_turned_round(patches, P, H, Wd):
    """Your rows of patches come from the bottom up: the first one is the top of the image."""
    turned = grid_of(patches, P, H, Wd).flip(0).reshape(patches.shape)
    return unpatchify(turned, P, H, Wd)


def mirrored(patches, P, H, Wd):
    """Left and right are exchanged: the first patch lies at the left."""
    return unpatchify(patches, P, H, Wd).flip(2)


def back_and_forth(patches, P, H, Wd):
    """Every second row of patches runs backwards in yours: each row runs from left to right."""
    grid = grid_of(patches, P, H, Wd).clone()
    grid[1::2] = grid[1::2].flip(1)
    return unpatchify(grid.reshape(patches.shape), P, H, Wd)


def stacked(patches, P, H, Wd):
    """You stack the patches below each other: Wd // P of them make up one row."""
    tiles = [patch.reshape(-1, P, P) for patch in patches]
    return torch.cat(tiles, dim=1)


def in_one_row(patches, P, H, Wd):
    """You lay all patches in one row: after Wd // P of them a new row begins."""
    tiles = [patch.reshape(-1, P, P) for patch in patches]
    return torch.cat(tiles, dim=2)


def first_token_dropped(patches, P, H, Wd):
    """You leave the first row out as if it were a class token: these are the N patches alone."""
    return unpatchify(torch.cat([patches[1:], patches[:1]]), P, H, Wd)


def still_patches(patches, P, H, Wd):
    """You return the patches in their grid: permute to (C, rows, P, columns, P) and reshape to (C, H, Wd)."""
    return grid_of(patches, P, H, Wd)


def changes_patches(patches, P, H, Wd):
    """The caller's patches are changed in place: write to a new tensor."""
    img = unpatchify(patches, P, H, Wd)
    patches.zero_()
    return img


def channels_first_split(patches, P, H, Wd):
    """You split into (C, rows, columns, P, P): the rows of `patches` count first, so (rows, columns, C, P,
    P), then permute."""
    grid = patches.reshape(-1, H // P, Wd // P, P, P)
    return grid.permute(0, 1, 3, 2, 4).reshape(-1, H, Wd)


def transposed_and_reshaped(patches, P, H, Wd):
    """You transpose and reshape: which patch a pixel is in depends on its row and its column, so split into
    (rows, columns, C, P, P) and permute."""
    return patches.T.reshape(-1, H, Wd)


def steps_of_one_pixel(patches, P, H, Wd):
    """In your loop the next patch begins one pixel further: it begins P pixels further, at row * P and column
    * P."""
    C, across = patches.shape[1] // (P * P), Wd // P
    img = torch.zeros(C, H, Wd, dtype=patches.dtype)
    for i, patch in enumerate(patches):
        top, left = i // across, i % across
        img[:, top : top + P, left : left + P] = patch.view(C, P, P)
    return img


def joined_along_the_wrong_side(patches, P, H, Wd):
    """You join the patches of a row below each other, and the rows side by side: inside a row along the last
    axis, then the rows along the axis before it."""
    tiles = [patch.reshape(-1, P, P) for patch in patches]
    across = Wd // P
    columns = [torch.cat(tiles[i : i + across], dim=1) for i in range(0, len(tiles), across)]
    return torch.cat(columns, dim=2)


def channels_inside(patches, P, H, Wd):
    """You read a patch as (P, C, P): the channels come first, (C, P, P)."""
    grid = patches.reshape(H // P, Wd // P, P, -1, P)
    return grid.permute(3, 0, 2, 1, 4).reshape(-1, H, Wd)


# ------------------------------------------------------------------ right elsewhere


def channels_last(patches, P, H, Wd):
    """You read a patch as (P, P, C), as much code does; here the order is (C, P, P)."""
    grid = patches.reshape(H // P, Wd // P, P, P, -1)
    return grid.permute(4, 0, 2, 1, 3).reshape(-1, H, Wd)


# ------------------------------------------------------------------ the exercise


def every_number_is_there_once(seen):
    """Some numbers of the patches are missing in your image or stand there twice: each has one place."""
    case = seen["numbered"]
    return np.array_equal(np.sort(case.outputs["img"].ravel()), np.sort(case.inputs["patches"].ravel()))


def numbered(C, P, H, Wd):
    """Patches whose numbers count up, so that each can be found again."""
    return np.arange(float(C * H * Wd)).reshape(-1, C * P * P), P, H, Wd


EXERCISE = Exercise(
    id="unpatchify",
    contract=(
        "unpatchify(patches, P, H, Wd) -> img (C, H, Wd); patches (N, C*P*P), the patches of P x P pixels of "
        "one image, row by row from the top left, each flattened as (C, P, P); N = (H/P) * (Wd/P)."
    ),
    minutes=12,
    difficulty=3,
    points=2,
    takes="torch",
    arguments={"patches": ("N", "C*P*P"), "P": (), "H": (), "Wd": ()},
    outputs={"img": ("C", "H", "Wd")},
    cases=[
        Case("2 x 3 patches, 3 channels", lambda rng: (rng.normal(size=(6, 12)), 2, 4, 6), weight=3),
        Case("numbered", lambda rng: numbered(2, 2, 6, 4)),
        Case("by hand, 1 x 2 patches", lambda rng: numbered(1, 2, 2, 4)),
        Case("by hand, 2 x 1 patches", lambda rng: numbered(1, 2, 4, 2)),
        Case("by hand, one patch, 2 channels", lambda rng: numbered(2, 2, 2, 2)),
        Case("patches of a pixel", lambda rng: numbered(2, 1, 2, 3)),
        Case("square", lambda rng: (rng.normal(size=(9, 16)), 4, 12, 12)),
        Case("5 channels, 3 x 5 patches", lambda rng: (rng.normal(size=(15, 45)), 3, 9, 15), weight=2),
    ],
    reference=by_asking_where_each_pixel_went,
    solution=unpatchify,
    right=[unpatchify, with_loops, with_fold, with_rows_put_together, by_asking_where_each_pixel_went],
    wrong=[
        reshaped_only,
        column_by_column,
        pixels_column_by_column,
        image_turned,
        image_turned_and_reshaped,
        columns_before_rows,
        counts_side_by_side,
        pixels_before_patches,
        channels_not_in_front,
        channels_last_in_the_result,
        channels_between,
        first_channel,
        mean_of_channels,
        three_channels,
        channels_squeezed,
        batch_axis_left,
        square_image,
        square_grid,
        rows_from_the_width,
        sides_exchanged,
        upside_down,
        rows_of_patches_turned_round,
        mirrored,
        back_and_forth,
        stacked,
        in_one_row,
        first_token_dropped,
        still_patches,
        changes_patches,
        channels_inside,
        channels_first_split,
        transposed_and_reshaped,
        steps_of_one_pixel,
        joined_along_the_wrong_side,
    ],
    conventions=[channels_last],
    properties=[every_number_is_there_once],
    hints=[
        "Where does patch 1 begin in the image, where the first patch of the second row?",
        (
            "Undo `patch_embedding`: split the patches into (rows, columns, C, P, P), then `permute` so that "
            "each side's patch count stands before its pixels."
        ),
        "`patches.reshape(H // P, Wd // P, -1, P, P).permute(2, 0, 3, 1, 4).reshape(-1, H, Wd)`.",
    ],
)
