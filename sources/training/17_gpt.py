"""Train the GPT of lesson 17 on Python's own reference text, character by character.

    python sources/training/17_gpt.py

Writes course_lib/data/files/17_gpt.safetensors (float16) with a .json beside it: command, seed, CPU seconds,
hash, characters, held-out loss, what the model wrote during its training, the longest pieces that it wrote
word for word from its training text, and the history with the maps of a few heads on one watched text. The
text is read from the Python that runs (`course_lib.data.prose`). Takes about seven minutes.
"""

import copy
import hashlib
import json
import math
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.data.batches import random_windows
from course_lib.data.prose import Prose, load_prose
from course_lib.decoding import generate
from course_lib.text import CharacterTokenizer
from course_lib.training import History, Recipe, smoothed_cross_entropy, train
from course_lib.transformer.blocks import BlockConfig, zero_outputs
from course_lib.transformer.checkpoints import load_checkpoint, save_checkpoint
from course_lib.transformer.gpt import GPT

FILES = Path(__file__).parents[2] / "course_lib" / "data" / "files"
COMMAND = "python sources/training/17_gpt.py"
SEED, N, BATCH = 17, 128, 24
SIZES = {"d_model": 144, "n_heads": 4, "n_layers": 4, "bias": False}
RECIPE = Recipe(steps=1500, lr=3e-3, muon_lr=0.03, warmup=30)
EVERY = 30  # steps between two looks at the model
SAMPLED = (0, 30, 90, 240, 600, 1500)  # steps at which it writes
PROMPT, LENGTH, TEMPERATURE = "\nThe ", 160, 0.8
WATCHED = "the string or the stri"  # begins again in the middle


class Characters:
    """The text as ids, training and held out, and the characters."""

    def __init__(self, prose: Prose) -> None:
        self.prose = prose
        self.tokenizer = CharacterTokenizer.from_texts(prose.train, specials=("unk",))
        self.train, self.held_out = (
            np.array(self.tokenizer.encode(text)) for text in (prose.train, prose.validation)
        )

    def encode(self, text: str) -> Tensor:
        """One text as ids (1, n)."""
        return torch.tensor([self.tokenizer.encode(text)])

    @torch.no_grad()
    def nats(self, model: GPT, most: int | None = None) -> float:
        """Held-out loss in nats per character, the text cut into pieces, of which the first `most` are read."""
        n_pieces = (len(self.held_out) - 1) // N
        pieces = torch.from_numpy(self.held_out[: n_pieces * N + 1])
        inputs, targets = pieces[:-1].view(-1, N)[:most], pieces[1:].view(-1, N)[:most]
        sums = [
            smoothed_cross_entropy(model(x), y, pad=-1).item() * len(x)
            for x, y in zip(inputs.split(64), targets.split(64), strict=True)
        ]
        return sum(sums) / len(inputs)

    def write(
        self, model: GPT, seed: int, prompt: str = PROMPT, n_new: int = LENGTH, rate=TEMPERATURE
    ) -> str:
        """The prompt and what the model writes after it at the temperature `rate`."""
        generator = torch.Generator().manual_seed(seed)
        ids = generate(model, self.encode(prompt), n_new, temperature=rate, generator=generator)
        return self.tokenizer.decode(ids[0].tolist())


def loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    """Mean cross-entropy of the next character at every place."""
    return smoothed_cross_entropy(model(batch[0]), batch[1], pad=-1)


def squeezed(text: str) -> str:
    """The text with one space for each run of white space: long runs of spaces are no copies."""
    return " ".join(text.split())


def longest_copy(text: str, source: str) -> str:
    """The longest piece of `text` that stands in `source` character by character."""
    best = ""
    for start in range(len(text)):
        while start + len(best) < len(text) and text[start : start + len(best) + 1] in source:
            best = text[start : start + len(best) + 1]
    return best


def maps(model: GPT, ids: Tensor) -> dict[str, np.ndarray]:
    """The weights (n_heads, n, n) of each layer on the watched text."""
    _, weights = model(ids, return_weights=True)
    return {f"layer {number}": layer[0].numpy().copy() for number, layer in enumerate(weights)}


def chosen(history: History, text: str) -> dict[str, tuple[str, int]]:
    """The heads that lean most on the character before, on the one before that, and on the last space."""
    last = {name: rows[-1] for name, rows in history.maps.items()}
    goals = {
        "one before": {i: i - 1 for i in range(1, len(text))},
        "two before": {i: i - 2 for i in range(2, len(text))},
        "last space": {i: text.rindex(" ", 0, i) for i in range(text.index(" ") + 2, len(text))},
    }
    return {what: leaning(last, goal) for what, goal in goals.items()}


def leaning(last: dict[str, np.ndarray], goal: dict[int, int]) -> tuple[str, int]:
    """Layer and number of the head with the most weight on the goal of each query."""
    queries, keys = list(goal), list(goal.values())
    weight = {
        (name, head): rows[head, queries, keys].mean()
        for name, rows in last.items()
        for head in range(len(rows))
    }
    return max(weight, key=weight.get)


def main(folder: Path = FILES, share: float = 1.0, n_texts: int = 20, n_new: int = 400) -> dict:
    """Train for a share of the steps, write both files; returns what the .json says."""
    text = Characters(load_prose())
    torch.manual_seed(SEED)
    model = GPT(len(text.tokenizer), N, BlockConfig(**SIZES), positions="rotary")
    zero_outputs(model)
    recipe, rng, samples = RECIPE.shortened(share), np.random.default_rng(SEED), {}
    wanted = {min(step, recipe.steps) for step in SAMPLED}

    def look(model: GPT) -> dict[str, float]:
        step = len(samples_at) * EVERY
        samples_at.append(min(step, recipe.steps))
        if samples_at[-1] in wanted:
            samples[samples_at[-1]] = text.write(model, SEED)
        return {"nats": text.nats(model, most=64)}

    samples_at: list[int] = []
    started = time.process_time()
    history = train(
        model, lambda step: random_windows(text.train, N, BATCH, rng), loss, recipe, quiet=True,
        every=EVERY, evaluate=look, record=lambda model: maps(model, text.encode(WATCHED)),
    )  # fmt: skip
    seconds = time.process_time() - started
    path = folder / "17_gpt.safetensors"
    save_checkpoint(path, copy.deepcopy(model).half(), {"trained by": COMMAND, "seed": SEED})
    load_checkpoint(path, model)  # what is measured is what is shipped
    nats = text.nats(model)
    about = {
        "source": text.prose.source,
        "command": COMMAND,
        "seed": SEED,
        "cpu_seconds": round(seconds),
        "recipe": asdict(recipe),
        "sha256_of_the_table": hashlib.sha256(path.read_bytes()).hexdigest(),
        "sizes": SIZES,
        "max_n": N,
        "batch": BATCH,
        "parameters": sum(p.numel() for p in model.parameters()),
        "tokens": text.tokenizer.vocabulary.tokens[1:],
        "training_characters": len(text.train),
        "held_out_characters": len(text.held_out),
        "nats": round(nats, 4),
        "bits": round(nats / math.log(2), 4),
        "prompt": PROMPT,
        "temperature": TEMPERATURE,
        "samples": {str(step): sample for step, sample in samples.items()},
        "copies": copies(text, model, n_texts, n_new),
        "watched": WATCHED,
        "heads": chosen(history, WATCHED),
        "history": rounded(history, chosen(history, WATCHED)),
    }
    path.with_suffix(".json").write_text(json.dumps(about, ensure_ascii=False) + "\n", encoding="utf-8")
    return about


def copies(text: Characters, model: GPT, n_texts: int, n_new: int) -> dict[str, list[int] | str]:
    """Lengths of the longest pieces copied from the training text, one per text of `n_new` characters."""
    found: dict = {"characters": n_new}
    source = squeezed(text.prose.train)
    for rate in (0.5, 0.8, 1.0):
        written = [text.write(model, seed, n_new=n_new, rate=rate)[len(PROMPT) :] for seed in range(n_texts)]
        pieces = [longest_copy(squeezed(sample), source) for sample in written]
        found[f"temperature {rate}"] = [len(piece) for piece in pieces]
        found[f"longest at {rate}"] = max(pieces, key=len)
    people = [text.prose.validation[i * n_new : (i + 1) * n_new] for i in range(n_texts)]
    found["held-out text"] = [len(longest_copy(squeezed(piece), source)) for piece in people]
    return found


def rounded(history: History, heads: dict[str, tuple[str, int]]) -> dict:
    """The history as lists with the maps of the chosen heads alone: what `History.from_arrays` reads."""
    kept = {
        name: values.tolist() for name, values in history.arrays().items() if not name.startswith("maps/")
    }
    kept["loss"] = np.round(history.loss, 4).tolist()
    kept["lr"] = np.round(history.lr, 6).tolist()
    kept["scores/nats"] = np.round(history.scores["nats"], 4).tolist()
    for what, (layer, head) in heads.items():
        kept[f"maps/{what}"] = np.round(history.maps[layer][:, head].astype(np.float64), 3).tolist()
    return kept


if __name__ == "__main__":
    torch.set_num_threads(1)
    about = main(*map(Path, sys.argv[1:]))
    print({name: about[name] for name in ("cpu_seconds", "parameters", "bits", "copies", "samples", "heads")})
