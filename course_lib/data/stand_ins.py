"""What lesson 20 reads, or stand-ins of the same form where the archives are not in the cache.

With the stand-ins every cell runs and no number means anything: the sentences are built from patterns, the
model has MiniLM's six layers and twelve heads but is small and untrained.
"""

from collections.abc import Callable

import torch

from course_lib.data.archives import FILM_SENTENCES, MINILM, Archive, is_present
from course_lib.data.films import Films, FilmSentence, load_films
from course_lib.data.minilm import load_minilm
from course_lib.text.word_piece import SPECIALS, WordPieceTokenizer, split_basic
from course_lib.transformer.bert import Bert
from course_lib.transformer.blocks import BlockConfig

WORDS = {0: ("bad", "dull", "weak", "awful", "empty"), 1: ("good", "warm", "strong", "lovely", "rich")}
PARTS = ("film", "story", "cast", "ending", "script", "music", "camera", "dialogue")
PATTERNS = ("The {} is {}.", "A {} that is {}, and long.", "It has a {} which I found {}.")
EXTRA = "not never great funny charming brilliant boring terrible a warm two hours that i would like".split()
LoadMiniLM = Callable[..., tuple[Bert, WordPieceTokenizer]]


def films_and_minilm() -> tuple[Films, LoadMiniLM, bool]:
    """The film sentences, a function that loads MiniLM, and True; or stand-ins and False. Prints which."""
    missing = [archive for archive in (FILM_SENTENCES, MINILM) if not is_present(archive)]
    if missing:
        print(without(missing))
        return built_films(), small_minilm, False
    films = load_films()
    n = len(films.train) + len(films.validation) + len(films.test)
    print(f"{n:,} film sentences and MiniLM are here.")
    return films, load_minilm, True


def without(missing: list[Archive]) -> str:
    """What is missing, the command that helps, and what happens without it."""
    names = " and ".join(archive.what for archive in missing)
    return (
        f"Not here: {names}. Run `python course.py lab` with a network connection once: it fetches them.\n"
        "Until then the lesson runs on built sentences and a small untrained model: no number means anything."
    )


def built_films() -> Films:
    """A handful of sentences from patterns, in the three parts of the real ones."""
    sentences = [
        FilmSentence(pattern.format(part, word), 4.0 * label - 2.0, label)
        for pattern in PATTERNS
        for part in PARTS
        for pair in zip(WORDS[0], WORDS[1], strict=True)
        for label, word in enumerate(pair)
    ]
    return Films(sentences[:160], sentences[160:200], sentences[200:], "built from patterns")


def small_minilm(dropout: float = 0.0) -> tuple[Bert, WordPieceTokenizer]:
    """A model with MiniLM's layers and heads, untrained, and a tokenizer for the built sentences."""
    films = built_films()
    texts = [sentence.text for sentence in (*films.train, *films.validation, *films.test)]
    words = dict.fromkeys(word for text in (*texts, *EXTRA) for word in split_basic(text))
    tokenizer = WordPieceTokenizer([*SPECIALS, *words])
    config = BlockConfig(
        d_model=48, n_heads=12, d_hidden=96, n_layers=6, pre_norm=False, activation="gelu", dropout=dropout
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        bert = Bert(len(tokenizer), 128, config)
    return bert.eval(), tokenizer
