"""A toy grammar that is small enough to list: what a reader of both sides and one of the left can know.

The verb agrees with its subject across another noun. All sentences are listed with their probabilities, so
the two conditional probabilities are exact sums. No model is trained.
"""

from functools import cache
from itertools import product

import numpy as np

MASK = "[MASK]"
PLURAL = 0.4  # share of nouns in the plural
NOUNS = {
    ("dog", "dogs"): 0.3,
    ("cow", "cows"): 0.25,
    ("child", "children"): 0.2,
    ("farmer", "farmers"): 0.15,
    ("mouse", "mice"): 0.1,
}
ADJECTIVES = {"": 0.5, "hungry": 0.3, "old": 0.2}
PLACES = {"near": 0.5, "behind": 0.3, "beside": 0.2}
VERBS = {
    ("is", "are"): 0.3,
    ("was", "were"): 0.2,
    ("has", "have"): 0.15,
    ("sleeps", "sleep"): 0.15,
    ("sings", "sing"): 0.1,
    ("goes", "go"): 0.1,
}
ENDS = {
    "is": ("tired", "happy"),
    "was": ("tired", "happy"),
    "has": ("bread", "time"),
    "sleeps": ("quietly", "today"),
    "sings": ("quietly", "today"),
    "goes": ("home", "away"),
}
FIRST_END = 0.6
SHAPES = {"alone": 0.2, "behind": 0.56, "before": 0.24}  # where the other noun stands


@cache
def listed() -> tuple[list[str], np.ndarray, np.ndarray]:
    """The vocabulary, all sentences as rows of its indices (-1 after the end), and their probabilities."""
    sentences, chances = zip(*(built for subject in forms() for built in around(subject)), strict=True)
    vocabulary = sorted({word for sentence in sentences for word in sentence})
    index = {word: i for i, word in enumerate(vocabulary)}
    longest = max(map(len, sentences))
    rows = [[index[word] for word in s] + [-1] * (longest - len(s)) for s in sentences]
    return vocabulary, np.array(rows), np.array(chances)


def forms() -> list[tuple[tuple[str, str], int, float]]:
    """Each noun in each number (0 singular, 1 plural) with its probability."""
    return [
        (noun, number, chance * (PLURAL if number else 1 - PLURAL))
        for noun, chance in NOUNS.items()
        for number in (0, 1)
    ]


def around(subject: tuple[tuple[str, str], int, float]):
    """All sentences about one subject, each with its probability."""
    noun, number, chance = subject
    for (adjective, a), (front, back, p), (end, e) in product(ADJECTIVES.items(), others(noun), ends(number)):
        yield [*front, "the", *adjective.split(), noun[number], *back, *end, "."], chance * a * p * e


def others(subject: tuple[str, str]) -> list[tuple[list[str], list[str], float]]:
    """What stands before and behind the subject with another noun, or neither, and its probability."""
    phrases: list[tuple[list[str], list[str], float]] = [([], [], SHAPES["alone"])]
    for (noun, number, chance), (place, p) in product(forms(), PLACES.items()):
        if noun != subject:
            share, phrase = p * chance / (1 - NOUNS[subject]), [place, "the", noun[number]]
            phrases += [([], phrase, SHAPES["behind"] * share), (phrase, [], SHAPES["before"] * share)]
    return phrases


def ends(number: int) -> list[tuple[list[str], float]]:
    """A verb in this number and the word after it, with the probability of both."""
    return [
        ([verb[number], word], chance * (1 - FIRST_END if i else FIRST_END))
        for verb, chance in VERBS.items()
        for i, word in enumerate(ENDS[verb[0]])
    ]


def vocabulary() -> list[str]:
    """The words of the toy grammar, in alphabetical order."""
    return list(listed()[0])


def both_sides(tokens: list[str], position: int) -> np.ndarray:
    """P(word at `position` | all other words of the sentence), exact, (n_vocab,). Like BERT's question."""
    rows, chances = listed()[1:]
    whole = (rows >= 0).sum(axis=1) == len(tokens)
    return shares(tokens, position, chances * whole)


def left_only(tokens: list[str], position: int) -> np.ndarray:
    """P(word at `position` | the words before it), exact, (n_vocab,). Like GPT's question."""
    rows, chances = listed()[1:]
    there = position < rows.shape[1] and rows[:, min(position, rows.shape[1] - 1)] >= 0
    return shares(tokens[:position], position, chances * there)


def shares(tokens: list[str], position: int, chances: np.ndarray) -> np.ndarray:
    """Shares of the words at `position` among the sentences that have the other tokens."""
    words, rows = listed()[:2]
    for i, token in enumerate(tokens[: rows.shape[1]]):
        if i != position:
            chances = chances * (rows[:, i] == (words.index(token) if token in words else -2))
    if not chances.sum():
        text = " ".join(tokens) or "an empty text"
        raise ValueError(f"the toy grammar has no sentence that fits '{text}'")
    found = np.bincount(rows[chances > 0, position], chances[chances > 0], len(words))
    return found / found.sum()
