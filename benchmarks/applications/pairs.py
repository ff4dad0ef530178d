"""What dates and translation share: pairs of texts as batches, training, scores on held-out pairs."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from course_lib.data.batches import batches_by_length, pad, shift_right
from course_lib.decoding import translate
from course_lib.metrics import exact_match
from course_lib.text import Vocabulary
from course_lib.training import Recipe, smoothed_cross_entropy, train

BATCH = 64


@dataclass(frozen=True)
class Side:
    """One side of the pairs: its vocabulary and the tokens of each text as ids."""

    vocabulary: Vocabulary
    train: list[list[int]]
    test: list[list[int]]


def side(train_texts: list[list[str]], test_texts: list[list[str]]) -> Side:
    """The side whose texts are these lists of tokens; a token that no training text has is unknown."""
    specials = ("pad", "bos", "eos", "unk")
    vocabulary = Vocabulary.from_tokens((t for text in train_texts for t in text), specials)
    ids = ([vocabulary.encode(text) for text in texts] for texts in (train_texts, test_texts))
    return Side(vocabulary, *ids)


def learn(
    model: nn.Module, source: Side, target: Side, recipe: Recipe, seed: int, share: float = 1.0
) -> float:
    """Train on batches of pairs of about one length; returns the CPU seconds it took."""
    started = time.process_time()
    recipe = recipe.shortened(share)
    batches = endless_batches(source, target, np.random.default_rng(seed))

    def loss(model: nn.Module, batch: tuple) -> torch.Tensor:
        ids, keep, written, labels = batch
        return smoothed_cross_entropy(model(ids, written, keep), labels, target.vocabulary.pad_id)

    train(model, batches, loss, recipe, quiet=True)
    return time.process_time() - started


def endless_batches(source: Side, target: Side, rng: np.random.Generator) -> Iterator[tuple]:
    """(source, keep, decoder input, labels), epoch after epoch."""
    lengths = [len(s) + len(t) for s, t in zip(source.train, target.train, strict=True)]
    names = target.vocabulary
    while True:
        for rows in batches_by_length(lengths, BATCH, rng):
            ids, keep = pad([source.train[i] for i in rows], source.vocabulary.pad_id)
            written = [target.train[i] for i in rows]
            yield ids, keep, *shift_right(written, names.bos_id, names.eos_id, names.pad_id)


def written(model: nn.Module, source: Side, target: Side, beam: int = 1) -> list[list[int]]:
    """What the model writes for each test source."""
    longest = max(map(len, target.test)) + 5
    names, answers = target.vocabulary, []
    for start in range(0, len(source.test), 256):
        ids, keep = pad(source.test[start : start + 256], source.vocabulary.pad_id)
        answers += translate(model, ids, keep, names.bos_id, names.eos_id, longest, beam)
    return answers


def exact(model: nn.Module, source: Side, target: Side) -> float:
    """Share of the test pairs whose answer is right to the last token, greedy."""
    return exact_match(written(model, source, target), target.test)
