"""Dates as people write them to ISO 8601, character by character (lessons 07 and 13).

GRUs with and without attention on 8 English formats in 15 CPU seconds, a Transformer on 8 languages in 60.
Prints one JSON line: exact dates on held-out days, CPU seconds of each training on one thread, the seed.
"""

import json
import sys

import torch
from pairs import Side, exact, learn, side

from course_lib.data.dates import LANGUAGES, dates
from course_lib.training import Recipe
from course_lib.transformer.recurrent import RecurrentSeq2Seq
from course_lib.transformer.seq2seq import course_transformer

RECIPES = {  # about 13 CPU seconds each: attention makes a step dearer
    "gru_with_attention": Recipe(steps=330, lr=8e-3, warmup=20),
    "gru_without": Recipe(steps=550, lr=8e-3, warmup=20),
}
TRANSFORMER = Recipe(steps=1400, lr=3e-3, warmup=50)


def main(seed: int = 0, share: float = 1.0) -> dict[str, float]:
    """Train the three models, for a share of the steps, and measure each on 500 dates it never saw."""
    english, languages = sides(("en",), seed), sides(LANGUAGES, seed)
    figures = {}
    for name, recipe in RECIPES.items():
        torch.manual_seed(seed)
        attention = name == "gru_with_attention"
        model = RecurrentSeq2Seq(*sizes(*english), d_embed=32, d_hidden=64, attention=attention)
        figures[f"{name}_cpu_seconds"] = round(learn(model, *english, recipe, seed, share), 1)
        figures[name] = exact(model, *english)
    torch.manual_seed(seed)
    model = course_transformer(*sizes(*languages), d_model=64, max_n=48)
    seconds = learn(model, *languages, TRANSFORMER, seed, share)
    figures["transformer_8_languages_cpu_seconds"] = round(seconds, 1)
    figures["transformer_8_languages"] = exact(model, *languages)
    return figures | {"seed": seed}


def sides(languages: tuple[str, ...], seed: int) -> tuple[Side, Side]:
    """Source and target of 20,000 dates, 500 held-out ones to test on."""
    data = dates(20_000, seed, languages)
    tests = data.test[:500]
    return tuple(
        side([list(pair[i]) for pair in data.train], [list(pair[i]) for pair in tests]) for i in (0, 1)
    )


def sizes(source: Side, target: Side) -> tuple[int, int]:
    """Tokens of the two vocabularies."""
    return len(source.vocabulary), len(target.vocabulary)


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps(main(**{name: int(value) for name, value in (a.split("=") for a in sys.argv[1:])})))
