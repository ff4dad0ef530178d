"""Sentences of a toy grammar in which the verb agrees with its subject, not with the nearest noun.

"the hungry cows near the dog sleep": the dog is an attractor, which lures a reader of the last noun alone
into "sleeps" (Linzen, Dupoux and Goldberg 2016 test language models so, on real sentences). A reader of the
first noun alone fails too: "near the dogs the hungry cow sleeps".

Licence: the course's own. Generated with a seed; needs neither torch nor the network.
"""

from dataclasses import dataclass

import numpy as np

NOUNS = {
    "cow": "cows",
    "dog": "dogs",
    "cat": "cats",
    "horse": "horses",
    "farmer": "farmers",
    "teacher": "teachers",
    "child": "children",
    "mouse": "mice",
    "goose": "geese",
    "wolf": "wolves",
    "fox": "foxes",
    "woman": "women",
    "man": "men",
    "king": "kings",
    "queen": "queens",
    "bird": "birds",
}
VERBS = {
    "sleeps": "sleep",
    "waits": "wait",
    "sings": "sing",
    "runs": "run",
    "is": "are",
    "was": "were",
    "has": "have",
    "goes": "go",
    "laughs": "laugh",
    "eats": "eat",
    "jumps": "jump",
    "smiles": "smile",
}
ENDS = {
    "is": ["tired", "happy", "here"],
    "was": ["tired", "happy", "here"],
    "has": ["a house", "time", "bread"],
    "goes": ["home", "away", "slowly"],
}
OTHER_ENDS = ["", "quietly", "today", "slowly"]
ADJECTIVES = ["", "", "hungry", "old", "young", "small", "clever", "brown", "quiet", "tall"]
PREPOSITIONS = ["near", "behind", "beside", "opposite", "with", "after"]
MASK = "[MASK]"


@dataclass(frozen=True)
class Agreement:
    """A sentence with [MASK] for its verb, the form that agrees, the other form, and the nouns' numbers.

    `attractor` is "same" or "other": whether the nouns that are not the subject have its number.
    """

    masked: str
    right: str
    wrong: str
    attractor: str


@dataclass(frozen=True)
class Grammar:
    """Sentences to learn from, and a test of agreement.

    No pair (subject, attractor) of nouns of a test sentence is a pair of a training sentence, in any number.
    """

    train: list[str]
    test: list[Agreement]
    source: str


def grammar(n: int = 20_000, n_test: int = 1_000, seed: int = 0) -> Grammar:
    """`n` training sentences and `n_test` test sentences, half of them with attractors of the other number.

    One fifth of all pairs of nouns is held out for the test. Raises ValueError when n or n_test is below 1.
    """
    if n < 1 or n_test < 1:
        raise ValueError(f"grammar() needs n and n_test of at least 1; got n={n}, n_test={n_test}")
    rng = np.random.default_rng(seed)
    pairs = [(subject, other) for subject in NOUNS for other in NOUNS if subject != other]
    pairs = [pairs[i] for i in rng.permutation(len(pairs))]
    cut = len(pairs) // 5
    train = [_training_sentence(rng, pairs[cut:]) for _ in range(n)]
    test = [_test_sentence(rng, pairs[:cut], other=i % 2 == 1) for i in range(n_test)]
    return Grammar(train, test, "a toy grammar of English with agreement, generated")


def _training_sentence(rng: np.random.Generator, pairs: list[tuple[str, str]]) -> str:
    subject, other = pairs[rng.integers(len(pairs))]
    plural, other_plural = (rng.random(2) < 0.5).tolist()
    phrase = _noun_phrase(rng, subject, plural)
    if rng.random() < 0.8:
        phrase = _with_attractor(rng, phrase, _noun_phrase(rng, other, other_plural))
    singular_verb, end = _verb_and_end(rng)
    return f"{phrase} {_form(VERBS, singular_verb, plural)} {end}".strip()


def _test_sentence(rng: np.random.Generator, pairs: list[tuple[str, str]], other: bool) -> Agreement:
    subject, attractor = pairs[rng.integers(len(pairs))]
    plural = bool(rng.random() < 0.5)
    phrase = _with_attractor(
        rng, _noun_phrase(rng, subject, plural), _noun_phrase(rng, attractor, plural != other)
    )
    verb, end = _verb_and_end(rng)
    right, wrong = _form(VERBS, verb, plural), _form(VERBS, verb, not plural)
    return Agreement(f"{phrase} {MASK} {end}".strip(), right, wrong, "other" if other else "same")


def _noun_phrase(rng: np.random.Generator, noun: str, plural: bool) -> str:
    adjective = ADJECTIVES[rng.integers(len(ADJECTIVES))]
    return " ".join(f"the {adjective} {_form(NOUNS, noun, plural)}".split())


def _with_attractor(rng: np.random.Generator, subject: str, attractor: str) -> str:
    """The attractor behind the subject, or, three times in ten, before it."""
    place = f"{PREPOSITIONS[rng.integers(len(PREPOSITIONS))]} {attractor}"
    return f"{place} {subject}" if rng.random() < 0.3 else f"{subject} {place}"


def _verb_and_end(rng: np.random.Generator) -> tuple[str, str]:
    """A verb, in the singular, and what may follow it."""
    verb = list(VERBS)[rng.integers(len(VERBS))]
    ends = ENDS.get(verb, OTHER_ENDS)
    return verb, ends[rng.integers(len(ends))]


def _form(table: dict[str, str], singular: str, plural: bool) -> str:
    return table[singular] if plural else singular
