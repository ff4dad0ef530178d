"""What lesson 21 says about patches, places and cost is what the code does."""

from pathlib import Path

import numpy as np
import torch

from course_lib.by_hand import cut_patches as cut_by_hand
from course_lib.checks import hunt
from course_lib.transformer.blocks import BlockConfig
from course_lib.transformer.vision import VisionTransformer, cut_patches, patch_embedding

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "sources" / "lessons" / "21_vision_transformer.py").read_text(encoding="utf-8")


def test_the_tokens_on_paper_are_those_of_the_library():
    assert "4. positions: $(0, 5), (4, 1), (3, 6)$" in TEXT
    img = torch.tensor([[1.0, 0, 0, 2], [1, 0, 0, 2]])[None, None]
    W = torch.tensor([[1.0, 0], [0, 1], [1, 0], [0, 1]])
    pos = torch.tensor([[0.0, 0], [1, 1], [2, 2]])
    tokens = patch_embedding(img, 2, W, torch.tensor([1.0, 0]), torch.tensor([0.0, 5]), pos)
    assert tokens[0].tolist() == [[0, 5], [4, 1], [3, 6]]


def test_the_numbers_of_a_large_picture():
    assert "196 patches and 38,416 weights; 784 and 614,656; 50,176 and about 2.5 thousand million" in TEXT
    patches = [(224 // P) ** 2 for P in (16, 8, 1)]
    assert patches == [196, 784, 50_176] and [N * N for N in patches[:2]] == [38_416, 614_656]
    assert round(patches[2] ** 2 / 1e9, 1) == 2.5


def test_three_in_seven_neighbours_lie_across_an_edge():
    piece = torch.empty(64, dtype=torch.long)
    for number, pixels in enumerate(cut_by_hand(np.arange(64.0).reshape(8, 8), 2).astype(int)):
        piece[pixels] = number
    piece = piece.view(8, 8)
    across = (piece[:, 1:] != piece[:, :-1]).double().mean().item()
    assert abs(across - 3 / 7) < 1e-12


def test_a_stride_of_one_gives_45_windows():
    assert "45: the window has 8 − 4 + 1 = 5 places down and 12 − 4 + 1 = 9 across" in TEXT
    windows = torch.nn.functional.conv2d(torch.zeros(1, 3, 8, 12), torch.zeros(5, 3, 4, 4))
    assert windows.shape[2:] == (5, 9)


def test_places_are_names():
    torch.manual_seed(0)
    config = BlockConfig(d_model=8, n_heads=2, n_layers=2)
    model = VisionTransformer((1, 8, 8), 2, 10, config).double()
    img, order = torch.rand(2, 1, 8, 8, dtype=torch.float64), torch.randperm(16)
    pixels = cut_patches(torch.arange(64.0).view(1, 1, 8, 8), 2)[0].long()
    mixed = torch.empty_like(img).flatten(1)
    mixed[:, pixels.flatten()] = cut_patches(img, 2)[:, order].flatten(1)
    with torch.no_grad():
        before = model(img)
        assert not torch.allclose(model(mixed.view_as(img)), before)
        model.embed.positions[1:] = model.embed.positions[1:][order]
        assert torch.allclose(model(mixed.view_as(img)), before, atol=1e-12, rtol=0)


def test_the_suspect_of_the_hunt_reads_a_bag():
    the_hunt = hunt("21_places")
    rng = np.random.default_rng(0)
    patches, W, cls, pos = (rng.standard_normal(size) for size in ((5, 4), (4, 3), 3, (6, 3)))
    turned = patches[rng.permutation(5)]
    assert np.allclose(the_hunt.broken(patches, W, cls, pos), the_hunt.broken(turned, W, cls, pos))
    assert not np.allclose(the_hunt.right(patches, W, cls, pos), the_hunt.right(turned, W, cls, pos))
