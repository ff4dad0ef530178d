"""Masked words of a toy grammar: does the verb agree with its subject across a noun of the other number?

Beside it what counting can do: the more frequent form, and the more frequent form after the word before.
"""

import json
import sys
import time
from collections import Counter
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.data.batches import mask_tokens, pad
from course_lib.data.grammar import MASK, Agreement, grammar
from course_lib.text import Vocabulary
from course_lib.training import Recipe, smoothed_cross_entropy, train
from course_lib.transformer.bert import Bert
from course_lib.transformer.blocks import BlockConfig, zero_outputs

BATCH, RATE, NOT_ASKED = 128, 0.2, -100


class MaskedWords(nn.Module):
    """A BERT with its own output layer: tied to the embeddings, it learns nothing in so short a time."""

    def __init__(self, n_vocab: int, max_n: int) -> None:
        super().__init__()
        self.bert = Bert(n_vocab, max_n, BlockConfig(d_model=64, n_heads=4, d_hidden=128, bias=False))
        self.output = nn.Linear(64, n_vocab)
        nn.init.normal_(self.bert.embed.weight)
        nn.init.normal_(self.bert.positions.table)
        zero_outputs(self)

    def forward(self, ids: Tensor, keep: Tensor) -> Tensor:
        """ids (B, n), of which `keep` are real tokens -> logits (B, n, n_vocab)."""
        return self.output(self.bert(ids, keep))


def learn(
    model: MaskedWords, sentences: list[list[int]], vocabulary: Vocabulary, recipe: Recipe, seed: int
) -> float:
    """Train on masked sentences; returns the CPU seconds."""
    started, rng = time.process_time(), np.random.default_rng(seed)
    mask_id, n_vocab = vocabulary.ids[MASK], len(vocabulary)
    specials = (vocabulary.pad_id, mask_id)

    def draw(step: int) -> tuple[Tensor, Tensor, Tensor]:
        chosen = rng.integers(len(sentences), size=BATCH)
        ids, keep = pad([sentences[i] for i in chosen], vocabulary.pad_id)
        corrupted, labels = mask_tokens(ids.numpy(), rng, mask_id, n_vocab, specials, RATE)
        return torch.from_numpy(corrupted), keep, torch.from_numpy(labels)

    def loss(model: nn.Module, batch: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        ids, keep, labels = batch
        return smoothed_cross_entropy(model(ids, keep), labels, NOT_ASKED)

    train(model, draw, loss, recipe, quiet=True)
    return time.process_time() - started


@torch.no_grad()
def agrees(model: MaskedWords, test: list[Agreement], vocabulary: Vocabulary) -> list[bool]:
    """For each test sentence whether the right form is the likelier one."""
    ids, keep = pad([vocabulary.encode(example.masked.split()) for example in test], vocabulary.pad_id)
    at_mask = model(ids, keep)[ids == vocabulary.ids[MASK]]  # (n_test, n_vocab)
    right, wrong = (
        at_mask[torch.arange(len(test)), vocabulary.encode(getattr(example, form) for example in test)]
        for form in ("right", "wrong")
    )
    return (right > wrong).tolist()


def counted(train_sentences: list[str], test: list[Agreement]) -> dict[str, list[bool]]:
    """The same by counting words, and pairs of neighbouring words."""
    words = [sentence.split() for sentence in train_sentences]
    single = Counter(word for sentence in words for word in sentence)
    double = Counter(pair for sentence in words for pair in pairwise(sentence))
    before = [example.masked.split()[example.masked.split().index(MASK) - 1] for example in test]
    return {
        "unigram": [single[e.right] > single[e.wrong] for e in test],
        "bigram": [double[b, e.right] > double[b, e.wrong] for b, e in zip(before, test, strict=True)],
    }


def shares(right: list[bool], test: list[Agreement]) -> dict[str, float]:
    """The share that is right, by the number of the other noun."""
    return {
        kind: round(float(np.mean([r for r, e in zip(right, test, strict=True) if e.attractor == kind])), 3)
        for kind in ("same", "other")
    }


def main(seed: int = 0, steps: int = 500) -> dict:
    """Agreement with attractors of the same and of the other number; CPU seconds."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    data = grammar(seed=seed)
    words = [sentence.split() for sentence in data.train]
    distinct = sorted({word for sentence in words for word in sentence})
    vocabulary = Vocabulary([*distinct, MASK], specials=("pad",))
    sentences = [vocabulary.encode(sentence) for sentence in words]

    longest = max(len(example.masked.split()) for example in data.test)
    model = MaskedWords(len(vocabulary), max(longest, *map(len, sentences)))
    seconds = learn(model, sentences, vocabulary, Recipe(steps, muon_lr=0.03, warmup=30), seed)
    scores = {"transformer": agrees(model, data.test, vocabulary)} | counted(data.train, data.test)
    figures = {"seed": seed, "steps": steps, "seconds": round(seconds, 1)}
    return figures | {name: shares(right, data.test) for name, right in scores.items()}


if __name__ == "__main__":
    print(json.dumps(main(**{name: int(value) for name, value in (a.split("=") for a in sys.argv[1:])})))
