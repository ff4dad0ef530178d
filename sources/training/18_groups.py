"""What fewer heads of keys and values cost the character model of lesson 17.

    python sources/training/18_groups.py

The model of lesson 17 gets 4 (as it is), 2 or 1 heads of keys and values, each the mean of those it replaces,
and 75 further steps, 5 % of its training. And a small model is trained from the start with 4, 2 and 1. Three
seeds each. Writes course_lib/data/files/18_groups.json: command, seeds, CPU seconds, and bits per held-out
character before and after. Takes about five minutes.
"""

import json
import math
import sys
import time
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import torch

from course_lib.data.batches import random_windows
from course_lib.data.prose import load_prose
from course_lib.text import CharacterTokenizer, Vocabulary
from course_lib.training import Recipe, train
from course_lib.transformer.blocks import BlockConfig, zero_outputs
from course_lib.transformer.checkpoints import load_checkpoint
from course_lib.transformer.gpt import GPT

FILES = Path(__file__).parents[2] / "course_lib" / "data" / "files"
COMMAND = "python sources/training/18_groups.py"
SEEDS, KV_HEADS = (1, 2, 3), (4, 2, 1)
FURTHER = Recipe(steps=75, lr=1e-3, muon_lr=0.01, warmup=5)
FROM_START = Recipe(steps=400, lr=3e-3, muon_lr=0.03, warmup=30)
SMALL = BlockConfig(d_model=64, n_heads=4, n_layers=2, bias=False)

_spec = spec_from_file_location("training_17_gpt", Path(__file__).with_name("17_gpt.py"))
gpt = module_from_spec(_spec)
_spec.loader.exec_module(gpt)


def with_fewer(about: dict, n_kv_heads: int) -> GPT:
    """The model of lesson 17 whose heads share `n_kv_heads` keys and values, each the mean of a group."""
    whole = GPT(len(about["tokens"]) + 1, gpt.N, BlockConfig(**gpt.SIZES), positions="rotary")
    load_checkpoint(FILES / "17_gpt.safetensors", whole, about["sha256_of_the_table"])
    sizes, state = BlockConfig(**gpt.SIZES, n_groups=n_kv_heads), whole.state_dict()
    d_head, share = sizes.d_model // sizes.n_heads, sizes.n_heads // n_kv_heads
    for name, weight in state.items():
        if "W_k" in name or "W_v" in name:
            state[name] = weight.view(n_kv_heads, share, d_head, -1).mean(dim=1).flatten(0, 1)
    model = GPT(len(about["tokens"]) + 1, gpt.N, sizes, positions="rotary")
    model.load_state_dict(state)
    return model


def from_start(n_vocab: int, n_kv_heads: int, seed: int) -> GPT:
    """A fresh small model."""
    torch.manual_seed(seed)
    model = GPT(n_vocab, gpt.N, replace(SMALL, n_groups=n_kv_heads), positions="rotary")
    zero_outputs(model)
    return model


def bits(text, model: GPT) -> float:
    """Bits per held-out character."""
    with torch.no_grad():
        return round(text.nats(model.eval()) / math.log(2), 3)


def learn(model: GPT, text, recipe: Recipe, seed: int) -> None:
    """Train the model on random pieces of the text."""
    rng = np.random.default_rng(seed)
    train(model, lambda step: random_windows(text.train, gpt.N, gpt.BATCH, rng), gpt.loss, recipe, quiet=True)


def main(folder: Path = FILES, share: float = 1.0, seeds: tuple[int, ...] = SEEDS) -> dict:
    """Train every model with `share` of the steps, write the file; returns what it says."""
    started = time.process_time()
    text = gpt.Characters(load_prose())
    about = json.loads((FILES / "17_gpt.json").read_text(encoding="utf-8"))
    vocabulary = Vocabulary(about["tokens"], specials=("unk",))
    text.tokenizer = CharacterTokenizer(vocabulary)
    text.train, text.held_out = (
        np.array(text.tokenizer.encode(part)) for part in (text.prose.train, text.prose.validation)
    )
    shorter = {
        name: replace(
            recipe, steps=max(2, round(share * recipe.steps)), warmup=1 if share < 1 else recipe.warmup
        )
        for name, recipe in (("further", FURTHER), ("from the start", FROM_START))
    }
    said: dict = {
        "source": text.prose.source,
        "command": COMMAND,
        "seeds": list(seeds),
        "steps": {name: recipe.steps for name, recipe in shorter.items()},
        "before": {},
        "further": {},
        "from the start": {},
    }
    for n_kv_heads in KV_HEADS:
        said["before"][str(n_kv_heads)] = bits(text, with_fewer(about, n_kv_heads))
        for name in ("further", "from the start"):
            after = []
            for seed in seeds:
                further = name == "further"
                model = (
                    with_fewer(about, n_kv_heads)
                    if further
                    else from_start(len(vocabulary), n_kv_heads, seed)
                )
                learn(model, text, shorter[name], seed)
                after.append(bits(text, model))
            said[name][str(n_kv_heads)] = after
            print(n_kv_heads, name, said["before"][str(n_kv_heads)], after, flush=True)
    said["cpu_seconds"] = round(time.process_time() - started)
    (folder / "18_groups.json").write_text(json.dumps(said, ensure_ascii=False) + "\n", encoding="utf-8")
    return said


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(*map(Path, sys.argv[1:]))
