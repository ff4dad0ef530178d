"""The choices of lesson 20, each measured from several starts, and what its shipped model answers.

    python sources/training/20_choices.py

Writes course_lib/data/files/20_choices.json: MiniLM fine-tuned on 600 sentences as the lesson does, and with one
choice changed; the small Transformer with few sentences and as many steps as with all. Scores are shares of the
validation sentences, one for each start. Then what the shipped model says when padding is counted, and which words
turn its answers round. Needs the two archives that `python course.py lab` fetches; run 20_sentiment.py first. No
sentence is stored. Takes about ten minutes.
"""

import importlib
import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from course_lib.data.films import Films, load_films, load_products
from course_lib.transformer.bert import Bert, BertForClassification, mean_pool

sys.path.insert(0, str(Path(__file__).parent))
script = importlib.import_module("20_sentiment")
from sentiment import as_batch, accuracy, encode, fine_tune, new_classifier, small_transformer  # isort: skip

FILES = script.FILES
COMMAND = "python sources/training/20_choices.py"
SEEDS, SOME, STEPS = (1, 2, 3), 600, 756
CHOICES = {  # what differs from the lesson: three layers fixed, rate 0.00008, a map that starts at zero
    "as in the lesson": {},
    "map from random numbers": {"random_map": True},
    "no layer fixed": {"frozen": 0},
    "all six layers fixed": {"frozen": 6},
    "rate 0.002": {"rate": 2e-3},
    "layers from random numbers": {"random_layers": True, "frozen": 0},
}
LENGTHS = (20, 40, 60, 120)
PRAISE, BLAME = "good great funny charming brilliant".split(), "bad boring dull awful terrible".split()
NEGATIONS = ("not", "never", "far from", "anything but")


def random_bert(bert: Bert) -> Bert:
    """MiniLM's shape with random numbers in the place of its weights; everything may learn."""
    return Bert(bert.embed.num_embeddings, bert.max_n, bert.config)


def fine_tuned(
    films: Films, seed: int, frozen: int = 3, rate: float = 8e-5, random_map: bool = False,
    random_layers: bool = False,
) -> float:  # fmt: skip
    """Share of the validation sentences right after one pass over the training sentences."""
    torch.manual_seed(seed)
    model, tokenizer = new_classifier(frozen)
    if random_layers:
        model.bert = random_bert(model.bert)
    if random_map:
        model.head = nn.Linear(model.bert.config.d_model, 2)
    fine_tune(model, encode(tokenizer, films.train), seed, 16, rate)
    return accuracy(model, encode(tokenizer, films.validation))


def small(films: Films, n: int, seed: int, steps: int) -> float:
    """The small Transformer with `n` sentences and this many steps; share of the validation sentences."""
    torch.manual_seed(seed)
    return small_transformer(films.train[:n], replace(films, test=films.validation), seed, steps)[0]


def row(measure: Callable[[int], float], seeds: tuple[int, ...]) -> dict:
    """The scores from these starts, and CPU seconds of one."""
    started = time.process_time()
    scores = [round(measure(seed), 4) for seed in seeds]
    seen = {"accuracy": scores, "cpu_seconds": round((time.process_time() - started) / len(seeds), 1)}
    print(seen, flush=True)
    return seen


@torch.no_grad()
def changed_by_padding(model: BertForClassification, data: list, lengths: tuple[int, ...]) -> dict:
    """How many of 200 short test sentences get another answer when the mean counts padding, by length."""
    short = [item for item in data if len(item[0]) <= 20][:200]
    ids, keep, labels = as_batch(short)
    right = model(ids, keep).argmax(dim=-1)
    seen = {}
    for length in lengths:
        more = length - ids.shape[1]
        wide, kept = F.pad(ids, (0, more)), F.pad(keep, (0, more))
        wrong = model.head(model.bert(wide, kept).mean(dim=1)).argmax(dim=-1)
        worse = ((right == labels).sum() - (wrong == labels).sum()).item()
        unmasked = model.head(mean_pool(model.bert(wide, torch.ones_like(kept)), kept)).argmax(dim=-1)
        seen[str(length)] = {
            "changed": (wrong != right).sum().item(),
            "fewer right": worse,
            "changed if the layers see padding": (unmasked != right).sum().item(),
        }
    return seen


@torch.no_grad()
def turned_round(positive: Callable[[list[str]], Tensor]) -> dict[str, list[int]]:
    """For each negation: of five praises, how many it turns; of five blames, how many."""
    plain = positive([f"The film is {word}." for word in PRAISE + BLAME])
    seen = {}
    for words in NEGATIONS:
        after = positive([f"The film is {words} {word}." for word in PRAISE + BLAME])
        turned = plain != after
        seen[words] = [turned[:5].sum().item(), turned[5:].sum().item()]
    return seen


def answers(films: Films, products: Films) -> dict:
    """What the shipped model says."""
    model = script.restored(load_file(FILES / "20_sentiment.safetensors")).eval()
    tokenizer = script.load_minilm()[1]

    def positive(texts: list[str]) -> Tensor:
        ids, keep, _ = as_batch([(tokenizer.encode(text).ids, 0) for text in texts])
        return model(ids, keep).argmax(dim=-1) == 1

    data = encode(tokenizer, films.test)
    return {
        "padding": changed_by_padding(model, data, LENGTHS),
        "turned round": turned_round(positive),
        "products": on_products(model, products, encode(tokenizer, products.test)),
    }


def on_products(model: BertForClassification, products: Films, data: list) -> dict[str, float]:
    """Share of the test sentences about products right: counting, the shipped model, a line on vectors."""
    seen = {
        "bag of words": script.bag_of_words(products.train, products),
        "fine-tuned on films, as shipped": accuracy(model, data),
        "line on published vectors": script.frozen_minilm(products.train, products),
        "line on vectors fine-tuned on films": script.frozen_minilm(products.train, products, model.bert),
    }
    return {name: round(share, 4) for name, share in seen.items()}


def cut(data: Films, n: int | None) -> Films:
    """The first `n` sentences of each part."""
    return Films(data.train[:n], data.validation[:n], data.test[:n], data.source)


def main(
    folder: Path = FILES,
    seeds: tuple[int, ...] = SEEDS,
    n: int | None = None,
    some: int = SOME,
    steps: int = STEPS,
) -> dict:
    """Measure on the first `n` sentences (None: all), write the file; returns what it says."""
    films, products = (cut(data, n) for data in (load_films(), load_products()))
    few = replace(films, train=films.train[:some])
    about = {
        "command": COMMAND,
        "source": films.source,
        "seeds": list(seeds),
        "n_validation": len(films.validation),
    }
    about["choices"] = {
        name: row(lambda seed, how=how: fine_tuned(few, seed, **how), seeds) for name, how in CHOICES.items()
    }
    about["small, as many steps"] = {
        str(size): row(lambda seed, size=size: small(films, size, seed, steps), seeds) for size in (250, 1000)
    }
    about |= answers(films, products)
    (folder / "20_choices.json").write_text(json.dumps(about) + "\n", encoding="utf-8")
    return about


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(*map(Path, sys.argv[1:]))
