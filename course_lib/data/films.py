"""Sentences of film and of product reviews with the mean rating that people gave each, from -4 to 4.

The ground truth of Hutto and Gilbert 2014 (VADER, ICWSM-14; MIT licence), who had sentences of reviews from
Rotten Tomatoes rated, collected by Pang and Lee. It is read inside the source archive of `vaderSentiment`,
which `course lab` fetches into the cache; nothing is installed or unpacked, and no sentence is stored in the
course. Needs no torch.

Of the 10,605 sentences the 10,072 with a clear rating are kept: a mean of at most -0.5 is negative (label 0),
of at least 0.5 positive (label 1). What lies between, 0 among it, has no label to blame a model for.
The product reviews stand in the same archive, rated in the same way: sentences about five devices, collected
by Hu and Liu (2004); 2,985 of 3,708 are clear.
"""

import html
import re
import tarfile
from dataclasses import dataclass

import numpy as np

from course_lib.data.archives import FILM_SENTENCES, checked_path

INSIDE = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
FILE = "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt"
PRODUCTS = "hutto_ICWSM_2014/amazonReviewSnippets_GroundTruth.txt"
CLEAR = 0.5  # the least distance of a mean rating from 0


@dataclass(frozen=True)
class FilmSentence:
    """A sentence, its mean rating (-4 to 4), and its label: 1 positive, 0 negative."""

    text: str
    rating: float
    label: int


@dataclass(frozen=True)
class Films:
    """Sentences in three parts; no sentence is in two of them, whatever its punctuation or capitals."""

    train: list[FilmSentence]
    validation: list[FilmSentence]
    test: list[FilmSentence]
    source: str


def load_films(seed: int = 0) -> Films:
    """All clear sentences in random order: about 80 % for training, 10 % for validation, 10 % for testing.

    Raises DataMissingError, which names the command that helps, when the archive is not in the cache.
    """
    return divided(parse(read_archive(FILE)), (0.8, 0.9), seed, source("film"))


def load_products(seed: int = 0) -> Films:
    """Clear sentences about products: about 40 % for training, 10 % for validation, 50 % for testing.

    Raises DataMissingError as `load_films` does.
    """
    return divided(parse(read_archive(PRODUCTS)), (0.4, 0.5), seed, source("product"))


def divided(sentences: list[FilmSentence], ends: tuple[float, float], seed: int, source: str) -> Films:
    """Three parts in random order; training ends at the share `ends[0]`, validation at `ends[1]`."""
    keys = [same_text(sentence.text) for sentence in sentences]
    order = dict.fromkeys(keys[i] for i in np.random.default_rng(seed).permutation(len(keys)))
    place = {key: i / len(order) for i, key in enumerate(order)}
    parts: tuple[list[FilmSentence], ...] = ([], [], [])
    for key, sentence in sorted(zip(keys, sentences, strict=True), key=lambda pair: place[pair[0]]):
        parts[(place[key] >= ends[0]) + (place[key] >= ends[1])].append(sentence)
    return Films(*parts, source)


def source(kind: str) -> str:
    """Where the sentences come from."""
    return f"{kind} sentences rated for VADER (Hutto and Gilbert 2014, MIT), from vaderSentiment 3.3.2"


def read_archive(file: str) -> str:
    """This file of ground truth, read from the archive in the archive of the cache."""
    path = checked_path(FILM_SENTENCES, FILM_SENTENCES.file)
    with tarfile.open(path) as outer, tarfile.open(fileobj=outer.extractfile(INSIDE)) as inner:
        return inner.extractfile(file).read().decode("utf-8")


def parse(table: str) -> list[FilmSentence]:
    """The sentences with a clear rating of a table with lines "id, mean rating, text", split by tabs.

    Raises ValueError for a line of another form.
    """
    sentences = []
    for number, line in enumerate(table.splitlines(), start=1):
        fields = line.split("\t")
        if len(fields) != 3:
            raise ValueError(
                f"line {number} of the table must have 3 fields (id, rating, text); got {len(fields)}"
            )
        rating = float(fields[1])
        if abs(rating) >= CLEAR:
            text = " ".join(html.unescape(fields[2]).split())  # the table has runs of spaces for dashes
            sentences.append(FilmSentence(text, rating, int(rating > 0)))
    return sentences


def same_text(text: str) -> str:
    """The words alone, in small letters: equal for two copies of a sentence."""
    return " ".join(re.findall(r"\w+", text.lower()))
