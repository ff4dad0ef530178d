"""Train the stacks of lesson 11 on digits: norm before or after, with and without warm-up, parts left out.

    python sources/training/11_norms.py

A Vision Transformer of 12 blocks reads handwritten digits, 16 patches each. Every setting is trained from
three starts with the same images in the same order. Writes course_lib/data/files/11_norms.json: command,
seeds, CPU seconds, recipe, and for each setting the share of held-out digits read right, the losses, and the
step at which a training broke off because its gradient was no number any more.
Takes about five minutes.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.data.digits import load_digits
from course_lib.training import History, NonFiniteError, Recipe, train
from course_lib.transformer.blocks import BlockConfig, EncoderLayer
from course_lib.transformer.vision import VisionTransformer

FILES = Path(__file__).parents[2] / "course_lib" / "data" / "files"
COMMAND = "python sources/training/11_norms.py"
SEEDS, BATCH, WINDOW = (11, 12, 13), 32, 10
CONFIG = BlockConfig(d_model=32, n_heads=4, n_layers=12)
RECIPE = Recipe(steps=400, lr=2e-3, warmup=0, schedule="constant")
WARM = replace(RECIPE, warmup=200)


class Silent(nn.Module):
    """In the place of a feed-forward network: it gives 0, so the residual passes."""

    def forward(self, x: Tensor) -> Tensor:
        """x (..., d) -> zeros (..., d)."""
        return torch.zeros_like(x)


class NoResidual(EncoderLayer):
    """Each part reads the normed output of the one before; nothing goes past it."""

    def forward(self, x: Tensor, *_, return_weights: bool = False) -> Tensor:
        """x (B, n, d_model) -> (B, n, d_model)."""
        x = self.self_attn(self.norm1(x), None, None)
        return self.ffn(self.norm2(x))


def without_feed_forward(layer: EncoderLayer) -> None:
    """Attention, residual and norm stay."""
    layer.ffn = Silent()


def without_norm(layer: EncoderLayer) -> None:
    """Attention, feed-forward and residual stay."""
    layer.norm1, layer.norm2 = nn.Identity(), nn.Identity()


def without_residual(layer: EncoderLayer) -> None:
    """Attention, feed-forward and norm stay."""
    layer.__class__ = NoResidual


def whole(layer: EncoderLayer) -> None:
    """Nothing is left out."""


# name: (norm before, number of blocks, what is left out, recipe)
SETTINGS: dict[str, tuple[bool, int, Callable[[EncoderLayer], None], Recipe]] = {
    "pre-norm": (True, 12, whole, RECIPE),
    "post-norm": (False, 12, whole, RECIPE),
    "post-norm, warm-up": (False, 12, whole, WARM),
    "pre-norm, warm-up": (True, 12, whole, WARM),
    "post-norm, 2 blocks": (False, 2, whole, RECIPE),
    "pre-norm, 2 blocks": (True, 2, whole, RECIPE),
    "post-norm, a tenth of the rate": (False, 12, whole, replace(RECIPE, lr=2e-4)),
    "pre-norm without residual": (True, 12, without_residual, RECIPE),
    "no norm in the blocks": (True, 12, without_norm, RECIPE),
    "pre-norm without feed-forward": (True, 12, without_feed_forward, RECIPE),
}


def build(pre_norm: bool, n_layers: int, leave_out: Callable[[EncoderLayer], None], seed: int) -> nn.Module:
    """A Vision Transformer on 2 x 2 patches, its blocks by Xavier, with a part left out of every block."""
    torch.manual_seed(seed)
    config = replace(CONFIG, pre_norm=pre_norm, n_layers=n_layers)
    model = VisionTransformer((1, 8, 8), 2, 10, config)
    for module in model.encoder.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)
    for layer in model.encoder.layers:
        leave_out(layer)
    return model


class Images:
    """The digits as tensors, and batches of them drawn by a seed."""

    def __init__(self, dtype: torch.dtype = torch.float32) -> None:
        splits = [load_digits(split) for split in ("train", "test")]
        self.source = splits[0].source
        self.train, self.test = ((torch.tensor(s.images).to(dtype), torch.tensor(s.labels)) for s in splits)

    def batches(self, seed: int) -> Callable[[int], tuple[Tensor, Tensor]]:
        """What `train` draws from: images (B, 1, 8, 8) and digits (B,)."""
        generator = torch.Generator().manual_seed(seed)

        def draw(_step: int) -> tuple[Tensor, Tensor]:
            rows = torch.randint(len(self.train[1]), (BATCH,), generator=generator)
            return self.train[0][rows], self.train[1][rows]

        return draw

    @torch.no_grad()
    def accuracy(self, model: nn.Module) -> float:
        """Share of the held-out digits that are read right."""
        images, digits = self.test
        return (model(images).argmax(dim=-1) == digits).float().mean().item()


def loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    """Cross-entropy of the digit."""
    return F.cross_entropy(model(batch[0]), batch[1])


def learn(model: nn.Module, batches: Callable, recipe: Recipe) -> tuple[History, int | None]:
    """Train; the history, and the step at which the gradient was no finite number any more, or None."""
    try:
        return train(model, batches, loss, recipe, quiet=True), None
    except NonFiniteError as error:
        model.eval()
        return error.history, error.step


def main(folder: Path = FILES, share: float = 1.0, seeds: tuple[int, ...] = SEEDS) -> dict:
    """Train every setting for a share of the steps, write the file; returns what it says."""
    images, settings, started = Images(), {}, time.process_time()
    for name, (pre_norm, n_layers, leave_out, recipe) in SETTINGS.items():
        recipe = recipe.shortened(share)
        seen: dict = {"accuracy": [], "loss": [], "stopped": [], "recipe": asdict(recipe), "blocks": n_layers}
        for seed in seeds:
            model = build(pre_norm, n_layers, leave_out, seed)
            seen["parameters"] = sum(p.numel() for p in model.parameters())
            history, stopped = learn(model, images.batches(seed), recipe)
            seen["stopped"].append(stopped)
            seen["accuracy"].append(round(images.accuracy(model), 4))
            seen["loss"].append(smoothed(history.loss))
        settings[name] = seen
        print(name, seen["accuracy"], flush=True)
    about = {
        "source": images.source,
        "command": COMMAND,
        "seeds": list(seeds),
        "cpu_seconds": round(time.process_time() - started),
        "config": asdict(CONFIG),
        "loss_is_the_mean_of_steps": WINDOW,
        "settings": settings,
    }
    path = folder / "11_norms.json"
    path.write_text(json.dumps(about, ensure_ascii=False) + "\n", encoding="utf-8")
    return about


def smoothed(losses: np.ndarray) -> list[float]:
    """Means of ten steps at a time, 3 decimals."""
    ends = range(WINDOW, len(losses) + WINDOW, WINDOW)
    return [round(float(losses[end - WINDOW : end].mean()), 3) for end in ends]


if __name__ == "__main__":
    torch.set_num_threads(1)
    about = main(*map(Path, sys.argv[1:]))
    print({name: seen["accuracy"] for name, seen in about["settings"].items()}, about["cpu_seconds"])
