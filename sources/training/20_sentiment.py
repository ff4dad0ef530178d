"""Fine-tune MiniLM on film sentences for lesson 20, and measure what it is compared with.

    python sources/training/20_sentiment.py

Needs the two archives that `python course.py lab` fetches. Writes course_lib/data/files/20_sentiment.safetensors
(float16): what fine-tuning added to the published weights, each matrix's change cut down to rank RANK, and the
head; beside it a .json: command, seed, CPU seconds, hash, accuracy whole and by rank, the history; the models
of the lesson on the same test sentences from two more starts; and how each grows with the number of sentences.
No sentence is stored. Takes about fifteen minutes.
"""

import hashlib
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from course_lib.data.batches import pad
from course_lib.data.films import Films, FilmSentence, load_films
from course_lib.data.minilm import load_minilm
from course_lib.training import History
from course_lib.transformer.bert import Bert, BertForClassification, sentence_embedding
from course_lib.transformer.low_rank import add_changes, low_rank_changes

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks" / "applications"))
from sentiment import (
    LONGEST,
    Encoded,
    accuracy,
    bag_of_words,
    encode,
    fine_tune,
    new_classifier,
    small_transformer,
)

FILES = ROOT / "course_lib" / "data" / "files"
COMMAND = "python sources/training/20_sentiment.py"
SEED, RANK, RANKS = 20, 16, (1, 2, 4, 8, 16, 32)
SIZES = (250, 1000, 4000)  # sentences; all of them come last
BATCH, RATE, FROZEN = 32, 8e-5, 2


def small(sentences: Sequence[FilmSentence], films: Films, seed: int) -> float:
    """Accuracy of two layers of width 64 that start from nothing, after three epochs."""
    torch.manual_seed(seed)
    return small_transformer(sentences, films, seed)[0]


def frozen_minilm(sentences: Sequence[FilmSentence], films: Films, bert: Bert | None = None) -> float:
    """Accuracy of logistic regression on the sentence vectors of `bert` (None: the published model)."""
    published, tokenizer = load_minilm()
    bert = bert or published

    @torch.no_grad()
    def vectors(sentences: Sequence[FilmSentence]) -> np.ndarray:
        ids = [tokenizer.encode(s.text, max_length=LONGEST).ids for s in sentences]
        parts = [sentence_embedding(bert, *pad(ids[i : i + 50], pad_id=0)) for i in range(0, len(ids), 50)]
        return torch.cat(parts).numpy()

    model = LogisticRegression(C=10, max_iter=1000)
    model.fit(vectors(sentences), [s.label for s in sentences])
    return model.score(vectors(films.test), [s.label for s in films.test])


def timed_fine_tuning(
    model: BertForClassification, data: Encoded, seed: int, **looking
) -> tuple[History, float]:
    """One epoch over the sentences; the history, and the CPU seconds with the looking."""
    started = time.process_time()
    torch.manual_seed(seed)  # dropout
    history = fine_tune(model, data, seed, BATCH, RATE, **looking)
    return history, time.process_time() - started


def tuned(sentences: Sequence[FilmSentence], films: Films, seed: int) -> float:
    """Accuracy of MiniLM fine-tuned on these sentences."""
    model, tokenizer = new_classifier(FROZEN)
    timed_fine_tuning(model, encode(tokenizer, sentences), seed)
    return accuracy(model, encode(tokenizer, films.test))


def restored(changes: dict[str, Tensor]) -> BertForClassification:
    """The published model with these changes added."""
    model = BertForClassification(load_minilm()[0], 2)
    add_changes(model, changes)
    return model


def halved(before: dict, model: nn.Module, rank: int) -> dict[str, Tensor]:
    """The changes at this rank in half precision: what is shipped."""
    changes = low_rank_changes(before, model.state_dict(), rank)
    return {name: change.half().contiguous() for name, change in changes.items()}


def compare(films: Films, seeds: tuple[int, ...], sizes: tuple[int, ...]) -> dict[str, dict]:
    """Accuracy of the four models by the number of training sentences; trained ones from several starts."""
    seen: dict[str, dict] = {}
    for n in (*sizes, len(films.train)):
        some = films.train[:n]
        runs = seeds if n == len(films.train) else seeds[:1]
        models = {
            "bag of words": lambda some=some: [bag_of_words(some, films)],
            "frozen MiniLM": lambda some=some: [frozen_minilm(some, films)],
            "small Transformer": lambda some=some, runs=runs: [small(some, films, s) for s in runs],
            "fine-tuned MiniLM": lambda some=some, runs=runs: [tuned(some, films, s) for s in runs],
        }
        for name, measure in models.items():
            started = time.process_time()
            scores = [round(score, 4) for score in measure()]
            row = {"accuracy": scores, "cpu_seconds": round((time.process_time() - started) / len(scores), 1)}
            seen.setdefault(name, {})[str(n)] = row
            print(n, name, row, flush=True)
    return seen


def main(
    folder: Path = FILES,
    n: int | None = None,
    seeds: tuple[int, ...] = (1, 2),
    sizes: tuple[int, ...] = SIZES,
    n_test: int | None = None,
) -> dict:
    """Train on the first `n` sentences (None: all), write both files; returns what the .json says."""
    films = load_films()
    films = Films(films.train[:n], films.validation[:n_test], films.test[:n_test], films.source)
    model, tokenizer = new_classifier(FROZEN)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    test, validation = (encode(tokenizer, part) for part in (films.test, films.validation[:300]))
    history, seconds = timed_fine_tuning(
        model, encode(tokenizer, films.train), SEED, every=25,
        evaluate=lambda model: {"validation": accuracy(model, validation)},
    )  # fmt: skip
    changes = halved(before, model, RANK)
    path = folder / "20_sentiment.safetensors"
    save_file(changes, path, metadata={"about": json.dumps({"trained by": COMMAND, "seed": SEED})})
    about = {
        "source": films.source,
        "command": COMMAND,
        "seed": SEED,
        "cpu_seconds": round(seconds),
        "recipe": {"batch": BATCH, "lr": RATE, "frozen_layers": FROZEN, "epochs": 1, "longest": LONGEST},
        "sha256_of_the_table": hashlib.sha256(path.read_bytes()).hexdigest(),
        "rank": RANK,
        "parameters": sum(change.numel() for change in changes.values()),
        "n_train": len(films.train),
        "n_test": len(films.test),
        "accuracy": round(accuracy(restored(changes), test), 4),
        "accuracy_whole": round(accuracy(model, test), 4),
        "accuracy_by_rank": {
            str(rank): round(accuracy(restored(halved(before, model, rank)), test), 4) for rank in RANKS
        },
        "history": history.rounded(),
        "compared": compare(films, seeds, sizes),
    }
    path.with_suffix(".json").write_text(json.dumps(about) + "\n", encoding="utf-8")
    return about


if __name__ == "__main__":
    torch.set_num_threads(1)
    about = main(*map(Path, sys.argv[1:]))
    print({name: about[name] for name in ("cpu_seconds", "parameters", "accuracy", "accuracy_by_rank")})
