"""Sort 6 digits out of 3 with a small GPT: the course's recipe beside minGPT's, to 99 % of whole sequences.

minGPT's recipe (Karpathy 2020, demo notebook), written with the library: gpt-nano (3 layers, 3 heads, d_model
48, GELU, dropout 0.1, weights from N(0, 0.02)), AdamW 5e-4 all along, batches of 64, gradients cut at 1.
"""

import json
import sys

import numpy as np
import torch
from race import race
from torch import nn

from course_lib.data.tasks import sort
from course_lib.training import Recipe
from course_lib.transformer.blocks import BlockConfig, zero_outputs
from course_lib.transformer.gpt import GPT

SIZES = {"d_model": 48, "n_heads": 3, "n_layers": 3}
OURS = Recipe(steps=120, lr=5e-3, muon_lr=0.02, warmup=10, weight_decay=0.3)
MINGPT = Recipe(steps=400, lr=5e-4, warmup=0, schedule="constant", weight_decay=0.1, clip=1.0)
LENGTH, N_TOKENS, BATCH = 6, 3, 64


def course_model() -> GPT:
    """Embeddings and positions from N(0, 1), outputs of the layers that start at zero."""
    model = GPT(N_TOKENS, 2 * LENGTH - 1, BlockConfig(**SIZES, d_hidden=96, bias=False))
    zero_outputs(model)
    return model


def mingpt_model() -> GPT:
    """Its sizes and the way its weights are drawn."""
    model = GPT(N_TOKENS, 2 * LENGTH - 1, BlockConfig(**SIZES, d_hidden=192, activation="gelu", dropout=0.1))
    for name, W in model.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(W)
        elif W.ndim == 2:  # what the blocks add to the stream is drawn smaller
            last = name.endswith(("W_o.weight", "W_2.weight"))
            nn.init.normal_(W, std=0.02 / (2 * SIZES["n_layers"]) ** 0.5 if last else 0.02)
    return model


def run(model: GPT, recipe: Recipe, every: int, seed: int) -> dict[str, float | None]:
    """Steps and CPU seconds to 99 % of the sequences."""
    rng = np.random.default_rng(seed)
    test = sort(500, LENGTH, N_TOKENS, seed=seed + 1000, split="test")
    return race(model, recipe, lambda: sort(BATCH, LENGTH, N_TOKENS, seed=rng), test, every, whole=True)


def main(seed: int = 0, peer: bool = True) -> dict:
    """Steps and CPU seconds to 99 %, ours and theirs."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    run(course_model(), Recipe(3, warmup=1), 1, seed)  # first calls are slow for reasons of their own
    figures = {"seed": seed, "course": run(course_model(), OURS, 5, seed)}
    if peer:
        figures["mingpt"] = run(mingpt_model(), MINGPT, 10, seed)
    return figures


if __name__ == "__main__":
    print(json.dumps(main(**{name: int(value) for name, value in (a.split("=") for a in sys.argv[1:])})))
