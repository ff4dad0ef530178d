"""Machine translation: CLDR phrases from French into English, word by word, every digit its own (lesson 14).

A GRU, a GRU with attention and a Transformer of about 650,000 parameters each. Prints one JSON line: exact
phrases, BLEU and chrF on held-out phrases, CPU seconds of each training on one thread, the seed.
"""

import json
import sys

import torch
from pairs import Side, learn, side, written
from torch import nn

from course_lib.data.phrases import phrases, words
from course_lib.metrics import bleu, chrf, exact_match
from course_lib.training import Recipe
from course_lib.transformer.recurrent import RecurrentSeq2Seq
from course_lib.transformer.seq2seq import course_transformer

RECIPES = {
    "transformer": Recipe(steps=900, lr=3e-3, muon_lr=0.02, warmup=50),
    "gru_with_attention": Recipe(steps=1100, lr=4e-3, warmup=50),
    "gru": Recipe(steps=1600, lr=4e-3, warmup=50),
}


def main(seed: int = 0, share: float = 1.0) -> dict[str, float]:
    """Train the three models, for a share of the steps, and measure each on 1,000 phrases it never saw."""
    source, target = sides(seed)
    figures = {}
    for name, recipe in RECIPES.items():
        torch.manual_seed(seed)
        model = new_model(name, len(source.vocabulary), len(target.vocabulary))
        figures[f"{name}_parameters"] = sum(p.numel() for p in model.parameters())
        figures[f"{name}_cpu_seconds"] = round(learn(model, source, target, recipe, seed, share), 1)
        figures |= {f"{name}_{score}": value for score, value in scores(model, source, target).items()}
    return figures | {"seed": seed}


def new_model(name: str, n_source: int, n_target: int) -> nn.Module:
    """One of the three, all of about one size."""
    if name == "transformer":
        return course_transformer(n_source, n_target, d_model=96, max_n=64)
    d = 104 if name == "gru_with_attention" else 120
    return RecurrentSeq2Seq(n_source, n_target, d, d, attention=name == "gru_with_attention")


def sides(seed: int) -> tuple[Side, Side]:
    """Source and target of the phrases, 1,000 held-out ones to test on."""
    data = phrases(seed=seed)
    tests = data.test[:1000]
    return tuple(
        side([words(pair[i]) for pair in data.train], [words(pair[i]) for pair in tests]) for i in (0, 1)
    )


def scores(model: nn.Module, source: Side, target: Side) -> dict[str, float]:
    """Exact phrases, BLEU and chrF of the greedy translations."""
    answers = written(model, source, target)
    texts, references = (
        [" ".join(target.vocabulary.decode(ids)) for ids in lists] for lists in (answers, target.test)
    )
    return {
        "exact": exact_match(answers, target.test),
        "bleu": round(bleu(texts, references), 1),
        "chrf": round(chrf(texts, references), 1),
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps(main(**{name: int(value) for name, value in (a.split("=") for a in sys.argv[1:])})))
