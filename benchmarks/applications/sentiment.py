"""Sentiment of film sentences: the majority, a bag of words, a small Transformer, and MiniLM fine-tuned.

`parts` chooses: "quick" trains nothing longer than seconds, "live" adds what a lesson trains, "long" what a
script trains. The sampling error of a score on 1,000 sentences is about 1.3 %.
"""

import json
import sys
import time
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from torch import Tensor, nn

from course_lib.data.batches import batches_by_length, pad
from course_lib.data.films import Films, FilmSentence, load_films
from course_lib.data.minilm import load_minilm
from course_lib.text import WordTokenizer
from course_lib.text.word_piece import WordPieceTokenizer
from course_lib.training import History, Recipe, smoothed_cross_entropy, train
from course_lib.transformer.bert import Bert, BertForClassification
from course_lib.transformer.blocks import BlockConfig, zero_outputs

LONGEST = 60  # tokens kept of a sentence
PARTS = {"quick": (), "live": ("small", "minilm_live"), "long": ("small", "minilm_live", "minilm_long")}
Encoded = list[tuple[list[int], int]]  # ids and label of each sentence


def bag_of_words(sentences: Sequence[FilmSentence], films: Films) -> float:
    """Accuracy of logistic regression on words and pairs of words, weighted by how rare they are."""
    model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(C=10))
    model.fit([s.text for s in sentences], [s.label for s in sentences])
    return model.score([s.text for s in films.test], [s.label for s in films.test])


def small_transformer(
    sentences: Sequence[FilmSentence], films: Films, seed: int, steps: int | None = None
) -> tuple[float, int]:
    """Two layers of width 64 from scratch, for three epochs unless `steps` are given; accuracy and steps."""
    words = WordTokenizer.from_texts((s.text.lower() for s in sentences), ("pad", "unk"), n_vocab=8000)

    def encoded(sentences: Sequence[FilmSentence]) -> Encoded:
        return [(words.encode(s.text.lower())[:LONGEST], s.label) for s in sentences]

    bert = Bert(len(words), LONGEST, BlockConfig(d_model=64, d_hidden=128, bias=False, dropout=0.3))
    model = BertForClassification(bert, 2, dropout=0.3)
    zero_outputs(model)
    steps = steps or 3 * -(-len(sentences) // 32)
    recipe = Recipe(steps, lr=1e-3, warmup=min(20, steps - 1), weight_decay=0.1)
    train(model, batches(encoded(sentences), 32, seed), loss, recipe, quiet=True)
    return accuracy(model, encoded(films.test)), steps


def new_classifier(frozen: int) -> tuple[BertForClassification, WordPieceTokenizer]:
    """MiniLM with a silent head, its embeddings and `frozen` lower layers fixed; and its tokenizer."""
    bert, tokenizer = load_minilm(dropout=0.1)
    bert.requires_grad_(False)
    bert.blocks.layers[frozen:].requires_grad_(True)
    return BertForClassification(bert, 2), tokenizer


def encode(tokenizer: WordPieceTokenizer, sentences: Sequence[FilmSentence]) -> Encoded:
    """Pieces of words of each sentence, and its label."""
    return [(tokenizer.encode(s.text, max_length=LONGEST).ids, s.label) for s in sentences]


def fine_tune(
    model: BertForClassification, data: Encoded, seed: int, batch: int, rate: float, **looking
) -> History:
    """One epoch over the sentences, the head with a rate of its own; the history."""
    layers = [p for p in model.bert.parameters() if p.requires_grad]
    groups = [{"params": model.head.parameters(), "lr": 1e-3}, {"params": layers, "lr": rate}]
    optimisers = [torch.optim.AdamW(groups, betas=(0.9, 0.95), weight_decay=0.01, fused=True)]
    steps = -(-len(data) // batch)
    recipe = Recipe(steps, warmup=min(20, steps - 1))
    stream = batches(data, batch, seed)
    return train(model, stream, loss, recipe, optimisers=optimisers, quiet=True, **looking)


def fine_tuned(
    films: Films, seed: int, n: int | None, batch: int, rate: float, frozen: int
) -> tuple[float, int]:
    """MiniLM on `n` sentences (None: all) for one epoch, its `frozen` lower layers fixed; accuracy, steps."""
    model, tokenizer = new_classifier(frozen)
    history = fine_tune(model, encode(tokenizer, films.train[:n]), seed, batch, rate)
    return accuracy(model, encode(tokenizer, films.test)), len(history.loss)


def batches(data: Encoded, size: int, seed: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """(ids, keep, labels), sentences of about one length together, epoch after epoch."""
    rng = np.random.default_rng(seed)
    while True:
        for rows in batches_by_length([len(ids) for ids, _ in data], size, rng):
            yield as_batch([data[i] for i in rows])


def as_batch(data: Encoded) -> tuple[Tensor, Tensor, Tensor]:
    """Ids (B, n), keep (B, n), labels (B,)."""
    return *pad([ids for ids, _ in data], pad_id=0), torch.tensor([label for _, label in data])


def loss(model: nn.Module, batch: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """Cross-entropy of the two classes."""
    ids, keep, labels = batch
    return smoothed_cross_entropy(model(ids, keep), labels, pad=-1)


@torch.no_grad()
def accuracy(model: nn.Module, data: Encoded) -> float:
    """The share of sentences that get their label."""
    data = sorted(data, key=lambda item: len(item[0]))
    right = 0
    for start in range(0, len(data), 100):
        ids, keep, labels = as_batch(data[start : start + 100])
        right += (model(ids, keep).argmax(-1) == labels).sum().item()
    return right / len(data)


def main(seed: int = 0, parts: str = "long") -> dict:
    """Accuracy on the test sentences, steps and CPU seconds of each model."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    films = load_films()
    share = float(np.mean([s.label for s in films.test]))
    figures = {"seed": seed, "n_test": len(films.test), "majority": round(max(share, 1 - share), 3)}
    models = {
        "bag_of_words": lambda: (bag_of_words(films.train, films), None),
        "small": lambda: small_transformer(films.train, films, seed),
        "minilm_live": lambda: fine_tuned(films, seed, n=3000, batch=16, rate=5e-5, frozen=3),
        "minilm_long": lambda: fine_tuned(films, seed, n=None, batch=32, rate=8e-5, frozen=2),
    }
    for name in ("bag_of_words", *PARTS[parts]):
        started = time.process_time()
        score, steps = models[name]()
        seconds = round(time.process_time() - started, 1)
        figures[name] = {"accuracy": round(score, 3), "steps": steps, "seconds": seconds}
    return figures


if __name__ == "__main__":
    arguments = dict(argument.split("=") for argument in sys.argv[1:])
    seed, parts = int(arguments.get("seed", 0)), arguments.get("parts", "long")
    print(json.dumps(main(seed, parts)))
