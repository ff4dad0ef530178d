"""A Vision Transformer names handwritten digits, with and without positions, beside logistic regression.

Prints one JSON line: shares right on 360 test images, CPU seconds of one thread, the seed.
"""

import json
import sys
import time

import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression

from course_lib.data.digits import load_digits
from course_lib.training import Recipe, train
from course_lib.transformer.blocks import BlockConfig, zero_outputs
from course_lib.transformer.vision import VisionTransformer

CONFIG = BlockConfig(d_model=64, n_heads=4, d_hidden=128, n_layers=2, bias=False)
SMALL = BlockConfig(d_model=32, n_heads=4, d_hidden=64, n_layers=2, bias=False)


def main(steps: int = 400, ablation_steps: int = 200, seed: int = 0) -> dict[str, float]:
    """Train the full model, then two small ones that differ in positions alone."""
    start = time.process_time()
    figures = {"vision_transformer": accuracy(CONFIG, steps, seed)}
    figures["cpu_seconds"] = time.process_time() - start
    figures["small_with_positions"] = accuracy(SMALL, ablation_steps, seed)
    figures["small_without_positions"] = accuracy(SMALL, ablation_steps, seed, positions=False)
    figures["logistic_regression"] = logistic_regression()
    return {name: round(value, 4) for name, value in figures.items()} | {"steps": steps, "seed": seed}


def accuracy(config: BlockConfig, steps: int, seed: int, positions: bool = True) -> float:
    """Train on the training images; the share right of the test images."""
    torch.manual_seed(seed)
    model = VisionTransformer((1, 8, 8), 2, 10, config, positions)
    zero_outputs(model)
    images, labels = tensors("train")

    def batch(step: int):
        rows = torch.randint(len(labels), (64,))
        return images[rows], labels[rows]

    def loss(model, batch):
        return F.cross_entropy(model(batch[0]), batch[1])

    train(model, batch, loss, Recipe(steps, lr=3e-3, muon_lr=0.03), quiet=True)
    images, labels = tensors("test")
    with torch.no_grad():
        return (model(images).argmax(dim=-1) == labels).double().mean().item()


def tensors(split: str):
    """Images (N, 1, 8, 8) and labels (N,) of one split."""
    digits = load_digits(split)
    return torch.from_numpy(digits.images), torch.from_numpy(digits.labels)


def logistic_regression() -> float:
    """The same images as 64 numbers each, without a Transformer."""
    (images, labels), (test_images, test_labels) = tensors("train"), tensors("test")
    model = LogisticRegression(max_iter=1000).fit(images.flatten(1), labels)
    return model.score(test_images.flatten(1), test_labels)


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps(main(**{name: int(value) for name, value in (a.split("=") for a in sys.argv[1:])})))
