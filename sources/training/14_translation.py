"""Train the translators of lesson 14 on CLDR phrases, French to English, and see how few pairs are too few.

    python sources/training/14_translation.py [models | pairs]

`models`: a GRU, a GRU with attention and a Transformer of 470,000 to 490,000 parameters, about the same CPU
seconds for each, three seeds. Writes course_lib/data/files/14_translation.safetensors, the Transformer of the
first seed in float16, and .json beside it: command, seeds, CPU seconds, hash, vocabularies, held-out scores
by length, and the course of all trainings over the CPU seconds. Takes about six minutes.

`pairs`: the Transformer on sentences of JupyterLab's interface, and on fewer phrases, for less time. Writes
course_lib/data/files/14_pairs.json. Takes about four minutes.

The phrases are generated from CLDR through babel (`course_lib.data.phrases`); the sentences are read from the
installed language pack (`course_lib.data.interface`). Without a word the script does both.
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
from course_lib.data.interface import load_interface
from course_lib.data.phrases import Record, phrases, words
from course_lib.decoding import translate
from course_lib.metrics import bleu, chrf, exact_match
from course_lib.text import Vocabulary
from course_lib.training import History, Recipe, smoothed_cross_entropy, train
from course_lib.transformer.checkpoints import load_checkpoint, save_checkpoint
from course_lib.transformer.recurrent import RecurrentSeq2Seq
from course_lib.transformer.seq2seq import course_transformer

FILES = Path(__file__).parents[2] / "course_lib" / "data" / "files"
COMMAND = "python sources/training/14_translation.py"
DATA_SEED, SEEDS, BATCH = 14, (14, 15, 16), 64
SPECIALS = ("pad", "bos", "eos", "unk")
SIZES = {"d_model": 96, "max_n": 128}
RECURRENT = {"gru": (128, False), "gru_with_attention": (107, True)}  # d_embed and d_hidden, attention
RECIPES = {
    "gru": Recipe(steps=1530, lr=4e-3, warmup=50),
    "gru_with_attention": Recipe(steps=1140, lr=4e-3, warmup=50),
    "transformer": Recipe(steps=850, lr=3e-3, muon_lr=0.02, warmup=50),
}
FEW = replace(RECIPES["transformer"], steps=250)  # where pairs are few
FEWER = (500, 1000, 2151, 8000)
BINS = ((1, 5), (6, 8), (9, 12), (13, 30))
N_WATCHED = 300


class Corpus:
    """Pairs of texts as lists of words, with the two vocabularies of the training pairs."""

    def __init__(self, train: list[Record], test: list[Record]) -> None:
        self.train, self.test = ([tuple(map(words, pair)) for pair in pairs] for pairs in (train, test))
        self.source, self.target = (
            Vocabulary.from_tokens((word for pair in self.train for word in pair[side]), SPECIALS)
            for side in (0, 1)
        )

    def new_model(self, name: str, seed: int) -> nn.Module:
        """One of the three, with the weights that the seed draws."""
        torch.manual_seed(seed)
        n_source, n_target = len(self.source), len(self.target)
        if name == "transformer":
            return course_transformer(n_source, n_target, **SIZES)
        d, attention = RECURRENT[name]
        return RecurrentSeq2Seq(n_source, n_target, d, d, attention=attention)

    def tensors(self, pairs: list) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """source (B, n), keep (B, n), what the decoder reads (B, m) and what it must say (B, m)."""
        ids, keep = pad([self.source.encode(french) for french, _ in pairs], self.source.pad_id)
        names = self.target
        written = [names.encode(english) for _, english in pairs]
        return ids, keep, *shift_right(written, names.bos_id, names.eos_id, names.pad_id)

    def batches(self, rng: np.random.Generator) -> Iterator[tuple]:
        """Batches of about one length, epoch after epoch."""
        lengths = [len(french) + len(english) for french, english in self.train]
        while True:
            for rows in batches_by_length(lengths, BATCH, rng):
                yield self.tensors([self.train[i] for i in rows])

    def loss(self, model: nn.Module, batch: tuple) -> Tensor:
        """Mean cross-entropy of the next word."""
        ids, keep, written, labels = batch
        return smoothed_cross_entropy(model(ids, written, keep), labels, self.target.pad_id)

    def write(self, model: nn.Module, pairs: list) -> list[list[str]]:
        """The words that the model writes for the French of each pair, greedy."""
        longest, names, answers = max(len(english) for _, english in pairs) + 5, self.target, []
        for start in range(0, len(pairs), 256):
            ids, keep, *_ = self.tensors(pairs[start : start + 256])
            answers += translate(model, ids, keep, names.bos_id, names.eos_id, longest)
        return [names.decode(answer) for answer in answers]

    def scores(self, model: nn.Module, pairs: list) -> dict[str, float]:
        """Exact translations, BLEU and chrF; words are compared, so that an unknown one is never right."""
        answers, references = self.write(model, pairs), [english for _, english in pairs]
        texts = [[" ".join(text) for text in side] for side in (answers, references)]
        exact = exact_match(answers, references)
        return {"exact": round(exact, 4), "bleu": round(bleu(*texts), 1), "chrf": round(chrf(*texts), 1)}


class Watch:
    """Held-out loss and exact share while a model learns, and the CPU seconds of the learning alone."""

    def __init__(self, corpus: Corpus) -> None:
        self.corpus, self.pairs = corpus, corpus.test[:N_WATCHED]
        self.batch, self.started, self.looking = corpus.tensors(self.pairs), time.process_time(), 0.0

    def __call__(self, model: nn.Module) -> dict[str, float]:
        now = time.process_time()
        answers, references = self.corpus.write(model, self.pairs), [english for _, english in self.pairs]
        seen = {
            "seconds": now - self.started - self.looking,
            "loss": self.corpus.loss(model, self.batch).item(),
            "exact": exact_match(answers, references),
        }
        self.looking += time.process_time() - now
        return seen


def learn(corpus: Corpus, name: str, seed: int, recipe: Recipe, **looking) -> tuple[nn.Module, History]:
    """A trained model and its history; what `looking` asks for is in it."""
    model, batches = corpus.new_model(name, seed), corpus.batches(np.random.default_rng(seed))
    return model, train(model, batches, corpus.loss, recipe, quiet=True, **looking)


def watched(corpus: Corpus, name: str, seed: int, recipe: Recipe) -> tuple[nn.Module, dict]:
    """A trained model; its parameters, CPU seconds and course, one entry per look."""
    watch, every = Watch(corpus), max(1, recipe.steps // 25)
    model, history = learn(corpus, name, seed, recipe, evaluate=watch, every=every)
    course = {key: np.round(values, 4).tolist() for key, values in history.scores.items()}
    parameters = sum(p.numel() for p in model.parameters())
    return model, {"parameters": parameters, "cpu_seconds": course["seconds"][-1], "course": course}


def by_length(corpus: Corpus, model: nn.Module) -> dict[str, dict]:
    """Number of held-out phrases and exact share, for each range of source lengths."""
    table = {}
    for low, high in BINS:
        pairs = [pair for pair in corpus.test if low <= len(pair[0]) <= high]
        answers, references = corpus.write(model, pairs), [english for _, english in pairs]
        table[f"{low}-{high}"] = {"n": len(pairs), "exact": round(exact_match(answers, references), 4)}
    return table


def models(folder: Path = FILES, share: float = 1.0, seeds: tuple[int, ...] = SEEDS, n: int = 36_000) -> dict:
    """Train the three models for a share of the steps, write both files; returns what the .json says."""
    data = phrases(n, DATA_SEED)
    corpus, seen = Corpus(data.train, data.test), {}
    path = folder / "14_translation.safetensors"
    for seed in seeds:
        for name in ("transformer", "gru_with_attention", "gru"):
            model, said = watched(corpus, name, seed, RECIPES[name].shortened(share))
            if name == "transformer" and seed == seeds[0]:
                save_checkpoint(path, copy.deepcopy(model).half(), {"trained by": COMMAND, "seed": seed})
                load_checkpoint(path, model)  # what is measured is what is shipped
            said |= corpus.scores(model, corpus.test) | {"by_length": by_length(corpus, model)}
            seen.setdefault(name, []).append(said)
            print(name, seed, said["exact"], said["cpu_seconds"], flush=True)
    about = {
        "source": data.source,
        "command": f"{COMMAND} models",
        "data_seed": DATA_SEED,
        "seeds": list(seeds),
        "n": n,
        "seed": seeds[0],
        "recipes": {name: asdict(recipe.shortened(share)) for name, recipe in RECIPES.items()},
        "sha256_of_the_table": hashlib.sha256(path.read_bytes()).hexdigest(),
        "sizes": SIZES,
        "source_tokens": corpus.source.tokens[len(SPECIALS) :],
        "target_tokens": corpus.target.tokens[len(SPECIALS) :],
        "models": seen,
    }
    return written(about, path.with_suffix(".json"))


def pairs(
    folder: Path = FILES,
    share: float = 1.0,
    seeds: tuple[int, ...] = SEEDS,
    fewer: tuple[int, ...] = FEWER,
    n: int = 36_000,
) -> dict:
    """Train on fewer phrases and on the interface, for a share of the steps; returns what the .json says."""
    data, interface = phrases(n, DATA_SEED), load_interface(DATA_SEED)
    recipe = FEW.shortened(share)
    about = {
        "source": [data.source, interface.source],
        "command": f"{COMMAND} pairs",
        "data_seed": DATA_SEED,
        "seeds": list(seeds),
        "recipe": asdict(recipe),
        "interface": few(Corpus(interface.train, interface.test), seeds, recipe),
        "phrases": {k: few(Corpus(data.train[:k], data.test), seeds, recipe) for k in fewer},
    }
    return written(about, folder / "14_pairs.json")


def few(corpus: Corpus, seeds: tuple[int, ...], recipe: Recipe) -> dict:
    """Scores on held-out pairs and on as many of the training pairs, one entry per seed; what is unknown."""
    seen: dict = {"train": len(corpus.train), "test": len(corpus.test)} | unknown(corpus)
    for seed in seeds:
        started = time.process_time()
        model, _ = learn(corpus, "transformer", seed, recipe)
        seconds = round(time.process_time() - started, 1)
        held_out = corpus.scores(model, corpus.test)
        read = corpus.scores(model, corpus.train[: len(corpus.test)])
        seen.setdefault("cpu_seconds", []).append(seconds)
        seen.setdefault("held_out", []).append(held_out)
        seen.setdefault("trained", []).append(read)
        print(len(corpus.train), seed, held_out, read, seconds, flush=True)
    return seen


def unknown(corpus: Corpus) -> dict[str, int]:
    """Sizes of the vocabularies, and how many held-out pairs have a word that no training pair has."""
    strange = [
        any(word not in corpus.source.ids for word in french)
        or any(word not in corpus.target.ids for word in english)
        for french, english in corpus.test
    ]
    return {"n_source": len(corpus.source), "n_target": len(corpus.target), "with_unknown_word": sum(strange)}


def written(about: dict, path: Path) -> dict:
    """Write the figures to a file, and return them."""
    path.write_text(json.dumps(about, ensure_ascii=False) + "\n", encoding="utf-8")
    return about


if __name__ == "__main__":
    torch.set_num_threads(1)
    for part in sys.argv[1:] or ["models", "pairs"]:
        {"models": models, "pairs": pairs}[part]()
