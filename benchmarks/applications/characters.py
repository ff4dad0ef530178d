"""A character model on Python's reference text: the course's recipe beside nanoGPT's at equal CPU time.

nanoGPT's recipe (Karpathy 2022, train_shakespeare_char), written with the library at our width and depth:
learned positions, GELU over 4 d_model, tied output, weights from N(0, 0.02), AdamW 1e-3 with 100 steps of
warm-up and a cosine to a tenth. A lower validation loss is better.
"""

import json
import math
import sys
import time

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.data.batches import random_windows
from course_lib.data.prose import load_prose
from course_lib.text import CharacterTokenizer
from course_lib.training import Recipe, smoothed_cross_entropy, train
from course_lib.transformer.blocks import BlockConfig, zero_outputs
from course_lib.transformer.gpt import GPT

SIZES = {"d_model": 96, "n_heads": 4, "n_layers": 3, "bias": False}
N, BATCH = 96, 24


def course_model(n_vocab: int) -> GPT:
    """Rotary positions, embeddings from N(0, 1), outputs of the layers that start at zero."""
    model = GPT(n_vocab, N, BlockConfig(**SIZES, d_hidden=192), positions="rotary")
    zero_outputs(model)
    return model


def nanogpt_model(n_vocab: int) -> GPT:
    """Its sizes and the way its weights are drawn."""
    model = GPT(n_vocab, N, BlockConfig(**SIZES, d_hidden=384, activation="gelu"), tied=True)
    for name, W in model.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(W)
        elif W.ndim == 2:  # what the blocks add to the stream is drawn smaller
            last = name.endswith(("W_o.weight", "W_2.weight"))
            nn.init.normal_(W, std=0.02 / (2 * SIZES["n_layers"]) ** 0.5 if last else 0.02)
    return model


def ours(steps: int) -> Recipe:
    """The course's recipe."""
    return Recipe(steps, lr=3e-3, muon_lr=0.03, warmup=min(30, steps // 2))


def theirs(steps: int) -> Recipe:
    """nanoGPT's for characters."""
    warmup = min(100, steps // 2)
    return Recipe(
        steps, 1e-3, None, warmup, "cosine", final=0.1, betas=(0.9, 0.99), weight_decay=0.1, clip=1.0
    )


def learn(model: GPT, recipe: Recipe, ids: np.ndarray, seed: int) -> float:
    """Train on random pieces of the text; returns the CPU seconds."""
    started, rng = time.process_time(), np.random.default_rng(seed)

    def loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        return smoothed_cross_entropy(model(batch[0]), batch[1], pad=-1)

    train(model, lambda step: random_windows(ids, N, BATCH, rng), loss, recipe, quiet=True)
    return time.process_time() - started


@torch.no_grad()
def validation_loss(model: GPT, ids: np.ndarray) -> float:
    """Mean loss, in nats per character, over the whole text cut into pieces."""
    pieces = torch.from_numpy(ids[: (len(ids) - 1) // N * N + 1])
    inputs, targets = pieces[:-1].view(-1, N), pieces[1:].view(-1, N)
    losses = [
        smoothed_cross_entropy(model(x), y, pad=-1).item() * len(x)
        for x, y in zip(inputs.split(64), targets.split(64), strict=True)
    ]
    return sum(losses) / len(inputs)


def main(seed: int = 0, steps: int = 350, peer: bool = True) -> dict:
    """Validation loss and CPU seconds of both, the peer with as many steps as fit into our time."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    prose = load_prose()
    tokenizer = CharacterTokenizer.from_texts(prose.train, specials=("unk",))
    ids, held_out = (np.array(tokenizer.encode(text)) for text in (prose.train, prose.validation))
    figures = {"seed": seed, "source": prose.source, "n_vocab": len(tokenizer)}

    model = course_model(len(tokenizer))
    seconds = learn(model, ours(steps), ids, seed)
    figures["course"] = result(model, steps, seconds, held_out)
    if peer:
        a_step = learn(nanogpt_model(len(tokenizer)), theirs(10), ids, seed) / 10
        steps = round(seconds / a_step)
        model = nanogpt_model(len(tokenizer))
        figures["nanogpt"] = result(model, steps, learn(model, theirs(steps), ids, seed), held_out)
    return figures


def result(model: GPT, steps: int, seconds: float, held_out: np.ndarray) -> dict[str, float]:
    """What is reported of one model."""
    nats = validation_loss(model, held_out)
    figures = {
        "steps": steps,
        "seconds": round(seconds, 1),
        "parameters": sum(W.numel() for W in model.parameters()),
    }
    return figures | {"nats": round(nats, 3), "bits": round(nats / math.log(2), 3)}


if __name__ == "__main__":
    print(json.dumps(main(**{name: int(value) for name, value in (a.split("=") for a in sys.argv[1:])})))
