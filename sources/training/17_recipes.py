"""The course's recipe for characters beside nanoGPT's, at equal CPU time, and what makes the difference.

    python sources/training/17_recipes.py

Models of 3 layers on Python's reference text, as in benchmarks/applications/characters.py. Each variant gets as
many steps as fit into the time of 200 steps of the course's recipe; times of a step are measured first, turn by
turn. Writes course_lib/data/files/17_recipes.json: command, seeds, CPU seconds, steps and the held-out loss of
every start. Takes about six minutes.
"""

import json
import math
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from course_lib.data.prose import load_prose
from course_lib.text import CharacterTokenizer
from course_lib.training import Recipe
from course_lib.transformer.blocks import BlockConfig, zero_outputs
from course_lib.transformer.gpt import GPT

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks" / "applications"))
from characters import SIZES, N, course_model, learn, nanogpt_model, ours, theirs, validation_loss

FILES = ROOT / "course_lib" / "data" / "files"
COMMAND = "python sources/training/17_recipes.py"
SEEDS, STEPS = (1, 2, 3), 200


def learned_positions(n_vocab: int) -> GPT:
    """The course's model with a learnt table of positions in the place of rotary ones."""
    model = GPT(n_vocab, N, BlockConfig(**SIZES, d_hidden=192), positions="learned")
    zero_outputs(model)
    return model


def adam_alone(steps: int) -> Recipe:
    """The course's recipe without Muon."""
    return replace(ours(steps), muon_lr=None)


def their_optimiser_faster(steps: int) -> Recipe:
    """nanoGPT's recipe with three times its rate."""
    return replace(theirs(steps), lr=3e-3)


Variant = tuple[Callable[[int], GPT], Callable[[int], Recipe]]
VARIANTS: dict[str, Variant] = {
    "course": (course_model, ours),
    "course, AdamW alone": (course_model, adam_alone),
    "course, learned positions": (learned_positions, ours),
    "course, nanoGPT's optimiser": (course_model, theirs),
    "nanoGPT, course's optimiser": (nanogpt_model, ours),
    "nanoGPT, three times its rate": (nanogpt_model, their_optimiser_faster),
    "nanoGPT": (nanogpt_model, theirs),
}


class Text:
    """The two parts of the text as ids."""

    def __init__(self) -> None:
        prose = load_prose()
        tokenizer = CharacterTokenizer.from_texts(prose.train, specials=("unk",))
        self.source, self.n_vocab = prose.source, len(tokenizer)
        self.train, self.held_out = (np.array(tokenizer.encode(t)) for t in (prose.train, prose.validation))


def seconds_per_step(text: Text, rounds: int) -> dict[str, float]:
    """CPU seconds of a step of each variant: the median of `rounds`, the variants in turn."""
    seen: dict[str, list[float]] = {name: [] for name in VARIANTS}
    for _ in range(rounds):
        for name, (build, recipe) in VARIANTS.items():
            seen[name].append(learn(build(text.n_vocab), recipe(5), text.train, seed=0) / 5)
    return {name: statistics.median(seconds) for name, seconds in seen.items()}


def main(folder: Path = FILES, steps: int = STEPS, seeds: tuple[int, ...] = SEEDS, rounds: int = 7) -> dict:
    """Train every variant from every seed, write the file; returns what it says."""
    started, text = time.process_time(), Text()
    a_step = seconds_per_step(text, rounds)
    variants: dict[str, dict] = {}
    for name, (build, recipe) in VARIANTS.items():
        n_steps = max(2, round(steps * a_step["course"] / a_step[name]))
        seen: dict = {"steps": n_steps, "cpu_seconds": [], "nats": [], "bits": []}
        for seed in seeds:
            torch.manual_seed(seed)
            model = build(text.n_vocab)
            seen["parameters"] = sum(p.numel() for p in model.parameters())
            seen["cpu_seconds"].append(round(learn(model, recipe(n_steps), text.train, seed), 1))
            nats = validation_loss(model, text.held_out)
            seen["nats"].append(round(nats, 3))
            seen["bits"].append(round(nats / math.log(2), 3))
        variants[name] = seen
        print(name, seen, flush=True)
    about = {
        "source": text.source,
        "command": COMMAND,
        "seeds": list(seeds),
        "cpu_seconds": round(time.process_time() - started),
        "variants": variants,
    }
    path = folder / "17_recipes.json"
    path.write_text(json.dumps(about, ensure_ascii=False) + "\n", encoding="utf-8")
    return about


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(*map(Path, sys.argv[1:]))
