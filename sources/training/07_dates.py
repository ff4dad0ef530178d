"""Train the date reader of lesson 07 on 8 languages, and its ablations on English.

    python sources/training/07_dates.py

A GRU with additive attention turns dates as people write them into ISO 8601, character by character. Writes
course_lib/data/files/07_dates.safetensors (float16) with a .json beside it: command, seed, CPU seconds, hash,
vocabularies, held-out scores, and the history with the alignment of a few dates as it formed. The dates are
generated from CLDR patterns through babel (`course_lib.data.dates`). The ablations are trained on the 8
English formats, three seeds each; only their scores are kept. Takes about eight minutes.
"""

import copy
import hashlib
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.data.batches import batches_by_length, pad, shift_right
from course_lib.data.dates import LANGUAGES, Record, dates
from course_lib.decoding import translate
from course_lib.metrics import exact_match
from course_lib.text import CharacterTokenizer
from course_lib.training import History, Recipe, smoothed_cross_entropy, train
from course_lib.transformer.checkpoints import load_checkpoint, save_checkpoint
from course_lib.transformer.recurrent import AdditiveAttention, RecurrentSeq2Seq

FILES = Path(__file__).parents[2] / "course_lib" / "data" / "files"
COMMAND = "python sources/training/07_dates.py"
SEED, BATCH, SPECIALS = 7, 64, ("pad", "bos", "eos", "unk")
SIZES = {"d_embed": 32, "d_hidden": 64}
RECIPE = Recipe(steps=1500, lr=5e-3, warmup=50)
WATCHED = ["Wednesday, March 25, 1964", "25 marca 1964", "1964年3月25日水曜日"]  # a day held out
WATCHED_ISO = "1964-03-25"
ENGLISH = Recipe(steps=240, lr=8e-3, warmup=20)


class FixedSummary(nn.Module):
    """In the place of attention: every step reads the same summary (Cho et al. 2014, section 2.2)."""

    def W_k(self, memory: Tensor) -> Tensor:
        return memory

    def forward(self, query, keys, values, keep, return_weights=False):
        """values (B, n, d) -> where each direction of the encoder stopped (B, d), and no weights."""
        forward, backward = values.chunk(2, dim=-1)
        summary = torch.cat([forward[torch.arange(len(values)), keep.sum(dim=1) - 1], backward[:, 0]], dim=-1)
        return (summary, None) if return_weights else summary


class WrongAxis(AdditiveAttention):
    """Softmax over an axis that has one entry: every weight is 1."""

    def forward(self, query, keys, values, keep=None, return_weights=False):
        """query (B, d_q) and values (B, n, d_k) -> the sum of all values (B, d_k)."""
        scores = self.v(torch.tanh(self.W_q(query).unsqueeze(-2) + keys))  # (B, n, 1)
        weights = scores.softmax(dim=-1).squeeze(-1)
        context = (weights.unsqueeze(-2) @ values).squeeze(-2)
        return (context, weights) if return_weights else context


class NoTanh(AdditiveAttention):
    """Nothing bends the sum of query and key, so the query cancels in the softmax."""

    def forward(self, query, keys, values, keep=None, return_weights=False):
        """As AdditiveAttention, with scores v . (W_q q + W_k k)."""
        scores = self.v(self.W_q(query).unsqueeze(-2) + keys).squeeze(-1).masked_fill(~keep, -torch.inf)
        weights = scores.softmax(dim=-1)
        context = (weights.unsqueeze(-2) @ values).squeeze(-2)
        return (context, weights) if return_weights else context


def with_attention(attention: nn.Module, sizes: tuple[int, int]) -> RecurrentSeq2Seq:
    """The model of the lesson with another module in the place of its attention."""
    model = RecurrentSeq2Seq(*sizes, **SIZES)
    model.attention = attention
    return model


# name: (model of the two vocabulary sizes, recipe); about equal CPU seconds, but for the last three
ABLATIONS = {
    "additive attention, h = 64": (lambda n: RecurrentSeq2Seq(*n, **SIZES), ENGLISH),
    "h = 8": (lambda n: with_attention(AdditiveAttention(64, 128, 8), n), replace(ENGLISH, steps=280)),
    "h = 1": (lambda n: with_attention(AdditiveAttention(64, 128, 1), n), replace(ENGLISH, steps=280)),
    "no tanh": (lambda n: with_attention(NoTanh(64, 128, 64), n), ENGLISH),
    "encoder reads forward only": (
        lambda n: RecurrentSeq2Seq(*n, **SIZES, bidirectional=False),
        replace(ENGLISH, steps=340),
    ),
    "softmax over the wrong axis": (lambda n: with_attention(WrongAxis(64, 128, 64), n), ENGLISH),
    "fixed summary at every step": (
        lambda n: with_attention(FixedSummary(), n),
        replace(ENGLISH, steps=340),
    ),
    "first state only": (
        lambda n: RecurrentSeq2Seq(*n, **SIZES, attention=False),
        replace(ENGLISH, steps=380, lr=4e-3),
    ),
    "first state only, as many parameters": (
        lambda n: RecurrentSeq2Seq(*n, d_embed=32, d_hidden=84, attention=False),
        replace(ENGLISH, steps=290, lr=4e-3),
    ),
    "wrong axis, four times as long": (
        lambda n: with_attention(WrongAxis(64, 128, 64), n),
        replace(ENGLISH, steps=1000),
    ),
    "fixed summary, three times as long": (
        lambda n: with_attention(FixedSummary(), n),
        replace(ENGLISH, steps=1000),
    ),
    "first state only, eight times as long": (
        lambda n: RecurrentSeq2Seq(*n, **SIZES, attention=False),
        replace(ENGLISH, steps=3000, lr=4e-3),
    ),
}


class Pairs:
    """Dates and their ISO form as ids, with the two vocabularies."""

    def __init__(self, languages: tuple[str, ...], seed: int) -> None:
        self.data = dates(20_000, seed, languages)
        self.source, self.target = (
            CharacterTokenizer.from_texts([pair[i] for pair in self.data.train], SPECIALS) for i in (0, 1)
        )

    @property
    def sizes(self) -> tuple[int, int]:
        """Tokens of the source and of the target vocabulary."""
        return len(self.source), len(self.target)

    def tensors(self, records: list[Record]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """source (B, n), keep (B, n), what the decoder reads (B, m) and what it must say (B, m)."""
        ids, keep = pad([self.source.encode(text) for text, _ in records], self.source.vocabulary.pad_id)
        names = self.target.vocabulary
        written = [self.target.encode(iso) for _, iso in records]
        return ids, keep, *shift_right(written, names.bos_id, names.eos_id, names.pad_id)

    def batches(self, rng: np.random.Generator) -> Iterator[tuple]:
        """Batches of about one length, epoch after epoch."""
        lengths = [len(text) for text, _ in self.data.train]
        while True:
            for rows in batches_by_length(lengths, BATCH, rng):
                yield self.tensors([self.data.train[i] for i in rows])

    def loss(self, model: nn.Module, batch: tuple) -> Tensor:
        """Mean cross-entropy of the next character."""
        ids, keep, written, labels = batch
        return smoothed_cross_entropy(model(ids, written, keep), labels, self.target.vocabulary.pad_id)

    def write(self, model: nn.Module, texts: list[str]) -> list[str]:
        """What the model writes for each text."""
        ids, keep = pad([self.source.encode(text) for text in texts], self.source.vocabulary.pad_id)
        names = self.target.vocabulary
        answers = translate(model, ids, keep, names.bos_id, names.eos_id, max_n=14)
        return [self.target.decode(answer) for answer in answers]

    def exact(self, model: nn.Module, records: list[Record]) -> float:
        """Share of the records that are written without a fault."""
        return exact_match(self.write(model, [text for text, _ in records]), [iso for _, iso in records])


def learn(pairs: Pairs, model: nn.Module, recipe: Recipe, seed: int, **looking) -> tuple[History, float]:
    """Train; the history, and the CPU seconds without the looking."""
    started = time.process_time()
    batches = pairs.batches(np.random.default_rng(seed))
    return train(model, batches, pairs.loss, recipe, quiet=True, **looking), time.process_time() - started


def alignments(pairs: Pairs, model: nn.Module) -> dict[str, np.ndarray]:
    """Where each output character of the watched dates looks, (m, n) by text."""
    maps = {}
    for text in WATCHED:
        ids, keep, written, _ = pairs.tensors([(text, WATCHED_ISO)])
        _, weights = model.decode(written, model.encode(ids, keep), keep, return_weights=True)
        maps[text] = weights[0].numpy()
    return maps


def main(
    folder: Path = FILES, share: float = 1.0, seeds: tuple[int, ...] = (1, 2, 3), n_test: int = 2000
) -> dict:
    """Train for a share of the steps, test on `n_test` dates, write both files; returns what the .json says."""
    pairs = Pairs(LANGUAGES, SEED)
    torch.manual_seed(SEED)
    model = RecurrentSeq2Seq(*pairs.sizes, **SIZES)
    assert WATCHED_ISO not in {iso for _, iso in pairs.data.train}
    recipe = RECIPE.shortened(share)
    some = pairs.data.test[: n_test // 10]
    history, seconds = learn(
        pairs, model, recipe, SEED, every=max(1, recipe.steps // 75),
        evaluate=lambda model: {"exact": pairs.exact(model, some)},
        record=lambda model: alignments(pairs, model),
    )  # fmt: skip
    path = folder / "07_dates.safetensors"
    save_checkpoint(path, copy.deepcopy(model).half(), {"trained by": COMMAND, "seed": SEED})
    load_checkpoint(path, model)  # what is measured is what is shipped
    about = {
        "source": pairs.data.source,
        "command": COMMAND,
        "seed": SEED,
        "cpu_seconds": round(seconds),
        "recipe": asdict(recipe),
        "sha256_of_the_table": hashlib.sha256(path.read_bytes()).hexdigest(),
        "sizes": SIZES,
        "parameters": sum(p.numel() for p in model.parameters()),
        "source_tokens": pairs.source.vocabulary.tokens[len(SPECIALS) :],
        "target_tokens": pairs.target.vocabulary.tokens[len(SPECIALS) :],
        "exact": pairs.exact(model, pairs.data.test[:n_test]),
        "exact_by_language": {name: exact_in(pairs, model, name, n_test) for name in LANGUAGES},
        "history": history.rounded(6),
        "ablations": ablations(share, seeds, n_test // 4),
    }
    path.with_suffix(".json").write_text(json.dumps(about, ensure_ascii=False) + "\n", encoding="utf-8")
    return about


def exact_in(pairs: Pairs, model: nn.Module, language: str, n_test: int) -> float:
    """Share of exact dates in one language; the same seed holds the same days out."""
    return pairs.exact(model, dates(10 * n_test, SEED, (language,)).test)


def ablations(share: float, seeds: tuple[int, ...], n_test: int) -> dict[str, dict]:
    """Exact dates on `n_test` held-out ones, CPU seconds and parameters of each variant, one entry per seed."""
    seen: dict[str, dict] = {name: {"exact": [], "cpu_seconds": []} for name in ABLATIONS}
    for seed in seeds:
        pairs = Pairs(("en",), seed)
        for name, (build, recipe) in ABLATIONS.items():
            torch.manual_seed(seed)
            model = build(pairs.sizes)
            _, seconds = learn(pairs, model, recipe.shortened(share), seed)
            seen[name]["exact"].append(round(pairs.exact(model, pairs.data.test[:n_test]), 4))
            seen[name]["cpu_seconds"].append(round(seconds, 1))
            seen[name]["parameters"] = sum(p.numel() for p in model.parameters())
            seen[name]["steps"] = recipe.steps
            print(seed, name, seen[name], flush=True)
    return seen


if __name__ == "__main__":
    torch.set_num_threads(1)
    about = main(*map(Path, sys.argv[1:]))
    print({name: about[name] for name in ("cpu_seconds", "parameters", "exact", "exact_by_language")})
